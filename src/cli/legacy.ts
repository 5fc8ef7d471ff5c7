/** Reports in the formats of the predecessors: wires questions, figures, redaction and the way out. */
import { US_PER_DAY } from '../core/instant.ts'
import type { SafeText } from '../core/text.ts'
import { jsonLine } from '../output/encode/json.ts'
import { terminal } from '../output/encode/terminal.ts'
import type { Redactor } from '../redact/redactor.ts'
import { LEGACY_KINDS, redactTree } from '../redact/tree.ts'
import { CommandCounts } from '../report/legacy/counts.ts'
import { LegacyDay, upstreamReport } from '../report/legacy/json.ts'
import { type LegacySession, legacySessionOf } from '../report/legacy/session.ts'
import { sessionBlock, summaryText } from '../report/legacy/text.ts'
import type { Period } from '../report/model.ts'
import type { App, Store } from './app.ts'
import type { OptionValues } from './command.ts'
import { type Write, writePieces } from './sink.ts'

/** Entries of a list where no number is given, as the predecessors had. */
const TOP = 20

type Days = Pick<Period, 'fromDay' | 'untilDay'>

export type LegacyRequest = {
  readonly period: Period
  readonly sensor: SafeText | undefined
  readonly redactor: Redactor
}

/** Writes a report in the format that `--format` names. */
export async function deliverLegacy(
  app: App,
  store: Store,
  options: OptionValues,
  request: LegacyRequest,
): Promise<void> {
  const make = options['format'] === 'legacy-json' ? writeJson : writeText
  await writePieces(app, options, async (write) => {
    await make(app, store, options, request, write)
    return !app.signal.aborted
  })
}

async function writeJson(
  app: App,
  store: Store,
  options: OptionValues,
  { period, sensor, redactor }: LegacyRequest,
  write: Write,
): Promise<void> {
  const { ReportQueries } = await import('../store/repo/report.ts')
  const legacy = await import('../store/repo/legacy.ts')
  const window = windowOf(period, sensor)
  const top = typeof options['top'] === 'number' ? options['top'] : TOP
  const figures = await legacy.legacyFigures(store.query, window)
  const queries = await ReportQueries.open(store.query, { ...period, sensor })
  const uniqueIps = await queries.distinctValues('ip')
  let document: object
  if (period.kind === 'daily' && sensor === undefined) {
    const day = new LegacyDay()
    for await (const one of evaluated(app, store, period, sensor)) day.add(one)
    const usualIps = await usualAddresses(app, store, period)
    // Half of a day has figures as if it were whole.
    if (app.signal.aborted) return
    document = day.document(period, { figures, uniqueIps }, usualIps, top, app.clock())
  } else {
    const lists =
      period.kind === 'daily'
        ? {
            commands: await legacy.legacyCommands(store.query, store.dialect, window, top),
            urls: await legacy.legacyUrls(store.query, store.dialect, window, top),
          }
        : undefined
    document = upstreamReport(period, sensor, { figures, uniqueIps, lists }, app.clock())
  }
  const shown = redactTree(document, LEGACY_KINDS, redactor)
  await write(jsonLine({ ...shown, redaction: redactor.level }))
}

async function writeText(
  app: App,
  store: Store,
  options: OptionValues,
  { period, sensor, redactor }: LegacyRequest,
  write: Write,
): Promise<void> {
  const part = options['part'] ?? 'report'
  if (redactor.level !== 'internal')
    await write(terminal`Redacted for: ${terminal.own(redactor.level)}\n\n`)
  const counts = new CommandCounts()
  const sessions: { readonly id: SafeText; readonly commands: number }[] = []
  for await (const one of evaluated(app, store, period, sensor)) {
    counts.add(one.commandCount)
    sessions.push({ id: redactor.text('session', one.session), commands: one.commandCount })
    if (part === 'report') await write(sessionBlock(shownSession(one, redactor)))
  }
  if (app.signal.aborted) return
  const { uncommon } = counts
  if (part === 'abnormal-sessions') {
    // Which are uncommon is known only now: they are read again.
    for await (const one of evaluated(app, store, period, sensor)) {
      if (uncommon.has(one.commandCount)) await write(sessionBlock(shownSession(one, redactor)))
    }
    return
  }
  const ids = sessions.filter((one) => uncommon.has(one.commands)).map((one) => one.id)
  await write(summaryText(counts, ids))
}

/** Addresses of a day, the mean of those of the seven days before that had any; 0 of none. */
async function usualAddresses(app: App, store: Store, { fromDay }: Period): Promise<number> {
  const days = new Map<number, Set<SafeText>>()
  const before = { fromDay: fromDay - 7, untilDay: fromDay }
  for await (const { loginUs, srcIp } of evaluated(app, store, before, undefined)) {
    const day = Math.floor(loginUs / US_PER_DAY)
    const addresses = days.get(day) ?? new Set()
    days.set(day, addresses.add(srcIp))
  }
  let sum = 0
  for (const addresses of days.values()) sum += addresses.size
  return days.size === 0 ? 0 : sum / days.size
}

/** Sessions of a period, up to a signal. */
async function* evaluated(
  app: App,
  store: Store,
  period: Days,
  sensor: SafeText | undefined,
): AsyncGenerator<LegacySession> {
  const { legacySessions } = await import('../store/repo/legacy.ts')
  const window = windowOf(period, sensor)
  for await (const one of legacySessions(store.query, window)) {
    if (app.signal.aborted) return
    const session = legacySessionOf(one, window.untilUs)
    if (session !== undefined) yield session
  }
}

function windowOf(period: Days, sensor: SafeText | undefined) {
  return {
    fromUs: period.fromDay * US_PER_DAY,
    untilUs: period.untilDay * US_PER_DAY,
    sensor,
  }
}

function shownSession(one: LegacySession, redactor: Redactor): LegacySession {
  if (redactor.level === 'internal') return one
  const shownTransfers = (all: LegacySession['downloads']): LegacySession['downloads'] =>
    all.map(({ url, shasum, file }) => ({
      url: url === '' ? url : redactor.text('url', url),
      shasum: shasum === '' ? shasum : redactor.text('hash', shasum),
      file: redactor.text('file', file),
    }))
  return {
    ...one,
    sensor: redactor.text('sensor', one.sensor),
    session: redactor.text('session', one.session),
    username: redactor.text('username', one.username),
    password: redactor.text('password', one.password),
    srcIp: redactor.text('address', one.srcIp),
    protocol: one.protocol === null ? null : redactor.text('protocol', one.protocol),
    commands: one.commands.map((command) => redactor.text('command', command)),
    downloads: shownTransfers(one.downloads),
    uploads: shownTransfers(one.uploads),
  }
}
