/** Where things stand for alerts: asked of the store, the disk and the status file of the follower. */
import { statfsSync } from 'node:fs'
import type { LoaderSituation, LoaderState, Situation, SourceSituation } from '../alert/index.ts'
import { sentenceOn } from '../anomaly/index.ts'
import { type InstantUs, US_PER_DAY } from '../core/instant.ts'
import type { SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import { fromVisible, toVisible } from '../neutralize/visible.ts'
import type { SourceStanding } from '../pipeline/delta.ts'
import type { Store } from '../store/port.ts'
import { readPhases } from '../telemetry/status-files.ts'
import { readInstant } from '../validate/instant.ts'

/** What a follower knows, and a file of it tells others. */
export type LiveSituation = Pick<Situation, 'sources' | 'loader'>

/** The part of a situation that the store and the disk tell. Reads roll-ups, never events. */
export async function storedSituation(
  store: Store,
  dataFolder: string,
  nowUs: InstantUs,
): Promise<Omit<Situation, 'sources' | 'loader'>> {
  const { openDeadLetters, sensorFigures, waitingBatches } = await import('../store/repo/alerts.ts')
  const query = await store.queries()
  return {
    nowUs,
    sensors: await sensorFigures(query, nowUs),
    deadLetters: await openDeadLetters(query),
    heldBatches: await waitingBatches(query),
    disk: diskOf(dataFolder),
    openAnomalies: await openAnomalies(store, nowUs),
  }
}

/** Alarms of the last two days that nobody has decided on; older ones were told long ago. */
async function openAnomalies(
  store: Store,
  nowUs: InstantUs,
): Promise<NonNullable<Situation['openAnomalies']>> {
  const found = await store.activity.anomalies({
    state: 'new',
    severity: 'alarm',
    sensor: undefined,
    limit: LIMITS.alertAnomaliesMax,
  })
  return found
    .filter((one) => nowUs - one.lastSeenUs < 2 * US_PER_DAY)
    .map((one) => ({
      id: one.id,
      detector: one.detector,
      sensor: one.sensor,
      atUs: one.firstSeenUs,
      figure: one.figure,
      baseline: one.baseline,
      message: sentenceOn(one),
    }))
}

/** The whole situation of one who does not follow: the follower's part comes from its status file. */
export async function gatherSituation(
  store: Store,
  folders: { readonly data: string; readonly statusFolder: string },
  nowUs: InstantUs,
): Promise<Situation> {
  const stored = await storedSituation(store, folders.data, nowUs)
  return { ...stored, ...readStatus(folders.statusFolder, nowUs) }
}

/**
 * What the status file of a follower says. A file that is not there, or cannot be understood, says nothing.
 *
 * Paths and names of sensors in it are made visible again: others may have written it.
 */
export function readStatus(folder: string, nowUs: InstantUs): LiveSituation {
  const status = readPhases(folder).find((one) => one.phase === 'delta')
  const updatedAtUs = instantOf(status?.last_updated)
  if (status === undefined || updatedAtUs === undefined)
    return { sources: undefined, loader: undefined }
  const said = objectOf(status['loader'])
  const state = loaderStateOf(said['state'], said['code'])
  const isFresh = nowUs - updatedAtUs < LIMITS.statusFreshMs * 1_000
  const loader: LoaderSituation =
    isFresh || state === 'stopped'
      ? { state, sinceUs: undefined }
      : { state: 'lost', sinceUs: updatedAtUs }
  // While nothing is read, nothing is known of sources; what was said of them before is no longer so.
  const { sources } = status
  const isKnown = loader.state === 'running' && Array.isArray(sources)
  return { sources: isKnown ? sources.map(sourceOf) : undefined, loader }
}

/** The state of a loader as alerts call it. @param code - of the error that it waits for the end of */
export function loaderStateOf(state: unknown, code: unknown): LoaderState {
  if (state === 'stopped') return 'stopped'
  if (state !== 'waiting') return 'running'
  return code === 'STORE_DISK_FULL' ? 'disk-full' : 'waiting-for-store'
}

function sourceOf(value: unknown): SourceSituation {
  const source = objectOf(value)
  const number = (name: string): number | undefined =>
    typeof source[name] === 'number' && Number.isFinite(source[name]) ? source[name] : undefined
  const text = (name: string): string =>
    typeof source[name] === 'string' ? source[name] : 'unknown'
  return {
    path: visibleOnce(text('path')),
    sensor: visibleOnce(text('sensor')),
    state: text('state'),
    lagBytes: number('lagBytes'),
    lagSeconds: number('lagSeconds'),
    lastEventAtUs: instantOf(source['lastEventAt']),
    // The file says how far an event lies behind the clock.
    clockSkewSeconds: negated(number('clockSkewSeconds')),
  }
}

/** How a source stands, from the follower itself. */
export function sourceSituation(standing: SourceStanding): SourceSituation {
  const { path, sensor, state, position, size, lagMs, lastEventUs, skewMs } = standing
  return {
    path: visibleOnce(path),
    sensor: visibleOnce(sensor),
    state,
    lagBytes: size - position,
    lagSeconds: lagMs / 1_000,
    lastEventAtUs: lastEventUs,
    clockSkewSeconds: negated(skewMs === undefined ? undefined : skewMs / 1_000),
  }
}

function negated(value: number | undefined): number | undefined {
  return value === undefined ? undefined : 0 - value
}

/** Text of the follower is in visible form already; any other becomes so. */
function visibleOnce(text: string): SafeText {
  return toVisible(fromVisible(text))
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Readonly<Record<string, unknown>>) : {} // an object of unknown fields
}

function instantOf(value: unknown): InstantUs | undefined {
  const into = { us: 0, flags: 0 }
  return typeof value === 'string' && readInstant(value, into) ? into.us : undefined
}

/** Of the disk a folder is on; undefined where the system does not tell. */
export function diskOf(folder: string): Situation['disk'] {
  try {
    const { bavail, blocks, bsize } = statfsSync(folder)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch {
    return undefined
  }
}
