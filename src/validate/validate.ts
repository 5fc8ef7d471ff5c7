/**
 * A decoded object to a valid event.
 *
 * In: the object of a canonical form. Out: its time, its flags, what departs from the schemas; or the reason why not.
 * Promises: only `eventid` and `timestamp` are required; unknown ids and fields pass and are counted as drift.
 * Refuses: an object without a usable event id or time.
 */
import { FLAGS } from '../core/event.ts'
import type { InstantUs } from '../core/instant.ts'
import type { PlainJson, PlainObject } from '../core/json.ts'
import { LIMITS } from '../limits.ts'
import { type ReadInstant, readInstant } from './instant.ts'
import { type FieldTypes, hasType, type Registry } from './registry.ts'

export type ValidEvent = {
  readonly ok: true
  readonly eventTimeUs: InstantUs
  readonly flags: number
  /** Fields whose text form takes the place of their value, by name. */
  readonly asText: ReadonlyMap<string, string> | undefined
  /** Known fields that have another type than their schema says. */
  readonly wrongTypes: readonly string[]
  /** Fields that no schema knows. Raw names. */
  readonly unknownFields: readonly string[]
  readonly isUnknownEvent: boolean
}

export type ValidateRefusal = { readonly ok: false; readonly reason: 'no-eventid' | 'no-time' }

const NO_EVENTID: ValidateRefusal = { ok: false, reason: 'no-eventid' }
const NO_TIME: ValidateRefusal = { ok: false, reason: 'no-time' }
const NONE: readonly string[] = []
const instant: ReadInstant = { us: 0, flags: 0 }

/**
 * Checks one event against the schemas.
 *
 * @param nowUs - the clock, for the flag on times that cannot be
 */
export function validate(
  object: PlainObject,
  registry: Registry,
  nowUs: InstantUs,
): ValidEvent | ValidateRefusal {
  const eventid = object['eventid']
  if (typeof eventid !== 'string' || eventid === '') return NO_EVENTID
  if (!readInstant(object['timestamp'], instant)) return NO_TIME
  const eventTimeUs = instant.us
  let flags = instant.flags
  if (eventTimeUs < LIMITS.oddTimeBeforeUs || eventTimeUs > nowUs + LIMITS.oddTimeAheadUs)
    flags |= FLAGS['odd-time']

  let asText: Map<string, string> | undefined
  const session = object['session']
  if (session !== undefined && session !== null && typeof session !== 'string') {
    asText = new Map([['session', textForm(session)]])
    flags |= FLAGS['odd-session']
  } else if (
    typeof session === 'string' &&
    session.length > LIMITS.sessionCharsMax &&
    [...session].length > LIMITS.sessionCharsMax
  ) {
    flags |= FLAGS['odd-session']
  }

  const fields = registry.fieldsOf(eventid)
  if (fields === undefined) {
    return {
      ok: true,
      eventTimeUs,
      flags,
      asText,
      wrongTypes: NONE,
      unknownFields: NONE,
      isUnknownEvent: true,
    }
  }
  let wrongTypes: string[] | undefined
  let unknownFields: string[] | undefined
  for (const key in object) {
    const bits = fields.get(key)
    if (bits === undefined) {
      unknownFields ??= []
      if (unknownFields.length < LIMITS.driftFieldsMax) unknownFields.push(key)
    } else if (!hasType(object[key]!, bits) && key !== 'session' && key !== 'timestamp') {
      wrongTypes ??= []
      wrongTypes.push(key)
    }
  }
  if (wrongTypes !== undefined) {
    flags |= FLAGS['wrong-type']
    for (const key of wrongTypes) {
      const value = object[key]!
      if (typeof value === 'string' || value === null) continue
      asText ??= new Map()
      asText.set(key, textForm(value))
    }
  }
  return {
    ok: true,
    eventTimeUs,
    flags,
    asText,
    wrongTypes: wrongTypes ?? NONE,
    unknownFields: unknownFields ?? NONE,
    isUnknownEvent: false,
  }
}

/** Fields of a stored payload that no schema knows, for making the drift counts again. */
export function unknownFieldsOf(view: PlainObject, fields: FieldTypes): string[] {
  return Object.keys(view)
    .filter((key) => !fields.has(key))
    .slice(0, LIMITS.driftFieldsMax)
}

/** The time of a stored payload, for checking the column made from it. */
export function instantOf(view: PlainObject): InstantUs | undefined {
  return readInstant(view['timestamp'], instant) ? instant.us : undefined
}

function textForm(value: PlainJson): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
