import type { PlainObject } from '../core/json.ts'
import type { TextMatcher, Verdict } from '../core/verdict.ts'
import { EventScorer, noFigures, type ScorerFigures } from './score.ts'

/**
 * The rules at work in one reader. A rule that takes too long is switched off from the next batch on: the batch that met
 * it is still scored by the set it names.
 */
export class Scoring {
  readonly #all: TextMatcher
  readonly #nowMs: (() => number) | undefined
  #matcher: TextMatcher
  #scorer: EventScorer
  #past = noFigures()
  readonly #slow = new Set<string>()
  readonly #off = new Set<string>()

  /**
   * @param make - makes the matcher; it is given whom to tell of a rule that took too long
   * @param nowMs - clock for the figures
   */
  constructor(make: (onSlow: (ruleId: string) => void) => TextMatcher, nowMs?: () => number) {
    this.#nowMs = nowMs
    this.#all = make((ruleId) => this.#slow.add(ruleId))
    this.#matcher = this.#all
    this.#scorer = new EventScorer(this.#matcher, this.#nowMs)
  }

  /** What the events scored from here to the next `settle` are scored by. */
  get rules(): { readonly ruleSet: string; readonly rulesOff: readonly string[] } {
    return { ruleSet: this.#matcher.version, rulesOff: [...this.#off].sort() }
  }

  score(view: PlainObject): Verdict | undefined {
    return this.#scorer.score(view)
  }

  /** A batch is complete: rules that took too long are left out of the next one. */
  settle(): void {
    if (this.#slow.size === 0) return
    for (const id of this.#slow) this.#off.add(id)
    this.#slow.clear()
    this.#past = this.figures()
    this.#matcher = this.#all.without([...this.#off])
    this.#scorer = new EventScorer(this.#matcher, this.#nowMs)
  }

  figures(): ScorerFigures {
    const now = this.#scorer.figures
    return {
      texts: this.#past.texts + now.texts,
      cacheHits: this.#past.cacheHits + now.cacheHits,
      matchUs: this.#past.matchUs + now.matchUs,
      slowTexts: this.#past.slowTexts + now.slowTexts,
    }
  }
}
