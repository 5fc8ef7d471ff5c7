import { firstDifference, hostileCharacters, type Oracle } from './oracle.ts'

const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\p{Script=Samaritan}\p{Script=Mandaic}]/u
const LINK = /\b(?:https?|ftps?|sftp|ldaps?|file):\/\/|\bwww\.[a-z]|\b(?:\d{1,3}\.){3}\d{1,3}\b/i

/** Plain text for a terminal, colours off. */
export const terminalOracle: Oracle = (document, twin) => [
  ...hostileCharacters(document, '\n'),
  ...plainProblems(document),
  ...firstDifference('start of line', starts(document), starts(twin)),
]

/** What plain text for people must not hold: letters that reorder, floods of marks, addresses to click on. */
export function plainProblems(text: string): string[] {
  const problems: string[] = []
  if (RIGHT_TO_LEFT.test(text)) problems.push('right-to-left letters move their neighbours')
  if (/\p{M}{4}|(?:^|[\s\p{P}\p{S}])\p{M}/mu.test(text))
    problems.push('marks over other characters')
  const link = LINK.exec(text)
  if (link !== null) problems.push(`an address that can be clicked, at ${link.index}`)
  return problems
}

/** Where lines start: indents tell a forged line of ours from data. */
function starts(text: string): string[] {
  return text.split('\n').map((line) => /^ */.exec(line)![0])
}

/** Lines of `key="value"`: as many as in the twin, with the same keys, but for those that the payload names. */
export const logOracle: Oracle = (document, twin) => {
  const problems = hostileCharacters(document, '\n')
  if (/[^\x20-\x7e\n]/.test(document)) problems.push('not plain ASCII')
  if (document.includes('${') || document.includes('{{')) problems.push('a template')
  if (LINK.test(document)) problems.push('an address that can be clicked')
  const keys = (text: string): string[] =>
    text.split('\n').map((line) => {
      const found: string[] = []
      const rest = line.replace(
        /(?:^| )([a-z_0-9]+(?:\.[A-Za-z0-9_.]*)?)=(?:"(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|-)/gy,
        (_, key: string) => {
          found.push(key.includes('.') ? `${key.slice(0, key.indexOf('.'))}.*` : key)
          return ''
        },
      )
      return rest === '' ? found.join(' ') : `not of the form key="value": ${rest}`
    })
  return [...problems, ...firstDifference('line', keys(document), keys(twin))]
}

/** One comparison a line, by the grammar of patterns (STIX 2.1, 9.8), and the same objects as in the twin. */
export const stixOracle: Oracle = (document, twin) => {
  const objects = (text: string): string[] =>
    text.split('\n').map((line) => {
      if (line === '') return ''
      const found =
        /^\[([a-z0-9-]+:[a-z_]+(?:\.(?:[a-z_]+|'[A-Z0-9-]+'))*) = '(?:[^'\\]|\\['\\])*'\]$/.exec(
          line,
        )
      return found === null ? `not one comparison: ${line}` : found[1]!
    })
  return [
    ...hostileCharacters(document, '\n'),
    ...firstDifference('pattern', objects(document), objects(twin)),
  ]
}
