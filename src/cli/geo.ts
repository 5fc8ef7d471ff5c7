/** Databases of places as commands use them. */
import { GeoError } from '../core/errors.ts'
import { US_PER_DAY } from '../core/instant.ts'
import type { GeoDatabase, GeoDatabases } from '../geo/reader.ts'
import { LIMITS } from '../limits.ts'
import type { App } from './app.ts'

/** What is said where nothing is configured. */
export const NOT_CONFIGURED = {
  message: 'No database of places is configured.',
  hint: 'Nothing is downloaded: put the path of your MMDB file into geo.databases of nacre.toml (docs/geo.md names makers; their licences apply to you).',
} as const

/** @throws GeoError `GEO_NOT_CONFIGURED`, and as `openDatabases` */
export async function configuredDatabases(app: App): Promise<GeoDatabases> {
  const { geoDatabases } = app.settings
  if (geoDatabases.length === 0)
    throw new GeoError('GEO_NOT_CONFIGURED', NOT_CONFIGURED.message, { hint: NOT_CONFIGURED.hint })
  const { openDatabases } = await import('../geo/reader.ts')
  const { systemFiles } = await import('../source/files.ts')
  return openDatabases(geoDatabases, systemFiles, app.clock)
}

/** One file of the settings, opened or the reason why not. */
export type Tried = {
  readonly path: string
  readonly database: GeoDatabase | undefined
  readonly error: GeoError | undefined
}

/** Every file of the settings by itself: for people, who want to hear of all that is wrong. */
export async function triedDatabases(app: App): Promise<readonly Tried[]> {
  const { openDatabase } = await import('../geo/reader.ts')
  const { systemFiles } = await import('../source/files.ts')
  const tried: Tried[] = []
  for (const path of app.settings.geoDatabases) {
    try {
      const database = await openDatabase(path, systemFiles, app.clock)
      tried.push({ path, database, error: undefined })
    } catch (error) {
      if (!(error instanceof GeoError)) throw error
      tried.push({ path, database: undefined, error })
    }
  }
  return tried
}

/** Whole days since it was made; undefined where it does not say when. */
export function ageDays({ builtAtUs }: GeoDatabase, nowUs: number): number | undefined {
  return builtAtUs === 0 ? undefined : Math.max(0, Math.floor((nowUs - builtAtUs) / US_PER_DAY))
}

export function isOld(database: GeoDatabase, nowUs: number): boolean {
  return (ageDays(database, nowUs) ?? 0) > LIMITS.geoOldDays
}
