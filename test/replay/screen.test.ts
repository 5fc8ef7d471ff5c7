/** Our screen against that of xterm.js, which is a dependency of tests alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import xterm from '@xterm/headless'
import { Filter } from '../../src/replay/filter.ts'
import { Screen, WIDE_TAIL } from '../../src/replay/screen.ts'
import { fc } from '../support/property.ts'

const E = '\u001b'
const COLUMNS = 20
const ROWS = 6

function ours(text: string): { readonly lines: string[]; readonly stepsUsed: number } {
  const steps = { left: 1e9 }
  const screen = new Screen(COLUMNS, ROWS, steps, () => {})
  new Filter(screen, steps, COLUMNS).write(Buffer.from(text))
  const lines = screen.rows.map((row) =>
    Array.from(row.codes, (code) =>
      code === WIDE_TAIL ? '' : code === 0 ? ' ' : String.fromCodePoint(code),
    )
      .join('')
      .trimEnd(),
  )
  return { lines, stepsUsed: 1e9 - steps.left }
}

async function theirs(text: string): Promise<string[]> {
  const terminal = new xterm.Terminal({
    cols: COLUMNS,
    rows: ROWS,
    convertEol: true,
    scrollback: 0,
    allowProposedApi: true,
  })
  await new Promise<void>((resolve) => terminal.write(text, resolve))
  const buffer = terminal.buffer.active
  const lines = Array.from({ length: ROWS }, (_, i) =>
    buffer
      .getLine(buffer.baseY + i)!
      .translateToString(true)
      .trimEnd(),
  )
  terminal.dispose()
  return lines
}

const count = fc.constantFrom('', '0', '1', '2', '3', '5', '9', '20')
const words = fc.constantFrom('a', 'bc', 'hello', 'xxxxxxx', '漢', '字字', 'é', 'Z9 ')
// A move before an erasure: with a full line xterm.js erases beyond the cursor, and terminals do not agree.
const sequence = fc
  .tuple(count, fc.constantFrom(...'ABCDEFGdXP@LMSTKJbaeI`'))
  .map(([n, final]) => (final === 'b' ? `q${E}[3b` : `${E}[C${E}[${n}${final}`))
const place = fc
  .tuple(count, count, fc.constantFrom('H', 'f', 'r'))
  .map(([a, b, final]) => `${E}[${a};${b}${final}`)
const other = fc.constantFrom(
  '\r',
  '\n',
  '\b',
  '\t',
  `${E}7${E}[3;4H${E}8`,
  `${E}D`,
  `${E}E`,
  `${E}M`,
  `${E}[4h`,
  `${E}[4l`,
  `${E}(0lqk${E}(B`,
  `${E}[?1049habc\n${E}[?1049l`,
  `${E}]0;t\u0007`,
  `${E}[31m`,
  `${E}Pq#${E}\\`,
  `${E}[6n`,
  `${E}[?1000h`,
)

test('the screen shows what xterm.js shows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(words, sequence, place, other), { maxLength: 25 }),
      async (parts) => {
        const text = parts.join('')
        assert.deepEqual(ours(text).lines, await theirs(text))
      },
    ),
    { numRuns: 600 },
  )
})

test('no sequence takes more steps than a screen has cells and rows', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(words, sequence, place, other), { maxLength: 25 }),
      fc.tuple(fc.nat(99_999), fc.integer({ min: 0x40, max: 0x7e })),
      (parts, [n, final]) => {
        const before = parts.join('')
        const last = `x${E}[${n}${String.fromCharCode(final)}`
        const used = ours(before + last).stepsUsed - ours(before).stepsUsed
        assert.ok(used <= 20 * (COLUMNS + ROWS) + 1_000, `${used}`)
      },
    ),
  )
})

test('work ends within one sequence of its bound', () => {
  const steps = { left: 5_000 }
  const screen = new Screen(COLUMNS, ROWS, steps, () => {})
  const taken = new Filter(screen, steps, COLUMNS).write(Buffer.alloc(1e6, `x${E}[2J`))
  assert.ok(taken > 0 && taken < 5_000)
  assert.ok(steps.left > -1_000)
})
