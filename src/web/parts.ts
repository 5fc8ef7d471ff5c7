/** What routes work with; wired by the command. */
import type { InstantUs } from '../core/instant.ts'
import type { RecipientPrivateKey, SigningKey } from '../core/seal-types.ts'
import type { ExportOptions } from '../evidence/export.ts'
import type { StandardRules } from '../neutralize/standard-rules.ts'
import type { ReadingStages } from '../pipeline/stages.ts'
import type { BatchNeeds, Store } from '../store/port.ts'
import type { Registry } from '../validate/registry.ts'

export type Parts = {
  /** Of this server alone: for reading, and for the short transactions of decisions. */
  readonly store: Store
  /**
   * Opens the store once more, for what writes batches or moves events: such a writer must not stand beside others of
   * the same opened store. It gives up sooner than a load does where the store is busy. The caller closes it.
   */
  openAgain(): Promise<Store>
  readonly clock: () => InstantUs
  readonly rules: StandardRules
  readonly registry: Registry
  /** Folder of configuration, keys and database. */
  readonly data: string
  /** Folder of the files that loaders keep about themselves. */
  readonly statusFolder: string
  readonly programVersion: string
  /** Settings in force, as `config explain` shows them; secrets are named, not told. */
  readonly settings: readonly ShownSetting[]
  /** Sensors of each group of the configuration. */
  readonly groups: Readonly<Record<string, readonly string[]>>
  privateKeys(): Promise<ReadonlyMap<string, RecipientPrivateKey>>
  /** What reads a dead letter again, as a load would, and the key that signs what comes of it. */
  reading(
    store: Store,
    needs: BatchNeeds,
  ): Promise<{ readonly stages: ReadingStages; readonly signingKey: SigningKey }>
  /** What an evidence package is made with. @param who - the actor as the journal names them, and whether they may */
  evidence(
    store: Store,
    who: Pick<ExportOptions, 'actor' | 'isAllowed' | 'reason'>,
  ): Promise<ExportOptions>
  /**
   * Runs a command of this program in a process of its own, with the data folder and store of this server.
   *
   * @param args - words of the command; the program never passes them through a shell
   * @returns standard output, standard error and the exit status
   */
  run(
    args: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly stdout: Buffer; readonly stderr: string; readonly status: number }>
}

export type ShownSetting = {
  readonly name: string
  readonly value: string
  readonly origin: string
  readonly meaning: string
}
