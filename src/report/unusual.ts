/** Sessions that are worth reading, each with its reasons. */
import { formatInstant } from '../core/instant.ts'
import { compareUtf8, cutText, type SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import type { ActiveSession, NamedSession } from '../store/port.ts'
import type { IdTable } from './id-table.ts'
import { REASONS, type Reason, type UnusualSession } from './insights.ts'
import { CLASS, type Key } from './novelty.ts'
import type { InsightSource } from './reader.ts'

/** Threat and hazard from which a session is told for it. */
const HIGH_THREAT = 70
const HARMFUL = 50
/** A person types at least so many commands, in at least so many milliseconds, with such pauses between them. */
const BY_HAND = { commands: 4, ms: 60_000, pauseMsMin: 3_000, pauseMsMax: 120_000 }

/** Weights in the order of `REASONS`; 0 where one does not hold. */
type Weights = Record<Reason, number>
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
    const weights = this.#weigh(session)
    const weight =
      weights['rare-commands'] +
      weights['new-file'] +
      weights['new-key'] +
      weights['high-threat'] +
      weights['hazardous-text'] +
      weights['by-hand']
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

  #weigh(session: ActiveSession): Weights {
    const { valueIds, threatScore, hazardScore, durationMs, commands } = session
    let typed = 0
    let rare = 0
    let hasNewFile = false
    for (const id of valueIds) {
      const is = this.#classes.get(id)
      typed += is & CLASS.command
      if ((is & CLASS.rare) !== 0) rare += 1
      if ((is & CLASS.newFile) !== 0) hasNewFile = true
    }
    const share = typed === 0 ? 0 : rare / typed
    return {
      'rare-commands':
        rare >= 3 || share >= 0.5 ? Math.round(15 * share) + 5 * Math.min(4, rare) : 0,
      'new-file': hasNewFile ? 25 : 0,
      'new-key': this.#newKeysOf(session).length > 0 ? 40 : 0,
      'high-threat': threatScore >= HIGH_THREAT ? Math.round((threatScore - 50) / 2) : 0,
      'hazardous-text': hazardScore >= HARMFUL ? 20 + Math.round(hazardScore / 10) : 0,
      'by-hand': durationMs !== null && isByHand(durationMs, commands) ? 20 : 0,
    }
  }

  #newKeysOf(session: ActiveSession): readonly number[] {
    if (this.#newKeys.size === 0) return NONE
    return this.#keysOf(session).filter((place) => this.#newKeys.has(place))
  }

  async #told(
    source: InsightSource,
    found: readonly { readonly session: ActiveSession; readonly name: NamedSession }[],
  ): Promise<UnusualSession[]> {
    const about = ({ valueIds }: ActiveSession, what: number): number[] =>
      valueIds.filter((id) => this.#is(id, what))
    const texts = await source.texts([
      ...new Set(found.flatMap(({ session }) => about(session, CLASS.rare | CLASS.newFile))),
    ])
    const named = (ids: readonly number[]): SafeText[] => ids.flatMap((id) => texts.get(id) ?? [])
    const detail = (session: ActiveSession, reason: Reason): SafeText | null => {
      const choices =
        reason === 'new-key'
          ? this.#newKeysOf(session).map((place) => this.#keys[place]!.text)
          : reason === 'rare-commands'
            ? named(about(session, CLASS.rare))
            : reason === 'new-file'
              ? named(about(session, CLASS.newFile))
              : []
      // The longest command tells most.
      const [first] = choices.sort(
        (a, b) => (reason === 'rare-commands' ? b.length - a.length : 0) || compareUtf8(a, b),
      )
      return first === undefined ? null : cutText(first, LIMITS.insightTextCharsMax)
    }
    const reasonsOf = (session: ActiveSession): Reason[] => {
      const weights = this.#weigh(session)
      // Equal ones stay in their order.
      return REASONS.filter((reason) => weights[reason] > 0).sort((a, b) => weights[b] - weights[a])
    }
    return found.map(({ name, session }) => ({
      sensor: name.sensor,
      session: name.session,
      srcIp: name.srcIp,
      country: name.country,
      startedAt: formatInstant(name.firstEventUs),
      durationMs: name.durationMs,
      commandCount: name.commandCount,
      threatScore: name.threatScore,
      hazardScore: name.hazardScore,
      reasons: reasonsOf(session).map((reason) => ({ reason, detail: detail(session, reason) })),
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
