import { formatInstant } from '../../core/instant.ts'
import {
  fit,
  number,
  type Paint,
  pad,
  type TerminalText,
  table,
  textWidth,
  wrapped,
} from '../../core/terminal.ts'
import { type SafeText, textShown } from '../../core/text.ts'
import { namesOf, rulesOf } from '../../core/verdict.ts'
import { visibleName } from '../../neutralize/visible.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { redactEvent, redactSession } from '../../redact/session.ts'
import { sessionJson, sessionText } from '../../report/session-json.ts'
import type { EventField, EventRecord, SessionRecord } from '../../store/port.ts'
import type { HoldRecord } from '../../store/repo/holds.ts'
import { type Command, EXIT } from '../command.ts'
import { DELIVERY_OPTIONS, deliver, redactedForms } from '../deliver.ts'
import { sessionDocument, sessionsDocument } from '../documents.ts'
import { checkSensors } from '../known-sensors.ts'
import { addressOption, stretchOption } from '../options.ts'
import type { Output } from '../output.ts'
import { REDACT_OPTION, redactorOf } from '../redaction.ts'
import { sessionNamed } from '../session-named.ts'

/** Sessions listed for people who name no limit. */
const SHOWN = 50

export const session: Command = {
  name: 'session',
  summary: 'Show one session: its facts and all of its events',
  arguments: 'ID',
  argumentCount: [1, 1],
  options: {
    sensor: {
      type: 'string',
      value: 'NAME',
      help: 'sensor, where several have a session of this id',
    },
    ...REDACT_OPTION,
    ...DELIVERY_OPTIONS,
  },
  examples: [
    'session 99ecbcc75e79',
    'session 99ecbcc75e79 --sensor lab-main --json',
    'session 99ecbcc75e79 --format html --redact partner --output session.html',
  ],
  async run(app, args, options) {
    const store = await app.openStore('read')
    try {
      const { eventsOfSession, fieldsOf } = await import('../../store/repo/sessions.ts')
      const redactor = await redactorOf(app, store, options)
      const named = await sessionNamed(store, args[0]!, options['sensor'])
      const found = redactSession(named, redactor)
      const { holdsOfSession } = await import('../../store/repo/holds.ts')
      const holds = await holdsOfSession(store.query, named)
      const events = (await eventsOfSession(store.query, named)).map((event) =>
        redactEvent(event, redactor),
      )
      await deliver(
        app,
        options,
        redactedForms(redactor.level, {
          text: () => renderSession(found, events, holds, fieldsOf, app.out),
          json: () => sessionText(found, events),
          document: () => sessionDocument(found, events, fieldsOf, app.clock()),
        }),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const sessions: Command = {
  name: 'sessions',
  summary: 'List sessions in the order of their start',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    since: {
      type: 'string',
      value: 'TIME',
      help: 'first event at or after this instant or day (UTC)',
    },
    until: { type: 'string', value: 'TIME', help: 'first event before this instant or day' },
    sensor: { type: 'string', value: 'NAME', help: 'only this sensor' },
    ip: {
      type: 'string',
      value: 'ADDRESS',
      help: 'only this peer; 192.0.2[.]7 is understood, too',
    },
    limit: {
      type: 'integer',
      value: 'N',
      min: 1,
      max: 1_000_000_000,
      help: 'at most so many (default: all in JSON, else 50)',
    },
    jsonl: { type: 'boolean', help: 'one JSON document a line' },
    ...REDACT_OPTION,
    ...DELIVERY_OPTIONS,
  },
  examples: ['sessions --since 2026-11-22 --limit 20', 'sessions --ip 198.51.100.7 --jsonl'],
  async run(app, _args, options) {
    const filter = {
      ...stretchOption(options, 'since'),
      sensor: typeof options['sensor'] === 'string' ? visibleName(options['sensor']) : undefined,
      ip: addressOption(options['ip']),
    }
    const store = await app.openStore('read')
    try {
      const { findSessions } = await import('../../store/repo/sessions.ts')
      await checkSensors(store, filter.sensor === undefined ? [] : [filter.sensor])
      const redactor = await redactorOf(app, store, options)
      const given = typeof options['limit'] === 'number' ? options['limit'] : undefined
      if (options['jsonl'] === true) {
        for await (const one of findSessions(store.query, filter, given)) {
          if (app.signal.aborted) break
          const json = sessionJson(redactSession(one, redactor))
          await app.out.line(
            redactor.level === 'internal' ? json : { redaction: redactor.level, ...json },
          )
        }
        return EXIT.ok
      }
      const shown: SessionRecord[] = []
      const limit = given ?? (app.out.format === 'json' ? undefined : SHOWN)
      for await (const one of findSessions(store.query, filter, limit))
        shown.push(redactSession(one, redactor))
      const isFirstOnly = given === undefined && shown.length === limit
      await deliver(
        app,
        options,
        redactedForms(redactor.level, {
          text: () => renderSessions(shown, app.out.paint, isFirstOnly),
          json: () => ({ sessions: shown.map(sessionJson) }),
          document: () => sessionsDocument(shown, isFirstOnly, app.clock()),
        }),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

function renderSessions(
  rows: readonly SessionRecord[],
  paint: Paint,
  hasMore: boolean,
): TerminalText {
  if (rows.length === 0) return terminal`No session matches.`
  const none = paint.dim(terminal`-`)
  const cells = rows.map((one) => [
    terminal.own(formatInstant(one.firstEventUs).slice(0, 19).replace('T', ' ')),
    fit(terminal.data(one.sensor), 18),
    fit(terminal.data(one.session), 16),
    one.srcIp === null ? none : fit(terminal.data(one.srcIp), 42),
    one.protocol === null ? none : fit(terminal.data(one.protocol), 10),
    number(one.eventCount),
    one.commandCount === 0 ? paint.dim(terminal`0`) : number(one.commandCount),
    one.loginSuccessCount > 0
      ? paint.yellow(terminal`${one.loginSuccessCount} in`)
      : one.loginFailedCount > 0
        ? terminal`${one.loginFailedCount} failed`
        : none,
    fit(terminal.data(one.clientVersion ?? ''), 32),
  ])
  const text = table(
    [
      { title: 'start (UTC)' },
      { title: 'sensor' },
      { title: 'session' },
      { title: 'address' },
      { title: 'protocol' },
      { title: 'events', align: 'right' },
      { title: 'commands', align: 'right' },
      { title: 'log-in' },
      { title: 'client' },
    ],
    cells,
    '',
  )
  return hasMore
    ? terminal`${text}\n${paint.dim(terminal`The first 50; --limit N shows more, --jsonl all.`)}`
    : text
}

function renderSession(
  one: SessionRecord,
  events: readonly EventRecord[],
  holds: readonly HoldRecord[],
  fieldsOf: (event: EventRecord) => readonly EventField[],
  { paint, width }: Pick<Output, 'paint' | 'width'>,
): TerminalText {
  const none = terminal`-`
  const place = placeText(one)
  const facts: readonly (readonly [string, TerminalText])[] = [
    ['sensor', terminal.data(one.sensor)],
    ['address', one.srcIp === null ? none : terminal.data(one.srcIp)],
    ...(place === undefined ? [] : ([['place', place]] as const)),
    ['protocol', one.protocol === null ? none : terminal.data(one.protocol)],
    ['client', one.clientVersion === null ? none : terminal.data(one.clientVersion)],
    ['hassh', one.hassh === null ? none : terminal.data(one.hassh)],
    ['from', terminal.own(formatInstant(one.firstEventUs))],
    ['to', terminal.own(formatInstant(one.lastEventUs))],
    [
      'duration',
      one.durationMs === null
        ? terminal`not known`
        : terminal`${terminal.own((one.durationMs / 1000).toFixed(1))} s`,
    ],
    [
      'counts',
      terminal.join(
        [
          counted(one.eventCount, 'event'),
          terminal`${counted(one.commandCount, 'command')} (${one.failedCommandCount} failed)`,
          terminal`${counted(one.loginFailedCount + one.loginSuccessCount, 'log-in')} (${one.loginSuccessCount} accepted)`,
          counted(one.downloadCount, 'download'),
          counted(one.uploadCount, 'upload'),
        ],
        ', ',
      ),
    ],
    ['scores', terminal`threat ${one.threatScore}, hazard ${one.hazardScore} of 100`],
    [
      'complete',
      one.connectCount > 0 && one.closedCount > 0
        ? paint.green(terminal`start and end seen`)
        : paint.yellow(
            terminal.own(
              `${one.connectCount > 0 ? '' : 'start not seen '}${one.closedCount > 0 ? '' : 'end not seen'}`.trim(),
            ),
          ),
    ],
  ]
  const lines = [
    paint.bold(terminal`Session ${one.session}`),
    ...facts.map(([name, text]) => terminal`  ${paint.dim(pad(terminal.own(name), 9))} ${text}`),
    ...(holds.length === 0
      ? []
      : [
          paint.yellow(
            terminal`  on legal hold: number ${terminal.own(holds.map((hold) => hold.id).join(', '))}`,
          ),
        ]),
    terminal``,
  ]
  for (const event of events) {
    const time = paint.dim(terminal.own(formatInstant(event.eventTimeUs).slice(11, 23)))
    const kind = pad(terminal.data(event.eventid.replace(/^cowrie\./, '')), 24)
    const [first, ...rest] = folded(gist(fieldsOf(event)), width)
    lines.push(terminal`${time}  ${kind} ${first ?? terminal``}`)
    lines.push(...rest.map((line) => terminal`${INDENT}${line}`))
    const verdict = verdictText(event)
    if (verdict !== undefined)
      lines.push(...folded(verdict, width).map((line) => paint.dim(terminal`${INDENT}${line}`)))
  }
  return terminal.join(lines, '\n')
}

function counted(count: number, word: string): TerminalText {
  return terminal`${number(count)} ${terminal.own(count === 1 ? word : `${word}s`)}`
}

/** Country and network of the address; undefined where neither is known. */
function placeText({ country, asn, organisation }: SessionRecord): TerminalText | undefined {
  const network = [
    ...(asn === null ? [] : [terminal`AS${terminal.own(String(asn))}`]),
    ...(organisation === null ? [] : [terminal.data(organisation)]),
  ]
  const parts = [
    ...(country === null ? [] : [terminal.data(country)]),
    ...(network.length === 0 ? [] : [terminal.join(network, ' ')]),
  ]
  return parts.length === 0 ? undefined : terminal.join(parts, ', ')
}

const INDENT = terminal.own(' '.repeat(39))
/** Of one event; the other formats have all of it. */
const LINES_SHOWN = 12

/** Lines under a gist, which is what people came to read: cut only where it is very long. */
function folded(text: TerminalText, width: number): readonly TerminalText[] {
  const columns = Math.max(60, width) - textWidth(INDENT)
  return wrapped(fit(text, columns * LINES_SHOWN), columns)
}

/** Scores, rules and what was unwrapped; undefined where there is nothing to say. */
function verdictText({ threat, hazard, hits, layers }: EventRecord): TerminalText | undefined {
  const rules = rulesOf(hits)
  const undone = namesOf(layers)
  if (rules.length === 0 && undone.length === 0) return undefined
  const parts = [terminal`threat ${threat}, hazard ${hazard}`]
  if (undone.length > 0) parts.push(terminal.own(`unwrapped ${undone.join(' ')}`))
  if (rules.length > 0) parts.push(terminal.own(rules.join(' ')))
  return terminal.join(parts, ': ')
}

/** The field of an event that says most. */
function gist(fields: readonly EventField[]): TerminalText {
  const field = (name: string): SafeText | undefined =>
    fields.find((one) => one.name === name)?.value
  const username = field('username')
  if (username !== undefined) {
    const password = field('password')
    return terminal`${terminal.data(textShown(username))} / ${password === undefined ? terminal`(key)` : terminal.data(textShown(password))}`
  }
  for (const name of ['input', 'url', 'filename', 'version', 'hassh', 'shasum', 'message']) {
    const value = field(name)
    if (value !== undefined && value !== '') return terminal.data(value)
  }
  return terminal``
}
