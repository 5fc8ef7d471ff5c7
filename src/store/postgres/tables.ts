/** Where the tables of this engine are not those that all engines share. */
import type { Column } from '../schema.ts'
import { TABLES } from '../schema.ts'

type Columns = Readonly<Record<string, Column>>

const KEY_ORDER: Column = {
  type: 'integer',
  class: 'sealed',
  meaning: 'order of the keys of the payload, which JSONB does not keep',
}

/** Every table and column of a PostgreSQL database of nacre. */
export const POSTGRES_TABLES: Readonly<Record<string, Columns>> = {
  ...withoutDoor(),
  raw_events: eventColumns(TABLES.raw_events),
  held_events: eventColumns(TABLES.held_events),
  sensors: withDigest(TABLES.sensors, 'the name'),
  event_kinds: withDigest(TABLES.event_kinds, 'the name'),
  schema_drift: withDigest(
    TABLES.schema_drift,
    'what, event id and field, with line feeds between',
  ),
  key_orders: {
    id: { type: 'integer', class: 'derived', meaning: 'number of the order' },
    digest: { type: 'blob', class: 'derived', meaning: 'first 16 bytes of the hash of `keys`' },
    keys: {
      type: 'text',
      class: 'sealed',
      meaning:
        'keys of an object in their order, as JSON; objects within as pairs of key and order',
    },
  },
  session_names: {
    id: {
      type: 'integer',
      class: 'derived',
      meaning: 'number of the name; its negative is the session key',
    },
    sensor_id: { type: 'integer', class: 'derived', meaning: 'sensor' },
    digest: { type: 'blob', class: 'derived', meaning: 'first 16 bytes of the hash of the id' },
    session: {
      type: 'text',
      class: 'derived',
      meaning: 'session id that is not twelve hexadecimal digits',
    },
  },
  leases: {
    name: {
      type: 'text',
      class: 'operational',
      meaning: 'what was taken: a source or the start of one',
    },
    owner: { type: 'text', class: 'operational', meaning: 'loader that has it' },
    what: { type: 'text', class: 'operational', meaning: 'its host, process and command' },
    expires_at: {
      type: 'text',
      class: 'operational',
      meaning: 'when it is free again without a sign of life',
    },
  },
}

/** Rows have no number of their own: the key finds them. */
function eventColumns(columns: Columns): Columns {
  const { id: _, ...rest } = columns
  return { ...rest, key_order_id: KEY_ORDER }
}

/** Texts are too long for an index; their digest is unique in their place. */
function withDigest(columns: Columns, of: string): Columns {
  return {
    ...columns,
    digest: { type: 'blob', class: 'derived', meaning: `first 16 bytes of the hash of ${of}` },
  }
}

/** The door is a setting of the transaction, not a table. */
function withoutDoor(): Readonly<Record<string, Columns>> {
  const { audit_door: _, ...rest } = TABLES
  return rest
}
