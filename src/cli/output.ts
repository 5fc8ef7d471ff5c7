import { isatty } from 'node:tty'
import type { Paint } from '../core/terminal.ts'

/** How a command speaks: results on standard output, everything else on standard error. */
export type { Paint }

export type Output = {
  /** The result: one JSON document with `--json` (an object, or its text), else the text. */
  result(value: object | string, render: () => string): void
  /** One document of `--jsonl`; waits while the reader is slow, so that memory stays flat. */
  line(value: object): Promise<void>
  readonly format: 'text' | 'json'
  /** A sentence for the person, on standard error. */
  note(text: string): void
  /** Replaces the progress line; only on a terminal. */
  progress(text: string): void
  readonly paint: Paint
  /** Columns of the terminal; 100 where there is none. */
  readonly width: number
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
  magenta: [35, 39],
} as const

// Log text arrives in visible form, so what is taken out here can only be a fault of ours; nothing hostile gets past it.
const UNSAFE = /(?!\u001b\[[0-9;]*m)[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g

export function createOutput(
  format: 'text' | 'json',
  environment: Readonly<Record<string, string | undefined>>,
): Output {
  const isTerminal = isatty(1)
  const hasColour =
    isTerminal && environment['NO_COLOR'] === undefined && environment['TERM'] !== 'dumb'
  const canProgress = isatty(2) && environment['TERM'] !== 'dumb'
  let hasProgress = false
  const clear = (): void => {
    if (hasProgress) process.stderr.write('\r\u001b[K')
    hasProgress = false
  }
  const write = (text: string): void => {
    clear()
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  }
  const speak = (value: object | string, render: () => string): void =>
    write(
      format === 'json'
        ? typeof value === 'string'
          ? value
          : JSON.stringify(value)
        : render().replace(UNSAFE, ''),
    )
  return {
    result: speak,
    format,
    line: async (value) => {
      if (process.stdout.write(`${JSON.stringify(value)}\n`)) return
      await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()))
    },
    note: (text) => {
      clear()
      process.stderr.write(`${text.replace(UNSAFE, '')}\n`)
    },
    progress: (text) => {
      if (!canProgress) return
      process.stderr.write(
        `\r\u001b[K${text.replace(UNSAFE, '').slice(0, (process.stderr.columns ?? 80) - 1)}`,
      )
      hasProgress = true
    },
    paint: paintWith(hasColour),
    width: process.stdout.columns ?? 100,
  }
}

export function paintWith(hasColour: boolean): Paint {
  const entries = Object.entries(CODES).map(([style, [on, off]]) => [
    style,
    (text: string) => (hasColour ? `\u001b[${on}m${text}\u001b[${off}m` : text),
  ])
  return Object.fromEntries(entries) as Paint // one entry for each style of the table
}
