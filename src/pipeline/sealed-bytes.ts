/** Finds and opens the exact bytes of records in the sealed blocks of a batch. */
import { SealError } from '../core/errors.ts'
import type { RecipientPrivateKey } from '../core/seal-types.ts'
import { type BlockKey, openEnvelope } from '../seal/envelope.ts'
import { blockLeaf, openBlock } from '../seal/records.ts'
import type { Row } from '../store/schema.ts'
import type { VerifyReads } from '../store/verify-port.ts'

/** A record, or a region that counts as one, with its place in the decompressed stream of its source. */
export type SealedRecord = {
  readonly startOffset: number
  readonly endOffset: number
  readonly bytes: Buffer
}

/** What opens the blocks of a batch. */
export type BatchOpener = (block: Row<'blocks'>) => {
  readonly body: Uint8Array
  readonly lengths: readonly number[]
}

/** @throws SealError `SEAL_NO_PRIVATE_KEY`, `SEAL_DAMAGED` */
export async function openerOf(
  reads: VerifyReads,
  batchId: number,
  privateKeys: ReadonlyMap<string, RecipientPrivateKey>,
): Promise<BatchOpener> {
  const key = await reads.batchKey(batchId)
  if (key === undefined) return (block) => openBlock(block.codec, block.bytes)
  const dataKey = dataKeyOf(privateKeys, key)
  if (dataKey === undefined) {
    throw new SealError(
      'SEAL_NO_PRIVATE_KEY',
      `The sealed bytes of batch ${batchId} are encrypted to the key ${key.key_id}, whose private half is not here.`,
      {
        hint: 'Put its file back into the folder of keys, or name it with the setting keys.private (docs/keys.md). Everything else works without it.',
      },
    )
  }
  return (block) => openBlock(block.codec, block.bytes, keyOfBlock(block, dataKey))
}

/** The bytes of a range of a batch. */
export async function bytesBetween(
  reads: VerifyReads,
  batchId: number,
  startOffset: number,
  endOffset: number,
  open: BatchOpener,
): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for (const block of await reads.blocks(batchId)) {
    if (block.end_offset <= startOffset || block.start_offset >= endOffset) continue
    parts.push(
      open(block).body.subarray(
        Math.max(0, startOffset - block.start_offset),
        Math.max(0, endOffset - block.start_offset),
      ),
    )
  }
  return Buffer.concat(parts)
}

/** A leaf of a batch, with the record that it belongs to. */
export type BatchLeaf = {
  /** Of the record within the batch; undefined for what an earlier batch counts. */
  readonly record: number | undefined
  readonly block: Row<'blocks'>
  /** Place within the block, from 0. */
  readonly index: number
  readonly startOffset: number
  /** A view into its block. */
  readonly bytes: Uint8Array
}

/**
 * The leaves of a batch, in their order.
 *
 * Blocks hold leaves: a leaf is a record, but a region that could not be told into records stands there in segments and
 * counts as one record; what of it lies in later batches counts as none there.
 */
export async function* leavesOf(
  reads: VerifyReads,
  batch: Pick<Row<'batches'>, 'id' | 'start_offset'>,
  open: BatchOpener,
): AsyncGenerator<BatchLeaf> {
  const byStart = new Map((await reads.deadLetters(batch.id)).map((row) => [row.start_offset, row]))
  let offset = batch.start_offset
  let record = 0
  /** The dead letter that the leaves here belong to. */
  let letter: Row<'dead_letters'> | undefined
  for (const block of await reads.blocks(batch.id)) {
    const { body, lengths } = open(block)
    let at = 0
    for (const [index, length] of lengths.entries()) {
      letter ??= byStart.get(offset)
      yield {
        record: letter?.records === 0 ? undefined : record,
        block,
        index,
        startOffset: offset,
        bytes: body.subarray(at, at + length),
      }
      at += length
      offset += length
      if (letter === undefined) {
        record += 1
      } else if (offset >= letter.end_offset) {
        record = letter.first_record + letter.records
        letter = undefined
      } else if (letter.records > 1) {
        record = Math.min(record + 1, letter.first_record + letter.records - 1)
      }
    }
  }
}

/**
 * One record of a batch by its number.
 *
 * @returns undefined when the batch has no such record
 */
export async function recordOf(
  reads: VerifyReads,
  batch: Pick<Row<'batches'>, 'id' | 'start_offset'>,
  recordNo: number,
  open: BatchOpener,
): Promise<SealedRecord | undefined> {
  const parts: BatchLeaf[] = []
  for await (const leaf of leavesOf(reads, batch, open)) {
    if (leaf.record === recordNo) parts.push(leaf)
    else if (parts.length > 0) break
  }
  const last = parts.at(-1)
  if (last !== undefined)
    return {
      startOffset: parts[0]!.startOffset,
      endOffset: last.startOffset + last.bytes.length,
      bytes: Buffer.concat(parts.map((part) => part.bytes)),
    }
  // An archive that lacks its end alone is a record of no bytes.
  const empty = (await reads.deadLetters(batch.id)).find(
    (row) =>
      row.first_record === recordNo && row.records > 0 && row.start_offset === row.end_offset,
  )
  return (
    empty && {
      startOffset: empty.start_offset,
      endOffset: empty.end_offset,
      bytes: Buffer.alloc(0),
    }
  )
}

/** The leaf of a stored block in the tree of its batch. */
export function leafOf(block: Row<'blocks'>): Uint8Array {
  return blockLeaf({
    sha256: block.sha256,
    startOffset: block.start_offset,
    endOffset: block.end_offset,
    records: block.records,
    root: block.root,
  })
}

/** What opens a stored block; undefined for one that is not encrypted, or whose key is not here. */
export function keyOfBlock(
  block: Row<'blocks'>,
  dataKey: Uint8Array | undefined,
): BlockKey | undefined {
  return dataKey === undefined ? undefined : { dataKey, n: block.n, leaf: leafOf(block) }
}

/**
 * The data key of a batch.
 *
 * @returns undefined when the private half of its key is not among those given
 * @throws SealError `SEAL_DAMAGED` when it is, and the wrapped key does not open
 */
export function dataKeyOf(
  privateKeys: ReadonlyMap<string, RecipientPrivateKey>,
  key: Row<'batch_keys'>,
): Uint8Array | undefined {
  return openEnvelope(privateKeys, {
    keyId: key.key_id,
    ephemeral: key.ephemeral,
    wrapped: key.wrapped,
  })
}
