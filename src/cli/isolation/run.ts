/** Runs a command of this program as a child process without network. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { ExportError } from '../../core/errors.ts'
import { LIMITS } from '../../limits.ts'
import { type App, isPostgresUrl } from '../app.ts'
import { EXIT } from '../command.ts'
import { ALLOWED_VARIABLE, type AllowedAddress } from './mark.ts'

export type IsolatedRun = {
  /** Words of the command line, as this process was given them. */
  readonly args: readonly string[]
  /** Paths, or starts of paths, that it may write to; everything else is only read. */
  readonly writes: readonly string[]
}

/**
 * Runs the command; its standard output and error are those of this process.
 *
 * A signal is handed on, and then there is time to end at a row.
 *
 * @returns its exit status
 * @throws ExportError `EXPORT_NO_CHILD`
 */
export async function runIsolated(app: App, { args, writes }: IsolatedRun): Promise<number> {
  const allowed = await serverOf(app)
  const node = [process.execPath, ...nodeOptions(writes), process.argv[1]!, ...args]
  // A server on the network is not reached from an empty one; a socket that is a file is.
  const isLocal = allowed.every((one) => 'path' in one)
  const [program, ...words] = [...(isLocal ? emptyNetwork() : []), ...node]
  const { NODE_OPTIONS: _, ...environment } = process.env
  const child = spawn(program!, words, {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...environment, [ALLOWED_VARIABLE]: JSON.stringify(allowed) },
    // A group of its own: what is typed at the terminal reaches this process, which hands it on once.
    detached: true,
  })
  child.stdin.on('error', () => {})
  const status = await ended(app, child)
  if (status !== null) return status
  if (app.signal.aborted) return EXIT.terminated
  throw new ExportError(
    'EXPORT_NO_CHILD',
    'The process that was to write was ended from outside.',
    {
      hint: 'Look whether the machine ran out of memory, and run the command again.',
    },
  )
}

async function ended(app: App, child: ChildProcess): Promise<number | null> {
  let timer: NodeJS.Timeout | undefined
  const stop = (): void => {
    child.kill('SIGTERM')
    timer ??= setTimeout(() => child.kill('SIGKILL'), LIMITS.isolatedStopMs)
  }
  if (app.signal.aborted) stop()
  app.signal.addEventListener('abort', stop, { once: true })
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code
  } catch (cause) {
    throw new ExportError('EXPORT_NO_CHILD', 'The process that was to write did not start.', {
      hint: 'Look whether more processes may be started here (ulimit -u).',
      cause,
    })
  } finally {
    clearTimeout(timer)
    app.signal.removeEventListener('abort', stop)
  }
}

/** Options of Node: its permission model, and the guard before everything else. */
function nodeOptions(writes: readonly string[]): string[] {
  const guard = new URL(import.meta.url.replace(/run(\.[jt]s)$/, 'guard$1'))
  return [
    ...process.execArgv,
    '--permission',
    '--allow-fs-read=*',
    ...writes.map((path) => `--allow-fs-write=${path}`),
    // The embedded engine is one; of it Node warns each time.
    '--allow-addons',
    '--disable-warning=SecurityWarning',
    `--import=${guard.href}`,
  ]
}

/** Words that start a program in a network of its own, in which there is nothing; none where the system has no such. */
export function emptyNetwork(): readonly string[] {
  if (process.platform !== 'linux') return []
  const ways = [
    ['unshare', '--net', '--'],
    ['unshare', '--user', '--map-current-user', '--net', '--'],
    ['unshare', '--map-root-user', '--net', '--'],
  ]
  return (
    ways.find(([program, ...words]) => {
      const tried = spawnSync(program!, [...words, 'true'], {
        stdio: 'ignore',
      })
      return tried.status === 0
    }) ?? []
  )
}

async function serverOf(app: App): Promise<readonly AllowedAddress[]> {
  if (!isPostgresUrl(app.settings.store)) return []
  const { readAddress } = await import('../../store/postgres/address.ts')
  const { host, port } = readAddress(app.settings.store, process.env)
  return [host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }]
}
