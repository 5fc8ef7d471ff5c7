import { ownLines, terminal } from '../../output/encode/terminal.ts'
import { type Command, EXIT } from '../command.ts'
import { openServer } from '../server.ts'

export const dbDistribute: Command = {
  name: 'db distribute',
  summary: 'Spread the tables over the servers of Citus, when one PostgreSQL is not enough',
  arguments: '',
  argumentCount: [0, 0],
  options: { 'dry-run': { type: 'boolean', help: 'print the statements, run nothing' } },
  examples: [
    'db distribute --dry-run',
    'db distribute --store postgres://nacre@coordinator.example/nacre',
  ],
  description:
    'Needs the extension citus in the database, and its workers added. A session, its events and its values lie on one server.\n' +
    'Rows that are there are moved. Run it while nobody loads; after it, everything works as before. A run that broke off goes on.',
  async run(app, _args, options) {
    const store = await openServer(app, 'write')
    try {
      const { distribute, distributionStatements } = await import(
        '../../store/postgres/distribute.ts'
      )
      if (options['dry-run'] === true) {
        const statements = distributionStatements()
        app.out.result({ dryRun: true, statements }, () =>
          ownLines(statements.map((text) => `${text};`).join('\n')),
        )
        return EXIT.ok
      }
      const tables = await store.connections.withClient((client) =>
        distribute(client, (statement) => app.out.progress(terminal.own(statement.slice(0, 100)))),
      )
      if (tables.length > 0) {
        await store.journal({
          actor: app.command,
          action: 'store.distributed',
          subject: 'store',
          reason: 'the tables were spread over the servers of Citus',
          detail: { tables: tables.join(', ') },
        })
      }
      app.out.result({ dryRun: false, tables }, () =>
        tables.length === 0
          ? terminal`The tables are spread already.`
          : terminal`Spread: ${terminal.own(tables.join(', '))}. "nacre verify" shows that nothing changed.`,
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}
