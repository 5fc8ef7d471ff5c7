import { migration as spine } from './0001-spine.ts'
import type { Migration } from './migration.ts'

/** All migrations, in the order they are applied. */
export const MIGRATIONS: readonly Migration[] = [spine]

/** The schema version that this program works with. */
export const SCHEMA_VERSION: number = MIGRATIONS.length
