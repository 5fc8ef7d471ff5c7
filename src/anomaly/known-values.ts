/** When values were last seen, by day, in bounded memory. */
import { blake3 } from '../core/blake3.ts'
import { LIMITS } from '../limits.ts'

/** Names a value by the first six bytes of the digest that the dictionary of the store has, and its kind. */
export type ValueName = number

/** @param digest - at least six bytes of the BLAKE3 of the text */
export function valueName(kind: number, digest: Uint8Array): ValueName {
  // Four bits of the kind above 48 of the digest: an integer below 2^52, and never 0, which stands for an empty place.
  const low = digest[0]! | (digest[1]! << 8) | (digest[2]! << 16)
  const high = digest[3]! | (digest[4]! << 8) | (digest[5]! << 16)
  return (kind & 15) * 281_474_976_710_656 + high * 16_777_216 + low + 1
}

export function nameOfText(kind: number, text: string): ValueName {
  return valueName(kind, blake3(Buffer.from(text)))
}

/** An open hash table: 10 bytes a place, at most half of them used. */
export class KnownValues {
  #names = new Float64Array(4_096)
  #days = new Int32Array(4_096)
  #size = 0
  #firstDay = Number.POSITIVE_INFINITY
  readonly #sizeMax: number

  /** @param sizeMax - values that are remembered */
  constructor(sizeMax: number = LIMITS.knownValuesMax) {
    this.#sizeMax = sizeMax
  }

  get size(): number {
    return this.#size
  }

  /** The earliest day on which a value was seen; infinite where none was. */
  get firstDay(): number {
    return this.#firstDay
  }

  /** @returns whether the value was not seen on that day or in the 30 days before */
  see(name: ValueName, day: number): boolean {
    if (day < this.#firstDay) this.#firstDay = day
    const place = this.#placeOf(name)
    if (this.#names[place] === name) {
      const last = this.#days[place]!
      if (day > last) this.#days[place] = day
      return day - last > LIMITS.newValueDays
    }
    if (this.#size >= this.#sizeMax) this.#forget(day)
    // Still full: all of them are of today. What cannot be remembered is new each time it comes.
    if (this.#size >= this.#sizeMax) return true
    if ((this.#size + 1) * 2 > this.#names.length) this.#rebuild(this.#names.length * 2, -Infinity)
    const free = this.#placeOf(name)
    this.#names[free] = name
    this.#days[free] = day
    this.#size += 1
    return true
  }

  /** Makes room: first what is old enough to be new again, then ever younger days. */
  #forget(today: number): void {
    for (let days = LIMITS.newValueDays; days >= 1; days >>= 1) {
      this.#rebuild(this.#names.length, today - days)
      if (this.#size <= this.#sizeMax / 2) return
    }
    this.#rebuild(this.#names.length, today)
  }

  #rebuild(places: number, sinceDay: number): void {
    const [names, days] = [this.#names, this.#days]
    this.#names = new Float64Array(places)
    this.#days = new Int32Array(places)
    this.#size = 0
    for (let i = 0; i < names.length; i += 1) {
      if (names[i] === 0 || days[i]! < sinceDay) continue
      const place = this.#placeOf(names[i]!)
      this.#names[place] = names[i]!
      this.#days[place] = days[i]!
      this.#size += 1
    }
  }

  #placeOf(name: ValueName): number {
    const mask = this.#names.length - 1
    let place = (name % 4_294_967_291) & mask
    while (this.#names[place] !== 0 && this.#names[place] !== name) place = (place + 1) & mask
    return place
  }
}
