/** What moving a store asks of the one that is filled. Each engine implements it in the folder of its name. */

import { StoreError } from '../../core/errors.ts'

/** A cell as it travels: bytes, numbers, texts; a payload is its sealed text. */
export type Cell = string | number | Uint8Array | null
export type MovedRow = Readonly<Record<string, Cell>>

/** A session by what names it in every engine. */
export type SessionName = { readonly sensorId: number; readonly session: string }

/** A row of `raw_events` or `held_events` with its session named. */
export type MovedEvent = SessionName & {
  readonly batchId: number
  readonly recordNo: number
  readonly eventTimeUs: number
  readonly kindId: number
  readonly flags: number
  readonly digest: Uint8Array
  readonly notes: string | null
  /** JSON text of UTF-8. */
  readonly payload: Uint8Array
  readonly verdictId: number
  /** Of `held_events` alone. */
  readonly state?: string
}

/** Where the moving of a table stands: a text of the mover's own, or done. */
export type Progress = { readonly after: string; readonly isDone: boolean }

/** How a target was met, and how far an earlier move from the same origin came. */
export type Prepared =
  | { readonly state: 'new' | 'moved' }
  | { readonly state: 'begun'; readonly progress: ReadonlyMap<string, Progress> }

export type MoveTarget = {
  /** Sessions get numbers in the order they come: what names them cannot stay when they are moved again. */
  readonly renumbersSessions: boolean
  /**
   * Makes the store ready to be filled: empty but for the schema, its slow indexes put off.
   *
   * @param origin - names the store that is moved, so that another one does not go on in its place
   * @throws StoreError `STORE_MOVE_FAILED` when it holds batches of another store
   */
  prepare(origin: string): Promise<Prepared>
  /** Adds rows of a table whose rows are the same in every engine. Rows and progress commit together. */
  put(table: string, rows: readonly MovedRow[], progress: Progress): Promise<void>
  /** Adds rows of a table that names sessions by their key. */
  putForSessions(
    table: 'sessions' | 'session_values' | 'held_sessions',
    rows: readonly { readonly name: SessionName; readonly cells: MovedRow }[],
    progress: Progress,
  ): Promise<void>
  /** @param name - under which the progress is kept */
  putEvents(
    table: 'raw_events' | 'held_events',
    events: readonly MovedEvent[],
    progress: Progress,
    name: string,
  ): Promise<void>
  /** Empties tables that have changed in the origin since they were moved. */
  clear(tables: readonly string[]): Promise<void>
  /** Builds what was put off, and sets what counts on behind the rows that came. */
  finish(progress: (what: string) => void): Promise<void>
  /** Numbers that the next load would give, for each counter, with the largest that is in use. */
  counters(): Promise<
    readonly { readonly name: string; readonly next: number; readonly max: number }[]
  >
  /** Forgets that it was filled by a move: from now on it is a store as any other. */
  seal(): Promise<void>
}

/**
 * The refusal of a target that another store has filled, or a load of its own.
 *
 * @param place - the target as messages name it
 */
export function holdsOther(place: string): StoreError {
  return new StoreError(
    'STORE_MOVE_FAILED',
    `${place} is not empty: it holds batches of its own.`,
    {
      hint: 'Move into a new file or database. A move that broke off goes on only from the store it began with.',
    },
  )
}
