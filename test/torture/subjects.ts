/** What is put to the test: a loader that looks when it is told to, on a store of its own connection. */
import { LIMITS } from '../../src/limits.ts'
import { loadOnce } from '../../src/pipeline/bulk.ts'
import { Follower } from '../../src/pipeline/delta.ts'
import { inlineReader } from '../../src/pipeline/reader-pool.ts'
import type { BatchWriter, Store } from '../../src/store/port.ts'
import type { TestDatabase } from '../support/engines.ts'
import { rules, signingKey, testStages, VERSIONS } from '../support/loading.ts'
import type { ReadingProcess, SimulatedClock } from './simulated-files.ts'

export type Look = {
  /** Nothing more can be done now. */
  readonly isIdle: boolean
  /** Records committed. */
  readonly committed: number
}

export type Subject = {
  /** One look at everything. */
  look(): Promise<Look>
  /** Ends as at the end of a run. @returns files that it left open */
  end(): Promise<number>
  /** Ends as when its process is killed: what is not committed is gone. */
  drop(): Promise<void>
}

/** Where a call of the writer may be broken off: `after commit` is stored, and the loader does not know. */
export const WRITER_POINTS = [
  'before begin',
  'after begin',
  'after addSource',
  'after write',
  'after finishSource',
  'after saveFile',
  'before commit',
  'after commit',
  'before checkpoint',
  'after checkpoint',
] as const
export type WriterPoint = (typeof WRITER_POINTS)[number]

export type Setting = {
  readonly database: TestDatabase
  /** The system as the process of the loader sees it. */
  readonly process: ReadingProcess
  readonly clock: SimulatedClock
  readonly paths: readonly string[]
  /** Called at each point of the writer; what it throws, the call throws. */
  readonly onWriter: (point: WriterPoint) => void
}

/** How often a follower looks at what it was not told of. */
const POLL_MS = 2_000

export type MakeSubject = (setting: Setting) => Promise<Subject>

/** Loads everything once with each look, as a timer does it; one connection for all looks. */
export const onceSubject: MakeSubject = async (setting) => {
  const store = await setting.database.open('write')
  const writer = watchedWriter(store, setting.onWriter)
  const reader = inlineReader(1, testStages(writer.needs), setting.process.files)
  return {
    async look() {
      const { totals } = await loadOnce(
        {
          ...commonOptions(setting),
          paths: setting.paths,
          dryRun: false,
          progress: () => {},
        },
        store,
        writer,
        [reader],
      )
      return { isIdle: true, committed: totals.lines }
    },
    end: () => closeAll(setting, writer, store),
    drop: () => dropAll(setting, writer, store),
  }
}

/** Follows; one look is one step. */
export const followSubject: MakeSubject = async (setting) => {
  const store = await setting.database.open('write')
  const writer = watchedWriter(store, setting.onWriter)
  const follower = new Follower(
    {
      ...commonOptions(setting),
      paths: setting.paths,
      ownFolders: [],
      monotonicMs: () => setting.clock.monotonicMs(),
      pollMs: POLL_MS,
      recordsPerSecondMax: () => 0,
    },
    store,
    writer,
    testStages(writer.needs),
  )
  return {
    look: () => follower.step(),
    async end() {
      await follower.finish()
      return await closeAll(setting, writer, store)
    },
    drop: () => dropAll(setting, writer, store),
  }
}

function commonOptions({ process, clock }: Setting) {
  return {
    sensor: undefined,
    sensorOf: () => undefined,
    acceptEnriched: false,
    clock: () => clock.wallUs(),
    files: process.files,
    signal: new AbortController().signal,
    signingKey,
    chunkBytes: LIMITS.readChunkBytes,
  } as const
}

/** The writer of a store, with a watch on the points at which it may be broken off. */
function watchedWriter(store: Store, onWriter: Setting['onWriter']): BatchWriter {
  const writer = store.writer({ ...VERSIONS, rules: rules.texts })
  const watched =
    <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const points = WRITER_POINTS as readonly string[]
      const tell = (point: string): void => {
        if (points.includes(point)) onWriter(point as WriterPoint) // it is in the list
      }
      tell(`before ${name}`)
      const result = await call(...args)
      tell(`after ${name}`)
      return result
    }
  return {
    needs: writer.needs,
    begin: watched('begin', (signal) => writer.begin(signal)),
    addSource: watched('addSource', (source) => writer.addSource(source)),
    write: watched('write', (sourceId, readerId, batch, proof) =>
      writer.write(sourceId, readerId, batch, proof),
    ),
    finishSource: watched('finishSource', (id, update) => writer.finishSource(id, update)),
    saveFile: watched('saveFile', (file) => writer.saveFile(file)),
    commit: watched('commit', () => writer.commit()),
    rollback: () => writer.rollback(),
    checkpoint: watched('checkpoint', (key, signal) => writer.checkpoint(key, signal)),
    settle: () => writer.settle(),
    close: () => writer.close(),
  }
}

async function closeAll(setting: Setting, writer: BatchWriter, store: Store): Promise<number> {
  const { openFiles } = setting.process
  setting.process.end()
  await writer.close()
  await store.close()
  return openFiles
}

/** A process that is gone closes nothing; the system does. */
async function dropAll(setting: Setting, writer: BatchWriter, store: Store): Promise<void> {
  setting.process.end()
  await writer.close().catch(() => {})
  await store.close().catch(() => {})
}
