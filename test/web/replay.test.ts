import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sealing } from '../../src/cli/wiring.ts'
import type { SafeText } from '../../src/core/text.ts'
import type { Replay } from '../../src/replay/replay.ts'
import { SqliteStore } from '../../src/store/sqlite/store.ts'
import { failureOf } from '../../src/web/faults.ts'
import type { Parts } from '../../src/web/parts.ts'
import { type Asked, type Reply, RIGHTS, type Right } from '../../src/web/route.ts'
import { replayCard, replayRoutes } from '../../src/web/routes/replay.ts'
import { recordSession } from '../replay/recorded-session.ts'
import { ttyLog } from '../replay/ttylogs.ts'
import { nacreJson, temporaryFolder } from '../support/cli.ts'

const LOG = ttyLog([{ data: 'id\n', direction: 1 }, 'uid=0(root)\u001b]0;x\u0007 <b>&\n'])

async function stage(
  t: Parameters<typeof temporaryFolder>[0],
  detectors = '',
  recording = LOG,
): Promise<{ readonly parts: Parts; readonly tty: string; readonly names: readonly string[] }> {
  const folder = temporaryFolder(t)
  const { log, tty, names } = recordSession(folder, 'aaaaaaaaaaaa', [recording], [90, 20])
  const data = join(folder, 'data')
  nacreJson(['ingest', 'bulk', log, '--artifacts', tty, '--data', data])
  const store = await SqliteStore.open({
    path: join(data, 'nacre.sqlite'),
    mode: 'read',
    settings: { cacheSize: -8_000, synchronous: 'normal', pageSize: 4_096 },
    sealing,
    clock: () => 0,
    command: 'test',
  })
  t.after(() => void store.close())
  const settings = [{ name: 'pii.detectors', value: detectors, origin: 'file', meaning: '' }]
  return { parts: { store, settings } as unknown as Parts, tty, names } // what these routes read
}

function ask(
  path: string,
  parts: Parts,
  more: { readonly n?: string; readonly rights?: readonly Right[]; readonly session?: string } = {},
): Promise<Reply> {
  const route = replayRoutes.find((one) => one.path === path)!
  const params = { sensor: 'replay', session: more.session ?? 'aaaaaaaaaaaa', n: more.n ?? '' }
  const asked: Asked = {
    signedIn: { user: 'a', role: 'viewer', rights: new Set(more.rights ?? RIGHTS), csrf: '' },
    params,
    query: { n: more.n },
    body: {},
    signal: new AbortController().signal,
  }
  return route.answers(asked, parts)
}

const API = '/api/v1/sessions/:sensor/:session/replay'
const PAGE = '/sessions/:sensor/:session/replay'
const FILE = '/sessions/:sensor/:session/replay/:n'

function jsonOf(reply: Reply): {
  readonly status: number
  readonly value: Record<string, unknown>
} {
  assert.ok(reply.kind === 'json')
  const { value, status = 200 } = reply
  return { status, value: typeof value === 'string' ? JSON.parse(value) : { ...value } }
}

test('the API lists the recordings of a session, and gives the frames of one', async (t) => {
  const { parts, names } = await stage(t)
  const { value } = jsonOf(await ask(API, parts))
  assert.deepEqual(
    (value['logs'] as { name: string; bytes: number }[]).map(({ name, bytes }) => [name, bytes]),
    [[names[0], LOG.length]],
  )
  const replay = jsonOf(await ask(API, parts, { n: '1' })).value as unknown as Replay
  assert.deepEqual([replay.columns, replay.rows], [90, 20])
  assert.deepEqual(replay.transcript, ['uid=0(root) <b>&'])
})

test('what is not there is an error of its own', async (t) => {
  // Not one that was played before: replays are kept.
  const { parts, tty, names } = await stage(t, '', ttyLog(['gone']))
  const failing = async (more: Parameters<typeof ask>[2]) => {
    const error = await ask(API, parts, more).catch((one: unknown) => one)
    const { status, code } = failureOf(error, () => '')
    return [status, code]
  }
  assert.deepEqual(await failing({ n: '2' }), [404, 'REPLAY_NO_LOG'])
  assert.deepEqual(await failing({ session: 'bbbbbbbbbbbb' }), [404, 'LOOKUP_NO_SESSION'])
  rmSync(join(tty, names[0]!))
  assert.deepEqual(await failing({ n: '1' }), [404, 'REPLAY_NO_FILE'])
})

test('the file is an asciicast of ASCII, under a name of ours', async (t) => {
  const { parts } = await stage(t)
  const reply = await ask(FILE, parts, { n: '1' })
  assert.ok(reply.kind === 'file' && Buffer.isBuffer(reply.content))
  assert.equal(reply.name, 'terminal-aaaaaaaaaaaa-1.cast')
  const text = reply.content.toString()
  assert.doesNotMatch(text, /[^\n\x20-\x7e]|<b>/)
  assert.deepEqual(JSON.parse(text.split('\n')[2]!).slice(1), ['o', 'uid=0(root) <b>&\r\n'])
})

test('where personal data is redacted, recordings are for who may see evidence', async (t) => {
  const { parts } = await stage(t, 'email')
  const viewer = { n: '1', rights: ['view', 'export'] as const }
  await assert.rejects(ask(API, parts, viewer), { code: 'EVIDENCE_NO_RIGHT' })
  await assert.rejects(ask(FILE, parts, viewer), { code: 'EVIDENCE_NO_RIGHT' })
  const page = await ask(PAGE, parts, viewer)
  assert.ok(page.kind === 'page' && page.body.text.includes('Not redacted'))
  assert.equal(jsonOf(await ask(API, parts, { n: '1', rights: ['view', 'evidence'] })).status, 200)
})

test('a card names sessions and sensors in addresses and text only as text', () => {
  const bad = '"><script>alert(1)</script>/../\u202e'
  const { text } = replayCard({
    sensor: bad,
    session: bad,
    logs: [
      { name: bad as SafeText, atUs: 0, isOfEarlierSession: false, files: [] },
      {
        name: bad as SafeText,
        atUs: 0,
        isOfEarlierSession: false,
        files: [{ path: bad as SafeText, sha256: '', size: 5 }],
      },
    ],
    number: 2,
    isWide: false,
    mayWatch: true,
    mayExport: true,
  })
  assert.doesNotMatch(text, /<script|\u202e|\.\.\//)
  assert.match(text, /data-frames="\/api\/v1\/sessions\/%22%3E%3Cscript/)
})
