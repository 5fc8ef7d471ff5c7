/** Alerts to a program of the operator. */
import type { spawn } from 'node:child_process'
import { type Channel, codeOf, type Delivery } from '../channel.ts'
import { messageJson } from '../message.ts'

export type CommandOptions = {
  /** Absolute: what is run does not depend on a search path. */
  readonly file: string
  /** Fixed; nothing of an alert is among them. */
  readonly args: readonly string[]
  /** Of this process; few of its variables are handed on, none of which holds a secret of ours. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly timeoutMs: number
  readonly spawn: typeof spawn
}

/** What a program needs to find others and to write dates; URLs and passwords of ours are not among them. */
const HANDED_ON = ['PATH', 'HOME', 'LANG', 'TZ', 'USER']

/**
 * Runs a program for each message, without a shell. It reads the message as one line of JSON on its standard input;
 * what it prints goes nowhere. With its time it loses its whole process group.
 */
export function commandChannel(options: CommandOptions): Channel {
  return { name: 'command', send: (message, signal) => run(options, messageJson(message), signal) }
}

function run(options: CommandOptions, input: string, signal: AbortSignal): Promise<Delivery> {
  const { file, args, environment, timeoutMs } = options
  if (signal.aborted) return Promise.resolve({ isDelivered: false, result: 'stopped' })
  return new Promise((resolve) => {
    const env = Object.fromEntries(
      HANDED_ON.flatMap((name) => {
        const value = environment[name]
        return value === undefined ? [] : [[name, value]]
      }),
    )
    const child = options.spawn(file, [...args], {
      env,
      cwd: '/',
      shell: false,
      // A group of its own: what it started ends with it.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    let ended = ''
    const end = (why: string): void => {
      ended = why
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It went away in this moment; its exit is on its way.
      }
    }
    const stop = (): void => end('stopped')
    const timer = setTimeout(() => end(`killed after ${timeoutMs / 1000} seconds`), timeoutMs)
    signal.addEventListener('abort', stop, { once: true })
    const settle = (isDelivered: boolean, result: string): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve({ isDelivered, result })
    }
    child.once('error', (error) => settle(false, `not started: ${codeOf(error)}`))
    child.once('exit', (status, killedBy) => {
      if (ended !== '') settle(false, ended)
      else if (status === 0) settle(true, 'exit status 0')
      else settle(false, status === null ? `ended by ${killedBy}` : `exit status ${status}`)
    })
    // It may end without reading: its status says whether that is well.
    child.stdin.on('error', () => {})
    child.stdin.end(`${input}\n`)
  })
}
