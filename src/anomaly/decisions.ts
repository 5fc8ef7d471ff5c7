/** What a person decides on an anomaly, and how it is told as JSON. */
import { type DetectorName, type StoredAnomaly, US_PER_HOUR } from '../core/anomaly.ts'
import { LookupFailed } from '../core/errors.ts'
import { formatInstant, type InstantUs } from '../core/instant.ts'
import type { ActivityStore } from '../store/port.ts'
import { raisedFactor } from './detectors.ts'

export function anomalyJson(one: StoredAnomaly) {
  return {
    id: one.id,
    detector: one.detector,
    sensor: one.sensor,
    hour: formatInstant(one.hour * US_PER_HOUR),
    severity: one.severity,
    state: one.state,
    figure: one.figure,
    baseline: one.baseline,
    spread: one.spread,
    samples: one.samples,
    basis: one.basis,
    score: one.score,
    threshold: one.threshold,
    firstSeenAt: formatInstant(one.firstSeenUs),
    lastSeenAt: formatInstant(one.lastSeenUs),
    evidence: one.evidence,
    decidedBy: one.decidedBy,
    decidedAt: one.decidedAtUs === null ? null : formatInstant(one.decidedAtUs),
    reason: one.reason,
  }
}

/** @throws LookupFailed `LOOKUP_NO_ANOMALY` */
export async function anomalyNumbered(
  activity: Pick<ActivityStore, 'anomaly'>,
  id: number,
): Promise<StoredAnomaly> {
  const found = await activity.anomaly(id)
  if (found !== undefined) return found
  throw new LookupFailed('LOOKUP_NO_ANOMALY', `There is no anomaly ${id}.`, {
    hint: '"nacre anomalies list --all" lists them.',
  })
}

export type AnomalyDecider = {
  readonly actor: string
  readonly reason: string
  readonly nowUs: InstantUs
}

/** It was hostile: thresholds stay. @throws LookupFailed `LOOKUP_NO_ANOMALY`; StoreError `STORE_BUSY` */
export async function confirmAnomaly(
  activity: ActivityStore,
  id: number,
  by: AnomalyDecider,
): Promise<StoredAnomaly> {
  const one = await undecided(activity, id)
  await decide(activity, one, 'confirmed', by, undefined)
  return one
}

export type FalseAlarm = {
  readonly id: number
  readonly detector: DetectorName
  readonly sensor: string
  readonly factorPercentBefore: number
  /** Of the ordinary threshold, from now on. */
  readonly factorPercent: number
}

/** It was none: its detector is less easily alarmed by that sensor. @throws as `confirmAnomaly` */
export async function callFalseAlarm(
  activity: ActivityStore,
  id: number,
  by: AnomalyDecider,
): Promise<FalseAlarm> {
  const one = await undecided(activity, id)
  const before =
    (await activity.factors()).find(
      ({ detector, sensor }) => detector === one.detector && sensor === one.sensor,
    )?.percent ?? 100
  const factorPercent = raisedFactor(before)
  await decide(activity, one, 'false', by, factorPercent)
  return {
    id: one.id,
    detector: one.detector,
    sensor: one.sensor,
    factorPercentBefore: before,
    factorPercent,
  }
}

async function decide(
  activity: ActivityStore,
  one: StoredAnomaly,
  to: 'confirmed' | 'false',
  { actor, reason, nowUs }: AnomalyDecider,
  factorPercent: number | undefined,
): Promise<void> {
  await activity.decide(
    { id: one.id, to, by: actor, atUs: nowUs, reason, factorPercent },
    one.detector,
    {
      actor,
      action: `anomaly.${to}`,
      subject: `anomalies ${one.id}`,
      reason,
      detail: {
        detector: one.detector,
        hour: formatInstant(one.hour * US_PER_HOUR),
        figure: one.figure,
        ...(factorPercent === undefined ? {} : { factorPercent }),
      },
      decision: { from: 'new', to },
    },
  )
}

async function undecided(activity: ActivityStore, id: number): Promise<StoredAnomaly> {
  const found = await anomalyNumbered(activity, id)
  if (found.state === 'new') return found
  throw new LookupFailed('LOOKUP_NO_ANOMALY', `Anomaly ${found.id} is decided: ${found.state}.`, {
    hint: '"nacre anomalies list" lists those that wait; "nacre anomalies baseline" shows the thresholds.',
  })
}
