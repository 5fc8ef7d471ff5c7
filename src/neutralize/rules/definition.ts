import { RulesError } from '../../core/errors.ts'
import { FIELD_CLASSES, type FieldClass } from '../../core/verdict.ts'

export const AXES = ['threat', 'hazard'] as const

/** `threat`: what the attacker did to the honeypot. `hazard`: what the text could do to those who read it. */
export type Axis = (typeof AXES)[number]

/** One rule, as it stands in its file, with what the file may leave out filled in. */
export type RuleDefinition = {
  /** `axis.area.name`; the file is named for it. */
  readonly id: string
  /** Raised with every change of what the rule matches or says. */
  readonly version: number
  readonly axis: Axis
  /** 0 to 100. */
  readonly score: number
  readonly title: string
  /** Why it is a rule, with the address of a public page. */
  readonly reason: string
  /** ATT&CK techniques, ascending. */
  readonly techniques: readonly string[]
  /** Kinds of text it looks at, ascending. */
  readonly on: readonly FieldClass[]
  /** Word under which hits are counted together: `downloader`, `mirai`. */
  readonly family: string | undefined
  /** Source of a regular expression; undefined where a literal or a command alone is a hit. */
  readonly pattern: string | undefined
  /** Whether the pattern looks at the text as typed and not at its lower case. Literals never tell case. */
  readonly isExact: boolean
  /** Names of commands one of which must be run in the text, ascending; empty: no matter. */
  readonly commands: readonly string[]
  /** Lower-case strings one of which must occur, ascending; never empty. */
  readonly literals: readonly string[]
  /** Texts that it must hit. */
  readonly matches: readonly string[]
  /** Texts that it must not hit. */
  readonly misses: readonly string[]
}

const KEYS = new Set([
  ...['id', 'version', 'axis', 'score', 'title', 'reason', 'techniques', 'on', 'family'],
  ...['pattern', 'exact', 'commands', 'literals', 'matches', 'misses'],
])
const ID = /^(threat|hazard)\.[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*$/
const TECHNIQUE = /^T\d{4}(?:\.\d{3})?$/
const FAMILY = /^[a-z0-9]+(?:-[a-z0-9]+)*$/

/**
 * Checks what was read from a rule file and fills in what it leaves out.
 *
 * @param value - parsed JSON
 * @param name - where it comes from, for the message
 * @throws RulesError RULES_BAD_RULE naming the first fault
 */
export function readDefinition(value: unknown, name: string): RuleDefinition {
  const fail = (fault: string): never => {
    throw badRule(name, fault)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fail('is not a JSON object')
  }
  const rule = value as Readonly<Record<string, unknown>> // an object by the line above
  const unknown = Object.keys(rule).find((key) => !KEYS.has(key))
  if (unknown !== undefined) fail(`has a field "${unknown}" that no rule has`)

  const text = (key: string): string => {
    const found = rule[key]
    return typeof found === 'string' && found.trim() !== '' ? found : fail(`has no "${key}"`)
  }
  const list = (key: string): readonly string[] => {
    const found = rule[key] ?? []
    if (!Array.isArray(found) || found.some((each) => typeof each !== 'string' || each === '')) {
      return fail(`"${key}" is no list of texts`)
    }
    return found as string[] // every element was looked at
  }

  const id = text('id')
  const axis = AXES.find((each) => each === rule['axis']) ?? fail('has no "axis"')
  if (!ID.test(id) || !id.startsWith(`${axis}.`)) fail(`"id" is not of the form ${axis}.area.name`)
  const { version, score } = rule
  if (!isWhole(version) || version < 1) return fail('"version" is no number from 1')
  if (!isWhole(score) || score > 100) return fail('"score" is no number from 0 to 100')
  const reason = text('reason')
  if (!/https:\/\/[^\s]+\.[^\s]+/.test(reason)) fail('"reason" names no public page as its source')
  const techniques = list('techniques')
  if (!techniques.every((each) => TECHNIQUE.test(each))) fail('"techniques" are not ATT&CK ids')
  if (axis === 'threat' && techniques.length === 0) fail('is a threat without a technique')
  const family = rule['family'] === undefined ? undefined : text('family')
  if (family !== undefined && !FAMILY.test(family)) fail('"family" is no lower-case word')
  const { exact } = rule
  if (exact !== undefined && typeof exact !== 'boolean') fail('"exact" is neither true nor false')

  const pattern = rule['pattern'] === undefined ? undefined : text('pattern')
  const commands = list('commands')
  const literals = rule['literals'] === undefined ? commands : list('literals')
  if (literals.length === 0) fail('has no "literals" and no "commands"')
  if (literals.some((each) => each !== each.toLowerCase())) fail('"literals" are not lower case')
  const matches = list('matches')
  const misses = list('misses')
  if (matches.length === 0 || misses.length === 0) fail('has no examples in "matches" and "misses"')

  return {
    id,
    version,
    axis,
    score,
    title: text('title'),
    reason,
    techniques: techniques.toSorted(),
    on: classesOf(rule['on'] === undefined ? defaultClasses(axis) : list('on'), fail),
    family,
    pattern,
    isExact: exact === true,
    commands: commands.toSorted(),
    literals: [...new Set(literals)].toSorted(),
    matches,
    misses,
  }
}

/** The error for a rule that cannot be used. */
export function badRule(name: string, fault: string, cause?: unknown): RulesError {
  return new RulesError('RULES_BAD_RULE', `Rule ${name} ${fault}.`, {
    hint: 'docs/rules.md says what a rule holds. Mend the file, or restore it from the release.',
    cause,
  })
}

/** Text that is neither command nor credential is often Cowrie's own: its words are no act of the attacker. */
function defaultClasses(axis: Axis): readonly string[] {
  return axis === 'hazard' ? FIELD_CLASSES : FIELD_CLASSES.filter((each) => each !== 'text')
}

function classesOf(names: readonly string[], fail: (fault: string) => never): FieldClass[] {
  const classes = FIELD_CLASSES.filter((each) => names.includes(each))
  if (classes.length === 0 || classes.length !== new Set(names).size) {
    fail('"on" names a kind of text that does not exist')
  }
  return classes.toSorted()
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}
