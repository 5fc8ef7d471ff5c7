/** Withheld events: the list of batches, the risk report on one, and the decision on it. */
import { type OperatingError, UsageError } from '../../core/errors.ts'
import { readRanges } from '../../core/ranges.ts'
import { LIMITS } from '../../limits.ts'
import type { Decision } from '../../pipeline/quarantine.ts'
import { hitTexts } from '../../review/risk.ts'
import {
  attackHtml,
  card,
  emptyState,
  hazardScale,
  head,
  html,
  htmlAttribute,
  htmlHref,
  icon,
  levelOf,
  number,
  threatScale,
} from '../components.ts'
import {
  type BatchFilter,
  decideOnBatch,
  type HeldBatchJson,
  heldBatch,
  heldBatches,
  STANDINGS,
} from '../data/quarantine.ts'
import { hexDump } from '../hex.ts'
import {
  actorOf,
  badge,
  counted,
  decisionForm,
  decisionRoutes,
  digestText,
  doneNote,
  isoTime,
  jsonOf,
  numberField,
  numberIn,
  olderLink,
  problemNote,
  REASON_FIELD,
  reasonArea,
  reasonIn,
  statusOf,
  tabs,
  zeroed,
} from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, FieldSpec, Html, Reply, Route } from '../route.ts'

type BatchReport = Awaited<ReturnType<typeof heldBatch>>

const BATCH = numberField('Number of the batch')
const LIST_QUERY: Readonly<Record<string, FieldSpec>> = {
  state: {
    meaning: 'Only batches with events in this state: waiting (default), approved, rejected, all',
    choices: STANDINGS,
    charsMax: 10,
  },
  before: { meaning: 'Only batches with a smaller number', pattern: '^[0-9]{1,15}$', charsMax: 15 },
}
const SAMPLES: FieldSpec = {
  meaning: 'How many events are shown, the most hazardous first (default 12)',
  pattern: '^[0-9]{1,4}$',
  charsMax: 4,
}
const DECISION_BODY: Readonly<Record<string, FieldSpec>> = {
  reason: REASON_FIELD,
  records: {
    meaning: 'Only these records of the batch, as 3,7-12; empty for all that wait',
    charsMax: 40_000,
  },
  false_positive: { meaning: 'A rule that hit without cause', charsMax: 120 },
}

/** Fields that the table of rules has columns for; the others count together. */
const FIELD_COLUMNS = 7

export const quarantineRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/quarantine',
    right: 'view',
    summary: 'Batches with withheld events',
    query: LIST_QUERY,
    async answers({ query }, parts) {
      const filter = filterOf(query)
      const list = await heldBatches(parts, filter)
      return { kind: 'page', title: 'Quarantine', body: listPage(list, filter) }
    },
  },
  {
    method: 'GET',
    path: '/quarantine/:batch',
    right: 'review',
    summary: 'The risk report on the withheld events of a batch',
    params: { batch: BATCH },
    query: { samples: SAMPLES, done: { meaning: 'What was just decided', charsMax: 40 } },
    answers: (asked, parts) => batchReply(asked, parts, undefined),
  },
  {
    method: 'GET',
    path: '/api/v1/quarantine',
    right: 'view',
    summary: 'Batches with withheld events, newest first',
    query: LIST_QUERY,
    answers: ({ query }, parts) => jsonOf(() => heldBatches(parts, filterOf(query))),
  },
  {
    method: 'GET',
    path: '/api/v1/quarantine/:batch',
    right: 'review',
    summary: 'The risk report on the withheld events of a batch, with the most hazardous of them',
    params: { batch: BATCH },
    query: { samples: SAMPLES },
    answers: ({ params, query }, parts) =>
      jsonOf(() => heldBatch(parts, Number(params['batch']), samplesIn(query['samples']))),
  },
  ...decisionsOn(
    'approve',
    'approved',
    'Release withheld events: they become part of every answer',
    'Release withheld events of a batch',
  ),
  ...decisionsOn(
    'reject',
    'rejected',
    'Keep withheld events out of every answer for good',
    'Keep withheld events of a batch out of every answer',
  ),
]

function filterOf(query: Asked['query']): BatchFilter {
  return {
    standing: STANDINGS.find((one) => one === query['state']) ?? 'waiting',
    before: numberIn(query['before']),
  }
}

function samplesIn(text: string | undefined): number {
  return Math.min(numberIn(text) ?? LIMITS.webSamples, LIMITS.webSamplesMax)
}

type Decided = 'approved' | 'rejected'

function decisionsOn(
  verb: 'approve' | 'reject',
  to: Decided,
  summary: string,
  apiSummary: string,
): readonly Route[] {
  return decisionRoutes({
    path: `/quarantine/:batch/${verb}`,
    summary,
    apiSummary,
    params: { batch: BATCH },
    body: DECISION_BODY,
    decide: async (asked, parts) => decideOnBatch(parts, to, decisionIn(asked, parts)),
    doneAt: ({ events }, { params }) =>
      `/quarantine/${Number(params['batch'])}?done=${to}+${events}`,
    refused: batchReply,
  })
}

/** @throws UsageError */
function decisionIn({ params, body, signedIn }: Asked, parts: Parts): Decision {
  const falsePositive = body['false_positive'] ?? ''
  if (falsePositive !== '' && !parts.rules.definitions.some(({ id }) => id === falsePositive)) {
    throw new UsageError('USAGE_BAD_ARGUMENT', 'There is no rule of this id.', {
      hint: 'The page of rules lists them.',
    })
  }
  return {
    batchId: Number(params['batch']),
    records: recordsIn(body['records']),
    actor: actorOf(signedIn),
    reason: reasonIn(body['reason']),
    falsePositives: falsePositive === '' ? [] : [falsePositive],
  }
}

/** @throws UsageError */
function recordsIn(text: string | undefined): readonly number[] | undefined {
  const list = (text ?? '').replaceAll(' ', '')
  if (list === '') return undefined
  const found = readRanges(list, LIMITS.batchRecordsMax + 1)
  if (found !== undefined) return [...new Set(found)]
  throw new UsageError('USAGE_BAD_ARGUMENT', 'The records are no list of numbers.', {
    hint: 'Write numbers and ranges: 3,7-12.',
  })
}

async function batchReply(
  asked: Asked,
  parts: Parts,
  problem: OperatingError | undefined,
): Promise<Reply> {
  const report = await heldBatch(
    parts,
    Number(asked.params['batch']),
    samplesIn(asked.query['samples']),
  )
  const beside = await heldBatches(parts, { standing: 'waiting' })
  return {
    kind: 'page',
    title: `Quarantine, batch ${report.batch}`,
    body: batchPage(report, beside.batches, asked, problem),
    scripts: ['quarantine'],
    ...(problem === undefined ? {} : { status: statusOf(problem) }),
  }
}

function listPage(
  { emergency, counts, batches, next }: Awaited<ReturnType<typeof heldBatches>>,
  { standing }: BatchFilter,
): Html {
  const words = { waiting: 'Held', approved: 'Approved', rejected: 'Rejected', all: 'All' }
  const choices = STANDINGS.map((state) => ({
    to: htmlHref(['quarantine'], { state: state === 'waiting' ? undefined : state }),
    words: html`${html.own(words[state])}${state === 'all' ? html`` : html`&nbsp;${number(counts[state])}`}`,
    isHere: state === standing,
  }))
  const rows = batches.map(
    (
      one,
    ) => html`<tr><th scope="row" class="wide"><a href="${htmlHref(['quarantine', String(one.batch)])}">Batch ${number(one.batch)}</a><span class="l2">${html.own(one.path)}</span></th>
<td data-l="State">${stateBadge(one)}</td><td class="num" data-l="Waiting">${zeroed(one.waiting)}</td><td class="num" data-l="Approved">${zeroed(one.approved)}</td><td class="num" data-l="Rejected">${zeroed(one.rejected)}</td>
<td data-l="Worst hazard">${hazardScale(one.hazardMax)}</td><td class="wide" data-l="Rules">${ruleNames(one)}</td><td class="nowrap" data-l="Loaded">${isoTime(one.committedAt)}</td></tr>`,
  )
  const empty =
    standing === 'waiting'
      ? emptyState(
          html`Nothing waits`,
          html`An event is held when its text could harm a reader. It will be listed here, and block nothing that comes after it.`,
        )
      : emptyState(html`No batch`, html`No batch has events in this state.`)
  return html`${head(
    html`Quarantine`,
    counts.waiting === 0
      ? html`No batch waits for a decision.`
      : html`${counted(counts.waiting, 'batch waits', 'batches wait')} for a decision. Later batches are not blocked by them.`,
    tabs('State', choices),
  )}
${emergency ? html`<p class="note failed" role="alert">${icon('alert')}<span><strong>Emergency: everything new is withheld</strong>, and nothing is revealed or exported, until it is turned off.</span></p>` : html``}
<section class="card" aria-label="Batches"><h2 class="sr">Batches</h2>${rows.length === 0 ? empty : html`<div class="scroll"><table class="rows cards"><caption class="sr">Batches with withheld events, newest first</caption><thead><tr><th scope="col">Batch</th><th scope="col">State</th><th scope="col" class="num">Waiting</th><th scope="col" class="num">Approved</th><th scope="col" class="num">Rejected</th><th scope="col">Worst hazard</th><th scope="col">Rules that hit</th><th scope="col">Loaded (UTC)</th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>`}${olderLink(['quarantine'], { state: standing }, next ?? undefined)}</section>
<p class="small faint">Held events are sealed and counted. They enter no summary, report, export or feed until approved.</p>`
}

function stateBadge({ waiting, rejected, approved }: HeldBatchJson): Html {
  if (waiting > 0) return badge('held', 'quarantine', html`Held`)
  return approved > 0 && rejected > 0
    ? badge('plain', 'check', html`Decided`)
    : approved > 0
      ? badge('ok', 'check', html`Approved`)
      : badge('plain', 'cross', html`Rejected`)
}

function ruleNames({ rules, waiting, rejected }: HeldBatchJson): Html {
  if (rules.length === 0)
    return waiting + rejected > 0
      ? html`<span class="small dim">none: withheld in an emergency</span>`
      : html`<span class="faint">–</span>`
  const shown = rules.slice(0, 3).map((one) => ruleChip(one.rule, number(one.events)))
  return html`<span class="hits">${html.join(shown)}${rules.length > 3 ? html`<span class="small dim">and ${rules.length - 3} more</span>` : html``}</span>`
}

function ruleChip(rule: string, more: Html): Html {
  const isHazard = rule.startsWith('hazard.')
  return html`<a class="hit ${isHazard ? html`h` : html`t`}" href="${htmlHref(['rules', rule])}">${icon(isHazard ? 'diamond' : 'bars')}<code>${html.own(rule)}</code>${more}</a>`
}

function batchPage(
  report: BatchReport,
  beside: readonly HeldBatchJson[],
  asked: Asked,
  problem: OperatingError | undefined,
): Html {
  const others = beside.map(
    (one) =>
      html`<li${one.batch === report.batch ? html` aria-current="true"` : html``}><a href="${htmlHref(['quarantine', String(one.batch)])}"><span class="row between">${badge('held', 'quarantine', html`Held`)}<span class="faint small">${isoTime(one.committedAt)}</span></span><strong>Batch ${number(one.batch)}</strong><span class="small dim clipped">${html.own(one.path)}, ${counted(one.waiting, 'event', 'events')}</span>${hazardScale(one.hazardMax, true)}</a></li>`,
  )
  return html`${head(html`Quarantine`, html`<a href="/quarantine">All batches</a>`)}
${doneOf(asked.query['done'], nextTo(report, beside))}
<div class="cols start">
<div class="c3 stack beside">${others.length === 0 ? card('ot', html`Waiting`, html`<div class="body small dim">No batch waits.</div>`) : html`<section class="card" aria-label="Held batches"><h2 class="sr">Held batches</h2><ul class="pick">${html.join(others)}</ul></section>`}
<p class="small faint qn">Held events are sealed and counted. They enter no summary, report, export or feed until approved.</p></div>
<div class="c9 stack">
${riskCard(report)}
${samplesCard(report)}
${report.held > 0 ? decisionCard(report, asked, problem, beside) : problem === undefined ? html`` : problemNote(problem)}
</div></div>`
}

/** The batch that comes after this one in the list, from its end on to its start. */
function nextTo({ batch }: BatchReport, beside: readonly HeldBatchJson[]): Html {
  const next = beside.find((one) => one.batch < batch) ?? beside.find((one) => one.batch > batch)
  return next === undefined
    ? html``
    : html`<a class="small nowrap" href="${htmlHref(['quarantine', String(next.batch)])}">Next: batch ${number(next.batch)}</a>`
}

function doneOf(text: string | undefined, next: Html): Html {
  const found = /^(approved|rejected) (\d{1,6})$/.exec(text ?? '')
  if (found === null) return html``
  const events = Number(found[2])
  return doneNote(
    found[1] === 'approved'
      ? html`${counted(events, 'event is', 'events are')} approved and part of every answer now. ${next}`
      : html`${counted(events, 'event is', 'events are')} rejected: sealed and counted, and shown nowhere. ${next}`,
  )
}

function riskCard(report: BatchReport): Html {
  const { risk } = report
  const state =
    report.held > 0 ? badge('held', 'quarantine', html`Held`) : badge('ok', 'check', html`Decided`)
  const range =
    report.startOffset === null || report.endOffset === null
      ? html``
      : html`<dt>Bytes</dt><dd>${number(report.startOffset)} to ${number(report.endOffset)}</dd>`
  return html`<section class="card" aria-labelledby="rr"><header><h2 id="rr">Batch ${number(report.batch)}</h2>${state}<span class="meta">risk report${report.ruleSet === null ? html`` : html`, rule set <code>${html.own(report.ruleSet)}</code>`}</span></header>
<div class="body qsum"><div class="bigscale">${hazardScale(risk.hazardMax, true)}<p class="small dim">${report.held > 0 ? html`Highest hazard of the events that wait.` : html`No event of this batch waits any more.`}</p></div>
<dl class="kv"><dt>Source</dt><dd>${report.source === null ? html`–` : html`<a class="mono" href="${htmlHref(['sources', report.source])}">${html.own(report.path ?? '')}</a>`}</dd>${range}<dt>Records</dt><dd>${report.records === null ? html`–` : number(report.records)}, of which ${number(report.held + report.approved + report.rejected)} were withheld</dd><dt>Events</dt><dd>${number(report.held)} wait, ${number(report.approved)} approved, ${number(report.rejected)} rejected</dd></dl>
<dl class="kv"><dt>Threat</dt><dd>${threatScale(risk.threatMax, true)}</dd>${report.recordRoot === null ? html`` : html`<dt>Record root</dt><dd>${digestText(report.recordRoot)}</dd>`}<dt>Unwrapped</dt><dd>${risk.layers.length === 0 ? html`<span class="faint">nothing</span>` : html.own(risk.layers.join(', '))}</dd>${report.committedAt === null ? html`` : html`<dt>Loaded</dt><dd>${isoTime(report.committedAt)}</dd>`}</dl></div>
${risk.rules.length === 0 ? html`<div class="body small dim">${report.held > 0 ? html`No rule hit: these events were withheld in an emergency.` : html``}</div>` : heatTable(report)}</section>`
}

/** Which rule hit which field how often. Names of fields come out of the logs. */
function heatTable({ risk }: BatchReport): Html {
  const totals = new Map<string, number>()
  for (const rule of risk.rules)
    rule.fields.forEach((field, i) => {
      totals.set(field, (totals.get(field) ?? 0) + rule.eventsOfField[i]!)
    })
  const fields = [...totals].sort((a, b) => b[1] - a[1]).map(([field]) => field)
  const columns = fields.slice(0, FIELD_COLUMNS)
  const most = Math.max(1, ...risk.rules.flatMap((rule) => rule.eventsOfField))
  const cell = (events: number, field: string): Html => {
    const heat = events === 0 ? 0 : Math.min(4, 1 + Math.floor((3.99 * events) / most))
    return html`<td data-l="${htmlAttribute(field)}" class="num heat h${heat}${events === 0 ? html` hide` : html``}">${zeroed(events)}</td>`
  }
  const rows = risk.rules.map((rule) => {
    const eventsIn = (field: string): number => rule.eventsOfField[rule.fields.indexOf(field)] ?? 0
    const others = fields.slice(FIELD_COLUMNS).reduce((sum, field) => sum + eventsIn(field), 0)
    const isHazard = rule.rule.startsWith('hazard.')
    return html`<tr><th scope="row" class="wide">${html.own(rule.title ?? 'A rule of another rule set')}<span class="l2"><a href="${htmlHref(['rules', rule.rule])}"><code>${html.own(rule.rule)}</code></a></span></th><td data-l="Score">${rule.score === null ? html`–` : isHazard ? hazardScale(rule.score) : threatScale(rule.score)}</td><td class="num" data-l="Events">${number(rule.events)}</td>${html.join(columns.map((field) => cell(eventsIn(field), field)))}${fields.length > FIELD_COLUMNS ? cell(others, 'other fields') : html``}</tr>`
  })
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Rule hits by field, scrolls sideways"><table class="cards heatt"><caption class="sr">Events that each rule hit, by field</caption><thead><tr><th scope="col">Rule</th><th scope="col">Score</th><th scope="col" class="num">Events</th>${html.join(columns.map((field) => html`<th scope="col" class="num">${attackHtml(field)}</th>`))}${fields.length > FIELD_COLUMNS ? html`<th scope="col" class="num">other</th>` : html``}</tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>`
}

function samplesCard(report: BatchReport): Html {
  const all = report.held + report.approved + report.rejected
  const shown = report.events.length
  const more =
    shown < all
      ? html`<a class="btn" href="${htmlHref(['quarantine', String(report.batch)], { samples: Math.min(all, LIMITS.webSamplesMax) })}">Show all ${number(all)}</a>`
      : html``
  return html`<section class="card" aria-labelledby="sv"><header><h2 id="sv">Safe view</h2><span class="faint small">${number(shown)} of ${counted(all, 'event', 'events')}, the most hazardous first</span><div class="row end">${more}</div></header>
${html.join(report.events.map((event, i) => sample(event, i === 0)))}</section>`
}

function sample(event: BatchReport['events'][number], isOpen: boolean): Html {
  const hits =
    event.hits.length === 0 ? undefined : JSON.stringify(event.hits.map((h) => [h.field, h.rule]))
  const texts = hitTexts(hits, event.payload)
  const first = texts[0]
  const state =
    event.state === 'held'
      ? html`<label class="tick"><input type="checkbox" data-record="${event.record}"><span class="sr">Choose record ${event.record}</span></label>`
      : event.state === 'approved'
        ? badge('ok', 'check', html`Approved`)
        : badge('plain', 'cross', html`Rejected`)
  const rest = Object.entries(event.payload).filter(
    ([name]) => !texts.some(([field]) => field === name),
  )
  return html`<div class="smp">${state}<details class="cmd"${isOpen ? html` open` : html``}><summary><span class="chev">${icon('chev')}</span><span class="tm">record ${event.record}</span>${first === undefined ? html`<span class="dim">no text</span>` : html`<span class="clipped">${attackHtml(first[1].slice(0, 300))}</span>`}<span class="scs">${hazardScale(event.hazard)}</span></summary>
<div class="in"><div class="row small dim"><span>${isoTime(event.at)}</span><span>${attackHtml(event.eventid)}</span><span>sensor ${attackHtml(event.sensor)}</span><span>session ${attackHtml(event.session === '' ? '–' : event.session)}</span>${threatScale(event.threat)}</div>
${event.hits.length === 0 ? html`` : html`<div class="hits">${html.join(event.hits.map((hit) => ruleChip(hit.rule, html`<span>in</span>${html.data(hit.field)}`)))}</div>`}
${event.layers.length === 0 ? html`` : html`<p class="small dim">Unwrapped: ${html.own(event.layers.join(', '))}</p>`}
${html.join(texts.map(([field, text]) => html`<div class="stack tight"><span class="small dim">${html.data(field)}</span><div class="atkb">${attackHtml(text)}</div><details${isOpen ? html` open` : html``}><summary class="small">Bytes</summary>${hexDump(text)}</details></div>`))}
${rest.length === 0 ? html`` : html`<details><summary class="small">Other fields</summary><dl class="kv">${html.join(rest.map(([name, value]) => html`<dt>${html.data(name)}</dt><dd>${attackHtml(typeof value === 'string' ? value : JSON.stringify(value))}</dd>`))}</dl></details>`}</div></details></div>`
}

function decisionCard(
  report: BatchReport,
  { signedIn, body }: Asked,
  problem: OperatingError | undefined,
  beside: readonly HeldBatchJson[],
): Html {
  const id = String(report.batch)
  const isReason = problem !== undefined && (body['reason'] ?? '').trim() === ''
  const rules = report.risk.rules.map((one) => [one.rule, one.rule] as const)
  const form = decisionForm(
    htmlHref(['quarantine', id, 'approve']),
    signedIn.csrf,
    html`${problem === undefined || isReason ? html`` : problemNote(problem)}
<div class="choice words"><p><strong>Approve</strong><span class="small dim">The events become stored. Summaries and reports are afterwards what they would be if nothing had been held.</span></p><p><strong>Reject</strong><span class="small dim">The events stay sealed and counted as held, state rejected. No output will ever show them.</span></p></div>
<div><label class="label" for="rec">Records</label><input class="text" id="rec" name="records" value="${htmlAttribute(body['records'] ?? '')}" placeholder="all ${report.held} that wait" autocomplete="off" inputmode="numeric" aria-describedby="rec-h"><p class="help" id="rec-h">Empty for all that wait; else numbers and ranges, as 3,7-12. Ticking samples above fills this in.</p></div>
${reasonArea('rs', body['reason'], isReason ? html`Say why.` : undefined)}
${rules.length === 0 ? html`` : html`<div><label class="label" for="fp">A rule that hit without cause</label><select class="text" id="fp" name="false_positive"><option value="">none</option>${html.join(rules.map(([value]) => html`<option value="${htmlAttribute(value)}"${value === body['false_positive'] ? html` selected` : html``}>${html.own(value)}</option>`))}</select><p class="help">Counted on the page of the rule.</p></div>`}
<div class="row between"><span class="row"><button class="btn primary" type="submit">${icon('check')}Approve <span data-count="${report.held}">${counted(report.held, 'event', 'events')}</span></button><button class="btn danger" type="submit" formaction="${htmlHref(['quarantine', id, 'reject'])}">${icon('cross')}Reject <span data-count="${report.held}">${counted(report.held, 'event', 'events')}</span></button><a class="btn quiet" href="/quarantine">Decide later</a></span>${nextTo(report, beside)}</div>`,
  )
  return html`<section class="card" id="decision" aria-labelledby="de"><header><h2 id="de">Decision</h2>${levelOf(report.risk.hazardMax) >= 4 ? html`<span class="meta">hazard is critical: look at the samples first</span>` : html``}</header>${form}</section>`
}
