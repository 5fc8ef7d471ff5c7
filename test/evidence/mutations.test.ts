/** Packages that were changed: both verifiers find it, whatever was changed, and always say the same. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { redactPackage } from '../../src/evidence/redact.ts'
import { type PackedFile, packZip, sha256, withManifest } from '../../src/evidence/zip.ts'
import { reveal } from '../../src/pipeline/evidence.ts'
import {
  bothSay,
  exported,
  filesOf,
  packed,
  repacked,
  sessionsOf,
  sign,
} from '../support/evidence.ts'
import { events, Lab, lines, NOW_US } from '../support/loading.ts'
import { fc } from '../support/property.ts'

const MANIFEST = 'manifest.json'
/** What no hash and no signature covers, and the manifest alone lists: words of ours, and the verifiers themselves. */
const OUTSIDE = new Set(['README.txt', 'verify.html', 'verify.mjs'])

describe('a package', () => {
  let lab: Lab
  let zip: Buffer
  let redacted: Buffer
  let files: readonly PackedFile[]

  before(async () => {
    lab = await Lab.open()
    lab.write('a.json', lines(events(40, { session: 'aaaaaaaaaaaa' })))
    lab.write('b.json', lines(events(3, { session: 'bbbbbbbbbbbb', n: 1 })))
    lab.write('c.json', lines(events(5, { session: 'cccccccccccc', n: 2 })))
    await lab.load()
    lab.append('b.json', lines(events(4, { session: 'bbbbbbbbbbbb', n: 3 })))
    await lab.load()
    const granted = { actor: 'bob', isAllowed: true, reason: 'a look', privateKeys: new Map() }
    await reveal(lab.store, { batchId: 1, record: 3, range: undefined }, granted)
    await sign(lab.store)
    zip = await exported(lab, { sessions: (await sessionsOf(lab)).slice(0, 3) })
    redacted = Buffer.concat([
      ...redactPackage(zip, { lines: [2, 44], reason: 'a bystander', nowUs: NOW_US }),
    ])
    files = filesOf(zip)
  })
  after(() => lab[Symbol.asyncDispose]())

  const change = (name: string, content: (bytes: Uint8Array) => Uint8Array): PackedFile[] =>
    files.map((file) => (file.name === name ? { name, bytes: content(file.bytes) } : file))

  test('holds as it is, whole and redacted', async () => {
    for (const one of [zip, redacted, packed(files)]) {
      const found = await bothSay(one)
      assert.ok(found.ok, found.problems.join(' '))
    }
    assert.deepEqual(packed(files), zip)
  })

  test('does not hold when any of its bits is flipped', async () => {
    // Bits that end a packed file may mean nothing: then every file in it is the same.
    const same = (spoilt: Uint8Array): boolean => {
      try {
        return filesOf(spoilt).every(({ bytes }, i) => Buffer.compare(bytes, files[i]!.bytes) === 0)
      } catch {
        return false
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(zip.length - 1), fc.nat(7), async (at, bit) => {
        const spoilt = Buffer.from(zip)
        spoilt[at]! ^= 1 << bit
        const { ok } = await bothSay(spoilt)
        assert.ok(!ok || same(spoilt), `byte ${at}, bit ${bit}`)
      }),
      { numRuns: 300 },
    )
  })

  test('does not hold when a bit of any of its headers is flipped', async () => {
    const offsets: number[] = []
    let at = 0
    for (const piece of packZip(files)) {
      // Names and facts of files, the list of them, and its end: all but contents.
      if (piece.length < 100 || at > zip.length - 20_000)
        for (let i = 0; i < Math.min(piece.length, 60); i += 7) offsets.push(at + i)
      at += piece.length
    }
    for (const offset of offsets) {
      const spoilt = Buffer.from(zip)
      spoilt[offset]! ^= 1
      assert.ok(!(await bothSay(spoilt)).ok, `byte ${offset}`)
    }
  })

  test('does not hold when it is cut, or has something before or behind it', async () => {
    for (const spoilt of [
      zip.subarray(0, zip.length - 1),
      zip.subarray(1),
      zip.subarray(0, 22),
      Buffer.alloc(0),
      Buffer.alloc(22),
      Buffer.concat([Buffer.from('x'), zip]),
      Buffer.concat([zip, Buffer.from('x')]),
      Buffer.concat([zip, zip]),
    ])
      assert.ok(!(await bothSay(spoilt)).ok)
  })

  describe('whose manifest was made anew', () => {
    const isCovered = (name: string): boolean => name !== MANIFEST && !OUTSIDE.has(name)

    test('does not hold when a bit of a line, proof, checkpoint, statement or journal is flipped', async () => {
      const names = files.map(({ name }) => name).filter(isCovered)
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...names),
          fc.nat(),
          fc.nat(7),
          async (name, where, bit) => {
            const spoilt = change(name, (bytes) => {
              const copy = Uint8Array.from(bytes)
              copy[where % copy.length]! ^= 1 << bit
              return copy
            })
            assert.ok(!(await bothSay(repacked(spoilt))).ok, `${name} ${where} ${bit}`)
          },
        ),
        { numRuns: 250 },
      )
    })

    test('holds or not, but both say the same, when a value of a document is another', async () => {
      const documents = [
        'proof.json',
        'checkpoint.json',
        'custody.json',
        'statement.json',
        MANIFEST,
      ]
      let refused = 0
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...documents),
          fc.nat(),
          fc.oneof(
            fc.constantFrom(
              null,
              -1,
              0,
              1,
              2 ** 32,
              2 ** 53,
              1.5,
              '',
              [],
              {},
              true,
              '0'.repeat(64),
            ),
            fc.jsonValue(),
          ),
          async (name, where, value) => {
            const spoilt = change(name, (bytes) => {
              const document = JSON.parse(Buffer.from(bytes).toString()) as object
              replaceOne(document, where, value)
              return Buffer.from(`${JSON.stringify(document, null, 1)}\n`)
            })
            const { ok } = await bothSay(name === MANIFEST ? packed(spoilt) : repacked(spoilt))
            if (!ok) refused += 1
          },
        ),
        { numRuns: 300 },
      )
      assert.ok(refused > 200)
    })

    test('does not hold when a document is written in another way, or says a thing twice', async () => {
      for (const write of [
        (text: string) => text.replaceAll('\n', ''),
        (text: string) => `\ufeff${text}`,
        (text: string) => `${text}\n`,
        (text: string) => text.replace('{', '{"__proto__":{"x":1},'),
        (text: string) => text.replace('"seq"', '"seq":9,\n "seq"'),
        (text: string) => text.replace('{', '{\n "extra": 1,'),
        (text: string) => `${'['.repeat(100_000)}${text}`,
        () => '',
        () => 'null\n',
        () => '[]\n',
      ]) {
        for (const name of ['checkpoint.json', 'custody.json', 'statement.json', 'proof.json']) {
          const spoilt = change(name, (bytes) => Buffer.from(write(Buffer.from(bytes).toString())))
          const { ok } = await bothSay(repacked(spoilt))
          const isSame = packed(spoilt).equals(packed(files))
          assert.ok(!ok || isSame, name)
        }
      }
    })

    test('does not hold when a file is taken out, added, moved or given to another', async () => {
      const isRecord = ({ name }: PackedFile): boolean => name.startsWith('records/')
      for (const gone of files.filter(({ name }) => isCovered(name)))
        assert.ok(!(await bothSay(repacked(files.filter((one) => one !== gone)))).ok, gone.name)
      const extra = { name: 'records/000999.bin', bytes: Buffer.from('x') }
      assert.ok(!(await bothSay(repacked([...files, extra]))).ok)
      assert.ok(!(await bothSay(packed([...files, extra]))).ok)
      const [first, second] = files.filter(isRecord)
      const swapped = files.map((one) =>
        one === first
          ? { ...one, bytes: second!.bytes }
          : one === second
            ? { ...one, bytes: first!.bytes }
            : one,
      )
      assert.ok(!(await bothSay(repacked(swapped))).ok)
      assert.ok(!(await bothSay(packed(files.toReversed()))).ok)
    })

    test('holds when only the words of ours are others: they prove nothing', async () => {
      const spoilt = change('README.txt', () => Buffer.from('all of it is true'))
      assert.ok((await bothSay(repacked(spoilt))).ok)
    })

    test('does not hold with names that no package has', async () => {
      for (const name of [
        '../evil.txt',
        '/etc/passwd',
        'records/../manifest.json',
        'records\\000001.bin',
        'RECORDS/000001.bin',
        'records/000001.bin\0',
        '__proto__',
        'constructor',
        'records/1.bin',
        'manifest.json/',
        'a\u001b[2J',
        '',
      ]) {
        const spoilt = repacked([...files, { name, bytes: Buffer.from('x') }])
        const found = await bothSay(spoilt)
        assert.ok(!found.ok, name)
        for (const { text } of found.alone.problems) assert.doesNotMatch(text, /[\u0000-\u001f]/)
      }
    })

    test('does not hold with a name twice', async () => {
      for (const name of [MANIFEST, 'proof.json', 'records/000001.bin']) {
        const twin = files.find((one) => one.name === name)!
        assert.ok(!(await bothSay(packed([...files, twin]))).ok)
      }
    })

    test('does not hold when withheld lines are not said to be', async () => {
      const left = filesOf(redacted).filter(({ name }) => name !== MANIFEST)
      assert.ok(!(await bothSay(repacked(left))).ok)
      const at = 'now'
      const told = (withheld: { file: string; reason: string; at: string }[]) =>
        bothSay(packed(withManifest(left, { program: 'x', withheld })))
      const both = ['records/000002.bin', 'records/000044.bin'].map((file) => ({
        ...{ file, reason: 'r', at },
      }))
      assert.ok((await told(both)).ok)
      assert.ok(!(await told(both.slice(1))).ok)
      assert.ok(!(await told([...both, both[0]!])).ok)
      assert.ok(!(await told([...both, { file: 'records/000001.bin', reason: 'r', at }])).ok)
      assert.ok(!(await told([...both, { file: 'statement.json', reason: 'r', at }])).ok)
      assert.ok(!(await told(both.map((one) => ({ ...one, reason: ' ' })))).ok)
    })
  })

  test('does not hold when a line that was logged once is there twice, or stands before an earlier one', async () => {
    const again = await bothSay(forged(files, (records) => records))
    assert.ok(again.ok, again.problems.join(' '))
    assert.equal(again.alone.export?.signed, false)
    // Who has no key can write an entry behind the checkpoint: nothing that hangs on it counts as shown.
    assert.doesNotMatch(again.alone.shows.join('\n'), /made on|descriptions of sessions/)
    assert.match(
      again.alone.cannotShow.join('\n'),
      /who made the package[\s\S]*descriptions of sessions/,
    )

    for (const change of [
      ([first, ...others]: readonly Line[]) => [first!, first!, ...others],
      ([first, ...others]: readonly Line[]) => [
        first!,
        { ...first!, record: first!.record + 1, line: first!.line + 1 },
        ...others.slice(1),
      ],
      ([first, second, ...others]: readonly Line[]) => [second!, first!, ...others],
      (lines: readonly Line[]) => lines.toReversed(),
    ]) {
      const { ok, problems } = await bothSay(forged(files, change))
      assert.ok(!ok)
      assert.match(problems.join(' '), /does not stand behind the one before it/)
    }
    // The same through another name for the same source, or the same block.
    const twins = (proof: ProofText): void => {
      const [first] = proof.records
      if (first === undefined) return
      proof.sources.push(proof.sources[first.source]!)
      const block = proof.blocks[first.leaves[0]!.block]!
      proof.blocks.push({ ...block, source: proof.sources.length - 1 })
      proof.records.push({
        ...first,
        source: proof.sources.length - 1,
        leaves: first.leaves.map((leaf) => ({ ...leaf, block: proof.blocks.length - 1 })),
      })
    }
    const twice = await bothSay(forged(files, (records) => records, twins))
    assert.match(twice.problems.join(' '), /A source is there twice/)
  })

  test('does not hold when it says that it unpacks to more or less than it does', async () => {
    // A megabyte of zeros packs to a thousandth: what the header says of its size is what is made room for.
    const bomb = packed([{ name: MANIFEST, bytes: Buffer.alloc(1 << 20) }, ...files.slice(1)])
    assert.ok(!(await bothSay(bomb)).ok)
    for (const size of [0, 1, 5, 0xffff_ffff, 0x7fff_ffff]) {
      const spoilt = Buffer.from(bomb)
      spoilt.writeUInt32LE(size, 22)
      const list = spoilt.readUInt32LE(spoilt.length - 6)
      spoilt.writeUInt32LE(size, list + 24)
      assert.ok(!(await bothSay(spoilt)).ok, String(size))
    }
  })
})

type Line = {
  readonly file: string
  readonly source: number
  readonly record: number
  readonly line: number
  readonly leaves: readonly { readonly block: number }[]
}
type ProofText = {
  readonly sources: object[]
  readonly blocks: object[]
  readonly records: Line[]
}

/** A package that somebody without a key made of another: other lines, and a journal entry of its own about them. */
function forged(
  files: readonly PackedFile[],
  change: (records: readonly Line[]) => readonly Line[],
  more: (proof: ProofText) => void = () => {},
): Buffer {
  const json = (name: string) =>
    JSON.parse(Buffer.from(files.find((one) => one.name === name)!.bytes).toString())
  const print = (value: object) => Buffer.from(`${JSON.stringify(value, null, 1)}\n`)
  const proof = json('proof.json') as ProofText
  proof.records.splice(0, proof.records.length, ...change(proof.records))
  more(proof)
  const contents = proof.records.map((one, i) => ({
    name: `records/${String(i + 1).padStart(6, '0')}.bin`,
    bytes: files.find(({ name }) => name === one.file)!.bytes,
  }))
  const records = proof.records.map((one, i) => ({ ...one, file: contents[i]!.name }))
  const statement = { ...json('statement.json'), actor: 'mallory', records: records.length }
  const sealed = [
    { name: 'statement.json', bytes: print(statement) },
    ...files.filter(({ name }) => name.startsWith('sessions/')),
    ...contents,
  ]
  const sums = Buffer.from(sealed.map((one) => `${sha256(one.bytes)}  ${one.name}\n`).join(''))
  const checkpoint = json('checkpoint.json')
  const entry = {
    seq: checkpoint.journalSeq + 1,
    atUs: NOW_US,
    actor: 'mallory',
    action: 'evidence.exported',
    subject: 'evidence package',
    reason: statement.reason,
    detail: JSON.stringify({ content: sha256(sums) }),
    concerns: true,
  }
  const segments = [{ signedBy: 0, before: checkpoint.journalHead, entries: [entry] }]
  const custody = { ...json('custody.json'), checkpoints: [], segments }
  const rest = files.filter(({ name }) => name === 'README.txt' || name === 'checkpoint.json')
  return repacked([
    ...rest,
    ...sealed,
    { name: 'SHA256SUMS', bytes: sums },
    { name: 'proof.json', bytes: print({ ...proof, records }) },
    { name: 'custody.json', bytes: print(custody) },
  ])
}

/** Puts a value in the place of one that a document holds, the n-th of all. */
function replaceOne(document: object, n: number, value: unknown): void {
  const places: (readonly [Record<string, unknown>, string])[] = []
  const walk = (one: object): void => {
    for (const [key, below] of Object.entries(one)) {
      places.push([one as Record<string, unknown>, key])
      if (typeof below === 'object' && below !== null) walk(below)
    }
  }
  walk(document)
  const [into, key] = places[n % places.length]!
  into[key] = value
}
