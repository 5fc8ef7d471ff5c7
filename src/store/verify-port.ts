/**
 * What verification reads: rows and bytes, streamed in a stated order and page by page, so that its memory does not
 * grow with the store and an engine behind a network is asked once for many rows.
 */
import type { SourceHead } from '../core/seal-types.ts'
import type { CompiledStatement } from './engine.ts'
import type { Row, SessionKey } from './schema.ts'

/** Rows in the order that the method states; no page is empty. */
export type Pages<T> = AsyncIterable<readonly T[]>

export type VerifyReads = {
  /** In the order of their ids. */
  batches(): Pages<Row<'batches'>>
  /** Batches with a larger number follow each other without a gap; below, loads that did not commit leave gaps. */
  gaplessAfter(): Promise<number>
  /** Blocks of a batch in the order of `n`. */
  blocks(batchId: number): Promise<readonly Row<'blocks'>[]>
  batchDays(batchId: number): Promise<readonly Row<'batch_days'>[]>
  deadLetters(batchId: number): Promise<readonly Row<'dead_letters'>[]>
  /**
   * Batch by batch, record by record, without those that were withheld once.
   *
   * @param after - only batches with a larger number
   */
  eventsByBatch(after?: number): Pages<EventCells>
  /** Ordered by (time, session, digest). */
  eventsByTime(): Pages<EventCells>
  /** All of them, in an order of the engine's; the same connection may write other tables meanwhile. */
  storedEvents(): Pages<EventCells>
  /** Events that are withheld or rejected, with their state, by batch and record. */
  heldEvents(): Pages<{ readonly cells: EventCells; readonly state: string }>
  /** Events that were withheld once and are stored now, by batch and record. */
  releasedEvents(): Pages<EventCells>
  /** All events of a batch that were withheld, wherever they are now, in the order of their records. */
  withheldOf(
    batchId: number,
  ): Promise<readonly { readonly cells: EventCells; readonly state: HeldState | 'approved' }[]>
  heldSessions(): Promise<readonly Row<'held_sessions'>[]>
  verdicts(): Pages<Row<'verdicts'>>
  /** Those that are there, by number. */
  verdictsOf(ids: readonly number[]): Promise<ReadonlyMap<number, Row<'verdicts'>>>
  /** In the order of their journal entries. */
  verdictRuns(): Promise<readonly Row<'verdict_runs'>[]>
  ruleSets(): Promise<readonly Row<'rule_sets'>[]>
  modes(): Promise<readonly Row<'modes'>[]>
  legalHolds(): Promise<readonly Row<'legal_holds'>[]>
  recipientKeys(): Promise<readonly Row<'recipient_keys'>[]>
  batchKey(batchId: number): Promise<Row<'batch_keys'> | undefined>
  dailyVerdicts(day: number): Promise<readonly Row<'daily_verdicts'>[]>
  /** Number of the newest batch; 0 for none. */
  newestBatch(): Promise<number>
  /** Runs a query of the builder in the same state of the database. */
  run<T>(statement: CompiledStatement): Promise<readonly T[]>
  sourceRows(): Promise<readonly Row<'sources'>[]>
  /** Those that are there. */
  sessions(keys: readonly SessionKey[]): Promise<ReadonlyMap<SessionKey, Row<'sessions'>>>
  /** By session, each ordered by (value, day). */
  sessionValues(
    keys: readonly SessionKey[],
  ): Promise<ReadonlyMap<SessionKey, readonly Row<'session_values'>[]>>
  dailyValues(day: number): Pages<Row<'daily_values'>>
  dailyEvents(day: number): Promise<readonly Row<'daily_events'>[]>
  drift(): Promise<readonly Row<'schema_drift'>[]>
  values(): Pages<Row<'values'>>
  /** Numbers of values, in the order asked for. */
  valueIds(
    values: readonly { readonly kind: number; readonly digest: Uint8Array }[],
  ): Promise<readonly (number | undefined)[]>
  sensorNames(): Promise<ReadonlyMap<number, string>>
  kindNames(): Promise<ReadonlyMap<number, string>>
  schemaVersions(): Promise<readonly Row<'schema_versions'>[]>
  journal(): Pages<Row<'audit_log'>>
  decisions(): Promise<readonly Row<'decisions'>[]>
  signingKeys(): Promise<readonly Row<'signing_keys'>[]>
  checkpoints(): Pages<Row<'checkpoints'>>
  migrations(): Promise<readonly Row<'migrations'>[]>
  /** The tree of a checkpoint, computed anew from the batches. */
  sourcesRootUpTo(
    batchId: number,
  ): Promise<{ readonly root: Uint8Array; readonly sources: number; readonly batches: number }>
  /** The leaves of that tree: the sources that have a batch up to this one, ordered by uid. */
  sourceHeads(upToBatch: number): Promise<readonly SourceHead[]>
  /** Sealed blocks of a source that touch a byte range and still count. */
  blocksBetween(sourceId: number, from: number, to: number): Promise<readonly Row<'blocks'>[]>
  /** Cells that the program never writes, described: numbers that are not exact, dictionaries that do not fit. */
  oddCells(): Promise<readonly string[]>
  /** Events that were withheld once, held or stored, by batch. */
  withheldByBatch(): Promise<ReadonlyMap<number, number>>
  countOf(
    table:
      | 'sessions'
      | 'session_values'
      | 'daily_values'
      | 'daily_events'
      | 'daily_verdicts'
      | 'batch_keys'
      | 'blocks'
      | 'batch_days'
      | 'dead_letters'
      | 'raw_events',
  ): Promise<number>
  /** Runs the work on one unchanging state of the database; when it fails, the connection is to be closed. */
  snapshot<T>(work: () => Promise<T>): Promise<T>
}

/** A row of `raw_events` as a tuple: many rows pass. */
export type EventCells = readonly [
  batchId: number,
  recordNo: number,
  eventTimeUs: number,
  sessionKey: SessionKey,
  kindId: number,
  flags: number,
  digest: Uint8Array,
  notes: string | null,
  /** The sealed text of the view; empty when the row does not hold one. */
  payload: Uint8Array,
  /** 0 for none. */
  verdictId: number,
]

/** States of a row of `held_events`. */
export type HeldState = 'held' | 'rejected'
