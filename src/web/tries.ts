/** Failed sign-ins: the next one has to wait, longer each time, and the journal hears of them without being filled. */
import type { InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import type { JournalDraft } from '../store/journal.ts'

type Count = { failed: number; lastAtUs: InstantUs }

/** What counts tries of one kind: by address, or by user. */
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

  passed(name: string): void {
    this.#counts.delete(name)
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
