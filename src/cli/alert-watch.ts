/** Alerts for a process that loads without an end. */
import { AlertWatch } from '../alert/index.ts'
import { OperatingError } from '../core/errors.ts'
import { alertChannels } from './alert-channels.ts'
import type { App } from './app.ts'
import { type LiveSituation, storedSituation } from './situation.ts'

export type Alerting = {
  /** How often to look. */
  readonly everyMs: number
  /** Takes what the loop knows, asks the store for the rest, and leaves the sending to itself. Never fails. */
  look(live: LiveSituation): Promise<void>
  /** Ends what is under way. */
  close(): Promise<void>
}

/**
 * Opens the store once more, for alerts alone: they take turns with the writer of the loop as another process would.
 *
 * @param onFailure - told why a look failed
 * @throws StoreError; ConfigError when a channel is set up wrongly
 */
export async function startAlerts(
  app: App,
  onFailure: (sentence: string) => void,
): Promise<Alerting> {
  const { alerts: settings, data } = app.settings
  const channels = await alertChannels(settings, process.env)
  const store = await app.openStore('write')
  const { clock } = app
  const watch = new AlertWatch({ settings, store: store.alerts, clock, channels, onFailure })
  return {
    everyMs: settings.checkSeconds * 1_000,
    async look(live) {
      try {
        watch.look({ ...(await storedSituation(store, data, clock())), ...live })
      } catch (error) {
        onFailure(error instanceof OperatingError ? error.message : 'A look for alerts failed.')
      }
    },
    async close() {
      await watch.close()
      await store.close()
    },
  }
}
