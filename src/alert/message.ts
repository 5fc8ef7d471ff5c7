/** What a channel is given: one alert, or that some were held back. Each channel encodes it for its own readers. */
import { ownText } from '../core/event.ts'
import { formatInstant, type InstantUs } from '../core/instant.ts'
import { count, type Document, instant, label, text } from '../output/document.ts'
import { escapeJson } from '../output/encode/json.ts'
import { spellOut } from '../output/visible.ts'
import type { AlertChannelRecord, AlertRecord } from '../store/port.ts'
import { ALERT_KINDS, ALERT_PAGE, type AlertKind } from './alert.ts'
import type { NoticeEvent } from './ledger.ts'

export type AlertMessage = {
  readonly event: NoticeEvent | 'held-back' | 'test'
  readonly sentAtUs: InstantUs
  /** Undefined for `held-back` and `test`. */
  readonly record: AlertRecord | undefined
  /** What was not sent since the message before. */
  readonly heldBack: AlertChannelRecord['suppressed']
}

/** An alert as JSON documents show it. Times are ISO 8601, UTC. */
export function alertJson(record: AlertRecord) {
  const guide = guideOf(record.kind)
  return {
    id: record.id,
    kind: record.kind,
    subject: record.subject,
    state: record.state,
    severity: record.severity,
    figure: record.figure,
    threshold: record.threshold,
    unit: guide.unit,
    message: record.sentence,
    advice: guide.advice,
    runbook: guide.runbook,
    firstAt: formatInstant(record.firstAtUs),
    lastAt: formatInstant(record.lastAtUs),
    seen: record.seen,
    occurrences: record.occurrences,
    notifiedAt: record.notifiedAtUs === 0 ? null : formatInstant(record.notifiedAtUs),
  }
}

/**
 * The message as one line of JSON: the body of the webhook, and what a command reads.
 *
 * Printable by itself: hostile characters stand in visible form, and what HTML or a terminal could read is escaped.
 */
export function messageJson(message: AlertMessage): string {
  const { record, heldBack } = message
  const document = {
    program: 'nacre',
    event: message.event,
    sentAt: formatInstant(message.sentAtUs),
    alert: record === undefined ? null : alertJson(record),
    heldBack: { count: heldBack.count, first: heldBack.first },
  }
  return escapeJson(
    JSON.stringify(document, (_, value: unknown) =>
      // Texts of the store are so already; this stands for the day on which one is not.
      typeof value === 'string' ? spellOut(value, 'exact') : value,
    ),
  )
}

/** The message for people. */
export function messageDocument(message: AlertMessage): Document {
  const { record, heldBack, event } = message
  const held =
    heldBack.count === 0
      ? []
      : [
          {
            name: 'held_back_before',
            columns: ['what', 'about', 'event'],
            rows: heldBack.first.map((one) => [
              label(guideOf(one.kind).title),
              text(one.subject),
              label(one.event),
            ]),
          },
        ]
  const heldNote =
    heldBack.count > heldBack.first.length
      ? [[label(`${heldBack.count} messages were held back; "nacre alerts list" has them all.`)]]
      : []
  if (record === undefined)
    return {
      kind: event === 'test' ? 'alert test' : 'alerts held back',
      subject: label(''),
      madeAtUs: message.sentAtUs,
      facts: [],
      tables: held,
      notes:
        event === 'test'
          ? [[label('This is a test: nothing is wrong, and this channel works.')]]
          : heldNote,
    }
  const guide = guideOf(record.kind)
  return {
    kind: `alert ${event} ${record.severity} ${guide.title}`,
    subject: text(record.subject),
    madeAtUs: message.sentAtUs,
    facts: [
      { name: 'about', cell: text(record.subject) },
      { name: 'figure', cell: label(`${record.figure} ${guide.unit}`) },
      { name: 'threshold', cell: label(`${record.threshold} ${guide.unit}`) },
      { name: 'since', cell: instant(record.firstAtUs) },
      { name: 'met_last', cell: instant(record.lastAtUs) },
      { name: 'looks', cell: count(record.seen) },
      { name: 'number', cell: count(record.id) },
    ],
    tables: held,
    notes: [
      [label(event === 'resolved' ? `It is over. It was: ${record.sentence}` : record.sentence)],
      ...(event === 'resolved' ? [] : [[label(guide.advice)]]),
      [label(`More: ${guide.runbook}`)],
      ...heldNote,
    ],
  }
}

/** @param kind - of a record; a kind that this program does not know any more is told by its name */
export function guideOf(kind: string): {
  readonly title: string
  readonly unit: string
  readonly advice: string
  readonly runbook: string
} {
  const known = Object.hasOwn(ALERT_KINDS, kind)
    ? ALERT_KINDS[kind as AlertKind] // guarded by the line itself
    : { title: ownText(kind), unit: '', advice: '' }
  return { ...known, runbook: `${ALERT_PAGE}#${kind}` }
}
