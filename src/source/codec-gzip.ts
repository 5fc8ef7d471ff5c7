import { constants, crc32 } from 'node:zlib'
import {
  BREAKS,
  type Codec,
  type CodecInput,
  type CodecOutput,
  type StreamEnd,
  type Taking,
  torn,
} from './codec-io.ts'
import { NativeDecoder } from './codec-native.ts'
import { InflateReplay } from './codec-replay.ts'

const FLAG_HEADER_CRC = 0x02
const FLAG_EXTRA = 0x04
const FLAG_NAME = 0x08
const FLAG_COMMENT = 0x10
const FLAGS_RESERVED = 0xe0

/**
 * Decodes gzip (RFC 1952), any number of members. Zero padding between members is passed over, as
 * tapes and some loggers leave it; what else follows a member is not decoded.
 */
export function* gunzip(input: CodecInput, output: CodecOutput): Codec {
  const decoder = new NativeDecoder('deflate')
  const replay = new InflateReplay()
  try {
    for (let members = 0; ; members++) {
      const padding = members === 0 ? 0 : yield* input.passZeros()
      const magic = yield* input.peek(2)
      if (!startsMember(magic)) {
        if (members === 0) return torn(magic.length === 0 ? BREAKS.cut : BREAKS.header)
        return { kind: 'complete', trailingBytes: padding + (yield* input.passRest()) }
      }
      const broken =
        (yield* passHeader(input)) ?? (yield* inflateMember(input, output, decoder, replay))
      if (broken !== undefined) return broken
      decoder.reset()
    }
  } finally {
    decoder.close()
  }
}

/** A lone first byte counts: the file was cut there. */
function startsMember(magic: Uint8Array): boolean {
  return magic[0] === 0x1f && (magic.length === 1 || magic[1] === 0x8b)
}

function* passHeader(input: CodecInput): Taking<StreamEnd | undefined> {
  const fixed = yield* input.peek(10)
  if (fixed.length > 2 && fixed[2] !== 8) return torn(BREAKS.header)
  if (fixed.length > 3 && fixed[3]! & FLAGS_RESERVED) return torn(BREAKS.header)
  if (fixed.length < 10) return torn(BREAKS.cut)
  const flags = fixed[3]!
  input.skip(10)
  if (flags & FLAG_EXTRA) {
    const size = yield* input.peek(2)
    if (size.length < 2) return torn(BREAKS.cut)
    if (!(yield* input.pass(2 + size[0]! + size[1]! * 256))) return torn(BREAKS.cut)
  }
  if (flags & FLAG_NAME && !(yield* passText(input))) return torn(BREAKS.cut)
  if (flags & FLAG_COMMENT && !(yield* passText(input))) return torn(BREAKS.cut)
  // The checksum of the header is not compared: a damaged file name costs no record.
  if (flags & FLAG_HEADER_CRC && !(yield* input.pass(2))) return torn(BREAKS.cut)
  return undefined
}

function* passText(input: CodecInput): Taking<boolean> {
  for (;;) {
    const here = input.available
    const end = here.indexOf(0)
    input.skip(end === -1 ? here.length : end + 1)
    if (end !== -1) return true
    if (!(yield* input.more())) return false
  }
}

/** Decodes the body of a member and compares its trailer; gives what is wrong with it. */
function* inflateMember(
  input: CodecInput,
  output: CodecOutput,
  decoder: NativeDecoder,
  replay: InflateReplay,
): Generator<Uint8Array | undefined, StreamEnd | undefined, void> {
  let crc = 0
  let size = 0
  let isFull = false
  replay.start()
  for (;;) {
    // A full chunk may have left output behind, which needs no input to come out.
    if (input.available.length === 0 && !isFull && !(yield* input.more())) return torn(BREAKS.cut)
    const compressed = input.available
    const from = output.length
    // Z_BLOCK: a step ends where a block of deflate ends, which is where a replay can start.
    decoder.step(constants.Z_BLOCK, compressed, output.buffer, from)
    if (decoder.failure !== undefined) {
      yield* output.write(replay.recover(compressed))
      return torn(BREAKS.damaged)
    }
    const { used, made } = decoder
    // No progress though there is room on both sides: the last block is done.
    if (used === 0 && made === 0 && compressed.length > 0) break
    const bytes = output.buffer.subarray(from, from + made)
    crc = crc32(bytes, crc)
    size = (size + made) >>> 0
    replay.record(compressed.subarray(0, used), bytes)
    input.skip(used)
    output.advance(made)
    isFull = output.isFull
    if (isFull) yield output.take()
    else if (used < compressed.length) replay.mark(output.buffer.subarray(0, output.length))
  }
  const trailer = yield* input.peek(8)
  if (trailer.length < 8) return torn(BREAKS.cut)
  const view = new DataView(trailer.buffer, trailer.byteOffset, 8)
  if (view.getUint32(0, true) !== crc || view.getUint32(4, true) !== size) {
    return torn(BREAKS.checksum)
  }
  input.skip(8)
  return undefined
}
