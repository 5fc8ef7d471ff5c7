/** The insights of a report for a terminal: the first of each list, a few lines for each. */
import { bar, fit, number, type Paint, pad, row, type TerminalText } from '../core/terminal.ts'
import { terminal } from '../output/encode/terminal.ts'
import { changeOf } from './change.ts'
import { KIND_NAMES, KIND_WORDS, REASON_NAMES, TRAIT_NAMES } from './insight-names.ts'
import type {
  Campaign,
  Comparison,
  Insights,
  Novel,
  NovelKind,
  Quality,
  UnusualSession,
} from './insights.ts'

/** Entries of a list shown in the text; `--json` has them all. */
const SHOWN = 5

/** Kinds that are named one by one; of the others the count says enough. */
const NAMED: readonly NovelKind[] = ['sshKey', 'file', 'command', 'hassh', 'asn']

const LEVELS = '▁▂▃▄▅▆▇█'

/** A character for each count; a dot for none. */
export function sparkline(counts: readonly number[]): TerminalText {
  const most = Math.max(1, ...counts)
  return terminal.own(
    counts
      .map((count) => (count === 0 ? '·' : LEVELS[Math.max(0, Math.ceil((count / most) * 8) - 1)]))
      .join(''),
  )
}

/** How a figure changed. */
export function changeText(figure: Comparison['figures']['events']): TerminalText {
  const change = changeOf(figure)
  switch (change.kind) {
    case 'none':
      return terminal`none before`
    case 'fromNone':
      return terminal`none before, now ${number(figure.now)}`
    case 'same':
      return terminal`as before`
    case 'fromTo':
      return terminal`from ${number(figure.before)} to ${number(figure.now)}`
    case 'times':
      return terminal`${number(change.times)} times as many`
    case 'percent': {
      const percent = Math.round(change.percent)
      return terminal.own(percent === 0 ? 'as before' : `${percent > 0 ? '+' : ''}${percent} %`)
    }
  }
}

export function comparisonLines(comparison: Comparison, paint: Paint): TerminalText[] {
  const { figures: f } = comparison
  const cells: readonly (readonly [string, Comparison['figures']['events']])[] = [
    ['events', f.events],
    ['sessions', f.sessions],
    ['addresses', f.uniqueIps],
    ['log-ins', f.loginAttempts],
    ['succeeded', f.loginSuccess],
    ['commands', f.commands],
    ['downloads', f.downloads],
    ['uploads', f.uploads],
    ['files', f.uniqueFiles],
  ]
  const half = Math.ceil(cells.length / 2)
  const line = (some: typeof cells): TerminalText =>
    terminal`  ${terminal.join(
      some.map(([name, pair]) => terminal`${paint.dim(terminal.own(name))} ${changeText(pair)}`),
      ' · ',
    )}`
  const isEmpty = cells.every(([, { before }]) => before === 0)
  return [
    terminal`${paint.bold(terminal`Compared`)}  ${paint.dim(terminal`with ${terminal.own(comparison.from.slice(0, 10))} to before ${terminal.own(comparison.until.slice(0, 10))}`)}`,
    ...(isEmpty
      ? [terminal`  There are no events of those days.`]
      : [line(cells.slice(0, half)), line(cells.slice(half))]),
    terminal``,
  ]
}

/** @param columns - at least 72 */
export function insightLines(insights: Insights, paint: Paint, columns: number): TerminalText[] {
  const lines: TerminalText[] = []
  const busiest = insights.perHour.indexOf(Math.max(...insights.perHour))
  if (insights.perHour.some((count) => count > 0))
    lines.push(
      terminal`${paint.bold(terminal`Hours`)}  ${paint.cyan(sparkline(insights.perHour))}  ${paint.dim(terminal`from 00 to 23 UTC, busiest ${terminal.own(String(busiest).padStart(2, '0'))}`)}`,
      terminal``,
    )
  lines.push(...novelLines(insights, paint, columns))
  lines.push(...unusualLines(insights.unusual, paint, columns))
  lines.push(...campaignLines(insights.campaigns, paint, columns))
  lines.push(...attackLines(insights, paint, columns))
  return lines
}

function novelLines({ novelty }: Insights, paint: Paint, columns: number): TerminalText[] {
  const kinds = (Object.keys(KIND_NAMES) as NovelKind[]).filter((kind) => novelty.totals[kind] > 0)
  if (kinds.length === 0) return []
  const totals = kinds.map(
    (kind) =>
      terminal`${number(novelty.totals[kind])} ${terminal.own(KIND_WORDS[kind][novelty.totals[kind] === 1 ? 0 : 1])}`,
  )
  const lines = [
    terminal`${paint.bold(terminal`New`)}  ${terminal.join(totals, ' · ')}  ${paint.dim(terminal`not met in ${novelty.days} days before`)}`,
  ]
  for (const kind of NAMED) {
    for (const one of novelty.lists[kind].slice(0, 3))
      lines.push(
        fit(
          terminal`  ${paint.dim(pad(terminal.own(KIND_NAMES[kind]), 9))} ${sessionsOf(one)}  ${score(one, paint)}${terminal.data(one.value)}`,
          columns,
        ),
      )
  }
  return [...lines, terminal``]
}

function sessionsOf({ sessions }: Novel): TerminalText {
  return pad(terminal`${number(sessions)} ${terminal.own(plural(sessions, 'session'))}`, 14)
}

/** Nothing where nobody scored. */
function score({ threatScore, hazardScore }: Novel, paint: Paint): TerminalText {
  if (threatScore === null) return terminal``
  const worst = Math.max(threatScore, hazardScore ?? 0)
  const hazard = (hazardScore ?? 0) === 0 ? terminal`` : terminal`hazard ${hazardScore!} `
  const text = terminal`threat ${threatScore} ${hazard}`
  return worst >= 70 ? paint.red(text) : worst === 0 ? paint.dim(text) : paint.yellow(text)
}

function unusualLines(
  sessions: readonly UnusualSession[],
  paint: Paint,
  columns: number,
): TerminalText[] {
  if (sessions.length === 0) return []
  const lines = [
    terminal`${paint.bold(terminal`Worth reading`)}  ${paint.dim(terminal`nacre session ID`)}`,
  ]
  for (const one of sessions.slice(0, SHOWN)) {
    const place = one.country === null ? terminal`` : terminal` ${one.country}`
    const from = one.srcIp === null ? terminal`no address` : terminal`${one.srcIp}${place}`
    lines.push(
      fit(
        row(
          [
            terminal`  ${terminal.own(one.startedAt.slice(0, 16).replace('T', ' '))}`,
            fit(terminal.data(one.session), 20),
            fit(terminal.data(one.sensor), 20),
            fit(from, 30),
            terminal`${number(one.commandCount)} ${terminal.own(plural(one.commandCount, 'command'))}`,
          ],
          '  ',
        ),
        columns,
      ),
    )
    const [about] = one.reasons.flatMap(({ detail }) => (detail === null ? [] : [detail]))
    const reasons = one.reasons.map(({ reason }) => terminal.own(REASON_NAMES[reason]))
    lines.push(
      fit(
        terminal`    ${paint.yellow(terminal.join(reasons, ', '))}${about === undefined ? terminal`` : terminal`: ${about}`}`,
        columns,
      ),
    )
  }
  return [...lines, terminal``]
}

function campaignLines(
  campaigns: readonly Campaign[],
  paint: Paint,
  columns: number,
): TerminalText[] {
  if (campaigns.length === 0) return []
  const lines = [
    terminal`${paint.bold(terminal`Campaigns`)}  ${paint.dim(terminal`the same from many addresses`)}`,
  ]
  for (const one of campaigns.slice(0, SHOWN))
    lines.push(
      fit(
        row(
          [
            terminal`  ${paint.dim(terminal.own(one.id))}`,
            pad(terminal`${number(one.addresses)} addresses`, 16, 'right'),
            pad(terminal.own(TRAIT_NAMES[one.shares]), 8),
            paint.dim(pad(terminal`threat ${one.threatScore}`, 10)),
            paint.dim(pad(terminal`hazard ${one.hazardScore}`, 10)),
            terminal.data(one.value),
          ],
          '  ',
        ),
        columns,
      ),
    )
  return [...lines, terminal``]
}

const BAR = 12

function attackLines({ attack }: Insights, paint: Paint, columns: number): TerminalText[] {
  const [first] = attack
  if (first === undefined) return []
  const lines = [
    terminal`${paint.bold(terminal`Techniques`)}  ${paint.dim(terminal`of MITRE ATT&CK, by events; ${number(attack.length)} in all`)}`,
  ]
  for (const one of attack.slice(0, SHOWN))
    lines.push(
      fit(
        terminal`${pad(number(one.events), 9, 'right')} ${paint.cyan(pad(bar(one.events / first.events, BAR), BAR))} ${pad(terminal.own(one.id), 9)} ${terminal.own(one.name)}${paint.dim(terminal`, ${terminal.own(one.tactic)}`)}`,
        columns,
      ),
    )
  return [...lines, terminal``]
}

/** What lies under the figures; follows the lines of completeness. */
export function qualityLines(
  quality: Quality,
  bounds: readonly string[],
  paint: Paint,
  columns: number,
): TerminalText[] {
  const { drift, tornSources, checkpoint, fates } = quality
  const drifted = drift.reduce((sum, one) => sum + one.count, 0)
  const parts = [
    terminal`${number(fates.lines)} lines read, ${number(fates.stored)} stored, ${number(fates.duplicate)} met before`,
    ...(tornSources === 0
      ? []
      : [
          paint.yellow(
            terminal`${number(tornSources)} torn ${terminal.own(plural(tornSources, 'source'))}`,
          ),
        ]),
    ...(drifted === 0
      ? []
      : [terminal`${number(drifted)} events with fields that no schema knows`]),
  ]
  const sealed =
    checkpoint === null
      ? paint.yellow(terminal`no checkpoint yet`)
      : terminal`checkpoint ${checkpoint.seq} of ${terminal.own(checkpoint.madeAt.slice(0, 19))}Z`
  return [
    fit(terminal`  whole store: ${terminal.join(parts, ' · ')}`, columns),
    fit(terminal`  ${sealed} · rules ${terminal.own(quality.ruleSet)}`, columns),
    ...bounds.map((sentence) => paint.yellow(terminal`  ${terminal.own(sentence)}`)),
  ]
}

function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`
}
