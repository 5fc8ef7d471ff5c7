import type { Json, JsonString, PlainJson, PlainObject } from '../../core/json.ts'
import { LIMITS } from '../../limits.ts'
import type { Detector } from './detector.ts'
import type { RedactionCount } from './notes.ts'

/** A record with what was found taken out of it. */
export type Redaction = {
  readonly tree: Json
  /** Places found, in the order of the detectors; at least one. */
  readonly counts: readonly RedactionCount[]
}

type Found = { readonly start: number; readonly end: number; readonly detector: number }

const TOKEN_HINT = ' redacted]'

/**
 * Fields that detectors do not look at: what makes the identity of an event, joins it to others, or holds names of
 * algorithms. Only texts at the top of a record are meant; what an attacker nests in such a field is looked at.
 */
export const STRUCTURAL_FIELDS: ReadonlySet<string> = new Set([
  'eventid',
  'timestamp',
  'session',
  'sensor',
  'uuid',
  'src_ip',
  'dst_ip',
  'new_ip',
  'orig_ip',
  'src_port',
  'dst_port',
  'protocol',
  'duration',
  'shasum',
  'hassh',
  'hasshAlgorithms',
  'kexAlgs',
  'keyAlgs',
  'encCS',
  'macCS',
  'compCS',
  'langCS',
  'fingerprint',
  'arch',
])

/** Names of fields that are remembered: Cowrie has about a hundred, a hand-made log may have any number. */
const NAMES_MAX = 1_000

/** Takes personal data out of records. Equal records give equal views, as far as the detectors are functions. */
export class Redactor {
  readonly #detectors: readonly Detector[]
  readonly #tokens: readonly string[]
  /** What stands in the place of something found: no detector looks inside one. */
  readonly #token: RegExp
  /** Names of fields in which nothing was found: they come again with every record. */
  readonly #plainNames = new Set<string>()

  /** @param detectors - where two find the same place, the one that begins first names it, then the longer, then order */
  constructor(detectors: readonly Detector[]) {
    this.#detectors = detectors
    this.#tokens = detectors.map(({ name }) => `[${name} redacted]`)
    // These names alone: in other brackets somebody may have typed anything.
    this.#token = new RegExp(
      `\\[(?:${detectors.map(({ name }) => name).join('|')}) redacted\\]`,
      'g',
    )
  }

  /**
   * @param text - any text, not its visible form
   * @returns the text with `[NAME redacted]` for each place found; the same text where there is none
   */
  redactText(text: string): string {
    const found = this.#find(text)
    return found.length === 0 ? text : this.#replaced(text, found)
  }

  /** Whether there is anything to take out of a record. Costs less than `redact`, which most records do not need. */
  findsIn(record: PlainObject): boolean {
    for (const field in record) {
      if (!this.#plainNames.has(field)) {
        if (this.#finds(field)) return true
        if (this.#plainNames.size < NAMES_MAX) this.#plainNames.add(field)
      }
      const value = record[field]!
      if (
        typeof value === 'string' ? isOpen(field) && this.#finds(value) : this.#findsInside(value)
      )
        return true
    }
    return false
  }

  /**
   * Takes what was found out of a record: out of its texts, also nested ones, and out of its keys. Numbers stay.
   *
   * @param tree - the record as it was read, with the text forms that stand for values of a wrong type
   * @returns undefined where there is nothing to take out
   */
  redact(tree: Json): Redaction | undefined {
    const places = new Array<number>(this.#detectors.length).fill(0)
    const redacted = this.#redactJson(tree, places, true)
    const counts: RedactionCount[] = []
    this.#detectors.forEach(({ name }, i) => {
      if (places[i]! > 0) counts.push({ detector: name, places: places[i]! })
    })
    return counts.length === 0 ? undefined : { tree: redacted, counts }
  }

  #finds(text: string): boolean {
    return text !== '' && this.#find(text).length > 0
  }

  #findsInside(value: PlainJson): boolean {
    if (typeof value === 'string') return this.#finds(value)
    if (typeof value !== 'object' || value === null) return false
    if (Array.isArray(value)) return value.some((one) => this.#findsInside(one))
    const inner = value as PlainObject // neither text, list nor null
    return Object.keys(inner).some((key) => this.#finds(key) || this.#findsInside(inner[key]!))
  }

  #redactJson(value: Json, places: number[], isTop: boolean): Json {
    switch (value.kind) {
      case 'string':
        return this.#redactString(value, places)
      case 'array':
        return {
          kind: 'array',
          items: value.items.map((item) => this.#redactJson(item, places, false)),
        }
      case 'object':
        return { kind: 'object', entries: this.#redactEntries(value.entries, places, isTop) }
      case 'literal':
        return value
    }
  }

  #redactEntries(
    entries: (Json & { kind: 'object' })['entries'],
    places: number[],
    isTop: boolean,
  ): (Json & { kind: 'object' })['entries'] {
    const names = new Set(entries.map(({ key }) => joined(key)))
    return entries.map(({ key, value }) => {
      const isLeft = isTop && value.kind === 'string' && !isOpen(joined(key))
      let name = this.#redactString(key, places)
      if (name !== key) {
        // Two keys must not become one.
        for (let n = 2; names.has(joined(name)); n += 1)
          name = { kind: 'string', parts: [...this.#redactString(key, []).parts, ` ${n}`] }
        names.add(joined(name))
      }
      return { key: name, value: isLeft ? value : this.#redactJson(value, places, false) }
    })
  }

  #redactString(text: JsonString, places: number[]): JsonString {
    const whole = joined(text)
    const found = this.#find(whole)
    if (found.length === 0) return text
    for (const { detector } of found) places[detector] = (places[detector] ?? 0) + 1
    if (text.parts.length === 1 && typeof text.parts[0] === 'string')
      return { kind: 'string', parts: [this.#replaced(whole, found)] }
    return { kind: 'string', parts: this.#replacedParts(text.parts, found) }
  }

  /** Everything found in a text, ascending, without overlaps. */
  #find(text: string): readonly Found[] {
    if (!text.includes(TOKEN_HINT)) return this.#findWithin(text, 0, LIMITS.redactionRoundsMax)
    const found: Found[] = []
    let from = 0
    for (const token of text.matchAll(this.#token)) {
      found.push(
        ...this.#findWithin(text.slice(from, token.index), from, LIMITS.redactionRoundsMax),
      )
      from = token.index + token[0].length
    }
    found.push(...this.#findWithin(text.slice(from), from, LIMITS.redactionRoundsMax))
    return found
  }

  /**
   * @param offset - what is added to the positions found
   * @param rounds - how often what lies between two places is looked at again: without its neighbour, it may be
   *   something that it was not before
   */
  #findWithin(text: string, offset: number, rounds: number): readonly Found[] {
    let found: Found[] | undefined
    for (let i = 0; i < this.#detectors.length; i += 1) {
      for (const [start, end] of this.#detectors[i]!.find(text)) {
        found ??= []
        found.push({ start, end, detector: i })
      }
    }
    if (found === undefined) return NOTHING
    const merged = merge(found)
    const all: Found[] = []
    let from = 0
    for (const one of merged) {
      if (rounds > 1 && one.start > from)
        all.push(...this.#findWithin(text.slice(from, one.start), offset + from, rounds - 1))
      all.push({ ...one, start: one.start + offset, end: one.end + offset })
      from = one.end
    }
    if (rounds > 1 && from < text.length)
      all.push(...this.#findWithin(text.slice(from), offset + from, rounds - 1))
    return all
  }

  #replaced(text: string, found: readonly Found[]): string {
    let redacted = ''
    let from = 0
    for (const { start, end, detector } of found) {
      redacted += text.slice(from, start) + this.#tokens[detector]!
      from = end
    }
    return redacted + text.slice(from)
  }

  #replacedParts(parts: JsonString['parts'], found: readonly Found[]): (string | number)[] {
    const redacted: (string | number)[] = []
    let next = 0
    let at = 0
    const put = (part: string | number): void => {
      const last = redacted.at(-1)
      if (typeof part === 'string' && typeof last === 'string')
        redacted[redacted.length - 1] = last + part
      else if (part !== '') redacted.push(part)
    }
    for (const part of parts) {
      const length = typeof part === 'number' ? 1 : part.length
      const end = at + length
      let from = at
      while (from < end) {
        const one = found[next]
        if (one === undefined || one.start >= end) {
          put(typeof part === 'number' ? part : part.slice(from - at))
          break
        }
        if (one.start > from && typeof part === 'string') put(part.slice(from - at, one.start - at))
        if (one.start >= at) put(this.#tokens[one.detector]!)
        if (one.end > end) break
        from = one.end
        next += 1
      }
      at = end
    }
    return redacted
  }
}

const NOTHING: readonly Found[] = []

function isOpen(field: string): boolean {
  return !STRUCTURAL_FIELDS.has(field)
}

/** A text with one UTF-16 unit for each byte that is not UTF-8, so that positions can be told. */
function joined(text: JsonString): string {
  const [first] = text.parts
  if (text.parts.length === 1 && typeof first === 'string') return first
  return text.parts
    .map((part) => (typeof part === 'number' ? String.fromCharCode(0xdc00 + part) : part))
    .join('')
}

/** What overlaps becomes one place, so that nothing found by either survives. */
function merge(found: Found[]): readonly Found[] {
  if (found.length === 1) return found
  found.sort((a, b) => a.start - b.start || b.end - a.end || a.detector - b.detector)
  const merged: Found[] = []
  for (const one of found) {
    const last = merged.at(-1)
    if (last === undefined || one.start >= last.end) merged.push(one)
    else if (one.end > last.end) merged[merged.length - 1] = { ...last, end: one.end }
  }
  return merged
}
