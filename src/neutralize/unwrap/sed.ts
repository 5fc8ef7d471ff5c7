import { fromBytes, toBytes } from './bytes.ts'
import { type Filter, inputOf } from './filter.ts'

/** `sed s/X/Y/g` where X is no pattern but a text: the way letters are strewn in and taken out again. */
export const sed: Filter = {
  names: ['sed'],
  run(given) {
    const args = given.args.filter((arg) => arg !== '-e' && arg !== '-r' && arg !== '-E')
    const script = args[0] ?? ''
    const input = inputOf(given, args.slice(1))
    const mark = script[1] ?? ''
    if (input === undefined || script[0] !== 's' || /[\w\\\s]/.test(mark) || mark === '')
      return undefined
    const [from = '', to = '', flags, ...more] = script.slice(2).split(mark)
    if (from === '' || flags === undefined || more.length > 0) return undefined
    if (/[.*[\]^$\\+?(){}|]/.test(from) || /[&\\]/.test(to) || !/^g?$/.test(flags)) return undefined
    const text = fromBytes(input)
    const count = flags === 'g' ? text.split(from).length - 1 : 1
    if (!given.trace.spend(text.length + count * to.length)) return undefined
    const undone =
      flags === 'g'
        ? text.split(from).join(to)
        : text
            .split('\n')
            .map((line) => line.replace(from, () => to))
            .join('\n')
    return { bytes: toBytes(undone), layer: 'sed' }
  },
}
