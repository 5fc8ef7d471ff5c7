import { firstDifference, hostileCharacters, type Oracle } from './oracle.ts'

const TAGS = /^(?:html|head|meta|title|style|body|h1|h2|p|table|thead|tbody|tr|th|td|bdi)$/
const ATTRIBUTES = /^(?:lang|charset|name|content|http-equiv|class)$/

/**
 * Reads a document with a tokenizer that knows less than any browser: what it cannot read is a problem.
 *
 * Tags and attributes must be those of the twin, in the same order; texts may differ, and hold no raw `<`, `>`, `"`, `'`.
 */
export const htmlOracle: Oracle = (document, twin) => {
  const problems = hostileCharacters(document, '\n')
  const own = tokens(document, problems)
  return [...problems, ...firstDifference('token', own, tokens(twin, []))]
}

function tokens(document: string, problems: string[]): string[] {
  const found: string[] = []
  const pattern =
    /<!doctype html>|<style>([^<]*)<\/style>|<(\/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*")*)>|([^<>]+)|([<>])/gy
  for (const match of document.matchAll(pattern)) {
    const [whole, style, slash, tag, attributes, text, stray] = match
    if (stray !== undefined) problems.push(`a stray ${stray} at ${match.index}`)
    else if (text !== undefined) {
      if (/["'`]|&(?!#\d{1,4};)/.test(text) && !isOurs(text))
        problems.push(`an unescaped character in a text at ${match.index}`)
      found.push('text')
    } else if (tag !== undefined) {
      if (!TAGS.test(tag)) problems.push(`a tag ${tag}`)
      for (const [, name] of (attributes ?? '').matchAll(/ ([a-z-]+)=/g))
        if (!ATTRIBUTES.test(name!)) problems.push(`an attribute ${name}`)
      found.push(`${slash}${tag}${attributes}`)
    } else found.push(style === undefined ? whole : `style ${style}`)
  }
  return found
}

/** Line breaks between tags. */
function isOurs(text: string): boolean {
  return text.trim() === ''
}
