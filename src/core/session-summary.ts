import { EVENT_CLASS } from './event-class.ts'
import type { InstantUs } from './instant.ts'

/** A fact of a session that one event gives; the earliest by (time, digest) counts. */
export type Fact<T> = {
  value: T
  timeUs: InstantUs /** 16 bytes as latin1; undefined when only the time is known. */
  digest: string | undefined
}

/** The running summary of one session. All merges are commutative: the order of events does not matter. */
export type SessionSummary = {
  firstEventUs: InstantUs
  lastEventUs: InstantUs
  eventCount: number
  connectCount: number
  closedCount: number
  commandCount: number
  failedCommandCount: number
  loginFailedCount: number
  loginSuccessCount: number
  downloadCount: number
  uploadCount: number
  /** The highest of its events, 0 to 100. */
  threatScore: number
  hazardScore: number
  /** Value ids of texts while loading; texts when checking. */
  srcIp: Fact<number> | undefined
  clientVersion: Fact<number> | undefined
  hassh: Fact<number> | undefined
  protocol: Fact<string> | undefined
  durationMs: Fact<number> | undefined
}

export function emptySummary(): SessionSummary {
  return {
    firstEventUs: Number.POSITIVE_INFINITY,
    lastEventUs: Number.NEGATIVE_INFINITY,
    eventCount: 0,
    connectCount: 0,
    closedCount: 0,
    commandCount: 0,
    failedCommandCount: 0,
    loginFailedCount: 0,
    loginSuccessCount: 0,
    downloadCount: 0,
    uploadCount: 0,
    threatScore: 0,
    hazardScore: 0,
    srcIp: undefined,
    clientVersion: undefined,
    hassh: undefined,
    protocol: undefined,
    durationMs: undefined,
  }
}

/** Adds the scores of one event. */
export function addScores(
  summary: SessionSummary,
  scores: { readonly threat: number; readonly hazard: number },
): void {
  if (scores.threat > summary.threatScore) summary.threatScore = scores.threat
  if (scores.hazard > summary.hazardScore) summary.hazardScore = scores.hazard
}

/** Adds one event's time and class to the counts. */
export function countEvent(summary: SessionSummary, timeUs: InstantUs, eventClass: number): void {
  if (timeUs < summary.firstEventUs) summary.firstEventUs = timeUs
  if (timeUs > summary.lastEventUs) summary.lastEventUs = timeUs
  summary.eventCount += 1
  switch (eventClass) {
    case EVENT_CLASS.connect:
      summary.connectCount += 1
      return
    case EVENT_CLASS.closed:
      summary.closedCount += 1
      return
    case EVENT_CLASS.commandInput:
      summary.commandCount += 1
      return
    case EVENT_CLASS.commandFailed:
      summary.failedCommandCount += 1
      return
    case EVENT_CLASS.loginFailed:
      summary.loginFailedCount += 1
      return
    case EVENT_CLASS.loginSuccess:
      summary.loginSuccessCount += 1
      return
    case EVENT_CLASS.download:
      summary.downloadCount += 1
      return
    case EVENT_CLASS.upload:
      summary.uploadCount += 1
      return
  }
}

/**
 * Whether an event's fact takes the place of the one held.
 *
 * @returns `tie` when the times are equal and the digest of the one held is not known
 */
export function takesPlace<T>(
  held: Fact<T> | undefined,
  value: T,
  timeUs: InstantUs,
  digest: () => string,
): 'yes' | 'no' | 'tie' {
  if (held === undefined || timeUs < held.timeUs) return 'yes'
  if (timeUs > held.timeUs) return 'no'
  // With the digest unknown, an equal value changes nothing; any other is settled by looking at the events.
  if (held.digest === undefined) return held.value === value ? 'no' : 'tie'
  return digest() < held.digest ? 'yes' : 'no'
}
