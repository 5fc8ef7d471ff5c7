import { migration as spine } from './0001-spine.ts'
import { migration as hostileContent } from './0002-hostile-content.ts'
import { migration as followedPaths } from './0003-followed-paths.ts'
import { migration as anomalies } from './0004-anomalies.ts'
import { migration as alerts } from './0005-alerts.ts'
import { migration as places } from './0006-places.ts'
import { migration as legalHolds } from './0007-legal-holds.ts'
import { migration as insights } from './0008-insights.ts'
import { migration as search } from './0009-search.ts'
import type { Migration } from './migration.ts'

/** All migrations, in the order they are applied. */
export const MIGRATIONS: readonly Migration[] = [
  spine,
  hostileContent,
  followedPaths,
  anomalies,
  alerts,
  places,
  legalHolds,
  insights,
  search,
]

/** The schema version that this program works with. */
export const SCHEMA_VERSION: number = MIGRATIONS.length
