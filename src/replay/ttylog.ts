/**
 * Cowrie's recordings of terminals, as `src/cowrie/core/ttylog.py` writes them: records of six little-endian numbers
 * (`<iLiiLL`: operation, terminal, length, direction, seconds, microseconds) and as many bytes as the length says.
 *
 * A file is what an attacker's session left, perhaps torn, perhaps made up: nothing in it is an error. It is read as far
 * as it makes sense, and how it ends is said.
 */
import { createHash } from 'node:crypto'
import { LIMITS } from '../limits.ts'

const HEADER_BYTES = 24
const WRITE = 3
const CLOSE = 2
const EXEC = 4

/** Whose bytes they are: typed by the client, shown to it, or the command of an exec request. */
export type Direction = 'input' | 'output' | 'command'

const DIRECTIONS: Readonly<Record<number, Direction>> = { 1: 'input', 2: 'output', 3: 'command' }

export type TtyRecord = {
  /** Microseconds since 1970, as recorded; may run backwards. */
  readonly atUs: number
  readonly direction: Direction
  readonly data: Uint8Array
}

/** How the reading of a tty log ended. */
export type TtyEnd =
  | 'closed' // with its closing record, and nothing behind it
  | 'open' // without one: Cowrie was killed, or still writes
  | 'torn' // in the middle of a record
  | 'damaged' // before something that is no record
  | 'too-long' // at a bound
  | 'empty' // there is no byte
  | 'foreign' // its very start is no record

export type TtyReading = {
  readonly end: TtyEnd
  /** Byte at which the reading ended. */
  readonly at: number
  /** SHA-256 of all that was not output: by it Cowrie names a recording that was closed. */
  readonly inputSha256: string
}

/**
 * Reads a tty log and hands over its records in their order.
 *
 * @param bytes - the file, or its first `LIMITS.replayFileBytesMax` bytes
 * @param isWhole - whether the file has no further bytes
 * @param take - receives each record; tells how many of its bytes it took. With fewer than all the reading ends as `too-long`
 */
export function readTtyLog(
  bytes: Uint8Array,
  isWhole: boolean,
  take: (record: TtyRecord) => number,
): TtyReading {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const typed = createHash('sha256')
  let at = 0
  let isClosed = false
  const ended = (end: TtyEnd): TtyReading => ({ end, at, inputSha256: typed.digest('hex') })
  if (bytes.length === 0) return ended('empty')
  for (let records = 0; at < bytes.length; records += 1) {
    if (records >= LIMITS.replayRecordsMax) return ended('too-long')
    if (bytes.length - at < HEADER_BYTES) return ended(isWhole ? tornAt(records) : 'too-long')
    const operation = view.getInt32(at, true)
    const length = view.getInt32(at + 8, true)
    const direction = view.getInt32(at + 12, true)
    const isData = operation === WRITE || operation === EXEC
    if (
      operation < 1 ||
      operation > EXEC ||
      length < 0 ||
      (isData ? DIRECTIONS[direction] === undefined : length !== 0)
    )
      return ended(records === 0 ? 'foreign' : 'damaged')
    const seconds = view.getUint32(at + 16, true)
    const microseconds = view.getUint32(at + 20, true)
    const from = at + HEADER_BYTES
    const data = bytes.subarray(from, Math.min(from + length, bytes.length))
    isClosed = operation === CLOSE
    if (isData && data.length > 0) {
      const record = {
        atUs: seconds * 1_000_000 + microseconds,
        direction: DIRECTIONS[direction]!,
        data,
      }
      if (record.direction !== 'output') typed.update(data)
      const taken = take(record)
      if (taken < data.length) {
        at = from + taken
        return ended('too-long')
      }
    }
    if (data.length < length) {
      at = bytes.length
      return ended(isWhole ? tornAt(records) : 'too-long')
    }
    at = from + length
  }
  return ended(!isWhole ? 'too-long' : isClosed ? 'closed' : 'open')
}

/** A first record that does not fit into the file is more likely no record. */
function tornAt(records: number): TtyEnd {
  return records === 0 ? 'foreign' : 'torn'
}
