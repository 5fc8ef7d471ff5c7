import { type Filter, inputOf } from './filter.ts'
import { inflateBlob } from './inflate.ts'

/** `gunzip`, `gzip -d`, `zcat` and their like. */
export const gunzip: Filter = {
  names: ['gunzip', 'gzip', 'zcat', 'pigz', 'unpigz', 'zlib-flate', 'uncompress'],
  run(given) {
    const operands = given.args.filter((arg) => !arg.startsWith('-'))
    const input = inputOf(given, operands)
    const inflated = input === undefined ? undefined : inflateBlob(input, given.trace.charsLeft)
    if (inflated === undefined) return undefined
    if (inflated.isCut) given.trace.isCut = true
    return given.trace.spend(inflated.bytes.length)
      ? { bytes: inflated.bytes, layer: 'gzip' }
      : undefined
  },
}
