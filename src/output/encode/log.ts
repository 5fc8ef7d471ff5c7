import { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { defang } from '../defang.ts'
import { spellOut } from '../visible.ts'

/**
 * A quoted value for a log of one line a record (`key="value"`): printable ASCII alone.
 *
 * `${` is broken up, because loggers downstream may look for it (`${jndi:`), and so is `{{` of templates.
 */
export const log: Composer<'log'> = makeComposer('log', {
  data: (text) => quoted(defang(spellOut(text, 'ascii'))),
  own: (text) => quoted(spellOut(text, 'ascii')),
})

/** @param text - any string */
export function encodeLog(text: string | HostileText): Encoded<'log'> {
  return log.data(text)
}

/** A field name chosen by an attacker, as the end of a key: letters, digits and underscores, the rest in hex. */
export function encodeLogKey(name: string): Encoded<'log'> {
  const key = spellOut(name, 'ascii').replace(
    /[^A-Za-z0-9_]/g,
    (found) => `.${found.charCodeAt(0).toString(16)}.`,
  )
  return Encoded.vouch('log', key === '' ? '.' : key)
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replace(/[$%#{](?=\{)/g, (found) => `\\x${found.charCodeAt(0).toString(16)}`)}"`
}
