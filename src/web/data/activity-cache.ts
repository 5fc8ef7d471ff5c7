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
  valuesOfDays,
} from '../../store/repo/overview.ts'
import type { Steps } from '../../store/repo/steps.ts'
import type { Parts } from '../parts.ts'
import { Tally } from './tally.ts'

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
    return this.#countsOf('e', steps, LIMITS.overviewSliceUs, sensor, (missing) =>
      eventsOfSteps(parts.store.query, missing, sensor),
    )
  }

  /** Sessions that began in each step. */
  sessions(parts: Counting, steps: Steps, sensor: number | undefined): Promise<readonly number[]> {
    return this.#countsOf('s', steps, LIMITS.overviewSessionsSliceUs, sensor, (missing) =>
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
      settled = await sumOfDays(parts, kind, fromDay, settledDay, sensor, new Tally())
      // What was added meanwhile is counted the next time.
      if (version === this.#version) this.#keep(name, settledDay, settled)
    }
    return sumOfDays(parts, kind, settledDay, untilDay, sensor, new Tally(settled))
  }

  #keep(name: string, untilDay: DayNumber, tally: Tally): void {
    this.#tallies.delete(name)
    this.#tallies.set(name, { untilDay, tally })
    let pages = 0
    for (const kept of this.#tallies.values()) pages += kept.tally.pages
    for (const [oldest, kept] of this.#tallies) {
      if (pages <= LIMITS.overviewTallyPagesKept) break
      this.#tallies.delete(oldest)
      pages -= kept.tally.pages
    }
  }

  /** Asks for what is not known, for so many steps at once that others get a turn in between. */
  async #countsOf(
    what: string,
    { startUs, stepUs, count }: Steps,
    sliceUs: number,
    sensor: number | undefined,
    ask: (missing: Steps) => Promise<readonly number[]>,
  ): Promise<readonly number[]> {
    const stepsAtOnce = Math.max(1, Math.floor(sliceUs / stepUs))
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

/** @param into - what was counted before; grows */
async function sumOfDays(
  { store }: Counting,
  kind: ValueKind,
  fromDay: DayNumber,
  untilDay: DayNumber,
  sensor: number | undefined,
  into: Tally,
): Promise<Tally> {
  let days = 1
  for (let day = fromDay; day < untilDay; ) {
    const until = Math.min(day + days, untilDay)
    const found = await valuesOfDays(store.query, kind, day, until, sensor)
    for (let i = 0; i < found.length; i += 3) into.add(found[i]!, found[i + 1]!, found[i + 2]!)
    // Of quiet days several are asked for at once.
    days = found.length < 3 * LIMITS.overviewSliceValues ? days * 2 : Math.ceil(days / 2)
    day = until
    await turn()
  }
  return into
}
