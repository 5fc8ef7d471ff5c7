/** What the store port promises beside loading: each method, once per engine. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { blake3 } from '../../src/core/blake3.ts'
import { toHex } from '../../src/core/bytes.ts'
import { VALUE_KINDS } from '../../src/core/event.ts'
import { LIMITS } from '../../src/limits.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { loadSigningKey, newSigningKey } from '../../src/seal/chain.ts'
import { SCHEMA_VERSION } from '../../src/store/migrations/index.ts'
import type { ArtifactRecord, FileRecord, Store } from '../../src/store/port.ts'
import { type FingerprintRow, fingerprint } from '../../src/store/repo/stats.ts'
import type { Pages } from '../../src/store/verify-port.ts'
import { eachEngine, NOW_US, type TestEngine } from '../support/engines.ts'
import {
  event,
  events,
  type Fields,
  Lab,
  line,
  lines,
  registry,
  VERIFY_ALL,
} from '../support/loading.ts'

const sha256 = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex')

async function all<T>(pages: Pages<T>): Promise<T[]> {
  const found: T[] = []
  for await (const page of pages) {
    assert.ok(page.length > 0, 'a page is empty')
    found.push(...page)
  }
  return found
}

async function isWhole(lab: Lab): Promise<void> {
  const verdict = await verifyStore(lab.store.reads(), VERIFY_ALL)
  assert.equal(verdict.ok, true, JSON.stringify(verdict))
}

/** Saves files as a load does: in a transaction of a writer. */
async function save(store: Store, files: readonly FileRecord[]): Promise<void> {
  const writer = store.writer({
    schemaVersion: registry.version,
    programVersion: 'test',
    schemaFiles: registry.entries.map(({ file, digest }) => ({ file, digest })),
    rules: [],
  })
  await writer.begin()
  for (const file of files) await writer.saveFile(file)
  await writer.commit()
  await writer.close()
}

const FILE: FileRecord = {
  path: '/var/log/o\'hara \\ "ü" 日\t.json',
  sensorOverride: '',
  sourceId: null,
  device: '66306',
  inode: '9007199254740993',
  size: 9_007_199_254_740_991,
  mtimeNs: '1780272000123456789',
  ctimeNs: '1780272000123456790',
  foreignKind: 'iptables',
  isFinished: false,
}

/** A store that another process has open: it does what it is told, a line each, and answers with a line. */
class Neighbour {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>
  readonly #ended: Promise<unknown>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = once(child, 'exit')
    this.#answers = createInterface(child.stdout!)[Symbol.asyncIterator]()
  }

  static async open(url: string): Promise<Neighbour> {
    const source = (path: string): string =>
      JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href)
    const script = `
      const { sealing } = await import(${source('cli/wiring.ts')})
      const { SqliteStore } = await import(${source('store/sqlite/store.ts')})
      const { PostgresStore } = await import(${source('store/postgres/store.ts')})
      const { createInterface } = await import('node:readline')
      const url = ${JSON.stringify(url)}
      const options = { mode: 'write', sealing, clock: () => ${NOW_US}, command: 'neighbour' }
      const settings = { cacheSize: -8_000, synchronous: 'normal', pageSize: 4_096 }
      const store = await (url.startsWith('sqlite:')
        ? SqliteStore.open({ ...options, path: url.slice(7), settings })
        : PostgresStore.open({ ...options, url, environment: {} }))
      console.log('open')
      for await (const line of createInterface(process.stdin)) {
        const [method, name] = JSON.parse(line)
        console.log(JSON.stringify((await store[method](name)) ?? null))
      }
      await store.close()`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const neighbour = new Neighbour(child)
    assert.equal(await neighbour.#answer(), 'open')
    return neighbour
  }

  async claim(name: string): Promise<boolean> {
    return (await this.#ask('claim', name)) === true
  }

  async release(name: string): Promise<void> {
    await this.#ask('release', name)
  }

  /** Closes its store and ends. */
  async close(): Promise<void> {
    this.#child.stdin!.end()
    await this.#ended
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  async #ask(method: string, name: string): Promise<unknown> {
    this.#child.stdin!.write(`${JSON.stringify([method, name])}\n`)
    return JSON.parse(await this.#answer())
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#answers.next()
    assert.notEqual(done, true, 'the other process ended')
    return value as string
  }
}

/** A store of the engine, and a neighbour that has it open too. */
async function withNeighbour(
  t: TestContext,
  engine: TestEngine,
): Promise<{
  readonly store: Store
  readonly neighbour: Neighbour
  expireLeases(): Promise<void>
}> {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-test-'))
  const database = await engine.create(folder)
  const store = await database.open('write')
  const neighbour = await Neighbour.open(database.url)
  t.after(async () => {
    await neighbour.close()
    await store.close()
    await database.drop()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    store,
    neighbour,
    // One engine sees that a process is gone; the other waits until its time is over.
    async expireLeases() {
      if (engine.name !== 'postgres') return
      await database.tamper(
        `update leases set expires_at = clock_timestamp() - interval '1 second'`,
      )
    },
  }
}

/** A file that is broken off, then whole; and one with a dead line, whose last one is pending. */
async function fill(lab: Lab): Promise<{ readonly plain: string }> {
  const whole = gzipSync(lines(events(40)), { level: 0 })
  lab.write('torn.json.gz', whole.subarray(0, Math.floor(whole.length * 0.6)))
  await lab.load()
  lab.write('torn.json.gz', whole)
  const plain = `${lines(events(5, { sensor: 'sensor-2', session: 'odd id' }))}not json\n`
  lab.write('cowrie.json', `${plain}{"eventid":`)
  await lab.load()
  return { plain }
}

eachEngine((engine) => {
  describe('files', () => {
    test('a file is given back as it was saved, and found by its path and sensor alone', async () => {
      await using lab = await Lab.open()
      assert.equal(await lab.store.findFile(FILE.path, ''), undefined)
      await save(lab.store, [FILE, { ...FILE, sensorOverride: 'given', foreignKind: null }])
      assert.deepEqual(await lab.store.findFile(FILE.path, ''), FILE)
      assert.deepEqual(await lab.store.findFile(FILE.path, 'given'), {
        ...FILE,
        sensorOverride: 'given',
        foreignKind: null,
      })
      assert.equal(await lab.store.findFile(FILE.path.toUpperCase(), ''), undefined)
      assert.equal(await lab.store.findFile(FILE.path, 'other'), undefined)
    })

    test('a file saved again takes the place of what was known of it', async () => {
      await using lab = await Lab.open()
      await lab.load()
      await save(lab.store, [FILE])
      const later = { ...FILE, size: 0, foreignKind: null, isFinished: true, inode: '5' }
      await save(lab.store, [{ ...FILE, size: 1 }, later])
      assert.deepEqual(await lab.store.findFile(FILE.path, ''), later)
    })

    test('a loaded file names its source', async () => {
      await using lab = await Lab.open()
      lab.write('cowrie.json', `${line()}\n`)
      await lab.load()
      const file = await lab.store.findFile(lab.path('cowrie.json'), '')
      assert.equal(file?.isFinished, true)
      assert.equal(file.size, line().length + 1)
      const source = await lab.store.source(file.sourceId!)
      assert.equal(source?.committedOffset, file.size)
    })

    test('what was not committed is not there', async () => {
      await using lab = await Lab.open()
      const writer = lab.store.writer({
        schemaVersion: registry.version,
        programVersion: 'test',
        schemaFiles: [],
        rules: [],
      })
      await writer.begin()
      await writer.saveFile(FILE)
      await writer.rollback()
      await writer.close()
      assert.equal(await lab.store.findFile(FILE.path, ''), undefined)
    })
  })

  describe('sources', () => {
    test('a source that is not there is undefined', async () => {
      await using lab = await Lab.open()
      for (const id of [0, -1, 1, Number.MAX_SAFE_INTEGER])
        assert.equal(await lab.store.source(id), undefined)
    })

    test('a source tells how far it was read and what proves it', async () => {
      await using lab = await Lab.open()
      const { plain } = await fill(lab)
      const file = await lab.store.findFile(lab.path('cowrie.json'), '')
      const source = await lab.store.source(file!.sourceId!)
      assert.equal(source?.uid.length, 16)
      assert.equal(source.sensorOverride, '')
      assert.equal(source.headLength, Math.min(1_024, plain.length))
      assert.equal(source.headDigest, sha256(plain.slice(0, 1_024)))
      assert.equal(toHex(source.tailDigest), sha256(plain.slice(-4_096)))
      assert.equal(source.committedOffset, plain.length)
      assert.equal(source.records, 6)
      assert.equal(source.batches, 1)
      assert.equal(source.lastDigest.length, 32)
      assert.equal(source.open, undefined)
      assert.equal(source.state, 'open')
      assert.equal(source.pendingBytes, '{"eventid":'.length)
    })

    test('the open end of a broken archive is told until a whole copy takes its place', async () => {
      await using lab = await Lab.open()
      const whole = gzipSync(lines(events(40)), { level: 0 })
      lab.write('torn.json.gz', whole.subarray(0, Math.floor(whole.length * 0.6)))
      await lab.load()
      const { sourceId } = (await lab.store.findFile(lab.path('torn.json.gz'), ''))!
      const torn = (await lab.store.source(sourceId!))!
      assert.equal(torn.state, 'torn')
      assert.equal(torn.open?.seq, torn.batches)
      assert.ok(torn.open.startOffset < torn.committedOffset)
      assert.ok(torn.open.firstRecord < torn.records)
      lab.write('torn.json.gz', whole)
      await lab.load()
      const healed = (await lab.store.source(sourceId!))!
      assert.equal(healed.state, 'complete')
      assert.equal(healed.open, undefined)
      assert.equal(healed.batches, torn.batches + 1)
      assert.equal(healed.records, 40)
      assert.equal(healed.committedOffset, lines(events(40)).length)
    })

    test('a source is found by its start, for its sensor alone, the newest first', async () => {
      await using lab = await Lab.open()
      const texts = [0, 1, 2].map((n) => lines(events(2, { session: `s${n}` })))
      for (const [n, text] of texts.entries()) {
        lab.write(`${n}.json`, text)
        await lab.load()
      }
      await lab.load({ sensor: 'given', paths: [lab.path('1.json')] })
      const heads = texts.map((text) => ({
        length: Math.min(1_024, text.length),
        digest: sha256(text.slice(0, 1_024)),
      }))
      const offsets = async (sensor: string, of: typeof heads): Promise<number[]> =>
        (await lab.store.findByHead(sensor, of)).map((one) => one.committedOffset)
      const lengths = texts.map((text) => text.length)
      assert.deepEqual(await offsets('', [heads[1]!]), [lengths[1]])
      assert.deepEqual(await offsets('given', heads), [lengths[1]])
      assert.deepEqual(await offsets('other', heads), [])
      assert.deepEqual(await offsets('', []), [])
      assert.deepEqual(await offsets('', [{ length: 5, digest: heads[0]!.digest }]), [])
      assert.deepEqual(await offsets('', [{ length: 5, digest: sha256('') }]), [])
      const found = await lab.store.findByHead('', [heads[0]!, heads[2]!, heads[1]!])
      const ids = found.map((one) => one.id)
      assert.deepEqual(
        ids,
        [...ids].sort((a, b) => b - a),
      )
      assert.equal(ids.length, 3)
      assert.deepEqual(found[0], await lab.store.source(ids[0]!))
    })

    test('lengths of short starts are told once each, for their sensor', async () => {
      await using lab = await Lab.open()
      lab.write('a.json', `${line()}\n`)
      lab.write('b.json', `${line({ session: 'b00000000000' })}\n`)
      lab.write('c.json', `${line({ session: 'c' })}\n`)
      lab.write('long.json', lines(events(20)))
      await lab.load()
      await lab.load({ sensor: 'given', paths: [lab.path('c.json')] })
      const sorted = async (sensor: string): Promise<number[]> =>
        [...(await lab.store.headLengths(sensor))].sort((a, b) => a - b)
      const short = line({ session: 'c' }).length + 1
      assert.deepEqual(await sorted(''), [short, line().length + 1])
      assert.deepEqual(await sorted('given'), [short])
      assert.deepEqual(await sorted('other'), [])
    })

    test('blocks prove the bytes up to an offset, without those that no longer count', async () => {
      await using lab = await Lab.open()
      await fill(lab)
      const { sourceId } = (await lab.store.findFile(lab.path('torn.json.gz'), ''))!
      const text = lines(events(40))
      const { ends, digests } = await lab.store.blockProof(sourceId!, text.length)
      assert.ok(ends.length > 0)
      assert.equal(digests.length, ends.length * 32)
      assert.equal(ends.at(-1), text.length)
      let start = 0
      ends.forEach((end, n) => {
        assert.ok(end > start)
        assert.equal(toHex(digests.subarray(n * 32, n * 32 + 32)), sha256(text.slice(start, end)))
        start = end
      })
      const before = await lab.store.blockProof(sourceId!, text.length - 1)
      assert.deepEqual([...before.ends], [...ends].slice(0, -1))
      assert.equal((await lab.store.blockProof(sourceId!, 0)).ends.length, 0)
      assert.equal((await lab.store.blockProof(9_999, text.length)).ends.length, 0)
    })
  })

  describe('claims', () => {
    test('what one process reads no other takes, until it is released', async (t) => {
      const { store, neighbour } = await withNeighbour(t, engine)
      const name = "source 1 'é' 日"
      assert.equal(await neighbour.claim(name), true)
      assert.equal(await store.claim(name), false)
      assert.equal(await store.claim('source 2'), true)
      assert.equal(await neighbour.claim('source 2'), false)
      await neighbour.release(name)
      assert.equal(await store.claim(name), true)
      assert.equal(await neighbour.claim(name), false)
      await store.release(name)
      await store.release('source 2')
      assert.equal(await neighbour.claim(name), true)
    })

    test('a claim made again holds, and one release ends it', async (t) => {
      const { store, neighbour } = await withNeighbour(t, engine)
      assert.equal(await store.claim('a'), true)
      assert.equal(await store.claim('a'), true)
      await store.release('a')
      assert.equal(await neighbour.claim('a'), true)
    })

    test('to release what another has, or nobody, changes nothing', async (t) => {
      const { store, neighbour } = await withNeighbour(t, engine)
      assert.equal(await neighbour.claim('a'), true)
      await store.release('a')
      await store.release('never claimed')
      assert.equal(await store.claim('a'), false)
    })

    test('what a process held that ended or was killed is free', async (t) => {
      for (const end of ['close', 'kill'] as const) {
        const { store, neighbour, expireLeases } = await withNeighbour(t, engine)
        assert.equal(await neighbour.claim('a'), true)
        await neighbour[end]()
        if (end === 'kill') await expireLeases()
        // A server that has just started leaves everyone the time of a lease to come back.
        const until = performance.now() + LIMITS.leaseMs + 5_000
        let isFree = await store.claim('a')
        while (!isFree && performance.now() < until) {
          await new Promise((resolve) => setTimeout(resolve, 200))
          isFree = await store.claim('a')
        }
        assert.equal(isFree, true, end)
      }
    })

    test('nobody holds a store that nobody writes', async (t) => {
      const { store, neighbour } = await withNeighbour(t, engine)
      assert.deepEqual(await store.holders(), [])
      await neighbour.claim('a')
      await neighbour.release('a')
      assert.deepEqual(await store.holders(), [])
    })
  })

  describe('artifacts', () => {
    const NAMED: readonly Fields[] = [
      { eventid: 'cowrie.log.closed', ttylog: 'var/lib/cowrie/tty/aa11', shasum: undefined },
      { eventid: 'cowrie.log.closed', ttylog: 'var/lib/cowrie/tty/ignored', shasum: 'bb22' },
      { eventid: 'cowrie.log.open', ttylog: 'log/tty/20260501-cc33.log' },
      { eventid: 'cowrie.session.file_download', outfile: 'dl/dd44', shasum: 'ee55' },
      { eventid: 'cowrie.session.file_upload', outfile: 'plain name' },
      { eventid: 'cowrie.session.file_download', outfile: '/ends/with/', shasum: null },
      { eventid: 'cowrie.session.file_download', url: 'http://198.51.100.1/none' },
      { eventid: 'cowrie.session.file_upload', shasum: '' },
      { eventid: 'cowrie.log.closed', shasum: 'ü/\u202e\n' },
      // Not asked for: another event that has the fields.
      { eventid: 'cowrie.session.file_download.failed', shasum: 'no', outfile: 'no' },
    ]

    test('are named by hash, else by file name', async () => {
      await using lab = await Lab.open()
      lab.write('cowrie.json', lines([event(), ...NAMED.map((one) => event(one))]))
      await lab.load()
      assert.deepEqual([...(await lab.store.artifactNames())].sort(), [
        '20260501-cc33.log',
        'aa11',
        'bb22',
        'ee55',
        'plain name',
        'ü/\\u{202E}\\u{0A}',
      ])
    })

    test('are named by text whatever type the fields have', async () => {
      await using lab = await Lab.open()
      const odd = [5, 1.5, 1e21, true, ['a', { b: 1, a: 2 }], { b: 1, a: [2] }]
      const eventids = ['log.closed', 'log.open', 'session.file_download', 'session.file_upload']
      const records = eventids.flatMap((name) =>
        odd.flatMap((value) =>
          ['shasum', 'ttylog', 'outfile'].map((field) =>
            event({ eventid: `cowrie.${name}`, [field]: value }),
          ),
        ),
      )
      lab.write('cowrie.json', lines([event(), ...records]))
      await lab.load()
      const names = await lab.store.artifactNames()
      assert.deepEqual(
        [...names].filter((name) => typeof name !== 'string'),
        [],
      )
      // A known field of another type has its text form in the payload; other values name no file.
      assert.deepEqual(
        [...names].sort(),
        odd.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).sort(),
      )
    })

    test('are saved once for each path, the last of them', async () => {
      await using lab = await Lab.open()
      const row = (path: string, size: number): ArtifactRecord => ({
        path,
        sha256: 'a'.repeat(64),
        size,
        kind: 'tty',
        seenAtUs: NOW_US,
        namedBy: "o'hara",
      })
      await lab.store.saveArtifacts([])
      await lab.store.saveArtifacts([row('/b', 1), row('/a "日"', 2), row('/b', 3)])
      await lab.store.saveArtifacts([
        { ...row('/a "日"', 9_007_199_254_740_991), kind: 'download' },
      ])
      const found = await lab.all('select path, size, kind, named_by from artifacts order by path')
      assert.deepEqual(found, [
        { path: '/a "日"', size: 9_007_199_254_740_991, kind: 'download', named_by: "o'hara" },
        { path: '/b', size: 3, kind: 'tty', named_by: "o'hara" },
      ])
      await isWhole(lab)
    })
  })

  describe('journal', () => {
    test('a key is known once, however often it is added', async () => {
      await using lab = await Lab.open()
      const [first] = await lab.store.signingKeyIds()
      const key = loadSigningKey(newSigningKey())
      await lab.store.addSigningKey(key, NOW_US + 1)
      await lab.store.addSigningKey(key, NOW_US + 2)
      assert.deepEqual(await lab.store.signingKeyIds(), [first, key.keyId])
      assert.equal((await all(lab.store.reads().journal())).length, 2)
      await isWhole(lab)
    })

    test('keys are told in the order of their making', async () => {
      await using lab = await Lab.open()
      const [first] = await lab.store.signingKeyIds()
      const keys = [3, 1, 2].map((n) => ({ key: loadSigningKey(newSigningKey()), at: NOW_US + n }))
      for (const { key, at } of keys) await lab.store.addSigningKey(key, at)
      assert.deepEqual(await lab.store.signingKeyIds(), [
        first,
        ...[...keys].sort((a, b) => a.at - b.at).map(({ key }) => key.keyId),
      ])
    })

    test('entries follow each other in a chain, whoever writes them', async () => {
      await using lab = await Lab.open()
      const other = await lab.openAgain()
      const draft = (n: number) => ({
        actor: 'a test "ü"',
        action: 'test.done',
        subject: `subject ${n}`,
        reason: 'because',
        detail: { n, text: "o'hara \\ 日", isSo: true },
      })
      try {
        for (let n = 0; n < 4; n += 2) {
          await lab.store.journal(draft(n))
          await other.journal(draft(n + 1))
        }
        for (let n = 4; n < 8; n += 2)
          await Promise.all([lab.store.journal(draft(n)), other.journal(draft(n + 1))])
      } finally {
        await other.close()
      }
      const entries = (await all(lab.store.reads().journal())).slice(1)
      assert.deepEqual(
        entries.map((entry) => entry.seq),
        [2, 3, 4, 5, 6, 7, 8, 9],
      )
      assert.deepEqual(
        entries.slice(0, 4).map((entry) => entry.subject),
        [0, 1, 2, 3].map((n) => `subject ${n}`),
      )
      assert.deepEqual(JSON.parse(entries[1]!.detail), draft(1).detail)
      assert.equal(entries[0]!.at_us, NOW_US)
      await isWhole(lab)
    })

    test('a decision stands in its table too', async () => {
      await using lab = await Lab.open()
      await lab.store.journal({
        actor: 'someone',
        action: 'held.released',
        subject: 'held_events batch 1 record 0',
        reason: 'harmless',
        detail: {},
        decision: { from: 'held', to: 'rejected' },
      })
      const [decision] = await lab.store.reads().decisions()
      assert.deepEqual(decision, {
        id: 2,
        subject: 'held_events batch 1 record 0',
        from_state: 'held',
        to_state: 'rejected',
        actor: 'someone',
        reason: 'harmless',
        decided_at_us: NOW_US,
      })
      await isWhole(lab)
    })
  })

  describe('state', () => {
    test('the engine tells its settings and sizes', async () => {
      await using lab = await Lab.open()
      const status = await lab.store.engineStatus()
      assert.equal(status['engineVersion'], lab.store.engineVersion)
      assert.equal(status['schemaVersion'], SCHEMA_VERSION)
      assert.equal(lab.store.schemaVersion, SCHEMA_VERSION)
      for (const [name, value] of Object.entries(status))
        assert.ok(typeof value === 'string' || Number.isSafeInteger(value), `${name}: ${value}`)
      assert.equal(lab.store.engine, engine.name)
      assert.notEqual(lab.store.mode, '')
      assert.doesNotMatch(JSON.stringify([lab.store.place, status]), /:[^/"]+@/, 'a password shows')
    })

    test('a schema that is up to date needs no step', async () => {
      await using lab = await Lab.open()
      assert.equal(await lab.store.migrate(), 0)
      assert.equal(await lab.store.migrate(), 0)
    })

    test('a whole store has no problem, one with rows torn out has', async () => {
      await using lab = await Lab.open()
      await fill(lab)
      assert.deepEqual(await lab.store.integrityProblems(), [])
      await lab.tamper('delete from batches where id = (select max(id) from batches)')
      assert.notDeepEqual(await lab.store.integrityProblems(), [])
    })
  })

  describe('reads', () => {
    test('every event is told for the fingerprint once, in the order of time, with its names', async () => {
      await using lab = await Lab.open()
      await fill(lab)
      const rows = await all(lab.store.fingerprintRows())
      const key = (row: FingerprintRow): string =>
        `${row.timeUs} ${row.sensor} ${row.session} ${toHex(row.digest).toUpperCase()}`
      assert.deepEqual(
        rows.map(key).sort(),
        (await lab.events())
          .map((one) => `${one.at} ${one.sensor} ${one.session} ${one.digest}`)
          .sort(),
      )
      assert.ok(rows.every((row, i) => i === 0 || row.timeUs >= rows[i - 1]!.timeUs))
      // Of these logs, on any engine and in any release.
      assert.equal(
        await fingerprint(lab.store.fingerprintRows()),
        'a85265095bc9d940f00b1ae7bb5c4e28df440ff4806f4407257b25e097d56e26',
      )
    })

    test('an empty store has no pages', async () => {
      await using lab = await Lab.open()
      const reads = lab.store.reads()
      assert.deepEqual(await all(lab.store.fingerprintRows()), [])
      for (const pages of [
        reads.batches(),
        reads.eventsByBatch(),
        reads.eventsByTime(),
        reads.storedEvents(),
        reads.heldEvents(),
        reads.values(),
        reads.dailyValues(20_574),
        reads.checkpoints(),
      ])
        assert.deepEqual(await all<unknown>(pages), [])
      assert.equal(await reads.newestBatch(), 0)
      assert.deepEqual(await reads.oddCells(), [])
      assert.deepEqual(await reads.sourceRows(), [])
      assert.equal(await reads.countOf('raw_events'), 0)
      assert.deepEqual(await reads.valueIds([]), [])
      assert.deepEqual(await reads.sessions([]), new Map())
      assert.deepEqual(await reads.sessionValues([]), new Map())
      const { sources, batches } = await reads.sourcesRootUpTo(0)
      assert.deepEqual({ sources, batches }, { sources: 0, batches: 0 })
    })

    test('events come by batch and record, and by time, with the bytes that were sealed', async () => {
      await using lab = await Lab.open()
      await fill(lab)
      const reads = lab.store.reads()
      const newest = await reads.newestBatch()
      const byBatch = await all(reads.eventsByBatch())
      const byTime = await all(reads.eventsByTime())
      const places = byBatch.map(([batch, record]) => batch * 1_000_000 + record)
      assert.deepEqual(
        places,
        [...places].sort((a, b) => a - b),
      )
      assert.equal(byBatch.length, await reads.countOf('raw_events'))
      assert.deepEqual(
        byTime.map((cells) => cells[2]),
        byBatch.map((cells) => cells[2]).sort((a, b) => a - b),
      )
      const texts = (of: typeof byBatch): string[] =>
        of.map((cells) => Buffer.from(cells[8]).toString()).sort()
      const logged = [...events(40), ...events(5, { sensor: 'sensor-2', session: 'odd id' })]
      assert.deepEqual(texts(byBatch), logged.map((one) => JSON.stringify(one)).sort())
      assert.deepEqual(texts(byTime), texts(byBatch))
      assert.deepEqual(texts(await all(reads.storedEvents())), texts(byBatch))
      // Only what is newer than a batch.
      assert.deepEqual(await all(reads.eventsByBatch(newest)), [])
      const last = await all(reads.eventsByBatch(newest - 1))
      assert.ok(last.length > 0 && last.every(([batch]) => batch === newest))
      assert.deepEqual((await all(reads.batches())).map((batch) => batch.id).at(-1), newest)
    })

    test('pages have no seam where an instant has more events than a page', async () => {
      await using lab = await Lab.open()
      const many = Array.from({ length: 5_000 }, (_, n) => event({ password: `p${n}` }))
      lab.write('cowrie.json', lines(many))
      await lab.load()
      const reads = lab.store.reads()
      const keys = (of: Awaited<ReturnType<typeof everything>>): number =>
        new Set(of.map((cells) => toHex(cells[6]))).size
      const everything = () => all(reads.eventsByTime())
      assert.equal(keys(await everything()), 5_000)
      assert.equal(keys(await all(reads.eventsByBatch())), 5_000)
      assert.equal(keys(await all(reads.storedEvents())), 5_000)
      const digests = (await everything()).map((cells) => toHex(cells[6]))
      assert.deepEqual(digests, [...digests].sort())
    })

    test('sessions are told that are there, with their values in the order of their numbers', async () => {
      await using lab = await Lab.open()
      await fill(lab)
      const reads = lab.store.reads()
      const keys = [...new Set((await all(reads.storedEvents())).map((cells) => cells[3]))]
      assert.equal(keys.length, 41)
      const found = await reads.sessions([...keys, 12_345, keys[0]!])
      assert.equal(found.size, 41)
      const odd = [...found.values()].find((row) => row.session === 'odd id')
      assert.equal(odd?.event_count, 5)
      const values = (await reads.sessionValues([...keys, 12_345])).get(odd.session_key)!
      const places = values.map((row) => row.value_id)
      assert.deepEqual(
        places,
        [...places].sort((a, b) => a - b),
      )
      assert.ok(values.length >= 10)
    })

    test('numbers of values come in the order asked for, with gaps for those that are not there', async () => {
      await using lab = await Lab.open()
      await fill(lab)
      const reads = lab.store.reads()
      const ask = (kind: number, text: string) => ({
        kind,
        digest: blake3(Buffer.from(text)).subarray(0, 16),
      })
      const found = await reads.valueIds([
        ask(VALUE_KINDS.password, 'secret 3'),
        ask(VALUE_KINDS.password, 'never seen'),
        ask(VALUE_KINDS.username, 'root'),
        ask(VALUE_KINDS.password, 'root'),
        ask(VALUE_KINDS.password, 'secret 3'),
      ])
      const texts = new Map((await all(reads.values())).map((row) => [row.id, row.value]))
      assert.deepEqual(
        found.map((id) => (id === undefined ? undefined : texts.get(id))),
        ['secret 3', undefined, 'root', undefined, 'secret 3'],
      )
    })

    test('blocks between two offsets are those that count and touch them', async () => {
      await using lab = await Lab.open()
      await fill(lab)
      const reads = lab.store.reads()
      const { sourceId } = (await lab.store.findFile(lab.path('torn.json.gz'), ''))!
      const length = lines(events(40)).length
      const whole = await reads.blocksBetween(sourceId!, 0, length)
      assert.equal(whole[0]!.start_offset, 0)
      assert.equal(whole.at(-1)!.end_offset, length)
      for (const [n, block] of whole.entries())
        if (n > 0) assert.equal(block.start_offset, whole[n - 1]!.end_offset)
      const last = await reads.blocksBetween(sourceId!, length - 1, length)
      assert.deepEqual(last, whole.slice(-1))
      assert.deepEqual(await reads.blocksBetween(sourceId!, length, length + 5), [])
    })

    test('within a snapshot what others load meanwhile is not seen', async () => {
      await using lab = await Lab.open()
      await fill(lab)
      const other = await lab.openAgain()
      try {
        const reads = lab.store.reads()
        await reads.snapshot(async () => {
          const before = await reads.countOf('raw_events')
          lab.write('more.json', `${line({ session: 'more' })}\n`)
          await lab.load({}, other)
          assert.equal(await reads.countOf('raw_events'), before)
          assert.equal((await all(reads.eventsByTime())).length, before)
          assert.equal((await reads.sourceRows()).length, 2)
        })
        assert.equal((await reads.sourceRows()).length, 3)
      } finally {
        await other.close()
      }
    })

    test('numbers come as numbers, and bytes as bytes', async () => {
      await using lab = await Lab.open()
      await fill(lab)
      const reads = lab.store.reads()
      const [batch] = await all(reads.batches())
      const [cells] = await all(reads.eventsByBatch())
      assert.ok(batch!.digest instanceof Uint8Array)
      for (const name of ['id', 'source_id', 'end_offset', 'committed_at_us'] as const)
        assert.equal(typeof batch![name], 'number')
      for (const n of [0, 1, 2, 4, 5] as const) assert.equal(typeof cells![n], 'number')
      assert.ok(cells![6] instanceof Uint8Array && cells![8] instanceof Uint8Array)
      assert.equal(cells![7], null)
      const days = await reads.dailyEvents(20_574)
      assert.deepEqual(
        days.map((row) => typeof row.count),
        days.map(() => 'number'),
      )
      const total = await lab.store.query
        .selectFrom('daily_events')
        .select((e) => e.fn.sum<number>('count').as('n'))
        .executeTakeFirst()
      assert.equal(total?.n, 45)
    })
  })
})
