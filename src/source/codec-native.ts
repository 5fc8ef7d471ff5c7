import { constants, createInflateRaw, createZstdDecompress } from 'node:zlib'

/**
 * What a stream of node:zlib holds inside. The stream itself throws away what the failing call
 * decoded and cannot be told to stop at the end of a block; both are needed to deliver everything
 * before a break.
 */
interface ZlibStream {
  readonly _handle: {
    writeSync(
      flush: number,
      input: Uint8Array,
      inputOffset: number,
      inputLength: number,
      output: Uint8Array,
      outputOffset: number,
      outputLength: number,
    ): void
    onerror: (message: string, errno: number, code: string) => void
  }
  /** After a call: room left in the output, bytes left in the input. */
  readonly _writeState: Uint32Array
  reset(): void
  close(): void
}

/** One step at a time through a decompressor of node:zlib, in this thread. */
export class NativeDecoder {
  readonly #stream: ZlibStream
  #used = 0
  #made = 0
  #failure: string | undefined

  constructor(format: 'deflate' | 'zstd') {
    // The stream's own output buffer stays unused.
    const options = { chunkSize: constants.Z_MIN_CHUNK }
    const stream = format === 'deflate' ? createInflateRaw(options) : createZstdDecompress(options)
    // The shape is checked here because no type describes it.
    const inner = stream as unknown as ZlibStream
    if (typeof inner._handle?.writeSync !== 'function' || inner._writeState?.length !== 2) {
      throw new Error(`Node ${process.version} does not give access to the steps of node:zlib.`)
    }
    inner._handle.onerror = (_message, _errno, code) => {
      this.#failure = code
    }
    this.#stream = inner
  }

  /** Bytes of input the last step used. */
  get used(): number {
    return this.#used
  }

  /** Bytes of output the last step made. */
  get made(): number {
    return this.#made
  }

  /**
   * The code of node:zlib for what went wrong in the last step; how much it used and made is then
   * unknown.
   */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Decodes as much as the input gives and the output, from `offset` on, takes. */
  step(flush: number, input: Uint8Array, output: Uint8Array, offset: number): void {
    const room = output.length - offset
    this.#used = 0
    this.#made = 0
    this.#failure = undefined
    this.#stream._handle.writeSync(flush, input, 0, input.length, output, offset, room)
    if (this.#failure !== undefined) return
    this.#made = room - this.#stream._writeState[0]!
    this.#used = input.length - this.#stream._writeState[1]!
  }

  /** Makes ready for another stream. */
  reset(): void {
    this.#stream.reset()
  }

  /** Frees the memory of the decompressor. */
  close(): void {
    this.#stream.close()
  }
}
