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
    name: 'geo.databases',
    env: 'NACRE_GEO_DATABASES',
    option: undefined,
    type: 'string',
    fallback: '',
    meaning:
      'MMDB files of countries, cities or autonomous systems, with commas, the more trusted first; nothing is downloaded (docs/geo.md)',
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
  readonly holdHazard: number
  readonly emergencyTriggers: ReadonlySet<EmergencyTrigger>
  readonly encrypt: boolean
  /** Empty for none. */
  readonly privateKey: string
  readonly evidenceActors: readonly string[]
  readonly piiDetectors: readonly string[]
  readonly piiPlugins: readonly string[]
  /** Paths; empty for none. */
  readonly geoDatabases: readonly string[]
  /** Sensor by path prefix, from `[sensors]` of the file. */
  readonly sensors: Readonly<Record<string, string>>
  readonly all: readonly Setting[]
}

/** A value fit to be shown: the password of a URL is left out. */
export function withoutPassword(value: string | number): string | number {
  if (typeof value === 'number') return value
  return value
    .replace(/^(\w+:\/\/[^:@/?]*):[^@/?]*@/, '$1:(withheld)@')
    .replace(/([?&]password=)[^&]*/, '$1(withheld)')
}
