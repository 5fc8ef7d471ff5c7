/** What verification reads: rows and bytes, streamed in a stated order, so that its memory does not grow with the store. */
import type { Row } from './schema.ts'

export type VerifyReads = {
  /** In the order of their ids. */
  batches(): Iterable<Row<'batches'>>
  /** Blocks of a batch in the order of `n`. */
  blocks(batchId: number): Iterable<Row<'blocks'>>
  batchDays(batchId: number): readonly Row<'batch_days'>[]
  deadLetters(batchId: number): readonly Row<'dead_letters'>[]
  /** In the order of their ids: batch by batch, record by record. */
  eventsByBatch(): Iterable<EventCells>
  /** Up to `limit` events whose id is larger, in the order of their ids. */
  eventsAfter(id: number, limit: number): readonly EventCells[]
  /** Ordered by (time, session, digest). */
  eventsByTime(): Iterable<EventCells>
  sourceRows(): Iterable<Row<'sources'>>
  session(key: number): Row<'sessions'> | undefined
  /** Ordered by (value, day). */
  sessionValues(key: number): readonly Row<'session_values'>[]
  dailyValues(day: number): Iterable<Row<'daily_values'>>
  dailyEvents(day: number): readonly Row<'daily_events'>[]
  drift(): readonly Row<'schema_drift'>[]
  values(): Iterable<Row<'values'>>
  valueId(kind: number, digest: Uint8Array): number | undefined
  sensorNames(): ReadonlyMap<number, string>
  kindNames(): ReadonlyMap<number, string>
  schemaVersions(): readonly Row<'schema_versions'>[]
  journal(): Iterable<Row<'audit_log'>>
  decisions(): readonly Row<'decisions'>[]
  signingKeys(): readonly Row<'signing_keys'>[]
  checkpoints(): Iterable<Row<'checkpoints'>>
  migrations(): readonly Row<'migrations'>[]
  /** The tree of a checkpoint, computed anew from the batches. */
  sourcesRootUpTo(batchId: number): { readonly root: Uint8Array; readonly sources: number }
  /** Sealed blocks of a source that touch a byte range and still count. */
  blocksBetween(sourceId: number, from: number, to: number): readonly Row<'blocks'>[]
  /** Cells with integers beyond what a double holds, described. */
  inexactIntegers(): readonly string[]
  /** Held events by batch. */
  heldByBatch(): ReadonlyMap<number, number>
  countOf(
    table:
      | 'sessions'
      | 'session_values'
      | 'daily_values'
      | 'daily_events'
      | 'blocks'
      | 'batch_days'
      | 'dead_letters'
      | 'raw_events',
  ): number
  /** Runs the work on one unchanging state of the database; when it fails, the connection is to be closed. */
  snapshot<T>(work: () => Promise<T>): Promise<T>
}

/** A row of `raw_events` as a tuple, in the order the columns are named: many rows pass. */
export type EventCells = readonly [
  id: number,
  batchId: number,
  recordNo: number,
  eventTimeUs: number,
  sessionKey: number,
  kindId: number,
  flags: number,
  digest: Uint8Array,
  notes: string | null,
  payload: Buffer,
]
