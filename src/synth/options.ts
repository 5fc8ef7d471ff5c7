import { parseDay } from './calendar.ts'

/** Which Cowrie the lines imitate; `mixed` lets every sensor be upgraded from old to new. */
export const SYNTH_STYLES = ['classic', 'current', 'legacy', 'mixed'] as const

export type SynthStyle = (typeof SYNTH_STYLES)[number]

/** What to generate. Rates are shares from 0 to 1. */
export type SynthOptions = {
  /** Integer from 0 to 2^53 - 1. */
  readonly seed: number
  /** Number of distinct valid events, exact. */
  readonly events: number
  readonly days: number
  /** First UTC day, `YYYY-MM-DD`. */
  readonly start: string
  readonly sensors: number
  readonly style: SynthStyle
  /** Share of attacker-written fields that carry a hostile value. */
  readonly hostile: number
  /** Share of events whose line is written a second time, later in the same file. */
  readonly duplicates: number
  /** Extra lines that are not one JSON object, per event. */
  readonly malformed: number
  /** Extra lines that are an object without usable eventid or timestamp, per event. */
  readonly invalid: number
  /** Extra lines without content, per event. */
  readonly blank: number
  /** Share of events with bytes that are not UTF-8 in their message. */
  readonly badUtf8: number
  /** Share of attackers' addresses that are IPv6. */
  readonly ipv6: number
  /** Every file ends in half a line without newline. */
  readonly torn: boolean
  readonly gzip: boolean
  readonly gzipLevel: number
}

/** What holds where nothing is said. */
export const SYNTH_DEFAULTS: SynthOptions = {
  seed: 1,
  events: 10_000,
  days: 7,
  start: '2026-01-01',
  sensors: 2,
  style: 'classic',
  hostile: 0,
  duplicates: 0,
  malformed: 0,
  invalid: 0,
  blank: 0,
  badUtf8: 0,
  ipv6: 0,
  torn: false,
  gzip: false,
  gzipLevel: 1,
}

/** Ranges of the whole-number options, both ends included. */
export const SYNTH_RANGES = {
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER },
  events: { min: 1, max: 20_000_000 },
  days: { min: 1, max: 3_660 },
  sensors: { min: 1, max: 100 },
  gzipLevel: { min: 1, max: 9 },
} as const

/** The options that are a share from 0 to 1. */
export const SYNTH_RATES = [
  'hostile',
  'duplicates',
  'malformed',
  'invalid',
  'blank',
  'badUtf8',
  'ipv6',
] as const

const STYLES: readonly string[] = SYNTH_STYLES
const FIRST_YEAR = 2010
const LAST_YEAR = 2099

/** The option that cannot be used and why, or undefined when all can. */
export function checkSynthOptions(
  options: SynthOptions,
): { readonly option: keyof SynthOptions; readonly problem: string } | undefined {
  for (const [name, range] of Object.entries(SYNTH_RANGES)) {
    const option = name as keyof typeof SYNTH_RANGES // the keys of that very object
    const value = options[option]
    if (!Number.isInteger(value) || value < range.min || value > range.max) {
      return { option, problem: `must be a whole number from ${range.min} to ${range.max}` }
    }
  }
  for (const option of SYNTH_RATES) {
    const value = options[option]
    if (!(value >= 0 && value <= 1)) return { option, problem: 'must be a share from 0 to 1' }
  }
  if (!STYLES.includes(options.style)) {
    return { option: 'style', problem: `must be one of ${STYLES.join(', ')}` }
  }
  const year = Number(options.start.slice(0, 4))
  if (parseDay(options.start) === undefined || year < FIRST_YEAR || year > LAST_YEAR) {
    return {
      option: 'start',
      problem: `must be a day YYYY-MM-DD in the years ${FIRST_YEAR} to ${LAST_YEAR}`,
    }
  }
  return undefined
}
