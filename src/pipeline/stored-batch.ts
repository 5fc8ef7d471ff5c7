/** Stored events as batches again, to be summed up: nothing of them is sealed or inserted anew. */
import { eventClassOf } from '../core/event-class.ts'
import { type PlainObject, parseJson } from '../core/json.ts'
import type { PackedBatch } from '../core/packed.ts'
import { Description, describe } from '../neutralize/describe.ts'
import type { SessionKey } from '../store/schema.ts'
import type { EventCells, VerifyReads } from '../store/verify-port.ts'
import type { Registry } from '../validate/registry.ts'
import { unknownFieldsOf } from '../validate/validate.ts'
import { BatchBuilder, ValueDictionary } from './batch-builder.ts'

const NO_DIGEST = new Uint8Array(32)

/** Names of a session, by its key. */
export type SessionNames = ReadonlyMap<
  SessionKey,
  { readonly session: string; readonly sensor_id: number }
>

export class StoredBatches {
  readonly #reads: VerifyReads
  readonly #registry: Registry
  readonly #sensors: ReadonlyMap<number, string>
  readonly #kinds: ReadonlyMap<number, string>
  readonly #dictionary = new ValueDictionary()
  readonly #description = new Description()

  private constructor(
    reads: VerifyReads,
    registry: Registry,
    sensors: ReadonlyMap<number, string>,
    kinds: ReadonlyMap<number, string>,
  ) {
    this.#reads = reads
    this.#registry = registry
    this.#sensors = sensors
    this.#kinds = kinds
  }

  static async of(reads: VerifyReads, registry: Registry): Promise<StoredBatches> {
    return new StoredBatches(reads, registry, await reads.sensorNames(), await reads.kindNames())
  }

  /** @param sessions - of all events of the page */
  async batch(page: readonly EventCells[], sessions: SessionNames): Promise<PackedBatch> {
    const builder = new BatchBuilder(0, this.#dictionary, { keyOrder: false })
    const verdicts = await this.#reads.verdictsOf([...new Set(page.map((cells) => cells[9]))])
    for (const cells of page) {
      const [, , eventTimeUs, sessionKey, kindId, flags, digest, notes, payload, verdictId] = cells
      const session = sessions.get(sessionKey)
      const eventid = this.#kinds.get(kindId) ?? ''
      const eventClass = eventClassOf(eventid)
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString()
      const view = parseJson(text) as PlainObject // a payload is an object by construction
      describe(view, eventClass, this.#description, notes ?? '')
      const fields = this.#registry.fieldsOf(eventid)
      builder.addEvent(
        {
          eventTimeUs,
          flags,
          eventid,
          eventClass,
          session: session?.session ?? '',
          sensor: this.#sensors.get(session?.sensor_id ?? 0) ?? '',
          digest,
          rowDigest: NO_DIGEST,
          notes: notes ?? '',
          verdict: verdicts.get(verdictId),
        },
        '',
        view,
        true,
        this.#description,
        fields === undefined ? [] : unknownFieldsOf(view, fields),
        fields === undefined,
      )
    }
    return builder.finish(false, { ruleSet: '', rulesOff: [] })
  }
}
