import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collector = (options: { readonly type: 'minor' }) => void

let collector: Collector | undefined

/**
 * Frees what died since the last call: buffers of a batch that has been handed on.
 *
 * V8 learns late that megabytes hang on small objects, and would let tens of megabytes of dead buffers stand. A minor
 * collection costs about a millisecond; called once a batch it keeps a loader within its memory bound.
 */
export function collectYoung(): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc')
    const found: unknown = runInNewContext('gc')
    collector = typeof found === 'function' ? (found as Collector) : () => {}
  }
  collector({ type: 'minor' })
}
