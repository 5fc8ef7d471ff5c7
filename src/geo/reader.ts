/**
 * Databases of places: files in the MMDB format that an operator keeps, opened together and asked for addresses.
 *
 * A file is read into memory whole, once, and stays as it was read, whatever becomes of its path; beside it only the
 * facts of a bounded number of records are kept. `maxmind` reads the metadata and walks the search tree. Records are
 * read by `mmdb.ts`, which has bounds where that library has none.
 */
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Reader, type Response } from 'maxmind'
import { GeoError } from '../core/errors.ts'
import { ownText } from '../core/event.ts'
import type { InstantUs } from '../core/instant.ts'
import type { SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import { toVisible } from '../neutralize/visible.ts'
import type { DatabaseRecord, DatabaseSet } from '../store/port.ts'
import { networkOf, readAddress } from './address.ts'
import {
  FACT_NAMES,
  type FactName,
  type Facts,
  factsOf,
  hasFacts,
  NO_FACTS,
  placeText,
} from './facts.ts'
import {
  checkTree,
  DataReader,
  MmdbDamage,
  type MmdbLayout,
  type MmdbValue,
  readLayout,
  sampleRecords,
} from './mmdb.ts'

type FileStat = {
  readonly kind: string
  readonly device: string
  readonly inode: string
  readonly size: number
  readonly mtimeNs: string
  readonly ctimeNs: string
}

/** What is asked of a file system; calls throw what the system says. */
export type GeoFiles = {
  stat(path: string): FileStat
  open(path: string): {
    stat(): FileStat
    read(into: Uint8Array, position: number): number
    close(): void
  }
}

/** What one database says of an address. */
export type Found = Facts & {
  /** The network that it says it of; null where it says nothing. */
  readonly network: string | null
  /** Its record cannot be read. */
  readonly isDamaged: boolean
}

/** One file, as it was when it was read. */
export type GeoDatabase = {
  readonly path: string
  /** Name of its kind, as its maker wrote it, in visible form: told to people, never relied on. */
  readonly type: SafeText
  readonly description: SafeText
  readonly builtAtUs: InstantUs
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly digest: string
  readonly size: number
  readonly networksOf: 4 | 6
  /** What it knows, told by its records. */
  readonly facts: readonly FactName[]
  readonly loadedAtUs: InstantUs
  /** The file as it was found, to notice another one in its place. */
  readonly stat: FileStat
  /** Never throws. @param text - any text; what is no address is not found */
  lookup(text: string): Found
}

/** What is known of an address by all databases together. */
export type Place = Found

/** Changes when the same files are to give other facts: what was looked up before is then looked up again. */
const RULES_VERSION = 1

const READ_AT_ONCE = 4 * 1024 * 1024
const GZIP = [0x1f, 0x8b]
const NOTHING: Found = { ...NO_FACTS, network: null, isDamaged: false }
const DAMAGED: Found = { ...NOTHING, isDamaged: true }

/**
 * Opens a database.
 *
 * @param path - an MMDB file; its name says nothing
 * @throws GeoError `GEO_UNREADABLE`, `GEO_TOO_LARGE`, `GEO_CHANGING`, `GEO_NOT_A_DATABASE`, `GEO_DAMAGED`, `GEO_NO_FACTS`
 */
export async function openDatabase(
  path: string,
  files: GeoFiles,
  clock: () => InstantUs,
): Promise<GeoDatabase> {
  const { file, stat, digest } = await readWhole(path, files)
  try {
    const layout = readLayout(file)
    if (layout === undefined) throw notADatabase(path, file)
    await checkTree(file, layout)
    const records = new DataReader(file, layout.dataStart, layout.dataEnd, layout.dataStart)
    const reader = new BoundedReader(file, layout, records)
    const facts = knownFacts(file, layout, records)
    if (facts.length === 0) {
      throw new GeoError('GEO_NO_FACTS', `${path} knows neither countries nor networks.`, {
        hint: 'Name a database of countries, cities or autonomous systems in geo.databases.',
      })
    }
    const { metadata, ipVersion } = layout
    return {
      path,
      type: placeText(metadata.get('database_type') ?? null) ?? ownText(''),
      description: descriptionOf(metadata.get('description') ?? null),
      builtAtUs: builtAtOf(metadata.get('build_epoch') ?? null),
      digest,
      size: file.length,
      networksOf: ipVersion,
      facts,
      loadedAtUs: clock(),
      stat,
      lookup: (text) => reader.lookup(text),
    }
  } catch (cause) {
    if (cause instanceof GeoError) throw cause
    // What is not ours is an index behind the end of the file: damage that no check of ours foresaw.
    const reason = cause instanceof MmdbDamage ? cause.message : 'it ends too early'
    throw new GeoError('GEO_DAMAGED', `${path} is damaged: ${reason}.`, {
      hint: 'Get the file again from where it came from. What was looked up before stays.',
      cause,
    })
  }
}

/** Whether another file lies where the database was read, as far as the system tells without reading it. */
export function isReplaced(database: GeoDatabase, files: GeoFiles): boolean {
  try {
    return !isSame(files.stat(database.path), database.stat)
  } catch {
    return true
  }
}

/** Databases that are asked together: of each fact, the first of them that knows it is believed. */
export class GeoDatabases {
  readonly databases: readonly GeoDatabase[]
  /** What names them together in the store: other files, another order or other rules of ours give another one. */
  readonly set: DatabaseSet

  constructor(databases: readonly GeoDatabase[]) {
    this.databases = databases
    const hash = createHash('sha256').update(`places ${RULES_VERSION}\n`)
    for (const { digest } of databases) hash.update(`${digest}\n`)
    this.set = {
      digest: hash.digest('hex').slice(0, 32),
      databases: databases.map(
        (one): DatabaseRecord => ({
          type: one.type,
          builtAtUs: one.builtAtUs,
          digest: one.digest,
          path: toVisible(one.path),
          description: one.description,
          facts: one.facts,
          loadedAtUs: one.loadedAtUs,
        }),
      ),
    }
  }

  /**
   * What is known of an address. The same files give the same answer, whatever was asked before.
   *
   * City and country are of one database, and so are system and organisation: two may disagree. Never throws.
   */
  lookup(text: string): Place {
    const all = this.databases.map((one) => one.lookup(text))
    const place = all.find((one) => one.country !== null) ?? all.find((one) => one.city !== null)
    const system =
      all.find((one) => one.asn !== null) ?? all.find((one) => one.organisation !== null)
    // The narrower network of the two: all of it has the same facts.
    const networks = [place?.network, system?.network].filter((one) => typeof one === 'string')
    return {
      country: place?.country ?? null,
      city: place?.city ?? null,
      asn: system?.asn ?? null,
      organisation: system?.organisation ?? null,
      network: networks.sort((a, b) => bitsOf(b) - bitsOf(a))[0] ?? null,
      isDamaged: all.some((one) => one.isDamaged),
    }
  }
}

/** Opens files in the order in which they are asked. @throws GeoError of the first that cannot be used */
export async function openDatabases(
  paths: readonly string[],
  files: GeoFiles,
  clock: () => InstantUs,
): Promise<GeoDatabases> {
  if (paths.length > LIMITS.geoDatabasesMax) {
    throw new GeoError('GEO_TOO_LARGE', `geo.databases names ${paths.length} files.`, {
      hint: `Name ${LIMITS.geoDatabasesMax} at most: each is kept in memory whole.`,
    })
  }
  const databases: GeoDatabase[] = []
  for (const path of paths) databases.push(await openDatabase(path, files, clock))
  return new GeoDatabases(databases)
}

/**
 * Opens again what was replaced.
 *
 * @returns the same object where the content of every file is what it was
 * @throws GeoError as `openDatabases`; the databases that are open stay usable
 */
export async function reopenReplaced(
  open: GeoDatabases,
  files: GeoFiles,
  clock: () => InstantUs,
): Promise<GeoDatabases> {
  let isOther = false
  const databases: GeoDatabase[] = []
  for (const one of open.databases) {
    const now = isReplaced(one, files) ? await openDatabase(one.path, files, clock) : one
    isOther ||= now !== one
    databases.push(now)
  }
  return isOther ? new GeoDatabases(databases) : open
}

/** The tree of one file and the facts of records that were met. */
class BoundedReader {
  readonly #reader: Reader<Response>
  readonly #layout: MmdbLayout
  readonly #records: DataReader
  /** By place in the file. */
  readonly #known = new Map<number, Facts>()

  constructor(file: Buffer, layout: MmdbLayout, records: DataReader) {
    this.#layout = layout
    this.#records = records
    // The library asks its cache before it decodes a record: this one always has an answer, so that it never does.
    this.#reader = new Reader<Response>(file, {
      cache: { get: (at: number) => ({ value: this.#factsAt(at), offset: 0 }), set: () => {} },
    })
    const { nodeCount, recordSize, ipVersion } = this.#reader.metadata
    if (
      nodeCount !== layout.nodeCount ||
      recordSize !== layout.recordBits ||
      ipVersion !== layout.ipVersion
    )
      throw new MmdbDamage('its metadata stands in it twice')
  }

  lookup(text: string): Found {
    const address = readAddress(text)
    if (address === undefined || address.family > this.#layout.ipVersion) return NOTHING
    try {
      const [found, bits] = this.#reader.getWithPrefixLength(address.text)
      if (found === null) return NOTHING
      const facts = found as unknown as Facts // what the cache above gave
      if (!hasFacts(facts)) return NOTHING
      return { ...facts, network: networkOf(address, bits), isDamaged: false }
    } catch {
      // Of this record alone: the tree was looked at as a whole when the file was opened.
      return DAMAGED
    }
  }

  #factsAt(at: number): Facts {
    const known = this.#known.get(at)
    if (known !== undefined) return known
    const facts = factsOf(this.#records.read(at))
    // All at once: what is asked often is soon there again.
    if (this.#known.size >= LIMITS.geoRecordsKeptMax) this.#known.clear()
    this.#known.set(at, facts)
    return facts
  }
}

type WholeFile = { readonly file: Buffer; readonly stat: FileStat; readonly digest: string }

/** Reads in pieces, so that others get their turn; at a read of a file that is being replaced by renaming it is whole. */
async function readWhole(path: string, files: GeoFiles): Promise<WholeFile> {
  let opened: ReturnType<GeoFiles['open']> | undefined
  try {
    // Looked at first: opening a pipe would wait for its other end.
    if (files.stat(path).kind !== 'file') throw unreadable(path, 'it is no file')
    opened = files.open(path)
    const stat = opened.stat()
    if (stat.size > LIMITS.geoFileBytesMax) {
      throw new GeoError(
        'GEO_TOO_LARGE',
        `${path} has ${Math.round(stat.size / 1024 / 1024)} MiB; at most ${LIMITS.geoFileBytesMax / 1024 / 1024} are read.`,
        { hint: 'A database is kept in memory whole: take a smaller edition of it.' },
      )
    }
    const file = Buffer.allocUnsafeSlow(stat.size)
    const hash = createHash('sha256')
    for (let at = 0; at < file.length; ) {
      const read = opened.read(file.subarray(at, at + READ_AT_ONCE), at)
      if (read === 0) throw changing(path)
      hash.update(file.subarray(at, at + read))
      at += read
      await nextTurn()
    }
    if (!isSame(opened.stat(), stat)) throw changing(path)
    return { file, stat, digest: hash.digest('hex') }
  } catch (cause) {
    if (cause instanceof GeoError) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw unreadable(path, code === 'ENOENT' ? 'it is not there' : code, cause)
  } finally {
    opened?.close()
  }
}

function isSame(a: FileStat, b: FileStat): boolean {
  return (
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.inode === b.inode &&
    a.device === b.device
  )
}

function knownFacts(file: Buffer, layout: MmdbLayout, records: DataReader): FactName[] {
  const samples = sampleRecords(file, layout).map((at) => factsOf(records.read(at)))
  return FACT_NAMES.filter((name) => samples.some((facts) => facts[name] !== null))
}

function descriptionOf(value: MmdbValue): SafeText {
  if (!(value instanceof Map)) return ownText('')
  const [any] = value.values()
  return placeText(value.get('en') ?? any ?? null) ?? ownText('')
}

/** Seconds since 1970 in the file; 0 where it says nothing usable. */
function builtAtOf(value: MmdbValue): InstantUs {
  const isUsable = typeof value === 'number' && value <= LIMITS.geoBuiltSecondsMax
  return isUsable && value >= 0 ? Math.trunc(value) * 1_000_000 : 0
}

function bitsOf(network: string): number {
  return Number(network.slice(network.lastIndexOf('/') + 1))
}

function notADatabase(path: string, file: Buffer): GeoError {
  const isGzip = GZIP.every((byte, i) => file[i] === byte)
  return new GeoError(
    'GEO_NOT_A_DATABASE',
    `${path} is no MMDB file${isGzip ? ': it is packed with gzip' : ', or not all of one'}.`,
    {
      hint: isGzip
        ? 'Unpack it (gunzip, tar xzf) and name the .mmdb file.'
        : 'Databases in other formats, such as CSV, are not read; a download that broke off has lost the end.',
    },
  )
}

function changing(path: string): GeoError {
  return new GeoError('GEO_CHANGING', `${path} was changed while it was read.`, {
    hint: 'Try again in a moment. Best write a new file beside it and rename it into place.',
  })
}

function unreadable(path: string, reason: string, cause?: unknown): GeoError {
  return new GeoError('GEO_UNREADABLE', `${path} cannot be read: ${reason}.`, {
    hint: 'Look at geo.databases and at the permissions of the file; nothing is downloaded.',
    cause,
  })
}
