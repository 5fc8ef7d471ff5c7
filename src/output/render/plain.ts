import type { Context, Encoded } from '../../core/encoded.ts'
import { formatInstant } from '../../core/instant.ts'
import type { Composer } from '../composer.ts'
import { type Cell, type Document, titleOf } from '../document.ts'

/** The lines of a document as plain text, for any context that has lines. */
export function plainLines<C extends Context>(
  document: Document,
  compose: Composer<C>,
): Encoded<C>[] {
  const none = compose.own('-')
  const inline = (cell: Cell): Encoded<C> => {
    switch (cell.kind) {
      case 'text':
        return compose.data(cell.text)
      case 'label':
        return compose.own(cell.label)
      case 'number':
        return compose.own(String(cell.value))
      case 'instant':
        return compose.own(formatInstant(cell.us))
      case 'fields':
        return compose.own(`${cell.fields.length} fields`)
      case 'none':
        return none
    }
  }
  // Blanks at the start of a line would pass for an indent of ours, and the line for one of another kind.
  const first = (cell: Cell): Encoded<C> =>
    cell.kind === 'text'
      ? compose.data(cell.text.replace(/^ +/, (blanks) => '\\u{20}'.repeat(blanks.length)))
      : inline(cell)
  const lines = [compose`${title(document.kind, compose)} ${inline(document.subject)}`]
  if (document.facts.length > 0) lines.push(compose``)
  for (const { name, cell } of document.facts)
    lines.push(compose`  ${compose.own(titleOf(name).padEnd(24))} ${inline(cell)}`)
  for (const { name, columns, rows } of document.tables) {
    lines.push(compose``, compose`${title(name, compose)}: ${rows.length}`)
    for (const row of rows) {
      const parts = row.map((cell, i) =>
        i === 0
          ? first(cell)
          : cell.kind === 'instant' || cell.kind === 'fields'
            ? inline(cell)
            : compose`${compose.own(titleOf(columns[i]!))} ${inline(cell)}`,
      )
      lines.push(compose`  ${compose.join(parts, '  ')}`)
      for (const cell of row) {
        if (cell.kind !== 'fields') continue
        for (const field of cell.fields)
          lines.push(compose`      - ${compose.data(field.name)}: ${compose.data(field.value)}`)
      }
    }
  }
  for (const note of document.notes) lines.push(compose``, compose.join(note.map(inline), ' '))
  return lines
}

function title<C extends Context>(name: string, compose: Composer<C>): Encoded<C> {
  return compose.own(titleOf(name.charAt(0).toUpperCase() + name.slice(1)))
}
