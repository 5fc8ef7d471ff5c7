import type { Route } from '../route.ts'
import { alertRoutes } from './alerts.ts'
import { anomalyRoutes } from './anomalies.ts'
import { auditRoutes } from './audit.ts'
import { deadLetterRoutes } from './dead-letters.ts'
import { evidenceRoutes } from './evidence.ts'
import { integrityRoutes } from './integrity.ts'
import { overviewRoutes } from './overview.ts'
import { quarantineRoutes } from './quarantine.ts'
import { replayRoutes } from './replay.ts'
import { reportRoutes } from './reports.ts'
import { ruleRoutes } from './rules.ts'
import { searchRoutes } from './search.ts'
import { sessionRoutes } from './session.ts'
import { sessionsRoutes } from './sessions.ts'
import { sourceRoutes } from './sources.ts'

/** Every page and every part of the API. */
export const ROUTES: readonly Route[] = [
  ...overviewRoutes,
  ...quarantineRoutes,
  ...deadLetterRoutes,
  ...reportRoutes,
  ...sourceRoutes,
  ...integrityRoutes,
  ...ruleRoutes,
  ...auditRoutes,
  ...replayRoutes,
  ...sessionsRoutes,
  ...sessionRoutes,
  ...searchRoutes,
  ...evidenceRoutes,
  ...alertRoutes,
  ...anomalyRoutes,
]
