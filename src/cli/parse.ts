import { Command as Commander, CommanderError, Option } from 'commander'
import { SETTINGS } from '../config/settings.ts'
import { UsageError } from '../core/errors.ts'
import type { Command, OptionSpec, OptionValues } from './command.ts'
import { COMMANDS } from './commands/index.ts'
import { PROGRAM_VERSION } from './program.ts'

export type Parsed = {
  readonly command: Command
  readonly args: readonly string[]
  readonly options: OptionValues
  readonly global: Readonly<Record<string, string | undefined>>
  readonly format: 'text' | 'json'
}

/**
 * Reads a command line.
 *
 * @param print - receives help and version texts
 * @returns undefined when help or version was asked for
 * @throws UsageError
 */
export async function parseCommandLine(
  argv: readonly string[],
  print: (text: string) => void,
): Promise<Parsed | undefined> {
  let parsed: Parsed | undefined
  const program = buildProgram((found) => {
    parsed = found
  }, print)
  try {
    await program.parseAsync(commandFirst(argv), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return undefined
    throw usage(error)
  }
  return parsed
}

/** Options that every command has may stand before it, too: they belong to whatever follows. */
function commandFirst(argv: readonly string[]): string[] {
  let first = 0
  while (first < argv.length) {
    const word = argv[first]!
    if (word === '--data' || word === '--store') first += 2
    else if (/^--(?:data|store)=/.test(word) || word === '--json') first += 1
    else break
  }
  const rest = argv.slice(first)
  const end = rest.includes('--') ? rest.indexOf('--') : rest.length
  return [...rest.slice(0, end), ...argv.slice(0, first), ...rest.slice(end)]
}

function usage(error: CommanderError): UsageError {
  // Suggestions stand on a line of their own.
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ')
  if (error.code === 'commander.help')
    return new UsageError('USAGE_UNKNOWN_COMMAND', 'Say what to do.', {
      hint: 'Type "nacre --help" for the commands.',
    })
  const code =
    error.code === 'commander.unknownCommand'
      ? 'USAGE_UNKNOWN_COMMAND'
      : /argument/i.test(error.code)
        ? 'USAGE_BAD_ARGUMENT'
        : 'USAGE_BAD_OPTION'
  return new UsageError(
    code,
    `${message.charAt(0).toUpperCase()}${message.slice(1)}${message.endsWith('.') ? '' : '.'}`,
    {
      hint: 'Type the command with --help to see how it is called.',
    },
  )
}

/** The command tree for parsing and for the reference page. */
export function buildProgram(
  onCommand: (parsed: Parsed) => void,
  print: (text: string) => void,
): Commander {
  const program = new Commander('nacre')
    .description(
      'Turns the logs of Cowrie honeypots into a trustworthy, searchable, safe store, and answers from it.',
    )
    .version(PROGRAM_VERSION, '--version', 'print the version')
    .helpOption('--help', 'show help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => {} })
    .showHelpAfterError(false)
  program.addHelpText(
    'after',
    '\nStart with:\n  nacre ingest bulk PATH...     load a folder of Cowrie logs\n  nacre report daily            the figures of the newest day\n  nacre verify                  prove that all of it is whole\n',
  )
  // Whatever follows an unknown word is not looked at: the word is what is wrong.
  program
    .argument('[words...]')
    .allowExcessArguments(true)
    .allowUnknownOption(true)
    .configureHelp(LIST_HELP)
  program.usage('[options] [command]')
  program.action((words: string[]) => {
    const word = words.find((one) => !one.startsWith('-'))
    if (word === undefined) throw new CommanderError(2, 'commander.help', 'Say what to do.')
    throw new CommanderError(
      2,
      'commander.unknownCommand',
      `unknown command "${word.slice(0, 40)}"`,
    )
  })
  const groups = new Map<string, Commander>()
  for (const command of COMMANDS) addCommand(program, groups, command, onCommand)
  return program
}

/** Help that lists commands: their names, which is what is typed next. */
const LIST_HELP = {
  visibleArguments: () => [],
  subcommandTerm: (one: Commander) => one.name(),
}

/** As wide as the lines of options that stand above. */
const HELP_COLUMNS = 80

const GROUP_SUMMARIES: Readonly<Record<string, string>> = {
  ingest: 'load logs',
  report: 'figures of a day, an ISO week, a month or any days',
  export: 'rows for other programs',
  quarantine: 'withheld events: look, approve, reject',
  dlq: 'dead letters: what could not become events',
  rules: 'rules that score and withhold',
  geo: 'countries and networks of addresses',
  anomalies: 'hours unlike those before',
  keys: 'keys that sign and seal',
  db: 'look after the database',
  alerts: 'tell people when something is wrong',
  config: 'settings and where they come from',
  users: 'who may use the dashboard',
  tokens: 'with what programs use its API',
  evidence: 'original bytes: looked at, exported with proofs, held',
  'evidence hold': 'what must not be deleted',
  audit: 'what people and programs did',
}

function addCommand(
  program: Commander,
  groups: Map<string, Commander>,
  command: Command,
  onCommand: (parsed: Parsed) => void,
): void {
  const words = command.name.split(' ')
  let parent = program
  for (let n = 1; n < words.length; n += 1) {
    const name = words.slice(0, n).join(' ')
    let group = groups.get(name)
    if (group === undefined) {
      group = parent
        .command(words[n - 1]!)
        .description(GROUP_SUMMARIES[name] ?? '')
        .helpCommand(false)
      const made = group
      made
        .argument('[words...]')
        .allowExcessArguments(true)
        .allowUnknownOption(true)
        .configureHelp(LIST_HELP)
      made.usage('[options] [command]')
      made.action(() => {
        throw new CommanderError(
          2,
          'commander.unknownCommand',
          `the command "${name}" needs one of: ${made.commands.map((one) => one.name()).join(', ')}`,
        )
      })
      groups.set(name, group)
    }
    parent = group
  }
  const child = parent
    .command(words.at(-1)!)
    .description(command.summary)
    .allowExcessArguments(true)
  child.usage(`[options] ${command.arguments}`.trim())
  child.argument('[args...]', '')
  child.configureHelp({ visibleArguments: () => [] })
  for (const [name, spec] of Object.entries(command.options)) child.addOption(optionOf(name, spec))
  addGlobalOptions(child)
  const text = [
    command.description === undefined
      ? ''
      : `\n${child.createHelp().boxWrap(command.description.replace(/\n(?!\n)/g, ' '), HELP_COLUMNS)}\n`,
    `\nExamples:\n${command.examples.map((example) => `  nacre ${example}`).join('\n')}\n`,
  ]
  child.addHelpText('after', text.join(''))
  child.action((args: string[], values: Record<string, unknown>) => {
    const [least, most] = command.argumentCount
    if (args.length < least || args.length > most) {
      throw new CommanderError(
        2,
        'commander.argument',
        args.length < least
          ? `missing argument: ${command.name} ${command.arguments}`
          : `too many arguments: ${command.name} takes ${most === 0 ? 'none' : command.arguments}`,
      )
    }
    const options: Record<string, string | number | boolean | readonly string[] | undefined> = {}
    for (const [name, spec] of Object.entries(command.options))
      options[name] = checkedOption(name, spec, values[camelCase(name)])
    const text = (name: string): string | undefined =>
      typeof values[name] === 'string' ? values[name] : undefined
    onCommand({
      command,
      args,
      options,
      global: {
        data: text('data'),
        store: text('store'),
        jobs: options['jobs'] === undefined ? undefined : String(options['jobs']),
        ...(command.name === 'serve' ? serveOptions(options) : {}),
      },
      format: formatOf(values),
    })
  })
}

/** Options of the dashboard that are settings, too: the same ranges and one place for their values. */
function serveOptions(options: OptionValues): Record<string, string> {
  return Object.fromEntries(
    SETTINGS.flatMap(({ name, option }) => {
      const value = option === undefined ? undefined : options[option.slice('--'.length)]
      return name.startsWith('serve.') && value !== undefined ? [[name, String(value)]] : []
    }),
  )
}

/** `--json` and `--format json` are the same; with another format, `--json` would be a contradiction. */
function formatOf(values: Readonly<Record<string, unknown>>): 'text' | 'json' {
  const isJson = values['json'] === true || values['jsonl'] === true
  const { format } = values
  if (isJson && format !== undefined && format !== 'json')
    throw new CommanderError(
      2,
      'commander.invalidOption',
      `--format ${String(format)} and --json or --jsonl are two formats`,
    )
  if (values['jsonl'] === true && values['output'] !== undefined)
    throw new CommanderError(
      2,
      'commander.invalidOption',
      '--jsonl is printed, not put into a file',
    )
  return isJson || format === 'json' ? 'json' : 'text'
}

function addGlobalOptions(child: Commander): void {
  child
    .addOption(
      new Option(
        '--data <DIR>',
        'folder of configuration, keys and database (default ./nacre-data)',
      ),
    )
    .addOption(
      new Option(
        '--store <URL>',
        'database, sqlite:PATH or postgres://user@host/database (default sqlite:DATA/nacre.sqlite)',
      ),
    )
    .addOption(new Option('--json', 'print the result as one JSON document'))
    .helpOption('--help', 'show help')
}

function optionOf(name: string, spec: OptionSpec): Option {
  if (spec.type === 'boolean') return new Option(`--${name}`, spec.help)
  const option = new Option(`--${name} <${spec.value}>`, spec.help)
  if (spec.type === 'string' && spec.multiple === true)
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
  return option
}

function checkedOption(
  name: string,
  spec: OptionSpec,
  value: unknown,
): string | number | boolean | readonly string[] | undefined {
  if (value === undefined) return undefined
  if (spec.type === 'boolean') return value === true
  if (spec.type === 'string') {
    const texts = Array.isArray(value) ? (value as readonly string[]) : [String(value)]
    for (const text of texts) {
      if (spec.choices !== undefined && !spec.choices.includes(text))
        throw new CommanderError(
          2,
          'commander.invalidOption',
          `--${name} must be one of ${spec.choices.join(', ')}`,
        )
    }
    return spec.multiple === true ? texts : texts[0]
  }
  const number = /^-?\d+(\.\d+)?$/.test(String(value)) ? Number(value) : Number.NaN
  if (
    Number.isNaN(number) ||
    number < spec.min ||
    number > spec.max ||
    (spec.type === 'integer' && !Number.isInteger(number))
  ) {
    throw new CommanderError(
      2,
      'commander.invalidOption',
      `--${name} must be a ${spec.type === 'integer' ? 'whole ' : ''}number from ${spec.min} to ${spec.max}`,
    )
  }
  return number
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
