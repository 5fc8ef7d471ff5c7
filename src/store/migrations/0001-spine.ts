import type { Migration } from './migration.ts'

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 1,
  name: 'spine',
  reason:
    'Events, what is proven about them, and what is kept at ingest so that reports never read raw rows.',

  up: {
    sqlite: [
      `create table sensors (
         id   integer primary key,
         name text    not null unique
       ) strict`,
      `create table event_kinds (
         id   integer primary key,
         name text    not null unique
       ) strict`,
      `create table sources (
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
       ) strict`,
      `create index sources_head on sources (head_digest)`,
      `create table source_files (
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
       ) strict`,
      `create table batches (
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
       ) strict`,
      `create table blocks (
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
       ) strict`,
      `create table batch_days (
         batch_id integer not null references batches (id),
         day      integer not null,
         rows     integer not null,
         root     blob    not null check (length(root) = 32),
         primary key (batch_id, day)
       ) strict, without rowid`,
      // No foreign keys here: this is the hot table, and verify checks each reference it has.
      `create table raw_events (
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
       ) strict`,
      `create unique index raw_events_key on raw_events (event_time_us, session_key, digest)`,
      `create table held_events (
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
       ) strict`,
      `create unique index held_events_key on held_events (event_time_us, session_key, digest)`,
      `create table sessions (
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
       ) strict`,
      `create unique index sessions_name on sessions (session, sensor_id)`,
      // Wide enough that the figures of a period are read from the index alone.
      `create index sessions_start on sessions (first_event_us, sensor_id, session, command_count, failed_command_count,
         login_success_count, connect_count, closed_count, duration_ms)`,
      // The few sessions that lie in two days or more: a report over several days must not count them twice.
      `create index sessions_over_midnight on sessions (last_event_us)
         where (last_event_us / 86400000000 <> first_event_us / 86400000000) is true`,
      `create table "values" (
         id     integer primary key,
         kind   integer not null,
         digest blob    not null,
         value  text    not null
       ) strict`,
      `create unique index values_key on "values" (digest, kind)`,
      `create table session_values (
         session_key integer not null,
         value_id    integer not null,
         day         integer not null,
         count       integer not null,
         primary key (session_key, value_id, day)
       ) strict, without rowid`,
      `create table daily_values (
         day       integer not null,
         sensor_id integer not null,
         kind      integer not null,
         value_id  integer not null,
         count     integer not null,
         sessions  integer not null,
         primary key (kind, day, value_id, sensor_id)
       ) strict, without rowid`,
      `create table daily_events (
         day       integer not null,
         sensor_id integer not null,
         kind_id   integer not null,
         count     integer not null,
         primary key (day, sensor_id, kind_id)
       ) strict, without rowid`,
      `create table schema_versions (
         version text not null,
         file    text not null,
         digest  text not null,
         primary key (version, file)
       ) strict, without rowid`,
      `create table schema_drift (
         what     text    not null,
         eventid  text    not null,
         field    text    not null,
         count    integer not null,
         first_us integer not null,
         last_us  integer not null,
         primary key (what, eventid, field)
       ) strict, without rowid`,
      `create table dead_letters (
         id           integer primary key,
         batch_id     integer not null references batches (id),
         start_offset integer not null,
         end_offset   integer not null,
         first_record integer not null,
         records      integer not null,
         reason       text    not null,
         detail       text    not null,
         state        text    not null check (state in ('new', 'replayed', 'superseded', 'discarded'))
       ) strict`,
      `create index dead_letters_batch on dead_letters (batch_id)`,
      `create table decisions (
         id            integer primary key,
         subject       text    not null,
         from_state    text    not null,
         to_state      text    not null,
         actor         text    not null,
         reason        text    not null,
         decided_at_us integer not null
       ) strict`,
      `create table audit_log (
         seq             integer primary key,
         at_us           integer not null,
         actor           text    not null,
         action          text    not null,
         subject         text    not null,
         reason          text    not null,
         detail          text    not null,
         previous_digest blob    not null check (length(previous_digest) = 32),
         digest          blob    not null check (length(digest) = 32)
       ) strict`,
      `create table audit_door (is_open integer not null check (is_open in (0, 1))) strict`,
      `insert into audit_door (is_open) values (0)`,
      `create table signing_keys (
         key_id     text    primary key,
         public_key blob    not null check (length(public_key) = 32),
         made_at_us integer not null
       ) strict`,
      `create table checkpoints (
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
       ) strict`,
      `create table artifacts (
         path       text    primary key,
         sha256     text    not null,
         size       integer not null,
         kind       text    not null,
         seen_at_us integer not null,
         named_by   text    not null
       ) strict`,
      `create index artifacts_name on artifacts (named_by)`,
      `create view events as
         select sensors.name as sensor,
                sessions.session as session,
                event_kinds.name as eventid,
                payload ->> '$.src_ip' as src_ip,
                strftime('%Y-%m-%dT%H:%M:%S', event_time_us / 1000000, 'unixepoch')
                  || printf('.%06dZ', ((event_time_us % 1000000) + 1000000) % 1000000) as at,
                payload ->> '$.username' as username,
                payload ->> '$.password' as password,
                payload ->> '$.input' as input,
                payload
           from raw_events
           join sessions on sessions.session_key = raw_events.session_key
           join sensors on sensors.id = sessions.sensor_id
           join event_kinds on event_kinds.id = raw_events.kind_id`,
      ...guarded('raw_events', ['update', 'delete']),
      ...guarded('held_events', ['update', 'delete']),
      ...guarded('batches', ['update', 'delete']),
      ...guarded('blocks', ['update', 'delete']),
      ...guarded('batch_days', ['update', 'delete']),
      ...guarded('dead_letters', ['update', 'delete']),
      ...guarded('decisions', ['insert', 'update', 'delete']),
      ...guarded('signing_keys', ['insert', 'update', 'delete']),
      ...guarded('checkpoints', ['update', 'delete']),
      ...['update', 'delete'].map(
        (act) => `create trigger audit_log_no_${act} before ${act} on audit_log
                    begin select raise(abort, 'NACRE: the journal is only ever added to'); end`,
      ),
    ],

    postgres: [
      // Text compares by its bytes whatever the database's collation: reports are ordered the same everywhere.
      // Names are as long as attackers like, and an index takes 2,700 bytes: what is unique is their digest.
      `create table sensors (
         id     bigint not null primary key,
         digest bytea  not null unique check (length(digest) = 16),
         name   text collate "C" not null
       )`,
      `create sequence sensors_ids`,
      `create table event_kinds (
         id     bigint not null primary key,
         digest bytea  not null unique check (length(digest) = 16),
         name   text collate "C" not null
       )`,
      `create sequence event_kinds_ids`,
      `create table sources (
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
       )`,
      `create sequence sources_ids`,
      `create index sources_head on sources (head_digest)`,
      `create table source_files (
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
       )`,
      // No proof rests on it: two paths with one sum would cost a second look at a file.
      `create unique index source_files_key on source_files (md5(path), md5(sensor_override))`,
      `create table batches (
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
       )`,
      `create sequence batches_ids`,
      // Sealed bytes are compressed already.
      `create table blocks (
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
       )`,
      `alter table blocks alter column bytes set storage external`,
      `create table batch_days (
         batch_id bigint not null references batches (id),
         day      bigint not null,
         rows     bigint not null,
         root     bytea  not null check (length(root) = 32),
         primary key (batch_id, day)
       )`,
      // JSONB keeps no order of keys; the sealed text of a payload is the object printed in the order named here.
      `create table key_orders (
         id     bigint not null primary key,
         digest bytea  not null unique check (length(digest) = 16),
         keys   text collate "C" not null
       )`,
      `create sequence key_orders_ids`,
      // Session keys of ids that are not twelve hexadecimal digits: the negative of this number.
      `create table session_names (
         id        bigint not null primary key,
         sensor_id bigint not null,
         digest    bytea  not null check (length(digest) = 16),
         session   text collate "C" not null,
         unique (sensor_id, digest)
       )`,
      `create sequence session_names_ids`,
      `create table raw_events (
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
       ) partition by range (event_time_us)`,
      `create unique index raw_events_key on raw_events (event_time_us, session_key, digest)`,
      // Rows of a batch lie together: a few pages for each megabyte, and nothing to pay at insert.
      `create index raw_events_batch on raw_events using brin (batch_id) with (pages_per_range = 32)`,
      // Months outside 2010 to two years ahead, and any that could not be made: odd clocks do not make partitions.
      `create table raw_events_other partition of raw_events default`,
      `create table held_events (
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
       )`,
      `create table sessions (
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
       )`,
      `create index sessions_name on sessions using hash (session)`,
      // Wide enough that the figures of a period are read from the index alone.
      `create index sessions_start on sessions (first_event_us, sensor_id) include (command_count, failed_command_count,
         login_success_count, connect_count, closed_count, duration_ms) where session <> ''`,
      `create index sessions_over_midnight on sessions (last_event_us)
         where (last_event_us / 86400000000 <> first_event_us / 86400000000) is true`,
      `create statistics sessions_over_midnight_share on (last_event_us / 86400000000 <> first_event_us / 86400000000) from sessions`,
      `create table "values" (
         id     bigint not null primary key,
         kind   bigint not null,
         digest bytea  not null,
         value  text collate "C" not null
       )`,
      `create unique index values_key on "values" (digest, kind)`,
      `create sequence values_ids`,
      `create table session_values (
         session_key bigint not null,
         value_id    bigint not null,
         day         bigint not null,
         count       bigint not null,
         primary key (session_key, value_id, day)
       )`,
      `create table daily_values (
         day       bigint not null,
         sensor_id bigint not null,
         kind      bigint not null,
         value_id  bigint not null,
         count     bigint not null,
         sessions  bigint not null,
         primary key (kind, day, value_id, sensor_id)
       )`,
      `create table daily_events (
         day       bigint not null,
         sensor_id bigint not null,
         kind_id   bigint not null,
         count     bigint not null,
         primary key (day, sensor_id, kind_id)
       )`,
      `create table schema_versions (
         version text collate "C" not null,
         file    text collate "C" not null,
         digest  text collate "C" not null,
         primary key (version, file)
       )`,
      `create table schema_drift (
         digest   bytea  not null primary key check (length(digest) = 16),
         what     text collate "C" not null,
         eventid  text collate "C" not null,
         field    text collate "C" not null,
         count    bigint not null,
         first_us bigint not null,
         last_us  bigint not null
       )`,
      `create table dead_letters (
         id           bigint not null primary key,
         batch_id     bigint not null references batches (id),
         start_offset bigint not null,
         end_offset   bigint not null,
         first_record bigint not null,
         records      bigint not null,
         reason       text collate "C" not null,
         detail       text collate "C" not null,
         state        text collate "C" not null check (state in ('new', 'replayed', 'superseded', 'discarded'))
       )`,
      `create sequence dead_letters_ids`,
      `create index dead_letters_batch on dead_letters (batch_id)`,
      `create table decisions (
         id            bigint not null primary key,
         subject       text collate "C" not null,
         from_state    text collate "C" not null,
         to_state      text collate "C" not null,
         actor         text collate "C" not null,
         reason        text collate "C" not null,
         decided_at_us bigint not null
       )`,
      `create table audit_log (
         seq             bigint not null primary key,
         at_us           bigint not null,
         actor           text collate "C" not null,
         action          text collate "C" not null,
         subject         text collate "C" not null,
         reason          text collate "C" not null,
         detail          text collate "C" not null,
         previous_digest bytea  not null check (length(previous_digest) = 32),
         digest          bytea  not null check (length(digest) = 32)
       )`,
      `create table signing_keys (
         key_id     text collate "C" not null primary key,
         public_key bytea  not null check (length(public_key) = 32),
         made_at_us bigint not null
       )`,
      `create table checkpoints (
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
       )`,
      `create table artifacts (
         path       text collate "C" not null,
         sha256     text collate "C" not null,
         size       bigint not null,
         kind       text collate "C" not null,
         seen_at_us bigint not null,
         named_by   text collate "C" not null
       )`,
      `create unique index artifacts_key on artifacts (md5(path))`,
      `create index artifacts_name on artifacts using hash (named_by)`,
      // What loaders take for themselves while they read; a row whose time is over counts for nothing.
      `create table leases (
         name       text collate "C" not null primary key,
         owner      text collate "C" not null,
         what       text collate "C" not null,
         expires_at timestamptz not null
       )`,
      `create view events as
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
           join event_kinds on event_kinds.id = raw_events.kind_id`,
      // The door to sealed tables is a setting that ends with the transaction, so that nobody waits at it.
      `create function nacre_refuse() returns trigger language plpgsql as $$
       begin
         if coalesce(current_setting('nacre.door', true), '') <> 'open' or tg_argv[0] = 'always' then
           raise exception 'NACRE: % is sealed; changes go through the journal', tg_table_name using errcode = 'integrity_constraint_violation';
         end if;
         if tg_op = 'DELETE' then return old; end if;
         return new;
       end $$`,
      ...guardedPostgres('raw_events', 'update or delete'),
      ...guardedPostgres('held_events', 'update or delete'),
      ...guardedPostgres('batches', 'update or delete'),
      ...guardedPostgres('blocks', 'update or delete'),
      ...guardedPostgres('batch_days', 'update or delete'),
      ...guardedPostgres('dead_letters', 'update or delete'),
      ...guardedPostgres('decisions', 'insert or update or delete'),
      ...guardedPostgres('signing_keys', 'insert or update or delete'),
      ...guardedPostgres('checkpoints', 'update or delete'),
      `create trigger audit_log_only_grows before update or delete on audit_log
         for each row execute function nacre_refuse('always')`,
      `create trigger audit_log_stays before truncate on audit_log
         for each statement execute function nacre_refuse('always')`,
      // A month of event time as a partition, made by whoever loads and owned by the owner of the tables. The new table
      // is attached, which needs no lock that readers or loaders wait for, but for a moment the one of the rest.
      `create function nacre_add_month(month integer) returns boolean
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
       end $$`,
      // Tables of the same name that a caller makes for itself are not looked at.
      `do $$ begin execute format('alter function nacre_add_month(integer) set search_path = %I, pg_temp', current_schema()); end $$`,
      `revoke all on function nacre_add_month(integer) from public`,
    ],
  },

  down: {
    sqlite: [
      'drop view events',
      ...[
        'artifacts',
        'checkpoints',
        'signing_keys',
        'audit_door',
        'audit_log',
        'decisions',
        'dead_letters',
        'schema_drift',
        'schema_versions',
        'daily_events',
        'daily_values',
        'session_values',
        '"values"',
        'sessions',
        'held_events',
        'raw_events',
        'batch_days',
        'blocks',
        'batches',
        'source_files',
        'sources',
        'event_kinds',
        'sensors',
      ].map((table) => `drop table ${table}`),
    ],
    postgres: [
      'drop view events',
      'drop function nacre_add_month(integer)',
      ...[
        'leases',
        'artifacts',
        'checkpoints',
        'signing_keys',
        'audit_log',
        'decisions',
        'dead_letters',
        'schema_drift',
        'schema_versions',
        'daily_events',
        'daily_values',
        'session_values',
        '"values"',
        'sessions',
        'held_events',
        'raw_events',
        'session_names',
        'key_orders',
        'batch_days',
        'blocks',
        'batches',
        'source_files',
        'sources',
        'event_kinds',
        'sensors',
      ].map((table) => `drop table ${table}`),
      ...[
        'sensors',
        'event_kinds',
        'sources',
        'batches',
        'key_orders',
        'session_names',
        'values',
        'dead_letters',
      ].map((name) => `drop sequence ${name}_ids`),
      'drop function nacre_refuse()',
    ],
  },
}

/** Changes to sealed tables pass through the journal's door or not at all. */
function guarded(table: string, acts: readonly string[]): string[] {
  return acts.map(
    (act) => `create trigger ${table}_no_${act} before ${act} on ${table}
                when (select is_open from audit_door) = 0
                begin select raise(abort, 'NACRE: ${table} is sealed; changes go through the journal'); end`,
  )
}

/** The same in the other engine: rows and the whole table. Triggers on a partitioned table come to its partitions. */
function guardedPostgres(table: string, acts: string): string[] {
  return [
    `create trigger ${table}_sealed before ${acts} on ${table}
       for each row execute function nacre_refuse()`,
    `create trigger ${table}_stays before truncate on ${table}
       for each statement execute function nacre_refuse()`,
  ]
}
