/** Sealed bytes that are shown: exactly those that were logged, to those who may, and never without a trace. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { toHex } from '../../src/core/bytes.ts'
import { setEmergency } from '../../src/pipeline/emergency.ts'
import { type RevealOptions, reveal, type Wanted } from '../../src/pipeline/evidence.ts'
import { loadRecipientPrivate, newRecipientKey, recipientOf } from '../../src/seal/envelope.ts'
import { recordLeaf } from '../../src/seal/records.ts'
import { deadLetters } from '../../src/store/repo/dead-letters.ts'
import { placeOfEvent, placeOfLine } from '../../src/store/repo/places.ts'
import { eachEngine } from '../support/engines.ts'
import { event, events, Lab, line, lines, withLimits } from '../support/loading.ts'
import { fc } from '../support/property.ts'
import { problemsOf } from '../support/review.ts'

const privateKey = loadRecipientPrivate(newRecipientKey())
const recipient = recipientOf(privateKey.publicKey)
const GRANTED: RevealOptions = {
  actor: 'alice',
  isAllowed: true,
  reason: 'case 7',
  privateKeys: new Map([[privateKey.keyId, privateKey]]),
}

type Batch = {
  readonly id: number
  readonly source: number
  readonly start: number
  readonly end: number
  readonly records: number
}

eachEngine((engine) => {
  async function loaded(data: string | Uint8Array, name = 'cowrie.json'): Promise<Lab> {
    const lab = await Lab.open()
    await lab.store.review.addRecipientKey(recipient, 0)
    lab.write(name, data)
    await lab.load({ recipient })
    return lab
  }

  const batchesOf = (lab: Lab): Promise<Batch[]> =>
    lab.all<Batch>(
      'select id, source_id as source, start_offset as start, end_offset as "end", records from batches order by id',
    )

  const wanted = (batchId: number, record: number): Wanted => ({
    batchId,
    record,
    range: undefined,
  })

  /**
   * Reveals each record of a store and compares with the stream it came from: together they are all of it, and each is
   * the record that the tables say. Parts of a region beyond the batch that counts it belong to no record of theirs.
   */
  async function assertExact(lab: Lab, stream: Buffer): Promise<number> {
    const letters = await deadLetters(lab.store.query, {}, 1_000_000)
    const stored = new Map(
      (
        await lab.all<{ batch: number; record: number; payload: unknown }>(
          'select batch_id as batch, record_no as record, payload from raw_events union all select batch_id, record_no, payload from held_events',
        )
      ).map((row) => [
        `${row.batch} ${row.record}`,
        // One engine gives the text, the other the object.
        typeof row.payload === 'string' ? JSON.parse(row.payload) : row.payload,
      ]),
    )
    let shown = 0
    for (const batch of await batchesOf(lab)) {
      const further = letters.filter((one) => one.batchId === batch.id && one.records === 0)
      let at = batch.start
      for (let record = 0; record < batch.records; record += 1) {
        const found = await reveal(lab.store, wanted(batch.id, record), GRANTED)
        for (const part of further) if (part.startOffset === at) at = part.endOffset
        const name = `batch ${batch.id} record ${record}`
        assert.equal(found.startOffset, at, name)
        assert.ok(found.bytes.equals(stream.subarray(found.startOffset, found.endOffset)), name)
        assert.equal(found.sha256, createHash('sha256').update(found.bytes).digest('hex'))
        assert.equal(found.leaf, toHex(recordLeaf(found.bytes)))
        at = found.endOffset
        const payload = stored.get(name.replace('batch ', '').replace('record ', ''))
        // Each event of these tests has a mark of its own, which no other record holds.
        if (payload !== undefined && payload.mark !== undefined)
          assert.ok(
            found.bytes.includes(payload.mark) || found.bytes.includes(utf16(payload.mark)),
            name,
          )
        shown += 1
      }
      for (const part of further) if (part.startOffset === at) at = part.endOffset
      assert.equal(at, batch.end)
      await assert.rejects(reveal(lab.store, wanted(batch.id, batch.records), GRANTED), {
        code: 'LOOKUP_NO_EVENT',
      })
    }
    for (const letter of letters) {
      const { startOffset, endOffset } = letter
      const found = await reveal(
        lab.store,
        {
          batchId: letter.batchId,
          record: letter.firstRecord,
          range: { startOffset, endOffset },
        },
        GRANTED,
      )
      assert.ok(found.bytes.equals(stream.subarray(startOffset, endOffset)))
    }
    return shown
  }

  const marked = (n: number): string => line({ mark: `<${n}>`, session: 'a1b2c3d4e5f6' })

  describe('the bytes of a record', () => {
    for (const [name, data] of [
      ['of JSON Lines', `${marked(1)}\n${marked(2)}\n`],
      [
        'with carriage returns, blank lines and dead ones',
        `${marked(1)}\r\n\r\n \nx\ny\r\n${marked(2)}\r\n`,
      ],
      ['of an array', `[\n${marked(1)},\n${marked(2)} , ${marked(3)}\n]\n`],
      ['of an array on one line', `[${marked(1)},${marked(2)}]\n`],
      [
        'that are pretty-printed',
        `${JSON.stringify(event({ mark: '<1>' }), null, 2)}\n${marked(2)}\n`,
      ],
      ['that follow each other on a line', `${marked(1)}${marked(2)}\n`],
      ['behind a log prefix', `May  1 host cowrie: ${marked(1)}\n${marked(2)}\n`],
      ['behind a byte order mark', `\ufeff${marked(1)}\n${marked(2)}\n`],
      ['torn, before a whole one', `${marked(1).slice(0, 60)}${marked(2)}\n${marked(3)}\n`],
      [
        'in bytes that are no UTF-8',
        Buffer.from(`${marked(1).replace('root', 'r\xff\xfet')}\n${marked(2)}\n`, 'latin1'),
      ],
    ] as const) {
      test(`${name} are exactly those that were logged`, async () => {
        const bytes = Buffer.from(data)
        await using lab = await loaded(bytes)
        assert.ok((await assertExact(lab, bytes)) > 1)
        assert.deepEqual(await problemsOf(lab.store), [])
      })
    }

    for (const encoding of ['little', 'big'] as const) {
      test(`in UTF-16 (${encoding} end first) are exactly those that were logged`, async () => {
        const text = Buffer.from(`\ufeff${marked(1)}\nnot json\n${marked(2)}\n`, 'utf16le')
        if (encoding === 'big') text.swap16()
        await using lab = await loaded(text)
        const [{ records } = { records: 0 }] = await batchesOf(lab)
        assert.equal(records, 3)
        const found = await reveal(lab.store, wanted(1, 2), GRANTED)
        const bytes = Buffer.from(found.bytes)
        if (encoding === 'big') bytes.swap16()
        assert.equal(bytes.toString('utf16le'), `${marked(2)}\n`)
        assert.deepEqual(
          (await reveal(lab.store, wanted(1, 0), GRANTED)).bytes,
          text.subarray(0, found.startOffset - Buffer.from('not json\n', 'utf16le').length),
        )
      })
    }

    for (const name of ['older/cowrie-2.9.4.json.gz', 'main/cowrie.json.2026-11-21']) {
      test(`of the example ${name} are exactly those that were logged`, async () => {
        const packed = readFileSync(new URL(`../../examples/logs/${name}`, import.meta.url))
        const isPacked = name.endsWith('.gz')
        // The first events are enough for the engine that is asked over a network.
        const text = (isPacked ? gunzipSync(packed) : packed).toString()
        const bytes = Buffer.from(
          text
            .split(/(?<=\n)/)
            .slice(0, 60)
            .join(''),
        )
        await using lab = await loaded(isPacked ? gzipSync(bytes) : bytes, name.replace('/', '-'))
        assert.equal(await assertExact(lab, bytes), 60)
      })
    }

    test('of any log, with regions of any length, are exactly those that were logged, however it was cut', async () => {
      const part = fc.oneof(
        { weight: 4, arbitrary: fc.constant('event') },
        fc.constantFrom('\n', 'x\n', '{"eventid":"cowrie.x"}\n', '{}\n', 'torn {"a":\n'),
        // Longer than a record may be, on one line or on many.
        fc.integer({ min: 900, max: 1_900 }).map((n) => `${'x'.repeat(n)}\n`),
        fc.integer({ min: 900, max: 1_900 }).map((n) => `{"a":"${'y'.repeat(n)}"}\n`),
        fc.integer({ min: 1, max: 900 }).map((n) => '\0'.repeat(n)),
        fc.constant(`${'\0'.repeat(300)}\n`),
      )
      await fc.assert(
        fc.asyncProperty(
          fc.array(part, { minLength: 1, maxLength: 14 }),
          fc.constantFrom(50, 333, 1_000),
          fc.constantFrom(64, 200, 65_536),
          fc.constantFrom(2_500, 1_048_576),
          async (parts, chunkBytes, blockBytes, batchBytesMax) => {
            const text = parts
              .map((one, n) => (one === 'event' ? `${marked(n + 1)}\n` : one))
              .join('')
            const bytes = Buffer.from(`${marked(0)}\n${text}${marked(99)}\n`)
            await withLimits(
              { recordBytesMax: 1_000, nulPaddingMax: 200, blockBytes, batchBytesMax },
              async () => {
                await using lab = await Lab.open()
                lab.write('a.json', bytes)
                await lab.load({ chunkBytes, recipient })
                await assertExact(lab, bytes)
                await lab.store.review.addRecipientKey(recipient, 0)
                assert.deepEqual(await problemsOf(lab.store), [])
              },
            )
          },
        ),
        { numRuns: engine.name === 'sqlite' ? 80 : 8 },
      )
    })

    test('of an archive that is torn are those that were there', async () => {
      const whole = lines(events(400, { mark: 'none' }))
      const packed = gzipSync(whole)
      await using lab = await loaded(packed.subarray(0, packed.length - 600), 'torn.gz')
      const [letter] = await deadLetters(lab.store.query, { reason: 'torn-archive' }, 10)
      assert.ok(letter !== undefined)
      assert.ok((await assertExact(lab, Buffer.from(whole))) > 100)
    })

    test('of an event are found by its session, of a line by its source', async () => {
      const all = events(20, { session: 'a1b2c3d4e5f6' })
      await using lab = await loaded(`x\n${lines(all)}`)
      const [row] = await lab.all<Record<string, number>>('select * from sessions')
      const session = {
        sessionKey: row!['session_key']!,
        firstEventUs: row!['first_event_us']!,
        lastEventUs: row!['last_event_us']!,
      }
      for (const n of [1, 7, 20]) {
        const place = await placeOfEvent(lab.store.query, session, n)
        const found = await reveal(lab.store, { ...place!, range: undefined }, GRANTED)
        assert.equal(found.bytes.toString(), `${JSON.stringify(all[n - 1])}\n`)
        const byLine = await placeOfLine(lab.store.query, '1', n + 1)
        assert.deepEqual(byLine, place)
      }
      assert.equal(await placeOfEvent(lab.store.query, session, 21), undefined)
      assert.equal(await placeOfLine(lab.store.query, '1', 22), undefined)
    })
  })

  test('a key that several loaders bring at once is made known once', async () => {
    await using lab = await Lab.open()
    const other = await lab.openAgain()
    try {
      await Promise.all(
        [lab.store, other, lab.store, other].map((store) =>
          store.review.addRecipientKey(recipient, 7),
        ),
      )
    } finally {
      await other.close()
    }
    assert.deepEqual(await lab.store.review.recipientKeyIds(), [recipient.keyId])
    assert.equal(
      (await lab.all(`select 1 from audit_log where action = 'recipient.added'`)).length,
      1,
    )
    assert.deepEqual(await problemsOf(lab.store), [])
  })

  describe('asked for', () => {
    type Entry = { readonly action: string; readonly subject: string; readonly detail: string }
    const entriesOf = (lab: Lab): Promise<Entry[]> =>
      lab.all<Entry>(
        `select actor, action, subject, reason, detail from audit_log where action like 'evidence.%' order by seq`,
      )

    for (const [name, options, code] of [
      ['without a reason', { reason: ' ' }, 'EVIDENCE_NO_REASON'],
      ['by one who may not', { isAllowed: false }, 'EVIDENCE_NO_RIGHT'],
      ['without the private key', { privateKeys: new Map() }, 'SEAL_NO_PRIVATE_KEY'],
    ] as const) {
      test(`${name}, they are refused, and the journal keeps that`, async () => {
        await using lab = await loaded(`${line()}\n`)
        await assert.rejects(reveal(lab.store, wanted(1, 0), { ...GRANTED, ...options }), { code })
        assert.deepEqual(await entriesOf(lab), [
          {
            actor: 'alice',
            action: 'evidence.refused',
            subject: 'batch 1 record 0',
            reason: { ...GRANTED, ...options }.reason,
            detail: JSON.stringify({ code }),
          },
        ])
        assert.deepEqual(await problemsOf(lab.store), [])
      })
    }

    test('in an emergency, they are refused until it is over', async () => {
      await using lab = await loaded(`${line()}\n`)
      await setEmergency(lab.store, 'on', { actor: 'alice', reason: 'a test' })
      await assert.rejects(reveal(lab.store, wanted(1, 0), GRANTED), { code: 'EVIDENCE_EMERGENCY' })
      await setEmergency(lab.store, 'off', { actor: 'alice', reason: 'a test' })
      await reveal(lab.store, wanted(1, 0), GRANTED)
      assert.deepEqual(
        (await entriesOf(lab)).map((one) => one.action),
        ['evidence.refused', 'evidence.revealed'],
      )
    })

    test('of a batch or record that is not there, they are refused, and the journal keeps that', async () => {
      await using lab = await loaded(`${line()}\n`)
      for (const [batch, record] of [
        [1, 1],
        [9, 0],
      ] as const)
        await assert.rejects(reveal(lab.store, wanted(batch, record), GRANTED), {
          code: 'LOOKUP_NO_EVENT',
        })
      assert.equal((await entriesOf(lab)).length, 2)
    })

    test('they are in the journal before anybody has them, and not shown where the journal fails', async (t) => {
      await using lab = await loaded(`${line()}\n`)
      const seen: string[] = []
      t.mock.method(lab.store, 'journal', async () => {
        seen.push('journal')
        throw new Error('the journal is not to be written')
      })
      await assert.rejects(reveal(lab.store, wanted(1, 0), GRANTED), /not to be written/)
      assert.deepEqual(seen, ['journal'])
    })

    test('the entry names what was shown by its hash, and does not hold it', async () => {
      await using lab = await loaded(`${line({ password: 'hunter2' })}\n`)
      const found = await reveal(lab.store, wanted(1, 0), GRANTED)
      const [entry] = await entriesOf(lab)
      assert.deepEqual(JSON.parse(entry!.detail), {
        sha256: found.sha256,
        bytes: found.bytes.length,
      })
      assert.ok(!JSON.stringify(entry).includes('hunter2'))
      assert.deepEqual(await problemsOf(lab.store), [])
    })
  })
})

const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le')
