import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textWidth, wrapped } from '../../src/core/terminal.ts'
import { terminal } from '../../src/output/encode/terminal.ts'
import { fc } from '../support/property.ts'

test('a long text is folded behind a blank where one is in reach, else between characters', () => {
  const folded = (text: string, width: number) =>
    wrapped(terminal.own(text), width).map((line) => line.text)
  assert.deepEqual(folded('wget http and then run it', 10), ['wget http ', 'and then ', 'run it'])
  assert.deepEqual(folded('a abcdefghijklmno', 10), ['a abcdefgh', 'ijklmno'])
  assert.deepEqual(folded('abcdefghij', 10), ['abcdefghij'])
  assert.deepEqual(folded('', 10), [])
})

test('folded lines fit, and put together are the text', () => {
  const text = fc.array(fc.constantFrom('a', ' ', '\u4e2d', '-'), { maxLength: 200 })
  fc.assert(
    fc.property(text, fc.integer({ min: 4, max: 60 }), (characters, width) => {
      const whole = terminal.own(characters.join(''))
      const lines = wrapped(whole, width)
      assert.equal(lines.map((line) => line.text).join(''), whole.text)
      for (const line of lines) assert.ok(textWidth(line) <= width)
    }),
  )
})
