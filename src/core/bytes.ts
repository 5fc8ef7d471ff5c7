import { blake3 } from './blake3.ts'

/** Collects the fields of a sealed structure in the notation of `docs/seal-format.md`. */
export class FieldWriter {
  #buffer = Buffer.allocUnsafe(512)
  #length = 0

  reset(kind: number): this {
    this.#length = 0
    this.#reserve(1)
    this.#buffer[this.#length++] = kind
    return this
  }

  u32(value: number): this {
    this.#reserve(4)
    this.#length = this.#buffer.writeUInt32LE(value, this.#length)
    return this
  }

  /** A non-negative safe integer. */
  u64(value: number): this {
    this.#reserve(8)
    this.#buffer.writeUInt32LE(value % 0x1_0000_0000, this.#length)
    this.#buffer.writeUInt32LE(Math.floor(value / 0x1_0000_0000), this.#length + 4)
    this.#length += 8
    return this
  }

  /** An integer of up to 63 bits; beyond 2^53 whatever the double holds. */
  i64(value: number): this {
    if (value >= 0) return this.u64(value)
    this.#reserve(8)
    this.#length = this.#buffer.writeBigInt64LE(BigInt(value), this.#length)
    return this
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  text(value: string): this {
    // Three bytes hold any UTF-16 unit.
    this.#reserve(4 + value.length * 3)
    const written = this.#buffer.write(value, this.#length + 4)
    this.#buffer.writeUInt32LE(written, this.#length)
    this.#length += 4 + written
    return this
  }

  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value)
  }

  /** The hash of what was collected. */
  hash(): Uint8Array {
    return blake3(this.view())
  }

  /** The bytes collected, valid until the next `reset`. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe((this.#length + more) * 2)
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

/** Bytes as lower-case hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** Whether two byte strings are the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
