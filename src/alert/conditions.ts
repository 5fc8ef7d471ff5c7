/** What is wrong, told from where things stand. Pure: the same situation and past give the same alerts. */
import { ownText } from '../core/event.ts'
import { type DayNumber, dayOf, formatDay, type InstantUs, US_PER_DAY } from '../core/instant.ts'
import { type SafeText, shortText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import type { AlertRecord } from '../store/port.ts'
import type { Alert, AlertKind, AlertThresholds } from './alert.ts'
import type { LoaderSituation, SensorSituation, Situation } from './situation.ts'

const US_PER_SECOND = 1_000_000
const US_PER_HOUR = 3_600 * US_PER_SECOND

/** What earlier looks left behind. */
export type Past = {
  readonly firstLookAtUs: InstantUs
  /** Counts of dead letters by reason when their present day began; a reason that is absent was not there. */
  readonly deadLetters: ReadonlyMap<string, number>
  /** Alerts that are not resolved. */
  readonly open: readonly Pick<AlertRecord, 'kind' | 'subject' | 'figure'>[]
}

export type Findings = {
  readonly alerts: readonly Alert[]
  /** Kinds of which the situation says enough: an open alert of another kind stays as it is. */
  readonly judged: ReadonlySet<AlertKind>
  /** Open alerts that nobody can judge any more; they are closed without a word. */
  readonly expired: readonly { readonly kind: AlertKind; readonly subject: SafeText }[]
}

/**
 * The alerts of a situation.
 *
 * What is old is no news: at the first look into an old store a sensor that fell silent more than a week ago, a day
 * that has been missing for longer, dead letters that are there and batches that have waited for more than a day (one
 * alert for all of them) make no storm. What was told once stays until it is over, however old it gets.
 */
export function findAlerts(
  situation: Situation,
  past: Past,
  thresholds: AlertThresholds,
): Findings {
  const judged = new Set<AlertKind>()
  const expired: { kind: AlertKind; subject: SafeText }[] = []
  const alerts: Alert[] = []
  const judge = (kind: AlertKind, found: Iterable<Alert>): void => {
    judged.add(kind)
    alerts.push(...found)
  }
  const { sources, sensors, deadLetters, heldBatches, disk, loader, openAnomalies } = situation
  if (deadLetters !== undefined)
    judge('dead-letters', growingDeadLetters(deadLetters, past, thresholds))
  if (heldBatches !== undefined) judge('held', waitingBatches(heldBatches, past))
  // While nothing is loaded no sensor is heard: that says nothing about the sensors.
  const isLoading = loader === undefined || loader.state === 'running' || loader.state === 'stopped'
  if (sensors !== undefined && isLoading) {
    judge('silent-sensor', silentSensors(sensors, situation.nowUs, past, thresholds))
    judge('missing-day', missingDays(sensors, situation.nowUs, past, thresholds))
    expired.push(...forgottenDays(situation.nowUs, past))
  }
  if (sources !== undefined) judge('lag', laggingSources(sources, thresholds))
  if (sources !== undefined || sensors !== undefined)
    judge('clock-skew', wrongClocks(situation, thresholds))
  if (disk !== undefined && disk.totalBytes > 0) judge('disk', fullDisk(disk, thresholds))
  if (loader !== undefined)
    judge('loader-stopped', standingLoader(loader, situation.nowUs, thresholds))
  if (openAnomalies !== undefined) judge('anomaly', anomalies(openAnomalies))
  return { alerts: onePerSubject(alerts), judged, expired }
}

/** Name of the mark that remembers how many dead letters of a reason there were. */
export function deadLetterMark(reason: string): string {
  return `dead-letters ${reason}`
}

function* growingDeadLetters(
  letters: NonNullable<Situation['deadLetters']>,
  past: Past,
  { deadLetters: threshold }: AlertThresholds,
): Generator<Alert> {
  for (const { reason, records } of letters) {
    const figure = records - (past.deadLetters.get(reason) ?? 0)
    if (figure < threshold) continue
    yield {
      kind: 'dead-letters',
      subject: ownText(reason),
      severity: 'warning',
      figure,
      threshold,
      sentence: `${figure} more records within a day could not become events (${records} in all).`,
      patience: 1,
    }
  }
}

function* waitingBatches(
  batches: NonNullable<Situation['heldBatches']>,
  past: Past,
): Generator<Alert> {
  const alertOf = (subject: string, figure: number, sentence: string): Alert => ({
    kind: 'held',
    subject: ownText(subject),
    severity: 'warning',
    figure,
    threshold: 1,
    sentence,
    patience: 1,
  })
  const sum = (some: typeof batches): number => some.reduce((all, one) => all + one.waiting, 0)
  const isOld = (atUs: InstantUs): boolean => atUs < past.firstLookAtUs - US_PER_DAY
  const old = batches.filter((one) => isOld(one.committedAtUs))
  const recent = batches.filter((one) => !isOld(one.committedAtUs))
  if (old.length > 0)
    yield alertOf(
      'older batches',
      sum(old),
      `${sum(old)} events in ${old.length} batches wait for a decision since before alerts were looked for.`,
    )
  // The oldest first: a batch keeps its own alert until it is decided on.
  for (const one of recent.slice(0, LIMITS.alertBatchesMax))
    yield alertOf(
      `batch ${one.batchId}`,
      one.waiting,
      `${one.waiting} events of batch ${one.batchId} are held until a person decides.`,
    )
  const further = recent.slice(LIMITS.alertBatchesMax)
  if (further.length > 0)
    yield alertOf(
      'further batches',
      sum(further),
      `${sum(further)} events in ${further.length} further batches are held until a person decides.`,
    )
}

function* silentSensors(
  sensors: readonly SensorSituation[],
  nowUs: InstantUs,
  past: Past,
  { silentHours: threshold }: AlertThresholds,
): Generator<Alert> {
  const told = openOf(past, 'silent-sensor')
  const alertOf = (subject: SafeText, hours: number): Alert => ({
    kind: 'silent-sensor',
    subject,
    severity: 'warning',
    figure: hours,
    threshold,
    sentence: `No event for ${hours} hours.`,
    patience: 1,
  })
  for (const { sensor, lastEventAtUs, days } of sensors) {
    const subject = shortText(sensor, LIMITS.alertSubjectCharsMax)
    const isTold = told.delete(subject)
    const silentUs = nowUs - lastEventAtUs
    if (silentUs < threshold * US_PER_HOUR) continue
    // In service: heard on two days, and lately. One that was only tried out once is not missed.
    const isNews = silentUs < LIMITS.alertNewsDays * US_PER_DAY && days.size >= 2
    if (isNews || isTold) yield alertOf(subject, Math.floor(silentUs / US_PER_HOUR))
  }
  // Silent for so long that the roll-ups of the look no longer name them.
  for (const [subject, figure] of told) yield alertOf(subject, figure)
}

function* missingDays(
  sensors: readonly SensorSituation[],
  nowUs: InstantUs,
  past: Past,
  { missingDayHours }: AlertThresholds,
): Generator<Alert> {
  const told = openOf(past, 'missing-day')
  // The newest day whose log must have arrived.
  const due = dayOf(nowUs - missingDayHours * US_PER_HOUR) - 1
  for (const { sensor, days } of sensors) {
    const known = [...days.keys()]
    const first = Math.min(...known)
    const last = Math.max(...known)
    for (let day = Math.max(first, dayOf(nowUs) - LIMITS.alertDaysMax) + 1; day <= due; day += 1) {
      // After its last day a sensor is silent, which is another matter.
      if (day >= last) break
      if ((days.get(day) ?? 0) > 0) continue
      const subject = dayOfSensor(sensor, day)
      const isNews = day >= dayOf(nowUs) - LIMITS.alertNewsDays
      if (!isNews && !told.has(subject)) continue
      yield {
        kind: 'missing-day',
        subject,
        severity: 'warning',
        figure: 0,
        threshold: 1,
        sentence: `No event on ${formatDay(day)}, though there are some before and after.`,
        patience: 1,
      }
    }
  }
}

/** Missing days that no look reads any more. */
function* forgottenDays(
  nowUs: InstantUs,
  past: Past,
): Generator<{ kind: 'missing-day'; subject: SafeText }> {
  const oldest = formatDay(dayOf(nowUs) - LIMITS.alertDaysMax + 1)
  for (const subject of openOf(past, 'missing-day').keys())
    if (subject.slice(-10) <= oldest) yield { kind: 'missing-day', subject }
}

function dayOfSensor(sensor: SafeText, day: DayNumber): SafeText {
  const name = shortText(sensor, LIMITS.alertSubjectCharsMax - 11)
  // Both parts are safe, and so is the blank between them.
  return ownText(`${name} ${formatDay(day)}`)
}

function* laggingSources(
  sources: NonNullable<Situation['sources']>,
  { lagSeconds, lagBytes }: AlertThresholds,
): Generator<Alert> {
  for (const one of sources) {
    // Half a line that its writer never ended waits for its other half, not for us.
    if (one.state === 'torn-end') continue
    const seconds = one.lagSeconds ?? 0
    const bytes = one.lagBytes ?? 0
    if (seconds < lagSeconds && bytes < lagBytes) continue
    yield {
      kind: 'lag',
      subject: shortText(one.path, LIMITS.alertSubjectCharsMax),
      severity: seconds >= lagSeconds * 10 ? 'critical' : 'warning',
      figure: Math.round(seconds),
      threshold: lagSeconds,
      sentence: `Reading is ${Math.round(seconds)} seconds and ${bytes} bytes behind what is written.`,
      // A burst is caught up with by the next look.
      patience: 2,
    }
  }
}

function* wrongClocks(
  { sources, sensors, nowUs }: Situation,
  { clockSkewSeconds: threshold }: AlertThresholds,
): Generator<Alert> {
  const skews = new Map<SafeText, number>()
  const add = (sensor: SafeText, seconds: number): void => {
    const before = skews.get(sensor) ?? 0
    if (Math.abs(seconds) > Math.abs(before)) skews.set(sensor, seconds)
  }
  for (const one of sources ?? [])
    if (one.clockSkewSeconds !== undefined) add(one.sensor, one.clockSkewSeconds)
  // Of a sensor that is not followed the future alone can be told: the past may have been loaded late.
  for (const one of sensors ?? [])
    if (one.lastEventAtUs > nowUs) add(one.sensor, (one.lastEventAtUs - nowUs) / US_PER_SECOND)
  for (const [sensor, seconds] of skews) {
    if (Math.abs(seconds) < threshold) continue
    const figure = Math.round(seconds)
    yield {
      kind: 'clock-skew',
      subject: shortText(sensor, LIMITS.alertSubjectCharsMax),
      severity: 'warning',
      figure,
      threshold,
      sentence:
        figure > 0
          ? `Events are ${figure} seconds ahead of the clock of this machine.`
          : `Events are ${-figure} seconds behind the clock of this machine when they are written.`,
      patience: 1,
    }
  }
}

function* fullDisk(
  { freeBytes, totalBytes }: NonNullable<Situation['disk']>,
  { diskFreePercent: threshold }: AlertThresholds,
): Generator<Alert> {
  const percent = (freeBytes / totalBytes) * 100
  const isCritical = freeBytes < LIMITS.alertDiskBytesMin
  if (percent >= threshold && !isCritical) return
  const figure = Math.floor(percent)
  yield {
    kind: 'disk',
    subject: ownText('data folder'),
    severity: isCritical ? 'critical' : 'warning',
    figure,
    threshold,
    sentence: `${Math.floor(freeBytes / 1024 / 1024)} MiB are free, ${figure} percent of the disk.`,
    patience: 1,
  }
}

function* standingLoader(
  { state, sinceUs }: LoaderSituation,
  nowUs: InstantUs,
  { loaderSeconds: threshold }: AlertThresholds,
): Generator<Alert> {
  const seconds = Math.max(0, Math.round((nowUs - (sinceUs ?? nowUs)) / US_PER_SECOND))
  if (state === 'running' || state === 'stopped') return
  // One that does not say since when it waits is given a second look.
  if (state !== 'disk-full' && sinceUs !== undefined && seconds < threshold) return
  const sentences = {
    'disk-full': 'Loading has stopped because the disk is full.',
    lost: `The follower has given no sign of life for ${seconds} seconds.`,
    'waiting-for-store': `The follower waits for the database, for ${seconds} seconds or more.`,
  }
  yield {
    kind: 'loader-stopped',
    subject: ownText('follower'),
    severity: state === 'waiting-for-store' ? 'warning' : 'critical',
    figure: seconds,
    threshold,
    sentence: sentences[state],
    patience: state !== 'disk-full' && sinceUs === undefined ? 2 : 1,
  }
}

function* anomalies(open: NonNullable<Situation['openAnomalies']>): Generator<Alert> {
  for (const one of open)
    yield {
      kind: 'anomaly',
      subject: shortText(
        ownText(`${one.detector} ${one.id} ${one.sensor}`),
        LIMITS.alertSubjectCharsMax,
      ),
      severity: 'warning',
      figure: one.figure,
      threshold: one.baseline,
      sentence: one.message,
      patience: 1,
    }
}

function openOf(past: Past, kind: AlertKind): Map<SafeText, number> {
  return new Map(
    past.open.filter((one) => one.kind === kind).map((one) => [one.subject, one.figure]),
  )
}

/** Sources may share a path, and then the worse one counts. */
function onePerSubject(alerts: readonly Alert[]): Alert[] {
  const found = new Map<string, Alert>()
  for (const alert of alerts) {
    const name = `${alert.kind} ${alert.subject}`
    const other = found.get(name)
    if (other === undefined || alert.figure > other.figure) found.set(name, alert)
  }
  return [...found.values()]
}
