/** Charts as drawings within the page: no script, no image. The plot stretches, its labels are text beside it. */
import { html, htmlAttribute } from '../../output/encode/html.ts'
import { number } from '../../output/html-figures.ts'
import type { Html } from './parts.ts'

export type ColumnChart = {
  /** Counts, at least one. */
  readonly values: readonly number[]
  /** The same of another time, drawn as a line: in as many pieces or, of a month of another length, in some more. */
  readonly before?: readonly number[] | undefined
  /** Words below, from left to right; those that are `undefined` are left out on narrow screens. */
  readonly labels: readonly { readonly text: string; readonly isOptional?: boolean }[]
  /** What is to be seen, in a sentence of the program. */
  readonly sentence: string
  readonly isLow?: boolean
}

export function columns({
  values,
  before = [],
  labels,
  sentence,
  isLow = false,
}: ColumnChart): Html {
  const { step, steps } = scaleOf(Math.max(...values, ...before))
  const top = step * steps
  const y = (value: number): string => fixed(100 - (value / top) * 100)
  const width = 100 / values.length
  const most = values.indexOf(Math.max(...values))
  const column = (value: number, i: number): string =>
    value === 0 ? '' : `M${fixed((i + 0.14) * width)} 100V${y(value)}h${fixed(width * 0.72)}V100z`
  const line = before.map(
    (value, i) => `${i === 0 ? 'M' : 'L'}${fixed((i + 0.5) * (100 / before.length))} ${y(value)}`,
  )
  const levels = Array.from({ length: steps + 1 }, (_, i) => steps - i)
  return html`<div class="chart${isLow ? html` low` : html``}"><div class="y" aria-hidden="true">${html.join(levels.map((level) => html`<span>${short(level * step)}</span>`))}</div>
<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="${htmlAttribute(sentence)}"><path class="grid" d="${html.own(levels.map((level) => `M0 ${y(level * step)}H100`).join(''))}"/><path class="f-data" d="${html.own(values.map((value, i) => (i === most ? '' : column(value, i))).join(''))}"/><path class="f-most" d="${html.own(column(values[most]!, most))}"/>${line.length === 0 ? html`` : html`<path class="before" d="${html.own(line.join(''))}"/>`}</svg>
<div class="x" aria-hidden="true">${html.join(labels.map(({ text, isOptional }) => html`<span${isOptional === true ? html` class="opt"` : html``}>${html.own(text)}</span>`))}</div></div>
`
}

/** Four steps at most, each of 1, 2, 2.5 or 5 times a power of ten, and whole. */
function scaleOf(most: number): { readonly step: number; readonly steps: number } {
  const least = Math.max(1, most / 4)
  const power = 10 ** Math.floor(Math.log10(least))
  const step = [1, 2, 2.5, 5, 10]
    .map((factor) => factor * power)
    .find((size) => size >= least && Number.isInteger(size))!
  return { step, steps: Math.max(1, Math.ceil(most / step)) }
}

/** A whole number in five characters. */
function short(value: number): Html {
  const units = ['', 'k', 'M', 'G']
  let unit = 0
  let size = value
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return unit === 0
    ? number(value)
    : html`${html.own(String(Number(size.toFixed(2))))}\u202f${html.own(units[unit]!)}`
}

/** What the dashed line of a chart is. */
export function lineKey(words: string): Html {
  return html`<p class="key"><svg viewBox="0 0 22 8" aria-hidden="true"><path class="before" d="M0 4H22"/></svg>${html.own(words)}</p>
`
}

export type BarRow = { readonly name: Html; readonly value: number; readonly words: Html }

/** Names with bars as long as their values. @param most - what a full bar stands for */
export function bars(
  rows: readonly BarRow[],
  most: number = Math.max(1, ...rows.map(({ value }) => value)),
): Html {
  const items = rows.map(
    ({ name, value, words }) =>
      html`<li><span class="k">${name}</span>${bar(0, value / most)}<span class="v">${words}</span></li>\n`,
  )
  return html`<ul class="bars">
${html.join(items)}</ul>
`
}

/** @param from - and `until`: shares of the whole, 0 to 1 */
export function bar(from: number, until: number): Html {
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><path class="f-line" d="M0 0h100v8H0z"/><path class="f-data" d="M${html.own(fixed(from * 100))} 0H${html.own(fixed(until * 100))}V8H${html.own(fixed(from * 100))}z"/></svg>`
}

/** The course of a figure, in the height of a line. @param values - at least two */
export function spark(values: readonly number[], sentence: string): Html {
  const most = Math.max(1, ...values)
  const points = values.map(
    (value, i) =>
      `${i === 0 ? 'M' : 'L'}${fixed((i / (values.length - 1)) * 100)} ${fixed(15 - (value / most) * 14)}`,
  )
  return html`<svg class="spark" viewBox="0 0 100 16" preserveAspectRatio="none" role="img" aria-label="${htmlAttribute(sentence)}"><path class="grid" d="M0 15H100"/><path class="course" d="${html.own(points.join(''))}"/></svg>`
}

function fixed(value: number): string {
  return String(Number(value.toFixed(2)))
}
