/**
 * Measures a load as a whole process, on synthetic logs: events per CPU second, memory sampled from outside, size of
 * the database, and where the time goes. Figures are CPU seconds and ratios: wall time depends on who else is there.
 *
 *     npm run bench -- [--events N] [--styles current,legacy] [--jobs 1,2] [--keep]
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const nacre = join(root, 'bin', 'nacre')
const folder = join(root, '.tmp', 'bench')

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    styles: { type: 'string', default: 'current,legacy' },
    jobs: { type: 'string', default: '1,2' },
    keep: { type: 'boolean', default: false },
  },
})
const events = Number(values.events)

type Run = { readonly cpu: number; readonly wall: number; readonly peakMiB: number }

/** Runs a shell command and asks the shell for the CPU time of its children (POSIX `times`). */
async function measure(command: string): Promise<Run> {
  const started = performance.now()
  const child = spawn('sh', ['-c', `${command}\ntimes >&3`], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  let text = ''
  child.stdio[3]?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, treeRss(child.pid ?? 0))
  }, 100)
  await new Promise((resolve) => child.on('close', resolve))
  clearInterval(timer)
  const last = text.trim().split('\n').at(-1) ?? ''
  const cpu = [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, found) => sum + Number(found[1]) * 60 + Number(found[2]),
    0,
  )
  return { cpu, wall: (performance.now() - started) / 1000, peakMiB: peak }
}

/** Resident memory of the largest process below another, MiB. */
function treeRss(pid: number): number {
  let most = 0
  const waiting = [pid]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    try {
      const children = readFileSync(`/proc/${next}/task/${next}/children`, 'utf8').trim()
      if (children !== '') waiting.push(...children.split(' ').map(Number))
      const found = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${next}/status`, 'utf8'))
      most = Math.max(most, Number(found?.[1] ?? 0) / 1024)
    } catch {
      // The process ended between two looks.
    }
  }
  return most
}

function rate(cpu: number): string {
  return `${Math.round(events / cpu).toLocaleString('en-GB')} events per CPU second`
}

/** Where the time of a load goes, from a profile of one with a single thread. */
function budget(logs: string): void {
  const data = join(folder, 'profiled')
  const profiles = join(folder, 'profiles')
  rmSync(data, { recursive: true, force: true })
  rmSync(profiles, { recursive: true, force: true })
  const done = spawnSync(
    process.execPath,
    [
      '--cpu-prof',
      `--cpu-prof-dir=${profiles}`,
      join(root, 'dist', 'cli', 'main.js'),
      'ingest',
      'bulk',
      logs,
      '--jobs',
      '1',
      '--data',
      data,
      '--json',
    ],
    { stdio: 'ignore' },
  )
  const file = done.status === 0 ? readdirSync(profiles)[0] : undefined
  if (file === undefined) return
  const profile = JSON.parse(readFileSync(join(profiles, file), 'utf8')) as Profile
  const totals = stageTimes(profile)
  const all = [...totals.values()].reduce((sum, one) => sum + one, 0)
  console.log('  budget, microseconds an event (one thread, sampled):')
  for (const [stage, time] of [...totals].sort((a, b) => b[1] - a[1]))
    console.log(
      `    ${stage.padEnd(22)} ${(time / events).toFixed(2).padStart(6)}  ${((100 * time) / all).toFixed(0).padStart(3)} %`,
    )
  rmSync(data, { recursive: true, force: true })
  rmSync(profiles, { recursive: true, force: true })
}

type ProfileNode = {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
  readonly children?: readonly number[]
}
type Profile = {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Each sample belongs to the innermost frame that one of these names. */
const STAGES: readonly (readonly [RegExp, string])[] = [
  [/garbage collector/, 'garbage collection'],
  [/core\/(blake3|merkle|bytes)|seal\/view|hash-wasm|wasm:/, 'hash (leaves, rows)'],
  [/seal\/records/, 'seal (blocks, zstd)'],
  [/source\//, 'read (gunzip)'],
  [/decode\/framer|decode\/scanner/, 'split'],
  [/decode\/decode.*byteFacts|decode\/.*isCleanText/, 'gate'],
  [/decode\//, 'parse, canonical form'],
  [/validate\//, 'validate'],
  [/neutralize\/(unwrap|shell|rules|score|scoring|standard)/, 'unwrap, rules, score'],
  [/neutralize\//, 'neutralize, describe'],
  [/seal\/envelope/, 'encrypt'],
  [/batch-builder/, 'pack'],
  [/writer.*#insertEvents/, 'rows'],
  [/writer.*#(dictionary|flushDailyValues|isNewValue|groupOccurrences)/, 'values'],
  [/writer.*#(session|flushSessions|summarize|offer)/, 'sessions'],
  [/writer.*(commit|#write|#flush|begin)/, 'commit, blocks'],
]

function stageTimes(profile: Profile): Map<string, number> {
  const parents = new Map<number, ProfileNode>()
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  for (const node of profile.nodes)
    for (const child of node.children ?? []) parents.set(child, node)
  const stages = new Map<number, string>()
  const stageOf = (node: ProfileNode): string => {
    const known = stages.get(node.id)
    if (known !== undefined) return known
    const name = `${node.callFrame.url} ${node.callFrame.functionName}`
    const parent = parents.get(node.id)
    const found =
      STAGES.find(([pattern]) => pattern.test(name))?.[1] ??
      (parent === undefined ? 'other' : stageOf(parent))
    stages.set(node.id, found)
    return found
  }
  const totals = new Map<string, number>()
  profile.samples.forEach((id, i) => {
    const node = nodes.get(id)
    if (node === undefined || node.callFrame.functionName === '(idle)') return
    const stage = stageOf(node)
    totals.set(stage, (totals.get(stage) ?? 0) + (profile.timeDeltas[i] ?? 0))
  })
  return totals
}

console.log(
  `Machine: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}`,
)
mkdirSync(folder, { recursive: true })

for (const style of values.styles.split(',')) {
  const logs = join(folder, `${style}-${events}`)
  if (!existsSync(join(logs, 'truth.json'))) {
    rmSync(logs, { recursive: true, force: true })
    spawnSync(
      nacre,
      [
        'synth',
        '--out',
        logs,
        '--events',
        String(events),
        '--days',
        '30',
        '--sensors',
        '3',
        '--style',
        style,
        '--gzip',
        '--seed',
        '7',
      ],
      { stdio: 'ignore' },
    )
  }
  const truth = JSON.parse(readFileSync(join(logs, 'truth.json'), 'utf8')) as {
    readonly totals: { readonly bytes: number }
  }
  const raw = truth.totals.bytes
  console.log(
    `\n${style}: ${events.toLocaleString('en-GB')} events, ${(raw / 2 ** 20).toFixed(0)} MiB of lines, ${(raw / events).toFixed(0)} bytes each, gzip`,
  )
  const floor = await measure(
    `find '${logs}' -name 'cowrie*.gz' -exec cat {} + | zcat | wc -l >/dev/null`,
  )
  console.log(`  zcat | wc -l        ${rate(floor.cpu)}`)
  if (spawnSync('sh', ['-c', 'command -v sqlite3']).status === 0) {
    const lines = join(folder, 'lines.txt')
    await measure(`find '${logs}' -name 'cowrie*.gz' -exec cat {} + | zcat > '${lines}'`)
    const shell = await measure(
      `rm -f '${folder}/shell.sqlite'; sqlite3 '${folder}/shell.sqlite' 'create table l (line text)' '.mode ascii' '.separator "\u0001" "\\n"' ".import ${lines} l" "create table e as select line, json_extract(line, '$.eventid') as e, json_extract(line, '$.session') as s, json_extract(line, '$.timestamp') as t from l"`,
    )
    console.log(`  sqlite3 .import     ${rate(shell.cpu)}`)
    rmSync(lines)
    rmSync(join(folder, 'shell.sqlite'), { force: true })
  } else {
    console.log('  sqlite3 .import     not measured: the shell is not installed')
  }
  let data = ''
  for (const jobs of values.jobs.split(',')) {
    data = join(folder, 'data')
    rmSync(data, { recursive: true, force: true })
    const run = await measure(
      `'${nacre}' ingest bulk '${logs}' --jobs ${jobs} --data '${data}' --json`,
    )
    const size = statSync(join(data, 'nacre.sqlite')).size
    console.log(
      `  nacre --jobs ${jobs}      ${rate(run.cpu)}, ${Math.round(events / run.wall).toLocaleString('en-GB')} a second of wall time, ` +
        `peak ${run.peakMiB.toFixed(0)} MiB, ${(floor.cpu / run.cpu).toFixed(3)} of zcat | wc -l, database ${(size / raw).toFixed(2)} x the lines`,
    )
  }
  const start = await measure(`'${nacre}' --version`)
  const report = await measure(`'${nacre}' report monthly --data '${data}' --json`)
  console.log(
    `  report monthly      ${(report.cpu - start.cpu).toFixed(2)} s of CPU above program start (${start.cpu.toFixed(2)} s)`,
  )
  const verify = await measure(`'${nacre}' verify --data '${data}' --json`)
  console.log(
    `  verify              ${rate(verify.cpu)} with summaries, peak ${verify.peakMiB.toFixed(0)} MiB`,
  )
  const seals = await measure(`'${nacre}' verify --since 2000-01-01 --data '${data}' --json`)
  console.log(
    `  verify --since      ${rate(seals.cpu)} seals and view, peak ${seals.peakMiB.toFixed(0)} MiB`,
  )
  budget(logs)
  rmSync(data, { recursive: true, force: true })
}
if (!values.keep) rmSync(folder, { recursive: true, force: true })
