import { createHash } from 'node:crypto'

declare const safe: unique symbol

/** Text fit to store and show: control, bidi and invisible characters made visible. Each output still encodes it. */
export type SafeText = string & { readonly [safe]: true }

const WITHHELD = '[hostile text withheld]'

/** Text an attacker wrote, as written. Printing, logging or serializing it yields a placeholder. */
export class HostileText {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The attacker's own text. Called in `neutralize/`, `seal/` and `evidence/` alone. */
  expose(): string {
    return this.#value
  }

  toString(): string {
    return WITHHELD
  }

  toJSON(): string {
    return WITHHELD
  }

  /** What `console.log` and assertion messages show. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return WITHHELD
  }
}

/**
 * A text of at most so many characters, as safe as it was, for keys and headlines.
 *
 * Where something is left out, the end names the whole by the start of its hash: two long texts stay two.
 *
 * @param charsMax - at least 20
 */
export function shortText<Text extends string>(text: Text, charsMax: number): Text {
  if (text.length <= charsMax) return text
  const name = createHash('sha256').update(text).digest('hex').slice(0, 8)
  // A piece of a safe text is safe; half a surrogate pair would not be.
  const kept = text.slice(0, charsMax - 10).replace(/[\ud800-\udbff]$/, '')
  return `${kept}… ${name}` as Text
}

/** Safe texts one after the other: what is safe in parts is safe as a whole. @param separator - of the program */
export function joinText(parts: readonly SafeText[], separator: string): SafeText {
  return parts.join(separator) as SafeText
}

/** A safe text of at most so many characters, with an ellipsis where something is left out. */
export function cutText(text: SafeText, charsMax: number): SafeText {
  if (text.length <= charsMax) return text
  // As above.
  return `${text.slice(0, charsMax - 1).replace(/[\ud800-\udbff]$/, '')}…` as SafeText
}

/** Safe texts in a row; what joins them is ours. */
export function joinTexts(texts: readonly SafeText[], separator: '; ' | ', '): SafeText {
  return texts.join(separator) as SafeText
}

/** What stands for a text of no characters. */
const EMPTY = '(empty)'

/**
 * A text as people read it: one of no characters is named. Whoever typed that name gets it in quotes, one pair more than
 * were typed, so that two texts never look the same.
 */
export function textShown(text: SafeText): SafeText {
  // Words of ours beside a safe text: as safe as it.
  if (text === '') return EMPTY as SafeText
  return (/^"*\(empty\)"*$/.test(text) ? `"${text}"` : text) as SafeText
}

/** A pair of user and password, `root / 123456`, as people read it: each half as `textShown` has it. */
export function credentialShown(pair: SafeText): SafeText {
  const first = /^(?:"*\(empty\)"*)?(?= \/ )/
  const last = /(?<= \/ )(?:"*\(empty\)"*)?$/
  const shown = (half: string): string => textShown(half as SafeText) // part of a safe text
  return pair.replace(first, shown).replace(last, shown) as SafeText
}

/** Orders text by its UTF-8 bytes, the one order every engine and output shares. */
export function compareUtf8(a: string, b: string): number {
  // UTF-16 order differs from UTF-8 order only where a surrogate meets a unit above the surrogates.
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i += 1) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left === right) continue
    const leftSurrogate = left >= 0xd800 && left <= 0xdfff
    const rightSurrogate = right >= 0xd800 && right <= 0xdfff
    if (leftSurrogate !== rightSurrogate)
      return leftSurrogate
        ? right >= 0xe000
          ? 1
          : left - right
        : left >= 0xe000
          ? -1
          : left - right
    return left - right
  }
  return a.length - b.length
}
