/** Words in braces: `{wget,-q,http://a.example}` are three. */
import { LIMITS } from '../../limits.ts'

/**
 * The words a word with braces stands for, still as typed; undefined when it has no such braces.
 *
 * Quotes, escapes and `${...}` are passed over. One level is undone, the next round undoes what is inside.
 */
export function braceWords(word: string): readonly string[] | undefined {
  let open = -1
  let depth = 0
  let commas: number[] = []
  for (let at = 0; at < word.length; at += 1) {
    const char = word[at]
    if (char === '\\') at += 1
    else if (char === "'" || char === '"' || char === '`') {
      const close = word.indexOf(char, at + 1)
      if (close === -1) return undefined
      at = close
    } else if (char === '{') {
      if (word[at - 1] === '$') {
        const close = word.indexOf('}', at)
        if (close === -1) return undefined
        at = close
        continue
      }
      if (depth === 0) {
        open = at
        commas = []
      }
      depth += 1
    } else if (char === ',' && depth === 1) commas.push(at)
    else if (char === '}' && depth > 0) {
      depth -= 1
      if (depth > 0) continue
      const words = wordsOf(word, open, at, commas)
      if (words !== undefined) return words
    }
  }
  return undefined
}

function wordsOf(
  word: string,
  open: number,
  close: number,
  commas: readonly number[],
): readonly string[] | undefined {
  const before = word.slice(0, open)
  const after = word.slice(close + 1)
  if (commas.length === 0) {
    const range = /^([a-z]|\d{1,3})\.\.([a-z]|\d{1,3})$/i.exec(word.slice(open + 1, close))
    return range === null ? undefined : rangeOf(range[1]!, range[2]!, before, after)
  }
  const isAlone = before === '' && after === ''
  if (commas.length >= (isAlone ? LIMITS.unwrapCharsMax : LIMITS.unwrapBraceWordsMax))
    return undefined
  const bounds = [open, ...commas, close]
  return bounds
    .slice(1)
    .map((end, i) => before + word.slice(bounds[i]! + 1, end) + after)
    .filter((made) => made !== '')
}

function rangeOf(
  from: string,
  to: string,
  before: string,
  after: string,
): readonly string[] | undefined {
  const isNumber = /^\d+$/.test(from)
  if (isNumber !== /^\d+$/.test(to)) return undefined
  const first = isNumber ? Number(from) : from.charCodeAt(0)
  const last = isNumber ? Number(to) : to.charCodeAt(0)
  const count = Math.abs(last - first) + 1
  if (count > LIMITS.unwrapBraceWordsMax) return undefined
  const step = last < first ? -1 : 1
  return Array.from({ length: count }, (_, i) => {
    const value = first + i * step
    return before + (isNumber ? String(value) : String.fromCharCode(value)) + after
  })
}
