/** Detectors of personal data, and what takes it out of a record. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { OperatingError } from '../../src/core/errors.ts'
import { type Json, type PlainObject, printJson } from '../../src/core/json.ts'
import { parseSlow } from '../../src/decode/slow.ts'
import { LIMITS } from '../../src/limits.ts'
import { printView } from '../../src/neutralize/neutralize.ts'
import {
  DETECTORS,
  type Detector,
  makeRedactor,
  notesOf,
  type RedactionPlan,
  Redactor,
  redactionsIn,
  STRUCTURAL_FIELDS,
  wrongTypesIn,
} from '../../src/neutralize/pii/index.ts'
import { workerReader } from '../../src/pipeline/reader-pool.ts'
import { cpuMs } from '../support/cost.ts'
import { event, lines, NOW_US } from '../support/loading.ts'
import { fc } from '../support/property.ts'

const ALL = new Redactor(Object.values(DETECTORS))

/** Card numbers that issuers publish for tests; none belongs to anybody. */
const CARDS = [
  '4111111111111111',
  '4222222222222',
  '5555555555554444',
  '2223003122003222',
  '378282246310005',
  '6011111111111117',
  '30569309025904',
  '3530111333300000',
  '6200000000000005',
]

/** What each detector finds: text, and the same text as it is stored. */
const HITS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  email: [
    ['john.doe@mail.example', '[email redacted]'],
    ['mail to <a+b_c@x.y.example>, please', 'mail to <[email redacted]>, please'],
    ['login attempt [root/jd@corp.example] failed', 'login attempt [root/[email redacted]] failed'],
    ['jd@corp.example.', '[email redacted].'],
    ["git config user.email 'jd@corp.example'", "git config user.email '[email redacted]'"],
    ["o'brien@corp.example", '[email redacted]'],
    ['müller@straße.example', '[email redacted]'],
    ['jd@xn--strae-oqa.xn--zckzah', '[email redacted]'],
    ['m\\xc3\\xbcller@corp.example', '[email redacted]'],
    ['http://x.example/?m=jd%40corp.example&a=1', 'http://x.example/?m=[email redacted]&a=1'],
    ['mailto:jd@corp.example', 'mailto:[email redacted]'],
    ['a@b.example,c@d.example;e@f.example', '[email redacted],[email redacted];[email redacted]'],
    ['a@b.example@c.example', '[email redacted]@c.example'],
    ['ssh jd@host.example', 'ssh [email redacted]'],
    ['jd@corp.example:secret', '[email redacted]:secret'],
    ['jd@corp.example-', '[email redacted]-'],
    ['jd@corp.example\u200bx', '[email redacted]\u200bx'],
  ],
  phone: [
    ['+49 30 1234567', '[phone redacted]'],
    ['+49 (0)30 123-45-67', '[phone redacted]'],
    ['+1 (212) 555-0100', '[phone redacted]'],
    ['+1.212.555.0100', '[phone redacted]'],
    ['+442079460958', '[phone redacted]'],
    ['call +33 1 23 45 67 89 now', 'call [phone redacted] now'],
    ['[root/+491701234567]', '[root/[phone redacted]]'],
    ['tel=+4915112345678&x=1', 'tel=[phone redacted]&x=1'],
    ['0049 30 1234567', '[phone redacted]'],
    ['004930123456789', '[phone redacted]'],
    ['(212) 555-0100', '[phone redacted]'],
    ['212-555-0100', '[phone redacted]'],
    ['1-800-555-0100', '[phone redacted]'],
    ['030 1234567', '[phone redacted]'],
    ['030/1234567', '[phone redacted]'],
    ['0171-2345678', '[phone redacted]'],
    ['(030) 123 45 67', '[phone redacted]'],
    ['020 7946 0958', '[phone redacted]'],
    ['01 23 45 67 89', '[phone redacted]'],
    ['tel:030 1234567.', 'tel:[phone redacted].'],
    ['\u001b[31m+49 30 1234567', '\u001b[31m[phone redacted]'],
    ['\u001b[1;31m0171-2345678', '\u001b[1;31m[phone redacted]'],
    ['+49 30 123456 10:00', '[phone redacted] 10:00'],
    ['+49 30 123456 2026-05-01', '[phone redacted] 2026-05-01'],
    ['+4930123456 198.51.100.1', '[phone redacted] 198.51.100.1'],
  ],
  card: [
    ...CARDS.map((number) => [number, '[card redacted]'] as const),
    ['4111 1111 1111 1111', '[card redacted]'],
    ['4111-1111-1111-1111', '[card redacted]'],
    ['3782 822463 10005', '[card redacted]'],
    ['cc=4111111111111111;12/27', 'cc=[card redacted];12/27'],
    ['1 4111 1111 1111 1111 2', '1 [card redacted] 2'],
    ['echo 4111111111111111.', 'echo [card redacted].'],
    ['[4111111111111111 redacted]', '[[card redacted] redacted]'],
  ],
}

/** What looks like it and is none. */
const MISSES: Readonly<Record<string, readonly string[]>> = {
  email: [
    'root@host',
    'root@192.0.2.1',
    'ssh root@192.0.2.1 -p 22',
    'scp x root@host:/tmp',
    'scp x root@host.example:/tmp root@host.example:~/x',
    'http://user:secret@host.example/x',
    'ftp://anonymous@host.example',
    'curve25519-sha256@libssh.org,chacha20-poly1305@openssh.com,zlib@openssh.com',
    'systemctl enable getty@tty1.service',
    'logo@2x.png',
    'npm i left-pad@1.3.0',
    '@host.example',
    'a@.example',
    'a@b..example',
    'a@-b.example',
    '$' + '{arr[@]}',
    'echo $@.x',
    'user@',
    '%40',
  ],
  phone: [
    '192.0.2.1:40000',
    'New connection: 192.0.2.1:40000 (192.0.2.2:2222) [session: 0123456789ab]',
    '2026-05-01T10:00:00.000000+02:00',
    '2026-05-01 10:00:00 +0200',
    '01-02-2026 10:00:00',
    '1777629600',
    '1777629600000',
    '0123456789',
    '0987654321',
    '123456789012',
    '01234567890',
    'find / -size +2147483648',
    'find / -size +4900000000',
    'tail -c +4900000000 x',
    '+1073741824',
    'chmod 0755 1234567',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '550e8400-e29b-41d4-a716-446655440000',
    '00:16:3e:01:23:45',
    '01-23-45-67-89-ab',
    'abc+491701234567==',
    '000000123456789',
    '/proc/12345/fd/3',
    'dd bs=1024 count=1048576',
    'Terminal Size: 212 555',
    'Connection lost after 123.4567890 seconds',
    '5.4.0-1234567-generic',
    'port 2222',
    '\\x30\\x31\\x32\\x33\\x34\\x35\\x36\\x37',
  ],
  card: [
    '4111111111111112',
    '1777629600000000',
    '0000000000000000',
    '1234567890123456',
    '4444444444444444',
    'x4111111111111111',
    '4111111111111111f',
    '0.4111111111111111',
    '4111111111111111.5',
    '41111111111111114111111111111111',
    '4111  1111 1111 1111',
    '4111 11 1111 111111',
    '411111111111',
    'a4111111111111111b',
  ],
}

for (const [name, hits] of Object.entries(HITS)) {
  const detector = DETECTORS[name]!
  const one = new Redactor([detector])
  describe(name, () => {
    for (const [text, stored] of hits) {
      test(`${JSON.stringify(text)} is stored as ${JSON.stringify(stored)}`, () => {
        assert.equal(one.redactText(text), stored)
      })
    }
    for (const text of MISSES[name]!) {
      test(`${JSON.stringify(text)} is left alone`, () => {
        assert.equal(one.redactText(text), text)
      })
    }
  })
}

/** Pieces that make texts in which detectors find much, and little. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...Object.values(HITS).flatMap((hits) => hits.map(([text]) => text)),
        ...Object.values(MISSES).flat(),
        ...[
          '@',
          '.',
          '+',
          '%40',
          ' ',
          '-',
          '://',
          '[email redacted]',
          '[card redacted',
          ' redacted]',
        ],
      ),
      fc.stringMatching(/^[0-9 @.+()/-]{0,24}$/),
      fc.string({ unit: 'binary', maxLength: 12 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''))

describe('whatever the text', () => {
  for (const detector of Object.values(DETECTORS)) {
    test(`${detector.name} returns ascending ranges inside the text`, () => {
      fc.assert(
        fc.property(hostileText, (text) => {
          let last = 0
          for (const [start, end] of detector.find(text)) {
            assert.ok(start >= last && end > start && end <= text.length)
            last = end
          }
        }),
        { numRuns: 2_000 },
      )
    })
  }

  test('nothing that a detector finds is left, and a second pass changes nothing', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const once = ALL.redactText(text)
        assert.equal(ALL.redactText(once), once)
        for (const between of once.split(/\[[a-z]+ redacted\]/))
          for (const detector of Object.values(DETECTORS))
            assert.deepEqual(detector.find(between), [])
      }),
      { numRuns: 3_000 },
    )
  })

  test('what stands outside the places found is not changed', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        let at = 0
        for (const between of ALL.redactText(text).split(/\[[a-z]+ redacted\]/)) {
          const next = text.indexOf(between, at)
          assert.ok(next >= at)
          at = next + between.length
        }
      }),
    )
  })

  for (const [name, piece] of Object.entries({
    at: '@',
    letters: 'a',
    addresses: 'a@b.cc',
    hyphens: 'a@a--------',
    'encoded at': '%40',
    escapes: '\\xff',
    digits: '4',
    groups: '4111 ',
    plus: '+49 ',
    zeros: '0171 ',
    parentheses: '+49(',
    slashes: '://a@',
    tokens: '[a redacted]',
    'half tokens': '[a redacted',
  })) {
    test(`a megabyte of ${name} takes time in proportion`, () => {
      const small = piece.repeat(Math.ceil(125_000 / piece.length))
      const large = small.repeat(8)
      const smallMs = msOf(() => ALL.redactText(small))
      const largeMs = msOf(() => ALL.redactText(large))
      // Eight times the text; a quadratic way would take sixty-four times as long.
      assert.ok(largeMs < 24 * smallMs + 50, `${smallMs} ms, then ${largeMs} ms`)
    })
  }
})

/** The shortest of three runs: a collection of garbage is nobody's fault. */
function msOf(work: () => unknown): number {
  return Math.min(...[1, 2, 3].map(() => cpuMs(work)))
}

function treeOf(value: unknown): Json {
  const parsed = parseSlow(JSON.stringify(value))
  assert.ok(parsed.ok)
  return parsed.value
}

function redacted(value: PlainObject): unknown {
  const redaction = ALL.redact(treeOf(value))
  assert.equal(redaction !== undefined, ALL.findsIn(value))
  return redaction === undefined ? value : JSON.parse(printView(redaction.tree, undefined).payload)
}

describe('a record', () => {
  test('loses what is found in texts, in nested ones and in keys', () => {
    assert.deepEqual(
      redacted({
        input: 'echo jd@corp.example',
        list: [1, 'x', ['+49 30 1234567']],
        inner: { 'jd@corp.example': { n: '4111111111111111' } },
      }),
      {
        input: 'echo [email redacted]',
        list: [1, 'x', ['[phone redacted]']],
        inner: { '[email redacted]': { n: '[card redacted]' } },
      },
    )
  })

  test('keeps two keys apart that become the same', () => {
    const found = redacted({ 'a@b.example': 1, 'c@d.example': 2, '[email redacted]': 3 })
    assert.deepEqual(found, {
      '[email redacted] 2': 1,
      '[email redacted] 3': 2,
      '[email redacted]': 3,
    })
  })

  test('keeps its structural fields, but not what is nested in them', () => {
    const texts = Object.fromEntries([...STRUCTURAL_FIELDS].map((field) => [field, 'a@b.example']))
    assert.deepEqual(redacted(texts), texts)
    assert.deepEqual(redacted({ src_ip: ['a@b.example'] }), { src_ip: ['[email redacted]'] })
    assert.deepEqual(redacted({ inner: { session: 'a@b.example' } }), {
      inner: { session: '[email redacted]' },
    })
  })

  test('keeps its numbers', () => {
    assert.deepEqual(redacted({ n: 4111111111111111 }), { n: 4111111111111111 })
  })

  test('counts places by detector, in the order of the detectors', () => {
    const redaction = ALL.redact(
      treeOf({ a: '4111111111111111', b: 'a@b.example c@d.example', c: 'a@b.example' }),
    )
    assert.deepEqual(redaction?.counts, [
      { detector: 'email', places: 3 },
      { detector: 'card', places: 1 },
    ])
  })

  test('bytes that are not UTF-8 stay where they are', () => {
    const tree: Json = {
      kind: 'object',
      entries: [
        {
          key: { kind: 'string', parts: ['input'] },
          value: {
            kind: 'string',
            parts: [0xff, 'a@b.example', 0xfe, 0xfd, 'x c@d.example', 0x80],
          },
        },
      ],
    }
    assert.equal(
      printView(ALL.redact(tree)!.tree, undefined).payload,
      JSON.stringify({ input: '\\b{FF}[email redacted]\\b{FE}\\b{FD}x [email redacted]\\b{80}' }),
    )
  })

  test('a place over several parts is taken out as a whole', () => {
    const greedy: Detector = {
      name: 'all',
      find: (text) => (text.length > 2 ? [[1, text.length - 1]] : []),
    }
    const tree: Json = { kind: 'string', parts: ['ab', 0xff, 'cd', 0xfe, 'ef'] }
    const redaction = new Redactor([greedy]).redact(tree)
    assert.deepEqual(redaction?.tree, { kind: 'string', parts: ['a[all redacted]f'] })
  })

  test('what two detectors find in one place becomes one place, named for the first', () => {
    const one: Detector = { name: 'one', find: (text) => (text.length > 6 ? [[2, 5]] : []) }
    const two: Detector = { name: 'two', find: (text) => (text.length > 6 ? [[4, 7]] : []) }
    const both = new Redactor([two, one])
    assert.equal(both.redactText('0123456789'), '01[one redacted]789')
  })

  test('texts of all kinds come out without anything found', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), hostileText, { maxKeys: 4 }), (record) => {
        const value = JSON.parse(JSON.stringify({ ...record, x: [record] })) as PlainObject
        const redaction = ALL.redact(treeOf(value))
        if (redaction === undefined) return
        assert.equal(ALL.redact(redaction.tree), undefined)
        JSON.parse(printJson(redaction.tree, (text) => JSON.stringify(text.parts.join(''))))
      }),
    )
  })
})

describe('notes', () => {
  test('tell fields of a wrong type and redactions apart', () => {
    const counts = [
      { detector: 'email', places: 2 },
      { detector: 'de-id', places: 1 },
    ]
    const notes = notesOf(['src_port', 'username'], counts)
    assert.equal(notes, 'src_port,username,pii:email=2,pii:de-id=1')
    assert.deepEqual(wrongTypesIn(notes), ['src_port', 'username'])
    assert.deepEqual(redactionsIn(notes), counts)
  })

  test('are what they were without redaction', () => {
    assert.equal(notesOf([]), '')
    assert.equal(notesOf(['a', 'b']), 'a,b')
    assert.deepEqual(wrongTypesIn('a,b'), ['a', 'b'])
    assert.deepEqual(wrongTypesIn(''), [])
    assert.deepEqual(redactionsIn('a,b'), [])
  })
})

describe('plug-ins', () => {
  const make = (t: TestContext, code: string, detectors: readonly string[] = []) => {
    const folder = mkdtempSync(join(tmpdir(), 'nacre-test-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'plugin.mjs')
    writeFileSync(file, code)
    const plan: RedactionPlan = { detectors, plugins: [pathToFileURL(file).href] }
    return makeRedactor(plan)
  }
  const returning = (ranges: string): string =>
    `export default { name: 'mine', find(text) { return ${ranges} } }`

  test('without any detector there is no redactor', async () => {
    assert.equal(await makeRedactor({ detectors: [], plugins: [] }), undefined)
  })

  test('a plug-in works beside the detectors of ours', async (t) => {
    const redactor = await make(
      t,
      `export default {
         name: 'de-steuer-id',
         find(text) { return [...text.matchAll(/\\b\\d{11}\\b/g)].map((m) => [m.index, m.index + 11]) },
       }`,
      ['email'],
    )
    assert.equal(
      redactor?.redactText('a@b.example 12345678901'),
      '[email redacted] [de-steuer-id redacted]',
    )
  })

  test('find is called on its own object', async (t) => {
    const redactor = await make(
      t,
      `export default { name: 'mine', word: 'x', find(text) { const at = text.indexOf(this.word); return at < 0 ? [] : [[at, at + 1]] } }`,
    )
    assert.equal(redactor?.redactText('axb'), 'a[mine redacted]b')
  })

  for (const [what, code] of Object.entries({
    'no default export': 'export const a = 1',
    'a function': 'export default () => []',
    'no name': 'export default { find: () => [] }',
    'a name with capitals': "export default { name: 'Mine', find: () => [] }",
    'a name that is too long': `export default { name: '${'a'.repeat(33)}', find: () => [] }`,
    'no find': "export default { name: 'mine' }",
    'a syntax error': 'export default {',
    'code that throws': "throw new Error('no')",
    'the name of a detector of ours': "export default { name: 'email', find: () => [] }",
  })) {
    test(`${what}: refused`, async (t) => {
      await assert.rejects(make(t, code), { code: 'PII_PLUGIN_UNUSABLE' })
    })
  }

  test('a file that is not there: refused', async () => {
    const plugins = [pathToFileURL('/nowhere/plugin.mjs').href]
    await assert.rejects(makeRedactor({ detectors: [], plugins }), { code: 'PII_PLUGIN_UNUSABLE' })
  })

  test('a failure in a reading thread is told as what it is', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'nacre-test-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const log = join(folder, 'cowrie.json')
    writeFileSync(log, lines([event()]))
    const plugin = join(folder, 'plugin.mjs')
    writeFileSync(plugin, returning('[[0, 1e9]]'))
    const reader = workerReader(1, {
      schemas: new URL('../../schemas/events/', import.meta.url).href,
      rules: new URL('../../rules/', import.meta.url).href,
      needs: { keyOrder: false },
      holdHazard: 101,
      recipient: undefined,
      redaction: { detectors: [], plugins: [pathToFileURL(plugin).href] },
    })
    t.after(() => reader.close())
    const probe = await reader.probe(log, 65_536)
    const reading = reader.read({
      path: log,
      probe,
      isProbed: true,
      candidates: [],
      sensor: undefined,
      acceptEnriched: false,
      isFinished: true,
      isGrowing: false,
      batchBytes: LIMITS.batchBytesMax,
      nowUs: NOW_US,
      chunkBytes: 65_536,
    })
    await assert.rejects(
      async () => {
        for await (const message of reading) assert.notEqual(message.kind, 'batch')
      },
      (error) => {
        assert.ok(error instanceof OperatingError)
        assert.equal(error.code, 'PII_PLUGIN_FAILED')
        assert.match(error.hint, /pii\.plugins/)
        return true
      },
    )
  })

  for (const ranges of [
    'undefined',
    '{}',
    '[1, 2]',
    '[[0]]',
    '[[0, 1, 2]]',
    "[['0', '1']]",
    '[[0.5, 1]]',
    '[[0, NaN]]',
    '[[-1, 1]]',
    '[[1, 1]]',
    '[[2, 1]]',
    '[[0, text.length + 1]]',
    '[[0, 2], [1, 3]]',
    '[[2, 3], [0, 1]]',
    'Promise.resolve([])',
    'new Array(3)',
    '(() => { throw new Error(text) })()',
    'null',
  ]) {
    test(`a find that returns ${ranges} stops the load`, async (t) => {
      const redactor = await make(t, returning(ranges))
      assert.throws(
        () => redactor?.redactText('secret'),
        (error: Error) => {
          assert.equal('code' in error && error.code, 'PII_PLUGIN_FAILED')
          // It may have been given anything: nothing of it is told.
          assert.doesNotMatch(`${error.message} ${error.stack}`, /secret/)
          assert.equal(error.cause, undefined)
          return true
        },
      )
    })
  }
})
