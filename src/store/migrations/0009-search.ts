import type { Migration } from './migration.ts'

const SORTED = [
  `create index sessions_threat on sessions (threat_score, first_event_us) where session <> ''`,
  `create index sessions_hazard on sessions (hazard_score, first_event_us) where session <> ''`,
  `create index sessions_commands on sessions (command_count, first_event_us) where session <> ''`,
  `create index sessions_duration on sessions (coalesce(duration_ms, -1), first_event_us) where session <> ''`,
  `create index sessions_events on sessions (event_count, first_event_us) where session <> ''`,
]

const FOUND = [
  // The day stands before the session: the newest day of a value is found without a look at its sessions.
  `create index session_values_value on session_values (value_id, day, session_key)`,
  `create index values_commands on "values" (id) where kind = 1`,
  `create index raw_events_verdict on raw_events (verdict_id, session_key) where verdict_id <> 0`,
]

const NAMES = [
  'sessions_threat',
  'sessions_hazard',
  'sessions_commands',
  'sessions_duration',
  'sessions_events',
  'session_values_value',
  'values_commands',
  'raw_events_verdict',
]

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 9,
  name: 'search',
  reason: 'Sessions are found by what occurs in them, and listed by their scores, without a scan.',
  up: { sqlite: [...SORTED, ...FOUND], postgres: [...SORTED, ...FOUND] },
  down: {
    sqlite: NAMES.map((name) => `drop index ${name}`),
    postgres: NAMES.map((name) => `drop index ${name}`),
  },
}
