/** `nacre ingest delta` as a process: what it prints, writes beside the store, and tells the service manager. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { NACRE, nacre, nacreJson, temporaryFolder } from '../support/cli.ts'
import { events, lines } from '../support/loading.ts'

type Status = Readonly<Record<string, unknown>> & {
  readonly metrics: Readonly<Record<string, number>>
  readonly loader: { readonly state: string; readonly code: string | null }
  readonly sources: readonly Readonly<Record<string, unknown>>[]
}

/** A follower as a process; ended with the test. */
async function follower(
  t: TestContext,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) {
  const child = spawn(NACRE, ['ingest', 'delta', ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  let result = ''
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString()
  })
  child.stdout.on('data', (text: Buffer) => {
    result += text.toString()
  })
  const ended = once(child, 'exit')
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    said: () => said,
    result: () => result,
    async stop(signal: NodeJS.Signals = 'SIGTERM') {
      child.kill(signal)
      const [code] = await ended
      return code as number | null
    },
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 600; i += 1) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail(`not within half a minute: ${what}`)
}

function statusOf(data: string, name = 'delta.json'): Status | undefined {
  const path = join(data, 'status', name)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Status) : undefined
}

const stored = (data: string): number =>
  nacreJson<{ readonly events: number }>(['db', 'stats', '--data', data]).events

test('lines are stored as they are written, and a stopped follower says what it did', async (t) => {
  const folder = temporaryFolder(t)
  const logs = join(folder, 'logs')
  const data = join(folder, 'data')
  mkdirSync(logs)
  writeFileSync(join(logs, 'cowrie.json'), lines(events(20)))
  const running = await follower(t, [logs, '--data', data, '--json'])
  await until('the first lines are told', () => statusOf(data)?.metrics['events_inserted'] === 20)
  appendFileSync(join(logs, 'cowrie.json'), lines(events(30).slice(20)))
  await until('the next lines are told', () => statusOf(data)?.metrics['events_inserted'] === 30)
  assert.equal(stored(data), 30)
  const status = statusOf(data)!
  for (const key of ['phase', 'ingest_id', 'last_updated', 'metrics', 'checkpoint', 'dead_letter'])
    assert.ok(key in status, key)
  assert.equal(status['phase'], 'delta')
  assert.equal(status.loader.state, 'running')
  assert.deepEqual(Object.keys(statusOf(data, 'status.json')!['phases'] as object), ['delta'])
  const known = nacreJson<{
    readonly sources: readonly { readonly following: { readonly lagBytes: number } | null }[]
    readonly loaders: readonly { readonly phase: string; readonly state: string }[]
  }>(['status', '--data', data])
  assert.equal(known.sources[0]!.following?.lagBytes, 0)
  assert.deepEqual(
    known.loaders.map(({ phase, state }) => [phase, state]),
    [['delta', 'running']],
  )
  assert.equal(await running.stop(), 143)
  const report = JSON.parse(running.result()) as {
    readonly balanced: boolean
    readonly totals: { readonly stored: number; readonly pendingBytes: number }
  }
  assert.equal(report.totals.stored, 30)
  assert.equal(report.totals.pendingBytes, 0)
  assert.equal(report.balanced, true)
  assert.equal(statusOf(data)!.loader.state, 'stopped')
  assert.equal(nacreJson<{ readonly ok: boolean }>(['verify', '--data', data]).ok, true)
})

test('a store that cannot be written is waited for, and the follower goes on when it can', async (t) => {
  const folder = temporaryFolder(t)
  const logs = join(folder, 'logs')
  const data = join(folder, 'data')
  mkdirSync(logs)
  nacre(['init', '--data', data])
  const { default: SQLite } = await import('better-sqlite3')
  const lock = new SQLite(join(data, 'nacre.sqlite'))
  const running = await follower(t, [logs, '--data', data])
  await until('it follows', () => running.said().includes('Following'))
  lock.exec('begin exclusive')
  writeFileSync(join(logs, 'cowrie.json'), lines(events(10)))
  await until('it waits', () => statusOf(data)?.loader.state === 'waiting')
  assert.equal(statusOf(data)!.loader.code, 'STORE_BUSY')
  lock.exec('commit')
  lock.close()
  await until('all is stored', () => statusOf(data)?.metrics['events_inserted'] === 10)
  assert.match(running.said(), /Waiting: .*STORE_BUSY[\s\S]*Going on\./)
  assert.equal(await running.stop('SIGINT'), 130)
})

test('what was rotated away from a named file between two runs is loaded; what lay there before is not', (t) => {
  const folder = temporaryFolder(t)
  const data = join(folder, 'data')
  const log = join(folder, 'cowrie.json')
  const all = events(60)
  const part = (from: number, to: number) => lines(all.slice(from, to))
  const once = () => nacre(['ingest', 'delta', '--once', log, '--data', data, '--json'])
  writeFileSync(`${log}.2026-01-01`, part(0, 10))
  const past = new Date(Date.now() - 86_400_000)
  utimesSync(`${log}.2026-01-01`, past, past)
  writeFileSync(log, part(10, 20))
  once()
  assert.equal(stored(data), 10)
  // More lines, then two rotations: one file was begun and rotated away without ever being seen.
  appendFileSync(log, part(20, 30))
  renameSync(log, `${log}.2`)
  writeFileSync(`${log}.1.gz`, gzipSync(part(30, 45)))
  writeFileSync(log, part(45, 60))
  once()
  assert.equal(stored(data), 50)
})

test('options that only make sense for one run are refused without it', (t) => {
  const folder = temporaryFolder(t)
  for (const args of [['--dry-run', folder], ['-']]) {
    const { status, stderr } = nacre(['ingest', 'delta', ...args, '--data', join(folder, 'data')])
    assert.equal(status, 2)
    assert.match(stderr, /--once|Standard input/)
  }
})

test('the service manager is told that it is ready, alive and ending', async (t) => {
  const folder = temporaryFolder(t)
  const logs = join(folder, 'logs')
  const tools = join(folder, 'bin')
  const told = join(folder, 'told')
  for (const path of [logs, tools, told]) mkdirSync(path)
  // Stands for the program of systemd: notes each call in a file of its own.
  const stub = join(tools, 'systemd-notify')
  writeFileSync(stub, `#!/bin/sh\nprintf '%s\\n' "$*" > "${told}/$$"\n`)
  chmodSync(stub, 0o755)
  const calls = (): string =>
    readdirSync(told)
      .map((name) => readFileSync(join(told, name), 'utf8'))
      .join('')
  const running = await follower(t, [logs, '--data', join(folder, 'data')], {
    PATH: `${tools}:${process.env['PATH']}`,
    NOTIFY_SOCKET: join(folder, 'socket'),
    WATCHDOG_USEC: '400000',
  })
  await until('it says that it is ready', () => calls().includes('--ready'))
  await until('it gives signs of life', () => calls().split('WATCHDOG=1').length > 2)
  assert.equal(await running.stop(), 143)
  await until('it says that it ends', () => calls().includes('STOPPING=1'))
})
