/** STUB while the rules are written elsewhere. */
import type { TextMatcher } from '../core/verdict.ts'

export type StandardRules = TextMatcher & {
  readonly texts: readonly { readonly id: string; readonly definition: string }[]
  /** Whether rules that were kept are the ones of a version. */
  isRuleSet(
    version: string,
    texts: readonly { readonly id: string; readonly definition: string }[],
  ): boolean
  /** Rules that were kept, compiled again; undefined when this program reads texts in another way than it did then. */
  compile(
    version: string,
    texts: readonly { readonly id: string; readonly definition: string }[],
  ): TextMatcher | undefined
}

export function standardRules(_folder: URL, _onSlow?: (id: string) => void): StandardRules {
  const make = (off: readonly string[]): StandardRules => ({
    version: `stub-${off.length}`,
    texts: [
      { id: 'threat.stub', definition: '{}' },
      { id: 'hazard.stub', definition: '{}' },
    ],
    match: (text) => {
      const rules: string[] = []
      if (/\u001b\]52/.test(text)) rules.push('hazard.stub')
      if (/wget/.test(text)) rules.push('threat.stub')
      return {
        rules,
        layers: [],
        threat: rules.includes('threat.stub') ? 50 : 0,
        hazard: rules.includes('hazard.stub') ? 95 : 0,
      }
    },
    isRuleSet: () => true,
    compile: () => undefined,
    without: (ids) => make([...off, ...ids]),
  })
  return make([])
}
