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
