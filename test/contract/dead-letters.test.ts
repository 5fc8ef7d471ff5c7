/** Dead letters: listed, read again by the rules of now, or given up. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  discard,
  type Replay,
  type ReplayOptions,
  replay,
} from '../../src/pipeline/dead-letters.ts'
import { setEmergency } from '../../src/pipeline/emergency.ts'
import { loadRecipientPrivate, newRecipientKey, recipientOf } from '../../src/seal/envelope.ts'
import { type DeadLetterRecord, deadLetters } from '../../src/store/repo/dead-letters.ts'
import { storeStats } from '../../src/store/repo/stats.ts'
import { eachEngine } from '../support/engines.ts'
import {
  event,
  events,
  type Fields,
  Lab,
  type LabLoad,
  line,
  lines,
  NOW_US,
  signingKey,
  testStages,
  VERSIONS,
  withLimits,
} from '../support/loading.ts'
import { answersOf, HAZARDS, heldEvents, problemsOf } from '../support/review.ts'

const privateKey = loadRecipientPrivate(newRecipientKey())
const recipient = recipientOf(privateKey.publicKey)
const PRIVATE = new Map([[privateKey.keyId, privateKey]])
const BY = { actor: 'alice', reason: 'a test' }

/** A hit whose _source was changed on its way: no event, unless asked for. */
const enriched = (n: number, more: Fields = {}): Fields => ({
  _index: 'cowrie',
  _id: `x${n}`,
  _source: {
    ...event({ password: `enriched ${n}`, session: `a1b2c3d4e50${n}`, ...more }),
    geoip: { country: 'XX' },
  },
})

eachEngine(() => {
  async function loaded(data: string | Uint8Array, options: LabLoad = {}): Promise<Lab> {
    const lab = await Lab.open()
    await lab.store.review.addRecipientKey(recipient, 0)
    lab.write('a.json', data)
    // A file whose first chunk holds such a hit is foreign: the chunks are small, and the first begins with an event.
    await lab.load({ recipient, chunkBytes: 64, ...options })
    return lab
  }

  const lettersOf = (lab: Lab, reason?: string): Promise<DeadLetterRecord[]> =>
    deadLetters(lab.store.query, { reason }, 1_000)

  /** Replays letters one after the other with one writer, as the command does. */
  async function replayAll(
    lab: Lab,
    letters: readonly DeadLetterRecord[],
    options: Partial<ReplayOptions> = {},
  ): Promise<Replay[]> {
    const writer = lab.store.writer(VERSIONS)
    const done: Replay[] = []
    try {
      for (const letter of letters)
        done.push(
          await replay(lab.store, writer, letter, {
            ...BY,
            stages: testStages(writer.needs, { recipient }),
            privateKeys: PRIVATE,
            acceptEnriched: true,
            nowUs: NOW_US,
            signingKey,
            ...options,
          }),
        )
    } finally {
      await writer.close()
    }
    return done
  }

  const MIXED = `${line()}\nnot json\n${lines([enriched(1), enriched(2)])}\n{"eventid":"cowrie.x"}\n${line({ password: 'last' })}\n`

  test('are listed with their place, and filtered by state and reason', async () => {
    await using lab = await loaded(MIXED)
    const letters = await lettersOf(lab)
    assert.deepEqual(
      letters.map(({ reason, records, sourceRecord, state }) => [
        reason,
        records,
        sourceRecord,
        state,
      ]),
      [
        ['not-json', 1, 1, 'new'],
        ['enriched', 2, 2, 'new'],
        ['no-time', 1, 5, 'new'],
      ],
    )
    assert.deepEqual(await deadLetters(lab.store.query, { state: 'replayed' }, 9), [])
    assert.equal((await deadLetters(lab.store.query, { reason: 'no-time' }, 9)).length, 1)
    assert.equal((await deadLetters(lab.store.query, {}, 2)).length, 2)
    const [, second] = letters
    assert.deepEqual(await deadLetters(lab.store.query, { id: second!.id }, 1), [second])
  })

  describe('read again', () => {
    test('what was turned away as enriched is stored as if it had been taken at once', async () => {
      await using lab = await loaded(MIXED)
      await using taken = await loaded(MIXED, { acceptEnriched: true })
      const [done] = await replayAll(lab, await lettersOf(lab, 'enriched'))
      assert.equal(done!.outcome, 'replayed')
      assert.deepEqual([done!.fates.lines, done!.fates.stored], [2, 2])
      assert.deepEqual(await lab.keys(), await taken.keys())
      assert.deepEqual(await answersOf(lab.store), await answersOf(taken.store))
      assert.deepEqual(
        (await lettersOf(lab)).map(({ state }) => state),
        ['new', 'replayed', 'new'],
      )
      assert.equal((await storeStats(lab.store.query)).deadLetters, 2)
      assert.deepEqual(await problemsOf(lab.store), [])
      // Sealed bytes of what was read again open too.
      const [entry] = await lab.all<{ detail: string }>(
        `select detail from audit_log where action = 'dead-letter.replayed'`,
      )
      assert.deepEqual(JSON.parse(entry!.detail), {
        reason: 'enriched',
        stored: 2,
        duplicate: 0,
        from: 'new',
        to: 'replayed',
      })
    })

    test('without the wish for what was enriched, it stays as it is', async () => {
      await using lab = await loaded(MIXED)
      const before = await answersOf(lab.store)
      const letters = await lettersOf(lab)
      const done = await replayAll(lab, letters, { acceptEnriched: false })
      assert.deepEqual(
        done.map(({ outcome }) => outcome),
        ['unreadable', 'unreadable', 'unreadable'],
      )
      assert.deepEqual(await lettersOf(lab), letters)
      assert.deepEqual(await answersOf(lab.store), before)
      assert.equal(await lab.sourceCount(), 1)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('many, one after the other', async () => {
      const text = [1, 2, 3, 4].map((n) => `${line({ n })}\n${lines([enriched(n)])}`).join('')
      await using lab = await loaded(text)
      const letters = await lettersOf(lab)
      assert.equal(letters.length, 4)
      const done = await replayAll(lab, letters)
      assert.deepEqual(
        done.map(({ fates }) => fates.stored),
        [1, 1, 1, 1],
      )
      await using taken = await loaded(text, { acceptEnriched: true })
      assert.deepEqual(await answersOf(lab.store), await answersOf(taken.store))
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('twice is refused, and after a stop before it was noted the events are duplicates', async () => {
      await using lab = await loaded(MIXED)
      const letters = await lettersOf(lab, 'enriched')
      await replayAll(lab, letters)
      const again = await lettersOf(lab, 'enriched')
      await assert.rejects(replayAll(lab, again), { code: 'LOOKUP_NO_LETTER' })
      // As an old list of letters has it.
      await assert.rejects(replayAll(lab, letters), { code: 'STORE_BUSY' })
      assert.deepEqual(await problemsOf(lab.store), [])
      const { totals } = await lab.load({ recipient })
      assert.equal(totals.lines, 0)
      assert.equal((await lab.events()).length, 4)
    })

    test('what a hazard is in, is withheld', async () => {
      await using lab = await loaded(`${line()}\n${lines([enriched(1, HAZARDS[0])])}`)
      const [done] = await replayAll(lab, await lettersOf(lab))
      assert.deepEqual([done!.fates.stored, done!.fates.held], [0, 1])
      assert.equal((await heldEvents(lab)).length, 1)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('in an emergency, everything is withheld', async () => {
      await using lab = await loaded(MIXED)
      await setEmergency(lab.store, 'on', BY)
      const [done] = await replayAll(lab, await lettersOf(lab, 'enriched'))
      assert.deepEqual([done!.fates.stored, done!.fates.held], [0, 2])
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('what can be read in part leaves the rest as dead letters of its own', async () => {
      // Two lines of one reason, of which one can be read when the depth that is allowed is larger.
      const deep = (n: number, depth: number): string =>
        line({ n, deep: JSON.parse('['.repeat(depth) + ']'.repeat(depth)) })
      await using lab = await withLimits({ depthMax: 5 }, () =>
        loaded(`${line()}\n${deep(1, 10)}\n${deep(2, 100)}\n`),
      )
      const letters = await lettersOf(lab)
      assert.deepEqual(
        letters.map(({ reason, records }) => [reason, records]),
        [['too-deep', 2]],
      )
      const [done] = await replayAll(lab, letters)
      assert.deepEqual([done!.fates.stored, done!.fates.dead], [1, 1])
      assert.deepEqual(
        (await lettersOf(lab)).map(({ state, records }) => [state, records]),
        [
          ['replayed', 2],
          ['new', 1],
        ],
      )
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('without the private key is refused, and nothing changes', async () => {
      await using lab = await loaded(MIXED)
      const letters = await lettersOf(lab)
      await assert.rejects(replayAll(lab, letters, { privateKeys: new Map() }), {
        code: 'SEAL_NO_PRIVATE_KEY',
      })
      assert.deepEqual(await lettersOf(lab), letters)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('what breaks off is undone and can be done again', async (t) => {
      await using lab = await loaded(MIXED)
      const before = await answersOf(lab.store)
      const letters = await lettersOf(lab, 'enriched')
      const decide = t.mock.method(lab.store.review, 'decideDeadLetter', async () => {
        throw new Error('broken off')
      })
      await assert.rejects(replayAll(lab, letters), /broken off/)
      decide.mock.restore()
      assert.notDeepEqual(await answersOf(lab.store), before)
      assert.deepEqual(await problemsOf(lab.store), [])
      const [done] = await replayAll(lab, letters)
      assert.deepEqual([done!.fates.stored, done!.fates.duplicate], [0, 2])
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('with the sensor that was given for its file', async () => {
      await using lab = await loaded(MIXED, { sensor: 'given' })
      await replayAll(lab, await lettersOf(lab, 'enriched'))
      assert.deepEqual(
        new Set((await lab.events()).map(({ sensor }) => sensor)),
        new Set(['given']),
      )
    })

    const ARRAY = `[${line()},\n${JSON.stringify(enriched(1))},\n${JSON.stringify(enriched(2))},${line({ n: 2 })}]\n`
    test('elements of an array', async () => {
      await using lab = await loaded(ARRAY)
      await using taken = await loaded(ARRAY, { acceptEnriched: true })
      await replayAll(lab, await lettersOf(lab, 'enriched'))
      assert.deepEqual(await lab.keys(), await taken.keys())
    })

    test('an object that is pretty-printed', async () => {
      const text = `${line()}\n${JSON.stringify(enriched(1), null, 2)}\n${line({ n: 2 })}\n`
      await using lab = await loaded(text)
      await using taken = await loaded(text, { acceptEnriched: true })
      await replayAll(lab, await lettersOf(lab, 'enriched'))
      assert.deepEqual(await lab.keys(), await taken.keys())
    })

    test('a record without a line end, the last of an archive', async () => {
      const text = gzipSync(`${lines(events(1_000))}${JSON.stringify(enriched(1))}`)
      await using lab = await loaded(text)
      await using taken = await loaded(text, { acceptEnriched: true })
      await replayAll(lab, await lettersOf(lab, 'enriched'))
      assert.deepEqual(await lab.keys(), await taken.keys())
      assert.equal((await lab.keys()).length, 1_001)
    })

    for (const encoding of ['little', 'big'] as const) {
      for (const [name, before] of [
        ['', ''],
        [' behind a log prefix', 'May  1 host cowrie: '],
        [' behind a log prefix in other letters', 'Май  1 хост cowrie: '],
      ] as const) {
        test(`a region of UTF-16 (${encoding} end first)${name}`, async () => {
          const text = Buffer.from(
            `\ufeff${line()}\n${before}${JSON.stringify(enriched(1, { password: 'ж😀' }))}\n${line({ n: 2 })}\n`,
            'utf16le',
          )
          if (encoding === 'big') text.swap16()
          await using lab = await loaded(text)
          await using taken = await loaded(text, { acceptEnriched: true })
          const [done] = await replayAll(lab, await lettersOf(lab, 'enriched'))
          assert.equal(done?.outcome, 'replayed')
          assert.deepEqual(await lab.keys(), await taken.keys())
          assert.equal((await lab.keys()).length, 3)
          assert.deepEqual(await problemsOf(lab.store), [])
        })
      }
    }

    test('the end of a torn archive, in several segments, is still none', async () => {
      const whole = `${lines(events(30))}${line({ input: 'x'.repeat(200_000) })}\n`
      const packed = gzipSync(whole, { level: 0 })
      await using lab = await loaded(packed.subarray(0, packed.length - 1_000))
      const letters = await lettersOf(lab)
      assert.deepEqual(
        letters.map(({ reason, records }) => [reason, records]),
        [['torn-archive', 1]],
      )
      assert.ok(letters[0]!.endOffset - letters[0]!.startOffset > 131_072)
      const [done] = await replayAll(lab, letters)
      assert.equal(done!.outcome, 'unreadable')
      assert.deepEqual(await lettersOf(lab), letters)
      assert.deepEqual(await problemsOf(lab.store), [])
      // Found whole later, it is superseded: nothing waits any more.
      lab.write('a.json', packed)
      await lab.load({ recipient })
      const [now] = await lettersOf(lab)
      assert.equal(now!.state, 'superseded')
      await assert.rejects(replayAll(lab, [now!]), { code: 'LOOKUP_NO_LETTER' })
      await assert.rejects(discard(lab.store, now!, BY), { code: 'LOOKUP_NO_LETTER' })
      await assert.rejects(discard(lab.store, letters[0]!, BY), { code: 'STORE_BUSY' })
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('a record of several segments, when records may be longer', async () => {
      const long = line({ input: 'x'.repeat(200_000) })
      const text = `${line({ n: 1 })}\n${long}\n${line({ n: 2 })}\n`
      await using lab = await withLimits({ recordBytesMax: 100_000 }, () => loaded(text))
      const [letter, ...others] = await lettersOf(lab)
      assert.deepEqual([letter!.reason, letter!.records, others.length], ['too-long', 1, 0])
      const [done] = await replayAll(lab, [letter!])
      assert.equal(done!.fates.stored, 1)
      await using taken = await loaded(text)
      assert.deepEqual(await lab.keys(), await taken.keys())
      assert.deepEqual(await problemsOf(lab.store), [])
    })
  })

  describe('given up', () => {
    test('they no longer wait; their bytes stay, and the store verifies', async () => {
      await using lab = await loaded(MIXED)
      const [first, second] = await lettersOf(lab)
      await discard(lab.store, first!, BY)
      assert.deepEqual(
        (await lettersOf(lab)).map(({ state }) => state),
        ['discarded', 'new', 'new'],
      )
      assert.equal((await storeStats(lab.store.query)).deadLetters, 3)
      const [now] = await lettersOf(lab)
      await assert.rejects(discard(lab.store, now!, BY), { code: 'LOOKUP_NO_LETTER' })
      await assert.rejects(replayAll(lab, [now!]), { code: 'LOOKUP_NO_LETTER' })
      await discard(lab.store, second!, BY)
      assert.deepEqual(
        await lab.all(`select actor, reason, from_state, to_state from decisions order by id`),
        [1, 2].map(() => ({ ...BY, from_state: 'new', to_state: 'discarded' })),
      )
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('by two at once, one of them is refused', async () => {
      await using lab = await loaded(MIXED)
      const [first] = await lettersOf(lab)
      const results = await Promise.allSettled([
        discard(lab.store, first!, BY),
        discard(lab.store, first!, BY),
      ])
      const refused = results.filter((one) => one.status === 'rejected')
      assert.deepEqual(
        refused.map((one) => (one.reason as { code: string }).code),
        ['STORE_BUSY'],
      )
      assert.deepEqual(await problemsOf(lab.store), [])
    })
  })
})
