/**
 * Who may use the dashboard: users, and the tokens of programs.
 *
 * A file of its own, and not a table: an account says who may look at a store, and is no part of what was logged. Every
 * change is written into the journal of the store first; where that fails, nothing is changed.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { AccountError } from '../core/errors.ts'
import { ownText } from '../core/event.ts'
import type { InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import type { JournalDraft } from '../store/journal.ts'
import { checkPassword, hashPassword, isPassword, type PasswordHash } from './passwords.ts'
import { RIGHTS, type Right } from './route.ts'

/** What each role may do. */
export const ROLES = {
  viewer: ['view'],
  analyst: ['view', 'review', 'export'],
  evidence: ['view', 'export', 'evidence'],
  admin: RIGHTS,
} as const satisfies Readonly<Record<string, readonly Right[]>>

export type RoleName = keyof typeof ROLES

export const ROLE_NAMES = Object.keys(ROLES) as readonly RoleName[]

export type User = {
  readonly name: string
  readonly role: RoleName
  /** Null until the first password is chosen. */
  readonly password: PasswordHash | null
  readonly createdAtUs: InstantUs
  readonly isDisabled: boolean
  /** Another one after each change of role, password or right to be here: sign-ins of an older one are over. */
  readonly stamp: string
  readonly invitation: { readonly digest: string; readonly expiresAtUs: InstantUs } | null
}

export type ApiToken = {
  readonly id: string
  readonly name: string
  readonly user: string
  /** SHA-256 of its secret, hexadecimal. */
  readonly digest: string
  readonly rights: readonly Right[]
  readonly createdAtUs: InstantUs
  readonly expiresAtUs: InstantUs
}

type Book = {
  readonly version: 1
  readonly users: readonly User[]
  readonly tokens: readonly ApiToken[]
}

const EMPTY: Book = { version: 1, users: [], tokens: [] }
const US_PER_HOUR = 3_600_000_000
const NAME = /^[a-z][a-z0-9._-]{0,31}$/
/** `nacre_`, the id of 12 and the secret of 43 characters. */
const BEARER = /^nacre_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/

/** What is to be done, with its entry in the journal. */
/** Who did something on the dashboard, as the journal names them: the machine may have a user of the same name. */
export function dashboardActor(user: string): string {
  return `${user}@dashboard`
}

type Change = { readonly book: Book; readonly entry: Omit<JournalDraft, 'actor'> }

export class Accounts {
  readonly #folder: string
  readonly #clock: () => InstantUs
  readonly #journal: (draft: JournalDraft) => Promise<void>
  #book: Book = EMPTY
  /** Of the file as it was read last. */
  #seen = ''
  /** When each token was used last, since this process began. */
  readonly #used = new Map<string, InstantUs>()

  /**
   * @param folder - holds `accounts.json`; made when something is written
   * @param journal - keeps what is done
   */
  constructor(
    folder: string,
    clock: () => InstantUs,
    journal: (draft: JournalDraft) => Promise<void>,
  ) {
    this.#folder = folder
    this.#clock = clock
    this.#journal = journal
  }

  /** All users, in the order of their names. @throws AccountError `ACCOUNT_UNREADABLE` */
  users(): readonly User[] {
    return this.#read().users
  }

  /** A user by name. @throws AccountError `ACCOUNT_UNREADABLE` */
  user(name: string): User | undefined {
    return this.#read().users.find((one) => one.name === name)
  }

  /** Tokens, the newest first. @throws AccountError `ACCOUNT_UNREADABLE` */
  tokens(user?: string): readonly ApiToken[] {
    return this.#read().tokens.filter((one) => user === undefined || one.user === user)
  }

  /** When a token was used last; undefined where it was not since the server began. */
  tokenUsedAtUs(id: string): InstantUs | undefined {
    return this.#used.get(id)
  }

  /**
   * The user of a name and password who may come in. Takes the same time whether the name is known or not.
   *
   * @throws AccountError `ACCOUNT_UNREADABLE`
   */
  async signIn(name: string, password: string): Promise<User | undefined> {
    const user = this.user(name)
    const fits = await isPassword(password, user?.password ?? undefined)
    // It may have changed while the password was looked at.
    const now = this.user(name)
    return fits && now !== undefined && now.stamp === user?.stamp && !now.isDisabled
      ? now
      : undefined
  }

  /** Whom a token speaks for, and what it may do: never more than its user. @throws AccountError */
  bearer(text: string): { readonly user: User; readonly rights: ReadonlySet<Right> } | undefined {
    const [, id, secret] = BEARER.exec(text) ?? []
    const { tokens } = this.#read()
    const token = tokens.find((one) => one.id === id)
    if (token === undefined || secret === undefined || !isDigestOf(secret, token.digest))
      return undefined
    const user = this.user(token.user)
    const now = this.#clock()
    if (user === undefined || user.isDisabled || now >= token.expiresAtUs) return undefined
    this.#used.set(token.id, now)
    const rights = new Set<Right>(ROLES[user.role])
    return { user, rights: new Set(token.rights.filter((right) => rights.has(right))) }
  }

  /** Whose invitation a code is. @throws AccountError `ACCOUNT_UNREADABLE` */
  invited(code: string): User | undefined {
    const now = this.#clock()
    let found: User | undefined
    for (const user of this.users()) {
      const { invitation } = user
      // All are looked at, so that the time says nothing.
      if (invitation !== null && isDigestOf(code, invitation.digest)) found = user
    }
    return found?.invitation != null && now < found.invitation.expiresAtUs && !found.isDisabled
      ? found
      : undefined
  }

  /**
   * Makes a user who chooses a password with a one-time code.
   *
   * @returns the code
   * @throws AccountError
   */
  async add(actor: string, name: string, role: RoleName): Promise<string> {
    checkName(name)
    const { code, invitation } = this.#invitation()
    await this.#change(actor, (book) => {
      const users = [...book.users, this.#fresh(name, role, null, invitation)]
      return {
        book: withUsers(book, users),
        entry: entry('user.added', name, `a user of the dashboard, ${role}`, { role }),
      }
    })
    return code
  }

  /** Makes the first user; there is none yet. @throws AccountError */
  async addFirst(name: string, password: string): Promise<User> {
    checkName(name)
    checkPassword(password, name)
    const hash = await hashPassword(password)
    const user = this.#fresh(name, 'admin', hash, null)
    await this.#change(dashboardActor(name), (book) => {
      if (book.users.length > 0) throw badLink()
      return {
        book: withUsers(book, [user]),
        entry: entry('user.added', name, 'the first user, with the link of the first start', {
          role: 'admin',
        }),
      }
    })
    return user
  }

  /** Sets the password that an invitation asks for. The invitation is used up. @throws AccountError */
  async accept(code: string, password: string): Promise<User> {
    const invited = this.invited(code)
    if (invited === undefined) throw badLink()
    checkPassword(password, invited.name)
    const hash = await hashPassword(password)
    let done: User | undefined
    await this.#change(dashboardActor(invited.name), (book) => {
      const now = book.users.find((one) => one.name === invited.name)
      if (now?.invitation?.digest !== invited.invitation?.digest) throw badLink()
      done = { ...now!, password: hash, invitation: null, stamp: newStamp() }
      return {
        book: withUser(book, done),
        entry: entry('user.password-set', invited.name, 'with a one-time link', {}),
      }
    })
    return done!
  }

  /**
   * Takes the password and the tokens away, and makes a one-time code for another password. Whoever had the password may
   * have made tokens with it, and would stay in by them.
   *
   * @returns the code
   * @throws AccountError
   */
  async invite(actor: string, name: string): Promise<string> {
    const { code, invitation } = this.#invitation()
    await this.#change(actor, (book) => {
      const user: User = { ...known(book, name), password: null, invitation, stamp: newStamp() }
      const tokens = tokensWithout(book, name)
      return {
        book: { ...withUser(book, user), tokens },
        entry: entry('user.invited', name, 'a new password is to be chosen', {
          tokens: book.tokens.length - tokens.length,
        }),
      }
    })
    return code
  }

  /** @throws AccountError */
  async setRole(actor: string, name: string, role: RoleName): Promise<void> {
    await this.#changeUser(actor, name, (user) => ({
      user: { ...user, role },
      entry: {
        ...entry('user.role-set', name, `is ${role} from now on`, {}),
        decision: { from: user.role, to: role },
      },
    }))
  }

  /** Keeps a user out, tokens and all, or lets one in again. @throws AccountError */
  async setDisabled(actor: string, name: string, isDisabled: boolean): Promise<void> {
    const action = isDisabled ? 'user.disabled' : 'user.enabled'
    const reason = isDisabled ? 'may not use the dashboard' : 'may use the dashboard again'
    await this.#changeUser(actor, name, (user) => ({
      user: { ...user, isDisabled },
      entry: entry(action, name, reason, {}),
    }))
  }

  /** Takes a user and their tokens away. @throws AccountError */
  async remove(actor: string, name: string): Promise<void> {
    await this.#change(actor, (book) => {
      known(book, name)
      const tokens = tokensWithout(book, name)
      const users = book.users.filter((one) => one.name !== name)
      return {
        book: { ...withUsers(book, users), tokens },
        entry: entry('user.removed', name, 'is no user any more', {
          tokens: book.tokens.length - tokens.length,
        }),
      }
    })
  }

  /**
   * Makes a token for a program.
   *
   * @param days - 1 to `LIMITS.webTokenDaysMax`
   * @returns its text, which is kept nowhere
   * @throws AccountError
   */
  async addToken(
    actor: string,
    token: {
      readonly user: string
      readonly name: string
      readonly rights: readonly Right[]
      readonly days: number
    },
  ): Promise<{ readonly token: ApiToken; readonly text: string }> {
    const secret = randomBytes(32).toString('base64url')
    const now = this.#clock()
    const made: ApiToken = {
      id: randomBytes(6).toString('hex'),
      name: token.name,
      user: token.user,
      digest: digestOf(secret),
      rights: token.rights,
      createdAtUs: now,
      expiresAtUs: now + token.days * 24 * US_PER_HOUR,
    }
    await this.#change(actor, (book) => {
      known(book, token.user)
      // Those that are over make room.
      const tokens = [made, ...book.tokens.filter((one) => one.expiresAtUs > now)]
      if (tokens.length > LIMITS.webTokensMax) throw full('tokens', LIMITS.webTokensMax)
      const own = tokens.filter((one) => one.user === token.user)
      if (own.length > LIMITS.webTokensOfUserMax)
        throw full(`tokens of ${shown(token.user)}`, LIMITS.webTokensOfUserMax)
      return {
        book: { ...book, tokens },
        entry: {
          ...entry('token.added', made.id, `a program speaks for ${token.user}`, {
            user: token.user,
            rights: token.rights.join(' '),
            days: token.days,
          }),
          subject: `token ${made.id}`,
        },
      }
    })
    return { token: made, text: `nacre_${made.id}_${secret}` }
  }

  /** @param user - whose token it must be; undefined for anybody's @throws AccountError */
  async revokeToken(actor: string, id: string, user?: string): Promise<void> {
    await this.#change(actor, (book) => {
      const found = book.tokens.find(
        (one) => one.id === id && (user === undefined || one.user === user),
      )
      if (found === undefined)
        throw new AccountError('ACCOUNT_UNKNOWN_TOKEN', 'There is no token of this id.', {
          hint: '"nacre tokens list" and the page Tokens list them.',
        })
      return {
        book: { ...book, tokens: book.tokens.filter((one) => one.id !== id) },
        entry: {
          ...entry('token.revoked', id, 'is not valid any more', { user: found.user }),
          subject: `token ${id}`,
        },
      }
    })
  }

  #fresh(
    name: string,
    role: RoleName,
    password: PasswordHash | null,
    invitation: User['invitation'],
  ): User {
    return {
      name,
      role,
      password,
      createdAtUs: this.#clock(),
      isDisabled: false,
      stamp: newStamp(),
      invitation,
    }
  }

  #invitation(): { readonly code: string; readonly invitation: NonNullable<User['invitation']> } {
    const code = newCode()
    const expiresAtUs = this.#clock() + LIMITS.webInvitationHours * US_PER_HOUR
    return { code, invitation: { digest: digestOf(code), expiresAtUs } }
  }

  async #changeUser(
    actor: string,
    name: string,
    make: (user: User) => { readonly user: User; readonly entry: Omit<JournalDraft, 'actor'> },
  ): Promise<void> {
    await this.#change(actor, (book) => {
      const made = make(known(book, name))
      return { book: withUser(book, { ...made.user, stamp: newStamp() }), entry: made.entry }
    })
  }

  /** Reads, changes and writes while nobody else does. */
  async #change(actor: string, make: (book: Book) => Change): Promise<void> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const lock = join(this.#folder, 'accounts.lock')
    await takeLock(lock)
    try {
      this.#seen = ''
      const before = this.#read()
      const { book, entry: draft } = make(before)
      const hadAdmin = before.users.some(isAdmin)
      if (hadAdmin && !book.users.some(isAdmin))
        throw new AccountError('ACCOUNT_LAST_ADMIN', 'Nobody would be left to manage users.', {
          hint: 'Make somebody else admin first.',
        })
      await this.#journal({ ...draft, actor })
      this.#write(book)
    } finally {
      rmSync(lock, { force: true })
    }
  }

  #write(book: Book): void {
    const path = join(this.#folder, 'accounts.json')
    const fresh = `${path}.${process.pid}.new`
    try {
      writeFileSync(fresh, `${JSON.stringify(book, null, 1)}\n`, { mode: 0o600, flush: true })
      renameSync(fresh, path)
    } catch (cause) {
      rmSync(fresh, { force: true })
      throw unreadable(path, cause)
    }
    this.#seen = ''
  }

  /** The file as it is now; read again only when it was replaced. */
  #read(): Book {
    const path = join(this.#folder, 'accounts.json')
    let seen: string
    try {
      const { ino, size, mtimeNs } = statSync(path, { bigint: true })
      seen = `${ino} ${size} ${mtimeNs}`
      if (seen === this.#seen) return this.#book
      if (size > LIMITS.webAccountsBytesMax) throw new Error('it is too large')
      this.#book = checkedBook(JSON.parse(readFileSync(path, 'utf8')))
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY
      throw unreadable(path, cause)
    }
    this.#seen = seen
    return this.#book
  }
}

/** A code that is good once and for a short time; kept in memory alone. */
export class OneTimeCode {
  readonly code: string = newCode()
  readonly #digest = digestOf(this.code)
  readonly #clock: () => InstantUs
  readonly #expiresAtUs: InstantUs
  #isUsed = false

  constructor(clock: () => InstantUs) {
    this.#clock = clock
    this.#expiresAtUs = clock() + LIMITS.webFirstLinkMinutes * 60_000_000
  }

  fits(code: string): boolean {
    const isIt = isDigestOf(code, this.#digest)
    return isIt && !this.#isUsed && this.#clock() < this.#expiresAtUs
  }

  use(): void {
    this.#isUsed = true
  }
}

export function badLink(): AccountError {
  return new AccountError('ACCOUNT_BAD_LINK', 'This link is used, too old, or not whole.', {
    hint: 'An admin makes another one on the page Users, or with "nacre users invite NAME" on the machine.',
  })
}

function isAdmin(user: User): boolean {
  return user.role === 'admin' && !user.isDisabled
}

function known(book: Book, name: string): User {
  const user = book.users.find((one) => one.name === name)
  if (user !== undefined) return user
  throw new AccountError('ACCOUNT_UNKNOWN', `There is no user ${shown(name)}.`, {
    hint: '"nacre users list" and the page Users list them.',
  })
}

function checkName(name: string): void {
  if (NAME.test(name)) return
  throw new AccountError('ACCOUNT_BAD_NAME', `${shown(name)} cannot be a name.`, {
    hint: 'A name has 1 to 32 small letters, digits, dots, dashes and underscores, and begins with a letter.',
  })
}

function shown(name: string): string {
  return `"${name.slice(0, 40)}"`
}

function withUsers(book: Book, users: readonly User[]): Book {
  const sorted = users.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const twice = sorted.find((one, i) => one.name === sorted[i + 1]?.name)
  if (twice !== undefined)
    throw new AccountError('ACCOUNT_TAKEN', `There is a user ${shown(twice.name)} already.`, {
      hint: 'Choose another name, or change the user who is there.',
    })
  if (sorted.length > LIMITS.webUsersMax) throw full('users', LIMITS.webUsersMax)
  return { ...book, users: sorted }
}

function withUser(book: Book, user: User): Book {
  return { ...book, users: book.users.map((one) => (one.name === user.name ? user : one)) }
}

/** The tokens of everybody else. */
function tokensWithout({ tokens }: Book, name: string): readonly ApiToken[] {
  return tokens.filter((one) => one.user !== name)
}

function full(what: string, most: number): AccountError {
  return new AccountError('ACCOUNT_FULL', `There are ${most} ${what} already.`, {
    hint: 'Remove some that are not used any more.',
    context: { most },
  })
}

function entry(
  action: string,
  name: string,
  reason: string,
  detail: JournalDraft['detail'],
): Omit<JournalDraft, 'actor'> {
  return { action, subject: `user ${name}`, reason, detail }
}

function newStamp(): string {
  return randomBytes(12).toString('base64url')
}

function newCode(): string {
  return randomBytes(24).toString('base64url')
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Whether a secret has this digest; the time it takes says nothing about either. */
function isDigestOf(secret: string, digest: string): boolean {
  return timingSafeEqual(Buffer.from(digestOf(secret), 'hex'), Buffer.from(digest, 'hex'))
}

/** @throws AccountError `ACCOUNT_BUSY`, `ACCOUNT_UNREADABLE` */
async function takeLock(path: string): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    try {
      closeSync(openSync(path, 'wx', 0o600))
      return
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw unreadable(path, cause)
    }
    // Left over by a process that was killed: a change takes milliseconds.
    const ageMs = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (ageMs > LIMITS.webAccountsLockMsMax) rmSync(path, { force: true })
    else if (waitedMs >= LIMITS.webAccountsWaitMs)
      throw new AccountError('ACCOUNT_BUSY', 'Another process is changing the accounts.', {
        hint: 'Try again in a moment.',
      })
    await wait(50)
  }
}

function unreadable(path: string, cause: unknown): AccountError {
  const why = cause instanceof Error ? cause.message.split('\n')[0]! : ''
  return new AccountError('ACCOUNT_UNREADABLE', `The file ${path} cannot be used: ${why}`, {
    hint: 'Nobody is let in meanwhile. Restore it from a backup, or move it away and start with a new first user.',
    context: { path: ownText(path) },
    cause,
  })
}

/** Throws unless the document has the shape of the file; who edits it by hand shall be told. */
function checkedBook(value: unknown): Book {
  const book = value as Book // every field is looked at below
  const isText = (one: unknown): one is string => typeof one === 'string'
  const isHex = (one: unknown): boolean => isText(one) && /^[0-9a-f]{64}$/.test(one)
  if (book?.version !== 1 || !Array.isArray(book.users) || !Array.isArray(book.tokens))
    throw new Error('it is not a file of accounts of this program')
  for (const { name, role, password, createdAtUs, isDisabled, stamp, invitation } of book.users) {
    if (!isText(name) || !NAME.test(name) || !Object.hasOwn(ROLES, role) || !isText(stamp))
      throw new Error('a user without name, role or stamp')
    if (typeof isDisabled !== 'boolean' || !Number.isSafeInteger(createdAtUs))
      throw new Error(`user ${name} is not whole`)
    if (invitation !== null && !(isHex(invitation?.digest) && invitation.expiresAtUs > 0))
      throw new Error(`the invitation of ${name} is not whole`)
    if (password !== null && (password?.algorithm !== 'scrypt' || !isText(password.hash)))
      throw new Error(`the password of ${name} is not whole`)
  }
  for (const { id, name, user, digest, rights, expiresAtUs } of book.tokens) {
    const isWhole = isText(id) && isText(name) && isText(user) && isHex(digest)
    if (!isWhole || !Number.isSafeInteger(expiresAtUs) || !Array.isArray(rights))
      throw new Error('a token is not whole')
    if (!rights.every((right) => RIGHTS.includes(right))) throw new Error('a right that is none')
  }
  return book
}
