import { plainProblems } from './lines.ts'
import { firstDifference, hostileCharacters, type Oracle } from './oracle.ts'

/** With code spans taken out, every line must be that of the twin: nothing but our own Markdown is left. */
export const markdownOracle: Oracle = (document, twin) => [
  ...hostileCharacters(document, '\n'),
  ...plainProblems(unescaped(document)),
  ...(/``/.test(document) ? ['a run of backticks'] : []),
  ...firstDifference('line', skeleton(document), skeleton(twin)),
]

/** Escapes undone where they are ones: in a code span a backslash is text. */
function unescaped(document: string): string {
  return document.replace(
    /`[^`|]+`|\\([!-/:-@[-`{-~])/g,
    (whole, escaped: string | undefined) => escaped ?? whole,
  )
}

function skeleton(document: string): string[] {
  return document.split('\n').map((line) =>
    line
      .replace(/(?:`[^`|]+`|&#(?:96|124);)+/g, '')
      .replace(/ +/g, ' ')
      .trimEnd(),
  )
}
