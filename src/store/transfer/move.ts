/**
 * Moves a store into another one, of the other engine or the same: by key, resumable after a kill, and compared at the
 * end. Seals travel as they are: they name sensors, sessions and event ids by text, so new numbers do not break them.
 */
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { toHex } from '../../core/bytes.ts'
import { StoreError } from '../../core/errors.ts'
import { takeTurn } from '../../core/turn.ts'
import type { Store } from '../port.ts'
import { findSessions } from '../repo/sessions.ts'
import { fingerprint } from '../repo/stats.ts'
import { type Row, type SessionKey, TABLES } from '../schema.ts'
import type { EventCells, VerifyReads } from '../verify-port.ts'
import type {
  MovedEvent,
  MovedRow,
  MoveTarget,
  Prepared,
  Progress,
  SessionName,
} from './move-port.ts'

/** A table, the columns of its key, and whether rows that are there may change later. */
type TablePlan = {
  readonly table: keyof typeof TABLES
  readonly key: readonly string[]
  readonly changes: boolean
}

/** In the order in which rows refer to each other. */
const PLAIN_FIRST: readonly TablePlan[] = [
  { table: 'sensors', key: ['id'], changes: false },
  { table: 'event_kinds', key: ['id'], changes: false },
  { table: 'schema_versions', key: ['version', 'file'], changes: false },
  { table: 'values', key: ['id'], changes: false },
  { table: 'verdicts', key: ['id'], changes: false },
  { table: 'sources', key: ['id'], changes: true },
  { table: 'batches', key: ['id'], changes: false },
  { table: 'blocks', key: ['batch_id', 'n'], changes: false },
  { table: 'batch_days', key: ['batch_id', 'day'], changes: false },
  { table: 'batch_keys', key: ['batch_id'], changes: false },
]
const PLAIN_LAST: readonly TablePlan[] = [
  { table: 'source_files', key: ['path', 'sensor_override'], changes: true },
  { table: 'dead_letters', key: ['id'], changes: true },
  { table: 'daily_values', key: ['kind', 'day', 'value_id', 'sensor_id'], changes: true },
  { table: 'daily_events', key: ['day', 'sensor_id', 'kind_id'], changes: true },
  { table: 'daily_verdicts', key: ['day', 'sensor_id', 'verdict_id'], changes: true },
  { table: 'schema_drift', key: ['what', 'eventid', 'field'], changes: true },
  { table: 'rule_sets', key: ['version', 'rule_id'], changes: true },
  { table: 'followed_paths', key: ['path', 'sensor_override'], changes: true },
  { table: 'metrics', key: ['name'], changes: true },
  { table: 'geo_databases', key: ['set_id', 'position'], changes: true },
  { table: 'address_places', key: ['value_id'], changes: true },
  { table: 'artifacts', key: ['path'], changes: true },
  { table: 'alerts', key: ['id'], changes: true },
  { table: 'alert_marks', key: ['name'], changes: true },
  { table: 'alert_channels', key: ['channel'], changes: true },
  { table: 'activity_hours', key: ['sensor_id', 'hour', 'metric'], changes: true },
  { table: 'anomalies', key: ['id'], changes: true },
  { table: 'detectors', key: ['detector', 'sensor_id'], changes: true },
  // A move ends with an entry of its own, which makes room for those that came after it began.
  { table: 'signing_keys', key: ['key_id'], changes: true },
  { table: 'recipient_keys', key: ['key_id'], changes: true },
  { table: 'verdict_runs', key: ['seq'], changes: true },
  { table: 'modes', key: ['name'], changes: true },
  { table: 'legal_holds', key: ['id'], changes: true },
  { table: 'audit_log', key: ['seq'], changes: true },
  { table: 'decisions', key: ['id'], changes: true },
  { table: 'checkpoints', key: ['seq'], changes: false },
]
/** Tables of whose rows an earlier state may have been moved, in an order in which they can be emptied. */
const CHANGING = [
  'session_values',
  'held_events',
  'held_sessions',
  'sessions',
  ...[...PLAIN_LAST, ...PLAIN_FIRST].filter((one) => one.changes).map((one) => one.table),
]

/** All of them, in such an order. */
const ALL = [
  'session_values',
  'held_events',
  'held_sessions',
  'raw_events',
  'sessions',
  ...PLAIN_LAST.map((one) => one.table),
  ...PLAIN_FIRST.map((one) => one.table).reverse(),
]

/** Rows moved in one transaction. */
const PAGE_ROWS = 5_000
const PAGE_BYTES = 16 * 1024 * 1024

export type MoveOptions = {
  readonly from: Store
  readonly to: Store
  readonly command: string
  readonly signal: AbortSignal
  readonly progress: (what: string, rows: number) => void
  /** Verifies the filled store seal by seal. @returns problems, the first few */
  readonly verify: (reads: VerifyReads) => Promise<readonly string[]>
}

export type MoveReport = {
  /** `moved`: an earlier call did it, this one compared. */
  readonly state: Prepared['state']
  readonly rows: Readonly<Record<string, number>>
  readonly fingerprint: string
  /** What differs; empty when the move is done. */
  readonly problems: readonly string[]
}

/**
 * Copies everything from one store to the other, then compares the two.
 *
 * The origin is read in one unchanging state and is not changed. After a kill the same call goes on where it stopped;
 * where the origin has got new batches meanwhile, tables whose rows change are copied again.
 *
 * @throws StoreError `STORE_MOVE_FAILED` when the target holds something else
 */
export async function moveStore(options: MoveOptions): Promise<MoveReport> {
  const { from, to } = options
  const target = to.moveTarget()
  const reads = from.reads()
  const moved: Record<string, number> = {}
  const prepared = await target.prepare(await originOf(reads))
  let theirs: Figures | undefined
  let state = ''
  if (prepared.state !== 'moved') {
    await reads.snapshot(async () => {
      state = await stateOf(reads)
      const reviewed = await reviewedOf(reads)
      const progress = new Map(prepared.state === 'begun' ? prepared.progress : [])
      const isResumed = progress.size > 0
      if (isResumed && progress.get('state')?.after !== state) {
        // Where numbers come late, or sessions are numbered anew, rows that were moved cannot stay.
        // Neither can they where reviewers released events, or verdicts were made again.
        const mayStay =
          !target.renumbersSessions &&
          (await reads.gaplessAfter()) !== Number.POSITIVE_INFINITY &&
          progress.get('reviewed')?.after === reviewed
        const cleared = mayStay ? CHANGING : ALL
        await target.clear(cleared)
        for (const table of cleared) progress.delete(table)
        if (!mayStay) {
          progress.delete(RELEASED)
          // The table was emptied with the others; its progress is kept under a name of its own.
          await target.put(RELEASED, [], { after: '', isDone: false })
        }
        // What only grows goes on behind what is there.
        for (const [table, one] of progress) progress.set(table, { ...one, isDone: false })
      }
      await target.put('state', [], { after: state, isDone: false })
      await target.put('reviewed', [], { after: reviewed, isDone: false })
      const mover = new Mover(options, target, reads, progress, moved)
      for (const plan of PLAIN_FIRST) await mover.plain(plan)
      await mover.sessions()
      await mover.sessionValues()
      await mover.heldSessions()
      await mover.events()
      await mover.withheld()
      for (const plan of PLAIN_LAST) await mover.plain(plan)
      options.signal.throwIfAborted()
      await target.finish((what) => options.progress(what, 0))
      // Of the state that was moved: loads of the origin go on.
      theirs = await figuresOf(reads, await reads.newestBatch())
    })
    const ours = to.reads()
    if ((await lastAction(ours)) !== MOVED) {
      await to.journal({
        actor: options.command,
        action: MOVED,
        subject: 'store',
        reason: 'the store was moved here from another one',
        detail: { origin: from.engine, upToBatch: await ours.newestBatch() },
      })
    }
  }
  const now = from.reads()
  const hasGrown = theirs !== undefined && (await stateOf(now)) !== state
  theirs ??= await figuresOf(now, await now.newestBatch())
  const problems = await compare(options, target, theirs, hasGrown)
  if (problems.length === 0 && prepared.state !== 'moved') await target.seal()
  return {
    state: prepared.state,
    rows: moved,
    fingerprint: await fingerprint(to.fingerprintRows()),
    problems,
  }
}

class Mover {
  readonly #options: MoveOptions
  readonly #target: MoveTarget
  readonly #reads: VerifyReads
  readonly #progress: Map<string, Progress>
  readonly #moved: Record<string, number>
  readonly #names = new Map<SessionKey, SessionName>()

  constructor(
    options: MoveOptions,
    target: MoveTarget,
    reads: VerifyReads,
    progress: Map<string, Progress>,
    moved: Record<string, number>,
  ) {
    this.#options = options
    this.#target = target
    this.#reads = reads
    this.#progress = progress
    this.#moved = moved
  }

  async plain(plan: TablePlan): Promise<void> {
    // What an engine adds for itself stays behind.
    const columns = Object.keys(TABLES[plan.table])
    const list = columns.map((column) => `"${column}"`).join(', ')
    await this.#pages(plan.table, plan.key, list, plan.table, async (rows, progress) => {
      await this.#target.put(plan.table, rows, progress)
    })
  }

  async sessions(): Promise<void> {
    await this.#pages('sessions', ['session_key'], '*', 'sessions', async (rows, progress) => {
      await this.#target.putForSessions(
        'sessions',
        rows.map(({ session_key: _, ...cells }) => ({ name: nameOf(cells), cells })),
        progress,
      )
    })
  }

  async sessionValues(): Promise<void> {
    const columns =
      'session_values.session_key, value_id, day, count, sessions.sensor_id as sensor_id, sessions.session as session'
    const tables =
      'session_values left join sessions on sessions.session_key = session_values.session_key'
    const key = ['session_values.session_key', 'value_id', 'day']
    await this.#pages('session_values', key, columns, tables, async (rows, progress) => {
      await this.#target.putForSessions(
        'session_values',
        rows.map(({ session_key: _, sensor_id: __, session: ___, ...cells }, i) => ({
          name: nameOf(rows[i]!),
          cells,
        })),
        progress,
      )
    })
  }

  async events(): Promise<void> {
    const known = this.#progress.get('raw_events')
    if (known?.isDone === true) return
    const after = known === undefined || known.after === '' ? undefined : Number(known.after)
    let waiting: EventCells[] = []
    let bytes = 0
    const flush = async (upTo: number): Promise<void> => {
      const events = await this.#named(waiting)
      waiting = []
      bytes = 0
      const progress = { after: String(upTo), isDone: false }
      await this.#target.putEvents('raw_events', events, progress, 'raw_events')
      this.#told('raw_events', events.length)
    }
    // Whole batches: a page that ends within one would be read again from its start.
    let batch = after
    for await (const page of this.#reads.eventsByBatch(after)) {
      this.#options.signal.throwIfAborted()
      for (const cells of page) {
        if (cells[0] !== batch) {
          if (waiting.length >= PAGE_ROWS || bytes >= PAGE_BYTES) await flush(batch ?? 0)
          batch = cells[0]
        }
        waiting.push(cells)
        bytes += cells[8].length
      }
    }
    if (waiting.length > 0) await flush(batch ?? 0)
    const progress = { after: String(batch ?? ''), isDone: true }
    await this.#target.putEvents('raw_events', [], progress, 'raw_events')
  }

  async heldSessions(): Promise<void> {
    if (this.#progress.get('held_sessions')?.isDone === true) return
    const rows = await this.#reads.heldSessions()
    await this.#target.putForSessions(
      'held_sessions',
      rows.map(({ session_key: _, ...cells }) => ({ name: nameOf(cells), cells })),
      { after: '', isDone: true },
    )
    this.#told('held_sessions', rows.length)
  }

  /** What waits for a person, and what was released: few, and behind each other in the tables whatever their batch. */
  async withheld(): Promise<void> {
    await this.#byBatch('raw_events', RELEASED, this.#reads.releasedEvents(), (cells) => ({
      cells,
      state: undefined,
    }))
    await this.#byBatch('held_events', 'held_events', this.#reads.heldEvents(), (one) => one)
  }

  /** Pages that are ordered by batch, batch by batch, so that a move that broke off goes on behind the last one. */
  async #byBatch<T>(
    table: 'raw_events' | 'held_events',
    name: string,
    pages: AsyncIterable<readonly T[]>,
    take: (one: T) => { readonly cells: EventCells; readonly state: string | undefined },
  ): Promise<void> {
    const known = this.#progress.get(name)
    if (known?.isDone === true) return
    const after = known === undefined || known.after === '' ? 0 : Number(known.after)
    let waiting: { readonly cells: EventCells; readonly state: string | undefined }[] = []
    let batch = after
    const flush = async (isDone: boolean): Promise<void> => {
      const events = await this.#named(waiting.map((one) => one.cells))
      const rows = events.map((event, i) => {
        const { state } = waiting[i]!
        return state === undefined ? event : { ...event, state }
      })
      await this.#target.putEvents(table, rows, { after: String(batch), isDone }, name)
      this.#told(name, rows.length)
      waiting = []
    }
    for await (const page of pages) {
      this.#options.signal.throwIfAborted()
      for (const one of page) {
        const taken = take(one)
        if (taken.cells[0] <= after) continue
        if (taken.cells[0] !== batch) {
          if (waiting.length >= PAGE_ROWS) await flush(false)
          batch = taken.cells[0]
        }
        waiting.push(taken)
      }
    }
    await flush(true)
  }

  async #named(page: readonly EventCells[]): Promise<MovedEvent[]> {
    const unknown = [...new Set(page.map((cells) => cells[3]))].filter(
      (key) => !this.#names.has(key),
    )
    if (this.#names.size > 100_000) this.#names.clear()
    const wanted = this.#names.size === 0 ? [...new Set(page.map((cells) => cells[3]))] : unknown
    for (const [key, row] of await this.#reads.sessions(wanted))
      this.#names.set(key, { sensorId: row.sensor_id, session: row.session })
    if (wanted.some((key) => !this.#names.has(key))) {
      for (const row of await this.#reads.heldSessions())
        this.#names.set(row.session_key, { sensorId: row.sensor_id, session: row.session })
    }
    return page.map(
      ([batchId, recordNo, eventTimeUs, key, kindId, flags, digest, notes, payload, verdictId]) => {
        const name = this.#names.get(key)
        if (name === undefined) {
          throw new StoreError(
            'STORE_MOVE_FAILED',
            `raw_events batch ${batchId} record ${recordNo} names a session that is not there.`,
            { hint: 'The store that is moved is damaged: run "nacre verify" on it first.' },
          )
        }
        return {
          ...name,
          batchId,
          recordNo,
          eventTimeUs,
          kindId,
          flags,
          digest,
          notes,
          payload,
          verdictId,
        }
      },
    )
  }

  /** Rows in the order of their key, from behind where an earlier move came. */
  async #pages(
    table: string,
    key: readonly string[],
    columns: string,
    tables: string,
    put: (rows: readonly MovedRow[], progress: Progress) => Promise<void>,
  ): Promise<void> {
    const known = this.#progress.get(table)
    if (known?.isDone === true) return
    const from = tables === table ? `"${table}"` : tables
    let after: readonly unknown[] | undefined =
      known === undefined || known.after === '' ? undefined : JSON.parse(known.after)
    for (;;) {
      await takeTurn()
      this.#options.signal.throwIfAborted()
      const order = sql.raw(key.join(', '))
      const select = sql.raw(`select ${columns} from ${from}`)
      const limit = sql.raw(`limit ${table === 'blocks' ? 200 : PAGE_ROWS}`)
      const statement =
        after === undefined
          ? sql`${select} order by ${order} ${limit}`
          : sql`${select} where (${order}) > (${sql.join(after)}) order by ${order} ${limit}`
      const rows = await this.#reads.run<MovedRow>(statement.compile(this.#options.from.query))
      const last = rows.at(-1)
      if (last !== undefined)
        after = key.map((column) => last[column.slice(column.lastIndexOf('.') + 1)])
      const progress = {
        after: after === undefined ? '' : JSON.stringify(after),
        isDone: last === undefined,
      }
      await put(rows, progress)
      this.#told(table, rows.length)
      if (last === undefined) return
    }
  }

  #told(table: string, rows: number): void {
    this.#moved[table] = (this.#moved[table] ?? 0) + rows
    this.#options.progress(table, this.#moved[table])
  }
}

function nameOf(row: MovedRow): SessionName {
  if (typeof row['sensor_id'] !== 'number' || typeof row['session'] !== 'string') {
    throw new StoreError('STORE_MOVE_FAILED', 'Rows name a session that is not there.', {
      hint: 'The store that is moved is damaged: run "nacre verify" on it first.',
    })
  }
  return { sensorId: row['sensor_id'], session: row['session'] }
}

/** Under which name the progress of released events is kept: they stand in the table of the others. */
const RELEASED = 'released_events'

/** Changes when events are released or get other verdicts: rows that were moved are then no longer those of the origin. */
async function reviewedOf(reads: VerifyReads): Promise<string> {
  const runs = await reads.verdictRuns()
  const released = [...(await reads.withheldByBatch())]
  const decisions = await reads.decisions()
  return JSON.stringify([runs.at(-1)?.seq ?? 0, released.length, decisions.at(-1)?.id ?? 0])
}

/** Verification reads it: numbers of batches that came with a move may have gaps. */
const MOVED = 'store.moved'

async function lastAction(reads: VerifyReads): Promise<string | undefined> {
  let action: string | undefined
  for await (const page of reads.journal()) action = page.at(-1)!.action
  return action
}

/** What names a store for ever: the first entry of its journal. */
async function originOf(reads: VerifyReads): Promise<string> {
  for await (const page of reads.journal()) return toHex(page[0]!.digest)
  return 'a store without a journal'
}

/** Changes with every commit of a load and every entry of the journal. */
async function stateOf(reads: VerifyReads): Promise<string> {
  const hash = createHash('sha256')
  for (const row of await reads.sourceRows())
    hash.update(`${row.id} ${row.committed_offset} ${row.last_seen_us} ${toHex(row.last_digest)}\n`)
  for await (const page of reads.journal()) for (const entry of page) hash.update(entry.digest)
  return hash.digest('hex')
}

/** What two stores have in common when they hold the same. */
type Figures = {
  readonly counts: ReadonlyMap<string, number>
  readonly upToBatch: number
  readonly root: string
  /** Digests of the journal's entries by number. */
  readonly journal: ReadonlyMap<number, string>
  readonly values: string
}

async function figuresOf(reads: VerifyReads, upToBatch: number): Promise<Figures> {
  const counts = new Map<string, number>()
  for (const table of COUNTED) counts.set(table, await reads.countOf(table))
  const journal = new Map<number, string>()
  for await (const page of reads.journal())
    for (const row of page) journal.set(row.seq, toHex(row.digest))
  const { root } = await reads.sourcesRootUpTo(upToBatch)
  return { counts, upToBatch, root: toHex(root), journal, values: await valuesDigest(reads) }
}

/**
 * Everything by which two stores can be told apart; empty when they are the same.
 *
 * @param hasGrown - the origin has got more since: its events and sessions of now cannot be compared, those that were
 *   moved are proven by the seals, which are compared, and by the verification
 */
async function compare(
  options: MoveOptions,
  target: MoveTarget,
  theirs: Figures,
  hasGrown: boolean,
): Promise<string[]> {
  const { from, to, progress } = options
  const reads = to.reads()
  const problems: string[] = []
  const differ = (what: string, there: unknown, here: unknown): void => {
    if (there !== here) problems.push(`${what}: ${String(there)} there, ${String(here)} here`)
  }
  if (!hasGrown) {
    progress('comparing fingerprints and sessions', 0)
    differ(
      'fingerprint',
      await fingerprint(from.fingerprintRows()),
      await fingerprint(to.fingerprintRows()),
    )
    differ('sessions', await sessionsDigest(from), await sessionsDigest(to))
  }
  progress('comparing rows, seals and journal', 0)
  const ours = await figuresOf(reads, theirs.upToBatch)
  for (const [table, count] of theirs.counts)
    differ(`rows of ${table}`, count, ours.counts.get(table))
  differ('seals of the sources', theirs.root, ours.root)
  differ('values', theirs.values, ours.values)
  // The entry of the move itself comes behind those of the origin.
  for (const [seq, digest] of theirs.journal)
    differ(`journal entry ${seq}`, digest, ours.journal.get(seq))
  for (const { name, next, max } of await target.counters()) {
    if (next <= max) problems.push(`${name} would give ${next} next, but ${max} is in use`)
  }
  problems.push(...(await options.verify(reads)))
  return problems
}

const COUNTED = [
  'sessions',
  'session_values',
  'daily_values',
  'daily_events',
  'daily_verdicts',
  'batch_keys',
  'blocks',
  'batch_days',
  'dead_letters',
  'raw_events',
] as const

async function sessionsDigest(store: Store): Promise<string> {
  const hash = createHash('sha256')
  for await (const { sessionKey: _, ...one } of findSessions(store.query, {})) {
    // Addresses may be looked up at any time: where they are said to be is no fact of the session.
    hash.update(JSON.stringify({ ...one, country: null, asn: null, organisation: null }))
  }
  return hash.digest('hex')
}

async function valuesDigest(reads: VerifyReads): Promise<string> {
  let sum = 0n
  const modulus = 1n << 128n
  // A sum, so that the order of the rows does not matter.
  for await (const page of reads.values()) {
    for (const row of page as readonly Row<'values'>[]) {
      const text = `${row.id} ${row.kind} ${row.value}`
      sum += BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 32)}`)
    }
  }
  return (sum % modulus).toString(16)
}
