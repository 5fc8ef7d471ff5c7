/** Makes the derived tables again from the stored events, in one transaction. */
import type { PackedBatch } from '../core/packed.ts'
import type { SummaryWriter } from '../store/port.ts'
import type { VerifyReads } from '../store/verify-port.ts'
import type { Registry } from '../validate/registry.ts'
import { StoredBatches } from './stored-batch.ts'
import { SummaryCheck } from './verify-summaries.ts'

export type Reconciliation = { readonly differences: readonly string[]; readonly rebuilt: boolean }

/**
 * @param dryRun - only compare
 * @param signal - ends it at the next page, with its reason and the store as it was
 */
export async function reconcile(
  reads: VerifyReads,
  writer: SummaryWriter,
  registry: Registry,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<Reconciliation> {
  const differences = await compare(reads, registry, signal)
  if (differences.length === 0 || dryRun) return { differences, rebuilt: false }
  await writer.rebuildSummaries(storedBatches(reads, registry, signal), differences.length)
  return { differences, rebuilt: true }
}

async function compare(
  reads: VerifyReads,
  registry: Registry,
  signal: AbortSignal,
): Promise<string[]> {
  return reads.snapshot(async () => {
    const differences: string[] = []
    const check = new SummaryCheck(
      reads,
      registry,
      (text) => differences.push(text),
      await reads.kindNames(),
      signal,
    )
    await check.run()
    for await (const text of check.driftProblems()) differences.push(text)
    return differences
  })
}

async function* storedBatches(
  reads: VerifyReads,
  registry: Registry,
  signal: AbortSignal,
): AsyncGenerator<PackedBatch> {
  const stored = await StoredBatches.of(reads, registry)
  for await (const page of reads.storedEvents()) {
    signal.throwIfAborted()
    const sessions = await reads.sessions([...new Set(page.map((cells) => cells[3]))])
    yield stored.batch(page, sessions)
  }
}
