/**
 * All that the rest of the system may ask of a database. It speaks of batches, sources, sessions and seals, not of SQL.
 */
import type { PackedBatch } from '../core/packed.ts'
import type { Checkpoint, SigningKey } from '../core/seal-types.ts'

/** What a source needs to be known again. */
export type SourceHeadRecord = {
  readonly id: number
  readonly sensorOverride: string
  readonly headLength: number
  readonly headDigest: string
  readonly committedOffset: number
}

export type SourceRecord = SourceHeadRecord & {
  readonly uid: Uint8Array
  readonly tailDigest: Uint8Array
  readonly records: number
  readonly batches: number
  readonly lastDigest: Uint8Array
  /** Start and first record of the open last batch, where there is one. */
  readonly open:
    | { readonly seq: number; readonly startOffset: number; readonly firstRecord: number }
    | undefined
  readonly state: SourceState
  readonly pendingBytes: number
}

export type SourceState = 'open' | 'complete' | 'torn' | 'bomb'

/** A file as it was when it was last read. */
export type FileRecord = {
  readonly path: string
  readonly sensorOverride: string
  readonly sourceId: number | null
  readonly device: string
  readonly inode: string
  readonly size: number
  readonly mtimeNs: string
  readonly ctimeNs: string
  readonly foreignKind: string | null
  readonly isFinished: boolean
}

/** A tty log or download that was looked at. */
export type ArtifactRecord = {
  readonly path: string
  readonly sha256: string
  readonly size: number
  readonly kind: string
  readonly seenAtUs: number
  readonly namedBy: string
}

/** How a reading of a source ended; written with its last batch or alone. */
export type SourceUpdate = {
  readonly state: SourceState
  readonly pendingBytes: number
  readonly compression: string
  /** Visible form. */
  readonly path: string
}

/** Counts of one batch by fate. */
export type Fates = {
  lines: number
  stored: number
  duplicate: number
  held: number
  dead: number
  blank: number
  expired: number
}

export type LineageProof = { readonly head: Uint8Array; readonly tailDigest: Uint8Array }

/** One loader's hold on the database. Batches between `begin` and `commit` are stored together or not at all. */
export type BatchWriter = {
  /** Waits for its turn and starts a transaction. */
  begin(signal?: AbortSignal): Promise<void>
  /** Makes the source known. @returns its number */
  addSource(source: {
    readonly uid: Uint8Array
    readonly sensorOverride: string
    readonly update: SourceUpdate
  }): number
  /**
   * Adds one batch of a source.
   *
   * @param readerId - whose dictionary the batch points into
   * @param proof - first bytes of the stream (at most 1 KiB), and SHA-256 of the last 4 KiB up to the end of the batch
   */
  write(sourceId: number, readerId: number, batch: PackedBatch, proof: LineageProof): Fates
  /** Takes in what a batch says of the dictionary, when the batch itself is not stored. */
  skip(readerId: number, batch: PackedBatch): void
  finishSource(sourceId: number, update: SourceUpdate): void
  saveFile(file: FileRecord): void
  commit(): void
  rollback(): void
  /** Signs the present state. Call outside a transaction. @returns undefined when nothing is new since the last one */
  checkpoint(key: SigningKey, signal?: AbortSignal): Promise<Checkpoint | undefined>
  close(): void
}

/** Makes summaries again. */
export type SummaryWriter = {
  /**
   * Empties the derived tables and fills them from batches of stored events, in one transaction with a journal entry.
   *
   * @param differences - how many were found, for the journal
   */
  rebuildSummaries(batches: Iterable<PackedBatch>, differences: number): Promise<void>
}

export type { CompletenessFigures, SessionFigures, TopEntry } from './repo/report.ts'
export type { EventRecord, SessionFilter, SessionRecord } from './repo/sessions.ts'
