/** Alerts for a process that loads without an end. */
import { AlertWatch, type LoaderState } from '../alert/index.ts'
import type { InstantUs } from '../core/instant.ts'
import type { AlertStore, Store } from '../store/port.ts'
import { alertChannels } from './alert-channels.ts'
import type { App } from './app.ts'
import { diskOf, type LiveSituation, storedSituation } from './situation.ts'

export type Alerting = {
  /** How often to look. */
  readonly everyMs: number
  /**
   * Takes what the loop knows, asks the store for the rest, and leaves the sending to itself. Never fails.
   *
   * @param state - of the loop; its instant is kept here
   */
  look(state: LoaderState, sources: LiveSituation['sources']): Promise<void>
  /** Ends what is under way. */
  close(): Promise<void>
}

/**
 * Opens the store once more, for alerts alone: they take turns with the writer of the loop as another process would.
 * It is opened when it is needed, and anew when it failed: a loop that waits for its store is a reason for an alert.
 *
 * @param onFailure - told why a look failed
 * @returns undefined where no channel is set up: then there is nobody to tell
 * @throws ConfigError when a channel is set up wrongly
 */
export async function startAlerts(
  app: App,
  onFailure: (sentence: string) => void,
): Promise<Alerting | undefined> {
  const { alerts: settings, data } = app.settings
  const { clock } = app
  const channels = await alertChannels(settings, process.env)
  if (channels.length === 0) return undefined
  const opener = new Opener(app)
  const watch = new AlertWatch({
    settings,
    store: opener.alerts,
    clock,
    channels,
    onFailure,
  })
  let loader: { state: LoaderState; sinceUs: InstantUs } | undefined
  let asking: Promise<void> | undefined
  const ask = async (live: LiveSituation): Promise<void> => {
    const nowUs = clock()
    try {
      const stored = await opener.use((store) => storedSituation(store, data, nowUs))
      watch.look({ ...stored, ...live })
    } catch {
      // What the store would say is not known; that it is away, and how the disk is, can be told all the same.
      watch.look({
        ...{ nowUs, sensors: undefined, deadLetters: undefined, heldBatches: undefined },
        ...{ openAnomalies: undefined, disk: diskOf(data), ...live },
      })
    }
    asking = undefined
  }
  return {
    everyMs: settings.checkSeconds * 1_000,
    look(state, sources) {
      if (loader?.state !== state) loader = { state, sinceUs: clock() }
      // A store that takes longer than from one look to the next is asked once.
      asking ??= ask({ sources: state === 'running' ? sources : undefined, loader })
      return asking
    },
    async close() {
      await watch.close()
      await opener.close()
    },
  }
}

/** A store that is opened when something is asked of it, and closed after a failure. */
class Opener {
  readonly #app: App
  #store: Promise<Store> | undefined

  constructor(app: App) {
    this.#app = app
  }

  readonly alerts: AlertStore = {
    beginLook: (nowUs, untilUs) => this.use(({ alerts }) => alerts.beginLook(nowUs, untilUs)),
    endLook: (nowUs) => this.use(({ alerts }) => alerts.endLook(nowUs)),
    memory: () => this.use(({ alerts }) => alerts.memory()),
    save: (changes) => this.use(({ alerts }) => alerts.save(changes)),
    acknowledge: (id, draft) => this.use(({ alerts }) => alerts.acknowledge(id, draft)),
  }

  async use<T>(work: (store: Store) => Promise<T>): Promise<T> {
    try {
      this.#store ??= this.#app.openStore('write', { isFollower: true })
      return await work(await this.#store)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    const store = this.#store
    this.#store = undefined
    await store?.then((one) => one.close()).catch(() => {})
  }
}
