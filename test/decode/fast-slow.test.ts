import assert from 'node:assert/strict'
import { isAscii, isUtf8 } from 'node:buffer'
import { suite, test } from 'node:test'
import type { DeadReason } from '../../src/core/event.ts'
import { printJson } from '../../src/core/json.ts'
import type { PackedBatch } from '../../src/core/packed.ts'
import { compareUtf8 } from '../../src/core/text.ts'
import { byteFacts, decode, decodeSlow, treeOf } from '../../src/decode/decode.ts'
import { fromVisible, toVisible, toVisibleParts } from '../../src/neutralize/visible.ts'
import { ValueDictionary } from '../../src/pipeline/batch-builder.ts'
import { RecordProcessor, type SourceTail } from '../../src/pipeline/process-records.ts'
import { openBlock } from '../../src/seal/records.ts'
import { cpuMs } from '../support/cost.ts'
import { line, NOW_US, testStages, withLimits } from '../support/loading.ts'
import { fc } from '../support/property.ts'

const OPTIONS = { acceptEnriched: false }
const HOSTILE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u

// --- JSON in arbitrary spellings -----------------------------------------------------------------

const BLANKS = ['', '', '', ' ', '  ', '\t', '\n', '\r\n', ' \n ']
const STYLES = [
  () => ['', ',', ':', ''] as const,
  () => ['', ', ', ': ', ''] as const,
  (blank: string) => [blank, `${blank},`, `:${blank}`, blank] as const,
  (blank: string) => [`\n${blank}`, `,\n${blank}`, ': ', '\n'] as const,
]

const style = fc
  .tuple(fc.constantFrom(...STYLES), fc.constantFrom(...BLANKS))
  .map(([make, blank]) => make(blank))

/** One UTF-16 unit or a raw character, spelled in one of the ways JSON has. */
const spelledCharacter = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }).map(plainly),
  },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).map(plainly) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 0xffff }), fc.boolean())
      .map(([unit, upper]) => asEscape(unit, upper)),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['\\u0041', '\\ud83d', '\\udc80', '\\udcff', '\\ud83d\\ude00', '\\u0000', '\\u001b'],
      ...['\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '\\"', '\\\\', '\\\\u{1B}', '\\\\b{FF}'],
      ...['/', ', ', ': ', ',', ':', '{', '}', '{\\"', '\u007f', '\u202e', '\u200b', '\ufeff'],
    ),
  },
)

function asEscape(unit: number, upper: boolean): string {
  const digits = unit.toString(16).padStart(4, '0')
  return `\\u${upper ? digits.toUpperCase() : digits}`
}

function plainly(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

const spelledString = fc
  .array(spelledCharacter, { maxLength: 8 })
  .map((characters) => `"${characters.join('')}"`)

const spelledNumber = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.maxSafeInteger().map(String),
  fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }).map(String),
  fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.stringMatching(/^(0|[1-9][0-9]{0,20})$/),
      fc.stringMatching(/^(\.[0-9]{1,20})?$/),
      fc.stringMatching(/^([eE][+-]?[0-9]{1,3})?$/),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom('-0', '0.0', '1.0', '1e0', '100e-2', '1e-7', '1e400', '9007199254740993', '0.10'),
)

const spelledKey = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(
        ...[
          'eventid',
          'timestamp',
          'session',
          '__proto__',
          'constructor',
          'toString',
          '1',
          '0',
          'a',
        ],
        ...['', 'b', 'length', '_source', 'message', 'tags', '\\u0065ventid', '\\u0061'],
      )
      .map((key) => `"${key}"`),
  },
  { weight: 1, arbitrary: spelledString },
)

const { object: spelledObject } = fc.letrec<{ value: string; object: string; array: string }>(
  (tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'json' },
      spelledString,
      spelledNumber,
      fc.constantFrom('true', 'false', 'null'),
      tie('object'),
      tie('array'),
    ),
    object: fc
      .tuple(
        style,
        fc.array(fc.tuple(spelledKey, tie('value')), { maxLength: 5, depthIdentifier: 'json' }),
      )
      .map(([[open, comma, colon, close], entries]) => {
        if (entries.length === 0) return `{${open}}`
        const inside = entries.map(([key, value]) => `${key}${colon}${value}`).join(comma)
        return `{${open}${inside}${close}}`
      }),
    array: fc
      .tuple(style, fc.array(tie('value'), { maxLength: 4, depthIdentifier: 'json' }))
      .map(([[open, comma, , close], items]) => `[${open}${items.join(comma)}${close}]`),
  }),
)

/** An object at the bottom of some nesting, up to and beyond the limit. */
const nestedObject = fc
  .tuple(
    spelledObject,
    fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 58, max: 70 }) },
    ),
    fc.boolean(),
  )
  .map(([inner, depth, asArray]) => {
    const open = asArray ? '[' : '{"a":'
    const close = asArray ? ']' : '}'
    return depth === 0 ? inner : `{"x":${open.repeat(depth)}${inner}${close.repeat(depth)}}`
  })

/** What two ways of decoding must agree on. */
function verdict(decoded: ReturnType<typeof decode>): unknown {
  if (!decoded.ok) return { ok: false, reason: decoded.reason }
  const { object, canonical, isRecord, isClean, flags } = decoded
  return { ok: true, object: JSON.stringify(object), canonical, isRecord, isClean, flags }
}

function decodeFast(bytes: Buffer): ReturnType<typeof decode> {
  return decode(bytes, byteFacts(bytes, isAscii, isUtf8), OPTIONS)
}

suite('the fast paths of decode', () => {
  test('agree with the slow one on every spelling of an object', () => {
    fc.assert(
      fc.property(nestedObject, (text) => {
        const slow = verdict(decodeSlow(text, OPTIONS))
        assert.deepEqual(verdict(decodeFast(Buffer.from(text))), slow)
        assert.deepEqual(verdict(decode(Buffer.from(text), 'bytes', OPTIONS)), slow)
      }),
      { numRuns: 4_000 },
    )
  })

  test('agree with the slow one on values that are no objects', () => {
    for (const text of [
      '1',
      '"a"',
      'null',
      'true',
      '[]',
      '[1]',
      '{}',
      ' { } ',
      '""',
      '-0',
      '[{}]',
    ]) {
      const slow = verdict(decodeSlow(text, OPTIONS))
      assert.deepEqual(verdict(decodeFast(Buffer.from(text))), slow, text)
    }
  })

  test('agree with the slow one on texts with one character taken out, put in or changed', () => {
    const character = fc.constantFrom(...'{}[]",:\\01-+.eEtfnuN \n\t/x\u0001')
    fc.assert(
      fc.property(
        nestedObject,
        fc.nat(),
        fc.constantFrom('take', 'put', 'change'),
        character,
        (text, place, what, other) => {
          const at = place % text.length
          const after = what === 'put' ? at : at + 1
          const broken = text.slice(0, at) + (what === 'take' ? '' : other) + text.slice(after)
          if (!broken.isWellFormed()) return
          const slow = verdict(decodeSlow(broken, OPTIONS))
          assert.deepEqual(verdict(decodeFast(Buffer.from(broken))), slow)
        },
      ),
      { numRuns: 4_000 },
    )
  })

  test('give a canonical form that decodes to itself', () => {
    fc.assert(
      fc.property(nestedObject, (text) => {
        const once = decodeFast(Buffer.from(text))
        if (!once.ok) return
        assert.ok(once.canonical !== undefined)
        const again = decodeFast(Buffer.from(once.canonical))
        assert.ok(again.ok)
        assert.equal(again.canonical, once.canonical)
        assert.equal(again.isRecord, true)
        assert.equal(again.flags, 0)
      }),
    )
  })

  test('give a canonical form whose tree prints as it', () => {
    fc.assert(
      fc.property(nestedObject, (text) => {
        const decoded = decodeFast(Buffer.from(text))
        if (!decoded.ok || decoded.canonical === undefined) return
        const tree = decoded.tree ?? treeOf(decoded.canonical)
        const printed = printJson(tree, (string) => JSON.stringify(string.parts.join('')))
        assert.equal(printed, decoded.canonical)
      }),
    )
  })

  test('call clean only what needs no visible form', () => {
    fc.assert(
      fc.property(nestedObject, (text) => {
        const decoded = decodeFast(Buffer.from(text))
        if (!decoded.ok || !decoded.isClean) return
        assert.ok(decoded.canonical !== undefined)
        const visible = printJson(treeOf(decoded.canonical), (string) =>
          JSON.stringify(toVisibleParts(string.parts)),
        )
        assert.equal(visible, decoded.canonical)
      }),
    )
  })

  test('keep records apart that differ in one undecodable byte', () => {
    const byte = fc.integer({ min: 0x80, max: 0xff })
    const textual = fc.string({ unit: 'grapheme-ascii', maxLength: 4 }).map(plainly)
    fc.assert(
      fc.property(textual, textual, byte, byte, (before, after, one, other) => {
        const record = (value: number): Buffer =>
          Buffer.concat([
            Buffer.from(`{"a":"${before}`),
            Buffer.of(value),
            Buffer.from(`${after}"}`),
          ])
        const view = (value: number): string => {
          const decoded = decodeFast(record(value))
          assert.ok(decoded.ok && decoded.tree !== undefined)
          assert.equal(decoded.canonical, undefined)
          return printJson(decoded.tree, (string) => JSON.stringify(toVisibleParts(string.parts)))
        }
        assert.equal(view(one) === view(other), one === other)
        assert.doesNotMatch(view(one), HOSTILE)
        assert.doesNotMatch(view(one), /\ufffd/)
      }),
    )
  })

  for (const [what, text] of [
    ['a number of 50,000 digits', `{"a":1.${'0'.repeat(50_000)}1}`],
    ['an exponent of 100,000 digits', `{"a":1e${'9'.repeat(100_000)}}`],
    ['300,000 backslashes', `{"a":"${'\\\\'.repeat(300_000)}"}`],
    ['100,000 keys', `{${Array.from({ length: 100_000 }, (_, i) => `"${i}" :${i}`).join()}}`],
    ['the same key 300,000 times', `{${'"k":1,'.repeat(300_000)}"k":2}`],
    ['a million open brackets', `{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`],
  ] as const) {
    test(`decode ${what} within two seconds`, () => {
      const bytes = Buffer.from(text)
      const ms = cpuMs(() => {
        const decoded = decodeFast(bytes)
        if (decoded.ok && decoded.tree !== undefined)
          printJson(decoded.tree, (string) => JSON.stringify(toVisibleParts(string.parts)))
      })
      assert.ok(ms < 2_000, `${Math.round(ms)} ms`)
    })
  }

  test('decode a string of a million undecodable bytes within two seconds', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":"'),
      Buffer.alloc(1_000_000, 0xff),
      Buffer.from('"}'),
    ])
    const ms = cpuMs(() => decodeFast(bytes))
    assert.ok(ms < 2_000, `${Math.round(ms)} ms`)
  })
})

// --- Chunks --------------------------------------------------------------------------------------

type Taken = {
  readonly events: readonly string[]
  readonly dead: {
    reason: DeadReason
    start: number
    end: number
    first: number
    records: number
  }[]
  readonly blank: number
  readonly records: number
  readonly endOffset: number
  readonly tail: SourceTail
  readonly bytes: Buffer
  /** Roots over the records of each batch, in order. */
  readonly roots: readonly string[]
}

/** Reads bytes in the chunks that the cuts make. */
function take(bytes: Buffer, cuts: readonly number[], reason: DeadReason | undefined): Taken {
  const processor = new RecordProcessor({
    stages: testStages(),
    nowUs: NOW_US,
    sensor: undefined,
    acceptEnriched: false,
    startOffset: 0,
    dictionary: new ValueDictionary(),
  })
  const batches: PackedBatch[] = []
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    if (to <= from) continue
    // Each chunk is memory of its own, as it is when it comes from a file.
    for (const batch of processor.push(Buffer.from(bytes.subarray(from, to)))) batches.push(batch)
    from = to
  }
  const last = processor.finish(reason, undefined)
  let step = last.next()
  for (; step.done !== true; step = last.next()) batches.push(step.value)
  return summarise(batches, step.value)
}

function summarise(batches: readonly PackedBatch[], tail: SourceTail): Taken {
  const events: string[] = []
  const dead: Taken['dead'] = []
  const blocks: Buffer[] = []
  let records = 0
  let blank = 0
  let endOffset = 0
  for (const batch of batches) {
    assert.equal(batch.startOffset, endOffset)
    let start = 0
    for (let i = 0; i < batch.count; i += 1) {
      const end = batch.payloadEnds[i]!
      const payload = Buffer.from(batch.payloads.subarray(start, end)).toString()
      const digest = Buffer.from(batch.digests.subarray(i * 16, i * 16 + 16)).toString('hex')
      events.push(`${records + batch.recordNos[i]!} ${digest} ${batch.flags[i]} ${payload}`)
      start = end
    }
    for (const letter of batch.dead) {
      const before = dead.at(-1)
      const first = records + letter.firstRecord
      // A long region comes in parts that follow each other.
      const goesOn = before !== undefined && before.reason === letter.reason
      if (goesOn && before.end === letter.startOffset) {
        before.end = letter.endOffset
        before.records += letter.records
      } else {
        const { reason, startOffset, endOffset: end } = letter
        dead.push({ reason, start: startOffset, end, first, records: letter.records })
      }
    }
    for (const block of batch.blocks) {
      blocks.push(Buffer.from(openBlock(block.codec, block.bytes).body))
    }
    records += batch.records
    blank += batch.blank
    endOffset = batch.endOffset
  }
  const roots = batches.map((batch) => Buffer.from(batch.recordRoot).toString('hex'))
  return { events, dead, blank, records, endOffset, tail, bytes: Buffer.concat(blocks), roots }
}

/** What was taken, in a few lines: long texts by their start. */
function outline(taken: Taken): string {
  const { events, dead, blank, records, endOffset, tail } = taken
  const list = [
    ...events.map((one) => `event ${one.slice(0, 60)}`),
    ...dead.map((one) => `dead ${JSON.stringify(one)}`),
    `${blank} blank of ${records} up to ${endOffset}, then ${JSON.stringify(tail)}`,
  ]
  return list.join('\n')
}

function abbreviated(bytes: Buffer): string {
  const text = JSON.stringify(bytes.latin1Slice())
  return text.replace(/(\\u0000|.)\1{20,}/g, (run: string, one: string) => {
    return `${one}*${run.length / one.length}*`
  })
}

const numberedLine = fc.nat({ max: 99 }).map((n) => line({ password: `p${n}` }))
const numberedEvent = fc.nat({ max: 99 }).map((n) => ({ ...JSON.parse(line()), n }) as object)

/** Bytes of every kind that a log may have, each ready to stand before or after any other. */
const piece: fc.Arbitrary<Buffer> = fc
  .oneof(
    { weight: 8, arbitrary: numberedLine.map((text) => `${text}\n`) },
    { weight: 2, arbitrary: numberedLine.map((text) => `${text}\r\n`) },
    { weight: 2, arbitrary: numberedLine }, // two objects on a line
    { weight: 2, arbitrary: numberedLine.map((text) => `Jan  1 00:00:00 host cowrie: ${text}\n`) },
    { weight: 2, arbitrary: numberedEvent.map((one) => `${JSON.stringify(one, null, 2)}\n`) },
    {
      weight: 2,
      arbitrary: fc
        .array(numberedEvent, { minLength: 1, maxLength: 3 })
        .chain((list) => fc.constantFrom(JSON.stringify(list), JSON.stringify(list, null, 1)))
        .map((text) => `${text}\n`),
    },
    {
      weight: 2,
      arbitrary: fc
        .array(numberedLine, { minLength: 1, maxLength: 3 })
        .map((list) => `[\n${list.join(',\n')}\n]\n`),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(numberedLine, fc.nat({ max: 120 }), fc.constantFrom('\n', '', '\n\n'))
        .map(([text, at, after]) => text.slice(0, 1 + at) + after),
    },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 40 }).map((n) => '\0'.repeat(n)) },
    { weight: 2, arbitrary: fc.constantFrom('\n', '  \n', '\t\r\n', ' ', '\ufeff', ',', ']', '[') },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        ...[
          'null\n',
          '5\n',
          '{}\n',
          '[]\n',
          '"a"\n',
          '{"a":NaN}\n',
          'garbage\n',
          '}\n',
          '{\n',
          '{"',
        ],
        ...['[5,', 'x {"y', '\\\n', '"\n', '{"eventid":"cowrie.a","timestamp":1}\n', '{"a": {}\n'],
      ),
    },
  )
  .map((text) => Buffer.from(text))

const rawPiece = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes))

const mixture = fc
  .array(fc.oneof({ weight: 12, arbitrary: piece }, { weight: 1, arbitrary: rawPiece }), {
    maxLength: 10,
  })
  .map((pieces) => Buffer.concat(pieces))

const cutsOf = (bytes: Buffer): fc.Arbitrary<number[]> =>
  fc.oneof(
    fc
      .array(fc.nat({ max: bytes.length }), { maxLength: 12 })
      .map((cuts) => cuts.sort((a, b) => a - b)),
    fc.integer({ min: 1, max: 7 }).map((step) => everyNth(bytes.length, step)),
  )

function everyNth(length: number, step: number): number[] {
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step)
}

/** Shown as text: a list of bytes says nothing. */
const cutMixture = mixture
  .chain((bytes) => fc.tuple(fc.constant(bytes), cutsOf(bytes)))
  .map(([bytes, cuts]) => {
    const shown = { [fc.toStringMethod]: () => `${abbreviated(bytes)} cut at ${cuts}` }
    return Object.assign([bytes, cuts] as const, shown)
  })
const ending = fc.constantFrom<DeadReason | undefined>(undefined, 'torn-line')

suite('the records of a stream', () => {
  test('are the same however its bytes are cut into chunks', () => {
    fc.assert(
      fc.property(cutMixture, ending, ([bytes, cuts], reason) => {
        assert.deepEqual(take(bytes, cuts, reason), take(bytes, [], reason))
      }),
      { numRuns: 1_000 },
    )
  })

  test('are its bytes, all of them and in order, but for a pending tail', () => {
    fc.assert(
      fc.property(cutMixture, ending, ([bytes, cuts], reason) => {
        const taken = take(bytes, cuts, reason)
        const pending = taken.tail.kind === 'pending' ? taken.tail.bytes : 0
        assert.equal(taken.endOffset + pending, bytes.length)
        assert.ok(taken.bytes.equals(bytes.subarray(0, taken.endOffset)))
        const dead = taken.dead.reduce((sum, letter) => sum + letter.records, 0)
        assert.equal(taken.events.length + dead + taken.blank, taken.records)
      }),
      { numRuns: 300 },
    )
  })

  test('after a broken object and long text without another one are still found', async () => {
    const bytes = Buffer.from(`{\n${'text\n'.repeat(40_000)}${line()}\n`)
    await withLimits({ recordBytesMax: 100_000 }, () => {
      for (const step of [4_096, 65_536, bytes.length]) {
        const taken = take(bytes, everyNth(bytes.length, step), undefined)
        assert.equal(taken.events.length, 1)
        assert.deepEqual(taken.dead, [
          { reason: 'not-json', start: 0, end: 200_002, first: 0, records: 1 },
        ])
      }
    })
  })

  test('of whole lines are all found, whatever broken lines stand between them', () => {
    const noise = fc
      .string({ unit: fc.constantFrom(...'{}[],:"\\ aeu01.-\t\0'), maxLength: 30 })
      .map((text) => ({ text, good: 0 }))
    const good = numberedLine.map((text) => ({ text, good: 1 }))
    fc.assert(
      fc.property(fc.array(fc.oneof(noise, good), { maxLength: 12 }), (pieces) => {
        const text = pieces.map((one) => `${one.text}\n`).join('')
        const expected = pieces.reduce((sum, one) => sum + one.good, 0)
        assert.equal(take(Buffer.from(text), [], 'torn-line').events.length, expected)
      }),
      { numRuns: 1_500 },
    )
  })

  // Long records and runs at a scale that a property test can afford.
  const SMALL = { recordBytesMax: 100_000, nulPaddingMax: 3_000, blockBytes: 4_096 }
  const size = fc.oneof(
    fc.integer({ min: 60_000, max: 70_000 }),
    fc.integer({ min: 99_700, max: 100_300 }),
    fc.integer({ min: 100_000, max: 180_000 }),
  )
  const longPieces: Record<string, fc.Arbitrary<string>> = {
    'a long line': size.map((n) => `${line({ input: 'a'.repeat(n - 230) })}\n`),
    'a long line behind a log prefix': size.map(
      (n) => `Jan  1 00:00:00 host cowrie: ${line({ input: 'a'.repeat(n - 230) })}\n`,
    ),
    'a long pretty-printed object': size.map(
      (n) => `${JSON.stringify({ ...JSON.parse(line()), input: 'a'.repeat(n - 280) }, null, 2)}\n`,
    ),
    'a long torn line': size.map((n) => `${line({ input: 'a'.repeat(n) }).slice(0, n)}\n`),
    'a long object that is none': size.map((n) => `{"a":"${'a'.repeat(n)}" oops "b":1}\n`),
    'a long array on many lines': size.map(
      (n) => `[\n${line({ input: 'a'.repeat(n - 230) })},\n\n${line({ password: 'x' })}\n]\n`,
    ),
    'a long last element of an array': size.map(
      (n) => `[\n${line({ password: 'x' })},\n${line({ input: 'a'.repeat(n - 230) })}]\n`,
    ),
    'a long array on one line': size.map(
      (n) => `[${line({ input: 'a'.repeat(n - 230) })},${line({ password: 'x' })}]\n`,
    ),
    'a long run of NUL': fc.integer({ min: 2_990, max: 9_000 }).map((n) => '\0'.repeat(n)),
    'a long run of NUL in an array': fc
      .integer({ min: 2_990, max: 9_000 })
      .map((n) => `[\n${'\0'.repeat(n)}${line({ password: 'x' })}]\n`),
    'a long blank line': size.map((n) => `${' '.repeat(n)}\n`),
    'long garbage': size.map((n) => `${'x'.repeat(n)}\n`),
    'a long string of its own': size.map((n) => `"${'x'.repeat(n)}"\n`),
  }
  const few = fc.array(piece, { maxLength: 2 })
  for (const [what, long] of Object.entries(longPieces)) {
    test(`are the same however ${what} is cut`, async () => {
      const cutInput = fc.tuple(few, long, few).chain(([before, text, after]) => {
        const bytes = Buffer.concat([...before, Buffer.from(text), ...after])
        const end = bytes.length - Buffer.concat(after).length
        const near = [-3, -2, -1, 0, 1].map((step) => Math.max(0, end + step))
        const place = fc.oneof(fc.nat({ max: bytes.length }), fc.constantFrom(...near))
        const cuts = fc.oneof(
          fc.array(place, { maxLength: 8 }).map((list) => list.sort((a, b) => a - b)),
          fc.integer({ min: 1_000, max: 9_000 }).map((step) => everyNth(bytes.length, step)),
        )
        // Shown by its recipe: the bytes are too many to print.
        const recipe = { [fc.toStringMethod]: () => abbreviated(bytes), bytes }
        return fc.tuple(fc.constant(recipe), cuts)
      })
      await withLimits(SMALL, () =>
        fc.assert(
          fc.property(cutInput, ending, ([{ bytes }, cuts], reason) => {
            assert.equal(outline(take(bytes, cuts, reason)), outline(take(bytes, [], reason)))
          }),
          { numRuns: 30, endOnFailure: true },
        ),
      )
    })
  }
})

test('an event with 40,000 fields that no schema knows is taken within two seconds', () => {
  const unknown = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`f${i}`, i]))
  const bytes = Buffer.from(`${line(unknown)}\n`)
  const ms = cpuMs(() => assert.equal(take(bytes, [], undefined).events.length, 1))
  assert.ok(ms < 2_000, `${Math.round(ms)} ms`)
})

// --- Visible form --------------------------------------------------------------------------------

const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          '\\',
          '\\\\',
          'u{',
          'b{',
          '\\u{',
          '\\b{',
          '\\u{1B}',
          '\\b{FF}',
          '{',
          '}',
          'u',
          'b',
          '1B',
        ],
        ...[
          '\u001b',
          '\0',
          '\n',
          '\u007f',
          '\u009b',
          '\u202e',
          '\u2066',
          '\u200b',
          '\ufeff',
          '\u2028',
        ],
        ...['\ud800', '\udc00', '\udcff', '\ud83d', '\ude00', '\u{1f600}', '\u{e0041}', '\uffff'],
        ...['\u{1ffff}', '\u00ad', '\u061c', '\u115f', '\u3164', '\ufe0f', '\ufff9', 'é', 'a'],
      ),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.integer({ min: 0, max: 0x10ffff }).map((point) => String.fromCodePoint(point)),
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(''))

/** Alternates texts and bytes, as the parser does. */
const hostileParts = fc
  .array(fc.oneof(hostileText, fc.integer({ min: 0x80, max: 0xff })), { maxLength: 8 })
  .map((parts) => {
    const joined: (string | number)[] = []
    for (const part of parts) {
      const last = joined.at(-1)
      if (typeof part === 'string' && typeof last === 'string')
        joined[joined.length - 1] = last + part
      else if (part !== '') joined.push(part)
    }
    return joined
  })

suite('the visible form', () => {
  test('turns back into the text it was made from', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        assert.equal(fromVisible(toVisible(text)), text)
      }),
      { numRuns: 20_000 },
    )
  })

  test('has no hostile character', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        assert.doesNotMatch(toVisible(text), HOSTILE)
      }),
      { numRuns: 5_000 },
    )
  })

  test('has no hostile code point, whichever there are', () => {
    for (let point = 0; point <= 0x10ffff; point += 1) {
      const text = String.fromCodePoint(point)
      const visible = toVisible(text)
      if (HOSTILE.test(visible) || fromVisible(visible) !== text) assert.fail(point.toString(16))
    }
  })

  test('leaves a text alone that has nothing hostile and no typed escape', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        if (HOSTILE.test(text) || /\\[ub]\{/.test(text)) return
        assert.equal(toVisible(text), text)
      }),
    )
  })

  test('of texts with undecodable bytes turns back, bytes as U+DC80 to U+DCFF', () => {
    fc.assert(
      fc.property(hostileParts, (parts) => {
        const text = parts
          .map((part) => (typeof part === 'number' ? String.fromCharCode(0xdc00 + part) : part))
          .join('')
        assert.equal(fromVisible(toVisibleParts(parts)), text)
        assert.doesNotMatch(toVisibleParts(parts), HOSTILE)
      }),
      { numRuns: 10_000 },
    )
  })

  test('of two different texts with undecodable bytes is different', () => {
    const same = (a: readonly (string | number)[], b: readonly (string | number)[]): boolean =>
      JSON.stringify(a) === JSON.stringify(b)
    const similar = fc.tuple(hostileParts, fc.nat(), hostileParts).map(([parts, at, other]) => {
      // The byte as it is, and as text that only looks like it.
      const place = parts.length === 0 ? 0 : at % parts.length
      const byte = parts[place]
      if (typeof byte !== 'number') return [parts, other] as const
      const spelled = `\\b{${byte.toString(16).toUpperCase()}}`
      const before = parts.slice(0, place)
      const rest = parts.slice(place + 1)
      const head = typeof before.at(-1) === 'string' ? (before.pop() as string) : ''
      const tail = typeof rest[0] === 'string' ? (rest.shift() as string) : ''
      return [parts, [...before, head + spelled + tail, ...rest]] as const
    })
    fc.assert(
      fc.property(similar, ([one, other]) => {
        assert.equal(toVisibleParts(one) === toVisibleParts(other), same(one, other))
      }),
      { numRuns: 10_000 },
    )
  })

  test('of a text of a million backslashes or escapes takes less than a second', () => {
    for (const text of ['\\'.repeat(1_000_000), '\\u{'.repeat(400_000), '\u001b'.repeat(500_000)]) {
      const ms = cpuMs(() => assert.ok(fromVisible(toVisible(text)) === text))
      assert.ok(ms < 1_000, `${JSON.stringify(text.slice(0, 3))}: ${Math.round(ms)} ms`)
    }
  })
})

test('text is ordered by its UTF-8 bytes', () => {
  const sign = (n: number): number => (n < 0 ? -1 : n > 0 ? 1 : 0)
  const character = fc.oneof(
    fc.constantFrom(
      'a',
      'b',
      '\u007f',
      '\u0080',
      '\u07ff',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '\u{10000}',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  )
  const text = fc.array(character, { maxLength: 4 }).map((list) => list.join(''))
  fc.assert(
    fc.property(text, text, text, (shared, a, b) => {
      const one = shared + a
      const other = shared + b
      const expected = Buffer.compare(Buffer.from(one), Buffer.from(other))
      assert.equal(sign(compareUtf8(one, other)), expected)
    }),
    { numRuns: 10_000 },
  )
})
