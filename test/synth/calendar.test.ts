import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DAY_US,
  dayText,
  InstantWriter,
  monthText,
  parseDay,
  weekText,
} from '../../src/synth/calendar.ts'

const day = (text: string) => parseDay(text) ?? Number.NaN

test('a day that does not exist is no day', () => {
  for (const text of ['2026-02-30', '2026-13-01', '2026-1-1', 'today', '', '2025-02-29']) {
    assert.equal(parseDay(text), undefined, text)
  }
  assert.equal(dayText(day('2024-02-29')), '2024-02-29')
})

test('weeks belong to the year of their Thursday', () => {
  const weeks: readonly (readonly [string, string])[] = [
    ['2026-01-01', '2026-W01'],
    ['2025-12-29', '2026-W01'],
    ['2025-12-28', '2025-W52'],
    ['2027-01-01', '2026-W53'],
    ['2026-12-31', '2026-W53'],
    ['2027-01-04', '2027-W01'],
    ['2021-01-03', '2020-W53'],
  ]
  for (const [text, week] of weeks) assert.equal(weekText(day(text)), week, text)
  assert.equal(monthText(day('2026-11-30')), '2026-11')
})

test('an instant is written to the microsecond, from midnight to midnight', () => {
  const instants = new InstantWriter()
  const midnight = day('2026-03-01') * DAY_US
  assert.equal(instants.text(midnight), '2026-03-01T00:00:00.000000Z')
  assert.equal(instants.text(midnight - 1), '2026-02-28T23:59:59.999999Z')
  assert.equal(instants.text(midnight + 3_723_004_005), '2026-03-01T01:02:03.004005Z')
})
