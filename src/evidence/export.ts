/** Makes evidence packages: asked for with a reason, granted by right, in the journal before the package is there. */
import { toHex } from '../core/bytes.ts'
import { EvidenceError, OperatingError } from '../core/errors.ts'
import { formatInstant, type InstantUs } from '../core/instant.ts'
import { inclusionProof } from '../core/merkle.ts'
import type { RecipientPrivateKey } from '../core/seal-types.ts'
import { LIMITS } from '../limits.ts'
import { toVisible } from '../neutralize/visible.ts'
import { keepRefusal, mustBeGranted, type Wanted } from '../pipeline/evidence.ts'
import { sourceLeaf } from '../seal/chain.ts'
import type { EventRecord, SessionRecord, Store } from '../store/port.ts'
import type { HoldSubject } from '../store/repo/holds.ts'
import { eventsOfSession } from '../store/repo/sessions.ts'
import type { Row } from '../store/schema.ts'
import { collect, type FoundBatch } from './collect.ts'
import { checkpointDocument, custodyOf } from './custody.ts'
import {
  type BlockProof,
  type ChainedBatch,
  FORMAT,
  NAMES,
  type Proof,
  printDocument,
  type RecordProof,
  recordFile,
  type SourceProof,
  type Statement,
  sessionFile,
} from './format.ts'
import { concerning, type Places, placesOfSession, placesText } from './places.ts'
import { readmeOf } from './readme.ts'
import type { Verifier } from './verifier.ts'
import { type PackedFile, packZip, sha256, withManifest } from './zip.ts'

/** What is asked for. At least one of the two lists has something. */
export type EvidenceRequest = {
  readonly sessions: readonly SessionRecord[]
  readonly items: readonly Wanted[]
  /** The same in words, one each; visible form. */
  readonly asked: readonly string[]
}

export type ExportOptions = {
  readonly actor: string
  /** Whether the actor may; the caller knows the users. */
  readonly isAllowed: boolean
  readonly reason: string
  readonly privateKeys: ReadonlyMap<string, RecipientPrivateKey>
  readonly nowUs: InstantUs
  readonly programVersion: string
  readonly verifier: Verifier
  /** A session as JSON text, in the shape that all outputs give it. */
  readonly sessionText: (session: SessionRecord, events: readonly EventRecord[]) => string
  /** Signs a checkpoint of the present state; undefined where the key is not at hand. */
  readonly sign: (() => Promise<unknown>) | undefined
  /** Number of an older checkpoint that the package leads back to; undefined for the last hundred. */
  readonly sinceCheckpoint?: number | undefined
  /** Told of what was made, before its bytes are given out. */
  readonly onMade?: (facts: ExportFacts) => void
}

export type ExportFacts = {
  readonly records: number
  readonly sessions: number
  readonly bytes: number
  readonly checkpoint: number
  readonly keyId: string
  /** SHA-256 of the list of contents, as the journal has it. */
  readonly content: string
  /** Whether the checkpoint covers the journal entry about this package. */
  readonly isSigned: boolean
}

/**
 * A package, piece by piece. Granted or refused, the journal keeps who asked for what and why, before the first piece.
 *
 * Nothing happens before the first piece is asked for.
 *
 * @throws EvidenceError, SealError, LookupFailed
 */
export async function* exportEvidence(
  store: Store,
  request: EvidenceRequest,
  options: ExportOptions,
): AsyncGenerator<Uint8Array> {
  let made: readonly PackedFile[]
  try {
    made = await make(store, request, options)
  } catch (error) {
    if (error instanceof OperatingError)
      await keepRefusal(store, `evidence package: ${request.asked.join('; ')}`, options, error.code)
    throw error
  }
  yield* packZip(made)
}

async function make(
  store: Store,
  request: EvidenceRequest,
  options: ExportOptions,
): Promise<readonly PackedFile[]> {
  const reads = store.reads()
  await mustBeGranted(reads, options)
  const bySession = new Map<SessionRecord, readonly Wanted[]>()
  for (const session of request.sessions) {
    const places = await placesOfSession(store.query, session)
    bySession.set(
      session,
      places.map((place) => ({ ...place, range: undefined })),
    )
  }
  const wanted = once([...[...bySession.values()].flat(), ...request.items])
  const found = await collect(store, wanted, options.privateKeys)
  if (options.sign === undefined) await mustBeCovered(store, found)
  const places = placesOf(found)
  const numberOf = numbersOf(found)

  const contents: PackedFile[] = found
    .flatMap((batch) => batch.records)
    .map((record, i) => ({ name: recordFile(i + 1), bytes: record.bytes }))
  const sessions: Statement['sessions'][number][] = []
  const views: PackedFile[] = []
  for (const [session, own] of bySession) {
    const file = sessionFile(sessions.length + 1)
    const events = await eventsOfSession(store.query, session)
    views.push({ name: file, bytes: Buffer.from(`${options.sessionText(session, events)}\n`) })
    sessions.push({
      file,
      sensor: session.sensor,
      session: session.session,
      records: own
        .map((one) => numberOf.get(`${one.batchId} ${one.record}`)!)
        .sort((a, b) => a - b),
    })
  }
  const statement: Statement = {
    format: FORMAT,
    exportedAt: formatInstant(options.nowUs),
    actor: toVisible(options.actor),
    reason: toVisible(options.reason),
    asked: request.asked,
    program: `nacre ${options.programVersion}`,
    schemaVersions: valuesOf(found, (row) => row.schema_version),
    ruleSets: valuesOf(found, (row) => row.rule_set),
    records: contents.length,
    sessions,
  }
  const sealed = [{ name: NAMES.statement, bytes: printDocument(statement) }, ...views, ...contents]
  const sums = Buffer.from(
    sealed.map(({ name, bytes }) => `${sha256(bytes)}  ${name}\n`).join(''),
    'latin1',
  )
  const content = sha256(sums)
  await store.journal({
    actor: toVisible(options.actor),
    action: 'evidence.exported',
    subject: 'evidence package',
    reason: toVisible(options.reason),
    detail: { records: placesText(places), content },
  })
  await options.sign?.()

  const checkpoint = await newestCheckpoint(store)
  if (checkpoint === undefined) throw notSigned()
  const keys = new Map(
    (await reads.signingKeys()).map((row) => [row.key_id, new Uint8Array(row.public_key)]),
  )
  const document = checkpointDocument(checkpoint, keys.get(checkpoint.key_id)!)
  const custody = await custodyOf(
    reads,
    checkpoint,
    options.sinceCheckpoint ?? checkpoint.seq - LIMITS.evidenceLinksMax,
    keys,
    concerning(places, subjectsOf(request, found)),
  )
  const rest: PackedFile[] = [
    { name: NAMES.readme, bytes: Buffer.from(readmeOf(statement, document.keyId, document.seq)) },
    sealed[0]!,
    { name: NAMES.sums, bytes: sums },
    { name: NAMES.checkpoint, bytes: printDocument(document) },
    { name: NAMES.proof, bytes: printDocument(await proofOf(store, found, checkpoint)) },
    { name: NAMES.custody, bytes: printDocument(custody) },
    ...sealed.slice(1),
    { name: NAMES.page, bytes: options.verifier.page },
    { name: NAMES.program, bytes: options.verifier.program },
  ]
  options.onMade?.({
    records: contents.length,
    sessions: sessions.length,
    bytes: contents.reduce((sum, { bytes }) => sum + bytes.length, 0),
    checkpoint: document.seq,
    keyId: document.keyId,
    content,
    isSigned: custody.segments.at(-1)?.signedBy !== 0,
  })
  return withManifest(rest, { program: statement.program, withheld: [] })
}

/** Each record once, whatever asked for it. */
function once(wanted: readonly Wanted[]): Wanted[] {
  const key = ({ batchId, record, range }: Wanted): string =>
    `${batchId} ${range === undefined ? record : `at ${range.startOffset}`}`
  return [...new Map(wanted.map((one) => [key(one), one])).values()]
}

function placesOf(found: readonly FoundBatch[]): Places {
  return new Map(
    found.map(({ row, records }) => [
      row.id,
      [...new Set(records.map((one) => one.record))].sort((a, b) => a - b),
    ]),
  )
}

/** Numbers of lines in the package, from 1, by batch and record. */
function numbersOf(found: readonly FoundBatch[]): ReadonlyMap<string, number> {
  return new Map(
    found
      .flatMap((batch) => batch.records)
      .map((one, i) => [`${one.batchId} ${one.record}`, i + 1]),
  )
}

function valuesOf(
  found: readonly FoundBatch[],
  value: (row: Row<'batches'>) => string,
): readonly string[] {
  return [...new Set(found.map(({ row }) => value(row)))].sort()
}

function subjectsOf(
  request: EvidenceRequest,
  found: readonly FoundBatch[],
): readonly HoldSubject[] {
  return [
    ...request.sessions.flatMap((session) =>
      found.map(({ source }) => ({
        sensor: session.sensor,
        session: session.session,
        source: toHex(source.uid),
        firstUs: session.firstEventUs,
        lastUs: session.lastEventUs,
      })),
    ),
    // Of lines that are no events of a session, only their source is known.
    ...(request.items.length === 0
      ? []
      : found.map(({ source }) => ({ source: toHex(source.uid), session: '', sensor: '' }))),
  ]
}

async function newestCheckpoint(store: Store): Promise<Row<'checkpoints'> | undefined> {
  return store.query
    .selectFrom('checkpoints')
    .orderBy('seq', 'desc')
    .limit(1)
    .selectAll()
    .executeTakeFirst()
}

/** @throws EvidenceError `EVIDENCE_NOT_SIGNED` */
async function mustBeCovered(store: Store, found: readonly FoundBatch[]): Promise<void> {
  const upTo = (await newestCheckpoint(store))?.up_to_batch ?? 0
  if (found.some(({ row }) => row.id > upTo)) throw notSigned()
}

function notSigned(): EvidenceError {
  return new EvidenceError(
    'EVIDENCE_NOT_SIGNED',
    'No checkpoint covers these lines, and no key is here to sign one.',
    { hint: 'Export on the host that loads, or after its next load.' },
  )
}

async function proofOf(
  store: Store,
  found: readonly FoundBatch[],
  checkpoint: Row<'checkpoints'>,
): Promise<Proof> {
  const heads = await store.reads().sourceHeads(checkpoint.up_to_batch)
  const leaves = heads.map(sourceLeaf)
  const sources: SourceProof[] = []
  const blocks: BlockProof[] = []
  const records: RecordProof[] = []
  for (const [sourceId, batches] of Map.groupBy(found, ({ row }) => row.source_id)) {
    const { source, row: first } = batches[0]!
    const index = heads.findIndex((head) => Buffer.compare(head.uid, source.uid) === 0)
    const head = heads[index]
    if (head === undefined) throw notSigned()
    const chain = await store.query
      .selectFrom('batches')
      .where('source_id', '=', sourceId)
      .where('seq', '>=', first.seq)
      .where('seq', '<=', head.batches)
      .orderBy('seq')
      .selectAll()
      .execute()
    for (const { row, blocks: ownBlocks, records: ownRecords } of batches) {
      const firstBlock = blocks.length
      for (const { row: block, proof } of ownBlocks)
        blocks.push({
          source: sources.length,
          batch: row.seq,
          n: block.n,
          startOffset: block.start_offset,
          endOffset: block.end_offset,
          records: block.records,
          root: toHex(block.root),
          sha256: toHex(block.sha256),
          proof: proof.map(toHex),
        })
      for (const one of ownRecords)
        records.push({
          file: recordFile(records.length + 1),
          source: sources.length,
          batch: row.seq,
          record: one.record,
          line: row.first_record + one.record + 1,
          startOffset: one.startOffset,
          endOffset: one.endOffset,
          leaves: one.leaves.map((leaf) => ({ ...leaf, block: firstBlock + leaf.block })),
        })
    }
    sources.push({
      uid: toHex(source.uid),
      path: source.path,
      sensorOverride: source.sensor_override,
      index,
      proof: inclusionProof(leaves, index).map(toHex),
      batches: head.batches,
      records: head.records,
      stored: head.stored,
      before: toHex(chain[0]!.previous_digest),
      chain: chain.map(chained),
    })
  }
  return { sources, blocks, records }
}

function chained(row: Row<'batches'>): ChainedBatch {
  return {
    seq: row.seq,
    startOffset: row.start_offset,
    endOffset: row.end_offset,
    firstRecord: row.first_record,
    records: row.records,
    stored: row.stored,
    duplicate: row.duplicate,
    held: row.held,
    dead: row.dead,
    blank: row.blank,
    expired: row.expired,
    supersedes: row.supersedes,
    blocks: row.blocks,
    recordRoot: toHex(row.record_root),
    viewRoot: toHex(row.view_root),
    schemaVersion: row.schema_version,
    ruleSet: row.rule_set,
    programVersion: row.program_version,
    committedAtUs: row.committed_at_us,
  }
}
