/** Anomalies of the live stream: the vocabulary between those who find them, keep them and show them. */
import type { InstantUs } from './instant.ts'
import type { SafeText } from './text.ts'

export const US_PER_HOUR = 3_600_000_000

/** Whole hours since 1970-01-01T00:00Z. */
export type HourNumber = number

export function hourOf(us: InstantUs): HourNumber {
  return Math.floor(us / US_PER_HOUR)
}

/** What is counted by sensor and hour: added up, or the highest that was met. */
export const METRICS = {
  events: 'sum',
  sessions: 'sum', // sessions that began
  'login-successes': 'sum',
  'hazardous-events': 'sum',
  'new-commands': 'sum', // not seen in any sensor for 30 days
  'new-files': 'sum',
  'new-ssh-keys': 'sum',
  'watched-seconds': 'sum', // how long a follower counted in this hour
  'highest-hazard': 'peak', // 0 to 100
  'address-events-a-minute': 'peak', // of the busiest address
  'country-shift': 'peak', // thousandths of a bit
  'asn-shift': 'peak',
} as const

export type Metric = keyof typeof METRICS

/** By what the places of addresses are told apart; shares are kept by day as `country:FR`, `asn:3215`. */
export const MIX_GROUPS = ['country', 'asn'] as const

export type MixGroup = (typeof MIX_GROUPS)[number]

export const DETECTORS = [
  'volume',
  'sessions',
  'logins',
  'hazard',
  'new-commands',
  'new-files',
  'new-ssh-keys',
  'address-rate',
  'country-shift',
  'asn-shift',
] as const

export type DetectorName = (typeof DETECTORS)[number]

/** What an alarm does besides being told. */
export const ANOMALY_ACTIONS = ['alert', 'throttle', 'hold'] as const

export type AnomalyAction = (typeof ANOMALY_ACTIONS)[number]

/** What an alarm does, by detector; those that are not named alert. */
export type AnomalyPolicy = ReadonlyMap<DetectorName, AnomalyAction>

/** A `notice` is worth a look, raises no alarm and does nothing. */
export type AnomalySeverity = 'alarm' | 'notice'

export type AnomalyState = 'new' | 'confirmed' | 'false'

/** With which hours an hour was compared. */
export type BaselineBasis = 'hour of the week' | 'hour of the day' | 'all hours' | 'none'

/** What is behind an anomaly, the largest first. Texts are in visible form, and cut. */
export type Evidence = {
  readonly values: readonly EvidenceValue[]
  /** How many more there are; at least so many. */
  readonly more: number
  /** Events among them that wait for a person; their texts are not here. */
  readonly withheld: number
}

export type EvidenceValue = {
  readonly kind: 'address' | 'session' | 'command' | 'file' | 'ssh-key' | MixGroup
  readonly text: string
  /** Events; of places the sessions. */
  readonly count: number
  /** A session it was met in. */
  readonly session?: string
  /** Of places: the share that is usual, thousandths. */
  readonly usual?: number
}

/** What a detector found in one hour of one sensor. */
export type Anomaly = {
  readonly detector: DetectorName
  /** As the store names it. */
  readonly sensor: string
  readonly hour: HourNumber
  readonly severity: AnomalySeverity
  readonly figure: number
  /** Median of the hours it was compared with. */
  readonly baseline: number
  /** By how much such hours differ: scaled so that it is the standard deviation of ordinary ones. */
  readonly spread: number
  readonly samples: number
  readonly basis: BaselineBasis
  /** How many spreads the figure lies above the baseline. */
  readonly score: number
  /** Score from which it is an alarm. */
  readonly threshold: number
  readonly evidence: Evidence
  readonly firstSeenUs: InstantUs
  readonly lastSeenUs: InstantUs
}

/** An anomaly as it is kept. */
export type StoredAnomaly = Anomaly & {
  readonly id: number
  readonly sensor: SafeText
  readonly state: AnomalyState
  readonly decidedBy: string | null
  readonly decidedAtUs: InstantUs | null
  readonly reason: string | null
}
