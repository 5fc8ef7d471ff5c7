/**
 * What loads of every kind share: one file after the other becomes batches, batches become transactions.
 */
import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
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
import { type FoundFile, failureOf, isSystemError, type PathFailure } from '../source/discover.ts'
import type { FileStat, FileSystem } from '../source/files.ts'
import { headDigest } from '../source/probe.ts'
import type {
  BatchWriter,
  Fates,
  FileRecord,
  LineageProof,
  LineageStore,
  SourceRecord,
  SourceState,
  SourceUpdate,
} from '../store/port.ts'
import { addFates, noFates } from './fates.ts'
import {
  type Candidate,
  type Probe,
  provePlain,
  type ReadMessage,
  SourceReplaced,
} from './reader.ts'
import type { Reader } from './reader-pool.ts'

export type LoadRunOptions = {
  /** Sensor given for all files; visible form. */
  readonly sensor: string | undefined
  /** Sensor from the configuration, by path. */
  readonly sensorOf: (path: string) => string | undefined
  readonly acceptEnriched: boolean
  readonly dryRun: boolean
  readonly clock: () => InstantUs
  readonly signal: AbortSignal
  readonly chunkBytes: number
  readonly files: FileSystem
  readonly signingKey: SigningKey
  /** Told of rules that were switched off because they took too long; called between two transactions. */
  readonly onRulesOff?: ((ruleIds: readonly string[]) => Promise<void>) | undefined
  /** Told of each batch when it is committed, in the order of each reader. */
  readonly onCommitted?: ((readerId: number, batch: PackedBatch, fates: Fates) => void) | undefined
}

/** How a file is read. */
export type FileManner = {
  /** The file will get no more lines. */
  readonly isFinished: boolean
  /** It may grow at any moment: what ends without a line end is left. */
  readonly isGrowing: boolean
  /** Where another loader reads the same source: wait for it, or leave the file for later. */
  readonly mayWait: boolean
  /** Read only what goes on with a source that the store knows. */
  readonly onlyKnown: boolean
  /** Its content was found to be another one: it is read, though nothing else tells it from what was read before. */
  readonly isDoubted: boolean
  /** Raw bytes after which a batch is closed. */
  readonly batchBytes: number
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

/** What became of a file. */
export type FileOutcome =
  | {
      readonly kind: 'source'
      readonly report: SourceReport
      /** Undefined where nothing of it is stored. */
      readonly sourceId: number | undefined
      /** As it was before it was read; undefined for what is read once. */
      readonly stat: FileStat | undefined
      /** Undefined when it was not opened. */
      readonly probe: Probe | undefined
      /** It was cut short or replaced while it was read: look again. */
      readonly isCut: boolean
    }
  | { readonly kind: 'foreign'; readonly foreign: string; readonly stat: FileStat | undefined }
  | { readonly kind: 'failed'; readonly failure: PathFailure }
  /** Another loader reads it, or it was replaced while it was looked at: later. */
  | { readonly kind: 'later' }
  /** No part of a source that is known, and only such were asked for. */
  | { readonly kind: 'skipped' }
  /** The load is to end; what was read so far is in the report. */
  | { readonly kind: 'stopped'; readonly report: SourceReport }

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

/** The open transaction of a load, what it has taken, and what it has counted. */
export class LoadRun {
  readonly #options: LoadRunOptions
  readonly #store: LineageStore
  readonly #writer: BatchWriter
  readonly #notices: string[] = []
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
  #written: Written[] = []
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

  constructor(options: LoadRunOptions, store: LineageStore, writer: BatchWriter) {
    this.#options = options
    this.#store = store
    this.#writer = writer
  }

  /** Records and bytes read so far. */
  get lines(): number {
    return this.#lines
  }

  get bytes(): number {
    return this.#bytes
  }

  /** What a person should know. */
  notices(): readonly string[] {
    const notices = [...this.#notices]
    if (this.#hostile.rulesOff.length > 0)
      notices.push(
        `Rules that took too long were switched off for the rest of this load: ${this.#hostile.rulesOff.join(', ')}.`,
      )
    if (this.#withoutSensor > 0)
      notices.push(
        `${this.#withoutSensor} records name no sensor and stand under "unknown"; --sensor NAME gives them one.`,
      )
    return notices
  }

  /** What the layer against hostile content did so far. */
  hostile(): HostileFigures {
    const sum = { ...this.#hostile }
    for (const figures of this.#scoring.values()) {
      sum.texts += figures.texts
      sum.cacheHits += figures.cacheHits
      sum.matchUs += Math.round(figures.matchUs)
      sum.slowTexts += figures.slowTexts
    }
    return sum
  }

  /**
   * Reads one file, as far as it goes; yields after each batch that was handed to the writer.
   *
   * @returns what became of it. The fates in its report are known when `commit` has run
   * @throws OperatingError of the store
   */
  async *load(
    file: FoundFile,
    reader: Reader,
    manner: FileManner,
  ): AsyncGenerator<undefined, FileOutcome> {
    try {
      return yield* this.#load(file, reader, manner)
    } catch (error) {
      if (error instanceof SourceReplaced) return { kind: 'later' }
      if (error instanceof OperatingError || !isSystemError(error)) throw error
      return { kind: 'failed', failure: failureOf(file.path, error) }
    }
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

  async *#load(
    file: FoundFile,
    reader: Reader,
    manner: FileManner,
  ): AsyncGenerator<undefined, FileOutcome> {
    const { chunkBytes, files } = this.#options
    const sensor = this.#options.sensor ?? this.#options.sensorOf(file.realPath)
    const sensorOverride = sensor ?? ''
    const lookedAtUs = this.#options.clock()
    const stat = file.path === '-' ? undefined : files.stat(file.realPath)
    const isRegular = stat?.kind === 'file'
    const known = isRegular ? await this.#store.findFile(file.realPath, sensorOverride) : undefined
    const isFinished = isRegular && manner.isFinished
    const isWanted = known?.foreignKind === ENRICHED && this.#options.acceptEnriched
    if (
      known !== undefined &&
      !isWanted &&
      !manner.isDoubted &&
      stat !== undefined &&
      isSameFile(known, stat) &&
      (known.isFinished || !isFinished)
    )
      return this.#unchanged(file, known, sensorOverride, stat)
    const probe: Probe = isRegular
      ? await reader.probe(file.realPath, chunkBytes)
      : { compression: 'none', encoding: 'utf-8', foreign: undefined, head: new Uint8Array(0) }
    const claims: string[] = []
    const candidates = isRegular
      ? await this.#claimCandidates(
          file.realPath,
          probe,
          sensorOverride,
          known,
          claims,
          manner.mayWait,
        )
      : []
    if (candidates === undefined) return { kind: 'later' }
    const isTaken =
      probe.foreign === undefined || (probe.foreign === ENRICHED && this.#options.acceptEnriched)
    if (candidates.length === 0 && (!isTaken || manner.onlyKnown)) {
      for (const name of claims) await this.#release(name)
      if (manner.onlyKnown) return { kind: 'skipped' }
      // A file that others fill (a text log) is not written about each time it grows.
      if (!manner.isGrowing || known?.foreignKind !== probe.foreign)
        await this.#saveForeign(file, probe, sensorOverride, stat && keptStat(stat, lookedAtUs))
      return { kind: 'foreign', foreign: probe.foreign!, stat }
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
      isGrowing: manner.isGrowing,
      nowUs: this.#options.clock(),
      chunkBytes,
      batchBytes: manner.batchBytes,
    })
    const source = new SourceRun(file, report, probe, sensorOverride)
    source.claims.push(...claims)
    try {
      for await (const message of reading) {
        if (message.kind === 'start' && message.sourceId === undefined && manner.onlyKnown)
          return { kind: 'skipped' }
        await this.#take(message, source, reader)
        // Plain files are read and stored without a wait in between: signals and timers get their turn here.
        await nextTurn()
        if (this.#options.signal.aborted && message.kind !== 'end')
          return { kind: 'stopped', report }
        if (message.kind === 'batch') yield
      }
      await this.#close(source, stat && keptStat(stat, lookedAtUs))
    } finally {
      // What others may read from now on must be there to be found.
      if (source.claims.length > 0 && this.#lateFailure === undefined) await this.#letGo(source)
    }
    const isCut = source.end?.isCut === true
    return { kind: 'source', report, sourceId: source.id, stat, probe, isCut }
  }

  /**
   * Takes a source that is read through an open file; until the next commit, or until `release`.
   *
   * @returns false while another loader has it
   */
  async take(sourceId: number): Promise<boolean> {
    const name = CLAIM.source(sourceId)
    if (this.#busy.has(name)) return false
    this.#busy.add(name)
    if (await this.#store.claim(name)) return true
    this.#busy.delete(name)
    return false
  }

  /** Gives a source back: after the next commit where a transaction is open. */
  async giveBack(sourceId: number): Promise<void> {
    const name = CLAIM.source(sourceId)
    if (this.#transaction !== undefined) this.#held.push(name)
    else await this.#release(name)
  }

  /**
   * Writes one batch of a source that is taken.
   *
   * @param target - is told its fates when they are committed
   */
  async writeBatch(
    sourceId: number,
    reader: Pick<Reader, 'id'>,
    batch: PackedBatch,
    proof: LineageProof,
    target: Fates,
  ): Promise<void> {
    await this.#countBatch(batch)
    await this.#write(batch.records, batch.endOffset - batch.startOffset, async () => {
      await this.#writer.write(sourceId, reader.id, batch, proof)
      this.#wrote(target, reader.id, batch)
    })
  }

  /** How a source stands that is read through an open file. */
  async update(sourceId: number, update: SourceUpdate, file?: FileRecord): Promise<void> {
    await this.#write(0, 0, async () => {
      await this.#writer.finishSource(sourceId, update)
      if (file !== undefined) await this.#writer.saveFile(file)
    })
  }

  /** Commits what was written, if anything was. @throws OperatingError of the store */
  async commit(): Promise<void> {
    await this.#exclusively(() => this.#commit())
    if (this.#lateFailure !== undefined) throw this.#lateFailure
  }

  noteScoring(reader: Pick<Reader, 'id'>, figures: ScorerFigures): void {
    this.#scoring.set(reader.id, figures)
  }

  /**
   * Finds the lineages that may be meant and takes them; waits for whoever reads one of them now. Where there is none,
   * takes the start of the file itself: two loaders that meet the same new file must not both begin it.
   *
   * @returns undefined when it would have to wait and may not
   */
  async #claimCandidates(
    realPath: string,
    probe: Probe,
    sensorOverride: string,
    known: FileRecord | undefined,
    claims: string[],
    mayWait: boolean,
  ): Promise<Candidate[] | undefined> {
    const digests = new Map<number, string>()
    for (;;) {
      const candidates = await this.#candidates(realPath, probe, sensorOverride, known, digests)
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
        const now = await this.#candidates(realPath, probe, sensorOverride, known, digests)
        const taken = new Set(candidates.map(({ sourceId }) => sourceId))
        if (now.length === taken.size && now.every(({ sourceId }) => taken.has(sourceId)))
          return now
      }
      for (const name of claims.splice(0)) await this.#release(name)
      if (this.#options.signal.aborted) return []
      if (!mayWait) return undefined
      // What was written meanwhile must not wait for this reader.
      await this.#exclusively(() => this.#commit())
      if (!isOwn) await new Promise((resolve) => setTimeout(resolve, CLAIM_POLL_MS))
    }
  }

  async #release(name: string): Promise<void> {
    this.#busy.delete(name)
    await this.#store.release(name)
  }

  async #unchanged(
    file: FoundFile,
    known: FileRecord,
    sensorOverride: string,
    stat: FileStat,
  ): Promise<FileOutcome> {
    if (known.foreignKind !== null) return { kind: 'foreign', foreign: known.foreignKind, stat }
    const source = known.sourceId === null ? undefined : await this.#store.source(known.sourceId)
    const report: SourceReport = {
      path: toVisible(file.path),
      sensor: sensorOverride,
      format: 'as before',
      state: 'unchanged',
      end: source?.state ?? 'complete',
      bytes: 0,
      ...noFates(),
      pendingBytes: source?.pendingBytes ?? 0,
    }
    return { kind: 'source', report, sourceId: source?.id, stat, probe: undefined, isCut: false }
  }

  async #candidates(
    realPath: string,
    probe: Probe,
    sensorOverride: string,
    known: FileRecord | undefined,
    digests: Map<number, string>,
  ): Promise<Candidate[]> {
    const digestOf = (length: number): string => {
      const digest = digests.get(length) ?? toHex(headDigest(probe.head, length))
      digests.set(length, digest)
      return digest
    }
    const lengths = await this.#store.headLengths(sensorOverride)
    const heads = [
      ...lengths.filter((length) => length <= probe.head.length),
      LIMITS.lineageHeadBytes,
    ]
      .filter((length) => length > 0 && length <= probe.head.length)
      .map((length) => ({ length, digest: digestOf(length) }))
    const sources = this.#likely(
      realPath,
      probe,
      await this.#store.findByHead(sensorOverride, heads),
    )
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

  /**
   * Leaves out what has the same start and is another content all the same: whoever copies and cuts a log that its writer
   * does not append to gets files that all begin with zeros.
   */
  #likely(realPath: string, probe: Probe, sources: readonly SourceRecord[]): SourceRecord[] {
    if (sources.length < 2) return [...sources]
    if (probe.compression !== 'none') return sources.slice(0, LIMITS.lineageArchivesMax)
    const file = this.#options.files.open(realPath)
    try {
      return sources.filter((source) => provePlain(file, source))
    } finally {
      file.close()
    }
  }

  async #saveForeign(
    file: FoundFile,
    probe: Probe,
    sensorOverride: string,
    stat: FileStat | undefined,
  ): Promise<void> {
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
    await this.#countBatch(batch)
    const bytes = batch.endOffset - batch.startOffset
    report.bytes += bytes
    source.records += batch.records
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
        this.#wrote(report, reader.id, batch)
      })
    }
  }

  #wrote(target: Fates, readerId: number, batch: PackedBatch): void {
    // A batch is large: it is only kept where somebody asks for it.
    const isWanted = this.#options.onCommitted !== undefined
    this.#written.push({ target, readerId, batch: isWanted ? batch : undefined })
  }

  async #countBatch(batch: PackedBatch): Promise<void> {
    this.#bytes += batch.endOffset - batch.startOffset
    this.#lines += batch.records
    this.#countHostile(batch)
    await this.#noteRulesOff(batch.rulesOff)
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

  async #close(source: SourceRun, stat: FileStat | undefined): Promise<void> {
    const { end, report } = source
    if (end === undefined) return
    report.pendingBytes = end.tail.kind === 'pending' ? end.tail.bytes : 0
    const endKind = end.end.kind
    report.end =
      endKind === 'torn'
        ? 'torn'
        : endKind === 'bomb'
          ? 'bomb'
          : end.tail.kind === 'open' || end.isUnchanged
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
        // A file that was cut meanwhile is no longer the one that was looked at.
        if (stat?.kind === 'file' && !end.isCut) {
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
    written.forEach(({ target, batch, readerId }, i) => {
      addFates(target, fates[i]!)
      if (batch !== undefined) this.#options.onCommitted?.(readerId, batch, fates[i]!)
    })
    for (const name of this.#held.splice(0)) await this.#release(name)
  }
}

/** A batch of the open transaction, and who is told its fates. */
type Written = {
  readonly target: Fates
  readonly readerId: number
  readonly batch: PackedBatch | undefined
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

/** Whether nothing tells two looks at a file apart. */
export function isSameFile(a: Omit<FileStat, 'kind'>, b: Omit<FileStat, 'kind'>): boolean {
  return (
    a.device === b.device &&
    a.inode === b.inode &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  )
}

/**
 * What is kept of a look at a file, to know it by when it is looked at next. What was written to a moment ago may be
 * written to again within the same tick of its clock, with the same length: it is to be told from any later look.
 */
function keptStat(stat: FileStat, lookedAtUs: InstantUs): FileStat {
  const sinceMs = lookedAtUs / 1000 - Number(BigInt(stat.mtimeNs) / 1_000_000n)
  return Math.abs(sinceMs) < LIMITS.fileTickMs ? { ...stat, ctimeNs: '0' } : stat
}

export function fileRecord(
  file: Pick<FoundFile, 'realPath'>,
  sensorOverride: string,
  stat: FileStat,
  sourceId: number | null,
  foreignKind: string | null,
  isFinished: boolean,
): FileRecord {
  return {
    path: file.realPath,
    sensorOverride,
    sourceId,
    device: stat.device,
    inode: stat.inode,
    size: stat.size,
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    foreignKind,
    isFinished,
  }
}
