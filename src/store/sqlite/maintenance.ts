/** Backup, restore, integrity, remaking of summaries: what looks after the file as a whole. */
import { chmodSync, copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import SQLite, { type Database as Connection } from 'better-sqlite3'
import { StoreError } from '../../core/errors.ts'
import { APPLICATION_ID } from './open.ts'

/** Problems that SQLite itself finds; empty when the file is whole. */
export function integrityProblems(db: Connection): string[] {
  const check = (db.pragma('integrity_check(20)') as { integrity_check: string }[])
    .map((row) => row.integrity_check)
    .filter((text) => text !== 'ok')
  const foreign = db.pragma('foreign_key_check') as {
    table: string
    rowid: number
    parent: string
  }[]
  return [
    ...check,
    ...foreign.map(
      (row) => `${row.table} row ${row.rowid} names a row of ${row.parent} that is not there`,
    ),
  ]
}

/**
 * Copies the database while it is in use, then looks at the copy.
 *
 * Written beside the target first: a target that exists is replaced only by a whole copy.
 *
 * @param signal - ends it before it is done; nothing is left of it then
 * @throws StoreError `STORE_BACKUP_FAILED`, or the reason of the signal
 */
export async function backupTo(
  db: Connection,
  target: string,
  signal: AbortSignal,
  progress: (share: number) => void,
): Promise<{ readonly bytes: number }> {
  const partial = `${target}.partial`
  try {
    rmSync(partial, { force: true })
    await db.backup(partial, {
      progress: ({ totalPages, remainingPages }) => {
        signal.throwIfAborted()
        progress(totalPages === 0 ? 1 : 1 - remainingPages / totalPages)
        return 2_000
      },
    })
    makeSingleFile(partial)
    renameSync(partial, target)
    return { bytes: statSync(target).size }
  } catch (cause) {
    rmSync(partial, { force: true })
    if (signal.aborted) throw signal.reason
    throw new StoreError('STORE_BACKUP_FAILED', `The backup to ${target} was not made.`, {
      hint: `Nothing was changed. (${cause instanceof Error ? cause.message : ''}) Look at the free space and permissions of the folder.`,
      cause,
    })
  }
}

/** Puts a database that nobody has open into one file, for its owner alone. @throws Error when it is damaged */
export function makeSingleFile(path: string): void {
  const db = new SQLite(path)
  try {
    db.pragma('journal_mode = delete')
    const problems = integrityProblems(db)
    if (problems.length > 0) throw new Error(problems[0])
  } finally {
    db.close()
  }
  chmodSync(path, 0o600)
}

/**
 * Looks at a file before it may take the place of a database.
 *
 * @throws StoreError `STORE_RESTORE_REFUSED`
 */
export function checkBackup(path: string): void {
  const refuse = (why: string, cause?: unknown): StoreError =>
    new StoreError('STORE_RESTORE_REFUSED', `${path} is not restored: ${why}.`, {
      hint: 'The present database was not touched.',
      cause,
    })
  if (!existsSync(path)) throw refuse('there is no such file')
  let db: Connection
  try {
    db = new SQLite(path, { readonly: true, fileMustExist: true })
  } catch (cause) {
    throw refuse('it cannot be opened', cause)
  }
  try {
    if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID)
      throw refuse('it is no database of nacre')
    const problems = integrityProblems(db)
    if (problems.length > 0) throw refuse(`it is damaged (${problems[0]})`)
  } catch (error) {
    throw error instanceof StoreError ? error : refuse('it is damaged', error)
  } finally {
    db.close()
  }
}

/** Puts a checked copy in the place of a database; the old one stays beside it. @returns where the old one is now */
export function replaceDatabase(copy: string, path: string, stamp: string): string | undefined {
  const incoming = `${path}.incoming`
  copyFileSync(copy, incoming)
  chmodSync(incoming, 0o600)
  const kept = existsSync(path) ? `${path}.before-${stamp}` : undefined
  if (kept !== undefined) {
    renameSync(path, kept)
    for (const suffix of ['-wal', '-shm']) {
      if (existsSync(path + suffix)) renameSync(path + suffix, kept + suffix)
    }
  }
  renameSync(incoming, path)
  return kept
}
