/**
 * What the dashboard answers under load on a store that is there: clients that ask one thing after the other, each over
 * a connection that it keeps.
 *
 *     npm run bench:dashboard-load -- --data DIR --token TOKEN [--clients 20] [--seconds 30]
 *
 * It starts the program itself. Prints requests a second, how long they took by kind, the delay of the event loop as the
 * server tells it, and the memory of the server before and after.
 * `nacre tokens add` makes the token. Give the server `requests_per_second = 100000` in the section `[serve]` of
 * DIR/nacre.toml, or it refuses most of what is asked.
 */
import { spawn } from 'node:child_process'
import { Agent, get } from 'node:http'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    token: { type: 'string' },
    clients: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '30' },
  },
})
if (values.data === undefined || values.token === undefined) {
  console.error(
    'npm run bench:dashboard-load -- --data DIR --token TOKEN [--clients N] [--seconds N]',
  )
  process.exit(2)
}
const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js')
const server = spawn(process.execPath, [main, 'serve', '--port', '0', '--data', values.data], {
  stdio: ['ignore', 'pipe', 'pipe'],
})
const port = await new Promise<number>((resolve, reject) => {
  let said = ''
  const hear = (part: Buffer): void => {
    said += part.toString()
    const found = /127\.0\.0\.1:(\d+)/.exec(said)
    if (found !== null) resolve(Number(found[1]))
  }
  server.stdout.on('data', hear)
  server.stderr.on('data', hear)
  server.once('exit', () => reject(new Error(said)))
})

type Answer = { readonly status: number; readonly body: string; readonly ms: number }

function ask(path: string, agent: Agent): Promise<Answer> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    get(
      {
        host: '127.0.0.1',
        port,
        path,
        agent,
        headers: { authorization: `Bearer ${values.token}` },
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(parts).toString(),
            ms: performance.now() - started,
          }),
        )
      },
    ).on('error', (cause) =>
      reject(new Error(`${path} after ${(performance.now() - started).toFixed(0)} ms`, { cause })),
    )
  })
}

// Asks so rarely that the server closes what it would keep.
const own = new Agent()

async function figure(name: string): Promise<number> {
  const { body } = await ask('/metrics', own)
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1] ?? Number.NaN)
}

const started = performance.now()
const first = await ask('/api/v1/overview', own)
if (first.status !== 200) throw new Error(first.body)
console.log(
  `Machine: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}`,
)
console.log(
  `First overview, asked for at once after the start: ${(performance.now() - started).toFixed(0)} ms`,
)

type Listed = {
  readonly sessions: readonly { readonly sensor: string; readonly session: string }[]
}
const { sessions } = JSON.parse((await ask('/api/v1/sessions?limit=100', own)).body) as Listed
const sensor = sessions[0]?.sensor ?? ''
const kinds: Readonly<Record<string, readonly string[]>> = {
  overview: ['', '?range=24h', '?range=7d', '?range=180d', `?range=30d&sensor=${sensor}`].map(
    (query) => `/api/v1/overview${query}`,
  ),
  'sessions, plain': ['', '?range=24h', '?threat=50', '?sort=threat', `?sensor=${sensor}`].map(
    (query) => `/api/v1/sessions${query}`,
  ),
  'sessions, found': [
    '?username=root',
    '?text=wget',
    '?technique=T1105',
    '?sort=duration&technique=T1059',
    '?sort=duration&event=cowrie.client.kex',
    '?sort=events&order=asc&withFiles=1',
  ].map((query) => `/api/v1/sessions${query}`),
  session: sessions.map(
    (one) =>
      `/api/v1/sessions/${encodeURIComponent(one.sensor)}/${encodeURIComponent(one.session)}`,
  ),
  search: ['root', 'wget', '192.0.2.7', 'cowrie.login.failed'].map(
    (text) => `/api/v1/search?q=${text}`,
  ),
  others: [
    'sources',
    'quarantine',
    'dead-letters',
    'alerts',
    'anomalies',
    'integrity',
    'rules',
    'audit',
  ].map((name) => `/api/v1/${name}`),
}

const taken = new Map<string, number[]>()
const statuses = new Map<string, number>()
const names = Object.keys(kinds)
const until = performance.now() + Number(values.seconds) * 1_000

async function client(number: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let turn = number; performance.now() < until; turn += 1) {
    const kind = names[turn % names.length]!
    const paths = kinds[kind]!
    const path = paths[Math.floor(turn / names.length) % paths.length]!
    const { status, ms } = await ask(path, agent)
    const outcome = status === 200 ? '200' : `${status} ${path}`
    statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1)
    taken.set(kind, [...(taken.get(kind) ?? []), ms])
  }
  agent.destroy()
}

const before = await figure('process_resident_memory_bytes')
await figure('nacre_event_loop_lag_seconds')
await Promise.all(Array.from({ length: Number(values.clients) }, (_, i) => client(i)))
const lagMs = (await figure('nacre_event_loop_lag_seconds')) * 1_000
const after = await figure('process_resident_memory_bytes')

const report = (kind: string, list: readonly number[]): void => {
  const sorted = list.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0)
  console.log(
    `${kind.padEnd(18)} ${String(list.length).padStart(6)}  p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, most ${at(1)} ms`,
  )
}
const all = [...taken.values()].flat()
console.log(
  `${values.clients} clients: ${(all.length / Number(values.seconds)).toFixed(0)} requests a second`,
)
for (const [kind, list] of taken) report(kind, list)
report('all', all)
for (const [outcome, count] of statuses) console.log(`status ${outcome}: ${count}`)
const mb = (bytes: number): string => (bytes / 1e6).toFixed(0)
console.log(
  `event loop p99 ${lagMs.toFixed(0)} ms; memory of the server ${mb(before)} MB before, ${mb(after)} MB after`,
)
own.destroy()
server.kill('SIGTERM')
