/**
 * Makes `docs/reference/events.md` from `schemas/events/`.
 *
 * Run `node tools/make-events-page.ts` after a change of a schema; a test compares the two.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a schema says of one field. `const` stands on `eventid` alone, instead of all the rest. */
export interface FieldSchema {
  readonly const?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly items?: { readonly type: string }
}

/** One file of `schemas/events/`. */
export interface EventSchema {
  readonly $schema: string
  readonly $id: string
  readonly title: string
  readonly description: string
  readonly 'x-cowrie-versions': string
  readonly type: string
  readonly required: readonly string[]
  readonly properties: Readonly<Record<string, FieldSchema>>
  readonly additionalProperties: boolean
}

/** The file with the keys that any event may have; every other file is one eventid. */
export const COMMON_FILE = 'common.json'

/**
 * Reads all schema files of a folder.
 *
 * @returns file name to schema, ordered by file name
 */
export function readEventSchemas(folder: string): ReadonlyMap<string, EventSchema> {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
  // The files are ours, and test/validate/schemas.test.ts checks that each has this shape.
  const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as EventSchema
  return new Map(files.map((file) => [file, read(file)]))
}

/** The reference page of events, as Markdown, from what `readEventSchemas` returns. */
export function makeEventsPage(schemas: ReadonlyMap<string, EventSchema>): string {
  const common = schemas.get(COMMON_FILE)
  if (common === undefined) throw new Error(`${COMMON_FILE} is missing`)
  const events = [...schemas].filter(([file]) => file !== COMMON_FILE)
  const lines = [
    '# Events of Cowrie',
    '',
    'Look up here what an event of Cowrie means, which fields it has and which versions write it.',
    'Only `eventid` and `timestamp` are required. Any other field may be absent. Events and fields',
    'that are not listed are stored as they are and counted as schema drift; a listed field of',
    'another type is kept as text and flagged.',
    '',
    '_Made from `schemas/events/` by `tools/make-events-page.ts`: change the schemas, not this page._',
    '',
    '## All events',
    '',
    '| Event | Meaning | Cowrie versions |',
    '|---|---|---|',
    ...events.map(([, schema]) =>
      tableRow([
        `[${schema.title}](#${anchorOf(schema.title)})`,
        escapeCell(schema.description),
        escapeCell(schema['x-cowrie-versions']),
      ]),
    ),
    '',
    `## ${common.title}`,
    '',
    escapeCell(common.description),
    '',
    ...fieldTable(common),
    '',
    '## Fields of each event',
  ]
  for (const [file, schema] of events) {
    lines.push('', `### ${schema.title}`, '', escapeCell(schema.description), '')
    lines.push(`Cowrie versions: ${escapeCell(schema['x-cowrie-versions'])}.`)
    lines.push(`Schema: [${file}](../../schemas/events/${file}).`, '', ...fieldTable(schema))
  }
  return `${lines.join('\n')}\n`
}

function fieldTable(schema: EventSchema): readonly string[] {
  const fields = Object.entries(schema.properties).filter(([, field]) => field.const === undefined)
  if (fields.length === 0) return ['No fields beyond the common keys.']
  return [
    '| Field | Type | Meaning |',
    '|---|---|---|',
    ...fields.map(([name, field]) =>
      tableRow([`\`${name}\``, typeText(field), escapeCell(field.description ?? '')]),
    ),
  ]
}

/** `integer or string`, `array of string`. */
function typeText(field: FieldSchema): string {
  return [field.type ?? []]
    .flat()
    .map((type) => (type === 'array' && field.items ? `array of ${field.items.type}` : type))
    .join(' or ')
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function escapeCell(text: string): string {
  return text.replace(/[\\|<*[`]/g, '\\$&')
}

/** The anchor that Git hosts give a heading: small letters, dots dropped. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll('.', '')
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const page = makeEventsPage(readEventSchemas(join(root, 'schemas/events')))
  writeFileSync(join(root, 'docs/reference/events.md'), page)
}
