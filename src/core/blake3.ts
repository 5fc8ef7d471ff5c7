import library from 'hash-wasm/dist/blake3.umd.min.js'

// One instance a thread; the module waits for it once, so that hashing itself is synchronous.
const hasher = await library.createBLAKE3()

/** Inputs up to this size are laid out here first: one call into the library instead of three. */
const SCRATCH_BYTES = 16_384
const scratch = Buffer.alloc(SCRATCH_BYTES)

/** BLAKE3 with 32 bytes of output. */
export function blake3(bytes: Uint8Array): Uint8Array {
  hasher.init()
  hasher.update(bytes)
  return hasher.digest('binary')
}

/** BLAKE3 over a kind byte and one or two byte strings. */
export function blake3Tagged(kind: number, first: Uint8Array, second?: Uint8Array): Uint8Array {
  const length = 1 + first.length + (second === undefined ? 0 : second.length)
  scratch[0] = kind
  hasher.init()
  if (length <= SCRATCH_BYTES) {
    scratch.set(first, 1)
    if (second !== undefined) scratch.set(second, 1 + first.length)
    hasher.update(scratch.subarray(0, length))
  } else {
    hasher.update(scratch.subarray(0, 1))
    hasher.update(first)
    if (second !== undefined) hasher.update(second)
  }
  return hasher.digest('binary')
}

/** BLAKE3 over a kind byte and a text; an ASCII text needs no buffer of its own. */
export function blake3TaggedText(kind: number, text: string, isAscii: boolean): Uint8Array {
  if (!isAscii || text.length >= SCRATCH_BYTES) return blake3Tagged(kind, Buffer.from(text))
  scratch[0] = kind
  const written = scratch.latin1Write(text, 1)
  hasher.init()
  hasher.update(scratch.subarray(0, 1 + written))
  return hasher.digest('binary')
}
