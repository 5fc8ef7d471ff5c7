/** The status of a follower as monitors read it. */
import { formatInstant } from '../core/instant.ts'
import type { FollowFigures, SourceStanding } from '../pipeline/delta.ts'
import type { FollowTotals, LoaderState } from '../pipeline/supervise.ts'
import type { PhaseStatus } from '../telemetry/status-files.ts'

export type FollowSituation = {
  readonly ingestId: string
  /** ISO 8601. */
  readonly now: string
  readonly elapsedMs: number
  readonly state: LoaderState | undefined
  readonly totals: FollowTotals
  readonly figures: FollowFigures | undefined
  readonly standings: readonly SourceStanding[]
  readonly recordsPerSecond: number
}

/** Sources named one by one; those with something to say come first. */
const SOURCES_TOLD = 200

export function followStatus(situation: FollowSituation): PhaseStatus {
  const { totals, figures, state, now } = situation
  const { fates } = totals
  const standings = [...situation.standings].sort(
    (a, b) => b.size - b.position - (a.size - a.position) || b.lagMs - a.lagMs,
  )
  const newest = standings.reduce<SourceStanding | undefined>(
    (best, one) => ((one.lastEventUs ?? 0) >= (best?.lastEventUs ?? 0) ? one : best),
    undefined,
  )
  const { user, system } = process.cpuUsage()
  return {
    phase: 'delta',
    ingest_id: situation.ingestId,
    last_updated: now,
    metrics: {
      events_read: fates.lines - fates.blank,
      events_inserted: fates.stored,
      events_duplicate: fates.duplicate,
      events_quarantined: fates.held,
      events_invalid: fates.dead,
      lines_blank: fates.blank,
      bytes_read: totals.bytes,
      events_per_second: Math.round(situation.recordsPerSecond * 10) / 10,
      files_followed: figures?.files ?? 0,
      files_open: standings.length,
      files_queued: figures?.queued ?? 0,
      files_foreign: figures?.foreign.length ?? 0,
      files_failed: figures?.failed.length ?? 0,
      lag_bytes: standings.reduce((sum, one) => sum + one.size - one.position, 0),
      batch_bytes: figures?.batchBytes ?? null,
      duration_seconds: Math.round(situation.elapsedMs / 1000),
      cpu_seconds: Math.round((user + system) / 10_000) / 100,
      rss_bytes: process.memoryUsage.rss(),
    },
    checkpoint: {
      source: newest?.path ?? null,
      offset: newest?.position ?? null,
      last_event: newest?.lastEventUs === undefined ? null : formatInstant(newest.lastEventUs),
      events_inserted: fates.stored,
      events_quarantined: fates.held,
    },
    dead_letter: { total: fates.dead },
    loader: {
      state: state?.state ?? 'starting',
      code: state?.code ?? null,
      message: state?.message ?? null,
      tries: state?.tries ?? 0,
      pid: process.pid,
      watches: figures?.watched ?? null,
    },
    sources: standings.slice(0, SOURCES_TOLD).map((one) => ({
      path: one.path,
      source: one.sourceId,
      sensor: one.sensor,
      state: one.state,
      position: one.position,
      size: one.size,
      lagBytes: one.size - one.position,
      lagSeconds: Math.round(one.lagMs / 100) / 10,
      eventsPerSecond: Math.round(one.recordsPerSecond * 10) / 10,
      lastEventAt: one.lastEventUs === undefined ? null : formatInstant(one.lastEventUs),
      clockSkewSeconds: one.skewMs === undefined ? null : Math.round(one.skewMs / 100) / 10,
    })),
    sourcesTotal: standings.length,
    failed: figures?.failed ?? [],
  }
}
