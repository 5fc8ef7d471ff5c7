/**
 * The zip files of evidence packages, packed in one way only: files behind each other, no comments, no extra fields, no
 * times, both lists the same. So every byte of a package is looked at, and no two programs can read two things in it.
 */
import { createHash } from 'node:crypto'
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import { LIMITS } from '../limits.ts'
import { FORMAT, type Manifest, NAMES, printDocument } from './format.ts'

export type PackedFile = { readonly name: string; readonly bytes: Uint8Array }

const LOCAL = 0x04034b50
const LISTED = 0x02014b50
const END = 0x06054b50
/** Version 2.0; made on a system whose files have owners. */
const NEEDED = 20
const MADE_BY = 0x0314
/** A plain file that its owner alone can read and write. */
const MODE = 0x81800000
/** 1980-01-01, the first day of the format: a package tells its time itself. */
const DATE = 0x0021
const LOCAL_BYTES = 30
const LISTED_BYTES = 46
const END_BYTES = 22
/** Below, packing saves nothing worth it. */
const PACKED_FROM = 512

/** A zip that is not packed so. */
export class ZipFault extends Error {}

/**
 * Packs files, in their order.
 *
 * @param files - names are ASCII; records are small and stored as they are, so that a plain look finds them
 */
export function* packZip(files: readonly PackedFile[]): Generator<Uint8Array> {
  const list: Buffer[] = []
  let offset = 0
  for (const { name, bytes } of files) {
    const packed = bytes.length >= PACKED_FROM ? deflateRawSync(bytes, { level: 9 }) : bytes
    const isPacked = packed.length < bytes.length
    const content = isPacked ? packed : bytes
    const facts = Buffer.alloc(26)
    facts.writeUInt16LE(NEEDED, 0)
    facts.writeUInt16LE(isPacked ? 8 : 0, 4)
    facts.writeUInt16LE(DATE, 8)
    facts.writeUInt32LE(crc32(bytes), 10)
    facts.writeUInt32LE(content.length, 14)
    facts.writeUInt32LE(bytes.length, 18)
    facts.writeUInt16LE(name.length, 22)
    const local = Buffer.alloc(4)
    local.writeUInt32LE(LOCAL)
    yield Buffer.concat([local, facts, Buffer.from(name, 'latin1')])
    yield content
    const listed = Buffer.alloc(LISTED_BYTES)
    listed.writeUInt32LE(LISTED, 0)
    listed.writeUInt16LE(MADE_BY, 4)
    listed.set(facts, 6)
    listed.writeUInt32LE(MODE, 38)
    listed.writeUInt32LE(offset, 42)
    list.push(listed, Buffer.from(name, 'latin1'))
    offset += LOCAL_BYTES + name.length + content.length
  }
  const listing = Buffer.concat(list)
  yield listing
  const end = Buffer.alloc(END_BYTES)
  end.writeUInt32LE(END, 0)
  end.writeUInt16LE(files.length, 8)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(listing.length, 12)
  end.writeUInt32LE(offset, 16)
  yield end
}

/**
 * The files of a zip that `packZip` made, in their order.
 *
 * @param isName - whether a name is one of the format
 * @throws ZipFault where one byte is not as `packZip` writes it; names are then not of the format and hostile
 */
export function readZip(zip: Uint8Array, isName: (name: string) => boolean): PackedFile[] {
  const bytes = Buffer.from(zip.buffer, zip.byteOffset, zip.length)
  const endAt = bytes.length - END_BYTES
  if (endAt < 0 || bytes.readUInt32LE(endAt) !== END) throw new ZipFault('it is no zip file')
  const count = bytes.readUInt16LE(endAt + 8)
  const listAt = bytes.readUInt32LE(endAt + 16)
  const endFits =
    bytes.readUInt32LE(endAt + 4) === 0 &&
    bytes.readUInt16LE(endAt + 10) === count &&
    bytes.readUInt32LE(endAt + 12) === endAt - listAt &&
    bytes.readUInt16LE(endAt + 20) === 0
  if (!endFits || count === 0) throw new ZipFault('its end does not fit it')
  const files: PackedFile[] = []
  const names = new Set<string>()
  let offset = 0
  let at = listAt
  let total = 0
  for (let i = 0; i < count; i += 1) {
    if (at + LISTED_BYTES > endAt || offset + LOCAL_BYTES > listAt)
      throw new ZipFault('it ends too early')
    const facts = bytes.subarray(at + 6, at + 32)
    const nameLength = facts.readUInt16LE(22)
    const name = bytes.toString('latin1', at + LISTED_BYTES, at + LISTED_BYTES + nameLength)
    if (!isName(name)) throw new ZipFault('it holds a file that is none of the format')
    if (names.has(name)) throw new ZipFault(`${name} is there twice`)
    names.add(name)
    const method = facts.readUInt16LE(4)
    const packedLength = facts.readUInt32LE(14)
    const length = facts.readUInt32LE(18)
    const fits =
      bytes.readUInt32LE(at) === LISTED &&
      bytes.readUInt16LE(at + 4) === MADE_BY &&
      facts.readUInt16LE(0) === NEEDED &&
      facts.readUInt16LE(2) === 0 &&
      (method === 0 || method === 8) &&
      facts.readUInt16LE(6) === 0 &&
      facts.readUInt16LE(8) === DATE &&
      facts.readUInt16LE(24) === 0 &&
      bytes.readUIntBE(at + 32, 6) === 0 &&
      bytes.readUInt32LE(at + 38) === MODE &&
      bytes.readUInt32LE(at + 42) === offset &&
      bytes.readUInt32LE(offset) === LOCAL &&
      facts.equals(bytes.subarray(offset + 4, offset + LOCAL_BYTES)) &&
      bytes.toString('latin1', offset + LOCAL_BYTES, offset + LOCAL_BYTES + nameLength) === name
    if (!fits) throw new ZipFault(`${name} is listed in another way than packages are packed`)
    const from = offset + LOCAL_BYTES + nameLength
    offset = from + packedLength
    at += LISTED_BYTES + nameLength
    total += length
    if (offset > listAt || total > LIMITS.evidencePackageBytesMax)
      throw new ZipFault(`${name} is too large`)
    const content = unpack(bytes.subarray(from, offset), method, length, name)
    if (crc32(content) !== facts.readUInt32LE(10))
      throw new ZipFault(`${name} does not match its checksum`)
    files.push({ name, bytes: content })
  }
  if (offset !== listAt || at !== endAt) throw new ZipFault('there are bytes between its files')
  return files
}

function unpack(packed: Buffer, method: number, length: number, name: string): Uint8Array {
  if (method === 0) {
    if (packed.length !== length) throw new ZipFault(`${name} has another length than it says`)
    return packed
  }
  try {
    const options = { info: true, maxOutputLength: length + 1 }
    // With `info` Node gives the engine beside the bytes, which the types do not say.
    const { buffer, engine } = inflateRawSync(packed, options) as unknown as {
      readonly buffer: Buffer
      readonly engine: { readonly bytesWritten: number }
    }
    if (buffer.length === length && engine.bytesWritten === packed.length) return buffer
  } catch {
    // Told below: it does not unpack to what it says.
  }
  throw new ZipFault(`${name} does not unpack to what it says`)
}

/** Files with the manifest that lists them before them. */
export function withManifest(
  files: readonly PackedFile[],
  { program, withheld }: Pick<Manifest, 'program' | 'withheld'>,
): readonly PackedFile[] {
  const manifest: Manifest = {
    format: FORMAT,
    program,
    files: files.map(({ name, bytes }) => ({ name, bytes: bytes.length, sha256: sha256(bytes) })),
    withheld,
  }
  return [{ name: NAMES.manifest, bytes: printDocument(manifest) }, ...files]
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
