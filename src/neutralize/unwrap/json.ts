import type { Trace } from './trace.ts'

const ESCAPE = /\\u\{([0-9A-Fa-f]{1,6})\}|\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})/g

/** `\uNNNN` of JSON and its relatives `\u{N}` and `\UNNNNNNNN`. */
export function undoUnicodeEscapes(text: string, trace: Trace): string {
  const undone = text.replace(
    ESCAPE,
    (whole, braced: string | undefined, four: string | undefined, eight: string | undefined) => {
      const code = Number.parseInt((braced ?? four ?? eight)!, 16)
      return code > 0x10ffff ? whole : String.fromCodePoint(code)
    },
  )
  if (undone !== text) trace.layers.add('json')
  return undone
}
