/** Shows the exact bytes of one record: asked for with a reason, granted by right, kept in the journal. */
import { createHash } from 'node:crypto'
import { toHex } from '../core/bytes.ts'
import { EvidenceError, LookupFailed, OperatingError } from '../core/errors.ts'
import type { RecipientPrivateKey } from '../core/seal-types.ts'
import { recordLeaf } from '../seal/records.ts'
import type { Store } from '../store/port.ts'
import type { VerifyReads } from '../store/verify-port.ts'
import { isEmergency } from './emergency.ts'
import { bytesBetween, openerOf, recordOf, type SealedRecord } from './sealed-bytes.ts'

/** What is asked for: a record of a batch, or a range of it (a dead letter). */
export type Wanted = {
  readonly batchId: number
  readonly record: number
  /** Of a dead letter; its bytes may be several records. */
  readonly range: { readonly startOffset: number; readonly endOffset: number } | undefined
}

export type RevealOptions = {
  readonly actor: string
  /** Whether the actor may; the caller knows the users. */
  readonly isAllowed: boolean
  readonly reason: string
  readonly privateKeys: ReadonlyMap<string, RecipientPrivateKey>
}

export type Revealed = SealedRecord & {
  readonly batchId: number
  readonly record: number
  readonly sha256: string
  /** The leaf by which the seal covers a record; undefined for a range. */
  readonly leaf: string | undefined
}

/**
 * Opens sealed bytes. Granted or refused, the journal keeps who asked for what and why, before anything is shown.
 *
 * @throws EvidenceError `EVIDENCE_NO_REASON`, `EVIDENCE_NO_RIGHT`, `EVIDENCE_EMERGENCY`; SealError; LookupFailed
 */
export async function reveal(
  store: Store,
  wanted: Wanted,
  options: RevealOptions,
): Promise<Revealed> {
  const subject = `batch ${wanted.batchId} record ${wanted.record}`
  try {
    const found = await open(store, wanted, options)
    await store.journal({
      actor: options.actor,
      action: 'evidence.revealed',
      subject,
      reason: options.reason,
      detail: { sha256: found.sha256, bytes: found.bytes.length },
    })
    return found
  } catch (error) {
    if (error instanceof OperatingError) await keepRefusal(store, subject, options, error.code)
    throw error
  }
}

/**
 * Whether sealed bytes may leave the store now, for this actor and reason.
 *
 * @throws EvidenceError `EVIDENCE_NO_REASON`, `EVIDENCE_NO_RIGHT`, `EVIDENCE_EMERGENCY`
 */
export async function mustBeGranted(
  reads: VerifyReads,
  options: Pick<RevealOptions, 'isAllowed' | 'reason'>,
): Promise<void> {
  if (options.reason.trim() === '') {
    throw new EvidenceError(
      'EVIDENCE_NO_REASON',
      'Sealed bytes are shown for a stated reason only.',
      {
        hint: 'Say why with --reason TEXT; it is kept in the journal.',
      },
    )
  }
  if (!options.isAllowed) {
    throw new EvidenceError('EVIDENCE_NO_RIGHT', 'This user may not reveal sealed bytes.', {
      hint: 'The setting evidence.actors names who may; without it, the owner of the data folder.',
    })
  }
  if (await isEmergency(reads)) {
    throw new EvidenceError('EVIDENCE_EMERGENCY', 'Nothing is revealed in an emergency.', {
      hint: '"nacre quarantine emergency off --reason TEXT" ends it.',
    })
  }
}

async function open(store: Store, wanted: Wanted, options: RevealOptions): Promise<Revealed> {
  const reads = store.reads()
  await mustBeGranted(reads, options)
  const opener = await openerOf(reads, wanted.batchId, options.privateKeys)
  const { range } = wanted
  const bytes =
    range === undefined
      ? undefined
      : await bytesBetween(reads, wanted.batchId, range.startOffset, range.endOffset, opener)
  const batch = { id: wanted.batchId, start_offset: await startOf(store, wanted.batchId) }
  const record: SealedRecord | undefined =
    range !== undefined && bytes !== undefined
      ? { ...range, bytes }
      : await recordOf(reads, batch, wanted.record, opener)
  if (record === undefined) {
    throw new LookupFailed(
      'LOOKUP_NO_EVENT',
      `Batch ${wanted.batchId} has no record ${wanted.record}.`,
      { hint: 'Records count from 0 within their batch.' },
    )
  }
  return {
    ...record,
    batchId: wanted.batchId,
    record: wanted.record,
    sha256: createHash('sha256').update(record.bytes).digest('hex'),
    leaf: range === undefined ? toHex(recordLeaf(record.bytes)) : undefined,
  }
}

async function startOf(store: Store, batchId: number): Promise<number> {
  const row = await store.query
    .selectFrom('batches')
    .where('id', '=', batchId)
    .select('start_offset')
    .executeTakeFirst()
  if (row === undefined) {
    throw new LookupFailed('LOOKUP_NO_EVENT', `There is no batch ${batchId}.`, {
      hint: '"nacre dlq list" and "nacre quarantine list" name batches.',
    })
  }
  return Number(row.start_offset)
}

/** Keeps in the journal that sealed bytes were refused. */
export async function keepRefusal(
  store: Store,
  subject: string,
  { actor, reason }: Pick<RevealOptions, 'actor' | 'reason'>,
  code: string,
): Promise<void> {
  await store.journal({ actor, action: 'evidence.refused', subject, reason, detail: { code } })
}
