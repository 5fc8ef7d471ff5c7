/**
 * Spreads the tables over the servers of Citus (https://docs.citusdata.com), a distributed PostgreSQL.
 *
 * A session's events, its summary and its values lie together; dictionaries and the roll-ups by day and event id or
 * verdict stand on every server; what is small and sealed stays on the coordinator.
 */
import { StoreError } from '../../core/errors.ts'
import type { Client } from './connection.ts'

/** How a table lies in a distributed database. Tables not named stay on the coordinator. */
export type Placement =
  | { readonly table: string; readonly kind: 'reference' }
  | {
      readonly table: string
      readonly kind: 'distributed'
      readonly by: string
      /** Table whose rows of the same value lie on the same server. */
      readonly with?: string
    }

/** In the order in which they are placed. */
export const PLACEMENTS: readonly Placement[] = [
  { table: 'sensors', kind: 'reference' },
  { table: 'event_kinds', kind: 'reference' },
  { table: 'values', kind: 'reference' },
  { table: 'address_places', kind: 'reference' },
  { table: 'verdicts', kind: 'reference' },
  { table: 'daily_events', kind: 'reference' },
  { table: 'daily_verdicts', kind: 'reference' },
  { table: 'sessions', kind: 'distributed', by: 'session_key' },
  { table: 'session_values', kind: 'distributed', by: 'session_key', with: 'sessions' },
  { table: 'raw_events', kind: 'distributed', by: 'session_key', with: 'sessions' },
  { table: 'held_events', kind: 'distributed', by: 'session_key', with: 'sessions' },
  { table: 'held_sessions', kind: 'distributed', by: 'session_key', with: 'sessions' },
  { table: 'daily_values', kind: 'distributed', by: 'value_id' },
  { table: 'blocks', kind: 'distributed', by: 'batch_id' },
]

/** Foreign keys that lead from a distributed table to one of the coordinator; verification checks them itself. */
export const DROPPED_FOREIGN_KEYS: readonly (readonly [table: string, constraint: string])[] = [
  ['blocks', 'blocks_batch_id_fkey'],
]

/** The statements that spread the tables, each in a transaction of its own. */
export function distributionStatements(): string[] {
  const guarded = ['raw_events', 'held_events', 'blocks']
  return [
    // Citus keeps no triggers on distributed tables: roles keep changes away there (nacre db roles).
    ...guarded.flatMap((table) => [
      `drop trigger if exists ${table}_sealed on ${table}`,
      `drop trigger if exists ${table}_stays on ${table}`,
    ]),
    ...DROPPED_FOREIGN_KEYS.map(
      ([table, constraint]) => `alter table ${table} drop constraint if exists ${constraint}`,
    ),
    ...PLACEMENTS.map((one) =>
      one.kind === 'reference'
        ? `select create_reference_table('"${one.table}"')`
        : `select create_distributed_table('"${one.table}"', '${one.by}', colocate_with => '${one.with ?? 'none'}')`,
    ),
  ]
}

/**
 * Spreads the tables; those that are spread already are left as they are, so a run that broke off goes on.
 *
 * @returns names of the tables that were placed now
 * @throws StoreError `STORE_UNSUPPORTED` when the extension is not there
 */
export async function distribute(
  client: Client,
  progress: (statement: string) => void,
): Promise<string[]> {
  const { rows } = await client.query<{ is_there: boolean; is_available: boolean }>(
    `select exists (select 1 from pg_extension where extname = 'citus') as is_there,
            exists (select 1 from pg_available_extensions where name = 'citus') as is_available`,
  )
  const { is_there: isThere, is_available: isAvailable } = rows[0]!
  if (!isThere) {
    throw new StoreError('STORE_UNSUPPORTED', 'The extension citus is not in this database.', {
      hint: isAvailable
        ? 'The server has it: run "create extension citus" in this database as a superuser, add the workers, and run this again.'
        : 'Install Citus 12 or newer on the coordinator and on the workers (docs/operations/scale.md), then run this again.',
    })
  }
  const { rows: placed } = await client.query<{ name: string }>(
    `select relname as name from pg_dist_partition join pg_class on pg_class.oid = logicalrelid
      where relnamespace = current_schema()::regnamespace`,
  )
  const there = new Set(placed.map((row) => row.name))
  const done: string[] = []
  for (const statement of distributionStatements()) {
    const table = /^select create_\w+\('"(\w+)"'/.exec(statement)?.[1]
    if (table !== undefined && there.has(table)) continue
    progress(statement)
    await client.query(statement)
    if (table !== undefined) done.push(table)
  }
  return done
}
