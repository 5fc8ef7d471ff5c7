/**
 * The visible form of hostile characters.
 *
 * `\u{1B}` stands for a code point, `\b{FF}` for a byte that is not UTF-8. Backslashes that a person typed right
 * before `u{` or `b{` are doubled, so that no typed text can pass for an escape: the form is injective.
 */
import { isUtf8 } from 'node:buffer'
import type { HostileText, SafeText } from '../core/text.ts'

// C0, DEL, C1; soft hyphen, Arabic letter mark, Hangul and Khmer fillers, Mongolian separators; zero-width and bidi
// marks, line and paragraph separators, invisible operators and isolates; Hangul filler, variation selectors, BOM,
// interlinear annotation; non-characters; lone surrogates; musical invisible, tags and supplementary selectors.
// Sources: Unicode 17 general categories Cc, Cf, Cs, Zl, Zp, Default_Ignorable_Code_Point, Noncharacter_Code_Point.
const HOSTILE_CLASS =
  '[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\p{Noncharacter_Code_Point}]'
const HOSTILE = new RegExp(HOSTILE_CLASS, 'u')
// A run of backslashes is looked at once and whole: a condition on what follows would be tried at each of them.
const TO_ESCAPE = new RegExp(`${HOSTILE_CLASS}|\\\\+`, 'gu')
const ESCAPE_FOLLOWS = new RegExp(`[ub]\\{|${HOSTILE_CLASS}`, 'uy')
const TYPED = /\\[ub]\{/
const VISIBLE = /(\\+)(?:u\{([0-9A-F]{1,6})\}|b\{([0-9A-F]{2})\}|(?=([ub])\{)|)/g

/** Whether the visible form of a string differs from the string. */
export function needsVisible(text: string): boolean {
  return HOSTILE.test(text) || TYPED.test(text)
}

/**
 * Makes every hostile character of a text visible. Injective: `fromVisible` gives the text back.
 *
 * @param text - any string, lone surrogates included
 */
export function toVisible(text: string): SafeText {
  if (!needsVisible(text)) return text as SafeText // checked in the line above: nothing in it needs an escape
  return escapeAll(text) as SafeText // the replacement leaves no hostile character
}

/** The visible form of a text as the attacker wrote it. */
export function visibleOf(hostile: HostileText): SafeText {
  return toVisible(hostile.expose())
}

/**
 * The visible form of a text with bytes that are not UTF-8.
 *
 * @param parts - strings and, between them, the undecodable bytes as numbers (0 to 255)
 */
export function toVisibleParts(parts: readonly (string | number)[]): SafeText {
  let visible = ''
  parts.forEach((part, i) => {
    if (typeof part === 'number') {
      visible += `\\b{${part.toString(16).toUpperCase().padStart(2, '0')}}`
      return
    }
    const escaped = escapeAll(part)
    // The escape of the byte follows: backslashes right before it were typed.
    visible += escaped
    if (typeof parts[i + 1] === 'number') visible += '\\'.repeat(backslashesAtEnd(part))
  })
  return visible as SafeText // every part is escaped
}

/**
 * A name that somebody gave in either form: as it is, or in visible form, as outputs show it and as people paste it.
 *
 * A name with escapes of its own is to be given in visible form.
 */
export function visibleName(given: string): SafeText {
  const visible = toVisible(fromVisible(given))
  // Bytes come back as code points of their own, which no name has beside bytes.
  return given.includes('\\b{')
    ? (visible.replace(/\\u\{DC([89A-F][0-9A-F])\}/g, '\\b{$1}') as SafeText)
    : visible
}

/**
 * Turns a visible form back into the text it was made from.
 *
 * Bytes that were not UTF-8 come back as the code points U+DC80 to U+DCFF (Python's `surrogateescape`).
 */
export function fromVisible(visible: string): string {
  if (!TYPED.test(visible)) return visible
  return visible.replace(
    VISIBLE,
    (whole, backslashes: string, codePoint?: string, byte?: string, typed?: string) => {
      if (codePoint === undefined && byte === undefined && typed === undefined) return whole
      const pairs = '\\'.repeat(backslashes.length >> 1)
      // An even run is typed backslashes, each doubled; an odd one ends with the backslash of an escape.
      if (backslashes.length % 2 === 0) return pairs + whole.slice(backslashes.length)
      if (codePoint !== undefined)
        return pairs + String.fromCodePoint(Number.parseInt(codePoint, 16))
      if (byte !== undefined) return pairs + String.fromCharCode(0xdc00 + Number.parseInt(byte, 16))
      return whole
    },
  )
}

function backslashesAtEnd(text: string): number {
  let start = text.length
  while (start > 0 && text[start - 1] === '\\') start -= 1
  return text.length - start
}

function escapeAll(text: string): string {
  return text.replace(TO_ESCAPE, (found, at: number) => {
    if (!found.startsWith('\\'))
      return `\\u{${found.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}}`
    // Typed backslashes are doubled where an escape follows them, whether typed (`u{`, `b{`) or made by us.
    ESCAPE_FOLLOWS.lastIndex = at + found.length
    return ESCAPE_FOLLOWS.test(text) ? found + found : found
  })
}

/** The visible form of bytes: text where they are UTF-8, `\b{FF}` for each byte that is not. */
export function visibleBytesText(bytes: Uint8Array): SafeText {
  const parts: (string | number)[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = utf8Run(bytes, at)
    if (length > 0) {
      parts.push(Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('utf8'))
      at += length
    } else {
      parts.push(bytes[at]!)
      at += 1
    }
  }
  return toVisibleParts(parts)
}

/** How many bytes from here on are UTF-8: whole sequences, as RFC 3629 has them. */
function utf8Run(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length) {
    const first = bytes[at]!
    const length =
      first < 0x80
        ? 1
        : first < 0xc2
          ? 0
          : first < 0xe0
            ? 2
            : first < 0xf0
              ? 3
              : first < 0xf5
                ? 4
                : 0
    if (length === 0 || at + length > bytes.length) break
    if (length > 1 && !isUtf8(bytes.subarray(at, at + length))) break
    at += length
  }
  return at - from
}
