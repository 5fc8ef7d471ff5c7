/** What stands in an evidence package; `docs/evidence.md` describes it. */

export const FORMAT = 'nacre-evidence-1'
export const CHECKPOINT_FORMAT = 'nacre-checkpoint-1'

/** Files of a package beside its lines and sessions, in the order in which they stand before these. */
export const NAMES = {
  manifest: 'manifest.json',
  readme: 'README.txt',
  statement: 'statement.json',
  sums: 'SHA256SUMS',
  checkpoint: 'checkpoint.json',
  proof: 'proof.json',
  custody: 'custody.json',
  page: 'verify.html',
  program: 'verify.mjs',
} as const

/** File of a line, numbered from 1. */
export function recordFile(number: number): string {
  return `records/${String(number).padStart(6, '0')}.bin`
}

/** File of a session, numbered from 1. */
export function sessionFile(number: number): string {
  return `sessions/${String(number).padStart(4, '0')}.json`
}

const RECORD_NAME = /^records\/\d{6}\.bin$/
const SESSION_NAME = /^sessions\/\d{4}\.json$/
const OWN_NAMES: ReadonlySet<string> = new Set(Object.values(NAMES))

export const isRecordName = (name: string): boolean => RECORD_NAME.test(name)
export const isSessionName = (name: string): boolean => SESSION_NAME.test(name)
export const isFileName = (name: string): boolean =>
  OWN_NAMES.has(name) || isRecordName(name) || isSessionName(name)

export type Manifest = {
  readonly format: string
  readonly program: string
  /** Every other file, in its order. */
  readonly files: readonly {
    readonly name: string
    readonly bytes: number
    readonly sha256: string
  }[]
  /** Lines that were taken out later. */
  readonly withheld: readonly {
    readonly file: string
    readonly reason: string
    readonly at: string
  }[]
}

/** Who made the package, when, why and of what; covered by the journal. Texts in visible form. */
export type Statement = {
  readonly format: string
  readonly exportedAt: string
  readonly actor: string
  readonly reason: string
  readonly asked: readonly string[]
  readonly program: string
  readonly schemaVersions: readonly string[]
  readonly ruleSets: readonly string[]
  readonly records: number
  readonly sessions: readonly {
    readonly file: string
    readonly sensor: string
    readonly session: string
    /** Numbers of its lines. */
    readonly records: readonly number[]
  }[]
}

/** Digests, keys and signatures are in hexadecimal digits. */
export type CheckpointDocument = {
  readonly format: string
  readonly seq: number
  readonly madeAtUs: number
  readonly upToBatch: number
  readonly sources: number
  readonly treeRoot: string
  readonly journalSeq: number
  readonly journalHead: string
  readonly previousDigest: string
  readonly digest: string
  readonly keyId: string
  readonly publicKey: string
  readonly signature: string
}

/** A batch without the digest of the one before: that follows from the chain. */
export type ChainedBatch = {
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
  readonly recordRoot: string
  readonly viewRoot: string
  readonly schemaVersion: string
  readonly ruleSet: string
  readonly programVersion: string
  readonly committedAtUs: number
}

export type SourceProof = {
  readonly uid: string
  /** Where it was last seen, visible form; not proven. */
  readonly path: string
  readonly sensorOverride: string
  /** Place in the tree of the checkpoint. */
  readonly index: number
  readonly proof: readonly string[]
  readonly batches: number
  readonly records: number
  readonly stored: number
  /** Digest of the batch before the first of the chain. */
  readonly before: string
  /** From the first batch that is needed to the newest that the checkpoint covers. */
  readonly chain: readonly ChainedBatch[]
}

export type BlockProof = {
  /** Place in the list of sources. */
  readonly source: number
  readonly batch: number
  readonly n: number
  readonly startOffset: number
  readonly endOffset: number
  readonly records: number
  readonly root: string
  readonly sha256: string
  readonly proof: readonly string[]
}

export type LeafProof = {
  /** Place in the list of blocks. */
  readonly block: number
  readonly index: number
  readonly bytes: number
  readonly hash: string
  readonly proof: readonly string[]
}

export type RecordProof = {
  readonly file: string
  readonly source: number
  readonly batch: number
  readonly record: number
  readonly line: number
  readonly startOffset: number
  readonly endOffset: number
  /** One, or for a region that could not be told into records, its segments. */
  readonly leaves: readonly LeafProof[]
}

export type Proof = {
  readonly sources: readonly SourceProof[]
  readonly blocks: readonly BlockProof[]
  readonly records: readonly RecordProof[]
}

export type CustodyEntry = {
  readonly seq: number
  readonly atUs: number
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly reason: string
  readonly detail: string
  /** Whether it is about these lines; the others stand between it and the checkpoint. */
  readonly concerns: boolean
}

export type CustodySegment = {
  /** Checkpoint that the last of its entries leads to; 0 for entries after the newest one. */
  readonly signedBy: number
  /** Digest of the entry before the first. */
  readonly before: string
  readonly entries: readonly CustodyEntry[]
}

/** An older checkpoint without its signature: the next one names its digest. */
export type CheckpointLink = Pick<
  CheckpointDocument,
  'seq' | 'madeAtUs' | 'upToBatch' | 'sources' | 'treeRoot' | 'journalSeq' | 'journalHead'
>

export type Custody = {
  /** Checkpoints right before that of the package, the oldest first, so that one kept elsewhere can be found among them. */
  readonly history: {
    /** Digest of the checkpoint before the first; of the one before the package's where there is none. */
    readonly before: string
    readonly links: readonly CheckpointLink[]
  }
  /** Beside that of the package. */
  readonly checkpoints: readonly CheckpointDocument[]
  readonly segments: readonly CustodySegment[]
}

/** JSON as packages print it: one way only, so that nothing stands in it twice or unseen. */
export function printDocument(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 1)}\n`)
}

/** A document that is not as the format says. */
export class FormatFault extends Error {}

type Check = (value: unknown) => boolean

const integer: Check = (value) => Number.isSafeInteger(value) && !Object.is(value, -0)
const count: Check = (value) => integer(value) && (value as number) >= 0
const text: Check = (value) => typeof value === 'string'
const flag: Check = (value) => typeof value === 'boolean'
const hex =
  (bytes: number): Check =>
  (value) =>
    typeof value === 'string' && value.length === bytes * 2 && /^[0-9a-f]*$/.test(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)

/** An object with these fields, in this order, and no other. */
function fieldsOf<T>(fields: { readonly [K in keyof T]-?: Check }): Check {
  const checks = Object.entries<Check>(fields)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    const entries = Object.entries(value)
    return (
      entries.length === checks.length &&
      entries.every(([name, one], i) => name === checks[i]![0] && checks[i]![1](one))
    )
  }
}

const digest = hex(32)
const checkpoint = fieldsOf<CheckpointDocument>({
  format: text,
  seq: count,
  madeAtUs: integer,
  upToBatch: count,
  sources: count,
  treeRoot: digest,
  journalSeq: count,
  journalHead: digest,
  previousDigest: digest,
  digest,
  keyId: hex(8),
  publicKey: digest,
  signature: hex(64),
})
const chained = fieldsOf<ChainedBatch>({
  seq: count,
  startOffset: count,
  endOffset: count,
  firstRecord: count,
  records: count,
  stored: count,
  duplicate: count,
  held: count,
  dead: count,
  blank: count,
  expired: count,
  supersedes: count,
  blocks: count,
  recordRoot: digest,
  viewRoot: digest,
  schemaVersion: text,
  ruleSet: text,
  programVersion: text,
  committedAtUs: integer,
})
const proof = fieldsOf<Proof>({
  sources: listOf(
    fieldsOf<SourceProof>({
      uid: hex(16),
      path: text,
      sensorOverride: text,
      index: count,
      proof: listOf(digest),
      batches: count,
      records: count,
      stored: count,
      before: digest,
      chain: listOf(chained),
    }),
  ),
  blocks: listOf(
    fieldsOf<BlockProof>({
      source: count,
      batch: count,
      n: count,
      startOffset: count,
      endOffset: count,
      records: count,
      root: digest,
      sha256: digest,
      proof: listOf(digest),
    }),
  ),
  records: listOf(
    fieldsOf<RecordProof>({
      file: text,
      source: count,
      batch: count,
      record: count,
      line: count,
      startOffset: count,
      endOffset: count,
      leaves: listOf(
        fieldsOf<LeafProof>({
          block: count,
          index: count,
          bytes: count,
          hash: digest,
          proof: listOf(digest),
        }),
      ),
    }),
  ),
})
const manifest = fieldsOf<Manifest>({
  format: text,
  program: text,
  files: listOf(fieldsOf<Manifest['files'][number]>({ name: text, bytes: count, sha256: digest })),
  withheld: listOf(fieldsOf<Manifest['withheld'][number]>({ file: text, reason: text, at: text })),
})
const statement = fieldsOf<Statement>({
  format: text,
  exportedAt: text,
  actor: text,
  reason: text,
  asked: listOf(text),
  program: text,
  schemaVersions: listOf(text),
  ruleSets: listOf(text),
  records: count,
  sessions: listOf(
    fieldsOf<Statement['sessions'][number]>({
      file: text,
      sensor: text,
      session: text,
      records: listOf(count),
    }),
  ),
})
const custody = fieldsOf<Custody>({
  history: fieldsOf<Custody['history']>({
    before: digest,
    links: listOf(
      fieldsOf<CheckpointLink>({
        seq: count,
        madeAtUs: integer,
        upToBatch: count,
        sources: count,
        treeRoot: digest,
        journalSeq: count,
        journalHead: digest,
      }),
    ),
  }),
  checkpoints: listOf(checkpoint),
  segments: listOf(
    fieldsOf<CustodySegment>({
      signedBy: count,
      before: digest,
      entries: listOf(
        fieldsOf<CustodyEntry>({
          seq: count,
          atUs: integer,
          actor: text,
          action: text,
          subject: text,
          reason: text,
          detail: text,
          concerns: flag,
        }),
      ),
    }),
  ),
})

/** @throws FormatFault */
function read<T>(bytes: Uint8Array, check: Check, name: string): T {
  let value: unknown
  let isPlain = false
  try {
    const source = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(source)
    isPlain = `${JSON.stringify(value, null, 1)}\n` === source
  } catch {
    throw new FormatFault(`${name} is no JSON`)
  }
  if (!isPlain || !check(value)) throw new FormatFault(`${name} is not written as the format says`)
  return value as T // checked field by field in the line above
}

export const readManifest = (bytes: Uint8Array): Manifest => read(bytes, manifest, NAMES.manifest)
export const readStatement = (bytes: Uint8Array): Statement =>
  read(bytes, statement, NAMES.statement)
export const readCheckpoint = (bytes: Uint8Array): CheckpointDocument =>
  read(bytes, checkpoint, NAMES.checkpoint)
export const readProof = (bytes: Uint8Array): Proof => read(bytes, proof, NAMES.proof)
export const readCustody = (bytes: Uint8Array): Custody => read(bytes, custody, NAMES.custody)

/** The lines of `SHA256SUMS`: what was in the package when it was made, by name. @throws FormatFault */
export function readSums(bytes: Uint8Array): ReadonlyMap<string, string> {
  const lines = Buffer.from(bytes).toString('latin1').split('\n')
  const sums = new Map<string, string>()
  if (lines.pop() !== '') throw new FormatFault(`${NAMES.sums} is not written as the format says`)
  for (const line of lines) {
    const hash = line.slice(0, 64)
    const name = line.slice(66)
    const isListed = name === NAMES.statement || isRecordName(name) || isSessionName(name)
    if (!digest(hash) || line.slice(64, 66) !== '  ' || !isListed || sums.has(name))
      throw new FormatFault(`${NAMES.sums} is not written as the format says`)
    sums.set(name, hash)
  }
  return sums
}
