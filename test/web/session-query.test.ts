/** Parameters of lists of sessions: what they cost is bounded before the store is asked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/limits.ts'
import { searchOf } from '../../src/web/data/session-query.ts'
import type { Parts } from '../../src/web/parts.ts'
import { NOW_US } from '../support/engines.ts'
import { rules } from '../support/loading.ts'

test('a search takes so many different words and no more, however short they are', async () => {
  const parts = { store: undefined as unknown as Parts['store'], clock: () => NOW_US, rules }
  const words = Array.from({ length: LIMITS.searchWordsMax }, (_, i) => `w${i}`)
  const { conditions } = await searchOf({ text: [...words, ...words].join(' ') }, parts)
  assert.deepEqual(conditions.words, words)
  await assert.rejects(searchOf({ text: [...words, 'x'].join(' ') }, parts), UsageError)
})
