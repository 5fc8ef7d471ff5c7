import { type FileHandle, open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

const BUFFER_BYTES = 128 * 1024

/**
 * Writes lines to one file, plain or gzip, in large pieces.
 *
 * Characters stand for bytes (latin1): lines are ASCII but for bytes that are damaged on purpose.
 * Owns its file; `close` must be called, and writes what is left. A file that exists is an error.
 */
export class LogFile {
  readonly #out: Output
  #filling = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #spare = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #used = 0
  #writing: Promise<void> = Promise.resolve()
  /** Bytes appended so far, before compression. */
  bytes = 0
  /** Lines appended so far, a last one without newline included. */
  lines = 0

  private constructor(out: Output) {
    this.#out = out
  }

  /** @param gzipLevel - 1 to 9, or undefined for a plain file */
  static async create(path: string, gzipLevel: number | undefined): Promise<LogFile> {
    const handle = await open(path, 'wx')
    return new LogFile(gzipLevel === undefined ? plain(handle) : gzipped(handle, gzipLevel))
  }

  /** Whether `flush` should be awaited before more is appended. */
  get isFull(): boolean {
    return this.#used > BUFFER_BYTES / 2
  }

  /** Appends a line and its newline. */
  append(line: string): void {
    this.appendTorn(line)
    this.#filling[this.#used] = 0x0a
    this.#used += 1
    this.bytes += 1
  }

  /** Appends a line without newline; it must be the last. */
  appendTorn(line: string): void {
    if (this.#used + line.length + 1 > this.#filling.length) {
      const larger = Buffer.allocUnsafeSlow(this.#used + 2 * line.length + 1)
      this.#filling.copy(larger, 0, 0, this.#used)
      this.#filling = larger
    }
    this.#used += this.#filling.write(line, this.#used, 'latin1')
    this.bytes += line.length
    this.lines += 1
  }

  /** Starts writing what was appended, after what was started before. */
  async flush(): Promise<void> {
    await this.#writing
    const full = this.#filling
    const bytes = full.subarray(0, this.#used)
    this.#filling = this.#spare
    this.#spare = full
    this.#used = 0
    this.#writing = this.#out.write(bytes)
    // Its failure is thrown by the next flush or close; until then it must not end the process.
    this.#writing.catch(() => {})
  }

  async close(): Promise<void> {
    try {
      await this.flush()
      await this.#writing
    } finally {
      await this.#out.close()
    }
  }
}

type Output = {
  write(bytes: Buffer): Promise<void>
  close(): Promise<void>
}

function plain(handle: FileHandle): Output {
  return {
    async write(bytes) {
      await handle.writeFile(bytes)
    },
    close: () => handle.close(),
  }
}

function gzipped(handle: FileHandle, level: number): Output {
  const gzip = createGzip({ level })
  const file = handle.createWriteStream()
  gzip.pipe(file)
  // A failing disk must reach whoever waits for the compressor, and no one else.
  file.on('error', (error) => gzip.destroy(error))
  gzip.on('error', () => {})
  return {
    write: (bytes) => written(gzip, bytes),
    async close() {
      gzip.end()
      await finished(file)
    },
  }
}

function written(stream: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
