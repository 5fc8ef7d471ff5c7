/** Where things stand for alerts: asked of the store, the disk and the status file of the follower. */
import { readFileSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { LoaderState, Situation, SourceSituation } from '../alert/index.ts'
import type { InstantUs } from '../core/instant.ts'
import type { SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import { fromVisible, toVisible } from '../neutralize/visible.ts'
import type { Store } from '../store/port.ts'
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
    openAnomalies: [],
  }
}

/** The whole situation of one who does not follow: the follower's part comes from its status file. */
export async function gatherSituation(
  store: Store,
  dataFolder: string,
  nowUs: InstantUs,
): Promise<Situation> {
  const stored = await storedSituation(store, dataFolder, nowUs)
  return { ...stored, ...readStatus(statusPath(dataFolder), nowUs) }
}

/** Where the follower says how it is. */
export function statusPath(dataFolder: string): string {
  return join(dataFolder, 'status', 'delta.json')
}

/**
 * What the status file of a follower says. A file that is not there, or cannot be understood, says nothing.
 *
 * Paths and names of sensors in it are made visible again: others may have written it.
 */
export function readStatus(path: string, nowUs: InstantUs): LiveSituation {
  const nothing = { sources: undefined, loader: undefined }
  let document: unknown
  try {
    document = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return nothing
  }
  const status = objectOf(document)
  const updatedAtUs = instantOf(status['last_updated'])
  if (updatedAtUs === undefined) return nothing
  const said = objectOf(status['loader'])
  const state = LOADER_STATES.find((one) => one === said['state']) ?? 'running'
  const isFresh = nowUs - updatedAtUs < LIMITS.statusFreshMs * 1_000
  const isEnded = state === 'stopped' || state === 'disk-full'
  const loader =
    isFresh || isEnded
      ? { state, sinceUs: instantOf(said['since']) }
      : { state: 'lost' as const, sinceUs: updatedAtUs }
  // What it said last of sources and clocks is no longer so, whether it was ended or lost.
  if (!isFresh || isEnded) return { sources: undefined, loader }
  const sources = Array.isArray(status['sources']) ? status['sources'].map(sourceOf) : undefined
  return { sources, loader }
}

const LOADER_STATES: readonly LoaderState[] = [
  'running',
  'waiting-for-store',
  'disk-full',
  'stopped',
]

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
    clockSkewSeconds: number('clockSkewSeconds'),
  }
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

function diskOf(folder: string): Situation['disk'] {
  try {
    const { bavail, blocks, bsize } = statfsSync(folder)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch {
    return undefined
  }
}
