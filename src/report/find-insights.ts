/** What a report says beyond its figures, found in one pass over the sessions of its period. */
import { ownText } from '../core/event.ts'
import { type DayNumber, formatDay, formatInstant } from '../core/instant.ts'
import { compareUtf8, type SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import { attackOf } from './attack.ts'
import { CampaignFinder } from './campaigns.ts'
import type { Insights, Quality } from './insights.ts'
import { classesOf, type KnownValues, keysOf, noveltyOf } from './novelty.ts'
import type { InsightSource, TextReader } from './reader.ts'
import { UnusualFinder } from './unusual.ts'

type Openings = { withoutStart: number; withoutEnd: number }

/**
 * @param known - values of the period
 * @param silent - sensors that fell silent
 * @param limit - entries of each list
 */
export async function findInsights(
  source: InsightSource,
  reader: TextReader,
  days: { readonly fromDay: DayNumber; readonly untilDay: DayNumber },
  known: KnownValues,
  silent: readonly SafeText[],
  limit: number,
): Promise<Omit<Insights, 'comparison'>> {
  const sensors = await source.sensorNames()
  const nameOf = (id: number): SafeText => sensors.get(id) ?? ownText('')
  const keyCommands = await source.commandsWithKeys()
  const keys = keysOf(keyCommands, reader)
  const classes = classesOf(known)
  const isWanted = (id: number): boolean => classes.has(id)
  const campaigns = new CampaignFinder(classes, known.hassh.before, keys, nameOf)
  const unusual = new UnusualFinder(classes, known.command.before, keys, (session) =>
    campaigns.keysOf(session),
  )

  const bounds: string[] = []
  const perHour = new Array<number>(24).fill(0)
  const perDay = new Map<DayNumber, number>()
  const openings = new Map<number, Openings>()
  let compared = 0
  // The newest first, so that they are compared where there are too many.
  for (let until = days.untilDay; until > days.fromDay; until -= LIMITS.comparedDays) {
    const from = Math.max(days.fromDay, until - LIMITS.comparedDays)
    const { hours, open, active } = await source.sessionsOfDays(from, until, isWanted)
    for (const one of hours) {
      perHour[one.hour]! += one.events
      perDay.set(one.day, (perDay.get(one.day) ?? 0) + one.sessions)
    }
    for (const { sensorId, withoutStart, withoutEnd } of open) {
      const sum = openings.get(sensorId) ?? { withoutStart: 0, withoutEnd: 0 }
      sum.withoutStart += withoutStart
      sum.withoutEnd += withoutEnd
      openings.set(sensorId, sum)
    }
    const isAll = compared + active.length <= LIMITS.comparedSessionsMax
    if (isAll)
      for (const session of active) {
        campaigns.add(session)
        unusual.add(session, nameOf(session.sensorId))
      }
    else if (compared <= LIMITS.comparedSessionsMax)
      bounds.push(
        `Campaigns and unusual sessions are those that began on ${formatDay(until)} or later: there are too many to compare them all.`,
      )
    // Once some days were too much, none before them is taken.
    compared = isAll ? compared + active.length : Number.POSITIVE_INFINITY
  }
  if (keyCommands.length === LIMITS.keyCommandsMax)
    bounds.push(`SSH keys are those of the first ${LIMITS.keyCommandsMax} commands that hold one.`)

  return {
    novelty: await noveltyOf(source, reader, known, keys, campaigns.byKey, limit),
    unusual: await unusual.find(source, limit),
    campaigns: await campaigns.find(source, reader, limit),
    attack: await attackOf(source, reader),
    perHour,
    sessionsPerDay: Object.fromEntries(
      [...perDay].sort(([a], [b]) => a - b).map(([day, count]) => [formatDay(day), count]),
    ),
    quality: await qualityOf(source, reader, sensors, openings, silent),
    bounds,
  }
}

async function qualityOf(
  source: InsightSource,
  reader: TextReader,
  names: ReadonlyMap<number, SafeText>,
  openings: ReadonlyMap<number, Openings>,
  silent: readonly SafeText[],
): Promise<Quality> {
  const { events, heldEvents, fates, drift, tornSources, checkpoint } = await source.quality()
  return {
    sensors: [...names]
      .filter(
        ([id, name]) =>
          events.has(id) || heldEvents.has(id) || openings.has(id) || silent.includes(name),
      )
      .map(([id, sensor]) => ({
        sensor,
        events: events.get(id) ?? 0,
        heldEvents: heldEvents.get(id) ?? 0,
        sessionsWithoutStart: openings.get(id)?.withoutStart ?? 0,
        sessionsWithoutEnd: openings.get(id)?.withoutEnd ?? 0,
        isSilent: silent.includes(sensor),
      }))
      .sort((a, b) => compareUtf8(a.sensor, b.sensor)),
    ...{ fates, drift, tornSources },
    ruleSet: reader.ruleSet,
    checkpoint:
      checkpoint === null
        ? null
        : {
            seq: checkpoint.seq,
            madeAt: formatInstant(checkpoint.madeAtUs),
            upToBatch: checkpoint.upToBatch,
          },
  }
}
