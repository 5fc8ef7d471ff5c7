import type { Layer } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'

/** What the undoing of one text has met so far: layers, and whether a bound cut something. */
export class Trace {
  readonly layers = new Set<Layer>()
  isCut = false
  #charsLeft: number

  /** @param chars - of the text: what few of them become is bounded by them, so that no short text takes long */
  constructor(chars: number = LIMITS.unwrapCharsMax) {
    this.#charsLeft = Math.min(
      LIMITS.unwrapMadeCharsMax,
      LIMITS.unwrapMadeCharsMin + chars * LIMITS.unwrapMadeRatioMax,
    )
  }

  /** Characters that may still be read and made by decoders and variables. */
  get charsLeft(): number {
    return Math.max(0, this.#charsLeft)
  }

  /** Whether so many more characters may be read or made; they count as such. */
  spend(chars: number): boolean {
    this.#charsLeft -= chars
    if (this.#charsLeft >= 0) return true
    this.isCut = true
    return false
  }
}
