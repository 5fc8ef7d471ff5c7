import { fileURLToPath } from 'node:url'
import { type OperatingError, RedactionError } from '../../core/errors.ts'
import { toVisible } from '../visible.ts'
import type { Detector, Range } from './detector.ts'

const NAME = /^[a-z0-9-]{1,32}$/

/**
 * Loads a detector of the operator's own: an ES module whose default export has a `name` and a `find`.
 *
 * The module is code that runs with the rights of this program. What its `find` returns is checked on every text.
 *
 * @param url - of the file
 * @throws RedactionError `PII_PLUGIN_UNUSABLE` when it cannot be loaded or is no detector
 */
export async function loadPlugin(url: string): Promise<Detector> {
  const place = toVisible(fileURLToPath(url))
  let found: unknown
  try {
    found = ((await import(url)) as { readonly default?: unknown }).default
  } catch (error) {
    // No text of a log has been near it yet: its words may be told.
    const words = error instanceof Error ? toVisible(error.message.split('\n')[0] ?? '') : ''
    throw unusable(`${place} cannot be loaded.`, `Mend or take out the file. (${words})`)
  }
  if (typeof found !== 'object' || found === null)
    throw unusable(`${place} has no object as its default export.`, SHAPE)
  const { name, find } = found as { readonly name?: unknown; readonly find?: unknown } // looked at below
  if (typeof name !== 'string' || !NAME.test(name))
    throw unusable(
      `${place} exports no usable name.`,
      'A name has 1 to 32 characters of a-z, 0-9 and -.',
    )
  if (typeof find !== 'function')
    throw unusable(`${place} exports no function "find" (detector ${name}).`, SHAPE)
  return { name, find: (text) => checked(name, text, () => Reflect.apply(find, found, [text])) }
}

const SHAPE = "Write: export default { name: 'a-name', find(text) { return [[start, end], ...] } }."

/** @throws RedactionError `PII_PLUGIN_FAILED`: nothing may be stored that a detector has not looked at */
function checked(name: string, text: string, find: () => unknown): readonly Range[] {
  let ranges: unknown
  try {
    ranges = find()
  } catch {
    // What it threw may quote the text it was given.
    throw failed(name, 'it threw an error')
  }
  if (!Array.isArray(ranges)) throw failed(name, 'it did not return a list')
  const copy: Range[] = []
  let last = 0
  for (let i = 0; i < ranges.length; i += 1) {
    const range: unknown = ranges[i]
    if (!Array.isArray(range) || range.length !== 2) throw failed(name, 'a range is no pair')
    const [start, end] = range as readonly unknown[]
    if (!isPosition(start) || !isPosition(end)) throw failed(name, 'a range has no whole numbers')
    if (start < last || end <= start || end > text.length)
      throw failed(name, 'its ranges are empty, overlap, do not ascend or leave the text')
    copy.push([start, end])
    last = end
  }
  return copy
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function unusable(message: string, hint: string): OperatingError {
  return new RedactionError('PII_PLUGIN_UNUSABLE', `The detector ${message}`, { hint })
}

function failed(name: string, what: string): OperatingError {
  return new RedactionError('PII_PLUGIN_FAILED', `The detector ${name} failed: ${what}.`, {
    hint: 'Nothing of the open transaction was stored. Mend the plug-in or take it out of pii.plugins, and run the same command again.',
  })
}
