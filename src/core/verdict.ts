/** What the rules say of a text or an event: the vocabulary between `neutralize` and those who keep and show it. */
import { blake3 } from './blake3.ts'

/** What kind of text an attacker wrote; rules say which kinds they look at. */
export const FIELD_CLASSES = [
  'command', // a shell command line, as typed
  'credential', // user name or password
  'client', // version string of a client
  'env', // name or value of an environment variable
  'file', // a file name
  'url',
  'data', // bytes sent through a tunnel, requests to a proxy
  'text', // anything else
] as const

export type FieldClass = (typeof FIELD_CLASSES)[number]

/** Encodings and tricks that `unwrap` can undo; their names are stored. */
export const LAYERS = [
  'ansi-c', // $'...'
  'backslash', // w\get
  'base64',
  'brace', // {wget,-q,http://...}
  'compatibility', // full-width and other compatibility letters
  'echo-e',
  'gzip', // gzip, zlib and raw deflate
  'here-document',
  'hex', // xxd -r -p, long runs of hex digits
  'html', // character references
  'ifs', // $IFS
  'invisible', // zero-width, bidi, tag and other characters that show nothing
  'json', // \uNNNN
  'nested-shell', // sh -c '...', eval, ... | sh
  'octal', // \NNN
  'parameter', // ${x}, a=wg; ${a}et
  'percent', // %NN
  'printf',
  'quotes', // w'g'et
  'rev',
  'script', // one-liners of python, perl and php that only decode a constant
  'sed', // s/X//g on a known text
  'substitution', // $(echo wget), `echo wget`
  'tr',
  'x-escape', // \xNN
] as const

export type Layer = (typeof LAYERS)[number]

/** Verdict on one text. */
export type TextVerdict = {
  /** Ids of the rules that hit, ascending. */
  readonly rules: readonly string[]
  /** What was undone to read it, ascending. */
  readonly layers: readonly Layer[]
  /** 0 to 100: what the attacker did to the honeypot. Never a reason to withhold. */
  readonly threat: number
  /** 0 to 100: what the text could do to those who read it. */
  readonly hazard: number
}

/**
 * Verdict on a whole event, as it is stored.
 *
 * `hits` and `layers` are JSON texts of ours, made in one way only, so that equal verdicts are equal texts.
 */
export type Verdict = {
  readonly threat: number
  readonly hazard: number
  /** `[["input","threat.download.wget"], ...]`: field and rule, ordered. */
  readonly hits: string
  /** `["base64", ...]`, ordered. */
  readonly layers: string
}

/** A verdict's own text: equal for equal verdicts. */
export function verdictText(verdict: Verdict): string {
  return `${verdict.threat} ${verdict.hazard} ${verdict.hits} ${verdict.layers}`
}

/** What is unique of a verdict. */
export function verdictDigest(verdict: Verdict): Uint8Array {
  return blake3(Buffer.from(verdictText(verdict))).subarray(0, 16)
}

/** What looks at texts: a compiled set of rules. */
export type TextMatcher = {
  /** Name of the rule set: the same rules have the same name. */
  readonly version: string
  /** @param text - the attacker's own text, not its visible form */
  match(text: string, fieldClass: FieldClass): TextVerdict
  /** The same rules without some of them, under a name of its own. */
  without(ids: readonly string[]): TextMatcher
}

/** Field and rule of each hit; none where the text is not one of ours. */
export function hitsOf(hits: string): (readonly [field: string, rule: string])[] {
  return listOf(hits).filter(
    (one): one is [string, string] =>
      Array.isArray(one) && typeof one[0] === 'string' && typeof one[1] === 'string',
  )
}

/** Ids of the rules that hit, each once. */
export function rulesOf(hits: string): string[] {
  return [...new Set(hitsOf(hits).map(([, rule]) => rule))]
}

/** Names of a list; none where the text is not one of ours. */
export function namesOf(names: string): string[] {
  return listOf(names).filter((one): one is string => typeof one === 'string')
}

function listOf(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
