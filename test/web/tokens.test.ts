/** Programs: what their tokens let them do, and until when. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import Ajv from 'ajv/dist/2020.js'
import { LIMITS } from '../../src/limits.ts'
import type { Right, Route } from '../../src/web/route.ts'
import { personWith, type WebLab, withDashboard } from '../support/web.ts'
import { OPENAPI_3_1 } from './openapi-structure.ts'

const API_ROUTES: readonly Route[] = (['view', 'review', 'evidence'] as const).flatMap((right) =>
  (['GET', 'POST'] as const).map(
    (method): Route => ({
      method,
      path: `/api/v1/test-${right}/:sensor`,
      right,
      summary: `Needs ${right}`,
      params: { sensor: { meaning: 'name of a sensor', charsMax: 64 } },
      ...(method === 'GET'
        ? {
            query: {
              limit: { meaning: 'how many', pattern: '^\\d{1,3}$', charsMax: 3 },
              sort: { meaning: 'order', choices: ['up', 'down'], required: true, charsMax: 4 },
            },
          }
        : { body: { reason: { meaning: 'why', required: true, charsMax: 200 } } }),
      answer: { type: 'object', properties: { user: { type: 'string' } } },
      answers: async ({ signedIn }) => ({ kind: 'json', value: { user: signedIn.user } }),
    }),
  ),
)

const withApi = (work: (lab: WebLab) => Promise<void>) =>
  withDashboard(work, { routes: API_ROUTES })

async function tokenOf(lab: WebLab, user: string, rights: readonly Right[], days = 1) {
  const { text, token } = await lab.desk.accounts.addToken('test', {
    user,
    name: 'x',
    rights,
    days,
  })
  const ask = (url: string, authorization = `Bearer ${text}`) =>
    personWith(lab.server, '', '', '').get(url, { authorization })
  return { text, token, ask }
}

const VIEW = '/api/v1/test-view/a?sort=up'
const REVIEW = '/api/v1/test-review/a?sort=up'

describe('a token', () => {
  test('ends when its user is to choose another password, and those of others do not', async () => {
    await withApi(async (lab) => {
      const admin = await lab.person('admin', 'anna')
      await lab.person('viewer', 'bert')
      const [anna, bert] = [
        await tokenOf(lab, 'anna', ['view']),
        await tokenOf(lab, 'bert', ['view']),
      ]
      const page = await admin.get('/users')
      assert.match(page.body, /Revoke 1 token and make a link/)
      await lab.desk.accounts.invite('test', 'bert')
      assert.equal((await bert.ask(VIEW)).statusCode, 401)
      assert.equal((await anna.ask(VIEW)).statusCode, 200)
      assert.deepEqual(lab.desk.accounts.tokens('bert'), [])
    })
  })

  test('does what it was made for, for its user', async () => {
    await withApi(async (lab) => {
      await lab.person('admin', 'anna')
      const { ask, text } = await tokenOf(lab, 'anna', ['view'])
      assert.deepEqual((await ask(VIEW)).json(), { user: 'anna' })
      const refused = await ask(REVIEW)
      assert.equal(refused.statusCode, 403)
      assert.equal(refused.json().error.code, 'REQUEST_NO_RIGHT')
      assert.equal((await ask(VIEW, `bearer ${text}`)).statusCode, 200)
    })
  })

  test('may change something without the token of a form: no browser sends it by itself', async () => {
    await withApi(async (lab) => {
      await lab.person('admin', 'anna')
      const { text } = await tokenOf(lab, 'anna', ['review'])
      const found = await lab.server.inject({
        method: 'POST',
        url: '/api/v1/test-review/a',
        headers: {
          host: '127.0.0.1',
          authorization: `Bearer ${text}`,
          'content-type': 'application/json',
        },
        payload: '{"reason":"because"}',
      })
      assert.deepEqual(found.json(), { user: 'anna' })
    })
  })

  test('is one of so many of its user, so that others have room', async () => {
    await withApi(async (lab) => {
      await lab.person('admin', 'anna')
      await lab.person('viewer', 'bob')
      for (let i = 0; i < LIMITS.webTokensOfUserMax; i += 1) await tokenOf(lab, 'bob', ['view'])
      await assert.rejects(tokenOf(lab, 'bob', ['view']), { code: 'ACCOUNT_FULL' })
      await tokenOf(lab, 'anna', ['view'])
    })
  })

  test('never may more than its user may now', async () => {
    await withApi(async (lab) => {
      await lab.person('admin')
      await lab.person('analyst', 'bert')
      const { ask } = await tokenOf(lab, 'bert', ['view', 'review', 'evidence'])
      assert.equal((await ask(REVIEW)).statusCode, 200)
      assert.equal((await ask('/api/v1/test-evidence/a?sort=up')).statusCode, 403)
      await lab.desk.accounts.setRole('test', 'bert', 'viewer')
      assert.equal((await ask(REVIEW)).statusCode, 403)
      await lab.desk.accounts.setDisabled('test', 'bert', true)
      assert.equal((await ask(VIEW)).statusCode, 401)
      await lab.desk.accounts.setDisabled('test', 'bert', false)
      assert.equal((await ask(VIEW)).statusCode, 200)
      await lab.desk.accounts.remove('test', 'bert')
      assert.equal((await ask(VIEW)).statusCode, 401)
    })
  })

  test('ends when it is revoked, and when its days are over', async () => {
    await withApi(async (lab) => {
      await lab.person('admin', 'anna')
      const one = await tokenOf(lab, 'anna', ['view'], 2)
      const other = await tokenOf(lab, 'anna', ['view'], 2)
      await lab.desk.accounts.revokeToken('test', one.token.id)
      assert.equal((await one.ask(VIEW)).statusCode, 401)
      lab.clock.advanceS(2 * 86_400 - 1)
      assert.equal((await other.ask(VIEW)).statusCode, 200)
      lab.clock.advanceS(1)
      assert.equal((await other.ask(VIEW)).statusCode, 401)
    })
  })

  test('that is not right is refused, whatever else is sent', async () => {
    await withApi(async (lab) => {
      const anna = await lab.person('admin', 'anna')
      const { text } = await tokenOf(lab, 'anna', ['view'])
      const wrong = [
        '',
        'Bearer',
        'Bearer x',
        `Basic ${text}`,
        `Bearer ${text}x`,
        `Bearer ${text.slice(0, -1)}`,
        `Bearer ${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`,
        `Bearer nacre_000000000000_${text.slice(-43)}`,
        `Bearer ${text} ${text}`,
      ]
      for (const authorization of wrong) {
        const found = await anna.get(VIEW, { authorization })
        assert.equal(found.statusCode, 401, authorization)
        assert.equal(found.headers['www-authenticate'], 'Bearer')
        assert.equal(found.json().error.code, 'REQUEST_NO_SIGN_IN')
      }
    })
  })

  test('opens no page: it cannot become a sign-in, a user or another token', async () => {
    await withApi(async (lab) => {
      await lab.person('admin', 'anna')
      const { ask } = await tokenOf(lab, 'anna', ['view', 'admin'])
      for (const url of ['/', '/users', '/tokens', '/settings', '/api'])
        assert.equal((await ask(url)).statusCode, 303, url)
    })
  })

  test('is made on its page with rights that one has, and shown once', async () => {
    await withApi(async (lab) => {
      await lab.person('admin')
      const anna = await lab.person('viewer', 'anna')
      const bert = await lab.person('analyst', 'bert')
      const fields = { name: '<b>prometheus', days: '30', 'right-view': 'yes' }
      const made = await anna.post('/tokens', fields)
      const text = /nacre_[0-9a-f]{12}_[\w-]{43}/.exec(made.body)![0]
      assert.doesNotMatch(made.body, /<b>prom/)
      assert.ok(!(await anna.get('/tokens')).body.includes(text))
      assert.equal(
        (await anna.post('/tokens', { ...fields, 'right-admin': 'yes' })).statusCode,
        403,
      )
      assert.equal((await anna.post('/tokens', { ...fields, days: '367' })).statusCode, 400)
      assert.equal((await anna.post('/tokens', { name: 'x', days: '1' })).statusCode, 400)
      const { id } = lab.desk.accounts.tokens('anna')[0]!
      assert.doesNotMatch((await bert.get('/tokens')).body, new RegExp(id))
      assert.equal((await bert.post(`/tokens/${id}/revoke`)).statusCode, 404)
      assert.equal((await anna.post(`/tokens/${id}/revoke`)).statusCode, 303)
      assert.deepEqual(lab.desk.accounts.tokens(), [])
    })
  })
})

describe('the OpenAPI document', () => {
  type Operation = {
    readonly operationId: string
    readonly parameters?: readonly { readonly name: string; readonly in: string }[]
    readonly requestBody?: { readonly content: Readonly<Record<string, { schema: object }>> }
    readonly responses: Readonly<
      Record<string, { content: Readonly<Record<string, { schema: object }>> }>
    >
  }
  type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> }

  test('has the structure of OpenAPI 3.1, and schemas that are ones', async () => {
    await withApi(async (lab) => {
      const viewer = await lab.person('viewer')
      const document: Document = (await viewer.get('/api/v1/openapi.json')).json()
      const ajv = new Ajv.Ajv2020({ strict: false, allErrors: true })
      const fits = ajv.validate(OPENAPI_3_1, document)
      assert.ok(fits, ajv.errorsText())
      const operations = Object.values(document.paths).flatMap((one) => Object.values(one))
      for (const { operationId, responses, requestBody } of operations)
        for (const { content } of [...Object.values(responses), requestBody ?? { content: {} }])
          for (const { schema } of Object.values(content))
            assert.ok(ajv.validateSchema(schema), operationId)
      const ids = operations.map(({ operationId }) => operationId)
      assert.equal(new Set(ids).size, ids.length)
    })
  })

  test('would not fit, were it another document', () => {
    const ajv = new Ajv.Ajv2020({ strict: false })
    const info = { title: 'x', version: '1' }
    for (const document of [
      {},
      { openapi: '3.0.0', info, paths: {} },
      { openapi: '3.1.0', info, paths: { x: {} } },
      { openapi: '3.1.0', info, paths: { '/x': { get: {} } } },
      { openapi: '3.1.0', info, paths: { '/x': { get: { responses: { 99: {} } } } } },
    ])
      assert.equal(ajv.validate(OPENAPI_3_1, document), false, JSON.stringify(document))
  })

  test('has every route of the API, with all its fields, and no other', async () => {
    await withApi(async (lab) => {
      const viewer = await lab.person('viewer')
      const document: Document = (await viewer.get('/api/v1/openapi.json')).json()
      const api = lab.routes.filter((route) => route.path.startsWith('/api/v1/'))
      const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      )
      assert.deepEqual(
        listed.sort(),
        api.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`).sort(),
      )
      for (const route of api) {
        const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
        const operation = document.paths[path]![route.method.toLowerCase()]!
        const named = operation.parameters?.map((one) => one.name) ?? []
        assert.deepEqual(named, Object.keys({ ...route.params, ...route.query }), route.path)
        // Each part of a path is described, or a client cannot be made of it.
        for (const [, name] of path.matchAll(/\{(\w+)\}/g)) assert.ok(named.includes(name!), path)
      }
      const page = await viewer.get('/api')
      for (const route of api) assert.ok(page.body.includes(`${route.method} ${route.path}`))
    })
  })
})
