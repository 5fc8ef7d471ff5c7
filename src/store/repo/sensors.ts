import type { Kysely } from 'kysely'
import type { SafeText } from '../../core/text.ts'
import type { Database } from '../schema.ts'

/** The names of all sensors, in the order of their bytes. */
export async function sensorNames(query: Kysely<Database>): Promise<readonly SafeText[]> {
  const rows = await query.selectFrom('sensors').orderBy('name').select('name').execute()
  return rows.map((row) => row.name as SafeText) // texts of the store are in visible form
}
