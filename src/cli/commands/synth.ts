import { StoreError, UsageError } from '../../core/errors.ts'
import { ownLines, terminal } from '../../output/encode/terminal.ts'
import type { SynthOutcome } from '../../synth/index.ts'
import {
  checkSynthOptions,
  SYNTH_DEFAULTS,
  SYNTH_RANGES,
  SYNTH_STYLES,
  type SynthOptions,
} from '../../synth/options.ts'
import { type Command, EXIT, type OptionSpec, type OptionValues } from '../command.ts'

/** `nacre synth`: synthetic logs with the truth about them. */
export const synth: Command = {
  name: 'synth',
  summary: 'Write synthetic Cowrie logs and a file with the truth about them.',
  description:
    'Fills an empty folder with logs of made-up attacks, one file a sensor and UTC day, and with truth.json and ' +
    'truth_sessions.tsv.gz: what is in them, counted while they were made. The same options give the same bytes. ' +
    'Addresses come from documentation and benchmark ranges only. No database is touched.',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    out: { type: 'string', value: 'DIR', help: 'folder to write into; must be empty or absent' },
    seed: whole('seed', 'N', 'another seed, other logs'),
    events: whole('events', 'N', 'number of distinct valid events, exact'),
    days: whole('days', 'N', 'number of UTC days'),
    start: {
      type: 'string',
      value: 'YYYY-MM-DD',
      help: `first UTC day (default ${SYNTH_DEFAULTS.start})`,
    },
    sensors: whole('sensors', 'N', 'number of sensors'),
    style: {
      type: 'string',
      value: 'STYLE',
      choices: SYNTH_STYLES,
      help: `Cowrie to imitate: classic is 2.x, current 3.x, legacy up to 1.5.3, mixed all of them in turn (default ${SYNTH_DEFAULTS.style})`,
    },
    hostile: rate('share of attacker-written fields with a hostile value'),
    duplicates: rate('share of events written a second time, later in the file'),
    malformed: rate('extra lines that are not one JSON object, per event'),
    invalid: rate('extra lines without usable eventid or timestamp, per event'),
    blank: rate('extra blank lines, per event'),
    'bad-utf8': rate('share of events with bytes that are not UTF-8'),
    ipv6: rate('share of IPv6 among the addresses'),
    torn: { type: 'boolean', help: 'end every file in the middle of a line' },
    gzip: { type: 'boolean', help: 'compress the logs' },
    'gzip-level': whole('gzipLevel', 'N', '1 is fast, 9 is small'),
  },
  examples: [
    'synth --out /tmp/logs',
    'synth --out /tmp/logs --events 1000000 --days 180 --sensors 5 --gzip',
    'synth --out /tmp/logs --style mixed --hostile 0.05 --malformed 0.01 --duplicates 0.02 --torn',
  ],

  async run(app, _args, given) {
    const out = given['out']
    if (typeof out !== 'string' || out === '') {
      throw new UsageError('USAGE_BAD_OPTION', 'The option --out is missing.', {
        hint: 'Name a folder to write into: nacre synth --out DIR',
      })
    }
    const options = readOptions(given)
    const problem = checkSynthOptions(options)
    if (problem !== undefined) {
      throw new UsageError('USAGE_BAD_OPTION', `--${flag(problem.option)} ${problem.problem}.`, {
        hint: 'See nacre synth --help.',
      })
    }
    // The generator is large, and no other command needs it.
    const { SynthFolderError, synthesize } = await import('../../synth/index.ts')
    try {
      const outcome = await synthesize(out, options, app.signal)
      app.out.result(outcome, () => ownLines(describe(outcome)))
      return EXIT.ok
    } catch (error) {
      if (app.signal.aborted) {
        const text = 'Stopped: the folder holds half a set and no truth.json. Remove it.'
        app.out.result({ out, stopped: true }, () => terminal.own(text))
        return EXIT.interrupted // the caller knows which signal it was
      }
      throw operating(error, out, error instanceof SynthFolderError)
    }
  },
}

function whole(option: keyof typeof SYNTH_RANGES, value: string, help: string): OptionSpec {
  const range = SYNTH_RANGES[option]
  return { type: 'integer', value, help: `${help} (default ${SYNTH_DEFAULTS[option]})`, ...range }
}

function rate(help: string): OptionSpec {
  return { type: 'number', value: 'RATE', help: `${help}, 0 to 1 (default 0)`, min: 0, max: 1 }
}

/** The options given over the defaults; what has another type than its default is left to the parser. */
function readOptions(given: OptionValues): SynthOptions {
  const read = Object.entries(SYNTH_DEFAULTS).map(([option, byDefault]) => {
    const value = given[flag(option)]
    return [option, typeof value === typeof byDefault ? value : byDefault]
  })
  return Object.fromEntries(read) as SynthOptions // the keys and types of the defaults
}

function flag(option: string): string {
  return option.replace(/[A-Z]/g, (mark) => `-${mark.toLowerCase()}`)
}

function describe({ out, files, totals }: SynthOutcome): string {
  const { events, sessions, duplicates, malformed, invalid, blank, bytes } = totals
  return [
    `Wrote ${events} events of ${sessions} sessions into ${files} files of ${out}: ${bytes} bytes.`,
    `Beside them ${duplicates} copies, ${malformed} malformed, ${invalid} invalid and ${blank} blank lines.`,
    'The truth about them is in truth.json and truth_sessions.tsv.gz.',
  ].join('\n')
}

/** What the operator can act on; anything else is passed on as it is. */
function operating(error: unknown, out: string, isFolder: boolean): unknown {
  if (isFolder && error instanceof Error) {
    return new UsageError('USAGE_BAD_OPTION', error.message, {
      hint: 'Name another folder, or empty this one: sets are never mixed.',
    })
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StoreError('STORE_DISK_FULL', `The disk is full while writing to ${out}.`, {
      hint: 'Remove the folder and ask for fewer events, or for --gzip.',
      cause: error,
    })
  }
  if (
    code === 'EACCES' ||
    code === 'EPERM' ||
    code === 'EROFS' ||
    code === 'ENOTDIR' ||
    code === 'EEXIST'
  ) {
    return new UsageError('USAGE_BAD_OPTION', `The folder ${out} cannot be written to.`, {
      hint: 'Name a folder that you may write to with --out.',
      cause: error,
    })
  }
  return error
}
