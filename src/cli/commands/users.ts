import { UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { table } from '../../core/terminal.ts'
import { LIMITS } from '../../limits.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { type Accounts, ROLE_NAMES, type RoleName } from '../../web/accounts.ts'
import { invitationLink } from '../../web/routes/accounts.ts'
import { actorName } from '../actor.ts'
import type { App } from '../app.ts'
import { type Command, EXIT, type OptionSpec, type OptionValues } from '../command.ts'
import { openAccounts, openServedStore, originOf } from '../dashboard.ts'

const ROLE: OptionSpec = {
  type: 'string',
  value: 'ROLE',
  choices: ROLE_NAMES,
  help: `what the user may do: ${ROLE_NAMES.join(', ')}`,
}

export const usersList: Command = {
  name: 'users list',
  summary: 'List who may use the dashboard',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['users list', 'users list --json'],
  run: (app) =>
    withAccounts(app, async (accounts) => {
      const users = accounts.users().map((user) => ({
        name: user.name,
        role: user.role,
        state: user.isDisabled ? 'disabled' : user.password === null ? 'invited' : 'active',
        createdAt: formatInstant(user.createdAtUs),
        tokens: accounts.tokens(user.name).length,
      }))
      app.out.result({ users }, () =>
        users.length === 0
          ? terminal`Nobody yet: "nacre serve" prints a link for the first user, "nacre users add" makes others.`
          : table(
              [
                { title: 'name' },
                { title: 'role' },
                { title: 'state' },
                { title: 'made (UTC)' },
                { title: 'tokens', align: 'right' },
              ],
              users.map((user) => [
                terminal.own(user.name),
                terminal.own(user.role),
                user.state === 'active'
                  ? terminal`active`
                  : app.out.paint.yellow(terminal.own(user.state)),
                terminal.own(user.createdAt.slice(0, 19).replace('T', ' ')),
                terminal`${user.tokens}`,
              ]),
              '',
            ),
      )
    }),
}

export const usersAdd: Command = {
  name: 'users add',
  summary: 'Make a user of the dashboard, who chooses a password with a one-time link',
  arguments: 'NAME',
  argumentCount: [1, 1],
  options: { role: ROLE },
  examples: ['users add anna --role analyst', 'users add root-of-trust --role admin --json'],
  description:
    'A viewer looks; an analyst also decides on what is held and exports; evidence exports and reveals originals; admin may do\n' +
    'everything. Without --role it is a viewer. The link is printed once; the journal keeps who made whom.',
  run: (app, [name], options) =>
    withAccounts(app, async (accounts) =>
      printLink(app, name!, await accounts.add(actorName(), name!, roleOf(options) ?? 'viewer')),
    ),
}

export const usersInvite: Command = {
  name: 'users invite',
  summary:
    'Take the password and the tokens of a user away and print a one-time link for a new password',
  arguments: 'NAME',
  argumentCount: [1, 1],
  options: {},
  examples: ['users invite anna'],
  description:
    'Ends the sign-ins of the user and revokes their tokens at once: whoever knew the password may have made some. "nacre tokens list"\n' +
    'says which programs need new ones.',
  run: (app, [name]) =>
    withAccounts(app, async (accounts) =>
      printLink(app, name!, await accounts.invite(actorName(), name!)),
    ),
}

export const usersRole: Command = {
  name: 'users role',
  summary: 'Change what a user may do',
  arguments: 'NAME',
  argumentCount: [1, 1],
  options: { role: ROLE },
  examples: ['users role anna --role evidence'],
  description: 'Ends the sign-ins of the user. A token never may do more than its user.',
  run: (app, [name], options) =>
    withAccounts(app, async (accounts) => {
      const role = roleOf(options)
      if (role === undefined)
        throw new UsageError('USAGE_BAD_OPTION', 'Which role?', {
          hint: `Name it with --role: ${ROLE_NAMES.join(', ')}.`,
        })
      await accounts.setRole(actorName(), name!, role)
      app.out.result(
        { name, role },
        () => terminal`${terminal.own(name!)} is ${terminal.own(role)} from now on.`,
      )
    }),
}

export const usersDisable: Command = {
  name: 'users disable',
  summary: 'Keep a user and their tokens out, from now on',
  arguments: 'NAME',
  argumentCount: [1, 1],
  options: {},
  examples: ['users disable anna'],
  run: (app, [name]) =>
    withAccounts(app, async (accounts) => {
      await accounts.setDisabled(actorName(), name!, true)
      app.out.result(
        { name, state: 'disabled' },
        () => terminal`${terminal.own(name!)} is kept out.`,
      )
    }),
}

export const usersEnable: Command = {
  name: 'users enable',
  summary: 'Let a user in again who was kept out',
  arguments: 'NAME',
  argumentCount: [1, 1],
  options: {},
  examples: ['users enable anna'],
  run: (app, [name]) =>
    withAccounts(app, async (accounts) => {
      await accounts.setDisabled(actorName(), name!, false)
      app.out.result(
        { name, state: 'enabled' },
        () => terminal`${terminal.own(name!)} may come in again.`,
      )
    }),
}

export const usersRemove: Command = {
  name: 'users remove',
  summary: 'Take a user and their tokens away',
  arguments: 'NAME',
  argumentCount: [1, 1],
  options: {},
  examples: ['users remove anna'],
  description: 'What the user did stays in the journal.',
  run: (app, [name]) =>
    withAccounts(app, async (accounts) => {
      await accounts.remove(actorName(), name!)
      app.out.result({ name, state: 'removed' }, () => terminal`${terminal.own(name!)} is removed.`)
    }),
}

/** Opens the store too: what is done stands in its journal. */
export async function withAccounts(
  app: App,
  work: (accounts: Accounts) => Promise<void>,
): Promise<number> {
  const store = await openServedStore(app)
  try {
    await work(openAccounts(app, store))
    return EXIT.ok
  } finally {
    await store.close()
  }
}

function roleOf(options: OptionValues): RoleName | undefined {
  return ROLE_NAMES.find((role) => role === options['role'])
}

function printLink(app: App, name: string, code: string): void {
  const link = invitationLink(originOf(app.settings.serve), code)
  app.out.result(
    { name, link, hours: LIMITS.webInvitationHours },
    () =>
      terminal`A link for ${terminal.own(name)}, good once, for ${LIMITS.webInvitationHours} hours. Hand it over by a way you trust:\n  ${terminal.own(link)}`,
  )
}
