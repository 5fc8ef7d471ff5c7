import { FLAGS } from '../core/event.ts'
import { dayNumber, type InstantUs, US_PER_DAY } from '../core/instant.ts'
import type { PlainJson } from '../core/json.ts'

/** An instant and what was noticed about its spelling. */
export type ReadInstant = { us: InstantUs; flags: number }

const SHAPE =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,18}))?)?\s*([Zz]|UTC|[+-]\d{2}(?::?\d{2})?)?$/

// Lines come in the order of time: the day of the one before is nearly always the day of this one.
let lastDate = ''
let lastDay = 0

/**
 * Reads the time of an event: version 1 of the rules, part of an event's identity.
 *
 * ISO 8601 with `T` or a blank, with or without seconds and fraction; zone `Z`, `+00`, `+0000`, `+05:45` or none (then
 * UTC, flagged); or a number since 1970 in seconds, milliseconds or microseconds, told apart by its size.
 *
 * @param into - receives the result; left alone when there is none
 * @returns whether the value is a time
 */
export function readInstant(value: PlainJson | undefined, into: ReadInstant): boolean {
  if (typeof value === 'number') return readEpoch(value, into)
  if (typeof value !== 'string') return false
  if (value.length === 27 && value.charCodeAt(26) === 0x5a && readCowrie(value, into)) return true
  return readAny(value, into)
}

/** `YYYY-MM-DDTHH:MM:SS.ffffffZ`, what Cowrie writes with TZ=UTC. */
function readCowrie(text: string, into: ReadInstant): boolean {
  if (
    text.charCodeAt(10) !== 0x54 ||
    text.charCodeAt(13) !== 0x3a ||
    text.charCodeAt(16) !== 0x3a ||
    text.charCodeAt(19) !== 0x2e
  )
    return false
  const date = text.slice(0, 10)
  if (date !== lastDate) {
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return false
    const day = dayNumber(
      Number(date.slice(0, 4)),
      Number(date.slice(5, 7)),
      Number(date.slice(8, 10)),
    )
    if (day === undefined) return false
    lastDate = date
    lastDay = day
  }
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  const second = digits(text, 17, 2)
  const micros = digits(text, 20, 6)
  if (hour < 0 || minute < 0 || second < 0 || micros < 0 || hour > 23 || minute > 59 || second > 59)
    return false
  into.us = Math.min(
    LAST_US,
    lastDay * US_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros,
  )
  into.flags = exactness(into.us)
  into.us = exactOf(into.us)
  return true
}

function digits(text: string, from: number, count: number): number {
  let value = 0
  for (let i = from; i < from + count; i += 1) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function readAny(text: string, into: ReadInstant): boolean {
  if (text.length > 64) return false
  const found = SHAPE.exec(text.trim())
  if (found === null) return /^\d{9,17}(\.\d{1,9})?$/.test(text) && readEpoch(Number(text), into)
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = found
  const date = dayNumber(Number(year), Number(month), Number(day))
  if (date === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    return false
  const offset = zoneMinutes(zone)
  if (offset === undefined) return false
  const micros = Number(fraction.padEnd(6, '0').slice(0, 6))
  const seconds = (Number(hour) * 60 + Number(minute) - offset) * 60 + Number(second)
  into.us = Math.min(LAST_US, date * US_PER_DAY + seconds * 1_000_000 + micros)
  into.flags = exactness(into.us)
  into.us = exactOf(into.us)
  if (/[1-9]/.test(fraction.slice(6))) into.flags |= FLAGS['lost-precision']
  if (zone === undefined) into.flags |= FLAGS['no-zone']
  return true
}

function zoneMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === 'Z' || zone === 'z' || zone === 'UTC') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', '') || '0')
  if (hours > 23 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}

/** Seconds up to the year 5138, then milliseconds, then microseconds: the ranges of real logs do not overlap. */
function readEpoch(value: number, into: ReadInstant): boolean {
  if (!Number.isFinite(value) || value < 0) return false
  const us = value < 1e11 ? value * 1e6 : value < 1e14 ? value * 1e3 : value
  if (us > LAST_US) return false
  into.us = Math.round(us)
  into.flags = exactness(into.us) | FLAGS['no-zone']
  into.us = exactOf(into.us)
  return true
}

/** The last second of the year 9999. */
const LAST_US = 253_402_300_799_000_000

/** Beyond the year 2255 a double no longer holds every microsecond. */
function exactness(us: number): number {
  return Number.isSafeInteger(us) ? 0 : FLAGS['lost-precision']
}

/** Where a double does not hold every microsecond it holds every second, and its shortest text is that integer. */
function exactOf(us: number): number {
  return Number.isSafeInteger(us) ? us : Math.floor(us / 1_000_000) * 1_000_000
}
