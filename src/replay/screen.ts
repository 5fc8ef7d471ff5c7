/**
 * A terminal's screen: cells, a cursor, a scroll region. No history; what leaves it at the top is handed on.
 *
 * Every call costs at most what the screen has of cells, and takes as many steps. The behaviour is that of xterm, with
 * two differences: a line feed also returns the carriage (Cowrie records before the terminal driver adds that), and
 * what cannot be shown takes a cell of its own.
 */
import { columnsOf } from '../core/terminal.ts'
import { LIMITS } from '../limits.ts'
import type { DrawingEscape, DrawingFinal, DrawingMode, Sink, Steps } from './filter.ts'
import { BOXED, erasedWith, type Ink, PLAIN, restyled } from './style.ts'

/** The right half of a wide character. */
export const WIDE_TAIL = 0x110000

export type Row = {
  /** Code points; 0 is a blank. */
  readonly codes: Uint32Array
  readonly inks: Uint32Array
  /** Marks over the characters of columns. */
  marks: Map<number, string> | undefined
  /** Whether the line goes on in the next row. */
  isWrapped: boolean
  isBlank: boolean
  isDirty: boolean
}

type Saved = { column: number; row: number; ink: Ink; isOrigin: boolean }

const TAB = 8

export class Screen implements Sink {
  readonly columns: number
  readonly height: number
  readonly #steps: Steps
  readonly #gone: (row: Row) => void
  #rows: Row[]
  /** The rows of the main screen, while the alternate one is shown. */
  #main: Row[] | undefined
  /** Rows of the alternate screen, while it is not. */
  #spare: Row[] | undefined
  #column = 0
  #row = 0
  #isAtEnd = false
  #ink: Ink = PLAIN
  #top = 0
  #bottom: number
  #isInsert = false
  #isOrigin = false
  #wraps = true
  #isCursorShown = true
  #saved: Saved = { column: 0, row: 0, ink: PLAIN, isOrigin: false }

  /** @param gone - receives rows that leave the screen for good, from top to bottom; they are used again afterwards */
  constructor(columns: number, rows: number, steps: Steps, gone: (row: Row) => void) {
    this.columns = columns
    this.height = rows
    this.#steps = steps
    this.#gone = gone
    this.#bottom = rows - 1
    this.#rows = this.#blankRows()
  }

  get rows(): readonly Row[] {
    return this.#rows
  }

  /** Column and row from 0; undefined while it is hidden. */
  get cursor(): readonly [number, number] | undefined {
    return this.#isCursorShown ? [this.#column, this.#row] : undefined
  }

  /** Hands on what is on the screen now, the main one last. */
  flush(): void {
    this.#giveAll(this.#rows)
    if (this.#main !== undefined) this.#giveAll(this.#main)
  }

  print(codePoint: number): void {
    let width = 1
    if (codePoint > 0x7e) {
      const character = String.fromCodePoint(codePoint)
      this.#steps.left -= 16
      width = columnsOf(character)
      if (width === 0) {
        this.#mark(codePoint, character)
        return
      }
    }
    this.#put(codePoint, width, this.#ink)
  }

  box(codePoint: number): void {
    this.#steps.left -= 4
    this.#put(codePoint, 1, this.#ink | BOXED)
  }

  #put(code: number, width: number, ink: Ink): void {
    if (this.#isAtEnd || (width === 2 && this.#column === this.columns - 1)) {
      if (this.#wraps && this.columns >= width) {
        const full = this.#rows[this.#row]!
        if (!this.#isAtEnd) this.#erase(full, this.#column, this.columns)
        full.isWrapped = true
        this.#column = 0
        this.#index()
      }
      this.#isAtEnd = false
    }
    if (this.#column + width > this.columns) this.#column = Math.max(0, this.columns - width)
    const row = this.#rows[this.#row]!
    if (this.#isInsert) this.#shiftRight(row, this.#column, width)
    this.#clearHalves(row, this.#column, this.#column + width)
    row.codes[this.#column] = code
    row.inks[this.#column] = ink
    if (width === 2) {
      row.codes[this.#column + 1] = WIDE_TAIL
      row.inks[this.#column + 1] = ink
    }
    if (row.marks !== undefined) {
      row.marks.delete(this.#column)
      row.marks.delete(this.#column + 1)
    }
    row.isBlank = false
    row.isDirty = true
    this.#column += width
    if (this.#column >= this.columns) {
      this.#column = this.columns - 1
      this.#isAtEnd = true
    }
  }

  /** A mark goes over the character before, where there is one and it has few; else it is boxed. */
  #mark(codePoint: number, mark: string): void {
    const row = this.#rows[this.#row]!
    let at = this.#isAtEnd ? this.#column : this.#column - 1
    if (at >= 0 && row.codes[at] === WIDE_TAIL) at -= 1
    const below = at >= 0 ? row.codes[at]! : 0
    const isLetter =
      below > 0x20 &&
      (row.inks[at]! & BOXED) === 0 &&
      /^[\p{L}\p{N}]$/u.test(String.fromCodePoint(below))
    const marks = row.marks?.get(at) ?? ''
    if (!isLetter) {
      this.box(codePoint)
      return
    }
    if ([...marks].length >= LIMITS.replayMarksMax) return
    row.marks ??= new Map()
    row.marks.set(at, marks + mark)
    row.isDirty = true
  }

  control(code: 8 | 9 | 10 | 13): void {
    switch (code) {
      case 8:
        this.#column = Math.max(0, this.#column - 1)
        break
      case 9:
        if (this.#isAtEnd) return
        this.#column = Math.min(this.columns - 1, (Math.floor(this.#column / TAB) + 1) * TAB)
        break
      case 10:
        this.#column = 0
        this.#index()
        break
      case 13:
        this.#column = 0
    }
    this.#isAtEnd = false
  }

  style(codes: readonly number[]): void {
    this.#steps.left -= 4 * codes.length
    this.#ink = restyled(this.#ink, codes)
  }

  mode(mode: DrawingMode, isOn: boolean): void {
    switch (mode) {
      case 'insert':
        this.#isInsert = isOn
        return
      case 'wrap':
        this.#wraps = isOn
        return
      case 'cursor':
        this.#isCursorShown = isOn
        return
      case 'origin':
        this.#isOrigin = isOn
        this.#moveTo(0, this.#firstRow())
        return
      case 'alternate':
        this.#alternate(isOn)
        return
    }
  }

  escape(final: DrawingEscape): void {
    switch (final) {
      case '7':
        this.#saved = {
          column: this.#column,
          row: this.#row,
          ink: this.#ink,
          isOrigin: this.#isOrigin,
        }
        return
      case '8':
        this.#ink = this.#saved.ink
        this.#isOrigin = this.#saved.isOrigin
        this.#moveTo(this.#saved.column, this.#saved.row)
        return
      case 'D':
        this.#isAtEnd = false
        this.#index()
        return
      case 'E':
        this.#column = 0
        this.#isAtEnd = false
        this.#index()
        return
      case 'M':
        this.#isAtEnd = false
        if (this.#row === this.#top) this.#scrollDown(this.#top, 1)
        else if (this.#row > 0) this.#row -= 1
        return
      case 'c':
        this.#reset()
        return
    }
  }

  draw(final: DrawingFinal, first: number, second: number): void {
    const count = Math.max(1, first)
    const row = this.#rows[this.#row]!
    this.#steps.left -= 4
    switch (final) {
      case 'A':
        this.#moveTo(this.#column, this.#up(count))
        return
      case 'B':
        this.#moveTo(this.#column, this.#down(count))
        return
      case 'C':
        this.#moveTo(this.#column + count, this.#row)
        return
      case 'D':
        this.#moveTo(this.#column - count, this.#row)
        return
      case 'E':
        this.#moveTo(0, this.#down(count))
        return
      case 'F':
        this.#moveTo(0, this.#up(count))
        return
      case 'G':
        this.#moveTo(count - 1, this.#row)
        return
      case 'd':
        this.#moveTo(this.#column, this.#firstRow() + count - 1)
        return
      case 'e':
        this.#moveTo(this.#column, this.#row + count)
        return
      case 'H':
        this.#moveTo(Math.max(1, second) - 1, this.#firstRow() + count - 1)
        return
      case 'I':
        this.#moveTo((Math.floor(this.#column / TAB) + count) * TAB, this.#row)
        return
      case 'Z':
        this.#moveTo((Math.ceil(this.#column / TAB) - count) * TAB, this.#row)
        return
      case 'J':
        this.#eraseScreen(first)
        return
      case 'K':
        this.#isAtEnd = false
        this.#erase(
          row,
          first === 0 ? this.#column : 0,
          first === 1 ? this.#column + 1 : first > 2 ? 0 : this.columns,
        )
        return
      case 'X':
        this.#isAtEnd = false
        this.#erase(row, this.#column, Math.min(this.columns, this.#column + count))
        return
      case '@':
        this.#isAtEnd = false
        this.#shiftRight(row, this.#column, count)
        return
      case 'P':
        this.#isAtEnd = false
        this.#shiftLeft(row, this.#column, count)
        return
      case 'L':
        if (this.#row < this.#top || this.#row > this.#bottom) return
        this.#moveTo(0, this.#row)
        this.#scrollDown(this.#row, count)
        return
      case 'M':
        if (this.#row < this.#top || this.#row > this.#bottom) return
        this.#moveTo(0, this.#row)
        this.#scrollUp(this.#row, count, false)
        return
      case 'S':
        this.#scrollUp(this.#top, count, true)
        return
      case 'T':
        this.#scrollDown(this.#top, count)
        return
      case 'r':
        this.#region(count - 1, (second === 0 ? this.height : second) - 1)
        return
    }
  }

  #firstRow(): number {
    return this.#isOrigin ? this.#top : 0
  }

  #up(count: number): number {
    return Math.max(this.#row >= this.#top ? this.#top : 0, this.#row - count)
  }

  #down(count: number): number {
    return Math.min(this.#row <= this.#bottom ? this.#bottom : this.height - 1, this.#row + count)
  }

  #moveTo(column: number, row: number): void {
    const last = this.#isOrigin ? this.#bottom : this.height - 1
    this.#column = Math.max(0, Math.min(this.columns - 1, column))
    this.#row = Math.max(this.#firstRow(), Math.min(last, row))
    this.#isAtEnd = false
  }

  #region(top: number, bottom: number): void {
    const last = Math.min(bottom, this.height - 1)
    if (top >= last) return
    this.#top = top
    this.#bottom = last
    this.#moveTo(0, this.#firstRow())
  }

  #index(): void {
    if (this.#row === this.#bottom) this.#scrollUp(this.#top, 1, true)
    else if (this.#row < this.height - 1) this.#row += 1
  }

  /** @param isPast - rows that leave at the top of the main screen belong to the transcript */
  #scrollUp(from: number, times: number, isPast: boolean): void {
    const count = Math.min(times, this.#bottom - from + 1)
    const removed = this.#rows.splice(from, count)
    for (const row of removed) {
      if (isPast && from === 0 && this.#main === undefined) this.#gone(row)
      this.#blank(row)
    }
    this.#rows.splice(this.#bottom - count + 1, 0, ...removed)
    this.#touch(from, this.#bottom)
  }

  #scrollDown(from: number, times: number): void {
    const count = Math.min(times, this.#bottom - from + 1)
    const removed = this.#rows.splice(this.#bottom - count + 1, count)
    for (const row of removed) this.#blank(row)
    this.#rows.splice(from, 0, ...removed)
    this.#touch(from, this.#bottom)
  }

  #touch(from: number, to: number): void {
    this.#steps.left -= to - from + 1
    for (let i = from; i <= to; i += 1) this.#rows[i]!.isDirty = true
  }

  #blank(row: Row): void {
    row.isWrapped = false
    row.isDirty = true
    const ink = erasedWith(this.#ink)
    if (row.isBlank && ink === PLAIN) {
      this.#steps.left -= 1
      return
    }
    this.#fill(row, 0, this.columns)
    row.marks = undefined
    row.isBlank = ink === PLAIN
  }

  #fill(row: Row, from: number, to: number): void {
    this.#steps.left -= 4 + ((to - from) >> 3)
    row.codes.fill(0, from, to)
    row.inks.fill(erasedWith(this.#ink), from, to)
  }

  #erase(row: Row, from: number, to: number): void {
    if (from >= to) return
    if (from === 0 && to === this.columns) {
      this.#blank(row)
      return
    }
    this.#clearHalves(row, from, to)
    this.#fill(row, from, to)
    if (to === this.columns) row.isWrapped = false
    this.#dropMarks(row, from, to)
    row.isBlank = false
    row.isDirty = true
  }

  #dropMarks(row: Row, from: number, to: number): void {
    if (row.marks === undefined) return
    this.#steps.left -= 8 * row.marks.size
    for (const at of row.marks.keys()) if (at >= from && at < to) row.marks.delete(at)
  }

  /** Wide characters of which a range covers one half lose the other one, too. */
  #clearHalves(row: Row, from: number, to: number): void {
    if (from > 0 && row.codes[from] === WIDE_TAIL) row.codes[from - 1] = 0
    if (to < this.columns && row.codes[to] === WIDE_TAIL) row.codes[to] = 0
  }

  #shiftRight(row: Row, from: number, times: number): void {
    const count = Math.min(times, this.columns - from)
    this.#clearHalves(row, from, from)
    row.codes.copyWithin(from + count, from, this.columns - count)
    row.inks.copyWithin(from + count, from, this.columns - count)
    this.#fill(row, from, from + count)
    this.#mend(row, from, (at) => (at >= from ? at + count : at))
  }

  #shiftLeft(row: Row, from: number, times: number): void {
    const count = Math.min(times, this.columns - from)
    this.#clearHalves(row, from, from + count)
    row.codes.copyWithin(from, from + count)
    row.inks.copyWithin(from, from + count)
    this.#fill(row, this.columns - count, this.columns)
    this.#mend(row, from, (at) => (at < from ? at : at < from + count ? -1 : at - count))
  }

  /** After a shift: no half of a wide character stands at an edge, and marks follow their characters. */
  #mend(row: Row, from: number, moved: (at: number) => number): void {
    this.#steps.left -= 4
    if (row.codes[from] === WIDE_TAIL) row.codes[from] = 0
    const last = this.columns - 1
    const code = row.codes[last]!
    if (code > 0x7e && code < WIDE_TAIL && columnsOf(String.fromCodePoint(code)) === 2)
      row.codes[last] = 0
    if (row.marks !== undefined) {
      this.#steps.left -= 16 * row.marks.size
      row.marks = new Map(
        [...row.marks]
          .map(([at, marks]) => [moved(at), marks] as const)
          .filter(([at]) => at >= 0 && at < this.columns),
      )
    }
    row.isBlank = false
    row.isDirty = true
  }

  #eraseScreen(what: number): void {
    this.#isAtEnd = false
    if (what > 3) return
    // There is no history to erase.
    if (what === 3) return
    if (what === 2) {
      this.#clear()
      return
    }
    const row = this.#rows[this.#row]!
    this.#steps.left -= this.height
    if (what === 0) {
      if (this.#row === 0 && this.#column === 0) {
        this.#clear()
        return
      }
      this.#erase(row, this.#column, this.columns)
      for (let i = this.#row + 1; i < this.height; i += 1) this.#blank(this.#rows[i]!)
    } else {
      this.#erase(row, 0, this.#column + 1)
      for (let i = 0; i < this.#row; i += 1) this.#blank(this.#rows[i]!)
    }
  }

  /** What is wiped away whole was seen: it belongs to the transcript. */
  #clear(): void {
    this.#giveAll(this.#rows)
    this.#steps.left -= this.height
    for (const row of this.#rows) this.#blank(row)
  }

  #giveAll(rows: readonly Row[]): void {
    let last = rows.length - 1
    while (last >= 0 && rows[last]!.isBlank) last -= 1
    this.#steps.left -= rows.length
    for (let i = 0; i <= last; i += 1) this.#gone(rows[i]!)
  }

  #alternate(isOn: boolean): void {
    if (isOn === (this.#main !== undefined)) return
    if (isOn) {
      this.escape('7')
      this.#main = this.#rows
      this.#rows = this.#spare ?? this.#blankRows()
      this.#steps.left -= this.height
      for (const row of this.#rows) this.#blank(row)
    } else {
      this.#giveAll(this.#rows)
      this.#spare = this.#rows
      this.#rows = this.#main!
      this.#main = undefined
      this.escape('8')
    }
    this.#isAtEnd = false
    this.#touch(0, this.height - 1)
  }

  #reset(): void {
    if (this.#main !== undefined) this.#alternate(false)
    this.#ink = PLAIN
    this.#clear()
    this.#top = 0
    this.#bottom = this.height - 1
    this.#isInsert = false
    this.#isOrigin = false
    this.#wraps = true
    this.#isCursorShown = true
    this.#saved = { column: 0, row: 0, ink: PLAIN, isOrigin: false }
    this.#moveTo(0, 0)
  }

  #blankRows(): Row[] {
    this.#steps.left -= 16 * this.height + ((this.height * this.columns) >> 2)
    return Array.from({ length: this.height }, () => ({
      codes: new Uint32Array(this.columns),
      inks: new Uint32Array(this.columns),
      marks: undefined,
      isWrapped: false,
      isBlank: true,
      isDirty: true,
    }))
  }
}
