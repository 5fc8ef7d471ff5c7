/** Tty logs made for tests, as Cowrie writes them. */

export type Piece = {
  readonly data: Uint8Array | string
  /** 1 typed, 2 shown (the default), 3 the command of an exec request. */
  readonly direction?: number
  /** Seconds since 1970. */
  readonly at?: number
}

export const START = 1_795_377_226

export function record(
  operation: number,
  length: number,
  direction: number,
  at: number,
  data: Uint8Array = new Uint8Array(),
): Buffer {
  const header = Buffer.alloc(24)
  header.writeInt32LE(operation, 0)
  header.writeInt32LE(length, 8)
  header.writeInt32LE(direction, 12)
  const seconds = Math.floor(at)
  header.writeUInt32LE(seconds, 16)
  header.writeUInt32LE(Math.round((at - seconds) * 1e6), 20)
  return Buffer.concat([header, data])
}

/** A recording with an opening and a closing record. Pieces without a time follow each other by 10 ms. */
export function ttyLog(pieces: readonly (Piece | string)[]): Buffer {
  let at = START
  const records = pieces.map((piece) => {
    const { data, direction = 2, at: given } = typeof piece === 'string' ? { data: piece } : piece
    at = given ?? at + 0.01
    const bytes = Buffer.from(data as string)
    return record(3, bytes.length, direction, at, bytes)
  })
  return Buffer.concat([record(1, 0, 0, START), ...records, record(2, 0, 0, at)])
}
