import { type Random, WeightedIndex, zipfWeights } from './random.ts'

/** An attacker's address and its number in the pool. */
export type Address = {
  readonly index: number
  readonly text: string
  readonly isIpv6: boolean
}

const POOL_MAX = 100_000
const POOL_MIN = 60
const EVENTS_PER_ADDRESS = 40
const V6_PER_V4 = 4 // one IPv6 address in the pool for so many IPv4 ones

/**
 * The attackers' addresses: Zipf-shaped, few loud and many seen once or twice.
 *
 * Only ranges that belong to nobody: 198.18.0.0/15 (RFC 2544), 198.51.100.0/24 and
 * 203.0.113.0/24 (RFC 5737), 2001:db8::/32 (RFC 3849). 192.0.2.0/24 is left to the sensors.
 */
export class AddressPool {
  readonly #addresses: readonly Address[]
  readonly #v4: WeightedIndex
  readonly #v6: WeightedIndex
  readonly #v4Count: number
  readonly #ipv6Rate: number

  constructor(random: Random, events: number, ipv6Rate: number) {
    const size = Math.round(events / EVENTS_PER_ADDRESS)
    this.#v4Count = Math.min(POOL_MAX, Math.max(POOL_MIN, size))
    const v6Count = Math.ceil(this.#v4Count / V6_PER_V4)
    this.#ipv6Rate = ipv6Rate
    this.#v4 = new WeightedIndex(zipfWeights(this.#v4Count, 0.95, 2))
    this.#v6 = new WeightedIndex(zipfWeights(v6Count, 0.95, 2))
    const shift = random.int(2 ** 17)
    this.#addresses = [
      ...Array.from({ length: this.#v4Count }, (_, rank) => ipv4(rank, shift)),
      ...Array.from({ length: v6Count }, (_, rank) => ipv6(rank, shift)),
    ].map((text, index) => ({ index, text, isIpv6: index >= this.#v4Count }))
  }

  /** Number of addresses that can occur. */
  get size(): number {
    return this.#addresses.length
  }

  pick(random: Random): Address {
    const index = random.chance(this.#ipv6Rate)
      ? this.#v4Count + this.#v6.pick(random)
      : this.#v4.pick(random)
    return this.#addresses[index] as Address // both tables are as long as their part of the pool
  }
}

/** Rank to address, one to one: every 250th rank of the first 508 x 250 from the small ranges. */
function ipv4(rank: number, shift: number): string {
  const small = Math.floor(rank / 250)
  if (rank % 250 === 3 && small < 508) {
    return small % 2 === 0 ? `203.0.113.${1 + small / 2}` : `198.51.100.${1 + (small - 1) / 2}`
  }
  // An odd factor permutes the 2^17 addresses of the range.
  const host = (Math.imul(rank, 0x1f351) + shift) & 0x1ffff
  return `198.${18 + (host >>> 16)}.${(host >>> 8) & 0xff}.${host & 0xff}`
}

function ipv6(rank: number, shift: number): string {
  const network = (((Math.imul(rank, 0x6487) + shift) & 0xffff) | 0x1000).toString(16)
  return `2001:db8:${network}::${(rank + 1).toString(16)}`
}
