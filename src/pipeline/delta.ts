/**
 * Follows logs: finds what is new in files and folders, through every rotation, and commits it.
 *
 * One thread does one thing after the other, so what is in flight is one piece of one file and one batch of it. Anything
 * unexpected (a file that is cut short, a cursor that another loader moved) is answered by forgetting what is known of
 * that file and meeting it as a stranger: by its content, as after a start.
 */
import type { InstantUs } from '../core/instant.ts'
import type { PackedBatch } from '../core/packed.ts'
import { collectAll } from '../core/young-gc.ts'
import { LIMITS } from '../limits.ts'
import { toVisible } from '../neutralize/visible.ts'
import { detectCompression } from '../source/decompress.ts'
import {
  failureOf,
  isRotatedAway,
  isSystemError,
  type PathFailure,
  realPathOf,
} from '../source/discover.ts'
import { type FileStat, inodeOf, type OpenFile } from '../source/files.ts'
import { readAt } from '../source/plain.ts'
import type { BatchWriter, Fates, LineageProof, LineageStore, SourceRecord } from '../store/port.ts'
import { ValueDictionary } from './batch-builder.ts'
import { addFates, noFates } from './fates.ts'
import { FollowedNames, type Root } from './followed-names.ts'
import { LiveSource } from './live-source.ts'
import {
  type FileManner,
  type FileOutcome,
  fileRecord,
  type HostileFigures,
  isSameFile,
  LoadRun,
  type LoadRunOptions,
} from './load-run.ts'
import { inlineReader, type Reader } from './reader-pool.ts'
import { followedSinceUs, isWrittenSince } from './siblings.ts'
import type { ReadingStages } from './stages.ts'

export type FollowOptions = Omit<LoadRunOptions, 'dryRun'> & {
  /** Files, folders and patterns. */
  readonly paths: readonly string[]
  /** Folders of nacre itself; what lies in them is no log. */
  readonly ownFolders: readonly string[]
  /** Milliseconds that only go forward. */
  readonly monotonicMs: () => number
  /** How often everything is looked at whether or not the system tells of changes. */
  readonly pollMs: number
  /** Records a second at most; 0 for no limit. Asked before each pass. */
  readonly recordsPerSecondMax: () => number
}

/** What one step did. */
export type StepOutcome = {
  /** Nothing more can be done now. */
  readonly isIdle: boolean
  /** There is more to read than what was just written. */
  readonly hasBacklog: boolean
  /** Records committed. */
  readonly committed: number
  /** Monotonic milliseconds at which a file is due by itself; undefined when only changes matter. */
  readonly dueMs: number | undefined
}

/** How a file stands. */
export type SourceStanding = {
  /** Visible form. */
  readonly path: string
  readonly sourceId: number
  readonly sensor: string
  readonly state: 'live' | 'quiet' | 'gone' | 'torn-end'
  /** Bytes stored, and in the file. */
  readonly position: number
  readonly size: number
  /** Milliseconds since the file last grew, where bytes wait; 0 where none do. */
  readonly lagMs: number
  readonly recordsPerSecond: number
  readonly lastEventUs: InstantUs | undefined
  /** How far the newest event read live lies behind the clock, or ahead of it (negative), in milliseconds. */
  readonly skewMs: number | undefined
}

export type FollowFigures = {
  /** Of this run, by fate, committed. */
  readonly fates: Fates
  readonly bytes: number
  readonly files: number
  /** Files that are due or wait. */
  readonly queued: number
  readonly foreign: readonly { readonly path: string; readonly kind: string }[]
  readonly failed: readonly PathFailure[]
  readonly notices: readonly string[]
  readonly hostile: HostileFigures
  readonly batchBytes: number
  readonly watched: boolean
}

/** A path that is followed. */
type Followed = {
  readonly path: string
  readonly root: Root
  /** As it was when it was last looked at. */
  stat: FileStat | undefined
  /** When that last changed. */
  changedAtMs: number
  live: LiveSource | undefined
  foreign: { readonly kind: string; readonly inode: string; readonly size: number } | undefined
  failure: PathFailure | undefined
  failures: number
  /** It was read as it is now. */
  isRead: boolean
  /** Its content is not what the store has of it, though its length and times may be. */
  isDoubted: boolean
}

/** One reading under way. */
type Reading = {
  readonly followed: Followed
  readonly steps: AsyncGenerator<undefined, FileOutcome>
}

/** Names the dictionary of what is read from open files. */
const LIVE_READER = { id: 2 } as const

export class Follower {
  readonly #options: FollowOptions
  readonly #store: LineageStore
  readonly #stages: ReadingStages
  /**
   * Of what is read from open files. A reading that is under way has one of its own: its batches name what stood in it when
   * they were begun.
   */
  readonly #dictionary = new ValueDictionary()
  readonly #reader: Reader
  readonly #run: LoadRun
  readonly #names: FollowedNames
  readonly #followed = new Map<string, Followed>()
  /** Open files by device and inode. */
  readonly #live = new Map<string, LiveSource>()
  /** Files to be read: now, in this order, or later. */
  readonly #ready = new Set<string>()
  readonly #later = new Map<string, number>()
  #reading: Reading | undefined
  #toOpenSinceMs = 0
  /** Files that were read to their end and stay open when that is committed. */
  readonly #toOpen: { readonly followed: Followed; readonly sourceId: number }[] = []
  /** Sources whose file is no longer theirs, and of which the store still says that bytes wait. */
  readonly #cut: LiveSource[] = []
  #polledMs = Number.NEGATIVE_INFINITY
  /** Where the round of looks at old files stands. */
  #round: Iterator<Followed> | undefined
  #batchBytes: number = LIMITS.followBatchBytesMax
  #wake: (() => void) | undefined
  readonly #total: Fates = noFates()
  /** Fates of what is written and not yet committed. */
  #pending: Fates[] = []
  #committed = 0
  #allowance: number
  #allowanceMs: number
  #hasStarted = false
  readonly #memory = {
    lookedMs: Number.NEGATIVE_INFINITY,
    collectedMs: Number.NEGATIVE_INFINITY,
    isTight: false,
  }

  constructor(
    options: FollowOptions,
    store: LineageStore,
    writer: BatchWriter,
    stages: ReadingStages,
  ) {
    this.#options = options
    this.#store = store
    this.#stages = stages
    this.#reader = inlineReader(1, stages, options.files)
    this.#run = new LoadRun({ ...options, dryRun: false }, store, writer)
    this.#names = new FollowedNames(
      options.paths,
      options.ownFolders,
      options.files,
      (path) => this.#followed.get(path)?.root,
      () => this.#wake?.(),
    )
    this.#allowance = options.recordsPerSecondMax()
    this.#allowanceMs = options.monotonicMs()
  }

  /**
   * Looks at everything that changed, reads a piece of each file that grew and of one that is new, and commits it.
   *
   * @throws OperatingError of the store: this follower is then of no more use, and another one goes on where the store
   *   stands
   */
  async step(): Promise<StepOutcome> {
    const before = this.#committed
    if (!this.#hasStarted) await this.#start()
    this.#look()
    const hasAllowance = this.#hasAllowance()
    let isBusy = false
    let hasMore = false
    if (hasAllowance) {
      const started = this.#options.monotonicMs()
      const read = await this.#readLive()
      hasMore = read.hasMore
      if (read.hasRead) await this.#commit()
      isBusy = (await this.#readNext()) || read.hasRead
      this.#adapt(this.#options.monotonicMs() - started, isBusy)
    }
    if (!isBusy) {
      await this.#openRead()
      await this.#commit()
    }
    return {
      isIdle: !isBusy && this.#ready.size === 0 && !this.#names.hasNews(),
      hasBacklog: hasAllowance && (this.#ready.size > 0 || this.#reading !== undefined || hasMore),
      committed: this.#committed - before,
      dueMs: this.#nextDue(hasAllowance),
    }
  }

  /** Steps until the signal comes. @param between - told after each step, for status files and watchdogs */
  async run(between: (outcome: StepOutcome) => Promise<void>): Promise<void> {
    const { monotonicMs, signal } = this.#options
    while (!signal.aborted) {
      const started = monotonicMs()
      const outcome = await this.step()
      const spent = monotonicMs() - started
      await between(outcome)
      if (signal.aborted) return
      if (outcome.isIdle) await this.#sleep(outcome.dueMs)
      // Lines that come one by one are gathered for a moment: a commit costs the same for one as for fifty.
      const gatherMs = Math.min(
        LIMITS.gatherMsMax,
        Math.max(LIMITS.gatherMsMin, spent * LIMITS.gatherRatio),
      )
      await new Promise<void>((resolve) =>
        outcome.hasBacklog ? setImmediate(resolve) : setTimeout(resolve, gatherMs),
      )
    }
  }

  /** Commits what is open, so that others of this process can write. */
  async rest(): Promise<void> {
    await this.#commit()
  }

  /** Stops at a batch boundary; what is open is noted, so that the next start has little to prove. */
  async finish(): Promise<void> {
    await this.#endReading()
    await this.#commit()
    for (const live of this.#live.values()) {
      if (live.paths.size > 0) await this.#tellStanding(live, live.stat.size - live.offset)
    }
    await this.#run.finish()
    this.close()
  }

  /** Lets go of everything without a word to the store. */
  async abandon(): Promise<void> {
    this.close()
    await this.#run.abandon()
  }

  close(): void {
    for (const live of this.#live.values()) live.close()
    this.#live.clear()
    this.#names.close()
  }

  standings(): SourceStanding[] {
    const now = this.#options.monotonicMs()
    return [...this.#live.values()].map((live) => {
      const lag = live.stat.size - live.offset
      return {
        path: toVisible(live.path),
        sourceId: live.sourceId,
        sensor: live.sensor ?? live.sensorSeen,
        state:
          live.goneAtMs !== undefined
            ? 'gone'
            : live.endTriedAt === live.stat.size && lag > 0
              ? 'torn-end'
              : !live.hasGrown || now - live.grownAtMs > LIMITS.quietMs
                ? 'quiet'
                : 'live',
        position: live.offset,
        size: live.stat.size,
        lagMs: lag > 0 ? now - live.grownAtMs : 0,
        recordsPerSecond: live.rate.at(now),
        lastEventUs: live.lastEventUs,
        skewMs: live.skewMs,
      }
    })
  }

  figures(): FollowFigures {
    const foreign: { readonly path: string; readonly kind: string }[] = []
    const failed: PathFailure[] = []
    for (const { path, foreign: kind, failure } of this.#followed.values()) {
      if (kind !== undefined) foreign.push({ path: toVisible(path), kind: kind.kind })
      if (failure !== undefined) failed.push({ ...failure, path: toVisible(path) })
    }
    return {
      fates: { ...this.#total },
      bytes: this.#run.bytes,
      files: this.#followed.size,
      queued: this.#ready.size + this.#later.size + (this.#reading === undefined ? 0 : 1),
      foreign,
      failed,
      notices: [...this.#names.notices(), ...this.#run.notices()],
      hostile: this.#run.hostile(),
      batchBytes: this.#batchBytes,
      watched: this.#names.areAllWatched(),
    }
  }

  // --- finding

  async #start(): Promise<void> {
    this.#hasStarted = true
    for (const root of this.#names.roots) {
      if (root.kind !== 'file') continue
      const real = realPathOf(root.path, this.#options.files)
      root.sinceUs = await followedSinceUs(real, { ...this.#options, dryRun: false }, this.#store)
    }
    this.#names.start()
    this.#examineAll()
    this.#sortReady()
  }

  /** Brings what is known of names and sizes up to date. */
  #look(): void {
    const now = this.#options.monotonicMs()
    if (now - this.#polledMs >= this.#options.pollMs) {
      this.#polledMs = now
      this.#poll()
    }
    for (const [path, dueMs] of this.#later) {
      if (dueMs > now) continue
      this.#later.delete(path)
      this.#names.touch(path)
    }
    this.#examineAll()
  }

  #examineAll(): void {
    // A look at a path may bring up a folder, and that further paths.
    while (this.#names.hasNews()) {
      for (const [path, root] of this.#names.news(this.#openPaths())) this.#examine(path, root)
    }
  }

  /** Names of files that are open. */
  *#openPaths(): Generator<string> {
    for (const { paths } of this.#live.values()) yield* paths
  }

  /** What is looked at whether or not the system tells: the same few calls however many old files there are. */
  #poll(): void {
    const now = this.#options.monotonicMs()
    this.#names.poll(now)
    for (const live of [...this.#live.values()]) {
      if (live.paths.size > 0) {
        // Of what has long been quiet the system tells, where it can.
        const isQuiet = now - live.grownAtMs > LIMITS.quietMs
        for (const path of live.paths)
          if (!isQuiet || !this.#names.isWatched(path)) this.#names.touch(path)
      } else if (!live.look(now)) this.#drop(live)
    }
    // All others in turn, so that a change that nobody told of is found in the end.
    for (let i = 0; i < LIMITS.followRoundFiles; i += 1) {
      this.#round ??= this.#followed.values()
      const next = this.#round.next()
      if (next.done === true) {
        this.#round = undefined
        break
      }
      this.#names.touch(next.value.path)
    }
    this.#closeOld()
  }

  #examine(path: string, root: Root | undefined): void {
    const { files } = this.#options
    const now = this.#options.monotonicMs()
    let followed = this.#followed.get(path)
    let stat: FileStat
    try {
      stat = files.stat(path)
    } catch (error) {
      this.#missing(path, followed, error)
      return
    }
    if (stat.kind === 'folder') {
      this.#names.isFolder(path, root)
      return
    }
    if (stat.kind !== 'file' || root === undefined) return
    if (followed === undefined) {
      followed = {
        path,
        root,
        stat: undefined,
        changedAtMs: now,
        live: undefined,
        foreign: undefined,
        failure: undefined,
        failures: 0,
        isRead: false,
        isDoubted: false,
      }
      this.#followed.set(path, followed)
    }
    const live = this.#live.get(inodeOf(stat))
    if (followed.live !== undefined && followed.live !== live) this.#leave(followed, followed.live)
    if (live !== undefined) {
      this.#join(followed, live)
      followed.stat = stat
      if (!live.look(now)) this.#drop(live)
      return
    }
    const hasChanged = followed.stat === undefined || !isSameFile(followed.stat, stat)
    if (hasChanged) {
      followed.changedAtMs = now
      followed.isRead = false
      // A change is a reason to try at once what failed before.
      followed.failures = 0
    }
    followed.stat = stat
    if (followed.isRead || this.#reading?.followed === followed) return
    if (followed.foreign !== undefined && !this.#isWorthAnotherLook(followed.foreign, stat)) {
      followed.isRead = true
      return
    }
    if (hasChanged) this.#later.delete(path)
    if (!this.#later.has(path)) this.#ready.add(path)
  }

  /** A text log that grows beside Cowrie's is not read from its start each time. */
  #isWorthAnotherLook(
    foreign: { readonly inode: string; readonly size: number },
    stat: FileStat,
  ): boolean {
    if (foreign.inode !== inodeOf(stat) || stat.size < foreign.size) return true
    return stat.size <= LIMITS.foreignLookBytes || stat.size >= foreign.size * 2
  }

  #missing(path: string, followed: Followed | undefined, error: unknown): void {
    this.#names.isGone(path)
    if (followed === undefined) return
    const failure = failureOf(path, error)
    if (failure.code !== 'SOURCE_NOT_FOUND') {
      // It may be there all the same; what is open stays open.
      followed.failure = failure
      return
    }
    if (followed.live !== undefined) this.#leave(followed, followed.live)
    this.#followed.delete(path)
    this.#ready.delete(path)
    this.#later.delete(path)
  }

  #join(followed: Followed, live: LiveSource): void {
    followed.live = live
    followed.isRead = true
    followed.failure = undefined
    followed.foreign = undefined
    this.#ready.delete(followed.path)
    this.#later.delete(followed.path)
    live.paths.add(followed.path)
    live.path = followed.path
    live.goneAtMs = undefined
  }

  #leave(followed: Followed, live: LiveSource): void {
    followed.live = undefined
    followed.isRead = false
    live.paths.delete(followed.path)
    if (live.paths.size === 0) live.goneAtMs = this.#options.monotonicMs()
  }

  /** The newest files first, so that what is written now is soon seen; then the others in the order of their names. */
  #sortReady(): void {
    const paths = [...this.#ready]
    const age = (path: string): number => this.#ageMs(this.#followed.get(path)?.stat)
    const recent = paths.filter((path) => age(path) < LIMITS.quietMs)
    recent.sort((a, b) => age(a) - age(b))
    const isRecent = new Set(recent)
    const others = paths.filter((path) => !isRecent.has(path)).sort()
    this.#ready.clear()
    for (const path of [...recent, ...others]) this.#ready.add(path)
  }

  /** Milliseconds since a file was last written, by the clock; negative when that lies ahead of it. */
  #ageMs(stat: FileStat | undefined): number {
    if (stat === undefined) return 0
    return this.#options.clock() / 1000 - Number(BigInt(stat.mtimeNs) / 1_000_000n)
  }

  /** Whether nothing was written to a file for a while: by its time, or because we watched it. */
  #isSettled(followed: Followed): boolean {
    const age = this.#ageMs(followed.stat)
    if (age > LIMITS.quietMs) return true
    return this.#options.monotonicMs() - followed.changedAtMs >= LIMITS.settleMs
  }

  // --- reading what grows

  async #readLive(): Promise<{ readonly hasRead: boolean; readonly hasMore: boolean }> {
    let hasRead = false
    let hasMore = false
    for (const live of [...this.#live.values()]) {
      if (this.#options.signal.aborted) break
      if (live.stat.size < live.offset) {
        this.#drop(live)
        continue
      }
      const ending = this.#endingOf(live)
      const hasGrown = live.stat.size > live.offset && live.stat.size !== live.partialAt
      if ((!hasGrown && ending === 'wait') || live.blockedUntilMs > this.#options.monotonicMs())
        continue
      const found = await this.#readOne(live, ending)
      if (found !== 'nothing') hasRead = true
      if (found === 'more') hasMore = true
    }
    return { hasRead, hasMore }
  }

  /** What to do with an end that is no line. */
  #endingOf(live: LiveSource): 'wait' | 'take' | 'torn-line' {
    const { size } = live.stat
    if (size <= live.offset) return 'wait'
    const quietMs = this.#options.monotonicMs() - live.grownAtMs
    const isOver =
      live.goneAtMs !== undefined ||
      [...live.paths].every((path) => isRotatedAway(path, this.#options.files))
    if (isOver && quietMs >= LIMITS.settleMs && live.endClosedAt !== size) return 'torn-line'
    if (quietMs >= LIMITS.unendedMs && live.endTriedAt !== size) return 'take'
    return 'wait'
  }

  async #readOne(
    live: LiveSource,
    ending: 'wait' | 'take' | 'torn-line',
  ): Promise<'nothing' | 'all' | 'more'> {
    if (!(await this.#run.take(live.sourceId))) {
      // Another loader reads it, or a copy of it is read here and not yet committed.
      await this.#commit()
      live.blockedUntilMs = this.#options.monotonicMs() + LIMITS.claimRetryMs
      return 'nothing'
    }
    const source = await this.#store.source(live.sourceId)
    if (source === undefined || !live.alignWith(source)) {
      await this.#run.giveBack(live.sourceId)
      this.#drop(live)
      return 'nothing'
    }
    if (source.open !== undefined && live.stat.size === source.committedOffset) {
      // Its end is a dead letter already, until it grows.
      live.partialAt = live.stat.size
      live.endTriedAt = live.stat.size
      live.endClosedAt = live.stat.size
      await this.#run.giveBack(live.sourceId)
      return 'nothing'
    }
    const bytesMax = Math.max(this.#batchBytes, live.bytesNeeded)
    const isAll = live.stat.size - live.offset <= bytesMax
    const growth = live.read({
      stages: this.#stages,
      dictionary: this.#dictionary,
      nowUs: this.#options.clock(),
      acceptEnriched: this.#options.acceptEnriched,
      bytesMax,
      ending: isAll ? ending : 'wait',
    })
    if (growth.kind === 'cut') {
      await this.#run.giveBack(live.sourceId)
      this.#drop(live)
      return 'more'
    }
    const records = await this.#keep(live, growth.batches)
    if (isAll) live.partialAt = growth.readTo
    live.bytesNeeded =
      records > 0 || isAll
        ? 0
        : Math.min(bytesMax * 2, LIMITS.recordBytesMax + LIMITS.batchBytesMax)
    if (isAll && ending !== 'wait') {
      live.endTriedAt = growth.readTo
      if (ending === 'torn-line') live.endClosedAt = growth.readTo
      // A line that stays torn is no secret.
      await this.#tellStanding(live, growth.tail.kind === 'pending' ? growth.tail.bytes : 0)
    }
    await this.#run.giveBack(live.sourceId)
    return isAll ? (records > 0 ? 'all' : 'nothing') : 'more'
  }

  /** @returns records written */
  async #keep(
    live: LiveSource,
    batches: readonly { readonly batch: PackedBatch; readonly proof: LineageProof }[],
  ): Promise<number> {
    let records = 0
    for (const { batch, proof } of batches) {
      const fates = noFates()
      await this.#run.writeBatch(live.sourceId, LIVE_READER, batch, proof, fates)
      this.#pending.push(fates)
      records += batch.records
      if (batch.count > 0) live.lastEventUs = batch.eventTimesUs[batch.count - 1]!
      if (batch.sensors.length === 1) live.sensorSeen = batch.sensors[0]!
      // Only a line that was read as it was written tells how its clock goes.
      if (batch.count > 0 && this.#options.monotonicMs() - live.grownAtMs < LIMITS.freshMs)
        live.skewMs = (this.#options.clock() - live.lastEventUs!) / 1000
    }
    const last = batches.at(-1)
    if (last !== undefined) live.advance(last.batch.endOffset)
    this.#run.noteScoring(this.#reader, this.#stages.scoring.figures())
    live.rate.note(records, this.#options.monotonicMs())
    this.#allowance -= records
    return records
  }

  /** Writes how a source stands, where the store does not know it yet. */
  async #tellStanding(live: LiveSource, pendingBytes: number): Promise<void> {
    const path = toVisible(live.path)
    await this.#run.update(
      live.sourceId,
      {
        state: pendingBytes > 0 || live.endClosedAt !== live.stat.size ? 'open' : 'torn',
        pendingBytes,
        compression: 'none',
        path,
      },
      live.paths.size === 0
        ? undefined
        : fileRecord(
            { realPath: realPathOf(live.path, this.#options.files) },
            live.sensorOverride,
            live.stat,
            live.sourceId,
            null,
            false,
          ),
    )
    live.hasToldPending = pendingBytes > 0
  }

  /** Forgets an open file; its paths are met as strangers. */
  #drop(live: LiveSource): void {
    live.close()
    // What waited behind its cursor is no longer there to be read.
    if (live.hasToldPending) this.#cut.push(live)
    this.#live.delete(live.key)
    for (const path of live.paths) {
      const followed = this.#followed.get(path)
      if (followed === undefined) continue
      followed.live = undefined
      followed.isRead = false
      followed.isDoubted = true
      this.#ready.add(path)
    }
  }

  /** Files that are gone and were read to their end, and files that have long been quiet, are closed. */
  #closeOld(): void {
    const now = this.#options.monotonicMs()
    const byAge = [...this.#live.values()].sort((a, b) => a.grownAtMs - b.grownAtMs)
    let surplus = byAge.length - LIMITS.followOpenMax
    for (const live of byAge) {
      const { size } = live.stat
      const isDone = size === live.offset || live.endClosedAt === size
      // What can still be read of it is read first: nothing else would bring it up again.
      const isRead = isDone || live.endTriedAt === size
      const isGone = live.goneAtMs !== undefined && now - live.goneAtMs >= LIMITS.goneMs
      const isOld = now - live.grownAtMs >= LIMITS.openQuietMs || surplus > 0
      if (
        !(isDone && isGone && now - live.grownAtMs >= LIMITS.goneMs) &&
        !(isOld && isRead && live.paths.size > 0)
      )
        continue
      surplus -= 1
      live.close()
      this.#live.delete(live.key)
      for (const path of live.paths) {
        const followed = this.#followed.get(path)
        // It is met again when it changes.
        if (followed !== undefined) followed.live = undefined
      }
    }
  }

  // --- reading what is new

  /** Goes one piece on with the file that is being read, or begins the next. @returns whether there was something to do */
  async #readNext(): Promise<boolean> {
    if (this.#reading === undefined && !this.#begin()) return false
    const reading = this.#reading!
    const before = this.#run.lines
    const step = await reading.steps.next()
    this.#allowance -= this.#run.lines - before
    if (step.done !== true) return true
    this.#reading = undefined
    await this.#settle(reading.followed, step.value)
    return true
  }

  #begin(): boolean {
    for (const path of this.#ready) {
      this.#ready.delete(path)
      const followed = this.#followed.get(path)
      if (followed === undefined || followed.live !== undefined) continue
      const manner = this.#mannerOf(followed)
      if (manner === undefined) continue
      const realPath = realPathOf(path, this.#options.files)
      followed.isRead = true
      this.#reading = {
        followed,
        steps: this.#run.load({ path, realPath }, this.#reader, manner),
      }
      return true
    }
    return false
  }

  /** @returns undefined when it is better read later; it is then due by itself */
  #mannerOf(followed: Followed): FileManner | undefined {
    const { path, root, stat } = followed
    const isSettled = this.#isSettled(followed)
    if (!isSettled && this.#isArchive(path)) {
      // An archive must be read from its start each time: it is left until it is written.
      this.#delay(path, LIMITS.settleMs)
      return undefined
    }
    const isPart = root.kind === 'file' && path !== root.path
    return {
      isFinished: isSettled && isRotatedAway(path, this.#options.files),
      isGrowing: !isSettled,
      mayWait: false,
      onlyKnown:
        isPart &&
        root.sinceUs !== undefined &&
        stat !== undefined &&
        !isWrittenSince(stat, root.sinceUs),
      isDoubted: followed.isDoubted,
      batchBytes: this.#batchBytes,
    }
  }

  #isArchive(path: string): boolean {
    try {
      const file = this.#options.files.open(path)
      try {
        return detectCompression(readAt(file, 0, 6)) !== 'none'
      } finally {
        file.close()
      }
    } catch {
      return false
    }
  }

  #delay(path: string, ms: number): void {
    this.#later.set(path, this.#options.monotonicMs() + ms)
  }

  async #settle(followed: Followed, outcome: FileOutcome): Promise<void> {
    followed.failure = undefined
    followed.foreign = undefined
    if (outcome.kind !== 'failed' && outcome.kind !== 'later') followed.isDoubted = false
    switch (outcome.kind) {
      case 'failed':
        followed.failures += 1
        followed.failure = outcome.failure
        followed.isRead = false
        if (outcome.failure.code === 'SOURCE_NOT_FOUND') this.#names.touch(followed.path)
        else
          this.#delay(
            followed.path,
            Math.min(LIMITS.failedRetryMsMax, LIMITS.failedRetryMsMin * 2 ** followed.failures),
          )
        return
      case 'foreign':
        if (outcome.stat !== undefined)
          followed.foreign = {
            kind: outcome.foreign,
            inode: inodeOf(outcome.stat),
            size: outcome.stat.size,
          }
        this.#names.touch(followed.path)
        return
      case 'later':
        // Another loader has it, or what was read here of a copy is not committed.
        await this.#commit()
        followed.isRead = false
        this.#delay(followed.path, LIMITS.claimRetryMs)
        return
      case 'skipped':
      case 'stopped':
        return
      case 'source':
        this.#pending.push(outcome.report)
        this.#names.touch(followed.path)
        if (outcome.isCut) {
          followed.isRead = false
          return
        }
        await this.#keepOpen(followed, outcome)
    }
  }

  /** A plain file that may grow stays open. */
  async #keepOpen(followed: Followed, outcome: FileOutcome & { kind: 'source' }): Promise<void> {
    const { probe, report, sourceId } = outcome
    const isPlain =
      probe === undefined
        ? !this.#isArchive(followed.path)
        : probe.compression === 'none' && probe.encoding === 'utf-8'
    const isQuiet = this.#ageMs(followed.stat) > LIMITS.openQuietMs && report.pendingBytes === 0
    if (!isPlain || isQuiet || sourceId === undefined) {
      // Read again when what it ends with should be whole, or is to be given up.
      if (report.pendingBytes > 0 && !this.#isSettled(followed)) {
        followed.isRead = false
        this.#delay(followed.path, LIMITS.settleMs)
      }
      return
    }
    if (this.#toOpen.length === 0) this.#toOpenSinceMs = this.#options.monotonicMs()
    this.#toOpen.push({ followed, sourceId })
    // What is written now must soon be followed; of many files that are met at once, one commit does for many.
    const waitedMs = this.#options.monotonicMs() - this.#toOpenSinceMs
    if (this.#ready.size === 0 || waitedMs >= LIMITS.openDelayMs) await this.#openRead()
  }

  /** Opens what was read to its end, once that is committed. */
  async #openRead(): Promise<void> {
    if (this.#toOpen.length === 0) return
    await this.#commit()
    if (this.#live.size + this.#toOpen.length > LIMITS.followOpenMax) this.#closeOld()
    for (const { followed, sourceId } of this.#toOpen.splice(0))
      await this.#openOne(followed, sourceId)
  }

  async #openOne(followed: Followed, sourceId: number): Promise<void> {
    const source = await this.#store.source(sourceId)
    if (source === undefined || this.#followed.get(followed.path) !== followed) return
    const live = this.#open(followed.path, source)
    if (live === undefined) {
      followed.isRead = false
      followed.isDoubted = true
      return
    }
    const known = this.#live.get(live.key)
    if (known !== undefined) {
      live.close()
      this.#join(followed, known)
      return
    }
    live.hasToldPending = source.pendingBytes > 0
    this.#live.set(live.key, live)
    this.#join(followed, live)
  }

  #open(path: string, source: SourceRecord): LiveSource | undefined {
    let file: OpenFile | undefined
    let live: LiveSource | undefined
    try {
      file = this.#options.files.open(path)
      const own =
        this.#options.sensor ?? this.#options.sensorOf(realPathOf(path, this.#options.files))
      live = LiveSource.from(file, source, path, own, this.#options.monotonicMs())
    } catch (error) {
      // What is wrong with it shows when it is looked at next.
      if (!isSystemError(error)) throw error
    } finally {
      if (live === undefined) file?.close()
    }
    return live
  }

  async #endReading(): Promise<void> {
    const reading = this.#reading
    if (reading === undefined) return
    this.#reading = undefined
    // It stops by itself at the next batch when the signal is set; else it is left here.
    const step = await reading.steps.return({ kind: 'skipped' })
    if (step.value?.kind === 'source' || step.value?.kind === 'stopped')
      this.#pending.push(step.value.report)
  }

  async #commit(): Promise<void> {
    // No record of the file: it is another one by now.
    for (const { sourceId, path } of this.#cut.splice(0))
      await this.#run.update(sourceId, {
        state: 'open',
        pendingBytes: 0,
        compression: 'none',
        path: toVisible(path),
      })
    await this.#run.commit()
    for (const fates of this.#pending.splice(0)) {
      addFates(this.#total, fates)
      this.#committed += fates.lines
    }
  }

  // --- how much, how often

  /** A pass should take neither so long that lines wait, nor be so small that commits are all it does. */
  #adapt(spentMs: number, isBusy: boolean): void {
    if (!isBusy) return
    const { followBatchBytesMax: most, followBatchBytesMin: least } = LIMITS
    if (spentMs > LIMITS.passMsMax || this.#isTight())
      this.#batchBytes = Math.max(least, this.#batchBytes / 2)
    else if (spentMs < LIMITS.passMsMax / 4) this.#batchBytes = Math.min(most, this.#batchBytes * 2)
  }

  /** Whether the process has more memory than it should; asked once a second. */
  #isTight(): boolean {
    const now = this.#options.monotonicMs()
    const memory = this.#memory
    if (now - memory.lookedMs < LIMITS.memoryLookMs) return memory.isTight
    memory.lookedMs = now
    memory.isTight = process.memoryUsage.rss() > LIMITS.followRssBytes
    if (memory.isTight && now - memory.collectedMs >= LIMITS.memoryCollectMs) {
      memory.collectedMs = now
      collectAll()
    }
    return memory.isTight
  }

  #hasAllowance(): boolean {
    const recordsPerSecondMax = this.#options.recordsPerSecondMax()
    if (recordsPerSecondMax === 0) return true
    const now = this.#options.monotonicMs()
    this.#allowance = Math.min(
      recordsPerSecondMax,
      this.#allowance + ((now - this.#allowanceMs) / 1000) * recordsPerSecondMax,
    )
    this.#allowanceMs = now
    return this.#allowance > 0
  }

  #nextDue(hasAllowance: boolean): number | undefined {
    const now = this.#options.monotonicMs()
    let due = hasAllowance ? undefined : now + LIMITS.claimRetryMs
    const offer = (at: number): void => {
      if (due === undefined || at < due) due = at
    }
    for (const at of this.#later.values()) offer(at)
    for (const live of this.#live.values()) {
      if (live.stat.size <= live.offset) continue
      if (live.blockedUntilMs > now) offer(live.blockedUntilMs)
      if (live.endTriedAt !== live.stat.size) offer(live.grownAtMs + LIMITS.unendedMs)
      else if (live.endClosedAt !== live.stat.size) offer(live.grownAtMs + LIMITS.settleMs)
    }
    return due
  }

  async #sleep(dueMs: number | undefined): Promise<void> {
    if (this.#names.hasNews()) return
    const { monotonicMs, pollMs, signal } = this.#options
    const restMs = Math.min(pollMs, LIMITS.sleepMsMax)
    const ms = dueMs === undefined ? restMs : Math.min(restMs, Math.max(1, dueMs - monotonicMs()))
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms)
      const wakeUp = (): void => done()
      const self = this
      function done(): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', wakeUp)
        self.#wake = undefined
        resolve()
      }
      signal.addEventListener('abort', wakeUp, { once: true })
      this.#wake = wakeUp
    })
  }
}
