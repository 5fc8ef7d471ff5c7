/** That one record is in the sealed history: from its hash up to the batch, and the checkpoint that signs it. */
import { equalBytes, toHex } from '../core/bytes.ts'
import { LookupFailed } from '../core/errors.ts'
import { formatInstant } from '../core/instant.ts'
import { inclusionProof, rootOfProof } from '../core/merkle.ts'
import type { BatchHeader, RecipientPrivateKey, SignedCheckpoint } from '../core/seal-types.ts'
import { checkpointDigest, checkpointMessage, verifySignature } from '../seal/chain.ts'
import { recordLeaf } from '../seal/records.ts'
import { batchDigest } from '../seal/view.ts'
import type { Row } from '../store/schema.ts'
import type { VerifyReads } from '../store/verify-port.ts'
import { type BatchLeaf, leafOf, leavesOf, openerOf } from './sealed-bytes.ts'

export type ProvenBatch = {
  readonly batch: Row<'batches'>
  readonly sourceUid: Uint8Array
  readonly sensorOverride: string
  /** The first that covers the batch; undefined where none does yet. */
  readonly checkpoint: SignedCheckpoint | undefined
}

/** Leaves that a proof lists; a long region has one for each 64 KiB. */
const LEAVES_LISTED = 64

/**
 * The proof that a record is in its batch. It holds hashes and no byte of any record.
 *
 * @param privateKeys - halves that are at hand: an encrypted block must be opened, for the hashes of its other records
 * @throws LookupFailed `LOOKUP_NO_EVENT`; SealError `SEAL_NO_PRIVATE_KEY`, `SEAL_DAMAGED`
 */
export async function proveRecord(
  reads: VerifyReads,
  { batch, sourceUid, sensorOverride, checkpoint }: ProvenBatch,
  recordNo: number,
  privateKeys: ReadonlyMap<string, RecipientPrivateKey>,
) {
  const open = await openerOf(reads, batch.id, privateKeys)
  const hashes = new Map<number, Uint8Array[]>()
  const blocks: Row<'blocks'>[] = []
  const found: Omit<BatchLeaf, 'bytes'>[] = []
  let endOffset = 0
  for await (const { bytes, ...leaf } of leavesOf(reads, batch, open)) {
    const ofBlock = hashes.get(leaf.block.n) ?? []
    if (ofBlock.length === 0) {
      hashes.set(leaf.block.n, ofBlock)
      blocks.push(leaf.block)
    }
    ofBlock.push(recordLeaf(bytes))
    if (leaf.record !== recordNo) continue
    found.push(leaf)
    endOffset = leaf.startOffset + bytes.length
  }
  const first = found[0]
  if (first === undefined) {
    throw new LookupFailed(
      'LOOKUP_NO_EVENT',
      `Batch ${batch.id} has no record ${recordNo} with bytes of its own.`,
      { hint: 'Records count from 0 within their batch.' },
    )
  }
  const blockLeaves = blocks.map(leafOf)
  const digest = batchDigest(headerOf(batch, { uid: sourceUid, sensorOverride }))
  const leaves = found.slice(0, LEAVES_LISTED).map((leaf) => {
    const ofBlock = hashes.get(leaf.block.n)! // filled with the leaves of this block
    const hash = ofBlock[leaf.index]!
    const inBlock = inclusionProof(ofBlock, leaf.index)
    const blockHash = leafOf(leaf.block)
    const place = blocks.indexOf(leaf.block)
    const inBatch = inclusionProof(blockLeaves, place)
    const isInBlock = isRoot(leaf.block.root, hash, leaf.index, ofBlock.length, inBlock)
    const isInBatch = isRoot(batch.record_root, blockHash, place, blocks.length, inBatch)
    return {
      index: leaf.index,
      hash: toHex(hash),
      siblings: inBlock.map(toHex),
      holds: isInBlock && isInBatch,
      block: {
        n: leaf.block.n,
        startOffset: leaf.block.start_offset,
        endOffset: leaf.block.end_offset,
        records: leaf.block.records,
        sha256: toHex(leaf.block.sha256),
        root: toHex(leaf.block.root),
        leaf: toHex(blockHash),
        siblings: inBatch.map(toHex),
      },
    }
  })
  return {
    format: 'nacre-inclusion-1',
    batch: batch.id,
    record: recordNo,
    startOffset: first.startOffset,
    endOffset,
    leavesOfRecord: found.length,
    leaves,
    header: headerJson(batch, sourceUid, sensorOverride),
    digest: toHex(batch.digest),
    checkpoint: checkpoint === undefined ? null : checkpointJson(checkpoint),
    holds: {
      /** Every leaf is in its block, and every block in the record root. */
      record: leaves.every((one) => one.holds),
      /** The digest is the one over the header, in which the record root stands. */
      batch: equalBytes(digest, batch.digest),
      /** The signature over the checkpoint is one of its key. */
      signature:
        checkpoint === undefined
          ? null
          : verifySignature(
              checkpoint.publicKey,
              checkpointMessage(checkpoint),
              checkpoint.signature,
            ),
    },
  }
}

export type RecordProof = Awaited<ReturnType<typeof proveRecord>>

/** What the digest of a stored batch covers. */
export function headerOf(
  batch: Row<'batches'>,
  source: { readonly uid: Uint8Array; readonly sensorOverride: string },
): BatchHeader {
  return {
    sourceUid: source.uid,
    sensorOverride: source.sensorOverride,
    seq: batch.seq,
    startOffset: batch.start_offset,
    endOffset: batch.end_offset,
    firstRecord: batch.first_record,
    records: batch.records,
    stored: batch.stored,
    duplicate: batch.duplicate,
    held: batch.held,
    dead: batch.dead,
    blank: batch.blank,
    expired: batch.expired,
    supersedes: batch.supersedes,
    blocks: batch.blocks,
    recordRoot: batch.record_root,
    viewRoot: batch.view_root,
    schemaVersion: batch.schema_version,
    ruleSet: batch.rule_set,
    programVersion: batch.program_version,
    committedAtUs: batch.committed_at_us,
    previousDigest: batch.previous_digest,
  }
}

/** A checkpoint as JSON: all that its signature covers, and the signature. */
export function checkpointJson(one: SignedCheckpoint) {
  return {
    seq: one.seq,
    madeAt: formatInstant(one.madeAtUs),
    upToBatch: one.upToBatch,
    sources: one.sources,
    treeRoot: toHex(one.treeRoot),
    journalSeq: one.journalSeq,
    journalHead: toHex(one.journalHead),
    previousDigest: toHex(one.previousDigest),
    keyId: one.keyId,
    publicKey: toHex(one.publicKey),
    signature: toHex(one.signature),
    digest: toHex(checkpointDigest(checkpointMessage(one))),
  }
}

function headerJson(batch: Row<'batches'>, uid: Uint8Array, sensorOverride: string) {
  const { sourceUid, recordRoot, viewRoot, previousDigest, ...rest } = headerOf(batch, {
    uid,
    sensorOverride,
  })
  return {
    sourceUid: toHex(sourceUid),
    ...rest,
    recordRoot: toHex(recordRoot),
    viewRoot: toHex(viewRoot),
    previousDigest: toHex(previousDigest),
  }
}

function isRoot(
  root: Uint8Array,
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): boolean {
  const made = rootOfProof(leaf, index, size, proof)
  return made !== undefined && equalBytes(made, root)
}
