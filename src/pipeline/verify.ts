/**
 * Recomputes what the store claims: conservation, seals, view, summaries, journal.
 *
 * Reads rows and bytes, never counters; keeps bounded memory; takes no write lock.
 */

import { createHash } from 'node:crypto'
import { blake3 } from '../core/blake3.ts'
import { equalBytes, toHex } from '../core/bytes.ts'
import { type DeadReason, deadSubject, FLAGS, ownText } from '../core/event.ts'
import { dayOf } from '../core/instant.ts'
import { type PlainObject, parseJson } from '../core/json.ts'
import { MerkleTree } from '../core/merkle.ts'
import type { RecipientPrivateKey } from '../core/seal-types.ts'
import { verdictDigest } from '../core/verdict.ts'
import { LIMITS } from '../limits.ts'
import type { StandardRules } from '../neutralize/standard-rules.ts'
import {
  checkpointDigest,
  checkpointMessage,
  journalDigest,
  keyIdOf,
  verifySignature,
} from '../seal/chain.ts'
import { openBlock, recordLeaf } from '../seal/records.ts'
import {
  batchDigest,
  deadLetterDigest,
  payloadHash,
  rowDigest,
  storedDigest,
  ViewSealer,
  viewRoot,
} from '../seal/view.ts'
import type { Row, SessionKey } from '../store/schema.ts'
import type { EventCells, Pages, VerifyReads } from '../store/verify-port.ts'
import type { Registry } from '../validate/registry.ts'
import { headerOf } from './record-proof.ts'
import { ReviewJournal } from './review-journal.ts'
import { RuleBook, verdictDifference } from './rule-book.ts'
import { dataKeyOf, keyOfBlock, leafOf } from './sealed-bytes.ts'
import { SummaryCheck } from './verify-summaries.ts'

export type VerifySection = { ok: boolean; problems: string[] }

export type Verdict = {
  ok: boolean
  sources: number
  batches: number
  lines: number
  conservation: VerifySection
  seals: VerifySection
  view: VerifySection
  summaries: VerifySection
  journal: VerifySection
  /** What was left out on request; empty for a full verification. */
  notChecked: string[]
}

export type VerifyOptions = {
  /** Only batches committed at or after; summaries are then not checked. */
  readonly sinceUs?: number | undefined
  /** Only this source (number or path); summaries are then not checked. */
  readonly source?: string | undefined
  /** Share of the batches, 1 to 100 percent, whose bytes and rows are opened. */
  readonly samplePercent?: number | undefined
  /** Where the sample begins, 0 to 99: another each time, so that in the end all are opened. */
  readonly sampleStart?: number | undefined
  readonly registry: Registry
  readonly rules: StandardRules
  /** Private halves at hand, by key id: they open encrypted blocks. */
  readonly privateKeys: ReadonlyMap<string, RecipientPrivateKey>
  readonly knownMigrations: readonly { readonly id: number; readonly name: string }[]
  /** A checkpoint kept elsewhere, to compare with. */
  readonly checkpoint?: KeptCheckpoint | undefined
  /** Ends the verification at the next page, with its reason. */
  readonly signal: AbortSignal
  readonly progress: (batches: number, total: number) => void
}

/** A checkpoint as `nacre verify --checkpoint FILE` reads it. */
export type KeptCheckpoint = {
  readonly seq: number
  readonly upToBatch: number
  readonly treeRoot: string
  readonly digest: string
}

/** Problems of one kind that are listed; a damaged database has thousands. */
const PROBLEMS_LISTED = 50

type SourceState = {
  readonly uid: Uint8Array
  seq: number
  lastDigest: Uint8Array
  committedOffset: number
  records: number
  /** The last batch, when it is the open end of a file or may be. */
  last:
    | {
        readonly seq: number
        readonly startOffset: number
        readonly firstRecord: number
        readonly isOpen: boolean
      }
    | undefined
  superseded: number
  lines: number
}

/** Verifies a store. @throws what reading the database throws; a mismatch is a result, not an error */
export async function verifyStore(reads: VerifyReads, options: VerifyOptions): Promise<Verdict> {
  return reads.snapshot(async () => {
    const run = new Verification(reads, options, {
      sensors: await reads.sensorNames(),
      kinds: await reads.kindNames(),
      withheld: await reads.withheldByBatch(),
      heldSessions: await reads.heldSessions(),
      sources: await reads.sourceRows(),
      rules: await RuleBook.of(reads, options.rules),
    })
    return run.all()
  })
}

/** What is small enough to be read once. */
type Known = {
  readonly sensors: ReadonlyMap<number, string>
  readonly kinds: ReadonlyMap<number, string>
  readonly withheld: ReadonlyMap<number, number>
  readonly heldSessions: readonly Row<'held_sessions'>[]
  readonly sources: readonly Row<'sources'>[]
  readonly rules: RuleBook
}

class Verification {
  readonly #reads: VerifyReads
  readonly #options: VerifyOptions
  readonly #verdict: Verdict = {
    ok: true,
    sources: 0,
    batches: 0,
    lines: 0,
    conservation: section(),
    seals: section(),
    view: section(),
    summaries: section(),
    journal: section(),
    notChecked: [],
  }
  readonly #sources = new Map<number, SourceState>()
  readonly #sensorNames: ReadonlyMap<number, string>
  readonly #kindNames: ReadonlyMap<number, string>
  readonly #sessionNames = new Map<
    SessionKey,
    { readonly sensor: string; readonly session: string }
  >()
  #deadStates = new Map<string, string>()
  #lastBatchId = 0
  readonly #withheld: Map<number, number>
  readonly #heldSessions: ReadonlyMap<SessionKey, Row<'held_sessions'>>
  readonly #heldSessionsMet = new Set<SessionKey>()
  /** States of withheld events as they stand, by batch and record; the journal must say the same. */
  readonly #heldStates = new Map<number, Map<number, string>>()
  readonly #rules: RuleBook
  /** Rule set that each batch was loaded by. */
  readonly #ruleSets = new Map<number, string>()
  /** Data keys of the newest batches. */
  readonly #dataKeys = new Map<number, Uint8Array | undefined>()
  /** Encrypted blocks that could not be opened, by key. */
  readonly #unopened = new Map<string, number>()
  readonly #sourceFacts: ReadonlyMap<number, Row<'sources'>>

  constructor(reads: VerifyReads, options: VerifyOptions, known: Known) {
    this.#reads = reads
    this.#options = options
    this.#sensorNames = known.sensors
    this.#kindNames = known.kinds
    this.#withheld = new Map(known.withheld)
    this.#heldSessions = new Map(known.heldSessions.map((row) => [row.session_key, row]))
    this.#rules = known.rules
    this.#sourceFacts = new Map(known.sources.map((row) => [row.id, row]))
  }

  async all(): Promise<Verdict> {
    const verdict = this.#verdict
    const isPartial =
      this.#options.sinceUs !== undefined ||
      this.#options.source !== undefined ||
      (this.#options.samplePercent ?? 100) < 100
    await this.#batches()
    await this.#sourceRows()
    await this.#dictionaries()
    await this.#journal()
    await this.#checkpoints()
    if (isPartial) {
      verdict.notChecked.push('summaries', 'bytes and rows of the batches left out')
    } else {
      const summaries = new SummaryCheck(
        this.#reads,
        this.#options.registry,
        (text) => this.#problem('summaries', text),
        this.#kindNames,
        this.#options.signal,
        (batchId, view, stored) => this.#verdictProblem(batchId, view, stored),
      )
      await summaries.run()
      for await (const text of summaries.driftProblems()) this.#problem('summaries', text)
    }
    for (const [keyId, blocks] of this.#unopened)
      verdict.notChecked.push(
        `what is in ${blocks} encrypted blocks, and with it the starts and ends that their sources are known by: the private half of key ${keyId} is not here (their stored bytes match the seals)`,
      )
    for (const ruleSet of this.#rules.unknown)
      verdict.notChecked.push(
        `verdicts of rule set ${ruleSet}: this program reads texts differently`,
      )
    verdict.ok = [
      verdict.conservation,
      verdict.seals,
      verdict.view,
      verdict.summaries,
      verdict.journal,
    ].every((one) => one.ok)
    return verdict
  }

  #problem(name: 'conservation' | 'seals' | 'view' | 'summaries' | 'journal', text: string): void {
    const one = this.#verdict[name]
    one.ok = false
    if (one.problems.length < PROBLEMS_LISTED) one.problems.push(text)
    else if (one.problems.length === PROBLEMS_LISTED)
      one.problems.push('further problems of this kind are not listed')
  }

  async #batches(): Promise<void> {
    await using events = new EventStream(this.#reads.eventsByBatch(), (page) => {
      // Of the page before nothing is asked any more.
      if (this.#sessionNames.size > SESSION_NAMES) this.#sessionNames.clear()
      return this.#nameSessions(page)
    })
    const gaplessAfter = await this.#reads.gaplessAfter()
    let done = 0
    let lastId = 0
    let blocks = 0
    let days = 0
    let dead = 0
    let keys = 0
    for await (const page of this.#reads.batches()) {
      for (const batch of page) {
        this.#options.signal.throwIfAborted()
        done += 1
        this.#verdict.batches += 1
        if (done % 50 === 0) this.#options.progress(done, batch.id)
        if (batch.id !== lastId + 1 && batch.id > gaplessAfter)
          this.#problem(
            'seals',
            `batches: number ${batch.id} follows ${lastId}; one is missing or was numbered anew`,
          )
        lastId = batch.id
        this.#lastBatchId = batch.id
        const isOpened = this.#isSelected(batch, done)
        const blockRows = isOpened ? await this.#reads.blocks(batch.id) : undefined
        const dayRows = await this.#reads.batchDays(batch.id)
        const deadRows = await this.#reads.deadLetters(batch.id)
        const key = await this.#reads.batchKey(batch.id)
        // Verdicts of its withheld events are made again by these rules.
        this.#ruleSets.set(batch.id, batch.rule_set)
        const withheld = this.#withheld.has(batch.id)
          ? await this.#withheldOf(batch.id)
          : NONE_WITHHELD
        this.#takeKey(batch.id, key)
        keys += key === undefined ? 0 : 1
        blocks += blockRows?.length ?? batch.blocks
        days += dayRows.length
        dead += deadRows.length
        for (let one = await events.peek(); one !== undefined && one[0] < batch.id; ) {
          this.#problem(
            'view',
            `raw_events batch ${one[0]} record ${one[1]}: batch_id does not fit its place`,
          )
          events.take()
          one = await events.peek()
        }
        const view = new ViewSealer()
        let rows = 0
        for (;;) {
          // Within a page without waiting: many rows pass.
          const one = events.here() ?? (await events.peek())
          if (one === undefined || one[0] !== batch.id) break
          if (isOpened) view.add(dayOf(one[2]), this.#rowDigest(one))
          rows += 1
          events.take()
        }
        try {
          const parts = { blocks: blockRows, days: dayRows, dead: deadRows, key, withheld }
          this.#checkBatch(batch, parts, isOpened ? view : undefined, rows)
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
          this.#problem(
            'seals',
            `batch ${batch.id}: the batch, its blocks, days or dead letters hold a number out of range`,
          )
        }
      }
    }
    for (let one = await events.peek(); one !== undefined; one = await events.peek()) {
      this.#problem('view', `raw_events batch ${one[0]} record ${one[1]}: the batch does not exist`)
      events.take()
    }
    const extra = async (
      table: 'blocks' | 'batch_days' | 'dead_letters' | 'batch_keys',
      met: number,
    ): Promise<void> => {
      const there = await this.#reads.countOf(table)
      if (there !== met) this.#problem('seals', `${table}: ${there} rows, ${met} belong to a batch`)
    }
    for (const [batchId, count] of this.#withheld)
      this.#problem('view', `held_events: ${count} name batch ${batchId}, which is not there`)
    for (const text of await this.#reads.oddCells()) this.#problem('view', text)
    await extra('blocks', blocks)
    await extra('batch_days', days)
    await extra('dead_letters', dead)
    await extra('batch_keys', keys)
    for (const key of this.#heldSessions.keys())
      if (!this.#heldSessionsMet.has(key))
        this.#problem('view', `held_sessions ${key}: no withheld event belongs to it`)
  }

  #isSelected(batch: Row<'batches'>, n: number): boolean {
    const { sinceUs, source, samplePercent = 100 } = this.#options
    if (sinceUs !== undefined && batch.committed_at_us < sinceUs) return false
    if (
      source !== undefined &&
      String(batch.source_id) !== source &&
      this.#sourceFacts.get(batch.source_id)?.path !== source
    )
      return false
    const at = n + (this.#options.sampleStart ?? 0)
    return (
      samplePercent >= 100 ||
      Math.floor((at * samplePercent) / 100) !== Math.floor(((at - 1) * samplePercent) / 100)
    )
  }

  #rowDigest(cells: EventCells): Uint8Array {
    const [batchId, recordNo, eventTimeUs, sessionKey, kindId, flags, digest, notes, payload] =
      cells
    // What the format cannot express was never written by a load.
    if (!isU32(recordNo) || !isU32(flags) || digest.length !== 16) {
      this.#problem(
        'view',
        `raw_events batch ${batchId} record ${recordNo}: record_no, flags or digest is out of range`,
      )
      return NO_DIGEST
    }
    // The digest does not tell an empty text from none; no load writes one.
    if (notes === '')
      this.#problem('view', `raw_events batch ${batchId} record ${recordNo}: notes is empty`)
    const { sensor, session } = this.#sessionNames.get(sessionKey) ?? NO_NAME
    return rowDigest({
      eventTimeUs,
      recordNo,
      // Whether it was withheld is told by the tree it stands in.
      flags: flags & ~FLAGS.withheld,
      digest,
      sensor,
      session,
      eventid: this.#kindNames.get(kindId) ?? '',
      notes: notes ?? '',
      payloadHash: payloadHash(payload),
    })
  }

  /** Row digests of the withheld events of a batch, in the order of their records. */
  async #withheldOf(batchId: number): Promise<readonly Uint8Array[]> {
    const found = await this.#reads.withheldOf(batchId)
    await this.#nameSessions(found.map((one) => one.cells))
    const states = new Map<number, string>()
    this.#heldStates.set(batchId, states)
    const verdicts = await this.#reads.verdictsOf([...new Set(found.map((one) => one.cells[9]))])
    return found.map(({ cells, state }) => {
      states.set(cells[1], state)
      const where = `${state === 'approved' ? 'raw_events' : 'held_events'} batch ${batchId} record ${cells[1]}`
      if ((cells[5] & FLAGS.withheld) === 0)
        this.#problem('view', `${where}: is withheld, but its flags do not say so`)
      if (state !== 'approved') {
        this.#checkHeldSession(cells[3], where)
        if (cells[9] !== 0 && !verdicts.has(cells[9]))
          this.#problem('view', `${where}: verdict ${cells[9]} does not exist`)
        const view = viewOf(cells[8])
        const wrong =
          view === undefined
            ? 'payload is no JSON'
            : this.#verdictProblem(batchId, view, verdicts.get(cells[9]))
        if (wrong !== undefined) this.#problem('view', `${where}: ${wrong}`)
      }
      return this.#rowDigest(cells)
    })
  }

  #checkHeldSession(key: SessionKey, where: string): void {
    const row = this.#heldSessions.get(key)
    if (row === undefined) {
      this.#problem('view', `${where}: names a session that is not there`)
      return
    }
    this.#heldSessionsMet.add(key)
    // A session that has stored events too has its name in two tables, of which the row digest takes one.
    const name = this.#sessionNames.get(key)
    if (name?.session !== row.session || name.sensor !== this.#sensorNames.get(row.sensor_id))
      this.#problem('view', `held_sessions ${key}: is not the session of its stored events`)
  }

  #verdictProblem(
    batchId: number,
    view: PlainObject,
    stored: Row<'verdicts'> | undefined,
  ): string | undefined {
    const loadedBy = this.#ruleSets.get(batchId)
    if (loadedBy === undefined) return undefined
    const scorer = this.#rules.scorer(this.#rules.ruleSetOf(batchId, loadedBy))
    return scorer === undefined ? undefined : verdictDifference(stored, scorer.score(view))
  }

  #takeKey(batchId: number, key: Row<'batch_keys'> | undefined): void {
    if (key === undefined) return
    // A source's tail may lie some batches back.
    if (this.#dataKeys.size > 10_000) this.#dataKeys.clear()
    let dataKey: Uint8Array | undefined
    try {
      dataKey = dataKeyOf(this.#options.privateKeys, key)
    } catch {
      this.#problem('seals', `batch_keys ${batchId}: the wrapped key does not open`)
    }
    this.#dataKeys.set(batchId, dataKey)
  }

  /** Looks up the sessions of a page of events that are not at hand. */
  async #nameSessions(page: readonly EventCells[]): Promise<void> {
    const unknown = new Set<SessionKey>()
    for (const cells of page) if (!this.#sessionNames.has(cells[3])) unknown.add(cells[3])
    if (unknown.size === 0) return
    for (const [key, row] of await this.#reads.sessions([...unknown]))
      this.#sessionNames.set(key, {
        sensor: this.#sensorNames.get(row.sensor_id) ?? '',
        session: row.session,
      })
    for (const key of unknown) {
      const row = this.#sessionNames.has(key) ? undefined : this.#heldSessions.get(key)
      if (row !== undefined)
        this.#sessionNames.set(key, {
          sensor: this.#sensorNames.get(row.sensor_id) ?? '',
          session: row.session,
        })
    }
  }

  #checkBatch(
    batch: Row<'batches'>,
    { blocks, days, dead, key, withheld }: BatchParts,
    view: ViewSealer | undefined,
    rows: number,
  ): void {
    const where = `batch ${batch.id} (source ${batch.source_id}, seq ${batch.seq})`
    const source = this.#sourceState(batch)
    if (source === undefined) return
    this.#verdict.lines += batch.records
    this.#conserve(batch, source, where, dead, rows, withheld.length)

    const roots = blocks === undefined ? undefined : this.#openBlocks(batch, blocks, key, where)
    if (roots !== undefined && !equalBytes(roots, batch.record_root))
      this.#problem('seals', `${where}: record_root does not match its blocks`)
    if (view !== undefined) {
      const found = view.days()
      if (
        found.length !== days.length ||
        found.some(
          (one, i) =>
            one.day !== days[i]!.day ||
            one.rows !== days[i]!.rows ||
            !equalBytes(one.root, days[i]!.root),
        )
      ) {
        this.#problem(
          'view',
          `${where}: raw_events do not match batch_days${firstDifference(found, days)}`,
        )
      }
    }
    const letters = dead.map((row) =>
      deadLetterDigest({
        startOffset: row.start_offset,
        endOffset: row.end_offset,
        firstRecord: row.first_record,
        records: row.records,
        reason: row.reason as DeadReason,
        detail: ownText(row.detail), // hashed as they stand; a wrong reason breaks the root
      }),
    )
    // With a key the root covers the stored bytes, which are read of opened batches alone.
    if (key === undefined || blocks !== undefined) {
      const envelope = key && {
        keyId: key.key_id,
        ephemeral: key.ephemeral,
        wrapped: key.wrapped,
        storedDigests: (blocks ?? []).map((block) => storedDigest(block.bytes)),
      }
      if (!equalBytes(viewRoot(days, letters, withheld, envelope), batch.view_root))
        this.#problem(
          'view',
          `${where}: view_root does not match its days, dead letters, withheld events, key and stored bytes`,
        )
    }
    for (const row of dead) this.#deadStates.set(deadSubject(row), row.state)

    const digest = batchDigest(
      headerOf(batch, {
        uid: source.uid,
        sensorOverride: this.#sourceFacts.get(batch.source_id)?.sensor_override ?? '',
      }),
    )
    if (!equalBytes(digest, batch.digest))
      this.#problem('seals', `${where}: digest does not match its columns`)
    source.lastDigest = batch.digest
  }

  #sourceState(batch: Row<'batches'>): SourceState | undefined {
    let state = this.#sources.get(batch.source_id)
    if (state === undefined) {
      const facts = this.#sourceFacts.get(batch.source_id)
      if (facts === undefined) {
        this.#problem('seals', `batch ${batch.id}: source ${batch.source_id} does not exist`)
        return undefined
      }
      state = {
        uid: facts.uid,
        seq: 0,
        lastDigest: new Uint8Array(32),
        committedOffset: 0,
        records: 0,
        last: undefined,
        superseded: 0,
        lines: 0,
      }
      this.#sources.set(batch.source_id, state)
    }
    return state
  }

  #conserve(
    batch: Row<'batches'>,
    source: SourceState,
    where: string,
    dead: readonly Row<'dead_letters'>[],
    rows: number,
    withheld: number,
  ): void {
    const wrong = (text: string): void => this.#problem('conservation', `${where}: ${text}`)
    if (batch.held !== withheld)
      wrong(`held is ${batch.held}, ${withheld} withheld events are there`)
    this.#withheld.delete(batch.id)
    if (batch.seq !== source.seq + 1)
      this.#problem('seals', `${where}: seq ${batch.seq} follows ${source.seq}`)
    if (!equalBytes(batch.previous_digest, source.lastDigest))
      this.#problem('seals', `${where}: previous_digest does not name the batch before`)
    if (batch.supersedes !== 0) {
      if (source.last === undefined || source.last.seq !== batch.supersedes)
        wrong(`supersedes ${batch.supersedes}, which is not the batch before`)
      else {
        source.committedOffset = source.last.startOffset
        source.records = source.last.firstRecord
      }
      source.superseded += 1
    }
    if (batch.start_offset !== source.committedOffset)
      wrong(`starts at ${batch.start_offset}, the batch before ends at ${source.committedOffset}`)
    if (batch.first_record !== source.records)
      wrong(`first_record is ${batch.first_record}, ${source.records} records come before`)
    if (
      batch.records !==
      batch.stored + batch.duplicate + batch.held + batch.dead + batch.blank + batch.expired
    )
      wrong('the fates do not add up to its records')
    if (batch.stored !== rows) wrong(`stored is ${batch.stored}, ${rows} rows are there`)
    const letters = dead.reduce((sum, row) => sum + row.records, 0)
    if (batch.dead !== letters)
      wrong(`dead is ${batch.dead}, its dead letters stand for ${letters}`)
    source.seq = batch.seq
    source.last = {
      seq: batch.seq,
      startOffset: batch.start_offset,
      firstRecord: batch.first_record,
      isOpen: dead.some((row) => OPEN_REASONS.has(row.reason)),
    }
    source.committedOffset = batch.end_offset
    source.records = batch.first_record + batch.records
  }

  #openBlocks(
    batch: Row<'batches'>,
    blocks: readonly Row<'blocks'>[],
    key: Row<'batch_keys'> | undefined,
    where: string,
  ): Uint8Array {
    const tree = new MerkleTree()
    let offset = batch.start_offset
    if (blocks.length !== batch.blocks)
      this.#problem('seals', `${where}: ${blocks.length} blocks, ${batch.blocks} sealed`)
    blocks.forEach((block, n) => {
      const place = `blocks ${block.n} of ${where}`
      if (block.n !== n) this.#problem('seals', `${place}: stands where ${n} should be`)
      if (block.start_offset !== offset)
        this.#problem('seals', `${place}: starts at ${block.start_offset} instead of ${offset}`)
      offset = block.end_offset
      if (block.key_id !== (key?.key_id ?? ''))
        this.#problem('seals', `${place}: names another key than its batch`)
      if (block.codec !== (key === undefined ? 'zstd' : 'zstd+aes-256-gcm'))
        this.#problem('seals', `${place}: codec does not fit its batch`)
      this.#openBlock(block, place)
      tree.add(leafOf(block))
    })
    if (offset !== batch.end_offset)
      this.#problem('seals', `${where}: its blocks end at ${offset} instead of ${batch.end_offset}`)
    return tree.root()
  }

  #openBlock(block: Row<'blocks'>, place: string): void {
    let opened: ReturnType<typeof openBlock>
    const dataKey = this.#dataKeys.get(block.batch_id)
    if (block.key_id !== '' && dataKey === undefined) {
      this.#unopened.set(block.key_id, (this.#unopened.get(block.key_id) ?? 0) + 1)
      return
    }
    try {
      opened = openBlock(block.codec, block.bytes, keyOfBlock(block, dataKey))
    } catch {
      this.#problem('seals', `${place}: cannot be opened`)
      return
    }
    const { body, lengths } = opened
    if (body.length !== block.end_offset - block.start_offset)
      this.#problem('seals', `${place}: holds ${body.length} bytes`)
    if (lengths.length !== block.records)
      this.#problem(
        'seals',
        `${place}: holds ${lengths.length} records instead of ${block.records}`,
      )
    if (!createHash('sha256').update(body).digest().equals(block.sha256))
      this.#problem('seals', `${place}: sha256 does not match its bytes`)
    const leaves = new MerkleTree()
    let at = 0
    for (const length of lengths) {
      leaves.add(recordLeaf(body.subarray(at, at + length)))
      at += length
    }
    if (!equalBytes(leaves.root(), block.root))
      this.#problem('seals', `${place}: root does not match its records`)
  }

  async #sourceRows(): Promise<void> {
    for (const row of this.#sourceFacts.values()) {
      this.#verdict.sources += 1
      const state = this.#sources.get(row.id)
      const where = `sources ${row.id}`
      const wrong = (text: string): void => this.#problem('conservation', `${where}: ${text}`)
      const offset = state?.committedOffset ?? 0
      if (row.committed_offset !== offset)
        wrong(`committed_offset is ${row.committed_offset}, its batches cover [0, ${offset})`)
      if (row.batches !== (state?.seq ?? 0))
        wrong(`batches is ${row.batches}, there are ${state?.seq ?? 0}`)
      if (row.records !== (state?.records ?? 0))
        wrong(`records is ${row.records}, its batches have ${state?.records ?? 0}`)
      if (!equalBytes(row.last_digest, state?.lastDigest ?? new Uint8Array(32)))
        this.#problem('seals', `${where}: last_digest is not that of its newest batch`)
      const open = state?.last?.isOpen === true ? state.last.seq : 0
      if (row.open_seq !== open) wrong(`open_seq is ${row.open_seq}, the open batch is ${open}`)
      if (this.#options.source !== undefined || this.#options.sinceUs !== undefined) continue
      const headLength = Math.min(LIMITS.lineageHeadBytes, offset)
      if (row.head_length > headLength)
        wrong(`head_length is ${row.head_length}, at most ${headLength} bytes are known`)
      else if (isOther(await this.#hashOf(row.id, 0, row.head_length), row.head_digest))
        this.#problem(
          'seals',
          `${where}: head_digest is not that of its first ${row.head_length} bytes`,
        )
      const tailFrom = Math.max(0, offset - LIMITS.lineageTailBytes)
      if (isOther(await this.#hashOf(row.id, tailFrom, offset), row.tail_digest))
        this.#problem('seals', `${where}: tail_digest is not that of the bytes before the cursor`)
    }
  }

  /** SHA-256 of a range of a source; undefined when it is encrypted and the key is not here. */
  async #hashOf(sourceId: number, from: number, to: number): Promise<Buffer | undefined> {
    const hash = createHash('sha256')
    if (to > from) {
      for (const block of await this.#reads.blocksBetween(sourceId, from, to)) {
        try {
          if (block.key_id !== '' && !this.#dataKeys.has(block.batch_id))
            this.#takeKey(block.batch_id, await this.#reads.batchKey(block.batch_id))
          const dataKey = this.#dataKeys.get(block.batch_id)
          if (block.key_id !== '' && dataKey === undefined) return undefined
          const { body } = openBlock(block.codec, block.bytes, keyOfBlock(block, dataKey))
          hash.update(
            body.subarray(
              Math.max(0, from - block.start_offset),
              Math.max(0, to - block.start_offset),
            ),
          )
        } catch {
          // Reported where the block itself is checked.
        }
      }
    }
    return hash.digest()
  }

  async #dictionaries(): Promise<void> {
    const versions = new Map<string, string>()
    for (const row of await this.#reads.schemaVersions())
      versions.set(row.version, `${versions.get(row.version) ?? ''}${row.file} ${row.digest}\n`)
    for (const [version, text] of versions) {
      if (toHex(blake3(Buffer.from(text))).slice(0, 16) !== version)
        this.#problem('view', `schema_versions ${version}: is not the digest over its files`)
    }
    for (const text of this.#rules.faults(this.#ruleSets.values())) this.#problem('view', text)
    for await (const row of eachOf(this.#reads.verdicts()))
      if (!equalBytes(verdictDigest(row), row.digest))
        this.#problem('view', `verdicts ${row.id}: digest does not match its columns`)
    const known = this.#options.knownMigrations
    const rows = await this.#reads.migrations()
    if (
      rows.length !== known.length ||
      rows.some((row, i) => row.id !== known[i]!.id || row.name !== known[i]!.name)
    ) {
      this.#problem('journal', `migrations: the rows are not those of this schema version`)
    }
  }

  async #journal(): Promise<void> {
    let previous: Uint8Array = new Uint8Array(32)
    let seq = 0
    const decided = new Map<number, Row<'audit_log'>>()
    const keys = new Map<string, { readonly publicKey: string; readonly madeAtUs: number }>()
    const recipients = new Map<string, { readonly publicKey: string; readonly madeAtUs: number }>()
    const review = new ReviewJournal()
    for await (const row of eachOf(this.#reads.journal())) {
      const where = `audit_log ${row.seq}`
      if (row.seq !== seq + 1) this.#problem('journal', `${where}: follows ${seq}`)
      seq = row.seq
      if (!equalBytes(row.previous_digest, previous))
        this.#problem('journal', `${where}: previous_digest does not name the entry before`)
      const digest = inRange(() =>
        journalDigest({
          seq: row.seq,
          atUs: row.at_us,
          actor: row.actor,
          action: row.action,
          subject: row.subject,
          reason: row.reason,
          detail: row.detail,
          previousDigest: row.previous_digest,
        }),
      )
      if (!equalBytes(digest, row.digest))
        this.#problem('journal', `${where}: digest does not match its columns`)
      previous = row.digest
      const detail = parseDetail(row.detail)
      if (detail['to'] !== undefined) decided.set(row.seq, row)
      review.take(row, detail)
      if (row.action === 'key.added' || row.action === 'recipient.added')
        (row.action === 'key.added' ? keys : recipients).set(row.subject, {
          publicKey: String(detail['publicKey']),
          madeAtUs: Number(detail['madeAtUs']),
        })
      this.#journalHeads.set(row.seq, row.digest)
      // Only the entries that checkpoints name are needed later; they are recent ones in the order of the journal.
      if (this.#journalHeads.size > 100_000) this.#journalHeads.delete(row.seq - 100_000)
    }
    await this.#decisions(decided)
    for (const text of review.problems(
      this.#heldStates,
      await this.#reads.modes(),
      await this.#reads.verdictRuns(),
      await this.#reads.legalHolds(),
    ))
      this.#problem('journal', text)
    this.#keys('signing_keys', await this.#reads.signingKeys(), keys)
    this.#keys('recipient_keys', await this.#reads.recipientKeys(), recipients)
  }

  #keys(
    table: 'signing_keys' | 'recipient_keys',
    rows: readonly Row<'signing_keys'>[],
    keys: ReadonlyMap<string, { readonly publicKey: string; readonly madeAtUs: number }>,
  ): void {
    if (rows.length !== keys.size)
      this.#problem('journal', `${table}: ${rows.length} keys, the journal knows ${keys.size}`)
    for (const row of rows) {
      const entry = keys.get(`${table} ${row.key_id}`)
      if (
        entry === undefined ||
        entry.publicKey !== toHex(row.public_key) ||
        entry.madeAtUs !== row.made_at_us ||
        keyIdOf(row.public_key) !== row.key_id
      ) {
        this.#problem('journal', `${table} ${row.key_id}: is not what the journal says`)
      }
    }
  }

  readonly #journalHeads = new Map<number, Uint8Array>([[0, new Uint8Array(32)]])

  async #decisions(decided: ReadonlyMap<number, Row<'audit_log'>>): Promise<void> {
    const states = new Map<string, string>()
    const rows = await this.#reads.decisions()
    if (rows.length !== decided.size)
      this.#problem('journal', `decisions: ${rows.length} rows, the journal knows ${decided.size}`)
    for (const row of rows) {
      const entry = decided.get(row.id)
      const detail = entry === undefined ? {} : parseDetail(entry.detail)
      const isSame =
        entry !== undefined &&
        entry.subject === row.subject &&
        entry.actor === row.actor &&
        entry.reason === row.reason &&
        entry.at_us === row.decided_at_us &&
        detail['from'] === row.from_state &&
        detail['to'] === row.to_state
      if (!isSame) this.#problem('journal', `decisions ${row.id}: is not what the journal says`)
      states.set(row.subject, row.to_state)
    }
    for (const [subject, state] of this.#deadStates) {
      if ((states.get(subject) ?? 'new') !== state)
        this.#problem(
          'journal',
          `${subject}: state is ${state}, the journal says ${states.get(subject) ?? 'new'}`,
        )
    }
  }

  async #checkpoints(): Promise<void> {
    const signingKeys = await this.#reads.signingKeys()
    const keys = new Map(signingKeys.map((row) => [row.key_id, row.public_key]))
    let previous: Uint8Array = new Uint8Array(32)
    let seq = 0
    let last: Row<'checkpoints'> | undefined
    const kept = this.#options.checkpoint
    let isKeptFound = kept === undefined
    for await (const row of eachOf(this.#reads.checkpoints())) {
      const where = `checkpoints ${row.seq}`
      if (row.seq !== seq + 1) this.#problem('seals', `${where}: follows ${seq}`)
      seq = row.seq
      const message = inRange(() =>
        checkpointMessage({
          seq: row.seq,
          madeAtUs: row.made_at_us,
          upToBatch: row.up_to_batch,
          sources: row.sources,
          treeRoot: row.tree_root,
          journalSeq: row.journal_seq,
          journalHead: row.journal_head,
          previousDigest: row.previous_digest,
        }),
      )
      const key = keys.get(row.key_id)
      if (key === undefined || !verifySignature(key, message, row.signature))
        this.#problem('seals', `${where}: signature does not fit`)
      if (!equalBytes(row.previous_digest, previous))
        this.#problem('seals', `${where}: previous_digest does not name the checkpoint before`)
      const head = this.#journalHeads.get(row.journal_seq)
      if (head !== undefined && !equalBytes(head, row.journal_head))
        this.#problem(
          'journal',
          `${where}: journal_head is not the digest of entry ${row.journal_seq}`,
        )
      if (head === undefined && row.journal_seq > 0 && !this.#journalHeads.has(row.journal_seq + 1))
        this.#problem('journal', `${where}: names the entry ${row.journal_seq}, which is not there`)
      previous = checkpointDigest(message)
      last = row
      if (kept !== undefined && kept.seq === row.seq) {
        isKeptFound = kept.digest === toHex(previous)
        if (!isKeptFound)
          this.#problem('seals', `${where}: is not the checkpoint of the file given`)
      }
    }
    if (!isKeptFound && kept !== undefined && kept.seq > seq)
      this.#problem('seals', `checkpoints: number ${kept.seq} of the file given is missing`)
    if (last === undefined) {
      if (this.#verdict.batches > 0)
        this.#verdict.notChecked.push(
          'no checkpoint was made yet: what was taken away whole would not be noticed',
        )
      return
    }
    const { root, sources } = await this.#reads.sourcesRootUpTo(last.up_to_batch)
    if (sources !== last.sources || !equalBytes(root, last.tree_root))
      this.#problem('seals', `checkpoints ${last.seq}: the sources are not those that were signed`)
    if (last.up_to_batch > this.#lastBatchId)
      this.#problem(
        'seals',
        `checkpoints ${last.seq}: covers batches up to ${last.up_to_batch}, the newest is ${this.#lastBatchId}`,
      )
  }
}

/** The rows of a batch beside its events. */
type BatchParts = {
  readonly blocks: readonly Row<'blocks'>[] | undefined
  readonly days: readonly Row<'batch_days'>[]
  readonly dead: readonly Row<'dead_letters'>[]
  readonly key: Row<'batch_keys'> | undefined
  /** Row digests of its withheld events. */
  readonly withheld: readonly Uint8Array[]
}

const NONE_WITHHELD: readonly Uint8Array[] = []

function isOther(found: Buffer | undefined, stored: Uint8Array): boolean {
  return found !== undefined && !found.equals(stored)
}

function viewOf(payload: Uint8Array): PlainObject | undefined {
  try {
    return parseJson(Buffer.from(payload).toString()) as PlainObject // a payload is an object by construction
  } catch {
    return undefined
  }
}

/** Events in the order of their batches, one at a time out of pages. */
class EventStream {
  readonly #pages: AsyncIterator<readonly EventCells[]>
  readonly #prepare: (page: readonly EventCells[]) => Promise<void>
  #page: readonly EventCells[] = []
  #at = 0

  /** @param prepare - is given each page before its events are */
  constructor(pages: Pages<EventCells>, prepare: (page: readonly EventCells[]) => Promise<void>) {
    this.#pages = pages[Symbol.asyncIterator]()
    this.#prepare = prepare
  }

  /** The next event where it is at hand. */
  here(): EventCells | undefined {
    return this.#page[this.#at]
  }

  /** The next event; undefined at the end. */
  async peek(): Promise<EventCells | undefined> {
    if (this.#at === this.#page.length) {
      const next = await this.#pages.next()
      this.#page = next.done === true ? [] : next.value
      this.#at = 0
      await this.#prepare(this.#page)
    }
    return this.#page[this.#at]
  }

  take(): void {
    this.#at += 1
  }

  /** Ends the reading, so that the database is not left busy by a verification that broke off. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pages.return?.()
  }
}

async function* eachOf<T>(pages: Pages<T>): AsyncGenerator<T> {
  for await (const page of pages) yield* page
}

/** Names of sessions at hand; more than the sessions of some pages of events. */
const SESSION_NAMES = 4_000
const NO_NAME = { sensor: '', session: '' }

const NO_DIGEST = new Uint8Array(32)

function isU32(value: number): boolean {
  return value >= 0 && value <= 0xffff_ffff
}

/** Bytes that fit nothing, where a number is out of the range of the format. */
function inRange(make: () => Uint8Array): Uint8Array {
  try {
    return make()
  } catch (error) {
    if (error instanceof RangeError) return NO_DIGEST
    throw error
  }
}

const OPEN_REASONS: ReadonlySet<string> = new Set(['torn-line', 'torn-archive', 'bomb'])

function section(): VerifySection {
  return { ok: true, problems: [] }
}

function firstDifference(
  found: readonly { readonly day: number; readonly rows: number; readonly root: Uint8Array }[],
  stored: readonly { readonly day: number; readonly rows: number; readonly root: Uint8Array }[],
): string {
  const i = found.findIndex(
    (one, n) =>
      stored[n] === undefined ||
      one.day !== stored[n].day ||
      one.rows !== stored[n].rows ||
      !equalBytes(one.root, stored[n].root),
  )
  const one = found[i] ?? stored[0]
  return one === undefined
    ? ''
    : ` (first on day ${new Date(one.day * 86_400_000).toISOString().slice(0, 10)})`
}

function parseDetail(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
