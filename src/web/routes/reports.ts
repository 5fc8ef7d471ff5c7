/** Reports: made by a process of their own, kept on a bounded shelf, opened without any right. */
import { OperatingError } from '../../core/errors.ts'
import { LIMITS } from '../../limits.ts'
import {
  bytes,
  card,
  csrfField,
  emptyState,
  head,
  html,
  htmlAttribute,
  htmlHref,
  icon,
} from '../components.ts'
import {
  COMPARISONS,
  jsonReport,
  type KeptReport,
  keptReports,
  makeKept,
  newestPeriods,
  policyOf,
  REDACTIONS,
  REPORT_FORMATS,
  REPORT_KINDS,
  REPORT_NAME,
  readKept,
  removeKept,
  type Wanted,
} from '../data/reports.ts'
import {
  actorOf,
  counted,
  doneNote,
  isoTime,
  jsonOf,
  problemNote,
  selectField,
  statusOf,
} from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, FieldSpec, Html, Reply, Route } from '../route.ts'

const NAME: FieldSpec = {
  meaning: 'Name of a report that was made',
  required: true,
  pattern: REPORT_NAME,
  charsMax: 80,
}
const FORM: Readonly<Record<string, FieldSpec>> = {
  kind: { meaning: 'Kind of report', choices: REPORT_KINDS, charsMax: 10 },
  date: { meaning: 'Period: 2026-11-22, 2026-W47 or 2026-11; empty for the newest', charsMax: 10 },
  sensor: { meaning: 'Only this sensor', charsMax: 200 },
  compare: { meaning: 'Compare with the period before', choices: COMPARISONS, charsMax: 10 },
  redact: { meaning: 'What is taken out', choices: REDACTIONS, charsMax: 10 },
  format: { meaning: 'Format of the file', choices: REPORT_FORMATS, charsMax: 10 },
}

export const reportRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/reports',
    right: 'view',
    summary: 'Reports: make one, and those that were made',
    query: { ...FORM, made: { ...NAME, required: false } },
    answers: ({ query, signedIn }, parts) =>
      reportsReply(parts, signedIn, query, undefined, query['made']),
  },
  {
    method: 'POST',
    path: '/reports',
    right: 'export',
    summary: 'Make a report and keep it',
    body: FORM,
    async answers({ body, signedIn }, parts) {
      try {
        const { name } = await makeKept(parts, wantedIn(body), actorOf(signedIn))
        return { kind: 'redirect', to: `/reports?made=${name}` }
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error
        return reportsReply(parts, signedIn, body, error, undefined)
      }
    },
  },
  {
    method: 'GET',
    path: '/reports/files/:name',
    right: 'view',
    summary: 'A report that was made, to be saved',
    params: { name: NAME },
    async answers({ params }, parts) {
      const { report, content, type } = readKept(parts, params['name']!)
      return { kind: 'file', name: `nacre-${report.name}`, type, content }
    },
  },
  {
    method: 'GET',
    path: '/reports/open/:name',
    right: 'view',
    summary: 'An HTML report in the browser, in a sandbox',
    params: { name: NAME },
    async answers({ params }, parts) {
      const { report, content, type } = readKept(parts, params['name']!)
      if (report.format !== 'html' || content.length > LIMITS.webReportOpenBytesMax)
        return { kind: 'file', name: `nacre-${report.name}`, type, content }
      return {
        kind: 'file',
        name: `nacre-${report.name}`,
        type: 'text/html; charset=utf-8',
        content,
        shownUnder: policyOf(content),
      }
    },
  },
  {
    method: 'POST',
    path: '/reports/files/:name/delete',
    right: 'export',
    summary: 'Remove a report that was made',
    params: { name: NAME },
    async answers({ params }, parts) {
      removeKept(parts, params['name']!)
      return { kind: 'redirect', to: '/reports' }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/reports',
    right: 'view',
    summary: 'Reports that were made and are kept',
    answers: (_, parts) => jsonOf(async () => ({ reports: keptReports(parts) })),
  },
  {
    method: 'GET',
    path: '/api/v1/reports/:kind/:date',
    right: 'view',
    summary: 'The report of a period as JSON',
    params: {
      kind: {
        meaning: 'daily, weekly or monthly',
        required: true,
        choices: REPORT_KINDS,
        charsMax: 10,
      },
      date: {
        meaning: 'Period: 2026-11-22, 2026-W47 or 2026-11',
        required: true,
        pattern: '^[0-9]{4}-[0-9W]{2,3}(-[0-9]{2})?$',
        charsMax: 10,
      },
    },
    query: { sensor: { meaning: 'Only this sensor', charsMax: 200 } },
    async answers({ params, query, signal }, parts) {
      const wanted = {
        kind: REPORT_KINDS.find((one) => one === params['kind']) ?? 'daily',
        date: params['date']!,
        sensor: query['sensor'] ?? '',
      }
      const value = await jsonReport(parts, wanted, signal)
      return { kind: 'json', value }
    },
  },
]

function wantedIn(body: Asked['body']): Wanted {
  return {
    kind: REPORT_KINDS.find((one) => one === body['kind']) ?? 'daily',
    date: body['date']?.trim() ?? '',
    sensor: body['sensor']?.trim() ?? '',
    compare: COMPARISONS.find((one) => one === body['compare']) ?? 'none',
    redact: REDACTIONS.find((one) => one === body['redact']) ?? 'internal',
    format: REPORT_FORMATS.find((one) => one === body['format']) ?? 'html',
  }
}

async function reportsReply(
  parts: Parts,
  signedIn: Asked['signedIn'],
  given: Asked['body'],
  problem: OperatingError | undefined,
  made: string | undefined,
): Promise<Reply> {
  const kept = keptReports(parts)
  const fresh = kept.find((one) => one.name === made)
  const sensors = [...(await parts.store.reads().sensorNames()).values()].sort()
  const newest = await newestPeriods(parts)
  return {
    kind: 'page',
    title: 'Reports',
    body: html`${head(html`Reports`, html`Figures of a UTC day, week or month, made from the roll-ups kept at ingest. Withheld events are in none.`)}
${fresh === undefined ? html`` : doneNote(html`The ${html.own(fresh.kind)} report of ${html.own(fresh.date)} is made. ${openLink(fresh)}`)}
<div class="cols start">${signedIn.rights.has('export') ? makeCard(given, sensors, signedIn.csrf, problem) : html`<section class="card c7"><div class="pad small dim">You may open and save reports; to make one takes the right to export.</div></section>`}${quickCard(newest)}</div>
${keptCard(kept, signedIn)}`,
    ...(problem === undefined ? {} : { status: statusOf(problem) }),
  }
}

function makeCard(
  given: Asked['body'],
  sensors: readonly string[],
  csrf: string,
  problem: OperatingError | undefined,
): Html {
  const wanted = wantedIn(given)
  const redactions = {
    internal: 'internal: nothing taken out',
    partner: 'partner: for those one works with',
    public: 'public: for anybody',
  }
  return card(
    'mk',
    html`Make a report`,
    html`<form class="body stack" method="post" action="/reports">${csrfField(csrf)}${problem === undefined ? html`` : problemNote(problem)}<div class="row">${selectField(
      'kind',
      'Kind',
      REPORT_KINDS.map((kind) => [kind, kind] as const),
      wanted.kind,
    )}<label class="field"><span>Period</span><input name="date" value="${htmlAttribute(wanted.date)}" maxlength="10" placeholder="newest" autocomplete="off" aria-describedby="pd-h"></label>${selectField(
      'sensor',
      'Sensor',
      [['', 'all together'] as const, ...sensors.map((name) => [name, name] as const)],
      wanted.sensor,
    )}</div><p class="help" id="pd-h">A day as 2026-11-22, a week as 2026-W47, a month as 2026-11; empty for the newest with events.</p><div class="row">${selectField(
      'format',
      'Format',
      REPORT_FORMATS.map((format) => [format, format] as const),
      wanted.format,
    )}${selectField(
      'compare',
      'Compare with',
      [
        ['none', 'nothing'],
        ['previous', 'the period before'],
      ],
      wanted.compare,
    )}${selectField(
      'redact',
      'Redaction',
      REDACTIONS.map((level) => [level, redactions[level]] as const),
      wanted.redact,
    )}</div><div class="row"><button class="btn primary" type="submit">${icon('file')}Make the report</button></div></form>`,
    { width: 7 },
  )
}

function quickCard(newest: Awaited<ReturnType<typeof newestPeriods>>): Html {
  if (newest === undefined)
    return card(
      'qk',
      html`Newest periods`,
      emptyState(
        html`No events yet`,
        html`Load a folder with <code>nacre ingest bulk PATH</code>.`,
      ),
      { width: 5 },
    )
  const items = REPORT_KINDS.flatMap((kind) =>
    newest[kind].map(
      (date) =>
        html`<li>${icon('reports')}<div><a href="${htmlHref(['reports'], { kind, date })}">${html.own(date)}</a> <span class="sub">${html.own(kind)}</span></div><div class="when"><a href="${htmlHref(['api', 'v1', 'reports', kind, date])}">JSON</a></div></li>`,
    ),
  )
  return card('qk', html`Newest periods`, html`<ul class="list">${html.join(items)}</ul>`, {
    width: 5,
    meta: html`fills the form`,
  })
}

function openLink(one: KeptReport): Html {
  const save = html`<a href="${htmlHref(['reports', 'files', one.name])}" download>Save</a>`
  return one.format === 'html'
    ? html`<a href="${htmlHref(['reports', 'open', one.name])}" target="_blank" rel="noopener">Open</a> · ${save}`
    : save
}

function keptCard(kept: readonly KeptReport[], { rights, csrf }: Asked['signedIn']): Html {
  if (kept.length === 0)
    return html`<section class="card" aria-label="Reports that were made"><h2 class="sr">Reports that were made</h2>${emptyState(html`No report is kept`, html`A report that is made here stays until it is deleted or makes room for newer ones.`)}</section>`
  const rows = kept.map(
    (one) =>
      html`<tr><th scope="row">${html.own(one.kind)} ${html.own(one.date)}</th><td data-l="Format">${html.own(one.format)}</td><td data-l="Sensor">${one.sensor === '' ? html`<span class="faint">all</span>` : html.data(one.sensor)}</td><td data-l="Redaction">${html.own(one.redact)}</td><td class="num" data-l="Size">${bytes(one.bytes)}</td><td class="nowrap" data-l="Made">${isoTime(one.at)}</td><td data-l="By">${html.own(one.by)}</td><td class="wide"><span class="row">${openLink(one)}${rights.has('export') ? html`<form method="post" action="${htmlHref(['reports', 'files', one.name, 'delete'])}">${csrfField(csrf)}<button class="btn quiet small" type="submit" aria-label="Delete the ${html.own(one.kind)} report of ${html.own(one.date)}, ${html.own(one.format)}">${icon('cross')}Delete</button></form>` : html``}</span></td></tr>`,
  )
  return card(
    'kp',
    html`Made here`,
    html`<div class="scroll"><table class="rows cards"><caption class="sr">Reports that are kept, newest first</caption><thead><tr><th scope="col">Report</th><th scope="col">Format</th><th scope="col">Sensor</th><th scope="col">Redaction</th><th scope="col" class="num">Size</th><th scope="col">Made (UTC)</th><th scope="col">By</th><th scope="col"><span class="sr">What to do</span></th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>`,
    {
      meta: html`${counted(kept.length, 'report', 'reports')} of at most ${LIMITS.webReportsMax}`,
    },
  )
}
