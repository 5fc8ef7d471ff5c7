import { existsSync, statSync } from 'node:fs'
import type { Database as Connection } from 'better-sqlite3'
import type { Kysely } from 'kysely'
import { toHex } from '../../core/bytes.ts'
import type { InstantUs } from '../../core/instant.ts'
import type { SigningKey } from '../../core/seal-types.ts'
import { LIMITS } from '../../limits.ts'
import { type JournalDraft, keyAdded } from '../journal.ts'
import { SCHEMA_VERSION } from '../migrations/index.ts'
import type {
  ActivityStore,
  AlertStore,
  ArtifactRecord,
  FileRecord,
  Holder,
  OpenMode,
  PlaceStore,
  ReviewStore,
  SourceRecord,
  Store,
  WriterVersions,
} from '../port.ts'
import { artifactNames } from '../repo/artifacts.ts'
import type { FingerprintRow } from '../repo/stats.ts'
import type { Database } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import { fileRecordOf, sourceRecordOf } from '../source-rows.ts'
import type { MoveTarget } from '../transfer/move-port.ts'
import type { VerifyReads } from '../verify-port.ts'
import { sqliteActivity } from './activity.ts'
import { sqliteAlerts } from './alerts.ts'
import { sqliteEngine } from './engine.ts'
import { appendJournal } from './journal.ts'
import { integrityProblems } from './maintenance.ts'
import { sqliteMoveTarget } from './move-target.ts'
import { migrateSqlite, openSqlite, type SqliteSettings, translate } from './open.ts'
import { sqlitePlaces } from './places.ts'
import { prepared } from './prepared.ts'
import { sqliteReview } from './review.ts'
import { pagesOf, verifyReads } from './verify-reads.ts'
import { SqliteWriter } from './writer.ts'
import { WriterQueue } from './writer-queue.ts'

export type SqliteOptions = {
  readonly path: string
  readonly mode: OpenMode
  readonly settings: SqliteSettings
  readonly sealing: Sealing
  readonly clock: () => InstantUs
  readonly command: string
  /** Milliseconds it waits for its turn to write. */
  readonly writerWaitMs?: number
}

/** An SQLite database of nacre: the engine behind the port. */
export class SqliteStore implements Store {
  readonly engine = 'sqlite'
  readonly dialect = sqliteEngine
  readonly path: string
  readonly journalMode: string
  readonly engineVersion: string
  readonly notices: readonly string[]
  readonly queue: WriterQueue
  /** For the parts of this engine only. */
  readonly places: PlaceStore
  readonly connection: Connection
  readonly alerts: AlertStore
  readonly #options: SqliteOptions
  readonly review: ReviewStore
  readonly activity: ActivityStore
  #query: Kysely<Database> | undefined

  private constructor(
    options: SqliteOptions,
    opened: ReturnType<typeof openSqlite>,
    queue: WriterQueue,
  ) {
    this.#options = options
    this.path = opened.path
    this.journalMode = opened.journalMode
    this.engineVersion = opened.sqliteVersion
    this.notices = opened.notices
    this.connection = opened.db
    this.queue = queue
    this.review = sqliteReview(
      this.connection,
      (draft, change) => this.journal(draft, change),
      (work) => this.exclusively(work),
      options.command,
    )
    this.activity = sqliteActivity(
      this.connection,
      () => this.#builder(),
      (draft, change) => this.journal(draft, change),
      (work) => this.exclusively(work),
    )
    this.alerts = sqliteAlerts(
      this.connection,
      (draft, change) => this.journal(draft, change),
      (work) => this.exclusively(work),
    )
    this.places = sqlitePlaces(
      this.connection,
      (work) => this.exclusively(work),
      () => this.#builder(),
    )
  }

  get place(): string {
    return this.path
  }

  /** Queries of reports and look-ups: one text for every engine. Not there in the mode `create`, which only loads. */
  get query(): Kysely<Database> {
    if (this.#query === undefined) throw new Error('the store was opened for loading only')
    return this.#query
  }

  /** Opens, and brings the schema up to date where the mode lets it write. */
  static async open(options: SqliteOptions): Promise<SqliteStore> {
    const opened = openSqlite(options.path, options.mode, options.settings)
    let queue: WriterQueue
    try {
      queue = new WriterQueue(options.path, options.writerWaitMs)
    } catch (error) {
      opened.db.close()
      throw translate(error, options.path)
    }
    const store = new SqliteStore(options, opened, queue)
    try {
      if (options.mode !== 'read' && store.schemaVersion < SCHEMA_VERSION) await store.migrate()
      // Twelve megabytes that a load has no use for.
      if (options.mode !== 'create') await store.#builder()
    } catch (error) {
      await store.close()
      throw error
    }
    return store
  }

  queries(): Promise<Kysely<Database>> {
    return this.#builder()
  }

  async #builder(): Promise<Kysely<Database>> {
    const { Kysely, SqliteDialect } = await import('kysely')
    this.#query ??= new Kysely<Database>({
      dialect: new SqliteDialect({ database: this.connection }),
    })
    return this.#query
  }

  get schemaVersion(): number {
    return this.connection.pragma('user_version', { simple: true }) as number
  }

  async migrate(): Promise<number> {
    await this.queue.enter('db migrate')
    try {
      return migrateSqlite(this.connection, this.#options.clock())
    } finally {
      this.queue.leave()
    }
  }

  writer(versions: WriterVersions): SqliteWriter {
    const { path, sealing, clock, command } = this.#options
    return new SqliteWriter({
      versions,
      db: this.connection,
      path,
      queue: this.queue,
      sealing,
      clock,
      command,
      synchronous: this.#options.settings.synchronous,
    })
  }

  async signingKeyIds(): Promise<string[]> {
    return this.connection
      .prepare('select key_id from signing_keys order by made_at_us')
      .pluck()
      .all() as string[]
  }

  /** Makes a key known: from now on it may sign checkpoints. In the journal. */
  async addSigningKey(
    key: Pick<SigningKey, 'keyId' | 'publicKey'>,
    madeAtUs: InstantUs,
  ): Promise<void> {
    if ((await this.signingKeyIds()).includes(key.keyId)) return
    await this.journal(
      keyAdded(key.keyId, toHex(key.publicKey), madeAtUs, this.#options.command),
      () =>
        this.connection
          .prepare('insert into signing_keys (key_id, public_key, made_at_us) values (?, ?, ?)')
          .run(key.keyId, key.publicKey, madeAtUs),
    )
  }

  /** Settings in force and sizes, for `db status`. */
  async engineStatus(): Promise<Readonly<Record<string, string | number>>> {
    const pragma = (name: string): string | number =>
      this.connection.pragma(name, { simple: true }) as string | number
    const size = (suffix: string): number =>
      existsSync(this.path + suffix) ? statSync(this.path + suffix).size : 0
    return {
      path: this.path,
      engineVersion: this.engineVersion,
      schemaVersion: this.schemaVersion,
      journalMode: this.journalMode,
      synchronous: ['off', 'normal', 'full', 'extra'][Number(pragma('synchronous'))] ?? '',
      cacheSize: pragma('cache_size'),
      pageSize: pragma('page_size'),
      foreignKeys: pragma('foreign_keys'),
      fileBytes: size(''),
      walBytes: size('-wal'),
      freePages: pragma('freelist_count'),
    }
  }

  reads(): VerifyReads {
    return verifyReads(this.connection, this.#options.sealing)
  }

  /** Writes a journal entry in a transaction of its own. */
  async journal(draft: JournalDraft, change?: (seq: number) => void): Promise<void> {
    await this.exclusively(() =>
      appendJournal(this.connection, this.#options.sealing, this.#options.clock(), draft, change),
    )
  }

  /** Runs one short transaction in its turn. */
  exclusively<T>(work: () => T): Promise<T> {
    // One ticket at a time: a second call of this process stands behind the first, not beside it.
    const mine = this.#turn.then(() => this.#inTurn(work))
    this.#turn = mine.catch(() => {})
    return mine
  }

  #turn: Promise<unknown> = Promise.resolve()

  async #inTurn<T>(work: () => T): Promise<T> {
    await this.queue.enter(this.#options.command)
    try {
      return this.connection.transaction(work).immediate()
    } catch (error) {
      throw translate(error, this.path)
    } finally {
      this.queue.leave()
    }
  }

  async holders(): Promise<Holder[]> {
    return this.queue.holders().map(({ pid, what }) => ({ what, who: `process ${pid}` }))
  }

  get mode(): string {
    return `journal mode ${this.journalMode}`
  }

  moveTarget(): MoveTarget {
    return sqliteMoveTarget(this)
  }

  async integrityProblems(): Promise<string[]> {
    return integrityProblems(this.connection)
  }

  async findFile(path: string, sensorOverride: string): Promise<FileRecord | undefined> {
    const row = prepared(
      this.connection,
      'select * from source_files where path = ? and sensor_override = ?',
    ).get(path, sensorOverride) as Database['source_files'] | undefined
    return row === undefined ? undefined : fileRecordOf(row)
  }

  async headLengths(sensorOverride: string): Promise<number[]> {
    // From one length to the next by the index, instead of over all sources.
    return prepared(
      this.connection,
      `with recursive lengths (n) as (
         select (select min(head_length) from sources where sensor_override = ? and head_length between 1 and 1023)
         union all
         select (select min(head_length) from sources where sensor_override = ? and head_length > n and head_length < 1024)
           from lengths where n is not null)
       select n from lengths where n is not null`,
    )
      .pluck()
      .all(sensorOverride, sensorOverride) as number[]
  }

  async findByHead(
    sensorOverride: string,
    heads: readonly { readonly length: number; readonly digest: string }[],
  ): Promise<SourceRecord[]> {
    // Small files have starts of many lengths: one question for all of them.
    const ids = prepared(
      this.connection,
      `select sources.id from json_each(?) as given
         cross join sources on head_digest = unhex(given.value ->> 'digest') and head_length = given.value ->> 'length'
        where sensor_override = ? order by sources.id desc limit ${LIMITS.lineageCandidatesMax}`,
    )
      .pluck()
      .all(JSON.stringify(heads), sensorOverride) as number[]
    return ids.map((id) => this.#source(id)!) // found just now
  }

  async source(id: number): Promise<SourceRecord | undefined> {
    return this.#source(id)
  }

  #source(id: number): SourceRecord | undefined {
    const row = prepared(this.connection, 'select * from sources where id = ?').get(id) as
      | Database['sources']
      | undefined
    if (row === undefined) return undefined
    const open =
      row.open_seq === 0
        ? undefined
        : (prepared(
            this.connection,
            'select start_offset, first_record from batches where source_id = ? and seq = ?',
          ).get(id, row.open_seq) as { start_offset: number; first_record: number })
    return sourceRecordOf(
      row,
      open && { startOffset: open.start_offset, firstRecord: open.first_record },
    )
  }

  async blockProof(
    sourceId: number,
    upToOffset: number,
  ): Promise<{ readonly ends: Float64Array; readonly digests: Uint8Array }> {
    const rows = this.connection
      .prepare(
        `select blocks.end_offset as end, blocks.sha256 as digest from blocks join batches on batches.id = blocks.batch_id
          where batches.source_id = ? and blocks.end_offset <= ?
            and batches.seq not in (select supersedes from batches where source_id = ?)
          order by blocks.end_offset`,
      )
      .all(sourceId, upToOffset, sourceId) as { end: number; digest: Uint8Array }[]
    const digests = new Uint8Array(rows.length * 32)
    rows.forEach((row, i) => {
      digests.set(row.digest, i * 32)
    })
    return { ends: Float64Array.from(rows, (row) => row.end), digests }
  }

  async artifactNames(): Promise<ReadonlySet<string>> {
    return artifactNames(await this.#builder(), this.dialect)
  }

  async saveArtifacts(rows: readonly ArtifactRecord[]): Promise<void> {
    await this.exclusively(() => {
      const insert = this.connection.prepare(
        `insert into artifacts (path, sha256, size, kind, seen_at_us, named_by) values (?, ?, ?, ?, ?, ?)
         on conflict (path) do update set sha256 = excluded.sha256, size = excluded.size, kind = excluded.kind, seen_at_us = excluded.seen_at_us, named_by = excluded.named_by`,
      )
      for (const row of rows)
        insert.run(row.path, row.sha256, row.size, row.kind, row.seenAtUs, row.namedBy)
    })
  }

  async *fingerprintRows(): AsyncGenerator<readonly FingerprintRow[]> {
    const names = new Map<number, { readonly sensor: string; readonly session: string }>()
    const find = this.connection.prepare(
      `select sensors.name as sensor, session from (select session_key, sensor_id, session from sessions where session_key = @key
         union all select session_key, sensor_id, session from held_sessions where session_key = @key)
         join sensors on sensors.id = sensor_id limit 1`,
    )
    const rows = this.connection
      .prepare(
        `select event_time_us, session_key, digest from raw_events
         union all select event_time_us, session_key, digest from held_events
         order by 1`,
      )
      .raw()
      .iterate() as IterableIterator<[number, number, Uint8Array]>
    for (const page of pagesOf(rows)) {
      yield page.map(([timeUs, key, digest]) => {
        let name = names.get(key)
        if (name === undefined) {
          name = (find.get({ key }) as { sensor: string; session: string } | undefined) ?? {
            sensor: '',
            session: '',
          }
          // Sessions are short: those met long ago will not come again.
          if (names.size > 50_000) names.clear()
          names.set(key, name)
        }
        return { timeUs, digest, ...name }
      })
    }
  }

  followedSince(path: string, sensorOverride: string, candidateUs: InstantUs): Promise<InstantUs> {
    return this.exclusively(() => {
      this.connection
        .prepare(
          'insert into followed_paths (path, sensor_override, since_us) values (?, ?, ?) on conflict (path, sensor_override) do nothing',
        )
        .run(path, sensorOverride, candidateUs)
      return this.connection
        .prepare('select since_us from followed_paths where path = ? and sensor_override = ?')
        .pluck()
        .get(path, sensorOverride) as number
    })
  }

  async claim(name: string): Promise<boolean> {
    return this.queue.claim(name)
  }

  async release(name: string): Promise<void> {
    this.queue.release(name)
  }

  async close(): Promise<void> {
    this.queue.close()
    // The query builder closes the connection only where it was used.
    await this.#query?.destroy()
    if (this.connection.open) this.connection.close()
  }
}
