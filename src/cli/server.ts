import { StoreError } from '../core/errors.ts'
import type { OpenMode } from '../store/port.ts'
import type { PostgresStore } from '../store/postgres/store.ts'
import { type App, isPostgresUrl } from './app.ts'

/** Opens the store of the settings for a command that only a database server knows. @throws StoreError */
export async function openServer(app: App, mode: OpenMode): Promise<PostgresStore> {
  if (!isPostgresUrl(app.settings.store)) {
    throw new StoreError('STORE_UNSUPPORTED', 'This command is for a store on PostgreSQL.', {
      hint: 'Name one with --store postgres://user@host/database; "nacre db hydrate" moves a store there.',
    })
  }
  const { PostgresStore } = await import('../store/postgres/store.ts')
  const store = await app.openStore(mode)
  if (!(store instanceof PostgresStore)) throw new Error('a store of another engine')
  return store
}
