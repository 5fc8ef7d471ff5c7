/**
 * Keeps a follower going for years: when the store is away, busy or its disk is full, it waits and goes on.
 *
 * A follower that met such an error is thrown away with all it knew, and a new one is made as after a start: recovery is
 * the way that every start takes, and not a second one that is never tried.
 */
import { decorrelatedJitterGenerator, ExponentialBackoff } from 'cockatiel'
import { OperatingError } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'
import type { Fates } from '../store/port.ts'
import type { Follower, FollowFigures, SourceStanding, StepOutcome } from './delta.ts'
import { addFates, noFates } from './fates.ts'

/** What passes: the operator makes room, the server comes back, the other command ends. */
const PASSING: ReadonlySet<string> = new Set(['STORE_BUSY', 'STORE_DISK_FULL', 'STORE_UNREACHABLE'])

/** What passes where it worked before: a disk that was mounted read-only will be mounted again, a wrong path stays wrong. */
const PASSING_LATER: ReadonlySet<string> = new Set(['STORE_NO_ACCESS'])

export type LoaderState = {
  readonly state: 'starting' | 'running' | 'waiting' | 'stopped'
  /** Why it waits. */
  readonly code: string | undefined
  readonly message: string | undefined
  /** When it is tried again, in milliseconds from then; how often it was tried. */
  readonly retryInMs: number
  readonly tries: number
}

/** A follower and what it stands on. */
export type Opened = {
  readonly follower: Follower
  /** Lets go of the store. */
  close(): Promise<void>
}

export type SuperviseOptions = {
  /** Opens the store and makes a follower on it. */
  readonly open: () => Promise<Opened>
  readonly signal: AbortSignal
  /** An error as one of ours, where it is known what it means. */
  readonly explain: (error: unknown) => Promise<unknown>
  readonly onState: (state: LoaderState) => void
  /** Told after each step. */
  readonly between: (opened: Opened, outcome: StepOutcome) => Promise<void>
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Adds up what one follower after the other did. */
export class FollowTotals {
  readonly fates: Fates = noFates()
  bytes = 0

  add(figures: Pick<FollowFigures, 'fates' | 'bytes'>): void {
    addFates(this.fates, figures.fates)
    this.bytes += figures.bytes
  }
}

/** What is known at the end. */
export type Followed = {
  readonly totals: FollowTotals
  readonly figures: FollowFigures | undefined
  readonly standings: readonly SourceStanding[]
}

/**
 * Follows until the signal comes.
 *
 * @throws whatever does not pass by waiting
 */
export async function supervise(options: SuperviseOptions): Promise<Followed> {
  const { signal, onState } = options
  const totals = new FollowTotals()
  const delays = new ExponentialBackoff({
    generator: decorrelatedJitterGenerator,
    initialDelay: LIMITS.storeRetryMsMin,
    maxDelay: LIMITS.storeRetryMsMax,
  })
  let delay: ReturnType<typeof delays.next> | undefined
  let tries = 0
  let hasWorked = false
  onState({ state: 'starting', code: undefined, message: undefined, retryInMs: 0, tries })
  for (;;) {
    let opened: Opened | undefined
    try {
      opened = await options.open()
      const { follower } = opened
      let isRunning = false
      await follower.run(async (outcome) => {
        if (!isRunning) {
          isRunning = true
          hasWorked = true
          onState({ state: 'running', code: undefined, message: undefined, retryInMs: 0, tries })
        }
        // Only a commit shows that the store takes what it is given.
        if (outcome.committed > 0) {
          tries = 0
          delay = undefined
        }
        await options.between(opened!, outcome)
      })
      const standings = follower.standings()
      await follower.finish()
      totals.add(follower.figures())
      return { totals, figures: follower.figures(), standings }
    } catch (thrown) {
      const error = await options.explain(thrown)
      if (opened !== undefined) {
        totals.add(opened.follower.figures())
        await opened.follower.abandon().catch(() => {})
      }
      if (!(error instanceof OperatingError)) throw error
      if (!PASSING.has(error.code) && !(hasWorked && PASSING_LATER.has(error.code))) throw error
      if (signal.aborted) return { totals, figures: undefined, standings: [] }
      delay = delay?.next(undefined) ?? delays.next()
      tries += 1
      const { code, message } = error
      const retryInMs = Math.round(delay.duration)
      onState({ state: 'waiting', code, message, retryInMs, tries })
      await options.wait(retryInMs, signal)
      if (signal.aborted) return { totals, figures: undefined, standings: [] }
    } finally {
      await opened?.close().catch(() => {})
    }
  }
}
