import type { SafeText } from './text.ts'

/** Why bytes could not become an event. Stored as it is in the dead letter. */
export const DEAD_REASONS = [
  'not-json', // the bytes are not one JSON value, or NUL and other bytes without an object
  'not-an-event', // a JSON value that is not an object with content
  'ambiguous', // eventid, timestamp or session stands twice
  'too-deep', // nested deeper than the limit
  'too-long', // longer than the limit
  'no-eventid', // eventid is absent or not a string
  'no-time', // timestamp is absent or unreadable
  'torn-line', // a finished file ends in the middle of a record
  'torn-archive', // an archive is damaged or cut short from here on
  'bomb', // an archive expands beyond all reason from here on
  'enriched', // an Elasticsearch hit whose _source is no longer what Cowrie wrote
] as const

export type DeadReason = (typeof DEAD_REASONS)[number]

/** What each reason means, for people. */
export const DEAD_REASON_MEANINGS: ReadonlyMap<string, string> = new Map([
  ['not-json', 'the bytes are not one JSON value, or NUL and other bytes without an object'],
  ['not-an-event', 'a JSON value that is not an object with content'],
  ['ambiguous', 'eventid, timestamp or session stands twice'],
  ['too-deep', 'nested deeper than the limit'],
  ['too-long', 'longer than the limit'],
  ['no-eventid', 'eventid is absent or not a string'],
  ['no-time', 'timestamp is absent or unreadable'],
  ['torn-line', 'a finished file ends in the middle of a record'],
  ['torn-archive', 'an archive is damaged or cut short from here on'],
  ['bomb', 'an archive expands beyond all reason from here on'],
  ['enriched', 'an Elasticsearch hit whose _source is no longer what Cowrie wrote'],
] as const satisfies readonly (readonly [DeadReason, string])[])

/** What was noticed about an event on its way; bits of `raw_events.flags`. */
export const FLAGS = {
  'nul-padding': 1 << 0, // NULs stood before or after the object on its line
  'bad-utf8': 1 << 1, // a string holds bytes that are not UTF-8
  hostile: 1 << 2, // a string holds characters that had to be made visible
  'repeated-key': 1 << 3, // a key stands more than once in one object; the last value was taken
  'odd-number': 1 << 4, // a number does not survive every parser and became text
  'odd-time': 1 << 5, // before 2010, or more than 48 hours ahead of the clock
  'no-zone': 1 << 6, // the timestamp has no zone; taken as UTC
  'odd-session': 1 << 7, // the session is not a string of at most 64 characters; its text form was taken
  'wrong-type': 1 << 8, // a known field has another type than its schema says; kept as text
  'lost-precision': 1 << 9, // the timestamp is finer than a microsecond, or too far off to be exact to one
  unwrapped: 1 << 10, // taken out of an Elasticsearch hit
  withheld: 1 << 11, // kept from queries until a person decided
  redacted: 1 << 12, // personal data was taken out of the view
} as const

export type Flag = keyof typeof FLAGS

/** The names of the flags set in a number, in the order of their bits. */
export function flagNames(flags: number): Flag[] {
  return (Object.keys(FLAGS) as Flag[]).filter((name) => (flags & FLAGS[name]) !== 0)
}

/** A region of a source that is no event. */
export type DeadLetter = {
  /** Byte range in the decompressed stream of the source. */
  readonly startOffset: number
  readonly endOffset: number
  /** Number of the first record, counted from 0 within its batch. */
  readonly firstRecord: number
  /** How many records the region stands for. */
  readonly records: number
  readonly reason: DeadReason
  /** Our own words about it; never bytes of the log. */
  readonly detail: SafeText
}

/** Kinds of dictionary values; the numbers are stored. */
export const VALUE_KINDS = {
  command: 1,
  password: 2,
  username: 3,
  credential: 4,
  ip: 5,
  clientVersion: 6,
  hassh: 7,
  file: 8,
  url: 9,
  redaction: 10, // the name of a detector that took something out of an event
} as const

export type ValueKind = keyof typeof VALUE_KINDS

/** Text of ours that is safe by construction: a literal of the program or made from numbers and such literals. */
export function ownText(text: string): SafeText {
  return text as SafeText // the one place that vouches for text the program itself wrote
}

/** How the journal names a dead letter. */
export function deadSubject(row: {
  readonly batch_id: number
  readonly start_offset: number
  readonly first_record: number
}): string {
  return `dead_letters batch ${row.batch_id} offset ${row.start_offset} record ${row.first_record}`
}
