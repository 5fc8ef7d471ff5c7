/** The script of the page on keys, run as an examiner would. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { makeSample, type Sample } from '../seal/second-verifier-sample.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/keys.md'), 'utf8')
const SCRIPT = /^```js\n(.*?)^```$/ms.exec(PAGE)?.[1] ?? ''

let folder = ''
let sample: Sample

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'nacre-page-'))
  sample = makeSample(join(folder, 'sample.sqlite'))
  writeFileSync(join(folder, 'open-block.mjs'), SCRIPT)
  sample.pems.forEach((pem, i) => {
    if (pem !== undefined) writeFileSync(join(folder, `${i + 1}.pem`), pem)
  })
})

after(() => rmSync(folder, { recursive: true, force: true }))

function run(database: string, key: string, batch: number, n: number) {
  const script = join(folder, 'open-block.mjs')
  const args = [script, join(folder, database), join(folder, key), `${batch}`, `${n}`]
  return spawnSync(process.execPath, args)
}

suite('the script of the page on keys', () => {
  test('is short and uses nothing but Node', () => {
    const lines = SCRIPT.split('\n').filter((line) => !/^(?:\/\/.*|import .*)?$/.test(line))
    assert.ok(lines.length > 10 && lines.length <= 30, `${lines.length}`)
    const imports = [...SCRIPT.matchAll(/from '([^']+)'/g)].map((found) => found[1])
    assert.ok(imports.length > 0 && imports.every((name) => name?.startsWith('node:')))
  })

  test('gives the bytes that were logged, block by block', () => {
    const db = new DatabaseSync(join(folder, 'sample.sqlite'), { readOnly: true })
    const places = db
      .prepare('select batch_id, n from blocks where batch_id < 3 order by 1, 2')
      .all()
    db.close()
    const opened = [Buffer.alloc(0), Buffer.alloc(0)]
    for (const { batch_id, n } of places) {
      const i = Number(batch_id)
      const { status, stdout, stderr } = run('sample.sqlite', `${i}.pem`, i, Number(n))
      assert.equal(status, 0, stderr.toString())
      opened[i - 1] = Buffer.concat([opened[i - 1] ?? Buffer.alloc(0), stdout])
    }
    assert.deepEqual(opened, sample.logged.slice(0, 2))
  })

  test('opens nothing with another key', () => {
    const { status, stdout } = run('sample.sqlite', '2.pem', 1, 0)
    assert.deepEqual([status, stdout.length], [1, 0])
  })

  test('gives nothing that was changed', () => {
    copyFileSync(join(folder, 'sample.sqlite'), join(folder, 'changed.sqlite'))
    const db = new DatabaseSync(join(folder, 'changed.sqlite'))
    const byte = "case substr(bytes, 61, 1) when x'00' then x'01' else x'00' end"
    db.exec(`update blocks set bytes = substr(bytes, 1, 60) || ${byte} || substr(bytes, 62)`)
    db.close()
    const { status, stdout } = run('changed.sqlite', '2.pem', 2, 0)
    assert.deepEqual([status, stdout.length], [1, 0])
  })
})
