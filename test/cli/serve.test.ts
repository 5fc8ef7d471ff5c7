/** The command: where it listens, how it ends, and the commands for users and tokens beside it. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { NACRE, nacre, nacreJson, temporaryFolder } from '../support/cli.ts'

type Served = {
  readonly child: ChildProcess
  readonly origin: string
  /** All that it said until now. */
  said(): string
  /** Ends it. @returns its exit status */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts a server and waits for what it says, until it listens or ends. */
async function serve(
  t: { after(work: () => void): void },
  args: readonly string[],
): Promise<Served> {
  const child = spawn(NACRE, ['serve', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit') as Promise<[number | null]>
  let said = ''
  const origin = await new Promise<string>((resolve) => {
    child.stderr!.on('data', (data: Buffer) => {
      said += data.toString()
      const found = /The dashboard is at (\S+)\n/.exec(said)
      if (found !== null) resolve(found[1]!)
    })
    child.once('exit', () => resolve(''))
  })
  return {
    child,
    origin,
    said: () => said,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      return (await ended)[0]
    },
  }
}

describe('nacre serve', () => {
  test('starts with nothing, prints a link for the first user, and ends as a signal says', async (t) => {
    const data = join(temporaryFolder(t), 'data')
    const served = await serve(t, ['--data', data])
    assert.match(served.origin, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.deepEqual(await (await fetch(`${served.origin}/healthz`)).json(), { state: 'alive' })
    assert.deepEqual(await (await fetch(`${served.origin}/readyz`)).json(), { state: 'ready' })
    const link = new RegExp(`${served.origin}/first#([\\w-]{32})\\n`)
    assert.match(served.said(), link)
    const made = `made an empty one, ${join(data, 'nacre.sqlite')}. If you meant another`
    assert.ok(served.said().includes(made), served.said())
    assert.equal(await served.stop(), 143)
    const again = await serve(t, ['--data', data])
    assert.notEqual(link.exec(served.said())![1], /first#([\w-]{32})/.exec(again.said())![1])
    assert.ok(!again.said().includes('made an empty one'))
    assert.equal(await again.stop('SIGINT'), 130)
  })

  test('lets the first user in, who is told of no link any more', async (t) => {
    const data = join(temporaryFolder(t), 'data')
    const served = await serve(t, ['--data', data])
    const page = await fetch(`${served.origin}/first`)
    const cookie = page.headers.get('set-cookie')!.split(';')[0]!
    const password = 'mussel opaline tidewater'
    const done = await fetch(`${served.origin}/first`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie, origin: served.origin },
      body: new URLSearchParams({
        csrf: cookie.split('=')[1]!,
        code: /first#([\w-]{32})/.exec(served.said())![1]!,
        name: 'anna',
        password,
        again: password,
      }),
    })
    assert.equal(done.status, 303)
    const session = done.headers.get('set-cookie')!.split(';')[0]!
    const users = await fetch(`${served.origin}/users`, { headers: { cookie: session } })
    assert.match(await users.text(), /anna/)
    await served.stop()
    const again = await serve(t, ['--data', data])
    assert.doesNotMatch(again.said(), /first#/)
    await again.stop()
    assert.equal(statSync(join(data, 'web', 'accounts.json')).mode & 0o777, 0o600)
  })

  test('says so where the port is taken', async (t) => {
    const folder = temporaryFolder(t)
    const first = await serve(t, ['--data', join(folder, 'a')])
    const port = new URL(first.origin).port
    const second = nacre(['serve', '--port', port, '--data', join(folder, 'b')])
    assert.equal(second.status, 1)
    assert.match(second.stderr, /127\.0\.0\.1 port \d+ already.+\n.+\n {2}\(SERVE_PORT_TAKEN\)/)
    await first.stop()
  })

  test('does not listen to a network without TLS, unless it is told to', async (t) => {
    const data = join(temporaryFolder(t), 'data')
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org']) {
      const refused = nacre(['serve', '--host', host, '--data', data])
      assert.equal(refused.status, 1, host)
      assert.match(refused.stderr, /SERVE_NO_TLS/, host)
    }
    const away = nacre(['serve', '--host', '192.0.2.1', '--insecure-plain-http', '--data', data])
    assert.match(away.stderr, /SERVE_CANNOT_LISTEN/)
  })

  test('refuses an origin, a port and a certificate that are none', (t) => {
    const data = join(temporaryFolder(t), 'data')
    for (const origin of ['nacre.example', 'ftp://a', 'https://a/b', 'https://a:b@c'])
      assert.match(nacre(['serve', '--origin', origin, '--data', data]).stderr, /CONFIG_BAD_VALUE/)
    assert.equal(nacre(['serve', '--port', '70000', '--data', data]).status, 2)
    const pem = join(data, 'none.pem')
    const tls = nacre(['serve', '--tls-cert', pem, '--tls-key', pem, '--data', data])
    assert.match(tls.stderr, /SERVE_BAD_TLS/)
    assert.match(nacre(['serve', '--tls-cert', pem, '--data', data]).stderr, /SERVE_BAD_TLS/)
  })

  test('speaks TLS with a certificate, and marks its cookies so', async (t) => {
    const folder = temporaryFolder(t)
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    try {
      execFileSync('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'],
      ])
    } catch {
      return t.skip('no openssl is here')
    }
    const served = await serve(t, [
      ...['--data', join(folder, 'data'), '--tls-cert', cert, '--tls-key', key],
    ])
    assert.match(served.origin, /^https:/)
    const answer = await new Promise<{ headers: NodeJS.Dict<string | string[]>; body: string }>(
      (resolve, reject) =>
        request(`${served.origin}/first`, { rejectUnauthorized: false }, async (response) =>
          resolve({ headers: response.headers, body: await text(response) }),
        )
          .on('error', reject)
          .end(),
    )
    assert.match(String(answer.headers['set-cookie']), /^__Host-nacre-form=.+; Secure;/)
    assert.match(String(answer.headers['strict-transport-security']), /max-age/)
    const wrong = nacre(['serve', '--tls-cert', key, '--tls-key', cert, '--data', folder])
    assert.match(wrong.stderr, /SERVE_BAD_TLS/)
    await served.stop()
  })
})

describe('nacre users and tokens', () => {
  test('make, change and take away, and the journal says who did', (t) => {
    const data = join(temporaryFolder(t), 'data')
    const where = ['--data', data]
    const added = nacreJson<{ link: string }>(['users', 'add', 'anna', '--role', 'admin', ...where])
    assert.match(added.link, /^http:\/\/127\.0\.0\.1:8622\/invited#[\w-]{32}$/)
    assert.match(nacre(['users', 'add', 'bert', ...where]).stdout, /\/invited#/)
    nacreJson(['users', 'role', 'bert', '--role', 'analyst', ...where])
    nacreJson(['users', 'disable', 'bert', ...where])
    const { users } = nacreJson<{ users: Record<string, unknown>[] }>(['users', 'list', ...where])
    assert.deepEqual(
      users.map((one) => [one['name'], one['role'], one['state']]),
      [
        ['anna', 'admin', 'invited'],
        ['bert', 'analyst', 'disabled'],
      ],
    )
    nacreJson(['users', 'enable', 'bert', ...where])
    const again = nacreJson<{ link: string }>(['users', 'invite', 'bert', ...where])
    assert.notEqual(again.link, added.link)
    const made = nacreJson<{ id: string; token: string }>([
      ...['tokens', 'add', 'prometheus', '--user', 'bert', '--rights', 'view,export', ...where],
    ])
    assert.match(made.token, /^nacre_[0-9a-f]{12}_[\w-]{43}$/)
    const listed = nacreJson<{ tokens: Record<string, unknown>[] }>(['tokens', 'list', ...where])
    assert.deepEqual(listed.tokens[0]!['rights'], ['view', 'export'])
    assert.match(nacre(['tokens', 'list', ...where]).stdout, /prometheus/)
    nacreJson(['tokens', 'revoke', made.id, ...where])
    nacreJson(['users', 'remove', 'bert', ...where])
    const verdict = nacreJson<{ ok: boolean }>(['verify', ...where])
    assert.equal(verdict.ok, true)
    assert.ok(existsSync(join(data, 'status', 'verify.json')))
  })

  test('refuse what does not fit, and say what does', (t) => {
    const where = ['--data', join(temporaryFolder(t), 'data')]
    nacreJson(['users', 'add', 'anna', '--role', 'admin', ...where])
    for (const [args, code, status] of [
      [['users', 'add', 'anna'], 'ACCOUNT_TAKEN', 1],
      [['users', 'add', 'Anna Smith'], 'ACCOUNT_BAD_NAME', 1],
      [['users', 'add', 'bert', '--role', 'king'], 'USAGE_BAD_OPTION', 2],
      [['users', 'role', 'anna'], 'USAGE_BAD_OPTION', 2],
      [['users', 'remove', 'anna'], 'ACCOUNT_LAST_ADMIN', 1],
      [['users', 'invite', 'nobody'], 'ACCOUNT_UNKNOWN', 1],
      [['tokens', 'add', 'x'], 'USAGE_BAD_OPTION', 2],
      [['tokens', 'add', 'x', '--user', 'nobody'], 'ACCOUNT_UNKNOWN', 1],
      [['tokens', 'add', 'x', '--user', 'anna', '--rights', 'all'], 'USAGE_BAD_OPTION', 2],
      [['tokens', 'revoke', '0123456789ab'], 'ACCOUNT_UNKNOWN_TOKEN', 1],
    ] as const) {
      const done = nacre([...args, ...where])
      assert.equal(done.status, status, args.join(' '))
      assert.match(done.stderr, new RegExp(code), args.join(' '))
    }
  })
})
