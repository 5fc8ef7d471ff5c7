import type { Route } from '../route.ts'
import { overviewRoutes } from './overview.ts'
import { searchRoutes } from './search.ts'
import { sessionRoutes } from './session.ts'
import { sessionsRoutes } from './sessions.ts'

/** Every page and every part of the API. */
export const ROUTES: readonly Route[] = [
  ...overviewRoutes,
  ...sessionsRoutes,
  ...sessionRoutes,
  ...searchRoutes,
]
