/** What the report says first: some sentences made of its figures. */
import { html } from '../../output/encode/html.ts'
import { number } from '../../output/html-figures.ts'
import { changeOf } from '../change.ts'
import { KIND_WORDS } from '../insight-names.ts'
import type { Novel, NovelKind } from '../insights.ts'
import { isOneDay, longDay, plural, type ReportPage, weekday } from './page-model.ts'
import type { Html } from './parts.ts'

/** What tells most when it is new comes first. */
export const KINDS_BY_WEIGHT: readonly NovelKind[] = [
  'sshKey',
  'file',
  'command',
  'credential',
  'hassh',
  'asn',
  'ip',
]

export function lead(page: ReportPage): Html {
  const sentences = [traffic(page), novelty(page), reading(page), whole(page)]
  return html`<ul class="lead">
${html.join(sentences.filter((one) => one !== undefined).map((one) => html`${one}\n`))}</ul>
`
}

function traffic(page: ReportPage): Html {
  const { events, sessions, comparison } = page
  if (events.total === 0) return html`<li><b>No events</b> in this period.</li>`
  const size = html`<b>${number(events.total)} ${word(events.total, 'event')} in ${number(sessions.total)} ${word(sessions.total, 'session')}</b> from ${number(sessions.uniqueIps)} ${word(sessions.uniqueIps, 'address', 'addresses')}`
  if (comparison === null || comparison === undefined) return html`<li>${size}.</li>`
  const figure = comparison.figures.events
  const when = isOneDay(page)
    ? html`on ${html.own(weekday(comparison.from))}`
    : html`in the period before, from ${html.own(longDay(comparison.from))}`
  const change = changeOf(figure)
  switch (change.kind) {
    case 'none':
    case 'fromNone':
      return html`<li>${size}; there were none ${when}.</li>`
    case 'fromTo':
      return html`<li>${size}; there ${figure.before === 1 ? html`was` : html`were`} ${number(figure.before)} ${when}.</li>`
    case 'times':
      return html`<li>${size}: ${number(change.times)} times as many events as ${when}.</li>`
    case 'same':
    case 'percent': {
      const percent = change.kind === 'same' ? 0 : Math.round(change.percent)
      return percent === 0
        ? html`<li>${size}: as many events as ${when}.</li>`
        : html`<li>${size}: ${number(Math.abs(percent))}\u202f% ${percent > 0 ? html`more` : html`fewer`} events than ${when}.</li>`
    }
  }
}

function novelty({ events, novelty: found, campaigns }: ReportPage): Html | undefined {
  if (found === undefined || events.total === 0) return undefined
  const kinds = KINDS_BY_WEIGHT.filter((kind) => found.totals[kind] > 0)
  if (kinds.length === 0)
    return html`<li>Nothing was met that was not met in the ${number(found.days)} days before.</li>`
  const [first] = kinds
  const one = found.lists[first!][0]
  // A key or a file that is new is worth a sentence of its own; of anything else, the numbers.
  if (one !== undefined && (first === 'sshKey' || first === 'file')) {
    const total = found.totals[first]
    const [single, many] = KIND_WORDS[first]
    const subject =
      total === 1
        ? html`<b>A new ${html.own(single)}</b> was left in`
        : html`<b>${number(total)} new ${html.own(many)}</b> were left, the most common in`
    return html`<li>${subject} ${seenIn(one)}${belonging(one, campaigns)}.</li>`
  }
  const counts = kinds
    .slice(0, 3)
    .map(
      (kind) =>
        html`${number(found.totals[kind])} ${word(found.totals[kind], ...KIND_WORDS[kind])}`,
    )
  return html`<li><b>New since ${number(found.days)} days:</b> ${html.join(counts, ', ')}.</li>`
}

function seenIn({ sessions, sensors }: Novel): Html {
  return html`${number(sessions)} ${word(sessions, 'session')} on ${number(sensors)} ${word(sensors, 'sensor')}`
}

function belonging({ value }: Novel, campaigns: ReportPage['campaigns']): Html {
  const campaign = campaigns?.find((one) => one.value === value)
  return campaign === undefined
    ? html``
    : html`; it belongs to campaign <span class="mono">${html.own(campaign.id)}</span> of ${number(campaign.addresses)} ${word(campaign.addresses, 'address', 'addresses')}`
}

function reading({ unusual, events }: ReportPage): Html | undefined {
  if (unusual === undefined || events.total === 0) return undefined
  const byHand = unusual.filter(({ reasons }) =>
    reasons.some(({ reason }) => reason === 'by-hand'),
  ).length
  const threats = unusual.filter(({ threatScore }) => threatScore >= 75).length
  if (unusual.length === 0) return html`<li>No session stands out; none needs reading.</li>`
  const kinds = [
    ...(byHand === 0 ? [] : [html`${number(byHand)} worked by hand`]),
    ...(threats === 0 ? [] : [html`${number(threats)} of critical threat`]),
  ]
  const which = kinds.length === 0 ? html`` : html`: ${html.join(kinds, ', ')}`
  return html`<li><b>${number(unusual.length)} ${word(unusual.length, 'session')}</b> ${unusual.length === 1 ? html`is` : html`are`} worth reading${which}. ${unusual.length === 1 ? html`It comes` : html`They come`} first below.</li>`
}

function whole({ completeness }: ReportPage): Html {
  const { heldEvents, deadLetters, pendingBytes, silentSensors } = completeness
  const gaps = [
    ...(heldEvents === 0
      ? []
      : [html`<b>${number(heldEvents)} ${word(heldEvents, 'event')}</b> held for review`]),
    ...(deadLetters === 0
      ? []
      : [html`${number(deadLetters)} ${word(deadLetters, 'record')} that could not be read`]),
    ...(pendingBytes === 0 ? [] : [html`${number(pendingBytes)} bytes not yet read`]),
    ...(silentSensors.length === 0
      ? []
      : [html`${number(silentSensors.length)} silent ${word(silentSensors.length, 'sensor')}`]),
  ]
  return gaps.length === 0
    ? html`<li>The figures are whole: nothing is held, unread or silent.</li>`
    : html`<li class="held">Not in these figures: ${html.join(gaps, ', ')}.</li>`
}

function word(count: number, one: string, many?: string): Html {
  return html.own(plural(count, one, many))
}
