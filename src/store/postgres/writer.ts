import { StoreError } from '../../core/errors.ts'
import type { InstantUs } from '../../core/instant.ts'
import { type PlainObject, parseJson } from '../../core/json.ts'
import type { PackedBatch } from '../../core/packed.ts'
import type { Checkpoint, SigningKey, SourceHead } from '../../core/seal-types.ts'
import { emptySummary } from '../../core/session-summary.ts'
import { LIMITS } from '../../limits.ts'
import {
  advance,
  type CheckpointRow,
  EMPTY_SHA256,
  NO_DIGEST,
  nextCheckpoint,
  type SealedHeader,
  type SourceCursor,
  sealBatch,
  supersededEnd,
} from '../batch-seal.ts'
import { deadLetterSuperseded, type JournalDraft, summariesRebuilt } from '../journal.ts'
import type {
  BatchWriter,
  Fates,
  FileRecord,
  HeldSelection,
  LineageProof,
  SourceUpdate,
  SummaryWriter,
  WriterVersions,
} from '../port.ts'
import type { Row, SessionKey } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import { EMPTY_SESSIONS } from '../session-rows.ts'
import { Dictionaries, type Dictionary, type SessionState, Summing } from '../summing.ts'
import { decidedElsewhere, REBUILT_TABLES, withholdAll } from '../verdicts.ts'
import { type Client, type Connections, isUniqueViolation, RunAgain } from './connection.ts'
import { CopyRows } from './copy.ts'
import { appendJournal } from './journal.ts'
import { stillOwned } from './leases.ts'
import { lock } from './locks.ts'
import { addMonths, monthsOf, SEQUENTIAL } from './months.ts'
import { Names, numberValues, type PendingValue } from './names.ts'
import { EVENT_COLUMNS, type EventToStore, hasWithheld, insertEvents } from './raw-events.ts'
import { forgetHeldSessions, isEmergency, saveRules } from './review.ts'
import { flushSummaries, insertSessions, sessionsForUpdate } from './summaries.ts'

export type WriterContext = {
  readonly connections: Connections
  /** Of the leases of this process. */
  readonly owner: string
  readonly isDistributed: boolean
  readonly sealing: Sealing
  readonly clock: () => InstantUs
  readonly command: string
  readonly versions: WriterVersions
}

/** A batch that waits for the commit. */
type WaitingBatch = {
  readonly sourceId: number
  readonly batch: PackedBatch
  readonly proof: LineageProof
  readonly dictionary: Dictionary
}

type NewSource = {
  readonly id: number
  readonly uid: Uint8Array
  readonly sensorOverride: string
  readonly update: SourceUpdate
  readonly claims: readonly string[]
}

/**
 * Writes batches into PostgreSQL.
 *
 * Batches are kept until `commit`, which does all of a transaction in one go: it is short, and it can be done again
 * whole when the server breaks off, so that a restart of the server in mid-load is survived. Several writers work at
 * once; `docs/operations/concurrency.md` says in which order locks are taken.
 */
export class PostgresWriter implements BatchWriter, SummaryWriter {
  readonly needs = { keyOrder: true }
  readonly #context: WriterContext
  readonly #names = new Names()
  readonly #dictionaries = new Dictionaries()
  #pendingValues: PendingValue[] = []
  #batches: WaitingBatch[] = []
  #newSources: NewSource[] = []
  readonly #sourceUpdates = new Map<number, SourceUpdate>()
  readonly #files = new Map<string, FileRecord>()
  #hasSchemas = false
  /** Rule sets whose rules this writer has seen in the database. */
  readonly #ruleSets = new Set<string>()

  constructor(context: WriterContext) {
    this.#context = context
  }

  async begin(): Promise<void> {}

  async addSource(source: {
    readonly uid: Uint8Array
    readonly sensorOverride: string
    readonly update: SourceUpdate
    readonly claims: readonly string[]
  }): Promise<number> {
    const { connections } = this.#context
    const { rows } = await connections.retry(() =>
      connections.pool.query<{ id: number }>(`select nextval('sources_ids') as id`),
    )
    const { id } = rows[0]!
    this.#newSources.push({ id, ...source })
    return id
  }

  async write(
    sourceId: number,
    readerId: number,
    batch: PackedBatch,
    proof: LineageProof,
  ): Promise<void> {
    const dictionary = this.#takeValues(readerId, batch)
    this.#batches.push({ sourceId, batch, proof, dictionary })
  }

  async finishSource(sourceId: number, update: SourceUpdate): Promise<void> {
    this.#sourceUpdates.set(sourceId, update)
  }

  async saveFile(file: FileRecord): Promise<void> {
    this.#files.set(`${file.path}\n${file.sensorOverride}`, file)
  }

  async commit(): Promise<readonly Fates[]> {
    const { connections } = this.#context
    /** Tries of which it is not known whether they committed: the connection broke meanwhile. */
    const unsure: (readonly SealedHeader[])[] = []
    const fates = await connections.retry(() =>
      connections.withClient(async (client) => {
        const done = await this.#committed(client, unsure)
        if (done !== undefined) return done
        await this.#saveRules(client)
        await this.#learn(client)
        try {
          return await this.#store(client, unsure)
        } catch (error) {
          // Another loader began the same session, or stored the same events, since they were looked for.
          if (isUniqueViolation(error)) throw new RunAgain('', { cause: error })
          // The cursor may have been moved by an earlier try, which the server was still committing.
          if (!(error instanceof StoreError) || unsure.length === 0) throw error
          await client.query('rollback')
          const late = await this.#committed(client, unsure)
          if (late === undefined) throw error
          return late
        }
      }),
    )
    this.#forgetWaiting()
    this.#dictionaries.settle()
    return fates
  }

  async rollback(): Promise<void> {
    this.#forgetWaiting()
    this.#pendingValues = []
    this.#dictionaries.clear()
  }

  async settle(): Promise<void> {}

  async checkpoint(key: SigningKey): Promise<Checkpoint | undefined> {
    const { sealing, clock } = this.#context
    return this.#context.connections.transaction(async (client) => {
      // Published only when the disk has it; alone, so that no batch with a smaller number commits later.
      await client.query('set local synchronous_commit = on')
      await lock(client, 'load')
      await lock(client, 'journal')
      const { rows: lasts } = await client.query<CheckpointRow>(
        'select * from checkpoints order by seq desc limit 1',
      )
      const { rows: entries } = await client.query<{ seq: number; digest: Buffer }>(
        'select seq, digest from audit_log order by seq desc limit 1',
      )
      const { rows: newest } = await client.query<{ id: number }>(
        'select coalesce(max(id), 0) as id from batches',
      )
      const upToBatch = newest[0]!.id
      const made = await nextCheckpoint(
        sealing,
        lasts[0],
        entries[0],
        upToBatch,
        clock(),
        async () => sealing.sourcesRoot(await sourceHeads(client, upToBatch)),
      )
      if (made === undefined) return undefined
      await client.query(
        'insert into checkpoints (seq, made_at_us, up_to_batch, sources, tree_root, journal_seq, journal_head, previous_digest, key_id, signature) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
        [
          made.seq,
          made.madeAtUs,
          made.upToBatch,
          made.sources,
          made.treeRoot,
          made.journalSeq,
          made.journalHead,
          made.previousDigest,
          key.keyId,
          key.sign(sealing.checkpointMessage(made)),
        ],
      )
      return made
    })
  }

  async rebuildSummaries(batches: AsyncIterable<PackedBatch>, differences: number): Promise<void> {
    const { connections, sealing, clock, command } = this.#context
    await connections.withClient(async (client) => {
      await client.query('begin')
      await lock(client, 'load')
      for (const table of REBUILT_TABLES) await client.query(`delete from ${table}`)
      await client.query(EMPTY_SESSIONS)
      for await (const batch of batches) {
        const dictionary = this.#takeValues(REBUILD_READER, batch)
        const waiting = [{ sourceId: 0, batch, proof: NO_PROOF, dictionary }]
        await connections.withClient((own) => this.#learn(own, waiting))
        const { states, byBatch } = this.#states(waiting)
        await sessionsForUpdate(client, states, this.#context.isDistributed)
        // Rows that were emptied stand in the table with bounds that the first event moves.
        const summing = new Summing()
        summing.add(
          batch,
          byBatch[0]!,
          this.#kindIds(batch),
          dictionary,
          undefined,
          this.#verdictIds(batch),
        )
        await flushSummaries(client, summing, this.#dictionaries.kinds())
      }
      await client.query('delete from sessions where event_count = 0')
      await appendJournal(client, sealing, clock(), summariesRebuilt(differences, command))
      await client.query('commit')
    })
  }

  async releaseHeld(
    events: PackedBatch,
    selection: HeldSelection,
    draft: JournalDraft,
  ): Promise<void> {
    const { connections, sealing, clock, isDistributed } = this.#context
    // Each call brings a dictionary of its own.
    this.#dictionaries.clear()
    const dictionary = this.#takeValues(REBUILD_READER, events)
    const waiting = [{ sourceId: 0, batch: events, proof: NO_PROOF, dictionary }]
    try {
      await connections.retry(() =>
        connections.withClient(async (client) => {
          await this.#learn(client, waiting)
          await client.query('begin')
          if (isDistributed) await client.query(SEQUENTIAL)
          await lock(client, 'load', 'shared')
          await lock(client, 'hold')
          const { states, byBatch } = this.#states(waiting)
          await sessionsForUpdate(client, states, isDistributed)
          // As a load does: what settles a tie of facts must stand among the stored events.
          await copyHeld(client, selection)
          const summing = new Summing()
          summing.add(
            events,
            byBatch[0]!,
            this.#kindIds(events),
            dictionary,
            undefined,
            this.#verdictIds(events),
          )
          await this.#settleTies(client, summing)
          await insertSessions(client, summing)
          await flushSummaries(client, summing, this.#dictionaries.kinds())
          await appendJournal(client, sealing, clock(), draft, () => removeHeld(client, selection))
          await forgetHeldSessions(client)
          await client.query('commit')
        }),
      )
      this.#dictionaries.settle()
    } catch (error) {
      await this.rollback()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.rollback()
  }

  #forgetWaiting(): void {
    this.#batches = []
    this.#newSources = []
    this.#sourceUpdates.clear()
    this.#files.clear()
  }

  /** Makes room in the reader's dictionary for the new values of a batch; `#learn` numbers them. */
  #takeValues(readerId: number, batch: PackedBatch): Dictionary {
    const dictionary = this.#dictionaries.of(readerId, batch)
    batch.newValues.forEach((text, i) => {
      const kind = batch.newValueKinds[i]!
      const at = dictionary.kinds.push(kind) - 1
      dictionary.ids.push(0)
      this.#pendingValues.push({
        kind,
        text,
        set: (id) => {
          dictionary.ids[at] = id
        },
      })
    })
    return dictionary
  }

  /** Numbers for everything that the waiting batches name, each committed by itself. */
  async #learn(client: Client, waiting: readonly WaitingBatch[] = this.#batches): Promise<void> {
    const { versions } = this.#context
    if (!this.#hasSchemas) {
      await client.query(
        `insert into schema_versions (version, file, digest) select $1, file, digest
           from json_to_recordset($2::json) as given (file text, digest text)
         on conflict (version, file) do nothing`,
        [versions.schemaVersion, JSON.stringify(versions.schemaFiles)],
      )
      this.#hasSchemas = true
    }
    if (waiting.length === 0) return
    await this.#names.learnVerdicts(
      client,
      waiting.flatMap(({ batch }) => batch.verdicts),
    )
    await this.#names.learn(client, {
      sensors: waiting.flatMap(({ batch }) => batch.sensors),
      kinds: waiting.flatMap(({ batch }) => batch.kinds),
      keyOrders: waiting.flatMap(({ batch }) => batch.keyOrders),
    })
    await this.#names.learnSessions(
      client,
      waiting.flatMap(({ batch }) =>
        batch.sessions.map((session, i) => ({
          sensorId: this.#names.sensor(batch.sensors[batch.sessionSensorIx[i]!]!),
          session,
        })),
      ),
    )
    await numberValues(client, this.#pendingValues)
    this.#pendingValues = []
    await addMonths(
      client,
      waiting.flatMap(({ batch }) => monthsOf(batch.eventTimesUs)),
      this.#context.isDistributed,
    )
  }

  /** Keeps the rules that batches were scored by, so that their verdicts can be made again. */
  async #saveRules(client: Client): Promise<void> {
    const { rules } = this.#context.versions
    for (const { batch } of this.#batches) {
      const { ruleSet, rulesOff } = batch
      if (this.#ruleSets.has(ruleSet)) continue
      const kept = rules.filter(({ id }) => !rulesOff.includes(id))
      await saveRules(client, ruleSet, kept)
      this.#ruleSets.add(ruleSet)
    }
  }

  /**
   * One try of a transaction.
   *
   * @param unsure - is given the headers of the batches, in their order, before they are committed
   * @returns the fates of the batches
   */
  async #store(client: Client, unsure: (readonly SealedHeader[])[]): Promise<Fates[]> {
    const { sealing, clock, versions, command, isDistributed } = this.#context
    const sealed: SealedHeader[] = []
    await client.query('begin')
    await client.query(
      `set local idle_in_transaction_session_timeout = ${LIMITS.idleTransactionMs}`,
    )
    if (isDistributed) await client.query(SEQUENTIAL)
    await lock(client, 'load', 'shared')
    // The mode changes only while nobody loads.
    if (await isEmergency(client)) for (const { batch } of this.#batches) withholdAll(batch)
    const withholds = this.#batches.some(({ batch }) => hasWithheld(batch))
    await lock(client, 'hold', withholds ? 'alone' : 'shared')
    await this.#insertSources(client)
    const cursors = await this.#cursors(client)
    const batchIds = await nextIds(client, 'batches_ids', this.#batches.length)

    const { states, byBatch } = this.#states(this.#batches)
    await sessionsForUpdate(client, states, isDistributed)
    const toStore = this.#eventsToStore(byBatch, batchIds)
    const { outcomes, sendRest } = await insertEvents(client, toStore, withholds)
    const summing = new Summing()
    this.#batches.forEach(({ batch, dictionary }, n) => {
      const { sessions, kindIds, verdictIds } = toStore[n]!
      summing.add(batch, sessions, kindIds, dictionary, outcomes[n], verdictIds)
    })
    await this.#settleTies(client, summing)
    // New sessions first become rows, then get their events: whoever has the same ones waits there, and runs again.
    await insertSessions(client, summing)
    await sendRest()
    await flushSummaries(client, summing, this.#dictionaries.kinds())

    const superseded: { readonly batchId: number; readonly seq: number }[] = []
    const rows = new BatchRows()
    this.#batches.forEach(({ sourceId, batch, proof }, n) => {
      const cursor = cursors.get(sourceId)!
      const end = supersededEnd(cursor, batch.startOffset)
      if (end !== undefined) superseded.push({ batchId: cursor.lastBatchId, seq: end.seq })
      const header = sealBatch(sealing, versions, cursor, batch, proof, outcomes[n], clock())
      rows.add(batchIds[n]!, sourceId, batch, header, versions)
      advance(cursor, header, batch, batchIds[n]!)
      sealed.push(header)
    })
    await rows.send(client)
    await this.#moveCursors(client, cursors, sealed)
    await this.#updateSources(client)
    await this.#saveFiles(client)
    // Reviewers decide on dead letters under this lock.
    if (superseded.length > 0) await lock(client, 'journal')
    for (const { batchId, seq } of superseded) {
      const { rows: dead } = await client.query<Row<'dead_letters'>>(
        `select * from dead_letters where batch_id = $1 and state = 'new' order by id`,
        [batchId],
      )
      for (const row of dead)
        await appendJournal(client, sealing, clock(), deadLetterSuperseded(row, seq, command), () =>
          client.query(`update dead_letters set state = 'superseded' where id = $1`, [row.id]),
        )
    }
    unsure.push(sealed)
    await client.query('commit')
    return sealed.map((one) => one.fates)
  }

  /** The fates of the try that committed; undefined when none did. */
  async #committed(
    client: Client,
    unsure: readonly (readonly SealedHeader[])[],
  ): Promise<Fates[] | undefined> {
    const last = this.#batches.at(-1)
    if (last === undefined) return undefined
    for (const sealed of unsure) {
      const { rows } = await client.query(
        'select 1 from batches where source_id = $1 and digest = $2',
        [last.sourceId, sealed.at(-1)!.digest],
      )
      if (rows.length > 0) return sealed.map((one) => one.fates)
    }
    return undefined
  }

  /** Of an earlier try that the server was still committing, the rows are there already: it is waited for here. */
  async #insertSources(client: Client): Promise<void> {
    const now = this.#context.clock()
    const claims = this.#newSources.flatMap((source) => source.claims)
    if (claims.length > 0 && !(await stillOwned(client, this.#context.owner, claims))) {
      throw new StoreError(
        'STORE_BUSY',
        'This load stood still for so long that another loader took over files which it had begun.',
        { hint: 'Nothing is lost: run the same command again when the other one is done.' },
      )
    }
    for (const { id, uid, sensorOverride, update } of this.#newSources) {
      await client.query({
        name: 'source-insert',
        text: `insert into sources (id, uid, sensor_override, head_length, head_digest, tail_digest, committed_offset, records,
                 batches, last_digest, open_seq, state, pending_bytes, compression, path, first_seen_us, last_seen_us)
               values ($1, $2, $3, 0, $4, $4, 0, 0, 0, $5, 0, $6, $7, $8, $9, $10, $10)
               on conflict (id) do nothing`,
        values: [
          id,
          uid,
          sensorOverride,
          EMPTY_SHA256,
          NO_DIGEST,
          update.state,
          update.pendingBytes,
          update.compression,
          update.path,
          now,
        ],
      })
    }
  }

  /** Where the sources of the waiting batches stand, held until the end of the transaction. */
  async #cursors(client: Client): Promise<Map<number, SourceCursor>> {
    const cursors = new Map<number, SourceCursor>()
    const ids = [...new Set(this.#batches.map((one) => one.sourceId))]
    if (ids.length === 0) return cursors
    const { rows } = await client.query<Row<'sources'>>(
      'select * from sources where id = any($1::bigint[]) order by id for update',
      [`{${ids.join(',')}}`],
    )
    const { rows: lasts } = await client.query<
      Pick<Row<'batches'>, 'id' | 'source_id' | 'start_offset' | 'first_record'>
    >(
      `select batches.id, source_id, start_offset, first_record from batches join sources on sources.id = source_id and seq = sources.batches
        where source_id = any($1::bigint[])`,
      [`{${ids.join(',')}}`],
    )
    const lastOf = new Map(lasts.map((row) => [row.source_id, row]))
    for (const row of rows) {
      const last = lastOf.get(row.id)
      cursors.set(row.id, {
        uid: row.uid,
        sensorOverride: row.sensor_override,
        batches: row.batches,
        records: row.records,
        committedOffset: row.committed_offset,
        lastDigest: row.last_digest,
        open:
          row.open_seq > 0 && last !== undefined
            ? { seq: row.open_seq, startOffset: last.start_offset, firstRecord: last.first_record }
            : undefined,
        lastBatchId: last?.id ?? 0,
      })
    }
    return cursors
  }

  /** The sessions of batches, each once; and for each batch in the order of its list. */
  #states(waiting: readonly WaitingBatch[]): {
    readonly states: ReadonlyMap<SessionKey, SessionState>
    readonly byBatch: readonly (readonly SessionState[])[]
  } {
    const states = new Map<SessionKey, SessionState>()
    const byBatch = waiting.map(({ batch }) => {
      const sensorIds = batch.sensors.map((name) => this.#names.sensor(name))
      return batch.sessions.map((session, i) => {
        const sensorId = sensorIds[batch.sessionSensorIx[i]!]!
        const key = this.#names.session(sensorId, session)
        let state = states.get(key)
        if (state === undefined) {
          state = {
            key,
            sensorId,
            session,
            isStored: false,
            isDirty: false,
            summary: emptySummary(),
            touchedIx: 0,
          }
          states.set(key, state)
        }
        return state
      })
    })
    return { states, byBatch }
  }

  #kindIds(batch: PackedBatch): number[] {
    return batch.kinds.map((name) => this.#names.kind(name))
  }

  #eventsToStore(
    byBatch: readonly (readonly SessionState[])[],
    batchIds: readonly number[],
  ): EventToStore[] {
    return this.#batches.map(({ batch }, n) => ({
      batch,
      batchId: batchIds[n]!,
      sessions: byBatch[n]!,
      kindIds: this.#kindIds(batch),
      keyOrderIds: batch.keyOrders.map((keys) => this.#names.keyOrder(keys)),
      verdictIds: this.#verdictIds(batch),
    }))
  }

  #verdictIds(batch: PackedBatch): number[] {
    return batch.verdicts.map((verdict) => this.#names.verdict(verdict))
  }

  async #settleTies(client: Client, summing: Summing): Promise<void> {
    for (const tie of summing.ties()) {
      const { rows } = await client.query<{ digest: Buffer; name: string; payload: string }>(
        `select raw_events.digest as digest, event_kinds.name as name, payload from raw_events join event_kinds on event_kinds.id = kind_id
          where event_time_us = $1 and session_key = $2`,
        [tie.timeUs, tie.state.key],
      )
      const events = rows.map((row) => ({
        digest: row.digest,
        eventid: row.name,
        payload: parseJson(row.payload) as PlainObject, // a payload is an object by construction
      }))
      const ids = new Map<string, number>()
      const collect = (kind: number, text: string): number => {
        ids.set(`${kind} ${text}`, 0)
        return 0
      }
      summing.settle(tie, events, this.#context.sealing.factOf, collect)
      await numberValues(
        client,
        [...ids.keys()].map((name) => {
          const at = name.indexOf(' ')
          return {
            kind: Number(name.slice(0, at)),
            text: name.slice(at + 1),
            set: (id) => ids.set(name, id),
          }
        }),
      )
      summing.settle(
        tie,
        events,
        this.#context.sealing.factOf,
        (kind, text) => ids.get(`${kind} ${text}`)!,
      )
    }
  }

  async #moveCursors(
    client: Client,
    cursors: ReadonlyMap<number, SourceCursor>,
    sealed: readonly SealedHeader[],
  ): Promise<void> {
    const last = new Map<number, number>()
    this.#batches.forEach(({ sourceId }, n) => {
      last.set(sourceId, n)
    })
    for (const [sourceId, n] of [...last].sort(([a], [b]) => a - b)) {
      const cursor = cursors.get(sourceId)!
      await client.query({
        name: 'cursor-move',
        text: `update sources set head_length = $1, head_digest = $2, committed_offset = $3, tail_digest = $4, records = $5,
                 batches = $6, last_digest = $7, open_seq = $8 where id = $9`,
        values: [
          sealed[n]!.headLength,
          sealed[n]!.headDigest,
          cursor.committedOffset,
          this.#batches[n]!.proof.tailDigest,
          cursor.records,
          cursor.batches,
          cursor.lastDigest,
          cursor.open?.seq ?? 0,
          sourceId,
        ],
      })
    }
  }

  async #updateSources(client: Client): Promise<void> {
    const now = this.#context.clock()
    for (const [id, update] of [...this.#sourceUpdates].sort(([a], [b]) => a - b)) {
      await client.query({
        name: 'source-finish',
        text: 'update sources set state = $1, pending_bytes = $2, compression = $3, path = $4, last_seen_us = $5 where id = $6',
        values: [update.state, update.pendingBytes, update.compression, update.path, now, id],
      })
    }
  }

  async #saveFiles(client: Client): Promise<void> {
    // In one order, so that two loaders of the same folder do not hold each other up.
    for (const [, file] of [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      await client.query({
        name: 'file-save',
        text: `insert into source_files (path, sensor_override, source_id, device, inode, size, mtime_ns, ctime_ns, foreign_kind, is_finished)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
               on conflict (md5(path), md5(sensor_override)) do update set source_id = excluded.source_id, device = excluded.device,
                 inode = excluded.inode, size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns,
                 foreign_kind = excluded.foreign_kind, is_finished = excluded.is_finished`,
        values: [
          file.path,
          file.sensorOverride,
          file.sourceId,
          file.device,
          file.inode,
          file.size,
          file.mtimeNs,
          file.ctimeNs,
          file.foreignKind,
          file.isFinished ? 1 : 0,
        ],
      })
    }
  }
}

/** The dictionary of a rebuild; readers count from 1. */
const REBUILD_READER = 0
const NO_PROOF: LineageProof = { head: new Uint8Array(0), tailDigest: NO_DIGEST }

/** Rows of batches with their blocks, days and dead letters, sent together. */
class BatchRows {
  readonly #batches = new CopyRows(23)
  readonly #blocks = new CopyRows(10)
  readonly #days = new CopyRows(4)
  readonly #keys = new CopyRows(4)
  readonly #dead: { readonly batchId: number; readonly letter: PackedBatch['dead'][number] }[] = []

  add(
    batchId: number,
    sourceId: number,
    batch: PackedBatch,
    header: SealedHeader,
    versions: WriterVersions,
  ): void {
    const { fates } = header
    this.#batches
      .row()
      .int8(batchId)
      .int8(sourceId)
      .int8(header.seq)
      .int8(batch.startOffset)
      .int8(batch.endOffset)
      .int8(header.firstRecord)
      .int8(batch.records)
      .int8(fates.stored)
      .int8(fates.duplicate)
      .int8(fates.held)
      .int8(fates.dead)
      .int8(fates.blank)
      .int8(fates.expired)
      .int8(header.supersedes)
      .int8(batch.blocks.length)
      .bytes(batch.recordRoot)
      .bytes(header.viewRoot)
      .text(versions.schemaVersion)
      .text(batch.ruleSet)
      .text(versions.programVersion)
      .int8(header.committedAtUs)
      .bytes(header.previousDigest)
      .bytes(header.digest)
    batch.blocks.forEach((block, n) => {
      this.#blocks
        .row()
        .int8(batchId)
        .int8(n)
        .int8(block.startOffset)
        .int8(block.endOffset)
        .int8(block.records)
        .bytes(block.root)
        .bytes(block.sha256)
        .text(block.codec)
        .text(batch.envelope?.keyId ?? '')
        .bytes(block.bytes)
    })
    if (batch.envelope !== undefined) {
      const { keyId, ephemeral, wrapped } = batch.envelope
      this.#keys.row().int8(batchId).text(keyId).bytes(ephemeral).bytes(wrapped)
    }
    for (const { day, rows, root } of header.days)
      this.#days.row().int8(batchId).int8(day).int8(rows).bytes(root)
    for (const letter of batch.dead) this.#dead.push({ batchId, letter })
  }

  async send(client: Client): Promise<void> {
    await this.#batches.send(
      client,
      'batches (id, source_id, seq, start_offset, end_offset, first_record, records, stored, duplicate, held, dead, blank, expired, supersedes, blocks, record_root, view_root, schema_version, rule_set, program_version, committed_at_us, previous_digest, digest)',
    )
    await this.#blocks.send(
      client,
      'blocks (batch_id, n, start_offset, end_offset, records, root, sha256, codec, key_id, bytes)',
    )
    await this.#days.send(client, 'batch_days (batch_id, day, rows, root)')
    await this.#keys.send(client, 'batch_keys (batch_id, key_id, ephemeral, wrapped)')
    if (this.#dead.length === 0) return
    const ids = await nextIds(client, 'dead_letters_ids', this.#dead.length)
    const rows = new CopyRows(9)
    this.#dead.forEach(({ batchId, letter }, i) => {
      rows
        .row()
        .int8(ids[i]!)
        .int8(batchId)
        .int8(letter.startOffset)
        .int8(letter.endOffset)
        .int8(letter.firstRecord)
        .int8(letter.records)
        .text(letter.reason)
        .text(letter.detail)
        .text('new')
    })
    await rows.send(
      client,
      'dead_letters (id, batch_id, start_offset, end_offset, first_record, records, reason, detail, state)',
    )
  }
}

/** Withheld events among the stored ones; a key may stand in both tables only within a transaction. */
async function copyHeld(client: Client, { batchId, recordNos }: HeldSelection): Promise<void> {
  const { rows } = await client.query(
    `insert into raw_events (${EVENT_COLUMNS})
     select ${EVENT_COLUMNS} from held_events where batch_id = $1 and record_no = any($2::integer[]) and state = 'held'
     returning record_no`,
    [batchId, `{${recordNos.join(',')}}`],
  )
  if (rows.length !== recordNos.length) throw decidedElsewhere()
}

async function removeHeld(client: Client, { batchId, recordNos }: HeldSelection): Promise<void> {
  await client.query(
    'delete from held_events where batch_id = $1 and record_no = any($2::integer[])',
    [batchId, `{${recordNos.join(',')}}`],
  )
}

async function nextIds(client: Client, sequence: string, count: number): Promise<number[]> {
  if (count === 0) return []
  const { rows } = await client.query<{ id: number }>(
    `select nextval('${sequence}') as id from generate_series(1, ${count})`,
  )
  return rows.map((row) => row.id)
}

/** The newest batch of every source up to a batch, ordered by uid. */
export async function sourceHeads(client: Client, upToBatch: number): Promise<SourceHead[]> {
  const { rows } = await client.query<SourceHead>(
    `select sources.uid as uid, sums.batches as batches, sums.records as records, sums.stored as stored, newest.digest as "lastDigest"
       from (select source_id, count(*) as batches, sum(records) as records, sum(stored) as stored, max(seq) as seq
               from batches where id <= $1 group by source_id) as sums
       join sources on sources.id = sums.source_id
       join batches as newest on newest.source_id = sums.source_id and newest.seq = sums.seq
      order by sources.uid`,
    [upToBatch],
  )
  return rows
}
