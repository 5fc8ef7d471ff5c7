/** A store and a folder of logs that live as long as one test, and a way to load them. */
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { sql } from 'kysely'
import { toHex } from '../../src/core/bytes.ts'
import { type DeadReason, type Flag, flagNames } from '../../src/core/event.ts'
import type { Recipient, SigningKey } from '../../src/core/seal-types.ts'
import type { TextMatcher } from '../../src/core/verdict.ts'
import { LIMITS } from '../../src/limits.ts'
import type { Redactor } from '../../src/neutralize/pii/index.ts'
import { Scoring } from '../../src/neutralize/scoring.ts'
import { type StandardRules, standardRules } from '../../src/neutralize/standard-rules.ts'
import { type LoadOptions, type LoadReport, loadOnce } from '../../src/pipeline/bulk.ts'
import { inlineReader, workerReader } from '../../src/pipeline/reader-pool.ts'
import type { ReadingStages, StagesPlan } from '../../src/pipeline/stages.ts'
import type { VerifyOptions } from '../../src/pipeline/verify.ts'
import { loadSigningKey, newSigningKey } from '../../src/seal/chain.ts'
import { systemFiles } from '../../src/source/files.ts'
import { MIGRATIONS } from '../../src/store/migrations/index.ts'
import type { BatchNeeds, Store, WriterVersions } from '../../src/store/port.ts'
import { loadRegistry } from '../../src/validate/registry.ts'
import { currentEngine, NOW_US, type TestDatabase, type TestEngine } from './engines.ts'

/** The schemas of this checkout. */
export const registry = loadRegistry(new URL('../../schemas/events/', import.meta.url))

export type { StandardRules } from '../../src/neutralize/standard-rules.ts'
export { NOW_US } from './engines.ts'

/** The rules of this checkout. */
export const rules = standardRules(new URL('../../rules/', import.meta.url))

/** What batches of the tests name. */
export const VERSIONS: WriterVersions = {
  schemaVersion: registry.version,
  programVersion: 'test',
  schemaFiles: registry.entries.map(({ file, digest }) => ({ file, digest })),
  rules: rules.texts,
}

/** Verification of everything, without a private key at hand. */
export const VERIFY_ALL: VerifyOptions = {
  registry,
  rules,
  privateKeys: new Map(),
  knownMigrations: MIGRATIONS,
  signal: new AbortController().signal,
  progress: () => {},
}

/** What readers of the tests work with. */
export function testStages(
  needs: BatchNeeds = { keyOrder: false },
  options: {
    readonly holdHazard?: number
    readonly rules?: StandardRules
    readonly recipient?: Recipient
    readonly redactor?: Redactor
    readonly matcher?: Matcher
  } = {},
): ReadingStages {
  return {
    registry,
    scoring: new Scoring(options.matcher ?? (() => options.rules ?? rules)),
    needs,
    holdHazard: options.holdHazard ?? LIMITS.holdHazard,
    recipient: options.recipient,
    redactor: options.redactor,
  }
}

/** The same for a reader in a thread of its own, which makes its stages itself. */
function testPlan(needs: BatchNeeds, options: LabLoad): StagesPlan {
  return {
    schemas: new URL('../../schemas/events/', import.meta.url).href,
    rules: new URL('../../rules/', import.meta.url).href,
    needs,
    holdHazard: options.holdHazard ?? LIMITS.holdHazard,
    recipient: options.recipient,
    redaction: { detectors: [], plugins: [] },
  }
}

/** Signs the checkpoints of the tests. */
export const signingKey: SigningKey = loadSigningKey(newSigningKey())

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

/** Makes what looks at texts; it is given whom to tell of a rule that took too long. */
export type Matcher = (onSlow: (ruleId: string) => void) => TextMatcher

export type LabLoad = Partial<
  Pick<LoadOptions, 'sensor' | 'acceptEnriched' | 'dryRun' | 'chunkBytes' | 'onRulesOff'>
> & {
  readonly paths?: readonly string[]
  readonly holdHazard?: number
  /** Other rules than those of this checkout. */
  readonly rules?: StandardRules
  readonly matcher?: Matcher
  /** Reads in so many threads; without it in this one. */
  readonly threads?: number
  readonly recipient?: Recipient
  readonly redactor?: Redactor
}

/** A store beside a folder of logs. */
export class Lab implements AsyncDisposable {
  readonly folder: string
  readonly store: Store
  readonly database: TestDatabase

  private constructor(folder: string, store: Store, database: TestDatabase) {
    this.folder = folder
    this.store = store
    this.database = database
  }

  static async open(engine: TestEngine = currentEngine()): Promise<Lab> {
    const root = mkdtempSync(join(tmpdir(), 'nacre-test-'))
    const folder = join(root, 'logs')
    mkdirSync(folder)
    const database = await engine.create(root)
    const store = await database.open('write')
    await store.addSigningKey(signingKey, NOW_US)
    return new Lab(folder, store, {
      ...database,
      async drop() {
        await database.drop()
        rmSync(root, { recursive: true, force: true })
      },
    })
  }

  /** A further connection to the same store, as another process would have. The caller closes it. */
  openAgain(): Promise<Store> {
    return this.database.open('write')
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
  async load(options: LabLoad = {}, store: Store = this.store): Promise<LoadReport> {
    const { texts } = options.rules ?? rules
    const writer = store.writer({ ...VERSIONS, rules: texts })
    const readers =
      options.threads === undefined
        ? [inlineReader(1, testStages(writer.needs, options))]
        : Array.from({ length: options.threads }, (_, i) =>
            workerReader(i + 1, testPlan(writer.needs, options)),
          )
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
          files: systemFiles,
          chunkBytes: options.chunkBytes ?? LIMITS.readChunkBytes,
          signingKey,
          progress: () => {},
          ...(options.onRulesOff === undefined ? {} : { onRulesOff: options.onRulesOff }),
        },
        store,
        writer,
        readers,
      )
    } finally {
      for (const reader of readers) await reader.close()
      await writer.close()
    }
  }

  /** Rows of a statement that every engine understands. */
  async all<T = Record<string, unknown>>(statement: string): Promise<T[]> {
    return (await sql.raw<T>(statement).execute(this.store.query)).rows
  }

  /** The statement on the database itself, past everything that guards it. */
  async tamper(statement: string): Promise<void> {
    await this.database.tamper(statement)
  }

  /** Everything stored, in the order of time and digest. */
  async events(): Promise<StoredEvent[]> {
    const reads = this.store.reads()
    const kinds = await reads.kindNames()
    const sensors = await reads.sensorNames()
    const found: StoredEvent[] = []
    for await (const page of reads.storedEvents()) {
      const sessions = await reads.sessions([...new Set(page.map((cells) => cells[3]))])
      for (const [, , at, key, kindId, flags, digest, , payload] of page) {
        const session = sessions.get(key)!
        const text = Buffer.from(payload).toString()
        found.push({
          at,
          eventid: kinds.get(kindId)!,
          session: session.session,
          sensor: sensors.get(session.sensor_id)!,
          digest: toHex(digest).toUpperCase(),
          flags: flagNames(flags),
          text,
          payload: JSON.parse(text) as Record<string, unknown>,
        })
      }
    }
    return found.sort((a, b) => a.at - b.at || (a.digest < b.digest ? -1 : 1))
  }

  /** What tells the stored events apart: sensor, time and digest of each. */
  async keys(): Promise<string[]> {
    return (await this.events()).map(({ sensor, at, digest }) => `${sensor} ${at} ${digest}`)
  }

  dead(): Promise<StoredDead[]> {
    return this.all<StoredDead>(
      `select reason, records, start_offset as start, end_offset as "end", state
         from dead_letters order by id`,
    )
  }

  /** Reasons of the dead letters that still count, one for each record. */
  async deadReasons(): Promise<DeadReason[]> {
    return (await this.dead())
      .filter((letter) => letter.state === 'new')
      .flatMap((letter) => Array.from({ length: letter.records }, () => letter.reason))
  }

  drift(): Promise<{ what: string; eventid: string; field: string; count: number }[]> {
    return this.all(
      'select what, eventid, field, count from schema_drift order by what, eventid, field',
    )
  }

  async sourceCount(): Promise<number> {
    return (await this.all('select 1 from sources')).length
  }

  /** What breaks the conservation of bytes and records; empty when nothing does. */
  async problems(): Promise<string[]> {
    const problems: string[] = []
    const sources = await this.all<{ id: number; committed: number; records: number }>(
      'select id, committed_offset as committed, records from sources order by id',
    )
    for (const source of sources) {
      let at = 0
      let records = 0
      const batches = await this.all<Record<string, number>>(
        `select id, seq, start_offset as "start", end_offset as "end", records, stored, duplicate, held,
                dead, blank, expired
           from batches where source_id = ${source.id} and seq not in
                (select supersedes from batches where source_id = ${source.id})
          order by start_offset, seq`,
      )
      for (const batch of batches) {
        const name = `batch ${batch['seq']} of source ${source.id}`
        const fates = ['stored', 'duplicate', 'held', 'dead', 'blank', 'expired']
        const sum = fates.reduce((total, fate) => total + batch[fate]!, 0)
        if (sum !== batch['records']) problems.push(`${name}: fates do not add up`)
        if (batch['start'] !== at) problems.push(`${name}: starts at ${batch['start']}, not ${at}`)
        const counted = async (statement: string): Promise<number> =>
          Number((await this.all<{ n: number }>(statement))[0]!.n)
        const id = batch['id']
        const stored = await counted(`select count(*) as n from raw_events where batch_id = ${id}`)
        if (stored !== batch['stored']) problems.push(`${name}: stored`)
        const dead = await counted(
          `select coalesce(sum(records), 0) as n from dead_letters where batch_id = ${id}`,
        )
        if (dead !== batch['dead']) problems.push(`${name}: dead`)
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
    await this.database.drop()
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
