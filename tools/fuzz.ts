// Looks for inputs on which the layers against hostile content break a promise.
//
//   npm run fuzz -- --seconds 60 --seed 1 --part all
//   npm run fuzz -- --part rules --replay BASE64      tries one input again
//
// Inputs are grown from seeds (payloads, examples of rules, log lines) by mutation; those that show something new
// (rules, layers, reasons not seen before) become seeds. A run with the same seed makes the same inputs.
import { isAscii, isUtf8 } from 'node:buffer'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { FIELD_CLASSES } from '../src/core/verdict.ts'
import { byteFacts, decode, decodeSlow } from '../src/decode/decode.ts'
import { LIMITS } from '../src/limits.ts'
import { shellFacts } from '../src/neutralize/shell.ts'
import { standardRules } from '../src/neutralize/standard-rules.ts'
import { unwrap } from '../src/neutralize/unwrap/unwrap.ts'
import {
  fromVisible,
  toVisible,
  toVisibleParts,
  visibleBytesText,
} from '../src/neutralize/visible.ts'
import { encodeCsv } from '../src/output/encode/csv.ts'
import { encodeHtml } from '../src/output/encode/html.ts'
import { encodeJson } from '../src/output/encode/json.ts'
import { encodeLog } from '../src/output/encode/log.ts'
import { encodeMail, encodeMailHeader } from '../src/output/encode/mail.ts'
import { encodeMarkdown } from '../src/output/encode/markdown.ts'
import { encodePrompt } from '../src/output/encode/prompt.ts'
import { encodeStix } from '../src/output/encode/stix.ts'
import { encodeTerminal } from '../src/output/encode/terminal.ts'
import { ORACLES } from '../src/output/oracle/index.ts'
import { OUTPUTS } from '../src/output/outputs.ts'
import { HARMLESS, probeDocument } from '../src/output/probe.ts'
import { ValueDictionary } from '../src/pipeline/batch-builder.ts'
import { RecordProcessor } from '../src/pipeline/process-records.ts'
import { makeStages, type ReadingStages } from '../src/pipeline/stages.ts'
import { pythonJson } from '../src/redteam/carriers.ts'
import { openBlock } from '../src/seal/records.ts'

const ROOT = new URL('../', import.meta.url)
const NOW_US = Date.UTC(2026, 10, 27) * 1000

export const PARTS = ['decode', 'unwrap', 'rules', 'visible', 'encode', 'shell'] as const

export type Part = (typeof PARTS)[number]

/** What a check says: what is wrong, and what the input showed (for the search). */
export type Outcome = { readonly fault?: string; readonly shows: string }

const HOSTILE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u

/** Checks by part; inputs are strings, those of `decode` with one character for each byte. */
export async function makeChecks(): Promise<Readonly<Record<Part, (input: string) => Outcome>>> {
  const rules = standardRules(new URL('rules/', ROOT))
  const stages = await makeStages({
    schemas: new URL('schemas/events/', ROOT).href,
    rules: new URL('rules/', ROOT).href,
    needs: { keyOrder: false },
    holdHazard: LIMITS.holdHazard,
    recipient: undefined,
    redaction: { detectors: [], plugins: [] },
  })
  const twins = new Map(
    OUTPUTS.map((output) => [output.name, output.render(probeDocument(HARMLESS)).text]),
  )
  return {
    decode: (input) => checkDecode(Buffer.from(input, 'latin1'), stages),
    visible: checkVisible,
    unwrap: (input) => {
      const shows: string[] = []
      for (const kind of FIELD_CLASSES) {
        const { result: made, ms } = timed(() => unwrap(input, kind))
        const again = unwrap(input, kind)
        const fault =
          made.texts[0] !== input
            ? 'the first text is not the input'
            : made.texts.length > LIMITS.unwrapTextsMax
              ? `${made.texts.length} texts`
              : made.texts.slice(1).some((text) => text.length > LIMITS.unwrapCharsMax)
                ? 'a text beyond its bound'
                : new Set(made.texts).size !== made.texts.length
                  ? 'a text twice'
                  : JSON.stringify(made) !== JSON.stringify(again)
                    ? 'another result the second time'
                    : tooSlow(ms, input, 100, 8, () => unwrap(input, kind))
        if (fault !== undefined) return { fault: `${kind}: ${fault}`, shows: '' }
        shows.push(`${kind} ${made.layers.join()} ${made.texts.length} ${made.isCut}`)
      }
      return { shows: shows.join(';') }
    },
    shell: (input) => {
      const { result: facts, ms } = timed(() => shellFacts(input))
      const fault =
        JSON.stringify(facts) === JSON.stringify(shellFacts(input))
          ? tooSlow(ms, input, 30, 4, () => shellFacts(input))
          : 'another result the second time'
      return {
        ...(fault === undefined ? {} : { fault }),
        shows: Object.entries(facts)
          .map(([name, value]) => `${name} ${Array.isArray(value) ? value.length : String(value)}`)
          .join(';')
          .slice(0, 200),
      }
    },
    rules: (input) => {
      const shows: string[] = []
      for (const kind of FIELD_CLASSES) {
        const { result: verdict, ms } = timed(() => rules.match(input, kind))
        const fault =
          verdict.threat < 0 || verdict.threat > 100 || verdict.hazard < 0 || verdict.hazard > 100
            ? 'a score out of bounds'
            : JSON.stringify(verdict) !== JSON.stringify(rules.match(input, kind))
              ? 'another verdict the second time'
              : tooSlow(ms, input, 150, 12, () => rules.match(input, kind))
        if (fault !== undefined) return { fault: `${kind}: ${fault}`, shows: '' }
        shows.push(verdict.rules.join())
      }
      return { shows: shows.join(';') }
    },
    encode: (input) => checkEncode(input, twins),
  }
}

function checkDecode(bytes: Buffer, stages: ReadingStages): Outcome {
  const whole = take(bytes, [], stages)
  const cuts = [1, 7, 64].map((step) => (bytes.length * step) % 97).sort((a, b) => a - b)
  const parts = take(bytes, cuts, stages)
  const fault =
    whole.fault ??
    parts.fault ??
    (whole.text === parts.text ? undefined : 'other events where the bytes come in other chunks')
  if (fault !== undefined) return { fault, shows: '' }
  const text = bytes.toString('utf8')
  if (isUtf8(bytes)) {
    const options = { acceptEnriched: false }
    const verdictOf = (decoded: ReturnType<typeof decode>): string =>
      decoded.ok
        ? JSON.stringify([decoded.canonical, decoded.isRecord, decoded.isClean, decoded.flags])
        : decoded.reason
    const fast = verdictOf(decode(bytes, byteFacts(bytes, isAscii, isUtf8), options))
    const slow = verdictOf(decodeSlow(text, options))
    if (fast !== slow) return { fault: 'the fast and the slow way disagree', shows: '' }
  }
  return { shows: whole.shows }
}

function take(
  bytes: Buffer,
  cuts: readonly number[],
  stages: ReadingStages,
): { readonly text: string; readonly shows: string; readonly fault?: string } {
  const processor = new RecordProcessor({
    stages,
    nowUs: NOW_US,
    sensor: undefined,
    acceptEnriched: false,
    startOffset: 0,
    dictionary: new ValueDictionary(),
  })
  const blocks: Buffer[] = []
  const found: string[] = []
  const kinds = new Set<string>()
  let fault: string | undefined
  let at = 0
  const add = (batch: ReturnType<typeof processor.push> extends Iterable<infer B> ? B : never) => {
    if (batch.startOffset !== at) fault ??= `a batch starts at ${batch.startOffset}, not at ${at}`
    at = batch.endOffset
    const dead = batch.dead.reduce((sum, letter) => sum + letter.records, 0)
    if (batch.count + dead + batch.blank !== batch.records)
      fault ??= `${batch.records} records are ${batch.count} events, ${dead} dead and ${batch.blank} blank`
    let start = 0
    for (let i = 0; i < batch.count; i += 1) {
      const payload = Buffer.from(batch.payloads.subarray(start, batch.payloadEnds[i]!)).toString()
      start = batch.payloadEnds[i]!
      if (HOSTILE.test(payload)) fault ??= 'a hostile character in a view'
      try {
        JSON.parse(payload)
      } catch {
        fault ??= 'a view that is not JSON'
      }
      found.push(`${batch.flags[i]} ${payload}`)
      kinds.add(`flags ${batch.flags[i]}`)
    }
    for (const letter of batch.dead) kinds.add(letter.reason)
    for (const block of batch.blocks)
      blocks.push(Buffer.from(openBlock(block.codec, block.bytes).body))
  }
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    if (to <= from) continue
    for (const batch of processor.push(Buffer.from(bytes.subarray(from, to)))) add(batch)
    from = to
  }
  const last = processor.finish('torn-line', undefined)
  let step = last.next()
  for (; step.done !== true; step = last.next()) add(step.value)
  const pending = step.value.kind === 'pending' ? step.value.bytes : 0
  if (at + pending !== bytes.length)
    fault ??= `${bytes.length - at - pending} bytes are in no record`
  if (!Buffer.concat(blocks).equals(bytes.subarray(0, at)))
    fault ??= 'the sealed bytes are not those that were read'
  return {
    text: found.join('\n'),
    shows: [...kinds].sort().join(),
    ...(fault === undefined ? {} : { fault }),
  }
}

function checkVisible(input: string): Outcome {
  const visible = toVisible(input)
  const bytes = Buffer.from(input, 'latin1')
  const fault =
    fromVisible(visible) !== input
      ? 'the way back gives another text'
      : HOSTILE.test(visible)
        ? 'a hostile character is left'
        : toVisibleParts([input]) !== visible
          ? 'one part and the whole differ'
          : HOSTILE.test(visibleBytesText(bytes))
            ? 'a hostile character of bytes is left'
            : isUtf8(bytes) && fromVisible(visibleBytesText(bytes)) !== bytes.toString('utf8')
              ? 'the way back from bytes gives another text'
              : undefined
  return {
    ...(fault === undefined ? {} : { fault }),
    shows: `${visible.length - input.length} ${visible.includes('\\\\u{')}`,
  }
}

const ENCODERS = {
  csv: encodeCsv,
  html: encodeHtml,
  json: encodeJson,
  log: encodeLog,
  mail: encodeMail,
  mailHeader: encodeMailHeader,
  markdown: encodeMarkdown,
  prompt: (text: string) => encodePrompt(text),
  stix: encodeStix,
  terminal: encodeTerminal,
}

function checkEncode(input: string, twins: ReadonlyMap<string, string>): Outcome {
  // Every place of a document holds it, for every output, twice: long texts show no more.
  const text = input.slice(0, 1_000)
  for (const [name, encode] of Object.entries(ENCODERS)) {
    const encoded = encode(text).text
    // A long header is folded; a fold is no line of its own.
    const joined = name === 'mailHeader' ? encoded.replaceAll('\r\n ', '') : encoded
    if (HOSTILE.test(joined)) return { fault: `${name}: a hostile character is left`, shows: '' }
  }
  // What the store holds, and what it must not, but might by a fault of ours.
  for (const [form, given] of [
    ['visible', toVisible(text)],
    ['raw', toVisible('').concat(text) as ReturnType<typeof toVisible>],
  ] as const) {
    const document = probeDocument(given)
    for (const output of OUTPUTS) {
      const [problem] = ORACLES[output.name](
        output.render(document).text,
        twins.get(output.name) ?? '',
      )
      if (problem !== undefined) return { fault: `${output.name}, ${form}: ${problem}`, shows: '' }
    }
  }
  // Which characters stand beside which, letters aside, is what encoders see.
  const odd = text.replace(/[\p{L}\p{N} ]+/gu, 'a').slice(0, 24)
  return { shows: odd }
}

/** CPU time of this thread, so that others on the machine count little. */
function cpuMs(): number {
  if (typeof process.threadCpuUsage !== 'function') return performance.now()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function timed<T>(work: () => T): { readonly result: T; readonly ms: number } {
  const began = cpuMs()
  const result = work()
  return { result, ms: cpuMs() - began }
}

/** The best of a few tries counts: a collection of garbage is nobody's fault. */
function tooSlow(
  ms: number,
  input: string,
  baseMs: number,
  msPerKib: number,
  again: () => unknown,
): string | undefined {
  const budget = baseMs + (Math.min(input.length, LIMITS.unwrapCharsMax) / 1024) * msPerKib
  let best = ms
  for (let i = 0; i < 4 && best > budget; i += 1) best = Math.min(best, timed(again).ms)
  return best > budget ? `takes ${Math.round(best)} ms of ${Math.round(budget)}` : undefined
}

// --- Inputs --------------------------------------------------------------------------------------

/** Numbers by chance, the same for the same seed: xorshift with 32 bits. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761) >>> 0 || 1
  }

  below(bound: number): number {
    this.#state ^= this.#state << 13
    this.#state >>>= 0
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    this.#state >>>= 0
    return this.#state % bound
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}

// No place for values of ours, but what shells make a blank of.
const IFS = '$' + '{IFS}'

const PIECES = [
  ...`\\ ' " \` $ ( ) { } [ ] < > | & ; , : = + - @ # % ^ ~ * ? ! / . _`.split(' '),
  ...['$(', '${', '$((', "$'", '`', '<<', '<<<', '<<EOF\n', '\nEOF\n', '&&', '||', '>>', '2>&1'],
  ...[
    '\\u{1B}',
    '\\b{FF}',
    '\\\\u{',
    '\\u0041',
    '\\x41',
    '\\101',
    '%41',
    '%u0041',
    '&#65;',
    '&lt;',
  ],
  ...[
    '\u0000',
    '\u001b[',
    '\u009b',
    '\r',
    '\n',
    '\r\n',
    '\t',
    '\u007f',
    '\u0085',
    '\u2028',
    '\u202e',
  ],
  ...[
    '\u200b',
    '\ufeff',
    '\u00ad',
    '\ufe0f',
    '\u{e0041}',
    '\u{e0100}',
    '\ufdd0',
    '\uffff',
    '\u{10ffff}',
  ],
  ...[
    '\ud800',
    '\udc80',
    '\udcff',
    '\u0301',
    '\u0300\u0301\u0302\u0303',
    '\u05d0',
    '\u0661',
    'ﬁ',
    'Ａ',
  ],
  ...['$IFS', IFS, '{a,b}', '{1..9}', '{,}', '|sh', '|base64 -d', '|xxd -r -p', '|rev', '|tr a b'],
  ...[
    'echo -e ',
    'printf %b ',
    'eval ',
    'sh -c ',
    'exec ',
    'python -c ',
    'base64 -d<<<',
    '$0 ',
    '~',
  ],
  ...[
    'http://',
    'hxxp',
    '192.0.2.1',
    '2001:db8::1',
    'a@b.example',
    'www.',
    '.example',
    '[.]',
    'data:',
  ],
  ...[
    '=cmd|',
    '=1+1',
    '@SUM(',
    "'",
    '""',
    '</data>',
    '<|im_start|>',
    '{{',
    '}}',
    '[x](',
    '](',
    '![',
    '```',
  ],
  ...[
    "' OR '",
    "'] OR [",
    '--',
    '/*',
    '*/',
    '<script>',
    '<!--',
    '-->',
    ']]>',
    '\ufeff=',
    '\t=',
    'From ',
    '.',
  ],
]

const RECORD_PIECES = [
  ...[
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '\\',
    '\n',
    '\r\n',
    '\\u',
    '\\ud800',
    '\\u0000',
    '1e999',
    '-0',
  ],
  ...[
    'null',
    'true',
    '{}',
    '[]',
    '"a":',
    '"eventid":',
    '"timestamp":',
    '"session":"x"',
    '"_source":{',
  ],
  ...[
    '\u00ff',
    '\u00c3',
    '\u00e2\u0080',
    '\u00f0\u009f',
    '\u00ef\u00bb\u00bf',
    '\u0000',
    '\u001f',
    ' ',
    '\t',
  ],
  ...[
    'Nov 22 00:00:00 host cowrie: ',
    '[{',
    '}]',
    '},{',
    '{"a":{"a":{"a":',
    '9007199254740993',
    '0.10',
  ],
]

/** @param seeds - inputs to grow others from; grows by those that show something new */
function inputOf(part: Part, seeds: readonly string[], chance: Chance): string {
  const isBytes = part === 'decode'
  let text = chance.below(12) === 0 ? grown(chance) : chance.one(seeds)
  const changes = 1 + chance.below(6)
  for (let i = 0; i < changes; i += 1) text = changed(text, seeds, isBytes, chance)
  const bound = chance.below(40) === 0 ? 100_000 : 6_000
  const kept = text.slice(0, bound)
  return isBytes ? Buffer.from(kept, 'latin1').toString('latin1') : kept
}

function changed(text: string, seeds: readonly string[], isBytes: boolean, chance: Chance): string {
  const at = chance.below(text.length + 1)
  const to = Math.min(text.length, at + chance.below(24))
  const before = text.slice(0, at)
  const after = text.slice(at)
  switch (chance.below(isBytes ? 8 : 12)) {
    case 0:
      return before + text.slice(to)
    case 1:
      return before + text.slice(at, to).repeat(2 + chance.below(4)) + after
    case 2:
    case 3:
      return before + chance.one(isBytes ? RECORD_PIECES : PIECES) + after
    case 4: {
      const other = chance.one(seeds)
      return (
        before + other.slice(chance.below(other.length + 1)) + (chance.below(2) === 0 ? after : '')
      )
    }
    case 5:
      return before + String.fromCharCode(chance.below(isBytes ? 256 : 65_536)) + text.slice(at + 1)
    case 6: {
      // Long runs of one thing find what is not linear; seldom, for they take long.
      const piece = chance.one(isBytes ? RECORD_PIECES : PIECES)
      const times = chance.below(30) === 0 ? 12_000 : 12
      return before + piece.repeat(1 + chance.below(times)) + after
    }
    case 7:
      return text.slice(at, to) + before + text.slice(to)
    default:
      return wrapped(text, chance)
  }
}

/** Encodings that attackers put around a text. */
function wrapped(text: string, chance: Chance): string {
  const bytes = Buffer.from(text.slice(0, 3_000))
  const base64 = bytes.toString('base64')
  const hex = bytes.toString('hex')
  const each = (spell: (byte: number) => string): string =>
    [...bytes.subarray(0, 400)].map(spell).join('')
  const pad = (byte: number, radix: number, width: number): string =>
    byte.toString(radix).padStart(width, '0')
  return chance.one([
    () => `echo ${base64} | base64 -d | sh`,
    () => base64,
    () => hex,
    () => `echo ${hex} | xxd -r -p | bash`,
    () => `printf '${each((byte) => `\\x${pad(byte, 16, 2)}`)}'`,
    () => `echo -e "${each((byte) => `\\${pad(byte, 8, 3)}`)}"`,
    () => each((byte) => `%${pad(byte, 16, 2)}`),
    () => each((byte) => `&#${byte};`),
    () => each((byte) => `\\u00${pad(byte, 16, 2)}`),
    () => `echo ${gzipSync(bytes).toString('base64')} | base64 -d | gunzip`,
    () => deflateSync(bytes).toString('base64'),
    () => deflateRawSync(bytes).toString('base64'),
    () => `sh -c '${text.replaceAll("'", "'\\''")}'`,
    () => `eval "$(${text})"`,
    () => `a=${text.slice(0, 4)};b=${text.slice(4)};$a$b`,
    () => text.replaceAll(' ', IFS),
    () => `{${text.replaceAll(' ', ',')}}`,
    () => [...text].reverse().join(''),
    () => `python -c "exec('${hex}'.decode('hex'))"`,
    () =>
      [...text]
        .map((c) => (/[!-~]/.test(c) ? String.fromCodePoint(c.charCodeAt(0) + 0xfee0) : c))
        .join(''),
    () => [...text].join('\u200b'),
    () => `cat <<EOF | sh\n${text}\nEOF`,
  ])()
}

/** A text by the grammar of a shell, as deep as it likes. */
function grown(chance: Chance, depth = 0): string {
  const word = (): string =>
    chance.one(['wget', 'a', '-q', 'x=1', '$x', '~', '*', "'a b'", '"$x"', '\\a'])
  if (depth > 5) return word()
  const inner = (): string => grown(chance, depth + 1)
  return chance.one([
    () => `${word()} ${word()}`,
    () => `${inner()} | ${inner()}`,
    () => `${inner()}; ${inner()}`,
    () => `$(${inner()})`,
    () => `\`${inner()}\``,
    () => `(${inner()})`,
    () => `{ ${inner()}; }`,
    () => `"${inner()}"`,
    () => `'${inner()}'`,
    () => `\${x:-${inner()}}`,
    () => `if ${inner()}; then ${inner()}; fi`,
    () => `for i in ${inner()}; do ${inner()}; done`,
    () => `while ${inner()}; do ${inner()}; done`,
    () => `case ${word()} in ${word()}) ${inner()};; esac`,
    () => `f() { ${inner()}; }; f`,
    () => `${inner()} << E\n${inner()}\nE\n`,
    () => `${inner()} > ${word()} 2>&1`,
    () => `x=${inner()}`,
    () => `$((${word()}+${inner()}))`,
    () => `{${inner()},${inner()}}`,
  ])()
}

export function seedTexts(): readonly string[] {
  const texts = new Set<string>()
  const payloads = JSON.parse(
    readFileSync(new URL('redteam/payloads.json', ROOT), 'utf8'),
  ) as readonly {
    readonly text: string
  }[]
  for (const { text } of payloads) texts.add(text)
  const folder = new URL('rules/', ROOT)
  for (const name of readdirSync(folder)) {
    const rule = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as {
      readonly matches: readonly string[]
      readonly misses: readonly string[]
    }
    for (const text of [...rule.matches, ...rule.misses]) texts.add(text)
  }
  return [...texts].sort()
}

/** Log lines around the texts, one character for each byte. */
function seedRecords(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text, i) => {
    const event = {
      eventid: 'cowrie.command.input',
      input: text,
      message: `CMD: ${text}`,
      sensor: 'lab',
      timestamp: '2026-05-01T10:00:00.000000Z',
      src_ip: '192.0.2.1',
      session: (0xa00000000000 + i).toString(16),
    }
    const line = i % 2 === 0 ? pythonJson(event) : JSON.stringify(event)
    const spelled = i % 5 === 0 ? JSON.stringify(event, undefined, 2) : line
    return i % 4 === 0
      ? [Buffer.from(`${spelled}\n${line}\n`).toString('latin1')]
      : [Buffer.from(`${spelled}\n`).toString('latin1')]
  })
}

// --- The run -------------------------------------------------------------------------------------

/** A smaller input with the same kind of fault: pieces are taken out as long as that is so. */
export function shrink(
  input: string,
  isFaulty: (input: string) => boolean,
  secondsMax = 20,
): string {
  const until = performance.now() + secondsMax * 1000
  let best = input
  for (
    let size = Math.ceil(best.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    let isSmaller = true
    while (isSmaller && performance.now() < until) {
      isSmaller = false
      for (let at = 0; at < best.length && performance.now() < until; ) {
        const tried = best.slice(0, at) + best.slice(at + size)
        if (tried !== best && isFaulty(tried)) {
          best = tried
          isSmaller = true
        } else at += size
      }
      if (size > 1) break
    }
  }
  return best
}

function outcomeOf(check: (input: string) => Outcome, input: string): Outcome {
  try {
    return check(input)
  } catch (error) {
    return { fault: `throws ${error instanceof Error ? error.message : String(error)}`, shows: '' }
  }
}

/** Seeds that are kept because they showed something new. */
const SEEDS_MAX = 6_000

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      part: { type: 'string', default: 'all' },
      replay: { type: 'string' },
    },
  })
  const parts = PARTS.filter((part) => values.part === 'all' || values.part === part)
  if (parts.length === 0) throw new TypeError(`--part is one of ${PARTS.join(', ')}, all`)
  const checks = await makeChecks()
  if (values.replay !== undefined) {
    const given = values.replay.startsWith('@')
      ? readFileSync(values.replay.slice(1), 'utf8')
      : values.replay
    const input = JSON.parse(Buffer.from(given, 'base64').toString()) as string
    let status = 0
    for (const part of parts) {
      const { fault } = outcomeOf(checks[part], input)
      console.log(`${part}: ${fault ?? 'keeps its promises'}`)
      if (fault !== undefined) status = 1
    }
    return status
  }
  const texts = seedTexts()
  const seeds = new Map<Part, string[]>(
    parts.map((part) => [part, part === 'decode' ? [...seedRecords(texts)] : [...texts]]),
  )
  const seen = new Map<Part, Set<string>>(parts.map((part) => [part, new Set()]))
  const faults = new Set<string>()
  let status = 0
  for (const part of parts) {
    const chance = new Chance(Number(values.seed) * 31 + PARTS.indexOf(part))
    const own = seeds.get(part)!
    const shown = seen.get(part)!
    const began = performance.now()
    const until = began + (Number(values.seconds) * 1000) / parts.length
    let runs = 0
    while (performance.now() < until) {
      const input =
        runs < own.length && runs < texts.length ? own[runs]! : inputOf(part, own, chance)
      runs += 1
      const { fault, shows } = outcomeOf(checks[part], input)
      if (fault === undefined) {
        if (!shown.has(shows) && shown.size < SEEDS_MAX) {
          shown.add(shows)
          own.push(input)
        }
        continue
      }
      const kind = kindOf(fault)
      if (faults.has(`${part} ${kind}`)) continue
      faults.add(`${part} ${kind}`)
      status = 1
      const small = shrink(input, (one) => kindOf(outcomeOf(checks[part], one).fault) === kind)
      console.log(`${part}: ${outcomeOf(checks[part], small).fault ?? fault}`)
      console.log(`  ${JSON.stringify(small).slice(0, 400)}`)
      console.log(`  npm run fuzz -- --part ${part} --replay ${replayable(small)}`)
    }
    const seconds = (performance.now() - began) / 1000
    console.log(
      `${part}: ${runs} inputs in ${seconds.toFixed(0)} s, ${(runs / seconds).toFixed(0)} a second, ${shown.size} different outcomes`,
    )
  }
  return status
}

/** Faults that differ in figures and quotations alone are one. */
function kindOf(fault: string | undefined): string {
  return (fault ?? '').replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/U\+[0-9A-F]+|\d+/g, '0')
}

function replayable(input: string): string {
  const text = Buffer.from(JSON.stringify(input)).toString('base64')
  if (text.length < 2_000) return text
  const folder = join(fileURLToPath(ROOT), '.tmp')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `fuzz-${Date.now()}.txt`)
  writeFileSync(file, text)
  return `@${file}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main()
