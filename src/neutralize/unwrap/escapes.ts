/** Backslash escapes the way `echo -e`, `printf` and `$'...'` read them. */
import { toBytes } from './bytes.ts'

const LETTERS: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  e: 27,
  E: 27,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
  '?': 63,
}

const ESCAPE =
  /\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|(0[0-7]{0,3}|[1-7][0-7]{0,2})|(c)|([\s\S]))/g

/**
 * Undoes the backslash escapes of a text.
 *
 * @returns the bytes; `stops` says that `\c` ended the output
 */
export function undoEscapes(text: string): { readonly bytes: Buffer; readonly stops: boolean } {
  if (!text.includes('\\')) return { bytes: toBytes(text), stops: false }
  const parts: Buffer[] = []
  let from = 0
  for (const found of text.matchAll(ESCAPE)) {
    const [whole, x, u, wide, octal, c, other] = found
    if (found.index > from) parts.push(toBytes(text.slice(from, found.index)))
    from = found.index + whole.length
    if (c !== undefined) return { bytes: Buffer.concat(parts), stops: true }
    if (x !== undefined) parts.push(Buffer.from([Number.parseInt(x, 16)]))
    else if (octal !== undefined) parts.push(Buffer.from([Number.parseInt(octal, 8) & 0xff]))
    else if (u !== undefined || wide !== undefined) parts.push(codePointBytes(u ?? wide!))
    else {
      const letter = LETTERS[other!]
      parts.push(letter === undefined ? toBytes(whole) : Buffer.from([letter]))
    }
  }
  parts.push(toBytes(text.slice(from)))
  return { bytes: Buffer.concat(parts), stops: false }
}

function codePointBytes(hex: string): Buffer {
  const code = Number.parseInt(hex, 16)
  return Buffer.from(code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code), 'utf8')
}
