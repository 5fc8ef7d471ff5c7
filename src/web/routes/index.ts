import type { Route } from '../route.ts'
import { overviewRoutes } from './overview.ts'
import { replayRoutes } from './replay.ts'

/** Every page and every part of the API. */
export const ROUTES: readonly Route[] = [...overviewRoutes, ...replayRoutes]
