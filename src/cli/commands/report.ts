import { UsageError } from '../../core/errors.ts'
import { formatDay } from '../../core/instant.ts'
import { compareUtf8, type SafeText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { visibleName } from '../../neutralize/visible.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { REPORT_KINDS, redactTree } from '../../redact/tree.ts'
import { reportDocument } from '../../report/document.ts'
import { legacyProblems } from '../../report/legacy/fit.ts'
import {
  type CalendarKind,
  makeReport,
  type Period,
  periodBefore,
  periodOf,
  type Report,
  rangeOf,
  reportJson,
  TOP,
} from '../../report/model.ts'
import { renderReport } from '../../report/text.ts'
import type { App, Store } from '../app.ts'
import { type Command, EXIT, type OptionSpec, type OptionValues } from '../command.ts'
import { DELIVERY_OPTIONS, deliver, FORMATS, redactedForms } from '../deliver.ts'
import { checkSensors } from '../known-sensors.ts'
import { REDACT_OPTION, redactorOf } from '../redaction.ts'
import { textReader } from '../text-reader.ts'

const FORMS: Readonly<Record<CalendarKind, string>> = {
  daily: 'YYYY-MM-DD',
  weekly: 'YYYY-Www',
  monthly: 'YYYY-MM',
}
const EXAMPLES: Readonly<Record<CalendarKind, readonly string[]>> = {
  daily: [
    'report daily',
    'report daily 2026-11-22 --sensor lyon-1 --sensor lyon-2',
    'report daily 2026-11-22 --json',
    'report daily 2026-11-22 --sensor lyon-1 --format legacy-json',
  ],
  weekly: [
    'report weekly 2026-W47 --compare previous --top 20',
    'report weekly 2026-W47 --format html --output week-47.html',
    'report weekly 2026-W47 --format html --redact public --output week-47-public.html',
    'report weekly 2026-W47 --format legacy-text --part abnormal-summary',
  ],
  monthly: [
    'report monthly 2026-11',
    'report monthly 2026-11 --group france --format md',
    'report monthly 2026-11 --format pdf --output november.pdf',
  ],
}
const MADE_FROM = 'Made from the roll-ups kept at ingest; log files are not read again.'

/** What consumers of the predecessors' reports read. */
const LEGACY_FORMATS: readonly string[] = ['legacy-text', 'legacy-json']

const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  sensor: {
    type: 'string',
    value: 'NAME',
    multiple: true,
    help: 'only this sensor, or these where it is given again (default: all together)',
  },
  group: {
    type: 'string',
    value: 'NAME',
    help: 'only the sensors of this group of [groups] in nacre.toml',
  },
  compare: {
    type: 'string',
    value: 'WHAT',
    choices: ['previous'],
    help: 'beside the figures those of the period before (html and pdf have them anyway)',
  },
  top: {
    type: 'integer',
    value: 'N',
    min: 1,
    max: LIMITS.topMax,
    help: `entries in each list (default ${TOP})`,
  },
  brief: { type: 'boolean', help: 'figures and lists alone, without what is new or stands out' },
  ...REDACT_OPTION,
  ...DELIVERY_OPTIONS,
  format: {
    type: 'string',
    value: 'FORMAT',
    choices: [...FORMATS, 'pdf', ...LEGACY_FORMATS],
    help: 'how it is written (default text; json is --json, md is markdown; pdf needs --output and a browser; legacy-*: docs/legacy-formats.md)',
  },
  part: {
    type: 'string',
    value: 'PART',
    choices: ['report', 'abnormal-sessions', 'abnormal-summary'],
    help: 'of legacy-text: which of its three files (default report: all sessions and the summary)',
  },
}

function reportCommand(kind: CalendarKind): Command {
  return {
    name: `report ${kind}`,
    summary: {
      daily: 'Figures of a UTC day, and what is new in it',
      weekly: 'Figures of an ISO 8601 week, UTC, and what is new in it',
      monthly: 'Figures of a month, UTC, and what is new in it',
    }[kind],
    arguments: `[${FORMS[kind]}]`,
    argumentCount: [0, 1],
    options: OPTIONS,
    examples: EXAMPLES[kind],
    description: `${MADE_FROM} Without a date: the newest with events.`,
    async run(app, args, options) {
      // A slip of the pen is told before anything is opened.
      if (args[0] !== undefined) periodOf(kind, args[0], 0)
      return report(app, kind, options, async (store) => {
        const { ReportQueries } = await import('../../store/repo/report.ts')
        const newest = await ReportQueries.newestDay(store.query)
        if (newest === undefined && args[0] === undefined) {
          throw new UsageError(
            'USAGE_BAD_ARGUMENT',
            'The store holds no events yet, so there is no newest day.',
            { hint: 'Load logs first: nacre ingest bulk PATH.' },
          )
        }
        return periodOf(kind, args[0], newest ?? 0)
      })
    },
  }
}

export const reportDaily: Command = reportCommand('daily')
export const reportWeekly: Command = reportCommand('weekly')
export const reportMonthly: Command = reportCommand('monthly')

export const reportRange: Command = {
  name: 'report range',
  summary: 'Figures of any whole UTC days, and what is new in them',
  arguments: 'FROM UNTIL',
  argumentCount: [2, 2],
  options: OPTIONS,
  examples: [
    'report range 2026-11-01 2026-11-15',
    'report range 2026-07-01 2026-10-01 --compare previous',
  ],
  description: `${MADE_FROM} UNTIL is the day after the last.`,
  run(app, args, options) {
    const period = rangeOf(args[0]!, args[1]!)
    return report(app, 'range', options, () => Promise.resolve(period))
  },
}

async function report(
  app: App,
  kind: Period['kind'],
  options: OptionValues,
  choose: (store: Store) => Promise<Period>,
): Promise<number> {
  const sensors = sensorsOf(app, options)
  if (options['part'] !== undefined && options['format'] !== 'legacy-text')
    throw new UsageError('USAGE_BAD_OPTION', '--part names a file of the format legacy-text.', {
      hint: 'Add --format legacy-text, or leave --part out.',
    })
  const isLegacy = LEGACY_FORMATS.includes(String(options['format']))
  if (isLegacy) {
    // Whoever asks for what is not in them would take it to be.
    for (const problem of legacyProblems({
      ...{ kind, isJson: options['format'] === 'legacy-json', sensors: sensors?.length ?? 0 },
      compare: options['compare'] !== undefined,
      brief: options['brief'] === true,
      top: options['top'] !== undefined,
    }).values())
      throw problem
  }
  const store = await app.openStore('read')
  try {
    await checkSensors(store, named(options))
    const period = await choose(store)
    const redactor = await redactorOf(app, store, options)
    if (isLegacy) {
      const { deliverLegacy } = await import('../legacy.ts')
      await deliverLegacy(app, store, options, { period, sensor: sensors?.[0], redactor })
      return EXIT.ok
    }
    const gathers = await gathered(app, store, period, sensors, options)
    const made = redactTree(gathers, REPORT_KINDS, redactor)
    await deliver(
      app,
      options,
      redactedForms(redactor.level, {
        text: () => renderReport(made, app.out.paint, app.out.width),
        json: () => reportJson(made),
        document: () => reportDocument(made, app.clock()),
        page: async () => {
          const { renderReportHtml } = await import('../../report/html/index.ts')
          return renderReportHtml({ ...made, redaction: redactor.level }, topOf(options))
        },
      }),
    )
    if (made.events.total === 0) await tellNewestDay(app, store)
    return EXIT.ok
  } finally {
    await store.close()
  }
}

/** Who asked for a period without events may have meant another one. */
async function tellNewestDay(app: App, store: Store): Promise<void> {
  const { ReportQueries } = await import('../../store/repo/report.ts')
  const newest = await ReportQueries.newestDay(store.query)
  if (newest !== undefined)
    app.out.note(
      terminal`The newest day of the store with events is ${terminal.own(formatDay(newest))}.`,
    )
}

async function gathered(
  app: App,
  store: Store,
  period: Period,
  sensors: readonly SafeText[] | undefined,
  options: OptionValues,
): Promise<Report> {
  const { ReportQueries } = await import('../../store/repo/report.ts')
  const { InsightQueries } = await import('../../store/repo/insights.ts')
  const window = ({ fromDay, untilDay }: Period) => ({
    ...{ fromDay, untilDay, sensor: undefined, sensors },
  })
  const isBrief = options['brief'] === true
  if (isBrief && options['compare'] === 'previous')
    throw new UsageError('USAGE_BAD_OPTION', 'A brief report compares nothing.', {
      hint: 'Leave out --brief or --compare.',
    })
  const isPage = ['html', 'pdf'].includes(String(options['format']))
  const before = options['compare'] === 'previous' || isPage ? periodBefore(period) : undefined
  const reader = await textReader(app)
  return makeReport(
    await ReportQueries.open(store.query, window(period)),
    period,
    sensors,
    topOf(options),
    app.clock(),
    isBrief
      ? undefined
      : {
          source: await InsightQueries.open(store.query, window(period)),
          reader,
          before:
            before === undefined
              ? undefined
              : {
                  source: await ReportQueries.open(store.query, window(before)),
                  period: before,
                },
        },
    reader,
  )
}

function topOf({ top }: OptionValues): number {
  return typeof top === 'number' ? top : TOP
}

/** @returns undefined for all of the store. @throws UsageError for a group that is none */
function sensorsOf(app: App, options: OptionValues): readonly SafeText[] | undefined {
  const { group } = options
  const { groups } = app.settings
  if (typeof group === 'string' && !Object.hasOwn(groups, group))
    throw new UsageError('USAGE_BAD_OPTION', `There is no group "${group.slice(0, 40)}".`, {
      hint:
        Object.keys(groups).length === 0
          ? 'Groups of sensors stand in nacre.toml: [groups], then a line such as france = ["lyon-1", "paris-1"].'
          : `Groups in nacre.toml: ${Object.keys(groups).sort(compareUtf8).join(', ')}.`,
    })
  const grouped = typeof group === 'string' ? groups[group]! : []
  const all = [...named(options), ...grouped.map((name) => visibleName(name))]
  return all.length === 0 ? undefined : [...new Set(all)]
}

/** The sensors of `--sensor`. */
function named({ sensor }: OptionValues): readonly SafeText[] {
  return Array.isArray(sensor) ? sensor.map((name) => visibleName(String(name))) : []
}
