/** Synthetic weeks, played to the watch: how often it is wrong, and that it is right. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { hourOf } from '../../src/core/anomaly.ts'
import { synthesize } from '../../src/synth/index.ts'
import { type LiveEvent, replayed, synthEvents } from '../support/activity.ts'

const DAYS = 21
const SENSORS = 2
const STEP_US = 10 * 60_000_000

let folder: string
let log: readonly LiveEvent[]

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nacre-test-'))
  const out = join(folder, 'logs')
  const options = { seed: 5, events: 80_000, days: DAYS, sensors: SENSORS } as const
  await synthesize(out, { ...options, style: 'current', start: '2026-01-05' })
  log = synthEvents(out)
})
after(() => rmSync(folder, { recursive: true }))

test('ordinary weeks raise less than one alarm for four sensors in a week', async () => {
  const { kept } = await replayed(log, STEP_US)
  const alarms = kept.filter(({ severity }) => severity === 'alarm')
  const sensorWeeks = (SENSORS * (DAYS - 3)) / 7
  assert.ok(alarms.length / sensorWeeks < 0.25, `${alarms.length} in ${sensorWeeks}`)
})

test('an hour with ten times the log-ins of one address is found in that hour', async () => {
  const atUs = Date.UTC(2026, 0, 20, 14, 5) * 1000
  const sensor = String(log[0]!.sensor)
  const attack = Array.from(
    { length: 3_000 },
    (_, i): LiveEvent => ({
      atUs: atUs + i * 200_000,
      sensor,
      eventid: i % 3 === 0 ? 'cowrie.session.connect' : 'cowrie.login.success',
      src_ip: '192.0.2.250',
      session: (0xbad000000000 + Math.floor(i / 3)).toString(16),
      username: 'root',
      password: 'x',
    }),
  )
  const { kept } = await replayed(
    [...log, ...attack].sort((a, b) => a.atUs - b.atUs),
    STEP_US,
  )
  const found = kept.filter(
    (one) => one.severity === 'alarm' && one.hour === hourOf(atUs) && one.sensor === sensor,
  )
  assert.deepEqual(found.map(({ detector }) => detector).sort(), [
    'address-rate',
    'logins',
    'sessions',
    'volume',
  ])
  for (const one of found) assert.ok(one.firstSeenUs <= atUs + 2 * STEP_US)
  const volume = found.find(({ detector }) => detector === 'volume')!
  assert.equal(volume.evidence.values[0]!.text, '192.0.2.250')
})
