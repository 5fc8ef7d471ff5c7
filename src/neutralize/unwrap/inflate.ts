/**
 * Inflates a compressed blob up to a bound, whatever becomes of its rest.
 *
 * The library of the runtime gives nothing of a stream that is too long or cut off; a shell that is fed by `gunzip`
 * runs what comes before that. So this reads on to the bound and keeps what it has.
 */
import { LIMITS } from '../../limits.ts'

/**
 * The contents of gzip or zlib data; undefined when it is neither.
 *
 * @param bytesMax - bytes after which it stops, if that is less than the bound
 */
export function inflateBlob(
  bytes: Buffer,
  bytesMax: number,
): { readonly bytes: Buffer; readonly isCut: boolean } | undefined {
  const start = deflateStart(bytes)
  if (start === undefined) return undefined
  const inflated = inflate(bytes, start, Math.min(bytesMax, LIMITS.unwrapInflateBytesMax))
  return inflated.bytes.length === 0 ? undefined : inflated
}

function deflateStart(bytes: Buffer): number | undefined {
  if (bytes.length < 6) return undefined
  if (bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8) return afterGzipHeader(bytes)
  const head = bytes[0]! * 256 + bytes[1]!
  const isZlib = (bytes[0]! & 0x8f) === 8 && head % 31 === 0 && (bytes[1]! & 0x20) === 0
  return isZlib ? 2 : undefined
}

function afterGzipHeader(bytes: Buffer): number | undefined {
  const flags = bytes[3]!
  let at = 10
  if ((flags & 4) !== 0) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0)
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue
    const end = bytes.indexOf(0, at)
    if (end === -1) return undefined
    at = end + 1
  }
  if ((flags & 2) !== 0) at += 2
  return at < bytes.length ? at : undefined
}

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
]
const LENGTH_EXTRA = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
  3073, 4097, 6145, 8193, 12289, 16385, 24577,
]
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

type Codes = { readonly counts: Uint16Array; readonly symbols: Uint16Array }

/** Raw deflate from a position on: RFC 1951, one bit at a time. */
function inflate(
  bytes: Buffer,
  start: number,
  max: number,
): { readonly bytes: Buffer; readonly isCut: boolean } {
  // Deflate makes at most 1,032 bytes out of one.
  const out = Buffer.allocUnsafe(Math.min(max, (bytes.length - start) * 1_032 + 8))
  const limit = out.length
  let length = 0
  let at = start
  let held = 0
  let count = 0
  // Past the end it reads zeros and `isOver` ends the loops.
  const bits = (need: number): number => {
    while (count < need) {
      held |= (bytes[at] ?? 0) << count
      at += 1
      count += 8
    }
    const value = held & ((1 << need) - 1)
    held >>>= need
    count -= need
    return value
  }
  const isOver = (): boolean => at > bytes.length + 4
  const symbol = ({ counts, symbols }: Codes): number => {
    let code = 0
    let first = 0
    let index = 0
    for (let size = 1; size <= 15; size += 1) {
      code |= bits(1)
      const here = counts[size]!
      if (code - here < first) return symbols[index + (code - first)]!
      index += here
      first = (first + here) << 1
      code <<= 1
    }
    return -1
  }
  const dynamicCodes = (): readonly [Codes, Codes] | undefined => {
    const literals = bits(5) + 257
    const distances = bits(5) + 1
    const sizes = new Uint8Array(19)
    const listed = bits(4) + 4
    for (let i = 0; i < listed; i += 1) sizes[ORDER[i]!] = bits(3)
    const sizeCodes = codesOf(sizes)
    const all = new Uint8Array(literals + distances)
    for (let i = 0; i < all.length; ) {
      const found = symbol(sizeCodes)
      if (found < 0 || isOver()) return undefined
      if (found < 16) {
        all[i] = found
        i += 1
        continue
      }
      const value = found === 16 ? (all[i - 1] ?? 0) : 0
      let repeat = found === 16 ? 3 + bits(2) : found === 17 ? 3 + bits(3) : 11 + bits(7)
      for (; repeat > 0 && i < all.length; repeat -= 1) {
        all[i] = value
        i += 1
      }
    }
    return [codesOf(all.subarray(0, literals)), codesOf(all.subarray(literals))]
  }
  let isLast = false
  while (!isLast && !isOver()) {
    isLast = bits(1) === 1
    const kind = bits(2)
    if (kind === 0) {
      at -= count >> 3
      held = 0
      count = 0
      const size = (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0)
      at += 4
      const take = Math.min(size, limit - length, Math.max(0, bytes.length - at))
      if (take > 0) bytes.copy(out, length, at, at + take)
      length += take
      if (take < size) return { bytes: out.subarray(0, length), isCut: true }
      at += size
      continue
    }
    const codes = kind === 1 ? FIXED : kind === 2 ? dynamicCodes() : undefined
    if (codes === undefined) return { bytes: out.subarray(0, length), isCut: true }
    for (;;) {
      const found = symbol(codes[0])
      if (found === 256) break
      if (found < 0 || isOver() || length >= limit)
        return { bytes: out.subarray(0, length), isCut: true }
      if (found < 256) {
        out[length] = found
        length += 1
        continue
      }
      const place = found - 257
      const size = (LENGTH_BASE[place] ?? 0) + bits(LENGTH_EXTRA[place] ?? 0)
      const far = symbol(codes[1])
      const distance = (DISTANCE_BASE[far] ?? 0) + bits(far < 4 ? 0 : (far >> 1) - 1)
      if (size === 0 || distance === 0 || distance > length)
        return { bytes: out.subarray(0, length), isCut: true }
      for (let i = 0; i < size && length < limit; i += 1) {
        out[length] = out[length - distance]!
        length += 1
      }
    }
  }
  return { bytes: out.subarray(0, length), isCut: !isLast }
}

function codesOf(sizes: Uint8Array): Codes {
  const counts = new Uint16Array(16)
  for (const size of sizes) counts[size]! += 1
  counts[0] = 0
  const offsets = new Uint16Array(16)
  for (let size = 1; size < 15; size += 1) offsets[size + 1] = offsets[size]! + counts[size]!
  const symbols = new Uint16Array(sizes.length)
  sizes.forEach((size, symbol) => {
    if (size === 0) return
    symbols[offsets[size]!] = symbol
    offsets[size]! += 1
  })
  return { counts, symbols }
}

const FIXED: readonly [Codes, Codes] = [
  codesOf(
    Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
  ),
  codesOf(new Uint8Array(30).fill(5)),
]
