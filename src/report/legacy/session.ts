/** A session as the predecessors saw it: those with a tty log or a file, at their last successful log-in. */
import { ownText } from '../../core/event.ts'
import type { InstantUs } from '../../core/instant.ts'
import type { SafeText } from '../../core/text.ts'
import type { LegacySessionEvents } from '../../store/port.ts'

/** What is not there was empty to the predecessors. */
const NOTHING = ownText('')

const PARTS = ['username', 'password', 'src_ip'] as const

export type LegacyTransfer = {
  readonly url: SafeText
  readonly shasum: SafeText
  readonly file: SafeText
}

export type LegacySession = {
  readonly sensor: SafeText
  readonly session: SafeText
  readonly loginUs: InstantUs
  readonly username: SafeText
  readonly password: SafeText
  readonly srcIp: SafeText
  readonly protocol: SafeText | null
  /** Null where no end was seen; the last of several. */
  readonly durationMs: number | null
  /** `cowrie.command.input` alone, in their order. */
  readonly commands: readonly SafeText[]
  /** All of `cowrie.command.*`: a failed command, and in old logs a found one, counts twice. */
  readonly commandCount: number
  readonly downloads: readonly LegacyTransfer[]
  readonly uploads: readonly LegacyTransfer[]
}

type Event = LegacySessionEvents['events'][number]

/**
 * @param untilUs - of the period: a session whose last log-in lies behind it belongs to a later one
 * @returns undefined for a session that the predecessors passed over
 */
export function legacySessionOf(
  { sensor, session, events }: LegacySessionEvents,
  untilUs: InstantUs,
): LegacySession | undefined {
  const logins: Event[] = []
  let isEvaluated = false
  let protocol: SafeText | undefined
  let durationMs: number | null = null
  let commandCount = 0
  const commands: SafeText[] = []
  const downloads: LegacyTransfer[] = []
  const uploads: LegacyTransfer[] = []
  for (const event of events) {
    const { fields } = event
    isEvaluated ||= (fields.has('ttylog') || fields.has('shasum')) && fields.has('src_ip')
    protocol ??= fields.get('protocol')
    if (event.eventid.startsWith('cowrie.command.')) commandCount += 1
    switch (event.eventid) {
      case 'cowrie.login.success':
        logins.push(event)
        break
      case 'cowrie.command.input':
        commands.push(fields.get('input') ?? NOTHING)
        break
      case 'cowrie.session.file_download':
        downloads.push(transferOf(fields, 'destfile'))
        break
      case 'cowrie.session.file_upload':
        uploads.push(transferOf(fields, 'filename'))
        break
      case 'cowrie.session.closed':
        durationMs = durationOf(fields) ?? durationMs
        break
    }
  }
  const login = logins.at(-1)
  if (!isEvaluated || login === undefined || login.eventTimeUs >= untilUs) return undefined
  // Where the last log-in lacks a part, they told all of the first one.
  const { fields } = PARTS.every((name) => (login.fields.get(name) ?? '') !== '')
    ? login
    : logins[0]!
  return {
    sensor,
    session,
    loginUs: login.eventTimeUs,
    username: fields.get('username') ?? NOTHING,
    password: fields.get('password') ?? NOTHING,
    srcIp: fields.get('src_ip') ?? NOTHING,
    protocol: protocol ?? null,
    durationMs,
    commands,
    commandCount,
    downloads,
    uploads,
  }
}

function transferOf(fields: ReadonlyMap<string, SafeText>, file: string): LegacyTransfer {
  return {
    url: fields.get('url') ?? NOTHING,
    shasum: fields.get('shasum') ?? NOTHING,
    file: fields.get(file) ?? NOTHING,
  }
}

/** `duration_ms` since Cowrie 3.0.4; before that `duration` in seconds, a number or a text. */
function durationOf(fields: ReadonlyMap<string, SafeText>): number | null {
  const ms = Number(fields.get('duration_ms') ?? Number.NaN)
  if (Number.isFinite(ms)) return ms
  const seconds = Number(fields.get('duration') ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds * 1000 : null
}
