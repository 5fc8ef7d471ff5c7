import { bytes, fit, number, table } from '../../core/terminal.ts'
import type { LoadReport, SourceReport } from '../../pipeline/bulk.ts'
import type { Paint } from '../output.ts'

/** Sources listed one by one before the rest is summed up. */
const SOURCES_SHOWN = 20

/** The report of a load for a terminal: what was read, what became of every record, what needs a look. */
export function renderLoad(report: LoadReport, paint: Paint, width: number): string {
  const { totals } = report
  const parts: string[] = []
  const fates: readonly (readonly [string, number])[] = [
    ['stored', totals.stored],
    ['duplicate', totals.duplicate],
    ['held', totals.held],
    ['dead', totals.dead],
    ['blank', totals.blank],
    ['expired', totals.expired],
  ]
  const shown = [...report.sources]
    .sort((a, b) => b.dead - a.dead || b.lines - a.lines)
    .slice(0, SOURCES_SHOWN)
  if (shown.length > 0) {
    parts.push(paint.bold('Sources'))
    parts.push(
      table(
        [
          { title: 'file' },
          { title: 'sensor' },
          { title: 'format' },
          { title: 'state' },
          { title: 'records', align: 'right' },
          { title: 'stored', align: 'right' },
          { title: 'duplicate', align: 'right' },
          { title: 'dead', align: 'right' },
          { title: 'pending', align: 'right' },
        ],
        shown
          .sort((a, b) => (a.path < b.path ? -1 : 1))
          .map((source) => sourceRow(source, paint, width)),
      ),
    )
    if (report.sources.length > shown.length)
      parts.push(
        paint.dim(`  and ${report.sources.length - shown.length} more; --json lists them all`),
      )
    parts.push('')
  }
  parts.push(paint.bold('Conservation: every record has one fate'))
  parts.push(
    `  ${number(totals.lines)} records = ${fates.map(([name, count]) => (count === 0 ? paint.dim(`0 ${name}`) : `${name === 'dead' ? paint.yellow(number(count)) : number(count)} ${name}`)).join(' + ')}   ${report.balanced ? paint.green('✓ balanced') : paint.red('✗ does not add up')}`,
  )
  parts.push(
    `  ${bytes(totals.bytes)} read${totals.pendingBytes > 0 ? `, ${bytes(totals.pendingBytes)} pending (an unfinished last line)` : ''} in ${(report.elapsedMs / 1000).toFixed(1)} s, ${number(report.eventsPerSecond)} events/s`,
  )
  if (report.foreign.length > 0) {
    parts.push('', paint.bold('Left alone: no Cowrie events in it'))
    for (const { path, kind } of report.foreign.slice(0, SOURCES_SHOWN))
      parts.push(
        `  ${fit(path, Math.max(30, width - 40))}  ${paint.dim(kind)}${kind === 'elasticsearch-enriched' ? paint.dim(' (--accept-enriched takes it)') : ''}`,
      )
    if (report.foreign.length > SOURCES_SHOWN)
      parts.push(paint.dim(`  and ${report.foreign.length - SOURCES_SHOWN} more`))
  }
  if (report.failed.length > 0) {
    parts.push('', paint.red('Could not be read'))
    for (const { path, code, message } of report.failed)
      parts.push(`  ${path}  ${message} ${paint.dim(`(${code})`)}`)
  }
  for (const notice of report.notices) parts.push('', `${paint.yellow('Note')}  ${notice}`)
  return parts.join('\n')
}

function sourceRow(source: SourceReport, paint: Paint, width: number): string[] {
  const name =
    source.path.length > Math.max(24, width - 76)
      ? `…${source.path.slice(-(Math.max(24, width - 76) - 1))}`
      : source.path
  const zero = (count: number): string => (count === 0 ? paint.dim('0') : number(count))
  const state =
    source.end === 'torn' || source.end === 'bomb'
      ? paint.yellow(`${source.state}, ${source.end}`)
      : source.state
  return [
    name,
    source.sensor === '' ? paint.dim('-') : fit(source.sensor, 20),
    source.format,
    state,
    zero(source.lines),
    zero(source.stored),
    zero(source.duplicate),
    source.dead === 0 ? paint.dim('0') : paint.yellow(number(source.dead)),
    zero(source.pendingBytes),
  ]
}
