/** What was counted of the store for overviews: kept until batches add to the days that it was counted of. */
import { setImmediate as turn } from 'node:timers/promises'
import type { ValueKind } from '../../core/event.ts'
import { type DayNumber, type InstantUs, US_PER_DAY } from '../../core/instant.ts'
import { LIMITS } from '../../limits.ts'
import {
  eventsOfSteps,
  firstDayBehind,
  type StoreVersion,
  sessionsOfSteps,
  valuesOfDay,
} from '../../store/repo/overview.ts'
import type { Steps } from '../../store/repo/steps.ts'
import type { Parts } from '../parts.ts'

export type Sums = { readonly events: number; readonly sessions: number }

/** How often values occur, by their numbers. */
export type Tally = ReadonlyMap<number, Sums>

type Counting = Pick<Parts, 'store'>

export class ActivityCache {
  #version: StoreVersion = { batch: 0, decision: 0 }
  readonly #counts = new Map<string, { readonly untilUs: InstantUs; readonly count: number }>()
  readonly #tallies = new Map<string, { readonly untilDay: DayNumber; readonly tally: Tally }>()

  /** Forgets what batches since the last call may have changed. */
  async follow({ store }: Counting, version: StoreVersion): Promise<void> {
    const before = this.#version
    this.#version = version
    if (version.decision !== before.decision) {
      this.#counts.clear()
      this.#tallies.clear()
    } else if (version.batch !== before.batch) {
      const day = await firstDayBehind(store.query, before.batch)
      if (day === undefined) return
      // An earlier event moves the start of a session to its day, away from a later one.
      for (const [name, { untilUs }] of this.#counts)
        if (untilUs > day * US_PER_DAY) this.#counts.delete(name)
      for (const [name, { untilDay }] of this.#tallies)
        if (untilDay > day) this.#tallies.delete(name)
    }
  }

  /** Events of each step. */
  events(parts: Counting, steps: Steps, sensor: number | undefined): Promise<readonly number[]> {
    return this.#countsOf('e', steps, sensor, (missing) =>
      eventsOfSteps(parts.store.query, missing, sensor),
    )
  }

  /** Sessions that began in each step. */
  sessions(parts: Counting, steps: Steps, sensor: number | undefined): Promise<readonly number[]> {
    return this.#countsOf('s', steps, sensor, (missing) =>
      sessionsOfSteps(parts.store.query, missing, sensor),
    )
  }

  /** How often the values of a kind occur on days. The newest days change; what came before them is kept by itself. */
  async tally(
    parts: Counting,
    kind: ValueKind,
    fromDay: DayNumber,
    untilDay: DayNumber,
    sensor: number | undefined,
  ): Promise<Tally> {
    const settledDay = Math.max(fromDay, untilDay - LIMITS.overviewUnsettledDays)
    const name = `${kind} ${sensor} ${fromDay} ${settledDay}`
    const version = this.#version
    let settled = this.#tallies.get(name)?.tally
    if (settled === undefined) {
      settled = await sumOfDays(parts, kind, fromDay, settledDay, sensor, new Map())
      // What was added meanwhile is counted the next time.
      if (version === this.#version) this.#keep(name, settledDay, settled)
    }
    return sumOfDays(parts, kind, settledDay, untilDay, sensor, new Map(settled))
  }

  #keep(name: string, untilDay: DayNumber, tally: Tally): void {
    this.#tallies.delete(name)
    this.#tallies.set(name, { untilDay, tally })
    let values = 0
    for (const kept of this.#tallies.values()) values += kept.tally.size
    for (const [oldest, kept] of this.#tallies) {
      if (values <= LIMITS.overviewTallyValuesKept) break
      this.#tallies.delete(oldest)
      values -= kept.tally.size
    }
  }

  /** Asks for what is not known, for so many steps at once that others get a turn in between. */
  async #countsOf(
    what: string,
    { startUs, stepUs, count }: Steps,
    sensor: number | undefined,
    ask: (missing: Steps) => Promise<readonly number[]>,
  ): Promise<readonly number[]> {
    const stepsAtOnce = Math.max(1, Math.floor(LIMITS.overviewSliceUs / stepUs))
    const found: number[] = []
    while (found.length < count) {
      const nameOf = (step: number): string => {
        const fromUs = startUs + step * stepUs
        return `${what} ${sensor} ${fromUs} ${fromUs + stepUs}`
      }
      const known = this.#counts.get(nameOf(found.length))
      if (known !== undefined) {
        found.push(known.count)
        continue
      }
      const first = found.length
      const version = this.#version
      const missing = {
        startUs: startUs + first * stepUs,
        stepUs,
        count: Math.min(stepsAtOnce, count - first),
      }
      for (const counted of await ask(missing)) {
        // What was added meanwhile is asked for the next time.
        if (version === this.#version)
          this.#counts.set(nameOf(found.length), {
            untilUs: startUs + (found.length + 1) * stepUs,
            count: counted,
          })
        found.push(counted)
      }
      await turn()
    }
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size <= LIMITS.overviewCountsKept) break
      this.#counts.delete(oldest)
    }
    return found
  }
}

/** @param into - what was counted before; gets new sums in place of those that grow */
async function sumOfDays(
  { store }: Counting,
  kind: ValueKind,
  fromDay: DayNumber,
  untilDay: DayNumber,
  sensor: number | undefined,
  into: Map<number, Sums>,
): Promise<Tally> {
  for (let day = fromDay; day < untilDay; day += 1) {
    const found = await valuesOfDay(store.query, kind, day, sensor)
    for (let i = 0; i < found.length; i += 3) {
      const before = into.get(found[i]!)
      into.set(found[i]!, {
        events: found[i + 1]! + (before?.events ?? 0),
        sessions: found[i + 2]! + (before?.sessions ?? 0),
      })
    }
    await turn()
  }
  return into
}
