-- The schema of a PostgreSQL database of nacre, version 9. docs/data-model.md says what the columns mean.
-- Made from src/store/migrations/ by tools/make-schema-page.ts: write a migration, do not change this page.
-- "nacre init" runs it and keeps account of it in the table migrations.

create table sensors (
  id     bigint not null primary key,
  digest bytea  not null unique check (length(digest) = 16),
  name   text collate "C" not null
);

create sequence sensors_ids;

create table event_kinds (
  id     bigint not null primary key,
  digest bytea  not null unique check (length(digest) = 16),
  name   text collate "C" not null
);

create sequence event_kinds_ids;

create table sources (
  id               bigint  not null primary key,
  uid              bytea   not null unique check (length(uid) = 16),
  sensor_override  text collate "C" not null,
  head_length      bigint  not null,
  head_digest      bytea   not null check (length(head_digest) = 32),
  tail_digest      bytea   not null check (length(tail_digest) = 32),
  committed_offset bigint  not null check (committed_offset >= 0),
  records          bigint  not null,
  batches          bigint  not null,
  last_digest      bytea   not null check (length(last_digest) = 32),
  open_seq         bigint  not null,
  state            text collate "C" not null,
  pending_bytes    bigint  not null,
  compression      text collate "C" not null,
  path             text collate "C" not null,
  first_seen_us    bigint  not null,
  last_seen_us     bigint  not null
);

create sequence sources_ids;

create index sources_head on sources (head_digest);

create table source_files (
  path            text collate "C" not null,
  sensor_override text collate "C" not null,
  source_id       bigint references sources (id),
  device          text collate "C" not null,
  inode           text collate "C" not null,
  size            bigint not null,
  mtime_ns        text collate "C" not null,
  ctime_ns        text collate "C" not null,
  foreign_kind    text collate "C",
  is_finished     bigint not null
);

create unique index source_files_key on source_files (md5(path), md5(sensor_override));

create table batches (
  id              bigint not null primary key,
  source_id       bigint not null references sources (id),
  seq             bigint not null,
  start_offset    bigint not null,
  end_offset      bigint not null,
  first_record    bigint not null,
  records         bigint not null,
  stored          bigint not null,
  duplicate       bigint not null,
  held            bigint not null,
  dead            bigint not null,
  blank           bigint not null,
  expired         bigint not null,
  supersedes      bigint not null,
  blocks          bigint not null,
  record_root     bytea  not null check (length(record_root) = 32),
  view_root       bytea  not null check (length(view_root) = 32),
  schema_version  text collate "C" not null,
  rule_set        text collate "C" not null,
  program_version text collate "C" not null,
  committed_at_us bigint not null,
  previous_digest bytea  not null check (length(previous_digest) = 32),
  digest          bytea  not null check (length(digest) = 32),
  unique (source_id, seq),
  check (records = stored + duplicate + held + dead + blank + expired),
  check (end_offset >= start_offset)
);

create sequence batches_ids;

create table blocks (
  batch_id     bigint not null references batches (id),
  n            bigint not null,
  start_offset bigint not null,
  end_offset   bigint not null,
  records      bigint not null,
  root         bytea  not null check (length(root) = 32),
  sha256       bytea  not null check (length(sha256) = 32),
  codec        text collate "C" not null,
  key_id       text collate "C" not null,
  bytes        bytea  not null,
  primary key (batch_id, n)
);

alter table blocks alter column bytes set storage external;

create table batch_days (
  batch_id bigint not null references batches (id),
  day      bigint not null,
  rows     bigint not null,
  root     bytea  not null check (length(root) = 32),
  primary key (batch_id, day)
);

create table key_orders (
  id     bigint not null primary key,
  digest bytea  not null unique check (length(digest) = 16),
  keys   text collate "C" not null
);

create sequence key_orders_ids;

create table session_names (
  id        bigint not null primary key,
  sensor_id bigint not null,
  digest    bytea  not null check (length(digest) = 16),
  session   text collate "C" not null,
  unique (sensor_id, digest)
);

create sequence session_names_ids;

create table raw_events (
  event_time_us bigint  not null,
  session_key   bigint  not null,
  batch_id      bigint  not null,
  record_no     integer not null,
  kind_id       integer not null,
  flags         integer not null,
  key_order_id  integer not null,
  digest        bytea   not null,
  notes         text collate "C",
  payload       jsonb   not null
) partition by range (event_time_us);

create unique index raw_events_key on raw_events (event_time_us, session_key, digest);

create index raw_events_batch on raw_events using brin (batch_id) with (pages_per_range = 32);

create table raw_events_other partition of raw_events default;

create table held_events (
  event_time_us bigint  not null,
  session_key   bigint  not null,
  batch_id      bigint  not null,
  record_no     integer not null,
  kind_id       integer not null,
  flags         integer not null,
  key_order_id  integer not null,
  digest        bytea   not null,
  notes         text collate "C",
  payload       jsonb   not null,
  state         text collate "C" not null,
  primary key (event_time_us, session_key, digest)
);

create table sessions (
  session_key          bigint not null primary key,
  sensor_id            bigint not null,
  session              text collate "C" not null,
  first_event_us       bigint not null,
  last_event_us        bigint not null,
  src_ip               bigint,
  src_ip_us            bigint,
  protocol             text collate "C",
  protocol_us          bigint,
  client_version       bigint,
  client_version_us    bigint,
  hassh                bigint,
  hassh_us             bigint,
  duration_ms          bigint,
  duration_us          bigint,
  event_count          bigint not null,
  connect_count        bigint not null,
  closed_count         bigint not null,
  command_count        bigint not null,
  failed_command_count bigint not null,
  login_failed_count   bigint not null,
  login_success_count  bigint not null,
  download_count       bigint not null,
  upload_count         bigint not null,
  threat_score         bigint not null,
  hazard_score         bigint not null
);

create index sessions_name on sessions using hash (session);

create index sessions_start on sessions (first_event_us, sensor_id) include (command_count, failed_command_count,
  login_success_count, connect_count, closed_count, duration_ms) where session <> '';

create index sessions_over_midnight on sessions (last_event_us)
  where (last_event_us / 86400000000 <> first_event_us / 86400000000) is true;

create statistics sessions_over_midnight_share on (last_event_us / 86400000000 <> first_event_us / 86400000000) from sessions;

create table "values" (
  id     bigint not null primary key,
  kind   bigint not null,
  digest bytea  not null,
  value  text collate "C" not null
);

create unique index values_key on "values" (digest, kind);

create sequence values_ids;

create table session_values (
  session_key bigint not null,
  value_id    bigint not null,
  day         bigint not null,
  count       bigint not null,
  primary key (session_key, value_id, day)
);

create table daily_values (
  day       bigint not null,
  sensor_id bigint not null,
  kind      bigint not null,
  value_id  bigint not null,
  count     bigint not null,
  sessions  bigint not null,
  primary key (kind, day, value_id, sensor_id)
);

create table daily_events (
  day       bigint not null,
  sensor_id bigint not null,
  kind_id   bigint not null,
  count     bigint not null,
  primary key (day, sensor_id, kind_id)
);

create table schema_versions (
  version text collate "C" not null,
  file    text collate "C" not null,
  digest  text collate "C" not null,
  primary key (version, file)
);

create table schema_drift (
  digest   bytea  not null primary key check (length(digest) = 16),
  what     text collate "C" not null,
  eventid  text collate "C" not null,
  field    text collate "C" not null,
  count    bigint not null,
  first_us bigint not null,
  last_us  bigint not null
);

create table dead_letters (
  id           bigint not null primary key,
  batch_id     bigint not null references batches (id),
  start_offset bigint not null,
  end_offset   bigint not null,
  first_record bigint not null,
  records      bigint not null,
  reason       text collate "C" not null,
  detail       text collate "C" not null,
  state        text collate "C" not null check (state in ('new', 'replayed', 'superseded', 'discarded'))
);

create sequence dead_letters_ids;

create index dead_letters_batch on dead_letters (batch_id);

create table decisions (
  id            bigint not null primary key,
  subject       text collate "C" not null,
  from_state    text collate "C" not null,
  to_state      text collate "C" not null,
  actor         text collate "C" not null,
  reason        text collate "C" not null,
  decided_at_us bigint not null
);

create table audit_log (
  seq             bigint not null primary key,
  at_us           bigint not null,
  actor           text collate "C" not null,
  action          text collate "C" not null,
  subject         text collate "C" not null,
  reason          text collate "C" not null,
  detail          text collate "C" not null,
  previous_digest bytea  not null check (length(previous_digest) = 32),
  digest          bytea  not null check (length(digest) = 32)
);

create table signing_keys (
  key_id     text collate "C" not null primary key,
  public_key bytea  not null check (length(public_key) = 32),
  made_at_us bigint not null
);

create table checkpoints (
  seq             bigint not null primary key,
  made_at_us      bigint not null,
  up_to_batch     bigint not null,
  sources         bigint not null,
  tree_root       bytea  not null check (length(tree_root) = 32),
  journal_seq     bigint not null,
  journal_head    bytea  not null check (length(journal_head) = 32),
  previous_digest bytea  not null check (length(previous_digest) = 32),
  key_id          text collate "C" not null,
  signature       bytea  not null check (length(signature) = 64)
);

create table artifacts (
  path       text collate "C" not null,
  sha256     text collate "C" not null,
  size       bigint not null,
  kind       text collate "C" not null,
  seen_at_us bigint not null,
  named_by   text collate "C" not null
);

create unique index artifacts_key on artifacts (md5(path));

create index artifacts_name on artifacts using hash (named_by);

create table leases (
  name       text collate "C" not null primary key,
  owner      text collate "C" not null,
  what       text collate "C" not null,
  expires_at timestamptz not null
);

create view events as
  select sensors.name as sensor,
         sessions.session as session,
         event_kinds.name as eventid,
         payload ->> 'src_ip' as src_ip,
         to_char(timestamp '1970-01-01' + event_time_us * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
         payload ->> 'username' as username,
         payload ->> 'password' as password,
         payload ->> 'input' as input,
         payload
    from raw_events
    join sessions on sessions.session_key = raw_events.session_key
    join sensors on sensors.id = sessions.sensor_id
    join event_kinds on event_kinds.id = raw_events.kind_id;

create function nacre_refuse() returns trigger language plpgsql as $$
  begin
    if coalesce(current_setting('nacre.door', true), '') <> 'open' or tg_argv[0] = 'always' then
      raise exception 'NACRE: % is sealed; changes go through the journal', tg_table_name using errcode = 'integrity_constraint_violation';
    end if;
    if tg_op = 'DELETE' then return old; end if;
    return new;
  end $$;

create trigger raw_events_sealed before update or delete on raw_events
  for each row execute function nacre_refuse();

create trigger raw_events_stays before truncate on raw_events
  for each statement execute function nacre_refuse();

create trigger held_events_sealed before update or delete on held_events
  for each row execute function nacre_refuse();

create trigger held_events_stays before truncate on held_events
  for each statement execute function nacre_refuse();

create trigger batches_sealed before update or delete on batches
  for each row execute function nacre_refuse();

create trigger batches_stays before truncate on batches
  for each statement execute function nacre_refuse();

create trigger blocks_sealed before update or delete on blocks
  for each row execute function nacre_refuse();

create trigger blocks_stays before truncate on blocks
  for each statement execute function nacre_refuse();

create trigger batch_days_sealed before update or delete on batch_days
  for each row execute function nacre_refuse();

create trigger batch_days_stays before truncate on batch_days
  for each statement execute function nacre_refuse();

create trigger dead_letters_sealed before update or delete on dead_letters
  for each row execute function nacre_refuse();

create trigger dead_letters_stays before truncate on dead_letters
  for each statement execute function nacre_refuse();

create trigger decisions_sealed before insert or update or delete on decisions
  for each row execute function nacre_refuse();

create trigger decisions_stays before truncate on decisions
  for each statement execute function nacre_refuse();

create trigger signing_keys_sealed before insert or update or delete on signing_keys
  for each row execute function nacre_refuse();

create trigger signing_keys_stays before truncate on signing_keys
  for each statement execute function nacre_refuse();

create trigger checkpoints_sealed before update or delete on checkpoints
  for each row execute function nacre_refuse();

create trigger checkpoints_stays before truncate on checkpoints
  for each statement execute function nacre_refuse();

create trigger audit_log_only_grows before update or delete on audit_log
  for each row execute function nacre_refuse('always');

create trigger audit_log_stays before truncate on audit_log
  for each statement execute function nacre_refuse('always');

create function nacre_add_month(month integer) returns boolean
    language plpgsql security definer set search_path from current as $$
  declare
    since constant timestamp := timestamp '1970-01-01' + month * interval '1 month';
    name  constant text := 'raw_events_' || to_char(since, 'YYYY_MM');
    lower constant bigint := extract(epoch from since)::bigint * 1000000;
    upper constant bigint := extract(epoch from since + interval '1 month')::bigint * 1000000;
  begin
    if month < 480 or since > (now() at time zone 'UTC') + interval '2 years' then return false; end if;
    if to_regclass(name) is not null then return true; end if;
    perform pg_advisory_xact_lock(1851877989, 4);
    -- Not by to_regclass again: it remembers that there was none, and whoever had the lock has made it.
    if exists (select 1 from pg_class where relname = name and relnamespace = current_schema()::regnamespace) then
      return true;
    end if;
    -- Rows of the month that came while it lay too far ahead keep their place, and the month with them.
    if exists (select 1 from raw_events_other where event_time_us >= lower and event_time_us < upper) then
      return false;
    end if;
    if exists (select 1 from pg_extension where extname = 'citus') then
      execute format('create table %I partition of raw_events for values from (%s) to (%s)', name, lower, upper);
    else
      execute format('create table %I (like raw_events including all)', name);
      execute format('alter table raw_events attach partition %I for values from (%s) to (%s)', name, lower, upper);
    end if;
    return true;
  end $$;

do $$ begin execute format('alter function nacre_add_month(integer) set search_path = %I, pg_temp', current_schema()); end $$;

revoke all on function nacre_add_month(integer) from public;

create table verdicts (
  id     bigint not null primary key,
  digest bytea  not null unique check (length(digest) = 16),
  threat bigint not null check (threat between 0 and 100),
  hazard bigint not null check (hazard between 0 and 100),
  hits   text collate "C" not null,
  layers text collate "C" not null
);

create sequence verdicts_ids;

alter table raw_events add column verdict_id integer not null default 0;

alter table held_events add column verdict_id integer not null default 0;

create index held_events_batch on held_events (batch_id, record_no);

create index raw_events_released on raw_events (batch_id, record_no) where (flags & 2048) <> 0;

create table held_sessions (
  session_key bigint not null primary key,
  sensor_id   bigint not null,
  session     text collate "C" not null
);

create table daily_verdicts (
  day        bigint not null,
  sensor_id  bigint not null,
  verdict_id bigint not null,
  count      bigint not null,
  primary key (day, sensor_id, verdict_id)
);

create table rule_sets (
  version    text collate "C" not null,
  rule_id    text collate "C" not null,
  definition text collate "C" not null,
  primary key (version, rule_id)
);

create table verdict_runs (
  seq        bigint not null primary key,
  rule_set   text collate "C" not null,
  from_batch bigint not null,
  to_batch   bigint not null
);

create table modes (
  name  text collate "C" not null primary key,
  state text collate "C" not null,
  seq   bigint not null
);

create table recipient_keys (
  key_id     text collate "C" not null primary key,
  public_key bytea  not null check (length(public_key) = 32),
  made_at_us bigint not null
);

create table batch_keys (
  batch_id  bigint not null primary key references batches (id),
  key_id    text collate "C" not null,
  ephemeral bytea  not null check (length(ephemeral) = 32),
  wrapped   bytea  not null check (length(wrapped) = 48)
);

create table metrics (
  name  text collate "C" not null primary key,
  value bigint not null
);

drop view events;

create view events as
  select sensors.name as sensor,
         sessions.session as session,
         event_kinds.name as eventid,
         payload ->> 'src_ip' as src_ip,
         to_char(timestamp '1970-01-01' + event_time_us * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
         payload ->> 'username' as username,
         payload ->> 'password' as password,
         payload ->> 'input' as input,
         coalesce(verdicts.threat, 0) as threat,
         coalesce(verdicts.hazard, 0) as hazard,
         verdicts.hits as hits,
         payload
    from raw_events
    join sessions on sessions.session_key = raw_events.session_key
    join sensors on sensors.id = sessions.sensor_id
    join event_kinds on event_kinds.id = raw_events.kind_id
    left join verdicts on verdicts.id = raw_events.verdict_id;

create trigger batch_keys_sealed before update or delete on batch_keys
  for each row execute function nacre_refuse();

create trigger batch_keys_stays before truncate on batch_keys
  for each statement execute function nacre_refuse();

create trigger recipient_keys_sealed before insert or update or delete on recipient_keys
  for each row execute function nacre_refuse();

create trigger recipient_keys_stays before truncate on recipient_keys
  for each statement execute function nacre_refuse();

create trigger verdict_runs_sealed before insert or update or delete on verdict_runs
  for each row execute function nacre_refuse();

create trigger verdict_runs_stays before truncate on verdict_runs
  for each statement execute function nacre_refuse();

create trigger modes_sealed before insert or update or delete on modes
  for each row execute function nacre_refuse();

create trigger modes_stays before truncate on modes
  for each statement execute function nacre_refuse();

create table followed_paths (
  path            text collate "C" not null,
  sensor_override text collate "C" not null,
  since_us        bigint not null
);

create unique index followed_paths_key on followed_paths (md5(path), md5(sensor_override));

create index sources_head_length on sources (md5(sensor_override), head_length);

create table activity_hours (
  sensor_id bigint not null,
  hour      bigint not null,
  metric    text collate "C" not null,
  value     bigint not null,
  primary key (sensor_id, hour, metric)
);

create table anomalies (
  id            bigint not null primary key,
  detector      text collate "C" not null,
  sensor_id     bigint not null,
  hour          bigint not null,
  severity      text collate "C" not null check (severity in ('alarm', 'notice')),
  first_seen_us bigint not null,
  last_seen_us  bigint not null,
  figure        bigint not null,
  baseline      bigint not null,
  spread        bigint not null,
  samples       bigint not null,
  basis         text collate "C" not null,
  score         bigint not null,
  threshold     bigint not null,
  evidence      text collate "C" not null,
  state         text collate "C" not null check (state in ('new', 'confirmed', 'false')),
  decided_by    text collate "C",
  decided_at_us bigint,
  reason        text collate "C",
  unique (detector, sensor_id, hour, severity)
);

create sequence anomalies_ids;

create index anomalies_open on anomalies (state, severity, hour);

create table detectors (
  detector       text collate "C" not null,
  sensor_id      bigint not null,
  factor_percent bigint not null,
  primary key (detector, sensor_id)
);

create table alerts (
  id             bigint not null primary key,
  kind           text collate "C" not null,
  subject        text collate "C" not null,
  state          text collate "C" not null check (state in ('open', 'acknowledged', 'resolved')),
  severity       text collate "C" not null,
  first_at_us    bigint not null,
  last_at_us     bigint not null,
  seen           bigint not null,
  missed         bigint not null,
  occurrences    bigint not null,
  figure         bigint not null,
  threshold      bigint not null,
  sentence       text collate "C" not null,
  notified_at_us bigint not null,
  deliveries     text collate "C" not null,
  unique (kind, subject)
);

create table alert_marks (
  name  text collate "C" not null primary key,
  value bigint not null,
  at_us bigint not null
);

create table alert_channels (
  channel    text collate "C" not null primary key,
  sent       text collate "C" not null,
  suppressed text collate "C" not null
);

create table address_places (
  value_id        bigint not null primary key,
  set_id          bigint not null,
  country         text collate "C",
  city            text collate "C",
  asn             bigint,
  organisation    text collate "C",
  network         text collate "C",
  looked_up_at_us bigint not null
);

create table geo_databases (
  set_id       bigint not null,
  position     bigint not null,
  set_digest   text collate "C" not null,
  digest       text collate "C" not null,
  type         text collate "C" not null,
  description  text collate "C" not null,
  facts        text collate "C" not null,
  path         text collate "C" not null,
  built_at_us  bigint not null,
  loaded_at_us bigint not null,
  primary key (set_id, position)
);

create index values_addresses on "values" (id) where kind = 5;

create table legal_holds (
  id           bigint not null primary key,
  sensor       text collate "C" not null,
  session      text collate "C" not null,
  source       text collate "C" not null,
  from_us      bigint,
  until_us     bigint,
  released_seq bigint not null
);

create trigger legal_holds_sealed before insert or update or delete on legal_holds
  for each row execute function nacre_refuse();

create trigger legal_holds_stays before truncate on legal_holds
  for each statement execute function nacre_refuse();

create index values_keys on "values" (id) where kind = 1 and replace(value, 'AAAA', '') <> value;

create index sessions_threat on sessions (threat_score, first_event_us) where session <> '';

create index sessions_hazard on sessions (hazard_score, first_event_us) where session <> '';

create index sessions_commands on sessions (command_count, first_event_us) where session <> '';

create index sessions_duration on sessions (coalesce(duration_ms, -1), first_event_us) where session <> '';

create index sessions_events on sessions (event_count, first_event_us) where session <> '';

create index session_values_value on session_values (value_id, day, session_key);

create index values_commands on "values" (id) where kind = 1;

create index raw_events_verdict on raw_events (verdict_id, session_key) where verdict_id <> 0;
