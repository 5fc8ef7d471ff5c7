/** A report as a document, for the outputs. */
import type { InstantUs } from '../core/instant.ts'
import type { SafeText } from '../core/text.ts'
import {
  count,
  type Document,
  label,
  type Observable,
  type Table,
  text,
} from '../output/document.ts'
import type { SystemEntry, TopEntry } from '../store/port.ts'
import type { Report } from './model.ts'

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
      { name: 'sensor', cell: report.sensor === null ? label('all sensors') : text(report.sensor) },
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
          columns: ['value', 'count', 'sessions'],
          rows: report.top[key].map((entry) => [
            text(namedSystem(entry), observable),
            count(entry.count),
            count(entry.sessions),
          ]),
        }),
      ),
      {
        name: 'silent_sensors',
        columns: ['sensor'],
        rows: completeness.silentSensors.map((sensor) => [text(sensor)]),
      },
    ],
    notes: [],
  }
}

/** An entry of a list as people read it: a network with the name of who runs it. */
export function namedSystem(entry: TopEntry | SystemEntry): SafeText {
  if (!('organisation' in entry) || entry.organisation === null) return entry.value
  // The join of two texts in visible form is one.
  return `${entry.value} ${entry.organisation}` as SafeText
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
