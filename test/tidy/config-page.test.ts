import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadSettings } from '../../src/config/load.ts'
import { makeConfigPage } from '../../tools/make-config-page.ts'
import { withTempFolder } from '../support/loading.ts'

const PAGE = join(import.meta.dirname, '../../docs/reference/config.md')

test('the page is what its tool makes', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), makeConfigPage())
})

test('the file of the page is accepted as it stands', async () => {
  const toml = /```toml\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))![1]!
  await withTempFolder(async (folder) => {
    writeFileSync(join(folder, 'nacre.toml'), toml)
    const settings = await loadSettings({ data: folder }, {})
    assert.deepEqual(
      settings.all.filter((one) => one.origin === 'file').map((one) => [one.name, one.value]),
      [
        ['jobs', 4],
        ['sqlite.synchronous', 'full'],
      ],
    )
    assert.deepEqual(settings.sensors, { '/var/log/cowrie/lyon': 'lyon-1' })
  })
})

test('options come before the environment, the environment before the file', async () => {
  await withTempFolder(async (folder) => {
    writeFileSync(join(folder, 'nacre.toml'), 'jobs = 4')
    const environment = { NACRE_JOBS: '3' }
    const jobs = async (given: Record<string, string>, around: Record<string, string>) =>
      (await loadSettings({ data: folder, ...given }, around)).jobs
    assert.equal(await jobs({ jobs: '5' }, environment), 5)
    assert.equal(await jobs({}, environment), 3)
    assert.equal(await jobs({}, {}), 4)
  })
})
