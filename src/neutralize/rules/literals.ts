/**
 * Finds which of many literals occur in a text, in one pass whatever their number.
 *
 * An automaton after Aho and Corasick (Communications of the ACM 18, 1975) over classes of characters: every code unit
 * that stands in no literal is class 0, a capital has the class of its small letter.
 */
export class LiteralFinder {
  readonly #classOf = new Uint16Array(65_536)
  readonly #classes: number
  /** Next state by state and class, as offset of its row: state * classes. */
  readonly #next: Uint32Array
  /** By state: owners of the literals that end there; undefined for none. */
  readonly #owners: (readonly number[] | undefined)[]
  /** By state: number of the search that last saw it, so that a literal repeated costs nothing. */
  readonly #seen: Uint32Array
  #search = 0

  /**
   * @param literals - for each owner, by its number, the lower-case literals of which one is enough
   */
  constructor(literals: readonly (readonly string[])[]) {
    this.#classes = this.#makeClasses(literals.flat())
    const { next, states, owners } = this.#makeStates(literals)
    this.#owners = owners
    this.#next = next.map((state) => state * this.#classes)
    this.#seen = new Uint32Array(states)
  }

  /**
   * Calls `found` with each owner of a literal in the text: at least once, and often only once.
   *
   * Time is linear in the length of the text.
   */
  find(text: string, found: (owner: number) => void): void {
    const classOf = this.#classOf
    const next = this.#next
    const classes = this.#classes
    this.#search = (this.#search + 1) >>> 0
    let row = 0
    for (let i = 0; i < text.length; i++) {
      row = next[row + classOf[text.charCodeAt(i)]!]!
      if (row === 0) continue
      const state = row / classes
      const owners = this.#owners[state]
      if (owners === undefined || this.#seen[state] === this.#search) continue
      this.#seen[state] = this.#search
      for (const owner of owners) found(owner)
    }
  }

  #makeClasses(literals: readonly string[]): number {
    let classes = 1
    for (const literal of literals) {
      for (let i = 0; i < literal.length; i++) {
        const unit = literal.charCodeAt(i)
        if (this.#classOf[unit] !== 0) continue
        this.#classOf[unit] = classes
        const capital = literal[i]!.toUpperCase()
        if (capital.length === 1) this.#classOf[capital.charCodeAt(0)] = classes
        classes += 1
      }
    }
    return classes
  }

  #makeStates(literals: readonly (readonly string[])[]) {
    const classes = this.#classes
    const statesMax = 1 + literals.flat().reduce((sum, literal) => sum + literal.length, 0)
    const next = new Uint32Array(statesMax * classes)
    const own: (number[] | undefined)[] = [undefined]
    literals.forEach((list, owner) => {
      for (const literal of list) {
        let state = 0
        for (let i = 0; i < literal.length; i++) {
          const at = state * classes + this.#classOf[literal.charCodeAt(i)]!
          if (next[at] === 0) next[at] = own.push(undefined) - 1
          state = next[at]!
        }
        const owners = own[state]
        if (owners === undefined) own[state] = [owner]
        else if (owners.at(-1) !== owner) owners.push(owner)
      }
    })

    // Breadth first: the longest proper suffix of a state is done before the state itself.
    const states = own.length
    const fail = new Uint32Array(states)
    const queue = [...new Set(next.subarray(0, classes))].filter((state) => state !== 0)
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head]!
      const suffix = fail[state]!
      const inherited = own[suffix]
      if (inherited !== undefined) own[state] = [...new Set([...(own[state] ?? []), ...inherited])]
      const row = state * classes
      const suffixRow = suffix * classes
      for (let c = 1; c < classes; c++) {
        const target = next[row + c]!
        if (target === 0) {
          next[row + c] = next[suffixRow + c]!
        } else {
          fail[target] = next[suffixRow + c]!
          queue.push(target)
        }
      }
    }
    return { next: next.subarray(0, states * classes), states, owners: own }
  }
}
