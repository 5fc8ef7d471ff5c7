import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Settings } from '../config/settings.ts'
import { OperatingError, SealError, StoreError } from '../core/errors.ts'
import type { InstantUs } from '../core/instant.ts'
import type { Recipient, RecipientPrivateKey, SigningKey } from '../core/seal-types.ts'
import type { StandardRules } from '../neutralize/standard-rules.ts'
import { terminal } from '../output/encode/terminal.ts'
import type { StagesPlan } from '../pipeline/stages.ts'
import type { BatchNeeds, Engine, OpenMode, Store } from '../store/port.ts'
import type { Registry } from '../validate/registry.ts'
import type { Output } from './output.ts'

export type { Store } from '../store/port.ts'

export type OpenOptions = {
  /** A load that is to need little memory: half the page cache, unless the operator set its size. */
  readonly isSmall?: boolean
  /** A follower: small transactions at the ends of its tables, and little memory for years. */
  readonly isFollower?: boolean
  /** Milliseconds it waits for its turn to write; less than a load where a person waits. */
  readonly writerWaitMs?: number
  /** What is asked of it is there in older schemas, too. */
  readonly mayBeOlder?: boolean
}

/** What a command is given: settings, clock, output, and the parts wired together on demand. */
export type App = {
  readonly settings: Settings
  readonly out: Output
  readonly signal: AbortSignal
  readonly clock: () => InstantUs
  readonly command: string
  readonly programVersion: string
  readonly schemas: URL
  readonly rules: URL
  /**
   * Opens the store of the settings.
   *
   * @throws StoreError; `STORE_OLDER` where it is only read and its schema is that of an older program
   */
  openStore(mode: OpenMode, options?: OpenOptions): Promise<Store>
  /** Opens another store than that of the settings. @throws StoreError */
  openOther(url: string, mode: OpenMode): Promise<Store>
  /** In what the engine of the settings differs from others; opens nothing. */
  engine(): Promise<Engine>
  /** An error of an engine's driver as one of ours, where it is known what it means; others unchanged. */
  explain(error: unknown): Promise<unknown>
  registry(): Promise<Registry>
  /** The rules of this program, compiled. @throws RulesError */
  ruleSet(): Promise<StandardRules>
  /** The key that sealed bytes are encrypted to; made where there is none, and made known to the store. */
  recipient(store: Store): Promise<{ readonly recipient: Recipient; readonly made: boolean }>
  /** Id of the signing key of this data folder, where it has one. */
  signingKeyId(): Promise<string | undefined>
  /** Private halves of recipient keys that are at hand; odd files are told on standard error. */
  privateKeys(): Promise<ReadonlyMap<string, RecipientPrivateKey>>
  /**
   * What readers of a load work with.
   *
   * @param store - learns of the key that sealed bytes are encrypted to
   */
  stagesPlan(store: Store, needs: BatchNeeds): Promise<StagesPlan>
  /** Makes folder, key and database where they are missing. @returns the key and what was made */
  prepare(store: Store): Promise<SigningKey>
}

export type AppContext = Pick<
  App,
  'settings' | 'out' | 'signal' | 'command' | 'programVersion' | 'schemas' | 'rules'
>

/** Microseconds since 1970, as fine as the system tells. */
export function systemClock(): InstantUs {
  // Finer than `Date`, but it does not follow when the clock is set, which matters to what runs for months.
  const fineMs = performance.timeOrigin + performance.now()
  const coarseMs = Date.now()
  return Math.round((Math.abs(fineMs - coarseMs) < 2 ? fineMs : coarseMs) * 1000)
}

/** Wires the parts of the program. The heavy ones are loaded when a command asks for them. */
export function createApp(context: AppContext): App {
  const clock = systemClock
  const { settings } = context
  return {
    ...context,
    clock,
    async openStore(mode, options) {
      if (mode === 'create') makeFolder(settings.data)
      return openStoreAt(context, clock, settings.store, mode, options)
    },
    async openOther(url, mode) {
      // What only loads cannot be asked anything: made first, then opened to write.
      if (mode === 'create') await (await openStoreAt(context, clock, url, mode)).close()
      return openStoreAt(context, clock, url, mode === 'create' ? 'write' : mode)
    },
    async engine() {
      if (isPostgresUrl(settings.store))
        return (await import('../store/postgres/engine.ts')).postgresEngine
      return (await import('../store/sqlite/engine.ts')).sqliteEngine
    },
    async explain(error) {
      if (error instanceof OperatingError) return error
      // Of a server (it tells a severity), or of the way there.
      const isServers = error instanceof Error && 'severity' in error
      if (!isServers && !isPostgresUrl(settings.store)) return error
      const { explainError } = await import('../store/postgres/connection.ts')
      const { readAddress } = await import('../store/postgres/address.ts')
      const address = isPostgresUrl(settings.store)
        ? readAddress(settings.store, process.env)
        : undefined
      return explainError(error, address)
    },
    async registry() {
      const { loadRegistry } = await import('../validate/registry.ts')
      return loadRegistry(context.schemas)
    },
    async ruleSet() {
      const { standardRules } = await import('../neutralize/standard-rules.ts')
      return standardRules(context.rules)
    },
    async privateKeys() {
      const { privateKeys } = await import('../keys/key-files.ts')
      const extra = settings.privateKey === '' ? undefined : settings.privateKey
      const { keys, warnings } = privateKeys(keyFolder(settings), extra)
      for (const warning of warnings) context.out.note(terminal.own(warning))
      return keys
    },
    async stagesPlan(store, needs) {
      return {
        schemas: context.schemas.href,
        rules: context.rules.href,
        needs,
        holdHazard: settings.holdHazard,
        recipient: settings.encrypt
          ? (await recipient(context, clock, store)).recipient
          : undefined,
        redaction: {
          detectors: settings.piiDetectors,
          plugins: settings.piiPlugins.map(
            (file) => pathToFileURL(resolve(settings.data, file)).href,
          ),
        },
      }
    },
    recipient: (store) => recipient(context, clock, store),
    async signingKeyId() {
      const path = signingKeyPath(settings)
      return existsSync(path) ? (await readSigningKey(path)).keyId : undefined
    },
    prepare: (store) => prepare(context, clock, store),
  }
}

async function openStoreAt(
  context: AppContext,
  clock: () => InstantUs,
  url: string,
  mode: OpenMode,
  options?: OpenOptions,
): Promise<Store> {
  const store = await openAsItIs(context, clock, url, mode, options)
  const { SCHEMA_VERSION } = await import('../store/migrations/index.ts')
  // Whatever writes has brought it up to this program.
  if (store.schemaVersion >= SCHEMA_VERSION || options?.mayBeOlder === true) return store
  const version = store.schemaVersion
  await store.close()
  throw new StoreError(
    'STORE_OLDER',
    `The database has schema version ${version}; this program reads ${SCHEMA_VERSION}.`,
    {
      hint: 'Make a backup (nacre db backup FILE), then "nacre db migrate". Commands that write do that by themselves.',
      context: { version, known: SCHEMA_VERSION },
    },
  )
}

async function openAsItIs(
  context: AppContext,
  clock: () => InstantUs,
  url: string,
  mode: OpenMode,
  options?: OpenOptions,
): Promise<Store> {
  const { settings, command } = context
  const { sealing } = await import('./wiring.ts')
  if (isPostgresUrl(url)) {
    const { PostgresStore } = await import('../store/postgres/store.ts')
    return PostgresStore.open({ url, environment: process.env, mode, sealing, clock, command })
  }
  const { SqliteStore } = await import('../store/sqlite/store.ts')
  return SqliteStore.open({
    path: sqlitePath(url),
    mode,
    settings: {
      cacheSize: cacheOf(settings, options),
      synchronous: settings.synchronous,
      pageSize: settings.pageSize,
    },
    sealing,
    clock,
    command,
    ...(options?.writerWaitMs === undefined ? {} : { writerWaitMs: options.writerWaitMs }),
  })
}

/** Whether a store URL names a database server. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(?:ql)?:/.test(url)
}

/**
 * A load writes at the ends of its tables: half the cache costs it a twentieth of its speed, and a follower, which waits
 * most of the time, needs less.
 */
function cacheOf(settings: Settings, options: OpenOptions | undefined): number {
  const share = options?.isFollower === true ? 1 / 16 : options?.isSmall === true ? 1 / 2 : 1
  const isGiven = settings.all.some(
    (setting) => setting.name === 'sqlite.cache_size' && setting.origin !== 'default',
  )
  return isGiven ? settings.cacheSize : Math.round(settings.cacheSize * share)
}

/** @throws StoreError `STORE_UNSUPPORTED` */
export function sqlitePath(url: string): string {
  if (url.startsWith('sqlite:')) return url.slice('sqlite:'.length)
  throw new StoreError(
    'STORE_UNSUPPORTED',
    `The store "${url.split(':')[0]}:..." is not one this release has.`,
    {
      hint: 'Use sqlite:PATH or postgres://user@host/database.',
    },
  )
}

async function prepare(
  context: AppContext,
  clock: () => InstantUs,
  store: Store,
): Promise<SigningKey> {
  const { newSigningKey } = await import('../seal/chain.ts')
  const path = signingKeyPath(context.settings)
  if (!existsSync(path)) {
    const registered = (await store.signingKeyIds()).length
    const pem = newSigningKey()
    makeFolder(dirname(path))
    writeFileSync(path, pem, { mode: 0o600, flag: 'wx' })
    if (registered > 0)
      context.out.note(
        terminal`The signing key was missing: made a new one in ${terminal.own(path)}. Checkpoints from now on carry its name.`,
      )
  }
  const key = await readSigningKey(path)
  if (!(await store.signingKeyIds()).includes(key.keyId)) {
    await store.addSigningKey(key, clock())
  }
  return key
}

async function recipient(
  context: AppContext,
  clock: () => InstantUs,
  store: Store,
): Promise<{ readonly recipient: Recipient; readonly made: boolean }> {
  const { prepareRecipient } = await import('../keys/key-files.ts')
  const done = prepareRecipient(keyFolder(context.settings))
  const known = await store.review.recipientKeyIds()
  if (!known.includes(done.recipient.keyId)) {
    await store.review.addRecipientKey(done.recipient, clock())
    if (done.made && known.length > 0)
      context.out.note(
        terminal`The key of sealed bytes was missing: made a new pair. Older batches open only with the older private half.`,
      )
  }
  return done
}

/** @throws SealError `SEAL_KEY_UNREADABLE` */
async function readSigningKey(path: string): Promise<SigningKey> {
  const { loadSigningKey } = await import('../seal/chain.ts')
  try {
    return loadSigningKey(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new SealError('SEAL_KEY_UNREADABLE', `The signing key ${path} cannot be used.`, {
      hint: 'Restore it from your backup, or move it away: a new one is then made and the change is in the journal.',
      cause,
    })
  }
}

/** Where the key files of a data folder are. */
export function keyFolder(settings: Settings): string {
  return join(settings.data, 'keys')
}

/** The private half; moved off the host where that is wanted. */
export function signingKeyPath(settings: Settings): string {
  return join(keyFolder(settings), 'checkpoint-ed25519.pem')
}

/** Makes a folder that only its owner can look into. */
export function makeFolder(path: string): void {
  if (existsSync(path)) return
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    chmodSync(path, 0o700)
  } catch (cause) {
    throw new StoreError('STORE_NO_ACCESS', `The folder ${path} cannot be made.`, {
      hint: 'Choose another with --data DIR, or look at the permissions of the folder above it.',
      cause,
    })
  }
}
