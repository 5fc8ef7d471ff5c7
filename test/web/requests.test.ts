/** What reaches a route, what leaves the server, and what does neither. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, mock, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { LookupFailed, StoreError } from '../../src/core/errors.ts'
import { formatInstant } from '../../src/core/instant.ts'
import { waitingCounts } from '../../src/store/repo/waiting.ts'
import { html, htmlHref } from '../../src/web/components.ts'
import { FrameSource, recordOf } from '../../src/web/frame-figures.ts'
import type { Asked, Reply, Route } from '../../src/web/route.ts'
import { messagesOf } from '../../src/web/streams.ts'
import { eachEngine, NOW_US } from '../support/engines.ts'
import { event, Lab, lines, withTempFolder } from '../support/loading.ts'
import { personWith, stranger, withDashboard } from '../support/web.ts'

/** A route that answers as a test says. */
function route(path: string, answers: (asked: Asked) => Promise<Reply>, more = {}): Route {
  return { method: 'GET', path, right: 'view', summary: 'Of a test', answers, ...more }
}

const EVIL = '<script>alert(1)</script>\u202e"\'`'

/** A route that gives back what reached it. */
const echo = (path: string, method: 'GET' | 'POST' = 'GET'): Route => ({
  method,
  path,
  right: 'view',
  summary: 'Of a test',
  query: {
    sort: { meaning: 'order', choices: ['up', 'down'], charsMax: 60 },
    id: { meaning: 'a number', pattern: '^\\d{1,4}$', charsMax: 4 },
    text: { meaning: 'any text', charsMax: 20 },
  },
  body: method === 'POST' ? { reason: { meaning: 'why', required: true, charsMax: 50 } } : {},
  params: { name: { meaning: 'a name', pattern: '^[a-z/]+$', charsMax: 10 } },
  answers: async ({ query, body, params }) => ({ kind: 'json', value: { query, body, params } }),
})

describe('a field', () => {
  test('has a pattern that is about the whole of it, in every route', async () => {
    await withDashboard(async ({ routes }) => {
      const specs = routes.flatMap((one) =>
        Object.values({ ...one.params, ...one.query, ...one.body }),
      )
      const patterns = specs.flatMap(({ pattern }) => pattern ?? [])
      assert.ok(patterns.length > 10)
      for (const pattern of patterns) {
        assert.match(pattern, /^\^[\s\S]+\$$/)
        // A choice outside of brackets would leave one side of it open.
        assert.doesNotMatch(pattern.replaceAll(/\([^()]*(?:\([^()]*\)[^()]*)*\)/g, ''), /\|/)
      }
    })
  })

  test('of a path reaches its route as the link to it was made, dots alone too', async () => {
    const named: Route = {
      ...echo('/api/v1/named/:name'),
      params: { name: { meaning: 'any name', charsMax: 40 } },
    }
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        const names = '. .. %2E %2E%2E %252E .%2E ... %2e % a/.. %25'.split(' ')
        for (const name of names) {
          const link = htmlHref(['api', 'v1', 'named', name]).text
          // As a browser reads it: nothing is left out of the path.
          assert.equal(new URL(link, 'http://x.invalid').pathname, link)
          assert.equal((await viewer.get(link)).json().params.name, name, link)
        }
      },
      { routes: [named] },
    )
  })

  test('reaches its route as it was declared, and what was not declared does not', async () => {
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        const page = await viewer.get('/echo/a%2Fb?sort=up&text=%C3%A4&other=1&id=')
        assert.deepEqual(page.json(), {
          query: { sort: 'up', text: 'ä' },
          body: {},
          params: { name: 'a/b' },
        })
        assert.equal((await viewer.get('/api/v1/echo/a?other=1')).statusCode, 400)
        const form = await viewer.post('/echo/a', { reason: 'because', other: '1' })
        assert.deepEqual(form.json().body, { reason: 'because' })
        assert.equal((await viewer.post('/echo/a', { reason: '' })).statusCode, 400)
      },
      { routes: [echo('/echo/:name'), echo('/api/v1/echo/:name'), echo('/echo/:name', 'POST')] },
    )
  })

  test('of another form is refused by name, and its value is quoted harmlessly', async () => {
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        const queries = [
          'sort=sideways',
          'id=1e3',
          'id=12345',
          'id=1%0A',
          'id=1&id=2',
          `text=${'x'.repeat(21)}`,
          'text=%00',
          'sort[]=up&sort=constructor',
          'sort=__proto__',
        ]
        for (const query of queries)
          for (const base of ['/echo/a', '/api/v1/echo/a'])
            assert.equal((await viewer.get(`${base}?${query}`)).statusCode, 400, query)
        const page = await viewer.get(`/echo/a?sort=${encodeURIComponent(EVIL)}`)
        assert.equal(page.statusCode, 400)
        assert.match(page.body, /must be one of up, down/)
        assert.doesNotMatch(page.body, /<script>a/)
        const document = await viewer.get(`/api/v1/echo/a?sort=${encodeURIComponent('<b>\u202e')}`)
        assert.equal(document.json().error.code, 'REQUEST_BAD_FIELD')
        assert.doesNotMatch(document.body, /[<>\u202e]/)
        assert.equal((await viewer.get('/echo/UPPER')).statusCode, 400)
      },
      { routes: [echo('/echo/:name'), echo('/api/v1/echo/:name')] },
    )
  })

  test('named like a part of every object is a name like others', async () => {
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
          const found = await viewer.get(`/api/v1/echo/a?${name}=up`)
          assert.equal(found.statusCode, 400, name)
          const json = await viewer.inject({
            method: 'POST',
            url: '/echo/a',
            headers: { 'content-type': 'application/json', 'x-csrf-token': viewer.csrf },
            payload: `{"reason":"x","${name}":"y"}`,
          })
          assert.ok([200, 400].includes(json.statusCode), name)
        }
      },
      { routes: [echo('/api/v1/echo/:name'), echo('/echo/:name', 'POST')] },
    )
  })
})

describe('a body', () => {
  test('is at most 64 kB, and a form or JSON', async () => {
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        const send = async (type: string, payload: string) =>
          (
            await viewer.inject({
              method: 'POST',
              url: '/echo/a',
              headers: { 'content-type': type, 'x-csrf-token': viewer.csrf },
              payload,
            })
          ).statusCode
        assert.equal(await send('application/json', '{"reason":"x"}'), 200)
        assert.equal(await send('application/json', '{"reason":'), 400)
        assert.equal(await send('application/json', '["reason"]'), 400)
        assert.equal(await send('application/json', '{"reason":["x"]}'), 400)
        assert.equal(await send('application/json', '{"reason":{"a":1}}'), 400)
        assert.equal(await send('application/json', '{"reason":"\\ud800"}'), 400)
        assert.equal(await send('text/plain', 'reason=x'), 415)
        assert.equal(await send('multipart/form-data; boundary=x', '--x--'), 415)
        assert.equal(await send('application/xml', '<a/>'), 415)
        assert.equal(
          await send('application/x-www-form-urlencoded', `reason=${'x'.repeat(65_536)}`),
          413,
        )
        assert.equal(await send('application/x-www-form-urlencoded', 'reason=a&reason=b'), 400)
      },
      { routes: [echo('/echo/:name', 'POST')] },
    )
  })

  test('of somebody who may not ask is not looked at', async () => {
    await withDashboard(
      async (lab) => {
        await lab.person('admin')
        const found = await lab.server.inject({
          method: 'POST',
          url: '/echo/a',
          headers: { host: '127.0.0.1', 'content-type': 'application/json' },
          payload: 'x'.repeat(70_000),
        })
        assert.equal(found.statusCode, 401)
      },
      { routes: [echo('/echo/:name', 'POST')] },
    )
  })
})

describe('an answer', () => {
  test('carries the headers that keep a browser safe, whatever it is', async () => {
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        for (const url of ['/settings', '/nothing', '/broken', '/healthz', '/api', '/sign-in']) {
          const { headers } = await viewer.get(url)
          const policy = String(headers['content-security-policy'])
          assert.match(policy, /default-src 'none'/, url)
          assert.match(policy, /script-src 'self'(?:;|$)/, url)
          assert.match(policy, /frame-ancestors 'none'/, url)
          assert.match(policy, /require-trusted-types-for 'script'/, url)
          assert.match(policy, /report-uri \/csp-report/, url)
          assert.doesNotMatch(policy, /unsafe|http:|\*/, url)
          assert.equal(headers['x-content-type-options'], 'nosniff', url)
          assert.equal(headers['referrer-policy'], 'no-referrer', url)
          assert.equal(headers['cross-origin-opener-policy'], 'same-origin', url)
          assert.equal(headers['cross-origin-resource-policy'], 'same-origin', url)
          assert.equal(headers['cache-control'], 'no-store', url)
          assert.match(String(headers['permissions-policy']), /camera=\(\)/, url)
          assert.equal(headers['strict-transport-security'], undefined, url)
          assert.equal(headers['access-control-allow-origin'], undefined, url)
          assert.equal(headers['server'], undefined, url)
        }
      },
      {
        routes: [
          route('/broken', () => {
            throw new Error('broken')
          }),
        ],
      },
    )
  })

  test('that is a file is saved under a plain name and never run', async () => {
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        for (const [url, name] of [
          ['/file-1', 'report_2026__.csv'],
          ['/file-2', '_.._.._etc_passwd'],
          ['/file-3', 'download'],
        ] as const) {
          const found = await viewer.get(url)
          assert.equal(found.headers['content-disposition'], `attachment; filename="${name}"`)
          assert.equal(found.headers['content-security-policy'], "default-src 'none'; sandbox")
          assert.equal(found.body, 'a,b\n')
        }
      },
      {
        routes: ['report"2026\r\n.csv', '../../../etc/passwd', '...'].map((name, i) =>
          route(`/file-${i + 1}`, async () => ({
            kind: 'file',
            name,
            type: 'text/csv; charset=utf-8',
            content: i === 0 ? Readable.from(['a,b\n']) : Buffer.from('a,b\n'),
          })),
        ),
      },
    )
  })

  test('that leads elsewhere leads to a path of this server, or is a fault', async () => {
    const to = [
      '//evil.example',
      'https://evil.example',
      '/a\r\nSet-Cookie: a=b',
      '/\\evil',
      '/ok?a=b',
    ]
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        for (const [i, where] of to.entries()) {
          const found = await viewer.get(`/to-${i}`)
          assert.equal(found.statusCode, where === '/ok?a=b' ? 303 : 500, where)
          assert.equal(found.headers['set-cookie'], undefined)
        }
      },
      {
        routes: to.map((where, i) =>
          route(`/to-${i}`, async () => ({ kind: 'redirect', to: where })),
        ),
      },
    )
  })

  test('that is JSON holds no character that a page around it could read', async () => {
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        const found = await viewer.get('/api/v1/evil')
        assert.doesNotMatch(found.body, /[<>\u202e]/)
        assert.deepEqual(found.json(), { text: EVIL })
      },
      { routes: [route('/api/v1/evil', async () => ({ kind: 'json', value: { text: EVIL } }))] },
    )
  })
})

describe('a fault', () => {
  const secret = 'secret at /home/someone/keys'
  const routes = ['/broken', '/api/v1/broken'].map((path) =>
    route(path, async () => {
      throw new Error(secret)
    }),
  )

  test('shows an id and nothing else, which the operator finds in one line', async () => {
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        for (const { path } of routes) {
          const found = await viewer.get(path)
          assert.equal(found.statusCode, 500)
          assert.doesNotMatch(found.body, /secret|\.ts\b|Error:|node_modules/)
          const id = /[0-9a-f]{12}/.exec(found.body.replace(/v=[0-9a-f]{12}/g, ''))![0]
          const note = lab.notes.find((one) => one.includes(id))!
          assert.ok(note.includes(`in GET ${path}: Error: ${secret}`))
          assert.doesNotMatch(note, /\n/)
        }
      },
      { routes },
    )
  })

  test('is none where work ends because nobody waits for it', async () => {
    const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>()
    const { promise: isOver, resolve: over } = Promise.withResolvers<void>()
    const slow = route('/slow', async ({ signal }) => {
      asked()
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      setImmediate(over)
      throw signal.reason
    })
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        const address = await lab.server.listen({ host: '127.0.0.1', port: 0 })
        const leaving = new AbortController()
        const { cookie } = viewer
        const left = fetch(`${address}/slow`, { headers: { cookie }, signal: leaving.signal })
        await isAsked
        leaving.abort()
        await assert.rejects(left)
        await isOver
        assert.deepEqual(lab.notes, [])
      },
      { routes: [slow] },
    )
  })

  test('that the program knows has its status and words', async () => {
    const errors = {
      '/lookup': new LookupFailed('LOOKUP_NO_SESSION', 'No session <b>x</b>.', { hint: 'Look.' }),
      '/busy': new StoreError('STORE_BUSY', 'Somebody else was faster.', { hint: 'Again.' }),
      '/gone': new StoreError('STORE_UNREACHABLE', 'The store is away.', { hint: 'Wait.' }),
    }
    await withDashboard(
      async (lab) => {
        const viewer = await lab.person('viewer')
        const found = await viewer.get('/lookup')
        assert.equal(found.statusCode, 404)
        assert.match(found.body, /No session &#60;b&#62;x/)
        assert.equal((await viewer.get('/busy')).statusCode, 503)
        assert.equal((await viewer.get('/gone')).statusCode, 503)
        assert.deepEqual(lab.notes, [])
      },
      {
        routes: Object.entries(errors).map(([path, error]) =>
          route(path, async () => {
            throw error
          }),
        ),
      },
    )
  })
})

describe('rates', () => {
  test('of one address are bounded over ten seconds, and come back', async () => {
    mock.timers.enable({ apis: ['Date'], now: NOW_US / 1_000 })
    try {
      await withDashboard(
        async (lab) => {
          const nobody = personWith(lab.server, '', '', '')
          const ask = async (from: string) =>
            (await nobody.get('/healthz', { 'x-forwarded-for': from })).statusCode
          const statuses = []
          for (let i = 0; i < 22; i += 1) statuses.push(await ask('192.0.2.1'))
          assert.deepEqual(statuses.slice(18), [200, 200, 429, 429])
          assert.equal(await ask('192.0.2.2'), 200)
          const refused = await nobody.get('/nothing', { 'x-forwarded-for': '192.0.2.1' })
          assert.equal(refused.statusCode, 429)
          assert.ok(Number(refused.headers['retry-after']) > 0)
          mock.timers.tick(10_000)
          assert.equal(await ask('192.0.2.1'), 200)
        },
        { options: { requestsPerSecond: 2, trustedProxies: ['127.0.0.1'] } },
      )
    } finally {
      mock.timers.reset()
    }
  })

  test('do not cut off a client that asks two hundred times a second', async () => {
    mock.timers.enable({ apis: ['Date'], now: NOW_US / 1_000 })
    try {
      await withDashboard(
        async (lab) => {
          const nobody = personWith(lab.server, '', '', '')
          for (let second = 0; second < 12; second += 1) {
            for (let i = 0; i < 200; i += 1)
              assert.equal((await nobody.get('/healthz')).statusCode, 200)
            mock.timers.tick(1_000)
          }
        },
        { options: { requestsPerSecond: 200 } },
      )
    } finally {
      mock.timers.reset()
    }
  })
})

describe('assets', () => {
  test('are kept for ever under their version, and have one digest', async () => {
    await withDashboard(async (lab) => {
      const nobody = personWith(lab.server, '', '', '')
      const version = /nacre\.css\?v=([0-9a-f]{12})/.exec((await nobody.get('/invited')).body)![1]!
      const found = await nobody.get(`/assets/nacre.css?v=${version}`)
      assert.equal(found.headers['cache-control'], 'public, max-age=31536000, immutable')
      assert.equal(found.headers['content-type'], 'text/css; charset=utf-8')
      const digest = createHash('sha256').update(found.body).digest('hex').slice(0, 32)
      assert.equal(found.headers.etag, `"${digest}"`)
      const older = await nobody.get('/assets/nacre.css?v=older')
      assert.equal(older.headers['cache-control'], 'no-cache')
      const same = await nobody.get('/assets/nacre.css', { 'if-none-match': `"${digest}"` })
      assert.equal(same.statusCode, 304)
      assert.equal(same.body, '')
      for (const coding of ['br', 'gzip']) {
        const small = await nobody.get('/assets/nacre.css', { 'accept-encoding': coding })
        assert.equal(small.headers['content-encoding'], coding)
        assert.ok(small.rawPayload.length < found.rawPayload.length / 2)
      }
      const plain = await nobody.get('/assets/nacre.css', { 'accept-encoding': 'br;q=0' })
      assert.equal(plain.headers['content-encoding'], undefined)
    })
  })

  test('are those of the program, by name', async () => {
    await withDashboard(async (lab) => {
      const nobody = personWith(lab.server, '', '', '')
      for (const name of ['..%2Fpackage.json', 'NACRE.css', 'nacre.css%00', '__proto__', 'x.js'])
        assert.equal((await nobody.get(`/assets/${name}`)).statusCode, 404, name)
    })
  })
})

describe('monitors', () => {
  test('learn that the process lives and whether the store answers, without a sign-in', async () => {
    await withDashboard(async (lab) => {
      const nobody = personWith(lab.server, '', '', '')
      assert.deepEqual((await nobody.get('/healthz')).json(), { state: 'alive' })
      assert.deepEqual((await nobody.get('/readyz')).json(), { state: 'ready' })
      lab.store.signingKeyIds = async () => {
        throw new Error('postgres://user:password@host is away')
      }
      const away = await nobody.get('/readyz')
      assert.equal(away.statusCode, 503)
      assert.deepEqual(away.json(), { state: 'the store cannot be asked' })
    })
    await withDashboard(
      async (lab) => {
        const found = await personWith(lab.server, '', '', '').get('/readyz')
        assert.equal(found.statusCode, 503)
        assert.deepEqual(found.json(), { state: 'wrong schema' })
      },
      { options: { schemaVersion: 99 } },
    )
  })

  test('read figures by token, with paths as the program writes them', async () => {
    await withDashboard(async (lab) => {
      const anna = await lab.person('viewer', 'anna')
      const { text: token } = await lab.desk.accounts.addToken('anna', {
        user: 'anna',
        name: 'prometheus',
        rights: ['view'],
        days: 1,
      })
      const nobody = personWith(lab.server, '', '', '')
      assert.equal((await nobody.get('/metrics')).statusCode, 401)
      await anna.get('/evil"} 1\n'.replace('\n', '%0a'))
      await anna.get('/settings')
      await nobody.inject({
        method: 'POST',
        url: '/csp-report',
        headers: { 'content-type': 'application/csp-report' },
        payload: '{"csp-report":{"blocked-uri":"evil"}}',
      })
      const found = await nobody.get('/metrics', { authorization: `Bearer ${token}` })
      assert.equal(found.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
      for (const line of [
        'nacre_http_requests_total{method="GET",route="/settings",status="200"} 1',
        'nacre_http_requests_total{method="GET",route="unmatched",status="404"} 1',
        'nacre_http_request_duration_seconds_bucket{route="/settings",le="+Inf"} 1',
        'nacre_csp_reports_total 1',
        'nacre_held_batches 0',
      ])
        assert.ok(found.body.split('\n').includes(line), line)
      assert.doesNotMatch(found.body, /evil/)
      for (const line of found.body.trimEnd().split('\n'))
        assert.match(line, /^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{[^}]*\})? [\d.eE+-]+)$/, line)
    })
  })

  test('of this machine read figures without one, where that is set', async () => {
    await withDashboard(
      async (lab) => {
        const nobody = personWith(lab.server, '', '', '')
        assert.equal((await nobody.get('/metrics')).statusCode, 200)
        const proxied = await nobody.get('/metrics', { 'x-forwarded-for': '192.0.2.1' })
        assert.equal(proxied.statusCode, 401)
      },
      { options: { metricsForLoopback: true, trustedProxies: ['127.0.0.1'] } },
    )
  })

  test('are told of violations in a bounded form', async () => {
    await withDashboard(async (lab) => {
      const nobody = personWith(lab.server, '', '', '')
      const report = async (type: string, payload: string) =>
        (
          await nobody.inject({
            method: 'POST',
            url: '/csp-report',
            headers: { 'content-type': type },
            payload,
          })
        ).statusCode
      assert.equal(await report('application/reports+json', '[{"type":"csp-violation"}]'), 200)
      assert.equal(await report('application/csp-report', 'x'.repeat(70_000)), 413)
    })
  })
})

describe('a page in two pieces', () => {
  const two = (rest: Promise<ReturnType<typeof html>>) =>
    route('/two', async () => ({
      kind: 'page',
      title: 'Two',
      body: html`<p>at once</p>`,
      rest,
    }))

  test('is sent up to what is not made yet, and closed behind it', async () => {
    const rest = Promise.withResolvers<ReturnType<typeof html>>()
    await withDashboard(
      async (lab) => {
        const anna = await lab.person('viewer', 'anna')
        const address = await lab.server.listen({ host: '127.0.0.1', port: 0 })
        const answer = await fetch(`${address}/two`, { headers: { cookie: anna.cookie } })
        const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
        let first = ''
        while (!first.endsWith('<p>at once</p>')) first += (await reader.read()).value ?? '!'
        assert.match(answer.headers.get('content-security-policy') ?? '', /script-src 'self'/)
        rest.resolve(html`<p>${html.own(EVIL)}</p>`)
        let later = ''
        for (let one = await reader.read(); !one.done; one = await reader.read()) later += one.value
        assert.match(later, /^<p>&#60;script&#62;[^<]*<\/p>\n<\/main>[\s\S]*<\/html>\n$/)
      },
      { routes: [two(rest.promise)] },
    )
  })

  test('tells in the place of the second that it could not be made, and the operator why', async () => {
    const rest = Promise.reject(new Error(EVIL))
    rest.catch(() => undefined)
    await withDashboard(
      async (lab) => {
        const page = await (await lab.person('viewer')).get('/two')
        assert.match(page.body, /<p>at once<\/p><section class="card fault"[\s\S]*<\/html>\n$/)
        assert.ok(!page.body.includes('<script>alert'))
        const id = /Id <code>([0-9a-f]{12})<\/code>/.exec(page.body)![1]!
        assert.match(lab.notes.join('\n'), new RegExp(`fault ${id} in GET /two: `))
      },
      { routes: [two(rest)] },
    )
  })

  test('has the head of any page, and who asks for that alone waits for nothing', async () => {
    await withDashboard(
      async (lab) => {
        const anna = await lab.person('viewer')
        const head = await anna.inject({ method: 'HEAD', url: '/two' })
        assert.equal(head.statusCode, 200)
        assert.equal(head.body, '')
      },
      { routes: [two(new Promise(() => {}))] },
    )
  })
})

describe('a live page', () => {
  /** Tells once, then waits for ever, whatever the signal says. */
  const stubborn = route('/api/v1/live', async () => ({
    kind: 'events',
    values: (async function* () {
      yield { text: '</script>\n\ndata: forged' }
      await new Promise(() => {})
    })(),
  }))

  async function open(server: FastifyInstance, cookie: string): Promise<Response> {
    const address = await server.listen({ host: '127.0.0.1', port: 0 })
    return fetch(`${address}/api/v1/live`, { headers: { cookie } })
  }

  test('tells in messages that no value can break out of', async () => {
    const values = (async function* () {
      yield { text: '</script>\n\ndata: forged' }
    })()
    const told = await text(messagesOf(values, new AbortController().signal, 1_000))
    assert.equal(
      told,
      'retry: 3000\n\ndata: {"text":"\\u003c/script\\u003e\\n\\ndata: forged"}\n\n',
    )
  })

  test('gives signs of life while there is nothing to tell', async () => {
    const abort = new AbortController()
    const values = (async function* () {
      await new Promise(() => {})
      yield {}
    })()
    const told: string[] = []
    for await (const message of messagesOf(values, abort.signal, 1)) {
      told.push(message)
      if (told.length === 3) abort.abort()
    }
    assert.deepEqual(told, ['retry: 3000\n\n', ': \n\n', ': \n\n'])
  })

  test('ends when its sign-in ends, and when the server stops', async () => {
    await withDashboard(
      async (lab) => {
        const anna = await lab.person('viewer', 'anna')
        const live = await open(lab.server, anna.cookie)
        assert.equal(live.headers.get('content-type'), 'text/event-stream')
        assert.equal(live.headers.get('cache-control'), 'no-store')
        await anna.post('/sign-out')
        assert.match(await live.text(), /^retry: 3000\n\ndata: \{.+\}\n\n$/)
      },
      { routes: [stubborn] },
    )
    await withDashboard(
      async (lab) => {
        const anna = await lab.person('viewer', 'anna')
        const live = await open(lab.server, anna.cookie)
        await lab.server.close()
        assert.match(await live.text(), /^retry/)
      },
      { routes: [stubborn] },
    )
  })

  test('of a token ends when the token ends', async () => {
    const { promise: isRevoked, resolve: revoked } = Promise.withResolvers<void>()
    const telling = route('/api/v1/live', async () => ({
      kind: 'events',
      values: (async function* () {
        yield { n: 1 }
        await isRevoked
        yield { n: 2 }
      })(),
    }))
    await withDashboard(
      async (lab) => {
        await lab.person('admin', 'anna')
        const { accounts } = lab.desk
        const asked = { user: 'anna', name: 'x', rights: ['view'], days: 1 } as const
        const made = await accounts.addToken('test', asked)
        const address = await lab.server.listen({ host: '127.0.0.1', port: 0 })
        const live = await fetch(`${address}/api/v1/live`, {
          headers: { authorization: `Bearer ${made.text}` },
        })
        assert.equal(live.status, 200)
        await accounts.revokeToken('test', made.token.id)
        revoked()
        assert.doesNotMatch(await live.text(), /"n":2/)
      },
      { routes: [telling] },
    )
  })

  test('ends when its user is kept out', async () => {
    await withDashboard(
      async (lab) => {
        await lab.person('admin')
        const anna = await lab.person('viewer', 'anna')
        const live = await open(lab.server, anna.cookie)
        await lab.desk.accounts.setDisabled('test', 'anna', true)
        assert.match(await live.text(), /^retry/)
      },
      { routes: [stubborn] },
    )
  })

  test('is one of few for each user, and gives its place back', async () => {
    await withDashboard(
      async (lab) => {
        const anna = await lab.person('viewer', 'anna')
        const address = await lab.server.listen({ host: '127.0.0.1', port: 0 })
        const ask = (signal: AbortSignal) =>
          fetch(`${address}/api/v1/live`, { headers: { cookie: anna.cookie }, signal })
        const aborts = Array.from({ length: 9 }, () => new AbortController())
        const statuses = []
        for (const abort of aborts) statuses.push((await ask(abort.signal)).status)
        assert.deepEqual(statuses, [...Array<number>(8).fill(200), 429])
        for (const abort of aborts) abort.abort()
        // The server hears of it when it hears of it.
        for (let status = 429; status === 429; )
          status = (await ask(AbortSignal.timeout(5_000))).status
      },
      { routes: [stubborn] },
    )
  })
})

describe('a connection', () => {
  async function talk(server: FastifyInstance, send: string): Promise<string> {
    await server.listen({ host: '127.0.0.1', port: 0 })
    const { port } = server.server.address() as { port: number } // it listens
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(send)
    return text(socket)
  }

  test('that sends its head too slowly is closed', async () => {
    await withDashboard(
      async (lab) => {
        const answer = await talk(lab.server, 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ')
        assert.match(answer, /^HTTP\/1\.1 408 /)
      },
      { options: { headersMs: 50 } },
    )
  })

  test('that names two hosts, or another in its target, is refused', async () => {
    const ask = (target: string, hosts: string): string =>
      `GET ${target} HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`
    const own = 'Host: 127.0.0.1\r\n'
    for (const [send, status] of [
      [ask('/healthz', own), 200],
      [ask('http://127.0.0.1/healthz', own), 200],
      [ask('/healthz', `${own}Host: evil.example\r\n`), 400],
      [ask('/healthz', `${own}host: 127.0.0.1\r\n`), 400],
      [ask('http://evil.example/healthz', own), 421],
      [ask('https://evil.example/api/v1/sessions', own), 421],
      // A document for programs, whichever way its path is written.
      [ask('http://127.0.0.1/api/v1/sessions', own), 401],
    ] as const)
      await withDashboard(async (lab) => {
        assert.match(await talk(lab.server, send), new RegExp(`^HTTP/1.1 ${status} `), send)
      })
  })

  test('that sends no request is told so like any other, under a policy', async () => {
    await withDashboard(async (lab) => {
      const answer = await talk(lab.server, 'GET / HTTP/1.1\nHost: 127.0.0.1\n\n')
      assert.match(answer, /^HTTP\/1\.1 400 /)
      assert.match(answer, /\r\nContent-Security-Policy: default-src 'none'; sandbox\r\n/)
      assert.match(answer, /\r\nX-Content-Type-Options: nosniff\r\n/)
      assert.equal(JSON.parse(answer.split('\r\n\r\n')[1]!).error.code, 'REQUEST_UNREADABLE')
    })
  })

  test('that sends too large a head, or none that is one, is closed', async () => {
    const heads = {
      431: `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      400: 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX\0: y\r\n\r\n',
    }
    for (const [status, head] of Object.entries(heads))
      await withDashboard(async (lab) => {
        assert.match(await talk(lab.server, head), new RegExp(`^HTTP/1.1 ${status} `))
      })
  })

  test('that names no host is refused', async () => {
    await withDashboard(async (lab) => {
      const answer = await talk(lab.server, 'GET /healthz HTTP/1.0\r\n\r\n')
      assert.match(answer, /^HTTP\/1\.1 421 /)
    })
  })
})

describe('the frame', () => {
  eachEngine((engine) => {
    test('counts what waits for a person', async () => {
      await using lab = await Lab.open(engine)
      const hostile = (n: number) => event({ password: `\u001b]52;c;YQ==\u0007${n}` })
      lab.write('a.json', lines([hostile(1), hostile(2)]))
      lab.write('b.json', `${lines([hostile(3)])}not json\n`)
      await lab.load({ holdHazard: 1 })
      assert.deepEqual(await waitingCounts(lab.store.query), { heldBatches: 2, deadRegions: 1 })
    })
  })

  test('asks the store once in a few seconds, and does without it', async () => {
    await withDashboard(async ({ store, clock, folder }) => {
      let asked = 0
      const counted = {
        get query() {
          asked += 1
          return store.query
        },
      }
      const frame = new FrameSource({
        store: counted as typeof store, // all that it asks for
        clock: () => clock.nowUs,
        statusFolder: folder,
      })
      await Promise.all([frame.figures(), frame.figures()])
      await frame.figures()
      assert.equal(asked, 1)
      clock.advanceS(5)
      await frame.figures()
      assert.equal(asked, 2)
    })
  })

  test('says what the last verification found, and when', async () => {
    await withTempFolder(async (folder) => {
      const status = join(folder, 'status')
      mkdirSync(status)
      const say = (more: object): ReturnType<typeof recordOf> => {
        const base = {
          phase: 'verify',
          last_updated: formatInstant(NOW_US),
          ok: true,
          scope: 'all',
        }
        writeFileSync(join(status, 'verify.json'), JSON.stringify({ ...base, batches: 7, ...more }))
        return recordOf(status)
      }
      assert.equal(recordOf(status).state, 'unchecked')
      assert.deepEqual(say({}), { state: 'verified', words: 'all 7 batches, 2026-06-01 00:00 UTC' })
      assert.deepEqual(say({ scope: '10 % of the batches' }), {
        state: 'verified',
        words: '10 % of the batches, 2026-06-01 00:00 UTC',
      })
      assert.equal(say({ ok: false }).state, 'failed')
      assert.equal(say({ ok: 'yes' }).state, 'unchecked')
      assert.equal(say({ last_updated: '<b>' }).state, 'unchecked')
    })
  })
})

test('a page shows what a form was filled with as text', async () => {
  await withDashboard(
    async (lab) => {
      const found = await (await stranger(lab)).post('/first', {
        code: 'c'.repeat(32),
        name: 'anna',
        password: EVIL,
        again: EVIL,
      })
      assert.doesNotMatch(found.body, /<script>a/)
      const viewer = await lab.person('viewer')
      assert.match((await viewer.get('/evil')).body, /&#60;script&#62;/)
    },
    {
      routes: [
        route('/evil', async () => ({ kind: 'page', title: EVIL, body: html`${html.own(EVIL)}` })),
      ],
    },
  )
})
