/** Lists of sessions, for the page and the API. */
import type { InstantUs } from '../../core/instant.ts'
import { compareUtf8, type SafeText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { fromVisible } from '../../neutralize/visible.ts'
import { sessionJson } from '../../report/session-json.ts'
import type { SessionRecord } from '../../store/port.ts'
import { type StoreVersion, storeVersion } from '../../store/repo/overview.ts'
import {
  countSessions,
  gistsOf,
  type PreparedSearch,
  prepareSearch,
  type SessionCount,
  type SessionSearch,
  searchSessions,
} from '../../store/repo/session-search.ts'
import type { Parts } from '../parts.ts'
import { cursorOf, type SessionQuery, searchOf } from './session-query.ts'

export type ListedSession = SessionRecord & {
  /** The command that scores highest, of the first ones; null where there is none. */
  readonly command: SafeText | null
  /** Techniques of the commands that were looked at, ascending. */
  readonly techniques: readonly string[]
  readonly credentials: readonly SafeText[]
}

export type SessionList = {
  readonly search: SessionSearch
  readonly sessions: readonly ListedSession[]
  readonly total: SessionCount
  /** Cursors of the pages beside it. */
  readonly previous: string | undefined
  readonly next: string | undefined
  /** The page is not full: so many sessions were looked at, back or on to this start, and it can go on from here. */
  readonly stopped: { readonly looked: number; readonly atUs: InstantUs } | undefined
}

type Source = Pick<Parts, 'store' | 'clock' | 'rules'>

/** @throws UsageError for parameters that cannot be used */
export async function listSessions(parts: Source, query: SessionQuery): Promise<SessionList> {
  const search = await searchOf(query, parts)
  const prepared = await prepareSearch(parts.store.query, search)
  const page = await searchSessions(parts.store.query, prepared, parts.clock)
  return {
    search,
    sessions: await withGists(parts, page.sessions),
    total: await totalOf(parts, prepared),
    previous: page.previous && cursorOf(page.previous, 'before', search),
    next: page.next && cursorOf(page.next, 'after', search),
    stopped: page.stopped && {
      looked: page.stopped.looked,
      atUs: page.stopped.position.startUs,
    },
  }
}

type Totals = {
  readonly version: StoreVersion
  readonly byConditions: Map<string, SessionCount>
}

/** Counts of a store as it stands: pages and orders of one list have one. */
const TOTALS = new WeakMap<object, Totals>()

async function totalOf(parts: Source, prepared: PreparedSearch): Promise<SessionCount> {
  const { store } = parts
  const version = await storeVersion(store.query)
  let kept = TOTALS.get(store)
  if (kept?.version.batch !== version.batch || kept.version.decision !== version.decision) {
    kept = { version, byConditions: new Map() }
    TOTALS.set(store, kept)
  }
  const name = JSON.stringify(prepared.search.conditions)
  const known = kept.byConditions.get(name)
  if (known !== undefined) return known
  const count = await countSessions(store.query, prepared, parts.clock)
  if (kept.byConditions.size >= LIMITS.searchTotalsKept) kept.byConditions.clear()
  kept.byConditions.set(name, count)
  return count
}

async function withGists(
  { store, rules }: Source,
  sessions: readonly SessionRecord[],
): Promise<readonly ListedSession[]> {
  const gists = await gistsOf(
    store.query,
    sessions.map((one) => one.sessionKey),
  )
  return sessions.map((session) => {
    const gist = gists.get(String(session.sessionKey))
    let command: SafeText | null = null
    let highest = -1
    const techniques = new Set<string>()
    for (const text of gist?.commands.slice(0, LIMITS.gistCommandsMax) ?? []) {
      const found = readingOf(rules, text)
      if (found.score > highest) {
        highest = found.score
        command = text
      }
      for (const one of found.techniques) techniques.add(one)
    }
    return {
      ...session,
      command,
      techniques: [...techniques].sort(compareUtf8),
      credentials: gist?.credentials ?? [],
    }
  })
}

type Reading = { readonly score: number; readonly techniques: readonly string[] }

/** What rules say of the texts that lists showed last, the oldest first. Attackers type the same again and again. */
const READINGS = new WeakMap<Parts['rules'], Map<string, Reading>>()

/** @param text - of a command, in visible form, as short as lists show it */
export function readingOf(rules: Parts['rules'], text: SafeText): Reading {
  let kept = READINGS.get(rules)
  if (kept === undefined) {
    kept = new Map()
    READINGS.set(rules, kept)
  }
  let reading = kept.get(text)
  if (reading === undefined) {
    const verdict = rules.match(fromVisible(text), 'command')
    const score = Math.max(verdict.threat, verdict.hazard)
    reading = { score, techniques: techniquesOf(rules, verdict.rules) }
  } else kept.delete(text)
  kept.set(text, reading)
  for (const oldest of kept.keys()) {
    if (kept.size <= LIMITS.gistReadingsKept) break
    kept.delete(oldest)
  }
  return reading
}

/** Techniques of rules, ascending. */
export function techniquesOf(rules: Parts['rules'], ids: readonly string[]): string[] {
  const found = new Set<string>()
  for (const { id, techniques } of rules.definitions)
    if (ids.includes(id)) for (const one of techniques) found.add(one)
  return [...found].sort(compareUtf8)
}

/** The list as the API gives it. */
export function listJson({ sessions, total, previous, next, stopped }: SessionList): object {
  return {
    sessions: sessions.map((one) => ({
      ...sessionJson(one),
      command: one.command,
      techniques: one.techniques,
      credentials: one.credentials.slice(0, LIMITS.gistCredentials),
    })),
    total: total.count,
    totalIsExact: total.isExact,
    previous: previous ?? null,
    next: next ?? null,
    stoppedAfter: stopped?.looked ?? null,
  }
}
