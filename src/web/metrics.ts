/** Figures of the server for Prometheus. Labels are words of ours: paths as routes write them, never as they were asked. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

type Duration = { readonly buckets: number[]; sumS: number; count: number }

export type SignInResult = 'passed' | 'failed' | 'delayed'

/** What is asked for when the figures are read. */
export type Gauges = {
  readonly signedIn: number
  readonly streams: number
  readonly heldBatches: number
  readonly deadRegions: number
}

export class Metrics {
  readonly #requests = new Map<string, number>()
  readonly #durations = new Map<string, Duration>()
  readonly #signIns: Record<SignInResult, number> = { passed: 0, failed: 0, delayed: 0 }
  readonly #loop = monitorEventLoopDelay({ resolution: 20 })
  #cspReports = 0
  #faults = 0
  #journalFailures = 0

  constructor() {
    this.#loop.enable()
  }

  answered(method: string, route: string, status: number, seconds: number): void {
    const labels = `method="${method}",route="${route}",status="${status}"`
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1)
    const found = this.#durations.get(route) ?? {
      buckets: BUCKETS_S.map(() => 0),
      sumS: 0,
      count: 0,
    }
    BUCKETS_S.forEach((most, i) => {
      if (seconds <= most) found.buckets[i]! += 1
    })
    found.sumS += seconds
    found.count += 1
    this.#durations.set(route, found)
  }

  signIn(result: SignInResult): void {
    this.#signIns[result] += 1
  }

  cspReport(): void {
    this.#cspReports += 1
  }

  fault(): void {
    this.#faults += 1
  }

  journalFailed(): void {
    this.#journalFailures += 1
  }

  close(): void {
    this.#loop.disable()
  }

  /** The text format of Prometheus, version 0.0.4. */
  text(gauges: Gauges): string {
    const lines: string[] = []
    const family = (name: string, type: string, help: string, samples: readonly string[]): void => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples)
    }
    const one = (name: string, type: string, help: string, value: number): void =>
      family(name, type, help, [`${name} ${value}`])
    family(
      'nacre_http_requests_total',
      'counter',
      'Requests that were answered.',
      [...this.#requests].map(([labels, n]) => `nacre_http_requests_total{${labels}} ${n}`),
    )
    family(
      'nacre_http_request_duration_seconds',
      'histogram',
      'Time until the answer was sent.',
      [...this.#durations].flatMap(([route, { buckets, sumS, count }]) => {
        const name = 'nacre_http_request_duration_seconds'
        return [
          ...BUCKETS_S.map((le, i) => `${name}_bucket{route="${route}",le="${le}"} ${buckets[i]}`),
          `${name}_bucket{route="${route}",le="+Inf"} ${count}`,
          `${name}_sum{route="${route}"} ${sumS.toFixed(6)}`,
          `${name}_count{route="${route}"} ${count}`,
        ]
      }),
    )
    family(
      'nacre_sign_ins_total',
      'counter',
      'Tries to sign in, by how they ended.',
      Object.entries(this.#signIns).map(
        ([result, n]) => `nacre_sign_ins_total{result="${result}"} ${n}`,
      ),
    )
    one('nacre_signed_in', 'gauge', 'Sign-ins that are kept.', gauges.signedIn)
    one('nacre_event_streams', 'gauge', 'Live pages that are open.', gauges.streams)
    one('nacre_csp_reports_total', 'counter', 'Violations that browsers told of.', this.#cspReports)
    one('nacre_http_faults_total', 'counter', 'Requests that met a fault.', this.#faults)
    one(
      'nacre_journal_failures_total',
      'counter',
      'Sign-ins that could not be written into the journal.',
      this.#journalFailures,
    )
    one('nacre_held_batches', 'gauge', 'Batches that wait for a decision.', gauges.heldBatches)
    one('nacre_dead_regions', 'gauge', 'Dead letters that are new.', gauges.deadRegions)
    const lagS = Number.isFinite(this.#loop.mean) ? this.#loop.percentile(99) / 1e9 : 0
    one(
      'nacre_event_loop_lag_seconds',
      'gauge',
      'Delay of the event loop, 99th percentile since the last reading.',
      lagS,
    )
    this.#loop.reset()
    one(
      'process_resident_memory_bytes',
      'gauge',
      'Memory of the process.',
      process.memoryUsage.rss(),
    )
    one(
      'process_start_time_seconds',
      'gauge',
      'Start of the process, since 1970.',
      Math.round(performance.timeOrigin / 1_000),
    )
    return `${lines.join('\n')}\n`
  }
}
