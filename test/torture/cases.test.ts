/** What happens to logs, one play after the other: nothing is lost, nothing doubled, nothing invented. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { LIMITS } from '../../src/limits.ts'
import { ENGINES, type TestEngine } from '../support/engines.ts'
import { Lab } from '../support/loading.ts'
import { CASES, isRight, performanceOf } from './campaign.ts'
import { type NaiveFate, PLAYS } from './plays.ts'
import { systemError } from './simulated-files.ts'
import { type Outcome, perform } from './stage.ts'
import { followSubject, onceSubject, type Setting } from './subjects.ts'
import { LOGS, World } from './workload.ts'

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

describe('what was found here, and mended', () => {
  test('a file that cannot be read to its end does not bring the load down with the next one', async () => {
    const world = new World(1, { shortReads: 0 })
    const [broken, whole] = [world.log('a.json'), world.log('b.json')]
    broken.log(50)
    // More than one read, so that records of it were taken when it broke off.
    while (world.files.content(broken.path).length < 3 * LIMITS.readChunkBytes) broken.log(50)
    whole.log(20)
    let reads = 0
    world.files.hook = ({ name, path }) => {
      if (name !== 'read' || path !== broken.path) return
      reads += 1
      if (reads === READS_OF_THE_PROBE + 6) throw systemError('EIO')
    }
    await using lab = await Lab.open(sqlite)
    const subject = await onceSubject(settingOf(lab, world))
    await subject.look()
    assert.ok(reads >= READS_OF_THE_PROBE + 6, 'it broke off')
    assert.ok((await lab.events()).length >= 20, 'the other file is stored')
    world.files.hook = () => {}
    await subject.look()
    await subject.end()
    world.truth.allRead(world.files.present(LOGS))
    assert.deepEqual(world.truth.judge(await lab.events()), RIGHT)
  })

  test('an archive of which the first call reads one byte is an archive all the same', async () => {
    const outcome = await perform({
      seed: 22,
      engine: sqlite,
      plays: ['gzip-members'],
      subject: onceSubject,
      isCalm: true,
      shortReads: 1,
    })
    assertRight(outcome)
  })

  for (const [claim, name, seed] of [
    [
      'what grows is read while a long file is under way, each with its own dictionary',
      'rename',
      1,
    ],
    ['an open file that was quiet for days is not let go before it is read', 'late-day', 1000],
    ['the same after a kill', 'late-day', 1008],
    ['a text of which a file holds another each time is not read for ever', 'rewrite-same-tick', 1],
  ] as const)
    test(claim, async () => {
      assertRight(await perform(performanceOf(seed, name, sqlite)))
    })
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

/** Calls that look at a file before it is read. */
const READS_OF_THE_PROBE = 4
const RIGHT = { lost: [], doubled: [], invented: [] }

function settingOf(lab: Lab, world: World): Setting {
  return {
    database: lab.database,
    process: world.files.process(),
    clock: world.clock,
    paths: [LOGS],
    onWriter: () => {},
  }
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
