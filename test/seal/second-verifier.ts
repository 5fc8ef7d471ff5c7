/**
 * Checks a database from `docs/seal-format.md` alone: nothing here is shared with the program.
 *
 * Even the hash and SQLite are other implementations, and text is read as the bytes that lie in the
 * file, so that a mistake of ours in one place cannot hide itself in the other.
 */
import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  verify,
} from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { zstdDecompressSync } from 'node:zlib'
import { blake3 } from '@noble/hashes/blake3.js'

/** What was found. `problems` is empty exactly when `ok`; each names the place it is about. */
export interface SealReport {
  readonly ok: boolean
  readonly problems: readonly string[]
  readonly batches: number
  readonly rows: number
  /** Blocks that are encrypted, and whose content could be looked at all the same. */
  readonly encrypted: number
  readonly opened: number
}

const BLOCK_BYTES = 65_536
const DAY_US = 86_400_000_000n
const WITHHELD = 2048n
/** What stands before the 32 bytes of an X25519 key in SubjectPublicKeyInfo (RFC 8410). */
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex')
const NO_DIGEST: Buffer = Buffer.alloc(32)

const hash = (...parts: readonly Uint8Array[]) => Buffer.from(blake3(Buffer.concat(parts)))
const byte = (n: number) => Buffer.of(n)
// Numbers outside their range throw here. Cut to size they would pass for another number.
const u32 = (n: bigint) => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(Number(n))
  return out
}
const u64 = (n: bigint) => {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(n)
  return out
}
const i64 = (n: bigint) => {
  const out = Buffer.alloc(8)
  out.writeBigInt64LE(n)
  return out
}
const lp = (x: Uint8Array | string) => {
  const bytes = Buffer.from(x)
  return Buffer.concat([u32(BigInt(bytes.length)), bytes])
}

function rootOf(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves
  if (first === undefined) return hash()
  if (leaves.length === 1) return first
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return hash(byte(1), rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)))
}

/** Opens one zstd frame of a known content size, behind which nothing may stand. */
function unpack(frame: Buffer, size: number): Buffer {
  // The declared type does not know `info`, with which the result says how many bytes were read.
  const { buffer, engine } = zstdDecompressSync(frame, {
    maxOutputLength: size,
    info: true,
  }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } }
  if (buffer.length !== size) throw new Error('content is too short')
  if (engine.bytesWritten !== frame.length) throw new Error('bytes behind the content')
  return buffer
}

function decrypt(bytes: Buffer, key: Buffer, nonce: Buffer, aad: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
  decipher.setAAD(aad).setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()])
}

function publicBytes(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-32)
}

/** The data key of a batch. */
function unwrap(envelope: Envelope, secret: KeyObject): Buffer {
  const spki = Buffer.concat([SPKI_X25519, envelope.ephemeral])
  const other = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  const shared = diffieHellman({ privateKey: secret, publicKey: other })
  if (shared.equals(NO_DIGEST)) throw new Error('the shared secret is zero')
  const salt = Buffer.concat([envelope.ephemeral, publicBytes(createPublicKey(secret))])
  const extracted = createHmac('sha256', salt).update(shared).digest()
  const kek = createHmac('sha256', extracted).update('nacre-envelope-1').update(byte(1)).digest()
  return decrypt(envelope.wrapped, kek, Buffer.alloc(12), Buffer.alloc(0))
}

/** One row of a table; each cell is read as what it has to be, or the row is a problem. */
class Row {
  readonly #cells: Readonly<Record<string, unknown>>

  constructor(cells: Readonly<Record<string, unknown>>) {
    this.#cells = cells
  }

  int(name: string): bigint {
    const cell = this.#cells[name]
    if (typeof cell !== 'bigint') throw new Error(`${name} is no integer`)
    return cell
  }

  bytes(name: string, length?: number): Buffer {
    const cell = this.#cells[name]
    if (!(cell instanceof Uint8Array)) throw new Error(`${name} is missing`)
    if (length !== undefined && cell.length !== length)
      throw new Error(`${name} has a wrong length`)
    return Buffer.from(cell)
  }
}

interface Batch {
  readonly id: bigint
  readonly seq: bigint
  readonly start: bigint
  readonly end: bigint
  readonly firstRecord: bigint
  readonly records: bigint
  readonly stored: bigint
  readonly supersedes: bigint
  readonly digest: Buffer
}

interface Envelope {
  readonly keyId: Buffer
  readonly ephemeral: Buffer
  readonly wrapped: Buffer
}

/** Row digests of a batch: by day, and those of withheld rows. */
interface Rows {
  readonly days: Map<bigint, Buffer[]>
  readonly held: Buffer[]
}

interface Source {
  readonly uid: Buffer
  readonly batches: readonly Batch[]
}

/**
 * Reads the whole database and reports everything that does not fit the page.
 *
 * Opens it read-only, in one transaction. The keys are taken as the database gives them: that they
 * are the operator's has to be known from elsewhere.
 *
 * @param privatePems - recipient keys; encrypted blocks are opened where theirs is among them, and otherwise checked
 *   as the ciphertext they are
 * @param take - is handed the logged bytes of each block that could be opened, in the order of the batches of a source
 */
export function verifySeals(
  databasePath: string,
  privatePems: readonly string[] = [],
  take: (batchId: bigint, logged: Buffer) => void = () => {},
): SealReport {
  const db = new DatabaseSync(databasePath, { readOnly: true, readBigInts: true })
  const problems: string[] = []
  let [encrypted, opened] = [0, 0]
  const secrets = new Map(
    privatePems.map((pem) => {
      const secret = createPrivateKey(pem)
      const id = hash(publicBytes(createPublicKey(secret)))
        .toString('hex')
        .slice(0, 16)
      return [id, secret]
    }),
  )
  const must = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem)
  }
  const attempt = (what: string, check: () => void) => {
    try {
      check()
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  function* read(sql: string, ...values: readonly bigint[]): Generator<Row> {
    for (const cells of db.prepare(sql).iterate(...values)) yield new Row(cells)
  }

  /** Digests of each entry, by seq. */
  function checkJournal(): Map<bigint, Buffer> {
    const digests = new Map<bigint, Buffer>([[0n, NO_DIGEST]])
    const texts = ['actor', 'action', 'subject', 'reason', 'detail']
    const columns = texts.map((name) => `cast(${name} as blob) as ${name}`).join(', ')
    const sql = `select seq, at_us, ${columns}, previous_digest, digest from audit_log order by seq`
    let [seq, previous] = [0n, NO_DIGEST]
    for (const row of read(sql)) {
      seq += 1n
      attempt(`journal ${seq}`, () => {
        must(row.int('seq') === seq, `journal ${seq}: missing`)
        must(row.bytes('previous_digest').equals(previous), `journal ${seq}: not chained`)
        const digest = hash(
          ...[byte(8), lp('nacre-journal-1'), u64(row.int('seq')), i64(row.int('at_us'))],
          ...texts.map((name) => lp(row.bytes(name))),
          row.bytes('previous_digest', 32),
        )
        must(row.bytes('digest').equals(digest), `journal ${seq}: wrong digest`)
        previous = row.bytes('digest')
        digests.set(row.int('seq'), previous)
      })
    }
    return digests
  }

  const hasEnvelopes = db.prepare("select 1 from sqlite_master where name = 'batch_keys'").get()

  function envelopeOf(batch: Row): Envelope | undefined {
    if (hasEnvelopes === undefined) return undefined
    const sql = `select cast(key_id as blob) as key_id, ephemeral, wrapped
      from batch_keys where batch_id = ?`
    const [first, second] = [...read(sql, batch.int('id'))]
    if (first === undefined) return undefined
    if (second !== undefined) throw new Error('two envelopes')
    return {
      keyId: first.bytes('key_id'),
      ephemeral: first.bytes('ephemeral', 32),
      wrapped: first.bytes('wrapped', 48),
    }
  }

  /**
   * Root over the blocks of a batch, whose bytes have to fill its range.
   *
   * @param sealed - takes the digests of the stored bytes
   */
  function checkBlocks(
    name: string,
    batch: Row,
    envelope: Envelope | undefined,
    sealed: Buffer[],
  ): Buffer {
    const secret = envelope && secrets.get(envelope.keyId.toString())
    let dataKey: Buffer | undefined
    if (envelope !== undefined && secret !== undefined)
      attempt(`${name}, envelope`, () => {
        dataKey = unwrap(envelope, secret)
      })
    const sql = `select n, start_offset, end_offset, records, root, sha256, bytes,
      cast(codec as blob) as codec, cast(key_id as blob) as key_id
      from blocks where batch_id = ? order by n`
    const leaves: Buffer[] = []
    let offset = batch.int('start_offset')
    for (const row of read(sql, batch.int('id'))) {
      const block = `${name}, block ${leaves.length}`
      const last = BigInt(leaves.length + 1) === batch.int('blocks')
      attempt(block, () => {
        const [start, end, n] = [row.int('start_offset'), row.int('end_offset'), row.int('records')]
        must(row.int('n') === BigInt(leaves.length), `${block}: has another number`)
        must(start === offset, `${block}: does not start where the one before ends`)
        offset = end
        const numbers = [u64(start), u64(end), u32(n)]
        const leaf = hash(byte(9), row.bytes('sha256', 32), ...numbers, row.bytes('root', 32))
        leaves.push(leaf)
        const codec = envelope === undefined ? 'zstd' : 'zstd+aes-256-gcm'
        must(row.bytes('codec').equals(Buffer.from(codec)), `${block}: another codec`)
        const key = envelope?.keyId ?? Buffer.alloc(0)
        must(row.bytes('key_id').equals(key), `${block}: names another key than its batch`)
        let frame = row.bytes('bytes')
        sealed.push(hash(byte(13), frame))
        if (envelope !== undefined) {
          encrypted += 1
          if (dataKey === undefined) return
          frame = decrypt(frame, dataKey, Buffer.concat([u64(0n), u32(row.int('n'))]), leaf)
          opened += 1
        }
        const size = 4 + 4 * Number(n) + Number(end - start)
        const content = unpack(frame, size)
        if (BigInt(content.readUInt32LE(0)) !== n) throw new Error('wrong number of records')
        const bytes = content.subarray(4 + 4 * Number(n))
        const records: Buffer[] = []
        let at = 0
        for (let i = 0; i < Number(n); i += 1) {
          const length = content.readUInt32LE(4 + 4 * i)
          const record = bytes.subarray(at, at + length)
          at += length
          records.push(hash(byte(0), record.at(-1) === 0x0a ? record.subarray(0, -1) : record))
          if (i === Number(n) - 1) must(at - length < BLOCK_BYTES, `${block}: closed too late`)
        }
        must(last || at >= BLOCK_BYTES, `${block}: closed too early`)
        must(at === bytes.length, `${block}: lengths do not add up`)
        must(row.bytes('root').equals(rootOf(records)), `${block}: wrong root`)
        const sha256 = createHash('sha256').update(bytes).digest()
        must(row.bytes('sha256').equals(sha256), `${block}: wrong sha256`)
        take(batch.int('id'), bytes)
      })
    }
    must(BigInt(leaves.length) === batch.int('blocks'), `${name}: wrong number of blocks`)
    must(offset === batch.int('end_offset'), `${name}: blocks do not fill it`)
    return rootOf(leaves)
  }

  /** Row digests by batch; a row is counted under the batch that it names. */
  function readRows(): Map<bigint, Rows> {
    const batches = new Map<bigint, Rows>()
    const columns = `batch_id, record_no, event_time_us, session_key, kind_id, flags, digest,
      cast(coalesce(notes, '') as blob) as notes, cast(payload as blob) as payload`
    const sql = `select batch_id, record_no, event_time_us, flags, digest, notes, payload, is_held,
      cast(sensors.name as blob) as sensor, cast(sessions.session as blob) as session,
      cast(event_kinds.name as blob) as eventid
      from (select ${columns}, 0 as is_held from raw_events
            union all select ${columns}, 1 from held_events) as rows
      left join sessions on sessions.session_key = rows.session_key
      left join sensors on sensors.id = sensor_id left join event_kinds on event_kinds.id = kind_id
      order by batch_id, record_no`
    let before = ''
    for (const row of read(sql)) {
      attempt(`row ${row.int('record_no')} of batch ${row.int('batch_id')}`, () => {
        const place = `${row.int('batch_id')}, record ${row.int('record_no')}`
        must(place !== before, `batch ${place}: two rows`)
        before = place
        const time = row.int('event_time_us')
        const day = (time - (((time % DAY_US) + DAY_US) % DAY_US)) / DAY_US
        const batch: Rows = batches.get(row.int('batch_id')) ?? { days: new Map(), held: [] }
        batches.set(row.int('batch_id'), batch)
        const flags = row.int('flags')
        const isWithheld = (flags & WITHHELD) !== 0n
        must(isWithheld || row.int('is_held') === 0n, `batch ${place}: held without the flag`)
        const texts = ['sensor', 'session', 'eventid', 'notes'].map((name) => lp(row.bytes(name)))
        const bits = u32(isWithheld ? flags - WITHHELD : flags)
        const numbers = [i64(time), u32(row.int('record_no')), bits]
        const payload = hash(byte(0), row.bytes('payload'))
        const digest = hash(byte(2), ...numbers, row.bytes('digest', 16), ...texts, payload)
        if (isWithheld) batch.held.push(digest)
        else
          batch.days
            .set(day, batch.days.get(day) ?? [])
            .get(day)
            ?.push(digest)
      })
    }
    return batches
  }

  /** Root over the days, dead letters and withheld rows of a batch, and its envelope. */
  function checkView(
    name: string,
    batch: Row,
    { days, held }: Rows,
    envelope: Envelope | undefined,
    sealed: readonly Buffer[],
  ): Buffer {
    const parts: Buffer[] = []
    let stored = 0n
    const seen = new Set<bigint>()
    const sql = 'select day, rows, root from batch_days where batch_id = ? order by day'
    for (const row of read(sql, batch.int('id'))) {
      const [day, count] = [row.int('day'), row.int('rows')]
      const digests = days.get(day) ?? []
      seen.add(day)
      stored += count
      must(count === BigInt(digests.length), `${name}, day ${day}: wrong number of rows`)
      must(row.bytes('root').equals(rootOf(digests)), `${name}, day ${day}: wrong root`)
      parts.push(hash(byte(3), i64(day), u32(count), row.bytes('root', 32)))
    }
    for (const day of days.keys()) must(seen.has(day), `${name}, day ${day}: is not in batch_days`)
    must(stored === batch.int('stored'), `${name}: stored does not fit its rows`)

    const dead: Buffer[] = []
    let deadRecords = 0n
    const letters = `select start_offset, end_offset, first_record, records,
      cast(reason as blob) as reason, cast(detail as blob) as detail
      from dead_letters where batch_id = ? order by start_offset`
    for (const row of read(letters, batch.int('id'))) {
      const [start, end] = [row.int('start_offset'), row.int('end_offset')]
      const within = start >= batch.int('start_offset') && end <= batch.int('end_offset')
      must(within && start <= end, `${name}: a dead letter outside of it`)
      deadRecords += row.int('records')
      const numbers = [u64(start), u64(end), u32(row.int('first_record')), u32(row.int('records'))]
      dead.push(hash(byte(5), ...numbers, lp(row.bytes('reason')), lp(row.bytes('detail'))))
    }
    must(deadRecords === batch.int('dead'), `${name}: dead does not fit its dead letters`)
    if (dead.length > 0) parts.push(hash(byte(4), u32(BigInt(dead.length)), rootOf(dead)))
    must(batch.int('held') === BigInt(held.length), `${name}: held does not fit its withheld rows`)
    if (held.length > 0) parts.push(hash(byte(11), u32(BigInt(held.length)), rootOf(held)))
    if (envelope !== undefined) {
      const key = [lp(envelope.keyId), envelope.ephemeral, envelope.wrapped]
      parts.push(hash(byte(12), ...key, u32(BigInt(sealed.length)), rootOf(sealed)))
      must(sealed.length > 0, `${name}: an envelope without blocks`)
    }
    return rootOf(parts)
  }

  /** One batch with all that hangs on it. */
  function checkBatch(source: Row, row: Row, previous: Buffer, rows: Rows): Batch {
    const name = `batch ${row.int('id')}`
    const envelope = envelopeOf(row)
    const sealed: Buffer[] = []
    const records = checkBlocks(name, row, envelope, sealed)
    must(row.bytes('record_root').equals(records), `${name}: wrong record root`)
    const view = checkView(name, row, rows, envelope, sealed)
    must(row.bytes('view_root').equals(view), `${name}: wrong view root`)
    must(row.bytes('previous_digest').equals(previous), `${name}: not chained`)
    const fates = ['stored', 'duplicate', 'held', 'dead', 'blank', 'expired']
    const sum = fates.reduce((total, fate) => total + row.int(fate), 0n)
    must(sum === row.int('records'), `${name}: the fates do not add up to its records`)
    const counts = ['seq', 'start_offset', 'end_offset', 'first_record', 'records', ...fates]
    const digest = hash(
      ...[byte(6), lp('nacre-batch-1'), lp(source.bytes('uid')), lp(source.bytes('override'))],
      ...[...counts, 'supersedes'].map((count) => u64(row.int(count))),
      u32(row.int('blocks')),
      ...[row.bytes('record_root', 32), row.bytes('view_root', 32)],
      ...['schema', 'rule', 'program'].map((version) => lp(row.bytes(version))),
      ...[i64(row.int('committed_at_us')), row.bytes('previous_digest', 32)],
    )
    must(row.bytes('digest').equals(digest), `${name}: wrong digest`)
    const [id, seq, firstRecord] = [row.int('id'), row.int('seq'), row.int('first_record')]
    const [start, end] = [row.int('start_offset'), row.int('end_offset')]
    return {
      id,
      seq,
      start,
      end,
      firstRecord,
      records: row.int('records'),
      stored: row.int('stored'),
      supersedes: row.int('supersedes'),
      digest: row.bytes('digest'),
    }
  }

  function checkSource(row: Row, rows: ReadonlyMap<bigint, Rows>): Source {
    const uid = row.bytes('uid', 16)
    const name = `source ${uid.toString('hex')}`
    const batches: Batch[] = []
    const sql = `select *, cast(schema_version as blob) as schema, cast(rule_set as blob) as rule,
      cast(program_version as blob) as program from batches where source_id = ? order by seq`
    for (const batch of read(sql, row.int('id'))) {
      attempt(`batch ${batch.int('id')}`, () => {
        const seq = BigInt(batches.length + 1)
        must(batch.int('seq') === seq, `${name}: batch ${seq} is missing`)
        const own = rows.get(batch.int('id')) ?? { days: new Map(), held: [] }
        batches.push(checkBatch(row, batch, batches.at(-1)?.digest ?? NO_DIGEST, own))
      })
    }
    const superseded = new Set(batches.map((batch) => batch.supersedes))
    let [offset, record] = [0n, 0n]
    for (const batch of batches) {
      must(batch.supersedes < batch.seq, `${name}: batch ${batch.seq} supersedes a later one`)
      if (superseded.has(batch.seq)) continue
      must(batch.start === offset, `${name}: batch ${batch.seq} leaves a gap or overlaps`)
      must(batch.firstRecord === record, `${name}: batch ${batch.seq} counts from a wrong record`)
      offset = batch.end
      record += batch.records
    }
    must(offset === row.int('committed_offset'), `${name}: batches end before or after its offset`)
    return { uid, batches }
  }

  function checkCheckpoints(
    sources: readonly Source[],
    journal: ReadonlyMap<bigint, Buffer>,
  ): void {
    const ordered = sources.toSorted((a, b) => Buffer.compare(a.uid, b.uid))
    const keys = new Map<string, Buffer>()
    for (const row of read('select cast(key_id as blob) as id, public_key from signing_keys')) {
      const key = row.bytes('public_key', 32)
      const id = row.bytes('id').toString()
      must(id === hash(key).toString('hex').slice(0, 16), `key ${id}: is another key`)
      keys.set(id, key)
    }
    let [seq, previous] = [0n, NO_DIGEST]
    const sql = 'select *, cast(key_id as blob) as key from checkpoints order by seq'
    for (const row of read(sql)) {
      seq += 1n
      const name = `checkpoint ${seq}`
      attempt(name, () => {
        must(row.int('seq') === seq, `${name}: missing`)
        const leaves: Buffer[] = []
        for (const source of ordered) {
          const batches = source.batches.filter((batch) => batch.id <= row.int('up_to_batch'))
          const last = batches.at(-1)
          if (last === undefined) continue
          const sum = (of: 'records' | 'stored') => batches.reduce((n, batch) => n + batch[of], 0n)
          const counts = [u64(sum('records')), u64(sum('stored'))]
          const batchCount = u64(BigInt(batches.length))
          leaves.push(hash(byte(7), lp(source.uid), batchCount, last.digest, ...counts))
        }
        must(row.int('sources') === BigInt(leaves.length), `${name}: a source is missing`)
        must(row.bytes('tree_root').equals(rootOf(leaves)), `${name}: wrong tree`)
        const head = journal.get(row.int('journal_seq'))
        must(head?.equals(row.bytes('journal_head')) === true, `${name}: wrong journal head`)
        must(row.bytes('previous_digest').equals(previous), `${name}: not chained`)
        const message = Buffer.concat([
          ...[lp('nacre-checkpoint-1'), u64(row.int('seq')), i64(row.int('made_at_us'))],
          ...[u64(row.int('up_to_batch')), u64(row.int('sources')), row.bytes('tree_root', 32)],
          ...[u64(row.int('journal_seq')), row.bytes('journal_head', 32)],
          row.bytes('previous_digest', 32),
        ])
        previous = hash(byte(10), message)
        const x = keys.get(row.bytes('key').toString())?.toString('base64url')
        if (x === undefined) throw new Error('signed with a key that is not listed')
        const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
        must(verify(null, message, key, row.bytes('signature')), `${name}: wrong signature`)
      })
    }
  }

  function checkParents(): void {
    const tables = ['blocks', 'batch_days', 'raw_events', 'held_events', 'dead_letters']
    for (const table of hasEnvelopes === undefined ? tables : [...tables, 'batch_keys']) {
      const sql = `select count(*) as n from ${table} where batch_id not in (select id from batches)`
      for (const row of read(sql)) must(row.int('n') === 0n, `${table}: rows without their batch`)
    }
    const sql = 'select count(*) as n from batches where source_id not in (select id from sources)'
    for (const row of read(sql)) must(row.int('n') === 0n, 'batches: without their source')
  }

  const sources: Source[] = []
  let rows = new Map<bigint, Rows>()
  attempt('database', () => {
    db.exec('begin')
    const journal = checkJournal()
    rows = readRows()
    const sql = `select id, uid, committed_offset, cast(sensor_override as blob) as override
      from sources order by id`
    for (const row of read(sql)) {
      attempt(`source ${row.int('id')}`, () => sources.push(checkSource(row, rows)))
    }
    checkParents()
    checkCheckpoints(sources, journal)
  })
  db.close()
  const counts = [...rows.values()].flatMap(({ days, held }) => [
    held.length,
    ...[...days.values()].map((digests) => digests.length),
  ])
  return {
    ok: problems.length === 0,
    problems,
    batches: sources.reduce((n, source) => n + source.batches.length, 0),
    rows: counts.reduce((sum, count) => sum + count, 0),
    encrypted,
    opened,
  }
}
