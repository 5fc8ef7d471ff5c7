/** Seals the rows made from a batch: row digests, day roots, dead letters, view root, batch digest. */
import { blake3Tagged } from '../core/blake3.ts'
import { FieldWriter } from '../core/bytes.ts'
import type { DeadLetter } from '../core/event.ts'
import { MerkleTree, merkleRoot } from '../core/merkle.ts'
import type { BatchHeader, DayRoot } from '../core/seal-types.ts'

const KIND = {
  payload: 0x00,
  row: 0x02,
  day: 0x03,
  deadLetters: 0x04,
  deadLetter: 0x05,
  batch: 0x06,
} as const
const fields = new FieldWriter()

/** The columns of a row that its digest covers. */
export type RowFields = {
  readonly eventTimeUs: number
  readonly recordNo: number
  readonly flags: number
  readonly digest: Uint8Array
  readonly sensor: string
  readonly session: string
  readonly eventid: string
  readonly notes: string
  readonly payloadHash: Uint8Array
}

/** Hash of a payload as it is stored. */
export function payloadHash(payload: Uint8Array): Uint8Array {
  return blake3Tagged(KIND.payload, payload)
}

export function rowDigest(row: RowFields): Uint8Array {
  return fields
    .reset(KIND.row)
    .i64(row.eventTimeUs)
    .u32(row.recordNo)
    .u32(row.flags)
    .raw(row.digest)
    .text(row.sensor)
    .text(row.session)
    .text(row.eventid)
    .text(row.notes)
    .raw(row.payloadHash)
    .hash()
}

export function deadLetterDigest(dead: DeadLetter): Uint8Array {
  return fields
    .reset(KIND.deadLetter)
    .u64(dead.startOffset)
    .u64(dead.endOffset)
    .u32(dead.firstRecord)
    .u32(dead.records)
    .text(dead.reason)
    .text(dead.detail)
    .hash()
}

/** Collects the digests of the rows that a batch added, in the order of their records. */
export class ViewSealer {
  #days = new Map<number, MerkleTree>()

  add(day: number, digest: Uint8Array): void {
    let tree = this.#days.get(day)
    if (tree === undefined) {
      tree = new MerkleTree()
      this.#days.set(day, tree)
    }
    tree.add(digest)
  }

  days(): DayRoot[] {
    return [...this.#days]
      .sort(([a], [b]) => a - b)
      .map(([day, tree]) => ({ day, rows: tree.size, root: tree.root() }))
  }
}

/** @param deadDigests - in the order of their start offsets */
export function viewRoot(days: readonly DayRoot[], deadDigests: readonly Uint8Array[]): Uint8Array {
  const leaves = days.map(({ day, rows, root }) =>
    fields.reset(KIND.day).i64(day).u32(rows).raw(root).hash(),
  )
  if (deadDigests.length > 0) {
    leaves.push(
      fields.reset(KIND.deadLetters).u32(deadDigests.length).raw(merkleRoot(deadDigests)).hash(),
    )
  }
  return merkleRoot(leaves)
}

export function batchDigest(batch: BatchHeader): Uint8Array {
  return fields
    .reset(KIND.batch)
    .text('nacre-batch-1')
    .bytes(batch.sourceUid)
    .text(batch.sensorOverride)
    .u64(batch.seq)
    .u64(batch.startOffset)
    .u64(batch.endOffset)
    .u64(batch.firstRecord)
    .u64(batch.records)
    .u64(batch.stored)
    .u64(batch.duplicate)
    .u64(batch.held)
    .u64(batch.dead)
    .u64(batch.blank)
    .u64(batch.expired)
    .u64(batch.supersedes)
    .u32(batch.blocks)
    .raw(batch.recordRoot)
    .raw(batch.viewRoot)
    .text(batch.schemaVersion)
    .text(batch.ruleSet)
    .text(batch.programVersion)
    .i64(batch.committedAtUs)
    .raw(batch.previousDigest)
    .hash()
}
