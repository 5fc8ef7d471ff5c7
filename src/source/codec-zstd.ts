import { constants } from 'node:zlib'
import {
  BREAKS,
  type Codec,
  type CodecInput,
  type CodecOutput,
  type StreamEnd,
  type Taking,
  torn,
  WINDOW_BYTES_MAX,
} from './codec-io.ts'
import { NativeDecoder } from './codec-native.ts'

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const BLOCK_BYTES_MAX = 128 * 1024
const BLOCK_RLE = 1
const BLOCK_RESERVED = 3

/** What the header of a frame says that matters here. */
interface FrameHeader {
  readonly headerBytes: number
  readonly windowBytes: number
  readonly hasChecksum: boolean
}

/**
 * Decodes Zstandard (RFC 8878), any number of frames; skippable ones are passed over.
 *
 * The decoder gets one block at a time. A block decodes as a whole or not at all, so the call that
 * fails on a damaged one takes nothing before it along.
 */
export function* unzstd(input: CodecInput, output: CodecOutput): Codec {
  const decoder = new NativeDecoder('zstd')
  try {
    for (let frames = 0; ; frames++) {
      const padding = frames === 0 ? 0 : yield* input.passZeros()
      const start = yield* input.peek(4)
      const kind = kindOfFrame(start)
      if (kind === undefined) {
        if (frames === 0) return torn(start.length < 4 ? BREAKS.cut : BREAKS.header)
        return { kind: 'complete', trailingBytes: padding + (yield* input.passRest()) }
      }
      if (start.length < 4) return torn(BREAKS.cut)
      const broken = yield* kind === 'skippable'
        ? passSkippable(input)
        : decodeFrame(input, output, decoder)
      if (broken !== undefined) return broken
    }
  } finally {
    decoder.close()
  }
}

/**
 * By the four bytes it starts with; fewer, at the end of the input, are judged as far as they go.
 */
function kindOfFrame(start: Uint8Array): 'data' | 'skippable' | undefined {
  if (start.length === 0) return undefined
  const magic = little(start)
  const mask = start.length >= 4 ? 0xffffffff : 2 ** (8 * start.length) - 1
  if (magic === (MAGIC & mask) >>> 0) return 'data'
  // The low four bits of a skippable frame are free.
  if ((magic & 0xfffffff0) >>> 0 === (SKIPPABLE_MAGIC & mask) >>> 0) return 'skippable'
  return undefined
}

function* passSkippable(input: CodecInput): Taking<StreamEnd | undefined> {
  const head = yield* input.peek(8)
  if (head.length < 8) return torn(BREAKS.cut)
  const size = little(head.subarray(4))
  return (yield* input.pass(8 + size)) ? undefined : torn(BREAKS.cut)
}

function* decodeFrame(
  input: CodecInput,
  output: CodecOutput,
  decoder: NativeDecoder,
): Generator<Uint8Array | undefined, StreamEnd | undefined, void> {
  const start = yield* input.peek(18)
  const header = parseHeader(start)
  if (header === 'cut') return torn(BREAKS.cut)
  if (header === undefined) return torn(BREAKS.header)
  if (header.windowBytes > WINDOW_BYTES_MAX) return torn(BREAKS.memory)
  let broken = yield* decodePiece(header.headerBytes, input, output, decoder)
  while (broken === undefined) {
    const head = yield* input.peek(3)
    if (head.length < 3) return torn(BREAKS.cut)
    const word = little(head)
    const type = (word >>> 1) & 3
    const size = word >>> 3
    if (type === BLOCK_RESERVED || size > BLOCK_BYTES_MAX) return torn(BREAKS.damaged)
    broken = yield* decodePiece(3 + (type === BLOCK_RLE ? 1 : size), input, output, decoder)
    if (word & 1) break
  }
  if (broken === undefined && header.hasChecksum) {
    broken = yield* decodePiece(4, input, output, decoder)
  }
  return broken
}

/** RFC 8878, section 3.1.1.1. */
function parseHeader(start: Uint8Array): FrameHeader | 'cut' | undefined {
  if (start.length < 5) return 'cut'
  const descriptor = start[4]!
  if (descriptor & 0x08) return undefined
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!
  const sizeAt = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes
  const headerBytes = sizeAt + sizeBytes
  if (start.length < headerBytes) return 'cut'
  return {
    headerBytes,
    // In a frame of a single segment the content is its own window. Two bytes count from 256.
    windowBytes: isSingleSegment
      ? little(start.subarray(sizeAt, headerBytes)) + (sizeBytes === 2 ? 256 : 0)
      : windowOf(start[5]!),
    hasChecksum: (descriptor & 0x04) !== 0,
  }
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3))
  return base + (base / 8) * (descriptor & 7)
}

/** Feeds exactly so many bytes to the decoder. */
function* decodePiece(
  size: number,
  input: CodecInput,
  output: CodecOutput,
  decoder: NativeDecoder,
): Generator<Uint8Array | undefined, StreamEnd | undefined, void> {
  let left = size
  let isFull = false
  while (left > 0 || isFull) {
    if (input.available.length === 0 && !isFull && !(yield* input.more())) return torn(BREAKS.cut)
    const piece = input.available.subarray(0, left)
    decoder.step(constants.ZSTD_e_continue, piece, output.buffer, output.length)
    if (decoder.failure !== undefined) {
      return torn(
        decoder.failure === 'ZSTD_error_checksum_wrong' ? BREAKS.checksum : BREAKS.damaged,
      )
    }
    input.skip(decoder.used)
    left -= decoder.used
    output.advance(decoder.made)
    isFull = output.isFull
    if (isFull) yield output.take()
  }
  return undefined
}

/** The number that the bytes, at most eight, spell from the low end. */
function little(bytes: Uint8Array): number {
  let value = 0
  for (let at = bytes.length - 1; at >= 0; at--) value = value * 256 + bytes[at]!
  return value
}
