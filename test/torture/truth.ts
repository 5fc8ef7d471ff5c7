/**
 * What there was to read: every line ever written, and which of them a follower that misses nothing must have. Counted
 * with JSON.parse and node:zlib alone: nothing of the loader helps here.
 */
import { constants, gunzipSync } from 'node:zlib'
import type { StoredEvent } from '../support/loading.ts'
import type { PresentFile } from './simulated-files.ts'

/** A line that was written. */
type Written = {
  /** The event, its keys in order. */
  readonly event: string
  /** A line as it stood. */
  readonly text: string
  /** How often it was logged: copies that a rotator made do not count. */
  times: number
  /** It lay in a file, whole, while everything was at rest and a look found nothing new: it must be stored. */
  isDue: boolean
}

export type Findings = {
  /** Events that were due and are not stored. */
  readonly lost: readonly string[]
  /** Events that are stored more often than once. */
  readonly doubled: readonly string[]
  /** Stored events that nobody ever wrote. */
  readonly invented: readonly string[]
}

export class Truth {
  readonly #written = new Map<string, Written>()
  /** Keys of the events in a file, by the version of its content. */
  readonly #keys = new Map<number, readonly string[]>()

  /** A line is about to be logged. */
  wrote(text: string): void {
    const key = keyOf(text)
    if (key === undefined) throw new Error('Only events are logged here.')
    const known = this.#written.get(key)
    if (known !== undefined) known.times += 1
    else this.#written.set(key, { event: inOrder(JSON.parse(text)), text, times: 1, isDue: false })
  }

  /** Nothing moves and a look found nothing new: what lies here must have been read. */
  allRead(files: readonly PresentFile[]): void {
    for (const { version, bytes } of files) {
      let keys = this.#keys.get(version)
      if (keys === undefined) {
        keys = keysIn(bytes)
        this.#keys.set(version, keys)
        for (const key of keys) {
          const written = this.#written.get(key)
          if (written === undefined) throw new Error(`A file holds ${key}, which was not logged.`)
          written.isDue = true
        }
      }
    }
  }

  get lines(): number {
    return this.#written.size
  }

  get due(): number {
    return [...this.#written.values()].filter(({ isDue }) => isDue).length
  }

  /** Compares with what is stored. */
  judge(stored: readonly StoredEvent[]): Findings {
    const counts = new Map<string, number>()
    const invented: string[] = []
    for (const { text } of stored) {
      const key = keyOf(text) ?? text
      counts.set(key, (counts.get(key) ?? 0) + 1)
      if (this.#written.get(key)?.event !== inOrder(JSON.parse(text))) invented.push(text)
    }
    return {
      invented,
      lost: this.#dueKeys().filter((key) => !counts.has(key)),
      doubled: [...counts].filter(([, count]) => count > 1).map(([key]) => key),
    }
  }

  /** Compares with what a tailer gave out, line by line: it may repeat what was logged repeatedly, not more. */
  judgeCounts(counts: ReadonlyMap<string, number>): {
    readonly lost: number
    readonly doubled: number
  } {
    let doubled = 0
    for (const [key, count] of counts)
      if (count > (this.#written.get(key)?.times ?? 0)) doubled += 1
    return { lost: this.#dueKeys().filter((key) => !counts.has(key)).length, doubled }
  }

  /** The lines of what is due or among the stored, each once: what a calm load of them must give, byte for byte. */
  linesOf(stored: readonly StoredEvent[]): string {
    const keys = new Set([...this.#dueKeys(), ...stored.map(({ text }) => keyOf(text) ?? '')])
    return [...keys].map((key) => `${this.#written.get(key)?.text ?? ''}\n`).join('')
  }

  #dueKeys(): string[] {
    return [...this.#written].filter(([, { isDue }]) => isDue).map(([key]) => key)
  }
}

/** Keys of the whole events in a file, plain or gzip. */
export function keysIn(bytes: Buffer): string[] {
  const text = inflated(bytes).toString()
  return text
    .split('\n')
    .map(keyOf)
    .filter((key) => key !== undefined)
}

/** Bytes of a gzip file up to where it breaks off; other bytes as they are. */
export function inflated(bytes: Buffer): Buffer {
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== 0x1f8b) return bytes
  return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
}

/** Tells an event of this play apart; undefined when the line holds none. Starts of torn lines before it are no part. */
export function keyOf(line: string): string | undefined {
  const text = line.replaceAll('\0', '').trim()
  for (
    let start = text.indexOf('{"'), tries = 0;
    start !== -1 && tries <= 8;
    start = text.indexOf('{"', start + 1), tries += 1
  ) {
    let value: unknown
    try {
      value = JSON.parse(text.slice(start))
    } catch {
      continue
    }
    const { eventid, session, timestamp, sensor } = value as Record<string, unknown>
    if (typeof eventid !== 'string' || typeof timestamp !== 'string') return undefined
    return `${sensor} ${session} ${timestamp} ${eventid}`
  }
  return undefined
}

function inOrder(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
