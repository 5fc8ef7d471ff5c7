/** Seals the rows made from a batch: row digests, day roots, dead letters, view root, batch digest. */
import { blake3Tagged } from '../core/blake3.ts'
import { FieldWriter } from '../core/bytes.ts'
import { type DeadLetter, FLAGS } from '../core/event.ts'
import { MerkleTree, merkleRoot } from '../core/merkle.ts'
import type { BatchHeader, DayRoot, SealedEnvelope } from '../core/seal-types.ts'

const KIND = {
  payload: 0x00,
  row: 0x02,
  day: 0x03,
  deadLetters: 0x04,
  deadLetter: 0x05,
  batch: 0x06,
  held: 0x0b,
  envelope: 0x0c,
  stored: 0x0d,
} as const

/** Bit of `flags` of a row that was withheld. */

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

/** Whether a row was withheld is told by the tree it stands in: the bit is left out, so review may come after. */
export function rowDigest(row: RowFields): Uint8Array {
  return fields
    .reset(KIND.row)
    .i64(row.eventTimeUs)
    .u32(row.recordNo)
    .u32((row.flags & ~FLAGS.withheld) >>> 0)
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

/** Hash of the bytes of a block as they are stored. */
export function storedDigest(bytes: Uint8Array): Uint8Array {
  return blake3Tagged(KIND.stored, bytes)
}

/**
 * Root over all that a batch added beside its records.
 *
 * @param deadDigests - in the order of their start offsets
 * @param heldDigests - row digests of the rows that were withheld, in the order of their records
 * @param envelope - undefined when the blocks are not encrypted
 */
export function viewRoot(
  days: readonly DayRoot[],
  deadDigests: readonly Uint8Array[],
  heldDigests: readonly Uint8Array[] = [],
  envelope?: SealedEnvelope,
): Uint8Array {
  const leaves = days.map(({ day, rows, root }) =>
    fields.reset(KIND.day).i64(day).u32(rows).raw(root).hash(),
  )
  if (deadDigests.length > 0) leaves.push(listLeaf(KIND.deadLetters, deadDigests))
  if (heldDigests.length > 0) leaves.push(listLeaf(KIND.held, heldDigests))
  if (envelope !== undefined) leaves.push(envelopeLeaf(envelope))
  return merkleRoot(leaves)
}

function listLeaf(kind: number, digests: readonly Uint8Array[]): Uint8Array {
  return fields.reset(kind).u32(digests.length).raw(merkleRoot(digests)).hash()
}

/** Covers wrapped key and ciphertext, so that both can be checked by those who cannot open them. */
function envelopeLeaf(envelope: SealedEnvelope): Uint8Array {
  return fields
    .reset(KIND.envelope)
    .text(envelope.keyId)
    .raw(envelope.ephemeral)
    .raw(envelope.wrapped)
    .u32(envelope.storedDigests.length)
    .raw(merkleRoot(envelope.storedDigests))
    .hash()
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
