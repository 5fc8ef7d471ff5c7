/** Makes the verdicts of stored and withheld events again, by the rules of now. */
import { type PlainObject, parseJson } from '../core/json.ts'
import type { Verdict } from '../core/verdict.ts'
import { rulesOf } from '../core/verdict.ts'
import { LIMITS } from '../limits.ts'
import { EventScorer } from '../neutralize/score.ts'
import type { StandardRules } from '../neutralize/standard-rules.ts'
import type { Store, VerdictChange } from '../store/port.ts'
import type { EventCells, VerifyReads } from '../store/verify-port.ts'
import { RuleBook, verdictDifference } from './rule-book.ts'

export type Recomputation = {
  readonly ruleSet: string
  /** Batches that are done: their verdicts were of another rule set. */
  batches: number
  events: number
  changed: number
  /** Events that a rule hits now and did not before, and the other way round; ascending by rule. */
  rules: { rule: string; gained: number; lost: number }[]
  /** Stored events that would be withheld if they came now. They stay stored. */
  wouldHold: number
  /** Withheld events that would not be if they came now. They wait for a person. */
  wouldRelease: number
}

export type RecomputeOptions = {
  readonly rules: StandardRules
  readonly holdHazard: number
  readonly dryRun: boolean
  readonly actor: string
  readonly reason: string
  readonly signal: AbortSignal
  readonly progress: (batch: number, last: number) => void
}

/**
 * Goes over all batches whose verdicts are of another rule set. Each part commits by itself with a journal entry, so
 * that a run that broke off goes on where it was.
 */
export async function recompute(store: Store, options: RecomputeOptions): Promise<Recomputation> {
  const reads = store.reads()
  const run = new Run(store, reads, options)
  const withheld = await reads.withheldByBatch()
  for (const ids of await rangesOf(reads, options.rules)) {
    const last = ids.at(-1)!
    let done = 0
    while (done < ids.length && !options.signal.aborted) {
      const to = await run.part(ids[done]!, last, withheld)
      for (; done < ids.length && ids[done]! <= to; done += 1) run.figures.batches += 1
    }
  }
  return run.result()
}

/** Numbers of the batches to be done, in runs without another between them whose verdicts are of this rule set already. */
async function rangesOf(reads: VerifyReads, rules: StandardRules): Promise<number[][]> {
  const book = await RuleBook.of(reads, rules)
  const ranges: number[][] = []
  let isOpen = false
  for await (const page of reads.batches()) {
    for (const { id, rule_set } of page) {
      const isOld = book.ruleSetOf(id, rule_set) !== rules.version
      if (isOld && isOpen) ranges.at(-1)!.push(id)
      else if (isOld) ranges.push([id])
      isOpen = isOld
    }
  }
  return ranges
}

class Run {
  readonly figures = { batches: 0, events: 0, changed: 0, wouldHold: 0, wouldRelease: 0 }
  readonly #store: Store
  readonly #reads: VerifyReads
  readonly #options: RecomputeOptions
  readonly #scorer: EventScorer
  readonly #rules = new Map<string, { gained: number; lost: number }>()

  constructor(store: Store, reads: VerifyReads, options: RecomputeOptions) {
    this.#store = store
    this.#reads = reads
    this.#options = options
    this.#scorer = new EventScorer(options.rules)
  }

  result(): Recomputation {
    return {
      ruleSet: this.#options.rules.version,
      ...this.figures,
      rules: [...this.#rules]
        .map(([rule, counts]) => ({ rule, ...counts }))
        .sort((a, b) => (a.rule < b.rule ? -1 : 1)),
    }
  }

  /** Whole batches, up to a bounded number of events. @returns the last batch that is done */
  async part(from: number, last: number, withheld: ReadonlyMap<number, number>): Promise<number> {
    const changes: VerdictChange[] = []
    let events = 0
    let batch = from
    let isCut = false
    for await (const page of this.#reads.eventsByBatch(from - 1)) {
      const taken: EventCells[] = []
      for (const cells of page) {
        if (cells[0] > last) break
        if (cells[0] !== batch) {
          isCut = events >= LIMITS.recomputeEventsMax
          if (isCut) break
          batch = cells[0]
        }
        taken.push(cells)
        events += 1
      }
      await this.#take(taken, 'stored', changes)
      if (taken.length < page.length) break
    }
    const to = isCut ? batch : last
    for (const batchId of withheld.keys()) {
      if (batchId < from || batchId > to) continue
      for (const { cells, state } of await this.#reads.withheldOf(batchId))
        await this.#take([cells], state, changes)
    }
    if (!this.#options.dryRun) {
      const { rules, actor, reason } = this.#options
      await this.#store.review.applyVerdicts(
        { ruleSet: rules.version, rules: rules.texts, fromBatch: from, toBatch: to },
        changes,
        {
          actor,
          action: 'verdicts.recomputed',
          subject: `batches ${from} to ${to}`,
          reason,
          detail: {
            ruleSet: rules.version,
            fromBatch: from,
            toBatch: to,
            changed: changes.length,
          },
        },
      )
    }
    this.figures.changed += changes.length
    this.#options.progress(to, last)
    return to
  }

  async #take(
    page: readonly EventCells[],
    state: 'stored' | 'held' | 'rejected' | 'approved',
    changes: VerdictChange[],
  ): Promise<void> {
    const isHeld = state === 'held' || state === 'rejected'
    if (page.length === 0) return
    const stored = await this.#reads.verdictsOf([...new Set(page.map((cells) => cells[9]))])
    const names = await this.#reads.sessions([...new Set(page.map((cells) => cells[3]))])
    for (const cells of page) {
      const [, , eventTimeUs, sessionKey, , , digest, , payload, from] = cells
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString()
      const made = this.#scorer.score(parseJson(text) as PlainObject) // a payload is an object by construction
      const before = stored.get(from)
      this.figures.events += 1
      const isHazard = (made?.hazard ?? 0) >= this.#options.holdHazard
      if (state === 'held' && !isHazard) this.figures.wouldRelease += 1
      if (!isHeld && isHazard) this.figures.wouldHold += 1
      if (verdictDifference(before, made) === undefined) continue
      this.#countRules(before, made)
      changes.push({
        isHeld,
        eventTimeUs,
        sessionKey,
        digest,
        sensorId: names.get(sessionKey)?.sensor_id ?? 0,
        from,
        to: made,
      })
    }
  }

  #countRules(before: Verdict | undefined, made: Verdict | undefined): void {
    const old = new Set(rulesOf(before?.hits ?? '[]'))
    const now = new Set(rulesOf(made?.hits ?? '[]'))
    for (const rule of now) if (!old.has(rule)) this.#counts(rule).gained += 1
    for (const rule of old) if (!now.has(rule)) this.#counts(rule).lost += 1
  }

  #counts(rule: string): { gained: number; lost: number } {
    const known = this.#rules.get(rule) ?? { gained: 0, lost: 0 }
    this.#rules.set(rule, known)
    return known
  }
}
