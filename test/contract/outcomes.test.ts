/** The table "Decided outcomes of reading": each row as what a load makes of a file. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, statSync } from 'node:fs'
import { describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { LIMITS } from '../../src/limits.ts'
import type { LoadReport } from '../../src/pipeline/bulk.ts'
import { eachEngine } from '../support/engines.ts'
import {
  event,
  events,
  type Fields,
  Lab,
  line,
  lines,
  loadFiles,
  withLimits,
  withTempFolder,
} from '../support/loading.ts'

eachEngine(() => {
  /** Two events that stand around whatever a test is about. */
  const BEFORE = line({ password: 'before', timestamp: '2026-05-01T09:00:00.000000Z' })
  const AFTER = line({ password: 'after', timestamp: '2026-05-01T11:00:00.000000Z' })

  const around = (middle: string | Uint8Array): Buffer =>
    Buffer.concat([Buffer.from(`${BEFORE}\n`), Buffer.from(middle), Buffer.from(`${AFTER}\n`)])

  /** Passwords of the stored events, in the order of time. */
  const passwords = async (lab: Lab): Promise<unknown[]> =>
    (await lab.events()).map((one) => one.payload['password'])

  /** Loads a text between two events and tells what became of it. */
  async function loadAround(middle: string | Uint8Array) {
    await using loaded = await loadFiles({ 'cowrie.json': around(middle) })
    const { lab, report } = loaded
    const { totals, balanced, failed } = report
    const all = await lab.events()
    return {
      totals,
      balanced,
      failed,
      problems: await lab.problems(),
      dead: await lab.dead(),
      reasons: await lab.deadReasons(),
      drift: await lab.drift(),
      /** Whether the two events around it were stored. */
      isRestRead:
        all.filter((one) => ['before', 'after'].includes(String(one.payload['password'])))
          .length === 2,
      events: all.filter((one) => !['before', 'after'].includes(String(one.payload['password']))),
    }
  }

  type Outcome = Awaited<ReturnType<typeof loadAround>>

  /** What must hold whatever stood in the middle. */
  function assertWhole(outcome: Outcome): void {
    assert.deepEqual(outcome.problems, [])
    assert.equal(outcome.balanced, true)
    assert.deepEqual(outcome.failed, [])
    assert.equal(outcome.isRestRead, true)
    const { totals } = outcome
    assert.equal(totals.stored, outcome.events.length + 2)
  }

  /** One event is stored, nothing is dead. */
  async function assertStored(middle: string | Uint8Array) {
    const outcome = await loadAround(middle)
    assertWhole(outcome)
    assert.deepEqual(outcome.reasons, [])
    assert.equal(outcome.events.length, 1)
    return outcome.events[0]!
  }

  /** No event is stored, one record is dead. */
  async function assertDead(middle: string | Uint8Array, reason: string): Promise<Outcome> {
    const outcome = await loadAround(middle)
    assertWhole(outcome)
    assert.deepEqual(outcome.reasons, [reason])
    assert.deepEqual(outcome.events, [])
    assert.equal(outcome.totals.lines, 3)
    const start = BEFORE.length + 1
    const first = outcome.dead[0]!
    assert.equal(first.start, start)
    assert.equal(outcome.dead.at(-1)!.end, start + Buffer.from(middle).length)
    return outcome
  }

  const bytesIn = (text: string, bytes: Uint8Array): Buffer => {
    const [before = '', after = ''] = text.split('@@')
    return Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)])
  }

  describe('blank lines', () => {
    for (const [name, text] of [
      ['a line end alone', '\n'],
      ['blanks', '   \n'],
      ['a tab and a carriage return', '\t\r\n'],
    ] as const) {
      test(`${name} is blank`, async () => {
        const outcome = await loadAround(text)
        assertWhole(outcome)
        assert.equal(outcome.totals.blank, 1)
        assert.equal(outcome.totals.lines, 3)
        assert.deepEqual(outcome.reasons, [])
      })
    }

    test('each of many is one record', async () => {
      const outcome = await loadAround('\n \n\r\n\n')
      assert.equal(outcome.totals.blank, 4)
      assert.equal(outcome.totals.lines, 6)
    })

    test('blanks without a line end at the end of a plain file are pending', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': `${BEFORE}\n   ` })
      assert.equal(loaded.report.totals.pendingBytes, 3)
      assert.equal(loaded.report.totals.lines, 1)
    })
  })

  describe('NUL bytes', () => {
    const one = line({ password: 'one' })

    for (const count of [1, 10, 4_096]) {
      test(`${count} before an object on its line are stripped`, async () => {
        const stored = await assertStored(`${'\0'.repeat(count)}${one}\n`)
        assert.deepEqual(stored.flags, ['nul-padding'])
      })

      test(`${count} after an object on its line are stripped`, async () => {
        const stored = await assertStored(`${one}${'\0'.repeat(count)}\n`)
        assert.deepEqual(stored.flags, ['nul-padding'])
      })
    }

    test('an object with NULs around it is the same event as without', async () => {
      const outcome = await loadAround(`${one}\n\0\0${one}\n${one}\0\n`)
      assertWhole(outcome)
      assert.equal(outcome.events.length, 1)
      assert.equal(outcome.totals.duplicate, 2)
    })

    test('between two objects of a line both objects are stored', async () => {
      const outcome = await loadAround(`${one}\0\0\0${line({ password: 'two' })}\n`)
      assertWhole(outcome)
      assert.equal(outcome.events.length, 2)
      assert.deepEqual(outcome.reasons, [])
    })

    test('on a line of their own are a dead region', async () => {
      await assertDead(`${'\0'.repeat(100)}\n`, 'not-json')
    })

    for (const [size, count] of [
      ['300 KiB', 300 * 1_024],
      ['10 MB', 10_000_000],
    ] as const) {
      test(`a block of ${size} before an object loses no event`, async () => {
        const outcome = await loadAround(`${'\0'.repeat(count)}${one}\n`)
        assertWhole(outcome)
        assert.deepEqual(
          outcome.events.map((stored) => stored.payload['password']),
          ['one'],
        )
        // Too many to be padding: one region of their own.
        assert.deepEqual(outcome.reasons, ['not-json'])
        assert.equal(outcome.totals.lines, 4)
      })
    }

    test('a file of NULs alone is foreign', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': Buffer.alloc(4_096) })
      assert.equal(loaded.report.foreign.length, 1)
      assert.equal(loaded.report.totals.lines, 0)
    })
  })

  describe('bytes without an object', () => {
    for (const [name, bytes] of [
      ['text', Buffer.from('no json at all\n')],
      ['control characters', Buffer.from('\u0001\u0002\u0003\n')],
      ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0x0a])],
      ['half an object', Buffer.from('{"eventid":"cowrie.x","time\n')],
      ['the second half of an object', Buffer.from('stamp":"2026"}\n')],
      ['a closing brace', Buffer.from('}\n')],
      ['an object with an unquoted key', Buffer.from('{eventid:"cowrie.x"}\n')],
      ['an object with a comma too many', Buffer.from('{"a":1,}\n')],
      ['an object with single quotes', Buffer.from("{'a':1}\n")],
      ['a string with a raw tab', Buffer.from('{"a":"\t"}\n')],
      ['a bad escape', Buffer.from('{"a":"\\x41"}\n')],
      ['a number with a leading zero', Buffer.from('{"a":01}\n')],
    ] as const) {
      test(`${name} is dead as not-json`, async () => {
        await assertDead(bytes, 'not-json')
      })
    }

    test('a run of many such lines is one row for all its records', async () => {
      const outcome = await loadAround('oops\n'.repeat(1_000))
      assertWhole(outcome)
      assert.equal(outcome.totals.dead, 1_000)
      assert.equal(outcome.dead.length, 1)
      assert.equal(outcome.dead[0]!.records, 1_000)
    })

    test('a torn pretty-printed object does not take the next event with it', async () => {
      const pretty = JSON.stringify(event({ password: 'torn' }), null, 2)
      const outcome = await loadAround(`${pretty.slice(0, 60)}\n`)
      assertWhole(outcome)
      assert.deepEqual(outcome.reasons, ['not-json'])
    })

    test('long text after a torn object does not end the load', async () => {
      await withLimits({ recordBytesMax: 300_000 }, async () => {
        const outcome = await loadAround(`{\n${'0123456789 text\n'.repeat(60_000)}`)
        assertWhole(outcome)
        assert.deepEqual(new Set(outcome.reasons), new Set(['not-json']))
      })
    })

    test('slow: 9 MB of text on one line are one dead record', async () => {
      await assertDead(`${'text '.repeat(1_800_000)}\n`, 'too-long')
    })
  })

  describe('bytes that are not UTF-8 inside a string', () => {
    const record = (bytes: readonly number[]): Buffer =>
      bytesIn(`${line({ password: 'x@@y' })}\n`, Buffer.from(bytes))

    for (const [name, bytes, visible] of [
      ['a byte that never occurs', [0xff], '\\b{FF}'],
      ['a lone continuation byte', [0x80], '\\b{80}'],
      ['an overlong form', [0xc0, 0xaf], '\\b{C0}\\b{AF}'],
      ['an encoded surrogate', [0xed, 0xa0, 0x80], '\\b{ED}\\b{A0}\\b{80}'],
      ['a character cut short', [0xe2, 0x82], '\\b{E2}\\b{82}'],
      ['a code point beyond the last', [0xf4, 0x90, 0x80, 0x80], '\\b{F4}\\b{90}\\b{80}\\b{80}'],
    ] as const) {
      test(`${name} is stored in visible form`, async () => {
        const stored = await assertStored(record(bytes))
        assert.equal(stored.payload['password'], `x${visible}y`)
        assert.ok(stored.flags.includes('bad-utf8'))
      })
    }

    test('two records that differ in such a byte alone are two events', async () => {
      const outcome = await loadAround(Buffer.concat([record([0xfe]), record([0xff])]))
      assertWhole(outcome)
      assert.equal(outcome.events.length, 2)
      assert.notEqual(outcome.events[0]!.digest, outcome.events[1]!.digest)
    })

    test('the byte, its visible form as typed and its replacement are three events', async () => {
      const typed = `${line({ password: 'x\\b{FF}y' })}\n`
      const replaced = `${line({ password: 'x\ufffdy' })}\n`
      const outcome = await loadAround(
        Buffer.concat([record([0xff]), Buffer.from(typed), Buffer.from(replaced)]),
      )
      assertWhole(outcome)
      assert.equal(outcome.events.length, 3)
      assert.equal(new Set(outcome.events.map((one) => one.text)).size, 3)
    })

    test('the same record twice is one event', async () => {
      const outcome = await loadAround(Buffer.concat([record([0xff]), record([0xff])]))
      assert.equal(outcome.totals.duplicate, 1)
    })

    test('a field of a wrong type beside it keeps two records apart', async () => {
      const text = (width: unknown): string =>
        `${line({ eventid: 'cowrie.client.size', width, name: '@@' })}\n`
      const one = bytesIn(text([1]), Buffer.of(0xff))
      const two = bytesIn(text('[1]'), Buffer.of(0xff))
      const outcome = await loadAround(Buffer.concat([one, two]))
      assertWhole(outcome)
      assert.equal(outcome.events.length, 2)
    })

    test('in a key is stored in visible form', async () => {
      const stored = await assertStored(bytesIn(`${line({ 'k@@': 1 })}\n`, Buffer.of(0xff)))
      assert.equal(stored.payload['k\\b{FF}'], 1)
    })

    test('outside of a string makes the line dead', async () => {
      await assertDead(bytesIn('{"a":@@1}\n', Buffer.of(0xff)), 'not-json')
    })
  })

  describe('hostile characters', () => {
    for (const [name, spelled, visible] of [
      ['a lone high surrogate', '\\ud83d', '\\u{D83D}'],
      ['a lone low surrogate', '\\ude00', '\\u{DE00}'],
      ['an escaped NUL', '\\u0000', '\\u{00}'],
      ['an escaped ESC', '\\u001b[31m', '\\u{1B}[31m'],
      ['a newline', '\\n', '\\u{0A}'],
      ['a raw DEL', '\u007f', '\\u{7F}'],
      ['a raw C1 control', '\u009b', '\\u{9B}'],
      ['a raw bidi override', '\u202e', '\\u{202E}'],
      ['a raw zero-width space', '\u200b', '\\u{200B}'],
      ['a raw line separator', '\u2028', '\\u{2028}'],
      ['a tag character', '\u{e0041}', '\\u{E0041}'],
      ['a non-character', '\uffff', '\\u{FFFF}'],
    ] as const) {
      test(`${name} is stored in visible form`, async () => {
        const stored = await assertStored(`${line({ password: '@@' }).replace('@@', spelled)}\n`)
        assert.equal(stored.payload['password'], visible)
        assert.deepEqual(stored.flags, ['hostile'])
        assert.ok(stored.text.isWellFormed())
        assert.doesNotMatch(stored.text, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      })
    }

    test('a typed escape is told from the character it stands for', async () => {
      const outcome = await loadAround(
        lines([event({ password: '\u001b' }), event({ password: '\\u{1B}' })]),
      )
      assertWhole(outcome)
      assert.deepEqual(outcome.events.map((one) => one.payload['password']).sort(), [
        '\\\\u{1B}',
        '\\u{1B}',
      ])
    })

    test('in event id, session and sensor are visible there too', async () => {
      const hostile = { eventid: 'cowrie.\u001bx', session: 's\u202e', sensor: 'n\0' }
      const stored = await assertStored(lines([event(hostile)]))
      assert.equal(stored.eventid, 'cowrie.\\u{1B}x')
      assert.equal(stored.session, 's\\u{202E}')
      assert.equal(stored.sensor, 'n\\u{00}')
    })

    test('ordinary text of any script is left as it is', async () => {
      const password = 'пароль 密码 😀 é \\ " / <b>'
      const stored = await assertStored(lines([event({ password })]))
      assert.equal(stored.payload['password'], password)
      assert.deepEqual(stored.flags, [])
    })
  })

  describe('repeated keys', () => {
    const withKeys = (extra: string): string =>
      `${line({ password: 'one' }).slice(0, -1)},${extra}}\n`

    test('the last value is taken', async () => {
      const stored = await assertStored(withKeys('"username":"last","username":"very last"'))
      assert.equal(stored.payload['username'], 'very last')
      assert.deepEqual(stored.flags, ['repeated-key'])
    })

    test('with the same value are flagged all the same', async () => {
      const stored = await assertStored(withKeys('"username":"root"'))
      assert.deepEqual(stored.flags, ['repeated-key'])
    })

    test('inside of a field are taken likewise', async () => {
      const stored = await assertStored(withKeys('"deep":{"a":1,"b":2,"a":3}'))
      assert.deepEqual(stored.payload['deep'], { a: 3, b: 2 })
      assert.deepEqual(stored.flags, ['repeated-key'])
    })

    test('of an identity inside of a field are taken likewise', async () => {
      const stored = await assertStored(withKeys('"deep":{"eventid":1,"eventid":2}'))
      assert.deepEqual(stored.payload['deep'], { eventid: 2 })
    })

    for (const key of ['eventid', 'timestamp', 'session']) {
      test(`a repeated ${key} is ambiguous`, async () => {
        const value = JSON.stringify(event()[key])
        await assertDead(withKeys(`"${key}":${value}`), 'ambiguous')
      })

      test(`a repeated ${key}, once spelled with an escape, is ambiguous`, async () => {
        const spelled = `\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}`
        await assertDead(withKeys(`"${spelled}":"x"`), 'ambiguous')
      })
    }

    test('a repeated identity beside bytes that are not UTF-8 is ambiguous', async () => {
      await assertDead(bytesIn(withKeys('"x":"@@","session":"y"'), Buffer.of(0xff)), 'ambiguous')
    })

    test('a repeated identity in the _source of a hit is ambiguous', async () => {
      const source = withKeys('"timestamp":"2026-05-01T10:00:01.000000Z"').trimEnd()
      await assertDead(`{"_index":"cowrie","_id":"1","_source":${source}}\n`, 'ambiguous')
    })

    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '']) {
      test(`the key "${key}" is an ordinary own key`, async () => {
        const stored = await assertStored(withKeys(`"${key}":{"eventid":"evil","polluted":1}`))
        assert.equal(Object.hasOwn(stored.payload, key), true)
        assert.deepEqual(stored.payload[key], { eventid: 'evil', polluted: 1 })
        assert.equal(stored.eventid, 'cowrie.login.failed')
        assert.equal(({} as Fields)['polluted'], undefined)
      })
    }

    test('an event id that only __proto__ has is none', async () => {
      const { timestamp } = event()
      const inherited = JSON.stringify({ eventid: 'cowrie.x', timestamp })
      await assertDead(`{"__proto__":${inherited},"timestamp":"${timestamp}"}\n`, 'no-eventid')
    })

    test('an event without a schema may have the keys too', async () => {
      await assertStored(`{"constructor":1,${line({ eventid: 'cowrie.new.thing' }).slice(1)}\n`)
    })

    test('the order of the keys is kept', async () => {
      const stored = await assertStored(withKeys('"10":1,"9":2,"a":3'))
      assert.match(stored.text, /"10":1,"9":2,"a":3\}$/)
    })
  })

  describe('numbers', () => {
    const withNumber = (number: string): string => `${line().slice(0, -1)},"n":${number}}\n`

    for (const number of [
      '9007199254740993',
      '-9007199254740993',
      '12345678901234567890',
      '1e400',
      '0.1000000000000000055511151231257827',
      '123456789012345678901234567890.5',
    ]) {
      test(`${number} is stored as its text`, async () => {
        const stored = await assertStored(withNumber(number))
        assert.equal(stored.payload['n'], number)
        assert.deepEqual(stored.flags, ['odd-number'])
      })
    }

    for (const [number, value] of [
      ['9007199254740991', 9007199254740991],
      ['-9007199254740991', -9007199254740991],
      ['0', 0],
      ['1.5', 1.5],
      ['70000', 70000],
      ['4294967295', 4294967295],
      ['0.123456', 0.123456],
    ] as const) {
      test(`${number} stays a number`, async () => {
        const stored = await assertStored(withNumber(number))
        assert.equal(stored.payload['n'], value)
        assert.deepEqual(stored.flags, [])
      })
    }

    test('1.0 and 1 are the same event', async () => {
      const outcome = await loadAround(withNumber('1.0') + withNumber('1') + withNumber('10e-1'))
      assertWhole(outcome)
      assert.equal(outcome.totals.duplicate, 2)
    })

    test('two integers beyond 2^53 that a double cannot tell apart are two events', async () => {
      const outcome = await loadAround(
        withNumber('9007199254740993') + withNumber('9007199254740992'),
      )
      assertWhole(outcome)
      assert.equal(outcome.events.length, 2)
    })

    for (const number of ['NaN', 'Infinity', '-Infinity', '+1', '.5', '1.', '0x10', '1e', 'nan']) {
      test(`${number} is dead as not-json`, async () => {
        await assertDead(withNumber(number), 'not-json')
      })
    }
  })

  describe('several objects on a line', () => {
    const one = line({ password: 'one' })
    const two = line({ password: 'two', timestamp: '2026-05-01T10:00:01.000000Z' })

    for (const between of ['', ' ', ', ', '\t', '\0']) {
      test(`two objects with ${JSON.stringify(between)} between are two records`, async () => {
        const outcome = await loadAround(`${one}${between}${two}\n`)
        assertWhole(outcome)
        assert.equal(outcome.totals.lines, 4)
        assert.deepEqual(
          outcome.events.map((stored) => stored.payload['password']),
          ['one', 'two'],
        )
      })
    }

    test('two objects behind a log prefix are two records', async () => {
      const outcome = await loadAround(`May  1 10:00:00 host cowrie: ${one}${two}\n`)
      assertWhole(outcome)
      assert.equal(outcome.events.length, 2)
    })

    test('a torn record before a whole one is dead alone', async () => {
      const outcome = await loadAround(`${one.slice(0, 90)}${two}\n`)
      assertWhole(outcome)
      assert.deepEqual(
        outcome.events.map((stored) => stored.payload['password']),
        ['two'],
      )
      assert.deepEqual(outcome.reasons, ['not-json'])
    })

    test('a record torn at any byte before a whole one is dead alone', async () => {
      const torn = Array.from({ length: one.length - 1 }, (_, i) => one.slice(0, i + 1))
      const outcome = await loadAround(
        torn.map((part, i) => `${part}${line({ password: `whole ${i}` })}\n`).join(''),
      )
      assertWhole(outcome)
      assert.equal(outcome.events.length, torn.length)
      assert.equal(outcome.totals.dead, torn.length)
    })

    test('a torn record with many objects inside before a whole one is dead alone', async () => {
      const scans = Object.fromEntries(
        Array.from({ length: 20 }, (_, i) => [`engine ${i}`, { detected: 'false', result: '' }]),
      )
      const torn = line({ eventid: 'cowrie.virustotal.scanfile', scans }).slice(0, -10)
      const outcome = await loadAround(`${torn}${two}\n`)
      assertWhole(outcome)
      assert.deepEqual(
        outcome.events.map((stored) => stored.payload['password']),
        ['two'],
      )
    })

    test('the rest of a torn record before a whole one is dead alone', async () => {
      const outcome = await loadAround(`${one.slice(90)}${two}\n`)
      assertWhole(outcome)
      assert.equal(outcome.events.length, 1)
      assert.deepEqual(outcome.reasons, ['not-json'])
    })

    test('text after an object is dead alone', async () => {
      const outcome = await loadAround(`${one} trailing\n`)
      assertWhole(outcome)
      assert.equal(outcome.events.length, 1)
      assert.deepEqual(outcome.reasons, ['not-json'])
    })

    test('an object that an attacker typed is no event', async () => {
      const typed = line({ password: 'typed' })
      const stored = await assertStored(lines([event({ username: typed, password: '{' })]))
      assert.equal(stored.payload['username'], typed)
    })

    test('an object that an attacker typed is none in a torn line either', async () => {
      const typed = line({ password: 'typed' })
      const torn = line({ input: typed, argv: ['{', typed, '{', typed] })
      await assertDead(`${torn.slice(0, -3)}\n`, 'not-json')
    })
  })

  describe('records that are no events', () => {
    for (const text of [
      '5',
      '"text"',
      'null',
      'true',
      '-1.5',
      '[]',
      '{}',
      '[1,2]',
      '["a"]',
      '{ }',
      '[ ]',
    ]) {
      test(`${text} is dead as not-an-event`, async () => {
        await assertDead(`${text}\n`, 'not-an-event')
      })
    }

    for (const [name, overrides] of [
      ['absent', { eventid: undefined }],
      ['a number', { eventid: 5 }],
      ['null', { eventid: null }],
      ['an object', { eventid: {} }],
    ] as const) {
      test(`an event id that is ${name} is dead as no-eventid`, async () => {
        await assertDead(lines([event(overrides)]), 'no-eventid')
      })
    }

    for (const [name, timestamp] of [
      ['absent', undefined],
      ['null', null],
      ['empty', ''],
      ['text', 'yesterday'],
      ['a day that is none', '2026-02-30T00:00:00.000000Z'],
      ['an hour that is none', '2026-02-03T24:00:00.000000Z'],
      ['a date alone', '2026-02-03'],
      ['an object', {}],
      ['true', true],
    ] as const) {
      test(`a timestamp that is ${name} is dead as no-time`, async () => {
        await assertDead(lines([event({ timestamp })]), 'no-time')
      })
    }
  })

  describe('size and depth', () => {
    const nested = (depth: number, open = '{"a":', close = '}'): string =>
      // The record itself is the first level.
      `${line().slice(0, -1)},"deep":${open.repeat(depth - 1)}1${close.repeat(depth - 1)}}\n`

    test('a depth of 64 is stored', async () => {
      await assertStored(nested(64))
      await assertStored(nested(64, '[', ']'))
    })

    for (const depth of [65, 3_000, 200_000]) {
      test(`a depth of ${depth} objects is too deep, and the rest of the file is read`, async () => {
        await assertDead(nested(depth), 'too-deep')
      })

      test(`a depth of ${depth} arrays is too deep, and the rest of the file is read`, async () => {
        await assertDead(nested(depth, '[', ']'), 'too-deep')
      })
    }

    test('too deep with a byte that is not UTF-8 is too deep', async () => {
      await assertDead(bytesIn(nested(3_000).replace(':1}', ':"@@"}'), Buffer.of(0xff)), 'too-deep')
    })

    const MAX = 8 * 1024 * 1024
    const sized = (bytes: number): string => {
      const empty = line({ input: '' })
      return line({ input: 'a'.repeat(bytes - empty.length) })
    }

    test('a record of 8 MiB is stored', async () => {
      const stored = await assertStored(`${sized(MAX)}\n`)
      assert.equal(stored.text.length, MAX)
    })

    test('a record of 8 MiB and a byte is too long, and the rest of the file is read', async () => {
      await assertDead(`${sized(MAX + 1)}\n`, 'too-long')
    })

    test('a line of 20 MB is too long, and the rest of the file is read', async () => {
      await assertDead(`${sized(20_000_000)}\n`, 'too-long')
    })

    test('a pretty-printed object of 9 MB is too long', async () => {
      const pretty = JSON.stringify(event({ input: 'a'.repeat(9_000_000) }), null, 2)
      await assertDead(`${pretty}\n`, 'too-long')
    })

    test('a line of 9 MB behind a log prefix is too long', async () => {
      await assertDead(`May  1 10:00:00 host cowrie: ${sized(9_000_000)}\n`, 'too-long')
    })

    test('a line of 8 MiB and 100 KB behind a log prefix is too long', async () => {
      await assertDead(`May  1 10:00:00 host cowrie: ${sized(MAX + 100_000)}\n`, 'too-long')
    })

    test('an element of 9 MB of an array is too long, and the others are stored', async () => {
      const array = `[\n${line({ password: 'one' })},\n${sized(9_000_000)},\n${line({ password: 'two' })}\n]\n`
      const outcome = await loadAround(array)
      assertWhole(outcome)
      assert.equal(outcome.events.length, 2)
      assert.deepEqual(outcome.reasons, ['too-long'])
    })

    test('the last element of an array, too long, closes the array', async () => {
      await withLimits({ recordBytesMax: 10_000 }, async () => {
        const outcome = await loadAround(`[\n${line({ password: 'one' })},\n${sized(20_000)}]\n`)
        assertWhole(outcome)
        assert.deepEqual(outcome.reasons, ['too-long'])
      })
    })

    test('a line that is too long and torn is dead, and the rest of the file is read', async () => {
      const outcome = await loadAround(`${sized(9_000_000).slice(0, -50)}\n`)
      assertWhole(outcome)
      assert.equal(outcome.totals.dead, 1)
    })

    test('a blank line of 9 MB is too long', async () => {
      const outcome = await loadAround(`${' '.repeat(9_000_000)}\n`)
      assertWhole(outcome)
      assert.deepEqual(outcome.reasons, ['too-long'])
    })

    test('a file loaded again after a line that is too long is unchanged', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': around(`${sized(9_000_000)}\n`) })
      const { lab } = loaded
      lab.write('copy.json', around(`${sized(9_000_000)}\n`))
      const again = await lab.load()
      assert.equal(again.totals.lines, 0)
      assert.deepEqual(
        again.sources.map((source) => source.state),
        ['unchanged', 'unchanged'],
      )
      assert.deepEqual(await lab.problems(), [])
    })

    test('slow: a line of 150 MB does not fill the memory', async () => {
      await withTempFolder((folder) => {
        const support = new URL('../support/loading.ts', import.meta.url).href
        const script = `
        const { loadFiles, line } = await import(${JSON.stringify(support)})
        const { openSync, writeSync, closeSync } = await import('node:fs')
        const path = ${JSON.stringify(`${folder}/cowrie.json`)}
        const fd = openSync(path, 'w')
        writeSync(fd, line({ password: 'before' }) + '\\n{"eventid":"cowrie.x","input":"')
        const part = Buffer.alloc(1_000_000, 'a')
        for (let i = 0; i < 150; i += 1) writeSync(fd, part)
        writeSync(fd, '"}\\n' + line({ password: 'after' }) + '\\n')
        closeSync(fd)
        const base = process.resourceUsage().maxRSS
        const { lab, report } = await loadFiles({}, { paths: [path] })
        const grown = (process.resourceUsage().maxRSS - base) / 1024
        console.log(JSON.stringify({ grown, totals: report.totals }))
        await lab[Symbol.asyncDispose]()`
        const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
          encoding: 'utf8',
        })
        const { grown, totals } = JSON.parse(out) as {
          grown: number
          totals: Record<string, number>
        }
        assert.equal(totals['stored'], 2)
        assert.equal(totals['dead'], 1)
        assert.ok(grown < 256, `${Math.round(grown)} MiB`)
      })
    })
  })

  describe('time', () => {
    for (const [name, timestamp] of [
      ['before 2010', '2009-12-31T23:59:59.999999Z'],
      ['of 1970', '1970-01-01T00:00:00.000000Z'],
      ['more than 48 hours ahead of the clock', '2026-06-03T00:00:00.000001Z'],
      ['of 9999', '9999-12-31T23:59:59.000000Z'],
    ] as const) {
      test(`${name} is stored with a flag`, async () => {
        const stored = await assertStored(lines([event({ timestamp })]))
        assert.ok(stored.flags.includes('odd-time'))
      })
    }

    for (const timestamp of ['2010-01-01T00:00:00.000000Z', '2026-06-03T00:00:00.000000Z']) {
      test(`${timestamp} has no flag`, async () => {
        const stored = await assertStored(lines([event({ timestamp })]))
        assert.deepEqual(stored.flags, [])
      })
    }

    test('every spelling of an instant is the same instant', async () => {
      const spellings = [
        '2026-05-01T10:00:00.500000Z',
        '2026-05-01T10:00:00.5+0000',
        '2026-05-01T15:45:00.500000+05:45',
        '2026-05-01 10:00:00.500',
        1777629600.5,
        1777629600500,
      ]
      const outcome = await loadAround(lines(spellings.map((timestamp) => event({ timestamp }))))
      assertWhole(outcome)
      assert.deepEqual([...new Set(outcome.events.map((one) => one.at))], [1777629600500000])
    })
  })

  describe('session', () => {
    for (const [name, session] of [
      ['absent', undefined],
      ['empty', ''],
    ] as const) {
      test(`${name}: the event is stored and belongs to no session`, async () => {
        const stored = await assertStored(lines([event({ session, password: 'one' })]))
        assert.equal(stored.session, '')
        assert.deepEqual(stored.flags, [])
      })
    }

    for (const [name, session, text] of [
      ['a number', 12, '12'],
      ['true', true, 'true'],
      ['an object', { a: [1] }, '{"a":[1]}'],
      ['an array', ['x'], '["x"]'],
    ] as const) {
      test(`${name}: its text form is taken, with a flag`, async () => {
        const stored = await assertStored(lines([event({ session })]))
        assert.equal(stored.session, text)
        assert.equal(stored.payload['session'], text)
        assert.deepEqual(stored.flags, ['odd-session'])
      })
    }

    test('over 64 characters: it is taken, with a flag', async () => {
      const stored = await assertStored(lines([event({ session: 'a'.repeat(65) })]))
      assert.equal(stored.session, 'a'.repeat(65))
      assert.deepEqual(stored.flags, ['odd-session'])
    })

    for (const session of ['a'.repeat(64), '😀'.repeat(40)]) {
      test(`of ${[...session].length} characters (${session[0]!.charCodeAt(0)}) has no flag`, async () => {
        const stored = await assertStored(lines([event({ session })]))
        assert.deepEqual(stored.flags, [])
      })
    }

    test('00ab and ab are two sessions', async () => {
      const outcome = await loadAround(
        lines([event({ session: '0000000000ab' }), event({ session: 'ab' })]),
      )
      assert.deepEqual(outcome.events.map((one) => one.session).sort(), ['0000000000ab', 'ab'])
    })

    test('each of 300 sessions has the protocol that its events name', async () => {
      await using loaded = await loadFiles({
        'cowrie.json': lines(
          events(300).map((one, i) => ({
            ...one,
            eventid: 'cowrie.session.connect',
            protocol: `protocol ${i}`,
          })),
        ),
      })
      const rows = await loaded.lab.all('select protocol from sessions order by first_event_us')
      assert.deepEqual(
        rows.map((row) => row['protocol']),
        Array.from({ length: 300 }, (_, i) => `protocol ${i}`),
      )
    })
  })

  describe('names as long as an attacker likes', () => {
    // No index takes them whole, and nothing in them can be packed.
    const long = (salt: number): string => {
      let text = ''
      for (let i = 0; text.length < 40_000; i += 1)
        text += createHash('sha256').update(`${salt} ${i}`).digest('hex')
      return text
    }

    for (const field of ['sensor', 'eventid', 'session', 'src_ip', 'username', 'unheard-of']) {
      test(`in ${field} are stored, told apart and found again`, async () => {
        const one = { [field]: long(1) }
        const other = { [field]: `${long(1)}x` }
        const outcome = await loadAround(lines([event(one), event(other), event(one)]))
        assertWhole(outcome)
        assert.deepEqual(outcome.events.map((stored) => stored.payload[field]).sort(), [
          one[field],
          other[field],
        ])
      })
    }

    test('as names of fields are stored and counted as drift', async () => {
      const outcome = await loadAround(lines([event({ [long(2)]: 1 }), event({ [long(3)]: 1 })]))
      assertWhole(outcome)
      assert.equal(outcome.drift.length, 2)
    })
  })

  describe('foreign and unknown', () => {
    test('an unknown event id among Cowrie events is stored and counted as drift', async () => {
      const outcome = await loadAround(lines([event({ eventid: 'cowrie.brand.new' })]))
      assertWhole(outcome)
      assert.equal(outcome.events.length, 1)
      assert.deepEqual(outcome.drift, [
        { what: 'unknown-event', eventid: 'cowrie.brand.new', field: '', count: 1 },
      ])
    })

    test('an event id of another program among Cowrie events is stored and counted', async () => {
      const outcome = await loadAround(lines([event({ eventid: 'fork.thing' })]))
      assert.equal(outcome.events.length, 1)
      assert.equal(outcome.drift.length, 1)
    })

    for (const [name, text] of [
      ['JSON of another honeypot', '{"eventid":"dionaea.connection","timestamp":"2026-05-01"}\n'],
      ['web honeypot JSON', '{"time":"2026-05-01T00:00:00","url":"/","sip":"192.0.2.1"}\n'],
      ['an iptables log', 'May  1 00:00:00 host kernel: IN=eth0 SRC=192.0.2.1 DST=192.0.2.2\n'],
      ['a text log of Cowrie', '2026-05-01T00:00:00.000000Z [-] cowrie.ssh started\n'],
      ['JSON in which Cowrie is only mentioned', '{"note":"eventid: cowrie.login.failed"}\n'],
      ['JSON whose text quotes an event', `${JSON.stringify({ note: line() })}\n`],
      ['an empty file', ''],
      ['blank lines', '\n\n\n'],
      ['a binary', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 2, 3, 0, 0, 0])],
    ] as const) {
      test(`${name} is listed as foreign and not read`, async () => {
        await using loaded = await loadFiles({ 'odd.json': text, 'cowrie.json': `${BEFORE}\n` })
        const { lab, report } = loaded
        assert.deepEqual(
          report.foreign.map((one) => one.path),
          [lab.path('odd.json')],
        )
        assert.equal(report.totals.lines, 1)
        assert.deepEqual(await lab.dead(), [])
        const again = await lab.load()
        assert.equal(again.foreign.length, 1)
        assert.equal(again.totals.lines, 0)
      })
    }

    test('a foreign file that becomes one of Cowrie is read', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': '' })
      loaded.lab.write('cowrie.json', `${BEFORE}\n`)
      const { totals } = await loaded.lab.load()
      assert.equal(totals.stored, 1)
    })

    test('a path that leads nowhere fails alone', async () => {
      await using lab = await Lab.open()
      lab.write('cowrie.json', `${BEFORE}\n`)
      const report = await lab.load({ paths: [lab.path('nothing'), lab.path('cowrie.json')] })
      assert.equal(report.totals.stored, 1)
      assert.deepEqual(
        report.failed.map(({ path, code }) => ({ path, code })),
        [{ path: lab.path('nothing'), code: 'SOURCE_NOT_FOUND' }],
      )
    })

    test('a folder is read to the bottom, and a folder named as a log is one', async () => {
      await using lab = await Lab.open()
      mkdirSync(lab.path('cowrie.json'))
      lab.write('cowrie.json/a/b/c.json', `${BEFORE}\n`)
      lab.write('d.json', `${AFTER}\n`)
      const report = await lab.load()
      assert.equal(report.totals.stored, 2)
      assert.deepEqual(report.failed, [])
    })
  })

  describe('Elasticsearch hits', () => {
    const hit = (source: Fields): Fields => ({
      _index: 'cowrie',
      _id: 'x',
      _score: 1,
      _source: source,
    })

    test('a hit with an unchanged _source is the same event as its line', async () => {
      const some = events(5)
      await using loaded = await loadFiles({
        'a.json': lines(some),
        'b.json': lines(some.map(hit)),
      })
      const { totals, foreign } = loaded.report
      assert.deepEqual(foreign, [])
      assert.equal(totals.stored, 5)
      assert.equal(totals.duplicate, 5)
    })

    const changed = hit({ ...event(), '@timestamp': '2026-05-01', geoip: { country: 'XX' } })

    test('a file of hits with a changed _source is foreign, with a hint', async () => {
      await using loaded = await loadFiles({ 'hits.json': lines([changed]) })
      assert.equal(loaded.report.foreign[0]?.kind, 'elasticsearch-enriched')
      assert.equal(loaded.report.totals.lines, 0)
    })

    test('such a file is read with accept-enriched', async () => {
      await using loaded = await loadFiles(
        { 'hits.json': lines([changed]) },
        { acceptEnriched: true },
      )
      assert.deepEqual(loaded.report.foreign, [])
      assert.equal(loaded.report.totals.stored, 1)
    })

    test('such a file is read with accept-enriched, also after it was listed as foreign', async () => {
      await using loaded = await loadFiles({ 'hits.json': lines([changed]) })
      const again = await loaded.lab.load({ acceptEnriched: true })
      assert.deepEqual(again.foreign, [])
      assert.equal(again.totals.stored, 1)
    })
  })

  // --- Forms of the same events --------------------------------------------------------------------

  const SOME = events(40)
  SOME[3] = { ...SOME[3], input: 'echo "ж😀\u001b"', nested: { list: [1, [], {}, null], a: 'x' } }
  SOME[5] = { ...SOME[5], __other__: 1.5, duration: 0.25 }

  const utf16 = (text: string, isLittle: boolean): Buffer => {
    const bytes = Buffer.from(text, 'utf16le')
    return isLittle ? bytes : bytes.swap16()
  }
  const PLAIN = lines(SOME)
  const PYTHON = SOME.map((one) => `${pythonJson(one)}\n`).join('')

  /** `json.dumps` of Python: blanks after commas and colons, everything beyond ASCII escaped. */
  function pythonJson(value: unknown): string {
    if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value).map(([key, one]) => `"${key}": ${pythonJson(one)}`)
      return `{${entries.join(', ')}}`
    }
    return JSON.stringify(value).replace(/[^ -~]/g, (unit) => {
      return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
    })
  }

  const FORMS: Readonly<Record<string, string | Uint8Array>> = {
    'pretty-printed objects': SOME.map((one) => `${JSON.stringify(one, null, 2)}\n`).join(''),
    'pretty-printed objects without a line between': SOME.map((one) =>
      JSON.stringify(one, null, 2),
    ).join(''),
    'objects one after the other': SOME.map((one) => JSON.stringify(one)).join(''),
    'objects with commas': SOME.map((one) => JSON.stringify(one)).join(',\n'),
    'an array on one line': JSON.stringify(SOME),
    'an array on one line with a line end': `${JSON.stringify(SOME)}\n`,
    'a pretty-printed array': JSON.stringify(SOME, null, 4),
    'an array of lines': `[\n${SOME.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`,
    'an array with commas in front': `[${SOME.map((one) => JSON.stringify(one)).join('\n,')}]`,
    'two arrays': `${JSON.stringify(SOME.slice(0, 20))}\n${JSON.stringify(SOME.slice(20))}\n`,
    'lines in the style of Python': PYTHON,
    'lines that end in CRLF': PLAIN.replaceAll('\n', '\r\n'),
    'lines after a byte order mark': `\ufeff${PLAIN}`,
    'an array after a byte order mark': `\ufeff${JSON.stringify(SOME)}`,
    'lines of syslog': PLAIN.replaceAll(/^/gm, 'May  1 10:00:00 host cowrie[12]: ').replace(
      /May[^{]*$/,
      '',
    ),
    'lines with a priority and a time': PLAIN.replaceAll(
      /^(?=\{)/gm,
      '<13>1 2026-05-01T10:00:00Z h cowrie - - - ',
    ),
    'UTF-16LE with a byte order mark': utf16(`\ufeff${PLAIN}`, true),
    'UTF-16BE with a byte order mark': utf16(`\ufeff${PLAIN}`, false),
    'UTF-16LE without a byte order mark': utf16(PLAIN, true),
    'UTF-16BE without a byte order mark': utf16(PLAIN, false),
    'UTF-16LE, pretty-printed, CRLF': utf16(
      JSON.stringify(SOME, null, 2).replaceAll('\n', '\r\n'),
      true,
    ),
    'lines in another order': lines(SOME.toReversed()),
    'lines twice': PLAIN + PLAIN,
    'lines without the last line end': PLAIN.trimEnd(),
    'lines with blank lines between': PLAIN.replaceAll('\n', '\n\n \n'),
    gzip: gzipSync(PLAIN),
    'gzip of many members': Buffer.concat(SOME.map((one) => gzipSync(`${JSON.stringify(one)}\n`))),
    zstd: zstdCompressSync(PLAIN),
    'gzip of UTF-16': gzipSync(utf16(`\ufeff${PLAIN}`, true)),
    'gzip of a pretty-printed array': gzipSync(JSON.stringify(SOME, null, 1)),
  }

  describe('the same events in another form', () => {
    for (const [name, data] of Object.entries(FORMS)) {
      for (const chunkBytes of [262_144, 97]) {
        test(`${name}, read ${chunkBytes} bytes at a time, are the same events`, async () => {
          await using plain = await loadFiles({ 'cowrie.json': PLAIN })
          await using other = await loadFiles({ 'other.json': data }, { chunkBytes })
          const { lab, report } = other
          assert.deepEqual(await lab.keys(), await plain.lab.keys())
          assert.deepEqual(
            (await lab.events()).map((one) => one.text),
            (await plain.lab.events()).map((one) => one.text),
          )
          assert.deepEqual(await lab.dead(), [])
          assert.equal(report.totals.pendingBytes, 0)
          assert.equal(report.balanced, true)
          assert.deepEqual(await lab.problems(), [])
        })
      }
    }

    test('loaded beside each other are stored once', async () => {
      const files = Object.entries(FORMS).map(([name, data], i) => [`${i} ${name}`, data] as const)
      await using loaded = await loadFiles(Object.fromEntries(files))
      assert.equal(loaded.report.totals.stored, SOME.length)
      assert.equal(loaded.report.totals.dead, 0)
      assert.deepEqual(await loaded.lab.problems(), [])
    })
  })

  // --- The same file again -------------------------------------------------------------------------

  const compressors: Readonly<Record<string, ((data: Buffer | string) => Buffer) | undefined>> = {
    gz: (data) => gzipSync(data),
    zst: (data) => zstdCompressSync(data),
    bz2: tool('bzip2', ['-c', '-1']),
    xz: tool('xz', ['-c', '-1', '--block-size=65536']),
  }

  /** A program of the system that packs its input; undefined where it is not installed. */
  function tool(
    name: string,
    args: readonly string[],
  ): ((data: Buffer | string) => Buffer) | undefined {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore', input: '' })
    } catch {
      return undefined
    }
    return (data) => execFileSync(name, args, { input: data, maxBuffer: 1 << 28 })
  }

  describe('the same file again', () => {
    test('untouched is unchanged', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': PLAIN })
      const again = await loaded.lab.load()
      assert.deepEqual(
        again.sources.map(({ state, lines: count }) => ({ state, count })),
        [{ state: 'unchanged', count: 0 }],
      )
    })

    for (const [name, data] of Object.entries({
      long: PLAIN,
      'shorter than 1 KiB': `${BEFORE}\n`,
    })) {
      test(`under another name brings nothing new (${name})`, async () => {
        await using loaded = await loadFiles({ 'cowrie.json': data })
        const { lab } = loaded
        lab.write('copy.json', data)
        const again = await lab.load()
        assert.equal(again.totals.stored, 0)
        assert.equal(again.totals.dead, 0)
        assert.equal(await lab.sourceCount(), 1)
        assert.deepEqual(await lab.problems(), [])
      })

      for (const [suffix, compress] of Object.entries(compressors)) {
        test(`compressed to ${suffix} brings nothing new (${name})`, {
          skip: compress === undefined,
        }, async () => {
          await using loaded = await loadFiles({ 'cowrie.json': data })
          const { lab } = loaded
          lab.remove('cowrie.json')
          lab.write(`old.${suffix}`, compress!(data))
          const again = await lab.load()
          assert.equal(again.totals.stored, 0)
          assert.equal(again.totals.lines, 0)
          assert.equal(again.sources[0]!.state, 'unchanged')
          assert.equal(await lab.sourceCount(), 1)
        })

        test(`first ${suffix}, then plain brings nothing new (${name})`, {
          skip: compress === undefined,
        }, async () => {
          await using loaded = await loadFiles({ [`old.${suffix}`]: compress!(data) })
          const { lab, report } = loaded
          assert.equal(report.totals.dead, 0)
          lab.write('cowrie.json', data)
          const again = await lab.load()
          assert.equal(again.totals.stored, 0)
          assert.equal(again.totals.lines, 0)
          assert.equal(await lab.sourceCount(), 1)
          assert.deepEqual(await lab.problems(), [])
        })
      }
    }

    test('with another sensor given is stored under that sensor', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': PLAIN })
      const again = await loaded.lab.load({ sensor: 'lyon-1' })
      assert.equal(again.totals.stored, SOME.length)
      assert.equal(
        (await loaded.lab.events()).filter((one) => one.payload['sensor'] === 'sensor-1').length,
        80,
      )
    })

    test('duplicate lines are counted as such', async () => {
      const outcome = await loadAround(`${line()}\n`.repeat(3))
      assertWhole(outcome)
      assert.equal(outcome.events.length, 1)
      assert.equal(outcome.totals.duplicate, 2)
    })

    test('a file appended to itself stores each event once', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': PLAIN })
      loaded.lab.append('cowrie.json', PLAIN)
      const again = await loaded.lab.load()
      assert.equal(again.totals.lines, SOME.length)
      assert.equal(again.totals.duplicate, SOME.length)
    })

    test('a load leaves its input as it was', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': PLAIN })
      const { mtimeNs, ctimeNs, size } = statSync(loaded.lab.path('cowrie.json'), { bigint: true })
      await loaded.lab.load()
      const after = statSync(loaded.lab.path('cowrie.json'), { bigint: true })
      assert.deepEqual([after.mtimeNs, after.ctimeNs, after.size], [mtimeNs, ctimeNs, size])
    })
  })

  describe('a growing file', () => {
    test('is read on from where it was left', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': lines(SOME.slice(0, 10)) })
      const { lab } = loaded
      lab.append('cowrie.json', lines(SOME.slice(10, 25)))
      const second = await lab.load()
      assert.equal(second.totals.stored, 15)
      assert.equal(second.totals.lines, 15)
      assert.equal(second.sources[0]!.state, 'continued')
      lab.append('cowrie.json', lines(SOME.slice(25)))
      assert.equal((await lab.load()).totals.lines, 15)
      assert.equal((await lab.events()).length, 40)
      assert.equal(await lab.sourceCount(), 1)
      assert.deepEqual(await lab.problems(), [])
    })

    test('that grows by a byte at a time gives each event once', async () => {
      await using lab = await Lab.open()
      const text = lines([event({ password: 'one' }), event({ password: 'two' })])
      for (const [i, character] of [...text].entries()) {
        lab.append('cowrie.json', character)
        if (i % 7 === 0 || i === text.length - 1) await lab.load()
      }
      assert.equal((await lab.events()).length, 2)
      assert.deepEqual(await lab.dead(), [])
      assert.deepEqual(await lab.problems(), [])
    })

    test('a whole object without a line end is taken, and its line end is no event', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': `${BEFORE}\n${AFTER}` })
      const { lab, report } = loaded
      assert.equal(report.totals.stored, 2)
      assert.equal(report.totals.pendingBytes, 0)
      lab.append('cowrie.json', `\n${line()}\n`)
      const again = await lab.load()
      assert.equal(again.totals.stored, 1)
      assert.equal(again.totals.duplicate, 0)
      assert.equal(again.totals.dead, 0)
      assert.deepEqual(await lab.problems(), [])
    })

    for (const [name, cut] of [
      ['half an object', 60],
      ['one byte', 1],
      ['all but the last byte', AFTER.length - 1],
    ] as const) {
      test(`${name} at the end is pending until the line is complete`, async () => {
        await using loaded = await loadFiles({ 'cowrie.json': `${BEFORE}\n${AFTER.slice(0, cut)}` })
        const { lab, report } = loaded
        assert.equal(report.totals.pendingBytes, cut)
        assert.equal(report.totals.lines, 1)
        assert.deepEqual(await lab.dead(), [])
        const same = await lab.load()
        assert.equal(same.totals.lines, 0)
        assert.equal(same.totals.pendingBytes, cut)
        lab.append('cowrie.json', `${AFTER.slice(cut)}\n`)
        const again = await lab.load()
        assert.equal(again.totals.stored, 1)
        assert.equal(again.totals.pendingBytes, 0)
        assert.deepEqual(await passwords(lab), ['before', 'after'])
        assert.deepEqual(await lab.problems(), [])
      })
    }

    for (const tail of ['garbage', '\0\0\0', '5', '[', '{"a":1} x']) {
      test(`${JSON.stringify(tail)} at the end of a plain file is no dead letter`, async () => {
        await using loaded = await loadFiles({ 'cowrie.json': `${BEFORE}\n${tail}` })
        const rest = tail.startsWith('{') ? 1 : tail.length
        assert.equal(loaded.report.totals.pendingBytes, rest)
      })
    }

    test('UTF-16 cut within a character is pending until it is complete', async () => {
      const data = utf16(
        `\ufeff${lines([event({ password: '😀' }), event({ password: 'ж' })])}`,
        true,
      )
      const cut = data.length - 41
      await using loaded = await loadFiles({ 'cowrie.json': data.subarray(0, cut) })
      const { lab, report } = loaded
      assert.equal(report.totals.stored, 1)
      assert.ok(report.totals.pendingBytes > 0)
      lab.append('cowrie.json', data.subarray(cut))
      assert.equal((await lab.load()).totals.stored, 1)
      assert.deepEqual(await lab.dead(), [])
      assert.deepEqual(await lab.problems(), [])
    })

    test('an array that is not closed yet is read on', async () => {
      const [one, two] = [line({ password: 'one' }), line({ password: 'two' })]
      await using loaded = await loadFiles({ 'cowrie.json': `[\n${one},\n` })
      const { lab } = loaded
      lab.append('cowrie.json', `${two}\n]\n`)
      const again = await lab.load()
      assert.equal(again.totals.stored, 1)
      assert.deepEqual(await lab.dead(), [])
    })
  })

  describe('a torn last line', () => {
    const torn = `${BEFORE}\n${AFTER.slice(0, 50)}`

    for (const [name, input] of [
      ['plain', Buffer.from(torn)],
      ['compressed', gzipSync(torn)],
      ['UTF-16', utf16(`\ufeff${torn}`, true)],
    ] as const) {
      test(`on standard input is dead (${name})`, async () => {
        await withTempFolder((data) => {
          const program = new URL('../../src/cli/main.ts', import.meta.url).pathname
          const args = [program, 'ingest', 'bulk', '-', '--json', '--data', data]
          const out = execFileSync(process.execPath, args, { input, encoding: 'utf8' })
          const { totals, balanced } = JSON.parse(out) as Pick<LoadReport, 'totals' | 'balanced'>
          const { stored, dead, pendingBytes } = totals
          assert.deepEqual({ stored, dead, pendingBytes }, { stored: 1, dead: 1, pendingBytes: 0 })
          assert.equal(balanced, true)
        })
      })
    }

    test('in a compressed file is dead', async () => {
      await using loaded = await loadFiles({ 'cowrie.json.gz': gzipSync(torn) })
      assert.deepEqual(await loaded.lab.deadReasons(), ['torn-line'])
      assert.equal(loaded.report.totals.pendingBytes, 0)
      assert.equal(loaded.report.totals.dead, 1)
      assert.deepEqual(await loaded.lab.problems(), [])
    })

    test('in a file whose newer sibling exists is dead', async () => {
      await using loaded = await loadFiles({
        'cowrie.json.2026-05-01': torn,
        'cowrie.json': `${line()}\n`,
      })
      assert.deepEqual(await loaded.lab.deadReasons(), ['torn-line'])
      assert.deepEqual(await loaded.lab.problems(), [])
    })

    test('in a rotated file alone is pending, and dead once the newer one is there', async () => {
      await using loaded = await loadFiles({ 'cowrie.json.2026-05-01': torn })
      const { lab, report } = loaded
      assert.equal(report.totals.pendingBytes, 50)
      lab.write('cowrie.json', `${line()}\n`)
      const again = await lab.load()
      assert.equal(again.totals.dead, 1)
      assert.equal(again.totals.stored, 1)
      assert.deepEqual(await lab.deadReasons(), ['torn-line'])
      const third = await lab.load()
      assert.equal(third.totals.dead, 0)
      assert.deepEqual(await lab.problems(), [])
    })

    test('that is whole but for its line end is taken from a finished file', async () => {
      await using loaded = await loadFiles({ 'cowrie.json.gz': gzipSync(`${BEFORE}\n${AFTER}`) })
      assert.equal(loaded.report.totals.stored, 2)
      assert.deepEqual(await loaded.lab.dead(), [])
    })

    test('of a finished file is superseded by a longer copy', async () => {
      await using loaded = await loadFiles({ 'a.gz': gzipSync(torn) })
      const { lab } = loaded
      lab.write('b.gz', gzipSync(`${BEFORE}\n${AFTER}\n${line()}\n`))
      const again = await lab.load()
      assert.equal(again.totals.stored, 2)
      assert.equal(again.totals.duplicate, 0)
      assert.deepEqual(
        (await lab.dead()).map((letter) => letter.state),
        ['superseded'],
      )
      assert.deepEqual(await lab.problems(), [])
    })
  })

  describe('rotation', () => {
    test('a renamed file and a new one in its place are two sources, read once each', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': lines(SOME.slice(0, 10)) })
      const { lab } = loaded
      lab.append('cowrie.json', lines(SOME.slice(10, 12)))
      lab.rename('cowrie.json', 'cowrie.json.2026-05-01')
      lab.write('cowrie.json', lines(SOME.slice(12, 20)))
      const again = await lab.load()
      assert.equal(again.totals.lines, 10)
      assert.equal(again.totals.stored, 10)
      assert.equal(await lab.sourceCount(), 2)
      assert.deepEqual(await lab.problems(), [])
    })

    test('a pending line is completed in the renamed file', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': `${BEFORE}\n${AFTER.slice(0, 30)}` })
      const { lab } = loaded
      lab.append('cowrie.json', `${AFTER.slice(30)}\n`)
      lab.rename('cowrie.json', 'cowrie.json.2026-05-01')
      lab.write('cowrie.json', `${line()}\n`)
      const again = await lab.load()
      assert.equal(again.totals.stored, 2)
      assert.equal(again.totals.duplicate, 0)
      assert.deepEqual(await lab.dead(), [])
    })

    test('a renamed and compressed file goes on where the plain one was left', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': lines(SOME.slice(0, 10)) })
      const { lab } = loaded
      lab.remove('cowrie.json')
      lab.write('cowrie.json.1.gz', gzipSync(lines(SOME.slice(0, 30))))
      lab.write('cowrie.json', lines(SOME.slice(30)))
      const again = await lab.load()
      assert.equal(again.totals.stored, 30)
      assert.equal(again.totals.duplicate, 0)
      assert.equal(await lab.sourceCount(), 2)
      assert.deepEqual(await lab.problems(), [])
    })

    test('a file that shrank and grew again is read from its start', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': lines(SOME.slice(0, 20)) })
      const { lab } = loaded
      lab.write('cowrie.json', lines(SOME.slice(20, 25)))
      assert.equal((await lab.load()).totals.stored, 5)
      lab.append('cowrie.json', lines(SOME.slice(25, 40)))
      assert.equal((await lab.load()).totals.stored, 15)
      assert.equal((await lab.events()).length, 40)
      assert.deepEqual(await lab.problems(), [])
    })

    test('a file that shrank and grew beyond its old size is read from its start', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': lines(SOME.slice(0, 5)) })
      const { lab } = loaded
      lab.write('cowrie.json', lines(SOME.slice(5, 40)))
      assert.equal((await lab.load()).totals.stored, 35)
    })

    test('a file with the same first lines and another end loses nothing', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': lines(SOME.slice(0, 20)) })
      const { lab } = loaded
      lab.write('cowrie.json', lines([...SOME.slice(0, 10), ...SOME.slice(25, 40)]))
      const again = await lab.load()
      assert.equal(again.totals.stored, 15)
      assert.equal(again.totals.duplicate, 10)
      assert.deepEqual(await lab.problems(), [])
    })

    test('a file cut to its first lines brings nothing new', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': lines(SOME.slice(0, 20)) })
      const { lab } = loaded
      lab.write('cowrie.json', lines(SOME.slice(0, 10)))
      const again = await lab.load()
      assert.equal(again.totals.stored, 0)
      assert.equal((await lab.events()).length, 20)
    })

    test('a file wholly inside another brings nothing new', async () => {
      await using loaded = await loadFiles({
        'a.json': lines(SOME),
        'b.json': lines(SOME.slice(10, 20)),
        'c.json': lines(SOME.slice(0, 20)),
      })
      assert.equal(loaded.report.totals.stored, 40)
      assert.equal((await loaded.lab.events()).length, 40)
      assert.deepEqual(await loaded.lab.problems(), [])
    })
  })

  // --- Archives ------------------------------------------------------------------------------------

  /** Enough for several blocks of every compression; no line can be told from its length. */
  const MANY = events(3_000).map((one, i) => ({
    ...one,
    message: `${(i * 2654435761) % 4294967296}`,
  }))
  const MANY_LINES = lines(MANY)

  describe('a torn archive', () => {
    for (const [suffix, compress] of Object.entries(compressors)) {
      const skip = compress === undefined
      for (const share of [0.3, 0.6, 0.95]) {
        test(`${suffix} torn at ${share}: a longer copy goes on there, no line lost or doubled`, {
          skip,
        }, async () => {
          const whole = compress!(MANY_LINES)
          await using loaded = await loadFiles({
            [`cowrie.json.${suffix}`]: whole.subarray(0, Math.floor(whole.length * share)),
          })
          const { lab, report } = loaded
          assert.deepEqual(await lab.deadReasons(), ['torn-archive'])
          assert.equal(report.sources[0]!.end, 'torn')
          assert.equal(report.balanced, true)
          const before = report.totals.stored
          assert.ok(before > 0 && before < MANY.length, `${before}`)
          assert.deepEqual(await lab.problems(), [])

          lab.write(`copy.json.${suffix}`, whole)
          const again = await lab.load()
          assert.equal(again.totals.stored, MANY.length - before)
          assert.equal(again.totals.duplicate, 0)
          assert.equal(again.totals.dead, 0)
          assert.equal((await lab.events()).length, MANY.length)
          assert.deepEqual(
            (await lab.dead()).map(({ reason, state }) => ({ reason, state })),
            [{ reason: 'torn-archive', state: 'superseded' }],
          )
          assert.equal(await lab.sourceCount(), 1)
          assert.deepEqual(await lab.problems(), [])

          const third = await lab.load()
          assert.equal(third.totals.lines, 0)
          assert.deepEqual(await lab.deadReasons(), [])
        })
      }

      test(`${suffix} torn, then torn later, then whole: no line lost or doubled`, {
        skip,
      }, async () => {
        const whole = compress!(MANY_LINES)
        await using lab = await Lab.open()
        let stored = 0
        for (const share of [0.3, 0.5, 0.5, 0.9, 0.999, 1]) {
          lab.write(`cowrie.json.${suffix}`, whole.subarray(0, Math.floor(whole.length * share)))
          const { totals } = await lab.load()
          stored += totals.stored
          assert.equal(totals.duplicate, 0)
          assert.deepEqual(await lab.problems(), [])
        }
        assert.equal(stored, MANY.length)
        assert.deepEqual(await lab.deadReasons(), [])
        assert.equal(await lab.sourceCount(), 1)
      })

      test(`${suffix} torn, then the plain file: no line lost or doubled`, { skip }, async () => {
        const whole = compress!(MANY_LINES)
        await using loaded = await loadFiles({
          [`cowrie.json.${suffix}`]: whole.subarray(0, Math.floor(whole.length * 0.6)),
        })
        const { lab, report } = loaded
        lab.remove(`cowrie.json.${suffix}`)
        lab.write('cowrie.json', MANY_LINES)
        const again = await lab.load()
        assert.equal(report.totals.stored + again.totals.stored, MANY.length)
        assert.equal(again.totals.duplicate, 0)
        assert.deepEqual(await lab.deadReasons(), [])
        assert.equal(await lab.sourceCount(), 1)
        assert.deepEqual(await lab.problems(), [])
      })

      test(`${suffix} torn in its last bytes is mended by a whole copy`, { skip }, async () => {
        const whole = compress!(MANY_LINES)
        await using loaded = await loadFiles({ [`a.${suffix}`]: whole.subarray(0, -4) })
        const { lab, report } = loaded
        assert.deepEqual(await lab.deadReasons(), ['torn-archive'])
        lab.write(`b.${suffix}`, whole)
        const again = await lab.load()
        assert.equal(report.totals.stored + again.totals.stored, MANY.length)
        assert.deepEqual(await lab.deadReasons(), [])
        assert.deepEqual(await lab.problems(), [])
      })

      test(`${suffix} torn, and the same once more under another name, is unchanged`, {
        skip,
      }, async () => {
        const whole = compress!(MANY_LINES)
        for (const cut of [whole.subarray(0, -4), whole.subarray(0, whole.length >> 1)]) {
          await using loaded = await loadFiles({ [`a.${suffix}`]: cut })
          const { lab } = loaded
          lab.write(`b.${suffix}`, cut)
          const again = await lab.load()
          assert.equal(again.totals.lines, 0)
          assert.equal((await lab.dead()).length, 1)
          assert.equal(await lab.sourceCount(), 1)
        }
      })

      test(`${suffix} torn within its first block is torn, and a whole copy mends it`, {
        skip,
      }, async () => {
        const whole = compress!(`${BEFORE}\n${AFTER}\n`)
        await using loaded = await loadFiles({ [`cowrie.json.${suffix}`]: whole.subarray(0, 20) })
        const { lab, report } = loaded
        assert.deepEqual(report.foreign, [])
        assert.deepEqual(await lab.deadReasons(), ['torn-archive'])
        lab.write(`cowrie.json.${suffix}`, whole)
        const again = await lab.load()
        assert.equal(again.totals.stored, 2)
        assert.deepEqual(await lab.deadReasons(), [])
      })

      test(`${suffix} with a byte changed in the middle is read to the break`, {
        skip,
      }, async () => {
        const damaged = Buffer.from(compress!(MANY_LINES))
        const at = Math.floor(damaged.length * 0.7)
        damaged[at] = damaged[at]! ^ 0xff
        await using loaded = await loadFiles({ [`cowrie.json.${suffix}`]: damaged })
        const { lab, report } = loaded
        assert.equal(report.totals.stored > 0, true)
        assert.equal((await lab.deadReasons()).includes('torn-archive'), true)
        assert.equal(report.balanced, true)
        assert.deepEqual(await lab.problems(), [])
      })

      test(`${suffix} of any hundred first bytes never fails`, { skip }, async () => {
        const whole = compress!(`${BEFORE}\n${AFTER}\n`)
        await using lab = await Lab.open()
        for (let length = 0; length < Math.min(whole.length, 100); length += 3) {
          lab.write(`${length}.${suffix}`, whole.subarray(0, length))
        }
        const report = await lab.load()
        assert.deepEqual(report.failed, [])
        assert.equal(report.balanced, true)
        assert.deepEqual(await lab.problems(), [])
      })
    }

    test('the region of a gzip stands where its last whole record ended', async () => {
      const whole = gzipSync(MANY_LINES)
      await using loaded = await loadFiles({ 'a.gz': whole.subarray(0, whole.length >> 1) })
      const { lab, report } = loaded
      const end = lines(MANY.slice(0, report.totals.stored)).length
      const [letter] = await lab.dead()
      assert.equal(letter!.start, end)
      assert.equal(letter!.records, 1)
    })

    test('torn at the very end of a line has a region all the same', async () => {
      const members = Buffer.concat([
        gzipSync(`${BEFORE}\n`),
        gzipSync(`${AFTER}\n`).subarray(0, 12),
      ])
      await using loaded = await loadFiles({ 'a.gz': members })
      const { lab } = loaded
      assert.deepEqual(await passwords(lab), ['before'])
      assert.deepEqual(await lab.deadReasons(), ['torn-archive'])
      lab.write('a.gz', Buffer.concat([gzipSync(`${BEFORE}\n`), gzipSync(`${AFTER}\n`)]))
      const again = await lab.load()
      assert.equal(again.totals.stored, 1)
      assert.deepEqual(await lab.deadReasons(), [])
      assert.deepEqual(await lab.problems(), [])
    })

    test('bytes after the end of an archive lose nothing', async () => {
      const padded = Buffer.concat([gzipSync(MANY_LINES), Buffer.alloc(512)])
      await using loaded = await loadFiles({ 'a.gz': padded })
      assert.equal(loaded.report.totals.stored, MANY.length)
      assert.deepEqual(await loaded.lab.dead(), [])
    })
  })

  describe('a bomb', () => {
    const small = { archiveBytesMax: 2_000_000, archiveRatioMax: 100 }
    const zeros = gzipSync(Buffer.alloc(20_000_000))
    const bomb = Buffer.concat([gzipSync(`${BEFORE}\n`), zeros, gzipSync(`${AFTER}\n`)])

    test('is dead from where it goes beyond the limits, and the rest is not read', async () => {
      await withLimits(small, async () => {
        await using loaded = await loadFiles({ 'a.gz': bomb, 'b.json': `${line()}\n` })
        const { lab, report } = loaded
        assert.deepEqual(await passwords(lab), ['before', '123456'])
        assert.equal((await lab.deadReasons()).filter((reason) => reason === 'bomb').length, 1)
        assert.equal(report.sources.find((one) => one.path.endsWith('a.gz'))!.end, 'bomb')
        assert.ok(report.totals.bytes < 6_000_000)
        assert.equal(report.balanced, true)
        assert.deepEqual(await lab.problems(), [])
        const again = await lab.load()
        assert.equal(again.totals.lines, 0)
      })
    })

    test('of lines is stored up to the limits', async () => {
      await withLimits(small, async () => {
        const same = gzipSync(`${BEFORE}\n${`${AFTER}\n`.repeat(60_000)}`, { level: 9 })
        await using loaded = await loadFiles({ 'a.gz': same })
        const { lab, report } = loaded
        assert.deepEqual(await passwords(lab), ['before', 'after'])
        assert.ok(report.totals.duplicate > 5_000)
        assert.deepEqual(await lab.deadReasons(), ['bomb'])
        assert.deepEqual(await lab.problems(), [])
      })
    })

    test('an archive that grows much, or is large, but not both, is none', async () => {
      await withLimits({ archiveBytesMax: 1_000_000_000, archiveRatioMax: 10 }, async () => {
        await using loaded = await loadFiles({ 'a.gz': gzipSync(`${BEFORE}\n`.repeat(5_000)) })
        assert.equal(loaded.report.totals.lines, 5_000)
        assert.deepEqual(await loaded.lab.dead(), [])
      })
      await withLimits({ archiveBytesMax: 1_000, archiveRatioMax: 1_000 }, async () => {
        await using loaded = await loadFiles({ 'a.gz': gzipSync(MANY_LINES) })
        assert.equal(loaded.report.totals.stored, MANY.length)
      })
    })

    test('a bomb without any event is foreign', async () => {
      await withLimits(small, async () => {
        await using loaded = await loadFiles({ 'a.gz': zeros })
        assert.equal(loaded.report.foreign.length, 1)
        assert.deepEqual(loaded.report.failed, [])
      })
    })

    test('slow: 1.1 GiB of zeros in gzip are a bomb by the limits of the program', async () => {
      const member = gzipSync(Buffer.alloc(64 << 20), { level: 9 })
      const parts = [gzipSync(`${BEFORE}\n`), ...Array.from({ length: 18 }, () => member)]
      await using loaded = await loadFiles({ 'a.gz': Buffer.concat(parts) })
      const { lab, report } = loaded
      assert.deepEqual(await passwords(lab), ['before'])
      assert.equal((await lab.deadReasons()).filter((reason) => reason === 'bomb').length, 1)
      assert.ok(report.totals.bytes <= (1 << 30) + (1 << 22))
      assert.deepEqual(await lab.problems(), [])
    })
  })

  describe('logs that begin with the same hole of zeros', () => {
    test('are told apart however many there are', async () => {
      await using lab = await Lab.open()
      const hole = Buffer.alloc(LIMITS.lineageHeadBytes * 2)
      const own = (n: number, part: number) =>
        lines([event({ password: `file ${n} part ${part}`, session: 'feedface0000' })])
      // As many as a log has that is copied and cut each day for a month; only the oldest grows.
      for (let n = 0; n < 30; n += 1)
        lab.write(`cowrie.json.${n}`, Buffer.concat([hole, Buffer.from(own(n, 1))]))
      await lab.load()
      lab.append('cowrie.json.0', own(0, 2))
      const again = await lab.load()
      assert.deepEqual([again.totals.stored, again.totals.duplicate], [1, 0])
      assert.equal(await lab.sourceCount(), 30)
      assert.deepEqual(await lab.problems(), [])
    })
  })

  describe('a dry run', () => {
    test('counts and stores nothing', async () => {
      await using loaded = await loadFiles({ 'cowrie.json': around('oops\n\n') }, { dryRun: true })
      const { lab, report } = loaded
      assert.equal(report.totals.stored, 2)
      assert.equal(report.totals.dead, 1)
      assert.equal(report.totals.blank, 1)
      assert.deepEqual(await lab.events(), [])
      assert.equal(await lab.sourceCount(), 0)
    })
  })
})
