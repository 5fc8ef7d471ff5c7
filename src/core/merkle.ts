import { blake3, blake3Tagged } from './blake3.ts'

const INNER = 0x01

/** Root of a tree without leaves (RFC 6962 section 2.1). */
export const EMPTY_ROOT = blake3(new Uint8Array(0))

/**
 * A Merkle tree in the shape of RFC 6962 whose leaves arrive one by one.
 *
 * Memory grows with the logarithm of the number of leaves. `root()` may be asked at any time.
 */
export class MerkleTree {
  #stack: Uint8Array[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a leaf, 32 bytes that are a hash already and stay unchanged. */
  add(leaf: Uint8Array): void {
    let node = leaf
    // Each trailing one bit of the size is a complete subtree that this leaf completes further.
    for (let bits = this.#size; bits & 1; bits >>>= 1) {
      node = blake3Tagged(INNER, this.#stack.pop()!, node)
    }
    this.#stack.push(node)
    this.#size += 1
  }

  root(): Uint8Array {
    let node = this.#stack.at(-1)
    if (node === undefined) return EMPTY_ROOT
    for (let i = this.#stack.length - 2; i >= 0; i -= 1) {
      node = blake3Tagged(INNER, this.#stack[i]!, node)
    }
    return node
  }
}

/** Root over the given leaves, in their order. */
export function merkleRoot(leaves: Iterable<Uint8Array>): Uint8Array {
  const tree = new MerkleTree()
  for (const leaf of leaves) tree.add(leaf)
  return tree.root()
}
