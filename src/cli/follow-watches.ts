/** What goes on beside a follower once a minute: figures of the store, anomalies. */
import { AnomalyWatch } from '../anomaly/watch.ts'
import type { PackedBatch } from '../core/packed.ts'
import { LIMITS } from '../limits.ts'
import { terminal } from '../output/encode/terminal.ts'
import type { Follower } from '../pipeline/delta.ts'
import { setEmergency } from '../pipeline/emergency.ts'
import type { Fates, Store } from '../store/port.ts'
import type { App } from './app.ts'
import { FigureKeeper } from './load.ts'

/** Made with each store that a follower is opened on. */
export class FollowWatches {
  readonly #app: App
  readonly #figures: FigureKeeper
  readonly #anomalies: AnomalyWatch
  #dueMs = performance.now() + LIMITS.figuresMs

  private constructor(app: App, store: Store) {
    this.#app = app
    this.#figures = new FigureKeeper(app, store)
    this.#anomalies = new AnomalyWatch({
      store: store.activity,
      policy: app.settings.anomalyPolicy,
      throttleEventsPerSecond: app.settings.anomalyThrottleEventsPerSecond,
      hold: (reason) =>
        setEmergency(store, 'on', { actor: app.command, reason, trigger: 'anomaly' }),
      problem: (error) => this.#tellProblem(error),
    })
  }

  static async start(app: App, store: Store): Promise<FollowWatches> {
    const watches = new FollowWatches(app, store)
    await watches.#anomalies.start(app.clock())
    return watches
  }

  /** Takes each committed batch. */
  observe(readerId: number, batch: PackedBatch, fates: Fates): void {
    // Of a batch without anything new nothing is to be learnt.
    if (fates.stored + fates.held > 0) this.#anomalies.observe(readerId, batch)
  }

  /** Records a second at most, for now; 0 for no limit. */
  recordsPerSecondMax(): number {
    const { followRecordsPerSecond: own } = this.#app.settings
    const throttled = this.#anomalies.rateLimit(this.#app.clock())
    if (throttled === undefined) return own
    return own === 0 ? throttled : Math.min(own, throttled)
  }

  /** Does what is due; called between two steps. */
  async between(follower: Follower): Promise<void> {
    const now = performance.now()
    if (now < this.#dueMs) return
    this.#dueMs = now + LIMITS.figuresMs
    // Each of these has its own turn to write.
    await follower.rest()
    await this.#figures.keep(follower.figures())
    for (const { message, action } of await this.#anomalies.tick(this.#app.clock()))
      this.#app.out.note(
        terminal`Anomaly: ${terminal.own(message)}${action === 'alert' ? terminal`` : terminal` (${terminal.own(action)})`}`,
      )
  }

  /** The follower has ended: keeps what is not kept yet, as far as the store lets it. */
  async stop(follower: Follower): Promise<void> {
    await this.#figures.keep(follower.figures()).catch(() => {})
    await this.#anomalies.stop().catch(() => {})
  }

  #tellProblem(error: unknown): void {
    const what = error instanceof Error ? error.message : String(error)
    this.#app.out.note(terminal`Anomalies cannot be looked for now: ${terminal.own(what)}`)
  }
}
