import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Replay } from '../../src/replay/replay.ts'
import { ATTACKS } from '../replay/attacks.ts'
import { recordSession } from '../replay/recorded-session.ts'
import { START, ttyLog } from '../replay/ttylogs.ts'
import { nacre, nacreJson, temporaryFolder } from '../support/cli.ts'

const SHELL = ttyLog([
  { data: 'root@svr04:~# ls\n', at: START },
  { data: 'ls\n', direction: 1 },
  '\u001b]0;title\u0007\u001b[31mbin\u202e\u001b[0m\n',
])
const COMMAND = ttyLog([{ data: 'uname -a', direction: 3 }, 'Linux\n'])

describe('nacre replay', () => {
  const folder = temporaryFolder({ after })
  const data = join(folder, 'data')
  let names: readonly string[] = []
  before(() => {
    const two = recordSession(folder, 'aaaaaaaaaaaa', [SHELL, COMMAND], [100, 30])
    const one = recordSession(folder, 'bbbbbbbbbbbb', [SHELL])
    const none = recordSession(folder, 'cccccccccccc', [])
    names = two.names
    nacreJson([
      'ingest',
      'bulk',
      two.log,
      one.log,
      none.log,
      '--artifacts',
      two.tty,
      '--data',
      data,
    ])
  })

  test('prints the transcript of a session, and no sequence', () => {
    const { stdout, status } = nacre(['replay', 'bbbbbbbbbbbb', '--data', data])
    assert.equal(status, 0)
    assert.match(stdout, /^80 x 24, /)
    assert.match(stdout, /Left out: title 1/)
    assert.match(stdout, /root@svr04:~# ls\nbin\\u\{202E\}\n/)
    assert.doesNotMatch(stdout, /[^\n\x20-\x7e]/)
  })

  test('lists the recordings of a session with several, and plays the one that is named', () => {
    const { logs } = nacreJson<{ logs: { name: string }[] }>([
      'replay',
      'aaaaaaaaaaaa',
      '--data',
      data,
    ])
    assert.deepEqual(
      logs.map(({ name }) => name),
      names,
    )
    const made = nacreJson<Replay>(['replay', 'aaaaaaaaaaaa', '--log', '2', '--data', data])
    assert.deepEqual([made.columns, made.rows], [100, 30])
    assert.deepEqual(made.transcript, ['Linux'])
    assert.equal(made.inputs[0]?.text, 'uname -a')
  })

  test('writes an asciicast, for its owner alone', () => {
    const path = join(folder, 'a.cast')
    const { status } = nacre([
      ...['replay', 'bbbbbbbbbbbb', '--format', 'asciicast', '--output', path, '--data', data],
    ])
    assert.equal(status, 0)
    const { stdout } = nacre(['replay', 'bbbbbbbbbbbb', '--format', 'asciicast', '--data', data])
    const lines = stdout.trimEnd().split('\n')
    assert.equal(JSON.parse(lines[0]!).version, 2)
    assert.deepEqual(JSON.parse(lines.at(-1)!)[2], '\u001b[31mbin\\u{202E}\u001b[0m\r\n')
    assert.doesNotMatch(stdout, /[^\n\x20-\x7e]/)
  })

  test('plays a file, whatever it is', () => {
    const path = join(folder, 'attack.log')
    for (const [name, attack] of Object.entries(ATTACKS)) {
      writeFileSync(path, ttyLog([{ data: attack }]))
      if (name.length % 7 !== 0) continue // each is a process; all of them are played in test/replay
      const { stdout, status } = nacre(['replay', '--file', path])
      assert.equal(status, 0, name)
      assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/, name)
    }
    writeFileSync(path, 'no recording')
    assert.match(nacre(['replay', '--file', path]).stdout, /no recording of a terminal/)
  })

  test('says what is missing', () => {
    const refused = (args: readonly string[]): string => {
      const { stderr, status } = nacre(['replay', ...args, '--data', data])
      assert.notEqual(status, 0)
      return /\(([A-Z_]+)\)/.exec(stderr)?.[1] ?? stderr
    }
    assert.equal(refused(['cccccccccccc']), 'REPLAY_NO_LOG')
    assert.equal(refused(['aaaaaaaaaaaa', '--log', '3']), 'REPLAY_NO_LOG')
    assert.equal(refused(['dddddddddddd']), 'LOOKUP_NO_SESSION')
    assert.equal(refused([]), 'USAGE_BAD_ARGUMENT')
    assert.equal(refused(['aaaaaaaaaaaa', '--file', 'x']), 'USAGE_BAD_ARGUMENT')
    assert.equal(refused(['--file', join(folder, 'none')]), 'USAGE_BAD_OPTION')
    writeFileSync(join(folder, 'tty', names[0]!), ttyLog(['changed']))
    assert.equal(refused(['bbbbbbbbbbbb']), 'REPLAY_CHANGED')
    rmSync(join(folder, 'tty', names[0]!))
    assert.equal(refused(['bbbbbbbbbbbb']), 'REPLAY_NO_FILE')
  })
})
