/** The frame that every page stands in. */
import { html, htmlAttribute } from '../output/encode/html.ts'
import { ICONS, icon } from './components.ts'
import type { Html, SignedIn } from './route.ts'

export type Frame = {
  readonly title: string
  readonly body: Html
  /** Path of the page, for the mark in the navigation. */
  readonly path: string
  readonly signedIn: SignedIn | undefined
  readonly scripts: readonly string[]
  /** What waits for a person. */
  readonly waiting: { readonly heldBatches: number; readonly deadRegions: number }
  /** The state of the record, as the last verification left it. */
  readonly record: {
    readonly state: 'verified' | 'unchecked' | 'failed'
    readonly words: string
  }
  /** Version of the assets, for their address. */
  readonly assets: string
}

const PAGES = [
  ['/', 'Overview', 'overview'],
  ['/sessions', 'Sessions', 'sessions'],
  ['/quarantine', 'Quarantine', 'quarantine'],
  ['/dead-letters', 'Dead letters', 'dead'],
  ['/reports', 'Reports', 'reports'],
  ['/alerts', 'Alerts', 'alert'],
  ['/anomalies', 'Anomalies', 'spark'],
  undefined,
  ['/sources', 'Sources', 'sources'],
  ['/integrity', 'Integrity', 'integrity'],
  ['/rules', 'Rules', 'rules'],
  ['/audit', 'Audit', 'audit'],
  ['/settings', 'Settings', 'settings'],
] as const

/** A whole HTML document. It loads style and scripts from this server alone, and has none of its own. */
export function layout(frame: Frame): Html {
  return html`${layoutUpTo(frame)}${layoutBehind(frame)}`
}

/** The document up to the end of its body. */
export function layoutUpTo(frame: Frame): Html {
  const scripts = ['theme', ...frame.scripts].map(
    (name) =>
      html`<script type="module" src="/assets/${html.own(name)}.js?v=${html.own(frame.assets)}"></script>\n`,
  )
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${html.own(frame.title)} · nacre</title>
<link rel="icon" href="/assets/nacre.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/nacre.css?v=${html.own(frame.assets)}">
${html.join(scripts)}</head>
<body>
${ICONS}
<a class="skip" href="#main">Skip to content</a>
${frame.signedIn === undefined ? html`<main class="main apart" id="main" tabindex="-1">${brand()}` : framed(frame, frame.signedIn)}${frame.body}`
}

/** What closes it. */
export function layoutBehind({ signedIn }: Pick<Frame, 'signedIn'>): Html {
  return html`${
    signedIn === undefined
      ? html`</main>`
      : html`
</main>
</div>
</div>`
  }
</body>
</html>
`
}

function framed(frame: Frame, signedIn: SignedIn): Html {
  return html`<div class="app">
<aside class="side">
${brand()}
${finder('find')}
${navigation(frame)}
<div class="side-foot">
${recordOf(frame)}
<fieldset class="theme"><legend class="sr">Theme</legend><label><input type="radio" name="th" id="th-auto" value="auto" checked>Auto</label><label><input type="radio" name="th" id="th-light" value="light">Light</label><label><input type="radio" name="th" id="th-dark" value="dark">Dark</label></fieldset>
${whoOf(signedIn)}
</div>
</aside>
<div>
<header class="topbar">${brand()}<details class="menu"><summary class="btn quiet" aria-label="Menu">${icon('menu')}Menu</summary><div class="sheet">${finder('find-menu')}${navigation(frame)}<hr>${recordOf(frame)}${whoOf(signedIn)}</div></details></header>
<main class="main" id="main" tabindex="-1">
`
}

/** Finds anything, from every page. @param id - of its field */
function finder(id: string): Html {
  return html`<form class="find" role="search" method="get" action="/search"><label class="field" for="${html.own(id)}">${icon('search')}<span class="sr">Find an address, id, hash or words</span><input type="search" id="${html.own(id)}" name="q" placeholder="Find anything" maxlength="500"></label></form>`
}

function brand(): Html {
  return html`<a class="brand" href="/"><svg width="26" height="26" viewBox="0 0 26 26" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"><path d="M3 16.500a10 10 0 1 1 20 0"/><path d="M6.7 17.500a6.3 6.3 0 0 1 12.6 0" opacity=".6"/><circle cx="13" cy="18.6" r="3.7" fill="url(#iris)" stroke="none"/><circle cx="13" cy="18.6" r="3.7" stroke-width=".7" opacity=".45"/></svg>nacre</a>`
}

function navigation({ path, waiting }: Frame): Html {
  const links = PAGES.map((page) => {
    if (page === undefined) return html`<hr>`
    const [to, name, sign] = page
    const isHere = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`)
    return html`<a href="${html.own(to)}"${isHere ? html` aria-current="page"` : html``}>${icon(sign)}<span>${html.own(name)}</span>${countOf(to, waiting)}</a>`
  })
  return html`<nav class="nav" aria-label="Main">${html.join(links)}</nav>`
}

function countOf(to: string, waiting: Frame['waiting']): Html {
  if (to === '/quarantine' && waiting.heldBatches > 0)
    return html`<span class="count held" aria-label="${waiting.heldBatches} batches held">${waiting.heldBatches}</span>`
  if (to === '/dead-letters' && waiting.deadRegions > 0)
    return html`<span class="count" aria-label="${waiting.deadRegions} regions">${waiting.deadRegions}</span>`
  return html``
}

function recordOf({ record }: Frame): Html {
  const words = {
    verified: html`Record verified`,
    unchecked: html`Record not checked yet`,
    failed: html`Verification failed`,
  }[record.state]
  return html`<a class="record" href="/integrity"><span class="pearl m is-${html.own(record.state)}" aria-hidden="true"></span><span><strong>${words}</strong>${html.own(record.words)}</span></a>`
}

function whoOf({ user, role, csrf }: SignedIn): Html {
  return html`<form class="who" method="post" action="/sign-out">${icon('user')}<span>${html.own(user)} · ${html.own(role)}</span><input type="hidden" name="csrf" value="${htmlAttribute(csrf)}"><button class="btn quiet small" type="submit">Sign out</button></form>`
}
