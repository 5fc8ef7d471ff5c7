/**
 * Drives a load: files to plans, plans to batches, batches to transactions.
 */
import { randomBytes } from 'node:crypto'
import { type BigIntStats, statSync } from 'node:fs'
import { toHex } from '../core/bytes.ts'
import { OperatingError } from '../core/errors.ts'
import type { InstantUs } from '../core/instant.ts'
import type { SigningKey } from '../core/seal-types.ts'
import { LIMITS } from '../limits.ts'
import { toVisible } from '../neutralize/visible.ts'
import {
  discover,
  type FoundFile,
  failureOf,
  isRotatedAway,
  type PathFailure,
} from '../source/discover.ts'
import { headDigest } from '../source/probe.ts'
import type { BatchWriter, Fates, FileRecord, SourceRecord, SourceState } from '../store/port.ts'
import type { Candidate, Probe, ReadMessage } from './reader.ts'
import type { Reader } from './reader-pool.ts'

/** What the driver may ask of the store besides writing. */
export type LineageStore = {
  findFile(path: string, sensorOverride: string): FileRecord | undefined
  /** Sources whose start is the same as one of these, newest first. */
  findByHead(
    sensorOverride: string,
    heads: readonly { readonly length: number; readonly digest: string }[],
  ): readonly SourceRecord[]
  /** The lengths below 1 KiB that starts of sources were recorded with. */
  headLengths(sensorOverride: string): readonly number[]
  source(id: number): SourceRecord | undefined
  blockProof(
    sourceId: number,
    upToOffset: number,
  ): { readonly ends: Float64Array; readonly digests: Uint8Array }
  /** Takes a source for this process; false while another living process has it. */
  claim(sourceId: number): boolean
  release(sourceId: number): void
}

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
    run.abandon()
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
  /** The open transaction: undefined when there is none. */
  #transaction: { readonly started: number; records: number; bytes: number } | undefined
  #opening: Promise<void> | undefined
  #idle: NodeJS.Timeout | undefined
  #lastCheckpoint = performance.now()
  /** Sources that readers of this run have right now: two copies of one lineage wait for each other. */
  readonly #busy = new Set<number>()
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
    this.#commit()
    if (this.#lateFailure !== undefined) throw this.#lateFailure
    if (!this.#options.dryRun) await this.#writer.checkpoint(this.#options.signingKey)
  }

  abandon(): void {
    clearTimeout(this.#idle)
    this.#transaction = undefined
    this.#writer.rollback()
  }

  report(elapsedMs: number): LoadReport {
    const totals = {
      sources: this.#sources.length,
      bytes: 0,
      lines: 0,
      stored: 0,
      duplicate: 0,
      held: 0,
      dead: 0,
      blank: 0,
      expired: 0,
      pendingBytes: 0,
    }
    for (const source of this.#sources) {
      totals.bytes += source.bytes
      totals.pendingBytes += source.pendingBytes
      addFates(totals, source)
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
    const known = isRegular ? this.#store.findFile(file.realPath, sensorOverride) : undefined
    const isFinished = isRegular && isRotatedAway(file.realPath)
    const isWanted = known?.foreignKind === ENRICHED && this.#options.acceptEnriched
    if (
      known !== undefined &&
      !isWanted &&
      stat !== undefined &&
      isSameFile(known, stat) &&
      (known.isFinished || !isFinished)
    ) {
      this.#unchanged(file, known, sensorOverride)
      return
    }
    const probe: Probe = isRegular
      ? await reader.probe(file.realPath, chunkBytes)
      : { compression: 'none', encoding: 'utf-8', foreign: undefined, head: new Uint8Array(0) }
    const candidates = isRegular ? await this.#claimCandidates(probe, sensorOverride, known) : []
    const isTaken =
      probe.foreign === undefined || (probe.foreign === ENRICHED && this.#options.acceptEnriched)
    if (!isTaken && candidates.length === 0) {
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
      lines: 0,
      stored: 0,
      duplicate: 0,
      held: 0,
      dead: 0,
      blank: 0,
      expired: 0,
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
    source.claims.push(...candidates.map((candidate) => candidate.sourceId))
    try {
      for await (const message of reading) {
        await this.#take(message, source, reader)
        if (this.#options.signal.aborted && message.kind !== 'end') return
      }
      await this.#close(source, stat)
    } finally {
      this.#sources.push(report)
      for (const id of source.claims) this.#release(id)
    }
  }

  /** Finds the lineages that may be meant and takes them; waits for whoever reads one of them now. */
  async #claimCandidates(
    probe: Probe,
    sensorOverride: string,
    known: FileRecord | undefined,
  ): Promise<Candidate[]> {
    for (;;) {
      const candidates = this.#candidates(probe, sensorOverride, known)
      const claimed: number[] = []
      for (const { sourceId } of candidates) {
        if (this.#busy.has(sourceId) || !this.#store.claim(sourceId)) break
        this.#busy.add(sourceId)
        claimed.push(sourceId)
      }
      if (claimed.length === candidates.length) return candidates
      for (const id of claimed) this.#release(id)
      if (this.#options.signal.aborted) return []
      // What was written meanwhile must not wait for this reader.
      this.#commit()
      await new Promise((resolve) => setTimeout(resolve, CLAIM_POLL_MS))
    }
  }

  #release(id: number): void {
    this.#busy.delete(id)
    this.#store.release(id)
  }

  #unchanged(file: FoundFile, known: FileRecord, sensorOverride: string): void {
    if (known.foreignKind !== null) {
      this.#foreign.push({ path: toVisible(file.path), kind: known.foreignKind })
      return
    }
    const source = known.sourceId === null ? undefined : this.#store.source(known.sourceId)
    this.#sources.push({
      path: toVisible(file.path),
      sensor: sensorOverride,
      format: 'as before',
      state: 'unchanged',
      end: source?.state ?? 'complete',
      bytes: 0,
      lines: 0,
      stored: 0,
      duplicate: 0,
      held: 0,
      dead: 0,
      blank: 0,
      expired: 0,
      pendingBytes: source?.pendingBytes ?? 0,
    })
  }

  #candidates(probe: Probe, sensorOverride: string, known: FileRecord | undefined): Candidate[] {
    const heads = [
      ...this.#store.headLengths(sensorOverride).filter((length) => length <= probe.head.length),
      LIMITS.lineageHeadBytes,
    ]
      .filter((length) => length > 0 && length <= probe.head.length)
      .map((length) => ({ length, digest: toHex(headDigest(probe.head, length)) }))
    const sources = [...this.#store.findByHead(sensorOverride, heads)]
    // A source of which nothing is stored yet has no start to know it by: the path must do, and proves nothing it need.
    const byPath = known?.sourceId == null ? undefined : this.#store.source(known.sourceId)
    if (byPath !== undefined && byPath.committedOffset === 0) sources.push(byPath)
    return sources
      .sort((a, b) => b.committedOffset - a.committedOffset)
      .map((source) => {
        const proof =
          probe.compression === 'none'
            ? { ends: new Float64Array(0), digests: new Uint8Array(0) }
            : this.#store.blockProof(source.id, source.open?.startOffset ?? source.committedOffset)
        return {
          sourceId: source.id,
          committedOffset: source.committedOffset,
          startOffset: source.open?.startOffset ?? source.committedOffset,
          isOpen: source.open !== undefined,
          tailDigest: source.tailDigest,
          blockEnds: proof.ends,
          blockDigests: proof.digests,
        }
      })
  }

  async #takeForeign(
    file: FoundFile,
    probe: Probe,
    sensorOverride: string,
    stat: BigIntStats | undefined,
  ): Promise<void> {
    this.#foreign.push({ path: toVisible(file.path), kind: probe.foreign! })
    if (stat === undefined || this.#options.dryRun) return
    await this.#open()
    this.#writer.saveFile(fileRecord(file, sensorOverride, stat, null, probe.foreign!, true))
    this.#afterWrite(0, 0)
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
      return
    }
    const { batch } = message
    const bytes = batch.endOffset - batch.startOffset
    report.bytes += bytes
    this.#bytes += bytes
    this.#lines += batch.records
    if (report.sensor === '' && batch.sensors.length === 1) report.sensor = batch.sensors[0]!
    else if (batch.sensors.some((name) => name !== report.sensor) && batch.sensors.length > 0)
      report.sensor = 'several'
    if (this.#options.dryRun) {
      const dead = batch.dead.reduce((sum, letter) => sum + letter.records, 0)
      addFates(report, {
        lines: batch.records,
        stored: batch.count,
        duplicate: 0,
        held: 0,
        dead,
        blank: batch.blank,
        expired: 0,
      })
    } else {
      await this.#open()
      source.id ??= this.#addSource(source)
      addFates(
        report,
        this.#writer.write(source.id, reader.id, batch, {
          head: source.probe.head,
          tailDigest: message.tailDigest,
        }),
      )
      this.#afterWrite(batch.records, bytes)
    }
    this.#tell(source.file.path)
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
    if (report.state === 'continued' && report.lines === 0) report.state = 'unchanged'
    if (report.state === 'new' && report.lines === 0 && report.pendingBytes > 0)
      report.state = 'pending'
    if (endKind === 'complete' && end.end.trailingBytes > 0) {
      this.#notices.push(
        `${toVisible(source.file.path)}: ${end.end.trailingBytes} bytes after the end of the archive are no part of it.`,
      )
    }
    if (!this.#options.dryRun) {
      await this.#open()
      source.id ??= this.#addSource(source)
      this.#writer.finishSource(source.id, source.update())
      if (stat?.isFile() === true) {
        this.#writer.saveFile(
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
      this.#afterWrite(0, 0)
    }
  }

  #addSource(source: SourceRun): number {
    const id = this.#writer.addSource({
      uid: randomBytes(16),
      sensorOverride: source.sensorOverride,
      update: source.update(),
    })
    this.#store.claim(id)
    this.#busy.add(id)
    source.claims.push(id)
    return id
  }

  async #open(): Promise<void> {
    clearTimeout(this.#idle)
    if (this.#lateFailure !== undefined) throw this.#lateFailure
    while (this.#opening !== undefined) await this.#opening
    if (this.#transaction !== undefined) return
    this.#opening = this.#begin()
    try {
      await this.#opening
    } finally {
      this.#opening = undefined
    }
  }

  async #begin(): Promise<void> {
    if (performance.now() - this.#lastCheckpoint > LIMITS.checkpointSeconds * 1000) {
      await this.#writer.checkpoint(this.#options.signingKey)
      this.#lastCheckpoint = performance.now()
    }
    await this.#writer.begin()
    this.#transaction = { started: performance.now(), records: 0, bytes: 0 }
  }

  #afterWrite(records: number, bytes: number): void {
    const transaction = this.#transaction
    if (transaction === undefined) return
    transaction.records += records
    transaction.bytes += bytes
    const isFull =
      transaction.records >= LIMITS.transactionRecordsMax ||
      transaction.bytes >= LIMITS.transactionBytesMax ||
      performance.now() - transaction.started >= LIMITS.transactionMsMax
    if (isFull || this.#options.signal.aborted) this.#commit()
    // A slow source (a pipe) must not keep others from writing.
    else this.#idle = setTimeout(() => this.#commitLate(), IDLE_COMMIT_MS)
  }

  #commitLate(): void {
    try {
      this.#commit()
    } catch (error) {
      this.#lateFailure = error
    }
  }

  #commit(): void {
    clearTimeout(this.#idle)
    if (this.#transaction === undefined) return
    this.#transaction = undefined
    this.#writer.commit()
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
  end: (ReadMessage & { kind: 'end' }) | undefined
  readonly claims: number[] = []

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

function addFates(total: Fates, more: Fates): void {
  total.lines += more.lines
  total.stored += more.stored
  total.duplicate += more.duplicate
  total.held += more.held
  total.dead += more.dead
  total.blank += more.blank
  total.expired += more.expired
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
