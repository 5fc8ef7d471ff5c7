/**
 * Judges of finished documents, one for each output; written without a look at the encoders, for tests and red teams.
 *
 * In: a document with hostile text and its benign twin. Out: problems. They promise to call a document wrong rather than
 * right where they cannot read it.
 */
import type { OutputName } from '../outputs.ts'
import { csvOracle } from './csv.ts'
import { htmlOracle } from './html.ts'
import { jsonOracle } from './json.ts'
import { logOracle, stixOracle, terminalOracle } from './lines.ts'
import { mailOracle } from './mail.ts'
import { markdownOracle } from './markdown.ts'
import type { Oracle } from './oracle.ts'
import { promptOracle } from './prompt.ts'

export type { Oracle } from './oracle.ts'

export const ORACLES: Readonly<Record<OutputName, Oracle>> = {
  text: terminalOracle,
  json: jsonOracle,
  html: htmlOracle,
  csv: csvOracle,
  markdown: markdownOracle,
  log: logOracle,
  mail: mailOracle,
  stix: stixOracle,
  prompt: promptOracle,
}
