/**
 * Every table and column, once: types for the query builder, classes for `db columns`, text for the data-model page.
 *
 * A test compares it with the database that the migrations make.
 */

/** What protects a column; `docs/data-model.md` explains the classes. */
export type ColumnClass = 'sealed' | 'derived' | 'journalled' | 'operational'

/** `key` is an integer of 64 bits that stands for a session; other integers are below 2^53. */
export type ColumnType = 'integer' | 'key' | 'text' | 'blob' | 'json'

/** The number of a session; an engine may use all of 64 bits, and then gives large ones as text. Only compared. */
export type SessionKey = number | string

export type Column = {
  readonly type: ColumnType
  readonly null?: true
  readonly class: ColumnClass
  readonly meaning: string
}

/** How a column is declared where an engine has these four types; engines with others say so themselves. */
export function plainType(type: ColumnType): 'integer' | 'text' | 'blob' {
  return type === 'key' ? 'integer' : type === 'json' ? 'text' : type
}

const integer = (cls: ColumnClass, meaning: string) =>
  ({ type: 'integer', class: cls, meaning }) as const
const key = (cls: ColumnClass, meaning: string) => ({ type: 'key', class: cls, meaning }) as const
const json = (cls: ColumnClass, meaning: string) => ({ type: 'json', class: cls, meaning }) as const
const text = (cls: ColumnClass, meaning: string) => ({ type: 'text', class: cls, meaning }) as const
const blob = (cls: ColumnClass, meaning: string) => ({ type: 'blob', class: cls, meaning }) as const
const integerOrNull = (cls: ColumnClass, meaning: string) =>
  ({ type: 'integer', null: true, class: cls, meaning }) as const
const textOrNull = (cls: ColumnClass, meaning: string) =>
  ({ type: 'text', null: true, class: cls, meaning }) as const

export const TABLES = {
  sensors: {
    id: integer('derived', 'small number of the sensor; stands for the name in other tables'),
    name: text(
      'sealed',
      'name of the sensor, visible form; covered by the row digests of its events',
    ),
  },
  event_kinds: {
    id: integer('derived', 'small number of the event id'),
    name: text('sealed', 'event id as Cowrie writes it (`cowrie.login.failed`), visible form'),
  },
  sources: {
    id: integer('derived', 'number of the source; batches name it'),
    uid: blob('sealed', 'random name of the lineage, 16 bytes; part of every batch digest'),
    sensor_override: text(
      'sealed',
      'sensor given by the operator, empty when the events name their own',
    ),
    head_length: integer('derived', 'bytes of the stream that `head_digest` covers, at most 1,024'),
    head_digest: blob(
      'derived',
      'SHA-256 of the first `head_length` bytes: proposes the lineage of a file',
    ),
    tail_digest: blob(
      'derived',
      'SHA-256 of the up to 4,096 bytes before `committed_offset`: proof for plain files',
    ),
    committed_offset: integer('derived', 'bytes of the decompressed stream that batches cover'),
    records: integer('derived', 'records in the batches that count'),
    batches: integer('derived', 'batches committed, superseded ones included'),
    last_digest: blob('derived', 'digest of the newest batch'),
    open_seq: integer(
      'derived',
      'seq of a last batch that holds the broken end of a file; 0 for none',
    ),
    state: text('operational', '`open`, `complete`, `torn` or `bomb`: how the last reading ended'),
    pending_bytes: integer(
      'operational',
      'bytes seen behind the cursor that are no whole record yet',
    ),
    compression: text('operational', 'how the newest copy was packed'),
    path: text('operational', 'where the newest copy was seen, visible form'),
    first_seen_us: integer('operational', 'when the lineage was first met'),
    last_seen_us: integer('operational', 'when it was last read'),
  },
  source_files: {
    path: text('operational', 'path of a file, links resolved'),
    sensor_override: text('operational', 'sensor given when it was read'),
    source_id: integerOrNull('operational', 'lineage; null for a foreign file'),
    device: text('operational', 'device number'),
    inode: text('operational', 'inode number'),
    size: integer('operational', 'bytes on disk'),
    mtime_ns: text('operational', 'time of last change of content, nanoseconds since 1970'),
    ctime_ns: text('operational', 'time of last change of the inode, nanoseconds since 1970'),
    foreign_kind: textOrNull('operational', 'what kind of foreign file it is'),
    is_finished: integer(
      'operational',
      '1 when everything in it has been taken and no tail is pending',
    ),
  },
  batches: {
    id: integer('derived', 'number of the batch in the order of commits'),
    source_id: integer('sealed', 'source; its uid is in the digest'),
    seq: integer('sealed', 'number of the batch within its source, from 1'),
    start_offset: integer('sealed', 'first byte in the decompressed stream'),
    end_offset: integer('sealed', 'byte after the last'),
    first_record: integer('sealed', 'number of its first record within the source, from 0'),
    records: integer('sealed', 'records of every fate'),
    stored: integer('sealed', 'records that became new events'),
    duplicate: integer('sealed', 'records whose event was there already'),
    held: integer('sealed', 'records that were withheld for a person'),
    dead: integer('sealed', 'records that are dead letters'),
    blank: integer('sealed', 'blank records'),
    expired: integer('sealed', 'records older than retention keeps'),
    supersedes: integer(
      'sealed',
      'seq of an earlier batch that this one takes the place of; 0 for none',
    ),
    blocks: integer('sealed', 'number of its blocks'),
    record_root: blob('sealed', 'root over its blocks'),
    view_root: blob('sealed', 'root over the rows and dead letters it added'),
    schema_version: text('sealed', 'set of event schemas that validated it'),
    rule_set: text('sealed', 'set of rules that scored it'),
    program_version: text('sealed', 'program that loaded it'),
    committed_at_us: integer('sealed', 'instant of the load'),
    previous_digest: blob('sealed', 'digest of the batch before in the same source'),
    digest: blob('sealed', 'digest of all of this'),
  },
  blocks: {
    batch_id: integer('sealed', 'batch'),
    n: integer('sealed', 'number within the batch, from 0'),
    start_offset: integer('sealed', 'first byte in the decompressed stream'),
    end_offset: integer('sealed', 'byte after the last'),
    records: integer('sealed', 'records or segments in it'),
    root: blob('sealed', 'root over their hashes'),
    sha256: blob('sealed', 'SHA-256 of their bytes; proof of lineage for compressed files'),
    codec: text('sealed', '`zstd`, or `zstd+aes-256-gcm`'),
    key_id: text('sealed', 'recipient that can open it; empty where it is not encrypted'),
    bytes: blob('sealed', 'the exact bytes that were logged'),
  },
  batch_days: {
    batch_id: integer('sealed', 'batch'),
    day: integer('sealed', 'UTC day, days since 1970-01-01'),
    rows: integer('sealed', 'rows the batch added on that day'),
    root: blob('sealed', 'root over their digests'),
  },
  raw_events: {
    id: integer(
      'operational',
      'number of the row; no proof rests on it, other tables do not use it',
    ),
    batch_id: integer('sealed', 'batch that added it'),
    record_no: integer('sealed', 'number of its record within the batch, from 0'),
    event_time_us: integer('sealed', 'time of the event, microseconds since 1970, UTC'),
    session_key: key('sealed', 'session; its sensor and id are in the row digest'),
    kind_id: integer('sealed', 'event id; its name is in the row digest'),
    flags: integer('sealed', 'what was noticed while reading, a sum of bits'),
    digest: blob('sealed', 'first 16 bytes of the hash of the canonical form'),
    notes: textOrNull(
      'sealed',
      'with commas: names of known fields that had a wrong type, and `pii:email=2` for what was redacted',
    ),
    payload: json(
      'sealed',
      'the event as JSON in visible form: what queries and reports may touch',
    ),
    verdict_id: integer('derived', 'verdict of the rules; 0 where nothing hit'),
  },
  held_events: {
    id: integer('operational', 'number of the row'),
    batch_id: integer('sealed', 'batch that withheld it'),
    record_no: integer('sealed', 'number of its record within the batch'),
    event_time_us: integer('sealed', 'time of the event'),
    session_key: key('sealed', 'session'),
    kind_id: integer('sealed', 'event id'),
    flags: integer('sealed', 'what was noticed while reading'),
    digest: blob('sealed', 'first 16 bytes of the hash of the canonical form'),
    notes: textOrNull('sealed', 'fields of a wrong type and redactions, as in `raw_events`'),
    payload: json('sealed', 'the event as JSON in visible form'),
    state: text('journalled', '`held` or `rejected`; an approved event moves to `raw_events`'),
    verdict_id: integer('derived', 'verdict of the rules'),
  },
  held_sessions: {
    session_key: key('derived', 'number of a session that held events belong to'),
    sensor_id: integer('derived', 'its sensor; the name is in the row digests of its held events'),
    session: text('sealed', 'session id; in the row digests of its held events'),
  },
  sessions: {
    session_key: key('derived', 'number of the session; stands for sensor and id in other tables'),
    sensor_id: integer('derived', 'sensor'),
    session: text(
      'derived',
      "session id as Cowrie gave it; empty for the sensor's events without a session",
    ),
    first_event_us: integer('derived', 'time of its first event'),
    last_event_us: integer('derived', 'time of its last event'),
    src_ip: integerOrNull(
      'derived',
      'value: address of the peer, from the earliest event that has one',
    ),
    src_ip_us: integerOrNull('derived', 'time of that event'),
    protocol: textOrNull('derived', '`ssh` or `telnet`'),
    protocol_us: integerOrNull('derived', 'time of that event'),
    client_version: integerOrNull('derived', 'value: SSH identification'),
    client_version_us: integerOrNull('derived', 'time of that event'),
    hassh: integerOrNull('derived', 'value: fingerprint of the key exchange'),
    hassh_us: integerOrNull('derived', 'time of that event'),
    duration_ms: integerOrNull('derived', 'what `session.closed` says, milliseconds'),
    duration_us: integerOrNull('derived', 'time of that event'),
    event_count: integer('derived', 'events'),
    connect_count: integer('derived', '`session.connect` events: start seen when above 0'),
    closed_count: integer('derived', '`session.closed` events: end seen when above 0'),
    command_count: integer('derived', '`command.input` events'),
    failed_command_count: integer('derived', '`command.failed` events'),
    login_failed_count: integer('derived', '`login.failed` events'),
    login_success_count: integer('derived', '`login.success` events'),
    download_count: integer('derived', '`session.file_download` events'),
    upload_count: integer('derived', '`session.file_upload` events'),
    threat_score: integer('derived', '0 to 100: the highest of its events'),
    hazard_score: integer('derived', '0 to 100: the highest of its events'),
  },
  values: {
    id: integer('derived', 'number of the value; stands for the text in other tables'),
    kind: integer(
      'derived',
      '1 command, 2 password, 3 user name, 4 credential, 5 address, 6 client version, 7 HASSH, 8 file, 9 URL, 10 detector that redacted',
    ),
    digest: blob(
      'derived',
      'first 16 bytes of the hash of the text: the text may be too long for an index',
    ),
    value: text('derived', "the text, visible form, credentials without Cowrie's spelling"),
  },
  session_values: {
    session_key: key('derived', 'session'),
    value_id: integer('derived', 'value'),
    day: integer('derived', 'UTC day'),
    count: integer('derived', 'events of the session on that day that have the value'),
  },
  daily_values: {
    day: integer('derived', 'UTC day'),
    sensor_id: integer('derived', 'sensor'),
    kind: integer('derived', 'kind of the value'),
    value_id: integer('derived', 'value'),
    count: integer('derived', 'events'),
    sessions: integer('derived', 'sessions in which it occurs on that day'),
  },
  daily_events: {
    day: integer('derived', 'UTC day'),
    sensor_id: integer('derived', 'sensor'),
    kind_id: integer('derived', 'event id'),
    count: integer('derived', 'events'),
  },
  verdicts: {
    id: integer('derived', 'number of the verdict; stands for it in other tables'),
    digest: blob('derived', 'first 16 bytes of the hash of scores, hits and layers'),
    threat: integer('derived', '0 to 100: what the attacker did to the honeypot'),
    hazard: integer('derived', '0 to 100: what the text could do to those who read it'),
    hits: text('derived', 'JSON: pairs of field and rule, ordered'),
    layers: text('derived', 'JSON: encodings that were undone to read it, ordered'),
  },
  daily_verdicts: {
    day: integer('derived', 'UTC day'),
    sensor_id: integer('derived', 'sensor'),
    verdict_id: integer('derived', 'verdict'),
    count: integer('derived', 'events'),
  },
  rule_sets: {
    version: text('derived', 'name of the rule set: digest over its rules'),
    rule_id: text('derived', 'rule'),
    definition: text('derived', 'the rule as JSON, so that old verdicts can be made again'),
  },
  verdict_runs: {
    seq: integer('journalled', 'journal entry of the run that made verdicts again'),
    rule_set: text('journalled', 'rule set it used'),
    from_batch: integer('journalled', 'first batch whose events it covers'),
    to_batch: integer('journalled', 'last batch'),
  },
  modes: {
    name: text('journalled', '`emergency`'),
    state: text('journalled', '`on` or `off`'),
    seq: integer('journalled', 'journal entry that set it'),
  },
  legal_holds: {
    id: integer('journalled', 'number of the hold: of the journal entry that added it'),
    sensor: text('journalled', 'sensor it is about; empty for any'),
    session: text('journalled', 'session id of that sensor; empty for any'),
    source: text('journalled', 'uid of a source, 32 hex digits; empty for any'),
    from_us: integerOrNull('journalled', 'events at or after this time; null for any'),
    until_us: integerOrNull('journalled', 'events before this time; null for any'),
    released_seq: integer('journalled', 'journal entry that released it; 0 while it is in force'),
  },
  schema_versions: {
    version: text('derived', 'name of the set of schemas: digest over its files'),
    file: text('derived', 'file in `schemas/events/`'),
    digest: text('derived', 'first 32 hex digits of the BLAKE3 of the file'),
  },
  schema_drift: {
    what: text('derived', '`unknown-event`, `unknown-field` or `wrong-type`'),
    eventid: text('derived', 'event id'),
    field: text('derived', 'field; empty for an unknown event'),
    count: integer('derived', 'events'),
    first_us: integer('derived', 'time of the earliest'),
    last_us: integer('derived', 'time of the latest'),
  },
  dead_letters: {
    id: integer('operational', 'number of the row'),
    batch_id: integer('sealed', 'batch that met it'),
    start_offset: integer('sealed', 'first byte in the decompressed stream of the source'),
    end_offset: integer('sealed', 'byte after the last'),
    first_record: integer('sealed', 'number of its first record within the batch'),
    records: integer('sealed', 'records it stands for; 0 for the further part of a long region'),
    reason: text('sealed', 'reason code'),
    detail: text('sealed', 'our own words about it'),
    state: text('journalled', '`new`, `replayed`, `superseded` or `discarded`'),
  },
  decisions: {
    id: integer('journalled', 'number of the decision'),
    subject: text('journalled', 'what was decided on: table and place'),
    from_state: text('journalled', 'state before'),
    to_state: text('journalled', 'state after'),
    actor: text('journalled', 'who decided'),
    reason: text('journalled', 'why'),
    decided_at_us: integer('journalled', 'when'),
  },
  audit_log: {
    seq: integer('journalled', 'number of the entry, from 1 without gap'),
    at_us: integer('journalled', 'when'),
    actor: text('journalled', 'who: a command, a person, a service'),
    action: text('journalled', 'what was done'),
    subject: text('journalled', 'to what'),
    reason: text('journalled', 'why'),
    detail: text('journalled', 'further facts as JSON, with the digest of the row it changed'),
    previous_digest: blob('journalled', 'digest of the entry before'),
    digest: blob('journalled', 'digest of this entry'),
  },
  audit_door: {
    is_open: integer(
      'operational',
      '1 within a transaction that writes the journal; triggers look at it',
    ),
  },
  signing_keys: {
    key_id: text('journalled', 'name of the key: start of the hash of its public half'),
    public_key: blob('journalled', 'public half, 32 bytes'),
    made_at_us: integer('journalled', 'when it was made'),
  },
  recipient_keys: {
    key_id: text('journalled', 'name of the key: start of the hash of its public half'),
    public_key: blob('journalled', 'public half (X25519), 32 bytes'),
    made_at_us: integer('journalled', 'when it was made'),
  },
  batch_keys: {
    batch_id: integer('sealed', 'batch whose blocks are encrypted'),
    key_id: text('sealed', 'recipient that can open them'),
    ephemeral: blob('sealed', 'public half of the key made for this batch'),
    wrapped: blob('sealed', 'the data key, encrypted to the recipient'),
  },
  checkpoints: {
    seq: integer('sealed', 'number of the checkpoint, from 1'),
    made_at_us: integer('sealed', 'when'),
    up_to_batch: integer('sealed', 'newest batch it covers'),
    sources: integer('sealed', 'sources it covers'),
    tree_root: blob('sealed', 'root over the newest batch of every source'),
    journal_seq: integer('sealed', 'newest journal entry it covers'),
    journal_head: blob('sealed', 'digest of that entry'),
    previous_digest: blob('sealed', 'digest of the checkpoint before'),
    key_id: text('sealed', 'key that signed'),
    signature: blob('sealed', 'Ed25519 over all of this'),
  },
  migrations: {
    id: integer('derived', 'number of the migration'),
    name: text('derived', 'its name'),
    applied_at_us: integer('operational', 'when it was applied'),
  },
  followed_paths: {
    path: text('operational', 'a file that an operator named to be followed, where it really is'),
    sensor_override: text('operational', 'sensor given by the operator, empty for none'),
    since_us: integer(
      'operational',
      'since when: what was rotated away from it and written to after this instant is loaded with it',
    ),
  },
  address_places: {
    value_id: integer('operational', 'value: an address'),
    set_id: integer('operational', 'databases that were asked: rows of `geo_databases`'),
    country: textOrNull('operational', 'ISO 3166-1 alpha-2; null where no database knows it'),
    city: textOrNull('operational', 'name of the city, visible form'),
    asn: integerOrNull('operational', 'number of the autonomous system'),
    organisation: textOrNull('operational', 'who runs that system, visible form'),
    network: textOrNull(
      'operational',
      'network that this is said of; null where no database knows the address',
    ),
    looked_up_at_us: integer('operational', 'when the databases were asked'),
  },
  geo_databases: {
    set_id: integer('operational', 'number of the databases that were asked together'),
    position: integer('operational', 'place in the order in which they were asked, from 0'),
    set_digest: text('operational', 'names the set: hash over the digests of its files'),
    digest: text('operational', 'SHA-256 of the file, 64 hex digits'),
    type: text('operational', 'name of its kind, as its maker wrote it, visible form'),
    description: text('operational', 'as its maker wrote it, visible form'),
    facts: text('operational', 'what its records know, with commas'),
    path: text('operational', 'where the file lay, visible form'),
    built_at_us: integer('operational', 'when its maker made it; 0 where it does not say'),
    loaded_at_us: integer('operational', 'when the file was read'),
  },
  metrics: {
    name: text('operational', 'what is counted; `docs/rules.md` lists them'),
    value: integer('operational', 'since the store was made'),
  },
  activity_hours: {
    sensor_id: integer('operational', 'sensor'),
    hour: integer(
      'operational',
      'whole hours since 1970, UTC; of figures by place the first hour of their day',
    ),
    metric: text(
      'operational',
      'what is counted; `docs/anomalies.md` lists them; `country:FR`, `asn:3215` are sessions by place',
    ),
    value: integer('operational', 'events, sessions, values, seconds or a highest figure'),
  },
  anomalies: {
    id: integer('operational', 'number of the anomaly'),
    detector: text('operational', 'what found it'),
    sensor_id: integer('operational', 'sensor'),
    hour: integer('operational', 'hour it is about, whole hours since 1970, UTC'),
    severity: text('operational', '`alarm` or `notice`'),
    first_seen_us: integer('operational', 'when it was found'),
    last_seen_us: integer('operational', 'when its figure last grew'),
    figure: integer('operational', 'what was counted'),
    baseline: integer('operational', 'hundredths: what is usual, the median of the hours compared'),
    spread: integer('operational', 'hundredths: by how much such hours differ'),
    samples: integer('operational', 'hours compared'),
    basis: text(
      'operational',
      '`hour of the week`, `hour of the day`, `all hours`; `none` for a notice',
    ),
    score: integer('operational', 'hundredths: spreads that the figure lies above the baseline'),
    threshold: integer('operational', 'hundredths: score from which it is an alarm'),
    evidence: text(
      'operational',
      'JSON: addresses, sessions, values behind it, at most ten, visible form',
    ),
    state: text('operational', '`new`, `confirmed` or `false`; the journal has the decision, too'),
    decided_by: textOrNull('operational', 'who decided'),
    decided_at_us: integerOrNull('operational', 'when'),
    reason: textOrNull('operational', 'why'),
  },
  detectors: {
    detector: text('operational', 'name of a detector'),
    sensor_id: integer('operational', 'sensor'),
    factor_percent: integer(
      'operational',
      'its threshold, percent of the ordinary one: raised by false alarms',
    ),
  },
  alerts: {
    id: integer('operational', 'number of the alert; `nacre alerts ack` names it'),
    kind: text('operational', 'what it is; `docs/alerts.md` lists the kinds'),
    subject: text(
      'operational',
      'sensor, source or the like, visible form, at most 200 characters',
    ),
    state: text('operational', '`open`, `acknowledged` or `resolved`'),
    severity: text('operational', '`warning` or `critical`'),
    first_at_us: integer('operational', 'when it was first met, this time'),
    last_at_us: integer('operational', 'when it was met last'),
    seen: integer('operational', 'looks that met it, this time'),
    missed: integer('operational', 'looks in a row that did not meet it any more'),
    occurrences: integer('operational', 'how often it was opened'),
    figure: integer('operational', 'what was measured, rounded, in the unit of its kind'),
    threshold: integer('operational', 'what it was compared with, rounded'),
    sentence: text('operational', 'our own words about it'),
    notified_at_us: integer('operational', 'when a message about it last got through; 0 for never'),
    deliveries: text(
      'operational',
      'JSON: for each channel what it was told, when, and how the last try ended',
    ),
  },
  alert_marks: {
    name: text('operational', 'what looks remember: the first look, counts of dead letters'),
    value: integer('operational', 'its value'),
    at_us: integer('operational', 'when it was set'),
  },
  alert_channels: {
    channel: text('operational', '`webhook`, `mail` or `command`'),
    sent: text('operational', 'JSON: instants of the messages of the last hour'),
    suppressed: text('operational', 'JSON: messages that were held back and not told of yet'),
  },
  artifacts: {
    path: text('operational', 'where the file lay when it was looked at'),
    sha256: text('operational', 'SHA-256 of its bytes, 64 hex digits'),
    size: integer('operational', 'bytes'),
    kind: text('operational', '`tty` or `download`'),
    seen_at_us: integer('operational', 'when it was looked at'),
    named_by: text('operational', 'how events name it: a hash or a file name'),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Column>>>>

type TypeOf<C extends Column> =
  | (C['type'] extends 'integer'
      ? number
      : C['type'] extends 'key'
        ? SessionKey
        : C['type'] extends 'blob'
          ? Uint8Array
          : string)
  | (C extends { readonly null: true } ? null : never)

type TableTypes = {
  [T in keyof typeof TABLES]: {
    [C in keyof (typeof TABLES)[T]]: (typeof TABLES)[T][C] extends Column
      ? TypeOf<(typeof TABLES)[T][C]>
      : never
  }
}

/** The tables as the query builder sees them, with the readable view. */
export type Database = TableTypes & {
  readonly events: {
    sensor: string
    session: string
    eventid: string
    src_ip: string | null
    at: string
    username: string | null
    password: string | null
    input: string | null
    threat: number
    hazard: number
    hits: string | null
    payload: string
  }
}

export type Row<T extends keyof typeof TABLES> = TableTypes[T]
