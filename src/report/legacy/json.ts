/** Reports in the JSON of the predecessors: their field names, figures by their definitions (docs/legacy-formats.md). */
import { ownText } from '../../core/event.ts'
import {
  dayNumber,
  formatDay,
  formatInstant,
  type InstantUs,
  US_PER_DAY,
} from '../../core/instant.ts'
import { joinText, type SafeText } from '../../core/text.ts'
import type { LegacyCount, LegacyFigures } from '../../store/port.ts'
import type { Period } from '../model.ts'
import { CommandCounts, mean, Tally, twoDecimals } from './counts.ts'
import type { LegacySession } from './session.ts'

/** What stands for the sensor in a document of all of them. */
const AGGREGATE = ownText('aggregate')

export type UpstreamParts = {
  readonly figures: LegacyFigures
  readonly uniqueIps: number
  /** Of daily reports alone. */
  readonly lists:
    | { readonly commands: readonly LegacyCount[]; readonly urls: readonly LegacyCount[] }
    | undefined
}

/** A report of the newer predecessor: one sensor, or all of them, which it could not give. */
export function upstreamReport(
  period: Period,
  sensor: SafeText | undefined,
  { figures, uniqueIps, lists }: UpstreamParts,
  nowUs: InstantUs,
) {
  const now = formatInstant(nowUs)
  return {
    '@timestamp': now,
    generated_at: now,
    report_type: period.kind,
    date: upstreamDate(period),
    ...spanOf(period),
    sensor: sensor ?? AGGREGATE,
    sessions: upstreamSessions(figures, uniqueIps),
    ...(lists === undefined
      ? {}
      : {
          commands: {
            top: lists.commands.map(({ value, count }) => ({ command: value, occurrences: count })),
          },
          files: {
            top: lists.urls.map(({ value, count }) => ({ url: value, occurrences: count })),
          },
          enrichments: { flagged: [] },
        }),
  }
}

function upstreamSessions(figures: LegacyFigures, uniqueIps: number) {
  return {
    total: figures.sessions,
    avg_commands: mean(figures.commands, figures.sessions),
    max_commands: figures.maxCommands,
    min_commands: figures.minCommands,
    file_downloads: figures.transfers,
    login_attempts: figures.loginAttempts,
    // Nothing here asks other services.
    vt_flagged: 0,
    dshield_flagged: 0,
    unique_ips: uniqueIps,
  }
}

/** Sums up evaluated sessions for the daily document of the older predecessor. */
export class LegacyDay {
  readonly #usernames = new Tally()
  readonly #passwords = new Tally()
  readonly #combinations = new Tally()
  readonly #commands = new Tally()
  readonly #hashes = new Tally()
  readonly #addresses = new Set<SafeText>()
  readonly #protocols = new Map<SafeText, number>()
  readonly #counts = new CommandCounts()
  readonly #commandCounts: number[] = []
  #durationUs = 0
  #downloads = 0
  #uploads = 0

  add(one: LegacySession): void {
    this.#usernames.add(one.username)
    this.#passwords.add(one.password)
    this.#combinations.add(joinText([one.username, one.password], ':'))
    this.#addresses.add(one.srcIp)
    if (one.protocol !== null)
      this.#protocols.set(one.protocol, (this.#protocols.get(one.protocol) ?? 0) + 1)
    this.#counts.add(one.commandCount)
    this.#commandCounts.push(one.commandCount)
    // Whole numbers, whose sum is exact in any order.
    this.#durationUs += Math.round((one.durationMs ?? 0) * 1_000)
    for (const command of one.commands) this.#commands.add(command)
    const files = new Map(
      [...one.downloads, ...one.uploads].map((each) => [
        `${each.shasum} ${each.file}`,
        each.shasum,
      ]),
    )
    for (const shasum of files.values()) if (shasum !== '') this.#hashes.add(shasum)
    this.#downloads += one.downloads.length
    this.#uploads += one.uploads.length
  }

  /**
   * @param all - every session of the day, which the older predecessor did not look at
   * @param usualIps - addresses of a day, the mean of those of the seven days before that had any; 0 of none
   */
  document(
    period: Period,
    all: { readonly figures: LegacyFigures; readonly uniqueIps: number },
    usualIps: number,
    limit: number,
    nowUs: InstantUs,
  ) {
    const now = formatInstant(nowUs)
    const sessions = this.#commandCounts.length
    const commands = this.#commandCounts.reduce((sum, one) => sum + one, 0)
    const uncommon = this.#counts.uncommon
    return {
      '@timestamp': now,
      date_utc: period.name,
      ...spanOf(period),
      sensor: AGGREGATE,
      generated_at: now,
      report_type: period.kind,
      sessions: {
        total: sessions,
        unique_ips: this.#addresses.size,
        unique_usernames: this.#usernames.size,
        unique_passwords: this.#passwords.size,
        avg_commands: mean(commands, sessions),
        max_commands: this.#commandCounts.reduce((most, one) => Math.max(most, one), 0),
        min_commands: sessions === 0 ? 0 : this.#counts.entries()[0]![0],
        avg_duration: mean(this.#durationUs / 1_000_000, sessions),
        protocols: Object.fromEntries([...this.#protocols].sort()),
        top_usernames: filled(this.#usernames.top(limit)),
        top_passwords: filled(this.#passwords.top(limit)),
        top_combinations: this.#combinations.top(limit),
      },
      commands: {
        total: this.#commands.total,
        unique: this.#commands.size,
        top_commands: filled(this.#commands.top(limit)),
      },
      files: {
        downloads_total: this.#downloads,
        uploads_total: this.#uploads,
        unique_hashes: this.#hashes.size,
        unique_vt_classifications: 0,
        vt_classifications_top: [],
        recent_vt_submissions: 0,
        top_hashes: this.#hashes
          .top(limit)
          .map(({ value, count }) => ({ value: `${value.slice(0, 16)}...`, count })),
      },
      enrichments: {
        urlhaus_tags_top: [],
        asn_top: [],
        country_top: [],
        spur_infrastructure_top: [],
        spur_tunnels: { total: 0, anonymous: 0 },
      },
      abnormalities: {
        uncommon_command_sessions: this.#commandCounts.filter((one) => uncommon.has(one)).length,
        recent_vt_submission_sessions: 0,
      },
      alerts: alertsOf(this.#addresses.size, usualIps),
      all_sessions: upstreamSessions(all.figures, all.uniqueIps),
    }
  }
}

/** An empty text took its place in a list, and was then left out. */
function filled<T extends { readonly value: SafeText }>(list: readonly T[]): T[] {
  return list.filter(({ value }) => value !== '')
}

/** The one alert that needs no other service: more than half as many addresses again as usual. */
function alertsOf(current: number, usual: number) {
  if (usual === 0 || current <= usual * 1.5) return []
  const percent = Math.trunc((current / usual - 1) * 100)
  return [
    {
      type: 'ip_spike',
      severity: 'medium',
      message: `Unique IPs increased by ${percent}% from 7-day average`,
      current,
      average: twoDecimals(usual),
    },
  ]
}

/** Added to what the predecessors wrote, so that no reader has to guess what a date means. */
function spanOf(period: Period) {
  return {
    period: period.name,
    from: formatInstant(period.fromDay * US_PER_DAY),
    until: formatInstant(period.untilDay * US_PER_DAY),
  }
}

/**
 * How the newer predecessor names a period. Its weeks start on Mondays as those of ISO 8601 do, but the first Monday of the
 * year begins week 1 (`%W`), and days before it are week 0.
 */
function upstreamDate({ kind, name, fromDay }: Period): string {
  if (kind !== 'weekly') return name
  const year = Number(formatDay(fromDay).slice(0, 4))
  const newYear = dayNumber(year, 1, 1)!
  // Day 0 of the count is a Thursday.
  const firstMonday = newYear + ((11 - (((newYear % 7) + 7) % 7)) % 7)
  const week = Math.floor((fromDay - firstMonday) / 7) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}
