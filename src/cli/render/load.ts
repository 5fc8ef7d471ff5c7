import { bytes, fit, fitEnd, number, type TerminalText, table } from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { LoadReport } from '../../pipeline/bulk.ts'
import type { SourceReport } from '../../pipeline/load-run.ts'
import type { Paint } from '../output.ts'

/** Sources listed one by one before the rest is summed up. */
const SOURCES_SHOWN = 20

/** The report of a load for a terminal: what was read, what became of every record, what needs a look. */
export function renderLoad(report: LoadReport, paint: Paint, width: number): TerminalText {
  const { totals } = report
  const parts: TerminalText[] = []
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
    parts.push(paint.bold(terminal`Sources`))
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
        paint.dim(
          terminal`  and ${report.sources.length - shown.length} more; --json lists them all`,
        ),
      )
    parts.push(terminal``)
  }
  parts.push(paint.bold(terminal`Conservation: every record has one fate`))
  parts.push(
    terminal`  ${number(totals.lines)} records = ${terminal.join(
      fates.map(([name, count]) => fate(name, count, paint)),
      ' + ',
    )}   ${report.balanced ? paint.green(terminal`✓ balanced`) : paint.red(terminal`✗ does not add up`)}`,
  )
  parts.push(
    terminal`  ${bytes(totals.bytes)} read${totals.pendingBytes > 0 ? terminal`, ${bytes(totals.pendingBytes)} pending (an unfinished last line)` : terminal``} in ${terminal.own((report.elapsedMs / 1000).toFixed(1))} s, ${number(report.eventsPerSecond)} events/s`,
  )
  if (totals.held > 0)
    parts.push(
      paint.yellow(
        terminal`  ${number(totals.held)} held until a person decides on them: "nacre quarantine list"`,
      ),
    )
  if (report.foreign.length > 0) {
    parts.push(terminal``, paint.bold(terminal`Left alone: no Cowrie events in it`))
    for (const { path, kind } of report.foreign.slice(0, SOURCES_SHOWN))
      parts.push(
        terminal`  ${fit(terminal.own(path), Math.max(30, width - 40))}  ${paint.dim(terminal.own(kind))}${kind === 'elasticsearch-enriched' ? paint.dim(terminal` (--accept-enriched takes it)`) : terminal``}`,
      )
    if (report.foreign.length > SOURCES_SHOWN)
      parts.push(paint.dim(terminal`  and ${report.foreign.length - SOURCES_SHOWN} more`))
  }
  if (report.failed.length > 0) {
    parts.push(terminal``, paint.red(terminal`Could not be read`))
    for (const { path, code, message } of report.failed)
      parts.push(
        terminal`  ${terminal.own(path)}  ${terminal.own(message)} ${paint.dim(terminal`(${terminal.own(code)})`)}`,
      )
  }
  for (const notice of report.notices)
    parts.push(terminal``, terminal`${paint.yellow(terminal`Note`)}  ${terminal.own(notice)}`)
  return terminal.join(parts, '\n')
}

function fate(name: string, count: number, paint: Paint): TerminalText {
  if (count === 0) return paint.dim(terminal`0 ${terminal.own(name)}`)
  return terminal`${name === 'dead' ? paint.yellow(number(count)) : number(count)} ${terminal.own(name)}`
}

function sourceRow(source: SourceReport, paint: Paint, width: number): TerminalText[] {
  const name = fitEnd(terminal.own(source.path), Math.max(24, width - 76))
  const zero = (count: number): TerminalText =>
    count === 0 ? paint.dim(terminal`0`) : number(count)
  const state =
    source.end === 'torn' || source.end === 'bomb'
      ? paint.yellow(terminal.own(`${source.state}, ${source.end}`))
      : terminal.own(source.state)
  return [
    name,
    source.sensor === '' ? paint.dim(terminal`-`) : fit(terminal.data(source.sensor), 20),
    terminal.own(source.format),
    state,
    zero(source.lines),
    zero(source.stored),
    zero(source.duplicate),
    source.dead === 0 ? paint.dim(terminal`0`) : paint.yellow(number(source.dead)),
    zero(source.pendingBytes),
  ]
}
