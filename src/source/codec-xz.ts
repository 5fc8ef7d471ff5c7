import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Crc64 } from './codec-crc64.ts'
import {
  BREAKS,
  type Codec,
  type CodecInput,
  type CodecOutput,
  type Taking,
  torn,
  WINDOW_BYTES_MAX,
} from './codec-io.ts'
import { LzmaDecoder } from './codec-lzma.ts'

// The .xz file format, version 1.2.1; sections are named where they help.

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
const FOOTER_MAGIC = 0x5a59
const HEADER_BYTES = 12
const FILTER_LZMA2 = 0x21
/**
 * A chunk holds at most so many compressed bytes; the decoder of LZMA may read a little beyond its
 * end.
 */
const CHUNK_BYTES_MAX = 64 * 1024
const SLACK_BYTES = 32

/** Wrong, in a word. A part of the codec that gives `undefined` found nothing wrong. */
type Broken = string
type Decoding<T> = Generator<Uint8Array | undefined, T, void>

/** What an index must repeat of the blocks before it. */
interface BlockSums {
  count: number
  unpaddedBytes: number
  uncompressedBytes: number
}

/**
 * Decodes xz, any number of streams, with padding between them.
 *
 * Of filters it knows LZMA2 alone: the others are for machine code and samples, not for text.
 */
export function* unxz(input: CodecInput, output: CodecOutput): Codec {
  for (let streams = 0; ; streams++) {
    const padding = streams === 0 ? 0 : yield* input.passZeros()
    const head = yield* input.peek(HEADER_BYTES)
    if (head.length === 0 || !head.subarray(0, 6).every((byte, at) => byte === MAGIC[at])) {
      if (streams === 0) return torn(head.length === 0 ? BREAKS.cut : BREAKS.header)
      return { kind: 'complete', trailingBytes: padding + (yield* input.passRest()) }
    }
    if (head.length < HEADER_BYTES) return torn(BREAKS.cut)
    const flags = new Uint8Array(head.subarray(6, 8))
    if (flags[0] !== 0 || flags[1]! > 15 || little32(head, 8) !== crc32(flags)) {
      return torn(BREAKS.header)
    }
    input.skip(HEADER_BYTES)
    const broken = yield* decodeStream(input, output, flags)
    if (broken !== undefined) return torn(broken)
  }
}

function* decodeStream(
  input: CodecInput,
  output: CodecOutput,
  flags: Uint8Array,
): Decoding<Broken | undefined> {
  const sums: BlockSums = { count: 0, unpaddedBytes: 0, uncompressedBytes: 0 }
  for (;;) {
    const size = yield* input.peek(1)
    if (size.length === 0) return BREAKS.cut
    if (size[0] === 0) break
    const broken = yield* decodeBlock(input, output, { checkType: flags[1]!, sums })
    if (broken !== undefined) return broken
  }
  const indexStart = input.consumedBytes
  const broken = yield* passIndex(input, sums)
  if (broken !== undefined) return broken
  return yield* passFooter(input, flags, input.consumedBytes - indexStart)
}

/** What the header of a block says. */
interface BlockHeader {
  readonly compressedBytes: number | undefined
  readonly uncompressedBytes: number | undefined
  readonly dictionaryBytes: number
}

/** Decodes a block and compares its sizes and its check. */
function* decodeBlock(
  input: CodecInput,
  output: CodecOutput,
  stream: { readonly checkType: number; readonly sums: BlockSums },
): Decoding<Broken | undefined> {
  const start = input.consumedBytes
  const [headerWords] = yield* input.peek(1)
  const headerBytes = (headerWords! + 1) * 4
  const bytes = yield* input.peek(headerBytes)
  if (bytes.length < headerBytes) return BREAKS.cut
  const header = parseBlockHeader(bytes)
  if (typeof header === 'string') return header
  if (header.dictionaryBytes > WINDOW_BYTES_MAX) return BREAKS.memory
  input.skip(headerBytes)

  const check = makeCheck(stream.checkType)
  const data = yield* decodeLzma2(input, output, { header, check })
  if (typeof data === 'string') return data
  const compressedBytes = input.consumedBytes - start - headerBytes
  if (
    compressedBytes !== (header.compressedBytes ?? compressedBytes) ||
    data.uncompressedBytes !== (header.uncompressedBytes ?? data.uncompressedBytes)
  ) {
    return BREAKS.damaged
  }
  const padding = yield* passPadding(input, compressedBytes)
  if (padding !== undefined) return padding
  const expected = yield* input.peek(check.size)
  if (expected.length < check.size) return BREAKS.cut
  if (!check.agrees(expected)) return BREAKS.checksum
  input.skip(check.size)

  stream.sums.count++
  stream.sums.unpaddedBytes += headerBytes + compressedBytes + check.size
  stream.sums.uncompressedBytes += data.uncompressedBytes
  return undefined
}

/** Section 3.1. */
function parseBlockHeader(bytes: Uint8Array): BlockHeader | Broken {
  const end = bytes.length - 4
  if (little32(bytes, end) !== crc32(bytes.subarray(0, end))) return BREAKS.header
  const flags = bytes[1]!
  if (flags & 0x3c) return BREAKS.header
  const fields = { bytes: bytes.subarray(0, end), at: 2 }
  const compressedBytes = flags & 0x40 ? readNumber(fields) : undefined
  const uncompressedBytes = flags & 0x80 ? readNumber(fields) : undefined
  const filter = readNumber(fields)
  if ((flags & 3) !== 0 || filter !== FILTER_LZMA2) return 'uses an unknown filter'
  const propertyBytes = readNumber(fields)
  const bits = fields.bytes[fields.at]
  if (propertyBytes !== 1 || bits === undefined || bits > 40) return BREAKS.header
  if (fields.bytes.subarray(fields.at + 1).some((byte) => byte !== 0)) return BREAKS.header
  // Section 5.3.1: sizes of the forms 2^n and 3 * 2^n.
  const dictionaryBytes = bits === 40 ? 2 ** 32 - 1 : (2 | (bits & 1)) * 2 ** ((bits >>> 1) + 11)
  return { compressedBytes, uncompressedBytes, dictionaryBytes }
}

/**
 * Section 1.2: seven bits a byte, the lowest first. Beyond 2^53 it is wrong by little, and no size
 * is.
 */
function readNumber(fields: { readonly bytes: Uint8Array; at: number }): number {
  let value = 0
  for (let place = 0; place < 9; place++) {
    const byte = fields.bytes[fields.at++] ?? 0
    value += (byte & 0x7f) * 2 ** (7 * place)
    if (byte < 0x80) break
  }
  return value
}

/** The chunks of a block: section 5.3.1 and liblzma's lzma2_decoder.c. */
function* decodeLzma2(
  input: CodecInput,
  output: CodecOutput,
  block: { readonly header: BlockHeader; readonly check: Check },
): Decoding<Broken | { readonly uncompressedBytes: number }> {
  const { header, check } = block
  const decoder = new LzmaDecoder(Math.max(header.dictionaryBytes, 4096))
  const source = new Uint8Array(CHUNK_BYTES_MAX + SLACK_BYTES)
  let uncompressedBytes = 0
  let needsDictionary = true
  let needsProperties = true
  for (;;) {
    const head = yield* input.peek(6)
    if (head.length === 0) return BREAKS.cut
    const control = head[0]!
    if (control === 0) {
      input.skip(1)
      return { uncompressedBytes }
    }
    if (control > 2 && control < 0x80) return BREAKS.damaged
    if (control === 1 || control >= 0xe0) {
      decoder.resetDictionary()
      needsDictionary = false
      needsProperties = true
    } else if (needsDictionary) return BREAKS.damaged

    if (control < 0x80) {
      if (head.length < 3) return BREAKS.cut
      const size = head[1]! * 256 + head[2]! + 1
      input.skip(3)
      const raw = yield* input.peek(size)
      const bytes = decoder.copy(raw)
      check.update(bytes)
      yield* output.write(bytes)
      if (raw.length < size) return BREAKS.cut
      input.skip(size)
      uncompressedBytes += size
      continue
    }

    const headBytes = control >= 0xc0 ? 6 : 5
    if (head.length < headBytes) return BREAKS.cut
    const count = ((control & 0x1f) << 16) + head[1]! * 256 + head[2]! + 1
    const size = head[3]! * 256 + head[4]! + 1
    if (control >= 0xc0) {
      if (!decoder.setProperties(head[5]!)) return BREAKS.damaged
      needsProperties = false
    } else if (needsProperties) return BREAKS.damaged
    if (control >= 0xa0) decoder.resetState()
    input.skip(headBytes)
    const chunk = yield* input.peek(size)
    source.set(chunk)
    source.fill(0, chunk.length, chunk.length + SLACK_BYTES)
    const { outcome, bytes } = decoder.decode(source, chunk.length, count)
    check.update(bytes)
    yield* output.write(bytes)
    uncompressedBytes += bytes.length
    if (chunk.length < size) return BREAKS.cut
    if (outcome !== 'done') return BREAKS.damaged
    input.skip(size)
  }
}

/** Section 4. The sums stand in for the records: what would escape them is a swap of equals. */
function* passIndex(input: CodecInput, sums: BlockSums): Taking<Broken | undefined> {
  const reader = { input, crc: 0, bytes: 0 }
  yield* readHashed(reader)
  const count = yield* readHashedNumber(reader)
  if (count === undefined) return BREAKS.cut
  if (count !== sums.count) return 'damaged index'
  let unpaddedBytes = 0
  let uncompressedBytes = 0
  for (let record = 0; record < count; record++) {
    unpaddedBytes += (yield* readHashedNumber(reader)) ?? 0
    uncompressedBytes += (yield* readHashedNumber(reader)) ?? 0
  }
  while (reader.bytes % 4 !== 0) {
    if ((yield* readHashed(reader)) === undefined) return BREAKS.cut
  }
  const expected = yield* input.peek(4)
  if (expected.length < 4) return BREAKS.cut
  if (
    unpaddedBytes !== sums.unpaddedBytes ||
    uncompressedBytes !== sums.uncompressedBytes ||
    little32(expected, 0) !== reader.crc
  ) {
    return 'damaged index'
  }
  input.skip(4)
  return undefined
}

interface HashedReader {
  readonly input: CodecInput
  crc: number
  bytes: number
}

function* readHashed(reader: HashedReader): Taking<number | undefined> {
  const bytes = yield* reader.input.peek(1)
  if (bytes.length === 0) return undefined
  reader.crc = crc32(bytes, reader.crc)
  reader.bytes++
  const [byte] = bytes
  reader.input.skip(1)
  return byte
}

function* readHashedNumber(reader: HashedReader): Taking<number | undefined> {
  let value = 0
  for (let place = 0; place < 9; place++) {
    const byte = yield* readHashed(reader)
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * place)
    if (byte < 0x80) break
  }
  return value
}

/** Section 2.1.2. */
function* passFooter(
  input: CodecInput,
  flags: Uint8Array,
  indexBytes: number,
): Taking<Broken | undefined> {
  const footer = yield* input.peek(HEADER_BYTES)
  if (footer.length < HEADER_BYTES) return BREAKS.cut
  const isSound =
    little32(footer, 0) === crc32(footer.subarray(4, 10)) &&
    (little32(footer, 4) + 1) * 4 === indexBytes &&
    footer[8] === flags[0] &&
    footer[9] === flags[1] &&
    footer[10]! + footer[11]! * 256 === FOOTER_MAGIC
  if (!isSound) return 'damaged footer'
  input.skip(HEADER_BYTES)
  return undefined
}

function* passPadding(input: CodecInput, size: number): Taking<Broken | undefined> {
  const count = (4 - (size % 4)) % 4
  const padding = yield* input.peek(count)
  if (padding.length < count) return BREAKS.cut
  if (padding.some((byte) => byte !== 0)) return BREAKS.damaged
  input.skip(count)
  return undefined
}

/** The check over the decoded bytes of a block. */
interface Check {
  readonly size: number
  update(bytes: Uint8Array): void
  agrees(expected: Uint8Array): boolean
}

/** Section 2.1.1.2. A check of another kind cannot be made and is passed over, as xz does. */
function makeCheck(type: number): Check {
  if (type === 1) {
    let crc = 0
    return {
      size: 4,
      update: (bytes) => {
        crc = crc32(bytes, crc)
      },
      agrees: (expected) => little32(expected, 0) === crc,
    }
  }
  if (type === 4) {
    const crc = new Crc64()
    return {
      size: 8,
      update: (bytes) => crc.update(bytes),
      agrees: (expected) => little32(expected, 0) === crc.low && little32(expected, 4) === crc.high,
    }
  }
  if (type === 10) {
    const hash = createHash('sha256')
    return {
      size: 32,
      update: (bytes) => {
        hash.update(bytes)
      },
      agrees: (expected) => hash.digest().equals(expected),
    }
  }
  // By groups of three, sizes double: 4, 8, 16, 32, 64 bytes.
  const size = type === 0 ? 0 : 2 << Math.ceil(type / 3)
  return { size, update: () => {}, agrees: () => true }
}

function little32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  )
}
