import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeAsciicast } from '../../src/replay/asciicast.ts'
import { makeReplay, type Replay } from '../../src/replay/replay.ts'
import { PAYLOADS } from '../hostile/payloads.ts'
import { fc } from '../support/property.ts'
import { ATTACKS } from './attacks.ts'
import { START, ttyLog } from './ttylogs.ts'

const ALLOWED = new RegExp(
  [
    // Moves and erasures with counts of at most three digits, and ink.
    '\\u001b\\[\\d{0,3}(?:;\\d{0,3})?[@A-MPSTXZder]',
    '\\u001b\\[[\\d;]*m',
    '\\u001b\\[(?:4|\\?6|\\?7|\\?25|\\?1049)[hl]',
    '\\u001b[78DEMc]',
    '[\\r\\n\\t\\u0008]',
  ].join('|'),
  'g',
)
const HOSTILE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u

function assertAllowed(values: readonly object[], name = ''): void {
  const [header, ...events] = values as [Record<string, unknown>, ...[number, string, string][]]
  assert.equal(header['version'], 2)
  let before = 0
  for (const [at, kind, text] of events) {
    assert.ok(at >= before, name)
    before = at
    assert.ok(kind === 'o' || kind === 'i', name)
    assert.doesNotMatch(kind === 'o' ? text.replace(ALLOWED, '') : text, HOSTILE, name)
  }
}

function outputOf(values: readonly object[]): string {
  return (values.slice(1) as [number, string, string][])
    .filter(([, kind]) => kind === 'o')
    .map(([, , text]) => text)
    .join('')
}

function lastScreen(replay: Replay): string {
  const screen = new Map<number, string>()
  for (const { lines } of replay.frames)
    for (const { row, runs } of lines) screen.set(row, JSON.stringify(runs))
  return JSON.stringify([...screen].sort(([a], [b]) => a - b))
}

test('the header and the events are those of version 2', () => {
  assert.deepEqual(
    makeAsciicast(
      ttyLog([
        { data: 'ls\n', direction: 1, at: START },
        { data: '\u001b[1ma\n', at: START + 0.5 },
      ]),
    ),
    [
      { version: 2, width: 80, height: 24, timestamp: START, idle_time_limit: 2 },
      [0, 'i', 'ls\\u{0A}'],
      [0.5, 'o', '\u001b[1ma\r\n'],
    ],
  )
})

test('no sequence is written but those that draw', () => {
  for (const [name, data] of Object.entries(ATTACKS))
    assertAllowed(makeAsciicast(ttyLog([{ data }, { data, direction: 1 }])), name)
  for (const { id, text } of PAYLOADS) assertAllowed(makeAsciicast(ttyLog([text])), id)
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 }), (pieces) =>
      assertAllowed(makeAsciicast(ttyLog(pieces.map((data) => ({ data }))))),
    ),
  )
})

test('what players show is what the frames show', () => {
  for (const [name, data] of Object.entries(ATTACKS)) {
    // What is boxed in frames is spelled out in the file.
    if (/bidi|invisible|separators|C1|bytes|controls|marks|wide/.test(name)) continue
    const bytes = ttyLog([{ data }])
    const again = makeReplay(ttyLog([outputOf(makeAsciicast(bytes))]))
    assert.equal(lastScreen(again), lastScreen(makeReplay(bytes)), name)
  }
})

test('a flood ends with a word about it', () => {
  const values = makeAsciicast(ttyLog([{ data: Buffer.alloc(33_000_000, '\u202e') }]))
  assert.match(outputOf(values).slice(-40), /the recording goes on/)
  assertAllowed(values)
})
