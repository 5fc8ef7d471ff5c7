/**
 * Makes `docs/data-model.md` from the tables that `src/store/schema.ts` declares.
 *
 * Run `node tools/make-data-model.ts` after a change of a table; a test compares the two.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FLAGS } from '../src/core/event.ts'
import { POSTGRES_TABLES } from '../src/store/postgres/tables.ts'
import { type ColumnClass, plainType, TABLES } from '../src/store/schema.ts'

/** What a table is for, in one or two sentences. A table without an entry does not compile. */
const PURPOSES: Readonly<Record<keyof typeof TABLES, string>> = {
  sensors: 'Names of sensors, once each.',
  event_kinds: 'Event ids, once each.',
  sources: 'One row for each lineage of a log: what is known of it, and how far it is read.',
  source_files:
    'Files as they were when last read: an unchanged, finished file is not opened again.',
  batches:
    'One row for each stretch of a source that was committed: its range, its fates, its seals.',
  blocks: 'The exact bytes of the logs, about 64 KiB of them in each row, compressed.',
  batch_days: 'For each batch and UTC day, the root over the rows that it added.',
  raw_events: 'The events: one row each, found by (time, session, digest).',
  held_events:
    'Events withheld until a person decides; approved ones move to `raw_events`, rejected ones stay.',
  held_sessions: 'Names of the sessions that withheld events belong to.',
  verdicts: 'What the rules say of an event, once each.',
  daily_verdicts: 'How many events have a verdict, by day and sensor.',
  rule_sets: 'The rules that made verdicts, so that they can be made again.',
  verdict_runs: 'Runs that made the verdicts of stored events again by another rule set.',
  modes: 'Modes of the store: whether everything new is withheld.',
  legal_holds: 'What must not be deleted, and until when: holds are released, never taken away.',
  sessions:
    'One row for each session of an attacker. Single facts are those of the earliest event that has them.',
  values: 'Dictionary of commands, credentials, addresses, files and the like.',
  session_values: 'Which values occur in which session, by day: the source of top lists.',
  daily_values: 'How often a value occurs, by day and sensor.',
  daily_events: 'How many events of each kind, by day and sensor.',
  schema_versions: 'The event schemas that validated the batches.',
  schema_drift: 'Event ids and fields that the schemas do not know, and fields of a wrong type.',
  dead_letters: 'Regions of a source that could not become events.',
  decisions: 'What became of dead letters after their batch was committed.',
  audit_log: 'The journal: a chain of entries that is only ever added to.',
  audit_door: 'One row, by which triggers tell a journalled change from any other.',
  signing_keys: 'Public halves of the keys that sign checkpoints.',
  recipient_keys: 'Public halves of the keys that sealed bytes are encrypted to.',
  batch_keys: 'For each encrypted batch, the key of its blocks, wrapped to a recipient.',
  checkpoints: 'Signed heads of the tree over all sources.',
  migrations: 'The steps by which this schema was made.',
  address_places:
    'Where addresses are said to be, and who runs their network. Looked up in files of the operator; made again by `nacre geo update`.',
  geo_databases: 'The files that `address_places` was looked up in.',
  followed_paths: 'Named files that are followed, and since when.',
  metrics: 'Figures of the layer against hostile content since the store was made.',
  alerts: 'What people were told, or are to be: one row for each kind and subject.',
  alert_marks: 'What looks for alerts remember from one to the next.',
  alert_channels: 'What was sent by each channel of alerts, and held back.',
  activity_hours:
    'What followers counted, by sensor and hour: what is usual is told from it. Eight weeks are kept.',
  anomalies: 'Hours that were not as usual, with what is behind them and what a person said of it.',
  detectors: 'Detectors whose threshold for a sensor was raised by false alarms.',
  artifacts: 'TTY logs and downloads that were looked at with `--artifacts`.',
}

const CLASSES: Readonly<Record<ColumnClass, string>> = {
  sealed:
    'Covered by the roots and digests of batches, or by the signature of a checkpoint. `nacre verify` computes them again from the rows and bytes.',
  derived:
    'Made from sealed columns. `nacre verify` makes it again and compares. Numbers that stand for a name are of this class: seals hold the name.',
  journalled:
    'Changes only together with an entry of the journal. `nacre verify` compares it with the journal.',
  operational:
    'Paths seen, sizes, instants of readings, row numbers. No proof rests on it, and a change of it is not noticed.',
}

/** The page as Markdown. */
export function makeDataModel(): string {
  const lines = [
    '# Data model',
    '',
    'Look up here what a table or column means, what unit it has and what protects it from change.',
    'The same list is printed by `nacre db columns`. The SQL itself is in',
    '[reference/schema.sqlite.sql](reference/schema.sqlite.sql) and [reference/schema.postgres.sql](reference/schema.postgres.sql).',
    '',
    '_Made from `src/store/schema.ts` by `tools/make-data-model.ts`: change the tables there, not this page._',
    '',
    '## Reading it',
    '',
    'Names that end in `_us` are instants, integer microseconds since 1970, UTC. Names that end in `_ms` are',
    'milliseconds, `_ns` nanoseconds. A `day` is a UTC day, counted from 1970-01-01. Offsets and lengths are bytes of the decompressed',
    'stream. Text from logs is in visible form: a hostile character stands as `\\u{1B}`, a byte that is not UTF-8 as',
    '`\\b{FF}`. Columns are never null unless it says so.',
    '',
    'For people with an SQL prompt there is the view `events`: sensor, session, event id, address, ISO time, user name,',
    'password, input and payload in plain text.',
    '',
    '## Classes',
    '',
    '| Class | Meaning |',
    '|---|---|',
    ...Object.entries(CLASSES).map(([name, meaning]) => row([name, meaning])),
    '',
    '## Flags',
    '',
    'Bits of `flags`:',
    '',
    '| Bit | Name |',
    '|---|---|',
    ...Object.entries(FLAGS).map(([name, bit]) => row([String(bit), `\`${name}\``])),
    '',
    '## Tables',
  ]
  for (const [name, columns] of Object.entries(TABLES)) {
    lines.push('', `### ${name}`, '', PURPOSES[name as keyof typeof TABLES], '') // the keys of TABLES
    lines.push('| Column | Type | Class | Meaning |', '|---|---|---|---|')
    for (const [column, spec] of Object.entries(columns)) {
      const type = 'null' in spec ? `${plainType(spec.type)} or null` : plainType(spec.type)
      lines.push(row([`\`${column}\``, type, spec.class, escapeCell(spec.meaning)]))
    }
  }
  lines.push(
    '',
    '## On PostgreSQL',
    '',
    'The same tables with the same columns, but for these: `raw_events` and `held_events` have no number of their own and',
    'name the order of the keys of their payload, which is `jsonb`; there is no `audit_door` (the door is a setting of the',
    'transaction); and there are further tables:',
  )
  for (const [name, columns] of Object.entries(POSTGRES_TABLES)) {
    const shared: Readonly<Record<string, object>> =
      name in TABLES ? TABLES[name as keyof typeof TABLES] : {} // guarded by the line itself
    const own = Object.entries(columns).filter(([column]) => !(column in shared))
    if (own.length === 0) continue
    lines.push('', `### ${name} on PostgreSQL`, '')
    lines.push('| Column | Type | Class | Meaning |', '|---|---|---|---|')
    for (const [column, spec] of own)
      lines.push(row([`\`${column}\``, plainType(spec.type), spec.class, escapeCell(spec.meaning)]))
  }
  return `${lines.join('\n')}\n`
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

/** Meanings are Markdown of ours; only the bar would end a cell. */
function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|')
}

if (import.meta.main) {
  writeFileSync(join(import.meta.dirname, '../docs/data-model.md'), makeDataModel())
}
