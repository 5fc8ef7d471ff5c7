/** What a text has in it that an encoding needs: looked at once, so that plain texts cost nearly nothing. */
import { LIMITS } from '../../limits.ts'

export const MARKS = {
  backslash: 1,
  percent: 2,
  ampersand: 4,
  /** Characters beyond ASCII, or NUL. */
  wide: 8,
  /** A run of 16 or more digits of base64. */
  longRun: 16,
  /** A long run of hexadecimal digits, or pairs of them. */
  hexRun: 32,
  /** What a shell acts on. */
  shell: 64,
  /** A blank in form encoding. */
  plus: 128,
} as const

const BASE64 = 256
const CODES = new Uint16Array(128)
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-')
  CODES[char.charCodeAt(0)] = BASE64
for (const char of '$`\'"{<') CODES[char.charCodeAt(0)] = MARKS.shell
CODES[0x00] = MARKS.wide
CODES[0x25] = MARKS.percent
CODES[0x26] = MARKS.ampersand
CODES[0x5c] = MARKS.backslash | MARKS.shell
CODES[0x2b] = BASE64 | MARKS.plus
CODES[0x7c] = 512

const RUN_MIN = 16
// What feeds a shell through a pipe without a quote or a sign of expansion.
const FEEDS = /\b(?:echo|printf|cat)\b/
const HEX =
  /(?<![0-9A-Za-z])(?:0[xX])?(?:[0-9A-Fa-f]{16}|(?:[0-9A-Fa-f]{2}(?:, ?| |:)(?:0[xX])?){7})/

/** The marks of a text; 0 for one that has nothing to undo. */
export function marksOf(text: string): number {
  const length = Math.min(text.length, LIMITS.unwrapCharsMax)
  let seen = 0
  let run = 0
  let runMax = 0
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at)
    if (code >= 128) {
      seen |= MARKS.wide
      run = 0
      continue
    }
    const kind = CODES[code]!
    seen |= kind
    if ((kind & BASE64) === 0) run = 0
    else {
      run += 1
      if (run > runMax) runMax = run
    }
  }
  let marks = seen & (MARKS.backslash | MARKS.percent | MARKS.ampersand | MARKS.wide | MARKS.shell)
  if ((seen & MARKS.plus) !== 0 && text.includes('=')) marks |= MARKS.plus
  if ((seen & 512) !== 0 && FEEDS.test(text)) marks |= MARKS.shell
  if (runMax >= RUN_MIN) marks |= MARKS.longRun
  if ((runMax >= RUN_MIN || length >= 23) && HEX.test(text)) marks |= MARKS.hexRun
  return marks
}
