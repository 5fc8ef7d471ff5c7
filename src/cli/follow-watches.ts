/** What goes on beside a follower once a minute: figures of the store, anomalies, places of addresses. */
import { AnomalyWatch } from '../anomaly/watch.ts'
import type { PackedBatch } from '../core/packed.ts'
import type { GeoWatch } from '../geo/watch.ts'
import { LIMITS } from '../limits.ts'
import { terminal } from '../output/encode/terminal.ts'
import type { Follower } from '../pipeline/delta.ts'
import { setEmergency } from '../pipeline/emergency.ts'
import { systemFiles } from '../source/files.ts'
import type { Fates, Store } from '../store/port.ts'
import type { App } from './app.ts'
import { FigureKeeper } from './load.ts'

type Places = { readonly watch: GeoWatch; readonly store: Store }

/** @returns undefined where no file of places is configured */
async function openPlaces(app: App): Promise<Places | undefined> {
  const { geoDatabases: paths } = app.settings
  if (paths.length === 0) return undefined
  const { GeoWatch } = await import('../geo/watch.ts')
  // One of its own: what it writes has a turn beside the loader's.
  const store = await app.openStore('write', { isFollower: true })
  const { clock, signal } = app
  return { watch: new GeoWatch({ paths, files: systemFiles, store, clock, signal }), store }
}

/** Made with each store that a follower is opened on. */
export class FollowWatches {
  readonly #app: App
  readonly #figures: FigureKeeper
  readonly #anomalies: AnomalyWatch
  readonly #places: Places | undefined
  #placesProblem = ''
  #dueMs = performance.now() + LIMITS.figuresMs

  private constructor(app: App, store: Store, places: Places | undefined) {
    this.#app = app
    this.#places = places
    this.#figures = new FigureKeeper(app, store)
    this.#anomalies = new AnomalyWatch({
      store: store.activity,
      policy: app.settings.anomalyPolicy,
      placeOf: places === undefined ? undefined : (ip) => places.watch.lookup(ip),
      throttleEventsPerSecond: app.settings.anomalyThrottleEventsPerSecond,
      hold: (reason) =>
        setEmergency(store, 'on', { actor: app.command, reason, trigger: 'anomaly' }),
      problem: (error) => this.#tellProblem(error),
    })
  }

  static async start(app: App, store: Store): Promise<FollowWatches> {
    const watches = new FollowWatches(app, store, await openPlaces(app))
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
    await this.#lookUpPlaces()
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
    await this.#places?.store.close().catch(() => {})
  }

  async #lookUpPlaces(): Promise<void> {
    if (this.#places === undefined) return
    const { problem } = await this.#places.watch.tick()
    const what =
      problem === undefined ? '' : problem instanceof Error ? problem.message : String(problem)
    if (what !== '' && what !== this.#placesProblem)
      this.#app.out.note(
        terminal`Places of addresses cannot be looked up now: ${terminal.own(what)}`,
      )
    this.#placesProblem = what
  }

  #tellProblem(error: unknown): void {
    const what = error instanceof Error ? error.message : String(error)
    this.#app.out.note(terminal`Anomalies cannot be looked for now: ${terminal.own(what)}`)
  }
}
