/** The first page: whether all is accounted for, what goes on, what is new. */
import { setTimeout as pause } from 'node:timers/promises'
import { dayOf, formatDay, formatInstant, US_PER_DAY } from '../../core/instant.ts'
import { credentialShown, type SafeText, shortText } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { changeOf } from '../../report/change.ts'
import { sensorNames } from '../../store/repo/sensors.ts'
import { chart, label, shareBar } from '../chart.ts'
import {
  attackHtml,
  bytes,
  card,
  emptyState,
  hazardScale,
  head,
  html,
  htmlAttribute,
  htmlHref,
  type IconName,
  icon,
  number,
  threatScale,
} from '../components.ts'
import {
  type Figure,
  NEW_KINDS,
  type NewKind,
  type Overview,
  type OverviewHead,
  type OverviewQuery,
  openOverview,
  overview,
  overviewJson,
  type TopValue,
} from '../data/overview.ts'
import { RANGE_FIELDS, RANGE_WORDS, RANGES } from '../data/range.ts'
import { linkable } from '../data/session-query.ts'
import { counted } from '../lists.ts'
import type { Html, Route } from '../route.ts'

const FIELDS = {
  ...RANGE_FIELDS,
  sensor: { meaning: 'only this sensor', charsMax: 255 },
  by: { meaning: 'activity by the day or the hour', choices: ['day', 'hour'], charsMax: 4 },
} as const

export const overviewRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/',
    right: 'view',
    summary: 'The overview: whether all is accounted for, what goes on, what is new',
    query: FIELDS,
    async answers({ query }, parts) {
      const opened = await openOverview(parts, query)
      const sensors = await sensorNames(parts.store.query)
      const top = topOfPage(query, opened, sensors)
      const page = { kind: 'page', title: 'Overview', scripts: ['chart'] } as const
      if (opened.conservation.records === 0)
        return { ...page, body: html`${top}${nothingLoaded()}` }
      const rest = opened.made.then((found) => restOfPage(query, found, parts.clock()))
      const soon = await Promise.race([
        rest,
        pause(LIMITS.overviewWholeMs, undefined, { ref: false }),
      ])
      return soon === undefined
        ? { ...page, body: html`${top}${making(opened)}`, rest }
        : { ...page, body: html`${top}${soon}` }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/overview',
    right: 'view',
    summary: 'Fates of all records, activity, what is new, and the most frequent values of a span',
    query: FIELDS,
    async answers({ query }, parts) {
      return { kind: 'json', value: overviewJson(await overview(parts, query)) }
    },
  },
]

/** What is there at once. */
function topOfPage(query: OverviewQuery, found: OverviewHead, sensors: readonly SafeText[]): Html {
  const { span, conservation } = found
  const last = span.untilUs - 1
  const when = `${formatDay(Math.floor(span.sinceUs / US_PER_DAY))} to ${formatDay(Math.floor(last / US_PER_DAY))}`
  const behind = span.isBehind
    ? html` The newest event is older than that: the time counts back from its day.`
    : html``
  const title = head(
    html`Overview`,
    html`${html.own(when)}, ${found.sensor === undefined ? html`${number(sensors.length)} sensors` : html`sensor ${html.data(found.sensor)}`}. Times are UTC.${behind}`,
    tools(query, found, sensors),
  )
  return conservation.records === 0 ? title : html`${title}\n${conservationCard(conservation)}\n`
}

function nothingLoaded(): Html {
  return html`<section class="card">${emptyState(html`No log is loaded yet`, html`Load logs with <code>nacre ingest bulk PATH</code>, or follow them with <code>nacre ingest delta PATH</code>.`)}</section>`
}

/** Stands for the rest until it comes; the style sheet hides it then. */
function making({ span }: OverviewHead): Html {
  const days = Math.ceil((span.untilUs - span.sinceUs) / US_PER_DAY)
  return html`<section class="card making" aria-labelledby="o-mk"><div class="state" role="status">${icon('clock')}<h2 id="o-mk">Counting</h2><p>${counted(days, 'day', 'days')} of events. The rest of the page follows by itself.</p></div></section>`
}

function restOfPage(query: OverviewQuery, found: Overview, nowUs: number): Html {
  return html`<div class="cols">${activityCard(query, found, nowUs)}${newsCard(found)}</div>
<div class="cols">${commandsCard(found)}${credentialsCard(found)}${addressesCard(found)}${countriesCard(found)}</div>
${hasPlaces(found) ? qualityNote(found) : html``}`
}

function tools(query: OverviewQuery, found: OverviewHead, sensors: readonly SafeText[]): Html {
  const ranges = RANGES.map(
    (name) =>
      html`<a href="${htmlHref([''], { range: name, sensor: query.sensor })}"${found.range === name ? html` aria-current="true"` : html``}>${html.own(RANGE_WORDS[name])}</a>`,
  )
  const isCustom = found.range === 'custom'
  return html`<div class="tools row"><div class="seg" role="group" aria-label="Range">${html.join(ranges)}</div>
<details class="pop"><summary class="btn${isCustom ? html` on` : html``}">${icon('clock')}Custom</summary><form class="sheet stack" method="get" action="/"><input type="hidden" name="range" value="custom">${query.sensor === undefined ? html`` : html`<input type="hidden" name="sensor" value="${htmlAttribute(query.sensor)}">`}<label class="fieldrow"><span>From</span><input class="text" type="date" name="from" value="${html.own(formatInstant(found.span.sinceUs).slice(0, 10))}"></label><label class="fieldrow"><span>Until, without it</span><input class="text" type="date" name="until" value="${html.own(formatInstant(found.span.untilUs).slice(0, 10))}"></label><button class="btn primary" type="submit">Show</button></form></details>
<form class="row" method="get" action="/">${html.join(
    (['range', 'from', 'until', 'by'] as const).map((name) =>
      query[name] === undefined
        ? html``
        : html`<input type="hidden" name="${html.own(name)}" value="${htmlAttribute(query[name])}">`,
    ),
  )}<label class="field">${icon('sources')}<span class="sr">Sensor</span><select name="sensor" data-submit><option value="">All sensors</option>${html.join(
    sensors.map(
      (name) =>
        html`<option value="${htmlAttribute(name)}"${name === query.sensor ? html` selected` : html``}>${html.data(name)}</option>`,
    ),
  )}</select></label><button class="btn" type="submit">Show</button></form></div>`
}

const FATES = [
  ['stored', 'stored', 'f-iris'],
  ['duplicate', 'duplicate', 'f-data'],
  ['held', 'held', 'f-held'],
  ['dead', 'dead letter', 'f-failed'],
  ['blank', 'blank', 'f-blank'],
  ['expired', 'expired', 'f-soft'],
] as const

/** Every record has one fate; the strip enlarges those that are not stored. */
function conservationCard(sums: Overview['conservation']): Html {
  const total = FATES.reduce((sum, [fate]) => sum + sums[fate], 0)
  const isBalanced = total === sums.records
  const rest = total - sums.stored
  const share = total === 0 ? 0 : (sums.stored / total) * 1000
  const storedWidth = rest === 0 ? 1000 : Math.min(996, share)
  let x = 0
  const parts = FATES.slice(1)
    .filter(([fate]) => sums[fate] > 0)
    .map(([fate, , fill], _, all) => {
      const width = Math.max(3, (sums[fate] / rest) * (1000 - 2 * all.length))
      const drawn = html`<rect class="${html.own(fill)}" x="${html.own(x.toFixed(1))}" y="36" width="${html.own(width.toFixed(1))}" height="14"/>`
      x += width + 2
      return drawn
    })
  const strip =
    rest === 0
      ? html`<rect x="0" y="0" width="1000" height="20" class="f-iris"/>`
      : html`<rect x="0" y="0" width="${html.own(storedWidth.toFixed(1))}" height="20" class="f-iris"/><rect x="${html.own((storedWidth + 1.5).toFixed(1))}" y="0" width="${html.own((1000 - storedWidth - 1.5).toFixed(1))}" height="20" class="f-data"/><path class="s-link" d="M${html.own(storedWidth.toFixed(1))} 20L0 36M1000 20L1000 36"/>${html.join(parts)}`
  const fates = FATES.map(
    ([fate, words, fill]) =>
      html`<div class="fate"><span><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" class="${html.own(fill)}"/></svg>${html.own(words)}</span><b>${number(sums[fate])}</b><span>${html.own(percent(sums[fate], total))}</span></div>`,
  )
  const identity = html`lines read ${number(sums.records)} = ${html.join(
    FATES.filter(([fate]) => sums[fate] > 0 || fate === 'stored').map(
      ([fate, words]) => html`${number(sums[fate])} ${html.own(words)}`,
    ),
    ' + ',
  )}`
  return html`<section class="card" aria-labelledby="o-co"><div class="cons"><div class="say"><h2 id="o-co">Conservation</h2><b>${isBalanced ? html`Every line accounted for` : html`Lines do not add up`}</b><span class="dim small">${number(sums.bytes)} bytes read${sums.sinceUs === undefined ? html`` : html` since ${html.own(formatInstant(sums.sinceUs).slice(0, 10))}`}, from ${number(sums.sources)} ${sums.sources === 1 ? html`source` : html`sources`}. Each line has one fate.${rest === 0 ? html`` : html` The lower bar enlarges the ${html.own(percent(rest, total))} that ${rest === 1 ? html`is` : html`are`} not stored.`}${sums.pendingBytes === 0 ? html`` : html` ${bytes(sums.pendingBytes)} wait for the end of their line.`}</span></div>
<div><svg class="strip" viewBox="0 0 1000 52" preserveAspectRatio="none" role="img" aria-label="Stored ${html.own(percent(sums.stored, total))} of all lines">${strip}</svg><div class="fates">${html.join(fates)}</div></div></div>
<footer class="row"><span>${isBalanced ? html`${icon('check')} ${identity}` : html`<span class="badge failed">${icon('failed')}does not add up</span> ${identity}`}</span><a class="end nowrap" href="/sources">By source</a></footer></section>`
}

function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %'
  const share = (part / whole) * 100
  // Never rounded up to all of it, nor down to nothing.
  const shown = share >= 99.995 && part < whole ? 99.99 : Math.max(0.01, share)
  return `${shown >= 10 ? Math.floor(shown * 100) / 100 : shown.toPrecision(2)} %`
}

function activityCard(query: OverviewQuery, found: Overview, nowUs: number): Html {
  const { series, events, sessions, loginsAccepted } = found
  const isByHour = series.stepUs < US_PER_DAY
  const isOpen = series.startUs + series.stepUs * series.events.length > nowUs
  const step = isByHour ? 'an hour' : 'a day'
  const shared = { startUs: series.startUs, stepUs: series.stepUs, isOpen }
  const other = isByHour ? 'day' : 'hour'
  return html`<section class="card c8 fill" aria-labelledby="o-ac"><header><h2 id="o-ac">Activity</h2><div class="legend end"><span><svg viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" class="f-data"/></svg>${isByHour ? html`by the hour` : html`by the day`}</span>${series.eventsBefore.every((value) => value === 0) ? html`` : html`<span><svg viewBox="0 0 12 12" aria-hidden="true"><path class="s-prev" d="M0 6H12"/></svg>period before</span>`}${isOpen ? html`<span><svg viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" class="f-soft"/></svg>not over</span>` : html``}<a href="${htmlHref([''], { ...query, by: other })}">by the ${html.own(other)}</a></div></header>
<dl class="stats">${stat('Events', events)}${stat('Sessions', sessions)}<div class="stat"><dt>Addresses</dt><dd>${number(found.addresses)} <span class="d">${number(found.news.counts.ip)} new on ${label(found.news.day * US_PER_DAY, US_PER_DAY)}</span></dd></div><div class="stat"><dt>Log-ins accepted</dt><dd>${number(loginsAccepted.now)} <span class="d">of ${number(found.loginsTried)} tried</span></dd></div><div class="stat"><dt>Files</dt><dd>${number(found.files)} <span class="d">${number(found.news.counts.file)} new on ${label(found.news.day * US_PER_DAY, US_PER_DAY)}</span></dd></div></dl>
<div class="body stack">${isOfWholeDays(found) ? html`` : html`<p class="help">Addresses, log-ins and files are those of ${daysOf(found)}.</p>`}${chart({ ...shared, title: `Events ${step}`, unit: 'events', values: series.events, before: series.eventsBefore })}${chart({ ...shared, title: `Sessions ${step}`, unit: 'sessions', values: series.sessions, isShort: true })}</div></section>`
}

function stat(name: string, figure: Figure): Html {
  return html`<div class="stat"><dt>${html.own(name)}</dt><dd>${number(figure.now)} <span class="d">${changeWords(figure)}</span></dd></div>`
}

function changeWords(figure: Figure): Html {
  const change = changeOf(figure)
  switch (change.kind) {
    case 'none':
    case 'fromNone':
      return html`none in the period before`
    case 'same':
      return html`as before`
    case 'fromTo':
      return html`${number(figure.before)} in the period before`
    case 'times':
      return html`${number(change.times)} times as many as before`
    case 'percent': {
      const share = Math.abs(change.percent)
      return html`${html.own(share.toFixed(share < 10 ? 1 : 0))} % ${change.percent > 0 ? html`up` : html`down`}`
    }
  }
}

const NEW_WORDS: Readonly<Record<NewKind, readonly [one: string, several: string, IconName]>> = {
  file: ['file', 'files', 'file'],
  url: ['URL', 'URLs', 'globe'],
  command: ['command', 'commands', 'terminal'],
  hassh: ['HASSH', 'HASSHs', 'fp'],
  clientVersion: ['client', 'clients', 'user'],
  ip: ['address', 'addresses', 'globe'],
}

/** The filter of the list of sessions that finds a value. */
function filterOf(kind: NewKind): string {
  return kind === 'clientVersion' ? 'client' : kind === 'ip' ? 'address' : kind
}

function newsCard({ news }: Overview): Html {
  const rows = news.values.map(
    (one) =>
      html`<li>${icon(NEW_WORDS[one.kind][2])}<div><span class="sub">${html.own(NEW_WORDS[one.kind][0].replace(/^./, (letter) => letter.toUpperCase()))}</span><div class="clip">${attackHtml(short(one.value))}</div><span class="sub"><a href="${htmlHref(['sessions'], { [filterOf(one.kind)]: linkable(one.value) })}">${number(one.sessions)} ${one.sessions === 1 ? html`session` : html`sessions`}</a></span></div><span class="when">${one.threat > 0 ? threatScale(one.threat) : html``}${one.hazard > 0 ? hazardScale(one.hazard) : html``}</span></li>`,
  )
  const counts = NEW_KINDS.filter((kind) => news.counts[kind] > 0).map((kind) =>
    counted(news.counts[kind], NEW_WORDS[kind][0], NEW_WORDS[kind][1]),
  )
  const day = label(news.day * US_PER_DAY, US_PER_DAY)
  return card(
    'o-ne',
    html`New in ${news.days} days`,
    rows.length === 0
      ? emptyState(html`Nothing new`, html`All that came in on ${day} was met before.`)
      : html`<ul class="list">${html.join(rows)}</ul>`,
    {
      width: 4,
      meta: html`first met on ${day}`,
      ...(counts.length === 0 ? {} : { foot: html`${html.join(counts, ', ')}` }),
    },
  )
}

/** For one line of a list. */
function short(text: SafeText): SafeText {
  return shortText(text, LIMITS.gistChars)
}

function commandsCard(found: Overview): Html {
  const { commands } = found
  const most = commands[0]?.events ?? 1
  const rows = commands.map(
    (one) =>
      html`<tr><td class="wide atkc"><a class="clip plain" href="${htmlHref(['sessions'], { command: linkable(one.value) })}">${attackHtml(short(one.value))}</a></td><td class="num" data-l="Events">${number(one.events)}${shareBar(one.events / most)}</td><td class="num hide">${number(one.sessions)}</td><td data-l="Threat">${threatScale(one.threat)}</td><td data-l="Hazard">${hazardScale(one.hazard)}</td></tr>`,
  )
  return topCard(
    'o-cm',
    html`Commands`,
    7,
    rows,
    html`<table class="rows fix cards"><thead><tr><th>As typed</th><th class="num w-m">Events</th><th class="num w-m">Sessions</th><th class="w-m">Threat</th><th class="w-m">Hazard</th></tr></thead><tbody>${html.join(rows)}</tbody></table>`,
    found,
  )
}

function isOfWholeDays({ span: { sinceUs, untilUs } }: Overview): boolean {
  return sinceUs % US_PER_DAY === 0 && untilUs % US_PER_DAY === 0
}

/** The days that roll-ups count, where the time is not made of whole ones. */
function daysOf({ span: { sinceUs, untilUs } }: Overview): Html {
  const [first, last] = [formatDay(dayOf(sinceUs)), formatDay(dayOf(untilUs - 1))]
  return first === last
    ? html`all of ${html.own(first)} UTC`
    : html`all of ${html.own(first)} to ${html.own(last)} UTC`
}

function topCard(
  id: string,
  title: Html,
  width: number,
  rows: readonly Html[],
  table: Html,
  found: Overview,
): Html {
  return card(
    id,
    title,
    rows.length === 0
      ? emptyState(html`None`, html`None in this time.`)
      : html`<div class="scroll">${table}</div>`,
    { width, meta: isOfWholeDays(found) ? html`by events` : html`by events, ${daysOf(found)}` },
  )
}

function credentialsCard(found: Overview): Html {
  const { credentials } = found
  const most = credentials[0]?.events ?? 1
  const rows = credentials.map(
    (one: TopValue) =>
      html`<tr><td class="wide atkc"><a class="clip plain" href="${htmlHref(['sessions'], { credential: linkable(one.value) })}">${attackHtml(short(credentialShown(one.value)))}</a></td><td class="num" data-l="Tries">${number(one.events)}${shareBar(one.events / most)}</td><td class="num" data-l="Sessions">${number(one.sessions)}</td></tr>`,
  )
  return topCard(
    'o-cr',
    html`Credentials`,
    5,
    rows,
    html`<table class="rows fix cards"><thead><tr><th>User / password</th><th class="num w-m">Tries</th><th class="num w-m">Sessions</th></tr></thead><tbody>${html.join(rows)}</tbody></table>`,
    found,
  )
}

function addressesCard(found: Overview): Html {
  const { topAddresses } = found
  const most = topAddresses[0]?.events ?? 1
  const isPlaced = topAddresses.some(({ country, asn }) => country !== null || asn !== null)
  const rows = topAddresses.map(
    (one) =>
      html`<tr><th scope="row" class="nowrap"><a class="mono" href="${htmlHref(['sessions'], { address: one.value })}">${html.data(one.value)}</a></th>${isPlaced ? html`<td class="hide">${one.country === null ? html`` : html`<span class="faint mono">${html.data(one.country)}</span> `}${one.organisation === null ? html`` : html.data(one.organisation)}${one.asn === null ? html`` : html` <span class="faint">AS${html.own(String(one.asn))}</span>`}${one.country === null && one.asn === null ? html`<span class="faint">not known</span>` : html``}</td>` : html``}<td class="num" data-l="Events">${number(one.events)}${shareBar(one.events / most)}</td><td class="num hide">${number(one.sessions)}</td></tr>`,
  )
  return topCard(
    'o-ad',
    html`Addresses`,
    7,
    rows,
    html`<table class="rows cards"><thead><tr><th>Address</th>${isPlaced ? html`<th>Network</th>` : html``}<th class="num w-l">Events</th><th class="num w-m">Sessions</th></tr></thead><tbody>${html.join(rows)}</tbody></table>`,
    found,
  )
}

function hasPlaces({ countries }: Overview): boolean {
  return countries.length > 0
}

/** Where no place is known, what is known of the completeness stands there. */
function countriesCard(found: Overview): Html {
  if (!hasPlaces(found)) return qualityCard(found)
  const { countries } = found
  const most = countries[0]?.sessions ?? 1
  const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  const nameOf = (code: SafeText): string =>
    /^[A-Z]{2}$/.test(code) ? (names.of(code) ?? code) : code
  const rows = countries.map(
    ({ country, sessions }) =>
      html`<span class="k${country === null ? html` faint` : html``}">${country === null ? html`not known` : html`<a href="${htmlHref(['sessions'], { country })}"><span class="faint mono">${html.data(country)}</span> ${html.data(nameOf(country))}</a>`}</span>${shareBar(sessions / most)}<span class="v">${number(sessions)}</span>`,
  )
  return card(
    'o-ge',
    html`Countries`,
    html`<div class="body"><div class="hbars">${html.join(rows)}</div></div>`,
    {
      width: 5,
      meta: html`sessions`,
      foot: html`An address tells where a machine stood, not who used it.`,
    },
  )
}

function qualityNote(found: Overview): Html {
  const words = qualityFacts(found).map(([, fact]) => fact)
  return html`<p class="note" id="data-quality">${icon('eye')}<span><strong>How complete this is.</strong> ${html.join(words, ' ')}</span></p>`
}

function qualityCard(found: Overview): Html {
  const items = qualityFacts(found).map(
    ([sign, fact]) => html`<li>${icon(sign)}<div>${fact}</div></li>`,
  )
  return card(
    'data-quality',
    html`How complete this is`,
    html`<ul class="list">${html.join(items)}</ul>`,
    {
      width: 5,
      foot: html`No place is known: name a database of places with <code>geo.databases</code>, then run <code>nacre geo update</code>.`,
    },
  )
}

function qualityFacts({
  completeness: sums,
}: Overview): readonly (readonly [sign: IconName, fact: Html])[] {
  const sign = (isWell: boolean, other: IconName): IconName => (isWell ? 'check' : other)
  return [
    [
      sign(sums.silentSensors.length === 0, 'clock'),
      sums.silentSensors.length === 0
        ? html`No sensor is silent.`
        : html`Silent: ${html.join(
            sums.silentSensors.map((name) => html.data(name)),
            ', ',
          )}.`,
    ],
    [
      sign(sums.deadLetters === 0, 'dead'),
      sums.deadLetters === 0
        ? html`No dead letter is open.`
        : html`<a href="/dead-letters">${counted(sums.deadLetters, 'record', 'records')}</a> could not be read.`,
    ],
    [
      sign(sums.heldEvents === 0, 'quarantine'),
      sums.heldEvents === 0
        ? html`Nothing is held.`
        : html`<a href="/quarantine">${counted(sums.heldEvents, 'event', 'events')}</a> ${sums.heldEvents === 1 ? html`is` : html`are`} held and not counted here.`,
    ],
    [
      sign(sums.pendingBytes === 0, 'torn'),
      sums.pendingBytes === 0
        ? html`No byte is pending.`
        : html`${bytes(sums.pendingBytes)} are pending.`,
    ],
  ]
}
