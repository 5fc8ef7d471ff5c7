/**
 * Takes terminal output apart and lets through what only draws.
 *
 * A state machine over bytes, after ECMA-48 and https://vt100.net/emu/dec_ansi_parser. What it knows it hands on with
 * bounded numbers; all else is dropped and counted: titles, clipboards, links, images, queries that a terminal would
 * answer, modes that catch the mouse or the keyboard, sizes and positions of windows, blinking and concealed text, bells.
 * It never throws, keeps a few hundred bytes at most, and costs one step for a byte beside what the sink does.
 */
import { LIMITS } from '../limits.ts'
import { needsVisible } from '../neutralize/visible.ts'

/** What was dropped, by what it is. */
export const DROPPED_KINDS = [
  'title',
  'clipboard',
  'link',
  'string',
  'query',
  'window',
  'mode',
  'bell',
  'concealed',
  'other',
] as const

export type DroppedKind = (typeof DROPPED_KINDS)[number]

export type Dropped = Readonly<Record<DroppedKind, number>>

/** Final characters of the control sequences that draw or move, each with up to two counts. */
export type DrawingFinal =
  | '@'
  | 'A'
  | 'B'
  | 'C'
  | 'D'
  | 'E'
  | 'F'
  | 'G'
  | 'H'
  | 'I'
  | 'J'
  | 'K'
  | 'L'
  | 'M'
  | 'P'
  | 'S'
  | 'T'
  | 'X'
  | 'Z'
  | 'd'
  | 'e'
  | 'r'

/** Escapes that draw or move: save and restore the cursor, index, next line, reverse index, reset. */
export type DrawingEscape = '7' | '8' | 'D' | 'E' | 'M' | 'c'

/** Modes that only change how it is drawn. */
export type DrawingMode = 'insert' | 'origin' | 'wrap' | 'cursor' | 'alternate'

/** Receives what is left. */
export type Sink = {
  /** A character that can be shown: never a control, bidi or invisible one. */
  print(codePoint: number): void
  /** A character that cannot, to be boxed; a byte that is not UTF-8 comes as U+DC80 to U+DCFF. */
  box(codePoint: number): void
  /** Backspace 8, tab 9, line feed 10, carriage return 13. */
  control(code: 8 | 9 | 10 | 13): void
  /** @param first, second - 0 where absent; at most 999 */
  draw(final: DrawingFinal, first: number, second: number): void
  escape(final: DrawingEscape): void
  mode(mode: DrawingMode, isOn: boolean): void
  /** @param codes - SGR codes, of colours and what ink looks like; extended colours as `38;5;n` or `38;2;r;g;b` */
  style(codes: readonly number[]): void
}

/** Steps that are left; whoever works takes from it. */
export type Steps = { left: number }

type State = 'ground' | 'escape' | 'sequence' | 'string' | 'string-escape'

const DRAWING = new Set<string>('@ABCDEFGHIJKLMPSTXZder')
const SAME_AS: Readonly<Record<string, DrawingFinal>> = { '`': 'G', a: 'C', f: 'H' }
const QUERIES = new Set<string>(['c', 'n', 'x', '$p', '$u', '$w', '*y', '"v'])

// The line drawing characters of DEC, for 0x60 to 0x7e.
const LINES = [...'◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·'].map((one) => one.codePointAt(0)!)

const PRIVATE_MODES: Readonly<Record<number, DrawingMode>> = {
  6: 'origin',
  7: 'wrap',
  25: 'cursor',
  47: 'alternate',
  1047: 'alternate',
  1049: 'alternate',
}

/** SGR codes that are kept: ink, background, bold, dim, italic, underline, inverse, struck out; and their ends. */
const STYLES = new Set([0, 1, 2, 3, 4, 7, 9, 21, 22, 23, 24, 27, 29, 39, 49])

export class Filter {
  readonly #sink: Sink
  readonly #steps: Steps
  readonly #repeatMax: number
  readonly dropped: Record<DroppedKind, number> = {
    title: 0,
    clipboard: 0,
    link: 0,
    string: 0,
    query: 0,
    window: 0,
    mode: 0,
    bell: 0,
    concealed: 0,
    other: 0,
  }
  #state: State = 'ground'
  // UTF-8: what is still missing, what came, and the range of the next byte.
  #missing = 0
  #point = 0
  #came: number[] = []
  #low = 0x80
  #high = 0xbf
  // A control sequence or escape.
  #length = 0
  #private = ''
  #between = ''
  #numbers: number[] = []
  #hasNumber = false
  #isColon: boolean[] = []
  #isTooLong = false
  // A string.
  #string: '' | ']' | 'P' | 'X' | '^' | '_' = ''
  #stringBytes = 0
  #stringNumber = 0
  #hasStringNumber = true
  // Character sets, G0 and G1: whether they draw lines.
  #sets = [false, false]
  #set = 0
  #savedSets: readonly [boolean, boolean, number] = [false, false, 0]
  #last = 0

  /** @param repeatMax - how often one sequence may repeat a character: the columns of the screen */
  constructor(sink: Sink, steps: Steps, repeatMax: number) {
    this.#sink = sink
    this.#steps = steps
    this.#repeatMax = repeatMax
  }

  /** @returns how many bytes were taken: all of them, or fewer when the steps were used up */
  write(bytes: Uint8Array): number {
    for (let i = 0; i < bytes.length; i += 1) {
      if (this.#steps.left <= 0) return i
      this.#steps.left -= 1
      this.#take(bytes[i]!)
    }
    return bytes.length
  }

  /** After the last byte: a character or string that was not ended. */
  end(): void {
    this.#breakCharacter()
    if (this.#state === 'string' || this.#state === 'string-escape') this.#endString()
    else if (this.#state !== 'ground') this.dropped.other += 1
    this.#state = 'ground'
  }

  #take(byte: number): void {
    switch (this.#state) {
      case 'ground':
        if (this.#missing > 0) {
          if (byte >= this.#low && byte <= this.#high) {
            this.#continueCharacter(byte)
            return
          }
          this.#breakCharacter()
        }
        if (byte >= 0x20 && byte < 0x7f) {
          this.#print(byte)
          return
        }
        if (byte < 0x20 || byte === 0x7f) {
          this.#control(byte)
          return
        }
        this.#startCharacter(byte)
        return
      case 'escape':
        this.#takeEscape(byte)
        return
      case 'sequence':
        this.#takeSequence(byte)
        return
      case 'string':
        if (byte === 0x1b) this.#state = 'string-escape'
        // Only a system command may end with a bell; a program that is told to stop ends any.
        else if ((byte === 0x07 && this.#string === ']') || byte === 0x18 || byte === 0x1a)
          this.#endString()
        else this.#countString(byte)
        return
      case 'string-escape':
        this.#endString()
        if (byte === 0x5c) return
        // Whatever else follows an escape, it ended the string.
        this.#startEscape()
        this.#takeEscape(byte)
        return
    }
  }

  #control(byte: number): void {
    // A character is repeated only right behind it.
    if (byte !== 0x1b) this.#last = 0
    switch (byte) {
      case 0x08:
      case 0x09:
      case 0x0a:
      case 0x0d:
        this.#sink.control(byte)
        return
      case 0x0b:
      case 0x0c:
        this.#sink.control(10)
        return
      case 0x0e:
      case 0x0f:
        this.#set = byte === 0x0e ? 1 : 0
        return
      case 0x1b:
        this.#startEscape()
        return
      case 0x00: // padding
      case 0x7f:
      case 0x18: // ends a sequence; there is none
      case 0x1a:
        return
      case 0x07:
        this.dropped.bell += 1
        return
      case 0x05: // asks for an answer
        this.dropped.query += 1
        return
      default:
        this.#sink.box(byte)
    }
  }

  #print(point: number): void {
    const isLine = point >= 0x60 && point <= 0x7e && this.#sets[this.#set] === true
    this.#last = isLine ? LINES[point - 0x60]! : point
    this.#sink.print(this.#last)
  }

  // Well-formed sequences of RFC 3629: neither too long nor surrogates nor beyond the last code point.
  #startCharacter(byte: number): void {
    this.#came = [byte]
    this.#low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80
    this.#high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf
    this.#missing = byte < 0xc2 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : byte < 0xf5 ? 3 : 0
    this.#point = byte & (this.#missing === 1 ? 0x1f : this.#missing === 2 ? 0x0f : 0x07)
    if (this.#missing === 0) {
      this.#missing = 1
      this.#breakCharacter()
    }
  }

  #continueCharacter(byte: number): void {
    this.#came.push(byte)
    this.#point = (this.#point << 6) | (byte & 0x3f)
    this.#missing -= 1
    this.#low = 0x80
    this.#high = 0xbf
    if (this.#missing > 0) return
    this.#steps.left -= 16
    // C1 controls in their two-byte form are among these: shown, never obeyed.
    if (needsVisible(String.fromCodePoint(this.#point))) {
      this.#last = 0
      this.#sink.box(this.#point)
    } else {
      this.#last = this.#point
      this.#sink.print(this.#point)
    }
  }

  #breakCharacter(): void {
    if (this.#missing === 0) return
    this.#missing = 0
    this.#last = 0
    for (const byte of this.#came) this.#sink.box(0xdc00 + byte)
  }

  #startEscape(): void {
    this.#state = 'escape'
    this.#length = 0
    this.#between = ''
  }

  #takeEscape(byte: number): void {
    if (this.#interrupts(byte)) return
    if (byte >= 0x20 && byte <= 0x2f) {
      this.#length += 1
      if (this.#length > 2) this.#isTooLong = true
      else this.#between += String.fromCharCode(byte)
      return
    }
    const isTooLong = this.#isTooLong
    this.#isTooLong = false
    this.#state = 'ground'
    if (byte > 0x7e) {
      this.dropped.other += 1
      if (byte > 0x7f) this.#startCharacter(byte)
      return
    }
    const final = String.fromCharCode(byte)
    if (isTooLong) this.dropped.other += 1
    else if (this.#between === '') this.#endEscape(final)
    else if (this.#between === '(' || this.#between === ')')
      this.#sets[this.#between === '(' ? 0 : 1] = final === '0'
    else this.dropped.other += 1
  }

  #endEscape(final: string): void {
    if (final !== '[') this.#last = 0
    switch (final) {
      case '[':
        this.#state = 'sequence'
        this.#length = 0
        this.#private = ''
        this.#numbers = []
        this.#isColon = []
        this.#hasNumber = false
        return
      case ']':
      case 'P':
      case 'X':
      case '^':
      case '_':
        this.#state = 'string'
        this.#string = final
        this.#stringBytes = 0
        this.#stringNumber = 0
        this.#hasStringNumber = true
        return
      case '7':
        this.#savedSets = [this.#sets[0]!, this.#sets[1]!, this.#set]
        this.#sink.escape(final)
        return
      case '8':
        this.#sets = [this.#savedSets[0], this.#savedSets[1]]
        this.#set = this.#savedSets[2]
        this.#sink.escape(final)
        return
      case 'c':
        this.#sets = [false, false]
        this.#set = 0
        this.#savedSets = [false, false, 0]
        this.#sink.escape(final)
        return
      case 'D':
      case 'E':
      case 'M':
        this.#sink.escape(final)
        return
      case 'Z':
        this.dropped.query += 1
        return
      case '=': // modes of a keyboard that is not there
      case '>':
      case '\\':
        return
      default:
        this.dropped.other += 1
    }
  }

  /** Controls within a sequence work at once, as on a terminal; an escape or the order to stop ends it. */
  #interrupts(byte: number): boolean {
    if (byte >= 0x20) return false
    if (byte === 0x1b || byte === 0x18 || byte === 0x1a) {
      this.dropped.other += 1
      this.#isTooLong = false
      this.#state = 'ground'
    }
    this.#control(byte)
    return true
  }

  #takeSequence(byte: number): void {
    if (this.#interrupts(byte)) return
    this.#length += 1
    if (byte < 0x40) {
      if (this.#length > LIMITS.replaySequenceBytesMax) this.#isTooLong = true
      else if (byte >= 0x30 && byte <= 0x39) this.#digit(byte - 0x30)
      else if (byte === 0x3b || byte === 0x3a) this.#nextNumber(byte === 0x3a)
      else if (byte >= 0x3c) {
        if (this.#length > 1) this.#isTooLong = true
        this.#private = String.fromCharCode(byte)
      } else if (this.#between.length > 1) this.#isTooLong = true
      else this.#between += String.fromCharCode(byte)
      return
    }
    const isTooLong = this.#isTooLong
    this.#isTooLong = false
    this.#state = 'ground'
    if (byte > 0x7e) {
      this.dropped.other += 1
      if (byte > 0x7f) this.#startCharacter(byte)
      return
    }
    if (isTooLong) this.dropped.other += 1
    else this.#endSequence(String.fromCharCode(byte))
  }

  #digit(digit: number): void {
    if (!this.#hasNumber) {
      this.#hasNumber = true
      if (this.#numbers.length === 0) {
        this.#numbers.push(0)
        this.#isColon.push(false)
      }
    }
    const last = this.#numbers.length - 1
    this.#numbers[last] = Math.min(99_999, this.#numbers[last]! * 10 + digit)
  }

  #nextNumber(isColon: boolean): void {
    if (this.#numbers.length === 0) {
      this.#numbers.push(0)
      this.#isColon.push(false)
    }
    if (this.#numbers.length >= LIMITS.replayParametersMax) this.#isTooLong = true
    else {
      this.#numbers.push(0)
      this.#isColon.push(isColon)
    }
    this.#hasNumber = true
  }

  #endSequence(final: string): void {
    const numbers = this.#numbers
    const last = this.#last
    this.#last = 0
    const name = this.#between + final
    if (this.#between === '!' && final === 'p') {
      this.#sets = [false, false]
      this.#set = 0
      this.#sink.mode('insert', false)
      this.#sink.mode('cursor', true)
      this.#sink.style([0])
      return
    }
    if (QUERIES.has(name)) {
      this.dropped.query += 1
      return
    }
    if (this.#between !== '') {
      this.dropped.other += 1
      return
    }
    if (final === 'h' || final === 'l') {
      this.#modes(numbers, final === 'h')
      return
    }
    if (final === 't') {
      this.dropped.window += 1
      return
    }
    // Erasing only what is not protected: nothing is.
    const isPlain =
      this.#private === '' || (this.#private === '?' && (final === 'J' || final === 'K'))
    if (!isPlain) {
      this.dropped.other += 1
      return
    }
    const count = (i: number): number => Math.min(999, numbers[i] ?? 0)
    if (final === 'm') {
      this.#sink.style(this.#styles())
      return
    }
    if (final === 'b') {
      this.#repeat(last, Math.max(1, numbers[0] ?? 1))
      return
    }
    if (final === 's' && numbers.length === 0) {
      this.#endEscape('7')
      return
    }
    if (final === 'u' && numbers.length === 0) {
      this.#endEscape('8')
      return
    }
    const drawing = SAME_AS[final] ?? (DRAWING.has(final) ? (final as DrawingFinal) : undefined)
    // Five numbers before a T track the mouse.
    if (drawing === undefined || (drawing === 'T' && numbers.length > 1)) {
      this.dropped[drawing === undefined ? 'other' : 'mode'] += 1
      return
    }
    this.#sink.draw(drawing, count(0), count(1))
  }

  /** @param point - the character right before the sequence; 0 for none */
  #repeat(point: number, times: number): void {
    if (point === 0) return
    const bounded = Math.min(times, this.#repeatMax)
    this.#steps.left -= bounded
    for (let i = 0; i < bounded; i += 1) this.#sink.print(point)
  }

  #modes(numbers: readonly number[], isOn: boolean): void {
    for (const number of numbers) {
      const mode =
        this.#private === '?'
          ? PRIVATE_MODES[number]
          : this.#private === '' && number === 4
            ? ('insert' as const)
            : undefined
      if (mode === undefined) this.dropped.mode += 1
      else this.#sink.mode(mode, isOn)
    }
  }

  #styles(): readonly number[] {
    const numbers = this.#numbers
    if (numbers.length === 0) return [0]
    const kept: number[] = []
    for (let i = 0; i < numbers.length; ) {
      const code = numbers[i]!
      let next = i + 1
      while (this.#isColon[next] === true) next += 1
      const within = numbers.slice(i + 1, next)
      if (code === 38 || code === 48) {
        const given = within.length > 0 ? within : numbers.slice(i + 1, i + 5)
        // With colons a colour space may stand before the three shares.
        const shares = within.length > 4 ? given.slice(2, 5) : given.slice(1, 4)
        if (given[0] === 5 && (given[1] ?? 256) < 256) kept.push(code, 5, given[1]!)
        else if (given[0] === 2 && shares.length === 3 && shares.every((one) => one < 256))
          kept.push(code, 2, ...shares)
        if (within.length === 0) next = i + (given[0] === 5 ? 3 : given[0] === 2 ? 5 : 2)
      } else if (
        STYLES.has(code) ||
        (code >= 30 && code <= 37) ||
        (code >= 40 && code <= 47) ||
        (code >= 90 && code <= 97) ||
        (code >= 100 && code <= 107)
      )
        kept.push(code === 4 && within[0] === 0 ? 24 : code)
      // Text that would not be seen is shown like any other.
      else if (code === 8) this.dropped.concealed += 1
      i = next
    }
    return kept
  }

  #countString(byte: number): void {
    this.#stringBytes += 1
    if (this.#hasStringNumber && byte >= 0x30 && byte <= 0x39 && this.#stringBytes <= 4)
      this.#stringNumber = this.#stringNumber * 10 + (byte - 0x30)
    else if (byte === 0x3b || this.#stringBytes > 4) {
      if (this.#hasStringNumber && this.#stringBytes === 1) this.#stringNumber = -1
      this.#hasStringNumber = false
    } else if (this.#hasStringNumber) {
      this.#stringNumber = -1
      this.#hasStringNumber = false
    }
    // Nobody ended it: what comes now is shown again, or one escape would hide all the rest.
    if (this.#stringBytes >= LIMITS.replayStringBytesMax) this.#endString()
  }

  #endString(): void {
    this.#state = 'ground'
    const number = this.#string === ']' && this.#stringBytes > 0 ? this.#stringNumber : -1
    if (number >= 0 && number <= 2) this.dropped.title += 1
    else if (number === 52) this.dropped.clipboard += 1
    else if (number === 8) this.dropped.link += 1
    else this.dropped.string += 1
  }
}
