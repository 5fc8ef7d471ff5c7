/** Puts a result where it was asked for: printed or in a file, in one of the formats. */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from '../core/errors.ts'
import type { TerminalText } from '../core/terminal.ts'
import type { Document } from '../output/document.ts'
import { terminal } from '../output/encode/terminal.ts'
import { OUTPUT_NAMES } from '../output/names.ts'
import type { App } from './app.ts'
import type { OptionSpec, OptionValues } from './command.ts'

/** Options of commands that can give a document. */
export const DELIVERY_OPTIONS: Readonly<Record<'format' | 'output' | 'force', OptionSpec>> = {
  format: {
    type: 'string',
    value: 'FORMAT',
    choices: OUTPUT_NAMES,
    help: 'how it is written (default text; json is --json)',
  },
  output: { type: 'string', value: 'FILE', help: 'into this new file, for its owner alone' },
  force: { type: 'boolean', help: 'replace the file of --output' },
}

/** One result in its forms; only the one that is asked for is made. */
export type Forms = {
  /** For the terminal of a person: may leave out what does not fit. */
  readonly text: () => TerminalText
  /** The document of `--json`. */
  readonly json: () => object | string
  /** All of it, for every other format. */
  readonly document: () => Document
}

/** @throws UsageError when the file is there already, or cannot be written */
export async function deliver(app: App, options: OptionValues, forms: Forms): Promise<void> {
  const file = options['output']
  const format = app.out.format === 'json' ? 'json' : (options['format'] ?? 'text')
  if (typeof file !== 'string') {
    if (format === 'json') app.out.result(forms.json(), forms.text)
    else if (format === 'text') app.out.result({}, forms.text)
    else app.out.document(await rendered(String(format), forms))
    return
  }
  const json = format === 'json' ? forms.json() : undefined
  const content =
    json === undefined
      ? (await rendered(String(format), forms)).text
      : `${typeof json === 'string' ? json : JSON.stringify(json)}\n`
  writeNew(resolve(file), content, options['force'] === true)
  app.out.note(terminal`Wrote ${terminal.own(file)}.`)
}

async function rendered(format: string, forms: Forms) {
  const { outputNamed } = await import('../output/outputs.ts')
  return outputNamed(format).render(forms.document())
}

/** Never through a link that someone laid there: a new file, or one that takes the place of the old. */
function writeNew(path: string, content: string, isForced: boolean): void {
  const target = isForced ? `${path}.${process.pid}.partial` : path
  try {
    writeFileSync(target, content, { mode: 0o600, flag: 'wx' })
    if (isForced) renameSync(target, path)
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    if (isForced) rmSync(target, { force: true })
    throw new UsageError(
      'USAGE_BAD_OPTION',
      isThere ? `${path} is there already.` : `${path} cannot be written.`,
      {
        hint: isThere
          ? 'Name another file with --output, or add --force to replace this one.'
          : 'Name a file in a folder that you may write to.',
        cause,
      },
    )
  }
}
