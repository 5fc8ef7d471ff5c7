/** What a stream is, told by its content: Cowrie's events, or something else that merely lies in the same folder. */
import { hash } from 'node:crypto'
import { LIMITS } from '../limits.ts'
import { detectEncoding, type TextEncodingName, Utf16Transcoder } from './encoding.ts'

export type ForeignKind =
  | 'empty'
  | 'binary'
  | 'text'
  | 'json-without-cowrie-events'
  | 'elasticsearch-enriched'
  | 'cowrie-text-log'
  | 'tty-log'
  | 'database'

const EVENT = /"eventid"\s*:\s*"cowrie\./
/** Longest match that can be cut by a chunk's end, with room for blanks. */
const OVERLAP = 256

/** What shippers add to a hit; the same list stands in `decode`, which refuses single records of this kind. */
const ENRICHED = /"_source"\s*:\s*\{(?=[\s\S]{0,20000}?"(?:@timestamp|geoip|msg)"\s*:)/

/** Looks at a stream as it passes and says whether it holds Cowrie's events. */
export class StreamProbe {
  encoding: TextEncodingName = 'utf-8'
  hasEvents = false
  bytes = 0
  #head: Uint8Array[] = []
  #headBytes = 0
  #transcoder: Utf16Transcoder | undefined
  #carry = ''

  /** Takes the next chunk. @returns whether it is now known to hold events */
  push(chunk: Uint8Array): boolean {
    if (this.bytes === 0) {
      this.encoding = detectEncoding(chunk)
      if (this.encoding !== 'utf-8') this.#transcoder = new Utf16Transcoder(this.encoding)
    }
    this.bytes += chunk.length
    if (this.#headBytes < SNIFF_BYTES) {
      const part = chunk.subarray(0, SNIFF_BYTES - this.#headBytes)
      this.#head.push(part)
      this.#headBytes += part.length
    }
    let text = chunk
    if (this.#transcoder !== undefined) {
      text = this.#transcoder.push(chunk)
      this.#transcoder.take(text)
    }
    const latin = this.#carry + Buffer.from(text.buffer, text.byteOffset, text.length).latin1Slice()
    this.hasEvents = EVENT.test(latin)
    this.#carry = latin.slice(-OVERLAP)
    return this.hasEvents
  }

  /** The first bytes, up to 64 KiB of them. */
  head(): Buffer {
    return Buffer.concat(this.#head)
  }

  /** A database of our own, or of another tool, holds events as text: it is no log all the same. */
  isDatabase(): boolean {
    return isDatabaseFile(this.head())
  }

  /** Whether the hits in it were changed on their way into Elasticsearch. */
  isEnriched(): boolean {
    return ENRICHED.test(this.head().latin1Slice())
  }

  /** What the stream is when it holds no event of Cowrie. */
  foreignKind(): ForeignKind {
    const head = this.head()
    if (head.length === 0) return 'empty'
    const text = head.latin1Slice()
    if (isDatabaseFile(head)) return 'database'
    // A tty log starts with op 1 (open) and a tty of 0, little-endian.
    if (
      head.length >= 24 &&
      head.readInt32LE(0) === 1 &&
      head.readInt32LE(4) === 0 &&
      head.readInt32LE(8) === 0
    )
      return 'tty-log'
    if (/^\s*(?:\uFEFF|\u00ef\u00bb\u00bf)?[[{]/.test(text) && text.includes('"'))
      return 'json-without-cowrie-events'
    const control = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/.test(text)
    if (control) return 'binary'
    if (/^\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{4}) (?:\[|[0-9a-f]{8,12} )/.test(text))
      return 'cowrie-text-log'
    return 'text'
  }
}

/** First 16 bytes of a database file of the embedded engine: its name, a format number, a NUL. */
const DATABASE_MAGIC = '53514c69746520666f726d6174203300'

/** A database file or its write-ahead log (magic numbers of sqlite.org/fileformat2.html): its pages may hold events. */
function isDatabaseFile(head: Buffer): boolean {
  if (head.subarray(0, 16).toString('hex') === DATABASE_MAGIC) return true
  return head.length >= 4 && (head.readUInt32BE(0) & 0xfffffffe) >>> 0 === 0x377f0682
}

const SNIFF_BYTES = 65_536

/** SHA-256 of the start of a stream: proposes its lineage. */
export function headDigest(
  bytes: Uint8Array,
  length: number = Math.min(bytes.length, LIMITS.lineageHeadBytes),
): Buffer {
  return sha256(bytes.subarray(0, length))
}

export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer')
}
