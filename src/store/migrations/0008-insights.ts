import type { Migration } from './migration.ts'

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 8,
  name: 'insights',
  reason: 'Commands that hold an SSH key are found without reading all commands.',
  up: {
    // Every public key begins with AAAA in base64. Few commands have it, and no other value is looked at.
    sqlite: [
      // With the kind as its column it is a search, and preferred to any index that would have to be scanned.
      `create index values_keys on "values" (kind, id) where kind = 1 and replace(value, 'AAAA', '') <> value`,
    ],
    postgres: [
      `create index values_keys on "values" (id) where kind = 1 and replace(value, 'AAAA', '') <> value`,
    ],
  },
  down: { sqlite: [`drop index values_keys`], postgres: [`drop index values_keys`] },
}
