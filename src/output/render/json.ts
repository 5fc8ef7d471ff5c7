import type { Encoded } from '../../core/encoded.ts'
import { formatInstant } from '../../core/instant.ts'
import { type Cell, type Document, titleOf } from '../document.ts'
import { json } from '../encode/json.ts'

/** A document as one line of JSON. Fields of a payload are pairs, so that no name of theirs is a key. */
export function renderJson(document: Document): Encoded<'json'> {
  const entries = (all: readonly (readonly [string, Encoded<'json'>])[]): Encoded<'json'> =>
    json`{${json.join(
      all.map(([name, value]) => json`${json.own(name)}:${value}`),
      ',',
    )}}`
  const list = (all: readonly Encoded<'json'>[]): Encoded<'json'> => json`[${json.join(all, ',')}]`
  return json`${entries([
    ['kind', json.own(titleOf(document.kind))],
    ['subject', jsonOf(document.subject)],
    ['madeAt', json.own(formatInstant(document.madeAtUs))],
    ['facts', entries(document.facts.map(({ name, cell }) => [name, jsonOf(cell)]))],
    [
      'tables',
      entries(
        document.tables.map(({ name, columns, rows }) => [
          name,
          list(rows.map((row) => entries(row.map((cell, i) => [columns[i]!, jsonOf(cell)])))),
        ]),
      ),
    ],
    ['notes', list(document.notes.map((note) => list(note.map(jsonOf))))],
  ])}\n`
}

function jsonOf(cell: Cell): Encoded<'json'> {
  switch (cell.kind) {
    case 'text':
      return json.data(cell.text)
    case 'label':
      return json.own(cell.label)
    case 'number':
      return json`${cell.value}`
    case 'instant':
      return json.own(formatInstant(cell.us))
    case 'fields':
      return json`[${json.join(
        cell.fields.map(({ name, value }) => json`[${name},${value}]`),
        ',',
      )}]`
    case 'none':
      return json`null`
  }
}
