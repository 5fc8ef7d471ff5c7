/** Puts encoded text together: literals of the program, and values that are encoded on their way in. */
import { type Context, Encoded } from '../core/encoded.ts'
import { HostileText, type SafeText } from '../core/text.ts'
import { visibleOf } from '../neutralize/visible.ts'

/** What may stand in a template of a context. A plain `string` may not: say `own` or `data`. */
export type Value<C extends Context> = Encoded<C> | number | SafeText | HostileText

/** The encoder of one context. As a tag (`terminal\`...\``) it takes its literals as they are written in the program. */
export type Composer<C extends Context> = {
  (literals: TemplateStringsArray, ...values: readonly Value<C>[]): Encoded<C>
  readonly context: C
  /** Text of an attacker, or of unknown origin. Any string, any length; never throws. */
  data(text: string | HostileText): Encoded<C>
  /** Text of the program or of the operator (a message, a path): as safe as `data`, without defanging. */
  own(text: string): Encoded<C>
  /** @param separator - of the program */
  join(parts: readonly Encoded<C>[], separator?: string): Encoded<C>
}

/**
 * @param rules.data - encodes any string
 * @param rules.own - the same for text of the program or the operator; `data` where there is no difference
 * @param rules.literal - for contexts in which the program's own literals need an encoding, too
 */
export function makeComposer<C extends Context>(
  context: C,
  rules: {
    readonly data: (text: string) => string
    readonly own?: (text: string) => string
    readonly literal?: (text: string) => string
  },
): Composer<C> {
  const literal = rules.literal ?? ((text: string) => text)
  const encode = (value: Value<C>): string => {
    if (value instanceof Encoded) {
      if (value.context !== context)
        throw new TypeError(`text for ${value.context} cannot stand in ${context}`)
      return value.text
    }
    return typeof value === 'number' ? literal(String(value)) : rules.data(safeOf(value))
  }
  const compose = (literals: TemplateStringsArray, ...values: readonly Value<C>[]): Encoded<C> => {
    let text = literal(literals[0]!)
    for (let i = 0; i < values.length; i += 1)
      text += encode(values[i]!) + literal(literals[i + 1]!)
    return Encoded.vouch(context, text)
  }
  return Object.assign(compose, {
    context,
    data: (text: string | HostileText) => Encoded.vouch(context, rules.data(safeOf(text))),
    own: (text: string) => Encoded.vouch(context, (rules.own ?? rules.data)(text)),
    join: (parts: readonly Encoded<C>[], separator = '') =>
      Encoded.vouch(context, parts.map(encode).join(literal(separator))),
  })
}

function safeOf(text: string | HostileText): string {
  return text instanceof HostileText ? visibleOf(text) : text
}
