import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { TABLES } from '../../src/store/schema.ts'
import { makeDataModel } from '../../tools/make-data-model.ts'

const PAGE = join(import.meta.dirname, '../../docs/data-model.md')

test('the page is what its tool makes', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), makeDataModel())
})

test('the page names every table and every column', () => {
  const page = readFileSync(PAGE, 'utf8')
  for (const [table, columns] of Object.entries(TABLES)) {
    assert.ok(page.includes(`\n### ${table}\n`), table)
    for (const column of Object.keys(columns)) {
      assert.ok(page.includes(`\n| \`${column}\` |`), `${table}.${column}`)
    }
  }
})
