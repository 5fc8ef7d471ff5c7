/** A span of a text: UTF-16 units from `start` to before `end`. */
export type Range = readonly [start: number, end: number]

/** Finds one kind of personal data. */
export type Detector = {
  /** Stands in the place of what was found, in notes and in reports: `[a-z0-9-]{1,32}`. */
  readonly name: string
  /**
   * @param text - what an attacker wrote, not its visible form; any length
   * @returns ascending ranges that hold something and do not overlap
   */
  find(text: string): readonly Range[]
}

const DIGIT_0 = 0x30
const DIGIT_9 = 0x39

/** Whether the UTF-16 unit at a position is an ASCII digit; false beyond the ends of the text. */
export function isDigitAt(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return unit >= DIGIT_0 && unit <= DIGIT_9
}

/** Whether the UTF-16 unit at a position is an ASCII letter, digit or underscore. */
export function isWordAt(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return (
    (unit >= DIGIT_0 && unit <= DIGIT_9) ||
    (unit >= 0x41 && unit <= 0x5a) ||
    (unit >= 0x61 && unit <= 0x7a) ||
    unit === 0x5f
  )
}

/** Whether what begins at a position goes on a word: the end of a colour code of a terminal is no part of one. */
export function isInsideWord(text: string, start: number): boolean {
  return isWordAt(text, start - 1) && !COLOUR.test(text.slice(Math.max(0, start - 20), start))
}

const COLOUR = /\u001b\[[0-9;]{0,16}[A-Za-z]$/

/** Position after the digits that begin at `from`, looking no further than `most` of them. */
export function pastDigits(text: string, from: number, most: number): number {
  let at = from
  while (at < from + most && isDigitAt(text, at)) at += 1
  return at
}
