import { resolve, sep } from 'node:path'
import { LIMITS } from '../limits.ts'
import { makeRedactor } from '../neutralize/pii/index.ts'
import { toVisible } from '../neutralize/visible.ts'
import { type LoadProgress, type LoadReport, loadOnce } from '../pipeline/bulk.ts'
import { inlineReader, workerReader } from '../pipeline/reader-pool.ts'
import { makeStages } from '../pipeline/stages.ts'
import type { WriterVersions } from '../store/port.ts'
import type { App } from './app.ts'
import { EXIT, type OptionValues } from './command.ts'
import { renderLoad } from './render/load.ts'

/** Runs a load and prints its report; shared by bulk and `delta --once`. */
export async function runLoad(
  app: App,
  paths: readonly string[],
  options: OptionValues,
): Promise<number> {
  const store = await app.openStore('create', { isSmall: app.settings.jobs === 1 })
  try {
    for (const notice of store.notices) app.out.note(notice)
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
    let report: LoadReport
    try {
      report = await loadOnce(
        {
          paths,
          ownFolders: [app.settings.data],
          sensor: typeof options['sensor'] === 'string' ? toVisible(options['sensor']) : undefined,
          sensorOf: (path) => sensorOf(app, path),
          acceptEnriched: options['accept-enriched'] === true,
          dryRun: options['dry-run'] === true,
          clock: app.clock,
          signal: app.signal,
          chunkBytes: LIMITS.readChunkBytes,
          signingKey: key,
          progress: (progress) => app.out.progress(progressLine(progress)),
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
    app.out.result(report, () => renderLoad(report, app.out.paint, app.out.width))
    return report.failed.length > 0 ? EXIT.failed : report.totals.held > 0 ? EXIT.held : EXIT.ok
  } finally {
    await store.close()
  }
}

/** The versions that a batch's seal names. */
export async function writerVersions(app: App): Promise<WriterVersions> {
  const registry = await app.registry()
  const { texts } = await app.ruleSet()
  return {
    schemaVersion: registry.version,
    programVersion: app.programVersion,
    schemaFiles: registry.entries.map(({ file, digest }) => ({ file, digest })),
    rules: texts,
  }
}

/** The longest configured prefix of the path names its sensor. */
function sensorOf(app: App, path: string): string | undefined {
  const real = resolve(path)
  const prefixes = Object.keys(app.settings.sensors).filter(
    (prefix) => real === prefix || real.startsWith(prefix.endsWith(sep) ? prefix : prefix + sep),
  )
  const best = prefixes.sort((a, b) => b.length - a.length)[0]
  return best === undefined ? undefined : toVisible(app.settings.sensors[best]!)
}

function progressLine(progress: LoadProgress): string {
  const share = progress.files === 0 ? 1 : progress.filesDone / progress.files
  const filled = Math.round(share * 24)
  const rate = progress.elapsedMs > 0 ? Math.round((progress.lines / progress.elapsedMs) * 1000) : 0
  return `${'█'.repeat(filled)}${'░'.repeat(24 - filled)} ${progress.filesDone}/${progress.files} files  ${progress.lines.toLocaleString('en-GB')} records  ${rate.toLocaleString('en-GB')}/s  ${progress.path}`
}
