/** Which rules made the verdict of an event, so that it can be made again. */
import type { PlainObject } from '../core/json.ts'
import type { Verdict } from '../core/verdict.ts'
import { EventScorer } from '../neutralize/score.ts'
import type { StandardRules } from '../neutralize/standard-rules.ts'
import type { Row } from '../store/schema.ts'
import type { VerifyReads } from '../store/verify-port.ts'

/** Batches that were loaded before there were rules name this. */
export const NO_RULES = 'none'

type Scorer = { score(view: PlainObject): Verdict | undefined }

export class RuleBook {
  readonly #scorers = new Map<string, Scorer | undefined>([[NO_RULES, { score: () => undefined }]])
  readonly #definitions = new Map<string, { readonly id: string; readonly definition: string }[]>()
  readonly #runs: readonly Row<'verdict_runs'>[]
  readonly #rules: StandardRules
  /** Rule sets whose verdicts this program cannot make again: it reads texts in another way. */
  readonly unknown = new Set<string>()

  private constructor(
    rules: StandardRules,
    ruleSets: readonly Row<'rule_sets'>[],
    runs: readonly Row<'verdict_runs'>[],
  ) {
    this.#rules = rules
    this.#runs = runs
    for (const row of ruleSets) {
      const list = this.#definitions.get(row.version) ?? []
      list.push({ id: row.rule_id, definition: row.definition })
      this.#definitions.set(row.version, list)
    }
  }

  static async of(reads: VerifyReads, rules: StandardRules): Promise<RuleBook> {
    return new RuleBook(rules, await reads.ruleSets(), await reads.verdictRuns())
  }

  /**
   * Rule sets whose rules are not those of their name, or are not kept.
   *
   * @param named - rule sets that batches name
   */
  faults(named: Iterable<string>): string[] {
    const wanted = new Set([...named, ...this.#runs.map((run) => run.rule_set)])
    wanted.delete(NO_RULES)
    return [
      ...[...this.#definitions]
        .filter(([version, texts]) => !this.#rules.isRuleSet(version, texts))
        .map(([version]) => `rule_sets ${version}: is not the digest over its rules`),
      ...[...wanted]
        .filter((version) => !this.#definitions.has(version))
        .map(
          (version) =>
            `rule_sets ${version}: verdicts were made by it, but its rules are not there`,
        ),
    ]
  }

  /** The rule set that made the verdicts of a batch: the one it was loaded by, or the newest that ran over it. */
  ruleSetOf(batchId: number, loadedBy: string): string {
    let found = loadedBy
    for (const run of this.#runs)
      if (batchId >= run.from_batch && batchId <= run.to_batch) found = run.rule_set
    return found
  }

  /** What makes verdicts by a rule set again; undefined when this program cannot. */
  scorer(ruleSet: string): Scorer | undefined {
    if (this.#scorers.has(ruleSet)) return this.#scorers.get(ruleSet)
    const matcher =
      ruleSet === this.#rules.version
        ? this.#rules
        : this.#rules.compile(ruleSet, this.#definitions.get(ruleSet) ?? [])
    const scorer = matcher === undefined ? undefined : new EventScorer(matcher)
    if (scorer === undefined) this.unknown.add(ruleSet)
    this.#scorers.set(ruleSet, scorer)
    return scorer
  }
}

/** @returns what differs between a verdict that is stored and the one that was made again; undefined when nothing does */
export function verdictDifference(
  stored: Verdict | undefined,
  made: Verdict | undefined,
): string | undefined {
  const isSame =
    stored === undefined || made === undefined
      ? stored === made
      : stored.threat === made.threat &&
        stored.hazard === made.hazard &&
        stored.hits === made.hits &&
        stored.layers === made.layers
  return isSame ? undefined : 'verdict is not what the rules say'
}
