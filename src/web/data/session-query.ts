/** What a list of sessions is asked for: the parameters of its address, for the page and the API alike. */
import { isIP } from 'node:net'
import { UsageError } from '../../core/errors.ts'
import { LIMITS } from '../../limits.ts'
import { refang } from '../../output/defang.ts'
import {
  SESSION_SORTS,
  type SessionConditions,
  type SessionPosition,
  type SessionSearch,
  type SessionSort,
} from '../../store/repo/session-search.ts'
import type { Parts } from '../parts.ts'
import type { FieldSpec } from '../route.ts'
import { instantOf, RANGE_FIELDS, RANGES, type RangeName, spanOf } from './range.ts'

const WHOLE = '^\\d{1,9}$'
const SCORE = '^(?:\\d{1,2}|100)$'

/** Below what filters take, and half of what a link of such a text may have when it is encoded. */
const LINK_CHARS_MAX = 4_000

/** Filters, each with its word for people. */
export const FILTERS = {
  ...RANGE_FIELDS,
  text: { meaning: 'words that occur in one command', charsMax: 500 },
  sensor: { meaning: 'sensor', charsMax: 255 },
  session: { meaning: 'session id', charsMax: 64 },
  address: { meaning: 'address of the peer, or a network as 192.0.2.0/24', charsMax: 64 },
  country: { meaning: 'country of the address, two letters', charsMax: 8 },
  asn: { meaning: 'autonomous system of the address', pattern: '^(?:AS)?\\d{1,10}$', charsMax: 12 },
  protocol: { meaning: 'ssh or telnet', charsMax: 16 },
  username: { meaning: 'user name tried', charsMax: 4_096 },
  password: { meaning: 'password tried', charsMax: 4_096 },
  credential: { meaning: 'user name and password, as "root / admin"', charsMax: 4_096 },
  command: { meaning: 'part of a command', charsMax: 4_096 },
  file: { meaning: 'SHA-256 of a file', charsMax: 4_096 },
  url: { meaning: 'URL', charsMax: 4_096 },
  hassh: { meaning: 'HASSH', charsMax: 4_096 },
  client: { meaning: 'version string of the client', charsMax: 4_096 },
  event: { meaning: 'event id', charsMax: 128 },
  technique: { meaning: 'ATT&CK technique', pattern: '^T\\d{4}(?:\\.\\d{3})?$', charsMax: 9 },
  rule: { meaning: 'rule that hit', charsMax: 128 },
  threat: { meaning: 'threat at least, 0 to 100', pattern: SCORE, charsMax: 3 },
  hazard: { meaning: 'hazard at least, 0 to 100', pattern: SCORE, charsMax: 3 },
  minCommands: { meaning: 'commands at least', pattern: WHOLE, charsMax: 9 },
  minEvents: { meaning: 'events at least', pattern: WHOLE, charsMax: 9 },
  minSeconds: { meaning: 'seconds at least', pattern: '^\\d{1,9}(?:\\.\\d{1,3})?$', charsMax: 13 },
  maxSeconds: { meaning: 'seconds at most', pattern: '^\\d{1,9}(?:\\.\\d{1,3})?$', charsMax: 13 },
  withLogin: { meaning: 'with a log-in that was accepted', choices: ['1'], charsMax: 1 },
  withCommands: { meaning: 'with commands', choices: ['1'], charsMax: 1 },
  withFiles: { meaning: 'with downloads or uploads', choices: ['1'], charsMax: 1 },
} as const satisfies Readonly<Record<string, FieldSpec>>

export type FilterName = keyof typeof FILTERS

/** All parameters of a list. */
export const SESSION_FIELDS = {
  ...FILTERS,
  sort: { meaning: 'order of the list', choices: SESSION_SORTS, charsMax: 8 },
  order: { meaning: 'highest or newest first, or last', choices: ['desc', 'asc'], charsMax: 4 },
  cursor: { meaning: 'place in the list, from an earlier answer', charsMax: 1_024 },
  limit: {
    meaning: `sessions on a page, at most ${LIMITS.sessionsPageMax}`,
    pattern: WHOLE,
    charsMax: 9,
  },
} as const satisfies Readonly<Record<string, FieldSpec>>

export type SessionQuery = Readonly<Partial<Record<keyof typeof SESSION_FIELDS, string>>>

/**
 * The start of a value of a log that a link to the list can hold: filters and heads of requests are bounded, whatever an
 * attacker wrote.
 */
export function linkable(value: string): string {
  let start = value.slice(0, LINK_CHARS_MAX)
  // Up to nine characters of an address stand for one of the text.
  while (encodeURIComponent(start.toWellFormed()).length > 2 * LINK_CHARS_MAX)
    start = start.slice(0, start.length >> 1)
  return start
}

/** The parameters that were given, out of those of a request. */
export function queryOf(given: Readonly<Record<string, string | undefined>>): SessionQuery {
  return Object.fromEntries(
    Object.keys(SESSION_FIELDS).flatMap((name) =>
      given[name] === undefined ? [] : [[name, given[name]]],
    ),
  )
}

function unfit(name: string, hint: string): UsageError {
  return new UsageError('USAGE_BAD_ARGUMENT', `The value of "${name}" cannot be used.`, { hint })
}

/** @throws UsageError */
export async function searchOf(
  query: SessionQuery,
  parts: Pick<Parts, 'store' | 'clock' | 'rules'>,
): Promise<SessionSearch> {
  const sort: SessionSort = SESSION_SORTS.find((one) => one === query.sort) ?? 'start'
  const order = query.order === 'asc' ? 'asc' : 'desc'
  const limit = query.limit === undefined ? LIMITS.sessionsPage : Number(query.limit)
  if (limit < 1 || limit > LIMITS.sessionsPageMax)
    throw unfit('limit', `It is between 1 and ${LIMITS.sessionsPageMax}.`)
  const from = query.cursor === undefined ? undefined : readCursor(query.cursor, sort, order)
  return {
    conditions: await conditionsOf(query, parts),
    sort,
    order,
    limit,
    ...(from === undefined ? {} : { from }),
  }
}

async function conditionsOf(
  query: SessionQuery,
  parts: Pick<Parts, 'store' | 'clock' | 'rules'>,
): Promise<SessionConditions> {
  const range = RANGES.find((one): one is RangeName => one === query.range)
  const span = range === undefined ? undefined : await spanOf(parts, range)
  const sinceUs = span?.sinceUs ?? (query.from && instantOf(query.from, 'from'))
  const untilUs = span?.untilUs ?? (query.until && instantOf(query.until, 'until'))
  const exact = {
    username: query.username,
    password: query.password,
    credential: query.credential,
    file: query.file?.toLowerCase(),
    url: query.url && refang(query.url),
    hassh: query.hassh?.toLowerCase(),
    clientVersion: query.client,
  }
  const whole = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : Number(text)
  const ms = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : Math.round(Number(text) * 1000)
  return withoutAbsent({
    sinceUs: typeof sinceUs === 'number' ? sinceUs : undefined,
    untilUs: typeof untilUs === 'number' ? untilUs : undefined,
    sensor: query.sensor,
    session: query.session,
    ...addressOf(query.address),
    country: query.country?.toUpperCase(),
    asn: whole(query.asn?.replace(/^AS/, '')),
    protocol: query.protocol?.toLowerCase(),
    values: Object.values(exact).some((one) => one !== undefined)
      ? withoutAbsent(exact)
      : undefined,
    command: query.command,
    words: wordsOf(query.text),
    eventid: query.event,
    rules: rulesAsked(query, parts.rules.definitions),
    threatMin: whole(query.threat),
    hazardMin: whole(query.hazard),
    commandsMin: whole(query.minCommands),
    eventsMin: whole(query.minEvents),
    durationMsMin: ms(query.minSeconds),
    durationMsMax: ms(query.maxSeconds),
    withLogin: query.withLogin === undefined ? undefined : true,
    withCommands: query.withCommands === undefined ? undefined : true,
    withFiles: query.withFiles === undefined ? undefined : true,
  })
}

/** Each is looked for in every command of the store: they are few, and each is one. */
function wordsOf(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined
  const words = [...new Set(text.split(/\s+/).filter((word) => word !== ''))]
  if (words.length > LIMITS.searchWordsMax)
    throw unfit('text', `It has at most ${LIMITS.searchWordsMax} different words.`)
  return words
}

/** Rules that have the technique, or one below it, and the rule itself; none is one that never hit. */
function rulesAsked(
  { technique, rule }: SessionQuery,
  definitions: Parts['rules']['definitions'],
): readonly string[] | undefined {
  if (technique === undefined) return rule === undefined ? undefined : [rule]
  return definitions
    .filter(
      ({ id, techniques }) =>
        (rule === undefined || rule === id) &&
        techniques.some((one) => one === technique || one.startsWith(`${technique}.`)),
    )
    .map(({ id }) => id)
}

function addressOf(given: string | undefined): Pick<SessionConditions, 'address' | 'network'> {
  if (given === undefined) return {}
  const text = refang(given.trim()).toLowerCase()
  const network = /^([^/]+)\/(\d{1,3})$/.exec(text)
  if (network === null) return { address: text }
  const address = network[1]!
  const prefix = Number(network[2])
  const family = isIP(address)
  const [least, most] = family === 4 ? [8, 32] : [16, 128]
  if (family === 0 || prefix < least || prefix > most)
    throw unfit('address', `A network is written as 192.0.2.0/24, with ${least} to ${most} bits.`)
  return { network: { address, prefix } }
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

function withoutAbsent<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Present<T> // what is left of it
}

/** A place in a list as a text for an address. */
export function cursorOf(
  position: SessionPosition,
  direction: 'after' | 'before',
  { sort, order }: Pick<SessionSearch, 'sort' | 'order'>,
): string {
  const { key, startUs, sensor, session } = position
  return Buffer.from(
    JSON.stringify([sort, order, direction, key, startUs, sensor, session]),
  ).toString('base64url')
}

/** @throws UsageError for a text that `cursorOf` did not make, or made for another order */
function readCursor(text: string, sort: SessionSort, order: 'asc' | 'desc'): SessionSearch['from'] {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    parts = undefined
  }
  if (Array.isArray(parts) && parts.length === 7) {
    const [forSort, forOrder, direction, key, startUs, sensor, session]: unknown[] = parts
    if (
      forSort === sort &&
      forOrder === order &&
      (direction === 'after' || direction === 'before') &&
      Number.isSafeInteger(key) &&
      Number.isSafeInteger(startUs) &&
      typeof sensor === 'string' &&
      typeof session === 'string' &&
      !`${sensor}${session}`.includes('\0')
    ) {
      const position = { key: Number(key), startUs: Number(startUs), sensor, session }
      return { position, direction }
    }
  }
  throw unfit('cursor', 'Start the list again without it.')
}
