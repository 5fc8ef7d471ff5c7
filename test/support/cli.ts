/** Runs the program as a user does: `bin/nacre` in a process of its own. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const NACRE: string = join(ROOT, 'bin', 'nacre')
/** Material that lies beside the project on the machines of its makers; tests that read it skip without it. */
export const SHARED: string = join(ROOT, '..', 'shared')

export function missingShared(path = ''): string | false {
  return existsSync(join(SHARED, path)) ? false : `../shared/${path} is not there`
}

export type Finished = {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export function nacre(
  args: readonly string[],
  options: { readonly input?: Buffer; readonly env?: Record<string, string> } = {},
): Finished {
  const done = spawnSync(NACRE, args, {
    input: options.input ?? '',
    env: { ...process.env, ...options.env },
    maxBuffer: 1024 * 1024 * 1024,
  })
  return { status: done.status, stdout: done.stdout.toString(), stderr: done.stderr.toString() }
}

/** Runs a command with `--json` and gives its document. */
export function nacreJson<T = Record<string, unknown>>(
  args: readonly string[],
  expected: readonly (number | null)[] = [0],
): T {
  const done = nacre([...args, '--json'])
  if (!expected.includes(done.status))
    throw new Error(
      `nacre ${args.join(' ')} ended with ${done.status}: ${done.stderr.slice(0, 2_000)}`,
    )
  return JSON.parse(done.stdout) as T
}

/**
 * Starts a load and kills it after a while.
 *
 * @param begun - a file from whose making the while counts, so that it does not end before the program has started
 * @returns whether it was still running then
 */
export async function killedLoad(
  args: readonly string[],
  afterMs: number,
  signal: NodeJS.Signals = 'SIGKILL',
  begun?: string,
): Promise<{ readonly wasRunning: boolean; readonly status: number | null }> {
  const child = spawn(NACRE, args, { stdio: 'ignore' })
  const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)))
  while (begun !== undefined && !existsSync(begun) && child.exitCode === null) await delay(10)
  const timer = setTimeout(() => child.kill(signal), afterMs)
  const status = await ended
  clearTimeout(timer)
  return { wasRunning: child.signalCode !== null || status === 130 || status === 143, status }
}

export function temporaryFolder(t: { after(work: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export type Stats = {
  readonly fingerprint: string
  readonly events: number
  readonly sessions: number
  readonly deadLetters: number
  readonly deadRegions: number
  readonly byEventid: Record<string, number>
}

/** What must be the same for the same logs: fingerprint, session rows, dead letters. */
export function answers(
  data: string,
  store?: string,
): {
  readonly stats: Stats
  readonly sessions: string
  readonly report: unknown
} {
  const where = ['--data', data, ...(store === undefined ? [] : ['--store', store])]
  const stats = told(nacreJson<Stats>(['db', 'stats', ...where]))
  const sessions = nacre(['sessions', '--jsonl', ...where]).stdout
  const report = nacreJson<Record<string, unknown>>(['report', 'monthly', ...where])
  const { generatedAt: _, completeness: __, ...figures } = report
  return { stats, sessions, report: figures }
}

/** Statistics without the name of the engine and the number of batches, which the way of loading decides. */
function told(stats: Stats): Stats {
  const { engine: _, batches: __, ...rest } = stats as Stats & { engine: string; batches: number }
  return rest
}
