import { fromBytes } from './bytes.ts'
import type { Trace } from './trace.ts'

const RUN = /(?:\\0?[0-3][0-7]{2})+/g

/** `\NNN` and `\0NNN`. */
export function undoOctal(text: string, trace: Trace): string {
  const undone = text.replace(RUN, (run) =>
    fromBytes(
      Buffer.from(
        run
          .split('\\')
          .slice(1)
          .map((digits) => Number.parseInt(digits, 8) & 0xff),
      ),
    ),
  )
  if (undone !== text) trace.layers.add('octal')
  return undone
}
