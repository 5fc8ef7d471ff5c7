import { readdirSync, readFileSync } from 'node:fs'
import { blake3 } from '../core/blake3.ts'
import { toHex } from '../core/bytes.ts'
import type { PlainJson } from '../core/json.ts'

/** JSON types as bits, so that a field may allow several. */
const TYPE_BITS: Readonly<Record<string, number>> = {
  string: 1,
  integer: 2,
  number: 4,
  boolean: 8,
  array: 16,
  object: 32,
  null: 64,
}

/** Which types each field may have, by name. */
export type FieldTypes = ReadonlyMap<string, number>

export type SchemaEntry = {
  readonly file: string
  /** Undefined for the fields that all events share. */
  readonly eventid: string | undefined
  readonly digest: string
  readonly cowrieVersions: string
}

/** The event schemas: tables made from `schemas/events/`, one file for an event id. */
export type Registry = {
  /** Name of the set: digest over all files; part of every batch's seal. */
  readonly version: string
  readonly entries: readonly SchemaEntry[]
  /** Fields of an event id, those of all events included; undefined for an unknown id. */
  fieldsOf(eventid: string): FieldTypes | undefined
}

/**
 * Loads the schemas of Cowrie's events.
 *
 * @param folder - URL of the folder with `common.json` and one file for each event id
 */
export function loadRegistry(folder: URL): Registry {
  const entries: SchemaEntry[] = []
  const fields = new Map<string, Map<string, number>>()
  const common = new Map<string, number>()
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
  for (const name of names) {
    const text = readFileSync(new URL(name, folder))
    const schema = JSON.parse(text.toString()) as SchemaFile // our own file; its shape is held by a test
    const eventid = schema.properties['eventid']?.const
    const target =
      eventid === undefined || name === 'common.json'
        ? common
        : (fields.get(eventid) ?? new Map<string, number>())
    for (const [field, spec] of Object.entries(schema.properties)) {
      const types =
        spec.type === undefined ? ['string'] : Array.isArray(spec.type) ? spec.type : [spec.type]
      const bits = types.reduce((sum, type) => sum | (TYPE_BITS[type] ?? 0), 0)
      target.set(field, (target.get(field) ?? 0) | bits)
    }
    if (target !== common) fields.set(eventid!, target)
    entries.push({
      file: name,
      eventid: target === common ? undefined : eventid,
      digest: toHex(blake3(text)).slice(0, 32),
      cowrieVersions: schema['x-cowrie-versions'] ?? '',
    })
  }
  for (const own of fields.values()) {
    for (const [field, bits] of common) own.set(field, (own.get(field) ?? 0) | bits)
  }
  const version = toHex(
    blake3(Buffer.from(entries.map((entry) => `${entry.file} ${entry.digest}\n`).join(''))),
  ).slice(0, 16)
  return { version, entries, fieldsOf: (eventid) => fields.get(eventid) }
}

type SchemaFile = {
  readonly properties: Readonly<
    Record<string, { readonly type?: string | readonly string[]; readonly const?: string }>
  >
  readonly 'x-cowrie-versions'?: string
}

/** Whether a value has one of the types that the bits allow. */
export function hasType(value: PlainJson, bits: number): boolean {
  switch (typeof value) {
    case 'string':
      return (bits & 1) !== 0
    case 'number':
      return (bits & 4) !== 0 || ((bits & 2) !== 0 && Number.isInteger(value))
    case 'boolean':
      return (bits & 8) !== 0
    default:
      if (value === null) return (bits & 64) !== 0
      return Array.isArray(value) ? (bits & 16) !== 0 : (bits & 32) !== 0
  }
}
