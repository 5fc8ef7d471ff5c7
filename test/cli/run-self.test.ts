/** Commands that the dashboard runs: what they are told, and who else can read it. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { App } from '../../src/cli/app.ts'
import { partsOf } from '../../src/cli/dashboard.ts'
import type { Parts } from '../../src/web/parts.ts'
import { temporaryFolder } from '../support/cli.ts'
import { registry, rules } from '../support/loading.ts'

test('the URL of the store, which may hold a password, reaches them as a variable and not as a word of the command line', async (t) => {
  const folder = temporaryFolder(t)
  const program = join(folder, 'tell.mjs')
  const told =
    '{ args: process.argv.slice(2), store: process.env.NACRE_STORE, data: process.env.NACRE_DATA }'
  writeFileSync(program, `console.log(JSON.stringify(${told}))`)
  const store = 'postgres://nacre:secret@db.example/nacre'
  const app: Partial<App> = {
    settings: { data: folder, store, statusFolder: folder, all: [] } as unknown as App['settings'],
    clock: () => 0,
    programVersion: 'test',
    ruleSet: async () => rules,
    registry: async () => registry,
  }
  const parts = await partsOf(app as App, {} as Parts['store'])
  const own = process.argv[1]!
  process.argv[1] = program
  t.after(() => {
    process.argv[1] = own
  })
  const { stdout, status } = await parts.run(['report', 'daily'], AbortSignal.timeout(20_000))
  assert.equal(status, 0)
  assert.deepEqual(JSON.parse(stdout.toString()), {
    args: ['report', 'daily'],
    store,
    data: folder,
  })
})
