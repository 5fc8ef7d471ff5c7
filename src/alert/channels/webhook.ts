/** Alerts as JSON to a web server. */
import { createHmac } from 'node:crypto'
import { LIMITS } from '../../limits.ts'
import type { Channel, Delivery } from '../channel.ts'
import { codeOf } from '../channel.ts'
import { messageJson } from '../message.ts'

export type WebhookOptions = {
  /** https, or http on this machine; `isWebhookUrl` says whether it may be used. */
  readonly url: string
  /** Signs the body; undefined for no signature. */
  readonly secret: string | undefined
  /** Milliseconds for one try. */
  readonly timeoutMs: number
  readonly fetch: typeof fetch
  /** Milliseconds before a further try, at most; `LIMITS.alertRetryMs` unless a test is in a hurry. */
  readonly retryMs?: number
}

/** Name of the header: `sha256=` and HMAC-SHA256 over the bytes of the body, in hex. */
const SIGNATURE_HEADER = 'x-nacre-signature'

/** A failure that may pass; others (a wrong address, a refused message) are not tried again. */
class Passing extends Error {}

/** Whether a text is a URL that alerts may be sent to: what they say should not cross a network in the clear. */
export function isWebhookUrl(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '') return false
  const isLocal = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)
}

/**
 * A webhook. Tries a few times with growing, jittered pauses, and leaves a server that keeps failing alone for a while.
 *
 * Redirects are not followed: the operator named one address, and the message is for that one.
 */
export async function webhookChannel(options: WebhookOptions): Promise<Channel> {
  const { circuitBreaker, ConsecutiveBreaker, ExponentialBackoff, handleType, retry, wrap } =
    await import('cockatiel')
  const retryMs = options.retryMs ?? LIMITS.alertRetryMs
  const policy = wrap(
    circuitBreaker(handleType(Passing), {
      halfOpenAfter: LIMITS.alertBreakerMs,
      breaker: new ConsecutiveBreaker(LIMITS.alertBreakerFailures),
    }),
    retry(handleType(Passing), {
      maxAttempts: LIMITS.alertTriesMax - 1,
      backoff: new ExponentialBackoff({ initialDelay: retryMs / 2, maxDelay: retryMs * 2 }),
    }),
  )
  return {
    name: 'webhook',
    async send(message, signal) {
      const body = Buffer.from(messageJson(message))
      try {
        return await policy.execute(() => post(options, body, signal), signal)
      } catch (error) {
        if (error instanceof Passing) return { isDelivered: false, result: error.message }
        const isOpen = error instanceof Error && 'isBrokenCircuitError' in error
        const result = isOpen
          ? `not tried: it failed ${LIMITS.alertBreakerFailures} times in a row`
          : `not delivered: ${codeOf(error)}`
        return { isDelivered: false, result }
      }
    },
  }
}

/** @throws Passing for what may be otherwise in a moment */
async function post(
  { url, secret, timeoutMs, fetch }: WebhookOptions,
  body: Buffer<ArrayBuffer>,
  signal: AbortSignal,
): Promise<Delivery> {
  const signature =
    secret === undefined
      ? {}
      : { [SIGNATURE_HEADER]: `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'nacre', ...signature },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
  } catch (error) {
    if (signal.aborted) return { isDelivered: false, result: 'stopped' }
    throw new Passing(`no answer: ${codeOf(error)}`)
  }
  const { status } = response
  // What the server says beside its status is not read.
  await response.body?.cancel().catch(() => {})
  if (status >= 200 && status < 300) return { isDelivered: true, result: `answered ${status}` }
  const result =
    status >= 300 && status < 400
      ? `answered ${status}: redirects are not followed`
      : `answered ${status}`
  if (status === 408 || status === 429 || status >= 500) throw new Passing(result)
  return { isDelivered: false, result }
}
