/** Where a PostgreSQL database is: a store URL and the environment of libpq put together. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { ClientConfig } from 'pg'
import { StoreError } from '../../core/errors.ts'

/** How much TLS is asked for (libpq's `sslmode`). */
export type TlsMode = (typeof TLS_MODES)[number]
const TLS_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const

export type Address = {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly password: string | undefined
  readonly tls: TlsMode
  readonly rootCertificate: string | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  /** Server settings for the session, as libpq's `options`: `-c name=value`. */
  readonly options: string | undefined
  readonly connectTimeoutMs: number
  /** PGPASSFILE, or `~/.pgpass`. */
  readonly passwordFile: string
  /** Schema of the tables; undefined takes the first of the role's search path. */
  readonly schema: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** What a store URL may say behind its question mark; other names are refused, so that a slip is noticed. */
const PARAMETERS = [
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'options',
  'connect_timeout',
  'schema',
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'application_name',
]

/**
 * Reads a store URL `postgres://[user[:password]@][host][:port][/database][?parameters]`.
 *
 * What it leaves open comes from PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, PGSSLROOTCERT, PGSSLCERT,
 * PGSSLKEY, PGOPTIONS and PGCONNECT_TIMEOUT, then from libpq's defaults; a password also from PGPASSFILE or ~/.pgpass
 * (https://www.postgresql.org/docs/current/libpq-envars.html).
 *
 * @throws StoreError `STORE_BAD_ADDRESS`; the message holds no password
 */
export function readAddress(url: string, environment: Environment): Address {
  const parts = parse(url)
  const given = (name: string): string | undefined => parts.parameters.get(name) ?? undefined
  const from = (own: string | undefined, variable: string): string | undefined =>
    own !== undefined && own !== '' ? own : environment[variable] || undefined
  const tls = from(given('sslmode'), 'PGSSLMODE') ?? 'prefer'
  if (!isTlsMode(tls))
    throw badAddress(`sslmode "${tls.slice(0, 20)}" is none of ${TLS_MODES.join(', ')}`)
  const port = Number(from(parts.port || given('port'), 'PGPORT') ?? 5432)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw badAddress('the port is no number from 1 to 65535')
  const seconds = Number(from(given('connect_timeout'), 'PGCONNECT_TIMEOUT') ?? 10)
  if (!Number.isFinite(seconds) || seconds < 0)
    throw badAddress('connect_timeout is no number of seconds')
  const user = from(parts.user || given('user'), 'PGUSER') ?? userInfo().username
  const schema = given('schema')
  if (schema !== undefined && !/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw badAddress('schema must be a plain lower-case name')
  return {
    host: from(parts.host || given('host'), 'PGHOST') ?? defaultHost(),
    port,
    user,
    database: from(parts.database || given('dbname'), 'PGDATABASE') ?? user,
    password: from(parts.password || given('password'), 'PGPASSWORD'),
    tls,
    rootCertificate: from(given('sslrootcert'), 'PGSSLROOTCERT'),
    certificate: from(given('sslcert'), 'PGSSLCERT'),
    key: from(given('sslkey'), 'PGSSLKEY'),
    options: from(given('options'), 'PGOPTIONS'),
    passwordFile: environment['PGPASSFILE'] || join(homedir(), '.pgpass'),
    connectTimeoutMs: seconds === 0 ? 0 : Math.max(2, seconds) * 1000,
    schema,
  }
}

/** The address for people: without a password. */
export function describeAddress(address: Address): string {
  const host = address.host.includes(':') ? `[${address.host}]` : encodeURI(address.host)
  const where = address.host.startsWith('/')
    ? `${encodeURIComponent(address.host)}:${address.port}`
    : `${host}:${address.port}`
  const schema = address.schema === undefined ? '' : `?schema=${address.schema}`
  return `postgres://${encodeURIComponent(address.user)}@${where}/${encodeURIComponent(address.database)}${schema}`
}

/** @returns what the driver needs; `tls` undefined connects in the clear */
export function clientConfig(
  address: Address,
  tls: ClientConfig['ssl'],
  name: string,
): ClientConfig {
  return {
    host: address.host,
    port: address.port,
    user: address.user,
    database: address.database,
    // Asked for only when the server wants one; never of the driver, which looks elsewhere too.
    password: () => address.password ?? passwordFromFile(address) ?? '',
    ssl: tls ?? false,
    application_name: name,
    options: [sessionOptions(address), address.options ?? ''].join(' ').trim(),
    connectionTimeoutMillis: address.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
}

/** Settings of the session that must not depend on somebody else's defaults; those of the operator come after. */
function sessionOptions(address: Address): string {
  return [
    ...(address.schema === undefined ? [] : [`search_path=${address.schema}`]),
    'bytea_output=hex',
    'standard_conforming_strings=on',
    'client_min_messages=warning',
    // A machine that is gone without a word holds its locks no longer than this.
    'tcp_keepalives_idle=10',
    'tcp_keepalives_interval=5',
    'tcp_keepalives_count=3',
  ]
    .map((setting) => `-c ${setting}`)
    .join(' ')
}

/**
 * The password of the first line that fits, as libpq reads it: `host:port:database:user:password`, `*` for any, `\\` before
 * a colon or backslash. A file that others can read is not used
 * (https://www.postgresql.org/docs/current/libpq-pgpass.html).
 */
export function passwordFromFile(address: Address): string | undefined {
  let text: string
  try {
    if (process.platform !== 'win32' && (statSync(address.passwordFile).mode & 0o077) !== 0)
      return undefined
    text = readFileSync(address.passwordFile, 'utf8')
  } catch {
    return undefined
  }
  const host = address.host.startsWith('/') ? 'localhost' : address.host
  const wanted = [host, String(address.port), address.database, address.user]
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map((found) =>
      found[1]!.replace(/\\(.)/g, '$1'),
    )
    const isMine = wanted.every(
      (value, i) =>
        fields[i] === '*' || fields[i] === value || (i === 0 && fields[0] === address.host),
    )
    if (isMine && fields.length > 4 && line !== '') return fields[4]
  }
  return undefined
}

/** What a TLS mode asks of the handshake. Each try in turn; the next only where the server has no TLS (or only TLS). */
export function tlsTries(address: Address): readonly ClientConfig['ssl'][] {
  const { tls, host } = address
  if (tls === 'disable' || host.startsWith('/')) return [undefined]
  const ca = readOptional(
    address.rootCertificate ??
      defaultFile(tls === 'require' || tls.startsWith('verify') ? 'root.crt' : undefined),
    'sslrootcert',
  )
  const cert = readOptional(address.certificate ?? defaultFile('postgresql.crt'), 'sslcert')
  const key = readOptional(address.key ?? defaultFile('postgresql.key'), 'sslkey')
  const own = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  }
  if (tls === 'verify-full') return [{ ...own, rejectUnauthorized: true, servername: host }]
  // As libpq: with a root certificate, `require` checks the chain; `verify-ca` checks no name.
  if (tls === 'verify-ca' || (tls === 'require' && ca !== undefined))
    return [{ ...own, rejectUnauthorized: true, checkServerIdentity: () => undefined }]
  const unchecked = { ...own, rejectUnauthorized: false }
  if (tls === 'require') return [unchecked]
  return tls === 'allow' ? [undefined, unchecked] : [unchecked, undefined]
}

type Parts = {
  readonly user: string
  readonly password: string
  readonly host: string
  readonly port: string
  readonly database: string
  readonly parameters: ReadonlyMap<string, string>
}

function parse(url: string): Parts {
  const found =
    /^postgres(?:ql)?:\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?(\[[^\]]*\]|[^:/?]*)(?::(\d*))?(?:\/([^?]*))?(?:\?(.*))?$/.exec(
      url,
    )
  if (found === null)
    throw badAddress('it is not of the form postgres://user@host:port/database?parameters')
  const [, user = '', password = '', host = '', port = '', database = '', query = ''] = found
  const decoded = (text: string): string => {
    try {
      return decodeURIComponent(text)
    } catch {
      throw badAddress('a % is not followed by two hexadecimal digits')
    }
  }
  const parameters = new Map<string, string>()
  for (const pair of query === '' ? [] : query.split('&')) {
    const at = pair.indexOf('=')
    const name = decoded(at < 0 ? pair : pair.slice(0, at))
    if (!PARAMETERS.includes(name))
      throw badAddress(`the parameter "${name.slice(0, 30)}" is not known`)
    parameters.set(name, decoded(at < 0 ? '' : pair.slice(at + 1)))
  }
  return {
    user: decoded(user),
    password: decoded(password),
    host: decoded(host).replace(/^\[(.*)\]$/, '$1'),
    port,
    database: decoded(database),
    parameters,
  }
}

function badAddress(why: string): StoreError {
  return new StoreError('STORE_BAD_ADDRESS', `The store URL cannot be used: ${why}.`, {
    hint: 'Write postgres://user@host:5432/database, keep the password in PGPASSFILE, and see docs/operations/postgres.md.',
  })
}

function isTlsMode(text: string): text is TlsMode {
  return (TLS_MODES as readonly string[]).includes(text)
}

/** libpq's default is its socket folder; where there is none, the loopback address. */
function defaultHost(): string {
  const folder = ['/var/run/postgresql', '/tmp'].find((path) =>
    existsSync(join(path, '.s.PGSQL.5432')),
  )
  return folder ?? '127.0.0.1'
}

function defaultFile(name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const path = join(homedir(), '.postgresql', name)
  return existsSync(path) ? path : undefined
}

function readOptional(path: string | undefined, what: string): string | undefined {
  if (path === undefined || path === 'system') return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new StoreError('STORE_BAD_ADDRESS', `The file ${path} of ${what} cannot be read.`, {
      hint: 'Look at its path and permissions.',
      cause,
    })
  }
}
