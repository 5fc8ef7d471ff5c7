/** Where things stand when somebody looks: plain data. What is undefined is not known, and then nothing is said of it. */
import type { DayNumber, InstantUs } from '../core/instant.ts'
import type { SafeText } from '../core/text.ts'

/** A log that is followed. */
export type SourceSituation = {
  /** Visible form. */
  readonly path: SafeText
  readonly sensor: SafeText
  /** As the follower calls it. */
  readonly state: string
  /** Bytes behind the cursor. */
  readonly lagBytes: number | undefined
  /** How long the oldest byte behind the cursor has waited. */
  readonly lagSeconds: number | undefined
  readonly lastEventAtUs: InstantUs | undefined
  /** Time of an event less the clock when its line was read as it was written; the largest difference, signed. */
  readonly clockSkewSeconds: number | undefined
}

export type SensorSituation = {
  readonly sensor: SafeText
  readonly lastEventAtUs: InstantUs
  /** Events by UTC day, of the last `LIMITS.alertDaysMax` days; days without any are absent. */
  readonly days: ReadonlyMap<DayNumber, number>
}

/** `lost`: it said that it runs, and gives no sign of life any more. `stopped`: it was ended in order. */
export type LoaderState = 'running' | 'waiting-for-store' | 'disk-full' | 'stopped' | 'lost'

/** `sinceUs` of a lost one is its last sign of life. */
export type LoaderSituation = {
  readonly state: LoaderState
  readonly sinceUs: InstantUs | undefined
}

export type OpenAnomaly = {
  readonly id: number
  readonly detector: string
  readonly sensor: SafeText
  readonly atUs: InstantUs
  readonly figure: number
  readonly baseline: number
  /** The detector's own words. */
  readonly message: string
}

export type Situation = {
  readonly nowUs: InstantUs
  /** Undefined where nothing is followed. */
  readonly sources: readonly SourceSituation[] | undefined
  readonly sensors: readonly SensorSituation[] | undefined
  /** Records that nobody has decided on, by reason code. */
  readonly deadLetters: readonly { readonly reason: string; readonly records: number }[] | undefined
  /** Batches with events that wait for a person, oldest first. */
  readonly heldBatches:
    | readonly {
        readonly batchId: number
        readonly waiting: number
        readonly committedAtUs: InstantUs
      }[]
    | undefined
  /** Of the data folder. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined
  readonly loader: LoaderSituation | undefined
  readonly openAnomalies: readonly OpenAnomaly[] | undefined
}
