import { readdirSync, readFileSync } from 'node:fs'
import { RulesError } from '../../core/errors.ts'
import { badRule, type RuleDefinition, readDefinition } from './definition.ts'
import { compileRules, type RuleOptions, type RuleSet } from './rule-set.ts'

/**
 * Loads the rules of a folder, one file a rule, and compiles them.
 *
 * @param folder - URL of the folder, with a slash at its end; other files than `*.json` are left alone
 * @throws RulesError RULES_UNREADABLE, RULES_BAD_RULE
 */
export function loadRules(folder: URL, options: RuleOptions): RuleSet {
  return compileRules(readRules(folder), options)
}

/** The definitions of a folder, in no order. */
export function readRules(folder: URL): RuleDefinition[] {
  const names = readOrFail('the folder of rules', () => readdirSync(folder))
  const definitions = names
    .filter((name) => name.endsWith('.json'))
    .map((name) => readRule(new URL(name, folder), name))
  if (definitions.length === 0) {
    throw new RulesError('RULES_UNREADABLE', 'The folder of rules holds no rule.', {
      hint: HINT,
    })
  }
  return definitions
}

const HINT =
  'The rules are part of the release: install it again, or give its user the right to read.'

function readRule(file: URL, name: string): RuleDefinition {
  const text = readOrFail(`the rule file ${name}`, () => readFileSync(file, 'utf8'))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw badRule(name, 'is not JSON', error)
  }
  const definition = readDefinition(value, name)
  if (`${definition.id}.json` !== name)
    throw badRule(name, 'has an "id" that its file is not named for')
  return definition
}

function readOrFail<Value>(what: string, read: () => Value): Value {
  try {
    return read()
  } catch (cause) {
    throw new RulesError('RULES_UNREADABLE', `Cannot read ${what}.`, { hint: HINT, cause })
  }
}
