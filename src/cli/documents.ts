/** Sessions as documents, for the outputs. */
import type { InstantUs } from '../core/instant.ts'
import { rulesOf } from '../core/verdict.ts'
import {
  type Cell,
  count,
  type Document,
  type Fact,
  fields,
  instant,
  label,
  type Observable,
  text,
} from '../output/document.ts'
import type { EventField, EventRecord, SessionRecord } from '../store/port.ts'

/** Fields of Cowrie that hold what is hunted for. */
const OBSERVABLES: Readonly<Record<string, Observable>> = {
  src_ip: 'address',
  dst_ip: 'address',
  input: 'command',
  url: 'url',
  shasum: 'sha256',
  username: 'username',
  password: 'password',
  filename: 'file',
  destfile: 'file',
}

/** A session with every event, and every field of each. */
export function sessionDocument(
  session: SessionRecord,
  events: readonly EventRecord[],
  fieldsOf: (event: EventRecord) => readonly EventField[],
  nowUs: InstantUs,
): Document {
  return {
    kind: 'session',
    subject: text(session.session),
    madeAtUs: nowUs,
    facts: factsOf(session),
    tables: [
      {
        name: 'events',
        columns: ['time', 'eventid', 'threat', 'hazard', 'rules', 'payload'],
        rows: events.map((event) => [
          instant(event.eventTimeUs),
          text(event.eventid),
          count(event.threat),
          count(event.hazard),
          label(rulesOf(event.hits).join(' ')),
          fields(
            fieldsOf(event).map((field) => ({
              ...field,
              observable: observableOf(event.eventid, field),
            })),
          ),
        ]),
      },
    ],
    notes: [],
  }
}

/** What nobody should hunt for has none: the honeypot's own address, its own recording, a file without a name. */
function observableOf(eventid: string, { name, value }: EventField): Observable | undefined {
  const isOwn =
    (eventid === 'cowrie.session.connect' && name === 'dst_ip') ||
    (eventid === 'cowrie.log.closed' && name === 'shasum')
  if (isOwn || !Object.hasOwn(OBSERVABLES, name)) return undefined
  return OBSERVABLES[name] === 'file' && value === '-' ? undefined : OBSERVABLES[name]
}

/** A list of sessions. @param isFirstOnly - there are more */
export function sessionsDocument(
  sessions: readonly SessionRecord[],
  isFirstOnly: boolean,
  nowUs: InstantUs,
): Document {
  const rows = sessions.map(factsOf)
  return {
    kind: 'sessions',
    subject: count(sessions.length),
    madeAtUs: nowUs,
    facts: [],
    tables: [
      {
        name: 'sessions',
        columns: ['session', ...(rows[0] ?? []).map((fact) => fact.name)],
        rows: rows.map((facts, i) => [text(sessions[i]!.session), ...facts.map((one) => one.cell)]),
      },
    ],
    notes: isFirstOnly ? [[label('These are the first; a higher limit shows more.')]] : [],
  }
}

function factsOf(one: SessionRecord): Fact[] {
  const cells: Readonly<Record<string, Cell>> = {
    sensor: text(one.sensor),
    address: text(one.srcIp, 'address'),
    country: text(one.country),
    asn: count(one.asn),
    organisation: text(one.organisation),
    protocol: text(one.protocol),
    client_version: text(one.clientVersion),
    hassh: text(one.hassh),
    started_at: instant(one.firstEventUs),
    ended_at: instant(one.lastEventUs),
    duration_ms: count(one.durationMs),
    events: count(one.eventCount),
    commands: count(one.commandCount),
    failed_commands: count(one.failedCommandCount),
    failed_logins: count(one.loginFailedCount),
    successful_logins: count(one.loginSuccessCount),
    downloads: count(one.downloadCount),
    uploads: count(one.uploadCount),
    start_seen: label(one.connectCount > 0 ? 'yes' : 'no'),
    end_seen: label(one.closedCount > 0 ? 'yes' : 'no'),
    threat_score: count(one.threatScore),
    hazard_score: count(one.hazardScore),
  }
  return Object.entries(cells).map(([name, cell]) => ({ name, cell }))
}
