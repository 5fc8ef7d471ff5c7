/** What the verifier written from the page says of encrypted blocks and withheld rows. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { newRecipientKey } from '../../src/seal/envelope.ts'
import { type SealReport, verifySeals } from './second-verifier.ts'
import { makeSample, type Sample } from './second-verifier-sample.ts'

let folder = ''
let database = ''
let sample: Sample
/** The keys of both encrypted batches. */
let pems: readonly string[] = []

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'nacre-envelope-'))
  database = join(folder, 'sample.sqlite')
  sample = makeSample(database)
  pems = sample.pems.filter((pem) => pem !== undefined)
})

after(() => rmSync(folder, { recursive: true, force: true }))

/** Verifies a copy of the database after a change: without keys, and with all of them. */
function verifyChanged(...statements: readonly string[]): [SealReport, SealReport] {
  const copy = join(folder, 'copy.sqlite')
  copyFileSync(database, copy)
  const db = new DatabaseSync(copy)
  for (const sql of statements) assert.ok(Number(db.prepare(sql).run().changes) > 0, sql)
  db.close()
  return [verifySeals(copy), verifySeals(copy, pems)]
}

function isFound(...statements: readonly string[]): void {
  for (const { ok } of verifyChanged(...statements)) assert.equal(ok, false, statements.join())
}

suite('a verifier written from the page alone', () => {
  test('finds nothing wrong in encrypted blocks, with the keys, one of them or none', () => {
    const found = [pems, pems.slice(0, 1), [], [newRecipientKey()]].map((keys) =>
      verifySeals(database, keys),
    )
    for (const { ok, problems, batches } of found) {
      assert.deepEqual(problems, [])
      assert.ok(ok)
      assert.equal(batches, 3)
    }
    const [all, first] = found
    assert.ok(all !== undefined && first !== undefined)
    assert.ok(all.encrypted > 3)
    assert.deepEqual(
      found.map(({ encrypted }) => encrypted),
      found.map(() => all.encrypted),
    )
    assert.deepEqual(
      found.map(({ opened }) => opened),
      [all.encrypted, all.encrypted - 1, 0, 0],
    )
  })

  test('reads back what was logged of the batches whose key it has', () => {
    const read = (keys: readonly string[]) => {
      const bytes = sample.logged.map(() => Buffer.alloc(0))
      verifySeals(database, keys, (id, block) => {
        const i = Number(id) - 1
        bytes[i] = Buffer.concat([bytes[i] ?? Buffer.alloc(0), block])
      })
      return bytes
    }
    assert.deepEqual(read(pems), sample.logged)
    assert.deepEqual(read([]), [Buffer.alloc(0), Buffer.alloc(0), sample.logged[2]])
  })

  for (const column of ['ephemeral', 'wrapped']) {
    test(`finds a changed bit of batch_keys.${column}, with the key and without`, () => {
      const size = column === 'wrapped' ? 48 : 32
      for (const at of [1, 2, size / 2, size]) {
        // A byte made another by its own hexadecimal digits.
        const digits = `substr(hex(${column}), ${2 * at - 1}, 2)`
        isFound(
          `update batch_keys set ${column} = unhex(substr(hex(${column}), 1, ${2 * at - 2}) ||
             case ${digits} when '00' then '01' else '00' end || substr(hex(${column}), ${2 * at + 1}))
             where batch_id = 1`,
        )
      }
    })
  }

  test('finds changed ciphertext, with the key and without', () => {
    const byte = "case substr(bytes, 41, 1) when x'00' then x'01' else x'00' end"
    isFound(`update blocks set bytes = substr(bytes, 1, 40) || ${byte} || substr(bytes, 42)`)
    isFound("update blocks set bytes = bytes || x'00' where batch_id = 2")
    isFound('update blocks set bytes = substr(bytes, 1, length(bytes) - 1) where batch_id = 2')
  })

  test('finds blocks that changed places', () => {
    const other = '(select bytes from blocks as b where b.batch_id = 1 and b.n = 1 - blocks.n)'
    isFound(`update blocks set bytes = ${other} where batch_id = 1 and n < 2`)
  })

  test('finds that an envelope was taken away, given to another batch, or made up', () => {
    isFound('delete from batch_keys where batch_id = 2')
    isFound('delete from batch_keys')
    isFound('update batch_keys set batch_id = 3 - batch_id')
    isFound('insert into batch_keys select 3, key_id, ephemeral, wrapped from batch_keys limit 1')
    isFound('insert into batch_keys select 9, key_id, ephemeral, wrapped from batch_keys limit 1')
    isFound('insert into batch_keys select * from batch_keys limit 1')
  })

  test('finds that a block names another key or codec', () => {
    isFound("update batch_keys set key_id = '0123456789abcdef' where batch_id = 1")
    isFound("update blocks set key_id = '0123456789abcdef' where batch_id = 1 and n = 0")
    isFound("update blocks set codec = 'zstd' where batch_id = 1 and n = 0")
    isFound("update blocks set key_id = 'x' where batch_id = 3")
    isFound("update blocks set codec = 'zstd+aes-256-gcm' where batch_id = 3")
  })

  test('finds that a withheld row was changed, wherever it stands', () => {
    isFound("update held_events set payload = payload || ' ' where batch_id = 1")
    isFound("update raw_events set payload = payload || ' ' where flags & 2048 and batch_id = 1")
    isFound('delete from held_events where batch_id = 2')
    isFound('delete from raw_events where flags & 2048 and batch_id = 2')
    isFound('update batches set held = held - 1, stored = stored + 1 where id = 1')
  })

  test('finds that a row was said to be withheld, or not to be', () => {
    isFound('update raw_events set flags = flags & ~2048 where flags & 2048')
    isFound('update held_events set flags = flags & ~2048')
    isFound('update raw_events set flags = flags | 2048 where record_no = 5 and batch_id = 1')
  })

  test('finds nothing wrong when a row is let go, or goes back', () => {
    for (const [from, to] of [
      ['held_events', 'raw_events'],
      ['raw_events', 'held_events'],
    ]) {
      const [without, with_] = verifyChanged(
        `insert into ${to} select * from ${from} where flags & 2048`,
        `delete from ${from} where flags & 2048`,
      )
      assert.deepEqual([...without.problems, ...with_.problems], [])
    }
  })

  test('finds a row that stands in both tables', () => {
    isFound('insert into raw_events select * from held_events where batch_id = 1')
  })
})
