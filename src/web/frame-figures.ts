/** What every page shows around its content: what waits for a person, and the state of the record. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatInstant, type InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import { waitingCounts } from '../store/repo/waiting.ts'
import type { VerifyStatus } from '../telemetry/status-files.ts'
import type { Frame } from './layout.ts'
import type { Parts } from './parts.ts'

export type FrameFigures = Pick<Frame, 'waiting' | 'record'>

/** Asks the store at most once in a few seconds; while it is asked again, pages take what was found before. */
export class FrameSource {
  readonly #parts: Pick<Parts, 'store' | 'statusFolder' | 'clock'>
  #found: FrameFigures | undefined
  /** Until when it is taken as it is. */
  #freshUntilUs: InstantUs = Number.NEGATIVE_INFINITY
  #asking: Promise<FrameFigures> | undefined

  constructor(parts: Pick<Parts, 'store' | 'statusFolder' | 'clock'>) {
    this.#parts = parts
  }

  async figures(): Promise<FrameFigures> {
    if (this.#found !== undefined && this.#parts.clock() < this.#freshUntilUs) return this.#found
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#found ?? this.#asking
  }

  async #ask(): Promise<FrameFigures> {
    const { clock } = this.#parts
    const askedAtUs = clock()
    // A page is more than its frame: without the store it says so itself.
    const waiting = await waitingCounts(this.#parts.store.query).catch(
      () => this.#found?.waiting ?? { heldBatches: 0, deadRegions: 0 },
    )
    this.#found = { waiting, record: recordOf(this.#parts.statusFolder) }
    // Where the answer takes long, as with a million withheld events, it is asked for less often.
    const tookUs = clock() - askedAtUs
    this.#freshUntilUs =
      askedAtUs + Math.max(LIMITS.webFrameMs * 1_000, tookUs * LIMITS.webFrameRatio)
    return this.#found
  }
}

/** The state of the record, as the last verification of this data folder left it. */
export function recordOf(statusFolder: string): FrameFigures['record'] {
  const last = lastVerification(statusFolder)
  if (last === undefined) return { state: 'unchecked', words: 'run nacre verify' }
  const when = `${last.last_updated.slice(0, 16).replace('T', ' ')} UTC`
  if (!last.ok) return { state: 'failed', words: when }
  const what = last.scope === 'all' ? `all ${last.batches} batches` : last.scope
  return { state: 'verified', words: `${what}, ${when}` }
}

/** What `nacre verify` left behind; undefined where it left nothing that can be read. */
export function lastVerification(statusFolder: string): VerifyStatus | undefined {
  try {
    const value = JSON.parse(
      readFileSync(join(statusFolder, 'verify.json'), 'utf8'),
    ) as VerifyStatus
    const isWhole =
      typeof value.ok === 'boolean' &&
      typeof value.scope === 'string' &&
      Number.isSafeInteger(value.batches) &&
      typeof value.last_updated === 'string' &&
      !Number.isNaN(Date.parse(value.last_updated))
    if (!isWhole) return undefined
    // A file of a program before this one has no sections.
    const sections = Array.isArray(value.sections) ? value.sections : []
    const notChecked = Array.isArray(value.notChecked) ? value.notChecked.map(String) : []
    return {
      ...value,
      last_updated: formatInstant(Date.parse(value.last_updated) * 1_000),
      sections: sections.map(({ name, ok, problems }) => ({
        name: String(name),
        ok: ok === true,
        problems: Array.isArray(problems) ? problems.map(String) : [],
      })),
      notChecked,
    }
  } catch {
    return undefined
  }
}
