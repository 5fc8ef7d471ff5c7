import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random, TokenSource, WeightedIndex, zipfWeights } from '../../src/synth/random.ts'

test('a stream depends on its seed and its name alone', () => {
  const draw = (seed: number, name: string) => {
    const random = new Random(seed, name)
    return Array.from({ length: 8 }, () => random.next())
  }
  assert.deepEqual(draw(7, 'a'), draw(7, 'a'))
  assert.notDeepEqual(draw(7, 'a'), draw(7, 'b'))
  assert.notDeepEqual(draw(7, 'a'), draw(8, 'a'))
  assert.notDeepEqual(draw(7, 'a'), draw(7 + 2 ** 32, 'a'))
})

test('numbers fill their range evenly', () => {
  const random = new Random(1, 'even')
  const counts = new Array<number>(10).fill(0)
  for (let i = 0; i < 100_000; i += 1) {
    const at = random.int(10)
    counts[at] = (counts[at] ?? 0) + 1
  }
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, `${counts}`)
})

test('a chance of 0 draws nothing, so that an unused option shifts no other', () => {
  const left = new Random(1, 'x')
  const right = new Random(1, 'x')
  left.chance(0)
  assert.equal(left.next(), right.next())
})

test('weights decide how often an index is drawn', () => {
  const random = new Random(1, 'weights')
  const index = new WeightedIndex([1, 0, 3])
  const counts = [0, 0, 0]
  for (let i = 0; i < 40_000; i += 1) {
    const at = index.pick(random)
    counts[at] = (counts[at] ?? 0) + 1
  }
  assert.equal(counts[1], 0)
  assert.ok(Math.abs((counts[0] ?? 0) - 10_000) < 500, `${counts}`)
})

test('weights of Zipf fall with the rank', () => {
  assert.deepEqual(zipfWeights(3, 1), [1, 1 / 2, 1 / 3])
})

test('tokens are twelve hex digits and never repeat', () => {
  const tokens = new TokenSource(new Random(1, 'tokens'))
  const seen = new Set<string>()
  for (let serial = 0; serial < 50_000; serial += 1) seen.add(tokens.token(serial))
  assert.equal(seen.size, 50_000)
  for (const token of seen) assert.match(token, /^[0-9a-f]{12}$/)
})
