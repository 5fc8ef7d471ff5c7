import { StoreError } from '../../core/errors.ts'
import { MIGRATIONS, SCHEMA_VERSION } from '../migrations/index.ts'
import type { Connections } from './connection.ts'
import { lock } from './locks.ts'

/**
 * The schema version of the database; 0 where there are no tables of nacre.
 *
 * @throws StoreError `STORE_FOREIGN` when a table `migrations` is there that is not ours
 */
export async function schemaVersionOf(connections: Connections): Promise<number> {
  const { pool, place } = connections
  const { rows: found } = await pool.query<{ is_there: boolean; is_ours: boolean }>(
    `select to_regclass('migrations') is not null as is_there,
            to_regclass('migrations') is not null and obj_description(to_regclass('migrations'), 'pg_class') = 'nacre' as is_ours`,
  )
  const { is_there: isThere, is_ours: isOurs } = found[0]!
  if (isThere && !isOurs) {
    throw new StoreError(
      'STORE_FOREIGN',
      `${place} holds tables, among them "migrations", that are not those of nacre.`,
      { hint: 'Name another database, or a schema of its own: ?schema=nacre in the store URL.' },
    )
  }
  if (!isThere) return 0
  const { rows } = await pool.query<{ version: number }>(
    'select coalesce(max(id), 0) as version from migrations',
  )
  return rows[0]!.version
}

/**
 * Applies the migrations that are missing, each in a transaction of its own; two migrators wait for each other.
 *
 * @returns how many were applied
 * @throws StoreError `STORE_MIGRATION_FAILED`, `STORE_NO_ACCESS`
 */
export async function migratePostgres(
  connections: Connections,
  nowUs: number,
  target: number = SCHEMA_VERSION,
): Promise<number> {
  for (let applied = 0; ; applied += 1) {
    const step = await migrateOnce(connections, nowUs, target)
    if (step === 'none') return applied
    // Nothing is left to keep account in.
    if (step === 'emptied') return applied + 1
  }
}

async function migrateOnce(
  connections: Connections,
  nowUs: number,
  target: number,
): Promise<'none' | 'applied' | 'emptied'> {
  return connections.transaction(async (client) => {
    await lock(client, 'schema')
    const { address } = connections
    if (address.schema !== undefined)
      await client.query(`create schema if not exists ${address.schema}`)
    await client.query(
      'create table if not exists migrations (id bigint not null primary key, name text collate "C" not null, applied_at_us bigint not null)',
    )
    await client.query(`comment on table migrations is 'nacre'`)
    const { rows } = await client.query<{ version: number }>(
      'select coalesce(max(id), 0) as version from migrations',
    )
    const { version } = rows[0]!
    if (version === target) return 'none'
    const isUp = version < target
    const migration = MIGRATIONS[isUp ? version : version - 1]!
    try {
      for (const text of isUp ? migration.up.postgres : migration.down.postgres)
        await client.query(text)
      if (isUp)
        await client.query('insert into migrations (id, name, applied_at_us) values ($1, $2, $3)', [
          migration.id,
          migration.name,
          nowUs,
        ])
      else await client.query('delete from migrations where id = $1', [migration.id])
      if (!isUp && version === 1) await client.query('drop table migrations')
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === '42501') throw cause
      throw new StoreError(
        'STORE_MIGRATION_FAILED',
        `Migration ${migration.id} (${migration.name}) did not apply.`,
        {
          hint: 'The database is as it was before. Keep it, and report the message below.',
          context: { migration: migration.id },
          cause,
        },
      )
    }
    return isUp || version > 1 ? 'applied' : 'emptied'
  })
}
