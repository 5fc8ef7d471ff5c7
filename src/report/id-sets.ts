/** Sets of numbers of values, each once, by a number of their own. */

/** Told apart by all they hold: the hash alone decides nothing. */
export class IdSets {
  /** Open addressing: number of a set plus one, 0 where nothing stands. At least half of it is free. */
  #slots = new Int32Array(FIRST_SLOTS)
  #hashes: number[] = []
  #sets: (readonly number[])[] = []

  /** @param ids - ascending, each once; belongs to the sets from now on. @returns the same for equal ones */
  numberOf(ids: readonly number[]): number {
    let hash = ids.length
    for (let i = 0; i < ids.length; i += 1) {
      hash = Math.imul(hash ^ ids[i]!, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    const slot = this.#find(hash, ids)
    if (this.#slots[slot] !== 0) return this.#slots[slot]! - 1
    this.#hashes.push(hash)
    this.#sets.push(ids)
    const count = this.#sets.length
    this.#slots[slot] = count
    if (count * 2 > this.#slots.length) this.#enlarge()
    return count - 1
  }

  /** @param number - as `numberOf` gave it */
  idsOf(number: number): readonly number[] {
    return this.#sets[number]!
  }

  #find(hash: number, ids: readonly number[]): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1
      if (found < 0 || (this.#hashes[found] === hash && areEqual(this.#sets[found]!, ids)))
        return slot
    }
  }

  #enlarge(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let number = 0; number < this.#sets.length; number += 1) {
      let slot = this.#hashes[number]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = number + 1
    }
    this.#slots = slots
  }
}

const FIRST_SLOTS = 4_096

function areEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}
