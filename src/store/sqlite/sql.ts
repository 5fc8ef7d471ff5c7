import type { Database as Connection, Statement } from 'better-sqlite3'

/** Rows of one insert statement: more than this gains nothing, and the statement cache stays small. */
const ROWS_AT_ONCE = 64

/**
 * Inserts rows many at a time: one call into the engine for up to 64 rows.
 *
 * SQLite copies each page that a statement of many rows changes to a file beside the database, so that this statement
 * alone can be undone: with many indexes those copies are many times what the rows write themselves. Nobody wants that
 * here, so a row that violates a constraint takes the whole transaction with it. The copies are made all the same where
 * the rows name a rowid or `tail` updates: give such rows in the order of their key, or write them one by one.
 *
 * @param head - from `into` on, up to and without `values`
 * @param tail - what follows the rows: conflict handling
 */
export class MultiInsert {
  readonly #db: Connection
  readonly #columns: number
  readonly #head: string
  readonly #tail: string
  readonly #statements = new Map<number, Statement>()
  /** Filled from the front again after each flush: no garbage for each statement. */
  readonly #parameters: unknown[] = []
  #filled = 0
  #rows = 0
  /** Rows that the statements so far changed. */
  changes = 0

  constructor(db: Connection, head: string, columns: number, tail = '') {
    this.#db = db
    this.#head = head
    this.#columns = columns
    this.#tail = tail
  }

  add(...values: unknown[]): void {
    for (const value of values) this.push(value)
    this.#rows += 1
    if (this.#rows === ROWS_AT_ONCE) this.flush()
  }

  /** Room for the values of a row, to be filled by `push`, then closed by `endRow`: no array for each row. */
  push(value: unknown): void {
    this.#parameters[this.#filled] = value
    this.#filled += 1
  }

  endRow(): void {
    this.#rows += 1
    if (this.#rows === ROWS_AT_ONCE) this.flush()
  }

  flush(): void {
    if (this.#rows === 0) return
    let statement = this.#statements.get(this.#rows)
    if (statement === undefined) {
      const row = `(${Array(this.#columns).fill('?').join(',')})`
      statement = this.#db.prepare(
        `insert or rollback ${this.#head} values ${Array(this.#rows).fill(row).join(',')} ${this.#tail}`,
      )
      this.#statements.set(this.#rows, statement)
    }
    if (this.#parameters.length > this.#filled) this.#parameters.length = this.#filled
    this.changes += statement.run(this.#parameters).changes
    this.#filled = 0
    this.#rows = 0
  }

  /** Forgets rows not yet written. */
  discard(): void {
    this.#filled = 0
    this.#rows = 0
  }
}
