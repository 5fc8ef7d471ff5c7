/** Percent encoding of URLs and forms, `%u` of old servers and over-long UTF-8 included. */
import { fromBytes } from './bytes.ts'
import type { Trace } from './trace.ts'

const RUN = /(?:%[0-9A-Fa-f]{2})+/g
const WIDE = /%u([0-9A-Fa-f]{4})/g

export function undoPercent(text: string, trace: Trace): string {
  const undone = text
    .replace(WIDE, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .replace(RUN, (run) => fromBytes(shortened(Buffer.from(run.replaceAll('%', ''), 'hex'))))
  if (undone !== text) trace.layers.add('percent')
  return undone
}

const PLUS = /[?&][\w.[\]-]{1,64}=[^\s&?+]*\+/

/** The blanks of a form: `cmd=wget+http`. A plus elsewhere is a plus. */
export function undoPlus(text: string, trace: Trace): string {
  const query = text.indexOf('?')
  const from = query === -1 ? 0 : query
  const form = query === -1 ? `&${text}` : text.slice(query)
  if (!text.includes('+') || !PLUS.test(form)) return text
  trace.layers.add('percent')
  return text.slice(0, from) + text.slice(from).replaceAll('+', ' ')
}

/** Over-long forms of ASCII, `%c0%ae` for a dot, in their short form. */
function shortened(bytes: Buffer): Buffer {
  if (!bytes.includes(0xc0) && !bytes.includes(0xc1)) return bytes
  const short: number[] = []
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!
    const next = bytes[at + 1] ?? 0
    if ((byte === 0xc0 || byte === 0xc1) && (next & 0xc0) === 0x80) {
      short.push(((byte & 1) << 6) | (next & 0x3f))
      at += 1
    } else short.push(byte)
  }
  return Buffer.from(short)
}
