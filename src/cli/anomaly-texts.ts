/** The texts of events behind an anomaly, as rules may be drafted from them. */
import { type StoredAnomaly, US_PER_HOUR } from '../core/anomaly.ts'
import { parseJson } from '../core/json.ts'
import type { SafeText } from '../core/text.ts'
import { hitsOf } from '../core/verdict.ts'
import { LIMITS } from '../limits.ts'
import type { EventRecord, SessionFilter, SessionRecord, Store } from '../store/port.ts'

export type DraftText = {
  readonly session: SafeText
  readonly sensor: SafeText
  /** Number of the event in its session, from 1, as `rules draft` counts. */
  readonly event: number
  readonly field: string
  readonly axis: 'threat' | 'hazard'
  /** Visible form. */
  readonly text: string
}

/** Each text once, at most ten: those the evidence names, else what was typed in its sessions. */
export async function textsBehind(store: Store, anomaly: StoredAnomaly): Promise<DraftText[]> {
  const { eventsOfSession } = await import('../store/repo/sessions.ts')
  const found = new Map<string, DraftText>()
  for (const session of await sessionsBehind(store, anomaly)) {
    const events = await eventsOfSession(store.query, session)
    for (const [i, event] of events.entries()) {
      const place = fieldOf(event, anomaly)
      if (place === undefined) continue
      const name = `${place.field}\n${place.text}`
      if (!found.has(name))
        found.set(name, {
          session: session.session,
          sensor: session.sensor,
          event: i + 1,
          ...place,
        })
      if (found.size === LIMITS.anomalyDraftsMax) return [...found.values()]
    }
  }
  return [...found.values()]
}

/** What to type for one of them; undefined where a name in it is not fit to be pasted into a shell. */
export function draftCommand(one: DraftText): string | undefined {
  const words = [one.session, one.sensor, one.field]
  if (!words.every((word) => /^\w[\w.:-]*$/.test(word))) return undefined
  return `nacre rules draft ${one.session} --sensor ${one.sensor} --event ${one.event} --field ${one.field} --axis ${one.axis}`
}

async function sessionsBehind(store: Store, anomaly: StoredAnomaly): Promise<SessionRecord[]> {
  const { findSessions } = await import('../store/repo/sessions.ts')
  const { sensor, hour, evidence } = anomaly
  const ids = new Set(
    evidence.values.flatMap((one) => (one.kind === 'session' ? one.text : (one.session ?? []))),
  )
  const filters: SessionFilter[] = [...ids].map((session) => ({ sensor, session }))
  const sinceUs = hour * US_PER_HOUR
  if (ids.size === 0)
    for (const one of evidence.values)
      if (one.kind === 'address')
        filters.push({ sensor, ip: one.text, sinceUs, untilUs: sinceUs + US_PER_HOUR })
  const found: SessionRecord[] = []
  for (const filter of filters)
    for await (const one of findSessions(store.query, filter, LIMITS.anomalyEvidenceMax)) {
      found.push(one)
      if (found.length === LIMITS.anomalyEvidenceMax) return found
    }
  return found
}

function fieldOf(
  event: EventRecord,
  { detector, evidence }: StoredAnomaly,
): Pick<DraftText, 'field' | 'axis' | 'text'> | undefined {
  const payload = parseJson(event.payload) as Readonly<Record<string, unknown>> // payloads are objects
  const textOf = (field: string): string | undefined => {
    const value = Object.hasOwn(payload, field) ? payload[field] : undefined
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  if (detector === 'hazard') {
    for (const [field] of event.hazard > 0 ? hitsOf(event.hits) : []) {
      const text = textOf(field)
      if (text !== undefined) return { field, axis: 'hazard', text }
    }
    return undefined
  }
  const input = textOf('input')
  if (input === undefined || event.eventid !== 'cowrie.command.input') return undefined
  const named = evidence.values.filter(({ kind }) => kind === 'command')
  // Evidence is cut, with an ellipsis behind it.
  const isNamed = named.some(({ text }) => input.startsWith(text.replace(/…$/, '')))
  return named.length > 0 && !isNamed ? undefined : { field: 'input', axis: 'threat', text: input }
}
