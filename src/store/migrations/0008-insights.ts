import type { Migration } from './migration.ts'

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 8,
  name: 'insights',
  reason: 'What reports and the dashboard ask beside the roll-ups.',
  up: { sqlite: [], postgres: [] },
  down: { sqlite: [], postgres: [] },
}
