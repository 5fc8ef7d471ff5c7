import type { App } from './app.ts'

/** One option of a command. `--json` and the global options are added to every command. */
export type OptionSpec =
  | { readonly type: 'boolean'; readonly help: string }
  | {
      readonly type: 'string'
      readonly help: string
      readonly value: string
      readonly multiple?: boolean
      readonly choices?: readonly string[]
    }
  | {
      readonly type: 'integer'
      readonly help: string
      readonly value: string
      readonly min: number
      readonly max: number
    }
  | {
      readonly type: 'number'
      readonly help: string
      readonly value: string
      readonly min: number
      readonly max: number
    }

/** Values of the options given, by their long name without dashes; absent options are absent. */
export type OptionValues = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>

/** One command: help, reference page and parsing come from this one object. */
export type Command = {
  /** Words as typed, e.g. `db stats`. */
  readonly name: string
  readonly summary: string
  /** Positional arguments as shown in the help, e.g. `PATH...`; empty for none. */
  readonly arguments: string
  /** Least and most number of positional arguments. */
  readonly argumentCount: readonly [number, number]
  readonly options: Readonly<Record<string, OptionSpec>>
  /** What to type, without the leading `nacre`. */
  readonly examples: readonly string[]
  /** A few sentences for `--help`: what it does, what it leaves alone. */
  readonly description?: string
  /** It only looks, and asks the engine for what may take minutes: a signal ends the process as that of any program. */
  readonly endsAtOnce?: true
  /** Runs the command; the number is the exit status. */
  run(app: App, args: readonly string[], options: OptionValues): Promise<number>
}

/** The exit statuses of the contract. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  tampered: 3,
  held: 4,
  interrupted: 130,
  terminated: 143,
} as const
