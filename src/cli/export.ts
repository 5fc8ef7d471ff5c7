/** Rows for other programs: what each kind of export holds, and the way of the rows from the store to the sink. */
import type { Encoded } from '../core/encoded.ts'
import { UsageError } from '../core/errors.ts'
import { formatInstant } from '../core/instant.ts'
import { parseJson, sortedJsonText } from '../core/json.ts'
import { number } from '../core/terminal.ts'
import type { SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import { credentialText } from '../neutralize/credential.ts'
import { toVisible, visibleName } from '../neutralize/visible.ts'
import { type Cell, count, instant, label, text } from '../output/document.ts'
import { csv } from '../output/encode/csv.ts'
import { json, jsonLine } from '../output/encode/json.ts'
import { terminal } from '../output/encode/terminal.ts'
import { csvRow } from '../output/render/csv.ts'
import type { TextKind } from '../redact/levels.ts'
import type { Redactor } from '../redact/redactor.ts'
import { redactPayload, redactSession } from '../redact/session.ts'
import { sessionJson } from '../report/session-json.ts'
import type { ExportedEvent, ExportFilter, SessionRecord } from '../store/port.ts'
import { fieldsOf } from '../store/repo/sessions.ts'
import type { App, Store } from './app.ts'
import type { OptionValues } from './command.ts'
import { checkSensors } from './known-sensors.ts'
import { addressOption, stretchOption } from './options.ts'
import { redactorOf } from './redaction.ts'
import { writePieces } from './sink.ts'

export const EXPORTS = ['events', 'sessions', 'commands', 'credentials', 'files'] as const
export type ExportName = (typeof EXPORTS)[number]
export type ExportFormat = 'csv' | 'jsonl'

/** A cell, the JSON text of a payload, or a text that was put together anew. */
type Value = Cell | Plain
type Plain = { readonly kind: 'json' | 'data'; readonly text: string }
type Row = readonly (readonly [name: string, value: Value])[]

type EventExport = {
  /** Event ids of its rows; undefined for all. */
  readonly eventids: readonly string[] | undefined
  /** What a row says beyond when, where and who. */
  readonly more: (event: ExportedEvent, redactor: Redactor) => Row
}

const EVENT_EXPORTS: Readonly<Record<Exclude<ExportName, 'sessions'>, EventExport>> = {
  events: {
    eventids: undefined,
    more: (event, redactor) => [
      ['eventid', text(redactor.text('eventid', event.eventid))],
      ['threat', count(event.threat)],
      ['hazard', count(event.hazard)],
      // Who knows the digest of a record can try passwords until one fits.
      ['digest', redactor.level === 'internal' ? label(event.digest) : { kind: 'none' }],
      ['payload', payloadOf(event, redactor)],
    ],
  },
  commands: {
    eventids: ['cowrie.command.input', 'cowrie.command.failed'],
    more: (event, redactor) => {
      const field = fieldReader(event, redactor)
      return [
        ['result', label(event.eventid.endsWith('.failed') ? 'failed' : 'input')],
        ['command', field('input', 'command')],
        ['threat', count(event.threat)],
        ['hazard', count(event.hazard)],
      ]
    },
  },
  credentials: {
    eventids: ['cowrie.login.success', 'cowrie.login.failed'],
    more: (event, redactor) => {
      const field = fieldReader(event, redactor)
      return [
        ['result', label(event.eventid.endsWith('.failed') ? 'failed' : 'success')],
        ['username', field('username', 'username')],
        ['password', field('password', 'password')],
      ]
    },
  },
  files: {
    eventids: [
      'cowrie.session.file_download',
      'cowrie.session.file_upload',
      'cowrie.session.file_download.failed',
    ],
    more: (event, redactor) => {
      const field = fieldReader(event, redactor)
      const isUpload = event.eventid.endsWith('file_upload')
      return [
        ['direction', label(isUpload ? 'upload' : 'download')],
        ['result', label(event.eventid.endsWith('.failed') ? 'failed' : 'success')],
        ['url', field('url', 'url')],
        ['shasum', field('shasum', 'hash')],
        ['filename', field(isUpload ? 'filename' : 'destfile', 'file')],
      ]
    },
  },
}

/** Writes what the options ask for; what cannot be written is thrown. @throws UsageError */
export async function exportRows(
  app: App,
  format: ExportFormat,
  options: OptionValues,
): Promise<void> {
  const store = await app.openStore('read', { isSmall: true })
  try {
    const { sensor } = filterOf(options, exportOf(options))
    await checkSensors(store, sensor === undefined ? [] : [sensor])
    const redactor = await redactorOf(app, store, options)
    const limit = typeof options['limit'] === 'number' ? options['limit'] : Infinity
    let rows = 0
    const isWhole = await writePieces(app, options, async (write) => {
      for await (const page of pagesOf(store, options, redactor)) {
        if (app.signal.aborted || rows >= limit) break
        const taken = page.slice(0, limit - rows)
        await write(encoded(format, taken, rows === 0))
        rows += taken.length
      }
      return !app.signal.aborted
    })
    app.out.note(terminal`${number(rows)} rows${terminal.own(isWhole ? '' : ', not all of them')}.`)
  } finally {
    await store.close()
  }
}

async function* pagesOf(
  store: Store,
  options: OptionValues,
  redactor: Redactor,
): AsyncGenerator<readonly Row[]> {
  const what = exportOf(options)
  const filter = filterOf(options, what)
  const level = ['redaction', label(redactor.level)] as const
  if (what === 'sessions') {
    const { findSessions } = await import('../store/repo/sessions.ts')
    let page: Row[] = []
    for await (const one of findSessions(store.query, filter)) {
      page.push([...sessionRow(redactSession(one, redactor)), level])
      if (page.length < LIMITS.exportPageRows) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
    return
  }
  const { exportEvents } = await import('../store/repo/export.ts')
  for await (const events of exportEvents(store.query, filter, LIMITS.exportPageRows))
    yield events.map((event) => [
      ['time', instant(event.eventTimeUs)],
      ['sensor', text(redactor.text('sensor', event.sensor))],
      ['session', text(event.session === '' ? null : redactor.text('session', event.session))],
      ['srcIp', text(event.srcIp === null ? null : redactor.text('address', event.srcIp))],
      ...EVENT_EXPORTS[what].more(event, redactor),
      level,
    ])
}

export function exportOf(options: OptionValues): ExportName {
  return EXPORTS.find((name) => name === options['what']) ?? 'events'
}

/** @throws UsageError */
export function filterOf(options: OptionValues, what: ExportName): ExportFilter {
  const visible = (name: string): SafeText | undefined =>
    typeof options[name] === 'string' ? visibleName(options[name]) : undefined
  const given = options['eventid']
  if (what === 'sessions' && given !== undefined)
    throw new UsageError('USAGE_BAD_OPTION', 'A session has no event id.', {
      hint: 'Leave --eventid out, or export events.',
    })
  const own = what === 'sessions' ? undefined : EVENT_EXPORTS[what].eventids
  const asked = Array.isArray(given) ? given.map((one: string) => toVisible(one)) : undefined
  return {
    ...stretchOption(options, 'since'),
    sensor: visible('sensor'),
    ip: addressOption(options['ip']),
    session: visible('session'),
    eventids:
      asked === undefined ? own : (own ?? asked).filter((one) => asked.includes(toVisible(one))),
  }
}

function sessionRow(one: SessionRecord): Row {
  const { startedAt, endedAt, startSeen, endSeen, ...facts } = sessionJson(one)
  return [
    ['startedAt', instant(one.firstEventUs)],
    ['endedAt', instant(one.lastEventUs)],
    ...Object.entries(facts).map(([name, value]): Row[number] => [
      name,
      typeof value === 'number' ? count(value) : text(value),
    ]),
    ['startSeen', label(String(startSeen))],
    ['endSeen', label(String(endSeen))],
  ]
}

function payloadOf(event: ExportedEvent, redactor: Redactor): Value {
  const shown = redactPayload(event.payload, event.eventid, redactor)
  return { kind: 'json', text: sortedJsonText(parseJson(shown)) }
}

/** Reads fields of an event as the level shows them; of log-ins without Cowrie's spelling. */
function fieldReader(event: ExportedEvent, redactor: Redactor) {
  const values = new Map<string, SafeText>(fieldsOf(event).map(({ name, value }) => [name, value]))
  return (name: string, kind: TextKind): Value => {
    const value = values.get(name)
    if (value === undefined) return { kind: 'none' }
    const isCredential = kind === 'username' || kind === 'password'
    return {
      kind: 'data',
      text: redactor.plain(kind, isCredential ? credentialText(value) : value),
    }
  }
}

function encoded(format: ExportFormat, rows: readonly Row[], isFirst: boolean): Encoded {
  if (format === 'jsonl') return json.join(rows.map((row) => jsonLine(jsonOf(row))))
  const names = rows[0]!.map(([name]) => label(name))
  // Without the mark at the start, Excel takes the file for another encoding.
  const head = isFirst ? [csv`\ufeff`, csvRow(names)] : []
  return csv.join([...head, ...rows.map((row) => csvRow(row.map(([, value]) => csvValue(value))))])
}

function csvValue(value: Value): Cell | Encoded<'csv'> {
  return isPlain(value) ? csv.data(value.text) : value
}

function isPlain(value: Value): value is Plain {
  return value.kind === 'json' || value.kind === 'data'
}

function jsonOf(row: Row): string {
  return `{${row.map(([name, value]) => `"${name}":${jsonValue(value)}`).join(',')}}`
}

function jsonValue(value: Value): string {
  switch (value.kind) {
    case 'json':
      return value.text
    case 'data':
    case 'text':
      return JSON.stringify(value.text)
    case 'label':
      return JSON.stringify(value.label)
    case 'number':
      return String(value.value)
    case 'instant':
      return `"${formatInstant(value.us)}"`
    case 'none':
      return 'null'
    case 'fields':
      throw new TypeError('no export has fields')
  }
}
