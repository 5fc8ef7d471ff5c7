/** Events that carry a payload in every place where an attacker can put text. */
import type { Payload } from './corpus.ts'

/** What the schemas say of an event: its id and the names of its fields that can hold text. */
export type EventForm = { readonly eventid: string; readonly fields: readonly string[] }

/** A session that carries one payload. */
export type Carrier = {
  /** Which of the sessions of a payload: those of two payloads with the same name are of the same build. */
  readonly name: string
  /** As it is looked up. */
  readonly session: string
  readonly sensor: string
  /** Lines of a log, each with its line end. */
  readonly lines: readonly string[]
}

/** Events of one session: small enough that a prompt for a language model holds all of them. */
const EVENTS_A_SESSION = 10

/** Fields that all events may have; in the session of its own that holds them, they are not told apart from others. */
const NOT_CARRIED: ReadonlySet<string> = new Set(['eventid', 'timestamp', 'session', 'sensor'])

/** Characters beyond which a payload is carried by some events only. */
export const LONG_PAYLOAD = 1_000

const FOR_LONG: ReadonlySet<string> = new Set([
  'cowrie.client.var',
  'cowrie.client.version',
  'cowrie.command.input',
  'cowrie.direct-tcpip.data',
  'cowrie.login.failed',
  'cowrie.session.file_download',
  'cowrie.session.file_upload',
])

/** 2026-05-01, the day on which all of it happens. */
const DAY_US = Date.UTC(2026, 4, 1) * 1000
export const REDTEAM_DAY = '2026-05-01'

/** Fields whose text Cowrie writes as a list, or within an object. */
const LISTS: ReadonlySet<string> = new Set([
  'kexAlgs',
  'keyAlgs',
  'encCS',
  'macCS',
  'compCS',
  'langCS',
])

/**
 * The sessions that carry one payload, or in its place a harmless word: their twins.
 *
 * @param number - of the payload; sessions of different numbers have nothing in common
 * @param text - the payload, or the harmless word
 */
export function carriersOf(
  number: number,
  text: string,
  forms: readonly EventForm[],
): readonly Carrier[] {
  const sensor = `lab-${String(number).padStart(6, '0')}`
  const carriers: Carrier[] = []
  let clock = DAY_US + number * 1_000_000
  const add = (
    name: string,
    events: readonly Readonly<Record<string, unknown>>[],
    place: { readonly session?: string; readonly sensor?: string } = {},
  ): void => {
    const session = place.session ?? number.toString(16).padStart(8, '0') + hex4(carriers.length)
    const own = place.sensor ?? sensor
    const lines = events.map((event) => {
      clock += 1_000
      return `${pythonJson({
        ...event,
        sensor: own,
        timestamp: new Date(clock / 1000).toISOString().replace('Z', '000Z'),
        session,
      })}\n`
    })
    carriers.push({ name, session, sensor: own, lines })
  }

  // What matters of a long text is its length, and that it is told the same everywhere.
  const chosen = isLong(text) ? forms.filter(({ eventid }) => FOR_LONG.has(eventid)) : forms
  // What all events may have is carried by the first of a session: fifty times the same tells no more than six.
  const common = forms[0]?.fields.filter((one) => forms.every(({ fields }) => fields.includes(one)))
  const events = chosen.map(({ eventid, fields }, i) =>
    eventWith(
      eventid,
      i % EVENTS_A_SESSION === 0
        ? fields
        : fields.filter((one) => one === 'message' || common?.includes(one) !== true),
      text,
    ),
  )
  for (let at = 0; at < events.length; at += EVENTS_A_SESSION) {
    const part = events.slice(at, at + EVENTS_A_SESSION)
    add(`fields ${at + 1} to ${at + part.length}`, part)
  }
  // A field that is known is carried as such; here its name must be none of ours.
  const isOurs = NOT_CARRIED.has(text) || forms.some(({ fields }) => fields.includes(text))
  const field = isOurs ? `${text}_` : text
  add('unknown events and fields', [
    { eventid: text, message: text },
    { eventid: `cowrie.${text}`, [field]: text },
    {
      eventid: 'cowrie.lab.nested',
      message: [text, text],
      list: [text, [text, { [text]: text }]],
      object: { [text]: { inner: text, [`${text} `]: [text] } },
    },
    // Of a type that no schema has: kept as text.
    { eventid: 'cowrie.client.size', width: text, height: { [text]: text } },
    { eventid: 'cowrie.session.closed', duration: text, message: text },
  ])
  // Longer ids are no ids: what is cut off is carried elsewhere.
  const name = [...text].slice(0, 60).join('')
  const login = { eventid: 'cowrie.login.failed', username: text, password: text, message: text }
  add('session id', [login], { session: name })
  add('sensor', [login], { sensor: name })
  return carriers
}

/** Whether a payload is so long that some events carry it, not all. */
export function isLong(text: string): boolean {
  return text.length > LONG_PAYLOAD
}

function eventWith(
  eventid: string,
  fields: readonly string[],
  text: string,
): Readonly<Record<string, unknown>> {
  const event: Record<string, unknown> = { eventid }
  for (const field of fields) {
    if (NOT_CARRIED.has(field)) continue
    event[field] = LISTS.has(field)
      ? [text, 'aes128-ctr']
      : field === 'scans'
        ? { [text]: text }
        : text
  }
  return event
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, '0')
}

/** JSON as Cowrie writes it: Python's writer puts blanks after commas and colons, and escapes all that is not ASCII. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, inner]) => `${pythonJson(key)}: ${pythonJson(inner)}`)
      .join(', ')}}`
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, (unit) => `\\u${hex4(unit.charCodeAt(0))}`)
}

/** The word that stands in place of a payload in its twin: like no other, of no meaning. */
export function harmlessWord(number: number): string {
  return `harmless${[...number.toString(26)].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))).join('')}`
}

/** The name of a file that an attacker chose: what no file system has is left out. */
export function fileNameOf(payload: Payload | { readonly text: string }): string {
  const name = payload.text.replace(/[/\0]/g, '_')
  // 255 bytes at most, with the number before and the ending after it.
  let kept = ''
  for (const character of name) {
    if (Buffer.byteLength(kept + character) > 180) break
    kept += character
  }
  return kept
}
