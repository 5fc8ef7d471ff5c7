/** What of a request reaches a route: its declared fields, of the form that they are declared in. */
import { RequestError } from '../core/errors.ts'
import { ownSegment } from '../output/encode/html.ts'
import type { FieldSpec } from './route.ts'

type Specs = Readonly<Record<string, FieldSpec>> | undefined
type Values = Readonly<Record<string, string | undefined>>

/**
 * Checks the fields of a path, an address or a form.
 *
 * An optional field that is empty counts as absent: forms send every field they have.
 *
 * @param where - `path`, `address` or `form`, for the message
 * @param isStrict - refuses what is not declared, else it is left out
 * @throws RequestError `REQUEST_BAD_FIELD`
 */
export function readFields(
  source: unknown,
  specs: Specs,
  where: 'path' | 'address' | 'form',
  isStrict: boolean,
): Values {
  const values = entriesOf(source)
  if (isStrict)
    for (const name of values.keys())
      if (specs === undefined || !Object.hasOwn(specs, name))
        throw badField(where, name, 'is none that is known here')
  const found: Record<string, string | undefined> = {}
  for (const [name, spec] of Object.entries(specs ?? {})) {
    const value = values.get(name)
    if (value === undefined || (value === '' && where !== 'path')) {
      if (spec.required === true || where === 'path') throw badField(where, name, 'is missing')
      continue
    }
    found[name] =
      spec.timesMax === undefined
        ? checked(where, name, where === 'path' ? segmentOf(value) : value, spec)
        : several(where, name, value, spec, spec.timesMax)
  }
  return found
}

function segmentOf(value: unknown): unknown {
  return typeof value === 'string' ? ownSegment(value) : value
}

/** Values of one name, a line for each; empty ones count as absent. */
function several(
  where: string,
  name: string,
  value: unknown,
  spec: FieldSpec,
  timesMax: number,
): string {
  const values = Array.isArray(value) ? value : [value]
  if (values.length > timesMax) throw badField(where, name, `is given more than ${timesMax} times`)
  const texts = values.map((one) => checked(where, name, one, spec)).filter((one) => one !== '')
  if (texts.some((one) => one.includes('\n')))
    throw badField(where, name, 'holds a character that is none')
  return texts.join('\n')
}

/** What `readFields` made of a field that may be given several times. */
export function linesOf(value: string | undefined): readonly string[] {
  return value === undefined || value === '' ? [] : value.split('\n')
}

function checked(where: string, name: string, value: unknown, spec: FieldSpec): string {
  if (typeof value !== 'string')
    throw badField(where, name, Array.isArray(value) ? 'is given more than once' : 'is no text')
  if (value.length > spec.charsMax)
    throw badField(where, name, `has more than ${spec.charsMax} characters`)
  // The stores take neither, and nobody types them.
  if (value.includes('\0') || !value.isWellFormed())
    throw badField(where, name, 'holds a character that is none')
  if (spec.choices !== undefined && !spec.choices.includes(value))
    throw badField(where, name, `must be one of ${spec.choices.join(', ')}`, value)
  if (spec.pattern !== undefined && !new RegExp(spec.pattern).test(value))
    throw badField(where, name, `is not of the form asked for (${spec.meaning})`, value)
  return value
}

function entriesOf(given: unknown): ReadonlyMap<string, unknown> {
  if (given === undefined || given === null) return new Map()
  if (typeof given !== 'object' || Array.isArray(given))
    throw new RequestError('REQUEST_UNREADABLE', 'The document is no object.', {
      hint: 'Send an object whose values are texts.',
    })
  return new Map(Object.entries(given))
}

/** The value is quoted short; whoever shows the message encodes it. */
function badField(where: string, name: string, problem: string, value?: string): RequestError {
  const quoted = value === undefined ? '' : `: "${value.slice(0, 60)}"`
  return new RequestError(
    'REQUEST_BAD_FIELD',
    `The field "${name.slice(0, 40)}" of the ${where} ${problem}${quoted}.`,
    { hint: 'Go back and correct it; the page API lists the fields of the API.' },
  )
}
