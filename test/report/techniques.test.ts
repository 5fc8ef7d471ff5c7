/** Names of ATT&CK techniques against the rules that name them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareUtf8 } from '../../src/core/text.ts'
import { TACTICS, TECHNIQUES } from '../../src/report/techniques.ts'
import { rules } from '../support/loading.ts'

test('every technique that a rule names has a name and a tactic, and there are no others', () => {
  const named = new Set(rules.definitions.flatMap((rule) => rule.techniques))
  assert.deepEqual(Object.keys(TECHNIQUES).sort(compareUtf8), [...named].sort(compareUtf8))
  for (const [name, tactic] of Object.values(TECHNIQUES)) {
    assert.ok(name.length > 3)
    assert.ok(TACTICS.includes(tactic))
  }
})
