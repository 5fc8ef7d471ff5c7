/** The follower on the files of the machine, told of changes by the machine. */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { after, describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { LIMITS } from '../../src/limits.ts'
import { Follower } from '../../src/pipeline/delta.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { systemFiles } from '../../src/source/files.ts'
import { ENGINES, type TestEngine } from '../support/engines.ts'
import {
  event,
  Lab,
  NOW_US,
  rules,
  signingKey,
  testStages,
  VERIFY_ALL,
  VERSIONS,
} from '../support/loading.ts'

/** A folder of logs that is followed; its time passes when the test says so. */
class Scene {
  readonly #lab: Lab
  readonly #written: string[] = []
  #follower: Follower | undefined
  #close: () => Promise<void> = async () => {}
  #monotonicMs = 0

  constructor(lab: Lab) {
    this.#lab = lab
  }

  path(name: string): string {
    return this.#lab.path(name)
  }

  /** So many new events as lines; they count as written. */
  lines(count: number): string {
    let text = ''
    for (let i = 0; i < count; i += 1) {
      const no = this.#written.length
      const line = JSON.stringify(
        event({
          session: (0xc00000000000 + no).toString(16),
          timestamp: new Date(Date.UTC(2026, 4, 1) + no * 1_000).toISOString(),
        }),
      )
      this.#written.push(line)
      text += `${line}\n`
    }
    return text
  }

  append(name: string, count: number): void {
    appendFileSync(this.path(name), this.lines(count))
  }

  /** Steps until nothing is new, several times, with seconds between. */
  async rest(): Promise<void> {
    for (let round = 0; round < 5; round += 1) {
      this.#monotonicMs += round === 4 ? 70_000 : 3_000
      await this.steps()
    }
  }

  /** Steps until nothing is new. */
  async steps(): Promise<void> {
    const follower = await this.#following()
    let idle = 0
    while (idle < 3) {
      // News from the system come in turns of the loop.
      await turn()
      idle = (await follower.step()).isIdle ? idle + 1 : 0
    }
  }

  /** The follower goes away without a word, and another comes. */
  async begin(): Promise<void> {
    this.#follower?.close()
    this.#follower = undefined
    await this.#close()
    this.#close = async () => {}
  }

  /** Waits for the system to tell of a change; nothing else makes the follower look. */
  async untilStored(count: number): Promise<void> {
    const follower = await this.#following()
    let stored = (await this.#lab.events()).length
    while (stored < count) {
      await turn()
      if ((await follower.step()).committed > 0) stored = (await this.#lab.events()).length
    }
  }

  get written(): number {
    return this.#written.length
  }

  async check(): Promise<void> {
    await this.rest()
    await this.#follower?.finish()
    await this.#close()
    const expected = this.#written.map((line) => keyOf(JSON.parse(line)))
    const found = (await this.#lab.events()).map(({ payload }) => keyOf(payload))
    assert.deepEqual(found.sort(), expected.sort())
    assert.deepEqual(await this.#lab.problems(), [])
    assert.equal((await verifyStore(this.#lab.store.reads(), VERIFY_ALL)).ok, true)
  }

  async #following(): Promise<Follower> {
    if (this.#follower !== undefined) return this.#follower
    const store = await this.#lab.openAgain()
    const writer = store.writer({ ...VERSIONS, rules: rules.texts })
    this.#follower = new Follower(
      {
        paths: [this.#lab.folder],
        ownFolders: [],
        sensor: undefined,
        sensorOf: () => undefined,
        acceptEnriched: false,
        clock: () => NOW_US,
        monotonicMs: () => this.#monotonicMs,
        signal: new AbortController().signal,
        chunkBytes: LIMITS.readChunkBytes,
        files: systemFiles,
        signingKey,
        pollMs: 2_000,
        recordsPerSecondMax: () => 0,
      },
      store,
      writer,
      testStages(writer.needs),
    )
    this.#close = async () => {
      await writer.close()
      await store.close()
    }
    return this.#follower
  }
}

function keyOf(value: unknown): string {
  const { session, timestamp } = value as Readonly<Record<string, unknown>> // an event of this test
  return `${session} ${timestamp}`
}

const LOG = 'cowrie.json'

const SCENES: readonly { readonly claim: string; play(scene: Scene): Promise<void> }[] = [
  {
    claim: 'a log that is appended to, renamed and begun anew',
    async play(scene) {
      for (let day = 1; day <= 3; day += 1) {
        scene.append(LOG, 20)
        await scene.steps()
        scene.append(LOG, 5)
        renameSync(scene.path(LOG), scene.path(`${LOG}.2026-05-0${day}`))
        scene.append(LOG, 5)
        await scene.steps()
      }
    },
  },
  {
    claim: 'a log that is renamed and compressed at once',
    async play(scene) {
      scene.append(LOG, 50)
      await scene.steps()
      scene.append(LOG, 10)
      renameSync(scene.path(LOG), scene.path(`${LOG}.1`))
      writeFileSync(scene.path(`${LOG}.1.gz`), gzipSync(readFileSync(scene.path(`${LOG}.1`))))
      rmSync(scene.path(`${LOG}.1`))
      scene.append(LOG, 10)
    },
  },
  {
    claim: 'a log that is copied and emptied',
    async play(scene) {
      scene.append(LOG, 50)
      await scene.steps()
      copyFileSync(scene.path(LOG), scene.path(`${LOG}.1`))
      truncateSync(scene.path(LOG), 0)
      scene.append(LOG, 80)
    },
  },
  {
    claim: 'a log that is deleted while it is written, after its last lines were seen',
    async play(scene) {
      scene.append(LOG, 50)
      await scene.rest()
      rmSync(scene.path(LOG))
      scene.append(LOG, 80)
    },
  },
  {
    claim: 'a link that is swapped from one log to the next',
    async play(scene) {
      for (const day of ['a', 'b', 'c']) {
        scene.append(`cowrie-${day}`, 10)
        symlinkSync(`cowrie-${day}`, scene.path('next'))
        renameSync(scene.path('next'), scene.path(LOG))
        await scene.steps()
        scene.append(`cowrie-${day}`, 10)
      }
    },
  },
  {
    claim: 'copies that are written under a temporary name and renamed',
    async play(scene) {
      let whole = ''
      for (let round = 0; round < 3; round += 1) {
        whole += scene.lines(30)
        writeFileSync(scene.path(`.${LOG}.Xy12Zw`), whole)
        renameSync(scene.path(`.${LOG}.Xy12Zw`), scene.path(LOG))
        await scene.rest()
      }
    },
  },
  {
    claim: 'an archive that grows while it is looked at',
    async play(scene) {
      const packed = gzipSync(scene.lines(300))
      for (let at = 0; at < packed.length; at += 1_000) {
        appendFileSync(scene.path(`${LOG}.gz`), packed.subarray(at, at + 1_000))
        await scene.steps()
      }
    },
  },
  {
    claim: 'a line that comes in pieces, hours apart',
    async play(scene) {
      scene.append(LOG, 10)
      const line = scene.lines(1)
      for (let at = 0; at < line.length; at += 100) {
        appendFileSync(scene.path(LOG), line.slice(at, at + 100))
        await scene.rest()
      }
    },
  },
  {
    claim: 'a log with two names of which one goes',
    async play(scene) {
      scene.append(LOG, 10)
      linkSync(scene.path(LOG), scene.path('second'))
      await scene.rest()
      rmSync(scene.path(LOG))
      scene.append('second', 10)
    },
  },
  {
    claim: 'folders that come, with logs in them, and go away and come back',
    async play(scene) {
      const inner = `sensor-2/2026/${LOG}`
      mkdirSync(dirname(scene.path(inner)), { recursive: true })
      scene.append(inner, 10)
      await scene.rest()
      renameSync(scene.path('sensor-2'), `${scene.path('.')}-away`)
      await scene.rest()
      renameSync(`${scene.path('.')}-away`, scene.path('sensor-2'))
      scene.append(inner, 10)
    },
  },
  {
    claim: 'what happens while nobody follows',
    async play(scene) {
      scene.append(LOG, 20)
      await scene.rest()
      await scene.begin()
      scene.append(LOG, 20)
      renameSync(scene.path(LOG), scene.path(`${LOG}.1`))
      scene.append(LOG, 20)
      writeFileSync(scene.path(`${LOG}.2.gz`), gzipSync(readFileSync(scene.path(`${LOG}.1`))))
    },
  },
  {
    claim: 'a log that the system tells of, without any look in between',
    async play(scene) {
      scene.append(LOG, 1)
      await scene.steps()
      for (let i = 0; i < 20; i += 1) {
        scene.append(LOG, 1)
        await scene.untilStored(scene.written)
      }
    },
  },
  {
    claim: 'a thousand small files, of which some grow',
    async play(scene) {
      for (let i = 0; i < 1_000; i += 1) scene.append(`day-${i}.json`, 1)
      await scene.rest()
      for (let i = 0; i < 1_000; i += 111) scene.append(`day-${i}.json`, 2)
    },
  },
]

for (const engine of ENGINES) {
  describe(`real files, ${engine.name}: each line is stored once`, { skip: engine.missing }, () => {
    after(() => engine.end?.())
    for (const { claim, play } of scenesOf(engine)) {
      test(claim, async () => {
        await using lab = await Lab.open(engine)
        const scene = new Scene(lab)
        await play(scene)
        await scene.check()
      })
    }
  })
}

/** All of them on the engine that costs little, a handful on the other. */
function scenesOf(engine: TestEngine): typeof SCENES {
  return engine === ENGINES[0] ? SCENES : SCENES.slice(0, 4)
}
