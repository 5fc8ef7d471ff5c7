/**
 * Makes `docs/reference/cli.md` from the commands of the program.
 *
 * Run `node tools/make-cli-page.ts` after a change of a command; a test compares the two.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, EXIT, type OptionSpec } from '../src/cli/command.ts'
import { COMMANDS } from '../src/cli/commands/index.ts'

const STATUSES: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done; dead letters, torn ends and foreign files alone do not change that',
  failed: 'failed, or some input could not be opened',
  usage: 'wrong usage',
  tampered: 'verification or the check of the file found a mismatch',
  held: 'done, but something is held for review',
  interrupted: 'stopped by SIGINT, at a batch boundary',
  terminated: 'stopped by SIGTERM, at a batch boundary',
}

/** The page as Markdown. */
export function makeCliPage(): string {
  const lines = [
    '# Command line',
    '',
    'Look up here what each command does, what it takes, and what to type. `nacre COMMAND --help` says the same.',
    '',
    '_Made from `src/cli/commands/` by `tools/make-cli-page.ts`: change the commands, not this page._',
    '',
    '## Options of every command',
    '',
    '| Option | Meaning |',
    '|---|---|',
    '| `--data DIR` | folder of configuration, keys and database (default `./nacre-data`) |',
    '| `--store URL` | database, `sqlite:PATH` or `postgres://user@host/database` (default `sqlite:DATA/nacre.sqlite`) |',
    '| `--json` | print the result as one JSON document |',
    '| `--help` | show help |',
    '',
    'The result goes to standard output, everything else to standard error.',
    '',
    '## Exit status',
    '',
    '| Status | Meaning |',
    '|---|---|',
    ...Object.entries(EXIT).map(
      ([name, status]) => `| ${status} | ${STATUSES[name as keyof typeof EXIT]} |`, // the keys of EXIT
    ),
    '',
    '## Commands',
    '',
    '| Command | Does |',
    '|---|---|',
    ...COMMANDS.map(
      (one) => `| [${one.name}](#${anchorOf(one)}) | ${escapeCell(sentence(one.summary))} |`,
    ),
  ]
  for (const command of COMMANDS) lines.push('', ...section(command))
  return `${lines.join('\n')}\n`
}

function section(command: Command): string[] {
  const usage = ['nacre', command.name, '[options]', command.arguments]
  const lines = [`### nacre ${command.name}`, '', sentence(command.summary), '']
  lines.push('```', usage.filter((word) => word !== '').join(' '), '```')
  if (command.description !== undefined) lines.push('', command.description)
  const options = Object.entries(command.options)
  if (options.length > 0) {
    lines.push('', '| Option | Meaning |', '|---|---|')
    for (const [name, spec] of options) {
      lines.push(`| \`${optionText(name, spec)}\` | ${escapeCell(meaningOf(spec))} |`)
    }
  }
  lines.push('', 'Examples:', '', '```')
  lines.push(...command.examples.map((example) => `nacre ${example}`), '```')
  return lines
}

function optionText(name: string, spec: OptionSpec): string {
  return spec.type === 'boolean' ? `--${name}` : `--${name} ${spec.value}`
}

function meaningOf(spec: OptionSpec): string {
  if (spec.type === 'integer' || spec.type === 'number') {
    return `${spec.help}; ${spec.min} to ${spec.max}`
  }
  if (spec.type === 'boolean') return spec.help
  const choices = spec.choices === undefined ? '' : `; one of ${spec.choices.join(', ')}`
  return `${spec.help}${choices}${spec.multiple === true ? '; may be given several times' : ''}`
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}

function anchorOf(command: Command): string {
  return `nacre-${command.name.replaceAll(' ', '-')}`
}

function escapeCell(text: string): string {
  return text.replace(/[|<]/g, '\\$&')
}

if (import.meta.main) {
  writeFileSync(join(import.meta.dirname, '../docs/reference/cli.md'), makeCliPage())
}
