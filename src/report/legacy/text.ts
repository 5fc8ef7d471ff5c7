/** Reports in the text of the predecessors: their layout, every text encoded for a terminal (docs/legacy-formats.md). */
import { isIP } from 'node:net'
import { formatInstant } from '../../core/instant.ts'
import { pad, type TerminalText } from '../../core/terminal.ts'
import type { SafeText } from '../../core/text.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { CommandCounts } from './counts.ts'
import type { LegacySession, LegacyTransfer } from './session.ts'

const RULE = [terminal.own('X'.repeat(72)), terminal.own('X'.repeat(30))]

/** One session, with the empty lines and the rule that set it apart from the next. */
export function sessionBlock(one: LegacySession): TerminalText {
  const lines = [
    fact('Session', terminal.data(one.session)),
    fact('Session Duration', durationOf(one)),
    fact('Protocol', one.protocol === null ? terminal`unknown` : terminal.data(one.protocol)),
    fact('Username', known(one.username)),
    fact('Password', known(one.password)),
    fact('Timestamp', terminal.own(formatInstant(one.loginUs))),
    fact('Source IP Address', address(one.srcIp)),
    ...transfers('Download', one.downloads),
    ...transfers('Upload', one.uploads),
    terminal``,
    terminal`////////////////// COMMANDS ATTEMPTED //////////////////`,
    terminal``,
    ...one.commands.map((command) => terminal`# ${command}`),
    terminal``,
    terminal``,
    ...RULE,
    terminal``,
    terminal``,
  ]
  return terminal.join(lines, '\n')
}

function fact(name: string, value: TerminalText): TerminalText {
  return terminal`${pad(terminal.own(name), 30, 'right')}  ${pad(value, 50)}`
}

function durationOf({ durationMs }: LegacySession): TerminalText {
  return durationMs === null ? terminal`unknown` : terminal.own((durationMs / 1000).toFixed(1))
}

function known(text: SafeText): TerminalText {
  return text === '' ? terminal`unknown` : terminal.data(text)
}

/** Exact where it is an address: scripts look it up. */
function address(text: SafeText): TerminalText {
  return isIP(text) === 0 ? known(text) : terminal.own(text)
}

function transfers(name: 'Download' | 'Upload', all: readonly LegacyTransfer[]): TerminalText[] {
  if (all.length === 0) return []
  return [
    terminal``,
    terminal`------------------- ${terminal.own(name.toUpperCase())} DATA -------------------`,
    ...all
      .filter(({ shasum }) => shasum !== '')
      .flatMap(({ url, shasum, file }) => [
        terminal``,
        fact(`${name} URL`, urlText(url)),
        fact(`${name} SHA-256 Hash`, terminal.data(shasum)),
        fact('Destination File', terminal.data(file)),
      ]),
  ]
}

/** As the predecessors defanged: every dot, and what follows the scheme. */
function urlText(url: SafeText): TerminalText {
  return /^(?:https?|t?ftp):\/\/[\x21-\x7e]*$/i.test(url)
    ? terminal.own(url.replaceAll('.', '[.]').replaceAll('://', '[://]'))
    : terminal.data(url)
}

/**
 * The summary at the end of a report.
 *
 * @param uncommon - ids of the sessions with an uncommon number of commands, in their order
 */
export function summaryText(counts: CommandCounts, uncommon: readonly SafeText[]): TerminalText {
  const indent = terminal.own(' '.repeat(42))
  const ids = uncommon.map((id) => terminal`${indent}${pad(terminal.data(id), 10)}`)
  const lines = [
    terminal`                Total Number of Attacks:  ${left(counts.sessions)}`,
    terminal`         Most Common Number of Commands:  ${left(counts.mostCommon ?? 'N/A')}`,
    terminal``,
    terminal`                      Number of Commands  Times Seen`,
    terminal`                      ------------------  ----------`,
    ...counts
      .entries()
      .map(
        ([commands, sessions]) =>
          terminal`${pad(terminal`${commands}`, 40, 'right')}  ${left(sessions)}`,
      ),
    terminal``,
    ...heading('VT Classifications', 48),
    terminal``,
    ...heading('Attacks With Uncommon Command Counts', 60),
    ...ids,
    terminal``,
    ...heading('Attacks With Recent VT First Submission', 60),
    terminal``,
    ...heading('Abnormal Attacks', 50),
    ...ids,
    terminal``,
    terminal``,
    terminal``,
  ]
  return terminal.join(lines, '\n')
}

function left(value: number | 'N/A'): TerminalText {
  return pad(terminal.own(String(value)), 10)
}

/** @param end - column that it ends at */
function heading(title: string, end: number): TerminalText[] {
  return [title, '-'.repeat(title.length)].map((text) => pad(terminal.own(text), end, 'right'))
}
