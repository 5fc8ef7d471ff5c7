import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SafeText } from '../../src/core/text.ts'
import { ORACLES } from '../../src/output/oracle/index.ts'
import { OUTPUTS } from '../../src/output/outputs.ts'
import { fc } from '../support/property.ts'
import { FORMS, PAYLOADS, rendered, twinOf } from './payloads.ts'

test('the corpus has at least 150 payloads of 17 classes, none twice', () => {
  assert.ok(PAYLOADS.length >= 150)
  assert.ok(new Set(PAYLOADS.map((one) => one.class)).size >= 17)
  assert.equal(new Set(PAYLOADS.map((one) => one.id)).size, PAYLOADS.length)
})

// What addresses are made of, so that random texts hold addresses within addresses.
const ADDRESS_PARTS = [
  'http',
  'ldap',
  'www.',
  ':',
  '//',
  '\\\\',
  '.',
  '@',
  '192.0.2.7',
  'evil.example',
].concat(['256', '::', '%3a', 'hxxp', '[.]', ' ', 'é', '-', '_', 'javascript:', '.com', ':80'])

for (const output of OUTPUTS) {
  const twin = twinOf(output)
  const judge = ORACLES[output.name]
  describe(`as ${output.name}`, () => {
    for (const form of FORMS) {
      test(`every payload ${form.name} stays text`, () => {
        const problems = PAYLOADS.flatMap(({ id, text }) =>
          judge(rendered(output, form.of(text)), twin).map((problem) => `${id}: ${problem}`),
        )
        assert.deepEqual(problems, [])
      })
    }

    test('two payloads side by side stay text', () => {
      const pairs = PAYLOADS.map(
        ({ text }, i) => text + PAYLOADS[(i * 7 + 3) % PAYLOADS.length]!.text,
      )
      const problems = pairs.flatMap((text, i) =>
        judge(rendered(output, text as SafeText), twin).map((problem) => `pair ${i}: ${problem}`),
      )
      assert.deepEqual(problems, [])
    })

    test('any string stays text', () => {
      const any = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc
          .array(fc.constantFrom(...PAYLOADS.map((one) => one.text)), { maxLength: 4 })
          .map((all) => all.join('')),
        fc.array(fc.constantFrom(...ADDRESS_PARTS), { maxLength: 14 }).map((all) => all.join('')),
      )
      fc.assert(
        fc.property(any, (text) =>
          assert.deepEqual(judge(rendered(output, text as SafeText), twin), []),
        ),
        { numRuns: 300 },
      )
    })

    test('the judge sees what leaks: a payload pasted into the document is a problem', () => {
      const pasted = ['<b>x</b>', '\u001b[31m', '"\n=1+1', '`|`', "' OR '"].filter(
        (text) => judge(twin.replace('harmless', text), twin).length > 0,
      )
      assert.ok(pasted.length >= 2, `only ${JSON.stringify(pasted)}`)
    })
  })
}
