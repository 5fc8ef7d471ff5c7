/** Charts of rows of equal steps: the plot is an SVG that stretches, its labels are text. */
import { formatInstant, type InstantUs, US_PER_DAY } from '../core/instant.ts'
import { html, number } from './components.ts'
import type { Html } from './route.ts'

export type Chart = {
  readonly title: string
  /** What is counted, for the sentence that is read out. */
  readonly unit: string
  readonly startUs: InstantUs
  readonly stepUs: number
  readonly values: readonly number[]
  /** The same steps of the period before; empty for none. */
  readonly before?: readonly number[]
  /** The last step is not over. */
  readonly isOpen?: boolean
  readonly isShort?: boolean
}

/** Up to so many steps have a bar each; more become one path. */
const BARS_MAX = 200

/**
 * The values are told to a script, which shows the one under the pointer; without it bars have titles.
 */
export function chart({
  title,
  unit,
  startUs,
  stepUs,
  values,
  before = [],
  isOpen,
  isShort,
}: Chart): Html {
  const most = Math.max(1, ...values, ...before)
  const top = ceiling(most)
  const scale = scaleOf(top)
  const n = Math.max(1, values.length)
  const x = (i: number): string => ((i / n) * 100).toFixed(3)
  const y = (value: number): string => (100 - (value / top) * 100).toFixed(2)
  const lines = isShort === true ? [0, 50, 100] : [0, 25, 50, 75, 100]
  const grid = html.join(lines.map((at) => html`<path class="s-grid" d="M0 ${at}H100"/>`))
  const plot =
    values.length <= BARS_MAX
      ? html.join(values.map((value, i) => bar(value, i)))
      : html`<path class="f-data" d="M0 100${html.own(values.map((value, i) => `V${y(value)}H${x(i + 1)}`).join(''))}V100Z"/>`
  function bar(value: number, i: number): Html {
    const width = 100 / n
    const inner = width * (n > 60 ? 0.9 : 0.72)
    const left = i * width + (width - inner) / 2
    const fill = isOpen === true && i === values.length - 1 ? html`f-soft` : html`f-data`
    return html`<rect class="${fill}" x="${html.own(left.toFixed(3))}" width="${html.own(inner.toFixed(3))}" y="${html.own(y(value))}" height="${html.own(((value / top) * 100).toFixed(2))}"/>`
  }
  const previous = before.every((value) => value === 0)
    ? html``
    : html`<path class="s-prev" d="${html.own(before.map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i + 0.5)} ${y(value)}`).join(''))}"/>`
  const titles =
    values.length <= BARS_MAX
      ? html.join(
          values.map(
            (value, i) =>
              html`<rect class="hov" x="${html.own(x(i))}" width="${html.own((100 / n).toFixed(3))}" height="100"><title>${label(startUs + i * stepUs, stepUs)}: ${number(value)} ${html.own(unit)}</title></rect>`,
          ),
        )
      : html``
  const highest = values.indexOf(Math.max(...values))
  const said =
    values.length === 0
      ? html`${html.own(title)}: nothing`
      : html`${html.own(title)}, between ${Math.min(...values)} and ${Math.max(...values)}, highest at ${label(startUs + highest * stepUs, stepUs)}`
  const marks = isShort === true ? [top, top / 2, 0] : [top, top * 0.75, top / 2, top / 4, 0]
  return html`<div><h3>${html.own(title)}</h3><div class="chart${isShort === true ? html` short` : html``}"><div class="y" aria-hidden="true">${html.join(marks.map((mark) => html`<span>${scale(mark)}</span>`))}</div>
<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="${said}" data-chart="${html.own(values.join(','))}" data-before="${html.own(before.join(','))}" data-start="${startUs / 1_000_000}" data-step="${stepUs / 1_000_000}" data-unit="${html.own(unit)}">${grid}${plot}${previous}${titles}</svg>
${axis(startUs, stepUs, values.length)}</div></div>`
}

/** A round number at or above, of which a quarter is a whole number, too. */
function ceiling(value: number): number {
  if (value <= 40) return Math.max(4, Math.ceil(value / 4) * 4)
  const power = 10 ** Math.floor(Math.log10(value))
  const steps = [1, 2, 4, 6, 8, 10]
  return steps.map((step) => step * power).find((step) => step >= value) ?? value
}

/** How the marks of an axis up to `top` are written: all of them in one unit. */
function scaleOf(top: number): (mark: number) => Html {
  const [unit, sign] = top >= 1_000_000 ? [1_000_000, ' M'] : top >= 10_000 ? [1_000, ' k'] : [1]
  return (mark) =>
    mark === 0 || sign === undefined
      ? number(mark)
      : html.own(`${Math.round((mark / unit) * 100) / 100}${sign}`)
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** A day as `24 Oct`, an hour with its time. */
export function label(us: InstantUs, stepUs: number): Html {
  const iso = formatInstant(us)
  const day = `${Number(iso.slice(8, 10))} ${MONTHS[Number(iso.slice(5, 7)) - 1]}`
  return html.own(stepUs < US_PER_DAY ? `${day} ${iso.slice(11, 16)}` : day)
}

/** Marks on an axis of time, at most. */
const MARKS_MAX = 8
const HOUR_US = US_PER_DAY / 24
/** Hours from one mark to the next. */
const HOUR_STEPS = [1, 2, 3, 6, 12, 24, 48, 120, 240, 480, 720]
const DAY_STEPS = [1, 2, 5, 7, 10, 15, 30, 60, 90]

/** A mark stands below the middle of its step, wherever the plot is stretched to. */
function axis(startUs: InstantUs, stepUs: number, n: number): Html {
  const isByHour = stepUs < US_PER_DAY
  const every =
    (isByHour ? HOUR_STEPS : DAY_STEPS).find((step) => n / step <= MARKS_MAX) ??
    Math.ceil(n / MARKS_MAX)
  // Hours are marked where a clock would have them, days as they come.
  const round = Math.min(every, 24)
  const first = isByHour ? (round - (Math.floor(startUs / HOUR_US) % round)) % round : 0
  const marks = Array.from(
    { length: Math.max(0, Math.ceil((n - first) / every)) },
    (_, i) => first + i * every,
  )
  return html`<svg class="x" aria-hidden="true">${html.join(
    marks.map((at, i) => {
      const us = startUs + at * stepUs
      const clock = formatInstant(us).slice(11, 16)
      const words = isByHour && clock !== '00:00' ? html.own(clock) : label(us, US_PER_DAY)
      return html`<text${i % 2 === 1 ? html` class="opt"` : html``} x="${html.own((((at + 0.5) / n) * 100).toFixed(2))}%" y="15">${words}</text>`
    }),
  )}</svg>`
}

/** Marks along a time that begins with 0, at most, beside that one. */
const LENGTH_MARKS_MAX = 6
const S_MS = 1_000
const M_MS = 60 * S_MS
const H_MS = 60 * M_MS
/** From one mark to the next, beyond the steps of 1, 2 and 5 below a minute. */
const LENGTH_STEPS = [1, 2, 5, 10, 15, 30]
  .map((m) => m * M_MS)
  .concat([1, 2, 3, 6, 12, 24].map((h) => h * H_MS))
const SHORT_STEPS = [1, 10, 100, 1_000, 10_000].flatMap((ms) => [ms, 2 * ms, 5 * ms])

/** Round marks along a time that begins with 0. @param spanMs - above 0 */
export function marksOfLength(
  spanMs: number,
): readonly { readonly ms: number; readonly words: string }[] {
  const least = spanMs / LENGTH_MARKS_MAX
  const step =
    [...SHORT_STEPS.filter((ms) => ms < M_MS), ...LENGTH_STEPS].find((ms) => ms >= least) ??
    Math.ceil(least / (24 * H_MS)) * 24 * H_MS
  const [unitMs, unit] =
    step >= H_MS
      ? [H_MS, 'h']
      : step >= M_MS
        ? [M_MS, 'min']
        : step >= 100
          ? [S_MS, 's']
          : [1, 'ms']
  return Array.from({ length: Math.floor(spanMs / step) + 1 }, (_, i) => ({
    ms: i * step,
    words: i === 0 ? '0' : `${Math.round((i * step * 10) / unitMs) / 10} ${unit}`,
  }))
}

/** A bar of a share, below a figure. @param share - 0 to 1 */
export function shareBar(share: number): Html {
  return html`<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="f-line" width="100" height="6"/><rect class="f-data" width="${html.own((Math.min(1, Math.max(0, share)) * 100).toFixed(1))}" height="6"/></svg>`
}
