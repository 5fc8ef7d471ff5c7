/** Runs a command of this program in a process of its own. */
import { spawn } from 'node:child_process'
import { buffer, text } from 'node:stream/consumers'

/**
 * @param args - words of the command line; no shell reads them, and everybody on the machine can
 * @param more - variables beside our own; for what nobody else shall read
 */
export async function runSelf(
  args: readonly string[],
  more: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ readonly stdout: Buffer; readonly stderr: string; readonly status: number }> {
  const child = spawn(process.execPath, [process.argv[1]!, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...more },
    signal,
  })
  const [stdout, stderr, status] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? 1))
    }),
  ])
  return { stdout, stderr, status }
}
