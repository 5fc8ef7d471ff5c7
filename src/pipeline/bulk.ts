/**
 * Loads everything behind paths once.
 */
import { LIMITS } from '../limits.ts'
import { toVisible } from '../neutralize/visible.ts'
import { discover, type FoundFile, isRotatedAway } from '../source/discover.ts'
import type { BatchWriter, Fates, LineageStore } from '../store/port.ts'
import { addFates, isBalanced, noFates } from './fates.ts'
import {
  type FileManner,
  type FileOutcome,
  type HostileFigures,
  LoadRun,
  type LoadRunOptions,
  type SourceReport,
} from './load-run.ts'
import type { Reader } from './reader-pool.ts'
import { siblingsToLoad } from './siblings.ts'

export type LoadOptions = LoadRunOptions & {
  readonly paths: readonly string[]
  /** Folders of nacre itself; what lies in them is no log. */
  readonly ownFolders?: readonly string[]
  /** Where a file is named, what was rotated away from it since it was first read is loaded with it. */
  readonly withRotated?: boolean
  readonly progress: (progress: LoadProgress) => void
}

export type LoadProgress = {
  readonly path: string
  readonly filesDone: number
  readonly files: number
  readonly lines: number
  readonly bytes: number
  readonly elapsedMs: number
}

export type LoadReport = {
  totals: { sources: number; bytes: number; pendingBytes: number } & Fates
  balanced: boolean
  sources: SourceReport[]
  foreign: { path: string; kind: string }[]
  failed: { path: string; code: string; message: string }[]
  notices: string[]
  elapsedMs: number
  eventsPerSecond: number
  /** What the layer against hostile content did. */
  hostile: HostileFigures
}

/**
 * Loads everything behind the paths once, up to the size the files have now.
 *
 * @param readers - at least one; each works on one source at a time
 * @throws OperatingError of the store; what was committed stays, and the same call goes on there
 */
export async function loadOnce(
  options: LoadOptions,
  store: LineageStore,
  writer: BatchWriter,
  readers: readonly Reader[],
): Promise<LoadReport> {
  const started = performance.now()
  const found = discover(options.paths, options.ownFolders ?? [], options.files)
  const siblings =
    options.withRotated === true ? await siblingsToLoad(options, store, found.files) : []
  const files = [...found.files, ...siblings]
  const run = new LoadRun(options, store, writer)
  const collected = new Collected()
  for (const failure of found.failed) collected.take(failure.path, { kind: 'failed', failure })
  let filesDone = 0
  const tell = (path: string): void =>
    options.progress({
      path: toVisible(path),
      filesDone,
      files: files.length,
      lines: run.lines,
      bytes: run.bytes,
      elapsedMs: performance.now() - started,
    })
  const queue = files[Symbol.iterator]()
  const work = async (reader: Reader): Promise<void> => {
    for (const file of queue) {
      if (options.signal.aborted) return
      await loadFile(file, reader, run, options, collected, () => tell(file.path))
      filesDone += 1
      tell(file.path)
    }
  }
  try {
    await Promise.all(readers.map(work))
    await run.finish()
  } catch (error) {
    await run.abandon()
    throw error
  }
  return collected.report(run, performance.now() - started)
}

type Wanted = FoundFile & { readonly onlyKnown?: boolean }

/** A file that is replaced while it is read is read again: what came before and what came after are both wanted. */
async function loadFile(
  file: Wanted,
  reader: Reader,
  run: LoadRun,
  options: LoadOptions,
  collected: Collected,
  tell: () => void,
): Promise<void> {
  const manner: FileManner = {
    isFinished: file.path !== '-' && isRotatedAway(file.realPath, options.files),
    isGrowing: false,
    mayWait: true,
    onlyKnown: file.onlyKnown === true,
    isDoubted: false,
    batchBytes: LIMITS.batchBytesMax,
  }
  for (let tries = 0; tries < REPLACED_TRIES; tries += 1) {
    const loading = run.load(file, reader, manner)
    let step = await loading.next()
    for (; step.done !== true; step = await loading.next()) tell()
    const outcome = step.value
    collected.take(file.path, outcome)
    const isAgain = outcome.kind === 'later' || (outcome.kind === 'source' && outcome.isCut)
    if (!isAgain || options.signal.aborted) return
  }
  collected.take(file.path, {
    kind: 'failed',
    failure: {
      path: file.path,
      code: 'SOURCE_READ_FAILED',
      message: 'It was replaced each time while it was read; run the same command again.',
    },
  })
}

const REPLACED_TRIES = 5

/** What is told of the files of a load. */
class Collected {
  readonly #sources: SourceReport[] = []
  readonly #foreign: { path: string; kind: string }[] = []
  readonly #failed: { path: string; code: string; message: string }[] = []

  take(path: string, outcome: FileOutcome): void {
    if (outcome.kind === 'source' || outcome.kind === 'stopped') this.#sources.push(outcome.report)
    else if (outcome.kind === 'foreign')
      this.#foreign.push({ path: toVisible(path), kind: outcome.foreign })
    else if (outcome.kind === 'failed') {
      const { code, message } = outcome.failure
      this.#failed.push({ path: toVisible(path), code, message })
    }
  }

  report(run: LoadRun, elapsedMs: number): LoadReport {
    const totals = { sources: this.#sources.length, bytes: 0, ...noFates(), pendingBytes: 0 }
    for (const source of this.#sources) {
      totals.bytes += source.bytes
      totals.pendingBytes += source.pendingBytes
      addFates(totals, source)
    }
    const order = (a: { path: string }, b: { path: string }): number =>
      a.path < b.path ? -1 : a.path > b.path ? 1 : 0
    return {
      totals,
      balanced: isBalanced(totals),
      sources: this.#sources.sort(order),
      foreign: this.#foreign.sort(order),
      failed: this.#failed.sort(order),
      notices: [...run.notices()],
      hostile: run.hostile(),
      elapsedMs: Math.round(elapsedMs),
      eventsPerSecond:
        elapsedMs > 0 ? Math.round(((totals.stored + totals.duplicate) / elapsedMs) * 1000) : 0,
    }
  }
}
