import { LookupFailed } from '../core/errors.ts'
import type { Store } from './app.ts'

/** Names that the hint lists. */
const LISTED = 10

/**
 * Refuses a slip of the pen in `--sensor`: an answer about a sensor that is not there looks like that of a quiet one.
 *
 * @throws LookupFailed `LOOKUP_NO_SENSOR`
 */
export async function checkSensors(store: Store, asked: readonly string[]): Promise<void> {
  if (asked.length === 0) return
  const { sensorNames } = await import('../store/repo/sensors.ts')
  const known = await sensorNames(store.query)
  const unknown = asked.find((name) => !known.some((one) => one === name))
  if (unknown === undefined) return
  // A hint shows no text of a log: of the names, those that can be nothing but names.
  const shown = known.filter((name) => /^[\w.-]{1,40}$/.test(name)).slice(0, LISTED)
  const more = known.length > shown.length ? `, and ${known.length - shown.length} more` : ''
  throw new LookupFailed('LOOKUP_NO_SENSOR', `There is no sensor "${unknown.slice(0, 40)}".`, {
    hint:
      shown.length === 0
        ? 'Names are compared exactly; the sources of "nacre status" have them.'
        : `Names are compared exactly. There are: ${shown.join(', ')}${more}.`,
  })
}
