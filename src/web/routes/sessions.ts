/** The list of sessions: every filter, order and place in it stands in its address. */
import { formatInstant, type InstantUs } from '../../core/instant.ts'
import { credentialShown, type SafeText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { sensorNames } from '../../store/repo/sensors.ts'
import type { SessionSort } from '../../store/repo/session-search.ts'
import {
  attackHtml,
  emptyState,
  hazardScale,
  head,
  html,
  htmlAttribute,
  htmlHref,
  icon,
  number,
  threatScale,
} from '../components.ts'
import { RANGE_WORDS, RANGES } from '../data/range.ts'
import {
  FILTERS,
  type FilterName,
  queryOf,
  SESSION_FIELDS,
  type SessionQuery,
} from '../data/session-query.ts'
import { type ListedSession, listJson, listSessions, type SessionList } from '../data/sessions.ts'
import type { Html, Route } from '../route.ts'

export const sessionsRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/sessions',
    right: 'view',
    summary: 'Sessions, found by anything that they hold',
    query: SESSION_FIELDS,
    async answers({ query }, parts) {
      const asked = queryOf(query)
      const list = await listSessions(parts, asked)
      const sensors = await sensorNames(parts.store.query)
      return {
        kind: 'page',
        title: 'Sessions',
        body: sessionsPage(asked, list, sensors),
        scripts: ['copy'],
      }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/sessions',
    right: 'view',
    summary: 'Sessions, found by anything that they hold, a page at a time',
    query: SESSION_FIELDS,
    async answers({ query }, parts) {
      return { kind: 'json', value: listJson(await listSessions(parts, queryOf(query))) }
    },
  },
]

/** Words of filters for people; those of a form have the same. */
const WORDS: Readonly<Record<FilterName, string>> = {
  range: 'range',
  from: 'from',
  until: 'until',
  text: 'command has',
  sensor: 'sensor',
  session: 'session',
  address: 'address',
  country: 'country',
  asn: 'network',
  protocol: 'protocol',
  username: 'user name',
  password: 'password',
  credential: 'credential',
  command: 'command contains',
  file: 'file',
  url: 'URL',
  hassh: 'HASSH',
  client: 'client',
  event: 'event',
  technique: 'technique',
  rule: 'rule',
  threat: 'threat at least',
  hazard: 'hazard at least',
  minCommands: 'commands at least',
  minEvents: 'events at least',
  minSeconds: 'seconds at least',
  maxSeconds: 'seconds at most',
  withLogin: 'with',
  withCommands: 'with',
  withFiles: 'with',
}

const CHECKS = {
  withLogin: 'accepted log-in',
  withCommands: 'commands',
  withFiles: 'files',
} as const

const FIELDS_OF_TEXT = [
  'session',
  'address',
  'country',
  'asn',
  'username',
  'password',
  'credential',
  'command',
  'file',
  'url',
  'hassh',
  'client',
  'event',
  'technique',
  'rule',
] as const satisfies readonly FilterName[]

const FIELDS_OF_NUMBERS = [
  'threat',
  'hazard',
  'minCommands',
  'minEvents',
  'minSeconds',
  'maxSeconds',
] as const satisfies readonly FilterName[]

const FILTER_NAMES = Object.keys(FILTERS) as FilterName[] // its own keys

/** An address of the list, with some parameters changed; it starts again at the top. */
export function sessionsHref(
  query: SessionQuery,
  change: { readonly [K in keyof SessionQuery]?: string | undefined } = {},
): Html {
  const { cursor: _, ...rest } = query
  return htmlHref(['sessions'], { ...rest, ...change })
}

function sessionsPage(query: SessionQuery, list: SessionList, sensors: readonly SafeText[]): Html {
  return html`${head(
    html`Sessions`,
    html`${found(list)} ${orderWords(list)} Times are UTC. The address of this page holds the filters.`,
    html`<div class="tools row"><a class="btn" href="${htmlHref(['api', 'v1', 'sessions'], query)}">${icon('get')}JSON</a><button class="btn" type="button" data-copy="address" hidden>${icon('copy')}<span>Copy link</span></button></div>`,
  )}
${filters(query, sensors)}
${list.sessions.length === 0 && list.stopped === undefined ? nothing(query) : table(query, list)}`
}

function found({ total }: SessionList): Html {
  const unit = total.count === 1 ? html`session` : html`sessions`
  if (total.isExact) return html`${number(total.count)} ${unit}.`
  return total.count >= LIMITS.searchCountMax
    ? html`More than ${number(LIMITS.searchCountMax)} sessions.`
    : html`At least ${number(total.count)} ${unit}: not all were looked at.`
}

const SORT_WORDS: Readonly<Record<SessionSort, readonly [string, string]>> = {
  start: ['Newest first.', 'Oldest first.'],
  threat: ['Highest threat first.', 'Lowest threat first.'],
  hazard: ['Highest hazard first.', 'Lowest hazard first.'],
  commands: ['Most commands first.', 'Fewest commands first.'],
  duration: ['Longest first.', 'Shortest first.'],
  events: ['Most events first.', 'Fewest events first.'],
}

function orderWords({ search: { sort, order } }: SessionList): Html {
  return html.own(SORT_WORDS[sort][order === 'desc' ? 0 : 1])
}

function filters(query: SessionQuery, sensors: readonly SafeText[]): Html {
  const active = FILTER_NAMES.filter(
    (name) => query[name] !== undefined && query[name] !== 'custom',
  )
  return html`<form class="card" method="get" action="/sessions" aria-label="Filters"><div class="pad stack">
<div class="row tools"><label class="field grow">${icon('search')}<span class="sr">Words of a command</span><input type="search" name="text" value="${htmlAttribute(query.text ?? '')}" placeholder="Words of a command" maxlength="500"></label>
<label class="field"><span class="faint">Sensor</span><select name="sensor">${options(query.sensor, [['', 'all'], ...sensors.map((name) => [name, name] as const)])}</select></label>
<label class="field"><span class="faint">Range</span><select name="range">${options(query.range, [['', 'all'], ...RANGES.map((name) => [name, RANGE_WORDS[name]] as const), ['custom', 'from, until']])}</select></label>
<button class="btn primary" type="submit">Show</button></div>
${active.length === 0 ? html`` : html`<ul class="row chips" aria-label="Active filters">${html.join(active.map((name) => chip(query, name)))}<li><a class="small" href="/sessions">Remove all</a></li></ul>`}
<details class="filters"><summary>${icon('settings')} More filters</summary><div class="fields">
${html.join([
  textField(query, 'from', 'from 2026-11-22'),
  textField(query, 'until', 'until 2026-11-23'),
  html`<label class="fieldrow"><span>protocol</span><select class="text" name="protocol">${options(
    query.protocol,
    [
      ['', 'any'],
      ['ssh', 'ssh'],
      ['telnet', 'telnet'],
    ],
  )}</select></label>`,
  ...FIELDS_OF_TEXT.map((name) => textField(query, name)),
  ...FIELDS_OF_NUMBERS.map((name) => textField(query, name)),
  html`<fieldset class="row"><legend class="label">with</legend>${html.join(
    (Object.keys(CHECKS) as (keyof typeof CHECKS)[]).map(
      (name) =>
        html`<label class="row"><input type="checkbox" name="${html.own(name)}" value="1"${query[name] === undefined ? html`` : html` checked`}> ${html.own(CHECKS[name])}</label>`,
    ),
  )}</fieldset>`,
])}</div></details>
${query.sort === undefined ? html`` : html`<input type="hidden" name="sort" value="${htmlAttribute(query.sort)}">`}${query.order === undefined ? html`` : html`<input type="hidden" name="order" value="${htmlAttribute(query.order)}">`}
</div></form>`
}

function options(
  chosen: string | undefined,
  choices: readonly (readonly [value: string, words: string])[],
): Html {
  return html.join(
    choices.map(
      ([value, words]) =>
        html`<option value="${htmlAttribute(value)}"${value === (chosen ?? '') ? html` selected` : html``}>${html.own(words)}</option>`,
    ),
  )
}

function textField(query: SessionQuery, name: FilterName, placeholder = ''): Html {
  return html`<label class="fieldrow"><span>${html.own(WORDS[name])}</span><input class="text" name="${html.own(name)}" value="${htmlAttribute(query[name] ?? '')}" placeholder="${htmlAttribute(placeholder)}" maxlength="${FILTERS[name].charsMax}" title="${htmlAttribute(FILTERS[name].meaning)}" autocomplete="off" spellcheck="false"></label>`
}

function chip(query: SessionQuery, name: FilterName): Html {
  const value = name in CHECKS ? CHECKS[name as keyof typeof CHECKS] : (query[name] ?? '')
  const shown = value.length > 60 ? `${value.slice(0, 58)}…` : value
  return html`<li class="chip on">${html.own(WORDS[name])} <b>${html.data(shown)}</b><a href="${sessionsHref(query, { [name]: undefined })}" aria-label="Remove filter ${html.own(WORDS[name])}">${icon('cross')}</a></li>`
}

function nothing(query: SessionQuery): Html {
  const isFiltered = FILTER_NAMES.some((name) => query[name] !== undefined)
  return html`<section class="card" aria-label="Matching sessions"><h2 class="sr">Matching sessions</h2>${
    isFiltered
      ? emptyState(
          html`No session matches`,
          html`Texts are compared exactly, but for parts of commands. <a href="/sessions">Remove all filters</a>.`,
        )
      : emptyState(
          html`No session yet`,
          html`Load logs with <code>nacre ingest bulk PATH</code>, or follow them with <code>nacre ingest delta PATH</code>.`,
        )
  }</section>`
}

function table(query: SessionQuery, list: SessionList): Html {
  const column = (sort: SessionSort, words: string, classes: string): Html => {
    const { sort: current, order } = list.search
    const isCurrent = current === sort
    const to = isCurrent && order === 'desc' ? 'asc' : undefined
    const href = sessionsHref(query, { sort: sort === 'start' ? undefined : sort, order: to })
    return html`<th class="${html.own(classes)}"${isCurrent ? html` aria-sort="${html.own(order === 'desc' ? 'descending' : 'ascending')}"` : html``}><a href="${href}">${html.own(words)}${isCurrent ? html` <svg class="i i-s${order === 'asc' ? html` flip` : html``}" aria-hidden="true"><use href="#i-down"/></svg>` : html``}</a></th>`
  }
  return html`<section class="card" aria-label="Matching sessions"><div class="scroll"><table class="rows cards fix two"><thead><tr>${column('start', 'Start', 'cw-t')}<th class="cw-s">Session, sensor</th><th class="cw-f">From</th><th class="cw-l">Credentials</th><th>Most telling command, techniques</th>${column('events', 'Events', 'num cw-n mid')}${column('commands', 'Cmds', 'num cw-n low')}<th class="num cw-n mid">Files</th>${column('duration', 'Length', 'num cw-d low')}${column('threat', 'Threat', 'cw-th')}${column('hazard', 'Hazard', 'cw-hz')}</tr></thead><tbody>
${html.join(
  list.sessions.map((one) => row(one)),
  '\n',
)}
</tbody></table></div>
${list.stopped === undefined ? html`` : stoppedNote(list.stopped, list)}
<footer class="row between"><span>${number(list.sessions.length)} on this page. Sessions that come in meanwhile move nothing.</span>${pager(query, list)}</footer></section>`
}

function stoppedNote(
  { looked, atUs }: NonNullable<SessionList['stopped']>,
  { search, sessions }: SessionList,
): Html {
  const place =
    search.sort === 'start' ? html`, as far as ${time(atUs)}` : html`, in the order of this list`
  return html`<div class="pad"><p class="note" role="status">${icon('clock')}<span>${sessions.length === 0 ? html`None found so far` : html`${number(sessions.length)} found so far`}: ${number(looked)} sessions were looked at for this page${place}. The buttons below go on from there.</span></p></div>`
}

function pager(query: SessionQuery, { search, previous, next, stopped }: SessionList): Html {
  const button = (cursor: string | undefined, words: string): Html =>
    cursor === undefined
      ? html`<span class="btn" aria-disabled="true">${html.own(words)}</span>`
      : html`<a class="btn" href="${htmlHref(['sessions'], { ...query, cursor })}">${html.own(words)}</a>`
  const isByStart = search.sort === 'start'
  const [back, on] = !isByStart
    ? ['Back', 'Next']
    : search.order === 'desc'
      ? ['Newer', 'Older']
      : ['Older', 'Newer']
  return html`<nav class="row" aria-label="Pages">${button(previous, back!)}${button(next, stopped === undefined ? on! : `${on!}: look further`)}</nav>`
}

function row(one: ListedSession): Html {
  const none = (count: number): Html =>
    count === 0 ? html`<span class="faint">0</span>` : number(count)
  const place = [
    one.country,
    one.organisation ?? (one.asn === null ? null : `AS${one.asn}`),
  ].filter((part): part is SafeText => part !== null)
  const more = one.credentials.length - LIMITS.gistCredentials
  return html`<tr><td class="nowrap">${time(one.firstEventUs)}</td><th scope="row" class="nowrap"><a class="mono" href="${htmlHref(['sessions', one.sensor, one.session])}">${html.data(one.session)}</a><span class="l2">${html.data(one.sensor)}${one.protocol === null ? html`` : html` · ${html.data(one.protocol)}`}</span></th><td>${one.srcIp === null ? html`<span class="faint">not known</span>` : html`<span class="mono wrap">${html.data(one.srcIp)}</span>`}<span class="l2">${html.join(
    place.map((part) => html.data(part)),
    ' · ',
  )}</span></td><td class="atkc">${
    one.credentials.length === 0
      ? html`<span class="faint small">none</span>`
      : html`${html.join(one.credentials.slice(0, LIMITS.gistCredentials).map((pair) => clipped(credentialShown(pair))))}${more > 0 ? html`<span class="l2">${number(more)} more</span>` : html``}`
  }</td><td class="wide atkc">${one.command === null ? html`<span class="faint small">no command</span>` : clipped(one.command)}${
    one.techniques.length === 0
      ? html``
      : html`<span class="l2">${html.join(
          one.techniques.slice(0, 3).map((id) => html`<code>${html.own(id)}</code>`),
          ' ',
        )}${one.techniques.length > 3 ? html` +${one.techniques.length - 3}` : html``}</span>`
  }</td><td class="num hide mid">${number(one.eventCount)}</td><td class="num low" data-l="Commands">${none(one.commandCount)}</td><td class="num hide mid">${none(one.downloadCount + one.uploadCount)}</td><td class="num hide low">${length(one.durationMs)}</td><td data-l="Threat">${threatScale(one.threatScore)}</td><td data-l="Hazard">${hazardScale(one.hazardScore)}</td></tr>`
}

/** Attacker text on one line. */
function clipped(text: SafeText): Html {
  return html`<div class="clip">${attackHtml(text)}</div>`
}

/** Seconds as people read them. */
export function length(ms: number | null): Html {
  if (ms === null) return html`<span class="faint">not known</span>`
  const seconds = ms / 1000
  if (seconds < 100) return html.own(`${seconds.toFixed(1)} s`)
  const whole = Math.round(seconds)
  const minutes = Math.floor(whole / 60)
  return html.own(
    minutes < 60
      ? `${minutes} m ${String(whole % 60).padStart(2, '0')} s`
      : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} m`,
  )
}

/** Day and time on two lines. */
function time(us: InstantUs): Html {
  const iso = formatInstant(us)
  return html`<time datetime="${html.own(iso)}" title="${html.own(iso)}">${html.own(iso.slice(11, 19))} <span class="l2">${html.own(iso.slice(0, 10))}</span></time>`
}
