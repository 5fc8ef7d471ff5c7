import { fromBytes, toBytes } from './bytes.ts'
import { type Filter, inputOf } from './filter.ts'

/** Turns each line around. */
export const rev: Filter = {
  names: ['rev'],
  run(given) {
    const input = inputOf(given, given.args)
    if (input === undefined) return undefined
    const lines = fromBytes(input).replace(/\n$/, '').split('\n')
    return { bytes: toBytes(`${lines.map(turned).join('\n')}\n`), layer: 'rev' }
  },
}

/** Turns the order of lines around. */
export const tac: Filter = {
  names: ['tac'],
  run(given) {
    const input = inputOf(given, given.args)
    if (input === undefined) return undefined
    const lines = fromBytes(input).replace(/\n$/, '').split('\n')
    return { bytes: toBytes(`${lines.reverse().join('\n')}\n`), layer: 'rev' }
  },
}

function turned(line: string): string {
  return Array.from(line).reverse().join('')
}
