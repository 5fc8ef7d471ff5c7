import { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { defang } from '../defang.ts'
import { spellOut } from '../visible.ts'

/**
 * Text for the body of a mail, quoted-printable (RFC 2045, 6.7) without line breaks; `foldBody` makes lines of it.
 *
 * One line of printable ASCII: no boundary, header, `From ` line or lone dot can arise from it.
 */
export const mail: Composer<'mail'> = makeComposer('mail', {
  data: (text) => quotedPrintable(defang(spellOut(text, 'line'))),
  own: (text) => quotedPrintable(spellOut(text, 'line')),
  literal: (text) => text.split('\n').map(quotedPrintable).join('\n'),
})

/** Text for an unstructured header such as Subject: encoded words (RFC 2047), at most `HEADER_CHARS_MAX` characters. */
export const mailHeader: Composer<'mail-header'> = makeComposer('mail-header', {
  data: (text) => encodedWords(defang(spellOut(text, 'line'))),
  own: (text) => encodedWords(spellOut(text, 'line')),
  literal: (text) => text.replace(/[^\x20-\x7e]/g, ''),
})

const HEADER_CHARS_MAX = 120
const LINE_CHARS_MAX = 76

/** @param text - any string */
export function encodeMail(text: string | HostileText): Encoded<'mail'> {
  return mail.data(text)
}

/** @param text - any string */
export function encodeMailHeader(text: string | HostileText): Encoded<'mail-header'> {
  return mailHeader.data(text)
}

/** Makes lines of at most 76 characters, ended by CRLF; none starts with a dot, `From ` or two hyphens. */
export function foldBody(body: Encoded<'mail'>): Encoded<'mail'> {
  const lines = body.text.split('\n').flatMap(foldLine)
  return Encoded.vouch('mail', lines.map((line) => `${line}\r\n`).join(''))
}

function foldLine(line: string): string[] {
  const folded: string[] = []
  let rest = guarded(line)
  while (rest.length > LINE_CHARS_MAX) {
    // One column for the soft break; an octet in hex stays whole.
    let cut = LINE_CHARS_MAX - 1
    const hex = rest.lastIndexOf('=', cut - 1)
    if (hex > cut - 3) cut = hex
    folded.push(`${rest.slice(0, cut)}=`)
    rest = guarded(rest.slice(cut))
  }
  folded.push(rest.replace(/[ \t]$/, octet))
  return folded
}

/** What servers, mailboxes and multipart readers look for at the start of a line. */
function guarded(line: string): string {
  return line.replace(/^(?:\.|From |--)/, (found) => octet(found[0]!) + found.slice(1))
}

function quotedPrintable(text: string): string {
  return text.replace(/[^\x20-\x3c\x3e-\x7e]/gu, (found) =>
    [...Buffer.from(found)].map((byte) => `=${hex(byte)}`).join(''),
  )
}

function octet(character: string): string {
  return `=${hex(character.charCodeAt(0))}`
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}

function encodedWords(text: string): string {
  const shown = [...text]
  const cut =
    shown.length > HEADER_CHARS_MAX ? [...shown.slice(0, HEADER_CHARS_MAX - 1), '…'] : shown
  const words: string[] = []
  let word = ''
  for (const character of cut) {
    // 45 octets are 60 characters of base64: with the frame, a word stays under the 75 that are allowed.
    if (Buffer.byteLength(word + character) > 45) {
      words.push(word)
      word = ''
    }
    word += character
  }
  words.push(word)
  return words.map((one) => `=?UTF-8?B?${Buffer.from(one).toString('base64')}?=`).join('\r\n ')
}
