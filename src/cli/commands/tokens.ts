import { UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { table } from '../../core/terminal.ts'
import { LIMITS } from '../../limits.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { RIGHTS, type Right } from '../../web/route.ts'
import { actorName } from '../actor.ts'
import type { Command, OptionValues } from '../command.ts'
import { withAccounts } from './users.ts'

export const tokensList: Command = {
  name: 'tokens list',
  summary: 'List the tokens with which programs use the API',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['tokens list', 'tokens list --json'],
  run: (app) =>
    withAccounts(app, async (accounts) => {
      const now = app.clock()
      const tokens = accounts.tokens().map((token) => ({
        id: token.id,
        name: token.name,
        user: token.user,
        rights: token.rights,
        createdAt: formatInstant(token.createdAtUs),
        expiresAt: formatInstant(token.expiresAtUs),
        isOver: now >= token.expiresAtUs,
      }))
      app.out.result({ tokens }, () =>
        tokens.length === 0
          ? terminal`No token yet: "nacre tokens add" makes one.`
          : table(
              [
                { title: 'id' },
                { title: 'for' },
                { title: 'user' },
                { title: 'rights' },
                { title: 'good until' },
              ],
              tokens.map((token) => [
                terminal.own(token.id),
                terminal.own(token.name),
                terminal.own(token.user),
                terminal.own(token.rights.join(' ')),
                token.isOver
                  ? app.out.paint.yellow(terminal`over`)
                  : terminal.own(token.expiresAt.slice(0, 10)),
              ]),
              '',
            ),
      )
    }),
}

export const tokensAdd: Command = {
  name: 'tokens add',
  summary: 'Make a token with which a program uses the API in the name of a user',
  arguments: 'NAME',
  argumentCount: [1, 1],
  options: {
    user: { type: 'string', value: 'USER', help: 'whom it speaks for' },
    rights: {
      type: 'string',
      value: 'LIST',
      help: `what it may do, with commas: ${RIGHTS.join(', ')} (default view); never more than the user`,
    },
    days: {
      type: 'integer',
      value: 'N',
      min: 1,
      max: LIMITS.webTokenDaysMax,
      help: 'how long it is good (default 90)',
    },
  },
  examples: [
    'tokens add prometheus --user anna',
    'tokens add exporter --user anna --rights view,export --days 30',
  ],
  description:
    'The token is printed once and kept nowhere. A program sends it as "Authorization: Bearer TOKEN".',
  run: (app, [name], options) =>
    withAccounts(app, async (accounts) => {
      const user = options['user']
      if (typeof user !== 'string')
        throw new UsageError('USAGE_BAD_OPTION', 'Whom does the token speak for?', {
          hint: 'Name a user with --user; "nacre users list" lists them.',
        })
      const rights = rightsOf(options)
      const days = typeof options['days'] === 'number' ? options['days'] : 90
      const { token, text } = await accounts.addToken(actorName(), {
        user,
        name: name!.slice(0, 60),
        rights,
        days,
      })
      app.out.result(
        { id: token.id, token: text, user, rights, expiresAt: formatInstant(token.expiresAtUs) },
        () => terminal`${terminal.own(text)}`,
      )
    }),
}

export const tokensRevoke: Command = {
  name: 'tokens revoke',
  summary: 'End a token',
  arguments: 'ID',
  argumentCount: [1, 1],
  options: {},
  examples: ['tokens revoke 0123456789ab'],
  run: (app, [id]) =>
    withAccounts(app, async (accounts) => {
      await accounts.revokeToken(actorName(), id!)
      app.out.result({ id, state: 'revoked' }, () => terminal`The token is not valid any more.`)
    }),
}

function rightsOf(options: OptionValues): readonly Right[] {
  const words = typeof options['rights'] === 'string' ? options['rights'].split(',') : ['view']
  return words.map((word) => {
    const right = RIGHTS.find((one) => one === word.trim())
    if (right !== undefined) return right
    throw new UsageError('USAGE_BAD_OPTION', `"${word.trim().slice(0, 40)}" is no right.`, {
      hint: `The rights are ${RIGHTS.join(', ')}.`,
    })
  })
}
