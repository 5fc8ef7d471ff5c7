import type { AnomalyPolicy } from '../core/anomaly.ts'

/** Every setting, once: name in the file, environment variable, option, default, range, meaning. */
export type SettingSpec = {
  readonly name: string
  readonly env: string | undefined
  readonly option: string | undefined
  readonly meaning: string
} & (
  | { readonly type: 'string'; readonly fallback: string; readonly choices?: readonly string[] }
  | {
      readonly type: 'integer'
      readonly fallback: number
      readonly min: number
      readonly max: number
      readonly unit: string
    }
)

export const SETTINGS = [
  {
    name: 'data',
    env: 'NACRE_DATA',
    option: '--data',
    type: 'string',
    fallback: './nacre-data',
    meaning: 'folder of configuration, keys and database',
  },
  {
    name: 'store',
    env: 'NACRE_STORE',
    option: '--store',
    type: 'string',
    fallback: '',
    meaning:
      'database as a URL: sqlite:PATH or postgres://user@host/database; empty: sqlite:DATA/nacre.sqlite',
  },
  {
    name: 'jobs',
    env: 'NACRE_JOBS',
    option: '--jobs',
    type: 'integer',
    fallback: 1,
    min: 1,
    max: 16,
    unit: 'threads',
    meaning:
      'threads of a load: one writes, the others read; 1 does both in one, with the least CPU and memory',
  },
  {
    name: 'follow.poll_ms',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 1_000,
    min: 50,
    max: 3_600_000,
    unit: 'milliseconds',
    meaning:
      'how often a follower looks at what it follows whether or not the system tells of changes (it does not on network file systems)',
  },
  {
    name: 'follow.records_per_second',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 0,
    min: 0,
    max: 1_000_000,
    unit: 'records a second; 0 for no limit',
    meaning: 'how fast a follower reads at most, so that catching up leaves the machine to others',
  },
  {
    name: 'status.folder',
    env: 'NACRE_STATUS_FOLDER',
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'folder of status.json, bulk.json and delta.json, which monitors read; empty: DATA/status',
  },
  {
    name: 'sqlite.cache_size',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: -64_000,
    min: -1_048_576,
    max: 1_048_576,
    unit: 'KiB when negative, pages when positive',
    meaning: 'page cache of SQLite; a load with --jobs 1 takes half of it unless it is set here',
  },
  {
    name: 'sqlite.synchronous',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: 'normal',
    choices: ['normal', 'full'],
    meaning: 'how often SQLite waits for the disk; checkpoints always do',
  },
  {
    name: 'sqlite.page_size',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 16_384,
    min: 512,
    max: 65_536,
    unit: 'bytes, a power of two',
    meaning: 'page size of a new database',
  },
  {
    name: 'review.hold_hazard',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 96,
    min: 1,
    max: 101,
    unit: 'hazard score; 101 withholds nothing',
    meaning: 'hazard from which an event is withheld until a person decides',
  },
  {
    name: 'review.emergency_triggers',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: 'rule-budget,redteam,hazard-rate',
    meaning:
      'what turns the emergency mode on by itself: rule-budget, redteam, hazard-rate, with commas; empty for nothing',
  },
  {
    name: 'seal.encrypt',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: 'yes',
    choices: ['yes', 'no'],
    meaning: 'whether the sealed bytes of new batches are encrypted to the recipient key',
  },
  {
    name: 'keys.private',
    env: 'NACRE_PRIVATE_KEY',
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'file of a further private recipient key, on removable media for instance; those in DATA/keys are found by themselves',
  },
  {
    name: 'evidence.actors',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'users of the system who may reveal sealed bytes, with commas; empty: the owner of the data folder',
  },
  {
    name: 'pii.detectors',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'personal data that is taken out of the view: email, phone, card, with commas; empty for none (docs/privacy.md)',
  },
  {
    name: 'pii.plugins',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning: 'files of further detectors, with commas (docs/privacy.md)',
  },
  {
    name: 'redact.own_addresses',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'addresses and networks of your own, with commas, that --redact takes out; private networks always are (docs/redaction.md)',
  },
  {
    name: 'redact.own_names',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning: 'host names and other words that name you, with commas, that --redact takes out',
  },
  {
    name: 'anomaly.policy',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'what alarms do besides being told: detector:throttle or detector:hold, with commas (docs/anomalies.md); empty: nothing',
  },
  {
    name: 'anomaly.throttle_events_per_second',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 200,
    min: 1,
    max: 1_000_000,
    unit: 'events per second',
    meaning: 'rate of the follower for 15 minutes after an alarm whose action is throttle',
  },
  {
    name: 'report.chromium',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'absolute path of the Chromium, Chrome or Edge that prints PDF reports; empty: the first that is found on PATH',
  },
  {
    name: 'report.pdf_seconds',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 60,
    min: 5,
    max: 3_600,
    unit: 'seconds',
    meaning: 'how long printing of a PDF report may take',
  },
  {
    name: 'alerts.check_seconds',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 60,
    min: 5,
    max: 86400,
    unit: 'seconds',
    meaning: 'how often the follower looks for alerts',
  },
  {
    name: 'alerts.repeat_hours',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 24,
    min: 1,
    max: 8760,
    unit: 'hours',
    meaning: 'after how long an open alert is told again, unless it is acknowledged',
  },
  {
    name: 'alerts.per_hour',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 20,
    min: 1,
    max: 1000,
    unit: 'messages',
    meaning:
      'messages a channel sends within an hour; the next one tells of those that were held back',
  },
  {
    name: 'alerts.dead_letters',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 20,
    min: 1,
    max: 1000000000,
    unit: 'records',
    meaning: 'alert: further dead letters of one reason within a day',
  },
  {
    name: 'alerts.silent_hours',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 26,
    min: 1,
    max: 8760,
    unit: 'hours',
    meaning: 'alert: hours without an event of a sensor; lower it where logs are followed',
  },
  {
    name: 'alerts.missing_day_hours',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 12,
    min: 1,
    max: 144,
    unit: 'hours',
    meaning: 'alert: hours after the end of a day in which its log may still arrive',
  },
  {
    name: 'alerts.lag_seconds',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 300,
    min: 1,
    max: 604800,
    unit: 'seconds',
    meaning: 'alert: age of what is written and not yet read',
  },
  {
    name: 'alerts.lag_mib',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 256,
    min: 1,
    max: 1048576,
    unit: 'MiB',
    meaning: 'alert: size of what is written and not yet read',
  },
  {
    name: 'alerts.disk_free_percent',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 10,
    min: 1,
    max: 99,
    unit: 'percent',
    meaning: 'alert: free share of the disk of the data folder',
  },
  {
    name: 'alerts.clock_skew_seconds',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 120,
    min: 1,
    max: 86400,
    unit: 'seconds',
    meaning: 'alert: difference between the time of an event and the clock when it is written',
  },
  {
    name: 'alerts.loader_seconds',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 300,
    min: 10,
    max: 86400,
    unit: 'seconds',
    meaning: 'alert: seconds that the follower waits for the database, or gives no sign of life',
  },
  {
    name: 'alerts.timeout_seconds',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 10,
    min: 1,
    max: 120,
    unit: 'seconds',
    meaning: 'how long a channel may take for one try',
  },
  {
    name: 'alerts.webhook',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'https URL that alerts are posted to as JSON, or env:NAME or file:PATH that holds it; empty for none',
  },
  {
    name: 'alerts.webhook_secret',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'env:NAME or file:PATH of a secret that signs what is posted (HMAC-SHA256); empty for none',
  },
  {
    name: 'alerts.mail_to',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning: 'addresses that alerts are mailed to, with commas; empty for none',
  },
  {
    name: 'alerts.mail_from',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning: 'address that alerts are mailed from',
  },
  {
    name: 'alerts.smtp_host',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: 'localhost',
    meaning: 'server that takes the mail',
  },
  {
    name: 'alerts.smtp_port',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 587,
    min: 1,
    max: 65535,
    unit: 'port',
    meaning: 'port of that server',
  },
  {
    name: 'alerts.smtp_tls',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: 'starttls',
    choices: ['starttls', 'tls', 'none'],
    meaning: 'how the connection is protected; none only to this machine, or without a password',
  },
  {
    name: 'alerts.smtp_user',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning: 'user of that server; empty for none',
  },
  {
    name: 'alerts.smtp_password',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning: 'env:NAME or file:PATH of the password of that user',
  },
  {
    name: 'alerts.command',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'absolute path of a program that reads an alert as JSON on its standard input; empty for none',
  },
  {
    name: 'alerts.command_arguments',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning: 'its arguments, with commas; nothing of an alert is among them',
  },
  {
    name: 'geo.databases',
    env: 'NACRE_GEO_DATABASES',
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'MMDB files of countries, cities or autonomous systems, with commas, the more trusted first; nothing is downloaded (docs/geo.md)',
  },
  {
    name: 'serve.host',
    env: 'NACRE_SERVE_HOST',
    option: '--host',
    type: 'string',
    fallback: '127.0.0.1',
    meaning: 'address that the dashboard listens at; any other than one of this machine needs TLS',
  },
  {
    name: 'serve.port',
    env: 'NACRE_SERVE_PORT',
    option: '--port',
    type: 'integer',
    fallback: 8_622,
    min: 0,
    max: 65_535,
    unit: 'port; 0 for a free one',
    meaning: 'port that the dashboard listens at',
  },
  {
    name: 'serve.origin',
    env: 'NACRE_SERVE_ORIGIN',
    option: '--origin',
    type: 'string',
    fallback: '',
    meaning:
      'address of the dashboard as browsers see it, https://nacre.example.org for instance; empty: that of this machine (docs/dashboard.md)',
  },
  {
    name: 'serve.tls_cert',
    env: undefined,
    option: '--tls-cert',
    type: 'string',
    fallback: '',
    meaning: 'PEM file of the certificate, with those it rests on; empty for no TLS',
  },
  {
    name: 'serve.tls_key',
    env: undefined,
    option: '--tls-key',
    type: 'string',
    fallback: '',
    meaning: 'PEM file of its private key',
  },
  {
    name: 'serve.trusted_proxies',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'addresses of reverse proxies whose X-Forwarded-For is believed, with commas; empty for none',
  },
  {
    name: 'serve.requests_per_second',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 200,
    min: 1,
    max: 100_000,
    unit: 'requests a second, over ten seconds',
    meaning: 'how much one address may ask of the dashboard and the API',
  },
  {
    name: 'serve.idle_minutes',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 60,
    min: 1,
    max: 10_080,
    unit: 'minutes',
    meaning: 'after how long without a request a sign-in ends',
  },
  {
    name: 'serve.sign_in_hours',
    env: undefined,
    option: undefined,
    type: 'integer',
    fallback: 12,
    min: 1,
    max: 720,
    unit: 'hours',
    meaning: 'after how long a sign-in ends in any case',
  },
  {
    name: 'serve.metrics',
    env: undefined,
    option: undefined,
    type: 'string',
    fallback: 'token',
    choices: ['token', 'loopback'],
    meaning:
      'who may read /metrics: who has a token or is signed in, or also any program of this machine',
  },
] as const satisfies readonly SettingSpec[]

export type SettingName = (typeof SETTINGS)[number]['name']

/** What may turn the emergency mode on without a person. */
export const EMERGENCY_TRIGGERS = ['rule-budget', 'redteam', 'hazard-rate'] as const

export type EmergencyTrigger = (typeof EMERGENCY_TRIGGERS)[number]

/** Personal data that can be taken out of the view. */
export const PII_DETECTORS = ['email', 'phone', 'card'] as const

/** Where a value came from. */
export type Origin = 'option' | 'environment' | 'file' | 'default'

export type Setting = {
  readonly name: SettingName
  readonly value: string | number
  readonly origin: Origin
  readonly meaning: string
  readonly place: string
}

export type Settings = {
  readonly data: string
  readonly store: string
  readonly jobs: number
  readonly cacheSize: number
  readonly synchronous: 'normal' | 'full'
  readonly pageSize: number
  readonly followPollMs: number
  readonly followRecordsPerSecond: number
  readonly statusFolder: string
  readonly holdHazard: number
  readonly emergencyTriggers: ReadonlySet<EmergencyTrigger>
  readonly encrypt: boolean
  /** Empty for none. */
  readonly privateKey: string
  /** Paths; empty for none. */
  readonly geoDatabases: readonly string[]
  readonly evidenceActors: readonly string[]
  readonly piiDetectors: readonly string[]
  readonly piiPlugins: readonly string[]
  readonly redactOwnAddresses: readonly string[]
  readonly redactOwnNames: readonly string[]
  /** Path of a browser that prints; empty to look for one. */
  readonly chromium: string
  readonly pdfMs: number
  readonly anomalyPolicy: AnomalyPolicy
  readonly anomalyThrottleEventsPerSecond: number
  readonly alerts: AlertSettings
  readonly serve: ServeSettings
  /** Sensor by path prefix, from `[sensors]` of the file. */
  readonly sensors: Readonly<Record<string, string>>
  /** `[groups]` of the file: names of sensors by the name of their group. */
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly all: readonly Setting[]
}

/** What belongs to alerts, as it was set; secrets are still references. */
export type AlertSettings = {
  readonly checkSeconds: number
  readonly pace: { readonly repeatHours: number; readonly perHour: number }
  readonly thresholds: {
    readonly deadLetters: number
    readonly silentHours: number
    readonly missingDayHours: number
    readonly lagSeconds: number
    readonly lagBytes: number
    readonly diskFreePercent: number
    readonly clockSkewSeconds: number
    readonly loaderSeconds: number
  }
  readonly timeoutMs: number
  /** Empty for none, as all texts here. */
  readonly webhook: string
  readonly webhookSecret: string
  readonly mailTo: readonly string[]
  readonly mailFrom: string
  readonly smtpHost: string
  readonly smtpPort: number
  readonly smtpTls: 'starttls' | 'tls' | 'none'
  readonly smtpUser: string
  readonly smtpPassword: string
  readonly command: string
  readonly commandArguments: readonly string[]
}

/** What belongs to the dashboard. */
export type ServeSettings = {
  readonly host: string
  readonly port: number
  /** Scheme, host and port, as browsers send it; empty for none, as the paths here. */
  readonly origin: string
  readonly tlsCert: string
  readonly tlsKey: string
  readonly trustedProxies: readonly string[]
  readonly requestsPerSecond: number
  readonly idleMinutes: number
  readonly signInHours: number
  readonly metrics: 'token' | 'loopback'
}

/** A value fit to be shown: the password of a URL is left out. */
export function withoutPassword(value: string | number): string | number {
  if (typeof value === 'number') return value
  return (
    value
      // To the last @: a password may hold others, as URLs are read.
      .replace(/^(\w+:\/\/[^:@/?]*):.*@/s, '$1:(withheld)@')
      .replace(/([?&]password=)[^&]*/, '$1(withheld)')
  )
}
