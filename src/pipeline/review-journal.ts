/** What the journal says of withheld events, modes and verdicts made again; compared with the tables. */
import { readRanges } from '../core/ranges.ts'
import { LIMITS } from '../limits.ts'
import type { Row } from '../store/schema.ts'

type Detail = Readonly<Record<string, unknown>>

export class ReviewJournal {
  /** By batch and record. */
  readonly #decided = new Map<number, Map<number, string>>()
  readonly #modes = new Map<string, { readonly state: string; readonly seq: number }>()
  readonly #runs = new Map<number, Detail>()
  /** By number: what was held, and the entry that released it. */
  readonly #holds = new Map<number, { readonly detail: Detail; releasedSeq: number }>()
  readonly #odd: string[] = []

  take(row: Row<'audit_log'>, detail: Detail): void {
    if (row.action === 'event.approved' || row.action === 'event.rejected') {
      const batchId = Number(/^held_events batch (\d+)$/.exec(row.subject)?.[1])
      const records = readRanges(String(detail['records']), LIMITS.batchRecordsMax)
      if (Number.isNaN(batchId) || records === undefined) {
        this.#odd.push(`audit_log ${row.seq}: does not say which events it decides on`)
        return
      }
      const states = this.#decided.get(batchId) ?? new Map<number, string>()
      for (const record of records) states.set(record, String(detail['to']))
      this.#decided.set(batchId, states)
    }
    if (row.action === 'emergency.on' || row.action === 'emergency.off')
      this.#modes.set('emergency', { state: row.action.slice('emergency.'.length), seq: row.seq })
    if (row.action === 'hold.added') this.#holds.set(row.seq, { detail, releasedSeq: 0 })
    if (row.action === 'hold.released') {
      const hold = this.#holds.get(Number(/^legal_holds (\d+)$/.exec(row.subject)?.[1]))
      if (hold === undefined)
        this.#odd.push(`audit_log ${row.seq}: releases a hold that was not there`)
      else hold.releasedSeq = row.seq
    }
    if (row.action === 'verdicts.recomputed') this.#runs.set(row.seq, detail)
  }

  /** @param held - states of withheld events as they stand, by batch and record */
  *problems(
    held: ReadonlyMap<number, ReadonlyMap<number, string>>,
    modes: readonly Row<'modes'>[],
    runs: readonly Row<'verdict_runs'>[],
    holds: readonly Row<'legal_holds'>[],
  ): Generator<string> {
    yield* this.#odd
    for (const [batchId, states] of held) {
      for (const [record, state] of states) {
        const said = this.#decided.get(batchId)?.get(record) ?? 'held'
        if (said !== state)
          yield `held_events batch ${batchId} record ${record}: state is ${state}, the journal says ${said}`
      }
    }
    for (const [batchId, states] of this.#decided) {
      for (const record of states.keys()) {
        if (held.get(batchId)?.has(record) !== true)
          yield `held_events batch ${batchId} record ${record}: the journal decides on it, but it is not there`
      }
    }
    if (modes.length !== this.#modes.size)
      yield `modes: ${modes.length} rows, the journal knows ${this.#modes.size}`
    for (const row of modes) {
      const said = this.#modes.get(row.name)
      if (said === undefined || said.state !== row.state || said.seq !== row.seq)
        yield `modes ${row.name}: is not what the journal says`
    }
    if (holds.length !== this.#holds.size)
      yield `legal_holds: ${holds.length} rows, the journal knows ${this.#holds.size}`
    for (const row of holds) {
      const said = this.#holds.get(row.id)
      if (
        said === undefined ||
        said.releasedSeq !== row.released_seq ||
        (said.detail['sensor'] ?? '') !== row.sensor ||
        (said.detail['session'] ?? '') !== row.session ||
        (said.detail['source'] ?? '') !== row.source ||
        (said.detail['fromUs'] ?? null) !== row.from_us ||
        (said.detail['untilUs'] ?? null) !== row.until_us
      )
        yield `legal_holds ${row.id}: is not what the journal says`
    }
    if (runs.length !== this.#runs.size)
      yield `verdict_runs: ${runs.length} rows, the journal knows ${this.#runs.size}`
    for (const row of runs) {
      const said = this.#runs.get(row.seq)
      if (
        said === undefined ||
        said['ruleSet'] !== row.rule_set ||
        said['fromBatch'] !== row.from_batch ||
        said['toBatch'] !== row.to_batch
      )
        yield `verdict_runs ${row.seq}: is not what the journal says`
    }
  }
}
