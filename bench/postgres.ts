/**
 * Measures loads, moves, reports and verification on PostgreSQL: CPU seconds of the program and of the server together.
 * The server is that of the tests, with its durability switched on and on the disk of the temporary folder.
 *
 *     node bench/postgres.ts [--events N] [--style current|legacy]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { missingBinaries, TestServer } from '../test/support/postgres-server.ts'

const root = join(import.meta.dirname, '..')
const nacre = join(root, 'bin', 'nacre')
const folder = join(root, '.tmp', 'bench')

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    style: { type: 'string', default: 'current' },
  },
})
const events = Number(values.events)

const missing = missingBinaries()
if (missing !== false) {
  console.log(`PostgreSQL is not measured: ${missing}.`)
  process.exit(0)
}

console.log(
  `Machine: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}`,
)
mkdirSync(folder, { recursive: true })
const logs = join(folder, `${values.style}-${events}`)
if (!existsSync(join(logs, 'truth.json'))) {
  rmSync(logs, { recursive: true, force: true })
  const options = [
    '--days',
    '30',
    '--sensors',
    '3',
    '--style',
    values.style,
    '--gzip',
    '--seed',
    '7',
  ]
  spawnSync(nacre, ['synth', '--out', logs, '--events', String(events), ...options])
}

const server = await TestServer.start({
  settings: ['fsync=on', 'full_page_writes=on', 'shared_buffers=512MB', 'max_wal_size=4GB'],
})
try {
  const client = new pg.Client(server.url())
  await client.connect()
  const version = await client.query<{ v: string }>("select current_setting('server_version') as v")
  console.log(`PostgreSQL ${version.rows[0]!.v}, fsync on, shared_buffers 512 MB`)
  await client.end()

  const url = await server.createDatabase()
  const data = join(folder, 'postgres-data')
  rmSync(data, { recursive: true, force: true })
  const store = ['--store', url, '--data', data]
  run(['init', ...store])
  measure('load into an empty database', ['ingest', 'bulk', logs, ...store, '--json'])
  await size(url)
  rmSync(data, { recursive: true, force: true })
  run(['init', ...store])
  const copy = join(folder, 'spelled-again')
  rmSync(copy, { recursive: true, force: true })
  respell(logs, copy)
  measure('the same events in other files', ['ingest', 'bulk', copy, ...store, '--json'])
  rmSync(copy, { recursive: true, force: true })
  measure('report monthly', ['report', 'monthly', ...store, '--json'])
  measure('verify', ['verify', ...store, '--json'])

  const file = `sqlite:${join(folder, 'postgres-data', 'moved.sqlite')}`
  run(['ingest', 'bulk', logs, '--store', file, '--data', data, '--json'])
  const target = await server.createDatabase()
  measure('move from SQLite, compared', ['db', 'hydrate', '--from', file, '--to', target, '--json'])
  rmSync(data, { recursive: true, force: true })
} finally {
  await server.stop()
}

/** Runs a command; its CPU and the server's, and events by the second of both. */
function measure(what: string, args: readonly string[]): void {
  const before = serverCpu()
  const started = performance.now()
  const done = spawnSync('sh', ['-c', `"$0" "$@" > /dev/null; times >&2`, nacre, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const wall = (performance.now() - started) / 1000
  const last = done.stderr.toString().trim().split('\n').at(-1) ?? ''
  const client = [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, found) => sum + Number(found[1]) * 60 + Number(found[2]),
    0,
  )
  const spent = serverCpu() - before
  console.log(
    `  ${what.padEnd(32)} ${Math.round(events / (client + spent)).toLocaleString('en-GB')} events per CPU second ` +
      `(program ${client.toFixed(2)} s, server ${spent.toFixed(2)} s, wall ${wall.toFixed(1)} s)`,
  )
}

function run(args: readonly string[]): void {
  const done = spawnSync(nacre, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (done.status !== 0) throw new Error(`nacre ${args.slice(0, 2).join(' ')} failed`)
}

/** CPU seconds of the server and all its processes, those that ended included (proc(5), in ticks of 1/100 s). */
function serverCpu(): number {
  const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
  const ticksOf = (pid: string, fields: readonly number[]): number => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      const cells = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields.reduce((sum, field) => sum + Number(cells[field - 3]), 0)
    } catch {
      return 0
    }
  }
  const own = ticksOf(String(server.pid), [14, 15, 16, 17])
  return (
    children
      .trim()
      .split(' ')
      .reduce((sum, pid) => sum + ticksOf(pid, [14, 15]), own) / 100
  )
}

/** The same events, so that each is looked for and found: blanks after colons, one file for each. */
function respell(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const sensor of readdirSync(from, { withFileTypes: true })) {
    if (!sensor.isDirectory()) continue
    for (const file of readdirSync(join(from, sensor.name)).filter((name) =>
      name.endsWith('.gz'),
    )) {
      const path = join(from, sensor.name, file)
      spawnSync('sh', [
        '-c',
        `zcat "$0" | sed 's/,"/, "/g' > "$1"`,
        path,
        join(to, `${sensor.name}-${file.slice(0, -3)}`),
      ])
    }
  }
}

async function size(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query<{ bytes: string; events: string }>(
    `select pg_database_size(current_database()) as bytes,
            (select sum(pg_total_relation_size(relid)) from pg_partition_tree('raw_events')) as events`,
  )
  await client.end()
  const truth = JSON.parse(readFileSync(join(logs, 'truth.json'), 'utf8')) as {
    readonly totals: { readonly bytes: number }
  }
  console.log(
    `  database ${(Number(rows[0]!.bytes) / truth.totals.bytes).toFixed(2)} x the lines, ${(Number(rows[0]!.events) / events).toFixed(0)} bytes an event in raw_events`,
  )
}
