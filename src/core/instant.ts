/** Microseconds since 1970-01-01T00:00:00Z, a safe integer. */
export type InstantUs = number

/** Whole days since 1970-01-01, UTC. */
export type DayNumber = number

export const US_PER_DAY = 86_400_000_000

/** Prints an instant as `YYYY-MM-DDTHH:MM:SS.ffffffZ`. */
export function formatInstant(us: InstantUs): string {
  const ms = Math.floor(us / 1000)
  const rest = us - ms * 1000
  return `${new Date(ms).toISOString().slice(0, -1)}${String(rest).padStart(3, '0')}Z`
}

/** The UTC day in which an instant lies. */
export function dayOf(us: InstantUs): DayNumber {
  return Math.floor(us / US_PER_DAY)
}

/** Prints a day as `YYYY-MM-DD`. */
export function formatDay(day: DayNumber): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10)
}

/** Days since 1970 of a date of the proleptic Gregorian calendar; `undefined` where there is no such date. */
export function dayNumber(year: number, month: number, day: number): DayNumber | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  // Days from civil: shift the year to start in March so that the leap day is its last.
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** First day (a Monday) of an ISO 8601 week; `undefined` where the year has no such week. */
export function isoWeekStart(year: number, week: number): DayNumber | undefined {
  const january4 = dayNumber(year, 1, 4)
  if (january4 === undefined || week < 1 || week > 53) return undefined
  // 1970-01-01 was a Thursday, so (day + 3) mod 7 counts from Monday.
  const weekOne = january4 - ((((january4 + 3) % 7) + 7) % 7)
  const start = weekOne + (week - 1) * 7
  const nextJanuary4 = dayNumber(year + 1, 1, 4)!
  const nextWeekOne = nextJanuary4 - ((((nextJanuary4 + 3) % 7) + 7) % 7)
  return start < nextWeekOne ? start : undefined
}
