/** What was rotated away from a file that an operator named. */
import { basename, dirname, join } from 'node:path'
import type { InstantUs } from '../core/instant.ts'
import { type FoundFile, isSibling } from '../source/discover.ts'
import { type FileStat, type FileSystem, statIfThere } from '../source/files.ts'
import type { LineageStore } from '../store/port.ts'
import type { LoadRunOptions } from './load-run.ts'

type SiblingOptions = Pick<LoadRunOptions, 'clock' | 'dryRun' | 'files' | 'sensor' | 'sensorOf'>

/**
 * Older parts of the named files that may hold lines which were never read.
 *
 * Who names `cowrie.json` asks for what is written there from now on, not for the history beside it. But a line that was
 * written there and rotated away before it was read must not be lost: so a part is taken whole when it was last written
 * to since the file was first read, and else only where it goes on with a source that is known.
 */
export async function siblingsToLoad(
  options: SiblingOptions & { readonly paths: readonly string[] },
  store: LineageStore,
  named: readonly FoundFile[],
): Promise<(FoundFile & { readonly onlyKnown: boolean })[]> {
  const { files } = options
  const taken = new Set(named.map(({ realPath }) => realPath))
  const found: (FoundFile & { readonly onlyKnown: boolean })[] = []
  for (const file of named) {
    // What lies in a named folder is loaded anyway.
    if (file.path === '-' || !options.paths.includes(file.path)) continue
    const sinceUs = await followedSinceUs(file.realPath, options, store)
    for (const name of siblingNames(file.realPath, files)) {
      const path = join(dirname(file.realPath), name)
      if (taken.has(path)) continue
      const stat = statIfThere(path, files)
      if (stat?.kind !== 'file') continue
      taken.add(path)
      found.push({ path, realPath: path, onlyKnown: !isWrittenSince(stat, sinceUs) })
    }
  }
  return found
}

/**
 * Since when a named file is followed: since the first time, or since its content was first seen by any load.
 *
 * @param options.dryRun - nothing is kept
 */
export async function followedSinceUs(
  realPath: string,
  options: SiblingOptions,
  store: LineageStore,
): Promise<InstantUs> {
  const sensorOverride = options.sensor ?? options.sensorOf(realPath) ?? ''
  const known = await store.findFile(realPath, sensorOverride)
  const source = known?.sourceId == null ? undefined : await store.source(known.sourceId)
  const candidateUs = source?.firstSeenUs ?? options.clock()
  if (options.dryRun) return candidateUs
  return store.followedSince(realPath, sensorOverride, candidateUs)
}

/** Whether the last line of a file may be younger than an instant. */
export function isWrittenSince(stat: FileStat, sinceUs: InstantUs): boolean {
  return Number(BigInt(stat.mtimeNs) / 1000n) >= sinceUs
}

function siblingNames(path: string, files: FileSystem): readonly string[] {
  const base = basename(path)
  try {
    return files.names(dirname(path)).filter((name) => isSibling(name, base))
  } catch {
    return []
  }
}
