// Plain JavaScript for any Node from 20 on: brings the Node and the packages that everything else here needs.
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const node = join(root, 'node_modules', 'node', 'bin', 'node')
const isWindows = process.platform === 'win32'

/** Installs what the lock file names, unless it is there already, and builds. @returns the path of the right Node */
export function prepare() {
  if (!isInstalled()) {
    console.log('Installing packages (npm ci) ...')
    run(isWindows ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund'])
  }
  if (!existsSync(node))
    fail(
      `npm did not bring the right Node (${node} is missing). Run "npm ci" and look at its messages.`,
    )
  for (const part of ['tsconfig.build.json', 'tsconfig.client.json'])
    run(node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, part)])
  return node
}

function isInstalled() {
  // What is linked here belongs to another checkout: npm ci would empty it.
  const modules = lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })
  if (modules?.isSymbolicLink()) return true
  const marker = join(root, 'node_modules', '.package-lock.json')
  return (
    existsSync(node) &&
    existsSync(marker) &&
    statSync(marker).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
  )
}

/** Runs a program in the project folder and gives up when it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error !== undefined) fail(`${program} could not be started: ${result.error.message}`)
  if (result.status !== 0)
    fail(`${program} ${args.join(' ')} ended with status ${result.status ?? result.signal}.`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
