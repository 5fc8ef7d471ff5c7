/** What happens to logs, one play after the other: nothing is lost, nothing doubled, nothing invented. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { ENGINES, type TestEngine } from '../support/engines.ts'
import { CASES, isRight, performanceOf } from './campaign.ts'
import { type NaiveFate, PLAYS } from './plays.ts'
import { type Outcome, perform } from './stage.ts'
import { followSubject, onceSubject } from './subjects.ts'

const [sqlite] = ENGINES as [TestEngine]

/** Plays that only a better follower than the naive ones can fail in, and why they are played. */
const TRAPS: Readonly<Record<string, string>> = {
  'rsync-in-place': 'the same bytes are written again: who compares too much begins anew',
  'gzip-members': 'an archive that grows must not be begun anew, nor taken for finished',
  'becomes-a-log': 'what was no log when it was first looked at must be looked at again',
  'many-files': 'no look may cost as much as all files',
}

describe('following', () => {
  for (const play of PLAYS) {
    test(play.claim, async () => {
      const outcome = await perform({
        seed: 1,
        engine: sqlite,
        plays: [play.name],
        subject: followSubject,
        isCalm: true,
      })
      assertRight(outcome)
      assert.ok(outcome.due > 5, 'there was something to read')
      const naive = { path: fateOf(outcome.naive.path), inode: fateOf(outcome.naive.inode) }
      assert.deepEqual(naive, play.naive, 'what the naive followers make of it')
      const isTrap = TRAPS[play.name] !== undefined
      assert.equal(naive.path === 'right' && naive.inode === 'right', isTrap)
    })
  }
})

describe('loading again and again what is there', () => {
  for (const play of PLAYS) {
    test(`${play.claim} (--once)`, async () => {
      const outcome = await perform({
        seed: 2,
        engine: sqlite,
        plays: [play.name],
        subject: onceSubject,
        isCalm: true,
      })
      assertRight(outcome)
    })
  }
})

describe('with files that change between any two calls, lost news, failing calls, kills and full disks', () => {
  for (const name of CASES) {
    test(`nothing is lost, doubled or invented: ${name}`, async () => {
      for (const seed of [11, 12]) {
        assertRight(await perform(performanceOf(seed, name, sqlite)), `seed ${seed}`)
      }
    })
  }
})

for (const engine of ENGINES.slice(1)) {
  describe(`on ${engine.name}`, { skip: engine.missing }, () => {
    after(() => engine.end?.())
    for (const name of ['numbered', 'copytruncate', 'gzip-growing', 'fork', 'mixed', 'company']) {
      test(`nothing is lost, doubled or invented: ${name}`, async () => {
        assertRight(await perform(performanceOf(21, name, engine)), 'seed 21')
      })
    }
  })
}

function assertRight(outcome: Outcome, when = ''): void {
  const { lost, doubled, invented, problems } = outcome
  assert.ok(
    isRight(outcome),
    `${when} lost ${lost.length}, doubled ${doubled.length}, invented ${invented.length}: ${[...lost, ...doubled, ...invented].slice(0, 3).join(' | ')} ${problems.join('; ')}`,
  )
}

function fateOf({ lost, doubled }: Outcome['naive']['path']): NaiveFate {
  if (lost > 0) return doubled > 0 ? 'loses and doubles' : 'loses'
  return doubled > 0 ? 'doubles' : 'right'
}
