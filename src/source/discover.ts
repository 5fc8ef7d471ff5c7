/** Paths, folders and globs to the files they name. */
import { existsSync, globSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { SourceErrorCode } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'

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
export function discover(paths: readonly string[], skipFolders: readonly string[] = []): Discovery {
  const files = new Map<string, FoundFile>()
  const failed: PathFailure[] = []
  const folders = new Set<string>(
    skipFolders.map((folder) => (existsSync(folder) ? realpathSync(folder) : folder)),
  )
  const visit = (path: string, isNamed: boolean): void => {
    let real: string
    let stat: Stats
    try {
      real = realpathSync(path)
      stat = statSync(real)
    } catch (error) {
      failed.push(failureOf(path, error))
      return
    }
    if (stat.isDirectory()) {
      if (folders.has(real)) return
      folders.add(real)
      let names: string[]
      try {
        names = readdirSync(path).sort()
      } catch (error) {
        failed.push(failureOf(path, error))
        return
      }
      for (const name of names) visit(join(path, name), false)
      return
    }
    if (!stat.isFile() && !(isNamed && (stat.isFIFO() || stat.isCharacterDevice()))) return
    if (!files.has(real)) files.set(real, { path, realPath: real })
  }
  for (const path of paths) {
    if (path === '-') {
      files.set('-', { path: '-', realPath: '-' })
      continue
    }
    const found = isGlob(path) ? globSync(path).sort() : [path]
    if (found.length === 0)
      failed.push({ path, code: 'SOURCE_NOT_FOUND', message: 'No file matches this pattern.' })
    for (const one of found) visit(one, true)
  }
  return { files: [...files.values()], failed }
}

/** A path is a pattern only when it names nothing as it stands. */
function isGlob(path: string): boolean {
  if (!/[*?[{]/.test(path) || namesOf(path) > LIMITS.patternNamesMax) return false
  try {
    statSync(path)
    return false
  } catch {
    return true
  }
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
export function isRotatedAway(path: string): boolean {
  const base = ROTATED.exec(basename(path))?.[1]
  if (base === undefined || base === '') return false
  try {
    return statSync(join(dirname(path), base)).isFile()
  } catch {
    return false
  }
}
