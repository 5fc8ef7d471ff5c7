import type { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { defang } from '../defang.ts'
import { spellOut } from '../visible.ts'

/**
 * Text for a terminal: one line without control characters, colours or moves of the cursor.
 *
 * Right-to-left letters are spelled out, because terminals reorder whole lines by them; marks are bounded.
 */
export const terminal: Composer<'terminal'> = makeComposer('terminal', {
  data: (text) => defang(spellOut(text, 'line')),
  own: (text) => spellOut(text, 'line'),
})

/** @param text - any string */
export function encodeTerminal(text: string | HostileText): Encoded<'terminal'> {
  return terminal.data(text)
}

/** Lines of the program or the operator, such as a help text or a stack; each is encoded. */
export function ownLines(text: string): Encoded<'terminal'> {
  return terminal.join(text.split('\n').map(terminal.own), '\n')
}
