import type { Encoded } from '../../core/encoded.ts'
import { formatInstant } from '../../core/instant.ts'
import { type Cell, type Document, titleOf } from '../document.ts'
import { encodeLogKey, log } from '../encode/log.ts'

/**
 * A document as lines of `key="value"`: one for its facts, one for every row, one for every note.
 *
 * Names of payload fields are the attacker's: they stand behind the name of their column and a dot, and are words.
 */
export function renderLog(document: Document): Encoded<'log'> {
  const head = (part: string): Encoded<'log'>[] => [
    log`document=${log.own(titleOf(document.kind))}`,
    log`part=${log.own(titleOf(part))}`,
  ]
  const lines = [
    [
      ...head('facts'),
      ...pairs('subject', document.subject),
      ...document.facts.flatMap(({ name, cell }) => pairs(name, cell)),
    ],
    ...document.tables.flatMap((table) =>
      table.rows.map((row) => [
        ...head(table.name),
        ...row.flatMap((cell, i) => pairs(table.columns[i]!, cell)),
      ]),
    ),
    ...document.notes.map((note) => [
      ...head('note'),
      ...note.flatMap((cell, i) => pairs(`text_${i}`, cell)),
    ]),
  ]
  return log.join(lines.map((line) => log`${log.join(line, ' ')}\n`))
}

/** @param name - of the program: lower-case words joined by `_` */
function pairs(name: string, cell: Cell): Encoded<'log'>[] {
  const key = encodeLogKey(name)
  switch (cell.kind) {
    case 'text':
      return [log`${key}=${cell.text}`]
    case 'label':
      return [log`${key}=${log.own(cell.label)}`]
    case 'number':
      return [log`${key}=${cell.value}`]
    case 'instant':
      return [log`${key}=${log.own(formatInstant(cell.us))}`]
    case 'fields':
      return cell.fields.map((field) => log`${key}.${encodeLogKey(field.name)}=${field.value}`)
    case 'none':
      return [log`${key}=-`]
  }
}
