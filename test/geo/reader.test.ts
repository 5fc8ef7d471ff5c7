import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { GeoError } from '../../src/core/errors.ts'
import {
  type GeoDatabase,
  GeoDatabases,
  type GeoFiles,
  isReplaced,
  openDatabase,
  openDatabases,
  reopenReplaced,
} from '../../src/geo/reader.ts'
import { LIMITS } from '../../src/limits.ts'
import { fromVisible } from '../../src/neutralize/visible.ts'
import { systemFiles } from '../../src/source/files.ts'
import { NOW_US, withLimits, withTempFolder } from '../support/loading.ts'
import {
  BUILT_SECONDS,
  control,
  Double,
  encode,
  type MmdbData,
  type MmdbOptions,
  mmdb,
  pointer,
  Raw,
} from '../support/mmdb.ts'
import { fc } from '../support/property.ts'

const GERMANY = { country: { iso_code: 'DE', names: { en: 'Germany' } } }
const EXAMPLE = {
  autonomous_system_number: 64_500,
  autonomous_system_organization: 'Example Networks',
}

const open = (path: string): Promise<GeoDatabase> => openDatabase(path, systemFiles, () => NOW_US)

/** Opens a file with these bytes; it is gone afterwards, the database is not. */
function opened(bytes: Uint8Array): Promise<GeoDatabase> {
  return withTempFolder(async (folder) => {
    const path = join(folder, 'some.mmdb')
    writeFileSync(path, bytes)
    return open(path)
  })
}

const made = (
  networks: Readonly<Record<string, MmdbData>>,
  options?: MmdbOptions,
): Promise<GeoDatabase> => opened(mmdb(networks, options))

async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    await opened(bytes)
  } catch (error) {
    assert.ok(error instanceof GeoError, String(error))
    assert.ok(error.hint.length > 10)
    return error.code
  }
  return 'taken'
}

describe('a database', () => {
  for (const recordSize of [24, 28, 32] as const) {
    for (const ipVersion of [4, 6] as const) {
      test(`of ${recordSize}-bit records in a tree for IPv${ipVersion} gives each network its record`, async () => {
        const database = await made(
          { '192.0.2.0/24': GERMANY, '198.51.100.64/26': { country: { iso_code: 'FR' } } },
          { recordSize, ipVersion },
        )
        assert.equal(database.lookup('192.0.2.7').country, 'DE')
        assert.equal(database.lookup('192.0.2.7').network, '192.0.2.0/24')
        assert.equal(database.lookup('198.51.100.64').country, 'FR')
        assert.equal(database.lookup('198.51.100.127').network, '198.51.100.64/26')
        assert.deepEqual(database.lookup('198.51.100.63'), database.lookup('203.0.113.1'))
        assert.equal(database.lookup('203.0.113.1').country, null)
      })
    }
  }

  test('says what it is: kind, age, digest and what it knows, told by its records', async () => {
    const database = await made(
      { '192.0.2.0/24': { ...GERMANY, ...EXAMPLE }, '198.51.100.0/24': { city: 'Lyon' } },
      { type: 'Anything-At-All', description: 'made for a test' },
    )
    const { type, description, builtAtUs, facts, digest, networksOf, loadedAtUs } = database
    assert.deepEqual([type, description], ['Anything-At-All', 'made for a test'])
    assert.equal(builtAtUs, BUILT_SECONDS * 1_000_000)
    assert.deepEqual(facts, ['country', 'city', 'asn', 'organisation'])
    assert.match(digest, /^[0-9a-f]{64}$/)
    assert.deepEqual([networksOf, loadedAtUs], [6, NOW_US])
  })

  test('that knows neither countries nor networks is refused', async () => {
    assert.equal(await refusal(mmdb({ '192.0.2.0/24': { is_anonymous: true } })), 'GEO_NO_FACTS')
    assert.equal(await refusal(mmdb({})), 'GEO_NO_FACTS')
  })

  test('is told by its records however few and scattered they are', async () => {
    const database = await made({ '203.0.113.255/32': EXAMPLE, '2001:db8:ffff::/48': EXAMPLE })
    assert.deepEqual(database.facts, ['asn', 'organisation'])
  })

  test('of IPv4 alone knows no IPv6 address', async () => {
    const database = await made({ '0.0.0.0/1': GERMANY, '128.0.0.0/1': GERMANY }, { ipVersion: 4 })
    assert.equal(database.lookup('2001:db8::1').country, null)
    assert.equal(database.lookup('192.0.2.1').country, 'DE')
    assert.equal(database.lookup('::ffff:192.0.2.1').country, 'DE')
  })

  test('gives IPv6 networks in the spelling of RFC 5952', async () => {
    const database = await made({ '2001:db8:0:1::/64': GERMANY, '2001:db8:f000::/36': GERMANY })
    assert.equal(database.lookup('2001:0DB8:0000:0001::7').network, '2001:db8:0:1::/64')
    assert.equal(database.lookup('2001:db8:ffff::').network, '2001:db8:f000::/36')
  })
})

describe('an address', () => {
  test('is found in every spelling of it', async () => {
    const database = await made({
      '192.0.2.0/24': GERMANY,
      'fe80::/10': GERMANY,
      '2001:db8::/32': EXAMPLE,
    })
    for (const text of [
      '192.0.2.1',
      '::ffff:192.0.2.1',
      '::FFFF:c000:201',
      '0:0:0:0:0:ffff:c000:0201',
      'fe80::1%eth0',
      'fe80::1%25',
    ])
      assert.equal(database.lookup(text).country, 'DE', text)
    for (const text of ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', '2001:db8::192.0.2.1'])
      assert.equal(database.lookup(text).asn, 64_500, text)
  })

  test('that is none is not found: not as another one', async () => {
    const database = await made({ '0.0.0.0/1': GERMANY, '128.0.0.0/1': GERMANY, '::/1': GERMANY })
    for (const text of [
      '',
      'unknown',
      'localhost',
      '192.0.2',
      '192.0.2.1.5',
      '192.0.2.256',
      '192.0.2.01',
      '192.0.2.1 ',
      '192.0.2.1:22',
      '192.0.2.1/32',
      '[2001:db8::1]',
      '1:2:3:4:5:6:7:8:9',
      '::ffff:192.0.2.1.1',
      '3221225985',
      '0xc0000201',
      '\\u{1B}192.0.2.1',
      '1'.repeat(1_000_000),
      `${'::1%'}${'x'.repeat(1_000_000)}`,
    ])
      assert.deepEqual(database.lookup(text).network, null, text.slice(0, 40))
  })

  test('may be any text: nothing is thrown, and no text is found but an address', async () => {
    const database = await made({
      '0.0.0.0/1': GERMANY,
      '128.0.0.0/1': GERMANY,
      '8000::/1': GERMANY,
    })
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.ipV4(), fc.ipV6()), (text) => {
        const found = database.lookup(text)
        assert.equal(found.isDamaged, false)
        if (found.country !== null) assert.match(text, /^[0-9a-f.:]+$/i)
      }),
    )
  })
})

describe('facts', () => {
  const factsOf = async (record: MmdbData) => {
    const database = await made({
      '192.0.2.0/24': { ...GERMANY, ...EXAMPLE },
      '192.0.2.0/25': record,
    })
    const { country, city, asn, organisation } = database.lookup('192.0.2.1')
    return { country, city, asn, organisation }
  }
  const none = { country: null, city: null, asn: null, organisation: null }

  test('are read from the shapes that makers of databases use', async () => {
    assert.deepEqual(
      await factsOf({
        city: { names: { de: 'Köln', en: 'Cologne' } },
        country: { iso_code: 'DE' },
        registered_country: { iso_code: 'FR' },
        location: { latitude: new Double(50.9) },
      }),
      { ...none, country: 'DE', city: 'Cologne' },
    )
    assert.deepEqual(await factsOf(EXAMPLE), {
      ...none,
      asn: 64_500,
      organisation: 'Example Networks',
    })
    assert.deepEqual(
      await factsOf({
        traits: { autonomous_system_number: 64_501, autonomous_system_organization: 'Traits' },
      }),
      { ...none, asn: 64_501, organisation: 'Traits' },
    )
    assert.deepEqual(
      await factsOf({ country: 'France', country_code: 'FR', asn: 'AS64502', as_name: 'Flat' }),
      { ...none, country: 'FR', asn: 64_502, organisation: 'Flat' },
    )
    assert.deepEqual(
      await factsOf({ country: 'nl', city: 'Utrecht', asn: 'AS4294967295', name: 'Older' }),
      { country: 'NL', city: 'Utrecht', asn: 4_294_967_295, organisation: 'Older' },
    )
  })

  test('of another type or form count as absent', async () => {
    for (const record of [
      'DE',
      7,
      [],
      ['DE'],
      true,
      { country: 7 },
      { country: ['DE'] },
      { country: { iso_code: 276 } },
      { country: { iso_code: 'DEU' } },
      { country: { iso_code: 'D\u0000' } },
      { country: { iso_code: '' } },
      { country: { iso_code: { iso_code: 'DE' } } },
      { country: { names: 'Germany' } },
      { city: { names: ['Cologne'] } },
      { city: '' },
      { city: ' \n ' },
      { autonomous_system_number: 0 },
      { autonomous_system_number: 2n ** 64n },
      { autonomous_system_number: new Double(1.5) },
      { autonomous_system_number: new Double(Number.NaN) },
      { asn: 'AS' },
      { asn: 'AS64500 ' },
      { asn: '-1' },
      { asn: 'AS4294967296' },
      { name: 'a name of who knows what' },
      { ['__proto__']: { country: 'DE' }, constructor: 'x', toString: 'DE' },
    ] as MmdbData[])
      assert.deepEqual(await factsOf(record), none, inspect(record))
  })

  test('that are hostile texts come in visible form, on one line, and not longer than the bound', async () => {
    const hostile = 'Evil\u001b[2J\r\nCorp\u202e\u200b<script>=cmd()'
    const { organisation } = await factsOf({ ...EXAMPLE, autonomous_system_organization: hostile })
    assert.equal(organisation, 'Evil\\u{1B}[2J\\u{0D}\\u{0A}Corp\\u{202E}\\u{200B}<script>=cmd()')
    assert.equal(fromVisible(organisation ?? ''), hostile)
    for (const long of ['ü'.repeat(100_000), '\u{1F480}'.repeat(3_000)]) {
      const found = await factsOf({ ...EXAMPLE, autonomous_system_organization: long })
      const text = found.organisation ?? ''
      assert.ok([...text].length <= LIMITS.geoTextCharsMax && text.endsWith('…'))
      assert.doesNotMatch(text, /\\[ub]\{|\ufffd/)
    }
    const raw = new Raw([...control(2, 3), 0x41, 0xff, 0x42])
    assert.equal((await factsOf({ asn: 1, as_name: raw })).organisation, 'A\\b{FF}B')
    const database = await made(
      { '192.0.2.0/24': GERMANY },
      { type: 'a\u001b]0;b\u0007', description: '\u202e' },
    )
    assert.deepEqual([database.type, database.description], ['a\\u{1B}]0;b\\u{07}', '\\u{202E}'])
  })
})

describe('a record made to harm', () => {
  /** Two networks: one of an honest record, and one whose record is these bytes, which start at `at`. */
  const harmful = (make: (at: number) => Uint8Array) => {
    const honest = encode(GERMANY)
    return mmdb(
      { '128.0.0.0/1': GERMANY, '10.0.0.0/24': new Raw(make(honest.length)) },
      { ipVersion: 4 },
    )
  }
  /** Where a sample meets it, the file is refused; where none does, the address alone has no place. */
  async function harmless(bytes: Buffer, name: string): Promise<void> {
    const code = await refusal(bytes)
    assert.equal(code, 'GEO_DAMAGED', name)
    await withLimits({ geoSamples: 1 }, async () => {
      const database = await opened(bytes)
      const { isDamaged, country, network } = database.lookup('10.0.0.1')
      assert.deepEqual([isDamaged, country, network], [true, null, null], name)
      assert.equal(database.lookup('192.0.2.1').country, 'DE', name)
    })
  }

  const map = (size: number) => control(7, size)
  const list = (size: number) => control(11, size)

  test('is never followed in circles', async () => {
    await harmless(
      harmful((at) => pointer(at).bytes),
      'a pointer to itself',
    )
    await harmless(
      harmful((at) => Buffer.concat([pointer(at + 5).bytes, pointer(at).bytes])),
      'two pointers to each other',
    )
    await harmless(
      harmful((at) => Buffer.concat([list(1), pointer(at).bytes])),
      'a list of itself',
    )
    await harmless(
      harmful((at) => Buffer.concat([map(1), encode('country'), pointer(at).bytes])),
      'a map of itself',
    )
    await harmless(
      harmful((at) => Buffer.concat([map(1), pointer(at).bytes, encode('DE')])),
      'a name that is the map itself',
    )
  })

  test('is never unfolded: lists of lists by pointers, and sizes that are not there', async () => {
    const bomb = harmful((at) => {
      const levels: Uint8Array[] = []
      let start = at
      for (let level = 0; level < 12; level += 1) {
        const next = start + list(28).length + 28 * 5
        levels.push(list(28), ...Array.from({ length: 28 }, () => pointer(next).bytes))
        start = next
      }
      return Buffer.concat([...levels, encode('end')])
    })
    await harmless(bomb, '28 to the power of 12 values')
    await harmless(
      harmful(() => list(16_000_000)),
      'a long list of nothing',
    )
    await harmless(
      harmful(() => map(16_000_000)),
      'a long map of nothing',
    )
    await harmless(
      harmful(() => Buffer.concat([list(60_000), ...Array(60_000).fill(control(14, 1))])),
      'a long list of truths',
    )
    await harmless(
      harmful(() => control(2, 16_000_000)),
      'a text that is not there',
    )
    await harmless(
      harmful((at) => {
        const word = at + list(3_000).length + 3_000 * 5
        const pointers = Array.from({ length: 3_000 }, () => pointer(word).bytes)
        return Buffer.concat([list(3_000), ...pointers, encode('x'.repeat(1_000))])
      }),
      'a long text three thousand times',
    )
  })

  test('is never nested beyond the bound', async () => {
    await harmless(
      harmful(() => Buffer.concat(Array(100_000).fill(list(1)))),
      'lists in lists',
    )
    await harmless(
      harmful(() => Buffer.concat(Array(50_000).fill(Buffer.concat([map(1), encode('a')])))),
      'maps in maps',
    )
  })

  test('of an unknown type or a wrong length is damage', async () => {
    // As a record alone each of them ends where the data does.
    for (const [name, bytes] of Object.entries({
      'type 12': [0x00, 5],
      'type 13': [0x00, 6],
      'type 7 spelled long': [0x04, 0],
      'type 255': [0x00, 248],
      'a double of 7 bytes': [...control(3, 7), 1, 2, 3, 4, 5, 6, 7],
      'a float of 8 bytes': [...control(15, 8), 1, 2, 3, 4, 5, 6, 7, 8],
      'a number of 5 bytes': [...control(6, 5), 1, 2, 3, 4, 5],
      'a number of 17 bytes': [...control(10, 17), ...Array(17).fill(1)],
      'a name that is a number': [...map(1), ...encode(7), ...encode(7)],
      'a pointer behind the end': pointer(0x7fff_ffff).bytes,
      'a pointer past the largest': pointer(0xffff_ffff).bytes,
      'the end': [0xff],
    }))
      await harmless(
        harmful(() => Uint8Array.from(bytes)),
        name,
      )
  })
})

describe('a file that is no database', () => {
  test('is refused with what to do', async () => {
    assert.equal(await refusal(Buffer.alloc(0)), 'GEO_NOT_A_DATABASE')
    assert.equal(await refusal(Buffer.from('network,geoname_id\n')), 'GEO_NOT_A_DATABASE')
    assert.equal(await refusal(Buffer.from([0x1f, 0x8b, 8, 0])), 'GEO_NOT_A_DATABASE')
    await assert.rejects(
      opened(Buffer.from([0x1f, 0x8b, 8, 0])),
      (error: GeoError) => /gzip/.test(error.message) && /gunzip/.test(error.hint),
    )
    for (const path of ['/nowhere/at-all.mmdb', '/dev/null', '/'])
      await assert.rejects(open(path), { code: 'GEO_UNREADABLE' })
  })

  test('is refused where it is larger than what is kept in memory', async () => {
    await withLimits({ geoFileBytesMax: 100 }, async () => {
      assert.equal(await refusal(mmdb({ '192.0.2.0/24': GERMANY })), 'GEO_TOO_LARGE')
    })
    await assert.rejects(
      openDatabases(Array(LIMITS.geoDatabasesMax + 1).fill('x'), systemFiles, () => NOW_US),
      { code: 'GEO_TOO_LARGE' },
    )
  })

  test('is refused cut off anywhere', async () => {
    const whole = mmdb({ '192.0.2.0/24': GERMANY, '2001:db8::/32': EXAMPLE })
    assert.equal(await refusal(whole), 'taken')
    for (let length = 0; length < whole.length; length += 1)
      assert.match(await refusal(whole.subarray(0, length)), /^GEO_(?:NOT_A_DATABASE|DAMAGED)$/)
  })

  test('is refused where its metadata is not what the format says', async () => {
    for (const metadata of [
      { binary_format_major_version: 3 },
      { binary_format_major_version: undefined },
      { node_count: 0 },
      { node_count: 5_000_000 },
      { node_count: 'many' },
      { node_count: undefined },
      { record_size: 16 },
      { record_size: 26 },
      { record_size: [28] },
      { ip_version: 5 },
      { ip_version: 'x' },
    ] as MmdbOptions['metadata'][])
      assert.equal(
        await refusal(mmdb({ '192.0.2.0/24': GERMANY }, { metadata: metadata ?? {} })),
        'GEO_DAMAGED',
        JSON.stringify(metadata),
      )
  })

  test('is refused where its metadata runs in circles or has no end', async () => {
    const file = mmdb({ '192.0.2.0/24': GERMANY })
    const start = file.lastIndexOf('MaxMind.com') + 'MaxMind.com'.length
    const head = file.subarray(0, start)
    const circle = Buffer.concat([control(7, 1), encode('a'), pointer(0).bytes])
    assert.equal(await refusal(Buffer.concat([head, circle])), 'GEO_DAMAGED')
    const unfolding: Uint8Array[] = [control(7, 1), encode('a')]
    for (let level = 0, at = 3; level < 5; level += 1) {
      at += 1 + 1 + 28 * 5
      unfolding.push(control(11, 28), ...Array.from({ length: 28 }, () => pointer(at).bytes))
    }
    const bomb = Buffer.concat([head, ...unfolding, encode('end')])
    assert.equal(await refusal(bomb), 'GEO_DAMAGED')
    assert.equal(await refusal(Buffer.concat([head, control(7, 16_000_000)])), 'GEO_DAMAGED')
    assert.equal(await refusal(Buffer.concat([head, encode('text')])), 'GEO_DAMAGED')
    assert.equal(await refusal(head), 'GEO_DAMAGED')
  })

  test('may leave out what is for people alone, or say nonsense there', async () => {
    for (const metadata of [
      { build_epoch: undefined, database_type: undefined, description: undefined },
      { build_epoch: 2n ** 64n - 1n, database_type: 7, description: 'x' },
      { build_epoch: 'then', database_type: [], description: {} },
      { build_epoch: new Double(Number.NaN), database_type: '', description: { de: 7 } },
      { build_epoch: new Double(-1), database_type: { en: 'x' }, description: [] },
    ] as NonNullable<MmdbOptions['metadata']>[]) {
      const database = await made({ '192.0.2.0/24': GERMANY }, { metadata })
      assert.deepEqual([database.builtAtUs, database.type, database.description], [0, '', ''])
      assert.equal(database.lookup('192.0.2.1').country, 'DE')
    }
  })

  test('is refused where its tree points out of it', async () => {
    const whole = mmdb(
      { '0.0.0.0/1': GERMANY, '128.0.0.0/1': EXAMPLE },
      { ipVersion: 4, recordSize: 32 },
    )
    // One node of eight bytes: its halves name the two records.
    for (const record of [2, 16, whole.length, 0x7fff_ffff, 0xffff_ffff]) {
      const bad = Buffer.from(whole)
      bad.writeUInt32BE(record, 4)
      assert.equal(await refusal(bad), 'GEO_DAMAGED', String(record))
    }
  })

  test('does not hang where its tree runs in circles', async () => {
    const whole = mmdb(
      { '0.0.0.0/1': GERMANY, '128.0.0.0/1': EXAMPLE },
      { ipVersion: 4, recordSize: 32 },
    )
    whole.writeUInt32BE(0, 4)
    const database = await opened(whole)
    assert.equal(database.lookup('10.0.0.1').country, 'DE')
    // Every bit leads back to the node, until there are no more bits.
    assert.equal(database.lookup('255.255.255.255').country, null)
  })

  test('with any byte changed is refused, or gives answers of the same form', async () => {
    const whole = mmdb({ '192.0.2.0/24': { ...GERMANY, ...EXAMPLE }, '2001:db8::/32': EXAMPLE })
    const texts = ['192.0.2.1', '2001:db8::1', '203.0.113.1', '::', '255.255.255.255']
    const address = fc.nat({ max: whole.length - 1 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(address, fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }),
        async (changes) => {
          const bad = Buffer.from(whole)
          for (const [at, byte] of changes) bad[at] = byte
          let database: GeoDatabase
          try {
            database = await opened(bad)
          } catch (error) {
            assert.ok(error instanceof GeoError, String(error))
            return
          }
          for (const text of texts) {
            const { country, asn, organisation, city } = database.lookup(text)
            assert.ok(country === null || /^[A-Z]{2}$/.test(country))
            assert.ok(asn === null || (Number.isInteger(asn) && asn > 0))
            for (const one of [organisation, city])
              assert.ok(one === null || !/[\u0000-\u001f\u007f-\u009f]/.test(one))
          }
        },
      ),
      { numRuns: 1_500 },
    )
  })
})

describe('a file that changes', () => {
  test('while it is read is refused, and taken when it has come to rest', async () => {
    await withTempFolder(async (folder) => {
      const path = join(folder, 'x.mmdb')
      const bytes = mmdb({ '192.0.2.0/24': GERMANY })
      writeFileSync(path, bytes)
      /** The file grows, shrinks or is touched between the first look and the last. */
      const meddling = (meddle: () => void): GeoFiles => ({
        stat: systemFiles.stat,
        open(name) {
          const file = systemFiles.open(name)
          return {
            ...file,
            stat: () => file.stat(),
            close: () => file.close(),
            read(into, position) {
              const read = file.read(into, position)
              meddle()
              return read
            },
          }
        },
      })
      for (const other of [Buffer.concat([bytes, bytes]), bytes.subarray(0, 40), Buffer.alloc(0)]) {
        writeFileSync(path, bytes)
        await assert.rejects(
          openDatabase(
            path,
            meddling(() => writeFileSync(path, other)),
            () => NOW_US,
          ),
          { code: 'GEO_CHANGING' },
        )
      }
      writeFileSync(path, bytes)
      assert.equal((await open(path)).lookup('192.0.2.1').country, 'DE')
    })
  })

  test('is noticed, and only what was replaced is opened again', async () => {
    await withTempFolder(async (folder) => {
      const [one, two] = [join(folder, 'one'), join(folder, 'two')]
      writeFileSync(one, mmdb({ '192.0.2.0/24': GERMANY }))
      writeFileSync(two, mmdb({ '192.0.2.0/24': EXAMPLE }))
      const before = await openDatabases([one, two], systemFiles, () => NOW_US)
      assert.equal(await reopenReplaced(before, systemFiles, () => NOW_US), before)

      writeFileSync(`${one}.new`, mmdb({ '192.0.2.0/24': { country: 'FR' } }))
      renameSync(`${one}.new`, one)
      assert.equal(isReplaced(before.databases[0]!, systemFiles), true)
      const after = await reopenReplaced(before, systemFiles, () => NOW_US)
      assert.equal(after.databases[1], before.databases[1])
      assert.notEqual(after.set.digest, before.set.digest)
      assert.deepEqual(
        [before.lookup('192.0.2.1').country, after.lookup('192.0.2.1').country],
        ['DE', 'FR'],
      )

      // The same content at another time: the same databases, by name.
      writeFileSync(`${one}.new`, mmdb({ '192.0.2.0/24': { country: 'FR' } }))
      renameSync(`${one}.new`, one)
      const again = await reopenReplaced(after, systemFiles, () => NOW_US + 1)
      assert.equal(again.set.digest, after.set.digest)
    })
  })
})

describe('databases together', () => {
  test('believe the first that knows, for place and network apart', async () => {
    const one = await made({ '192.0.2.0/24': { country: 'DE' }, '203.0.113.0/24': { city: 'X' } })
    const two = await made({
      '192.0.2.0/25': { country: 'FR', city: 'Lyon', ...EXAMPLE },
      '203.0.113.0/25': { country: 'FR', city: 'Lyon' },
    })
    const place = new GeoDatabases([one, two]).lookup('192.0.2.1')
    // The city is that of the database that gave the country, which has none.
    assert.deepEqual(place, {
      ...{ country: 'DE', city: null, asn: 64_500, organisation: 'Example Networks' },
      ...{ network: '192.0.2.0/25', isDamaged: false },
    })
    assert.equal(new GeoDatabases([two, one]).lookup('192.0.2.1').city, 'Lyon')
    assert.equal(new GeoDatabases([one, two]).lookup('203.0.113.1').city, 'Lyon')
    assert.equal(new GeoDatabases([one, two]).lookup('192.0.2.200').network, '192.0.2.0/24')
  })

  test('are named by their content and order, not by path or time', async () => {
    const [a, b] = [
      await made({ '192.0.2.0/24': GERMANY }),
      await made({ '192.0.2.0/24': EXAMPLE }),
    ]
    const again = await made({ '192.0.2.0/24': GERMANY })
    assert.equal(new GeoDatabases([a, b]).set.digest, new GeoDatabases([again, b]).set.digest)
    assert.notEqual(new GeoDatabases([a, b]).set.digest, new GeoDatabases([b, a]).set.digest)
  })

  test('give the same answer with and without room for records at hand', async () => {
    const networks = Array.from(
      { length: 256 },
      (_, i) => [`198.51.100.${i}/32`, { autonomous_system_number: 64_500 + i }] as const,
    )
    const database = await opened(mmdb(networks))
    const all = () => networks.map(([network]) => database.lookup(network.split('/')[0]!).asn)
    const expected = all()
    await withLimits({ geoRecordsKeptMax: 3 }, () =>
      assert.deepEqual(all().reverse(), expected.toReversed()),
    )
    assert.deepEqual(
      expected,
      networks.map(([, record]) => record.autonomous_system_number),
    )
  })
})
