/** Verdicts on their way into the tables. Every engine's writer uses it. */
import { StoreError } from '../core/errors.ts'
import { FLAGS } from '../core/event.ts'
import type { PackedBatch } from '../core/packed.ts'

/** Tables that are emptied and filled again from the stored events, beside `sessions`. */
export const REBUILT_TABLES = [
  'session_values',
  'daily_values',
  'daily_events',
  'daily_verdicts',
  'schema_drift',
] as const

/** Emergency: every event of a batch waits for a person. */
export function withholdAll(batch: PackedBatch): void {
  for (let i = 0; i < batch.count; i += 1) batch.flags[i]! |= FLAGS.withheld
}

/** The refusal of a decision that another one came before. */
export function decidedElsewhere(): StoreError {
  return new StoreError('STORE_BUSY', 'Somebody else decided on one of these meanwhile.', {
    hint: 'Nothing was changed: look at the list again, then decide on what is left.',
  })
}
