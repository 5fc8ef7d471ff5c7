/** Places for a program that runs on: databases are opened again when their files change, new addresses are looked up. */
import type { InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import type { PlaceStore } from '../store/port.ts'
import { type EnrichReport, enrich } from './enrich.ts'
import { type GeoDatabases, type GeoFiles, openDatabases, reopenReplaced } from './reader.ts'

export type GeoWatchOptions = {
  /** As `geo.databases` names them; with none every tick does nothing. */
  readonly paths: readonly string[]
  readonly files: GeoFiles
  /** One of its own: a connection that loads at the same time has its own turn to wait for. */
  readonly store: { readonly places: PlaceStore }
  readonly clock: () => InstantUs
  readonly signal: AbortSignal
  /** Addresses looked up in one tick. */
  readonly lookedUpMax?: number
}

export type GeoTick = {
  /** Files that were opened or replaced since the last tick are in use now. */
  readonly isReloaded: boolean
  readonly enriched: EnrichReport | undefined
  /** What went wrong, in the databases or in the store; what worked before goes on. */
  readonly problem: unknown
}

/** Where an address is said to be, as far as it is known. */
export type Whereabouts = { readonly country?: string; readonly asn?: number }

/** Call `tick` every minute; nothing of it throws. */
export class GeoWatch {
  readonly #options: GeoWatchOptions
  #databases: GeoDatabases | undefined
  #ticking: Promise<GeoTick> | undefined
  #after = 0
  #ticks = 0
  readonly #answers = new Map<string, Whereabouts | undefined>()

  constructor(options: GeoWatchOptions) {
    this.#options = options
  }

  /** The databases in use; undefined before the first tick, and while none could be opened. */
  get databases(): GeoDatabases | undefined {
    return this.#databases
  }

  /**
   * Opens files that changed, and looks up a bounded number of addresses.
   *
   * A file that cannot be used leaves the one before it in use. A call while another one runs is that one.
   */
  tick(): Promise<GeoTick> {
    this.#ticking ??= this.#tick().finally(() => {
      this.#ticking = undefined
    })
    return this.#ticking
  }

  /**
   * Where an address is said to be; undefined where that is not known. Never throws.
   *
   * @param ip - any text
   */
  lookup(ip: string): Whereabouts | undefined {
    const databases = this.#databases
    if (databases === undefined || ip.length > LIMITS.geoAddressCharsMax) return undefined
    if (this.#answers.has(ip)) return this.#answers.get(ip)
    const { country, asn } = databases.lookup(ip)
    const answer =
      country === null && asn === null
        ? undefined
        : { ...(country === null ? {} : { country }), ...(asn === null ? {} : { asn }) }
    // All at once: attackers choose how many addresses there are, and the common ones are soon there again.
    if (this.#answers.size >= LIMITS.geoAnswersKeptMax) this.#answers.clear()
    this.#answers.set(ip, answer)
    return answer
  }

  async #tick(): Promise<GeoTick> {
    const { paths, store, clock, signal, lookedUpMax = LIMITS.geoTickAddressesMax } = this.#options
    if (paths.length === 0) return { isReloaded: false, enriched: undefined, problem: undefined }
    let isReloaded = false
    let problem: unknown
    try {
      isReloaded = await this.#reload()
    } catch (error) {
      problem = error
    }
    if (this.#databases === undefined) return { isReloaded, enriched: undefined, problem }
    // Numbers only grow, but some come late: now and then all of them are looked at.
    if (isReloaded || this.#ticks % LIMITS.geoSweepTicks === 0) this.#after = 0
    this.#ticks += 1
    try {
      const enriched = await enrich(store, this.#databases, {
        ...{ signal, clock, lookedUpMax, passedMax: LIMITS.geoTickPassedMax },
        ...{ after: this.#after, keepsNewer: true },
      })
      this.#after = enriched.refused > 0 ? 0 : enriched.after
      return { isReloaded, enriched, problem }
    } catch (error) {
      return { isReloaded, enriched: undefined, problem: problem ?? error }
    }
  }

  /** @returns whether other content is in use now @throws GeoError */
  async #reload(): Promise<boolean> {
    const { paths, files, clock } = this.#options
    const before = this.#databases
    this.#databases =
      before === undefined
        ? await openDatabases(paths, files, clock)
        : await reopenReplaced(before, files, clock)
    const isOther = before?.set.digest !== this.#databases.set.digest
    if (isOther) this.#answers.clear()
    return isOther
  }
}
