/** One-liners of python, perl, php and ruby that only decode a constant. */

import { LIMITS } from '../../limits.ts'
import { base64Bytes } from './base64.ts'
import { readableText, toBytes } from './bytes.ts'
import type { Filter } from './filter.ts'
import { inflateBlob } from './inflate.ts'

const QUOTED = `(?:b|r|u)?(?:"([^"\\\\]*)"|'([^'\\\\]*)')`
const AFTER = `(?:\\.decode\\([^)]{0,20}\\)|\\.to(?:String|_s)\\([^)]{0,20}\\))?`
const CALL = (names: string, rest = ''): RegExp =>
  new RegExp(
    `(?:[A-Za-z_:]\\w{0,30}(?:\\.|::|->)){0,3}(?:${names})\\(?\\s{0,8}${rest}${QUOTED}\\s{0,8}\\)?${AFTER}`,
    'g',
  )

const CALLS: readonly { readonly pattern: RegExp; readonly decode: (text: string) => Buffer }[] = [
  {
    pattern: CALL('(?:standard_|urlsafe_)?b64decode|decode_base64|base64_decode|decode64|atob'),
    decode: base64Bytes,
  },
  {
    pattern: CALL('fromhex|unhexlify|hex2bin|a2b_hex'),
    decode: (text) => Buffer.from(text, 'hex'),
  },
  {
    pattern: CALL('pack', `["']H\\*["'],\\s{0,8}`),
    decode: (text) => Buffer.from(text, 'hex'),
  },
  { pattern: CALL('strrev'), decode: (text) => toBytes(Array.from(text).reverse().join('')) },
  { pattern: CALL('str_rot13'), decode: (text) => toBytes(rotated(text)) },
]

const OPTION = /^-[A-Za-z]{0,4}[cer]$/
const IMPORTS =
  /^(?:\s*(?:import [\w, .]{1,80}|from [\w.]{1,40} import [\w, *]{1,80}|use [\w:, ]{1,80})\s*(?:;|\n))+/
const WRAPPER =
  /^(?:[\w:]{1,20}\.)?(print|puts|echo|say|exec|eval|system|popen|call|run|check_output|passthru|shell_exec)\s{0,4}\(?\s{0,4}([\u{f0000}])\s{0,4}\)?(?:\.read\(\))?\s{0,4};?\s{0,4}$/u

/** What a one-liner comes to: text it prints, a command it runs, or code it runs in its own language. */
export type ScriptMeaning = { readonly kind: 'prints' | 'runs' | 'code'; readonly text: string }

/** The meaning of the code of a one-liner; undefined when it does more than decode a constant. */
export function scriptMeaning(code: string): ScriptMeaning | undefined {
  // A character for private use stands for the decoded text while the rest of the code is looked at.
  let decoded: string | undefined
  let rest = code.replace(IMPORTS, '').trim()
  for (const { pattern, decode } of CALLS) {
    rest = rest.replace(
      pattern,
      (whole, double: string | undefined, single: string | undefined) => {
        if (decoded !== undefined) return whole
        const bytes = decode(double ?? single ?? '')
        decoded = readableText(inflateBlob(bytes, LIMITS.unwrapCharsMax)?.bytes ?? bytes, true)
        return decoded === undefined ? whole : '\u{f0000}'
      },
    )
  }
  if (decoded === undefined) {
    const literal =
      /^([\w.]{1,30}\s{0,4}\(?\s{0,4})(?:"([^"\\$]*)"|'([^'\\]*)')(\s{0,4}\)?.{0,10})$/s.exec(rest)
    if (literal === null) return undefined
    decoded = literal[2] ?? literal[3] ?? ''
    rest = `${literal[1]}\u{f0000}${literal[4]}`
  }
  rest = rest.replace(
    /(?:zlib|gzip)\.decompress\(\s{0,4}(\u{f0000})\s{0,4}\)|(?:gzinflate|gzuncompress|gzdecode)\((\u{f0000})\)/gu,
    '\u{f0000}',
  )
  const verb = WRAPPER.exec(rest)?.[1]
  if (verb === undefined) return undefined
  if (/^(?:print|puts|echo|say)$/.test(verb)) return { kind: 'prints', text: decoded }
  return { kind: verb === 'exec' || verb === 'eval' ? 'code' : 'runs', text: decoded }
}

/** The code of a one-liner among the arguments of its interpreter, and where it stands. */
export function scriptCode(
  args: readonly string[],
): { readonly code: string; readonly at: number } | undefined {
  const at = args.findIndex((arg) => OPTION.test(arg)) + 1
  const code = at === 0 ? undefined : args[at]
  return code === undefined ? undefined : { code, at }
}

/** Names of the interpreters. */
export const INTERPRETER = /^(?:python[\d.]*|perl|php[\d.]*|ruby|node)$/

/** An interpreter whose output is a constant. */
export const script: Filter = {
  names: ['python', 'python2', 'python3', 'perl', 'php', 'ruby', 'node'],
  run({ args }) {
    const found = scriptCode(args)
    const meaning = found === undefined ? undefined : scriptMeaning(found.code)
    return meaning?.kind === 'prints'
      ? { bytes: toBytes(`${meaning.text}\n`), layer: 'script' }
      : undefined
  },
}

function rotated(text: string): string {
  return text.replace(/[A-Za-z]/g, (letter) => {
    const base = letter <= 'Z' ? 65 : 97
    return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base)
  })
}
