import { formatInstant } from '../../core/instant.ts'
import { bytes, number, type TerminalText, table, tableLines } from '../../core/terminal.ts'
import { ownLines, terminal } from '../../output/encode/terminal.ts'
import { plainType } from '../../store/schema.ts'
import { type Command, EXIT } from '../command.ts'
import { writerVersions } from '../load.ts'

export const dbStats: Command = {
  name: 'db stats',
  summary: 'Count what is stored, and print the fingerprint of the set of events',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    'no-fingerprint': {
      type: 'boolean',
      help: 'leave out the fingerprint, which reads the key of every event',
    },
  },
  examples: ['db stats', 'db stats --json'],
  description:
    'The fingerprint is the same for the same set of events, whatever the order, the engine or the time of loading.',
  endsAtOnce: true,
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const { fingerprint, storeStats } = await import('../../store/repo/stats.ts')
      const stats = await storeStats(store.query)
      const result = {
        engine: store.engine,
        schemaVersion: store.schemaVersion,
        events: stats.events,
        heldEvents: stats.heldEvents,
        sessions: stats.sessions,
        deadLetters: stats.deadLetters,
        deadRegions: stats.deadRegions,
        batches: stats.batches,
        sources: stats.sources,
        byEventid: stats.byEventid,
        bySensor: stats.bySensor,
        firstEventAt: stats.firstEventUs === undefined ? null : formatInstant(stats.firstEventUs),
        lastEventAt: stats.lastEventUs === undefined ? null : formatInstant(stats.lastEventUs),
        fingerprint:
          options['no-fingerprint'] === true ? null : await fingerprint(store.fingerprintRows()),
      }
      app.out.result(result, () => {
        const top = (counts: Readonly<Record<string, number>>): TerminalText[] =>
          tableLines(
            [{ title: '' }, { title: '', align: 'right' }],
            Object.entries(counts)
              .sort((a, b) => b[1] - a[1])
              .map(([name, count]) => [terminal.data(name), number(count)]),
          ).slice(1)
        return terminal.join(
          [
            app.out.paint.bold(terminal`Store`),
            terminal`  ${terminal.own(store.engine)}, schema version ${result.schemaVersion}`,
            terminal`  ${number(result.events)} events in ${number(result.sessions)} sessions, ${terminal.own(result.firstEventAt ?? '-')} to ${terminal.own(result.lastEventAt ?? '-')}`,
            terminal`  ${number(result.heldEvents)} held, ${number(result.deadLetters)} dead letters in ${number(result.deadRegions)} regions`,
            terminal`  ${number(result.sources)} sources in ${number(result.batches)} batches`,
            terminal`  fingerprint ${terminal.own(result.fingerprint ?? 'not computed')}`,
            terminal``,
            app.out.paint.bold(terminal`Events by id`),
            ...top(result.byEventid),
            terminal``,
            app.out.paint.bold(terminal`Events by sensor`),
            ...top(result.bySensor),
          ],
          '\n',
        )
      })
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const dbColumns: Command = {
  name: 'db columns',
  summary: 'List every column with what protects it: sealed, derived, journalled or operational',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['db columns', 'db columns --json'],
  async run(app) {
    const { tables } = await app.engine()
    const columns = Object.entries(tables).flatMap(([name, found]) =>
      Object.entries(found).map(([column, spec]) => ({
        table: name,
        column,
        class: spec.class,
        type: plainType(spec.type),
        meaning: spec.meaning,
      })),
    )
    app.out.result(columns, () =>
      table(
        [{ title: 'table' }, { title: 'column' }, { title: 'class' }, { title: 'meaning' }],
        columns.map((one) => [one.table, one.column, one.class, one.meaning].map(terminal.own)),
        '',
      ),
    )
    return EXIT.ok
  },
}

export const dbMigrate: Command = {
  name: 'db migrate',
  summary: 'Bring the schema up to this program',
  arguments: '',
  argumentCount: [0, 0],
  options: { 'dry-run': { type: 'boolean', help: 'say what would be applied' } },
  examples: ['db migrate', 'db migrate --dry-run'],
  description:
    'Every command that writes does this by itself; this one does it alone, for upgrades in a maintenance window.',
  async run(app, _args, options) {
    const { MIGRATIONS, SCHEMA_VERSION } = await import('../../store/migrations/index.ts')
    const store = await app.openStore('read', { mayBeOlder: true })
    try {
      const from = store.schemaVersion
      const pending = MIGRATIONS.slice(from).map(({ id, name, reason }) => ({ id, name, reason }))
      const applied = options['dry-run'] === true ? 0 : await store.migrate()
      const result = {
        from,
        to: options['dry-run'] === true ? from : SCHEMA_VERSION,
        applied,
        pending: options['dry-run'] === true ? pending : [],
      }
      app.out.result(result, () =>
        result.pending.length > 0
          ? ownLines(
              result.pending
                .map((one) => `would apply ${one.id} ${one.name}: ${one.reason}`)
                .join('\n'),
            )
          : applied === 0
            ? terminal`The schema is up to date (version ${result.to}).`
            : terminal`Applied ${applied} migrations: version ${from} to ${result.to}.`,
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const dbStatus: Command = {
  name: 'db status',
  summary: 'Show the engine, its settings in force, sizes, and who is writing',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['db status'],
  async run(app) {
    const store = await app.openStore('read', { mayBeOlder: true })
    try {
      const result = {
        engine: store.engine,
        ...(await store.engineStatus()),
        writers: await store.holders(),
      }
      app.out.result(result, () =>
        terminal.join(
          [
            app.out.paint.bold(terminal`Database`),
            ...Object.entries(result).map(
              ([name, value]) =>
                terminal`  ${terminal.own(name.padEnd(16))} ${name.endsWith('Bytes') && typeof value === 'number' ? bytes(value) : terminal.own(Array.isArray(value) ? (value.length === 0 ? 'nobody' : value.map((one) => `${one.what} (${one.who})`).join(', ')) : String(value))}`,
            ),
          ],
          '\n',
        ),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const dbCheck: Command = {
  name: 'db check',
  summary: 'Let the engine check the file for damage',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['db check'],
  description: 'Checks pages, indexes and references. "nacre verify" checks what the rows say.',
  endsAtOnce: true,
  async run(app) {
    const store = await app.openStore('read')
    try {
      const problems = await store.integrityProblems()
      app.out.result({ ok: problems.length === 0, problems }, () =>
        problems.length === 0
          ? terminal`The file is whole.`
          : terminal.join(problems.map(terminal.own), '\n'),
      )
      return problems.length === 0 ? EXIT.ok : EXIT.tampered
    } finally {
      await store.close()
    }
  },
}

export const dbReconcile: Command = {
  name: 'db reconcile',
  summary: 'Make sessions, values and roll-ups again from the stored events',
  arguments: '',
  argumentCount: [0, 0],
  options: { 'dry-run': { type: 'boolean', help: 'only say whether they differ' } },
  examples: ['db reconcile --dry-run', 'db reconcile'],
  description: 'Sealed tables are not touched. The journal keeps that it was done.',
  async run(app, _args, options) {
    const store = await app.openStore('write')
    try {
      const { reconcile } = await import('../../pipeline/reconcile.ts')
      const registry = await app.registry()
      const writer = store.writer(await writerVersions(app))
      const result = await reconcile(
        store.reads(),
        writer,
        registry,
        options['dry-run'] === true,
        app.signal,
      )
      app.out.result(result, () =>
        result.differences.length === 0
          ? terminal`Summaries are what the events say; nothing to do.`
          : terminal`${terminal.join(result.differences.slice(0, 10).map(terminal.data), '\n')}\n${result.rebuilt ? terminal`Made again from the events.` : terminal`Run without --dry-run to make them again.`}`,
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}
