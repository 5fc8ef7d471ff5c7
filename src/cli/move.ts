import { number } from '../core/terminal.ts'
import { terminal } from '../output/encode/terminal.ts'
import type { MoveReport } from '../store/transfer/move.ts'
import type { App, Store } from './app.ts'
import { verifyAll } from './verify-all.ts'

/** Moves a store into another one, with progress, and compares the two. @throws StoreError */
export async function moveInto(app: App, from: Store, to: Store): Promise<MoveReport> {
  const { moveStore } = await import('../store/transfer/move.ts')
  return moveStore({
    from,
    to,
    command: app.command,
    signal: app.signal,
    progress: (what, rows) =>
      app.out.progress(
        rows > 0 ? terminal`${terminal.own(what)}: ${number(rows)} rows` : terminal.own(what),
      ),
    verify: (reads) => verifyAll(app, reads, to.schemaVersion),
  })
}
