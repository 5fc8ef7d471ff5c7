/** Judges of what commands say: by a twin where there is one, else by the shape that each line must have. */
import { ORACLES } from '../../output/oracle/index.ts'
import { hostileCharacters } from '../../output/oracle/oracle.ts'

/** A text for a terminal, against that of its twin. */
export function judgeText(text: string, twin: string): readonly string[] {
  return ORACLES.text(withoutVerdicts(text), withoutVerdicts(twin))
}

/** The rules say more of a payload than of a harmless word: lines of ours, of which nothing is the attacker's. */
function withoutVerdicts(text: string): string {
  return text
    .split('\n')
    .filter((line) => !VERDICT.test(line))
    .join('\n')
}

const VERDICT =
  /^ {39}threat \d{1,3}, hazard \d{1,3}(?:: unwrapped [a-z0-9 -]{1,200})?(?:: [a-z0-9. -]{1,2000})?…?$/

/**
 * A text for a terminal without a twin: the rules say more of a payload than of a harmless word.
 *
 * @param shapes - each line must be of one of them; data stands behind an indent or in a cell
 * @param isExact - it is shown character by character on purpose: addresses may be whole
 */
export function judgeLines(
  text: string,
  shapes: readonly RegExp[],
  isExact = false,
): readonly string[] {
  const problems = ORACLES.text(text, text).filter(
    (problem) => !(isExact && problem.startsWith('an address that can be clicked')),
  )
  const lines = text.split('\n')
  const odd = lines.findIndex((line) => line !== '' && !shapes.some((shape) => shape.test(line)))
  return odd < 0 ? problems : [...problems, `line ${odd} is of no shape that the command prints`]
}

/**
 * A JSON document of a command.
 *
 * @param free - keys whose values depend on what the text holds: verdicts, and payloads with keys of the attacker
 */
export function judgeJson(text: string, twin: string, free: readonly string[]): readonly string[] {
  const problems = ORACLES.json(text, text)
  if (problems.length > 0) return problems
  const kept = (document: string): string => {
    const value: unknown = JSON.parse(document, (key, inner: unknown) =>
      // A text that is a number may give a duration where a word gives none.
      free.includes(key) ? leaves(inner) : typeof inner === 'number' ? null : inner,
    )
    return JSON.stringify(value)
  }
  return ORACLES.json(escaped(kept(text)), escaped(kept(twin)))
}

/**
 * A JSON document without a twin.
 *
 * @param isRaw - its values are the attacker's own on purpose: the document itself is looked at alone
 */
export function judgeJsonAlone(text: string, isRaw = false): readonly string[] {
  if (!isRaw) return ORACLES.json(text, text)
  const around = ORACLES.json(text, text).filter((one) => !one.startsWith('a hostile character'))
  return [...around, ...hostileCharacters(text, '')]
}

/** All that is compared of a value that the attacker shapes: its type. */
function leaves(value: unknown): unknown {
  return Array.isArray(value) ? [] : typeof value === 'object' && value !== null ? {} : 0
}

/** What the judge of JSON looks for stands in the document itself, and was judged there. */
function escaped(text: string): string {
  return text.replace(
    /[<>&\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
