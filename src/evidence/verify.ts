/**
 * Checks an evidence package with the parts of the program that made it. `evidence/verify.mjs` does the same and shares
 * no code with this: a test holds the two together.
 */
import { toHex } from '../core/bytes.ts'
import type { InstantUs } from '../core/instant.ts'
import { rootOfProof } from '../core/merkle.ts'
import type { BatchHeader } from '../core/seal-types.ts'
import { LIMITS } from '../limits.ts'
import {
  checkpointDigest,
  checkpointMessage,
  journalDigest,
  keyIdOf,
  sourceLeaf,
  verifySignature,
} from '../seal/chain.ts'
import { blockLeaf, recordLeaf } from '../seal/records.ts'
import { batchDigest } from '../seal/view.ts'
import {
  type BlockProof,
  CHECKPOINT_FORMAT,
  type ChainedBatch,
  type CheckpointDocument,
  type Custody,
  FORMAT,
  FormatFault,
  isFileName,
  isRecordName,
  isSessionName,
  type Manifest,
  NAMES,
  type Proof,
  type RecordProof,
  readCheckpoint,
  readCustody,
  readManifest,
  readProof,
  readStatement,
  readSums,
  recordFile,
  type SourceProof,
  type Statement,
} from './format.ts'
import { type PackedFile, readZip, sha256, ZipFault } from './zip.ts'

/** What one knows from elsewhere than the package. */
export type Trusted = {
  /** Public key of the signer, 64 hexadecimal digits. */
  readonly key?: string | undefined
  readonly checkpoint?: { readonly seq: number; readonly digest: string } | undefined
}

/** Texts of the package are those of whoever made it: encode them. */
export type PackageVerdict = {
  readonly ok: boolean
  /** What does not hold, in words of ours. */
  readonly problems: readonly string[]
  readonly records: number
  readonly withheld: readonly { readonly number: number; readonly reason: string }[]
  readonly sessions: number
  readonly export:
    | {
        readonly entry: number
        readonly atUs: InstantUs
        readonly actor: string
        readonly reason: string
        readonly isSigned: boolean
      }
    | undefined
  readonly checkpoint:
    | {
        readonly seq: number
        readonly madeAtUs: InstantUs
        readonly digest: string
        readonly keyId: string
        readonly publicKey: string
      }
    | undefined
  /** Whether the checkpoint kept elsewhere is in the package; undefined where none was given. */
  readonly meetsKept: boolean | undefined
  /** Other keys that signed older entries of the journal. */
  readonly otherKeys: readonly string[]
  /** Batches of lines that a longer copy of their log took the place of. */
  readonly superseded: number
}

/** A package with what its documents say; all of it hostile until it was checked. */
export type OpenedPackage = {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly manifest: Manifest
  readonly statement: Statement
  readonly sums: ReadonlyMap<string, string>
}

type Facts = Omit<PackageVerdict, 'ok' | 'problems'>

class Problem extends Error {}

function must(condition: boolean, text: string): asserts condition {
  if (!condition) throw new Problem(text)
}

/** Checks a package. A mismatch is a result; no package makes this throw. */
export function verifyPackage(zip: Uint8Array, trusted: Trusted = {}): PackageVerdict {
  return new Check(trusted).run(zip)
}

/**
 * Unpacks a package, and checks that its files are those that it lists.
 *
 * @throws ZipFault, FormatFault, Problem
 */
export function openPackage(zip: Uint8Array): OpenedPackage {
  must(zip.length <= LIMITS.evidencePackageBytesMax, 'The package is too large.')
  const packed = readZip(zip, isFileName)
  const [first, ...others] = packed
  must(first?.name === NAMES.manifest, `${NAMES.manifest} is not the first file.`)
  const manifest = readManifest(first.bytes)
  must(manifest.format === FORMAT, 'The package is of another format than this program reads.')
  must(
    manifest.files.length === others.length && others.every((one, i) => isListed(one, manifest, i)),
    'The files of the package are not those that the manifest lists.',
  )
  const files = new Map(packed.map(({ name, bytes }) => [name, bytes]))
  const file = (name: string): Uint8Array => {
    const bytes = files.get(name)
    must(bytes !== undefined, `${name} is missing.`)
    return bytes
  }
  for (const name of [NAMES.checkpoint, NAMES.proof, NAMES.custody]) file(name)
  const sums = readSums(file(NAMES.sums))
  for (const { name, bytes } of packed) {
    const isSealed = name === NAMES.statement || isRecordName(name) || isSessionName(name)
    must(!isSealed || sums.get(name) === sha256(bytes), `${name} is not what it was.`)
  }
  const statement = readStatement(file(NAMES.statement))
  must(statement.format === FORMAT, `${NAMES.statement} is of another format.`)
  return { files, manifest, statement, sums }
}

function isListed(file: PackedFile, manifest: Manifest, i: number): boolean {
  const listed = manifest.files[i]
  return (
    listed !== undefined &&
    listed.name === file.name &&
    listed.bytes === file.bytes.length &&
    listed.sha256 === sha256(file.bytes)
  )
}

class Check {
  readonly #trusted: Trusted
  readonly #problems: string[] = []
  #verdict: Facts = {
    records: 0,
    withheld: [],
    sessions: 0,
    export: undefined,
    checkpoint: undefined,
    meetsKept: undefined,
    otherKeys: [],
    superseded: 0,
  }

  constructor(trusted: Trusted) {
    this.#trusted = trusted
  }

  run(zip: Uint8Array): PackageVerdict {
    this.#part(() => this.#all(zip))
    return { ...this.#verdict, ok: this.#problems.length === 0, problems: this.#problems }
  }

  /** What is wrong in one part does not keep the others from being looked at. */
  #part(work: () => void): void {
    try {
      work()
    } catch (error) {
      const isOurs = error instanceof Problem
      if (isOurs) this.#problems.push(error.message)
      else if (error instanceof FormatFault || error instanceof ZipFault)
        this.#problems.push(`The package is damaged: ${error.message}.`)
      // A number beyond the range of a field, which no package of ours holds.
      else if (error instanceof RangeError) this.#problems.push('A number is out of range.')
      else throw error
    }
  }

  #all(zip: Uint8Array): void {
    const opened = openPackage(zip)
    const { files, manifest, statement, sums } = opened
    const checkpoint = readCheckpoint(files.get(NAMES.checkpoint)!)
    const proof = readProof(files.get(NAMES.proof)!)
    const custody = readCustody(files.get(NAMES.custody)!)
    const withheld = withheldOf(opened)
    this.#set({
      records: proof.records.length,
      sessions: statement.sessions.length,
      withheld: manifest.withheld.map(({ file, reason }) => ({
        number: Number(file.slice(8, 14)),
        reason,
      })),
    })
    this.#part(() => this.#checkpoint(checkpoint))
    this.#part(() => this.#history(custody, checkpoint))
    this.#part(() => {
      const chains = proof.sources.map((source) => chainOf(source, checkpoint))
      const blocks = proof.blocks.map((block) => provenBlock(block, chains))
      checkNames(proof, statement, sums)
      checkOrder(proof)
      for (const record of proof.records)
        checkRecord(record, chains, blocks, withheld.has(record.file) ? undefined : files)
      this.#set({ superseded: supersededOf(proof) })
    })
    this.#part(() => this.#custody(custody, checkpoint, sha256(files.get(NAMES.sums)!), statement))
  }

  #set(more: Partial<Facts>): void {
    this.#verdict = { ...this.#verdict, ...more }
  }

  #checkpoint(checkpoint: CheckpointDocument): void {
    const { seq, madeAtUs, digest, keyId, publicKey } = checkpoint
    this.#set({ checkpoint: { seq, madeAtUs, digest, keyId, publicKey } })
    mustBeSigned(checkpoint)
    must(
      this.#trusted.key === undefined || this.#trusted.key === publicKey,
      'The checkpoint is signed by another key than the one given.',
    )
  }

  /** Follows older checkpoints to that of the package, and looks for the one kept elsewhere among them. */
  #history({ history, checkpoints }: Custody, main: CheckpointDocument): void {
    const digests = new Map([[main.seq, main.digest]])
    const first = main.seq - history.links.length
    must(first > 0 || history.links.length === 0, 'Older checkpoints are more than there can be.')
    let previousDigest: Uint8Array = Buffer.from(history.before, 'hex')
    for (const [i, link] of history.links.entries()) {
      must(link.seq === first + i, `Checkpoint ${first + i} is missing.`)
      const message = checkpointMessage({
        ...link,
        treeRoot: Buffer.from(link.treeRoot, 'hex'),
        journalHead: Buffer.from(link.journalHead, 'hex'),
        previousDigest,
      })
      previousDigest = checkpointDigest(message)
      digests.set(link.seq, toHex(previousDigest))
    }
    must(
      toHex(previousDigest) === main.previousDigest,
      'Older checkpoints do not lead to that of the package.',
    )
    for (const { seq, digest } of checkpoints) {
      must(
        (digests.get(seq) ?? digest) === digest,
        `Checkpoint ${seq} is of another history than that of the package.`,
      )
    }
    // One that signed entries of the journal alone is not enough: nothing leads from it to the lines.
    const kept = this.#trusted.checkpoint
    if (kept === undefined) return
    const here = digests.get(kept.seq)
    must(
      here === undefined || here === kept.digest,
      `Checkpoint ${kept.seq} is not the one kept elsewhere: there are two histories.`,
    )
    this.#set({ meetsKept: here !== undefined })
  }

  #custody(
    custody: Custody,
    main: CheckpointDocument,
    content: string,
    statement: Statement,
  ): void {
    const signers = new Map([[main.seq, main]])
    const otherKeys = new Set<string>()
    for (const one of custody.checkpoints) {
      must(!signers.has(one.seq), `Checkpoint ${one.seq} is there twice.`)
      mustBeSigned(one)
      if (one.publicKey !== main.publicKey) otherKeys.add(one.keyId)
      signers.set(one.seq, one)
    }
    this.#set({ otherKeys: [...otherKeys] })
    const used = new Set([main.seq])
    let last = 0
    let found: PackageVerdict['export']
    for (const { signedBy, before, entries } of custody.segments) {
      let previous: Uint8Array = Buffer.from(before, 'hex')
      const first = entries[0]?.seq ?? 0
      must(first > last, 'Parts of the journal are empty or out of order.')
      must(first > 1 || isZero(previous), 'Nothing comes before the first entry of the journal.')
      for (const [i, entry] of entries.entries()) {
        must(entry.seq === first + i, `Entry ${entry.seq} of the journal does not follow.`)
        previous = journalDigest({ ...entry, previousDigest: previous })
        if (entry.action !== 'evidence.exported' || contentOf(entry.detail) !== content) continue
        must(entry.concerns, `Entry ${entry.seq} of the journal is about this package.`)
        found = {
          entry: entry.seq,
          atUs: entry.atUs,
          actor: entry.actor,
          reason: entry.reason,
          isSigned: signedBy !== 0,
        }
      }
      last = first + entries.length - 1
      if (signedBy === 0) {
        must(
          first === main.journalSeq + 1 && before === main.journalHead,
          'Entries of the journal that are not signed do not follow the checkpoint.',
        )
        continue
      }
      const signer = signers.get(signedBy)
      used.add(signedBy)
      must(
        signer !== undefined &&
          signer.journalSeq === last &&
          signer.journalHead === toHex(previous),
        `Entries of the journal up to ${last} do not lead to a signed checkpoint.`,
      )
    }
    must(used.size === signers.size, 'A checkpoint is there that no entry of the journal needs.')
    must(found !== undefined, 'The journal has no entry about this package.')
    must(
      found.actor === statement.actor && found.reason === statement.reason,
      `The journal names another person or reason than ${NAMES.statement}.`,
    )
    this.#set({ export: found })
  }
}

/** Files of lines that were taken out; whatever else is missing was taken out without a word. */
function withheldOf({ files, manifest, statement, sums }: OpenedPackage): ReadonlySet<string> {
  const withheld = new Set<string>()
  for (const { file, reason } of manifest.withheld) {
    must(
      isRecordName(file) && sums.has(file) && !files.has(file) && !withheld.has(file),
      'The manifest names a withheld line that is not one.',
    )
    must(reason.trim() !== '', 'A line is withheld without a reason.')
    withheld.add(file)
  }
  for (const name of sums.keys()) {
    const isExplained =
      files.has(name) ||
      withheld.has(name) ||
      // The view of a session repeats its lines.
      statement.sessions.some(
        (one) =>
          one.file === name && one.records.some((number) => withheld.has(recordFile(number))),
      )
    must(isExplained, `${name} is missing, and not said to be withheld.`)
  }
  return withheld
}

function mustBeSigned(checkpoint: CheckpointDocument): void {
  const what = `Checkpoint ${checkpoint.seq}`
  must(checkpoint.format === CHECKPOINT_FORMAT, `${what} is of another format.`)
  const message = checkpointMessage({
    ...checkpoint,
    treeRoot: Buffer.from(checkpoint.treeRoot, 'hex'),
    journalHead: Buffer.from(checkpoint.journalHead, 'hex'),
    previousDigest: Buffer.from(checkpoint.previousDigest, 'hex'),
  })
  const publicKey = Buffer.from(checkpoint.publicKey, 'hex')
  must(toHex(checkpointDigest(message)) === checkpoint.digest, `${what} does not match its digest.`)
  must(keyIdOf(publicKey) === checkpoint.keyId, `${what} names another key than it holds.`)
  must(
    verifySignature(publicKey, message, Buffer.from(checkpoint.signature, 'hex')),
    `${what} is not signed by the key that it names.`,
  )
}

type Chain = ReadonlyMap<number, ChainedBatch>

/** Follows the batches of a source up to the checkpoint. */
function chainOf(source: SourceProof, checkpoint: CheckpointDocument): Chain {
  const where = `Source ${source.uid}`
  const uid = Buffer.from(source.uid, 'hex')
  let previous: Uint8Array = Buffer.from(source.before, 'hex')
  const first = source.chain[0]?.seq ?? 0
  must(first > 0, `${where}: batches are numbered from 1.`)
  must(first > 1 || isZero(previous), `${where}: nothing comes before its first batch.`)
  for (const [i, batch] of source.chain.entries()) {
    must(batch.seq === first + i, `${where}: batch ${first + i} is missing.`)
    previous = batchDigest(headerOf(source, uid, batch, previous))
  }
  must(
    first + source.chain.length === source.batches + 1,
    `${where}: its newest batches are missing.`,
  )
  const { batches, records, stored } = source
  const leaf = sourceLeaf({ uid, batches, lastDigest: previous, records, stored })
  const root = rootOfProof(leaf, source.index, checkpoint.sources, hashesOf(source.proof))
  must(
    root !== undefined && toHex(root) === checkpoint.treeRoot,
    `${where}: its batches do not lead to the checkpoint.`,
  )
  return new Map(source.chain.map((batch) => [batch.seq, batch]))
}

function headerOf(
  source: SourceProof,
  sourceUid: Uint8Array,
  batch: ChainedBatch,
  previousDigest: Uint8Array,
): BatchHeader {
  return {
    ...batch,
    sourceUid,
    sensorOverride: source.sensorOverride,
    recordRoot: Buffer.from(batch.recordRoot, 'hex'),
    viewRoot: Buffer.from(batch.viewRoot, 'hex'),
    previousDigest,
  }
}

function provenBlock(block: BlockProof, chains: readonly Chain[]): BlockProof {
  const where = `Block ${block.n} of batch ${block.batch}`
  const batch = chains[block.source]?.get(block.batch)
  must(batch !== undefined, `${where}: its batch is not proven.`)
  must(
    block.startOffset >= batch.startOffset &&
      block.endOffset <= batch.endOffset &&
      block.startOffset <= block.endOffset,
    `${where}: lies outside of its batch.`,
  )
  const leaf = blockLeaf({
    ...block,
    sha256: Buffer.from(block.sha256, 'hex'),
    root: Buffer.from(block.root, 'hex'),
  })
  const root = rootOfProof(leaf, block.n, batch.blocks, hashesOf(block.proof))
  must(
    root !== undefined && toHex(root) === batch.recordRoot,
    `${where}: does not lead to its batch.`,
  )
  return block
}

function checkNames(proof: Proof, statement: Statement, sums: ReadonlyMap<string, string>): void {
  const listed = [...sums.keys()].filter(isRecordName)
  must(
    proof.records.length === listed.length &&
      proof.records.length === statement.records &&
      proof.records.every(({ file }, i) => file === recordFile(i + 1) && file === listed[i]),
    'The proof is not about the lines that are in the package.',
  )
}

/** A line that was logged once shall not count twice: each leaf is that of one line, and sources and lines are in order. */
function checkOrder({ sources, blocks, records }: Proof): void {
  must(new Set(sources.map(({ uid }) => uid)).size === sources.length, 'A source is there twice.')
  for (const [i, record] of records.entries()) {
    const before = records[i - 1]
    if (before === undefined || before.source < record.source) continue
    const isSameBatch = before.source === record.source && before.batch === record.batch
    const last = before.leaves.at(-1)
    const first = record.leaves[0]
    const lastBlock = last && blocks[last.block]
    const firstBlock = first && blocks[first.block]
    must(
      isSameBatch
        ? last !== undefined &&
            first !== undefined &&
            lastBlock !== undefined &&
            firstBlock !== undefined &&
            record.record >= before.record &&
            record.startOffset >= before.endOffset &&
            (firstBlock.n > lastBlock.n ||
              (firstBlock.n === lastBlock.n && first.index > last.index))
        : before.source === record.source && before.batch < record.batch,
      `Line ${i + 1} does not stand behind the one before it.`,
    )
  }
}

/** @param files - undefined for a line that is withheld */
function checkRecord(
  record: RecordProof,
  chains: readonly Chain[],
  blocks: readonly BlockProof[],
  files: ReadonlyMap<string, Uint8Array> | undefined,
): void {
  const where = `Line ${Number(record.file.slice(8, 14))}`
  const batch = chains[record.source]?.get(record.batch)
  must(batch !== undefined, `${where}: its batch is not proven.`)
  must(record.leaves.length > 0, `${where}: no proof is there.`)
  must(
    record.record < batch.records && record.line === batch.firstRecord + record.record + 1,
    `${where}: its number does not fit its batch.`,
  )
  const length = record.endOffset - record.startOffset
  must(
    record.leaves.reduce((sum, leaf) => sum + leaf.bytes, 0) === length,
    `${where}: its parts do not add up.`,
  )
  const bytes = files?.get(record.file)
  must(bytes === undefined || bytes.length === length, `${where}: has another length.`)
  let at = 0
  for (const [i, leaf] of record.leaves.entries()) {
    const block = blocks[leaf.block]
    must(
      block !== undefined && block.source === record.source && block.batch === record.batch,
      `${where}: its block is not proven.`,
    )
    must(
      record.startOffset + at >= block.startOffset &&
        record.startOffset + at + leaf.bytes <= block.endOffset,
      `${where}: lies outside of its block.`,
    )
    const before = record.leaves[i - 1]
    if (before !== undefined) {
      const beside = blocks[before.block]!
      must(
        before.block === leaf.block
          ? leaf.index === before.index + 1
          : leaf.index === 0 && before.index === beside.records - 1 && block.n === beside.n + 1,
        `${where}: its parts do not follow each other.`,
      )
    }
    const hash = Buffer.from(leaf.hash, 'hex')
    must(
      bytes === undefined ||
        recordLeaf(bytes.subarray(at, at + leaf.bytes)).every((b, n) => b === hash[n]),
      `${where}: is not what was logged.`,
    )
    const root = rootOfProof(hash, leaf.index, block.records, hashesOf(leaf.proof))
    must(root !== undefined && toHex(root) === block.root, `${where}: does not lead to its block.`)
    at += leaf.bytes
  }
}

function supersededOf(proof: Proof): number {
  const used = new Set(proof.records.map((one) => `${one.source} ${one.batch}`))
  return proof.sources.reduce(
    (sum, source, i) =>
      sum + source.chain.filter((batch) => used.has(`${i} ${batch.supersedes}`)).length,
    0,
  )
}

function contentOf(detail: string): unknown {
  try {
    const value: unknown = JSON.parse(detail)
    return typeof value === 'object' && value !== null
      ? (value as Readonly<Record<string, unknown>>)['content']
      : undefined
  } catch {
    return undefined
  }
}

const hashesOf = (proof: readonly string[]): Buffer[] => proof.map((one) => Buffer.from(one, 'hex'))

const isZero = (digest: Uint8Array): boolean => digest.every((byte) => byte === 0)
