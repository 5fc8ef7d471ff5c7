/** Recordings of terminals that events name, and the files that were seen of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InstantUs } from '../../src/core/instant.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import { findSessions } from '../../src/store/repo/sessions.ts'
import { ttyLogsOfSession } from '../../src/store/repo/tty-logs.ts'
import { eachEngine } from '../support/engines.ts'
import { event, Lab, lines } from '../support/loading.ts'

const HASH = 'a'.repeat(64)
const OTHER = 'b'.repeat(64)

eachEngine(() => {
  test('recordings come in the order of time, each once, with size of the terminal and files', async () => {
    await using lab = await Lab.open()
    const at = (second: number, eventid: string, fields: object) =>
      event({
        eventid: `cowrie.${eventid}`,
        timestamp: `2026-05-01T00:00:0${second}.000000Z`,
        session: 'one',
        ...fields,
      })
    lab.write(
      'cowrie.json',
      lines([
        at(1, 'client.size', { width: 4_294_967_295, height: 50 }),
        at(2, 'log.open', { ttylog: 'log/tty/2017-one-0e.log' }),
        at(3, 'log.closed', { ttylog: 'log/tty/2017-one-0e.log' }),
        at(4, 'log.closed', { ttylog: `tty/${HASH}`, shasum: HASH, duplicate: true }),
        at(5, 'log.closed', { ttylog: `tty/${HASH}`, shasum: HASH, duplicate: true }),
        at(6, 'log.closed', { size: 7 }),
        at(7, 'log.open', { ttylog: 'log/tty/2017-one-1i.log' }),
        at(1, 'log.closed', { session: 'two', ttylog: `tty/${OTHER}`, shasum: OTHER }),
      ]),
    )
    await lab.load()
    const file = (path: string, namedBy: string, kind: 'tty' | 'download' = 'tty') => ({
      path: toVisible(path),
      sha256: OTHER,
      size: 100,
      kind,
      seenAtUs: 0 as InstantUs,
      namedBy: toVisible(namedBy),
    })
    await lab.store.saveArtifacts([
      file('/b/tty/copy', HASH),
      file('/a/tty/copy', HASH),
      file('/a/downloads/copy', HASH, 'download'),
      file('/a/tty/other', OTHER),
      file('/a/tty/2017-one-1i.log', '2017-one-1i.log'),
    ])
    for await (const session of findSessions(lab.store.query, { session: 'one' })) {
      const found = await ttyLogsOfSession(lab.store.query, session, 10)
      assert.deepEqual([found.columns, found.rows], [4_294_967_295, 50])
      assert.deepEqual(
        found.logs.map(({ name, isOfEarlierSession, files }) => [
          name,
          isOfEarlierSession,
          files.map(({ path, size }) => `${path} ${size}`),
        ]),
        [
          ['2017-one-0e.log', false, []],
          [HASH, true, ['/a/tty/copy 100', '/b/tty/copy 100']],
          ['2017-one-1i.log', false, ['/a/tty/2017-one-1i.log 100']],
        ],
      )
      assert.equal((await ttyLogsOfSession(lab.store.query, session, 2)).logs.length, 2)
    }
  })
})
