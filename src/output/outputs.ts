/** Every way out for a document. What is not listed here does not exist: a test compares the list with the renderers. */
import type { Context, Encoded } from '../core/encoded.ts'
import type { SafeText } from '../core/text.ts'
import type { Document } from './document.ts'
import { renderCsv } from './render/csv.ts'
import { renderHtml } from './render/html.ts'
import { renderJson } from './render/json.ts'
import { renderLog } from './render/log.ts'
import { renderMail } from './render/mail.ts'
import { renderMarkdown } from './render/markdown.ts'
import { renderPrompt } from './render/prompt.ts'
import { renderStix } from './render/stix.ts'
import { renderTerminal } from './render/terminal.ts'

export type RenderOptions = {
  /** Whether rules say that a text tries to instruct its reader: a prompt then tells that it was withheld. */
  readonly isWithheld?: (text: SafeText) => boolean
}

export type OutputName =
  | 'text'
  | 'json'
  | 'html'
  | 'csv'
  | 'markdown'
  | 'log'
  | 'mail'
  | 'stix'
  | 'prompt'

export type OutputSpec = {
  readonly name: OutputName
  /** Contexts that attacker text is encoded for in it. */
  readonly contexts: readonly Context[]
  /** The renderer's file in `render/`, without its ending. */
  readonly file: string
  /** One line about it, for the help. */
  readonly summary: string
  /** Bytes to write: `.text`, as UTF-8. */
  readonly render: (document: Document, options?: RenderOptions) => Encoded
}

export const OUTPUTS: readonly OutputSpec[] = [
  {
    name: 'text',
    contexts: ['terminal'],
    file: 'terminal',
    summary: 'for a terminal',
    render: renderTerminal,
  },
  {
    name: 'json',
    contexts: ['json'],
    file: 'json',
    summary: 'one document for machines, texts exact',
    render: renderJson,
  },
  {
    name: 'html',
    contexts: ['html'],
    file: 'html',
    summary: 'one page that loads and runs nothing',
    render: renderHtml,
  },
  { name: 'csv', contexts: ['csv'], file: 'csv', summary: 'for a spreadsheet', render: renderCsv },
  {
    name: 'markdown',
    contexts: ['markdown'],
    file: 'markdown',
    summary: 'for a wiki or an issue',
    render: renderMarkdown,
  },
  {
    name: 'log',
    contexts: ['log'],
    file: 'log',
    summary: 'one line an event',
    render: renderLog,
  },
  {
    name: 'mail',
    contexts: ['mail', 'mail-header'],
    file: 'mail',
    summary: 'a message of plain text',
    render: renderMail,
  },
  {
    name: 'stix',
    contexts: ['stix'],
    file: 'stix',
    summary: 'patterns of observables, texts exact',
    render: renderStix,
  },
  {
    name: 'prompt',
    contexts: ['prompt'],
    file: 'prompt',
    summary: 'fenced and marked for a language model',
    render: renderPrompt,
  },
]

/** @throws TypeError for a name that is none */
export function outputNamed(name: string): OutputSpec {
  const found = OUTPUTS.find((output) => output.name === name)
  if (found === undefined) throw new TypeError(`no output ${name}`)
  return found
}
