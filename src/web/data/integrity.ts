/** The state of the record: what the last verification said, checkpoints, and proofs of single records. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { equalBytes, toHex } from '../../core/bytes.ts'
import { LookupFailed } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { LIMITS } from '../../limits.ts'
import { checkpointJson, headerOf, proveRecord } from '../../pipeline/record-proof.ts'
import type { Verdict } from '../../pipeline/verify.ts'
import { batchDigest } from '../../seal/view.ts'
import { checkpointCovering, checkpointPage } from '../../store/repo/checkpoints.ts'
import { batchesBetween, batchNumbered } from '../../store/repo/source-list.ts'
import type { Parts } from '../parts.ts'

export const SECTIONS = ['conservation', 'seals', 'view', 'summaries', 'journal'] as const

/** What a verification said, and when it ended. */
export type KeptVerdict = Verdict & { readonly at: string }

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
const runs = new WeakMap<Parts['store'], { run: Run; verdict: KeptVerdict | undefined }>()

/** @param before - only checkpoints with a smaller number */
export async function integrity(parts: Parts, before: number | undefined) {
  const page = await checkpointPage(parts.store.query, { before, limit: LIMITS.webRowsMax + 1 })
  const shown = page.slice(0, LIMITS.webRowsMax)
  return {
    verification: lastVerdict(parts) ?? null,
    run: verifyRun(parts) ?? null,
    checkpoints: shown.map(checkpointJson),
    next: page.length > shown.length ? (shown.at(-1)?.seq ?? null) : null,
  }
}

export type Integrity = Awaited<ReturnType<typeof integrity>>

/** The newer of what `nacre verify` left and what was found here; undefined where nothing was verified yet. */
export function lastVerdict(parts: Parts): KeptVerdict | undefined {
  const own = runs.get(parts.store)?.verdict
  const kept = readVerdict(join(parts.statusFolder, 'verify.json'))
  return own === undefined || (kept !== undefined && kept.at >= own.at) ? kept : own
}

export function verifyRun(parts: Parts): VerifyRun | undefined {
  return runs.get(parts.store)?.run
}

/**
 * Starts a verification of the whole store in a process of its own; its outcome shows in `lastVerdict`.
 *
 * @returns false where one is under way
 */
export function startVerify(parts: Parts, by: string): boolean {
  const known = runs.get(parts.store)
  if (known?.run.isRunning === true) return false
  const run: Run = {
    startedAt: formatInstant(parts.clock()),
    by,
    isRunning: true,
    failure: null,
  }
  const state = { run, verdict: known?.verdict }
  runs.set(parts.store, state)
  parts
    .run(['verify', '--json'], AbortSignal.timeout(LIMITS.webVerifyMs))
    .then(
      ({ stdout, stderr, status }) => {
        const verdict = verdictOf(stdout.toString(), formatInstant(parts.clock()))
        if (verdict === undefined) run.failure = failureOf(stderr, status)
        else state.verdict = verdict
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

function readVerdict(path: string): KeptVerdict | undefined {
  try {
    return verdictOf(readFileSync(path, 'utf8'), undefined)
  } catch {
    return undefined
  }
}

/** @param at - when it was found; undefined where the document says so itself */
function verdictOf(text: string, at: string | undefined): KeptVerdict | undefined {
  try {
    const value = JSON.parse(text) as Partial<Record<string, unknown>> | null // looked at below
    if (typeof value !== 'object' || value === null || typeof value['ok'] !== 'boolean')
      return undefined
    const section = (name: string): { ok: boolean; problems: string[] } => {
      const one = value[name] as { ok?: unknown; problems?: unknown } | undefined // as above
      const problems = Array.isArray(one?.problems) ? one.problems.map(String) : []
      return { ok: one?.ok === true, problems }
    }
    const numberAt = (name: string): number => {
      const one = value[name]
      return typeof one === 'number' && Number.isFinite(one) ? one : 0
    }
    const said = at ?? value['at']
    if (typeof said !== 'string' || Number.isNaN(Date.parse(said))) return undefined
    const notChecked = value['notChecked']
    return {
      ok: value['ok'],
      at: said,
      sources: numberAt('sources'),
      batches: numberAt('batches'),
      lines: numberAt('lines'),
      conservation: section('conservation'),
      seals: section('seals'),
      view: section('view'),
      summaries: section('summaries'),
      journal: section('journal'),
      notChecked: Array.isArray(notChecked) ? notChecked.map(String) : [],
    }
  } catch {
    return undefined
  }
}

/** The last line that the command printed about its failure, in visible form as it was printed. */
export function failureOf(stderr: string, status: number): string {
  const line = stderr.trim().split('\n').at(-1)?.trim() ?? ''
  return line === '' ? `It ended with status ${status}.` : line.slice(0, 300)
}
