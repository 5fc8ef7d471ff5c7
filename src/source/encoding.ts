/** Text encodings of a source: UTF-8 is read as it is, UTF-16 is turned into UTF-8 on the way. */

export type TextEncodingName = 'utf-8' | 'utf-16le' | 'utf-16be'

/**
 * Tells the encoding by the first bytes: a byte order mark, or a NUL beside an ASCII character that can start JSON.
 */
export function detectEncoding(head: Uint8Array): TextEncodingName {
  const [a, b, c, d] = head
  if (a === 0xff && b === 0xfe) return 'utf-16le'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  if (isStart(a) && b === 0 && isAsciiText(c) && d === 0) return 'utf-16le'
  if (a === 0 && isStart(b) && c === 0 && isAsciiText(d)) return 'utf-16be'
  return 'utf-8'
}

function isStart(byte: number | undefined): boolean {
  return byte === 0x7b || byte === 0x5b || byte === 0x0a || byte === 0x0d || byte === 0x20
}

function isAsciiText(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x09 && byte < 0x7f
}

/**
 * Turns UTF-16 into UTF-8 and remembers the raw bytes, so that records are cut in UTF-8 and sealed as they were.
 *
 * A surrogate that stands alone becomes the three bytes UTF-8 would have for it, which no decoder takes for UTF-8: the
 * decoding stage shows them as bytes, and the way back stays exact.
 */
export class Utf16Transcoder {
  readonly #isLittle: boolean
  /** Raw bytes not yet taken. */
  #raw: Uint8Array = new Uint8Array(0)
  /** Raw bytes of `#raw` that are already turned into text. */
  #done = 0

  constructor(encoding: 'utf-16le' | 'utf-16be') {
    this.#isLittle = encoding === 'utf-16le'
  }

  /** @returns the UTF-8 text of all whole characters so far */
  push(chunk: Uint8Array): Uint8Array {
    const rest = this.#raw.length
    if (rest === 0) {
      this.#raw = chunk
    } else {
      const joined = new Uint8Array(rest + chunk.length)
      joined.set(this.#raw)
      joined.set(chunk, rest)
      this.#raw = joined
    }
    const raw = this.#raw
    const text = Buffer.allocUnsafeSlow(Math.ceil(((raw.length - this.#done) / 2) * 3) + 4)
    let out = 0
    let at = this.#done
    while (at + 1 < raw.length) {
      const unit = this.#unit(at)
      if (unit >= 0xd800 && unit <= 0xdbff) {
        if (at + 3 >= raw.length) break
        const low = this.#unit(at + 2)
        if (low >= 0xdc00 && low <= 0xdfff) {
          const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
          text[out++] = 0xf0 | (point >> 18)
          text[out++] = 0x80 | ((point >> 12) & 0x3f)
          text[out++] = 0x80 | ((point >> 6) & 0x3f)
          text[out++] = 0x80 | (point & 0x3f)
          at += 4
          continue
        }
      }
      if (unit < 0x80) {
        text[out++] = unit
      } else if (unit < 0x800) {
        text[out++] = 0xc0 | (unit >> 6)
        text[out++] = 0x80 | (unit & 0x3f)
      } else {
        text[out++] = 0xe0 | (unit >> 12)
        text[out++] = 0x80 | ((unit >> 6) & 0x3f)
        text[out++] = 0x80 | (unit & 0x3f)
      }
      at += 2
    }
    this.#done = at
    return text.subarray(0, out)
  }

  /** The raw bytes behind the next piece of text. */
  take(text: Uint8Array): Uint8Array {
    let bytes = 0
    for (const byte of text) {
      if (byte < 0x80 || (byte >= 0xc0 && byte < 0xf0)) bytes += 2
      else if (byte >= 0xf0) bytes += 4
    }
    const taken = this.#raw.subarray(0, bytes)
    this.#raw = this.#raw.subarray(bytes)
    this.#done -= bytes
    return taken
  }

  /** Raw bytes that no record has taken. */
  rest(): Uint8Array {
    return this.#raw
  }

  #unit(at: number): number {
    const first = this.#raw[at]!
    const second = this.#raw[at + 1]!
    return this.#isLittle ? first | (second << 8) : (first << 8) | second
  }
}
