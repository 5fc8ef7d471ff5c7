/** Legal holds: what they are about, who releases them, and that the journal knows of each. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addHold, releaseHold } from '../../src/evidence/holds.ts'
import type { HoldScope } from '../../src/store/port.ts'
import {
  holdsFor,
  holdsOfBatch,
  holdsOfSession,
  isHeld,
  legalHolds,
  touches,
} from '../../src/store/repo/holds.ts'
import { journalEntries, journalPage } from '../../src/store/repo/journal.ts'
import { eachEngine } from '../support/engines.ts'
import { sessionsOf } from '../support/evidence.ts'
import { events, Lab, lines } from '../support/loading.ts'
import { problemsOf } from '../support/review.ts'

const ANY: HoldScope = { sensor: '', session: '', source: '', fromUs: null, untilUs: null }
const BY = { actor: 'alice', reason: 'case 7' }
const MAY = { ...BY, isAllowed: true }
const DAY = 86_400_000_000
const MAY_1 = Date.UTC(2026, 4, 1) * 1000

test('a hold is about what all of its conditions allow, and what is not known may be anything', () => {
  const hold = { ...ANY, sensor: 'a', fromUs: 100, untilUs: 200 }
  assert.ok(touches(hold, {}))
  assert.ok(touches(hold, { sensor: 'a', firstUs: 0, lastUs: 100 }))
  assert.ok(touches(hold, { sensor: 'a', session: 'x', firstUs: 199, lastUs: 500 }))
  assert.ok(!touches(hold, { sensor: 'b' }))
  assert.ok(!touches(hold, { firstUs: 200, lastUs: 500 }))
  assert.ok(!touches(hold, { firstUs: 0, lastUs: 99 }))
  assert.ok(!touches({ ...ANY, session: 's', sensor: 'a' }, { session: 't' }))
  assert.ok(!touches({ ...ANY, source: '00' }, { source: '01' }))
})

eachEngine(() => {
  async function loaded(): Promise<Lab> {
    const lab = await Lab.open()
    lab.write('a.json', lines(events(4, { session: 'aaaaaaaaaaaa' })))
    lab.write(
      'b.json',
      lines(
        events(3, { session: 'bbbbbbbbbbbb', sensor: 'sensor-2' }).map((one, n) => ({
          ...one,
          timestamp: `2026-05-09T10:00:0${n}.000000Z`,
        })),
      ),
    )
    await lab.load()
    return lab
  }

  const uidOf = async (lab: Lab, batchId: number): Promise<string> => {
    const [row] = await lab.all<{ uid: Uint8Array }>(
      `select uid from sources join batches on sources.id = source_id where batches.id = ${batchId}`,
    )
    return Buffer.from(row!.uid).toString('hex')
  }

  /** The batch that has the events of a sensor. */
  const batchOf = async (lab: Lab, sensor: string): Promise<number> => {
    const [row] = await lab.all<{ id: number }>(
      `select distinct batch_id as id from raw_events join sessions using (session_key) join sensors on sensors.id = sensor_id where name = '${sensor}'`,
    )
    return row!.id
  }

  test('a hold is in force from when it is added until it is released, and the journal has both', async () => {
    await using lab = await loaded()
    const id = await addHold(lab.store, { ...ANY, sensor: 'sensor-1' }, BY)
    assert.deepEqual(
      (await legalHolds(lab.store.query)).map(({ addedAtUs: _, ...hold }) => hold),
      [{ ...ANY, id, sensor: 'sensor-1', ...BY, released: undefined }],
    )
    assert.ok(await isHeld(lab.store.query, { sensor: 'sensor-1' }))
    assert.ok(!(await isHeld(lab.store.query, { sensor: 'sensor-2' })))
    assert.deepEqual(await problemsOf(lab.store), [])
    await releaseHold(lab.store, id, { ...MAY, reason: 'closed' })
    assert.deepEqual(await legalHolds(lab.store.query), [])
    const [all] = await legalHolds(lab.store.query, true)
    assert.equal(all!.released?.reason, 'closed')
    assert.deepEqual(await problemsOf(lab.store), [])
    await assert.rejects(releaseHold(lab.store, id, MAY), { code: 'LOOKUP_NO_HOLD' })
    await assert.rejects(
      lab.store.review.releaseHold(id, {
        ...BY,
        action: 'hold.released',
        subject: `legal_holds ${id}`,
        detail: {},
      }),
      { code: 'STORE_BUSY' },
    )
    assert.deepEqual(await problemsOf(lab.store), [])
  })

  test('who may not is refused a release, and nobody holds without a reason', async () => {
    await using lab = await loaded()
    const id = await addHold(lab.store, { ...ANY, sensor: 'sensor-1' }, BY)
    await assert.rejects(releaseHold(lab.store, id, { ...MAY, isAllowed: false }), {
      code: 'EVIDENCE_NO_RIGHT',
    })
    assert.equal((await legalHolds(lab.store.query)).length, 1)
    const refused = await lab.all(`select 1 from audit_log where action = 'evidence.refused'`)
    assert.equal(refused.length, 1)
    await assert.rejects(addHold(lab.store, ANY, { actor: 'a', reason: ' ' }), {
      code: 'EVIDENCE_NO_REASON',
    })
  })

  for (const [name, change] of [
    ['taken away', 'delete from legal_holds where id > 0'],
    ['released past the program', 'update legal_holds set released_seq = 1'],
    ['narrowed', `update legal_holds set sensor = 'another'`],
    ['moved in time', 'update legal_holds set until_us = 1'],
    ['numbered anew', 'update legal_holds set id = id + 1'],
    ['added past the program', `insert into legal_holds values (99, '', 'x', '', null, null, 0)`],
  ] as const) {
    test(`a hold that is ${name} is found by verification`, async () => {
      await using lab = await loaded()
      await addHold(lab.store, { ...ANY, sensor: 'sensor-1', untilUs: MAY_1 + DAY }, BY)
      await lab.tamper(change)
      assert.notDeepEqual(await problemsOf(lab.store), [])
    })
  }

  test('holds cannot be changed but through the journal', async () => {
    await using lab = await loaded()
    await addHold(lab.store, { ...ANY, sensor: 'sensor-1' }, BY)
    for (const statement of [
      'delete from legal_holds',
      'update legal_holds set released_seq = 5',
      `insert into legal_holds values (99, '', 'x', '', null, null, 0)`,
    ])
      await assert.rejects(lab.all(statement), /sealed/)
  })

  describe('a batch is held', () => {
    const heldFor = async (scope: Partial<HoldScope>): Promise<readonly string[]> => {
      await using lab = await loaded()
      const full = { ...ANY, ...scope }
      const source = full.source === '' ? '' : await uidOf(lab, await batchOf(lab, full.source))
      await addHold(lab.store, { ...full, source }, BY)
      const found: string[] = []
      for (const sensor of ['sensor-1', 'sensor-2'])
        if ((await holdsOfBatch(lab.store.query, await batchOf(lab, sensor))).length > 0)
          found.push(sensor)
      return found
    }

    for (const [name, scope, expected] of [
      ['by a session that has an event in it', { session: 'aaaaaaaaaaaa' }, ['sensor-1']],
      ['by no other session', { session: 'ffffffffffff' }, []],
      ['by a session of that sensor only', { session: 'aaaaaaaaaaaa', sensor: 'sensor-2' }, []],
      ['by its sensor', { sensor: 'sensor-2' }, ['sensor-2']],
      ['by its source', { source: 'sensor-1' }, ['sensor-1']],
      ['by its days', { fromUs: MAY_1 + 2 * DAY }, ['sensor-2']],
      ['by days before', { untilUs: MAY_1 + DAY }, ['sensor-1']],
      ['by its sensor on its days only', { sensor: 'sensor-1', fromUs: MAY_1 + 2 * DAY }, []],
    ] as const) {
      test(name, async () => {
        assert.deepEqual(await heldFor(scope), expected)
      })
    }

    test('by a session of which it has withheld events alone', async () => {
      await using lab = await Lab.open()
      lab.write(
        'a.json',
        lines([
          {
            ...events(1, { session: 'dddddddddddd', eventid: 'cowrie.command.input' })[0],
            input: 'echo \u001b]52;c;aWQ=\u0007',
          },
        ]),
      )
      await lab.load()
      await addHold(lab.store, { ...ANY, session: 'dddddddddddd' }, BY)
      assert.equal((await holdsOfBatch(lab.store.query, 1)).length, 1)
    })
  })

  test('a session says exactly which holds are about it', async () => {
    await using lab = await loaded()
    const uid = await uidOf(lab, await batchOf(lab, 'sensor-1'))
    await addHold(lab.store, { ...ANY, source: uid }, BY)
    await addHold(lab.store, { ...ANY, sensor: 'sensor-2' }, BY)
    await addHold(lab.store, { ...ANY, fromUs: MAY_1 + 20 * DAY }, BY)
    const count: Record<string, string[]> = {}
    for (const one of await sessionsOf(lab))
      count[one.session] = (await holdsOfSession(lab.store.query, one)).map(
        (hold) => hold.source || hold.sensor,
      )
    assert.deepEqual(count, { aaaaaaaaaaaa: [uid], bbbbbbbbbbbb: ['sensor-2'] })
    assert.equal((await holdsFor(lab.store.query, {})).length, 3)
  })

  test('the journal is read from the newest entry back, page by page, by actor, action and time', async () => {
    await using lab = await loaded()
    for (let n = 0; n < 7; n += 1)
      await lab.store.journal({
        actor: n % 2 === 0 ? 'alice' : 'bob',
        action: n < 3 ? 'evidence.revealed' : 'evidencex',
        subject: `number ${n}`,
        reason: 'a test',
        detail: { n },
      })
    const seqs: number[] = []
    let before: number | undefined
    for (;;) {
      const page = await journalPage(lab.store.query, {}, before, 3)
      if (page.length === 0) break
      seqs.push(...page.map((one) => one.seq))
      before = page.at(-1)!.seq
    }
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => b - a),
    )
    const subjects = async (
      filter: Parameters<typeof journalEntries>[1],
      limit?: number,
    ): Promise<string[]> => {
      const found: string[] = []
      for await (const one of journalEntries(lab.store.query, filter, limit))
        found.push(one.subject)
      return found
    }
    assert.equal((await subjects({})).length, seqs.length)
    assert.deepEqual(await subjects({ action: 'evidence.' }), ['number 2', 'number 1', 'number 0'])
    assert.deepEqual(await subjects({ action: 'evidencex', actor: 'bob' }), [
      'number 5',
      'number 3',
    ])
    assert.deepEqual(await subjects({ actor: 'alice' }, 2), ['number 6', 'number 4'])
    assert.deepEqual(await subjects({ sinceUs: Number.MAX_SAFE_INTEGER }), [])
  })
})
