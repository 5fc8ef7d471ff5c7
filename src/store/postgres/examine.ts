/** Looks at a server, a database and a role, and says what is wrong with them, for `doctor`. */
import { OperatingError } from '../../core/errors.ts'
import { SCHEMA_VERSION } from '../migrations/index.ts'
import type { Finding } from '../port.ts'
import { readAddress } from './address.ts'
import { Connections } from './connection.ts'
import { schemaVersionOf } from './migrate.ts'

/** The newest major version that the tests run on; newer ones may well work. */
const TESTED_MAX = 18

type Facts = {
  readonly major: number
  readonly role: string
  readonly is_superuser: boolean
  readonly is_standby: boolean
  readonly time_zone: string
  readonly collation: string
  readonly server_us: number
  readonly ssl: boolean
  readonly fsync: string
  readonly full_page_writes: string
  readonly synchronous_commit: string
  readonly may_temp: boolean
  readonly may_create: boolean
  readonly free_connections: number
  readonly schema: string | null
}

/**
 * @param nowUs - this machine's clock
 * @returns what was found; never throws for what an operator can mend
 */
export async function examinePostgres(
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
  nowUs: () => number,
): Promise<Finding[]> {
  const findings: Finding[] = []
  const add = (state: Finding['state'], what: string, advice = ''): void => {
    findings.push({ state, what, advice })
  }
  let connections: Connections
  try {
    connections = await Connections.open(readAddress(url, environment), 'doctor')
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    add('wrong', error.message, error.hint)
    return findings
  }
  try {
    const before = nowUs()
    const { rows } = await connections.pool.query<Facts>(FACTS)
    const after = nowUs()
    const facts = rows[0]!
    add(
      'ok',
      `connected to ${connections.place} as ${facts.role}, ${facts.ssl ? 'with TLS' : 'without TLS'}`,
    )
    const { host } = connections.address
    const isLocal = host.startsWith('/') || ['127.0.0.1', '::1', 'localhost'].includes(host)
    if (!facts.ssl && !isLocal)
      add(
        'warning',
        'the connection crosses a network without TLS',
        'Set sslmode=verify-full and sslrootcert; see docs/operations/postgres.md.',
      )
    if (facts.major > TESTED_MAX)
      add(
        'warning',
        `PostgreSQL ${facts.major} is newer than what is tested (14 to ${TESTED_MAX})`,
        'It may well work; verify after the first load.',
      )
    else add('ok', `PostgreSQL ${facts.major}, encoding UTF8, collation ${facts.collation}`)
    add(
      'ok',
      `time zone ${facts.time_zone} (instants are kept as UTC microseconds; it changes nothing)`,
    )
    const skewMs = Math.round((facts.server_us - (before + after) / 2) / 1000)
    if (Math.abs(skewMs) > 5_000)
      add(
        'warning',
        `the server's clock is ${Math.abs(skewMs / 1000).toFixed(1)} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`,
        'Let both keep time by NTP: odd times of events are told by this clock, months by that one.',
      )
    if (facts.is_standby)
      add(
        'wrong',
        'the server is a standby: it takes no rows',
        'Name the primary in the store URL; reports and look-ups work here.',
      )
    if (facts.fsync === 'off' || facts.full_page_writes === 'off')
      add(
        'warning',
        `the server runs with fsync=${facts.fsync}, full_page_writes=${facts.full_page_writes}: a power failure can destroy the database`,
        'Set both to on, but for tests.',
      )
    if (facts.synchronous_commit === 'off')
      add(
        'warning',
        'synchronous_commit is off: a crash of the server can take back the last transactions of a load',
        'Nothing is counted twice then, a load goes on from the cursor that is there; set it to on to keep them.',
      )
    if (facts.is_superuser)
      add(
        'warning',
        `${facts.role} is a superuser`,
        'Load and read with roles of fewer rights: "nacre db roles" makes them.',
      )
    if (!facts.may_temp)
      add(
        'wrong',
        `${facts.role} may not make temporary tables, which a load needs`,
        'grant temporary on database ... to the role, or "nacre db roles".',
      )
    if (facts.free_connections < 5)
      add(
        'warning',
        `the server has ${facts.free_connections} connections left`,
        'A command uses up to four: raise max_connections, or end what is not used.',
      )
    await examineTables(connections, facts, add)
  } finally {
    await connections.close()
  }
  return findings
}

async function examineTables(
  connections: Connections,
  facts: Facts,
  add: (state: Finding['state'], what: string, advice?: string) => void,
): Promise<void> {
  const version = await schemaVersionOf(connections).catch((error: unknown) => {
    if (!(error instanceof OperatingError)) throw error
    add('wrong', error.message, error.hint)
    return undefined
  })
  if (version === undefined) return
  if (version === 0) {
    if (facts.may_create)
      add('ok', 'no tables of nacre yet; "nacre init" or a first load makes them')
    else
      add(
        'wrong',
        facts.schema === null
          ? 'the search path names no schema that exists'
          : `${facts.role} may not make tables in the schema ${facts.schema}, and there are none yet`,
        'Let the owner of the database run "nacre init", or grant create on the schema.',
      )
    return
  }
  if (version > SCHEMA_VERSION)
    add(
      'wrong',
      `the tables have schema version ${version}, this program knows ${SCHEMA_VERSION}`,
      'Use the program that made them, or a newer one.',
    )
  else add('ok', `schema version ${version} in the schema ${facts.schema ?? '?'}`)
  const { rows } = await connections.pool.query<{
    reads: boolean
    loads: boolean
    opens: boolean
    owns: boolean
  }>(RIGHTS)
  const rights = rows[0]!
  if (!rights.reads)
    add(
      'wrong',
      `${facts.role} may not read the tables`,
      'Grant it the reader role: "nacre db roles".',
    )
  const can = [
    ...(rights.reads ? ['read'] : []),
    ...(rights.loads ? ['load'] : []),
    ...(rights.opens ? ['verify sealed bytes'] : []),
    ...(rights.owns ? ['change the schema'] : []),
  ]
  add('ok', `${facts.role} may: ${can.length === 0 ? 'nothing' : can.join(', ')}`)
  if (!rights.reads) return
  const { rows: counted } = await connections.pool.query<{ n: number }>(OUTSIDE)
  if (counted[0]!.n > 0)
    add(
      'warning',
      `${counted[0]!.n} events lie outside the months that have a partition`,
      'Their clocks were odd (before 2010, or years ahead); "nacre status" and reports show them all the same.',
    )
}

const FACTS = `select current_setting('server_version_num')::integer / 10000 as major, current_user as role,
  (select rolsuper from pg_roles where rolname = current_user) as is_superuser, pg_is_in_recovery() as is_standby,
  current_setting('TimeZone') as time_zone, (select datcollate from pg_database where datname = current_database()) as collation,
  (extract(epoch from clock_timestamp()) * 1000000)::bigint as server_us,
  coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as ssl,
  current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
  current_setting('synchronous_commit') as synchronous_commit,
  has_database_privilege(current_database(), 'temporary') as may_temp,
  coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create, current_schema() as schema,
  current_setting('max_connections')::integer - (select count(*) from pg_stat_activity where backend_type = 'client backend')::integer as free_connections`

const RIGHTS = `select has_table_privilege('sessions', 'select') and has_any_column_privilege('blocks', 'select') as reads,
  has_table_privilege('raw_events', 'insert') and has_function_privilege('nacre_add_month(integer)', 'execute')
    and has_sequence_privilege('batches_ids', 'usage') as loads,
  has_column_privilege('blocks', 'bytes', 'select') as opens,
  pg_has_role((select relowner from pg_class where oid = 'raw_events'::regclass), 'usage') as owns`

const OUTSIDE = `select count(*) as n from raw_events where event_time_us < 1262304000000000
  or event_time_us >= (extract(epoch from now() + interval '2 years') * 1000000)::bigint`
