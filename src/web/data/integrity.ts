/** The state of the record: what the last verification said, checkpoints, and proofs of single records. */
import { equalBytes, toHex } from '../../core/bytes.ts'
import { LookupFailed } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { LIMITS } from '../../limits.ts'
import { checkpointJson, headerOf, proveRecord } from '../../pipeline/record-proof.ts'
import { batchDigest } from '../../seal/view.ts'
import { checkpointCovering, checkpointPage } from '../../store/repo/checkpoints.ts'
import { batchesBetween, batchNumbered } from '../../store/repo/source-list.ts'
import { lastVerification } from '../frame-figures.ts'
import type { Parts } from '../parts.ts'

/** A verification that was started here. */
export type VerifyRun = {
  readonly startedAt: string
  readonly by: string
  readonly isRunning: boolean
  /** Why it came to no verdict. */
  readonly failure: string | null
}

type Run = { startedAt: string; by: string; isRunning: boolean; failure: string | null }

/** By opened store: one server, one verification at a time. */
const runs = new WeakMap<Parts['store'], Run>()

/** @param before - only checkpoints with a smaller number */
export async function integrity(parts: Parts, before: number | undefined) {
  const page = await checkpointPage(parts.store.query, { before, limit: LIMITS.webRowsMax + 1 })
  const shown = page.slice(0, LIMITS.webRowsMax)
  return {
    verification: lastVerification(parts.statusFolder) ?? null,
    run: verifyRun(parts) ?? null,
    checkpoints: shown.map(checkpointJson),
    next: page.length > shown.length ? (shown.at(-1)?.seq ?? null) : null,
  }
}

export type Integrity = Awaited<ReturnType<typeof integrity>>

export function verifyRun(parts: Parts): VerifyRun | undefined {
  return runs.get(parts.store)
}

/**
 * Starts a verification of the whole store in a process of its own, which leaves its outcome in the status folder.
 *
 * @returns false where one is under way
 */
export function startVerify(parts: Parts, by: string): boolean {
  if (runs.get(parts.store)?.isRunning === true) return false
  const run: Run = {
    startedAt: formatInstant(parts.clock()),
    by,
    isRunning: true,
    failure: null,
  }
  runs.set(parts.store, run)
  parts
    .run(['verify', '--json'], AbortSignal.timeout(LIMITS.webVerifyMs))
    .then(
      ({ stderr, status }) => {
        if (!VERDICTS.includes(status)) run.failure = failureLine(stderr, status)
      },
      () => {
        run.failure = 'The verification was stopped.'
      },
    )
    .finally(() => {
      run.isRunning = false
    })
  return true
}

/** Exit statuses of the command that come with a verdict: everything matches, something does not. */
const VERDICTS: readonly number[] = [0, 3]

/**
 * The proof that a record is in the signed history: in its batch, the batch in the chain of its source, the end of that
 * chain under the signature of a checkpoint.
 *
 * @throws LookupFailed `LOOKUP_NO_EVENT`; SealError
 */
export async function recordProof(parts: Parts, batchId: number, recordNo: number) {
  const { query } = parts.store
  const found = await batchNumbered(query, batchId)
  if (found === undefined) {
    throw new LookupFailed('LOOKUP_NO_EVENT', `There is no batch ${batchId}.`, {
      hint: 'The page of a source lists its batches.',
    })
  }
  const checkpoint = await checkpointCovering(query, batchId)
  const reads = parts.store.reads()
  const proof = await proveRecord(
    reads,
    { ...found, checkpoint },
    recordNo,
    await parts.privateKeys(),
  )
  if (checkpoint === undefined) return { ...proof, path: found.path, chain: null, tree: null }
  const later = await batchesBetween(query, found.batch, checkpoint.upToBatch)
  const source = { uid: found.sourceUid, sensorOverride: found.sensorOverride }
  let last = found.batch.digest
  const holds = later.every((batch) => {
    const follows =
      equalBytes(batch.previous_digest, last) &&
      equalBytes(batchDigest(headerOf(batch, source)), batch.digest)
    last = batch.digest
    return follows
  })
  const { root } = await reads.sourcesRootUpTo(checkpoint.upToBatch)
  return {
    ...proof,
    path: found.path,
    /** From the batch to the newest of its source that the checkpoint covers. */
    chain: {
      batches: later.length,
      lastDigest: toHex(last),
      holds,
    },
    tree: { holds: equalBytes(root, checkpoint.treeRoot) },
  }
}

export type FullProof = Awaited<ReturnType<typeof recordProof>>

/** What a command printed about its failure: its message, or its last line. In visible form, as it was printed. */
export function failureLine(stderr: string, status: number): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const said = lines.findLast((line) => line.startsWith('nacre: ')) ?? lines.at(-1)
  return said === undefined ? `It ended with status ${status}.` : said.slice(0, 300)
}
