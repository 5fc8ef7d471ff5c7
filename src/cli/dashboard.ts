/** Wires the dashboard: parts, settings, accounts. */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { ServeSettings } from '../config/settings.ts'
import { ServeError, StoreError } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'
import { terminal } from '../output/encode/terminal.ts'
import { Accounts, type OneTimeCode } from '../web/accounts.ts'
import type { ServerOptions } from '../web/desk.ts'
import type { Parts } from '../web/parts.ts'
import type { App, Store } from './app.ts'
import { exportOptions } from './evidence-export.ts'
import { runSelf } from './run-self.ts'

/** Where the file of accounts is. */
export function accountsFolder(app: App): string {
  return join(app.settings.data, 'web')
}

/** The accounts, for commands that change them. */
export function openAccounts(app: App, store: Pick<Store, 'journal'>): Accounts {
  return new Accounts(accountsFolder(app), app.clock, (draft) => store.journal(draft))
}

/** The store for a server: made where there is none, so that the first start works without a log. */
export async function openServedStore(app: App): Promise<Store> {
  try {
    return await app.openStore('write')
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'STORE_NOT_FOUND') throw error
  }
  const fresh = await app.openStore('create')
  try {
    await app.prepare(fresh)
    // Who meant another one sees by it that the name was a slip.
    app.out.note(
      terminal`There was no store yet: made an empty one, ${terminal.own(fresh.place)}. If you meant another, name its folder with --data.`,
    )
  } finally {
    await fresh.close()
  }
  return app.openStore('write')
}

export async function partsOf(app: App, store: Parts['store']): Promise<Parts> {
  const { SETTINGS, withoutPassword } = await import('../config/settings.ts')
  return {
    store,
    clock: app.clock,
    rules: await app.ruleSet(),
    registry: await app.registry(),
    data: app.settings.data,
    statusFolder: app.settings.statusFolder,
    programVersion: app.programVersion,
    settings: app.settings.all.map((setting) => ({
      name: setting.name,
      value: withoutPath(setting.name, String(withoutPassword(setting.value))),
      origin: setting.place === '' ? setting.origin : `${setting.origin} ${setting.place}`,
      meaning: SETTINGS.find((spec) => spec.name === setting.name)!.meaning,
    })),
    groups: app.settings.groups,
    privateKeys: () => app.privateKeys(),
    openAgain: () => app.openStore('write', { writerWaitMs: LIMITS.webWriterWaitMs }),
    async reading(again, needs) {
      const { makeStages } = await import('../pipeline/stages.ts')
      const signingKey = await app.prepare(again)
      return { stages: await makeStages(await app.stagesPlan(again, needs)), signingKey }
    },
    evidence: (again, who) => exportOptions(app, again, who),
    // The URL of a store may hold a password.
    run: (args, signal) =>
      runSelf(args, { NACRE_DATA: app.settings.data, NACRE_STORE: app.settings.store }, signal),
  }
}

/** The address of a webhook is a secret as a whole: who knows it may post to it. */
function withoutPath(name: string, value: string): string {
  return name === 'alerts.webhook' && URL.canParse(value) && value.startsWith('http')
    ? `${new URL(value).origin}/(withheld)`
    : value
}

export async function serverOptions(
  app: App,
  mayBePlain: boolean,
  firstCode: OneTimeCode | undefined,
): Promise<ServerOptions> {
  const { serve } = app.settings
  const { SCHEMA_VERSION } = await import('../store/migrations/index.ts')
  const isOpen = !isLoopback(serve.host)
  const tls = readTls(serve)
  if (isOpen && tls === undefined && !mayBePlain)
    throw new ServeError(
      'SERVE_NO_TLS',
      `${serve.host} can be reached from a network, and passwords would cross it unencrypted.`,
      {
        hint: 'Name a certificate (serve.tls_cert, serve.tls_key), or leave the address alone and put a reverse proxy before it (docs/dashboard.md). --insecure-plain-http does it all the same.',
      },
    )
  const isSecure = tls !== undefined || serve.origin.startsWith('https:')
  return {
    accountsFolder: accountsFolder(app),
    firstCode,
    idleMs: serve.idleMinutes * 60_000,
    signInMs: serve.signInHours * 3_600_000,
    requestsPerSecond: serve.requestsPerSecond,
    origin: serve.origin === '' ? undefined : serve.origin,
    host: serve.host,
    isOpen,
    tls,
    isSecure,
    trustedProxies: serve.trustedProxies,
    // Behind a proxy whose word is not taken everyone seems to be of this machine.
    metricsForLoopback:
      serve.metrics === 'loopback' && (serve.origin === '' || serve.trustedProxies.length > 0),
    schemaVersion: SCHEMA_VERSION,
    note: (sentence) => app.out.note(terminal`nacre serve: ${terminal.own(sentence)}`),
  }
}

/** The address for links, as far as it is known before the server listens. */
export function originOf(serve: ServeSettings, port = serve.port): string {
  if (serve.origin !== '') return serve.origin
  const scheme = serve.tlsCert === '' ? 'http' : 'https'
  const isAny = serve.host === '0.0.0.0' || serve.host === '::'
  const host = isAny ? 'localhost' : isIP(serve.host) === 6 ? `[${serve.host}]` : serve.host
  return `${scheme}://${host}:${port}`
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** @throws ServeError `SERVE_BAD_TLS` */
export function readTls(
  serve: ServeSettings,
): { readonly cert: Buffer; readonly key: Buffer } | undefined {
  if (serve.tlsCert === '' && serve.tlsKey === '') return undefined
  if (serve.tlsCert === '' || serve.tlsKey === '')
    throw badTls('Of certificate and key only one is named.')
  return { cert: readPem(serve.tlsCert), key: readPem(serve.tlsKey) }
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw badTls(`${path} cannot be read.`, cause)
  }
}

export function badTls(message: string, cause?: unknown): ServeError {
  return new ServeError('SERVE_BAD_TLS', message, {
    hint: 'serve.tls_cert names the PEM file of the certificate and those it rests on, serve.tls_key that of its private key; this user must be able to read both.',
    cause,
  })
}
