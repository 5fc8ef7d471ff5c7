/**
 * Tells systemd that the service is ready, alive and what it does (sd_notify(3)).
 *
 * Node cannot write to a datagram socket of the file system, and a package that can would have to be compiled: so the
 * program `systemd-notify` does it, which every systemd brings along. The unit needs `NotifyAccess=all`.
 */
import { execFile } from 'node:child_process'

export type Notifier = {
  /** Milliseconds between two signs of life that are asked for; undefined without a watchdog. */
  readonly watchdogMs: number | undefined
  ready(status: string): void
  /** A sign of life. */
  alive(status: string): void
  stopping(): void
}

/**
 * @param environment - `NOTIFY_SOCKET` and `WATCHDOG_USEC` as systemd sets them; without the first nothing is told
 * @param run - starts a program; what becomes of it changes nothing
 */
export function systemdNotifier(
  environment: Readonly<Record<string, string | undefined>>,
  run: (program: string, args: readonly string[]) => void = runQuietly,
): Notifier {
  const isAsked = (environment['NOTIFY_SOCKET'] ?? '') !== ''
  const microseconds = Number(environment['WATCHDOG_USEC'] ?? '')
  const watchdogMs =
    isAsked && Number.isSafeInteger(microseconds) && microseconds > 0
      ? microseconds / 2000
      : undefined
  const tell = (...args: readonly string[]): void => {
    if (isAsked) run('systemd-notify', args)
  }
  return {
    watchdogMs,
    ready: (status) => tell('--ready', `--status=${status}`),
    alive: (status) => tell('WATCHDOG=1', `--status=${status}`),
    stopping: () => tell('STOPPING=1'),
  }
}

function runQuietly(program: string, args: readonly string[]): void {
  execFile(program, [...args], { timeout: 10_000 }, () => {})
}
