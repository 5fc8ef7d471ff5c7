import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdSets } from '../../src/report/id-sets.ts'
import { fc } from '../support/property.ts'

test('sets have the same number exactly when they hold the same', () => {
  const set = fc.uniqueArray(fc.nat(6), { maxLength: 4 }).map((ids) => ids.sort((a, b) => a - b))
  fc.assert(
    fc.property(fc.array(set, { maxLength: 60 }), (all) => {
      const sets = new IdSets()
      const names = new Map<string, number>()
      for (const ids of all) {
        const number = sets.numberOf(ids)
        assert.equal(number, names.get(ids.join()) ?? names.size)
        names.set(ids.join(), number)
        assert.deepEqual(sets.idsOf(number), ids)
      }
    }),
  )
})

test('sets keep their numbers when there are thousands of them', () => {
  const sets = new IdSets()
  const all = Array.from({ length: 10_000 }, (_, i) => [i, i + 2 ** 31])
  for (const [i, ids] of all.entries()) assert.equal(sets.numberOf(ids), i)
  for (const [i, ids] of all.entries()) assert.equal(sets.numberOf([...ids]), i)
})
