/** The bytes of a file as they lie on the disk, and the proof that they are of one content. */
import { LIMITS } from '../limits.ts'
import type { OpenFile } from './files.ts'

/**
 * The bytes of a file, chunk by chunk.
 *
 * A file may be cut short and written anew while it is read: the bytes before and behind that moment belong to different
 * contents, and a record made of both was never logged. So each chunk is given out only after the bytes at its start, or
 * before it, were found unchanged *behind* the reading: what was old then was old when the chunk was read. Where they
 * are not, the chunks end and `isCut` is set.
 */
export class PlainChunks implements Iterable<Uint8Array> {
  readonly #file: OpenFile
  readonly #chunkBytes: number
  readonly #range: { readonly from: number; readonly to: number } | Uint8Array
  /** The file was cut short or written anew: there is more to see. */
  isCut = false

  readonly #isStillSame: (() => boolean) | undefined

  /**
   * @param range - bytes to read; for what can be read once only, what was read of it already
   * @param isStillSame - proves that what lies before the range is what it was; asked behind the first reading
   */
  constructor(
    file: OpenFile,
    range: { readonly from: number; readonly to: number } | Uint8Array,
    chunkBytes: number,
    isStillSame?: () => boolean,
  ) {
    this.#file = file
    this.#range = range
    this.#chunkBytes = chunkBytes
    this.#isStillSame = isStillSame
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    if (this.#range instanceof Uint8Array) {
      yield* this.#readThrough(this.#range)
      return
    }
    const { from, to } = this.#range
    let guard: Guard | undefined
    for (let at = from; at < to; ) {
      const wanted = Buffer.allocUnsafeSlow(Math.min(this.#chunkBytes, to - at))
      const chunk = readOnce(this.#file, wanted, at)
      const isSame =
        guard !== undefined
          ? isUnchanged(this.#file, guard)
          : isUnchanged(this.#file, guardAtStart(chunk, at)) && (this.#isStillSame?.() ?? true)
      guard = guardAtEnd(chunk, at + chunk.length)
      if (chunk.length === 0 || !isSame || !isUnchanged(this.#file, guard)) {
        this.isCut = true
        return
      }
      at += chunk.length
      yield chunk
    }
  }

  *#readThrough(first: Uint8Array): Generator<Uint8Array> {
    if (first.length > 0) yield first
    for (;;) {
      const chunk = readOnce(this.#file, Buffer.allocUnsafeSlow(this.#chunkBytes), null)
      if (chunk.length === 0) return
      yield chunk
    }
  }
}

/** Bytes that must stay where they are while others are read. */
type Guard = { readonly at: number; readonly bytes: Uint8Array }

function guardAtStart(chunk: Uint8Array, at: number): Guard {
  return { at, bytes: chunk.subarray(0, LIMITS.lineageGuardBytes) }
}

function guardAtEnd(chunk: Uint8Array, end: number): Guard {
  const bytes = chunk.subarray(Math.max(0, chunk.length - LIMITS.lineageGuardBytes))
  return { at: end - bytes.length, bytes }
}

function isUnchanged(file: OpenFile, guard: Guard): boolean {
  return Buffer.compare(readAt(file, guard.at, guard.bytes.length), guard.bytes) === 0
}

/** Bytes at a place; fewer where the file ends. */
export function readAt(file: OpenFile, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  let read = 0
  while (read < length) {
    const n = file.read(buffer.subarray(read), offset + read)
    if (n === 0) break
    read += n
  }
  return buffer.subarray(0, read)
}

/** One read; standard input may say "try again" while it is empty. */
export function readOnce(file: OpenFile, buffer: Buffer, position: number | null): Buffer {
  for (;;) {
    try {
      return buffer.subarray(0, file.read(buffer, position))
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : ''
      if (code === 'EOF') return buffer.subarray(0, 0)
      if (code !== 'EAGAIN') throw error
      Atomics.wait(PAUSE, 0, 0, 5)
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
