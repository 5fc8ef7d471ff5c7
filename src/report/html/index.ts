/**
 * A report as one HTML file that can be mailed to anyone.
 *
 * In: a report with its insights. Out: HTML that loads nothing, runs nothing and holds no link; a policy in it forbids
 * all three where an encoder should fail. Promises that attacker text stands in text nodes alone, defanged. Refuses
 * nothing: parts that are empty are said to be, parts that were not worked out are left out.
 */
import { createHash } from 'node:crypto'
import { html } from '../../output/encode/html.ts'
import { number } from '../../output/html-figures.ts'
import { lead } from './lead.ts'
import {
  daysOf,
  kindTitle,
  longDay,
  periodTitle,
  type ReportPage,
  spanOfDays,
} from './page-model.ts'
import { type Html, MARK, name, SPRITE } from './parts.ts'
import {
  attackMatrix,
  campaigns,
  commands,
  completeness,
  credentials,
  figures,
  files,
  newSince,
  origins,
  sessionsToRead,
  timeline,
} from './sections.ts'
import { STYLE } from './style.ts'

export type { ReportPage } from './page-model.ts'

/** @param top - entries in each list; at least 1 */
export function renderReportHtml(page: ReportPage, top: number): Html {
  const { redaction } = page
  const title = `nacre ${kindTitle(page).toLowerCase()}, ${periodTitle(page)}`
  const style = html`${STYLE}${footOfPages(`${title}, ${redaction}`)}`
  const hash = createHash('sha256').update(style.text).digest('base64')
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${html.own(hash)}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html.own(title)}</title>
<style>${style}</style>
</head>
<body>
${SPRITE}
<main class="sheet">
${head(page, redaction)}${lead(page)}${figures(page)}${sessionsToRead(page, top)}${newSince(page, top)}${commands(page, top)}${credentials(page, top)}${attackMatrix(page)}${files(page, top)}${campaigns(page, top)}${origins(page, top)}${timeline(page)}${completeness(page)}${foot(page, redaction)}</main>
</body>
</html>
`
}

/** Words at the foot of each printed page. @param words - of the program; quotes and signs of CSS are left out */
function footOfPages(words: string): Html {
  return html`@page{@bottom-left{content:"${html.own(words.replace(/[^\w ,.-]/g, ''))}";font:9px "Segoe UI",Lato,sans-serif;color:#62676e}}
`
}

function head(page: ReportPage, redaction: string): Html {
  const sensors =
    page.sensors === null
      ? html`all sensors`
      : page.sensors.length === 1
        ? html`sensor ${name(page.sensors[0]!)}`
        : html`${number(page.sensors.length)} sensors`
  const span = daysOf(page).length === 1 ? html`` : html`${html.own(spanOfDays(page))} · `
  const made = `${longDay(page.generatedAt)} ${page.generatedAt.slice(11, 19)}`
  return html`<header class="top"><div><div class="brand">${MARK}nacre</div><h1><small>${html.own(kindTitle(page))}</small>${html.own(periodTitle(page))}</h1><p class="sub">${span}${sensors} · made ${html.own(made)} UTC · redaction: ${html.own(redaction)}</p></div>
${seal(page.quality)}</header>
`
}

/** Which checkpoint stands behind the figures. Whether it holds is for `nacre verify` to say, not for a report. */
function seal(quality: ReportPage['quality']): Html {
  if (quality === undefined) return html``
  const rules = html`<span>rule set ${html.own(quality.ruleSet)}</span>`
  const { checkpoint } = quality
  if (checkpoint === null)
    return html`<div class="seal"><strong><i class="pearl" aria-hidden="true"></i>No checkpoint yet</strong><span>the record is not signed so far</span>${rules}</div>
`
  return html`<div class="seal sealed"><strong><i class="pearl" aria-hidden="true"></i>Sealed</strong><span>checkpoint ${number(checkpoint.seq)}, batches up to ${number(checkpoint.upToBatch)}</span><span>signed ${html.own(longDay(checkpoint.madeAt))} ${html.own(checkpoint.madeAt.slice(11, 19))} UTC</span>${rules}</div>
`
}

/** Names that a shell takes as they are; a report about others, or with other names than the store has, only says that there were some. */
function sensorOptions({ sensors }: ReportPage, redaction: string): string {
  if (sensors === null) return ''
  const canName = redaction === 'internal' && sensors.length <= 3
  return canName && sensors.every((one) => /^\w[\w.-]{0,40}$/.test(one))
    ? sensors.map((one) => ` --sensor ${one}`).join('')
    : ' --sensor …'
}

function foot(page: ReportPage, redaction: string): Html {
  const checkpoint = page.quality?.checkpoint ?? null
  const period =
    page.kind === 'range' ? `${page.from.slice(0, 10)} ${page.until.slice(0, 10)}` : page.period
  const command = `nacre report ${page.kind} ${period}${sensorOptions(page, redaction)}`
  const against = checkpoint === null ? html`` : html` against checkpoint ${number(checkpoint.seq)}`
  return html`<footer class="foot"><p><b>About the text.</b> Everything in a frame with a left rule was chosen by an attacker. Control and direction characters are shown as signs such as <span class="esc">ESC</span>. Addresses and links cannot be clicked; long texts end with the start of their hash. Threat says what was done to the honeypot, hazard what a text could do to who reads it.</p><p><b>To check.</b> <code>${html.own(command)}</code> makes the same figures from the same record; <code>nacre verify</code> recomputes its seals${against}. This page loads and runs nothing.</p></footer>
`
}
