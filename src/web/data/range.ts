/** Spans of time that pages are asked for. */
import { UsageError } from '../../core/errors.ts'
import { dayNumber, dayOf, type InstantUs, US_PER_DAY } from '../../core/instant.ts'
import { ReportQueries } from '../../store/repo/report.ts'
import type { Parts } from '../parts.ts'
import type { FieldSpec } from '../route.ts'

export const RANGES = ['24h', '7d', '30d', '180d'] as const
export type RangeName = (typeof RANGES)[number]

const DAYS: Readonly<Record<RangeName, number>> = { '24h': 1, '7d': 7, '30d': 30, '180d': 180 }

/** Words for a choice. */
export const RANGE_WORDS: Readonly<Record<RangeName, string>> = {
  '24h': '24 h',
  '7d': '7 d',
  '30d': '30 d',
  '180d': '180 d',
}

const TIME = '\\d{4}-\\d{2}-\\d{2}(?:T\\d{2}:\\d{2}(?::\\d{2}(?:\\.\\d{1,6})?)?Z?)?'

export const RANGE_FIELDS = {
  range: {
    meaning: 'time back from now, or from the newest event where that is older',
    choices: [...RANGES, 'custom'],
    charsMax: 6,
  },
  from: { meaning: 'first day or instant, UTC', pattern: `^${TIME}$`, charsMax: 27 },
  until: { meaning: 'day or instant after the last, UTC', pattern: `^${TIME}$`, charsMax: 27 },
} as const satisfies Readonly<Record<string, FieldSpec>>

/** A span of time: [sinceUs, untilUs). */
export type Span = {
  readonly sinceUs: InstantUs
  readonly untilUs: InstantUs
  /** It ends with the newest event, which is older than the time asked for. */
  readonly isBehind: boolean
}

/** @throws UsageError for a text that is no day and no instant */
export function instantOf(text: string, name: string): InstantUs {
  const found =
    /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?Z?)?$/.exec(text)
  const part = (i: number): number => Number(found?.[i] ?? 0)
  const day = found === null ? undefined : dayNumber(part(1), part(2), part(3))
  if (day === undefined || part(4) > 23 || part(5) > 59 || part(6) > 59)
    throw new UsageError('USAGE_BAD_ARGUMENT', `The value of "${name}" is no time.`, {
      hint: 'Write 2026-11-22 or 2026-11-22T19:43:52Z.',
    })
  const seconds = (part(4) * 60 + part(5)) * 60 + part(6)
  return day * US_PER_DAY + seconds * 1_000_000 + Number((found?.[7] ?? '').padEnd(6, '0'))
}

/** The span of a name, in whole days but for the shortest. */
export async function spanOf(
  { store, clock }: Pick<Parts, 'store' | 'clock'>,
  range: RangeName,
): Promise<Span> {
  const nowUs = clock()
  const newest = await ReportQueries.newestDay(store.query)
  const days = DAYS[range]
  const today = dayOf(nowUs)
  const isBehind = newest !== undefined && newest <= today - days
  const untilUs = isBehind
    ? (newest + 1) * US_PER_DAY
    : days === 1
      ? nowUs
      : (today + 1) * US_PER_DAY
  return { sinceUs: untilUs - days * US_PER_DAY, untilUs, isBehind }
}
