import type { DeadLetter } from './event.ts'
import type { SealedEnvelope } from './seal-types.ts'
import type { Verdict } from './verdict.ts'

/**
 * A batch on its way from reader to writer: columns side by side in a few buffers, so that handing it to another
 * thread moves memory and copies nothing. Numbers with `Ix` point into the lists of the batch.
 */
export type PackedBatch = {
  /** Byte range in the decompressed stream. */
  readonly startOffset: number
  readonly endOffset: number
  readonly records: number
  readonly blank: number
  /** The batch holds the broken end of a file; a longer copy takes its place. */
  readonly isOpen: boolean

  /** Events, in the order of their records. */
  readonly count: number
  readonly eventTimesUs: Float64Array
  readonly recordNos: Uint32Array
  readonly flags: Uint32Array
  readonly sessionIx: Uint32Array
  readonly kindIx: Uint16Array
  readonly classes: Uint8Array
  /** 16 bytes each. */
  readonly digests: Uint8Array
  /** 32 bytes each. */
  readonly rowDigests: Uint8Array
  readonly payloads: Uint8Array
  /** Where each payload ends in `payloads`. */
  readonly payloadEnds: Uint32Array
  readonly payloadsAreAscii: boolean
  /** Order of the keys of each payload (`core/key-order.ts`); empty where the engine does not need it. */
  readonly keyOrderIx: Uint32Array
  readonly keyOrders: readonly string[]
  /** 0 for an event without a verdict, else 1 + index into `verdicts`. */
  readonly verdictIx: Uint32Array
  readonly verdicts: readonly Verdict[]
  /** Name of the rule set that made the verdicts. */
  readonly ruleSet: string
  /** Rules that were switched off because they took too long; empty but for an attack on the rules. */
  readonly rulesOff: readonly string[]
  /** Event number and text, for the few events with notes. */
  readonly notes: readonly (readonly [number, string])[]
  /** 0 for none, else 1 + index into `protocols`. */
  readonly protocolIx: Uint16Array
  readonly protocols: readonly string[]
  /** Event number and milliseconds, for `session.closed`. */
  readonly durations: readonly (readonly [number, number])[]

  /** Session ids with the index of their sensor. */
  readonly sessions: readonly string[]
  readonly sessionSensorIx: Uint16Array
  readonly sensors: readonly string[]
  readonly kinds: readonly string[]

  /** Values: for each occurrence, the event and the entry of the reader's dictionary. */
  readonly valueEvents: Uint32Array
  readonly valueIx: Uint32Array
  /** The reader's dictionary grows from batch to batch; a new generation starts it afresh. */
  readonly dictionaryGeneration: number
  readonly dictionaryStart: number
  readonly newValueKinds: Uint8Array
  readonly newValues: readonly string[]

  readonly drift: readonly DriftItem[]
  readonly driftEvents: Uint32Array
  readonly driftIx: Uint32Array

  readonly dead: readonly DeadLetter[]
  readonly blocks: readonly PackedBlock[]
  readonly recordRoot: Uint8Array
  /** Wraps the key that opens the blocks; undefined when they are not encrypted, or there are none. */
  readonly envelope: PackedEnvelope | undefined
}

export type PackedEnvelope = SealedEnvelope

export type PackedBlock = {
  readonly startOffset: number
  readonly endOffset: number
  readonly records: number
  readonly root: Uint8Array
  readonly sha256: Uint8Array
  readonly codec: string
  readonly bytes: Uint8Array
}

export type DriftItem = {
  readonly what: 'unknown-event' | 'unknown-field' | 'wrong-type'
  readonly eventid: string
  readonly field: string
}

/** The buffers of a batch that move to the other thread. */
export function transferList(batch: PackedBatch): ArrayBuffer[] {
  const list = new Set<ArrayBuffer>()
  for (const value of Object.values(batch)) {
    if (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer) list.add(value.buffer)
  }
  return [...list]
}
