/**
 * Reads one source from its bytes to packed batches. Runs in a worker thread, or in the main one with one job.
 *
 * A reader first probes (what is it, where does its stream start), then reads from where the plan says; the plan's
 * cursor is used only after the bytes before it are proven to be the same.
 */
import type { DeadReason } from '../core/event.ts'
import type { PackedBatch } from '../core/packed.ts'
import { LIMITS } from '../limits.ts'
import type { ScorerFigures } from '../neutralize/score.ts'
import {
  type ByteStream,
  type Compression,
  detectCompression,
  openStream,
  type StreamEnd,
} from '../source/decompress.ts'
import { detectEncoding, type TextEncodingName, Utf16Transcoder } from '../source/encoding.ts'
import { type FileSystem, type OpenFile, openDescriptor, systemFiles } from '../source/files.ts'
import { PlainChunks, readAt, readOnce } from '../source/plain.ts'
import { type ForeignKind, headDigest, StreamProbe, sha256 } from '../source/probe.ts'
import type { ValueDictionary } from './batch-builder.ts'
import { RecordProcessor, type SourceTail } from './process-records.ts'
import type { ReadingStages } from './stages.ts'

export type Probe = {
  readonly compression: Compression
  readonly encoding: TextEncodingName
  readonly foreign: ForeignKind | undefined
  /** First bytes of the decompressed stream, at most 1 KiB. */
  readonly head: Uint8Array
}

/** A lineage that may be the one of this stream, best first. */
export type Candidate = {
  readonly sourceId: number
  readonly committedOffset: number
  /** Where reading goes on: the cursor, or the start of a broken end that may now be whole. */
  readonly startOffset: number
  /** The last batch holds the broken end of a file. */
  readonly isOpen: boolean
  /** Proof for plain files. */
  readonly tailDigest: Uint8Array
  /** Proof for streams that must be read from their start: ends (8 bytes, little-endian) and SHA-256 of all blocks. */
  readonly blockEnds: Float64Array
  readonly blockDigests: Uint8Array
}

export type ReadPlan = {
  readonly path: string
  readonly probe: Probe
  /** False for standard input and pipes: they are read once, without a look first, and to their end. */
  readonly isProbed: boolean
  readonly candidates: readonly Candidate[]
  readonly sensor: string | undefined
  readonly acceptEnriched: boolean
  /** The file will get no more lines. */
  readonly isFinished: boolean
  /** More may come at any moment: what ends without a line end is left for a later reading. */
  readonly isGrowing: boolean
  readonly nowUs: number
  readonly chunkBytes: number
  /** Raw bytes after which a batch is closed. */
  readonly batchBytes: number
}

/** What a reader says while it reads. */
export type ReadMessage =
  | { readonly kind: 'start'; readonly sourceId: number | undefined; readonly startOffset: number }
  | { readonly kind: 'batch'; readonly batch: PackedBatch; readonly tailDigest: Uint8Array }
  | {
      readonly kind: 'end'
      readonly tail: SourceTail
      readonly end: StreamEnd
      readonly withoutSensor: number
      /** What the rules did in this reader since it was made. */
      readonly scoring: ScorerFigures
      /** Rules that took too long since it was made, with those of the last batch. */
      readonly rulesOff: readonly string[]
      /** The stream ended exactly as it did when it was read before: nothing is new. */
      readonly isUnchanged: boolean
      /** The file was cut short or replaced while it was read: what came before is its old content, and there is more to see. */
      readonly isCut: boolean
    }

/** Another file stands at the path than the one that was looked at: nothing was read, look again. */
export class SourceReplaced extends Error {}

/** Looks at a file without a word about what is known of it. Reads on until it sees an event, to the end if need be. */
export async function probeSource(
  path: string,
  chunkBytes: number,
  files: FileSystem = systemFiles,
): Promise<Probe> {
  const file = files.open(path)
  const probe = new StreamProbe()
  let stream: ByteStream | undefined
  let compression: Compression
  try {
    const opened = openSource(file, 0, chunkBytes)
    stream = opened.stream
    compression = opened.compression
    for (;;) {
      const chunk = await stream.read()
      if (chunk === undefined) break
      if (probe.push(chunk)) break
    }
  } finally {
    await stream?.close()
    file.close()
  }
  const head = probe.head()
  // An archive torn before its first byte came out may hold anything.
  const isTornEmpty =
    probe.bytes === 0 && stream.end !== undefined && stream.end.kind !== 'complete'
  const foreign = isTornEmpty
    ? undefined
    : !probe.hasEvents || probe.isDatabase()
      ? probe.foreignKind()
      : probe.isEnriched()
        ? 'elasticsearch-enriched'
        : undefined
  return {
    compression,
    encoding: probe.encoding,
    foreign,
    head: Uint8Array.from(head.subarray(0, LIMITS.lineageHeadBytes)),
  }
}

/**
 * Reads a source as planned, all of it through one opened file. Throws what reading the file throws; bad content is never
 * an error.
 *
 * @throws SourceReplaced before anything of another file than the one that was probed was given out
 */
export async function* readSource(
  plan: ReadPlan,
  stages: ReadingStages,
  dictionary: ValueDictionary,
  files: FileSystem = systemFiles,
): AsyncGenerator<ReadMessage> {
  const file = plan.path === '-' ? openDescriptor(0) : files.open(plan.path)
  let isWhole = false
  try {
    yield* readOpened(file, plan, stages, dictionary)
    isWhole = true
  } finally {
    // Values of a batch that is not given out were never told to the writer.
    if (!isWhole) dictionary.reset()
    file.close()
  }
}

async function* readOpened(
  file: OpenFile,
  plan: ReadPlan,
  stages: ReadingStages,
  dictionary: ValueDictionary,
): AsyncGenerator<ReadMessage> {
  const isPlain = plan.probe.compression === 'none'
  const found = await findLineage(file, plan)
  const startOffset = found?.startOffset ?? 0
  yield { kind: 'start', sourceId: found?.sourceId, startOffset }

  const isStillSame = isPlain && found !== undefined ? () => provePlain(file, found) : undefined
  const opened = openSource(file, isPlain ? startOffset : 0, plan.chunkBytes, isStillSame)
  const { stream } = opened
  if (plan.isProbed && opened.compression !== plan.probe.compression) throw new SourceReplaced()
  // What cannot be read twice was not probed: its first bytes tell the encoding now.
  let first = plan.isProbed ? undefined : await stream.read()
  const encoding = first === undefined ? plan.probe.encoding : detectEncoding(first)
  const transcoder = encoding === 'utf-8' ? undefined : new Utf16Transcoder(encoding)
  const processor = new RecordProcessor({
    stages,
    nowUs: plan.nowUs,
    sensor: plan.sensor,
    acceptEnriched: plan.acceptEnriched,
    startOffset,
    dictionary,
    // Of a small file no large buffers are made.
    batchBytes: isPlain ? Math.min(plan.batchBytes, opened.bytes) : plan.batchBytes,
    inArray: startOffset > 0 && startsArray(plan.probe.head),
    ...(transcoder === undefined ? {} : { rawBytes: transcoder }),
  })
  const tail = new TailKeeper(startOffset)
  let toSkip = isPlain ? 0 : startOffset
  let streamEnd = isPlain ? startOffset : 0
  try {
    if (isPlain && startOffset > 0)
      tail.start(
        readAt(
          file,
          Math.max(0, startOffset - LIMITS.lineageTailBytes),
          Math.min(startOffset, LIMITS.lineageTailBytes),
        ),
      )
    for (;;) {
      let chunk = first ?? (await stream.read())
      first = undefined
      if (chunk === undefined) break
      if (plan.isProbed && !agreesWithHead(plan.probe.head, chunk, streamEnd))
        throw new SourceReplaced()
      streamEnd += chunk.length
      if (toSkip > 0) {
        const skipped = Math.min(toSkip, chunk.length)
        tail.push(chunk.subarray(0, skipped), true)
        toSkip -= skipped
        chunk = chunk.subarray(skipped)
        if (chunk.length === 0) continue
      }
      tail.push(chunk, false)
      for (const batch of processor.push(
        transcoder === undefined ? chunk : transcoder.push(chunk),
      )) {
        yield { kind: 'batch', batch, tailDigest: tail.digestAt(batch.endOffset) }
      }
    }
    const end = stream.end ?? { kind: 'complete', trailingBytes: 0 }
    const isCut = opened.chunks.isCut
    const { tailReason, regionReason } = endReasons(plan, end, isCut)
    const isUnchanged =
      found?.isOpen === true &&
      streamEnd === found.committedOffset &&
      (regionReason ?? tailReason) !== undefined
    const last =
      isCut || (plan.isGrowing && isPlain)
        ? processor.pause()
        : processor.finish(tailReason, regionReason, found?.isOpen === true)
    for (;;) {
      const step = last.next()
      if (step.done === true) {
        yield {
          kind: 'end',
          tail: isUnchanged ? { kind: 'none' } : step.value,
          end,
          withoutSensor: processor.recordsWithoutSensor,
          scoring: stages.scoring.figures(),
          rulesOff: stages.scoring.rules.rulesOff,
          isUnchanged,
          isCut,
        }
        return
      }
      // A broken end that is just as long as the one known is that one.
      if (isUnchanged && step.value.isOpen) continue
      yield { kind: 'batch', batch: step.value, tailDigest: tail.digestAt(step.value.endOffset) }
    }
  } finally {
    await stream.close()
  }
}

/** Whether a stream with this start is an array of records. @param head - its first bytes */
export function startsArray(head: Uint8Array): boolean {
  return STARTS_ARRAY.test(Buffer.from(head).toString('latin1'))
}

/** Whether a chunk of the stream is what was seen of it when it was probed. */
function agreesWithHead(head: Uint8Array, chunk: Uint8Array, offset: number): boolean {
  if (offset >= head.length) return true
  const seen = head.subarray(offset, offset + chunk.length)
  return Buffer.compare(seen, chunk.subarray(0, seen.length)) === 0
}

const STARTS_ARRAY = /^(?:\u00ef\u00bb\u00bf)?\s*\[\s*\{/

function endReasons(
  plan: ReadPlan,
  end: StreamEnd,
  isCut: boolean,
): { readonly tailReason: DeadReason | undefined; readonly regionReason: DeadReason | undefined } {
  if (isCut) return { tailReason: undefined, regionReason: undefined }
  if (end.kind === 'torn') return { tailReason: undefined, regionReason: 'torn-archive' }
  if (end.kind === 'bomb') return { tailReason: undefined, regionReason: 'bomb' }
  const isFinished = plan.isFinished || plan.probe.compression !== 'none' || !plan.isProbed
  return { tailReason: isFinished ? 'torn-line' : undefined, regionReason: undefined }
}

/** The first candidate whose bytes are proven to be the same; undefined for a new lineage. */
async function findLineage(file: OpenFile, plan: ReadPlan): Promise<Candidate | undefined> {
  if (!plan.isProbed) return undefined
  for (const candidate of plan.candidates) {
    const isSame =
      plan.probe.compression === 'none'
        ? provePlain(file, candidate)
        : await proveStream(file, candidate, plan.chunkBytes)
    if (isSame) return candidate
  }
  return undefined
}

/** Whether the bytes before a cursor are still those that were read. */
export function provePlain(
  file: OpenFile,
  cursor: { readonly committedOffset: number; readonly tailDigest: Uint8Array },
): boolean {
  const length = Math.min(cursor.committedOffset, LIMITS.lineageTailBytes)
  const bytes = readAt(file, cursor.committedOffset - length, length)
  return bytes.length === length && sha256(bytes).equals(cursor.tailDigest)
}

/** A compressed file is read from its start anyway: every block that was sealed must come out of it again. */
async function proveStream(
  file: OpenFile,
  candidate: Candidate,
  chunkBytes: number,
): Promise<boolean> {
  const { stream } = openSource(file, 0, chunkBytes)
  let block = 0
  let at = 0
  let pending: Uint8Array = new Uint8Array(0)
  try {
    while (block < candidate.blockEnds.length) {
      const chunk = await stream.read()
      if (chunk === undefined) return false
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      while (block < candidate.blockEnds.length) {
        const length = candidate.blockEnds[block]! - at
        if (pending.length < length) break
        if (
          !sha256(pending.subarray(0, length)).equals(
            candidate.blockDigests.subarray(block * 32, block * 32 + 32),
          )
        )
          return false
        pending = pending.subarray(length)
        at += length
        block += 1
      }
    }
    return true
  } finally {
    await stream.close()
  }
}

function openSource(
  file: OpenFile,
  offset: number,
  chunkBytes: number,
  isStillSame?: () => boolean,
): {
  readonly stream: ByteStream
  readonly compression: Compression
  readonly chunks: { readonly isCut: boolean }
  /** Bytes of the file from there on, at least 1; infinite for what is read once. */
  readonly bytes: number
} {
  // What grows while it is read is left for the next run: a plain file is read up to the size it has now.
  const stat = file.stat()
  const size = stat.kind === 'file' ? stat.size : undefined
  const head =
    size === undefined
      ? readOnce(file, Buffer.allocUnsafeSlow(chunkBytes), null)
      : readAt(file, 0, 6)
  const compression = detectCompression(head)
  const range = size === undefined ? head : { from: offset, to: size }
  const chunks = new PlainChunks(file, range, chunkBytes, isStillSame)
  return {
    stream: openStream(chunks, compression, {
      ratioMax: LIMITS.archiveRatioMax,
      outputBytesMax: LIMITS.archiveBytesMax,
    }),
    compression,
    chunks,
    bytes: size === undefined ? Number.POSITIVE_INFINITY : Math.max(1, size - offset),
  }
}

/** Keeps the last bytes of a stream, for the proof of lineage at the end of each batch. */
export class TailKeeper {
  #chunks: { readonly end: number; readonly bytes: Uint8Array }[] = []
  #end: number

  constructor(startOffset: number) {
    this.#end = startOffset
  }

  start(bytes: Uint8Array): void {
    this.#chunks = [{ end: this.#end, bytes }]
  }

  push(bytes: Uint8Array, isSkipped: boolean): void {
    // Skipped bytes lie before the start offset that counting began at.
    const end = isSkipped ? this.#end : this.#end + bytes.length
    if (isSkipped) {
      const before = this.#chunks.at(-1)?.bytes ?? new Uint8Array(0)
      const joined = Buffer.concat([before, bytes])
      this.#chunks = [
        { end, bytes: joined.subarray(Math.max(0, joined.length - LIMITS.lineageTailBytes)) },
      ]
      return
    }
    this.#end = end
    this.#chunks.push({ end, bytes })
    // A batch ends within the bytes not yet given out: at most one over-long record and a chunk behind the end.
    const needed = end - LIMITS.recordBytesMax - LIMITS.batchBytesMax - LIMITS.lineageTailBytes
    while (this.#chunks.length > 1 && this.#chunks[0]!.end < needed) this.#chunks.shift()
  }

  /** SHA-256 of the up to 4 KiB before an offset. */
  digestAt(offset: number): Uint8Array {
    return Uint8Array.from(sha256(this.bytesBefore(offset)))
  }

  /** The up to 4 KiB before an offset. */
  bytesBefore(offset: number): Buffer {
    const from = Math.max(0, offset - LIMITS.lineageTailBytes)
    const parts: Uint8Array[] = []
    for (const { end, bytes } of this.#chunks) {
      const start = end - bytes.length
      if (end <= from || start >= offset) continue
      parts.push(bytes.subarray(Math.max(0, from - start), Math.min(bytes.length, offset - start)))
    }
    // Older chunks are not needed for later batches.
    while (this.#chunks.length > 1 && this.#chunks[1]!.end <= from) this.#chunks.shift()
    return Buffer.concat(parts)
  }
}

export { headDigest }
