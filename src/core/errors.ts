import type { SafeText } from './text.ts'

/** What may stand in the context of an error: nothing an attacker wrote. */
export type ErrorContext = Readonly<Record<string, SafeText | number | boolean>>

/**
 * A failure that an operator can act on. Every code has an entry in `docs/reference/errors.md`.
 *
 * `message` says what and where, `hint` what to try next. Neither may hold text from a log.
 */
export class OperatingError<Code extends string = string> extends Error {
  readonly code: Code
  readonly hint: string
  readonly context: ErrorContext

  constructor(
    code: Code,
    message: string,
    options: { readonly hint: string; readonly context?: ErrorContext; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.hint = options.hint
    this.context = options.context ?? {}
  }
}

/** The command was called wrongly: exit status 2. */
export class UsageError extends OperatingError<
  | 'USAGE_UNKNOWN_COMMAND' // no such command
  | 'USAGE_BAD_OPTION' // an option is unknown, lacks its value or is out of range
  | 'USAGE_BAD_ARGUMENT' // an argument is missing, superfluous or not of the form asked for
> {}

/** Reading of a source failed as a whole; single bad records are never errors. Told in the report of a load. */
export type SourceErrorCode =
  | 'SOURCE_NOT_FOUND' // the path names nothing
  | 'SOURCE_NO_ACCESS' // the operating system refuses to read it
  | 'SOURCE_READ_FAILED' // reading broke off with an input/output error

/** The database, its lock or its disk. */
export class StoreError extends OperatingError<
  | 'STORE_BUSY' // another process holds the writer lock longer than the wait allows
  | 'STORE_NEWER' // the database was made by a newer program
  | 'STORE_OLDER' // the database has the schema of an older program, and this command only reads
  | 'STORE_FOREIGN' // the file is not a nacre database
  | 'STORE_CORRUPT' // the engine reports a damaged file
  | 'STORE_DISK_FULL' // no space left for the next transaction
  | 'STORE_NO_ACCESS' // file or folder cannot be read or written
  | 'STORE_UNSUPPORTED' // the store URL names an engine this release does not have
  | 'STORE_BAD_ADDRESS' // the URL of a database server, or a file it names, cannot be used
  | 'STORE_UNREACHABLE' // the database server cannot be reached, or broke off and did not come back in time
  | 'STORE_REFUSED' // the database server refused a statement
  | 'STORE_MOVE_FAILED' // what was moved to another store is not what was there
  | 'STORE_NOT_FOUND' // a read-only command was given a store that does not exist
  | 'STORE_BACKUP_FAILED' // the backup could not be written or is not whole
  | 'STORE_RESTORE_REFUSED' // the copy to restore did not verify
  | 'STORE_MIGRATION_FAILED' // a migration did not apply
> {}

/** Keys and seals. */
// biome-ignore format: one code a line, so that the page of codes can be compared
export class SealError extends OperatingError<
  | 'SEAL_KEY_UNREADABLE' // the signing key file is damaged or has no read permission
  | 'SEAL_RECIPIENT_UNREADABLE' // a file of a recipient key is damaged or cannot be read or written
  | 'SEAL_WRONG_KEY' // the two halves of the recipient key do not belong together
  | 'SEAL_NO_PRIVATE_KEY' // the private key that opens these sealed bytes is not here
  | 'SEAL_DAMAGED' // sealed bytes or their envelope do not open: they were changed or damaged
> {}

/** A setting has a value that cannot be used. */
export class ConfigError extends OperatingError<
  | 'CONFIG_UNKNOWN_SETTING' // the file names a setting that does not exist
  | 'CONFIG_BAD_VALUE' // wrong type or out of range
  | 'CONFIG_UNREADABLE' // the file exists but cannot be read or is not TOML
  | 'CONFIG_NO_SECRET' // a secret that a setting refers to is not there
> {}

/** Personal data could not be taken out of what was read; nothing is stored then. */
export class RedactionError extends OperatingError<
  | 'PII_PLUGIN_UNUSABLE' // the file of a detector cannot be loaded or is no detector
  | 'PII_PLUGIN_FAILED' // a detector threw an error or returned no usable ranges
> {}

/** What is to leave cannot be made fit for who gets it, or cannot be made apart from the network. */
export class ExportError extends OperatingError<
  | 'REDACT_KEY_UNREADABLE' // the secret that pseudonyms are made with is damaged, or cannot be read or written
  | 'EXPORT_NO_CHILD' // the process that writes an export could not be started, or was ended from outside
> {}

/** A result was made and could not be handed over. */
// biome-ignore format: one code a line, so that the page of codes can be compared
export class OutputError extends OperatingError<
  | 'OUTPUT_BROKEN_OFF' // a file or standard output did not take a result to its end
> {}

/** A database of places, which an operator keeps, cannot be used. */
export class GeoError extends OperatingError<
  | 'GEO_NOT_CONFIGURED' // no database is named in the settings
  | 'GEO_UNREADABLE' // the file is not there, is no file, or cannot be read
  | 'GEO_TOO_LARGE' // a file is larger, or files are more, than is kept in memory
  | 'GEO_CHANGING' // the file was changed while it was read
  | 'GEO_NOT_A_DATABASE' // the file is not in the MMDB format, or its end is missing
  | 'GEO_DAMAGED' // the file says that it is in the MMDB format, and breaks it
  | 'GEO_NO_FACTS' // the database knows neither countries nor networks
> {}

/** A recording of a terminal cannot be played. */
// biome-ignore format: one code a line, so that the page of codes can be compared
export class ReplayError extends OperatingError<
  | 'REPLAY_NO_LOG' // no event of the session names a recording of this number
  | 'REPLAY_NO_FILE' // its file was not looked up, or is not there any more
  | 'REPLAY_CHANGED' // its file is not the one that was looked up
  | 'REPLAY_BUSY' // too many replays wait already
  | 'REPLAY_FAILED' // it took too long or too much memory
> {}

/** Something asked for is not there. */
export class LookupFailed extends OperatingError<
  | 'LOOKUP_NO_SESSION' // no session of this id
  | 'LOOKUP_NO_SENSOR' // no sensor of this name
  | 'LOOKUP_AMBIGUOUS' // several sensors have a session of this id
  | 'LOOKUP_NO_BATCH' // no batch of this number withheld anything
  | 'LOOKUP_NO_EVENT' // no event or record of this number is there, or waits for a decision
  | 'LOOKUP_NO_LETTER' // no dead letter of this number
  | 'LOOKUP_NO_RULE' // no rule of this id
  | 'LOOKUP_NO_HOLD' // no legal hold of this number is in force
  | 'LOOKUP_NO_SOURCE' // no source of this name
  | 'LOOKUP_NO_REPORT' // no report of this name is kept
  | 'LOOKUP_NO_ALERT' // no open alert of this number
  | 'LOOKUP_NO_ANOMALY' // no anomaly of this number, or it is decided already
> {}

/** Sealed bytes are not shown. */
export class EvidenceError extends OperatingError<
  | 'EVIDENCE_NO_REASON' // no reason was given
  | 'EVIDENCE_NO_RIGHT' // the user is not one of those who may
  | 'EVIDENCE_EMERGENCY' // nothing is revealed while everything new is withheld
  | 'EVIDENCE_NOT_SIGNED' // no checkpoint covers what is to be exported, and no key is here to sign one
  | 'EVIDENCE_TOO_LARGE' // more lines or bytes than one package holds
  | 'EVIDENCE_BAD_PACKAGE' // the package does not hold, so that it is not worked on
> {}

/** The rules that texts are matched with. */
export class RulesError extends OperatingError<
  | 'RULES_UNREADABLE' // the folder of rules or a file in it cannot be read
  | 'RULES_BAD_RULE' // a rule file lacks something, or its pattern cannot be used
  | 'RULES_UNKNOWN_RULE' // a rule to be left out does not exist
> {}

/** People who may use the dashboard, and their tokens. */
export class AccountError extends OperatingError<
  | 'ACCOUNT_UNREADABLE' // the file of accounts is damaged or cannot be read or written
  | 'ACCOUNT_BUSY' // another process is changing the accounts
  | 'ACCOUNT_BAD_NAME' // a name of other characters than those of names
  | 'ACCOUNT_TAKEN' // there is a user of this name already
  | 'ACCOUNT_UNKNOWN' // no user of this name
  | 'ACCOUNT_WEAK_PASSWORD' // a password that is too short, too long or one of the usual ones
  | 'ACCOUNT_LAST_ADMIN' // nobody would be left who may manage users
  | 'ACCOUNT_BAD_LINK' // a one-time link that is used, too old or never was
  | 'ACCOUNT_UNKNOWN_TOKEN' // no token of this id
  | 'ACCOUNT_FULL' // more users or tokens than are kept
> {}

/** The dashboard cannot be opened as it was asked for. */
export class ServeError extends OperatingError<
  | 'SERVE_NO_TLS' // it would be open to a network without encryption
  | 'SERVE_BAD_TLS' // certificate or key cannot be read, or do not belong together
  | 'SERVE_PORT_TAKEN' // something listens there already
  | 'SERVE_CANNOT_LISTEN' // the operating system refuses the address
> {}

/** A request of the dashboard that cannot be answered; the status says of what kind. */
export class RequestError extends OperatingError<
  | 'REQUEST_BAD_FIELD' // a field is missing, superfluous or not of the form asked for
  | 'REQUEST_UNREADABLE' // the request itself is broken
  | 'REQUEST_NO_SIGN_IN' // nobody is signed in, or the token is not valid
  | 'REQUEST_NO_RIGHT' // the role or token does not have the right
  | 'REQUEST_FORGED' // the form does not come from a page of this sign-in
  | 'REQUEST_WRONG_HOST' // the address in the browser is not one of this server
  | 'REQUEST_NOT_FOUND' // there is no such page
  | 'REQUEST_WRONG_METHOD' // the page is there, but does not take this method
  | 'REQUEST_TOO_LARGE' // more than a form may hold
  | 'REQUEST_WRONG_TYPE' // neither a form nor JSON
  | 'REQUEST_TOO_MANY' // too many in a short time, or at once
  | 'REQUEST_FAULT' // a fault in the program
> {}

/** A PDF could not be made. */
export class PdfError extends OperatingError<
  | 'PDF_NO_CHROMIUM' // no browser that prints was found
  | 'PDF_FAILED' // the browser did not start, broke off or gave no PDF
  | 'PDF_TOO_SLOW' // the browser took longer than it may
> {}
