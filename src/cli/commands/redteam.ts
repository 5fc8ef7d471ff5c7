import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { StoreError, UsageError } from '../../core/errors.ts'
import { number, type Paint, pad, type TerminalText, table } from '../../core/terminal.ts'
import { toVisible } from '../../neutralize/visible.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { FalsePositive } from '../../redteam/benign.ts'
import type { Payload } from '../../redteam/corpus.ts'
import type { Matrix } from '../../redteam/matrix.ts'
import type { App } from '../app.ts'
import { type Command, EXIT } from '../command.ts'
import { REDTEAM } from '../program.ts'
import type { RedteamRun } from '../redteam/run.ts'

/** Problems and ordinary texts that the text lists; `--json` has more. */
const SHOWN = 20

export const redteam: Command = {
  name: 'redteam',
  summary: 'Attack this program with hostile logs, and say whether any output let them through',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    corpus: {
      type: 'string',
      value: 'PATH',
      multiple: true,
      help: 'payloads of a file or folder in place of the built-in ones: one a line, or JSON',
    },
    benign: {
      type: 'string',
      value: 'FILE',
      help: 'ordinary texts that no rule may call dangerous, besides the built-in ones',
    },
    out: {
      type: 'string',
      value: 'DIR',
      help: 'new folder for every document that was made, for browsers and spreadsheets to open',
    },
  },
  examples: ['redteam', 'redteam --corpus payloads.txt --json', 'redteam --out documents'],
  description:
    'Loads each payload in every field that an attacker can write, into a store of its own that is gone afterwards, and looks\n' +
    'at what every output and command makes of it. Exit status 1 when a payload came through: the store of the settings is\n' +
    'then put into the emergency mode, where review.emergency_triggers says so. See docs/redteam.md.',
  async run(app, _args, options) {
    const { readPayloads, numbered } = await import('../../redteam/corpus.ts')
    const { falsePositives, readBenign } = await import('../../redteam/benign.ts')
    const { fileURLToPath } = await import('node:url')
    const given = options['corpus'] as readonly string[] | undefined // an option that is given several times
    const payloads =
      given === undefined
        ? readPayloads(fileURLToPath(new URL('payloads.json', REDTEAM)))
        : numbered(given.flatMap((path) => readPayloads(resolve(path))))
    const benign = [
      ...readBenign(new URL('benign.json', REDTEAM)),
      ...(typeof options['benign'] === 'string' ? readBenign(resolve(options['benign'])) : []),
    ]
    const keep = typeof options['out'] === 'string' ? keeper(resolve(options['out'])) : undefined
    const { runRedteam } = await import('../redteam/run.ts')
    const run = await runRedteam(app, payloads, {
      ...(keep === undefined ? {} : { keep }),
      progress: (done, of) => app.out.progress(terminal`payload ${done} of ${of}`),
    })
    const rules = await app.ruleSet()
    const scores = new Map(rules.definitions.map(({ id, score }) => [id, score]))
    const wrong = falsePositives(benign, rules, (rule) => scores.get(rule) ?? 0)
    const emergency = run.matrix.unsafe > 0 && (await alarm(app, run.matrix))
    const classes = run.effects.map((effect) => effect.class)
    const result = {
      payloads: payloads.length,
      events: run.events,
      unsafe: run.matrix.unsafe,
      emergency,
      ruleSet: rules.version,
      rulesOff: run.rulesOff,
      classes: run.effects.map((effect) => ({
        ...effect,
        outputs: Object.fromEntries(
          run.matrix.columns.map((column) => [column, run.matrix.cell(effect.class, column)]),
        ),
      })),
      problems: run.matrix.problems,
      benign: benign.length,
      falsePositives: wrong.map((one) => ({ ...one, text: toVisible(one.text) })),
    }
    app.out.result(result, () => render(run, payloads, classes, wrong, result, app.out.paint))
    return run.matrix.unsafe > 0 ? EXIT.failed : EXIT.ok
  },
}

/** Puts the operator's store into the emergency mode. @returns whether it is in it now */
export async function alarm(app: App, matrix: Matrix): Promise<boolean> {
  if (!app.settings.emergencyTriggers.has('redteam')) return false
  try {
    const store = await app.openStore('write')
    try {
      const { setEmergency } = await import('../../pipeline/emergency.ts')
      const columns = new Set(matrix.problems.map(({ column }) => column))
      await setEmergency(store, 'on', {
        actor: app.command,
        reason: `the red team came through: ${[...columns].join(', ')}`,
        trigger: 'redteam',
      })
      return true
    } finally {
      await store.close()
    }
  } catch (error) {
    // Where nothing was loaded yet, nothing can be withheld.
    if (error instanceof StoreError && error.code === 'STORE_NOT_FOUND') return false
    throw error
  }
}

const ENDINGS: Readonly<Record<string, string>> = {
  text: 'txt',
  json: 'json',
  html: 'html',
  csv: 'csv',
  markdown: 'md',
  log: 'log',
  mail: 'eml',
  stix: 'stix.txt',
  prompt: 'txt',
}

/** Files of documents: named by numbers and words of ours, as payloads make bad names. */
function keeper(
  folder: string,
): (output: string, number: number, name: string, text: string) => void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch {
    throw new UsageError('USAGE_BAD_OPTION', `The folder ${folder} cannot be made.`, {
      hint: 'Name a new folder in one that is there.',
    })
  }
  const made = new Set<string>()
  return (output, n, name, text) => {
    const own = join(folder, output)
    if (!made.has(output)) mkdirSync(own, { mode: 0o700 })
    made.add(output)
    const file = `${String(n).padStart(5, '0')}-${name.replaceAll(' ', '-')}.${ENDINGS[output] ?? 'txt'}`
    writeFileSync(join(own, file), text, { mode: 0o600 })
  }
}

function render(
  { matrix, effects, rulesOff }: RedteamRun,
  payloads: readonly Payload[],
  classes: readonly string[],
  wrong: readonly FalsePositive[],
  facts: { readonly events: number; readonly benign: number; readonly emergency: boolean },
  paint: Paint,
): TerminalText {
  const lines: TerminalText[] = [
    terminal`${number(payloads.length)} payloads of ${classes.length} classes in ${number(facts.events)} events`,
    terminal``,
    paint.bold(terminal`What the rules know and the program did, by class`),
    table(
      [
        { title: '', align: 'right' },
        { title: 'class' },
        { title: 'payloads', align: 'right' },
        { title: 'neutralized', align: 'right' },
        { title: 'scored', align: 'right' },
        { title: 'held', align: 'right' },
        { title: 'missed', align: 'right' },
      ],
      effects.map((one, i) => [
        terminal`${i + 1}`,
        terminal.own(one.class),
        number(one.payloads),
        one.neutralized < one.payloads
          ? paint.red(number(one.neutralized))
          : number(one.neutralized),
        number(one.scored),
        number(one.held),
        one.missed > 0 ? paint.yellow(number(one.missed)) : number(0),
      ]),
    ),
    terminal``,
    paint.bold(terminal`Outputs by class: · safe, X not`),
    terminal`  ${pad(terminal``, 13)}${terminal.join(
      classes.map((_, i) => pad(terminal`${i + 1}`, 3, 'right')),
      '',
    )}`,
    ...matrix.columns.map(
      (column) =>
        terminal`  ${pad(terminal.own(column), 13)}${terminal.join(
          classes.map((name) => pad(cell(matrix, name, column, paint), 3, 'right')),
          '',
        )}`,
    ),
    terminal``,
  ]
  if (matrix.unsafe === 0) lines.push(paint.green(terminal`Every payload stayed text everywhere.`))
  else {
    lines.push(paint.red(terminal`${number(matrix.unsafe)} times a payload came through.`))
    for (const { payload, column, place, problem } of matrix.problems.slice(0, SHOWN))
      lines.push(
        terminal`  ${terminal.own(payload)} in ${terminal.own(column)} (${terminal.own(place)}): ${terminal.own(problem)}`,
      )
    if (facts.emergency)
      lines.push(terminal`Emergency: the store of the settings withholds everything new.`)
  }
  lines.push(
    wrong.length === 0
      ? terminal`No rule hits one of ${number(facts.benign)} ordinary texts.`
      : paint.yellow(
          terminal`${number(wrong.length)} hits on ${number(facts.benign)} ordinary texts:`,
        ),
    ...wrong
      .slice(0, SHOWN)
      .map((one) => terminal`  ${terminal.own(one.rule)} (${one.score}): ${toVisible(one.text)}`),
  )
  if (rulesOff.length > 0)
    lines.push(
      paint.yellow(
        terminal`Switched off on the way, as too slow: ${terminal.own(rulesOff.join(', '))}`,
      ),
    )
  return terminal.join(lines, '\n')
}

function cell(matrix: Matrix, name: string, column: string, paint: Paint): TerminalText {
  const { shown, unsafe } = matrix.cell(name, column)
  if (unsafe > 0) return paint.red(terminal`X`)
  return shown === 0 ? paint.dim(terminal`-`) : terminal`·`
}
