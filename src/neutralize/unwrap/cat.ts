import { type Filter, inputOf } from './filter.ts'

/** Commands that pass their input on. */
export const cat: Filter = {
  names: ['cat'],
  run(given) {
    const operands = given.args.filter((arg) => !arg.startsWith('-') || arg === '-')
    const input = inputOf(given, operands)
    return input === undefined ? undefined : { bytes: input }
  },
}
