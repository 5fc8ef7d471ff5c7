/** What the fuzzer found stays mended, and the fuzzer itself does what it says. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Chance, makeChecks, PARTS, type Part, seedTexts, shrink } from '../../tools/fuzz.ts'

const FOLDER = new URL('../corpus/fuzz/', import.meta.url)
const checks = await makeChecks()

for (const name of readdirSync(FOLDER).sort()) {
  const found = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as {
    readonly part: Part
    readonly text: string
  }
  test(`${name.replace('.json', '')}: the promises hold for what was found once`, () => {
    assert.equal(checks[found.part](found.text).fault, undefined)
  })
}

test('every part holds for a few seeds', () => {
  const texts = seedTexts()
  assert.ok(texts.length > 1_000)
  for (const part of PARTS)
    for (let i = 0; i < 20; i += 1)
      assert.equal(checks[part](texts[i * 37]!).fault, undefined, part)
})

test('the same seed gives the same numbers, another one others', () => {
  const numbers = (seed: number): readonly number[] => {
    const chance = new Chance(seed)
    return Array.from({ length: 20 }, () => chance.below(1_000))
  }
  assert.deepEqual(numbers(1), numbers(1))
  assert.notDeepEqual(numbers(1), numbers(2))
})

test('an input is shrunk to the piece that matters', () => {
  assert.equal(
    shrink(`${'a'.repeat(300)}XY${'b'.repeat(300)}`, (text) => text.includes('XY')),
    'XY',
  )
})
