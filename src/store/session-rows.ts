/** Rows of `sessions` and summaries: one into the other. Every engine's writer uses it. */
import type { Fact, SessionSummary } from '../core/session-summary.ts'
import type { Row } from './schema.ts'

export const SESSION_COLUMNS = [
  'session_key',
  'sensor_id',
  'session',
  'first_event_us',
  'last_event_us',
  'src_ip',
  'src_ip_us',
  'protocol',
  'protocol_us',
  'client_version',
  'client_version_us',
  'hassh',
  'hassh_us',
  'duration_ms',
  'duration_us',
  'event_count',
  'connect_count',
  'closed_count',
  'command_count',
  'failed_command_count',
  'login_failed_count',
  'login_success_count',
  'download_count',
  'upload_count',
  'threat_score',
  'hazard_score',
] as const satisfies readonly (keyof Row<'sessions'>)[]

// The name of a session stays: events refer to it. Its bounds are set so that the first event moves both.
export const EMPTY_SESSIONS = `update sessions set first_event_us = 9007199254740991, last_event_us = -9007199254740991, src_ip = null, src_ip_us = null,
  protocol = null, protocol_us = null, client_version = null, client_version_us = null, hassh = null, hassh_us = null, duration_ms = null,
  duration_us = null, event_count = 0, connect_count = 0, closed_count = 0, command_count = 0, failed_command_count = 0,
  login_failed_count = 0, login_success_count = 0, download_count = 0, upload_count = 0, threat_score = 0, hazard_score = 0`

/** The cells of a row from `first_event_us` on, in the order of the columns. */
export function sessionCells(s: SessionSummary): (number | string | null)[] {
  return [
    s.firstEventUs,
    s.lastEventUs,
    s.srcIp?.value ?? null,
    s.srcIp?.timeUs ?? null,
    s.protocol?.value ?? null,
    s.protocol?.timeUs ?? null,
    s.clientVersion?.value ?? null,
    s.clientVersion?.timeUs ?? null,
    s.hassh?.value ?? null,
    s.hassh?.timeUs ?? null,
    s.durationMs?.value ?? null,
    s.durationMs?.timeUs ?? null,
    s.eventCount,
    s.connectCount,
    s.closedCount,
    s.commandCount,
    s.failedCommandCount,
    s.loginFailedCount,
    s.loginSuccessCount,
    s.downloadCount,
    s.uploadCount,
    s.threatScore,
    s.hazardScore,
  ]
}

/** The summary that a row holds; of its facts only the times are known, not the digests. */
export function summaryOf(row: Row<'sessions'>): SessionSummary {
  const fact = <T>(value: T | null, timeUs: number | null): Fact<T> | undefined =>
    value === null || timeUs === null ? undefined : { value, timeUs, digest: undefined }
  return {
    firstEventUs: row.first_event_us,
    lastEventUs: row.last_event_us,
    eventCount: row.event_count,
    connectCount: row.connect_count,
    closedCount: row.closed_count,
    commandCount: row.command_count,
    failedCommandCount: row.failed_command_count,
    loginFailedCount: row.login_failed_count,
    loginSuccessCount: row.login_success_count,
    downloadCount: row.download_count,
    uploadCount: row.upload_count,
    threatScore: row.threat_score,
    hazardScore: row.hazard_score,
    srcIp: fact(row.src_ip, row.src_ip_us),
    protocol: fact(row.protocol, row.protocol_us),
    clientVersion: fact(row.client_version, row.client_version_us),
    hassh: fact(row.hassh, row.hassh_us),
    durationMs: fact(row.duration_ms, row.duration_us),
  }
}
