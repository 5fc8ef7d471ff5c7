import { createHash } from 'node:crypto'
import type { Database as Connection } from 'better-sqlite3'
import { blake3 } from '../../core/blake3.ts'
import { StoreError } from '../../core/errors.ts'
import { VALUE_KINDS } from '../../core/event.ts'
import { EVENT_CLASS } from '../../core/event-class.ts'
import { dayOf, type InstantUs } from '../../core/instant.ts'
import type { PlainObject } from '../../core/json.ts'
import type { PackedBatch } from '../../core/packed.ts'
import type { Checkpoint, SigningKey, SourceHead } from '../../core/seal-types.ts'
import {
  countEvent,
  emptySummary,
  type Fact,
  type SessionSummary,
  takesPlace,
} from '../../core/session-summary.ts'
import { dayOfPlace, placeOf, valueIdOf } from '../../core/value-place.ts'
import { LIMITS } from '../../limits.ts'
import type {
  BatchWriter,
  Fates,
  FileRecord,
  LineageProof,
  SourceUpdate,
  SummaryWriter,
} from '../port.ts'
import type { Sealing } from '../sealing.ts'
import { appendJournal, type JournalDraft } from './journal.ts'
import { checkDiskSpace, translate } from './open.ts'
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
  readonly schemaVersion: string
  readonly ruleSet: string
  readonly programVersion: string
  /** Files of the schema set, for `schema_versions`. */
  readonly schemaFiles: readonly { readonly file: string; readonly digest: string }[]
}

type SessionState = {
  readonly key: number
  readonly sensorId: number
  readonly session: string
  /** The row is in the database since before this transaction. */
  isStored: boolean
  isDirty: boolean
  readonly summary: SessionSummary
  /** Place in `#touched` while it is dirty. */
  touchedIx: number
}

type SourceCursor = {
  readonly uid: Uint8Array
  readonly sensorOverride: string
  batches: number
  records: number
  committedOffset: number
  lastDigest: Uint8Array
  open: { seq: number; startOffset: number; firstRecord: number } | undefined
  lastBatchId: number
}

/** Writes batches into SQLite. One transaction at a time; caches are dropped when another process wrote in between. */
export class SqliteWriter implements BatchWriter, SummaryWriter {
  readonly #context: WriterContext
  readonly #db: Connection
  #inTransaction = false
  #dataVersion = -1
  #sensors = new Map<string, number>()
  #kinds = new Map<string, number>()
  #sessions = new Map<string, SessionState>()
  #touched: SessionState[] = []
  /** Occurrences of values in this transaction: the session's place in `#touched`, the value and day as one number. */
  #occurrenceSessions = new Uint32Array(32_768)
  #occurrencePlaces = new Float64Array(32_768)
  #occurrences = 0
  #dictionaries = new Map<number, Dictionary>()
  #cursors = new Map<number, SourceCursor>()
  #dailyEvents = new Map<string, Map<number, number>>()
  #drift = new Map<
    string,
    { what: string; eventid: string; field: string; count: number; firstUs: number; lastUs: number }
  >()
  #nextEvent = 1
  #nextSession = 1
  #nextValue = 1
  #nextBatch = 1
  #hasHeld = false
  readonly #insertEvent: MultiInsert
  readonly #statements: ReturnType<typeof prepareStatements>

  constructor(context: WriterContext) {
    this.#context = context
    this.#db = context.db
    this.#insertEvent = new MultiInsert(
      context.db,
      'insert into raw_events (id, batch_id, record_no, event_time_us, session_key, kind_id, flags, digest, notes, payload)',
      10,
      'on conflict (event_time_us, session_key, digest) do nothing',
    )
    this.#statements = prepareStatements(context.db)
  }

  async begin(signal?: AbortSignal): Promise<void> {
    checkDiskSpace(this.#context.path)
    await this.#context.queue.enter(this.#context.command, signal)
    try {
      this.#db.prepare('begin immediate').run()
      this.#inTransaction = true
      const version = this.#db.pragma('data_version', { simple: true }) as number
      if (version !== this.#dataVersion) this.#forget()
      this.#dataVersion = version
      this.#saveSchemas()
    } catch (error) {
      this.#context.queue.leave()
      throw translate(error, this.#context.path)
    }
  }

  addSource(source: {
    readonly uid: Uint8Array
    readonly sensorOverride: string
    readonly update: SourceUpdate
  }): number {
    return this.#guard(() => {
      const now = this.#context.clock()
      const { update } = source
      const id = this.#statements.insertSource.run(
        source.uid,
        source.sensorOverride,
        EMPTY_SHA256,
        EMPTY_SHA256,
        new Uint8Array(32),
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

  write(sourceId: number, readerId: number, batch: PackedBatch, proof: LineageProof): Fates {
    return this.#guard(() => this.#write(sourceId, readerId, batch, proof))
  }

  skip(readerId: number, batch: PackedBatch): void {
    this.#guard(() => this.#dictionary(readerId, batch))
  }

  finishSource(sourceId: number, update: SourceUpdate): void {
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

  saveFile(file: FileRecord): void {
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

  /** Adds a journal entry within the transaction. */
  journal(draft: JournalDraft): void {
    this.#guard(() => appendJournal(this.#db, this.#context.sealing, this.#context.clock(), draft))
  }

  commit(): void {
    this.#guard(() => {
      this.#flush()
      this.#db.prepare('commit').run()
      this.#inTransaction = false
      this.#context.queue.leave()
    })
  }

  /** Writes the summaries gathered so far. */
  #flush(): void {
    this.#flushSessions()
    this.#flushDaily()
    for (const state of this.#touched) {
      state.isStored = true
      state.isDirty = false
      // A session that has ended will hardly come again; if it does, its row is read.
      if (state.summary.closedCount > 0)
        this.#sessions.delete(`${state.sensorId}\n${state.session}`)
    }
    this.#touched = []
    this.#occurrences = 0
    this.#dailyEvents.clear()
    this.#drift.clear()
    if (this.#sessions.size > LIMITS.sessionCacheMax) this.#sessions.clear()
  }

  rollback(): void {
    if (this.#inTransaction && this.#db.inTransaction) this.#db.prepare('rollback').run()
    this.#inTransaction = false
    this.#insertEvent.discard()
    this.#dataVersion = -1
    this.#dictionaries.clear()
    this.#hasSchemas = false
    this.#context.queue.leave()
  }

  async checkpoint(key: SigningKey, signal?: AbortSignal): Promise<Checkpoint | undefined> {
    // A checkpoint is published only when the disk has it.
    this.#db.pragma('synchronous = full')
    try {
      await this.begin(signal)
      const made = this.#makeCheckpoint(key)
      this.commit()
      return made
    } catch (error) {
      this.rollback()
      throw error
    } finally {
      this.#db.pragma(`synchronous = ${this.#context.synchronous}`)
    }
  }

  async rebuildSummaries(batches: Iterable<PackedBatch>, differences: number): Promise<void> {
    await this.begin()
    try {
      appendJournal(this.#db, this.#context.sealing, this.#context.clock(), {
        actor: this.#context.command,
        action: 'summaries.rebuilt',
        subject: 'sessions, session_values, daily_values, daily_events, schema_drift',
        reason: 'they were not what the events say',
        detail: { differences },
      })
      this.#forget()
      for (const table of ['session_values', 'daily_values', 'daily_events', 'schema_drift'])
        this.#db.prepare(`delete from ${table}`).run()
      this.#db.prepare(EMPTY_SESSIONS).run()
      for (const batch of batches) {
        const dictionary = this.#dictionary(REBUILD_READER, batch)
        const sensorIds = batch.sensors.map((name) => this.#sensorId(name))
        const sessions = batch.sessions.map((session, i) =>
          this.#session(sensorIds[batch.sessionSensorIx[i]!]!, session),
        )
        this.#summarize(
          batch,
          sessions,
          batch.kinds.map((name) => this.#kindId(name)),
          dictionary,
          undefined,
        )
        this.#flush()
      }
      this.#db.prepare('delete from sessions where event_count = 0').run()
      this.commit()
    } catch (error) {
      this.rollback()
      throw translate(error, this.#context.path)
    }
  }

  close(): void {
    if (this.#inTransaction) this.rollback()
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      this.rollback()
      throw translate(error, this.#context.path)
    }
  }

  #hasSchemas = false

  #saveSchemas(): void {
    if (this.#hasSchemas) return
    const insert = this.#db.prepare(
      'insert into schema_versions (version, file, digest) values (?, ?, ?) on conflict (version, file) do nothing',
    )
    for (const { file, digest } of this.#context.schemaFiles)
      insert.run(this.#context.schemaVersion, file, digest)
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
    this.#touched = []
    this.#dailyEvents.clear()
    this.#drift.clear()
    this.#cursors.clear()
    const next = (table: string, column: string): number =>
      ((this.#db.prepare(`select max(${column}) as n from ${table}`).get() as { n: number | null })
        .n ?? 0) + 1
    this.#nextEvent = Math.max(next('raw_events', 'id'), next('held_events', 'id'))
    this.#nextSession = next('sessions', 'session_key')
    this.#nextValue = next('"values"', 'id')
    this.#nextBatch = next('batches', 'id')
    this.#hasHeld = this.#db.prepare('select 1 from held_events limit 1').get() !== undefined
  }

  #write(sourceId: number, readerId: number, batch: PackedBatch, proof: LineageProof): Fates {
    const cursor = this.#cursorOf(sourceId)
    const supersedes = this.#supersede(cursor, batch)
    const dictionary = this.#dictionary(readerId, batch)
    const sensorIds = batch.sensors.map((name) => this.#sensorId(name))
    const kindIds = batch.kinds.map((name) => this.#kindId(name))
    const sessions = batch.sessions.map((session, i) =>
      this.#session(sensorIds[batch.sessionSensorIx[i]!]!, session),
    )
    const batchId = this.#nextBatch
    this.#nextBatch += 1

    const isNew = this.#insertEvents(batchId, batch, sessions, kindIds)
    const stored = isNew === undefined ? batch.count : isNew.reduce((sum, one) => sum + one, 0)
    this.#summarize(batch, sessions, kindIds, dictionary, isNew)

    const view = this.#context.sealing.viewSealer()
    for (let i = 0; i < batch.count; i += 1) {
      if (isNew === undefined || isNew[i] === 1)
        view.add(dayOf(batch.eventTimesUs[i]!), batch.rowDigests.subarray(i * 32, i * 32 + 32))
    }
    const days = view.days()
    const dead = batch.dead.reduce((sum, letter) => sum + letter.records, 0)
    const fates: Fates = {
      lines: batch.records,
      stored,
      duplicate: batch.count - stored,
      held: 0,
      dead,
      blank: batch.blank,
      expired: 0,
    }
    const seq = cursor.batches + 1
    const firstRecord = supersedes === undefined ? cursor.records : supersedes.firstRecord
    const committedAtUs = this.#context.clock()
    const viewRoot = this.#context.sealing.viewRoot(days, batch.dead)
    const digest = this.#context.sealing.batchDigest({
      sourceUid: cursor.uid,
      sensorOverride: cursor.sensorOverride,
      seq,
      startOffset: batch.startOffset,
      endOffset: batch.endOffset,
      firstRecord,
      records: batch.records,
      stored,
      duplicate: fates.duplicate,
      held: 0,
      dead,
      blank: batch.blank,
      expired: 0,
      supersedes: supersedes?.seq ?? 0,
      blocks: batch.blocks.length,
      recordRoot: batch.recordRoot,
      viewRoot,
      schemaVersion: this.#context.schemaVersion,
      ruleSet: this.#context.ruleSet,
      programVersion: this.#context.programVersion,
      committedAtUs,
      previousDigest: cursor.lastDigest,
    })
    this.#statements.insertBatch.run(
      batchId,
      sourceId,
      seq,
      batch.startOffset,
      batch.endOffset,
      firstRecord,
      batch.records,
      stored,
      fates.duplicate,
      0,
      dead,
      batch.blank,
      0,
      supersedes?.seq ?? 0,
      batch.blocks.length,
      batch.recordRoot,
      viewRoot,
      this.#context.schemaVersion,
      this.#context.ruleSet,
      this.#context.programVersion,
      committedAtUs,
      cursor.lastDigest,
      digest,
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
        '',
        block.bytes,
      )
    })
    for (const { day, rows, root } of days) this.#statements.insertDay.run(batchId, day, rows, root)
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
    cursor.batches = seq
    cursor.records = firstRecord + batch.records
    cursor.committedOffset = batch.endOffset
    cursor.lastDigest = digest
    cursor.lastBatchId = batchId
    cursor.open = batch.isOpen ? { seq, startOffset: batch.startOffset, firstRecord } : undefined
    const headLength = Math.min(proof.head.length, batch.endOffset)
    const headDigest = createHash('sha256').update(proof.head.subarray(0, headLength)).digest()
    this.#statements.moveCursor.run(
      headLength,
      headDigest,
      batch.endOffset,
      proof.tailDigest,
      cursor.records,
      seq,
      digest,
      batch.isOpen ? seq : 0,
      sourceId,
    )
    return fates
  }

  /** The batch starts where the broken end of the file stood: that end no longer counts. */
  #supersede(
    cursor: SourceCursor,
    batch: PackedBatch,
  ): { readonly seq: number; readonly firstRecord: number } | undefined {
    if (cursor.open === undefined || batch.startOffset !== cursor.open.startOffset) {
      if (batch.startOffset !== cursor.committedOffset)
        throw new StoreError(
          'STORE_BUSY',
          'Another loader has moved the cursor of a source that is being read here.',
          {
            hint: 'Nothing is lost: run the same command again when the other one is done.',
          },
        )
      return undefined
    }
    const { seq, firstRecord } = cursor.open
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
      appendJournal(this.#db, this.#context.sealing, this.#context.clock(), {
        actor: this.#context.command,
        action: 'dead-letter.superseded',
        subject: `dead_letters batch ${row.batch_id} offset ${row.start_offset} record ${row.first_record}`,
        reason: 'a longer copy of the file was read',
        detail: { reason: row.reason, seq },
        change: () =>
          this.#db.prepare("update dead_letters set state = 'superseded' where id = ?").run(row.id),
        decision: { from: 'new', to: 'superseded' },
      })
    }
    return { seq, firstRecord }
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
      id = this.#sensors.size + 1
      this.#db.prepare('insert into sensors (id, name) values (?, ?)').run(id, name)
      this.#sensors.set(name, id)
    }
    return id
  }

  #kindId(name: string): number {
    let id = this.#kinds.get(name)
    if (id === undefined) {
      id = this.#kinds.size + 1
      this.#db.prepare('insert into event_kinds (id, name) values (?, ?)').run(id, name)
      this.#kinds.set(name, id)
    }
    return id
  }

  /** Numbers in the database of the entries of a reader's dictionary. */
  #dictionary(readerId: number, batch: PackedBatch): Dictionary {
    let dictionary = this.#dictionaries.get(readerId)
    if (dictionary === undefined || dictionary.generation !== batch.dictionaryGeneration) {
      dictionary = { generation: batch.dictionaryGeneration, ids: [], kinds: [] }
      this.#dictionaries.set(readerId, dictionary)
    }
    if (dictionary.ids.length !== batch.dictionaryStart)
      throw new Error('a batch of this reader was left out')
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
    const row = this.#statements.findSession.get(session, sensorId) as SessionRow | undefined
    const state: SessionState =
      row === undefined
        ? {
            key: this.#nextSession++,
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

  /** @returns 1 for each event that is new; undefined when all are */
  #insertEvents(
    batchId: number,
    batch: PackedBatch,
    sessions: readonly SessionState[],
    kindIds: readonly number[],
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
    const held = this.#hasHeld ? new Uint8Array(n) : undefined
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
      if (held !== undefined && this.#statements.findHeld.get(time, key, digest) !== undefined) {
        held[i] = 1
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
      insert.endRow()
      offered += 1
    }
    insert.flush()
    if (insert.changes === offered && offered === n) return undefined
    // Some were there already: their numbers were not used.
    const isNew = new Uint8Array(n)
    const ids = this.#statements.idsBetween.all(first, first + n - 1) as number[]
    for (const id of ids) isNew[id - first] = 1
    return isNew
  }

  #summarize(
    batch: PackedBatch,
    sessions: readonly SessionState[],
    kindIds: readonly number[],
    dictionary: Dictionary,
    isNew: Uint8Array | undefined,
  ): void {
    const drift = driftByEvent(batch)
    const durations = new Map(batch.durations)
    const values = batch.valueEvents.length
    let v = 0
    let day = 0
    let dayStart = 1
    let dayEnd = 0
    let eventsOfDay: Map<number, number> | undefined
    let sensorOfDay = -1
    for (let i = 0; i < batch.count; i += 1) {
      if (isNew !== undefined && isNew[i] === 0) {
        while (v < values && batch.valueEvents[v] === i) v += 1
        continue
      }
      const time = batch.eventTimesUs[i]!
      if (time < dayStart || time >= dayEnd) {
        day = dayOf(time)
        dayStart = day * 86_400_000_000
        dayEnd = dayStart + 86_400_000_000
        sensorOfDay = -1
      }
      const sessionIx = batch.sessionIx[i]!
      const state = sessions[sessionIx]!
      if (!state.isDirty) {
        state.isDirty = true
        state.touchedIx = this.#touched.push(state) - 1
      }
      const { summary } = state
      const eventClass = batch.classes[i]!
      countEvent(summary, time, eventClass)
      if (state.sensorId !== sensorOfDay || eventsOfDay === undefined) {
        sensorOfDay = state.sensorId
        eventsOfDay = this.#eventsOf(day, sensorOfDay)
      }
      const kindId = kindIds[batch.kindIx[i]!]!
      eventsOfDay.set(kindId, (eventsOfDay.get(kindId) ?? 0) + 1)

      for (; v < values && batch.valueEvents[v] === i; v += 1) {
        const ix = batch.valueIx[v]!
        const id = dictionary.ids[ix]!
        this.#addOccurrence(state.touchedIx, placeOf(id, day))
        const kind = dictionary.kinds[ix]!
        if (kind === VALUE_KINDS.ip) this.#offer(state, 'srcIp', id, time, batch, i)
        else if (kind === VALUE_KINDS.clientVersion)
          this.#offer(state, 'clientVersion', id, time, batch, i)
        else if (kind === VALUE_KINDS.hassh) this.#offer(state, 'hassh', id, time, batch, i)
      }
      const protocolIx = batch.protocolIx[i]!
      if (protocolIx !== 0)
        this.#offer(state, 'protocol', batch.protocols[protocolIx - 1]!, time, batch, i)
      const durationMs = eventClass === EVENT_CLASS.closed ? durations.get(i) : undefined
      if (durationMs !== undefined) this.#offer(state, 'durationMs', durationMs, time, batch, i)
      if (drift.size > 0) {
        for (const ix of drift.get(i) ?? []) this.#countDrift(batch.drift[ix]!, time)
      }
    }
  }

  /** Offers a fact of one event to the summary of its session. */
  #offer<Name extends 'srcIp' | 'clientVersion' | 'hassh' | 'protocol' | 'durationMs'>(
    state: SessionState,
    name: Name,
    value: Name extends 'protocol' ? string : number,
    timeUs: number,
    batch: PackedBatch,
    event: number,
  ): void {
    const summary = state.summary as Record<Name, Fact<string | number> | undefined> // every fact is of text or number, by name
    const held = summary[name]
    // Nearly every later event of a session repeats the fact.
    if (held !== undefined && timeUs > held.timeUs) return
    const digestOf = (): string =>
      Buffer.from(batch.digests.buffer, batch.digests.byteOffset + event * 16, 16).latin1Slice()
    const verdict = takesPlace(held, value, timeUs, digestOf)
    if (verdict === 'no') return
    if (verdict === 'tie') {
      const settled = this.#settleTie(state, name, timeUs)
      if (settled !== undefined) summary[name] = settled
      return
    }
    summary[name] = { value, timeUs, digest: digestOf() }
  }

  /** Two events of one instant give different facts, one of them from an earlier load: the events decide. */
  #settleTie(state: SessionState, name: string, timeUs: number): Fact<string | number> | undefined {
    const rows = this.#statements.eventsAt.all(timeUs, state.key) as {
      digest: Buffer
      name: string
      payload: string
    }[]
    let best: Fact<string | number> | undefined
    for (const row of rows) {
      const value = this.#context.sealing.factOf(
        JSON.parse(row.payload) as PlainObject,
        row.name,
        name,
      )
      if (value === undefined) continue
      const digest = row.digest.latin1Slice()
      if (best === undefined || digest < best.digest!)
        best = {
          value:
            name === 'protocol' || name === 'durationMs'
              ? value
              : this.#valueId(name, String(value)),
          timeUs,
          digest,
        }
    }
    return best
  }

  #valueId(fact: string, text: string): number {
    const kind =
      fact === 'srcIp'
        ? VALUE_KINDS.ip
        : fact === 'hassh'
          ? VALUE_KINDS.hassh
          : VALUE_KINDS.clientVersion
    return this.#statements.findValue.get(blake3(Buffer.from(text)).subarray(0, 16), kind) as number
  }

  #countDrift(
    item: { readonly what: string; readonly eventid: string; readonly field: string },
    timeUs: number,
  ): void {
    const name = `${item.what}\n${item.eventid}\n${item.field}`
    const held = this.#drift.get(name)
    if (held === undefined) {
      this.#drift.set(name, { ...item, count: 1, firstUs: timeUs, lastUs: timeUs })
      return
    }
    held.count += 1
    held.firstUs = Math.min(held.firstUs, timeUs)
    held.lastUs = Math.max(held.lastUs, timeUs)
  }

  #eventsOf(day: number, sensorId: number): Map<number, number> {
    const name = `${day} ${sensorId}`
    let events = this.#dailyEvents.get(name)
    if (events === undefined) {
      events = new Map()
      this.#dailyEvents.set(name, events)
    }
    return events
  }

  #flushSessions(): void {
    const sessionRows = new MultiInsert(
      this.#db,
      UPSERT_SESSION,
      SESSION_COLUMNS.length,
      UPSERT_SESSION_TAIL,
    )
    const newValues = new MultiInsert(
      this.#db,
      'insert into session_values (session_key, value_id, day, count)',
      4,
    )
    const daily = new Map<number, Map<number, { count: number; sessions: number }>>()
    const { starts, places } = this.#groupOccurrences()
    for (let n = 0; n < this.#touched.length; n += 1) {
      const state = this.#touched[n]!
      const { summary: s, key } = state
      sessionRows.add(
        key,
        state.sensorId,
        state.session,
        s.firstEventUs,
        s.lastEventUs,
        s.srcIp?.value ?? null,
        s.srcIp?.timeUs ?? null,
        s.protocol?.value ?? null,
        s.protocol?.timeUs ?? null,
        s.clientVersion?.value ?? null,
        s.clientVersion?.timeUs ?? null,
        s.hassh?.value ?? null,
        s.hassh?.timeUs ?? null,
        s.durationMs?.value ?? null,
        s.durationMs?.timeUs ?? null,
        s.eventCount,
        s.connectCount,
        s.closedCount,
        s.commandCount,
        s.failedCommandCount,
        s.loginFailedCount,
        s.loginSuccessCount,
        s.downloadCount,
        s.uploadCount,
        0,
        0,
      )
      let ofSensor = daily.get(state.sensorId)
      if (ofSensor === undefined) {
        ofSensor = new Map()
        daily.set(state.sensorId, ofSensor)
      }
      // In the order of their numbers: the table grows at its end. Equal places stand side by side.
      const own = places.subarray(starts[n]!, starts[n + 1]!).sort()
      for (let at = 0; at < own.length; ) {
        const place = own[at]!
        let count = 1
        while (own[at + count] === place) count += 1
        at += count
        const isNew = state.session !== '' && this.#isNewValue(state, place, count, newValues)
        const total = ofSensor.get(place)
        if (total === undefined) ofSensor.set(place, { count, sessions: isNew ? 1 : 0 })
        else {
          total.count += count
          if (isNew) total.sessions += 1
        }
      }
    }
    sessionRows.flush()
    newValues.flush()
    this.#flushDailyValues(daily)
  }

  #addOccurrence(touchedIx: number, place: number): void {
    if (this.#occurrences === this.#occurrencePlaces.length) {
      const sessions = new Uint32Array(this.#occurrences * 2)
      sessions.set(this.#occurrenceSessions)
      this.#occurrenceSessions = sessions
      const places = new Float64Array(this.#occurrences * 2)
      places.set(this.#occurrencePlaces)
      this.#occurrencePlaces = places
    }
    this.#occurrenceSessions[this.#occurrences] = touchedIx
    this.#occurrencePlaces[this.#occurrences] = place
    this.#occurrences += 1
  }

  /** Occurrences by session (a counting sort): those of session n lie from `starts[n]` to before `starts[n + 1]`. */
  #groupOccurrences(): { readonly starts: Uint32Array; readonly places: Float64Array } {
    const n = this.#occurrences
    const starts = new Uint32Array(this.#touched.length + 2)
    for (let i = 0; i < n; i += 1) starts[this.#occurrenceSessions[i]! + 2]! += 1
    for (let i = 2; i < starts.length; i += 1) starts[i]! += starts[i - 1]!
    const places = new Float64Array(n)
    for (let i = 0; i < n; i += 1) {
      const at = starts[this.#occurrenceSessions[i]! + 1]!
      places[at] = this.#occurrencePlaces[i]!
      starts[this.#occurrenceSessions[i]! + 1] = at + 1
    }
    return { starts, places }
  }

  #isNewValue(state: SessionState, place: number, count: number, newValues: MultiInsert): boolean {
    const valueId = valueIdOf(place)
    const day = dayOfPlace(place)
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

  #flushDailyValues(
    daily: ReadonlyMap<
      number,
      ReadonlyMap<number, { readonly count: number; readonly sessions: number }>
    >,
  ): void {
    const insert = new MultiInsert(
      this.#db,
      'insert into daily_values (day, sensor_id, kind, value_id, count, sessions)',
      6,
      'on conflict (kind, day, value_id, sensor_id) do update set count = count + excluded.count, sessions = sessions + excluded.sessions',
    )
    const kindOf = new Map<number, number>()
    for (const dictionary of this.#dictionaries.values()) {
      for (let i = 0; i < dictionary.ids.length; i += 1)
        kindOf.set(dictionary.ids[i]!, dictionary.kinds[i]!)
    }
    for (const [sensorId, values] of daily) {
      for (const [place, { count, sessions }] of values) {
        const valueId = valueIdOf(place)
        const kind = kindOf.get(valueId) ?? (this.#statements.kindOfValue.get(valueId) as number)
        insert.add(dayOfPlace(place), sensorId, kind, valueId, count, sessions)
      }
    }
    insert.flush()
  }

  #flushDaily(): void {
    for (const [name, events] of this.#dailyEvents) {
      const [day, sensorId] = name.split(' ').map(Number)
      for (const [kindId, count] of events)
        this.#statements.addDailyEvents.run(day, sensorId, kindId, count)
    }
    for (const item of this.#drift.values()) {
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

  #makeCheckpoint(key: SigningKey): Checkpoint | undefined {
    const last = this.#db
      .prepare(
        'select seq, made_at_us, up_to_batch, sources, tree_root, journal_seq, journal_head, previous_digest from checkpoints order by seq desc limit 1',
      )
      .get() as CheckpointRow | undefined
    const journal = this.#db
      .prepare('select seq, digest from audit_log order by seq desc limit 1')
      .get() as { seq: number; digest: Uint8Array } | undefined
    const upToBatch = this.#nextBatch - 1
    if (
      last !== undefined &&
      last.up_to_batch === upToBatch &&
      last.journal_seq === (journal?.seq ?? 0)
    )
      return undefined
    const { root, sources } = this.#context.sealing.sourcesRoot(sourceHeads(this.#db, upToBatch))
    const checkpoint: Checkpoint = {
      seq: (last?.seq ?? 0) + 1,
      madeAtUs: this.#context.clock(),
      upToBatch,
      sources,
      treeRoot: root,
      journalSeq: journal?.seq ?? 0,
      journalHead: journal?.digest ?? new Uint8Array(32),
      previousDigest:
        last === undefined
          ? new Uint8Array(32)
          : this.#context.sealing.checkpointDigest(
              this.#context.sealing.checkpointMessage(checkpointOf(last)),
            ),
    }
    const signature = key.sign(this.#context.sealing.checkpointMessage(checkpoint))
    this.#db
      .prepare(
        'insert into checkpoints (seq, made_at_us, up_to_batch, sources, tree_root, journal_seq, journal_head, previous_digest, key_id, signature) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        checkpoint.seq,
        checkpoint.madeAtUs,
        upToBatch,
        sources,
        root,
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
// The name of a session stays: events refer to it. Its bounds are set so that the first event moves both.
const EMPTY_SESSIONS = `update sessions set first_event_us = 9007199254740991, last_event_us = -9007199254740991, src_ip = null, src_ip_us = null,
  protocol = null, protocol_us = null, client_version = null, client_version_us = null, hassh = null, hassh_us = null, duration_ms = null,
  duration_us = null, event_count = 0, connect_count = 0, closed_count = 0, command_count = 0, failed_command_count = 0,
  login_failed_count = 0, login_success_count = 0, download_count = 0, upload_count = 0, threat_score = 0, hazard_score = 0`

const EMPTY_SHA256 = createHash('sha256').digest()

function driftByEvent(batch: PackedBatch): ReadonlyMap<number, readonly number[]> {
  const byEvent = new Map<number, number[]>()
  batch.driftEvents.forEach((event, i) => {
    const list = byEvent.get(event)
    if (list === undefined) byEvent.set(event, [batch.driftIx[i]!])
    else list.push(batch.driftIx[i]!)
  })
  return byEvent
}

type Dictionary = { readonly generation: number; readonly ids: number[]; readonly kinds: number[] }

type CheckpointRow = {
  seq: number
  made_at_us: number
  up_to_batch: number
  sources: number
  tree_root: Uint8Array
  journal_seq: number
  journal_head: Uint8Array
  previous_digest: Uint8Array
}

function checkpointOf(row: CheckpointRow): Checkpoint {
  return {
    seq: row.seq,
    madeAtUs: row.made_at_us,
    upToBatch: row.up_to_batch,
    sources: row.sources,
    treeRoot: row.tree_root,
    journalSeq: row.journal_seq,
    journalHead: row.journal_head,
    previousDigest: row.previous_digest,
  }
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

const SESSION_COLUMNS = [
  'session_key',
  'sensor_id',
  'session',
  'first_event_us',
  'last_event_us',
  'src_ip',
  'src_ip_us',
  'protocol',
  'protocol_us',
  'client_version',
  'client_version_us',
  'hassh',
  'hassh_us',
  'duration_ms',
  'duration_us',
  'event_count',
  'connect_count',
  'closed_count',
  'command_count',
  'failed_command_count',
  'login_failed_count',
  'login_success_count',
  'download_count',
  'upload_count',
  'threat_score',
  'hazard_score',
] as const
const UPSERT_SESSION = `insert into sessions (${SESSION_COLUMNS.join(', ')})`
const UPSERT_SESSION_TAIL = `on conflict (session_key) do update set ${SESSION_COLUMNS.slice(3)
  .map((column) => `${column} = excluded.${column}`)
  .join(', ')}`

type SessionRow = { readonly [column in (typeof SESSION_COLUMNS)[number]]: number } & {
  readonly session: string
  readonly protocol: string | null
}

function summaryOf(row: SessionRow): SessionSummary {
  const fact = <T>(value: T | null, timeUs: number | null): Fact<T> | undefined =>
    value === null || timeUs === null ? undefined : { value, timeUs, digest: undefined }
  return {
    firstEventUs: row.first_event_us,
    lastEventUs: row.last_event_us,
    eventCount: row.event_count,
    connectCount: row.connect_count,
    closedCount: row.closed_count,
    commandCount: row.command_count,
    failedCommandCount: row.failed_command_count,
    loginFailedCount: row.login_failed_count,
    loginSuccessCount: row.login_success_count,
    downloadCount: row.download_count,
    uploadCount: row.upload_count,
    srcIp: fact(row.src_ip, row.src_ip_us),
    protocol: fact(row.protocol, row.protocol_us),
    clientVersion: fact(row.client_version, row.client_version_us),
    hassh: fact(row.hassh, row.hassh_us),
    durationMs: fact(row.duration_ms, row.duration_us),
  }
}

function prepareStatements(db: Connection) {
  return {
    findValue: db.prepare('select id from "values" where digest = ? and kind = ?').pluck(),
    kindOfValue: db.prepare('select kind from "values" where id = ?').pluck(),
    insertValue: db.prepare('insert into "values" (id, kind, digest, value) values (?, ?, ?, ?)'),
    findSession: db.prepare('select * from sessions where session = ? and sensor_id = ?'),
    findHeld: db.prepare(
      'select 1 from held_events where event_time_us = ? and session_key = ? and digest = ?',
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
