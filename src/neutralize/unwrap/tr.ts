/** `tr`: replaces, deletes or squeezes bytes. */
import { toBytes } from './bytes.ts'
import { undoEscapes } from './escapes.ts'
import type { Filter } from './filter.ts'

export const tr: Filter = {
  names: ['tr'],
  run({ args, input }) {
    if (input === undefined) return undefined
    let at = 0
    let flags = ''
    while (
      at < args.length &&
      /^-[cCdst]+$|^--(?:delete|complement|squeeze-repeats)$/.test(args[at]!)
    ) {
      flags += args[at]!.startsWith('--') ? args[at]![2] : args[at]!.slice(1)
      at += 1
    }
    if (args[at] === '--') at += 1
    const from = args[at]
    const to = args[at + 1]
    if (from === undefined || args.length > at + 2) return undefined
    const members = setOf(from)
    const isMember = new Uint8Array(256)
    for (const byte of members) isMember[byte] = 1
    const isComplement = /[cC]/.test(flags)
    if (isComplement) for (let byte = 0; byte < 256; byte += 1) isMember[byte]! ^= 1
    if (flags.includes('d')) {
      return { bytes: Buffer.from(input.filter((byte) => isMember[byte] === 0)), layer: 'tr' }
    }
    const map = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    if (to !== undefined) {
      const targets = setOf(to)
      if (targets.length === 0) return undefined
      const sources = isComplement ? [...isMember.keys()].filter((byte) => isMember[byte]) : members
      sources.forEach((byte, i) => {
        map[byte] = targets[Math.min(i, targets.length - 1)]!
      })
    }
    const squeezes = flags.includes('s')
    const squeezed = new Uint8Array(256)
    if (squeezes) for (const byte of to === undefined ? members : setOf(to)) squeezed[byte] = 1
    const out = Buffer.allocUnsafe(input.length)
    let length = 0
    for (const byte of input) {
      const mapped = map[byte]!
      if (squeezes && squeezed[mapped] === 1 && length > 0 && out[length - 1] === mapped) continue
      out[length] = mapped
      length += 1
    }
    return { bytes: out.subarray(0, length), layer: 'tr' }
  },
}

const CLASSES: Readonly<Record<string, string>> = {
  '[:lower:]': 'a-z',
  '[:upper:]': 'A-Z',
  '[:digit:]': '0-9',
  '[:alpha:]': 'A-Za-z',
  '[:alnum:]': '0-9A-Za-z',
  '[:space:]': '\t-\r ',
  '[:blank:]': '\t ',
  '[:punct:]': '!-/:-@[-`{-~',
  '[:print:]': ' -~',
  '[:graph:]': '!-~',
  '[:cntrl:]': '\u0000-\u001f\u007f',
  '[:xdigit:]': '0-9A-Fa-f',
}

/** The bytes of a set in their order: ranges and classes spelled out. At most 256 ranges are read. */
function setOf(text: string): readonly number[] {
  const spelled = text.slice(0, 512).replace(/\[:[a-z]{5,6}:\]/g, (name) => CLASSES[name] ?? name)
  const bytes = spelled.includes('\\') ? undoEscapes(spelled).bytes : toBytes(spelled)
  const members: number[] = []
  for (let i = 0; i < bytes.length; i += 1) {
    const last = bytes[i + 2]
    if (bytes[i + 1] === 0x2d && last !== undefined && last >= bytes[i]!) {
      for (let byte = bytes[i]!; byte <= last; byte += 1) members.push(byte)
      i += 2
    } else members.push(bytes[i]!)
  }
  return members
}
