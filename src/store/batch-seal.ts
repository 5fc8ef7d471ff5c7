/** Seals a batch at the end of its source's chain, and moves the cursor. Every engine's writer uses it. */
import { createHash } from 'node:crypto'
import { StoreError } from '../core/errors.ts'
import { dayOf, type InstantUs } from '../core/instant.ts'
import type { PackedBatch } from '../core/packed.ts'
import type { Checkpoint, DayRoot } from '../core/seal-types.ts'
import type { Fates, LineageProof, WriterVersions } from './port.ts'
import type { Sealing } from './sealing.ts'
import { FATE } from './summing.ts'

export const EMPTY_SHA256: Uint8Array = createHash('sha256').digest()
export const NO_DIGEST: Uint8Array = new Uint8Array(32)

/** Where a source stands. */
export type SourceCursor = {
  readonly uid: Uint8Array
  readonly sensorOverride: string
  batches: number
  records: number
  committedOffset: number
  lastDigest: Uint8Array
  /** The last batch, when it holds the broken end of a file. */
  open: { seq: number; startOffset: number; firstRecord: number } | undefined
  lastBatchId: number
}

export type SealedHeader = {
  readonly seq: number
  readonly firstRecord: number
  readonly supersedes: number
  readonly fates: Fates
  readonly days: readonly DayRoot[]
  readonly viewRoot: Uint8Array
  readonly digest: Uint8Array
  readonly committedAtUs: InstantUs
  readonly previousDigest: Uint8Array
  readonly headLength: number
  readonly headDigest: Uint8Array
}

/**
 * The broken end that a batch takes the place of, because it starts where that stood.
 *
 * @throws StoreError `STORE_BUSY` when the batch does not start at the cursor: somebody else moved it
 */
export function supersededEnd(
  cursor: SourceCursor,
  startOffset: number,
): { readonly seq: number; readonly firstRecord: number } | undefined {
  if (cursor.open !== undefined && startOffset === cursor.open.startOffset) return cursor.open
  if (startOffset !== cursor.committedOffset) {
    throw new StoreError(
      'STORE_BUSY',
      'Another loader has moved the cursor of a source that is being read here.',
      { hint: 'Nothing is lost: run the same command again when the other one is done.' },
    )
  }
  return undefined
}

/** @param outcomes - fate of each event (`FATE`); undefined when all were stored */
export function sealBatch(
  sealing: Sealing,
  versions: WriterVersions,
  cursor: SourceCursor,
  batch: PackedBatch,
  proof: LineageProof,
  outcomes: Uint8Array | undefined,
  committedAtUs: InstantUs,
): SealedHeader {
  const superseded = supersededEnd(cursor, batch.startOffset)
  const view = sealing.viewSealer()
  const held: Uint8Array[] = []
  let stored = 0
  for (let i = 0; i < batch.count; i += 1) {
    const outcome = outcomes === undefined ? FATE.stored : outcomes[i]
    if (outcome === FATE.duplicate) continue
    const rowDigest = batch.rowDigests.subarray(i * 32, i * 32 + 32)
    if (outcome === FATE.held) {
      held.push(rowDigest)
      continue
    }
    stored += 1
    view.add(dayOf(batch.eventTimesUs[i]!), rowDigest)
  }
  const days = view.days()
  const fates: Fates = {
    lines: batch.records,
    stored,
    duplicate: batch.count - stored - held.length,
    held: held.length,
    dead: batch.dead.reduce((sum, letter) => sum + letter.records, 0),
    blank: batch.blank,
    expired: 0,
  }
  const seq = cursor.batches + 1
  const firstRecord = superseded === undefined ? cursor.records : superseded.firstRecord
  const viewRoot = sealing.viewRoot(days, batch.dead, held, batch.envelope)
  const supersedes = superseded?.seq ?? 0
  const headLength = Math.min(proof.head.length, batch.endOffset)
  const previousDigest = cursor.lastDigest
  const digest = sealing.batchDigest({
    sourceUid: cursor.uid,
    sensorOverride: cursor.sensorOverride,
    seq,
    startOffset: batch.startOffset,
    endOffset: batch.endOffset,
    firstRecord,
    records: batch.records,
    stored,
    duplicate: fates.duplicate,
    held: fates.held,
    dead: fates.dead,
    blank: batch.blank,
    expired: fates.expired,
    supersedes,
    blocks: batch.blocks.length,
    recordRoot: batch.recordRoot,
    viewRoot,
    schemaVersion: versions.schemaVersion,
    ruleSet: batch.ruleSet,
    programVersion: versions.programVersion,
    committedAtUs,
    previousDigest,
  })
  return {
    seq,
    firstRecord,
    supersedes,
    fates,
    days,
    viewRoot,
    digest,
    committedAtUs,
    previousDigest,
    headLength,
    headDigest: createHash('sha256').update(proof.head.subarray(0, headLength)).digest(),
  }
}

/** Moves the cursor behind a sealed batch. */
export function advance(
  cursor: SourceCursor,
  sealed: SealedHeader,
  batch: PackedBatch,
  batchId: number,
): void {
  cursor.batches = sealed.seq
  cursor.records = sealed.firstRecord + batch.records
  cursor.committedOffset = batch.endOffset
  cursor.lastDigest = sealed.digest
  cursor.lastBatchId = batchId
  cursor.open = batch.isOpen
    ? { seq: sealed.seq, startOffset: batch.startOffset, firstRecord: sealed.firstRecord }
    : undefined
}

/** A row of `checkpoints`, as far as the next one looks at it. */
export type CheckpointRow = {
  readonly seq: number
  readonly made_at_us: number
  readonly up_to_batch: number
  readonly sources: number
  readonly tree_root: Uint8Array
  readonly journal_seq: number
  readonly journal_head: Uint8Array
  readonly previous_digest: Uint8Array
}

/**
 * The checkpoint that follows another.
 *
 * @param heads - root over the sources, asked for only when something is new
 * @returns undefined when nothing is new since the last one
 */
export async function nextCheckpoint(
  sealing: Sealing,
  last: CheckpointRow | undefined,
  journal: { readonly seq: number; readonly digest: Uint8Array } | undefined,
  upToBatch: number,
  madeAtUs: InstantUs,
  heads: () => Promise<{ readonly root: Uint8Array; readonly sources: number }>,
): Promise<Checkpoint | undefined> {
  if (
    last !== undefined &&
    last.up_to_batch === upToBatch &&
    last.journal_seq === (journal?.seq ?? 0)
  )
    return undefined
  const { root, sources } = await heads()
  return {
    seq: (last?.seq ?? 0) + 1,
    madeAtUs,
    upToBatch,
    sources,
    treeRoot: root,
    journalSeq: journal?.seq ?? 0,
    journalHead: journal?.digest ?? NO_DIGEST,
    previousDigest:
      last === undefined
        ? NO_DIGEST
        : sealing.checkpointDigest(
            sealing.checkpointMessage({
              seq: last.seq,
              madeAtUs: last.made_at_us,
              upToBatch: last.up_to_batch,
              sources: last.sources,
              treeRoot: last.tree_root,
              journalSeq: last.journal_seq,
              journalHead: last.journal_head,
              previousDigest: last.previous_digest,
            }),
          ),
  }
}
