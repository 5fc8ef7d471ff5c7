import { type Kysely, sql } from 'kysely'
import { VALUE_KINDS } from '../../core/event.ts'
import type { SafeText } from '../../core/text.ts'
import type { AddressRow, DatabaseSet, PlaceCoverage, PlaceStore } from '../port.ts'
import type { Database } from '../schema.ts'

/** What every engine asks in the same words. @param query - the query builder of the store */
export function placeReads(
  query: () => Promise<Kysely<Database>>,
): Pick<PlaceStore, 'addresses' | 'sets' | 'coverage'> {
  return {
    addresses: async (after, limit) => addressesAfter(await query(), after, limit),
    sets: async () => databaseSets(await query()),
    coverage: async (setDigest) => placeCoverage(await query(), setDigest),
  }
}

async function addressesAfter(
  query: Kysely<Database>,
  after: number,
  limit: number,
): Promise<readonly AddressRow[]> {
  const rows = await query
    .selectFrom('values')
    .leftJoin('address_places', 'address_places.value_id', 'values.id')
    .leftJoin('geo_databases', (join) =>
      join
        .onRef('geo_databases.set_id', '=', 'address_places.set_id')
        .on('geo_databases.position', '=', 0),
    )
    // Said in the statement itself: the index holds addresses alone, and a planner must see that this asks for no other.
    .where('values.kind', '=', sql.lit(VALUE_KINDS.ip))
    .where('values.id', '>', after)
    .orderBy('values.id')
    .limit(limit)
    .select([
      'values.id as valueId',
      'values.value as address',
      'geo_databases.set_digest as setDigest',
    ])
    .execute()
  return rows.map((row) => ({ ...row, address: row.address as SafeText })) // in visible form, as all of the store
}

async function databaseSets(query: Kysely<Database>): Promise<readonly DatabaseSet[]> {
  const rows = await query
    .selectFrom('geo_databases')
    .orderBy('set_id')
    .orderBy('position')
    .selectAll()
    .execute()
  const sets = new Map<string, DatabaseSet['databases'][number][]>()
  for (const row of rows) {
    const databases = sets.get(row.set_digest) ?? []
    sets.set(row.set_digest, databases)
    // Texts of the store are in visible form: they were made so before they were written.
    databases.push({
      type: row.type as SafeText,
      description: row.description as SafeText,
      builtAtUs: row.built_at_us,
      digest: row.digest,
      path: row.path as SafeText,
      facts: row.facts.split(','),
      loadedAtUs: row.loaded_at_us,
    })
  }
  return [...sets].map(([digest, databases]) => ({ digest, databases }))
}

async function placeCoverage(
  query: Kysely<Database>,
  setDigest: string | undefined,
): Promise<PlaceCoverage> {
  const addresses = await query
    .selectFrom('values')
    .leftJoin('address_places', 'address_places.value_id', 'values.id')
    .where('values.kind', '=', sql.lit(VALUE_KINDS.ip))
    .select((e) => [
      e.fn.countAll<number>().as('addresses'),
      e.fn.count<number>('address_places.value_id').as('lookedUp'),
      e.fn.count<number>('address_places.country').as('withCountry'),
      e.fn.count<number>('address_places.asn').as('withAsn'),
      e.fn.count<number>('address_places.network').as('withAny'),
    ])
    .executeTakeFirstOrThrow()
  const others = await query
    .selectFrom('address_places')
    .where('set_id', 'not in', (e) =>
      e
        .selectFrom('geo_databases')
        .where('set_digest', '=', setDigest ?? '')
        .select('set_id'),
    )
    .select((e) => e.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  const sessions = await query
    .selectFrom('sessions')
    .leftJoin('address_places', 'address_places.value_id', 'sessions.src_ip')
    .where('sessions.session', '<>', '')
    .select((e) => [
      e.fn.countAll<number>().as('sessions'),
      e.fn.count<number>('address_places.country').as('withCountry'),
      e.fn.count<number>('address_places.asn').as('withAsn'),
    ])
    .executeTakeFirstOrThrow()
  return {
    addresses: Number(addresses.addresses),
    lookedUp: Number(addresses.lookedUp),
    withCountry: Number(addresses.withCountry),
    withAsn: Number(addresses.withAsn),
    withNone: Number(addresses.lookedUp) - Number(addresses.withAny),
    fromOtherSets: setDigest === undefined ? 0 : Number(others.n),
    sessions: Number(sessions.sessions),
    sessionsWithCountry: Number(sessions.withCountry),
    sessionsWithAsn: Number(sessions.withAsn),
  }
}
