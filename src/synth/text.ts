/** A value of the model with its spellings inside a JSON string, made once and used often. */
export type Text = {
  /** What the attacker sent, or what Cowrie means. */
  readonly value: string
  /** Inside the quotes of a JSON string as Python writes it: ASCII only. */
  readonly json: string
  /** The same after Cowrie 3.0.5's escape of credentials and client versions. */
  readonly escaped: string
  /** Occurs in one event only, by construction; so it needs no counter. */
  readonly unique: boolean
  /** Class of a hostile value; undefined for ordinary ones. */
  readonly hostile: string | undefined
}

const PLAIN = /^[ !#-[\]-~]*$/

/** Makes a text of the model. */
export function makeText(
  value: string,
  flags: { readonly unique?: boolean; readonly hostile?: string } = {},
): Text {
  const isPlain = PLAIN.test(value)
  return {
    value,
    json: isPlain ? value : jsonInterior(value),
    escaped: isPlain ? value : jsonInterior(escapeBytes(value)),
    unique: flags.unique ?? false,
    hostile: flags.hostile,
  }
}

/** Escapes as Python's `json.dumps` with `ensure_ascii`: every unit above 0x7f as lower-case `\uXXXX`. */
export function jsonInterior(value: string): string {
  return JSON.stringify(value)
    .slice(1, -1)
    .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Escapes as Cowrie since 3.0.5: bytes outside 0x20-0x7e as `\xNN`, a backslash doubled. */
function escapeBytes(value: string): string {
  let escaped = ''
  for (const byte of Buffer.from(value, 'utf8')) {
    if (byte === 0x5c) escaped += '\\\\'
    else if (byte >= 0x20 && byte <= 0x7e) escaped += String.fromCharCode(byte)
    else escaped += `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return escaped
}

/**
 * Orders by UTF-8 bytes, which is the order of code points. A lone surrogate stands where its number says.
 *
 * Written here a second time on purpose: the truth shares no code with what it judges.
 */
export function byUtf8(a: string, b: string): number {
  const shared = Math.min(a.length, b.length)
  let at = 0
  while (at < shared && a.charCodeAt(at) === b.charCodeAt(at)) at += 1
  if (at === shared) return a.length - b.length
  // The texts part inside a surrogate pair: compare the code point that begins one unit earlier.
  if (at > 0 && (a.charCodeAt(at - 1) & 0xfc00) === 0xd800) at -= 1
  return (a.codePointAt(at) as number) - (b.codePointAt(at) as number)
}
