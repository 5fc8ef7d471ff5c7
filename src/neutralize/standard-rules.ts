/** The rules of this program, with the readers of texts that they need; and those of earlier loads, out of the store. */
import type { TextMatcher } from '../core/verdict.ts'
import { type RuleDefinition, readDefinition } from './rules/definition.ts'
import { loadRules, readRules } from './rules/load.ts'
import {
  compileRules,
  ENGINE,
  type RuleOptions,
  type RuleSet,
  ruleSetVersion,
} from './rules/rule-set.ts'
import { shellFacts } from './shell.ts'
import { unwrap } from './unwrap/unwrap.ts'

/** A rule as the store keeps it: what decides a verdict, as JSON made in one way only. */
export type KeptRule = { readonly id: string; readonly definition: string }

export type StandardRules = TextMatcher &
  Omit<RuleSet, 'without'> & {
    readonly texts: readonly KeptRule[]
    /** Whether rules that were kept are the ones of a version. */
    isRuleSet(version: string, kept: readonly KeptRule[]): boolean
    /** Rules that were kept, compiled again; undefined when this program reads texts in another way than it did then. */
    compile(version: string, kept: readonly KeptRule[]): TextMatcher | undefined
  }

/**
 * @param folder - URL of the folder of rules
 * @param watch - who is told of a rule that took longer than its budget, by which clock
 * @throws RulesError
 */
export function standardRules(
  folder: URL,
  watch: Pick<RuleOptions, 'onSlow' | 'now'> = {},
): StandardRules {
  const options: RuleOptions = {
    unwrap,
    shellFacts,
    ...watch,
  }
  const rules = loadRules(folder, options)
  const compiledSets = new Map<string, TextMatcher>()
  return {
    version: rules.version,
    definitions: rules.definitions,
    match: (text, fieldClass) => rules.match(text, fieldClass),
    explain: (text, fieldClass) => rules.explain(text, fieldClass),
    without: (ids) => rules.without(ids),
    texts: keptOf(rules.definitions),
    isRuleSet(version, kept) {
      const definitions = kept.map(readKept)
      // What another engine made cannot be checked here; that its rows say so is all there is.
      if (definitions.every((one) => one === 'other-engine')) return true
      const own = wholeOf(definitions)
      return own !== undefined && ruleSetVersion(own) === version
    },
    compile(version, kept) {
      const own = wholeOf(kept.map(readKept))
      if (own === undefined || own.length === 0 || ruleSetVersion(own) !== version) return undefined
      const compiled = compiledSets.get(version) ?? compileRules(own, options)
      compiledSets.set(version, compiled)
      return compiled
    },
  }
}

/**
 * The rules of a folder as the store keeps them, without compiling them.
 *
 * @throws RulesError
 */
export function keptRules(folder: URL): KeptRule[] {
  return keptOf(readRules(folder))
}

function keptOf(definitions: readonly RuleDefinition[]): KeptRule[] {
  return definitions.map((rule) => ({ id: rule.id, definition: keptText(rule) }))
}

function keptText(rule: RuleDefinition): string {
  return JSON.stringify({
    engine: ENGINE,
    id: rule.id,
    version: rule.version,
    axis: rule.axis,
    score: rule.score,
    techniques: rule.techniques,
    on: rule.on,
    family: rule.family ?? null,
    pattern: rule.pattern ?? null,
    exact: rule.isExact,
    commands: rule.commands,
    literals: rule.literals,
  })
}

/** @returns undefined when one of them cannot be read here */
function wholeOf(read: readonly ReturnType<typeof readKept>[]): RuleDefinition[] | undefined {
  const rules = read.filter((one): one is RuleDefinition => typeof one === 'object')
  return rules.length === read.length ? rules : undefined
}

/** @returns `damaged` for a text that this program has not written */
function readKept({ id, definition }: KeptRule): RuleDefinition | 'other-engine' | 'damaged' {
  try {
    const { engine, family, pattern, ...rest } = JSON.parse(definition) as Record<string, unknown>
    if (typeof engine === 'number' && engine < ENGINE && engine > 0) return 'other-engine'
    const rule = readDefinition(
      {
        ...rest,
        ...(family === null ? {} : { family }),
        ...(pattern === null ? {} : { pattern }),
        // What does not decide a verdict is not kept.
        title: id,
        reason: 'https://kept.example/',
        matches: [id],
        misses: [id],
      },
      id,
    )
    return rule.id === id && keptText(rule) === definition ? rule : 'damaged'
  } catch {
    return 'damaged'
  }
}
