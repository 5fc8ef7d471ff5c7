import type { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { defang } from '../defang.ts'
import { spellOut } from '../visible.ts'

/**
 * Text for an HTML text node, in an isolate of its own: right-to-left letters stay readable and move nothing.
 *
 * For text nodes alone. Attacker text has no place in attributes, styles, ids or class names.
 */
export const html: Composer<'html'> = makeComposer('html', {
  data: (text) => `<bdi>${escapeHtml(defang(spellOut(text, 'isolated')))}</bdi>`,
  own: (text) => escapeHtml(spellOut(text, 'line')),
})

/** @param text - any string */
export function encodeHtml(text: string | HostileText): Encoded<'html'> {
  return html.data(text)
}

/** As safe in quoted attributes as in text; the backtick was a quote for old browsers. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (found) => `&#${found.charCodeAt(0)};`)
}
