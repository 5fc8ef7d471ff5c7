import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PlainObject, parseJson } from '../../src/core/json.ts'
import { EventScorer } from '../../src/neutralize/score.ts'
import { rules } from '../support/loading.ts'

const HOSTILE = '<script>alert(1)</script>'

test('a field whose name every object has is scored like any unknown field', () => {
  const scorer = new EventScorer(rules)
  const unknown = scorer.score(parseJson(JSON.stringify({ unheard_of: HOSTILE })) as PlainObject)
  assert.ok(unknown !== undefined && unknown.hazard > 0)
  for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__']) {
    const view = parseJson(`{"${name}":${JSON.stringify(HOSTILE)}}`) as PlainObject
    assert.deepEqual(scorer.score(view), unknown, name)
  }
})
