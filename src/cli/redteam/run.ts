/** Runs payloads through the real load and every way out. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AlertMessage, messageDocument, messageJson } from '../../alert/message.ts'
import { type SafeText, shortText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { toVisible } from '../../neutralize/visible.ts'
import type { Document } from '../../output/document.ts'
import { ORACLES } from '../../output/oracle/index.ts'
import { OUTPUTS } from '../../output/outputs.ts'
import {
  type Carrier,
  carriersOf,
  type EventForm,
  fileNameOf,
  harmlessWord,
  isLong,
  LONG_PAYLOAD,
  REDTEAM_DAY,
} from '../../redteam/carriers.ts'
import type { Payload } from '../../redteam/corpus.ts'
import { type Effect, effectsOf, Matrix } from '../../redteam/matrix.ts'
import { harmlessTwin, shapeOf } from '../../redteam/twin.ts'
import { reportDocument } from '../../report/document.ts'
import { makeReport, periodOf } from '../../report/model.ts'
import type { AlertRecord, EventRecord, SessionRecord } from '../../store/port.ts'
import { ReportQueries } from '../../store/repo/report.ts'
import { eventsOfSession, fieldsOf, findSessions } from '../../store/repo/sessions.ts'
import type { App } from '../app.ts'
import { alertsAck, alertsCheck, alertsList } from '../commands/alerts.ts'
import { anomaliesConfirm, anomaliesList, anomaliesShow } from '../commands/anomalies.ts'
import { auditList } from '../commands/audit.ts'
import { dlqList, dlqShow } from '../commands/dlq.ts'
import { evidenceReveal } from '../commands/evidence.ts'
import { holdAdd, holdList, holdRelease } from '../commands/evidence-hold.ts'
import { exportCommand } from '../commands/export.ts'
import { quarantineList, quarantineShow } from '../commands/quarantine.ts'
import { reportDaily } from '../commands/report.ts'
import { rulesDraft, rulesTest } from '../commands/rules.ts'
import { session, sessions } from '../commands/session.ts'
import { status } from '../commands/status.ts'
import { sessionDocument, sessionsDocument } from '../documents.ts'
import { reportError } from '../report-error.ts'
import { type Bed, Bench, Caught, type Said } from './bench.ts'
import { COLUMNS, type CommandColumn } from './columns.ts'
import { judgeJson, judgeJsonAlone, judgeLines, judgeText } from './judge.ts'

export type RedteamRun = {
  readonly matrix: Matrix
  readonly effects: readonly Effect[]
  /** Events that carried payloads. */
  readonly events: number
  /** Rules that were switched off on the way because they took too long: what they know was not counted. */
  readonly rulesOff: readonly string[]
}

export type RedteamOptions = {
  /** Receives documents: output, number of the payload (0 for the twin), name of the session, text. */
  readonly keep?: (output: string, number: number, name: string, text: string) => void
  readonly progress?: (done: number, of: number) => void
}

/** Files of one store of the second pass: what commands list at once shows all of them. */
const FILES_A_STORE = 24

export async function runRedteam(
  app: App,
  payloads: readonly Payload[],
  options: RedteamOptions = {},
): Promise<RedteamRun> {
  const registry = await app.registry()
  const forms: EventForm[] = registry.entries.flatMap(({ eventid }) =>
    eventid === undefined
      ? []
      : [{ eventid, fields: [...(registry.fieldsOf(eventid)?.keys() ?? [])].filter(isText) }],
  )
  function isText(field: string): boolean {
    return !NUMBERS.has(field)
  }
  using bench = new Bench(app)
  const run = new Run(app, bench, payloads, forms, options)
  await run.shown()
  await run.withheld()
  await run.errors()
  return run.result()
}

/** Fields that hold numbers: a text in them is of a wrong type, which is carried elsewhere. */
const NUMBERS: ReadonlySet<string> = new Set(
  'src_port dst_port epoch late isError retry_after confidence response messagenum datalen width height id new_port orig_port size duplicate unique duration_ms backend_port local_port honey_port ttl option_byte session_tracking login_tracking http_status positives total scan_date'.split(
    ' ',
  ),
)

/** What a session looks like in each output and command, once for all payloads: the twin. */
type Twin = { readonly document: Document; readonly said: Said }

/** The twins of one build: that of ordinary payloads, or that of long ones. */
type Twins = {
  readonly sessions: ReadonlyMap<string, Twin>
  readonly lists: readonly (Twin & { readonly name: 'sessions' | 'report' })[]
}

/** A session whose lines are in the log. */
type Written = Omit<Carrier, 'lines'> & { readonly events: number }

class Run {
  readonly #app: App
  readonly #bench: Bench
  readonly #payloads: readonly Payload[]
  readonly #forms: readonly EventForm[]
  readonly #options: RedteamOptions
  readonly #matrix = new Matrix(COLUMNS)
  readonly #hazards = new Map<Payload, number>()
  readonly #numbers: ReadonlyMap<Payload, number>
  readonly #held = new Set<Payload>()
  readonly #stored = new Set<Payload>()
  readonly #rulesOff = new Set<string>()
  #events = 0

  constructor(
    app: App,
    bench: Bench,
    payloads: readonly Payload[],
    forms: readonly EventForm[],
    options: RedteamOptions,
  ) {
    this.#app = app
    this.#bench = bench
    this.#payloads = payloads
    this.#numbers = new Map(payloads.map((payload, i) => [payload, i + 1]))
    this.#forms = forms
    this.#options = options
  }

  result(): RedteamRun {
    return {
      matrix: this.#matrix,
      effects: effectsOf(this.#payloads, {
        isNeutralized: (one) => this.#stored.has(one) && this.#matrix.isHarmless(one),
        hazardOf: (one) => this.#hazards.get(one) ?? 0,
        isHeld: (one) => this.#held.has(one),
      }),
      events: this.#events,
      rulesOff: [...this.#rulesOff].sort(),
    }
  }

  /** First pass: nothing is withheld, so that all of it reaches the outputs. */
  async shown(): Promise<void> {
    const folder = join(this.#bench.folder, 'shown')
    mkdirSync(folder)
    const file = join(folder, 'cowrie.json')
    const written = (number: number, text: string): readonly Written[] =>
      carriersOf(number, text, this.#forms).map(({ lines, ...carrier }) => {
        appendFileSync(file, lines.join(''))
        return { ...carrier, events: lines.length }
      })
    const word = harmlessWord(0)
    const words = { short: written(0, word), long: written(1, word.repeat(LONG_PAYLOAD)) }
    const carried = this.#payloads.map((payload, i) => written(i + 2, payload.text))
    await using bed = await this.#bench.open(NEVER)
    this.#note(await bed.load([file]))
    const twins = {
      short: await this.#twins(bed, words.short),
      long: await this.#twins(bed, words.long),
    }
    for (const [i, payload] of this.#payloads.entries()) {
      if (this.#app.signal.aborted) throw this.#app.signal.reason
      this.#options.progress?.(i, this.#payloads.length)
      const carriers = carried[i]!
      const twin = twins[isLong(payload.text) ? 'long' : 'short']
      let stored = 0
      for (const carrier of carriers) {
        const found = await sessionOf(bed, carrier)
        if (found === undefined) {
          this.#matrix.add(payload, 'session', carrier.name, ['the session is not found'])
          continue
        }
        stored += found.record.eventCount
        this.#hazards.set(
          payload,
          Math.max(this.#hazards.get(payload) ?? 0, found.record.hazardScore),
        )
        const expected = twin.sessions.get(carrier.name)!
        this.#judgeDocument(payload, carrier.name, found.document, expected.document)
        const said = await bed.run(session, [carrier.session], { sensor: carrier.sensor })
        this.#judgeSaid(payload, 'session', carrier.name, said, expected.said, FREE)
      }
      this.#events += stored
      const lines = carriers.reduce((sum, one) => sum + one.events, 0)
      if (stored === lines) this.#stored.add(payload)
      else
        this.#matrix.add(payload, 'session', 'all sessions', [
          `${stored} events are stored of ${lines}`,
        ])
      const own = await this.#lists(bed, carriers)
      for (const [column, shown] of own.entries()) {
        const expected = twin.lists[column]!
        this.#judgeDocument(payload, shown.name, shown.document, expected.document)
        this.#judgeSaid(payload, shown.name, shown.name, shown.said, expected.said, FREE)
      }
      await this.#exports(bed, payload, carriers)
      await this.#rules(bed, payload, carriers)
      await this.#anomaly(bed, payload, carriers)
    }
  }

  async #twins(bed: Bed, carriers: readonly Written[]): Promise<Twins> {
    const sessions = new Map<string, Twin>()
    for (const carrier of carriers) {
      const found = (await sessionOf(bed, carrier))!
      sessions.set(carrier.name, {
        document: found.document,
        said: await bed.run(session, [carrier.session], { sensor: carrier.sensor }),
      })
    }
    return { sessions, lists: await this.#lists(bed, carriers) }
  }

  /** Lists of sessions, and reports: of one payload alone, by its sensor. */
  async #lists(
    bed: Bed,
    carriers: readonly Written[],
  ): Promise<(Twin & { readonly name: 'sessions' | 'report' })[]> {
    const { sensor } = carriers[0]!
    const found: SessionRecord[] = []
    for await (const one of findSessions(bed.store.query, { sensor })) found.push(one)
    const nowUs = this.#app.clock()
    const text = await bed.run(sessions, [], { sensor })
    const { lines } = await bed.run(sessions, [], { sensor, jsonl: true })
    const period = periodOf('daily', REDTEAM_DAY, 0)
    const queries = await ReportQueries.open(bed.store.query, { ...period, sensor })
    const report = await makeReport(queries, period, toVisible(sensor), 10, nowUs)
    return [
      {
        name: 'sessions',
        document: sessionsDocument(found, false, nowUs),
        said: { ...text, lines },
      },
      {
        name: 'report',
        document: reportDocument(report, nowUs),
        // Brief: that only the hostile one of two texts is told as unusual is right, and no difference to look for.
        said: await bed.run(reportDaily, [REDTEAM_DAY], { sensor, brief: true }),
      },
    ]
  }

  /** Rows for other programs, and reports in the formats of predecessors: of one payload alone, by its sensor. */
  async #exports(bed: Bed, payload: Payload, carriers: readonly Written[]): Promise<void> {
    const { sensor } = carriers[0]!
    const csv = await bed.run(exportCommand('csv', false), [], { sensor })
    this.#matrix.add(payload, 'export', 'export csv', ORACLES.csv(csv.text, csv.text))
    const jsonl = await bed.run(exportCommand('jsonl', false), [], { sensor })
    for (const line of jsonl.text.trimEnd().split('\n'))
      this.#matrix.add(payload, 'export', 'export jsonl', judgeJsonAlone(line))
    for (const format of ['legacy-text', 'legacy-json']) {
      const options = { sensor, format }
      const { text } = await bed.run(reportDaily, [REDTEAM_DAY], options)
      const problems =
        format === 'legacy-json' ? judgeJsonAlone(text.trimEnd()) : judgeLines(text, LEGACY_SHAPES)
      this.#matrix.add(payload, 'report', `report --format ${format}`, problems)
    }
  }

  /** Commands that are handed a text, or look one up, and print what the rules say of it. */
  async #rules(bed: Bed, payload: Payload, carriers: readonly Written[]): Promise<void> {
    // What a command line cannot hold comes from files alone.
    const tested = await bed.run(rulesTest, [payload.text])
    this.#alone(payload, 'rules', 'rules test', tested, [
      /^threat \d/,
      /^ {2}(?:as typed|read as) /,
      /^No rule hits\.$/,
      /^ {2}(?:rule |[a-z]+\.[a-z0-9.-]+ )/,
    ])
    const carrier = carriers.find((one) => one.name === 'session id')!
    const place = { sensor: carrier.sensor, event: 1 }
    const drafted = await bed.run(rulesDraft, [carrier.session], { ...place, field: 'username' })
    this.#alone(payload, 'rules', 'rules draft', drafted, [/^[{}]/, /^ {2}/], true, true)
    const revealed = await bed.run(evidenceReveal, [carrier.session], {
      ...place,
      reason: 'red team',
    })
    this.#alone(
      payload,
      'evidence',
      'evidence reveal',
      revealed,
      [/^Batch \d+, record \d/, /^SHA-256 [0-9a-f]{64}$/, /^ {2}/],
      true,
    )
    const reason = 'red team'
    const held = await bed.run(holdAdd, [], {
      session: carrier.session,
      sensor: carrier.sensor,
      reason,
    })
    const listed = await bed.run(holdList, [])
    this.#alone(payload, 'evidence', 'evidence hold list', listed, [/^ *(?:number|\d+) {2}/])
    await bed.run(holdRelease, [String(parsed<{ hold: number }>(held).hold)], { reason })
    await bed.run(evidenceReveal, [carrier.session], { ...place, reason: `about ${payload.text}` })
    const audited = await bed.run(auditList, [], { limit: 1 })
    this.#alone(payload, 'evidence', 'audit list', audited, [/^ *(?:number|\d+) {2}/])
  }

  /** An anomaly that a payload is behind, in each place of its evidence. */
  async #anomaly(bed: Bed, payload: Payload, carriers: readonly Written[]): Promise<void> {
    const carrier = carriers.find((one) => one.name === 'session id')!
    const text = toVisible(payload.text)
    const session = toVisible(carrier.session)
    const [kept] = await bed.store.activity.raise([
      {
        ...{ detector: 'volume', severity: 'alarm', hour: 0, basis: 'all hours', samples: 168 },
        ...{ figure: 900, baseline: 90, spread: 30, score: 27, threshold: 6 },
        sensor: toVisible(carrier.sensor),
        evidence: {
          values: [
            { kind: 'command', text, count: 1, session },
            { kind: 'address', text, count: 1 },
            { kind: 'session', text: session, count: 1 },
          ],
          more: 1,
          withheld: 1,
        },
        firstSeenUs: 0,
        lastSeenUs: 0,
      },
    ])
    const number = String(kept?.id)
    const list = await bed.run(anomaliesList, [], { sensor: carrier.sensor })
    this.#alone(payload, 'anomalies', 'anomalies list', list, [
      /^ *(?:number |\d)/,
      /^"nacre anomalies show NUMBER"/,
    ])
    const shown = await bed.run(anomaliesShow, [number])
    this.#alone(payload, 'anomalies', 'anomalies show', shown, [
      /^Anomaly \d+$/,
      /^ {2}/,
      /^"nacre anomalies false \d/,
    ])
    const options = { reason: 'red team', draft: true }
    const confirmed = await bed.run(anomaliesConfirm, [number], options)
    const shapes = [/^[{}]/, /^ {2}/, /^Confirmed\. /]
    this.#alone(payload, 'anomalies', 'anomalies confirm', confirmed, shapes, true, true)
    const again = await bed.run(anomaliesConfirm, [number])
    this.#alone(payload, 'anomalies', 'anomalies confirm', again, shapes)
  }

  /** Second pass: withheld as always, every payload in a file named by it, beside a line that is no event. */
  async withheld(): Promise<void> {
    for (let at = 0; at < this.#payloads.length; at += FILES_A_STORE) {
      if (this.#app.signal.aborted) throw this.#app.signal.reason
      await this.#withheldOf(this.#payloads.slice(at, at + FILES_A_STORE), at)
    }
  }

  async #withheldOf(payloads: readonly Payload[], at: number): Promise<void> {
    await using bed = await this.#bench.open(LIMITS.holdHazard)
    const folder = join(this.#bench.folder, `withheld-${at}`)
    mkdirSync(folder)
    const files = payloads.map((payload, i) => {
      const file = join(folder, `${i} ${fileNameOf(payload)}.json`)
      const [first, ...others] = carriersOf(at + i + 1, payload.text, this.#forms).flatMap(
        ({ lines }) => lines,
      )
      writeFileSync(file, [first, `${first!.trimEnd().slice(0, -1)}"\n`, ...others].join(''))
      return file
    })
    const loaded = await bed.load(files)
    this.#note(loaded)
    for (const payload of payloads)
      this.#alone(payload, 'load', 'ingest bulk', loaded, LOAD_SHAPES, true)
    const listed = await bed.run(quarantineList, [])
    const letters = await bed.run(dlqList, [])
    const standing = await bed.run(status, [])
    for (const payload of payloads) {
      this.#alone(
        payload,
        'quarantine',
        'quarantine list',
        listed,
        [/^ *(?:batch |\d)/, /^Nothing is withheld\.$/, /^"nacre quarantine show BATCH"/],
        true,
      )
      this.#alone(payload, 'dead letters', 'dlq list', letters, [/^ *(?:number |\d)/], true)
      this.#alone(
        payload,
        'status',
        'status',
        standing,
        [
          /^(?:\d+ sources|Loaders|Open sessions|Dead letters|Schema drift|Hostile content)$/,
          /^(?:No checkpoint|Checkpoint \d)/,
          /^ {2}/,
        ],
        true,
      )
    }
    await this.#alerts(bed, payloads)
    const batches = parsed<{ batches: { batch: number; path: string; withheld: number }[] }>(listed)
    for (const { batch, path } of batches.batches) {
      const payload = payloads[files.findIndex((file) => path === toVisible(file))]
      if (payload === undefined) continue
      this.#held.add(payload)
      const said = await bed.run(quarantineShow, [String(batch)], { samples: 4_096 })
      this.#alone(payload, 'quarantine', 'quarantine show', said, [
        /^(?:Batch \d+|Rules)$/,
        /^ {2}/,
        /^record \d+ {2}(?:held|approved|rejected) {2}/,
        /^"nacre quarantine approve /,
      ])
    }
    const dead = parsed<{ deadLetters: { letter: number; path: string }[] }>(letters)
    for (const { letter, path } of dead.deadLetters) {
      const payload = payloads[files.findIndex((file) => path === toVisible(file))]
      if (payload === undefined) continue
      const said = await bed.run(dlqShow, [String(letter)])
      this.#alone(
        payload,
        'dead letters',
        'dlq show',
        said,
        [
          /^Dead letter \d+$/,
          /^ {2}(?:reason|detail|state|source|bytes|records|loaded) /,
          /^nacre (?:evidence reveal|dlq replay|dlq discard) /,
        ],
        true,
      )
    }
  }

  /** Alerts about sensors that are named by payloads: what commands say of them, and what channels are given. */
  async #alerts(bed: Bed, payloads: readonly Payload[]): Promise<void> {
    const records = payloads.map((payload, i) => alertAbout(toVisible(payload.text), i + 1))
    // Texts may repeat in a corpus; alerts do not.
    const unique = new Map(records.map((record) => [record.subject, record]))
    await bed.store.alerts.save({
      alerts: [...unique.values()].map((record) => ({ record, was: undefined })),
      marks: [],
      channels: [],
    })
    const listed = await bed.run(alertsList, [])
    const checked = await bed.run(alertsCheck, [], { 'dry-run': true })
    const shapes = [/^(?:number | *\d+ {2}(?:warning|critical) )/, /^"nacre alerts ack NUMBER/]
    const twin = messageDocument(messageAbout(alertAbout(toVisible(harmlessWord(0)), 1)))
    for (const [i, payload] of payloads.entries()) {
      const record = records[i]!
      this.#alone(payload, 'alerts', 'alerts list', listed, shapes)
      this.#alone(payload, 'alerts', 'alerts check', checked, [
        ...shapes,
        /^No channel is set up, so nobody is told: /,
      ])
      if (unique.get(record.subject) === record) {
        const said = await bed.run(alertsAck, [String(record.id)], { reason: 'red team' })
        this.#alone(payload, 'alerts', 'alerts ack', said, [
          /^Alert \d+ is acknowledged: silent-sensor /,
        ])
      }
      const message = messageAbout(record)
      this.#judgeDocument(payload, 'alert message', messageDocument(message), twin)
      this.#matrix.add(
        payload,
        'alerts',
        'alert message as JSON',
        judgeJsonAlone(messageJson(message)),
      )
    }
  }

  /** What is said when a payload is typed where it has no place. */
  async errors(): Promise<void> {
    const { parseCommandLine } = await import('../parse.ts')
    await using bed = await this.#bench.open(NEVER)
    const said = async (text: string): Promise<Said[]> => {
      const found: Said[] = []
      for (const argv of commandLines(text, this.#bench.folder)) {
        const caught = new Caught()
        try {
          const parsed = await parseCommandLine(argv, () => {})
          // A payload that is a command by itself is none to be run.
          if (parsed === undefined || argv.length === 1) continue
          const done = await bed.run(parsed.command, parsed.args, parsed.options)
          // A load tells of paths that are not there in its report; any other text that was taken was no error.
          if (parsed.command.name === 'ingest bulk') found.push(done)
        } catch (error) {
          reportError(error, true, caught)
          found.push(caught.said())
        }
      }
      return found
    }
    // What was typed is an operator's, and quoted as it is but for its characters.
    for (const payload of this.#payloads) {
      if (this.#app.signal.aborted) throw this.#app.signal.reason
      for (const [i, one] of (await said(payload.text)).entries())
        this.#alone(
          payload,
          'errors',
          `command line ${i + 1}`,
          one,
          [/^nacre: /, ...LOAD_SHAPES],
          true,
        )
    }
  }

  /** Every output of a document, against the same document with harmless words; and what it holds, against a loaded twin. */
  #judgeDocument(payload: Payload, name: string, document: Document, loaded: Document): void {
    const twin = harmlessTwin(document)
    const shape =
      shapeOf(document) === shapeOf(loaded) ? [] : ['it has another build than its twin']
    for (const output of OUTPUTS) {
      const { text } = output.render(document)
      this.#options.keep?.(output.name, this.#numbers.get(payload) ?? 0, name, text)
      const problems = ORACLES[output.name](text, output.render(twin).text)
      this.#matrix.add(payload, output.name, name, [...shape, ...problems])
    }
  }

  #judgeSaid(
    payload: Payload,
    column: CommandColumn,
    name: string,
    said: Said,
    twin: Said,
    free: readonly string[],
  ): void {
    this.#matrix.add(payload, column, name, judgeText(said.text, twin.text))
    for (const [kind, own, expected] of [
      ['--json', said.json, twin.json],
      ['--jsonl', said.lines, twin.lines],
    ] as const)
      for (const [i, text] of own.entries())
        this.#matrix.add(
          payload,
          column,
          `${name} ${kind}`,
          judgeJson(text, expected[i] ?? '', free),
        )
  }

  #alone(
    payload: Payload,
    column: CommandColumn,
    name: string,
    said: Said,
    shapes: readonly RegExp[],
    isExact = false,
    isRaw = false,
  ): void {
    this.#matrix.add(payload, column, name, [
      ...judgeLines(said.text, shapes, isExact),
      ...said.progress.flatMap((line) => judgeLines(line, shapes, isExact)),
      ...said.notes.flatMap((line) => judgeLines(line, shapes, isExact)),
    ])
    for (const text of said.json)
      this.#matrix.add(payload, column, `${name} --json`, judgeJsonAlone(text, isRaw))
  }

  #note(loaded: Said): void {
    const { hostile } = parsed<{ hostile: { rulesOff: readonly string[] } }>(loaded)
    for (const rule of hostile.rulesOff) this.#rulesOff.add(rule)
  }
}

const LEGACY_SHAPES = [/^ +[A-Z0-9]/, /^ +-+/, /^[X-]+/, /^\/{18} /, /^# /]

const LOAD_SHAPES = [
  /^(?:Sources|Conservation: every record has one fate|Left alone: no Cowrie events in it|Could not be read)$/,
  /^ {2}/,
  /^Note {2}\S/,
  /^[█░]{24} \d/,
]

/** An alert about a sensor of this name. */
function alertAbout(sensor: SafeText, id: number): AlertRecord {
  return {
    ...{ id, kind: 'silent-sensor', state: 'open', severity: 'warning', figure: 30, threshold: 26 },
    subject: shortText(sensor, LIMITS.alertSubjectCharsMax),
    ...{ firstAtUs: 0, lastAtUs: 0, seen: 1, missed: 0, occurrences: 1, notifiedAtUs: 0 },
    ...{ sentence: 'No event for 30 hours.', deliveries: {} },
  }
}

function messageAbout(record: AlertRecord): AlertMessage {
  return { event: 'opened', sentAtUs: 0, record, heldBack: { count: 0, first: [] } }
}

/** Above every hazard: nothing is withheld. */
const NEVER = 101

/** What verdicts and the keys of payloads make different from a twin. */
const FREE = ['payload', 'rules', 'layers', 'byEventid']

type Found = {
  readonly record: SessionRecord
  readonly events: readonly EventRecord[]
  readonly document: Document
}

async function sessionOf(bed: Bed, carrier: Written): Promise<Found | undefined> {
  const filter = { session: toVisible(carrier.session), sensor: toVisible(carrier.sensor) }
  for await (const record of findSessions(bed.store.query, filter, 1)) {
    const events = await eventsOfSession(bed.store.query, record)
    return { record, events, document: sessionDocument(record, events, fieldsOf, 0) }
  }
  return undefined
}

function parsed<T>(said: Said): T {
  return JSON.parse(said.json[0]!) as T // what our own command said
}

/** Command lines with a text where none belongs; none of them opens a file of that name. */
function commandLines(text: string, folder: string): readonly (readonly string[])[] {
  const argument = text.replaceAll('\0', '')
  // With a word of ours before it, the name of a folder above is none.
  const path = join(folder, 'absent', `0 ${fileNameOf({ text })}`)
  return [
    [argument],
    [`--${argument}`],
    ['session', argument],
    ['session', '--format', argument, 'x'],
    ['sessions', '--since', argument],
    ['sessions', '--limit', argument],
    ['report', 'daily', argument],
    ['quarantine', 'show', argument],
    ['quarantine', argument],
    ['quarantine', 'approve', '1', '--reason', 'x', '--false-positive', argument],
    ['dlq', 'show', argument],
    ['anomalies', 'show', argument],
    ['rules', 'show', argument],
    ['rules', 'list', argument],
    ['evidence', 'reveal', '--source', argument, '--line', '1', '--reason', 'x'],
    ['redteam', '--corpus', path],
    ['ingest', 'bulk', path],
  ]
}
