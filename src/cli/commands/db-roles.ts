import { UsageError } from '../../core/errors.ts'
import { ownLines } from '../../output/encode/terminal.ts'
import { type Command, EXIT } from '../command.ts'
import { openServer } from '../server.ts'

export const dbRoles: Command = {
  name: 'db roles',
  summary: 'Make roles with least rights on a database server: owner, loader, reader, evidence',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    prefix: {
      type: 'string',
      value: 'NAME',
      help: 'start of their names (default nacre): roles belong to the whole server',
    },
    'dry-run': { type: 'boolean', help: 'print the statements, run nothing' },
  },
  examples: ['db roles --dry-run', 'db roles --store postgres://nacre@db.example/nacre'],
  description:
    'PostgreSQL alone. The roles cannot log in; grant them to those who do: grant nacre_reader to alice.\n' +
    'reader sees the view of events and all summaries, but neither sealed bytes nor withheld payloads; evidence sees those, too.\n' +
    'loader adds rows and changes only what is derived; owner owns the tables. Harmless when run again.',
  async run(app, _args, options) {
    const prefix = typeof options['prefix'] === 'string' ? options['prefix'] : 'nacre'
    if (!/^[a-z_][a-z0-9_]{0,40}$/.test(prefix)) {
      throw new UsageError('USAGE_BAD_OPTION', 'The prefix must be a plain lower-case name.', {
        hint: 'Letters, digits and underscores, for example --prefix nacre.',
      })
    }
    const store = await openServer(app, 'write')
    try {
      const { makeRoles, ROLE_PURPOSES, roleStatements } = await import(
        '../../store/postgres/roles.ts'
      )
      const { connections } = store
      const { rows } = await connections.pool.query<{ user: string; database: string }>(
        'select current_user as user, current_database() as database',
      )
      const statements = roleStatements(prefix, { ...rows[0]!, schema: connections.schema })
      const isDryRun = options['dry-run'] === true
      if (!isDryRun) {
        await connections.withClient((client) => makeRoles(client, statements))
        await store.journal({
          actor: app.command,
          action: 'roles.made',
          subject: 'store',
          reason: 'roles with least rights were made or renewed',
          detail: { prefix },
        })
      }
      const roles = Object.entries(ROLE_PURPOSES).map(([kind, purpose]) => ({
        name: `${prefix}_${kind}`,
        purpose,
      }))
      app.out.result({ made: !isDryRun, roles, statements }, () =>
        ownLines(
          isDryRun
            ? statements.map((text) => `${text};`).join('\n')
            : [
                'Made, or found and brought up to date:',
                ...roles.map((one) => `  ${one.name.padEnd(18)} ${one.purpose}`),
                '',
                `Grant them to those who log in, for example: grant ${prefix}_reader to alice.`,
              ].join('\n'),
        ),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}
