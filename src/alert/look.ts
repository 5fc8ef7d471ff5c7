/** One look for alerts: finds, remembers, tells, and remembers who was told. */
import type { InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import type {
  AlertChannelRecord,
  AlertDelivery,
  AlertMemory,
  AlertRecord,
  AlertStore,
} from '../store/port.ts'
import type { AlertThresholds } from './alert.ts'
import type { Channel } from './channel.ts'
import { findAlerts } from './conditions.ts'
import {
  type AlertPace,
  afterHolding,
  afterSending,
  allowance,
  deliveryAfter,
  dueNotices,
  type Kept,
  keptAfter,
  movedMarks,
  type Notice,
  type Outcome,
  pastOfSituation,
} from './ledger.ts'
import type { AlertMessage } from './message.ts'
import type { Situation } from './situation.ts'

/** Settings of alerts, apart from the channels. */
export type AlertRules = { readonly thresholds: AlertThresholds; readonly pace: AlertPace }

export type LookOptions = AlertRules & {
  readonly store: AlertStore
  readonly channels: readonly Channel[]
  readonly clock: () => InstantUs
  readonly signal: AbortSignal
  /** Nothing is sent or remembered; the report says what would be. */
  readonly dryRun: boolean
}

/** What became of one message, or would. */
export type Told = {
  readonly channel: string
  readonly event: AlertMessage['event']
  /** Undefined for the message that some were held back. */
  readonly record: AlertRecord | undefined
  readonly outcome: Outcome['kind'] | 'planned'
  readonly result: string
}

export type LookReport = {
  /** Another process has a look under way: this one did nothing. */
  readonly isBusy: boolean
  /** Open and acknowledged ones, as the look leaves them. */
  readonly alerts: readonly AlertRecord[]
  readonly told: readonly Told[]
}

/**
 * Looks once. Two looks at once tell nobody twice: the second finds the first under way and does nothing.
 *
 * What a channel could not take is offered again at the next look. After a kill between sending and remembering a
 * message may come twice, but none is lost.
 *
 * @throws StoreError
 */
export async function lookForAlerts(
  situation: Situation,
  options: LookOptions,
): Promise<LookReport> {
  const { store, clock, dryRun } = options
  if (dryRun) return look(situation, options)
  const nowUs = clock()
  if (!(await store.beginLook(nowUs, nowUs + LIMITS.alertLookMsMax * 1_000)))
    return { isBusy: true, alerts: [], told: [] }
  try {
    return await look(situation, options)
  } finally {
    await store.endLook(clock())
  }
}

async function look(situation: Situation, options: LookOptions): Promise<LookReport> {
  const { store, thresholds, dryRun } = options
  const memory = await store.memory()
  const findings = findAlerts(situation, pastOfSituation(memory, situation), thresholds)
  const kept = keptAfter(memory, findings, situation.nowUs)
  const unchanged = new Set(memory.alerts)
  // Kept before anything is sent: what hangs in a channel is on the list all the same.
  if (!dryRun)
    await store.save({
      alerts: kept.filter(({ record }) => !unchanged.has(record)),
      marks: movedMarks(memory, situation),
      channels: [],
    })
  const runs = await Promise.all(
    options.channels.map((channel) => tell(channel, kept, memory, options)),
  )
  const records = kept.map(({ record }) => withDeliveries(record, runs))
  if (!dryRun)
    await store.save({
      alerts: records
        .filter((record, i) => record !== kept[i]!.record)
        .map((record) => ({ record, was: record.state })),
      marks: [],
      channels: runs.map((run) => run.channel),
    })
  return {
    isBusy: false,
    alerts: records.filter((one) => one.state !== 'resolved'),
    told: runs.flatMap((run) => run.told),
  }
}

type ChannelRun = {
  readonly channel: AlertChannelRecord
  readonly told: readonly Told[]
  /** By number of the alert. */
  readonly deliveries: ReadonlyMap<number, AlertDelivery>
}

async function tell(
  channel: Channel,
  kept: readonly Kept[],
  memory: AlertMemory,
  options: LookOptions,
): Promise<ChannelRun> {
  const { name } = channel
  const { pace, clock, dryRun } = options
  const nowUs = clock()
  const known = memory.channels.find((one) => one.channel === name)
  const empty = { channel: name, sentAtUs: [], suppressed: { count: 0, first: [] } }
  const allowed = allowance(known ?? empty, nowUs, pace.perHour)
  let record = allowed.channel
  const due = dueNotices(kept, name, nowUs, pace)
  const told: Told[] = []
  const deliveries = new Map<number, AlertDelivery>()
  const add = (notice: Notice, outcome: Outcome): void => {
    const kind = dryRun && outcome.kind === 'delivered' ? 'planned' : outcome.kind
    const { event, record: alert } = notice
    told.push({ channel: name, event, record: alert, outcome: kind, result: outcome.result })
    deliveries.set(alert.id, deliveryAfter(notice, name, clock(), outcome))
  }
  const offer = async (event: AlertMessage['event'], alert?: AlertRecord): Promise<Outcome> => {
    if (dryRun) return { kind: 'delivered', result: 'not sent: only looked' }
    const { isDelivered, result } = await channel.send(
      { event, sentAtUs: clock(), record: alert, heldBack: record.suppressed },
      options.signal,
    )
    if (isDelivered) record = afterSending(record, clock())
    return { kind: isDelivered ? 'delivered' : 'failed', result }
  }

  for (const notice of due.slice(0, allowed.free)) {
    const outcome = await offer(notice.event, notice.record)
    add(notice, outcome)
    // The others would wait for the same failure: they are due again at the next look.
    if (outcome.kind === 'failed') return { channel: record, told, deliveries }
  }
  if (due.length === 0 && record.suppressed.count > 0 && allowed.free > 0) {
    const { kind, result } = await offer('held-back')
    const outcome = dryRun ? 'planned' : kind
    told.push({ channel: name, event: 'held-back', record: undefined, outcome, result })
  }
  const held = due.slice(allowed.free)
  for (const notice of held)
    add(notice, { kind: 'held-back', result: 'held back: the next message names it' })
  return { channel: afterHolding(record, held), told, deliveries }
}

/** The record with what the channels were told of it; the same object where that is nothing new. */
function withDeliveries(record: AlertRecord, runs: readonly ChannelRun[]): AlertRecord {
  let { deliveries, notifiedAtUs } = record
  for (const { channel, deliveries: made, told } of runs) {
    const delivery = made.get(record.id)
    if (delivery === undefined) continue
    deliveries = { ...deliveries, [channel.channel]: delivery }
    const isDelivered = told.some(
      (one) => one.record?.id === record.id && one.outcome === 'delivered',
    )
    if (isDelivered) notifiedAtUs = Math.max(notifiedAtUs, delivery.toldAtUs)
  }
  return deliveries === record.deliveries ? record : { ...record, deliveries, notifiedAtUs }
}
