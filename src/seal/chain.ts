/** Checkpoints and journal entries: what ties the sources together and what the key signs. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { blake3 } from '../core/blake3.ts'
import { FieldWriter, toHex } from '../core/bytes.ts'
import { MerkleTree } from '../core/merkle.ts'
import type { Checkpoint, JournalEntry, SigningKey, SourceHead } from '../core/seal-types.ts'

const KIND = { source: 0x07, journal: 0x08, checkpoint: 0x0a } as const
const fields = new FieldWriter()

export const ZERO_DIGEST: Uint8Array = new Uint8Array(32)

/** Root over all sources. @param heads - ordered by uid */
export function sourcesRoot(heads: Iterable<SourceHead>): {
  readonly root: Uint8Array
  readonly sources: number
} {
  const tree = new MerkleTree()
  for (const head of heads) tree.add(sourceLeaf(head))
  return { root: tree.root(), sources: tree.size }
}

/** The leaf of a source in the tree of a checkpoint. */
export function sourceLeaf(head: SourceHead): Uint8Array {
  return fields
    .reset(KIND.source)
    .bytes(head.uid)
    .u64(head.batches)
    .raw(head.lastDigest)
    .u64(head.records)
    .u64(head.stored)
    .hash()
}

/** The bytes that are signed. */
export function checkpointMessage(checkpoint: Checkpoint): Buffer {
  fields.reset(0)
  const message = fields
    .text('nacre-checkpoint-1')
    .u64(checkpoint.seq)
    .i64(checkpoint.madeAtUs)
    .u64(checkpoint.upToBatch)
    .u64(checkpoint.sources)
    .raw(checkpoint.treeRoot)
    .u64(checkpoint.journalSeq)
    .raw(checkpoint.journalHead)
    .raw(checkpoint.previousDigest)
    .view()
  // The kind byte of `reset` is no part of the message.
  return Buffer.from(message.subarray(1))
}

export function checkpointDigest(message: Uint8Array): Uint8Array {
  return fields.reset(KIND.checkpoint).raw(message).hash()
}

export function journalDigest(entry: JournalEntry): Uint8Array {
  return fields
    .reset(KIND.journal)
    .text('nacre-journal-1')
    .u64(entry.seq)
    .i64(entry.atUs)
    .text(entry.actor)
    .text(entry.action)
    .text(entry.subject)
    .text(entry.reason)
    .text(entry.detail)
    .raw(entry.previousDigest)
    .hash()
}

/** Makes a new Ed25519 key. @returns the private key as PKCS #8 PEM */
export function newSigningKey(): string {
  return generateKeyPairSync('ed25519')
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

/** @throws Error when the text is no Ed25519 private key */
export function loadSigningKey(pem: string): SigningKey {
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('not an Ed25519 key')
  const publicKey = rawPublicKey(createPublicKey(key))
  return { keyId: keyIdOf(publicKey), publicKey, sign: (message) => sign(null, message, key) }
}

/** Whether a signature over a message was made by the key with these 32 raw bytes. */
export function verifySignature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') },
      format: 'jwk',
    })
    return verify(null, message, key, signature)
  } catch {
    return false
  }
}

/** First 16 hex digits of the hash of the raw public key. */
export function keyIdOf(publicKey: Uint8Array): string {
  return toHex(blake3(publicKey)).slice(0, 16)
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url')
}
