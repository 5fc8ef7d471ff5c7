/** Applies a level to sessions and events, as the store gives them. */
import { type PlainJson, type PlainObject, parseJson } from '../core/json.ts'
import type { SafeText } from '../core/text.ts'
import type { EventRecord, SessionRecord } from '../store/port.ts'
import { FORWARDED, PAYLOAD_KINDS, type TextKind } from './levels.ts'
import type { Redactor } from './redactor.ts'

export function redactSession(one: SessionRecord, redactor: Redactor): SessionRecord {
  if (redactor.level === 'internal') return one
  const shown = (kind: TextKind, text: SafeText | null): SafeText | null =>
    text === null ? null : redactor.text(kind, text)
  return {
    ...one,
    sensor: redactor.text('sensor', one.sensor),
    session: redactor.text('session', one.session),
    srcIp: shown('address', one.srcIp),
    protocol: shown('protocol', one.protocol),
    clientVersion: shown('version', one.clientVersion),
    hassh: shown('hash', one.hassh),
  }
}

export function redactEvent(event: EventRecord, redactor: Redactor): EventRecord {
  if (redactor.level === 'internal') return event
  return {
    ...event,
    eventid: redactor.text('eventid', event.eventid),
    payload: redactPayload(event.payload, event.eventid, redactor),
    hits: redactHits(event.hits, redactor),
  }
}

/** @param payload - JSON text of an object @returns JSON text; fields that the level drops are not there */
export function redactPayload(payload: string, eventid: string, redactor: Redactor): string {
  if (redactor.level === 'internal') return payload
  const fields = parseJson(payload) as PlainObject // payloads are objects
  const shown = new Map<string, PlainJson>()
  for (const [name, value] of Object.entries(fields)) {
    const kind = kindOf(name, eventid)
    if (redactor.drops(kind)) continue
    const isKnown = Object.hasOwn(PAYLOAD_KINDS, name)
    shown.set(isKnown ? name : redactor.plain('text', name), redactValue(value, kind, redactor))
  }
  return JSON.stringify(Object.fromEntries(shown))
}

function kindOf(field: string, eventid: string): TextKind {
  if (!Object.hasOwn(PAYLOAD_KINDS, field)) return 'unknown'
  const kind = PAYLOAD_KINDS[field]!
  return kind === 'ownAddress' && FORWARDED.test(eventid) ? 'address' : kind
}

function redactValue(value: PlainJson, kind: TextKind, redactor: Redactor): PlainJson {
  if (typeof value === 'string') {
    // Times and numbers of Cowrie are as short as this; what is longer was put there by somebody.
    const isPlain = kind === 'label' && /^[0-9A-Za-z:.+ -]{0,40}$/.test(value)
    return isPlain ? value : redactor.plain(kind === 'label' ? 'text' : kind, value)
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (Array.isArray(value)) return value.map((one: PlainJson) => redactValue(one, kind, redactor))
  // Cowrie nests nothing: names and values in it are somebody's own.
  return Object.fromEntries(
    Object.entries(value as PlainObject).map(([name, inner]) => [
      redactor.plain('text', name),
      redactValue(inner, kind === 'label' ? 'text' : kind, redactor),
    ]),
  )
}

/** Pairs of field and rule: names of fields are the attacker's where Cowrie has none of that name. */
function redactHits(hits: string, redactor: Redactor): string {
  const pairs = JSON.parse(hits) as readonly (readonly [string, string])[] // as the store wrote them
  return JSON.stringify(
    pairs.map(([field, rule]) => [
      Object.hasOwn(PAYLOAD_KINDS, field) ? field : redactor.plain('text', field),
      rule,
    ]),
  )
}
