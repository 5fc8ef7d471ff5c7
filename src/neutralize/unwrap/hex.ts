/** Hexadecimal digits: `xxd -r -p`, and long runs that hold a text. */
import { blobBytesText } from './base64.ts'
import { type Filter, inputOf } from './filter.ts'
import type { Trace } from './trace.ts'

const RUN =
  /(?<![0-9A-Za-z])(?:0[xX])?(?:[0-9A-Fa-f]{2}){8,}(?![0-9A-Za-z])|(?<![0-9A-Za-z])(?:0[xX])?[0-9A-Fa-f]{2}(?:(?:, ?| |:)(?:0[xX])?[0-9A-Fa-f]{2}){7,}(?![0-9A-Za-z])/g

/** Replaces long runs of hexadecimal digits, closed up or in pairs, by the text they hold. */
export function undoHex(text: string, trace: Trace): string {
  return text.replace(RUN, (run) => {
    const digits = run.replace(/0[xX]|[^0-9A-Fa-f]+/g, '')
    const bytes = Buffer.from(digits, 'hex')
    // Numbers and dates are digits, too, and every second byte of them is a printable one.
    if (!/[A-Fa-f]/.test(digits) && !isProse(bytes.toString('latin1'))) return run
    return blobBytesText(bytes, 'hex', trace) ?? run
  })
}

function isProse(text: string): boolean {
  return /[a-zA-Z]{4}/.test(text) && /^[\w /:.-]*$/.test(text)
}

/** `xxd -r -p`: digits to bytes. */
export const xxd: Filter = {
  names: ['xxd', 'unhex'],
  run(given) {
    const flags = given.args.filter((arg) => arg.startsWith('-') && arg !== '-')
    const operands = given.args.filter((arg) => !arg.startsWith('-') || arg === '-')
    const reverts = flags.some((flag) => /^-(?:p?r|rp?s?|revert|rev)$|^-rp|^-pr/.test(flag))
    const isPlain = flags.some((flag) => /^-(?:p|ps|postscript|plain|pl|r?p|pr)$/.test(flag))
    const input = inputOf(given, operands)
    if (!reverts || !isPlain || input === undefined) return undefined
    const digits = input.toString('latin1').replace(/0[xX]|\\x|[^0-9A-Fa-f]+/g, '')
    return { bytes: Buffer.from(digits, 'hex'), layer: 'hex' }
  },
}
