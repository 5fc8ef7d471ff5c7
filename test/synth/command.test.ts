import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { synth } from '../../src/cli/commands/synth.ts'
import { UsageError } from '../../src/core/errors.ts'
import { SYNTH_DEFAULTS } from '../../src/synth/index.ts'

type App = Parameters<typeof synth.run>[0]

const root = mkdtempSync(join(tmpdir(), 'nacre-synth-command-'))
after(() => rmSync(root, { recursive: true }))

/** Runs the command with an application that only remembers what it was told. */
async function run(
  options: Parameters<typeof synth.run>[2],
  signal = new AbortController().signal,
) {
  const results: object[] = []
  const texts: string[] = []
  const out = {
    result(value: object, render: () => string) {
      results.push(value)
      texts.push(render())
    },
    note(text: string) {
      texts.push(text)
    },
  }
  const app = { out, signal } as unknown as App // the parts that this command uses
  const status = await synth.run(app, [], options)
  return { status, results, texts }
}

test('every option of the generator is an option of the command', () => {
  const flags = Object.keys(SYNTH_DEFAULTS).map((name) =>
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  )
  assert.deepEqual(Object.keys(synth.options).sort(), [...flags, 'out'].sort())
})

test('the command says what it wrote', async () => {
  const out = join(root, 'set')
  const { status, results, texts } = await run({
    out,
    events: 500,
    days: 2,
    'bad-utf8': 0.5,
    torn: true,
  })
  assert.equal(status, 0)
  const [result] = results as { out: string; totals: { events: number; bad_utf8: number } }[]
  assert.equal(result?.out, out)
  assert.equal(result?.totals.events, 500)
  assert.ok((result?.totals.bad_utf8 ?? 0) > 100, 'options with a dash are heard')
  assert.match(texts.join('\n'), /Wrote 500 events/)
  assert.deepEqual(readdirSync(out).sort(), [
    'sensor-01',
    'sensor-02',
    'truth.json',
    'truth_sessions.tsv.gz',
  ])
})

test('wrong usage is refused before anything is written', async () => {
  const out = join(root, 'never')
  for (const options of [
    {},
    { out: '' },
    { out, start: 'yesterday' },
    { out, events: 0 },
    { out, style: 'modern' },
    { out, hostile: 2 },
    { out, sensors: 1000 },
  ]) {
    await assert.rejects(run(options), UsageError, JSON.stringify(options))
  }
  assert.ok(!readdirSync(root).includes('never'))
})

test('a folder in use is wrong usage', async () => {
  await assert.rejects(run({ out: root }), UsageError)
})

test('an interrupted run ends with its own status', async () => {
  const out = join(root, 'interrupted')
  const { status, texts } = await run({ out, events: 100_000 }, AbortSignal.abort('SIGINT'))
  assert.equal(status, 130)
  assert.match(texts.join('\n'), /no truth\.json/)
})
