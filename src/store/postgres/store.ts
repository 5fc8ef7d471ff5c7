import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { Kysely, PostgresDialect } from 'kysely'
import { toHex } from '../../core/bytes.ts'
import { StoreError } from '../../core/errors.ts'
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
import type { Database, Row, SessionKey } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import { fileRecordOf, sourceRecordOf } from '../source-rows.ts'
import type { MoveTarget } from '../transfer/move-port.ts'
import type { VerifyReads } from '../verify-port.ts'
import { postgresActivity } from './activity.ts'
import { readAddress } from './address.ts'
import { postgresAlerts } from './alerts.ts'
import { Connections } from './connection.ts'
import { postgresEngine } from './engine.ts'
import { appendJournal } from './journal.ts'
import { Leases } from './leases.ts'
import { lock } from './locks.ts'
import { migratePostgres, schemaVersionOf } from './migrate.ts'
import { postgresMoveTarget } from './move-target.ts'
import { postgresPlaces } from './places.ts'
import { postgresReview } from './review.ts'
import { verifyReads } from './verify-reads.ts'
import { PostgresWriter } from './writer.ts'

export type PostgresOptions = {
  readonly url: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly mode: OpenMode
  readonly sealing: Sealing
  readonly clock: () => InstantUs
  readonly command: string
}

/** A PostgreSQL database of nacre: the engine behind the port. */
export class PostgresStore implements Store {
  readonly engine = 'postgres'
  readonly dialect = postgresEngine
  readonly place: string
  readonly engineVersion: string
  readonly notices: readonly string[]
  /** For the parts of this engine only. */
  readonly connections: Connections
  readonly query: Kysely<Database>
  readonly review: ReviewStore
  readonly places: PlaceStore
  readonly alerts: AlertStore
  readonly activity: ActivityStore
  /** The tables are spread over the servers of Citus. */
  readonly isDistributed: boolean
  readonly #options: PostgresOptions
  readonly #leases: Leases
  readonly #owner: string
  #schemaVersion: number

  private constructor(
    options: PostgresOptions,
    connections: Connections,
    facts: {
      readonly version: number
      readonly isDistributed: boolean
      readonly owner: string
    },
  ) {
    this.#options = options
    this.connections = connections
    this.place = connections.place
    this.engineVersion = `${Math.floor(connections.version / 10_000)}.${connections.version % 10_000}`
    this.#schemaVersion = facts.version
    this.isDistributed = facts.isDistributed
    this.notices = []
    this.query = new Kysely<Database>({ dialect: new PostgresDialect({ pool: connections.pool }) })
    const { sealing, clock, command } = options
    this.places = postgresPlaces(connections, this.query)
    const { isDistributed } = facts
    this.alerts = postgresAlerts({ connections, sealing, clock })
    this.review = postgresReview({ connections, isDistributed, sealing, clock, command })
    this.activity = postgresActivity({ connections, query: this.query, sealing, clock })
    this.#owner = facts.owner
    this.#leases = new Leases(
      connections,
      facts.owner,
      `${hostname()} process ${process.pid}: ${options.command}`,
    )
  }

  /** Connects, and brings the schema up to date where the mode lets it write. */
  static async open(options: PostgresOptions): Promise<PostgresStore> {
    const address = readAddress(options.url, options.environment)
    const owner = randomUUID()
    const connections = await Connections.open(address, `${options.command} ${owner.slice(0, 8)}`)
    try {
      const found = await connections.retry(() => schemaVersionOf(connections))
      if (found === 0 && options.mode !== 'create') {
        throw new StoreError(
          'STORE_NOT_FOUND',
          `There is no database of nacre at ${connections.place}.`,
          {
            hint: '"nacre init" or a first load makes the tables; or name another database or ?schema= in the store URL.',
          },
        )
      }
      if (found > SCHEMA_VERSION) {
        throw new StoreError(
          'STORE_NEWER',
          `The database has schema version ${found}; this program knows ${SCHEMA_VERSION}.`,
          {
            hint: 'Use the program that made it, or a newer one.',
            context: { version: found, known: SCHEMA_VERSION },
          },
        )
      }
      const isBehind = options.mode !== 'read' && found < SCHEMA_VERSION
      if (isBehind) await migratePostgres(connections, options.clock())
      return new PostgresStore(options, connections, {
        version: isBehind ? SCHEMA_VERSION : found,
        isDistributed: await connections.retry(() => isDistributed(connections)),
        owner,
      })
    } catch (error) {
      await connections.close()
      throw error
    }
  }

  get schemaVersion(): number {
    return this.#schemaVersion
  }

  get mode(): string {
    return `schema ${this.connections.schema}${this.isDistributed ? ', distributed' : ''}`
  }

  async migrate(): Promise<number> {
    const applied = await migratePostgres(this.connections, this.#options.clock())
    this.#schemaVersion = await schemaVersionOf(this.connections)
    return applied
  }

  writer(versions: WriterVersions): PostgresWriter {
    const { sealing, clock, command } = this.#options
    return new PostgresWriter({
      connections: this.connections,
      owner: this.#owner,
      isDistributed: this.isDistributed,
      sealing,
      clock,
      command,
      versions,
    })
  }

  reads(): VerifyReads {
    return verifyReads(this.connections, this.#options.sealing)
  }

  async signingKeyIds(): Promise<string[]> {
    const rows = await this.#rows<{ key_id: string }>(
      'select key_id from signing_keys order by made_at_us, key_id',
    )
    return rows.map((row) => row.key_id)
  }

  async addSigningKey(
    key: Pick<SigningKey, 'keyId' | 'publicKey'>,
    madeAtUs: InstantUs,
  ): Promise<void> {
    const { sealing, clock, command } = this.#options
    await this.connections.transaction(async (client) => {
      // Loaders of several machines may bring the same key at once.
      await lock(client, 'journal')
      const known = await client.query('select 1 from signing_keys where key_id = $1', [key.keyId])
      if (known.rows.length > 0) return
      await appendJournal(
        client,
        sealing,
        clock(),
        keyAdded(key.keyId, toHex(key.publicKey), madeAtUs, command),
        () =>
          client.query(
            'insert into signing_keys (key_id, public_key, made_at_us) values ($1, $2, $3)',
            [key.keyId, key.publicKey, madeAtUs],
          ),
      )
    })
  }

  async journal(draft: JournalDraft): Promise<void> {
    const { sealing, clock } = this.#options
    await this.connections.transaction((client) => appendJournal(client, sealing, clock(), draft))
  }

  async engineStatus(): Promise<Readonly<Record<string, string | number>>> {
    const [settings] = await this.#rows<Record<string, string | number>>(
      `select current_user as role, current_schema() as schema, current_setting('server_version') as "serverVersion",
              current_setting('synchronous_commit') as "synchronousCommit", current_setting('shared_buffers') as "sharedBuffers",
              pg_database_size(current_database()) as "databaseBytes",
              (select coalesce(sum(pg_total_relation_size(relid)), 0) from pg_partition_tree('raw_events')) as "eventBytes",
              (select count(*) - 2 from pg_partition_tree('raw_events')) as months`,
    )
    const [other] = await this.#rows<{ n: number }>('select count(*) as n from raw_events_other')
    return {
      place: this.place,
      engineVersion: this.engineVersion,
      schemaVersion: this.schemaVersion,
      ...settings,
      eventsOutsideMonths: other!.n,
      distributed: this.isDistributed ? 'yes' : 'no',
    }
  }

  async holders(): Promise<Holder[]> {
    const rows = await this.#rows<{ what: string }>(
      'select distinct what from leases where expires_at > clock_timestamp() order by what',
    )
    return rows.map((row) => {
      const at = row.what.lastIndexOf(': ')
      return { what: row.what.slice(at + 2), who: row.what.slice(0, at) }
    })
  }

  moveTarget(): MoveTarget {
    return postgresMoveTarget(this, this.#options.clock)
  }

  /** What the server itself would refuse by now: indexes and constraints that are not valid. */
  async integrityProblems(): Promise<string[]> {
    const rows: { problem: string }[] = []
    for (const text of INTEGRITY) rows.push(...(await this.#rows<{ problem: string }>(text)))
    return rows.map((row) => row.problem)
  }

  async findFile(path: string, sensorOverride: string): Promise<FileRecord | undefined> {
    const [row] = await this.#rows<Row<'source_files'>>(
      'select * from source_files where md5(path) = md5($1) and md5(sensor_override) = md5($2) and path = $1 and sensor_override = $2',
      [path, sensorOverride],
    )
    return row === undefined ? undefined : fileRecordOf(row)
  }

  async headLengths(sensorOverride: string): Promise<number[]> {
    const rows = await this.#rows<{ head_length: number }>(
      // From one length to the next by the index, instead of over all sources.
      `with recursive lengths (n) as (
         select (select min(head_length) from sources where md5(sensor_override) = md5($1) and head_length between 1 and 1023)
         union all
         select (select min(head_length) from sources where md5(sensor_override) = md5($1) and head_length > n and head_length < 1024)
           from lengths where n is not null)
       select n as head_length from lengths where n is not null`,
      [sensorOverride],
    )
    return rows.map((row) => row.head_length)
  }

  async findByHead(
    sensorOverride: string,
    heads: readonly { readonly length: number; readonly digest: string }[],
  ): Promise<SourceRecord[]> {
    if (heads.length === 0) return []
    const rows = await this.#rows<{ id: number }>(
      `select sources.id from sources join json_to_recordset($2::json) as given (length bigint, digest text)
         on head_digest = decode(given.digest, 'hex') and head_length = given.length
        where sensor_override = $1 order by id desc limit ${LIMITS.lineageCandidatesMax}`,
      [sensorOverride, JSON.stringify(heads)],
    )
    const found: SourceRecord[] = []
    for (const { id } of rows) found.push((await this.source(id))!)
    return found
  }

  async source(id: number): Promise<SourceRecord | undefined> {
    const [row] = await this.#rows<
      Row<'sources'> & { readonly open_start: number | null; readonly open_record: number | null }
    >(
      `select sources.*, batches.start_offset as open_start, batches.first_record as open_record
         from sources left join batches on batches.source_id = sources.id and batches.seq = sources.open_seq
        where sources.id = $1`,
      [id],
    )
    if (row === undefined) return undefined
    const { open_start: startOffset, open_record: firstRecord } = row
    return sourceRecordOf(
      row,
      startOffset === null || firstRecord === null ? undefined : { startOffset, firstRecord },
    )
  }

  async blockProof(
    sourceId: number,
    upToOffset: number,
  ): Promise<{ readonly ends: Float64Array; readonly digests: Uint8Array }> {
    // Two steps: where the tables are spread, blocks lie elsewhere than batches.
    const batches = await this.#rows<{ id: number }>(
      `select id from batches where source_id = $1 and start_offset < $2
         and seq not in (select supersedes from batches where source_id = $1)`,
      [sourceId, upToOffset],
    )
    const rows = await this.#rows<{ end: number; digest: Buffer }>(
      'select end_offset as "end", sha256 as digest from blocks where batch_id = any($1::bigint[]) and end_offset <= $2 order by end_offset',
      [`{${batches.map((row) => row.id).join(',')}}`, upToOffset],
    )
    const digests = new Uint8Array(rows.length * 32)
    rows.forEach((row, i) => {
      digests.set(row.digest, i * 32)
    })
    return { ends: Float64Array.from(rows, (row) => row.end), digests }
  }

  artifactNames(): Promise<ReadonlySet<string>> {
    return artifactNames(this.query, this.dialect)
  }

  async saveArtifacts(records: readonly ArtifactRecord[]): Promise<void> {
    // Paths in one order, and each once: a statement may not meet a row twice.
    const byPath = new Map(records.map((record) => [record.path, record]))
    const rows = [...byPath.values()].map((one) => ({
      path: one.path,
      sha256: one.sha256,
      size: one.size,
      kind: one.kind,
      seen_at_us: one.seenAtUs,
      named_by: one.namedBy,
    }))
    await this.connections.transaction((client) =>
      client.query(
        `insert into artifacts (path, sha256, size, kind, seen_at_us, named_by)
         select path, sha256, size, kind, seen_at_us, named_by
           from json_to_recordset($1::json) as given (path text, sha256 text, size bigint, kind text, seen_at_us bigint, named_by text)
          order by path collate "C"
         on conflict (md5(path)) do update set sha256 = excluded.sha256, size = excluded.size, kind = excluded.kind,
           seen_at_us = excluded.seen_at_us, named_by = excluded.named_by`,
        [JSON.stringify(rows)],
      ),
    )
  }

  async *fingerprintRows(): AsyncGenerator<readonly FingerprintRow[]> {
    const reads = this.reads()
    const sensors = await reads.sensorNames()
    const names = new Map<SessionKey, { readonly sensor: string; readonly session: string }>()
    const nameOf = (row: { readonly sensor_id: number; readonly session: string }) => ({
      sensor: sensors.get(row.sensor_id) ?? '',
      session: row.session,
    })
    const keys = streamKeys(this.connections)
    for await (const page of keys) {
      const unknown = [...new Set(page.map((row) => row.session_key))].filter(
        (key) => !names.has(key),
      )
      if (names.size > 50_000) names.clear()
      const wanted = names.size === 0 ? [...new Set(page.map((row) => row.session_key))] : unknown
      for (const [key, row] of await reads.sessions(wanted)) names.set(key, nameOf(row))
      // Sessions of which every event is withheld have no row among the others.
      if (wanted.some((key) => !names.has(key)))
        for (const row of await reads.heldSessions()) names.set(row.session_key, nameOf(row))
      yield page.map((row) => ({
        timeUs: row.event_time_us,
        digest: row.digest,
        ...(names.get(row.session_key) ?? { sensor: '', session: '' }),
      }))
    }
  }

  async queries(): Promise<Kysely<Database>> {
    return this.query
  }

  async followedSince(
    path: string,
    sensorOverride: string,
    candidateUs: InstantUs,
  ): Promise<InstantUs> {
    await this.#rows(
      `insert into followed_paths (path, sensor_override, since_us) values ($1, $2, $3)
       on conflict (md5(path), md5(sensor_override)) do nothing`,
      [path, sensorOverride, candidateUs],
    )
    const [row] = await this.#rows<{ since_us: number }>(
      'select since_us from followed_paths where md5(path) = md5($1) and md5(sensor_override) = md5($2)',
      [path, sensorOverride],
    )
    return row!.since_us // was written just now, or before
  }

  claim(name: string): Promise<boolean> {
    return this.#leases.claim(name)
  }

  release(name: string): Promise<void> {
    return this.#leases.release(name)
  }

  async close(): Promise<void> {
    await this.#leases.close()
    // The query builder ends the pool only where it was used.
    await this.query.destroy()
    if (!this.connections.pool.ended) await this.connections.close()
  }

  async #rows<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    const found = await this.connections.retry(() =>
      this.connections.pool.query({ text, values: [...values] }),
    )
    return found.rows as T[] // the statement names the columns of T
  }
}

/** Each a question of its own: over spread tables they cannot be one. */
const INTEGRITY = [
  `select format('index %s is not valid', indexrelid::regclass) as problem from pg_index
    where not indisvalid and indrelid in (select oid from pg_class where relnamespace = current_schema()::regnamespace) limit 20`,
  `select format('constraint %s of %s is not valid', conname, conrelid::regclass) as problem from pg_constraint
    where not convalidated and connamespace = current_schema()::regnamespace limit 20`,
  `select format('blocks of batch %s name a batch that is not there', blocks.batch_id) as problem
     from blocks left join batches on batches.id = blocks.batch_id where batches.id is null limit 20`,
  `select format('batch %s names source %s, which is not there', batches.id, source_id) as problem
     from batches left join sources on sources.id = source_id where sources.id is null limit 20`,
]

type EventKey = {
  readonly event_time_us: number
  readonly session_key: SessionKey
  readonly digest: Buffer
}

/** Keys of all stored and held events in the order of time, through a cursor. */
async function* streamKeys(connections: Connections): AsyncGenerator<readonly EventKey[]> {
  const client = await connections.pool.connect()
  let isDone = false
  try {
    await client.query('begin isolation level repeatable read read only')
    await client.query('set local cursor_tuple_fraction = 1')
    await client.query(
      `declare keys no scroll cursor for
         select event_time_us, session_key, digest from raw_events
         union all select event_time_us, session_key, digest from held_events order by 1`,
    )
    for (;;) {
      const { rows } = await client.query<EventKey>('fetch 10000 from keys')
      if (rows.length === 0) break
      yield rows
    }
    await client.query('commit')
    isDone = true
  } finally {
    client.release(!isDone)
  }
}

async function isDistributed(connections: Connections): Promise<boolean> {
  const { rows } = await connections.pool.query<{ is_there: boolean }>(
    `select exists (select 1 from pg_extension where extname = 'citus') as is_there`,
  )
  if (rows[0]?.is_there !== true) return false
  const { rows: found } = await connections.pool.query<{ is_distributed: boolean }>(
    `select exists (select 1 from pg_dist_partition where logicalrelid = 'raw_events'::regclass) as is_distributed`,
  )
  return found[0]?.is_distributed === true
}
