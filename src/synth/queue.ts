import type { Session } from './session.ts'

/** The sessions that go on, the one with the earliest next event first (a binary heap). */
export class SessionQueue {
  readonly #sessions: Session[] = []

  get first(): Session | undefined {
    return this.#sessions[0]
  }

  push(session: Session): void {
    const heap = this.#sessions
    let at = heap.length
    heap.push(session)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(session, heap[parent] as Session)) break
      heap[at] = heap[parent] as Session
      at = parent
    }
    heap[at] = session
  }

  /** Puts the first session where it belongs after its `next` moved on, or drops it when it is over. */
  advanceFirst(): void {
    const heap = this.#sessions
    let moving = heap[0] as Session // called with a session in the queue only
    if (moving.next >= moving.events.length) {
      const last = heap.pop() as Session
      if (heap.length === 0) return
      moving = last
    }
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Session, heap[child] as Session)) {
        child += 1
      }
      if (!isBefore(heap[child] as Session, moving)) break
      heap[at] = heap[child] as Session
      at = child
    }
    heap[at] = moving
  }
}

/** The instant of a session's next event; every session has at least one. */
export function nextUs(session: Session): number {
  return session.events[session.next]?.atUs ?? Number.POSITIVE_INFINITY
}

function isBefore(a: Session, b: Session): boolean {
  const difference = nextUs(a) - nextUs(b)
  return difference < 0 || (difference === 0 && a.serial < b.serial)
}
