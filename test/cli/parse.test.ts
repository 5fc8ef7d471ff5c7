import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCommandLine } from '../../src/cli/parse.ts'
import { UsageError } from '../../src/core/errors.ts'

const parse = (...argv: readonly string[]) => parseCommandLine(argv, () => {})

test('options of every command may stand before it', async () => {
  const before = await parse('--data', '/srv/a', '--json', 'ingest', 'bulk', 'x', '--', '--data')
  assert.equal(before?.command.name, 'ingest bulk')
  assert.equal(before?.global['data'], '/srv/a')
  assert.equal(before?.format, 'json')
  assert.deepEqual(before?.args, ['x', '--data'])
  assert.equal((await parse('--store=sqlite:/x', 'status'))?.global['store'], 'sqlite:/x')
})

test('options before nothing are a wrong call', async () => {
  await assert.rejects(parse('--data', '/srv/a'), UsageError)
  await assert.rejects(parse('--data'), UsageError)
})
