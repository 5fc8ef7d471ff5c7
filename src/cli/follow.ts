import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { formatInstant } from '../core/instant.ts'
import { Rate } from '../core/rate.ts'
import { bytes, number, type TerminalText } from '../core/terminal.ts'
import { LIMITS } from '../limits.ts'
import { toVisible } from '../neutralize/visible.ts'
import { terminal } from '../output/encode/terminal.ts'
import { Follower, type FollowOptions, type StepOutcome } from '../pipeline/delta.ts'
import { isBalanced } from '../pipeline/fates.ts'
import { makeStages } from '../pipeline/stages.ts'
import {
  type Followed,
  FollowTotals,
  type LoaderState,
  type Opened,
  supervise,
} from '../pipeline/supervise.ts'
import { systemFiles } from '../source/files.ts'
import { StatusFiles } from '../telemetry/status-files.ts'
import { systemdNotifier } from '../telemetry/systemd.ts'
import { type Alerting, startAlerts } from './alert-watch.ts'
import type { App } from './app.ts'
import { EXIT, type OptionValues } from './command.ts'
import { followStatus } from './follow-status.ts'
import { FollowWatches } from './follow-watches.ts'
import { rulesOff, sensorOf, writerVersions } from './load.ts'
import { loaderStateOf, sourceSituation } from './situation.ts'

/** Follows paths until a signal comes. @returns the exit status; the signal's own goes before it */
export async function follow(
  app: App,
  paths: readonly string[],
  options: OptionValues,
): Promise<number> {
  const watch = new Watchman(app)
  watch.alerting = await startAlerts(app, (sentence) => watch.alertsFailed(sentence))
  let followed: Followed
  try {
    followed = await supervise({
      open: () => openFollower(app, paths, options, watch),
      signal: app.signal,
      explain: (error) => app.explain(error),
      onState: (state) => watch.enter(state),
      between: (opened, outcome) => watch.between(opened, outcome),
      wait: pause,
    })
  } finally {
    await watch.alerting?.close()
  }
  await watch.stopped()
  const { totals, figures, standings } = followed
  const result = {
    totals: {
      sources: standings.length,
      bytes: totals.bytes,
      ...totals.fates,
      pendingBytes: standings.reduce((sum, one) => sum + one.size - one.position, 0),
    },
    balanced: isBalanced(totals.fates),
    sources: standings.map((one) => ({
      path: one.path,
      sensor: one.sensor,
      format: 'plain',
      state: one.state,
      position: one.position,
      pendingBytes: one.size - one.position,
    })),
    foreign: figures?.foreign ?? [],
    failed: figures?.failed ?? [],
    notices: figures?.notices ?? [],
  }
  app.out.result(result, () => {
    const { fates } = totals
    return terminal.join(
      [
        terminal`Stopped. ${number(fates.lines)} records of this run: ${number(fates.stored)} stored, ${number(fates.duplicate)} duplicate, ${number(fates.held)} held, ${number(fates.dead)} dead, ${number(fates.blank)} blank.`,
        ...result.notices.map((notice) => terminal`Note  ${terminal.own(notice)}`),
      ],
      '\n',
    )
  })
  return EXIT.ok
}

async function openFollower(
  app: App,
  paths: readonly string[],
  options: OptionValues,
  watch: Watchman,
): Promise<Opened> {
  const store = await app.openStore('create', { isFollower: true })
  try {
    for (const notice of store.notices) app.out.note(terminal.own(notice))
    const signingKey = await app.prepare(store)
    const writer = store.writer(await writerVersions(app))
    const stages = await makeStages(await app.stagesPlan(store, writer.needs))
    const watches = await FollowWatches.start(app, store)
    const followOptions: FollowOptions = {
      paths: paths.map((path) => resolve(path)),
      ownFolders: [app.settings.data],
      sensor: typeof options['sensor'] === 'string' ? toVisible(options['sensor']) : undefined,
      sensorOf: (path) => sensorOf(app, path),
      acceptEnriched: options['accept-enriched'] === true,
      clock: app.clock,
      monotonicMs: () => performance.now(),
      signal: app.signal,
      chunkBytes: LIMITS.readChunkBytes,
      files: systemFiles,
      signingKey,
      pollMs: app.settings.followPollMs,
      recordsPerSecondMax: () => watches.recordsPerSecondMax(),
      onCommitted: (readerId, batch, fates) => watches.observe(readerId, batch, fates),
      onRulesOff: (ids) => rulesOff(app, store, ids),
    }
    const follower = new Follower(followOptions, store, writer, stages)
    watch.watches = watches
    return {
      follower,
      async close() {
        await watches.stop(follower)
        await writer.close().catch(() => {})
        await store.close()
      },
    }
  } catch (error) {
    await store.close().catch(() => {})
    throw error
  }
}

/** Waits, or until the signal comes. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(end, ms)
    function end(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      done()
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
}

/** Tells the world how the loader is: status files, the service manager, the person who looks on. */
class Watchman {
  readonly #app: App
  readonly #files: StatusFiles
  readonly #notifier = systemdNotifier(process.env)
  readonly #ingestId = randomUUID()
  readonly #startedMs = performance.now()
  /** What followers before the present one did. */
  readonly #before = new FollowTotals()
  readonly #noted = new Set<string>()
  #state: LoaderState | undefined
  #opened: Opened | undefined
  #toldMs = Number.NEGATIVE_INFINITY
  #aliveMs = Number.NEGATIVE_INFINITY
  #hasWarned = false
  /** Something was committed that the status files do not tell yet. */
  #hasNews = false
  readonly #rate = new Rate(LIMITS.rateMs)
  watches: FollowWatches | undefined
  alerting: Alerting | undefined
  #lookedMs = Number.NEGATIVE_INFINITY
  #alertsFailure = ''

  constructor(app: App) {
    this.#app = app
    this.#files = new StatusFiles(app.settings.statusFolder)
  }

  enter(state: LoaderState): void {
    const { out } = this.#app
    const was = this.#state
    this.#state = state
    if (state.state === 'running') {
      out.note(
        was?.state === 'waiting' ? terminal`Going on.` : terminal`Following. Ctrl-C stops it.`,
      )
      this.#notifier.ready('following')
    }
    if (state.state === 'waiting') {
      if (this.#opened !== undefined) this.#before.add(this.#opened.follower.figures())
      this.#opened = undefined
      out.note(
        terminal`Waiting: ${terminal.own(state.message ?? '')} (${terminal.own(state.code ?? '')}) Nothing is lost; it is tried again in ${terminal.own((state.retryInMs / 1000).toFixed(1))} s.`,
      )
      this.#alive(`waiting: ${state.code}`)
    }
    this.#tell()
    this.#look()
  }

  async between(opened: Opened, outcome: StepOutcome): Promise<void> {
    this.#opened = opened
    const now = performance.now()
    this.#rate.note(outcome.committed, now)
    if (outcome.committed > 0) this.#hasNews = true
    const everyMs = this.#hasNews ? LIMITS.statusBusyMs : LIMITS.statusIdleMs
    if (now - this.#toldMs >= everyMs) this.#tell()
    const { watchdogMs } = this.#notifier
    this.#look()
    if (watchdogMs !== undefined && now - this.#aliveMs >= watchdogMs) this.#alive('following')
    await this.watches?.between(opened.follower)
  }

  async stopped(): Promise<void> {
    this.#notifier.stopping()
    this.#state = {
      state: 'stopped',
      code: undefined,
      message: undefined,
      retryInMs: 0,
      tries: 0,
    }
    this.#tell()
  }

  /** Looks for alerts failed; said once, not at every look. */
  alertsFailed(sentence: string): void {
    if (sentence === this.#alertsFailure) return
    this.#alertsFailure = sentence
    this.#app.out.note(terminal`Alerts: ${terminal.own(sentence)}`)
  }

  /** Beside the loop: it does not wait for the look. */
  #look(): void {
    const now = performance.now()
    const { alerting } = this
    const state = this.#state
    if (alerting === undefined || state === undefined || state.state === 'starting') return
    if (now - this.#lookedMs < alerting.everyMs) return
    this.#lookedMs = now
    const standings = this.#opened?.follower.standings()
    void alerting.look(loaderStateOf(state.state, state.code), standings?.map(sourceSituation))
  }

  #noteOnce(notice: string): void {
    if (this.#noted.has(notice)) return
    this.#noted.add(notice)
    this.#app.out.note(terminal`Note  ${terminal.own(notice)}`)
  }

  #alive(status: string): void {
    this.#aliveMs = performance.now()
    this.#notifier.alive(status)
  }

  #tell(): void {
    const now = performance.now()
    this.#toldMs = now
    this.#hasNews = false
    const figures = this.#opened?.follower.figures()
    const totals = new FollowTotals()
    totals.add({
      fates: this.#before.fates,
      bytes: this.#before.bytes,
    })
    if (figures !== undefined) totals.add(figures)
    const isWritten = this.#files.write(
      followStatus({
        ingestId: this.#ingestId,
        now: formatInstant(this.#app.clock()),
        elapsedMs: now - this.#startedMs,
        state: this.#state,
        totals,
        figures,
        standings: this.#opened?.follower.standings() ?? [],
        recordsPerSecond: this.#rate.at(now),
      }),
    )
    if (!isWritten && !this.#hasWarned) {
      this.#hasWarned = true
      this.#app.out.note(
        terminal`The status files in ${terminal.own(this.#app.settings.statusFolder)} cannot be written; the loader goes on without them.`,
      )
    }
    for (const notice of figures?.notices ?? []) this.#noteOnce(notice)
    if (figures !== undefined) this.#app.out.progress(this.#line(totals))
  }

  #line({ fates, bytes: read }: FollowTotals): TerminalText {
    return terminal`following  ${number(fates.lines)} records  ${bytes(read)}  ${number(Math.round(this.#rate.at(performance.now())))}/s`
  }
}
