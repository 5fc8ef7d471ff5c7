import type { Migration } from './migration.ts'

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 9,
  name: 'search',
  reason: 'What lists of the dashboard are found by.',
  up: { sqlite: [], postgres: [] },
  down: { sqlite: [], postgres: [] },
}
