/** Sources and loaders: where each stands, and what changes while somebody watches. */
import { toHex } from '../../core/bytes.ts'
import { LookupFailed } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { LIMITS } from '../../limits.ts'
import { checkpointPage } from '../../store/repo/checkpoints.ts'
import {
  batchesOfSource,
  fileCounts,
  type SourceStanding,
  sourceCounts,
  sourceNamed,
  sourcePage,
  sourcesNumbered,
  type Tiling,
  tilings,
} from '../../store/repo/source-list.ts'
import { type Following, type Loaders, lagOf, readLoaders } from '../../telemetry/loaders.ts'
import type { Parts } from '../parts.ts'

export const SOURCE_STATES = ['all', 'open', 'complete', 'torn', 'bomb'] as const

export type SourceFilter = {
  readonly state: (typeof SOURCE_STATES)[number]
  /** What its path holds. */
  readonly q?: string | undefined
  /** Name of a source, 32 hexadecimal digits: only older ones. */
  readonly before?: string | undefined
}

/** Sources, newest first, and the loaders. Those that are followed now stand apart, however old they are. */
export async function sourceList(parts: Parts, filter: SourceFilter) {
  const { query } = parts.store
  const loaders = readLoaders(parts.statusFolder)
  const page = await sourcePage(query, {
    state: filter.state === 'all' ? undefined : filter.state,
    part: filter.q,
    before: filter.before === undefined ? undefined : Buffer.from(filter.before, 'hex'),
    limit: LIMITS.webRowsMax + 1,
  })
  const shown = page.slice(0, LIMITS.webRowsMax)
  const followed =
    filter.before === undefined ? await sourcesNumbered(query, [...loaders.following.keys()]) : []
  return {
    loaders: loaders.loaders,
    counts: await sourceCounts(query),
    followed: await withFacts(parts, followed, loaders),
    sources: await withFacts(parts, shown, loaders),
    next: page.length > shown.length ? toHex(shown.at(-1)!.uid) : null,
  }
}

export type SourceJson = Awaited<ReturnType<typeof withFacts>>[number]

/** One source with its newest batches. @throws LookupFailed `LOOKUP_NO_SOURCE` */
export async function sourceDetail(parts: Parts, uid: string, beforeSeq: number | undefined) {
  const { query } = parts.store
  const found = await sourceNamed(query, Buffer.from(uid, 'hex'))
  if (found === undefined) {
    throw new LookupFailed('LOOKUP_NO_SOURCE', 'There is no source of this name.', {
      hint: 'The list of sources names those that are there.',
    })
  }
  const [source] = await withFacts(parts, [found], readLoaders(parts.statusFolder))
  const page = await batchesOfSource(query, found.id, { beforeSeq, limit: LIMITS.webRowsMax + 1 })
  const shown = page.slice(0, LIMITS.webRowsMax)
  const gone = new Set(page.map((batch) => batch.supersedes).filter((seq) => seq > 0))
  const [newest] = await checkpointPage(query, { limit: 1 })
  return {
    ...source!, // of the one that was found
    chain: shown.map((batch) => ({
      batch: batch.id,
      seq: batch.seq,
      startOffset: batch.start_offset,
      endOffset: batch.end_offset,
      records: batch.records,
      stored: batch.stored,
      duplicate: batch.duplicate,
      held: batch.held,
      dead: batch.dead,
      blank: batch.blank,
      expired: batch.expired,
      committedAt: formatInstant(batch.committed_at_us),
      supersedes: batch.supersedes,
      isSuperseded: gone.has(batch.seq),
      recordRoot: toHex(batch.record_root),
      viewRoot: toHex(batch.view_root),
      previousDigest: toHex(batch.previous_digest),
      digest: toHex(batch.digest),
      isSigned: newest !== undefined && newest.upToBatch >= batch.id,
    })),
    newestCheckpoint: newest?.seq ?? null,
    next: page.length > shown.length ? (shown.at(-1)?.seq ?? null) : null,
  }
}

export type SourceDetail = Awaited<ReturnType<typeof sourceDetail>>

async function withFacts(parts: Parts, sources: readonly SourceStanding[], loaders: Loaders) {
  const ids = sources.map((one) => one.id)
  const tiles = await tilings(parts.store.query, ids)
  const files = await fileCounts(parts.store.query, ids)
  return sources.map((one) => {
    const { id, uid, firstSeenUs, lastSeenUs, ...rest } = one
    const following = loaders.following.get(id)
    return {
      source: toHex(uid),
      ...rest,
      files: files.get(id) ?? 0,
      firstSeenAt: formatInstant(firstSeenUs),
      lastSeenAt: formatInstant(lastSeenUs),
      following: following === undefined ? null : followingJson(following),
      lagBytes: lagOf(one) ?? following?.lagBytes ?? null,
      tiling: tilingJson(tiles.get(id), one),
    }
  })
}

/** Said anew, so that nothing else of a file that others write gets into an answer. */
function followingJson(one: Following): Following {
  const { state, position, size, lagBytes, lagSeconds, eventsPerSecond, lastEventAt } = one
  return { state, position, size, lagBytes, lagSeconds, eventsPerSecond, lastEventAt }
}

function tilingJson(tiling: Tiling | undefined, { committedOffset }: SourceStanding) {
  const batches = tiling?.batches ?? 0
  const breaks = tiling?.breaks ?? 0
  return { batches, breaks, isWhole: breaks === 0 && (tiling?.end ?? 0) === committedOffset }
}

export type SourcesNow = {
  readonly at: string
  readonly loaders: readonly {
    readonly phase: string
    readonly state: string
    readonly lastUpdated: string
    readonly eventsPerSecond: number
    readonly lagBytes: number
    readonly stored: number
  }[]
  readonly sources: readonly (Following & { readonly source: string })[]
}

/**
 * What the loaders say, again and again, until the signal: at once, then whenever it is other than before.
 *
 * However many watch, the files are looked at once in `LIMITS.webWatchMs`.
 */
export async function* watchSources(parts: Parts, signal: AbortSignal): AsyncGenerator<SourcesNow> {
  const watch = watchOf(parts)
  let told = ''
  let quiet = 0
  while (!signal.aborted) {
    const now = await watch.look()
    const text = JSON.stringify({ ...now, at: '' })
    quiet += 1
    if (text !== told || quiet >= LIMITS.webWatchQuiet) {
      told = text
      quiet = 0
      yield now
    }
    await watch.next(signal)
  }
}

/** One look for everyone who watches the same store. */
class Watch {
  readonly #parts: Parts
  readonly #names = new Map<number, string>()
  #last: { readonly atMs: number; readonly now: Promise<SourcesNow> } | undefined
  #tick: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  look(): Promise<SourcesNow> {
    const nowMs = performance.now()
    if (this.#last === undefined || nowMs - this.#last.atMs >= LIMITS.webWatchMs * 0.9)
      this.#last = { atMs: nowMs, now: this.#read() }
    return this.#last.now
  }

  /** The next tick, the same for all; sooner where the signal comes. */
  async next(signal: AbortSignal): Promise<void> {
    this.#tick ??= new Promise<void>((resolve) => {
      setTimeout(() => {
        this.#tick = undefined
        resolve()
      }, LIMITS.webWatchMs).unref()
    })
    const tick = this.#tick
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done, { once: true })
      void tick.then(done)
    })
  }

  async #read(): Promise<SourcesNow> {
    const { loaders, following } = readLoaders(this.#parts.statusFolder)
    const unknown = [...following.keys()].filter((id) => !this.#names.has(id))
    for (const one of await sourcesNumbered(this.#parts.store.query, unknown))
      this.#names.set(one.id, toHex(one.uid))
    return {
      at: formatInstant(this.#parts.clock()),
      loaders: loaders.map(({ phase, state, lastUpdated, metrics }) => ({
        phase,
        state,
        lastUpdated,
        eventsPerSecond: metrics['events_per_second'] ?? 0,
        lagBytes: metrics['lag_bytes'] ?? 0,
        stored: metrics['events_inserted'] ?? 0,
      })),
      sources: [...following].flatMap(([id, one]) => {
        const source = this.#names.get(id)
        return source === undefined ? [] : [{ source, ...followingJson(one) }]
      }),
    }
  }
}

const watches = new WeakMap<Parts['store'], Watch>()

function watchOf(parts: Parts): Watch {
  const known = watches.get(parts.store) ?? new Watch(parts)
  watches.set(parts.store, known)
  return known
}
