/** How a stream ended. */
export type StreamEnd =
  /**
   * Every member was whole. `trailingBytes`: bytes after the last one that are no member, zero
   * padding included.
   */
  | { readonly kind: 'complete'; readonly trailingBytes: number }
  /**
   * Cut short or damaged; all that can be decoded before the break was delivered. `detail` is our
   * own text.
   */
  | { readonly kind: 'torn'; readonly detail: string }
  /** It grew beyond what an honest archive does; the rest was not decoded. */
  | { readonly kind: 'bomb'; readonly detail: string }

/**
 * A decoder as a coroutine: yields `undefined` when it needs input, a chunk when one is full, and
 * returns how the stream ended. What is in the output and not yet yielded when it returns belongs
 * to the stream.
 */
export type Codec = Generator<Uint8Array | undefined, StreamEnd, void>

/** A part of a codec that takes input and gives a value. */
export type Taking<T> = Generator<undefined, T, void>

/**
 * The largest dictionary or window an archive may ask for: `xz -9` and `zstd --ultra -22` need half
 * of it and all.
 */
export const WINDOW_BYTES_MAX = 128 * 1024 * 1024

/** Details that more than one codec gives. */
export const BREAKS = {
  cut: 'cut short',
  damaged: 'damaged data',
  header: 'damaged header',
  checksum: 'checksum differs',
  memory: 'needs more memory than allowed',
} as const

/** A torn end. */
export function torn(detail: string): StreamEnd {
  return { kind: 'torn', detail }
}

/**
 * The compressed bytes on their way into a codec: gives them as contiguous views, wherever the
 * chunks were cut.
 */
export class CodecInput {
  #buffer: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0
  #isOwned = true
  #hasEnded = false
  #consumedBytes = 0

  /** Bytes that the codec has used so far. */
  get consumedBytes(): number {
    return this.#consumedBytes
  }

  /** What is here and not used yet. Valid until the codec next asks for input. */
  get available(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  /** Adds a chunk. It is read in place and not kept beyond the next request for input. */
  push(chunk: Uint8Array): void {
    const left = this.#end - this.#start
    if (left === 0) {
      this.#buffer = chunk
      this.#isOwned = false
      this.#start = 0
      this.#end = chunk.length
      return
    }
    const needed = left + chunk.length
    if (!this.#isOwned || this.#end + chunk.length > this.#buffer.length) {
      // Doubling keeps the cost linear when a large view is gathered from tiny chunks.
      const isRoomy = this.#isOwned && this.#buffer.length >= 2 * needed
      const buffer = isRoomy ? this.#buffer : new Uint8Array(2 * needed)
      if (isRoomy) buffer.copyWithin(0, this.#start, this.#end)
      else buffer.set(this.available)
      this.#buffer = buffer
      this.#isOwned = true
      this.#start = 0
      this.#end = left
    }
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  /** Says that nothing more will come. */
  finish(): void {
    this.#hasEnded = true
  }

  /** Marks bytes as used. */
  skip(count: number): void {
    this.#start += count
    this.#consumedBytes += count
  }

  /** Waits for more input; false at its end. */
  *more(): Taking<boolean> {
    if (this.#hasEnded) return false
    // The chunk is the caller's, who may fill its memory anew to make the next one.
    if (!this.#isOwned) {
      // Not by `slice`, which in a Buffer shares the memory.
      this.#buffer = new Uint8Array(this.available)
      this.#end -= this.#start
      this.#start = 0
      this.#isOwned = true
    }
    yield undefined
    return true
  }

  /** The next `count` bytes without using them; fewer only where the input ends. */
  *peek(count: number): Taking<Uint8Array> {
    while (this.#end - this.#start < count) {
      if (!(yield* this.more())) break
    }
    return this.#buffer.subarray(this.#start, Math.min(this.#start + count, this.#end))
  }

  /** Uses up the next `count` bytes whatever they are; false if the input ends before. */
  *pass(count: number): Taking<boolean> {
    let left = count
    for (;;) {
      const here = Math.min(left, this.#end - this.#start)
      this.skip(here)
      left -= here
      if (left === 0) return true
      if (!(yield* this.more())) return false
    }
  }

  /** Uses up zero bytes; gives how many there were. */
  *passZeros(): Taking<number> {
    let count = 0
    for (;;) {
      const here = this.available
      let zeros = 0
      while (zeros < here.length && here[zeros] === 0) zeros++
      this.skip(zeros)
      count += zeros
      if (zeros < here.length || !(yield* this.more())) return count
    }
  }

  /** Uses up everything; gives how much there was. */
  *passRest(): Taking<number> {
    let count = 0
    do {
      count += this.#end - this.#start
      this.skip(this.#end - this.#start)
    } while (yield* this.more())
    return count
  }
}

/** Gathers decoded bytes into chunks of one size. Each chunk has memory of its own. */
export class CodecOutput {
  /**
   * Large enough that what a chunk costs its reader does not count, small enough to hold several.
   */
  static readonly CHUNK_BYTES = 128 * 1024

  #buffer: Uint8Array = allocate()
  #length = 0

  /** The chunk being filled. */
  get buffer(): Uint8Array {
    return this.#buffer
  }

  /** Bytes of it that are filled. */
  get length(): number {
    return this.#length
  }

  /** True when the chunk must be taken before more is added. */
  get isFull(): boolean {
    return this.#length === CodecOutput.CHUNK_BYTES
  }

  /** Says that `count` further bytes of the buffer were filled. */
  advance(count: number): void {
    this.#length += count
  }

  /** Hands the chunk out and starts another. */
  take(): Uint8Array {
    const chunk = this.#buffer.subarray(0, this.#length)
    this.#buffer = allocate()
    this.#length = 0
    return chunk
  }

  /** Adds bytes, yielding each chunk that gets full. */
  *write(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    let from = 0
    while (from < bytes.length) {
      const count = Math.min(bytes.length - from, CodecOutput.CHUNK_BYTES - this.#length)
      this.#buffer.set(bytes.subarray(from, from + count), this.#length)
      this.#length += count
      from += count
      if (this.isFull) yield this.take()
    }
  }
}

function allocate(): Uint8Array {
  // Only what was filled is handed out, so the memory need not be cleared. A plain array, because
  // the `slice` of a Buffer shares memory.
  return new Uint8Array(Buffer.allocUnsafeSlow(CodecOutput.CHUNK_BYTES).buffer)
}
