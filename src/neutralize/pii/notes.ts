/**
 * The notes of an event: names of known fields that had a wrong type, and what was taken out of the view.
 *
 * `src_port,pii:email=2`: no field of a schema has a colon in its name.
 */

export type RedactionCount = { readonly detector: string; readonly places: number }

const MARK = 'pii:'
const NONE: readonly never[] = []

/** @param redactions - how many places each detector found, in the order they are to stand in */
export function notesOf(
  wrongTypes: readonly string[],
  redactions: readonly RedactionCount[] = NONE,
): string {
  if (wrongTypes.length === 0 && redactions.length === 0) return ''
  const found = redactions.map(({ detector, places }) => `${MARK}${detector}=${places}`)
  return [...wrongTypes, ...found].join(',')
}

/** Names of the fields that had a wrong type. */
export function wrongTypesIn(notes: string): readonly string[] {
  if (notes === '') return NONE
  if (!notes.includes(MARK)) return notes.split(',')
  return notes.split(',').filter((note) => !note.startsWith(MARK))
}

/** What was taken out of the view. */
export function redactionsIn(notes: string): readonly RedactionCount[] {
  if (!notes.includes(MARK)) return NONE
  return notes
    .split(',')
    .filter((note) => note.startsWith(MARK))
    .map((note) => {
      const [detector, places] = note.slice(MARK.length).split('=')
      return { detector: detector!, places: Number(places) }
    })
}
