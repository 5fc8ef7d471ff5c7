import { LIMITS } from '../limits.ts'
import { unbzip2 } from './codec-bzip2.ts'
import { gunzip } from './codec-gzip.ts'
import { type Codec, CodecInput, CodecOutput, type StreamEnd } from './codec-io.ts'
import { unxz } from './codec-xz.ts'
import { unzstd } from './codec-zstd.ts'

export type { StreamEnd } from './codec-io.ts'

/** How the bytes of a source are compressed. */
export type Compression = 'none' | 'gzip' | 'bzip2' | 'xz' | 'zstd'

/** Decoded bytes, pulled chunk by chunk. */
export interface ByteStream {
  /**
   * The next chunk, which is the caller's to keep; `undefined` at the end. Call it again only after
   * it settled.
   *
   * What was decoded before the input failed comes first, then each call rejects with the error of
   * the input.
   */
  read(): Promise<Uint8Array | undefined>
  /** How it ended: set once `read` gave `undefined`. */
  readonly end: StreamEnd | undefined
  /**
   * Stops: frees the decoder and closes the input. Does nothing after the end or on a second call.
   */
  close(): Promise<void>
}

/** When output counts as that of a bomb: beyond both. */
export interface BombLimits {
  /** Bytes out for one in. */
  readonly ratioMax: number
  readonly outputBytesMax: number
}

const BOMB_LIMITS: BombLimits = {
  ratioMax: LIMITS.archiveRatioMax,
  outputBytesMax: LIMITS.archiveBytesMax,
}

const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd]
const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
/** "BZh", a digit, then the start of a block or, in an empty stream, its end. */
const BZIP2_MAGIC = [0x42, 0x5a, 0x68]
const BZIP2_BLOCK = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]
const BZIP2_END = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]

/**
 * Tells the compression by the first bytes, never by a name.
 *
 * Six bytes are enough. With fewer it tells what they allow, two for gzip and four for the others
 * but xz; what cannot be told is `none`.
 */
export function detectCompression(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  if (startsWith(head, XZ_MAGIC)) return 'xz'
  if (startsWith(head, ZSTD_MAGIC) || isSkippableFrame(head)) return 'zstd'
  if (startsWith(head, BZIP2_MAGIC) && head[3]! >= 0x31 && head[3]! <= 0x39) {
    const next = head.subarray(4, 10)
    if (agrees(next, BZIP2_BLOCK) || agrees(next, BZIP2_END)) return 'bzip2'
  }
  return 'none'
}

function isSkippableFrame(head: Uint8Array): boolean {
  return (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18
}

function startsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return head.length >= magic.length && agrees(head.subarray(0, magic.length), magic)
}

function agrees(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.every((byte, at) => byte === magic[at])
}

/**
 * Decompresses a stream of bytes, whatever its length, in a few MiB and the window it asks for (at
 * most 128 MiB).
 *
 * Delivers every byte that can be decoded before a break, however the input is cut into chunks;
 * damage is an end, not an error. `none` passes the chunks of the input on as they are. Each chunk
 * of the input is read before the next one is asked for, so its memory may be used again.
 *
 * @param limits - from when on the output counts as a bomb's
 */
export function openStream(
  input: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  compression: Compression,
  limits: BombLimits = BOMB_LIMITS,
): ByteStream {
  const chunks =
    Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]()
  return new DecodingStream(chunks, CODECS[compression], limits)
}

type Chunks = AsyncIterator<Uint8Array> | Iterator<Uint8Array>

const CODECS = { none: passOn, gzip: gunzip, bzip2: unbzip2, xz: unxz, zstd: unzstd } as const

function* passOn(input: CodecInput): Codec {
  while (yield* input.more()) {
    const chunk = input.available
    input.skip(chunk.length)
    if (chunk.length > 0) yield chunk
  }
  return { kind: 'complete', trailingBytes: 0 }
}

class DecodingStream implements ByteStream {
  readonly #chunks: Chunks
  readonly #input = new CodecInput()
  readonly #output = new CodecOutput()
  readonly #codec: Codec
  readonly #limits: BombLimits
  #outputBytes = 0
  /** How the codec ended, while its last chunk is still to be delivered. */
  #ending: StreamEnd | undefined
  #end: StreamEnd | undefined
  #failure: { readonly error: unknown } | undefined
  #isClosed = false

  constructor(chunks: Chunks, codec: typeof gunzip, limits: BombLimits) {
    this.#chunks = chunks
    this.#codec = codec(this.#input, this.#output)
    this.#limits = limits
  }

  get end(): StreamEnd | undefined {
    return this.#end
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#end !== undefined || this.#isClosed) return undefined
    const chunk = this.#ending === undefined ? await this.#decode() : undefined
    if (chunk !== undefined) return chunk
    if (this.#failure !== undefined) throw this.#failure.error
    await this.close()
    this.#end = this.#ending
    return undefined
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#codec.return({ kind: 'complete', trailingBytes: 0 })
    await this.#chunks.return?.()
  }

  async #decode(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#isBomb()) {
        this.#ending = { kind: 'bomb', detail: 'grows beyond what an archive may' }
        return undefined
      }
      const step = this.#codec.next()
      if (step.done === true) {
        this.#ending = step.value
        return this.#lastChunk()
      }
      if (step.value !== undefined) {
        this.#outputBytes += step.value.length
        return step.value
      }
      try {
        const next = await this.#chunks.next()
        if (next.done === true) this.#input.finish()
        else this.#input.push(next.value)
      } catch (error) {
        // What is here can still be decoded; how that ends is not how the stream ended.
        this.#failure = { error }
        this.#input.finish()
      }
    }
  }

  #lastChunk(): Uint8Array | undefined {
    return this.#output.length > 0 ? this.#output.take() : undefined
  }

  #isBomb(): boolean {
    const { ratioMax, outputBytesMax } = this.#limits
    return (
      this.#outputBytes > outputBytesMax && this.#outputBytes > ratioMax * this.#input.consumedBytes
    )
  }
}
