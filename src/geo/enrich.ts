/** Looks addresses up and keeps what was found, beside the loads and never in their way. */
import type { InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import type { AddressRow, DatabaseSet, PlaceRow, PlaceStore } from '../store/port.ts'
import { hasFacts } from './facts.ts'
import type { GeoDatabases } from './reader.ts'

export type EnrichOptions = {
  readonly signal: AbortSignal
  readonly clock: () => InstantUs
  /** Addresses in one transaction. */
  readonly batch?: number
  /** Begins behind this number of the dictionary. */
  readonly after?: number
  /** Ends when so many were looked up, or passed: what is left is for the next call. */
  readonly lookedUpMax?: number
  readonly passedMax?: number
  /**
   * Leaves places alone that come from newer files than these: of two hosts that follow into one store with files of
   * different ages, one would else undo what the other does.
   */
  readonly keepsNewer?: boolean
  /** Looks up and counts, and writes nothing. */
  readonly isDryRun?: boolean
  readonly progress?: (lookedUp: number) => void
}

export type EnrichReport = {
  /** Addresses that had no place from these files. */
  readonly lookedUp: number
  readonly withCountry: number
  readonly withAsn: number
  readonly withNone: number
  /** Of them, those whose record in a file cannot be read. */
  readonly damaged: number
  /** Addresses of which the store had other ideas when they were to be written: a load took them back. */
  readonly refused: number
  /** The last number of the dictionary that was passed. */
  readonly after: number
  /** No address is left. */
  readonly isComplete: boolean
}

/**
 * Gives every address of the store a place from these databases, where it has none from them.
 *
 * Older places stay until they are replaced. Each batch is a transaction of its own: a call that was stopped is gone on
 * with by the next one, and a second call finds nothing to do. What is written depends on address and files alone.
 *
 * @throws StoreError; what was committed stays
 */
export async function enrich(
  { places }: { readonly places: PlaceStore },
  databases: GeoDatabases,
  options: EnrichOptions,
): Promise<EnrichReport> {
  const { signal, clock, batch = LIMITS.geoBatchMax, isDryRun = false } = options
  const { lookedUpMax = Number.POSITIVE_INFINITY, passedMax = Number.POSITIVE_INFINITY } = options
  const kept = options.keepsNewer === true ? await newerSets(places, databases.set) : new Set()
  const isDue = ({ setDigest }: AddressRow): boolean =>
    setDigest !== databases.set.digest && !kept.has(setDigest)
  const sum = { lookedUp: 0, withCountry: 0, withAsn: 0, withNone: 0, damaged: 0, refused: 0 }
  let after = options.after ?? 0
  let passed = 0
  let isComplete = false
  while (!signal.aborted && sum.lookedUp < lookedUpMax && passed < passedMax) {
    const page = await places.addresses(after, batch)
    const rows: PlaceRow[] = []
    for (const { valueId, address } of page.filter(isDue)) {
      const { isDamaged, ...place } = databases.lookup(address)
      rows.push({ valueId, address, ...place })
      if (isDamaged) sum.damaged += 1
      if (place.country !== null) sum.withCountry += 1
      if (place.asn !== null) sum.withAsn += 1
      if (!hasFacts(place)) sum.withNone += 1
    }
    if (rows.length > 0 && !isDryRun)
      sum.refused += rows.length - (await places.save(databases.set, rows, clock()))
    sum.lookedUp += rows.length
    passed += page.length
    after = page.at(-1)?.valueId ?? after
    options.progress?.(sum.lookedUp)
    isComplete = page.length < batch
    if (isComplete) break
  }
  if (isComplete && sum.lookedUp > 0 && !isDryRun) await places.forgetUnusedSets()
  return { ...sum, after, isComplete }
}

/** Names of sets whose newest file was made after the newest of these. */
async function newerSets(places: PlaceStore, set: DatabaseSet): Promise<ReadonlySet<unknown>> {
  const own = newestOf(set)
  const sets = await places.sets()
  return new Set(
    sets
      // Of the same age: one of the two, and always the same one.
      .filter((one) => newestOf(one) > own || (newestOf(one) === own && one.digest > set.digest))
      .map((one) => one.digest),
  )
}

function newestOf({ databases }: DatabaseSet): InstantUs {
  return Math.max(...databases.map((one) => one.builtAtUs))
}
