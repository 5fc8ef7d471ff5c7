/**
 * All that the rest of the system may ask of a database. It speaks of batches, sources, sessions and seals, not of SQL.
 */

import type { Kysely } from 'kysely'
import type {
  Anomaly,
  AnomalySeverity,
  AnomalyState,
  DetectorName,
  HourNumber,
  MixGroup,
  StoredAnomaly,
} from '../core/anomaly.ts'
import type { InstantUs } from '../core/instant.ts'
import type { PackedBatch } from '../core/packed.ts'
import type { Checkpoint, SigningKey } from '../core/seal-types.ts'
import type { SafeText } from '../core/text.ts'
import type { Verdict } from '../core/verdict.ts'
import type { Engine } from './engine.ts'
import type { JournalDraft } from './journal.ts'
import type { FingerprintRow } from './repo/stats.ts'
import type { Database, SessionKey } from './schema.ts'
import type { MoveTarget } from './transfer/move-port.ts'
import type { VerifyReads } from './verify-port.ts'

/** What a source needs to be known again. */
export type SourceHeadRecord = {
  readonly id: number
  readonly sensorOverride: string
  readonly headLength: number
  readonly headDigest: string
  readonly committedOffset: number
}

export type SourceRecord = SourceHeadRecord & {
  readonly uid: Uint8Array
  readonly tailDigest: Uint8Array
  readonly records: number
  readonly batches: number
  readonly lastDigest: Uint8Array
  /** Start and first record of the open last batch, where there is one. */
  readonly open:
    | { readonly seq: number; readonly startOffset: number; readonly firstRecord: number }
    | undefined
  readonly state: SourceState
  readonly pendingBytes: number
  /** When the store first heard of it. */
  readonly firstSeenUs: InstantUs
}

export type SourceState = 'open' | 'complete' | 'torn' | 'bomb'

/** A file as it was when it was last read. */
export type FileRecord = {
  readonly path: string
  readonly sensorOverride: string
  readonly sourceId: number | null
  readonly device: string
  readonly inode: string
  readonly size: number
  readonly mtimeNs: string
  readonly ctimeNs: string
  readonly foreignKind: string | null
  readonly isFinished: boolean
}

/** A tty log or download that was looked at. */
export type ArtifactRecord = {
  readonly path: string
  readonly sha256: string
  readonly size: number
  readonly kind: string
  readonly seenAtUs: number
  readonly namedBy: string
}

/** How a reading of a source ended; written with its last batch or alone. */
export type SourceUpdate = {
  readonly state: SourceState
  readonly pendingBytes: number
  readonly compression: string
  /** Visible form. */
  readonly path: string
}

/** Counts of one batch by fate. */
export type Fates = {
  lines: number
  stored: number
  duplicate: number
  held: number
  dead: number
  blank: number
  expired: number
}

export type LineageProof = { readonly head: Uint8Array; readonly tailDigest: Uint8Array }

/**
 * One loader's hold on the database. Batches between `begin` and `commit` are stored together or not at all.
 *
 * Not for two callers at once: each call is awaited before the next.
 */
export type BatchWriter = {
  /** What batches must bring with them for this engine. */
  readonly needs: BatchNeeds
  /** Waits for its turn and starts a transaction. */
  begin(signal?: AbortSignal): Promise<void>
  /**
   * Makes the source known.
   *
   * @param source.claims - what its reader took so that nobody else begins the same source; where one of them went to
   *   another loader meanwhile, the commit is refused
   * @returns its number
   */
  addSource(source: {
    readonly uid: Uint8Array
    readonly sensorOverride: string
    readonly update: SourceUpdate
    readonly claims: readonly string[]
  }): Promise<number>
  /**
   * Adds one batch of a source. Its fates are told by `commit`.
   *
   * @param readerId - whose dictionary the batch points into
   * @param proof - first bytes of the stream (at most 1 KiB), and SHA-256 of the last 4 KiB up to the end of the batch
   */
  write(sourceId: number, readerId: number, batch: PackedBatch, proof: LineageProof): Promise<void>
  finishSource(sourceId: number, update: SourceUpdate): Promise<void>
  saveFile(file: FileRecord): Promise<void>
  /** @returns the fates of the batches written since `begin`, in that order */
  commit(): Promise<readonly Fates[]>
  rollback(): Promise<void>
  /** Signs the present state. Call outside a transaction. @returns undefined when nothing is new since the last one */
  checkpoint(key: SigningKey, signal?: AbortSignal): Promise<Checkpoint | undefined>
  /** The load is over: makes up what was put off. Call outside a transaction. */
  settle(): Promise<void>
  close(): Promise<void>
}

export type BatchNeeds = {
  /** The order of the keys of each payload: an engine that keeps objects without it needs it beside them. */
  readonly keyOrder: boolean
}

/** Makes summaries again. */
export type SummaryWriter = {
  /**
   * Empties the derived tables and fills them from batches of stored events, in one transaction with a journal entry.
   *
   * @param differences - how many were found, for the journal
   */
  rebuildSummaries(batches: AsyncIterable<PackedBatch>, differences: number): Promise<void>
  /**
   * Moves withheld events of one batch to the others and adds them to the summaries, in one transaction with its
   * journal entry.
   *
   * @param events - the selected events, in the order of their records, to be summed up
   * @throws StoreError `STORE_BUSY` when somebody else decided on one of them meanwhile
   */
  releaseHeld(events: PackedBatch, selection: HeldSelection, draft: JournalDraft): Promise<void>
}

/** What a reviewer's decision is on: withheld events of one batch, by the numbers of their records. */
export type HeldSelection = { readonly batchId: number; readonly recordNos: readonly number[] }

/** Another verdict for an event that is there. */
export type VerdictChange = {
  readonly isHeld: boolean
  readonly eventTimeUs: InstantUs
  readonly sessionKey: SessionKey
  readonly digest: Uint8Array
  readonly sensorId: number
  /** Number of the verdict it has. */
  readonly from: number
  readonly to: Verdict | undefined
}

/** A part of a run that makes verdicts again. */
export type VerdictRun = {
  readonly ruleSet: string
  readonly rules: readonly RuleText[]
  readonly fromBatch: number
  readonly toBatch: number
}

/** What a legal hold is about: all that is given must apply; what is empty or null is any. */
export type HoldScope = {
  readonly sensor: string
  readonly session: string
  /** Uid of a source, 32 hex digits. */
  readonly source: string
  readonly fromUs: InstantUs | null
  readonly untilUs: InstantUs | null
}

/** Decisions of reviewers and modes of the store; each in one transaction with its journal entry. */
export type ReviewStore = {
  /** @throws StoreError `STORE_BUSY` when somebody else decided on one of the events meanwhile */
  rejectHeld(selection: HeldSelection, draft: JournalDraft): Promise<void>
  applyVerdicts(
    run: VerdictRun,
    changes: readonly VerdictChange[],
    draft: JournalDraft,
  ): Promise<void>
  /** @throws StoreError `STORE_BUSY` when its state is no longer the one of the draft's decision */
  decideDeadLetter(id: number, draft: JournalDraft): Promise<void>
  setMode(name: 'emergency', state: 'on' | 'off', draft: JournalDraft): Promise<void>
  /** Puts a hold on what must not be deleted. @returns its number, which is that of its journal entry */
  addHold(scope: HoldScope, draft: JournalDraft): Promise<number>
  /** @throws StoreError `STORE_BUSY` when it is not in force any more */
  releaseHold(id: number, draft: JournalDraft): Promise<void>
  /** Makes a key known that sealed bytes are encrypted to. In the journal. */
  addRecipientKey(
    key: { readonly keyId: string; readonly publicKey: Uint8Array },
    madeAtUs: InstantUs,
  ): Promise<void>
  recipientKeyIds(): Promise<readonly string[]>
  /** Adds to figures that are kept since the store was made. */
  addMetrics(more: Readonly<Record<string, number>>): Promise<void>
}

/** A figure that a follower counted. */
export type ActivityRow = {
  /** As the store names it. */
  readonly sensor: string
  readonly hour: HourNumber
  /** One of `METRICS`, or sessions by place (`country:FR`), which are kept at the first hour of their day. */
  readonly metric: string
  readonly value: number
  /** The higher of two figures counts, instead of their sum. */
  readonly isPeak: boolean
}

/** What became of an anomaly that was handed over. */
export type RaisedAnomaly = {
  readonly id: number
  /** It was not there before. */
  readonly isNew: boolean
  readonly state: AnomalyState
}

export type AnomalyFilter = {
  readonly state?: AnomalyState | undefined
  readonly severity?: AnomalySeverity | undefined
  readonly sensor?: string | undefined
  readonly limit: number
}

export type AnomalyDecision = {
  readonly id: number
  readonly to: Exclude<AnomalyState, 'new'>
  readonly by: string
  readonly atUs: InstantUs
  readonly reason: string
  /** Threshold of its detector for its sensor from now on, percent of the ordinary one; undefined leaves it. */
  readonly factorPercent: number | undefined
}

/** What the live stream was like, hour by hour, and what was odd about it. Each write is a short transaction. */
export type ActivityStore = {
  /** Adds figures; those of several followers add up. Rows of sensors that the store does not know are left out. */
  add(rows: readonly ActivityRow[]): Promise<void>
  /**
   * Fills hours of which nothing was counted with what sessions say: how many began, and their log-ins. Figures that
   * sessions do not tell stay unknown.
   *
   * @returns how many hours of sensors were filled
   */
  seed(fromHour: HourNumber, beforeHour: HourNumber): Promise<number>
  forget(beforeHour: HourNumber): Promise<void>
  /** Sensors with an event at or after an hour, and the last such hour. */
  activeSensors(
    sinceHour: HourNumber,
  ): Promise<readonly { readonly sensor: string; readonly lastHour: HourNumber }[]>
  /** Figures of one sensor in these hours, without those by place. */
  figures(
    sensor: string,
    hours: readonly HourNumber[],
  ): Promise<
    readonly { readonly hour: HourNumber; readonly metric: string; readonly value: number }[]
  >
  /** Sessions of one sensor by country or network, summed over days. */
  mix(
    sensor: string,
    group: MixGroup,
    fromHour: HourNumber,
    beforeHour: HourNumber,
  ): Promise<ReadonlyMap<string, number>>
  /** Digests of the values of a kind that events of a day have. */
  valuesOfDay(kind: number, day: number, limit: number): Promise<readonly Uint8Array[]>
  /** Commands that contain a text, with the last day they were seen, newest first. */
  commandsWith(
    part: string,
    fromDay: number,
    limit: number,
  ): Promise<readonly { readonly text: string; readonly day: number }[]>
  /** Thresholds that reviewers raised. */
  factors(): Promise<
    readonly {
      readonly detector: DetectorName
      readonly sensor: string
      readonly percent: number
    }[]
  >
  /**
   * Keeps anomalies, one for each detector, sensor, hour and severity; a higher figure takes the place of a lower.
   *
   * @returns what became of each, in their order; undefined for one of a sensor that the store does not know
   */
  raise(found: readonly Anomaly[]): Promise<readonly (RaisedAnomaly | undefined)[]>
  /** Newest first. */
  anomalies(filter: AnomalyFilter): Promise<readonly StoredAnomaly[]>
  anomaly(id: number): Promise<StoredAnomaly | undefined>
  /** @throws StoreError `STORE_BUSY` when somebody else decided on it meanwhile */
  decide(decision: AnomalyDecision, detector: DetectorName, draft: JournalDraft): Promise<void>
}

export type AlertSeverity = 'warning' | 'critical'

/** What a channel was told of an alert, and how the last try ended. */
export type AlertDelivery = {
  readonly told: 'nothing' | 'open' | 'resolved'
  /** As it was told. */
  readonly severity: AlertSeverity
  readonly toldAtUs: InstantUs
  readonly triedAtUs: InstantUs
  /** `delivered`, or in our own words why not. */
  readonly result: string
}

/** An alert as it is remembered. One row for each kind and subject. */
export type AlertRecord = {
  readonly id: number
  readonly kind: string
  readonly subject: SafeText
  readonly state: 'open' | 'acknowledged' | 'resolved'
  readonly severity: AlertSeverity
  readonly firstAtUs: InstantUs
  readonly lastAtUs: InstantUs
  /** Looks that met it, this time. */
  readonly seen: number
  /** Looks in a row that did not meet it any more. */
  readonly missed: number
  readonly occurrences: number
  readonly figure: number
  readonly threshold: number
  /** Our own words. */
  readonly sentence: string
  readonly notifiedAtUs: InstantUs
  readonly deliveries: Readonly<Record<string, AlertDelivery>>
}

export type AlertMark = { readonly name: string; readonly value: number; readonly atUs: InstantUs }

/** A message that was not sent, as the next one tells of it. */
export type SuppressedAlert = {
  readonly kind: string
  readonly subject: SafeText
  readonly event: string
}

export type AlertChannelRecord = {
  readonly channel: string
  /** Messages of the last hour. */
  readonly sentAtUs: readonly InstantUs[]
  readonly suppressed: { readonly count: number; readonly first: readonly SuppressedAlert[] }
}

/** What looks for alerts remember. */
export type AlertMemory = {
  readonly alerts: readonly AlertRecord[]
  readonly marks: readonly AlertMark[]
  readonly channels: readonly AlertChannelRecord[]
}

/** Rows to be kept. Of an alert that is there, `was` is the state it was read in: a decision made meanwhile stays. */
export type AlertChanges = {
  readonly alerts: readonly {
    readonly record: AlertRecord
    readonly was: AlertRecord['state'] | undefined
  }[]
  readonly marks: readonly AlertMark[]
  readonly channels: readonly AlertChannelRecord[]
}

/**
 * The memory of alerts.
 *
 * Where an engine has one writer, this must not be used beside a `BatchWriter` of the same opened store: it waits for
 * the same turn. Open the store once more for it.
 */
export type AlertStore = {
  /** Takes the look: false while another process has one under way. It ends by itself at `untilUs`. */
  beginLook(nowUs: InstantUs, untilUs: InstantUs): Promise<boolean>
  endLook(nowUs: InstantUs): Promise<void>
  memory(): Promise<AlertMemory>
  /** All of it in one transaction. */
  save(changes: AlertChanges): Promise<void>
  /** With its journal entry. @throws StoreError `STORE_BUSY` when it is not open any more */
  acknowledge(id: number, draft: JournalDraft): Promise<void>
}

/** A file that addresses were looked up in. */
export type DatabaseRecord = {
  /** Name of its kind and description, as its maker wrote them. */
  readonly type: SafeText
  readonly description: SafeText
  /** 0 where it does not say. */
  readonly builtAtUs: InstantUs
  /** SHA-256, 64 hexadecimal digits. */
  readonly digest: string
  readonly path: SafeText
  readonly facts: readonly string[]
  readonly loadedAtUs: InstantUs
}

/** Files that are asked together, the more trusted first; places name the set that they come from. */
export type DatabaseSet = {
  readonly digest: string
  readonly databases: readonly DatabaseRecord[]
}

/** An address of the dictionary, and the set that it was looked up in last; null where it never was. */
export type AddressRow = {
  readonly valueId: number
  readonly address: SafeText
  readonly setDigest: string | null
}

/** What is known of an address; null where nothing is. */
export type PlaceRow = {
  readonly valueId: number
  /** A row is written only where the dictionary still has this text under the number. */
  readonly address: string
  readonly country: SafeText | null
  readonly city: SafeText | null
  readonly asn: number | null
  readonly organisation: SafeText | null
  readonly network: string | null
}

/** How many addresses and sessions are covered. */
export type PlaceCoverage = {
  readonly addresses: number
  readonly lookedUp: number
  readonly withCountry: number
  readonly withAsn: number
  /** Looked up, and no database knows them. */
  readonly withNone: number
  /** Looked up in other files than those of the set that was asked for. */
  readonly fromOtherSets: number
  readonly sessions: number
  readonly sessionsWithCountry: number
  readonly sessionsWithAsn: number
}

/** Places of addresses: operational, no proof rests on them. Each write is a short transaction in its turn. */
export type PlaceStore = {
  /** Addresses behind a number, in the order of their numbers. */
  addresses(after: number, limit: number): Promise<readonly AddressRow[]>
  /** Every set that places come from. */
  sets(): Promise<readonly DatabaseSet[]>
  /** Adds places, or puts them in the place of older ones. @returns how many were written */
  save(set: DatabaseSet, rows: readonly PlaceRow[], nowUs: InstantUs): Promise<number>
  /** Forgets sets that no place names any more. */
  forgetUnusedSets(): Promise<void>
  /** Reads all addresses and sessions, for people. @param setDigest - of the files that are configured now */
  coverage(setDigest: string | undefined): Promise<PlaceCoverage>
}

/** What finding and taking a source asks of the store. */
export type LineageStore = {
  findFile(path: string, sensorOverride: string): Promise<FileRecord | undefined>
  /** Sources whose start is the same as one of these, newest first. */
  findByHead(
    sensorOverride: string,
    heads: readonly { readonly length: number; readonly digest: string }[],
  ): Promise<readonly SourceRecord[]>
  /** The lengths below 1 KiB that starts of sources were recorded with. */
  headLengths(sensorOverride: string): Promise<readonly number[]>
  source(id: number): Promise<SourceRecord | undefined>
  blockProof(
    sourceId: number,
    upToOffset: number,
  ): Promise<{ readonly ends: Float64Array; readonly digests: Uint8Array }>
  /**
   * Since when a named file is followed.
   *
   * @param candidateUs - kept where it is followed for the first time
   */
  followedSince(path: string, sensorOverride: string, candidateUs: InstantUs): Promise<InstantUs>
  /** Takes what is to be read, a source or the start of a new one, for this process; false while another has it. */
  claim(name: string): Promise<boolean>
  release(name: string): Promise<void>
}

/** The versions that a batch's seal names. */
export type WriterVersions = {
  readonly schemaVersion: string
  readonly programVersion: string
  /** Files of the schema set, for `schema_versions`. */
  readonly schemaFiles: readonly { readonly file: string; readonly digest: string }[]
  /** The rules of the whole set, for `rule_sets`; batches name their version. */
  readonly rules: readonly RuleText[]
}

/** A rule as it is kept: its definition as JSON. */
export type RuleText = { readonly id: string; readonly definition: string }

/** `create` loads and makes what is missing, `write` changes what is there, `read` only looks. */
export type OpenMode = 'create' | 'write' | 'read'

/** A database of nacre: what every engine offers. */
export type Store = LineageStore & {
  readonly review: ReviewStore
  readonly places: PlaceStore
  readonly alerts: AlertStore
  readonly activity: ActivityStore
  /** As `db stats` names it. */
  readonly engine: string
  /** Where it is, without secrets. */
  readonly place: string
  readonly engineVersion: string
  /** What an operator should know about how it was opened. */
  readonly notices: readonly string[]
  readonly schemaVersion: number
  /** Queries of reports and look-ups: one text for every engine. Not there in the mode `create`, which only loads. */
  readonly query: Kysely<Database>
  /** The same, made where it was not: a load asks few questions, and late. */
  queries(): Promise<Kysely<Database>>
  /** In what its queries differ. */
  readonly dialect: Engine
  /** Brings the schema up to this program. @returns how many steps were applied */
  migrate(): Promise<number>
  writer(versions: WriterVersions): BatchWriter & SummaryWriter
  reads(): VerifyReads
  signingKeyIds(): Promise<readonly string[]>
  /** Makes a key known: from now on it may sign checkpoints. In the journal. */
  addSigningKey(key: Pick<SigningKey, 'keyId' | 'publicKey'>, madeAtUs: InstantUs): Promise<void>
  /** Writes a journal entry in a transaction of its own. */
  journal(draft: JournalDraft): Promise<void>
  /** Settings in force and sizes, for `db status`. */
  engineStatus(): Promise<Readonly<Record<string, string | number>>>
  /** Who writes now or waits to. */
  holders(): Promise<readonly Holder[]>
  /** How it is kept, in a few words for `init` and `doctor`. */
  readonly mode: string
  /** Problems that the engine itself finds; empty when it is whole. */
  integrityProblems(): Promise<readonly string[]>
  /** Hashes and file names under which events speak of tty logs, downloads and uploads. */
  artifactNames(): Promise<ReadonlySet<string>>
  saveArtifacts(rows: readonly ArtifactRecord[]): Promise<void>
  /** Every stored and held event in the order of time, page by page, for the fingerprint. */
  fingerprintRows(): AsyncIterable<readonly FingerprintRow[]>
  /** Fills this store with another one. */
  moveTarget(): MoveTarget
  close(): Promise<void>
}

/** Something that `doctor` looked at. */
export type Finding = {
  readonly state: 'ok' | 'warning' | 'wrong'
  readonly what: string
  readonly advice: string
}

export type Holder = { readonly what: string; readonly who: string }

export type { Engine } from './engine.ts'
export type { DeadLetterRecord } from './repo/dead-letters.ts'
export type { ExportedEvent, ExportFilter } from './repo/export.ts'
export type {
  ActiveSession,
  InsightQueries,
  Meeting,
  MetValues,
  NamedSession,
  StoreQuality,
} from './repo/insights.ts'
export type { LegacyCount, LegacyFigures, LegacySessionEvents } from './repo/legacy.ts'
export type { CompletenessFigures, SessionFigures, SystemEntry, TopEntry } from './repo/report.ts'
export type { VerdictCount } from './repo/rules.ts'
export type { EventField, EventRecord, SessionFilter, SessionRecord } from './repo/sessions.ts'
