/** What the journal says of the lines of a package, with what proves it. */
import { toHex } from '../core/bytes.ts'
import { checkpointDigest, checkpointMessage } from '../seal/chain.ts'
import type { Row } from '../store/schema.ts'
import type { VerifyReads } from '../store/verify-port.ts'
import {
  CHECKPOINT_FORMAT,
  type CheckpointDocument,
  type CheckpointLink,
  type Custody,
  type CustodyEntry,
  type CustodySegment,
} from './format.ts'

/** @param publicKey - of the key that signed it, 32 bytes */
export function checkpointDocument(
  row: Row<'checkpoints'>,
  publicKey: Uint8Array,
): CheckpointDocument {
  const message = checkpointMessage({
    seq: row.seq,
    madeAtUs: row.made_at_us,
    upToBatch: row.up_to_batch,
    sources: row.sources,
    treeRoot: row.tree_root,
    journalSeq: row.journal_seq,
    journalHead: row.journal_head,
    previousDigest: row.previous_digest,
  })
  return {
    format: CHECKPOINT_FORMAT,
    ...linkOf(row),
    previousDigest: toHex(row.previous_digest),
    digest: toHex(checkpointDigest(message)),
    keyId: row.key_id,
    publicKey: toHex(publicKey),
    signature: toHex(row.signature),
  }
}

/**
 * Entries about the lines, each with all that follow it up to the next checkpoint: a chain shows its beginning by all of
 * its links. Entries of others that stand in between are therefore in it too.
 *
 * @param main - the checkpoint of the package
 * @param since - number of the first checkpoint that its history has, where there is one before `main`
 * @param isAbout - asked for every entry once, in their order
 */
export async function custodyOf(
  reads: VerifyReads,
  main: Row<'checkpoints'>,
  since: number,
  keys: ReadonlyMap<string, Uint8Array>,
  isAbout: (row: Row<'audit_log'>) => boolean,
): Promise<Custody> {
  const about = new Set<number>()
  let last = 0
  for await (const page of reads.journal())
    for (const row of page) {
      if (!isAbout(row)) continue
      about.add(row.seq)
      last = row.seq
    }
  const open = [...about].sort((a, b) => a - b)
  const signers: Row<'checkpoints'>[] = []
  const links: CheckpointLink[] = []
  let before = toHex(main.previous_digest)
  /** First and last entry of each part. */
  const parts: { readonly from: number; readonly to: number; readonly signedBy: number }[] = []
  let next = 0
  for await (const page of reads.checkpoints())
    for (const row of page) {
      if (row.seq >= since && row.seq < main.seq) {
        if (links.length === 0) before = toHex(row.previous_digest)
        links.push(linkOf(row))
      }
      const from = open[next]
      if (row.seq > main.seq || from === undefined || from > row.journal_seq) continue
      if (!keys.has(row.key_id)) continue
      parts.push({ from, to: row.journal_seq, signedBy: row.seq })
      if (row.seq !== main.seq) signers.push(row)
      while (open[next] !== undefined && open[next]! <= row.journal_seq) next += 1
    }
  if (open[next] !== undefined) parts.push({ from: main.journal_seq + 1, to: last, signedBy: 0 })
  const segments = parts.map(({ signedBy }) => ({
    signedBy,
    before: '',
    entries: [] as CustodyEntry[],
  }))
  let at = 0
  for await (const page of reads.journal())
    for (const row of page) {
      while (parts[at] !== undefined && parts[at]!.to < row.seq) at += 1
      const part = parts[at]
      if (part === undefined || row.seq < part.from) continue
      const segment = segments[at]!
      if (row.seq === part.from) segment.before = toHex(row.previous_digest)
      segment.entries.push({
        seq: row.seq,
        atUs: row.at_us,
        actor: row.actor,
        action: row.action,
        subject: row.subject,
        reason: row.reason,
        detail: row.detail,
        concerns: about.has(row.seq),
      })
    }
  return {
    history: { before, links },
    checkpoints: signers.map((row) => checkpointDocument(row, keys.get(row.key_id)!)),
    segments: segments satisfies readonly CustodySegment[],
  }
}

function linkOf(row: Row<'checkpoints'>): CheckpointLink {
  return {
    seq: row.seq,
    madeAtUs: row.made_at_us,
    upToBatch: row.up_to_batch,
    sources: row.sources,
    treeRoot: toHex(row.tree_root),
    journalSeq: row.journal_seq,
    journalHead: toHex(row.journal_head),
  }
}
