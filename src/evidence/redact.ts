/** Takes lines out of a package. What proves their places stays, and with it the proofs of all others. */
import { EvidenceError, UsageError } from '../core/errors.ts'
import { formatInstant, type InstantUs } from '../core/instant.ts'
import { toVisible } from '../neutralize/visible.ts'
import { NAMES, recordFile } from './format.ts'
import { openPackage, verifyPackage } from './verify.ts'
import { packZip, withManifest } from './zip.ts'

export type Redaction = {
  /** Numbers of lines, from 1. */
  readonly lines: readonly number[]
  readonly reason: string
  readonly nowUs: InstantUs
}

/**
 * A package without some of its lines, and without the views of the sessions that repeat them.
 *
 * Lines that are withheld already stay so. The reason is kept, not proven: whoever has a package can redact it.
 *
 * @throws EvidenceError `EVIDENCE_NO_REASON`, `EVIDENCE_BAD_PACKAGE`; UsageError for a line that is not there
 */
export function redactPackage(zip: Uint8Array, redaction: Redaction): Generator<Uint8Array> {
  const { nowUs } = redaction
  const reason = toVisible(redaction.reason.trim())
  if (reason === '')
    throw new EvidenceError('EVIDENCE_NO_REASON', 'Lines are withheld for a stated reason only.', {
      hint: 'Say why with --reason TEXT; it is kept in the package.',
    })
  const verdict = verifyPackage(zip)
  if (!verdict.ok)
    throw new EvidenceError('EVIDENCE_BAD_PACKAGE', 'The package does not hold.', {
      hint: '"nacre evidence verify FILE" says what is wrong with it.',
    })
  const { files, manifest, statement } = openPackage(zip)
  const out = new Set(manifest.withheld.map((one) => one.file))
  const withheld = [...manifest.withheld]
  for (const line of redaction.lines) {
    if (line < 1 || line > verdict.records)
      throw new UsageError('USAGE_BAD_OPTION', `The package has no line ${line}.`, {
        hint: `Its lines are numbered from 1 to ${verdict.records}.`,
      })
    const file = recordFile(line)
    if (out.has(file)) continue
    out.add(file)
    withheld.push({ file, reason, at: formatInstant(nowUs) })
  }
  const views = statement.sessions
    .filter((one) => one.records.some((line) => out.has(recordFile(line))))
    .map((one) => one.file)
  const gone = new Set([NAMES.manifest, ...out, ...views])
  const left = [...files]
    .filter(([name]) => !gone.has(name))
    .map(([name, bytes]) => ({ name, bytes }))
  withheld.sort((a, b) => (a.file < b.file ? -1 : 1))
  return packZip(withManifest(left, { program: manifest.program, withheld }))
}
