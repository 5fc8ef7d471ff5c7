import type { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { spellOut } from '../visible.ts'

/**
 * A string literal of a STIX 2.1 pattern, quotes included. Exact: nothing is defanged, for a pattern has to match.
 *
 * Quote and backslash are escaped (STIX 2.1, 9.1); hostile characters stand in their visible form.
 */
export const stix: Composer<'stix'> = makeComposer('stix', {
  data: (text) => `'${spellOut(text, 'exact').replace(/['\\]/g, '\\$&')}'`,
})

/** @param text - any string */
export function encodeStix(text: string | HostileText): Encoded<'stix'> {
  return stix.data(text)
}
