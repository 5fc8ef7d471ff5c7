/** Techniques of ATT&CK in the verdicts of a period. */
import { compareUtf8 } from '../core/text.ts'
import type { Technique } from './insights.ts'
import type { InsightSource, RuleFacts, TextReader } from './reader.ts'
import { TECHNIQUES } from './techniques.ts'

/** Those of most events first; equal ones in the order of their ids. An event counts once for each technique. */
export async function attackOf(source: InsightSource, reader: TextReader): Promise<Technique[]> {
  const rules = new Map<string, RuleFacts>()
  const found = new Map<string, { events: number; threatScore: number }>()
  for (const { hits, events } of await source.verdicts()) {
    const ofEvent = new Map<string, number>()
    for (const id of rulesOf(hits)) {
      const rule = rules.get(id) ?? reader.rule(id) ?? (await keptRule(source, id))
      rules.set(id, rule)
      for (const technique of rule.techniques)
        ofEvent.set(technique, Math.max(ofEvent.get(technique) ?? 0, rule.score))
    }
    for (const [technique, score] of ofEvent) {
      const sum = found.get(technique) ?? { events: 0, threatScore: 0 }
      sum.events += events
      sum.threatScore = Math.max(sum.threatScore, score)
      found.set(technique, sum)
    }
  }
  return [...found]
    .map(([id, sum]) => {
      // A rule of an older program may name what is no technique any more.
      const [name, tactic] = TECHNIQUES[id] ?? [id, 'not known']
      return { id, name, tactic, ...sum }
    })
    .sort((a, b) => b.events - a.events || compareUtf8(a.id, b.id))
}

/** Threats alone: hazards are no technique. @param hits - JSON: pairs of field and rule */
function rulesOf(hits: string): string[] {
  const pairs = JSON.parse(hits) as readonly (readonly [string, string])[] // made by us
  return pairs.map(([, rule]) => rule).filter((rule) => rule.startsWith('threat.'))
}

/** A rule that this program has no more, as rule sets of the store had it. */
async function keptRule(source: InsightSource, id: string): Promise<RuleFacts> {
  const kept = (await source.keptRules(id)).map((text) => JSON.parse(text) as Partial<RuleFacts>)
  return {
    techniques: [...new Set(kept.flatMap((rule) => rule.techniques ?? []))],
    score: Math.max(0, ...kept.map((rule) => rule.score ?? 0)),
  }
}
