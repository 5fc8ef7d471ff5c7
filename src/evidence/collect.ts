/** Finds the bytes of records in the store, and what proves them up to their batch. */
import { equalBytes, toHex } from '../core/bytes.ts'
import { EvidenceError, LookupFailed, SealError } from '../core/errors.ts'
import { inclusionProof, merkleRoot } from '../core/merkle.ts'
import type { RecipientPrivateKey } from '../core/seal-types.ts'
import { LIMITS } from '../limits.ts'
import type { Wanted } from '../pipeline/evidence.ts'
import { type BatchLeaf, leafOf, leavesOf, openerOf } from '../pipeline/sealed-bytes.ts'
import { recordLeaf } from '../seal/records.ts'
import type { Store } from '../store/port.ts'
import type { Row } from '../store/schema.ts'
import type { LeafProof } from './format.ts'

/** A block that holds a record, with its proof. */
export type FoundBlock = { readonly row: Row<'blocks'>; readonly proof: readonly Uint8Array[] }

export type FoundRecord = {
  readonly batchId: number
  readonly record: number
  readonly startOffset: number
  readonly endOffset: number
  readonly bytes: Buffer
  /** `block` is a place in the blocks of its batch that were found. */
  readonly leaves: readonly LeafProof[]
}

export type FoundBatch = {
  readonly row: Row<'batches'>
  readonly source: Row<'sources'>
  readonly blocks: readonly FoundBlock[]
  readonly records: readonly FoundRecord[]
}

/**
 * Opens the batches that hold the wanted records.
 *
 * @returns batches in the order of source and place, each with its records in theirs
 * @throws LookupFailed `LOOKUP_NO_EVENT`; SealError; EvidenceError `EVIDENCE_TOO_LARGE`
 */
export async function collect(
  store: Store,
  wanted: readonly Wanted[],
  privateKeys: ReadonlyMap<string, RecipientPrivateKey>,
): Promise<readonly FoundBatch[]> {
  const byBatch = Map.groupBy(wanted, (one) => one.batchId)
  const found: FoundBatch[] = []
  const room = { records: LIMITS.evidenceRecordsMax, bytes: LIMITS.evidenceBytesMax }
  const reads = store.reads()
  for (const [batchId, items] of byBatch) {
    const row = await store.query
      .selectFrom('batches')
      .where('id', '=', batchId)
      .selectAll()
      .executeTakeFirst()
    if (row === undefined) throw noRecord(batchId, items[0]!.record)
    const source = await store.query
      .selectFrom('sources')
      .where('id', '=', row.source_id)
      .selectAll()
      .executeTakeFirstOrThrow()
    const groups = new Map<string, { readonly wanted: Wanted; readonly leaves: BatchLeaf[] }>()
    for (const one of items)
      groups.set(one.range === undefined ? `${one.record}` : `at ${one.range.startOffset}`, {
        wanted: one,
        leaves: [],
      })
    const ranges = [...groups.values()].filter((group) => group.wanted.range !== undefined)
    const open = await openerOf(reads, batchId, privateKeys)
    const trees = new Map<number, { readonly row: Row<'blocks'>; readonly hashes: Uint8Array[] }>()
    for await (const leaf of leavesOf(reads, row, open)) {
      const tree = trees.get(leaf.block.n) ?? { row: leaf.block, hashes: [] }
      if (tree.hashes.length === 0) trees.set(leaf.block.n, tree)
      tree.hashes.push(recordLeaf(leaf.bytes))
      const groupsOfLeaf = [
        ...(leaf.record === undefined ? [] : [groups.get(String(leaf.record))]),
        ...ranges.filter(({ wanted: { range } }) => isWithin(leaf, range)),
      ]
      for (const group of groupsOfLeaf) {
        if (group === undefined) continue
        group.leaves.push(leaf)
        room.bytes -= leaf.bytes.length
      }
      if (room.bytes < 0) throw tooLarge()
    }
    room.records -= groups.size
    if (room.records < 0) throw tooLarge()
    found.push(await proven(row, source, groups.values(), trees))
  }
  return found.sort((a, b) => a.row.source_id - b.row.source_id || a.row.seq - b.row.seq)
}

function isWithin(leaf: BatchLeaf, range: Wanted['range']): boolean {
  return (
    range !== undefined &&
    leaf.startOffset >= range.startOffset &&
    leaf.startOffset + leaf.bytes.length <= range.endOffset
  )
}

async function proven(
  row: Row<'batches'>,
  source: Row<'sources'>,
  groups: Iterable<{ readonly wanted: Wanted; readonly leaves: readonly BatchLeaf[] }>,
  trees: ReadonlyMap<
    number,
    { readonly row: Row<'blocks'>; readonly hashes: readonly Uint8Array[] }
  >,
): Promise<FoundBatch> {
  const blockLeaves = [...trees.values()].map((tree) => leafOf(tree.row))
  if (!equalBytes(merkleRoot(blockLeaves), row.record_root)) throw damaged(row.id)
  const blocks: FoundBlock[] = []
  const placeOf = new Map<number, number>()
  const records: FoundRecord[] = []
  for (const { wanted, leaves } of groups) {
    const last = leaves.at(-1)
    if (last === undefined) throw noRecord(row.id, wanted.record)
    const proofs = leaves.map((leaf): LeafProof => {
      const tree = trees.get(leaf.block.n)!
      let block = placeOf.get(leaf.block.n)
      if (block === undefined) {
        if (!equalBytes(merkleRoot(tree.hashes), tree.row.root)) throw damaged(row.id)
        block = blocks.length
        placeOf.set(leaf.block.n, block)
        blocks.push({ row: tree.row, proof: inclusionProof(blockLeaves, leaf.block.n) })
      }
      return {
        block,
        index: leaf.index,
        bytes: leaf.bytes.length,
        hash: toHex(tree.hashes[leaf.index]!),
        proof: inclusionProof(tree.hashes, leaf.index).map(toHex),
      }
    })
    records.push({
      batchId: row.id,
      record: wanted.record,
      startOffset: leaves[0]!.startOffset,
      endOffset: last.startOffset + last.bytes.length,
      bytes: Buffer.concat(leaves.map((leaf) => leaf.bytes)),
      leaves: proofs,
    })
  }
  records.sort((a, b) => a.startOffset - b.startOffset || a.endOffset - b.endOffset)
  return { row, source, blocks, records: records.filter(isFirstOfPlace) }
}

/** A line that was asked for by its number and as a dead letter is one line. @param i - of records in their order */
function isFirstOfPlace(record: FoundRecord, i: number, all: readonly FoundRecord[]): boolean {
  const before = all[i - 1]
  return (
    before === undefined ||
    before.startOffset !== record.startOffset ||
    before.endOffset !== record.endOffset
  )
}

function noRecord(batchId: number, record: number): LookupFailed {
  return new LookupFailed(
    'LOOKUP_NO_EVENT',
    `Batch ${batchId} has no record ${record} with bytes of its own.`,
    { hint: 'Records count from 0 within their batch.' },
  )
}

function damaged(batchId: number): SealError {
  return new SealError('SEAL_DAMAGED', `The sealed bytes of batch ${batchId} do not match it.`, {
    hint: 'Run `nacre verify`: it names what was changed. Do not write to the store before you have a copy.',
  })
}

function tooLarge(): EvidenceError {
  return new EvidenceError('EVIDENCE_TOO_LARGE', 'One package does not hold so much.', {
    hint: `At most ${LIMITS.evidenceRecordsMax} lines and ${LIMITS.evidenceBytesMax / 1024 / 1024} MiB: make several packages.`,
  })
}
