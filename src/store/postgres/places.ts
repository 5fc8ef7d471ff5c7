/** Writes places of addresses. */
import type { Kysely } from 'kysely'
import { VALUE_KINDS } from '../../core/event.ts'
import type { DatabaseSet, PlaceStore } from '../port.ts'
import { placeReads } from '../repo/address-places.ts'
import type { Database } from '../schema.ts'
import type { Client, Connections } from './connection.ts'
import { lock } from './locks.ts'

export function postgresPlaces(connections: Connections, query: Kysely<Database>): PlaceStore {
  return {
    ...placeReads(async () => query),
    save: (set, rows, nowUs) =>
      connections.transaction(async (client) => {
        await lock(client, 'places')
        const setId = await numberOfSet(client, set)
        const given = rows.map(({ valueId: value_id, ...row }) => ({ value_id, ...row }))
        const { rowCount } = await client.query(
          `insert into address_places (value_id, set_id, country, city, asn, organisation, network, looked_up_at_us)
           select v.id, $1::bigint, country, city, asn, organisation, network, $2::bigint
             from json_to_recordset($3::json) as given (value_id bigint, address text, country text, city text, asn bigint,
                    organisation text, network text)
             join "values" as v on v.id = given.value_id and v.kind = ${VALUE_KINDS.ip} and v.value = given.address
            order by v.id
           on conflict (value_id) do update set set_id = excluded.set_id, country = excluded.country, city = excluded.city,
             asn = excluded.asn, organisation = excluded.organisation, network = excluded.network,
             looked_up_at_us = excluded.looked_up_at_us`,
          [setId, nowUs, JSON.stringify(given)],
        )
        return rowCount ?? 0
      }),
    async forgetUnusedSets() {
      await connections.transaction(async (client) => {
        // Alone, so that nobody writes the first place of a set meanwhile.
        await lock(client, 'places')
        await client.query(
          'delete from geo_databases where not exists (select 1 from address_places where address_places.set_id = geo_databases.set_id)',
        )
      })
    },
  }
}

async function numberOfSet(client: Client, set: DatabaseSet): Promise<number> {
  const { rows: known } = await client.query<{ set_id: number }>(
    'select set_id from geo_databases where set_digest = $1 and position = 0',
    [set.digest],
  )
  if (known[0] !== undefined) return known[0].set_id
  const databases = set.databases.map((one, position) => ({
    position,
    digest: one.digest,
    type: one.type,
    description: one.description,
    facts: one.facts.join(','),
    path: one.path,
    built_at_us: one.builtAtUs,
    loaded_at_us: one.loadedAtUs,
  }))
  const { rows } = await client.query<{ set_id: number }>(
    `insert into geo_databases (set_id, position, set_digest, digest, type, description, facts, path, built_at_us, loaded_at_us)
     select (select coalesce(max(set_id), 0) + 1 from geo_databases), position, $1, digest, type, description, facts, path,
            built_at_us, loaded_at_us
       from json_to_recordset($2::json) as given (position bigint, digest text, type text, description text, facts text,
              path text, built_at_us bigint, loaded_at_us bigint)
     returning set_id`,
    [set.digest, JSON.stringify(databases)],
  )
  return rows[0]!.set_id
}
