/** Partitions of `raw_events`: one for each month of event time. */
import type { InstantUs } from '../../core/instant.ts'
import { LIMITS } from '../../limits.ts'
import type { Client } from './connection.ts'

/** January 2010, in months since 1970: what is older lies with the rest. */
const MONTH_MIN = 480

/** The months that instants lie in, counted since January 1970. */
export function monthsOf(times: ArrayLike<InstantUs>): number[] {
  const months = new Set<number>()
  let from = 1
  let until = 0
  for (let i = 0; i < times.length; i += 1) {
    const time = times[i]!
    if (time >= from && time < until) continue
    const date = new Date(Math.floor(time / 1000))
    const month = (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
    if (Number.isNaN(month)) continue
    from = Date.UTC(1970, month, 1) * 1000
    until = Date.UTC(1970, month + 1, 1) * 1000
    months.add(month)
  }
  return [...months]
}

/** Over spread tables a transaction that looks and then changes them goes by one connection to each server. */
export const SEQUENTIAL = `set local citus.multi_shard_modify_mode to 'sequential'`

/**
 * Makes the partitions that are missing, each in a transaction of its own, and those of the month after each: so that
 * they are there in time. Months too old or too far ahead lie in the partition of the rest.
 */
export async function addMonths(
  client: Client,
  months: readonly number[],
  isDistributed: boolean,
): Promise<void> {
  if (months.length === 0) return
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_partition_tree('raw_events') join pg_class on oid = relid where isleaf`,
  )
  const there = new Set(rows.map((row) => row.name))
  const wanted = new Set(months.flatMap((month) => [month, month + 1]))
  for (const month of [...wanted].sort((a, b) => a - b)) {
    if (month < MONTH_MIN) continue
    const name = new Date(Date.UTC(1970, month, 1)).toISOString().slice(0, 7).replace('-', '_')
    if (!there.has(`raw_events_${name}`)) await addMonth(client, month, isDistributed)
  }
}

/**
 * One month. Whoever reads all events (a verification) keeps the lock that this needs for a moment, and whoever waits
 * for it holds up everyone behind: so it is asked for again and again, each time for a short time only.
 */
async function addMonth(client: Client, month: number, isDistributed: boolean): Promise<void> {
  const started = performance.now()
  for (;;) {
    try {
      await client.query('begin')
      await client.query("set local lock_timeout = '300ms'")
      if (isDistributed) await client.query(SEQUENTIAL)
      await client.query('select nacre_add_month($1)', [month])
      await client.query('commit')
      return
    } catch (error) {
      await client.query('rollback')
      const isLocked = error instanceof Error && 'code' in error && error.code === '55P03'
      if (!isLocked || performance.now() - started > LIMITS.monthWaitMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1_000))
    }
  }
}
