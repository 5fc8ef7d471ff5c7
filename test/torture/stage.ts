/** Performs plays before a loader, calmly or wildly, and compares what is stored with what there was to read. */
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StoreError } from '../../src/core/errors.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { fingerprint } from '../../src/store/repo/stats.ts'
import { Random } from '../../src/synth/random.ts'
import type { TestEngine } from '../support/engines.ts'
import { Lab, VERIFY_ALL } from '../support/loading.ts'
import { byInode, byPath, type Naive } from './naive.ts'
import { type Acts, type Play, playNamed } from './plays.ts'
import { type SystemCall, systemError, type Watches } from './simulated-files.ts'
import {
  type Look,
  type MakeSubject,
  type Setting,
  type Subject,
  WRITER_POINTS,
} from './subjects.ts'
import type { Findings } from './truth.ts'
import { LOGS, World } from './workload.ts'

/** Chances, of each call of the loader. */
export type Mishaps = {
  /** Files change between two calls. */
  readonly act: number
  /** The process of the loader is killed. */
  readonly kill: number
  /** A call on a file fails: EIO, ESTALE, EMFILE. */
  readonly fail: number
  /** The disk of the database is full. */
  readonly full: number
}

export const NO_MISHAPS: Mishaps = { act: 0, kill: 0, fail: 0, full: 0 }

export type Performance = {
  readonly seed: number
  readonly engine: TestEngine
  /** Plays or their names; each has a log of its own in the same folder. */
  readonly plays: readonly (string | Play)[]
  /** Naive followers see the same. With very many files they take too long. */
  readonly withNaive?: boolean
  readonly subject: MakeSubject
  /** Further loaders on the same store, which look now and then. */
  readonly others?: readonly MakeSubject[]
  readonly isCalm: boolean
  readonly mishaps?: Mishaps
  readonly watches?: Watches
  readonly granularityNs?: bigint
  readonly shortReads?: number
  /** Log names that the loader is given; the folder without. */
  readonly paths?: readonly string[]
}

export type Outcome = Findings & {
  readonly lines: number
  readonly due: number
  readonly stored: number
  /** Records that were read and found stored already. */
  readonly duplicates: number
  readonly kills: number
  readonly naive: { readonly path: NaiveCounts; readonly inode: NaiveCounts }
  /** What is wrong besides. */
  readonly problems: readonly string[]
}

type NaiveCounts = ReturnType<World['truth']['judgeCounts']>

/** The loader's process is gone. */
class Killed extends Error {}

/** Looks in a row, with the clock at rest, after which a loader that commits nothing must be idle. */
const SPINS_MAX = 300
/** Rounds of rest in a row in which nothing is committed: late news came, and all files had their turn. */
const QUIET_ROUNDS = 4
const ROUNDS_MAX = 40
const LOG_NAMES = ['cowrie.json', 'beta.json', 'gamma.log', 'delta']

export async function perform(performance: Performance): Promise<Outcome> {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = fastFolder()
  try {
    await using lab = await Lab.open(performance.engine)
    const run = new Run(performance, lab)
    return await run.perform()
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
}

class Run {
  readonly #performance: Performance
  readonly #lab: Lab
  readonly #world: World
  readonly #random: Random
  readonly #acting: Acts[]
  readonly #naive: { readonly path: Naive; readonly inode: Naive } = {
    path: byPath(),
    inode: byInode(),
  }
  readonly #problems: string[] = []
  readonly #setting: Omit<Setting, 'process'>
  #subject: Subject | undefined
  #others: (Subject | undefined)[] = []
  #kills = 0
  #isKilled = false
  /** Mishaps happen now. */
  #isArmed = false

  constructor(performance: Performance, lab: Lab) {
    const { seed, plays } = performance
    this.#performance = performance
    this.#lab = lab
    this.#world = new World(seed, {
      ...(performance.watches === undefined ? {} : { watches: performance.watches }),
      ...(performance.granularityNs === undefined
        ? {}
        : { granularityNs: performance.granularityNs }),
      ...(performance.shortReads === undefined ? {} : { shortReads: performance.shortReads }),
    })
    this.#random = new Random(seed, 'stage')
    this.#acting = plays.map((play, i) =>
      begun(typeof play === 'string' ? playNamed(play) : play, this.#world, LOG_NAMES[i]!),
    )
    this.#setting = {
      database: lab.database,
      clock: this.#world.clock,
      paths: performance.paths ?? [LOGS],
      onWriter: () => this.#onWriter(),
    }
    this.#world.files.hook = (call) => this.#onCall(call)
  }

  async perform(): Promise<Outcome> {
    if (this.#performance.isCalm) await this.#performCalmly()
    else await this.#performWildly()
    // What became of a torn end or a broken archive is decided after a while of quiet.
    for (let i = 0; i < 3; i += 1) {
      await this.#rest()
      this.#world.clock.advanceMs(30 * 60_000)
    }
    await this.#rest()
    for (const other of this.#others) await other?.end()
    // What the others noted at their end is looked at once.
    if (this.#others.length > 0) await this.#rest()
    await this.#checkIdle()
    const open = (await this.#subject?.end()) ?? 0
    if (open > 0) this.#problems.push(`${open} files are still open at the end`)
    return this.#judge()
  }

  #begin(make: MakeSubject): Promise<Subject> {
    return make({ ...this.#setting, process: this.#world.files.process() })
  }

  async #performCalmly(): Promise<void> {
    for (const acts of this.#acting) {
      for (const moment of acts) {
        if (moment === 'look') await this.#look()
        else if (moment === 'rest') await this.#rest()
      }
    }
  }

  async #performWildly(): Promise<void> {
    const random = this.#random
    while (this.#acting.length > 0) {
      const acts = random.int(5)
      for (let i = 0; i < acts; i += 1) this.#act()
      this.#isArmed = true
      try {
        await this.#look()
        await this.#lookOthers()
      } finally {
        this.#isArmed = false
      }
      this.#world.clock.advanceMs(random.pick([0, 1, 3, 500, 2_600, 40_000]))
      if (random.chance(0.15)) await this.#rest()
    }
  }

  #act(): void {
    if (this.#acting.length === 0) return
    const i = this.#random.int(this.#acting.length)
    if (this.#acting[i]!.next().done === true) this.#acting.splice(i, 1)
    this.#world.clock.advanceNs(BigInt(this.#random.int(3_000_000)))
  }

  #onCall({ name }: SystemCall): void {
    if (!this.#isArmed) return
    const { act, kill, fail } = this.#performance.mishaps ?? NO_MISHAPS
    const random = this.#random
    if (random.chance(act)) this.#act()
    this.#mayKill(kill)
    // A watch that cannot be had is no failure.
    if (name !== 'watch' && random.chance(fail))
      throw systemError(random.pick(['EIO', 'ESTALE', 'EMFILE']))
  }

  /** A process that is gone does nothing more, whatever it makes of the failure. */
  #mayKill(chance: number): void {
    if (!this.#isKilled && !this.#random.chance(chance)) return
    this.#isKilled = true
    throw new Killed()
  }

  #onWriter(): void {
    if (!this.#isArmed) return
    const { act, kill, full } = this.#performance.mishaps ?? NO_MISHAPS
    const random = this.#random
    if (random.chance(act)) this.#act()
    // Ten points of the writer are as many chances as a hundred calls on files.
    this.#mayKill(kill * WRITER_POINTS.length)
    if (random.chance(full))
      throw new StoreError('STORE_DISK_FULL', 'The disk is full, says the test.', { hint: '' })
  }

  /** One look of the loader, and of the naive ones. */
  async #look(): Promise<Look> {
    const { files } = this.#world
    files.deliver()
    if (!this.#isArmed && this.#performance.withNaive !== false) {
      this.#naive.path.look(files, LOGS)
      this.#naive.inode.look(files, LOGS)
    }
    const look = await this.#disturbed(async () => {
      this.#subject ??= await this.#begin(this.#performance.subject)
      return await this.#subject.look()
    })
    if (look !== undefined) return look
    await this.#subject?.drop()
    this.#subject = undefined
    return { isIdle: false, committed: 0 }
  }

  /** The others look until they are idle, while the first one goes on: each may wait for what another has taken. */
  async #lookOthers(): Promise<void> {
    for (const [i, make] of (this.#performance.others ?? []).entries()) {
      if (this.#random.chance(0.6)) continue
      let isDone = false
      const looking = this.#turnOf(i, make).then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      looking.then(() => {
        isDone = true
      })
      while (!isDone) {
        await this.#look()
        await new Promise((resolve) => setImmediate(resolve))
      }
      const failure = await looking
      if (failure !== undefined) throw failure.error
    }
  }

  async #turnOf(i: number, make: MakeSubject): Promise<void> {
    const look = await this.#disturbed(async () => {
      this.#others[i] ??= await this.#begin(make)
      let found = await this.#others[i].look()
      for (let spins = 0; !found.isIdle && spins < SPINS_MAX; spins += 1)
        found = await this.#others[i].look()
      return found
    })
    if (look !== undefined) return
    // At once: what it had taken ends with it, and others may wait for that.
    await this.#others[i]?.drop()
    this.#others[i] = undefined
  }

  /** @returns undefined when the loader did not survive it */
  async #disturbed(work: () => Promise<Look>): Promise<Look | undefined> {
    this.#isKilled = false
    try {
      const look = await work()
      if (!this.#isKilled) return look
      throw new Killed()
    } catch (error) {
      if (!this.#isMeant(error)) throw error
      this.#kills += 1
      return undefined
    }
  }

  #isMeant(error: unknown): boolean {
    if (error instanceof Killed) return true
    if (!(error instanceof StoreError)) return false
    // What loaders take is theirs by process, and all of these are one: the store itself refuses the second of two.
    const isCompany = (this.#performance.others ?? []).length > 0
    return error.code === 'STORE_DISK_FULL' || (isCompany && error.code === 'STORE_BUSY')
  }

  /** Looks until nothing is new; then everything that lies there must be stored. */
  async #rest(): Promise<void> {
    const { clock, files, truth } = this.#world
    let quiet = 0
    for (let round = 0; quiet < QUIET_ROUNDS; round += 1) {
      if (round === ROUNDS_MAX) {
        this.#problems.push(`something is new in each of ${round} rounds of rest`)
        break
      }
      // An end without a line end is old enough; what failed is due again.
      clock.advanceMs(quiet < QUIET_ROUNDS / 2 ? 2_500 : 70_000)
      quiet = (await this.#drain()) === 0 ? quiet + 1 : 0
    }
    truth.allRead(files.present(LOGS))
  }

  /** Looks until the loader is idle. @returns records committed */
  async #drain(): Promise<number> {
    let committed = 0
    for (let spins = 0; spins < SPINS_MAX; spins += 1) {
      const look = await this.#look()
      committed += look.committed
      if (look.isIdle) return committed
      if (look.committed > 0) spins = 0
    }
    this.#problems.push(`${SPINS_MAX} looks in a row neither committed anything nor were idle`)
    return committed
  }

  /** With nothing new nothing is opened and nothing is written. */
  async #checkIdle(): Promise<void> {
    const { calls } = this.#world.files
    const opened = calls.get('open') ?? 0
    await this.#look()
    const more = (calls.get('open') ?? 0) - opened
    if (more > 0) this.#problems.push(`a look with nothing new opened ${more} files`)
  }

  async #judge(): Promise<Outcome> {
    const { truth } = this.#world
    const lab = this.#lab
    const stored = await lab.events()
    const findings = truth.judge(stored)
    const verdict = await verifyStore(lab.store.reads(), VERIFY_ALL)
    if (!verdict.ok) this.#problems.push(`verify: ${JSON.stringify(verdict)}`)
    this.#problems.push(...(await lab.problems()))
    const [{ n }] = (await lab.all<{ n: number | string }>(
      'select coalesce(sum(duplicate), 0) as n from batches',
    )) as [{ n: number | string }] // an aggregate has one row
    const prints = [await fingerprint(lab.store.fingerprintRows())]
    prints.push(await calmFingerprint(this.#performance.engine, truth.linesOf(stored)))
    if (prints[0] !== prints[1])
      this.#problems.push('the fingerprint is not that of a calm load of the same lines')
    await this.#checkReplay(stored.length)
    return {
      ...findings,
      lines: truth.lines,
      due: truth.due,
      stored: stored.length,
      duplicates: Number(n),
      kills: this.#kills,
      naive: {
        path: truth.judgeCounts(this.#naive.path.counts),
        inode: truth.judgeCounts(this.#naive.inode.counts),
      },
      problems: this.#problems,
    }
  }

  /** A further loader that finds the files as they are adds nothing. */
  async #checkReplay(before: number): Promise<void> {
    const subject = await this.#begin(this.#performance.subject)
    await subject.look()
    this.#world.clock.advanceMs(3_000)
    await subject.look()
    await subject.end()
    const after = (await this.#lab.events()).length
    if (after !== before) this.#problems.push(`another run stored ${after - before} events more`)
  }
}

function begun(play: Play, world: World, name: string): Acts {
  return play.acts(world, world.log(name))
}

/** The fingerprint of a store into which these lines were loaded from one file. */
async function calmFingerprint(engine: TestEngine, lines: string): Promise<string> {
  await using lab = await Lab.open(engine)
  writeFileSync(lab.path('cowrie.json'), lines)
  await lab.load()
  return await fingerprint(lab.store.fingerprintRows())
}

/** A folder in memory where there is one. */
export function fastFolder(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    if (bavail * bsize > 2 ** 30) {
      rmSync(mkdtempSync(join('/dev/shm', 'nacre-test-')), { recursive: true })
      return '/dev/shm'
    }
  } catch {
    // There is none, or it may not be written to.
  }
  return tmpdir()
}
