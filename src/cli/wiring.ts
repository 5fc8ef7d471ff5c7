/** Puts the seal and neutralize stages behind the interface that the store asks for. */

import { VALUE_KINDS } from '../core/event.ts'
import { eventClassOf } from '../core/event-class.ts'
import { Description, describe } from '../neutralize/describe.ts'
import { checkpointDigest, checkpointMessage, journalDigest, sourcesRoot } from '../seal/chain.ts'
import { batchDigest, deadLetterDigest, ViewSealer, viewRoot } from '../seal/view.ts'
import type { Sealing } from '../store/sealing.ts'

const description = new Description()
const FACT_KINDS: Readonly<Record<string, number>> = {
  srcIp: VALUE_KINDS.ip,
  clientVersion: VALUE_KINDS.clientVersion,
  hassh: VALUE_KINDS.hassh,
}

export const sealing: Sealing = {
  viewSealer: () => new ViewSealer(),
  viewRoot: (days, dead, held, envelope) =>
    viewRoot(days, dead.map(deadLetterDigest), held, envelope),
  batchDigest,
  sourcesRoot,
  checkpointMessage,
  checkpointDigest,
  journalDigest,
  factOf(payload, eventid, fact) {
    describe(payload, eventClassOf(eventid), description)
    if (fact === 'protocol') return description.protocol
    if (fact === 'durationMs') return description.durationMs
    for (let i = 0; i < description.count; i += 1) {
      if (description.kinds[i] === FACT_KINDS[fact]) return description.texts[i]
    }
    return undefined
  },
}
