import { isIP } from 'node:net'
import { UsageError } from '../core/errors.ts'
import type { InstantUs } from '../core/instant.ts'
import type { SafeText } from '../core/text.ts'
import { toVisible } from '../neutralize/visible.ts'
import { refang } from '../output/defang.ts'
import { readInstant } from '../validate/instant.ts'
import type { OptionSpec, OptionValues } from './command.ts'

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

/**
 * The stretch of time between two options, the second of which is `--until`.
 *
 * @param start - name of the first
 * @throws UsageError for a time that is none, and for a stretch in which nothing can lie
 */
export function stretchOption(
  options: OptionValues,
  start: 'since' | 'from',
): { readonly sinceUs: InstantUs | undefined; readonly untilUs: InstantUs | undefined } {
  const sinceUs = instantOption(options[start], start)
  const untilUs = instantOption(options['until'], 'until')
  if (sinceUs !== undefined && untilUs !== undefined && sinceUs >= untilUs)
    throw new UsageError('USAGE_BAD_OPTION', `--${start} is not before --until.`, {
      hint: `Give the earlier time with --${start}; --until is the first instant that is left out.`,
    })
  return { sinceUs, untilUs }
}

/**
 * The address of `--ip`, defanged or not.
 *
 * @throws UsageError for what is no address: an answer about it would look like that of a quiet one
 */
export function addressOption(value: unknown): SafeText | undefined {
  if (typeof value !== 'string') return undefined
  const address = refang(value)
  if (isIP(address) !== 0) return toVisible(address)
  throw new UsageError('USAGE_BAD_OPTION', `--ip "${value.slice(0, 40)}" is no address.`, {
    hint: 'Write one whole address, 198.51.100.7 or 2001:db8::7; networks and names are not looked for.',
  })
}
