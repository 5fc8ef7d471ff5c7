import { UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { readRanges } from '../../core/ranges.ts'
import { fit, number, type TerminalText, table } from '../../core/terminal.ts'
import { LIMITS } from '../../limits.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { BatchReview, Decision, ReviewJson } from '../../pipeline/quarantine.ts'
import { hitTexts } from '../../review/risk.ts'
import { actorName, numberArgument, REASON_OPTION, reasonOption } from '../actor.ts'
import type { App } from '../app.ts'
import { type Command, EXIT, type OptionValues } from '../command.ts'
import { writerVersions } from '../load.ts'
import type { Paint } from '../output.ts'

export const quarantineList: Command = {
  name: 'quarantine list',
  summary: 'List batches with withheld events',
  arguments: '',
  argumentCount: [0, 0],
  options: { all: { type: 'boolean', help: 'also those on which everything is decided' } },
  examples: ['quarantine list', 'quarantine list --all --json'],
  description:
    'An event is withheld when what it says could harm its reader; it waits for a person and is part of no answer until then.\n' +
    'Exit status 4 when something waits.',
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const { heldBatches } = await import('../../store/repo/held.ts')
      const batches = await heldBatches(store.query, options['all'] !== true)
      const { isEmergency } = await import('../../pipeline/emergency.ts')
      const isOn = await isEmergency(store.reads())
      const result = {
        emergency: isOn,
        batches: batches.map(({ committedAtUs, ...one }) => ({
          batch: one.batchId,
          path: one.path,
          committedAt: formatInstant(committedAtUs),
          withheld: one.withheld,
          waiting: one.waiting,
          rejected: one.rejected,
          approved: one.withheld - one.waiting - one.rejected,
          hazardMax: one.hazardMax,
        })),
      }
      app.out.result(result, () => {
        const { paint } = app.out
        const lines = isOn ? [paint.red(terminal`Emergency: everything new is withheld.`)] : []
        if (batches.length === 0) lines.push(terminal`Nothing is withheld.`)
        else
          lines.push(
            table(
              [
                { title: 'batch', align: 'right' },
                { title: 'source' },
                { title: 'loaded (UTC)' },
                { title: 'waiting', align: 'right' },
                { title: 'approved', align: 'right' },
                { title: 'rejected', align: 'right' },
                { title: 'hazard', align: 'right' },
              ],
              result.batches.map((one) => [
                terminal`${one.batch}`,
                fit(terminal.own(one.path), 60),
                terminal.own(one.committedAt.slice(0, 19).replace('T', ' ')),
                one.waiting > 0 ? paint.yellow(number(one.waiting)) : number(0),
                number(one.approved),
                number(one.rejected),
                number(one.hazardMax),
              ]),
              '',
            ),
          )
        if (batches.some((one) => one.waiting > 0))
          lines.push(
            terminal``,
            terminal`"nacre quarantine show BATCH" tells which rules hit which fields.`,
          )
        return terminal.join(lines, '\n')
      })
      return batches.some((one) => one.waiting > 0) ? EXIT.held : EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const quarantineShow: Command = {
  name: 'quarantine show',
  summary: 'Report on the withheld events of a batch: rules, fields, samples in safe form',
  arguments: 'BATCH',
  argumentCount: [1, 1],
  options: {
    samples: {
      type: 'integer',
      value: 'N',
      min: 0,
      max: 4_096,
      help: 'events that are shown, most hazardous first (default 10)',
    },
  },
  examples: ['quarantine show 12', 'quarantine show 12 --samples 100 --json'],
  description: 'Hostile characters are spelled out, as everywhere; no live byte is printed.',
  async run(app, args, options) {
    const store = await app.openStore('read')
    try {
      const { reviewBatch, reviewJson } = await import('../../pipeline/quarantine.ts')
      const batchId = numberArgument(args[0]!, 'number of a batch')
      const samples = typeof options['samples'] === 'number' ? options['samples'] : 10
      const review = await reviewBatch(store.reads(), batchId, samples)
      const result = reviewJson(batchId, review, (await app.ruleSet()).definitions)
      app.out.result(result, () =>
        renderReview(result.risk, review, batchId, app.out.paint, app.out.width),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

const DECISION_OPTIONS = {
  reason: REASON_OPTION,
  records: {
    type: 'string',
    value: 'LIST',
    help: 'only these records of the batch: 3,7-12 (default: all that wait)',
  },
  'false-positive': {
    type: 'string',
    value: 'RULE',
    multiple: true,
    help: 'say that a rule hit without cause; "rules stats" counts it',
  },
} as const

export const quarantineApprove: Command = {
  name: 'quarantine approve',
  summary: 'Release withheld events of a batch: they become part of every answer',
  arguments: 'BATCH',
  argumentCount: [1, 1],
  options: DECISION_OPTIONS,
  examples: [
    'quarantine approve 12 --reason "escapes are spelled out, no risk"',
    'quarantine approve 12 --records 3,7-12 --reason "ordinary scan" --false-positive hazard.prompt.ignore-en',
  ],
  description: 'Afterwards the store is what it would be if they had never been withheld.',
  run: (app, args, options) => decide(app, args, options, 'approved'),
}

export const quarantineReject: Command = {
  name: 'quarantine reject',
  summary: 'Keep withheld events of a batch out of every answer for good',
  arguments: 'BATCH',
  argumentCount: [1, 1],
  options: DECISION_OPTIONS,
  examples: ['quarantine reject 12 --reason "made to attack the reader of reports"'],
  description: 'Rejected events keep their row and their key; their sealed bytes stay.',
  run: (app, args, options) => decide(app, args, options, 'rejected'),
}

async function decide(
  app: App,
  args: readonly string[],
  options: OptionValues,
  to: 'approved' | 'rejected',
): Promise<number> {
  const store = await app.openStore('write')
  try {
    const { approve, markFalsePositives, reject } = await import('../../pipeline/quarantine.ts')
    const decision: Decision = {
      batchId: numberArgument(args[0]!, 'number of a batch'),
      records: recordsOption(options['records']),
      actor: actorName(),
      reason: reasonOption(options),
      falsePositives: await knownRules(app, options['false-positive']),
    }
    let events: number
    if (to === 'rejected') {
      events = await reject(store.reads(), store.review, decision)
    } else {
      const writer = store.writer(await writerVersions(app))
      try {
        events = await approve(store.reads(), writer, await app.registry(), decision)
      } finally {
        await writer.close()
      }
    }
    await markFalsePositives(store, decision)
    app.out.result({ batch: decision.batchId, events, state: to }, () =>
      events === 1
        ? terminal`1 event ${to === 'approved' ? APPROVED : REJECTED}.`
        : terminal`${number(events)} events ${to === 'approved' ? APPROVED : REJECTED}.`,
    )
    return EXIT.ok
  } finally {
    await store.close()
  }
}

const APPROVED = terminal`approved`
const REJECTED = terminal`rejected`

export const quarantineEmergency: Command = {
  name: 'quarantine emergency',
  summary: 'Withhold everything new, and reveal and export nothing, until it is turned off',
  arguments: 'on|off|status',
  argumentCount: [1, 1],
  options: { reason: REASON_OPTION },
  examples: [
    'quarantine emergency on --reason "escape found that the rules do not know"',
    'quarantine emergency off --reason "rule added"',
    'quarantine emergency status',
  ],
  description:
    'Also turned on by what the setting review.emergency_triggers names. What is withheld meanwhile waits in the quarantine.',
  async run(app, args, options) {
    const [wanted] = args
    if (wanted !== 'on' && wanted !== 'off' && wanted !== 'status') {
      throw new UsageError('USAGE_BAD_ARGUMENT', 'Say on, off or status.', {
        hint: 'nacre quarantine emergency on --reason TEXT',
      })
    }
    const store = await app.openStore(wanted === 'status' ? 'read' : 'write')
    try {
      const { emergencyOf, setEmergency } = await import('../../pipeline/emergency.ts')
      if (wanted !== 'status')
        await setEmergency(store, wanted, { actor: actorName(), reason: reasonOption(options) })
      const now = await emergencyOf(store.reads())
      app.out.result({ emergency: now.state === 'on', ...now }, () =>
        now.state === 'on'
          ? app.out.paint.red(
              terminal`Emergency: everything new is withheld, nothing is revealed. Since ${terminal.own(now.since ?? '')} by ${terminal.own(now.actor ?? '')}: ${terminal.own(now.reason ?? '')}`,
            )
          : terminal`No emergency: events are withheld by their hazard alone.`,
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

function recordsOption(value: unknown): number[] | undefined {
  if (typeof value !== 'string') return undefined
  const found = readRanges(value, LIMITS.batchRecordsMax + 1)
  if (found !== undefined) return [...new Set(found)]
  throw new UsageError(
    'USAGE_BAD_OPTION',
    `--records "${value.slice(0, 40)}" is no list of records.`,
    {
      hint: 'Write numbers and ranges: 3,7-12.',
    },
  )
}

async function knownRules(app: App, given: OptionValues[string]): Promise<readonly string[]> {
  if (!Array.isArray(given)) return []
  const { definitions } = await app.ruleSet()
  const names = given as readonly string[] // the option is of the kind that is given several times
  const unknown = names.find((name) => !definitions.some(({ id }) => id === name))
  if (unknown === undefined) return names
  throw new UsageError('USAGE_BAD_OPTION', `There is no rule ${unknown.slice(0, 80)}.`, {
    hint: '"nacre rules list" lists them.',
  })
}

function renderReview(
  risk: ReviewJson['risk'],
  review: BatchReview,
  batchId: number,
  paint: Paint,
  width: number,
): TerminalText {
  const lines = [
    paint.bold(terminal`Batch ${batchId}`),
    terminal`  ${number(review.held)} wait, ${number(review.approved)} approved, ${number(review.rejected)} rejected`,
    terminal`  hazard up to ${risk.hazardMax}, threat up to ${risk.threatMax}${risk.layers.length > 0 ? terminal`, unwrapped: ${terminal.own(risk.layers.join(', '))}` : terminal``}`,
    terminal``,
    paint.bold(terminal`Rules`),
  ]
  if (risk.rules.length === 0) lines.push(paint.dim(terminal`  none: withheld in an emergency`))
  else
    lines.push(
      table(
        [
          { title: 'rule' },
          { title: 'score', align: 'right' },
          { title: 'events', align: 'right' },
          { title: 'fields' },
          { title: 'what it means' },
        ],
        risk.rules.map((one) => [
          terminal.own(one.rule),
          one.score === null ? terminal`-` : number(one.score),
          number(one.events),
          terminal.own(one.fields.join(', ')),
          fit(terminal.own(one.title ?? 'a rule of another rule set'), 60),
        ]),
      ),
    )
  for (const event of review.events) {
    lines.push(
      terminal``,
      terminal`${paint.bold(terminal`record ${event.record}`)}  ${terminal.own(event.state)}  ${terminal.own(formatInstant(event.atUs))}  ${terminal.data(event.sensor)}  ${terminal.data(event.session)}  ${terminal.data(event.eventid)}`,
    )
    for (const [field, text] of hitTexts(event.verdict?.hits, event.payload))
      lines.push(
        fit(terminal`  ${terminal.data(field)}: ${terminal.data(text)}`, Math.max(40, width)),
      )
  }
  lines.push(
    terminal``,
    terminal`"nacre quarantine approve ${batchId} --reason TEXT" releases them, "reject" keeps them out.`,
  )
  return terminal.join(lines, '\n')
}
