/**
 * Makes the test vectors at the end of `docs/seal-format.md`.
 *
 * Run `node tools/make-seal-vectors.ts` after a change of the format; a test compares the two. It
 * shares no code with the program, not even the hash: otherwise the vectors would show only that
 * the program agrees with itself.
 */
import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  sign,
} from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { blake3 } from '@noble/hashes/blake3.js'

/** The vectors of the page; bytes are hexadecimal, names are those of the columns. */
export type SealVectors = ReturnType<typeof makeSealVectors>

const MARKER = '<!-- vectors: made by tools/make-seal-vectors.ts -->\n'

/** PKCS #8 header of an Ed25519 key; the 32 bytes of the key follow (RFC 8410 section 7). */
const PKCS8_ED25519 = '302e020100300506032b657004220420'

/** The secret key of RFC 8032 section 7.1, test 1: public, and so of no other use. */
const SECRET_KEY = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'

/** PKCS #8 header of an X25519 key. */
const PKCS8_X25519 = '302e020100300506032b656e04220420'

/** The secret keys of RFC 7748 section 6.1: Alice's is used for the batch, Bob's is the recipient's. */
const EPHEMERAL_SECRET = '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'
const RECIPIENT_SECRET = '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'

const NO_DIGEST = Buffer.alloc(32)

/** All vectors. */
export function makeSealVectors() {
  const lines = ['{"eventid":"cowrie.x"}\n', '\r\n', 'no line end']
  const block = blockVector(lines)
  const row = rowVector()
  const deadLetter = deadLetterVector()
  const envelope = envelopeVector(block.content, block.block_leaf)
  const days = [{ day: 20_089, rows: [row.row_digest] }]
  const held = [text('held 1'), text('held 2')].map((x) => hex(hash(x)))
  const sealedKey = { ...envelope, stored_digests: [envelope.stored_digest] }
  const view = [
    viewVector([], []),
    viewVector(days, []),
    viewVector([], [deadLetter.dead_digest]),
    viewVector([], [], held.slice(0, 1)),
    viewVector([], [], [], sealedKey),
    viewVector(days, [deadLetter.dead_digest], held, sealedKey),
    viewVector(
      [
        { day: -1, rows: [text('row 1'), text('row 2')].map((x) => hex(hash(x))) },
        { day: 20_089, rows: [row.row_digest] },
      ],
      [deadLetter.dead_digest, hex(hash(text('dead 2')))],
    ),
  ]
  const batch = batchVector(tree([block.block_leaf]), view.at(-1)?.view_root ?? '')
  const journal = journalVector()
  return {
    records: ['', '\n', 'x', 'x\n', 'x\r\n', 'x\n\n', ...lines].map(recordVector),
    trees: [0, 1, 2, 3, 4, 5].map(treeVector),
    block,
    envelope,
    row,
    dead_letter: deadLetter,
    view,
    batch,
    journal,
    checkpoint: checkpointVector(batch.digest, journal.digest),
  }
}

/** The page with the vectors of this program after its marker, in place of those it had. */
export function withSealVectors(page: string): string {
  const at = page.indexOf(MARKER)
  if (at < 0) throw new Error('the page has no marker for the vectors')
  const vectors = JSON.stringify(makeSealVectors(), null, 2)
  return `${page.slice(0, at + MARKER.length)}\n\`\`\`json\n${vectors}\n\`\`\`\n`
}

function recordVector(record: string) {
  return { bytes: hex(text(record)), leaf: hex(recordLeaf(record)) }
}

function treeVector(size: number) {
  const leaves = Array.from({ length: size }, (_, i) => hex(hash(text(`leaf ${i}`))))
  return { leaves, root: tree(leaves) }
}

function blockVector(records: readonly string[]) {
  const bytes = text(records.join(''))
  const lengths = records.map((record) => u32(text(record).length))
  const content = concat(u32(records.length), ...lengths, bytes)
  const [startOffset, endOffset] = [4_294_967_296 + 5, 4_294_967_296 + 5 + bytes.length]
  const root = tree(records.map((record) => hex(recordLeaf(record))))
  const sha256 = createHash('sha256').update(bytes).digest()
  const hashed = concat(
    ...[byte(0x09), sha256, u64(startOffset), u64(endOffset), u32(records.length), unhex(root)],
  )
  return {
    records: records.map((record) => hex(text(record))),
    content: hex(content),
    sha256: hex(sha256),
    start_offset: startOffset,
    end_offset: endOffset,
    root,
    hashed: hex(hashed),
    block_leaf: hex(hash(hashed)),
  }
}

/** One block of one batch, encrypted to a recipient. */
function envelopeVector(content: string, leaf: string) {
  // A frame of one block that is not compressed (RFC 8878 section 3.1.1): the same with every release of zstd.
  const size = unhex(content).length
  const head = Buffer.alloc(3)
  head.writeUIntLE(size * 8 + 1, 0, 3)
  const frame = concat(unhex('28b52ffd20'), byte(size), head, unhex(content))

  const secrets = [EPHEMERAL_SECRET, RECIPIENT_SECRET].map((secret) =>
    createPrivateKey({ key: unhex(PKCS8_X25519 + secret), format: 'der', type: 'pkcs8' }),
  )
  const [ephemeral, recipient] = secrets.map((secret) => {
    const key = createPublicKey(secret)
    return { secret, key, raw: key.export({ format: 'der', type: 'spki' }).subarray(-32) }
  })
  if (ephemeral === undefined || recipient === undefined) throw new Error('no keys')
  const shared = diffieHellman({ privateKey: ephemeral.secret, publicKey: recipient.key })
  // HKDF of RFC 5869 for an output as long as the hash.
  const salt = concat(ephemeral.raw, recipient.raw)
  const extracted = createHmac('sha256', salt).update(shared).digest()
  const kek = createHmac('sha256', extracted).update('nacre-envelope-1').update(byte(1)).digest()
  const dataKey = Buffer.from(Array.from({ length: 32 }, (_, i) => i))
  const wrapped = encrypt(dataKey, kek, Buffer.alloc(12), Buffer.alloc(0))
  const n = 1
  const nonce = concat(u64(0), u32(n))
  const stored = encrypt(frame, dataKey, nonce, unhex(leaf))
  return {
    recipient_secret: RECIPIENT_SECRET,
    recipient: hex(recipient.raw),
    key_id: hex(hash(recipient.raw)).slice(0, 16),
    ephemeral_secret: EPHEMERAL_SECRET,
    ephemeral: hex(ephemeral.raw),
    shared_secret: hex(shared),
    wrapping_key: hex(kek),
    data_key: hex(dataKey),
    wrapped: hex(wrapped),
    n,
    nonce: hex(nonce),
    block_leaf: leaf,
    frame: hex(frame),
    stored: hex(stored),
    stored_digest: hex(hash(byte(0x0d), stored)),
  }
}

function encrypt(plain: Buffer, key: Buffer, nonce: Buffer, aad: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad)
  return concat(cipher.update(plain), cipher.final(), cipher.getAuthTag())
}

function rowVector() {
  const fields = {
    event_time_us: 1_735_689_600_123_456,
    record_no: 7,
    flags: 36,
    digest: hex(hash(byte(0x00), text('{"a":1}'))).slice(0, 32),
    sensor: 'lyon-1',
    session: 'a1b2c3d4e5f6',
    eventid: 'cowrie.login.failed',
    notes: 'src_port',
    payload: '{"username":"r\u00f6\u00f6t \u{1f41a}"}',
  }
  const payloadHash = hash(byte(0x00), text(fields.payload))
  const hashed = concat(
    byte(0x02),
    ...[i64(fields.event_time_us), u32(fields.record_no), u32(fields.flags), unhex(fields.digest)],
    ...[fields.sensor, fields.session, fields.eventid, fields.notes].map(lp),
    payloadHash,
  )
  return {
    ...fields,
    payload_hash: hex(payloadHash),
    hashed: hex(hashed),
    row_digest: hex(hash(hashed)),
  }
}

function deadLetterVector() {
  const fields = {
    start_offset: 4_294_967_301,
    end_offset: 4_294_967_333,
    first_record: 1,
    records: 2,
    reason: 'not-json',
    detail: 'no JSON object could be read here',
  }
  const hashed = concat(
    ...[byte(0x05), u64(fields.start_offset), u64(fields.end_offset)],
    ...[u32(fields.first_record), u32(fields.records), lp(fields.reason), lp(fields.detail)],
  )
  return { ...fields, hashed: hex(hashed), dead_digest: hex(hash(hashed)) }
}

function viewVector(
  days: readonly { readonly day: number; readonly rows: readonly string[] }[],
  dead: readonly string[],
  held: readonly string[] = [],
  envelope?: {
    readonly key_id: string
    readonly ephemeral: string
    readonly wrapped: string
    readonly stored_digests: readonly string[]
  },
) {
  const leaves = days.map(({ day, rows }) =>
    hash(byte(0x03), i64(day), u32(rows.length), unhex(tree(rows))),
  )
  if (dead.length > 0) leaves.push(hash(byte(0x04), u32(dead.length), unhex(tree(dead))))
  if (held.length > 0) leaves.push(hash(byte(0x0b), u32(held.length), unhex(tree(held))))
  if (envelope !== undefined) {
    const { key_id, ephemeral, wrapped, stored_digests: stored } = envelope
    const key = concat(lp(key_id), unhex(ephemeral), unhex(wrapped))
    leaves.push(hash(byte(0x0c), key, u32(stored.length), unhex(tree(stored))))
  }
  return {
    days: days.map(({ day, rows }) => ({ day, row_digests: rows, day_root: tree(rows) })),
    dead_digests: dead,
    held_digests: held,
    stored_digests: envelope?.stored_digests ?? [],
    leaves: leaves.map(hex),
    view_root: tree(leaves.map(hex)),
  }
}

function batchVector(recordRoot: string, viewRoot: string) {
  const fields = {
    source_uid: '000102030405060708090a0b0c0d0e0f',
    sensor_override: '',
    seq: 3,
    start_offset: 4_294_967_301,
    end_offset: 4_294_967_337,
    first_record: 65_536,
    records: 21,
    stored: 6,
    duplicate: 5,
    held: 4,
    dead: 3,
    blank: 2,
    expired: 1,
    supersedes: 2,
    blocks: 1,
    record_root: recordRoot,
    view_root: viewRoot,
    schema_version: '0123456789abcdef',
    rule_set: 'none',
    program_version: '0.1.0',
    committed_at_us: 1_735_689_601_000_000,
    previous_digest: hex(hash(text('the batch before'))),
  }
  const hashed = concat(
    ...[byte(0x06), lp('nacre-batch-1'), lp(unhex(fields.source_uid)), lp(fields.sensor_override)],
    ...[u64(fields.seq), u64(fields.start_offset), u64(fields.end_offset)],
    ...[u64(fields.first_record), u64(fields.records)],
    ...[u64(fields.stored), u64(fields.duplicate), u64(fields.held), u64(fields.dead)],
    ...[u64(fields.blank), u64(fields.expired), u64(fields.supersedes), u32(fields.blocks)],
    ...[unhex(fields.record_root), unhex(fields.view_root)],
    ...[lp(fields.schema_version), lp(fields.rule_set), lp(fields.program_version)],
    ...[i64(fields.committed_at_us), unhex(fields.previous_digest)],
  )
  return { ...fields, hashed: hex(hashed), digest: hex(hash(hashed)) }
}

function journalVector() {
  const fields = {
    seq: 1,
    at_us: 1_735_689_602_000_000,
    actor: 'ingest bulk',
    action: 'key.added',
    subject: 'signing_keys 0123456789abcdef',
    reason: 'a key signs the checkpoints of this store',
    detail: '{"from":"new"}',
    previous_digest: hex(NO_DIGEST),
  }
  const hashed = concat(
    ...[byte(0x08), lp('nacre-journal-1'), u64(fields.seq), i64(fields.at_us)],
    ...[fields.actor, fields.action, fields.subject, fields.reason, fields.detail].map(lp),
    unhex(fields.previous_digest),
  )
  return { ...fields, hashed: hex(hashed), digest: hex(hash(hashed)) }
}

function checkpointVector(lastDigest: string, journalHead: string) {
  const source = {
    uid: '000102030405060708090a0b0c0d0e0f',
    batches: 3,
    last_digest: lastDigest,
    records: 65_557,
    stored: 60_000,
  }
  const sources = [source, { ...source, uid: 'ff0102030405060708090a0b0c0d0e0f', batches: 1 }]
  const leaves = sources.map(({ uid, batches, last_digest, records, stored }) =>
    hash(
      ...[byte(0x07), lp(unhex(uid)), u64(batches), unhex(last_digest), u64(records), u64(stored)],
    ),
  )
  const fields = {
    seq: 1,
    made_at_us: 1_735_689_603_000_000,
    up_to_batch: 4,
    sources: sources.length,
    tree_root: tree(leaves.map(hex)),
    journal_seq: 1,
    journal_head: journalHead,
    previous_digest: hex(NO_DIGEST),
  }
  const message = concat(
    ...[lp('nacre-checkpoint-1'), u64(fields.seq), i64(fields.made_at_us)],
    ...[u64(fields.up_to_batch), u64(fields.sources), unhex(fields.tree_root)],
    ...[u64(fields.journal_seq), unhex(fields.journal_head), unhex(fields.previous_digest)],
  )
  const der = unhex(PKCS8_ED25519 + SECRET_KEY)
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  // The raw key is the end of its SubjectPublicKeyInfo (RFC 8410 section 4).
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  return {
    source_leaves: sources.map((one, i) => ({ ...one, leaf: hex(leaves[i] ?? NO_DIGEST) })),
    ...fields,
    message: hex(message),
    digest: hex(hash(byte(0x0a), message)),
    secret_key: SECRET_KEY,
    public_key: hex(publicKey),
    key_id: hex(hash(publicKey)).slice(0, 16),
    signature: hex(sign(null, message, key)),
  }
}

function recordLeaf(record: string): Buffer {
  return hash(byte(0x00), text(record.endsWith('\n') ? record.slice(0, -1) : record))
}

/** Root over leaves, as section 2.1 of RFC 6962 defines it. */
function tree(leaves: readonly string[]): string {
  if (leaves.length < 2) return leaves[0] ?? hex(hash())
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return hex(hash(byte(0x01), unhex(tree(leaves.slice(0, k))), unhex(tree(leaves.slice(k)))))
}

function hash(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.from(blake3(concat(...parts)))
}

function concat(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts)
}

function byte(value: number): Buffer {
  return Buffer.of(value)
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function i64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(value))
  return bytes
}

function lp(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? text(value) : value
  return concat(u32(bytes.length), bytes)
}

function text(value: string): Buffer {
  return Buffer.from(value, 'utf8')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function unhex(digits: string): Buffer {
  return Buffer.from(digits, 'hex')
}

if (import.meta.main) {
  const file = join(import.meta.dirname, '../docs/seal-format.md')
  writeFileSync(file, withSealVectors(readFileSync(file, 'utf8')))
}
