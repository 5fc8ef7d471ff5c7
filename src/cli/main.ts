import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadSettings } from '../config/load.ts'
import { OutputError } from '../core/errors.ts'
import { ownLines } from '../output/encode/terminal.ts'
import { type App, createApp } from './app.ts'
import { EXIT } from './command.ts'
import { createOutput } from './output.ts'
import { parseCommandLine } from './parse.ts'
import { PROGRAM_VERSION, RULES, SCHEMAS } from './program.ts'
import { reportError } from './report-error.ts'

/**
 * Runs one command line.
 *
 * @returns the exit status
 */
export async function main(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  process.umask(0o077)
  let isJson = argv.includes('--json') || argv.includes('--jsonl')
  let out = createOutput(isJson ? 'json' : 'text', environment)
  let stop: ReturnType<typeof stopOnSignal> | undefined
  let app: App | undefined
  try {
    const parsed = await parseCommandLine(argv, (text) =>
      createOutput('text', environment).result({}, () => ownLines(text)),
    )
    if (parsed === undefined) return EXIT.ok
    isJson = parsed.format === 'json'
    out = createOutput(parsed.format, environment)
    if (parsed.command.endsAtOnce !== true) stop = stopOnSignal()
    const settings = await loadSettings(parsed.global, environment)
    app = createApp({
      settings,
      out,
      signal: stop?.signal ?? new AbortController().signal,
      command: parsed.command.name,
      programVersion: PROGRAM_VERSION,
      schemas: SCHEMAS,
      rules: RULES,
    })
    const status = await parsed.command.run(app, parsed.args, parsed.options)
    return stop?.status() ?? status
  } catch (error) {
    // What was stopped between two steps says so by the reason it was stopped for.
    if (stop?.signal.aborted === true && error === stop.signal.reason)
      return stop.status() ?? EXIT.failed
    return reportError((await app?.explain(error)) ?? error, isJson, out)
  }
}

/** The first signal stops at the next batch boundary; a second one at once (nothing committed is lost by that). */
function stopOnSignal(): { readonly signal: AbortSignal; status(): number | undefined } {
  const controller = new AbortController()
  let status: number | undefined
  const on = (name: NodeJS.Signals, code: number): void => {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(code)
      status = code
      controller.abort(new Error(name))
    })
  }
  on('SIGINT', EXIT.interrupted)
  on('SIGTERM', EXIT.terminated)
  return { signal: controller.signal, status: () => status }
}

/** @returns the exit status */
function stdoutFailed(cause: Error): number {
  const error = new OutputError(
    'OUTPUT_BROKEN_OFF',
    'Standard output did not take the result to its end.',
    {
      hint: 'Look at the free space of the disk it goes to, then run the same command again; what came out is not whole.',
      cause,
    },
  )
  return reportError(error, false, createOutput('text', process.env))
}

const isEntry =
  process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
if (isEntry) {
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    // A reader that went away (`nacre sessions | head`) is no failure; a full disk under `> FILE` is one.
    process.exit(cause.code === 'EPIPE' ? EXIT.ok : stdoutFailed(cause))
  })
  process.exitCode = await main(process.argv.slice(2), process.env)
}
