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
import { verifyStore } from '../../src/pipeline/verify.ts'
import { loadSigningKey, newSigningKey } from '../../src/seal/chain.ts'
import { MIGRATIONS, SCHEMA_VERSION } from '../../src/store/migrations/index.ts'
import type { ArtifactRecord, FileRecord, Store } from '../../src/store/port.ts'
import { type FingerprintRow, fingerprint } from '../../src/store/repo/stats.ts'
import type { Pages } from '../../src/store/verify-port.ts'
import { eachEngine, NOW_US, type TestEngine } from '../support/engines.ts'
import { event, events, type Fields, Lab, line, lines, registry } from '../support/loading.ts'

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
  const verdict = await verifyStore(lab.store.reads(), {
    registry,
    knownMigrations: MIGRATIONS,
    progress: () => {},
  })
  assert.equal(verdict.ok, true, JSON.stringify(verdict))
}

/** Saves files as a load does: in a transaction of a writer. */
async function save(store: Store, files: readonly FileRecord[]): Promise<void> {
  const writer = store.writer({
    schemaVersion: registry.version,
    ruleSet: 'none',
    programVersion: 'test',
    schemaFiles: registry.entries.map(({ file, digest }) => ({ file, digest })),
  })
  await writer.begin()
  for (const file of files) await writer.saveFile(file)
  await writer.commit()
  await writer.close()
}

const FILE: FileRecord = {
  path: "/var/log/o'hara \\ \"ü\" 日\t.json",
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

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#answers = createInterface(child.stdout!)[Symbol.asyncIterator]()
  }

  static async open(url: string): Promise<Neighbour> {
    const support = new URL('../support/engines.ts', import.meta.url).href
    const script = `
      const { ENGINES } = await import(${JSON.stringify(support)})
      const { createInterface } = await import('node:readline')
      const url = ${JSON.stringify(url)}
      const store = await ENGINES.find((one) => url.startsWith(one.name)).openAt(url, 'write')
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
    await once(this.#child, 'exit')
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
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
