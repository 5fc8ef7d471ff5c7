/** How the loaders stand that left a status here, and the sessions that are open. */
import { readFileSync, statSync } from 'node:fs'
import { bytes, fit, number, type Paint, pad, type TerminalText, table } from '../core/terminal.ts'
import { terminal } from '../output/encode/terminal.ts'
import type { OpenSessions, StoreStatus } from '../store/repo/status.ts'
import { type PhaseStatus, readPhases } from '../telemetry/status-files.ts'

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
export function lagOf(source: StoreStatus['sources'][number]): number | undefined {
  if (source.compression !== 'none') return undefined
  try {
    const { size } = statSync(source.path)
    return size >= source.committedOffset ? size - source.committedOffset : undefined
  } catch {
    return undefined
  }
}

export function renderLoaders({ loaders }: Loaders, paint: Paint): TerminalText[] {
  const lines = [paint.bold(terminal`Loaders`)]
  if (loaders.length === 0) lines.push(paint.dim(terminal`  none has left a status here`))
  for (const one of loaders) {
    const isWell = one.state === 'running' || one.state === 'stopped' || one.state === 'done'
    const state = isWell ? terminal.own(one.state) : paint.yellow(terminal.own(one.state))
    const rate = one.metrics['events_per_second'] ?? 0
    lines.push(
      terminal`  ${pad(terminal.own(one.phase), 6)} ${state}, ${terminal.own(one.lastUpdated.slice(0, 19).replace('T', ' '))}  ${number(one.metrics['events_inserted'] ?? 0)} stored, ${bytes(one.metrics['lag_bytes'] ?? 0)} behind, ${number(Math.round(rate))}/s`,
    )
    if (one.message !== null) lines.push(terminal`         ${terminal.own(one.message)}`)
  }
  return lines
}

export function renderFollowing(
  sources: StoreStatus['sources'],
  { following }: Loaders,
  shown: number,
): TerminalText[] {
  const live = sources.filter((one) => following.has(one.id))
  if (live.length === 0) return []
  return [
    terminal``,
    table(
      [
        { title: 'followed' },
        { title: 'state' },
        { title: 'position', align: 'right' },
        { title: 'behind', align: 'right' },
        { title: 'seconds', align: 'right' },
        { title: 'events/s', align: 'right' },
        { title: 'last event (UTC)' },
      ],
      live.slice(-shown).map((one) => {
        const now = following.get(one.id)! // filtered by it
        return [
          fit(terminal.own(one.path), 50),
          terminal.own(now.state),
          bytes(now.position),
          bytes(now.lagBytes),
          terminal.own(now.lagSeconds.toFixed(1)),
          terminal.own(now.eventsPerSecond.toFixed(1)),
          terminal.own(now.lastEventAt?.slice(0, 19).replace('T', ' ') ?? '-'),
        ]
      }),
    ),
  ]
}

export function renderOpenSessions(open: readonly OpenSessions[], paint: Paint): TerminalText[] {
  return [
    paint.bold(terminal`Open sessions`),
    ...(open.length === 0
      ? [paint.dim(terminal`  none`)]
      : open.map(
          (one) =>
            terminal`  ${pad(number(one.sessions), 8, 'right')}  ${terminal.data(one.sensor)} ${paint.dim(terminal`oldest since ${terminal.own(String(Math.round(one.oldestSeconds / 60)))} min`)}`,
        )),
  ]
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
