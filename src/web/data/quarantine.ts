/** Withheld events: what the page and the API tell of them, and the decisions that both take. */
import { formatInstant } from '../../core/instant.ts'
import { rulesOf } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'
import { isEmergency } from '../../pipeline/emergency.ts'
import {
  approve,
  type Decision,
  markFalsePositives,
  reject,
  reviewBatch,
  reviewJson,
} from '../../pipeline/quarantine.ts'
import type { WriterVersions } from '../../store/port.ts'
import {
  type HeldBatchRecord,
  type HeldStanding,
  heldBatchCounts,
  heldBatchPage,
} from '../../store/repo/held.ts'
import { batchNumbered } from '../../store/repo/source-list.ts'
import type { Parts } from '../parts.ts'

export const STANDINGS = ['waiting', 'approved', 'rejected', 'all'] as const

export type BatchFilter = {
  readonly standing: (typeof STANDINGS)[number]
  readonly before?: number | undefined
}

/** Batches that withheld events, newest first. */
export async function heldBatches({ store }: Parts, filter: BatchFilter) {
  const page = await heldBatchPage(store.query, {
    standing: filter.standing === 'all' ? undefined : filter.standing,
    beforeBatch: filter.before,
    limit: LIMITS.webRowsMax + 1,
  })
  const shown = page.slice(0, LIMITS.webRowsMax)
  return {
    emergency: await isEmergency(store.reads()),
    counts: (await heldBatchCounts(store.query)) satisfies Readonly<Record<HeldStanding, number>>,
    batches: shown.map(batchJson),
    next: page.length > shown.length ? (shown.at(-1)?.batchId ?? null) : null,
  }
}

export type HeldBatchJson = ReturnType<typeof batchJson>

function batchJson(batch: HeldBatchRecord) {
  const of = (state: string) => batch.verdicts.filter((one) => one.state === state)
  const sum = (state: string): number => of(state).reduce((total, one) => total + one.events, 0)
  const waiting = sum('held')
  const rejected = sum('rejected')
  // What waits is told of; where nothing waits, what was kept out.
  const told = of(waiting > 0 ? 'held' : 'rejected')
  const rules = new Map<string, number>()
  for (const { hits, events } of told)
    for (const rule of rulesOf(hits)) rules.set(rule, (rules.get(rule) ?? 0) + events)
  return {
    batch: batch.batchId,
    path: batch.path,
    committedAt: formatInstant(batch.committedAtUs),
    records: batch.records,
    withheld: batch.withheld,
    waiting,
    rejected,
    approved: batch.withheld - waiting - rejected,
    hazardMax: Math.max(0, ...told.map((one) => one.hazard)),
    threatMax: Math.max(0, ...told.map((one) => one.threat)),
    rules: [...rules]
      .map(([rule, events]) => ({ rule, events }))
      .sort((a, b) => b.events - a.events || (a.rule < b.rule ? -1 : 1)),
  }
}

/**
 * The risk report on a batch, with the most hazardous of its events.
 *
 * @throws LookupFailed `LOOKUP_NO_BATCH`
 */
export async function heldBatch({ store, rules }: Parts, batchId: number, samples: number) {
  const review = await reviewBatch(store.reads(), batchId, samples)
  const found = await batchNumbered(store.query, batchId)
  const batch = found?.batch
  return {
    ...reviewJson(batchId, review, rules.definitions),
    ruleSet: batch?.rule_set ?? null,
    path: found?.path ?? null,
    source: found === undefined ? null : Buffer.from(found.sourceUid).toString('hex'),
    startOffset: batch?.start_offset ?? null,
    endOffset: batch?.end_offset ?? null,
    records: batch?.records ?? null,
    committedAt: batch === undefined ? null : formatInstant(batch.committed_at_us),
    recordRoot: batch === undefined ? null : Buffer.from(batch.record_root).toString('hex'),
  }
}

/**
 * Takes a decision on withheld events of one batch: one transaction, with its journal entry.
 *
 * @returns how many events were decided on
 * @throws LookupFailed; StoreError `STORE_BUSY`
 */
export async function decideOnBatch(
  parts: Parts,
  to: 'approved' | 'rejected',
  decision: Decision,
): Promise<{ readonly batch: number; readonly events: number; readonly state: string }> {
  const { batchId: batch } = decision
  if (to === 'rejected') {
    const events = await reject(parts.store.reads(), parts.store.review, decision)
    await markFalsePositives(parts.store, decision)
    return { batch, events, state: to }
  }
  const again = await parts.openAgain()
  try {
    const writer = again.writer(versionsOf(parts))
    try {
      const events = await approve(again.reads(), writer, parts.registry, decision)
      await markFalsePositives(again, decision)
      return { batch, events, state: to }
    } finally {
      await writer.close()
    }
  } finally {
    await again.close()
  }
}

/** What batches of this program name. */
export function versionsOf({ registry, rules, programVersion }: Parts): WriterVersions {
  return {
    schemaVersion: registry.version,
    programVersion,
    schemaFiles: registry.entries.map(({ file, digest }) => ({ file, digest })),
    rules: rules.texts,
  }
}
