import { OperatingError } from '../core/errors.ts'
import type { InstantUs } from '../core/instant.ts'
import type { AlertStore } from '../store/port.ts'
import type { Channel } from './channel.ts'
import { LocalMemory } from './local-memory.ts'
import { type AlertRules, type LookReport, lookForAlerts } from './look.ts'
import type { Situation } from './situation.ts'

export type AlertWatchOptions = {
  readonly settings: AlertRules
  /** Of a store that was opened for this alone: see `AlertStore`. */
  readonly store: AlertStore
  readonly clock: () => InstantUs
  readonly channels: readonly Channel[]
  /** Told of each look that ended; for telemetry. */
  readonly onLook?: (report: LookReport) => void
  /** Told why a look failed, in a sentence of ours. */
  readonly onFailure?: (sentence: string) => void
}

/**
 * Looks for alerts beside a loop that must not wait.
 *
 * At most one look is under way and one situation waits: a newer one takes its place. Nothing is thrown into the loop.
 *
 * While the store is away, that and the state of the disk are told all the same, out of the memory of this process.
 */
export class AlertWatch {
  readonly #options: AlertWatchOptions
  readonly #stop = new AbortController()
  readonly #local = new LocalMemory()
  #waiting: Situation | undefined
  #running: Promise<void> | undefined

  constructor(options: AlertWatchOptions) {
    this.#options = options
  }

  /** Takes a situation and returns at once. After `close` it does nothing. */
  look(situation: Situation): void {
    if (this.#stop.signal.aborted) return
    this.#waiting = situation
    this.#running ??= this.#run()
  }

  /** Waits until nothing is under way; for tests and for the end of a loop. */
  async idle(): Promise<void> {
    await this.#running
  }

  /** Ends what is under way: messages that were not sent are due again at the next look of whoever looks. */
  async close(): Promise<void> {
    this.#waiting = undefined
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#waiting !== undefined) {
      const situation = this.#waiting
      this.#waiting = undefined
      try {
        await this.#lookAt(situation)
      } catch {
        // A listener that fails is not to end the loop either.
      }
    }
    this.#running = undefined
  }

  async #lookAt(situation: Situation): Promise<void> {
    const { settings, store, clock, channels, onLook, onFailure } = this.#options
    const options = { ...settings, clock, channels, signal: this.#stop.signal, dryRun: false }
    let failure: string | undefined
    try {
      const report = await lookForAlerts(situation, { ...options, store })
      this.#local.adopt(await store.memory())
      onLook?.(report)
    } catch (error) {
      failure = sentenceOf(error)
    }
    // Also afterwards, until what was told without the store is called over.
    if (failure !== undefined || this.#local.hasOwn)
      await lookForAlerts(withoutStore(situation), { ...options, store: this.#local })
    if (failure !== undefined) onFailure?.(failure)
  }
}

/** What is known without the store. */
function withoutStore({ nowUs, disk, loader }: Situation): Situation {
  return {
    ...{ nowUs, disk, loader, sources: undefined, sensors: undefined, deadLetters: undefined },
    ...{ heldBatches: undefined, openAnomalies: undefined },
  }
}

/** Only errors of ours have messages that are free of what others wrote. */
function sentenceOf(error: unknown): string {
  return error instanceof OperatingError ? error.message : 'A look for alerts failed.'
}
