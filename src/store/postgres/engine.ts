import { sql } from 'kysely'
import type { Engine } from '../engine.ts'
import { POSTGRES_TABLES } from './tables.ts'

/** PostgreSQL's side of the interface; that of the other engine stands in the folder of its name. */
export const postgresEngine: Engine = {
  jsonText: (field) =>
    sql<
      string | null
    >`case jsonb_typeof(payload -> ${sql.lit(field)}) when 'string' then payload ->> ${sql.lit(field)} end`,
  tables: POSTGRES_TABLES,
  async explain(query, statement) {
    const { rows } = await query.executeQuery<{ readonly 'QUERY PLAN': string }>({
      ...sql`select 1`.compile(query),
      sql: `explain ${statement.sql}`,
      parameters: statement.parameters,
    })
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  },
}
