// Real files, real processes: logs are written, rotated, cut short and compressed while `nacre ingest delta` follows
// them and is killed at random; then what is stored is counted against what was written.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Random } from '../src/synth/random.ts'
import { freshDatabase, missingPostgres } from '../test/support/postgres.ts'
import { RealLog } from '../test/torture/real-log.ts'

const NACRE = fileURLToPath(new URL('../bin/nacre', import.meta.url))

/** @returns the exit status: 0 when nothing was lost or doubled */
export async function tortureLive(options: {
  readonly minutes: number
  readonly seed: number
  readonly engine: string
}): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'nacre-torture-'))
  const logs = join(root, 'logs')
  mkdirSync(logs)
  const database = await databaseOf(options.engine)
  const where = [
    '--data',
    join(root, 'data'),
    ...(database === undefined ? [] : ['--store', database.url]),
  ]
  const random = new Random(options.seed, 'live')
  const written = ['alpha', 'beta', 'gamma'].map(
    (sensor, i) => new RealLog(join(logs, `${sensor}.json`), sensor, options.seed + i),
  )
  let loader: ChildProcess | undefined
  let kills = 0
  try {
    run(['init', ...where])
    const until = performance.now() + options.minutes * 60_000
    while (performance.now() < until) {
      loader ??= spawn(NACRE, ['ingest', 'delta', logs, ...where], { stdio: 'ignore' })
      for (const log of written) log.act()
      await delay(random.between(0, 40))
      if (!random.chance(0.01)) continue
      loader.kill(random.pick(['SIGKILL', 'SIGKILL', 'SIGTERM']))
      await new Promise((resolve) => loader?.once('exit', resolve))
      loader = undefined
      kills += 1
    }
    for (const log of written) log.end()
    // It is given time to read what is there, as it would have; then what is left is loaded.
    await delay(8_000)
    loader?.kill('SIGTERM')
    if (loader !== undefined) await new Promise((resolve) => loader?.once('exit', resolve))
    loader = undefined
    run(['ingest', 'delta', '--once', logs, ...where])
    return verdictOf(where, written, kills)
  } finally {
    loader?.kill('SIGKILL')
    await database?.drop()
    rmSync(root, { recursive: true, force: true })
  }
}

async function databaseOf(
  engine: string,
): Promise<{ readonly url: string; drop(): Promise<void> } | undefined> {
  if (engine === 'sqlite') return undefined
  if (missingPostgres !== false) throw new Error(missingPostgres)
  return await freshDatabase()
}

function verdictOf(where: readonly string[], written: readonly RealLog[], kills: number): number {
  const stats = JSON.parse(run(['db', 'stats', '--json', ...where])) as {
    readonly bySensor: Readonly<Record<string, number>>
  }
  const verify = spawnSync(NACRE, ['verify', ...where])
  let isRight = verify.status === 0
  for (const log of written) {
    const stored = stats.bySensor[log.sensor] ?? 0
    const isAll = stored >= log.due && stored <= log.events
    isRight &&= isAll
    console.log(
      `${log.sensor.padEnd(8)} ${log.events} events written, ${log.due} had to be stored, ${stored} are; ${log.rotations} rotations: ${isAll ? 'right' : 'WRONG'}`,
    )
  }
  console.log(`loader killed ${kills} times; verify ${verify.status === 0 ? 'ok' : 'NOT OK'}`)
  return isRight ? 0 : 1
}

function run(args: readonly string[]): string {
  const done = spawnSync(NACRE, args, { maxBuffer: 1024 * 1024 * 1024 })
  // What stands at the end and is held or cannot be read shows in the counts.
  if (done.status !== 0 && done.status !== 4)
    throw new Error(`nacre ${args.join(' ')} ended with ${done.status}: ${done.stderr}`)
  return done.stdout.toString()
}
