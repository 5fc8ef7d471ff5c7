/** Parameters of lists of sessions: what they cost is bounded before the store is asked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/limits.ts'
import { htmlHref } from '../../src/output/encode/html.ts'
import { FILTERS, linkable, searchOf } from '../../src/web/data/session-query.ts'
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

test('a link of whatever an attacker wrote asks for what filters take and a head can hold', () => {
  for (const text of ['x', '<', '\\u{202E}', 'é', '漢', '\u{1f980}', '%'])
    for (const count of [1, 65, 1_025, 100_000])
      for (const name of ['command', 'credential', 'hassh', 'client', 'file', 'url'] as const) {
        const value = linkable(text.repeat(count))
        assert.ok(value.length <= FILTERS[name].charsMax)
        assert.ok(value.length >= Math.min(count, 400))
        const link = htmlHref(['sessions'], { [name]: value }).text
        assert.ok(link.length < LIMITS.webHeaderBytesMax - 4_096, `${name} ${text}`)
      }
})
