/**
 * Finds which of many literals occur in a text, in one pass whatever their number.
 *
 * An automaton after Aho and Corasick (Communications of the ACM 18, 1975) over classes of characters: every code unit
 * that stands in no literal is class 0, a capital has the class of its small letter.
 */
export class LiteralFinder {
  readonly #classOf = new Uint16Array(65_536)
  readonly #classes: number
  /** Next state by state and class. */
  readonly #next: Uint16Array
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
    const { next, owners } = this.#makeStates(literals)
    this.#owners = owners
    this.#next = next
    this.#seen = new Uint32Array(owners.length)
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
    let state = 0
    for (let i = 0; i < text.length; i++) {
      state = next[state * classes + classOf[text.charCodeAt(i)]!]!
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
    const statesMax = literals.flat().reduce((sum, literal) => sum + literal.length, 1)
    if (statesMax > 65_536) throw new RangeError('literals hold more than 65,535 characters')
    const next = new Uint16Array(statesMax * classes)
    // The few states that follow a state, as a list through them: its row need not be looked through for them.
    const firstChild = new Uint16Array(statesMax)
    const sibling = new Uint16Array(statesMax)
    const classInto = new Uint16Array(statesMax)
    // Most states end no literal, and have no list.
    const own: (number[] | undefined)[] = [undefined]
    literals.forEach((list, owner) => {
      for (const literal of list) {
        let state = 0
        for (let i = 0; i < literal.length; i++) {
          const into = this.#classOf[literal.charCodeAt(i)]!
          const at = state * classes + into
          if (next[at] === 0) {
            const child = own.length
            next[at] = child
            classInto[child] = into
            sibling[child] = firstChild[state]!
            firstChild[state] = child
            own.push(undefined)
          }
          state = next[at]!
        }
        own[state] = joined(own[state], [owner])
      }
    })

    // Breadth first: the longest proper suffix of a state is done before the state itself.
    const fail = new Uint16Array(own.length)
    const queue: number[] = []
    for (let child = firstChild[0]!; child !== 0; child = sibling[child]!) queue.push(child)
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head]!
      const suffix = fail[state]!
      own[state] = joined(own[state], own[suffix])
      // Where no state of its own follows, it goes on as its suffix does.
      next.copyWithin(state * classes, suffix * classes, (suffix + 1) * classes)
      for (let child = firstChild[state]!; child !== 0; child = sibling[child]!) {
        const into = classInto[child]!
        fail[child] = next[suffix * classes + into]!
        next[state * classes + into] = child
        queue.push(child)
      }
    }
    return {
      next: next.slice(0, own.length * classes),
      owners: own,
    }
  }
}

/** Owners of two lists, each once. */
function joined(
  some: number[] | undefined,
  others: readonly number[] | undefined,
): number[] | undefined {
  if (others === undefined) return some
  return some === undefined ? [...others] : [...new Set([...some, ...others])]
}
