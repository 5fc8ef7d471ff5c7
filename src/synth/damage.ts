import type { Random } from './random.ts'

/** A line that is no event, and the class it is counted under. */
export type SpoiltLine = { readonly kind: string; readonly line: string }

type Spoil = (line: string, random: Random) => string

const GARBAGE = [
  'Traceback (most recent call last):',
  '  File "/cowrie/src/cowrie/core/output.py", line 213, in emit',
  "UnicodeEncodeError: 'utf-8' codec can't encode character",
  '2026-01-01T00:00:00+0000 [HoneyPotSSHTransport,1,198.18.0.1] connection lost',
  'cp: error writing: No space left on device',
  '==> cowrie.json.1 <==',
  '<html><body>502 Bad Gateway</body></html>',
  'SSH-2.0-Go',
  '-----BEGIN OPENSSH PRIVATE KEY-----',
]
const SCALARS = ['null', '42', '"cowrie.session.connect"', 'true', '[]', '-0.5']
const NOT_NUMBERS = ['NaN', 'Infinity', '-Infinity']

/**
 * Ways to write what is not one JSON object. None gives an object by chance: each leaves the line
 * without its first or last brace, or with a token that RFC 8259 does not know.
 */
const MALFORMED: Readonly<Record<string, Spoil>> = {
  'torn-half': (line, random) => line.slice(0, cut(line, random)),
  'torn-tail': (line, random) => line.slice(cut(line, random)),
  'nul-run': (_, random) => '\u0000'.repeat(random.between(16, 4_096)),
  'garbage-text': (_, random) => random.pick(GARBAGE),
  'garbage-bytes': (_, random) =>
    Array.from({ length: random.between(8, 200) }, () =>
      String.fromCharCode(random.between(0x80, 0xff)),
    ).join(''),
  'nan-value': (line, random) => `{"ttl":${random.pick(NOT_NUMBERS)},${line.slice(1)}`,
  'missing-brace': (line) => line.slice(0, -1),
  'missing-open': (line) => line.slice(1),
  'trailing-comma': (line) => `${line.slice(0, -1)},}`,
  'single-quotes': () => "{'eventid': 'cowrie.session.connect', 'session': None, 'message': []}",
  'bare-key': (line) => `{note:1,${line.slice(1)}`,
  'raw-control': (line) => `{"note":"a\u0001b\tc",${line.slice(1)}`,
  scalar: (_, random) => random.pick(SCALARS),
}

/** Ways to write an object that tells neither what nor when. */
const INVALID: Readonly<Record<string, Spoil>> = {
  'no-eventid': (line) => line.replace(EVENTID, ''),
  'null-eventid': (line) => line.replace(EVENTID, '"eventid":null,'),
  'number-eventid': (line) => line.replace(EVENTID, '"eventid":7,'),
  'object-eventid': (line) => line.replace(EVENTID, '"eventid":{"cowrie":"login"},'),
  'empty-object': () => '{}',
  'no-timestamp': (line) => line.replace('"timestamp"', '"moment"'),
  'null-timestamp': (line) => line.replace(TIMESTAMP, '"timestamp":null'),
  'empty-timestamp': (line) => line.replace(TIMESTAMP, '"timestamp":""'),
  'garbage-timestamp': (line) => line.replace(TIMESTAMP, '"timestamp":"yesterday"'),
  'impossible-timestamp': (line) =>
    line.replace(TIMESTAMP, '"timestamp":"2026-13-45T25:61:61.000000Z"'),
}

const EVENTID = /"eventid": ?"cowrie[^"]*", ?/
const TIMESTAMP = /"timestamp": ?"[^"]*"/
const BLANKS = ['', '', '', ' ', '\t', '   ', '\r']
const BAD_BYTES = [
  '\u00ff',
  '\u00c3(',
  '\u00a0\u00a1',
  '\u00ed\u00a0\u0080',
  '\u00c0\u00af',
  'x\u00e2\u0082',
  '\u00f5\u0080\u0080\u0080',
]

/** Makes the lines that are no events; each asked-for line is an extra one, the events stay whole. */
export class Damage {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  malformed(line: string): SpoiltLine {
    return this.#spoil(MALFORMED, line)
  }

  invalid(line: string): SpoiltLine {
    return this.#spoil(INVALID, line)
  }

  blank(): string {
    return this.#random.pick(BLANKS)
  }

  /** Half a line, as a Cowrie leaves it that was killed while writing. */
  torn(line: string): string {
    return line.slice(0, cut(line, this.#random))
  }

  /**
   * The line with bytes in its message that are not UTF-8, one character a byte, or undefined
   * when its message is no text.
   */
  badUtf8(line: string): string | undefined {
    const found = /"message": ?"/.exec(line)
    if (found === null) return undefined
    const at = found.index + found[0].length
    return line.slice(0, at) + this.#random.pick(BAD_BYTES) + line.slice(at)
  }

  #spoil(ways: Readonly<Record<string, Spoil>>, line: string): SpoiltLine {
    const kind = this.#random.pick(Object.keys(ways))
    const spoil = ways[kind] as Spoil // one of its own keys
    return { kind, line: spoil(line, this.#random) }
  }
}

/** A place well inside the line. */
function cut(line: string, random: Random): number {
  return Math.floor(line.length * (0.1 + 0.8 * random.float()))
}
