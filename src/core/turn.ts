import { setImmediate as nextTurn } from 'node:timers/promises'

/** Milliseconds of work without a turn that nobody minds; a turn itself costs microseconds. */
const WORK_MS = 50

let last = performance.now()

/**
 * Lets signals, timers and other requests have their turn when this thread has gone without one for a while.
 *
 * The embedded engine answers at once: a loop that only waits for it never gives the thread away by itself, and a
 * signal would be heard when all is done.
 */
export async function takeTurn(): Promise<void> {
  if (performance.now() - last < WORK_MS) return
  await nextTurn()
  last = performance.now()
}
