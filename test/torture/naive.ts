/**
 * Two ways to follow files that are often met, as models. They see the same history as the loader, and no call of
 * theirs is disturbed. Where both are right, a play shows a trap that only a better follower can walk into.
 */
import type { SimulatedFiles } from './simulated-files.ts'
import { keysIn } from './truth.ts'

export type Naive = {
  /** Reads what is new under the folder. */
  look(files: SimulatedFiles, folder: string): void
  /** How often each event was given out. */
  readonly counts: ReadonlyMap<string, number>
}

/**
 * Knows a file by its path and reads on at an offset. It reads to the end whatever stands there, looks only at files
 * changed since it last looked, and forgets a path that is gone.
 */
export function byPath(): Naive {
  const counts = new Map<string, number>()
  let known = new Map<string, { readonly offset: number; readonly mtimeNs: bigint }>()
  return {
    counts,
    look(files, folder) {
      const now: typeof known = new Map()
      for (const { path, bytes, mtimeNs } of files.present(folder, 'each name')) {
        const before = known.get(path)
        if (before !== undefined && mtimeNs <= before.mtimeNs) {
          now.set(path, before)
          continue
        }
        const offset = before === undefined || before.offset > bytes.length ? 0 : before.offset
        count(counts, bytes.subarray(offset))
        now.set(path, { offset: bytes.length, mtimeNs })
      }
      known = now
    },
  }
}

/** Knows a file by its device and inode, for ever, and reads on at an offset, up to the last line end. */
export function byInode(): Naive {
  const counts = new Map<string, number>()
  const offsets = new Map<string, number>()
  return {
    counts,
    look(files, folder) {
      for (const { identity, bytes } of files.present(folder)) {
        const known = offsets.get(identity) ?? 0
        const offset = known > bytes.length ? 0 : known
        const isArchive = bytes.length > 1 && bytes.readUInt16BE(0) === 0x1f8b
        const end = isArchive ? bytes.length : bytes.lastIndexOf('\n') + 1
        if (end > offset) count(counts, bytes.subarray(offset, end))
        offsets.set(identity, Math.max(offset, end))
      }
    },
  }
}

function count(counts: Map<string, number>, bytes: Buffer): void {
  for (const key of keysIn(bytes)) counts.set(key, (counts.get(key) ?? 0) + 1)
}
