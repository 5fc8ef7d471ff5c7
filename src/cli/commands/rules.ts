import { readFileSync } from 'node:fs'
import { LookupFailed, UsageError } from '../../core/errors.ts'
import { dayOf, formatDay } from '../../core/instant.ts'
import { fit, number, type TerminalText, table } from '../../core/terminal.ts'
import { FIELD_CLASSES, type FieldClass } from '../../core/verdict.ts'
import { toVisible } from '../../neutralize/visible.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { actorName, numberArgument, REASON_OPTION, reasonOption } from '../actor.ts'
import { type Command, EXIT } from '../command.ts'
import { EVENT_OPTIONS, stretchOption } from '../options.ts'
import { sessionNamed } from '../session-named.ts'

export const rulesList: Command = {
  name: 'rules list',
  summary: 'List the rules: what they look for, on which axis, with which score',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    axis: { type: 'string', value: 'AXIS', choices: ['threat', 'hazard'], help: 'only these' },
    family: { type: 'string', value: 'NAME', help: 'only this family' },
  },
  examples: ['rules list', 'rules list --axis hazard --json'],
  description:
    'Threat: what the attacker did to the honeypot. Hazard: what the text could do to those who read it; from the score of the\n' +
    'setting review.hold_hazard on, an event is withheld.',
  async run(app, _args, options) {
    const rules = await app.ruleSet()
    const shown = rules.definitions.filter(
      (rule) =>
        (options['axis'] === undefined || rule.axis === options['axis']) &&
        (options['family'] === undefined || rule.family === options['family']),
    )
    const result = {
      ruleSet: rules.version,
      rules: shown.map(({ id, version, axis, score, title, techniques, on, family }) => ({
        id,
        version,
        axis,
        score,
        title,
        techniques,
        on,
        family: family ?? null,
      })),
    }
    app.out.result(result, () =>
      terminal.join(
        [
          table(
            [
              { title: 'rule' },
              { title: 'score', align: 'right' },
              { title: 'techniques' },
              { title: 'what it means' },
            ],
            shown.map((rule) => [
              terminal.own(rule.id),
              number(rule.score),
              terminal.own(rule.techniques.join(' ')),
              fit(terminal.own(rule.title), Math.max(30, app.out.width - 60)),
            ]),
            '',
          ),
          terminal``,
          terminal`${shown.length} rules of the set ${terminal.own(rules.version)}.`,
        ],
        '\n',
      ),
    )
    return EXIT.ok
  },
}

export const rulesShow: Command = {
  name: 'rules show',
  summary: 'Show one rule with its reason and its examples',
  arguments: 'RULE',
  argumentCount: [1, 1],
  options: {},
  examples: ['rules show hazard.terminal.clipboard'],
  async run(app, args) {
    const { definitions } = await app.ruleSet()
    const rule = definitions.find(({ id }) => id === args[0])
    if (rule === undefined) {
      throw new LookupFailed('LOOKUP_NO_RULE', 'There is no rule of this id.', {
        hint: '"nacre rules list" lists them.',
      })
    }
    // Examples are what attackers write: shown in visible form, as everywhere.
    const examples = {
      matches: rule.matches.map((text) => toVisible(text)),
      misses: rule.misses.map((text) => toVisible(text)),
    }
    app.out.result(
      { ...rule, family: rule.family ?? null, pattern: rule.pattern ?? null, ...examples },
      () => {
        const line = (name: string, text: TerminalText): TerminalText =>
          terminal`  ${terminal.own(name.padEnd(11))} ${text}`
        return terminal.join(
          [
            app.out.paint.bold(terminal.own(rule.id)),
            line('means', terminal.own(rule.title)),
            line('score', terminal`${rule.score} of 100, ${terminal.own(rule.axis)}`),
            line('techniques', terminal.own(rule.techniques.join(', '))),
            line('looks at', terminal.own(rule.on.join(', '))),
            line('reason', terminal.own(rule.reason)),
            ...(rule.pattern === undefined
              ? []
              : [line('pattern', terminal.own(toVisible(rule.pattern)))]),
            ...(rule.commands.length === 0
              ? []
              : [line('commands', terminal.own(rule.commands.join(', ')))]),
            line('literals', terminal.own(toVisible(rule.literals.join(', ')))),
            ...examples.matches.map((text) => line('matches', terminal.data(text))),
            ...examples.misses.map((text) => line('misses', terminal.data(text))),
          ],
          '\n',
        )
      },
    )
    return EXIT.ok
  },
}

export const rulesTest: Command = {
  name: 'rules test',
  summary: 'Say what the rules find in a text, or run all rules over their own examples',
  arguments: '[TEXT]',
  argumentCount: [0, 1],
  options: {
    file: {
      type: 'string',
      value: 'FILE',
      help: 'take the text from a file, - for standard input',
    },
    kind: {
      type: 'string',
      value: 'KIND',
      choices: FIELD_CLASSES,
      help: 'what kind of text it is (default command)',
    },
  },
  examples: [
    'rules test',
    "rules test 'echo d2dldCBodHRwOi8v | base64 -d | sh'",
    'rules test --file - --kind client',
  ],
  description:
    'The text is only looked at. Exit status 1 when a rule misses one of its own examples.',
  async run(app, args, options) {
    const rules = await app.ruleSet()
    const given =
      typeof options['file'] === 'string'
        ? readText(options['file'])
        : args.length > 0
          ? args[0]!
          : undefined
    if (given === undefined) {
      const failed = rules.definitions.flatMap((rule) => {
        const hits = (text: string): boolean =>
          rule.on.some((kind) => rules.match(text, kind).rules.includes(rule.id))
        return [
          ...rule.matches
            .filter((text) => !hits(text))
            .map((text) => ({ rule: rule.id, example: toVisible(text), fault: 'misses it' })),
          ...rule.misses
            .filter(hits)
            .map((text) => ({ rule: rule.id, example: toVisible(text), fault: 'hits it' })),
        ]
      })
      const examples = rules.definitions.reduce(
        (sum, rule) => sum + rule.matches.length + rule.misses.length,
        0,
      )
      app.out.result(
        { ruleSet: rules.version, rules: rules.definitions.length, examples, failed },
        () =>
          failed.length === 0
            ? terminal`${rules.definitions.length} rules do what their ${examples} examples say.`
            : terminal.join(
                failed.map(
                  (one) =>
                    terminal`${terminal.own(one.rule)} ${terminal.own(one.fault)}: ${terminal.data(one.example)}`,
                ),
                '\n',
              ),
      )
      return failed.length === 0 ? EXIT.ok : EXIT.failed
    }
    const kind = (options['kind'] ?? 'command') as FieldClass // one of the choices
    const { tryText } = await import('../../pipeline/rule-trial.ts')
    const result = tryText(rules, given, kind)
    app.out.result(result, () =>
      terminal.join(
        [
          terminal`threat ${result.threat}, hazard ${result.hazard}${result.layers.length > 0 ? terminal`, unwrapped: ${terminal.own(result.layers.join(', '))}` : terminal``}`,
          ...result.texts.map(
            (text, i) =>
              terminal`  ${i === 0 ? terminal`as typed ` : terminal`read as  `} ${fit(terminal.data(text), Math.max(40, app.out.width - 12))}`,
          ),
          ...(result.rules.length === 0
            ? [terminal`No rule hits.`]
            : [
                table(
                  [
                    { title: 'rule' },
                    { title: 'score', align: 'right' },
                    { title: 'what it means' },
                    { title: 'found' },
                  ],
                  result.rules.map((one) => [
                    terminal.own(one.id),
                    number(one.score),
                    fit(terminal.own(one.title), 50),
                    one.found === null ? terminal`-` : fit(terminal.data(one.found), 40),
                  ]),
                ),
              ]),
        ],
        '\n',
      ),
    )
    return EXIT.ok
  },
}

export const rulesStats: Command = {
  name: 'rules stats',
  summary: 'Count what each rule found, and how often reviewers said it was wrong',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    since: { type: 'string', value: 'TIME', help: 'only days from this one on (UTC)' },
    until: { type: 'string', value: 'TIME', help: 'only days before this one' },
    all: { type: 'boolean', help: 'also rules that found nothing' },
  },
  examples: ['rules stats', 'rules stats --since 2026-11-01 --json'],
  description: 'Counts stored events, from the daily roll-up.',
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const { falsePositives, verdictCounts } = await import('../../store/repo/rules.ts')
      const { ruleFigures } = await import('../../pipeline/rule-stats.ts')
      const { sinceUs, untilUs } = stretchOption(options, 'since')
      const figures = ruleFigures(
        await verdictCounts(store.query, {
          fromDay: sinceUs === undefined ? undefined : dayOf(sinceUs),
          untilDay: untilUs === undefined ? undefined : dayOf(untilUs),
        }),
      )
      const marks = await falsePositives(store.query)
      const { definitions, version } = await app.ruleSet()
      const known = new Map(definitions.map((rule) => [rule.id, rule]))
      const found = figures.rules.map(({ rule, events, firstDay, lastDay, fields }) => ({
        rule,
        events,
        firstDay: formatDay(firstDay),
        lastDay: formatDay(lastDay),
        fields: [...fields].sort(),
        axis: known.get(rule)?.axis ?? null,
        score: known.get(rule)?.score ?? null,
        falsePositives: marks.get(rule) ?? 0,
      }))
      const quiet = definitions
        .map(({ id }) => id)
        .filter((id) => !found.some((one) => one.rule === id))
      const result = {
        ruleSet: version,
        rules: found,
        layers: figures.layers,
        ...(options['all'] === true ? { withoutHits: quiet } : {}),
      }
      app.out.result(result, () => {
        if (found.length === 0) return terminal`No rule has found anything in this store.`
        const lines = [
          table(
            [
              { title: 'rule' },
              { title: 'events', align: 'right' },
              { title: 'score', align: 'right' },
              { title: 'first' },
              { title: 'last' },
              { title: 'false', align: 'right' },
            ],
            found.map((one) => [
              terminal.own(one.rule),
              number(one.events),
              one.score === null ? terminal`-` : number(one.score),
              terminal.own(one.firstDay),
              terminal.own(one.lastDay),
              number(one.falsePositives),
            ]),
            '',
          ),
          terminal``,
          terminal`Unwrapped: ${terminal.own(figures.layers.map((one) => `${one.layer} ${one.events}`).join(', ') || 'nothing')}`,
        ]
        if (options['all'] === true)
          lines.push(terminal`Without hits: ${terminal.own(quiet.join(', '))}`)
        return terminal.join(lines, '\n')
      })
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const rulesRecompute: Command = {
  name: 'rules recompute',
  summary: 'Make the verdicts of all events again by the rules of now, and print what changed',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    reason: REASON_OPTION,
    'dry-run': { type: 'boolean', help: 'only say what would change' },
  },
  examples: ['rules recompute --dry-run', 'rules recompute --reason "rules of release 0.2"'],
  description:
    'Batches that were scored by these rules already are left out. Stopped, the same command goes on where it was.\n' +
    'What is withheld stays withheld, what is stored stays stored.',
  async run(app, _args, options) {
    const isDry = options['dry-run'] === true
    const reason = isDry ? '' : reasonOption(options)
    const store = await app.openStore('write')
    try {
      const { recompute } = await import('../../pipeline/recompute.ts')
      const done = await recompute(store, {
        rules: await app.ruleSet(),
        holdHazard: app.settings.holdHazard,
        dryRun: isDry,
        actor: actorName(),
        reason,
        signal: app.signal,
        progress: (batch, last) =>
          app.out.progress(terminal`verdicts of batch ${batch} of ${last}`),
      })
      app.out.result({ ...done, dryRun: isDry }, () => {
        const lines = [
          terminal`${number(done.events)} events of ${number(done.batches)} batches read; ${number(done.changed)} verdicts ${isDry ? terminal`would change` : terminal`changed`} (rule set ${terminal.own(done.ruleSet)}).`,
        ]
        if (done.rules.length > 0)
          lines.push(
            table(
              [
                { title: 'rule' },
                { title: 'gained', align: 'right' },
                { title: 'lost', align: 'right' },
              ],
              done.rules.map((one) => [
                terminal.own(one.rule),
                number(one.gained),
                number(one.lost),
              ]),
              '',
            ),
          )
        if (done.wouldHold > 0)
          lines.push(
            terminal`${number(done.wouldHold)} stored events would be withheld if they came now.`,
          )
        if (done.wouldRelease > 0)
          lines.push(
            terminal`${number(done.wouldRelease)} withheld events would not be: see "nacre quarantine list".`,
          )
        return terminal.join(lines, '\n')
      })
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const rulesDraft: Command = {
  name: 'rules draft',
  summary: 'Turn a text of a reviewed event into the draft of a rule',
  arguments: '[SESSION]',
  argumentCount: [0, 1],
  options: {
    ...EVENT_OPTIONS,
    batch: { type: 'string', value: 'BATCH', help: 'batch of a withheld event' },
    record: {
      type: 'integer',
      value: 'N',
      min: 0,
      max: 1_000_000,
      help: 'its record in that batch',
    },
    field: { type: 'string', value: 'NAME', help: 'field whose text it is about (default input)' },
    axis: {
      type: 'string',
      value: 'AXIS',
      choices: ['threat', 'hazard'],
      help: 'threat or hazard (default threat)',
    },
  },
  examples: [
    'rules draft 99ecbcc75e79 --event 12',
    'rules draft --batch 12 --record 3 --field password --axis hazard',
  ],
  description:
    'Prints the file of a rule that hits this text; numbers, addresses and random names in it may be others.\n' +
    'Give it a title, a reason with its source, and what it must not hit, then put it into the folder of rules.',
  async run(app, args, options) {
    const store = await app.openStore('read')
    try {
      const payload = await draftedPayload(app, store, args[0], options)
      const field = typeof options['field'] === 'string' ? options['field'] : 'input'
      const value = payload[field]
      if (typeof value !== 'string') {
        throw new LookupFailed('LOOKUP_NO_EVENT', 'The event has no text in this field.', {
          hint: `Name another with --field: ${Object.keys(payload)
            .filter((name) => typeof payload[name] === 'string')
            .slice(0, 12)
            .join(', ')}.`,
        })
      }
      const { draftRule } = await import('../../neutralize/draft-rule.ts')
      const { fieldClassOf } = await import('../../neutralize/score.ts')
      const draft = draftRule(
        value,
        fieldClassOf(field),
        options['axis'] === 'hazard' ? 'hazard' : 'threat',
      )
      // JSON escapes what a file of rules must not hold as it is.
      app.out.result(draft, () =>
        terminal.join(
          JSON.stringify(draft, undefined, 2)
            .split('\n')
            .map((line) => terminal.own(line)),
          '\n',
        ),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

async function draftedPayload(
  _app: unknown,
  store: Awaited<ReturnType<Parameters<Command['run']>[0]['openStore']>>,
  id: string | undefined,
  options: Parameters<Command['run']>[2],
) {
  const { parseJson } = await import('../../core/json.ts')
  if (id !== undefined) {
    const { eventsOfSession } = await import('../../store/repo/sessions.ts')
    const session = await sessionNamed(store, id, options['sensor'])
    const events = await eventsOfSession(store.query, session)
    const event = events[(typeof options['event'] === 'number' ? options['event'] : 0) - 1]
    if (event !== undefined) return parseJson(event.payload) as Readonly<Record<string, unknown>> // payloads are objects
    throw new LookupFailed(
      'LOOKUP_NO_EVENT',
      `The session has ${events.length} events; name one with --event.`,
      {
        hint: '"nacre session ID" lists them in this order, from 1.',
      },
    )
  }
  if (typeof options['batch'] !== 'string' || typeof options['record'] !== 'number') {
    throw new UsageError(
      'USAGE_BAD_ARGUMENT',
      'Say which event: SESSION --event N, or --batch BATCH --record N.',
      {
        hint: '"nacre session ID" and "nacre quarantine show BATCH" list events.',
      },
    )
  }
  const batchId = numberArgument(options['batch'], 'number of a batch')
  const record = options['record']
  const found = (await store.reads().withheldOf(batchId)).find(({ cells }) => cells[1] === record)
  if (found !== undefined)
    return parseJson(Buffer.from(found.cells[8]).toString()) as Readonly<Record<string, unknown>> // as above
  throw new LookupFailed(
    'LOOKUP_NO_EVENT',
    `Batch ${batchId} withheld no event in record ${record}.`,
    {
      hint: `"nacre quarantine show ${batchId}" lists its events.`,
    },
  )
}

function readText(path: string): string {
  try {
    // Line ends of the file are none of the text.
    return readFileSync(path === '-' ? 0 : path, 'utf8').replace(/\r?\n$/, '')
  } catch {
    throw new UsageError('USAGE_BAD_OPTION', 'The file of --file cannot be read.', {
      hint: 'Name a file that is there and may be read, or - for standard input.',
    })
  }
}
