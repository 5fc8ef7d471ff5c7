/** Puts a result where it was asked for: printed or in a file, in one of the formats. */
import { resolve } from 'node:path'
import type { Encoded } from '../core/encoded.ts'
import { UsageError } from '../core/errors.ts'
import type { TerminalText } from '../core/terminal.ts'
import type { SafeText } from '../core/text.ts'
import { type Document, label } from '../output/document.ts'
import { terminal } from '../output/encode/terminal.ts'
import { OUTPUT_NAMES } from '../output/names.ts'
import type { Level } from '../redact/levels.ts'
import type { App } from './app.ts'
import type { OptionSpec, OptionValues } from './command.ts'
import { writeNew } from './write-file.ts'

/** Formats by every name that they may be asked for. */
export const FORMATS: readonly string[] = [...OUTPUT_NAMES, 'md']

/** Options of commands that can give a document. */
export const DELIVERY_OPTIONS: Readonly<Record<'format' | 'output' | 'force', OptionSpec>> = {
  format: {
    type: 'string',
    value: 'FORMAT',
    choices: FORMATS,
    help: 'how it is written (default text; json is --json, md is markdown)',
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
  /** A page of its own, in place of the document as HTML; what has one can be printed as PDF, too. */
  readonly page?: () => Promise<Encoded<'html'>>
}

/** The forms of a result that was redacted, each saying to which level. */
export function redactedForms(level: Level, forms: Forms): Forms {
  return {
    ...forms,
    text: () =>
      level === 'internal'
        ? forms.text()
        : terminal`Redacted for: ${terminal.own(level)}\n\n${forms.text()}`,
    json: () => {
      const json = forms.json()
      return typeof json === 'string'
        ? `{"redaction":"${level}",${json.slice(1)}`
        : { redaction: level, ...json }
    },
    document: () => {
      const document = forms.document()
      const fact = { name: 'redaction', cell: label(level) }
      return { ...document, facts: [fact, ...document.facts] }
    },
  }
}

/** @throws UsageError when the file is there already, or cannot be written */
export async function deliver(app: App, options: OptionValues, forms: Forms): Promise<void> {
  const file = options['output']
  const given = options['format'] === 'md' ? 'markdown' : options['format']
  const format = app.out.format === 'json' ? 'json' : (given ?? 'text')
  if (format === 'pdf') {
    await deliverPdf(app, options, forms)
    return
  }
  if (typeof file !== 'string') {
    if (format === 'json') app.out.result(forms.json(), forms.text)
    else if (format === 'text') app.out.result({}, forms.text)
    else app.out.document(await rendered(app, String(format), forms))
    return
  }
  const json = format === 'json' ? forms.json() : undefined
  const content =
    json === undefined
      ? (await rendered(app, String(format), forms)).text
      : `${typeof json === 'string' ? json : JSON.stringify(json)}\n`
  await writeNew(resolve(file), content, options['force'] === true)
  app.out.note(terminal`Wrote ${terminal.own(file)}.`)
}

/** @throws UsageError; PdfError */
async function deliverPdf(app: App, options: OptionValues, { page }: Forms): Promise<void> {
  const file = options['output']
  if (typeof file !== 'string' || page === undefined)
    throw new UsageError('USAGE_BAD_OPTION', 'A PDF is written to a file.', {
      hint: 'Name one with --output FILE.',
    })
  const { findChromium } = await import('./chromium.ts')
  const { printPdf } = await import('./print-pdf.ts')
  const { pdf, missing } = await printPdf(await page(), {
    chromium: await findChromium(app.settings.chromium, process.env),
    timeoutMs: app.settings.pdfMs,
    signal: app.signal,
  })
  await writeNew(resolve(file), pdf, options['force'] === true)
  for (const wall of missing)
    app.out.note(
      terminal`The browser that printed had no protection of one kind: ${terminal.own(wall)}.`,
    )
  app.out.note(terminal`Wrote ${terminal.own(file)}.`)
}

async function rendered(app: App, format: string, forms: Forms) {
  if (format === 'html' && forms.page !== undefined) return forms.page()
  const { outputNamed } = await import('../output/outputs.ts')
  const options = format === 'prompt' ? { isWithheld: await instructsReaders(app) } : {}
  return outputNamed(format).render(forms.document(), options)
}

/** Whether the rules say that a text tries to instruct the language model that reads it. */
async function instructsReaders(app: App): Promise<(text: SafeText) => boolean> {
  const { fromVisible } = await import('../neutralize/visible.ts')
  const rules = await app.ruleSet()
  return (text) =>
    rules.match(fromVisible(text), 'text').rules.some((rule) => rule.startsWith('hazard.prompt.'))
}
