-- The schema of an SQLite database of nacre, version 9. docs/data-model.md says what the columns mean.
-- Made from src/store/migrations/ by tools/make-schema-page.ts: write a migration, do not change this page.

CREATE TABLE migrations (id integer primary key, name text not null, applied_at_us integer not null) strict;

CREATE TABLE sensors (
  id   integer primary key,
  name text    not null unique
) strict;

CREATE TABLE event_kinds (
  id   integer primary key,
  name text    not null unique
) strict;

CREATE TABLE sources (
  id               integer primary key,
  uid              blob    not null unique check (length(uid) = 16),
  sensor_override  text    not null,
  head_length      integer not null,
  head_digest      blob    not null check (length(head_digest) = 32),
  tail_digest      blob    not null check (length(tail_digest) = 32),
  committed_offset integer not null check (committed_offset >= 0),
  records          integer not null,
  batches          integer not null,
  last_digest      blob    not null check (length(last_digest) = 32),
  open_seq         integer not null,
  state            text    not null,
  pending_bytes    integer not null,
  compression      text    not null,
  path             text    not null,
  first_seen_us    integer not null,
  last_seen_us     integer not null
) strict;

CREATE INDEX sources_head on sources (head_digest);

CREATE TABLE source_files (
  path            text    not null,
  sensor_override text    not null,
  source_id       integer references sources (id),
  device          text    not null,
  inode           text    not null,
  size            integer not null,
  mtime_ns        text    not null,
  ctime_ns        text    not null,
  foreign_kind    text,
  is_finished     integer not null,
  primary key (path, sensor_override)
) strict;

CREATE TABLE batches (
  id              integer primary key,
  source_id       integer not null references sources (id),
  seq             integer not null,
  start_offset    integer not null,
  end_offset      integer not null,
  first_record    integer not null,
  records         integer not null,
  stored          integer not null,
  duplicate       integer not null,
  held            integer not null,
  dead            integer not null,
  blank           integer not null,
  expired         integer not null,
  supersedes      integer not null,
  blocks          integer not null,
  record_root     blob    not null check (length(record_root) = 32),
  view_root       blob    not null check (length(view_root) = 32),
  schema_version  text    not null,
  rule_set        text    not null,
  program_version text    not null,
  committed_at_us integer not null,
  previous_digest blob    not null check (length(previous_digest) = 32),
  digest          blob    not null check (length(digest) = 32),
  unique (source_id, seq),
  check (records = stored + duplicate + held + dead + blank + expired),
  check (end_offset >= start_offset)
) strict;

CREATE TABLE blocks (
  batch_id     integer not null references batches (id),
  n            integer not null,
  start_offset integer not null,
  end_offset   integer not null,
  records      integer not null,
  root         blob    not null check (length(root) = 32),
  sha256       blob    not null check (length(sha256) = 32),
  codec        text    not null,
  key_id       text    not null,
  bytes        blob    not null,
  primary key (batch_id, n)
) strict;

CREATE TABLE batch_days (
  batch_id integer not null references batches (id),
  day      integer not null,
  rows     integer not null,
  root     blob    not null check (length(root) = 32),
  primary key (batch_id, day)
) strict, without rowid;

CREATE TABLE raw_events (
    id            integer primary key,
    batch_id      integer not null,
    record_no     integer not null,
    event_time_us integer not null,
    session_key   integer not null,
    kind_id       integer not null,
    flags         integer not null,
    digest        blob    not null,
    notes         text,
    payload       text    not null
  , verdict_id integer not null default 0) strict;

CREATE UNIQUE INDEX raw_events_key on raw_events (event_time_us, session_key, digest);

CREATE TABLE held_events (
    id            integer primary key,
    batch_id      integer not null,
    record_no     integer not null,
    event_time_us integer not null,
    session_key   integer not null,
    kind_id       integer not null,
    flags         integer not null,
    digest        blob    not null,
    notes         text,
    payload       text    not null,
    state         text    not null
  , verdict_id integer not null default 0) strict;

CREATE UNIQUE INDEX held_events_key on held_events (event_time_us, session_key, digest);

CREATE TABLE sessions (
  session_key          integer primary key,
  sensor_id            integer not null,
  session              text    not null,
  first_event_us       integer not null,
  last_event_us        integer not null,
  src_ip               integer,
  src_ip_us            integer,
  protocol             text,
  protocol_us          integer,
  client_version       integer,
  client_version_us    integer,
  hassh                integer,
  hassh_us             integer,
  duration_ms          integer,
  duration_us          integer,
  event_count          integer not null,
  connect_count        integer not null,
  closed_count         integer not null,
  command_count        integer not null,
  failed_command_count integer not null,
  login_failed_count   integer not null,
  login_success_count  integer not null,
  download_count       integer not null,
  upload_count         integer not null,
  threat_score         integer not null,
  hazard_score         integer not null
) strict;

CREATE UNIQUE INDEX sessions_name on sessions (session, sensor_id);

CREATE INDEX sessions_start on sessions (first_event_us, sensor_id, session, command_count, failed_command_count,
  login_success_count, connect_count, closed_count, duration_ms);

CREATE INDEX sessions_over_midnight on sessions (last_event_us)
  where (last_event_us / 86400000000 <> first_event_us / 86400000000) is true;

CREATE TABLE "values" (
  id     integer primary key,
  kind   integer not null,
  digest blob    not null,
  value  text    not null
) strict;

CREATE UNIQUE INDEX values_key on "values" (digest, kind);

CREATE TABLE session_values (
  session_key integer not null,
  value_id    integer not null,
  day         integer not null,
  count       integer not null,
  primary key (session_key, value_id, day)
) strict, without rowid;

CREATE TABLE daily_values (
  day       integer not null,
  sensor_id integer not null,
  kind      integer not null,
  value_id  integer not null,
  count     integer not null,
  sessions  integer not null,
  primary key (kind, day, value_id, sensor_id)
) strict, without rowid;

CREATE TABLE daily_events (
  day       integer not null,
  sensor_id integer not null,
  kind_id   integer not null,
  count     integer not null,
  primary key (day, sensor_id, kind_id)
) strict, without rowid;

CREATE TABLE schema_versions (
  version text not null,
  file    text not null,
  digest  text not null,
  primary key (version, file)
) strict, without rowid;

CREATE TABLE schema_drift (
  what     text    not null,
  eventid  text    not null,
  field    text    not null,
  count    integer not null,
  first_us integer not null,
  last_us  integer not null,
  primary key (what, eventid, field)
) strict, without rowid;

CREATE TABLE dead_letters (
  id           integer primary key,
  batch_id     integer not null references batches (id),
  start_offset integer not null,
  end_offset   integer not null,
  first_record integer not null,
  records      integer not null,
  reason       text    not null,
  detail       text    not null,
  state        text    not null check (state in ('new', 'replayed', 'superseded', 'discarded'))
) strict;

CREATE INDEX dead_letters_batch on dead_letters (batch_id);

CREATE TABLE decisions (
  id            integer primary key,
  subject       text    not null,
  from_state    text    not null,
  to_state      text    not null,
  actor         text    not null,
  reason        text    not null,
  decided_at_us integer not null
) strict;

CREATE TABLE audit_log (
  seq             integer primary key,
  at_us           integer not null,
  actor           text    not null,
  action          text    not null,
  subject         text    not null,
  reason          text    not null,
  detail          text    not null,
  previous_digest blob    not null check (length(previous_digest) = 32),
  digest          blob    not null check (length(digest) = 32)
) strict;

CREATE TABLE audit_door (is_open integer not null check (is_open in (0, 1))) strict;

CREATE TABLE signing_keys (
  key_id     text    primary key,
  public_key blob    not null check (length(public_key) = 32),
  made_at_us integer not null
) strict;

CREATE TABLE checkpoints (
  seq             integer primary key,
  made_at_us      integer not null,
  up_to_batch     integer not null,
  sources         integer not null,
  tree_root       blob    not null check (length(tree_root) = 32),
  journal_seq     integer not null,
  journal_head    blob    not null check (length(journal_head) = 32),
  previous_digest blob    not null check (length(previous_digest) = 32),
  key_id          text    not null,
  signature       blob    not null check (length(signature) = 64)
) strict;

CREATE TABLE artifacts (
  path       text    primary key,
  sha256     text    not null,
  size       integer not null,
  kind       text    not null,
  seen_at_us integer not null,
  named_by   text    not null
) strict;

CREATE INDEX artifacts_name on artifacts (named_by);

CREATE TRIGGER raw_events_no_update before update on raw_events
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: raw_events is sealed; changes go through the journal'); end;

CREATE TRIGGER raw_events_no_delete before delete on raw_events
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: raw_events is sealed; changes go through the journal'); end;

CREATE TRIGGER held_events_no_update before update on held_events
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: held_events is sealed; changes go through the journal'); end;

CREATE TRIGGER held_events_no_delete before delete on held_events
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: held_events is sealed; changes go through the journal'); end;

CREATE TRIGGER batches_no_update before update on batches
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: batches is sealed; changes go through the journal'); end;

CREATE TRIGGER batches_no_delete before delete on batches
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: batches is sealed; changes go through the journal'); end;

CREATE TRIGGER blocks_no_update before update on blocks
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: blocks is sealed; changes go through the journal'); end;

CREATE TRIGGER blocks_no_delete before delete on blocks
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: blocks is sealed; changes go through the journal'); end;

CREATE TRIGGER batch_days_no_update before update on batch_days
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: batch_days is sealed; changes go through the journal'); end;

CREATE TRIGGER batch_days_no_delete before delete on batch_days
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: batch_days is sealed; changes go through the journal'); end;

CREATE TRIGGER dead_letters_no_update before update on dead_letters
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: dead_letters is sealed; changes go through the journal'); end;

CREATE TRIGGER dead_letters_no_delete before delete on dead_letters
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: dead_letters is sealed; changes go through the journal'); end;

CREATE TRIGGER decisions_no_insert before insert on decisions
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: decisions is sealed; changes go through the journal'); end;

CREATE TRIGGER decisions_no_update before update on decisions
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: decisions is sealed; changes go through the journal'); end;

CREATE TRIGGER decisions_no_delete before delete on decisions
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: decisions is sealed; changes go through the journal'); end;

CREATE TRIGGER signing_keys_no_insert before insert on signing_keys
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: signing_keys is sealed; changes go through the journal'); end;

CREATE TRIGGER signing_keys_no_update before update on signing_keys
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: signing_keys is sealed; changes go through the journal'); end;

CREATE TRIGGER signing_keys_no_delete before delete on signing_keys
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: signing_keys is sealed; changes go through the journal'); end;

CREATE TRIGGER checkpoints_no_update before update on checkpoints
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: checkpoints is sealed; changes go through the journal'); end;

CREATE TRIGGER checkpoints_no_delete before delete on checkpoints
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: checkpoints is sealed; changes go through the journal'); end;

CREATE TRIGGER audit_log_no_update before update on audit_log
  begin select raise(abort, 'NACRE: the journal is only ever added to'); end;

CREATE TRIGGER audit_log_no_delete before delete on audit_log
  begin select raise(abort, 'NACRE: the journal is only ever added to'); end;

CREATE TABLE verdicts (
  id     integer primary key,
  digest blob    not null unique check (length(digest) = 16),
  threat integer not null check (threat between 0 and 100),
  hazard integer not null check (hazard between 0 and 100),
  hits   text    not null,
  layers text    not null
) strict;

CREATE INDEX held_events_batch on held_events (batch_id, record_no);

CREATE INDEX raw_events_released on raw_events (batch_id, record_no) where (flags & 2048) <> 0;

CREATE TABLE held_sessions (
  session_key integer primary key,
  sensor_id   integer not null,
  session     text    not null,
  unique (session, sensor_id)
) strict;

CREATE TABLE daily_verdicts (
  day        integer not null,
  sensor_id  integer not null,
  verdict_id integer not null,
  count      integer not null,
  primary key (day, sensor_id, verdict_id)
) strict, without rowid;

CREATE TABLE rule_sets (
  version    text not null,
  rule_id    text not null,
  definition text not null,
  primary key (version, rule_id)
) strict, without rowid;

CREATE TABLE verdict_runs (
  seq        integer primary key,
  rule_set   text    not null,
  from_batch integer not null,
  to_batch   integer not null
) strict;

CREATE TABLE modes (
  name  text    primary key,
  state text    not null,
  seq   integer not null
) strict, without rowid;

CREATE TABLE recipient_keys (
  key_id     text    primary key,
  public_key blob    not null check (length(public_key) = 32),
  made_at_us integer not null
) strict;

CREATE TABLE batch_keys (
  batch_id  integer primary key references batches (id),
  key_id    text    not null,
  ephemeral blob    not null check (length(ephemeral) = 32),
  wrapped   blob    not null check (length(wrapped) = 48)
) strict;

CREATE TABLE metrics (
  name  text    primary key,
  value integer not null
) strict, without rowid;

CREATE VIEW events as
  select sensors.name as sensor,
         sessions.session as session,
         event_kinds.name as eventid,
         payload ->> '$.src_ip' as src_ip,
         strftime('%Y-%m-%dT%H:%M:%S', event_time_us / 1000000, 'unixepoch')
           || printf('.%06dZ', ((event_time_us % 1000000) + 1000000) % 1000000) as at,
         payload ->> '$.username' as username,
         payload ->> '$.password' as password,
         payload ->> '$.input' as input,
         coalesce(verdicts.threat, 0) as threat,
         coalesce(verdicts.hazard, 0) as hazard,
         verdicts.hits as hits,
         payload
    from raw_events
    join sessions on sessions.session_key = raw_events.session_key
    join sensors on sensors.id = sessions.sensor_id
    join event_kinds on event_kinds.id = raw_events.kind_id
    left join verdicts on verdicts.id = raw_events.verdict_id;

CREATE TRIGGER batch_keys_no_update before update on batch_keys
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: batch_keys is sealed; changes go through the journal'); end;

CREATE TRIGGER batch_keys_no_delete before delete on batch_keys
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: batch_keys is sealed; changes go through the journal'); end;

CREATE TRIGGER recipient_keys_no_insert before insert on recipient_keys
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: recipient_keys is sealed; changes go through the journal'); end;

CREATE TRIGGER recipient_keys_no_update before update on recipient_keys
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: recipient_keys is sealed; changes go through the journal'); end;

CREATE TRIGGER recipient_keys_no_delete before delete on recipient_keys
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: recipient_keys is sealed; changes go through the journal'); end;

CREATE TRIGGER verdict_runs_no_insert before insert on verdict_runs
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: verdict_runs is sealed; changes go through the journal'); end;

CREATE TRIGGER verdict_runs_no_update before update on verdict_runs
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: verdict_runs is sealed; changes go through the journal'); end;

CREATE TRIGGER verdict_runs_no_delete before delete on verdict_runs
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: verdict_runs is sealed; changes go through the journal'); end;

CREATE TRIGGER modes_no_insert before insert on modes
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: modes is sealed; changes go through the journal'); end;

CREATE TRIGGER modes_no_update before update on modes
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: modes is sealed; changes go through the journal'); end;

CREATE TRIGGER modes_no_delete before delete on modes
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: modes is sealed; changes go through the journal'); end;

CREATE TABLE followed_paths (
  path            text    not null,
  sensor_override text    not null,
  since_us        integer not null,
  primary key (path, sensor_override)
) strict, without rowid;

CREATE INDEX sources_head_length on sources (sensor_override, head_length);

CREATE TABLE activity_hours (
  sensor_id integer not null,
  hour      integer not null,
  metric    text    not null,
  value     integer not null,
  primary key (sensor_id, hour, metric)
) strict, without rowid;

CREATE TABLE anomalies (
  id            integer primary key,
  detector      text    not null,
  sensor_id     integer not null,
  hour          integer not null,
  severity      text    not null check (severity in ('alarm', 'notice')),
  first_seen_us integer not null,
  last_seen_us  integer not null,
  figure        integer not null,
  baseline      integer not null,
  spread        integer not null,
  samples       integer not null,
  basis         text    not null,
  score         integer not null,
  threshold     integer not null,
  evidence      text    not null,
  state         text    not null check (state in ('new', 'confirmed', 'false')),
  decided_by    text,
  decided_at_us integer,
  reason        text,
  unique (detector, sensor_id, hour, severity)
) strict;

CREATE INDEX anomalies_open on anomalies (state, severity, hour);

CREATE TABLE detectors (
  detector       text    not null,
  sensor_id      integer not null,
  factor_percent integer not null,
  primary key (detector, sensor_id)
) strict, without rowid;

CREATE TABLE alerts (
  id             integer primary key,
  kind           text    not null,
  subject        text    not null,
  state          text    not null check (state in ('open', 'acknowledged', 'resolved')),
  severity       text    not null,
  first_at_us    integer not null,
  last_at_us     integer not null,
  seen           integer not null,
  missed         integer not null,
  occurrences    integer not null,
  figure         integer not null,
  threshold      integer not null,
  sentence       text    not null,
  notified_at_us integer not null,
  deliveries     text    not null,
  unique (kind, subject)
) strict;

CREATE TABLE alert_marks (
  name  text    primary key,
  value integer not null,
  at_us integer not null
) strict, without rowid;

CREATE TABLE alert_channels (
  channel    text primary key,
  sent       text not null,
  suppressed text not null
) strict, without rowid;

CREATE TABLE address_places (
  value_id        integer primary key,
  set_id          integer not null,
  country         text,
  city            text,
  asn             integer,
  organisation    text,
  network         text,
  looked_up_at_us integer not null
) strict;

CREATE TABLE geo_databases (
  set_id       integer not null,
  position     integer not null,
  set_digest   text    not null,
  digest       text    not null,
  type         text    not null,
  description  text    not null,
  facts        text    not null,
  path         text    not null,
  built_at_us  integer not null,
  loaded_at_us integer not null,
  primary key (set_id, position)
) strict, without rowid;

CREATE INDEX values_addresses on "values" (id) where kind = 5;

CREATE TABLE legal_holds (
  id           integer primary key,
  sensor       text    not null,
  session      text    not null,
  source       text    not null,
  from_us      integer,
  until_us     integer,
  released_seq integer not null
) strict;

CREATE TRIGGER legal_holds_no_insert before insert on legal_holds
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: legal_holds is sealed; changes go through the journal'); end;

CREATE TRIGGER legal_holds_no_update before update on legal_holds
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: legal_holds is sealed; changes go through the journal'); end;

CREATE TRIGGER legal_holds_no_delete before delete on legal_holds
  when (select is_open from audit_door) = 0
  begin select raise(abort, 'NACRE: legal_holds is sealed; changes go through the journal'); end;

CREATE INDEX values_keys on "values" (kind, id) where kind = 1 and replace(value, 'AAAA', '') <> value;

CREATE INDEX sessions_threat on sessions (threat_score, first_event_us) where session <> '';

CREATE INDEX sessions_hazard on sessions (hazard_score, first_event_us) where session <> '';

CREATE INDEX sessions_commands on sessions (command_count, first_event_us) where session <> '';

CREATE INDEX sessions_duration on sessions (coalesce(duration_ms, -1), first_event_us) where session <> '';

CREATE INDEX sessions_events on sessions (event_count, first_event_us) where session <> '';

CREATE INDEX session_values_value on session_values (value_id, day, session_key);

CREATE INDEX values_commands on "values" (id) where kind = 1;

CREATE INDEX raw_events_verdict on raw_events (verdict_id, session_key) where verdict_id <> 0;
