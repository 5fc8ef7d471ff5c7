import { fromBytes, toBytes } from './bytes.ts'
import { undoEscapes } from './escapes.ts'
import type { Filter } from './filter.ts'
import type { Trace } from './trace.ts'

const DIRECTIVE = /%(%|([-+ #0]*)(\d{0,9})(?:\.(\d{0,9}))?(?:hh|h|ll|l)?([sbcdiuxXoq]))/g

/** `printf`: the format is used anew as long as there are arguments. */
export const printf: Filter = {
  names: ['printf'],
  run({ args, trace }) {
    let at = 0
    if (args[at] === '--') at += 1
    const format = args[at]
    if (format === undefined || format === '-v') return undefined
    const values = args.slice(at + 1)
    const out: Buffer[] = []
    let next = 0
    do {
      const before = next
      const used = formatted(format, values, next, trace)
      if (used === undefined) return undefined
      out.push(used.bytes)
      next = used.next
      if (used.stops || next === before) break
    } while (next < values.length)
    const bytes = Buffer.concat(out)
    return bytes.equals(toBytes(args.slice(at).join(' '))) ? { bytes } : { bytes, layer: 'printf' }
  },
}

function formatted(
  format: string,
  values: readonly string[],
  first: number,
  trace: Trace,
): { readonly bytes: Buffer; readonly next: number; readonly stops: boolean } | undefined {
  const out: Buffer[] = []
  let next = first
  let from = 0
  for (const found of format.matchAll(DIRECTIVE)) {
    const [whole, percent, flags = '', width = '', precision, kind = ''] = found
    const literal = undoEscapes(format.slice(from, found.index))
    out.push(literal.bytes)
    if (literal.stops) return { bytes: Buffer.concat(out), next: values.length, stops: true }
    from = found.index + whole.length
    if (percent === '%') {
      out.push(Buffer.from('%'))
      continue
    }
    const value = values[next] ?? ''
    next += 1
    const text = converted(value, kind)
    const kept = precision === undefined || kind !== 's' ? text : text.slice(0, Number(precision))
    const size = Number(width)
    if (!trace.spend(Math.max(size, kept.length))) return undefined
    const pad = flags.includes('0') && kind !== 's' ? '0' : ' '
    out.push(toBytes(flags.includes('-') ? kept.padEnd(size) : kept.padStart(size, pad)))
  }
  const rest = undoEscapes(format.slice(from))
  out.push(rest.bytes)
  if (!trace.spend(format.length)) return undefined
  return { bytes: Buffer.concat(out), next, stops: rest.stops }
}

function converted(value: string, kind: string): string {
  switch (kind) {
    case 'b':
      return fromBytes(undoEscapes(value).bytes)
    case 'c':
      return value.slice(0, 1)
    case 's':
    case 'q':
      return value
    default: {
      // A number may be spelled as a quoted character, in base 8 or 16.
      const number = /^['"]/.test(value)
        ? (value.codePointAt(1) ?? 0)
        : /^0[0-7]+$/.test(value)
          ? Number.parseInt(value, 8)
          : Math.trunc(Number(value)) || 0
      const base = kind === 'o' ? 8 : kind === 'x' || kind === 'X' ? 16 : 10
      const digits = number.toString(base)
      return kind === 'X' ? digits.toUpperCase() : digits
    }
  }
}
