import type { Command } from '../command.ts'
import { alertsAck, alertsCheck, alertsList, alertsTest } from './alerts.ts'
import {
  anomaliesBaseline,
  anomaliesConfirm,
  anomaliesFalse,
  anomaliesList,
  anomaliesShow,
} from './anomalies.ts'
import { auditList } from './audit.ts'
import { configExplain } from './config-explain.ts'
import { dbCheck, dbColumns, dbMigrate, dbReconcile, dbStats, dbStatus } from './db.ts'
import { dbBackup, dbRestore } from './db-copies.ts'
import { dbDistribute } from './db-distribute.ts'
import { dbHydrate } from './db-hydrate.ts'
import { dbRoles } from './db-roles.ts'
import { dlqDiscard, dlqList, dlqReplay, dlqShow } from './dlq.ts'
import { doctor } from './doctor.ts'
import { evidenceReveal } from './evidence.ts'
import { holdAdd, holdList, holdRelease } from './evidence-hold.ts'
import { evidenceExport, evidenceRedact, evidenceVerify } from './evidence-package.ts'
import { exportCsv, exportJsonl } from './export.ts'
import { geoLookup, geoStatus, geoUpdate } from './geo.ts'
import { ingestBulk } from './ingest-bulk.ts'
import { ingestDelta } from './ingest-delta.ts'
import { init } from './init.ts'
import { keysExportPublic, keysInit, keysList, keysRotate } from './keys.ts'
import {
  quarantineApprove,
  quarantineEmergency,
  quarantineList,
  quarantineReject,
  quarantineShow,
} from './quarantine.ts'
import { redteam } from './redteam.ts'
import { replay } from './replay.ts'
import { reportDaily, reportMonthly, reportRange, reportWeekly } from './report.ts'
import { rulesDraft, rulesList, rulesRecompute, rulesShow, rulesStats, rulesTest } from './rules.ts'
import { serve } from './serve.ts'
import { session, sessions } from './session.ts'
import { status } from './status.ts'
import { synth } from './synth.ts'
import { tokensAdd, tokensList, tokensRevoke } from './tokens.ts'
import {
  usersAdd,
  usersDisable,
  usersEnable,
  usersInvite,
  usersList,
  usersRemove,
  usersRole,
} from './users.ts'
import { verify } from './verify.ts'

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  init,
  ingestBulk,
  ingestDelta,
  reportDaily,
  reportWeekly,
  reportMonthly,
  reportRange,
  session,
  sessions,
  replay,
  serve,
  usersList,
  usersAdd,
  usersRole,
  usersInvite,
  usersDisable,
  usersEnable,
  usersRemove,
  tokensList,
  tokensAdd,
  tokensRevoke,
  verify,
  status,
  quarantineList,
  quarantineShow,
  quarantineApprove,
  quarantineReject,
  quarantineEmergency,
  dlqList,
  dlqShow,
  dlqReplay,
  dlqDiscard,
  rulesList,
  rulesShow,
  rulesTest,
  rulesStats,
  geoStatus,
  geoUpdate,
  geoLookup,
  rulesRecompute,
  rulesDraft,
  anomaliesList,
  anomaliesShow,
  anomaliesFalse,
  anomaliesConfirm,
  anomaliesBaseline,
  exportCsv,
  exportJsonl,
  evidenceReveal,
  evidenceExport,
  evidenceVerify,
  evidenceRedact,
  holdAdd,
  holdList,
  holdRelease,
  auditList,
  alertsList,
  alertsCheck,
  alertsTest,
  alertsAck,
  keysInit,
  keysList,
  keysRotate,
  keysExportPublic,
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
  redteam,
  synth,
]
