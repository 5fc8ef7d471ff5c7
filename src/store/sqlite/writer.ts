import type { Database as Connection } from 'better-sqlite3'
import { blake3 } from '../../core/blake3.ts'
import { FLAGS } from '../../core/event.ts'
import type { InstantUs } from '../../core/instant.ts'
import { type PlainObject, parseJson } from '../../core/json.ts'
import type { PackedBatch } from '../../core/packed.ts'
import type { Checkpoint, SigningKey, SourceHead } from '../../core/seal-types.ts'
import { emptySummary } from '../../core/session-summary.ts'
import { dayOfPlace, valueIdOf } from '../../core/value-place.ts'
import { verdictDigest, verdictText } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'
import {
  advance,
  type CheckpointRow,
  EMPTY_SHA256,
  NO_DIGEST,
  nextCheckpoint,
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
import type { Row } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import { EMPTY_SESSIONS, SESSION_COLUMNS, sessionCells, summaryOf } from '../session-rows.ts'
import {
  type DailyTotals,
  Dictionaries,
  type Dictionary,
  FATE,
  type SessionState,
  Summing,
} from '../summing.ts'
import { decidedElsewhere, REBUILT_TABLES, withholdAll } from '../verdicts.ts'
import { appendJournal } from './journal.ts'
import { checkDiskSpace, translate } from './open.ts'
import { prepared } from './prepared.ts'
import { forgetHeldSessions, isEmergency } from './review.ts'
import { MultiInsert } from './sql.ts'
import type { WriterQueue } from './writer-queue.ts'

/** What the writer is told once. */
export type WriterContext = {
  readonly db: Connection
  readonly path: string
  readonly queue: WriterQueue
  readonly sealing: Sealing
  readonly clock: () => InstantUs
  readonly command: string
  readonly synchronous: 'normal' | 'full'
  readonly versions: WriterVersions
}

/** Writes batches into SQLite. One transaction at a time; caches are dropped when another process wrote in between. */
export class SqliteWriter implements BatchWriter, SummaryWriter {
  readonly needs = { keyOrder: false }
  readonly #context: WriterContext
  readonly #db: Connection
  #inTransaction = false
  #dataVersion = -1
  #sensors = new Map<string, number>()
  #kinds = new Map<string, number>()
  #sessions = new Map<string, SessionState>()
  readonly #summing = new Summing()
  readonly #dictionaries = new Dictionaries()
  /** Fates of the batches of this transaction. */
  #fates: Fates[] = []
  #cursors = new Map<number, SourceCursor>()
  #nextEvent = 1
  #nextSession = 1
  #nextValue = 1
  #nextBatch = 1
  #nextVerdict = 1
  readonly #verdicts = new Map<string, number>()
  /** Rule sets whose rules this writer has seen in the database. */
  readonly #ruleSets = new Set<string>()
  #hasHeld = false
  /** Everything new is withheld. */
  #isEmergency = false
  readonly #insertEvent: MultiInsert
  readonly #insertSessionValue: MultiInsert
  readonly #addDailyValue: MultiInsert
  readonly #statements: ReturnType<typeof prepareStatements>

  constructor(context: WriterContext) {
    this.#context = context
    this.#db = context.db
    this.#insertEvent = new MultiInsert(
      context.db,
      'into raw_events (id, batch_id, record_no, event_time_us, session_key, kind_id, flags, digest, notes, payload, verdict_id)',
      11,
      'on conflict (event_time_us, session_key, digest) do nothing',
    )
    this.#insertSessionValue = new MultiInsert(
      context.db,
      'into session_values (session_key, value_id, day, count)',
      4,
    )
    this.#addDailyValue = new MultiInsert(
      context.db,
      'into daily_values (day, sensor_id, kind, value_id, count, sessions)',
      6,
      'on conflict (kind, day, value_id, sensor_id) do update set count = count + excluded.count, sessions = sessions + excluded.sessions',
    )
    this.#statements = prepareStatements(context.db)
  }

  async begin(signal?: AbortSignal): Promise<void> {
    checkDiskSpace(this.#context.path)
    await this.#context.queue.enter(this.#context.command, signal)
    try {
      prepared(this.#db, 'begin immediate').run()
      this.#inTransaction = true
      const version = prepared(this.#db, 'pragma data_version').pluck().get() as number
      if (version !== this.#dataVersion) this.#forget()
      this.#dataVersion = version
      this.#isEmergency = isEmergency(this.#db)
      this.#saveSchemas()
    } catch (error) {
      this.#context.queue.leave()
      throw translate(error, this.#context.path)
    }
  }

  async addSource(source: {
    readonly uid: Uint8Array
    readonly sensorOverride: string
    readonly update: SourceUpdate
  }): Promise<number> {
    return this.#guard(() => {
      const now = this.#context.clock()
      const { update } = source
      const id = this.#statements.insertSource.run(
        source.uid,
        source.sensorOverride,
        EMPTY_SHA256,
        EMPTY_SHA256,
        NO_DIGEST,
        update.state,
        update.pendingBytes,
        update.compression,
        update.path,
        now,
        now,
      ).lastInsertRowid
      return Number(id)
    })
  }

  async write(
    sourceId: number,
    readerId: number,
    batch: PackedBatch,
    proof: LineageProof,
  ): Promise<void> {
    this.#guard(() => this.#fates.push(this.#write(sourceId, readerId, batch, proof)))
  }

  async finishSource(sourceId: number, update: SourceUpdate): Promise<void> {
    this.#guard(() => {
      this.#statements.finishSource.run(
        update.state,
        update.pendingBytes,
        update.compression,
        update.path,
        this.#context.clock(),
        sourceId,
      )
    })
  }

  async saveFile(file: FileRecord): Promise<void> {
    this.#guard(() => {
      this.#statements.saveFile.run(
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
      )
    })
  }

  async commit(): Promise<readonly Fates[]> {
    return this.#guard(() => {
      this.#flush()
      prepared(this.#db, 'commit').run()
      this.#inTransaction = false
      this.#context.queue.leave()
      const fates = this.#fates
      this.#fates = []
      return fates
    })
  }

  async settle(): Promise<void> {}

  /** Writes the summaries gathered so far. */
  #flush(): void {
    this.#settleTies()
    this.#flushSessions()
    this.#flushDaily()
    for (const state of this.#summing.touched) {
      // A session that has ended will hardly come again; if it does, its row is read.
      if (state.summary.closedCount > 0)
        this.#sessions.delete(`${state.sensorId}\n${state.session}`)
    }
    this.#summing.clear()
    this.#dictionaries.settle()
    if (this.#sessions.size > LIMITS.sessionCacheMax) this.#sessions.clear()
  }

  async rollback(): Promise<void> {
    this.#undo()
  }

  #undo(): void {
    if (this.#inTransaction && this.#db.inTransaction) this.#db.prepare('rollback').run()
    this.#inTransaction = false
    for (const insert of [this.#insertEvent, this.#insertSessionValue, this.#addDailyValue])
      insert.discard()
    this.#verdicts.clear()
    this.#ruleSets.clear()
    this.#dataVersion = -1
    this.#dictionaries.clear()
    this.#fates = []
    this.#hasSchemas = false
    this.#context.queue.leave()
  }

  async checkpoint(key: SigningKey, signal?: AbortSignal): Promise<Checkpoint | undefined> {
    // A checkpoint is published only when the disk has it.
    this.#db.pragma('synchronous = full')
    try {
      await this.begin(signal)
      const made = await this.#makeCheckpoint(key)
      await this.commit()
      return made
    } catch (error) {
      this.#undo()
      throw error
    } finally {
      this.#db.pragma(`synchronous = ${this.#context.synchronous}`)
    }
  }

  async rebuildSummaries(batches: AsyncIterable<PackedBatch>, differences: number): Promise<void> {
    await this.begin()
    try {
      appendJournal(
        this.#db,
        this.#context.sealing,
        this.#context.clock(),
        summariesRebuilt(differences, this.#context.command),
      )
      this.#forget()
      for (const table of REBUILT_TABLES) this.#db.prepare(`delete from ${table}`).run()
      this.#db.prepare(EMPTY_SESSIONS).run()
      for await (const batch of batches) {
        const dictionary = this.#dictionary(REBUILD_READER, batch)
        const sensorIds = batch.sensors.map((name) => this.#sensorId(name))
        const sessions = batch.sessions.map((session, i) =>
          this.#session(sensorIds[batch.sessionSensorIx[i]!]!, session),
        )
        this.#summing.add(
          batch,
          sessions,
          batch.kinds.map((name) => this.#kindId(name)),
          dictionary,
          undefined,
          this.#verdictIds(batch),
        )
        this.#flush()
      }
      this.#db.prepare('delete from sessions where event_count = 0').run()
      await this.commit()
    } catch (error) {
      this.#undo()
      throw translate(error, this.#context.path)
    }
  }

  async releaseHeld(
    events: PackedBatch,
    selection: HeldSelection,
    draft: JournalDraft,
  ): Promise<void> {
    await this.begin()
    try {
      // Each call brings a dictionary of its own.
      this.#dictionaries.clear()
      const dictionary = this.#dictionary(REBUILD_READER, events)
      const sensorIds = events.sensors.map((name) => this.#sensorId(name))
      const sessions = events.sessions.map((session, i) =>
        this.#session(sensorIds[events.sessionSensorIx[i]!]!, session),
      )
      appendJournal(this.#db, this.#context.sealing, this.#context.clock(), draft, () =>
        this.#moveHeld(selection),
      )
      this.#summing.add(
        events,
        sessions,
        events.kinds.map((name) => this.#kindId(name)),
        dictionary,
        undefined,
        this.#verdictIds(events),
      )
      forgetHeldSessions(this.#db)
      await this.commit()
    } catch (error) {
      this.#undo()
      throw translate(error, this.#context.path)
    }
  }

  /** Approved events stand behind all others: no proof rests on the numbers of rows. */
  #moveHeld({ batchId, recordNos }: HeldSelection): void {
    const columns =
      'batch_id, record_no, event_time_us, session_key, kind_id, flags, digest, notes, payload, verdict_id'
    const insert = this.#db.prepare(
      `insert into raw_events (id, ${columns}) select ?, ${columns} from held_events where batch_id = ? and record_no = ? and state = 'held'`,
    )
    const remove = this.#db.prepare('delete from held_events where batch_id = ? and record_no = ?')
    for (const recordNo of recordNos) {
      if (insert.run(this.#nextEvent, batchId, recordNo).changes !== 1) throw decidedElsewhere()
      this.#nextEvent += 1
      remove.run(batchId, recordNo)
    }
  }

  async close(): Promise<void> {
    if (this.#inTransaction) this.#undo()
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      this.#undo()
      throw translate(error, this.#context.path)
    }
  }

  #hasSchemas = false

  #saveSchemas(): void {
    if (this.#hasSchemas) return
    const insert = this.#db.prepare(
      'insert into schema_versions (version, file, digest) values (?, ?, ?) on conflict (version, file) do nothing',
    )
    for (const { file, digest } of this.#context.versions.schemaFiles)
      insert.run(this.#context.versions.schemaVersion, file, digest)
    this.#hasSchemas = true
  }

  /** Another process wrote: what was remembered may be old. */
  #forget(): void {
    this.#sensors = new Map(
      (
        this.#db.prepare('select name, id from sensors').all() as { name: string; id: number }[]
      ).map((row) => [row.name, row.id]),
    )
    this.#kinds = new Map(
      (
        this.#db.prepare('select name, id from event_kinds').all() as { name: string; id: number }[]
      ).map((row) => [row.name, row.id]),
    )
    this.#sessions.clear()
    this.#verdicts.clear()
    this.#summing.reset()
    this.#cursors.clear()
    const next = (table: string, column: string): number =>
      ((this.#db.prepare(`select max(${column}) as n from ${table}`).get() as { n: number | null })
        .n ?? 0) + 1
    this.#nextEvent = Math.max(next('raw_events', 'id'), next('held_events', 'id'))
    this.#nextSession = Math.max(
      next('sessions', 'session_key'),
      next('held_sessions', 'session_key'),
    )
    this.#nextVerdict = next('verdicts', 'id')
    this.#nextValue = next('"values"', 'id')
    this.#nextBatch = next('batches', 'id')
    this.#hasHeld = this.#db.prepare('select 1 from held_events limit 1').get() !== undefined
  }

  #write(sourceId: number, readerId: number, batch: PackedBatch, proof: LineageProof): Fates {
    const cursor = this.#cursorOf(sourceId)
    this.#supersede(cursor, batch)
    const dictionary = this.#dictionary(readerId, batch)
    const sensorIds = batch.sensors.map((name) => this.#sensorId(name))
    const kindIds = batch.kinds.map((name) => this.#kindId(name))
    const sessions = batch.sessions.map((session, i) =>
      this.#session(sensorIds[batch.sessionSensorIx[i]!]!, session),
    )
    const batchId = this.#nextBatch
    this.#nextBatch += 1

    if (this.#isEmergency) withholdAll(batch)
    this.#saveRules(batch)
    const verdictIds = this.#verdictIds(batch)
    const outcomes = this.#insertEvents(batchId, batch, sessions, kindIds, verdictIds)
    this.#summing.add(batch, sessions, kindIds, dictionary, outcomes, verdictIds)
    const { versions } = this.#context
    const sealed = sealBatch(
      this.#context.sealing,
      versions,
      cursor,
      batch,
      proof,
      outcomes,
      this.#context.clock(),
    )
    const { fates } = sealed
    this.#statements.insertBatch.run(
      batchId,
      sourceId,
      sealed.seq,
      batch.startOffset,
      batch.endOffset,
      sealed.firstRecord,
      batch.records,
      fates.stored,
      fates.duplicate,
      fates.held,
      fates.dead,
      fates.blank,
      fates.expired,
      sealed.supersedes,
      batch.blocks.length,
      batch.recordRoot,
      sealed.viewRoot,
      versions.schemaVersion,
      batch.ruleSet,
      versions.programVersion,
      sealed.committedAtUs,
      sealed.previousDigest,
      sealed.digest,
    )
    batch.blocks.forEach((block, n) => {
      this.#statements.insertBlock.run(
        batchId,
        n,
        block.startOffset,
        block.endOffset,
        block.records,
        block.root,
        block.sha256,
        block.codec,
        batch.envelope?.keyId ?? '',
        block.bytes,
      )
    })
    if (batch.envelope !== undefined) {
      const { keyId, ephemeral, wrapped } = batch.envelope
      this.#statements.insertBatchKey.run(batchId, keyId, ephemeral, wrapped)
    }
    for (const { day, rows, root } of sealed.days)
      this.#statements.insertDay.run(batchId, day, rows, root)
    for (const letter of batch.dead) {
      this.#statements.insertDead.run(
        batchId,
        letter.startOffset,
        letter.endOffset,
        letter.firstRecord,
        letter.records,
        letter.reason,
        letter.detail,
      )
    }
    advance(cursor, sealed, batch, batchId)
    this.#statements.moveCursor.run(
      sealed.headLength,
      sealed.headDigest,
      batch.endOffset,
      proof.tailDigest,
      cursor.records,
      sealed.seq,
      sealed.digest,
      batch.isOpen ? sealed.seq : 0,
      sourceId,
    )
    return fates
  }

  /** The batch starts where the broken end of the file stood: that end no longer counts. */
  #supersede(cursor: SourceCursor, batch: PackedBatch): void {
    const superseded = supersededEnd(cursor, batch.startOffset)
    if (superseded === undefined) return
    const rows = this.#db
      .prepare(
        "select id, batch_id, start_offset, first_record, reason from dead_letters where batch_id = ? and state = 'new'",
      )
      .all(cursor.lastBatchId) as {
      id: number
      batch_id: number
      start_offset: number
      first_record: number
      reason: string
    }[]
    for (const row of rows) {
      appendJournal(
        this.#db,
        this.#context.sealing,
        this.#context.clock(),
        deadLetterSuperseded(row, superseded.seq, this.#context.command),
        () =>
          this.#db.prepare("update dead_letters set state = 'superseded' where id = ?").run(row.id),
      )
    }
  }

  #cursorOf(sourceId: number): SourceCursor {
    let cursor = this.#cursors.get(sourceId)
    if (cursor === undefined) {
      const row = this.#db
        .prepare(
          'select uid, sensor_override, batches, records, committed_offset, last_digest, open_seq from sources where id = ?',
        )
        .get(sourceId) as {
        uid: Uint8Array
        sensor_override: string
        batches: number
        records: number
        committed_offset: number
        last_digest: Uint8Array
        open_seq: number
      }
      const last = this.#db
        .prepare(
          'select id, start_offset, first_record from batches where source_id = ? and seq = ?',
        )
        .get(sourceId, row.batches) as
        | { id: number; start_offset: number; first_record: number }
        | undefined
      cursor = {
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
      }
      // 30,000 small files are met once each.
      if (this.#cursors.size > 1_000) this.#cursors.clear()
      this.#cursors.set(sourceId, cursor)
    }
    return cursor
  }

  #sensorId(name: string): number {
    let id = this.#sensors.get(name)
    if (id === undefined) {
      id = nextId(this.#sensors)
      this.#db.prepare('insert into sensors (id, name) values (?, ?)').run(id, name)
      this.#sensors.set(name, id)
    }
    return id
  }

  #kindId(name: string): number {
    let id = this.#kinds.get(name)
    if (id === undefined) {
      id = nextId(this.#kinds)
      this.#db.prepare('insert into event_kinds (id, name) values (?, ?)').run(id, name)
      this.#kinds.set(name, id)
    }
    return id
  }

  /** Numbers in the database of the entries of a reader's dictionary. */
  #dictionary(readerId: number, batch: PackedBatch): Dictionary {
    const dictionary = this.#dictionaries.of(readerId, batch)
    const { findValue, insertValue } = this.#statements
    for (let i = 0; i < batch.newValues.length; i += 1) {
      const text = batch.newValues[i]!
      const kind = batch.newValueKinds[i]!
      const digest = blake3(Buffer.from(text)).subarray(0, 16)
      let id = findValue.get(digest, kind) as number | undefined
      if (id === undefined) {
        id = this.#nextValue
        this.#nextValue += 1
        insertValue.run(id, kind, digest, text)
      }
      dictionary.ids.push(id)
      dictionary.kinds.push(kind)
    }
    return dictionary
  }

  #session(sensorId: number, session: string): SessionState {
    const name = `${sensorId}\n${session}`
    const known = this.#sessions.get(name)
    if (known !== undefined) return known
    const row = this.#statements.findSession.get(session, sensorId) as Row<'sessions'> | undefined
    const state: SessionState =
      row === undefined
        ? {
            key: this.#newSessionKey(sensorId, session),
            sensorId,
            session,
            isStored: false,
            isDirty: false,
            summary: emptySummary(),
            touchedIx: 0,
          }
        : {
            key: row.session_key,
            sensorId,
            session,
            isStored: true,
            isDirty: false,
            summary: summaryOf(row),
            touchedIx: 0,
          }
    this.#sessions.set(name, state)
    return state
  }

  /** The key that a session's withheld events have already, or a new one. */
  #newSessionKey(sensorId: number, session: string): number {
    if (this.#hasHeld) {
      const known = this.#statements.findHeldSession.get(session, sensorId) as number | undefined
      if (known !== undefined) return known
    }
    const key = this.#nextSession
    this.#nextSession += 1
    return key
  }

  /** Numbers in the database of the verdicts of a batch. */
  #verdictIds(batch: PackedBatch): number[] {
    return batch.verdicts.map((verdict) => {
      const text = verdictText(verdict)
      let id = this.#verdicts.get(text)
      if (id === undefined) {
        const digest = verdictDigest(verdict)
        id = this.#statements.findVerdict.get(digest) as number | undefined
        if (id === undefined) {
          id = this.#nextVerdict
          this.#nextVerdict += 1
          const { threat, hazard, hits, layers } = verdict
          this.#statements.insertVerdict.run(id, digest, threat, hazard, hits, layers)
        }
        // Attackers can make any number of them.
        if (this.#verdicts.size >= LIMITS.verdictCacheMax) this.#verdicts.clear()
        this.#verdicts.set(text, id)
      }
      return id
    })
  }

  /** Keeps the rules that a batch was scored by, so that its verdicts can be made again. */
  #saveRules({ ruleSet, rulesOff }: Pick<PackedBatch, 'ruleSet' | 'rulesOff'>): void {
    if (this.#ruleSets.has(ruleSet)) return
    const insert = this.#db.prepare(
      'insert into rule_sets (version, rule_id, definition) values (?, ?, ?) on conflict (version, rule_id) do nothing',
    )
    for (const { id, definition } of this.#context.versions.rules)
      if (!rulesOff.includes(id)) insert.run(ruleSet, id, definition)
    this.#ruleSets.add(ruleSet)
  }

  /** @returns the fate of each event (`FATE`); undefined when all were stored */
  #insertEvents(
    batchId: number,
    batch: PackedBatch,
    sessions: readonly SessionState[],
    kindIds: readonly number[],
    verdictIds: readonly number[],
  ): Uint8Array | undefined {
    const n = batch.count
    if (n === 0) return undefined
    const first = this.#nextEvent
    this.#nextEvent += n
    const notes = new Map(batch.notes)
    const payloads = Buffer.from(
      batch.payloads.buffer,
      batch.payloads.byteOffset,
      batch.payloads.length,
    )
    const hasHeld = this.#hasHeld
    let held: number[] | undefined
    const insert = this.#insertEvent
    insert.changes = 0
    let offered = 0
    let start = 0
    for (let i = 0; i < n; i += 1) {
      const end = batch.payloadEnds[i]!
      const payload = batch.payloadsAreAscii
        ? payloads.latin1Slice(start, end)
        : payloads.utf8Slice(start, end)
      start = end
      const time = batch.eventTimesUs[i]!
      const key = sessions[batch.sessionIx[i]!]!.key
      const digest = batch.digests.subarray(i * 16, i * 16 + 16)
      const verdictIx = batch.verdictIx[i]!
      const verdictId = verdictIx === 0 ? 0 : verdictIds[verdictIx - 1]!
      const isKnown = hasHeld && this.#statements.findHeld.get(time, key, digest) !== undefined
      if (isKnown) continue
      if ((batch.flags[i]! & FLAGS.withheld) !== 0) {
        if (this.#statements.findStored.get(time, key, digest) !== undefined) continue
        const { changes } = this.#statements.insertHeld.run(
          first + i,
          batchId,
          batch.recordNos[i],
          time,
          key,
          kindIds[batch.kindIx[i]!],
          batch.flags[i],
          digest,
          notes.get(i) ?? null,
          payload,
          verdictId,
        )
        if (changes === 1) {
          held ??= []
          held.push(i)
          const { sensorId, session } = sessions[batch.sessionIx[i]!]!
          this.#statements.insertHeldSession.run(key, sensorId, session)
        }
        continue
      }
      insert.push(first + i)
      insert.push(batchId)
      insert.push(batch.recordNos[i])
      insert.push(time)
      insert.push(key)
      insert.push(kindIds[batch.kindIx[i]!])
      insert.push(batch.flags[i])
      insert.push(digest)
      insert.push(notes.get(i) ?? null)
      insert.push(payload)
      insert.push(verdictId)
      insert.endRow()
      offered += 1
    }
    insert.flush()
    if (insert.changes === offered && offered === n) return undefined
    // Some were there already: their numbers were not used.
    const outcomes = new Uint8Array(n)
    const ids = this.#statements.idsBetween.all(first, first + n - 1) as number[]
    for (const id of ids) outcomes[id - first] = FATE.stored
    for (const i of held ?? []) outcomes[i] = FATE.held
    if (held !== undefined) this.#hasHeld = true
    return outcomes
  }

  #settleTies(): void {
    for (const tie of this.#summing.ties()) {
      const rows = this.#statements.eventsAt.all(tie.timeUs, tie.state.key) as {
        digest: Buffer
        name: string
        payload: string
      }[]
      this.#summing.settle(
        tie,
        rows.map((row) => ({
          digest: row.digest,
          eventid: row.name,
          payload: parseJson(row.payload) as PlainObject, // a payload is an object by construction
        })),
        this.#context.sealing.factOf,
        (kind, text) =>
          this.#statements.findValue.get(blake3(Buffer.from(text)).subarray(0, 16), kind) as number,
      )
    }
  }

  #flushSessions(): void {
    const newValues = this.#insertSessionValue
    for (const { key, sensorId, session, summary } of this.#summing.touched)
      this.#statements.upsertSession.run(key, sensorId, session, ...sessionCells(summary))
    const daily = this.#summing.values((state, valueId, day, count) =>
      this.#isNewValue(state, valueId, day, count, newValues),
    )
    newValues.flush()
    this.#flushDailyValues(daily)
  }

  #isNewValue(
    state: SessionState,
    valueId: number,
    day: number,
    count: number,
    newValues: MultiInsert,
  ): boolean {
    if (
      state.isStored &&
      this.#statements.addSessionValue.run(count, state.key, valueId, day).changes === 1
    )
      return false
    newValues.push(state.key)
    newValues.push(valueId)
    newValues.push(day)
    newValues.push(count)
    newValues.endRow()
    return true
  }

  #flushDailyValues(daily: DailyTotals): void {
    const insert = this.#addDailyValue
    const kindOf = this.#dictionaries.kinds()
    for (const [sensorId, values] of daily) {
      // In the order of the table's key: rows side by side share a page.
      const rows = [...values]
        .map(([place, total]) => {
          const valueId = valueIdOf(place)
          return { day: dayOfPlace(place), kind: kindOf.get(valueId)!, valueId, total }
        })
        .sort((a, b) => a.kind - b.kind || a.day - b.day || a.valueId - b.valueId)
      for (const { day, kind, valueId, total } of rows)
        insert.add(day, sensorId, kind, valueId, total.count, total.sessions)
    }
    insert.flush()
  }

  #flushDaily(): void {
    for (const [name, events] of this.#summing.dailyEvents) {
      const [day, sensorId] = name.split(' ').map(Number)
      for (const [kindId, count] of events)
        this.#statements.addDailyEvents.run(day, sensorId, kindId, count)
    }
    for (const [name, verdicts] of this.#summing.dailyVerdicts) {
      const [day, sensorId] = name.split(' ').map(Number)
      for (const [verdictId, count] of verdicts)
        this.#statements.addDailyVerdicts.run(day, sensorId, verdictId, count)
    }
    for (const item of this.#summing.drift.values()) {
      this.#statements.addDrift.run(
        item.what,
        item.eventid,
        item.field,
        item.count,
        item.firstUs,
        item.lastUs,
      )
    }
  }

  async #makeCheckpoint(key: SigningKey): Promise<Checkpoint | undefined> {
    const last = this.#db
      .prepare(
        'select seq, made_at_us, up_to_batch, sources, tree_root, journal_seq, journal_head, previous_digest from checkpoints order by seq desc limit 1',
      )
      .get() as CheckpointRow | undefined
    const journal = this.#db
      .prepare('select seq, digest from audit_log order by seq desc limit 1')
      .get() as { seq: number; digest: Uint8Array } | undefined
    const upToBatch = this.#nextBatch - 1
    const checkpoint = await nextCheckpoint(
      this.#context.sealing,
      last,
      journal,
      upToBatch,
      this.#context.clock(),
      async () => this.#context.sealing.sourcesRoot(sourceHeads(this.#db, upToBatch)),
    )
    if (checkpoint === undefined) return undefined
    const signature = key.sign(this.#context.sealing.checkpointMessage(checkpoint))
    this.#db
      .prepare(
        'insert into checkpoints (seq, made_at_us, up_to_batch, sources, tree_root, journal_seq, journal_head, previous_digest, key_id, signature) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        checkpoint.seq,
        checkpoint.madeAtUs,
        upToBatch,
        checkpoint.sources,
        checkpoint.treeRoot,
        checkpoint.journalSeq,
        checkpoint.journalHead,
        checkpoint.previousDigest,
        key.keyId,
        signature,
      )
    return checkpoint
  }
}

/** The dictionary of a rebuild; readers count from 1. */
const REBUILD_READER = 0
/** A store that was moved here may have gaps in its numbers. */
function nextId(ids: ReadonlyMap<string, number>): number {
  return Math.max(0, ...ids.values()) + 1
}

/** The newest batch of every source up to a batch, ordered by uid. */
export function* sourceHeads(db: Connection, upToBatch: number): Generator<SourceHead> {
  const rows = db
    .prepare(
      `select sources.uid as uid, count(*) as batches, sum(batches.records) as records, sum(batches.stored) as stored,
              (select digest from batches as newest where newest.source_id = sources.id and newest.id <= ? order by seq desc limit 1) as lastDigest
         from batches join sources on sources.id = batches.source_id
        where batches.id <= ?
        group by sources.id
        order by sources.uid`,
    )
    .iterate(upToBatch, upToBatch) as IterableIterator<SourceHead>
  yield* rows
}

function prepareStatements(db: Connection) {
  return {
    findValue: db.prepare('select id from "values" where digest = ? and kind = ?').pluck(),
    insertValue: db.prepare('insert into "values" (id, kind, digest, value) values (?, ?, ?, ?)'),
    // One by one: a statement of many rows would copy the pages of all indexes (see MultiInsert).
    upsertSession: db.prepare(
      `insert into sessions (${SESSION_COLUMNS.join(', ')}) values (${SESSION_COLUMNS.map(() => '?').join(', ')})
       on conflict (session_key) do update set ${SESSION_COLUMNS.slice(3)
         .map((column) => `${column} = excluded.${column}`)
         .join(', ')}`,
    ),
    findSession: db.prepare('select * from sessions where session = ? and sensor_id = ?'),
    findHeld: db.prepare(
      'select 1 from held_events where event_time_us = ? and session_key = ? and digest = ?',
    ),
    findStored: db.prepare(
      'select 1 from raw_events where event_time_us = ? and session_key = ? and digest = ?',
    ),
    insertHeld: db.prepare(
      `insert into held_events (id, batch_id, record_no, event_time_us, session_key, kind_id, flags, digest, notes, payload, verdict_id, state)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'held') on conflict (event_time_us, session_key, digest) do nothing`,
    ),
    findHeldSession: db
      .prepare('select session_key from held_sessions where session = ? and sensor_id = ?')
      .pluck(),
    insertHeldSession: db.prepare(
      'insert into held_sessions (session_key, sensor_id, session) values (?, ?, ?) on conflict (session_key) do nothing',
    ),
    findVerdict: db.prepare('select id from verdicts where digest = ?').pluck(),
    insertVerdict: db.prepare(
      'insert into verdicts (id, digest, threat, hazard, hits, layers) values (?, ?, ?, ?, ?, ?)',
    ),
    addDailyVerdicts: db.prepare(
      'insert into daily_verdicts (day, sensor_id, verdict_id, count) values (?, ?, ?, ?) on conflict (day, sensor_id, verdict_id) do update set count = count + excluded.count',
    ),
    insertBatchKey: db.prepare(
      'insert into batch_keys (batch_id, key_id, ephemeral, wrapped) values (?, ?, ?, ?)',
    ),
    idsBetween: db.prepare('select id from raw_events where id between ? and ?').pluck(),
    eventsAt: db.prepare(
      `select digest, event_kinds.name as name, payload from raw_events join event_kinds on event_kinds.id = kind_id
        where event_time_us = ? and session_key = ?`,
    ),
    addSessionValue: db.prepare(
      'update session_values set count = count + ? where session_key = ? and value_id = ? and day = ?',
    ),
    addDailyEvents: db.prepare(
      'insert into daily_events (day, sensor_id, kind_id, count) values (?, ?, ?, ?) on conflict (day, sensor_id, kind_id) do update set count = count + excluded.count',
    ),
    addDrift: db.prepare(
      `insert into schema_drift (what, eventid, field, count, first_us, last_us) values (?, ?, ?, ?, ?, ?)
       on conflict (what, eventid, field) do update set count = count + excluded.count,
         first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)`,
    ),
    insertSource: db.prepare(
      `insert into sources (uid, sensor_override, head_length, head_digest, tail_digest, committed_offset, records, batches, last_digest, open_seq,
         state, pending_bytes, compression, path, first_seen_us, last_seen_us)
       values (?, ?, 0, ?, ?, 0, 0, 0, ?, 0, ?, ?, ?, ?, ?, ?)`,
    ),
    finishSource: db.prepare(
      'update sources set state = ?, pending_bytes = ?, compression = ?, path = ?, last_seen_us = ? where id = ?',
    ),
    moveCursor: db.prepare(
      'update sources set head_length = ?, head_digest = ?, committed_offset = ?, tail_digest = ?, records = ?, batches = ?, last_digest = ?, open_seq = ? where id = ?',
    ),
    saveFile: db.prepare(
      `insert into source_files (path, sensor_override, source_id, device, inode, size, mtime_ns, ctime_ns, foreign_kind, is_finished)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (path, sensor_override) do update set source_id = excluded.source_id, device = excluded.device, inode = excluded.inode,
         size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, foreign_kind = excluded.foreign_kind,
         is_finished = excluded.is_finished`,
    ),
    insertBatch: db.prepare(
      `insert into batches (id, source_id, seq, start_offset, end_offset, first_record, records, stored, duplicate, held, dead, blank, expired,
         supersedes, blocks, record_root, view_root, schema_version, rule_set, program_version, committed_at_us, previous_digest, digest)
       values (${Array(23).fill('?').join(', ')})`,
    ),
    insertBlock: db.prepare(
      'insert into blocks (batch_id, n, start_offset, end_offset, records, root, sha256, codec, key_id, bytes) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    insertDay: db.prepare('insert into batch_days (batch_id, day, rows, root) values (?, ?, ?, ?)'),
    insertDead: db.prepare(
      `insert into dead_letters (batch_id, start_offset, end_offset, first_record, records, reason, detail, state) values (?, ?, ?, ?, ?, ?, ?, 'new')`,
    ),
  }
}
