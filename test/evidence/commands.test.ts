/** The commands of evidence, as a person types them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { writeNewFrom } from '../../src/cli/write-file.ts'
import { nacre, nacreJson } from '../support/cli.ts'
import { filesOf } from '../support/evidence.ts'
import { events, lines } from '../support/loading.ts'

describe('evidence on the command line', () => {
  let folder = ''
  let data: readonly string[] = []
  const at = (name: string): string => join(folder, name)
  const REASON = ['--reason', 'case 7'] as const

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'nacre-evidence-'))
    data = ['--data', at('data')]
    writeFileSync(
      at('cowrie.json'),
      lines([...events(6, { session: 'aaaaaaaaaaaa' }), ...events(2, { session: 'bbbbbbbbbbbb' })]),
    )
    assert.equal(nacre(['ingest', 'bulk', at('cowrie.json'), ...data]).status, 0)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('a package is written for its owner alone, holds, and is not written twice', () => {
    const args = ['evidence', 'export', '--session', 'aaaaaaaaaaaa', ...REASON, ...data]
    const made = nacreJson<{ records: number; isSigned: boolean; keyId: string }>([
      ...args,
      ...['--output', at('a.zip')],
    ])
    assert.deepEqual([made.records, made.isSigned], [6, true])
    assert.equal(statSync(at('a.zip')).mode & 0o777, 0o600)
    const content = readFileSync(at('a.zip'))
    assert.equal(nacre([...args, '--output', at('a.zip')]).status, 2)
    assert.deepEqual(readFileSync(at('a.zip')), content)
    // Nothing was exported, so the journal has one entry.
    const { entries } = nacreJson<{ entries: { action: string }[] }>([
      ...['audit', 'list', '--action', 'evidence.', ...data],
    ])
    assert.deepEqual(
      entries.map(({ action }) => action),
      ['evidence.exported'],
    )
  })

  test('it is checked by the program and by the verifier in it, with what is known from elsewhere', () => {
    const key = JSON.parse(
      Buffer.from(
        filesOf(readFileSync(at('a.zip'))).find(({ name }) => name === 'checkpoint.json')!.bytes,
      ).toString(),
    ) as { publicKey: string }
    const verifier = filesOf(readFileSync(at('a.zip'))).find(({ name }) => name === 'verify.mjs')!
    writeFileSync(at('verify.mjs'), verifier.bytes)
    writeFileSync(at('status.json'), nacre(['status', '--json', ...data]).stdout)
    writeFileSync(at('key'), `${key.publicKey}\n`)
    writeFileSync(at('unmet.json'), JSON.stringify({ seq: 4_711, digest: '0'.repeat(64) }))
    writeFileSync(at('bad.zip'), readFileSync(at('a.zip')).subarray(1))
    const alone = (args: readonly string[]) =>
      spawnSync(process.execPath, [at('verify.mjs'), ...args], { encoding: 'utf8' })
    for (const [args, status] of [
      [[at('a.zip')], 0],
      [[at('a.zip'), '--json', '--key', at('key'), '--checkpoint', at('status.json')], 0],
      [[at('a.zip'), '--key', key.publicKey], 0],
      // Nothing differs, but what was asked for was not compared.
      [[at('a.zip'), '--checkpoint', at('unmet.json')], 1],
      [[at('bad.zip'), '--checkpoint', at('unmet.json')], 3],
      [[at('a.zip'), '--key', 'f'.repeat(64)], 3],
      [[at('bad.zip')], 3],
      [[at('missing.zip')], 2],
      [[at('a.zip'), '--key', 'no key'], 2],
      [[at('a.zip'), '--checkpoint', at('cowrie.json')], 2],
    ] as const) {
      const ours = nacre(['evidence', 'verify', ...args])
      assert.equal(ours.status, status, `${args.join(' ')}: ${ours.stdout}${ours.stderr}`)
      const theirs = alone(args)
      assert.equal(theirs.status, status, `${args.join(' ')}: ${theirs.stdout}${theirs.stderr}`)
    }
    assert.equal(alone([]).status, 2)
    assert.equal(alone([at('a.zip'), '--what']).status, 2)
    const told = JSON.parse(alone([at('a.zip'), '--json']).stdout) as { ok: boolean }
    assert.equal(told.ok, true)
    assert.match(alone([at('a.zip')]).stdout, /^EVERYTHING HOLDS$/m)
    const unmet = [at('a.zip'), '--checkpoint', at('unmet.json')]
    assert.match(alone(unmet).stdout, /^EVERYTHING HOLDS, BUT .* NOT COMPARED$/m)
    assert.match(nacre(['evidence', 'verify', ...unmet]).stdout, /since-checkpoint 4711/)
    assert.match(alone([at('bad.zip')]).stdout, /^THIS PACKAGE DOES NOT HOLD$/m)
  })

  test('lines, records and dead letters can be asked for, nothing cannot', () => {
    const to = (name: string): string[] => [...REASON, '--output', at(name), ...data]
    assert.equal(
      nacre(['evidence', 'export', '--source', '1', '--line', '3', ...to('l')]).status,
      0,
    )
    assert.equal(
      nacre(['evidence', 'export', '--batch', '1', '--record', '0', ...to('b')]).status,
      0,
    )
    assert.equal(nacre(['evidence', 'export', ...to('n')]).status, 2)
    assert.equal(nacre(['evidence', 'export', '--session', 'x', ...to('n')]).status, 1)
    assert.equal(
      nacre(['evidence', 'export', '--batch', '1', '--record', '99', ...to('n')]).status,
      1,
    )
    assert.equal(nacre(['evidence', 'export', '--letter', '5', ...to('n')]).status, 1)
    assert.ok(!existsSync(at('n')))
    for (const name of ['l', 'b']) assert.equal(nacre(['evidence', 'verify', at(name)]).status, 0)
  })

  test('without a reason nothing is written, and the journal has the refusal', () => {
    const args = ['evidence', 'export', '--session', 'aaaaaaaaaaaa', '--output', at('r.zip')]
    assert.equal(nacre([...args, ...data]).status, 1)
    assert.ok(!existsSync(at('r.zip')))
    const { entries } = nacreJson<{ entries: { action: string; detail: string }[] }>([
      ...['audit', 'list', '--limit', '1', ...data],
    ])
    assert.equal(entries[0]!.action, 'evidence.refused')
    assert.match(entries[0]!.detail, /EVIDENCE_NO_REASON/)
  })

  test('a file whose pieces fail is taken away again', async () => {
    await assert.rejects(
      writeNewFrom(
        at('half.zip'),
        (function* () {
          yield Buffer.from('a')
          throw new Error('the disk is full')
        })(),
      ),
      /the disk is full/,
    )
    assert.ok(!existsSync(at('half.zip')))
    assert.ok(readdirSync(folder).every((name) => !name.includes('half')))
  })

  test('lines are taken out of a package without its store', () => {
    const args = ['evidence', 'redact', at('a.zip'), '--lines', '1,3-4', '--output', at('p.zip')]
    assert.equal(nacre(args).status, 2)
    assert.equal(nacre([...args, '--reason', 'a bystander']).status, 0)
    const told = nacreJson<{ ok: boolean; withheld: { number: number }[] }>([
      ...['evidence', 'verify', at('p.zip')],
    ])
    assert.ok(told.ok)
    assert.deepEqual(
      told.withheld.map(({ number }) => number),
      [1, 3, 4],
    )
    assert.equal(nacre([...args, '--reason', 'a bystander']).status, 2)
    const bad = ['evidence', 'redact', at('bad.zip'), '--lines', '1', '--output', at('q.zip')]
    assert.equal(nacre([...bad, '--reason', 'x']).status, 1)
    assert.ok(!existsSync(at('q.zip')))
  })

  test('a legal hold is added, listed, told with its session, and released', () => {
    const hold = (...args: string[]) => nacre(['evidence', 'hold', ...args, ...data])
    assert.equal(hold('add', ...REASON).status, 2)
    assert.equal(hold('add', '--session', 'aaaaaaaaaaaa').status, 2)
    assert.equal(hold('add', '--sensor', 'nobody', ...REASON).status, 1)
    assert.equal(hold('add', '--from', '2026-06-01', '--until', '2026-05-01', ...REASON).status, 2)
    const { hold: id } = nacreJson<{ hold: number }>([
      ...['evidence', 'hold', 'add', '--session', 'aaaaaaaaaaaa', ...REASON, ...data],
    ])
    assert.match(nacre(['session', 'aaaaaaaaaaaa', ...data]).stdout, /on legal hold: number \d+/)
    assert.doesNotMatch(nacre(['session', 'bbbbbbbbbbbb', ...data]).stdout, /legal hold/)
    const listed = nacreJson<{ holds: { id: number; session: string; sensor: string }[] }>([
      ...['evidence', 'hold', 'list', ...data],
    ])
    assert.deepEqual(
      listed.holds.map((one) => [one.id, one.session, one.sensor]),
      [[id, 'aaaaaaaaaaaa', 'sensor-1']],
    )
    assert.equal(hold('release', String(id), '--reason', 'closed').status, 0)
    assert.equal(hold('release', String(id), '--reason', 'closed').status, 1)
    assert.match(hold('list').stdout, /There is no legal hold/)
    assert.match(hold('list', '--all').stdout, /released/)
    assert.equal(nacre(['verify', ...data]).status, 0)
  })

  test('the journal is listed as text, as one document and by line', () => {
    const text = nacre(['audit', 'list', ...data]).stdout
    assert.match(text, /evidence\.exported/)
    assert.match(text, /hold\.released/)
    const all = nacre(['audit', 'list', '--jsonl', ...data])
      .stdout.trimEnd()
      .split('\n')
    const seqs = all.map((one) => (JSON.parse(one) as { seq: number }).seq)
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => b - a),
    )
    assert.equal(seqs.at(-1), 1)
    assert.match(nacre(['audit', 'list', '--actor', 'nobody', ...data]).stdout, /No entry matches/)
  })
})
