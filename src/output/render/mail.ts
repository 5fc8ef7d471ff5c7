import { Encoded } from '../../core/encoded.ts'
import type { Document } from '../document.ts'
import { titleOf } from '../document.ts'
import { foldBody, mail, mailHeader } from '../encode/mail.ts'
import { plainLines } from './plain.ts'

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * A document as a message (RFC 5322) of plain text, for a program that sends it and adds who it is for.
 *
 * One part, so there is no boundary to forge; nothing of it is HTML.
 */
export function renderMail(document: Document): Encoded<'mail'> {
  const { subject } = document
  const about = subject.kind === 'text' ? mailHeader` ${subject.text}` : mailHeader``
  const kind = titleOf(document.kind).replace(/[^A-Za-z0-9 ]/g, '')
  const headers = [
    'From: nacre <nacre@localhost>',
    'To: undisclosed-recipients:;',
    `Subject: nacre ${kind}${about.text}`,
    `Date: ${mailDate(document.madeAtUs)}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    'Auto-Submitted: auto-generated',
  ]
  const body = foldBody(mail.join(plainLines(document, mail), '\n'))
  // The headers are words of ours and a header that is encoded; the body is folded.
  return Encoded.vouch('mail', `${headers.join('\r\n')}\r\n\r\n${body.text}`)
}

/** RFC 5322, 3.3. */
function mailDate(us: number): string {
  const date = new Date(us / 1000)
  const time = date.toISOString().slice(11, 19)
  return `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${time} +0000`
}
