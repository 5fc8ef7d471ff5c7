/**
 * The most frequent names of a stream in bounded memory: space-saving (Metwally, Agrawal, El Abbadi 2005). Names that do
 * not fit take the place of the rarest and inherit its count, which is kept as the error.
 */
export class TopCounts {
  readonly #size: number
  readonly #slots = new Map<string, number>()
  readonly #names: string[] = []
  readonly #counts: number[] = []
  readonly #errors: number[] = []

  /** @param size - names that are told apart */
  constructor(size: number) {
    this.#size = size
  }

  add(name: string, count: number): void {
    const known = this.#slots.get(name)
    if (known !== undefined) {
      this.#counts[known]! += count
      return
    }
    if (this.#names.length < this.#size) {
      this.#slots.set(name, this.#names.push(name) - 1)
      this.#counts.push(count)
      this.#errors.push(0)
      return
    }
    const rarest = this.#rarest()
    this.#slots.delete(this.#names[rarest]!)
    this.#slots.set(name, rarest)
    this.#names[rarest] = name
    this.#errors[rarest] = this.#counts[rarest]!
    this.#counts[rarest]! += count
  }

  /** The most frequent, by the count that is certain: never more than there were. */
  top(most: number): { readonly name: string; readonly count: number }[] {
    return this.#names
      .map((name, i) => ({ name, count: this.#counts[i]! - this.#errors[i]! }))
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
      .slice(0, most)
  }

  /** The first of `top`, without sorting; undefined where nothing was added. */
  first(): { readonly name: string; readonly count: number } | undefined {
    let best = -1
    let count = -1
    for (let i = 0; i < this.#names.length; i += 1) {
      const certain = this.#counts[i]! - this.#errors[i]!
      if (certain > count) {
        best = i
        count = certain
      }
    }
    return best < 0 ? undefined : { name: this.#names[best]!, count }
  }

  get size(): number {
    return this.#names.length
  }

  #rarest(): number {
    let rarest = 0
    for (let i = 1; i < this.#counts.length; i += 1)
      if (this.#counts[i]! < this.#counts[rarest]!) rarest = i
    return rarest
  }
}
