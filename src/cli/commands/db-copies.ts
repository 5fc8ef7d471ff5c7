import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { StoreError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { bytes, number } from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { Verdict } from '../../pipeline/verify.ts'
import { type App, isPostgresUrl, type Store, sqlitePath } from '../app.ts'
import { type Command, EXIT } from '../command.ts'
import { verdictOf } from '../verify-all.ts'
import { renderVerdict } from './verify.ts'

export const dbBackup: Command = {
  name: 'db backup',
  summary: 'Copy the database while it is in use, and check the copy',
  arguments: 'FILE',
  argumentCount: [1, 1],
  options: {},
  examples: ['db backup /backup/nacre-2026-11-22.sqlite'],
  description:
    'The copy is one SQLite file without a WAL, from either engine. Keys are not in it: keep DATA/keys apart, and safer.',
  async run(app, args) {
    const store = await app.openStore('read', {
      mayBeOlder: !isPostgresUrl(app.settings.store),
    })
    try {
      const target = resolve(args[0]!)
      const made = await backup(app, store, target)
      app.out.result(
        { path: target, bytes: made.bytes },
        () => terminal`Copied to ${terminal.own(target)} (${bytes(made.bytes)}), checked.`,
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const dbRestore: Command = {
  name: 'db restore',
  summary: 'Put a copy in the place of the database, after verifying all of it',
  arguments: 'FILE',
  argumentCount: [1, 1],
  options: { 'dry-run': { type: 'boolean', help: 'verify the copy, replace nothing' } },
  examples: ['db restore /backup/nacre-2026-11-22.sqlite'],
  description:
    'The copy is checked by the engine and verified seal by seal before anything is replaced. The present database stays beside it under another name.',
  async run(app, args, options) {
    const maintenance = await import('../../store/sqlite/maintenance.ts')
    const copy = resolve(args[0]!)
    maintenance.checkBackup(copy)
    const verdict = await verifyCopy(app, copy)
    if (!verdict.ok) {
      app.out.result(
        { restored: false, verdict },
        () =>
          terminal`${renderVerdict(verdict, app.out.paint)}\n\nNot restored: the present database was not touched.`,
      )
      return EXIT.tampered
    }
    if (options['dry-run'] === true) {
      app.out.result(
        { restored: false, verdict },
        () => terminal`The copy verifies; nothing was replaced (--dry-run).`,
      )
      return EXIT.ok
    }
    if (isPostgresUrl(app.settings.store)) return restoreIntoServer(app, copy, verdict)
    const path = sqlitePath(app.settings.store)
    const { WriterQueue } = await import('../../store/sqlite/writer-queue.ts')
    const { makeFolder } = await import('../app.ts')
    makeFolder(app.settings.data)
    const queue = new WriterQueue(path)
    let kept: string | undefined
    try {
      await queue.enter('db restore', app.signal)
      kept = maintenance.replaceDatabase(
        copy,
        path,
        formatInstant(app.clock()).slice(0, 19).replaceAll(':', ''),
      )
    } finally {
      queue.close()
    }
    const store = await app.openStore('write')
    try {
      await app.prepare(store)
      await store.journal({
        actor: app.command,
        action: 'store.restored',
        subject: 'store',
        reason: 'a backup was put in its place',
        detail: { batches: verdict.batches, lines: verdict.lines },
      })
    } finally {
      await store.close()
    }
    app.out.result(
      { restored: true, kept: kept ?? null, verdict },
      () =>
        terminal`Restored ${number(verdict.lines)} records in ${number(verdict.batches)} batches.${kept === undefined ? terminal`` : terminal`\nThe database that was there is now ${terminal.own(kept)}.`}`,
    )
    return EXIT.ok
  },
}

/** One checked file: SQLite copies itself, a server's database is moved into a new file. */
async function backup(app: App, store: Store, target: string): Promise<{ readonly bytes: number }> {
  if (!isPostgresUrl(app.settings.store)) {
    const { SqliteStore } = await import('../../store/sqlite/store.ts')
    const { backupTo } = await import('../../store/sqlite/maintenance.ts')
    if (!(store instanceof SqliteStore)) throw new Error('a store of another engine')
    return backupTo(store.connection, target, app.signal, (share) =>
      app.out.progress(terminal`copying ${Math.round(share * 100)} %`),
    )
  }
  const { moveInto } = await import('../move.ts')
  const { renameSync, rmSync, statSync } = await import('node:fs')
  const partial = `${target}.partial`
  const removePartial = (): void => {
    for (const suffix of ['', '-wal', '-shm', '-queue']) rmSync(partial + suffix, { force: true })
  }
  removePartial()
  try {
    const file = await app.openOther(`sqlite:${partial}`, 'create')
    try {
      const { problems } = await moveInto(app, store, file)
      if (problems.length > 0) throw new Error(problems[0])
    } finally {
      await file.close()
    }
    const { makeSingleFile } = await import('../../store/sqlite/maintenance.ts')
    makeSingleFile(partial)
    renameSync(partial, target)
    return { bytes: statSync(target).size }
  } catch (cause) {
    throw new StoreError('STORE_BACKUP_FAILED', `The backup to ${target} was not made.`, {
      hint: `Nothing was changed. (${cause instanceof Error ? cause.message : ''}) Look at the free space and permissions of the folder.`,
      cause,
    })
  } finally {
    removePartial()
  }
}

/** A server's database cannot be put aside like a file: it must be empty. */
async function restoreIntoServer(app: App, copy: string, verdict: Verdict): Promise<number> {
  const { moveInto } = await import('../move.ts')
  return withCopy(app, copy, async (path) => {
    // A copy of our own, which may have an older schema.
    const from = await app.openOther(`sqlite:${path}`, 'write')
    try {
      const target = await app.openStore('create')
      try {
        const { problems } = await moveInto(app, from, target)
        if (problems.length === 0) await app.prepare(target)
        app.out.result({ restored: problems.length === 0, kept: null, verdict, problems }, () =>
          problems.length === 0
            ? terminal`Restored ${number(verdict.lines)} records in ${number(verdict.batches)} batches into ${terminal.own(target.place)}.`
            : terminal`Not restored as it was:\n${terminal.join(problems.map(terminal.own), '\n')}`,
        )
        return problems.length === 0 ? EXIT.ok : EXIT.tampered
      } finally {
        await target.close()
      }
    } finally {
      await from.close()
    }
  })
}

async function verifyCopy(app: App, path: string): Promise<Verdict> {
  return withCopy(app, path, async (copy) => {
    // It is ours, and may have an older schema.
    const store = await app.openOther(`sqlite:${copy}`, 'write')
    try {
      return await verdictOf(app, store.reads(), store.schemaVersion)
    } finally {
      await store.close()
    }
  })
}

/** Opening a database writes beside it; the operator's backup stays as it is. */
async function withCopy<T>(app: App, path: string, work: (copy: string) => Promise<T>): Promise<T> {
  const { copyFileSync, mkdtempSync, rmSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const folder = mkdtempSync(
    join(existsSync(app.settings.data) ? app.settings.data : tmpdir(), 'restore-'),
  )
  try {
    const copy = join(folder, 'copy.sqlite')
    copyFileSync(path, copy)
    return await work(copy)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
