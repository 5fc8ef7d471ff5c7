/** A store and a folder of logs that live as long as one test, and a way to load them. */
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { sealing } from '../../src/cli/wiring.ts'
import { type DeadReason, type Flag, flagNames } from '../../src/core/event.ts'
import { LIMITS } from '../../src/limits.ts'
import { type LoadOptions, type LoadReport, loadOnce } from '../../src/pipeline/bulk.ts'
import { inlineReader } from '../../src/pipeline/reader-pool.ts'
import { loadSigningKey, newSigningKey } from '../../src/seal/chain.ts'
import { SqliteStore } from '../../src/store/sqlite/store.ts'
import { loadRegistry } from '../../src/validate/registry.ts'

/** The schemas of this checkout. */
export const registry = loadRegistry(new URL('../../schemas/events/', import.meta.url))

/** 2026-06-01T00:00:00Z: what every load of a test takes for now. */
export const NOW_US: number = Date.UTC(2026, 5, 1) * 1000

const signingKey = loadSigningKey(newSigningKey())

export type Fields = Readonly<Record<string, unknown>>

/** One failed log-in as Cowrie writes it; its address is from a documentation range. */
export function event(overrides: Fields = {}): Fields {
  return {
    eventid: 'cowrie.login.failed',
    username: 'root',
    password: '123456',
    message: 'login attempt [root/123456] failed',
    sensor: 'sensor-1',
    timestamp: '2026-05-01T10:00:00.000000Z',
    src_ip: '192.0.2.1',
    session: 'a1b2c3d4e5f6',
    ...overrides,
  }
}

/** So many events that differ in time, session and address. */
export function events(count: number, overrides: Fields = {}): Fields[] {
  return Array.from({ length: count }, (_, i) =>
    event({
      timestamp: new Date(Date.UTC(2026, 4, 1) + i * 1_000).toISOString().replace('Z', '000Z'),
      session: (0xa00000000000 + i * 7).toString(16),
      src_ip: `198.51.100.${(i % 254) + 1}`,
      password: `secret ${i}`,
      ...overrides,
    }),
  )
}

/** One event as a line without its line end. */
export function line(overrides: Fields = {}): string {
  return JSON.stringify(event(overrides))
}

/** JSON Lines. */
export function lines(of: readonly Fields[]): string {
  return of.map((one) => `${JSON.stringify(one)}\n`).join('')
}

export type StoredEvent = {
  readonly at: number
  readonly eventid: string
  readonly session: string
  readonly sensor: string
  readonly digest: string
  readonly flags: readonly Flag[]
  readonly text: string
  readonly payload: Readonly<Record<string, unknown>>
}

export type StoredDead = {
  readonly reason: DeadReason
  readonly records: number
  readonly start: number
  readonly end: number
  readonly state: string
}

export type LabLoad = Partial<
  Pick<LoadOptions, 'sensor' | 'acceptEnriched' | 'dryRun' | 'chunkBytes'>
> & { readonly paths?: readonly string[] }

/** A store beside a folder of logs. */
export class Lab implements AsyncDisposable {
  readonly folder: string
  readonly store: SqliteStore
  readonly #remove: () => void

  private constructor(folder: string, store: SqliteStore, remove: () => void) {
    this.folder = folder
    this.store = store
    this.#remove = remove
  }

  static async open(): Promise<Lab> {
    const root = mkdtempSync(join(tmpdir(), 'nacre-test-'))
    const folder = join(root, 'logs')
    mkdirSync(folder)
    const store = await SqliteStore.open({
      path: join(root, 'nacre.sqlite'),
      mode: 'create',
      settings: { cacheSize: -8_000, synchronous: 'normal', pageSize: 4_096 },
      sealing,
      clock: () => NOW_US,
      command: 'test',
    })
    await store.addSigningKey(signingKey, NOW_US)
    return new Lab(folder, store, () => rmSync(root, { recursive: true, force: true }))
  }

  /** The whole path of a log. */
  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, data: string | Uint8Array): void {
    mkdirSync(dirname(this.path(name)), { recursive: true })
    writeFileSync(this.path(name), data)
  }

  append(name: string, data: string | Uint8Array): void {
    appendFileSync(this.path(name), data)
  }

  rename(from: string, to: string): void {
    renameSync(this.path(from), this.path(to))
  }

  remove(name: string): void {
    rmSync(this.path(name))
  }

  /** Loads the folder of logs, or the paths given. */
  async load(options: LabLoad = {}): Promise<LoadReport> {
    const writer = this.store.writer({
      schemaVersion: registry.version,
      ruleSet: 'none',
      programVersion: 'test',
      schemaFiles: registry.entries.map(({ file, digest }) => ({ file, digest })),
    })
    try {
      return await loadOnce(
        {
          paths: options.paths ?? [this.folder],
          sensor: options.sensor,
          sensorOf: () => undefined,
          acceptEnriched: options.acceptEnriched ?? false,
          dryRun: options.dryRun ?? false,
          clock: () => NOW_US,
          signal: new AbortController().signal,
          chunkBytes: options.chunkBytes ?? LIMITS.readChunkBytes,
          signingKey,
          progress: () => {},
        },
        this.store,
        writer,
        [inlineReader(1, registry)],
      )
    } finally {
      writer.close()
    }
  }

  /** Everything stored, in the order of time and digest. */
  events(): StoredEvent[] {
    const rows = this.store.connection
      .prepare(
        `select event_time_us as at, event_kinds.name as eventid, sessions.session as session,
                sensors.name as sensor, hex(digest) as digest, flags, payload as text
           from raw_events
           join event_kinds on event_kinds.id = kind_id
           join sessions on sessions.session_key = raw_events.session_key
           join sensors on sensors.id = sensor_id
          order by event_time_us, digest`,
      )
      .all() as (Omit<StoredEvent, 'flags' | 'payload'> & { readonly flags: number })[]
    return rows.map((row) => ({
      ...row,
      flags: flagNames(row.flags),
      payload: JSON.parse(row.text) as Record<string, unknown>,
    }))
  }

  /** What tells the stored events apart: sensor, time and digest of each. */
  keys(): string[] {
    return this.events().map(({ sensor, at, digest }) => `${sensor} ${at} ${digest}`)
  }

  dead(): StoredDead[] {
    return this.store.connection
      .prepare(
        `select reason, records, start_offset as start, end_offset as end, state
           from dead_letters order by id`,
      )
      .all() as StoredDead[]
  }

  /** Reasons of the dead letters that still count, one for each record. */
  deadReasons(): DeadReason[] {
    return this.dead()
      .filter((letter) => letter.state === 'new')
      .flatMap((letter) => Array.from({ length: letter.records }, () => letter.reason))
  }

  drift(): { what: string; eventid: string; field: string; count: number }[] {
    return this.store.connection
      .prepare('select what, eventid, field, count from schema_drift order by what, eventid, field')
      .all() as { what: string; eventid: string; field: string; count: number }[]
  }

  sourceCount(): number {
    return this.store.connection.prepare('select count(*) from sources').pluck().get() as number
  }

  /** What breaks the conservation of bytes and records; empty when nothing does. */
  problems(): string[] {
    const db = this.store.connection
    const problems: string[] = []
    const sources = db
      .prepare('select id, committed_offset as committed, records from sources order by id')
      .all() as { id: number; committed: number; records: number }[]
    const batchesOf = db.prepare(
      `select id, seq, start_offset as start, end_offset as end, records, stored, duplicate, held,
              dead, blank, expired
         from batches where source_id = ? and seq not in
              (select supersedes from batches where source_id = ?)
        order by start_offset, seq`,
    )
    const eventsOf = db.prepare('select count(*) from raw_events where batch_id = ?').pluck()
    const deadOf = db
      .prepare('select coalesce(sum(records), 0) from dead_letters where batch_id = ?')
      .pluck()
    for (const source of sources) {
      let at = 0
      let records = 0
      for (const batch of batchesOf.all(source.id, source.id) as Record<string, number>[]) {
        const name = `batch ${batch['seq']} of source ${source.id}`
        const fates = ['stored', 'duplicate', 'held', 'dead', 'blank', 'expired']
        const sum = fates.reduce((total, fate) => total + batch[fate]!, 0)
        if (sum !== batch['records']) problems.push(`${name}: fates do not add up`)
        if (batch['start'] !== at) problems.push(`${name}: starts at ${batch['start']}, not ${at}`)
        if (eventsOf.get(batch['id']) !== batch['stored']) problems.push(`${name}: stored`)
        if (deadOf.get(batch['id']) !== batch['dead']) problems.push(`${name}: dead`)
        at = batch['end']!
        records += batch['records']!
      }
      if (at !== source.committed) problems.push(`source ${source.id}: ends at ${at}`)
      if (records !== source.records) problems.push(`source ${source.id}: ${records} records`)
    }
    return problems
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
    this.#remove()
  }
}

/** A lab into which files were loaded once; the caller disposes of it. */
export type LoadedLab = { readonly lab: Lab; readonly report: LoadReport } & AsyncDisposable

/** Writes files into a folder of their own and loads it into a store of its own. */
export async function loadFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: LabLoad = {},
): Promise<LoadedLab> {
  const lab = await Lab.open()
  try {
    for (const [name, data] of Object.entries(files)) lab.write(name, data)
    const report = await lab.load(options)
    return { lab, report, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() }
  } catch (error) {
    await lab[Symbol.asyncDispose]()
    throw error
  }
}

/** Gives the work a folder that is gone afterwards. */
export async function withTempFolder<T>(work: (folder: string) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-test-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs the work with other limits; those of the program come back afterwards. */
export async function withLimits<T>(
  limits: Partial<Record<keyof typeof LIMITS, number>>,
  work: () => Promise<T> | T,
): Promise<T> {
  const before = { ...LIMITS }
  Object.assign(LIMITS, limits)
  try {
    return await work()
  } finally {
    Object.assign(LIMITS, before)
  }
}
