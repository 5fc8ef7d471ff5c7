/** Writes places of addresses. */
import type { Database as Connection } from 'better-sqlite3'
import type { Kysely } from 'kysely'
import { VALUE_KINDS } from '../../core/event.ts'
import type { DatabaseSet, PlaceStore } from '../port.ts'
import { placeReads } from '../repo/address-places.ts'
import type { Database } from '../schema.ts'

/** @param exclusively - runs a short transaction */
export function sqlitePlaces(
  db: Connection,
  exclusively: <T>(work: () => T) => Promise<T>,
  query: () => Promise<Kysely<Database>>,
): PlaceStore {
  return {
    ...placeReads(query),
    save: (set, rows, nowUs) =>
      exclusively(() => {
        const setId = numberOfSet(db, set)
        // A load of this process may have taken back what was read of it, and given the number to another value.
        const insert = db.prepare(
          `insert into address_places (value_id, set_id, country, city, asn, organisation, network, looked_up_at_us)
           select id, ?, ?, ?, ?, ?, ?, ? from "values" where id = ? and kind = ${VALUE_KINDS.ip} and value = ?
           on conflict (value_id) do update set set_id = excluded.set_id, country = excluded.country, city = excluded.city,
             asn = excluded.asn, organisation = excluded.organisation, network = excluded.network,
             looked_up_at_us = excluded.looked_up_at_us`,
        )
        let written = 0
        for (const row of rows) {
          const { country, city, asn, organisation, network } = row
          const facts = [country, city, asn, organisation, network]
          written += insert.run(setId, ...facts, nowUs, row.valueId, row.address).changes
        }
        return written
      }),
    async forgetUnusedSets() {
      await exclusively(() =>
        db
          .prepare(
            'delete from geo_databases where not exists (select 1 from address_places where address_places.set_id = geo_databases.set_id)',
          )
          .run(),
      )
    },
  }
}

function numberOfSet(db: Connection, set: DatabaseSet): number {
  const known = db
    .prepare('select set_id from geo_databases where set_digest = ? limit 1')
    .pluck()
    .get(set.digest) as number | undefined
  if (known !== undefined) return known
  const id = db
    .prepare('select coalesce(max(set_id), 0) + 1 from geo_databases')
    .pluck()
    .get() as number
  const insert = db.prepare(
    `insert into geo_databases (set_id, position, set_digest, digest, type, description, facts, path, built_at_us, loaded_at_us)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  for (const [position, one] of set.databases.entries()) {
    const facts = one.facts.join(',')
    const texts = [one.digest, one.type, one.description, facts, one.path]
    insert.run(id, position, set.digest, ...texts, one.builtAtUs, one.loadedAtUs)
  }
  return id
}
