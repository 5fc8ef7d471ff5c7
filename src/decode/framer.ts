/**
 * Cuts a stream of bytes into records that follow each other without gap or overlap.
 *
 * JSON Lines go a fast way: one line, one candidate, no look at its inside. Everything else (pretty-printed and
 * concatenated objects, an array, a log prefix, torn lines, NUL blocks, over-long lines) is found by following the
 * grammar. How the bytes were cut into chunks never changes the records.
 */

import type { DeadReason } from '../core/event.ts'
import { LIMITS } from '../limits.ts'
import { JsonScanner } from './scanner.ts'

const NEWLINE = 0x0a
const OPEN = 0x7b
const CLOSE = 0x7d
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/** Buffered bytes without a line end after which the grammar decides instead of the line. */
const LINE_PATIENCE = 65_536

/** Bytes of a log prefix (time, host, program) before an object. */
const LOG_PREFIX_MAX = 512

export type FrameKind =
  | 'record' // [jsonStart, jsonEnd) should be one JSON value
  | 'blank'
  | 'dead' // one record that is none; `reason` says why
  | 'segment' // part of a region too long to hold; the first part has `records` 1, the others 0

/** What `next` found; positions are in `Framer.buffer`, valid until the next `push`. */
export class Frame {
  kind: FrameKind = 'blank'
  start = 0
  end = 0
  jsonStart = 0
  jsonEnd = 0
  /** Records this frame counts for. */
  records = 1
  reason: DeadReason = 'not-json'
  nulPadding = false
  /** The candidate is a guess by the line's shape; `retry` looks closer. */
  guessed = false
}

type Skip = {
  readonly until: 'newline' | 'object' | 'next-object' | 'nul-end'
  readonly reason: DeadReason
  readonly column: number
  counted: boolean
}

export class Framer {
  buffer: Uint8Array = new Uint8Array(0)
  /** Offset of `buffer[0]` in the stream. */
  base = 0
  readonly frame = new Frame()

  /**
   * @param startOffset - where in the stream the first byte lies
   * @param inArray - reading goes on inside an array
   */
  constructor(startOffset = 0, inArray = false) {
    this.base = startOffset
    this.#inArray = inArray
  }

  #pos = 0
  #end = 0
  #eof = false
  /** Next line end at or after `#pos`: -1 none in the buffer, -2 not looked for yet. */
  #newline = -2
  #inArray = false
  /** Before this position in the buffer, lines are read by the grammar. */
  #closeLookUntil = 0
  #scanner = new JsonScanner()
  #inArrayBefore = false
  /** A scan is under way: where it began and stands. */
  #scanning = false
  #scanFrom = 0
  #scanAt = 0
  #skip: Skip | undefined

  /** Adds bytes; the framer keeps what it needs of the old ones. */
  push(chunk: Uint8Array): void {
    const rest = this.#end - this.#pos
    const moved = this.#pos
    if (rest === 0) {
      this.buffer = chunk
    } else {
      const joined = Buffer.allocUnsafeSlow(rest + chunk.length)
      joined.set(this.buffer.subarray(this.#pos, this.#end))
      joined.set(chunk, rest)
      this.buffer = joined
    }
    this.base += moved
    this.#pos = 0
    this.#end = this.buffer.length
    if (this.#newline !== -1 && this.#newline !== -2) this.#newline -= moved
    else this.#newline = -2
    this.#closeLookUntil = Math.max(0, this.#closeLookUntil - moved)
    this.#scanFrom -= moved
    this.#scanAt -= moved
  }

  /** No more bytes will come. */
  finish(): void {
    this.#eof = true
    if (this.#newline === -1) this.#newline = -2
  }

  /** What is left at the end and is no whole record: positions in `buffer`. */
  tail(): { readonly start: number; readonly end: number } {
    return { start: this.#pos, end: this.#end }
  }

  /** Stream offset up to which records were given out. */
  get offset(): number {
    return this.base + this.#pos
  }

  /** Finds the next record. @returns false when more bytes are needed, or at the end when only a tail is left */
  next(): boolean {
    if (this.#skip !== undefined) return this.#continueSkip(this.#skip)
    if (this.#pos >= this.#end) return false
    this.#inArrayBefore = this.#inArray
    const found = this.#find()
    // What was passed on the way to "more bytes are needed" is passed again.
    if (!found && this.#skip === undefined) this.#inArray = this.#inArrayBefore
    return found
  }

  #find(): boolean {
    const frame = this.frame
    frame.records = 1
    frame.nulPadding = false
    frame.guessed = false
    let start = this.#pos
    const first = this.buffer[start]
    if (first !== OPEN) {
      const found = this.#lead(start)
      if (found < 0) return found === LEAD_EMITTED
      start = found
    }
    return this.#object(start)
  }

  /** The last candidate, taken by the shape of its line, was no JSON: gives its parts one by one instead. */
  retry(): boolean {
    this.#pos = this.frame.start
    this.#inArray = this.#inArrayBefore
    this.#newline = -2
    this.#closeLookUntil = this.frame.end
    return this.next()
  }

  /** Passes what may stand before an object. @returns where the object starts, or one of the LEAD codes */
  #lead(from: number): number {
    const buffer = this.buffer
    const end = this.#end
    let at = from
    if (this.base + at === 0 && buffer[at] === 0xef) {
      // A byte order mark; wait for all of it.
      if (end - at < 3 && !this.#eof) return LEAD_MORE
      if (buffer[at + 1] === 0xbb && buffer[at + 2] === 0xbf) at += 3
    }
    let nulFrom = -1
    for (;;) {
      if (at >= end) {
        if (nulFrom >= 0 && end - nulFrom >= LIMITS.nulPaddingMax)
          return this.#startNulRegion(from, nulFrom)
        // At the end of the stream this is the tail.
        return !this.#eof && end - from > LIMITS.recordBytesMax
          ? this.#startSkip('newline', 'too-long', 0)
          : LEAD_MORE
      }
      const byte = buffer[at]!
      if (byte === 0) {
        if (nulFrom < 0) nulFrom = at
        at += 1
        continue
      }
      if (nulFrom >= 0) {
        if (at - nulFrom >= LIMITS.nulPaddingMax) return this.#startNulRegion(from, nulFrom)
        nulFrom = -1
        this.frame.nulPadding = true
      }
      if (byte === 0x20 || byte === 0x09 || byte === 0x0d) {
        at += 1
        continue
      }
      if (byte === NEWLINE) {
        if (at - from > LIMITS.recordBytesMax) return this.#emitDead('too-long', from, at + 1)
        if (this.frame.nulPadding) return this.#emitDead('not-json', from, at + 1)
        if (this.#inArray) {
          at += 1
          continue
        }
        return this.#emit('blank', from, at + 1)
      }
      if (byte === OPEN) return at
      if (this.#inArray && (byte === COMMA || byte === CLOSE_ARRAY)) {
        if (byte === CLOSE_ARRAY) this.#inArray = false
        at += 1
        continue
      }
      if (byte === OPEN_ARRAY) {
        let look = at + 1
        while (look < end && isBlank(buffer[look]!)) look += 1
        if (look >= end && !this.#eof)
          return end - from > LIMITS.recordBytesMax
            ? this.#startSkip('newline', 'too-long', 0)
            : LEAD_MORE
        if (buffer[look] === OPEN) {
          this.#inArray = true
          at = look
          continue
        }
      }
      return this.#otherLine(from, at)
    }
  }

  /** A line that does not start with an object: a log prefix before one, or no event at all. */
  #otherLine(from: number, at: number): number {
    const newline = this.#newlineFrom(at)
    if (newline < 0) {
      if (this.#end - from > LIMITS.recordBytesMax) return this.#startSkip('newline', 'too-long', 0)
      return LEAD_MORE // at the end of the stream this is the tail
    }
    const lineEnd = newline + 1
    if (newline - from > LIMITS.recordBytesMax) return this.#emitDead('too-long', from, lineEnd)
    const jsonEnd = this.#trimBack(at, newline)
    const open = indexOfObject(this.buffer, at, jsonEnd)
    if (open >= 0 && !this.#isLogPrefix(at, open)) {
      this.#closeLookUntil = Math.max(this.#closeLookUntil, lineEnd)
      return this.#emitDead('not-json', from, open)
    }
    // The objects behind the prefix are read one by one.
    if (open >= 0 && at < this.#closeLookUntil) return open
    this.#takeTrim()
    if (open >= 0 && this.buffer[jsonEnd - 1] === CLOSE) {
      this.#emitRecord(from, lineEnd, open, jsonEnd)
      this.frame.guessed = true
    } else {
      this.#emitRecord(from, lineEnd, at, jsonEnd)
    }
    return LEAD_EMITTED
  }

  /** Whether the text before an object is what a log daemon writes there, and not the rest of a torn record. */
  #isLogPrefix(from: number, to: number): boolean {
    if (to - from > LOG_PREFIX_MAX) return false
    const last = this.buffer[to - 1]
    if (last !== 0x20 && last !== 0x09 && last !== 0x3a) return false
    for (let at = from; at < to; at += 1) {
      const byte = this.buffer[at]!
      if (byte === 0x22 || byte === CLOSE || (byte < 0x20 && byte !== 0x09)) return false
    }
    return true
  }

  /** An object starts here. */
  #object(start: number): boolean {
    const newline = this.#newlineFrom(start)
    if (newline >= 0 && start >= this.#closeLookUntil && !this.#scanning) {
      const jsonEnd = this.#trimBack(start, newline)
      if (this.buffer[jsonEnd - 1] === CLOSE && newline - start < LIMITS.recordBytesMax) {
        this.#takeTrim()
        this.#emitRecord(this.#pos, newline + 1, start, jsonEnd)
        this.frame.guessed = true
        return true
      }
    } else if (newline < 0 && !this.#eof && this.#end - start < LINE_PATIENCE) {
      return false
    }
    return this.#scan(start)
  }

  #scan(start: number): boolean {
    const scanner = this.#scanner
    if (!this.#scanning || this.#scanFrom !== start) {
      scanner.reset()
      this.#scanning = true
      this.#scanFrom = start
      this.#scanAt = start
    }
    if (scanner.status === 'more') this.#scanAt = scanner.feed(this.buffer, this.#scanAt, this.#end)
    if (this.#scanAt - start > LIMITS.recordBytesMax) return this.#longRecord()
    if (scanner.status === 'more') {
      if (!this.#eof) return false
      // At the end this is the tail, unless a later line starts afresh: then the torn part ends before it.
      const newline = this.#newlineFrom(start)
      if (newline >= 0 && this.#takeSalvaged(start, newline + 1)) return true
      const resync =
        newline < 0 ? -1 : this.#nextObjectLine(newline + 1, this.#columnOf(start), this.#end)
      if (resync < 0) return false
      this.#scanning = false
      this.#emitDead('not-json', this.#pos, resync)
      return true
    }
    if (scanner.status === 'done') return this.#wholeObject(start, this.#scanAt)
    return this.#brokenObject(start, this.#scanAt)
  }

  #wholeObject(start: number, objectEnd: number): boolean {
    const end = this.#absorb(objectEnd)
    if (end < 0) return false
    this.#scanning = false
    this.#emitRecord(this.#pos, end, start, objectEnd)
    return true
  }

  /** Takes what separates an object from the next one. @returns its end, or -1 when more bytes are needed */
  #absorb(from: number): number {
    const buffer = this.buffer
    let inArray = this.#inArray
    let nulPadding = false
    let at = from
    for (; ; at += 1) {
      if (at >= this.#end) {
        if (!this.#eof) return -1
        break
      }
      const byte = buffer[at]!
      if (byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === COMMA) continue
      if (byte === 0) {
        nulPadding = true
        continue
      }
      if (byte === NEWLINE) {
        if (inArray) continue
        at += 1
        break
      }
      if (byte !== CLOSE_ARRAY || !inArray) break
      inArray = false
    }
    this.#inArray = inArray
    if (nulPadding) this.frame.nulPadding = true
    return at
  }

  /** The grammar breaks at `error`: finds where reading can go on. */
  #brokenObject(start: number, error: number): boolean {
    const newline = this.#newlineFrom(start)
    if (newline < 0) {
      if (!this.#eof && this.#end - start > LIMITS.recordBytesMax) {
        this.#scanning = false
        return this.#startSkip('newline', 'not-json', 0) === LEAD_EMITTED
      }
      return this.#eof ? this.#brokenTail(start) : false
    }
    const lineEnd = newline + 1
    if (error < lineEnd) {
      this.#scanning = false
      // An over-long line is one region however it was cut: nothing in it is looked for.
      const found = newline - start > LIMITS.recordBytesMax ? -1 : this.#salvage(start + 1, lineEnd)
      this.#emitDead('not-json', this.#pos, found < 0 ? lineEnd : found)
      if (found >= 0) this.#closeLookUntil = Math.max(this.#closeLookUntil, lineEnd)
      return true
    }
    if (this.#takeSalvaged(start, lineEnd)) return true
    const resync = this.#nextObjectLine(lineEnd, this.#columnOf(start), this.#end)
    if (resync < 0 && !this.#eof) {
      if (this.#end - start <= LIMITS.recordBytesMax) return false
      const column = this.#columnOf(start)
      this.#scanning = false
      return this.#startSkip('next-object', 'not-json', column) === LEAD_EMITTED
    }
    this.#scanning = false
    this.#emitDead('not-json', this.#pos, resync < 0 ? this.#end : resync)
    return true
  }

  /** A record torn right before a value takes the whole event behind it for that value: gives both. */
  #takeSalvaged(start: number, lineEnd: number): boolean {
    const found = lineEnd - start > LIMITS.recordBytesMax ? -1 : this.#salvage(start + 1, lineEnd)
    if (found < 0) return false
    this.#scanning = false
    this.#closeLookUntil = Math.max(this.#closeLookUntil, lineEnd)
    this.#emitDead('not-json', this.#pos, found)
    return true
  }

  /** A broken last line without line end: a later whole object on it is still good; the rest is the tail. */
  #brokenTail(start: number): boolean {
    const found = this.#salvage(start + 1, this.#end)
    if (found < 0) return false
    this.#scanning = false
    this.#closeLookUntil = this.#end
    this.#emitDead('not-json', this.#pos, found)
    return true
  }

  /**
   * Looks in the rest of a broken line for a whole event: Cowrie was killed in mid-line and went on in the same line.
   *
   * A raw `{"` cannot stand inside a JSON string, so no attacker's text is taken for an event.
   */
  #salvage(from: number, to: number): number {
    const scanner = new JsonScanner()
    let at = from
    for (let tries = 0; tries < LIMITS.salvageTriesMax; ) {
      at = indexOfObject(this.buffer, at, to)
      if (at < 0) return -1
      scanner.reset()
      const end = scanner.feed(this.buffer, at, to)
      if (scanner.status === 'done') {
        if (hasEventid(this.buffer.subarray(at, end))) return at
        // A whole object that is no event: one inside the torn record. Passing it costs no try, and no byte is read twice.
        at = end
      } else {
        at += 1
        tries += 1
      }
    }
    return -1
  }

  /** First line from `from` on whose first character is `{`, no further in than `column`; -1 for none yet. */
  #nextObjectLine(from: number, column: number, to: number): number {
    for (let line = from; line < to; ) {
      let at = line
      while (at < this.#end && (this.buffer[at] === 0x20 || this.buffer[at] === 0x09)) at += 1
      if (at >= this.#end) return -1
      if (this.buffer[at] === OPEN && at - line <= column) return line
      const newline = this.buffer.indexOf(NEWLINE, at)
      if (newline < 0) return -1
      line = newline + 1
    }
    return -1
  }

  #columnOf(at: number): number {
    let column = 0
    while (
      at - column > 0 &&
      (this.buffer[at - column - 1] === 0x20 || this.buffer[at - column - 1] === 0x09)
    )
      column += 1
    return column
  }

  #longRecord(): boolean {
    if (this.#scanner.status === 'more') {
      return this.#startSkip('object', 'too-long', 0) === LEAD_EMITTED
    }
    if (this.#scanner.status === 'done') {
      const end = this.#absorb(this.#scanAt)
      if (end < 0) return false
      this.#scanning = false
      this.#emitDead('too-long', this.#pos, end)
      return true
    }
    // Broken, but only beyond the limit: too long first of all.
    return this.#startSkip('object', 'too-long', 0) === LEAD_EMITTED
  }

  #startNulRegion(from: number, nulFrom: number): number {
    for (let at = from; at < nulFrom; at += 1) {
      if (!isBlank(this.buffer[at]!)) return this.#emitDead('not-json', from, nulFrom)
    }
    // The run stands alone, so that the object after it (if any) is whole; blanks before it belong to it.
    return this.#startSkip('nul-end', 'not-json', 0)
  }

  #startSkip(until: Skip['until'], reason: DeadReason, column: number): number {
    this.#skip = { until, reason, column, counted: false }
    // A line end counts only behind what the grammar has read.
    if (until === 'newline') this.#scanAt = this.#pos
    return this.#continueSkip(this.#skip) ? LEAD_EMITTED : LEAD_MORE
  }

  /** Gives out a long region in segments until its end is found. */
  #continueSkip(skip: Skip): boolean {
    if (this.#pos >= this.#end) {
      if (this.#eof) this.#skip = undefined
      return false
    }
    const from = this.#pos
    const limit = Math.min(this.#end, from + LIMITS.blockBytes)
    let end = limit
    let over = false
    if (skip.until === 'newline') {
      const newline = this.buffer.indexOf(NEWLINE, Math.max(from, this.#scanAt))
      if (newline >= 0 && newline < limit) {
        end = newline + 1
        over = true
      }
    } else if (skip.until === 'nul-end') {
      let at = from
      // Blanks may stand before the run; after it the next record begins.
      while (at < limit && isBlank(this.buffer[at]!) && !skip.counted) at += 1
      while (at < limit && this.buffer[at] === 0) at += 1
      end = at
      over = at < limit
    } else if (skip.until === 'next-object') {
      // Only a line start can end it; a segment ends at a line end where there is one.
      const newline = this.buffer.lastIndexOf(NEWLINE, limit - 1)
      if (newline >= from && newline + 1 < this.#end) end = newline + 1
      // The region begins with the broken object itself: what ends it is a later line.
      const resync = this.#nextObjectLine(
        this.#lineStartAtOrAfter(skip.counted ? from : from + 1),
        skip.column,
        end + 1,
      )
      if (resync >= 0 && resync <= end) {
        end = resync
        over = true
      }
    } else {
      if (this.#scanner.status === 'more' && this.#scanAt < this.#end) {
        this.#scanAt = this.#scanner.feed(this.buffer, this.#scanAt, this.#end)
      }
      if (this.#scanner.status === 'error') {
        this.#scanning = false
        this.#skip = { until: 'newline', reason: skip.reason, column: 0, counted: skip.counted }
        return this.#continueSkip(this.#skip)
      }
      if (this.#scanner.status === 'done' && this.#scanAt <= limit) {
        const absorbed = this.#absorb(this.#scanAt)
        if (absorbed < 0) return false
        end = absorbed
        over = true
        this.#scanning = false
      } else if (this.#scanner.status === 'done') {
        end = Math.min(limit, this.#scanAt)
      }
    }
    if (end === from) {
      this.#skip = undefined
      return this.next()
    }
    const frame = this.frame
    frame.kind = 'segment'
    frame.reason = skip.reason
    frame.start = from
    frame.end = end
    frame.records = skip.counted ? 0 : 1
    skip.counted = true
    if (over) this.#skip = undefined
    this.#advance(end)
    return true
  }

  #lineStartAtOrAfter(at: number): number {
    if (at === 0 || this.buffer[at - 1] === NEWLINE) return at
    const newline = this.buffer.indexOf(NEWLINE, at)
    return newline < 0 ? this.#end : newline + 1
  }

  #newlineFrom(at: number): number {
    if (this.#newline === -2 || (this.#newline >= 0 && this.#newline < at)) {
      this.#newline = this.buffer.indexOf(NEWLINE, at)
    }
    return this.#newline
  }

  #trimNul = false
  #trimArray = false

  /** The line was taken as `#trimBack` cut it. */
  #takeTrim(): void {
    if (this.#trimNul) this.frame.nulPadding = true
    if (this.#trimArray) this.#inArray = false
  }

  /** Where the JSON of a line ends: blanks, NULs, a comma and, in an array, its bracket do not belong to it. */
  #trimBack(from: number, newline: number): number {
    let end = newline
    this.#trimNul = false
    this.#trimArray = false
    for (; end > from; end -= 1) {
      const byte = this.buffer[end - 1]!
      if (byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === COMMA) continue
      if (byte === 0) {
        this.#trimNul = true
        continue
      }
      if (byte === CLOSE_ARRAY && this.#inArray && !this.#trimArray) {
        this.#trimArray = true
        continue
      }
      break
    }
    return end
  }

  #emitRecord(start: number, end: number, jsonStart: number, jsonEnd: number): void {
    const frame = this.frame
    frame.kind = 'record'
    frame.start = start
    frame.end = end
    frame.jsonStart = jsonStart
    frame.jsonEnd = jsonEnd
    this.#advance(end)
  }

  #emitDead(reason: DeadReason, start: number, end: number): number {
    this.frame.reason = reason
    return this.#emit('dead', start, end)
  }

  #emit(kind: FrameKind, start: number, end: number): number {
    const frame = this.frame
    frame.kind = kind
    frame.start = start
    frame.end = end
    this.#advance(end)
    return LEAD_EMITTED
  }

  #advance(end: number): void {
    this.#pos = end
    if (this.#newline >= 0 && this.#newline < end) this.#newline = -2
  }
}

const LEAD_MORE = -1
const LEAD_EMITTED = -2

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === NEWLINE
}

/** Position of the next `{"` in [from, to); -1 for none. */
function indexOfObject(bytes: Uint8Array, from: number, to: number): number {
  for (
    let at = bytes.indexOf(OPEN, from);
    at >= 0 && at + 1 < to;
    at = bytes.indexOf(OPEN, at + 1)
  ) {
    if (bytes[at + 1] === 0x22) return at
  }
  return -1
}

function hasEventid(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(),
    )
    return typeof value === 'object' && value !== null && Object.hasOwn(value, 'eventid')
  } catch {
    return false
  }
}
