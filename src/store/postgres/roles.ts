/** Least-privilege roles, as data: what each may do with which table. `docs/operations/postgres.md` explains them. */
import { StoreError } from '../../core/errors.ts'
import type { Client } from './connection.ts'
import { POSTGRES_TABLES } from './tables.ts'

export type RoleKind = 'owner' | 'loader' | 'reader' | 'evidence' | 'reviewer'

/** What each role is for, in one line. */
export const ROLE_PURPOSES: Readonly<Record<RoleKind, string>> = {
  owner: 'owns the tables: migrations, db reconcile, db distribute, db hydrate',
  loader: 'ingest: adds rows; changes only what is derived from them; reads no sealed bytes',
  reader: 'reports, sessions, status, stats: no sealed bytes, no withheld payloads',
  evidence: 'reader, and the sealed bytes and withheld payloads: verify, backup, evidence',
  reviewer: 'loader and evidence: decides on withheld events and dead letters, emergency, rescore',
}

/** Columns that hold the attackers' own bytes, or what waits for a person's look. */
const WITHHELD: Readonly<Record<string, string>> = { blocks: 'bytes', held_events: 'payload' }

const INSERTED = [
  'sensors',
  'event_kinds',
  'key_orders',
  'session_names',
  'values',
  'verdicts',
  'rule_sets',
  'sources',
  'source_files',
  'batches',
  'blocks',
  'batch_days',
  'raw_events',
  'held_events',
  'held_sessions',
  'batch_keys',
  'sessions',
  'session_values',
  'daily_values',
  'daily_events',
  'daily_verdicts',
  'schema_versions',
  'schema_drift',
  'dead_letters',
  'decisions',
  'audit_log',
  'signing_keys',
  'recipient_keys',
  'checkpoints',
  'followed_paths',
  'metrics',
  'address_places',
  'geo_databases',
  'artifacts',
  'alerts',
  'alert_marks',
  'alert_channels',
  'leases',
  'activity_hours',
  'anomalies',
]
/** Derived rows, cursors, leases; of a dead letter its state, which the journal covers. */
const UPDATED = [
  'sources',
  'source_files',
  'sessions',
  'session_values',
  'address_places',
  'daily_values',
  'daily_events',
  'daily_verdicts',
  'schema_drift',
  'metrics',
  'artifacts',
  'alerts',
  'alert_marks',
  'alert_channels',
  'leases',
  'dead_letters (state)',
  'activity_hours',
  'anomalies (last_seen_us,figure,baseline,spread,samples,basis,score,threshold,evidence)',
]
/** What a decision changes beside what a load does: triggers and the journal's door still keep the sealed columns. */
const REVIEWED: Readonly<Record<string, string>> = {
  held_events: 'delete, update (state, verdict_id)',
  raw_events: 'update (verdict_id)',
  held_sessions: 'delete',
  daily_verdicts: 'delete',
  modes: 'insert, update',
  legal_holds: 'insert, update (released_seq)',
  verdict_runs: 'insert',
  anomalies: 'update (state, decided_by, decided_at_us, reason)',
  detectors: 'insert, update',
}

/**
 * The statements that make the roles of a database and give them their rights. Harmless when run again.
 *
 * @param prefix - start of the names: `nacre_loader` and so on; roles belong to the whole server
 */
export function roleStatements(
  prefix: string,
  where: { readonly database: string; readonly schema: string; readonly user: string },
): string[] {
  const role = (kind: RoleKind): string => quoted(`${prefix}_${kind}`)
  const schema = quoted(where.schema)
  const table = (name: string): string => `${schema}.${quoted(name)}`
  const tables = Object.keys(POSTGRES_TABLES)
  const open = tables.filter((name) => WITHHELD[name] === undefined)
  const statements = (Object.keys(ROLE_PURPOSES) as RoleKind[]).map(
    (kind) =>
      `do $$ begin if to_regrole('${role(kind)}') is null then create role ${role(kind)} nologin; end if; end $$`,
  )
  statements.push(
    `grant ${role('owner')} to ${quoted(where.user)}`,
    `grant connect, temporary on database ${quoted(where.database)} to ${role('owner')}, ${role('loader')}, ${role('reader')}, ${role('evidence')}, ${role('reviewer')}`,
    `grant usage, create on schema ${schema} to ${role('owner')}`,
    `grant usage on schema ${schema} to ${role('loader')}, ${role('reader')}, ${role('evidence')}`,
    `grant ${role('reader')} to ${role('evidence')}`,
    `grant ${role('loader')}, ${role('evidence')} to ${role('reviewer')}`,
  )
  const readers = `${role('reader')}, ${role('loader')}`
  statements.push(
    `grant select on ${[...open, 'events', 'raw_events_other'].map(table).join(', ')} to ${readers}`,
    ...Object.entries(WITHHELD).map(([name, column]) => {
      const columns = Object.keys(POSTGRES_TABLES[name]!).filter((one) => one !== column)
      return `grant select (${columns.map(quoted).join(', ')}) on ${table(name)} to ${readers}`
    }),
    `grant select on ${Object.keys(WITHHELD).map(table).join(', ')} to ${role('evidence')}`,
    `grant insert on ${INSERTED.map(table).join(', ')} to ${role('loader')}`,
    ...UPDATED.map((name) => {
      const [only, columns] = name.split(' ')
      return `grant update ${columns ?? ''} on ${table(only!)} to ${role('loader')}`
    }),
    `grant delete on ${[table('leases'), table('activity_hours'), table('geo_databases')].join(', ')} to ${role('loader')}`,
    ...Object.entries(REVIEWED).map(
      ([name, rights]) => `grant ${rights} on ${table(name)} to ${role('reviewer')}`,
    ),
    `grant usage, select on all sequences in schema ${schema} to ${role('loader')}`,
    `grant execute on function ${schema}.nacre_add_month(integer) to ${role('loader')}`,
  )
  statements.push(
    `do $$ declare one record; begin
       for one in select c.oid::regclass as name, c.relkind as kind from pg_class c
                   where c.relnamespace = '${schema}'::regnamespace and c.relkind in ('r', 'p', 'v', 'S')
                     and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype = 'e') loop
         execute format('alter %s %s owner to ${role('owner')}', case one.kind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, one.name);
       end loop;
     end $$`,
    `alter function ${schema}.nacre_add_month(integer) owner to ${role('owner')}`,
    `alter function ${schema}.nacre_refuse() owner to ${role('owner')}`,
  )
  return statements
}

/** Makes the roles. @throws StoreError `STORE_NO_ACCESS` when the role of the connection may not */
export async function makeRoles(client: Client, statements: readonly string[]): Promise<void> {
  try {
    await client.query('begin')
    for (const text of statements) await client.query(text)
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback')
    if (!(cause instanceof Error && 'code' in cause && cause.code === '42501')) throw cause
    throw new StoreError('STORE_NO_ACCESS', 'This role may not make roles or give rights.', {
      hint: 'Use the owner of the tables, with CREATEROLE; or give the output of "nacre db roles --dry-run" to the database team.',
      cause,
    })
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
