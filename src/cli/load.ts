import { randomUUID } from 'node:crypto'
import { resolve, sep } from 'node:path'
import { formatInstant } from '../core/instant.ts'
import { number, type TerminalText } from '../core/terminal.ts'
import { LIMITS } from '../limits.ts'
import { makeRedactor } from '../neutralize/pii/index.ts'
import { toVisible } from '../neutralize/visible.ts'
import { terminal } from '../output/encode/terminal.ts'
import { type LoadProgress, type LoadReport, loadOnce } from '../pipeline/bulk.ts'
import type { HostileFigures } from '../pipeline/load-run.ts'
import { inlineReader, workerReader } from '../pipeline/reader-pool.ts'
import { makeStages } from '../pipeline/stages.ts'
import { systemFiles } from '../source/files.ts'
import type { Fates, Store, WriterVersions } from '../store/port.ts'
import { StatusFiles } from '../telemetry/status-files.ts'
import type { App } from './app.ts'
import { EXIT, type OptionValues } from './command.ts'
import { renderLoad } from './render/load.ts'

/**
 * Runs a load and prints its report; shared by bulk and `delta --once`.
 *
 * @param how.withRotated - with a named file, what was rotated away from it is loaded, too
 */
export async function runLoad(
  app: App,
  paths: readonly string[],
  options: OptionValues,
  how: { readonly withRotated: boolean } = { withRotated: false },
): Promise<number> {
  const store = await app.openStore('create', { isSmall: app.settings.jobs === 1 })
  try {
    for (const notice of store.notices) app.out.note(terminal.own(notice))
    const key = await app.prepare(store)
    const { jobs } = app.settings
    const writer = store.writer(await writerVersions(app))
    const plan = await app.stagesPlan(store, writer.needs)
    // Other threads make their own; a detector that cannot be used is told before they begin.
    if (jobs > 1) await makeRedactor(plan.redaction)
    const readers =
      jobs === 1
        ? [inlineReader(1, await makeStages(plan))]
        : Array.from({ length: jobs - 1 }, (_, i) => workerReader(i + 1, plan))
    const teller = new LoadTeller(app, options['dry-run'] === true)
    let report: LoadReport
    try {
      report = await loadOnce(
        {
          paths,
          withRotated: how.withRotated,
          ownFolders: [app.settings.data],
          sensor: typeof options['sensor'] === 'string' ? toVisible(options['sensor']) : undefined,
          sensorOf: (path) => sensorOf(app, path),
          acceptEnriched: options['accept-enriched'] === true,
          dryRun: options['dry-run'] === true,
          clock: app.clock,
          signal: app.signal,
          chunkBytes: LIMITS.readChunkBytes,
          files: systemFiles,
          signingKey: key,
          onRulesOff: (ids) => rulesOff(app, store, ids),
          progress: (progress) => {
            app.out.progress(progressLine(progress))
            teller.progress(progress)
          },
        },
        store,
        writer,
        readers,
      )
    } finally {
      await Promise.all(readers.map((reader) => reader.close()))
      await writer.close()
    }
    if (options['artifacts'] !== undefined && options['dry-run'] !== true) {
      const { lookUpArtifacts } = await import('../pipeline/artifacts.ts')
      const found = await lookUpArtifacts(
        store,
        options['artifacts'] as readonly string[],
        app.clock(),
      )
      report.notices.push(
        `Artifacts: ${found.seen} files looked at, ${found.named} of them named by events; ${found.missing} that events name are missing.`,
      )
    }
    if (options['dry-run'] !== true && report.totals.lines > 0)
      await new FigureKeeper(app, store).keep({ fates: report.totals, hostile: report.hostile })
    const { isEmergency } = await import('../pipeline/emergency.ts')
    if (await isEmergency(store.reads()))
      report.notices.push(
        'Emergency mode is on: everything new is withheld. "nacre quarantine emergency status" says why.',
      )
    teller.done(report)
    app.out.result(report, () => renderLoad(report, app.out.paint, app.out.width))
    return report.failed.length > 0 ? EXIT.failed : report.totals.held > 0 ? EXIT.held : EXIT.ok
  } finally {
    await store.close()
  }
}

/** Writes the status file of a load that runs once. */
class LoadTeller {
  readonly #app: App
  readonly #files: StatusFiles | undefined
  readonly #ingestId = randomUUID()
  #toldMs = performance.now()

  constructor(app: App, isDry: boolean) {
    this.#app = app
    this.#files = isDry ? undefined : new StatusFiles(app.settings.statusFolder)
  }

  progress(progress: LoadProgress): void {
    if (this.#files === undefined || performance.now() - this.#toldMs < LIMITS.statusBusyMs) return
    this.#tell('running', { ...progress, stored: null, duplicate: null, held: null, dead: null })
  }

  done(report: LoadReport): void {
    this.#tell('done', {
      ...report.totals,
      path: report.sources.at(-1)?.path ?? null,
      filesDone: report.sources.length,
      files: report.sources.length,
      elapsedMs: report.elapsedMs,
    })
  }

  #tell(
    state: 'running' | 'done',
    of: {
      readonly path: string | null
      readonly filesDone: number
      readonly files: number
      readonly lines: number
      readonly bytes: number
      readonly elapsedMs: number
      readonly stored: number | null
      readonly duplicate: number | null
      readonly held: number | null
      readonly dead: number | null
    },
  ): void {
    this.#toldMs = performance.now()
    this.#files?.write({
      phase: this.#app.command === 'ingest delta' ? 'delta' : 'bulk',
      ingest_id: this.#ingestId,
      last_updated: formatInstant(this.#app.clock()),
      metrics: {
        events_read: of.lines,
        events_inserted: of.stored,
        events_duplicate: of.duplicate,
        events_quarantined: of.held,
        events_invalid: of.dead,
        bytes_read: of.bytes,
        events_per_second: of.elapsedMs > 0 ? Math.round((of.lines / of.elapsedMs) * 1000) : 0,
        files_processed: of.filesDone,
        files_total: of.files,
        duration_seconds: Math.round(of.elapsedMs / 1000),
      },
      checkpoint: { source: of.path, events_inserted: of.stored },
      dead_letter: { total: of.dead },
      loader: { state, pid: process.pid },
    })
  }
}

/** A rule was made to take too long: it is off, and from now on a person looks at everything. */
export async function rulesOff(app: App, store: Store, ids: readonly string[]): Promise<void> {
  if (!app.settings.emergencyTriggers.has('rule-budget')) return
  const { setEmergency } = await import('../pipeline/emergency.ts')
  await setEmergency(store, 'on', {
    actor: app.command,
    reason: `rules took too long and were switched off: ${ids.join(', ')}`,
    trigger: 'rule-budget',
  })
}

/** What a load or a follower has done, all in all. */
type Done = { readonly fates: Fates; readonly hostile: HostileFigures }

/** Adds what was done to the figures of the store, and looks whether far too much was withheld. */
export class FigureKeeper {
  readonly #app: App
  readonly #store: Store
  #kept: Record<string, number> = {}
  #keptHeld = 0
  #keptStored = 0

  constructor(app: App, store: Store) {
    this.#app = app
    this.#store = store
  }

  /** @param done - all in all, what was kept before included */
  async keep({ fates, hostile }: Done): Promise<void> {
    const figures: Record<string, number> = {
      'events.read': fates.stored + fates.held + fates.duplicate,
      'events.neutralized': hostile.neutralized,
      'events.with_verdict': hostile.withVerdict,
      'scoring.texts': hostile.texts,
      'scoring.cache_hits': hostile.cacheHits,
      'scoring.match_us': hostile.matchUs,
      'scoring.slow_texts': hostile.slowTexts,
      'detection.events': hostile.detections,
      'detection.us': hostile.detectionUs,
    }
    if (figures['events.read'] === (this.#kept['events.read'] ?? 0)) return
    const more: Record<string, number> = {}
    for (const [name, value] of Object.entries(figures))
      more[name] = value - (this.#kept[name] ?? 0)
    await this.#store.review.addMetrics(more)
    this.#kept = figures
    const held = fates.held - this.#keptHeld
    const stored = fates.stored - this.#keptStored
    this.#keptHeld = fates.held
    this.#keptStored = fates.stored
    if (this.#app.settings.emergencyTriggers.has('hazard-rate') && held > 0)
      await this.#lookForFlood({ ...fates, held, stored })
  }

  async #lookForFlood(more: Fates): Promise<void> {
    const { isHazardFlood, loadedSoFar, setEmergency } = await import('../pipeline/emergency.ts')
    const all = await loadedSoFar(await this.#store.queries())
    const before = {
      days: all.days,
      events: all.events - more.stored - more.held,
      withheld: all.withheld - more.held,
    }
    if (!isHazardFlood(before, more)) return
    await setEmergency(this.#store, 'on', {
      actor: this.#app.command,
      reason: `${more.held} of ${more.stored + more.held} events of a load were withheld, far more than before`,
      trigger: 'hazard-rate',
    })
  }
}

/** The versions that a batch's seal names. */
export async function writerVersions(app: App): Promise<WriterVersions> {
  const registry = await app.registry()
  const { keptRules } = await import('../neutralize/standard-rules.ts')
  return {
    schemaVersion: registry.version,
    programVersion: app.programVersion,
    schemaFiles: registry.entries.map(({ file, digest }) => ({ file, digest })),
    // Readers compile them; here their texts do.
    rules: keptRules(app.rules),
  }
}

/** The longest configured prefix of the path names its sensor. */
export function sensorOf(app: App, path: string): string | undefined {
  const real = resolve(path)
  const prefixes = Object.keys(app.settings.sensors).filter(
    (prefix) => real === prefix || real.startsWith(prefix.endsWith(sep) ? prefix : prefix + sep),
  )
  const best = prefixes.sort((a, b) => b.length - a.length)[0]
  return best === undefined ? undefined : toVisible(app.settings.sensors[best]!)
}

function progressLine(progress: LoadProgress): TerminalText {
  const share = progress.files === 0 ? 1 : progress.filesDone / progress.files
  const filled = Math.round(share * 24)
  const rate = progress.elapsedMs > 0 ? Math.round((progress.lines / progress.elapsedMs) * 1000) : 0
  const meter = terminal.own('█'.repeat(filled) + '░'.repeat(24 - filled))
  return terminal`${meter} ${progress.filesDone}/${progress.files} files  ${number(progress.lines)} records  ${number(rate)}/s  ${terminal.own(progress.path)}`
}
