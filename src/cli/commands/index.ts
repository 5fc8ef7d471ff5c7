import type { Command } from '../command.ts'
import { configExplain } from './config-explain.ts'
import { dbCheck, dbColumns, dbMigrate, dbReconcile, dbStats, dbStatus } from './db.ts'
import { dbBackup, dbRestore } from './db-copies.ts'
import { dbDistribute } from './db-distribute.ts'
import { dbHydrate } from './db-hydrate.ts'
import { dbRoles } from './db-roles.ts'
import { doctor } from './doctor.ts'
import { ingestBulk } from './ingest-bulk.ts'
import { init } from './init.ts'
import { reportDaily, reportMonthly, reportWeekly } from './report.ts'
import { session, sessions } from './session.ts'
import { status } from './status.ts'
import { synth } from './synth.ts'
import { verify } from './verify.ts'

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  init,
  ingestBulk,
  reportDaily,
  reportWeekly,
  reportMonthly,
  session,
  sessions,
  verify,
  status,
  doctor,
  dbStats,
  dbColumns,
  dbMigrate,
  dbStatus,
  dbCheck,
  dbBackup,
  dbRestore,
  dbHydrate,
  dbRoles,
  dbDistribute,
  dbReconcile,
  configExplain,
  synth,
]
