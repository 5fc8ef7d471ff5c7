import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PlainObject, parseJson } from '../../src/core/json.ts'
import { EventScorer } from '../../src/neutralize/score.ts'
import { rules } from '../support/loading.ts'

const OWN_RULE = 'hazard.object.prototype'
const HOSTILE = '<script>alert(1)</script>'

test('a field whose name every object has is scored like any unknown field', () => {
  const scorer = new EventScorer(rules)
  const unknown = scorer.score(parseJson(JSON.stringify({ unheard_of: HOSTILE })) as PlainObject)
  assert.ok(unknown !== undefined && unknown.hazard > 0)
  const scored = (name: string) =>
    scorer.score(parseJson(`{"${name}":${JSON.stringify(HOSTILE)}}`) as PlainObject)
  for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty'])
    assert.deepEqual(scored(name), unknown, name)
  // This name is a hazard of its own.
  assert.deepEqual(
    JSON.parse(scored('__proto__')!.hits).filter(([, rule]: string[]) => rule !== OWN_RULE),
    JSON.parse(unknown.hits),
  )
})
