import { UsageError } from '../../core/errors.ts'
import { number } from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { type Command, EXIT } from '../command.ts'
import { moveInto } from '../move.ts'

export const dbHydrate: Command = {
  name: 'db hydrate',
  summary:
    'Move a store into another database, of the other engine or the same, and compare the two',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    from: {
      type: 'string',
      value: 'URL',
      help: 'store that is moved (default: that of the settings)',
    },
    to: { type: 'string', value: 'URL', help: 'new, empty database' },
    'dry-run': { type: 'boolean', help: 'open both and say what would be moved' },
  },
  examples: [
    'db hydrate --from sqlite:/srv/nacre/nacre.sqlite --to postgres://nacre@db.example/nacre',
    'db hydrate --from postgres://nacre@db.example/nacre --to sqlite:/backup/nacre.sqlite',
  ],
  description:
    'Copies by key and remembers how far it came: after a kill, the same command goes on. The origin is read in one state and stays as it is.\n' +
    'Done is what verifies: fingerprint, seals, journal, sessions, roll-ups and counters are compared at the end, and status 3 says that they differ.\n' +
    'One way at a time; docs/operations/move.md has the way back.',
  async run(app, _args, options) {
    const from = typeof options['from'] === 'string' ? options['from'] : app.settings.store
    const to = options['to']
    if (typeof to !== 'string' || to === '') {
      throw new UsageError('USAGE_BAD_OPTION', 'The target is missing.', {
        hint: 'Name it with --to sqlite:PATH or --to postgres://user@host/database.',
      })
    }
    if (to === from) {
      throw new UsageError('USAGE_BAD_OPTION', 'Origin and target are the same store.', {
        hint: 'Name two different ones with --from and --to.',
      })
    }
    const origin = await app.openOther(from, 'read')
    try {
      if (options['dry-run'] === true) {
        const { storeStats } = await import('../../store/repo/stats.ts')
        const stats = await storeStats(origin.query)
        app.out.result(
          { dryRun: true, from: origin.place, events: stats.events, batches: stats.batches },
          () =>
            terminal`Would move ${number(stats.events)} events in ${number(stats.batches)} batches from ${terminal.own(origin.place)}.`,
        )
        return EXIT.ok
      }
      const target = await app.openOther(to, 'create')
      try {
        const started = performance.now()
        const report = await moveInto(app, origin, target)
        const elapsedMs = Math.round(performance.now() - started)
        const result = {
          ok: report.problems.length === 0,
          from: origin.place,
          to: target.place,
          ...report,
          elapsedMs,
        }
        app.out.result(result, () => {
          const events = report.rows['raw_events'] ?? 0
          const what =
            report.state === 'moved'
              ? terminal`It was moved before; the two were compared.`
              : terminal`Moved ${number(events)} events ${terminal.own(report.state === 'begun' ? '(the rest of an earlier move) ' : '')}in ${terminal.own((elapsedMs / 1000).toFixed(1))} s, comparing included.`
          return result.ok
            ? terminal`${what}\nBoth are the same: fingerprint ${terminal.own(report.fingerprint)}, seals, journal, sessions, roll-ups, counters.`
            : terminal`${what}\n${app.out.paint.red(terminal`The two are not the same, so the move is not done:`)}\n${terminal.join(
                report.problems.map((text) => terminal`  ${terminal.own(text)}`),
                '\n',
              )}`
        })
        return result.ok ? EXIT.ok : EXIT.tampered
      } finally {
        await target.close()
      }
    } finally {
      await origin.close()
    }
  },
}
