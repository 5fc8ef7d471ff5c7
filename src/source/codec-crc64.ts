/** ECMA-182, from the low end, as xz takes it. */
const POLYNOMIAL = 0xc96c5795d7870f42n
/** Bytes taken at once; each has a table of its own. */
const SLICE = 4

const LOW = new Int32Array(SLICE * 256)
const HIGH = new Int32Array(SLICE * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = BigInt(byte)
  for (let slice = 0; slice < SLICE; slice++) {
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ POLYNOMIAL : crc >> 1n
    LOW[slice * 256 + byte] = Number(BigInt.asIntN(32, crc))
    HIGH[slice * 256 + byte] = Number(BigInt.asIntN(32, crc >> 32n))
  }
}

/** CRC-64 in two halves: numbers of 64 bits are slow. */
export class Crc64 {
  #low = -1
  #high = -1

  /** The lower half of the checksum of all bytes so far. */
  get low(): number {
    return ~this.#low >>> 0
  }

  /** The upper half. */
  get high(): number {
    return ~this.#high >>> 0
  }

  /** Adds bytes. */
  update(bytes: Uint8Array): void {
    let low = this.#low
    let high = this.#high
    const length = bytes.length
    let at = 0
    for (; at + SLICE <= length; at += SLICE) {
      const word =
        low ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
      const a = 768 + (word & 0xff)
      const b = 512 + ((word >>> 8) & 0xff)
      const c = 256 + ((word >>> 16) & 0xff)
      const d = word >>> 24
      low = high ^ LOW[a]! ^ LOW[b]! ^ LOW[c]! ^ LOW[d]!
      high = HIGH[a]! ^ HIGH[b]! ^ HIGH[c]! ^ HIGH[d]!
    }
    for (; at < length; at++) {
      const index = (low ^ bytes[at]!) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ LOW[index]!
      high = (high >>> 8) ^ HIGH[index]!
    }
    this.#low = low
    this.#high = high
  }
}
