/**
 * Rows in the binary format of COPY (https://www.postgresql.org/docs/current/sql-copy.html): no text to escape on one
 * side and to parse on the other.
 */
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import type { SessionKey } from '../schema.ts'
import type { Client } from './connection.ts'

const SIGNATURE = Buffer.from('PGCOPY\n\u00ff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
/** Bytes handed to the connection at once. */
const CHUNK = 256 * 1024

/** Collects rows of one table. Each row: `row`, then one call for each column in the order of the statement. */
export class CopyRows {
  readonly #columns: number
  #buffer = Buffer.allocUnsafe(CHUNK * 2)
  #at: number
  readonly #full: Buffer[] = []
  rows = 0

  /** @param columns - how many columns a row has */
  constructor(columns: number) {
    this.#columns = columns
    this.#at = SIGNATURE.copy(this.#buffer)
  }

  row(): this {
    if (this.#at >= CHUNK) this.#cut()
    this.#reserve(2)
    this.#at = this.#buffer.writeInt16BE(this.#columns, this.#at)
    this.rows += 1
    return this
  }

  /** A column of type `integer`. */
  int4(value: number): this {
    this.#reserve(8)
    this.#at = this.#buffer.writeInt32BE(4, this.#at)
    this.#at = this.#buffer.writeInt32BE(value, this.#at)
    return this
  }

  /** A column of type `bigint`: a safe integer, or a text of digits. */
  int8(value: SessionKey | null): this {
    if (value === null) return this.#null()
    this.#reserve(12)
    this.#at = this.#buffer.writeInt32BE(8, this.#at)
    if (typeof value === 'string') {
      this.#at = this.#buffer.writeBigInt64BE(BigInt(value), this.#at)
      return this
    }
    const high = Math.floor(value / 0x1_0000_0000)
    this.#at = this.#buffer.writeInt32BE(high, this.#at)
    this.#at = this.#buffer.writeUInt32BE(value - high * 0x1_0000_0000, this.#at)
    return this
  }

  /** A column of type `bytea`. */
  bytes(value: Uint8Array): this {
    this.#reserve(4 + value.length)
    this.#at = this.#buffer.writeInt32BE(value.length, this.#at)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
    return this
  }

  text(value: string | null): this {
    if (value === null) return this.#null()
    // Three bytes hold any UTF-16 unit.
    this.#reserve(4 + value.length * 3)
    const length = this.#buffer.write(value, this.#at + 4)
    this.#buffer.writeInt32BE(length, this.#at)
    this.#at += 4 + length
    return this
  }

  /** A column of type `jsonb`: JSON text as bytes of UTF-8. */
  json(value: Uint8Array): this {
    this.#reserve(5 + value.length)
    this.#at = this.#buffer.writeInt32BE(value.length + 1, this.#at)
    this.#buffer[this.#at] = 1
    this.#buffer.set(value, this.#at + 1)
    this.#at += 1 + value.length
    return this
  }

  /**
   * Sends the rows. Nothing is sent where there are none.
   *
   * @param target - table and columns: `batches (id, source_id)`
   */
  async send(client: Client, target: string): Promise<void> {
    if (this.rows === 0) return
    this.#reserve(2)
    this.#at = this.#buffer.writeInt16BE(-1, this.#at)
    this.#cut()
    const stream = client.query(copyFrom(`copy ${target} from stdin with (format binary)`))
    const done = finished(stream)
    // Reported by `done`; without a listener here the writes below would end the process first.
    stream.on('error', () => {})
    for (const chunk of this.#full) {
      if (stream.destroyed) break
      if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), done])
    }
    stream.end()
    await done
  }

  #null(): this {
    this.#reserve(4)
    this.#at = this.#buffer.writeInt32BE(-1, this.#at)
    return this
  }

  #cut(): void {
    this.#full.push(this.#buffer.subarray(0, this.#at))
    this.#buffer = Buffer.allocUnsafe(CHUNK * 2)
    this.#at = 0
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe((this.#at + more) * 2)
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}
