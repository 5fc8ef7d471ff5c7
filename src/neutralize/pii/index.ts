/**
 * Takes personal data out of the view.
 *
 * In: a record as it was read. Out: the same record with `[email redacted]` where something was found, and how often.
 * Promises: nothing that a detector found is left in the texts it may look at; a second pass changes nothing.
 * Refuses: to go on when a detector fails; what no detector looked at is not stored.
 */
import { RedactionError } from '../../core/errors.ts'
import { card } from './card.ts'
import type { Detector } from './detector.ts'
import { email } from './email.ts'
import { phone } from './phone.ts'
import { loadPlugin } from './plugins.ts'
import { Redactor } from './redactor.ts'

export type { Detector, Range } from './detector.ts'
export { notesOf, type RedactionCount, redactionsIn, wrongTypesIn } from './notes.ts'
export { type Redaction, Redactor, STRUCTURAL_FIELDS } from './redactor.ts'

/** What a redactor is made from; can be handed to another thread. */
export type RedactionPlan = {
  /** Names of detectors of ours. */
  readonly detectors: readonly string[]
  /** URLs of the files of further ones. */
  readonly plugins: readonly string[]
}

export const DETECTORS: Readonly<Record<string, Detector>> = { email, phone, card }

/**
 * Makes what takes personal data out.
 *
 * @returns undefined where no detector is asked for: then nothing is looked at
 * @throws RedactionError `PII_PLUGIN_UNUSABLE`
 */
export async function makeRedactor(plan: RedactionPlan): Promise<Redactor | undefined> {
  const detectors = Object.values(DETECTORS).filter(({ name }) => plan.detectors.includes(name))
  for (const url of plan.plugins) {
    const plugin = await loadPlugin(url)
    if (plugin.name in DETECTORS || detectors.some(({ name }) => name === plugin.name))
      throw new RedactionError(
        'PII_PLUGIN_UNUSABLE',
        `Two detectors have the name ${plugin.name}.`,
        { hint: 'Give the plug-in a name of its own.' },
      )
    detectors.push(plugin)
  }
  return detectors.length === 0 ? undefined : new Redactor(detectors)
}
