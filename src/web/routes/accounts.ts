/** Who comes in, and who may: sign-in, first user, invitations, users, tokens. */
import { AccountError, type OperatingError, RequestError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { LIMITS } from '../../limits.ts'
import {
  type ApiToken,
  badLink,
  dashboardActor,
  ROLE_NAMES,
  ROLES,
  type RoleName,
  type User,
} from '../accounts.ts'
import { card, csrfField, head, html, htmlAttribute, htmlHref, icon, time } from '../components.ts'
import type { Desk } from '../desk.ts'
import { failureOf, refusal } from '../faults.ts'
import { localPath } from '../guard.ts'
import {
  type Asked,
  type FieldSpec,
  type Html,
  type Reply,
  RIGHTS,
  type Right,
  type Route,
} from '../route.ts'
import { pagesOf } from './settings.ts'

const NAME: FieldSpec = {
  meaning: 'name of a user: small letters, digits, dots, dashes, underscores',
  required: true,
  pattern: '^[a-z][a-z0-9._-]{0,31}$',
  charsMax: 32,
}
/** Of the sign-in: whatever is typed is only compared. */
const TYPED_NAME: FieldSpec = { meaning: 'name', required: true, charsMax: 100 }
const PASSWORD: FieldSpec = { meaning: 'password', required: true, charsMax: 1_024 }
const NEXT: FieldSpec = { meaning: 'path to go on to', charsMax: 2_048 }
const CODE: FieldSpec = {
  meaning: 'code of a one-time link',
  required: true,
  pattern: '^[\\w-]{32}$',
  charsMax: 32,
}
const ROLE: FieldSpec = {
  meaning: 'what the user may do',
  required: true,
  choices: ROLE_NAMES,
  charsMax: 16,
}
const TOKEN_ID: FieldSpec = { meaning: 'id of a token', pattern: '^[0-9a-f]{12}$', charsMax: 12 }

export function accountRoutes(desk: Desk): readonly Route[] {
  return [...signInRoutes(desk), ...userRoutes(desk), ...tokenRoutes(desk)]
}

// Coming in.

function signInRoutes(desk: Desk): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/sign-in',
      right: 'public',
      summary: 'The form to sign in with',
      query: { next: NEXT },
      async answers({ signedIn, query }) {
        if (signedIn.user !== '') return { kind: 'redirect', to: localPath(query['next']) }
        if (desk.accounts.users().length === 0) return { kind: 'redirect', to: '/first' }
        return signInPage(signedIn.csrf, localPath(query['next']))
      },
    },
    {
      method: 'POST',
      path: '/sign-in',
      right: 'public',
      summary: 'Signs in',
      body: { name: TYPED_NAME, password: PASSWORD, next: NEXT },
      answers: (asked) => signIn(asked, desk),
    },
    {
      method: 'POST',
      path: '/sign-out',
      right: 'public',
      summary: 'Ends this sign-in',
      async answers({ signedIn, cookie }) {
        if (cookie !== undefined) desk.signIns.end(cookie)
        if (signedIn.user !== '')
          await desk.tryJournal(signInEntry(signedIn.user, 'sign-in.ended', 'signed out'))
        return { kind: 'redirect', to: '/sign-in', cookie: null }
      },
    },
    {
      method: 'GET',
      path: '/first',
      right: 'public',
      summary: 'The form of the first user',
      async answers({ signedIn }) {
        if (desk.accounts.users().length > 0) return { kind: 'redirect', to: '/sign-in' }
        return codePage(signedIn.csrf, 'first')
      },
    },
    {
      method: 'POST',
      path: '/first',
      right: 'public',
      summary: 'Makes the first user',
      body: { code: CODE, name: NAME, password: PASSWORD, again: PASSWORD },
      answers: (asked) => comeInByCode(asked, desk, 'first'),
    },
    {
      method: 'GET',
      path: '/invited',
      right: 'public',
      summary: 'The form to choose a password with',
      async answers({ signedIn }) {
        return codePage(signedIn.csrf, 'invited')
      },
    },
    {
      method: 'POST',
      path: '/invited',
      right: 'public',
      summary: 'Sets the password of an invited user',
      body: { code: CODE, password: PASSWORD, again: PASSWORD },
      answers: (asked) => comeInByCode(asked, desk, 'invited'),
    },
  ]
}

async function signIn(asked: Asked, desk: Desk): Promise<Reply> {
  const next = localPath(asked.body['next'])
  const name = asked.body['name']!.trim().toLowerCase()
  const address = asked.address ?? ''
  const waitS = Math.max(desk.triesOfAddress.waitS(address), desk.triesOfUser.waitS(name, address))
  if (waitS > 0) {
    desk.metrics.signIn('delayed')
    return signInPage(asked.signedIn.csrf, next, {
      status: 429,
      words: html`Too many tries. Wait ${waitS} s before the next one.`,
      retryAfterS: waitS,
    })
  }
  const user = await desk.accounts.signIn(name, asked.body['password']!)
  if (user === undefined) {
    desk.metrics.signIn('failed')
    desk.triesOfAddress.failed(address)
    desk.triesOfUser.failed(name, address)
    const isKnown = desk.accounts.user(name) !== undefined
    await desk.failures.failed(isKnown ? name : undefined, address)
    return signInPage(asked.signedIn.csrf, next, {
      status: 401,
      words: html`Name and password do not fit.`,
    })
  }
  return comeIn(user, asked, desk, next)
}

/** A sign-in that is new in any case: a cookie that was there before is worth nothing after it. */
async function comeIn(user: User, asked: Asked, desk: Desk, to: string): Promise<Reply> {
  if (asked.cookie !== undefined) desk.signIns.end(asked.cookie)
  desk.metrics.signIn('passed')
  desk.triesOfUser.passed(user.name, asked.address ?? '')
  const cookie = desk.signIns.begin(user)
  await desk.tryJournal({
    ...signInEntry(user.name, 'sign-in.begun', 'signed in'),
    detail: { role: user.role, address: asked.address ?? '' },
  })
  return { kind: 'redirect', to, cookie }
}

function signInEntry(
  user: string,
  action: string,
  reason: string,
): Parameters<Desk['tryJournal']>[0] {
  return { actor: dashboardActor(user), action, subject: 'dashboard', reason, detail: {} }
}

async function comeInByCode(asked: Asked, desk: Desk, kind: 'first' | 'invited'): Promise<Reply> {
  const { code, name, password, again } = asked.body
  const address = asked.address ?? ''
  try {
    if (desk.triesOfAddress.waitS(address) > 0) throw refusal('REQUEST_TOO_MANY')
    if (password !== again)
      throw new AccountError('ACCOUNT_WEAK_PASSWORD', 'The two passwords are not the same.', {
        hint: 'Type it twice.',
      })
    if (kind === 'invited')
      return await comeIn(await desk.accounts.accept(code!, password!), asked, desk, '/')
    if (desk.firstCode?.fits(code!) !== true) throw badLink()
    const user = await desk.accounts.addFirst(name!, password!)
    desk.firstCode.use()
    return await comeIn(user, asked, desk, '/')
  } catch (error) {
    if (!(error instanceof AccountError || error instanceof RequestError)) throw error
    if (error.code === 'ACCOUNT_BAD_LINK') desk.triesOfAddress.failed(address)
    return codePage(asked.signedIn.csrf, kind, error, asked.body)
  }
}

function signInPage(
  csrf: string,
  next: string,
  problem?: { readonly status: number; readonly words: Html; readonly retryAfterS?: number },
): Reply {
  return {
    kind: 'page',
    title: 'Sign in',
    status: problem?.status ?? 200,
    ...(problem?.retryAfterS === undefined ? {} : { retryAfterS: problem.retryAfterS }),
    body: gate(
      html`Sign in`,
      html`<form class="stack" method="post" action="/sign-in">${csrfField(csrf)}<input type="hidden" name="next" value="${htmlAttribute(next)}">
${alarm(problem?.words)}
${input('name', html`Name`, 'text', html` autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="100" autofocus`)}
${input('password', html`Password`, 'password', html` autocomplete="current-password" maxlength="1024"`)}
<button class="btn primary" type="submit">Sign in</button></form>`,
      html`Forgotten? An admin makes a new link on the page Users, or on the machine: <code>nacre users invite NAME</code>`,
    ),
  }
}

function codePage(
  csrf: string,
  kind: 'first' | 'invited',
  problem?: OperatingError,
  typed: Readonly<Record<string, string | undefined>> = {},
): Reply {
  const isFirst = kind === 'first'
  const code = htmlAttribute(typed['code'] ?? '')
  const name = htmlAttribute(typed['name'] ?? '')
  return {
    kind: 'page',
    title: isFirst ? 'The first user' : 'Choose a password',
    status: problem === undefined ? 200 : failureOf(problem, () => '').status,
    scripts: ['code'],
    body: gate(
      isFirst ? html`The first user` : html`Choose a password`,
      html`<form class="stack" method="post" action="${isFirst ? html`/first` : html`/invited`}">${csrfField(csrf)}
${alarm(problem === undefined ? undefined : html`${html.own(problem.message)} ${html.own(problem.hint)}`)}
${input('code', html`Code of the link`, 'text', html` id="code" autocomplete="off" spellcheck="false" maxlength="32" value="${code}"`, isFirst ? html`What stands behind # in the link that the server printed.` : html`What stands behind # in the link that you were given.`)}
${isFirst ? input('name', html`Name`, 'text', html` autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="32" value="${name}"`, html`Small letters and digits. The journal keeps what you do under it.`) : html``}
${input('password', html`Password`, 'password', html` autocomplete="new-password" minlength="${LIMITS.webPasswordCharsMin}" maxlength="${LIMITS.webPasswordCharsMax}"`, html`${LIMITS.webPasswordCharsMin} characters or more. A few words are fine.`)}
${input('again', html`Password, once more`, 'password', html` autocomplete="new-password" maxlength="${LIMITS.webPasswordCharsMax}"`)}
<button class="btn primary" type="submit">${isFirst ? html`Make the first admin` : html`Set the password`}</button></form>`,
      isFirst
        ? html`The link is good once, for ${LIMITS.webFirstLinkMinutes} minutes after the start. Too late? <code>nacre users add NAME --role admin</code> prints another one.`
        : html`The link is good once, for ${LIMITS.webInvitationHours / 24} days.`,
    ),
  }
}

/** A page that stands before everything else. */
function gate(title: Html, body: Html, foot: Html): Html {
  return html`<section class="card gate" aria-labelledby="gate"><header><h1 id="gate">${title}</h1></header><div class="body">${body}</div><footer>${foot}</footer></section>`
}

function alarm(words: Html | undefined): Html {
  return words === undefined
    ? html``
    : html`<div class="note failed" role="alert">${icon('alert')}<div>${words}</div></div>`
}

function input(
  name: string,
  label: Html,
  type: 'text' | 'password' | 'number',
  more: Html,
  help?: Html,
): Html {
  return html`<label><span class="label">${label}</span><input class="text" name="${html.own(name)}" type="${html.own(type)}" required${more}>${help === undefined ? html`` : html`<span class="help">${help}</span>`}</label>`
}

// Users.

function userRoutes(desk: Desk): readonly Route[] {
  const { accounts } = desk
  const change = (
    word: string,
    summary: string,
    body: Readonly<Record<string, FieldSpec>>,
    work: (asked: Asked, name: string) => Promise<string | undefined>,
  ): Route => ({
    method: 'POST',
    path: `/users/:name/${word}`,
    right: 'admin',
    summary,
    params: { name: NAME },
    body,
    async answers(asked) {
      const name = asked.params['name']!
      const code = await work(asked, name)
      return code === undefined
        ? { kind: 'redirect', to: '/users' }
        : usersPage(asked, desk, linkNote(name, code, asked))
    },
  })
  return [
    {
      method: 'GET',
      path: '/users',
      right: 'admin',
      summary: 'Who may use the dashboard',
      answers: async (asked) => usersPage(asked, desk),
    },
    {
      method: 'POST',
      path: '/users',
      right: 'admin',
      summary: 'Makes a user, who chooses a password with a one-time link',
      body: { name: NAME, role: ROLE },
      async answers(asked) {
        const { name, role } = asked.body
        const code = await accounts.add(
          dashboardActor(asked.signedIn.user),
          name!,
          role as RoleName,
        ) // of the choices
        return usersPage(asked, desk, linkNote(name!, code, asked))
      },
    },
    change(
      'role',
      'Changes what a user may do',
      { role: ROLE },
      async ({ signedIn, body }, name) => {
        await accounts.setRole(dashboardActor(signedIn.user), name, body['role'] as RoleName) // of the choices
        return undefined
      },
    ),
    change('disable', 'Keeps a user out', {}, async ({ signedIn }, name) => {
      await accounts.setDisabled(dashboardActor(signedIn.user), name, true)
      return undefined
    }),
    change('enable', 'Lets a user in again', {}, async ({ signedIn }, name) => {
      await accounts.setDisabled(dashboardActor(signedIn.user), name, false)
      return undefined
    }),
    change(
      'invite',
      'Takes the password and the tokens away and makes a one-time link',
      {},
      ({ signedIn }, name) => accounts.invite(dashboardActor(signedIn.user), name),
    ),
    change('remove', 'Takes a user and their tokens away', {}, async ({ signedIn }, name) => {
      await accounts.remove(dashboardActor(signedIn.user), name)
      return undefined
    }),
  ]
}

/** The address of a one-time link; the code stands where browsers send it to nobody. */
export function invitationLink(origin: string, code: string): string {
  return `${origin}/invited#${code}`
}

function linkNote(name: string, code: string, { origin }: Asked): Html {
  const link = invitationLink(origin ?? '', code)
  return html`<div class="note held" role="status">${icon('link')}<div class="grow"><strong>A link for ${html.own(name)}</strong>, good once, for ${LIMITS.webInvitationHours / 24} days. It is shown now and never again: hand it over by a way you trust.<p><code class="secret">${html.own(link)}</code></p></div></div>`
}

function usersPage({ signedIn }: Asked, { accounts, clock }: Desk, note: Html = html``): Reply {
  const users = accounts.users()
  const rows = users.map((user) =>
    userRow(user, accounts.tokens(user.name).length, signedIn.csrf, clock()),
  )
  return {
    kind: 'page',
    title: 'Users',
    body: html`${head(html`Users`, html`Who may use this dashboard. Each change stands in the journal.`, pagesOf(signedIn.rights, '/users'))}
${note}
${card(
  'users',
  html`Users`,
  html`<div class="scroll"><table class="rows cards"><thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">State</th><th scope="col">Made (UTC)</th><th scope="col">Change</th></tr></thead><tbody>
${html.join(rows)}</tbody></table></div>`,
  { meta: html`${users.length}` },
)}
<div class="cols">${card(
      'add',
      html`Add a user`,
      html`<form class="body stack" method="post" action="/users">${csrfField(signedIn.csrf)}
${input('name', html`Name`, 'text', html` autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="32"`)}
<label><span class="label">Role</span><select class="text" name="role">${roleOptions('viewer')}</select></label>
<div><button class="btn primary" type="submit">Add and make a link</button></div></form>`,
      { width: 5 },
    )}${card(
      'roles',
      html`Roles`,
      html`<dl class="kv body">${html.join(ROLE_NAMES.map((role) => html`<dt>${html.own(role)}</dt><dd>${html.own(ROLES[role].join(', '))}</dd>`))}</dl>`,
      { width: 7 },
    )}</div>`,
  }
}

function roleOptions(chosen: RoleName): Html {
  return html.join(
    ROLE_NAMES.map(
      (role) =>
        html`<option value="${html.own(role)}"${role === chosen ? html` selected` : html``}>${html.own(role)}</option>`,
    ),
  )
}

/** @param tokens - how many of the user's a new link revokes */
function userRow(user: User, tokens: number, csrf: string, now: number): Html {
  const form = (word: string, body: Html): Html =>
    html`<form class="row" method="post" action="${htmlHref(['users', user.name, word])}">${csrfField(csrf)}${body}</form>`
  const button = (word: string, label: string, style: string): Html =>
    form(
      word,
      html`<button class="btn small ${html.own(style)}" type="submit">${html.own(label)}</button>`,
    )
  const newLink =
    tokens === 0
      ? button('invite', 'New link', '')
      : html`<details class="more"><summary class="btn small">New link</summary>${button('invite', `Revoke ${tokens} ${tokens === 1 ? 'token' : 'tokens'} and make a link`, 'danger')}</details>`
  return html`<tr><th scope="row" class="wide">${html.own(user.name)}</th><td data-l="Role">${form('role', html`<select class="text narrow" name="role" aria-label="Role of ${htmlAttribute(user.name)}">${roleOptions(user.role)}</select><button class="btn small" type="submit">Set</button>`)}</td><td data-l="State">${stateOf(user, now)}</td><td data-l="Made" class="nowrap">${time(user.createdAtUs)}</td><td class="wide"><div class="row">${newLink}${user.isDisabled ? button('enable', 'Let in', '') : button('disable', 'Keep out', '')}<details class="more"><summary class="btn small danger">Remove</summary>${button('remove', 'Really remove', 'danger')}</details></div></td></tr>
`
}

function stateOf({ isDisabled, password, invitation }: User, now: number): Html {
  if (isDisabled) return html`<span class="badge failed">${icon('lock')}kept out</span>`
  if (password !== null) return html`<span class="badge ok">${icon('check')}may sign in</span>`
  return invitation !== null && now < invitation.expiresAtUs
    ? html`<span class="badge pending">${icon('clock')}invited</span>`
    : html`<span class="badge pending">${icon('clock')}link is too old</span>`
}

// Tokens.

function tokenRoutes({ accounts, clock }: Desk): readonly Route[] {
  const page = ({ signedIn }: Asked, made?: string): Reply => {
    const isAdmin = signedIn.rights.has('admin')
    const tokens = accounts.tokens(isAdmin ? undefined : signedIn.user)
    return {
      kind: 'page',
      title: 'Tokens',
      body: tokensPage(signedIn, tokens, (id) => accounts.tokenUsedAtUs(id), clock(), made),
    }
  }
  return [
    {
      method: 'GET',
      path: '/tokens',
      right: 'view',
      summary: 'Tokens of programs',
      answers: async (asked) => page(asked),
    },
    {
      method: 'POST',
      path: '/tokens',
      right: 'view',
      summary: 'Makes a token that speaks for the user',
      body: {
        name: { meaning: 'what the token is for', required: true, charsMax: 60 },
        days: {
          meaning: `for how many days, 1 to ${LIMITS.webTokenDaysMax}`,
          required: true,
          pattern: '^[1-9]\\d{0,2}$',
          charsMax: 3,
        },
        ...Object.fromEntries(
          RIGHTS.map((right): [string, FieldSpec] => [
            `right-${right}`,
            { meaning: `whether it may ${right}`, choices: ['yes'], charsMax: 3 },
          ]),
        ),
      },
      async answers(asked) {
        const { user, rights } = asked.signedIn
        const days = Number(asked.body['days'])
        const wanted = RIGHTS.filter((right) => asked.body[`right-${right}`] === 'yes')
        if (days > LIMITS.webTokenDaysMax || wanted.length === 0)
          throw refusal(
            'REQUEST_BAD_FIELD',
            `A token is good for at most ${LIMITS.webTokenDaysMax} days and has at least one right.`,
          )
        const missing = wanted.find((right) => !rights.has(right))
        if (missing !== undefined)
          throw refusal('REQUEST_NO_RIGHT', `You do not have the right "${missing}" yourself.`)
        const { text } = await accounts.addToken(dashboardActor(user), {
          user,
          name: asked.body['name']!,
          rights: wanted,
          days,
        })
        return page(asked, text)
      },
    },
    {
      method: 'POST',
      path: '/tokens/:id/revoke',
      right: 'view',
      summary: 'Ends a token',
      params: { id: TOKEN_ID },
      async answers({ signedIn, params }) {
        const owner = signedIn.rights.has('admin') ? undefined : signedIn.user
        await accounts.revokeToken(dashboardActor(signedIn.user), params['id']!, owner)
        return { kind: 'redirect', to: '/tokens' }
      },
    },
  ]
}

function tokensPage(
  signedIn: Asked['signedIn'],
  tokens: readonly ApiToken[],
  usedAtUs: (id: string) => number | undefined,
  now: number,
  made: string | undefined,
): Html {
  const rows = tokens.map((token) => tokenRow(token, usedAtUs(token.id), now, signedIn.csrf))
  return html`${head(html`Tokens`, html`For programs that use the API in your name. A token may do what you may, and no more.`, pagesOf(signedIn.rights, '/tokens'))}
${made === undefined ? html`` : html`<div class="note held" role="status">${icon('key')}<div class="grow"><strong>The new token.</strong> It is shown now and kept nowhere.<p><code class="secret">${html.own(made)}</code></p></div></div>`}
${card(
  'tokens',
  html`Tokens`,
  tokens.length === 0
    ? html`<p class="body dim">None yet.</p>`
    : html`<div class="scroll"><table class="rows cards"><thead><tr><th scope="col">For</th><th scope="col">Id</th><th scope="col">User</th><th scope="col">Rights</th><th scope="col">Good until (UTC)</th><th scope="col">Last used (UTC)</th><th scope="col">Change</th></tr></thead><tbody>
${html.join(rows)}</tbody></table></div>`,
  { foot: html`When a token was used last is known since the server was started.` },
)}
${card(
  'make',
  html`Make a token`,
  html`<form class="body stack form" method="post" action="/tokens">${csrfField(signedIn.csrf)}
${input('name', html`What it is for`, 'text', html` autocomplete="off" maxlength="60"`)}
${input('days', html`Days it is good for`, 'number', html` min="1" max="${LIMITS.webTokenDaysMax}" value="90"`)}
<fieldset><legend class="label">Rights</legend><div class="row checks">${html.join(RIGHTS.filter((right) => signedIn.rights.has(right)).map(rightBox))}</div></fieldset>
<div><button class="btn primary" type="submit">Make a token</button></div></form>`,
)}`
}

function rightBox(right: Right): Html {
  return html`<label class="row"><input type="checkbox" name="right-${html.own(right)}" value="yes"${right === 'view' ? html` checked` : html``}>${html.own(right)}</label>`
}

function tokenRow(token: ApiToken, usedAtUs: number | undefined, now: number, csrf: string): Html {
  const isOver = now >= token.expiresAtUs
  return html`<tr><th scope="row" class="wide">${html.own(token.name)}</th><td data-l="Id"><code>${html.own(token.id)}</code></td><td data-l="User">${html.own(token.user)}</td><td data-l="Rights">${html.own(token.rights.join(', '))}</td><td data-l="Good until" class="nowrap">${isOver ? html`<span class="badge pending">${icon('clock')}over</span>` : html.own(formatInstant(token.expiresAtUs).slice(0, 10))}</td><td data-l="Last used" class="nowrap">${usedAtUs === undefined ? html`<span class="faint">not yet</span>` : time(usedAtUs)}</td><td><form method="post" action="${htmlHref(['tokens', token.id, 'revoke'])}">${csrfField(csrf)}<button class="btn small danger" type="submit">End it</button></form></td></tr>
`
}
