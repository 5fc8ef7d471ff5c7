/** One session, for its page and the API. */
import { LookupFailed } from '../../core/errors.ts'
import type { SafeText } from '../../core/text.ts'
import { hitsOf, namesOf, rulesOf } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'
import { fromVisible, toVisible } from '../../neutralize/visible.ts'
import type { EventField, EventRecord, SessionRecord } from '../../store/port.ts'
import { type HoldRecord, holdsOfSession } from '../../store/repo/holds.ts'
import {
  type ArtifactFound,
  artifactsOf,
  batchesOfSession,
  heldOfSession,
  type SessionBatch,
  type SessionTie,
  tiesOfSession,
} from '../../store/repo/session-proof.ts'
import { eventsOfSession, fieldsOf, findSessions } from '../../store/repo/sessions.ts'
import type { Parts } from '../parts.ts'
import { techniquesOf } from './sessions.ts'

export type RuleHit = {
  readonly rule: string
  /** What the rule means; its id where this program does not have it. */
  readonly title: string
  readonly axis: 'threat' | 'hazard'
  /** Null for a rule that this program does not have. */
  readonly score: number | null
}

/** An event with what its list shows of it. */
export type ShownEvent = EventRecord & {
  /** Since the first event of the session. */
  readonly afterMs: number
  readonly fields: readonly EventField[]
}

export type ShownCommand = {
  readonly event: ShownEvent
  readonly text: SafeText
  readonly hits: readonly RuleHit[]
  readonly techniques: readonly string[]
  /** Encodings that were undone, as the stored verdict names them. */
  readonly layers: readonly string[]
  /** The text as typed and what it became, step by step; empty where nothing was undone. */
  readonly forms: readonly SafeText[]
}

export type ShownLogin = {
  readonly event: ShownEvent
  readonly username: SafeText | null
  readonly password: SafeText | null
  readonly isAccepted: boolean
}

export type ShownFile = {
  readonly event: ShownEvent
  readonly sha256: SafeText | null
  readonly url: SafeText | null
  readonly name: SafeText | null
  readonly artifact: ArtifactFound | undefined
}

export type SessionDetail = {
  readonly session: SessionRecord
  /** The first ones; `session.eventCount` are there. */
  readonly events: readonly ShownEvent[]
  readonly commands: readonly ShownCommand[]
  readonly logins: readonly ShownLogin[]
  readonly files: readonly ShownFile[]
  readonly hits: readonly RuleHit[]
  readonly techniques: readonly string[]
  readonly ruleSets: readonly string[]
  readonly batches: readonly SessionBatch[]
  readonly held: number
  /** Legal holds in force that are about it. */
  readonly holds: readonly HoldRecord[]
  readonly ties: readonly SessionTie[]
}

/** @throws LookupFailed `LOOKUP_NO_SESSION` */
export async function sessionOf(
  { store }: Pick<Parts, 'store'>,
  sensor: string,
  session: string,
): Promise<SessionRecord> {
  if (session !== '')
    for await (const found of findSessions(store.query, { sensor, session }, 1)) return found
  throw new LookupFailed('LOOKUP_NO_SESSION', 'There is no session of this id.', {
    hint: 'The list of sessions finds them by other things, too.',
  })
}

/** The id of a session in the name of a file: it is text of a log, a name has letters and digits alone. */
export function fileWordOf(session: string): string {
  return session.replace(/[^A-Za-z0-9]/g, '_').slice(0, 40)
}

/** @throws LookupFailed `LOOKUP_NO_SESSION` */
export async function sessionDetail(
  { store, rules }: Pick<Parts, 'store' | 'rules'>,
  sensor: string,
  id: string,
): Promise<SessionDetail> {
  const session = await sessionOf({ store }, sensor, id)
  const records = await eventsOfSession(store.query, session, LIMITS.sessionEventsShown)
  const events = records.map(
    (event): ShownEvent => ({
      ...event,
      afterMs: (event.eventTimeUs - session.firstEventUs) / 1000,
      fields: fieldsOf(event),
    }),
  )
  const ruleIds = new Set(records.flatMap((event) => rulesOf(event.hits)))
  return {
    session,
    events,
    commands: commandsOf(rules, events),
    logins: events
      .filter(({ eventid }) => /^cowrie\.login\.(?:success|failed)$/.test(eventid))
      .map((event) => ({
        event,
        username: fieldOf(event, 'username'),
        password: fieldOf(event, 'password'),
        isAccepted: event.eventid === 'cowrie.login.success',
      })),
    files: await filesOf(store, events),
    hits: hitsOfRules(rules, [...ruleIds]),
    techniques: techniquesOf(rules, [...ruleIds]),
    ruleSets: [...new Set(records.map((event) => event.ruleSet))].sort(),
    batches: await batchesOfSession(store.query, session),
    held: await heldOfSession(store.query, session),
    holds: await holdsOfSession(store.query, session),
    ties: await tiesOfSession(store.query, session),
  }
}

export function fieldOf(event: ShownEvent, name: string): SafeText | null {
  return event.fields.find((field) => field.name === name)?.value ?? null
}

function commandsOf(rules: Parts['rules'], events: readonly ShownEvent[]): readonly ShownCommand[] {
  let explained = 0
  return events.flatMap((event) => {
    const text = fieldOf(event, 'input')
    if (!/^cowrie\.command\.(?:input|failed)$/.test(event.eventid) || text === null) return []
    const ids = [
      ...new Set(
        hitsOf(event.hits)
          .filter(([field]) => field === 'input')
          .map(([, rule]) => rule),
      ),
    ]
    const layers = namesOf(event.layers)
    // What was undone is not kept: it is made again, by the rules of this program.
    const isExplained = layers.length > 0 && explained < LIMITS.sessionExplainedMax
    if (isExplained) explained += 1
    const forms = isExplained ? rules.explain(fromVisible(text), 'command').forms : []
    return [
      {
        event,
        text,
        hits: hitsOfRules(rules, ids),
        techniques: techniquesOf(rules, ids),
        layers,
        forms: forms.map((form) => toVisible(form)),
      },
    ]
  })
}

/** The highest score first. */
function hitsOfRules(rules: Parts['rules'], ids: readonly string[]): RuleHit[] {
  return ids
    .map((rule): RuleHit => {
      const known = rules.definitions.find(({ id }) => id === rule)
      return {
        rule,
        title: known?.title ?? rule,
        axis: rule.startsWith('hazard.') ? 'hazard' : 'threat',
        score: known?.score ?? null,
      }
    })
    .sort((a, b) => (b.score ?? 0) - (a.score ?? 0) || (a.rule < b.rule ? -1 : 1))
}

async function filesOf(
  store: Parts['store'],
  events: readonly ShownEvent[],
): Promise<readonly ShownFile[]> {
  const files = events
    .filter(({ eventid }) =>
      /^cowrie\.session\.file_(?:download|upload|download\.failed)$/.test(eventid),
    )
    .map((event) => ({
      event,
      sha256: fieldOf(event, 'shasum'),
      url: fieldOf(event, 'url'),
      name: fieldOf(event, 'destfile') ?? fieldOf(event, 'filename') ?? fieldOf(event, 'outfile'),
    }))
  const found = await artifactsOf(
    store.query,
    files.flatMap(({ sha256 }) => sha256 ?? []),
  )
  return files.map((file) => ({
    ...file,
    artifact: file.sha256 === null ? undefined : found.get(file.sha256),
  }))
}
