/** Followers that are killed, stopped, crowded, starved: what is stored is what a calm load stores. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import { Random } from '../../src/synth/random.ts'
import { NACRE, nacre, nacreJson, type Stats, temporaryFolder } from '../support/cli.ts'
import { freshDatabase, missingPostgres } from '../support/postgres.ts'
import { missingBinaries, TestServer } from '../support/postgres-server.ts'
import { RealLog } from '../torture/real-log.ts'

const SEED = 5

/** A folder of logs that are written, and a store that followers fill. */
class Site {
  readonly root: string
  readonly logs: string
  readonly random: Random = new Random(SEED, 'follow')
  readonly written: readonly RealLog[]
  readonly where: readonly string[]
  #followers: ChildProcess[] = []

  constructor(t: TestContext, options: { readonly store?: string; readonly data?: string } = {}) {
    this.root = temporaryFolder(t)
    this.logs = join(this.root, 'logs')
    mkdirSync(this.logs)
    this.written = ['alpha', 'beta'].map(
      (sensor, i) => new RealLog(join(this.logs, `${sensor}.json`), sensor, SEED + i),
    )
    const store = options.store === undefined ? [] : ['--store', options.store]
    this.where = ['--data', options.data ?? join(this.root, 'data'), ...store]
    const made = nacre(['init', ...this.where])
    assert.equal(made.status, 0, made.stderr)
    t.after(() => {
      for (const follower of this.#followers) follower.kill('SIGKILL')
    })
  }

  follow(env: Readonly<Record<string, string>> = {}): ChildProcess {
    const follower = spawn(NACRE, ['ingest', 'delta', this.logs, ...this.where], {
      stdio: 'ignore',
      env: { ...process.env, ...env },
    })
    this.#followers.push(follower)
    return follower
  }

  /** Writes and rotates for a while. */
  async write(acts: number): Promise<void> {
    for (let i = 0; i < acts; i += 1) {
      for (const log of this.written) log.act()
      await delay(this.random.between(0, 15))
    }
  }

  /** Writes until the follower has stored something new. */
  async writeUntilStored(): Promise<void> {
    const before = this.#events()
    for (let i = 0; i < 600 && this.#events() === before; i += 1) {
      await this.write(3)
      await delay(400)
    }
    assert.notEqual(this.#events(), before, 'the follower stores')
  }

  /** One more load of what is there; then the store answers as one that was loaded calmly. */
  check(): void {
    for (const log of this.written) log.end()
    const last = nacre(['ingest', 'delta', '--once', this.logs, '--json', ...this.where])
    assert.equal(last.status, 0, last.stderr)
    const calm = ['--data', join(this.root, 'calm')]
    nacreJson(['ingest', 'bulk', this.logs, ...calm])
    const found = nacreJson<Stats>(['db', 'stats', ...this.where])
    const expected = nacreJson<Stats>(['db', 'stats', ...calm])
    const due = this.written.reduce((sum, log) => sum + log.due, 0)
    assert.equal(expected.events, due, 'what lies in the folder')
    // Lines between a copy and the cut may have been seen, or not: then the sets are not to be compared as a whole.
    const most = this.written.reduce((sum, log) => sum + log.events, 0)
    assert.ok(found.events >= due && found.events <= most, `${found.events} of ${due} to ${most}`)
    if (found.events === due) {
      assert.equal(found.fingerprint, expected.fingerprint)
      const sessions = (where: readonly string[]): string =>
        nacre(['sessions', '--jsonl', '--limit', '1000000', ...where]).stdout
      assert.ok(sessions(this.where) === sessions(calm), 'the sessions differ')
    }
    assert.equal(nacreJson<{ readonly ok: boolean }>(['verify', ...this.where]).ok, true)
  }

  #events(): number {
    const stats = nacre(['db', 'stats', '--no-fingerprint', '--json', ...this.where])
    return stats.status === 0 ? (JSON.parse(stats.stdout) as Stats).events : -1
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => child.once('exit', (status) => resolve(status)))
}

test('a follower killed again and again while logs are written and rotated loses and doubles nothing', async (t) => {
  const site = new Site(t)
  for (let i = 0; i < 5; i += 1) {
    const follower = site.follow()
    await site.write(site.random.between(15, 60))
    follower.kill('SIGKILL')
    await ended(follower)
    await site.write(site.random.between(0, 10))
  }
  site.check()
})

test('a follower that stands still for a while goes on where it was', async (t) => {
  const site = new Site(t)
  const follower = site.follow()
  await site.writeUntilStored()
  for (let i = 0; i < 4; i += 1) {
    follower.kill('SIGSTOP')
    await site.write(30)
    follower.kill('SIGCONT')
    await site.write(10)
  }
  follower.kill('SIGTERM')
  assert.equal(await ended(follower), 143)
  site.check()
})

test('a follower stopped by SIGTERM or SIGINT says so by its status', async (t) => {
  const site = new Site(t)
  for (const [signal, status] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const follower = site.follow()
    await site.writeUntilStored()
    follower.kill(signal)
    assert.equal(await ended(follower), status)
  }
  site.check()
})

test('two followers and loads of everything at once store each line once', async (t) => {
  const site = new Site(t)
  const followers = [site.follow(), site.follow()]
  await site.writeUntilStored()
  for (let i = 0; i < 3; i += 1) {
    await site.write(20)
    const load = nacre(['ingest', 'bulk', site.logs, ...site.where])
    // What is renamed between the list of names and its turn cannot be opened: that alone is status 1.
    assert.ok(load.status === 0 || load.status === 1, load.stderr)
  }
  for (const follower of followers) {
    follower.kill('SIGTERM')
    assert.equal(await ended(follower), 143)
  }
  site.check()
})

test('a follower waits while somebody else has the database locked', async (t) => {
  const site = new Site(t)
  const follower = site.follow()
  await site.writeUntilStored()
  const other = new SQLite(join(site.root, 'data', 'nacre.sqlite'))
  other.exec('begin exclusive')
  await site.write(60)
  await delay(3_000)
  other.exec('rollback')
  other.close()
  await site.writeUntilStored()
  follower.kill('SIGTERM')
  assert.equal(await ended(follower), 143)
  site.check()
})

test('a follower without enough memory loses nothing, however it ends', async (t) => {
  const site = new Site(t)
  for (const megabytes of [12, 20, 40]) {
    const follower = site.follow({ NODE_OPTIONS: `--max-old-space-size=${megabytes}` })
    await site.write(60)
    follower.kill('SIGKILL')
    await ended(follower)
  }
  site.check()
})

describe('a disk of its own for the database', { skip: missingMounts() }, () => {
  test('when it is full, the follower waits for room and goes on', async (t) => {
    const disk = mountedFolder(t, '16m')
    const site = new Site(t, { data: disk })
    const follower = site.follow()
    await site.writeUntilStored()
    fill(disk)
    await site.write(40)
    await delay(1_500)
    await site.write(10)
    assert.equal(follower.exitCode, null, 'it is still there')
    rmSync(join(disk, 'ballast'))
    await site.writeUntilStored()
    follower.kill('SIGTERM')
    assert.equal(await ended(follower), 143)
    site.check()
  })

  test('when it becomes read-only, nothing is lost', async (t) => {
    const disk = mountedFolder(t, '64m')
    const site = new Site(t, { data: disk })
    const follower = site.follow()
    await site.writeUntilStored()
    // As after an error of the disk; files that are open for writing keep it from being done in order.
    follower.kill('SIGSTOP')
    const isReadOnly = spawnSync('mount', ['-o', 'remount,ro', disk]).status === 0
    follower.kill('SIGCONT')
    await site.write(40)
    await delay(1_000)
    if (isReadOnly) assert.equal(spawnSync('mount', ['-o', 'remount,rw', disk]).status, 0)
    follower.kill('SIGKILL')
    await ended(follower)
    site.check()
  })
})

test('a follower of a PostgreSQL database is killed and followed by another', {
  skip: missingPostgres,
}, async (t) => {
  const { url, drop } = await freshDatabase()
  t.after(drop)
  const site = new Site(t, { store: url })
  for (let i = 0; i < 3; i += 1) {
    const follower = site.follow()
    await site.write(60)
    follower.kill('SIGKILL')
    await ended(follower)
  }
  site.check()
})

test('a follower survives that its PostgreSQL server is killed and comes back', {
  skip: missingBinaries(),
}, async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const site = new Site(t, { store: await server.createDatabase() })
  const follower = site.follow()
  await site.writeUntilStored()
  for (let i = 0; i < 2; i += 1) {
    await server.killHard()
    await site.write(40)
    await server.restart()
    await site.writeUntilStored()
  }
  follower.kill('SIGTERM')
  assert.equal(await ended(follower), 143)
  site.check()
})

/** A file system in memory, as large as said, that is gone after the test. */
function mountedFolder(t: TestContext, size: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-disk-'))
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'nacre-test', folder])
  assert.equal(done.status, 0, done.stderr.toString())
  t.after(() => {
    spawnSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

function fill(folder: string): void {
  spawnSync('dd', ['if=/dev/zero', `of=${join(folder, 'ballast')}`, 'bs=64k'])
}

function missingMounts(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'mounting takes root on Linux'
  // In a container root may not mount either.
  const probe = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'])
  return probe.status === 0 ? false : 'this machine does not let its root mount'
}
