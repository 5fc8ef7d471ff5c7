/** Which records of the store are meant, and how the journal names them. */
import { rangesText, readRanges } from '../core/ranges.ts'
import type { HoldScope, SessionRecord, Store } from '../store/port.ts'
import { type HoldSubject, touches } from '../store/repo/holds.ts'
import type { Row } from '../store/schema.ts'

/** Numbers of records by batch; ascending, each once. */
export type Places = ReadonlyMap<number, readonly number[]>

/** `12:0-5,9;13:2`: batch, colon, numbers of records. */
export function placesText(places: Places): string {
  return [...places].map(([batch, records]) => `${batch}:${rangesText(records)}`).join(';')
}

/** Whether a text names a record of these. */
function meets(text: unknown, places: Places): boolean {
  return (
    typeof text === 'string' &&
    text.split(';').some((part) => {
      const [batch = '', records = ''] = part.split(':')
      return hasAny(places.get(Number(batch)), records)
    })
  )
}

function hasAny(own: readonly number[] | undefined, ranges: string): boolean {
  if (own === undefined) return false
  const named = new Set(readRanges(ranges, Number.MAX_SAFE_INTEGER))
  return own.some((record) => named.has(record))
}

/** Where the bytes of a session's events are sealed: those stored and those withheld. */
export async function placesOfSession(
  query: Store['query'],
  session: SessionRecord,
): Promise<readonly { readonly batchId: number; readonly record: number }[]> {
  const stored = await query
    .selectFrom('raw_events')
    .where('event_time_us', '>=', session.firstEventUs)
    .where('event_time_us', '<=', session.lastEventUs)
    .where('session_key', '=', session.sessionKey)
    .select(['batch_id as batchId', 'record_no as record'])
    .execute()
  const withheld = await query
    .selectFrom('held_events')
    .where('session_key', '=', session.sessionKey)
    .select(['batch_id as batchId', 'record_no as record'])
    .execute()
  return [...stored, ...withheld].map((one) => ({
    batchId: Number(one.batchId),
    record: Number(one.record),
  }))
}

/** Tells which entries of the journal are about a choice of records. */
export function concerning(
  places: Places,
  subjects: readonly HoldSubject[],
): (row: Row<'audit_log'>) => boolean {
  /** Holds that are about these records. */
  const holds = new Set<string>()
  return ({ seq, action, subject, detail: text }) => {
    const detail = detailOf(text)
    const [, batch, record] = /^batch (\d+) record (\d+)$/.exec(subject) ?? []
    if (batch !== undefined && record !== undefined)
      return places.get(Number(batch))?.includes(Number(record)) ?? false
    const held = /^held_events batch (\d+)$/.exec(subject)?.[1]
    if (held !== undefined) return hasAny(places.get(Number(held)), String(detail['records']))
    const dead = /^dead_letters batch (\d+) offset \d+ record (\d+)$/.exec(subject)
    if (dead !== null) return places.get(Number(dead[1]))?.includes(Number(dead[2])) ?? false
    if (action === 'hold.added') {
      if (!subjects.some((one) => touches(scopeOf(detail), one))) return false
      holds.add(`legal_holds ${seq}`)
      return true
    }
    if (action === 'hold.released') return holds.has(subject)
    return action.startsWith('evidence.') && meets(detail['records'], places)
  }
}

function scopeOf(detail: Readonly<Record<string, unknown>>): HoldScope {
  const text = (name: string): string => String(detail[name] ?? '')
  const time = (name: string): number | null =>
    typeof detail[name] === 'number' ? detail[name] : null
  return {
    sensor: text('sensor'),
    session: text('session'),
    source: text('source'),
    fromUs: time('fromUs'),
    untilUs: time('untilUs'),
  }
}

function detailOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
