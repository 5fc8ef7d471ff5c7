/** Small facts about numbers of values, looked up millions of times: a byte for each number. */
export class IdTable {
  #facts: Uint8Array

  /** @param highest - highest number that a fact is set for */
  constructor(highest: number) {
    this.#facts = new Uint8Array(highest + 1)
  }

  static of(ids: Float64Array): IdTable {
    const table = new IdTable(highestOf(ids))
    for (let i = 0; i < ids.length; i += 1) table.set(ids[i]!, 1)
    return table
  }

  /** @returns 0 where nothing was set */
  get(id: number): number {
    return this.#facts[id] ?? 0
  }

  has(id: number): boolean {
    return this.get(id) !== 0
  }

  set(id: number, fact: number): void {
    this.#facts[id] = fact
  }
}

export function highestOf(ids: Float64Array): number {
  let highest = 0
  for (let i = 0; i < ids.length; i += 1) if (ids[i]! > highest) highest = ids[i]!
  return highest
}
