import type { Encoded } from '../../core/encoded.ts'
import { formatInstant } from '../../core/instant.ts'
import { type Cell, type Document, titleOf } from '../document.ts'
import { markdown } from '../encode/markdown.ts'

/** A document as Markdown with tables, as GitHub and GitLab show them. */
export function renderMarkdown(document: Document): Encoded<'markdown'> {
  const parts = [
    markdown`# ${titled(document.kind)} ${inline(document.subject)}`,
    table(
      ['fact', 'value'],
      document.facts.map(({ name, cell }) => [markdown.own(titleOf(name)), inline(cell)]),
    ),
    ...document.tables.flatMap(({ name, columns, rows }) => [
      markdown`## ${titled(name)}`,
      table(
        columns,
        rows.map((row) => row.map(inline)),
      ),
    ]),
    ...document.notes.map((note) => markdown.join(note.map(inline), ' ')),
  ]
  return markdown`${markdown.join(parts, '\n\n')}\n`
}

function table(
  columns: readonly string[],
  rows: readonly (readonly Encoded<'markdown'>[])[],
): Encoded<'markdown'> {
  const row = (cells: readonly Encoded<'markdown'>[]): Encoded<'markdown'> =>
    markdown`| ${markdown.join(cells, ' | ')} |`
  const head = columns.map((name) => markdown.own(titleOf(name)))
  const rule = columns.map(() => markdown`---`)
  return markdown.join([row(head), row(rule), ...rows.map(row)], '\n')
}

function inline(cell: Cell): Encoded<'markdown'> {
  switch (cell.kind) {
    case 'text':
      return markdown.data(cell.text)
    case 'label':
      return markdown.own(cell.label)
    case 'number':
      return markdown`${cell.value}`
    case 'instant':
      return markdown.own(formatInstant(cell.us))
    case 'fields':
      return markdown.join(
        cell.fields.map(({ name, value }) => markdown`${name} \= ${value}`),
        '; ',
      )
    case 'none':
      return markdown`–`
  }
}

function titled(name: string): Encoded<'markdown'> {
  return markdown.own(titleOf(name.charAt(0).toUpperCase() + name.slice(1)))
}
