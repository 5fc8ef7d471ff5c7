/** What becomes of dead letters: read again by the rules of now, or given up. */

import { createHash, randomBytes } from 'node:crypto'
import { LookupFailed, SealError } from '../core/errors.ts'
import { deadSubject } from '../core/event.ts'
import { formatInstant } from '../core/instant.ts'
import type { PackedBatch } from '../core/packed.ts'
import type { RecipientPrivateKey, SigningKey } from '../core/seal-types.ts'
import { LIMITS } from '../limits.ts'
import { detectEncoding, type TextEncodingName, Utf16Transcoder } from '../source/encoding.ts'
import type { BatchWriter, DeadLetterRecord, Fates, Store } from '../store/port.ts'
import { ValueDictionary } from './batch-builder.ts'
import { addFates, noFates } from './fates.ts'
import { RecordProcessor } from './process-records.ts'
import { bytesBetween, openerOf } from './sealed-bytes.ts'
import type { ReadingStages } from './stages.ts'

/** What both the command and the dashboard tell of a dead letter. */
export function letterJson(letter: DeadLetterRecord) {
  return {
    letter: letter.id,
    batchId: letter.batchId,
    path: letter.path,
    startOffset: letter.startOffset,
    endOffset: letter.endOffset,
    firstRecord: letter.firstRecord,
    records: letter.records,
    reason: letter.reason,
    detail: letter.detail,
    state: letter.state,
    sourceRecord: letter.sourceRecord,
    bytes: letter.endOffset - letter.startOffset,
    committedAt: formatInstant(letter.committedAtUs),
  }
}

export type Decider = { readonly actor: string; readonly reason: string }

export type Replay = {
  /** `replayed`: at least one event could be read now. `unreadable`: nothing has changed. */
  readonly outcome: 'replayed' | 'unreadable'
  readonly fates: Fates
}

export type ReplayOptions = Decider & {
  readonly stages: ReadingStages
  readonly privateKeys: ReadonlyMap<string, RecipientPrivateKey>
  readonly acceptEnriched: boolean
  readonly nowUs: number
  readonly signingKey: SigningKey
}

/**
 * Reads the sealed bytes of a dead letter again, through the same stages and keys as any log.
 *
 * Counts of a batch are history: what can be read now becomes a source of its own, with seals of its own. A call that
 * broke off can be repeated: the events are then duplicates.
 *
 * @throws SealError `SEAL_NO_PRIVATE_KEY`; StoreError; LookupFailed when the letter is decided on already
 */
export async function replay(
  store: Store,
  writer: BatchWriter,
  letter: DeadLetterRecord,
  options: ReplayOptions,
): Promise<Replay> {
  mustBeNew(letter)
  const reads = store.reads()
  const { privateKeys, stages } = options
  const open = await openerOf(reads, letter.batchId, privateKeys)
  const bytes = await bytesBetween(
    reads,
    letter.batchId,
    letter.startOffset,
    letter.endOffset,
    open,
  )
  const encoding = await encodingOf(store, letter, bytes, privateKeys)
  const transcoder = encoding === 'utf-8' ? undefined : new Utf16Transcoder(encoding)
  const processor = new RecordProcessor({
    stages,
    nowUs: options.nowUs,
    sensor: letter.sensorOverride === '' ? undefined : letter.sensorOverride,
    acceptEnriched: options.acceptEnriched,
    startOffset: 0,
    dictionary: new ValueDictionary(),
    ...(transcoder === undefined ? {} : { rawBytes: transcoder }),
  })
  const batches: PackedBatch[] = [
    ...processor.push(transcoder === undefined ? bytes : transcoder.push(bytes)),
    ...processor.finish('torn-line', undefined),
  ]
  const fates = noFates()
  if (batches.every((batch) => batch.count === 0)) return { outcome: 'unreadable', fates }
  await writer.begin()
  try {
    const update = {
      state: 'complete',
      pendingBytes: 0,
      compression: 'none',
      path: `dead letter ${letter.id} of ${letter.path}`,
    } as const
    const sourceId = await writer.addSource({
      uid: randomBytes(16),
      sensorOverride: letter.sensorOverride,
      update,
      claims: [],
    })
    for (const batch of batches) {
      const end = bytes.subarray(
        Math.max(0, batch.endOffset - LIMITS.lineageTailBytes),
        batch.endOffset,
      )
      // The dictionary of each letter begins anew; readers of loads count from 1.
      await writer.write(sourceId, -letter.id, batch, {
        head: bytes.subarray(0, LIMITS.lineageHeadBytes),
        tailDigest: createHash('sha256').update(end).digest(),
      })
    }
    await writer.finishSource(sourceId, update)
    for (const one of await writer.commit()) addFates(fates, one)
  } catch (error) {
    await writer.rollback()
    throw error
  }
  await decide(store, letter, 'replayed', options, {
    stored: fates.stored,
    duplicate: fates.duplicate,
  })
  await writer.checkpoint(options.signingKey)
  return { outcome: 'replayed', fates }
}

/** The encoding of a source shows at its start; a region in its midst may begin with anything. */
async function encodingOf(
  store: Store,
  letter: DeadLetterRecord,
  region: Uint8Array,
  privateKeys: ReadonlyMap<string, RecipientPrivateKey>,
): Promise<TextEncodingName> {
  const reads = store.reads()
  const { source_id: sourceId } = await store.query
    .selectFrom('batches')
    .where('id', '=', letter.batchId)
    .select('source_id')
    .executeTakeFirstOrThrow()
  const [first] = await reads.blocksBetween(Number(sourceId), 0, 1)
  if (first !== undefined) {
    try {
      const open = await openerOf(reads, first.batch_id, privateKeys)
      return detectEncoding(open(first).body.subarray(0, 4))
    } catch (error) {
      if (!(error instanceof SealError)) throw error
      // The start is sealed to an older key that is not here.
    }
  }
  return detectEncoding(region.subarray(0, 4))
}

/** Gives a dead letter up: it no longer counts as one that waits. Its bytes stay. */
export async function discard(store: Store, letter: DeadLetterRecord, by: Decider): Promise<void> {
  mustBeNew(letter)
  await decide(store, letter, 'discarded', by, {})
}

async function decide(
  store: Store,
  letter: DeadLetterRecord,
  to: 'replayed' | 'discarded',
  { actor, reason }: Decider,
  detail: Readonly<Record<string, number>>,
): Promise<void> {
  await store.review.decideDeadLetter(letter.id, {
    actor,
    action: `dead-letter.${to}`,
    subject: deadSubject({
      batch_id: letter.batchId,
      start_offset: letter.startOffset,
      first_record: letter.firstRecord,
    }),
    reason,
    detail: { reason: letter.reason, ...detail },
    decision: { from: 'new', to },
  })
}

function mustBeNew(letter: DeadLetterRecord): void {
  if (letter.state === 'new') return
  throw new LookupFailed(
    'LOOKUP_NO_LETTER',
    `The dead letter ${letter.id} is ${letter.state} already.`,
    { hint: '"nacre dlq list" lists those that wait.' },
  )
}
