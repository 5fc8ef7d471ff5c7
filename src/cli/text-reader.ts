/** The present rules, as reports ask them. */
import { sshKeysIn } from '../anomaly/ssh-keys.ts'
import type { SafeText } from '../core/text.ts'
import { fromVisible, toVisible } from '../neutralize/visible.ts'
import type { TextReader } from '../report/reader.ts'
import type { App } from './app.ts'

/** @throws RulesError */
export async function textReader(app: Pick<App, 'ruleSet'>): Promise<TextReader> {
  const rules = await app.ruleSet()
  const byId = new Map(rules.definitions.map((rule) => [rule.id, rule]))
  const scores = new Map<SafeText, { readonly threat: number; readonly hazard: number }>()
  return {
    ruleSet: rules.version,
    rule: (id) => byId.get(id),
    sshKeys: (command) => sshKeysIn(command).map((key) => toVisible(key.text)),
    score(command) {
      const known = scores.get(command) ?? rules.match(fromVisible(command), 'command')
      scores.set(command, known)
      return known
    },
  }
}
