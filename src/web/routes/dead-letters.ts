/** Dead letters: what could not become events, why, and what a person decides about it. */
import type { OperatingError } from '../../core/errors.ts'
import { DEAD_REASONS } from '../../core/event.ts'
import { bytes, card, emptyState, head, html, htmlHref, icon, number } from '../components.ts'
import {
  discardLetter,
  LETTER_STATES,
  type LetterFilter,
  type LetterJson,
  letterList,
  letterNumbered,
  replayLetter,
} from '../data/dead-letters.ts'
import {
  actorOf,
  badge,
  counted,
  decisionForm,
  decisionRoutes,
  doneNote,
  isoTime,
  jsonOf,
  numberField,
  numberIn,
  olderLink,
  pathText,
  problemNote,
  REASON_FIELD,
  reasonArea,
  reasonIn,
  selectField,
  statusOf,
} from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, FieldSpec, Html, Reply, Route } from '../route.ts'

const LETTER = numberField('Number of the dead letter')
const LIST_QUERY: Readonly<Record<string, FieldSpec>> = {
  state: {
    meaning: 'Only those in this state: new (default), replayed, superseded, discarded, all',
    choices: LETTER_STATES,
    charsMax: 10,
  },
  reason: { meaning: 'Only this reason code', choices: ['', ...DEAD_REASONS], charsMax: 20 },
  source: { meaning: 'Only of this source', pattern: '^[0-9a-f]{32}$', charsMax: 32 },
  before: { meaning: 'Only those with a smaller number', pattern: '^[0-9]{1,15}$', charsMax: 15 },
}

export const deadLetterRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/dead-letters',
    right: 'view',
    summary: 'Dead letters: what could not become events',
    query: LIST_QUERY,
    async answers({ query }, parts) {
      const filter = filterOf(query)
      const list = await letterList(parts, filter)
      return { kind: 'page', title: 'Dead letters', body: listPage(list, filter) }
    },
  },
  {
    method: 'GET',
    path: '/dead-letters/:letter',
    right: 'view',
    summary: 'What is known of one dead letter',
    params: { letter: LETTER },
    query: { done: { meaning: 'What was just decided', charsMax: 40 } },
    answers: (asked, parts) => letterReply(asked, parts, undefined),
  },
  {
    method: 'GET',
    path: '/api/v1/dead-letters',
    right: 'view',
    summary: 'Dead letters, newest first',
    query: LIST_QUERY,
    answers: ({ query }, parts) => jsonOf(() => letterList(parts, filterOf(query))),
  },
  {
    method: 'GET',
    path: '/api/v1/dead-letters/:letter',
    right: 'view',
    summary: 'What is known of one dead letter; its bytes stay sealed',
    params: { letter: LETTER },
    answers: ({ params }, parts) => jsonOf(() => letterNumbered(parts, Number(params['letter']))),
  },
  ...decisionsOn(
    'replay',
    'Read a dead letter again, with the program and settings of now',
    'Read a dead letter again',
  ),
  ...decisionsOn('discard', 'Give a dead letter up', 'Give a dead letter up'),
]

function filterOf(query: Asked['query']): LetterFilter {
  const reason = query['reason']
  return {
    state: LETTER_STATES.find((one) => one === query['state']) ?? 'new',
    reason: reason === '' ? undefined : reason,
    source: query['source'],
    before: numberIn(query['before']),
  }
}

type Verb = 'replay' | 'discard'

async function decide(verb: Verb, { params, body, signedIn }: Asked, parts: Parts) {
  const by = { actor: actorOf(signedIn), reason: reasonIn(body['reason']) }
  const id = Number(params['letter'])
  return verb === 'replay' ? replayLetter(parts, id, by) : discardLetter(parts, id, by)
}

function decisionsOn(verb: Verb, summary: string, apiSummary: string): readonly Route[] {
  return decisionRoutes({
    path: `/dead-letters/:letter/${verb}`,
    summary,
    apiSummary,
    params: { letter: LETTER },
    body: { reason: REASON_FIELD },
    decide: (asked, parts) => decide(verb, asked, parts),
    doneAt(done) {
      const what =
        'outcome' in done && done.outcome === 'unreadable'
          ? 'unreadable'
          : 'stored' in done
            ? `replayed+${done.stored}+${done.duplicate}+${done.held}+${done.dead}`
            : 'discarded'
      return `/dead-letters/${done.letter}?done=${what}`
    },
    refused: letterReply,
  })
}

async function letterReply(
  asked: Asked,
  parts: Parts,
  problem: OperatingError | undefined,
): Promise<Reply> {
  const letter = await letterNumbered(parts, Number(asked.params['letter']))
  return {
    kind: 'page',
    title: `Dead letter ${letter.letter}`,
    body: letterPage(letter, asked, problem),
    ...(problem === undefined ? {} : { status: statusOf(problem) }),
  }
}

function listPage(
  { counts, letters, next }: Awaited<ReturnType<typeof letterList>>,
  filter: LetterFilter,
): Html {
  const waiting = counts.filter((one) => one.state === 'new')
  const regions = waiting.reduce((sum, one) => sum + one.regions, 0)
  const records = waiting.reduce((sum, one) => sum + one.records, 0)
  const reasons = [...new Set(counts.map((one) => one.reason))]
  const rows = letters.map(
    (one) =>
      html`<tr><th scope="row"><a href="${htmlHref(['dead-letters', String(one.letter)])}">${number(one.letter)}</a></th><td data-l="Reason" class="wide"><code>${html.own(one.reason)}</code><span class="small faint says">${html.own(one.meaning)}</span></td><td data-l="State">${stateBadge(one.state)}</td><td class="num" data-l="Records">${number(one.records)}</td><td class="num" data-l="Bytes">${bytes(one.bytes)}</td><td class="wide" data-l="Source"><a class="mono clipped tail" href="${htmlHref(['sources', one.source])}">${pathText(one.path)}</a><span class="l2">from byte ${number(one.startOffset)}</span></td><td class="nowrap" data-l="Loaded">${isoTime(one.committedAt)}</td></tr>`,
  )
  const isFiltered = filter.reason !== undefined || filter.source !== undefined
  return html`${head(
    html`Dead letters`,
    regions === 0
      ? html`Every line that was read has become an event, or somebody has decided about it.`
      : html`${counted(regions, 'region', 'regions')} with ${counted(records, 'record', 'records')} could not become events. Their bytes are sealed; nothing is lost.`,
  )}
${filter.before === undefined && counts.length > 1 ? reasonsCard(counts) : html``}
<form class="row" method="get" action="/dead-letters">${selectField(
    'state',
    'State',
    LETTER_STATES.map((state) => [state, state] as const),
    filter.state,
  )}${selectField(
    'reason',
    'Reason',
    [['', 'any'] as const, ...reasons.map((reason) => [reason, reason] as const)],
    filter.reason ?? '',
  )}${filter.source === undefined ? html`` : html`<input type="hidden" name="source" value="${html.own(filter.source)}">`}<button class="btn" type="submit">Show</button>${isFiltered ? html`<a class="btn quiet" href="/dead-letters">${icon('cross')}Clear</a>` : html``}</form>
<section class="card" aria-label="Dead letters"><h2 class="sr">Dead letters</h2>${
    rows.length === 0
      ? emptyState(
          html`No dead letter`,
          isFiltered || filter.state !== 'new'
            ? html`None matches these filters.`
            : html`A line or region that cannot become an event will be listed here with its reason and its bytes.`,
        )
      : html`<div class="scroll"><table class="rows cards"><caption class="sr">Dead letters, newest first</caption><thead><tr><th scope="col">Number</th><th scope="col">Reason</th><th scope="col">State</th><th scope="col" class="num">Records</th><th scope="col" class="num">Bytes</th><th scope="col">Source</th><th scope="col">Loaded (UTC)</th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>`
  }${olderLink(['dead-letters'], { state: filter.state, reason: filter.reason, source: filter.source }, next ?? undefined)}</section>`
}

function reasonsCard(counts: Awaited<ReturnType<typeof letterList>>['counts']): Html {
  if (counts.length === 0) return html``
  const rows = counts.map(
    (one) =>
      html`<tr><th scope="row"><a href="${htmlHref(['dead-letters'], { state: one.state, reason: one.reason })}"><code>${html.own(one.reason)}</code></a></th><td data-l="State">${stateBadge(one.state)}</td><td class="num" data-l="Regions">${number(one.regions)}</td><td class="num" data-l="Records">${number(one.records)}</td></tr>`,
  )
  return card(
    'by',
    html`By reason`,
    html`<div class="scroll"><table class="cards"><thead><tr><th scope="col">Reason</th><th scope="col">State</th><th scope="col" class="num">Regions</th><th scope="col" class="num">Records</th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>`,
  )
}

function stateBadge(state: string): Html {
  if (state === 'new') return badge('pending', 'dead', html`waits`)
  if (state === 'replayed') return badge('ok', 'check', html`replayed`)
  return badge('plain', state === 'superseded' ? 'dup' : 'cross', html.own(state))
}

function letterPage(letter: LetterJson, asked: Asked, problem: OperatingError | undefined): Html {
  const id = String(letter.letter)
  const facts = html`<dl class="kv"><dt>Reason</dt><dd><code>${html.own(letter.reason)}</code>: ${html.own(letter.meaning)}</dd><dt>Detail</dt><dd>${letter.detail === '' ? html`<span class="faint">none</span>` : html.own(letter.detail)}</dd><dt>Source</dt><dd><a class="mono" href="${htmlHref(['sources', letter.source])}">${html.own(letter.path)}</a></dd><dt>Bytes</dt><dd>${number(letter.startOffset)} to ${number(letter.endOffset)} of the decompressed stream, ${bytes(letter.bytes)}</dd><dt>Records</dt><dd>${number(letter.records)}, from record ${number(letter.sourceRecord + 1)} of the source</dd><dt>Batch</dt><dd>${number(letter.batchId)}, record ${number(letter.firstRecord)} · <a href="${htmlHref(['integrity', 'proof'], { batch: letter.batchId, record: letter.firstRecord })}">proof that it is sealed</a></dd><dt>Loaded</dt><dd>${isoTime(letter.committedAt)}</dd></dl>`
  const isReason = problem !== undefined && (asked.body['reason'] ?? '').trim() === ''
  const form = decisionForm(
    htmlHref(['dead-letters', id, 'replay']),
    asked.signedIn.csrf,
    html`${problem === undefined || isReason ? html`` : problemNote(problem)}
<div class="choice words"><p><strong>Replay</strong><span class="small dim">The sealed bytes are read again with the program and settings of now. What can be read becomes a source of its own; what still cannot stays as it is.</span></p><p><strong>Discard</strong><span class="small dim">It no longer counts as waiting. The sealed bytes stay where they are.</span></p></div>
${reasonArea('rs', asked.body['reason'], isReason ? html`Say why.` : undefined)}
<div class="row"><button class="btn primary" type="submit">${icon('play')}Replay</button><button class="btn danger" type="submit" formaction="${htmlHref(['dead-letters', id, 'discard'])}">${icon('cross')}Discard</button></div>`,
  )
  return html`${head(html`Dead letter ${number(letter.letter)}`, html`<a href="/dead-letters">All dead letters</a>`)}
${doneOf(asked.query['done'])}
${card('wh', html`What is known`, html`<div class="body">${facts}</div>`, { meta: stateBadge(letter.state) })}
<p class="note">${icon('lock')}<span>The bytes are part of the record: they stay sealed here. Whoever has the right may reveal them with <code>nacre evidence reveal --letter ${number(letter.letter)} --reason TEXT</code>, and the journal keeps that they did.</span></p>
${
  letter.state === 'new'
    ? asked.signedIn.rights.has('review')
      ? card('de', html`Decision`, form)
      : html`<p class="note">${icon('eye')}<span>To decide on it takes the right to review.</span></p>`
    : problem === undefined
      ? html``
      : problemNote(problem)
}`
}

function doneOf(text: string | undefined): Html {
  if (text === 'discarded') return doneNote(html`The dead letter is discarded.`)
  if (text === 'unreadable') return doneNote(html`It still cannot be read. Nothing was changed.`)
  const found = /^replayed (\d{1,9}) (\d{1,9}) (\d{1,9}) (\d{1,9})$/.exec(text ?? '')
  if (found === null) return html``
  const [stored, duplicate, held, dead] = found.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
  ] // four groups of digits
  return doneNote(
    html`Read again: ${number(stored)} stored, ${number(duplicate)} duplicate, ${number(held)} held, ${number(dead)} still dead.`,
  )
}
