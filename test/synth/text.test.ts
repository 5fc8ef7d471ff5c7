import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byUtf8, makeText } from '../../src/synth/text.ts'

test('a text is spelled as Python spells it: ASCII, lower-case escapes', () => {
  const text = makeText('a"\\\u001b\u0000é\u{1f600}\ud800\n')
  assert.equal(text.json, 'a\\"\\\\\\u001b\\u0000\\u00e9\\ud83d\\ude00\\ud800\\n')
  assert.equal(JSON.parse(`"${text.json}"`), text.value)
})

test('the escape of Cowrie 3.0.5 goes byte by byte and doubles the backslash', () => {
  const text = makeText('пар\u001b\\"')
  assert.equal(JSON.parse(`"${text.escaped}"`), '\\xd0\\xbf\\xd0\\xb0\\xd1\\x80\\x1b\\\\"')
  assert.equal(makeText('plain 123').escaped, 'plain 123')
})

test('texts are ordered by their UTF-8 bytes', () => {
  const values = [
    '',
    'a',
    'ab',
    'b',
    'é',
    '\uffff',
    '\u{10000}',
    '\u{1f600}',
    'a\u{1f600}',
    'a\uffff',
  ]
  const byBytes = [...values].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  assert.deepEqual([...values].sort(byUtf8), byBytes)
  assert.ok(byUtf8('\u{1f600}', '\u{1f601}') < 0)
})
