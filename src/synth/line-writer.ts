import { createHash } from 'node:crypto'
import { InstantWriter } from './calendar.ts'
import type { Dialect } from './dialect.ts'
import type { Artifact } from './files.ts'
import type { Frame, Session, SessionEvent, Target } from './session.ts'
import { jsonInterior, type Text } from './text.ts'

const TTY = 'var/lib/cowrie/tty/'
const DOWNLOADS = 'var/lib/cowrie/downloads/'
const REDIRECTED_TO = '/root/.ssh/authorized_keys'
const CLAIMED_FROM = '127.0.0.1'

/** An event's own fields, each with a comma before it, and its message as JSON. */
type Body = { readonly own: string; readonly message: string }

/**
 * Renders events as one Cowrie does.
 *
 * Names, order and wording of the fields follow logs of the versions that `dialect.ts` names.
 */
export class LineWriter {
  readonly #dialect: Dialect
  readonly #comma: string
  readonly #colon: string
  readonly #instants = new InstantWriter()

  constructor(dialect: Dialect) {
    this.#dialect = dialect
    this.#comma = dialect.comma
    this.#colon = dialect.colon
  }

  /** The line without its newline; ASCII only. */
  line(session: Session, event: SessionEvent): string {
    session.frame ??= this.#frame(session)
    const { peer, sourcePort, endpoint, ids, stamp } = session.frame
    const { eventid } = event.what
    const { own, message } = this.#body(session, session.frame, event)
    const at = this.#instants.text(event.atUs)
    const isConnect = eventid === 'cowrie.session.connect'
    if (this.#dialect.startsWith === 'session') {
      const id = `{"session":"${session.id}","protocol":"${session.protocol}"${peer}${sourcePort}`
      const to = eventid.startsWith('cowrie.direct-tcpip') ? '' : endpoint
      return `${id}${to}${own},"eventid":"${eventid}"${stamp}${at}","message":${message}}`
    }
    // Up to 3.0.5 these two name the peer themselves, and it does not stand at the end again.
    const tail = isConnect ? '' : eventid === 'cowrie.direct-tcpip.request' ? ids : peer + ids
    return `{"eventid"${this.#colon}"${eventid}"${own}${this.#comma}"message"${this.#colon}${message}${stamp}${at}"${tail}}`
  }

  /** What a `cowrie.session.closed` at this instant says, in whole milliseconds. */
  closedMs(session: Session, event: SessionEvent): number {
    const ms = Math.floor((event.atUs - session.startUs) / 1000)
    return this.#durationForm(session) === 'text' ? Math.round(ms / 100) * 100 : ms
  }

  #frame(session: Session): Frame {
    const { sensor, address, protocol } = session
    const to = address.isIpv6 ? sensor.addressV6 : sensor.address
    const uuid = this.#dialect.hasUuid ? this.#text('uuid', sensor.uuid) : ''
    const ids = this.#text('session', session.id)
    return {
      peer: this.#text('src_ip', address.text),
      sourcePort: this.#number('src_port', session.sourcePort),
      endpoint: this.#text('dst_ip', to) + this.#number('dst_port', port(session)),
      ids: this.#dialect.hasUuid ? ids + this.#text('protocol', protocol) : ids,
      stamp: `${this.#text('sensor', sensor.name)}${uuid}${this.#comma}"timestamp"${this.#colon}"`,
    }
  }

  #body(session: Session, frame: Frame, event: SessionEvent): Body {
    const { what } = event
    switch (what.eventid) {
      case 'cowrie.session.connect':
        return this.#connect(session, frame)
      case 'cowrie.session.closed': {
        const { own, after } = this.#duration(session, this.closedMs(session, event))
        return { own, message: `"Connection lost after ${after}"` }
      }
      case 'cowrie.session.params': {
        const message = this.#dialect.startsWith === 'session' ? '""' : '[]'
        return { own: this.#text('arch', what.arch), message }
      }
      case 'cowrie.client.version': {
        const version = this.#spelled(what.version)
        return { own: this.#text('version', version), message: `"Remote SSH version: ${version}"` }
      }
      case 'cowrie.client.kex': {
        const kex = session.client.kex
        if (kex === undefined) return { own: '', message: '""' } // never planned
        const own = this.#comma === ',' ? kex.compact : kex.spaced
        return { own, message: `"SSH client hassh fingerprint: ${kex.hassh.value}"` }
      }
      case 'cowrie.client.fingerprint':
        return this.#fingerprint(this.#spelled(what.user), what.key)
      case 'cowrie.client.size': {
        const { width, height } = what
        const own = this.#number('width', width) + this.#number('height', height)
        return { own, message: `"Terminal Size: ${width} ${height}"` }
      }
      case 'cowrie.client.var': {
        const own = this.#text('name', what.name) + this.#text('value', what.value.json)
        return { own, message: `"request_env: ${what.name}=${what.value.json}"` }
      }
      case 'cowrie.login.success':
      case 'cowrie.login.failed': {
        const user = this.#spelled(what.credential.user)
        const password = this.#spelled(what.credential.password)
        const result = what.eventid === 'cowrie.login.success' ? 'succeeded' : 'failed'
        return {
          own: this.#text('username', user) + this.#text('password', password),
          message: `"login attempt [${user}/${password}] ${result}"`,
        }
      }
      case 'cowrie.command.input':
        return { own: this.#text('input', what.input.json), message: `"CMD: ${what.input.json}"` }
      case 'cowrie.command.failed':
        return {
          own: this.#text('input', what.input.json),
          message: `"Command not found: ${what.input.json}"`,
        }
      case 'cowrie.command.success':
        return {
          own: this.#text('input', what.input.json),
          message: `"Command found: ${what.input.json}"`,
        }
      case 'cowrie.session.file_download':
        return this.#download(what.url, what.artifact, what)
      case 'cowrie.session.file_download.failed':
        return {
          own: this.#text('url', what.url.json),
          message: `"Attempt to download file(s) from URL (${what.url.json}) failed"`,
        }
      case 'cowrie.session.file_upload': {
        const { value: shasum } = what.artifact.shasum
        const own = this.#text('filename', what.filename.json) + this.#stored(shasum)
        const message = `"SFTP Uploaded file \\"${what.filename.json}\\" to ${DOWNLOADS}${shasum}"`
        return { own, message }
      }
      case 'cowrie.direct-tcpip.request':
        return this.#forwardRequest(frame, what.target)
      case 'cowrie.direct-tcpip.data': {
        const id = this.#comma === ',' ? this.#number('id', what.id) : '' // since 2.0
        const shown = `${this.#comma === ',' ? `${what.id} ` : ''}to ${where(what.target)}`
        return {
          own: `${this.#target(what.target)}${this.#text('data', what.data.json)}${id}`,
          message: `"discarded direct-tcp forward request ${shown} with data ${what.data.json}"`,
        }
      }
      case 'cowrie.direct-tcpip.ja4':
        return {
          own: this.#target(what.target) + this.#text('ja4', what.ja4),
          message: `"JA4 fingerprint for forwarded TLS to ${where(what.target)}: ${what.ja4}"`,
        }
      case 'cowrie.log.closed':
        return this.#logClosed(session, event, what)
      case 'cowrie.telnet.option': {
        const { command, name, byte } = what.option
        const names = this.#text('command', command) + this.#text('option_name', name)
        return {
          own: names + this.#number('option_byte', byte),
          message: `"Telnet ${command} ${name}"`,
        }
      }
    }
  }

  #connect(session: Session, frame: Frame): Body {
    const { sensor, address, protocol } = session
    const to = address.isIpv6 ? sensor.addressV6 : sensor.address
    const message = `"New connection: ${address.text}:${session.sourcePort} (${to}:${port(session)}) [session: ${session.id}]"`
    if (this.#dialect.startsWith === 'session') return { own: '', message }
    const ids = this.#text('session', session.id) + this.#text('protocol', protocol)
    return { own: frame.peer + frame.sourcePort + frame.endpoint + ids, message }
  }

  #fingerprint(user: string, key: number): Body {
    const digest = createHash('md5').update(`key ${key}`).digest('hex')
    const fingerprint = (digest.match(/../g) ?? []).join(':')
    const blob = Buffer.from(digest.repeat(3)).toString('base64')
    const own =
      this.#text('username', user) +
      this.#text('fingerprint', fingerprint) +
      this.#text('key', `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQD${blob}`) +
      this.#text('type', 'ssh-rsa')
    const message = `"public key attempt for user ${user} of type ssh-rsa with fingerprint ${fingerprint}"`
    return { own, message }
  }

  #download(
    url: Text | undefined,
    artifact: Artifact,
    facts: { readonly seenBefore: boolean; readonly isLate: boolean },
  ): Body {
    const shasum = artifact.shasum.value
    const duplicate = this.#literal('duplicate', String(facts.seenBefore))
    const stored = this.#stored(shasum)
    if (url === undefined) {
      const own = `${duplicate}${stored}${this.#text('destfile', REDIRECTED_TO)}`
      const message = `"Saved redir contents with SHA-256 ${shasum} to ${DOWNLOADS}${shasum}"`
      return { own, message }
    }
    const hasLate = facts.isLate && this.#dialect.startsWith === 'session'
    const late = hasLate ? this.#literal('late', 'true') : ''
    const rest = `${stored}${this.#text('destfile', jsonInterior(artifact.name.value))}`
    return {
      own: `${this.#text('url', url.json)}${rest}${duplicate}${late}`,
      message: `"Downloaded URL (${url.json}) with SHA-256 ${shasum} to ${DOWNLOADS}${shasum}"`,
    }
  }

  #forwardRequest(frame: Frame, target: Target): Body {
    const message = `"direct-tcp connection request to ${where(target)} from ${CLAIMED_FROM}:${target.claimedPort}"`
    if (this.#dialect.startsWith === 'session') {
      const claimed = this.#text('orig_ip', CLAIMED_FROM)
      const own = `${this.#target(target)}${claimed}${this.#number('orig_port', target.claimedPort)}`
      return { own, message }
    }
    // Here src_port is what the client claims, while src_ip is the true peer.
    const claimed = this.#number('src_port', target.claimedPort)
    return { own: `${this.#target(target)}${frame.peer}${claimed}`, message }
  }

  #logClosed(
    session: Session,
    event: SessionEvent,
    log: { readonly shasum: string; readonly size: number; readonly seenBefore: boolean },
  ): Body {
    const { own: duration, after } = this.#duration(session, this.closedMs(session, event))
    const own =
      this.#text('ttylog', TTY + log.shasum) +
      this.#number('size', log.size) +
      this.#text('shasum', log.shasum) +
      this.#literal('duplicate', String(log.seenBefore)) +
      duration
    return { own, message: `"Closing TTY Log: ${TTY}${log.shasum} after ${after}"` }
  }

  #durationForm(session: Session): Dialect['duration'] {
    // From 2.7 to 3.0.3 telnet kept the number of 2.6.
    const { duration } = this.#dialect
    return duration === 'text' && session.protocol === 'telnet' ? 'float' : duration
  }

  #duration(session: Session, ms: number): { readonly own: string; readonly after: string } {
    switch (this.#durationForm(session)) {
      case 'ms':
        return { own: this.#number('duration_ms', ms), after: `${ms} milliseconds` }
      case 'text': {
        const seconds = (ms / 1000).toFixed(1)
        return { own: this.#text('duration', seconds), after: `${seconds} seconds` }
      }
      case 'float': {
        // Digits beyond the millisecond, but few enough that rounding it down or to the nearest agree.
        const fraction = `${String(ms % 1000).padStart(3, '0')}${100 + ((session.serial * 7) % 300)}1`
        const seconds = Math.floor(ms / 1000)
        const own = this.#literal('duration', `${seconds}.${fraction}`)
        return { own, after: `${seconds} seconds` }
      }
    }
  }

  #stored(shasum: string): string {
    return this.#text('outfile', DOWNLOADS + shasum) + this.#text('shasum', shasum)
  }

  #target(target: Target): string {
    return this.#text('dst_ip', target.host.json) + this.#number('dst_port', target.port)
  }

  #spelled(text: Text): string {
    return this.#dialect.escapesBytes ? text.escaped : text.json
  }

  #text(key: string, json: string): string {
    return `${this.#comma}"${key}"${this.#colon}"${json}"`
  }

  #number(key: string, value: number): string {
    return `${this.#comma}"${key}"${this.#colon}${value}`
  }

  #literal(key: string, json: string): string {
    return `${this.#comma}"${key}"${this.#colon}${json}`
  }
}

function port(session: Session): number {
  return session.protocol === 'ssh' ? 2222 : 2223
}

function where(target: Target): string {
  return `${target.host.json}:${target.port}`
}
