/** What is usual for an hour of a sensor. Pure: hours in, figures out. */
import type { BaselineBasis, HourNumber } from '../core/anomaly.ts'
import { LIMITS } from '../limits.ts'

/** A figure by hour; an hour without an entry was not counted, which is not the same as 0. */
export type History = ReadonlyMap<HourNumber, number>

export type Baseline = {
  readonly basis: BaselineBasis
  readonly samples: number
  readonly median: number
  /** 1.4826 times the median of the distances from the median: the standard deviation where figures are normal. */
  readonly spread: number
  /** The same of the busier hours of a week, as a share of what is usual at their hour of the day: how it bursts. */
  readonly burst: number
}

/** Hours counted among those that a baseline looks at, and the baseline where they are enough. */
export type Knowledge = { readonly counted: number; readonly baseline: Baseline | undefined }

const WEEK = 168
const DAY = 24
/** Samples below which hours of one kind say nothing; of all hours a day's worth. */
const SAMPLES_MIN = 4
const ALL_SAMPLES_MIN = DAY
/** Makes the median distance of normal figures their standard deviation. */
const MAD_SCALE = 1.4826

/** The hours that the baseline of an hour looks at, ascending. */
export function hoursBefore(hour: HourNumber): HourNumber[] {
  const hours = new Set<HourNumber>(sameHourOfWeek(hour))
  for (const one of sameHourOfDay(hour)) hours.add(one)
  for (let back = 1; back <= WEEK; back += 1) hours.add(hour - back)
  return [...hours].sort((a, b) => a - b)
}

/**
 * The usual figure of an hour: of the same hour of the week where enough of them were counted, else of the same hour of
 * the day, else of all hours of a week.
 *
 * @returns no baseline while too few hours were counted: the detector learns
 */
export function knowledgeOf(history: History, hour: HourNumber): Knowledge {
  const hours = hoursBefore(hour)
  const counted = hours.reduce((sum, one) => sum + (history.has(one) ? 1 : 0), 0)
  if (counted < LIMITS.activitySamplesMin) return { counted, baseline: undefined }
  const all = hours.filter((one) => one >= hour - WEEK)
  for (const [basis, of, least] of [
    ['hour of the week', sameHourOfWeek(hour), SAMPLES_MIN],
    ['hour of the day', sameHourOfDay(hour), SAMPLES_MIN],
    ['all hours', all, ALL_SAMPLES_MIN],
  ] as const) {
    const figures = of.flatMap((one) => history.get(one) ?? [])
    if (figures.length < least) continue
    return { counted, baseline: { ...baselineOf(basis, figures), burst: burstOf(history, all) } }
  }
  return { counted, baseline: undefined }
}

/** The middle of the figures; of an even number of them the mean of the two in the middle. */
export function medianOf(figures: readonly number[]): number {
  const sorted = Float64Array.from(figures).sort()
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle]!
  return sorted.length === 0 ? 0 : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function baselineOf(basis: BaselineBasis, figures: readonly number[]): Omit<Baseline, 'burst'> {
  const median = medianOf(figures)
  const spread = MAD_SCALE * medianOf(figures.map((one) => Math.abs(one - median)))
  return { basis, samples: figures.length, median, spread }
}

/**
 * How far busier hours lie above the median of their hour of the day, as a share of it.
 *
 * Few samples of one hour can agree by chance, and figures of attacks lean to one side: the busier half of a whole week
 * tells both.
 */
function burstOf(history: History, hours: readonly HourNumber[]): number {
  const byHourOfDay = new Map<number, number[]>()
  for (const hour of hours) {
    const figure = history.get(hour)
    if (figure === undefined) continue
    const known = byHourOfDay.get(hour % DAY)
    if (known === undefined) byHourOfDay.set(hour % DAY, [figure])
    else known.push(figure)
  }
  const shares: number[] = []
  for (const figures of byHourOfDay.values()) {
    const median = medianOf(figures)
    if (figures.length < 3 || median < 1) continue
    for (const one of figures) if (one > median) shares.push(one / median - 1)
  }
  return MAD_SCALE * medianOf(shares)
}

function sameHourOfWeek(hour: HourNumber): HourNumber[] {
  return Array.from({ length: LIMITS.activityWeeks }, (_, i) => hour - (i + 1) * WEEK)
}

function sameHourOfDay(hour: HourNumber): HourNumber[] {
  return Array.from({ length: 14 }, (_, i) => hour - (i + 1) * DAY)
}
