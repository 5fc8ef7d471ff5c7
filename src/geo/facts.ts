/**
 * What a record of a database says of an address, whoever made the database.
 *
 * Known shapes: MaxMind (GeoLite2, GeoIP2) and DB-IP nest (`country.iso_code`, `city.names.en`); IPinfo and others are
 * flat (`country`, `country_code`, `asn: "AS64500"`, `as_name`). Everything else in a record is left alone, and a value
 * of another type or form counts as absent.
 */
import type { SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import { toVisible, visibleBytesText } from '../neutralize/visible.ts'
import type { MmdbValue } from './mmdb.ts'

/** What can be known of an address. */
export const FACT_NAMES = ['country', 'city', 'asn', 'organisation'] as const

export type FactName = (typeof FACT_NAMES)[number]

export type Facts = {
  /** ISO 3166-1 alpha-2, capital letters. */
  readonly country: SafeText | null
  readonly city: SafeText | null
  /** Number of the autonomous system, 1 to 2^32 - 1. */
  readonly asn: number | null
  /** Who runs it, in the words of the database. */
  readonly organisation: SafeText | null
}

export const NO_FACTS: Facts = { country: null, city: null, asn: null, organisation: null }

const COUNTRY = ['country.iso_code', 'country_code', 'country'] as const
const CITY = ['city.names.en', 'city', 'city_name'] as const
const ASN = [
  'autonomous_system_number',
  'traits.autonomous_system_number',
  'asn',
  'as_number',
] as const
const ORGANISATION = [
  'autonomous_system_organization',
  'traits.autonomous_system_organization',
  'as_name',
] as const

export function factsOf(record: MmdbValue): Facts {
  const asn = first(record, ASN, asnOf)
  return {
    country: first(record, COUNTRY, countryOf),
    city: first(record, CITY, placeText),
    asn,
    // In older files of IPinfo the name of a system is `name`; without a system it may be anything.
    organisation:
      first(record, ORGANISATION, placeText) ??
      (asn === null ? null : first(record, ['name'], placeText)),
  }
}

export function hasFacts(facts: Facts): boolean {
  return FACT_NAMES.some((name) => facts[name] !== null)
}

/**
 * A text of a database: one line in visible form, of bounded length; null where it is none or empty.
 *
 * Texts are other people's, and they pass them on: names of networks are registered by whoever asks for one.
 */
export function placeText(value: MmdbValue): SafeText | null {
  if (value instanceof Uint8Array)
    return visibleBytesText(value.subarray(0, LIMITS.geoTextCharsMax))
  if (typeof value !== 'string') return null
  const characters = [...value.trim()]
  if (characters.length === 0) return null
  const isLong = characters.length > LIMITS.geoTextCharsMax
  return toVisible(
    isLong ? `${characters.slice(0, LIMITS.geoTextCharsMax - 1).join('')}…` : characters.join(''),
  )
}

function countryOf(value: MmdbValue): SafeText | null {
  return typeof value === 'string' && /^[A-Za-z]{2}$/.test(value)
    ? toVisible(value.toUpperCase())
    : null
}

function asnOf(value: MmdbValue): number | null {
  const number =
    typeof value === 'string' && /^(?:AS)?\d{1,10}$/i.test(value)
      ? Number(value.replace(/^AS/i, ''))
      : value
  return typeof number === 'number' &&
    Number.isInteger(number) &&
    number >= 1 &&
    number <= 0xffff_ffff
    ? number
    : null
}

/** The first of some places in a record that holds what is wanted. */
function first<T>(
  record: MmdbValue,
  paths: readonly string[],
  read: (value: MmdbValue) => T | null,
): T | null {
  for (const path of paths) {
    let value: MmdbValue = record
    for (const name of path.split('.'))
      value = value instanceof Map ? (value.get(name) ?? null) : null
    const found = read(value)
    if (found !== null) return found
  }
  return null
}
