import type { Encoded } from '../../core/encoded.ts'
import { formatInstant } from '../../core/instant.ts'
import { type Cell, type Document, titleOf } from '../document.ts'
import { csv } from '../encode/csv.ts'

/**
 * A document as CSV (RFC 4180): UTF-8 with a byte order mark, without which Excel takes it for another encoding.
 *
 * The first column names the part (facts or a table), the first row of a part its columns; all rows are equally long.
 */
export function renderCsv(document: Document): Encoded<'csv'> {
  const width = Math.max(2, ...document.tables.map((table) => table.columns.length))
  const rows: Encoded<'csv'>[] = []
  const push = (part: string, cells: readonly Encoded<'csv'>[]): void => {
    const blanks = Array.from({ length: width - cells.length }, () => csv.own(''))
    rows.push(csv.join([csv.own(part), ...cells, ...blanks], ','))
  }
  push('part', [csv.own('name'), csv.own('value')])
  push('document', [csv.own(titleOf(document.kind)), cellOf(document.subject)])
  for (const { name, cell } of document.facts) push('fact', [csv.own(titleOf(name)), cellOf(cell)])
  for (const table of document.tables) {
    push(
      `${table.name}:`,
      table.columns.map((name) => csv.own(titleOf(name))),
    )
    for (const row of table.rows) push(table.name, row.map(cellOf))
  }
  for (const note of document.notes)
    push('note', [csv.own(''), csv.data(note.map(plain).join(' '))])
  return csv`\ufeff${csv.join(rows, '\r\n')}\r\n`
}

/** One row of a table that is its own file, without mark and parts. */
export function csvRow(cells: readonly (Cell | Encoded<'csv'>)[]): Encoded<'csv'> {
  const encoded = cells.map((cell) => ('kind' in cell ? cellOf(cell) : cell))
  return csv`${csv.join(encoded, ',')}\r\n`
}

function cellOf(cell: Cell): Encoded<'csv'> {
  switch (cell.kind) {
    case 'text':
      return csv.data(cell.text)
    case 'label':
      return csv.own(cell.label)
    case 'number':
      return csv`${cell.value}`
    case 'instant':
      return csv.own(formatInstant(cell.us))
    case 'fields':
      return csv.data(plain(cell))
    case 'none':
      return csv.own('')
  }
}

/** A part of a cell, before the whole cell is encoded as attacker text. */
function plain(cell: Cell): string {
  switch (cell.kind) {
    case 'text':
      return cell.text
    case 'label':
      return cell.label
    case 'number':
      return String(cell.value)
    case 'instant':
      return formatInstant(cell.us)
    case 'fields':
      return `{${cell.fields.map(({ name, value }) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
    case 'none':
      return ''
  }
}
