/** Every route, asked by everybody: nothing answers whom it does not know, and nobody may more than their role says. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ROLE_NAMES, ROLES } from '../../src/web/accounts.ts'
import { isForPrograms } from '../../src/web/guard.ts'
import type { Right, Route } from '../../src/web/route.ts'
import { type Person, personWith, stranger, type WebLab, withDashboard } from '../support/web.ts'

/** An address of a route; what its parts hold does not matter to the guard. */
function urlOf({ path }: Pick<Route, 'path'>): string {
  return path.replaceAll(/:\w+/g, 'x')
}

/** Asks a route as its pages do. A live page would not end, so what only is looked at is asked without its content. */
function ask(person: Person, route: Route, method: 'GET' | 'HEAD' = 'HEAD') {
  return route.method === 'POST'
    ? person.post(urlOf(route))
    : person.inject({ method, url: urlOf(route) })
}

const isRefusal = (body: string): boolean => /REQUEST_NO_(?:RIGHT|SIGN_IN)/.test(body)

test('every route is there, and each says what right it needs', async () => {
  await withDashboard(async ({ routes }) => {
    assert.ok(routes.length > 20)
    const keys = routes.map(({ method, path }) => `${method} ${path}`)
    assert.equal(new Set(keys).size, keys.length)
    // Whoever adds to this list opens something to the world.
    assert.deepEqual(keys.filter((_, i) => routes[i]!.right === 'public').sort(), [
      'GET /first',
      'GET /healthz',
      'GET /invited',
      'GET /readyz',
      'GET /sign-in',
      'POST /csp-report',
      'POST /first',
      'POST /invited',
      'POST /sign-in',
      'POST /sign-out',
    ])
  })
})

describe('every route', () => {
  test('refuses whoever is not signed in', async () => {
    await withDashboard(async (lab) => {
      await lab.person('admin')
      const nobody = await stranger(lab)
      for (const route of lab.routes.filter((one) => one.right !== 'public')) {
        const found = await ask(nobody, route, 'GET')
        const what = `${route.method} ${route.path}`
        if (route.method === 'GET' && !isForPrograms(route.path)) {
          assert.equal(found.statusCode, 303, what)
          assert.match(String(found.headers.location), /^\/sign-in(?:\?next=|$)/, what)
        } else {
          assert.equal(found.statusCode, 401, what)
        }
      }
    })
  })

  for (const role of ROLE_NAMES) {
    test(`answers ${role} where its right is among those of the role, and nowhere else`, async () => {
      await withDashboard(async (lab) => {
        const rights = new Set<Right>(ROLES[role])
        await lab.person('admin', 'other-admin')
        let person = await lab.person(role)
        for (const route of lab.routes) {
          const what = `${role} ${route.method} ${route.path}`
          if (route.right !== 'public' && !rights.has(route.right)) {
            const found = await ask(person, route, 'GET')
            assert.equal(found.statusCode, 403, what)
            assert.match(found.body, /REQUEST_NO_RIGHT/, what)
          } else {
            const found = await ask(person, route)
            assert.ok(found.statusCode !== 401 && !isRefusal(found.body), what)
            if (route.method === 'GET') assert.notEqual(found.statusCode, 403, what)
          }
          if (route.path === '/sign-out') person = await lab.person(role, `${role}-again`)
        }
      })
    })
  }

  test('takes the methods that it is declared with, and names them to others', async () => {
    await withDashboard(async (lab) => {
      const admin = await lab.person('admin')
      for (const path of new Set(lab.routes.map((route) => route.path))) {
        const taken = lab.routes.filter((route) => route.path === path).map((one) => one.method)
        for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
          if (taken.includes(method as 'POST')) continue
          const found = await admin.inject({ method, url: urlOf({ path }) })
          assert.equal(found.statusCode, 405, `${method} ${path}`)
          const allowed = taken.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one]))
          assert.equal(found.headers.allow, allowed.sort().join(', '), `${method} ${path}`)
        }
      }
    })
  })

  test('is reached by its own path alone: not by slashes, case, dots or encodings of it', async () => {
    await withDashboard(async (lab) => {
      await lab.person('admin')
      const nobody = await stranger(lab)
      for (const route of lab.routes.filter((one) => one.right !== 'public')) {
        const url = urlOf(route)
        const twisted = [
          `${url}/`,
          `/${url}`,
          `//127.0.0.1${url}`,
          `//evil.example${url}`,
          `/.${url}`,
          `/sign-in/..${url}`,
          `/healthz/..${url}`,
          `/%2e%2e${url}`,
          url.replaceAll('/', '%2f'),
          `/healthz%2f..${url}`,
          `${url};.css`,
          `${url}%00`,
          `${url}%0d%0a`,
          `${url}?_method=GET`,
          url.toUpperCase(),
          `/assets/..${url}`,
        ]
        for (const one of twisted) {
          for (const method of ['GET', 'POST', 'HEAD'] as const) {
            const found = await nobody.inject({ method, url: one })
            assert.ok(
              [303, 400, 401, 404, 405].includes(found.statusCode),
              `${method} ${one} is answered with ${found.statusCode}`,
            )
            if (found.statusCode === 303)
              assert.match(String(found.headers.location), /^\/sign-in(?:\?next=|$)/)
          }
        }
      }
    })
  })

  test('that changes something asks for the token of its form', async () => {
    await withDashboard(async (lab) => {
      const admin = await lab.person('admin')
      const other = await lab.person('admin', 'other')
      const forms = lab.routes.filter(
        (route) => route.method === 'POST' && route.path !== '/csp-report',
      )
      assert.ok(forms.length > 10)
      for (const route of forms) {
        const wrong: Record<string, string>[] = [
          { csrf: '' },
          { csrf: 'wrong' },
          { csrf: other.csrf },
          { csrf: `${admin.csrf} ` },
        ]
        for (const fields of wrong) {
          const found = await admin.post(urlOf(route), fields)
          assert.equal(found.statusCode, 403, `${route.path} ${fields['csrf']}`)
          assert.match(found.body, /REQUEST_FORGED/)
        }
      }
    })
  })
})

describe('a form', () => {
  const forged = (lab: WebLab, person: Person, headers: Record<string, string>) =>
    person.post('/users', { name: 'mallory', role: 'admin' }, headers).then((found) => {
      assert.equal(lab.desk.accounts.user('mallory'), undefined, JSON.stringify(headers))
      return found.statusCode
    })

  test('of another site is refused, even with the right token', async () => {
    await withDashboard(async (lab) => {
      const admin = await lab.person('admin')
      for (const headers of [
        { origin: 'http://evil.example' },
        { origin: 'https://127.0.0.1:8622' },
        { origin: 'http://127.0.0.1:8623' },
        { origin: 'http://127.0.0.1:8622.evil.example' },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { origin: 'null', 'sec-fetch-site': 'cross-site' },
      ])
        assert.equal(await forged(lab, admin, headers), 403, JSON.stringify(headers))
    })
  })

  test('of a page without a referrer is taken where the browser says that it is ours', async () => {
    await withDashboard(async (lab) => {
      const admin = await lab.person('admin')
      const headers = { origin: 'null', 'sec-fetch-site': 'same-origin' }
      const found = await admin.post('/users', { name: 'bert', role: 'viewer' }, headers)
      assert.equal(found.statusCode, 200)
    })
  })

  test('is taken under the origin of a reverse proxy, when that is set', async () => {
    const options = { origin: 'https://nacre.example', isSecure: true }
    await withDashboard(
      async (lab) => {
        const admin = await lab.person('admin')
        const cookie = admin.cookie.replace('nacre=', '__Host-nacre=')
        const proxied = personWith(lab.server, 'admin', cookie, admin.csrf)
        const headers = { origin: 'https://nacre.example', host: 'nacre.example' }
        const found = await proxied.post('/users', { name: 'bert', role: 'viewer' }, headers)
        assert.equal(found.statusCode, 200)
        assert.match(found.body, /https:&#47;&#47;nacre|https:\/\/nacre\.example\/invited#/)
        const other = { ...headers, origin: 'https://evil.example' }
        assert.equal(await forged(lab, proxied, other), 403)
      },
      { options },
    )
  })

  test('may be JSON, with the token as a header', async () => {
    await withDashboard(async (lab) => {
      const admin = await lab.person('admin')
      const send = (headers: Record<string, string>) =>
        admin.inject({
          method: 'POST',
          url: '/users',
          headers: { 'content-type': 'application/json', ...headers },
          payload: '{"name":"bert","role":"viewer"}',
        })
      assert.equal((await send({})).statusCode, 403)
      assert.equal((await send({ 'x-csrf-token': admin.csrf })).statusCode, 200)
    })
  })
})

describe('the name that is asked for', () => {
  const statusOf = async (lab: WebLab, host: string): Promise<number> =>
    (await lab.server.inject({ method: 'GET', url: '/healthz', headers: { host } })).statusCode

  test('must be one of this machine, or the one that is set', async () => {
    await withDashboard(
      async (lab) => {
        for (const host of [
          '127.0.0.1:8622',
          'localhost',
          'LOCALHOST:1',
          '[::1]:8622',
          'nacre.example',
        ])
          assert.equal(await statusOf(lab, host), 200, host)
        for (const host of [
          'evil.example',
          'nacre.example.evil.example',
          'localhost.evil.example',
          '127.0.0.1.evil.example',
          '192.0.2.1',
          'localhost evil.example',
          'localhost@evil.example',
          'localhost:99999999',
        ])
          assert.equal(await statusOf(lab, host), 421, host)
      },
      { options: { origin: 'https://nacre.example' } },
    )
  })

  test('may be an address without a name where it listens to a network', async () => {
    await withDashboard(
      async (lab) => {
        assert.equal(await statusOf(lab, '192.0.2.1:8622'), 200)
        assert.equal(await statusOf(lab, '[2001:db8::1]'), 200)
        assert.equal(await statusOf(lab, 'evil.example'), 421)
      },
      { options: { isOpen: true } },
    )
  })

  test('that is not ours gets nothing of who is signed in', async () => {
    await withDashboard(async (lab) => {
      const admin = await lab.person('admin')
      const found = await admin.get('/users', { host: 'evil.example' })
      assert.equal(found.statusCode, 421)
      assert.doesNotMatch(found.body, /csrf|Sign out/)
    })
  })
})
