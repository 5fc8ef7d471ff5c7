import { existsSync, readFileSync } from 'node:fs'
import SQLite, { type Database as Connection } from 'better-sqlite3'
import { StoreError } from '../../core/errors.ts'
import { LIMITS } from '../../limits.ts'
import { prepared } from './prepared.ts'

/**
 * Whose turn it is to write: a queue of tickets beside the database, first come, first served.
 *
 * SQLite's own lock is not fair: who retries most often wins. A writer takes a ticket for each transaction, so two
 * loaders take turns at batch boundaries. A ticket whose process is gone counts for nothing. No data rests on this
 * file; it may be deleted while nobody writes.
 */
export class WriterQueue {
  readonly #db: Connection
  readonly #owner: string
  readonly #waitMs: number
  #ticket: number | bigint | undefined

  /** @param waitMs - how long a turn is waited for */
  constructor(databasePath: string, waitMs: number = LIMITS.writerWaitMs) {
    this.#waitMs = waitMs
    this.#db = new SQLite(`${databasePath}-queue`, { timeout: 10_000 })
    this.#db.pragma('journal_mode = memory')
    this.#db.pragma('synchronous = off')
    this.#db.exec(
      'create table if not exists tickets (id integer primary key autoincrement, owner text not null, what text not null)',
    )
    this.#db.exec('create table if not exists claims (name text primary key, owner text not null)')
    this.#owner = processIdentity(process.pid)
  }

  /**
   * Waits for its turn.
   *
   * @param what - the command, for the message others get
   * @throws StoreError `STORE_BUSY` after the wait
   */
  async enter(what: string, signal?: AbortSignal): Promise<void> {
    this.#ticket = prepared(this.#db, 'insert into tickets (owner, what) values (?, ?)').run(
      this.#owner,
      what,
    ).lastInsertRowid
    const first = prepared(
      this.#db,
      'select id, owner, what from tickets where id < ? order by id limit 1',
    )
    const started = performance.now()
    for (let wait = 1; ; wait = Math.min(wait * 2, 25)) {
      const ahead = first.get(this.#ticket) as
        | { id: number; owner: string; what: string }
        | undefined
      if (ahead === undefined) return
      if (!isAlive(ahead.owner)) {
        prepared(this.#db, 'delete from tickets where id = ?').run(ahead.id)
        wait = 1
        continue
      }
      if (performance.now() - started > this.#waitMs) {
        this.leave()
        throw new StoreError(
          'STORE_BUSY',
          `The store is busy: process ${ahead.owner.split(' ')[0]} (${ahead.what}) has been writing for more than ${this.#waitMs / 1000} s.`,
          {
            hint: 'Wait until it is done, or stop it; nothing of this run is lost.',
          },
        )
      }
      await new Promise<void>((resolve) => setTimeout(resolve, wait))
      if (signal?.aborted) {
        this.leave()
        throw signal.reason
      }
    }
  }

  /** Gives the turn to the next. Harmless when it was not entered. */
  leave(): void {
    if (this.#ticket === undefined) return
    prepared(this.#db, 'delete from tickets where id = ?').run(this.#ticket)
    this.#ticket = undefined
  }

  /** Takes what is to be read; false while another living process has it. */
  claim(name: string): boolean {
    return this.#db
      .transaction(() => {
        const owner = prepared(this.#db, 'select owner from claims where name = ?')
          .pluck()
          .get(name) as string | undefined
        if (owner !== undefined && owner !== this.#owner && isAlive(owner)) return false
        prepared(
          this.#db,
          'insert into claims (name, owner) values (?, ?) on conflict (name) do update set owner = excluded.owner',
        ).run(name, this.#owner)
        return true
      })
      .immediate()
  }

  release(name: string): void {
    prepared(this.#db, 'delete from claims where name = ? and owner = ?').run(name, this.#owner)
  }

  /** Who waits or writes now: process and command. */
  holders(): { readonly pid: number; readonly what: string }[] {
    const rows = this.#db.prepare('select owner, what from tickets order by id').all() as {
      owner: string
      what: string
    }[]
    return rows
      .filter((row) => isAlive(row.owner))
      .map((row) => ({ pid: Number(row.owner.split(' ')[0]), what: row.what }))
  }

  close(): void {
    this.leave()
    this.#db.close()
  }
}

/** Process id and, where the system tells it, the instant of its start: ids are used again. */
function processIdentity(pid: number): string {
  return `${pid} ${startOf(pid) ?? ''}`
}

function isAlive(owner: string): boolean {
  const [pid, start] = owner.split(' ')
  const now = startOf(Number(pid))
  if (now !== undefined) return now === start
  if (existsSync('/proc/self/stat')) return false
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined where there is no such process or no such file system. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
