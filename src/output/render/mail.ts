import { Encoded } from '../../core/encoded.ts'
import { type Document, titleOf } from '../document.ts'
import { foldBody, mail, mailHeader } from '../encode/mail.ts'
import { plainLines } from './plain.ts'

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Who writes to whom: addresses of the operator, plain ones (`local@domain`), and the name of the message. */
export type MailAddresses = {
  readonly from: string
  readonly to: readonly string[]
  /** Unique, `something@domain`. */
  readonly id: string
}

/** A document as a message, for a program that sends it and adds who it is for. */
export function renderMail(document: Document): Encoded<'mail'> {
  return messageOf(document, ['From: nacre <nacre@localhost>', 'To: undisclosed-recipients:;'])
}

/** A document as a message that is sent as it stands. */
export function mailMessage(document: Document, addresses: MailAddresses): Encoded<'mail'> {
  const { from, to, id } = addresses
  return messageOf(document, [
    `From: nacre <${from}>`,
    `To: ${to.join(',\r\n ')}`,
    `Message-ID: <${id}>`,
  ])
}

/**
 * A message (RFC 5322) of plain text.
 *
 * One part, so there is no boundary to forge; nothing of it is HTML.
 */
function messageOf(document: Document, first: readonly string[]): Encoded<'mail'> {
  const { subject } = document
  const about = subject.kind === 'text' ? mailHeader`\r\n ${subject.text}` : mailHeader``
  const words = [titleOf(document.kind), ...(subject.kind === 'label' ? [subject.label] : [])]
  const kind = words.join(' ').replace(/[^A-Za-z0-9 /-]/g, '')
  const headers = [
    ...first,
    `Subject: nacre ${kind}${about.text}`,
    `Date: ${mailDate(document.madeAtUs)}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    'Auto-Submitted: auto-generated',
  ]
  const body = foldBody(mail.join(plainLines(document, mail), '\n'))
  // The headers are words of ours or the operator's and a header that is encoded; the body is folded.
  return Encoded.vouch('mail', `${headers.join('\r\n')}\r\n\r\n${body.text}`)
}

/** RFC 5322, 3.3. */
function mailDate(us: number): string {
  const date = new Date(us / 1000)
  const time = date.toISOString().slice(11, 19)
  return `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${time} +0000`
}
