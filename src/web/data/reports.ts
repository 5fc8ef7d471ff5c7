/** Reports that were made here: a bounded shelf of files that their owner alone can read, each with a note beside it. */
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { LookupFailed, StoreError, UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { LIMITS } from '../../limits.ts'
import type { OUTPUT_NAMES } from '../../output/names.ts'
import { legacyProblems } from '../../report/legacy/fit.ts'
import { type Period, periodOf, type ReportKind, rangeOf } from '../../report/model.ts'
import { ReportQueries } from '../../store/repo/report.ts'
import type { Parts } from '../parts.ts'
import { failureLine } from './integrity.ts'

export const REPORT_KINDS = [
  'daily',
  'weekly',
  'monthly',
  'range',
] as const satisfies readonly ReportKind[]
export const REDACTIONS = ['internal', 'partner', 'public'] as const
export const COMPARISONS = ['none', 'previous'] as const

/** How each format is kept and sent, and what asks the command for it where its name does not. */
const FILES = {
  html: { ending: 'html', type: 'text/html' },
  pdf: { ending: 'pdf', type: 'application/pdf' },
  json: { ending: 'json', type: 'application/json' },
  csv: { ending: 'csv', type: 'text/csv' },
  markdown: { ending: 'md', type: 'text/markdown' },
  text: { ending: 'txt', type: 'text/plain' },
  log: { ending: 'log', type: 'text/plain' },
  mail: { ending: 'eml', type: 'message/rfc822' },
  stix: { ending: 'stix', type: 'text/plain' },
  prompt: { ending: 'prompt.txt', type: 'text/plain' },
  'legacy-text': { ending: 'txt', type: 'text/plain' },
  'legacy-abnormal-sessions': {
    ...{ ending: 'txt', type: 'text/plain' },
    asks: ['--format=legacy-text', '--part=abnormal-sessions'],
  },
  'legacy-abnormal-summary': {
    ...{ ending: 'txt', type: 'text/plain' },
    asks: ['--format=legacy-text', '--part=abnormal-summary'],
  },
  'legacy-json': { ending: 'json', type: 'application/json' },
} as const satisfies Readonly<
  Record<
    | (typeof OUTPUT_NAMES)[number]
    | 'pdf'
    | 'legacy-text'
    | 'legacy-abnormal-sessions'
    | 'legacy-abnormal-summary'
    | 'legacy-json',
    { readonly ending: string; readonly type: string; readonly asks?: readonly string[] }
  >
>

export type ReportFormat = keyof typeof FILES
export const REPORT_FORMATS = Object.keys(FILES) as ReportFormat[]

/** Formats of predecessors: they know one sensor or all, and neither comparison nor what is new. */
function isLegacy(format: ReportFormat): boolean {
  return format.startsWith('legacy-')
}

export type Wanted = {
  readonly kind: ReportKind
  /** Period, or the first day of a range; empty for the newest with events. */
  readonly date: string
  /** The day after the last of a range; else empty. */
  readonly until: string
  /** None for all together. */
  readonly sensors: readonly string[]
  /** Of the configuration; empty for none. */
  readonly group: string
  readonly compare: (typeof COMPARISONS)[number]
  readonly redact: (typeof REDACTIONS)[number]
  readonly format: ReportFormat
  /** Entries of each list, as they were written; empty for as many as usual. */
  readonly top: string
  readonly isBrief: boolean
}

/** What cannot be so, by the field that it is told beside. */
export type Problems = Readonly<Partial<Record<keyof Wanted, string>>>

export type KeptReport = Wanted & {
  /** Name of the file, ours. */
  readonly name: string
  /** As the report names it: `2026-11-01/2026-11-15` for a range. */
  readonly period: string
  readonly by: string
  readonly at: string
  readonly bytes: number
}

/** A name of ours: no path, no dot at its start. */
export const REPORT_NAME =
  '^(?:(?:daily|weekly|monthly)-[0-9]{4}-[0-9W]{2,3}(?:-[0-9]{2})?|range-[0-9-]{10}_[0-9-]{10})-[0-9a-f]{16}[.](?:html|pdf|json|csv|md|txt|log|eml|stix|prompt[.]txt)$'

/** The same rules as on the command line, told before a process is begun. */
export function problemsOf({ groups }: Pick<Parts, 'groups'>, wanted: Wanted): Problems {
  const { kind, date, until, sensors, group, compare, format, top, isBrief } = wanted
  const problems: Partial<Record<keyof Wanted, string>> = {}
  const check = (field: keyof Wanted, work: () => unknown): void => {
    try {
      work()
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      problems[field] ??= `${error.message} ${error.hint}`
    }
  }
  if (kind === 'range') {
    for (const [field, day] of [
      ['date', date],
      ['until', until],
    ] as const) {
      if (day === '') problems[field] = 'A range needs both of its days.'
      else check(field, () => periodOf('daily', day, 0))
    }
    if (problems.date === undefined && problems.until === undefined)
      check('until', () => rangeOf(date, until))
  } else {
    if (date !== '') check('date', () => periodOf(kind, date, 0))
    if (until !== '') problems.until = 'Only a range has an end. Leave it empty.'
  }
  if (group !== '' && !Object.hasOwn(groups, group))
    problems.group = 'There is no such group in nacre.toml.'
  const asked = new Set([
    ...sensors,
    ...(problems.group === undefined ? (groups[group] ?? []) : []),
  ])
  if (isLegacy(format)) {
    const wish = {
      ...{ kind, isJson: format === 'legacy-json', sensors: asked.size },
      ...{ compare: compare !== 'none', brief: isBrief, top: top !== '' },
    }
    for (const [name, { message, hint }] of legacyProblems(wish))
      problems[name === 'brief' ? 'format' : name] = `${message} ${hint}`
  }
  if (isBrief && compare !== 'none')
    problems.compare = 'A brief report compares nothing: choose one of the two.'
  if (top !== '' && !(/^\d{1,4}$/.test(top) && Number(top) >= 1 && Number(top) <= LIMITS.topMax))
    problems.top = `Write a whole number from 1 to ${LIMITS.topMax}.`
  return problems
}

/** Reports that are kept, newest first. */
export function keptReports(parts: Parts): readonly KeptReport[] {
  const folder = folderOf(parts)
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return [] // none was made yet
  }
  return names
    .filter((name) => new RegExp(REPORT_NAME).test(name))
    .flatMap((name) => noteOf(folder, name) ?? [])
    .sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : a.name < b.name ? -1 : 1))
}

/** The periods about the newest day with events; undefined in a store without any. */
export async function newestPeriods({ store }: Parts) {
  const newest = await ReportQueries.newestDay(store.query)
  if (newest === undefined) return undefined
  return {
    daily: [0, 1, 2, 3].map((back) => periodOf('daily', undefined, newest - back).name),
    weekly: [0, 7].map((back) => periodOf('weekly', undefined, newest - back).name),
    monthly: [0, 28].map((back) => periodOf('monthly', undefined, newest - back).name),
  }
}

/**
 * Makes a report in a process of its own and keeps it; the oldest ones make room.
 *
 * @param wanted - without problems
 * @throws UsageError in a store without events, or where the command refuses; StoreError `STORE_BUSY` where many wait
 */
export async function makeKept(parts: Parts, wanted: Wanted, by: string): Promise<KeptReport> {
  const period = await periodIn(parts, wanted)
  const folder = folderOf(parts)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const { ending } = FILES[wanted.format]
  const id = randomBytes(8).toString('hex')
  const name = `${wanted.kind}-${period.name.replace('/', '_')}-${id}.${ending}`
  const file = join(folder, name)
  const args = [...wordsOf(wanted, period), ...formatWords(wanted.format), `--output=${file}`]
  await inTurn(parts, async (signal) => {
    const { stderr, status } = await parts.run(args, signal)
    if (status === 0) return
    // What was killed leaves what there was of it beside the file.
    for (const left of readdirSync(folder))
      if (left.startsWith(name)) rmSync(join(folder, left), { force: true })
    throw notMade(stderr, status)
  })
  const kept: KeptReport = {
    ...wanted,
    period: period.name,
    name,
    by,
    at: formatInstant(parts.clock()),
    bytes: statSync(file).size,
  }
  writeFileSync(noteFile(folder, name), `${JSON.stringify(kept)}\n`, { mode: 0o600 })
  makeRoom(parts, kept)
  return kept
}

/**
 * The JSON report of a period.
 *
 * @param wanted - without problems
 * @param gone - of who asked: when nobody waits any more, it is not made
 * @throws as `makeKept`
 */
export async function jsonReport(
  parts: Parts,
  wanted: Omit<Wanted, 'format'>,
  gone: AbortSignal,
): Promise<string> {
  const period = await periodIn(parts, wanted)
  return inTurn(parts, async (signal) => {
    gone.throwIfAborted()
    const { stdout, stderr, status } = await parts.run(
      [...wordsOf(wanted, period), '--json'],
      AbortSignal.any([signal, gone]),
    )
    if (status === 0) return stdout.toString().trim()
    throw notMade(stderr, status)
  })
}

/** The words of the command, but for the format. A name of the store may begin with a dash: its option holds it. */
function wordsOf(wanted: Omit<Wanted, 'format'>, period: Period): readonly string[] {
  const { kind, sensors, group, compare, redact, top, isBrief } = wanted
  return [
    ...['report', kind, ...period.name.split('/')],
    ...sensors.map((name) => `--sensor=${name}`),
    ...(group === '' ? [] : [`--group=${group}`]),
    ...(compare === 'none' ? [] : [`--compare=${compare}`]),
    ...(redact === 'internal' ? [] : [`--redact=${redact}`]),
    ...(top === '' ? [] : [`--top=${top}`]),
    ...(isBrief ? ['--brief'] : []),
  ]
}

function formatWords(format: ReportFormat): readonly string[] {
  const file = FILES[format]
  return 'asks' in file ? file.asks : [`--format=${format}`]
}

function notMade(stderr: string, status: number): UsageError {
  return new UsageError('USAGE_BAD_ARGUMENT', 'The report was not made.', {
    hint: failureLine(stderr, status),
  })
}

/** @throws LookupFailed `LOOKUP_NO_REPORT` */
export function readKept(
  parts: Parts,
  name: string,
): { readonly report: KeptReport; readonly content: Buffer; readonly type: string } {
  const folder = folderOf(parts)
  const report = new RegExp(REPORT_NAME).test(name) ? noteOf(folder, name) : undefined
  if (report === undefined) throw noReport()
  try {
    return { report, content: readFileSync(join(folder, name)), type: FILES[report.format].type }
  } catch {
    throw noReport()
  }
}

/** @throws LookupFailed `LOOKUP_NO_REPORT` */
export function removeKept(parts: Parts, name: string): void {
  const folder = folderOf(parts)
  if (!new RegExp(REPORT_NAME).test(name) || noteOf(folder, name) === undefined) throw noReport()
  remove(folder, name)
}

/**
 * What a browser may do with a report that it opens: show it, with the one style that the report brings, and nothing
 * else. No script, no request, no form, and an origin of its own.
 */
export function policyOf(content: Buffer): string {
  const style = /<style>([\s\S]*?)<\/style>/.exec(content.toString('utf8'))?.[1]
  const hash =
    style === undefined
      ? "'none'"
      : `'sha256-${createHash('sha256').update(style).digest('base64')}'`
  return `sandbox; default-src 'none'; style-src ${hash}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
}

async function periodIn(
  { store }: Parts,
  { kind, date, until }: Pick<Wanted, 'kind' | 'date' | 'until'>,
): Promise<Period> {
  if (kind === 'range') return rangeOf(date, until)
  const newest = await ReportQueries.newestDay(store.query)
  if (newest === undefined && date === '') {
    throw new UsageError(
      'USAGE_BAD_ARGUMENT',
      'The store holds no events yet, so there is no newest day.',
      { hint: 'Load logs first, or name a date.' },
    )
  }
  return periodOf(kind, date === '' ? undefined : date, newest ?? 0)
}

function folderOf({ data }: Parts): string {
  return join(data, 'web', 'reports')
}

function noteFile(folder: string, name: string): string {
  return join(folder, `${name}.note`)
}

function noteOf(folder: string, name: string): KeptReport | undefined {
  try {
    const note = JSON.parse(readFileSync(noteFile(folder, name), 'utf8')) as KeptReport // as `makeKept` wrote it
    return note.name === name && note.format in FILES && Array.isArray(note.sensors)
      ? { ...note, bytes: statSync(join(folder, name)).size }
      : undefined
  } catch {
    return undefined // half of something, or a file without its note
  }
}

/** Removes the oldest until the rest is within its bounds; the newest one always stays. */
function makeRoom(parts: Parts, newest: KeptReport): void {
  let { bytes } = newest
  const older = keptReports(parts).filter((one) => one.name !== newest.name)
  for (const [i, one] of older.entries()) {
    bytes += one.bytes
    if (i + 1 >= LIMITS.webReportsMax || bytes > LIMITS.webReportsBytesMax)
      remove(folderOf(parts), one.name)
  }
}

function remove(folder: string, name: string): void {
  rmSync(join(folder, name), { force: true })
  rmSync(noteFile(folder, name), { force: true })
}

type Line = { waiting: number; turn: Promise<unknown> }

const lines = new WeakMap<Parts['store'], Line>()

/** One report at a time: each is a process that reads much. */
async function inTurn<T>(parts: Parts, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const line = lines.get(parts.store) ?? { waiting: 0, turn: Promise.resolve() }
  lines.set(parts.store, line)
  if (line.waiting >= LIMITS.webReportsWaitingMax) {
    throw new StoreError('STORE_BUSY', 'Other reports are being made.', {
      hint: 'Try again when they are done.',
    })
  }
  line.waiting += 1
  const mine = line.turn.then(() => work(AbortSignal.timeout(LIMITS.webReportMs)))
  line.turn = mine.catch(() => {})
  try {
    return await mine
  } finally {
    line.waiting -= 1
  }
}

function noReport(): LookupFailed {
  return new LookupFailed('LOOKUP_NO_REPORT', 'There is no report of this name.', {
    hint: 'It may have made room for newer ones: make it again.',
  })
}
