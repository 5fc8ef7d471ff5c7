import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tally } from '../../../src/web/data/tally.ts'
import { fc } from '../../support/property.ts'

const added = fc.array(
  fc.tuple(
    fc.oneof(fc.nat(200), fc.nat(2 ** 40)),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 0, max: 9 }),
  ),
  { maxLength: 60 },
)

/** Sums of a tally, and those of a plain map. */
function bothOf(tally: Tally, rows: readonly (readonly [number, number, number])[]) {
  const plain = new Map<number, readonly [number, number]>()
  for (const [id, events, sessions] of rows) {
    const [e, s] = plain.get(id) ?? [0, 0]
    plain.set(id, [e + events, s + sessions])
  }
  const found = new Map<number, readonly [number, number]>()
  tally.forEach((id, events, sessions) => {
    found.set(id, [events, sessions])
    assert.deepEqual(tally.get(id), { events, sessions })
  })
  assert.equal(tally.size, plain.size)
  const sorted = (map: typeof plain) => [...map].sort(([a], [b]) => a - b)
  return { found: sorted(found), plain: sorted(plain) }
}

test('a tally sums as a map does, and one that goes on from it leaves it as it was', () => {
  fc.assert(
    fc.property(added, added, (before, after) => {
      const settled = new Tally()
      for (const [id, events, sessions] of before) settled.add(id, events, sessions)
      const whole = new Tally(settled)
      for (const [id, events, sessions] of after) whole.add(id, events, sessions)
      const first = bothOf(settled, before)
      assert.deepEqual(first.found, first.plain)
      const second = bothOf(whole, [...before, ...after])
      assert.deepEqual(second.found, second.plain)
    }),
    { numRuns: 200 },
  )
})

test('a value that does not occur has no sums, and a tally tells its size in pages', () => {
  const tally = new Tally()
  assert.equal(tally.get(7), undefined)
  tally.add(7, 1, 1)
  assert.equal(tally.get(8), undefined)
  tally.add(700, 1, 0)
  assert.equal(tally.pages, 2)
})
