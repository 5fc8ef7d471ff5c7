/** The attack corpus of the outputs, and documents made of it. */
import { readFileSync } from 'node:fs'
import type { SafeText } from '../../src/core/text.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import type { OutputSpec } from '../../src/output/outputs.ts'
import { HARMLESS, probeDocument } from '../../src/output/probe.ts'

export type Payload = { readonly id: string; readonly class: string; readonly text: string }

export const PAYLOADS: readonly Payload[] = JSON.parse(
  readFileSync(new URL('../../redteam/payloads.json', import.meta.url), 'utf8'),
)

/** A payload as the store holds it, and as it must not, but might by a fault of ours. */
export const FORMS: readonly {
  readonly name: string
  readonly of: (text: string) => SafeText
}[] = [
  { name: 'in visible form', of: toVisible },
  { name: 'raw', of: (text) => text as SafeText }, // the fault that encoders have to stand
]

export function rendered(output: OutputSpec, payload: SafeText): string {
  return output.render(probeDocument(payload)).text
}

export function twinOf(output: OutputSpec): string {
  return rendered(output, HARMLESS)
}
