/** A report for a terminal: at most two screens, aligned, bars for counts, colour only where it means something. */
import { bar, fit, number, type Paint, pad, textWidth } from '../core/terminal.ts'
import type { Report } from './model.ts'

/** Entries of a list shown in the text; `--json` has them all. */
const SHOWN = 5
const BAR = 12

export function renderReport(report: Report, paint: Paint, width: number): string {
  const columns = Math.max(72, Math.min(width, 140))
  const title = `${{ daily: 'Daily report', weekly: 'Weekly report', monthly: 'Monthly report' }[report.kind]} ${report.period}`
  const lines = [
    `${paint.bold(title)}  ${paint.dim(`${report.sensor ?? 'all sensors'}, UTC, ${report.from.slice(0, 10)} to before ${report.until.slice(0, 10)}`)}`,
    '',
  ]
  if (report.events.total === 0) lines.push('No events in this period.', '')
  lines.push(...figures(report, paint, columns), '')
  lines.push(...days(report, paint), ...eventKinds(report, paint, columns))
  const lists: readonly (readonly [string, keyof Report['top'], string])[] = [
    ['Commands', 'commands', 'events'],
    ['Credentials', 'credentials', 'events'],
    ['Addresses', 'ips', 'sessions'],
    ['Client versions', 'clientVersions', 'sessions'],
    ['Files (SHA-256)', 'files', 'events'],
    ['URLs', 'urls', 'events'],
  ]
  for (const [name, key, unit] of lists) {
    const entries = report.top[key]
    if (entries.length === 0) continue
    lines.push(paint.bold(name) + paint.dim(`  by ${unit}`))
    const most = entries[0]!.count
    for (const entry of entries.slice(0, SHOWN)) {
      const count = pad(number(entry.count), 9, 'right')
      const meter = paint.cyan(pad(bar(entry.count / most, BAR), BAR))
      lines.push(
        `${count} ${meter} ${fit(entry.value === '' ? paint.dim('(empty)') : entry.value, columns - BAR - 12)}`,
      )
    }
    lines.push('')
  }
  lines.push(...completeness(report, paint))
  return lines.join('\n')
}

function figures(report: Report, paint: Paint, columns: number): string[] {
  const { sessions, logins, transfers, events } = report
  const cells: readonly (readonly [string, string, string])[] = [
    ['sessions', number(sessions.total), `${number(sessions.uniqueIps)} addresses`],
    ['log-ins', number(logins.attempts), `${number(logins.success)} succeeded`],
    [
      'commands',
      sessions.avgCommands.toFixed(2),
      `a session, most ${number(sessions.maxCommands)}`,
    ],
    [
      'transfers',
      number(transfers.downloads + transfers.uploads),
      `${number(transfers.uniqueFiles)} different files`,
    ],
    [
      'events',
      number(events.total),
      sessions.medianDurationMs === null
        ? 'no duration known'
        : `median ${(sessions.medianDurationMs / 1000).toFixed(1)} s`,
    ],
  ]
  const cell = Math.max(14, Math.floor(columns / cells.length))
  const row = (texts: readonly string[]): string =>
    texts
      .map((text) => pad(fit(text, cell - 2), cell))
      .join('')
      .trimEnd()
  return [
    paint.dim(row(cells.map(([name]) => name))),
    cells
      .map(([, value]) => pad(paint.bold(value), cell))
      .join('')
      .trimEnd(),
    paint.dim(row(cells.map(([, , note]) => note))),
  ]
}

function days(report: Report, paint: Paint): string[] {
  const entries = Object.entries(report.events.perDay)
  if (report.kind === 'daily' || entries.length === 0) return []
  const most = Math.max(...entries.map(([, count]) => count))
  const levels = ' ▁▂▃▄▅▆▇█'
  const from = Date.parse(report.from)
  const count = Math.round((Date.parse(report.until) - from) / 86_400_000)
  const spark = Array.from({ length: count }, (_, i) => {
    const day = new Date(from + i * 86_400_000).toISOString().slice(0, 10)
    const events = report.events.perDay[day] ?? 0
    return events === 0 ? '·' : levels[Math.max(1, Math.round((events / most) * 8))]
  }).join('')
  const busiest = entries.find(([, events]) => events === most)!
  return [
    `${paint.bold('Days')}  ${paint.cyan(spark)}  ${paint.dim(`busiest ${busiest[0]} with ${number(most)} events`)}`,
    '',
  ]
}

function eventKinds(report: Report, paint: Paint, columns: number): string[] {
  const kinds = Object.entries(report.events.byEventid).sort(
    (a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1),
  )
  if (kinds.length === 0) return []
  const shown: string[] = []
  let used = 0
  for (const [name, count] of kinds) {
    const text = `${name.replace(/^cowrie\./, '')} ${number(count)}`
    if (used + textWidth(text) + 3 > columns * 2) break
    shown.push(text)
    used += textWidth(text) + 3
  }
  const rest = kinds.length - shown.length
  return [
    `${paint.bold('Events')}  ${shown.join(paint.dim(' · '))}${rest > 0 ? paint.dim(` · and ${rest} more kinds`) : ''}`,
    '',
  ]
}

function completeness(report: Report, paint: Paint): string[] {
  const { completeness: c } = report
  const item = (count: number, text: string): string =>
    count === 0 ? paint.dim(`0 ${text}`) : paint.yellow(`${number(count)} ${text}`)
  const lines = [
    `${paint.bold('Completeness')}  ${number(c.sources)} sources · ${item(c.deadLetters, 'dead letters')} · ${item(c.heldEvents, 'held')} · ${item(c.pendingBytes, 'bytes pending')}`,
    `  ${number(c.sessionsWithoutStart)} sessions without their start · ${number(c.sessionsWithoutEnd)} without their end`,
  ]
  if (report.redactions !== undefined) {
    const found = report.redactions.map(({ value, count }) => `${value} in ${number(count)} events`)
    lines.push(`  Redacted: ${found.join(' · ')}`)
  }
  if (c.silentSensors.length > 0)
    lines.push(
      paint.yellow(`  Silent: ${c.silentSensors.join(', ')} (events in the week before, none now)`),
    )
  return lines
}
