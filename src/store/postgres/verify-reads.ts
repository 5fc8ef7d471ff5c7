import { parseJson } from '../../core/json.ts'
import { type KeyOrder, printInOrder } from '../../core/key-order.ts'
import type { SourceHead } from '../../core/seal-types.ts'
import type { Row, SessionKey } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import type { EventCells, HeldState, VerifyReads } from '../verify-port.ts'
import type { Client, Connections } from './connection.ts'
import { textDigest } from './names.ts'
import { driftDigest } from './summaries.ts'
import { POSTGRES_TABLES } from './tables.ts'
import { sourceHeads } from './writer.ts'

/** Rows fetched at once: a page is in memory on both sides. */
const PAGE_ROWS = 2_000
/** Batches whose events are read by one statement and sorted in memory. */
const BATCHES_AT_ONCE = 8
const EVENT_COLUMNS =
  'batch_id, record_no, event_time_us, session_key, kind_id, flags, digest, notes, key_order_id, payload, verdict_id'

/** A row of `raw_events` as the driver gives it. */
type EventRow = [
  batchId: number,
  recordNo: number,
  eventTimeUs: number,
  sessionKey: SessionKey,
  kindId: number,
  flags: number,
  digest: Buffer,
  notes: string | null,
  keyOrderId: number,
  payload: string,
  verdictId: number,
]
/** Cells of an event; the state of a withheld one follows them. */
const EVENT_CELLS = 11
type WithState = [...EventRow, HeldState | 'approved']

/** Reads for verification. Within `snapshot` all come from one connection and one state of the database. */
export function verifyReads(connections: Connections, sealing: Sealing): VerifyReads {
  let snapshot: Client | undefined
  let cursors = 0
  const orders = new KeyOrders()

  async function rows<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    const found = await (snapshot ?? connections.pool).query({ text, values: [...values] })
    return found.rows as T[] // the statement names the columns of T
  }

  async function tuples<T>(text: string, values: readonly unknown[]): Promise<T[]> {
    const query = { text, values: [...values], rowMode: 'array' as const }
    const found = await (snapshot ?? connections.pool).query<unknown[]>(query)
    return found.rows as T[] // the statement names the columns of T
  }

  /** Runs a statement through a cursor of the snapshot, or of a transaction of its own. */
  async function* pages<T>(
    text: string,
    values: readonly unknown[] = [],
    rowMode?: 'array',
  ): AsyncGenerator<readonly T[]> {
    if (snapshot === undefined) {
      const client = await connections.pool.connect()
      let isDone = false
      try {
        await client.query('begin isolation level repeatable read read only')
        yield* fetchAll<T>(client, text, values, rowMode)
        await client.query('commit')
        isDone = true
      } finally {
        client.release(!isDone)
      }
    } else yield* fetchAll<T>(snapshot, text, values, rowMode)
  }

  async function* fetchAll<T>(
    client: Client,
    text: string,
    values: readonly unknown[],
    rowMode: 'array' | undefined,
  ): AsyncGenerator<readonly T[]> {
    cursors += 1
    const name = `nacre_${cursors}`
    await client.query({
      text: `declare ${name} no scroll cursor for ${text}`,
      values: [...values],
    })
    for (;;) {
      const fetch = { text: `fetch ${PAGE_ROWS} from ${name}` }
      const found = await (rowMode === 'array'
        ? client.query<unknown[]>({ ...fetch, rowMode })
        : client.query(fetch))
      if (found.rows.length > 0) yield found.rows as unknown as readonly T[]
      if (found.rows.length < PAGE_ROWS) break
    }
    await client.query(`close ${name}`)
  }

  function headsUpTo(batchId: number): Promise<SourceHead[]> {
    const work = (client: Client) => sourceHeads(client, batchId)
    return snapshot === undefined ? connections.withClient(work) : work(snapshot)
  }

  async function* events(
    text: string,
    values: readonly unknown[] = [],
  ): AsyncGenerator<readonly EventCells[]> {
    for await (const page of pages<EventRow>(text, values, 'array')) yield await cellsOf(page)
  }

  async function cellsOf(page: readonly EventRow[]): Promise<EventCells[]> {
    await orders.learn(page, rows)
    return page.map(
      ([
        batchId,
        recordNo,
        timeUs,
        key,
        kindId,
        flags,
        digest,
        notes,
        orderId,
        payload,
        verdictId,
      ]) =>
        [
          batchId,
          recordNo,
          timeUs,
          key,
          kindId,
          flags,
          digest,
          notes,
          orders.restore(orderId, payload),
          verdictId,
        ] as const,
    )
  }

  async function withStates(page: readonly WithState[]) {
    const all = await cellsOf(page.map((row) => row.slice(0, EVENT_CELLS) as unknown as EventRow)) // the state is left out
    return all.map((cells, i) => ({ cells, state: page[i]![EVENT_CELLS] }))
  }

  /** Batches lie together in the table and in time: a few at once, found by their numbers, in the months of their days. */
  async function* eventsByBatch(after?: number): AsyncGenerator<readonly EventCells[]> {
    const ids: number[] = []
    for await (const page of pages<{ id: number }>(
      'select id from batches where id > $1 order by id',
      [after ?? MIN_ID],
    ))
      ids.push(...page.map((row) => row.id))
    // What names no batch at all comes at the end, and is told there.
    const last = ids.at(-1) ?? after ?? 0
    for (let at = 0; at < ids.length; at += BATCHES_AT_ONCE) {
      const from = at === 0 && after === undefined ? MIN_ID : ids[at]!
      const until = ids[at + BATCHES_AT_ONCE] ?? last + 1
      yield* events(
        `select ${EVENT_COLUMNS} from raw_events where batch_id >= $1 and batch_id < $2 and (flags & 2048) = 0 order by batch_id, record_no`,
        [from, until],
      )
    }
    yield* events(
      `select ${EVENT_COLUMNS} from raw_events where batch_id >= $1 and (flags & 2048) = 0 order by batch_id, record_no`,
      [ids.length === 0 && after === undefined ? MIN_ID : last + 1],
    )
  }

  const listOf = (keys: readonly SessionKey[]): string => `{${keys.join(',')}}`

  return {
    batches: () => pages('select * from batches order by id'),
    // Loads that did not commit leave gaps; the chains of the sources and the checkpoints show what is missing.
    gaplessAfter: async () => Number.POSITIVE_INFINITY,
    blocks: (batchId) => rows('select * from blocks where batch_id = $1 order by n', [batchId]),
    batchDays: (batchId) =>
      rows('select * from batch_days where batch_id = $1 order by day', [batchId]),
    deadLetters: (batchId) =>
      rows(
        'select * from dead_letters where batch_id = $1 order by start_offset, first_record, id',
        [batchId],
      ),
    eventsByBatch,
    eventsByTime: () =>
      events(`select ${EVENT_COLUMNS} from raw_events order by event_time_us, session_key, digest`),
    storedEvents: () =>
      events(`select ${EVENT_COLUMNS} from raw_events order by event_time_us, session_key, digest`),
    async *heldEvents() {
      const text = `select ${EVENT_COLUMNS}, state from held_events order by batch_id, record_no, digest`
      for await (const page of pages<WithState>(text, [], 'array')) yield await withStates(page)
    },
    releasedEvents: () =>
      events(
        `select ${EVENT_COLUMNS} from raw_events where (flags & 2048) <> 0 order by batch_id, record_no`,
      ),
    async withheldOf(batchId) {
      const found = await tuples<WithState>(
        `select ${EVENT_COLUMNS}, state from held_events where batch_id = $1
         union all
         select ${EVENT_COLUMNS}, 'approved' from raw_events where batch_id = $1 and (flags & 2048) <> 0
          order by record_no`,
        [batchId],
      )
      return withStates(found)
    },
    heldSessions: () => rows('select * from held_sessions'),
    verdicts: () => pages('select * from verdicts order by id'),
    async verdictsOf(ids) {
      const found = await rows<Row<'verdicts'>>(
        'select * from verdicts where id = any($1::bigint[])',
        [listOf(ids)],
      )
      return new Map(found.map((row) => [row.id, row]))
    },
    verdictRuns: () => rows('select * from verdict_runs order by seq'),
    ruleSets: () => rows('select * from rule_sets order by version, rule_id'),
    modes: () => rows('select * from modes'),
    legalHolds: () => rows('select * from legal_holds order by id'),
    recipientKeys: () => rows('select * from recipient_keys'),
    async batchKey(batchId) {
      return (
        await rows<Row<'batch_keys'>>('select * from batch_keys where batch_id = $1', [batchId])
      )[0]
    },
    dailyVerdicts: (day) => rows('select * from daily_verdicts where day = $1', [day]),
    async newestBatch() {
      return (await rows<{ id: number }>('select coalesce(max(id), 0) as id from batches'))[0]!.id
    },
    run: (statement) => rows(statement.sql, statement.parameters),
    sourceRows: () => rows('select * from sources order by id'),
    async sessions(keys) {
      const found = await rows<Row<'sessions'>>(
        'select * from sessions where session_key = any($1::bigint[])',
        [listOf(keys)],
      )
      return new Map(found.map((row) => [row.session_key, row]))
    },
    async sessionValues(keys) {
      const found = await rows<Row<'session_values'>>(
        'select * from session_values where session_key = any($1::bigint[]) order by session_key, value_id, day',
        [listOf(keys)],
      )
      const byKey = new Map<SessionKey, Row<'session_values'>[]>()
      for (const row of found) {
        const list = byKey.get(row.session_key)
        if (list === undefined) byKey.set(row.session_key, [row])
        else list.push(row)
      }
      return byKey
    },
    dailyValues: (day) =>
      pages('select * from daily_values where kind between 1 and 10 and day = $1', [day]),
    dailyEvents: (day) => rows('select * from daily_events where day = $1', [day]),
    drift: () => rows('select * from schema_drift'),
    values: () => pages('select * from "values" order by id'),
    async valueIds(values) {
      if (values.length === 0) return []
      const found = await rows<{ n: number; id: number }>(
        `select g.n as n, v.id as id
           from (select substring($1::bytea from n * 16 + 1 for 16) as digest, get_byte($2::bytea, n)::bigint as kind, n
                   from generate_series(0, length($2::bytea) - 1) as n) as g
           join "values" as v on v.digest = g.digest and v.kind = g.kind`,
        [
          Buffer.concat(values.map((one) => one.digest)),
          Buffer.from(values.map((one) => one.kind)),
        ],
      )
      const ids: (number | undefined)[] = values.map(() => undefined)
      for (const { n, id } of found) ids[n] = id
      return ids
    },
    sensorNames: async () => namesOf(await rows('select id, name from sensors')),
    kindNames: async () => namesOf(await rows('select id, name from event_kinds')),
    schemaVersions: () => rows('select * from schema_versions order by version, file'),
    journal: () => pages('select * from audit_log order by seq'),
    decisions: () => rows('select * from decisions order by id'),
    signingKeys: () => rows('select * from signing_keys'),
    checkpoints: () => pages('select * from checkpoints order by seq'),
    migrations: () => rows('select * from migrations order by id'),
    sourceHeads: headsUpTo,
    async sourcesRootUpTo(batchId) {
      const heads = await headsUpTo(batchId)
      return {
        ...sealing.sourcesRoot(heads),
        batches: heads.reduce((sum, head) => sum + head.batches, 0),
      }
    },
    async blocksBetween(sourceId, from, to) {
      // Two steps: where the tables are spread, blocks lie elsewhere than batches.
      const batches = await rows<{ id: number }>(
        `select id from batches where source_id = $1 and end_offset > $2 and start_offset < $3
           and seq not in (select supersedes from batches as later where later.source_id = $1)`,
        [sourceId, from, to],
      )
      return rows(
        'select * from blocks where batch_id = any($1::bigint[]) and end_offset > $2 and start_offset < $3 order by start_offset',
        [`{${batches.map((row) => row.id).join(',')}}`, from, to],
      )
    },
    oddCells: async () => [...(await oddNumbers(rows)), ...(await oddNames(rows))],
    async withheldByBatch() {
      const found = await rows<{ batch_id: number; n: number }>(
        `select batch_id, count(*) as n from (select batch_id from held_events
           union all select batch_id from raw_events where (flags & 2048) <> 0) as withheld group by batch_id`,
      )
      return new Map(found.map((row) => [row.batch_id, row.n]))
    },
    async countOf(table) {
      return (await rows<{ n: number }>(`select count(*) as n from ${table}`))[0]!.n
    },
    async snapshot(work) {
      const client = await connections.pool.connect()
      let isDone = false
      try {
        // What others commit meanwhile is not seen, and nobody is kept from writing.
        await client.query('begin isolation level repeatable read read only')
        // Cursors are read to their end, and a few batches are sorted at once.
        await client.query('set local cursor_tuple_fraction = 1')
        await client.query("set local work_mem = '64MB'")
        snapshot = client
        const result = await work()
        await client.query('commit')
        isDone = true
        return result
      } finally {
        snapshot = undefined
        client.release(!isDone)
      }
    },
  }
}

/** Smaller than any number of a batch. */
const MIN_ID = -9_007_199_254_740_991

type Rows = <T>(text: string, values?: readonly unknown[]) => Promise<T[]>

/** Orders of keys by their numbers; those at hand are bounded. */
class KeyOrders {
  readonly #orders = new Map<number, KeyOrder | undefined>()

  async learn(page: readonly EventRow[], rows: Rows): Promise<void> {
    const missing = new Set<number>()
    for (const row of page) if (!this.#orders.has(row[8])) missing.add(row[8])
    if (missing.size === 0) return
    if (this.#orders.size > ORDERS_MAX) {
      this.#orders.clear()
      for (const row of page) missing.add(row[8])
    }
    const found = await rows<{ id: number; keys: string }>(
      'select id, keys from key_orders where id = any($1::bigint[])',
      [`{${[...missing].join(',')}}`],
    )
    for (const id of missing) this.#orders.set(id, undefined)
    for (const { id, keys } of found) this.#orders.set(id, parseOrder(keys))
  }

  /** The sealed text of a payload; empty, which fits no seal, where object and order do not belong together. */
  restore(id: number, payload: string): Uint8Array {
    const order = this.#orders.get(id)
    if (order === undefined) return NOTHING
    if (MAYBE_ODD_NUMBER.test(payload) && hasOddNumber(payload)) return NOTHING
    const text = printInOrder(parseJson(payload), order)
    return text === undefined ? NOTHING : Buffer.from(text)
  }
}

/** Only a number of more digits than a double has, or with a zero at its end, may be another one to the server. */
const MAYBE_ODD_NUMBER = /[\d.]{17}|[ [-]\d+\.\d*0[,\]}]/
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.]*/g

/** Whether a number in JSONB's text is not spelled as that of a double is: JavaScript would read over the difference. */
function hasOddNumber(payload: string): boolean {
  for (const [token] of payload.matchAll(STRING_OR_NUMBER))
    if (token[0] !== '"' && token !== plainDecimal(Number(token))) return true
  return false
}

/** A number as the server prints it: all digits, without an exponent. */
function plainDecimal(number: number): string {
  const [digits, exponent] = String(number).split('e')
  if (exponent === undefined) return digits!
  const sign = digits!.startsWith('-') ? '-' : ''
  const [whole, fraction = ''] = digits!.replace('-', '').split('.')
  const power = Number(exponent)
  return power > 0
    ? `${sign}${whole}${fraction.padEnd(power, '0')}`
    : `${sign}0.${'0'.repeat(-power - 1)}${whole}${fraction}`
}

const ORDERS_MAX = 10_000
const NOTHING = new Uint8Array(0)

function parseOrder(keys: string): KeyOrder | undefined {
  try {
    const order: unknown = JSON.parse(keys)
    return Array.isArray(order) ? (order as KeyOrder) : undefined // what does not fit an object prints nothing
  } catch {
    return undefined
  }
}

function namesOf(rows: readonly { readonly id: number; readonly name: string }[]) {
  return new Map(rows.map((row) => [row.id, row.name]))
}

/** Integers that a JavaScript number cannot hold; the program never writes one but as a session key. */
async function oddNumbers(rows: Rows): Promise<string[]> {
  const found: string[] = []
  for (const [table, columns] of Object.entries(POSTGRES_TABLES)) {
    const integers = Object.entries(columns)
      .filter(
        ([name, column]) =>
          column.type === 'integer' && (table !== 'raw_events' || name === 'event_time_us'),
      )
      .map(([name]) => `"${name}"`)
    if (integers.length === 0) continue
    const isBeyond = integers
      .map(
        (name) => `(${name} not between -9007199254740991 and 9007199254740991 and (
           ${name} not between -9223372036854774784 and 9223372036854774784 or ${name}::float8::bigint <> ${name}))`,
      )
      .join(' or ')
    const [row] = await rows<{ n: number }>(
      `select count(*) as n from "${table}" where ${isBeyond}`,
    )
    if (row!.n > 0) found.push(`${table}: ${row!.n} rows hold a number that was never written`)
  }
  return found
}

/** The dictionaries of this engine: orders of keys and names of sessions. */
async function oddNames(rows: Rows): Promise<string[]> {
  const found: string[] = []
  const check = (what: string, digest: Buffer, expected: Buffer): void => {
    if (!digest.equals(expected)) found.push(`${what}: digest is not that of its text`)
  }
  type Named = { readonly id: number; readonly digest: Buffer; readonly text: string }
  for (const [table, column] of [
    ['sensors', 'name'],
    ['event_kinds', 'name'],
    ['key_orders', 'keys'],
    ['session_names', 'session'],
  ]) {
    for (const row of await rows<Named>(
      `select id, digest, ${column} as text from ${table} order by id`,
    ))
      check(`${table} ${row.id}`, row.digest, textDigest(row.text))
  }
  for (const row of await rows<Row<'schema_drift'> & { readonly digest: Buffer }>(
    'select * from schema_drift',
  ))
    check(`schema_drift ${row.eventid} ${row.field}`, row.digest, driftDigest(row))
  // Every odd name stands for the session whose key is the negative of its number.
  const odd = [
    ...(await rows<{ id: number }>(
      `select session_names.id as id from session_names join sessions on sessions.session_key = -session_names.id
        where sessions.session <> session_names.session or sessions.sensor_id <> session_names.sensor_id`,
    )),
    ...(await rows<{ id: number }>(
      `select session_names.id as id from session_names join held_sessions on held_sessions.session_key = -session_names.id
        where held_sessions.session <> session_names.session or held_sessions.sensor_id <> session_names.sensor_id`,
    )),
    ...(await rows<{ id: number }>(
      `select -held_sessions.session_key as id from held_sessions left join session_names on session_names.id = -held_sessions.session_key
        where held_sessions.session_key < 0 and session_names.id is null`,
    )),
    ...(await rows<{ id: number }>(
      `select -sessions.session_key as id from sessions left join session_names on session_names.id = -sessions.session_key
        where sessions.session_key < 0 and session_names.id is null`,
    )),
  ]
  for (const { id } of odd) found.push(`session_names ${id}: is not the session that it stands for`)
  return found
}
