/** Detectors: a figure of an hour against what is usual for it. Pure: no clock, no store. */
import type {
  Anomaly,
  AnomalyAction,
  AnomalyPolicy,
  BaselineBasis,
  DetectorName,
  Metric,
} from '../core/anomaly.ts'
import { LIMITS } from '../limits.ts'
import type { Knowledge } from './baseline.ts'

export type Detector = {
  readonly name: DetectorName
  readonly metric: Metric
  /** Figure below which it never is an alarm: what a person would not look at. */
  readonly least: number
  /** What the figure counts, for people. */
  readonly unit: string
  /** Smallest spread that is believed of hours with this median. */
  readonly floor: (median: number) => number
}

/**
 * Counts differ by chance at least as a Poisson process does (the root of the mean). Attackers come in bursts, which
 * such a process does not know, and few samples can agree by chance: hence a share of the median, too.
 */
function countFloor(median: number): number {
  return Math.max(3, Math.sqrt(median), median / 4)
}

/** Shifts are thousandths of a bit; below, the mix of an ordinary hour moves by chance. */
function shiftFloor(median: number): number {
  return Math.max(25, median / 4)
}

export const DETECTOR_TABLE: readonly Detector[] = [
  {
    name: 'volume',
    metric: 'events',
    // One session of guessed passwords has hundreds.
    least: 500,
    unit: 'events in an hour',
    floor: countFloor,
  },
  {
    name: 'sessions',
    metric: 'sessions',
    least: 50,
    unit: 'sessions begun in an hour',
    floor: countFloor,
  },
  {
    name: 'logins',
    metric: 'login-successes',
    least: 20,
    unit: 'successful log-ins in an hour',
    floor: countFloor,
  },
  {
    name: 'hazard',
    metric: 'hazardous-events',
    least: 10,
    unit: 'events with a hazard of 50 or more in an hour',
    floor: countFloor,
  },
  {
    name: 'new-commands',
    metric: 'new-commands',
    least: 20,
    unit: 'commands in an hour that were not seen for 30 days',
    floor: countFloor,
  },
  {
    name: 'new-files',
    metric: 'new-files',
    least: 10,
    unit: 'files in an hour that were not seen for 30 days',
    floor: countFloor,
  },
  {
    name: 'new-ssh-keys',
    metric: 'new-ssh-keys',
    least: 5,
    unit: 'SSH keys in commands of an hour that were not seen for 30 days',
    // Keys are rare: most hours have none, and five are much.
    floor: (median) => Math.max(0.75, Math.sqrt(median), median / 4),
  },
  {
    name: 'address-rate',
    metric: 'address-events-a-minute',
    least: 120,
    unit: 'events of one address in a minute',
    floor: countFloor,
  },
  {
    name: 'country-shift',
    metric: 'country-shift',
    least: 100,
    unit: 'thousandths of a bit between the countries of the hour and those of 30 days',
    floor: shiftFloor,
  },
  {
    name: 'asn-shift',
    metric: 'asn-shift',
    least: 100,
    unit: 'thousandths of a bit between the networks of the hour and those of 30 days',
    floor: shiftFloor,
  },
]

/** What is known of one sensor for one hour. */
export type Hour = {
  /** Figures of the hour so far; a metric that is not there was not counted. */
  readonly figures: ReadonlyMap<Metric, number>
  /** What is usual for this hour; a metric that is not there was never counted. */
  readonly knowledge: ReadonlyMap<Metric, Knowledge>
  /** Percent of the ordinary threshold; 100 where reviewers said nothing. */
  readonly factorOf: (detector: DetectorName) => number
}

/** How a figure stands against its baseline. */
export type Judgement = Pick<
  Anomaly,
  'detector' | 'figure' | 'baseline' | 'spread' | 'samples' | 'basis' | 'score' | 'threshold'
>

/**
 * The alarms of an hour: at most one for each detector. The hour may go on; its figures only grow, so that an alarm
 * stays one.
 */
export function detect(hour: Hour): Judgement[] {
  return DETECTOR_TABLE.flatMap((detector) => {
    const figure = hour.figures.get(detector.metric)
    const knowledge = hour.knowledge.get(detector.metric)
    if (figure === undefined || knowledge === undefined || figure < detector.least) return []
    const judged = judge(detector, figure, knowledge, hour.factorOf(detector.name))
    return judged !== undefined && judged.score >= judged.threshold ? [judged] : []
  })
}

/** @returns undefined while the detector learns */
export function judge(
  detector: Detector,
  figure: number,
  { baseline }: Knowledge,
  factorPercent: number,
): Judgement | undefined {
  if (baseline === undefined) return undefined
  const spread = Math.max(
    baseline.spread,
    baseline.burst * baseline.median,
    detector.floor(baseline.median),
  )
  return {
    detector: detector.name,
    figure,
    baseline: baseline.median,
    spread,
    samples: baseline.samples,
    basis: baseline.basis,
    score: (figure - baseline.median) / spread,
    threshold: thresholdOf(factorPercent),
  }
}

/** @param factorPercent - as reviewers raised it */
export function thresholdOf(factorPercent: number): number {
  return (LIMITS.anomalyScoreMin * factorPercent) / 100
}

/** The factor after one more false alarm, percent. */
export function raisedFactor(factorPercent: number): number {
  return Math.min(
    LIMITS.anomalyFactorPercentMax,
    Math.round((factorPercent * LIMITS.anomalyFactorStepPercent) / 100),
  )
}

/** What an anomaly does by the operator's policy. A notice does nothing but stand in the list. */
export function actionOf(
  policy: AnomalyPolicy,
  { detector, severity }: Pick<Anomaly, 'detector' | 'severity'>,
): AnomalyAction {
  return severity === 'notice' ? 'alert' : (policy.get(detector) ?? 'alert')
}

/** One sentence on an anomaly: words and numbers of ours, no text from a log. */
export function sentenceOn(one: {
  readonly detector: DetectorName
  readonly severity: Anomaly['severity']
  readonly figure: number
  readonly baseline: number
  readonly score: number
  readonly threshold: number
  readonly samples: number
  readonly basis: BaselineBasis
}): string {
  const { unit } = DETECTOR_TABLE.find(({ name }) => name === one.detector)!
  if (one.severity === 'notice') return `${one.figure} ${unit}, after a successful log-in.`
  return `${one.figure} ${unit}; usual are ${rounded(one.baseline)} (${one.basis}, ${one.samples} samples). Score ${rounded(one.score)}, alarm from ${rounded(one.threshold)}.`
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
