import {
  type Detector,
  isDigitAt,
  isInsideWord,
  isWordAt,
  pastDigits,
  type Range,
} from './detector.ts'

/**
 * Phone numbers: `+` or `00` and the code of a country (ITU-T E.164), and the common ways to group a national number
 * (`030 1234567`, `0171-2345678`, `01 23 45 67 89`, `(212) 555-0100`, `212-555-0100`).
 *
 * A national number without any separator is not found: among passwords, `0123456789` is a row of keys and not a phone.
 * Addresses, times, sizes, hashes, UUIDs and ports are left alone by what must stand before and behind a number.
 */
export const phone: Detector = { name: 'phone', find }

const START = /\+|\(|\d+/g
/** ITU-T E.164: no number has more digits with the code of its country. */
const DIGITS_MAX = 15

const NONE: readonly Range[] = []
/** Most texts have no row of digits and what stands between them that is long enough for a number. */
const ENOUGH = /\d[\d ().\u00a0\u202f\u2010\u2011/-]{6}/

function find(text: string): readonly Range[] {
  if (!ENOUGH.test(text)) return NONE
  const ranges: Range[] = []
  START.lastIndex = 0
  for (let found = START.exec(text); found !== null; found = START.exec(text)) {
    const start = found.index
    const end = endOf(text, start)
    if (end === start) continue
    ranges.push([start, end])
    START.lastIndex = end
  }
  return ranges
}

/** The end of the number that begins here; `start` where none does. Looks at a bounded part of the text. */
function endOf(text: string, start: number): number {
  if (isInsideWord(text, start)) return start
  const first = text[start]
  if (first === '+') return endOfGroups(text, start, start + 1, isInternational)
  if (!isAfterBreak(text, start)) return start
  if (first === '0' && text[start + 1] === '0')
    return endOfGroups(text, start, start + 2, isInternationalPrefixed)
  for (const form of FORMS) {
    form.lastIndex = start
    if (form.test(text) && isEnd(text, form.lastIndex)) return form.lastIndex
  }
  const isTrunk = first === '0' || (first === '(' && text[start + 1] === '0')
  return isTrunk && !MODE.test(before(text, start))
    ? endOfGroups(text, start, start, isNational)
    : start
}

/** National ways to write a number whose groups have fixed lengths. */
const FORMS: readonly RegExp[] = [
  /0[1-9]([ .-])\d\d(?:\1\d\d){3}(?!\1?\w)/y, // 01 23 45 67 89
  /(?:1[ .-])?\(?[2-9]\d\d(?:\)[ -]?|[.-])[2-9]\d\d[ .-]\d{4}(?![ .-]?\d)/y, // (212) 555-0100, 1-800-555-0100
]

const GAP =
  /(?:[ \u00a0\u202f-]?\(|\)[ \u00a0\u202f-]?|[ \u00a0\u202f./\u2010\u2011-]| [/-] )(?=\d)/y

type Accept = (digits: string, groups: readonly number[]) => boolean

/** The end of the longest row of groups that is accepted; `start` where none is. */
function endOfGroups(text: string, start: number, from: number, accept: Accept): number {
  let digits = ''
  const groups: number[] = []
  let at = text[from] === '(' ? from + 1 : from
  let best = start
  while (digits.length <= DIGITS_MAX) {
    const next = pastDigits(text, at, DIGITS_MAX + 1)
    if (next === at) break
    digits += text.slice(at, next)
    groups.push(next - at)
    if (digits.length <= DIGITS_MAX && isEnd(text, next) && accept(digits, groups)) best = next
    GAP.lastIndex = next
    const gap = GAP.exec(text)
    if (gap === null) break
    at = next + gap[0].length
  }
  return best > start && COUNT.test(before(text, start)) ? start : best
}

const isInternational: Accept = (digits, groups) =>
  isAssigned(digits) && digits.length >= (groups.length > 1 ? 8 : 10)

/** Zeros that fill up a number are not the sign for abroad: more is asked of it. */
const isInternationalPrefixed: Accept = (digits, groups) =>
  isAssigned(digits) && digits.length >= (groups.length > 1 ? 9 : 11)

/** `030 1234567`: a code with its zero, then five to ten digits. */
const isNational: Accept = (digits, groups) => {
  const code = groups[0]!
  const rest = digits.length - code
  return /^0[1-9]/.test(digits) && code >= 3 && code <= 6 && rest >= 5 && rest <= 10
}

function isAssigned(digits: string): boolean {
  // The plan of North America has one length; its codes of areas and offices begin with 2 to 9.
  return digits.startsWith('1') ? /^1[2-9]\d\d[2-9]\d{6}$/.test(digits) : COUNTRY.test(digits)
}

/** Assigned codes (ITU-T E.164, list of country codes), the longest of which has three digits. */
const COUNTRY =
  /^(?:7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2(?:1[1-368]|[2346]\d|5[0-8]|9[01789])|3(?:5\d|7\d|8[0-35-79])|42[013]|5[09]\d|6(?:7\d|8\d|9[0-2])|8(?:00|08|5[02356]|70|78|8[0-368])|9(?:6[0-8]|7[0-79]|9[2-68]))/

const BREAK = /[\s()[\]{}"'`,;=<>/|\u0000]/

/** A number without a plus begins a word: after a dot, a colon or a hyphen it is a part of something longer. */
function isAfterBreak(text: string, start: number): boolean {
  const left = text[start - 1]
  if (left === undefined || BREAK.test(left) || isWordAt(text, start - 1)) return true
  return left === ':' && /[A-Za-z]/.test(text[start - 2] ?? '') // tel:030 1234567
}

/** A number ends before a word, and before no further digit of an address, a time or a date. */
function isEnd(text: string, at: number): boolean {
  if (isWordAt(text, at)) return false
  return !/[.:+-]/.test(text[at] ?? '') || !isDigitAt(text, at + 1)
}

/** Enough of what stands before a number to tell what it is for. */
function before(text: string, start: number): string {
  return text.slice(Math.max(0, start - 12), start)
}

/** `find -size +4900000000`, `tail -c +4900000000`: a count. */
const COUNT = /(?:^|\s)-(?:size|[acm]time|[acm]min|inum|links|uid|gid|c|n|k)\s*$/

/** `chmod 0755 1234567`: the mode of a file. */
const MODE = /(?:chmod|mknod|mode|-m|umask)[ =]$/
