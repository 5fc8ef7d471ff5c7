import type { Encoded } from '../../core/encoded.ts'
import type { HostileText } from '../../core/text.ts'
import { type Composer, makeComposer } from '../composer.ts'
import { defang } from '../defang.ts'
import { spellOut } from '../visible.ts'

// Starts of formulas for Excel, LibreOffice and Google Sheets, full-width and small forms for Asian locales.
const TRIGGER =
  '[=+\\-@|%\\u2212\\uff1d\\uff0b\\uff0d\\uff20\\uff5c\\uff05\\ufe62\\ufe63\\ufe66\\ufe6b\\ufe6a\\u207a\\u207b\\u207c\\u208a\\u208b\\u208c]'
// A reader set to another separator cuts a cell in two; its second half must not start a formula either.
const AFTER_SEPARATOR = new RegExp(`([,;|:][ "']*)(?=${TRIGGER})`, 'gu')

// Words and instants of ours, which no spreadsheet takes for a formula.
const PLAIN = /^(?:|[A-Za-z].*|\d{4}-\d{2}-\d{2}T[\d:.]+Z)$/

/**
 * One cell of a CSV file, quotes included; a spreadsheet reads every one as text.
 *
 * Always quoted. Attacker text gets an apostrophe before it, always, so that no list of dangerous or number-like
 * beginnings has to be complete (`=1+1`, `1e5`, `MAR2`, `0123`); and one before formula characters after a separator
 * within the cell. Taking those away gives the text back. Empty text is an empty cell.
 */
export const csv: Composer<'csv'> = makeComposer('csv', {
  data: (text) => {
    const shown = defang(spellOut(text, 'isolated'))
    return shown === '' ? '""' : quoted(`'${shown.replace(AFTER_SEPARATOR, "$1'")}`)
  },
  own: (text) => {
    const shown = spellOut(text, 'line')
    return quoted(PLAIN.test(shown) ? shown : `'${shown}`)
  },
})

/** @param text - any string */
export function encodeCsv(text: string | HostileText): Encoded<'csv'> {
  return csv.data(text)
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}
