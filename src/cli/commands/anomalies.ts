import { type Anomaly, hourOf, type StoredAnomaly, US_PER_HOUR } from '../../core/anomaly.ts'
import { formatInstant } from '../../core/instant.ts'
import { fit, number, type TerminalText, table } from '../../core/terminal.ts'
import type { RuleDraft } from '../../neutralize/draft-rule.ts'
import { visibleName } from '../../neutralize/visible.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { actorName, numberArgument, REASON_OPTION, reasonOption } from '../actor.ts'
import { type DraftText, draftCommand, textsBehind } from '../anomaly-texts.ts'
import type { App, Store } from '../app.ts'
import { type Command, EXIT, type OptionValues } from '../command.ts'

const SENSOR_OPTION = { type: 'string', value: 'NAME', help: 'only this sensor' } as const

export const anomaliesList: Command = {
  name: 'anomalies list',
  summary: 'List hours that were not as usual, newest first',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    sensor: SENSOR_OPTION,
    all: { type: 'boolean', help: 'also notices, and what is decided on' },
    limit: {
      type: 'integer',
      value: 'N',
      min: 1,
      max: 1_000_000,
      help: 'at most so many (default 50)',
    },
  },
  examples: ['anomalies list', 'anomalies list --all --sensor lyon-1 --json'],
  description:
    'They are found while "nacre ingest delta" follows the logs. What they mean, and what they do not see, is in docs/anomalies.md.',
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const { anomalyJson, sentenceOn } = await import('../../anomaly/index.ts')
      const limit = typeof options['limit'] === 'number' ? options['limit'] : 50
      const isAll = options['all'] === true
      const found = await store.activity.anomalies({
        state: isAll ? undefined : 'new',
        severity: isAll ? undefined : 'alarm',
        sensor: sensorOption(options),
        limit: limit + 1,
      })
      const shown = found.slice(0, limit)
      const result = {
        anomalies: shown.map((one) => ({ ...anomalyJson(one), message: sentenceOn(one) })),
        hasMore: found.length > limit,
      }
      app.out.result(result, () => {
        if (shown.length === 0) return terminal`No anomaly matches.`
        const list = table(
          [
            { title: 'number', align: 'right' },
            { title: 'hour (UTC)' },
            { title: 'sensor' },
            { title: 'detector' },
            { title: 'figure', align: 'right' },
            { title: 'usual', align: 'right' },
            { title: 'score', align: 'right' },
            { title: 'state' },
          ],
          shown.map((one) => [
            terminal`${one.id}`,
            terminal.own(hourText(one.hour)),
            fit(terminal.data(one.sensor), 30),
            terminal.own(one.detector),
            number(one.figure),
            one.severity === 'notice' ? terminal`-` : number(tenths(one.baseline)),
            one.severity === 'notice' ? terminal`-` : number(tenths(one.score)),
            one.severity === 'notice' ? terminal`notice` : terminal.own(one.state),
          ]),
          '',
        )
        const more = found.length > limit ? terminal`\n... and more: --limit N` : terminal``
        return terminal`${list}${more}\n\n"nacre anomalies show NUMBER" tells what is behind one.`
      })
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const anomaliesShow: Command = {
  name: 'anomalies show',
  summary: 'Show one anomaly: the figure, what is usual, and what is behind it',
  arguments: 'NUMBER',
  argumentCount: [1, 1],
  options: {},
  examples: ['anomalies show 7', 'anomalies show 7 --json'],
  async run(app, args) {
    const store = await app.openStore('read')
    try {
      const { anomalyJson, sentenceOn } = await import('../../anomaly/index.ts')
      const one = await anomalyNamed(store, args[0]!)
      const message = sentenceOn(one)
      app.out.result({ ...anomalyJson(one), message }, () => renderAnomaly(one, message, app))
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const anomaliesFalse: Command = {
  name: 'anomalies false',
  summary:
    'Say that an anomaly was a false alarm: its detector is less easily alarmed by that sensor',
  arguments: 'NUMBER',
  argumentCount: [1, 1],
  options: { reason: REASON_OPTION },
  examples: ['anomalies false 7 --reason "our own scan of the sensors"'],
  description:
    'Raises the threshold of the detector for the sensor by a quarter, to eight times the ordinary one at most.',
  async run(app, args, options) {
    const store = await app.openStore('write')
    try {
      const { callFalseAlarm } = await import('../../anomaly/index.ts')
      const done = await callFalseAlarm(
        store.activity,
        numberArgument(args[0]!, 'number of an anomaly'),
        { actor: actorName(), reason: reasonOption(options), nowUs: app.clock() },
      )
      const { factorPercent, factorPercentBefore: before } = done
      const result = {
        id: done.id,
        state: 'false',
        detector: done.detector,
        sensor: done.sensor,
        factorPercentBefore: before,
        factorPercent,
      }
      app.out.result(result, () =>
        factorPercent === before
          ? terminal`A false alarm. The threshold of this detector for this sensor is at its highest, ${before} % of the ordinary one.`
          : terminal`A false alarm. The threshold of this detector for this sensor is now ${factorPercent} % of the ordinary one, before it was ${before} %.`,
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const anomaliesConfirm: Command = {
  name: 'anomalies confirm',
  summary: 'Say that an anomaly was hostile, and how rules are drafted from what is behind it',
  arguments: 'NUMBER',
  argumentCount: [1, 1],
  options: {
    reason: REASON_OPTION,
    draft: { type: 'boolean', help: 'print the drafts of rules themselves' },
  },
  examples: [
    'anomalies confirm 7 --reason "new botnet"',
    'anomalies confirm 7 --reason "new botnet" --draft',
  ],
  description:
    'Thresholds stay. A draft is a proposal: mend it before you put it into the folder of rules. Said again of an anomaly that is confirmed, it only prints.',
  async run(app, args, options) {
    const store = await app.openStore('write')
    try {
      const known = await anomalyNamed(store, args[0]!)
      if (known.state !== 'confirmed') {
        const { confirmAnomaly } = await import('../../anomaly/index.ts')
        await confirmAnomaly(store.activity, known.id, {
          actor: actorName(),
          reason: reasonOption(options),
          nowUs: app.clock(),
        })
      }
      const texts = await textsBehind(store, known)
      const rules = options['draft'] === true ? await drafts(texts) : undefined
      const result = {
        id: known.id,
        state: 'confirmed',
        drafts: texts.map((one) => ({
          session: one.session,
          sensor: one.sensor,
          event: one.event,
          field: one.field,
          axis: one.axis,
          command: draftCommand(one) ?? null,
        })),
        ...(rules === undefined ? {} : { rules }),
      }
      app.out.result(result, () => renderDrafts(texts, rules))
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const anomaliesBaseline: Command = {
  name: 'anomalies baseline',
  summary: 'Show what each detector takes for usual now, and from which figure it alarms',
  arguments: '',
  argumentCount: [0, 0],
  options: { sensor: SENSOR_OPTION },
  examples: ['anomalies baseline', 'anomalies baseline --sensor lyon-1 --json'],
  description:
    'For the present hour. A detector that knows less than 72 hours learns, and says nothing.',
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const hour = hourOf(app.clock())
      const sensors = await baselines(store, hour, sensorOption(options))
      app.out.result({ hour: formatInstant(hour * US_PER_HOUR), sensors }, () => {
        if (sensors.length === 0)
          return terminal`Nothing was counted: baselines are made while "nacre ingest delta" runs.`
        return terminal.join(
          sensors.map(({ sensor, detectors }) =>
            terminal.join(
              [
                app.out.paint.bold(terminal`Sensor ${terminal.data(sensor)}`),
                table(
                  [
                    { title: 'detector' },
                    { title: 'state' },
                    { title: 'hours', align: 'right' },
                    { title: 'now', align: 'right' },
                    { title: 'usual', align: 'right' },
                    { title: 'spread', align: 'right' },
                    { title: 'alarms from', align: 'right' },
                    { title: 'threshold', align: 'right' },
                    { title: 'compared with' },
                  ],
                  detectors.map((one) => [
                    terminal.own(one.detector),
                    terminal.own(one.state),
                    number(one.hours),
                    one.figure === null ? terminal`-` : number(one.figure),
                    ...(one.median === null || one.spread === null || one.alarmFrom === null
                      ? [terminal`-`, terminal`-`, terminal`-`]
                      : [
                          number(tenths(one.median)),
                          number(tenths(one.spread)),
                          number(one.alarmFrom),
                        ]),
                    terminal`${one.factorPercent} %`,
                    one.basis === null || one.samples === null
                      ? terminal`-`
                      : terminal`${one.samples}, ${terminal.own(one.basis)}`,
                  ]),
                ),
              ],
              '\n',
            ),
          ),
          '\n\n',
        )
      })
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

/** What each detector knows of each sensor that was active in the weeks that are kept. */
async function baselines(store: Store, hour: number, sensor: string | undefined) {
  const { DETECTOR_TABLE, judge, knowledgeOfSensor } = await import('../../anomaly/index.ts')
  const { LIMITS } = await import('../../limits.ts')
  const active = await store.activity.activeSensors(hour - LIMITS.activityWeeks * 168)
  const factors = await store.activity.factors()
  const found = []
  for (const one of active.filter((each) => sensor === undefined || each.sensor === sensor)) {
    const knowledge = await knowledgeOfSensor(store.activity, one.sensor, hour)
    const figures = await store.activity.figures(one.sensor, [hour])
    found.push({
      sensor: one.sensor,
      detectors: DETECTOR_TABLE.map((detector) => {
        const known = knowledge.get(detector.metric) ?? { counted: 0, baseline: undefined }
        const factorPercent =
          factors.find((each) => each.detector === detector.name && each.sensor === one.sensor)
            ?.percent ?? 100
        const judged = judge(detector, 0, known, factorPercent)
        return {
          detector: detector.name,
          state: judged === undefined ? 'learning' : 'armed',
          hours: known.counted,
          figure: figures.find(({ metric }) => metric === detector.metric)?.value ?? null,
          median: judged?.baseline ?? null,
          spread: judged?.spread ?? null,
          samples: judged?.samples ?? null,
          basis: judged?.basis ?? null,
          threshold: judged?.threshold ?? null,
          alarmFrom:
            judged === undefined
              ? null
              : Math.max(
                  detector.least,
                  Math.ceil(judged.baseline + judged.threshold * judged.spread),
                ),
          factorPercent,
        }
      }),
    })
  }
  return found
}

async function drafts(texts: readonly DraftText[]): Promise<RuleDraft[]> {
  const { draftRule } = await import('../../neutralize/draft-rule.ts')
  const { fieldClassOf } = await import('../../neutralize/score.ts')
  return texts.map(({ text, field, axis }) => draftRule(text, fieldClassOf(field), axis))
}

/** @throws LookupFailed `LOOKUP_NO_ANOMALY` */
async function anomalyNamed(store: Store, given: string): Promise<StoredAnomaly> {
  const { anomalyNumbered } = await import('../../anomaly/index.ts')
  return anomalyNumbered(store.activity, numberArgument(given, 'number of an anomaly'))
}

function sensorOption(options: OptionValues): string | undefined {
  return typeof options['sensor'] === 'string' ? visibleName(options['sensor']) : undefined
}

function renderAnomaly(one: StoredAnomaly, message: string, app: App): TerminalText {
  const line = (name: string, text: TerminalText): TerminalText =>
    terminal`  ${terminal.own(name.padEnd(10))} ${text}`
  const lines = [
    app.out.paint.bold(terminal`${one.severity === 'notice' ? NOTICE : ANOMALY} ${one.id}`),
    line('sensor', terminal.data(one.sensor)),
    line('hour', terminal`${terminal.own(hourText(one.hour))} UTC`),
    line('detector', terminal.own(one.detector)),
    line('found', terminal.own(message)),
    line(
      'seen',
      terminal`${terminal.own(formatInstant(one.firstSeenUs))} to ${terminal.own(formatInstant(one.lastSeenUs))}`,
    ),
    line(
      'state',
      one.decidedBy === null
        ? terminal.own(one.state)
        : terminal`${terminal.own(one.state)}, by ${terminal.own(one.decidedBy)}: ${terminal.own(one.reason ?? '')}`,
    ),
  ]
  if (one.evidence.values.length > 0) lines.push(terminal``, evidenceTable(one, app.out.width))
  if (one.evidence.more > 0) lines.push(terminal`  ... and about ${number(one.evidence.more)} more`)
  if (one.evidence.withheld > 0)
    lines.push(
      terminal`  ${number(one.evidence.withheld)} events of the hour are withheld: "nacre quarantine list"`,
    )
  if (one.state === 'new')
    lines.push(
      terminal``,
      terminal`"nacre anomalies false ${one.id} --reason TEXT" raises the threshold, "confirm" proposes rules.`,
    )
  return terminal.join(lines, '\n')
}

function evidenceTable({ evidence }: Pick<Anomaly, 'evidence'>, width: number): TerminalText {
  return table(
    [
      { title: 'what' },
      { title: 'count', align: 'right' },
      { title: 'usual', align: 'right' },
      { title: 'session' },
      { title: 'text' },
    ],
    evidence.values.map((value) => [
      terminal.own(value.kind),
      number(value.count),
      value.usual === undefined ? terminal`-` : terminal`${tenths(value.usual / 10)} %`,
      value.session === undefined ? terminal`-` : fit(terminal.data(value.session), 20),
      fit(terminal.data(value.text), Math.max(40, width - 50)),
    ]),
  )
}

function renderDrafts(
  texts: readonly DraftText[],
  rules: readonly RuleDraft[] | undefined,
): TerminalText {
  if (texts.length === 0)
    return terminal`Confirmed. No stored event behind it has a text that a rule could be drafted from.`
  if (rules !== undefined)
    // JSON escapes what a file of rules must not hold as it is.
    return terminal.join(
      rules
        .flatMap((rule) => JSON.stringify(rule, undefined, 2).split('\n'))
        .map((text) => terminal.own(text)),
      '\n',
    )
  return terminal.join(
    [
      terminal`Confirmed. Rules can be drafted from the texts behind it:`,
      ...texts.map((one) => {
        const command = draftCommand(one)
        return command === undefined
          ? terminal`  (names that are not fit for a shell: use --draft)`
          : terminal`  ${terminal.own(command)}`
      }),
    ],
    '\n',
  )
}

const ANOMALY = terminal`Anomaly`
const NOTICE = terminal`Notice`

function hourText(hour: number): string {
  return formatInstant(hour * US_PER_HOUR)
    .slice(0, 16)
    .replace('T', ' ')
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10
}
