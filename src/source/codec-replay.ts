import { constants, inflateRawSync } from 'node:zlib'
import { CodecOutput } from './codec-io.ts'

/** How far back deflate can point (RFC 1951). */
const WINDOW_BYTES = 32 * 1024
/**
 * Known output that tells the true start of a block from the seven others; chance is out of the
 * question.
 */
const PROOF_BYTES = 1024
/** Output between two places to start from: rare enough to cost nothing. */
const SPACING_BYTES = 128 * 1024
/**
 * Beyond these no replay is kept until the next block; a compressor that makes such blocks has yet
 * to be seen.
 */
const KEPT_BYTES_MAX = 1024 * 1024
const MADE_BYTES_MAX = 8 * 1024 * 1024

/** A block boundary from which decoding can start again. */
interface Point {
  /** Where its first byte stands in the kept bytes. */
  offset: number
  /**
   * True where the block starts with a byte; else some unknown bits of the byte at `offset` belong
   * to the last one.
   */
  readonly isAligned: boolean
  readonly window: Uint8Array
  /** The first bytes decoded from there. */
  readonly proof: Uint8Array
  proofLength: number
  /** All bytes decoded from there. */
  made: number
}

/**
 * Gives back what node:zlib decoded in the call that failed, which it throws away.
 *
 * Keeps the compressed bytes since a recent block boundary and decodes them again, up to the byte
 * that breaks. What comes out is thus the same however the input was cut into chunks. A boundary
 * may lie inside a byte and node:zlib does not say where; the eight possibilities are tried against
 * what is known to come out.
 */
export class InflateReplay {
  #kept = new Uint8Array(0)
  #keptLength = 0
  #points: Point[] = []
  #made = 0

  /** Starts a stream of deflate, which begins with a whole byte. */
  start(): void {
    this.#keptLength = 0
    this.#made = 0
    this.#points = [
      {
        offset: 0,
        isAligned: true,
        window: new Uint8Array(0),
        proof: new Uint8Array(0),
        proofLength: 0,
        made: 0,
      },
    ]
  }

  /** Notes a step that went well: the bytes it used and those it made. */
  record(used: Uint8Array, made: Uint8Array): void {
    this.#keep(used)
    this.#made += made.length
    for (const point of this.#points) {
      if (point.proofLength < point.proof.length) {
        const head = made.subarray(0, point.proof.length - point.proofLength)
        point.proof.set(head, point.proofLength)
        point.proofLength += head.length
      }
      point.made += made.length
    }
    const [oldest, newest] = this.#points
    if (newest !== undefined && newest.proofLength === newest.proof.length) {
      this.#forget([newest])
    } else if (
      oldest === undefined ||
      this.#keptLength > KEPT_BYTES_MAX ||
      oldest.made > MADE_BYTES_MAX
    ) {
      this.#forget([])
    }
  }

  /**
   * Says that a block has just ended. `output`: what came out last, at least a window of it to be
   * of use.
   */
  mark(output: Uint8Array): void {
    if (output.length < WINDOW_BYTES || this.#made < WINDOW_BYTES || this.#keptLength === 0) return
    const newest = this.#points.at(-1)
    if (newest !== undefined && newest.made < SPACING_BYTES) return
    if (this.#points.length === 2) return
    this.#points.push({
      offset: this.#keptLength - 1,
      isAligned: false,
      window: output.slice(output.length - WINDOW_BYTES),
      proof: new Uint8Array(PROOF_BYTES),
      proofLength: 0,
      made: 0,
    })
  }

  /** After a step failed on `input`: the bytes that can be decoded beyond what was recorded. */
  recover(input: Uint8Array): Uint8Array {
    for (const point of this.#points.toReversed()) {
      if (point.proofLength < point.proof.length) continue
      const bytes = new Uint8Array(this.#keptLength - point.offset + input.length)
      bytes.set(this.#kept.subarray(point.offset, this.#keptLength))
      bytes.set(input, this.#keptLength - point.offset)
      for (const bits of point.isAligned ? [0] : [1, 2, 3, 4, 5, 6, 7, 8]) {
        const made = inflateUpToBreak(dropBits(bytes, bits), point)
        if (made !== undefined) return made.subarray(point.made)
      }
    }
    return new Uint8Array(0)
  }

  #keep(used: Uint8Array): void {
    const length = this.#keptLength + used.length
    if (length > this.#kept.length) {
      const kept = new Uint8Array(Math.max(2 * length, 4096))
      kept.set(this.#kept.subarray(0, this.#keptLength))
      this.#kept = kept
    }
    this.#kept.set(used, this.#keptLength)
    this.#keptLength = length
  }

  /** Keeps these points only and, in any case, the last byte: the next boundary may lie in it. */
  #forget(points: Point[]): void {
    const start = points[0]?.offset ?? Math.max(this.#keptLength - 1, 0)
    this.#kept.copyWithin(0, start, this.#keptLength)
    this.#keptLength -= start
    for (const point of points) point.offset -= start
    this.#points = points
  }
}

/** The bytes without their first bits; deflate fills bytes from the low end. */
function dropBits(bytes: Uint8Array, bits: number): Uint8Array {
  if (bits === 0) return bytes
  if (bits === 8) return bytes.subarray(1)
  const shifted = new Uint8Array(bytes.length)
  for (let at = 0; at < bytes.length; at++) {
    shifted[at] = (bytes[at]! >>> bits) | ((bytes[at + 1] ?? 0) << (8 - bits))
  }
  return shifted
}

/**
 * What the longest sound beginning of the bytes gives; `undefined` if that is not what came out
 * before.
 */
function inflateUpToBreak(bytes: Uint8Array, point: Point): Uint8Array | undefined {
  let made: Uint8Array = new Uint8Array(0)
  let sound = 0
  let broken = bytes.length + 1
  while (broken - sound > 1) {
    const middle = (sound + broken) >>> 1
    const inflated = inflateBeginning(bytes.subarray(0, middle), point)
    if (inflated === undefined) broken = middle
    else {
      sound = middle
      made = inflated
    }
  }
  const isProven =
    made.length >= point.made &&
    Buffer.compare(made.subarray(0, point.proof.length), point.proof) === 0
  return isProven ? made : undefined
}

function inflateBeginning(bytes: Uint8Array, point: Point): Uint8Array | undefined {
  try {
    return inflateRawSync(bytes, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: point.made + CodecOutput.CHUNK_BYTES,
      ...(point.window.length > 0 && { dictionary: point.window }),
    })
  } catch {
    // Damaged data, or for a wrong start more output than the failed step had room for.
    return undefined
  }
}
