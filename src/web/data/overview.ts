/** What the overview shows, for the page and the API. */
import { setImmediate as turn } from 'node:timers/promises'
import { ownText } from '../../core/event.ts'
import {
  type DayNumber,
  dayOf,
  formatInstant,
  type InstantUs,
  US_PER_DAY,
} from '../../core/instant.ts'
import { compareUtf8, type SafeText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { fromVisible } from '../../neutralize/visible.ts'
import { knownOf, newOf } from '../../report/novelty.ts'
import { InsightQueries } from '../../store/repo/insights.ts'
import {
  type Conservation,
  conservation,
  eventsOfDays,
  placesBehind,
  type StoreVersion,
  sensorId,
  storeVersion,
  textsOf,
} from '../../store/repo/overview.ts'
import { type CompletenessFigures, ReportQueries } from '../../store/repo/report.ts'
import type { Steps } from '../../store/repo/steps.ts'
import type { Parts } from '../parts.ts'
import { ActivityCache } from './activity-cache.ts'
import { instantOf, RANGES, type RangeName, type Span, spanOf } from './range.ts'
import type { Sums, Tally } from './tally.ts'

const US_PER_HOUR = US_PER_DAY / 24

const USUAL_RANGE: RangeName = '30d'

export type OverviewQuery = {
  readonly range?: string | undefined
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly sensor?: string | undefined
  readonly by?: string | undefined
}

/** A row of equal steps. */
export type Series = {
  readonly startUs: InstantUs
  readonly stepUs: number
  readonly events: readonly number[]
  readonly sessions: readonly number[]
  /** Events of the period before, step by step; empty by the hour. */
  readonly eventsBefore: readonly number[]
}

export type Figure = { readonly now: number; readonly before: number }

export type TopValue = {
  readonly value: SafeText
  readonly events: number
  readonly sessions: number
}
export type TopCommand = TopValue & { readonly threat: number; readonly hazard: number }
export type TopAddress = TopValue & {
  readonly country: SafeText | null
  readonly asn: number | null
  readonly organisation: SafeText | null
}

export const NEW_KINDS = ['file', 'url', 'command', 'hassh', 'clientVersion', 'ip'] as const
export type NewKind = (typeof NEW_KINDS)[number]

export type Overview = {
  readonly range: RangeName | 'custom'
  readonly span: Span
  readonly sensor: string | undefined
  readonly conservation: Conservation
  readonly series: Series
  readonly events: Figure
  readonly sessions: Figure
  readonly loginsAccepted: Figure
  readonly loginsTried: number
  readonly addresses: number
  readonly files: number
  /** First met on the last day with events, and not in so many days before. */
  readonly news: {
    readonly day: DayNumber
    readonly days: number
    readonly counts: Readonly<Record<NewKind, number>>
    readonly values: readonly (TopCommand & { readonly kind: NewKind })[]
  }
  readonly commands: readonly TopCommand[]
  readonly credentials: readonly TopValue[]
  readonly topAddresses: readonly TopAddress[]
  /** Sessions by country; empty where no database of places is kept. */
  readonly countries: readonly { readonly country: SafeText | null; readonly sessions: number }[]
  readonly completeness: CompletenessFigures
}

type Kept = {
  readonly version: StoreVersion
  readonly atUs: InstantUs
  readonly opened: OpenedOverview
}
type House = {
  readonly kept: Map<string, Kept>
  readonly activity: ActivityCache
}

/** One for a store: what was counted of it lately. */
const HOUSES = new WeakMap<object, House>()

/** What is known of an overview at once. */
export type OverviewHead = Pick<Overview, 'range' | 'span' | 'sensor' | 'conservation'>

/** An overview that is made, or will be. */
export type OpenedOverview = OverviewHead & { readonly made: Promise<Overview> }

/** The overview of a span. @throws UsageError */
export async function overview(
  parts: Pick<Parts, 'store' | 'clock' | 'rules'>,
  asked: OverviewQuery,
): Promise<Overview> {
  return (await openOverview(parts, asked)).made
}

/**
 * Begins with the overview of a span, or takes the one that is kept for some seconds, or as long as nothing was added.
 *
 * @throws UsageError
 */
export async function openOverview(
  parts: Pick<Parts, 'store' | 'clock' | 'rules'>,
  asked: OverviewQuery,
): Promise<OpenedOverview> {
  let house = HOUSES.get(parts.store)
  if (house === undefined) {
    house = { kept: new Map(), activity: new ActivityCache() }
    HOUSES.set(parts.store, house)
  }
  const nowUs = parts.clock()
  const range =
    asked.range === 'custom' || (asked.range === undefined && asked.from !== undefined)
      ? 'custom'
      : (RANGES.find((one) => one === asked.range) ?? USUAL_RANGE)
  const span = range === 'custom' ? customSpan(asked, nowUs) : await spanOf(parts, range)
  // The minute of a span that ends now does not make another overview of it.
  const name = JSON.stringify([range, range === 'custom' ? span : 0, asked.sensor, asked.by])
  const version = await storeVersion(parts.store.query)
  const kept = house.kept.get(name)
  const isSame = kept?.version.batch === version.batch && kept.version.decision === version.decision
  const ageUs = kept === undefined ? Infinity : nowUs - kept.atUs
  if (
    kept !== undefined &&
    ageUs < (isSame ? LIMITS.overviewKeptMsMax : LIMITS.overviewFreshMs) * 1000
  )
    return kept.opened
  await house.activity.follow(parts, version)
  const head: OverviewHead = {
    range,
    span,
    sensor: asked.sensor,
    conservation: await conservation(parts.store.query),
  }
  const made = make(parts, house.activity, head, asked.by)
  const opened: OpenedOverview = { ...head, made }
  house.kept.delete(name)
  house.kept.set(name, { version, atUs: nowUs, opened })
  for (const oldest of house.kept.keys()) {
    if (house.kept.size <= LIMITS.overviewsKept) break
    house.kept.delete(oldest)
  }
  made.catch(() => {
    // A newer one may stand there by now.
    if (house.kept.get(name)?.opened === opened) house.kept.delete(name)
  })
  return opened
}

/**
 * Makes the overviews that people open first before they do, the usual one before the others. What is asked for
 * meanwhile gets its turn between short questions.
 */
export async function warmOverviews(
  parts: Pick<Parts, 'store' | 'clock' | 'rules'>,
  signal: AbortSignal,
): Promise<void> {
  for (const range of [USUAL_RANGE, ...RANGES.filter((one) => one !== USUAL_RANGE)]) {
    if (signal.aborted) return
    await overview(parts, { range })
  }
}

function customSpan({ from, until }: OverviewQuery, nowUs: InstantUs): Span {
  const untilUs = until === undefined ? (dayOf(nowUs) + 1) * US_PER_DAY : instantOf(until, 'until')
  const sinceUs = from === undefined ? untilUs - 30 * US_PER_DAY : instantOf(from, 'from')
  const least = untilUs - LIMITS.overviewDaysMax * US_PER_DAY
  return {
    sinceUs: Math.min(Math.max(sinceUs, least), untilUs - US_PER_HOUR),
    untilUs,
    isBehind: false,
  }
}

async function make(
  parts: Pick<Parts, 'store' | 'rules'>,
  activity: ActivityCache,
  head: OverviewHead,
  by: string | undefined,
): Promise<Overview> {
  const { query } = parts.store
  const { span } = head
  // A sensor that is not there has no events.
  const sensor = head.sensor === undefined ? undefined : ((await sensorId(query, head.sensor)) ?? 0)
  const fromDay = dayOf(span.sinceUs)
  const untilDay = dayOf(span.untilUs - 1) + 1
  const days = untilDay - fromDay
  const isByHour = by === 'hour' || (by !== 'day' && days <= LIMITS.overviewHourDays)
  const series = isByHour
    ? await hourly(parts, activity, span, sensor)
    : await daily(parts, activity, fromDay, untilDay, sensor)
  const kinds = await eventsOfDays(query, fromDay - days, untilDay, sensor)
  const count = (pattern: RegExp, from: DayNumber, until: DayNumber): number =>
    kinds.reduce(
      (sum, one) =>
        one.day >= from && one.day < until && pattern.test(one.eventid) ? sum + one.count : sum,
      0,
    )
  const lengthUs = span.untilUs - span.sinceUs
  const isWhole = span.sinceUs % US_PER_DAY === 0 && span.untilUs % US_PER_DAY === 0
  const sum = (list: readonly number[]): number => list.reduce((all, one) => all + one, 0)
  let sessionsBefore = 0
  let eventsBefore = 0
  for (const steps of inDays(span.sinceUs - lengthUs, span.sinceUs)) {
    sessionsBefore += sum(await activity.sessions(parts, steps, sensor))
    if (!isWhole) eventsBefore += sum(await activity.events(parts, steps, sensor))
  }
  const tallies = {
    command: await activity.tally(parts, 'command', fromDay, untilDay, sensor),
    credential: await activity.tally(parts, 'credential', fromDay, untilDay, sensor),
    ip: await activity.tally(parts, 'ip', fromDay, untilDay, sensor),
    file: await activity.tally(parts, 'file', fromDay, untilDay, sensor),
  }
  const newest = await newestDay(parts, untilDay)
  const report = await ReportQueries.open(query, { fromDay, untilDay, sensor: head.sensor })
  return {
    ...head,
    series,
    events: {
      now: isWhole ? count(/./s, fromDay, untilDay) : sum(series.events),
      before: isWhole ? count(/./s, fromDay - days, fromDay) : eventsBefore,
    },
    sessions: { now: sum(series.sessions), before: sessionsBefore },
    loginsAccepted: {
      now: count(/^cowrie\.login\.success$/, fromDay, untilDay),
      before: count(/^cowrie\.login\.success$/, fromDay - days, fromDay),
    },
    loginsTried: count(/^cowrie\.login\.(?:success|failed)$/, fromDay, untilDay),
    addresses: tallies.ip.size,
    files: tallies.file.size,
    news: await newsOf(parts, newest, head.sensor),
    commands: scored(parts.rules, await topOf(parts, tallies.command, LIMITS.overviewTop)),
    credentials: await topOf(parts, tallies.credential, LIMITS.overviewTop),
    ...(await placesOf(parts, tallies.ip)),
    completeness: await report.completeness(),
  }
}

/** Days, and what is left of one. */
function inDays(fromUs: InstantUs, untilUs: InstantUs): readonly Steps[] {
  const count = Math.floor((untilUs - fromUs) / US_PER_DAY)
  const restUs = fromUs + count * US_PER_DAY
  return [
    { startUs: fromUs, stepUs: US_PER_DAY, count },
    ...(restUs === untilUs ? [] : [{ startUs: restUs, stepUs: untilUs - restUs, count: 1 }]),
  ]
}

async function newestDay({ store }: Pick<Parts, 'store'>, untilDay: DayNumber): Promise<DayNumber> {
  const newest = await ReportQueries.newestDay(store.query)
  return Math.min(newest ?? untilDay - 1, untilDay - 1)
}

async function hourly(
  parts: Pick<Parts, 'store'>,
  activity: ActivityCache,
  { sinceUs, untilUs }: Span,
  sensor: number | undefined,
): Promise<Series> {
  const startUs = Math.floor(sinceUs / US_PER_HOUR) * US_PER_HOUR
  const count = Math.ceil((untilUs - startUs) / US_PER_HOUR)
  const steps = { startUs, stepUs: US_PER_HOUR, count }
  return {
    startUs,
    stepUs: US_PER_HOUR,
    events: await activity.events(parts, steps, sensor),
    sessions: await activity.sessions(parts, steps, sensor),
    eventsBefore: [],
  }
}

async function daily(
  parts: Pick<Parts, 'store'>,
  activity: ActivityCache,
  fromDay: DayNumber,
  untilDay: DayNumber,
  sensor: number | undefined,
): Promise<Series> {
  const days = untilDay - fromDay
  const byDay = new Map<DayNumber, number>()
  for (const { day, count } of await eventsOfDays(
    parts.store.query,
    fromDay - days,
    untilDay,
    sensor,
  ))
    byDay.set(day, (byDay.get(day) ?? 0) + count)
  const events: number[] = []
  const before: number[] = []
  for (let day = fromDay; day < untilDay; day += 1) {
    events.push(byDay.get(day) ?? 0)
    before.push(byDay.get(day - days) ?? 0)
  }
  const startUs = fromDay * US_PER_DAY
  const steps = { startUs, stepUs: US_PER_DAY, count: days }
  const sessions = await activity.sessions(parts, steps, sensor)
  return { startUs, stepUs: US_PER_DAY, events, sessions, eventsBefore: before }
}

async function topOf(
  parts: Pick<Parts, 'store'>,
  counted: Tally,
  limit: number,
): Promise<TopValue[]> {
  return (await rankedOf(parts, counted, limit)).map(({ id, ...top }) => top)
}

/** The most frequent; of equal ones those with the smaller text, as in reports. */
async function rankedOf(
  { store }: Pick<Parts, 'store'>,
  counted: Tally,
  limit: number,
): Promise<(TopValue & { readonly id: number })[]> {
  // Many may share the last place; so many of them are compared by their texts.
  const candidates = mostFrequent(counted, limit).slice(0, limit + LIMITS.overviewTiesMax)
  const texts = await textsOf(
    store.query,
    candidates.map(([id]) => id),
  )
  return candidates
    .map(([id, sums]) => ({ id, value: texts.get(id) ?? ownText(''), ...sums }))
    .sort((a, b) => b.events - a.events || compareUtf8(a.value, b.value))
    .slice(0, limit)
}

/** The most frequent and all that are as frequent as the last of them: a sort of all would stop the server for long. */
function mostFrequent(counted: Tally, limit: number): readonly (readonly [number, Sums])[] {
  const most: number[] = []
  counted.forEach((_, events) => {
    if (most.length === limit && events <= most.at(-1)!) return
    const at = most.findIndex((one) => one < events)
    most.splice(at < 0 ? most.length : at, 0, events)
    if (most.length > limit) most.pop()
  })
  const floor = most.at(-1) ?? 0
  const found: (readonly [number, Sums])[] = []
  counted.forEach((id, events, sessions) => {
    if (events >= floor) found.push([id, { events, sessions }])
  })
  return found.sort(([, a], [, b]) => b.events - a.events)
}

function scored<T extends TopValue>(
  rules: Parts['rules'],
  values: readonly T[],
): (T & { readonly threat: number; readonly hazard: number })[] {
  return values.map((one) => {
    const { threat, hazard } = rules.match(fromVisible(one.value), 'command')
    return { ...one, threat, hazard }
  })
}

async function placesOf(
  parts: Pick<Parts, 'store'>,
  addresses: Tally,
): Promise<Pick<Overview, 'topAddresses' | 'countries'>> {
  const { query } = parts.store
  const top = await rankedOf(parts, addresses, LIMITS.overviewTop)
  const ofTop = new Map<number, Omit<TopAddress, keyof TopValue>>()
  const countries = new Map<SafeText | null, number>()
  let after = -1
  let known = 0
  while (true) {
    const places = await placesBehind(query, after, LIMITS.overviewPlaces)
    for (const { id, country, asn, organisation } of places) {
      const sums = addresses.get(id)
      if (sums === undefined) continue
      countries.set(country, (countries.get(country) ?? 0) + sums.sessions)
      known += sums.sessions
      ofTop.set(id, { country, asn, organisation })
    }
    if (places.length < LIMITS.overviewPlaces) break
    after = places.at(-1)!.id
    await turn()
  }
  let all = 0
  addresses.forEach((_id, _events, sessions) => {
    all += sessions
  })
  if (countries.size > 0 && all > known)
    countries.set(null, (countries.get(null) ?? 0) + all - known)
  const none = { country: null, asn: null, organisation: null }
  return {
    topAddresses: top.map(({ id, ...one }) => ({ ...one, ...(ofTop.get(id) ?? none) })),
    countries: [...countries]
      .map(([country, sessions]) => ({ country, sessions }))
      .sort((a, b) => b.sessions - a.sessions || compareUtf8(a.country ?? '', b.country ?? ''))
      .slice(0, LIMITS.overviewTop),
  }
}

/** The question that reports ask of their period, asked of a day. */
async function newsOf(
  { store, rules }: Pick<Parts, 'store' | 'rules'>,
  day: DayNumber,
  sensor: string | undefined,
): Promise<Overview['news']> {
  const source = await InsightQueries.open(store.query, { fromDay: day, untilDay: day + 1, sensor })
  const counts: Record<NewKind, number> = {
    file: 0,
    url: 0,
    command: 0,
    hassh: 0,
    clientVersion: 0,
    ip: 0,
  }
  const values: (TopCommand & { kind: NewKind })[] = []
  for (const kind of NEW_KINDS) {
    const known = await knownOf(source, kind, new Map())
    const { total, first } = await newOf(source, known, kind === 'ip' ? 0 : LIMITS.overviewNew)
    counts[kind] = total
    const newest = first.map(({ place, value }) => {
      const { events, sessions } = known.at(place)
      return { value, events, sessions }
    })
    const shown =
      kind === 'command'
        ? scored(rules, newest)
            .sort((a, b) => b.threat - a.threat)
            .slice(0, 2)
        : newest.slice(0, 2).map((one) => ({ ...one, threat: 0, hazard: 0 }))
    values.push(...shown.map((one) => ({ ...one, kind })))
    await turn()
  }
  return { day, days: LIMITS.newValueDays, counts, values: values.slice(0, LIMITS.overviewNew) }
}

/** The overview as the API gives it. */
export function overviewJson(found: Overview): object {
  const { span, series, news, ...rest } = found
  return {
    range: rest.range,
    from: formatInstant(span.sinceUs),
    until: formatInstant(span.untilUs),
    endsWithNewestEvent: span.isBehind,
    sensor: rest.sensor ?? null,
    conservation: {
      ...rest.conservation,
      sinceUs: undefined,
      since:
        rest.conservation.sinceUs === undefined ? null : formatInstant(rest.conservation.sinceUs),
    },
    series: {
      from: formatInstant(series.startUs),
      stepSeconds: series.stepUs / 1_000_000,
      events: series.events,
      sessions: series.sessions,
      eventsBefore: series.eventsBefore,
    },
    events: rest.events,
    sessions: rest.sessions,
    loginsAccepted: rest.loginsAccepted,
    loginsTried: rest.loginsTried,
    addresses: rest.addresses,
    files: rest.files,
    news: { ...news, day: formatInstant(news.day * US_PER_DAY).slice(0, 10) },
    commands: rest.commands,
    credentials: rest.credentials,
    topAddresses: rest.topAddresses,
    countries: rest.countries,
    completeness: rest.completeness,
  }
}
