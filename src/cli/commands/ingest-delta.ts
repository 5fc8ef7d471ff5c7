import { UsageError } from '../../core/errors.ts'
import type { Command } from '../command.ts'
import { follow } from '../follow.ts'
import { runLoad } from '../load.ts'

export const ingestDelta: Command = {
  name: 'ingest delta',
  summary: 'Follow logs as they are written: files, folders or patterns, through every rotation',
  arguments: 'PATH...',
  argumentCount: [1, Number.POSITIVE_INFINITY],
  options: {
    sensor: {
      type: 'string',
      value: 'NAME',
      help: 'sensor that writes these logs (default: the one each event names)',
    },
    once: {
      type: 'boolean',
      help: 'load what is there now and end, for cron; with a file, what was rotated away from it since it was first followed, too',
    },
    artifacts: {
      type: 'string',
      value: 'DIR',
      multiple: true,
      help: 'with --once: folder with tty logs and downloads that events name',
    },
    'accept-enriched': {
      type: 'boolean',
      help: 'take Elasticsearch hits whose _source was changed on its way',
    },
    'dry-run': { type: 'boolean', help: 'with --once: read and count, store nothing' },
  },
  examples: [
    'ingest delta /var/log/cowrie',
    'ingest delta --sensor lyon-1 /var/log/cowrie/cowrie.json',
    'ingest delta --once /var/log/cowrie --json',
  ],
  description:
    'Follows until it is stopped (Ctrl-C or SIGTERM end it between two transactions). Lines are stored within a tenth of a second.\n' +
    'Files may be renamed, compressed, copied and cut short, replaced or removed: each line is stored once (docs/delta.md).\n' +
    'When the store is away or its disk is full it waits, says so, and goes on. "nacre status" shows how far it is.',
  run: async (app, args, options) => {
    if (options['once'] === true) return runLoad(app, args, options, { withRotated: true })
    for (const name of ['dry-run', 'artifacts'])
      if (options[name] !== undefined && options[name] !== false)
        throw new UsageError('USAGE_BAD_OPTION', `--${name} goes with --once.`, {
          hint: 'Add --once, or leave it out.',
        })
    if (args.includes('-'))
      throw new UsageError('USAGE_BAD_ARGUMENT', 'Standard input cannot be followed.', {
        hint: 'Use "nacre ingest bulk -", or name a file or folder.',
      })
    return follow(app, args, options)
  },
}
