/** Reports: made by a process of their own, kept on a bounded shelf, opened without any right. */
import { OperatingError, UsageError } from '../../core/errors.ts'
import { LIMITS } from '../../limits.ts'
import { TOP } from '../../report/model.ts'
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
  type Problems,
  policyOf,
  problemsOf,
  REDACTIONS,
  REPORT_FORMATS,
  REPORT_KINDS,
  REPORT_NAME,
  readKept,
  removeKept,
  type Wanted,
} from '../data/reports.ts'
import { linesOf } from '../fields.ts'
import { actorOf, counted, doneNote, isoTime, jsonOf, problemNote, statusOf } from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, FieldSpec, Html, Reply, Route } from '../route.ts'

const NAME: FieldSpec = {
  meaning: 'Name of a report that was made',
  required: true,
  pattern: REPORT_NAME,
  charsMax: 80,
}
/** What a report may be asked for beside its period. */
const CHOICES: Readonly<Record<string, FieldSpec>> = {
  until: { meaning: 'Of a range: the day after the last', charsMax: 20 },
  sensor: {
    meaning: 'Only this sensor, or these; all where there is none',
    charsMax: 255,
    timesMax: LIMITS.webReportSensorsMax,
  },
  group: { meaning: 'Only the sensors of this group of nacre.toml', charsMax: 255 },
  compare: { meaning: 'Compare with the period before', choices: COMPARISONS, charsMax: 10 },
  redact: { meaning: 'What is taken out', choices: REDACTIONS, charsMax: 10 },
  top: { meaning: `Entries of each list, 1 to ${LIMITS.topMax}`, charsMax: 20 },
  brief: { meaning: 'Figures and lists alone', choices: ['yes'], charsMax: 3 },
}
const FORM: Readonly<Record<string, FieldSpec>> = {
  kind: { meaning: 'Kind of report', choices: REPORT_KINDS, charsMax: 10 },
  date: {
    meaning:
      'Period: 2026-11-22, 2026-W47 or 2026-11, empty for the newest; of a range its first day',
    charsMax: 20,
  },
  ...CHOICES,
  format: { meaning: 'Format of the file', choices: REPORT_FORMATS, charsMax: 30 },
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
      const wanted = wantedIn(body)
      if (Object.keys(problemsOf(parts, wanted)).length > 0)
        return { ...(await reportsReply(parts, signedIn, body, undefined, undefined)), status: 400 }
      try {
        const { name } = await makeKept(parts, wanted, actorOf(signedIn))
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
        meaning: 'daily, weekly, monthly or range',
        required: true,
        choices: REPORT_KINDS,
        charsMax: 10,
      },
      date: {
        meaning: 'Period: 2026-11-22, 2026-W47 or 2026-11; of a range its first day',
        required: true,
        pattern: '^[0-9]{4}-[0-9W]{2,3}(-[0-9]{2})?$',
        charsMax: 10,
      },
    },
    query: CHOICES,
    async answers({ params, query, signal }, parts) {
      const wanted = wantedIn({ ...query, ...params })
      for (const [field, problem] of Object.entries(problemsOf(parts, wanted)))
        throw new UsageError('USAGE_BAD_ARGUMENT', `The field "${field}" does not fit.`, {
          hint: problem,
        })
      const value = await jsonReport(parts, wanted, signal)
      return { kind: 'json', value }
    },
  },
]

function wantedIn(body: Asked['body']): Wanted {
  return {
    kind: REPORT_KINDS.find((one) => one === body['kind']) ?? 'daily',
    date: body['date']?.trim() ?? '',
    until: body['until']?.trim() ?? '',
    sensors: linesOf(body['sensor']),
    group: body['group'] ?? '',
    compare: COMPARISONS.find((one) => one === body['compare']) ?? 'none',
    redact: REDACTIONS.find((one) => one === body['redact']) ?? 'internal',
    format: REPORT_FORMATS.find((one) => one === body['format']) ?? 'html',
    top: body['top']?.trim() ?? '',
    isBrief: body['brief'] === 'yes',
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
    body: html`${head(html`Reports`, html`Figures of a UTC day, week, month or any days, made from the roll-ups kept at ingest. Withheld events are in none.`)}
${fresh === undefined ? html`` : doneNote(html`The ${html.own(fresh.kind)} report of ${html.own(periodWords(fresh))} is made. ${openLink(fresh)}`)}
<div class="cols start">${signedIn.rights.has('export') ? makeCard(parts, given, sensors, signedIn.csrf, problem) : html`<section class="card c7"><div class="pad small dim">You may open and save reports; to make one takes the right to export.</div></section>`}${quickCard(newest)}</div>
${keptCard(kept, signedIn)}`,
    ...(problem === undefined ? {} : { status: statusOf(problem) }),
  }
}

const KIND_LABELS: Readonly<Record<Wanted['kind'], string>> = {
  daily: 'a day',
  weekly: 'an ISO week',
  monthly: 'a month',
  range: 'any days',
}

function makeCard(
  parts: Parts,
  given: Asked['body'],
  sensors: readonly string[],
  csrf: string,
  problem: OperatingError | undefined,
): Html {
  const wanted = wantedIn(given)
  const problems = problemsOf(parts, wanted)
  const groups = Object.keys(parts.groups)
  const choice = <Value extends string>(
    name: keyof Problems,
    label: string,
    options: readonly (readonly [Value, string])[],
    chosen: Value,
    help: Html = html``,
  ): Html => {
    const items = options.map(
      ([value, words]) =>
        html`<option value="${htmlAttribute(value)}"${value === chosen ? html` selected` : html``}>${html.own(words)}</option>`,
    )
    return field(
      name,
      label,
      problems,
      (more) =>
        html`<select class="text" name="${html.own(name)}"${more}>${html.join(items)}</select>`,
      help,
    )
  }
  const typed = (name: keyof Problems, label: string, rest: Html, help: Html): Html =>
    field(
      name,
      label,
      problems,
      (more) =>
        html`<input class="text" name="${html.own(name)}" value="${htmlAttribute(String(wanted[name]))}" autocomplete="off" spellcheck="false" ${rest}${more}>`,
      help,
    )
  const own = <Word extends string>(words: readonly Word[]) =>
    words.map((word) => [word, word] as const)
  return card(
    'mk',
    html`Make a report`,
    html`<form class="body stack" method="post" action="/reports">${csrfField(csrf)}${problem === undefined ? html`` : problemNote(problem)}<div class="fields top">${choice(
      'kind',
      'Of',
      REPORT_KINDS.map((kind) => [kind, KIND_LABELS[kind]] as const),
      wanted.kind,
    )}${typed('date', 'Period, or first day', html`maxlength="20" placeholder="newest"`, html`2026-11-22, 2026-W47 or 2026-11; empty for the newest with events.`)}${typed('until', 'Until', html`maxlength="20" placeholder="of any days"`, html`Of any days: the day after the last.`)}${sensorsField(sensors, wanted.sensors, problems)}${
      groups.length === 0
        ? html``
        : choice('group', 'Group', [['', 'none'], ...own(groups)], wanted.group)
    }${choice('format', 'Format', own(REPORT_FORMATS), wanted.format)}${choice(
      'redact',
      'Redaction',
      own(REDACTIONS),
      wanted.redact,
      html`Internal takes nothing out; partner is for those one works with, public for anybody.`,
    )}${choice(
      'compare',
      'Compare with',
      [
        ['none', 'nothing'],
        ['previous', 'the period before'],
      ],
      wanted.compare,
      html`html and pdf always compare, but for brief ones.`,
    )}${typed('top', 'Entries of each list', html`type="number" min="1" max="${LIMITS.topMax}" placeholder="${TOP}" inputmode="numeric"`, html``)}<label class="onebox"><input type="checkbox" name="brief" value="yes"${wanted.isBrief ? html` checked` : html``}><span>Brief: figures and lists alone</span></label></div><div class="row"><button class="btn primary" type="submit">${icon('file')}Make the report</button></div></form>`,
    { width: 7 },
  )
}

/** A control with its label, what helps to fill it, and what is wrong with it, which says so to screen readers too. */
function field(
  name: keyof Problems,
  label: string,
  problems: Problems,
  control: (more: Html) => Html,
  help: Html = html``,
): Html {
  const problem = problems[name]
  const id = html.own(`f-${name}`)
  const isFirst = Object.keys(problems)[0] === name
  const more = html` id="${id}" aria-describedby="${id}-w ${id}-h"${problem === undefined ? html`` : html` aria-invalid="true"`}${isFirst ? html` autofocus` : html``}`
  return html`<div class="fieldrow"><label for="${id}">${html.own(label)}</label>${control(more)}<p class="wrong" id="${id}-w"${problem === undefined ? html` hidden` : html` role="alert"`}>${html.own(problem ?? '')}</p><p class="help" id="${id}-h">${help}</p></div>`
}

function sensorsField(
  sensors: readonly string[],
  chosen: readonly string[],
  { sensors: problem }: Problems,
): Html {
  const boxes = sensors.map(
    (name) =>
      html`<label class="onebox"><input type="checkbox" name="sensor" value="${htmlAttribute(name)}"${chosen.includes(name) ? html` checked` : html``}${problem === undefined ? html`` : html` aria-invalid="true"`}><span>${html.data(name)}</span></label>`,
  )
  return html`<fieldset class="fieldrow choosable" aria-describedby="f-sensors-w"><legend>Only these sensors; all where none is chosen</legend><div class="scrolls">${boxes.length === 0 ? html`<span class="faint">There is no sensor yet.</span>` : html.join(boxes)}</div><p class="wrong" id="f-sensors-w"${problem === undefined ? html` hidden` : html` role="alert"`}>${html.own(problem ?? '')}</p></fieldset>`
}

/** A range by its first day and the day after its last. */
function periodWords({ period }: KeptReport): string {
  return period.replace('/', ' to before ')
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
  const items = (['daily', 'weekly', 'monthly'] as const).flatMap((kind) =>
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

/** What else was asked for. */
function extras({ compare, isBrief, top }: KeptReport): Html {
  const words = [
    ...(compare === 'none' ? [] : ['compared']),
    ...(isBrief ? ['brief'] : []),
    ...(top === '' ? [] : [`top ${top}`]),
  ]
  return words.length === 0 ? html`` : html` <span class="sub">${html.own(words.join(', '))}</span>`
}

function sensorsOf({ sensors, group }: KeptReport): Html {
  const named = [
    ...(group === '' ? [] : [html`group ${html.own(group)}`]),
    ...sensors.map((name) => html.data(name)),
  ]
  if (named.length === 0) return html`<span class="faint">all</span>`
  const more = named.length - SENSORS_NAMED
  return html`${html.join(named.slice(0, SENSORS_NAMED), ', ')}${more > 0 ? html` <span class="faint">and ${more} more</span>` : html``}`
}

/** Sensors of a report that is kept, in its row. */
const SENSORS_NAMED = 3

function keptCard(kept: readonly KeptReport[], { rights, csrf }: Asked['signedIn']): Html {
  if (kept.length === 0)
    return html`<section class="card" aria-label="Reports that were made"><h2 class="sr">Reports that were made</h2>${emptyState(html`No report is kept`, html`A report that is made here stays until it is deleted or makes room for newer ones.`)}</section>`
  const rows = kept.map(
    (one) =>
      html`<tr><th scope="row" class="wide">${html.own(one.kind)} ${html.own(periodWords(one))}${extras(one)}</th><td data-l="Format">${html.own(one.format)}</td><td data-l="Sensors">${sensorsOf(one)}</td><td data-l="Redaction">${html.own(one.redact)}</td><td class="num" data-l="Size">${bytes(one.bytes)}</td><td class="nowrap" data-l="Made">${isoTime(one.at)}</td><td data-l="By">${html.own(one.by)}</td><td class="wide"><span class="row">${openLink(one)}${rights.has('export') ? html`<form method="post" action="${htmlHref(['reports', 'files', one.name, 'delete'])}">${csrfField(csrf)}<button class="btn quiet small" type="submit" aria-label="Delete the ${html.own(one.kind)} report of ${html.own(periodWords(one))}, ${html.own(one.format)}">${icon('cross')}Delete</button></form>` : html``}</span></td></tr>`,
  )
  return card(
    'kp',
    html`Made here`,
    html`<div class="scroll"><table class="rows cards"><caption class="sr">Reports that are kept, newest first</caption><thead><tr><th scope="col">Report</th><th scope="col">Format</th><th scope="col">Sensors</th><th scope="col">Redaction</th><th scope="col" class="num">Size</th><th scope="col">Made (UTC)</th><th scope="col">By</th><th scope="col"><span class="sr">What to do</span></th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>`,
    {
      meta: html`${counted(kept.length, 'report', 'reports')} of at most ${LIMITS.webReportsMax}`,
    },
  )
}
