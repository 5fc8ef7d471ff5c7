import type { Kysely } from 'kysely'
import type { SignedCheckpoint } from '../../core/seal-types.ts'
import type { Database } from '../schema.ts'

/** Signed checkpoints, newest first. @param filter.before - only those with a smaller number */
export async function checkpointPage(
  query: Kysely<Database>,
  filter: { readonly before?: number | undefined; readonly limit: number },
): Promise<SignedCheckpoint[]> {
  let select = checkpoints(query).orderBy('seq', 'desc').limit(filter.limit)
  if (filter.before !== undefined) select = select.where('seq', '<', filter.before)
  return select.execute()
}

/** The first checkpoint that covers a batch; undefined where none does yet. */
export async function checkpointCovering(
  query: Kysely<Database>,
  batchId: number,
): Promise<SignedCheckpoint | undefined> {
  return checkpoints(query)
    .where('up_to_batch', '>=', batchId)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst()
}

function checkpoints(query: Kysely<Database>) {
  return query
    .selectFrom('checkpoints')
    .innerJoin('signing_keys', 'signing_keys.key_id', 'checkpoints.key_id')
    .select([
      'checkpoints.seq as seq',
      'checkpoints.made_at_us as madeAtUs',
      'checkpoints.up_to_batch as upToBatch',
      'checkpoints.sources as sources',
      'checkpoints.tree_root as treeRoot',
      'checkpoints.journal_seq as journalSeq',
      'checkpoints.journal_head as journalHead',
      'checkpoints.previous_digest as previousDigest',
      'checkpoints.key_id as keyId',
      'signing_keys.public_key as publicKey',
      'checkpoints.signature as signature',
    ])
}
