/** The page of one session. */
import { toHex } from '../../core/bytes.ts'
import type { OperatingError } from '../../core/errors.ts'
import { type SafeText, shortText, textShown } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { sessionText } from '../../report/session-json.ts'
import { TECHNIQUES } from '../../report/techniques.ts'
import { eventsOfSession } from '../../store/repo/sessions.ts'
import { marksOfLength } from '../chart.ts'
import {
  attackHtml,
  bytes,
  card,
  emptyState,
  hazardScale,
  html,
  htmlHref,
  icon,
  number,
  threatScale,
  time,
} from '../components.ts'
import {
  fieldOf,
  fileWordOf,
  type RuleHit,
  type SessionDetail,
  type ShownCommand,
  type ShownEvent,
  type ShownFile,
  sessionDetail,
  sessionOf,
} from '../data/session.ts'
import { linkable } from '../data/session-query.ts'
import { statusOf } from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, Html, Reply, Route } from '../route.ts'
import { SESSION_ASIDES, SESSION_TOOLS, type SessionAside } from './session-asides.ts'
import { length } from './sessions.ts'

const PARAMS = {
  sensor: { meaning: 'sensor', charsMax: 255 },
  session: { meaning: 'session id', charsMax: 64 },
} as const

export const sessionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/sessions/:sensor/:session',
    right: 'view',
    summary: 'One session: what was done, what it means, and where it is sealed',
    params: PARAMS,
    answers: (asked, parts) => sessionReply(asked, parts, undefined),
  },
  {
    method: 'GET',
    path: '/api/v1/sessions/:sensor/:session',
    right: 'view',
    summary: 'One session with all of its events',
    params: PARAMS,
    async answers({ params }, parts) {
      const session = await sessionOf(parts, params['sensor']!, params['session']!)
      return {
        kind: 'json',
        value: sessionText(session, await eventsOfSession(parts.store.query, session)),
      }
    },
  },
  {
    method: 'GET',
    path: '/sessions/:sensor/:session/download',
    right: 'view',
    summary: 'The JSON of one session, as a file',
    params: PARAMS,
    async answers({ params }, parts) {
      const session = await sessionOf(parts, params['sensor']!, params['session']!)
      const text = sessionText(session, await eventsOfSession(parts.store.query, session))
      return {
        kind: 'file',
        name: `session-${fileWordOf(session.session)}.json`,
        type: 'application/json',
        content: Buffer.from(`${text}\n`),
      }
    },
  },
]

/** The page of a session. @param problem - why what one of its forms sent was refused */
export async function sessionReply(
  asked: Asked,
  parts: Parts,
  problem: OperatingError | undefined,
): Promise<Reply> {
  const detail = await sessionDetail(parts, asked.params['sensor']!, asked.params['session']!)
  const asides = await made(SESSION_ASIDES, detail, asked, parts, problem)
  const tools = await made(SESSION_TOOLS, detail, asked, parts, problem)
  return {
    kind: 'page',
    title: `Session ${detail.session.session}`,
    body: sessionPage(detail, asides.parts, html.join(tools.parts)),
    scripts: ['copy', 'session', ...asides.scripts, ...tools.scripts],
    ...(problem === undefined ? {} : { status: statusOf(problem) }),
  }
}

async function made(
  makers: readonly SessionAside[],
  detail: SessionDetail,
  asked: Asked,
  parts: Parts,
  problem: OperatingError | undefined,
): Promise<{ readonly parts: readonly Html[]; readonly scripts: readonly string[] }> {
  const found = (
    await Promise.all(makers.map((make) => make(detail, asked, parts, problem)))
  ).filter((one) => one !== undefined)
  return {
    parts: found.map((one) => one.html),
    scripts: found.flatMap((one) => one.scripts ?? []),
  }
}

function sessionPage(detail: SessionDetail, asides: readonly Html[], tools: Html): Html {
  return html`${heading(detail, tools)}
${detail.held === 0 ? html`` : html`<p class="note held">${icon('quarantine')}<span>${number(detail.held)} ${detail.held === 1 ? html`event` : html`events`} of this session ${detail.held === 1 ? html`waits` : html`wait`} for a person and ${detail.held === 1 ? html`is` : html`are`} not shown. <a href="/quarantine">Quarantine</a></span></p>`}
${html.join(detail.holds.map(({ actor, reason, addedAtUs }) => html`<p class="note">${icon('lock')}<span><strong>On legal hold</strong> since ${time(addedAtUs)}, by ${html.data(actor)}: ${html.data(reason)}</span></p>`))}
<div class="cols tri">${threatCard(detail)}${hazardCard(detail)}${proofCard(detail)}</div>
${techniquesCard(detail)}
${columns(detail, asides)}`
}

/** How high a part of the page is at a desk, in pixels: only so well that two columns end near each other. */
const HEIGHT = { asides: 620, client: 230, timeline: 205, head: 90, command: 38, row: 62 } as const

/** Cards that stand in either column go where it ends sooner, so that no long blank is left beside a tall one. */
function columns(detail: SessionDetail, asides: readonly Html[]): Html {
  const { commands, events, logins, files, ties } = detail
  const unfolded = events.length <= EVENTS_UNFOLDED ? events.length : 1
  const wide = [timelineCard(detail), commandsCard(detail)]
  const narrow = [...asides, clientCard(detail)]
  let wideEnd = HEIGHT.timeline + 2 * HEIGHT.head + (commands.length + unfolded) * HEIGHT.command
  let narrowEnd = asides.length * HEIGHT.asides + HEIGHT.client
  const movable = [
    [loginsCard(detail), Math.min(logins.length, LOGINS_SHOWN) * HEIGHT.command],
    [filesCard(detail), Math.min(files.length, FILES_SHOWN) * HEIGHT.row],
    [tiesCard(detail), ties.length * HEIGHT.row],
  ] as const
  for (const [made, height] of movable)
    if (wideEnd < narrowEnd) {
      wide.push(made)
      wideEnd += height + HEIGHT.head
    } else {
      narrow.push(made)
      narrowEnd += height + HEIGHT.head
    }
  return html`<div class="cols start"><div class="c8 stack">${html.join(wide)}${eventsCard(detail)}</div>
<div class="c4 stack">${html.join(narrow)}</div></div>`
}

function heading({ session }: SessionDetail, tools: Html): Html {
  const place = [
    session.country,
    session.organisation,
    session.asn === null ? null : `AS${session.asn}`,
  ].filter((part) => part !== null)
  const facts = [
    session.srcIp === null
      ? html`address not known`
      : html`<a class="mono" href="${htmlHref(['sessions'], { address: session.srcIp })}">${html.data(session.srcIp)}</a>`,
    ...(place.length === 0 ? [] : [html.data(place.join(' '))]),
    ...(session.protocol === null ? [] : [html.data(session.protocol)]),
    html`${time(session.firstEventUs)} to ${time(session.lastEventUs)} UTC`,
    length(session.durationMs),
  ]
  const path = ['sessions', session.sensor, session.session]
  return html`<div class="head"><div class="grow"><p class="crumb"><a href="/sessions">Sessions</a> / <a href="${htmlHref(['sessions'], { sensor: session.sensor })}">${html.data(session.sensor)}</a></p><h1><span class="mono" id="session-id">${html.data(session.session)}</span> <button class="btn quiet icon" type="button" data-copy="session-id" aria-label="Copy session id" hidden>${icon('copy')}</button></h1><p class="sub">${html.join(facts, ' · ')}</p></div><div class="tools row"><a class="btn" href="${htmlHref([...path, 'download'])}">${icon('get')}JSON</a>${tools}</div></div>`
}

function threatCard({ session, hits }: SessionDetail): Html {
  return html`<section class="card c4" aria-labelledby="s-th"><div class="pad bigscale"><h2 id="s-th">Threat</h2>${threatScale(session.threatScore, true)}<p class="small dim">What was done to the honeypot. Never a reason to hold anything back.</p>${hitList(hits.filter((hit) => hit.axis === 'threat'))}</div></section>`
}

function hazardCard({ session, hits }: SessionDetail): Html {
  return html`<section class="card c4" aria-labelledby="s-hz"><div class="pad bigscale"><h2 id="s-hz">Hazard</h2>${hazardScale(session.hazardScore, true)}<p class="small dim">What this text could do to those who read it. Shown in safe form everywhere.</p>${hitList(hits.filter((hit) => hit.axis === 'hazard'))}</div></section>`
}

function techniquesCard({ techniques }: SessionDetail): Html {
  if (techniques.length === 0) return html``
  return card(
    's-at',
    html`ATT&amp;CK`,
    html`<div class="body">${techniqueChips(techniques)}</div>`,
    { meta: number(techniques.length) },
  )
}

/** Techniques by id and name; each leads to the sessions that have it. */
function techniqueChips(ids: readonly string[]): Html {
  return html`<div class="row">${html.join(ids.map((id) => html`<a class="chip attack" href="${htmlHref(['sessions'], { technique: id })}" title="${html.own(TECHNIQUES[id]?.[0] ?? id)}"><code>${html.own(id)}</code>${html.own(TECHNIQUES[id]?.[0].split(': ').at(-1) ?? '')}</a>`))}</div>`
}

const HITS_SHOWN = 3

/** The weightiest rules, the others behind a fold. */
function hitList(hits: readonly RuleHit[]): Html {
  if (hits.length === 0) return html``
  const rest = hits.slice(HITS_SHOWN)
  return html`<div class="hits">${html.join(hits.slice(0, HITS_SHOWN).map(hitChip))}</div>${rest.length === 0 ? html`` : html`<details class="filters"><summary>${number(rest.length)} more rules</summary><div class="hits">${html.join(rest.map(hitChip))}</div></details>`}`
}

function hitChip({ rule, title, axis, score }: RuleHit): Html {
  const isHazard = axis === 'hazard'
  return html`<a class="hit ${isHazard ? html`h` : html`t`}" href="${htmlHref(['rules', rule])}"><svg class="i i-s" aria-hidden="true"><use href="#i-${isHazard ? html`diamond` : html`bars`}"/></svg><span>${html.own(title)}</span><span class="sr">${html.own(axis)}</span>${score === null ? html`` : html`<b>${score}</b>`}</a>`
}

function proofCard({ session, batches }: SessionDetail): Html {
  const signed = batches.filter((one) => one.checkpoint !== null)
  const events = batches.reduce((sum, one) => sum + one.events, 0)
  const [first] = batches
  const rows = batches
    .slice(0, 3)
    .map(
      (one) =>
        html`<dt>Batch</dt><dd>${number(one.batchId)}, ${one.firstRecord === one.lastRecord ? html`record ${number(one.firstRecord)}` : html`records ${number(one.firstRecord)} to ${number(one.lastRecord)}`}<br><span class="mono faint">${html.own(toHex(one.recordRoot).slice(0, 16))}…</span></dd><dt>Checkpoint</dt><dd>${one.checkpoint === null ? html`<span class="badge pending">none yet</span>` : html`${number(one.checkpoint.seq)}, signed ${time(one.checkpoint.madeAtUs)}`}</dd>`,
    )
  return html`<section class="card c4 sealed" aria-labelledby="s-pr"><div class="pad stack"><h2 id="s-pr" class="row between">Proof ${signed.length === batches.length && batches.length > 0 ? html`<span class="badge">${icon('lock')}sealed and signed</span>` : html`<span class="badge pending">sealed, not signed yet</span>`}</h2><dl class="kv"><dt>Events</dt><dd>${number(events)} of ${number(session.eventCount)} in the sealed record</dd>${html.join(rows)}</dl>${batches.length > rows.length ? html`<p class="small dim">and ${number(batches.length - rows.length)} more batches</p>` : html``}<div class="row">${first === undefined ? html`` : html`<a class="btn" href="${htmlHref(['integrity', 'proof'], { batch: first.batchId, record: first.firstRecord })}">${icon('link')}Proof of the first record</a>`}<a class="btn" href="/integrity">Integrity</a></div></div></section>`
}

const LANES = [
  ['Log-in', 'new', /^cowrie\.login\./],
  ['Commands', 'data', /^cowrie\.command\./],
  ['Files', 'th3', /^cowrie\.session\.file_/],
  ['Other', 'data', /./],
] as const

/** Where on a line of a thousand an event stands; ticks of the same place are drawn once. */
function timelineCard({ session, events }: SessionDetail): Html {
  const spanMs = Math.max(1, (session.lastEventUs - session.firstEventUs) / 1000)
  const placeOf = (ms: number): number => Math.round((ms / spanMs) * 990)
  const lanes = LANES.map(([name, fill], lane) => {
    const mine = events.filter(
      ({ eventid }) => LANES.findIndex(([, , pattern]) => pattern.test(eventid)) === lane,
    )
    const places = new Set(mine.map((event) => placeOf(event.afterMs)))
    return { name, fill, lane, count: mine.length, places: [...places] }
  })
  const marks = marksOfLength(spanMs)
  const grid = html.join([
    ...marks.map(({ ms }) => html`<path class="s-grid" d="M${placeOf(ms) + 2} 0V104"/>`),
    ...[26, 52, 78].map((y) => html`<path class="s-grid" d="M0 ${y}H1000"/>`),
  ])
  const ticks = html.join(
    lanes.flatMap(({ fill, lane, places }) =>
      places.map(
        (x) =>
          html`<rect class="f-${html.own(fill)}" x="${x}" y="${lane * 26 + 7}" width="4" height="12" rx="1"/>`,
      ),
    ),
  )
  const said = lanes
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${count} ${name === 'Other' ? 'other events' : name.toLowerCase()}`)
    .join(', ')
  const seen =
    session.connectCount > 0 && session.closedCount > 0
      ? html`start and end seen`
      : html`${session.connectCount > 0 ? html`end` : session.closedCount > 0 ? html`start` : html`start and end`} not seen`
  return card(
    's-tl',
    html`Timeline`,
    html`<div class="body tl"><div class="tlk">${html.join(lanes.map(({ name }) => html`<span>${html.own(name)}</span>`))}</div><svg viewBox="0 0 1000 104" preserveAspectRatio="none" role="img" aria-label="Over ${length(spanMs)}: ${html.own(said)}">${grid}${ticks}</svg><svg class="tlx" aria-hidden="true">${html.join(
      marks.map(
        ({ ms, words }, i) =>
          html`<text${i % 2 === 1 ? html` class="opt"` : html``} x="${html.own(((placeOf(ms) + 2) / 10).toFixed(1))}%" y="14">${html.own(words)}</text>`,
      ),
    )}</svg></div>`,
    { meta: seen },
  )
}

function commandsCard({ session, commands, ruleSets }: SessionDetail): Html {
  const undone = commands.filter((one) => one.layers.length > 0).length
  const hit = commands.filter((one) => one.hits.length > 0).length
  if (commands.length === 0)
    return card(
      's-cm',
      html`Commands`,
      emptyState(html`No command`, html`Nothing was typed in this session.`),
    )
  const filter =
    commands.length < 4
      ? html``
      : html`<div class="seg end" role="group" aria-label="Show" data-commands hidden><button type="button" data-show="all" aria-pressed="true">All</button><button type="button" data-show="hit" aria-pressed="false">With rule hits, ${number(hit)}</button><button type="button" data-show="undone" aria-pressed="false">Decoded, ${number(undone)}</button></div>`
  return html`<section class="card" aria-labelledby="s-cm"><header><h2 id="s-cm">Commands</h2><span class="faint small">${number(session.commandCount)}${undone === 0 ? html`` : html`, of which ${number(undone)} decoded`}</span>${filter}</header>
${html.join(commands.map(commandRow), '\n')}
<footer>Decoded for matching only: the program never ran any of it. Rule set ${html.own(ruleSets.join(', '))}.</footer></section>`
}

function commandRow(one: ShownCommand): Html {
  const { event, text, hits, techniques, layers, forms } = one
  const hasFailed = event.eventid.endsWith('.failed')
  const steps =
    forms.length < 2
      ? html`${attackBlock(text)}${layers.length === 0 ? html`` : html`<p class="small dim">Undone to read it: ${html.own(layers.join(', '))}.</p>`}`
      : html`<p class="small dim">Undone to read it: ${html.own(layers.join(', '))}.</p><ol class="layers">${html.join(
          forms.map(
            (form, i) =>
              html`<li><div class="n"><b>${i === 0 ? html`As typed` : html`Step ${i}`}</b>${number(form.length)} characters</div>${attackHtml(cut(form))}</li>`,
          ),
        )}</ol>`
  return html`<details class="cmd" data-hit="${hits.length}" data-undone="${layers.length}"><summary>${icon('chev')}<span class="tm">${length(event.afterMs)}</span>${text === '' ? html`<span class="faint small">(empty line)</span>` : html`<div class="clip">${attackHtml(cut(text))}</div>`}<span class="row scs">${hasFailed ? html`<span class="badge">not found</span>` : html``}${threatScale(event.threat)}${hazardScale(event.hazard)}</span></summary><div class="in">${steps}${hits.length === 0 ? html`` : html`<div class="hits">${html.join(hits.map(hitChip))}</div>`}${techniques.length === 0 ? html`` : techniqueChips(techniques)}<p class="small"><a href="${htmlHref(['sessions'], { command: linkable(text) })}">Sessions with this command</a> · ${time(event.eventTimeUs)}</p></div></details>`
}

function attackBlock(text: SafeText): Html {
  return html`<div class="layers"><div class="whole">${attackHtml(cut(text))}</div></div>`
}

function cut(text: SafeText): SafeText {
  return shortText(text, LIMITS.layerChars)
}

function clientCard({ session, events }: SessionDetail): Html {
  const row = (name: string, value: Html | null): Html =>
    value === null ? html`` : html`<dt>${html.own(name)}</dt><dd>${value}</dd>`
  const kex = events.find(({ eventid }) => eventid === 'cowrie.client.kex')
  const size = events.find(({ eventid }) => eventid === 'cowrie.client.size')
  return card(
    's-cl',
    html`Client`,
    html`<div class="body"><dl class="kv">${row('Client', session.clientVersion && html`${attackHtml(session.clientVersion)} ${others({ client: linkable(session.clientVersion) })}`)}${row('HASSH', session.hassh && html`<a class="mono" href="${htmlHref(['sessions'], { hassh: linkable(session.hassh) })}">${html.data(session.hassh)}</a>`)}${row('Algorithms', folded(textOr(kex, 'hasshAlgorithms')))}${row('Window', size === undefined ? null : html`${textOr(size, 'width') ?? html`?`} × ${textOr(size, 'height') ?? html`?`}`)}${row('Protocol', session.protocol && html.data(session.protocol))}${row('Events', number(session.eventCount))}</dl></div>`,
  )
}

function textOr(event: ShownEvent | undefined, name: string): Html | null {
  const value = event === undefined ? null : fieldOf(event, name)
  return value === null ? null : attackHtml(cut(value))
}

/** A text that is long and seldom read. */
function folded(text: Html | null): Html | null {
  return (
    text &&
    html`<details><summary class="small">Show</summary><div class="atkb">${text}</div></details>`
  )
}

function others(query: Readonly<Record<string, string>>): Html {
  return html`<a class="small" href="${htmlHref(['sessions'], query)}">others</a>`
}

const LOGINS_SHOWN = 20

function loginsCard({ logins }: SessionDetail): Html {
  if (logins.length === 0) return html``
  const rows = logins.slice(0, LOGINS_SHOWN).map(({ username, password, isAccepted }) => {
    const text = (value: SafeText | null): Html =>
      value === null
        ? html`<span class="faint">none</span>`
        : value === ''
          ? html`<span class="faint">(empty)</span>`
          : html`<div class="clip">${attackHtml(cut(textShown(value)))}</div>`
    return html`<tr><td class="atkc">${text(username)}</td><td class="atkc">${text(password)}</td><td>${isAccepted ? html`<span class="badge ok">${icon('check')}accepted</span>` : html`<span class="faint small">refused</span>`}</td></tr>`
  })
  return card(
    's-lg',
    html`Credentials tried`,
    html`<div class="scroll"><table class="fix"><thead><tr><th>User</th><th>Password</th><th class="w-l"><span class="sr">Outcome</span></th></tr></thead><tbody>${html.join(rows)}</tbody></table></div>`,
    {
      meta:
        logins.length > LOGINS_SHOWN
          ? html`${number(logins.length)}, ${LOGINS_SHOWN} shown`
          : number(logins.length),
    },
  )
}

const FILES_SHOWN = 50

function filesCard({ files }: SessionDetail): Html {
  if (files.length === 0) return html``
  return card(
    's-fi',
    html`Files`,
    html`<div class="scroll"><table class="fix"><tbody>${html.join(files.slice(0, FILES_SHOWN).map(fileRow))}</tbody></table></div>`,
    {
      meta:
        files.length > FILES_SHOWN
          ? html`${number(files.length)}, ${FILES_SHOWN} shown`
          : number(files.length),
    },
  )
}

function fileRow({ event, sha256, url, name, artifact }: ShownFile): Html {
  const what = event.eventid.replace('cowrie.session.file_', '')
  return html`<tr><td>${
    sha256 === null
      ? html`<span class="faint">no hash</span>`
      : html`<a class="mono" href="${htmlHref(['sessions'], { file: linkable(sha256) })}" title="All sessions with this file">${html.data(sha256.length > 24 ? `${sha256.slice(0, 12)}…${sha256.slice(-8)}` : sha256)}</a>`
  } <span class="badge">${html.data(what)}</span>${url === null || url === '' ? html`` : html`<div class="clip l2">${attackHtml(cut(url))}</div>`}${name === null || name === '' ? html`` : html`<div class="clip l2">${attackHtml(cut(name))}</div>`}</td><td class="num w-m">${artifact === undefined ? html`<span class="faint small">file not kept</span>` : bytes(artifact.size)}</td></tr>`
}

const TIE_WORDS = { command: 'command', hassh: 'HASSH', file: 'file', url: 'URL' } as const

function tiesCard({ ties }: SessionDetail): Html {
  const rows = ties.map(({ kind, value, sessions }) => {
    const count =
      sessions > LIMITS.searchCountMax
        ? html`more than ${number(LIMITS.searchCountMax)}`
        : number(sessions - 1)
    return html`<li>${icon(kind === 'file' ? 'file' : kind === 'url' ? 'globe' : kind === 'hassh' ? 'fp' : 'terminal')}<div><span class="sub">${html.own(TIE_WORDS[kind])}</span><div class="clip">${attackHtml(cut(value))}</div></div><a class="when" href="${htmlHref(['sessions'], { [kind]: linkable(value) })}">${count} others</a></li>`
  })
  return card(
    's-ti',
    html`Others with the same`,
    ties.length === 0
      ? html`<div class="body small dim">Nothing that this session did or left is met in another one.</div>`
      : html`<ul class="list">${html.join(rows)}</ul>`,
    { meta: html`rarest first` },
  )
}

/** So many events are shown at once; more are folded away. */
const EVENTS_UNFOLDED = 12

function eventsCard({ session, events }: SessionDetail): Html {
  const rows = events.map((event, i) => {
    const isHostile = event.hazard > 0
    return html`<details class="cmd ev"><summary>${icon('chev')}<span class="tm">${length(event.afterMs)}</span><span><span class="faint small nr" title="Number of the event">${number(i + 1)}</span><code>${html.data(event.eventid.replace(/^cowrie\./, ''))}</code> <span class="faint small">${gist(event)}</span></span><span class="row scs">${isHostile ? hazardScale(event.hazard) : html``}</span></summary><div class="in"><table class="fix"><tbody>${html.join(
      event.fields.map(
        (field) =>
          html`<tr><th scope="row" class="w-l">${html.data(field.name)}</th><td>${attackHtml(cut(field.value))}</td></tr>`,
      ),
    )}</tbody></table></div></details>`
  })
  return html`<section class="card" aria-labelledby="s-ev"><header><h2 id="s-ev">All events</h2><span class="meta">${number(session.eventCount)}${events.length < session.eventCount ? html`, the first ${number(events.length)} shown` : html``}</span></header><details class="evs"${events.length <= EVENTS_UNFOLDED ? html` open` : html``}><summary>${icon('chev')}Every event with all of its fields</summary>${html.join(rows, '\n')}</details>${events.length < session.eventCount ? html`<footer>The <a href="${htmlHref(['sessions', session.sensor, session.session, 'download'])}">JSON</a> has all of them.</footer>` : html``}</section>`
}

/** The field of an event that says most. */
function gist(event: ShownEvent): Html {
  for (const name of ['input', 'username', 'url', 'version', 'hassh', 'filename', 'shasum']) {
    const value = fieldOf(event, name)
    if (value !== null && value !== '')
      return html.data(value.slice(0, 80).replace(/[\ud800-\udbff]$/, ''))
  }
  return html``
}
