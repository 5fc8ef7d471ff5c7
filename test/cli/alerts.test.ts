/** Alerts as a user types them, what the status file of a follower says, and the wiring of both. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { alertChannels } from '../../src/cli/alert-channels.ts'
import { startAlerts } from '../../src/cli/alert-watch.ts'
import { createApp } from '../../src/cli/app.ts'
import { Caught } from '../../src/cli/redteam/bench.ts'
import { readStatus } from '../../src/cli/situation.ts'
import { sealing } from '../../src/cli/wiring.ts'
import { loadSettings } from '../../src/config/load.ts'
import { readSecret } from '../../src/config/secret.ts'
import { formatInstant } from '../../src/core/instant.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import type { OpenMode, Store } from '../../src/store/port.ts'
import { SqliteStore } from '../../src/store/sqlite/store.ts'
import { NACRE, nacre, nacreJson } from '../support/cli.ts'
import { eachEngine } from '../support/engines.ts'
import { events, lines, NOW_US, withTempFolder } from '../support/loading.ts'

type Listed = {
  readonly alerts: readonly {
    readonly id: number
    readonly kind: string
    readonly subject: string
    readonly state: string
    readonly channels: readonly { readonly channel: string; readonly result: string }[]
  }[]
}
type Checked = {
  readonly busy: boolean
  readonly alerts: readonly { readonly id: number; readonly subject: string }[]
  readonly messages: readonly {
    readonly channel: string
    readonly event: string
    readonly outcome: string
  }[]
}

/** A data folder with a program that keeps each alert as a file, and a threshold of the disk that is always met. */
function prepare(folder: string, toml = ''): string {
  const data = join(folder, 'data')
  mkdirSync(join(data, 'got'), { recursive: true, mode: 0o700 })
  const hook = join(data, 'hook.sh')
  writeFileSync(hook, `#!/bin/sh\ncat > ${data}/got/$$.json\nexit "$(cat ${data}/exit-status)"\n`)
  writeFileSync(join(data, 'exit-status'), '0')
  chmodSync(hook, 0o700)
  writeFileSync(
    join(data, 'nacre.toml'),
    `[alerts]\ndisk_free_percent = 99\ncommand = "${hook}"\n${toml}`,
  )
  return data
}

function got(
  data: string,
): { readonly event: string; readonly alert: { readonly kind: string } }[] {
  return readdirSync(join(data, 'got')).map((name) => {
    const text = readFileSync(join(data, 'got', name), 'utf8')
    rmSync(join(data, 'got', name))
    return JSON.parse(text)
  })
}

eachEngine((engine) => {
  test('a check tells once, lists, and takes an acknowledgement', async () => {
    await withTempFolder(async (folder) => {
      const database = await engine.create(folder)
      try {
        const data = prepare(folder)
        const where = ['--data', data, '--store', database.url]
        writeFileSync(join(folder, 'cowrie.json'), lines(events(5)))
        nacreJson(['ingest', 'bulk', join(folder, 'cowrie.json'), ...where])

        const dry = nacreJson<Checked>(['alerts', 'check', '--dry-run', ...where])
        assert.deepEqual(
          dry.messages.map((one) => one.outcome),
          ['planned'],
        )
        assert.deepEqual(got(data), [])
        assert.deepEqual(nacreJson<Listed>(['alerts', 'list', ...where]).alerts, [])

        const first = nacreJson<Checked>(['alerts', 'check', ...where])
        assert.equal(first.busy, false)
        assert.deepEqual(
          first.messages.map(({ channel, event, outcome }) => [channel, event, outcome]),
          [['command', 'opened', 'delivered']],
        )
        assert.deepEqual(
          got(data).map((one) => [one.event, one.alert.kind]),
          [['opened', 'disk']],
        )
        assert.deepEqual(nacreJson<Checked>(['alerts', 'check', ...where]).messages, [])

        const [listed] = nacreJson<Listed>(['alerts', 'list', ...where]).alerts
        assert.deepEqual([listed!.kind, listed!.state], ['disk', 'open'])
        assert.equal(listed!.channels[0]!.result, 'exit status 0')
        const shown = nacre(['alerts', 'list', ...where])
        assert.match(shown.stdout, /the disk is nearly full/)

        const unreasoned = nacre(['alerts', 'ack', String(listed!.id), ...where])
        assert.equal(unreasoned.status, 2)
        nacreJson(['alerts', 'ack', String(listed!.id), '--reason', 'known', ...where])
        assert.equal(
          nacreJson<Listed>(['alerts', 'list', ...where]).alerts[0]!.state,
          'acknowledged',
        )
        const again = nacre(['alerts', 'ack', String(listed!.id), '--reason', 'x', ...where])
        assert.equal(again.status, 1)
        assert.match(again.stderr, /LOOKUP_NO_ALERT/)
        assert.equal(nacre(['verify', ...where]).status, 0)
      } finally {
        await database.drop()
      }
    })
  })

  test('a watch beside a loop opens the store for itself, and tells what the loop knows', async () => {
    await withTempFolder(async (folder) => {
      const database = await engine.create(folder)
      try {
        const data = prepare(folder)
        const app = createApp({
          settings: await loadSettings({ data, store: database.url }, {}),
          out: new Caught(),
          signal: new AbortController().signal,
          ...{ command: 'ingest delta', programVersion: 'test' },
          schemas: new URL('../../schemas/events/', import.meta.url),
          rules: new URL('../../rules/', import.meta.url),
        })
        const failures: string[] = []
        const alerting = await startAlerts(app, (sentence) => failures.push(sentence))
        const loop = await database.open('create')
        try {
          assert.equal(alerting?.everyMs, 60_000)
          await alerting.look('disk-full', [])
          // The loop goes on loading meanwhile.
          await loop.review.addMetrics({ 'events.read': 1 })
        } finally {
          await loop.close()
        }
        // Sending goes on beside the loop; both messages are there when both programs have ended.
        while (!(await isTold(database.open, ['data folder', 'follower']))) await soon()
        await alerting.close()
        assert.deepEqual(
          got(data)
            .map((one) => one.alert.kind)
            .sort(),
          ['disk', 'loader-stopped'],
        )
        assert.deepEqual(failures, [])
      } finally {
        await database.drop()
      }
    })
  })
})

async function openStore(data: string): Promise<Store> {
  return SqliteStore.open({
    ...{ path: join(data, 'nacre.sqlite'), mode: 'read', sealing, clock: () => NOW_US },
    ...{ command: 'test' },
    settings: { cacheSize: -2_000, synchronous: 'normal', pageSize: 4_096 },
  })
}

async function isTold(
  open: (mode: OpenMode) => Promise<Store>,
  subjects: readonly string[],
): Promise<boolean> {
  // It may not be whole yet.
  const store = await open('read').catch(() => undefined)
  if (store === undefined) return false
  try {
    const { alerts } = await store.alerts.memory()
    const told = alerts.filter((one) => one.notifiedAtUs > 0).map((one) => String(one.subject))
    return subjects.every((subject) => told.includes(subject))
  } catch {
    return false
  } finally {
    await store.close()
  }
}

/** Lets programs and other work of this process get on. */
function soon(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('channels of the settings', () => {
  test('a channel that fails makes the status 1, and the alert is due again', async () => {
    await withTempFolder(async (folder) => {
      const data = prepare(folder)
      nacreJson(['init', '--data', data])
      writeFileSync(join(data, 'exit-status'), '7')
      const failed = nacreJson<Checked>(['alerts', 'check', '--data', data], [1])
      assert.equal(failed.messages[0]!.outcome, 'failed')
      writeFileSync(join(data, 'exit-status'), '0')
      const done = nacreJson<Checked>(['alerts', 'check', '--data', data])
      assert.deepEqual(
        done.messages.map(({ event, outcome }) => [event, outcome]),
        [['opened', 'delivered']],
      )
    })
  })

  test('a test goes through each channel, needs no store and is marked', async () => {
    await withTempFolder(async (folder) => {
      const data = prepare(folder)
      const done = nacreJson<{ channels: unknown[] }>(['alerts', 'test', '--data', data])
      assert.deepEqual(done.channels, [
        { channel: 'command', delivered: true, result: 'exit status 0' },
      ])
      assert.deepEqual(
        got(data).map((one) => [one.event, one.alert]),
        [['test', null]],
      )
      const other = nacre(['alerts', 'test', '--channel', 'mail', '--data', data])
      assert.equal(other.status, 2)
      writeFileSync(join(data, 'exit-status'), '1')
      assert.equal(nacre(['alerts', 'test', '--data', data]).status, 1)
    })
  })

  test('none is set up where nothing is set', async () => {
    await withTempFolder(async (data) => {
      assert.deepEqual(await alertChannels((await loadSettings({ data }, {})).alerts, {}), [])
    })
  })

  test('what cannot be used is refused before anything is sent, and secrets are not repeated', async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['webhook = "http://hooks.example.org/token-4711"', /alerts\.webhook .*https/],
      ['webhook = "env:NOT_SET"', /NOT_SET/],
      [
        'webhook = "https://hooks.example.org/"\nwebhook_secret = "token-4711"',
        /alerts\.webhook_secret .*env:NAME or file:PATH/,
      ],
      ['mail_to = "ops@example.org"', /alerts\.mail_from/],
      [
        'mail_to = "ops@example.org, x\\r\\nBcc: y@z"\nmail_from = "n@example.org"',
        /alerts\.mail_to/,
      ],
      [
        'mail_to = "a@b"\nmail_from = "n@b"\nsmtp_host = "mx.example.org"\nsmtp_tls = "none"\nsmtp_user = "u"\nsmtp_password = "env:WORD"',
        /alerts\.smtp_tls/,
      ],
      ['command = "hook.sh"', /absolute path/],
    ]
    for (const [toml, message] of cases) {
      await withTempFolder(async (data) => {
        writeFileSync(join(data, 'nacre.toml'), `[alerts]\n${toml}\n`)
        const { alerts } = await loadSettings({ data }, {})
        await assert.rejects(alertChannels(alerts, { WORD: 'w' }), (error: Error) => {
          assert.match(error.message, message)
          assert.doesNotMatch(error.message, /token-4711/)
          return true
        })
      })
    }
  })

  test('all three are made where all are set, with secrets by reference', async () => {
    await withTempFolder(async (data) => {
      const secret = join(data, 'secret')
      writeFileSync(secret, 'hush\n')
      writeFileSync(
        join(data, 'nacre.toml'),
        `[alerts]\nwebhook = "env:HOOK"\nwebhook_secret = "file:${secret}"\nmail_to = "a@example.org"\nmail_from = "n@example.org"\nsmtp_user = "u"\nsmtp_password = "file:${secret}"\ncommand = "/bin/true"\n`,
      )
      const { alerts } = await loadSettings({ data }, {})
      const made = await alertChannels(alerts, { HOOK: 'https://hooks.example.org/x' })
      assert.deepEqual(
        made.map((one) => one.name),
        ['webhook', 'mail', 'command'],
      )
    })
  })

  test('a secret is read from where its reference says, without its line end', () => {
    const files = (path: string): string => {
      if (path === '/run/secret') return 'from a file\n'
      throw new Error('not there')
    }
    const read = (reference: string): string | undefined =>
      readSecret('alerts.webhook_secret', reference, { NAME: 'from outside', EMPTY: '' }, files)
    assert.equal(read(''), undefined)
    assert.equal(read('env:NAME'), 'from outside')
    assert.equal(read('file:/run/secret'), 'from a file')
    for (const reference of ['env:EMPTY', 'env:ABSENT', 'file:/absent'])
      assert.throws(() => read(reference), { code: 'CONFIG_NO_SECRET' })
    assert.throws(
      () => read('a secret itself'),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CONFIG_BAD_VALUE')
        assert.doesNotMatch(error.message, /a secret itself/)
        return true
      },
    )
  })
})

test('a follower tells while it follows, ends in order, and leaves the rest to cron', async () => {
  await withTempFolder(async (folder) => {
    const data = prepare(folder)
    mkdirSync(join(folder, 'logs'))
    writeFileSync(join(folder, 'logs', 'cowrie.json'), lines(events(10)))
    const child = spawn(NACRE, ['ingest', 'delta', join(folder, 'logs'), '--data', data], {
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    try {
      const open = (): Promise<Store> => openStore(data)
      while (!existsSync(join(data, 'nacre.sqlite')) || !(await isTold(open, ['data folder'])))
        await soon()
    } finally {
      child.kill('SIGTERM')
    }
    assert.deepEqual(await ended, [143, null])
    assert.deepEqual(
      got(data).map((one) => one.alert.kind),
      ['disk'],
    )
    const checked = nacreJson<Checked>(['alerts', 'check', '--data', data])
    assert.deepEqual(
      checked.messages,
      [],
      'it was told already, and the follower was ended in order',
    )
    assert.equal(nacre(['verify', '--data', data]).status, 0)
  })
})

describe('the status file of a follower', () => {
  const SOURCE = {
    ...{
      path: '/logs/cowrie.json',
      sensor: 'sensor-1',
      state: 'following',
      position: 10,
      size: 30,
    },
    ...{ lagBytes: 20, lagSeconds: 400, lastEventAt: formatInstant(NOW_US), eventsPerSecond: 1 },
    clockSkewSeconds: -3_600,
  }
  const status = (overrides: Record<string, unknown> = {}, agoSeconds = 5) => ({
    ...{ phase: 'delta', ingest_id: 'x', metrics: {}, checkpoint: null, dead_letter: null },
    last_updated: formatInstant(NOW_US - agoSeconds * 1_000_000),
    loader: { state: 'running', pid: 1 },
    sources: [SOURCE],
    ...overrides,
  })
  async function said(content: unknown) {
    let found: ReturnType<typeof readStatus> | undefined
    await withTempFolder(async (data) => {
      const text = typeof content === 'string' ? content : JSON.stringify(content)
      writeFileSync(join(data, 'delta.json'), text)
      found = readStatus(data, NOW_US)
    })
    return found!
  }

  test('gives its sources and its loader while it is fresh', async () => {
    const { sources, loader } = await said(status())
    assert.deepEqual(loader, { state: 'running', sinceUs: undefined })
    assert.deepEqual(sources, [
      {
        ...{ path: '/logs/cowrie.json', sensor: 'sensor-1', state: 'following', lagBytes: 20 },
        ...{ lagSeconds: 400, lastEventAtUs: NOW_US, clockSkewSeconds: 3_600 },
      },
    ])
  })

  test('that gets old says that the follower is lost, and nothing of sources', async () => {
    assert.deepEqual(await said(status({}, 500)), {
      sources: undefined,
      loader: { state: 'lost', sinceUs: NOW_US - 500_000_000 },
    })
  })

  test('of a follower that ended is no sign of loss, however old', async () => {
    const found = await said(status({ loader: { state: 'stopped', pid: 1 } }, 90_000))
    const loader = { state: 'stopped', sinceUs: undefined }
    assert.deepEqual(found, { sources: undefined, loader })
  })

  test('of a follower that waits says for what, and nothing of sources', async () => {
    for (const [code, state] of [
      ['STORE_DISK_FULL', 'disk-full'],
      ['STORE_UNREACHABLE', 'waiting-for-store'],
    ]) {
      const found = await said(status({ loader: { state: 'waiting', code, pid: 1 } }))
      assert.deepEqual(found, { sources: undefined, loader: { state, sinceUs: undefined } })
    }
  })

  test('that is not there, or no such document, says nothing', async () => {
    const nothing = { sources: undefined, loader: undefined }
    assert.deepEqual(readStatus('/nowhere', NOW_US), nothing)
    for (const content of ['', '{', '[]', 'null', '"x"', '{"last_updated":7}', '{"sources":[]}'])
      assert.deepEqual(await said(content), nothing, content)
  })

  test('of odd fields takes what it can, and hostile text in visible form once', async () => {
    const hostile = '\u001b[2J\u202e'
    const odd = await said(
      status({
        loader: 'x',
        sources: [
          { ...SOURCE, path: hostile, sensor: toVisible(hostile), lagSeconds: 'x', lagBytes: null },
          ...['x', null, 7],
        ],
      }),
    )
    assert.equal(odd.sources!.length, 4)
    const [first] = odd.sources!
    assert.equal(first!.path, toVisible(hostile))
    assert.equal(first!.sensor, toVisible(hostile))
    assert.equal(first!.lagSeconds, undefined)
    assert.equal(odd.sources![1]!.path, 'unknown')
    assert.equal(odd.loader!.state, 'running')
  })
})
