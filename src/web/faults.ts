/** What went wrong, as a status, a page and a document. */
import { OperatingError, RequestError } from '../core/errors.ts'
import { html, icon } from './components.ts'
import type { Html } from './route.ts'

export type Failure = {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly hint: string
  /** Of a fault: the operator finds the same on standard error. */
  readonly id?: string
}

const REQUEST_STATUS: Readonly<Record<RequestError['code'], number>> = {
  REQUEST_BAD_FIELD: 400,
  REQUEST_UNREADABLE: 400,
  REQUEST_NO_SIGN_IN: 401,
  REQUEST_NO_RIGHT: 403,
  REQUEST_FORGED: 403,
  REQUEST_WRONG_HOST: 421,
  REQUEST_NOT_FOUND: 404,
  REQUEST_WRONG_METHOD: 405,
  REQUEST_TOO_LARGE: 413,
  REQUEST_WRONG_TYPE: 415,
  REQUEST_TOO_MANY: 429,
  REQUEST_FAULT: 500,
}

/** The framework's own refusals, by its codes. */
const FRAMEWORK: Readonly<Record<string, RequestError['code']>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'REQUEST_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'REQUEST_WRONG_TYPE',
}

/** @param newId - names a fault */
export function failureOf(error: unknown, newId: () => string): Failure {
  if (error instanceof RequestError) {
    const { code, message, hint } = error
    return { status: REQUEST_STATUS[code], code, message, hint }
  }
  if (error instanceof OperatingError) {
    const { code, message, hint } = error
    return { status: statusOf(code), code, message, hint }
  }
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown }
  if (typeof code === 'string' && code in FRAMEWORK)
    return failureOf(refusal(FRAMEWORK[code]!), newId)
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return failureOf(refusal('REQUEST_UNREADABLE'), newId)
  return { ...failureOf(refusal('REQUEST_FAULT'), newId), id: newId() }
}

function statusOf(code: string): number {
  if (code === 'STORE_BUSY' || code === 'ACCOUNT_BUSY') return 503
  if (/^(?:LOOKUP_NO_|ACCOUNT_UNKNOWN|REPLAY_NO_|REPLAY_CHANGED)/.test(code)) return 404
  if (/^LOOKUP_|^ACCOUNT_(?:TAKEN|LAST_ADMIN|FULL)/.test(code)) return 409
  if (code === 'EVIDENCE_NO_RIGHT' || code === 'EVIDENCE_EMERGENCY') return 403
  if (/^(?:USAGE_|EVIDENCE_|ACCOUNT_(?:BAD|WEAK)_)/.test(code)) return 400
  return 503
}

/** What the server says of itself, by code. */
export function refusal(code: RequestError['code'], message?: string): RequestError {
  const [words, hint] = WORDS[code]
  return new RequestError(code, message ?? words, { hint })
}

const WORDS: Readonly<Record<RequestError['code'], readonly [string, string]>> = {
  REQUEST_BAD_FIELD: ['A field is not as it should be.', 'Go back and correct it.'],
  REQUEST_UNREADABLE: [
    'The request cannot be read.',
    'Look at the address or document that was sent.',
  ],
  REQUEST_NO_SIGN_IN: [
    'You are not signed in, or not any more. Nothing was changed.',
    'Sign in; a program sends "Authorization: Bearer" with a token that is still valid.',
  ],
  REQUEST_NO_RIGHT: [
    'Your role does not allow this.',
    'An admin can change roles on the page Users.',
  ],
  REQUEST_FORGED: [
    'This form does not come from a page of this sign-in. Nothing was changed.',
    'Open the page again and send the form once more.',
  ],
  REQUEST_WRONG_HOST: [
    'This server does not go by the name that was asked for.',
    'Use the address it printed at its start, or name another with serve.origin (docs/dashboard.md).',
  ],
  REQUEST_NOT_FOUND: ['There is no such page.', 'Follow a link of the navigation instead.'],
  REQUEST_WRONG_METHOD: [
    'This page does not take that method.',
    'The header Allow names those it takes.',
  ],
  REQUEST_TOO_LARGE: ['What was sent is larger than a form may be.', 'Send less than 64 kB.'],
  REQUEST_WRONG_TYPE: [
    'What was sent is neither a form nor JSON.',
    'Use application/x-www-form-urlencoded or application/json.',
  ],
  REQUEST_TOO_MANY: ['Too many requests in a short time.', 'Wait a moment.'],
  REQUEST_FAULT: [
    'A fault in the program. Nothing that was stored is lost.',
    'The operator finds more on standard error of the server, under the id.',
  ],
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'That cannot be read',
  401: 'Please sign in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Not this way',
  409: 'That does not fit what is there',
  413: 'Too large',
  415: 'Not a form',
  421: 'Wrong address',
  429: 'Too fast',
  500: 'Something broke',
  503: 'Not just now',
}

export function failureTitle({ status }: Failure): string {
  return TITLES[status] ?? 'Not possible'
}

export function failurePage(failure: Failure): Html {
  const { status, code, message, hint, id } = failure
  return html`<section class="card fault" aria-labelledby="fault"><div class="state${status >= 500 ? html` failed` : html``}">${icon(status === 401 || status === 403 ? 'lock' : status >= 500 ? 'failed' : 'alert')}<p class="faint">${status}</p><h1 id="fault">${html.own(failureTitle(failure))}</h1><p>${html.own(message)}</p><p>${html.own(hint)}</p>${id === undefined ? html`` : html`<p>Id <code>${html.own(id)}</code></p>`}<p class="faint small"><code>${html.own(code)}</code></p><div class="row">${status === 401 ? html`<a class="btn primary" href="/sign-in">Sign in</a>` : html`<a class="btn" href="/">Overview</a>`}</div></div></section>`
}

export function failureDocument({ code, message, hint, id }: Failure): object {
  return { error: { code, message, hint, ...(id === undefined ? {} : { id }) } }
}
