/** What a level takes out is in no byte of any output: over texts in every field, and over logs of real attacks. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createApp } from '../../src/cli/app.ts'
import type { Command } from '../../src/cli/command.ts'
import { exportCommand } from '../../src/cli/commands/export.ts'
import { ingestBulk } from '../../src/cli/commands/ingest-bulk.ts'
import { reportDaily, reportMonthly } from '../../src/cli/commands/report.ts'
import { session, sessions } from '../../src/cli/commands/session.ts'
import { Caught } from '../../src/cli/redteam/bench.ts'
import { loadSettings } from '../../src/config/load.ts'
import { OUTPUT_NAMES } from '../../src/output/names.ts'
import { shortenCommand } from '../../src/redact/command.ts'
import { COMMON } from '../../src/redact/common.ts'
import { carriersOf, type EventForm, REDTEAM_DAY } from '../../src/redteam/carriers.ts'
import { eventsOfSession, fieldsOf, findSessions } from '../../src/store/repo/sessions.ts'
import { missingShared, SHARED } from '../support/cli.ts'
import { event, lines, registry, withTempFolder } from '../support/loading.ts'

const OWN = ['203.0.113.7', '2001:db8:77::1']
const TOML = `[redact]\nown_addresses = "${OWN.join(',')}"\nown_names = "acme-hosting"\n`

type Bed = {
  /** From now on these addresses are set as own. */
  readonly know: (addresses: readonly string[]) => void
  readonly run: (command: Command, args?: string[], options?: object) => Promise<string>
  readonly app: ReturnType<typeof createApp>
}

async function withBed(work: (bed: Bed, folder: string) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const data = join(folder, 'data')
    mkdirSync(data, { mode: 0o700 })
    writeFileSync(join(data, 'nacre.toml'), TOML)
    const app = createApp({
      settings: await loadSettings({ data }, {}),
      out: new Caught(),
      signal: new AbortController().signal,
      ...{ command: 'test', programVersion: 'test' },
      schemas: new URL('../../schemas/events/', import.meta.url),
      rules: new URL('../../rules/', import.meta.url),
    })
    let own = app.settings.redactOwnAddresses
    const know: Bed['know'] = (addresses) => {
      own = addresses
    }
    const run: Bed['run'] = async (command, args = [], options = {}) => {
      const { format } = options as { readonly format?: string }
      const caught = new Caught()
      const out =
        format === undefined ? caught : { ...caught, format: 'text' as const, said: undefined }
      const settings = { ...app.settings, redactOwnAddresses: own }
      await command.run({ ...app, settings, out }, args, options as never)
      const { text, json, lines: all } = caught.said()
      return [text, ...json, ...all].join('\n')
    }
    await work({ know, run, app }, folder)
  })
}

/** Everything that a level lets out. @param month - of the events */
async function* everything(
  { run }: Bed,
  level: string,
  month: string,
  ids: readonly (readonly [string, string])[],
): AsyncGenerator<readonly [where: string, text: string]> {
  const redact = { redact: level }
  for (const format of [...OUTPUT_NAMES, 'legacy-json', 'legacy-text']) {
    // Legacy formats have no list to lengthen.
    const options = { ...redact, format, ...(format.startsWith('legacy') ? {} : { top: 1000 }) }
    yield [`monthly ${format}`, await run(reportMonthly, [month], options)]
    yield [`daily ${format}`, await run(reportDaily, [`${month}-01`], options)]
  }
  for (const format of OUTPUT_NAMES) {
    yield [`sessions ${format}`, await run(sessions, [], { ...redact, format, limit: 100_000 })]
    for (const [id, sensor] of ids)
      yield [`session ${id} ${format}`, await run(session, [id], { ...redact, format, sensor })]
  }
  yield ['sessions --jsonl', await run(sessions, [], { ...redact, jsonl: true })]
  for (const what of ['events', 'sessions', 'commands', 'credentials', 'files'])
    for (const format of ['csv', 'jsonl'] as const)
      yield [
        `export ${format} ${what}`,
        await run(exportCommand(format, false), [], { ...redact, what }),
      ]
}

async function sessionIds({ app }: Bed): Promise<(readonly [string, string])[]> {
  const store = await app.openStore('read')
  try {
    const ids: (readonly [string, string])[] = []
    for await (const one of findSessions(store.query, {})) ids.push([one.session, one.sensor])
    return ids
  } finally {
    await store.close()
  }
}

/** The text as it may stand in an output: joined where a mail folds it, and with what defanging put in taken out. */
function plain(text: string): string {
  return text
    .replaceAll('=\r\n', '')
    .replaceAll(/\[([.:@])\]/g, '$1')
    .replaceAll(/\\([.:@-])/g, '$1')
}

function assertFree(where: string, text: string, secrets: readonly RegExp[]): void {
  const readable = plain(text)
  for (const secret of secrets) {
    const found = secret.exec(readable)
    assert.ok(
      found === null,
      `${where}: ${secret} in …${readable.slice(Math.max(0, (found?.index ?? 0) - 60), (found?.index ?? 0) + 60)}…`,
    )
  }
}

/** Fields of numbers are taken for texts of a wrong type elsewhere. */
function isText(field: string): boolean {
  return !['duration', 'duration_ms', 'src_port', 'dst_port', 'size'].includes(field)
}

test('in every field of every event: addresses, names, sensors and personal data leave for nobody', async () => {
  const known = await registry
  const forms: EventForm[] = known.entries.flatMap(({ eventid }) =>
    eventid === undefined
      ? []
      : [{ eventid, fields: [...(known.fieldsOf(eventid)?.keys() ?? [])].filter(isText) }],
  )
  const text = `x http://${OWN[0]}:81/acme-hosting ${OWN[1]} jane.doe@mail.example bond-street-7 192.168.77.5`
  await withBed(async (bed, folder) => {
    const file = join(folder, 'cowrie.json')
    const carried = carriersOf(1, text, forms).flatMap((carrier) => carrier.lines)
    writeFileSync(
      file,
      carried.join('').replaceAll('"lab-000001"', '"bond-street-7"') +
        lines([event({ timestamp: `${REDTEAM_DAY}T23:00:00.000000Z`, session: 'ffffffffffff' })]),
    )
    await bed.run(ingestBulk, [file])
    const secrets = [
      /203\.0\.113\.7/,
      /2001:db8:77::1/i,
      /acme-hosting/i,
      /jane\.doe/,
      /bond-street-7/,
      /192\.168\.77\.5/,
      /lab-000001/,
    ]
    const ids = (await sessionIds(bed)).filter(([id]) => /^[0-9a-f]{12}$/.test(id))
    assert.ok(ids.length > 3)
    for (const level of ['partner', 'public'])
      for await (const [where, output] of everything(bed, level, '2026-05', ids))
        assertFree(`${level} ${where}`, output, secrets)
    // The test can fail: what is internal holds all of it.
    const internal = plain(await bed.run(exportCommand('jsonl', false)))
    for (const secret of secrets.slice(0, 6)) assert.match(internal, secret)
  })
})

test('a password leaves for everyone in no form', async () => {
  const secret = 'Zq7xSECRETq7'
  const at = (second: number): string =>
    `2026-05-01T10:00:${String(second).padStart(2, '0')}.000000Z`
  const base = { src_ip: '198.51.100.9', session: 'a1b2c3d4e5f6' }
  const login = { username: secret, password: secret, message: `login attempt [x/${secret}]` }
  const told = [
    { ...base, ...login, timestamp: at(1) },
    { ...base, ...login, eventid: 'cowrie.login.success', timestamp: at(2) },
    ...[
      `echo "root:${secret}"|chpasswd`,
      `mysql -p${secret}`,
      `curl --user=${secret} http://a:${secret}@198.51.100.9/x?p=${secret}`,
      secret,
      `PASS=${secret} sudo ${secret}`,
    ].map((input, i) => ({
      ...base,
      eventid: i % 2 === 0 ? 'cowrie.command.input' : 'cowrie.command.failed',
      ...{ input, message: `CMD: ${input}`, timestamp: at(3 + i) },
    })),
    {
      ...base,
      eventid: 'cowrie.session.file_download',
      ...{ url: `ftp://x:${secret}@198.51.100.9/y`, shasum: 'ab'.repeat(32), timestamp: at(20) },
    },
    { ...base, eventid: 'cowrie.client.var', name: 'PW', value: secret, timestamp: at(21) },
    { ...base, eventid: 'cowrie.client.version', version: secret, timestamp: at(22) },
    { ...base, eventid: 'cowrie.log.closed', ttylog: `tty/${secret}`, timestamp: at(23) },
  ].map((one) => event(one))
  await withBed(async (bed, folder) => {
    const file = join(folder, 'cowrie.json')
    writeFileSync(file, lines(told))
    await bed.run(ingestBulk, [file])
    const ids = await sessionIds(bed)
    for await (const [where, output] of everything(bed, 'public', '2026-05', ids))
      assertFree(where, output, [new RegExp(secret)])
  })
})

describe('logs of the laboratory', { skip: missingShared('corpus/lab') }, () => {
  test('no own address, sensor or password of them leaves', async () => {
    await withBed(async (bed) => {
      await bed.run(ingestBulk, [join(SHARED, 'corpus', 'lab')])
      const store = await bed.app.openStore('read')
      const own = new Set<string>()
      const passwords = new Set<string>()
      const ids: (readonly [string, string])[] = []
      const days = new Set<string>()
      for await (const one of findSessions(store.query, {})) {
        if (ids.length < 25 && one.eventCount < 60) ids.push([one.session, one.sensor])
        days.add(new Date(one.firstEventUs / 1000).toISOString().slice(0, 7))
        for (const found of await eventsOfSession(store.query, one)) {
          for (const { name, value } of fieldsOf(found)) {
            if (name === 'dst_ip' && found.eventid === 'cowrie.session.connect') own.add(value)
            if (name === 'password') passwords.add(value)
          }
        }
      }
      const sensors = await store.query.selectFrom('sensors').select('name').execute()
      await store.close()
      assert.ok(own.size > 0 && passwords.size > 5 && ids.length > 5)
      const word = (text: string): RegExp =>
        new RegExp(
          `(?<![\\p{L}\\p{N}.-])${text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}(?![\\p{L}\\p{N}.-])`,
          'u',
        )
      const named = sensors.filter(({ name }) => name !== 'unknown').map(({ name }) => word(name))
      // Words that everybody tries and commands of programs alone are shown on purpose; short ones stand in any text.
      const uncommon = [...passwords]
        .filter(
          (one) => one.length >= 6 && !COMMON.has(one) && shortenCommand(one, () => '*') !== one,
        )
        .filter((one) => !/\\/.test(one))
      const addresses = [...own].map(word)
      bed.know([...own])
      for (const month of days)
        for (const level of ['partner', 'public'])
          for await (const [where, output] of everything(bed, level, month, ids))
            assertFree(`${level} ${where}`, output, [
              ...named,
              ...addresses,
              ...(level === 'public' ? uncommon.map(word) : []),
            ])
    })
  })
})
