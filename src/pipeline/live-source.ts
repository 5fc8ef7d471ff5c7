/** A plain file that is kept open and read as it grows. */

import type { DeadReason } from '../core/event.ts'
import type { InstantUs } from '../core/instant.ts'
import type { PackedBatch } from '../core/packed.ts'
import { Rate } from '../core/rate.ts'
import { LIMITS } from '../limits.ts'
import { isSystemError } from '../source/discover.ts'
import { type FileStat, inodeOf, type OpenFile } from '../source/files.ts'
import { PlainChunks, readAt } from '../source/plain.ts'
import type { LineageProof, SourceRecord } from '../store/port.ts'
import type { ValueDictionary } from './batch-builder.ts'
import { RecordProcessor, type SourceTail } from './process-records.ts'
import { provePlain, startsArray, TailKeeper } from './reader.ts'
import type { ReadingStages } from './stages.ts'

/** What one reading of what is new found. */
export type Growth =
  /** The file is no longer the one that was read: cut short, written anew, out of reach. Nothing was taken. */
  | { readonly kind: 'cut' }
  | {
      readonly kind: 'read'
      readonly batches: readonly { readonly batch: PackedBatch; readonly proof: LineageProof }[]
      readonly tail: SourceTail
      /** Where it was read to; the next reading goes on behind the last batch. */
      readonly readTo: number
    }

export type GrowthOptions = {
  readonly stages: ReadingStages
  readonly dictionary: ValueDictionary
  readonly nowUs: InstantUs
  readonly acceptEnriched: boolean
  /** Bytes to read at most. */
  readonly bytesMax: number
  /**
   * What becomes of an end without a line end: `wait` leaves it, `take` takes it when it is one whole object, a reason
   * makes the rest a dead letter.
   */
  readonly ending: 'wait' | 'take' | DeadReason
}

/**
 * The open file is the identity: while it is open its inode is not given to another file, whatever becomes of its names.
 * Its content may change all the same, so each reading proves that the bytes before its cursor are still there.
 */
export class LiveSource {
  readonly sourceId: number
  readonly sensor: string | undefined
  readonly sensorOverride: string
  /** Device and inode. */
  readonly key: string
  /** Names that lead to it; empty when all were taken away. */
  readonly paths = new Set<string>()
  /** The newest name, kept when it is gone. */
  path: string
  /** Behind the last byte that is stored. */
  offset: number
  /** As it was when it was last looked at. */
  stat: FileStat
  /** Monotonic milliseconds: when it last grew, and when its last name went. */
  grownAtMs: number
  goneAtMs: number | undefined
  /** Size at which nothing whole lay behind the cursor; a last try at its end was made; its end was given up as torn. */
  partialAt = -1
  endTriedAt = -1
  endClosedAt = -1
  /** Monotonic milliseconds before which it is left to another loader that has it. */
  blockedUntilMs = Number.NEGATIVE_INFINITY
  /** Bytes that a reading needs at least to find a whole record. */
  bytesNeeded = 0
  /** Of the newest events, where they name one. */
  sensorSeen = ''
  /** It grew since it was opened. */
  hasGrown = false
  /** The store says that bytes wait behind its cursor. */
  hasToldPending = false
  readonly rate = new Rate(LIMITS.rateMs)
  /** Time of its newest event. */
  lastEventUs: InstantUs | undefined
  /** How far that lay behind the clock when it was read as it came, milliseconds. */
  skewMs: number | undefined
  /** Monotonic milliseconds from which on a change must show in its time; undefined when it was looked at since then. */
  #doubtedUntilMs: number | undefined
  readonly #file: OpenFile
  #head: Uint8Array = new Uint8Array(0)
  #tail: Uint8Array = new Uint8Array(0)
  /** What will stand before the cursor when the last reading is stored. */
  #nextTail: Uint8Array = new Uint8Array(0)

  private constructor(
    file: OpenFile,
    stat: FileStat,
    source: SourceRecord,
    path: string,
    sensor: string | undefined,
    nowMs: number,
  ) {
    this.#file = file
    this.stat = stat
    this.key = inodeOf(stat)
    this.sourceId = source.id
    this.sensor = sensor
    this.sensorOverride = source.sensorOverride
    this.path = path
    this.offset = source.open?.startOffset ?? source.committedOffset
    this.grownAtMs = nowMs
    this.#doubtedUntilMs = nowMs + LIMITS.fileTickMs
    this.#align()
  }

  /**
   * @param file - opened by the caller; closed by this object, or by the caller when it is refused
   * @returns undefined when the bytes before the cursor are not those that were stored
   * @throws what reading the file throws
   */
  static from(
    file: OpenFile,
    source: SourceRecord,
    path: string,
    sensor: string | undefined,
    nowMs: number,
  ): LiveSource | undefined {
    const stat = file.stat()
    if (stat.kind !== 'file' || !provePlain(file, source)) return undefined
    const live = new LiveSource(file, stat, source, path, sensor, nowMs)
    // What was read to align it must be of the same content.
    return provePlain(file, source) ? live : undefined
  }

  /**
   * Looks how long it is, and whether it is still the same where that is in doubt: when it was written to and is as long
   * as before, and once when its clock has moved on since the last change that was seen. What was written within that
   * tick shows in no time.
   *
   * @returns false when it is another one now, or can no longer be read
   */
  look(nowMs: number): boolean {
    const before = this.stat
    try {
      this.stat = this.#file.stat()
      const hasGrown = this.stat.size !== before.size
      const isWritten = this.stat.mtimeNs !== before.mtimeNs
      if (hasGrown) this.grownAtMs = nowMs
      this.hasGrown ||= hasGrown
      if (hasGrown || isWritten) this.#doubtedUntilMs = nowMs + LIMITS.fileTickMs
      if (hasGrown) return true
      if (nowMs >= (this.#doubtedUntilMs ?? Number.POSITIVE_INFINITY))
        this.#doubtedUntilMs = undefined
      else if (!isWritten) return true
      return this.#isProven()
    } catch (error) {
      if (!isSystemError(error)) throw error
      return false
    }
  }

  /**
   * Makes sure that reading goes on where the store stands: another reader may have taken a part from a copy.
   *
   * @returns false when this file is not what the store has, or can no longer be read
   */
  alignWith(source: SourceRecord): boolean {
    const offset = source.open?.startOffset ?? source.committedOffset
    if (offset === this.offset) return true
    try {
      if (!provePlain(this.#file, source)) return false
      this.offset = offset
      this.#align()
      return provePlain(this.#file, source)
    } catch (error) {
      if (!isSystemError(error)) throw error
      return false
    }
  }

  /** Reads what is new, up to a bound. */
  read(options: GrowthOptions): Growth {
    const { offset } = this
    const to = Math.min(this.stat.size, offset + options.bytesMax)
    const chunks = new PlainChunks(this.#file, { from: offset, to }, options.bytesMax, () =>
      this.#isProven(),
    )
    const tail = new TailKeeper(offset)
    tail.start(this.#tail)
    const processor = new RecordProcessor({
      stages: options.stages,
      nowUs: options.nowUs,
      sensor: this.sensor,
      acceptEnriched: options.acceptEnriched,
      startOffset: offset,
      dictionary: options.dictionary,
      batchBytes: Math.min(Math.max(to - offset, 1), LIMITS.batchBytesMax),
      inArray: offset > 0 && startsArray(this.#head),
    })
    // All of it is read and proven before any of it is taken: the cursor stays where it is until then.
    const pieces: Uint8Array[] = []
    try {
      pieces.push(...chunks)
    } catch (error) {
      if (!isSystemError(error)) throw error
      return { kind: 'cut' }
    }
    if (chunks.isCut) return { kind: 'cut' }
    if (offset < LIMITS.lineageHeadBytes)
      this.#head = Buffer.concat([this.#head.subarray(0, offset), ...pieces]).subarray(
        0,
        LIMITS.lineageHeadBytes,
      )
    const batches: { readonly batch: PackedBatch; readonly proof: LineageProof }[] = []
    const add = (batch: PackedBatch): void => {
      const proof = { head: this.#head, tailDigest: tail.digestAt(batch.endOffset) }
      batches.push({ batch, proof })
      this.#nextTail = tail.bytesBefore(batch.endOffset)
    }
    let readTo = offset
    for (const piece of pieces) {
      tail.push(piece, false)
      readTo += piece.length
      for (const batch of processor.push(piece)) add(batch)
    }
    const { ending } = options
    const last =
      ending === 'wait'
        ? processor.pause()
        : processor.finish(ending === 'take' ? undefined : ending, undefined)
    for (;;) {
      const step = last.next()
      if (step.done === true) return { kind: 'read', batches, tail: step.value, readTo }
      add(step.value)
    }
  }

  /** The batches of the last reading are stored. @param offset - where the last of them ends */
  advance(offset: number): void {
    this.offset = offset
    this.#tail = this.#nextTail
  }

  close(): void {
    this.#file.close()
  }

  #align(): void {
    this.#head = readAt(this.#file, 0, Math.min(this.offset, LIMITS.lineageHeadBytes))
    this.#tail = this.#bytesBefore(this.offset)
  }

  #isProven(): boolean {
    return Buffer.compare(this.#bytesBefore(this.offset), this.#tail) === 0
  }

  #bytesBefore(offset: number): Uint8Array {
    const length = Math.min(offset, LIMITS.lineageTailBytes)
    return readAt(this.#file, offset - length, length)
  }
}
