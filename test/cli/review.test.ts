/** Quarantine, dead letters, evidence and keys, as a user types them. */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Finished, nacre, nacreJson } from '../support/cli.ts'
import { eachEngine, type TestDatabase } from '../support/engines.ts'
import { events, type Fields, line, lines } from '../support/loading.ts'
import { HAZARDS } from '../support/review.ts'

/** In a line that is no JSON: its bytes are in no view, only sealed. */
const MARK = 'marker-of-a-dead-line-7f3a91'

const enriched = (n: number): Fields => ({
  _index: 'cowrie',
  _source: { ...events(1, { session: `enriched ${n}` })[0], geoip: { country: 'XX' } },
})

/** Ordinary events, four that are withheld, a line that is no JSON, and two changed hits. */
const LOG = `${lines(events(4))}${MARK} is not json\n${lines(
  HAZARDS.map((one, n) => ({
    ...events(1, { timestamp: `2026-05-04T00:00:0${n}.000000Z`, session: 'withheld' })[0],
    ...one,
  })),
)}${lines([enriched(1)])}${line({ session: 'last one' })}\n${lines([enriched(2)])}`

type Listed = {
  readonly emergency: boolean
  readonly batches: readonly Record<string, unknown>[]
}
type Shown = {
  readonly held: number
  readonly approved: number
  readonly rejected: number
  readonly risk: { readonly rules: readonly { readonly rule: string }[] }
  readonly events: readonly Record<string, unknown>[]
}

eachEngine((engine) => {
  let root: string
  let database: TestDatabase
  let data: string

  /** A store of its own for each group, with the log above in it. */
  async function open(): Promise<void> {
    root = mkdtempSync(join(tmpdir(), 'nacre-test-'))
    database = await engine.create(root)
    data = join(root, 'data')
    mkdirSync(join(root, 'logs'))
    // A file in whose first 64 KiB such a hit stands would be foreign.
    const filler = lines(events(300, { sensor: 'filler', filler: 'x'.repeat(100) }))
    writeFileSync(join(root, 'logs', 'cowrie.json'), `${filler}${LOG}`)
  }
  async function close(): Promise<void> {
    await database.drop()
    rmSync(root, { recursive: true, force: true })
  }

  const where = (): string[] => ['--data', data, '--store', database.url]
  const run = (...args: string[]): Finished => nacre([...args, ...where()])
  const json = <T>(args: readonly string[], status: number = 0): T =>
    nacreJson<T>([...args, ...where()], [status])

  /** Refused with this status and code; nothing on standard output. */
  function refused(args: readonly string[], status: number, code: string): Finished {
    const done = run(...args)
    assert.equal(done.status, status, `${args.join(' ')}: ${done.stderr}`)
    assert.equal(done.stdout, '')
    assert.ok(done.stderr.includes(`(${code})`), done.stderr)
    assert.match(done.stderr, /^nacre: .+\n {2}.+\n/)
    // The same for either engine.
    if (engine.name === 'sqlite')
      assert.equal(json<{ error: { code: string } }>(args, status).error.code, code)
    return done
  }

  const verified = (): void => {
    const done = run('verify')
    assert.equal(done.status, 0, done.stdout + done.stderr)
  }
  /** Nothing that a terminal would obey. */
  const assertTame = (text: string): void => {
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  }

  describe('quarantine', () => {
    before(open)
    after(close)

    test('a load that withholds something ends with status 4 and says so', () => {
      const loaded = run('ingest', 'bulk', join(root, 'logs'))
      assert.equal(loaded.status, 4, loaded.stderr)
      assert.match(loaded.stdout, /4 held until a person decides on them: "nacre quarantine list"/)
      const again = json<{ totals: { held: number } }>(['ingest', 'bulk', join(root, 'logs')])
      assert.equal(again.totals.held, 0)
    })

    test('list tells what waits, with status 4', () => {
      const listed = json<Listed>(['quarantine', 'list'], 4)
      assert.equal(listed.emergency, false)
      assert.equal(listed.batches.length, 1)
      const { batch, withheld, waiting, approved, rejected, hazardMax } = listed.batches[0]!
      assert.deepEqual(
        [batch, withheld, waiting, approved, rejected, hazardMax],
        [1, 4, 4, 0, 0, 97],
      )
      const text = run('quarantine', 'list')
      assert.equal(text.status, 4)
      assert.match(text.stdout, /cowrie\.json/)
      assertTame(text.stdout)
    })

    test('show tells which rules hit which fields, in safe form', () => {
      const shown = json<Shown>(['quarantine', 'show', '1'])
      assert.deepEqual([shown.held, shown.approved, shown.rejected], [4, 0, 0])
      assert.ok(shown.risk.rules.some(({ rule }) => rule === 'hazard.terminal.clipboard'))
      assert.equal(shown.events.length, 4)
      assertTame(JSON.stringify(shown))
      const text = run('quarantine', 'show', '1')
      assert.equal(text.status, 0)
      assert.match(text.stdout, /hazard\.terminal\.clipboard/)
      assert.match(text.stdout, /52;c;aWQ=/)
      assertTame(text.stdout)
      assert.equal(json<Shown>(['quarantine', 'show', '1', '--samples', '1']).events.length, 1)
      assert.equal(json<Shown>(['quarantine', 'show', '1', '--samples', '0']).events.length, 0)
    })

    test('wrong numbers, lists and rules, and no reason, are refused', () => {
      refused(['quarantine', 'show', '77'], 1, 'LOOKUP_NO_BATCH')
      refused(['quarantine', 'show', 'one'], 2, 'USAGE_BAD_ARGUMENT')
      refused(['quarantine', 'show', '-1'], 2, 'USAGE_BAD_ARGUMENT')
      const reason = ['--reason', 'a test']
      for (const act of ['approve', 'reject']) {
        refused(['quarantine', act, '1'], 2, 'USAGE_BAD_OPTION')
        refused(['quarantine', act, '1', '--reason', '  '], 2, 'USAGE_BAD_OPTION')
        refused(['quarantine', act, '77', ...reason], 1, 'LOOKUP_NO_BATCH')
        refused(['quarantine', act, '1.5', ...reason], 2, 'USAGE_BAD_ARGUMENT')
        for (const records of act === 'approve'
          ? ['', 'all', '3-', '5-3', '1,,2', '1-9999999999']
          : ['x'])
          refused(['quarantine', act, '1', '--records', records, ...reason], 2, 'USAGE_BAD_OPTION')
        refused(['quarantine', act, '1', '--records', '0', ...reason], 1, 'LOOKUP_NO_EVENT')
        refused(
          ['quarantine', act, '1', '--false-positive', 'no.such.rule', ...reason],
          2,
          'USAGE_BAD_OPTION',
        )
      }
      assert.equal(json<Listed>(['quarantine', 'list'], 4).batches[0]!['waiting'], 4)
    })

    test('approve and reject decide on some records, and on all that wait', () => {
      const { events: shown } = json<Shown>(['quarantine', 'show', '1'])
      const records = shown.map((one) => one['record'] as number).sort((a, b) => a - b)
      const [first, , third] = records
      const approve = run(
        ...['quarantine', 'approve', '1', '--records', String(first), '--reason', 'no risk'],
        ...['--false-positive', 'hazard.terminal.clipboard'],
      )
      assert.deepEqual([approve.status, approve.stdout], [0, '1 event approved.\n'])
      refused(
        ['quarantine', 'approve', '1', '--records', `${first}-${third}`, '--reason', 'x'],
        1,
        'LOOKUP_NO_EVENT',
      )
      const reject = json<object>([
        ...['quarantine', 'reject', '1', '--reason', 'made for readers'],
        ...['--records', `${first! + 1},${first! + 1}`],
      ])
      assert.deepEqual(reject, { batch: 1, events: 1, state: 'rejected' })
      verified()
      const rest = run('quarantine', 'approve', '1', '--reason', 'all else')
      assert.deepEqual([rest.status, rest.stdout], [0, '2 events approved.\n'])
      refused(['quarantine', 'approve', '1', '--reason', 'again'], 1, 'LOOKUP_NO_EVENT')
      verified()
      assert.deepEqual(json<Listed>(['quarantine', 'list']).batches, [])
      assert.match(run('quarantine', 'list').stdout, /Nothing is withheld/)
      const [all] = json<Listed>(['quarantine', 'list', '--all']).batches
      assert.deepEqual([all!['waiting'], all!['approved'], all!['rejected']], [0, 3, 1])
      const stats = json<{ rules: { rule: string; events: number; falsePositives: number }[] }>([
        'rules',
        'stats',
      ])
      const clipboard = stats.rules.find(({ rule }) => rule === 'hazard.terminal.clipboard')
      assert.deepEqual([clipboard?.events, clipboard?.falsePositives], [1, 1])
      const session = run('session', 'withheld')
      assert.equal(session.status, 0)
      assertTame(session.stdout)
    })

    test('emergency is turned on and off with a reason, and status says why', () => {
      refused(['quarantine', 'emergency', 'on'], 2, 'USAGE_BAD_OPTION')
      refused(['quarantine', 'emergency', 'maybe'], 2, 'USAGE_BAD_ARGUMENT')
      refused(['quarantine', 'emergency'], 2, 'USAGE_BAD_ARGUMENT')
      assert.match(run('quarantine', 'emergency', 'status').stdout, /^No emergency/)
      assert.equal(run('quarantine', 'emergency', 'on', '--reason', 'strange escapes').status, 0)
      const status = run('quarantine', 'emergency', 'status')
      assert.match(status.stdout, /everything new is withheld.*strange escapes/)
      assert.ok(status.stdout.includes(userInfo().username))
      writeFileSync(join(root, 'logs', 'more.json'), lines(events(3, { sensor: 'more' })))
      const load = run('ingest', 'bulk', join(root, 'logs'))
      assert.equal(load.status, 4)
      assert.match(load.stdout + load.stderr, /Emergency mode is on/)
      refused(['evidence', 'reveal', '--letter', '1', '--reason', 'x'], 1, 'EVIDENCE_EMERGENCY')
      assert.equal(json<Listed>(['quarantine', 'list'], 4).emergency, true)
      assert.match(run('status').stdout, /emergency/i)
      assert.equal(
        json<{ emergency: boolean }>(['quarantine', 'emergency', 'off', '--reason', 'over'])
          .emergency,
        false,
      )
      verified()
    })
  })

  describe('dead letters', () => {
    before(async () => {
      await open()
      run('ingest', 'bulk', join(root, 'logs'))
    })
    after(close)

    type Letters = {
      readonly deadLetters: readonly Record<string, unknown>[]
      readonly hasMore: boolean
    }

    test('list and show tell place and reason, and hold none of their bytes', () => {
      const { deadLetters, hasMore } = json<Letters>(['dlq', 'list'])
      assert.deepEqual(
        deadLetters.map((one) => [one['letter'], one['reason'], one['state']]),
        [
          [1, 'not-json', 'new'],
          [2, 'enriched', 'new'],
          [3, 'enriched', 'new'],
        ],
      )
      assert.equal(hasMore, false)
      assert.equal(json<Letters>(['dlq', 'list', '--limit', '1']).hasMore, true)
      assert.equal(json<Letters>(['dlq', 'list', '--why', 'enriched']).deadLetters.length, 2)
      assert.equal(json<Letters>(['dlq', 'list', '--state', 'replayed']).deadLetters.length, 0)
      refused(['dlq', 'list', '--state', 'odd'], 2, 'USAGE_BAD_OPTION')
      const shown = run('dlq', 'show', '1')
      assert.match(shown.stdout, /not-json/)
      for (const text of [shown.stdout, run('dlq', 'list').stdout])
        assert.ok(!text.includes(MARK), text)
      refused(['dlq', 'show', '99'], 1, 'LOOKUP_NO_LETTER')
      refused(['dlq', 'show', 'x'], 2, 'USAGE_BAD_ARGUMENT')
    })

    test('replay reads several again, and leaves what still cannot be read', () => {
      refused(['dlq', 'replay', '1'], 2, 'USAGE_BAD_OPTION')
      refused(['dlq', 'replay', '--reason', 'x'], 2, 'USAGE_BAD_ARGUMENT')
      refused(['dlq', 'replay', '99', '--reason', 'x'], 1, 'LOOKUP_NO_LETTER')
      const still = run('dlq', 'replay', '1', '2', '--reason', 'to see')
      assert.equal(still.status, 0, still.stderr)
      assert.equal(still.stdout.match(/still cannot be read/g)?.length, 2)
      const done = run('dlq', 'replay', '2', '3', '--accept-enriched', '--reason', 'wanted')
      assert.equal(done.status, 0, done.stderr)
      assert.match(done.stdout, /^2: 1 stored, 0 duplicate.*\n3: 1 stored/)
      refused(
        ['dlq', 'replay', '2', '--accept-enriched', '--reason', 'again'],
        1,
        'LOOKUP_NO_LETTER',
      )
      assert.equal(json<Letters>(['dlq', 'list', '--state', 'replayed']).deadLetters.length, 2)
      assert.equal(run('session', 'enriched 2').status, 0)
      verified()
    })

    test('discard gives them up, once', () => {
      refused(['dlq', 'discard', '1'], 2, 'USAGE_BAD_OPTION')
      const done = run('dlq', 'discard', '1', '--reason', 'noise')
      assert.deepEqual([done.status, done.stdout], [0, '1 dead letter discarded.\n'])
      refused(['dlq', 'discard', '1', '--reason', 'noise'], 1, 'LOOKUP_NO_LETTER')
      assert.deepEqual(json<Letters>(['dlq', 'list']).deadLetters, [])
      assert.match(run('dlq', 'list').stdout, /No dead letter matches/)
      verified()
    })
  })

  describe('evidence and keys', () => {
    before(open)
    after(close)

    type Keys = {
      readonly keys: readonly {
        readonly kind: string
        readonly keyId: string
        readonly isCurrent: boolean
        readonly privateHere: boolean
      }[]
    }
    type Revealed = { readonly text: string; readonly base64: string; readonly sha256: string }
    const reason = ['--reason', 'case 7']
    const keyFile = (name: string): string => join(data, 'keys', name)
    const PRIVATE = 'recipient-x25519.pem'

    test('keys init makes what is missing, once', () => {
      const made = run('keys', 'init')
      assert.equal(made.status, 0, made.stderr)
      assert.match(
        made.stdout,
        /^Made the signing key [0-9a-f]{16}\nMade the recipient key [0-9a-f]{16}\n$/,
      )
      const found = json<{ made: object }>(['keys', 'init'])
      assert.deepEqual(found.made, { signing: false, recipient: false })
      assert.ok(existsSync(keyFile(PRIVATE)))
      const { keys } = json<Keys>(['keys', 'list'])
      assert.deepEqual(
        keys.map(({ kind, isCurrent, privateHere }) => [kind, isCurrent, privateHere]),
        [
          ['signing', true, true],
          ['recipient', true, true],
        ],
      )
      assert.equal(run('ingest', 'bulk', join(root, 'logs')).status, 4)
      verified()
    })

    test('export-public prints the line of the public file, and writes no file over', () => {
      const line = readFileSync(keyFile('recipient-x25519.pub'), 'utf8')
      assert.equal(run('keys', 'export-public').stdout, line)
      const path = join(root, 'copy.pub')
      assert.equal(run('keys', 'export-public', '--output', path).status, 0)
      assert.equal(readFileSync(path, 'utf8'), line)
      assert.notEqual(run('keys', 'export-public', '--output', path).status, 0)
      assert.equal(readFileSync(path, 'utf8'), line)
    })

    test('sealed bytes stand nowhere in the store as they were', async () => {
      if (engine.name === 'sqlite') {
        const path = database.url.replace('sqlite:', '')
        const files = readdirSync(join(path, '..')).filter((name) => name.includes('.sqlite'))
        assert.ok(files.length > 0)
        for (const name of files) {
          const bytes = readFileSync(join(path, '..', name))
          assert.ok(!bytes.includes(MARK), name)
          // What is in the view is there, so this would find it.
          if (name.endsWith('.sqlite')) assert.ok(bytes.includes('withheld'), name)
        }
      } else {
        const store = await database.open('read')
        try {
          for await (const page of store.reads().batches())
            for (const { id } of page)
              for (const block of await store.reads().blocks(id)) {
                assert.equal(block.codec, 'zstd+aes-256-gcm')
                assert.ok(!Buffer.from(block.bytes).includes(MARK))
              }
        } finally {
          await store.close()
        }
      }
    })

    test('reveal shows a dead letter, a line, a record and an event, each the exact bytes', () => {
      const dead = `${MARK} is not json\n`
      const byLetter = json<Revealed>(['evidence', 'reveal', '--letter', '1', ...reason])
      assert.equal(Buffer.from(byLetter.base64, 'base64').toString(), dead)
      const byLine = json<Revealed>([
        ...['evidence', 'reveal', '--source', '1', '--line', '305'],
        ...reason,
      ])
      assert.equal(byLine.sha256, byLetter.sha256)
      const byRecord = json<Revealed>([
        ...['evidence', 'reveal', '--batch', '1', '--record', '304'],
        ...reason,
      ])
      assert.equal(byRecord.sha256, byLetter.sha256)
      const event = json<Revealed>(['evidence', 'reveal', 'last one', '--event', '1', ...reason])
      assert.equal(
        Buffer.from(event.base64, 'base64').toString(),
        `${line({ session: 'last one' })}\n`,
      )
      const text = run('evidence', 'reveal', '--letter', '1', ...reason)
      assert.ok(text.stdout.includes(MARK))
      assertTame(text.stdout)
      const path = join(root, 'revealed.bin')
      assert.equal(
        run('evidence', 'reveal', '--letter', '1', ...reason, '--output', path).status,
        0,
      )
      assert.equal(readFileSync(path, 'utf8'), dead)
    })

    test('reveal says what is missing: a reason, what to show, an event that is there', () => {
      refused(['evidence', 'reveal', '--letter', '1'], 1, 'EVIDENCE_NO_REASON')
      refused(['evidence', 'reveal', ...reason], 2, 'USAGE_BAD_ARGUMENT')
      refused(['evidence', 'reveal', '--source', '1', ...reason], 2, 'USAGE_BAD_ARGUMENT')
      refused(['evidence', 'reveal', 'last one', ...reason], 1, 'LOOKUP_NO_EVENT')
      refused(['evidence', 'reveal', 'last one', '--event', '9', ...reason], 1, 'LOOKUP_NO_EVENT')
      refused(['evidence', 'reveal', 'no such', '--event', '1', ...reason], 1, 'LOOKUP_NO_SESSION')
      refused(['evidence', 'reveal', '--letter', '99', ...reason], 1, 'LOOKUP_NO_LETTER')
      refused(
        ['evidence', 'reveal', '--batch', '1', '--record', '9999', ...reason],
        1,
        'LOOKUP_NO_EVENT',
      )
      refused(
        ['evidence', 'reveal', '--batch', '99', '--record', '0', ...reason],
        1,
        'LOOKUP_NO_EVENT',
      )
    })

    test('reveal is for those whom the setting names', () => {
      const path = join(data, 'nacre.toml')
      writeFileSync(path, '[evidence]\nactors = "somebody-else"\n')
      try {
        refused(['evidence', 'reveal', '--letter', '1', ...reason], 1, 'EVIDENCE_NO_RIGHT')
        writeFileSync(path, `[evidence]\nactors = "somebody-else,${userInfo().username}"\n`)
        assert.equal(run('evidence', 'reveal', '--letter', '1', ...reason).status, 0)
      } finally {
        rmSync(path)
      }
      verified()
    })

    test('with the private half moved away, loads and verification go on; reveal and replay say why not', () => {
      const away = join(root, 'away.pem')
      renameSync(keyFile(PRIVATE), away)
      const verify = json<{ ok: boolean; notChecked: readonly string[] }>(['verify'])
      assert.equal(verify.ok, true)
      assert.ok(
        verify.notChecked.some((one) => /private half of key [0-9a-f]{16} is not here/.test(one)),
      )
      refused(['evidence', 'reveal', '--letter', '1', ...reason], 1, 'SEAL_NO_PRIVATE_KEY')
      refused(['dlq', 'replay', '2', ...reason], 1, 'SEAL_NO_PRIVATE_KEY')
      writeFileSync(join(root, 'logs', 'later.json'), lines(events(5, { sensor: 'later' })))
      const load = json<{ totals: { stored: number } }>(['ingest', 'bulk', join(root, 'logs')])
      assert.equal(load.totals.stored, 5)
      const [recipient] = json<Keys>(['keys', 'list']).keys.filter(
        ({ kind }) => kind === 'recipient',
      )
      assert.deepEqual([recipient!.isCurrent, recipient!.privateHere], [true, false])
      assert.match(run('keys', 'list').stdout, /not here/)
      // Named by the setting, from the environment.
      const env = { NACRE_PRIVATE_KEY: away }
      const shown = nacre(['evidence', 'reveal', '--letter', '1', ...reason, ...where()], { env })
      assert.equal(shown.status, 0, shown.stderr)
      assert.ok(shown.stdout.includes(MARK))
      const whole = nacre(['verify', '--json', ...where()], { env })
      assert.deepEqual((JSON.parse(whole.stdout) as { notChecked: unknown }).notChecked, [])
      const wrong = nacre(['evidence', 'reveal', '--letter', '1', ...reason, ...where()], {
        env: { NACRE_PRIVATE_KEY: join(root, 'nothing.pem') },
      })
      assert.equal(wrong.status, 1)
      assert.match(wrong.stderr, /SEAL_RECIPIENT_UNREADABLE/)
      renameSync(away, keyFile(PRIVATE))
      verified()
    })

    test('rotate makes a new pair; what was sealed before and after opens', () => {
      const before = json<Keys>(['keys', 'list']).keys.find(({ kind }) => kind === 'recipient')!
      const rotated = run('keys', 'rotate')
      assert.equal(rotated.status, 0, rotated.stderr)
      assert.ok(rotated.stdout.includes(before.keyId))
      const now = json<Keys>(['keys', 'list']).keys.filter(({ kind }) => kind === 'recipient')
      assert.deepEqual(
        now.map(({ isCurrent, privateHere }) => [isCurrent, privateHere]),
        [
          [false, true],
          [true, true],
        ],
      )
      writeFileSync(join(root, 'logs', 'rotated.json'), lines(events(2, { session: 'rotated' })))
      run('ingest', 'bulk', join(root, 'logs'))
      for (const what of [
        ['--letter', '1'],
        ['rotated', '--event', '1'],
      ])
        assert.equal(run('evidence', 'reveal', ...what, ...reason).status, 0)
      verified()
      // Only the older one is away: what was sealed since then opens.
      const older = keyFile(`recipient-${before.keyId}.pem`)
      renameSync(older, join(root, 'older.pem'))
      assert.equal(run('evidence', 'reveal', 'rotated', '--event', '1', ...reason).status, 0)
      refused(['evidence', 'reveal', '--letter', '1', ...reason], 1, 'SEAL_NO_PRIVATE_KEY')
      verified()
    })

    test('what was revealed and what was refused is in the journal, whose entries hold no sealed byte', async () => {
      const store = await database.open('read')
      try {
        const actions = new Map<string, number>()
        for await (const page of store.reads().journal())
          for (const row of page) {
            actions.set(row.action, (actions.get(row.action) ?? 0) + 1)
            assert.ok(!JSON.stringify(row).includes(MARK))
          }
        assert.ok((actions.get('evidence.revealed') ?? 0) >= 5)
        assert.ok((actions.get('evidence.refused') ?? 0) >= 5)
        assert.equal(actions.get('recipient.added'), 2)
      } finally {
        await store.close()
      }
    })
  })

  describe('rules recompute', () => {
    before(async () => {
      await open()
      run('ingest', 'bulk', join(root, 'logs'))
    })
    after(close)

    test('needs a reason unless it is dry, and finds nothing to do', () => {
      refused(['rules', 'recompute'], 2, 'USAGE_BAD_OPTION')
      assert.equal(run('rules', 'recompute', '--dry-run').status, 0)
      const done = json<{ batches: number; changed: number }>([
        ...['rules', 'recompute', '--reason', 'a test'],
      ])
      assert.deepEqual([done.batches, done.changed], [0, 0])
    })
  })
})
