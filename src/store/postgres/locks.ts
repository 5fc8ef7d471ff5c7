/** Advisory locks: who waits for whom is in `docs/operations/concurrency.md`. */
import type { Client } from './connection.ts'

/** First half of every lock: "ncre" as a number, so that other programs on the server do not meet us. */
const SPACE = 1851877989

const LOCKS = {
  /** Loads hold it together; a checkpoint or a rebuilding of summaries holds it alone. */
  load: 1,
  /** The journal has one end. */
  journal: 2,
  /** Changes of the schema. */
  schema: 3,
  // 4 belongs to nacre_add_month.
  /** Who stores events holds it together; who withholds some, or decides on withheld ones, holds it alone. */
  hold: 5,
  /** Who writes places of addresses holds it alone. */
  places: 6,
} as const

/** Takes a lock until the end of the transaction. */
export async function lock(
  client: Client,
  name: keyof typeof LOCKS,
  how: 'shared' | 'alone' = 'alone',
): Promise<void> {
  const verb = how === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock'
  await client.query(`select ${verb}(${SPACE}, ${LOCKS[name]})`)
}
