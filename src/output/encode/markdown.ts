import type { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { defang } from '../defang.ts'
import { spellOut } from '../visible.ts'

/**
 * Text for Markdown, GitHub's included: code spans, in which there is no link, emphasis, HTML, mention or reference.
 *
 * Backticks and bars stand between the spans as character references, so that every span is closed by one backtick
 * and no cell of a table ends early, whatever stands before them.
 */
export const markdown: Composer<'markdown'> = makeComposer('markdown', {
  data: (text) => codeOf(defang(spellOut(text, 'line'))),
  own: (text) => spellOut(text, 'line').replace(/[!-/:-@[-`{-~]/g, '\\$&'),
})

/** @param text - any string */
export function encodeMarkdown(text: string | HostileText): Encoded<'markdown'> {
  return markdown.data(text)
}

function codeOf(text: string): string {
  return text
    .split(/([`|])/)
    .map((part) => {
      if (part === '') return ''
      if (part === '`' || part === '|') return `&#${part.charCodeAt(0)};`
      // A span with blanks at both ends loses one at each (CommonMark, 6.1), unless it is blank all over.
      return part.startsWith(' ') && part.endsWith(' ') && part.trim() !== ''
        ? `\` ${part} \``
        : `\`${part}\``
    })
    .join('')
}
