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
