/** Dead letters: what the page and the API tell of them, and the decisions that both take. */
import { LookupFailed } from '../../core/errors.ts'
import { DEAD_REASON_MEANINGS } from '../../core/event.ts'
import { LIMITS } from '../../limits.ts'
import { type Decider, discard, letterJson, replay } from '../../pipeline/dead-letters.ts'
import type { Store } from '../../store/port.ts'
import {
  type DeadLetterPlace,
  deadLetterCounts,
  deadLetterPage,
} from '../../store/repo/dead-letters.ts'
import type { Parts } from '../parts.ts'
import { versionsOf } from './quarantine.ts'

export const LETTER_STATES = ['new', 'replayed', 'superseded', 'discarded', 'all'] as const

export type LetterFilter = {
  readonly state: (typeof LETTER_STATES)[number]
  readonly reason?: string | undefined
  /** Name of a source, 32 hexadecimal digits. */
  readonly source?: string | undefined
  readonly before?: number | undefined
}

/** Dead letters, newest first. */
export async function letterList({ store }: Parts, filter: LetterFilter) {
  const page = await deadLetterPage(
    store.query,
    {
      state: filter.state === 'all' ? undefined : filter.state,
      reason: filter.reason,
      sourceUid: filter.source === undefined ? undefined : Buffer.from(filter.source, 'hex'),
      before: filter.before,
    },
    LIMITS.webRowsMax + 1,
  )
  const shown = page.slice(0, LIMITS.webRowsMax)
  return {
    counts: await deadLetterCounts(store.query),
    letters: shown.map(withMeaning),
    next: page.length > shown.length ? (shown.at(-1)?.id ?? null) : null,
  }
}

export type LetterJson = ReturnType<typeof withMeaning>

/** @throws LookupFailed `LOOKUP_NO_LETTER` */
export async function letterNumbered({ store }: Parts, id: number): Promise<LetterJson> {
  return withMeaning(await letterOf(store, id))
}

/** @throws LookupFailed `LOOKUP_NO_LETTER` for one that is not there or decided on; StoreError `STORE_BUSY` */
export async function discardLetter({ store }: Parts, id: number, by: Decider) {
  await discard(store, await letterOf(store, id), by)
  return { letter: id, state: 'discarded' }
}

/**
 * Reads a dead letter again.
 *
 * @throws LookupFailed, StoreError as above; SealError `SEAL_NO_PRIVATE_KEY`
 */
export async function replayLetter(parts: Parts, id: number, by: Decider) {
  const again = await parts.openAgain()
  try {
    const letter = await letterOf(again, id)
    const writer = again.writer(versionsOf(parts))
    try {
      const { outcome, fates } = await replay(again, writer, letter, {
        ...(await parts.reading(again, writer.needs)),
        ...by,
        privateKeys: await parts.privateKeys(),
        acceptEnriched: false,
        nowUs: parts.clock(),
      })
      return { letter: id, outcome, ...fates }
    } finally {
      await writer.close()
    }
  } finally {
    await again.close()
  }
}

async function letterOf(store: Store, id: number): Promise<DeadLetterPlace> {
  const [letter] = await deadLetterPage(store.query, { id }, 1)
  if (letter !== undefined) return letter
  throw new LookupFailed('LOOKUP_NO_LETTER', `There is no dead letter ${id}.`, {
    hint: 'The list of dead letters names those that are there.',
  })
}

function withMeaning(letter: DeadLetterPlace) {
  return {
    ...letterJson(letter),
    meaning: DEAD_REASON_MEANINGS.get(letter.reason) ?? '',
    source: Buffer.from(letter.sourceUid).toString('hex'),
  }
}
