import { resolve } from 'node:path'
import { ReplayError, UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { bytes, type TerminalText, table } from '../../core/terminal.ts'
import { LIMITS } from '../../limits.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { TtyFile } from '../../replay/file.ts'
import type { Replay, ReplaySize, SessionSpan } from '../../replay/replay.ts'
import type { TtyLogs } from '../../store/repo/tty-logs.ts'
import type { App } from '../app.ts'
import { type Command, EXIT, type OptionValues } from '../command.ts'
import { jsonText } from '../output.ts'
import { sessionNamed } from '../session-named.ts'
import { writeNew } from '../write-file.ts'

export const replay: Command = {
  name: 'replay',
  summary: 'Show what a session saw and typed on its terminal, from its TTY log',
  arguments: '[SESSION]',
  argumentCount: [0, 1],
  options: {
    sensor: {
      type: 'string',
      value: 'NAME',
      help: 'sensor, where several have a session of this id',
    },
    log: {
      type: 'integer',
      value: 'N',
      min: 1,
      max: LIMITS.replayLogsMax,
      help: 'recording of the session, from 1 (default: the only one)',
    },
    file: { type: 'string', value: 'FILE', help: 'this TTY log, in place of a session' },
    format: {
      type: 'string',
      value: 'FORMAT',
      choices: ['text', 'asciicast', 'json'],
      help: 'transcript, asciicast version 2, or frames (default text; json is --json)',
    },
    output: { type: 'string', value: 'NEWFILE', help: 'into this new file, for its owner alone' },
    force: { type: 'boolean', help: 'replace the file of --output' },
  },
  examples: [
    'replay 99ecbcc75e79',
    'replay 99ecbcc75e79 --log 2 --format asciicast --output session.cast',
    'replay --file /var/lib/cowrie/tty/20170616-190902-None-22i.log',
  ],
  description:
    'Plays the recording in a model of a terminal and shows what was on its screen, line by line, in visible form. No escape sequence of\n' +
    'it is ever printed. The recording is found by the folder that was given to --artifacts of a load, and must be the same as then.\n' +
    'Recordings are files of Cowrie: not sealed, and not redacted.',
  async run(app, args, options) {
    const { makeReplay } = await import('../../replay/replay.ts')
    const found = await recordingOf(app, args[0], options)
    if ('logs' in found) {
      app.out.result({ logs: found.logs }, () => listText(found))
      return EXIT.ok
    }
    const { file, size } = found
    const format = app.out.format === 'json' ? 'json' : (options['format'] ?? 'text')
    const output = options['output']
    if (format === 'asciicast') {
      const { makeAsciicast } = await import('../../replay/asciicast.ts')
      const values = makeAsciicast(file.bytes, size, file.isWhole)
      if (typeof output === 'string')
        await write(app, output, values.map((value) => `${jsonText(value)}\n`).join(''), options)
      else for (const value of values) await app.out.line(value)
      return EXIT.ok
    }
    const made = makeReplay(file.bytes, size, file.isWhole, found.span)
    if (typeof output === 'string')
      await write(
        app,
        output,
        format === 'json' ? `${jsonText(made)}\n` : `${replayText(made).text}\n`,
        options,
      )
    else if (format === 'json' && app.out.format !== 'json') await app.out.line(made)
    else app.out.result(made, () => replayText(made))
    return EXIT.ok
  },
}

async function write(
  app: App,
  output: string,
  content: string,
  options: OptionValues,
): Promise<void> {
  await writeNew(resolve(output), content, options['force'] === true)
  app.out.note(terminal`Wrote ${terminal.own(output)}.`)
}

type Recording = {
  readonly file: TtyFile
  readonly size: ReplaySize
  readonly span?: SessionSpan
}

/** The recording that is meant; the list of all where several may be. */
async function recordingOf(
  app: App,
  session: string | undefined,
  options: OptionValues,
): Promise<Recording | TtyLogs> {
  const { readRecorded, readTtyFile } = await import('../../replay/file.ts')
  const { boundedSize, DEFAULT_SIZE } = await import('../../replay/replay.ts')
  const { fileError } = await import('../../replay/pool.ts')
  const path = options['file']
  if ((session === undefined) === (typeof path !== 'string'))
    throw new UsageError('USAGE_BAD_ARGUMENT', 'Say what to replay: a session, or --file FILE.', {
      hint: '"nacre sessions --limit 10" lists sessions.',
    })
  if (typeof path === 'string') {
    const file = readTtyFile(resolve(path))
    if (file !== undefined) return { file, size: DEFAULT_SIZE }
    throw new UsageError('USAGE_BAD_OPTION', `${path} is no file that can be read.`, {
      hint: 'Name a plain file; links are not followed.',
    })
  }
  const store = await app.openStore('read')
  try {
    const { ttyLogsOfSession } = await import('../../store/repo/tty-logs.ts')
    const one = await sessionNamed(store, session!, options['sensor'])
    const logs = await ttyLogsOfSession(store.query, one, LIMITS.replayLogsMax)
    const number = options['log']
    if (number === undefined && logs.logs.length > 1) return logs
    const log = logs.logs[typeof number === 'number' ? number - 1 : 0]
    if (log === undefined)
      throw new ReplayError(
        'REPLAY_NO_LOG',
        logs.logs.length === 0
          ? 'No event of this session names a recording of a terminal.'
          : `The session has ${logs.logs.length} recordings; there is none of this number.`,
        { hint: 'Cowrie records shells and commands; other sessions have no terminal.' },
      )
    const file = readRecorded(log.files)
    if (typeof file === 'string') throw fileError(file)
    return {
      file,
      size: boundedSize(logs.columns, logs.rows),
      span: [one.firstEventUs, one.lastEventUs],
    }
  } finally {
    await store.close()
  }
}

function listText({ logs }: TtyLogs): TerminalText {
  return terminal.join(
    [
      terminal`The session has ${logs.length} recordings; name one with --log.`,
      table(
        [
          { title: 'log', align: 'right' },
          { title: 'ended (UTC)' },
          { title: 'size', align: 'right' },
          { title: 'named' },
        ],
        logs.map((log, i) => [
          terminal`${i + 1}`,
          terminal.own(formatInstant(log.atUs).slice(0, 19).replace('T', ' ')),
          log.files[0] === undefined ? terminal`no file` : bytes(log.files[0].size),
          terminal`${log.name}${log.isOfEarlierSession ? terminal` (kept from a session before)` : terminal``}`,
        ]),
      ),
    ],
    '\n',
  )
}

function replayText(made: Replay): TerminalText {
  const started = made.startedAtUs === undefined ? '' : formatInstant(made.startedAtUs)
  return terminal.join(
    [
      terminal`${made.columns} x ${made.rows}, ${terminal.own((made.trueDurationMs / 1_000).toFixed(3))} s${started === '' ? terminal`` : terminal`, from ${terminal.own(started)}`}`,
      ...made.notes.map((note) => terminal.own(note)),
      ...droppedText(made),
      ...inputsText(made),
      terminal``,
      ...made.transcript.map((line) => terminal.data(line)),
    ],
    '\n',
  )
}

function droppedText({ dropped }: Replay): TerminalText[] {
  const kinds = Object.entries(dropped).filter(([, count]) => count > 0)
  return kinds.length === 0
    ? []
    : [
        terminal`Left out: ${terminal.own(kinds.map(([kind, count]) => `${kind} ${count}`).join(', '))}`,
      ]
}

/** Commands of exec requests stand nowhere on the screen. */
function inputsText({ inputs }: Replay): TerminalText[] {
  return inputs
    .filter(({ kind }) => kind === 'command')
    .map(({ text }) => terminal`Command: ${terminal.data(text)}`)
}
