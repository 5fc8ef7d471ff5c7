// Runs all tests, or the files named, and ends with the line "N passed, N failed, N skipped".
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { prepare, root } from './bootstrap.mjs'

const node = prepare()
const files =
  process.argv.length > 2
    ? process.argv.slice(2).map((path) => resolve(path))
    : spawnSync(node, ['-p', 'JSON.stringify(fs.globSync("test/**/*.test.ts").sort())'], {
        cwd: root,
      }).stdout.toString()
const list = typeof files === 'string' ? JSON.parse(files) : files
const folder = join(root, '.tmp')
mkdirSync(folder, { recursive: true })
const summary = join(folder, `summary-${process.pid}.json`)
const postgres = await startPostgres()
const result = spawnSync(
  node,
  [
    '--test',
    '--test-concurrency=2',
    '--test-timeout=600000',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'tools', 'summary-reporter.mjs')}`,
    `--test-reporter-destination=${summary}`,
    ...list,
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...postgres.environment } },
)
await postgres.end()
const counts = JSON.parse(readFileSync(summary, 'utf8'))
rmSync(summary)
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exit(result.status === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1)

/**
 * Starts the server of the second engine's tests. Where NACRE_TEST_POSTGRES is set already, that server is
 * taken; set to nothing, it stands for none. However this process ends, the server ends after it.
 */
async function startPostgres() {
  const none = { environment: {}, end: async () => {} }
  if (process.env.NACRE_TEST_POSTGRES !== undefined) return none
  const child = spawn(node, [join(root, 'test', 'support', 'postgres-main.ts')], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...memoryFolder() },
  })
  child.stdin.on('error', () => {})
  const ended = new Promise((done) => {
    child.once('exit', done)
    child.once('error', done)
  })
  const end = async () => {
    child.stdin.end()
    await ended
  }
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([text]) => text),
    ended.then(() => '{"error":"it ended at once"}'),
  ])
  const { url, error } = JSON.parse(line)
  if (url !== undefined) return { environment: { NACRE_TEST_POSTGRES: url }, end }
  await end()
  console.log(`No PostgreSQL, so the tests of the second engine will be skipped: ${error}`)
  return none
}

/** Databases of tests in memory, where there is room for them: making one there takes a tenth of the time. */
function memoryFolder() {
  if (process.env.TMPDIR !== undefined) return {}
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize > 4 * 2 ** 30 ? { TMPDIR: '/dev/shm' } : {}
  } catch {
    return {}
  }
}
