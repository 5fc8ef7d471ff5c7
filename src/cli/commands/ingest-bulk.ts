import type { Command } from '../command.ts'
import { runLoad } from '../load.ts'

export const ingestBulk: Command = {
  name: 'ingest bulk',
  summary: 'Load logs: files, folders, patterns, or - for standard input',
  arguments: 'PATH...',
  argumentCount: [1, Number.POSITIVE_INFINITY],
  options: {
    sensor: {
      type: 'string',
      value: 'NAME',
      help: 'sensor that wrote these logs (default: the one each event names)',
    },
    jobs: {
      type: 'integer',
      value: 'N',
      min: 1,
      max: 16,
      help: 'threads: one writes, the others read (default 1: both in one)',
    },
    artifacts: {
      type: 'string',
      value: 'DIR',
      multiple: true,
      help: 'folder with tty logs and downloads that events name',
    },
    'accept-enriched': {
      type: 'boolean',
      help: 'take Elasticsearch hits whose _source was changed on its way',
    },
    'dry-run': { type: 'boolean', help: 'read and count, store nothing' },
  },
  examples: [
    'ingest bulk /var/log/cowrie',
    'ingest bulk --sensor lyon-1 cowrie.json*',
    'ingest bulk - < cowrie.json',
  ],
  description:
    'Reads plain, gzip, bzip2, xz and zstd files; lines, pretty-printed objects, arrays, syslog prefixes, UTF-16, Elasticsearch hits.\n' +
    'The same command again goes on where it stopped: nothing is stored twice. The input is never changed, moved or locked.',
  run: async (app, args, options) => runLoad(app, args, options),
}
