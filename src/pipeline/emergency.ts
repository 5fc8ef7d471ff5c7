/** The emergency mode: everything new is withheld, nothing is revealed or exported. */

import type { Kysely } from 'kysely'
import { formatInstant } from '../core/instant.ts'
import type { Store } from '../store/port.ts'
import type { Database } from '../store/schema.ts'
import type { VerifyReads } from '../store/verify-port.ts'

export type Emergency = {
  readonly state: 'on' | 'off'
  /** When, by whom and why it was last set; null where it never was. */
  readonly since: string | null
  readonly actor: string | null
  readonly reason: string | null
}

/** Whether everything new is withheld now. */
export async function isEmergency(reads: VerifyReads): Promise<boolean> {
  return (await reads.modes()).some((row) => row.name === 'emergency' && row.state === 'on')
}

export async function emergencyOf(reads: VerifyReads): Promise<Emergency> {
  const mode = (await reads.modes()).find((row) => row.name === 'emergency')
  if (mode === undefined) return { state: 'off', since: null, actor: null, reason: null }
  for await (const page of reads.journal()) {
    const entry = page.find((row) => row.seq === mode.seq)
    if (entry !== undefined)
      return {
        state: mode.state === 'on' ? 'on' : 'off',
        since: formatInstant(entry.at_us),
        actor: entry.actor,
        reason: entry.reason,
      }
  }
  return { state: mode.state === 'on' ? 'on' : 'off', since: null, actor: null, reason: null }
}

/** What was loaded up to a moment, as the rate of hazards is judged by it. */
export type LoadedSoFar = {
  readonly days: number
  readonly events: number
  readonly withheld: number
}

export async function loadedSoFar(query: Kysely<Database>): Promise<LoadedSoFar> {
  const days = await query
    .selectFrom('daily_events')
    .select((e) => e.fn.count<number>('day').distinct().as('n'))
    .executeTakeFirstOrThrow()
  const sums = await query
    .selectFrom('batches')
    .select((e) => [
      e.fn.sum<number | null>('stored').as('stored'),
      e.fn.sum<number | null>('held').as('held'),
    ])
    .executeTakeFirstOrThrow()
  const withheld = Number(sums.held ?? 0)
  return { days: Number(days.n), events: Number(sums.stored ?? 0) + withheld, withheld }
}

/**
 * Whether a load withheld far more than those before it.
 *
 * Quiet where there is little to compare with, and for shares that a busy day explains: an alarm withholds everything.
 */
export function isHazardFlood(
  before: LoadedSoFar,
  now: { readonly stored: number; readonly held: number },
): boolean {
  if (before.days < FLOOD.daysMin || before.events < FLOOD.eventsMin) return false
  if (now.held < FLOOD.heldMin) return false
  const share = now.held / (now.stored + now.held)
  return share > FLOOD.shareMin && share > FLOOD.times * (before.withheld / before.events)
}

const FLOOD = { daysMin: 14, eventsMin: 10_000, heldMin: 200, shareMin: 0.05, times: 10 } as const

/** Sets the mode where it is not set already. @returns whether it was changed */
export async function setEmergency(
  store: Store,
  state: 'on' | 'off',
  by: { readonly actor: string; readonly reason: string; readonly trigger?: string },
): Promise<boolean> {
  if ((await isEmergency(store.reads())) === (state === 'on')) return false
  await store.review.setMode('emergency', state, {
    actor: by.actor,
    action: `emergency.${state}`,
    subject: 'modes emergency',
    reason: by.reason,
    detail: { trigger: by.trigger ?? 'command' },
  })
  return true
}
