import { OperatingError, UsageError } from '../core/errors.ts'
import { toVisible } from '../neutralize/visible.ts'
import { ownLines, terminal } from '../output/encode/terminal.ts'
import { EXIT } from './command.ts'
import type { Output } from './output.ts'

/** Says what went wrong. @returns the exit status */
export function reportError(error: unknown, isJson: boolean, out: Output): number {
  if (error instanceof OperatingError) {
    out.note(
      terminal`nacre: ${terminal.own(error.message)}\n  ${terminal.own(error.hint)}\n  (${terminal.own(error.code)})`,
    )
    if (isJson)
      out.result(
        {
          error: {
            code: error.code,
            // An argument that it quotes may have been pasted out of a log.
            message: toVisible(error.message),
            hint: toVisible(error.hint),
          },
        },
        () => terminal``,
      )
    return error instanceof UsageError ? EXIT.usage : EXIT.failed
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  out.note(
    terminal`nacre: a fault in the program; nothing that was committed is lost.\n${ownLines(stack)}`,
  )
  if (isJson)
    out.result(
      {
        error: {
          code: 'PROGRAM_FAULT',
          message: 'a fault in the program',
          hint: 'Report the message on standard error.',
        },
      },
      () => terminal``,
    )
  return EXIT.failed
}
