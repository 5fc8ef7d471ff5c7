import { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { defang } from '../defang.ts'
import { spellOut } from '../visible.ts'

/**
 * Text for an HTML text node, in an isolate of its own: right-to-left letters stay readable and move nothing.
 *
 * For text nodes alone. Attacker text has no place in styles, ids or class names; for attributes see below.
 */
export const html: Composer<'html'> = makeComposer('html', {
  data: (text) => `<bdi>${escapeHtml(defang(spellOut(text, 'isolated')))}</bdi>`,
  own: (text) => escapeHtml(spellOut(text, 'line')),
})

/** @param text - any string */
export function encodeHtml(text: string | HostileText): Encoded<'html'> {
  return html.data(text)
}

/**
 * The value of an attribute that only holds text (`value`, `aria-label`), to stand between double quotes. Exact: what
 * a person typed into a field comes back as it was, so it is not defanged.
 *
 * @param text - any string, but no address and no script: see `htmlHref`
 */
export function htmlAttribute(text: string): Encoded<'html'> {
  return Encoded.vouch('html', escapeHtml(spellOut(text, 'exact')))
}

/**
 * An address within this server for `href` and `action`, to stand between double quotes: always a path, so that no text
 * can name another scheme or host.
 *
 * @param segments - of the path, each encoded; at least one
 * @param query - names and values, encoded; undefined ones are left out
 */
export function htmlHref(
  segments: readonly string[],
  query: Readonly<Record<string, string | number | undefined>> = {},
): Encoded<'html'> {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${urlPart(name)}=${urlPart(String(value))}`],
  )
  const path = `/${segments.map(urlSegment).join('/')}`
  return Encoded.vouch('html', escapeHtml(pairs.length === 0 ? path : `${path}?${pairs.join('&')}`))
}

/** Dots alone would climb up the path, also when they are encoded once: they get a layer more, which `ownSegment` undoes. */
function urlSegment(text: string): string {
  return urlPart(
    /^(?:\.|%(?:25)*2E){1,2}$/.test(text)
      ? text.replaceAll('%', '%25').replaceAll('.', '%2E')
      : text,
  )
}

/** The segment that `htmlHref` was given. @param text - of a path, decoded */
export function ownSegment(text: string): string {
  return /^(?:%(?:25)*2E){1,2}$/.test(text) ? decodeURIComponent(text) : text
}

function urlPart(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

/** As safe in quoted attributes as in text; the backtick was a quote for old browsers. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (found) => `&#${found.charCodeAt(0)};`)
}

/** Names of control characters that people know. */
const CONTROLS: Readonly<Record<string, string>> = {
  '00': 'NUL',
  '07': 'BEL',
  '08': 'BS',
  '09': 'TAB',
  '0A': 'LF',
  '0D': 'CR',
  '1B': 'ESC',
  '7F': 'DEL',
}

/**
 * Attacker text as people look at it: monospace, marked as such, with escapes of the visible form boxed. For text
 * nodes; needs the classes `atk` and `esc`.
 *
 * @param text - in visible form
 */
export function attackHtml(text: string): Encoded<'html'> {
  const shown = escapeHtml(defang(spellOut(text, 'isolated'))).replace(
    /(\\+)([ub])\{([0-9A-F]{2,6})\}/g,
    (whole, slashes: string, kind: string, code: string) =>
      // An even number of backslashes was typed: no escape.
      slashes.length % 2 === 0
        ? whole
        : `${slashes.slice(1)}<span class="esc">${kind === 'b' ? code : (CONTROLS[code] ?? `U+${code}`)}</span>`,
  )
  return Encoded.vouch('html', `<code class="atk" dir="ltr"><bdi>${shown}</bdi></code>`)
}
