/** How the loaders stand that left a status here, and the sessions that are open. */
import { bytes, fit, number, type Paint, pad, type TerminalText, table } from '../core/terminal.ts'
import { terminal } from '../output/encode/terminal.ts'
import type { OpenSessions, StoreStatus } from '../store/repo/status.ts'
import type { Loaders } from '../telemetry/loaders.ts'

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
