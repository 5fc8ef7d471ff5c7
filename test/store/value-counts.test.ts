import assert from 'node:assert/strict'
import { test } from 'node:test'
import { medianOf } from '../../src/store/repo/packed.ts'
import { ValueCounts } from '../../src/store/repo/value-counts.ts'
import { fc } from '../support/property.ts'

test('counts of a value are added up, however its rows are spread', () => {
  const count = fc.integer({ min: 1, max: 3 })
  const row = fc.tuple(fc.oneof(fc.nat(40), fc.nat(2 ** 40)), count, count)
  fc.assert(
    fc.property(fc.array(row, { maxLength: 300 }), (rows) => {
      const sums = new Map<number, [events: number, sessions: number]>()
      for (const [id, events, sessions] of rows) {
        const [e, s] = sums.get(id) ?? [0, 0]
        sums.set(id, [e + events, s + sessions])
      }
      const texts = rows.map(([id, events, sessions]) =>
        sessions !== 1 ? `${id},${events},${sessions}` : events !== 1 ? `${id},${events}` : `${id}`,
      )
      const { ids, events, sessions } = new ValueCounts(texts.join(';'))
      assert.equal(ids.length, sums.size)
      for (const [place, id] of ids.entries())
        assert.deepEqual([events[place], sessions[place]], sums.get(id))
    }),
  )
})

test('a value is found in its place among thousands, and what is none of them is not', () => {
  const wanted = Array.from({ length: 5_000 }, (_, i) => i * 1_024 + 7)
  const counts = new ValueCounts(wanted.join(';'))
  for (const id of wanted) assert.equal(counts.ids[counts.placeOf(id)!], id)
  assert.equal(counts.placeOf(8), undefined)
  assert.equal(new ValueCounts('').placeOf(0), undefined)
})

test('the median is the one in the middle of the sorted numbers, or the rounded mean of two', () => {
  assert.equal(medianOf(new Float64Array()), null)
  fc.assert(
    fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 200 }), (numbers) => {
      const sorted = numbers.toSorted((a, b) => a - b)
      const half = Math.floor((sorted.length - 1) / 2)
      const expected =
        sorted.length % 2 === 1
          ? sorted[half]!
          : Math.round((sorted[half]! + sorted[half + 1]!) / 2)
      assert.equal(medianOf(Float64Array.from(numbers)), expected)
    }),
  )
})

test('the median of numbers that rise and fall again is found by sorting what is left', () => {
  // Each round of the selection takes away but a few of them: the bound on rounds is reached.
  for (const count of [1_000, 1_001]) {
    const numbers = Float64Array.from({ length: count }, (_, i) => Math.min(i, count - i))
    const sorted = numbers.toSorted()
    const half = count >> 1
    const expected =
      count % 2 === 1 ? sorted[half]! : Math.round((sorted[half - 1]! + sorted[half]!) / 2)
    assert.equal(medianOf(numbers), expected)
  }
})
