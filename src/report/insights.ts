/** What a report says beyond its figures: what changed, what is new, what belongs together, what to read first. */
import type { SafeText } from '../core/text.ts'

/** Kinds of things that can be new. */
export const NOVEL_KINDS = [
  'command',
  'credential',
  'file',
  'sshKey',
  'hassh',
  'ip',
  'asn',
] as const
export type NovelKind = (typeof NOVEL_KINDS)[number]

/** Something met in the period and not in the days before it. */
export type Novel = {
  readonly value: SafeText
  /** Day of the period on which it was met first, `YYYY-MM-DD`. */
  readonly firstDay: string
  readonly events: number
  readonly sessions: number
  readonly sensors: number
  /** 0 to 100; of commands and keys alone. */
  readonly threatScore: number | null
  readonly hazardScore: number | null
}

export type Novelty = {
  /** Not met in so many days before the period. */
  readonly days: number
  /**
   * How many are new, of each kind; the lists hold those of most sessions.
   *
   * Sensors of a network are at least as many; sessions of a key are those that began in the period.
   */
  readonly totals: Readonly<Record<NovelKind, number>>
  readonly lists: Readonly<Record<NovelKind, readonly Novel[]>>
}

/** Why a session is worth reading. */
export const REASONS = [
  'rare-commands', // it typed what hardly any other session did
  'new-file', // it left or fetched a file that was never met before
  'new-key', // it left an SSH key that was never met before
  'high-threat', // its threat score
  'hazardous-text', // its text could harm who reads it
  'by-hand', // it went on for long, with pauses such as people make
] as const
export type Reason = (typeof REASONS)[number]

export type UnusualSession = {
  readonly sensor: SafeText
  readonly session: SafeText
  readonly srcIp: SafeText | null
  readonly country: SafeText | null
  readonly startedAt: string
  readonly durationMs: number | null
  readonly commandCount: number
  readonly threatScore: number
  readonly hazardScore: number
  /** The weightiest first; `detail` is the command, file or key it is about. */
  readonly reasons: readonly { readonly reason: Reason; readonly detail: SafeText | null }[]
}

export const CAMPAIGN_TRAITS = ['commands', 'sshKey', 'file', 'hassh'] as const

/** Sessions from many addresses that share something. */
export type Campaign = {
  /** Made from what they share: the same in every report. 8 hexadecimal digits. */
  readonly id: string
  readonly shares: (typeof CAMPAIGN_TRAITS)[number]
  /** What they share; of commands the first of them, joined by `; `. */
  readonly value: SafeText
  readonly addresses: number
  readonly sessions: number
  readonly sensors: number
  readonly firstDay: string
  readonly lastDay: string
  /** The highest of its sessions, 0 to 100. */
  readonly threatScore: number
  readonly hazardScore: number
}

/** A technique of ATT&CK (https://attack.mitre.org/) that rules saw. */
export type Technique = {
  /** `T1059.004` */
  readonly id: string
  readonly name: string
  /** Of its first tactic in the order of the matrix. */
  readonly tactic: string
  readonly events: number
  /** The highest of the rules that saw it. */
  readonly threatScore: number
}

/** The same figures of the period before. */
export type Comparison = {
  readonly from: string
  readonly until: string
  /** By the name of the figure, as the report's own. */
  readonly figures: Readonly<
    Record<
      | 'events'
      | 'sessions'
      | 'uniqueIps'
      | 'loginAttempts'
      | 'loginSuccess'
      | 'commands'
      | 'downloads'
      | 'uploads'
      | 'uniqueFiles',
      { readonly now: number; readonly before: number }
    >
  >
  /** Events of each of its days, in their order. */
  readonly perDay: readonly number[]
  /** As `perHour` of the insights, of a day before alone. */
  readonly perHour?: readonly number[]
}

/** Events of one sensor by what became of their lines, for the page on completeness. */
export type SensorQuality = {
  readonly sensor: SafeText
  readonly events: number
  readonly heldEvents: number
  readonly sessionsWithoutStart: number
  readonly sessionsWithoutEnd: number
  readonly isSilent: boolean
}

export type Quality = {
  readonly sensors: readonly SensorQuality[]
  /** Of all sources, since the store was made: their sum is `lines`. */
  readonly fates: {
    readonly lines: number
    readonly stored: number
    readonly duplicate: number
    readonly held: number
    readonly dead: number
    readonly blank: number
    readonly expired: number
  }
  readonly drift: readonly {
    readonly what: string
    readonly eventid: SafeText
    readonly field: SafeText
    readonly count: number
  }[]
  readonly tornSources: number
  /** Rule set that scores what is shown. */
  readonly ruleSet: string
  readonly checkpoint: {
    readonly seq: number
    readonly madeAt: string
    readonly upToBatch: number
  } | null
}

/** All of it; parts of the report document under these names. */
export type Insights = {
  readonly comparison: Comparison | null
  readonly novelty: Novelty
  readonly unusual: readonly UnusualSession[]
  readonly campaigns: readonly Campaign[]
  readonly attack: readonly Technique[]
  /**
   * Events by hour: of each hour of a day, or for longer periods of each hour of the day summed. UTC. An event counts in
   * the hour in which its session began.
   */
  readonly perHour: readonly number[]
  readonly sessionsPerDay: Readonly<Record<string, number>>
  readonly quality: Quality
  /** Where not everything was looked at, in sentences of ours. */
  readonly bounds: readonly string[]
}
