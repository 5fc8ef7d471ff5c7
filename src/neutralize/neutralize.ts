/**
 * A valid event to its view: the JSON that queries, reports and screens may touch.
 *
 * In: a decoded object and what `validate` found. Out: the payload as JSON text without a hostile character.
 * Promises: the form is injective; a text that needs nothing is passed through unchanged.
 */
import { FLAGS } from '../core/event.ts'
import { type Json, type JsonString, printJson } from '../core/json.ts'
import { toVisible, toVisibleParts } from './visible.ts'

/**
 * Prints the view of an event.
 *
 * @param tree - the record as it was read
 * @param asText - top-level fields whose text form takes the place of their value
 * @returns the payload, and the flag to add when something had to be made visible
 */
export function printView(
  tree: Json,
  asText: ReadonlyMap<string, string> | undefined,
): { readonly payload: string; readonly flags: number } {
  let flags = 0
  const spell = (text: JsonString): string => {
    const only =
      text.parts.length === 1 && typeof text.parts[0] === 'string' ? text.parts[0] : undefined
    const visible = only === undefined ? toVisibleParts(text.parts) : toVisible(only)
    if (visible !== only) flags |= FLAGS.hostile
    return JSON.stringify(visible)
  }
  const payload = printJson(withTextForms(tree, asText), spell)
  return { payload, flags }
}

/** A record whose fields of a wrong type hold their text form. */
export function withTextForms(tree: Json, asText: ReadonlyMap<string, string> | undefined): Json {
  if (asText === undefined || tree.kind !== 'object') return tree
  return { ...tree, entries: tree.entries.map((entry) => replaced(entry, asText)) }
}

/** The visible form of a name or text from a log. */
export { fromVisible, toVisible } from './visible.ts'

function replaced(
  entry: { readonly key: JsonString; readonly value: Json },
  asText: ReadonlyMap<string, string>,
): { readonly key: JsonString; readonly value: Json } {
  const name = entry.key.parts[0]
  const text =
    typeof name === 'string' && entry.key.parts.length === 1 ? asText.get(name) : undefined
  return text === undefined ? entry : { key: entry.key, value: { kind: 'string', parts: [text] } }
}
