/** Events of a transaction into `raw_events` and `held_events`, each key once. */
import { FLAGS } from '../../core/event.ts'
import type { PackedBatch } from '../../core/packed.ts'
import type { SessionKey } from '../schema.ts'
import { FATE, type SessionState } from '../summing.ts'
import type { Client } from './connection.ts'
import { CopyRows } from './copy.ts'

export type EventToStore = {
  readonly batch: PackedBatch
  readonly batchId: number
  /** In the order of the batch's own lists. */
  readonly sessions: readonly SessionState[]
  readonly kindIds: readonly number[]
  readonly keyOrderIds: readonly number[]
  readonly verdictIds: readonly number[]
}

export type InsertedEvents = {
  /** For each batch the fate of each event (`FATE`); undefined when all are stored. */
  readonly outcomes: readonly (Uint8Array | undefined)[]
  /** Sends the events of new sessions. Call it when the sessions are rows: they keep others from the same events. */
  sendRest(): Promise<void>
}

/** The columns that an event of either table has, in the order of their statements. */
export const EVENT_COLUMNS =
  'event_time_us, session_key, batch_id, record_no, kind_id, flags, key_order_id, digest, notes, payload, verdict_id'
const COLUMNS = 11

/** Whether a batch has events that wait for a person. */
export function hasWithheld(batch: PackedBatch): boolean {
  for (let i = 0; i < batch.count; i += 1) {
    if ((batch.flags[i]! & FLAGS.withheld) !== 0) return true
  }
  return false
}

/**
 * Finds out which events are new, withholds those with the flag, and stores the others of sessions that are there.
 *
 * An event is the same only within its session. Those of a session that nobody has begun are new as far as this
 * transaction does not repeat them, and go straight into the table; those of a session that is there (and locked by
 * this transaction) pass through a staging table, where the key decides. What is withheld already is looked up before:
 * lock `hold` keeps others from withholding meanwhile, and, where this transaction has it alone, from storing.
 *
 * @param withholds - some of the events have the flag, and this transaction has lock `hold` alone
 */
export async function insertEvents(
  client: Client,
  batches: readonly EventToStore[],
  withholds: boolean,
): Promise<InsertedEvents> {
  const places = withholds ? allPlaces(batches) : []
  const held = await keysIn(client, 'held_events', await placesOfHeld(client, batches))
  const stored = await keysIn(
    client,
    'raw_events',
    places.filter(({ one, i }) => isWithheld(one, i) && sessionOf(one, i).isStored),
  )
  const staged = new CopyRows(COLUMNS)
  const direct = new CopyRows(COLUMNS)
  const waiting = new CopyRows(COLUMNS + 1)
  const heldSessions = new Map<SessionKey, SessionState>()
  const outcomes: (Uint8Array | undefined)[] = batches.map(() => undefined)
  const seen = new SeenEvents()
  batches.forEach((one, n) => {
    const { batch, kindIds, keyOrderIds, verdictIds } = one
    const notes = new Map(batch.notes)
    const settle = (i: number, fate: number): void => {
      outcomes[n] ??= new Uint8Array(batch.count).fill(FATE.stored)
      outcomes[n][i] = fate
    }
    let start = 0
    for (let i = 0; i < batch.count; i += 1) {
      const end = batch.payloadEnds[i]!
      const payload = batch.payloads.subarray(start, end)
      start = end
      const session = sessionOf(one, i)
      const withheld = isWithheld(one, i)
      const isStaged = session.isStored && !withheld
      // Where some are withheld, a repeated event could be one of each kind: then all are looked at.
      const isKnown =
        (withholds || !isStaged ? seen.isRepeated(batches, n, i) : false) ||
        held?.has(nameOf(one, i)) === true ||
        (withheld && stored?.has(nameOf(one, i)) === true)
      if (isKnown) {
        settle(i, FATE.duplicate)
        continue
      }
      // What is staged counts as stored when it comes back.
      if (withheld) settle(i, FATE.held)
      else if (isStaged) settle(i, FATE.duplicate)
      const verdictIx = batch.verdictIx[i]!
      const rows = withheld ? waiting : isStaged ? staged : direct
      rows
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
        .int4(verdictIx === 0 ? 0 : verdictIds[verdictIx - 1]!)
      if (withheld) {
        waiting.text('held')
        heldSessions.set(session.key, session)
      }
    }
  })
  await insertStaged(client, batches, staged, outcomes)
  await waiting.send(client, `held_events (${EVENT_COLUMNS}, state)`)
  await insertHeldSessions(client, heldSessions)
  return { outcomes, sendRest: () => direct.send(client, `raw_events (${EVENT_COLUMNS})`) }
}

async function insertStaged(
  client: Client,
  batches: readonly EventToStore[],
  staged: CopyRows,
  outcomes: readonly (Uint8Array | undefined)[],
): Promise<void> {
  if (staged.rows === 0) return
  await client.query(
    'create temp table if not exists stage_events (like raw_events) on commit delete rows',
  )
  await staged.send(client, `stage_events (${EVENT_COLUMNS})`)
  // What is new is counted by what comes back: on a distributed table the command tag counts what was offered.
  const { rows } = await client.query<{ batch_id: number; record_no: number }>(
    `insert into raw_events (${EVENT_COLUMNS}) select ${EVENT_COLUMNS} from stage_events
      order by event_time_us, session_key, digest, batch_id, record_no
     on conflict (event_time_us, session_key, digest) do nothing
     returning batch_id, record_no`,
  )
  const fates = new Map<number, { readonly fates: Uint8Array; readonly batch: PackedBatch }>()
  batches.forEach(({ batchId, batch }, n) => {
    if (outcomes[n] !== undefined) fates.set(batchId, { fates: outcomes[n], batch })
  })
  for (const row of rows) {
    const { fates: of, batch } = fates.get(row.batch_id)!
    of[placeOfRecord(batch, row.record_no)] = FATE.stored
  }
}

/** Names of sessions that have withheld events: they may have no others. */
async function insertHeldSessions(
  client: Client,
  sessions: ReadonlyMap<SessionKey, SessionState>,
): Promise<void> {
  if (sessions.size === 0) return
  await client.query(
    `insert into held_sessions (session_key, sensor_id, session)
     select session_key, sensor_id, session
       from json_to_recordset($1::json) as given (session_key bigint, sensor_id bigint, session text)
      order by session_key
     on conflict (session_key) do nothing`,
    [
      JSON.stringify(
        [...sessions.values()].map((one) => ({
          session_key: one.key,
          sensor_id: one.sensorId,
          session: one.session,
        })),
      ),
    ],
  )
}

/** An event by its place. */
type Place = { readonly one: EventToStore; readonly i: number }

function allPlaces(batches: readonly EventToStore[]): Place[] {
  return batches.flatMap((one) => Array.from({ length: one.batch.count }, (_, i) => ({ one, i })))
}

/** Events that may be withheld already: those of sessions that have such events. */
async function placesOfHeld(client: Client, batches: readonly EventToStore[]): Promise<Place[]> {
  const keys = new Set(batches.flatMap(({ sessions }) => sessions.map((one) => one.key)))
  if (keys.size === 0) return []
  const { rows } = await client.query<{ session_key: SessionKey }>(
    'select session_key from held_sessions where session_key = any($1::bigint[])',
    [`{${[...keys].join(',')}}`],
  )
  if (rows.length === 0) return []
  const found = new Set(rows.map((row) => row.session_key))
  return allPlaces(batches).filter(({ one, i }) => found.has(sessionOf(one, i).key))
}

/** @returns keys of events, as `nameOf` spells them, that stand in a table; undefined when none was asked for */
async function keysIn(
  client: Client,
  table: 'raw_events' | 'held_events',
  places: readonly Place[],
): Promise<ReadonlySet<string> | undefined> {
  if (places.length === 0) return undefined
  const times = places.map(({ one, i }) => one.batch.eventTimesUs[i]!)
  let [first, last] = [times[0]!, times[0]!]
  for (const time of times) {
    if (time < first) first = time
    if (time > last) last = time
  }
  // The bounds leave months out that no event lies in.
  const { rows } = await client.query<{ n: number }>(
    `select given.n as n
       from (select event_time_us, session_key, substring($3::bytea from (n::integer - 1) * 16 + 1 for 16) as digest, n
               from rows from (unnest($1::bigint[]), unnest($2::bigint[])) with ordinality as one (event_time_us, session_key, n)) as given
       join ${table} as known on known.event_time_us = given.event_time_us and known.session_key = given.session_key
        and known.digest = given.digest
      where known.event_time_us between $4 and $5`,
    [
      `{${times.join(',')}}`,
      `{${places.map(({ one, i }) => sessionOf(one, i).key).join(',')}}`,
      Buffer.concat(places.map(({ one, i }) => one.batch.digests.subarray(i * 16, i * 16 + 16))),
      first,
      last,
    ],
  )
  return new Set(
    rows.map(({ n }) => {
      const { one, i } = places[n - 1]!
      return nameOf(one, i)
    }),
  )
}

function isWithheld({ batch }: EventToStore, i: number): boolean {
  return (batch.flags[i]! & FLAGS.withheld) !== 0
}

function sessionOf({ batch, sessions }: EventToStore, i: number): SessionState {
  return sessions[batch.sessionIx[i]!]!
}

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

/** The key of an event as one text. */
function nameOf(one: EventToStore, i: number): string {
  const { batch } = one
  const digest = Buffer.from(batch.digests.buffer, batch.digests.byteOffset + i * 16, 16)
  return `${batch.eventTimesUs[i]} ${sessionOf(one, i).key} ${digest.latin1Slice()}`
}
