/** Microseconds of one day. */
export const DAY_US = 86_400_000_000

const DAY_MS = 86_400_000
const TWO = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))
const THREE = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'))

/** The days since 1970-01-01 of a text `YYYY-MM-DD`, or undefined when there is no such day. */
export function parseDay(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined
  const ms = Date.parse(`${text}T00:00:00Z`)
  // Date.parse takes 2026-02-30 for the second of March in some engines: ask for the text back.
  return Number.isNaN(ms) || dayText(ms / DAY_MS) !== text ? undefined : ms / DAY_MS
}

/** `YYYY-MM-DD` of a day number. */
export function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** `YYYY-MM` of a day number. */
export function monthText(day: number): string {
  return dayText(day).slice(0, 7)
}

/** ISO 8601 week of a day number, `YYYY-Www`: the week belongs to the year of its Thursday. */
export function weekText(day: number): string {
  const thursday = day - ((day + 3) % 7) + 3 // day 0 was a Thursday, so day -3 a Monday
  const year = new Date(thursday * DAY_MS).getUTCFullYear()
  const week = 1 + Math.floor((thursday - Date.UTC(year, 0, 1) / DAY_MS) / 7)
  return `${year}-W${String(week).padStart(2, '0')}`
}

/** Writes instants as Cowrie does in a process with TZ=UTC; quick for instants of the same day. */
export class InstantWriter {
  #day = -1
  #prefix = ''

  /** @param atUs - microseconds since 1970-01-01 UTC */
  text(atUs: number): string {
    const day = Math.floor(atUs / DAY_US)
    if (day !== this.#day) {
      this.#day = day
      this.#prefix = `${dayText(day)}T`
    }
    const us = atUs - day * DAY_US
    const seconds = Math.floor(us / 1_000_000)
    const fraction = us - seconds * 1_000_000
    const minutes = (seconds / 60) | 0
    const hours = (minutes / 60) | 0
    const ms = (fraction / 1000) | 0
    return `${this.#prefix + TWO[hours]}:${TWO[minutes - hours * 60]}:${TWO[seconds - minutes * 60]}.${
      THREE[ms]
    }${THREE[fraction - ms * 1000]}Z`
  }
}
