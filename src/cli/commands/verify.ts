import { readFileSync } from 'node:fs'
import { UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { number, type TerminalText } from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { KeptCheckpoint, Verdict, VerifySection } from '../../pipeline/verify.ts'
import { StatusFiles } from '../../telemetry/status-files.ts'
import { type Command, EXIT, type OptionValues } from '../command.ts'
import { instantOption } from '../options.ts'
import type { Paint } from '../output.ts'

export const verify: Command = {
  name: 'verify',
  summary:
    'Recompute conservation, seals, view, summaries and journal, and report what does not match',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    since: {
      type: 'string',
      value: 'TIME',
      help: 'only batches committed at or after this instant (ISO 8601, UTC)',
    },
    source: { type: 'string', value: 'SOURCE', help: 'only this source: its number or path' },
    sample: {
      type: 'integer',
      value: 'PERCENT',
      min: 1,
      max: 100,
      help: 'open the bytes and rows of this share of the batches',
    },
    checkpoint: {
      type: 'string',
      value: 'FILE',
      help: 'compare with a checkpoint kept elsewhere (nacre status --json prints one)',
    },
  },
  examples: ['verify', 'verify --since 2026-01-01T00:00:00Z --json', 'verify --sample 10'],
  description:
    'Reads rows and bytes, never counters, and takes no write lock. Exit status 3 when something does not match.\n' +
    'It cannot show a history that was made anew by someone who can write the database and use the signing key:\n' +
    'for that, keep a checkpoint elsewhere and name it with --checkpoint.',
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const { verifyStore } = await import('../../pipeline/verify.ts')
      const { MIGRATIONS } = await import('../../store/migrations/index.ts')
      const verdict = await verifyStore(store.reads(), {
        sinceUs: instantOption(options['since'], 'since'),
        source: typeof options['source'] === 'string' ? options['source'] : undefined,
        sampleStart: Math.floor(app.clock() / 1_000) % 100,
        samplePercent: typeof options['sample'] === 'number' ? options['sample'] : undefined,
        checkpoint:
          typeof options['checkpoint'] === 'string'
            ? readCheckpoint(options['checkpoint'])
            : undefined,
        registry: await app.registry(),
        rules: await app.ruleSet(),
        privateKeys: await app.privateKeys(),
        knownMigrations: MIGRATIONS,
        signal: app.signal,
        progress: (batches, total) =>
          app.out.progress(terminal`verifying batch ${batches} of ${total}`),
      })
      // Where nothing can be written (a copy, another user's folder) nobody shows it either.
      new StatusFiles(app.settings.statusFolder).writeVerify({
        phase: 'verify',
        last_updated: formatInstant(app.clock()),
        ok: verdict.ok,
        scope: scopeOf(options),
        sources: verdict.sources,
        batches: verdict.batches,
        lines: verdict.lines,
        problems: SECTIONS.reduce((sum, name) => sum + verdict[name].problems.length, 0),
        sections: SECTIONS.map((name) => ({ name, ...verdict[name] })),
        notChecked: verdict.notChecked,
      })
      app.out.result(verdict, () => renderVerdict(verdict, app.out.paint))
      return verdict.ok ? EXIT.ok : EXIT.tampered
    } finally {
      await store.close()
    }
  },
}

const SECTIONS = ['conservation', 'seals', 'view', 'summaries', 'journal'] as const

/** What a verification looked at, in a few words. */
function scopeOf(options: OptionValues): string {
  const words = [
    options['sample'] === undefined ? '' : `${options['sample']} % of the batches`,
    options['source'] === undefined ? '' : 'one source',
    options['since'] === undefined ? '' : 'the newer batches',
  ].filter((word) => word !== '')
  return words.length === 0 ? 'all' : words.join(', ')
}

/** A checkpoint that was kept in a file. @throws UsageError */
export function readCheckpoint(path: string): KeptCheckpoint {
  try {
    const parsed = JSON.parse(readFileSync(path, 'utf8')) as {
      readonly checkpoint?: KeptCheckpoint
    } & KeptCheckpoint
    const found = parsed.checkpoint ?? parsed
    if (typeof found.seq === 'number' && typeof found.digest === 'string') return found
  } catch {
    // Told below.
  }
  throw new UsageError('USAGE_BAD_ARGUMENT', `${path} holds no checkpoint.`, {
    hint: 'Keep the output of "nacre status --json" and name that file.',
  })
}

export function renderVerdict(verdict: Verdict, paint: Paint): TerminalText {
  const titles: Readonly<Record<(typeof SECTIONS)[number], string>> = {
    conservation: 'every byte and record has one fate',
    seals: 'stored bytes are the bytes that were logged',
    view: 'rows are the rows that were loaded',
    summaries: 'sessions and roll-ups are what the events say',
    journal: 'no decision was changed or taken out',
  }
  const lines = [paint.bold(terminal`Verification`)]
  for (const [name, title] of Object.entries(titles)) {
    const one: VerifySection = verdict[name as keyof typeof titles]
    const skipped = name === 'summaries' && verdict.notChecked.includes('summaries')
    lines.push(
      terminal`  ${skipped ? paint.dim(terminal`–`) : one.ok ? paint.green(terminal`✓`) : paint.red(terminal`✗`)} ${terminal.own(name.padEnd(13))} ${skipped ? paint.dim(terminal`not checked`) : terminal.own(title)}`,
    )
    for (const problem of one.problems)
      lines.push(paint.red(terminal`      ${terminal.own(problem)}`))
  }
  lines.push(terminal``)
  lines.push(
    terminal`${verdict.ok ? paint.green(terminal`Everything matches`) : paint.red(terminal`Does not match`)}: ${number(verdict.sources)} sources, ${number(verdict.batches)} batches, ${number(verdict.lines)} records.`,
  )
  if (!verdict.ok)
    lines.push(
      terminal`Keep the database file as it is and follow docs/operations/seal-mismatch.md.`,
    )
  for (const left of verdict.notChecked)
    lines.push(paint.dim(terminal`Not checked: ${terminal.own(left)}.`))
  return terminal.join(lines, '\n')
}
