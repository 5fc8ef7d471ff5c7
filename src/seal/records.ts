/**
 * Seals the bytes of a batch: leaves, blocks, record root.
 *
 * In: the records of a batch in order. Out: compressed blocks, encrypted where there is a key, with their roots, and
 * the record root.
 * Promises: every byte handed over is in exactly one block; formats as `docs/seal-format.md`.
 */
import { createHash } from 'node:crypto'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { blake3Tagged } from '../core/blake3.ts'
import { FieldWriter } from '../core/bytes.ts'
import { SealError } from '../core/errors.ts'
import { MerkleTree } from '../core/merkle.ts'
import { LIMITS } from '../limits.ts'
import { type BlockKey, decryptBlock, encryptBlock } from './envelope.ts'
import { storedDigest } from './view.ts'

export type SealedBlock = {
  readonly startOffset: number
  readonly endOffset: number
  readonly records: number
  readonly root: Uint8Array
  readonly sha256: Uint8Array
  readonly codec: BlockCodec
  readonly bytes: Uint8Array
}

export type BlockCodec = 'zstd' | 'zstd+aes-256-gcm'

export type SealedRecords = {
  readonly blocks: readonly SealedBlock[]
  readonly recordRoot: Uint8Array
  /** Digest of the stored bytes of each block; empty without a data key. */
  readonly storedDigests: readonly Uint8Array[]
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
  readonly #dataKey: Uint8Array | undefined
  readonly #storedDigests: Uint8Array[] = []

  /**
   * @param startOffset - offset of the first record in the source
   * @param dataKey - 32 random bytes for this batch alone; undefined leaves the blocks unencrypted
   */
  constructor(startOffset: number, dataKey?: Uint8Array) {
    this.#start = startOffset
    this.#dataKey = dataKey
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

  finish(): SealedRecords {
    if (this.#lengths.length > 0) this.#close()
    return {
      blocks: this.#blocks,
      recordRoot: this.#recordTree.root(),
      storedDigests: this.#storedDigests,
    }
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
    const leaf = blockLeaf({ sha256, startOffset: this.#start, endOffset, records, root })
    this.#recordTree.add(leaf)
    const compressed = zstdCompressSync(content, {
      params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL },
    })
    const bytes = this.#encrypted(compressed, leaf)
    this.#blocks.push({
      startOffset: this.#start,
      endOffset,
      records,
      root,
      sha256,
      codec: this.#dataKey === undefined ? 'zstd' : 'zstd+aes-256-gcm',
      bytes,
    })
    this.#leaves = new MerkleTree()
    this.#lengths = []
    this.#parts = []
    this.#bytes = 0
    this.#start = endOffset
  }

  #encrypted(compressed: Uint8Array, leaf: Uint8Array): Uint8Array {
    if (this.#dataKey === undefined) return compressed
    // The number of a block is used once in a batch, and the key in one batch: no nonce comes twice.
    const bytes = encryptBlock(compressed, {
      dataKey: this.#dataKey,
      n: this.#blocks.length,
      leaf,
    })
    this.#storedDigests.push(storedDigest(bytes))
    return bytes
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
 * @param key - for an encrypted block: the data key of its batch (`openEnvelope`) and its place; unused for others
 * @returns its records, views into one buffer
 * @throws SealError `SEAL_NO_PRIVATE_KEY` when the block is encrypted and no key is given
 * @throws Error of any kind when the bytes are no block of this codec, with this key, at this place
 */
export function openBlock(
  codec: string,
  bytes: Uint8Array,
  key?: BlockKey,
): { readonly body: Uint8Array; readonly lengths: readonly number[] } {
  const compressed = compressedOf(codec, bytes, key)
  const { buffer: content, engine } = decompress(compressed)
  if (engine.bytesWritten !== compressed.length) throw new Error('there are bytes behind the frame')
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

function compressedOf(codec: string, bytes: Uint8Array, key: BlockKey | undefined): Uint8Array {
  if (codec === 'zstd') return bytes
  if (codec !== 'zstd+aes-256-gcm') throw new Error('unknown codec')
  if (key !== undefined) return decryptBlock(bytes, key)
  throw new SealError('SEAL_NO_PRIVATE_KEY', 'The key that opens these sealed bytes is not here.', {
    hint: 'Name the file of the private key, or put it back into the folder of keys; see docs/keys.md.',
  })
}
