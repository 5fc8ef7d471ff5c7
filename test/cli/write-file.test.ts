/** Results in files: whole under their name, or not there. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDraft, writeNewFrom } from '../../src/cli/write-file.ts'
import { temporaryFolder } from '../support/cli.ts'

for (const isForced of [false, true])
  test(`a file grows beside its name until it is whole${isForced ? ', and the old one stays until then' : ''}`, async (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'out')
    if (isForced) writeFileSync(path, 'old')
    const draft = await openDraft(path, isForced)
    await draft.write('one ')
    await draft.write(Buffer.from('two'))
    assert.match(draft.path, /out\.[0-9a-f]{8}\.partial$/)
    assert.deepEqual(readdirSync(folder).length, isForced ? 2 : 1)
    if (isForced) assert.equal(readFileSync(path, 'utf8'), 'old')
    await draft.finish()
    assert.deepEqual(readdirSync(folder), ['out'])
    assert.equal(readFileSync(path, 'utf8'), 'one two')
  })

test('what came to the place in the meantime stays, and nothing is left beside it', async (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'out')
  const draft = await openDraft(path, false)
  await draft.write('ours')
  writeFileSync(path, 'theirs')
  await assert.rejects(draft.finish(), /is there already/)
  assert.deepEqual(readdirSync(folder), ['out'])
  assert.equal(readFileSync(path, 'utf8'), 'theirs')
})

test('a link is not written through, to whatever it leads', async (t) => {
  const folder = temporaryFolder(t)
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'out'))
  await assert.rejects(openDraft(join(folder, 'out'), false), /is there already/)
  const forced = await openDraft(join(folder, 'out'), true)
  await forced.finish()
  assert.deepEqual(readdirSync(folder), ['out'])
})

test('a package whose making fails leaves nothing', async (t) => {
  const folder = temporaryFolder(t)
  const pieces = function* () {
    yield Buffer.from('begun')
    throw new Error('no more')
  }
  await assert.rejects(writeNewFrom(join(folder, 'case.zip'), pieces()), /no more/)
  assert.deepEqual(readdirSync(folder), [])
})
