import type { Database as Connection } from 'better-sqlite3'
import type { InstantUs } from '../../core/instant.ts'
import { type JournalDraft, journalEntry } from '../journal.ts'
import type { Sealing } from '../sealing.ts'

/**
 * The one door to the journal and to sealed tables: opens it, changes, writes the entry, closes it.
 *
 * @param change - the change itself, made while the door is open; it is told the number of the entry
 *
 * Must run inside a transaction: change and entry commit together or not at all.
 */
export function appendJournal(
  db: Connection,
  sealing: Sealing,
  nowUs: InstantUs,
  draft: JournalDraft,
  change?: (seq: number) => void,
): void {
  db.prepare('update audit_door set is_open = 1').run()
  const last = db.prepare('select seq, digest from audit_log order by seq desc limit 1').get() as
    | { seq: number; digest: Uint8Array }
    | undefined
  change?.((last?.seq ?? 0) + 1)
  const entry = journalEntry(draft, nowUs, last)
  db.prepare(
    'insert into audit_log (seq, at_us, actor, action, subject, reason, detail, previous_digest, digest) values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  ).run(
    entry.seq,
    entry.atUs,
    entry.actor,
    entry.action,
    entry.subject,
    entry.reason,
    entry.detail,
    entry.previousDigest,
    sealing.journalDigest(entry),
  )
  if (draft.decision !== undefined) {
    db.prepare(
      'insert into decisions (id, subject, from_state, to_state, actor, reason, decided_at_us) values (?, ?, ?, ?, ?, ?, ?)',
    ).run(
      entry.seq,
      draft.subject,
      draft.decision.from,
      draft.decision.to,
      draft.actor,
      draft.reason,
      nowUs,
    )
  }
  db.prepare('update audit_door set is_open = 0').run()
}
