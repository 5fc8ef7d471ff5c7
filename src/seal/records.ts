/**
 * Seals the bytes of a batch: leaves, blocks, record root.
 *
 * In: the records of a batch in order. Out: compressed blocks with their roots, and the record root.
 * Promises: every byte handed over is in exactly one block; formats as `docs/seal-format.md`.
 */
import { createHash } from 'node:crypto'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { blake3Tagged } from '../core/blake3.ts'
import { FieldWriter } from '../core/bytes.ts'
import { MerkleTree } from '../core/merkle.ts'
import { LIMITS } from '../limits.ts'

export type SealedBlock = {
  readonly startOffset: number
  readonly endOffset: number
  readonly records: number
  readonly root: Uint8Array
  readonly sha256: Uint8Array
  readonly codec: 'zstd'
  readonly bytes: Uint8Array
}

const RECORD = 0x00
const BLOCK = 0x09
const fields = new FieldWriter()

/** Hash of a record: its final line feed is left out. */
export function recordLeaf(record: Uint8Array): Uint8Array {
  const end =
    record.length > 0 && record[record.length - 1] === 0x0a ? record.length - 1 : record.length
  return blake3Tagged(RECORD, end === record.length ? record : record.subarray(0, end))
}

/** Collects the records of one batch. */
export class RecordSealer {
  #blocks: SealedBlock[] = []
  #recordTree = new MerkleTree()
  #leaves = new MerkleTree()
  #lengths: number[] = []
  #parts: Uint8Array[] = []
  #bytes = 0
  #start = 0

  /** @param startOffset - offset of the first record in the source */
  constructor(startOffset: number) {
    this.#start = startOffset
  }

  /**
   * Adds a record.
   *
   * @param record - its bytes; kept by reference until the block is closed, so they must stay unchanged
   * @param leaf - its hash, where the caller has it already
   */
  add(record: Uint8Array, leaf: Uint8Array = recordLeaf(record)): void {
    this.#leaves.add(leaf)
    this.#lengths.push(record.length)
    this.#parts.push(record)
    this.#bytes += record.length
    if (this.#bytes >= LIMITS.blockBytes) this.#close()
  }

  finish(): { readonly blocks: readonly SealedBlock[]; readonly recordRoot: Uint8Array } {
    if (this.#lengths.length > 0) this.#close()
    return { blocks: this.#blocks, recordRoot: this.#recordTree.root() }
  }

  #close(): void {
    const head = 4 + 4 * this.#lengths.length
    const content = Buffer.allocUnsafe(head + this.#bytes)
    content.writeUInt32LE(this.#lengths.length, 0)
    let at = 4
    for (const length of this.#lengths) at = content.writeUInt32LE(length, at)
    for (const part of this.#parts) {
      content.set(part, at)
      at += part.length
    }
    const sha256 = createHash('sha256').update(content.subarray(head)).digest()
    const endOffset = this.#start + this.#bytes
    const root = this.#leaves.root()
    const records = this.#lengths.length
    this.#recordTree.add(blockLeaf({ sha256, startOffset: this.#start, endOffset, records, root }))
    const bytes = zstdCompressSync(content, {
      params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL },
    })
    this.#blocks.push({
      startOffset: this.#start,
      endOffset,
      records,
      root,
      sha256,
      codec: 'zstd',
      bytes,
    })
    this.#leaves = new MerkleTree()
    this.#lengths = []
    this.#parts = []
    this.#bytes = 0
    this.#start = endOffset
  }
}

type Decompressed = { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } }

function decompress(bytes: Uint8Array): Decompressed {
  const options = { maxOutputLength: LIMITS.recordBytesMax * 2 + LIMITS.batchBytesMax, info: true }
  // With `info` Node gives the engine beside the bytes, which the types do not say.
  return zstdDecompressSync(bytes, options) as unknown as Decompressed
}

/** Level 3 gives 7 to 1 on log lines; level 9 gains another tenth for three times the time. */
const ZSTD_LEVEL = 3

/** Leaf of a block in the record tree of its batch. */
export function blockLeaf(
  block: Pick<SealedBlock, 'sha256' | 'startOffset' | 'endOffset' | 'records' | 'root'>,
): Uint8Array {
  return fields
    .reset(BLOCK)
    .raw(block.sha256)
    .u64(block.startOffset)
    .u64(block.endOffset)
    .u32(block.records)
    .raw(block.root)
    .hash()
}

/**
 * Opens a block.
 *
 * @returns its records, views into one buffer
 * @throws Error when the bytes are no block of this codec
 */
export function openBlock(
  codec: string,
  bytes: Uint8Array,
): { readonly body: Uint8Array; readonly lengths: readonly number[] } {
  if (codec !== 'zstd') throw new Error(`unknown codec`)
  const { buffer: content, engine } = decompress(bytes)
  if (engine.bytesWritten !== bytes.length) throw new Error('there are bytes behind the frame')
  const count = content.readUInt32LE(0)
  const lengths: number[] = []
  let total = 0
  for (let i = 0; i < count; i += 1) {
    const length = content.readUInt32LE(4 + 4 * i)
    lengths.push(length)
    total += length
  }
  const body = content.subarray(4 + 4 * count)
  if (body.length !== total) throw new Error('the lengths do not add up')
  return { body, lengths }
}
