/**
 * The data of an MMDB file, read with bounds: what a file says of itself, and its records.
 *
 * Format: https://maxmind.github.io/MaxMind-DB/. A file of an operator may be damaged or made to harm: pointers may run
 * in circles, and a few bytes may stand for a number of values that no memory holds. So every record is read with a
 * budget.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { LIMITS } from '../limits.ts'

/** A value of a record. Bytes and whole numbers beyond 2^53 are of no use here, and stand as null. */
export type MmdbValue = string | number | boolean | Uint8Array | null | MmdbMap | MmdbList
export type MmdbMap = ReadonlyMap<string, MmdbValue>
export type MmdbList = readonly MmdbValue[]

/** What a file says of itself, and where its parts lie. */
export type MmdbLayout = {
  readonly ipVersion: 4 | 6
  readonly recordBits: 24 | 28 | 32
  readonly nodeCount: number
  /** First byte of the data, behind the tree and its separator. */
  readonly dataStart: number
  /** Byte after the last. */
  readonly dataEnd: number
  readonly metadata: MmdbMap
}

/** The file is not what the format says; the reason is in words of ours. */
export class MmdbDamage extends Error {}

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
/** Between the tree and the data, all zero. */
const SEPARATOR_BYTES = 16
/** Nodes looked at before others get their turn. */
const NODES_AT_ONCE = 500_000

/**
 * Finds the parts of a file.
 *
 * @returns undefined where nothing in it says that it is an MMDB file
 * @throws MmdbDamage
 */
export function readLayout(file: Buffer): MmdbLayout | undefined {
  const from = Math.max(0, file.length - LIMITS.geoMetadataBytesMax - MARKER.length)
  const found = file.subarray(from).lastIndexOf(MARKER)
  if (found < 0) return undefined
  const marker = from + found
  const start = marker + MARKER.length
  // Byte 0b111..... starts a map. The other reader finds the same marker then: it could miss one only where the bytes
  // behind it continued the marker's own, and those are no map of texts.
  if ((file[start] ?? 0) >> 5 !== 7) throw new MmdbDamage('its metadata is no map')
  const metadata = new DataReader(file, start, file.length, start).read(start)
  if (!(metadata instanceof Map)) throw new MmdbDamage('its metadata is no map')
  const number = (name: string, most: number): number => {
    const value: unknown = metadata.get(name)
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most)
      throw new MmdbDamage(`its metadata has no usable ${name}`)
    return value
  }
  if (number('binary_format_major_version', 0xffff) !== 2)
    throw new MmdbDamage('it is not of version 2 of the format')
  const recordBits = number('record_size', 32)
  const ipVersion = number('ip_version', 6)
  if (recordBits !== 24 && recordBits !== 28 && recordBits !== 32)
    throw new MmdbDamage('its metadata has no usable record_size')
  if (ipVersion !== 4 && ipVersion !== 6)
    throw new MmdbDamage('its metadata has no usable ip_version')
  const nodeCount = number('node_count', 0xffff_ffff)
  const treeBytes = nodeCount * (recordBits / 4)
  const dataStart = treeBytes + SEPARATOR_BYTES
  if (nodeCount === 0 || dataStart > marker)
    throw new MmdbDamage('its search tree is longer than the file')
  if (file.subarray(treeBytes, dataStart).some((byte) => byte !== 0))
    throw new MmdbDamage('its search tree does not end where its metadata says')
  return { ipVersion, recordBits, nodeCount, dataStart, dataEnd: marker, metadata }
}

/**
 * Looks at every node of the search tree: each half names a node, nothing, or a place within the data.
 *
 * @throws MmdbDamage
 */
export async function checkTree(file: Buffer, layout: MmdbLayout): Promise<void> {
  const { nodeCount, recordBits, dataStart, dataEnd } = layout
  const most = nodeCount + SEPARATOR_BYTES + (dataEnd - dataStart)
  const isPlace = (record: number): boolean =>
    record <= nodeCount || (record >= nodeCount + SEPARATOR_BYTES && record < most)
  for (let node = 0; node < nodeCount; node += 1) {
    if (node % NODES_AT_ONCE === NODES_AT_ONCE - 1) await nextTurn()
    const at = node * (recordBits / 4)
    if (!isPlace(recordAt(file, at, recordBits, 0)) || !isPlace(recordAt(file, at, recordBits, 1)))
      throw new MmdbDamage(`node ${node} of its search tree points out of the file`)
  }
}

/**
 * Places of records, spread over the whole tree: the file is told by them.
 *
 * @returns places in the file, each once
 */
export function sampleRecords(file: Buffer, layout: MmdbLayout): readonly number[] {
  const { nodeCount, recordBits, dataStart } = layout
  const found = new Set<number>()
  const depth = layout.ipVersion === 4 ? 32 : 128
  for (let sample = 0; sample < LIMITS.geoSamples; sample += 1) {
    // Bits of a number that is never the same twice; where one half holds nothing the other is taken.
    let path = Math.imul(sample + 1, 0x9e3779b1)
    let record = 0
    for (let bit = 0; bit < depth && record < nodeCount; bit += 1) {
      const at = record * (recordBits / 4)
      const half = path < 0 ? 1 : 0
      path = (path << 1) | (path >>> 31)
      record = recordAt(file, at, recordBits, half)
      if (record === nodeCount) record = recordAt(file, at, recordBits, half === 1 ? 0 : 1)
    }
    if (record > nodeCount) found.add(record - nodeCount - SEPARATOR_BYTES + dataStart)
  }
  return [...found]
}

/** @param at - first byte of the node; @param half - 0 where the next bit of the address is 0 */
function recordAt(file: Buffer, at: number, bits: number, half: number): number {
  if (bits === 32) return file.readUInt32BE(at + half * 4)
  if (bits === 24) return file.readUIntBE(at + half * 3, 3)
  const middle = file[at + 3]!
  return half === 0
    ? (middle >> 4) * 0x1000000 + file.readUIntBE(at, 3)
    : (middle & 0x0f) * 0x1000000 + file.readUIntBE(at + 4, 3)
}

const TYPE = {
  extended: 0,
  pointer: 1,
  string: 2,
  double: 3,
  bytes: 4,
  uint16: 5,
  uint32: 6,
  map: 7,
  int32: 8,
  uint64: 9,
  uint128: 10,
  list: 11,
  boolean: 14,
  float: 15,
} as const

const POINTER_OFFSETS = [0, 2_048, 526_336, 0]

/** Reads values of one section of a file. */
export class DataReader {
  readonly #file: Buffer
  readonly #start: number
  readonly #end: number
  readonly #base: number
  /** Behind the value that was read last. */
  #at = 0
  #values = 0
  #bytes = 0

  /** @param base - what pointers count from; values lie from `start` to before `end` */
  constructor(file: Buffer, start: number, end: number, base: number) {
    this.#file = file
    this.#start = start
    this.#end = end
    this.#base = base
  }

  /**
   * Reads the value at a place of the file. Takes bounded time and memory, whatever is there.
   *
   * @throws MmdbDamage
   */
  read(at: number): MmdbValue {
    this.#values = 0
    this.#bytes = 0
    this.#at = at
    return this.#value(0, true)
  }

  #value(depth: number, mayPoint: boolean): MmdbValue {
    this.#values += 1
    if (this.#values > LIMITS.geoRecordValuesMax) throw new MmdbDamage('a record has no end')
    if (depth > LIMITS.geoRecordDepthMax) throw new MmdbDamage('a record is nested too deep')
    const control = this.#byte()
    let type = control >> 5
    if (type === TYPE.pointer) {
      // One that points to another is against the format, and the way to run in circles.
      if (!mayPoint) throw new MmdbDamage('a pointer points to a pointer')
      const target = this.#pointer(control)
      const behind = this.#at
      this.#at = target
      const value = this.#value(depth + 1, false)
      this.#at = behind
      return value
    }
    if (type === TYPE.extended) type = 7 + this.#byte()
    const size = this.#size(control)
    switch (type) {
      case TYPE.map:
        return this.#map(size, depth)
      case TYPE.list: {
        const list: MmdbValue[] = []
        for (let i = 0; i < size; i += 1) list.push(this.#value(depth + 1, true))
        return list
      }
      case TYPE.boolean:
        return size !== 0
      case TYPE.string:
        return this.#text(this.#take(size))
      case TYPE.double:
        if (size !== 8) throw new MmdbDamage('a number has a wrong length')
        return this.#file.readDoubleBE(this.#skip(8))
      case TYPE.float:
        if (size !== 4) throw new MmdbDamage('a number has a wrong length')
        return this.#file.readFloatBE(this.#skip(4))
      case TYPE.uint16:
      case TYPE.uint32:
        if (size > 4) throw new MmdbDamage('a number has a wrong length')
        return this.#whole(size)
      case TYPE.uint64:
      case TYPE.uint128:
        if (size > 16) throw new MmdbDamage('a number has a wrong length')
        return this.#whole(size)
      case TYPE.int32:
        if (size > 4) throw new MmdbDamage('a number has a wrong length')
        return size === 4 ? this.#file.readInt32BE(this.#skip(4)) : this.#whole(size)
      case TYPE.bytes:
        this.#skip(size)
        return null
      default:
        throw new MmdbDamage('a value has an unknown type')
    }
  }

  #map(size: number, depth: number): MmdbMap {
    const map = new Map<string, MmdbValue>()
    for (let i = 0; i < size; i += 1) {
      const key = this.#value(depth + 1, true)
      if (typeof key !== 'string') throw new MmdbDamage('a name in a record is no text')
      map.set(key, this.#value(depth + 1, true))
    }
    return map
  }

  /** Text where it is UTF-8, else its bytes. Long texts are cut: no fact is that long. */
  #text(bytes: Buffer): string | Uint8Array {
    let end = Math.min(bytes.length, LIMITS.geoTextBytesMax)
    // Between characters: bytes 0b10...... go on with one.
    while (end < bytes.length && end > 0 && bytes[end]! >> 6 === 2) end -= 1
    const kept = bytes.subarray(0, end)
    this.#bytes += kept.length
    if (this.#bytes > LIMITS.geoRecordBytesMax) throw new MmdbDamage('a record has no end')
    const text = kept.toString('utf8')
    // The one character that may stand for bytes that are none; a text of it alone is as well kept as bytes.
    return text.includes('\ufffd') ? Uint8Array.from(kept) : text
  }

  #whole(size: number): number | null {
    let value = 0
    for (const byte of this.#take(size)) value = value * 256 + byte
    return Number.isSafeInteger(value) ? value : null
  }

  #size(control: number): number {
    const size = control & 0x1f
    if (size < 29) return size
    if (size === 29) return 29 + this.#byte()
    if (size === 30) return 285 + this.#file.readUInt16BE(this.#skip(2))
    return 65_821 + this.#file.readUIntBE(this.#skip(3), 3)
  }

  #pointer(control: number): number {
    const length = (control >> 3) & 3
    const high = length === 3 ? 0 : (control & 7) * 256 ** (length + 1)
    const low = this.#file.readUIntBE(this.#skip(length + 1), length + 1)
    const target = this.#base + POINTER_OFFSETS[length]! + high + low
    if (target < this.#start || target >= this.#end)
      throw new MmdbDamage('a pointer points out of the file')
    return target
  }

  #byte(): number {
    return this.#file[this.#skip(1)]!
  }

  #take(size: number): Buffer {
    const from = this.#skip(size)
    return this.#file.subarray(from, from + size)
  }

  /** Goes on behind so many bytes. @returns where they start */
  #skip(size: number): number {
    const from = this.#at
    if (from < this.#start || from + size > this.#end)
      throw new MmdbDamage('a record ends outside of its section')
    this.#at = from + size
    return from
  }
}
