/** Events of a transaction into `raw_events`, each key once. */
import type { PackedBatch } from '../../core/packed.ts'
import type { SessionState } from '../summing.ts'
import type { Client } from './connection.ts'
import { CopyRows } from './copy.ts'

export type EventToStore = {
  readonly batch: PackedBatch
  readonly batchId: number
  /** In the order of the batch's own lists. */
  readonly sessions: readonly SessionState[]
  readonly kindIds: readonly number[]
  readonly keyOrderIds: readonly number[]
}

export type InsertedEvents = {
  /** For each batch: 1 for each event that is new; undefined when all are. */
  readonly isNew: readonly (Uint8Array | undefined)[]
  /** Sends the events of new sessions. Call it when the sessions are rows: they keep others from the same events. */
  sendRest(): Promise<void>
}

const COLUMNS =
  'event_time_us, session_key, batch_id, record_no, kind_id, flags, key_order_id, digest, notes, payload'

/**
 * Finds out which events are new, and stores those of sessions that are there already.
 *
 * An event is the same only within its session. Those of a session that nobody has begun are new as far as this
 * transaction does not repeat them, and go straight into the table; those of a session that is there (and locked by
 * this transaction) pass through a staging table, where the key decides.
 */
export async function insertEvents(
  client: Client,
  batches: readonly EventToStore[],
): Promise<InsertedEvents> {
  const { rows: held } = await client.query('select 1 from held_events limit 1')
  const staged = new CopyRows(10)
  const direct = new CopyRows(10)
  const isNew: (Uint8Array | undefined)[] = batches.map(() => undefined)
  const seen = new SeenEvents()
  batches.forEach((one, n) => {
    const { batch, sessions, kindIds, keyOrderIds } = one
    const notes = new Map(batch.notes)
    let start = 0
    for (let i = 0; i < batch.count; i += 1) {
      const end = batch.payloadEnds[i]!
      const payload = batch.payloads.subarray(start, end)
      start = end
      const session = sessions[batch.sessionIx[i]!]!
      const isStaged = session.isStored || held.length > 0
      if (isStaged) {
        isNew[n] ??= new Uint8Array(batch.count).fill(1)
        isNew[n][i] = 0
      } else if (seen.isRepeated(batches, n, i)) {
        isNew[n] ??= new Uint8Array(batch.count).fill(1)
        isNew[n][i] = 0
        continue
      }
      ;(isStaged ? staged : direct)
        .row()
        .int8(batch.eventTimesUs[i]!)
        .int8(session.key)
        .int8(one.batchId)
        .int4(batch.recordNos[i]!)
        .int4(kindIds[batch.kindIx[i]!]!)
        .int4(batch.flags[i]!)
        .int4(keyOrderIds[batch.keyOrderIx[i]!]!)
        .bytes(batch.digests.subarray(i * 16, i * 16 + 16))
        .text(notes.get(i) ?? null)
        .json(payload)
    }
  })
  await insertStaged(client, batches, staged, isNew, held.length > 0)
  return { isNew, sendRest: () => direct.send(client, `raw_events (${COLUMNS})`) }
}

async function insertStaged(
  client: Client,
  batches: readonly EventToStore[],
  staged: CopyRows,
  isNew: readonly (Uint8Array | undefined)[],
  hasHeld: boolean,
): Promise<void> {
  if (staged.rows === 0) return
  await client.query(
    'create temp table if not exists stage_events (like raw_events) on commit delete rows',
  )
  await staged.send(client, `stage_events (${COLUMNS})`)
  // What is new is counted by what comes back: on a distributed table the command tag counts what was offered.
  const { rows } = await client.query<{ batch_id: number; record_no: number }>(
    `insert into raw_events (${COLUMNS}) select ${COLUMNS} from stage_events
      ${hasHeld ? NOT_HELD : ''}
      order by event_time_us, session_key, digest, batch_id, record_no
     on conflict (event_time_us, session_key, digest) do nothing
     returning batch_id, record_no`,
  )
  const masks = new Map<number, { readonly mask: Uint8Array; readonly batch: PackedBatch }>()
  batches.forEach(({ batchId, batch }, n) => {
    if (isNew[n] !== undefined) masks.set(batchId, { mask: isNew[n], batch })
  })
  for (const row of rows) {
    const { mask, batch } = masks.get(row.batch_id)!
    mask[placeOfRecord(batch, row.record_no)] = 1
  }
}

const NOT_HELD = `where not exists (select 1 from held_events where held_events.event_time_us = stage_events.event_time_us
  and held_events.session_key = stage_events.session_key and held_events.digest = stage_events.digest)`

/** Which event of a batch a record is: record numbers ascend. */
function placeOfRecord(batch: PackedBatch, recordNo: number): number {
  let low = 0
  let high = batch.count - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (batch.recordNos[middle]! < recordNo) low = middle + 1
    else high = middle
  }
  return low
}

/** Remembers the keys of events by 48 bits of their digests; the whole key decides. */
class SeenEvents {
  readonly #first = new Map<number, { readonly n: number; readonly i: number }>()
  /** Keys whose 48 bits another event has: chance does not make them, an attacker can. */
  readonly #others = new Set<string>()

  isRepeated(batches: readonly EventToStore[], n: number, i: number): boolean {
    const { batch } = batches[n]!
    const digests = Buffer.from(
      batch.digests.buffer,
      batch.digests.byteOffset,
      batch.digests.length,
    )
    const start = digests.readUIntBE(i * 16, 6)
    const known = this.#first.get(start)
    if (known === undefined) {
      this.#first.set(start, { n, i })
      return false
    }
    const name = nameOf(batches[n]!, i)
    if (nameOf(batches[known.n]!, known.i) === name) return true
    if (this.#others.has(name)) return true
    this.#others.add(name)
    return false
  }
}

function nameOf({ batch, sessions }: EventToStore, i: number): string {
  const digest = Buffer.from(batch.digests.buffer, batch.digests.byteOffset + i * 16, 16)
  return `${batch.eventTimesUs[i]} ${sessions[batch.sessionIx[i]!]!.key} ${digest.latin1Slice()}`
}
