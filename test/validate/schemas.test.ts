import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { Ajv2020 } from 'ajv/dist/2020.js'
import {
  COMMON_FILE,
  type EventSchema,
  makeEventsPage,
  readEventSchemas,
} from '../../tools/make-events-page.ts'

const ROOT = join(import.meta.dirname, '../..')
const CORPUS = join(ROOT, '../shared/corpus')
const CORPUS_FOLDERS = ['lab', 'public'].map((name) => join(CORPUS, name))
const NO_CORPUS = CORPUS_FOLDERS.every((folder) => existsSync(folder))
  ? false
  : 'the corpus of Cowrie logs does not lie beside the project'

const TIMESTAMP = '2026-01-01T00:00:00.000000Z'
const JSON_TYPES = ['string', 'integer', 'number', 'boolean', 'array', 'object', 'null']

/** Event ids of the corpus that have no schema on purpose, with the reason. */
const UNKNOWN_IDS: ReadonlyMap<string, string> = new Map([
  ['cowrie.command.privilege', 'from a fork; shows that unknown ids are accepted'],
])

/** Fields of the corpus, as `eventid field`, that no schema declares, with the reason. None so far. */
const UNDECLARED_FIELDS: ReadonlyMap<string, string> = new Map()

const schemas = readEventSchemas(join(ROOT, 'schemas/events'))
const eventSchemas = new Map([...schemas].filter(([file]) => file !== COMMON_FILE))
const common = schemas.get(COMMON_FILE)
assert.ok(common)

// `timestamp` is required everywhere and declared in the common file: hence no strictRequired.
const ajv = new Ajv2020({
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
  allErrors: true,
})
ajv.addVocabulary(['x-cowrie-versions'])
const validators = new Map([...schemas].map(([file, schema]) => [file, ajv.compile(schema)]))

const filesByEventid = new Map<string, string[]>()
for (const [file, schema] of eventSchemas) {
  const eventid = schema.properties['eventid']?.const ?? ''
  filesByEventid.set(eventid, [...(filesByEventid.get(eventid) ?? []), file])
}

const fieldsByEventid = new Map<string, ReadonlySet<string>>()

describe('every schema file', () => {
  test('is a valid JSON Schema of the 2020-12 dialect', () => {
    for (const [file, schema] of schemas) {
      assert.equal(ajv.validateSchema(schema), true, `${file}: ${ajv.errorsText(ajv.errors)}`)
    }
  })

  test('keeps to the keywords that the registry understands', () => {
    for (const [file, schema] of schemas) checkSubset(file, schema)
  })

  test('is named after its id and the eventid it describes', () => {
    for (const [file, schema] of schemas) {
      assert.equal(schema.$id, `https://nacre.invalid/schemas/events/${file}`)
      if (file === COMMON_FILE) continue
      const eventid = schema.properties['eventid']?.const
      assert.match(file, /\.v[1-9][0-9]*\.json$/)
      assert.equal(file.replace(/\.v[0-9]+\.json$/, ''), eventid)
      assert.equal(schema.title, eventid)
    }
  })

  test('says something of itself and of each field, in sentences', () => {
    for (const [file, schema] of schemas) {
      assert.match(schema.description, /^[A-Z].*\.$/s, file)
      assert.match(schema['x-cowrie-versions'], /\S/, file)
      for (const [name, field] of Object.entries(schema.properties)) {
        if (field.const === undefined) {
          assert.match(field.description ?? '', /^[A-Z].*\.$/s, `${file} ${name}`)
        }
      }
    }
  })

  test('declares a field that is common to all events in the common file alone', () => {
    for (const [file, schema] of eventSchemas) {
      const twice: readonly string[] = Object.keys(schema.properties).filter(
        (name) => name !== 'eventid' && Object.hasOwn(common.properties, name),
      )
      assert.deepEqual(twice, [], file)
    }
  })
})

describe('the schemas', () => {
  const accepted: readonly (readonly [string, Record<string, unknown>])[] = [
    ['cowrie.session.closed', { duration: 12.3 }],
    ['cowrie.session.closed', { duration: '12.3' }],
    ['cowrie.session.closed', { duration_ms: 12_300 }],
    ['cowrie.log.closed', { duration: 1, duplicate: true, size: 0 }],
    ['cowrie.session.params', { message: [] }],
    ['cowrie.session.params', { message: '', arch: 'linux-x64-lsb' }],
    ['cowrie.session.file_download', { unique: true }],
    ['cowrie.client.version', { version: 'SSH-2.0-Go', kexAlgs: ['curve25519-sha256'] }],
    ['cowrie.client.size', { width: 4_294_967_295, height: 0 }],
    ['cowrie.client.malformed_packet', { messagenum: 90, datalen: 3, data: '5a0000' }],
    ['cowrie.direct-tcpip.request', { dst_ip: 'example.org', dst_port: 0, orig_port: 70_000 }],
    ['cowrie.proxy.client_disconnect', { vm_id: 3, late: true }],
    ['cowrie.virustotal.scanfile', { scan_date: 'unknown', is_new: 'false', scans: {} }],
    ['cowrie.virustotal.scanurl', { scan_date: 1_790_000_000 }],
    ['cowrie.urlhaus.submitted', { result: 'error', http_status: 403 }],
    ['cowrie.abuseipdb.reportfail', { IP: '192.0.2.1', response: 429, reason: 'Too many' }],
  ]
  for (const [eventid, fields] of accepted) {
    test(`accept ${eventid} with ${JSON.stringify(fields)}`, () => {
      for (const name of Object.keys(fields)) assert.ok(declaredFields(eventid).has(name), name)
      assert.deepEqual(problemsOf({ eventid, timestamp: TIMESTAMP, ...fields }), [])
    })
  }

  test('accept a field that they do not declare', () => {
    const event = { eventid: 'cowrie.login.failed', timestamp: TIMESTAMP }
    assert.deepEqual(problemsOf({ ...event, a_field_of_next_year: { deep: [null] } }), [])
  })

  const refused: readonly (readonly [string, string, unknown])[] = [
    ['cowrie.session.closed', 'duration', true],
    ['cowrie.session.closed', 'duration', null],
    ['cowrie.session.closed', 'duration_ms', 12.5],
    ['cowrie.session.connect', 'src_port', '22'],
    ['cowrie.session.connect', 'session', 7],
    ['cowrie.session.connect', 'late', 1],
    ['cowrie.session.params', 'message', [7]],
    ['cowrie.session.params', 'message', {}],
    ['cowrie.client.kex', 'kexAlgs', 'curve25519-sha256'],
    ['cowrie.client.kex', 'kexAlgs', [7]],
    ['cowrie.login.failed', 'password', 1234],
    ['cowrie.session.file_download', 'duplicate', 'true'],
    ['cowrie.virustotal.scanfile', 'is_new', true],
    ['cowrie.virustotal.scanfile', 'scans', []],
  ]
  for (const [eventid, name, value] of refused) {
    test(`refuse ${eventid} with ${name} ${JSON.stringify(value)}`, () => {
      const event = { eventid, timestamp: TIMESTAMP, [name]: value }
      assert.notDeepEqual(problemsOf(event), [])
    })
  }

  test('require eventid and timestamp', () => {
    const eventid = 'cowrie.session.connect'
    const timestamp = TIMESTAMP
    assert.notDeepEqual(problemsOf({ eventid }), [])
    const connect = validators.get(`${eventid}.v1.json`)
    assert.equal(connect?.({ timestamp }), false)
    assert.equal(connect?.({ eventid: 'cowrie.session.closed', timestamp }), false)
    assert.equal(connect?.({ eventid, timestamp }), true)
  })
})

describe('the corpus', { skip: NO_CORPUS }, () => {
  const events = NO_CORPUS ? [] : readCorpus()

  test('holds events to check', () => {
    assert.ok(events.length > 30_000, `only ${events.length} events`)
  })

  test('has a schema for every eventid, apart from the listed ones', () => {
    const unknown = new Set(events.map(({ event }) => eventidOf(event)).filter(isUnknown))
    assert.deepEqual([...unknown].sort(), [...UNKNOWN_IDS.keys()].sort())
  })

  test('has no field that is not declared, apart from the listed ones', () => {
    const undeclared = new Set<string>()
    for (const { event } of events) {
      const eventid = eventidOf(event)
      if (isUnknown(eventid)) continue
      const fields = declaredFields(eventid)
      for (const name of Object.keys(event)) {
        if (!fields.has(name)) undeclared.add(`${eventid} ${name}`)
      }
    }
    assert.deepEqual([...undeclared].sort(), [...UNDECLARED_FIELDS.keys()].sort())
  })

  test('has no field of another type than declared', () => {
    const problems: string[] = []
    for (const { place, event } of events) {
      for (const problem of problemsOf(event)) problems.push(`${place}: ${problem}`)
    }
    assert.deepEqual(problems.slice(0, 20), [], `${problems.length} problems`)
  })
})

test('the reference page is what its generator makes', () => {
  const page = readFileSync(join(ROOT, 'docs/reference/events.md'), 'utf8')
  assert.equal(page, makeEventsPage(schemas), 'run node tools/make-events-page.ts')
})

test('the reference page names every event and every field', () => {
  const page = makeEventsPage(schemas)
  for (const [file, schema] of schemas) {
    assert.ok(page.includes(`${schema.title}\n`), file)
    for (const [name, field] of Object.entries(schema.properties)) {
      if (field.const === undefined) assert.ok(page.includes(`| \`${name}\` | `), `${file} ${name}`)
    }
  }
})

function checkSubset(file: string, schema: EventSchema): void {
  assert.deepEqual(
    Object.keys(schema).sort(),
    [
      '$id',
      '$schema',
      'additionalProperties',
      'description',
      'properties',
      'required',
      'title',
      'type',
      'x-cowrie-versions',
    ],
    file,
  )
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema', file)
  assert.equal(schema.type, 'object', file)
  assert.deepEqual(schema.required, ['eventid', 'timestamp'], file)
  assert.equal(schema.additionalProperties, true, file)
  for (const text of [schema.title, schema.description, schema['x-cowrie-versions']]) {
    assert.equal(typeof text, 'string', file)
  }
  for (const [name, field] of Object.entries(schema.properties)) {
    const where = `${file} ${name}`
    if (name === 'eventid' && file !== COMMON_FILE) {
      assert.deepEqual(Object.keys(field), ['const'], where)
      assert.equal(typeof field.const, 'string', where)
      continue
    }
    const types = [field.type ?? []].flat()
    const allowed = types.includes('array')
      ? ['description', 'items', 'type']
      : ['description', 'type']
    assert.deepEqual(Object.keys(field).sort(), allowed, where)
    assert.equal(typeof field.description, 'string', where)
    assert.ok(types.length > 0, where)
    assert.equal(new Set(types).size, types.length, where)
    for (const type of types) assert.ok(JSON_TYPES.includes(type), where)
    if (field.items !== undefined) {
      assert.deepEqual(Object.keys(field.items), ['type'], where)
      assert.ok(JSON_TYPES.includes(field.items.type), where)
    }
  }
}

/** The schema files of one eventid: one a form of the event, most have one. */
function filesOf(eventid: string): readonly string[] {
  return filesByEventid.get(eventid) ?? []
}

function isUnknown(eventid: string): boolean {
  return filesOf(eventid).length === 0
}

function declaredFields(eventid: string): ReadonlySet<string> {
  const known = fieldsByEventid.get(eventid)
  if (known !== undefined) return known
  const names = filesOf(eventid).flatMap((file) =>
    Object.keys(eventSchemas.get(file)?.properties ?? {}),
  )
  const fields = new Set([...Object.keys(common?.properties ?? {}), ...names])
  fieldsByEventid.set(eventid, fields)
  return fields
}

/** What the common schema says against an event, and what its own schema says if no form fits. */
function problemsOf(event: Record<string, unknown>): readonly string[] {
  const problems = complaintsOf(COMMON_FILE, event)
  const forms = filesOf(eventidOf(event)).map((file) => complaintsOf(file, event))
  if (forms.some((complaints) => complaints.length === 0)) return problems
  return [...problems, ...forms.flat()]
}

/** Paths and rules only: a message must not show what an attacker wrote. */
function complaintsOf(file: string, event: Record<string, unknown>): readonly string[] {
  const validate = validators.get(file)
  assert.ok(validate)
  if (validate(event)) return []
  return (validate.errors ?? []).map(
    (error) => `${file} ${error.instancePath} ${error.message ?? error.keyword}`,
  )
}

function eventidOf(event: Record<string, unknown>): string {
  return String(event['eventid'])
}

interface CorpusEvent {
  readonly place: string
  readonly event: Record<string, unknown>
}

function readCorpus(): readonly CorpusEvent[] {
  const found: CorpusEvent[] = []
  for (const folder of CORPUS_FOLDERS) {
    const entries = readdirSync(folder, { withFileTypes: true, recursive: true })
    for (const entry of entries.filter((each) => each.isFile())) {
      const path = join(entry.parentPath, entry.name)
      const bytes = readFileSync(path)
      const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
      for (const [index, line] of text.split('\n').entries()) {
        const event = parseEvent(line)
        if (event) found.push({ place: `${relative(CORPUS, path)}:${index + 1}`, event })
      }
    }
  }
  return found
}

/** Undefined for a line that is no JSON object with an eventid, such as one of a text log. */
function parseEvent(line: string): Record<string, unknown> | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  // An object that JSON.parse made has string keys and unknown values.
  const event = value as Record<string, unknown>
  return typeof event['eventid'] === 'string' ? event : undefined
}
