/**
 * Measures the meter and the detectors: CPU microseconds an event, alone and against attackers who choose addresses, and
 * false alarms a sensor and week on synthetic weeks, in which nothing happens but the ordinary.
 *
 *     node bench/anomaly.ts [--events N] [--days N] [--sensors N] [--seed N]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { KnownValues } from '../src/anomaly/known-values.ts'
import { ActivityMeter } from '../src/anomaly/meter.ts'
import type { PackedBatch } from '../src/core/packed.ts'
import { synthesize } from '../src/synth/index.ts'
import { type LiveEvent, LiveReader, replayed, synthEvents } from '../test/support/activity.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '400000' },
    days: { type: 'string', default: '42' },
    sensors: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
  },
})
const [events, days, sensors, seed] = [
  Number(values.events),
  Number(values.days),
  Number(values.sensors),
  Number(values.seed),
]

const folder = mkdtempSync(join(tmpdir(), 'nacre-anomaly-'))
try {
  const out = join(folder, 'logs')
  await synthesize(out, { seed, events, days, sensors, style: 'current', start: '2026-01-05' })
  const log = synthEvents(out)
  cost('synthetic log', log)
  cost('an address and a session for each event', flood(log[0]!.atUs))
  await replay(log)
} finally {
  rmSync(folder, { recursive: true })
}

function flood(atUs: number): LiveEvent[] {
  return Array.from({ length: 200_000 }, (_, i) => ({
    atUs: atUs + i * 1_000,
    src_ip: `2001:db8::${i.toString(16)}`,
    session: (0xa00000000000 + i).toString(16),
  }))
}

function packed(log: readonly LiveEvent[]): PackedBatch[] {
  const reader = new LiveReader()
  const batches: PackedBatch[] = []
  for (let at = 0; at < log.length; at += 2_000)
    batches.push(reader.batch(log.slice(at, at + 2_000)))
  return batches
}

function cost(what: string, log: readonly LiveEvent[]): void {
  const batches = packed(log)
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round += 1) {
    const meter = new ActivityMeter(new KnownValues())
    const before = process.cpuUsage()
    for (const batch of batches) meter.observe(1, batch)
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / log.length)
  }
  console.log(`${what}: ${best.toFixed(3)} CPU microseconds an event (${log.length} events)`)
}

async function replay(log: readonly LiveEvent[]): Promise<void> {
  const before = process.cpuUsage()
  const { kept, ticks } = await replayed(log, 60_000_000)
  const { user } = process.cpuUsage(before)
  // The first three days are silent by construction.
  const sensorWeeks = (sensors * (days - 3)) / 7
  const alarms = kept.filter((one) => one.severity === 'alarm')
  const byDetector = new Map<string, number>()
  for (const { detector } of alarms) byDetector.set(detector, (byDetector.get(detector) ?? 0) + 1)
  console.log(
    `${alarms.length} alarms in ${sensorWeeks.toFixed(1)} sensor-weeks: ${(alarms.length / sensorWeeks).toFixed(3)} a sensor and week`,
    Object.fromEntries(byDetector),
  )
  console.log(
    `${kept.length - alarms.length} notices; ${Math.round(user / ticks)} CPU microseconds a tick, packing included`,
  )
}
