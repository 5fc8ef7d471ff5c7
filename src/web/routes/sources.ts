/** Sources: one lineage each, with its position, its lag and how its batches tile its bytes; and the loaders. */
import { LIMITS } from '../../limits.ts'
import type { LoaderStatus } from '../../telemetry/loaders.ts'
import {
  bytes,
  card,
  emptyState,
  head,
  html,
  htmlAttribute,
  htmlHref,
  icon,
  number,
} from '../components.ts'
import {
  SOURCE_STATES,
  type SourceDetail,
  type SourceFilter,
  type SourceJson,
  sourceDetail,
  sourceList,
  watchSources,
} from '../data/sources.ts'
import {
  badge,
  counted,
  digestText,
  isoTime,
  jsonOf,
  numberIn,
  olderLink,
  pathText,
  selectField,
  verifiedBadge,
  zeroed,
} from '../lists.ts'
import type { Asked, FieldSpec, Html, Route } from '../route.ts'

const UID: FieldSpec = {
  meaning: 'Name of the source, 32 hexadecimal digits',
  required: true,
  pattern: '^[0-9a-f]{32}$',
  charsMax: 32,
}
const LIST_QUERY: Readonly<Record<string, FieldSpec>> = {
  state: {
    meaning: 'Only sources whose last reading ended so: open, complete, torn, bomb (default all)',
    choices: SOURCE_STATES,
    charsMax: 10,
  },
  q: { meaning: 'Only sources whose path holds this, whatever its case', charsMax: 255 },
  before: {
    meaning: 'Only sources that are older than this one',
    pattern: '^[0-9a-f]{32}$',
    charsMax: 32,
  },
}
const BEFORE: FieldSpec = {
  meaning: 'Only batches with a smaller number within the source',
  pattern: '^[0-9]{1,15}$',
  charsMax: 15,
}

/** Batches that the strip shows; the chain below it has all. */
const TILES = 40

export const sourceRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/sources',
    right: 'view',
    summary: 'Sources and loaders, live',
    query: LIST_QUERY,
    async answers({ query }, parts) {
      const filter = filterOf(query)
      const list = await sourceList(parts, filter)
      return {
        kind: 'page',
        title: 'Sources',
        body: listPage(list, filter),
        scripts: ['sources'],
      }
    },
  },
  {
    method: 'GET',
    path: '/sources/:source',
    right: 'view',
    summary: 'One source with the chain of its batches',
    params: { source: UID },
    query: { before: BEFORE },
    async answers({ params, query }, parts) {
      const source = await sourceDetail(parts, params['source']!, numberIn(query['before']))
      return { kind: 'page', title: 'Source', body: detailPage(source), scripts: ['sources'] }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/sources',
    right: 'view',
    summary: 'Sources, newest first, with the loaders',
    query: LIST_QUERY,
    answers: ({ query }, parts) => jsonOf(() => sourceList(parts, filterOf(query))),
  },
  {
    method: 'GET',
    path: '/api/v1/sources/events',
    right: 'view',
    summary: 'What the loaders say, as it changes (server-sent events)',
    async answers({ signal }, parts) {
      return { kind: 'events', values: watchSources(parts, signal) }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/sources/:source',
    right: 'view',
    summary: 'One source with its batches, newest first',
    params: { source: UID },
    query: { before: BEFORE },
    answers: ({ params, query }, parts) =>
      jsonOf(() => sourceDetail(parts, params['source']!, numberIn(query['before']))),
  },
]

function filterOf(query: Asked['query']): SourceFilter {
  return {
    state: SOURCE_STATES.find((one) => one === query['state']) ?? 'all',
    q: query['q']?.trim() || undefined,
    before: query['before'],
  }
}

function listPage(
  { loaders, counts, followed, sources, next }: Awaited<ReturnType<typeof sourceList>>,
  filter: SourceFilter,
): Html {
  const sum = (of: (one: (typeof counts)[number]) => number): number =>
    counts.reduce((total, one) => total + of(one), 0)
  const isFiltered = isFilter(filter)
  // Whoever searches looks for a source, not for the loaders.
  const isFirst = filter.before === undefined && !isFiltered
  return html`${head(
    html`Sources`,
    html`${counted(
      sum((one) => one.sources),
      'source',
      'sources',
    )}, ${bytes(sum((one) => one.bytes))} in ${counted(
      sum((one) => one.records),
      'record',
      'records',
    )}. ${sum((one) => one.pendingBytes) === 0 ? html`Nothing is pending.` : html`${bytes(sum((one) => one.pendingBytes))} wait for the end of their line.`}`,
    html`<p class="small faint" id="live" role="status" hidden></p>`,
  )}
${isFirst ? html`${loadersCard(loaders)}${followed.length === 0 ? html`` : followedCard(followed)}` : html``}
<form class="row" method="get" action="/sources">${selectField(
    'state',
    'State',
    SOURCE_STATES.map((state) => [state, state] as const),
    filter.state,
  )}<label class="field grow">${icon('search')}<span class="sr">Part of a path</span><input type="search" name="q" value="${htmlAttribute(filter.q ?? '')}" placeholder="Part of a path" maxlength="255" autocomplete="off" spellcheck="false"></label><button class="btn" type="submit">Show</button>${isFiltered ? html`<a class="btn quiet" href="/sources">${icon('cross')}Clear</a>` : html``}</form>
${sourcesCard(sources, filter, next)}`
}

function isFilter({ state, q }: SourceFilter): boolean {
  return state !== 'all' || q !== undefined
}

function loadersCard(loaders: readonly LoaderStatus[]): Html {
  if (loaders.length === 0)
    return card(
      'lo',
      html`Loaders`,
      html`<div class="body small dim">None has left a status here. <code>nacre ingest delta PATH</code> follows a folder.</div>`,
    )
  const items = loaders.map(
    (one) =>
      html`<li>${icon(one.state === 'running' ? 'play' : 'clock')}<div>${html.own(one.phase)} <span data-live="loader ${htmlAttribute(one.phase)} state">${loaderBadge(one.state)}</span><div class="sub"><span data-live="loader ${htmlAttribute(one.phase)} stored">${number(one.metrics['events_inserted'] ?? 0)}</span> stored, <span data-live="loader ${htmlAttribute(one.phase)} lag">${bytes(one.metrics['lag_bytes'] ?? 0)}</span> behind, <span data-live="loader ${htmlAttribute(one.phase)} rate">${rate(one.metrics['events_per_second'] ?? 0)}</span> events/s${one.message === null ? html`` : html`<br>${html.own(one.message)}`}</div></div><div class="when"><span data-live="loader ${htmlAttribute(one.phase)} updated">${html.own(one.lastUpdated.slice(0, 19).replace('T', ' '))}</span></div></li>`,
  )
  return card('lo', html`Loaders`, html`<ul class="list">${html.join(items)}</ul>`)
}

/** Events a second: a tenth counts where there are few. */
function rate(perSecond: number): Html {
  return perSecond < 100 ? html.own(perSecond.toFixed(1)) : number(Math.round(perSecond))
}

function loaderBadge(state: string): Html {
  if (state === 'running') return badge('ok', 'play', html`running`)
  const isWell = state === 'stopped' || state === 'done'
  return badge(isWell ? 'plain' : 'failed', isWell ? 'check' : 'alert', html.own(state))
}

function followedCard(sources: readonly SourceJson[]): Html {
  const rows = sources.map((one) => {
    const now = one.following
    if (now === null) return html``
    const live = (what: string): Html =>
      html` data-live="source ${html.own(one.source)} ${html.own(what)}"`
    const share = now.size === 0 ? 100 : Math.min(100, (100 * now.position) / now.size)
    return html`<tr><th scope="row" class="wide">${sourceLink(one)}</th><td data-l="State"><span${live('state')}>${html.own(now.state)}</span></td><td class="wide" data-l="Position"><span class="nowrap"><span${live('position')}>${number(now.position)}</span> of <span${live('size')}>${number(now.size)}</span></span><svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="f-line" width="100" height="6"/><rect class="f-data"${live('bar')} width="${html.own(share.toFixed(1))}" height="6"/></svg></td><td class="num" data-l="Behind"><span${live('lag')}>${bytes(now.lagBytes)}</span></td><td class="num" data-l="Behind (s)"><span${live('seconds')}>${html.own(now.lagSeconds.toFixed(1))}</span></td><td class="num" data-l="Events/s"><span${live('rate')}>${rate(now.eventsPerSecond)}</span></td><td class="nowrap" data-l="Last event"><span${live('last')}>${now.lastEventAt === null ? html`–` : html.own(now.lastEventAt.slice(0, 19).replace('T', ' '))}</span></td></tr>`
  })
  return card(
    'fo',
    html`Followed now`,
    html`<div class="scroll"><table class="rows cards"><caption class="sr">Sources that a loader follows</caption><thead><tr><th scope="col">Source</th><th scope="col">State</th><th scope="col">Position in current file</th><th scope="col" class="num">Behind</th><th scope="col" class="num">Behind (s)</th><th scope="col" class="num">Events/s</th><th scope="col">Last event (UTC)</th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>`,
    {
      meta: html`one source is one lineage: its files stay together through renames and compression`,
    },
  )
}

function sourceLink(one: SourceJson): Html {
  return html`<a class="mono clipped tail" href="${htmlHref(['sources', one.source])}">${pathText(one.path)}</a>${one.sensor === '' ? html`` : html`<span class="l2">sensor ${html.data(one.sensor)}</span>`}`
}

function sourcesCard(
  sources: readonly SourceJson[],
  filter: SourceFilter,
  next: string | null,
): Html {
  if (sources.length === 0)
    return html`<section class="card" aria-label="Sources"><h2 class="sr">Sources</h2>${
      !isFilter(filter)
        ? emptyState(
            html`No source yet`,
            html`Load a folder with <code>nacre ingest bulk PATH</code>; each log becomes a source.`,
          )
        : emptyState(html`No source`, html`None matches these filters.`)
    }</section>`
  const rows = sources.map(
    (one) =>
      html`<tr><th scope="row" class="wide">${sourceLink(one)}</th><td data-l="State">${stateBadge(one.state)}</td><td class="num" data-l="Read">${bytes(one.committedOffset)}</td><td class="num" data-l="Pending">${one.pendingBytes === 0 ? html`<span class="faint">0</span>` : bytes(one.pendingBytes)}</td><td class="num" data-l="Records">${number(one.records)}</td><td class="num" data-l="Batches">${number(one.batches)}</td><td data-l="Tiling">${tilingBadge(one)}</td><td class="num" data-l="Behind">${one.lagBytes === null ? html`<span class="faint">–</span>` : one.lagBytes === 0 ? html`<span class="faint">0</span>` : bytes(one.lagBytes)}</td><td class="nowrap" data-l="Last read">${isoTime(one.lastSeenAt)}</td></tr>`,
  )
  return html`<section class="card" aria-labelledby="so"><header><h2 id="so">${isFilter(filter) ? html`Sources found` : html`All sources`}</h2><span class="meta">newest first</span></header><div class="scroll"><table class="rows cards"><caption class="sr">Sources, newest first</caption><thead><tr><th scope="col">Source</th><th scope="col">State</th><th scope="col" class="num">Read</th><th scope="col" class="num">Pending</th><th scope="col" class="num">Records</th><th scope="col" class="num">Batches</th><th scope="col">Tiling</th><th scope="col" class="num">Behind</th><th scope="col">Last read (UTC)</th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>${olderLink(['sources'], { state: filter.state, q: filter.q }, next ?? undefined)}</section>`
}

function stateBadge(state: string): Html {
  if (state === 'complete') return badge('plain', 'check', html`complete`)
  if (state === 'open') return badge('ok', 'play', html`open`)
  return badge('failed', state === 'torn' ? 'torn' : 'alert', html.own(state))
}

function tilingBadge({ tiling }: SourceJson): Html {
  if (tiling.batches === 0) return html`<span class="faint">no batch</span>`
  return tiling.isWhole
    ? badge('plain', 'check', html`no gap`)
    : badge('failed', 'failed', html`does not tile`)
}

function detailPage(source: SourceDetail): Html {
  const { following: now, tiling } = source
  return html`${head(html`Source`, html`<a href="/sources">All sources</a>`)}
${card(
  'wh',
  html`<span class="mono">${html.own(source.path)}</span>`,
  html`<div class="body"><dl class="kv"><dt>State</dt><dd>${stateBadge(source.state)}${now === null ? html`` : html` followed, ${html.own(now.state)}`}</dd><dt>Sensor</dt><dd>${source.sensor === '' ? html`<span class="faint">as its events say</span>` : html.data(source.sensor)}</dd><dt>Position</dt><dd>${number(source.committedOffset)} bytes committed${source.pendingBytes === 0 ? html`, nothing pending` : html`, ${bytes(source.pendingBytes)} wait for the end of their line`}</dd><dt>Behind</dt><dd>${source.lagBytes === null ? html`<span class="faint">not known: packed, or no longer there</span>` : bytes(source.lagBytes)}</dd><dt>Records</dt><dd>${number(source.records)} in ${counted(source.batches, 'batch', 'batches')}</dd><dt>Files</dt><dd>${number(source.files)} so far, ${source.compression === 'none' ? html`not packed` : html`packed as ${html.own(source.compression)}`}</dd><dt>First seen</dt><dd>${isoTime(source.firstSeenAt)}</dd><dt>Last read</dt><dd>${isoTime(source.lastSeenAt)}</dd><dt>Name</dt><dd><code>${html.own(source.source)}</code></dd></dl></div>`,
  {
    meta: html`<a href="${htmlHref(['dead-letters'], { state: 'all', source: source.source })}">Dead letters of this source</a>`,
  },
)}
${source.chain.length === 0 ? html`` : tileCard(source)}
${chainCard(source, tiling.batches)}`
}

/** The newest batches as pieces of a strip; their order and their ends are what was checked. */
function tileCard({ chain, tiling, committedOffset }: SourceDetail): Html {
  const tiles = chain
    .filter((one) => !one.isSuperseded)
    .slice(0, TILES)
    .reverse()
  const first = tiles[0]
  const last = tiles.at(-1)
  if (first === undefined || last === undefined) return html``
  const span = Math.max(1, last.endOffset - first.startOffset)
  const rects = tiles.map((one) => {
    const x = (100 * (one.startOffset - first.startOffset)) / span
    const width = Math.max(0.15, (100 * (one.endOffset - one.startOffset)) / span - 0.2)
    const kind = one.held > 0 ? 'f-held' : one.dead > 0 ? 'f-failed' : 'f-irisw'
    return html`<rect x="${html.own(x.toFixed(2))}" y="0" width="${html.own(width.toFixed(2))}" height="30" class="${html.own(kind)}"/>`
  })
  return html`<section class="card" aria-labelledby="ti"><header><h2 id="ti">Tiling</h2>${tiling.isWhole ? verifiedBadge(html`No gap, no overlap`) : badge('failed', 'failed', html`${counted(tiling.breaks, 'break', 'breaks')}`)}<span class="meta">${number(tiles.length)} of ${counted(tiling.batches, 'batch', 'batches')}; committed offset ${number(committedOffset)}</span></header><div class="body"><div class="tile"><svg viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label="${tiles.length} batches from byte ${first.startOffset} to byte ${last.endOffset}, ${tiling.isWhole ? html`each begins where the one before ends` : html`with breaks`}">${html.join(rects)}</svg><div class="x ends"><span>${number(first.startOffset)}</span><span>${number(last.endOffset)}</span></div></div><div class="legend"><span><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" class="f-iris"/></svg>committed and sealed</span><span><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" class="f-held"/></svg>with withheld events</span><span><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" class="f-failed"/></svg>with dead letters</span></div></div></section>`
}

function chainCard(source: SourceDetail, batches: number): Html {
  if (source.chain.length === 0)
    return html`<section class="card">${emptyState(html`No batch yet`, html`This source has not given a whole record yet.`)}</section>`
  const newest = source.chain.slice(0, 8).reverse()
  const links = newest.map(
    (one) =>
      html`<li><a href="#b${one.seq}"><strong>${number(one.seq)}</strong><span>${counted(one.records, 'record', 'records')}</span><code>${html.own(one.digest.slice(0, 8))}…</code></a><span class="cp${one.isSigned ? html`` : html` faint`}">${one.isSigned ? html`<span class="pearl is-verified" aria-hidden="true"></span>signed` : html`not signed yet`}</span></li>`,
  )
  const rows = source.chain.map(
    (one) =>
      html`<tr id="b${one.seq}"><th scope="row">${number(one.seq)}<span class="l2">batch ${number(one.batch)}</span></th><td class="wide" data-l="Bytes">${number(one.startOffset)} – ${number(one.endOffset)}${one.isSuperseded ? html`<span class="l2">a longer copy took its place</span>` : html``}</td><td class="num" data-l="Records">${number(one.records)}</td><td class="num" data-l="Stored">${zeroed(one.stored)}</td><td class="num" data-l="Duplicate">${zeroed(one.duplicate)}</td><td class="num" data-l="Held">${one.held === 0 ? zeroed(0) : html`<a href="${htmlHref(['quarantine', String(one.batch)])}">${number(one.held)}</a>`}</td><td class="num" data-l="Dead">${zeroed(one.dead)}</td><td class="num" data-l="Blank">${zeroed(one.blank)}</td><td data-l="Digest">${digestText(one.digest)}</td><td class="nowrap" data-l="Loaded">${isoTime(one.committedAt)}</td></tr>`,
  )
  return html`<section class="card" aria-labelledby="cb"><header><h2 id="cb">Chain of batches</h2><span class="meta">each names the digest of the one before</span></header><div class="scroll" tabindex="0" role="group" aria-label="Chain of the newest batches, scrolls sideways"><ol class="chain">${html.join(links)}</ol></div>
<div class="scroll"><table class="rows cards"><caption class="sr">Batches of the source, newest first</caption><thead><tr><th scope="col">No.</th><th scope="col">Bytes</th><th scope="col" class="num">Records</th><th scope="col" class="num">Stored</th><th scope="col" class="num">Duplicate</th><th scope="col" class="num">Held</th><th scope="col" class="num">Dead</th><th scope="col" class="num">Blank</th><th scope="col">Digest</th><th scope="col">Loaded (UTC)</th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>${batches > LIMITS.webRowsMax ? olderLink(['sources', source.source], {}, source.next ?? undefined) : html``}</section>`
}
