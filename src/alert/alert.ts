/** What an alert is, and what each kind of it means. */
import type { SafeText } from '../core/text.ts'
import type { AlertSeverity } from '../store/port.ts'

/** Every kind, and what people are told about all of its kind. `docs/alerts.md` has a section for each. */
export const ALERT_KINDS = {
  'dead-letters': {
    title: 'dead letters grow',
    unit: 'records',
    advice: '"nacre dlq list" shows reasons and places; replay or discard them.',
  },
  held: {
    title: 'a batch waits for a person',
    unit: 'events',
    advice: '"nacre quarantine list" shows where; approve or reject them.',
  },
  'silent-sensor': {
    title: 'a sensor is silent',
    unit: 'hours',
    advice: 'Look whether Cowrie runs there, and whether its log still arrives here.',
  },
  'missing-day': {
    title: 'a day is missing',
    unit: 'events',
    advice: 'Look for the log of that day, and load it: "nacre ingest bulk PATH".',
  },
  lag: {
    title: 'reading lags behind',
    unit: 'seconds',
    advice: '"nacre status" shows the sources; look at CPU, disk and the database.',
  },
  disk: {
    title: 'the disk is nearly full',
    unit: 'percent free',
    advice: 'Make room: docs/operations/disk-full.md says what may go.',
  },
  'clock-skew': {
    title: 'a clock is wrong',
    unit: 'seconds',
    advice: 'Set the clock and the time zone of the sensor, and of this machine (NTP).',
  },
  anomaly: {
    title: 'something is unusual',
    unit: 'as its detector measures',
    advice: 'Look at the sessions of that sensor and time.',
  },
  'loader-stopped': {
    title: 'loading stands still',
    unit: 'seconds',
    advice: '"nacre doctor" says what is wrong; then start it again: nothing is lost.',
  },
} as const satisfies Readonly<
  Record<string, { readonly title: string; readonly unit: string; readonly advice: string }>
>

export type AlertKind = keyof typeof ALERT_KINDS

/** The page that tells more; its sections are named by the kinds. */
export const ALERT_PAGE = 'docs/alerts.md'

/** Something that people should know, as one look finds it. */
export type Alert = {
  readonly kind: AlertKind
  /** Sensor, source or the like, at most `LIMITS.alertSubjectCharsMax` characters; with the kind it is the identity. */
  readonly subject: SafeText
  readonly severity: AlertSeverity
  /** In the unit of its kind. */
  readonly figure: number
  readonly threshold: number
  /** Our own words; no text of a log. */
  readonly sentence: string
  /** Looks in a row that must find it before anyone is told: some conditions pass by themselves. */
  readonly patience: 1 | 2
}

/** From which figures on there is an alert. */
export type AlertThresholds = {
  /** Further records of one reason within a day. */
  readonly deadLetters: number
  readonly silentHours: number
  /** Hours that the log of a day may take to arrive after the day's end. */
  readonly missingDayHours: number
  readonly lagSeconds: number
  readonly lagBytes: number
  readonly diskFreePercent: number
  readonly clockSkewSeconds: number
  /** Seconds that a loader waits for the store, or gives no sign of life. */
  readonly loaderSeconds: number
}
