import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { Client } from 'pg'
import { freshDatabase, missingPostgres } from './postgres.ts'
import { missingBinaries, TestServer } from './postgres-server.ts'

type Row = Readonly<Record<string, unknown>>

async function query(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

async function folderOf(url: string): Promise<string> {
  const [row] = await query(url, 'show data_directory')
  return dirname(String(row?.['data_directory']))
}

describe('a server for tests', { skip: missingBinaries() }, () => {
  test('it keeps committed data through killHard and restart, and stop removes its folder', async () => {
    await using server = await TestServer.start()
    const folder = await folderOf(server.url())
    const url = await server.createDatabase(`encoding 'UTF8'`)
    await query(url, 'create table kept as select generate_series(1, 1000) as id')
    const { pid } = server

    await server.killHard()
    assert.throws(() => server.pid)
    await assert.rejects(query(url, 'select 1'))

    await server.restart()
    assert.notEqual(server.pid, pid)
    assert.deepEqual(await query(url, 'select count(*)::int as rows from kept'), [{ rows: 1000 }])

    await server.dropDatabase(url)
    await assert.rejects(query(url, 'select 1'), { code: '3D000' })
    await server.stop()
    assert.ok(!existsSync(folder))
  })

  test('it ends with the process that started it, even when that is killed', async () => {
    const owner = spawn(process.execPath, [join(import.meta.dirname, 'postgres-main.ts')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const [line] = await once(createInterface(owner.stdout), 'line')
    const { url } = JSON.parse(String(line)) as { url: string }
    const folder = await folderOf(url)
    assert.ok(existsSync(folder))

    owner.kill('SIGKILL')
    await once(owner, 'exit')
    for (let i = 0; i < 500 && existsSync(folder); i += 1)
      await new Promise((resolve) => setTimeout(resolve, 20))
    assert.ok(!existsSync(folder))
    await assert.rejects(query(url, 'select 1'), { code: 'ECONNREFUSED' })
  })
})

test('a fresh database is empty, and gone after its drop', { skip: missingPostgres }, async () => {
  const { url, drop } = await freshDatabase()
  const tables = `select count(*)::int as tables from pg_tables where schemaname = 'public'`
  assert.deepEqual(await query(url, tables), [{ tables: 0 }])
  await drop()
  await assert.rejects(query(url, 'select 1'), { code: '3D000' })
})
