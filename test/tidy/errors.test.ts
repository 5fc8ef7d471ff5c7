import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')
const SOURCE = readFileSync(join(ROOT, 'src/core/errors.ts'), 'utf8')
const PAGE = readFileSync(join(ROOT, 'docs/reference/errors.md'), 'utf8')

/** The codes of the unions, each with the comment that says what it stands for. */
const DECLARED = [...SOURCE.matchAll(/^ {2}\| '([A-Z_]+)'(?: \/\/ (.+))?$/gm)]
const CODES = DECLARED.map((found) => found[1]!)

/** Entries of the page: a heading that is a code, and what follows up to the next heading. */
const ENTRIES = new Map(
  PAGE.split(/^### /m)
    .slice(1)
    .map((entry) => [entry.split('\n')[0]!.trim(), entry.split(/^## /m)[0]!]),
)

test('the codes are found in the source', () => {
  assert.ok(CODES.length >= 20)
  assert.equal(new Set(CODES).size, CODES.length)
})

test('every code says beside it what it stands for', () => {
  for (const [, code, comment] of DECLARED) assert.ok(comment !== undefined, code)
})

test('every code has an entry on the page', () => {
  assert.deepEqual(
    CODES.filter((code) => !ENTRIES.has(code)),
    [],
  )
})

test('every entry of the page is a code', () => {
  assert.deepEqual(
    [...ENTRIES.keys()].filter((code) => !CODES.includes(code)),
    [],
  )
})

test('every entry says what it means, why it may happen and what to do', () => {
  for (const [code, entry] of ENTRIES) {
    for (const part of ['Meaning:', 'Likely cause:', 'What to do:']) {
      assert.ok(entry.includes(part), `${code} has no "${part}"`)
    }
  }
})
