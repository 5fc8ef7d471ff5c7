/** How many a second, as they came in the last moments: what came earlier counts less and less. */
export class Rate {
  readonly #windowMs: number
  #perSecond = 0
  #atMs = 0

  /** @param windowMs - after which a past count has a third of its weight */
  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  note(count: number, nowMs: number): void {
    this.#perSecond = this.at(nowMs) + (count * 1000) / this.#windowMs
    this.#atMs = nowMs
  }

  at(nowMs: number): number {
    return this.#perSecond * Math.exp((this.#atMs - nowMs) / this.#windowMs)
  }
}
