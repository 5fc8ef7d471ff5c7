import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SafeText } from '../../src/core/text.ts'
import { textShown } from '../../src/core/text.ts'
import { changeOf } from '../../src/report/change.ts'
import { changeText } from '../../src/report/insight-text.ts'
import { fc } from '../support/property.ts'

test('a change against next to nothing is told by its numbers, a large one by how many times', () => {
  const told = (before: number, now: number): string => changeText({ before, now }).text
  assert.equal(told(3, 882), 'from 3 to 882')
  assert.equal(told(19, 0), 'from 19 to 0')
  assert.equal(told(300, 88_200), '294 times as many')
  assert.equal(told(100, 112), '+12 %')
  assert.equal(told(100, 88), '-12 %')
  assert.equal(told(100, 0), '-100 %')
  assert.equal(told(100_000, 3), 'from 100 000 to 3')
  assert.equal(told(1_000, 1_001), 'as before')
  assert.equal(told(7, 7), 'as before')
  assert.equal(told(0, 5), 'none before, now 5')
  assert.equal(told(0, 0), 'none before')
})

test('no percentage is of few, and none reaches ten times', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (before, now) => {
      const change = changeOf({ now, before })
      if (change.kind !== 'percent') return
      assert.ok(before >= 20)
      assert.ok(change.percent < 900 && change.percent >= -100)
      assert.ok(Math.round(change.percent) > -100 || now === 0)
    }),
  )
})

test('two texts are never shown the same, whatever stands for an empty one', () => {
  const typed = fc.oneof(
    fc.string(),
    fc.nat({ max: 4 }).map((n) => `${'"'.repeat(n)}(empty)${'"'.repeat(n)}`),
  )
  fc.assert(
    fc.property(typed, typed, (a, b) => {
      assert.equal(textShown(a as SafeText) === textShown(b as SafeText), a === b)
    }),
  )
})
