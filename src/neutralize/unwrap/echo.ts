import { toBytes } from './bytes.ts'
import { undoEscapes } from './escapes.ts'
import type { Filter } from './filter.ts'

/** `echo`, with its escapes when `-e` asks for them. */
export const echo: Filter = {
  names: ['echo'],
  run({ args }) {
    let at = 0
    let hasEscapes = false
    let hasNewline = true
    for (; at < args.length && /^-[neE]+$/.test(args[at]!); at += 1) {
      if (args[at]!.includes('n')) hasNewline = false
      hasEscapes = args[at]!.includes('e') || (hasEscapes && !args[at]!.includes('E'))
    }
    const text = args.slice(at).join(' ')
    const plain = toBytes(text)
    if (!hasEscapes) return { bytes: hasNewline ? withNewline(plain) : plain }
    const { bytes, stops } = undoEscapes(text)
    const undone = hasNewline && !stops ? withNewline(bytes) : bytes
    return bytes.equals(plain) ? { bytes: undone } : { bytes: undone, layer: 'echo-e' }
  },
}

function withNewline(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.from('\n')])
}
