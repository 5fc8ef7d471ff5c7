import { VALUE_KINDS } from '../core/event.ts'
import { EVENT_CLASS } from '../core/event-class.ts'
import type { PlainJson, PlainObject } from '../core/json.ts'
import { credentialText } from './credential.ts'
import { redactionsIn } from './pii/notes.ts'

/**
 * What summaries take from one event. One object, filled anew by each call of `describe`: no work for the collector.
 */
export class Description {
  /** Values that occur in the event, kind and text side by side; `count` of them are valid. */
  readonly kinds: number[] = []
  readonly texts: string[] = []
  count = 0
  protocol: string | undefined
  /** Milliseconds; what `session.closed` says. */
  durationMs: number | undefined

  reset(): void {
    this.count = 0
    this.protocol = undefined
    this.durationMs = undefined
  }

  add(kind: number, value: PlainJson | undefined): void {
    if (typeof value !== 'string' || value === '') return
    this.put(kind, value)
  }

  put(kind: number, text: string): void {
    this.kinds[this.count] = kind
    this.texts[this.count] = text
    this.count += 1
  }
}

/**
 * Takes from a view the values, facts and figures that summaries are made of.
 *
 * A pure function of view and notes, so that `verify` and `db reconcile` can make it again from the stored event.
 *
 * @param notes - the notes of the event, which say what was taken out of the view
 */
export function describe(
  view: PlainObject,
  eventClass: number,
  into: Description,
  notes = '',
): void {
  into.reset()
  if (notes !== '')
    for (const { detector } of redactionsIn(notes)) into.put(VALUE_KINDS.redaction, detector)
  into.add(VALUE_KINDS.ip, view['src_ip'])
  const protocol = view['protocol']
  if (typeof protocol === 'string' && protocol !== '') into.protocol = protocol
  switch (eventClass) {
    case EVENT_CLASS.commandInput:
      into.add(VALUE_KINDS.command, view['input'])
      return
    case EVENT_CLASS.loginFailed:
    case EVENT_CLASS.loginSuccess:
      describeLogin(view, into)
      return
    case EVENT_CLASS.clientVersion:
      into.add(VALUE_KINDS.clientVersion, view['version'])
      return
    case EVENT_CLASS.clientKex:
      into.add(VALUE_KINDS.hassh, view['hassh'])
      return
    case EVENT_CLASS.download:
    case EVENT_CLASS.upload:
      into.add(VALUE_KINDS.file, view['shasum'])
      into.add(VALUE_KINDS.url, view['url'])
      return
    case EVENT_CLASS.downloadFailed:
      into.add(VALUE_KINDS.url, view['url'])
      return
    case EVENT_CLASS.closed:
      into.durationMs = durationOf(view)
      return
  }
}

/** An empty user name or password is a value like any other: attackers try them. */
function describeLogin(view: PlainObject, into: Description): void {
  const { username, password } = view
  const user = typeof username === 'string' ? credentialText(username) : undefined
  const pass = typeof password === 'string' ? credentialText(password) : undefined
  if (user !== undefined) into.put(VALUE_KINDS.username, user)
  if (pass !== undefined) into.put(VALUE_KINDS.password, pass)
  if (user !== undefined && pass !== undefined)
    into.put(VALUE_KINDS.credential, `${user} / ${pass}`)
}

/** `duration_ms` since 3.0.4; before that `duration` in seconds, a number or a string. */
function durationOf(view: PlainObject): number | undefined {
  const ms = view['duration_ms']
  if (typeof ms === 'number') return Math.round(ms)
  const seconds = view['duration']
  const value =
    typeof seconds === 'string' && /^\d+(\.\d+)?$/.test(seconds) ? Number(seconds) : seconds
  return typeof value === 'number' && Math.abs(value) < 1e11 ? Math.round(value * 1000) : undefined
}
