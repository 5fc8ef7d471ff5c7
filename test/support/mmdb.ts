/**
 * Writes MMDB files (https://maxmind.github.io/MaxMind-DB/): whole ones, and such as no honest maker would write.
 *
 * Shares no code with what reads them.
 */
import { isIPv4 } from 'node:net'

/** A value of a record. */
export type MmdbData =
  | string
  | number
  | bigint
  | boolean
  | Double
  | Raw
  | readonly MmdbData[]
  | { readonly [name: string]: MmdbData }

/** A double; whole numbers are otherwise written as unsigned integers. */
export class Double {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

/** Bytes of the data section as they are: control bytes included. */
export class Raw {
  readonly bytes: Uint8Array
  constructor(bytes: Iterable<number>) {
    this.bytes = Uint8Array.from(bytes)
  }
}

export type MmdbOptions = {
  readonly recordSize?: 24 | 28 | 32
  readonly ipVersion?: 4 | 6
  readonly type?: string
  readonly description?: string
  /** Seconds since 1970. */
  readonly buildEpoch?: number
  /** Fields of the metadata that take the place of the right ones; undefined leaves one out. */
  readonly metadata?: Readonly<Record<string, MmdbData | undefined>>
  /** The data section in place of the one made from the records. */
  readonly data?: Uint8Array
}

/** 2026-05-20T00:00:00Z. */
export const BUILT_SECONDS: number = Date.UTC(2026, 4, 20) / 1000

/** A pointer to a place in the data section, in its longest form. */
export function pointer(to: number): Raw {
  return new Raw([0b0011_1000, (to >>> 24) & 255, (to >>> 16) & 255, (to >>> 8) & 255, to & 255])
}

/**
 * Makes a file.
 *
 * @param networks - records by network: `192.0.2.0/24`, `2001:db8::/32`; the later one wins where two overlap
 */
export function mmdb(
  networks: Readonly<Record<string, MmdbData>> | Iterable<readonly [string, MmdbData]>,
  options: MmdbOptions = {},
): Buffer {
  const { recordSize = 28, ipVersion = 6 } = options
  const tree = new Tree()
  const parts: Uint8Array[] = []
  const places = new Map<MmdbData, number>()
  let length = 0
  const pairs = Symbol.iterator in networks ? networks : Object.entries(networks)
  for (const [network, record] of pairs) {
    let place = places.get(record)
    if (place === undefined) {
      const bytes = encode(record)
      place = length
      places.set(record, place)
      parts.push(bytes)
      length += bytes.length
    }
    const [path, bits] = pathOf(network, ipVersion)
    tree.add(path, bits, place)
  }
  const metadata: Record<string, MmdbData | undefined> = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: BigInt(options.buildEpoch ?? BUILT_SECONDS),
    database_type: options.type ?? 'Test-Places',
    description: { en: options.description ?? 'Places of tests' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: tree.count,
    record_size: recordSize,
    ...options.metadata,
  }
  const kept = Object.fromEntries(
    Object.entries(metadata).filter(([, value]) => value !== undefined),
  ) as Record<string, MmdbData>
  return Buffer.concat([
    tree.bytes(recordSize),
    new Uint8Array(16),
    options.data ?? Buffer.concat(parts),
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    encode(kept),
  ])
}

/** Nodes of two halves each: 0 for nothing, n for node n, -1 - place for a record. */
class Tree {
  #halves = new Float64Array(2 * 1024)
  count = 1

  add(path: (bit: number) => 0 | 1, bits: number, place: number): void {
    let node = 0
    for (let bit = 0; bit < bits - 1; bit += 1) {
      const at = node * 2 + path(bit)
      if (this.#halves[at]! <= 0) {
        const below = this.#node()
        // What stood here goes on holding for both halves.
        this.#halves[below * 2] = this.#halves[below * 2 + 1] = this.#halves[at]!
        this.#halves[at] = below
      }
      node = this.#halves[at]!
    }
    this.#halves[node * 2 + path(bits - 1)] = -1 - place
  }

  #node(): number {
    if ((this.count + 1) * 2 > this.#halves.length) {
      const larger = new Float64Array(this.#halves.length * 2)
      larger.set(this.#halves)
      this.#halves = larger
    }
    this.count += 1
    return this.count - 1
  }

  bytes(recordSize: 24 | 28 | 32): Buffer {
    const bytes = Buffer.alloc((this.count * recordSize) / 4)
    const record = (half: number): number => {
      const value = this.#halves[half]!
      return value > 0 ? value : value === 0 ? this.count : this.count + 16 + (-1 - value)
    }
    for (let node = 0; node < this.count; node += 1) {
      const [left, right] = [record(node * 2), record(node * 2 + 1)]
      const at = (node * recordSize) / 4
      if (recordSize === 24) {
        bytes.writeUIntBE(left, at, 3)
        bytes.writeUIntBE(right, at + 3, 3)
      } else if (recordSize === 32) {
        bytes.writeUInt32BE(left, at)
        bytes.writeUInt32BE(right, at + 4)
      } else {
        bytes.writeUIntBE(left % 0x1000000, at, 3)
        bytes[at + 3] = (Math.floor(left / 0x1000000) << 4) | Math.floor(right / 0x1000000)
        bytes.writeUIntBE(right % 0x1000000, at + 4, 3)
      }
    }
    return bytes
  }
}

function pathOf(network: string, ipVersion: 4 | 6): [(bit: number) => 0 | 1, number] {
  const [address = '', length = ''] = network.split('/')
  const isOld = isIPv4(address)
  const own = isOld ? address.split('.').map(Number) : groupsOf(address)
  const bytes = isOld && ipVersion === 6 ? [...Array<number>(12).fill(0), ...own] : own
  const bits = Number(length) + (isOld && ipVersion === 6 ? 96 : 0)
  return [(bit) => (((bytes[bit >> 3]! >> (7 - (bit & 7))) & 1) === 1 ? 1 : 0), bits]
}

function groupsOf(address: string): number[] {
  const [head = '', tail = ''] = address.split('::')
  const read = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const zeros = Array<number>(8 - read(head).length - read(tail).length).fill(0)
  return [...read(head), ...zeros, ...read(tail)].flatMap((group) => [group >> 8, group & 255])
}

/** One value of the data section. */
export function encode(value: MmdbData): Uint8Array {
  if (value instanceof Raw) return value.bytes
  if (value instanceof Double) {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(value.value)
    return Buffer.concat([control(3, 8), bytes])
  }
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'utf8')
    return Buffer.concat([control(2, bytes.length), bytes])
  }
  if (typeof value === 'boolean') return control(14, value ? 1 : 0)
  if (typeof value === 'number') return whole(value < 65_536 ? 5 : 6, BigInt(value))
  if (typeof value === 'bigint') return whole(9, value)
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)])
  const pairs = Object.entries(value)
  return Buffer.concat([
    control(7, pairs.length),
    ...pairs.flatMap(([name, one]) => [encode(name), encode(one)]),
  ])
}

function whole(type: number, value: bigint): Uint8Array {
  const digits = value === 0n ? '' : value.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 1 ? `0${digits}` : digits, 'hex')
  return Buffer.concat([control(type, bytes.length), bytes])
}

/** The byte or bytes that say type and size. */
export function control(type: number, size: number): Buffer {
  const [short, ...more] =
    size < 29
      ? [size]
      : size < 285
        ? [29, size - 29]
        : size < 65_821
          ? [30, (size - 285) >> 8, (size - 285) & 255]
          : [31, (size - 65_821) >> 16, ((size - 65_821) >> 8) & 255, (size - 65_821) & 255]
  return Buffer.from(type < 8 ? [(type << 5) | short!, ...more] : [short!, type - 7, ...more])
}
