/** A command with nothing left of what only its writer knows. */
import { PROGRAMS } from './common.ts'

/** Programs that run the program named behind them. */
const RUNNERS: ReadonlySet<string> = new Set(
  'busybox sudo nohup nice env xargs exec then else do time watch timeout if while'.split(' '),
)
const OPERATOR = /^(?:[;|&<>(){}`\n]|\$\()/
const URL = /^[a-z][a-z0-9+.-]{1,9}:\/\//i
// A switch of more letters may hold a value (`mysql -pSECRET`).
const SWITCH = /^(?:-[A-Za-z]{1,4}|--[a-z]{2,20}(?:-[a-z]{2,20}){0,2})$/
const FOLDERS = /^\/(?:usr\/(?:local\/)?)?s?bin\//

/**
 * Keeps known programs, their switches, operators of the shell and what `urlOf` gives of URLs; a run of all else is one
 * `*`. A list of what may stay: what nobody thought of goes. Time linear in the text; quotes are not undone.
 */
export function shortenCommand(text: string, urlOf: (url: string) => string): string {
  const parts: string[] = []
  let isProgramNext = true
  let at = 0
  while (at < text.length) {
    if (text[at] === ' ') {
      at += 1
      continue
    }
    const operator = OPERATOR.exec(text.slice(at, at + 2))?.[0]
    if (operator !== undefined) {
      parts.push(operator)
      at += operator.length
      // What follows `<` and `>` is a file.
      isProgramNext = operator !== '<' && operator !== '>'
      continue
    }
    const end = endOfWord(text, at)
    const word = text.slice(at, end)
    at = end
    const program = isProgramNext ? programOf(word) : undefined
    if (program !== undefined) {
      parts.push(word)
      isProgramNext = RUNNERS.has(program)
    } else {
      const kept = SWITCH.test(word) ? word : URL.test(word) ? urlOf(word) : '*'
      // An assignment or a number before the program does not end the search for one.
      if (!/^[A-Za-z_]\w*=/.test(word) && !SWITCH.test(word)) isProgramNext = false
      if (kept !== '*' || parts.at(-1) !== '*') parts.push(kept)
    }
  }
  return parts.join(' ')
}

function programOf(word: string): string | undefined {
  const name = FOLDERS.test(word) ? word.slice(word.lastIndexOf('/') + 1) : word
  return PROGRAMS.has(name) ? name : undefined
}

/** Where the word that begins at a position ends: at a blank or an operator that no quote holds. */
function endOfWord(text: string, from: number): number {
  let quote = ''
  let at = from
  while (at < text.length) {
    const character = text[at]!
    if (quote !== '') {
      if (character === quote) quote = ''
      else if (character === '\\' && quote === '"') at += 1
    } else if (character === '"' || character === "'") quote = character
    else if (character === '\\') at += 1
    else if (character === ' ' || (at > from && OPERATOR.test(text.slice(at, at + 2)))) return at
    at += 1
  }
  return text.length
}
