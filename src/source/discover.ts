/** Paths, folders and globs to the files they name. */
import { globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { SourceErrorCode } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'
import { type FileStat, type FileSystem, statIfThere, systemFiles } from './files.ts'

/** A file that a path on the command line leads to. */
export type FoundFile = {
  /** As it was named; `-` is standard input. */
  readonly path: string
  readonly realPath: string
}

export type PathFailure = {
  readonly path: string
  readonly code: SourceErrorCode
  readonly message: string
}

export type Discovery = {
  readonly files: readonly FoundFile[]
  readonly failed: readonly PathFailure[]
}

/**
 * Finds the files behind paths.
 *
 * Folders are walked to the bottom, in the order of their names; links to folders are followed once. A file that two
 * paths lead to is taken once. Sockets, pipes and devices inside folders are left alone.
 *
 * @param skipFolders - not looked into when they lie inside a folder that is
 */
export function discover(
  paths: readonly string[],
  skipFolders: readonly string[] = [],
  system: FileSystem = systemFiles,
): Discovery {
  const files = new Map<string, FoundFile>()
  const failed: PathFailure[] = []
  const folders = new Set<string>(skipFolders.map((folder) => realPathOf(folder, system)))
  const visit = (path: string, isNamed: boolean): void => {
    let real: string
    let stat: FileStat
    try {
      real = system.realPath(path)
      stat = system.stat(real)
    } catch (error) {
      failed.push(failureOf(path, error))
      return
    }
    if (stat.kind === 'folder') {
      if (folders.has(real)) return
      folders.add(real)
      let names: readonly string[]
      try {
        names = system.names(path)
      } catch (error) {
        failed.push(failureOf(path, error))
        return
      }
      for (const name of names) visit(join(path, name), false)
      return
    }
    if (stat.kind !== 'file' && !(isNamed && (stat.kind === 'pipe' || stat.kind === 'device')))
      return
    if (!files.has(real)) files.set(real, { path, realPath: real })
  }
  for (const path of paths) {
    if (path === '-') {
      files.set('-', { path: '-', realPath: '-' })
      continue
    }
    const found = matchesOf(path, system)
    if (found.length === 0)
      failed.push({ path, code: 'SOURCE_NOT_FOUND', message: 'No file matches this pattern.' })
    for (const one of found) visit(one, true)
  }
  return { files: [...files.values()], failed }
}

/** The path, or where it is a pattern the paths that match it now. */
export function matchesOf(path: string, system: FileSystem = systemFiles): readonly string[] {
  return isGlob(path, system) ? globSync(path).sort() : [path]
}

/** The path itself where there is nothing. */
export function realPathOf(path: string, system: FileSystem = systemFiles): string {
  try {
    return system.realPath(path)
  } catch {
    return path
  }
}

/** A path is a pattern only when it names nothing as it stands. */
export function isGlob(path: string, system: FileSystem = systemFiles): boolean {
  if (!/[*?[{]/.test(path) || namesOf(path) > LIMITS.patternNamesMax) return false
  return statIfThere(path, system) === undefined
}

/** How many names the braces of a pattern stand for, at most: thirty characters can stand for a million. */
function namesOf(path: string): number {
  let count = 1
  let rest = path
  for (let inner = INNERMOST.exec(rest); inner !== null; inner = INNERMOST.exec(rest)) {
    const [whole, first, last] = inner
    count *=
      first === undefined || last === undefined
        ? whole.split(',').length
        : Math.abs(Number(last) - Number(first)) + 1
    if (count > LIMITS.patternNamesMax) return count
    rest = rest.slice(0, inner.index) + rest.slice(inner.index + whole.length)
  }
  return count
}

const INNERMOST = /\{(?:(-?\d+)\.\.(-?\d+)[^{}]*|[^{}]*)\}/

/** Whether a call on a file was refused by the operating system; anything else is a fault of the program. */
export function isSystemError(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^E[A-Z0-9]+$/.test(error.code)
  )
}

/** What the operating system's refusal means for an operator. */
export function failureOf(path: string, error: unknown): PathFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return { path, code: 'SOURCE_NOT_FOUND', message: 'There is no such file or folder.' }
  if (code === 'EACCES' || code === 'EPERM')
    return {
      path,
      code: 'SOURCE_NO_ACCESS',
      message: 'The operating system does not let this user read it.',
    }
  if (code === 'ELOOP')
    return { path, code: 'SOURCE_NOT_FOUND', message: 'A link leads back to itself.' }
  return {
    path,
    code: 'SOURCE_READ_FAILED',
    message: `Reading failed${code === '' ? '' : ` (${code})`}.`,
  }
}

const ROTATED = /^(.*?)[.-](?:\d{4}[-_]?\d{1,2}[-_]?\d{1,2}|\d{1,10})$/

/**
 * Whether a plain file will get no more lines: a newer file of the same rotation lies beside it.
 *
 * `cowrie.json.2026-11-22` and `cowrie.json.1` are finished when `cowrie.json` is there.
 */
export function isRotatedAway(path: string, system: FileSystem = systemFiles): boolean {
  const base = ROTATED.exec(basename(path))?.[1]
  if (base === undefined || base === '') return false
  return statIfThere(join(dirname(path), base), system)?.kind === 'file'
}

/** Whether a file in the same folder is, by its name, an older part of the same log: `cowrie.json.1.gz` of `cowrie.json`. */
export function isSibling(name: string, base: string): boolean {
  return name.length > base.length + 1 && name.startsWith(base) && /[.-]/.test(name[base.length]!)
}
