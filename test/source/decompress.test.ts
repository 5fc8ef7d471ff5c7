import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import {
  constants,
  crc32,
  createZstdDecompress,
  deflateRawSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import {
  type Compression,
  detectCompression,
  openStream,
  type StreamEnd,
} from '../../src/source/decompress.ts'
import { fc } from '../support/property.ts'
import { sampleNoise, sampleRuns, sampleText } from './fixtures/text.ts'

const CODED = ['gzip', 'bzip2', 'xz', 'zstd'] as const
const SMALL = sampleText(4_000)
const TEXT = sampleText(104_000)
const MIXED = Buffer.concat([sampleText(9_000), sampleNoise(2_400), sampleText(9_000)])
/** Bytes in the first block of `text.bz2`, by bzip2recover. */
const TEXT_FIRST_BLOCK = 100_677
const WHOLE: StreamEnd = { kind: 'complete', trailingBytes: 0 }
const CUT: StreamEnd = { kind: 'torn', detail: 'cut short' }

const SMALL_CODED = {
  gzip: new Uint8Array(gzipSync(SMALL)),
  bzip2: fixture('small.bz2'),
  xz: fixture('small.xz'),
  zstd: withChecksum(SMALL),
} as const

interface Decoded {
  readonly bytes: Buffer
  readonly end: StreamEnd | undefined
}

suite('detectCompression', () => {
  test('tells each compression by its first six bytes', () => {
    for (const kind of CODED) {
      assert.equal(detectCompression(SMALL_CODED[kind].subarray(0, 6)), kind)
      assert.equal(detectCompression(SMALL_CODED[kind]), kind)
    }
  })

  test('knows an empty bzip2 stream and a skippable frame', () => {
    assert.equal(detectCompression(bytesOf('425a683917724538509000000000')), 'bzip2')
    assert.equal(detectCompression(bytesOf('5e2a4d180000')), 'zstd')
  })

  test('takes text for text, also where it begins like an archive', () => {
    const texts = ['', '{', '{"eventid"', 'BZh', 'BZhello', 'BZh9abc', 'BZh0', '7zXZ', '(', '\n']
    for (const text of texts) assert.equal(detectCompression(Buffer.from(text)), 'none', text)
  })

  test('tells from fewer bytes what they allow', () => {
    assert.equal(detectCompression(bytesOf('1f8b')), 'gzip')
    assert.equal(detectCompression(bytesOf('1f')), 'none')
    assert.equal(detectCompression(Buffer.from('BZh9')), 'bzip2')
    assert.equal(detectCompression(bytesOf('28b52ffd')), 'zstd')
    assert.equal(detectCompression(bytesOf('fd377a585a')), 'none')
  })
})

suite('openStream, whole input', () => {
  test('passes on what is not compressed', async () => {
    const chunks = [SMALL.subarray(0, 10), SMALL.subarray(10)]
    const stream = openStream(chunks, 'none')
    assert.deepEqual(await stream.read(), chunks[0])
    assert.equal(stream.end, undefined)
    assert.deepEqual(await stream.read(), chunks[1])
    assert.equal(await stream.read(), undefined)
    assert.deepEqual(stream.end, WHOLE)
  })

  test('decodes each compression', async () => {
    for (const kind of CODED) await expectDecoded(SMALL_CODED[kind], kind, SMALL, WHOLE)
  })

  test('decodes several blocks, runs, noise and every property', async () => {
    await expectDecoded(fixture('text.bz2'), 'bzip2', TEXT, WHOLE)
    await expectDecoded(fixture('runs.bz2'), 'bzip2', sampleRuns(), WHOLE)
    await expectDecoded(fixture('mixed.bz2'), 'bzip2', MIXED, WHOLE)
    await expectDecoded(fixture('runs.xz'), 'xz', sampleRuns(), WHOLE)
    await expectDecoded(fixture('noise.xz'), 'xz', sampleNoise(1_500), WHOLE)
    for (const name of ['mixed', 'mixed-crc32', 'mixed-blocks', 'mixed-none']) {
      await expectDecoded(fixture(`${name}.xz`), 'xz', MIXED, WHOLE)
    }
    const long = Buffer.concat(Array.from({ length: 1_500 }, () => SMALL))
    await expectDecoded(fixture('long.xz'), 'xz', long, WHOLE)
    for (const level of [0, 1, 9]) {
      await expectDecoded(gzipSync(MIXED, { level }), 'gzip', MIXED, WHOLE)
    }
    const { Z_FIXED, Z_HUFFMAN_ONLY } = constants
    for (const strategy of [Z_FIXED, Z_HUFFMAN_ONLY]) {
      await expectDecoded(gzipSync(MIXED, { strategy }), 'gzip', MIXED, WHOLE)
    }
  })

  test('decodes data that spans many chunks', async () => {
    const large = Buffer.concat([sampleText(1_500_000), sampleNoise(300_000), sampleText(700_000)])
    await expectDecoded(gzipSync(large), 'gzip', large, WHOLE)
    await expectDecoded(zstdCompressSync(large), 'zstd', large, WHOLE)
  })

  test('decodes concatenated members, empty ones and zero padding among them', async () => {
    const empty = {
      gzip: gzipSync(''),
      bzip2: bytesOf('425a683917724538509000000000'),
      xz: bytesOf('fd377a585a000004e6d6b446000000001cdf44211fb6f37d010000000004595a'),
      zstd: zstdCompressSync(Buffer.alloc(0)),
    }
    for (const kind of CODED) {
      const one = SMALL_CODED[kind]
      const joined = Buffer.concat([one, one, empty[kind], Buffer.alloc(8), one, Buffer.alloc(512)])
      const thrice = Buffer.concat([SMALL, SMALL, SMALL])
      await expectDecoded(joined, kind, thrice, { kind: 'complete', trailingBytes: 512 })
      await expectDecoded(empty[kind], kind, Buffer.alloc(0), WHOLE)
    }
  })

  test('counts what follows the last member and is none', async () => {
    for (const kind of CODED) {
      const joined = Buffer.concat([SMALL_CODED[kind], Buffer.from('\0\0no member')])
      await expectDecoded(joined, kind, SMALL, { kind: 'complete', trailingBytes: 11 })
    }
  })

  test('reads every field of a gzip header', async () => {
    const body = SMALL_CODED.gzip.subarray(10)
    const fields = [
      bytesOf('1f8b081f000000000003'),
      bytesOf('0300616263'),
      'name\0',
      'note\0',
      'xx',
    ]
    const header = Buffer.concat(fields.map((field) => Buffer.from(field as string)))
    await expectDecoded(Buffer.concat([header, body]), 'gzip', SMALL, WHOLE)
    await expectEveryCut(Buffer.concat([header, body]).subarray(0, header.length), 'gzip', () => 0)
  })

  test('passes over skippable frames of zstd', async () => {
    const skippable = bytesOf('532a4d1803000000aabbcc')
    const joined = Buffer.concat([skippable, SMALL_CODED.zstd, skippable])
    await expectDecoded(joined, 'zstd', SMALL, WHOLE)
    await expectDecoded(joined.subarray(0, -1), 'zstd', SMALL, CUT)
  })

  test('gives chunks that later ones do not change, from input that is overwritten', async () => {
    for (const kind of CODED) {
      const coded = Buffer.concat([SMALL_CODED[kind], SMALL_CODED[kind], SMALL_CODED[kind]])
      const stream = openStream(overwriting(coded, 7), kind)
      const chunks: Uint8Array[] = []
      for (let chunk = await stream.read(); chunk; chunk = await stream.read()) chunks.push(chunk)
      assert.deepEqual(Buffer.concat(chunks), Buffer.concat([SMALL, SMALL, SMALL]), kind)
    }
  })

  test('gives the same however the input is cut', async () => {
    const damaged = Object.fromEntries(
      CODED.map((kind) => [kind, SMALL_CODED[kind].with(SMALL_CODED[kind].length >> 1, 0x55)]),
    )
    const kinds = fc.constantFrom(...CODED)
    const cuts = fc.array(fc.nat({ max: 1_500 }), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(kinds, cuts, fc.boolean(), async (kind, places, isDamaged) => {
        const coded = isDamaged ? damaged[kind]! : SMALL_CODED[kind]
        const expected = await decode([coded], kind)
        assert.deepEqual(await decode(cutAt(coded, places), kind), expected)
      }),
      { numRuns: 200 },
    )
  })

  test('decodes whatever bytes were compressed', async () => {
    const parts = fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 400 })))
    await fc.assert(
      fc.asyncProperty(parts, fc.integer({ min: 0, max: 9 }), async (repeated, level) => {
        const plain = Buffer.concat(
          repeated.flatMap(([bytes, count]) => Array.from({ length: count }, () => bytes)),
        )
        await expectDecoded(gzipSync(plain, { level }), 'gzip', plain, WHOLE)
        await expectDecoded(zstdCompressSync(plain), 'zstd', plain, WHOLE)
      }),
      { numRuns: 100 },
    )
  })
})

suite('openStream, input cut short', () => {
  test('gzip: at every byte, all that zlib gives of the rest', async () => {
    await expectEveryCut(SMALL_CODED.gzip, 'gzip', (cut) => gunzipCut(SMALL_CODED.gzip, cut).length)
  })

  test('gzip: at many bytes of a larger file of two members', async () => {
    const coded = Buffer.concat([gzipSync(sampleText(900_000)), gzipSync(TEXT)])
    for (let cut = 0; cut < coded.length; cut += 1_511) {
      const expected = gunzipCut(coded, cut)
      const decoded = await decode(evenly(coded.subarray(0, cut), 10_000), 'gzip')
      assert.ok(decoded.bytes.equals(expected), `cut at ${cut}`)
      assert.equal(decoded.end?.kind, 'torn')
    }
  })

  test('gzip: in the header of a further member', async () => {
    const joined = Buffer.concat([SMALL_CODED.gzip, SMALL_CODED.gzip])
    for (let extra = 1; extra < 10; extra++) {
      await expectDecoded(joined.subarray(0, SMALL_CODED.gzip.length + extra), 'gzip', SMALL, CUT)
    }
  })

  test('zstd: at every byte, all that its own decoder gives byte by byte', async () => {
    const plain = sampleText(150_000)
    const coded = withChecksum(plain)
    const given = await zstdByBytes(coded)
    for (let cut = 0; cut < coded.length; cut += cut < 40 || cut > coded.length - 8 ? 1 : 997) {
      await expectDecoded(coded.subarray(0, cut), 'zstd', plain.subarray(0, given[cut]), CUT)
    }
  })

  test('bzip2: at every byte, the whole blocks before', async () => {
    const small = fixture('small.bz2')
    const ends = blockEnds(small, [SMALL.length])
    await expectEveryCut(small, 'bzip2', (cut) => wholeBlocks(ends, cut))
    const text = fixture('text.bz2')
    const textEnds = blockEnds(text, [TEXT_FIRST_BLOCK, TEXT.length])
    for (let cut = 0; cut < text.length; cut += 409) {
      const expected = TEXT.subarray(0, wholeBlocks(textEnds, cut))
      await expectDecoded(text.subarray(0, cut), 'bzip2', expected, CUT)
    }
    for (const [end, plain] of textEnds) {
      const before = TEXT.subarray(0, wholeBlocks(textEnds, end - 1))
      await expectDecoded(text.subarray(0, end - 1), 'bzip2', before, CUT)
      await expectDecoded(text.subarray(0, end), 'bzip2', TEXT.subarray(0, plain), CUT)
    }
  })

  test('xz: at every byte a sound beginning that only grows', async () => {
    const coded = fixture('small.xz')
    let before = 0
    for (let cut = 0; cut < coded.length; cut++) {
      const { bytes, end } = await decode([coded.subarray(0, cut)], 'xz')
      assert.ok(bytes.equals(SMALL.subarray(0, bytes.length)), `cut at ${cut}`)
      assert.ok(bytes.length >= before, `cut at ${cut}`)
      assert.deepEqual(end, CUT)
      before = bytes.length
    }
    assert.equal(before, SMALL.length)
  })

  test('xz: as much as liblzma gives', async () => {
    const lines = fixture('cuts.txt').toString().trimEnd().split('\n')
    for (const line of lines) {
      const [name, cut, length] = line.split(' ')
      const { bytes } = await decode([fixture(`${name}.xz`).subarray(0, Number(cut))], 'xz')
      assert.equal(bytes.length, Number(length), line)
    }
    assert.ok(lines.length > 200)
  })

  test('gives an end, not an error, for nothing at all', async () => {
    for (const kind of CODED) await expectDecoded(Buffer.alloc(0), kind, Buffer.alloc(0), CUT)
    await expectDecoded(Buffer.alloc(0), 'none', Buffer.alloc(0), WHOLE)
  })
})

suite('openStream, damaged input', () => {
  test('gzip: everything before the byte that breaks, though deep in the file', async () => {
    const plain = Buffer.concat([sampleText(700_000), sampleNoise(30_000), sampleText(300_000)])
    const noise = sampleNoise(300)
    let broken = 0
    // Short blocks, in whose headers damage shows, blocks of the usual length, and stored ones.
    for (const options of [{ memLevel: 1 }, { memLevel: 4 }, { level: 0 }]) {
      const coded = gzipSync(plain, options)
      for (let at = 4_000; at < coded.length - 8; at += Math.floor(coded.length / 9)) {
        const damaged = Buffer.from(coded).fill(noise, at, at + 300)
        const expected = longestGunzip(damaged)
        const { bytes, end } = await decode(evenly(damaged, 20_011), 'gzip')
        assert.ok(bytes.equals(expected), `at ${at}: ${bytes.length}, not ${expected.length}`)
        assert.equal(end?.kind, 'torn')
        if (end?.kind === 'torn' && end.detail === 'damaged data') broken++
      }
    }
    assert.ok(broken > 6, `only ${broken} times the damage showed before the end`)
  })

  test('gzip: every bit of a small file turned', async () => {
    for (let at = 10; at < SMALL_CODED.gzip.length; at += 3) {
      const damaged = flip(SMALL_CODED.gzip, at, 1 << (at % 8))
      const { bytes, end } = await decode([damaged], 'gzip')
      assert.ok(bytes.equals(longestGunzip(damaged)), `at ${at}`)
      assert.equal(end?.kind, 'torn', `at ${at}`)
    }
  })

  test('a wrong checksum is found when all is delivered', async () => {
    const end: StreamEnd = { kind: 'torn', detail: 'checksum differs' }
    const { gzip, bzip2, xz, zstd } = SMALL_CODED
    await expectDecoded(flip(gzip, gzip.length - 8), 'gzip', SMALL, end)
    await expectDecoded(flip(gzip, gzip.length - 4), 'gzip', SMALL, end)
    await expectDecoded(flip(zstd, zstd.length - 2), 'zstd', SMALL, end)
    // The check of the block stands before index and footer of 12 bytes each.
    await expectDecoded(flip(xz, xz.length - 30), 'xz', SMALL, end)
    await expectDecoded(flip(bzip2, bzip2.length - 2), 'bzip2', SMALL, end)
  })

  test('a bzip2 block of a wrong checksum is not delivered, those before it are', async () => {
    const coded = fixture('text.bz2')
    const [first] = blockEnds(coded, [TEXT_FIRST_BLOCK, TEXT.length])
    const damaged = flip(coded, first![0] + 7)
    const end: StreamEnd = { kind: 'torn', detail: 'checksum differs' }
    await expectDecoded(damaged, 'bzip2', TEXT.subarray(0, TEXT_FIRST_BLOCK), end)
  })

  test('xz: index and footer are compared', async () => {
    const coded = fixture('mixed-blocks.xz')
    for (const [back, detail] of [
      [1, 'damaged footer'],
      [6, 'damaged footer'],
      [14, 'damaged index'],
      [22, 'damaged index'],
    ] as const) {
      await expectDecoded(flip(coded, coded.length - back), 'xz', MIXED, { kind: 'torn', detail })
    }
  })

  test('what is no archive ends torn and empty', async () => {
    const end: StreamEnd = { kind: 'torn', detail: 'damaged header' }
    for (const kind of CODED) await expectDecoded(TEXT, kind, Buffer.alloc(0), end)
  })

  test('a damaged byte anywhere is an end, not an error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...CODED),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1, max: 255 }),
        async (kind, place, bits) => {
          const coded = SMALL_CODED[kind]
          const damaged = flip(coded, Math.floor(place * coded.length), bits)
          const { bytes, end } = await decode([damaged], kind)
          assert.ok(end !== undefined)
          assert.ok(bytes.length <= 1100 * coded.length)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('a part is repeated or lost: an end, in time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('mixed.bz2', 'mixed.xz', 'mixed-blocks.xz'),
        fc.nat(),
        fc.nat(),
        async (name, one, other) => {
          const coded = fixture(name)
          const from = one % coded.length
          const to = other % coded.length
          const spliced = Buffer.concat([coded.subarray(0, from), coded.subarray(to)])
          const { end } = await decode([spliced], name.endsWith('xz') ? 'xz' : 'bzip2')
          assert.equal(end?.kind, spliced.equals(coded) ? 'complete' : 'torn')
        },
      ),
      { numRuns: 100 },
    )
  })
})

suite('openStream, limits', () => {
  const limits = { ratioMax: 100, outputBytesMax: 1_000_000 }

  test('stops a bomb soon after both limits', async () => {
    const zeros = Buffer.alloc(4_000_000)
    const bombs = {
      gzip: gzipSync(zeros),
      bzip2: fixture('zeros.bz2'),
      xz: fixture('zeros.xz'),
      zstd: zstdCompressSync(zeros),
    }
    for (const kind of CODED) {
      const { bytes, end } = await decode([bombs[kind]], kind, limits)
      assert.deepEqual(end, { kind: 'bomb', detail: 'grows beyond what an archive may' }, kind)
      assert.ok(bytes.length > 1_000_000 && bytes.length < 1_600_000, `${kind}: ${bytes.length}`)
      await expectDecoded(bombs[kind], kind, zeros, WHOLE)
    }
  })

  test('stops at the same byte however the input is cut', async () => {
    const coded = gzipSync(Buffer.alloc(4_000_000))
    const whole = await decode([coded], 'gzip', limits)
    const cut = await decode(evenly(coded, 13), 'gzip', limits)
    assert.equal(cut.bytes.length, whole.bytes.length)
  })

  test('lets pass what exceeds one limit alone', async () => {
    const honest = sampleText(1_500_000)
    const dense = Buffer.alloc(900_000)
    assert.deepEqual((await decode([gzipSync(honest)], 'gzip', limits)).end, WHOLE)
    assert.deepEqual((await decode([gzipSync(dense)], 'gzip', limits)).end, WHOLE)
  })

  test('refuses a dictionary or window that needs too much memory', async () => {
    const end: StreamEnd = { kind: 'torn', detail: 'needs more memory than allowed' }
    // 1.5 GiB, and the smallest size that is too large; 128 MiB is not.
    for (const bits of [37, 31]) {
      await expectDecoded(withDictionary(fixture('small.xz'), bits), 'xz', Buffer.alloc(0), end)
    }
    await expectDecoded(withDictionary(fixture('small.xz'), 30), 'xz', SMALL, WHOLE)
    const frame = bytesOf('28b52ffd0090') // a window of 256 MiB
    const block = bytesOf('010000')
    await expectDecoded(Buffer.concat([frame, block]), 'zstd', Buffer.alloc(0), end)
  })

  test('refuses filters it does not know', async () => {
    const end: StreamEnd = { kind: 'torn', detail: 'uses an unknown filter' }
    await expectDecoded(fixture('small-delta.xz'), 'xz', Buffer.alloc(0), end)
  })

  test('passes many tiny members in little time', async () => {
    const member = gzipSync('x\n')
    const joined = Buffer.concat(Array.from({ length: 5_000 }, () => member))
    await expectDecoded(joined, 'gzip', Buffer.from('x\n'.repeat(5_000)), WHOLE)
  })

  test('gzip: blocks of deflate without content', async () => {
    // An empty stored block, 5 bytes, many times over.
    const empty = Buffer.concat(Array.from({ length: 150_000 }, () => bytesOf('000000ffff')))
    const body = Buffer.concat([empty, deflateRawSync(SMALL)])
    const coded = Buffer.concat([bytesOf('1f8b0800000000000003'), body, SMALL_CODED.gzip.slice(-8)])
    await expectDecoded(coded, 'gzip', SMALL, WHOLE)
  })
})

suite('openStream, the input fails or is left', () => {
  const failure = new Error('EIO')

  test('rejects with the error of the input after what was decoded before it', async () => {
    for (const kind of ['none', ...CODED] as const) {
      const coded = kind === 'none' ? SMALL : SMALL_CODED[kind]
      const stream = openStream(failingAfter(coded, failure), kind)
      assert.deepEqual(Buffer.from((await stream.read()) ?? []), Buffer.from(SMALL), kind)
      await assert.rejects(stream.read(), failure)
      await assert.rejects(stream.read(), failure)
      assert.equal(stream.end, undefined)
      await stream.close()
    }
  })

  test('closes the input when closed, torn or a bomb', async () => {
    for (const kind of CODED) {
      const closings: string[] = []
      const endless = (what: string, bytes: Uint8Array): AsyncIterable<Uint8Array> =>
        (async function* () {
          try {
            for (;;) yield bytes
          } finally {
            closings.push(what)
          }
        })()
      const left = openStream(endless('left', gzipSync(sampleNoise(300_000))), 'gzip')
      await left.read()
      await left.close()
      await left.close()
      assert.equal(await left.read(), undefined)
      await decode(endless('torn', sampleNoise(100)), kind)
      await decode(endless('bomb', SMALL_CODED[kind]), kind, { ratioMax: 1, outputBytesMax: 9_000 })
      assert.deepEqual(closings, ['left', 'torn', 'bomb'], kind)
    }
  })
})

function fixture(name: string): Buffer<ArrayBuffer> {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url))
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}

function withChecksum(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }))
}

async function decode(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  kind: Compression,
  limits?: { readonly ratioMax: number; readonly outputBytesMax: number },
): Promise<Decoded> {
  const stream = openStream(chunks, kind, limits)
  const given: Uint8Array[] = []
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) {
    assert.ok(chunk.length > 0 && chunk.length <= 1024 * 1024)
    given.push(chunk)
  }
  return { bytes: Buffer.concat(given), end: stream.end }
}

async function expectDecoded(
  coded: Uint8Array,
  kind: Compression,
  bytes: Uint8Array,
  end: StreamEnd,
): Promise<void> {
  const decoded = await decode(evenly(coded, 65_536), kind)
  const hint = `${kind}, ${coded.length} bytes: ${decoded.bytes.length}, not ${bytes.length}`
  assert.deepEqual(decoded.end, end, hint)
  assert.ok(decoded.bytes.equals(bytes), hint)
}

/** Cuts the file at every byte and expects so much of `SMALL`. */
async function expectEveryCut(
  coded: Uint8Array,
  kind: Compression,
  lengthOf: (cut: number) => number,
): Promise<void> {
  for (let cut = 0; cut < coded.length; cut++) {
    await expectDecoded(coded.subarray(0, cut), kind, SMALL.subarray(0, lengthOf(cut)), CUT)
  }
}

function* evenly(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function* cutAt(bytes: Uint8Array, places: readonly number[]): Generator<Uint8Array> {
  const sorted = places.toSorted((a, b) => a - b)
  for (const [at, place] of sorted.entries()) yield bytes.subarray(sorted[at - 1] ?? 0, place)
  yield bytes.subarray(sorted.at(-1) ?? 0)
}

/** Gives each chunk in the same memory, as a reader with one buffer does. */
function* overwriting(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  const buffer = Buffer.alloc(size)
  for (const chunk of evenly(bytes, size)) {
    buffer.fill(0xee)
    buffer.set(chunk)
    yield buffer.subarray(0, chunk.length)
  }
}

async function* failingAfter(bytes: Uint8Array, error: Error): AsyncGenerator<Uint8Array> {
  yield bytes
  throw error
}

function flip(bytes: Uint8Array, at: number, bits = 0x10): Uint8Array {
  return new Uint8Array(bytes).with(at, bytes[at]! ^ bits)
}

function gunzipCut(coded: Uint8Array, length: number): Buffer {
  const { Z_SYNC_FLUSH } = constants
  return length === 0
    ? Buffer.alloc(0)
    : gunzipSync(coded.subarray(0, length), { finishFlush: Z_SYNC_FLUSH })
}

/** What zlib gives of the longest beginning in which it finds nothing wrong. */
function longestGunzip(coded: Uint8Array): Buffer {
  let sound = 0
  let broken = coded.length + 1
  while (broken - sound > 1) {
    const middle = (sound + broken) >>> 1
    try {
      gunzipCut(coded, middle)
      sound = middle
    } catch {
      broken = middle
    }
  }
  return gunzipCut(coded, sound)
}

/** How many bytes node's decoder has given after so many bytes of input. */
async function zstdByBytes(coded: Uint8Array): Promise<number[]> {
  const decoder = createZstdDecompress()
  let length = 0
  decoder.on('data', (chunk: Buffer) => {
    length += chunk.length
  })
  const given = [0]
  for (const byte of coded) {
    await new Promise<void>((resolve) => decoder.write(Uint8Array.of(byte), () => resolve()))
    given.push(length)
  }
  return given
}

/**
 * Pairs of the byte in which a block ends and the plain bytes up to there, by the marks between
 * blocks.
 */
function blockEnds(coded: Uint8Array, plain: readonly number[]): [number, number][] {
  const bits = [...coded].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const marks = [0x314159265359n, 0x177245385090n].map((mark) => mark.toString(2).padStart(48, '0'))
  const places: number[] = []
  for (const mark of marks) {
    for (let at = bits.indexOf(mark); at !== -1; at = bits.indexOf(mark, at + 1)) places.push(at)
  }
  const ends = places.toSorted((a, b) => a - b).slice(1)
  assert.equal(ends.length, plain.length)
  return ends.map((end, at) => [Math.ceil(end / 8), plain[at]!])
}

function wholeBlocks(ends: readonly (readonly [number, number])[], cut: number): number {
  return ends.findLast(([end]) => end <= cut)?.[1] ?? 0
}

/** Changes the size of the dictionary in the header of the only block, whose checksum then fits. */
function withDictionary(coded: Uint8Array, bits: number): Uint8Array {
  const changed = new Uint8Array(coded)
  const header = changed.subarray(12, 12 + (changed[12]! + 1) * 4)
  header[header.indexOf(0x21, 2) + 2] = bits
  new DataView(changed.buffer, 12 + header.length - 4, 4).setUint32(
    0,
    crc32(header.subarray(0, -4)),
    true,
  )
  return changed
}
