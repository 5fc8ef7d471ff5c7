import { formatInstant } from '../core/instant.ts'
import { parseJson, sortedJsonText } from '../core/json.ts'
import { hitsOf } from '../core/verdict.ts'
import type { EventRecord, SessionRecord } from '../store/port.ts'

/** A session in the shape of the contract. */
export function sessionJson(session: SessionRecord) {
  return {
    sensor: session.sensor,
    session: session.session,
    srcIp: session.srcIp,
    country: session.country,
    asn: session.asn,
    organisation: session.organisation,
    protocol: session.protocol,
    startedAt: formatInstant(session.firstEventUs),
    endedAt: formatInstant(session.lastEventUs),
    durationMs: session.durationMs,
    clientVersion: session.clientVersion,
    hassh: session.hassh,
    eventCount: session.eventCount,
    commandCount: session.commandCount,
    failedCommandCount: session.failedCommandCount,
    loginFailedCount: session.loginFailedCount,
    loginSuccessCount: session.loginSuccessCount,
    downloadCount: session.downloadCount,
    uploadCount: session.uploadCount,
    startSeen: session.connectCount > 0,
    endSeen: session.closedCount > 0,
    threatScore: session.threatScore,
    hazardScore: session.hazardScore,
  }
}

/**
 * A session with its events, as JSON text: keys of a payload in the order of their UTF-8 bytes, at every depth.
 *
 * Text, because an object cannot hold keys like "10" and "9" in a chosen order.
 */
export function sessionText(session: SessionRecord, events: readonly EventRecord[]): string {
  const printed = events.map(
    (event) =>
      `{"eventid":${JSON.stringify(event.eventid)},"at":"${formatInstant(event.eventTimeUs)}","payload":${sortedJsonText(parseJson(event.payload))},"threat":${event.threat},"hazard":${event.hazard},"rules":${JSON.stringify(hitsOf(event.hits).map(([field, rule]) => ({ field, rule })))},"layers":${event.layers},"ruleSet":${JSON.stringify(event.ruleSet)}}`,
  )
  return `${JSON.stringify(sessionJson(session)).slice(0, -1)},"events":[${printed.join(',')}]}`
}
