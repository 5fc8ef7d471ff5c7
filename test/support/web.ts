/** A dashboard of one test, asked without a network, and people who are signed in to it. */

import { join } from 'node:path'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { SCHEMA_VERSION } from '../../src/store/migrations/index.ts'
import type { Store } from '../../src/store/port.ts'
import type { RoleName, User } from '../../src/web/accounts.ts'
import type { Parts } from '../../src/web/parts.ts'
import type { Route } from '../../src/web/route.ts'
import { createServer, type Dashboard, type ServerOptions } from '../../src/web/server.ts'
import { ENGINES, NOW_US, type TestEngine } from './engines.ts'
import { registry, rules, withTempFolder } from './loading.ts'

export const ORIGIN = 'http://127.0.0.1:8622'
export const PASSWORD = 'mussel opaline tidewater'

/** A clock that a test moves. */
export type TestClock = { nowUs: number; advanceS(seconds: number): void }

export function testClock(): TestClock {
  return {
    nowUs: NOW_US,
    advanceS(seconds) {
      this.nowUs += seconds * 1_000_000
    },
  }
}

/** @param store - opened to write */
export function testParts(
  store: Store,
  data: string,
  clock: () => number = () => NOW_US,
  more: Partial<Parts> = {},
): Parts {
  return {
    store,
    clock,
    rules,
    registry,
    data,
    statusFolder: join(data, 'status'),
    programVersion: 'test',
    settings: [{ name: 'jobs', value: '1', origin: 'default', meaning: 'threads of a load' }],
    groups: {},
    privateKeys: async () => new Map(),
    openAgain: () => Promise.reject(new Error('this test opens its store once')),
    reading: () => Promise.reject(new Error('this test reads no dead letters again')),
    evidence: () => Promise.reject(new Error('this test makes no package')),
    run: async () => ({ stdout: Buffer.alloc(0), stderr: '', status: 0 }),
    ...more,
  }
}

export function testOptions(data: string, more: Partial<ServerOptions> = {}): ServerOptions {
  return {
    accountsFolder: join(data, 'web'),
    idleMs: 3_600_000,
    signInMs: 43_200_000,
    requestsPerSecond: 10_000,
    isOpen: false,
    isSecure: false,
    trustedProxies: [],
    metricsForLoopback: false,
    schemaVersion: SCHEMA_VERSION,
    note: () => {},
    ...more,
  }
}

/** Somebody at a browser, or nobody. */
export type Person = {
  readonly name: string
  readonly cookie: string
  readonly csrf: string
  get(url: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>
  /** Sends a form as a page of the dashboard does. */
  post(
    url: string,
    fields?: Readonly<Record<string, string>>,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>
  inject(options: InjectOptions): Promise<LightMyRequestResponse>
}

/** A server with everybody in it who is asked for. Close it with `server.close()`. */
export async function testDashboard(
  parts: Parts,
  options: ServerOptions,
  more: readonly Route[] = [],
): Promise<Dashboard & { person(role: RoleName, name?: string): Promise<Person> }> {
  const dashboard = await createServer(parts, options, more)
  await dashboard.server.ready()
  return {
    ...dashboard,
    person: async (role, name = role) => signedIn(dashboard, await addUser(dashboard, name, role)),
  }
}

/** A user with the password of the tests. */
export async function addUser(
  { desk }: Pick<Dashboard, 'desk'>,
  name: string,
  role: RoleName,
): Promise<User> {
  const code = await desk.accounts.add('test', name, role)
  return desk.accounts.accept(code, PASSWORD)
}

/** Signed in without the form, which takes its time to look at a password. */
export function signedIn({ server, desk }: Dashboard, user: User): Person {
  const token = desk.signIns.begin(user)
  return personWith(server, user.name, `nacre=${token}`, desk.signIns.find(token)!.csrf)
}

export function personWith(
  server: FastifyInstance,
  name: string,
  cookie: string,
  csrf: string,
): Person {
  const base = { host: new URL(ORIGIN).host, ...(cookie === '' ? {} : { cookie }) }
  const inject = (options: InjectOptions): Promise<LightMyRequestResponse> =>
    server.inject({ ...options, headers: { ...base, ...options.headers } })
  return {
    name,
    cookie,
    csrf,
    inject,
    get: (url, headers = {}) => inject({ method: 'GET', url, headers }),
    post: (url, fields = {}, headers = {}) =>
      inject({
        method: 'POST',
        url,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          origin: ORIGIN,
          ...headers,
        },
        payload: new URLSearchParams({ csrf, ...fields }).toString(),
      }),
  }
}

/** Somebody without a sign-in, whose browser has been given a form. */
export async function stranger({ server }: Pick<Dashboard, 'server'>): Promise<Person> {
  const nobody = personWith(server, '', '', '')
  const page = await nobody.get('/invited')
  const csrf = page.cookies.find((one) => one.name === 'nacre-form')!.value
  return personWith(server, '', `nacre-form=${csrf}`, csrf)
}

/** A store, a folder and a clock that live as long as one test, and a server on them. */
export async function withDashboard(
  work: (lab: WebLab) => Promise<void>,
  more: {
    readonly options?: Partial<ServerOptions>
    readonly parts?: Partial<Parts>
    readonly routes?: readonly Route[]
    readonly engine?: TestEngine
  } = {},
): Promise<void> {
  await withTempFolder(async (folder) => {
    const database = await (more.engine ?? ENGINES[0]!).create(folder)
    const store = await database.open('write')
    const clock = testClock()
    const notes: string[] = []
    const dashboard = await testDashboard(
      testParts(store, folder, () => clock.nowUs, {
        openAgain: () => database.open('write'),
        ...more.parts,
      }),
      testOptions(folder, { note: (sentence) => notes.push(sentence), ...more.options }),
      more.routes,
    )
    try {
      await work({ ...dashboard, store, folder, clock, notes })
    } finally {
      await dashboard.server.close()
      await store.close()
      await database.drop()
    }
  })
}

export type WebLab = Awaited<ReturnType<typeof testDashboard>> & {
  readonly store: Store
  readonly folder: string
  readonly clock: TestClock
  /** What the operator was told. */
  readonly notes: readonly string[]
}

/** Actor, action and subject of the journal, in its order. */
export async function journalOf(store: Store): Promise<string[]> {
  const rows = await store.query
    .selectFrom('audit_log')
    .select(['actor', 'action', 'subject'])
    .orderBy('seq')
    .execute()
  return rows.map((row) => `${row.actor} ${row.action} ${row.subject}`)
}
