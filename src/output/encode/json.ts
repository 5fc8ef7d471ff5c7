import type { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { spellOut } from '../visible.ts'

/**
 * A JSON string, quotes included. Exact: parsing gives the text back, nothing is defanged.
 *
 * Characters that HTML and JavaScript around the document could read are escaped.
 */
export const json: Composer<'json'> = makeComposer('json', {
  data: (text) =>
    JSON.stringify(spellOut(text, 'exact')).replace(
      /[<>&'\u007f-\uffff]/g,
      (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
})

/** @param text - any string */
export function encodeJson(text: string | HostileText): Encoded<'json'> {
  return json.data(text)
}
