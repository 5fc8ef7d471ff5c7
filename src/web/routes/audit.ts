/** The journal: who did what, when and why. */
import { UsageError } from '../../core/errors.ts'
import { formatInstant, type InstantUs } from '../../core/instant.ts'
import { LIMITS } from '../../limits.ts'
import { type JournalRecord, journalNames, journalPage } from '../../store/repo/journal.ts'
import { emptyState, head, html, htmlAttribute, icon, number } from '../components.ts'
import { isoTime, jsonOf, numberIn, olderLink, selectField } from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, FieldSpec, Html, Route } from '../route.ts'

const QUERY: Readonly<Record<string, FieldSpec>> = {
  actor: { meaning: 'Only what this one did', charsMax: 200 },
  action: {
    meaning: 'Only this; with a dot at its end all that begin so, as evidence.',
    pattern: '^[a-z.*-]{0,60}$',
    charsMax: 60,
  },
  since: {
    meaning: 'Only from this UTC day on, YYYY-MM-DD',
    pattern: '^([0-9]{4}-[0-9]{2}-[0-9]{2})?$',
    charsMax: 10,
  },
  before: { meaning: 'Only entries with a smaller number', pattern: '^[0-9]{1,15}$', charsMax: 15 },
}

type Filter = {
  readonly actor: string | undefined
  readonly action: string | undefined
  readonly since: string | undefined
  readonly before: number | undefined
}

export const auditRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/audit',
    right: 'review',
    summary: 'The journal: who did what, when and why',
    query: QUERY,
    async answers({ query }, parts) {
      const filter = filterOf(query)
      const found = await auditEntries(parts, filter)
      const names = await journalNames(parts.store.query)
      return { kind: 'page', title: 'Audit', body: auditPage(found, names, filter) }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/audit',
    right: 'review',
    summary: 'Entries of the journal, newest first',
    query: QUERY,
    answers: ({ query }, parts) => jsonOf(() => auditEntries(parts, filterOf(query))),
  },
]

function filterOf(query: Asked['query']): Filter {
  const given = (name: string): string | undefined => (query[name] === '' ? undefined : query[name])
  return {
    actor: given('actor'),
    action: given('action'),
    since: given('since'),
    before: numberIn(query['before']),
  }
}

/** @throws UsageError for a day that is none */
async function auditEntries({ store }: Parts, filter: Filter) {
  const page = await journalPage(
    store.query,
    {
      actor: filter.actor,
      action: filter.action,
      sinceUs: filter.since === undefined ? undefined : dayStart(filter.since),
    },
    filter.before,
    LIMITS.webRowsMax + 1,
  )
  const shown = page.slice(0, LIMITS.webRowsMax)
  return {
    entries: shown.map(({ atUs, detail, ...entry }) => ({
      ...entry,
      at: formatInstant(atUs),
      detail: detailOf(detail),
    })),
    next: page.length > shown.length ? (shown.at(-1)?.seq ?? null) : null,
  }
}

type Entries = Awaited<ReturnType<typeof auditEntries>>

function dayStart(text: string): InstantUs {
  const ms = Date.parse(`${text}T00:00:00Z`)
  if (!Number.isNaN(ms)) return ms * 1000
  throw new UsageError('USAGE_BAD_ARGUMENT', 'This is no day.', { hint: 'Write 2026-11-22.' })
}

/** As `journalEntry` wrote it; in a store that was tampered with it may be anything. */
function detailOf(text: JournalRecord['detail']): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { ...value }
      : { value: text }
  } catch {
    return { value: text }
  }
}

function auditPage(
  { entries, next }: Entries,
  names: Awaited<ReturnType<typeof journalNames>>,
  filter: Filter,
): Html {
  const groups = [...new Set(names.actions.map((one) => `${one.split('.')[0]}.`))]
  const rows = entries.map(
    (one) =>
      html`<tr><th scope="row" class="nowrap">${number(one.seq)}</th><td class="nowrap" data-l="When">${isoTime(one.at)}</td><td data-l="Who">${html.data(one.actor)}</td><td data-l="What"><code>${html.own(one.action)}</code><span class="l2">${html.data(one.subject)}</span></td><td class="wide wrap" data-l="Why">${html.data(one.reason)}${detailList(one.detail)}</td></tr>`,
  )
  const { actor, action, since } = filter
  return html`${head(
    html`Audit`,
    html`Every decision, reveal, key and setting of the record, chained by hash: <a href="/integrity">verification</a> finds a change.`,
  )}
<form class="row" method="get" action="/audit">${selectField('actor', 'Who', [['', 'anybody'] as const, ...names.actors.map((one) => [one, one] as const)], actor ?? '')}${selectField('action', 'What', [['', 'anything'] as const, ...groups.map((one) => [one, `all of ${one}`] as const), ...names.actions.map((one) => [one, one] as const)], action ?? '')}<label class="field"><span>Since</span><input type="date" name="since" value="${htmlAttribute(since ?? '')}"></label><button class="btn" type="submit">Show</button>${actor === undefined && action === undefined && since === undefined ? html`` : html`<a class="btn quiet" href="/audit">${icon('cross')}Clear</a>`}</form>
<section class="card" aria-label="Journal">${
    rows.length === 0
      ? emptyState(html`No entry`, html`Nothing in the journal matches these filters.`)
      : html`<div class="scroll"><table class="rows cards"><caption class="sr">Entries of the journal, newest first</caption><thead><tr><th scope="col">No.</th><th scope="col">When (UTC)</th><th scope="col">Who</th><th scope="col">What, to what</th><th scope="col">Why</th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>`
  }${olderLink(['audit'], { actor, action, since }, next ?? undefined)}</section>`
}

function detailList(detail: Readonly<Record<string, unknown>>): Html {
  const pairs = Object.entries(detail)
  if (pairs.length === 0) return html``
  return html`<details><summary class="small dim">Detail</summary><dl class="kv">${html.join(
    pairs.map(
      ([name, value]) =>
        html`<dt>${html.data(name)}</dt><dd class="mono">${html.data(typeof value === 'string' ? value : JSON.stringify(value))}</dd>`,
    ),
  )}</dl></details>`
}
