/** A report as a document, for the outputs. */
import type { InstantUs } from '../core/instant.ts'
import { credentialShown, joinTexts, type SafeText } from '../core/text.ts'
import {
  type Cell,
  count,
  type Document,
  label,
  type Observable,
  type Table,
  text,
} from '../output/document.ts'
import type { SystemEntry, TopEntry } from '../store/port.ts'
import { REASON_NAMES, TRAIT_NAMES } from './insight-names.ts'
import { type Comparison, NOVEL_KINDS, type NovelKind } from './insights.ts'
import type { CommandEntry, FileEntry, Report } from './model.ts'

const LISTS: readonly (readonly [string, keyof Report['top'], Observable?])[] = [
  ['commands', 'commands', 'command'],
  ['usernames', 'usernames', 'username'],
  ['passwords', 'passwords', 'password'],
  ['credentials', 'credentials'],
  ['addresses', 'ips', 'address'],
  ['client_versions', 'clientVersions'],
  ['hassh', 'hassh'],
  ['files', 'files', 'sha256'],
  ['urls', 'urls', 'url'],
  ['countries', 'countries'],
  ['networks', 'asns'],
]

export function reportDocument(report: Report, nowUs: InstantUs): Document {
  const { sessions, logins, transfers, events, completeness } = report
  const figures: Readonly<Record<string, number | null>> = {
    events: events.total,
    sessions: sessions.total,
    different_addresses: sessions.uniqueIps,
    sessions_with_commands: sessions.withCommands,
    sessions_with_login: sessions.withLogin,
    commands_a_session: sessions.avgCommands,
    most_commands: sessions.maxCommands,
    median_duration_ms: sessions.medianDurationMs,
    login_attempts: logins.attempts,
    failed_logins: logins.failed,
    successful_logins: logins.success,
    downloads: transfers.downloads,
    uploads: transfers.uploads,
    failed_downloads: transfers.failedDownloads,
    different_files: transfers.uniqueFiles,
    sources: completeness.sources,
    pending_bytes: completeness.pendingBytes,
    dead_letters: completeness.deadLetters,
    held_events: completeness.heldEvents,
    sessions_without_start: completeness.sessionsWithoutStart,
    sessions_without_end: completeness.sessionsWithoutEnd,
  }
  return {
    kind: `${report.kind}_report`,
    subject: label(report.period),
    madeAtUs: nowUs,
    facts: [
      { name: 'sensor', cell: sensorCell(report) },
      { name: 'from', cell: label(report.from) },
      { name: 'until', cell: label(report.until) },
      ...Object.entries(figures).map(([name, value]) => ({ name, cell: count(value) })),
    ],
    tables: [
      counted('events', ['eventid', 'count'], report.events.byEventid),
      counted('days', ['day', 'count'], report.events.perDay),
      ...LISTS.map(
        ([name, key, observable]): Table => ({
          name,
          columns: [
            'value',
            'count',
            'sessions',
            ...(key === 'commands' ? ['threat', 'hazard'] : []),
            ...(key === 'files' ? ['size_bytes'] : []),
          ],
          rows: report.top[key].map((entry) => [
            text(shownEntry(key, entry), observable),
            count(entry.count),
            count(entry.sessions),
            ...(key === 'commands' ? scoreCells(entry) : []),
            ...(key === 'files' ? [count((entry as FileEntry).size ?? null)] : []),
          ]),
        }),
      ),
      ...insightTables(report),
      {
        name: 'silent_sensors',
        columns: ['sensor'],
        rows: completeness.silentSensors.map((sensor) => [text(sensor)]),
      },
    ],
    notes: (report.bounds ?? []).map((sentence) => [label(sentence)]),
  }
}

function sensorCell({ sensor, sensors }: Report): Cell {
  if (sensor !== null) return text(sensor)
  if (sensors === null) return label('all sensors')
  return text(joinTexts(sensors, ', '))
}

/** What a brief report lacks: comparison, what is new, sessions, campaigns, techniques, hours and sensors. */
function insightTables(report: Report): Table[] {
  const { comparison, novelty, unusual, campaigns, attack, perHour, sessionsPerDay, quality } =
    report
  const tables: Table[] = []
  if (comparison !== undefined && comparison !== null)
    tables.push({
      name: 'compared',
      columns: ['figure', 'now', 'before'],
      rows: Object.entries(comparison.figures).map(([name, { now, before }]) => [
        label(FIGURE_NAMES[name as keyof Comparison['figures']]),
        count(now),
        count(before),
      ]),
    })
  if (novelty !== undefined)
    for (const kind of NOVEL_KINDS)
      tables.push({
        name: NOVEL_TABLES[kind][0],
        columns: ['value', 'first_day', 'events', 'sessions', 'sensors', 'threat', 'hazard'],
        rows: novelty.lists[kind].map((one) => [
          text(
            kind === 'credential' ? credentialShown(one.value) : one.value,
            NOVEL_TABLES[kind][1],
          ),
          label(one.firstDay),
          count(one.events),
          count(one.sessions),
          count(one.sensors),
          count(one.threatScore),
          count(one.hazardScore),
        ]),
      })
  if (unusual !== undefined)
    tables.push({
      name: 'unusual_sessions',
      columns: [
        'session',
        'sensor',
        'address',
        'country',
        'started_at',
        'duration_ms',
        'commands',
        'threat',
        'hazard',
        'reasons',
        'about',
      ],
      rows: unusual.map((one) => [
        text(one.session),
        text(one.sensor),
        text(one.srcIp, 'address'),
        text(one.country),
        label(one.startedAt),
        count(one.durationMs),
        count(one.commandCount),
        count(one.threatScore),
        count(one.hazardScore),
        label(one.reasons.map(({ reason }) => REASON_NAMES[reason]).join(', ')),
        text(one.reasons.find(({ detail }) => detail !== null)?.detail ?? null),
      ]),
    })
  if (campaigns !== undefined)
    tables.push({
      name: 'campaigns',
      columns: [
        'value',
        'shares',
        'id',
        'addresses',
        'sessions',
        'sensors',
        'first_day',
        'last_day',
        'threat',
        'hazard',
      ],
      rows: campaigns.map((one) => [
        text(one.value, one.shares === 'file' ? 'sha256' : undefined),
        label(TRAIT_NAMES[one.shares]),
        label(one.id),
        count(one.addresses),
        count(one.sessions),
        count(one.sensors),
        label(one.firstDay),
        label(one.lastDay),
        count(one.threatScore),
        count(one.hazardScore),
      ]),
    })
  if (attack !== undefined)
    tables.push({
      name: 'techniques',
      columns: ['id', 'name', 'tactic', 'events', 'threat'],
      rows: attack.map((one) => [
        label(one.id),
        label(one.name),
        label(one.tactic),
        count(one.events),
        count(one.threatScore),
      ]),
    })
  if (perHour !== undefined)
    tables.push({
      name: 'hours',
      columns: ['hour', 'events'],
      rows: perHour.map((events, hour) => [
        label(`${String(hour).padStart(2, '0')}:00`),
        count(events),
      ]),
    })
  if (sessionsPerDay !== undefined)
    tables.push(counted('sessions_a_day', ['day', 'count'], sessionsPerDay))
  if (quality !== undefined)
    tables.push({
      name: 'sensors',
      columns: ['sensor', 'events', 'held', 'sessions_without_start', 'sessions_without_end'],
      rows: quality.sensors.map((one) => [
        text(one.sensor),
        count(one.events),
        count(one.heldEvents),
        count(one.sessionsWithoutStart),
        count(one.sessionsWithoutEnd),
      ]),
    })
  return tables
}

const NOVEL_TABLES: Readonly<Record<NovelKind, readonly [name: string, observable?: Observable]>> =
  {
    command: ['new_commands', 'command'],
    credential: ['new_credentials'],
    file: ['new_files', 'sha256'],
    sshKey: ['new_ssh_keys'],
    hassh: ['new_hassh'],
    ip: ['new_addresses', 'address'],
    asn: ['new_networks'],
  }

const FIGURE_NAMES: Readonly<Record<keyof Comparison['figures'], string>> = {
  events: 'events',
  sessions: 'sessions',
  uniqueIps: 'different addresses',
  loginAttempts: 'login attempts',
  loginSuccess: 'successful logins',
  commands: 'commands',
  downloads: 'downloads',
  uploads: 'uploads',
  uniqueFiles: 'different files',
}

/** An entry of a list as people read it: a network with the name of who runs it, a credential with what is empty in it. */
export function shownEntry(list: keyof Report['top'], entry: TopEntry | SystemEntry): SafeText {
  if (list === 'credentials') return credentialShown(entry.value)
  if (!('organisation' in entry) || entry.organisation === null) return entry.value
  // The join of two texts in visible form is one.
  return `${entry.value} ${entry.organisation}` as SafeText
}

function scoreCells({ threatScore, hazardScore }: CommandEntry): Cell[] {
  return [count(threatScore ?? null), count(hazardScore ?? null)]
}

/** @param counts - their names are texts of the store */
function counted(
  name: string,
  columns: readonly string[],
  counts: Readonly<Record<string, number>>,
): Table {
  return {
    name,
    columns,
    // Keys lose their type; the outputs look at every character anyway.
    rows: Object.entries(counts).map(([key, value]) => [text(key as SafeText), count(value)]),
  }
}
