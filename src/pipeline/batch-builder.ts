import { randomBytes } from 'node:crypto'
import { type DeadLetter, type DeadReason, ownText } from '../core/event.ts'
import type { PlainObject } from '../core/json.ts'
import { flatKeyOrder, flatKeys, keyOrderOf } from '../core/key-order.ts'
import type { DriftItem, PackedBatch, PackedEnvelope } from '../core/packed.ts'
import type { Recipient } from '../core/seal-types.ts'
import { type Verdict, verdictText } from '../core/verdict.ts'
import { LIMITS } from '../limits.ts'
import type { Description } from '../neutralize/describe.ts'
import { wrongTypesIn } from '../neutralize/pii/notes.ts'
import { wrapDataKey } from '../seal/envelope.ts'
import { RecordSealer, type SealedRecords } from '../seal/records.ts'
import type { BatchNeeds } from '../store/port.ts'

/** One event, as the stages leave it. Filled anew for each record. */
export type BuiltEvent = {
  eventTimeUs: number
  flags: number
  eventid: string
  eventClass: number
  session: string
  sensor: string
  digest: Uint8Array
  rowDigest: Uint8Array
  notes: string
  verdict: Verdict | undefined
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Entries for values that stay the same number from batch to batch. */
export class ValueDictionary {
  generation = 0
  size = 0
  #byKind: Map<string, number>[] = []

  constructor() {
    this.reset()
  }

  reset(): void {
    this.generation += 1
    this.size = 0
    this.#byKind = Array.from({ length: 16 }, () => new Map<string, number>())
  }

  /** @returns the entry's number, and whether it is new */
  add(kind: number, text: string): { readonly ix: number; readonly isNew: boolean } {
    const map = this.#byKind[kind]!
    const known = map.get(text)
    if (known !== undefined) return { ix: known, isNew: false }
    const ix = this.size
    map.set(text, ix)
    this.size += 1
    return { ix, isNew: true }
  }

  find(kind: number, text: string): number | undefined {
    return this.#byKind[kind]!.get(text)
  }
}

/** Collects records into one packed batch. */
export class BatchBuilder {
  readonly startOffset: number
  endOffset: number
  records = 0
  rawBytes = 0
  #blank = 0
  #count = 0
  /** Rooms for events; made when the first one comes. */
  #capacity = 0
  #eventTimesUs = new Float64Array(0)
  #recordNos = new Uint32Array(0)
  #flags = new Uint32Array(0)
  #sessionIx = new Uint32Array(0)
  #kindIx = new Uint16Array(0)
  #classes = new Uint8Array(0)
  #protocolIx = new Uint16Array(0)
  #digests = new Uint8Array(0)
  #rowDigests = new Uint8Array(0)
  #payloadEnds = new Uint32Array(0)
  #verdictIx = new Uint32Array(0)
  readonly #verdictNumbers = new Map<string, number>()
  readonly #verdicts: Verdict[] = []
  #payloads: Buffer = Buffer.alloc(0)
  #payloadBytes = 0
  #isAscii = true
  readonly #notes: [number, string][] = []
  readonly #protocols: string[] = []
  readonly #durations: [number, number][] = []
  readonly #sessionNumbers = new Map<string, number>()
  readonly #sessions: string[] = []
  readonly #sessionSensorIx: number[] = []
  readonly #sensors: string[] = []
  readonly #kindNumbers = new Map<string, number>()
  #valueEvents = new Uint32Array(0)
  #valueIx = new Uint32Array(0)
  #values = 0
  readonly #dictionary: ValueDictionary
  readonly #dictionaryStart: number
  readonly #newValueKinds: number[] = []
  readonly #newValues: string[] = []
  readonly #driftNumbers = new Map<string, number>()
  readonly #drift: DriftItem[] = []
  readonly #driftEvents: number[] = []
  readonly #driftIx: number[] = []
  readonly #needs: BatchNeeds
  #keyOrderIx = new Uint32Array(0)
  readonly #keyOrderNumbers = new Map<string, number>()
  readonly #keyOrders: string[] = []
  readonly #dead: DeadLetter[] = []
  #isLastDeadLong = false
  readonly #sealer: RecordSealer
  readonly #batchBytes: number
  readonly #recipient: Recipient | undefined
  /** Opens the sealed bytes of this batch; it leaves this object wrapped for the recipient alone. */
  readonly #dataKey: Uint8Array | undefined

  /**
   * @param recipient - whom the sealed bytes are encrypted to; undefined leaves them unencrypted
   * @param batchBytes - raw bytes after which it is full
   */
  constructor(
    startOffset: number,
    dictionary: ValueDictionary,
    needs: BatchNeeds,
    recipient?: Recipient,
    batchBytes: number = LIMITS.batchBytesMax,
  ) {
    this.startOffset = startOffset
    this.endOffset = startOffset
    this.#batchBytes = batchBytes
    if (dictionary.size > LIMITS.readerDictionaryMax) dictionary.reset()
    this.#needs = needs
    this.#dictionary = dictionary
    this.#dictionaryStart = dictionary.size
    this.#recipient = recipient
    this.#dataKey = recipient === undefined ? undefined : randomBytes(32)
    this.#sealer = new RecordSealer(startOffset, this.#dataKey)
  }

  get isEmpty(): boolean {
    return this.endOffset === this.startOffset && this.records === 0
  }

  get isFull(): boolean {
    return this.records >= LIMITS.batchRecordsMax || this.rawBytes >= this.#batchBytes
  }

  /** Seals the bytes of the next record. Must be called for every record and segment, in order. */
  seal(bytes: Uint8Array, leaf: Uint8Array | undefined): void {
    if (leaf === undefined) this.#sealer.add(bytes)
    else this.#sealer.add(bytes, leaf)
    this.endOffset += bytes.length
    this.rawBytes += bytes.length
  }

  addBlank(): void {
    this.#blank += 1
    this.records += 1
  }

  /**
   * @param records - how many records the region stands for; 0 for a further part of a long one
   * @param isPart - the region, or what is here of it, is sealed in parts
   */
  addDead(
    reason: DeadReason,
    startOffset: number,
    endOffset: number,
    records: number,
    detail: string,
    isPart = false,
  ): void {
    const last = this.#dead.at(-1)
    // Such a region has a row of its own, so that its parts are never taken for records; whether it came in parts
    // depends on how the stream was read, its length does not.
    const isLong = isPart || endOffset - startOffset > LIMITS.recordBytesMax
    const mayJoin = isLong ? records === 0 : !this.#isLastDeadLong
    this.#isLastDeadLong = isLong
    if (
      mayJoin &&
      last !== undefined &&
      last.reason === reason &&
      last.endOffset === startOffset &&
      last.detail === detail &&
      last.firstRecord + last.records === this.records
    ) {
      this.#dead[this.#dead.length - 1] = { ...last, endOffset, records: last.records + records }
    } else {
      this.#dead.push({
        startOffset,
        endOffset,
        firstRecord: this.records,
        records,
        reason,
        detail: ownText(detail),
      })
    }
    this.records += records
  }

  /**
   * @param payload - JSON text in visible form, or its bytes where the record itself is the payload
   * @param view - what the payload says
   */
  addEvent(
    event: BuiltEvent,
    payload: string | Uint8Array,
    view: PlainObject,
    isAscii: boolean,
    description: Description,
    unknownFields: readonly string[],
    isUnknownEvent: boolean,
  ): void {
    if (this.#count === this.#capacity) this.#grow()
    const i = this.#count
    this.#eventTimesUs[i] = event.eventTimeUs
    this.#recordNos[i] = this.records
    this.#flags[i] = event.flags
    this.#sessionIx[i] = this.#sessionNumber(event.sensor, event.session)
    this.#kindIx[i] = this.#kindNumber(event.eventid)
    this.#classes[i] = event.eventClass
    this.#digests.set(event.digest, i * 16)
    this.#rowDigests.set(event.rowDigest, i * 32)
    this.#putPayload(payload, isAscii)
    this.#payloadEnds[i] = this.#payloadBytes
    if (this.#needs.keyOrder) this.#keyOrderIx[i] = this.#keyOrderNumber(view, payload)
    if (event.notes !== '') this.#notes.push([i, event.notes])
    this.#verdictIx[i] = event.verdict === undefined ? 0 : this.#verdictNumber(event.verdict)
    this.#protocolIx[i] =
      description.protocol === undefined ? 0 : this.#protocolNumber(description.protocol)
    if (description.durationMs !== undefined) this.#durations.push([i, description.durationMs])
    for (let v = 0; v < description.count; v += 1)
      this.#putValue(i, description.kinds[v]!, description.texts[v]!)
    if (isUnknownEvent)
      this.#putDrift(i, { what: 'unknown-event', eventid: event.eventid, field: '' })
    for (const field of unknownFields)
      this.#putDrift(i, { what: 'unknown-field', eventid: event.eventid, field })
    if (event.notes !== '') {
      for (const field of wrongTypesIn(event.notes))
        this.#putDrift(i, { what: 'wrong-type', eventid: event.eventid, field })
    }
    this.#count += 1
    this.records += 1
  }

  finish(isOpen: boolean, rules: Pick<PackedBatch, 'ruleSet' | 'rulesOff'>): PackedBatch {
    const sealed = this.#sealer.finish()
    const n = this.#count
    return {
      startOffset: this.startOffset,
      endOffset: this.endOffset,
      records: this.records,
      blank: this.#blank,
      isOpen,
      count: n,
      eventTimesUs: this.#eventTimesUs.subarray(0, n),
      recordNos: this.#recordNos.subarray(0, n),
      flags: this.#flags.subarray(0, n),
      sessionIx: this.#sessionIx.subarray(0, n),
      kindIx: this.#kindIx.subarray(0, n),
      classes: this.#classes.subarray(0, n),
      digests: this.#digests.subarray(0, n * 16),
      rowDigests: this.#rowDigests.subarray(0, n * 32),
      payloads: this.#payloads.subarray(0, this.#payloadBytes),
      payloadEnds: this.#payloadEnds.subarray(0, n),
      payloadsAreAscii: this.#isAscii,
      keyOrderIx: this.#keyOrderIx.subarray(0, this.#needs.keyOrder ? n : 0),
      keyOrders: this.#keyOrders,
      verdictIx: this.#verdictIx.subarray(0, n),
      verdicts: this.#verdicts,
      ...rules,
      notes: this.#notes,
      protocolIx: this.#protocolIx.subarray(0, n),
      protocols: this.#protocols,
      durations: this.#durations,
      sessions: this.#sessions,
      sessionSensorIx: Uint16Array.from(this.#sessionSensorIx),
      sensors: this.#sensors,
      kinds: [...this.#kindNumbers.keys()],
      valueEvents: this.#valueEvents.subarray(0, this.#values),
      valueIx: this.#valueIx.subarray(0, this.#values),
      dictionaryGeneration: this.#dictionary.generation,
      dictionaryStart: this.#dictionaryStart,
      newValueKinds: Uint8Array.from(this.#newValueKinds),
      newValues: this.#newValues,
      drift: this.#drift,
      driftEvents: Uint32Array.from(this.#driftEvents),
      driftIx: Uint32Array.from(this.#driftIx),
      dead: this.#dead,
      blocks: sealed.blocks,
      recordRoot: sealed.recordRoot,
      envelope: this.#envelope(sealed),
    }
  }

  #envelope(sealed: SealedRecords): PackedEnvelope | undefined {
    if (this.#recipient === undefined || this.#dataKey === undefined) return undefined
    if (sealed.blocks.length === 0) return undefined
    const envelope = wrapDataKey(this.#recipient, this.#dataKey, randomBytes(32))
    this.#dataKey.fill(0)
    return { ...envelope, storedDigests: sealed.storedDigests }
  }

  #lastSensor = ''
  #lastSensorIx = -1

  #sessionNumber(sensor: string, session: string): number {
    let sensorIx = this.#lastSensorIx
    if (sensor !== this.#lastSensor || sensorIx < 0) {
      sensorIx = this.#sensors.indexOf(sensor)
      if (sensorIx < 0) sensorIx = this.#sensors.push(sensor) - 1
      this.#lastSensor = sensor
      this.#lastSensorIx = sensorIx
    }
    const name = sensorIx === 0 ? session : `${sensorIx}\n${session}`
    let number = this.#sessionNumbers.get(name)
    if (number === undefined) {
      number = this.#sessions.push(session) - 1
      this.#sessionSensorIx.push(sensorIx)
      this.#sessionNumbers.set(name, number)
    }
    return number
  }

  #kindNumber(eventid: string): number {
    let number = this.#kindNumbers.get(eventid)
    if (number === undefined) {
      number = this.#kindNumbers.size
      this.#kindNumbers.set(eventid, number)
    }
    return number
  }

  #protocolNumber(protocol: string): number {
    let ix = this.#protocols.indexOf(protocol)
    if (ix < 0) ix = this.#protocols.push(protocol) - 1
    return ix + 1
  }

  #verdictNumber(verdict: Verdict): number {
    const text = verdictText(verdict)
    let number = this.#verdictNumbers.get(text)
    if (number === undefined) {
      number = this.#verdicts.push(verdict)
      this.#verdictNumbers.set(text, number)
    }
    return number
  }

  #keyOrderNumber(view: PlainObject, payload: string | Uint8Array): number {
    const flat = flatKeys(view)
    const name = flat ?? keyOrderOf(typeof payload === 'string' ? payload : decoder.decode(payload))
    let number = this.#keyOrderNumbers.get(name)
    if (number === undefined) {
      number = this.#keyOrders.push(flat === undefined ? name : flatKeyOrder(flat)) - 1
      this.#keyOrderNumbers.set(name, number)
    }
    return number
  }

  #putPayload(payload: string | Uint8Array, isAscii: boolean): void {
    if (!isAscii) this.#isAscii = false
    const most = typeof payload === 'string' ? payload.length * (isAscii ? 1 : 3) : payload.length
    if (this.#payloadBytes + most > this.#payloads.length) {
      // A payload is seldom longer than its record: the first buffer does for all of them.
      const larger = Buffer.allocUnsafeSlow(
        Math.max(
          Math.ceil(this.#batchBytes * 1.125),
          this.#payloads.length * 2,
          this.#payloadBytes + most,
        ),
      )
      this.#payloads.copy(larger, 0, 0, this.#payloadBytes)
      this.#payloads = larger
    }
    if (typeof payload !== 'string') {
      this.#payloads.set(payload, this.#payloadBytes)
      this.#payloadBytes += payload.length
    } else if (isAscii) {
      this.#payloadBytes += this.#payloads.latin1Write(payload, this.#payloadBytes)
    } else {
      this.#payloadBytes += encoder.encodeInto(
        payload,
        this.#payloads.subarray(this.#payloadBytes),
      ).written
    }
  }

  #putValue(event: number, kind: number, text: string): void {
    let ix = this.#dictionary.find(kind, text)
    if (ix === undefined) {
      ix = this.#dictionary.add(kind, text).ix
      this.#newValueKinds.push(kind)
      this.#newValues.push(text)
    }
    if (this.#values === this.#valueEvents.length) {
      const length = Math.max(this.#values * 2, this.#capacity * 2)
      this.#valueEvents = enlarged(this.#valueEvents, Uint32Array, length)
      this.#valueIx = enlarged(this.#valueIx, Uint32Array, length)
    }
    this.#valueEvents[this.#values] = event
    this.#valueIx[this.#values] = ix
    this.#values += 1
  }

  #putDrift(event: number, item: DriftItem): void {
    const name = `${item.what}\n${item.eventid}\n${item.field}`
    let ix = this.#driftNumbers.get(name)
    if (ix === undefined) {
      ix = this.#drift.push(item) - 1
      this.#driftNumbers.set(name, ix)
    }
    this.#driftEvents.push(event)
    this.#driftIx.push(ix)
  }

  #grow(): void {
    const capacity = Math.max(
      this.#capacity * 2,
      Math.min(EVENTS_AT_FIRST, Math.ceil(this.#batchBytes / BYTES_AN_EVENT)),
    )
    this.#capacity = capacity
    this.#eventTimesUs = enlarged(this.#eventTimesUs, Float64Array, capacity)
    this.#recordNos = enlarged(this.#recordNos, Uint32Array, capacity)
    this.#flags = enlarged(this.#flags, Uint32Array, capacity)
    this.#sessionIx = enlarged(this.#sessionIx, Uint32Array, capacity)
    this.#kindIx = enlarged(this.#kindIx, Uint16Array, capacity)
    this.#classes = enlarged(this.#classes, Uint8Array, capacity)
    this.#protocolIx = enlarged(this.#protocolIx, Uint16Array, capacity)
    this.#digests = enlarged(this.#digests, Uint8Array, capacity * 16)
    this.#rowDigests = enlarged(this.#rowDigests, Uint8Array, capacity * 32)
    this.#payloadEnds = enlarged(this.#payloadEnds, Uint32Array, capacity)
    this.#verdictIx = enlarged(this.#verdictIx, Uint32Array, capacity)
    if (this.#needs.keyOrder) this.#keyOrderIx = enlarged(this.#keyOrderIx, Uint32Array, capacity)
  }
}

/** Rooms made at first: for a large batch a third of what it will hold, for a small one about as many as it can. */
const EVENTS_AT_FIRST = 1_024
const BYTES_AN_EVENT = 256

function enlarged<T extends { set(from: T): void }>(
  array: T,
  Type: new (length: number) => T,
  length: number,
): T {
  const larger = new Type(length)
  larger.set(array)
  return larger
}
