/** Evidence packages in tests: made from a lab, and checked by both verifiers at once. */
import assert from 'node:assert/strict'
import {
  type EvidenceRequest,
  type ExportOptions,
  exportEvidence,
} from '../../src/evidence/export.ts'
import { loadVerifier } from '../../src/evidence/verifier.ts'
import { type Trusted, verifyPackage } from '../../src/evidence/verify.ts'
import { type PackedFile, packZip, readZip, withManifest } from '../../src/evidence/zip.ts'
import { sessionText } from '../../src/report/session-json.ts'
import { loadRecipientPrivate, newRecipientKey, recipientOf } from '../../src/seal/envelope.ts'
import type { SessionRecord, Store } from '../../src/store/port.ts'
import { findSessions } from '../../src/store/repo/sessions.ts'
import { type Lab, NOW_US, signingKey, VERSIONS } from './loading.ts'

export const FOLDER = new URL('../../evidence/', import.meta.url)

/** What the stand-alone verifier gives. */
export type AloneResult = {
  readonly ok: boolean
  readonly problems: readonly { readonly code: string; readonly text: string }[]
  readonly shows: readonly string[]
  readonly cannotShow: readonly string[]
  readonly records: number
  readonly withheld: readonly { readonly number: number; readonly reason: string }[]
  readonly export: { readonly entry: number; readonly signed: boolean } | null
  readonly checkpoint: { readonly seq: number; readonly digest: string } | null
}

type Alone = {
  blake3(bytes: Uint8Array): Uint8Array
  sha256(bytes: Uint8Array): Uint8Array
  rootFrom(
    leaf: Uint8Array,
    index: number,
    size: number,
    proof: readonly string[],
    code: string,
    where: string,
  ): Uint8Array
  visible(text: string): string
  visibleBytes(bytes: Uint8Array): string
  nodeTools(): Promise<unknown>
  check(bytes: Uint8Array, tools: unknown, trusted: Trusted): Promise<AloneResult>
  report(result: AloneResult): string[]
}

/** The stand-alone verifier. */
export const alone = (await import(new URL('verify.mjs', FOLDER).href)) as Alone

const tools = await alone.nodeTools()

export const privateKey = loadRecipientPrivate(newRecipientKey())
export const recipient = recipientOf(privateKey.publicKey)

const verifier = loadVerifier(FOLDER)

/** Signs a checkpoint of a store, as a command does that has the key. */
export async function sign(store: Store): Promise<void> {
  const writer = store.writer(VERSIONS)
  try {
    await writer.checkpoint(signingKey)
  } finally {
    await writer.close()
  }
}

export function optionsOf(store: Store, more: Partial<ExportOptions> = {}): ExportOptions {
  return {
    actor: 'alice',
    isAllowed: true,
    reason: 'case 7',
    privateKeys: new Map([[privateKey.keyId, privateKey]]),
    nowUs: NOW_US,
    programVersion: 'test',
    verifier,
    sessionText,
    sign: () => sign(store),
    ...more,
  }
}

export async function sessionsOf(lab: Lab, ids?: readonly string[]): Promise<SessionRecord[]> {
  const found: SessionRecord[] = []
  for await (const one of findSessions(lab.store.query, {})) found.push(one)
  return found.filter((one) => ids?.includes(one.session) ?? true)
}

/** Sessions of a lab, in one package. */
export async function exported(
  lab: Lab,
  request: Partial<EvidenceRequest>,
  more: Partial<ExportOptions> = {},
): Promise<Buffer> {
  const parts: Uint8Array[] = []
  const pieces = exportEvidence(
    lab.store,
    { sessions: [], items: [], asked: ['a test'], ...request },
    optionsOf(lab.store, more),
  )
  for await (const piece of pieces) parts.push(piece)
  return Buffer.concat(parts)
}

/** What both verifiers say of a package; they must agree in what is the same in both. */
export async function bothSay(
  zip: Uint8Array,
  trusted: Trusted = {},
): Promise<{ readonly ok: boolean; readonly alone: AloneResult; readonly problems: string[] }> {
  const ours = verifyPackage(zip, trusted)
  const theirs = await alone.check(Uint8Array.from(zip), tools, trusted)
  const told = `ours: ${ours.problems.join(' ')} theirs: ${theirs.problems.map((one) => one.text).join(' ')}`
  assert.equal(theirs.ok, ours.ok, told)
  if (ours.ok) {
    assert.equal(theirs.records, ours.records)
    assert.deepEqual(
      theirs.withheld.map(({ number, reason }) => ({ number, reason })),
      ours.withheld,
    )
    assert.deepEqual(
      [theirs.export?.entry, theirs.export?.signed],
      [ours.export?.entry, ours.export?.isSigned],
    )
    assert.deepEqual(theirs.checkpoint?.digest, ours.checkpoint?.digest)
  }
  return { ok: ours.ok, alone: theirs, problems: [...ours.problems] }
}

export const filesOf = (zip: Uint8Array): PackedFile[] => readZip(zip, () => true)

export const packed = (files: readonly PackedFile[]): Buffer => Buffer.concat([...packZip(files)])

/** A package of these files whose manifest was made anew: what a forger does first. */
export function repacked(files: readonly PackedFile[]): Buffer {
  return packed(
    withManifest(
      files.filter(({ name }) => name !== 'manifest.json'),
      { program: 'nacre test', withheld: [] },
    ),
  )
}
