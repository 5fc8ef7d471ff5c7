/** Between the texts of `unwrap` and bytes: a byte that is not UTF-8 stands as U+DC80 to U+DCFF. */
import { isUtf8 } from 'node:buffer'

/** The bytes a text stands for. */
export function toBytes(text: string): Buffer {
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text, 'utf8')
  const parts: Buffer[] = []
  let from = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code >= 0xd800 && code < 0xdc00) {
      const next = text.charCodeAt(at + 1)
      if (next >= 0xdc00 && next < 0xe000) at += 1
    } else if (code >= 0xdc80 && code <= 0xdcff) {
      parts.push(Buffer.from(text.slice(from, at), 'utf8'), Buffer.from([code - 0xdc00]))
      from = at + 1
    }
  }
  parts.push(Buffer.from(text.slice(from), 'utf8'))
  return Buffer.concat(parts)
}

/** The text of bytes. */
export function fromBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let text = ''
  let from = 0
  let at = 0
  while (at < bytes.length) {
    const byte = bytes[at]!
    const length = byte < 0x80 ? 1 : byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    const isWhole =
      length === 1 ||
      (length > 1 && at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)))
    if (isWhole) {
      at += length
      continue
    }
    text += bytes.toString('utf8', from, at) + String.fromCharCode(0xdc00 + byte)
    at += 1
    from = at
  }
  return text + bytes.toString('utf8', from)
}

/**
 * The text of bytes that somebody may have meant as text; undefined for what is noise.
 *
 * @param isAsked - whether a command said that this is to be decoded: then a little noise is let pass
 */
export function readableText(bytes: Buffer, isAsked: boolean): string | undefined {
  if (bytes.length === 0) return isAsked ? '' : undefined
  const wide = utf16Text(bytes)
  if (wide !== undefined) return wide
  let plain = 0
  let high = 0
  for (const byte of bytes) {
    if ((byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09) plain += 1
    else if (byte >= 0x80) high += 1
  }
  if (plain === bytes.length) return bytes.toString('latin1')
  const isClean = plain + high === bytes.length && isUtf8(bytes)
  if (isClean && (isAsked || high * 3 <= bytes.length) && (isAsked || bytes.length >= 24))
    return bytes.toString('utf8')
  // Noise around a command is a way to hide it; a run of noise has a third of such bytes.
  const share = isAsked ? 0.5 : 0.85
  return bytes.length >= (isAsked ? 8 : 32) && plain >= bytes.length * share
    ? fromBytes(bytes)
    : undefined
}

/** Text in UTF-16, the way PowerShell takes encoded commands. */
function utf16Text(bytes: Buffer): string | undefined {
  if (bytes.length < 8 || bytes[1] !== 0 || bytes[3] !== 0) return undefined
  let plain = 0
  for (let at = 0; at + 1 < bytes.length; at += 2)
    if (bytes[at + 1] === 0 && (bytes[at]! >= 0x20 || bytes[at] === 0x0a)) plain += 1
  return plain * 2 >= (bytes.length - 1) * 0.9 ? bytes.toString('utf16le') : undefined
}
