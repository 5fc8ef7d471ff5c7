import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { type DeadReason, ownText } from '../../src/core/event.ts'
import { MerkleTree, merkleRoot } from '../../src/core/merkle.ts'
import {
  checkpointDigest,
  checkpointMessage,
  journalDigest,
  keyIdOf,
  loadSigningKey,
  sourcesRoot,
  verifySignature,
  ZERO_DIGEST,
} from '../../src/seal/chain.ts'
import {
  decryptBlock,
  encryptBlock,
  loadRecipientPrivate,
  openEnvelope,
  recipientOf,
  wrapDataKey,
} from '../../src/seal/envelope.ts'
import { blockLeaf, openBlock, RecordSealer, recordLeaf } from '../../src/seal/records.ts'
import {
  batchDigest,
  deadLetterDigest,
  payloadHash,
  rowDigest,
  storedDigest,
  ViewSealer,
  viewRoot,
} from '../../src/seal/view.ts'
import { type SealVectors, withSealVectors } from '../../tools/make-seal-vectors.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/seal-format.md'), 'utf8')

// Made by the tool, as the first test shows, so it has the tool's shape.
const vectors = JSON.parse(/^```json\n(.*?)^```$/ms.exec(PAGE)?.[1] ?? '') as SealVectors

const unhex = (digits: string) => Buffer.from(digits, 'hex')
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

suite('the test vectors of the seal format', () => {
  test('stand on the page as the tool makes them', () => {
    assert.equal(PAGE, withSealVectors(PAGE))
  })

  test('hold for the leaf of a record', () => {
    for (const { bytes, leaf } of vectors.records) assert.equal(hex(recordLeaf(unhex(bytes))), leaf)
  })

  test('hold for trees of no to five leaves', () => {
    assert.deepEqual(
      vectors.trees.map(({ leaves }) => leaves.length),
      [0, 1, 2, 3, 4, 5],
    )
    const tree = new MerkleTree()
    for (const { leaves, root } of vectors.trees) {
      assert.equal(hex(merkleRoot(leaves.map(unhex))), root)
      const last = leaves.at(-1)
      if (last !== undefined) tree.add(unhex(last))
      assert.equal(hex(tree.root()), root)
    }
  })

  test('hold for a block', () => {
    const { block } = vectors
    const sealer = new RecordSealer(block.start_offset)
    for (const record of block.records) sealer.add(unhex(record))
    const { blocks, recordRoot } = sealer.finish()
    assert.equal(blocks.length, 1)
    const [sealed] = blocks
    assert.ok(sealed)
    assert.equal(hex(zstdDecompressSync(sealed.bytes)), block.content)
    const { body, lengths } = openBlock(sealed.codec, sealed.bytes)
    assert.equal(hex(body), block.records.join(''))
    assert.deepEqual(
      lengths,
      block.records.map((record) => record.length / 2),
    )
    assert.deepEqual([sealed.startOffset, sealed.endOffset], [block.start_offset, block.end_offset])
    assert.equal(hex(sealed.sha256), block.sha256)
    assert.equal(hex(sealed.root), block.root)
    assert.equal(hex(blockLeaf(sealed)), block.block_leaf)
    assert.equal(hex(recordRoot), block.block_leaf)
  })

  test('hold for an encrypted block and its envelope', () => {
    const { envelope, block } = vectors
    // The secret that RFC 7748 section 6.1 gives for these two.
    assert.match(envelope.shared_secret, /^4a5d9d5ba4ce2de1.*1e161742$/)
    const [dataKey, leaf] = [unhex(envelope.data_key), unhex(envelope.block_leaf)]
    const recipient = recipientOf(unhex(envelope.recipient))
    assert.equal(recipient.keyId, envelope.key_id)
    const wrapped = wrapDataKey(recipient, dataKey, unhex(envelope.ephemeral_secret))
    assert.deepEqual(
      [wrapped.keyId, hex(wrapped.ephemeral), hex(wrapped.wrapped)],
      [envelope.key_id, envelope.ephemeral, envelope.wrapped],
    )
    const key = { dataKey, n: envelope.n, leaf }
    const stored = unhex(envelope.stored)
    assert.equal(hex(encryptBlock(unhex(envelope.frame), key)), envelope.stored)
    assert.equal(hex(storedDigest(stored)), envelope.stored_digest)

    const [d, x] = [envelope.recipient_secret, envelope.recipient].map((one) =>
      unhex(one).toString('base64url'),
    )
    assert.ok(d !== undefined && x !== undefined)
    const secret = createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', d, x }, format: 'jwk' })
    const half = loadRecipientPrivate(secret.export({ format: 'pem', type: 'pkcs8' }).toString())
    assert.equal(half.keyId, envelope.key_id)
    const opened = openEnvelope(new Map([[half.keyId, half]]), wrapped)
    assert.ok(opened)
    assert.equal(hex(opened), envelope.data_key)
    assert.equal(hex(decryptBlock(stored, key)), envelope.frame)
    const { body } = openBlock('zstd+aes-256-gcm', stored, { ...key, dataKey: opened })
    assert.equal(hex(body), block.records.join(''))
  })

  for (const withheld of [0, 1 << 11])
    test(`hold for a row that was ${withheld === 0 ? 'not ' : ''}withheld`, () => {
      const { row } = vectors
      assert.equal(hex(payloadHash(Buffer.from(row.payload))), row.payload_hash)
      const digest = rowDigest({
        eventTimeUs: row.event_time_us,
        recordNo: row.record_no,
        flags: row.flags | withheld,
        digest: unhex(row.digest),
        sensor: row.sensor,
        session: row.session,
        eventid: row.eventid,
        notes: row.notes,
        payloadHash: unhex(row.payload_hash),
      })
      assert.equal(hex(digest), row.row_digest)
    })

  test('hold for a dead letter', () => {
    const letter = vectors.dead_letter
    const digest = deadLetterDigest({
      startOffset: letter.start_offset,
      endOffset: letter.end_offset,
      firstRecord: letter.first_record,
      records: letter.records,
      reason: letter.reason as DeadReason, // the tool writes one of them
      detail: ownText(letter.detail),
    })
    assert.equal(hex(digest), letter.dead_digest)
  })

  test('hold for views with and without days, dead letters, withheld rows and envelopes', () => {
    for (const view of vectors.view) {
      const sealer = new ViewSealer()
      // The later day first: days are put in order, rows stay in theirs.
      for (const { day, row_digests } of view.days.toReversed()) {
        for (const digest of row_digests) sealer.add(day, unhex(digest))
      }
      const days = sealer.days()
      assert.deepEqual(
        days.map(({ day, rows, root }) => [day, rows, hex(root)]),
        view.days.map(({ day, row_digests, day_root }) => [day, row_digests.length, day_root]),
      )
      const [dead, held, stored] = [view.dead_digests, view.held_digests, view.stored_digests].map(
        (digests) => digests.map(unhex),
      )
      assert.ok(dead && held && stored)
      const key = {
        keyId: vectors.envelope.key_id,
        ephemeral: unhex(vectors.envelope.ephemeral),
        wrapped: unhex(vectors.envelope.wrapped),
        storedDigests: stored,
      }
      const root = viewRoot(days, dead, held, stored.length === 0 ? undefined : key)
      assert.equal(hex(root), view.view_root)
    }
  })

  test('hold for a batch', () => {
    const { batch } = vectors
    const digest = batchDigest({
      sourceUid: unhex(batch.source_uid),
      sensorOverride: batch.sensor_override,
      seq: batch.seq,
      startOffset: batch.start_offset,
      endOffset: batch.end_offset,
      firstRecord: batch.first_record,
      records: batch.records,
      stored: batch.stored,
      duplicate: batch.duplicate,
      held: batch.held,
      dead: batch.dead,
      blank: batch.blank,
      expired: batch.expired,
      supersedes: batch.supersedes,
      blocks: batch.blocks,
      recordRoot: unhex(batch.record_root),
      viewRoot: unhex(batch.view_root),
      schemaVersion: batch.schema_version,
      ruleSet: batch.rule_set,
      programVersion: batch.program_version,
      committedAtUs: batch.committed_at_us,
      previousDigest: unhex(batch.previous_digest),
    })
    assert.equal(hex(digest), batch.digest)
  })

  test('hold for an entry of the journal', () => {
    const { journal } = vectors
    assert.equal(journal.previous_digest, hex(ZERO_DIGEST))
    const digest = journalDigest({
      seq: journal.seq,
      atUs: journal.at_us,
      actor: journal.actor,
      action: journal.action,
      subject: journal.subject,
      reason: journal.reason,
      detail: journal.detail,
      previousDigest: unhex(journal.previous_digest),
    })
    assert.equal(hex(digest), journal.digest)
  })

  test('hold for a checkpoint, its tree and its signature', () => {
    const { checkpoint } = vectors
    const heads = checkpoint.source_leaves.map((source) => ({
      uid: unhex(source.uid),
      batches: source.batches,
      lastDigest: unhex(source.last_digest),
      records: source.records,
      stored: source.stored,
    }))
    const { root, sources } = sourcesRoot(heads)
    assert.equal(hex(root), checkpoint.tree_root)
    assert.equal(sources, checkpoint.sources)
    for (const [i, head] of heads.entries()) {
      assert.equal(hex(sourcesRoot([head]).root), checkpoint.source_leaves[i]?.leaf)
    }
    const message = checkpointMessage({
      seq: checkpoint.seq,
      madeAtUs: checkpoint.made_at_us,
      upToBatch: checkpoint.up_to_batch,
      sources: checkpoint.sources,
      treeRoot: unhex(checkpoint.tree_root),
      journalSeq: checkpoint.journal_seq,
      journalHead: unhex(checkpoint.journal_head),
      previousDigest: unhex(checkpoint.previous_digest),
    })
    assert.equal(hex(message), checkpoint.message)
    assert.equal(hex(checkpointDigest(message)), checkpoint.digest)

    const [d, x] = [checkpoint.secret_key, checkpoint.public_key].map((one) =>
      unhex(one).toString('base64url'),
    )
    assert.ok(d !== undefined && x !== undefined)
    const secret = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' })
    const key = loadSigningKey(secret.export({ format: 'pem', type: 'pkcs8' }).toString())
    assert.equal(hex(key.publicKey), checkpoint.public_key)
    assert.equal(key.keyId, checkpoint.key_id)
    assert.equal(keyIdOf(key.publicKey), checkpoint.key_id)
    assert.equal(hex(key.sign(message)), checkpoint.signature)
    assert.ok(verifySignature(key.publicKey, message, unhex(checkpoint.signature)))
    const other = Buffer.from(message)
    other.writeUInt8(other.readUInt8(30) ^ 1, 30)
    assert.ok(!verifySignature(key.publicKey, other, unhex(checkpoint.signature)))
  })
})
