/** Who reads what: rows with an expiry, renewed while their loader lives. */
import { LIMITS } from '../../limits.ts'
import type { Client, Connections } from './connection.ts'

const LEASE = `interval '${LIMITS.leaseMs} milliseconds'`
const TERM = `clock_timestamp() + ${LEASE}`

/**
 * The leases of one loader. Times are the server's.
 *
 * A loader that lost its lease without noticing finds out when it commits: the cursor of a source was moved, or the
 * claim of a source that it begins is another's (`stillOwned`).
 */
export class Leases {
  readonly #connections: Connections
  readonly #owner: string
  readonly #what: string
  readonly #held = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  /** @param what - who this is, for people */
  constructor(connections: Connections, owner: string, what: string) {
    this.#connections = connections
    this.#owner = owner
    this.#what = what
  }

  /** Takes a name for this loader; false while another has it. */
  async claim(name: string): Promise<boolean> {
    this.#timer ??= setInterval(() => this.#renew(), LIMITS.leaseMs / 3).unref()
    const { rows } = await this.#connections.retry(() =>
      this.#connections.pool.query({
        name: 'lease-claim',
        // One that ended is left alone while a commit of its owner rests on it (`stillOwned`), and after a restart of
        // the server until its owner had time to come back.
        text: `with taken as (
                 update leases set owner = $2, what = $3, expires_at = ${TERM}
                  where name = (select name from leases where name = $1 and (owner = $2
                    or (expires_at < clock_timestamp() and pg_postmaster_start_time() < clock_timestamp() - ${LEASE})) for update skip locked)
                 returning 1),
               added as (
                 insert into leases (name, owner, what, expires_at) select $1, $2, $3, ${TERM} where not exists (select 1 from taken)
                 on conflict (name) do nothing
                 returning 1)
               select 1 from taken union all select 1 from added`,
        values: [name, this.#owner, this.#what],
      }),
    )
    if (rows.length === 0) return false
    this.#held.add(name)
    return true
  }

  async release(name: string): Promise<void> {
    if (!this.#held.delete(name)) return
    await this.#connections.retry(() =>
      this.#connections.pool.query({
        name: 'lease-release',
        text: 'delete from leases where name = $1 and owner = $2',
        values: [name, this.#owner],
      }),
    )
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#held.size === 0) return
    this.#held.clear()
    // The server may be gone; the leases end by themselves.
    await this.#connections.pool
      .query('delete from leases where owner = $1', [this.#owner])
      .catch(() => {})
  }

  #renew(): void {
    // When it fails, the next one may not; when none does, the lease ends, which is what it is for.
    this.#connections.pool
      .query(`update leases set expires_at = ${TERM} where owner = $1`, [this.#owner])
      .catch(() => {})
    this.#connections.pool.query(END_FROZEN).catch(() => {})
  }
}

/**
 * Ends the connections of loaders that stand still (stopped, or frozen with their container) in the middle of a COPY:
 * while it waits for its client, no time limit of the server applies, and others wait for its locks. Who is alive
 * renews its leases.
 */
const END_FROZEN = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and usename = current_user and state = 'active' and wait_event = 'ClientRead'
    and application_name like 'nacre ingest %' and query_start < clock_timestamp() - ${LEASE}
    and not exists (select 1 from leases where expires_at > clock_timestamp() and application_name like '% ' || left(owner, 8))`

/**
 * Whether all claims are still this loader's; they stay so until the end of the transaction, and can be renewed
 * meanwhile.
 *
 * A lease that ended but that nobody took is still its own.
 */
export async function stillOwned(
  client: Client,
  owner: string,
  names: readonly string[],
): Promise<boolean> {
  const wanted = new Set(names)
  const { rows } = await client.query<{ name: string }>(
    'select name from leases where name = any($1::text[]) and owner = $2 order by name for key share',
    [[...wanted], owner],
  )
  return rows.length === wanted.size
}
