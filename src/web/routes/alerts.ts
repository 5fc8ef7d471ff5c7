/** Alerts: what people were told, or are to be; and that one has been seen. */
import { acknowledgeAlert, alertJson, guideOf } from '../../alert/index.ts'
import type { OperatingError } from '../../core/errors.ts'
import { emptyState, head, html, htmlHref, number } from '../components.ts'
import {
  actorOf,
  badge,
  counted,
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

const SHOWN = ['open', 'all'] as const
const ALERT = numberField('Number of the alert')
const LIST_QUERY: Readonly<Record<string, FieldSpec>> = {
  state: { meaning: 'open (default): also acknowledged ones; all', choices: SHOWN, charsMax: 10 },
}

type Failed = { readonly id: number; readonly reason: string; readonly problem: OperatingError }

export const alertRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/alerts',
    right: 'view',
    summary: 'Alerts: what people were told, or are to be',
    query: { ...LIST_QUERY, done: { meaning: 'What was just decided', charsMax: 20 } },
    answers: (asked, parts) => alertsReply(asked, parts, undefined),
  },
  {
    method: 'GET',
    path: '/api/v1/alerts',
    right: 'view',
    summary: 'Alerts: what people were told, or are to be',
    query: LIST_QUERY,
    answers: ({ query }, parts) => jsonOf(() => alertList(parts, query['state'] === 'all')),
  },
  ...decisionRoutes({
    path: '/alerts/:alert/acknowledge',
    summary: 'Acknowledge an open alert: no more reminders until it is over or worse',
    apiSummary: 'Acknowledge an open alert',
    params: { alert: ALERT },
    body: { reason: REASON_FIELD },
    decide: acknowledge,
    doneAt: ({ id }) => `/alerts?done=${id}`,
    refused: (asked, parts, problem) =>
      alertsReply(asked, parts, {
        id: Number(asked.params['alert']),
        reason: asked.body['reason'] ?? '',
        problem,
      }),
    told: ({ id, kind }) => ({ id, kind, state: 'acknowledged' }),
  }),
]

async function acknowledge({ params, body, signedIn }: Asked, { store }: Parts) {
  return acknowledgeAlert(store.alerts, Number(params['alert']), {
    actor: actorOf(signedIn),
    reason: reasonIn(body['reason']),
  })
}

async function alertList({ store }: Parts, isAll: boolean) {
  const { alerts } = await store.alerts.memory()
  return {
    alerts: alerts
      .filter((one) => isAll || one.state !== 'resolved')
      .sort((a, b) => b.lastAtUs - a.lastAtUs || a.id - b.id)
      .map((one) => ({ ...alertJson(one), title: guideOf(one.kind).title })),
  }
}

type AlertList = Awaited<ReturnType<typeof alertList>>['alerts']

async function alertsReply(
  { query, signedIn }: Asked,
  parts: Parts,
  failed: Failed | undefined,
): Promise<Reply> {
  const isAll = query['state'] === 'all'
  const { alerts } = await alertList(parts, isAll)
  const open = alerts.filter((one) => one.state === 'open').length
  const isShown = alerts.some((one) => one.id === failed?.id && one.state === 'open')
  const done = /^\d{1,15}$/.test(query['done'] ?? '')
    ? doneNote(html`The alert is acknowledged.`)
    : html``
  return {
    kind: 'page',
    title: 'Alerts',
    body: html`${head(
      html`Alerts`,
      open === 0
        ? html`No alert is open.`
        : html`${counted(open, 'alert is', 'alerts are')} open. A follower and <code>nacre alerts check</code> look for them.`,
      tabs('State', [
        { to: htmlHref(['alerts']), words: html`Open`, isHere: !isAll },
        { to: htmlHref(['alerts'], { state: 'all' }), words: html`All`, isHere: isAll },
      ]),
    )}${done}${failed === undefined || isShown ? html`` : problemNote(failed.problem)}${alertTable(alerts, signedIn, failed)}`,
    ...(failed === undefined ? {} : { status: statusOf(failed.problem) }),
  }
}

function alertTable(
  alerts: AlertList,
  { rights, csrf }: Asked['signedIn'],
  failed: Failed | undefined,
): Html {
  if (alerts.length === 0)
    return html`<section class="card" aria-label="Alerts"><h2 class="sr">Alerts</h2>${emptyState(html`No alert`, html`Silent sensors, missing days, dead letters that grow, a full disk and the like will be listed here.`)}</section>`
  const rows = alerts.map(
    (one) =>
      html`<tr><th scope="row" class="wide">${html.own(one.title)}<span class="l2 whole">${html.data(one.subject)}</span></th><td data-l="Severity">${badge(one.severity === 'critical' ? 'failed' : 'pending', 'alert', html.own(one.severity))}</td><td data-l="State">${stateBadge(one.state)}</td><td class="wide wrap" data-l="What">${html.own(one.message)}<span class="small faint says">${html.own(one.advice)}</span></td><td class="num" data-l="Figure">${number(one.figure)}<span class="l2">${html.own(one.unit)}</span></td><td class="nowrap" data-l="Since">${isoTime(one.firstAt)}</td><td class="wide">${
        one.state === 'open' && rights.has('review')
          ? rowDecision(
              `r${one.id}`,
              html`Acknowledge`,
              csrf,
              [
                {
                  to: htmlHref(['alerts', String(one.id), 'acknowledge']),
                  words: html`Acknowledge`,
                  isMain: true,
                },
              ],
              failed?.id === one.id ? failed : undefined,
            )
          : html``
      }</td></tr>`,
  )
  return html`<section class="card" aria-label="Alerts"><h2 class="sr">Alerts</h2><div class="scroll"><table class="rows cards"><caption class="sr">Alerts, newest first</caption><thead><tr><th scope="col">What</th><th scope="col">Severity</th><th scope="col">State</th><th scope="col">In words</th><th scope="col" class="num">Figure</th><th scope="col">Since (UTC)</th><th scope="col"><span class="sr">What to do</span></th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div></section>`
}

function stateBadge(state: string): Html {
  if (state === 'open') return badge('held', 'alert', html`open`)
  if (state === 'acknowledged') return badge('plain', 'check', html`acknowledged`)
  return badge('ok', 'check', html`over`)
}
