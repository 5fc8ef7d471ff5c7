import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { readRanges } from '../../core/ranges.ts'
import { bytes, number, type Paint, type TerminalText } from '../../core/terminal.ts'
import type { ExportFacts } from '../../evidence/export.ts'
import type { PackageVerdict, Trusted } from '../../evidence/verify.ts'
import { LIMITS } from '../../limits.ts'
import { toVisible } from '../../neutralize/visible.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { actorName, mayReveal, REASON_OPTION, reasonOption } from '../actor.ts'
import { type Command, EXIT, type OptionValues } from '../command.ts'
import { exportOptions } from '../evidence-export.ts'
import { sessionNamed } from '../session-named.ts'
import { writeNewFrom } from '../write-file.ts'
import { ITEM_OPTIONS, itemOf } from './evidence.ts'
import { readCheckpoint } from './verify.ts'

export const evidenceExport: Command = {
  name: 'evidence export',
  summary: 'Write lines as they were logged, with all that proves them, into one file',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    session: { type: 'string', value: 'ID', multiple: true, help: 'session; may be repeated' },
    sensor: {
      type: 'string',
      value: 'NAME',
      help: 'sensor of the sessions, where several have one of this id',
    },
    ...ITEM_OPTIONS,
    'since-checkpoint': {
      type: 'integer',
      value: 'N',
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      help: 'lead back to this checkpoint, one kept elsewhere (default: the last 100)',
    },
    reason: REASON_OPTION,
    output: { type: 'string', value: 'FILE', help: 'new file, for its owner alone' },
  },
  examples: [
    'evidence export --session 99ecbcc75e79 --reason "case 2026-17" --output case.zip',
    'evidence export --source /var/log/cowrie/cowrie.json --line 4711 --reason "case 2026-17" --output line.zip',
  ],
  description:
    'The package holds the exact bytes, their proofs up to a signed checkpoint, what the journal says of them, and a verifier that needs\n' +
    'neither nacre nor a network (docs/evidence.md). Asked for with a reason, granted as "evidence reveal" is, and written into the journal\n' +
    'before the file is finished, refusals too. Signs a checkpoint where the signing key is here.',
  async run(app, _args, options) {
    const output = options['output']
    if (typeof output !== 'string')
      throw new UsageError('USAGE_BAD_OPTION', 'Say where to write it.', {
        hint: 'Name a new file with --output FILE.zip.',
      })
    const store = await app.openStore('write')
    try {
      const { exportEvidence } = await import('../../evidence/export.ts')
      const actor = actorName()
      const ids = Array.isArray(options['session']) ? (options['session'] as string[]) : []
      const sessions = []
      for (const id of ids) sessions.push(await sessionNamed(store, id, options['sensor']))
      const item = await itemOf(store, options)
      if (sessions.length === 0 && item === undefined)
        throw new UsageError('USAGE_BAD_ARGUMENT', 'Say what to export.', {
          hint: '--session ID, --letter NUMBER, --source SOURCE --line N, or --batch BATCH --record N.',
        })
      let facts: ExportFacts | undefined
      const pieces = exportEvidence(
        store,
        {
          sessions,
          items: item === undefined ? [] : [item],
          asked: [
            ...sessions.map((one) => `session ${one.session} of sensor ${one.sensor}`),
            ...(item === undefined ? [] : [itemText(options)]),
          ],
        },
        {
          ...(await exportOptions(app, store, {
            actor,
            isAllowed: mayReveal(app.settings, actor),
            reason: typeof options['reason'] === 'string' ? options['reason'] : '',
          })),
          sinceCheckpoint:
            typeof options['since-checkpoint'] === 'number'
              ? options['since-checkpoint']
              : undefined,
          onMade: (made) => {
            facts = made
          },
        },
      )
      await writeNewFrom(resolve(output), pieces)
      app.out.result({ file: output, ...facts! }, () => renderExport(output, facts!))
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

/** The item that was asked for, in words. */
function itemText(options: OptionValues): string {
  const text = (name: string): string => toVisible(String(options[name]))
  if (options['letter'] !== undefined) return `dead letter ${text('letter')}`
  if (options['source'] !== undefined) return `line ${text('line')} of source ${text('source')}`
  return `record ${text('record')} of batch ${text('batch')}`
}

function renderExport(output: string, facts: ExportFacts): TerminalText {
  return terminal.join(
    [
      terminal`Wrote ${number(facts.records)} lines (${bytes(facts.bytes)}) to ${terminal.own(output)}.`,
      terminal`Checkpoint ${facts.checkpoint}, signed by key ${terminal.own(facts.keyId)}${facts.isSigned ? terminal`` : terminal`; it is older than the journal entry about this package`}.`,
      terminal`Content ${terminal.own(facts.content)}`,
      terminal`"nacre evidence verify" checks it, and so does the verify.html in it.`,
    ],
    '\n',
  )
}

export const evidenceVerify: Command = {
  name: 'evidence verify',
  summary: 'Check an evidence package, without a store',
  arguments: 'FILE',
  argumentCount: [1, 1],
  options: {
    key: {
      type: 'string',
      value: 'KEY',
      help: 'public key known from elsewhere: 64 hex digits, or a file with them',
    },
    checkpoint: { type: 'string', value: 'FILE', help: 'compare with a checkpoint kept elsewhere' },
  },
  examples: ['evidence verify case.zip', 'evidence verify case.zip --checkpoint kept.json --json'],
  description:
    'Exit status 3 when something does not hold, 1 when all of it does but the package does not lead back to the checkpoint that was given.\n' +
    'It says what the package shows and what it cannot show; the verify.mjs and verify.html in a package do the same without nacre.',
  async run(app, [file = ''], options) {
    const { verifyPackage } = await import('../../evidence/verify.ts')
    const trusted: Trusted = {
      key: typeof options['key'] === 'string' ? readKey(options['key']) : undefined,
      checkpoint:
        typeof options['checkpoint'] === 'string'
          ? readCheckpoint(options['checkpoint'])
          : undefined,
    }
    const verdict = verifyPackage(readPackage(file), trusted)
    app.out.result(verdictJson(verdict), () => renderVerdict(verdict, trusted, app.out.paint))
    if (!verdict.ok) return EXIT.tampered
    // Nothing differs, but what was asked for was not done.
    return verdict.meetsKept === false ? EXIT.failed : EXIT.ok
  },
}

function verdictJson({ export: made, checkpoint, ...verdict }: PackageVerdict) {
  return {
    ...verdict,
    meetsKept: verdict.meetsKept ?? null,
    export: made === undefined ? null : { ...made, at: formatInstant(made.atUs) },
    checkpoint:
      checkpoint === undefined
        ? null
        : { ...checkpoint, madeAt: formatInstant(checkpoint.madeAtUs) },
  }
}

function renderVerdict(verdict: PackageVerdict, trusted: Trusted, paint: Paint): TerminalText {
  if (!verdict.ok)
    return terminal.join(
      [
        paint.red(terminal`This package does not hold.`),
        ...verdict.problems.map(
          (text) => terminal`  ${paint.red(terminal`✗`)} ${terminal.own(text)}`,
        ),
      ],
      '\n',
    )
  const { checkpoint, export: made, withheld, records } = verdict
  const good = paint.green(terminal`✓`)
  const open = paint.yellow(terminal`?`)
  return terminal.join(
    [
      verdict.meetsKept === false
        ? paint.yellow(
            terminal`Everything holds, but the checkpoint that you kept was not compared.`,
          )
        : paint.bold(terminal`Everything holds.`),
      terminal`  ${good} ${number(records - withheld.length)} of ${number(records)} lines are what the store sealed when it loaded them`,
      ...(withheld.length === 0
        ? []
        : [
            terminal`  ${open} ${number(withheld.length)} ${terminal.own(withheld.length === 1 ? 'line is withheld; its place is' : 'lines are withheld; their places are')} proven`,
          ]),
      ...withheld
        .slice(0, WITHHELD_SHOWN)
        .map((one) => terminal`      line ${one.number}: ${terminal.data(one.reason)}`),
      terminal`  ${good} they lead to checkpoint ${checkpoint!.seq} of ${terminal.own(formatInstant(checkpoint!.madeAtUs))}`,
      trusted.key === undefined
        ? terminal`  ${open} signed by key ${terminal.own(checkpoint!.keyId)} (public key ${terminal.own(checkpoint!.publicKey)}), which came with the package: compare it (--key)`
        : terminal`  ${good} signed by the key that you gave`,
      verdict.meetsKept === true
        ? terminal`  ${good} of the history of the checkpoint that you kept`
        : terminal`  ${open} not compared with a checkpoint kept elsewhere${verdict.meetsKept === undefined ? terminal` (--checkpoint)` : terminal`: the package does not lead back to number ${trusted.checkpoint!.seq}; ask for one that does (--since-checkpoint ${trusted.checkpoint!.seq})`}`,
      terminal`  ${made!.isSigned ? good : open} made on ${terminal.own(formatInstant(made!.atUs))} by ${terminal.data(made!.actor)}: ${terminal.data(made!.reason)} (journal entry ${made!.entry}${made!.isSigned ? terminal`` : terminal`, not signed: whoever had the package can have written this, and the views of sessions`})`,
      ...verdict.otherKeys.map(
        (key) =>
          terminal`  ${open} older entries of the journal are signed by key ${terminal.own(key)}`,
      ),
      ...(verdict.superseded === 0
        ? []
        : [terminal`  ${open} a longer copy of the log was read later`]),
      paint.dim(
        terminal`It cannot show what happened to the log before it was loaded, that no line was left out, or line ends, byte places and numbers of lines.`,
      ),
    ],
    '\n',
  )
}

/** Withheld lines that are listed with their reasons. */
const WITHHELD_SHOWN = 20

export const evidenceRedact: Command = {
  name: 'evidence redact',
  summary: 'Take lines out of an evidence package; the others stay provable',
  arguments: 'FILE',
  argumentCount: [1, 1],
  options: {
    lines: { type: 'string', value: 'LIST', help: 'numbers of lines, from 1: 3,5-7' },
    reason: { type: 'string', value: 'TEXT', help: 'why; kept in the package' },
    output: { type: 'string', value: 'FILE', help: 'new file, for its owner alone' },
  },
  examples: [
    'evidence redact case.zip --lines 3,5-7 --reason "names a bystander" --output public.zip',
  ],
  description:
    'The hash of a withheld line stays, so that its place can be proven: who guesses the whole line can confirm the guess. Views of sessions\n' +
    'that repeat a withheld line are left out with it. Needs no store.',
  async run(app, [file = ''], options) {
    const { redactPackage } = await import('../../evidence/redact.ts')
    const output = options['output']
    const lines = readRanges(String(options['lines'] ?? ''), LIMITS.evidenceRecordsMax)
    if (typeof output !== 'string' || lines === undefined)
      throw new UsageError('USAGE_BAD_OPTION', 'Say which lines, and where to write the rest.', {
        hint: 'For example --lines 3,5-7 --output NEW.zip.',
      })
    const pieces = redactPackage(readPackage(file), {
      lines,
      reason: reasonOption(options, 'in the package'),
      nowUs: app.clock(),
    })
    await writeNewFrom(resolve(output), pieces)
    app.out.result(
      { file: output, withheld: lines },
      () =>
        terminal`Wrote ${terminal.own(output)} without ${number(lines.length)} ${terminal.own(lines.length === 1 ? 'line' : 'lines')}.`,
    )
    return EXIT.ok
  },
}

/** @throws UsageError */
function readPackage(file: string): Uint8Array {
  try {
    if (statSync(file).size <= LIMITS.evidencePackageBytesMax) return readFileSync(file)
  } catch (cause) {
    throw new UsageError('USAGE_BAD_ARGUMENT', `${file} cannot be read.`, {
      hint: 'Name the file of an evidence package.',
      cause,
    })
  }
  throw new UsageError('USAGE_BAD_ARGUMENT', `${file} is too large for an evidence package.`, {
    hint: 'Name the file of an evidence package.',
  })
}

/** @throws UsageError */
function readKey(given: string): string {
  const isKey = (text: string): boolean => /^[0-9a-f]{64}$/i.test(text)
  if (isKey(given)) return given.toLowerCase()
  try {
    const text = readFileSync(given, 'utf8').trim()
    if (isKey(text)) return text.toLowerCase()
  } catch {
    // Told below.
  }
  throw new UsageError('USAGE_BAD_OPTION', '--key is no public key.', {
    hint: 'Give 64 hexadecimal digits, or a file that holds them.',
  })
}
