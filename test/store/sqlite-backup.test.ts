import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { backupTo } from '../../src/store/sqlite/maintenance.ts'
import { SqliteStore } from '../../src/store/sqlite/store.ts'
import { temporaryFolder } from '../support/cli.ts'
import { ENGINES } from '../support/engines.ts'

test('a backup that is stopped leaves nothing, and one that is not is whole', async (t) => {
  const folder = temporaryFolder(t)
  const database = await ENGINES[0]!.create(folder)
  const store = await database.open('read')
  assert.ok(store instanceof SqliteStore)
  const target = join(folder, 'copy.sqlite')
  const before = readdirSync(folder)
  const reason = new Error('told to stop')
  await assert.rejects(
    backupTo(store.connection, target, AbortSignal.abort(reason), () => {}),
    reason,
  )
  assert.deepEqual(readdirSync(folder), before)
  const { bytes } = await backupTo(store.connection, target, new AbortController().signal, () => {})
  assert.ok(bytes > 0 && existsSync(target))
  await store.close()
})
