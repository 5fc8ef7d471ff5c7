/**
 * Finds sessions by anything they hold, in any order, a page at a time.
 *
 * Two ways, chosen by counting: where one of the conditions leaves few sessions, these are gathered and sorted; else
 * the index of the order is walked until the page is full. A walk looks at so many sessions and no more, and says how
 * far it came.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { blake3 } from '../../core/blake3.ts'
import { VALUE_KINDS, type ValueKind } from '../../core/event.ts'
import { dayOf, type InstantUs, US_PER_DAY } from '../../core/instant.ts'
import type { SafeText } from '../../core/text.ts'
import { rulesOf } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'
import type { Database, SessionKey } from '../schema.ts'
import { containing } from './containing.ts'
import { type SessionRecord, sessionsOfKeys } from './sessions.ts'

export const SESSION_SORTS = [
  'start',
  'threat',
  'hazard',
  'commands',
  'duration',
  'events',
] as const
export type SessionSort = (typeof SESSION_SORTS)[number]

/** Values that a session can be asked for exactly. */
export const EXACT_VALUES = [
  'username',
  'password',
  'credential',
  'file',
  'url',
  'hassh',
  'clientVersion',
] as const satisfies readonly ValueKind[]

/** All of the conditions hold for a session that is found. Texts are in visible form and compared exactly. */
export type SessionConditions = {
  /** First event at or after, and before. */
  readonly sinceUs?: InstantUs
  readonly untilUs?: InstantUs
  readonly sensor?: string
  readonly session?: string
  /** The peer's address, or its network as `192.0.2.0/24`. */
  readonly address?: string
  readonly network?: Network
  readonly country?: string
  readonly asn?: number
  readonly protocol?: string
  readonly values?: Partial<Readonly<Record<(typeof EXACT_VALUES)[number], string>>>
  /** Part of a command; letters of ASCII in either case. */
  readonly command?: string
  /** Each of these occurs in one and the same command, as above. */
  readonly words?: readonly string[]
  readonly eventid?: string
  /** One of these rules hit an event of it. */
  readonly rules?: readonly string[]
  readonly threatMin?: number
  readonly hazardMin?: number
  readonly commandsMin?: number
  readonly eventsMin?: number
  readonly durationMsMin?: number
  readonly durationMsMax?: number
  readonly withLogin?: boolean
  readonly withCommands?: boolean
  readonly withFiles?: boolean
}

export type Network = { readonly address: string; readonly prefix: number }

/** Where a page ends: what the order compares, the last part as a tie-break that is the same in every store. */
export type SessionPosition = {
  /** 0 where the order is that of the start. */
  readonly key: number
  readonly startUs: InstantUs
  readonly sensor: string
  readonly session: string
}

export type SessionSearch = {
  readonly conditions: SessionConditions
  readonly sort: SessionSort
  readonly order: 'asc' | 'desc'
  /** Goes on behind a place, or back from it; undefined for the first page. */
  readonly from?: { readonly position: SessionPosition; readonly direction: 'after' | 'before' }
  readonly limit: number
}

export type SessionPage = {
  readonly sessions: readonly SessionRecord[]
  readonly previous: SessionPosition | undefined
  readonly next: SessionPosition | undefined
  /** The page is not full because the search stopped here, having looked at so many sessions. */
  readonly stopped: { readonly position: SessionPosition; readonly looked: number } | undefined
}

/** @param isExact - false: at least so many */
export type SessionCount = { readonly count: number; readonly isExact: boolean }

type Condition = {
  readonly holds: RawBuilder<boolean>
  /** Keys of the sessions that it holds for; several times, some of them. */
  readonly among?: RawBuilder<unknown>
  /** Among them are others, too. */
  readonly isWide?: boolean
  /** How many times as long it takes as one that looks at the session alone; 1 where it is left out. */
  readonly weight?: number
  /** Numbers of the values of which one occurs in the session. */
  readonly valueIds?: readonly number[]
}

/** A condition that sessions are found by. */
type Source = Condition & { readonly among: RawBuilder<unknown> }

type Plan =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'gather'; readonly from: Source }
  /** @param from - of more sessions than are gathered, for a count */
  | { readonly kind: 'walk'; readonly from: Source | undefined }

/** What conditions come to in this store; made once for a page and its count. */
export type PreparedSearch = {
  readonly search: SessionSearch
  readonly conditions: readonly Condition[]
  readonly plan: Plan
}

type FoundRow = SessionPosition & { readonly sessionKey: SessionKey }

const KEYS: Readonly<Record<Exclude<SessionSort, 'start'>, RawBuilder<number>>> = {
  threat: sql`sessions.threat_score`,
  hazard: sql`sessions.hazard_score`,
  commands: sql`sessions.command_count`,
  // A session without a known duration stands below all others.
  duration: sql`coalesce(sessions.duration_ms, -1)`,
  events: sql`sessions.event_count`,
}

/** Columns that count events of one id. */
const COUNTED: Readonly<Record<string, RawBuilder<number>>> = {
  'cowrie.session.connect': sql`sessions.connect_count`,
  'cowrie.session.closed': sql`sessions.closed_count`,
  'cowrie.command.input': sql`sessions.command_count`,
  'cowrie.command.failed': sql`sessions.failed_command_count`,
  'cowrie.login.failed': sql`sessions.login_failed_count`,
  'cowrie.login.success': sql`sessions.login_success_count`,
  'cowrie.session.file_download': sql`sessions.download_count`,
  'cowrie.session.file_upload': sql`sessions.upload_count`,
}

/** Looks up what the conditions name, and chooses the way. */
export async function prepareSearch(
  query: Kysely<Database>,
  search: SessionSearch,
): Promise<PreparedSearch> {
  const conditions = await conditionsOf(query, search)
  if (conditions === undefined) return { search, conditions: [], plan: { kind: 'nothing' } }
  const sources = conditions.filter((one): one is Source => one.among !== undefined)
  let best: { readonly from: Source; readonly rows: number } | undefined
  for (const from of sources) {
    const most = best?.rows ?? LIMITS.searchGatherMax
    const rows = await countOf(query, from.among, most + 1)
    if (rows <= most) best = { from, rows }
    if (rows === 0) break
  }
  const plan: Plan =
    best === undefined
      ? { kind: 'walk', from: sources[0] }
      : best.rows === 0
        ? { kind: 'nothing' }
        : { kind: 'gather', from: best.from }
  return { search, conditions, plan }
}

/**
 * One page of the sessions that the conditions hold for.
 *
 * @param clock - a walk whose questions take long stops before it has looked at as many as it may
 */
export async function searchSessions(
  query: Kysely<Database>,
  prepared: PreparedSearch,
  clock: () => InstantUs,
): Promise<SessionPage> {
  const { search, conditions, plan } = prepared
  const isBack = search.from?.direction === 'before'
  const direction = isBack ? flipped(search.order) : search.order
  const from = search.from?.position
  let found: readonly FoundRow[] = []
  let stopped: SessionPage['stopped']
  if (plan.kind === 'gather') {
    const bounds = from === undefined ? [] : [beyond(search.sort, direction, from)]
    const rows = (columns: RawBuilder<unknown>) =>
      sql`${matching(search, conditions, plan.from, plan.from.among, bounds, columns)} ${inOrder(search.sort, direction)}`
    found = await rowsOf(query, search.sort, rows, search.limit + 1)
  }
  if (plan.kind === 'walk')
    ({ found, stopped } = await walked(query, search, conditions, direction, clock))
  const hasMore = found.length > search.limit
  const shown = found.slice(0, search.limit)
  if (isBack) shown.reverse()
  const first = shown[0]
  const last = shown.at(-1)
  const goesOn = hasMore || stopped !== undefined
  return {
    sessions: await sessionsOfKeys(
      query,
      shown.map((row) => row.sessionKey),
    ),
    previous: isBack
      ? goesOn
        ? hasMore
          ? first
          : stopped!.position
        : undefined
      : from === undefined
        ? undefined
        : (first ?? from),
    next: isBack ? (last ?? from) : hasMore ? last : stopped?.position,
    stopped,
  }
}

/** How many sessions the conditions hold for, exact up to `LIMITS.searchCountMax`. */
export async function countSessions(
  query: Kysely<Database>,
  { search, conditions, plan }: PreparedSearch,
  clock: () => InstantUs,
): Promise<SessionCount> {
  if (plan.kind === 'nothing') return { count: 0, isExact: true }
  const most = LIMITS.searchCountMax + 1
  if (plan.kind === 'gather') {
    const count = await countOf(query, matching(search, conditions, plan.from), most)
    return { count: Math.min(count, most - 1), isExact: count < most }
  }
  if (plan.from !== undefined) {
    const look = LIMITS.searchCountLookMax
    const among = sql`select * from (${plan.from.among} limit ${sql.lit(look)}) as looked`
    const count = await countOf(query, matching(search, conditions, plan.from, among), most)
    const isExact = count < most && (await countOf(query, plan.from.among, look)) < look
    return { count: Math.min(count, most - 1), isExact }
  }
  // Whatever the order of the page: the index of the start is the one that tells most.
  const newest: SessionSearch = { ...search, sort: 'start', order: 'desc' }
  let from: SessionPosition | undefined
  let count = 0
  let looked = 0
  let tookUs = 0
  while (true) {
    const askedAtUs = clock()
    const stretch = await horizon(query, newest, conditions, 'desc', from)
    const bounds = within(newest, 'desc', from, stretch.end)
    const rows = walking(newest, conditions, bounds, 'desc', sql`1 as one`)
    count += await countOf(query, rows, most - count)
    looked += stretch.looked
    tookUs += clock() - askedAtUs
    if (count >= most || stretch.isEnd || isEnough(conditions, looked, tookUs))
      return { count: Math.min(count, most - 1), isExact: count < most && stretch.isEnd }
    from = stretch.end
    await turn()
  }
}

function flipped(order: 'asc' | 'desc'): 'asc' | 'desc' {
  return order === 'asc' ? 'desc' : 'asc'
}

async function countOf(
  query: Kysely<Database>,
  rows: RawBuilder<unknown>,
  most: number,
): Promise<number> {
  const { rows: counted } = await sql<{
    readonly n: number
  }>`select count(*) as n from (${rows} limit ${sql.lit(most)}) as counted`.execute(query)
  return Number(counted[0]!.n)
}

/** Those of the sessions of a source that all conditions hold for. @param among - in place of all of them */
function matching(
  search: SessionSearch,
  conditions: readonly Condition[],
  from: Source,
  among = from.among,
  bounds: readonly RawBuilder<boolean>[] = [],
  columns: RawBuilder<unknown> = sql`1 as one`,
): RawBuilder<unknown> {
  const holds = [
    sql`sessions.session_key = chosen.session_key`,
    sql`sensors.id = sessions.sensor_id`,
    sql`sessions.session <> ''`,
    ...bounds,
    ...conditions.filter((one) => one !== from || one.isWide).map((one) => one.holds),
    ...(search.sort === 'start' ? timesOf(search.conditions) : []),
  ]
  // Crosswise, which keeps an engine that knows little of its tables to this order of them.
  return sql`select ${columns} from (select distinct session_key from (${among}) as found) as chosen cross join sessions cross join sensors where ${sql.join(holds, sql` and `)}`
}

/** The sessions of a stretch that all conditions hold for, in its order. */
function walking(
  search: SessionSearch,
  conditions: readonly Condition[],
  bounds: readonly RawBuilder<boolean>[],
  direction: 'asc' | 'desc',
  columns: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const holds = [
    sql`sensors.id = sessions.sensor_id`,
    sql`sessions.session <> ''`,
    ...bounds,
    ...conditions.map((one) => one.holds),
  ]
  return sql`select ${columns} from sessions cross join sensors where ${sql.join(holds, sql` and `)} ${inOrder(search.sort, direction)}`
}

function inOrder(sort: SessionSort, direction: 'asc' | 'desc'): RawBuilder<unknown> {
  const by = sql.raw(direction)
  const key = sort === 'start' ? sql`` : sql`${KEYS[sort]} ${by}, `
  return sql`order by ${key}sessions.first_event_us ${by}, sensors.name ${by}, sessions.session ${by}`
}

/** The range of the start, where no index is walked by it. The plus keeps engines from an index of their own choice. */
function timesOf({ sinceUs, untilUs }: SessionConditions): RawBuilder<boolean>[] {
  return [
    ...(sinceUs === undefined ? [] : [sql<boolean>`+sessions.first_event_us >= ${sinceUs}`]),
    ...(untilUs === undefined ? [] : [sql<boolean>`+sessions.first_event_us < ${untilUs}`]),
  ]
}

async function rowsOf(
  query: Kysely<Database>,
  sort: SessionSort,
  rows: (columns: RawBuilder<unknown>) => RawBuilder<unknown>,
  limit: number,
): Promise<readonly FoundRow[]> {
  const key = sort === 'start' ? sql`0` : KEYS[sort]
  const columns = sql`sessions.session_key as "sessionKey", ${key} as "key", sessions.first_event_us as "startUs", sensors.name as "sensor", sessions.session as "session"`
  const found = await sql<FoundRow>`${rows(columns)} limit ${sql.lit(limit)}`.execute(query)
  return found.rows.map((row) => ({ ...row, key: Number(row.key), startUs: Number(row.startUs) }))
}

/** Walks the index of the order, stretch by stretch; others get a turn after each. */
async function walked(
  query: Kysely<Database>,
  search: SessionSearch,
  conditions: readonly Condition[],
  direction: 'asc' | 'desc',
  clock: () => InstantUs,
): Promise<{ readonly found: readonly FoundRow[]; readonly stopped: SessionPage['stopped'] }> {
  const found: FoundRow[] = []
  let from = search.from?.position
  let looked = 0
  let tookUs = 0
  while (true) {
    const askedAtUs = clock()
    if (search.sort === 'start' && direction === 'desc')
      from = await skipped(query, search, conditions, from)
    const stretch = await horizon(query, search, conditions, direction, from)
    const bounds = within(search, direction, from, stretch.end)
    const left = search.limit + 1 - found.length
    const rows = (columns: RawBuilder<unknown>) =>
      walking(search, conditions, bounds, direction, columns)
    found.push(...(await rowsOf(query, search.sort, rows, left)))
    looked += stretch.looked
    tookUs += clock() - askedAtUs
    if (found.length > search.limit || stretch.isEnd) return { found, stopped: undefined }
    from = stretch.end
    if (isEnough(conditions, looked, tookUs))
      return { found, stopped: from && { position: from, looked } }
    await turn()
  }
}

/** Whether a walk stops. @param tookUs - of its own: while others have their turn it does not pass */
function isEnough(conditions: readonly Condition[], looked: number, tookUs: number): boolean {
  return looked >= budgetOf(conditions) || tookUs >= LIMITS.searchWalkMsMax * 1_000
}

function budgetOf(conditions: readonly Condition[]): number {
  const weight = Math.max(1, ...conditions.map((one) => one.weight ?? 1))
  return Math.floor(LIMITS.searchWalkMax / weight)
}

/** A place behind the next stretch of a walk; the end is reached where fewer sessions are left. */
async function horizon(
  query: Kysely<Database>,
  search: SessionSearch,
  conditions: readonly Condition[],
  direction: 'asc' | 'desc',
  from: SessionPosition | undefined,
): Promise<{
  readonly end: SessionPosition | undefined
  readonly isEnd: boolean
  readonly looked: number
}> {
  if (conditions.length === 0) return { end: undefined, isEnd: true, looked: 0 }
  const { sort } = search
  const stretch = Math.ceil(budgetOf(conditions) / LIMITS.searchStretches)
  const by = sql.raw(direction)
  const holds = [sql<boolean>`sessions.session <> ''`, ...prefixes(search, direction, from)]
  const order =
    sort === 'start'
      ? sql`sessions.first_event_us ${by}`
      : sql`${KEYS[sort]} ${by}, sessions.first_event_us ${by}`
  const key = sort === 'start' ? sql`0` : KEYS[sort]
  const { rows } = await sql<{ readonly key: number; readonly startUs: number }>`
    select ${key} as "key", sessions.first_event_us as "startUs" from sessions
    where ${sql.join(holds, sql` and `)} order by ${order} limit 1 offset ${sql.lit(stretch)}`.execute(
    query,
  )
  const row = rows[0]
  if (row === undefined) return { end: undefined, isEnd: true, looked: 0 }
  // Behind all sessions of this start: their names are never empty.
  const startUs = Number(row.startUs) + (direction === 'asc' ? 1 : 0)
  const end = { key: Number(row.key), startUs, sensor: '', session: '' }
  return { end, isEnd: false, looked: stretch }
}

function hasTimes({ sinceUs, untilUs }: SessionConditions): boolean {
  return sinceUs !== undefined || untilUs !== undefined
}

/** The smallest value of the key that the conditions let through. */
function keyMin({ sort, conditions }: SessionSearch): number | undefined {
  switch (sort) {
    case 'start':
      return undefined
    case 'threat':
      return conditions.threatMin
    case 'hazard':
      return conditions.hazardMin
    case 'commands':
      return conditions.commandsMin
    case 'duration':
      return conditions.durationMsMin
    case 'events':
      return conditions.eventsMin
  }
}

/**
 * Bounds of a walk in columns that lead its index: one for each side. Of two for a side an engine takes one, and it may be
 * the wider: then it reads the index to its end for each stretch.
 *
 * @param end - of the stretch, with it what stands before it; undefined where it goes on to the end of the index
 */
function prefixes(
  search: SessionSearch,
  direction: 'asc' | 'desc',
  from: SessionPosition | undefined,
  end?: SessionPosition | undefined,
): RawBuilder<boolean>[] {
  const { sinceUs, untilUs } = search.conditions
  const isUp = direction === 'asc'
  // A place without names stands before all sessions of its start: on the way down they were met.
  const isBefore = from?.sensor === '' && from.session === ''
  if (search.sort === 'start') {
    const low = Math.max(sinceUs ?? -Infinity, (isUp ? from?.startUs : end?.startUs) ?? -Infinity)
    const high = Math.min(
      untilUs === undefined ? Infinity : untilUs - 1,
      isUp || from === undefined ? Infinity : from.startUs - (isBefore ? 1 : 0),
      isUp && end !== undefined ? end.startUs - 1 : Infinity,
    )
    return [
      ...(low === -Infinity ? [] : [sql<boolean>`sessions.first_event_us >= ${low}`]),
      // Always there: without a bound an engine may take another index and sort.
      sql<boolean>`sessions.first_event_us <= ${Math.min(high, Number.MAX_SAFE_INTEGER)}`,
    ]
  }
  const { sort } = search
  const key = KEYS[sort]
  const least = keyMin(search)
  const bound = (sign: '<' | '<=' | '>=', at: SessionPosition, startUs: InstantUs) => [
    ...keyBound(sort, sign === '>=' ? '>=' : '<=', at.key),
    sql<boolean>`(${key}, sessions.first_event_us) ${sql.raw(sign)} (${at.key}, ${startUs})`,
  ]
  const low = isUp ? from : end
  return [
    ...(low !== undefined
      ? bound('>=', low, low.startUs)
      : least === undefined
        ? []
        : [sql<boolean>`${key} >= ${least}`]),
    ...(isUp
      ? end === undefined
        ? []
        : bound('<', end, end.startUs)
      : from === undefined
        ? []
        : bound('<=', from, from.startUs - (isBefore ? 1 : 0))),
  ]
}

/** A pair bounds no walk where its first is an expression: an engine would read the index to its end, or take another. */
function keyBound(
  sort: Exclude<SessionSort, 'start'>,
  sign: '<=' | '>=',
  key: number,
): RawBuilder<boolean>[] {
  return sort === 'duration' ? [sql<boolean>`${KEYS[sort]} ${sql.raw(sign)} ${key}`] : []
}

/** Bounds of a stretch: behind `from`, up to `end` and with it what stands before it. */
function within(
  search: SessionSearch,
  direction: 'asc' | 'desc',
  from: SessionPosition | undefined,
  end: SessionPosition | undefined,
): RawBuilder<boolean>[] {
  return [
    ...prefixes(search, direction, from, end),
    ...(from === undefined ? [] : [beyond(search.sort, direction, from)]),
  ]
}

/** Sessions that come after a place in the order. */
function beyond(
  sort: SessionSort,
  direction: 'asc' | 'desc',
  { key, startUs, sensor, session }: SessionPosition,
): RawBuilder<boolean> {
  const sign = sql.raw(direction === 'asc' ? '>' : '<')
  return sort === 'start'
    ? sql`(sessions.first_event_us, sensors.name, sessions.session) ${sign} (${startUs}, ${sensor}, ${session})`
    : sql`(${KEYS[sort]}, sessions.first_event_us, sensors.name, sessions.session) ${sign} (${key}, ${startUs}, ${sensor}, ${session})`
}

/** Found by measuring: a look at the values of a session, and at its events. */
const WEIGHTS = { values: 3, events: 10, manyVerdicts: 20 } as const

const OVER_MIDNIGHT = sql<boolean>`(last_event_us / 86400000000 <> first_event_us / 86400000000) is true`

/**
 * Skips days, on the way back in time, on which no value occurs that a condition asks for.
 *
 * A session starts on the day of its first event at the latest, so none that holds the value starts after the newest
 * day of the value; but for those that go on over midnight, which are few and looked at.
 */
async function skipped(
  query: Kysely<Database>,
  { conditions: { untilUs } }: SessionSearch,
  conditions: readonly Condition[],
  from: SessionPosition | undefined,
): Promise<SessionPosition | undefined> {
  let upToUs = Math.min(from?.startUs ?? Infinity, untilUs ?? Infinity)
  let isMoved = false
  for (const { valueIds } of conditions) {
    if (valueIds === undefined || valueIds.length > LIMITS.searchSkipValuesMax) continue
    const upToDay = upToUs === Infinity ? undefined : dayOf(upToUs)
    let newest = -Infinity
    for (const id of valueIds) {
      const bound = upToDay === undefined ? sql`` : sql` and day <= ${upToDay}`
      const { rows } = await sql<{
        readonly day: number | null
      }>`select max(day) as day from session_values where value_id = ${id}${bound}`.execute(query)
      newest = Math.max(newest, Number(rows[0]?.day ?? -Infinity))
    }
    const lowUs = newest === -Infinity ? -Number.MAX_SAFE_INTEGER : (newest + 1) * US_PER_DAY
    if (lowUs >= upToUs) continue
    const highUs = Math.min(upToUs, Number.MAX_SAFE_INTEGER)
    const { rows } = await sql<{ readonly us: number | null }>`
      select max(first_event_us) as us from sessions where ${OVER_MIDNIGHT} and last_event_us >= ${lowUs}
      and +first_event_us >= ${lowUs} and +first_event_us <= ${highUs} and ${occursIn(valueIds)}`.execute(
      query,
    )
    const late = rows[0]?.us
    upToUs = Math.max(lowUs, late === null || late === undefined ? lowUs : Number(late) + 1)
    isMoved = true
  }
  return isMoved && upToUs < (from?.startUs ?? Infinity)
    ? { key: 0, startUs: upToUs, sensor: '', session: '' }
    : from
}

function listed(numbers: readonly number[]): RawBuilder<unknown> {
  return sql.raw(numbers.length === 0 ? 'null' : numbers.map((one) => Math.trunc(one)).join(','))
}

function occursIn(valueIds: readonly number[]): RawBuilder<boolean> {
  return sql`exists (select 1 from session_values as held where held.session_key = sessions.session_key and held.value_id in (${listed(valueIds)}))`
}

/** @returns undefined where one of them holds for no session at all */
async function conditionsOf(
  query: Kysely<Database>,
  search: SessionSearch,
): Promise<readonly Condition[] | undefined> {
  const asked = search.conditions
  const found: Condition[] = []
  if (search.sort !== 'start' && hasTimes(asked)) {
    const bounds = [
      sql<boolean>`session <> ''`,
      ...(asked.sinceUs === undefined ? [] : [sql<boolean>`first_event_us >= ${asked.sinceUs}`]),
      ...(asked.untilUs === undefined ? [] : [sql<boolean>`first_event_us < ${asked.untilUs}`]),
    ]
    found.push({
      holds: sql`${sql.join(timesOf(asked), sql` and `)}`,
      among: sql`select session_key from sessions where ${sql.join(bounds, sql` and `)}`,
    })
  }
  if (asked.sensor !== undefined) {
    const row = await query
      .selectFrom('sensors')
      .where('name', '=', asked.sensor)
      .select('id')
      .executeTakeFirst()
    if (row === undefined) return undefined
    found.push({ holds: sql`+sessions.sensor_id = ${row.id}` })
  }
  if (asked.session !== undefined)
    found.push({
      holds: sql`sessions.session = ${asked.session}`,
      among: sql`select session_key from sessions where session = ${asked.session}`,
    })
  if (asked.protocol !== undefined)
    found.push({ holds: sql`sessions.protocol = ${asked.protocol}` })
  for (const [column, least] of [
    ['threat_score', asked.threatMin],
    ['hazard_score', asked.hazardMin],
    ['command_count', asked.commandsMin],
    ['event_count', asked.eventsMin],
  ] as const) {
    if (least === undefined) continue
    const name = sql.raw(column)
    found.push({
      holds: sql`+sessions.${name} >= ${least}`,
      among: sql`select session_key from sessions where ${name} >= ${least} and session <> ''`,
    })
  }
  if (asked.durationMsMin !== undefined)
    found.push({
      holds: sql`+sessions.duration_ms >= ${asked.durationMsMin}`,
      among: sql`select session_key from sessions where coalesce(duration_ms, -1) >= ${asked.durationMsMin} and session <> ''`,
    })
  if (asked.durationMsMax !== undefined)
    found.push({ holds: sql`+sessions.duration_ms <= ${asked.durationMsMax}` })
  if (asked.withLogin === true) found.push({ holds: sql`sessions.login_success_count > 0` })
  if (asked.withCommands === true)
    found.push({ holds: sql`sessions.command_count + sessions.failed_command_count > 0` })
  if (asked.withFiles === true)
    found.push({ holds: sql`sessions.download_count + sessions.upload_count > 0` })
  for (const kind of EXACT_VALUES) {
    const text = asked.values?.[kind]
    if (text === undefined) continue
    const id = await valueId(query, kind, text)
    if (id === undefined) return undefined
    found.push(ofValues([id]))
  }
  const more = [
    await addressCondition(query, asked),
    await placeCondition(query, asked),
    await commandCondition(query, asked),
    await eventCondition(query, asked),
    await ruleCondition(query, asked),
  ]
  for (const one of more) {
    if (one === 'none') return undefined
    if (one !== undefined) found.push(one)
  }
  return found
}

function ofValues(valueIds: readonly number[]): Condition {
  return {
    holds: occursIn(valueIds),
    among: sql`select session_key from session_values where value_id in (${listed(valueIds)})`,
    weight: WEIGHTS.values,
    valueIds,
  }
}

/** The number of a text in the dictionary. */
export async function valueId(
  query: Kysely<Database>,
  kind: ValueKind,
  text: string,
): Promise<number | undefined> {
  const row = await query
    .selectFrom('values')
    .where('digest', '=', Buffer.from(blake3(Buffer.from(text)).subarray(0, 16)))
    .where('kind', '=', VALUE_KINDS[kind])
    .select('id')
    .executeTakeFirst()
  return row === undefined ? undefined : Number(row.id)
}

async function addressCondition(
  query: Kysely<Database>,
  { address, network }: SessionConditions,
): Promise<Condition | 'none' | undefined> {
  if (address !== undefined) {
    const id = await valueId(query, 'ip', address)
    return id === undefined ? 'none' : fromAddresses([id])
  }
  if (network === undefined) return undefined
  const ids = await addressesIn(query, network)
  return ids.length === 0 ? 'none' : fromAddresses(ids)
}

/** The peer itself, not an address that events of its session name besides. */
function fromAddresses(ids: readonly number[]): Condition {
  return {
    holds: sql`+sessions.src_ip in (${listed(ids)})`,
    among: sql`select session_key from session_values where value_id in (${listed(ids)})`,
    isWide: true,
    valueIds: ids,
  }
}

async function addressesIn(query: Kysely<Database>, network: Network): Promise<number[]> {
  const family = isIPv4(network.address) ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(network.address, network.prefix, family)
  let select = query
    .selectFrom('values')
    .where('kind', '=', sql.lit(VALUE_KINDS.ip))
    .select(['id', 'value'])
  // Whole numbers of the network stand at the start of its addresses.
  if (family === 'ipv4' && network.prefix >= 8) {
    const whole = network.address.split('.').slice(0, Math.floor(network.prefix / 8))
    const start = whole.length === 4 ? whole.join('.') : `${whole.join('.')}.`
    select = select.where(sql<boolean>`substr(value, 1, ${sql.lit(start.length)}) = ${start}`)
  }
  const isInside =
    family === 'ipv4'
      ? (text: string) => isIPv4(text) && list.check(text, 'ipv4')
      : (text: string) => isIPv6(text) && list.check(text, 'ipv6')
  return (await select.execute()).filter((row) => isInside(row.value)).map((row) => Number(row.id))
}

async function placeCondition(
  query: Kysely<Database>,
  { country, asn }: SessionConditions,
): Promise<Condition | 'none' | undefined> {
  if (country === undefined && asn === undefined) return undefined
  let select = query.selectFrom('address_places').select('value_id')
  if (country !== undefined) select = select.where('country', '=', country)
  if (asn !== undefined) select = select.where('asn', '=', asn)
  const ids = (await select.execute()).map((row) => Number(row.value_id))
  return ids.length === 0 ? 'none' : fromAddresses(ids)
}

async function commandCondition(
  query: Kysely<Database>,
  { command, words = [] }: SessionConditions,
): Promise<Condition | 'none' | undefined> {
  const parts = [
    ...(command === undefined ? [] : [[command]]),
    ...(words.length > 0 ? [words] : []),
  ]
  if (parts.length === 0) return undefined
  const conditions: Condition[] = []
  for (const each of parts) {
    const holds = sql.join(
      each.map((word) => containing(sql`value`, word)),
      sql` and `,
    )
    const { rows } = await sql<{ readonly id: number }>`
      select id from "values" where kind = ${sql.lit(VALUE_KINDS.command)} and ${holds} limit ${sql.lit(LIMITS.searchValuesMax + 1)}`.execute(
      query,
    )
    if (rows.length === 0) return 'none'
    conditions.push(
      rows.length <= LIMITS.searchValuesMax
        ? ofValues(rows.map((row) => Number(row.id)))
        : {
            weight: WEIGHTS.values,
            holds: sql`exists (select 1 from session_values as held cross join "values" where held.session_key = sessions.session_key and "values".id = held.value_id and "values".kind + 0 = ${sql.lit(VALUE_KINDS.command)} and ${holds})`,
          },
    )
  }
  const [first, second] = conditions
  return second === undefined
    ? first!
    : { ...first!, isWide: true, holds: sql`(${first!.holds} and ${second.holds})` }
}

async function eventCondition(
  query: Kysely<Database>,
  { eventid }: SessionConditions,
): Promise<Condition | 'none' | undefined> {
  if (eventid === undefined) return undefined
  const counted = Object.hasOwn(COUNTED, eventid) ? COUNTED[eventid] : undefined
  if (counted !== undefined) return { holds: sql`${counted} > 0` }
  const kind = await query
    .selectFrom('event_kinds')
    .where('name', '=', eventid)
    .select('id')
    .executeTakeFirst()
  if (kind === undefined) return 'none'
  return {
    holds: sql`exists (select 1 from raw_events as held where held.event_time_us >= sessions.first_event_us and held.event_time_us <= sessions.last_event_us and +held.session_key = sessions.session_key and +held.kind_id = ${kind.id})`,
    weight: WEIGHTS.events,
  }
}

async function ruleCondition(
  query: Kysely<Database>,
  { rules }: SessionConditions,
): Promise<Condition | 'none' | undefined> {
  if (rules === undefined) return undefined
  const asked = new Set(rules)
  const verdicts = await query
    .selectFrom('verdicts')
    .select(['id', 'hits', 'threat', 'hazard'])
    .execute()
  const hit = verdicts.filter((one) => rulesOf(one.hits).some((rule) => asked.has(rule)))
  if (hit.length === 0) return 'none'
  const ids = listed(hit.map((one) => Number(one.id)))
  // A session scores at least what one of the verdicts does: most are told apart by that alone.
  const threat = Math.min(...hit.map((one) => one.threat))
  const hazard = Math.min(...hit.map((one) => one.hazard))
  const isFew = hit.length <= LIMITS.searchVerdictsMax
  const isHit = isFew
    ? sql`held.verdict_id <> 0 and held.verdict_id in (${ids}) and held.session_key = sessions.session_key`
    : sql`held.event_time_us >= sessions.first_event_us and held.event_time_us <= sessions.last_event_us and +held.session_key = sessions.session_key and +held.verdict_id in (${ids})`
  return {
    // The plus as in `timesOf`: a walk keeps to the index of its order.
    holds: sql`(+sessions.threat_score >= ${threat} and +sessions.hazard_score >= ${hazard} and exists (select 1 from raw_events as held where ${isHit}))`,
    among: sql`select session_key from raw_events where verdict_id <> 0 and verdict_id in (${ids})`,
    weight: isFew ? WEIGHTS.events : WEIGHTS.manyVerdicts,
  }
}

/** What a session is about, for a line in a list. */
export type SessionGist = {
  readonly commands: readonly SafeText[]
  readonly credentials: readonly SafeText[]
  readonly files: number
}

/** Commands and credentials of sessions, each shortened, in the order of their texts. */
export async function gistsOf(
  query: Kysely<Database>,
  keys: readonly SessionKey[],
): Promise<ReadonlyMap<string, SessionGist>> {
  const gists = new Map<string, { commands: SafeText[]; credentials: SafeText[]; files: number }>()
  if (keys.length === 0) return gists
  const rows = await query
    .selectFrom('session_values')
    .innerJoin('values', 'values.id', 'session_values.value_id')
    .where('session_values.session_key', 'in', keys as SessionKey[])
    .where('values.kind', 'in', [VALUE_KINDS.command, VALUE_KINDS.credential, VALUE_KINDS.file])
    .orderBy('values.value')
    .select([
      'session_values.session_key as key',
      'values.kind as kind',
      sql<string>`substr("values".value, 1, ${sql.lit(LIMITS.gistChars)})`.as('text'),
    ])
    .execute()
  for (const { key, kind, text } of rows) {
    const gist = gists.get(String(key)) ?? { commands: [], credentials: [], files: 0 }
    gists.set(String(key), gist)
    // Texts of the store are in visible form.
    if (kind === VALUE_KINDS.command) gist.commands.push(text as SafeText)
    else if (kind === VALUE_KINDS.credential) gist.credentials.push(text as SafeText)
    else gist.files += 1
  }
  return gists
}
