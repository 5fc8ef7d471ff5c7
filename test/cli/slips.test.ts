import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { NACRE, nacre, nacreJson, temporaryFolder } from '../support/cli.ts'

const COMMAND = `echo ${'a long line '.repeat(30)}the end`
const EVENTS = [
  { eventid: 'cowrie.session.connect', dst_ip: '198.51.100.77' },
  { eventid: 'cowrie.command.input', input: COMMAND },
  { eventid: 'cowrie.session.file_download', shasum: 'a'.repeat(64), destfile: '-' },
  { eventid: 'cowrie.log.closed', shasum: 'b'.repeat(64) },
  // As much as no file of 40 KiB holds.
  ...Array.from({ length: 50 }, (_, n) => ({
    ...{ eventid: 'cowrie.command.input', input: `echo ${n} ${'x'.repeat(1_000)}` },
  })),
  { eventid: 'cowrie.session.connect', session: 'ddeeff001122', sensor: 'odd\u001b' },
].map((event, second) => ({
  ...{ session: 'aabbccddeeff', sensor: 'lyon-1', src_ip: '192.0.2.7' },
  ...{ timestamp: `2026-11-22T10:00:${String(second).padStart(2, '0')}.000000Z`, ...event },
}))

describe('slips of the pen, and disks that are full', () => {
  const undo: (() => void)[] = []
  let folder = ''
  let data = ''
  before(() => {
    folder = temporaryFolder({ after: (work) => undo.push(work) })
    data = join(folder, 'data')
    const lines = EVENTS.map((event) => `${JSON.stringify(event)}\n`)
    writeFileSync(join(folder, 'cowrie.json'), lines.join(''))
    nacreJson(['ingest', 'bulk', join(folder, 'cowrie.json'), '--data', data])
  })
  after(() => {
    for (const work of undo) work()
  })

  for (const command of [
    ['report', 'daily'],
    ['sessions'],
    ['export', 'jsonl'],
    ['evidence', 'hold', 'add', '--reason', 'court'],
  ])
    test(`${command[0]} refuses a sensor that is not there, and names those that are`, () => {
      const done = nacre([...command, '--sensor', 'lion-1', '--data', data])
      assert.equal(done.status, 1)
      assert.match(done.stderr, /There is no sensor "lion-1"\.\n.*lyon-1, and 1 more\./)
    })

  for (const command of [
    ['report', 'daily', '--json'],
    ['sessions', '--json'],
    ['session', 'ddeeff001122', '--json'],
    ['export', 'jsonl'],
    ['evidence', 'hold', 'add', '--reason', 'court', '--json'],
  ])
    test(`${command.slice(0, 2).join(' ')} takes a sensor as it is and as outputs show it`, () => {
      const of = (sensor: string) => nacre([...command, '--sensor', sensor, '--data', data])
      for (const sensor of ['odd\u001b', 'odd\\u{1B}']) {
        const done = of(sensor)
        assert.equal(done.status, 0, done.stderr)
        assert.match(done.stdout, /odd\\\\u\{1B\}|"hold"/)
      }
      assert.notEqual(of('odd').status, 0)
    })

  test('a suggestion stands on the line of what is wrong', () => {
    const done = nacre(['report', 'daily', '--out', 'x', '--data', data])
    assert.match(done.stderr, /^nacre: Unknown option '--out' \(Did you mean --output\?\)\.\n/)
  })

  test('a part of a format that has none is refused', () => {
    const done = nacre(['report', 'daily', '--part', 'report', '--data', data])
    assert.equal(done.status, 2)
    assert.match(done.stderr, /legacy-text/)
  })

  for (const [more, message] of [
    [['--format', 'legacy-text', '--brief'], /no brief form/],
    [['--format', 'legacy-json', '--compare', 'previous'], /compare nothing/],
    [['--format', 'legacy-text', '--top', '5'], /daily legacy-json alone/],
  ] as const)
    test(`a legacy format refuses ${more.slice(2).join(' ')}, which it has no place for`, () => {
      const done = nacre(['report', 'daily', ...more, '--data', data])
      assert.equal(done.status, 2)
      assert.match(done.stderr, message)
      assert.match(done.stderr, /\n {2}Leave it out, .*\n.*USAGE_BAD_OPTION/)
      assert.equal(done.stdout, '')
    })

  test('lists of the daily legacy JSON can be shortened, a week has none', () => {
    const legacy = ['--format', 'legacy-json', '--top', '1', '--data', data]
    const day = nacre(['report', 'daily', ...legacy, '--sensor', 'lyon-1'])
    assert.equal(JSON.parse(day.stdout).commands.top.length, 1)
    assert.equal(nacre(['report', 'weekly', ...legacy]).status, 2)
  })

  for (const command of [['sessions'], ['export', 'jsonl'], ['rules', 'stats']])
    test(`${command.join(' ')} refuses a stretch of time in which nothing can lie`, () => {
      for (const until of ['2026-11-21', '2026-11-22']) {
        const stretch = ['--since', '2026-11-22', '--until', until]
        const done = nacre([...command, ...stretch, '--data', data])
        assert.equal(done.status, 2)
        assert.match(done.stderr, /--since is not before --until\.\n.*earlier time/)
      }
    })

  for (const command of [['sessions'], ['export', 'jsonl']])
    test(`${command.join(' ')} refuses an address that is none, and takes a defanged one`, () => {
      for (const ip of ['192.0.2', '192.0.2.0/24', 'evil.example', '']) {
        const done = nacre([...command, '--ip', ip, '--data', data])
        assert.equal(done.status, 2, ip)
        assert.match(done.stderr, /is no address\.\n.*198\.51\.100\.7/)
      }
      const found = nacre([...command, '--ip', '192.0.2[.]7', '--data', data])
      assert.match(found.stdout, /aabbccddeeff/)
    })

  test('a comparison with days that have no events says so once', () => {
    const done = nacre(['report', 'daily', '--compare', 'previous', '--data', data])
    assert.match(
      done.stdout,
      /Compared {2}with 2026-11-21.*\n {2}There are no events of those days\.\n/,
    )
    assert.doesNotMatch(done.stdout, /none before/)
  })

  test('who may read a store and not write it is told what to do', {
    skip: process.getuid?.() === 0 ? false : 'gives the store to another user',
  }, () => {
    const closed = join(folder, 'closed')
    cpSync(data, closed, { recursive: true })
    rmSync(join(closed, 'nacre.sqlite-queue'))
    chmodSync(join(closed, 'nacre.sqlite'), 0o644)
    for (const way of [folder, closed]) chmodSync(way, 0o755)
    const nobody = 65_534
    const asNobody = (): string =>
      spawnSync(NACRE, ['sessions', '--data', closed], {
        ...{ uid: nobody, gid: nobody, encoding: 'utf8', env: { ...process.env, HOME: '/' } },
      }).stderr
    assert.match(
      asNobody(),
      /can be read, but not written\.\n.*user who owns them \(number 0\).*nacre db backup FILE.*--store sqlite:FILE\.\n.*STORE_NO_ACCESS/,
    )
    // What root left in a folder of theirs.
    for (const name of ['', 'nacre.sqlite']) chownSync(join(closed, name), nobody, nobody)
    writeFileSync(join(closed, 'nacre.sqlite-queue'), '', { mode: 0o600 })
    assert.match(asNobody(), /nacre\.sqlite-queue cannot be written\.\n.*chown and chmod/)
  })

  test('a period without events names the newest day that has some', () => {
    const done = nacre(['report', 'monthly', '2031-01', '--data', data])
    assert.equal(done.status, 0)
    assert.match(done.stderr, /newest day of the store with events is 2026-11-22/)
  })

  test('a database that nobody can look for is not told to be missing', () => {
    const loop = join(folder, 'loop')
    symlinkSync('loop', loop)
    assert.match(nacre(['report', 'daily', '--data', loop]).stderr, /STORE_NO_ACCESS/)
  })

  test('the screen of a session holds a long command to its end', () => {
    const { stdout } = nacre(['session', 'aabbccddeeff', '--data', data])
    assert.ok(stdout.replace(/\n {39}/g, '').includes(COMMAND))
  })

  test('patterns to hunt for leave out what is of the honeypot', () => {
    const { stdout } = nacre(['session', 'aabbccddeeff', '--format', 'stix', '--data', data])
    assert.match(stdout, /192\.0\.2\.7/)
    assert.match(stdout, /a{64}/)
    assert.doesNotMatch(stdout, /198\.51\.100\.77|b{64}|file:name/)
  })

  test('the subject of a mailed report names its period', () => {
    const { stdout } = nacre(['report', 'weekly', '2026-W47', '--format', 'mail', '--data', data])
    assert.match(stdout, /^Subject: nacre weekly report 2026-W47\r$/m)
  })

  const isLinux = process.platform === 'linux'
  for (const command of [
    ['report', 'daily'],
    ['export', 'jsonl'],
  ])
    test(`${command.join(' ')} fails where standard output takes nothing`, {
      skip: !isLinux,
    }, () => {
      const full = openSync('/dev/full', 'w')
      const done = spawnSync(NACRE, [...command, '--data', data], {
        stdio: ['ignore', full, 'pipe'],
        encoding: 'utf8',
      })
      closeSync(full)
      assert.equal(done.status, 1)
      assert.match(done.stderr, /OUTPUT_BROKEN_OFF/)
      assert.doesNotMatch(done.stderr, /Warning/)
    })

  for (const command of [
    ['session', 'aabbccddeeff', '--format', 'log'],
    ['export', 'jsonl'],
  ])
    test(`a file that ${command[0]} could not write to its end is taken away`, {
      skip: !isLinux,
    }, () => {
      // A limit on the size of files stands for the full disk; 40 KiB leave room for the files beside the database.
      const limited = 'trap "" XFSZ; ulimit -f 80; exec "$@"'
      for (const forced of [[], ['--force']]) {
        const args = [...command, '--output', join(folder, 'all.txt'), '--data', data]
        const done = spawnSync('sh', ['-c', limited, 'sh', NACRE, ...args, ...forced], {
          encoding: 'utf8',
        })
        assert.equal(done.status, 1, done.stderr)
        assert.match(done.stderr, /OUTPUT_BROKEN_OFF/)
        assert.deepEqual(
          readdirSync(folder).filter((name) => name.startsWith('all.txt')),
          [],
        )
      }
    })
})
