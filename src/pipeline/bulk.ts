/**
 * Drives a load: files to plans, plans to batches, batches to transactions.
 */
import { randomBytes } from 'node:crypto'
import { type BigIntStats, statSync } from 'node:fs'
import { toHex } from '../core/bytes.ts'
import { CLAIM } from '../core/claim.ts'
import { OperatingError } from '../core/errors.ts'
import { FLAGS } from '../core/event.ts'
import type { InstantUs } from '../core/instant.ts'
import type { PackedBatch } from '../core/packed.ts'
import type { SigningKey } from '../core/seal-types.ts'
import { LIMITS } from '../limits.ts'
import type { ScorerFigures } from '../neutralize/score.ts'
import { toVisible } from '../neutralize/visible.ts'
import {
  discover,
  type FoundFile,
  failureOf,
  isRotatedAway,
  type PathFailure,
} from '../source/discover.ts'
import { headDigest } from '../source/probe.ts'
import type { BatchWriter, Fates, FileRecord, LineageStore, SourceState } from '../store/port.ts'
import { addFates, noFates } from './fates.ts'
import type { Candidate, Probe, ReadMessage } from './reader.ts'
import type { Reader } from './reader-pool.ts'

export type LoadOptions = {
  readonly paths: readonly string[]
  /** Folders of nacre itself; what lies in them is no log. */
  readonly ownFolders?: readonly string[]
  /** Sensor given for all files; visible form. */
  readonly sensor: string | undefined
  /** Sensor from the configuration, by path. */
  readonly sensorOf: (path: string) => string | undefined
  readonly acceptEnriched: boolean
  readonly dryRun: boolean
  readonly clock: () => InstantUs
  readonly signal: AbortSignal
  readonly chunkBytes: number
  readonly signingKey: SigningKey
  readonly progress: (progress: LoadProgress) => void
  /** Told of rules that were switched off because they took too long; called between two transactions. */
  readonly onRulesOff?: (ruleIds: readonly string[]) => Promise<void>
}

export type LoadProgress = {
  readonly path: string
  readonly filesDone: number
  readonly files: number
  readonly lines: number
  readonly bytes: number
  readonly elapsedMs: number
}

export type SourceReport = {
  readonly path: string
  sensor: string
  format: string
  state: 'new' | 'continued' | 'unchanged' | 'pending'
  end: SourceState
  bytes: number
  pendingBytes: number
} & Fates

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

export type HostileFigures = {
  /** Events in which characters had to be made visible. */
  neutralized: number
  /** Events in which a rule hit or something was unwrapped. */
  withVerdict: number
  /** Texts that the rules were asked about, and those whose verdict was at hand. */
  texts: number
  cacheHits: number
  /** Microseconds of matching; texts that took longer than five milliseconds. */
  matchUs: number
  slowTexts: number
  /** Of events with a verdict that are younger than two days: from the event to its verdict, in sum. */
  detections: number
  detectionUs: number
  rulesOff: string[]
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
  const found = discover(options.paths, options.ownFolders ?? [])
  const run = new LoadRun(options, store, writer, found.files.length, found.failed)
  const queue = found.files[Symbol.iterator]()
  const work = async (reader: Reader): Promise<void> => {
    for (const file of queue) {
      if (options.signal.aborted) return
      await run.loadFile(file, reader)
    }
  }
  try {
    await Promise.all(readers.map(work))
    await run.finish()
  } catch (error) {
    await run.abandon()
    throw error
  }
  return run.report(performance.now() - started)
}

class LoadRun {
  readonly #options: LoadOptions
  readonly #store: LineageStore
  readonly #writer: BatchWriter
  readonly #files: number
  readonly #sources: SourceReport[] = []
  readonly #foreign: { path: string; kind: string }[] = []
  readonly #failed: { path: string; code: string; message: string }[] = []
  readonly #notices: string[] = []
  readonly #started = performance.now()
  #filesDone = 0
  #lines = 0
  #bytes = 0
  #withoutSensor = 0
  readonly #hostile: HostileFigures = {
    neutralized: 0,
    withVerdict: 0,
    texts: 0,
    cacheHits: 0,
    matchUs: 0,
    slowTexts: 0,
    detections: 0,
    detectionUs: 0,
    rulesOff: [],
  }
  /** By reader: what its rules did since it was made. */
  readonly #scoring = new Map<number, ScorerFigures>()
  /** The open transaction: undefined when there is none. */
  #transaction: { readonly started: number; records: number; bytes: number } | undefined
  /** Sources of the batches written in it, in that order: their fates are told when it commits. */
  #written: SourceReport[] = []
  /** The writer has one caller at a time: each waits for the one before. */
  #turn: Promise<unknown> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined
  #lastCheckpoint = performance.now()
  /** What readers of this run have right now or have not committed: two copies of one lineage wait for each other. */
  readonly #busy = new Set<string>()
  /** Claims to be given back after the next commit. */
  readonly #held: string[] = []
  /** What went wrong in a commit that no call was waiting for. */
  #lateFailure: unknown

  constructor(
    options: LoadOptions,
    store: LineageStore,
    writer: BatchWriter,
    files: number,
    failed: readonly PathFailure[],
  ) {
    this.#options = options
    this.#store = store
    this.#writer = writer
    this.#files = files
    this.#failed.push(
      ...failed.map(({ path, code, message }) => ({ path: toVisible(path), code, message })),
    )
  }

  async loadFile(file: FoundFile, reader: Reader): Promise<void> {
    try {
      await this.#load(file, reader)
    } catch (error) {
      if (error instanceof OperatingError) throw error
      if (!isSystemError(error)) throw error
      const failure = failureOf(file.path, error)
      this.#failed.push({
        path: toVisible(file.path),
        code: failure.code,
        message: failure.message,
      })
    }
    this.#filesDone += 1
    this.#tell(file.path)
  }

  async finish(): Promise<void> {
    await this.#exclusively(() => this.#commit())
    if (this.#lateFailure !== undefined) throw this.#lateFailure
    if (this.#options.dryRun) return
    await this.#writer.settle()
    await this.#writer.checkpoint(this.#options.signingKey)
  }

  async abandon(): Promise<void> {
    clearTimeout(this.#idle)
    await this.#turn.catch(() => {})
    this.#transaction = undefined
    await this.#writer.rollback()
    // Claims end with the store: one that is out of reach must not be asked for each of them.
  }

  report(elapsedMs: number): LoadReport {
    const totals = {
      sources: this.#sources.length,
      bytes: 0,
      ...noFates(),
      pendingBytes: 0,
    }
    for (const source of this.#sources) {
      totals.bytes += source.bytes
      totals.pendingBytes += source.pendingBytes
      addFates(totals, source)
    }
    for (const figures of this.#scoring.values()) {
      this.#hostile.texts += figures.texts
      this.#hostile.cacheHits += figures.cacheHits
      this.#hostile.matchUs += Math.round(figures.matchUs)
      this.#hostile.slowTexts += figures.slowTexts
    }
    if (this.#hostile.rulesOff.length > 0) {
      this.#notices.push(
        `Rules that took too long were switched off for the rest of this load: ${this.#hostile.rulesOff.join(', ')}.`,
      )
    }
    if (this.#withoutSensor > 0) {
      this.#notices.push(
        `${this.#withoutSensor} records name no sensor and stand under "unknown"; --sensor NAME gives them one.`,
      )
    }
    const order = (a: { path: string }, b: { path: string }): number =>
      a.path < b.path ? -1 : a.path > b.path ? 1 : 0
    return {
      totals,
      balanced:
        totals.lines ===
        totals.stored +
          totals.duplicate +
          totals.held +
          totals.dead +
          totals.blank +
          totals.expired,
      sources: this.#sources.sort(order),
      foreign: this.#foreign.sort(order),
      failed: this.#failed.sort(order),
      notices: this.#notices,
      hostile: this.#hostile,
      elapsedMs: Math.round(elapsedMs),
      eventsPerSecond:
        elapsedMs > 0 ? Math.round(((totals.stored + totals.duplicate) / elapsedMs) * 1000) : 0,
    }
  }

  async #load(file: FoundFile, reader: Reader): Promise<void> {
    const { chunkBytes } = this.#options
    const sensor = this.#options.sensor ?? this.#options.sensorOf(file.realPath)
    const sensorOverride = sensor ?? ''
    const stat = file.path === '-' ? undefined : statSync(file.realPath, { bigint: true })
    const isRegular = stat?.isFile() === true
    const known = isRegular ? await this.#store.findFile(file.realPath, sensorOverride) : undefined
    const isFinished = isRegular && isRotatedAway(file.realPath)
    const isWanted = known?.foreignKind === ENRICHED && this.#options.acceptEnriched
    if (
      known !== undefined &&
      !isWanted &&
      stat !== undefined &&
      isSameFile(known, stat) &&
      (known.isFinished || !isFinished)
    ) {
      await this.#unchanged(file, known, sensorOverride)
      return
    }
    const probe: Probe = isRegular
      ? await reader.probe(file.realPath, chunkBytes)
      : { compression: 'none', encoding: 'utf-8', foreign: undefined, head: new Uint8Array(0) }
    const claims: string[] = []
    const candidates = isRegular
      ? await this.#claimCandidates(probe, sensorOverride, known, claims)
      : []
    const isTaken =
      probe.foreign === undefined || (probe.foreign === ENRICHED && this.#options.acceptEnriched)
    if (!isTaken && candidates.length === 0) {
      for (const name of claims) await this.#release(name)
      await this.#takeForeign(file, probe, sensorOverride, stat)
      return
    }
    const report: SourceReport = {
      path: toVisible(file.path),
      sensor: sensor ?? '',
      format: formatOf(probe),
      state: 'new',
      end: 'open',
      bytes: 0,
      ...noFates(),
      pendingBytes: 0,
    }
    const reading = reader.read({
      path: isRegular ? file.realPath : file.path,
      probe,
      isProbed: isRegular,
      candidates,
      sensor,
      acceptEnriched: this.#options.acceptEnriched,
      isFinished,
      nowUs: this.#options.clock(),
      chunkBytes,
    })
    const source = new SourceRun(file, report, probe, sensorOverride)
    source.claims.push(...claims)
    try {
      for await (const message of reading) {
        await this.#take(message, source, reader)
        if (this.#options.signal.aborted && message.kind !== 'end') return
      }
      await this.#close(source, stat)
    } finally {
      this.#sources.push(report)
      // What others may read from now on must be there to be found.
      if (source.claims.length > 0 && this.#lateFailure === undefined) await this.#letGo(source)
    }
  }

  /**
   * Finds the lineages that may be meant and takes them; waits for whoever reads one of them now. Where there is none,
   * takes the start of the file itself: two loaders that meet the same new file must not both begin it.
   */
  async #claimCandidates(
    probe: Probe,
    sensorOverride: string,
    known: FileRecord | undefined,
    claims: string[],
  ): Promise<Candidate[]> {
    for (;;) {
      const candidates = await this.#candidates(probe, sensorOverride, known)
      const names =
        candidates.length > 0
          ? candidates.map(({ sourceId }) => CLAIM.source(sourceId))
          : probe.head.length > 0
            ? [CLAIM.head(toHex(headDigest(probe.head, probe.head.length)), sensorOverride)]
            : []
      let isOwn = false
      for (const name of names) {
        isOwn = this.#held.includes(name)
        if (this.#busy.has(name)) break
        this.#busy.add(name)
        if (!(await this.#store.claim(name))) {
          this.#busy.delete(name)
          break
        }
        claims.push(name)
      }
      if (claims.length === names.length) {
        // Whoever had them before may have read on, or have made the start a source, until they were taken.
        const now = await this.#candidates(probe, sensorOverride, known)
        const taken = new Set(candidates.map(({ sourceId }) => sourceId))
        if (now.length === taken.size && now.every(({ sourceId }) => taken.has(sourceId)))
          return now
      }
      for (const name of claims.splice(0)) await this.#release(name)
      if (this.#options.signal.aborted) return []
      // What was written meanwhile must not wait for this reader.
      await this.#exclusively(() => this.#commit())
      if (!isOwn) await new Promise((resolve) => setTimeout(resolve, CLAIM_POLL_MS))
    }
  }

  async #release(name: string): Promise<void> {
    this.#busy.delete(name)
    await this.#store.release(name)
  }

  async #unchanged(file: FoundFile, known: FileRecord, sensorOverride: string): Promise<void> {
    if (known.foreignKind !== null) {
      this.#foreign.push({ path: toVisible(file.path), kind: known.foreignKind })
      return
    }
    const source = known.sourceId === null ? undefined : await this.#store.source(known.sourceId)
    this.#sources.push({
      path: toVisible(file.path),
      sensor: sensorOverride,
      format: 'as before',
      state: 'unchanged',
      end: source?.state ?? 'complete',
      bytes: 0,
      ...noFates(),
      pendingBytes: source?.pendingBytes ?? 0,
    })
  }

  async #candidates(
    probe: Probe,
    sensorOverride: string,
    known: FileRecord | undefined,
  ): Promise<Candidate[]> {
    const lengths = await this.#store.headLengths(sensorOverride)
    const heads = [
      ...lengths.filter((length) => length <= probe.head.length),
      LIMITS.lineageHeadBytes,
    ]
      .filter((length) => length > 0 && length <= probe.head.length)
      .map((length) => ({ length, digest: toHex(headDigest(probe.head, length)) }))
    const sources = [...(await this.#store.findByHead(sensorOverride, heads))]
    // A source of which nothing is stored yet has no start to know it by: the path must do, and proves nothing it need.
    const byPath = known?.sourceId == null ? undefined : await this.#store.source(known.sourceId)
    if (byPath !== undefined && byPath.committedOffset === 0) sources.push(byPath)
    sources.sort((a, b) => b.committedOffset - a.committedOffset)
    const candidates: Candidate[] = []
    for (const source of sources) {
      const startOffset = source.open?.startOffset ?? source.committedOffset
      const proof =
        probe.compression === 'none'
          ? { ends: new Float64Array(0), digests: new Uint8Array(0) }
          : await this.#store.blockProof(source.id, startOffset)
      candidates.push({
        sourceId: source.id,
        committedOffset: source.committedOffset,
        startOffset,
        isOpen: source.open !== undefined,
        tailDigest: source.tailDigest,
        blockEnds: proof.ends,
        blockDigests: proof.digests,
      })
    }
    return candidates
  }

  async #takeForeign(
    file: FoundFile,
    probe: Probe,
    sensorOverride: string,
    stat: BigIntStats | undefined,
  ): Promise<void> {
    this.#foreign.push({ path: toVisible(file.path), kind: probe.foreign! })
    if (stat === undefined || this.#options.dryRun) return
    await this.#write(0, 0, () =>
      this.#writer.saveFile(fileRecord(file, sensorOverride, stat, null, probe.foreign!, true)),
    )
  }

  async #take(message: ReadMessage, source: SourceRun, reader: Reader): Promise<void> {
    const { report } = source
    if (message.kind === 'start') {
      source.id = message.sourceId
      report.state = message.sourceId === undefined ? 'new' : 'continued'
      return
    }
    if (message.kind === 'end') {
      source.end = message
      this.#withoutSensor += message.withoutSensor
      this.#scoring.set(reader.id, message.scoring)
      // Of a load of one batch no further batch would tell.
      await this.#noteRulesOff(message.rulesOff)
      return
    }
    const { batch } = message
    this.#countHostile(batch)
    await this.#noteRulesOff(batch.rulesOff)
    const bytes = batch.endOffset - batch.startOffset
    report.bytes += bytes
    source.records += batch.records
    this.#bytes += bytes
    this.#lines += batch.records
    if (report.sensor === '' && batch.sensors.length === 1) report.sensor = batch.sensors[0]!
    else if (batch.sensors.some((name) => name !== report.sensor) && batch.sensors.length > 0)
      report.sensor = 'several'
    if (this.#options.dryRun) {
      const dead = batch.dead.reduce((sum, letter) => sum + letter.records, 0)
      const withheld = batch.flags.reduce(
        (sum, flags) => sum + Number((flags & FLAGS.withheld) !== 0),
        0,
      )
      addFates(report, {
        lines: batch.records,
        stored: batch.count - withheld,
        duplicate: 0,
        held: withheld,
        dead,
        blank: batch.blank,
        expired: 0,
      })
    } else {
      await this.#write(batch.records, bytes, async () => {
        source.id ??= await this.#addSource(source)
        await this.#writer.write(source.id, reader.id, batch, {
          head: source.probe.head,
          tailDigest: message.tailDigest,
        })
        this.#written.push(report)
      })
    }
    this.#tell(source.file.path)
  }

  #countHostile(batch: PackedBatch): void {
    const figures = this.#hostile
    const nowUs = this.#options.clock()
    for (let i = 0; i < batch.count; i += 1) {
      if ((batch.flags[i]! & FLAGS.hostile) !== 0) figures.neutralized += 1
      if (batch.verdictIx[i] === 0) continue
      figures.withVerdict += 1
      const lagUs = nowUs - batch.eventTimesUs[i]!
      if (lagUs < 0 || lagUs > LIMITS.oddTimeAheadUs) continue
      figures.detections += 1
      figures.detectionUs += lagUs
    }
  }

  async #noteRulesOff(rulesOff: readonly string[]): Promise<void> {
    const fresh = rulesOff.filter((id) => !this.#hostile.rulesOff.includes(id))
    if (fresh.length === 0) return
    this.#hostile.rulesOff.push(...fresh)
    if (this.#options.dryRun || this.#options.onRulesOff === undefined) return
    await this.#exclusively(async () => {
      await this.#commit()
      await this.#options.onRulesOff?.(fresh)
    })
  }

  async #close(source: SourceRun, stat: BigIntStats | undefined): Promise<void> {
    const { end, report } = source
    if (end === undefined) return
    report.pendingBytes = end.tail.kind === 'pending' ? end.tail.bytes : 0
    const endKind = end.end.kind
    report.end =
      endKind === 'torn'
        ? 'torn'
        : endKind === 'bomb'
          ? 'bomb'
          : end.tail.kind === 'open'
            ? 'torn'
            : report.pendingBytes > 0
              ? 'open'
              : 'complete'
    // The fates of its last batches are known when they are committed; how many records it had is known now.
    if (report.state === 'continued' && source.records === 0) report.state = 'unchanged'
    if (report.state === 'new' && source.records === 0 && report.pendingBytes > 0)
      report.state = 'pending'
    if (endKind === 'complete' && end.end.trailingBytes > 0) {
      this.#notices.push(
        `${toVisible(source.file.path)}: ${end.end.trailingBytes} bytes after the end of the archive are no part of it.`,
      )
    }
    if (!this.#options.dryRun) {
      await this.#write(0, 0, async () => {
        source.id ??= await this.#addSource(source)
        await this.#writer.finishSource(source.id, source.update())
        if (stat?.isFile() === true) {
          await this.#writer.saveFile(
            fileRecord(
              source.file,
              source.sensorOverride,
              stat,
              source.id,
              null,
              report.pendingBytes === 0,
            ),
          )
        }
      })
    }
  }

  /** Gives back what a source was taken with: once what was read of it is committed, for others to find. */
  async #letGo(source: SourceRun): Promise<void> {
    if (this.#transaction !== undefined) this.#held.push(...source.claims)
    else for (const name of source.claims) await this.#release(name)
  }

  async #addSource(source: SourceRun): Promise<number> {
    const id = await this.#writer.addSource({
      uid: randomBytes(16),
      sensorOverride: source.sensorOverride,
      update: source.update(),
      claims: [...source.claims],
    })
    const name = CLAIM.source(id)
    await this.#store.claim(name)
    this.#busy.add(name)
    source.claims.push(name)
    return id
  }

  /** Runs work alone: readers take turns at the writer. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => {})
    return mine
  }

  /** Writes within a transaction, and commits it when it is full. */
  #write(records: number, bytes: number, work: () => Promise<void>): Promise<void> {
    return this.#exclusively(async () => {
      clearTimeout(this.#idle)
      if (this.#lateFailure !== undefined) throw this.#lateFailure
      if (this.#transaction === undefined) await this.#begin()
      await work()
      await this.#afterWrite(records, bytes)
    })
  }

  async #begin(): Promise<void> {
    if (performance.now() - this.#lastCheckpoint > LIMITS.checkpointSeconds * 1000) {
      await this.#writer.checkpoint(this.#options.signingKey)
      this.#lastCheckpoint = performance.now()
    }
    await this.#writer.begin()
    this.#transaction = { started: performance.now(), records: 0, bytes: 0 }
  }

  async #afterWrite(records: number, bytes: number): Promise<void> {
    const transaction = this.#transaction
    if (transaction === undefined) return
    transaction.records += records
    transaction.bytes += bytes
    const isFull =
      transaction.records >= LIMITS.transactionRecordsMax ||
      transaction.bytes >= LIMITS.transactionBytesMax ||
      performance.now() - transaction.started >= LIMITS.transactionMsMax
    if (isFull || this.#options.signal.aborted) await this.#commit()
    // A slow source (a pipe) must not keep others from writing.
    else this.#idle = setTimeout(() => this.#commitLate(), IDLE_COMMIT_MS)
  }

  #commitLate(): void {
    this.#exclusively(() => this.#commit()).catch((error: unknown) => {
      this.#lateFailure = error
    })
  }

  /** Called in turn alone. */
  async #commit(): Promise<void> {
    clearTimeout(this.#idle)
    if (this.#transaction === undefined) return
    this.#transaction = undefined
    const written = this.#written.splice(0)
    const fates = await this.#writer.commit()
    written.forEach((report, i) => {
      addFates(report, fates[i]!)
    })
    for (const name of this.#held.splice(0)) await this.#release(name)
  }

  #tell(path: string): void {
    this.#options.progress({
      path: toVisible(path),
      filesDone: this.#filesDone,
      files: this.#files,
      lines: this.#lines,
      bytes: this.#bytes,
      elapsedMs: performance.now() - this.#started,
    })
  }
}

const ENRICHED = 'elasticsearch-enriched'
const IDLE_COMMIT_MS = 250
const CLAIM_POLL_MS = 50

class SourceRun {
  readonly file: FoundFile
  readonly report: SourceReport
  readonly probe: Probe
  readonly sensorOverride: string
  id: number | undefined
  records = 0
  end: (ReadMessage & { kind: 'end' }) | undefined
  readonly claims: string[] = []

  constructor(file: FoundFile, report: SourceReport, probe: Probe, sensorOverride: string) {
    this.file = file
    this.report = report
    this.probe = probe
    this.sensorOverride = sensorOverride
  }

  update(): { state: SourceState; pendingBytes: number; compression: string; path: string } {
    return {
      state: this.report.end,
      pendingBytes: this.report.pendingBytes,
      compression: this.probe.compression,
      path: toVisible(this.file.path),
    }
  }
}

function formatOf(probe: Probe): string {
  const packed = probe.compression === 'none' ? 'plain' : probe.compression
  return probe.encoding === 'utf-8' ? packed : `${packed}, ${probe.encoding}`
}

function isSameFile(known: FileRecord, stat: BigIntStats): boolean {
  return (
    known.device === String(stat.dev) &&
    known.inode === String(stat.ino) &&
    known.size === Number(stat.size) &&
    known.mtimeNs === String(stat.mtimeNs) &&
    known.ctimeNs === String(stat.ctimeNs)
  )
}

function fileRecord(
  file: FoundFile,
  sensorOverride: string,
  stat: BigIntStats,
  sourceId: number | null,
  foreignKind: string | null,
  isFinished: boolean,
): FileRecord {
  return {
    path: file.realPath,
    sensorOverride,
    sourceId,
    device: String(stat.dev),
    inode: String(stat.ino),
    size: Number(stat.size),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
    foreignKind,
    isFinished,
  }
}

function isSystemError(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^E[A-Z0-9]+$/.test(error.code)
  )
}
