/** What reports ask of those who read texts: rules and keys. The wiring brings it. */
import type { SafeText } from '../core/text.ts'
import type { InsightQueries } from '../store/port.ts'

export type RuleFacts = {
  /** ATT&CK ids. */
  readonly techniques: readonly string[]
  /** 0 to 100. */
  readonly score: number
}

export type TextReader = {
  /** Scores of a command by the present rules, 0 to 100 each. @param command - visible form */
  score(command: SafeText): { readonly threat: number; readonly hazard: number }
  /** Public SSH keys in a command, as OpenSSH names them. */
  sshKeys(command: SafeText): readonly SafeText[]
  /** A rule of the present rule set; undefined where it has none of that id. */
  rule(id: string): RuleFacts | undefined
  /** Name of the present rule set. */
  readonly ruleSet: string
}

/** What insights ask of the store. */
export type InsightSource = Pick<InsightQueries, keyof InsightQueries>
