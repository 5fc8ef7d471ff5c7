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

/**
 * Nodes beside the way from a leaf up to the root, the lowest first (RFC 9162 section 2.1.3.1).
 *
 * @param index - of the leaf, below the number of leaves
 */
export function inclusionProof(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (leaves.length <= 1) return []
  const split = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return index < split
    ? [...inclusionProof(left, index), merkleRoot(right)]
    : [...inclusionProof(right, index - split), merkleRoot(left)]
}

/**
 * The root of a tree of so many leaves that has this leaf at this place, by its proof.
 *
 * @returns undefined where no tree of this size has a proof of this form there
 */
export function rootOfProof(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  if (index >= size) return undefined
  if (size === 1) return proof.length === 0 ? leaf : undefined
  const beside = proof.at(-1)
  if (beside === undefined) return undefined
  const split = splitOf(size)
  const below = proof.slice(0, -1)
  const isLeft = index < split
  const node = isLeft
    ? rootOfProof(leaf, index, split, below)
    : rootOfProof(leaf, index - split, size - split, below)
  if (node === undefined) return undefined
  return isLeft ? blake3Tagged(INNER, node, beside) : blake3Tagged(INNER, beside, node)
}

/** The largest power of two below a number above 1: so many leaves go to the left. */
function splitOf(size: number): number {
  return 2 ** Math.floor(Math.log2(size - 1))
}
