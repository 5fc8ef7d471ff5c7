/** Slow: every pattern over long texts made against it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { LIMITS } from '../../src/limits.ts'
import { readRules } from '../../src/neutralize/rules/load.ts'
import { cpuMs } from '../support/cost.ts'

const RULES = readRules(pathToFileURL(`${join(import.meta.dirname, '../..')}/rules/`))
const PATTERNS = RULES.filter((rule) => rule.pattern !== undefined)

/** Quadratic time on a text of the limit takes 500 ms and more; a busy machine makes 15 ms look like 100. */
const SLACK = 10

test('slow: every pattern compiles for the linear engine of a fresh Node', () => {
  const program = `
    const patterns = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
    for (const pattern of patterns) new RegExp(pattern, 'l').test('a')
    console.log(patterns.length)`
  const out = execFileSync(
    process.execPath,
    ['--enable-experimental-regexp-engine', '--eval', program],
    { input: JSON.stringify(PATTERNS.map((rule) => rule.pattern)) },
  )
  assert.equal(Number(out.toString()), PATTERNS.length)
})

test('slow: no pattern takes long for a text made against it', (t) => {
  let worst = { id: '', ms: 0 }
  for (const rule of PATTERNS) {
    const linear = new RegExp(rule.pattern!, 'l')
    const quick = new RegExp(rule.pattern!)
    const first = rule.matches[0]!
    for (const piece of [first.slice(0, -1), rule.literals[0]!, ' a;=<(1|']) {
      const text = piece
        .toLowerCase()
        .repeat(Math.ceil(LIMITS.ruleTextCharsMax / piece.length))
        .slice(0, LIMITS.ruleTextCharsMax)
      const ms = best(() => linear.test(text))
      if (ms > worst.ms) worst = { id: rule.id, ms }
      assert.ok(ms < LIMITS.ruleMsMax * SLACK, `${rule.id} took ${ms} ms`)

      const short = text.slice(0, LIMITS.ruleQuickCharsMax)
      const quickMs = best(() => quick.test(short))
      assert.ok(quickMs < LIMITS.ruleMsMax * SLACK, `${rule.id} took ${quickMs} ms when short`)
    }
  }
  t.diagnostic(`slowest: ${worst.id}, ${worst.ms.toFixed(1)} ms`)
})

/** Milliseconds of the faster of two runs, so that a collection of garbage is not taken for a slow pattern. */
function best(run: () => void): number {
  let ms = Number.POSITIVE_INFINITY
  for (let i = 0; i < 2 && ms > 5; i++) {
    ms = Math.min(ms, cpuMs(run))
  }
  return ms
}
