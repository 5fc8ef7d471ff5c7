/** A way by which people are told. */
import type { AlertMessage } from './message.ts'

export const CHANNEL_NAMES = ['webhook', 'mail', 'command'] as const

export type ChannelName = (typeof CHANNEL_NAMES)[number]

export type Delivery = {
  readonly isDelivered: boolean
  /** How it ended, in our own words and without secrets. */
  readonly result: string
}

/** Never throws: that it cannot deliver is an outcome. Bounded in time by itself; an abort ends it sooner. */
export type Channel = {
  readonly name: ChannelName
  send(message: AlertMessage, signal: AbortSignal): Promise<Delivery>
}

/** Words for an error of the system or a library: its code where it has one, never its message, which may quote. */
export function codeOf(error: unknown): string {
  for (let one = error, depth = 0; one instanceof Error && depth < 4; one = one.cause, depth += 1) {
    if (one.name === 'TimeoutError') return 'timed out'
    if (one.name === 'AbortError') return 'stopped'
    const code = 'code' in one ? String(one.code) : ''
    if (/^[A-Z][A-Z0-9_]{1,40}$/.test(code)) return code
  }
  return 'unknown error'
}
