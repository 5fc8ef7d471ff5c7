import { firstDifference, hostileCharacters, type Oracle } from './oracle.ts'

/** What a formula starts with, for one spreadsheet or another. */
const FORMULA = /^[\s"]*[=+\-@|%＝＋－＠−﹢﹣﹦﹫]/u

/** Rows and columns of the twin, and no cell that a spreadsheet would compute, whichever separator it is set to. */
export const csvOracle: Oracle = (document, twin) => {
  const problems = hostileCharacters(document, '\r\n\ufeff')
  if (document.lastIndexOf('\ufeff') > 0) problems.push('a second byte order mark')
  const own = parse(document, problems)
  const benign = parse(twin, [])
  const shape = (rows: readonly (readonly Cell[])[]): string[] =>
    rows.map((row) => row.map((cell) => (cell.isQuoted ? 'text' : cell.text)).join())
  problems.push(...firstDifference('row', shape(own), shape(benign)))
  own.forEach((row, i) => {
    row.forEach((cell, j) => {
      const isOurs = benign[i]?.[j]?.text === cell.text
      if (!isOurs && cell.isQuoted && cell.text !== '' && !cell.text.startsWith("'"))
        problems.push(`cell ${i}, ${j} may be taken for a number or a formula`)
    })
  })
  for (const separator of [',', ';', '\t', '|', ':']) {
    document.split('\r\n').forEach((line, i) => {
      for (const piece of line.split(separator))
        if (FORMULA.test(piece))
          problems.push(`a formula in line ${i} for who splits at ${separator}`)
    })
  }
  return problems
}

type Cell = { readonly text: string; readonly isQuoted: boolean }

/** RFC 4180 with every quoted cell closed; what is not quoted is a number. */
function parse(document: string, problems: string[]): Cell[][] {
  return document
    .replace(/^\ufeff/, '')
    .split('\r\n')
    .map((line, i) => {
      const cells: Cell[] = []
      let end = 0
      for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|(-?\d[\d.e+-]*)|(?=$))/gy)) {
        const [whole, quoted, number] = match
        cells.push({
          text: (quoted ?? number ?? '').replaceAll('""', '"'),
          isQuoted: quoted !== undefined,
        })
        end = match.index + whole.length
      }
      if (end !== line.length) problems.push(`row ${i} is not one of cells`)
      return cells
    })
}
