/** Cells in columns for a terminal. Width is counted in terminal columns: wide East Asian characters take two. */

/** Functions that colour text, or leave it alone where there is no terminal. */
export type Paint = {
  readonly [style in 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan' | 'magenta']: (
    text: string,
  ) => string
}
export type Column = { readonly title: string; readonly align?: 'right' }

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const ANSI = /\u001b\[[0-9;]*m/g

export function textWidth(text: string): number {
  let width = 0
  for (const character of text.replace(ANSI, ''))
    width += WIDE.test(character) ? 2 : /\p{M}/u.test(character) ? 0 : 1
  return width
}

/** Cuts a text to a width, with an ellipsis where something is left out. */
export function fit(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  let kept = ''
  let used = 0
  for (const character of text) {
    const wide = textWidth(character)
    if (used + wide > width - 1) break
    kept += character
    used += wide
  }
  return `${kept}…`
}

export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const gap = ' '.repeat(Math.max(0, width - textWidth(text)))
  return align === 'right' ? gap + text : text + gap
}

export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  indent = '  ',
): string {
  const widths = columns.map((column, i) =>
    Math.max(textWidth(column.title), ...rows.map((row) => textWidth(row[i] ?? ''))),
  )
  const line = (cells: readonly string[]): string =>
    (
      indent + cells.map((cell, i) => pad(cell, widths[i]!, columns[i]!.align ?? 'left')).join('  ')
    ).trimEnd()
  return [line(columns.map((column) => column.title)), ...rows.map((row) => line(row))].join('\n')
}

/** A number with thin groups, as people read it. */
export function number(value: number): string {
  return value.toLocaleString('en-GB').replaceAll(',', ' ')
}

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let size = value
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit += 1
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar of at most `width` columns for a share of 0 to 1; something is always shown for more than nothing. */
export function bar(share: number, width: number): string {
  const eighths = Math.max(share > 0 ? 1 : 0, Math.round(share * width * 8))
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!
}
