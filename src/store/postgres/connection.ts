/** Connections to PostgreSQL: opened with the TLS that was asked for, checked, retried, and their errors told clearly. */
import pg from 'pg'
import { StoreError } from '../../core/errors.ts'
import { ownText } from '../../core/event.ts'
import { LIMITS } from '../../limits.ts'
import { type Address, clientConfig, describeAddress, tlsTries } from './address.ts'

export type Client = pg.ClientBase

/** Server versions that are tested: PostgreSQL 14 to 18. */
export const VERSION_MIN = 140_000

/**
 * Integers of 64 bits as numbers where they are exact, else as text (session keys of later sensors); sums likewise.
 * JSON stays text: it is parsed where its order of keys is known.
 */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (format === 'binary') return pg.types.getTypeParser(oid as never, 'binary')
    if (oid === OID.int8 || oid === OID.numeric) return exactNumber
    if (oid === OID.json || oid === OID.jsonb) return (text: string) => text
    return pg.types.getTypeParser(oid as never, 'text')
  },
} as pg.CustomTypesConfig // the declared overloads take their own list of type numbers

const OID = { int8: 20, json: 114, numeric: 1700, jsonb: 3802 } as const

function exactNumber(text: string): number | string {
  const number = Number(text)
  return String(number) === text || text.includes('.') ? number : text
}

/**
 * A load outlives a crash of the server: what was committed, and numbers that it remembers, must be there afterwards.
 * Stronger settings of the operator (remote_apply) stay.
 */
const DURABLE = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`

/** A pool of connections to one database. */
export class Connections {
  readonly address: Address
  readonly place: string
  readonly pool: pg.Pool
  /** As the server reports it: 150018 for 15.18. */
  readonly version: number
  readonly schema: string

  private constructor(address: Address, pool: pg.Pool, version: number, schema: string) {
    this.address = address
    this.place = describeAddress(address)
    this.pool = pool
    this.version = version
    this.schema = schema
  }

  /**
   * Connects once with each way of TLS that the mode allows, and keeps the first that works.
   *
   * @param name - the command and the start of the owner of its leases, as the server shows them in `pg_stat_activity`
   * @throws StoreError `STORE_NO_ACCESS`, `STORE_UNSUPPORTED` for a server that is too old or not in UTF-8
   */
  static async open(address: Address, name: string): Promise<Connections> {
    let last: unknown
    for (const tls of tlsTries(address)) {
      const pool = new pg.Pool({
        ...clientConfig(address, tls, `nacre ${name}`.slice(0, 63)),
        max: LIMITS.connectionsMax,
        idleTimeoutMillis: 30_000,
        types,
        verify: (client, done) => {
          client.query(DURABLE).then(() => done(), done)
        },
      })
      // Without a listener, a connection that breaks while it is idle ends the process.
      pool.on('error', () => {})
      pool.on('connect', (client) => client.on('error', () => {}))
      try {
        const found = await retried(
          async () => {
            const { rows } = await pool.query<{
              version: string
              encoding: string
              schema: string
            }>(
              `select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding, current_schema() as schema`,
            )
            return rows[0]!
          },
          describeAddress(address),
          undefined,
          LIMITS.connectMsMax,
        )
        checkServer(Number(found.version), found.encoding)
        checkSchema(address.schema, found.schema)
        return new Connections(
          address,
          pool,
          Number(found.version),
          found.schema ?? address.schema ?? '',
        )
      } catch (error) {
        await pool.end()
        last = error
        if (!isOtherTls(error)) break
      }
    }
    throw translate(last, describeAddress(address))
  }

  /** Runs work on one connection; it goes back to the pool afterwards, or is closed when the work failed. */
  async withClient<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.pool.connect()
    try {
      const result = await work(client)
      client.release()
      return result
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  /** Runs work in a transaction of its own, anew when the server says that a further try may succeed. */
  async transaction<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return this.retry(() =>
      this.withClient(async (client) => {
        await client.query('begin')
        const result = await work(client)
        await client.query('commit')
        return result
      }),
    )
  }

  /** Runs work, anew when it broke off for a reason that passes. @throws StoreError */
  async retry<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return retried(work, this.place, signal)
  }

  async close(): Promise<void> {
    await this.pool.end()
  }
}

/** A pooler in between may drop the settings of a session. */
function checkSchema(wanted: string | undefined, found: string | null): void {
  if (wanted === undefined || found === null || found === wanted) return
  throw new StoreError(
    'STORE_UNSUPPORTED',
    `The connection is in the schema ${found.replace(/[^\w]/g, '?')}, not in ${wanted}: something in between dropped the setting.`,
    {
      hint: 'Connect past the pooler, or set the search path of the role: alter role ... set search_path.',
    },
  )
}

function checkServer(version: number, encoding: string): void {
  if (version < VERSION_MIN) {
    throw new StoreError(
      'STORE_UNSUPPORTED',
      `The server is PostgreSQL ${Math.floor(version / 10_000)}; 14 or newer is needed.`,
      { hint: 'Upgrade the server, or use another one.', context: { version } },
    )
  }
  if (encoding !== 'UTF8') {
    throw new StoreError(
      'STORE_UNSUPPORTED',
      `The database is in the encoding ${encoding.replace(/[^A-Z0-9_]/gi, '')}; it must be UTF8.`,
      { hint: "Make one with: create database nacre encoding 'UTF8' template template0." },
    )
  }
}

/** Codes (SQLSTATE) after which the same work may succeed. */
const PASSING = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
  '53300', // too_many_connections
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '25P03', // idle_in_transaction_session_timeout
  '08000',
  '08001',
  '08003',
  '08006',
])

/** Codes of the operating system for a connection that broke or is not there yet. */
const BROKEN = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOENT'])

/** Thrown by work that found the state of another transaction and wants to run again. */
export class RunAgain extends Error {}

export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && codeOf(error) === '23505'
}

function isPassing(error: unknown): boolean {
  if (error instanceof RunAgain) return true
  if (error instanceof AggregateError) return error.errors.some(isPassing)
  if (!(error instanceof Error)) return false
  const code = codeOf(error)
  if (PASSING.has(code) || BROKEN.has(code)) return true
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
    error.message,
  )
}

async function retried<T>(
  work: () => Promise<T>,
  place: string,
  signal?: AbortSignal,
  msMax: number = LIMITS.retryMsMax,
): Promise<T> {
  // Counted from the first failure: work that waited long for its turn has tries left.
  let failedAt: number | undefined
  for (let wait = 20; ; wait = Math.min(wait * 2, LIMITS.retryDelayMsMax)) {
    try {
      return await work()
    } catch (error) {
      failedAt ??= performance.now()
      const isOver = performance.now() - failedAt > msMax || signal?.aborted === true
      if (!isPassing(error) || isOver) throw translate(error, place)
      // Full jitter: loaders that were stopped together do not come back together.
      const delay = wait * (0.5 + Math.random())
      await new Promise<void>((resolve) => setTimeout(resolve, delay))
    }
  }
}

/** The server has no TLS, or takes only TLS: the next way may work. */
function isOtherTls(error: unknown): boolean {
  const cause = error instanceof StoreError && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error)) return false
  return (
    /does not support SSL connections/.test(cause.message) ||
    (codeOf(cause) === '28000' && /no encryption|SSL/.test(cause.message))
  )
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** An error of the server that no part of the store turned into one of ours. */
export function explainError(error: unknown, address: Address | undefined): unknown {
  return translate(error, address === undefined ? 'told by the server' : describeAddress(address))
}

/** An error of the driver or the server as one of ours; others pass unchanged. */
function translate(error: unknown, place: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error
  const inner = error instanceof AggregateError ? error.errors[0] : error
  const code = inner instanceof Error ? codeOf(inner) : ''
  const because = (hint: string, what: string, name: ErrorName): StoreError =>
    new StoreError(name, `${what} (${place})`, {
      hint,
      ...(code === '' ? {} : { context: { engineCode: ownText(code.slice(0, 20)) } }),
      cause: error,
    })
  if (error instanceof RunAgain)
    return because(
      'Nothing is lost: run the same command again when the other loader is done; "nacre verify" says whether rows were put in past nacre.',
      'Rows that this load would add keep being there already.',
      'STORE_BUSY',
    )
  const known = EXPLAINED.find(([pattern]) => pattern.test(code))
  if (known !== undefined) return because(known[3], known[2], known[1])
  if (/SASL|password/i.test(error.message))
    return because(
      'Keep it in PGPASSFILE (mode 0600) as host:port:database:user:password, or in PGPASSWORD.',
      'The server wants a password and none was found.',
      'STORE_NO_ACCESS',
    )
  if (/SSL|certificate|self-signed|Hostname\/IP/i.test(error.message))
    return because(
      'Look at sslmode and sslrootcert; docs/operations/postgres.md lists the modes.',
      'The TLS connection was not made: the server has none, or its certificate does not fit.',
      'STORE_NO_ACCESS',
    )
  if (/^(40001|40P01|55P03|53300)$/.test(code))
    return because(
      'Wait for the other commands, or see with "nacre db status" who writes; then run the same command again.',
      'Others kept what this needed for too long.',
      'STORE_BUSY',
    )
  if (isPassing(error))
    return because(
      'Nothing that was not committed is stored, and nothing is lost: run the same command again when the server is back.',
      'The server cannot be reached, or broke off and did not come back in time.',
      'STORE_UNREACHABLE',
    )
  if (code !== '')
    return because(
      `The server says: ${error.message.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)}`,
      `The server refused a statement (SQLSTATE ${code}).`,
      'STORE_REFUSED',
    )
  return error
}

type ErrorName =
  | 'STORE_NO_ACCESS'
  | 'STORE_UNREACHABLE'
  | 'STORE_BUSY'
  | 'STORE_DISK_FULL'
  | 'STORE_CORRUPT'
  | 'STORE_REFUSED'

/** What the codes of the server (SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html) mean here. */
const EXPLAINED: readonly (readonly [RegExp, ErrorName, string, string])[] = [
  [
    /^28P01$/,
    'STORE_NO_ACCESS',
    'The password is wrong, or none was given.',
    'Keep it in PGPASSFILE (mode 0600) as host:port:database:user:password, or in PGPASSWORD.',
  ],
  [
    /^28000$/,
    'STORE_NO_ACCESS',
    'The server does not let this role in from here.',
    'Look at the role and at pg_hba.conf of the server.',
  ],
  [
    /^3D000$/,
    'STORE_NO_ACCESS',
    'There is no such database.',
    "Make it with: create database nacre encoding 'UTF8' template template0.",
  ],
  [
    /^42501$/,
    'STORE_NO_ACCESS',
    'The role lacks a right.',
    '"nacre doctor" lists what it may do; "nacre db roles" makes roles that fit.',
  ],
  [
    /^(25006|0A000)$/,
    'STORE_REFUSED',
    'The server cannot do this: it is read-only, or lacks the feature.',
    'Write to the primary server, not to a standby; see "nacre doctor".',
  ],
  [
    /^53100$/,
    'STORE_DISK_FULL',
    "The server's disk is full.",
    'Nothing of the last transaction is stored and nothing is lost. Make room there and run the same command again.',
  ],
  [
    /^(XX001|XX002)$/,
    'STORE_CORRUPT',
    'The server found damaged data.',
    'Keep the server as it is and restore a backup; see docs/operations/seal-mismatch.md.',
  ],
  [
    /^(ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/,
    'STORE_UNREACHABLE',
    'The host of the server cannot be found or reached.',
    'Look at the name in the store URL and at the network.',
  ],
  [
    /^EACCES$/,
    'STORE_NO_ACCESS',
    "The server's socket may not be used.",
    'Look at the permissions of the socket folder.',
  ],
]
