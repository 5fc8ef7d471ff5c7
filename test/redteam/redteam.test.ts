import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type App, createApp } from '../../src/cli/app.ts'
import { COMMANDS } from '../../src/cli/commands/index.ts'
import { alarm, redteam } from '../../src/cli/commands/redteam.ts'
import { Caught } from '../../src/cli/redteam/bench.ts'
import { COLUMNS, COMMAND_COLUMNS, NO_COLUMN } from '../../src/cli/redteam/columns.ts'
import { judgeJson, judgeJsonAlone, judgeLines } from '../../src/cli/redteam/judge.ts'
import { loadSettings } from '../../src/config/load.ts'
import { ORACLES } from '../../src/output/oracle/index.ts'
import { OUTPUTS } from '../../src/output/outputs.ts'
import { emergencyOf } from '../../src/pipeline/emergency.ts'
import { FALSE_POSITIVE_SCORE, falsePositives, readBenign } from '../../src/redteam/benign.ts'
import { carriersOf, harmlessWord, pythonJson } from '../../src/redteam/carriers.ts'
import { type Payload, readPayloads } from '../../src/redteam/corpus.ts'
import { effectsOf, Matrix } from '../../src/redteam/matrix.ts'
import { registry, rules, withTempFolder } from '../support/loading.ts'

const ROOT = new URL('../../', import.meta.url)
const PAYLOADS = JSON.parse(
  readFileSync(new URL('redteam/payloads.json', ROOT), 'utf8'),
) as readonly Payload[]

const FORMS = registry.entries.flatMap(({ eventid }) =>
  eventid === undefined
    ? []
    : [{ eventid, fields: [...(registry.fieldsOf(eventid)?.keys() ?? [])] }],
)

describe('the columns', () => {
  test('every output has an oracle and a column', () => {
    for (const { name } of OUTPUTS) {
      assert.equal(typeof ORACLES[name], 'function', name)
      assert.ok(COLUMNS.includes(name), name)
    }
  })

  test('every command has a column or a reason to have none, and not both', () => {
    const withColumn = Object.values(COMMAND_COLUMNS).flat() as readonly string[]
    const names = COMMANDS.map(({ name }) => name)
    const unclear = names.filter(
      (name) => withColumn.includes(name) === (NO_COLUMN[name] !== undefined),
    )
    assert.deepEqual(unclear, [])
    const unknown = [...withColumn, ...Object.keys(NO_COLUMN)].filter(
      (name) => !names.includes(name),
    )
    assert.deepEqual(unknown, [])
  })

  test('a command that takes --format has a column', () => {
    const withColumn = Object.values(COMMAND_COLUMNS).flat() as readonly string[]
    // What it plays is in files that no load reads; tests of its own send the payloads through it.
    for (const { name, options } of COMMANDS)
      if (Object.hasOwn(options, 'format') && name !== 'replay')
        assert.ok(withColumn.includes(name), name)
  })
})

describe('carriers', () => {
  test('put a payload into every field of every event that can hold text', () => {
    const text = '=1+1 \u001b[31m'
    const written = JSON.stringify(text).slice(1, -1)
    const events = carriersOf(1, text, FORMS).flatMap(({ lines }) =>
      lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    )
    const common = FORMS[0]!.fields.filter((one) =>
      FORMS.every(({ fields }) => fields.includes(one)),
    )
    const carries = (event: Record<string, unknown>, field: string): boolean =>
      JSON.stringify(event[field] ?? '').includes(written)
    for (const { eventid, fields } of FORMS) {
      const own = events.filter((event) => event['eventid'] === eventid)
      assert.ok(own.length > 0, eventid)
      for (const field of fields)
        if (!common.includes(field))
          assert.ok(
            own.some((event) => carries(event, field)),
            `${eventid} ${field}`,
          )
    }
    for (const field of [...common.filter((one) => one !== 'timestamp'), text])
      assert.ok(
        events.some((event) => carries(event, field)),
        field,
      )
  })

  test('have a twin with as many events in sessions of the same names', () => {
    const shape = (text: string): unknown =>
      carriersOf(2, text, FORMS).map(({ name, lines }) => [name, lines.length])
    for (const { id, text } of PAYLOADS)
      if (text.length < 1_000) assert.deepEqual(shape(text), shape(harmlessWord(0)), id)
  })

  test('write JSON as Python does: ASCII, blanks after commas and colons, the same value', () => {
    const value = { a: ['ä\u2028\u{1f600}\ud800', 1], b: { c: null } }
    const text = pythonJson(value)
    assert.equal(text, '{"a": ["\\u00e4\\u2028\\ud83d\\ude00\\ud800", 1], "b": {"c": null}}')
    assert.deepEqual(JSON.parse(text), value)
  })
})

describe('lists of payloads', () => {
  test('are texts of one line each, JSON texts, JSON objects, or a folder of them', async () => {
    await withTempFolder((folder) => {
      writeFileSync(join(folder, 'a.txt'), 'one\r\ntwo\n\none\n')
      writeFileSync(join(folder, 'b.json'), '["three\\u0000", {"text": "=1", "class": "csv"}]')
      const found = readPayloads(folder).map((one) => [one.id, one.text])
      assert.deepEqual(found, [
        ['other-1', 'one'],
        ['other-2', 'two'],
        ['other-3', 'three\u0000'],
        ['csv-1', '=1'],
      ])
    })
  })

  test('that are not there, or hold other things than texts, are refused', async () => {
    await withTempFolder((folder) => {
      const file = join(folder, 'a.json')
      writeFileSync(file, '[1]')
      assert.throws(() => readPayloads(file), { code: 'USAGE_BAD_OPTION' })
      assert.throws(() => readPayloads(join(folder, 'absent')), { code: 'USAGE_BAD_OPTION' })
    })
  })

  test('a class that is no plain word is called other', async () => {
    await withTempFolder((folder) => {
      const file = join(folder, 'a.json')
      writeFileSync(file, '[{"text": "x", "class": "\\u001b[31m"}]')
      assert.equal(readPayloads(file)[0]?.class, 'other')
    })
  })
})

describe('judges of commands', () => {
  test('see an escape, a forged line, and what HTML would read', () => {
    assert.deepEqual(judgeLines('Batch 1\n  a', [/^Batch/, /^ {2}/]), [])
    assert.equal(judgeLines('Batch \u001b[1m', [/^Batch/]).length, 1)
    assert.equal(judgeLines('Batch 1\nforged', [/^Batch/]).length, 1)
    assert.equal(judgeJsonAlone('{"a":"<b>"}').length, 1)
    assert.equal(judgeJsonAlone('{"a":"\\u001b"}').length, 1)
    assert.equal(judgeJson('{"a":1}', '{"a":[]}', []).length, 1)
    assert.deepEqual(judgeJson('{"a":1}', '{"a":[]}', ['a']).length, 1)
    assert.deepEqual(judgeJson('{"a":"x"}', '{"a":"y"}', []), [])
  })
})

test('one unsafe cell is counted, told and takes its payload out of the neutralized', () => {
  const matrix = new Matrix(['text', 'html'])
  const [first, second] = PAYLOADS as readonly [Payload, Payload]
  matrix.add(first, 'text', 'a session', [])
  matrix.add(first, 'html', 'a session', ['a tag script'])
  matrix.add(second, 'text', 'a session', [])
  assert.equal(matrix.unsafe, 1)
  assert.deepEqual(matrix.cell(first.class, 'html'), { shown: 1, unsafe: 1 })
  const [effect] = effectsOf([first, second], {
    isNeutralized: (one) => matrix.isHarmless(one),
    hazardOf: (one) => (one === first ? 50 : 0),
    isHeld: () => false,
  })
  assert.deepEqual(effect, {
    class: first.class,
    payloads: 2,
    neutralized: 1,
    scored: 1,
    held: 0,
    missed: 1,
    missedIds: [second.id],
  })
})

test(`no rule of ${FALSE_POSITIVE_SCORE} or more hits an ordinary text`, () => {
  const benign = readBenign(new URL('redteam/benign.json', ROOT))
  assert.ok(benign.length > 400)
  const scores = new Map(rules.definitions.map(({ id, score }) => [id, score]))
  assert.deepEqual(
    falsePositives(benign, rules, (rule) => scores.get(rule) ?? 0),
    [],
  )
})

async function appIn(data: string): Promise<{ readonly app: App; readonly out: Caught }> {
  const out = new Caught()
  const app = createApp({
    settings: await loadSettings({ data }, {}),
    out,
    signal: new AbortController().signal,
    command: 'redteam',
    programVersion: 'test',
    schemas: new URL('schemas/events/', ROOT),
    rules: new URL('rules/', ROOT),
  })
  return { app, out }
}

describe('the command', () => {
  test('finds every output safe for one payload of each class, and leaves nothing behind', async () => {
    await withTempFolder(async (folder) => {
      const corpus = join(folder, 'corpus.json')
      const firsts = [...new Map(PAYLOADS.map((one) => [one.class, one])).values()]
      writeFileSync(corpus, JSON.stringify(firsts))
      const data = join(folder, 'data')
      const mine = (): readonly string[] =>
        readdirSync(tmpdir()).filter((name) => name.startsWith('nacre-redteam-'))
      const before = mine()
      const { app, out } = await appIn(data)
      const status = await redteam.run(app, [], { corpus: [corpus], out: join(folder, 'out') })
      const found = JSON.parse(out.said().json[0]!) as Record<string, unknown>
      assert.deepEqual(found['problems'], [])
      assert.equal(found['unsafe'], 0)
      assert.equal(status, 0)
      assert.equal(found['payloads'], firsts.length)
      assert.ok(!existsSync(data), 'the store of the settings is not made')
      assert.deepEqual(
        mine().filter((name) => !before.includes(name)).length <= 1,
        true,
        'another run may be at work, this one is gone',
      )
      for (const { name } of OUTPUTS) {
        const files = readdirSync(join(folder, 'out', name))
        assert.ok(files.length >= firsts.length, name)
        for (const file of files) assert.match(file, /^\d{5}-[a-z0-9-]+\.[a-z.]+$/)
      }
    })
  })

  test('puts the store of the settings into the emergency mode when a payload came through', async () => {
    await withTempFolder(async (data) => {
      const { app } = await appIn(data)
      const matrix = new Matrix(['html'])
      matrix.add(PAYLOADS[0]!, 'html', 'a session', ['a tag script'])
      assert.equal(await alarm(app, matrix), false, 'no store, no emergency')
      mkdirSync(data, { recursive: true })
      await (await app.openStore('create')).close()
      assert.equal(await alarm(app, matrix), true)
      const store = await app.openStore('read')
      const mode = await emergencyOf(store.reads())
      await store.close()
      assert.equal(mode.state, 'on')
      assert.match(mode.reason ?? '', /html/)
    })
  })

  test('leaves the mode alone where the setting does not name it', async () => {
    await withTempFolder(async (data) => {
      const { app } = await appIn(data)
      await (await app.openStore('create')).close()
      const quiet = { ...app, settings: { ...app.settings, emergencyTriggers: new Set([]) } }
      assert.equal(await alarm(quiet as App, new Matrix([])), false)
    })
  })
})
