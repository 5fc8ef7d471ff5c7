/**
 * Checks an evidence package of nacre: alone, with no network, and with no code but this file.
 *
 *   node verify.mjs PACKAGE.zip [--key HEX|FILE] [--checkpoint FILE] [--json]
 *
 * Node.js 18 or newer; the same text is the script of verify.html. Exit status: 0 everything holds, 3 something does
 * not, 2 wrong usage. It is written apart from the program that makes packages: the formats are those of
 * docs/evidence.md and docs/seal-format.md. Nothing in a package is believed that its hashes and signature do not show.
 */

const FORMAT = 'nacre-evidence-1'
/** Bytes of a package, and of all files in it: more is no package of ours. */
const BYTES_MAX = 1024 * 1024 * 1024
const FILES_MAX = 65_535
const DATE = 0x0021
const NAMES =
  /^(?:manifest\.json|README\.txt|statement\.json|SHA256SUMS|checkpoint\.json|proof\.json|custody\.json|verify\.html|verify\.mjs|records\/\d{6}\.bin|sessions\/\d{4}\.json)$/
const NEEDED = ['statement.json', 'SHA256SUMS', 'checkpoint.json', 'proof.json', 'custody.json']

/** What does not hold: a short code, and a sentence. */
class Fault extends Error {
  constructor(code, text) {
    super(text)
    this.code = code
  }
}

function must(condition, code, text) {
  if (!condition) throw new Fault(code, text)
}

// ---- Text and bytes

const HOSTILE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu

/** Text in which no character is hidden and none moves its neighbours. */
export function visible(text) {
  return String(text).replace(
    HOSTILE,
    (found) => `\\u{${found.codePointAt(0).toString(16).toUpperCase()}}`,
  )
}

/** Bytes as text: what is not UTF-8 stands as \b{FF}. */
export function visibleBytes(bytes) {
  try {
    return visible(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    let text = ''
    for (const byte of bytes)
      text +=
        byte >= 0x20 && byte < 0x7f
          ? String.fromCharCode(byte)
          : `\\b{${byte.toString(16).toUpperCase().padStart(2, '0')}}`
    return text
  }
}

export function toHex(bytes) {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

function fromHex(text) {
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i += 1)
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

function concat(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const utf8 = (text) => new TextEncoder().encode(text)
const instant = (us) =>
  Math.abs(us) < 8e15 ? new Date(us / 1000).toISOString() : `${us} microseconds`

// ---- BLAKE3 (the specification, section 2)

const B3_IV = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]
const B3_ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
const B3_MIXES = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
]
const CHUNK_START = 1
const CHUNK_END = 2
const PARENT = 4
const ROOT = 8

function compress(cv, words, counter, length, flags) {
  const v = new Uint32Array(16)
  v.set(cv)
  v.set(B3_IV.slice(0, 4), 8)
  v[12] = counter % 0x1_0000_0000
  v[13] = Math.floor(counter / 0x1_0000_0000)
  v[14] = length
  v[15] = flags
  let m = words
  for (let round = 0; round < 7; round += 1) {
    for (let i = 0; i < 8; i += 1) {
      const [a, b, c, d] = B3_MIXES[i]
      v[a] = v[a] + v[b] + m[2 * i]
      v[d] = rotate(v[d] ^ v[a], 16)
      v[c] = v[c] + v[d]
      v[b] = rotate(v[b] ^ v[c], 12)
      v[a] = v[a] + v[b] + m[2 * i + 1]
      v[d] = rotate(v[d] ^ v[a], 8)
      v[c] = v[c] + v[d]
      v[b] = rotate(v[b] ^ v[c], 7)
    }
    const next = new Uint32Array(16)
    for (let i = 0; i < 16; i += 1) next[i] = m[B3_ORDER[i]]
    m = next
  }
  for (let i = 0; i < 8; i += 1) v[i] ^= v[i + 8]
  return v.subarray(0, 8)
}

const rotate = (word, by) => (word >>> by) | (word << (32 - by))

function wordsOf(bytes) {
  const words = new Uint32Array(16)
  for (let i = 0; i < bytes.length; i += 1) words[i >> 2] |= bytes[i] << (8 * (i & 3))
  return words
}

/** Chaining value of a subtree over chunks of 1,024 bytes, the first of them with this number. */
function subtree(bytes, number, flags) {
  if (bytes.length <= 1024) {
    let cv = Uint32Array.from(B3_IV)
    const blocks = Math.max(1, Math.ceil(bytes.length / 64))
    for (let i = 0; i < blocks; i += 1) {
      const block = bytes.subarray(64 * i, 64 * i + 64)
      const isLast = i === blocks - 1
      cv = compress(
        cv,
        wordsOf(block),
        number,
        block.length,
        (i === 0 ? CHUNK_START : 0) | (isLast ? CHUNK_END | flags : 0),
      )
    }
    return cv
  }
  let left = 1024
  while (left * 2 < bytes.length) left *= 2
  const words = new Uint32Array(16)
  words.set(subtree(bytes.subarray(0, left), number, 0))
  words.set(subtree(bytes.subarray(left), number + left / 1024, 0), 8)
  return compress(Uint32Array.from(B3_IV), words, 0, 64, PARENT | flags)
}

/** BLAKE3 with 32 bytes of output. */
export function blake3(bytes) {
  const out = new Uint8Array(32)
  const view = new DataView(out.buffer)
  for (const [i, word] of subtree(bytes, 0, ROOT).entries()) view.setUint32(4 * i, word, true)
  return out
}

// ---- SHA-256 (FIPS 180-4)

const SHA_K = []
const SHA_IV = []
for (let n = 2; SHA_K.length < 64; n += 1) {
  let isPrime = true
  for (let d = 2; d * d <= n; d += 1) if (n % d === 0) isPrime = false
  if (!isPrime) continue
  const fraction = (x) => ((x - Math.floor(x)) * 0x1_0000_0000) | 0
  if (SHA_IV.length < 8) SHA_IV.push(fraction(Math.sqrt(n)))
  SHA_K.push(fraction(Math.cbrt(n)))
}

export function sha256(bytes) {
  const h = Int32Array.from(SHA_IV)
  const blocks = Math.floor((bytes.length + 8) / 64) + 1
  const w = new Int32Array(64)
  const tail = new Uint8Array((blocks - Math.floor(bytes.length / 64)) * 64)
  const whole = Math.floor(bytes.length / 64)
  tail.set(bytes.subarray(whole * 64))
  tail[bytes.length - whole * 64] = 0x80
  const end = new DataView(tail.buffer)
  end.setUint32(tail.length - 8, Math.floor(bytes.length / 0x2000_0000))
  end.setUint32(tail.length - 4, (bytes.length * 8) % 0x1_0000_0000)
  for (let block = 0; block < blocks; block += 1) {
    const from = block < whole ? bytes : tail
    const at = (block < whole ? block : block - whole) * 64
    for (let i = 0; i < 16; i += 1) {
      const p = at + 4 * i
      w[i] = (from[p] << 24) | (from[p + 1] << 16) | (from[p + 2] << 8) | from[p + 3]
    }
    for (let i = 16; i < 64; i += 1) {
      const a = w[i - 15]
      const b = w[i - 2]
      const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)
      const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10)
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0
    }
    let [a, b, c, d, e, f, g, i8] = h
    for (let i = 0; i < 64; i += 1) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
      const t1 = (i8 + s1 + ((e & f) ^ (~e & g)) + SHA_K[i] + w[i]) | 0
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      i8 = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    ;[a, b, c, d, e, f, g, i8].forEach((word, i) => {
      h[i] = (h[i] + word) | 0
    })
  }
  const out = new Uint8Array(32)
  const view = new DataView(out.buffer)
  for (const [i, word] of h.entries()) view.setInt32(4 * i, word)
  return out
}

// ---- The zip file

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  return c
})

function crc32(bytes) {
  let c = -1
  for (let i = 0; i < bytes.length; i += 1) c = (c >>> 8) ^ CRC_TABLE[(c ^ bytes[i]) & 255]
  return (c ^ -1) >>> 0
}

/** Reads fields of a header, one behind the other. */
function reader(bytes, start) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = start
  const number = (size) => {
    must(at + size <= bytes.length, 'zip', 'The zip file ends too early.')
    const value = size === 2 ? view.getUint16(at, true) : view.getUint32(at, true)
    at += size
    return value
  }
  return {
    u16: () => number(2),
    u32: () => number(4),
    take(length) {
      must(at + length <= bytes.length, 'zip', 'The zip file ends too early.')
      at += length
      return bytes.subarray(at - length, at)
    },
    at: () => at,
  }
}

/**
 * The files of a zip that is packed in the one way that packages are: files lie one behind the other from the first byte
 * on, without comments, extra fields, encryption or gaps, and both lists of them say the same.
 */
async function readZip(bytes, inflate) {
  const odd = 'The zip file is not packed as an evidence package is, or was changed.'
  must(bytes.length >= 22 && bytes.length <= BYTES_MAX, 'zip', 'This is no evidence package.')
  const end = reader(bytes, bytes.length - 22)
  must(end.u32() === 0x06054b50, 'zip', 'This is no evidence package: the end of a zip is missing.')
  must(end.u32() === 0, 'zip', odd)
  const count = end.u16()
  must(end.u16() === count && count > 0 && count <= FILES_MAX, 'zip', odd)
  const listBytes = end.u32()
  const listStart = end.u32()
  must(end.u16() === 0 && listStart + listBytes === bytes.length - 22, 'zip', odd)
  const list = reader(bytes, listStart)
  const files = new Map()
  let offset = 0
  let total = 0
  for (let i = 0; i < count; i += 1) {
    must(list.u32() === 0x02014b50 && list.u16() === 0x0314, 'zip', odd)
    const facts = factsOf(list, odd)
    must(list.u16() === 0 && list.u16() === 0 && list.u16() === 0, 'zip', odd)
    must(list.u32() === 0x81800000 && list.u32() === offset, 'zip', odd)
    const name = visibleBytes(list.take(facts.nameBytes))
    must(NAMES.test(name), 'zip', `"${name.slice(0, 80)}" is no file of an evidence package.`)
    must(!files.has(name), 'zip', `${name} is in the zip file twice.`)
    total += facts.size
    must(total <= BYTES_MAX, 'zip', 'The files of the package are too large.')
    const local = reader(bytes, offset)
    must(local.u32() === 0x04034b50, 'zip', odd)
    const again = factsOf(local, odd)
    must(
      Object.keys(facts).every((key) => facts[key] === again[key]),
      'zip',
      odd,
    )
    must(visibleBytes(local.take(facts.nameBytes)) === name, 'zip', odd)
    must(local.at() + facts.packed <= listStart, 'zip', odd)
    const packed = local.take(facts.packed)
    offset = local.at()
    must(facts.method === 8 || facts.packed === facts.size, 'zip', odd)
    let content = packed
    if (facts.method === 8) {
      try {
        content = await inflate(packed, facts.size)
      } catch {
        throw new Fault('zip', `${name} does not unpack.`)
      }
    }
    must(content.length === facts.size, 'zip', `${name} has another length than the zip says.`)
    must(crc32(content) === facts.crc, 'zip', `${name} does not match its checksum.`)
    files.set(name, content)
  }
  must(offset === listStart && list.at() === bytes.length - 22, 'zip', odd)
  return files
}

function factsOf(from, odd) {
  must(from.u16() === 20 && from.u16() === 0, 'zip', odd)
  const method = from.u16()
  must(method === 0 || method === 8, 'zip', odd)
  must(from.u16() === 0 && from.u16() === DATE, 'zip', odd)
  const facts = { method, crc: from.u32(), packed: from.u32(), size: from.u32() }
  facts.nameBytes = from.u16()
  must(from.u16() === 0, 'zip', odd)
  return facts
}

// ---- JSON of one form

const isNumber = (value) => Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)
const isHex = (bytes) => (value) =>
  typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]*$/.test(value)
const TYPES = {
  number: isNumber,
  integer: (value) => Number.isSafeInteger(value) && !Object.is(value, -0),
  text: (value) => typeof value === 'string',
  flag: (value) => typeof value === 'boolean',
  hex8: isHex(8),
  hex16: isHex(16),
  hex32: isHex(32),
  hex64: isHex(64),
}

/** A value must have this shape, without a key more or less. */
function shaped(value, shape, where) {
  if (typeof shape === 'string') {
    must(TYPES[shape](value), 'json', `${where} is not what it should be.`)
  } else if (Array.isArray(shape)) {
    must(Array.isArray(value), 'json', `${where} is no list.`)
    for (let i = 0; i < value.length; i += 1) shaped(value[i], shape[0], where)
  } else {
    must(
      typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.keys(value).join() === Object.keys(shape).join(),
      'json',
      `${where} has other fields than it should have.`,
    )
    for (const key of Object.keys(shape)) shaped(value[key], shape[key], `${where}, ${key}`)
  }
}

/** JSON that is printed in the one way that packages are: so nothing can stand in it twice or unseen. */
function parse(bytes, shape, name) {
  let value
  let text
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
    must(`${JSON.stringify(value, null, 1)}\n` === text, 'json', `${name} is written oddly.`)
  } catch (error) {
    throw error instanceof Fault ? error : new Fault('json', `${name} is no JSON.`)
  }
  shaped(value, shape, name)
  return value
}

const CHECKPOINT = {
  format: 'text',
  seq: 'number',
  madeAtUs: 'integer',
  upToBatch: 'number',
  sources: 'number',
  treeRoot: 'hex32',
  journalSeq: 'number',
  journalHead: 'hex32',
  previousDigest: 'hex32',
  digest: 'hex32',
  keyId: 'hex8',
  publicKey: 'hex32',
  signature: 'hex64',
}
const MANIFEST = {
  format: 'text',
  program: 'text',
  files: [{ name: 'text', bytes: 'number', sha256: 'hex32' }],
  withheld: [{ file: 'text', reason: 'text', at: 'text' }],
}
const STATEMENT = {
  format: 'text',
  exportedAt: 'text',
  actor: 'text',
  reason: 'text',
  asked: ['text'],
  program: 'text',
  schemaVersions: ['text'],
  ruleSets: ['text'],
  records: 'number',
  sessions: [{ file: 'text', sensor: 'text', session: 'text', records: ['number'] }],
}
const BATCH = {
  seq: 'number',
  startOffset: 'number',
  endOffset: 'number',
  firstRecord: 'number',
  records: 'number',
  stored: 'number',
  duplicate: 'number',
  held: 'number',
  dead: 'number',
  blank: 'number',
  expired: 'number',
  supersedes: 'number',
  blocks: 'number',
  recordRoot: 'hex32',
  viewRoot: 'hex32',
  schemaVersion: 'text',
  ruleSet: 'text',
  programVersion: 'text',
  committedAtUs: 'integer',
}
const PROOF = {
  sources: [
    {
      uid: 'hex16',
      path: 'text',
      sensorOverride: 'text',
      index: 'number',
      proof: ['hex32'],
      batches: 'number',
      records: 'number',
      stored: 'number',
      before: 'hex32',
      chain: [BATCH],
    },
  ],
  blocks: [
    {
      source: 'number',
      batch: 'number',
      n: 'number',
      startOffset: 'number',
      endOffset: 'number',
      records: 'number',
      root: 'hex32',
      sha256: 'hex32',
      proof: ['hex32'],
    },
  ],
  records: [
    {
      file: 'text',
      source: 'number',
      batch: 'number',
      record: 'number',
      line: 'number',
      startOffset: 'number',
      endOffset: 'number',
      leaves: [
        { block: 'number', index: 'number', bytes: 'number', hash: 'hex32', proof: ['hex32'] },
      ],
    },
  ],
}
const CUSTODY = {
  history: {
    before: 'hex32',
    links: [
      {
        seq: 'number',
        madeAtUs: 'integer',
        upToBatch: 'number',
        sources: 'number',
        treeRoot: 'hex32',
        journalSeq: 'number',
        journalHead: 'hex32',
      },
    ],
  },
  checkpoints: [CHECKPOINT],
  segments: [
    {
      signedBy: 'number',
      before: 'hex32',
      entries: [
        {
          seq: 'number',
          atUs: 'integer',
          actor: 'text',
          action: 'text',
          subject: 'text',
          reason: 'text',
          detail: 'text',
          concerns: 'flag',
        },
      ],
    },
  ],
}

// ---- Framing and trees of docs/seal-format.md

function u32(number) {
  must(number <= 0xffff_ffff, 'json', 'A number is out of range.')
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, number, true)
  return bytes
}

function i64(number) {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, BigInt(number), true)
  return bytes
}

const u64 = i64
const kind = (byte) => Uint8Array.of(byte)

/** Length and bytes of a text. */
function lp(text) {
  const bytes = typeof text === 'string' ? utf8(text) : text
  return concat([u32(bytes.length), bytes])
}

const hashed = (...parts) => blake3(concat(parts))

/** Root of a tree of so many leaves, from one leaf, its place and the nodes beside the way up (RFC 9162, 2.1.3.2). */
export function rootFrom(leaf, index, size, proof, code, where) {
  const wrong = `${where}: its proof does not fit its place.`
  must(index < size && size < 0x4000_0000, code, wrong)
  let at = index
  let last = size - 1
  let node = leaf
  for (const text of proof) {
    const other = fromHex(text)
    must(last !== 0, code, wrong)
    if ((at & 1) === 1 || at === last) {
      node = hashed(kind(1), other, node)
      while ((at & 1) === 0 && at !== 0) {
        at >>= 1
        last >>= 1
      }
    } else node = hashed(kind(1), node, other)
    at >>= 1
    last >>= 1
  }
  must(last === 0, code, wrong)
  return node
}

function leafOf(bytes) {
  const end = bytes.length > 0 && bytes[bytes.length - 1] === 0x0a ? bytes.length - 1 : bytes.length
  return hashed(kind(0), bytes.subarray(0, end))
}

function messageOf(checkpoint, before = fromHex(checkpoint.previousDigest)) {
  return concat([
    lp('nacre-checkpoint-1'),
    u64(checkpoint.seq),
    i64(checkpoint.madeAtUs),
    u64(checkpoint.upToBatch),
    u64(checkpoint.sources),
    fromHex(checkpoint.treeRoot),
    u64(checkpoint.journalSeq),
    fromHex(checkpoint.journalHead),
    before,
  ])
}

function batchDigest(source, batch, before) {
  return hashed(
    kind(6),
    lp('nacre-batch-1'),
    lp(fromHex(source.uid)),
    lp(source.sensorOverride),
    u64(batch.seq),
    u64(batch.startOffset),
    u64(batch.endOffset),
    u64(batch.firstRecord),
    u64(batch.records),
    u64(batch.stored),
    u64(batch.duplicate),
    u64(batch.held),
    u64(batch.dead),
    u64(batch.blank),
    u64(batch.expired),
    u64(batch.supersedes),
    u32(batch.blocks),
    fromHex(batch.recordRoot),
    fromHex(batch.viewRoot),
    lp(batch.schemaVersion),
    lp(batch.ruleSet),
    lp(batch.programVersion),
    i64(batch.committedAtUs),
    before,
  )
}

function entryDigest(entry, before) {
  return hashed(
    kind(8),
    lp('nacre-journal-1'),
    u64(entry.seq),
    i64(entry.atUs),
    lp(entry.actor),
    lp(entry.action),
    lp(entry.subject),
    lp(entry.reason),
    lp(entry.detail),
    before,
  )
}

// ---- The check

/**
 * Checks a package.
 *
 * @param bytes - the zip file
 * @param tools - `inflate(bytes, size)`, and `verifySignature(publicKey, message, signature)`, which says undefined where
 *   this machine cannot tell
 * @param trusted - `key`: a public key known from elsewhere (hex); `checkpoint`: one kept elsewhere, `{ seq, digest }`
 * @returns beside what it found `meetsKept`: whether the checkpoint kept elsewhere is in the package, null where none was
 *   compared with it
 */
export async function check(bytes, tools, trusted = {}) {
  const result = {
    format: FORMAT,
    ok: false,
    problems: [],
    shows: [],
    cannotShow: [],
    records: 0,
    withheld: [],
    export: null,
    checkpoint: null,
    meetsKept: null,
    lines: [],
  }
  const fault = (error) => {
    const known = error instanceof Fault
    result.problems.push({
      code: known ? error.code : 'zip',
      text: known ? error.message : 'The package cannot be read.',
    })
  }
  try {
    await checkAll(result, bytes, tools, trusted, fault)
  } catch (error) {
    fault(error)
  }
  result.ok = result.problems.length === 0
  if (!result.ok) result.shows = []
  return result
}

async function checkAll(result, bytes, tools, trusted, fault) {
  const files = await readZip(bytes, tools.inflate)
  const manifest = manifestOf(files)
  const sums = sumsOf(files)
  const statement = parse(files.get('statement.json'), STATEMENT, 'statement.json')
  must(statement.format === FORMAT, 'json', 'statement.json is of another format.')
  const checkpoint = parse(files.get('checkpoint.json'), CHECKPOINT, 'checkpoint.json')
  const proof = parse(files.get('proof.json'), PROOF, 'proof.json')
  const custody = parse(files.get('custody.json'), CUSTODY, 'custody.json')
  const withheld = withheldOf(manifest, files, sums, statement)
  result.withheld = [...withheld].map(([file, { reason, at }]) => ({
    number: Number(file.slice(8, 14)),
    reason,
    at,
  }))
  // From here on each part is looked at whatever the others gave, so that all that is wrong is told.
  const part = async (work) => {
    try {
      return await work()
    } catch (error) {
      fault(error)
      return undefined
    }
  }
  const sources = proof.sources.map(() => undefined)
  await part(() => checkSignature(result, checkpoint, tools, trusted))
  await part(() => checkHistory(result, custody, checkpoint, trusted))
  await part(() => {
    proof.sources.forEach((source, i) => {
      sources[i] = chainOf(source, checkpoint)
    })
  })
  await part(() => checkRecords(result, proof, sources, { files, sums, statement, withheld }))
  await part(() => checkCustody(result, custody, checkpoint, tools, files, statement))
  tell(result, { statement, checkpoint, proof, trusted })
}

function manifestOf(files) {
  must([...files.keys()][0] === 'manifest.json', 'manifest', 'manifest.json is not the first file.')
  const manifest = parse(files.get('manifest.json'), MANIFEST, 'manifest.json')
  must(
    manifest.format === FORMAT,
    'manifest',
    'The package is of another format than this program reads.',
  )
  const names = [...files.keys()].slice(1)
  for (const name of NEEDED) must(files.has(name), 'manifest', `${name} is missing.`)
  must(
    manifest.files.length === names.length &&
      manifest.files.every((one, i) => one.name === names[i]),
    'manifest',
    'The files of the package are not those that the manifest lists.',
  )
  for (const one of manifest.files) {
    const content = files.get(one.name)
    must(
      content.length === one.bytes && toHex(sha256(content)) === one.sha256,
      'file',
      `${one.name} is not the file that the manifest lists.`,
    )
  }
  return manifest
}

/** SHA256SUMS: what was in the package when it was made. */
function sumsOf(files) {
  const sums = new Map()
  const lines = new TextDecoder('utf-8', { ignoreBOM: true })
    .decode(files.get('SHA256SUMS'))
    .split('\n')
  must(lines.pop() === '', 'json', 'SHA256SUMS is written oddly.')
  for (const line of lines) {
    const found =
      /^([0-9a-f]{64}) {2}(statement\.json|sessions\/\d{4}\.json|records\/\d{6}\.bin)$/.exec(line)
    must(found !== null && !sums.has(found[2]), 'json', 'SHA256SUMS is written oddly.')
    sums.set(found[2], found[1])
  }
  for (const [name, content] of files) {
    if (!/^(?:statement\.json|sessions\/|records\/)/.test(name)) continue
    must(sums.has(name), 'file', `${name} was not in the package when it was made.`)
    must(toHex(sha256(content)) === sums.get(name), 'file', `${name} is not what it was.`)
  }
  must(sums.has('statement.json'), 'file', 'statement.json was not in the package.')
  return sums
}

function withheldOf(manifest, files, sums, statement) {
  const withheld = new Map()
  for (const { file, reason, at } of manifest.withheld) {
    must(
      /^records\/\d{6}\.bin$/.test(file) &&
        sums.has(file) &&
        !files.has(file) &&
        !withheld.has(file),
      'withheld',
      'The manifest names a withheld line that is not one.',
    )
    must(reason.trim() !== '', 'withheld', 'A line is withheld without a reason.')
    withheld.set(file, { reason, at })
  }
  const views = new Map(statement.sessions.map((one) => [one.file, one]))
  for (const name of sums.keys()) {
    if (files.has(name) || withheld.has(name)) continue
    // The view of a session repeats its lines: it goes with the first that is withheld.
    const isOfWithheld = views
      .get(name)
      ?.records.some((n) => withheld.has(`records/${String(n).padStart(6, '0')}.bin`))
    must(isOfWithheld === true, 'withheld', `${name} is missing, and not said to be withheld.`)
  }
  return withheld
}

async function isSigned(checkpoint, tools) {
  const message = messageOf(checkpoint)
  must(
    toHex(hashed(kind(10), message)) === checkpoint.digest,
    'checkpoint',
    `Checkpoint ${checkpoint.seq} does not match its digest.`,
  )
  const key = fromHex(checkpoint.publicKey)
  must(
    toHex(blake3(key)).slice(0, 16) === checkpoint.keyId,
    'checkpoint',
    `Checkpoint ${checkpoint.seq} names another key than it holds.`,
  )
  return tools.verifySignature(key, message, fromHex(checkpoint.signature))
}

async function checkSignature(result, checkpoint, tools, trusted) {
  must(
    checkpoint.format === 'nacre-checkpoint-1',
    'checkpoint',
    'checkpoint.json is of another format.',
  )
  result.checkpoint = {
    seq: checkpoint.seq,
    madeAt: instant(checkpoint.madeAtUs),
    digest: checkpoint.digest,
    keyId: checkpoint.keyId,
    publicKey: checkpoint.publicKey,
    key: trusted.key === undefined ? 'from the package' : 'given',
  }
  const isGood = await isSigned(checkpoint, tools)
  must(
    isGood !== undefined,
    'signature',
    'This browser cannot check Ed25519 signatures, so nothing is shown. Use Chrome 137, Firefox 129, Safari 17 or newer, or "node verify.mjs".',
  )
  must(isGood, 'signature', 'The signature of the checkpoint is not by the key that it names.')
  if (trusted.key !== undefined)
    must(
      trusted.key === checkpoint.publicKey,
      'key',
      'The checkpoint is signed by another key than the one you gave.',
    )
}

/** Older checkpoints, each named by the next one, up to that of the package; and the one kept elsewhere among them. */
function checkHistory(result, { history, checkpoints }, main, trusted) {
  const digests = new Map([[main.seq, main.digest]])
  let digest = fromHex(history.before)
  for (const [i, link] of history.links.entries()) {
    must(
      link.seq === main.seq - history.links.length + i && link.seq > 0,
      'history',
      'Older checkpoints do not follow each other.',
    )
    digest = hashed(kind(10), messageOf(link, digest))
    digests.set(link.seq, toHex(digest))
  }
  must(
    toHex(digest) === main.previousDigest,
    'history',
    'Older checkpoints do not lead to that of the package.',
  )
  for (const one of checkpoints) {
    const linked = digests.get(one.seq)
    must(
      linked === undefined || linked === one.digest,
      'history',
      `Checkpoint ${one.seq} is of another history than that of the package.`,
    )
  }
  // One that signed entries of the journal alone is not enough: nothing leads from it to the lines.
  const kept = trusted.checkpoint
  if (kept === undefined) return
  const here = digests.get(kept.seq)
  must(
    here === undefined || here === kept.digest,
    'kept',
    `Checkpoint ${kept.seq} is another one than the checkpoint kept elsewhere: there are two histories.`,
  )
  result.meetsKept = here !== undefined
  if (result.meetsKept)
    result.shows.push(`Checkpoint ${kept.seq} is the one that you kept elsewhere.`)
  else
    result.cannotShow.push(
      `whether the checkpoint that you kept (number ${kept.seq}) is of the same history: the package has numbers ${main.seq - history.links.length} to ${main.seq}. Ask for one that leads back to yours (--since-checkpoint ${kept.seq}), or run "nacre verify --checkpoint" on the store`,
    )
}

/** Follows the batches of a source up to the signed checkpoint. @returns its batches by number */
function chainOf(source, checkpoint) {
  const where = `Source ${source.uid}`
  must(source.chain.length > 0, 'batch', `${where}: no batch is there.`)
  let digest = fromHex(source.before)
  let seq = source.chain[0].seq
  must(
    seq > 1 || digest.every((byte) => byte === 0),
    'batch',
    `${where}: nothing comes before its first batch.`,
  )
  must(seq > 0, 'batch', `${where}: batches are numbered from 1.`)
  const batches = new Map()
  for (const batch of source.chain) {
    must(batch.seq === seq, 'batch', `${where}: batch ${seq} is missing.`)
    digest = batchDigest(source, batch, digest)
    batches.set(seq, batch)
    seq += 1
  }
  must(seq === source.batches + 1, 'batch', `${where}: its newest batches are missing.`)
  const leaf = hashed(
    kind(7),
    lp(fromHex(source.uid)),
    u64(source.batches),
    digest,
    u64(source.records),
    u64(source.stored),
  )
  const root = rootFrom(leaf, source.index, checkpoint.sources, source.proof, 'source', where)
  must(
    toHex(root) === checkpoint.treeRoot,
    'source',
    `${where}: its batches do not lead to the checkpoint.`,
  )
  return batches
}

/** Whether a line comes after another one and shares nothing with it: one that was logged once shall not count twice. */
function isBehind(record, previous, blocks) {
  if (record.source !== previous.source) return record.source > previous.source
  if (record.batch !== previous.batch) return record.batch > previous.batch
  if (record.record < previous.record || record.startOffset < previous.endOffset) return false
  const first = record.leaves[0]
  const last = previous.leaves[previous.leaves.length - 1]
  const firstBlock = blocks[first?.block]
  const lastBlock = blocks[last?.block]
  if (firstBlock === undefined || lastBlock === undefined) return false
  return firstBlock.n > lastBlock.n || (firstBlock.n === lastBlock.n && first.index > last.index)
}

function checkRecords(result, proof, sources, { files, sums, statement, withheld }) {
  const blocks = proof.blocks.map((block) => {
    const where = `Block ${block.n} of batch ${block.batch}`
    const batch = sources[block.source]?.get(block.batch)
    must(batch !== undefined, 'block', `${where}: its batch is not proven.`)
    must(
      block.startOffset >= batch.startOffset &&
        block.endOffset <= batch.endOffset &&
        block.startOffset <= block.endOffset,
      'block',
      `${where}: lies outside of its batch.`,
    )
    const leaf = hashed(
      kind(9),
      fromHex(block.sha256),
      u64(block.startOffset),
      u64(block.endOffset),
      u32(block.records),
      fromHex(block.root),
    )
    const root = rootFrom(leaf, block.n, batch.blocks, block.proof, 'block', where)
    must(toHex(root) === batch.recordRoot, 'block', `${where}: does not lead to its batch.`)
    return block
  })
  const names = [...sums.keys()].filter((name) => name.startsWith('records/'))
  must(
    proof.records.length === names.length &&
      proof.records.length === statement.records &&
      proof.records.every(
        (one, i) => one.file === `records/${String(i + 1).padStart(6, '0')}.bin`,
      ) &&
      names.every((name, i) => name === proof.records[i].file),
    'record',
    'The proof is not about the lines that are in the package.',
  )
  const uids = new Set(proof.sources.map((source) => source.uid))
  must(uids.size === proof.sources.length, 'source', 'A source is there twice.')
  let previous
  for (const record of proof.records) {
    const where = `Line ${Number(record.file.slice(8, 14))}`
    must(
      previous === undefined || isBehind(record, previous, blocks),
      'record',
      `${where}: does not stand behind the one before it.`,
    )
    previous = record
    const batch = sources[record.source]?.get(record.batch)
    must(batch !== undefined, 'record', `${where}: its batch is not proven.`)
    must(record.leaves.length > 0, 'record', `${where}: no proof is there.`)
    must(
      record.line === batch.firstRecord + record.record + 1 && record.record < batch.records,
      'record',
      `${where}: its number does not fit its batch.`,
    )
    must(
      record.endOffset - record.startOffset ===
        record.leaves.reduce((sum, leaf) => sum + leaf.bytes, 0),
      'record',
      `${where}: its parts do not add up.`,
    )
    const content = files.get(record.file)
    must(
      content === undefined || content.length === record.endOffset - record.startOffset,
      'record',
      `${where}: has another length than its proof says.`,
    )
    let at = 0
    let before
    for (const leaf of record.leaves) {
      const block = blocks[leaf.block]
      must(
        block !== undefined && block.source === record.source && block.batch === record.batch,
        'record',
        `${where}: its block is not proven.`,
      )
      must(
        record.startOffset + at >= block.startOffset &&
          record.startOffset + at + leaf.bytes <= block.endOffset,
        'record',
        `${where}: lies outside of its block.`,
      )
      must(
        before === undefined ||
          (before.block === leaf.block
            ? leaf.index === before.index + 1
            : block.n === blocks[before.block].n + 1 &&
              leaf.index === 0 &&
              before.index === blocks[before.block].records - 1),
        'record',
        `${where}: its parts do not follow each other.`,
      )
      before = leaf
      if (content !== undefined)
        must(
          toHex(leafOf(content.subarray(at, at + leaf.bytes))) === leaf.hash,
          'record',
          `${where}: is not what was logged.`,
        )
      const root = rootFrom(
        fromHex(leaf.hash),
        leaf.index,
        block.records,
        leaf.proof,
        'record',
        where,
      )
      must(toHex(root) === block.root, 'record', `${where}: does not lead to its block.`)
      at += leaf.bytes
    }
    result.lines.push({
      number: Number(record.file.slice(8, 14)),
      source: record.source,
      line: record.line,
      text: content === undefined ? null : visibleBytes(content),
    })
  }
  result.records = proof.records.length
  if (withheld.size === proof.records.length && withheld.size > 0)
    result.cannotShow.push('any line: all of them are withheld')
}

async function checkCustody(result, custody, checkpoint, tools, files, statement) {
  const content = toHex(sha256(files.get('SHA256SUMS')))
  const signers = new Map()
  for (const one of [checkpoint, ...custody.checkpoints]) {
    must(!signers.has(one.seq), 'custody', `Checkpoint ${one.seq} is there twice.`)
    must(
      one.format === 'nacre-checkpoint-1',
      'custody',
      `Checkpoint ${one.seq} is of another format.`,
    )
    if (one !== checkpoint) {
      must(
        (await isSigned(one, tools)) === true,
        'custody',
        `Checkpoint ${one.seq} is not signed by its key.`,
      )
      if (one.keyId !== checkpoint.keyId || one.publicKey !== checkpoint.publicKey)
        result.cannotShow.push(
          `that key ${one.keyId}, which signed older entries of the journal, belongs to the same holder as key ${checkpoint.keyId}`,
        )
    }
    signers.set(one.seq, one)
  }
  let found
  let last = 0
  const used = new Set([checkpoint.seq])
  for (const segment of custody.segments) {
    let digest = fromHex(segment.before)
    let seq
    must(segment.entries.length > 0, 'custody', 'A part of the journal is empty.')
    must(segment.entries[0].seq > last, 'custody', 'Parts of the journal are out of order.')
    must(
      segment.entries[0].seq > 1 || digest.every((byte) => byte === 0),
      'custody',
      'Nothing comes before the first entry of the journal.',
    )
    must(segment.entries[0].seq > 0, 'custody', 'Entries of the journal are numbered from 1.')
    for (const entry of segment.entries) {
      must(
        seq === undefined || entry.seq === seq + 1,
        'custody',
        `Entry ${entry.seq} of the journal does not follow.`,
      )
      seq = entry.seq
      digest = entryDigest(entry, digest)
      if (entry.action === 'evidence.exported' && contentOf(entry.detail) === content) {
        must(entry.concerns, 'custody', `Entry ${entry.seq} of the journal is about this package.`)
        found = { entry, isSigned: segment.signedBy !== 0 }
      }
    }
    last = seq
    if (segment.signedBy === 0) {
      must(
        segment.entries[0].seq === checkpoint.journalSeq + 1 &&
          segment.before === checkpoint.journalHead,
        'custody',
        'Entries of the journal that are not signed do not follow the checkpoint.',
      )
      continue
    }
    const signer = signers.get(segment.signedBy)
    used.add(segment.signedBy)
    must(
      signer !== undefined && signer.journalSeq === seq && signer.journalHead === toHex(digest),
      'custody',
      `Entries of the journal up to ${seq} do not lead to a signed checkpoint.`,
    )
  }
  must(
    used.size === signers.size,
    'custody',
    'A checkpoint is there that no entry of the journal needs.',
  )
  must(found !== undefined, 'export', 'The journal has no entry about this package.')
  const { entry } = found
  must(
    entry.actor === statement.actor && entry.reason === statement.reason,
    'export',
    'The journal names another person or reason than statement.json.',
  )
  result.export = {
    entry: entry.seq,
    at: instant(entry.atUs),
    actor: entry.actor,
    reason: entry.reason,
    signed: found.isSigned,
  }
  const own = custody.segments.flatMap((one) => one.entries.filter((two) => two.concerns))
  result.custody = own.map(({ seq, atUs, actor, action, reason }) => ({
    seq,
    at: instant(atUs),
    actor,
    action,
    reason,
  }))
}

function contentOf(detail) {
  try {
    const value = JSON.parse(detail)
    return typeof value === 'object' && value !== null ? value.content : undefined
  } catch {
    return undefined
  }
}

/** What holds and what cannot be shown, in plain words. */
function tell(result, { statement, checkpoint, proof, trusted }) {
  const { shows, cannotShow, withheld, records } = result
  const here = records - withheld.length
  if (here > 0)
    shows.push(
      `${here} of ${records} lines are, byte for byte (but for the line end), what the store sealed when it loaded them.`,
    )
  if (withheld.length > 0)
    shows.push(
      `${withheld.length} of ${records} lines are withheld. Their places are proven, their content is not here.`,
    )
  shows.push(
    `The seals lead without a gap to checkpoint ${checkpoint.seq} of ${instant(checkpoint.madeAtUs)}, signed by key ${checkpoint.keyId}${trusted.key === undefined ? '' : ', the key that you gave'}.`,
  )
  if (result.export?.signed)
    shows.push(
      `The package was made on ${result.export.at} by "${visible(result.export.actor)}" for the reason "${visible(result.export.reason)}"; the journal of the store has this as entry ${result.export.entry}.`,
    )
  else if (result.export !== null)
    cannotShow.push(
      `who made the package, when and why: no signature covers the entry of the journal that names "${visible(result.export.actor)}", ${result.export.at} and "${visible(result.export.reason)}"; whoever had the package can have written it`,
      'that the descriptions of sessions, and which lines they have, are those that were exported, for the same reason',
    )
  if (statement.sessions.length > 0 && result.export?.signed)
    shows.push('The descriptions of sessions are those that were in the package when it was made.')
  for (const source of proof.sources)
    for (const batch of source.chain)
      if (
        batch.supersedes !== 0 &&
        proof.records.some(
          (one) => proof.sources[one.source] === source && one.batch === batch.supersedes,
        )
      )
        cannotShow.push(
          `the end of the log in batch ${batch.supersedes}: a longer copy was read later (batch ${batch.seq})`,
        )
  if (trusted.key === undefined)
    cannotShow.push(
      `who holds key ${checkpoint.keyId}: it came with the package. Compare it with one that you have from elsewhere`,
    )
  if (trusted.checkpoint === undefined)
    cannotShow.push(
      'that no second history was made by someone with the store and its key: compare with a checkpoint kept elsewhere',
    )
  cannotShow.push(
    'that the sensor wrote the truth, or what happened to the log before it was loaded',
    'the clock: instants are those that the machine of the store had',
    'the line ends, the exact byte places and numbers of lines, file names, and the reasons for withholding: they are stated, not proven',
    'that these are all lines of a session: it shows that those here are genuine, not that none was left out',
  )
}

// ---- As a program

const USAGE = 'usage: node verify.mjs PACKAGE.zip [--key HEX|FILE] [--checkpoint FILE] [--json]'

/** A public key as hex digits, or as the text of a PEM file; undefined for anything else. */
export function readKey(text) {
  const plain = text.trim().toLowerCase()
  if (/^[0-9a-f]{64}$/.test(plain)) return plain
  const pem = /-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----/.exec(text)
  if (pem === null) return undefined
  const der = Uint8Array.from(atob(pem[1].replace(/\s/g, '')), (one) => one.charCodeAt(0))
  // What stands before the 32 bytes of an Ed25519 key (RFC 8410).
  return der.length === 44 && toHex(der.subarray(0, 12)) === '302a300506032b6570032100'
    ? toHex(der.subarray(12))
    : undefined
}

/** A checkpoint that was kept elsewhere; undefined where the text holds none. */
export function readKept(text) {
  try {
    const parsed = JSON.parse(text)
    const found = parsed.checkpoint ?? parsed
    if (isNumber(found.seq) && isHex(32)(found.digest))
      return { seq: found.seq, digest: found.digest }
  } catch {
    // Told by the caller.
  }
  return undefined
}

/** What a package is checked with under Node.js. */
export async function nodeTools() {
  const zlib = await import('node:zlib')
  const crypto = await import('node:crypto')
  return {
    async inflate(bytes, size) {
      const options = { maxOutputLength: size + 1, info: true }
      const { buffer, engine } = zlib.inflateRawSync(bytes, options)
      must(engine.bytesWritten === bytes.length, 'zip', 'There are bytes behind a packed file.')
      return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
    },
    async verifySignature(publicKey, message, signature) {
      try {
        const x = Buffer.from(publicKey).toString('base64url')
        const key = crypto.createPublicKey({
          key: { kty: 'OKP', crv: 'Ed25519', x },
          format: 'jwk',
        })
        return crypto.verify(null, message, key, signature)
      } catch {
        return false
      }
    },
  }
}

async function main(args) {
  const { readFileSync, statSync } = await import('node:fs')
  const say = (text) => process.stdout.write(`${text}\n`)
  const refuse = (text) => {
    process.stderr.write(`${text}\n${USAGE}\n`)
    return 2
  }
  const given = { file: undefined, json: false }
  for (let i = 0; i < args.length; i += 1) {
    if (args[i] === '--json') given.json = true
    else if (args[i] === '--key' || args[i] === '--checkpoint') {
      if (args[i + 1] === undefined) return refuse(`${args[i]} needs a value.`)
      given[args[i].slice(2)] = args[i + 1]
      i += 1
    } else if (args[i].startsWith('-') || given.file !== undefined)
      return refuse(`"${visible(args[i])}" is not understood.`)
    else given.file = args[i]
  }
  if (given.file === undefined) return refuse('Name a package.')
  const trusted = {}
  let bytes
  try {
    if (given.key !== undefined) {
      trusted.key = readKey(given.key) ?? readKey(readFileSync(given.key, 'utf8'))
      if (trusted.key === undefined) return refuse('--key is no Ed25519 public key.')
    }
    if (given.checkpoint !== undefined) {
      trusted.checkpoint = readKept(readFileSync(given.checkpoint, 'utf8'))
      if (trusted.checkpoint === undefined) return refuse('--checkpoint is no checkpoint.')
    }
    if (statSync(given.file).size > BYTES_MAX) return refuse('The package is too large.')
    bytes = new Uint8Array(readFileSync(given.file))
  } catch (error) {
    return refuse(`A file cannot be read (${visible(error.code ?? 'unknown')}).`)
  }
  const result = await check(bytes, await nodeTools(), trusted)
  if (given.json) {
    const { lines: _, ...told } = result
    say(visible(JSON.stringify(told)))
  } else for (const line of report(result)) say(line)
  if (!result.ok) return 3
  return result.meetsKept === false ? 1 : 0
}

/** What is said first. */
function headline({ ok, meetsKept }) {
  if (!ok) return 'This package does not hold.'
  return meetsKept === false
    ? 'Everything holds, but the checkpoint that you kept was not compared.'
    : 'Everything holds.'
}

/** The result as lines of text. */
export function report(result) {
  const lines = [
    headline(result).slice(0, -1).toUpperCase(),
    ...result.problems.map(({ text }) => `  ! ${visible(text)}`),
  ]
  if (result.shows.length > 0) lines.push('', 'What it shows')
  for (const text of result.shows) lines.push(`  + ${visible(text)}`)
  for (const { number, reason } of result.withheld)
    lines.push(`    line ${number} is withheld: ${visible(reason)}`)
  if (result.ok) {
    lines.push('', 'What it cannot show')
    for (const text of result.cannotShow) lines.push(`  - ${visible(text)}`)
    lines.push('', `Public key  ${result.checkpoint.publicKey}`)
    lines.push(`Checkpoint  ${result.checkpoint.digest}`)
  }
  return lines
}

// ---- As a page

/** What a package is checked with in a browser. */
function browserTools() {
  return {
    async inflate(bytes, size) {
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
      const parts = []
      let length = 0
      const from = stream.getReader()
      for (;;) {
        const { done, value } = await from.read()
        if (done) return concat(parts)
        length += value.length
        must(length <= size, 'zip', 'A file unpacks to more than it says.')
        parts.push(value)
      }
    },
    async verifySignature(publicKey, message, signature) {
      let key
      try {
        key = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify'])
      } catch {
        return undefined
      }
      return crypto.subtle.verify('Ed25519', key, signature, message)
    },
  }
}

function startPage() {
  const at = (id) => document.getElementById(id)
  let bytes
  const add = (to, name, text, className) => {
    const one = document.createElement(name)
    one.textContent = text
    if (className !== undefined) one.className = className
    to.append(one)
    return one
  }
  const list = (title, items, className) => {
    if (items.length === 0) return
    add(at('result'), 'h2', title)
    const lines = add(at('result'), 'ul', '', className)
    for (const item of items) add(lines, 'li', visible(item))
  }
  const show = async () => {
    at('result').replaceChildren()
    if (bytes === undefined) return
    const trusted = {}
    const key = at('key').value
    if (key.trim() !== '') trusted.key = readKey(key)
    const kept = at('checkpoint').files[0]
    if (kept !== undefined) trusted.checkpoint = readKept(await kept.text())
    if ('key' in trusted && trusted.key === undefined) {
      add(
        at('result'),
        'p',
        'The key is no Ed25519 public key: 64 hexadecimal digits, or a PEM text.',
        'bad',
      )
      return
    }
    if (kept !== undefined && trusted.checkpoint === undefined) {
      add(at('result'), 'p', 'The file of the checkpoint holds none.', 'bad')
      return
    }
    add(at('result'), 'p', 'Checking ...')
    const result = await check(bytes, browserTools(), trusted)
    at('result').replaceChildren()
    add(
      at('result'),
      'p',
      headline(result),
      result.ok && result.meetsKept !== false ? 'verdict good' : 'verdict bad',
    )
    list(
      'What is wrong',
      result.problems.map(({ text }) => text),
      'bad',
    )
    list('What it shows', result.shows)
    list(
      'Withheld lines',
      result.withheld.map(({ number, reason }) => `line ${number}: ${reason}`),
    )
    if (!result.ok) return
    list('What it cannot show', result.cannotShow)
    list(
      'Who did what with these lines',
      result.custody.map((one) => `${one.at}  ${one.actor}  ${one.action}: ${one.reason}`),
    )
    add(at('result'), 'h2', 'Key and checkpoint, to compare')
    add(at('result'), 'p', `key ${result.checkpoint.publicKey}`, 'code')
    add(at('result'), 'p', `checkpoint ${result.checkpoint.digest}`, 'code')
    add(at('result'), 'h2', 'The lines, in visible form')
    const lines = add(at('result'), 'ol', '', 'lines')
    for (const { text } of result.lines.slice(0, 1000))
      add(
        lines,
        'li',
        text === null ? '(withheld)' : text.slice(0, 4000),
        text === null ? 'gone' : 'code',
      )
    if (result.lines.length > 1000) add(at('result'), 'p', 'The first 1,000 are shown.')
  }
  const take = async (file) => {
    if (file === undefined) return
    bytes = new Uint8Array(await file.arrayBuffer())
    await show()
  }
  at('package').addEventListener('change', () => {
    at('name').textContent = ''
    take(at('package').files[0])
  })
  at('key').addEventListener('change', show)
  at('checkpoint').addEventListener('change', show)
  document.addEventListener('dragover', (event) => event.preventDefault())
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    const file = event.dataTransfer.files[0]
    // The field of the file still shows the one before.
    at('package').value = ''
    at('name').textContent = file === undefined ? '' : visible(file.name)
    take(file)
  })
}

if (typeof document !== 'undefined') startPage()
else if (typeof process !== 'undefined' && process.argv[1] !== undefined) {
  const { pathToFileURL } = await import('node:url')
  const { realpathSync } = await import('node:fs')
  let isMain = false
  try {
    isMain = pathToFileURL(realpathSync(process.argv[1])).href === import.meta.url
  } catch {
    // Run from something that is no file: then it was imported.
  }
  if (isMain) process.exitCode = await main(process.argv.slice(2))
}
