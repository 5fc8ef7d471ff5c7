/** Base64: standard and URL-safe, wrapped, without padding; asked for by a command or found in a text. */
import { readableText, toBytes } from './bytes.ts'
import { type Filter, inputOf } from './filter.ts'
import { inflateBlob } from './inflate.ts'
import type { Trace } from './trace.ts'

const RUN =
  /[A-Za-z0-9+/_-]{16,}(?:\r?\n[A-Za-z0-9+/_-]{16,})*(?:\r?\n[A-Za-z0-9+/_-]{1,15}(?![A-Za-z0-9+/_-]))?={0,2}/g

/**
 * Replaces the blobs of a text by what they hold, if that is readable or compressed and readable.
 *
 * What decodes to noise stays: keys, hashes, names of files.
 */
export function undoBase64(text: string, trace: Trace): string {
  return text.replace(RUN, (run) => {
    const whole = blobText(run, trace)
    if (whole !== undefined) return whole
    // A path may hold a blob: its slashes are letters of the alphabet, too.
    if (!run.includes('/')) return run
    return run
      .split('/')
      .map((piece) => (piece.length < 16 ? piece : (blobText(piece, trace) ?? piece)))
      .join('/')
  })
}

function blobText(run: string, trace: Trace): string | undefined {
  const digits = run.replace(/[\r\n=]+/g, '')
  if (digits.length < 16 || digits.length % 4 === 1) return undefined
  // Most runs are no blobs: the first bytes tell.
  if (!startsReadable(digits)) return undefined
  return blobBytesText(Buffer.from(digits, 'base64'), 'base64', trace)
}

/** The text in the bytes of a blob, inflated if need be; notes the layers. */
export function blobBytesText(
  bytes: Buffer,
  layer: 'base64' | 'hex',
  trace: Trace,
): string | undefined {
  const inflated = inflateBlob(bytes, trace.charsLeft)
  if (inflated !== undefined && trace.spend(inflated.bytes.length)) {
    const text = readableText(inflated.bytes, false)
    if (text !== undefined) {
      if (inflated.isCut) trace.isCut = true
      trace.layers.add(layer).add('gzip')
      return text
    }
  }
  const text = readableText(bytes, false)
  if (text !== undefined) trace.layers.add(layer)
  return text
}

function startsReadable(digits: string): boolean {
  if (digits.length >= 64) return true
  const head = Buffer.from(digits.slice(0, 16), 'base64')
  if ((head[0] === 0x1f && head[1] === 0x8b) || head[0] === 0x78) return true
  let odd = 0
  for (const byte of head) if (byte < 0x20 || byte > 0x7e) odd += 1
  return odd <= 6
}

/** `base64 -d` and `openssl base64 -d`; encoding is not followed. */
export const base64: Filter = {
  names: ['base64', 'openssl', 'b64decode', 'gbase64'],
  run(given) {
    const args = [...given.args]
    if (args[0] === 'base64' || args[0] === 'enc') args.shift()
    let decodes = false
    const operands: string[] = []
    for (let i = 0; i < args.length; i += 1) {
      const arg = args[i]!
      if (arg === '-in') operands.push(args[++i] ?? '')
      else if (arg === '-w' || arg === '--wrap') i += 1
      else if (/^(?:--d(?:e(?:c(?:o(?:d(?:e)?)?)?)?)?|-[iA]{0,2}[dD][iA]{0,2})$/.test(arg))
        decodes = true
      else if (!arg.startsWith('-') || arg === '-') operands.push(arg)
    }
    const input = inputOf(given, operands)
    if (!decodes || input === undefined) return undefined
    return { bytes: Buffer.from(input.toString('latin1'), 'base64'), layer: 'base64' }
  },
}

/** Decodes base64 in a text of digits. */
export function base64Bytes(digits: string): Buffer {
  return Buffer.from(toBytes(digits).toString('latin1'), 'base64')
}
