// From a fresh clone to a first report: npm run quickstart [-- /path/to/logs]
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { prepare, root } from './bootstrap.mjs'

const paths = process.argv.slice(2)
const from = process.env.INIT_CWD ?? process.cwd()
const logs =
  paths.length > 0 ? paths.map((path) => resolve(from, path)) : [join(root, 'examples', 'logs')]
for (const path of logs) {
  if (!existsSync(path)) {
    console.error(
      `There is no ${path}. Name a file or folder with Cowrie logs: npm run quickstart -- /path/to/logs`,
    )
    process.exit(1)
  }
}
prepare()
const data =
  process.env.NACRE_DATA ??
  (paths.length > 0 ? join(root, 'nacre-data') : join(root, 'nacre-data', 'quickstart'))
const nacre = join(root, 'bin', 'nacre')

step('Making the data folder', ['init'])
step('Loading the logs', ['ingest', 'bulk', ...logs])
step('Proving that all of it is there and unchanged', ['verify'])
step('The newest day', ['report', 'daily'])

const option = `--data ${data}`
console.log(`
Next, in ${root}:
  ./bin/nacre serve ${option}                     the dashboard, in your browser
  ./bin/nacre report monthly ${option}            figures of the newest month
  ./bin/nacre sessions --limit 20 ${option}       sessions, oldest first
  ./bin/nacre session ID ${option}                one session with all of its events
  ./bin/nacre ingest bulk /path/to/logs ${option} more logs; loading twice adds nothing
  ./bin/nacre status ${option}                    what was read, what is pending
  ./bin/nacre --help                              everything else`)

function step(title, args) {
  console.log(`\n── ${title} ${'─'.repeat(Math.max(0, 70 - title.length))}`)
  const { status } = spawnSync(nacre, [...args, '--data', data], { cwd: root, stdio: 'inherit' })
  // 4: done, but something is held for review.
  if (status !== 0 && status !== 4) process.exit(status ?? 1)
}
