/** The emergency mode: everything new is withheld, nothing is revealed or exported. */
import { formatInstant } from '../core/instant.ts'
import type { Store } from '../store/port.ts'
import type { VerifyReads } from '../store/verify-port.ts'

export type Emergency = {
  readonly state: 'on' | 'off'
  /** When, by whom and why it was last set; null where it never was. */
  readonly since: string | null
  readonly actor: string | null
  readonly reason: string | null
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

/** Sets the mode where it is not set already. @returns whether it was changed */
export async function setEmergency(
  store: Store,
  state: 'on' | 'off',
  by: { readonly actor: string; readonly reason: string; readonly trigger?: string },
): Promise<boolean> {
  if ((await emergencyOf(store.reads())).state === state) return false
  await store.review.setMode('emergency', state, {
    actor: by.actor,
    action: `emergency.${state}`,
    subject: 'modes emergency',
    reason: by.reason,
    detail: { trigger: by.trigger ?? 'command' },
  })
  return true
}
