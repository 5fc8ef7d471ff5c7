import { migration as spine } from './0001-spine.ts'
import { migration as hostileContent } from './0002-hostile-content.ts'
import { migration as places } from './0003-places.ts'
import type { Migration } from './migration.ts'

/** All migrations, in the order they are applied. */
export const MIGRATIONS: readonly Migration[] = [spine, hostileContent, places]

/** The schema version that this program works with. */
export const SCHEMA_VERSION: number = MIGRATIONS.length
