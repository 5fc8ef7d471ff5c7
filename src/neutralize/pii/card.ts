import {
  type Detector,
  isDigitAt,
  isInsideWord,
  isWordAt,
  pastDigits,
  type Range,
} from './detector.ts'

/**
 * Numbers of payment cards: 13 to 19 digits in one run, or in groups of which the first has four, with single blanks or
 * hyphens between them; the prefix and length of an issuer (ISO/IEC 7812), and a right check digit.
 *
 * One in ten numbers of that length and prefix has a right check digit by chance. Digits within words, hashes and
 * decimal fractions are left alone.
 */
export const card: Detector = { name: 'card', find }

const DIGITS_MIN = 13
const DIGITS_MAX = 19
const NUMBER = /\d{4,}/g
const GAP = /[ \u00a0\u202f\u2010\u2011-]/

/** Prefixes and lengths of the networks. */
const ISSUERS: readonly RegExp[] = [
  /^4(?:\d{12}|\d{15}|\d{18})$/, // Visa
  /^(?=\d{16}$)(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, // Mastercard
  /^3[47]\d{13}$/, // American Express
  /^(?:6011|64[4-9]|65)\d{10,15}$/, // Discover
  /^(?:30[0-5]|3095|36|3[89])\d{10,16}$/, // Diners Club
  /^35(?:2[89]|[3-8]\d)\d{12,15}$/, // JCB
  /^(?:62|81)\d{14,17}$/, // UnionPay
  /^(?=\d{13,19}$)(?:50|5[6-8]|6304|639|67)/, // Maestro
  /^220[0-4]\d{12,15}$/, // Mir
]

function find(text: string): readonly Range[] {
  const ranges: Range[] = []
  NUMBER.lastIndex = 0
  for (let found = NUMBER.exec(text); found !== null; found = NUMBER.exec(text)) {
    const start = found.index
    const end = isInsideWord(text, start) || isFraction(text, start) ? start : endOf(text, start)
    if (end === start) continue
    ranges.push([start, end])
    NUMBER.lastIndex = end
  }
  return ranges
}

/** The end of the longest card number that begins here; `start` where none does. */
function endOf(text: string, start: number): number {
  let digits = ''
  let best = start
  let at = start
  for (;;) {
    const next = pastDigits(text, at, DIGITS_MAX + 1)
    const length = next - at
    // A group after a gap has three to seven digits, the last one may have fewer.
    if (digits !== '' && length > 7) return best
    digits += text.slice(at, next)
    if (digits.length > DIGITS_MAX) return best
    if (digits.length >= DIGITS_MIN && isEnd(text, next) && isCard(digits)) best = next
    const isWhole = digits.length === length
    const isInGroups = isWhole ? length === 4 : length >= 3
    if (!isInGroups || !GAP.test(text[next] ?? '') || !isDigitAt(text, next + 1)) return best
    at = next + 1
  }
}

function isCard(digits: string): boolean {
  return ISSUERS.some((issuer) => issuer.test(digits)) && hasCheckDigit(digits)
}

/** ISO/IEC 7812-1, annex B: every second digit from the right doubled, the sum of all digits a multiple of ten. */
function hasCheckDigit(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 0x30
    const part = i % 2 === 1 ? digit * 2 : digit
    sum += part > 9 ? part - 9 : part
  }
  return sum % 10 === 0
}

function isFraction(text: string, start: number): boolean {
  return text[start - 1] === '.' && isDigitAt(text, start - 2)
}

function isEnd(text: string, at: number): boolean {
  return !isWordAt(text, at) && !(text[at] === '.' && isDigitAt(text, at + 1))
}
