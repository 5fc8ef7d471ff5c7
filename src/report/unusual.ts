/** Sessions that are worth reading, each with its reasons. */
import { formatInstant } from '../core/instant.ts'
import { compareUtf8, type SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import type { ActiveSession, NamedSession } from '../store/port.ts'
import type { IdTable } from './id-table.ts'
import { REASONS, type Reason, type UnusualSession } from './insights.ts'
import { CLASS, type Key } from './novelty.ts'
import { cut, type InsightSource } from './reader.ts'

/** Threat and hazard from which a session is told for it. */
const HIGH_THREAT = 70
const HARMFUL = 50
/** A person types at least so many commands, in at least so many milliseconds, with such pauses between them. */
const BY_HAND = { commands: 4, ms: 60_000, pauseMsMin: 3_000, pauseMsMax: 120_000 }

type Weighed = {
  readonly reason: Reason
  readonly weight: number
  /** Values or keys that it is about. */
  readonly about: readonly number[]
}
const NONE: readonly number[] = []

type Candidate = {
  readonly session: ActiveSession
  readonly weight: number
  readonly sensor: SafeText
}

export class UnusualFinder {
  readonly #classes: IdTable
  /** Places of keys that were not met before. */
  readonly #newKeys: ReadonlySet<number>
  readonly #keys: readonly Key[]
  readonly #keysOf: (session: ActiveSession) => readonly number[]
  readonly #candidates: Candidate[] = []

  /**
   * @param classes - of commands and files
   * @param before - commands that were met before
   * @param keysOf - places of the keys that a session left
   */
  constructor(
    classes: IdTable,
    before: IdTable,
    keys: readonly Key[],
    keysOf: (session: ActiveSession) => readonly number[],
  ) {
    this.#classes = classes
    this.#newKeys = new Set(
      keys.flatMap((key, n) => (key.commandIds.some((id) => before.has(id)) ? [] : [n])),
    )
    this.#keys = keys
    this.#keysOf = keysOf
  }

  add(session: ActiveSession, sensor: SafeText): void {
    let weight = 0
    for (const one of this.#weigh(session)) weight += one.weight
    if (weight >= LIMITS.unusualWeightMin) this.#candidates.push({ session, weight, sensor })
  }

  /** The weightiest first, then the earlier; of those that did the same the first alone. */
  async find(source: InsightSource, limit: number): Promise<UnusualSession[]> {
    const order = (a: Candidate, b: Candidate): number =>
      b.weight - a.weight ||
      a.session.firstEventUs - b.session.firstEventUs ||
      compareUtf8(a.sensor, b.sensor)
    const all = this.#candidates.sort(order)
    const found: { readonly session: ActiveSession; readonly name: NamedSession }[] = []
    const seen = new Set<string>()
    let at = 0
    while (found.length < limit && at < all.length) {
      let end = Math.min(at + limit * 2, all.length)
      while (end < all.length && order(all[end]!, all[end - 1]!) === 0) end += 1
      const some = all.slice(at, end)
      const names = new Map(
        (await source.named(some.map((one) => one.session.key))).map((name) => [name.key, name]),
      )
      const id = (one: Candidate): string => names.get(one.session.key)?.session ?? ''
      some.sort((a, b) => order(a, b) || compareUtf8(id(a), id(b)))
      for (const { session } of some) {
        const name = names.get(session.key)
        const deeds = this.#deeds(session)
        if (name === undefined || (deeds !== '' && seen.has(deeds))) continue
        seen.add(deeds)
        found.push({ session, name })
      }
      at = end
    }
    return this.#told(source, found.slice(0, limit))
  }

  /** Commands of a session, as one name for equal sets of them; empty where it typed none. */
  #deeds(session: ActiveSession): string {
    return session.valueIds.filter((id) => this.#is(id, CLASS.command)).join(' ')
  }

  #is(id: number, what: number): boolean {
    return (this.#classes.get(id) & what) !== 0
  }

  #weigh(session: ActiveSession): Weighed[] {
    const reasons: Weighed[] = []
    let typed = 0
    let rare = NONE
    let files = NONE
    for (const id of session.valueIds) {
      const is = this.#classes.get(id)
      typed += is & CLASS.command
      if ((is & CLASS.rare) !== 0) rare = [...rare, id]
      else if ((is & CLASS.newFile) !== 0) files = [...files, id]
    }
    const share = typed === 0 ? 0 : rare.length / typed
    if (rare.length >= 3 || share >= 0.5)
      reasons.push({
        reason: 'rare-commands',
        weight: Math.round(15 * share) + 5 * Math.min(4, rare.length),
        about: rare,
      })
    if (files.length > 0) reasons.push({ reason: 'new-file', weight: 25, about: files })
    const keys =
      this.#newKeys.size === 0
        ? NONE
        : this.#keysOf(session).filter((place) => this.#newKeys.has(place))
    if (keys.length > 0) reasons.push({ reason: 'new-key', weight: 40, about: keys })
    const { threatScore, hazardScore, durationMs, commands } = session
    if (threatScore >= HIGH_THREAT)
      reasons.push({
        reason: 'high-threat',
        weight: Math.round((threatScore - 50) / 2),
        about: [],
      })
    if (hazardScore >= HARMFUL)
      reasons.push({
        reason: 'hazardous-text',
        weight: 20 + Math.round(hazardScore / 10),
        about: [],
      })
    if (durationMs !== null && isByHand(durationMs, commands))
      reasons.push({ reason: 'by-hand', weight: 20, about: [] })
    return reasons.sort(
      (a, b) => b.weight - a.weight || REASONS.indexOf(a.reason) - REASONS.indexOf(b.reason),
    )
  }

  async #told(
    source: InsightSource,
    found: readonly { readonly session: ActiveSession; readonly name: NamedSession }[],
  ): Promise<UnusualSession[]> {
    const weighed = found.map(({ session, name }) => ({ name, reasons: this.#weigh(session) }))
    const ids = weighed.flatMap(({ reasons }) =>
      reasons.flatMap(({ reason, about }) => (reason === 'new-key' ? [] : about)),
    )
    const texts = await source.texts([...new Set(ids)])
    const detail = ({ reason, about }: Weighed): SafeText | null => {
      const named = about.flatMap((n) =>
        reason === 'new-key' ? [this.#keys[n]!.text] : (texts.get(n) ?? []),
      )
      // The longest command tells most.
      const [first] = named.sort(
        (a, b) => (reason === 'rare-commands' ? b.length - a.length : 0) || compareUtf8(a, b),
      )
      return first === undefined ? null : cut(first, LIMITS.insightTextCharsMax)
    }
    return weighed.map(({ name, reasons }) => ({
      sensor: name.sensor,
      session: name.session,
      srcIp: name.srcIp,
      country: name.country,
      startedAt: formatInstant(name.firstEventUs),
      durationMs: name.durationMs,
      commandCount: name.commandCount,
      threatScore: name.threatScore,
      hazardScore: name.hazardScore,
      reasons: reasons.map((one) => ({ reason: one.reason, detail: detail(one) })),
    }))
  }
}

function isByHand(durationMs: number, commands: number): boolean {
  const pauseMs = durationMs / Math.max(1, commands)
  return (
    commands >= BY_HAND.commands &&
    durationMs >= BY_HAND.ms &&
    pauseMs >= BY_HAND.pauseMsMin &&
    pauseMs <= BY_HAND.pauseMsMax
  )
}
