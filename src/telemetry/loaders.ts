/** How the loaders stand that left a status: read from the files that they keep about themselves. */
import { readFileSync, statSync } from 'node:fs'
import { type PhaseStatus, readPhases } from './status-files.ts'

export type LoaderStatus = {
  readonly phase: string
  readonly ingestId: string
  readonly lastUpdated: string
  /** `gone`: the process is no longer there, and did not say that it stopped. */
  readonly state: string
  readonly message: string | null
  readonly metrics: Readonly<Record<string, number | null>>
}

/** What a loader says of a source that it follows. */
export type Following = {
  readonly state: string
  readonly position: number
  readonly size: number
  readonly lagBytes: number
  readonly lagSeconds: number
  readonly eventsPerSecond: number
  readonly lastEventAt: string | null
}

export type Loaders = {
  readonly loaders: readonly LoaderStatus[]
  /** By number of the source; of loaders that run. */
  readonly following: ReadonlyMap<number, Following>
}

export function readLoaders(folder: string): Loaders {
  const loaders: LoaderStatus[] = []
  const following = new Map<number, Following>()
  for (const phase of readPhases(folder)) {
    const loader = objectOf(phase['loader'])
    const said = textOf(loader['state']) ?? 'stopped'
    const isOver = said === 'stopped' || said === 'done'
    const state = isOver || isRunning(loader['pid']) ? said : 'gone'
    loaders.push({
      phase: phase.phase,
      ingestId: phase.ingest_id,
      lastUpdated: phase.last_updated,
      state,
      message: textOf(loader['message']) ?? null,
      metrics: phase.metrics,
    })
    if (isOver || state === 'gone') continue
    for (const source of sourcesOf(phase)) following.set(source.source, source)
  }
  return { loaders, following }
}

/** Bytes of a file that are not stored, where nobody follows it: by its size now; undefined where that says nothing. */
export function lagOf(source: {
  readonly path: string
  readonly compression: string
  readonly committedOffset: number
}): number | undefined {
  if (source.compression !== 'none') return undefined
  try {
    const { size } = statSync(source.path)
    return size >= source.committedOffset ? size - source.committedOffset : undefined
  } catch {
    return undefined
  }
}

function sourcesOf(phase: PhaseStatus): (Following & { readonly source: number })[] {
  const { sources } = phase
  if (!Array.isArray(sources)) return []
  return sources.map((one: unknown) => {
    const of = objectOf(one)
    return {
      source: numberOf(of['source']),
      state: textOf(of['state']) ?? '',
      position: numberOf(of['position']),
      size: numberOf(of['size']),
      lagBytes: numberOf(of['lagBytes']),
      lagSeconds: numberOf(of['lagSeconds']),
      eventsPerSecond: numberOf(of['eventsPerSecond']),
      lastEventAt: textOf(of['lastEventAt']) ?? null,
    }
  })
}

/** A process of this program; another one may have its number by now. */
function isRunning(pid: unknown): boolean {
  if (typeof pid !== 'number') return false
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('ingest')
  } catch {
    try {
      process.kill(pid, 0)
      return true
    } catch {
      return false
    }
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
