import type { Layer } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'

/** What the undoing of one text has met so far: layers, and whether a bound cut something. */
export class Trace {
  readonly layers = new Set<Layer>()
  isCut = false
  #charsLeft: number = LIMITS.unwrapRoundCharsMax

  /** Starts a round: what it may make out of fewer characters is bounded anew. */
  startRound(): void {
    this.#charsLeft = LIMITS.unwrapRoundCharsMax
  }

  /** Whether so many more characters may be made in this round; they count as made. */
  spend(chars: number): boolean {
    this.#charsLeft -= chars
    if (this.#charsLeft >= 0) return true
    this.isCut = true
    return false
  }
}
