/**
 * Bytes to JSON.
 *
 * In: the bytes that should be one JSON value. Out: the canonical form and the object, or the reason why not.
 * Promises: the canonical form is the same however the event was spaced, wrapped or escaped; never throws on input.
 * Refuses: what is not JSON, not an object with content, too deep, or ambiguous about its own identity.
 */
import { type DeadReason, FLAGS } from '../core/event.ts'
import {
  type Json,
  type JsonString,
  type PlainJson,
  type PlainObject,
  parseJson,
  printJson,
} from '../core/json.ts'
import { LIMITS } from '../limits.ts'
import { isPortableNumber, parseSlow } from './slow.ts'

/** A record that is one JSON object with content. */
export type DecodedEvent = {
  readonly ok: true
  /** What `JSON.parse` gives for the canonical form. */
  readonly object: PlainObject
  /** The canonical form as text. With bytes that are not UTF-8 it cannot be text: then undefined, and `tree` is set. */
  readonly canonical: string | undefined
  /** The canonical form is byte for byte the record. */
  readonly isRecord: boolean
  /** Nothing in the canonical form needs to be made visible. */
  readonly isClean: boolean
  /** Set where the view must be printed anew. */
  readonly tree: Json | undefined
  readonly flags: number
}

export type DecodeRefusal = {
  readonly ok: false
  readonly reason: DeadReason
  readonly isSyntax: boolean
}

export type DecodeOptions = { readonly acceptEnriched: boolean }

const NOT_JSON: DecodeRefusal = { ok: false, reason: 'not-json', isSyntax: true }
const NOT_AN_EVENT: DecodeRefusal = { ok: false, reason: 'not-an-event', isSyntax: false }
const TOO_DEEP: DecodeRefusal = { ok: false, reason: 'too-deep', isSyntax: false }
const AMBIGUOUS: DecodeRefusal = { ok: false, reason: 'ambiguous', isSyntax: false }
const ENRICHED: DecodeRefusal = { ok: false, reason: 'enriched', isSyntax: false }

/** Keys whose repetition leaves open which event it is. */
const IDENTITY_KEYS = ['eventid', 'timestamp', 'session']

/** What shippers add to a hit's `_source`, or rename in it; Cowrie writes none of these. */
const ENRICHED_KEYS = [
  '@timestamp',
  '@version',
  'geoip',
  'geo',
  'tags',
  'host',
  'offset',
  'source',
  'beat',
  'prospector',
  'agent',
  'ecs',
  'log',
  'msg',
  'event',
  'fields',
]

// In canonical JSON text: an escape (all of them stand for control characters or lone surrogates, but for \" and \\),
// or typed text that looks like a visible form.
const ESCAPED = /\\[bfnrtu]|\\\\[ub]\{/
const HOSTILE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u

/** What `decode` is told about the bytes, once a chunk. */
export type ByteFacts = 'plain-ascii' | 'ascii' | 'utf8' | 'bytes'

/**
 * What kind of bytes a span holds: printable ASCII and line ends without DEL, other ASCII, UTF-8, or neither.
 */
export function byteFacts(
  bytes: Uint8Array,
  isAscii: (b: Uint8Array) => boolean,
  isUtf8: (b: Uint8Array) => boolean,
): ByteFacts {
  if (isAscii(bytes)) return bytes.indexOf(0x7f) < 0 ? 'plain-ascii' : 'ascii'
  return isUtf8(bytes) ? 'utf8' : 'bytes'
}

/**
 * Decodes one record.
 *
 * @param bytes - exactly the JSON part of the record
 * @param facts - what is known of these bytes; `bytes` is always allowed
 */
export function decode(
  bytes: Buffer,
  facts: ByteFacts,
  options: DecodeOptions,
): DecodedEvent | DecodeRefusal {
  if (facts === 'bytes') return decodeSlow(decodeSurrogateEscape(bytes), options)
  const text = facts === 'utf8' ? bytes.utf8Slice() : bytes.latin1Slice()
  return decodeText(text, facts, options)
}

function decodeText(
  text: string,
  facts: ByteFacts,
  options: DecodeOptions,
): DecodedEvent | DecodeRefusal {
  let value: PlainJson
  try {
    value = JSON.parse(text) as PlainJson // what JSON.parse returns is JSON
  } catch {
    return NOT_JSON
  }
  if (!isObject(value)) return NOT_AN_EVENT
  const walk = walkObject(value, 1)
  if (walk === TOO_DEEP_FOUND) return TOO_DEEP
  if (walk === EMPTY_FOUND) return NOT_AN_EVENT
  if (walk === ODD_NUMBER_FOUND || Object.hasOwn(value, '_source')) return decodeSlow(text, options)
  const canonical = JSON.stringify(value)
  const isRecord = canonical === text
  if (!isRecord && !differsByBlanksOnly(text, canonical)) return decodeSlow(text, options)
  const isClean = isCleanText(canonical, facts)
  return {
    ok: true,
    object: value,
    canonical,
    isRecord,
    isClean,
    tree: undefined,
    flags: 0,
  }
}

/** The tree of a record that one of the fast paths took; for the rare view that must be printed anew. */
export function treeOf(canonical: string): Json {
  const parsed = parseSlow(canonical)
  if (!parsed.ok) throw new Error('a canonical form is JSON by construction')
  return parsed.value
}

/** The way for everything that is not canonical: plain, and right by looking. */
export function decodeSlow(text: string, options: DecodeOptions): DecodedEvent | DecodeRefusal {
  const parsed = parseSlow(text)
  if (!parsed.ok) return parsed.reason === 'too-deep' && isJson(text) ? TOO_DEEP : NOT_JSON
  let tree = parsed.value
  let flags = parsed.flags
  if (tree.kind !== 'object' || tree.entries.length === 0) return NOT_AN_EVENT
  const hit = sourceOfHit(tree)
  if (hit !== undefined) {
    if (!options.acceptEnriched && isEnriched(hit)) return ENRICHED
    tree = hit
    flags |= FLAGS.unwrapped
    if (hit.entries.length === 0) return NOT_AN_EVENT
  }
  const repeated =
    hit === undefined ? parsed.repeatedAtTop : [...parsed.repeatedAtTop, ...parsed.repeatedBelow]
  if (repeated.some((key) => IDENTITY_KEYS.includes(key) || key === '_source')) return AMBIGUOUS
  if ((flags & FLAGS['bad-utf8']) !== 0) {
    // Escaped as UTF-16 so that an object can be looked at; the view and the digest are made from the tree.
    const object = parseJson(printJson(tree, spellBytes)) as PlainObject
    return { ok: true, object, canonical: undefined, isRecord: false, isClean: false, tree, flags }
  }
  const canonical = printJson(tree, spellText)
  return {
    ok: true,
    object: parseJson(canonical) as PlainObject, // a tree of kind object prints as an object
    canonical,
    isRecord: canonical === text,
    isClean: isCleanText(canonical, 'utf8'),
    tree,
    flags,
  }
}

/** A text may be too deep and broken behind that: then it is no JSON, whichever way found it. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function spellText(text: JsonString): string {
  return JSON.stringify(text.parts[0] ?? '')
}

function spellBytes(text: JsonString): string {
  return JSON.stringify(
    text.parts
      .map((part) => (typeof part === 'number' ? String.fromCharCode(0xdc00 + part) : part))
      .join(''),
  )
}

function isCleanText(canonical: string, facts: ByteFacts): boolean {
  if (canonical.includes('\\') && ESCAPED.test(canonical)) return false
  return facts === 'plain-ascii' || !HOSTILE.test(canonical)
}

function isObject(value: PlainJson): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const ALL_PLAIN = 0
const TOO_DEEP_FOUND = 1
const ODD_NUMBER_FOUND = 2
const EMPTY_FOUND = 3

/** Looks at depth and numbers only; strings pass. */
function walkObject(object: PlainObject, depth: number): number {
  let found = depth === 1 ? EMPTY_FOUND : ALL_PLAIN
  for (const key in object) {
    if (found === EMPTY_FOUND) found = ALL_PLAIN
    const value = object[key]!
    if (typeof value === 'string') continue
    const inner = walkValue(value, depth)
    if (inner === TOO_DEEP_FOUND) return inner
    if (inner === ODD_NUMBER_FOUND) found = inner
  }
  return found
}

function walkValue(value: PlainJson, depth: number): number {
  if (typeof value === 'number') return isPortableNumber(value) ? ALL_PLAIN : ODD_NUMBER_FOUND
  if (typeof value !== 'object' || value === null) return ALL_PLAIN
  if (depth >= LIMITS.depthMax) return TOO_DEEP_FOUND
  if (!Array.isArray(value)) return walkObject(value as PlainObject, depth + 1)
  let found = ALL_PLAIN
  for (const item of value as readonly PlainJson[]) {
    if (typeof item === 'string') continue
    const inner = walkValue(item, depth + 1)
    if (inner === TOO_DEEP_FOUND) return inner
    if (inner === ODD_NUMBER_FOUND) found = inner
  }
  return found
}

/**
 * Whether a text is a canonical form plus blanks after commas and colons, as Python's writer puts them.
 *
 * Sound as a proof of no repeated key and no odd number: the canonical form has every character of the text that is
 * no such blank, in order, so nothing was dropped or spelled anew.
 */
function differsByBlanksOnly(text: string, canonical: string): boolean {
  let at = 0
  const length = text.length
  const canonicalLength = canonical.length
  if (length <= canonicalLength) return false
  for (let i = 0; i < canonicalLength; i += 1) {
    const expected = canonical.charCodeAt(i)
    let unit = text.charCodeAt(at)
    if (unit !== expected) {
      if (unit !== 0x20) return false
      const before = text.charCodeAt(at - 1)
      if (before !== 0x2c && before !== 0x3a) return false
      at += 1
      unit = text.charCodeAt(at)
      if (unit !== expected) return false
    }
    at += 1
  }
  return at === length
}

/** The `_source` of an Elasticsearch hit; undefined where the record is none. */
function sourceOfHit(tree: Json & { kind: 'object' }): (Json & { kind: 'object' }) | undefined {
  const source = entryOf(tree, '_source')
  if (source?.kind !== 'object' || entryOf(tree, 'eventid') !== undefined) return undefined
  return source
}

function isEnriched(source: Json & { kind: 'object' }): boolean {
  return (
    source.entries.some((entry) => ENRICHED_KEYS.includes(String(entry.key.parts[0]))) ||
    entryOf(source, 'message') === undefined
  )
}

function entryOf(tree: Json & { kind: 'object' }, name: string): Json | undefined {
  return tree.entries.find((entry) => entry.key.parts.length === 1 && entry.key.parts[0] === name)
    ?.value
}

/**
 * Bytes to text where each byte that is not part of valid UTF-8 becomes a lone U+DC80 to U+DCFF.
 * Source of the idea: Python's PEP 383. Overlong forms, surrogates and code points beyond U+10FFFF are not valid.
 */
export function decodeSurrogateEscape(bytes: Uint8Array): string {
  let text = ''
  let from = 0
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at)
    if (length > 0) {
      at += length
      continue
    }
    text += decoder.decode(bytes.subarray(from, at)) + String.fromCharCode(0xdc00 + bytes[at]!)
    at += 1
    from = at
  }
  return text + decoder.decode(bytes.subarray(from))
}

/** Length of the UTF-8 sequence at a position; 0 where there is none (RFC 3629 section 4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return 1
  const second = bytes[at + 1] ?? 0
  if (first >= 0xc2 && first <= 0xdf) return isTail(second) ? 2 : 0
  const third = bytes[at + 2] ?? 0
  if (first >= 0xe0 && first <= 0xef) {
    const low = first === 0xe0 ? 0xa0 : 0x80
    const high = first === 0xed ? 0x9f : 0xbf
    return second >= low && second <= high && isTail(third) ? 3 : 0
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const low = first === 0xf0 ? 0x90 : 0x80
    const high = first === 0xf4 ? 0x8f : 0xbf
    return second >= low && second <= high && isTail(third) && isTail(bytes[at + 3] ?? 0) ? 4 : 0
  }
  return 0
}

function isTail(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf
}
