/**
 * Characters that no reader can be shown as they are, spelled out.
 *
 * Texts from the store hold no hostile character any more; encoders look all the same, so that they are safe for any
 * string. Unlike `toVisible`, nothing typed is doubled unless an escape follows it: a text in visible form stays as
 * it is.
 */

/** What the visible form escapes: see `src/neutralize/visible.ts`. Kept apart from it, as a second opinion. */
const HOSTILE =
  '\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\p{Noncharacter_Code_Point}'

// Blanks that look like a space or like none, and code points of which nobody knows how wide they are.
const ODD = '\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u2800\\u3000\\p{Co}\\p{Cn}'

// Right-to-left letters and Arabic numbers: they reorder the line that they stand in, neighbours included. Blocks
// with these defaults: https://www.unicode.org/Public/UCD/latest/ucd/extracted/DerivedBidiClass.txt
const RIGHT_TO_LEFT =
  '\\u0590-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufeff\\u{10800}-\\u{10fff}\\u{1e800}-\\u{1efff}'

const HOSTILE_ANY = new RegExp(`[${HOSTILE}]`, 'gu')
const ISOLATED_ANY = new RegExp(`[${HOSTILE}${ODD}]`, 'gu')
const LINE_ANY = new RegExp(`[${HOSTILE}${ODD}${RIGHT_TO_LEFT}]`, 'gu')
const NOT_ASCII = /[^\x20-\x7e]/gu
const ONLY_ASCII = /^[\x20-\x7e]*$/

// What is drawn over the character before it: marks, and Hangul vowels and finals.
const MARKS = /[\p{M}\u1160-\u11ff\ud7b0-\ud7fb]+/gu
const BASE = /[\p{L}\p{N}]$/u

/** Marks over one letter that are shown; no written language needs more. */
const MARKS_MAX = 3

/**
 * How much a context can bear:
 * - `line`: a line of plain text, where right-to-left letters would move their neighbours
 * - `isolated`: a cell or element with a direction of its own
 * - `exact`: a machine reads it
 * - `ascii`: everything else is spelled out
 */
export type Degree = 'line' | 'isolated' | 'exact' | 'ascii'

const PATTERNS: Readonly<Record<Degree, RegExp>> = {
  line: LINE_ANY,
  isolated: ISOLATED_ANY,
  exact: HOSTILE_ANY,
  ascii: NOT_ASCII,
}

/** Spells out what a context cannot bear. The result is one line without control characters, for any string. */
export function spellOut(text: string, degree: Degree): string {
  if (ONLY_ASCII.test(text)) return text
  const visible = text.replace(PATTERNS[degree], escapeAt)
  if (degree === 'exact' || degree === 'ascii') return visible
  return visible.replace(MARKS, (marks: string, at: number) => {
    // A mark without a letter would be drawn over a character of ours, or over the escape before it.
    const before = visible.slice(Math.max(0, at - 2), at)
    const all = [...marks]
    const kept = BASE.test(before) ? MARKS_MAX : 0
    return all.slice(0, kept).join('') + all.slice(kept).map(escapeOf).join('')
  })
}

/** Backslashes typed right before an escape are doubled, so that no typed text passes for one. */
function escapeAt(found: string, at: number, text: string): string {
  let first = at
  while (first > 0 && text[first - 1] === '\\') first -= 1
  return text.slice(first, at) + escapeOf(found)
}

function escapeOf(found: string): string {
  return `\\u{${found.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}}`
}
