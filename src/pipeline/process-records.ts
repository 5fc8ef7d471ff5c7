/**
 * The stages put together: a stream of bytes becomes sealed, packed batches. The whole of an ingest, up to the commit,
 * can be read here.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { blake3Tagged, blake3TaggedText } from '../core/blake3.ts'
import { type DeadReason, FLAGS } from '../core/event.ts'
import { eventClassOf } from '../core/event-class.ts'
import type { InstantUs } from '../core/instant.ts'
import { type PlainObject, parseJson } from '../core/json.ts'
import type { PackedBatch } from '../core/packed.ts'
import { collectYoung } from '../core/young-gc.ts'
import { type ByteFacts, byteFacts, type DecodedEvent, decode, treeOf } from '../decode/decode.ts'
import { type Frame, Framer } from '../decode/framer.ts'
import { LIMITS } from '../limits.ts'
import { Description, describe } from '../neutralize/describe.ts'
import { printView, withTextForms } from '../neutralize/neutralize.ts'
import { notesOf, type Redaction } from '../neutralize/pii/index.ts'
import { recordLeaf } from '../seal/records.ts'
import { payloadHash, rowDigest } from '../seal/view.ts'
import { unknownFieldsOf, type ValidEvent, validate } from '../validate/validate.ts'
import { BatchBuilder, type BuiltEvent, type ValueDictionary } from './batch-builder.ts'
import type { ReadingStages } from './stages.ts'

export type ProcessOptions = {
  readonly stages: ReadingStages
  readonly nowUs: InstantUs
  /** Sensor of all records; undefined takes each record's own. */
  readonly sensor: string | undefined
  readonly acceptEnriched: boolean
  /** Offset of the first byte handed over, in the raw stream. */
  readonly startOffset: number
  readonly dictionary: ValueDictionary
  /** Raw bytes after which a batch is closed, at most `LIMITS.batchBytesMax`. */
  readonly batchBytes?: number
  /** Reading goes on inside an array. */
  readonly inArray?: boolean
  /** Raw bytes of each text byte sequence: 1 for UTF-8; UTF-16 is transcoded before it comes here. */
  readonly rawBytes?: RawBytes
}

/** Gives back the raw bytes behind the next text bytes, for sources that are transcoded. */
export type RawBytes = { take(text: Uint8Array): Uint8Array; rest(): Uint8Array }

export const UNKNOWN_SENSOR = 'unknown'

/** What ends a source. */
export type SourceTail =
  | { readonly kind: 'none' }
  | { readonly kind: 'pending'; readonly bytes: number }
  | { readonly kind: 'open'; readonly reason: DeadReason }

const CANONICAL = 0x00
const NOT_UTF8_MARK = Uint8Array.of(0xff)

/** Turns the bytes of one source into batches. One object for each reading of a source. */
export class RecordProcessor {
  readonly #options: ProcessOptions
  readonly #framer: Framer
  #batches = 0
  readonly #description = new Description()
  #builder: BatchBuilder
  #chunkFacts: ByteFacts = 'plain-ascii'
  /** Facts hold for the buffer only while it is one chunk; what was joined is looked at record by record. */
  #factsBuffer: Uint8Array | undefined
  /** Records without a sensor of their own; reported once. */
  recordsWithoutSensor = 0
  readonly #event: BuiltEvent = {
    eventTimeUs: 0,
    flags: 0,
    eventid: '',
    eventClass: 0,
    session: '',
    sensor: '',
    digest: new Uint8Array(0),
    rowDigest: new Uint8Array(0),
    notes: '',
    verdict: undefined,
  }

  constructor(options: ProcessOptions) {
    this.#options = options
    this.#framer = new Framer(options.startOffset, options.inArray ?? false)
    this.#builder = this.#builderFrom(options.startOffset)
  }

  /** Takes bytes that stay unchanged. @returns the batches they complete, one at a time */
  *push(chunk: Uint8Array): Generator<PackedBatch> {
    this.#framer.push(chunk)
    const buffer = this.#framer.buffer
    this.#factsBuffer = buffer
    this.#chunkFacts = byteFacts(buffer, isAscii, isUtf8)
    // UTF-8 as a whole says nothing of a record only when a sequence is cut at the end of the buffer.
    yield* this.#drain()
  }

  /**
   * The stream has ended.
   *
   * @param tailReason - what an unfinished last record is: `undefined` leaves it pending
   * @param regionReason - a region to open at the end even when no bytes are left (a torn archive)
   * @param closesOpen - an earlier reading left a broken end here: a batch must say that it is whole, even an empty one
   */
  *finish(
    tailReason: DeadReason | undefined,
    regionReason: DeadReason | undefined,
    closesOpen = false,
  ): Generator<PackedBatch, SourceTail> {
    this.#framer.finish()
    yield* this.#drain()
    const tail = this.#framer.tail()
    const bytes = this.#framer.buffer.subarray(tail.start, tail.end)
    const rest = this.#options.rawBytes?.rest()
    const raw = rest ?? bytes
    let left = raw.length
    if (
      left > 0 &&
      tailReason !== undefined &&
      regionReason === undefined &&
      isBlankText(bytes) &&
      bytes.length > 0
    ) {
      // Blanks without a line end, and nothing will follow: a blank record.
      this.#builder.seal(raw, undefined)
      this.#builder.addBlank()
      left = 0
    }
    const reason = regionReason ?? (left > 0 ? tailReason : undefined)
    if (!this.#builder.isEmpty || (closesOpen && this.#batches === 0 && reason === undefined))
      yield this.#next(false)
    if (reason === undefined) return left > 0 ? { kind: 'pending', bytes: left } : { kind: 'none' }
    const start = this.#builder.endOffset
    for (let at = 0; at < raw.length; at += LIMITS.blockBytes) {
      this.#builder.seal(raw.subarray(at, Math.min(raw.length, at + LIMITS.blockBytes)), undefined)
    }
    this.#builder.addDead(reason, start, this.#builder.endOffset, 1, DETAILS[reason] ?? '', true)
    yield this.#next(true)
    return { kind: 'open', reason }
  }

  /** There is no more for now: gives out what is whole and leaves the rest to a later reading. */
  *pause(): Generator<PackedBatch, SourceTail> {
    if (!this.#builder.isEmpty) yield this.#next(false)
    const tail = this.#framer.tail()
    const bytes = this.#options.rawBytes?.rest().length ?? tail.end - tail.start
    return bytes > 0 ? { kind: 'pending', bytes } : { kind: 'none' }
  }

  *#drain(): Generator<PackedBatch> {
    while (this.#framer.next()) {
      this.#take(this.#framer.frame)
      if (this.#builder.isFull) yield this.#next(false)
    }
  }

  #next(isOpen: boolean): PackedBatch {
    const { scoring } = this.#options.stages
    const batch = this.#builder.finish(isOpen, scoring.rules)
    scoring.settle()
    this.#batches += 1
    collectYoung(this.#options.batchBytes ?? LIMITS.batchBytesMax)
    this.#builder = this.#builderFrom(batch.endOffset)
    return batch
  }

  #builderFrom(startOffset: number): BatchBuilder {
    const { batchBytes, dictionary, stages } = this.#options
    return new BatchBuilder(startOffset, dictionary, stages.needs, stages.recipient, batchBytes)
  }

  #take(frame: Frame): void {
    if (frame.kind === 'record') {
      this.#takeRecord(frame)
      return
    }
    const start = this.#builder.endOffset
    this.#sealFrame(frame, undefined)
    if (frame.kind === 'blank') this.#builder.addBlank()
    else
      this.#builder.addDead(
        frame.reason,
        start,
        this.#builder.endOffset,
        frame.records,
        DETAILS[frame.reason] ?? '',
        frame.kind === 'segment',
      )
  }

  #takeRecord(frame: Frame): void {
    const buffer = this.#framer.buffer as Buffer
    const json = Buffer.from(
      buffer.buffer,
      buffer.byteOffset + frame.jsonStart,
      frame.jsonEnd - frame.jsonStart,
    )
    const facts = this.#factsOf(json)
    const decoded = decode(json, facts, this.#options)
    if (!decoded.ok) {
      if (decoded.isSyntax && frame.guessed) {
        if (this.#framer.retry()) this.#take(this.#framer.frame)
        return
      }
      this.#kill(frame, decoded.reason)
      return
    }
    const valid = validate(decoded.object, this.#options.stages.registry, this.#options.nowUs)
    if (!valid.ok) {
      this.#kill(frame, valid.reason)
      return
    }
    const event = this.#event
    event.eventTimeUs = valid.eventTimeUs
    event.flags = decoded.flags | valid.flags | (frame.nulPadding ? FLAGS['nul-padding'] : 0)

    let view: PlainObject = decoded.object
    let payload: string | Uint8Array
    let hash: Uint8Array
    let leaf: Uint8Array | undefined
    const redacted = this.#redact(decoded, valid)
    const isPlain = decoded.isClean && valid.asText === undefined && redacted === undefined
    if (isPlain) {
      // The view is the canonical form: one hash serves the digest and the row, and the record where it is the same.
      payload = decoded.isRecord ? json : decoded.canonical!
      hash = decoded.isRecord
        ? blake3Tagged(CANONICAL, json)
        : blake3TaggedText(
            CANONICAL,
            decoded.canonical!,
            facts === 'plain-ascii' && decoded.tree === undefined,
          )
      event.digest = hash.subarray(0, 16)
      if (decoded.isRecord && this.#isWholeRecord(frame)) leaf = hash
    } else {
      const printed =
        redacted === undefined
          ? printView(decoded.tree ?? treeOf(decoded.canonical!), valid.asText)
          : printView(redacted.tree, undefined)
      event.flags |= printed.flags | (redacted === undefined ? 0 : FLAGS.redacted)
      view = parseJson(printed.payload) as PlainObject // printed from a tree of kind object
      payload = printed.payload
      const payloadBytes = Buffer.from(payload)
      hash = payloadHash(payloadBytes)
      // What was taken out is still a part of the event's identity.
      const isChanged = valid.asText !== undefined || redacted !== undefined
      event.digest = this.#canonicalDigest(decoded, payloadBytes, isChanged)
    }
    // Every wrong type is noted, but the names come from the schemas: no text of a log.
    event.notes = notesOf(valid.wrongTypes, redacted?.counts)
    event.eventid = view['eventid'] as string // validate saw that it is a string
    event.eventClass = eventClassOf(event.eventid)
    const session = view['session']
    event.session = typeof session === 'string' ? session : ''
    event.sensor = this.#options.sensor ?? this.#ownSensor(view)
    event.rowDigest = rowDigest({
      eventTimeUs: event.eventTimeUs,
      recordNo: this.#builder.records,
      flags: event.flags,
      digest: event.digest,
      sensor: event.sensor,
      session: event.session,
      eventid: event.eventid,
      notes: event.notes,
      payloadHash: hash,
    })
    event.verdict = this.#options.stages.scoring.score(view)
    // Whether an event is withheld depends on it and the rules alone; not even its digest does on that.
    if (event.verdict !== undefined && event.verdict.hazard >= this.#options.stages.holdHazard)
      event.flags |= FLAGS.withheld
    describe(view, event.eventClass, this.#description, event.notes)
    // Named as the view names them: verification finds them there.
    const fields = isPlain ? undefined : this.#options.stages.registry.fieldsOf(event.eventid)
    const unknownFields =
      fields === undefined ? (isPlain ? valid.unknownFields : []) : unknownFieldsOf(view, fields)
    const isAsciiPayload =
      facts === 'plain-ascii' &&
      isPlain &&
      !(typeof payload === 'string' && decoded.tree !== undefined)
    this.#builder.addEvent(
      event,
      payload,
      view,
      isAsciiPayload,
      this.#description,
      unknownFields,
      valid.isUnknownEvent,
    )
    this.#sealFrame(frame, leaf)
  }

  /** What the view shows where personal data was found; undefined where there is none, or none is looked for. */
  #redact(decoded: DecodedEvent, valid: ValidEvent): Redaction | undefined {
    const { redactor } = this.#options.stages
    if (redactor === undefined) return undefined
    // Most records have nothing to take out, and their object says so. It does not say all that a tree may hold.
    if (
      decoded.tree === undefined &&
      valid.asText === undefined &&
      !redactor.findsIn(decoded.object)
    )
      return undefined
    const tree = decoded.tree ?? treeOf(decoded.canonical!)
    return redactor.redact(withTextForms(tree, valid.asText))
  }

  #kill(frame: Frame, reason: DeadReason): void {
    const start = this.#builder.endOffset
    this.#sealFrame(frame, undefined)
    this.#builder.addDead(reason, start, this.#builder.endOffset, 1, DETAILS[reason] ?? '')
  }

  #ownSensor(view: PlainObject): string {
    const own = view['sensor']
    if (typeof own === 'string' && own !== '') return own
    this.recordsWithoutSensor += 1
    return UNKNOWN_SENSOR
  }

  /** With bytes that are not UTF-8 the canonical form is the view and a byte that no UTF-8 text has. */
  #canonicalDigest(decoded: DecodedEvent, payload: Uint8Array, isChanged: boolean): Uint8Array {
    if (decoded.canonical !== undefined)
      return blake3Tagged(CANONICAL, Buffer.from(decoded.canonical)).subarray(0, 16)
    // Without what schemas and detectors change in the view: they are no part of an event's identity.
    const view = isChanged ? Buffer.from(printView(decoded.tree!, undefined).payload) : payload
    return blake3Tagged(CANONICAL, view, NOT_UTF8_MARK).subarray(0, 16)
  }

  #factsOf(json: Buffer): ByteFacts {
    if (
      this.#factsBuffer === this.#framer.buffer &&
      (this.#chunkFacts === 'plain-ascii' || this.#chunkFacts === 'ascii')
    )
      return this.#chunkFacts
    return byteFacts(json, isAscii, isUtf8)
  }

  /** The record is its JSON and at most one line feed. */
  #isWholeRecord(frame: Frame): boolean {
    if (frame.jsonStart !== frame.start || this.#options.rawBytes !== undefined) return false
    return (
      frame.end === frame.jsonEnd ||
      (frame.end === frame.jsonEnd + 1 && this.#framer.buffer[frame.jsonEnd] === 0x0a)
    )
  }

  #sealFrame(frame: Frame, leaf: Uint8Array | undefined): void {
    const bytes = this.#framer.buffer.subarray(frame.start, frame.end)
    const raw = this.#options.rawBytes === undefined ? bytes : this.#options.rawBytes.take(bytes)
    this.#builder.seal(raw, leaf ?? recordLeaf(raw))
  }
}

function isBlankText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a)
}

/** Our own words for each reason; kept short, they stand in the database. */
const DETAILS: Readonly<Partial<Record<DeadReason, string>>> = {
  'not-json': 'no JSON object could be read here',
  'not-an-event': 'a JSON value, but not an object with content',
  ambiguous: 'eventid, timestamp or session stands twice',
  'too-deep': `nested deeper than ${LIMITS.depthMax}`,
  'too-long': `longer than ${LIMITS.recordBytesMax} bytes`,
  'no-eventid': 'eventid is absent or not a string',
  'no-time': 'timestamp is absent or unreadable',
  'torn-line': 'the file ends in the middle of a record',
  'torn-archive': 'the archive is damaged or cut short from here on',
  bomb: 'the archive expands beyond all reason from here on',
  enriched: 'the _source of this hit was changed on its way',
}
