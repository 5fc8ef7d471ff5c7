import { createHash } from 'node:crypto'
import type { Encoded } from '../../core/encoded.ts'
import { formatInstant } from '../../core/instant.ts'
import { type Cell, type Document, titleOf } from '../document.ts'
import { html } from '../encode/html.ts'

const STYLE = html`
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; color: #1b1f24; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse } th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0 }
tr + tr > td { border-top: 1px solid #e4e7eb } td td { border: 0; padding: 0 .75rem 0 0 }
bdi { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; white-space: pre-wrap }
td { overflow: hidden } .number { text-align: right; font-variant-numeric: tabular-nums }
@media (prefers-color-scheme: dark) { body { color: #e6e9ed; background: #14171a } tr + tr > td { border-color: #333a41 } }
`
const STYLE_HASH = html.own(createHash('sha256').update(STYLE.text).digest('base64'))

/** One file that loads nothing and runs nothing: a policy forbids it even where an encoder should fail. */
export function renderHtml(document: Document): Encoded<'html'> {
  const facts = document.facts.map(
    ({ name, cell }) => html`<tr><th>${html.own(titleOf(name))}</th>${cellOf(cell)}</tr>\n`,
  )
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width">
<title>${titled(document.kind)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${titled(document.kind)} ${inline(document.subject)}</h1>
<p>Made at ${html.own(formatInstant(document.madeAtUs))}. Addresses are written so that they cannot be clicked.</p>
<table>
${html.join(facts)}</table>
${html.join(document.tables.map(tableOf))}${html.join(document.notes.map((note) => html`<p>${html.join(note.map(inline), ' ')}</p>\n`))}</body>
</html>
`
}

function tableOf({ name, columns, rows }: Document['tables'][number]): Encoded<'html'> {
  const head = columns.map((column) => html`<th>${html.own(titleOf(column))}</th>`)
  return html`<h2>${titled(name)}</h2>
<table>
<thead><tr>${html.join(head)}</tr></thead>
<tbody>
${html.join(rows.map((row) => html`<tr>${html.join(row.map(cellOf))}</tr>\n`))}</tbody>
</table>
`
}

function cellOf(cell: Cell): Encoded<'html'> {
  return cell.kind === 'number'
    ? html`<td class="number">${cell.value}</td>`
    : html`<td>${inline(cell)}</td>`
}

function inline(cell: Cell): Encoded<'html'> {
  switch (cell.kind) {
    case 'text':
      return html.data(cell.text)
    case 'label':
      return html.own(cell.label)
    case 'number':
      return html`${cell.value}`
    case 'instant':
      return html.own(formatInstant(cell.us))
    case 'fields':
      return html`<table>${html.join(
        cell.fields.map(({ name, value }) => html`<tr><td>${name}</td><td>${value}</td></tr>`),
      )}</table>`
    case 'none':
      return html`–`
  }
}

function titled(name: string): Encoded<'html'> {
  return html.own(titleOf(name.charAt(0).toUpperCase() + name.slice(1)))
}
