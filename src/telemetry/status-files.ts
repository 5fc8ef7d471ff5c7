/**
 * Files that monitors poll: one for each phase (`bulk.json`, `delta.json`) and `status.json` with all of them.
 *
 * The keys `phase`, `ingest_id`, `last_updated`, `metrics`, `checkpoint` and `dead_letter` are those that monitors of
 * Cowrie loaders before this one read; whatever else stands there is ours.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** One phase, as it is written. Times are ISO 8601, UTC; null where a thing is not known. */
export type PhaseStatus = {
  readonly phase: string
  /** Random name of the run. */
  readonly ingest_id: string
  readonly last_updated: string
  readonly metrics: Readonly<Record<string, number | null>>
  readonly checkpoint: Readonly<Record<string, string | number | null>>
  readonly dead_letter: Readonly<Record<string, string | number | null>>
  readonly [more: string]: unknown
}

/** How the last verification ended, as `verify.json` has it. */
export type VerifyStatus = {
  readonly phase: 'verify'
  /** When it ended: ISO 8601, UTC. */
  readonly last_updated: string
  readonly ok: boolean
  /** `all`, or in our own words what was left out. */
  readonly scope: string
  readonly sources: number
  readonly batches: number
  readonly lines: number
  readonly problems: number
  /** What was looked at, in the order of the command; the first problems of each. */
  readonly sections: readonly {
    readonly name: string
    readonly ok: boolean
    readonly problems: readonly string[]
  }[]
  /** What was left out on request. */
  readonly notChecked: readonly string[]
}

export class StatusFiles {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Writes the file of a phase, then the one of all; each appears whole or not at all.
   *
   * @returns false where they cannot be written: a loader goes on without
   */
  write(status: PhaseStatus): boolean {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      this.#replace(`${status.phase}.json`, status)
      const phases: Record<string, unknown> = {}
      for (const other of readPhases(this.#folder)) phases[other.phase] = other
      this.#replace('status.json', { ...status, phases })
      return true
    } catch {
      return false
    }
  }

  /** Writes how a verification ended. @returns false where it cannot be written */
  writeVerify(status: VerifyStatus): boolean {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      this.#replace('verify.json', status)
      return true
    } catch {
      return false
    }
  }

  #replace(name: string, value: object): void {
    const path = join(this.#folder, name)
    // Two loaders may write at once: each its own file first.
    const fresh = `${path}.${process.pid}.new`
    try {
      writeFileSync(fresh, `${JSON.stringify(value)}\n`, { mode: 0o600 })
      renameSync(fresh, path)
    } catch (error) {
      rmSync(fresh, { force: true })
      throw error
    }
  }
}

/** The phases that left a status in a folder; what cannot be read is left out. */
export function readPhases(folder: string): PhaseStatus[] {
  const found: PhaseStatus[] = []
  for (const name of ['bulk.json', 'delta.json']) {
    try {
      const value: unknown = JSON.parse(readFileSync(join(folder, name), 'utf8'))
      if (isPhase(value)) found.push(value)
    } catch {
      // Not there, or half of something: whoever writes it next makes it whole.
    }
  }
  return found
}

function isPhase(value: unknown): value is PhaseStatus {
  return (
    typeof value === 'object' &&
    value !== null &&
    'phase' in value &&
    typeof value.phase === 'string' &&
    'last_updated' in value &&
    typeof value.last_updated === 'string'
  )
}
