import type { InstantUs } from '../../core/instant.ts'
import { type JournalDraft, journalEntry } from '../journal.ts'
import type { Sealing } from '../sealing.ts'
import type { Client } from './connection.ts'
import { lock } from './locks.ts'

/**
 * The one door to the journal and to sealed tables: opens it, changes, writes the entry, closes it.
 *
 * @param change - the change itself, made while the door is open; it is told the number of the entry
 *
 * Must run inside a transaction: change and entry commit together or not at all. Others who write the journal wait
 * until that transaction ends, so this comes last in it.
 */
export async function appendJournal(
  client: Client,
  sealing: Sealing,
  nowUs: InstantUs,
  draft: JournalDraft,
  change?: (seq: number) => Promise<unknown>,
): Promise<void> {
  await lock(client, 'journal')
  await client.query(`select set_config('nacre.door', 'open', true)`)
  const { rows } = await client.query<{ seq: number; digest: Buffer }>(
    'select seq, digest from audit_log order by seq desc limit 1',
  )
  await change?.((rows[0]?.seq ?? 0) + 1)
  const entry = journalEntry(draft, nowUs, rows[0])
  await client.query(
    'insert into audit_log (seq, at_us, actor, action, subject, reason, detail, previous_digest, digest) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
    [
      entry.seq,
      entry.atUs,
      entry.actor,
      entry.action,
      entry.subject,
      entry.reason,
      entry.detail,
      entry.previousDigest,
      sealing.journalDigest(entry),
    ],
  )
  if (draft.decision !== undefined) {
    await client.query(
      'insert into decisions (id, subject, from_state, to_state, actor, reason, decided_at_us) values ($1, $2, $3, $4, $5, $6, $7)',
      [
        entry.seq,
        draft.subject,
        draft.decision.from,
        draft.decision.to,
        draft.actor,
        draft.reason,
        nowUs,
      ],
    )
  }
  await client.query(`select set_config('nacre.door', '', true)`)
}
