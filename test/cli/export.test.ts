/** Exports as a user types them, and the process without network that writes them. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { watch } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { NACRE, nacre, nacreJson, ROOT, temporaryFolder } from '../support/cli.ts'
import { eachEngine } from '../support/engines.ts'
import { event, lines, withTempFolder } from '../support/loading.ts'

const GUARD = join(ROOT, 'dist', 'cli', 'isolation', 'guard.js')

/** Events of several sensors, some of them at one instant. */
function someEvents(): readonly ReturnType<typeof event>[] {
  return Array.from({ length: 60 }, (_, i) => {
    const isCommand = i % 3 === 0
    return event({
      eventid: isCommand ? 'cowrie.command.input' : 'cowrie.login.failed',
      ...(isCommand ? { input: `=cmd|${i}`, message: `CMD: ${i}` } : { password: `pw-${i}` }),
      sensor: ['zeta', 'alpha', 'Ünal'][i % 3],
      session: `0000000000${String(i % 4).padStart(2, '0')}`,
      src_ip: i % 2 === 0 ? '198.51.100.7' : '198.51.100.8',
      timestamp: `2026-05-01T10:00:${String(Math.floor(i / 10)).padStart(2, '0')}.000000Z`,
      ...(i % 7 === 0 ? { session: undefined } : {}),
    })
  })
}

function rows(stdout: string): readonly Readonly<Record<string, unknown>>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

const bytes = new Map<string, string>()

eachEngine((engine) => {
  test('the same bytes come out, whatever the engine and the order of loading', async () => {
    await withTempFolder(async (folder) => {
      const all = someEvents()
      for (const [name, order] of [
        ['forwards', all],
        ['backwards', [...all].reverse()],
      ] as const) {
        const database = await engine.create(join(folder))
        const store = engine.name === 'sqlite' ? `sqlite:${folder}/${name}.sqlite` : database.url
        try {
          const where = ['--data', join(folder, name), '--store', store]
          writeFileSync(join(folder, 'cowrie.json'), lines(order))
          nacreJson(['ingest', 'bulk', join(folder, 'cowrie.json'), ...where])
          for (const what of ['events', 'sessions', 'commands', 'credentials', 'files'])
            for (const format of ['csv', 'jsonl']) {
              const done = nacre(['export', format, '--what', what, ...where])
              assert.equal(done.status, 0, done.stderr)
              const key = `${format} ${what}`
              bytes.set(key, bytes.get(key) ?? done.stdout)
              assert.equal(done.stdout, bytes.get(key), `${engine.name} ${name} ${key}`)
            }
          const events = rows(nacre(['export', 'jsonl', ...where]).stdout)
          assert.equal(events.length, 60)
          const keys = events.map((one) =>
            [one['time'], one['sensor'], one['session'] ?? '', one['digest']].join(' '),
          )
          const byBytes = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          assert.deepEqual(keys, byBytes)
        } finally {
          await database.drop()
        }
      }
    })
  })
})

describe('an export', () => {
  function loaded(t: { after(work: () => void): void }, count?: number): string {
    const folder = temporaryFolder(t)
    const file = join(folder, 'cowrie.json')
    writeFileSync(
      file,
      count === undefined
        ? lines(someEvents())
        : lines(
            Array.from({ length: count }, (_, i) =>
              event({ password: `p${i}`, session: `s${i % 50}`, data: 'x'.repeat(400) }),
            ),
          ),
    )
    nacreJson(['ingest', 'bulk', file, '--data', join(folder, 'data')])
    return join(folder, 'data')
  }

  test('holds what its filters say', (t) => {
    const data = loaded(t)
    const count = (...args: string[]): number => {
      const { stdout } = nacre(['export', 'jsonl', '--data', data, ...args])
      return stdout === '' ? 0 : rows(stdout).length
    }
    assert.equal(count('--what', 'commands'), 20)
    assert.equal(count('--what', 'credentials', '--sensor', 'alpha'), 20)
    assert.equal(count('--eventid', 'cowrie.login.failed', '--eventid', 'cowrie.log.open'), 40)
    assert.equal(count('--eventid', 'cowrie.log.open', '--what', 'commands'), 0)
    assert.equal(count('--since', '2026-05-01T10:00:02Z', '--until', '2026-05-01T10:00:04Z'), 20)
    assert.equal(count('--limit', '7'), 7)
    assert.equal(count('--session', 'absent'), 0)
    assert.equal(count('--ip', '203.0.113.9'), 0)
    assert.ok(count('--ip', '198.51.100[.]7') > 0)
    assert.equal(nacre(['export', 'csv', '--since', 'soon', '--data', data]).status, 2)
  })

  test('leaves out what is withheld', (t) => {
    const folder = temporaryFolder(t)
    const file = join(folder, 'cowrie.json')
    writeFileSync(join(folder, 'nacre.toml'), '[review]\nhold_hazard = 1\n')
    const hostile = event({ input: '\u001b]0;x\u0007\u001b[31m', eventid: 'cowrie.command.input' })
    writeFileSync(file, lines([event(), hostile]))
    nacreJson(['ingest', 'bulk', file, '--data', folder], [4])
    const events = rows(nacre(['export', 'jsonl', '--data', folder]).stdout)
    assert.deepEqual(
      events.map((one) => one['eventid']),
      ['cowrie.login.failed'],
    )
  })

  test("goes into a new file of its owner's, and says its level in each row", (t) => {
    const data = loaded(t)
    const file = join(data, 'out.csv')
    const args = ['export', 'csv', '--redact', 'public', '--output', file, '--data', data]
    assert.equal(nacre(args).status, 0)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const written = readFileSync(file, 'utf8').trimEnd().split('\r\n')
    assert.equal(written.length, 61)
    assert.match(written[0]!, /^\ufeff"time",.*"redaction"$/)
    for (const line of written.slice(1)) assert.match(line, /,"public"$/)
    assert.equal(nacre(args).status, 2)
    assert.equal(nacre([...args, '--force']).status, 0)
    assert.equal(readFileSync(file, 'utf8').trimEnd().split('\r\n').length, 61)
  })

  test('a signal ends it at a row, and its status says which', async (t) => {
    const data = loaded(t, 40_000)
    for (const [signal, status] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const child = spawn(NACRE, ['export', 'jsonl', '--data', data], {
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const ended = once(child, 'exit')
      // Nothing is read until the signal is sent: the pipe is full and the rest waits.
      await once(child.stdout, 'readable')
      child.kill(signal)
      const got = await text(child.stdout)
      assert.deepEqual(await ended, [status, null])
      assert.ok(got.endsWith('\n'))
      const whole = rows(got)
      assert.ok(whole.length > 0 && whole.length < 40_000, String(whole.length))
    }
  })

  test('a file has its name when it is whole, or when a signal ended it at a row; never after a kill', async (t) => {
    const data = loaded(t, 40_000)
    const folder = temporaryFolder(t)
    const written = (): readonly string[] => readdirSync(folder).sort()
    const begun = async (name: string) => {
      const args = ['export', 'jsonl', '--output', join(folder, name), '--data', data]
      const child = spawn(NACRE, args, { stdio: 'ignore' })
      // Until there is something of it.
      for await (const _ of watch(folder, { signal: AbortSignal.timeout(60_000) }))
        if (readdirSync(folder).some((one) => one.startsWith(`${name}.`))) break
      return { child, ended: once(child, 'exit') }
    }
    const killed = await begun('killed')
    killed.child.kill('SIGKILL')
    await killed.ended
    // Where the machine was so quick that it was done, it is whole.
    if (written().includes('killed'))
      assert.equal(rows(readFileSync(join(folder, 'killed'), 'utf8')).length, 40_000)
    const stopped = await begun('stopped')
    stopped.child.kill('SIGTERM')
    assert.ok([143, 0].includes((await stopped.ended)[0]))
    assert.ok(written().includes('stopped'))
    assert.ok(!written().some((name) => name.startsWith('stopped.')), written().join())
    const text = readFileSync(join(folder, 'stopped'), 'utf8')
    assert.ok(text === '' || text.endsWith('\n'))
  })

  test('a reader that goes away ends it without a word', (t) => {
    const data = loaded(t, 40_000)
    const done = spawnSync('sh', ['-c', `"${NACRE}" export jsonl --data "${data}" | head -n 1`])
    assert.equal(done.status, 0)
    assert.equal(done.stdout.toString().trimEnd().split('\n').length, 1)
    assert.equal(done.stderr.toString(), '')
  })
})

describe('the process without network', () => {
  /** Runs a script behind the guard and the permission model, as an export is run. @returns what it printed */
  async function behindGuard(script: string, allowed: readonly object[] = []): Promise<string> {
    const child = spawn(
      process.execPath,
      [
        '--permission',
        '--allow-fs-read=*',
        `--import=${GUARD}`,
        '--input-type=module',
        '-e',
        script,
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, NACRE_ISOLATION_ALLOWED: JSON.stringify(allowed) },
      },
    )
    const said = await text(child.stdout)
    child.stdin.destroy()
    return said
  }

  test('opens no connection, asks for no name and starts no program, by whichever door', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { readonly port: number }
    let connections = 0
    server.on('connection', () => {
      connections += 1
    })
    const doors = {
      net: `(await import('node:net')).connect(${port}, '127.0.0.1')`,
      named: `import('node:net').then(({ createConnection }) => createConnection({ port: ${port} }))`,
      socket: `new (await import('node:net')).Socket().connect({ host: '127.0.0.1', port: ${port} })`,
      unix: `(await import('node:net')).connect('/tmp/nacre-absent.sock')`,
      tls: `(await import('node:tls')).connect(${port}, '127.0.0.1')`,
      http: `(await import('node:http')).get('http://127.0.0.1:${port}')`,
      http2: `(await import('node:http2')).connect('http://127.0.0.1:${port}')`,
      fetch: `fetch('http://127.0.0.1:${port}')`,
      websocket: `new WebSocket('ws://127.0.0.1:${port}')`,
      dns: `(await import('node:dns')).lookup('localhost', () => {})`,
      promises: `(await import('node:dns/promises')).resolve4('localhost')`,
      resolver: `new (await import('node:dns')).Resolver()`,
      dgram: `(await import('node:dgram')).createSocket('udp4')`,
      listen: `(await import('node:net')).createServer().listen(0)`,
      spawn: `(await import('node:child_process')).spawn('true')`,
      worker: `new (await import('node:worker_threads')).Worker('1', { eval: true })`,
      binding: `process.binding('tcp_wrap')`,
    }
    const script = Object.entries(doors)
      .map(
        ([name, code]) =>
          `try { await (${code}); console.log('${name} open') } catch (error) { console.log('${name} shut', error.code ?? error.message) }`,
      )
      .join('\n')
    const said = await behindGuard(script)
    server.close()
    assert.deepEqual(
      said
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ').slice(0, 2).join(' ')),
      Object.keys(doors).map((name) => `${name} shut`),
      said,
    )
    assert.equal(connections, 0)
  })

  test('reaches the one address that it was given', async () => {
    const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { readonly port: number }
    const script = (to: number): string =>
      `try { (await import('node:net')).connect(${to}, '127.0.0.1').on('data', (data) => console.log(String(data))).on('error', () => {}) } catch (error) { console.log(error.code) }`
    const allowed = [{ host: '127.0.0.1', port }]
    assert.equal(await behindGuard(script(port), allowed), 'hello\n')
    assert.equal(await behindGuard(script(port + 1), allowed), 'ERR_NACRE_ISOLATED\n')
    server.close()
  })

  test('writes to its result alone', async (t) => {
    const folder = temporaryFolder(t)
    const said = await behindGuard(
      `try { (await import('node:fs')).writeFileSync('${folder}/x', '') ; console.log('open') } catch (error) { console.log(error.code) }`,
    )
    assert.equal(said, 'ERR_ACCESS_DENIED\n')
  })
})
