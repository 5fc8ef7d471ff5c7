/** Makes the derived tables again from the stored events, in one transaction. */
import { eventClassOf } from '../core/event-class.ts'
import { type PlainObject, parseJson } from '../core/json.ts'
import type { PackedBatch } from '../core/packed.ts'
import { Description, describe } from '../neutralize/describe.ts'
import type { SummaryWriter } from '../store/port.ts'
import type { VerifyReads } from '../store/verify-port.ts'
import type { Registry } from '../validate/registry.ts'
import { unknownFieldsOf } from '../validate/validate.ts'
import { BatchBuilder, ValueDictionary } from './batch-builder.ts'
import { SummaryCheck } from './verify-summaries.ts'

export type Reconciliation = { readonly differences: readonly string[]; readonly rebuilt: boolean }

const NO_DIGEST = new Uint8Array(32)

/** @param dryRun - only compare */
export async function reconcile(
  reads: VerifyReads,
  writer: SummaryWriter,
  registry: Registry,
  dryRun: boolean,
): Promise<Reconciliation> {
  const differences = await compare(reads, registry)
  if (differences.length === 0 || dryRun) return { differences, rebuilt: false }
  await writer.rebuildSummaries(storedBatches(reads, registry), differences.length)
  return { differences, rebuilt: true }
}

async function compare(reads: VerifyReads, registry: Registry): Promise<string[]> {
  return reads.snapshot(async () => {
    const differences: string[] = []
    const check = new SummaryCheck(
      reads,
      registry,
      (text) => differences.push(text),
      await reads.kindNames(),
    )
    await check.run()
    for await (const text of check.driftProblems()) differences.push(text)
    return differences
  })
}

/** The stored events as batches to be summed up; nothing of them is sealed or inserted again. */
async function* storedBatches(reads: VerifyReads, registry: Registry): AsyncGenerator<PackedBatch> {
  const sensors = await reads.sensorNames()
  const kinds = await reads.kindNames()
  const dictionary = new ValueDictionary()
  const description = new Description()
  for await (const page of reads.storedEvents()) {
    const builder = new BatchBuilder(0, dictionary, { keyOrder: false })
    const sessions = await reads.sessions([...new Set(page.map((cells) => cells[3]))])
    for (const [, , eventTimeUs, sessionKey, kindId, flags, digest, notes, payload] of page) {
      const session = sessions.get(sessionKey)
      const eventid = kinds.get(kindId) ?? ''
      const eventClass = eventClassOf(eventid)
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString()
      const view = parseJson(text) as PlainObject // a payload is an object by construction
      describe(view, eventClass, description)
      const fields = registry.fieldsOf(eventid)
      builder.addEvent(
        {
          eventTimeUs,
          flags,
          eventid,
          eventClass,
          session: session?.session ?? '',
          sensor: sensors.get(session?.sensor_id ?? 0) ?? '',
          digest,
          rowDigest: NO_DIGEST,
          notes: notes ?? '',
        },
        '',
        view,
        true,
        description,
        fields === undefined ? [] : unknownFieldsOf(view, fields),
        fields === undefined,
      )
    }
    yield builder.finish(false, { ruleSet: '', rulesOff: [] })
  }
}
