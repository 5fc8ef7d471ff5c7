import { deadSubject } from '../core/event.ts'
import type { InstantUs } from '../core/instant.ts'
import type { JournalEntry } from '../core/seal-types.ts'

/** What is to be written into the journal. */
export type JournalDraft = {
  /** A command, a person or a service; never an attacker. */
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly reason: string
  readonly detail: Readonly<Record<string, string | number | boolean>>
  readonly decision?: { readonly from: string; readonly to: string }
}

/** The entry that follows another. */
export function journalEntry(
  draft: JournalDraft,
  nowUs: InstantUs,
  last: { readonly seq: number; readonly digest: Uint8Array } | undefined,
): JournalEntry {
  return {
    seq: (last?.seq ?? 0) + 1,
    atUs: nowUs,
    actor: draft.actor,
    action: draft.action,
    subject: draft.subject,
    reason: draft.reason,
    detail: JSON.stringify({
      ...draft.detail,
      ...(draft.decision === undefined ? {} : { from: draft.decision.from, to: draft.decision.to }),
    }),
    previousDigest: last?.digest ?? new Uint8Array(32),
  }
}

/** The entry of a signing key that is made known. */
export function keyAdded(
  keyId: string,
  publicKeyHex: string,
  madeAtUs: InstantUs,
  actor: string,
): JournalDraft {
  return {
    actor,
    action: 'key.added',
    subject: `signing_keys ${keyId}`,
    reason: 'a key signs the checkpoints of this store',
    detail: { publicKey: publicKeyHex, madeAtUs },
  }
}

/** The entry of a key that sealed bytes are encrypted to. */
export function recipientAdded(
  keyId: string,
  publicKeyHex: string,
  madeAtUs: InstantUs,
  actor: string,
): JournalDraft {
  return {
    actor,
    action: 'recipient.added',
    subject: `recipient_keys ${keyId}`,
    reason: 'sealed bytes are encrypted to this key',
    detail: { publicKey: publicKeyHex, madeAtUs },
  }
}

/** The entry of a dead letter that a longer copy of its file made void. */
export function deadLetterSuperseded(
  row: {
    readonly batch_id: number
    readonly start_offset: number
    readonly first_record: number
    readonly reason: string
  },
  seq: number,
  actor: string,
): JournalDraft {
  return {
    actor,
    action: 'dead-letter.superseded',
    subject: deadSubject(row),
    reason: 'a longer copy of the file was read',
    detail: { reason: row.reason, seq },
    decision: { from: 'new', to: 'superseded' },
  }
}

/** The entry of summaries that were made again. */
export function summariesRebuilt(differences: number, actor: string): JournalDraft {
  return {
    actor,
    action: 'summaries.rebuilt',
    subject: 'sessions, session_values, daily_values, daily_events, schema_drift',
    reason: 'they were not what the events say',
    detail: { differences },
  }
}
