/** The meter: what it counts, what it leaves out, and that nobody can make it grow. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { KnownValues, nameOfText, valueName } from '../../src/anomaly/known-values.ts'
import { ActivityMeter, newValueName } from '../../src/anomaly/meter.ts'
import { sshKeysIn } from '../../src/anomaly/ssh-keys.ts'
import { TopCounts } from '../../src/anomaly/top-counts.ts'
import { type Metric, US_PER_HOUR } from '../../src/core/anomaly.ts'
import { blake3 } from '../../src/core/blake3.ts'
import { VALUE_KINDS } from '../../src/core/event.ts'
import { LIMITS } from '../../src/limits.ts'
import { Chance, type LiveEvent, LiveReader, MONDAY } from '../support/activity.ts'
import { withLimits } from '../support/loading.ts'

const START_US = MONDAY * US_PER_HOUR
const TODAY = Math.floor(MONDAY / 24)

const KEY = `ssh-rsa AAAA${'B3NzaC1yc2E'.repeat(30)}`

/** A meter of a store that is known for a month. */
function settledMeter(known = new KnownValues()): ActivityMeter {
  known.see(nameOfText(VALUE_KINDS.command, 'uname -a'), TODAY - 30)
  return new ActivityMeter(known)
}

function figuresOf(meter: ActivityMeter): Record<string, number> {
  return Object.fromEntries(
    meter
      .take()
      .map(({ sensor, hour, metric, value }) => [`${sensor} ${hour - MONDAY} ${metric}`, value]),
  )
}

const login = (atUs: number, more: Partial<LiveEvent> = {}): LiveEvent => ({
  atUs,
  eventid: 'cowrie.login.success',
  username: 'root',
  password: 'x',
  ...more,
})

describe('figures', () => {
  test('are kept by sensor and hour, and told once', () => {
    const meter = settledMeter()
    const reader = new LiveReader()
    meter.observe(
      1,
      reader.batch([
        { atUs: START_US, src_ip: '192.0.2.1' },
        login(START_US + 1, { src_ip: '192.0.2.1' }),
        { atUs: START_US + US_PER_HOUR, src_ip: '192.0.2.1', sensor: 'other' },
        { atUs: START_US + 2, eventid: 'cowrie.command.input', input: 'id', hazard: 70 },
        { atUs: START_US + 3, eventid: 'cowrie.command.input', input: 'id', hazard: 20 },
      ]),
    )
    assert.deepEqual(figuresOf(meter), {
      'sensor-1 0 events': 4,
      'sensor-1 0 sessions': 1,
      'sensor-1 0 login-successes': 1,
      'sensor-1 0 hazardous-events': 1,
      'sensor-1 0 new-commands': 1,
      'sensor-1 0 highest-hazard': 70,
      'sensor-1 0 address-events-a-minute': 2,
      'other 1 events': 1,
      'other 1 sessions': 1,
      'other 1 address-events-a-minute': 1,
    })
    assert.deepEqual(meter.take(), [])
  })

  test('are the same however the events are cut into batches and ordered', () => {
    const chance = new Chance(4)
    const events = Array.from(
      { length: 3_000 },
      (_, i): LiveEvent => ({
        atUs: START_US + Math.floor(chance.next() * 3 * US_PER_HOUR),
        eventid: ['cowrie.session.connect', 'cowrie.login.success', 'cowrie.command.input'][i % 3]!,
        username: 'root',
        password: 'x',
        input: `echo ${i % 40}`,
        sensor: `sensor-${i % 3}`,
        ...(i % 7 === 0 ? { hazard: 40 + (i % 50) } : {}),
      }),
    )
    const counted = (size: number, of: readonly LiveEvent[]): Record<string, number> => {
      const meter = settledMeter()
      const reader = new LiveReader()
      for (let at = 0; at < of.length; at += size)
        meter.observe(1, reader.batch(of.slice(at, at + size)))
      return Object.fromEntries(Object.entries(figuresOf(meter)).sort())
    }
    const whole = counted(3_000, events)
    assert.ok(Object.keys(whole).length > 30)
    // Where several sensors have a new command in the same batch, the first one met has it: all orders name as many.
    const news = (figures: Record<string, number>): number =>
      Object.entries(figures).reduce(
        (n, [name, v]) => n + (name.endsWith('new-commands') ? v : 0),
        0,
      )
    const rest = (figures: Record<string, number>) =>
      Object.fromEntries(Object.entries(figures).filter(([name]) => !name.endsWith('new-commands')))
    assert.deepEqual(counted(17, events), whole)
    const backwards = counted(64, [...events].reverse())
    assert.deepEqual(rest(backwards), rest(whole))
    assert.equal(news(backwards), news(whole))
    assert.equal(news(whole), 40)
  })

  test('leave duplicates out', () => {
    const meter = settledMeter()
    const batch = new LiveReader().batch([
      { atUs: START_US, src_ip: '192.0.2.1' },
      login(START_US + 1, { src_ip: '192.0.2.1' }),
      { atUs: START_US + 2, eventid: 'cowrie.command.input', input: 'id', src_ip: '192.0.2.1' },
    ])
    meter.observe(1, batch, Uint8Array.of(0, 1, 0))
    assert.deepEqual(figuresOf(meter), {
      'sensor-1 0 events': 1,
      'sensor-1 0 login-successes': 1,
      'sensor-1 0 address-events-a-minute': 1,
    })
  })

  test('of hours that are not kept are left out', () => {
    const meter = settledMeter()
    meter.setHours(MONDAY - 10, MONDAY + 2)
    const reader = new LiveReader()
    meter.observe(
      1,
      reader.batch([
        { atUs: 0, src_ip: '192.0.2.1' },
        { atUs: START_US, src_ip: '192.0.2.1' },
        { atUs: START_US + 2 * US_PER_HOUR, src_ip: '192.0.2.1' },
      ]),
    )
    assert.deepEqual(figuresOf(meter), {
      'sensor-1 0 events': 1,
      'sensor-1 0 sessions': 1,
      'sensor-1 0 address-events-a-minute': 1,
    })
    assert.equal(meter.uncounted, 2)
  })

  test('that could not be written are counted again', () => {
    const meter = settledMeter()
    meter.observe(1, new LiveReader().batch([{ atUs: START_US, hazard: 60, src_ip: '192.0.2.1' }]))
    const rows = meter.take()
    meter.giveBack(rows)
    assert.deepEqual(meter.take(), rows)
  })

  test('count on after a batch that was not shown', () => {
    const meter = settledMeter()
    const reader = new LiveReader()
    reader.batch([{ atUs: START_US, src_ip: '192.0.2.7' }])
    meter.observe(1, reader.batch([{ atUs: START_US, src_ip: '192.0.2.7' }]))
    assert.deepEqual(figuresOf(meter), { 'sensor-1 0 events': 1, 'sensor-1 0 sessions': 1 })
  })
})

describe('new values', () => {
  const command = (atUs: number, input: string, more: Partial<LiveEvent> = {}): LiveEvent => ({
    atUs,
    eventid: 'cowrie.command.input',
    input,
    ...more,
  })

  test('are those that no sensor had for 30 days', () => {
    const known = new KnownValues()
    known.see(nameOfText(VALUE_KINDS.command, 'recent'), TODAY - 30)
    known.see(nameOfText(VALUE_KINDS.command, 'long ago'), TODAY - 31)
    const meter = new ActivityMeter(known)
    meter.observe(
      1,
      new LiveReader().batch([
        command(START_US, 'recent'),
        command(START_US, 'long ago'),
        command(START_US, 'never'),
        command(START_US, 'never'),
        command(START_US, 'never', { sensor: 'other' }),
      ]),
    )
    assert.equal(figuresOf(meter)['sensor-1 0 new-commands'], 2)
    const { values } = meter.evidenceOf('sensor-1', MONDAY, 'new-commands')
    assert.deepEqual(
      values.map(({ text }) => text),
      ['long ago', 'never'],
    )
    assert.equal(meter.evidenceOf('other', MONDAY, 'new-commands').values.length, 0)
  })

  test('have the name that the dictionary of the store gives them', () => {
    const text = 'cat /proc/cpuinfo \u{1f41a}'
    assert.equal(
      newValueName('command', text),
      valueName(VALUE_KINDS.command, blake3(Buffer.from(text)).subarray(0, 16)),
    )
    assert.notEqual(newValueName('file', text), newValueName('command', text))
  })

  test('after a log-in give a notice for a key and a file, not for a command', () => {
    const meter = settledMeter()
    const file = { eventid: 'cowrie.session.file_download', shasum: 'f'.repeat(64) }
    meter.observe(
      1,
      new LiveReader().batch([
        login(START_US, { session: 'in' }),
        command(START_US + 1, `echo "${KEY} me" >> ~/.ssh/authorized_keys`, { session: 'in' }),
        { atUs: START_US + 2, session: 'in', ...file },
        { atUs: START_US + 3, session: 'out', ...file, shasum: 'e'.repeat(64) },
      ]),
    )
    assert.deepEqual(
      meter.takeNoticed().map(({ kind, value }) => [kind, value.session]),
      [
        ['ssh-key', 'in'],
        ['file', 'in'],
      ],
    )
    assert.deepEqual(meter.takeNoticed(), [])
    const figures = figuresOf(meter)
    assert.equal(figures['sensor-1 0 new-files'], 2)
    assert.equal(figures['sensor-1 0 new-ssh-keys'], 1)
  })

  test('of a store that begins give no notice', () => {
    const meter = new ActivityMeter(new KnownValues())
    meter.observe(
      1,
      new LiveReader().batch([
        login(START_US),
        { atUs: START_US, eventid: 'cowrie.session.file_download', shasum: 'f'.repeat(64) },
      ]),
    )
    assert.deepEqual(meter.takeNoticed(), [])
  })

  test('of events that wait for a person are not looked at', () => {
    const meter = settledMeter()
    meter.observe(
      1,
      new LiveReader().batch([command(START_US, 'secret', { hazard: 99, isWithheld: true })]),
    )
    const { values, withheld } = meter.evidenceOf('sensor-1', MONDAY, 'new-commands')
    assert.deepEqual([values, withheld], [[], 1])
    assert.equal(figuresOf(meter)['sensor-1 0 new-commands'], undefined)
    assert.equal(meter.evidenceOf('sensor-1', MONDAY, 'hazardous-events').withheld, 1)
  })

  test('are named at most ten at a time, cut, with how many more', () => {
    const meter = settledMeter()
    const long = '\u{1f41a}'.repeat(300)
    const batch = Array.from({ length: 25 }, (_, i) => command(START_US + i, `${i} ${long}`))
    meter.observe(1, new LiveReader().batch(batch))
    const { values, more } = meter.evidenceOf('sensor-1', MONDAY, 'new-commands')
    assert.deepEqual([values.length, more], [10, 15])
    for (const { text } of values) {
      assert.ok(text.length <= LIMITS.anomalyTextCharsMax + 1)
      assert.ok(text.isWellFormed() && text.endsWith('…'))
    }
  })
})

describe('SSH keys', () => {
  test('are found in commands and named as OpenSSH names them', () => {
    // ssh-keygen -lf on the public key of RFC 8709's test vector form; the digest is of the decoded bytes.
    const blob = 'AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    const [key, ...others] = sshKeysIn(
      `mkdir .ssh; echo 'ssh-ed25519 ${blob} a@b' > .ssh/authorized_keys`,
    )
    assert.deepEqual(others, [])
    assert.match(key!.text, /^ssh-ed25519 SHA256:[A-Za-z0-9+/]{43}$/)
    assert.deepEqual(sshKeysIn(`${KEY} one; ${KEY} two`).length, 1)
  })

  test('are no other texts, and no more than eight of a line', () => {
    assert.deepEqual(sshKeysIn('echo AAAA'), [])
    assert.deepEqual(sshKeysIn('ssh-rsa AAAAshort'), [])
    const many = Array.from({ length: 50 }, (_, i) => `${KEY}${String(i).padStart(2, '0')}`).join(
      '\n',
    )
    assert.equal(sshKeysIn(many.replaceAll('\n', ' ')).length, LIMITS.sshKeysOfCommandMax)
  })
})

describe('bounds', () => {
  test('the busiest address is found among more than can be told apart', () => {
    const meter = settledMeter()
    const events = Array.from(
      { length: 20_000 },
      (_, i): LiveEvent => ({
        atUs: START_US + i,
        src_ip: i % 10 === 0 ? '192.0.2.99' : `2001:db8::${i.toString(16)}`,
      }),
    )
    meter.observe(1, new LiveReader().batch(events))
    const { values } = meter.evidenceOf('sensor-1', MONDAY, 'address-events-a-minute')
    assert.deepEqual(values, [{ kind: 'address', text: '192.0.2.99', count: 2_000 }])
    assert.equal(figuresOf(meter)['sensor-1 0 address-events-a-minute'], 2_000)
  })

  test('a count is never higher than the events there were', () => {
    const chance = new Chance(9)
    const top = new TopCounts(16)
    const truth = new Map<string, number>()
    for (let i = 0; i < 20_000; i += 1) {
      const name = String(Math.floor(chance.next() ** 4 * 2_000))
      truth.set(name, (truth.get(name) ?? 0) + 1)
      top.add(name, 1)
    }
    assert.equal(top.size, 16)
    for (const { name, count } of top.top(16)) assert.ok(count <= truth.get(name)!)
    const [busiest] = [...truth].sort((a, b) => b[1] - a[1])
    assert.equal(top.first()?.name, busiest![0])
    assert.deepEqual(top.first(), top.top(1)[0])
  })

  test('known values stay within their number, and the youngest days are kept', () => {
    const known = new KnownValues(1_000)
    for (let day = 0; day < 40; day += 1)
      for (let i = 0; i < 100; i += 1) known.see(day * 1_000 + i + 1, day)
    assert.ok(known.size <= 1_000)
    assert.equal(known.see(39_050, 39), false)
    assert.equal(known.see(1, 39), true)
    // A day of nothing but new values: they are counted, and not remembered.
    for (let i = 0; i < 5_000; i += 1) assert.equal(known.see(900_000 + i, 40), true)
    assert.ok(known.size <= 1_000)
  })

  test('sensors beyond the limit are not watched', async () => {
    await withLimits({ sensorsWatchedMax: 3 }, () => {
      const meter = settledMeter()
      const events = Array.from({ length: 10 }, (_, i) => ({ atUs: START_US, sensor: `s${i}` }))
      meter.observe(1, new LiveReader().batch(events))
      assert.equal(meter.take().filter(({ metric }) => metric === 'events').length, 3)
      assert.equal(meter.uncounted, 7)
    })
  })

  test('networks beyond the limit of a day count as one', async () => {
    await withLimits({ mixGroupsMax: 10 }, () => {
      let asn = 0
      const meter = new ActivityMeter(new KnownValues(), () => {
        asn += 1
        return { asn, country: 'not a country' }
      })
      const events = Array.from({ length: 100 }, (_, i) => ({
        atUs: START_US + i,
        src_ip: `192.0.2.${i}`,
      }))
      meter.observe(1, new LiveReader().batch(events))
      const rows = meter.take().filter(({ metric }) => metric.includes(':'))
      assert.equal(rows.length, 11)
      assert.equal(rows.find(({ metric }) => metric === 'asn:other')?.value, 90)
      assert.ok(rows.every(({ hour }) => hour === TODAY * 24))
    })
  })
})

test('evidence of an hour long gone is empty', () => {
  const meter = settledMeter()
  for (const metric of ['events', 'login-successes', 'new-files'] satisfies Metric[])
    assert.deepEqual(meter.evidenceOf('sensor-1', 5, metric), { values: [], more: 0, withheld: 0 })
})
