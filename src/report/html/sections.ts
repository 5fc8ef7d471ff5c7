/** The sections of a report, each of one part of the model. */
import { credentialShown, type SafeText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { html } from '../../output/encode/html.ts'
import { bytes, levelOf, number } from '../../output/html-figures.ts'
import type { SystemEntry } from '../../store/port.ts'
import { changeOf } from '../change.ts'
import { KIND_WORDS } from '../insight-names.ts'
import type { Campaign, Reason, Technique, UnusualSession } from '../insights.ts'
import type { CommandEntry } from '../model.ts'
import { TACTICS } from '../techniques.ts'
import { bar, bars, columns, lineKey, spark } from './charts.ts'
import { KINDS_BY_WEIGHT } from './lead.ts'
import {
  daysOf,
  duration,
  isOneDay,
  longDay,
  newValues,
  plural,
  type ReportPage,
  shortDay,
  spanOfDays,
  weekday,
} from './page-model.ts'
import {
  attack,
  type Column,
  count,
  exact,
  type Html,
  hazard,
  more,
  NEW,
  name,
  nothing,
  section,
  table,
  threat,
} from './parts.ts'

const NONE: Html = html``

/** Figures beside those of the period before, and a chart of when the events were. */
export function figures(page: ReportPage): Html {
  // Days have a course of their own in the table, which then needs the whole width.
  if (!isOneDay(page)) return html`${figureTable(page)}${course(page)}`
  return html`<div class="two">${figureTable(page)}${course(page)}</div>
`
}

const FIGURES = [
  ['events', 'Events'],
  ['sessions', 'Sessions'],
  ['uniqueIps', 'Addresses'],
  ['loginAttempts', 'Log-ins tried'],
  ['loginSuccess', 'Log-ins accepted'],
  ['commands', 'Commands'],
  ['downloads', 'Downloads'],
  ['uploads', 'Uploads'],
  ['uniqueFiles', 'Different files'],
] as const

function figureTable(page: ReportPage): Html {
  const { comparison, sessions } = page
  const now = figuresOf(page)
  const sparks = isOneDay(page) ? undefined : coursesOf(page)
  const before = comparison ?? undefined
  const titles: Column[] = [
    { title: 'Figure' },
    { title: isOneDay(page) ? shortDay(page.from) : 'Now', style: 'num' },
    ...(before === undefined
      ? []
      : [
          { title: isOneDay(page) ? shortDay(before.from) : 'Before', style: 'num' } as const,
          { title: 'Change', style: 'num' } as const,
        ]),
    ...(sparks === undefined ? [] : [{ title: 'Day by day' }]),
  ]
  const rows = FIGURES.map(([key, title]) => [
    html.own(title),
    html`<span class="now">${number(now[key])}</span>`,
    ...(before === undefined
      ? []
      : [
          html`<span class="dim">${number(before.figures[key].before)}</span>`,
          changeCell(before.figures[key]),
        ]),
    ...(sparks === undefined ? [] : [sparks[key] ?? NONE]),
  ])
  const half =
    sessions.medianDurationMs === null
      ? NONE
      : html`; half of them lasted less than ${html.own(duration(sessions.medianDurationMs))}`
  const note =
    sessions.total === 0
      ? NONE
      : html`<p class="more">A session had ${html.own(sessions.avgCommands.toFixed(2))} commands on average (lines typed, and the commands in them that failed), ${number(sessions.maxCommands)} at most${half}.</p>`
  return section(
    html`Figures`,
    html`${table(html`Figures of the period${before === undefined ? NONE : html`, and of the one before`}`, titles, rows, sparks !== undefined)}${note}`,
  )
}

function figuresOf(page: ReportPage): Readonly<Record<(typeof FIGURES)[number][0], number>> {
  const { events, sessions, logins, transfers, comparison } = page
  const kind = (eventid: string): number => events.byEventid[eventid] ?? 0
  return {
    events: events.total,
    sessions: sessions.total,
    uniqueIps: sessions.uniqueIps,
    loginAttempts: logins.attempts,
    loginSuccess: logins.success,
    commands: comparison?.figures.commands.now ?? kind('cowrie.command.input'),
    downloads: transfers.downloads,
    uploads: transfers.uploads,
    uniqueFiles: transfers.uniqueFiles,
  }
}

function coursesOf(page: ReportPage): Readonly<Partial<Record<string, Html>>> {
  const days = daysOf(page)
  const course = (counts: Readonly<Record<string, number>> | undefined, what: string) => {
    if (counts === undefined) return NONE
    const values = days.map((day) => counts[day] ?? 0)
    const [least, most] = [Math.min(...values), Math.max(...values)]
    return spark(
      values,
      `${what} a day: from ${least} to ${most}, most on ${longDay(days[values.indexOf(most)]!)}.`,
    )
  }
  return {
    events: course(page.events.perDay, 'Events'),
    sessions: course(page.sessionsPerDay, 'Sessions'),
  }
}

/** How a figure changed; it stands beside both numbers. */
function changeCell(figure: { readonly now: number; readonly before: number }): Html {
  const change = changeOf(figure)
  switch (change.kind) {
    case 'none':
    case 'same':
      return html`<span class="faint">same</span>`
    case 'fromNone':
      return html`from none`
    case 'fromTo':
      return html`from ${number(figure.before)} to ${number(figure.now)}`
    case 'times':
      return html`${number(change.times)} times`
    case 'percent': {
      const percent = Math.round(change.percent)
      return html`${percent < 0 ? html`−` : percent === 0 ? html`±` : html`+`}${number(Math.abs(percent))}\u202f%`
    }
  }
}

function course(page: ReportPage): Html {
  return isOneDay(page) ? hours(page, false) : days(page)
}

/** Events by hour: of the day, or of all days together. */
function hours(page: ReportPage, isLow: boolean): Html {
  const { perHour, comparison } = page
  if (perHour === undefined || perHour.length === 0) return NONE
  const before = comparison?.perHour
  const most = Math.max(...perHour)
  const busiest = perHour.indexOf(most)
  const what = isOneDay(page) ? `on ${longDay(page.from)}` : `of all days together`
  const chart = columns({
    values: perHour,
    before,
    isLow,
    labels: [0, 4, 8, 12, 16, 20, 24].map((hour) => ({
      text: `${String(hour).padStart(2, '0')}:00`,
      isOptional: hour % 8 === 4,
    })),
    sentence:
      most === 0
        ? `No events in any hour ${what}.`
        : `Events by the hour in which their session began, ${what}, UTC: from ${Math.min(...perHour)} to ${most}, most in the hour from ${String(busiest).padStart(2, '0')}:00.${before === undefined ? '' : ` The dashed line: the period before.`}`,
  })
  return section(
    html`Events an hour`,
    html`${chart}${keyOf(before)}`,
    html`UTC, by the start of the session`,
    true,
  )
}

function days(page: ReportPage): Html {
  const list = daysOf(page)
  const values = list.map((day) => page.events.perDay[day] ?? 0)
  const { comparison } = page
  const before = comparison?.perDay
  const most = Math.max(...values)
  const middle = Math.floor(list.length / 2)
  const chart = columns({
    values,
    before,
    labels: [0, middle, list.length - 1].map((i) => ({
      text: shortDay(list[i]!),
      isOptional: i === middle,
    })),
    sentence:
      most === 0
        ? `No events on any day from ${spanOfDays(page)}.`
        : `Events a day from ${spanOfDays(page)}: from ${Math.min(...values)} to ${most}, most on ${longDay(list[values.indexOf(most)]!)}.${before === undefined ? '' : ` The dashed line: the period before.`}`,
  })
  return section(html`Events a day`, html`${chart}${keyOf(before)}`, html`UTC`, true)
}

function keyOf(before: readonly number[] | undefined): Html {
  return before === undefined ? NONE : lineKey('the period before')
}

const REASON_WORDS: Readonly<Record<Reason, string>> = {
  'rare-commands': 'typed what hardly any other session did',
  'new-file': 'a file that was never met before',
  'new-key': 'an SSH key that was never met before',
  'high-threat': 'its threat score',
  'hazardous-text': 'text that could harm who reads it',
  'by-hand': 'worked by hand',
}

export function sessionsToRead(page: ReportPage, top: number): Html {
  const { unusual } = page
  if (unusual === undefined) return NONE
  const meta = html`each with its reason`
  if (unusual.length === 0)
    return section(
      html`Sessions to read first`,
      nothing(html`No session differs enough from the others to be named.`),
      meta,
    )
  const shown = unusual.slice(0, top)
  return section(
    html`Sessions to read first`,
    html`${table(
      html`Sessions to read first, with the reasons`,
      [
        { title: 'Session, sensor', style: 'w3' },
        { title: 'From', style: 'w4' },
        { title: 'Why' },
        { title: 'Threat', style: 'w1' },
        { title: 'Hazard', style: 'w2' },
      ],
      shown.map((one) => [
        html`${exact(one.session)}<span class="l2">${name(one.sensor)}</span><span class="l2">${html.own(startOf(one, page))}</span>`,
        html`${one.srcIp === null ? html`<span class="faint">unknown</span>` : exact(one.srcIp)}<span class="l2">${one.country === null ? NONE : countryName(one.country)}</span>`,
        why(one),
        threat(one.threatScore),
        hazard(one.hazardScore),
      ]),
      true,
    )}${more(shown.length, unusual.length, plural(unusual.length - shown.length, 'session'), top)}`,
    meta,
  )
}

/** Time of day, and the day where there are several. */
function startOf({ startedAt }: UnusualSession, page: ReportPage): string {
  const time = startedAt.slice(11, 16)
  return isOneDay(page) ? time : `${shortDay(startedAt)} ${time}`
}

function why({ reasons, durationMs, commandCount }: UnusualSession): Html {
  const words = reasons.map(({ reason }) =>
    reason === 'by-hand' && durationMs !== null
      ? `${REASON_WORDS[reason]} for ${duration(durationMs)}`
      : REASON_WORDS[reason],
  )
  const details = reasons.flatMap(({ detail }) => (detail === null ? [] : [detail]))
  const sentence = words.join('; ')
  return html`<p class="why">${html.own(sentence.charAt(0).toUpperCase() + sentence.slice(1))}${commandCount === 0 ? NONE : html` <span class="faint">· ${number(commandCount)} ${html.own(plural(commandCount, 'command'))}</span>`}</p>${html.join(
    [...new Set(details)]
      .slice(0, LIMITS.reportReasonsMax)
      .map((detail) => html`<div>${attack(detail, LIMITS.reportReasonCharsMax)}</div>`),
  )}`
}

/** @param top - each kind shows half as many, at least one */
export function newSince(page: ReportPage, top: number): Html {
  const { novelty } = page
  if (novelty === undefined) return NONE
  const title = html`New since ${number(novelty.days)} days`
  const kinds = KINDS_BY_WEIGHT.filter((kind) => novelty.totals[kind] > 0)
  if (kinds.length === 0)
    return section(
      title,
      nothing(
        page.events.total === 0
          ? html`None in this period.`
          : html`Nothing: all of it was met in the days before.`,
      ),
    )
  const hasDays = !isOneDay(page)
  const each = Math.max(1, Math.ceil(top / 2))
  const rows = kinds.flatMap((kind) => {
    const [one, many] = KIND_WORDS[kind]
    const shown = novelty.lists[kind].slice(0, each)
    const rest = novelty.totals[kind] - shown.length
    return [
      ...shown.map((entry) => [
        html.own(capital(one)),
        kind === 'ip' || kind === 'asn'
          ? exact(entry.value)
          : attack(kind === 'credential' ? credentialShown(entry.value) : entry.value),
        number(entry.sessions),
        number(entry.sensors),
        ...(hasDays ? [html.own(shortDay(entry.firstDay))] : []),
        threat(entry.threatScore),
        hazard(entry.hazardScore),
      ]),
      ...(rest > 0
        ? [
            [
              html`<span class="faint">${html.own(capital(one))}</span>`,
              html`<span class="faint">${number(rest)} more ${html.own(plural(rest, one, many))}</span>`,
              ...Array.from({ length: hasDays ? 5 : 4 }, () => NONE),
            ],
          ]
        : []),
    ]
  })
  return section(
    title,
    table(
      html`What was met in the period and not in the ${number(novelty.days)} days before`,
      [
        { title: 'Kind', style: 'w2' },
        { title: 'Value' },
        { title: 'Sessions', style: 'num w1' },
        { title: 'Sensors', style: 'num w1' },
        ...(hasDays ? [{ title: 'First', style: 'num w1' } as const] : []),
        { title: 'Threat', style: 'w1' },
        { title: 'Hazard', style: 'w2' },
      ],
      rows,
      true,
    ),
  )
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

export function commands(page: ReportPage, top: number): Html {
  return scored(page.top.commands, {
    title: html`Commands`,
    meta: html`as typed`,
    caption: html`Commands as typed, the most common first`,
    first: 'As typed',
    things: 'commands',
    top,
    isNew: newValues(page, 'command'),
  })
}

export function credentials(page: ReportPage, top: number): Html {
  const lists = [
    [page.top.usernames, 'Users', 'Names of users that were tried', 'users'],
    [page.top.passwords, 'Passwords', 'Passwords that were tried', 'passwords'],
  ] as const
  const pairs = page.top.credentials.map((one) => ({ ...one, value: credentialShown(one.value) }))
  return html`${scored(pairs, {
    title: html`Credentials`,
    meta: html`user / password`,
    caption: html`Pairs of user and password that were tried, the most common first`,
    first: 'User / password',
    things: 'credentials',
    top,
  })}<div class="two even">${html.join(
    lists.map(([entries, title, caption, things]) =>
      scored(entries, {
        title: html.own(title),
        caption: html`${html.own(caption)}, the most common first`,
        first: title,
        things,
        top,
      }),
    ),
  )}</div>
`
}

type ScoredList = {
  readonly title: Html
  readonly meta?: Html
  readonly caption: Html
  readonly first: string
  readonly things: string
  readonly top: number
  readonly isNew?: ReadonlySet<SafeText>
  /** How many there are, where that is known. */
  readonly total?: number
}

/** A list of texts of attackers, with scores where rules gave some. */
function scored(entries: readonly CommandEntry[], list: ScoredList): Html {
  const shown = entries.slice(0, list.top)
  if (shown.length === 0) return section(list.title, nothing(html`None in this period.`), list.meta)
  const hasScores = shown.some(({ threatScore }) => threatScore !== undefined)
  const titles: Column[] = [
    { title: list.first },
    { title: 'Events', style: 'num w1' },
    { title: 'Sessions', style: 'num w2' },
    ...(hasScores
      ? ([
          { title: 'Threat', style: 'w1' },
          { title: 'Hazard', style: 'w2' },
        ] as const)
      : []),
  ]
  const rows = shown.map((entry) => [
    html`${attack(entry.value)}${list.isNew?.has(entry.value) === true ? html` ${NEW}` : NONE}`,
    number(entry.count),
    html`<span class="dim">${number(entry.sessions)}</span>`,
    ...(hasScores ? [threat(entry.threatScore), hazard(entry.hazardScore)] : []),
  ])
  return section(
    list.title,
    html`${table(list.caption, titles, rows, hasScores)}${more(shown.length, list.total, list.things, list.top)}`,
    list.meta,
  )
}

export function attackMatrix(page: ReportPage): Html {
  const { attack: techniques } = page
  if (techniques === undefined) return NONE
  const meta = html`events by technique; the edge and the bars show the threat`
  if (techniques.length === 0)
    return section(html`ATT&amp;CK`, nothing(html`No rule saw a technique.`), meta)
  const byTactic = [...Map.groupBy(techniques, ({ tactic }) => tactic)].sort(
    ([a], [b]) => placeOf(a) - placeOf(b),
  )
  const groups = byTactic.map(
    ([tactic, all]) =>
      html`<div><h3>${html.own(tactic)}</h3>${html.join(all.map(techniqueOf))}</div>\n`,
  )
  return section(
    html`ATT&amp;CK`,
    html`<div class="matrix">${html.join(groups)}</div>\n`,
    meta,
    true,
  )
}

/** In the order of the matrix; one of another release follows. */
function placeOf(tactic: string): number {
  const at = (TACTICS as readonly string[]).indexOf(tactic)
  return at < 0 ? TACTICS.length : at
}

/** Of what is part of another technique the name of the part: the number says the rest. */
function techniqueOf({ id, name, events, threatScore }: Technique): Html {
  return html`<div class="tq lv${levelOf(threatScore)}"><div><code>${html.own(id)}</code>${threat(threatScore)}</div><div>${html.own(name.replace(/^.*: /, ''))}<b>${number(events)}</b></div></div>`
}

export function files(page: ReportPage, top: number): Html {
  const { downloads, uploads, failedDownloads, uniqueFiles } = page.transfers
  const meta = html`${number(downloads)} fetched, ${number(uploads)} left, ${number(failedDownloads)} failed; ${number(uniqueFiles)} different`
  const shown = page.top.files.slice(0, top)
  const isNew = newValues(page, 'file')
  const hasSizes = shown.some(({ size }) => size !== undefined)
  const list =
    shown.length === 0
      ? nothing(html`No file was fetched or left.`)
      : html`${table(
          html`Files by their SHA-256, the most common first`,
          [
            { title: 'SHA-256' },
            ...(hasSizes ? [{ title: 'Size', style: 'num w2' } as const] : []),
            { title: 'Events', style: 'num w2' },
            { title: 'Sessions', style: 'num w2' },
          ],
          shown.map(({ value, count: events, sessions, size }) => [
            html`<span class="mono hash">${name(value)}</span>${isNew.has(value) ? html` ${NEW}` : NONE}`,
            ...(hasSizes
              ? [size === undefined ? html`<span class="faint">–</span>` : bytes(size)]
              : []),
            number(events),
            html`<span class="dim">${number(sessions)}</span>`,
          ]),
        )}${more(shown.length, uniqueFiles, 'files', top)}`
  const urls = scored(page.top.urls, {
    title: html`Addresses of files`,
    meta: html`URLs, cannot be clicked`,
    caption: html`URLs that files were fetched from, the most common first`,
    first: 'URL',
    things: 'URLs',
    top,
  })
  return html`${section(html`Files`, list, meta)}${page.top.urls.length === 0 ? NONE : urls}`
}

const SHARED: Readonly<Record<Campaign['shares'], string>> = {
  commands: 'Commands',
  sshKey: 'SSH key',
  file: 'File',
  hassh: 'HASSH',
}

export function campaigns(page: ReportPage, top: number): Html {
  const { campaigns: all } = page
  if (all === undefined) return NONE
  const meta = html`many addresses that share something`
  if (all.length === 0)
    return section(html`Campaigns`, nothing(html`No addresses share anything telling.`), meta)
  const shown = all.slice(0, top)
  const hasDays = !isOneDay(page)
  return section(
    html`Campaigns`,
    html`${table(
      html`Campaigns and what their addresses share`,
      [
        { title: 'Campaign', style: 'w2' },
        { title: 'What they share' },
        { title: 'Addresses', style: 'num w2' },
        { title: 'Sessions', style: 'num w2' },
        ...(hasDays ? [{ title: 'Days', style: 'w3' } as const] : []),
        { title: 'Threat', style: 'w1' },
        { title: 'Hazard', style: 'w2' },
      ],
      shown.map((one) => [
        html`<span class="mono">${html.own(one.id)}</span>`,
        html`<span class="l2">${html.own(SHARED[one.shares])}</span>${attack(one.value)}`,
        number(one.addresses),
        html`${number(one.sessions)}<span class="l2">${number(one.sensors)} ${html.own(plural(one.sensors, 'sensor'))}</span>`,
        ...(hasDays ? [spanOf(one, page)] : []),
        threat(one.threatScore),
        hazard(one.hazardScore),
      ]),
      true,
    )}${more(shown.length, all.length, plural(all.length - shown.length, 'campaign'), top)}`,
    meta,
  )
}

/** When a campaign was met, and where that lies in the period. */
function spanOf({ firstDay, lastDay }: Campaign, page: ReportPage): Html {
  const words =
    firstDay === lastDay ? shortDay(firstDay) : `${shortDay(firstDay)} to ${shortDay(lastDay)}`
  const from = Date.parse(page.from)
  const all = Date.parse(page.until) - from
  const share = (day: string, more = 0): number =>
    Math.min(1, Math.max(0, (Date.parse(day) - from + more) / all))
  return html`${html.own(words)}${bar(share(firstDay), share(lastDay, 86_400_000))}`
}

/** Countries and networks, addresses, and what clients say of themselves. */
export function origins(page: ReportPage, top: number): Html {
  const { countries, asns, ips, clientVersions, hassh } = page.top
  const places =
    countries.length === 0 && asns.length === 0
      ? NONE
      : html`<div class="two even">${barList(html`Countries`, countries, countryName, top)}${barList(html`Networks`, asns, networkName, top)}</div>
`
  const isNewAddress = newValues(page, 'ip')
  const isNewHassh = newValues(page, 'hassh')
  return html`${places}<div class="two even">${barList(html`Addresses`, ips, (value) => html`${exact(value)}${isNewAddress.has(value) ? html` ${NEW}` : NONE}`, top, page.sessions.uniqueIps)}${barList(html`Clients`, clientVersions, (value) => attack(value), top)}</div>
${hassh.length === 0 ? NONE : barList(html`HASSH`, hassh, (value) => html`${exact(value)}${isNewHassh.has(value) ? html` ${NEW}` : NONE}`, top)}`
}

function barList<T extends CommandEntry>(
  title: Html,
  entries: readonly T[],
  nameOf: (value: SafeText, entry: T) => Html,
  top: number,
  total?: number,
): Html {
  const shown = entries.slice(0, top)
  if (shown.length === 0) return section(title, nothing(html`None in this period.`))
  return section(
    title,
    html`${bars(
      shown.map((entry) => ({
        name: nameOf(entry.value, entry),
        value: entry.sessions,
        words: number(entry.sessions),
      })),
    )}${more(shown.length, total, 'of them', top)}`,
    html`by sessions`,
    true,
  )
}

function networkName(value: SafeText, { organisation }: SystemEntry): Html {
  return organisation === null
    ? name(value)
    : html`${name(organisation)} <span class="faint mono">${name(value)}</span>`
}

/** @param code - two letters where a database is honest */
function countryName(code: SafeText): Html {
  if (!/^[A-Z]{2}$/.test(code)) return name(code)
  const words = COUNTRIES.of(code)
  return words === undefined || words === code
    ? name(code)
    : html`<span class="faint mono">${code}</span> ${html.own(words)}`
}

const COUNTRIES = new Intl.DisplayNames('en', { type: 'region' })

/** When it was: the days of a longer period, hours of all days together, and kinds of events. */
export function timeline(page: ReportPage): Html {
  const { events, sessionsPerDay } = page
  const kinds = Object.entries(events.byEventid).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  const half = Math.ceil(kinds.length / 2)
  const most = Math.max(1, ...Object.values(events.byEventid))
  const column = (some: typeof kinds): Html =>
    bars(
      some.map(([eventid, value]) => ({
        name: exact(eventid.replace(/^cowrie\./, '')),
        value,
        words: number(value),
      })),
      most,
    )
  const list = section(
    html`Kinds of events`,
    kinds.length === 0
      ? nothing(html`None in this period.`)
      : html`<div class="two even">${column(kinds.slice(0, half))}${column(kinds.slice(half))}</div>\n`,
    html`as Cowrie names them, without “cowrie.”`,
  )
  if (isOneDay(page)) return list
  const busiest = Math.max(1, ...Object.values(events.perDay))
  const all = daysOf(page)
  if (all.length > LIMITS.reportDayRowsMax) return html`${hours(page, true)}${list}`
  const rows = all.map((day) => [
    html`${html.own(shortDay(day))} <span class="faint">${html.own(weekday(day).slice(0, 3))}</span>`,
    count(events.perDay[day] ?? 0),
    ...(sessionsPerDay === undefined ? [] : [count(sessionsPerDay[day] ?? 0)]),
    bar(0, (events.perDay[day] ?? 0) / busiest),
  ])
  const titles: Column[] = [
    { title: 'Day', style: 'w3' },
    { title: 'Events', style: 'num w2' },
    ...(sessionsPerDay === undefined ? [] : [{ title: 'Sessions', style: 'num w2' } as const]),
    { title: 'Share' },
  ]
  const byDay = section(
    html`Timeline`,
    table(html`Events and sessions by day, beside the busiest day`, titles, rows),
    html`UTC`,
  )
  return html`${byDay}${hours(page, true)}${list}`
}

const FATES = ['stored', 'duplicate', 'held', 'dead', 'blank', 'expired'] as const

/** Whether the figures are whole: the fates of all lines, each sensor, and what changed its shape. */
export function completeness(page: ReportPage): Html {
  const { completeness: c, quality, redactions } = page
  const parts: Html[] = []
  if (quality !== undefined) {
    const { fates } = quality
    const sum = FATES.reduce((total, fate) => total + fates[fate], 0)
    const terms = FATES.filter((fate) => fates[fate] > 0 || fate === 'stored').map(
      (fate) => html`${number(fates[fate])} ${html.own(fate)}`,
    )
    parts.push(
      html`<p class="fates">${sum === fates.lines ? html`✓` : html`<span class="tag failed">does not add up</span>`} ${number(fates.lines)} lines read = ${html.join(terms, ' + ')}. <span class="faint">All sources, since the store was made.</span></p>\n`,
    )
  }
  const facts = [
    html`${number(c.sources)} ${html.own(plural(c.sources, 'source'))}`,
    html`${count(c.deadLetters)} dead ${html.own(plural(c.deadLetters, 'letter'))}`,
    html`${count(c.heldEvents)} ${html.own(plural(c.heldEvents, 'event'))} held`,
    c.pendingBytes === 0 ? html`nothing pending` : html`${bytes(c.pendingBytes)} pending`,
    html`${count(c.sessionsWithoutStart)} ${html.own(plural(c.sessionsWithoutStart, 'session'))} without their start`,
    html`${count(c.sessionsWithoutEnd)} without their end`,
    ...(quality === undefined
      ? []
      : [
          html`${count(quality.tornSources)} torn ${html.own(plural(quality.tornSources, 'source'))}`,
        ]),
  ]
  parts.push(html`<p>${html.join(facts, ' · ')}</p>\n`)
  if (c.silentSensors.length > 0)
    parts.push(
      html`<p class="more"><span class="tag failed">silent</span> ${html.join(
        c.silentSensors.map(name),
        ', ',
      )}: events in the week before, none in this period.</p>\n`,
    )
  if (quality !== undefined && quality.sensors.length > 0) parts.push(sensors(quality.sensors))
  if (quality !== undefined && quality.drift.length > 0) {
    parts.push(html`<h3>Events of an unknown shape</h3>
${table(
  html`Events and fields that no schema knows`,
  [{ title: 'What' }, { title: 'Event' }, { title: 'Field' }, { title: 'Events', style: 'num' }],
  quality.drift.map(({ what, eventid, field, count: events }) => [
    html.own(what),
    attack(eventid),
    field === '' ? NONE : attack(field),
    number(events),
  ]),
)}<p class="more">Their lines are stored and counted.</p>
`)
  }
  for (const bound of page.bounds ?? []) parts.push(html`<p class="more">${html.own(bound)}</p>\n`)
  if (redactions !== undefined)
    parts.push(
      html`<p class="more">Personal data taken out: ${html.join(
        redactions.map(({ value, count: events }) => html`${value} in ${number(events)} events`),
        ', ',
      )}.</p>\n`,
    )
  return section(html`Completeness`, html.join(parts))
}

function sensors(all: NonNullable<ReportPage['quality']>['sensors']): Html {
  const most = Math.max(1, ...all.map(({ events }) => events))
  return table(
    html`Sensors, their events beside those of the largest, and what is missing of them`,
    [
      { title: 'Sensor', style: 'w4' },
      { title: 'Events', style: 'num w2' },
      { title: 'Share' },
      { title: 'Held', style: 'num w1' },
      { title: 'No start', style: 'num w2' },
      { title: 'No end', style: 'num w2' },
    ],
    all.map((one) => [
      html`${name(one.sensor)}${one.isSilent ? html` <span class="tag failed">silent</span>` : NONE}`,
      count(one.events),
      bar(0, one.events / most),
      one.heldEvents === 0
        ? count(0)
        : html`<span class="tag held">${number(one.heldEvents)}</span>`,
      count(one.sessionsWithoutStart),
      count(one.sessionsWithoutEnd),
    ]),
    true,
  )
}
