// Runs all tests, or the files named, and ends with the line "N passed, N failed, N skipped".
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
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
  { cwd: root, stdio: 'inherit' },
)
const counts = JSON.parse(readFileSync(summary, 'utf8'))
rmSync(summary)
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exit(result.status === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1)
