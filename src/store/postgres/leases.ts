/** Who reads what: rows with an expiry, renewed while their loader lives. */
import { LIMITS } from '../../limits.ts'
import type { Connections } from './connection.ts'

const TERM = `clock_timestamp() + interval '${LIMITS.leaseMs} milliseconds'`

/**
 * The leases of one loader.
 *
 * They save double work; no proof rests on them: a loader that lost its lease without noticing finds the cursor moved
 * when it commits. Times are the server's.
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
    const { rows } = await this.#connections.retry(() =>
      this.#connections.pool.query({
        name: 'lease-claim',
        text: `insert into leases (name, owner, what, expires_at) values ($1, $2, $3, ${TERM})
               on conflict (name) do update set owner = excluded.owner, what = excluded.what, expires_at = excluded.expires_at
                 where leases.owner = excluded.owner or leases.expires_at < clock_timestamp()
               returning 1`,
        values: [name, this.#owner, this.#what],
      }),
    )
    if (rows.length === 0) return false
    this.#held.add(name)
    this.#timer ??= setInterval(() => this.#renew(), LIMITS.leaseMs / 3).unref()
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
  }
}
