/** Cells in columns for a terminal. Width is counted in terminal columns: wide East Asian characters take two. */

import { Encoded } from './encoded.ts'

/** Text for the terminal; it is laid out here, and made by the encoder alone. */
export type TerminalText = Encoded<'terminal'>

/** Functions that colour text, or leave it alone where there is no terminal. */
export type Paint = {
  readonly [style in keyof typeof CODES]: (text: TerminalText) => TerminalText
}

/** @param title - words of the program, in ASCII */
export type Column = { readonly title: string; readonly align?: 'right' }

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
  magenta: [35, 39],
} as const

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
// Marks drawn over the character before; Hangul vowels and finals.
const NARROW = /[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7fb]/u
const ANSI = /\u001b\[[0-9;]*m/g
const ANSI_OR_CHARACTER = /\u001b\[[0-9;]*m|[\s\S]/gu

const vouch = (text: string): TerminalText => Encoded.vouch('terminal', text)

/** Colours as the escape codes of a terminal, the only ones that are ever printed. */
export function paintWith(hasColour: boolean): Paint {
  const entries = Object.entries(CODES).map(([style, [on, off]]) => [
    style,
    (text: TerminalText) => (hasColour ? vouch(`\u001b[${on}m${text.text}\u001b[${off}m`) : text),
  ])
  return Object.fromEntries(entries) as Paint // one entry for each style of the table
}

export function textWidth(text: TerminalText): number {
  return widthOf(text.text)
}

/** Cuts a text to a width, with an ellipsis where something is left out. Colours are kept, and ended. */
export function fit(text: TerminalText, width: number): TerminalText {
  if (textWidth(text) <= width) return text
  let kept = ''
  let used = 0
  let isFull = false
  for (const [part] of text.text.matchAll(ANSI_OR_CHARACTER)) {
    if (part.length > 1 && part.startsWith('\u001b')) {
      kept += part
      continue
    }
    if (isFull) continue
    const wide = widthOf(part)
    isFull = used + wide > width - 1
    if (isFull) kept += '…'
    else kept += part
    used += wide
  }
  return vouch(kept)
}

/** Cuts a text to a width at its start; the ends of paths say most. */
export function fitEnd(text: TerminalText, width: number): TerminalText {
  if (textWidth(text) <= width) return text
  const characters = [...text.text.replace(ANSI, '')]
  let used = 1
  let first = characters.length
  while (first > 0 && used + widthOf(characters[first - 1]!) <= width) {
    first -= 1
    used += widthOf(characters[first]!)
  }
  while (NARROW.test(characters[first] ?? '')) first += 1
  return vouch(`…${characters.slice(first).join('')}`)
}

export function pad(
  text: TerminalText,
  width: number,
  align: 'left' | 'right' = 'left',
): TerminalText {
  const gap = ' '.repeat(Math.max(0, width - textWidth(text)))
  return vouch(align === 'right' ? gap + text.text : text.text + gap)
}

/** Parts of one line, without blanks at its end. */
export function row(parts: readonly TerminalText[], separator = ''): TerminalText {
  return vouch(
    parts
      .map((part) => part.text)
      .join(separator)
      .trimEnd(),
  )
}

/** Lines of a table. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly TerminalText[])[],
  indent = '  ',
): TerminalText[] {
  const titles = columns.map((column) => vouch(column.title.replace(/[^\x20-\x7e]/g, '')))
  const widths = columns.map((_, i) =>
    rows.reduce(
      (most, cells) => Math.max(most, cells[i] === undefined ? 0 : textWidth(cells[i])),
      textWidth(titles[i]!),
    ),
  )
  const line = (cells: readonly TerminalText[]): TerminalText =>
    vouch(
      (
        indent +
        cells.map((cell, i) => pad(cell, widths[i]!, columns[i]!.align ?? 'left').text).join('  ')
      ).trimEnd(),
    )
  return [line(titles), ...rows.map(line)]
}

export function table(
  columns: readonly Column[],
  rows: readonly (readonly TerminalText[])[],
  indent = '  ',
): TerminalText {
  return vouch(
    tableLines(columns, rows, indent)
      .map((line) => line.text)
      .join('\n'),
  )
}

/**
 * A long text cut into lines of a width; without its colours. Lines end behind a blank where one is in their second half,
 * else between characters. Nothing is lost: put together, the lines are the text.
 *
 * @param width - 4 or more
 */
export function wrapped(text: TerminalText, width: number): TerminalText[] {
  const lines: TerminalText[] = []
  let line = ''
  let used = 0
  for (const character of text.text.replace(ANSI, '')) {
    const wide = widthOf(character)
    if (used + wide > width && line !== '') {
      const words = line.slice(0, line.lastIndexOf(' ') + 1)
      const full = widthOf(words) * 2 >= width ? words : line
      lines.push(vouch(full))
      line = line.slice(full.length)
      used = widthOf(line)
    }
    line += character
    used += wide
  }
  if (line !== '') lines.push(vouch(line))
  return lines
}

/** A number with thin groups, as people read it. */
export function number(value: number): TerminalText {
  return vouch(value.toLocaleString('en-GB').replaceAll(',', ' '))
}

export function bytes(value: number): TerminalText {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let size = value
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit += 1
  }
  return vouch(`${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`)
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar of at most `width` columns for a share of 0 to 1; something is always shown for more than nothing. */
export function bar(share: number, width: number): TerminalText {
  const eighths = Math.max(share > 0 ? 1 : 0, Math.round(share * width * 8))
  return vouch('█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!)
}

function widthOf(text: string): number {
  let width = 0
  for (const character of text.replace(ANSI, '')) width += columnsOf(character)
  return width
}

/** Columns that one character takes: 0 for a mark over the one before, 2 for wide East Asian ones. */
export function columnsOf(character: string): 0 | 1 | 2 {
  return WIDE.test(character) ? 2 : NARROW.test(character) ? 0 : 1
}
