/** Reports in the formats of the predecessors against what these made of the same logs. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { missingShared, nacre, nacreJson, SHARED, temporaryFolder } from '../support/cli.ts'

type Entry = Readonly<Record<string, string | number>>
type Document = {
  readonly date: string
  readonly sensor: string
  readonly sessions: Readonly<Record<string, unknown>>
  readonly commands?: Readonly<Record<string, unknown>>
  readonly files?: Readonly<Record<string, unknown>>
}

const folder = join(SHARED, 'goldens', 'set-b')
const SENSORS = ['sensor-01', 'sensor-02']

describe('formats of predecessors over the reference set', {
  skip: missingShared('goldens/set-b'),
}, () => {
  const undo: (() => void)[] = []
  let data = ''
  before(() => {
    data = temporaryFolder({ after: (work) => undo.push(work) })
    nacreJson(['ingest', 'bulk', join(folder, 'input'), '--data', data])
  })
  after(() => {
    for (const work of undo) work()
  })

  function report(...args: string[]): string {
    const done = nacre(['report', ...args, '--data', data])
    assert.equal(done.status, 0, done.stderr)
    return done.stdout
  }

  test('figures of one sensor are those of the newer predecessor, by day, week and month', () => {
    const names = readdirSync(join(folder, 'upstream')).filter(
      (name) => !name.includes('no-sensor'),
    )
    assert.ok(names.length >= 10)
    for (const name of names) {
      const theirs = golden(join(folder, 'upstream', name))
      const [kind, period] = /^(daily|weekly|monthly)_([^_]+)_/.exec(name)!.slice(1) as [
        string,
        string,
      ]
      // Its week 1 starts on the first Monday of the year.
      const ours = JSON.parse(
        report(
          kind,
          kind === 'weekly' ? '2026-W20' : period,
          '--sensor',
          theirs.sensor,
          '--format',
          'legacy-json',
        ),
      ) as Document
      assert.deepEqual(ours.sessions, theirs.sessions, name)
      assert.equal(ours.date, theirs.date)
      assert.deepEqual(missingKeys(theirs, ours), [], name)
      if (kind !== 'daily') continue
      // Their texts are rewritten, and several commands may share one: the counts of the most frequent are compared.
      assert.deepEqual(countsOf(ours.files?.['top']), countsOf(theirs.files?.['top']), name)
      assert.deepEqual(countsOf(ours.commands?.['top']), countsOf(theirs.commands?.['top']), name)
    }
  })

  test('a report of all sensors is one, where the newer predecessor printed an empty list', () => {
    const ours = JSON.parse(report('monthly', '2026-05', '--format', 'legacy-json')) as Document
    assert.equal(ours.sensor, 'aggregate')
    assert.equal(ours.sessions['total'], 2_862)
    assert.equal(ours.sessions['login_attempts'], 4_022)
  })

  test('figures of a day are those of the older predecessor', () => {
    for (const name of readdirSync(join(folder, 'legacy_es'))) {
      const theirs = golden(join(folder, 'legacy_es', name)) as Document & {
        readonly abnormalities: unknown
      }
      const day = name.slice('daily_'.length, -'.json'.length)
      const ours = JSON.parse(report('daily', day, '--format', 'legacy-json')) as typeof theirs
      assert.deepEqual(missingKeys(theirs, ours), [], name)
      for (const [part, lists] of [
        ['sessions', ['top_usernames', 'top_passwords', 'top_combinations']],
        ['commands', ['top_commands']],
        // It counted neither: both are 0 in all of its documents.
        ['files', ['top_hashes', 'downloads_total', 'uploads_total']],
      ] as const) {
        for (const [key, value] of Object.entries(theirs[part]!)) {
          if (!(lists as readonly string[]).includes(key))
            assert.deepEqual(ours[part]![key], value, `${name} ${part}.${key}`)
          else if (Array.isArray(value))
            assertSameTop(ours[part]![key] as Entry[], value as Entry[], `${name} ${key}`)
        }
      }
      assert.deepEqual(ours.abnormalities, theirs.abnormalities, name)
    }
  })

  for (const sensor of SENSORS) {
    test(`the text of ${sensor} holds the same sessions, line by line, and the same summary`, () => {
      const ours = report('monthly', '2026-05', '--sensor', sensor, '--format', 'legacy-text')
      const newer = unzipped(join(folder, 'legacy_text', `${sensor}_report.txt.gz`))
      const ancestor = unzipped(join(folder, 'ancestor_text', `${sensor}_report.txt.gz`))
      const own = blocksOf(ours)
      // Without the commands, which the newer one lost, each block is that of the newer one, byte for byte.
      const withoutCommands = new Map(
        [...own].map(([id, block]) => [id, block.replace(/^# .*\n/gm, '').trimEnd()]),
      )
      assert.deepEqual(
        sorted(withoutCommands),
        sorted(new Map([...blocksOf(newer)].map(([id, block]) => [id, block.trimEnd()]))),
      )
      assert.deepEqual(sorted(commandsOf(own)), sorted(commandsOf(blocksOf(ancestor))))
      assert.deepEqual(summaryOf(ours), summaryOf(newer))
      assert.ok(ours.endsWith(report(...summaryArgs(sensor, 'abnormal-summary'))))
      assert.deepEqual(
        [...blocksOf(report(...summaryArgs(sensor, 'abnormal-sessions'))).keys()].sort(),
        [
          ...blocksOf(
            readFileSync(join(folder, 'legacy_text', `${sensor}_abnormal_sessions.txt`), 'utf8'),
          ).keys(),
        ].sort(),
      )
    })
  }
})

function summaryArgs(sensor: string, part: string): string[] {
  return ['monthly', '2026-05', '--sensor', sensor, '--format', 'legacy-text', '--part', part]
}

function golden(path: string): Document {
  return JSON.parse(readFileSync(path, 'utf8')) as Document
}

function unzipped(path: string): string {
  return gunzipSync(readFileSync(path)).toString()
}

function countsOf(list: unknown): number[] {
  return (list as readonly { readonly occurrences: number }[]).map((one) => one.occurrences)
}

/** Equal counts in the same places; the same values wherever no tie decides. */
function assertSameTop(ours: readonly Entry[], theirs: readonly Entry[], name: string): void {
  assert.deepEqual(
    ours.map((one) => one['count']),
    theirs.map((one) => one['count']),
    name,
  )
  const last = theirs.at(-1)?.['count']
  const above = (list: readonly Entry[]): string[] =>
    list
      .filter((one) => one['count'] !== last)
      .map((one) => JSON.stringify([one['value'], one['count']]))
      .sort()
  assert.deepEqual(above(ours), above(theirs), name)
}

/** Names in a document that another one lacks. */
function missingKeys(theirs: object, ours: object, path = ''): string[] {
  return Object.entries(theirs).flatMap(([key, value]) => {
    const own = (ours as Record<string, unknown>)[key]
    if (own === undefined) return [`${path}${key}`]
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
    return missingKeys(value, own as object, `${path}${key}.`)
  })
}

/** Sessions of a text by their id, without the rules between them. */
function blocksOf(text: string): Map<string, string> {
  const blocks = text.split(/\n\nX{20,}\n(?:X+\n)?\n/)
  return new Map(
    blocks.flatMap((block) => {
      const id = /^ +Session {2}(\S+)/.exec(block)?.[1]
      return id === undefined ? [] : [[id, block] as const]
    }),
  )
}

function commandsOf(blocks: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    [...blocks].map(([id, block]) => {
      const commands = (block.match(/^# .*$/gm) ?? []).join('\n')
      // Addresses that can be clicked are not printed.
      return [id, refanged(commands)]
    }),
  )
}

function refanged(text: string): string {
  return text
    .replaceAll('hxxp', 'http')
    .replaceAll('fxp:', 'ftp:')
    .replace(/\[([.@])\]/g, '$1')
}

function sorted(entries: ReadonlyMap<string, string>): (readonly [string, string])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The summary: its lines with the ids of sessions in order, which the predecessors left to chance. */
function summaryOf(text: string): { readonly lines: string[]; readonly ids: string[] } {
  const lines = text.slice(text.indexOf('                Total Number')).split('\n')
  const isId = (line: string): boolean => /^ {42}[0-9a-f]{12}$/.test(line)
  return { lines: lines.filter((line) => !isId(line)), ids: lines.filter(isId).sort() }
}
