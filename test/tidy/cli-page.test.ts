import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../src/cli/commands/index.ts'
import { parseCommandLine } from '../../src/cli/parse.ts'
import { makeCliPage } from '../../tools/make-cli-page.ts'

const PAGE = join(import.meta.dirname, '../../docs/reference/cli.md')

test('the page is what its tool makes', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), makeCliPage())
})

test('every command has its own section and at least one example of itself', () => {
  const page = readFileSync(PAGE, 'utf8')
  for (const { name, examples } of COMMANDS) {
    assert.ok(page.includes(`\n### nacre ${name}\n`), name)
    assert.ok(examples.length > 0, name)
    for (const example of examples) assert.ok(example.startsWith(name), example)
  }
})

test('every example is understood by the parser', async () => {
  for (const { name, examples } of COMMANDS) {
    for (const example of examples) {
      const words = [...example.split(/ [<>] /)[0]!.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
        ([, double, single, plain]) => double ?? single ?? plain!,
      )
      const parsed = await parseCommandLine(words, () => {})
      assert.equal(parsed?.command.name, name, example)
    }
  }
})

test('the options of every command are those that the parser adds', async () => {
  let help = ''
  await parseCommandLine(['verify', '--help'], (text) => {
    help += text
  })
  const global = ['--data <DIR>', '--store <URL>', '--json', '--help']
  for (const option of global) {
    assert.ok(help.includes(option), option)
    const written = option.replace(/[<>]/g, '')
    assert.ok(readFileSync(PAGE, 'utf8').includes(`| \`${written}\` |`), option)
  }
})
