import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collector = (options: { readonly type: 'minor' | 'major' }) => void

let collector: Collector | undefined

/** Bytes handed on since the last collection. */
let since = 0

/** A collection costs a millisecond: it is worth it for a megabyte, not for the few lines of a moment. */
const WORTH_BYTES = 1024 * 1024
const BATCH_BYTES = 64 * 1024

/**
 * Frees what died since the last call: buffers of a batch that has been handed on.
 *
 * V8 learns late that megabytes hang on small objects, and would let tens of megabytes of dead buffers stand. A minor
 * collection costs about a millisecond; called once a batch it keeps a loader within its memory bound.
 *
 * @param bytes - of the buffers of this batch; small ones are gathered
 */
export function collectYoung(bytes: number): void {
  // A batch of one line leaves keys, contexts of compression and arrays behind, too.
  since += bytes + BATCH_BYTES
  if (since < WORTH_BYTES) return
  since = 0
  collect('minor')
}

/** Frees all that is dead: some ten milliseconds, for a process that waits most of the time and has grown. */
export function collectAll(): void {
  collect('major')
}

function collect(type: 'minor' | 'major'): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc')
    const found: unknown = runInNewContext('gc')
    collector = typeof found === 'function' ? (found as Collector) : () => {}
  }
  collector({ type })
}
