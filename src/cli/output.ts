import { isatty } from 'node:tty'
import type { Encoded } from '../core/encoded.ts'
import { fit, type Paint, paintWith, type TerminalText } from '../core/terminal.ts'

import { escapeJson } from '../output/encode/json.ts'

export type { Paint } from '../core/terminal.ts'

/**
 * How a command speaks: results on standard output, everything else on standard error.
 *
 * The one place of the program that prints. It takes JSON documents, in which it escapes what could harm a terminal, and
 * text encoded for a terminal; a plain string it does not take.
 */
export type Output = {
  /** The result: one JSON document with `--json` (an object, or its text), else the text. */
  result(value: object | string, render: () => TerminalText): void
  /** A document that was made for another reader than the terminal, as it is. */
  document(document: Encoded): void
  /** A piece of a long document; waits while the reader is slow, so that memory stays flat. */
  piece(document: Encoded): Promise<void>
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
      const text = format === 'text' ? render().text : jsonText(value)
      process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
    },
    document: (document) => {
      clear()
      process.stdout.write(document.text)
    },
    format,
    piece: (document) => {
      clear()
      return written(document.text)
    },
    line: (value) => written(`${jsonText(value)}\n`),
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

async function written(text: string): Promise<void> {
  if (process.stdout.write(text)) return
  await new Promise<void>((resolve) => {
    const go = (): void => {
      process.stdout.off('drain', go)
      process.stdout.off('close', go)
      resolve()
    }
    // A stream that failed is closed, and never drains.
    process.stdout.on('drain', go)
    process.stdout.on('close', go)
  })
}

/** A JSON document as it is printed. @param value - an object, or its JSON text */
export function jsonText(value: object | string): string {
  return escapeJson(typeof value === 'string' ? value : JSON.stringify(value))
}
