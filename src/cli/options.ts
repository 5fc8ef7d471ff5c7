import { UsageError } from '../core/errors.ts'
import type { InstantUs } from '../core/instant.ts'
import { readInstant } from '../validate/instant.ts'
import type { OptionSpec } from './command.ts'

/** Which event of a session is meant. */
export const EVENT_OPTIONS: Readonly<Record<'event' | 'sensor', OptionSpec>> = {
  event: {
    type: 'integer',
    value: 'N',
    min: 1,
    max: 1_000_000,
    help: 'event of the session, from 1',
  },
  sensor: {
    type: 'string',
    value: 'NAME',
    help: 'sensor, where several have a session of this id',
  },
}

/**
 * An instant given as an option: a day or an ISO 8601 time; without a zone it is UTC.
 *
 * @throws UsageError
 */
export function instantOption(value: unknown, name: string): InstantUs | undefined {
  if (typeof value !== 'string') return undefined
  const into = { us: 0, flags: 0 }
  const text = /^\d{4}-\d{2}-\d{2}$/.test(value) ? `${value}T00:00:00Z` : value
  if (readInstant(text, into)) return into.us
  throw new UsageError('USAGE_BAD_OPTION', `--${name} "${value.slice(0, 40)}" is no time.`, {
    hint: 'Write 2026-11-22 or 2026-11-22T19:43:52Z.',
  })
}
