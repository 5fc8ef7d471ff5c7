/** Legal holds: what must not be deleted. Added by whoever may write the store, released by those who may reveal. */
import { EvidenceError, LookupFailed } from '../core/errors.ts'
import { toVisible } from '../neutralize/visible.ts'
import { keepRefusal } from '../pipeline/evidence.ts'
import type { HoldScope, Store } from '../store/port.ts'
import { type HoldRecord, legalHolds } from '../store/repo/holds.ts'

export type HoldActor = { readonly actor: string; readonly reason: string }

/**
 * Puts a hold on what must not be deleted.
 *
 * @param scope - in visible form; something of it is given
 * @returns its number
 * @throws EvidenceError `EVIDENCE_NO_REASON`
 */
export async function addHold(store: Store, scope: HoldScope, by: HoldActor): Promise<number> {
  mustHaveReason(by)
  const given = Object.entries(scope).filter(([, value]) => value !== '' && value !== null)
  return store.review.addHold(scope, {
    actor: toVisible(by.actor),
    action: 'hold.added',
    subject: 'legal_holds',
    reason: toVisible(by.reason),
    detail: Object.fromEntries(given) as Record<string, string | number>, // the filter leaves no null
  })
}

/**
 * Releases a hold. Refusals are kept in the journal.
 *
 * @returns the hold as it was
 * @throws EvidenceError `EVIDENCE_NO_REASON`, `EVIDENCE_NO_RIGHT`; LookupFailed `LOOKUP_NO_HOLD`; StoreError `STORE_BUSY`
 */
export async function releaseHold(
  store: Store,
  id: number,
  by: HoldActor & { readonly isAllowed: boolean },
): Promise<HoldRecord> {
  mustHaveReason(by)
  const hold = (await legalHolds(store.query)).find((one) => one.id === id)
  if (hold === undefined)
    throw new LookupFailed('LOOKUP_NO_HOLD', `No legal hold ${id} is in force.`, {
      hint: '"nacre evidence hold list --all" lists all of them.',
    })
  const subject = `legal_holds ${id}`
  if (!by.isAllowed) {
    await keepRefusal(store, subject, by, 'EVIDENCE_NO_RIGHT')
    throw new EvidenceError('EVIDENCE_NO_RIGHT', 'This user may not release a legal hold.', {
      hint: 'The setting evidence.actors names who may; without it, the owner of the data folder.',
    })
  }
  await store.review.releaseHold(id, {
    actor: toVisible(by.actor),
    action: 'hold.released',
    subject,
    reason: toVisible(by.reason),
    detail: {},
  })
  return hold
}

function mustHaveReason({ reason }: HoldActor): void {
  if (reason.trim() === '')
    throw new EvidenceError('EVIDENCE_NO_REASON', 'A legal hold needs a reason.', {
      hint: 'Say why with --reason TEXT; it is kept in the journal.',
    })
}
