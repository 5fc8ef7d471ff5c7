import { BREAKS, type Codec, type CodecInput, type CodecOutput, torn } from './codec-io.ts'

// The format has no standard; this follows what bzip2 1.0.8 writes and reads (compress.c,
// decompress.c).

const BLOCK_HIGH = 0x314159
const BLOCK_LOW = 0x265359
const END_HIGH = 0x177245
const END_LOW = 0x385090
const GROUP_SYMBOLS = 50
/** More than a block can use; bzip2 1.0.8 reads further ones and leaves them. */
const SELECTORS_MAX = 18_002
const CODE_BITS_MAX = 20
const FAST_BITS = 10
const RUN_A = 0
const RUN_B = 1
/** A code is stored as steps from the one before; more than this many is no compressor's work. */
const CODE_STEPS_MAX = 64
/** Room for the tables of a block: selectors, codes and the map of bytes used. */
const TABLE_BYTES_MAX = 32 * 1024

/**
 * Thrown by the decoding of a block, caught where the block is asked for: it needs no result on the
 * hot path.
 */
class DamagedBlock extends Error {}

/**
 * Decodes bzip2, any number of streams one after the other, as pbzip2 writes them.
 *
 * A block is delivered when its checksum is proven, so what comes out before a break is whole
 * blocks. The obsolete "randomised" blocks of bzip2 0.9 are not decoded.
 */
export function* unbzip2(input: CodecInput, output: CodecOutput): Codec {
  let block: BlockDecoder | undefined
  for (let streams = 0; ; streams++) {
    const padding = streams === 0 ? 0 : yield* input.passZeros()
    const head = yield* input.peek(4)
    if (!startsStream(head)) {
      if (streams === 0) return torn(head.length === 0 ? BREAKS.cut : BREAKS.header)
      return { kind: 'complete', trailingBytes: padding + (yield* input.passRest()) }
    }
    if (head.length < 4) return torn(BREAKS.cut)
    const blockBytes = (head[3]! - 0x30) * 100_000
    input.skip(4)
    if (block === undefined || block.capacity < blockBytes) block = new BlockDecoder(blockBytes)
    const broken = yield* decodeStream(input, output, block, blockBytes)
    if (broken !== undefined) return torn(broken)
  }
}

/** A beginning cut short by the end of the input counts. */
function startsStream(head: Uint8Array): boolean {
  if (head.length === 0) return false
  const [b, z, h, level] = head
  return (
    b === 0x42 &&
    (z === undefined || z === 0x5a) &&
    (h === undefined || h === 0x68) &&
    (level === undefined || (level >= 0x31 && level <= 0x39))
  )
}

/** Decodes the blocks of one stream; gives what is wrong with it. */
function* decodeStream(
  input: CodecInput,
  output: CodecOutput,
  block: BlockDecoder,
  blockBytes: number,
): Generator<Uint8Array | undefined, string | undefined, void> {
  // Each symbol stands for a byte or more, so that no block is longer than this.
  const compressedBytesMax = Math.ceil((blockBytes * CODE_BITS_MAX) / 8) + TABLE_BYTES_MAX
  let bitsUsed = 0
  let streamCrc = 0
  for (;;) {
    const bytes = yield* input.peek(compressedBytesMax)
    const bits = new BitReader(bytes, bitsUsed)
    const kind = readBlockKind(bits)
    if (kind === 'end') {
      const expected = bits.read32()
      if (bits.isBeyondEnd) return BREAKS.cut
      input.skip(Math.ceil(bits.position / 8))
      return expected === streamCrc ? undefined : BREAKS.checksum
    }
    const problem = kind === 'block' ? block.decode(bits, blockBytes) : BREAKS.damaged
    if (problem !== undefined) {
      // What runs beyond the end of a cut file looks damaged and is not.
      const isCut = bits.isBeyondEnd && bytes.length < compressedBytesMax
      return isCut ? BREAKS.cut : problem
    }
    streamCrc = (((streamCrc << 1) | (streamCrc >>> 31)) ^ block.crc) >>> 0
    input.skip(bits.position >>> 3)
    bitsUsed = bits.position & 7
    yield* block.write(output)
  }
}

function readBlockKind(bits: BitReader): 'block' | 'end' | undefined {
  const high = bits.read(24)
  const low = bits.read(24)
  if (high === BLOCK_HIGH && low === BLOCK_LOW) return 'block'
  return high === END_HIGH && low === END_LOW ? 'end' : undefined
}

/** Bits from the high end of bytes. Beyond the end it gives zeros and says so. */
class BitReader {
  readonly bytes: Uint8Array
  /** Bits read so far. */
  position: number

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes
    this.position = position
  }

  get isBeyondEnd(): boolean {
    return this.position > this.bytes.length * 8
  }

  /** At most 24 bits. */
  read(count: number): number {
    const at = this.position >>> 3
    const bytes = this.bytes
    const word =
      ((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)
    const value = (word << (this.position & 7)) >>> (32 - count)
    this.position += count
    return value
  }

  read32(): number {
    return ((this.read(16) << 16) | this.read(16)) >>> 0
  }
}

/** The codes of one group: a table for the short ones, limits by length for the others. */
interface Codes {
  /** By the next bits: symbol and length, or 0 where the code is longer. */
  readonly fast: Uint16Array
  /** By length: the first code, left-aligned to 20 bits, that is too large for it. */
  readonly limits: Int32Array
  /** By length: what leads from a code to its place in `symbols`. */
  readonly bases: Int32Array
  readonly symbols: Uint16Array
}

/** Decodes one block at a time in memory that it keeps: 5 bytes for each of a block. */
class BlockDecoder {
  readonly capacity: number
  /** By place: the byte there, and above it the place of the next one. */
  readonly #links: Uint32Array
  /** The bytes of the block before runs are spelled out. */
  readonly #bytes: Uint8Array
  readonly #selectors = new Uint8Array(SELECTORS_MAX)
  readonly #counts = new Uint32Array(256)
  #length = 0
  #crc = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.#links = new Uint32Array(capacity)
    this.#bytes = new Uint8Array(capacity)
  }

  /** Checksum of the block decoded last. */
  get crc(): number {
    return this.#crc
  }

  /** Decodes the block whose start mark was just read; gives what is wrong with it. */
  decode(bits: BitReader, blockBytes: number): string | undefined {
    try {
      const expected = bits.read32()
      if (bits.read(1) === 1) return 'obsolete kind of block'
      const origin = bits.read(24)
      this.#readLinks(bits, blockBytes)
      if (origin >= this.#length) return BREAKS.damaged
      this.#follow(origin)
      return this.#crc === expected ? undefined : BREAKS.checksum
    } catch (error) {
      if (error instanceof DamagedBlock) return BREAKS.damaged
      throw error
    }
  }

  /** Spells out the runs: four equal bytes are followed by how many more there are. */
  *write(output: CodecOutput): Generator<Uint8Array, void, void> {
    const bytes = this.#bytes
    const length = this.#length
    let run = 0
    let last = -1
    let at = 0
    while (at < length) {
      const buffer = output.buffer
      let to = output.length
      const start = to
      // A run makes at most 255 bytes at once.
      const limit = buffer.length - 255
      while (at < length && to < limit) {
        const byte = bytes[at++]!
        if (run === 4) {
          buffer.fill(last, to, to + byte)
          to += byte
          run = 0
          last = -1
        } else {
          buffer[to++] = byte
          run = byte === last ? run + 1 : 1
          last = byte
        }
      }
      output.advance(to - start)
      if (to >= limit) yield output.take()
    }
  }

  /**
   * Reads the symbols of a block, undoes move-to-front, and sorts: the inverse of Burrows and
   * Wheeler's transform.
   */
  #readLinks(bits: BitReader, blockBytes: number): void {
    const front = readBytesUsed(bits)
    const symbolCount = front.length + 2
    const groupCount = bits.read(3)
    if (groupCount < 2 || groupCount > 6) throw new DamagedBlock()
    const selectorCount = this.#readSelectors(bits, groupCount)
    const codes = Array.from({ length: groupCount }, () => readCodes(bits, symbolCount))
    if (bits.isBeyondEnd) throw new DamagedBlock()

    this.#length = this.#readSymbols(bits, { codes, selectorCount, front, blockBytes })

    const counts = this.#counts
    const links = this.#links
    let sum = 0
    for (let byte = 0; byte < 256; byte++) {
      const count = counts[byte]!
      counts[byte] = sum
      sum += count
    }
    for (let at = 0; at < this.#length; at++) {
      const byte = links[at]! & 0xff
      const place = counts[byte]!
      counts[byte] = place + 1
      links[place] = links[place]! | (at << 8)
    }
  }

  #readSelectors(bits: BitReader, groupCount: number): number {
    const count = bits.read(15)
    if (count === 0) throw new DamagedBlock()
    const front = Array.from({ length: groupCount }, (_, group) => group)
    for (let at = 0; at < count; at++) {
      let place = 0
      while (bits.read(1) === 1) {
        if (++place === groupCount) throw new DamagedBlock()
      }
      const [group] = front.splice(place, 1)
      front.unshift(group!)
      if (at < SELECTORS_MAX) this.#selectors[at] = group!
    }
    return Math.min(count, SELECTORS_MAX)
  }

  #readSymbols(
    bits: BitReader,
    tables: {
      readonly codes: readonly Codes[]
      readonly selectorCount: number
      readonly front: Uint8Array
      readonly blockBytes: number
    },
  ): number {
    const { codes, selectorCount, front, blockBytes } = tables
    const source = bits.bytes
    const links = this.#links
    const counts = this.#counts.fill(0)
    const endOfBlock = front.length + 1
    let at = bits.position >>> 3
    // The low `held` bits of `word` are the next ones; what stands above them was used.
    let word = source[at++] ?? 0
    let held = 8 - (bits.position & 7)
    let length = 0
    let runLength = 0
    let runBit = 1
    for (let group = 0; group < selectorCount; group++) {
      const { fast, limits, bases, symbols } = codes[this.#selectors[group]!]!
      for (let left = GROUP_SYMBOLS; left > 0; left--) {
        while (held <= 24) {
          // Beyond the end come zeros; the check of the position below finds out.
          word = (word << 8) | (at < source.length ? source[at]! : 0)
          at++
          held += 8
        }
        const short = fast[(word >>> (held - FAST_BITS)) & ((1 << FAST_BITS) - 1)]!
        let symbol: number
        if (short !== 0) {
          symbol = short >>> 5
          held -= short & 31
        } else {
          const code = (word >>> (held - CODE_BITS_MAX)) & ((1 << CODE_BITS_MAX) - 1)
          let size = FAST_BITS + 1
          while (size <= CODE_BITS_MAX && code >= limits[size]!) size++
          if (size > CODE_BITS_MAX) stop(bits, at * 8 - held + CODE_BITS_MAX)
          symbol = symbols[(code >>> (CODE_BITS_MAX - size)) - bases[size]!]!
          held -= size
        }
        if (symbol <= RUN_B) {
          // The length of a run is written in the digits 1 and 2, lowest first.
          if (runBit > blockBytes) stop(bits, at * 8 - held)
          runLength += symbol === RUN_A ? runBit : 2 * runBit
          runBit *= 2
          continue
        }
        if (runLength > 0) {
          if (length + runLength > blockBytes) stop(bits, at * 8 - held)
          const byte = front[0]!
          counts[byte] = counts[byte]! + runLength
          links.fill(byte, length, length + runLength)
          length += runLength
          runLength = 0
          runBit = 1
        }
        if (symbol === endOfBlock) {
          bits.position = at * 8 - held
          if (bits.isBeyondEnd) throw new DamagedBlock()
          return length
        }
        if (length === blockBytes) stop(bits, at * 8 - held)
        const place = symbol - 1
        const byte = front[place]!
        if (place < 16) for (let to = place; to > 0; to--) front[to] = front[to - 1]!
        else front.copyWithin(1, 0, place)
        front[0] = byte
        counts[byte] = counts[byte]! + 1
        links[length++] = byte
      }
      if (at - 4 > source.length) break
    }
    return stop(bits, at * 8 - held)
  }

  /** Walks the links, which gives the bytes in order, and takes the checksum of what they spell. */
  #follow(origin: number): void {
    const links = this.#links
    const bytes = this.#bytes
    const length = this.#length
    const table = CRC_TABLE
    let crc = -1
    let run = 0
    let last = -1
    let link = links[origin]! >>> 8
    for (let at = 0; at < length; at++) {
      const entry = links[link]!
      link = entry >>> 8
      const byte = entry & 0xff
      bytes[at] = byte
      if (run === 4) {
        for (let left = byte; left > 0; left--) crc = (crc << 8) ^ table[(crc >>> 24) ^ last]!
        run = 0
        last = -1
      } else {
        crc = (crc << 8) ^ table[(crc >>> 24) ^ byte]!
        run = byte === last ? run + 1 : 1
        last = byte
      }
    }
    this.#crc = ~crc >>> 0
  }
}

/** Gives a block up. How far it was read tells a cut file from a damaged one. */
function stop(bits: BitReader, position: number): never {
  bits.position = position
  throw new DamagedBlock()
}

/** The bytes that occur in the block, in order. */
function readBytesUsed(bits: BitReader): Uint8Array {
  const used: number[] = []
  const ranges = bits.read(16)
  for (let range = 0; range < 16; range++) {
    if (((ranges << range) & 0x8000) === 0) continue
    const members = bits.read(16)
    for (let low = 0; low < 16; low++) {
      if (((members << low) & 0x8000) !== 0) used.push(range * 16 + low)
    }
  }
  if (used.length === 0) throw new DamagedBlock()
  return Uint8Array.from(used)
}

function readCodes(bits: BitReader, symbolCount: number): Codes {
  const sizes = new Uint8Array(symbolCount)
  let size = bits.read(5)
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (let steps = 0; ; steps++) {
      if (size < 1 || size > CODE_BITS_MAX || steps > CODE_STEPS_MAX) throw new DamagedBlock()
      if (bits.read(1) === 0) break
      size += bits.read(1) === 0 ? 1 : -1
    }
    sizes[symbol] = size
  }
  return makeCodes(sizes)
}

/**
 * Codes of one length are consecutive numbers in the order of their symbols, and shorter codes come
 * first.
 */
function makeCodes(sizes: Uint8Array): Codes {
  const fast = new Uint16Array(1 << FAST_BITS)
  const limits = new Int32Array(CODE_BITS_MAX + 1)
  const bases = new Int32Array(CODE_BITS_MAX + 1)
  const symbols = new Uint16Array(sizes.length)
  let code = 0
  let place = 0
  for (let size = 1; size <= CODE_BITS_MAX; size++) {
    bases[size] = code - place
    for (let symbol = 0; symbol < sizes.length; symbol++) {
      if (sizes[symbol] !== size) continue
      // More codes than there are numbers: bzip2 writes no such thing.
      if (code >= 1 << size) throw new DamagedBlock()
      if (size <= FAST_BITS) {
        const from = code << (FAST_BITS - size)
        fast.fill((symbol << 5) | size, from, from + (1 << (FAST_BITS - size)))
      }
      symbols[place++] = symbol
      code++
    }
    limits[size] = code << (CODE_BITS_MAX - size)
    code *= 2
  }
  return { fast, limits, bases, symbols }
}

/** CRC-32 from the high end, as bzip2 takes it; that of node:zlib works from the low end. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc
})
