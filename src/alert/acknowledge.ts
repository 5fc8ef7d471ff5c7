/** A person has seen an alert. */
import { LookupFailed } from '../core/errors.ts'
import type { AlertRecord, AlertStore } from '../store/port.ts'

/**
 * Ends the reminders of an open alert until it is over or worse; kept in the journal.
 *
 * @throws LookupFailed `LOOKUP_NO_ALERT`; StoreError `STORE_BUSY`
 */
export async function acknowledgeAlert(
  alerts: Pick<AlertStore, 'memory' | 'acknowledge'>,
  id: number,
  { actor, reason }: { readonly actor: string; readonly reason: string },
): Promise<AlertRecord> {
  const alert = (await alerts.memory()).alerts.find((one) => one.id === id)
  if (alert === undefined || alert.state !== 'open') {
    throw new LookupFailed('LOOKUP_NO_ALERT', `Alert ${id} is not open.`, {
      hint: '"nacre alerts list" lists them with their numbers.',
    })
  }
  await alerts.acknowledge(id, {
    actor,
    action: 'alert.acknowledged',
    subject: `alerts ${id}`,
    reason,
    detail: { kind: alert.kind, about: alert.subject },
    decision: { from: 'open', to: 'acknowledged' },
  })
  return alert
}
