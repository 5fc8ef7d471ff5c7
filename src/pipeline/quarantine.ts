/** Withheld events: the report on a batch, and what a reviewer decides. */
import { LookupFailed } from '../core/errors.ts'
import { formatInstant } from '../core/instant.ts'
import { type PlainObject, parseJson } from '../core/json.ts'
import { rangesText } from '../core/ranges.ts'
import { hitsOf, namesOf as namesOfLayers } from '../core/verdict.ts'
import { type Risk, RiskReport } from '../review/risk.ts'
import type { ReviewStore, Store, SummaryWriter } from '../store/port.ts'
import type { Row, SessionKey } from '../store/schema.ts'
import type { EventCells, VerifyReads } from '../store/verify-port.ts'
import type { Registry } from '../validate/registry.ts'
import { type SessionNames, StoredBatches } from './stored-batch.ts'

/** A withheld event as a person sees it; texts are in visible form. */
export type WithheldEvent = {
  readonly record: number
  readonly state: 'held' | 'rejected' | 'approved'
  readonly atUs: number
  readonly sensor: string
  readonly session: string
  readonly eventid: string
  readonly verdict: Row<'verdicts'> | undefined
  readonly payload: PlainObject
}

export type BatchReview = {
  readonly held: number
  readonly rejected: number
  readonly approved: number
  /** Of the events that still wait. */
  readonly risk: Risk
  readonly events: readonly WithheldEvent[]
}

/**
 * The report on the withheld events of a batch.
 *
 * @param samples - how many events it shows, most hazardous first
 * @throws LookupFailed `LOOKUP_NO_BATCH` when the batch withheld nothing
 */
export async function reviewBatch(
  reads: VerifyReads,
  batchId: number,
  samples: number,
): Promise<BatchReview> {
  const found = await reads.withheldOf(batchId)
  if (found.length === 0) throw noBatch(batchId)
  const verdicts = await reads.verdictsOf([...new Set(found.map(({ cells }) => cells[9]))])
  const risk = new RiskReport()
  const counts = { held: 0, rejected: 0, approved: 0 }
  for (const { cells, state } of found) {
    counts[state] += 1
    if (state === 'held') risk.add(verdicts.get(cells[9]))
  }
  const worst = [...found]
    .sort(
      (a, b) =>
        Number(b.state === 'held') - Number(a.state === 'held') ||
        (verdicts.get(b.cells[9])?.hazard ?? 0) - (verdicts.get(a.cells[9])?.hazard ?? 0) ||
        a.cells[1] - b.cells[1],
    )
    .slice(0, samples)
  const names = await namesOf(
    reads,
    worst.map(({ cells }) => cells),
  )
  const sensors = await reads.sensorNames()
  const kinds = await reads.kindNames()
  return {
    ...counts,
    risk: risk.report(),
    events: worst.map(({ cells, state }) => {
      const name = names.get(cells[3])
      return {
        record: cells[1],
        state,
        atUs: cells[2],
        sensor: sensors.get(name?.sensor_id ?? 0) ?? '',
        session: name?.session ?? '',
        eventid: kinds.get(cells[4]) ?? '',
        verdict: verdicts.get(cells[9]),
        payload: parseJson(Buffer.from(cells[8]).toString()) as PlainObject, // an object by construction
      }
    }),
  }
}

/** What both the command and the dashboard tell of a batch. @param rules - of the program, for titles and scores */
export function reviewJson(
  batchId: number,
  review: BatchReview,
  rules: readonly { readonly id: string; readonly title: string; readonly score: number }[],
) {
  const known = new Map(rules.map((rule) => [rule.id, rule]))
  return {
    batch: batchId,
    held: review.held,
    approved: review.approved,
    rejected: review.rejected,
    risk: {
      ...review.risk,
      rules: review.risk.rules.map((one) => ({
        ...one,
        title: known.get(one.rule)?.title ?? null,
        score: known.get(one.rule)?.score ?? null,
      })),
    },
    events: review.events.map((event) => ({
      record: event.record,
      state: event.state,
      at: formatInstant(event.atUs),
      sensor: event.sensor,
      session: event.session,
      eventid: event.eventid,
      threat: event.verdict?.threat ?? 0,
      hazard: event.verdict?.hazard ?? 0,
      hits: hitsOf(event.verdict?.hits ?? '[]').map(([field, rule]) => ({ field, rule })),
      layers: namesOfLayers(event.verdict?.layers ?? '[]'),
      payload: event.payload,
    })),
  }
}

export type ReviewJson = ReturnType<typeof reviewJson>

export type Decision = {
  readonly batchId: number
  /** Numbers of records; undefined for all that wait. */
  readonly records: readonly number[] | undefined
  readonly actor: string
  readonly reason: string
  /** Rules that the reviewer says hit without cause. */
  readonly falsePositives: readonly string[]
}

/** @returns how many events were decided on @throws LookupFailed `LOOKUP_NO_BATCH`, `LOOKUP_NO_EVENT` */
export async function approve(
  reads: VerifyReads,
  writer: SummaryWriter,
  registry: Registry,
  decision: Decision,
): Promise<number> {
  const chosen = await waiting(reads, decision)
  const names = await namesOf(reads, chosen)
  const batch = await (await StoredBatches.of(reads, registry)).batch(chosen, names)
  const recordNos = chosen.map((cells) => cells[1])
  await writer.releaseHeld(
    batch,
    { batchId: decision.batchId, recordNos },
    draft(decision, recordNos, 'approved'),
  )
  return recordNos.length
}

/** @returns how many events were decided on @throws LookupFailed `LOOKUP_NO_BATCH`, `LOOKUP_NO_EVENT` */
export async function reject(
  reads: VerifyReads,
  review: ReviewStore,
  decision: Decision,
): Promise<number> {
  const recordNos = (await waiting(reads, decision)).map((cells) => cells[1])
  await review.rejectHeld(
    { batchId: decision.batchId, recordNos },
    draft(decision, recordNos, 'rejected'),
  )
  return recordNos.length
}

/** Keeps in the journal that rules hit without cause; `rules stats` counts it. */
export async function markFalsePositives(store: Store, decision: Decision): Promise<void> {
  for (const rule of decision.falsePositives) {
    await store.journal({
      actor: decision.actor,
      action: 'rule.false-positive',
      subject: `rules ${rule}`,
      reason: decision.reason,
      detail: { batch: decision.batchId },
    })
  }
}

async function waiting(reads: VerifyReads, decision: Decision): Promise<EventCells[]> {
  const found = await reads.withheldOf(decision.batchId)
  if (found.length === 0) throw noBatch(decision.batchId)
  const held = found.filter(({ state }) => state === 'held').map(({ cells }) => cells)
  const wanted = decision.records === undefined ? undefined : new Set(decision.records)
  const chosen = held.filter((cells) => wanted === undefined || wanted.has(cells[1]))
  if (chosen.length === 0 || (wanted !== undefined && chosen.length !== wanted.size)) {
    throw new LookupFailed(
      'LOOKUP_NO_EVENT',
      wanted === undefined
        ? `No event of batch ${decision.batchId} waits for a decision.`
        : `Of the records named, ${wanted.size - chosen.length} are no event of batch ${decision.batchId} that waits for a decision.`,
      { hint: `"nacre quarantine show ${decision.batchId}" lists its events with their state.` },
    )
  }
  return chosen
}

function draft(decision: Decision, recordNos: readonly number[], to: 'approved' | 'rejected') {
  return {
    actor: decision.actor,
    action: `event.${to}`,
    subject: `held_events batch ${decision.batchId}`,
    reason: decision.reason,
    detail: { events: recordNos.length, records: rangesText(recordNos) },
    decision: { from: 'held', to },
  }
}

async function namesOf(reads: VerifyReads, page: readonly EventCells[]): Promise<SessionNames> {
  const keys = [...new Set(page.map((cells) => cells[3]))]
  const names = new Map<SessionKey, { session: string; sensor_id: number }>(
    await reads.sessions(keys),
  )
  if (keys.some((key) => !names.has(key)))
    for (const row of await reads.heldSessions()) names.set(row.session_key, row)
  return names
}

function noBatch(batchId: number): LookupFailed {
  return new LookupFailed('LOOKUP_NO_BATCH', `Batch ${batchId} withheld nothing.`, {
    hint: '"nacre quarantine list --all" lists the batches that did.',
  })
}
