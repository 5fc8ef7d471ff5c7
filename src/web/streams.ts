/** Live pages: messages of JSON until the page, the sign-in or the server goes. */

import { LIMITS } from '../limits.ts'
import { escapeJson } from '../output/encode/json.ts'
import { refusal } from './faults.ts'

/** Counts what is open, by user. */
export class Streams {
  readonly #open = new Map<string, number>()
  #count = 0

  /** @returns what gives the place back, however often it is called @throws RequestError `REQUEST_TOO_MANY` */
  take(user: string): () => void {
    const own = this.#open.get(user) ?? 0
    if (own >= LIMITS.webStreamsOfUserMax || this.#count >= LIMITS.webStreamsMax)
      throw refusal('REQUEST_TOO_MANY', 'Too many live pages are open at once.')
    this.#open.set(user, own + 1)
    this.#count += 1
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      this.#count -= 1
      const left = (this.#open.get(user) ?? 1) - 1
      if (left > 0) this.#open.set(user, left)
      else this.#open.delete(user)
    }
  }

  get size(): number {
    return this.#count
  }
}

/**
 * Values as server-sent events, with a sign of life between those that are rare.
 *
 * @param signal - ends it, whatever the values do
 * @param beatMs - between two signs of life
 * @param mayGoOn - asked before each message; it ends when not
 */
export async function* messagesOf(
  values: AsyncIterable<object>,
  signal: AbortSignal,
  beatMs: number,
  mayGoOn: () => boolean = () => true,
): AsyncGenerator<string> {
  const iterator = values[Symbol.asyncIterator]()
  try {
    yield 'retry: 3000\n\n'
    let next = nextOf(iterator)
    let heart = beat(beatMs, signal)
    while (!signal.aborted) {
      const found = await Promise.race([next, heart])
      if (signal.aborted || !mayGoOn()) return
      if (found === undefined) {
        heart = beat(beatMs, signal)
        yield ': \n\n'
        continue
      }
      if (found.done === true) return
      yield `data: ${escapeJson(JSON.stringify(found.value))}\n\n`
      next = nextOf(iterator)
    }
  } finally {
    // It ends when it next looks; nobody waits for that.
    void iterator.return?.()?.catch(() => {})
  }
}

/** What fails when nobody waits any more fails unheard. */
function nextOf(iterator: AsyncIterator<object>): Promise<IteratorResult<object>> {
  const next = iterator.next()
  next.catch(() => {})
  return next
}

/** Undefined after a while, or as soon as the signal comes. */
function beat(ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms)
    timer.unref()
    function end(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve(undefined)
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
}
