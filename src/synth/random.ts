/**
 * A stream of pseudo-random numbers: xoshiro128** seeded by splitmix32.
 *
 * The same seed and name give the same numbers on every machine. It is no source of secrets.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  /**
   * @param seed - any integer
   * @param name - streams of one seed differ by name, so that one purpose never shifts another
   */
  constructor(seed: number, name: string) {
    let state = Math.imul(seed | 0, 0x9e3779b1) ^ Math.floor(seed / 2 ** 32)
    for (let i = 0; i < name.length; i += 1) {
      state = Math.imul(state ^ name.charCodeAt(i), 0x01000193)
    }
    const splitmix = () => {
      state = (state + 0x9e3779b9) | 0
      return mix32(state)
    }
    this.#a = splitmix()
    this.#b = splitmix()
    this.#c = splitmix()
    this.#d = splitmix() | 1 // xoshiro must not start from all zeros
  }

  /** An integer in [0, 2^32). */
  next(): number {
    const five = Math.imul(this.#b, 5)
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result
  }

  /** A number in [0, 1). */
  float(): number {
    return this.next() / 2 ** 32
  }

  /** An integer in [0, limit); `limit` from 1 to 2^32. */
  int(limit: number): number {
    return Math.floor(this.float() * limit)
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.int(most - least + 1)
  }

  /** True with the given probability; draws nothing when that is 0. */
  chance(probability: number): boolean {
    return probability > 0 && this.float() < probability
  }

  /** A waiting time with the given mean, of at most eight times the mean. */
  wait(mean: number): number {
    return Math.min(-Math.log(1 - this.float()), 8) * mean
  }

  /** One item of a list that is not empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)] as T // never empty by contract, index below the length
  }

  /** `length` characters out of `alphabet`. */
  text(length: number, alphabet: string): string {
    let text = ''
    for (let i = 0; i < length; i += 1) text += alphabet[this.int(alphabet.length)]
    return text
  }
}

/** Spreads 32 bits over 32 bits, one to one. */
export function mix32(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return mixed ^ (mixed >>> 15)
}

/**
 * Turns serial numbers into 12 hex digits that look drawn at random but never repeat:
 * a Feistel network over 48 bits, keyed by the seed.
 */
export class TokenSource {
  readonly #keys: readonly number[]

  constructor(random: Random) {
    this.#keys = [random.next(), random.next(), random.next(), random.next()]
  }

  /** The token of one serial number in [0, 2^48). */
  token(serial: number): string {
    let left = Math.floor(serial / 2 ** 24)
    let right = serial % 2 ** 24
    for (const key of this.#keys) {
      const next = left ^ (mix32(right ^ key) & 0xffffff)
      left = right
      right = next
    }
    return left.toString(16).padStart(6, '0') + right.toString(16).padStart(6, '0')
  }
}

/** Draws indexes with given weights in constant time (Vose's alias method). */
export class WeightedIndex {
  readonly #keep: Float64Array
  readonly #alias: Uint32Array

  /** @param weights - not empty, none negative, at least one above 0 */
  constructor(weights: readonly number[]) {
    const count = weights.length
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    this.#keep = new Float64Array(count)
    this.#alias = new Uint32Array(count)
    const share = weights.map((weight) => (weight * count) / total)
    const small: number[] = []
    const large: number[] = []
    for (let i = 0; i < count; i += 1) ((share[i] as number) < 1 ? small : large).push(i)
    while (small.length > 0 && large.length > 0) {
      const poor = small.pop() as number
      const rich = large[large.length - 1] as number
      this.#keep[poor] = share[poor] as number
      this.#alias[poor] = rich
      share[rich] = (share[rich] as number) + (share[poor] as number) - 1
      if ((share[rich] as number) < 1) {
        large.pop()
        small.push(rich)
      }
    }
    // What is left over differs from 1 by rounding only.
    for (const rest of [...small, ...large]) this.#keep[rest] = 1
  }

  pick(random: Random): number {
    const column = random.int(this.#keep.length)
    return random.float() < (this.#keep[column] as number)
      ? column
      : (this.#alias[column] as number)
  }
}

/** Weights of Zipf's law: the item of rank r (from 0) has weight 1 / (r + 1 + flat)^exponent. */
export function zipfWeights(count: number, exponent: number, flat = 0): number[] {
  return Array.from({ length: count }, (_, rank) => (rank + 1 + flat) ** -exponent)
}
