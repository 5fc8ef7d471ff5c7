/** Failed sign-ins: the next one has to wait, longer each time, and the journal hears of them without being filled. */
import type { InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import type { JournalDraft } from '../store/journal.ts'

type Count = { failed: number; lastAtUs: InstantUs }

/** Counts failures by a name: of an address, or of a user. */
export class Tries {
  readonly #clock: () => InstantUs
  readonly #free: number
  readonly #waitSMax: number
  /** The one that failed longest ago first. */
  readonly #counts = new Map<string, Count>()

  /** @param free - tries without a wait @param waitSMax - seconds of the longest wait */
  constructor(clock: () => InstantUs, free: number, waitSMax: number) {
    this.#clock = clock
    this.#free = free
    this.#waitSMax = waitSMax
  }

  /** Seconds until the next try is looked at; 0 for now. */
  waitS(name: string): number {
    const count = this.#counts.get(name)
    if (count === undefined || count.failed < this.#free) return 0
    const waitS = Math.min(LIMITS.webTriesWaitS * 2 ** (count.failed - this.#free), this.#waitSMax)
    return Math.max(0, Math.ceil(waitS - (this.#clock() - count.lastAtUs) / 1_000_000))
  }

  failed(name: string): void {
    const now = this.#clock()
    const before = this.#counts.get(name)
    const isRecent =
      before !== undefined && now - before.lastAtUs < LIMITS.webTriesForgetS * 1_000_000
    this.#counts.delete(name)
    if (this.#counts.size >= LIMITS.webAddressesMax)
      this.#counts.delete(this.#counts.keys().next().value!)
    this.#counts.set(name, { failed: (isRecent ? before.failed : 0) + 1, lastAtUs: now })
  }
}

/**
 * Failures of one user from anywhere. An address from which that user came in lately does not wait for those of others,
 * and adds none to them: its own failures are counted by address alone, which allows fewer. So who tries passwords from
 * elsewhere cannot keep a person out of where they usually sit.
 */
export class TriesOfUser {
  readonly #clock: () => InstantUs
  readonly #strangers: Tries
  /** When each user came in last from each address; the address longest unused first. */
  readonly #usual = new Map<string, Map<string, InstantUs>>()

  constructor(clock: () => InstantUs) {
    this.#clock = clock
    this.#strangers = new Tries(clock, LIMITS.webTriesOfUser, LIMITS.webTriesUserWaitSMax)
  }

  /** Seconds until the next try is looked at; 0 for now. @param user - as it was typed */
  waitS(user: string, address: string): number {
    return this.#isUsual(user, address) ? 0 : this.#strangers.waitS(user)
  }

  failed(user: string, address: string): void {
    if (!this.#isUsual(user, address)) this.#strangers.failed(user)
  }

  /** @param user - the name of one who came in: others are not kept, so that users bound the memory */
  passed(user: string, address: string): void {
    const addresses = this.#usual.get(user) ?? new Map<string, InstantUs>()
    addresses.delete(address)
    addresses.set(address, this.#clock())
    if (addresses.size > LIMITS.webUsualAddressesMax)
      addresses.delete(addresses.keys().next().value!)
    this.#usual.delete(user)
    this.#usual.set(user, addresses)
    if (this.#usual.size > LIMITS.webUsersMax) this.#usual.delete(this.#usual.keys().next().value!)
  }

  #isUsual(user: string, address: string): boolean {
    const lastAtUs = this.#usual.get(user)?.get(address)
    return (
      lastAtUs !== undefined &&
      this.#clock() - lastAtUs < LIMITS.webUsualAddressDays * 86_400_000_000
    )
  }
}

/** Gathers failures into few entries of the journal: the first at once, the others together. */
export class FailureLedger {
  readonly #clock: () => InstantUs
  readonly #journal: (draft: JournalDraft) => Promise<void>
  #toldAtUs = Number.NEGATIVE_INFINITY
  #count = 0
  readonly #users = new Set<string>()
  readonly #addresses = new Set<string>()

  constructor(clock: () => InstantUs, journal: (draft: JournalDraft) => Promise<void>) {
    this.#clock = clock
    this.#journal = journal
  }

  /** @param user - undefined where there is none of the name that was typed: it may be anything, a password too */
  async failed(user: string | undefined, address: string): Promise<void> {
    this.#count += 1
    if (this.#users.size < NAMED_MAX) this.#users.add(user ?? '(unknown)')
    if (this.#addresses.size < NAMED_MAX) this.#addresses.add(address)
    await this.tell()
  }

  /** Writes what was gathered, when it is time. @param isLast - whether or not it is */
  async tell(isLast = false): Promise<void> {
    const now = this.#clock()
    const isDue = now - this.#toldAtUs >= LIMITS.webFailuresMinutes * 60_000_000
    if (this.#count === 0 || (!isDue && !isLast)) return
    const draft: JournalDraft = {
      actor: 'nacre serve',
      action: 'sign-in.failed',
      subject: 'dashboard',
      reason: 'name and password do not fit',
      detail: {
        count: this.#count,
        users: [...this.#users].join(' '),
        addresses: [...this.#addresses].join(' '),
      },
    }
    this.#toldAtUs = now
    this.#count = 0
    this.#users.clear()
    this.#addresses.clear()
    await this.#journal(draft)
  }
}

/** Users and addresses that one entry names. */
const NAMED_MAX = 10
