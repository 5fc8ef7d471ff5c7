import { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { defang } from '../defang.ts'
import { spellOut } from '../visible.ts'

/** Stands for every blank of attacker text: a model can tell each word of it from instructions (datamarking). */
export const DATA_MARK = '^'

/** Stands for a text that rules found to speak to a model. */
export const WITHHELD = '(withheld: speaks to the reader)'

/**
 * Text for a language model: a JSON string of printable ASCII, blanks replaced by a mark, cut at a length, defanged.
 *
 * It lowers the chance that a model follows what it reads; nothing makes that chance zero. What a model says about such
 * text is not to be acted upon unread.
 */
export const prompt: Composer<'prompt'> = makeComposer('prompt', {
  data: marked,
  own: (text) => asciiJson(text),
})

/**
 * @param text - any string
 * @param options.isWithheld - rules say that it tries to instruct its reader: only its length is told
 * @param options.charsMax - longer text is cut, and the cut told
 */
export function encodePrompt(
  text: string | HostileText,
  options: { readonly isWithheld?: boolean; readonly charsMax?: number } = {},
): Encoded<'prompt'> {
  if (options.isWithheld === true) return Encoded.vouch('prompt', asciiJson(WITHHELD))
  const { charsMax } = options
  if (charsMax === undefined || typeof text !== 'string' || text.length <= charsMax)
    return prompt.data(text)
  return prompt.data(text.slice(0, charsMax))
}

function marked(text: string): string {
  const isLong = text.length > LIMITS.promptTextCharsMax
  const shown = defang(spellOut(isLong ? text.slice(0, LIMITS.promptTextCharsMax) : text, 'line'))
  return asciiJson(
    shown.replaceAll(' ', DATA_MARK) + (isLong ? `${DATA_MARK}(cut:${text.length})` : ''),
  )
}

/** Every character that is not plain is escaped, so that no fence, tag, quote or look-alike stands in the prompt. */
function asciiJson(text: string): string {
  return JSON.stringify(spellOut(text, 'exact')).replace(
    /[<>&`\u007f-\uffff]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
