import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toVisible, toVisibleParts, visibleName } from '../../src/neutralize/visible.ts'
import { fc } from '../support/property.ts'

const any = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc
    .array(fc.constantFrom('a', '\\', '\\u{1B}', '\\b{FF}', '\u001b', '\ud800'), { maxLength: 8 })
    .map((all) => all.join('')),
)

test('a name in visible form is taken as it stands, whatever it was made of', () => {
  fc.assert(fc.property(any, (text) => assert.equal(visibleName(toVisible(text)), toVisible(text))))
})

test('so is one with bytes that were not UTF-8', () => {
  const shown = toVisibleParts(['x', 0xff, 'y'])
  assert.equal(shown, 'x\\b{FF}y')
  assert.equal(visibleName(shown), shown)
})

test('a name without escapes of its own may be given as it is', () => {
  for (const name of ['sensor-1', 'odd\u001b', 'a\\b', '日本', '\u202ename'])
    assert.equal(visibleName(name), toVisible(name))
})
