import type { Migration } from './migration.ts'

const NEW_TABLES = [
  'metrics',
  'batch_keys',
  'recipient_keys',
  'modes',
  'verdict_runs',
  'rule_sets',
  'daily_verdicts',
  'held_sessions',
  'verdicts',
]

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 2,
  name: 'hostile content',
  reason:
    'Verdicts beside events, events that wait for a person, keys that seal bytes, and the figures of all this.',

  up: {
    sqlite: [
      `create table verdicts (
         id     integer primary key,
         digest blob    not null unique check (length(digest) = 16),
         threat integer not null check (threat between 0 and 100),
         hazard integer not null check (hazard between 0 and 100),
         hits   text    not null,
         layers text    not null
       ) strict`,
      // 0 stands for a verdict without a hit: most events have it.
      `alter table raw_events add column verdict_id integer not null default 0`,
      `alter table held_events add column verdict_id integer not null default 0`,
      `create index held_events_batch on held_events (batch_id, record_no)`,
      // Events that were withheld and then approved (flag 2048): few, and found by the batch that withheld them.
      `create index raw_events_released on raw_events (batch_id, record_no) where (flags & 2048) <> 0`,
      `create table held_sessions (
         session_key integer primary key,
         sensor_id   integer not null,
         session     text    not null,
         unique (session, sensor_id)
       ) strict`,
      `create table daily_verdicts (
         day        integer not null,
         sensor_id  integer not null,
         verdict_id integer not null,
         count      integer not null,
         primary key (day, sensor_id, verdict_id)
       ) strict, without rowid`,
      `create table rule_sets (
         version    text not null,
         rule_id    text not null,
         definition text not null,
         primary key (version, rule_id)
       ) strict, without rowid`,
      `create table verdict_runs (
         seq        integer primary key,
         rule_set   text    not null,
         from_batch integer not null,
         to_batch   integer not null
       ) strict`,
      `create table modes (
         name  text    primary key,
         state text    not null,
         seq   integer not null
       ) strict, without rowid`,
      `create table recipient_keys (
         key_id     text    primary key,
         public_key blob    not null check (length(public_key) = 32),
         made_at_us integer not null
       ) strict`,
      `create table batch_keys (
         batch_id  integer primary key references batches (id),
         key_id    text    not null,
         ephemeral blob    not null check (length(ephemeral) = 32),
         wrapped   blob    not null check (length(wrapped) = 48)
       ) strict`,
      `create table metrics (
         name  text    primary key,
         value integer not null
       ) strict, without rowid`,
      `drop view events`,
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
                coalesce(verdicts.threat, 0) as threat,
                coalesce(verdicts.hazard, 0) as hazard,
                verdicts.hits as hits,
                payload
           from raw_events
           join sessions on sessions.session_key = raw_events.session_key
           join sensors on sensors.id = sessions.sensor_id
           join event_kinds on event_kinds.id = raw_events.kind_id
           left join verdicts on verdicts.id = raw_events.verdict_id`,
      ...guarded('batch_keys', ['update', 'delete']),
      ...guarded('recipient_keys', ['insert', 'update', 'delete']),
      ...guarded('verdict_runs', ['insert', 'update', 'delete']),
      ...guarded('modes', ['insert', 'update', 'delete']),
    ],

    postgres: [
      `create table verdicts (
         id     bigint not null primary key,
         digest bytea  not null unique check (length(digest) = 16),
         threat bigint not null check (threat between 0 and 100),
         hazard bigint not null check (hazard between 0 and 100),
         hits   text collate "C" not null,
         layers text collate "C" not null
       )`,
      `create sequence verdicts_ids`,
      // 0 stands for a verdict without a hit: most events have it.
      `alter table raw_events add column verdict_id integer not null default 0`,
      `alter table held_events add column verdict_id integer not null default 0`,
      `create index held_events_batch on held_events (batch_id, record_no)`,
      // Events that were withheld and then approved (flag 2048): few, and found by the batch that withheld them.
      `create index raw_events_released on raw_events (batch_id, record_no) where (flags & 2048) <> 0`,
      `create table held_sessions (
         session_key bigint not null primary key,
         sensor_id   bigint not null,
         session     text collate "C" not null
       )`,
      `create table daily_verdicts (
         day        bigint not null,
         sensor_id  bigint not null,
         verdict_id bigint not null,
         count      bigint not null,
         primary key (day, sensor_id, verdict_id)
       )`,
      `create table rule_sets (
         version    text collate "C" not null,
         rule_id    text collate "C" not null,
         definition text collate "C" not null,
         primary key (version, rule_id)
       )`,
      `create table verdict_runs (
         seq        bigint not null primary key,
         rule_set   text collate "C" not null,
         from_batch bigint not null,
         to_batch   bigint not null
       )`,
      `create table modes (
         name  text collate "C" not null primary key,
         state text collate "C" not null,
         seq   bigint not null
       )`,
      `create table recipient_keys (
         key_id     text collate "C" not null primary key,
         public_key bytea  not null check (length(public_key) = 32),
         made_at_us bigint not null
       )`,
      `create table batch_keys (
         batch_id  bigint not null primary key references batches (id),
         key_id    text collate "C" not null,
         ephemeral bytea  not null check (length(ephemeral) = 32),
         wrapped   bytea  not null check (length(wrapped) = 48)
       )`,
      `create table metrics (
         name  text collate "C" not null primary key,
         value bigint not null
       )`,
      `drop view events`,
      `create view events as
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
           left join verdicts on verdicts.id = raw_events.verdict_id`,
      ...guardedPostgres('batch_keys', 'update or delete'),
      ...guardedPostgres('recipient_keys', 'insert or update or delete'),
      ...guardedPostgres('verdict_runs', 'insert or update or delete'),
      ...guardedPostgres('modes', 'insert or update or delete'),
    ],
  },

  down: {
    sqlite: [
      `drop view events`,
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
      ...NEW_TABLES.map((table) => `drop table ${table}`),
      `drop index held_events_batch`,
      `drop index raw_events_released`,
      `alter table raw_events drop column verdict_id`,
      `alter table held_events drop column verdict_id`,
    ],
    postgres: [
      `drop view events`,
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
      ...NEW_TABLES.map((table) => `drop table ${table}`),
      `drop sequence verdicts_ids`,
      `drop index held_events_batch`,
      `drop index raw_events_released`,
      `alter table raw_events drop column verdict_id`,
      `alter table held_events drop column verdict_id`,
    ],
  },
}

/** Changes to sealed tables pass through the journal's door or not at all; as in the first migration. */
function guarded(table: string, acts: readonly string[]): string[] {
  return acts.map(
    (act) => `create trigger ${table}_no_${act} before ${act} on ${table}
                when (select is_open from audit_door) = 0
                begin select raise(abort, 'NACRE: ${table} is sealed; changes go through the journal'); end`,
  )
}

function guardedPostgres(table: string, acts: string): string[] {
  return [
    `create trigger ${table}_sealed before ${acts} on ${table}
       for each row execute function nacre_refuse()`,
    `create trigger ${table}_stays before truncate on ${table}
       for each statement execute function nacre_refuse()`,
  ]
}
