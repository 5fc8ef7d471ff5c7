/** Reads tty logs from the disk. They lie where Cowrie put them: not sealed by us, so they are compared before use. */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { LIMITS } from '../limits.ts'
import { fromVisible } from '../neutralize/visible.ts'

export type TtyFile = {
  /** At most `LIMITS.replayFileBytesMax` of it. */
  readonly bytes: Uint8Array
  readonly size: number
  readonly sha256: string
  readonly isWhole: boolean
}

/** Why a recorded file is not played. */
export type FileProblem = 'missing' | 'changed'

/** A file as it was when it was looked up; the path is in visible form. */
export type RecordedFile = {
  readonly path: string
  readonly sha256: string
  readonly size: number
}

/** Reads the first of some files, copies of one recording, that is there and is the same as it was. */
export function readRecorded(files: readonly RecordedFile[]): TtyFile | FileProblem {
  let problem: FileProblem = 'missing'
  for (const { path, sha256, size } of files) {
    const file = readTtyFile(fromVisible(path), size)
    if (file?.size === size && file.sha256 === sha256) return file
    if (file !== undefined) problem = 'changed'
  }
  return problem
}

/**
 * @param sizeMax - bytes beyond which it is not hashed: a file that grew is another one
 * @returns undefined where there is no plain file that can be read
 */
export function readTtyFile(
  path: string,
  sizeMax: number = Number.POSITIVE_INFINITY,
): TtyFile | undefined {
  let fd: number
  try {
    // Not a link that someone laid there since, and no waiting for the other end of a pipe.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) return undefined
    const kept = new Uint8Array(Math.min(stat.size, LIMITS.replayFileBytesMax))
    const hash = createHash('sha256')
    const chunk = Buffer.allocUnsafe(1024 * 1024)
    let size = 0
    while (size <= sizeMax) {
      const length = readSync(fd, chunk, 0, chunk.length, null)
      if (length === 0) break
      hash.update(chunk.subarray(0, length))
      if (size < kept.length)
        kept.set(chunk.subarray(0, Math.min(length, kept.length - size)), size)
      size += length
    }
    return { bytes: kept, size, sha256: hash.digest('hex'), isWhole: size <= kept.length }
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}
