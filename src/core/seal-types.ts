/** What a checkpoint says; `docs/seal-format.md` gives its bytes. */
export type Checkpoint = {
  readonly seq: number
  readonly madeAtUs: number
  readonly upToBatch: number
  readonly sources: number
  readonly treeRoot: Uint8Array
  readonly journalSeq: number
  readonly journalHead: Uint8Array
  readonly previousDigest: Uint8Array
}

/** A checkpoint with what proves it. */
export type SignedCheckpoint = Checkpoint & {
  readonly keyId: string
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
}

/** A key pair that signs checkpoints. */
export type SigningKey = {
  readonly keyId: string
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** Whom sealed bytes are encrypted to: a public X25519 key. Plain data, so that it can go to other threads. */
export type Recipient = {
  /** First 16 hex digits of the hash of the raw public key. */
  readonly keyId: string
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}

/** The half that opens what was encrypted to a recipient. */
export type RecipientPrivateKey = Recipient & {
  /** X25519 with the public key of the other side. @throws Error when the outcome is all zeros */
  agree(publicKey: Uint8Array): Uint8Array
}

/** The data key of a batch, wrapped for a recipient. */
export type Envelope = {
  readonly keyId: string
  /** Public half of a key pair made for this batch alone, 32 bytes. */
  readonly ephemeral: Uint8Array
  /** 32 bytes of key and 16 of tag. */
  readonly wrapped: Uint8Array
}

/** An envelope with the digests of the stored bytes of all blocks that it opens, in their order. */
export type SealedEnvelope = Envelope & { readonly storedDigests: readonly Uint8Array[] }

export type JournalEntry = {
  readonly seq: number
  readonly atUs: number
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly reason: string
  /** JSON text. */
  readonly detail: string
  readonly previousDigest: Uint8Array
}

/** The newest batch of a source, as a checkpoint sees it. */
export type SourceHead = {
  readonly uid: Uint8Array
  readonly batches: number
  readonly lastDigest: Uint8Array
  readonly records: number
  readonly stored: number
}

/** Root over the rows that a batch added on one UTC day. */
export type DayRoot = { readonly day: number; readonly rows: number; readonly root: Uint8Array }

/** What a batch commits to. */
export type BatchHeader = {
  readonly sourceUid: Uint8Array
  readonly sensorOverride: string
  readonly seq: number
  readonly startOffset: number
  readonly endOffset: number
  readonly firstRecord: number
  readonly records: number
  readonly stored: number
  readonly duplicate: number
  readonly held: number
  readonly dead: number
  readonly blank: number
  readonly expired: number
  readonly supersedes: number
  readonly blocks: number
  readonly recordRoot: Uint8Array
  readonly viewRoot: Uint8Array
  readonly schemaVersion: string
  readonly ruleSet: string
  readonly programVersion: string
  readonly committedAtUs: number
  readonly previousDigest: Uint8Array
}
