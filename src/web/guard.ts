/** Who asks, from where, and whether they may: the checks that every request goes through. */
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { LIMITS } from '../limits.ts'
import { ROLES } from './accounts.ts'
import type { Desk, ServerOptions } from './desk.ts'
import { refusal } from './faults.ts'
import type { Right, Route, SignedIn } from './route.ts'
import { isSameSecret, type SignIn } from './sign-ins.ts'

/** Nobody, for pages that need no sign-in. */
export const NOBODY: SignedIn = { user: '', role: '', rights: new Set(), csrf: '' }

/** Whoever asks. */
export type Asker = {
  readonly signedIn: SignedIn
  /** Of a browser; a token has none. */
  readonly signIn: SignIn | undefined
  readonly isToken: boolean
}

const METHODS_THAT_READ = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Names under which a machine reaches itself. */
const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether a path answers documents, and takes tokens. */
export function isForPrograms(path: string): boolean {
  return path.startsWith('/api/') || /^\/(?:metrics|healthz|readyz|csp-report)$/.test(path)
}

export function pathOf(url: string): string {
  return url.replace(TARGET_HOST, '').split('?', 1)[0]!
}

/** Proxies may ask with a whole address; the router passes over its host, and so it is looked at here. */
const TARGET_HOST = /^https?:\/\/([^/]*)(?=\/)/

/** With TLS no other host, and no page without TLS, can set a cookie of this name. */
export function cookieName({ isSecure }: Pick<ServerOptions, 'isSecure'>): string {
  return isSecure ? '__Host-nacre' : 'nacre'
}

/** Ties forms that come before a sign-in to the browser that was given them. */
export function formCookieName({ isSecure }: Pick<ServerOptions, 'isSecure'>): string {
  return isSecure ? '__Host-nacre-form' : 'nacre-form'
}

/**
 * A page of an attacker whose name suddenly leads here (DNS rebinding) still sends that name.
 *
 * @throws RequestError `REQUEST_WRONG_HOST`; `REQUEST_UNREADABLE` where more than one is named, which others may read
 *   otherwise than we do
 */
export function checkHost({ raw, url }: FastifyRequest, options: ServerOptions): void {
  const hosts = raw.rawHeaders.filter((_, i, all) => i % 2 === 1 && /^host$/i.test(all[i - 1]!))
  if (hosts.length > 1) throw refusal('REQUEST_UNREADABLE')
  const target = TARGET_HOST.exec(url)?.[1]
  for (const host of [...hosts, ...(target === undefined ? [] : [target])]) checkName(host, options)
  if (hosts.length === 0) throw refusal('REQUEST_WRONG_HOST')
}

function checkName(host: string, options: ServerOptions): void {
  const name = hostName(host)
  const isOurs =
    name !== undefined &&
    (LOOPBACK_NAMES.has(name) ||
      name === options.host?.toLowerCase() ||
      (options.origin !== undefined && name === new URL(options.origin).hostname) ||
      // What has no name cannot be led elsewhere.
      (options.isOpen && isIP(name.replaceAll(/^\[|\]$/g, '')) !== 0))
  if (!isOurs) throw refusal('REQUEST_WRONG_HOST')
}

function hostName(host: string): string | undefined {
  return /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase()
}

/**
 * Finds out who asks, by cookie or, where programs ask, by token.
 *
 * @throws RequestError `REQUEST_NO_SIGN_IN` for a token that is not valid, whatever else was sent
 */
export function askerOf(request: FastifyRequest, desk: Desk, options: ServerOptions): Asker {
  const { authorization } = request.headers
  if (authorization !== undefined && isForPrograms(pathOf(request.url))) {
    const found = desk.accounts.bearer(/^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '')
    if (found === undefined) throw refusal('REQUEST_NO_SIGN_IN', 'The token is not valid.')
    const { user, rights } = found
    return {
      signedIn: { user: user.name, role: user.role, rights, csrf: '' },
      signIn: undefined,
      isToken: true,
    }
  }
  const cookie = request.cookies[cookieName(options)]
  const signIn = cookie === undefined ? undefined : desk.signIns.find(cookie)
  const user = signIn === undefined ? undefined : desk.accounts.user(signIn.user)
  if (signIn === undefined || user === undefined)
    return { signedIn: NOBODY, signIn: undefined, isToken: false }
  const rights = new Set<Right>(ROLES[user.role])
  return {
    signedIn: { user: user.name, role: user.role, rights, csrf: signIn.csrf },
    signIn,
    isToken: false,
  }
}

/** @throws RequestError `REQUEST_NO_SIGN_IN`, `REQUEST_NO_RIGHT` */
export function checkRight(route: Pick<Route, 'right'>, asker: Asker): void {
  if (route.right === 'public') return
  if (asker.signIn === undefined && !asker.isToken) throw refusal('REQUEST_NO_SIGN_IN')
  if (!asker.signedIn.rights.has(route.right))
    throw refusal(
      'REQUEST_NO_RIGHT',
      `This needs the right "${route.right}", which ${asker.isToken ? 'the token' : `the role ${asker.signedIn.role}`} does not have.`,
    )
}

/**
 * What changes something comes from a page of this server, and from this sign-in.
 *
 * @param given - the token of the form
 * @param expected - that of the sign-in or, before one, of the browser
 * @throws RequestError `REQUEST_FORGED`
 */
export function checkForm(
  request: FastifyRequest,
  given: unknown,
  expected: string | undefined,
  options: ServerOptions,
): void {
  if (METHODS_THAT_READ.has(request.method)) return
  checkOrigin(request, options)
  if (typeof given !== 'string' || !expected || !isSameSecret(given, expected))
    throw refusal('REQUEST_FORGED')
}

function checkOrigin(request: FastifyRequest, options: ServerOptions): void {
  const { origin, host } = request.headers
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw refusal('REQUEST_FORGED')
  // Browsers write "null" for a form of a page that sends no referrer; where it comes from says the header before.
  if (origin === undefined || (origin === 'null' && site !== undefined)) return
  const own = `${options.isSecure ? 'https' : 'http'}://${host}`
  const isOwn = origin === own || origin === options.origin
  // Without TLS on a network browsers tell neither; then the token of the form decides.
  const isUntold = origin === 'null' && !options.isSecure && options.isOpen
  if (!isOwn && !isUntold) throw refusal('REQUEST_FORGED')
}

/** A path of this server to go on to after a sign-in; the overview for anything else. */
export function localPath(next: string | undefined): string {
  if (next === undefined || next.length > LIMITS.webNextCharsMax) return '/'
  if (!/^\/(?![/\\])[\x21-\x7e]*$/.test(next) || next.includes('\\')) return '/'
  const base = 'http://local.invalid'
  const url = URL.canParse(next, base) ? new URL(next, base) : undefined
  if (url === undefined || url.origin !== base || url.pathname.startsWith('//')) return '/'
  return /^\/(?:sign-in|sign-out|first|invited|assets)\b/.test(url.pathname)
    ? '/'
    : `${url.pathname}${url.search}`
}
