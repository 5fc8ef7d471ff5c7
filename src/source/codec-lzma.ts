// LZMA as LZMA2 carries it, after the LZMA specification of Igor Pavlov and liblzma's
// lzma_decoder.c.

const STATES = 12
const POSITIONS_MAX = 16
const LENGTH_MIN = 2
/** States below it follow a literal. */
const STATE_LITERALS = 7

// Where each kind of probability stands in the one array that holds them all.
const IS_MATCH = 0
const IS_REP = IS_MATCH + STATES * POSITIONS_MAX
const IS_REP0 = IS_REP + STATES
const IS_REP1 = IS_REP0 + STATES
const IS_REP2 = IS_REP1 + STATES
const IS_REP0_LONG = IS_REP2 + STATES
const SLOTS = IS_REP0_LONG + STATES * POSITIONS_MAX
const SPECIAL = SLOTS + 4 * 64
const ALIGN = SPECIAL + 128
const MATCH_LENGTHS = ALIGN + 16
// Within a set of lengths: two choices, then the trees of low, middle and high ones.
const LENGTH_LOW = 2
const LENGTH_MIDDLE = LENGTH_LOW + POSITIONS_MAX * 8
const LENGTH_HIGH = LENGTH_MIDDLE + POSITIONS_MAX * 8
const LENGTH_SET = LENGTH_HIGH + 256
const REP_LENGTHS = MATCH_LENGTHS + LENGTH_SET
const LITERALS = REP_LENGTHS + LENGTH_SET

const PROBABILITY_INIT = 1024
const RANGE_MIN = 0x1000000

/** How the decoding of a chunk ended. */
export type LzmaOutcome =
  /** It gave just what it should. */
  | 'done'
  /** It needs bytes beyond the end of its input. What it gave before is sound. */
  | 'short'
  | 'damaged'

/**
 * The decoder of LZMA chunks and its dictionary.
 *
 * The dictionary is one array with some room beyond its size: when that is used up, what is still
 * in reach moves to the front. So a position never wraps around, and what a chunk gave stands in
 * one piece. It grows with what is decoded: a small file that asks for a large dictionary does not
 * get it.
 */
export class LzmaDecoder {
  readonly #dictionaryBytes: number
  /** Room that the array may grow to. */
  readonly #roomMax: number
  #dictionary: Uint8Array = new Uint8Array(0)
  #position = 0
  #probabilities = new Uint16Array(LITERALS)
  #literalContextBits = 0
  #literalPositionMask = 0
  #positionMask = 0
  #state = 0
  #rep0 = 0
  #rep1 = 0
  #rep2 = 0
  #rep3 = 0

  constructor(dictionaryBytes: number) {
    this.#dictionaryBytes = dictionaryBytes
    // A quarter more: each byte then moves four times at most, which is little beside its decoding.
    this.#roomMax = dictionaryBytes + Math.max(4 * 1024 * 1024, dictionaryBytes >>> 2)
  }

  /** Forgets everything decoded. */
  resetDictionary(): void {
    this.#position = 0
  }

  /** Sets the properties byte; false if there is no such one. */
  setProperties(byte: number): boolean {
    if (byte >= 9 * 5 * 5) return false
    const literalContextBits = byte % 9
    const literalPositionBits = Math.floor(byte / 9) % 5
    if (literalContextBits + literalPositionBits > 4) return false
    this.#literalContextBits = literalContextBits
    this.#literalPositionMask = (1 << literalPositionBits) - 1
    this.#positionMask = (1 << Math.floor(byte / 45)) - 1
    const size = LITERALS + (0x300 << (literalContextBits + literalPositionBits))
    if (this.#probabilities.length !== size) this.#probabilities = new Uint16Array(size)
    return true
  }

  /** Forgets what was learned about the data. */
  resetState(): void {
    this.#probabilities.fill(PROBABILITY_INIT)
    this.#state = 0
    this.#rep0 = 0
    this.#rep1 = 0
    this.#rep2 = 0
    this.#rep3 = 0
  }

  /** Takes bytes over as they are. */
  copy(bytes: Uint8Array): Uint8Array {
    this.#makeRoom(bytes.length)
    const from = this.#position
    this.#dictionary.set(bytes, from)
    this.#position += bytes.length
    return this.#dictionary.subarray(from, this.#position)
  }

  /**
   * Decodes a chunk.
   *
   * @param source - the chunk, followed by at least 32 bytes of any value
   * @param sourceLength - bytes of it that are the chunk's
   * @param count - bytes it stands for
   * @returns how it ended and what it gave, valid until the next call
   */
  decode(
    source: Uint8Array,
    sourceLength: number,
    count: number,
  ): { readonly outcome: LzmaOutcome; readonly bytes: Uint8Array } {
    this.#makeRoom(count)
    const from = this.#position
    const outcome = this.#run(source, sourceLength, from + count)
    return { outcome, bytes: this.#dictionary.subarray(from, this.#position) }
  }

  #makeRoom(count: number): void {
    const needed = this.#position + count
    if (needed <= this.#dictionary.length) return
    if (needed <= this.#roomMax) {
      // By halves of the whole, so that the old array and the new one are never much more than
      // that.
      let room = this.#roomMax
      while (room / 2 >= needed) room = Math.ceil(room / 2)
      const dictionary = new Uint8Array(room)
      dictionary.set(this.#dictionary.subarray(0, this.#position))
      this.#dictionary = dictionary
      return
    }
    // Moved by a multiple of the largest alignment that LZMA knows, so that positions keep theirs.
    const shift = (this.#position - this.#dictionaryBytes) & ~(POSITIONS_MAX - 1)
    this.#dictionary.copyWithin(0, shift, this.#position)
    this.#position -= shift
    if (this.#dictionary.length < this.#roomMax) this.#makeRoom(count)
  }

  /**
   * The decoder proper. Every bit is decoded in place and all state is held in locals: calls and
   * fields would halve its speed. A bit is decoded thus: make sure that the range has more than 24
   * bits, split it by the probability, take the half in which the code lies, move the probability
   * there.
   */
  #run(source: Uint8Array, sourceLength: number, end: number): LzmaOutcome {
    const probabilities = this.#probabilities
    const dictionary = this.#dictionary
    const literalContextShift = 8 - this.#literalContextBits
    const literalContextBits = this.#literalContextBits
    const literalPositionMask = this.#literalPositionMask
    const positionMask = this.#positionMask
    const distanceMax = this.#dictionaryBytes
    let state = this.#state
    let rep0 = this.#rep0
    let rep1 = this.#rep1
    let rep2 = this.#rep2
    let rep3 = this.#rep3
    let position = this.#position
    let outcome: LzmaOutcome = 'done'

    if (sourceLength < 5) return 'short'
    if (source[0] !== 0) return 'damaged'
    let range = 0xffffffff
    let code = ((source[1]! << 24) | (source[2]! << 16) | (source[3]! << 8) | source[4]!) >>> 0
    let at = 5

    while (position < end) {
      const posState = position & positionMask
      let index = IS_MATCH + state * POSITIONS_MAX + posState
      let probability = probabilities[index]!
      if (range < RANGE_MIN) {
        range = (range << 8) >>> 0
        code = ((code << 8) | source[at++]!) >>> 0
      }
      let bound = Math.imul(range >>> 11, probability) >>> 0
      if (code < bound) {
        // A literal.
        range = bound
        probabilities[index] = probability + ((2048 - probability) >>> 5)
        const previous = position > 0 ? dictionary[position - 1]! : 0
        const literals =
          LITERALS +
          0x300 *
            (((position & literalPositionMask) << literalContextBits) +
              (previous >>> literalContextShift))
        let symbol = 1
        if (state >= STATE_LITERALS) {
          // After a match: the byte that would have continued it tells which probabilities to use.
          let matchByte = dictionary[position - rep0 - 1]!
          let offset = 0x100
          do {
            matchByte <<= 1
            const matchBit = matchByte & offset
            index = literals + offset + matchBit + symbol
            probability = probabilities[index]!
            if (range < RANGE_MIN) {
              range = (range << 8) >>> 0
              code = ((code << 8) | source[at++]!) >>> 0
            }
            bound = Math.imul(range >>> 11, probability) >>> 0
            if (code < bound) {
              range = bound
              probabilities[index] = probability + ((2048 - probability) >>> 5)
              symbol <<= 1
              offset ^= matchBit
            } else {
              range = (range - bound) >>> 0
              code = (code - bound) >>> 0
              probabilities[index] = probability - (probability >>> 5)
              symbol = (symbol << 1) | 1
              offset = matchBit
            }
          } while (symbol < 0x100)
        } else {
          do {
            index = literals + symbol
            probability = probabilities[index]!
            if (range < RANGE_MIN) {
              range = (range << 8) >>> 0
              code = ((code << 8) | source[at++]!) >>> 0
            }
            bound = Math.imul(range >>> 11, probability) >>> 0
            if (code < bound) {
              range = bound
              probabilities[index] = probability + ((2048 - probability) >>> 5)
              symbol <<= 1
            } else {
              range = (range - bound) >>> 0
              code = (code - bound) >>> 0
              probabilities[index] = probability - (probability >>> 5)
              symbol = (symbol << 1) | 1
            }
          } while (symbol < 0x100)
        }
        if (at > sourceLength) {
          outcome = 'short'
          break
        }
        dictionary[position++] = symbol
        state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6
        continue
      }
      range = (range - bound) >>> 0
      code = (code - bound) >>> 0
      probabilities[index] = probability - (probability >>> 5)

      // A match: first whether it repeats a recent distance, and which.
      let lengths = MATCH_LENGTHS
      let isRepeat = true
      let length = 0
      index = IS_REP + state
      probability = probabilities[index]!
      if (range < RANGE_MIN) {
        range = (range << 8) >>> 0
        code = ((code << 8) | source[at++]!) >>> 0
      }
      bound = Math.imul(range >>> 11, probability) >>> 0
      if (code < bound) {
        range = bound
        probabilities[index] = probability + ((2048 - probability) >>> 5)
        isRepeat = false
      } else {
        range = (range - bound) >>> 0
        code = (code - bound) >>> 0
        probabilities[index] = probability - (probability >>> 5)
        lengths = REP_LENGTHS
      }
      if (isRepeat) {
        let distance = rep0
        index = IS_REP0 + state
        probability = probabilities[index]!
        if (range < RANGE_MIN) {
          range = (range << 8) >>> 0
          code = ((code << 8) | source[at++]!) >>> 0
        }
        bound = Math.imul(range >>> 11, probability) >>> 0
        if (code < bound) {
          range = bound
          probabilities[index] = probability + ((2048 - probability) >>> 5)
          index = IS_REP0_LONG + state * POSITIONS_MAX + posState
          probability = probabilities[index]!
          if (range < RANGE_MIN) {
            range = (range << 8) >>> 0
            code = ((code << 8) | source[at++]!) >>> 0
          }
          bound = Math.imul(range >>> 11, probability) >>> 0
          if (code < bound) {
            range = bound
            probabilities[index] = probability + ((2048 - probability) >>> 5)
            // A single byte, at the last distance.
            length = 1
          } else {
            range = (range - bound) >>> 0
            code = (code - bound) >>> 0
            probabilities[index] = probability - (probability >>> 5)
          }
        } else {
          range = (range - bound) >>> 0
          code = (code - bound) >>> 0
          probabilities[index] = probability - (probability >>> 5)
          index = IS_REP1 + state
          probability = probabilities[index]!
          if (range < RANGE_MIN) {
            range = (range << 8) >>> 0
            code = ((code << 8) | source[at++]!) >>> 0
          }
          bound = Math.imul(range >>> 11, probability) >>> 0
          if (code < bound) {
            range = bound
            probabilities[index] = probability + ((2048 - probability) >>> 5)
            distance = rep1
          } else {
            range = (range - bound) >>> 0
            code = (code - bound) >>> 0
            probabilities[index] = probability - (probability >>> 5)
            index = IS_REP2 + state
            probability = probabilities[index]!
            if (range < RANGE_MIN) {
              range = (range << 8) >>> 0
              code = ((code << 8) | source[at++]!) >>> 0
            }
            bound = Math.imul(range >>> 11, probability) >>> 0
            if (code < bound) {
              range = bound
              probabilities[index] = probability + ((2048 - probability) >>> 5)
              distance = rep2
            } else {
              range = (range - bound) >>> 0
              code = (code - bound) >>> 0
              probabilities[index] = probability - (probability >>> 5)
              distance = rep3
              rep3 = rep2
            }
            rep2 = rep1
          }
          rep1 = rep0
          rep0 = distance
        }
        state = length === 1 ? (state < STATE_LITERALS ? 9 : 11) : state < STATE_LITERALS ? 8 : 11
      } else {
        rep3 = rep2
        rep2 = rep1
        rep1 = rep0
        state = state < STATE_LITERALS ? 7 : 10
      }

      if (length === 0) {
        // The length: a choice of three trees.
        let tree = lengths + LENGTH_LOW + posState * 8
        let treeSize = 8
        length = LENGTH_MIN
        index = lengths
        probability = probabilities[index]!
        if (range < RANGE_MIN) {
          range = (range << 8) >>> 0
          code = ((code << 8) | source[at++]!) >>> 0
        }
        bound = Math.imul(range >>> 11, probability) >>> 0
        if (code < bound) {
          range = bound
          probabilities[index] = probability + ((2048 - probability) >>> 5)
        } else {
          range = (range - bound) >>> 0
          code = (code - bound) >>> 0
          probabilities[index] = probability - (probability >>> 5)
          index = lengths + 1
          probability = probabilities[index]!
          if (range < RANGE_MIN) {
            range = (range << 8) >>> 0
            code = ((code << 8) | source[at++]!) >>> 0
          }
          bound = Math.imul(range >>> 11, probability) >>> 0
          if (code < bound) {
            range = bound
            probabilities[index] = probability + ((2048 - probability) >>> 5)
            tree = lengths + LENGTH_MIDDLE + posState * 8
            length += 8
          } else {
            range = (range - bound) >>> 0
            code = (code - bound) >>> 0
            probabilities[index] = probability - (probability >>> 5)
            tree = lengths + LENGTH_HIGH
            treeSize = 256
            length += 16
          }
        }
        let symbol = 1
        do {
          index = tree + symbol
          probability = probabilities[index]!
          if (range < RANGE_MIN) {
            range = (range << 8) >>> 0
            code = ((code << 8) | source[at++]!) >>> 0
          }
          bound = Math.imul(range >>> 11, probability) >>> 0
          if (code < bound) {
            range = bound
            probabilities[index] = probability + ((2048 - probability) >>> 5)
            symbol <<= 1
          } else {
            range = (range - bound) >>> 0
            code = (code - bound) >>> 0
            probabilities[index] = probability - (probability >>> 5)
            symbol = (symbol << 1) | 1
          }
        } while (symbol < treeSize)
        length += symbol - treeSize
      }

      if (!isRepeat) {
        // The distance: its highest bits are a slot, the lowest have probabilities, those between
        // are plain.
        const slots = SLOTS + Math.min(length - LENGTH_MIN, 3) * 64
        let slot = 1
        do {
          index = slots + slot
          probability = probabilities[index]!
          if (range < RANGE_MIN) {
            range = (range << 8) >>> 0
            code = ((code << 8) | source[at++]!) >>> 0
          }
          bound = Math.imul(range >>> 11, probability) >>> 0
          if (code < bound) {
            range = bound
            probabilities[index] = probability + ((2048 - probability) >>> 5)
            slot <<= 1
          } else {
            range = (range - bound) >>> 0
            code = (code - bound) >>> 0
            probabilities[index] = probability - (probability >>> 5)
            slot = (slot << 1) | 1
          }
        } while (slot < 64)
        slot -= 64
        if (slot < 4) {
          rep0 = slot
        } else {
          let lowBits = (slot >>> 1) - 1
          rep0 = ((2 | (slot & 1)) << lowBits) >>> 0
          let tree = SPECIAL + rep0 - slot
          if (slot >= 14) {
            let plain = 0
            for (lowBits -= 4; lowBits > 0; lowBits--) {
              if (range < RANGE_MIN) {
                range = (range << 8) >>> 0
                code = ((code << 8) | source[at++]!) >>> 0
              }
              range >>>= 1
              if (code >= range) {
                code = (code - range) >>> 0
                plain = (plain << 1) | 1
              } else plain <<= 1
            }
            rep0 = (rep0 + ((plain << 4) >>> 0)) >>> 0
            lowBits = 4
            tree = ALIGN
          }
          let symbol = 1
          for (let low = 0; low < lowBits; low++) {
            index = tree + symbol
            probability = probabilities[index]!
            if (range < RANGE_MIN) {
              range = (range << 8) >>> 0
              code = ((code << 8) | source[at++]!) >>> 0
            }
            bound = Math.imul(range >>> 11, probability) >>> 0
            if (code < bound) {
              range = bound
              probabilities[index] = probability + ((2048 - probability) >>> 5)
              symbol <<= 1
            } else {
              range = (range - bound) >>> 0
              code = (code - bound) >>> 0
              probabilities[index] = probability - (probability >>> 5)
              symbol = (symbol << 1) | 1
              rep0 = (rep0 + (1 << low)) >>> 0
            }
          }
        }
      }
      if (at > sourceLength) {
        outcome = 'short'
        break
      }
      // A distance of 2^32 - 1 would mark the end of the data, which LZMA2 does not use.
      if (rep0 >= position || rep0 >= distanceMax || length > end - position) {
        outcome = 'damaged'
        break
      }

      let from = position - rep0 - 1
      const to = position + length
      if (rep0 >= length && length > 32) {
        dictionary.copyWithin(position, from, from + length)
        position = to
      } else {
        while (position < to) dictionary[position++] = dictionary[from++]!
      }
    }

    this.#position = position
    this.#state = state
    this.#rep0 = rep0
    this.#rep1 = rep1
    this.#rep2 = rep2
    this.#rep3 = rep3
    if (outcome !== 'done') return outcome
    // A sound chunk uses all its bytes and leaves a code of zero; the last range may not be
    // normalised yet.
    if (range < RANGE_MIN) {
      code = ((code << 8) | source[at++]!) >>> 0
    }
    return at === sourceLength && code === 0 ? 'done' : at > sourceLength ? 'short' : 'damaged'
  }
}
