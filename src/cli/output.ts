import { isatty } from 'node:tty'
import { fit, type Paint, paintWith, type TerminalText } from '../core/terminal.ts'

export type { Paint } from '../core/terminal.ts'

/**
 * How a command speaks: results on standard output, everything else on standard error.
 *
 * The one place of the program that prints. It takes JSON documents, which escape what they hold, and text encoded for
 * a terminal; a plain string it does not take.
 */
export type Output = {
  /** The result: one JSON document with `--json` (an object, or its text), else the text. */
  result(value: object | string, render: () => TerminalText): void
  /** One document of `--jsonl`; waits while the reader is slow, so that memory stays flat. */
  line(value: object): Promise<void>
  readonly format: 'text' | 'json'
  /** A sentence for the person, on standard error. */
  note(text: TerminalText): void
  /** Replaces the progress line; only on a terminal. */
  progress(text: TerminalText): void
  readonly paint: Paint
  /** Columns of the terminal; 100 where there is none. */
  readonly width: number
}

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
  return {
    result: (value, render) => {
      clear()
      const text =
        format === 'text'
          ? render().text
          : typeof value === 'string'
            ? value
            : JSON.stringify(value)
      process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
    },
    format,
    line: async (value) => {
      if (process.stdout.write(`${JSON.stringify(value)}\n`)) return
      await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()))
    },
    note: (text) => {
      clear()
      process.stderr.write(`${text.text}\n`)
    },
    progress: (text) => {
      if (!canProgress) return
      process.stderr.write(`\r\u001b[K${fit(text, (process.stderr.columns ?? 80) - 1).text}`)
      hasProgress = true
    },
    paint: paintWith(hasColour),
    width: process.stdout.columns ?? 100,
  }
}
