/** What was not met before the period: values, SSH keys and networks. */
import { ownText, type ValueKind } from '../core/event.ts'
import { formatDay } from '../core/instant.ts'
import { compareUtf8, type SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import type { Meeting, MetValues } from '../store/port.ts'
import type { Group, Groups } from './groups.ts'
import { highestOf, IdTable } from './id-table.ts'
import type { Novel, NovelKind, Novelty } from './insights.ts'
import type { InsightSource, TextReader } from './reader.ts'

/** How often a value of the period was met. */
export type Met = {
  readonly events: number
  /** Each counted once. */
  readonly sessions: number
}

/** Values of a kind: those of the period, and which were met before it. In columns, since there are many. */
export class Known {
  readonly #met: MetValues
  readonly ids: Float64Array
  readonly events: Float64Array
  /** Each counted once. */
  readonly sessions: Float64Array
  readonly before: IdTable

  /**
   * @param repeats - how often sessions over midnight were counted too much, by value
   * @param before - numbers of values that were met before the period
   */
  constructor(met: MetValues, repeats: ReadonlyMap<number, number>, before: Float64Array) {
    this.#met = met
    this.ids = met.ids
    this.events = met.events
    this.sessions = met.sessions.slice()
    for (const [id, extra] of repeats) {
      const place = met.placeOf(id)
      if (place !== undefined) this.sessions[place]! -= extra
    }
    this.before = IdTable.of(before)
  }

  at(place: number): Met {
    return { events: this.events[place]!, sessions: this.sessions[place]! }
  }

  find(id: number): Met | undefined {
    const place = this.#met.placeOf(id)
    return place === undefined ? undefined : this.at(place)
  }
}

export const KNOWN_KINDS = ['command', 'credential', 'file', 'hassh', 'ip'] as const
export type KnownKind = (typeof KNOWN_KINDS)[number]
export type KnownValues = Readonly<Record<KnownKind, Known>>

/** An SSH key, and the commands that hold it. */
export type Key = { readonly text: SafeText; readonly commandIds: readonly number[] }

/** @param repeats - how often sessions over midnight were counted too much, by value */
export async function knownValues(
  source: InsightSource,
  repeats: ReadonlyMap<number, number>,
): Promise<KnownValues> {
  const known = (kind: KnownKind): Promise<Known> => knownOf(source, kind, repeats)
  return {
    command: await known('command'),
    credential: await known('credential'),
    file: await known('file'),
    hassh: await known('hassh'),
    ip: await known('ip'),
  }
}

/** @param repeats - how often sessions over midnight were counted too much, by value; none where the period is a day */
export async function knownOf(
  source: InsightSource,
  kind: ValueKind,
  repeats: ReadonlyMap<number, number>,
): Promise<Known> {
  return new Known(
    await source.met(kind),
    repeats,
    await source.metBefore(kind, LIMITS.newValueDays),
  )
}

/** Values that were not met before the period: how many, and those of the most sessions, then events. */
export async function newOf(
  source: InsightSource,
  known: Known,
  limit: number,
): Promise<{
  readonly total: number
  readonly first: readonly { readonly place: number; readonly value: SafeText }[]
}> {
  const isNew = (id: number): boolean => !known.before.has(id)
  let total = 0
  for (const id of known.ids) if (isNew(id)) total += 1
  return {
    total,
    first: await largest(source, known, isNew, [known.sessions, known.events], limit),
  }
}

/** What a value says about a session that met it; bits. */
export const CLASS = {
  command: 1,
  /** A command of several sessions. */
  shared: 2,
  /** A command of hardly any session, and not met before. */
  rare: 4,
  file: 8,
  newFile: 16,
  /** A command that holds an SSH key. */
  keyed: 32,
} as const

/** Classes of the commands and files of the period, with the keys in them: one look for each value of each session. */
export function classesOf({ command, file }: KnownValues, keys: readonly Key[]): IdTable {
  const classes = new IdTable(Math.max(highestOf(command.ids), highestOf(file.ids)))
  for (let i = 0; i < command.ids.length; i += 1) {
    const id = command.ids[i]!
    const sessions = command.sessions[i]!
    const isRare = sessions <= LIMITS.rareSessionsMax && !command.before.has(id)
    const isShared = sessions >= LIMITS.campaignSessionsMin
    classes.set(id, CLASS.command | (isShared ? CLASS.shared : 0) | (isRare ? CLASS.rare : 0))
  }
  for (const id of file.ids) classes.set(id, CLASS.file | (file.before.has(id) ? 0 : CLASS.newFile))
  for (const { commandIds } of keys)
    for (const id of commandIds) if (classes.has(id)) classes.set(id, classes.get(id) | CLASS.keyed)
  return classes
}

/**
 * Those of the largest counts, then of the largest second ones; equal ones in the order of their texts. Only texts of the
 * list, and of what is as large as its last, are asked for.
 *
 * @param isMeant - which values are looked at
 */
export async function largest(
  source: InsightSource,
  known: Known,
  isMeant: (id: number) => boolean,
  counts: readonly [Float64Array, Float64Array],
  limit: number,
): Promise<{ readonly place: number; readonly value: SafeText }[]> {
  const [most, then] = counts
  const byCount = (a: number, b: number): number => most[b]! - most[a]! || then[b]! - then[a]!
  // As many of the largest as the list has room for: most values are smaller than all of these.
  const top: number[] = []
  for (let place = 0; place < known.ids.length; place += 1) {
    const isSmaller = top.length === limit && byCount(place, top[limit - 1]!) >= 0
    if (isSmaller || !isMeant(known.ids[place]!)) continue
    let at = top.length
    while (at > 0 && byCount(place, top[at - 1]!) < 0) at -= 1
    top.splice(at, 0, place)
    if (top.length > limit) top.pop()
  }
  const last = top.at(-1)
  if (last === undefined) return []
  const clear = top.filter((place) => byCount(place, last) < 0)
  const tied: number[] = []
  for (let place = 0; place < known.ids.length; place += 1)
    if (byCount(place, last) === 0 && isMeant(known.ids[place]!)) tied.push(place)
  const left = limit - clear.length
  const idsOf = (some: readonly number[]): number[] => some.map((place) => known.ids[place]!)
  const first = await source.firstByText(idsOf(tied), left)
  const texts = new Map(
    [
      ...(await source.firstByText(idsOf(clear), clear.length)),
      ...first.toSorted((a, b) => compareUtf8(a.value, b.value)).slice(0, left),
    ].map(({ id, value }) => [id, value]),
  )
  return [...clear, ...tied]
    .flatMap((place) => {
      const value = texts.get(known.ids[place]!)
      return value === undefined ? [] : [{ place, value }]
    })
    .sort((a, b) => byCount(a.place, b.place) || compareUtf8(a.value, b.value))
}

/** SSH keys in commands, ascending. */
export function keysOf(
  commands: readonly { readonly id: number; readonly value: SafeText }[],
  reader: TextReader,
): Key[] {
  const ids = new Map<SafeText, number[]>()
  for (const { id, value } of commands) {
    for (const key of reader.sshKeys(value)) {
      const list = ids.get(key) ?? []
      list.push(id)
      ids.set(key, list)
    }
  }
  return [...ids]
    .map(([text, commandIds]) => ({ text, commandIds }))
    .sort((a, b) => compareUtf8(a.text, b.text))
}

/**
 * @param keyGroups - sessions of each key that began in the period, in the order of `keys`
 * @param limit - entries of each list
 */
export async function noveltyOf(
  source: InsightSource,
  reader: TextReader,
  known: KnownValues,
  keys: readonly Key[],
  keyGroups: Groups,
  limit: number,
): Promise<Novelty> {
  const lists: Record<NovelKind, readonly Novel[]> = {
    ...{ command: [], credential: [], file: [], sshKey: [], hassh: [], ip: [], asn: [] },
  }
  const totals: Record<NovelKind, number> = {
    ...{ command: 0, credential: 0, file: 0, sshKey: 0, hassh: 0, ip: 0, asn: 0 },
  }
  for (const kind of KNOWN_KINDS) {
    const values = known[kind]
    const { total, first } = await newOf(source, values, limit)
    totals[kind] = total
    const meetings = await source.meetings(
      kind,
      first.map(({ place }) => values.ids[place]!),
    )
    lists[kind] = first.map(({ place, value }) =>
      novel(
        value,
        values.at(place),
        meetings.get(values.ids[place]!),
        kind === 'command' ? reader.score(value) : undefined,
      ),
    )
  }
  const newKeys = keys.flatMap((key, n) => newKey(known.command, key, keyGroups.get(n)))
  totals.sshKey = newKeys.length
  lists.sshKey = await Promise.all(
    newKeys
      .sort((a, b) => bySize(a, b) || compareUtf8(a.key.text, b.key.text))
      .slice(0, limit)
      .map((one) => toldKey(source, reader, one)),
  )
  const systems = await newSystems(source, known, limit)
  totals.asn = systems.total
  lists.asn = systems.first
  return { days: LIMITS.newValueDays, totals, lists }
}

/** A key that was not met before, and the commands of the period that hold it. */
type NewKey = Met & {
  readonly key: Key
  readonly commandIds: readonly number[]
  readonly group: Group | undefined
}

function newKey(commands: Known, key: Key, group: Group | undefined): NewKey[] {
  if (key.commandIds.some((id) => commands.before.has(id))) return []
  const commandIds: number[] = []
  let events = 0
  let sessions = 0
  for (const id of key.commandIds) {
    const one = commands.find(id)
    if (one === undefined) continue
    commandIds.push(id)
    events += one.events
    sessions += one.sessions
  }
  if (commandIds.length === 0) return []
  return [{ key, commandIds, group, events, sessions: group?.sessions ?? sessions }]
}

async function toldKey(
  source: InsightSource,
  reader: TextReader,
  { key, commandIds, group, ...met }: NewKey,
): Promise<Novel> {
  const texts = await source.firstByText(commandIds, LIMITS.sshKeysOfCommandMax)
  const scores = texts
    .toSorted((a, b) => compareUtf8(a.value, b.value))
    .slice(0, LIMITS.sshKeysOfCommandMax)
    .map((text) => reader.score(text.value))
  const meeting = await source.meetingOfAny('command', commandIds)
  return novel(
    key.text,
    met,
    meeting && { ...meeting, sensors: group?.sensors.size ?? meeting.sensors },
    {
      threat: Math.max(...scores.map((score) => score.threat)),
      hazard: Math.max(...scores.map((score) => score.hazard)),
    },
  )
}

/** Values of several addresses are added up: a session of two addresses, which Cowrie never writes, counts twice. */
async function newSystems(
  source: InsightSource,
  { ip }: KnownValues,
  limit: number,
): Promise<{ readonly total: number; readonly first: Novel[] }> {
  const systems = await source.systems()
  const old = new Set<string>()
  for (const [id, system] of systems) if (ip.before.has(id)) old.add(system)
  const found = new Map<string, { -readonly [K in keyof Met]: Met[K] } & { ids: number[] }>()
  for (let place = 0; place < ip.ids.length; place += 1) {
    const id = ip.ids[place]!
    const system = systems.get(id)
    if (system === undefined || old.has(system)) continue
    const one = ip.at(place)
    const sum = found.get(system)
    if (sum === undefined) found.set(system, { ...one, ids: [id] })
    else {
      sum.events += one.events
      sum.sessions += one.sessions
      sum.ids.push(id)
    }
  }
  const ordered = [...found].sort(([a, one], [b, other]) => bySize(one, other) || compareUtf8(a, b))
  const first: Novel[] = []
  for (const [system, { ids, ...one }] of ordered.slice(0, limit))
    first.push(novel(ownText(system), one, await source.meetingOfAny('ip', ids), undefined)) // AS and digits
  return { total: found.size, first }
}

function novel(
  value: SafeText,
  { events, sessions }: Met,
  meeting: Meeting | undefined,
  score: { readonly threat: number; readonly hazard: number } | undefined,
): Novel {
  return {
    ...{ value, firstDay: formatDay(meeting?.firstDay ?? 0), events, sessions },
    sensors: meeting?.sensors ?? 0,
    threatScore: score?.threat ?? null,
    hazardScore: score?.hazard ?? null,
  }
}

/** The larger first. */
function bySize(a: Met, b: Met): number {
  return b.sessions - a.sessions || b.events - a.events
}
