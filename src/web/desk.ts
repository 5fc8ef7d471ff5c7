/** What the pages of accounts, and the server itself, work with beside the parts of all routes. */
import type { InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import type { JournalDraft } from '../store/journal.ts'
import { Accounts, type OneTimeCode } from './accounts.ts'
import type { ConnectionBounds } from './connections.ts'
import { Metrics } from './metrics.ts'
import type { Parts } from './parts.ts'
import { SignIns } from './sign-ins.ts'
import { FailureLedger, Tries, TriesOfUser } from './tries.ts'

/** How the server is to be; from the settings. */
export type ServerOptions = {
  /** Folder of the file of accounts. */
  readonly accountsFolder: string
  /** Lets the first user in while there is none; undefined where no link was given out. */
  readonly firstCode?: OneTimeCode | undefined
  readonly idleMs: number
  readonly signInMs: number
  /** Requests of one address in a second, over `LIMITS.webRateWindowS`. */
  readonly requestsPerSecond: number
  /** Scheme, host and port that browsers show it under; undefined for those of this machine alone. */
  readonly origin?: string | undefined
  /** Name or address that it listens at, where that is not the machine itself. */
  readonly host?: string | undefined
  /** It listens beyond this machine, so addresses without a name are its own, too. */
  readonly isOpen: boolean
  /** Certificate chain and key in PEM. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined
  /** Browsers reach it by https, whoever ends that. */
  readonly isSecure: boolean
  readonly trustedProxies: readonly string[]
  /** Programs of this machine may read the figures without a token. */
  readonly metricsForLoopback: boolean
  /** The schema that this program works with. */
  readonly schemaVersion: number
  /** Takes a sentence for the operator; it may quote what was asked, and is encoded by whom it is given to. */
  note(sentence: string): void
  readonly headersMs?: number
  /** In place of those of `LIMITS`. */
  readonly connections?: ConnectionBounds
}

export type Desk = {
  readonly accounts: Accounts
  readonly signIns: SignIns
  readonly triesOfAddress: Tries
  readonly triesOfUser: TriesOfUser
  readonly failures: FailureLedger
  readonly metrics: Metrics
  readonly firstCode: OneTimeCode | undefined
  readonly clock: () => InstantUs
  /** An entry that may be missing where the store cannot be written: nobody is locked out of looking by that. */
  tryJournal(draft: JournalDraft): Promise<void>
}

export function createDesk(parts: Pick<Parts, 'store' | 'clock'>, options: ServerOptions): Desk {
  const { clock } = parts
  const metrics = new Metrics()
  const journal = (draft: JournalDraft): Promise<void> => parts.store.journal(draft)
  const tryJournal = async (draft: JournalDraft): Promise<void> => {
    try {
      await journal(draft)
    } catch {
      metrics.journalFailed()
      options.note(`The journal could not be written: ${draft.action} by ${draft.actor}.`)
    }
  }
  const accounts = new Accounts(options.accountsFolder, clock, journal)
  return {
    accounts,
    signIns: new SignIns(accounts, clock, {
      idleUs: options.idleMs * 1_000,
      longestUs: options.signInMs * 1_000,
    }),
    triesOfAddress: new Tries(clock, LIMITS.webTriesOfAddress, LIMITS.webTriesWaitSMax),
    triesOfUser: new TriesOfUser(clock),
    failures: new FailureLedger(clock, tryJournal),
    metrics,
    firstCode: options.firstCode,
    clock,
    tryJournal,
  }
}
