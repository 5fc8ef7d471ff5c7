import { fromBytes } from './bytes.ts'
import type { Trace } from './trace.ts'

const RUN = /(?:\\{1,2}x[0-9A-Fa-f]{2})+/g

/** `\xNN`, also with a doubled backslash; a run of them is a run of bytes. */
export function undoXEscapes(text: string, trace: Trace): string {
  const undone = text.replace(RUN, (run) => fromBytes(Buffer.from(run.replace(/\\+x/g, ''), 'hex')))
  if (undone !== text) trace.layers.add('x-escape')
  return undone
}
