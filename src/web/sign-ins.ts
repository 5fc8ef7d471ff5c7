/** Who is signed in, in memory: a restart of the server ends all of them. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import type { Accounts, User } from './accounts.ts'

export type SignIn = {
  readonly user: string
  /** That of the user when it began. */
  readonly stamp: string
  readonly csrf: string
  readonly startedAtUs: InstantUs
  /** Ends with it: what is live on a page of this sign-in ends, too. */
  readonly signal: AbortSignal
}

type Kept = SignIn & { lastAtUs: InstantUs; readonly controller: AbortController }

export class SignIns {
  readonly #accounts: Pick<Accounts, 'user'>
  readonly #clock: () => InstantUs
  readonly #idleUs: number
  readonly #longestUs: number
  /** By the hash of the cookie, the oldest first: who could read this memory could not sign in with it. */
  readonly #kept = new Map<string, Kept>()

  constructor(
    accounts: Pick<Accounts, 'user'>,
    clock: () => InstantUs,
    limits: { readonly idleUs: number; readonly longestUs: number },
  ) {
    this.#accounts = accounts
    this.#clock = clock
    this.#idleUs = limits.idleUs
    this.#longestUs = limits.longestUs
  }

  /** @returns the value of the cookie, which nobody had before */
  begin(user: User): string {
    const token = randomBytes(32).toString('base64url')
    const own = [...this.#kept].filter(([, one]) => one.user === user.name)
    if (own.length >= LIMITS.webSignInsOfUserMax) this.#end(own[0]![0])
    if (this.#kept.size >= LIMITS.webSignInsMax) this.#end(this.#kept.keys().next().value!)
    const controller = new AbortController()
    const now = this.#clock()
    this.#kept.set(keyOf(token), {
      user: user.name,
      stamp: user.stamp,
      csrf: randomBytes(32).toString('base64url'),
      startedAtUs: now,
      lastAtUs: now,
      signal: controller.signal,
      controller,
    })
    return token
  }

  /** The sign-in of a cookie, which lives on by being asked for. */
  find(token: string): SignIn | undefined {
    const key = keyOf(token)
    const found = this.#kept.get(key)
    if (found === undefined) return undefined
    if (this.#isOver(found)) {
      this.#end(key)
      return undefined
    }
    found.lastAtUs = this.#clock()
    return found
  }

  end(token: string): void {
    this.#end(keyOf(token))
  }

  endAll(): void {
    for (const key of this.#kept.keys()) this.#end(key)
  }

  /** Ends those that are over, so that live pages end with them. */
  sweep(): void {
    for (const [key, one] of this.#kept) if (this.#isOver(one)) this.#end(key)
  }

  get size(): number {
    return this.#kept.size
  }

  #isOver(one: Kept): boolean {
    const now = this.#clock()
    const user = this.#accounts.user(one.user)
    return (
      now - one.lastAtUs >= this.#idleUs ||
      now - one.startedAtUs >= this.#longestUs ||
      user === undefined ||
      user.isDisabled ||
      user.stamp !== one.stamp
    )
  }

  #end(key: string): void {
    const found = this.#kept.get(key)
    this.#kept.delete(key)
    found?.controller.abort()
  }
}

/** Whether two secrets are the same; the time it takes says nothing about them. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(
    createHash('sha256').update(a).digest(),
    createHash('sha256').update(b).digest(),
  )
}

function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
