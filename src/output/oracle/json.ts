import { firstDifference, hostileCharacters, type Oracle } from './oracle.ts'

/** Parses, with the keys and types of the twin; safe within HTML and JavaScript, too. */
export const jsonOracle: Oracle = (document, twin) => {
  const problems = hostileCharacters(document, '\n')
  if (/[<>&\u2028\u2029]/.test(document)) problems.push('a character that HTML would read')
  try {
    const values: string[] = []
    problems.push(
      ...firstDifference('value', shape(JSON.parse(document), values), shape(JSON.parse(twin), [])),
    )
    for (const value of values) problems.push(...hostileCharacters(value, ''))
  } catch {
    problems.push('not JSON')
  }
  return problems
}

/** Keys and types, in order. @param values - receives all strings */
export function shape(value: unknown, values: string[]): string[] {
  if (typeof value === 'string') values.push(value)
  if (typeof value !== 'object' || value === null) return [typeof value]
  if (Array.isArray(value)) return ['[', ...value.flatMap((item) => shape(item, values)), ']']
  return Object.entries(value).flatMap(([key, item]) => [key, ...shape(item, values)])
}
