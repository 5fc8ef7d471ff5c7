/** What was not met before the period: values, SSH keys and networks. */
import { formatDay } from '../core/instant.ts'
import { compareUtf8, type SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import type { MetValues } from '../store/port.ts'
import type { Group } from './groups.ts'
import type { Novel, NovelKind, Novelty } from './insights.ts'
import type { InsightSource, TextReader } from './reader.ts'

/** A value of the period, and how it was met. */
export type Met = {
  readonly firstDay: number
  readonly events: number
  /** Each counted once. */
  readonly sessions: number
  readonly sensors: number
}

/** Values of a kind: those of the period, and which of them are new. */
export type Known = {
  readonly met: ReadonlyMap<number, Met>
  readonly before: ReadonlySet<number>
}

export const KNOWN_KINDS = ['command', 'credential', 'file', 'hassh', 'ip'] as const
export type KnownKind = (typeof KNOWN_KINDS)[number]

/** An SSH key, and the commands that hold it. */
export type Key = { readonly text: SafeText; readonly commandIds: readonly number[] }

/** @param repeats - how often sessions over midnight were counted too much, by value */
export async function knownValues(
  source: InsightSource,
  kind: KnownKind,
  repeats: ReadonlyMap<number, number>,
): Promise<Known> {
  const columns: MetValues = await source.met(kind)
  const met = new Map<number, Met>()
  for (let i = 0; i < columns.ids.length; i += 1) {
    const id = columns.ids[i]!
    met.set(id, {
      firstDay: columns.firstDays[i]!,
      events: columns.events[i]!,
      sessions: columns.sessions[i]! - (repeats.get(id) ?? 0),
      sensors: columns.sensors[i]!,
    })
  }
  return { met, before: await source.metBefore(kind, LIMITS.newValueDays) }
}

/** SSH keys in commands, ascending. */
export function keysOf(
  commands: readonly { readonly id: number; readonly value: SafeText }[],
  reader: TextReader,
): Key[] {
  const ids = new Map<string, number[]>()
  for (const { id, value } of commands) {
    for (const key of reader.sshKeys(value)) {
      const list = ids.get(key) ?? []
      list.push(id)
      ids.set(key, list)
    }
  }
  return [...ids]
    .map(([text, commandIds]) => ({ text: text as SafeText, commandIds })) // of a safe text, or its hash
    .sort((a, b) => compareUtf8(a.text, b.text))
}

/**
 * @param keyGroups - sessions of each key that began in the period, in the order of `keys`
 * @param limit - entries of each list
 */
export async function noveltyOf(
  source: InsightSource,
  reader: TextReader,
  known: Readonly<Record<KnownKind, Known>>,
  keys: readonly Key[],
  keyGroups: ReadonlyMap<number, Group>,
  limit: number,
): Promise<Novelty> {
  const lists: Record<NovelKind, readonly Novel[]> = {
    ...{ command: [], credential: [], file: [], sshKey: [], hassh: [], ip: [], asn: [] },
  }
  const totals: Record<NovelKind, number> = {
    ...{ command: 0, credential: 0, file: 0, sshKey: 0, hassh: 0, ip: 0, asn: 0 },
  }
  for (const kind of KNOWN_KINDS) {
    const { met, before } = known[kind]
    const fresh = [...met].filter(([id]) => !before.has(id))
    totals[kind] = fresh.length
    const first = await largest(source, fresh, limit)
    lists[kind] = first.map(([value, one]) =>
      novel(value, one, kind === 'command' ? reader.score(value) : undefined),
    )
  }
  const newKeys = await Promise.all(
    keys.flatMap((key, n) => newKey(source, reader, known.command, key, keyGroups.get(n))),
  )
  totals.sshKey = newKeys.length
  lists.sshKey = sorted(newKeys).slice(0, limit)
  const systems = newSystems(await source.systems(), known.ip)
  totals.asn = systems.length
  lists.asn = sorted(systems).slice(0, limit)
  return { days: LIMITS.newValueDays, totals, lists }
}

/** Of most sessions, then of most events; equal ones in the order of their texts, which only these are asked for. */
async function largest(
  source: InsightSource,
  values: readonly (readonly [id: number, met: Met])[],
  limit: number,
): Promise<(readonly [SafeText, Met])[]> {
  const byCount = (a: Met, b: Met): number => b.sessions - a.sessions || b.events - a.events
  const ordered = values.toSorted(([, a], [, b]) => byCount(a, b))
  const last = ordered[Math.min(limit, ordered.length) - 1]
  if (last === undefined) return []
  const clear = ordered.filter(([, one]) => byCount(one, last[1]) < 0)
  const tied = ordered.filter(([, one]) => byCount(one, last[1]) === 0)
  const places = limit - clear.length
  const met = new Map(ordered)
  const texts = [
    ...(await source.firstByText(
      clear.map(([id]) => id),
      clear.length,
    )),
    ...(
      await source.firstByText(
        tied.map(([id]) => id),
        places,
      )
    )
      .toSorted((a, b) => compareUtf8(a.value, b.value))
      .slice(0, places),
  ]
  return texts
    .map(({ id, value }) => [value, met.get(id)!] as const)
    .sort(([a, one], [b, other]) => byCount(one, other) || compareUtf8(a, b))
}

function newKey(
  source: InsightSource,
  reader: TextReader,
  { met, before }: Known,
  key: Key,
  group: Group | undefined,
): Promise<Novel>[] {
  const found = key.commandIds.flatMap((id) => {
    const one = met.get(id)
    return one === undefined ? [] : [{ id, ...one }]
  })
  if (found.length === 0 || key.commandIds.some((id) => before.has(id))) return []
  const sum = (of: (one: Met) => number): number => found.reduce((total, one) => total + of(one), 0)
  const make = async (): Promise<Novel> => {
    const texts = await source.firstByText(
      found.map((one) => one.id),
      LIMITS.sshKeysOfCommandMax,
    )
    const scores = texts
      .toSorted((a, b) => compareUtf8(a.value, b.value))
      .slice(0, LIMITS.sshKeysOfCommandMax)
      .map((text) => reader.score(text.value))
    return novel(
      key.text,
      {
        firstDay: Math.min(...found.map((one) => one.firstDay)),
        events: sum((one) => one.events),
        sessions: group?.sessions ?? sum((one) => one.sessions),
        sensors: group?.sensors.size ?? Math.max(...found.map((one) => one.sensors)),
      },
      {
        threat: Math.max(...scores.map((score) => score.threat)),
        hazard: Math.max(...scores.map((score) => score.hazard)),
      },
    )
  }
  return [make()]
}

function newSystems(systems: ReadonlyMap<number, string>, { met, before }: Known): Novel[] {
  const old = new Set([...before].map((id) => systems.get(id)))
  const found = new Map<string, { -readonly [K in keyof Met]: Met[K] }>()
  for (const [id, one] of met) {
    const system = systems.get(id)
    if (system === undefined || old.has(system)) continue
    const sum = found.get(system)
    if (sum === undefined) found.set(system, { ...one })
    else {
      sum.firstDay = Math.min(sum.firstDay, one.firstDay)
      sum.events += one.events
      sum.sessions += one.sessions
      sum.sensors = Math.max(sum.sensors, one.sensors)
    }
  }
  return [...found].map(([system, one]) => novel(system as SafeText, one, undefined)) // AS and digits
}

function novel(
  value: SafeText,
  { firstDay, events, sessions, sensors }: Met,
  score: { readonly threat: number; readonly hazard: number } | undefined,
): Novel {
  return {
    ...{ value, firstDay: formatDay(firstDay), events, sessions, sensors },
    threatScore: score?.threat ?? null,
    hazardScore: score?.hazard ?? null,
  }
}

function sorted(entries: readonly Novel[]): Novel[] {
  return entries.toSorted(
    (a, b) => b.sessions - a.sessions || b.events - a.events || compareUtf8(a.value, b.value),
  )
}
