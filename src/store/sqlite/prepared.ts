import type { Database as Connection, Statement } from 'better-sqlite3'

const statements = new WeakMap<Connection, Map<string, Statement>>()

/**
 * A statement of a connection, compiled once: a small transaction runs twenty of them, and compiling costs more than
 * running. Only for texts that are written in the code; there are as many as calls.
 */
export function prepared(db: Connection, sql: string): Statement {
  let known = statements.get(db)
  if (known === undefined) {
    known = new Map()
    statements.set(db, known)
  }
  let statement = known.get(sql)
  if (statement === undefined) {
    statement = db.prepare(sql)
    known.set(sql, statement)
  }
  return statement
}
