/**
 * Measures what reports and the look-up of a session cost: CPU time of whole runs of the program above its mere start, and
 * how long the path from a session id to its events takes inside.
 *
 *     npm run bench:reports -- [--events 1000000] [--data DIR] [--runs 5]
 *
 * Without `--data` a store of so many events of 180 days is made, and removed again.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sealing } from '../src/cli/wiring.ts'
import { formatDay } from '../src/core/instant.ts'
import { ReportQueries } from '../src/store/repo/report.ts'
import { eventsOfSession, fieldsOf, findSessions } from '../src/store/repo/sessions.ts'
import { SqliteStore } from '../src/store/sqlite/store.ts'

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    data: { type: 'string' },
    runs: { type: 'string', default: '5' },
  },
})
const runs = Number(values.runs)

console.log(
  `Machine: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}`,
)

const folder = mkdtempSync(join(tmpdir(), 'nacre-bench-'))

function nacre(args: readonly string[]): void {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist/cli/main.js'), ...args],
    {
      maxBuffer: 2 ** 28,
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(`nacre ${args.join(' ')}: ${stderr}`)
}

/** CPU seconds of the children of this process so far: the system counts them when they end. */
function childSeconds(): number {
  const { stdout } = spawnSync('sh', ['-c', `cat /proc/${process.pid}/stat`], { encoding: 'utf8' })
  const fields = stdout.slice(stdout.lastIndexOf(')') + 2).split(' ')
  // cutime and cstime, in hundredths (proc_pid_stat(5)).
  return (Number(fields[13]) + Number(fields[14])) / 100
}

/** The median of several runs. */
function cpuSeconds(args: readonly string[]): number {
  const all = Array.from({ length: runs }, () => {
    const before = childSeconds()
    nacre(args)
    return childSeconds() - before
  }).sort((a, b) => a - b)
  return all[Math.floor(runs / 2)]!
}

function makeStore(): string {
  const data = join(folder, 'data')
  const logs = join(folder, 'logs')
  nacre(['synth', '--out', logs, '--events', values.events, '--days', '180', '--sensors', '5'])
  nacre(['ingest', 'bulk', logs, '--data', data])
  return data
}

try {
  const data = values.data ?? makeStore()
  const store = await SqliteStore.open({
    ...{
      path: join(data, 'nacre.sqlite'),
      mode: 'read',
      sealing,
      clock: () => 0,
      command: 'bench',
    },
    settings: { cacheSize: -64_000, synchronous: 'normal', pageSize: 16_384 },
  })
  const newest = (await ReportQueries.newestDay(store.query)) ?? 0
  const day = formatDay(newest - 60)

  const start = cpuSeconds(['--version'])
  console.log(`Start of the program: ${start.toFixed(2)} s of CPU`)
  const reports: readonly (readonly string[])[] = [
    ['daily', day],
    ['range', formatDay(newest - 60), formatDay(newest - 53)],
    ['monthly', day.slice(0, 7)],
  ]
  for (const report of reports)
    for (const option of [['--brief'], [], ['--compare', 'previous']]) {
      const seconds = cpuSeconds(['report', ...report, ...option, '--json', '--data', data])
      const name = ['report', ...report, ...option].join(' ')
      console.log(`${name.padEnd(60)} ${(seconds - start).toFixed(2)} s of CPU above the start`)
    }

  const ids: string[] = []
  for await (const one of findSessions(store.query, {}, 20_000)) ids.push(one.session)
  const step = Math.max(1, Math.floor(ids.length / 2_000))
  const times: number[] = []
  for (let i = 0; i < ids.length; i += step) {
    const before = performance.now()
    for await (const one of findSessions(store.query, { session: ids[i]! }, 20))
      for (const event of await eventsOfSession(store.query, one)) fieldsOf(event)
    times.push(performance.now() - before)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): string => times[Math.floor((times.length - 1) * share)]!.toFixed(2)
  console.log(
    `Session by id, with every field of its events, ${times.length} times: median ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`,
  )
  await store.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
