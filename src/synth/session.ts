import type { Address } from './addresses.ts'
import type { Client } from './clients.ts'
import type { Credential } from './credentials.ts'
import type { Dialect } from './dialect.ts'
import type { Artifact } from './files.ts'
import type { Text } from './text.ts'

/** What happens, in Cowrie's words; the line is made from it and the truth counts it. */
export type Happening =
  | { readonly eventid: 'cowrie.session.connect' }
  | { readonly eventid: 'cowrie.session.closed' }
  | { readonly eventid: 'cowrie.session.params'; readonly arch: string }
  | { readonly eventid: 'cowrie.client.version'; readonly version: Text }
  | { readonly eventid: 'cowrie.client.kex' }
  | { readonly eventid: 'cowrie.client.fingerprint'; readonly user: Text; readonly key: number }
  | { readonly eventid: 'cowrie.client.size'; readonly width: number; readonly height: number }
  | { readonly eventid: 'cowrie.client.var'; readonly name: string; readonly value: Text }
  | {
      readonly eventid: 'cowrie.login.success' | 'cowrie.login.failed'
      readonly credential: Credential
    }
  | {
      readonly eventid: 'cowrie.command.input' | 'cowrie.command.failed' | 'cowrie.command.success'
      readonly input: Text
    }
  | {
      readonly eventid: 'cowrie.session.file_download'
      /** Absent when the shell wrote the file itself, by a redirect. */
      readonly url: Text | undefined
      readonly artifact: Artifact
      readonly seenBefore: boolean
      readonly isLate: boolean
    }
  | { readonly eventid: 'cowrie.session.file_download.failed'; readonly url: Text }
  | {
      readonly eventid: 'cowrie.session.file_upload'
      readonly filename: Text
      readonly artifact: Artifact
    }
  | { readonly eventid: 'cowrie.direct-tcpip.request'; readonly target: Target }
  | {
      readonly eventid: 'cowrie.direct-tcpip.data'
      readonly target: Target
      readonly id: number
      readonly data: Text
    }
  | { readonly eventid: 'cowrie.direct-tcpip.ja4'; readonly target: Target; readonly ja4: string }
  | {
      readonly eventid: 'cowrie.log.closed'
      readonly shasum: string
      readonly size: number
      readonly seenBefore: boolean
    }
  | { readonly eventid: 'cowrie.telnet.option'; readonly option: TelnetOption }

/** Where a forwarded connection shall go. */
export type Target = { readonly host: Text; readonly port: number; readonly claimedPort: number }

export type TelnetOption = {
  readonly command: string
  readonly name: string
  readonly byte: number
}

/** One event of a session at its instant. */
export type SessionEvent = {
  readonly what: Happening
  /** Microseconds since the session began; once it is placed, since 1970-01-01 UTC. */
  atUs: number
}

/** A session from its plan to its last line. */
export type Session = {
  /** Order of planning; breaks ties between instants. */
  readonly serial: number
  readonly id: string
  readonly sensor: Sensor
  readonly dialect: Dialect
  readonly address: Address
  readonly sourcePort: number
  readonly protocol: 'ssh' | 'telnet'
  readonly client: Client
  readonly events: readonly SessionEvent[]
  /** The parts that all its lines share, made by the dialect's writer before the first line. */
  frame: Frame | undefined
  startUs: number
  /** Index of the next event to write. */
  next: number
  /** The last day on which the truth has counted the session, -1 before the first. */
  countedDay: number
  readonly counts: SessionCounts
}

/** Rendered once for a session, used by each of its lines; every part begins with a comma. */
export type Frame = {
  /** `src_ip`. */
  readonly peer: string
  /** `src_port`. */
  readonly sourcePort: string
  /** `dst_ip` and `dst_port` of the honeypot. */
  readonly endpoint: string
  /** `session`, and `protocol` where every event has it. */
  readonly ids: string
  /** From `sensor` to the quote that opens the instant. */
  readonly stamp: string
}

/** What the truth keeps of a session while it lasts. */
export type SessionCounts = {
  events: number
  commandInput: number
  commandFailed: number
  loginSuccess: number
  loginFailed: number
  downloads: number
  uploads: number
  /** What `cowrie.session.closed` said, in milliseconds; undefined until it was written. */
  durationMs: number | undefined
}

/** One honeypot. */
export type Sensor = {
  readonly index: number
  readonly name: string
  readonly uuid: string
  readonly address: string
  readonly addressV6: string
}
