/** Evidence packages: what is in them, who gets them, and what of them can be taken out. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { toHex } from '../../src/core/bytes.ts'
import { addHold } from '../../src/evidence/holds.ts'
import { redactPackage } from '../../src/evidence/redact.ts'
import { setEmergency } from '../../src/pipeline/emergency.ts'
import { reveal, type Wanted } from '../../src/pipeline/evidence.ts'
import { deadLetters } from '../../src/store/repo/dead-letters.ts'
import { eachEngine } from '../support/engines.ts'
import {
  bothSay,
  exported,
  filesOf,
  privateKey,
  recipient,
  sessionsOf,
  sign,
} from '../support/evidence.ts'
import { events, Lab, line, lines, NOW_US, signingKey, withLimits } from '../support/loading.ts'
import { problemsOf } from '../support/review.ts'

eachEngine(() => {
  const SESSION = 'a1b2c3d4e5f6'

  async function loaded(data: string | Uint8Array, name = 'cowrie.json'): Promise<Lab> {
    const lab = await Lab.open()
    await lab.store.review.addRecipientKey(recipient, 0)
    lab.write(name, data)
    await lab.load({ recipient })
    return lab
  }

  const text = (zip: Uint8Array, name: string): string =>
    Buffer.from(filesOf(zip).find((file) => file.name === name)!.bytes).toString()
  const json = <T>(zip: Uint8Array, name: string): T => JSON.parse(text(zip, name)) as T
  const entriesOf = (lab: Lab) =>
    lab.all<{ actor: string; action: string; reason: string; detail: string }>(
      "select actor, action, reason, detail from audit_log where action like 'evidence.%' order by seq",
    )

  test('a package of a session holds its lines as they were logged, and both verifiers find that it holds', async () => {
    const own = events(5, { session: SESSION })
    const all = [...events(20), ...own, ...events(7, { session: 'ffffffffffff' })]
    await using lab = await loaded(lines(all))
    const zip = await exported(lab, { sessions: await sessionsOf(lab, [SESSION]) })
    const records = filesOf(zip).filter(({ name }) => name.startsWith('records/'))
    assert.deepEqual(
      records.map(({ bytes }) => Buffer.from(bytes).toString()),
      own.map((one) => `${JSON.stringify(one)}\n`),
    )
    const found = await bothSay(zip)
    assert.ok(found.ok, found.problems.join(' '))
    assert.equal(found.alone.records, 5)
    assert.equal(found.alone.export?.signed, true)
    const view = json<{ session: string; events: unknown[] }>(zip, 'sessions/0001.json')
    assert.deepEqual([view.session, view.events.length], [SESSION, 5])
    assert.deepEqual(await problemsOf(lab.store), [])
  })

  test('the lines fit the list of sums that plain tools read', async () => {
    await using lab = await loaded(lines(events(3, { session: SESSION })))
    const zip = await exported(lab, { sessions: await sessionsOf(lab) })
    const sums = text(zip, 'SHA256SUMS').trimEnd().split('\n')
    assert.equal(sums.length, 5)
    for (const one of sums) {
      const [hash, name] = one.split('  ')
      const { bytes } = filesOf(zip).find((file) => file.name === name)!
      assert.equal(createHash('sha256').update(bytes).digest('hex'), hash)
    }
  })

  test('several sessions, dead letters and withheld events of several logs go into one package', async () => {
    await using lab = await loaded(lines(events(9, { session: SESSION })))
    lab.write('other.json', `x\n${lines(events(4, { session: 'bbbbbbbbbbbb' }))}`)
    lab.write(
      'third.json.gz',
      gzipSync(
        lines([
          ...events(2, { session: 'cccccccccccc' }),
          {
            ...events(1, { session: 'cccccccccccc' })[0],
            input: 'echo \u001b]52;c;aWQ=\u0007',
            eventid: 'cowrie.command.input',
          },
        ]),
      ),
    )
    await lab.load({ recipient })
    const [letter] = await deadLetters(lab.store.query, {}, 10)
    const items: Wanted[] = [
      {
        batchId: letter!.batchId,
        record: letter!.firstRecord,
        range: { startOffset: letter!.startOffset, endOffset: letter!.endOffset },
      },
    ]
    const zip = await exported(lab, {
      sessions: await sessionsOf(lab, [SESSION, 'cccccccccccc']),
      items,
    })
    const found = await bothSay(zip)
    assert.ok(found.ok, found.problems.join(' '))
    // Nine, the dead one, two and the withheld one.
    assert.equal(found.alone.records, 13)
    const proof = json<{ sources: unknown[] }>(zip, 'proof.json')
    assert.equal(proof.sources.length, 3)
  })

  test('a region in segments over several blocks is proven part by part', async () => {
    await withLimits({ recordBytesMax: 1_000, blockBytes: 200 }, async () => {
      await using lab = await loaded(`${line()}\n${'x'.repeat(3_000)}\n${line({ n: 2 })}\n`)
      const [letter] = await deadLetters(lab.store.query, {}, 10)
      const wanted = {
        batchId: letter!.batchId,
        record: letter!.firstRecord,
        range: { startOffset: letter!.startOffset, endOffset: letter!.endOffset },
      }
      const zip = await exported(lab, { items: [wanted] })
      const found = await bothSay(zip)
      assert.ok(found.ok, found.problems.join(' '))
      assert.equal(text(zip, 'records/000001.bin').replaceAll('x', '').trim(), '')
      const { records } = json<{ records: { leaves: unknown[] }[] }>(zip, 'proof.json')
      assert.ok(records[0]!.leaves.length >= 1)
    })
  })

  test('the chain leads from an old batch over all later ones of its log', async () => {
    await using lab = await loaded(lines(events(4, { session: SESSION })))
    for (const day of [2, 3, 4]) {
      lab.append(
        'cowrie.json',
        lines(events(3, { timestamp: `2026-05-0${day}T10:00:00.000000Z`, n: day })),
      )
      await lab.load({ recipient })
    }
    const zip = await exported(lab, { sessions: await sessionsOf(lab, [SESSION]) })
    const { sources } = json<{ sources: { chain: { seq: number }[] }[] }>(zip, 'proof.json')
    assert.deepEqual(
      sources[0]!.chain.map((one) => one.seq),
      [1, 2, 3, 4],
    )
    assert.ok((await bothSay(zip)).ok)
  })

  test('the end of a torn archive that was read whole later is told as superseded', async () => {
    const whole = lines(events(400))
    const zipped = gzipSync(whole)
    await using lab = await loaded(zipped.subarray(0, zipped.length - 600), 'torn.gz')
    const [letter] = await deadLetters(lab.store.query, { reason: 'torn-archive' }, 10)
    lab.write('torn.gz', zipped)
    await lab.load({ recipient })
    const own = await lab.all<{ id: number; records: number }>(
      `select id, records from batches where id = ${letter!.batchId}`,
    )
    const item = { batchId: own[0]!.id, record: 0, range: undefined }
    const zip = await exported(lab, { items: [item] }).catch((error: unknown) => error)
    // What is torn away may be no byte at all: then there is nothing to prove.
    if (zip instanceof Error) assert.equal((zip as { code?: string }).code, 'LOOKUP_NO_EVENT')
    else {
      const found = await bothSay(zip as Buffer)
      assert.ok(found.ok)
      assert.ok(found.alone.cannotShow.some((one) => one.includes('a longer copy was read later')))
    }
  })

  describe('custody', () => {
    test('has who looked at the lines before, held them and exported them, chained up to signed checkpoints', async () => {
      await using lab = await loaded(lines(events(3, { session: SESSION })))
      const granted = {
        actor: 'bob',
        isAllowed: true,
        reason: 'a look',
        privateKeys: new Map([[privateKey.keyId, privateKey]]),
      }
      await reveal(lab.store, { batchId: 1, record: 1, range: undefined }, granted)
      await sign(lab.store)
      await lab.store.journal({
        actor: 'carol',
        action: 'evidence.revealed',
        subject: 'batch 1 record 900',
        reason: 'something else',
        detail: {},
      })
      await addHold(
        lab.store,
        { sensor: 'sensor-1', session: SESSION, source: '', fromUs: null, untilUs: null },
        { actor: 'dora', reason: 'order of the court' },
      )
      await addHold(
        lab.store,
        { sensor: 'sensor-9', session: '', source: '', fromUs: null, untilUs: null },
        { actor: 'dora', reason: 'another case' },
      )
      const zip = await exported(lab, { sessions: await sessionsOf(lab, [SESSION]) })
      type Custody = {
        checkpoints: unknown[]
        segments: { signedBy: number; entries: { reason: string; concerns: boolean }[] }[]
      }
      const custody = json<Custody>(zip, 'custody.json')
      assert.equal(custody.checkpoints.length, 1)
      assert.deepEqual(
        custody.segments
          .flatMap(({ entries }) => entries)
          .filter(({ concerns }) => concerns)
          .map(({ reason }) => reason),
        ['a look', 'order of the court', 'case 7'],
      )
      assert.ok((await bothSay(zip)).ok)
    })

    test('without the signing key, the newest checkpoint is taken, and the entry about the export told as not signed', async () => {
      await using lab = await loaded(lines(events(3, { session: SESSION })))
      const zip = await exported(lab, { sessions: await sessionsOf(lab) }, { sign: undefined })
      const found = await bothSay(zip)
      assert.ok(found.ok, found.problems.join(' '))
      assert.equal(found.alone.export?.signed, false)
      assert.ok(found.alone.cannotShow.some((one) => one.includes('no signature covers')))
    })

    test('without the signing key and a checkpoint that covers the lines, nothing is exported', async () => {
      await using lab = await loaded(lines(events(3, { session: SESSION })))
      await lab.tamper('delete from checkpoints')
      await assert.rejects(
        exported(lab, { sessions: await sessionsOf(lab) }, { sign: undefined }),
        { code: 'EVIDENCE_NOT_SIGNED' },
      )
    })
  })

  describe('asked for', () => {
    for (const [name, options, code] of [
      ['without a reason', { reason: ' ' }, 'EVIDENCE_NO_REASON'],
      ['by one who may not', { isAllowed: false }, 'EVIDENCE_NO_RIGHT'],
      ['without the private key', { privateKeys: new Map() }, 'SEAL_NO_PRIVATE_KEY'],
    ] as const) {
      test(`${name}, it is refused, and the journal keeps that`, async () => {
        await using lab = await loaded(lines(events(2, { session: SESSION })))
        await assert.rejects(exported(lab, { sessions: await sessionsOf(lab) }, options), { code })
        const [entry, ...more] = await entriesOf(lab)
        assert.deepEqual(more, [])
        assert.equal(entry!.action, 'evidence.refused')
        assert.deepEqual(JSON.parse(entry!.detail), { code })
      })
    }

    test('in an emergency, it is refused', async () => {
      await using lab = await loaded(lines(events(2, { session: SESSION })))
      await setEmergency(lab.store, 'on', { actor: 'alice', reason: 'a test' })
      await assert.rejects(exported(lab, { sessions: await sessionsOf(lab) }), {
        code: 'EVIDENCE_EMERGENCY',
      })
    })

    test('of a line that is not there, or of too many, it is refused, and the journal keeps that', async () => {
      await using lab = await loaded(lines(events(3, { session: SESSION })))
      const item = (batchId: number, record: number) => ({ batchId, record, range: undefined })
      await assert.rejects(exported(lab, { items: [item(1, 3)] }), { code: 'LOOKUP_NO_EVENT' })
      await assert.rejects(exported(lab, { items: [item(9, 0)] }), { code: 'LOOKUP_NO_EVENT' })
      await withLimits({ evidenceRecordsMax: 2 }, async () => {
        await assert.rejects(exported(lab, { sessions: await sessionsOf(lab) }), {
          code: 'EVIDENCE_TOO_LARGE',
        })
      })
      await withLimits({ evidenceBytesMax: 200 }, async () => {
        await assert.rejects(exported(lab, { sessions: await sessionsOf(lab) }), {
          code: 'EVIDENCE_TOO_LARGE',
        })
      })
      assert.deepEqual(
        (await entriesOf(lab)).map((one) => one.action),
        Array(4).fill('evidence.refused'),
      )
    })

    test('it is in the journal before its first byte is given out, with the hash of its contents', async (t) => {
      await using lab = await loaded(lines(events(2, { session: SESSION })))
      const zip = await exported(lab, { sessions: await sessionsOf(lab) })
      const [entry] = await entriesOf(lab)
      const content = createHash('sha256').update(text(zip, 'SHA256SUMS')).digest('hex')
      assert.deepEqual(JSON.parse(entry!.detail), { records: '1:0-1', content })
      t.mock.method(lab.store, 'journal', async () => {
        throw new Error('the journal is not to be written')
      })
      await assert.rejects(exported(lab, { sessions: await sessionsOf(lab) }), /not to be written/)
    })

    test('from sealed bytes that were changed, it is refused', async () => {
      await using lab = await Lab.open()
      lab.write('a.json', lines(events(3, { session: SESSION })))
      await lab.load()
      const sessions = await sessionsOf(lab)
      await lab.tamper(
        `update blocks set root = (select record_root from batches where id = batch_id)`,
      )
      await assert.rejects(exported(lab, { sessions }), { code: 'SEAL_DAMAGED' })
    })
  })

  test('a key and a checkpoint from elsewhere are compared', async () => {
    await using lab = await loaded(lines(events(3, { session: SESSION })))
    const zip = await exported(lab, { sessions: await sessionsOf(lab) })
    const key = toHex(signingKey.publicKey)
    const { seq, digest } = json<{ seq: number; digest: string }>(zip, 'checkpoint.json')
    assert.ok((await bothSay(zip, { key })).ok)
    assert.ok(!(await bothSay(zip, { key: '0'.repeat(64) })).ok)
    const met = await bothSay(zip, { checkpoint: { seq, digest } })
    assert.ok(met.ok)
    assert.ok(met.alone.shows.some((one) => one.includes('the one that you kept')))
    assert.ok(!(await bothSay(zip, { checkpoint: { seq, digest: '0'.repeat(64) } })).ok)
    const other = await bothSay(zip, { checkpoint: { seq: seq + 7, digest } })
    assert.ok(other.ok)
    assert.ok(other.alone.cannotShow.some((one) => one.includes(`(number ${seq + 7})`)))
  })

  test('a checkpoint that was kept long before is found in the history that the package leads back to', async () => {
    await using lab = await loaded(lines(events(3, { session: SESSION })))
    type Kept = { seq: number; digest: string }
    const keep = async (): Promise<Kept> =>
      json<Kept>(await exported(lab, { sessions: await sessionsOf(lab) }), 'checkpoint.json')
    const kept = await keep()
    for (let n = 0; n < 4; n += 1) await keep()
    const zip = await exported(lab, { sessions: await sessionsOf(lab) })
    const met = await bothSay(zip, { checkpoint: kept })
    assert.ok(met.ok, met.problems.join(' '))
    assert.ok(met.alone.shows.some((one) => one.includes('the one that you kept')))
    assert.ok(!(await bothSay(zip, { checkpoint: { ...kept, digest: '0'.repeat(64) } })).ok)
    const short = await exported(
      lab,
      { sessions: await sessionsOf(lab) },
      { sinceCheckpoint: kept.seq + 2 },
    )
    const unmet = await bothSay(short, { checkpoint: kept })
    assert.ok(unmet.ok, unmet.problems.join(' '))
    assert.ok(unmet.alone.cannotShow.some((one) => one.includes('leads back to yours')))
    const far = await exported(lab, { sessions: await sessionsOf(lab) }, { sinceCheckpoint: 1 })
    assert.ok((await bothSay(far, { checkpoint: kept })).ok)
  })

  describe('a redacted package', () => {
    const redacted = (zip: Uint8Array, ...wanted: number[]): Buffer =>
      Buffer.concat([
        ...redactPackage(zip, { lines: wanted, reason: 'a bystander', nowUs: NOW_US }),
      ])

    test('has neither the lines nor what repeats them, and the others are proven as before', async () => {
      const own = events(6, { session: SESSION }).map((one, n) => ({ ...one, mark: `mark-${n}` }))
      await using lab = await loaded(lines([...own, ...events(3, { session: 'bbbbbbbbbbbb' })]))
      const zip = await exported(lab, { sessions: await sessionsOf(lab) })
      const out = redacted(zip, 2, 5, 6)
      const found = await bothSay(out)
      assert.ok(found.ok, found.problems.join(' '))
      assert.deepEqual(
        found.alone.withheld.map(({ number, reason }) => [number, reason]),
        [
          [2, 'a bystander'],
          [5, 'a bystander'],
          [6, 'a bystander'],
        ],
      )
      const all = filesOf(out)
        .map(({ bytes }) => Buffer.from(bytes).toString('latin1'))
        .join('\n')
      assert.ok(!all.includes('mark-1') && !all.includes('mark-4') && !all.includes('mark-5'))
      assert.ok(all.includes('mark-0'))
      const names = filesOf(out).map(({ name }) => name)
      assert.deepEqual(names.filter((name) => name.startsWith('sessions/')).length, 1)
      // Once more, and all of it.
      const again = redacted(out, 1, 2)
      assert.deepEqual(
        (await bothSay(again)).alone.withheld.map(({ number }) => number),
        [1, 2, 5, 6],
      )
      const none = await bothSay(redacted(again, 3, 4, 7, 8, 9))
      assert.ok(none.ok)
      assert.ok(none.alone.cannotShow.some((one) => one.includes('any line')))
    })

    test('is not made of a package that does not hold, of lines that are not there, or without a reason', async () => {
      await using lab = await loaded(lines(events(2, { session: SESSION })))
      const zip = await exported(lab, { sessions: await sessionsOf(lab) })
      const spoilt = Buffer.from(zip)
      spoilt[spoilt.length >> 1]! ^= 1
      assert.throws(() => redacted(spoilt, 1), { code: 'EVIDENCE_BAD_PACKAGE' })
      assert.throws(() => redacted(zip, 3), { code: 'USAGE_BAD_OPTION' })
      assert.throws(() => redacted(zip, 0), { code: 'USAGE_BAD_OPTION' })
      assert.throws(() => redactPackage(zip, { lines: [1], reason: ' ', nowUs: NOW_US }), {
        code: 'EVIDENCE_NO_REASON',
      })
    })
  })
})
