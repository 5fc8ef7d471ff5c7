/** A report for a terminal: a few screens, aligned, bars for counts, colour only where it means something. */
import {
  bar,
  bytes,
  fit,
  number,
  type Paint,
  pad,
  row as rowOf,
  type TerminalText,
  textWidth,
} from '../core/terminal.ts'
import { textShown } from '../core/text.ts'
import { terminal } from '../output/encode/terminal.ts'
import { shownEntry } from './document.ts'
import { comparisonLines, insightLines, qualityLines, sparkline } from './insight-text.ts'
import type { Insights } from './insights.ts'
import type { CommandEntry, FileEntry, Report } from './model.ts'

/** Entries of a list shown in the text; `--json` has them all. */
const SHOWN = 5
const BAR = 12
/** Columns of the line of days. */
const DAYS_SHOWN = 60

export function renderReport(report: Report, paint: Paint, width: number): TerminalText {
  const columns = Math.max(72, Math.min(width, 140))
  const title = `${{ daily: 'Daily report', weekly: 'Weekly report', monthly: 'Monthly report', range: 'Report' }[report.kind]} ${report.period}`
  const lines = [
    terminal`${paint.bold(terminal.own(title))}  ${paint.dim(terminal`${sensors(report)}, UTC, ${day(report.from)} to before ${day(report.until)}`)}`,
    terminal``,
  ]
  if (report.events.total === 0) lines.push(terminal`No events in this period.`, terminal``)
  lines.push(...figures(report, paint, columns), terminal``)
  const insights = insightsOf(report)
  if (insights !== undefined && insights.comparison !== null)
    lines.push(...comparisonLines(insights.comparison, paint))
  lines.push(...days(report, paint))
  if (insights !== undefined) lines.push(...insightLines(insights, paint, columns))
  lines.push(...eventKinds(report, paint, columns))
  const lists: readonly (readonly [string, keyof Report['top'], string])[] = [
    ['Commands', 'commands', 'events'],
    ['Credentials', 'credentials', 'events'],
    ['Addresses', 'ips', 'sessions'],
    ['Countries', 'countries', 'sessions'],
    ['Networks', 'asns', 'sessions'],
    ['Client versions', 'clientVersions', 'sessions'],
    ['Files (SHA-256)', 'files', 'events'],
    ['URLs', 'urls', 'events'],
  ]
  for (const [name, key, unit] of lists) {
    const entries = report.top[key]
    if (entries.length === 0) continue
    const hasScores = key === 'commands' && report.top.commands[0]?.threatScore !== undefined
    const hasSizes = key === 'files' && report.top.files.some(({ size }) => size !== undefined)
    const scale = hasScores ? terminal`; threat and hazard, 0 to 100` : terminal``
    lines.push(
      terminal`${paint.bold(terminal.own(name))}${paint.dim(terminal`  by ${terminal.own(unit)}${scale}`)}`,
    )
    const most = entries[0]!.count
    for (const entry of entries.slice(0, SHOWN)) {
      const count = pad(number(entry.count), 9, 'right')
      const meter = paint.cyan(pad(bar(entry.count / most, BAR), BAR))
      const scores = hasScores
        ? scoresOf(entry, paint)
        : hasSizes
          ? sizeCell(entry, paint)
          : terminal``
      const value = terminal.data(textShown(shownEntry(key, entry)))
      lines.push(
        terminal`${count} ${meter} ${scores}${fit(value, columns - BAR - 12 - textWidth(scores))}`,
      )
    }
    lines.push(terminal``)
  }
  lines.push(...completeness(report, paint))
  if (insights !== undefined)
    lines.push(...qualityLines(insights.quality, insights.bounds, paint, columns))
  return terminal.join(lines, '\n')
}

function scoresOf({ threatScore, hazardScore }: CommandEntry, paint: Paint): TerminalText {
  return terminal`${scoreCell(threatScore, paint)} ${scoreCell(hazardScore, paint)}  `
}

function sizeCell({ size }: FileEntry, paint: Paint): TerminalText {
  return paint.dim(terminal`${pad(size === undefined ? terminal`-` : bytes(size), 9, 'right')}  `)
}

/** @param score - 0 to 100 */
function scoreCell(score: number | undefined, paint: Paint): TerminalText {
  const cell = pad(terminal.own(score === undefined ? '-' : String(score)), 3, 'right')
  if (score === undefined || score === 0) return paint.dim(cell)
  return score >= 70 ? paint.red(cell) : paint.yellow(cell)
}

/** All of them or none: a brief report has none. */
function insightsOf(report: Report): Insights | undefined {
  return report.novelty === undefined ? undefined : (report as Report & Insights) // the parts come together
}

function sensors({ sensor, sensors: several }: Report): TerminalText {
  if (sensor !== null) return terminal.data(sensor)
  if (several === null) return terminal`all sensors`
  return terminal`${number(several.length)} sensors`
}

function day(instant: string): TerminalText {
  return terminal.own(instant.slice(0, 10))
}

function figures(report: Report, paint: Paint, columns: number): TerminalText[] {
  const { sessions, logins, transfers, events } = report
  const cells: readonly (readonly [string, TerminalText, TerminalText])[] = [
    [
      'sessions',
      number(sessions.total),
      terminal`${number(sessions.uniqueIps)} ${terminal.own(sessions.uniqueIps === 1 ? 'address' : 'addresses')}`,
    ],
    ['log-ins', number(logins.attempts), terminal`${number(logins.success)} accepted`],
    [
      'commands',
      number(events.byEventid['cowrie.command.input'] ?? 0),
      terminal`${terminal.own(sessions.avgCommands.toFixed(2))} mean, ${number(sessions.maxCommands)} max`,
    ],
    [
      'transfers',
      number(transfers.downloads + transfers.uploads),
      terminal`${number(transfers.uniqueFiles)} ${terminal.own(transfers.uniqueFiles === 1 ? 'file' : 'files')}`,
    ],
    ['events', number(events.total), terminal``],
    [
      'duration',
      sessions.medianDurationMs === null
        ? terminal`-`
        : terminal`${terminal.own((sessions.medianDurationMs / 1000).toFixed(1))} s`,
      terminal`median`,
    ],
  ]
  const widths = cells.map(([name, value, note]) =>
    Math.max(name.length, textWidth(value), textWidth(note)),
  )
  const used = widths.reduce((sum, width) => sum + width, 0)
  const gap = Math.min(4, Math.max(1, Math.floor((columns - used) / (cells.length - 1))))
  const row = (texts: readonly TerminalText[]): TerminalText =>
    fit(rowOf(texts.map((text, i) => pad(text, widths[i]! + gap))), columns)
  return [
    paint.dim(row(cells.map(([name]) => terminal.own(name)))),
    row(cells.map(([, value]) => paint.bold(value))),
    paint.dim(row(cells.map(([, , note]) => note))),
  ]
}

function days(report: Report, paint: Paint): TerminalText[] {
  const entries = Object.entries(report.events.perDay)
  if (report.kind === 'daily' || entries.length === 0) return []
  const most = Math.max(...entries.map(([, count]) => count))
  const from = Date.parse(report.from)
  const count = Math.round((Date.parse(report.until) - from) / 86_400_000)
  // A long period in as many columns as there are: some days together.
  const together = Math.ceil(count / DAYS_SHOWN)
  const spark = sparkline(
    Array.from({ length: Math.ceil(count / together) }, (_, i) =>
      Array.from({ length: together }, (_none, j) => {
        const name = new Date(from + (i * together + j) * 86_400_000).toISOString().slice(0, 10)
        return report.events.perDay[name] ?? 0
      }).reduce((sum, events) => sum + events, 0),
    ),
  )
  const busiest = entries.find(([, events]) => events === most)!
  return [
    terminal`${paint.bold(terminal`Days`)}  ${paint.cyan(spark)}  ${paint.dim(terminal`busiest ${terminal.own(busiest[0])} with ${number(most)} events`)}`,
    terminal``,
  ]
}

function eventKinds(report: Report, paint: Paint, columns: number): TerminalText[] {
  const kinds = Object.entries(report.events.byEventid).sort(
    (a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1),
  )
  if (kinds.length === 0) return []
  const shown: TerminalText[] = []
  let used = 0
  for (const [name, count] of kinds) {
    const text = terminal`${terminal.data(name.replace(/^cowrie\./, ''))} ${number(count)}`
    if (used + textWidth(text) + 3 > columns * 2) break
    shown.push(text)
    used += textWidth(text) + 3
  }
  const rest = kinds.length - shown.length
  return [
    terminal`${paint.bold(terminal`Events`)}  ${terminal.join(shown, paint.dim(terminal` · `).text)}${rest > 0 ? paint.dim(terminal` · and ${rest} more kinds`) : terminal``}`,
    terminal``,
  ]
}

function completeness(report: Report, paint: Paint): TerminalText[] {
  const { completeness: c } = report
  const item = (count: number, what: TerminalText): TerminalText =>
    count === 0 ? paint.dim(terminal`0 ${what}`) : paint.yellow(terminal`${number(count)} ${what}`)
  const lines = [
    terminal`${paint.bold(terminal`Completeness`)}  ${number(c.sources)} sources · ${item(c.deadLetters, terminal`dead letters`)} · ${item(c.heldEvents, terminal`held`)} · ${item(c.pendingBytes, terminal`bytes pending`)}`,
    terminal`  ${number(c.sessionsWithoutStart)} sessions without their start · ${number(c.sessionsWithoutEnd)} without their end`,
  ]
  if (report.redactions !== undefined) {
    const found = report.redactions.map(
      ({ value, count }) => terminal`${terminal.own(value)} in ${number(count)} events`,
    )
    lines.push(terminal`  Redacted: ${terminal.join(found, ' · ')}`)
  }
  if (c.silentSensors.length > 0)
    lines.push(
      paint.yellow(
        terminal`  Silent: ${terminal.join(c.silentSensors.map(terminal.data), ', ')} (events in the week before, none now)`,
      ),
    )
  return lines
}
