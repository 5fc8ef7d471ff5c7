/** A session as the predecessors saw it: those with a tty log or a file, from their first successful log-in on. */

import { ownText } from '../../core/event.ts'
import type { InstantUs } from '../../core/instant.ts'
import type { SafeText } from '../../core/text.ts'
import type { LegacySessionEvents } from '../../store/port.ts'

/** What is not there was empty to the predecessors. */
const NOTHING = ownText('')

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
  /** Null where no end was seen. */
  readonly durationMs: number | null
  /** `cowrie.command.input` alone, in their order. */
  readonly commands: readonly SafeText[]
  /** Input and failed together: a failed command counts twice. */
  readonly commandCount: number
  readonly downloads: readonly LegacyTransfer[]
  readonly uploads: readonly LegacyTransfer[]
}

/**
 * @param fromUs - of the period: a session whose first log-in lies before it belongs to an earlier one
 * @returns undefined for a session that the predecessors passed over
 */
export function legacySessionOf(
  { sensor, session, events }: LegacySessionEvents,
  fromUs: InstantUs,
): LegacySession | undefined {
  let login: LegacySessionEvents['events'][number] | undefined
  let isEvaluated = false
  let protocol: SafeText | undefined
  let durationMs: number | null = null
  let failed = 0
  const commands: SafeText[] = []
  const downloads: LegacyTransfer[] = []
  const uploads: LegacyTransfer[] = []
  for (const event of events) {
    const { fields } = event
    isEvaluated ||= fields.has('ttylog') || fields.has('shasum')
    protocol ??= fields.get('protocol')
    switch (event.eventid) {
      case 'cowrie.login.success':
        login ??= event
        break
      case 'cowrie.command.input':
        commands.push(fields.get('input') ?? NOTHING)
        break
      case 'cowrie.command.failed':
        failed += 1
        break
      case 'cowrie.session.file_download':
        downloads.push(transferOf(fields, 'destfile'))
        break
      case 'cowrie.session.file_upload':
        uploads.push(transferOf(fields, 'filename'))
        break
      case 'cowrie.session.closed':
        durationMs ??= durationOf(fields)
        break
    }
  }
  if (!isEvaluated || login === undefined || login.eventTimeUs < fromUs) return undefined
  return {
    sensor,
    session,
    loginUs: login.eventTimeUs,
    username: login.fields.get('username') ?? NOTHING,
    password: login.fields.get('password') ?? NOTHING,
    srcIp: login.fields.get('src_ip') ?? NOTHING,
    protocol: protocol ?? null,
    durationMs,
    commands,
    commandCount: commands.length + failed,
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
