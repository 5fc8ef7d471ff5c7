/** What the red team found beside payloads that a fuzzer can try. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { unwrap } from '../../src/neutralize/unwrap/unwrap.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import { text } from '../../src/output/document.ts'
import { outputNamed } from '../../src/output/outputs.ts'
import { discover } from '../../src/source/discover.ts'
import { withTempFolder } from '../support/loading.ts'

test('a short text is unwrapped into a few times its size at most', () => {
  for (const braces of ['{1..9}'.repeat(9), '{a,b}'.repeat(20), '{1..64}'.repeat(8)]) {
    const made = unwrap(`wget ${braces}`, 'command').texts.reduce(
      (sum, text) => sum + text.length,
      0,
    )
    assert.ok(made < 100_000, `${braces}: ${made}`)
  }
})

test('braces of a path that stand for millions of names are no pattern', async () => {
  await withTempFolder((folder) => {
    const path = join(folder, '{1..9}'.repeat(8))
    const began = performance.now()
    const found = discover([path])
    assert.ok(performance.now() - began < 1_000)
    assert.equal(found.failed[0]?.code, 'SOURCE_NOT_FOUND')
  })
})

test('braces of a path that stand for a few names are a pattern', async () => {
  await withTempFolder((folder) => {
    const found = discover([join(folder, 'cowrie.{1..31}.{json,log}')])
    assert.match(found.failed[0]?.message ?? '', /pattern/)
  })
})

test('blanks at the start of a row are spelled out, so that it is no line of another kind', () => {
  const row = toVisible('      - password: forged')
  const document = {
    kind: 'sessions',
    subject: text(toVisible('x')),
    madeAtUs: 0,
    facts: [],
    tables: [{ name: 'sessions', columns: ['session'], rows: [[text(row)]] }],
    notes: [],
  }
  const shown = outputNamed('text').render(document).text
  assert.doesNotMatch(shown, /^ {3}/m)
  assert.match(shown, /^ {2}(?:\\u\{20\}){6}- password: forged/m)
})
