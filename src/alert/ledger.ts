/** What is remembered of alerts, and who is due to be told what. Pure: a look is computed, then sent, then recorded. */
import { type InstantUs, US_PER_DAY } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import type {
  AlertChannelRecord,
  AlertDelivery,
  AlertMark,
  AlertMemory,
  AlertRecord,
} from '../store/port.ts'
import type { Alert } from './alert.ts'
import { deadLetterMark, type Findings, type Past } from './conditions.ts'
import type { Situation } from './situation.ts'

const US_PER_HOUR = 3_600_000_000
const FIRST_LOOK = 'first look'

/** Looks in a row that must not find an alert before it is over. */
const GONE_AFTER = 2

/** How often people are told. */
export type AlertPace = { readonly repeatHours: number; readonly perHour: number }

/** Why a message is sent. */
export type NoticeEvent = 'opened' | 'escalated' | 'reminder' | 'resolved'

export type Notice = { readonly event: NoticeEvent; readonly record: AlertRecord }

/** A row as a look leaves it. */
export type Kept = {
  readonly record: AlertRecord
  /** State in which it was read; undefined for a new one. */
  readonly was: AlertRecord['state'] | undefined
  /** People are told of it: it was found often enough by now, or is over. */
  readonly isRipe: boolean
}

/** What earlier looks left behind, for the conditions. */
function pastOf(memory: AlertMemory, nowUs: InstantUs): Past {
  return {
    firstLookAtUs: memory.marks.find((one) => one.name === FIRST_LOOK)?.atUs ?? nowUs,
    deadLetters: new Map(
      memory.marks.flatMap(({ name, value }) => {
        const reason = /^dead-letters (.+)$/.exec(name)?.[1]
        return reason === undefined ? [] : [[reason, value] as const]
      }),
    ),
    open: memory.alerts.filter((one) => one.state !== 'resolved'),
  }
}

/**
 * The past with the dead letters of now for those that are not known yet: at the first look what is there is no news.
 * Later a reason that was never met has grown from nothing.
 */
export function pastOfSituation(memory: AlertMemory, situation: Situation): Past {
  const past = pastOf(memory, situation.nowUs)
  if (memory.marks.some((one) => one.name === FIRST_LOOK)) return past
  const counts = (situation.deadLetters ?? []).map((one) => [one.reason, one.records] as const)
  return { ...past, deadLetters: new Map([...counts, ...past.deadLetters]) }
}

/** Marks that are new or have to move: counts of dead letters are compared with those of at most a day ago. */
export function movedMarks(memory: AlertMemory, situation: Situation): AlertMark[] {
  const { nowUs } = situation
  const isFirst = !memory.marks.some((one) => one.name === FIRST_LOOK)
  const moved: AlertMark[] = isFirst ? [{ name: FIRST_LOOK, value: 1, atUs: nowUs }] : []
  for (const { reason, records } of situation.deadLetters ?? []) {
    const name = deadLetterMark(reason)
    const mark = memory.marks.find((one) => one.name === name)
    if (mark === undefined) moved.push({ name, value: isFirst ? records : 0, atUs: nowUs })
    else if (nowUs - mark.atUs >= US_PER_DAY || records < mark.value)
      moved.push({ name, value: records, atUs: nowUs })
  }
  // Reasons of which every letter was decided on begin at nothing again.
  for (const mark of memory.marks) {
    if (situation.deadLetters === undefined || mark.value === 0) continue
    if (!/^dead-letters /.test(mark.name)) continue
    if (!situation.deadLetters.some((one) => deadLetterMark(one.reason) === mark.name))
      moved.push({ name: mark.name, value: 0, atUs: nowUs })
  }
  return moved
}

/** The rows after a look, those that did not change included. */
export function keptAfter(memory: AlertMemory, findings: Findings, nowUs: InstantUs): Kept[] {
  const found = new Map(findings.alerts.map((alert) => [identityOf(alert), alert]))
  const expired = new Set(findings.expired.map(identityOf))
  const kept = memory.alerts.map((before): Kept => {
    const alert = found.get(identityOf(before))
    found.delete(identityOf(before))
    const was = before.state
    if (alert !== undefined) {
      const record = metAgain(before, alert, nowUs)
      return { record, was, isRipe: record.seen >= alert.patience }
    }
    if (was === 'resolved') return { record: before, was, isRipe: true }
    if (expired.has(identityOf(before))) {
      // Closed without a word: nobody can say that it is over.
      const deliveries = mapped(before.deliveries, (one) => ({ ...one, told: 'nothing' as const }))
      return { record: { ...before, state: 'resolved', missed: 0, deliveries }, was, isRipe: true }
    }
    // Not in the situation: neither here nor gone.
    if (![...findings.judged].some((kind) => kind === before.kind))
      return { record: before, was, isRipe: false }
    const missed = before.missed + 1
    const state = missed >= GONE_AFTER ? 'resolved' : was
    return { record: { ...before, missed, state }, was, isRipe: state === 'resolved' }
  })
  let id = memory.alerts.reduce((most, one) => Math.max(most, one.id), 0)
  for (const alert of found.values()) {
    id += 1
    const record: AlertRecord = { ...opened(alert, nowUs), id, occurrences: 1, deliveries: {} }
    kept.push({ record, was: undefined, isRipe: record.seen >= alert.patience })
  }
  return kept
}

function metAgain(before: AlertRecord, alert: Alert, nowUs: InstantUs): AlertRecord {
  if (before.state === 'resolved') {
    const deliveries = mapped(before.deliveries, (one) => ({ ...one, told: 'nothing' as const }))
    const { id, occurrences, notifiedAtUs } = before
    return {
      ...opened(alert, nowUs),
      id,
      occurrences: occurrences + 1,
      notifiedAtUs,
      deliveries,
    }
  }
  const isWorse = before.severity === 'warning' && alert.severity === 'critical'
  return {
    ...before,
    // What was acknowledged as a warning was not acknowledged as this.
    state: isWorse ? 'open' : before.state,
    severity: alert.severity,
    lastAtUs: nowUs,
    seen: before.seen + 1,
    missed: 0,
    figure: alert.figure,
    threshold: alert.threshold,
    sentence: alert.sentence,
  }
}

function opened(
  alert: Alert,
  nowUs: InstantUs,
): Omit<AlertRecord, 'id' | 'occurrences' | 'deliveries'> {
  const { kind, subject, severity, figure, threshold, sentence } = alert
  return {
    ...{ kind, subject, severity, figure, threshold, sentence },
    state: 'open',
    firstAtUs: nowUs,
    lastAtUs: nowUs,
    seen: 1,
    missed: 0,
    notifiedAtUs: 0,
  }
}

/** What a channel is due to be told, the gravest and oldest first. */
export function dueNotices(
  kept: readonly Kept[],
  channel: string,
  nowUs: InstantUs,
  pace: AlertPace,
): Notice[] {
  const due = kept.flatMap(({ record, isRipe }): Notice[] => {
    const delivery = record.deliveries[channel]
    const told = delivery?.told ?? 'nothing'
    if (!isRipe) return []
    if (record.state === 'resolved') return told === 'open' ? [{ event: 'resolved', record }] : []
    if (record.state === 'acknowledged') return []
    if (told !== 'open') return [{ event: 'opened', record }]
    if (delivery!.severity === 'warning' && record.severity === 'critical')
      return [{ event: 'escalated', record }]
    const isTime = nowUs - delivery!.toldAtUs >= pace.repeatHours * US_PER_HOUR
    return isTime ? [{ event: 'reminder', record }] : []
  })
  const weight = ({ event, record }: Notice): number =>
    event === 'resolved' ? 2 : record.severity === 'critical' ? 0 : 1
  return due.sort(
    (a, b) =>
      weight(a) - weight(b) || a.record.firstAtUs - b.record.firstAtUs || a.record.id - b.record.id,
  )
}

/** How many messages a channel may send now, and its messages of the last hour. */
export function allowance(
  channel: AlertChannelRecord,
  nowUs: InstantUs,
  perHour: number,
): { readonly free: number; readonly channel: AlertChannelRecord } {
  const sentAtUs = channel.sentAtUs.filter((at) => at > nowUs - US_PER_HOUR)
  return { free: Math.max(0, perHour - sentAtUs.length), channel: { ...channel, sentAtUs } }
}

/** The channel after it sent something: what it held back was told with it. */
export function afterSending(channel: AlertChannelRecord, nowUs: InstantUs): AlertChannelRecord {
  return {
    ...channel,
    sentAtUs: [...channel.sentAtUs, nowUs],
    suppressed: { count: 0, first: [] },
  }
}

/** The channel after it held notices back. */
export function afterHolding(
  channel: AlertChannelRecord,
  notices: readonly Notice[],
): AlertChannelRecord {
  const { count, first } = channel.suppressed
  const further = notices.map(({ event, record: { kind, subject } }) => ({ kind, subject, event }))
  return {
    ...channel,
    suppressed: {
      count: count + notices.length,
      first: [...first, ...further].slice(0, LIMITS.alertSuppressedMax),
    },
  }
}

/** How a notice fared. What was held back counts as told: the next message names it. */
export type Outcome = {
  readonly kind: 'delivered' | 'held-back' | 'failed'
  /** Our own words. */
  readonly result: string
}

/** What is known of a channel and an alert after the notice. */
export function deliveryAfter(
  { event, record }: Notice,
  channel: string,
  nowUs: InstantUs,
  { kind, result }: Outcome,
): AlertDelivery {
  if (kind === 'failed') {
    const nothing = { told: 'nothing', severity: record.severity, toldAtUs: 0 } as const
    return { ...(record.deliveries[channel] ?? nothing), triedAtUs: nowUs, result }
  }
  const told = event === 'resolved' ? 'resolved' : 'open'
  return { told, severity: record.severity, toldAtUs: nowUs, triedAtUs: nowUs, result }
}

function identityOf(one: { readonly kind: string; readonly subject: string }): string {
  return `${one.kind} ${one.subject}`
}

function mapped<T, U>(all: Readonly<Record<string, T>>, change: (one: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, change(one)]))
}
