/** Performances made up from a seed: which plays, before which loaders, with what mishaps. */
import { Random } from '../../src/synth/random.ts'
import type { TestEngine } from '../support/engines.ts'
import { manyFiles, PLAYS } from './plays.ts'
import { WATCHES } from './simulated-files.ts'
import { type Mishaps, NO_MISHAPS, type Outcome, type Performance } from './stage.ts'
import { followSubject, type MakeSubject, onceSubject } from './subjects.ts'

/** Steps of the times of files: that of ext4 with a fine clock, of the kernel's tick, of ext3, of FAT; nanoseconds. */
const GRANULARITIES_NS = [1n, 4_000_000n, 1_000_000_000n, 2_000_000_000n] as const

/** What a performance of a campaign is about. */
export const CASES: readonly string[] = [...PLAYS.map(({ name }) => name), 'mixed', 'company']

/** Performed when it is asked for alone: it takes minutes. */
const THIRTY_THOUSAND = 'thirty-thousand'

/**
 * Makes up a performance.
 *
 * @param name - of a play, which is then performed alone; `mixed` performs two or three at once, and `company` does so
 *   before several loaders; `thirty-thousand` is many files, calmly
 */
export function performanceOf(seed: number, name: string, engine: TestEngine): Performance {
  if (name === THIRTY_THOUSAND)
    return {
      seed,
      engine,
      plays: [manyFiles(30_000)],
      subject: followSubject,
      isCalm: true,
      withNaive: false,
    }
  const random = new Random(seed, `campaign ${name}`)
  const isAlone = PLAYS.some((play) => play.name === name)
  return {
    seed,
    engine,
    plays: isAlone ? [name] : several(random),
    subject: random.chance(0.75) ? followSubject : onceSubject,
    others: name === 'company' ? company(random) : [],
    isCalm: isAlone && random.chance(0.2),
    mishaps: random.chance(0.15) ? NO_MISHAPS : mishaps(random),
    watches: random.pick(WATCHES),
    granularityNs: random.pick(GRANULARITIES_NS),
    shortReads: random.pick([0, 0, 0.1, 0.5]),
  }
}

/** Whether everything is as it must be. */
export function isRight({ lost, doubled, invented, problems }: Outcome): boolean {
  return lost.length + doubled.length + invented.length + problems.length === 0
}

function several(random: Random): string[] {
  const names = PLAYS.map((play) => play.name)
  return Array.from({ length: random.between(2, 3) }, () => random.pick(names))
}

function company(random: Random): readonly MakeSubject[] {
  return random.pick([[onceSubject], [followSubject], [onceSubject, followSubject]])
}

function mishaps(random: Random): Mishaps {
  return {
    act: random.pick([0, 0.02, 0.1, 0.4]),
    kill: random.pick([0, 0, 0.002, 0.01]),
    fail: random.pick([0, 0, 0.003, 0.02]),
    full: random.pick([0, 0, 0, 0.01]),
  }
}
