/**
 * Numbers for what rows name: sensors, event ids, orders of keys, odd session ids, values, verdicts.
 *
 * They are given in statements of their own, committed before the transaction that uses them, in the order of their
 * names: nobody waits for another's batch, and a number that no row came to use harms nothing.
 */

import { blake3 } from '../../core/blake3.ts'
import { type Verdict, verdictDigest, verdictText } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'
import type { SessionKey } from '../schema.ts'
import type { Client } from './connection.ts'

/** A value to be numbered, and where its number goes. */
export type PendingValue = {
  readonly kind: number
  readonly text: string
  readonly set: (id: number) => void
}

const HEX_48 = /^[0-9a-f]{12}$/
const ZERO = '000000000000'
const SPAN = 0x1_0000_0000_0000
/** Sensors whose number does not fit above 48 bits of a session id: their sessions are numbered one by one. */
const SENSOR_MAX = 32_767

export class Names {
  readonly #sensors = new Map<string, number>()
  readonly #kinds = new Map<string, number>()
  readonly #keyOrders = new Map<string, number>()
  readonly #sessions = new Map<string, SessionKey>()
  readonly #verdicts = new Map<string, number>()

  /** Makes the numbers of these names known; afterwards `sensor`, `kind` and `keyOrder` give them. */
  async learn(
    client: Client,
    names: {
      readonly sensors: Iterable<string>
      readonly kinds: Iterable<string>
      readonly keyOrders: Iterable<string>
    },
  ): Promise<void> {
    await learnNames(client, 'sensors', this.#sensors, names.sensors)
    await learnNames(client, 'event_kinds', this.#kinds, names.kinds)
    await this.#learnKeyOrders(client, names.keyOrders)
  }

  sensor(name: string): number {
    return known(this.#sensors, name)
  }

  kind(name: string): number {
    return known(this.#kinds, name)
  }

  keyOrder(keys: string): number {
    return known(this.#keyOrders, keys)
  }

  /** Makes the keys of session ids known that are not twelve hexadecimal digits. */
  async learnSessions(
    client: Client,
    sessions: Iterable<{ readonly sensorId: number; readonly session: string }>,
  ): Promise<void> {
    // Before the look at what is missing: afterwards everything that was asked for is there.
    if (this.#sessions.size > LIMITS.sessionCacheMax) this.#sessions.clear()
    const missing = new Map<string, { readonly sensorId: number; readonly session: string }>()
    for (const one of sessions) {
      const name = `${one.sensorId}\n${one.session}`
      if (plainKey(one.sensorId, one.session) === undefined && !this.#sessions.has(name))
        missing.set(name, one)
    }
    if (missing.size === 0) return
    const wanted = (): string =>
      JSON.stringify(
        [...missing.values()].map((one) => ({
          sensor_id: one.sensorId,
          digest: textDigest(one.session).toString('hex'),
          session: one.session,
        })),
      )
    const given =
      'json_to_recordset($1::json) as given (sensor_id bigint, digest text, session text)'
    const learn = async (): Promise<void> => {
      const { rows } = await client.query<{ id: number; sensor_id: number; session: string }>(
        `select session_names.id, session_names.sensor_id, session_names.session from session_names join ${given}
           on given.sensor_id = session_names.sensor_id and decode(given.digest, 'hex') = session_names.digest`,
        [wanted()],
      )
      for (const row of rows) {
        const name = `${row.sensor_id}\n${row.session}`
        this.#sessions.set(name, -row.id)
        missing.delete(name)
      }
    }
    await learn()
    if (missing.size === 0) return
    await client.query(
      `insert into session_names (id, sensor_id, digest, session)
       select nextval('session_names_ids'), sensor_id, decode(digest, 'hex'), session
         from (select * from ${given} order by sensor_id, digest collate "C") as given
       on conflict (sensor_id, digest) do nothing`,
      [wanted()],
    )
    await learn()
  }

  /**
   * The key of a session: the number of its sensor above the 48 bits of its id; for other spellings the negative of a
   * number from `session_names`; for events without a session the sensor's zero.
   */
  session(sensorId: number, session: string): SessionKey {
    return plainKey(sensorId, session) ?? known(this.#sessions, `${sensorId}\n${session}`)
  }

  /** Makes the numbers of verdicts known; afterwards `verdict` gives them. */
  async learnVerdicts(client: Client, verdicts: Iterable<Verdict>): Promise<void> {
    // Attackers can make any number of them.
    if (this.#verdicts.size > LIMITS.verdictCacheMax) this.#verdicts.clear()
    const missing = new Map<string, Verdict>()
    for (const verdict of verdicts) {
      if (!this.#verdicts.has(verdictText(verdict)))
        missing.set(Buffer.from(verdictDigest(verdict)).toString('hex'), verdict)
    }
    if (missing.size === 0) return
    const learn = async (): Promise<void> => {
      const { rows } = await client.query<{ id: number; digest: string }>(
        `select id, encode(digest, 'hex') as digest from verdicts where digest = any(
           select decode(d, 'hex') from unnest($1::text[]) as d)`,
        [[...missing.keys()]],
      )
      for (const row of rows) {
        const verdict = missing.get(row.digest)
        if (verdict === undefined) continue
        this.#verdicts.set(verdictText(verdict), row.id)
        missing.delete(row.digest)
      }
    }
    await learn()
    if (missing.size === 0) return
    await client.query(
      `insert into verdicts (id, digest, threat, hazard, hits, layers)
       select nextval('verdicts_ids'), decode(digest, 'hex'), threat, hazard, hits, layers
         from (select * from json_to_recordset($1::json) as given (digest text, threat bigint, hazard bigint, hits text, layers text)
                order by digest collate "C") as given
       on conflict (digest) do nothing`,
      [JSON.stringify([...missing].map(([digest, verdict]) => ({ digest, ...verdict })))],
    )
    await learn()
  }

  verdict(verdict: Verdict): number {
    return known(this.#verdicts, verdictText(verdict))
  }

  async #learnKeyOrders(client: Client, orders: Iterable<string>): Promise<void> {
    // A log made to have as many orders as events must not fill the memory.
    if (this.#keyOrders.size > KEY_ORDERS_MAX) this.#keyOrders.clear()
    const missing = new Map<string, string>()
    for (const keys of orders) {
      if (!this.#keyOrders.has(keys)) missing.set(textDigest(keys).toString('hex'), keys)
    }
    if (missing.size === 0) return
    const learn = async (): Promise<void> => {
      const { rows } = await client.query<{ id: number; digest: string }>(
        `select id, encode(digest, 'hex') as digest from key_orders where digest = any(
           select decode(d, 'hex') from unnest($1::text[]) as d)`,
        [[...missing.keys()]],
      )
      for (const row of rows) {
        const keys = missing.get(row.digest)
        if (keys === undefined) continue
        this.#keyOrders.set(keys, row.id)
        missing.delete(row.digest)
      }
    }
    await learn()
    if (missing.size === 0) return
    await client.query(
      `insert into key_orders (id, digest, keys)
       select nextval('key_orders_ids'), decode(digest, 'hex'), keys
         from (select * from json_to_recordset($1::json) as given (digest text, keys text) order by digest collate "C") as given
       on conflict (digest) do nothing`,
      [JSON.stringify([...missing].map(([digest, keys]) => ({ digest, keys })))],
    )
    await learn()
  }
}

const KEY_ORDERS_MAX = 10_000

function known<T>(names: ReadonlyMap<string, T>, name: string): T {
  const found = names.get(name)
  if (found === undefined) throw new Error('a name has no number: it was not learnt')
  return found
}

/** What is unique of a text that is too long for an index: the first 16 bytes of its hash. */
export function textDigest(text: string): Buffer {
  return Buffer.from(blake3(Buffer.from(text)).subarray(0, 16))
}

function plainKey(sensorId: number, session: string): SessionKey | undefined {
  if (session === '') return keyNumber(Math.min(sensorId, SENSOR_MAX + 1), 0)
  if (sensorId > SENSOR_MAX || session === ZERO || !HEX_48.test(session)) return undefined
  return keyNumber(sensorId, Number.parseInt(session, 16))
}

function keyNumber(sensorId: number, low: number): SessionKey | undefined {
  if (sensorId > SENSOR_MAX) return undefined
  const exact = sensorId * SPAN + low
  if (Number.isSafeInteger(exact)) return exact
  // As the driver gives it back: a number where that prints as the very integer.
  const text = String((BigInt(sensorId) << 48n) | BigInt(low))
  return String(Number(text)) === text ? Number(text) : text
}

async function learnNames(
  client: Client,
  table: 'sensors' | 'event_kinds',
  names: Map<string, number>,
  wanted: Iterable<string>,
): Promise<void> {
  const missing = new Map<string, string>()
  for (const name of wanted)
    if (!names.has(name)) missing.set(textDigest(name).toString('hex'), name)
  if (missing.size === 0) return
  const learn = async (): Promise<void> => {
    const { rows } = await client.query<{ id: number; digest: string }>(
      `select id, encode(digest, 'hex') as digest from ${table} where digest = any(
         select decode(d, 'hex') from unnest($1::text[]) as d)`,
      [[...missing.keys()]],
    )
    for (const row of rows) {
      const name = missing.get(row.digest)
      if (name === undefined) continue
      names.set(name, row.id)
      missing.delete(row.digest)
    }
  }
  await learn()
  if (missing.size === 0) return
  await client.query(
    `insert into ${table} (id, digest, name)
     select nextval('${table}_ids'), decode(digest, 'hex'), name
       from (select * from json_to_recordset($1::json) as given (digest text, name text) order by digest collate "C") as given
     on conflict (digest) do nothing`,
    [JSON.stringify([...missing].map(([digest, name]) => ({ digest, name })))],
  )
  await learn()
}

/** Numbers values, the new ones in the order of their digests. */
export async function numberValues(
  client: Client,
  pending: readonly PendingValue[],
): Promise<void> {
  if (pending.length === 0) return
  const byKey = new Map<string, { readonly digest: Uint8Array; readonly all: PendingValue[] }>()
  for (const value of pending) {
    const key = `${value.kind} ${value.text}`
    const known = byKey.get(key)
    if (known !== undefined) known.all.push(value)
    else
      byKey.set(key, {
        digest: textDigest(value.text),
        all: [value],
      })
  }
  let open = [...byKey.values()].sort((a, b) => Buffer.compare(a.digest, b.digest))
  const settle = async (): Promise<void> => {
    const { rows } = await client.query<{ n: number; id: number }>({
      name: 'values-find',
      text: `select g.n as n, v.id as id
               from (select substring($1::bytea from n * 16 + 1 for 16) as digest, get_byte($2::bytea, n)::bigint as kind, n
                       from generate_series(0, length($2::bytea) - 1) as n) as g
               join "values" as v on v.digest = g.digest and v.kind = g.kind`,
      values: [
        Buffer.concat(open.map((one) => one.digest)),
        Buffer.from(open.map((one) => one.all[0]!.kind)),
      ],
    })
    const found = new Set<number>()
    for (const { n, id } of rows) {
      for (const value of open[n]!.all) value.set(id)
      found.add(n)
    }
    open = open.filter((_, n) => !found.has(n))
  }
  await settle()
  if (open.length === 0) return
  const { rows: numbers } = await client.query<{ ids: string }>({
    name: 'values-number',
    text: `select string_agg(nextval('values_ids')::text, ',') as ids from generate_series(1, $1::integer)`,
    values: [open.length],
  })
  const ids = numbers[0]!.ids.split(',').map(Number)
  const { rows: inserted } = await client.query<{ id: number }>({
    name: 'values-insert',
    text: `insert into "values" (id, kind, digest, value)
           select id, get_byte($2::bytea, (n - 1)::integer), substring($1::bytea from (n - 1)::integer * 16 + 1 for 16), value
             from rows from (unnest($3::bigint[]), json_array_elements_text($4::json)) with ordinality as given (id, value, n)
            order by n
           on conflict (digest, kind) do nothing
           returning id`,
    values: [
      Buffer.concat(open.map((one) => one.digest)),
      Buffer.from(open.map((one) => one.all[0]!.kind)),
      `{${ids.join(',')}}`,
      JSON.stringify(open.map((one) => one.all[0]!.text)),
    ],
  })
  const mine = new Set(inserted.map((row) => row.id))
  const others: typeof open = []
  open.forEach((one, n) => {
    if (mine.has(ids[n]!)) for (const value of one.all) value.set(ids[n]!)
    else others.push(one)
  })
  open = others
  // Another loader was faster with some of them.
  if (open.length > 0) await settle()
  if (open.length > 0) throw new Error('values could not be numbered')
}
