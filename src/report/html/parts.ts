/** Parts that sections are built from. Attacker text stands in text nodes alone. */
import type { Encoded } from '../../core/encoded.ts'
import { type SafeText, shortText, textShown } from '../../core/text.ts'
import { LIMITS } from '../../limits.ts'
import { attackHtml, html } from '../../output/encode/html.ts'
import { LEVEL_WORDS, levelOf, number } from '../../output/html-figures.ts'

export type Html = Encoded<'html'>

export type Column = {
  readonly title: string
  /** Width in the steps of the style, or a number at the right. */
  readonly style?: 'num' | 'num w1' | 'num w2' | 'w1' | 'w2' | 'w3' | 'w4'
}

/** @param caption - of the program; for who does not see the heading above @param meta - beside the heading */
export function section(title: Html, body: Html, meta?: Html, isKept = false): Html {
  return html`<section${isKept ? html` class="keep"` : html``}><h2>${title}${meta === undefined ? html`` : html` <small>${meta}</small>`}</h2>
${body}</section>
`
}

/**
 * A table whose first column names its rows.
 *
 * @param caption - what it holds, for who does not see the heading above
 * @param isWide - scrolls sideways on narrow screens
 */
export function table(
  caption: Html,
  columns: readonly Column[],
  rows: readonly (readonly Html[])[],
  isWide = false,
): Html {
  const head = columns.map(
    ({ title, style }) =>
      html`<th scope="col"${style === undefined ? html`` : html` class="${html.own(style)}"`}>${html.own(title)}</th>`,
  )
  const body = rows.map(
    (cells) =>
      html`<tr>${html.join(cells.map((cell, i) => cellOf(cell, columns[i]!, i === 0)))}</tr>\n`,
  )
  const isFixed = columns.some(({ style }) => style !== undefined && /w\d/.test(style))
  const scroll = isWide
    ? html`<div class="scroll wide" tabindex="0" role="group" aria-label="Table, scrolls sideways on narrow screens">`
    : html`<div class="scroll">`
  return html`${scroll}<table${isFixed ? html` class="fix"` : html``}><caption>${caption}</caption><thead><tr>${html.join(head)}</tr></thead><tbody>
${html.join(body)}</tbody></table></div>
`
}

function cellOf(cell: Html, { style }: Column, isHead: boolean): Html {
  const aligned = style?.startsWith('num') === true ? html` class="num"` : html``
  return isHead ? html`<th scope="row"${aligned}>${cell}</th>` : html`<td${aligned}>${cell}</td>`
}

/** Text of an attacker, its end named by a hash where it is long. @param charsMax - at least 20 */
export function attack(text: SafeText, charsMax: number = LIMITS.reportTextCharsMax): Html {
  if (text === '') return html`<span class="faint">${html.data(textShown(text))}</span>`
  return attackHtml(shortText(textShown(text), charsMax))
}

/** A short text of unknown origin: a sensor, an organisation. @param text - in visible form */
export function name(text: string): Html {
  return html.data(shortText(text, LIMITS.reportNameCharsMax))
}

/** A name that people look up letter by letter: an id, an address, a kind of event. */
export function exact(text: string): Html {
  return html`<span class="mono">${name(text)}</span>`
}

export function count(value: number): Html {
  return value === 0 ? html`<span class="faint">0</span>` : number(value)
}

export const NEW: Html = html`<span class="tag new">new</span>`

/** What was left out of a list. @param total - all there are, or undefined where nobody counted them */
export function more(shown: number, total: number | undefined, things: string, top: number): Html {
  if (total === undefined)
    return shown < top
      ? html``
      : html`<p class="more">The first ${number(shown)}; there may be more.</p>`
  return total <= shown
    ? html``
    : html`<p class="more">${number(total - shown)} more ${html.own(things)}.</p>`
}

export function nothing(words: Html): Html {
  return html`<p class="none">${words}</p>`
}

/** What was done to the honeypot: rising bars. @param score - 0 to 100, null where nobody scored */
export function threat(score: number | null | undefined): Html {
  if (score === null || score === undefined) return UNSCORED
  const level = levelOf(score)
  return html`<span class="scale th${level}" role="img" aria-label="Threat ${score} of 100, ${html.own(LEVEL_WORDS[level])}"><svg aria-hidden="true"><use href="#t${level}"/></svg><b aria-hidden="true">${score}</b></span>`
}

/** What the text could do to its reader: diamonds. @param score - 0 to 100, null where nobody scored */
export function hazard(score: number | null | undefined): Html {
  if (score === null || score === undefined) return UNSCORED
  const level = levelOf(score)
  return html`<span class="scale hz${level}" role="img" aria-label="Hazard ${score} of 100, ${html.own(LEVEL_WORDS[level])}"><svg class="hz" aria-hidden="true"><use href="#h${level}"/></svg><b aria-hidden="true">${score}</b></span>`
}

const UNSCORED = html`<span class="faint">–</span>`

const LEVELS = [0, 1, 2, 3, 4] as const

/** The signs of both scales, drawn once. */
export const SPRITE: Html = html`<svg class="sprite" aria-hidden="true"><defs><radialGradient id="pearl" cx=".34" cy=".28" r=".8"><stop offset="0" stop-color="#fff"/><stop offset=".35" stop-color="#cdbcf0"/><stop offset=".7" stop-color="#aecdf2"/><stop offset="1" stop-color="#aee0d0"/></radialGradient>${html.join(LEVELS.map(barsOf))}${html.join(LEVELS.map(diamondsOf))}</defs></svg>`

function barsOf(level: number): Html {
  const bars = [0, 1, 2, 3].map(
    (i) =>
      html`<rect class="${i < level ? html`on` : html`off`}" x="${6 * i}" y="${9.5 - 3 * i}" width="4" height="${4.5 + 3 * i}" rx=".8"/>`,
  )
  return html`<symbol id="t${level}" viewBox="0 0 22 14">${html.join(bars)}</symbol>`
}

function diamondsOf(level: number): Html {
  const diamonds = [0, 1, 2, 3].map(
    (i) =>
      html`<path class="${i < level ? html`on` : html`hollow`}" d="M${4.5 + 9 * i} .8l4.2 4.2-4.2 4.2-4.2-4.2z"/>`,
  )
  return html`<symbol id="h${level}" viewBox="0 0 36 10">${html.join(diamonds)}</symbol>`
}

export const MARK: Html = html`<svg width="24" height="24" viewBox="0 0 26 26" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"><path d="M3 16.500a10 10 0 1 1 20 0"/><path d="M6.7 17.500a6.3 6.3 0 0 1 12.6 0" opacity=".6"/><circle cx="13" cy="18.6" r="3.7" fill="url(#pearl)" stroke="none"/><circle cx="13" cy="18.6" r="3.7" stroke-width=".7" opacity=".45"/></svg>`
