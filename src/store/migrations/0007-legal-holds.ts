import type { Migration } from './migration.ts'

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 7,
  name: 'legal holds',
  reason: 'Holds that keep evidence from being deleted.',
  up: { sqlite: [], postgres: [] },
  down: { sqlite: [], postgres: [] },
}
