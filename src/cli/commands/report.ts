import { UsageError } from '../../core/errors.ts'
import { toVisible } from '../../neutralize/visible.ts'
import { OUTPUT_NAMES } from '../../output/names.ts'
import { REPORT_KINDS, redactTree } from '../../redact/tree.ts'
import { reportDocument } from '../../report/document.ts'
import { makeReport, periodOf, type ReportKind } from '../../report/model.ts'
import { renderReport } from '../../report/text.ts'
import { type Command, EXIT } from '../command.ts'
import { DELIVERY_OPTIONS, deliver, redactedForms } from '../deliver.ts'
import { REDACT_OPTION, redactorOf } from '../redaction.ts'

const FORMS: Readonly<Record<ReportKind, string>> = {
  daily: 'YYYY-MM-DD',
  weekly: 'YYYY-Www',
  monthly: 'YYYY-MM',
}
const EXAMPLES: Readonly<Record<ReportKind, readonly string[]>> = {
  daily: [
    'report daily',
    'report daily 2026-11-22 --sensor lyon-1',
    'report daily 2026-11-22 --json',
    'report daily 2026-11-22 --sensor lyon-1 --format legacy-json',
  ],
  weekly: [
    'report weekly 2026-W47 --top 20',
    'report weekly 2026-W47 --format html --output week-47.html',
    'report weekly 2026-W47 --format html --redact public --output week-47-public.html',
    'report weekly 2026-W47 --format legacy-text --part abnormal-summary',
  ],
  monthly: ['report monthly 2026-11', 'report monthly 2026-11 --json'],
}

/** What consumers of the predecessors' reports read. */
const LEGACY_FORMATS: readonly string[] = ['legacy-text', 'legacy-json']

function reportCommand(kind: ReportKind): Command {
  return {
    name: `report ${kind}`,
    summary: {
      daily: 'Figures of a UTC day',
      weekly: 'Figures of an ISO 8601 week, UTC',
      monthly: 'Figures of a month, UTC',
    }[kind],
    arguments: `[${FORMS[kind]}]`,
    argumentCount: [0, 1],
    options: {
      sensor: { type: 'string', value: 'NAME', help: 'only this sensor (default: all together)' },
      top: {
        type: 'integer',
        value: 'N',
        min: 1,
        max: 1_000,
        help: 'entries in each list (default 10)',
      },
      ...REDACT_OPTION,
      ...DELIVERY_OPTIONS,
      format: {
        type: 'string',
        value: 'FORMAT',
        choices: [...OUTPUT_NAMES, ...LEGACY_FORMATS],
        help: 'how it is written (default text; json is --json; legacy-*: docs/legacy-formats.md)',
      },
      part: {
        type: 'string',
        value: 'PART',
        choices: ['report', 'abnormal-sessions', 'abnormal-summary'],
        help: 'of legacy-text: which of its three files (default report: all sessions and the summary)',
      },
    },
    examples: EXAMPLES[kind],
    description:
      'Made from the roll-ups kept at ingest; log files are not read again. Without a date: the newest with events.',
    async run(app, args, options) {
      // A slip of the pen is told before anything is opened.
      if (args[0] !== undefined) periodOf(kind, args[0], 0)
      const store = await app.openStore('read')
      try {
        const { ReportQueries } = await import('../../store/repo/report.ts')
        const newest = await ReportQueries.newestDay(store.query)
        if (newest === undefined && args[0] === undefined) {
          throw new UsageError(
            'USAGE_BAD_ARGUMENT',
            'The store holds no events yet, so there is no newest day.',
            { hint: 'Load logs first: nacre ingest bulk PATH.' },
          )
        }
        const period = periodOf(kind, args[0], newest ?? 0)
        const sensor =
          typeof options['sensor'] === 'string' ? toVisible(options['sensor']) : undefined
        const redactor = await redactorOf(app, store, options)
        if (LEGACY_FORMATS.includes(String(options['format']))) {
          const { deliverLegacy } = await import('../legacy.ts')
          await deliverLegacy(app, store, options, { period, sensor, redactor })
          return EXIT.ok
        }
        const queries = await ReportQueries.open(store.query, {
          fromDay: period.fromDay,
          untilDay: period.untilDay,
          sensor,
        })
        const made = await makeReport(
          queries,
          period,
          sensor,
          typeof options['top'] === 'number' ? options['top'] : 10,
          app.clock(),
        )
        const report = redactTree(made, REPORT_KINDS, redactor)
        await deliver(
          app,
          options,
          redactedForms(redactor.level, {
            text: () => renderReport(report, app.out.paint, app.out.width),
            json: () => report,
            document: () => reportDocument(report, app.clock()),
          }),
        )
        return EXIT.ok
      } finally {
        await store.close()
      }
    },
  }
}

export const reportDaily: Command = reportCommand('daily')
export const reportWeekly: Command = reportCommand('weekly')
export const reportMonthly: Command = reportCommand('monthly')
