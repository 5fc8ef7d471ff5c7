import { DistinctCount } from './counting.ts'

/** The figures of a span of time, of a sensor, or of both. */
export type SpanFigures = {
  readonly events: number
  readonly sessions_started: number
  readonly unique_ips: number
  readonly login_attempts: number
  readonly login_success: number
  readonly login_failed: number
  readonly commands: number
  readonly command_events: number
  readonly downloads: number
  readonly uploads: number
  readonly failed_downloads: number
  readonly unique_files: number
}

/** The same with the events by kind. */
export type SpanTruth = SpanFigures & { readonly by_eventid: Readonly<Record<string, number>> }

/** How many addresses and files can occur more than once. */
export type PoolSizes = { readonly addresses: number; readonly files: number }

/** Counters of one span; distinct values are added by whoever knows the span is meant. */
export class Span {
  readonly ips: DistinctCount
  readonly files: DistinctCount
  started = 0
  readonly #events = new Map<string, number>()

  constructor(sizes: PoolSizes) {
    this.ips = new DistinctCount(sizes.addresses)
    this.files = new DistinctCount(sizes.files)
  }

  addEvent(eventid: string): void {
    this.#events.set(eventid, this.#of(eventid) + 1)
  }

  /** Adds what can be added; distinct values cannot. */
  addSums(other: Span): void {
    for (const [eventid, count] of other.#events)
      this.#events.set(eventid, this.#of(eventid) + count)
    this.started += other.started
  }

  figures(): SpanFigures {
    const success = this.#of('cowrie.login.success')
    const failed = this.#of('cowrie.login.failed')
    const commands = this.#of('cowrie.command.input')
    return {
      events: [...this.#events.values()].reduce((sum, count) => sum + count, 0),
      sessions_started: this.started,
      unique_ips: this.ips.count,
      login_attempts: success + failed,
      login_success: success,
      login_failed: failed,
      commands,
      command_events: commands + this.#of('cowrie.command.failed'),
      downloads: this.#of('cowrie.session.file_download'),
      uploads: this.#of('cowrie.session.file_upload'),
      failed_downloads: this.#of('cowrie.session.file_download.failed'),
      unique_files: this.files.count,
    }
  }

  truth(): SpanTruth {
    return { ...this.figures(), by_eventid: sortedRecord(this.#events) }
  }

  reset(): void {
    this.ips.reset()
    this.files.reset()
    this.#events.clear()
    this.started = 0
  }

  #of(eventid: string): number {
    return this.#events.get(eventid) ?? 0
  }
}

/** Counters as a record in the order of their names. */
export function sortedRecord(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}
