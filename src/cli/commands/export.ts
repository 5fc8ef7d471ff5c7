import { resolve } from 'node:path'
import type { App } from '../app.ts'
import { type Command, EXIT, type OptionValues } from '../command.ts'
import { DELIVERY_OPTIONS } from '../deliver.ts'
import { isIsolated } from '../isolation/mark.ts'
import { levelOf, REDACT_OPTION, redactionKey } from '../redaction.ts'

type Format = 'csv' | 'jsonl'

/** @param isApart - false runs it in this process; the program always runs it in one without network */
export function exportCommand(format: Format, isApart: boolean): Command {
  return {
    name: `export ${format}`,
    summary: {
      csv: 'Rows as CSV, every cell safe in a spreadsheet',
      jsonl: 'Rows as JSON, one a line',
    }[format],
    arguments: '',
    argumentCount: [0, 0],
    options: {
      what: {
        type: 'string',
        value: 'WHAT',
        choices: ['events', 'sessions', 'commands', 'credentials', 'files'],
        help: 'what a row is (default events)',
      },
      since: {
        type: 'string',
        value: 'TIME',
        help: 'at or after this instant or day (UTC); of sessions the first event',
      },
      until: { type: 'string', value: 'TIME', help: 'before this instant or day' },
      sensor: { type: 'string', value: 'NAME', help: 'only this sensor' },
      ip: {
        type: 'string',
        value: 'ADDRESS',
        help: 'only sessions from this peer; 192.0.2[.]7 is understood, too',
      },
      eventid: {
        type: 'string',
        value: 'ID',
        multiple: true,
        help: 'only events of this id; may be given several times',
      },
      session: { type: 'string', value: 'ID', help: 'only sessions of this id' },
      limit: {
        type: 'integer',
        value: 'N',
        min: 1,
        max: 1_000_000_000,
        help: 'at most so many rows (default all)',
      },
      ...REDACT_OPTION,
      output: DELIVERY_OPTIONS.output,
      force: DELIVERY_OPTIONS.force,
    },
    examples: {
      csv: [
        'export csv --what credentials --since 2026-11-01 --output credentials.csv',
        'export csv --what files --redact public > files.csv',
      ],
      jsonl: [
        'export jsonl --since 2026-11-22 --until 2026-11-23 --redact partner --output day.jsonl',
        'export jsonl --eventid cowrie.command.input --ip 198.51.100.7',
      ],
    }[format],
    description:
      'In the order of time, sensor, session and digest: the same bytes on every engine and however the logs were loaded. Withheld events are left out. Runs in a process without network (docs/redaction.md).',
    async run(app, _args, options) {
      const { exportOf, exportRows, filterOf } = await import('../export.ts')
      // A slip of the pen is told before anything is opened or started.
      filterOf(options, exportOf(options))
      if (isApart && !isIsolated()) return runApart(app, options)
      await exportRows(app, format, options)
      return EXIT.ok
    },
  }
}

async function runApart(app: App, options: OptionValues): Promise<number> {
  // The other process may write its result and nothing else.
  if (levelOf(options) !== 'internal') redactionKey(app)
  const { runIsolated } = await import('../isolation/run.ts')
  const file = options['output']
  return runIsolated(app, {
    args: process.argv.slice(2),
    writes: typeof file === 'string' ? [`${resolve(file)}*`] : [],
  })
}

export const exportCsv: Command = exportCommand('csv', true)
export const exportJsonl: Command = exportCommand('jsonl', true)
