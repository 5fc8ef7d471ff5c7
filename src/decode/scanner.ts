/**
 * Finds where a JSON object ends, over bytes that arrive in pieces.
 *
 * It follows the grammar closely enough to tell a whole object from a torn one at the first byte that cannot stand
 * there; whether numbers and literals are well formed is left to the parser that reads the object afterwards.
 * Constant work for each byte; memory is one byte for each open bracket.
 */

const EXPECT_VALUE = 0
const EXPECT_KEY_OR_END = 1
const EXPECT_KEY = 2
const EXPECT_COLON = 3
const AFTER_VALUE = 4
const EXPECT_VALUE_OR_END = 5
const IN_STRING = 6
const IN_ESCAPE = 7
const IN_SCALAR = 8

const OBJECT = 1
const ARRAY = 2

export type ScanStatus = 'more' | 'done' | 'error'

export class JsonScanner {
  status: ScanStatus = 'more'
  /** Open brackets right now. */
  depth = 0
  #state = EXPECT_VALUE
  #stringIsKey = false
  #stack = new Uint8Array(128)

  reset(): void {
    this.status = 'more'
    this.depth = 0
    this.#state = EXPECT_VALUE
    this.#stringIsKey = false
  }

  /**
   * Reads on. The first byte after `reset` must be `{`.
   *
   * @returns the position after the object (`done`), of the byte that cannot stand there (`error`), or `to` (`more`)
   */
  feed(bytes: Uint8Array, from: number, to: number): number {
    let state = this.#state
    let at = from
    for (; at < to; at += 1) {
      const byte = bytes[at]!
      if (state === IN_STRING) {
        if (byte === 0x22) {
          state = this.#stringIsKey ? EXPECT_COLON : AFTER_VALUE
        } else if (byte === 0x5c) {
          state = IN_ESCAPE
        } else if (byte < 0x20) {
          return this.#fail(at)
        }
        continue
      }
      if (state === IN_ESCAPE) {
        if (byte < 0x20) return this.#fail(at)
        state = IN_STRING
        continue
      }
      if (state === IN_SCALAR) {
        // Digits, letters, sign and point; anything else ends the number or literal and is looked at below.
        if (
          (byte >= 0x30 && byte <= 0x39) ||
          (byte >= 0x61 && byte <= 0x7a) ||
          byte === 0x2e ||
          byte === 0x2b ||
          byte === 0x2d ||
          byte === 0x45
        ) {
          continue
        }
        state = AFTER_VALUE
      }
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue
      switch (state) {
        case EXPECT_VALUE_OR_END:
          if (byte === 0x5d) {
            state = this.#close(ARRAY)
            break
          }
          state = this.#startValue(byte)
          break
        case EXPECT_VALUE:
          state = this.#startValue(byte)
          break
        case EXPECT_KEY_OR_END:
          if (byte === 0x7d) {
            state = this.#close(OBJECT)
            break
          }
          if (byte !== 0x22) return this.#fail(at)
          this.#stringIsKey = true
          state = IN_STRING
          break
        case EXPECT_KEY:
          if (byte !== 0x22) return this.#fail(at)
          this.#stringIsKey = true
          state = IN_STRING
          break
        case EXPECT_COLON:
          if (byte !== 0x3a) return this.#fail(at)
          state = EXPECT_VALUE
          break
        case AFTER_VALUE:
          if (byte === 0x2c)
            state = this.#stack[this.depth - 1] === OBJECT ? EXPECT_KEY : EXPECT_VALUE
          else if (byte === 0x7d) state = this.#close(OBJECT)
          else if (byte === 0x5d) state = this.#close(ARRAY)
          else return this.#fail(at)
          break
      }
      if (state < 0) return this.#fail(at)
      if (this.depth === 0) {
        this.status = 'done'
        return at + 1
      }
    }
    this.#state = state
    return at
  }

  #fail(at: number): number {
    this.status = 'error'
    return at
  }

  #startValue(byte: number): number {
    if (byte === 0x22) {
      this.#stringIsKey = false
      return IN_STRING
    }
    if (byte === 0x7b) return this.#open(OBJECT, EXPECT_KEY_OR_END)
    if (byte === 0x5b) return this.#open(ARRAY, EXPECT_VALUE_OR_END)
    // A number starts with a digit or minus, a literal with t, f or n.
    if (
      (byte >= 0x30 && byte <= 0x39) ||
      byte === 0x2d ||
      byte === 0x74 ||
      byte === 0x66 ||
      byte === 0x6e
    )
      return IN_SCALAR
    return -1
  }

  #open(kind: number, next: number): number {
    if (this.depth === this.#stack.length) {
      const larger = new Uint8Array(this.#stack.length * 2)
      larger.set(this.#stack)
      this.#stack = larger
    }
    this.#stack[this.depth] = kind
    this.depth += 1
    return next
  }

  #close(kind: number): number {
    if (this.#stack[this.depth - 1] !== kind) return -1
    this.depth -= 1
    return AFTER_VALUE
  }
}
