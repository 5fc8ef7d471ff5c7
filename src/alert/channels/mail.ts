/** Alerts as mail, handed to an SMTP server. */
import { randomUUID } from 'node:crypto'
import { mailMessage } from '../../output/render/mail.ts'
import { type Channel, codeOf } from '../channel.ts'
import { messageDocument } from '../message.ts'

export type MailOptions = {
  readonly host: string
  readonly port: number
  /** `starttls` and `tls` refuse a server that has none or whose certificate does not fit. */
  readonly security: 'starttls' | 'tls' | 'none'
  /** Undefined where the server asks for no password. */
  readonly login: { readonly user: string; readonly password: string } | undefined
  /** Plain addresses; `isMailAddress` says whether they are. */
  readonly from: string
  readonly to: readonly string[]
  /** Milliseconds for each of connecting, greeting and silence. */
  readonly timeoutMs: number
}

/** Whether a text is a plain mail address that stands in a header as it is. */
export function isMailAddress(text: string): boolean {
  return /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(
    text,
  )
}

/**
 * Mail through one server. The message is made here, by the encoder for mail: the library hands it over as it is, so no
 * text of a log can make a header, an address, a part or a link.
 */
export async function mailChannel(options: MailOptions): Promise<Channel> {
  const { createTransport } = await import('nodemailer')
  const { host, port, security, login, from, to, timeoutMs } = options
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password } }),
  })
  return {
    name: 'mail',
    async send(message, signal) {
      if (signal.aborted) return { isDelivered: false, result: 'stopped' }
      const stop = (): void => transport.close()
      signal.addEventListener('abort', stop, { once: true })
      try {
        const raw = mailMessage(messageDocument(message), {
          from,
          to,
          id: `${randomUUID()}@${from.slice(from.indexOf('@') + 1)}`,
        }).text
        const done = await transport.sendMail({ envelope: { from, to: [...to] }, raw })
        const refused = done.rejected.length
        return refused === 0
          ? { isDelivered: true, result: 'accepted by the server' }
          : { isDelivered: true, result: `accepted, but for ${refused} of ${to.length} addresses` }
      } catch (error) {
        return { isDelivered: false, result: `not delivered: ${smtpCodeOf(error)}` }
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
  }
}

/** The code of the library and, where the server gave one, its reply. */
function smtpCodeOf(error: unknown): string {
  const reply = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : 0
  return reply > 0 ? `${codeOf(error)}, the server answered ${reply}` : codeOf(error)
}
