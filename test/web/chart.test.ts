/** Charts: marks of both axes are round, and stand where the steps are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { US_PER_DAY } from '../../src/core/instant.ts'
import { type Chart, chart, marksOfLength } from '../../src/web/chart.ts'

const START_US = Date.parse('2026-10-24T00:00:00Z') * 1000

function drawn(values: readonly number[], more: Partial<Chart> = {}): string {
  return chart({
    title: 'Events a day',
    unit: 'events',
    startUs: START_US,
    stepUs: US_PER_DAY,
    values,
    ...more,
  }).text
}

function marksOf(text: string): readonly string[] {
  return [...text.matchAll(/<span>([^<]*)<\/span>/g)].map((found) => found[1]!)
}

function ticksOf(text: string): readonly (readonly [at: number, words: string])[] {
  return [...text.matchAll(/<text[^>]*x="([\d.]+)%"[^>]*>([^<]*)</g)].map(
    (found) => [Number(found[1]), found[2]!] as const,
  )
}

test('every mark of an axis of counts is a whole number in one unit', () => {
  assert.deepEqual(marksOf(drawn([1])), ['4', '3', '2', '1', '0'])
  assert.deepEqual(marksOf(drawn([30])), ['32', '24', '16', '8', '0'])
  assert.deepEqual(marksOf(drawn([5_416])), [
    '6\u202f000',
    '4\u202f500',
    '3\u202f000',
    '1\u202f500',
    '0',
  ])
  assert.deepEqual(marksOf(drawn([9_999, 3])), ['10 k', '7.5 k', '5 k', '2.5 k', '0'])
  for (let most = 1; most < 3_000; most += 7)
    for (const mark of marksOf(drawn([most]))) assert.match(mark, /^[\d\u202f]+$/, String(most))
})

test('marks of time stand below the middle of their step, as far from each other as they say', () => {
  const days = ticksOf(drawn(Array.from({ length: 30 }, () => 1)))
  assert.deepEqual(
    days.map(([, words]) => words),
    ['24 Oct', '29 Oct', '3 Nov', '8 Nov', '13 Nov', '18 Nov'],
  )
  for (const [i, [at]] of days.entries())
    assert.ok(Math.abs(at - ((5 * i + 0.5) / 30) * 100) < 0.01)
  const hours = drawn(
    Array.from({ length: 24 }, () => 1),
    { startUs: START_US + US_PER_DAY / 24, stepUs: US_PER_DAY / 24 },
  )
  assert.deepEqual(
    ticksOf(hours).map(([, words]) => words),
    ['03:00', '06:00', '09:00', '12:00', '15:00', '18:00', '21:00', '25 Oct'],
  )
})

test('the hours of many days are marked at midnight, from the first day on', () => {
  const hours = drawn(
    Array.from({ length: 180 * 24 }, () => 1),
    { stepUs: US_PER_DAY / 24 },
  )
  assert.deepEqual(
    ticksOf(hours)
      .slice(0, 2)
      .map(([, words]) => words),
    ['24 Oct', '23 Nov'],
  )
})

test('a period before in which nothing happened is no line on the axis', () => {
  assert.doesNotMatch(drawn([1, 2], { before: [0, 0] }), /s-prev/)
  assert.match(drawn([1, 2], { before: [0, 1] }), /s-prev/)
})

test('marks along a length of time are round, few, and within it', () => {
  const wordsOf = (ms: number): string =>
    marksOfLength(ms)
      .map(({ words }) => words)
      .join(', ')
  assert.equal(wordsOf(8_300), '0, 2 s, 4 s, 6 s, 8 s')
  assert.equal(wordsOf(1_000), '0, 0.2 s, 0.4 s, 0.6 s, 0.8 s, 1 s')
  assert.equal(wordsOf(45), '0, 10 ms, 20 ms, 30 ms, 40 ms')
  assert.equal(wordsOf(63_000), '0, 20 s, 40 s, 60 s')
  assert.equal(wordsOf(2 * 3_600_000), '0, 30 min, 60 min, 90 min, 120 min')
  assert.equal(wordsOf(10 * 3_600_000), '0, 2 h, 4 h, 6 h, 8 h, 10 h')
  for (let ms = 1; ms < 1e10; ms *= 1.7) {
    const marks = marksOfLength(ms)
    assert.ok(marks.length >= 2 && marks.length <= 7 && marks.at(-1)!.ms <= ms, `${ms}`)
  }
})
