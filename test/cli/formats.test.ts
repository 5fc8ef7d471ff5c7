import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { OUTPUTS } from '../../src/output/outputs.ts'
import { nacre, nacreJson, temporaryFolder } from '../support/cli.ts'

const PAYLOAD = '<script>1</script> =1+1 `|` \u001b[31m http://203.0.113.9/x\n'
const EVENT = {
  eventid: 'cowrie.command.input',
  timestamp: '2026-11-22T10:00:00.000000Z',
  session: 'aabbccddeeff',
  sensor: 'lab "one"',
  src_ip: '192.0.2.7',
  input: PAYLOAD,
  [PAYLOAD]: ['nested', { [PAYLOAD]: PAYLOAD }],
}

describe('sessions and reports', () => {
  const undo: (() => void)[] = []
  let folder = ''
  let data = ''
  before(() => {
    folder = temporaryFolder({ after: (work) => undo.push(work) })
    data = join(folder, 'data')
    writeFileSync(join(folder, 'cowrie.json'), `${JSON.stringify(EVENT)}\n`)
    nacreJson(['ingest', 'bulk', join(folder, 'cowrie.json'), '--data', data])
  })
  after(() => {
    for (const work of undo) work()
  })

  const commands = [
    ['session', 'aabbccddeeff'],
    ['sessions'],
    ['report', 'daily'],
    ['report', 'weekly'],
    ['report', 'monthly'],
  ]
  for (const command of commands) {
    test(`${command.join(' ')} is given in every format, without a hostile character`, () => {
      for (const { name } of OUTPUTS) {
        const done = nacre([...command, '--format', name, '--data', data])
        assert.equal(done.status, 0, `${name}: ${done.stderr}`)
        assert.doesNotMatch(done.stdout.replaceAll('\r\n', '\n'), /[^\P{Cc}\n]/u, name)
        if (!['json', 'stix'].includes(name)) assert.doesNotMatch(done.stdout, /http:\/\/203/, name)
        if (name === 'html') assert.doesNotMatch(done.stdout, /<script/)
      }
      assert.deepEqual(
        withoutTime(nacre([...command, '--format', 'json', '--data', data]).stdout),
        withoutTime(nacre([...command, '--json', '--data', data]).stdout),
      )
    })
  }

  test('a session is complete in every format but that for the terminal', () => {
    for (const { name } of OUTPUTS) {
      if (['text', 'stix'].includes(name)) continue
      const { stdout } = nacre(['session', 'aabbccddeeff', '--format', name, '--data', data])
      assert.ok(stdout.replaceAll('=\r\n', '').includes('nested'), name)
    }
    const file = join(folder, 'whole.txt')
    nacre(['session', 'aabbccddeeff', '--output', file, '--data', data])
    assert.ok(readFileSync(file, 'utf8').includes('nested'))
  })

  test("a file is new and its owner's, and only --force replaces it", () => {
    const file = join(folder, 'report.html')
    const args = ['report', 'daily', '--format', 'html', '--output', file, '--data', data]
    assert.equal(nacre(args).status, 0)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    writeFileSync(file, 'mine')
    assert.equal(nacre(args).status, 2)
    assert.equal(readFileSync(file, 'utf8'), 'mine')
    assert.equal(nacre([...args, '--force']).status, 0)
    assert.match(readFileSync(file, 'utf8'), /^<!doctype html>/)
  })

  test('a link that lies in the way is not followed', () => {
    const victim = join(folder, 'victim')
    const file = join(folder, 'link.csv')
    symlinkSync(victim, file)
    const args = ['sessions', '--format', 'csv', '--output', file, '--data', data]
    assert.equal(nacre(args).status, 2)
    assert.equal(nacre([...args, '--force']).status, 0)
    assert.ok(!existsSync(victim))
  })

  test('an address is understood as it is shown', () => {
    for (const ip of ['192.0.2.7', '192.0.2[.]7', '192[.]0[.]2[.]7']) {
      const found = nacreJson<{ readonly sessions: readonly unknown[] }>([
        'sessions',
        '--ip',
        ip,
        '--data',
        data,
      ])
      assert.equal(found.sessions.length, 1, ip)
    }
  })

  test('two formats at once are refused', () => {
    for (const args of [
      ['sessions', '--json', '--format', 'csv'],
      ['sessions', '--jsonl', '--output', join(folder, 'x')],
      ['sessions', '--format', 'pdf'],
    ])
      assert.equal(nacre([...args, '--data', data]).status, 2)
  })

  test('a path from the command line prints no control character', () => {
    for (const args of [
      ['db', 'restore', join(folder, 'a\u001b[31m\u202eb')],
      ['ingest', 'bulk', join(folder, 'a\u001b]0;x\u0007b')],
      ['sessions', '--ip', 'x', '--data', join(folder, 'a\u009b31m')],
      ['sessions', '--until', '\u001b[31m'],
      ['ingest', 'bulk', join(folder, 'a\u009b31m\u202e'), '--json'],
    ]) {
      const done = nacre(args.includes('--data') ? args : [...args, '--data', data])
      assert.doesNotMatch(done.stdout + done.stderr, /[^\P{Cc}\n]|\u202e/u, args.join(' '))
    }
  })
})

/** A report says when it was made. */
function withoutTime(text: string): unknown {
  const { generatedAt: _, ...rest } = JSON.parse(text) as Record<string, unknown>
  return rest
}
