/** A reviewed text turned into the draft of a rule: a person mends it before it is one. */
import { createHash } from 'node:crypto'
import type { FieldClass } from '../core/verdict.ts'
import type { Axis } from './rules/definition.ts'
import { shellFacts } from './shell.ts'
import { unwrap } from './unwrap/unwrap.ts'
import { fromVisible } from './visible.ts'

/** The file of a rule, as `docs/rules.md` describes it. */
export type RuleDraft = {
  readonly id: string
  readonly version: 1
  readonly axis: Axis
  readonly score: number
  readonly title: string
  readonly reason: string
  readonly techniques?: readonly string[]
  readonly on: readonly FieldClass[]
  readonly pattern: string
  readonly literals: readonly string[]
  readonly matches: readonly string[]
  readonly misses: readonly string[]
}

/**
 * @param visible - the text as it is stored
 * @returns a rule that hits this text: addresses, numbers and random names in it may be others, the rest stands as it is
 */
export function draftRule(visible: string, fieldClass: FieldClass, axis: Axis): RuleDraft {
  const typed = fromVisible(visible)
  const plain = unwrap(typed, fieldClass).texts.at(-1) ?? typed
  const lower = plain.toLowerCase().slice(0, PATTERN_CHARS)
  const name = createHash('sha256').update(typed).digest('hex').slice(0, 8)
  const words = [...new Set(lower.match(/[a-z][a-z_./-]{3,}/g) ?? [])].sort(
    (a, b) => b.length - a.length,
  )
  const commands = fieldClass === 'command' ? shellFacts(plain).commands : []
  return {
    id: `${axis}.draft.d${name}`,
    version: 1,
    axis,
    score: axis === 'threat' ? 50 : 70,
    title: `Draft: ${commands.length > 0 ? commands.slice(0, 4).join(', ') : fieldClass}`,
    reason:
      'Drafted from a reviewed event; say why it is a rule and name its source instead of https://attack.mitre.org/.',
    ...(axis === 'threat' ? { techniques: ['T1059'] } : {}),
    on: [fieldClass],
    pattern: patternOf(lower),
    literals: [words[0] ?? lower.slice(0, 16)],
    matches: [typed.slice(0, PATTERN_CHARS)],
    misses: ['ls -la'],
  }
}

/** Longer texts are cut: a rule names what is typical, and their start is. */
const PATTERN_CHARS = 300

// What differs from one attack to the next: addresses, long numbers, random names, blanks.
const CHANGING =
  /(?<address>\d{1,3}(?:\.\d{1,3}){3})|(?<hash>\b[0-9a-f]{16,}\b)|(?<number>\d{2,})|(?<blank>\s+)/g

function patternOf(lower: string): string {
  let pattern = ''
  let at = 0
  for (const found of lower.matchAll(CHANGING)) {
    pattern += escaped(lower.slice(at, found.index))
    const { address, hash, number } = found.groups ?? {}
    pattern +=
      address !== undefined
        ? '[0-9a-f.:]+'
        : hash !== undefined
          ? '[0-9a-f]+'
          : number !== undefined
            ? '[0-9]+'
            : '\\s+'
    at = found.index + found[0].length
  }
  return pattern + escaped(lower.slice(at))
}

function escaped(text: string): string {
  return text
    .replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
    .replace(
      /[\u0000-\u001f\u007f-\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}
