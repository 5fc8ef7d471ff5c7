import { createBLAKE3 } from 'hash-wasm'

// One instance a thread; the module waits for it once, so that hashing itself is synchronous.
const hasher = await createBLAKE3()

const tags: readonly Uint8Array[] = Array.from({ length: 256 }, (_, value) => Uint8Array.of(value))

/** BLAKE3 with 32 bytes of output. */
export function blake3(bytes: Uint8Array): Uint8Array {
  hasher.init()
  hasher.update(bytes)
  return hasher.digest('binary')
}

/** BLAKE3 over a kind byte and one or two byte strings. */
export function blake3Tagged(kind: number, first: Uint8Array, second?: Uint8Array): Uint8Array {
  hasher.init()
  hasher.update(tags[kind]!)
  hasher.update(first)
  if (second !== undefined) hasher.update(second)
  return hasher.digest('binary')
}
