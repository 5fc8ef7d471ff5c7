/** What the store knows of a sensor, as detectors want it. */
import { type HourNumber, METRICS, type Metric } from '../core/anomaly.ts'
import type { ActivityStore } from '../store/port.ts'
import { hoursBefore, type Knowledge, knowledgeOf } from './baseline.ts'

type Figure = Awaited<ReturnType<ActivityStore['figures']>>[number]

/** Seconds of an hour that a follower must have watched before silence in it is a figure, too. */
const WATCHED_SECONDS_MIN = 1_800

/** What is usual for one hour of a sensor, by metric; a metric that was never counted has counted no hours. */
export async function knowledgeOfSensor(
  store: Pick<ActivityStore, 'figures'>,
  sensor: string,
  hour: HourNumber,
): Promise<ReadonlyMap<Metric, Knowledge>> {
  const histories = historiesOf(await store.figures(sensor, hoursBefore(hour)))
  return new Map(
    [...histories].map(([metric, history]) => [metric, knowledgeOf(history, hour)] as const),
  )
}

/** Figures by metric and hour. */
export function historiesOf(
  figures: readonly Figure[],
): ReadonlyMap<Metric, ReadonlyMap<HourNumber, number>> {
  const histories = new Map(METRIC_NAMES.map((metric) => [metric, new Map<HourNumber, number>()]))
  for (const { hour, metric, value } of figures) histories.get(metric as Metric)?.set(hour, value) // others have no history
  // An hour that was counted has 0 of what it has no row of. One that sessions alone tell of has not, and a shift of
  // places is only known where enough sessions had one.
  const counted = new Set(histories.get('events')!.keys())
  for (const [hour, seconds] of histories.get('watched-seconds')!)
    if (seconds >= WATCHED_SECONDS_MIN) counted.add(hour)
  for (const [metric, history] of histories) {
    if (metric === 'country-shift' || metric === 'asn-shift') continue
    for (const hour of counted) if (!history.has(hour)) history.set(hour, 0)
  }
  return histories
}

const METRIC_NAMES = Object.keys(METRICS) as Metric[] // its own keys
