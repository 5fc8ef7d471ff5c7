import type { DeadLetter } from '../core/event.ts'
import type { PlainObject } from '../core/json.ts'
import type {
  BatchHeader,
  Checkpoint,
  DayRoot,
  JournalEntry,
  SealedEnvelope,
  SourceHead,
} from '../core/seal-types.ts'

/** The seal functions, handed to the store by whoever wires the program: the store computes no seal of its own. */
export type Sealing = {
  viewSealer(): { add(day: number, rowDigest: Uint8Array): void; days(): readonly DayRoot[] }
  /** @param held - digests of the rows that were withheld, in the order of their records */
  viewRoot(
    days: readonly DayRoot[],
    dead: readonly DeadLetter[],
    held: readonly Uint8Array[],
    envelope: SealedEnvelope | undefined,
  ): Uint8Array
  batchDigest(batch: BatchHeader): Uint8Array
  sourcesRoot(heads: Iterable<SourceHead>): { readonly root: Uint8Array; readonly sources: number }
  checkpointMessage(checkpoint: Checkpoint): Uint8Array
  checkpointDigest(message: Uint8Array): Uint8Array
  journalDigest(entry: JournalEntry): Uint8Array
  /** A single-valued fact of a stored event, for settling ties. */
  factOf(payload: PlainObject, eventid: string, fact: string): string | number | undefined
}
