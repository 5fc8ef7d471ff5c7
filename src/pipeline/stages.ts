/** What a reader works with, made from a plan that can be handed to another thread. */

import type { Recipient } from '../core/seal-types.ts'
import { makeRedactor, type RedactionPlan, type Redactor } from '../neutralize/pii/index.ts'
import { Scoring } from '../neutralize/scoring.ts'
import { standardRules } from '../neutralize/standard-rules.ts'
import type { BatchNeeds } from '../store/port.ts'
import { loadRegistry, type Registry } from '../validate/registry.ts'

export type StagesPlan = {
  /** URL of the folder with the event schemas. */
  readonly schemas: string
  /** URL of the folder with the rules. */
  readonly rules: string
  readonly needs: BatchNeeds
  /** Hazard from which an event is withheld; above 100 none is. */
  readonly holdHazard: number
  /** Whom sealed bytes are encrypted to; undefined leaves them unencrypted. */
  readonly recipient: Recipient | undefined
  readonly redaction: RedactionPlan
}

export type ReadingStages = {
  readonly registry: Registry
  readonly scoring: Scoring
  readonly needs: BatchNeeds
  readonly holdHazard: number
  readonly recipient: Recipient | undefined
  /** Takes personal data out of views; undefined leaves them whole. */
  readonly redactor: Redactor | undefined
}

/** @throws RedactionError `PII_PLUGIN_UNUSABLE` */
export async function makeStages(plan: StagesPlan): Promise<ReadingStages> {
  return {
    registry: loadRegistry(new URL(plan.schemas)),
    scoring: new Scoring(
      (onSlow) => standardRules(new URL(plan.rules), { onSlow, now: cpuMs }),
      () => performance.now(),
    ),
    needs: plan.needs,
    holdHazard: plan.holdHazard,
    recipient: plan.recipient,
    redactor: await makeRedactor(plan.redaction),
  }
}

/** CPU time of this thread, so that others on the machine count little; of the wall where Node cannot tell. */
function cpuMs(): number {
  if (typeof process.threadCpuUsage !== 'function') return performance.now()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
