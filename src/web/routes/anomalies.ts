/** Anomalies of the live stream: what was unusual, and what a person says about it. */
import { anomalyJson, callFalseAlarm, confirmAnomaly, sentenceOn } from '../../anomaly/index.ts'
import type { OperatingError } from '../../core/errors.ts'
import { LIMITS } from '../../limits.ts'
import { attackHtml, emptyState, head, html, htmlHref, number } from '../components.ts'
import {
  actorOf,
  badge,
  decisionRoutes,
  doneNote,
  isoTime,
  jsonOf,
  numberField,
  problemNote,
  REASON_FIELD,
  reasonIn,
  rowDecision,
  statusOf,
  tabs,
} from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, FieldSpec, Html, Reply, Route } from '../route.ts'

const SHOWN = ['new', 'all'] as const
const ANOMALY = numberField('Number of the anomaly')
const LIST_QUERY: Readonly<Record<string, FieldSpec>> = {
  state: {
    meaning: 'new (default): alarms that nobody has decided on; all: also notices and decided ones',
    choices: SHOWN,
    charsMax: 10,
  },
}

type Failed = { readonly id: number; readonly reason: string; readonly problem: OperatingError }
type Verb = 'confirm' | 'false'

export const anomalyRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/anomalies',
    right: 'view',
    summary: 'Anomalies of the live stream',
    query: { ...LIST_QUERY, done: { meaning: 'What was just decided', charsMax: 20 } },
    answers: (asked, parts) => anomaliesReply(asked, parts, undefined),
  },
  {
    method: 'GET',
    path: '/api/v1/anomalies',
    right: 'view',
    summary: 'Anomalies of the live stream, newest first',
    query: LIST_QUERY,
    answers: ({ query }, parts) => jsonOf(() => anomalyList(parts, query['state'] === 'all')),
  },
  ...decisionsOn('confirm', 'Say that an anomaly was hostile', 'Say that an anomaly was hostile'),
  ...decisionsOn(
    'false',
    'Say that an anomaly was a false alarm: its threshold rises',
    'Say that an anomaly was a false alarm',
  ),
]

function decisionsOn(verb: Verb, summary: string, apiSummary: string): readonly Route[] {
  return decisionRoutes({
    path: `/anomalies/:anomaly/${verb}`,
    summary,
    apiSummary,
    params: { anomaly: ANOMALY },
    body: { reason: REASON_FIELD },
    decide: (asked, parts) => decide(verb, asked, parts),
    doneAt: () => `/anomalies?done=${verb}`,
    refused: (asked, parts, problem) =>
      anomaliesReply(asked, parts, {
        id: Number(asked.params['anomaly']),
        reason: asked.body['reason'] ?? '',
        problem,
      }),
  })
}

async function decide(verb: Verb, { params, body, signedIn }: Asked, parts: Parts) {
  const by = {
    actor: actorOf(signedIn),
    reason: reasonIn(body['reason']),
    nowUs: parts.clock(),
  }
  const id = Number(params['anomaly'])
  if (verb === 'false')
    return { ...(await callFalseAlarm(parts.store.activity, id, by)), state: 'false' }
  await confirmAnomaly(parts.store.activity, id, by)
  return { id, state: 'confirmed' }
}

async function anomalyList({ store }: Parts, isAll: boolean) {
  const found = await store.activity.anomalies({
    state: isAll ? undefined : 'new',
    severity: isAll ? undefined : 'alarm',
    limit: LIMITS.webAnomaliesMax + 1,
  })
  const shown = found.slice(0, LIMITS.webAnomaliesMax)
  return {
    anomalies: shown.map((one) => ({ ...anomalyJson(one), message: sentenceOn(one) })),
    hasMore: found.length > shown.length,
  }
}

type AnomalyList = Awaited<ReturnType<typeof anomalyList>>

async function anomaliesReply(
  { query, signedIn }: Asked,
  parts: Parts,
  failed: Failed | undefined,
): Promise<Reply> {
  const isAll = query['state'] === 'all'
  const list = await anomalyList(parts, isAll)
  const isShown = list.anomalies.some((one) => one.id === failed?.id && one.state === 'new')
  const words = {
    confirm: html`The anomaly is confirmed. <code>nacre anomalies confirm NUMBER</code> drafts rules from what is behind it.`,
    false: html`Called a false alarm: its detector is less easily alarmed by that sensor now.`,
  }
  const done = query['done']
  return {
    kind: 'page',
    title: 'Anomalies',
    body: html`${head(
      html`Anomalies`,
      html`Hours of a sensor that were unlike the hours before. They are found while a loader follows the logs.`,
      tabs('State', [
        { to: htmlHref(['anomalies']), words: html`New`, isHere: !isAll },
        { to: htmlHref(['anomalies'], { state: 'all' }), words: html`All`, isHere: isAll },
      ]),
    )}${done === 'confirm' || done === 'false' ? doneNote(words[done]) : html``}${failed === undefined || isShown ? html`` : problemNote(failed.problem)}${anomalyTable(list, signedIn, failed)}`,
    ...(failed === undefined ? {} : { status: statusOf(failed.problem) }),
  }
}

function anomalyTable(
  { anomalies, hasMore }: AnomalyList,
  { rights, csrf }: Asked['signedIn'],
  failed: Failed | undefined,
): Html {
  if (anomalies.length === 0)
    return html`<section class="card" aria-label="Anomalies"><h2 class="sr">Anomalies</h2>${emptyState(html`Nothing unusual`, html`No hour of a sensor was unlike those before it, or nobody follows the logs.`)}</section>`
  const rows = anomalies.map((one) => {
    const action = (verb: Verb): Html => htmlHref(['anomalies', String(one.id), verb])
    const evidence = one.evidence.values.map(
      (value) =>
        html`<span class="small">${html.own(value.kind)} ${attackHtml(value.text)} ${number(value.count)}</span>`,
    )
    return html`<tr><th scope="row" class="nowrap">${isoTime(one.hour)}<span class="l2">${html.data(one.sensor)}</span></th><td data-l="Kind">${badge(one.severity === 'alarm' ? 'failed' : 'pending', one.severity === 'alarm' ? 'alert' : 'spark', html.own(one.severity))}<span class="l2">${html.own(one.detector)}</span></td><td class="wide wrap" data-l="Found">${html.data(one.message)}<div class="evid">${html.join(evidence)}${one.evidence.more > 0 ? html`<span class="small faint">and about ${number(one.evidence.more)} more</span>` : html``}</div>${one.evidence.withheld > 0 ? html`<a class="small" href="/quarantine">${number(one.evidence.withheld)} of its events are withheld</a>` : html``}</td><td class="num" data-l="Figure">${number(one.figure)}<span class="l2">usual ${html.own(one.baseline.toFixed(1))}</span></td><td data-l="State">${stateBadge(one.state)}${one.decidedBy === null ? html`` : html`<span class="small faint says">${html.own(one.decidedBy)}: ${html.data(one.reason ?? '')}</span>`}</td><td class="wide">${
      one.state === 'new' && rights.has('review')
        ? rowDecision(
            `r${one.id}`,
            html`Decide`,
            csrf,
            [
              { to: action('confirm'), words: html`It was hostile`, isMain: true },
              { to: action('false'), words: html`False alarm`, isMain: false },
            ],
            failed?.id === one.id ? failed : undefined,
          )
        : html``
    }</td></tr>`
  })
  return html`<section class="card" aria-label="Anomalies"><h2 class="sr">Anomalies</h2><div class="scroll"><table class="rows cards"><caption class="sr">Anomalies, newest first</caption><thead><tr><th scope="col">Hour (UTC)</th><th scope="col">Kind</th><th scope="col">Found</th><th scope="col" class="num">Figure</th><th scope="col">State</th><th scope="col"><span class="sr">What to do</span></th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>${hasMore ? html`<footer>Only the newest ${LIMITS.webAnomaliesMax} are shown; <code>nacre anomalies list --all --limit N</code> has all.</footer>` : html``}</section>`
}

function stateBadge(state: string): Html {
  if (state === 'new') return badge('held', 'clock', html`new`)
  if (state === 'confirmed') return badge('failed', 'check', html`confirmed`)
  return badge('plain', 'cross', html`false alarm`)
}
