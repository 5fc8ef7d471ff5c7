/** TTY logs and downloads that events name: looked up, hashed, noted; their bytes stay where they are. */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { InstantUs } from '../core/instant.ts'
import { toVisible } from '../neutralize/visible.ts'
import { discover } from '../source/discover.ts'

export type ArtifactRow = {
  readonly path: string
  readonly sha256: string
  readonly size: number
  readonly kind: 'tty' | 'download'
  readonly seenAtUs: InstantUs
  readonly namedBy: string
}

export type ArtifactStore = {
  /** Names (hash or file name) under which events speak of artifacts. */
  artifactNames(): Promise<ReadonlySet<string>>
  saveArtifacts(rows: readonly ArtifactRow[]): Promise<void>
}

/**
 * Looks through folders for what events name.
 *
 * @returns files looked at, how many of them events name, how many names have no file
 */
export async function lookUpArtifacts(
  store: ArtifactStore,
  folders: readonly string[],
  nowUs: InstantUs,
): Promise<{ readonly seen: number; readonly named: number; readonly missing: number }> {
  const names = await store.artifactNames()
  const rows: ArtifactRow[] = []
  const met = new Set<string>()
  for (const file of discover(folders).files) {
    const { sha256, size, isTty } = digestFile(file.realPath)
    const name = basename(file.realPath)
    const namedBy = names.has(name) ? name : names.has(sha256) ? sha256 : ''
    if (namedBy !== '') met.add(namedBy)
    rows.push({
      path: toVisible(file.realPath),
      sha256,
      size,
      kind: isTty ? 'tty' : 'download',
      seenAtUs: nowUs,
      namedBy: toVisible(namedBy),
    })
  }
  await store.saveArtifacts(rows)
  return {
    seen: rows.length,
    named: rows.filter((row) => row.namedBy !== '').length,
    missing: names.size - met.size,
  }
}

function digestFile(path: string): {
  readonly sha256: string
  readonly size: number
  readonly isTty: boolean
} {
  const hash = createHash('sha256')
  const fd = openSync(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(1024 * 1024)
    let first: Buffer | undefined
    for (;;) {
      const length = readSync(fd, buffer, 0, buffer.length, null)
      if (length === 0) break
      first ??= Buffer.from(buffer.subarray(0, Math.min(24, length)))
      hash.update(buffer.subarray(0, length))
    }
    // The first record of a tty log opens terminal 0 and has no data.
    const isTty =
      first?.length === 24 &&
      first.readInt32LE(0) === 1 &&
      first.readInt32LE(4) === 0 &&
      first.readInt32LE(8) === 0
    return { sha256: hash.digest('hex'), size: statSync(path).size, isTty: isTty === true }
  } finally {
    closeSync(fd)
  }
}
