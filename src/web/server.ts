/** The HTTP server of the dashboard: every route through one guard, every answer through one place. */
import { randomBytes } from 'node:crypto'
import {
  createServer as createHttp,
  type ServerOptions as HttpOptions,
  type Server,
  STATUS_CODES,
} from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import cookies from '@fastify/cookie'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { RequestError } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'
import { escapeJson } from '../output/encode/json.ts'
import { type Assets, codedFor, readAssets } from './assets.ts'
import { html } from './components.ts'
import { boundConnections } from './connections.ts'
import { createDesk, type Desk, type ServerOptions } from './desk.ts'
import {
  type Failure,
  failureDocument,
  failureOf,
  failurePage,
  failureTitle,
  refusal,
} from './faults.ts'
import { readFields } from './fields.ts'
import { FrameSource } from './frame-figures.ts'
import {
  type Asker,
  askerOf,
  checkForm,
  checkHost,
  checkRight,
  cookieName,
  formCookieName,
  isForPrograms,
  localPath,
  NOBODY,
  pathOf,
} from './guard.ts'
import { type Frame, layout, layoutBehind, layoutUpTo } from './layout.ts'
import { API } from './openapi.ts'
import type { Parts } from './parts.ts'
import type { FieldSpec, Html, Reply, Route } from './route.ts'
import { accountRoutes } from './routes/accounts.ts'
import { apiRoutes } from './routes/api.ts'
import { ROUTES } from './routes/index.ts'
import { operationRoutes } from './routes/operations.ts'
import { settingsRoutes } from './routes/settings.ts'
import { messagesOf, Streams } from './streams.ts'

export type { Desk, ServerOptions } from './desk.ts'

const ASSET_FOLDERS = [
  new URL('../../assets/', import.meta.url),
  new URL('../../dist/web/client/', import.meta.url),
]

/** Methods that some path takes; the others of HTTP are refused by the framework. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

const NOTHING_RUNS = "default-src 'none'; sandbox"

/** Errors of the parser of HTTP that say more than that it cannot be read. */
const UNREAD: Readonly<Record<string, readonly [number, RequestError['code']]>> = {
  HPE_HEADER_OVERFLOW: [431, 'REQUEST_TOO_LARGE'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'REQUEST_UNREADABLE'],
}

/** How close one is to the bound is nobody's business; when to come again is told. */
const QUIET = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
} as const

/** What answering needs; one for a server. */
type House = {
  readonly parts: Parts
  readonly options: ServerOptions
  readonly desk: Desk
  readonly assets: Assets
  readonly frame: FrameSource
  readonly streams: Streams
  /** Ends what is live when the server stops. */
  readonly closing: AbortController
  /** The start of the request before: see `startInTurn`. */
  started: Promise<void>
  /** Who asks, from the guard on. */
  readonly askers: WeakMap<FastifyRequest, Asker>
}

export type Dashboard = {
  readonly server: FastifyInstance
  /** What its accounts are kept with, and who is signed in. */
  readonly desk: Desk
  /** All routes that it answers. */
  readonly routes: readonly Route[]
}

/** @param more - routes beside those of the program, for tests */
export async function createServer(
  parts: Parts,
  options: ServerOptions,
  more: readonly Route[] = [],
): Promise<Dashboard> {
  const desk = createDesk(parts, options)
  const house: House = {
    parts,
    options,
    desk,
    assets: readAssets(ASSET_FOLDERS),
    frame: new FrameSource(parts),
    streams: new Streams(),
    closing: new AbortController(),
    started: Promise.resolve(),
    askers: new WeakMap(),
  }
  const server = fastify({
    logger: false,
    bodyLimit: LIMITS.webBodyBytesMax,
    routerOptions: { maxParamLength: LIMITS.webPathPartCharsMax },
    trustProxy: options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    forceCloseConnections: 'idle',
    serverFactory: (handler) => httpServer(options, handler),
    clientErrorHandler: refuseUnread,
    frameworkErrors: (error, _, reply) => {
      // Before any hook: an address that cannot be decoded.
      const failure = failureOf(error, newId)
      const plain = reply as unknown as FastifyReply // the same, without the types of a route
      void sendJson(
        plain
          .code(failure.status)
          .header('Content-Security-Policy', NOTHING_RUNS)
          .header('X-Content-Type-Options', 'nosniff'),
        failureDocument(failure),
      )
    },
  })
  await protect(server, house)
  takeBodies(server)
  serveAssets(server, house)
  const own = [
    ...ROUTES,
    ...settingsRoutes,
    ...accountRoutes(desk),
    ...operationRoutes(desk, options, house),
    ...more,
  ]
  const routes = [...own, ...apiRoutes(own)]
  for (const route of routes) register(server, route, house)
  refuseOtherMethods(server, routes)
  server.setNotFoundHandler({ preHandler: server.rateLimit() }, () => {
    throw refusal('REQUEST_NOT_FOUND')
  })
  server.setErrorHandler((error, request, reply) => fail(error, request, reply, house))
  sweep(server, house)
  return { server, desk, routes }
}

function httpServer(options: ServerOptions, handler: Parameters<typeof createHttp>[1]): Server {
  const limits: HttpOptions = {
    maxHeaderSize: LIMITS.webHeaderBytesMax,
    headersTimeout: options.headersMs ?? LIMITS.webHeadersMsMax,
    requestTimeout: LIMITS.webRequestMsMax,
    keepAliveTimeout: LIMITS.webKeepAliveMs,
    connectionsCheckingInterval: Math.min(1_000, options.headersMs ?? 1_000),
  }
  const server =
    options.tls === undefined
      ? createHttp(limits, handler)
      : createHttps({ ...limits, ...options.tls, minVersion: 'TLSv1.2' }, handler)
  server.maxConnections = LIMITS.webConnectionsMax
  // All come from the proxy where there is one; it knows who sends how many.
  if (options.trustedProxies.length === 0)
    boundConnections(
      server,
      options.connections ?? {
        ofAddress: LIMITS.webConnectionsOfAddressMax,
        ofLoopback: LIMITS.webConnectionsOfLoopbackMax,
      },
    )
  server.setTimeout(LIMITS.webSilenceMsMax)
  return server
}

/** What is no request, too large for one or too slow: in words like every other refusal, and the connection ends. */
function refuseUnread(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code !== 'ECONNRESET' && socket.writable) {
    const [status, code] = UNREAD[error.code ?? ''] ?? ([400, 'REQUEST_UNREADABLE'] as const)
    const body = JSON.stringify(failureDocument(failureOf(refusal(code), newId)))
    socket.write(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Content-Type: application/json; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(body)}`,
        `Content-Security-Policy: ${NOTHING_RUNS}`,
        'X-Content-Type-Options: nosniff',
        'Cache-Control: no-store',
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    )
  }
  socket.destroySoon()
}

/** Headers, rates and the checks that no request passes by, also those that no route answers. */
async function protect(server: FastifyInstance, house: House): Promise<void> {
  const { options, desk } = house
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched'
    desk.metrics.answered(request.method, route, reply.statusCode, reply.elapsedTime / 1_000)
  })
  await server.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ["'none'"],
        reportUri: ['/csp-report'],
        reportTo: 'csp',
      },
    },
    crossOriginEmbedderPolicy: false,
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: options.isSecure ? { maxAge: 31_536_000 } : false,
    xFrameOptions: { action: 'deny' },
  })
  server.addHook('onRequest', async (request, reply) => {
    reply.header('Cache-Control', 'no-store')
    reply.header('Reporting-Endpoints', 'csp="/csp-report"')
    reply.header(
      'Permissions-Policy',
      'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
    )
    checkHost(request, options)
  })
  await server.register(rateLimit, {
    max: options.requestsPerSecond * LIMITS.webRateWindowS,
    timeWindow: LIMITS.webRateWindowS * 1_000,
    cache: LIMITS.webAddressesMax,
    addHeaders: QUIET,
    addHeadersOnExceeding: QUIET,
    errorResponseBuilder: () => refusal('REQUEST_TOO_MANY'),
  })
  await server.register(cookies)
}

/** Forms and JSON; nothing else is read. */
function takeBodies(server: FastifyInstance): void {
  server.removeContentTypeParser('text/plain')
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_, body, done) => done(null, formOf(String(body))),
  )
  // Reports of browsers: counted and not read.
  server.addContentTypeParser(
    ['application/csp-report', 'application/reports+json'],
    { parseAs: 'string' },
    (_request, _body, done) => done(null, {}),
  )
}

/** Names and values; a name that comes twice has a list, which no field takes. */
function formOf(body: string): Record<string, string | string[]> {
  const found = new Map<string, string | string[]>()
  for (const [name, value] of new URLSearchParams(body)) {
    const before = found.get(name)
    found.set(name, before === undefined ? value : [before, value].flat())
  }
  return Object.fromEntries(found)
}

function serveAssets(server: FastifyInstance, { assets }: House): void {
  server.get('/assets/:name', async (request, reply) => {
    const { name } = request.params as { readonly name: string } // the path has it
    const { v } = request.query as { readonly v?: unknown }
    const asset = assets.byName.get(name)
    if (asset === undefined) throw refusal('REQUEST_NOT_FOUND')
    reply
      .header('ETag', asset.etag)
      .header('Vary', 'Accept-Encoding')
      .header(
        'Cache-Control',
        v === assets.version ? 'public, max-age=31536000, immutable' : 'no-cache',
      )
    if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send()
    const { coding, content } = codedFor(asset, request.headers['accept-encoding'])
    if (coding !== undefined) reply.header('Content-Encoding', coding)
    return reply.type(asset.type).send(content)
  })
}

function register(server: FastifyInstance, route: Route, house: House): void {
  const { options, desk, askers } = house
  server.route({
    method: route.method,
    url: route.path,
    // Before the body is read: whoever may not ask sends nothing.
    preParsing: async (request, reply) => {
      const asker = askerOf(request, desk, options)
      askers.set(request, asker)
      if (
        route.right !== 'public' &&
        asker.signIn === undefined &&
        !asker.isToken &&
        request.method === 'GET' &&
        !isForPrograms(pathOf(request.url))
      ) {
        const next = localPath(request.url)
        const to = next === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(next)}`
        return reply.redirect(desk.accounts.users().length === 0 ? '/first' : to, 303)
      }
      checkRight(route, asker)
      return undefined
    },
    handler: async (request, reply) => answer(request, reply, route, house),
  })
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  route: Route,
  house: House,
): Promise<unknown> {
  const { options, askers, parts, closing } = house
  const asker = askers.get(request)!
  const { csrf, ...body } = (request.body ?? {}) as Record<string, unknown> // `readFields` looks at each
  const formCookie = request.cookies[formCookieName(options)]
  // Browsers send reports by themselves, without our forms; programs are never asked for them.
  if (!asker.isToken && route.path !== '/csp-report')
    checkForm(
      request,
      request.headers['x-csrf-token'] ?? csrf,
      asker.signIn === undefined ? formCookie : asker.signedIn.csrf,
      options,
    )
  const isStrict = route.path.startsWith(API)
  const params = readFields(request.params, paramsOf(route), 'path', false)
  const query = readFields(request.query, route.query, 'address', isStrict)
  const fields = readFields(body, route.body, 'form', isStrict)
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  await startInTurn(house)
  const signal = AbortSignal.any([
    gone.signal,
    closing.signal,
    ...(asker.signIn === undefined ? [] : [asker.signIn.signal]),
  ])
  const found = await route.answers(
    {
      signedIn:
        asker.signIn === undefined && !asker.isToken
          ? { ...NOBODY, csrf: formToken(formCookie, reply, options) }
          : asker.signedIn,
      params: params as Record<string, string>, // none of a path is missing
      query,
      body: fields,
      signal,
      address: request.ip,
      origin: options.origin ?? `${options.isSecure ? 'https' : 'http'}://${request.headers.host}`,
      cookie: request.cookies[cookieName(options)],
    },
    parts,
  )
  return send(request, reply, found, { route, signal }, house)
}

/**
 * One request is begun in one round of the event loop. Some engines answer without waiting, so that all requests that
 * have come would be answered in a single round: for seconds no connection would be read, and new ones would be taken
 * for silent and cut off.
 */
function startInTurn(house: House): Promise<void> {
  house.started = house.started.then(() => turn())
  return house.started
}

/** Those that a route does not describe are taken as they come. */
function paramsOf(route: Route): Readonly<Record<string, FieldSpec>> {
  const names = [...route.path.matchAll(/:(\w+)/g)].map((found) => found[1]!)
  const plain: FieldSpec = { meaning: '', charsMax: LIMITS.webPathPartCharsMax }
  return Object.fromEntries(names.map((name) => [name, route.params?.[name] ?? plain]))
}

/** Ties forms before a sign-in to this browser. */
function formToken(
  cookie: string | undefined,
  reply: FastifyReply,
  options: ServerOptions,
): string {
  if (cookie !== undefined && /^[\w-]{43}$/.test(cookie)) return cookie
  const token = randomBytes(32).toString('base64url')
  setCookie(reply, formCookieName(options), token, options)
  return token
}

function setCookie(
  reply: FastifyReply,
  name: string,
  value: string | null,
  options: ServerOptions,
): void {
  reply.setCookie(name, value ?? '', {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: options.isSecure,
    ...(value === null ? { maxAge: 0 } : {}),
  })
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  found: Reply,
  { route, signal }: { readonly route: Route; readonly signal: AbortSignal },
  house: House,
): Promise<unknown> {
  switch (found.kind) {
    case 'page':
      if (found.retryAfterS !== undefined) reply.header('Retry-After', found.retryAfterS)
      return sendPage(request, reply, found, house)
    case 'json':
      return sendJson(reply.code(found.status ?? 200), found.value)
    case 'text':
      return reply.type(found.type).send(found.text)
    case 'redirect':
      if (!/^\/(?![/\\])[\x21-\x7e]*$/.test(found.to)) throw new Error('no path of this server')
      if (found.cookie !== undefined)
        setCookie(reply, cookieName(house.options), found.cookie, house.options)
      return reply.redirect(found.to, 303)
    case 'file':
      if (found.shownUnder !== undefined)
        return reply
          .header('Content-Security-Policy', found.shownUnder)
          .type(found.type)
          .send(found.content)
      return reply
        .header('Content-Security-Policy', NOTHING_RUNS)
        .header('Content-Disposition', `attachment; filename="${fileName(found.name)}"`)
        .type(found.type)
        .send(found.content)
    case 'events': {
      reply.type('text/event-stream').header('X-Accel-Buffering', 'no')
      if (request.method === 'HEAD') return reply.send()
      const release = house.streams.take(house.askers.get(request)!.signedIn.user)
      const messages = Readable.from(
        messagesOf(found.values, signal, LIMITS.webHeartbeatMs, () =>
          mayGoOn(request, route, house),
        ),
      )
      messages.once('close', release)
      return reply.send(messages)
    }
  }
}

/** Whether who opened a live page may still see it: a sign-in says so by its signal, a token is looked at again. */
function mayGoOn(request: FastifyRequest, route: Route, { askers, desk, options }: House): boolean {
  if (askers.get(request)?.isToken !== true) return true
  try {
    checkRight(route, askerOf(request, desk, options))
    return true
  } catch {
    return false
  }
}

/** A name that every system takes, and no header reads otherwise. */
function fileName(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^[.-]+/, '')
  return plain.slice(-100) || 'download'
}

function sendJson(reply: FastifyReply, value: object | string): FastifyReply {
  return reply
    .type('application/json; charset=utf-8')
    .send(escapeJson(typeof value === 'string' ? value : JSON.stringify(value)))
}

async function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: Extract<Reply, { readonly kind: 'page' }>,
  house: House,
): Promise<FastifyReply> {
  const { askers, assets, frame } = house
  const asker = askers.get(request)
  const figures =
    asker?.signIn === undefined
      ? {
          waiting: { heldBatches: 0, deadRegions: 0 },
          record: { state: 'unchecked', words: '' } as const,
        }
      : await frame.figures()
  reply.code(page.status ?? 200).type('text/html; charset=utf-8')
  const framed: Frame = {
    ...figures,
    title: page.title,
    body: page.body,
    path: pathOf(request.url),
    signedIn: asker?.signIn === undefined ? undefined : asker.signedIn,
    scripts: page.scripts ?? [],
    assets: assets.version,
  }
  if (page.rest === undefined) return reply.send(layout(framed).text)
  // A proxy that gathers answers would undo it.
  reply.header('X-Accel-Buffering', 'no')
  return reply.send(Readable.from(pieces(request, framed, page.rest, house)))
}

/** A page in two pieces. That the second failed is told in its place: the first is on its way. */
async function* pieces(
  request: FastifyRequest,
  frame: Frame,
  rest: Promise<Html>,
  house: House,
): AsyncGenerator<string> {
  yield layoutUpTo(frame).text
  const behind = await rest.catch((error: unknown) => {
    const failure = failureOf(error, newId)
    if (failure.id !== undefined) tellFault(failure.id, error, request, house)
    return failurePage(failure)
  })
  yield html`${behind}${layoutBehind(frame)}`.text
}

function newId(): string {
  return randomBytes(6).toString('hex')
}

async function fail(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  house: House,
): Promise<unknown> {
  const failure = failureOf(error, newId)
  if (failure.id !== undefined && !isGiveUp(error, reply, house))
    tellFault(failure.id, error, request, house)
  reply.code(failure.status)
  if (failure.status === 429 && !reply.hasHeader('Retry-After')) reply.header('Retry-After', 5)
  if (isForPrograms(pathOf(request.url))) {
    if (failure.status === 401) reply.header('WWW-Authenticate', 'Bearer')
    return sendJson(reply, failureDocument(failure))
  }
  return sendPage(request, reply, await pageOf(failure, request, house), house)
}

/** Work that ended because nobody waits for it: whoever leaves early shall not fill the log with faults. */
function isGiveUp(error: unknown, reply: FastifyReply, { closing }: House): boolean {
  const isAbort = error instanceof Error && error.name === 'AbortError'
  return isAbort && (reply.raw.destroyed || closing.signal.aborted)
}

/** Within the frame, where somebody is signed in: also for paths that no guard stands before. */
async function pageOf(
  failure: Failure,
  request: FastifyRequest,
  { askers, desk, options }: House,
): Promise<Extract<Reply, { readonly kind: 'page' }>> {
  // A name that is not ours gets nothing of ours.
  if (!askers.has(request) && failure.status !== 421 && request.cookies !== undefined) {
    try {
      askers.set(request, askerOf(request, desk, options))
    } catch {
      // Without the accounts nobody is anybody.
    }
  }
  return {
    kind: 'page',
    title: failureTitle(failure),
    body: failurePage(failure),
    status: failure.status,
  }
}

function tellFault(id: string, error: unknown, request: FastifyRequest, house: House): void {
  house.desk.metrics.fault()
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const words = stack
    .split('\n', 4)
    .map((line) => line.trim())
    .join(' | ')
  const route = request.routeOptions.url ?? 'unmatched'
  house.options.note(`fault ${id} in ${request.method} ${route}: ${words}`)
}

/** What a path does not take is refused by the path, and not as if the path were not there. */
function refuseOtherMethods(server: FastifyInstance, routes: readonly Route[]): void {
  const taken = new Map<string, Set<string>>([['/assets/:name', new Set(['GET', 'HEAD'])]])
  for (const { path, method } of routes) {
    const methods = taken.get(path) ?? new Set()
    methods.add(method)
    if (method === 'GET') methods.add('HEAD')
    taken.set(path, methods)
  }
  for (const [url, methods] of taken) {
    server.route({
      method: METHODS.filter((method) => !methods.has(method)),
      url,
      preParsing: async (_, reply) => {
        reply.header('Allow', [...methods].sort().join(', '))
        throw refusal('REQUEST_WRONG_METHOD')
      },
      handler: () => html``,
    })
  }
}

/** Ends sign-ins that are over, and tells the journal of failures, while the server runs. */
function sweep(server: FastifyInstance, { desk, closing }: House): void {
  const timer = setInterval(() => {
    try {
      desk.signIns.sweep()
    } catch {
      // The file of accounts cannot be read: each request says so, and lets nobody in.
      desk.signIns.endAll()
    }
    void desk.failures.tell()
  }, LIMITS.webSweepMs)
  timer.unref()
  server.addHook('preClose', async () => {
    closing.abort()
    desk.signIns.endAll()
  })
  server.addHook('onClose', async () => {
    clearInterval(timer)
    desk.metrics.close()
    await desk.failures.tell(true)
  })
}
