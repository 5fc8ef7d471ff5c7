import { Encoded } from '../../core/encoded.ts'
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

const HOSTILE =
  /[<>&\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu

/**
 * A JSON document without a hostile character: those that `JSON.stringify` leaves (C1, bidi, invisible, what a page
 * around it would read as HTML) are escaped.
 *
 * The value stays the same. Such characters stand in strings alone, for no other part of JSON has any.
 *
 * @param document - as `JSON.stringify` without indent prints it
 */
export function escapeJson(document: string): string {
  return document.replace(HOSTILE, (found) =>
    found.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}

/** A whole document on one line. @param document - an object, or its JSON text without indent */
export function jsonLine(document: object | string): Encoded<'json'> {
  const text = typeof document === 'string' ? document : JSON.stringify(document)
  return Encoded.vouch('json', `${escapeJson(text)}\n`)
}
