/**
 * Looks at a finished document and says what is wrong with it.
 *
 * @param document - as written, with hostile text in it
 * @param twin - the same document with harmless words in the places of the hostile text
 * @returns problems, in words of ours; empty when the hostile text stayed text
 */
export type Oracle = (document: string, twin: string) => readonly string[]

/** Control, bidi and invisible characters, lone surrogates: in no output, except line feeds. */
const HOSTILE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu

/** Hostile characters of a document. @param allowed - line ends and marks of the format */
export function hostileCharacters(document: string, allowed: string): string[] {
  const found = new Set<string>()
  for (const [character] of document.matchAll(HOSTILE))
    if (!allowed.includes(character)) found.add(character.codePointAt(0)!.toString(16))
  return [...found].map((point) => `a hostile character, U+${point.toUpperCase()}`)
}

/** Says where two lists part. */
export function firstDifference(
  what: string,
  found: readonly string[],
  expected: readonly string[],
): string[] {
  for (let i = 0; i < Math.max(found.length, expected.length); i += 1) {
    if (found[i] !== expected[i])
      return [`${what} ${i}: ${quote(found[i])} where the twin has ${quote(expected[i])}`]
  }
  return []
}

/** Problems are printed: what they quote is plain ASCII, and short. */
function quote(text: string | undefined): string {
  if (text === undefined) return 'nothing'
  return JSON.stringify(text.slice(0, 80)).replace(
    /[^\x20-\x7e]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
