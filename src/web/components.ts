/** Parts that pages are built from; classes are those of `assets/nacre.css`. */
import { formatInstant, type InstantUs } from '../core/instant.ts'
import { attackHtml, html, htmlAttribute, htmlHref } from '../output/encode/html.ts'
import { bytes, LEVEL_WORDS, levelOf, number } from '../output/html-figures.ts'
import type { Html } from './route.ts'

export { attackHtml, bytes, html, htmlAttribute, htmlHref, levelOf, number }

/** Signs and gradients, once for a page. */
export const ICONS: Html = html`<svg class="sprite" aria-hidden="true"><defs><symbol id="i-overview" viewBox="0 0 16 16"><path d="M2.5 13.5h11M4 11V8M7 11V4.5M10 11V7M13 11V3"/></symbol><symbol id="i-sessions" viewBox="0 0 16 16"><rect x="1.8" y="2.8" width="12.4" height="10.4" rx="1.5"/><path d="m4.5 6 2 2-2 2M8.5 10.2h3"/></symbol><symbol id="i-quarantine" viewBox="0 0 16 16"><path d="M5.2 1.8h5.6l3.4 3.4v5.6l-3.4 3.4H5.2l-3.4-3.4V5.2z"/><path d="M6.5 5.8v4.4M9.5 5.8v4.4"/></symbol><symbol id="i-dead" viewBox="0 0 16 16"><rect x="1.8" y="3.5" width="12.4" height="9" rx="1.2"/><path d="m2.2 4.4 4 3.2M13.8 4.4l-4 3.2M6.5 8l3 3M9.5 8l-3 3"/></symbol><symbol id="i-sources" viewBox="0 0 16 16"><ellipse cx="8" cy="4" rx="5.5" ry="2.2"/><path d="M2.5 4v4c0 1.2 2.5 2.2 5.5 2.2s5.5-1 5.5-2.2V4M2.5 8v4c0 1.2 2.5 2.2 5.5 2.2s5.5-1 5.5-2.2V8"/></symbol><symbol id="i-reports" viewBox="0 0 16 16"><path d="M4 1.8h5.5l3 3v9.4H4zM9.3 2v3h3M6 8h4.5M6 10.6h4.5"/></symbol><symbol id="i-integrity" viewBox="0 0 16 16"><circle cx="3.4" cy="8" r="1.9"/><circle cx="12.6" cy="8" r="1.9"/><path d="M5.3 8h5.4"/></symbol><symbol id="i-rules" viewBox="0 0 16 16"><path d="M6.5 4h7.5M6.5 8h7.5M6.5 12h7.5M2 4l.9.9 1.6-1.8M2 8l.9.9 1.6-1.8M2 12l.9.9 1.6-1.8"/></symbol><symbol id="i-audit" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.4 1.6"/></symbol><symbol id="i-settings" viewBox="0 0 16 16"><path d="M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6"/><circle cx="10" cy="4.5" r="1.8"/><circle cx="6" cy="11.5" r="1.8"/></symbol><symbol id="i-search" viewBox="0 0 16 16"><circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.3 3.3"/></symbol><symbol id="i-chev" viewBox="0 0 16 16"><path d="m6 3.5 4.5 4.5L6 12.5"/></symbol><symbol id="i-down" viewBox="0 0 16 16"><path d="m3.5 6 4.5 4.5L12.5 6"/></symbol><symbol id="i-check" viewBox="0 0 16 16"><path d="m3 8.5 3.2 3.2L13 4.6"/></symbol><symbol id="i-cross" viewBox="0 0 16 16"><path d="m4 4 8 8M12 4l-8 8"/></symbol><symbol id="i-failed" viewBox="0 0 16 16"><path d="M5.2 1.8h5.6l3.4 3.4v5.6l-3.4 3.4H5.2l-3.4-3.4V5.2z"/><path d="m6 6 4 4M10 6l-4 4"/></symbol><symbol id="i-clock" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="M8 4.5V8h3"/></symbol><symbol id="i-lock" viewBox="0 0 16 16"><rect x="3" y="7" width="10" height="7" rx="1.4"/><path d="M5 7V5a3 3 0 0 1 6 0v2"/></symbol><symbol id="i-key" viewBox="0 0 16 16"><circle cx="5" cy="11" r="3"/><path d="m7.2 8.8 6-6M11 5l2 2"/></symbol><symbol id="i-eye" viewBox="0 0 16 16"><path d="M1.5 8s2.4-4.5 6.5-4.5S14.5 8 14.5 8 12.1 12.5 8 12.5 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="2"/></symbol><symbol id="i-get" viewBox="0 0 16 16"><path d="M8 2v8M4.8 7 8 10.2 11.2 7M2.5 13.500h11"/></symbol><symbol id="i-play" viewBox="0 0 16 16"><path d="M4.5 2.800v10.400L13 8z"/></symbol><symbol id="i-step" viewBox="0 0 16 16"><path d="M4 3v10l6.5-5zM12.5 3v10"/></symbol><symbol id="i-pause" viewBox="0 0 16 16"><path d="M5.5 3.500v9M10.5 3.500v9"/></symbol><symbol id="i-copy" viewBox="0 0 16 16"><rect x="5.5" y="5.5" width="8" height="8" rx="1.2"/><path d="M10.5 5.500v-3h-8v8h3"/></symbol><symbol id="i-alert" viewBox="0 0 16 16"><path d="M8 2 14.5 13.500h-13zM8 6.500v3.200M8 11.600v.1"/></symbol><symbol id="i-diamond" viewBox="0 0 16 16"><path d="M8 1.8 14.2 8 8 14.2 1.8 8z"/></symbol><symbol id="i-bars" viewBox="0 0 16 16"><path d="M3 13v-2.500M6.3 13V8M9.7 13V5.500M13 13V3"/></symbol><symbol id="i-menu" viewBox="0 0 16 16"><path d="M2.5 4.500h11M2.5 8h11M2.5 11.500h11"/></symbol><symbol id="i-user" viewBox="0 0 16 16"><circle cx="8" cy="5.5" r="2.7"/><path d="M2.8 14c.5-3 2.6-4.5 5.2-4.500s4.7 1.5 5.2 4.5"/></symbol><symbol id="i-file" viewBox="0 0 16 16"><path d="M4 1.800h5.500l3 3v9.400H4zM9.3 2v3h3"/></symbol><symbol id="i-globe" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="M2 8h12M8 2c4 3.5 4 8.5 0 12M8 2c-4 3.5-4 8.5 0 12"/></symbol><symbol id="i-link" viewBox="0 0 16 16"><path d="M6.5 9.500a2.6 2.6 0 0 0 3.7 0l2.6-2.600a2.6 2.6 0 0 0-3.7-3.700l-.8.8M9.5 6.500a2.6 2.6 0 0 0-3.7 0L3.2 9.100a2.6 2.6 0 0 0 3.7 3.700l.8-.8"/></symbol><symbol id="i-torn" viewBox="0 0 16 16"><path d="M2 5h12M2 8.500h7l1.5-1 1.5 1.5 2-1M2 12h5"/></symbol><symbol id="i-spark" viewBox="0 0 16 16"><path d="M8 2v3M8 11v3M2 8h3M11 8h3"/></symbol><symbol id="i-inbox" viewBox="0 0 16 16"><path d="M2 9.5 4 3h8l2 6.500V13H2zM2 9.500h3.500l1 1.500h3l1-1.500H14"/></symbol><symbol id="i-terminal" viewBox="0 0 16 16"><path d="m3 4.5 3.5 3.500L3 11.500M8 12h5"/></symbol><symbol id="i-print" viewBox="0 0 16 16"><path d="M4.5 6V2h7v4M4.5 11.500h-2V6h11v5.500h-2M4.5 9.500h7V14h-7z"/></symbol><symbol id="i-dup" viewBox="0 0 16 16"><rect x="2.5" y="2.5" width="7.5" height="7.5" rx="1"/><rect x="6" y="6" width="7.5" height="7.5" rx="1"/></symbol><symbol id="i-fp" viewBox="0 0 16 16"><path d="M4 12c.5-1.5.8-2.8.8-4.500a3.2 3.2 0 0 1 6.4 0c0 2.5-.4 4.5-1.2 6.500M8 7.500c0 2.8-.5 4.8-1.5 6.7"/></symbol>
<linearGradient id="iris" x1="0" x2="1" y1="0" y2=".12"><stop offset="0" class="st-iris-a"/><stop offset=".25" class="st-iris-b"/><stop offset=".5" class="st-iris-c"/><stop offset=".75" class="st-iris-d"/><stop offset="1" class="st-iris-e"/></linearGradient>
<linearGradient id="irisw" gradientUnits="userSpaceOnUse" x1="0" x2="112" y1="0" y2="0"><stop offset="0" class="st-iris-a"/><stop offset=".25" class="st-iris-b"/><stop offset=".5" class="st-iris-c"/><stop offset=".75" class="st-iris-d"/><stop offset="1" class="st-iris-e"/></linearGradient>
<pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0v4" class="hatch-l"/></pattern></defs></svg>`

export type IconName =
  | 'overview'
  | 'sessions'
  | 'quarantine'
  | 'dead'
  | 'sources'
  | 'reports'
  | 'integrity'
  | 'rules'
  | 'audit'
  | 'settings'
  | 'search'
  | 'chev'
  | 'down'
  | 'check'
  | 'cross'
  | 'failed'
  | 'clock'
  | 'lock'
  | 'key'
  | 'eye'
  | 'get'
  | 'play'
  | 'step'
  | 'pause'
  | 'copy'
  | 'alert'
  | 'diamond'
  | 'bars'
  | 'menu'
  | 'user'
  | 'file'
  | 'globe'
  | 'link'
  | 'torn'
  | 'spark'
  | 'inbox'
  | 'terminal'
  | 'print'
  | 'dup'
  | 'fp'

/** A sign beside a word; by itself it says nothing. */
export function icon(name: IconName): Html {
  return html`<svg class="i" aria-hidden="true"><use href="#i-${html.own(name)}"/></svg>`
}

/** An instant as people read it, to the second, with the exact one behind it. UTC. */
export function time(us: InstantUs): Html {
  const iso = formatInstant(us)
  return html`<time datetime="${html.own(iso)}" title="${html.own(iso)}">${html.own(iso.slice(0, 19).replace('T', ' '))}</time>`
}

/** What was done to the honeypot: rising bars, 0 to 100. @param withWord - also the word of its level */
export function threatScale(score: number, withWord = false): Html {
  const level = levelOf(score)
  const bars = [0, 1, 2, 3].map(
    (i) =>
      html`<rect class="${i < level ? html`on` : html`off`}" x="${html.own((i * 5.7).toFixed(1))}" y="${html.own((9.5 - 3 * i).toFixed(1))}" width="4" height="${html.own((4.5 + 3 * i).toFixed(1))}" rx=".8"/>`,
  )
  return html`<span class="scale th${level}" role="img" aria-label="Threat ${score} of 100, ${html.own(LEVEL_WORDS[level])}"><svg width="22" height="14" viewBox="0 0 22 14" aria-hidden="true">${html.join(bars)}</svg><b>${score}</b>${withWord ? html` ${html.own(LEVEL_WORDS[level])}` : html``}</span>`
}

/** What the text could do to those who read it: diamonds, 0 to 100. */
export function hazardScale(score: number, withWord = false): Html {
  const level = levelOf(score)
  const diamonds = [0, 1, 2, 3].map(
    (i) =>
      html`<path class="${i < level ? html`on` : html`off`}" d="M${html.own((5 + i * 9.5).toFixed(1))} 2l4 4-4 4-4-4z"/>`,
  )
  return html`<span class="scale hz${level}" role="img" aria-label="Hazard ${score} of 100, ${html.own(LEVEL_WORDS[level])}"><svg width="38" height="12" viewBox="0 0 38 12" aria-hidden="true">${html.join(diamonds)}</svg><b>${score}</b>${withWord ? html` ${html.own(LEVEL_WORDS[level])}` : html``}</span>`
}

/**
 * A part of a page with a heading of its own.
 *
 * @param id - of the heading, unique on the page; a word of the program
 * @param width - columns of twelve
 */
export function card(
  id: string,
  title: Html,
  body: Html,
  more: { readonly meta?: Html; readonly width?: number; readonly foot?: Html } = {},
): Html {
  const width = more.width === undefined ? html`` : html` c${more.width}`
  return html`<section class="card${width}" aria-labelledby="${html.own(id)}"><header><h2 id="${html.own(id)}">${title}</h2>${more.meta === undefined ? html`` : html`<span class="meta">${more.meta}</span>`}</header>
${body}${more.foot === undefined ? html`` : html`<footer>${more.foot}</footer>`}</section>`
}

/** Nothing to show, and why that is or what to do about it. */
export function emptyState(title: Html, words: Html): Html {
  return html`<div class="state">${icon('inbox')}<h3>${title}</h3><p>${words}</p></div>`
}

/** The head of a page. */
export function head(title: Html, sub: Html, tools: Html = html``): Html {
  return html`<div class="head"><div class="grow"><h1>${title}</h1><p class="sub">${sub}</p></div>${tools}</div>`
}

/** A hidden field for every form that changes something. */
export function csrfField(csrf: string): Html {
  return html`<input type="hidden" name="csrf" value="${htmlAttribute(csrf)}">`
}
