import { shape } from './json.ts'
import { firstDifference, hostileCharacters, type Oracle } from './oracle.ts'

const FENCE = /^<(\/?)data "([0-9a-f]{24})">$/

/** One fence before the data and one after it, between them JSON of the twin's shape, around them our own words. */
export const promptOracle: Oracle = (document, twin) => {
  const problems = hostileCharacters(document, '\n')
  if (/[^\x20-\x7e\n]/.test(document)) problems.push('not plain ASCII')
  const own = read(document, problems)
  const benign = read(twin, [])
  problems.push(...firstDifference('line around the data', own.around, benign.around))
  // A prompt has a length: what did not fit is told, and not in the twin.
  const isCut = own.data.at(-1) === 'left_out'
  problems.push(
    ...(isCut
      ? own.data.slice(0, -1).filter((line) => !benign.data.includes(line))
      : firstDifference('line of data', own.data, benign.data)),
  )
  return problems
}

function read(
  document: string,
  problems: string[],
): { readonly around: readonly string[]; readonly data: readonly string[] } {
  const lines = document.split('\n')
  const fences = lines.flatMap((line, i) => (FENCE.test(line) ? [i] : []))
  const [first = 0, last = 0] = fences
  const names = fences.map((i) => FENCE.exec(lines[i]!)!)
  if (fences.length !== 2 || names[0]![2] !== names[1]![2] || names[1]![1] !== '/')
    problems.push('the fences are not one pair')
  if ((document.match(/<\/?data/g) ?? []).length !== 2) problems.push('something like a fence')
  const data = lines.slice(first + 1, last).map((line) => {
    if (/[`<>&]/.test(line)) problems.push('a mark that prompts are structured by')
    try {
      const value: unknown = JSON.parse(line)
      if (Array.isArray(value) && value[0] === 'left_out') return 'left_out'
      const texts: string[] = []
      const found = shape(value, texts).join(' ')
      return found
    } catch {
      problems.push('a line of data that is not JSON')
      return 'not JSON'
    }
  })
  return { around: [...lines.slice(0, first), ...lines.slice(last + 1)], data }
}
