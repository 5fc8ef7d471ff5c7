import { sql } from 'kysely'
import type { Engine } from '../engine.ts'
import { TABLES } from '../schema.ts'

/** SQLite's side of the interface; that of the other engine stands in the folder of its name. */
export const sqliteEngine: Engine = {
  jsonText: (field) => {
    const path = sql.lit(`$."${field}"`)
    return sql<
      string | null
    >`case json_type(payload, ${path}) when 'text' then payload ->> ${path} end`
  },
  tables: TABLES,
  async explain(query, statement) {
    const { rows } = await query.executeQuery<{ readonly detail: string }>({
      ...sql`select 1`.compile(query),
      sql: `explain query plan ${statement.sql}`,
      parameters: statement.parameters,
    })
    return rows.map((row) => row.detail).join('\n')
  },
}
