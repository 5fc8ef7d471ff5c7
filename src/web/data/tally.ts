/**
 * How often values occur, by their numbers, which are dense: sums stand in pages of plain numbers. An object for each of
 * some hundred thousand values would take five times as long, and four times the memory where most values occur.
 */
export type Sums = { readonly events: number; readonly sessions: number }

/** Numbers on a page; 1 KiB each. */
const PAGE = 64

export class Tally {
  readonly #pages: Map<number, Float64Array>
  /** Pages that are not shared with the tally it goes on from. */
  readonly #own = new Set<number>()
  #size: number
  #lastNo = -1
  #last: Float64Array = new Float64Array()

  /** @param before - it goes on from these sums, which stay as they are */
  constructor(before?: Tally) {
    this.#pages = before === undefined ? new Map() : new Map(before.#pages)
    this.#size = before?.size ?? 0
  }

  /** Values that occur. */
  get size(): number {
    return this.#size
  }

  /** KiB that it takes. */
  get pages(): number {
    return this.#pages.size
  }

  /** @param id - whole, 0 or more @param events - at least one */
  add(id: number, events: number, sessions: number): void {
    const no = Math.floor(id / PAGE)
    if (no !== this.#lastNo) {
      this.#last = this.#pageOf(no)
      this.#lastNo = no
    }
    const at = 2 * (id - no * PAGE)
    const page = this.#last
    if (page[at] === 0) this.#size += 1
    page[at]! += events
    page[at + 1]! += sessions
  }

  /** @returns undefined where it does not occur */
  get(id: number): Sums | undefined {
    const no = Math.floor(id / PAGE)
    const page = this.#pages.get(no)
    const at = 2 * (id - no * PAGE)
    return page === undefined || page[at] === 0
      ? undefined
      : { events: page[at]!, sessions: page[at + 1]! }
  }

  forEach(visit: (id: number, events: number, sessions: number) => void): void {
    for (const [no, page] of this.#pages)
      for (let i = 0; i < PAGE; i += 1)
        if (page[2 * i] !== 0) visit(no * PAGE + i, page[2 * i]!, page[2 * i + 1]!)
  }

  #pageOf(no: number): Float64Array {
    let page = this.#pages.get(no)
    if (page !== undefined && this.#own.has(no)) return page
    page = page === undefined ? new Float64Array(2 * PAGE) : page.slice()
    this.#own.add(no)
    this.#pages.set(no, page)
    return page
  }
}
