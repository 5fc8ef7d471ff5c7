import { accessSync, constants, mkdirSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import SQLite, { type Database as Connection } from 'better-sqlite3'
import { StoreError } from '../../core/errors.ts'
import { ownText } from '../../core/event.ts'
import { LIMITS } from '../../limits.ts'
import { MIGRATIONS, SCHEMA_VERSION } from '../migrations/index.ts'
import type { OpenMode } from '../port.ts'

/** "ncre" as an integer: tells a nacre database from any other SQLite file. */
export const APPLICATION_ID = 0x6e637265

export type SqliteSettings = {
  /** Negative: KiB of page cache; positive: pages. */
  readonly cacheSize: number
  readonly synchronous: 'normal' | 'full'
  /** Page size of a new database, bytes. */
  readonly pageSize: number
}

export type OpenedSqlite = {
  readonly db: Connection
  readonly path: string
  /** What the file system allowed; not always what was asked for. */
  readonly journalMode: string
  readonly sqliteVersion: string
  readonly notices: readonly string[]
}

/**
 * Opens a database file, and makes it where the mode allows.
 *
 * Settings are read back after they are set. WAL is tried and, where the file system cannot do it, left for the
 * rollback journal; it is refused on an SQLite with the WAL-reset fault (before 3.51.3).
 *
 * @throws StoreError `STORE_NOT_FOUND`, `STORE_NO_ACCESS`, `STORE_FOREIGN`, `STORE_NEWER`, `STORE_CORRUPT`
 */
export function openSqlite(path: string, mode: OpenMode, settings: SqliteSettings): OpenedSqlite {
  const exists = isThere(path)
  if (!exists && mode !== 'create') {
    throw new StoreError('STORE_NOT_FOUND', `There is no database at ${path}.`, {
      hint: 'Load logs first (nacre ingest bulk PATH), or name another folder with --data.',
    })
  }
  let db: Connection
  try {
    if (mode === 'create') mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    db = new SQLite(path, { timeout: 5_000, readonly: false })
  } catch (cause) {
    throw noAccess(path, cause)
  }
  try {
    return prepare(db, path, exists, settings)
  } catch (error) {
    db.close()
    throw translate(error, path)
  }
}

function prepare(
  db: Connection,
  path: string,
  exists: boolean,
  settings: SqliteSettings,
): OpenedSqlite {
  const notices: string[] = []
  const isEmpty =
    !exists ||
    (db.prepare('select count(*) as n from sqlite_master').get() as { n: number }).n === 0
  if (isEmpty) {
    db.pragma(`page_size = ${settings.pageSize}`)
    db.pragma(`application_id = ${APPLICATION_ID}`)
  } else if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
    throw new StoreError('STORE_FOREIGN', `${path} is an SQLite database, but not one of nacre.`, {
      hint: 'Name another file with --store sqlite:PATH.',
    })
  }
  const version = db.pragma('user_version', { simple: true }) as number
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      'STORE_NEWER',
      `The database has schema version ${version}; this program knows ${SCHEMA_VERSION}.`,
      {
        hint: 'Use the program that made it, or a newer one.',
        context: { version, known: SCHEMA_VERSION },
      },
    )
  }
  const sqliteVersion = (db.prepare('select sqlite_version() as v').get() as { v: string }).v
  const journalMode = chooseJournal(db, sqliteVersion, notices)
  set(db, 'foreign_keys', 1, 1)
  set(
    db,
    'synchronous',
    settings.synchronous === 'full' ? 2 : 1,
    settings.synchronous === 'full' ? 2 : 1,
  )
  set(db, 'cache_size', settings.cacheSize, settings.cacheSize)
  db.pragma('temp_store = file')
  db.pragma('trusted_schema = off')
  db.pragma('journal_size_limit = 67108864')
  return { db, path, journalMode, sqliteVersion, notices }
}

/** @returns the journal mode in force */
function chooseJournal(db: Connection, version: string, notices: string[]): string {
  if (!isAtLeast(version, [3, 51, 3])) {
    notices.push(
      `SQLite ${version} can lose data when it resets a WAL (fixed in 3.51.3): using the rollback journal.`,
    )
    return db.pragma('journal_mode = truncate', { simple: true }) as string
  }
  try {
    const mode = db.pragma('journal_mode = wal', { simple: true }) as string
    // WAL needs shared memory: some network file systems say yes and fail at the first read.
    db.prepare('select count(*) from sqlite_master').get()
    if (mode === 'wal') return mode
  } catch {
    // Told below, with the mode that works instead.
  }
  notices.push(
    'This file system cannot do WAL: using the rollback journal; readers wait while a load commits.',
  )
  return db.pragma('journal_mode = truncate', { simple: true }) as string
}

function set(db: Connection, name: string, value: number, expected: number): void {
  db.pragma(`${name} = ${value}`)
  const found = db.pragma(name, { simple: true })
  if (found !== expected)
    throw new Error(`PRAGMA ${name} is ${String(found)} after being set to ${value}`)
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (let i = 0; i < least.length; i += 1) {
    const difference = (parts[i] ?? 0) - least[i]!
    if (difference !== 0) return difference > 0
  }
  return true
}

/**
 * Applies the migrations that are missing, each in a transaction of its own.
 *
 * @returns how many were applied
 * @throws StoreError `STORE_MIGRATION_FAILED`
 */
export function migrateSqlite(
  db: Connection,
  nowUs: number,
  target: number = SCHEMA_VERSION,
): number {
  let applied = 0
  for (;;) {
    const done = db.transaction(() => {
      const version = db.pragma('user_version', { simple: true }) as number
      if (version === target) return false
      const isUp = version < target
      const migration = MIGRATIONS[isUp ? version : version - 1]!
      try {
        if (version === 0)
          db.exec(
            'create table migrations (id integer primary key, name text not null, applied_at_us integer not null) strict',
          )
        for (const sql of isUp ? migration.up.sqlite : migration.down.sqlite) db.exec(sql)
        if (isUp)
          db.prepare('insert into migrations (id, name, applied_at_us) values (?, ?, ?)').run(
            migration.id,
            migration.name,
            nowUs,
          )
        else db.prepare('delete from migrations where id = ?').run(migration.id)
        if (!isUp && version === 1) db.exec('drop table migrations')
        db.pragma(`user_version = ${isUp ? version + 1 : version - 1}`)
      } catch (cause) {
        throw new StoreError(
          'STORE_MIGRATION_FAILED',
          `Migration ${migration.id} (${migration.name}) did not apply.`,
          {
            hint: 'The database is as it was before. Keep it, and report the message below.',
            context: { migration: migration.id },
            cause,
          },
        )
      }
      return true
    })
    if (!done.immediate()) return applied
    applied += 1
  }
}

/** @throws StoreError `STORE_DISK_FULL` when the disk has less room than a transaction may need */
export function checkDiskSpace(path: string): void {
  const { bavail, blocks, bsize } = statfsSync(dirname(path))
  const free = bavail * bsize
  // A small disk is allowed to be used, too.
  const least = Math.min(LIMITS.diskFreeBytesMin, (blocks * bsize) / LIMITS.diskFreeShare)
  if (free < least) {
    throw new StoreError(
      'STORE_DISK_FULL',
      `The disk that holds ${path} has ${Math.floor(free / 1_048_576)} MiB left.`,
      {
        hint: `Make room (at least ${Math.ceil(least / 1_048_576)} MiB), then run the same command again: it goes on where it stopped.`,
        context: { freeBytes: free },
      },
    )
  }
}

/** @throws StoreError `STORE_NO_ACCESS` where the folder does not let anyone look: that is not the same as nothing there */
function isThere(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw noAccess(path, cause)
  }
}

/** @param said - what of it is known beside that it is so */
function noAccess(
  path: string,
  cause: unknown,
  said: { readonly message: string; readonly hint: string } = {
    message: `The database ${path} cannot be opened.`,
    hint: 'Look at the permissions of the folder and of the file, and whether the disk is mounted read-only.',
  },
): StoreError {
  const { message, hint } = whatIsClosed(path) ?? said
  return new StoreError('STORE_NO_ACCESS', message, { hint, cause })
}

/** Of a database that can be read and not written: what it is that cannot, and how to read it all the same. */
function whatIsClosed(
  path: string,
): { readonly message: string; readonly hint: string } | undefined {
  if (refusal(path, constants.R_OK) !== undefined) return undefined
  for (const one of [path, `${path}-wal`, `${path}-shm`, `${path}-queue`, dirname(path)]) {
    const code = refusal(one, constants.W_OK)
    if (code === undefined || code === 'ENOENT') continue
    const isOwner = statSync(path).uid === process.getuid?.()
    const why = 'Reading needs both, because the engine keeps files beside the database'
    const copied = 'and read that with --store sqlite:FILE'
    return {
      message: `${path} can be read, but ${one === path ? 'not' : `${one} cannot be`} written.`,
      hint:
        code === 'EROFS'
          ? `${why}, and this disk is mounted read-only. Copy ${path}* to another disk, ${copied}.`
          : isOwner
            ? `${why}. Another user made it, or its permissions were changed: chown and chmod make it yours again.`
            : `${why}. Run the command as the user who owns them (number ${statSync(path).uid}), or let that user make a copy (nacre db backup FILE), put it into a folder of yours, ${copied}.`,
    }
  }
  return undefined
}

/** Why a file cannot be read or written; undefined where it can. @returns the code of the system */
function refusal(path: string, how: number): string | undefined {
  try {
    accessSync(path, how)
    return undefined
  } catch (cause) {
    return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  }
}

/** An error of the engine as one of ours; others pass unchanged. */
export function translate(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!code.startsWith('SQLITE_')) return error
  if (code.startsWith('SQLITE_FULL')) {
    return new StoreError('STORE_DISK_FULL', `The disk ran full while writing ${path}.`, {
      hint: 'Nothing of the last transaction is stored and nothing is lost. Make room and run the same command again.',
      cause: error,
    })
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new StoreError('STORE_BUSY', `Another process keeps ${path} locked.`, {
      hint: 'Wait for the other nacre command, or see with "nacre doctor" who holds it.',
      cause: error,
    })
  }
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) {
    return new StoreError('STORE_CORRUPT', `${path} is damaged or no SQLite database.`, {
      hint: 'Keep the file as it is and restore a backup (nacre db restore), or load the logs into a new folder.',
      context: { engineCode: ownText(code) },
      cause: error,
    })
  }
  if (
    code.startsWith('SQLITE_IOERR') ||
    code.startsWith('SQLITE_CANTOPEN') ||
    code.startsWith('SQLITE_READONLY') ||
    code.startsWith('SQLITE_PERM')
  ) {
    return noAccess(path, error, {
      message: `${path} cannot be read or written (${code}).`,
      hint: 'Look at permissions, mount options and the health of the disk.',
    })
  }
  return error
}
