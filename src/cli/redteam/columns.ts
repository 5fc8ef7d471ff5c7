/** What of the program is shown payloads: every output, and every command whose text can hold one. */
import { OUTPUTS } from '../../output/outputs.ts'

/** Commands that print text of attackers, by the column that they are told in. */
export const COMMAND_COLUMNS = {
  session: ['session'],
  sessions: ['sessions'],
  report: ['report daily', 'report weekly', 'report monthly', 'report range'],
  export: ['export csv', 'export jsonl'],
  load: ['ingest bulk', 'ingest delta'],
  quarantine: ['quarantine list', 'quarantine show'],
  'dead letters': ['dlq list', 'dlq show'],
  rules: ['rules test', 'rules draft'],
  evidence: ['evidence reveal', 'evidence hold list', 'audit list'],
  anomalies: ['anomalies list', 'anomalies show', 'anomalies confirm'],
  status: ['status'],
  alerts: ['alerts list', 'alerts check', 'alerts ack'],
  errors: [],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type CommandColumn = keyof typeof COMMAND_COLUMNS

/** Commands without a column, and why. */
export const NO_COLUMN: Readonly<Record<string, string>> = {
  init: 'makes an empty store; says where',
  verify: 'names batches, rows and columns by number and by words of ours',
  serve: 'says its address; its pages are judged in test/hostile and test/web',
  'users list': 'says names of users, which are letters and digits',
  'users add': 'says a link',
  'users role': 'says a name and a role',
  'users invite': 'says a link',
  'users disable': 'says a name',
  'users enable': 'says a name',
  'users remove': 'says a name',
  'tokens list': 'says what users wrote of their tokens, encoded as words of an operator',
  'tokens add': 'says a token',
  'tokens revoke': 'says that it is over',
  replay: 'plays files that no load reads; test/replay sends every payload through them',
  'quarantine approve': 'says how many events were decided on',
  'quarantine reject': 'says how many events were decided on',
  'quarantine emergency': 'says what an operator wrote',
  'evidence export': 'says counts, digests and a path of the operator',
  // Packages are read by a page and a program of their own, which are judged in test/evidence.
  'evidence verify': 'says digests, numbers, and what operators wrote as reasons',
  'evidence redact': 'says a path of the operator and a count',
  'evidence hold add': 'says a number',
  'evidence hold release': 'says a number',
  'anomalies false':
    'says numbers; with --json the sensor, in visible form, as "anomalies show" does',
  'anomalies baseline': 'says counts, and sensors as "anomalies list" does',
  'dlq replay': 'says numbers, and what became of them',
  'dlq discard': 'says numbers',
  'rules list': 'says what the files of rules say',
  'rules show': 'says what the files of rules say',
  'rules stats': 'says names of rules and fields, which are words of ours, and counts',
  // Texts of an operator's databases are judged in test/geo: no log can bring them here.
  'geo status': 'says names of databases, which their makers wrote, and counts',
  'geo update': 'says counts',
  'geo lookup': 'says what the databases of an operator say, and no text of a log',
  'rules recompute': 'says names of rules and counts',
  'keys init': 'says names and paths of keys',
  'keys list': 'says names and paths of keys',
  'keys rotate': 'says names and paths of keys',
  'keys export-public': 'says a key',
  'alerts test': 'says names of channels and how they ended',
  doctor: 'says what is wrong with folders, settings and the store',
  'config explain': 'says settings, which an operator wrote',
  'db stats': 'says names of tables and counts',
  'db columns': 'says names of columns, which are made of words of ours',
  'db migrate': 'says numbers of migrations',
  'db status': 'says settings of the engine',
  'db check': 'says what the engine itself finds wrong with its pages',
  'db backup': 'says a path of the operator',
  'db restore': 'says a path of the operator',
  'db hydrate': 'says counts',
  'db roles': 'says names of roles, which an operator wrote',
  'db distribute': 'says names of tables',
  'db reconcile': 'says counts',
  synth: 'makes logs; reads none',
  redteam: 'says ids of payloads and problems in words of ours',
}

/** All columns, outputs first. */
export const COLUMNS: readonly string[] = [
  ...OUTPUTS.map(({ name }) => name),
  ...Object.keys(COMMAND_COLUMNS),
]
