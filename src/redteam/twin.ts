import type { Cell, Document } from '../output/document.ts'
import { HARMLESS } from '../output/probe.ts'

/** The same document with a harmless word for every text: figures, instants and words of ours stay. */
export function harmlessTwin(document: Document): Document {
  return {
    ...document,
    subject: harmless(document.subject),
    facts: document.facts.map((fact) => ({ ...fact, cell: harmless(fact.cell) })),
    tables: document.tables.map((table) => ({
      ...table,
      rows: table.rows.map((row) => row.map(harmless)),
    })),
    notes: document.notes.map((note) => note.map(harmless)),
  }
}

function harmless(cell: Cell): Cell {
  if (cell.kind === 'text') return { ...cell, text: HARMLESS }
  if (cell.kind !== 'fields') return cell
  return {
    ...cell,
    fields: cell.fields.map((field) => ({ ...field, name: HARMLESS, value: HARMLESS })),
  }
}

/** What a document is made of, without what it says: equal for a payload and a word that were loaded alike. */
export function shapeOf(document: Document): string {
  const kind = (cell: Cell): string =>
    // A text that is a number may give a duration where the word gives none.
    cell.kind === 'fields'
      ? `fields ${cell.fields.length}`
      : cell.kind === 'number'
        ? 'none'
        : cell.kind
  return JSON.stringify([
    kind(document.subject),
    document.facts.map(({ name, cell }) => [name, kind(cell)]),
    document.tables.map(({ name, rows }) => [name, rows.map((row) => row.map(kind))]),
    document.notes.map((note) => note.map(kind)),
  ])
}
