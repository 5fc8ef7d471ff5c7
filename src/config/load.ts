import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ANOMALY_ACTIONS, type AnomalyPolicy, DETECTORS } from '../core/anomaly.ts'
import { ConfigError } from '../core/errors.ts'
import { ownText } from '../core/event.ts'
import { isNetwork } from '../redact/addresses.ts'
import {
  type AlertSettings,
  EMERGENCY_TRIGGERS,
  PII_DETECTORS,
  SETTINGS,
  type ServeSettings,
  type Setting,
  type SettingName,
  type SettingSpec,
  type Settings,
} from './settings.ts'

/**
 * Puts the settings together: option before environment before `nacre.toml` in the data folder before default.
 *
 * @param options - global options given, by setting name
 * @throws ConfigError for an unknown setting, a value out of range, an unreadable file
 */
export async function loadSettings(
  options: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Settings> {
  const data = resolve(options['data'] ?? environment['NACRE_DATA'] ?? SETTINGS[0].fallback)
  const file = await readFile(join(data, 'nacre.toml'))
  const all = SETTINGS.map(
    (spec: SettingSpec): Setting => settle(spec, options, environment, file.values, file.path),
  )
  const get = (name: SettingName): string | number =>
    all.find((setting) => setting.name === name)!.value
  const store = String(get('store'))
  const pageSize = Number(get('sqlite.page_size'))
  if ((pageSize & (pageSize - 1)) !== 0)
    throw badValue('sqlite.page_size', String(pageSize), 'a power of two from 512 to 65536')
  return {
    data,
    store: store === '' ? `sqlite:${join(data, 'nacre.sqlite')}` : store,
    jobs: Number(get('jobs')),
    cacheSize: Number(get('sqlite.cache_size')),
    synchronous: get('sqlite.synchronous') === 'full' ? 'full' : 'normal',
    pageSize,
    followPollMs: Number(get('follow.poll_ms')),
    followRecordsPerSecond: Number(get('follow.records_per_second')),
    statusFolder: String(get('status.folder')) || join(data, 'status'),
    holdHazard: Number(get('review.hold_hazard')),
    emergencyTriggers: new Set(
      namesOf(
        'review.emergency_triggers',
        String(get('review.emergency_triggers')),
        EMERGENCY_TRIGGERS,
      ),
    ),
    geoDatabases: listOf(String(get('geo.databases'))).map((file) => resolve(data, file)),
    encrypt: get('seal.encrypt') !== 'no',
    privateKey: String(get('keys.private')),
    evidenceActors: listOf(String(get('evidence.actors'))),
    piiDetectors: namesOf('pii.detectors', String(get('pii.detectors')), PII_DETECTORS),
    piiPlugins: listOf(String(get('pii.plugins'))),
    redactOwnAddresses: networksOf(
      'redact.own_addresses',
      listOf(String(get('redact.own_addresses'))),
    ),
    redactOwnNames: listOf(String(get('redact.own_names'))),
    chromium: String(get('report.chromium')),
    pdfMs: Number(get('report.pdf_seconds')) * 1_000,
    anomalyPolicy: policyOf('anomaly.policy', String(get('anomaly.policy'))),
    anomalyThrottleEventsPerSecond: Number(get('anomaly.throttle_events_per_second')),
    alerts: alertSettings(get),
    serve: serveSettings(get, data),
    sensors: file.sensors,
    groups: file.groups,
    all,
  }
}

function alertSettings(get: (name: SettingName) => string | number): AlertSettings {
  const number = (name: SettingName): number => Number(get(name))
  const text = (name: SettingName): string => String(get(name))
  const tls = text('alerts.smtp_tls')
  return {
    checkSeconds: number('alerts.check_seconds'),
    pace: { repeatHours: number('alerts.repeat_hours'), perHour: number('alerts.per_hour') },
    thresholds: {
      deadLetters: number('alerts.dead_letters'),
      silentHours: number('alerts.silent_hours'),
      missingDayHours: number('alerts.missing_day_hours'),
      lagSeconds: number('alerts.lag_seconds'),
      lagBytes: number('alerts.lag_mib') * 1024 * 1024,
      diskFreePercent: number('alerts.disk_free_percent'),
      clockSkewSeconds: number('alerts.clock_skew_seconds'),
      loaderSeconds: number('alerts.loader_seconds'),
    },
    timeoutMs: number('alerts.timeout_seconds') * 1_000,
    webhook: text('alerts.webhook'),
    webhookSecret: text('alerts.webhook_secret'),
    mailTo: listOf(text('alerts.mail_to')),
    mailFrom: text('alerts.mail_from'),
    smtpHost: text('alerts.smtp_host'),
    smtpPort: number('alerts.smtp_port'),
    smtpTls: tls === 'tls' || tls === 'none' ? tls : 'starttls',
    smtpUser: text('alerts.smtp_user'),
    smtpPassword: text('alerts.smtp_password'),
    command: text('alerts.command'),
    commandArguments: listOf(text('alerts.command_arguments')),
  }
}

function serveSettings(get: (name: SettingName) => string | number, data: string): ServeSettings {
  const number = (name: SettingName): number => Number(get(name))
  const text = (name: SettingName): string => String(get(name))
  const file = (name: SettingName): string => (text(name) === '' ? '' : resolve(data, text(name)))
  return {
    host: text('serve.host'),
    port: number('serve.port'),
    origin: originOf('serve.origin', text('serve.origin')),
    tlsCert: file('serve.tls_cert'),
    tlsKey: file('serve.tls_key'),
    trustedProxies: listOf(text('serve.trusted_proxies')),
    requestsPerSecond: number('serve.requests_per_second'),
    idleMinutes: number('serve.idle_minutes'),
    signInHours: number('serve.sign_in_hours'),
    metrics: text('serve.metrics') === 'loopback' ? 'loopback' : 'token',
  }
}

/** Scheme, host and port, as browsers write an origin. */
function originOf(name: string, value: string): string {
  if (value === '') return ''
  const url = URL.canParse(value) ? new URL(value) : undefined
  const isWhole = url !== undefined && `${url.pathname}${url.search}${url.hash}` === '/'
  if (isWhole && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '')
    return url.origin
  throw badValue(name, value, 'http:// or https://, a host, perhaps a port, and nothing behind it')
}

type FileValues = {
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
  readonly sensors: Readonly<Record<string, string>>
  readonly groups: Readonly<Record<string, readonly string[]>>
}

async function readFile(path: string): Promise<FileValues> {
  if (!existsSync(path)) return { path, values: {}, sensors: {}, groups: {} }
  let parsed: Record<string, unknown>
  try {
    const { parse } = await import('smol-toml')
    parsed = parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_UNREADABLE',
      `The configuration ${path} cannot be read as TOML.`,
      {
        hint: `Mend or move the file; "nacre config explain" lists the settings. (${cause instanceof Error ? cause.message.split('\n')[0] : ''})`,
        cause,
      },
    )
  }
  const values: Record<string, unknown> = {}
  const sensors: Record<string, string> = {}
  const groups: Record<string, readonly string[]> = {}
  for (const [key, value] of Object.entries(parsed)) {
    if (key === 'sensors' && typeof value === 'object' && value !== null) {
      for (const [prefix, name] of Object.entries(value)) {
        if (typeof name !== 'string' || name === '')
          throw badValue(`sensors.${prefix}`, String(name), 'the name of a sensor')
        sensors[resolve(prefix)] = name
      }
    } else if (key === 'groups' && typeof value === 'object' && value !== null) {
      for (const [name, members] of Object.entries(value)) groups[name] = membersOf(name, members)
    } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [inner, one] of Object.entries(value)) values[`${key}.${inner}`] = one
    } else {
      values[key] = value
    }
  }
  if (values['data'] !== undefined) {
    throw new ConfigError(
      'CONFIG_BAD_VALUE',
      `${path} sets "data", but it is found in that folder itself.`,
      { hint: 'Name the folder with --data or NACRE_DATA, and take the line out.' },
    )
  }
  for (const key of Object.keys(values)) {
    if (!SETTINGS.some((spec) => spec.name === key)) {
      throw new ConfigError(
        'CONFIG_UNKNOWN_SETTING',
        `${path} names a setting that does not exist: ${key}.`,
        {
          hint: '"nacre config explain" lists the settings; look for a slip of the pen.',
          context: { setting: ownText(key) },
        },
      )
    }
  }
  return { path, values, sensors, groups }
}

/** Sensors of a group. */
function membersOf(name: string, members: unknown): readonly string[] {
  const isList =
    Array.isArray(members) &&
    members.length > 0 &&
    members.every((one) => typeof one === 'string' && one !== '')
  if (!isList) throw badValue(`groups.${name}`, String(members), 'a list of names of sensors')
  return members as readonly string[] // every element was looked at
}

function settle(
  spec: SettingSpec,
  options: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
  file: Readonly<Record<string, unknown>>,
  path: string,
): Setting {
  const given = options[spec.name]
  const fromEnvironment = spec.env === undefined ? undefined : environment[spec.env]
  const base = { name: spec.name as SettingName, meaning: spec.meaning }
  if (given !== undefined)
    return { ...base, value: checked(spec, given), origin: 'option', place: spec.option ?? '' }
  if (fromEnvironment !== undefined && fromEnvironment !== '')
    return {
      ...base,
      value: checked(spec, fromEnvironment),
      origin: 'environment',
      place: spec.env!,
    }
  if (file[spec.name] !== undefined)
    return { ...base, value: checked(spec, file[spec.name]), origin: 'file', place: path }
  return { ...base, value: spec.fallback, origin: 'default', place: '' }
}

function checked(spec: SettingSpec, value: unknown): string | number {
  if (spec.type === 'string') {
    if (typeof value !== 'string') throw badValue(spec.name, String(value), 'a text')
    if (spec.choices !== undefined && !spec.choices.includes(value))
      throw badValue(spec.name, value, `one of ${spec.choices.join(', ')}`)
    return value
  }
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  if (
    typeof number !== 'number' ||
    !Number.isInteger(number) ||
    number < spec.min ||
    number > spec.max
  ) {
    throw badValue(
      spec.name,
      String(value),
      `a whole number from ${spec.min} to ${spec.max} (${spec.unit})`,
    )
  }
  return number
}

function listOf(value: string): string[] {
  return value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}

function namesOf<T extends string>(name: string, value: string, known: readonly T[]): T[] {
  return listOf(value).map((one) => {
    const found = known.find((other) => other === one)
    if (found === undefined) throw badValue(name, one, `of ${known.join(', ')}`)
    return found
  })
}

function networksOf(name: string, all: readonly string[]): readonly string[] {
  const odd = all.find((one) => !isNetwork(one))
  if (odd !== undefined) throw badValue(name, odd, 'an address, or a network such as 192.0.2.0/24')
  return all
}

/** Pairs of detector and action; each detector once. */
function policyOf(name: string, value: string): AnomalyPolicy {
  const policy = new Map(
    listOf(value).map((one) => {
      const [detector, action, ...rest] = one.split(':').map((word) => word.trim())
      const known = DETECTORS.find((other) => other === detector)
      const does = ANOMALY_ACTIONS.find((other) => other === action)
      if (known === undefined || does === undefined || rest.length > 0)
        throw badValue(
          name,
          one,
          `pairs detector:action, of ${DETECTORS.join(', ')} and ${ANOMALY_ACTIONS.join(', ')}`,
        )
      return [known, does] as const
    }),
  )
  if (policy.size !== listOf(value).length) throw badValue(name, value, 'each detector once')
  return policy
}

export function badValue(name: string, value: string, wanted: string): ConfigError {
  return new ConfigError(
    'CONFIG_BAD_VALUE',
    `The setting ${name} is "${value.slice(0, 80)}"; it must be ${wanted}.`,
    {
      hint: '"nacre config explain" shows each value and where it comes from.',
      context: { setting: ownText(name) },
    },
  )
}
